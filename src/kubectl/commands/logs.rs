//! `logs`: what containers have printed, as far as their commands are understood.

use super::containers::{container_of, current, key_of, names, pods_of, state_of};
use super::get::select;
use crate::api::{Key, MetaExt, Pod, Status, typed};
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Output, Verb, Wait};

const FLAGS: &[Flag] = &[
    value("container", "the container").short('c'),
    switch("all-containers", "every container of the pod"),
    switch("all-pods", "every pod of the workload"),
    switch("follow", "go on until the container ends").short('f'),
    switch("previous", "the run before the current one").short('p'),
    value("tail", "only so many lines"),
    value("since", "only what is newer than this"),
    value("since-time", "only what is newer than this instant"),
    switch("timestamps", "say when each line was printed"),
    switch("prefix", "say which container printed each line"),
    value("selector", "the pods with these labels").short('l'),
    value("limit-bytes", "only so many bytes"),
    switch("ignore-errors", "has no effect here"),
    value("max-log-requests", "has no effect here"),
    value("pod-running-timeout", "has no effect here"),
    switch("insecure-skip-tls-verify-backend", "has no effect here"),
];

/// See the module.
pub const LOGS: Verb =
    Verb { path: "logs", help: "Print the logs for a container in a pod", flags: FLAGS, run };
/// How lines are chosen and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Form {
    timestamps: bool,
    prefix: bool,
    since: SimTime,
    tail: Option<usize>,
    bytes: Option<usize>,
}

/// A log that is followed: of one container, from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    pod: Key,
    uid: String,
    container: String,
    form: Form,
    restarts: i64,
    shown: usize,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let now = call.client.now();
    let tail = call.args.number("tail")?;
    let since = since(call)?;
    let by_selector = call.args.has("selector");
    let inline = call.args.words.len() == 2 && call.args.has("container");
    let form = Form {
        timestamps: call.args.on("timestamps"),
        prefix: call.args.on("prefix") || call.args.on("all-pods"),
        since: since.unwrap_or(SimTime(0)).min(now),
        // Of many pods, each tells its last ten lines.
        tail: tail.or(by_selector.then_some(10)).and_then(|lines| usize::try_from(lines).ok()),
        bytes: call.args.number("limit-bytes")?.and_then(|bytes| usize::try_from(bytes).ok()),
    };
    let mut pods = pods(call)?;
    if let Some(why) = contradiction(call, inline, tail) {
        return Err(Failure::message(why));
    }
    if !by_selector && !call.args.on("all-pods") && pods.len() > 1 {
        call.warn(format!("Found {} pods, using pod/{}", pods.len(), pods[0].name()));
        pods.truncate(1);
    }
    let follow = call.args.on("follow");
    if follow && (pods.len() > 1 || call.args.on("all-containers")) {
        return Err(Failure::message("kubeviz follows the log of one container at a time"));
    }
    for pod in pods {
        let containers = match call.args.on("all-containers") {
            true => names(&pod).into_iter().map(String::from).collect(),
            false => vec![container_of(call, &pod)?],
        };
        for container in containers {
            let previous = call.args.on("previous");
            call.client.may_with("get", &key_of(&pod), "log")?;
            let lines = lines(call.client, &pod, &container, previous)?;
            let text = shown(&lines, &pod, &container, &form);
            call.output.stdout.push_str(&text);
            if follow && !previous {
                let restarts = state_of(&pod, &container).int("restartCount");
                let (key, uid) = (key_of(&pod), pod.uid().to_string());
                let form = Form { tail: None, ..form.clone() };
                let following = Following { pod: key, uid, container, form, restarts, shown: lines.len() };
                let output = poll(following, call.client);
                call.output.stdout.push_str(&output.stdout);
                call.output.wait = output.wait;
            }
        }
    }
    Ok(())
}

/// The moment from which on lines are shown, if one is given.
fn since(call: &Call<'_, '_>) -> Result<Option<SimTime>, Failure> {
    if let Some(text) = call.args.value("since") {
        let span = SimDuration::parse(text.trim_start_matches('-')).ok_or_else(|| {
            Failure::usage(format!(
                "invalid argument {text:?} for \"--since\" flag: time: invalid duration {text:?}"
            ))
        })?;
        return Ok(Some(SimTime(call.client.now().0.saturating_sub(span.0))));
    }
    let Some(text) = call.args.value("since-time").filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = serde_json::json!({"at": text}).time("at");
    time.map(Some).ok_or_else(|| {
        Failure::message(format!(
            "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
        ))
    })
}

/// What cannot stand together on a line, or has no sense.
fn contradiction(call: &Call<'_, '_>, inline: bool, tail: Option<i64>) -> Option<String> {
    let container = call.args.value("container").filter(|_| call.args.on("all-containers"));
    match () {
        () if call.args.has("since") && call.args.has("since-time") => {
            Some("at most one of `sinceTime` or `sinceSeconds` may be specified".into())
        }
        () if container.is_some() => Some(format!(
            "--all-containers=true should not be specified with container name {}",
            container.unwrap_or_default()
        )),
        () if inline => Some("only one of -c or an inline [CONTAINER] arg is allowed".into()),
        () if call.args.value("limit-bytes").is_some_and(|bytes| bytes.starts_with('-')) => {
            Some("--limit-bytes must be greater than 0".into())
        }
        () if call.args.value("since").is_some_and(|since| since.starts_with('-')) => {
            Some("--since must be greater than 0".into())
        }
        () if tail.is_some_and(|lines| lines < -1) => {
            Some("--tail must be greater than or equal to -1".into())
        }
        () => None,
    }
}

fn pods(call: &mut Call<'_, '_>) -> Result<Vec<Pod>, Failure> {
    if call.args.has("selector") {
        if !call.args.words.is_empty() {
            return Err(Failure::misuse("only a selector (-l) or a POD name is allowed"));
        }
        call.args.words.push("pods".into());
        let (objects, failures) = select(call)?;
        Failure::collect(failures)?;
        let pods: Vec<Pod> = objects.iter().filter_map(|object| object.as_kind::<Pod>().cloned()).collect();
        if pods.is_empty() {
            let namespace = call.namespace.clone();
            call.warn(format!("No resources found in {namespace} namespace."));
        }
        return Ok(pods);
    }
    let word = match call.args.words.as_slice() {
        [word] => word.clone(),
        [kind, name] if crate::api::Kind::from_resource_word(kind).is_some() => format!("{kind}/{name}"),
        [word, container] => {
            let (word, container) = (word.clone(), container.clone());
            call.args.set_value("container", container);
            word
        }
        _ => {
            return Err(Failure::message(
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs \
                 command\nSee 'kubectl logs -h' for help and examples",
            ));
        }
    };
    pods_of(call, &word, "get the logs from").map_err(|failure| match failure {
        Failure::Server { status, .. } if status.code == 404 => Failure::message(format!(
            "error from server (NotFound): {} in namespace {:?}",
            status.message, call.namespace
        )),
        other => other,
    })
}

/// All that a container has printed.
///
/// # Errors
/// Where there is no log yet, in the words of the API server.
pub fn whole(client: &Client<'_>, pod: &Pod, container: &str) -> Result<String, Failure> {
    let lines = lines(client, pod, container, false)?;
    Ok(lines.into_iter().map(|(_, line)| format!("{line}\n")).collect())
}

/// What a container has printed; an error where there is no log yet, in the words of the API server.
fn lines(
    client: &Client<'_>,
    pod: &Pod,
    container: &str,
    previous: bool,
) -> Result<Vec<(SimTime, String)>, Failure> {
    let bad = |why: String| Err(Failure::from(Status::bad_request(why)));
    if pod.spec.node_name.is_none() {
        return bad(format!("pod {} does not have a host assigned", pod.name()));
    }
    let status = state_of(pod, container);
    let name = pod.name();
    if previous && !status.has("lastState.terminated") {
        return bad(format!("previous terminated container {container:?} in pod {name:?} not found"));
    }
    let has_run =
        ["state.running", "state.terminated", "lastState.terminated"].iter().any(|path| status.has(path));
    if !has_run {
        return bad(match status.text("state.waiting.reason") {
            "ErrImagePull" | "ImagePullBackOff" => {
                format!(
                    "container {container:?} in pod {name:?} is waiting to start: trying and failing to pull image"
                )
            }
            "" => format!("container {container:?} in pod {name:?} is not available"),
            reason => format!("container {container:?} in pod {name:?} is waiting to start: {reason}"),
        });
    }
    // Between two runs, the log is still that of the last.
    let waiting = status.has("state.waiting");
    Ok(client.streams().map(|streams| streams.log(pod, container, previous || waiting)).unwrap_or_default())
}

fn shown(lines: &[(SimTime, String)], pod: &Pod, container: &str, form: &Form) -> String {
    let newer: Vec<&(SimTime, String)> = lines.iter().filter(|(at, _)| *at >= form.since).collect();
    let from = form.tail.map_or(0, |tail| newer.len().saturating_sub(tail));
    let mut text = String::new();
    for (at, line) in &newer[from..] {
        if form.prefix {
            text.push_str(&format!("[pod/{}/{container}] ", pod.name()));
        }
        if form.timestamps {
            text.push_str(typed::write(&at.to_micro_time()).as_str().unwrap_or_default());
            text.push(' ');
        }
        text.push_str(line);
        text.push('\n');
    }
    if let Some(bytes) = form.bytes {
        let cut = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
    }
    text
}

/// Shows what has been printed since the last look, until the container has ended.
pub fn poll(mut following: Following, client: &Client<'_>) -> Output {
    let mut output = Output::default();
    let Some(pod) = current(&following.pod, &following.uid, client.live()) else { return output };
    let status = state_of(&pod, &following.container);
    if status.int("restartCount") != following.restarts {
        return output;
    }
    let lines = lines(client, &pod, &following.container, false).unwrap_or_default();
    let new = lines.get(following.shown..).unwrap_or_default();
    output.stdout = shown(new, &pod, &following.container, &following.form);
    following.shown = lines.len();
    let over = status.has("state.terminated");
    output.wait = (!over).then(|| Wait::Logs(Box::new(following)));
    output
}
