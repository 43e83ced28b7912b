//! `exec` and `attach`: commands in running containers. A shell without a command takes the console's lines until `exit`.

use super::containers::{container_of, current, key_of, names, pod_of, state_of};
use crate::api::{Key, MetaExt, Pod, Status};
use crate::client::{Client, DeleteOptions, Propagation};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Output, Verb, Wait};

const FLAGS: &[Flag] = &[
    value("container", "the container").short('c'),
    switch("stdin", "pass input on").short('i'),
    switch("tty", "as a terminal").short('t'),
    switch("quiet", "say less").short('q'),
    value("filename", "has no effect here").short('f'),
    value("pod-running-timeout", "has no effect here"),
];

/// See the module.
pub const EXEC: Verb =
    Verb { path: "exec", help: "Execute a command in a container", flags: FLAGS, run: exec };
/// See the module.
pub const ATTACH: Verb =
    Verb { path: "attach", help: "Attach to a running container", flags: FLAGS, run: attach };

const SHELLS: [&str; 4] = ["sh", "bash", "ash", "dash"];

/// Whether a command is a shell that reads lines.
pub fn is_shell(command: &[String]) -> bool {
    matches!(command, [program] if SHELLS.contains(&program.rsplit('/').next().unwrap_or(program)))
}

/// A container whose shell takes the console's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pod: Key,
    uid: String,
    container: String,
    then: Then,
}

/// What is said and done when a shell is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Then {
    /// Whether the pod goes.
    pub remove: bool,
    /// Whether less is said.
    pub quiet: bool,
    /// Whether it was the container's own process, on a terminal, that one can come back to.
    pub resume: bool,
}

/// A pod that `run -i` has made and waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attaching {
    to: Attached,
    /// Whether lines follow; otherwise what the container prints is shown until it ends.
    interactive: bool,
    shown: usize,
}

fn exec(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let Some(word) = call.args.words.first().cloned() else {
        return Err(Failure::message("pod, type/name or --filename must be specified"));
    };
    if call.args.words.len() > 1 {
        return Err(Failure::message(
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for help and \
             examples",
        ));
    }
    let command = call.args.command.clone();
    if command.is_empty() {
        return Err(Failure::message("you must specify at least one command for the container"));
    }
    let pod = pod_of(call, &word)?;
    // The server is asked for a container that is named, and refuses it.
    let named = call.args.value("container").filter(|name| !names(&pod).contains(name));
    if let Some(name) = named {
        let why = format!("container {name} is not valid for pod {}", pod.name());
        return Err(Failure::from(Status::bad_request(why)));
    }
    let container = container_of(call, &pod)?;
    call.client.may_with("create", &key_of(&pod), "exec")?;
    check(&pod, &container)?;
    let begins = [command[0].as_str(), "-c", ":"].map(String::from);
    if is_shell(&command) && call.client.exec(&pod, &container, (&begins, false)).is_some() {
        if call.args.on("stdin") {
            let uid = pod.uid().to_string();
            call.output.attach = Some(Attached { pod: key_of(&pod), uid, container, then: Then::default() });
        }
        return Ok(());
    }
    let output = run(call.client, &pod, &container, &command, call.args.on("tty"));
    call.output.stdout.push_str(&output.stdout);
    call.output.stderr.push_str(&output.stderr);
    call.output.code = output.code;
    Ok(())
}

fn attach(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let Some(word) = call.args.words.first().cloned() else {
        return Err(Failure::misuse("at least 1 argument is required for attach"));
    };
    let pod = pod_of(call, &word)?;
    let phase = pod.status.phase.as_deref().unwrap_or_default();
    if ["Succeeded", "Failed"].contains(&phase) {
        return Err(Failure::message(format!(
            "cannot attach a container in a completed pod; current phase is {phase}"
        )));
    }
    if let Some(name) = call.args.value("container").filter(|name| !names(&pod).contains(name)) {
        return Err(Failure::message(format!("container {name} not found in pod {}", pod.name())));
    }
    let container = container_of(call, &pod)?;
    call.client.may_with("create", &key_of(&pod), "attach")?;
    check(&pod, &container)?;
    call.warn("If you don't see a command prompt, try pressing enter.");
    let then = Then { quiet: call.args.on("quiet"), resume: call.args.on("tty"), ..Then::default() };
    let to = Attached { pod: key_of(&pod), uid: pod.uid().to_string(), container, then };
    if call.args.on("stdin") {
        call.output.attach = Some(to);
    } else {
        call.output.wait = Some(Wait::Attach(Box::new(Attaching { to, interactive: false, shown: 0 })));
    }
    Ok(())
}

/// Whether commands can run in a container.
pub fn check(pod: &Pod, container: &str) -> Result<(), Failure> {
    let phase = pod.status.phase.as_deref().unwrap_or_default();
    if ["Succeeded", "Failed"].contains(&phase) {
        return Err(Failure::message(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    if pod.spec.node_name.is_none() {
        let why = format!("pod {} does not have a host assigned", pod.name());
        return Err(Failure::from(Status::bad_request(why)));
    }
    if !state_of(pod, container).has("state.running") {
        return Err(Failure::message(format!(
            "Internal error occurred: unable to upgrade connection: container not found (\"{container}\")"
        )));
    }
    Ok(())
}

/// Runs a command, and says what became of it as `kubectl exec` does.
fn run(client: &mut Client<'_>, pod: &Pod, container: &str, command: &[String], tty: bool) -> Output {
    let answer = client.exec(pod, container, (command, tty));
    let Some(answer) = answer else {
        let program = &command[0];
        let stderr = format!(
            "error: Internal error occurred: OCI runtime exec failed: exec failed: unable to start container process: exec: \
             {program:?}: executable file not found in $PATH: unknown (kubeviz runs only a small shell in containers)\n"
        );
        return Output { stderr, code: 1, ..Default::default() };
    };
    let code = answer.code.unwrap_or(0);
    let stderr = match answer.code {
        Some(0) => String::new(),
        Some(code) => format!("command terminated with exit code {code}\n"),
        None => "kubeviz: the command goes on for ever, and is left\n".into(),
    };
    Output { stdout: answer.said, stderr, code, ..Default::default() }
}

/// Begins to wait for a pod that `run -i` has made.
pub fn wait_for(pod: &Pod, interactive: bool, then: Then) -> Wait {
    let container = pod.spec.containers.first().map(|container| container.name.clone()).unwrap_or_default();
    wait_for_container(pod, container, interactive, then)
}

/// The same, for one container of it.
pub fn wait_for_container(pod: &Pod, container: String, interactive: bool, then: Then) -> Wait {
    let to = Attached { pod: key_of(pod), uid: pod.uid().to_string(), container, then };
    Wait::Attach(Box::new(Attaching { to, interactive, shown: 0 }))
}

/// The shell that a wait leads to, if lines follow.
pub fn shell_of(wait: &Wait) -> Option<Attached> {
    match wait {
        Wait::Attach(attaching) if attaching.interactive => Some(attaching.to.clone()),
        _ => None,
    }
}

/// Looks whether a pod runs, and shows what it prints.
pub fn poll(mut attaching: Attaching, client: &mut Client<'_>) -> Output {
    let mut output = Output::default();
    let to = attaching.to.clone();
    let Some(pod) = current(&to.pod, &to.uid, client.live()) else {
        output.stderr = format!("Error from server (NotFound): pods \"{}\" not found\n", to.pod.name);
        output.code = 1;
        return output;
    };
    let status = state_of(&pod, &to.container);
    if attaching.interactive && status.has("state.running") {
        if !to.then.quiet {
            output.stderr = "If you don't see a command prompt, try pressing enter.\n".into();
        }
        return output;
    }
    let ended =
        status.has("state.terminated") || matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    if status.has("state.running") || ended {
        let lines =
            client.streams().map(|streams| streams.log(&pod, &to.container, false)).unwrap_or_default();
        for (_, line) in lines.get(attaching.shown..).unwrap_or_default() {
            output.stdout.push_str(&format!("{line}\n"));
        }
        attaching.shown = lines.len();
    }
    if !ended {
        output.wait = Some(Wait::Attach(Box::new(attaching)));
        return output;
    }
    let code = status.int("state.terminated.exitCode");
    if code != 0 {
        let (namespace, name) = (&to.pod.namespace, &to.pod.name);
        let reason = status.text_or("state.terminated.reason", "Error");
        output.stderr.push_str(&format!("pod {namespace}/{name} terminated ({reason})\n"));
        output.code = i32::try_from(code).unwrap_or(1);
    }
    output.stdout.push_str(&leave(&to, client));
    output
}

/// Removes the pod if it is to go; what is said of that.
fn leave(attached: &Attached, client: &mut Client<'_>) -> String {
    if !attached.then.remove {
        return String::new();
    }
    let options = DeleteOptions { propagation: Propagation::Background, ..Default::default() };
    match client.delete(&attached.pod, &options, None) {
        Ok(_) if attached.then.quiet => String::new(),
        Ok(_) => format!("pod \"{}\" deleted from {} namespace\n", attached.pod.name, attached.pod.namespace),
        Err(_) => String::new(),
    }
}

/// What is said of a container whose process runs on, or runs again (`AttachOptions.reattachMessage`).
fn resume_message(attached: &Attached, pod: &Pod) -> String {
    let Then { quiet, resume, .. } = attached.then;
    if quiet || !resume || pod.spec.restart_policy.as_deref().is_some_and(|policy| policy != "Always") {
        return String::new();
    }
    let command = format!("kubectl attach {} -c {} -i -t", attached.pod.name, attached.container);
    let container = attached.container.as_str();
    if pod.spec.ephemeral_containers.iter().flatten().any(|ephemeral| ephemeral.name == container) {
        return format!(
            "Session ended, the ephemeral container will not be restarted but may be reattached using '{command}' if it is still \
             running\n"
        );
    }
    format!("Session ended, resume using '{command}' command when the pod is running\n")
}

/// A line of the console, while it belongs to a shell in a container. The second answer: whether the shell was left.
pub fn shell_line(attached: &Attached, line: &str, client: &mut Client<'_>) -> (Output, bool) {
    let Some(pod) = current(&attached.pod, &attached.uid, client.live()) else {
        let stderr = "command terminated: the pod is gone\n".into();
        return (Output { stderr, code: 137, ..Default::default() }, true);
    };
    let line = line.trim();
    if line == "exit" || line.starts_with("exit ") || line == "logout" {
        let mut stdout = resume_message(attached, &pod);
        stdout.push_str(&leave(attached, client));
        return (Output { stdout, ..Output::default() }, true);
    }
    if line.is_empty() {
        return (Output::default(), false);
    }
    let command = ["sh", "-c", line].map(String::from);
    let mut output = run(client, &pod, &attached.container, &command, true);
    if output.code == 1 && output.stderr.starts_with("error: Internal") {
        let program = line.split_whitespace().next().unwrap_or_default();
        output.stderr = format!("sh: {program}: not found (kubeviz runs only a small shell in containers)\n");
        output.code = 127;
    } else {
        output.stderr.clear();
    }
    (output, false)
}
