//! `run`: one pod from an image.

use serde_json::{Map, Value, json};

use super::apply::SAVE_CONFIG;
use super::create::{config::is_variable, make, network::port_number};
use super::exec::{Then, is_shell, wait_for};
use super::overrides::{OVERRIDE_TYPE, OVERRIDES, overridden};
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE};
use crate::api::regexp::Regexp;
use crate::api::{Kind, Pod};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("image", "the image of its container"),
    value("port", "the port that its container serves"),
    value("env", "a variable of its container, NAME=VALUE"),
    value("labels", "its labels, KEY=VALUE with commas between").short('l'),
    value("annotations", "an annotation, KEY=VALUE"),
    value("restart", "Always, OnFailure or Never"),
    switch("command", "what follows -- is the command, not its arguments"),
    switch("stdin", "attach to its input").short('i'),
    switch("tty", "attach a terminal").short('t'),
    switch("rm", "delete it once nobody is attached any more"),
    switch("attach", "show what it prints, until it ends"),
    switch("expose", "put a Service in front of it"),
    switch("quiet", "say less").short('q'),
    switch("privileged", "run its container as privileged"),
    switch("leave-stdin-open", "do not close its input after the first attach"),
    value("image-pull-policy", "when to pull the image"),
    OVERRIDES,
    OVERRIDE_TYPE,
    value("pod-running-timeout", "has no effect here"),
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
    SAVE_CONFIG,
];

/// See the module.
pub const RUN: Verb = Verb { path: "run", help: "Run an image in a pod", flags: FLAGS, run };

/// What a command asks for, checked.
struct Asked {
    name: String,
    labels: Map<String, Value>,
    attach: bool,
    port: Option<u16>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked = check(call)?;
    let dry = DryRun::of(call)?;
    if asked.attach && dry != DryRun::No {
        return Err(Failure::misuse(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        ));
    }
    if dry == DryRun::Client {
        // What is only shown bears no note of itself.
        call.args.take("save-config");
    }
    let words = command_of(call);
    let value = overridden(call, Kind::POD, pod(call, &asked, &words)?)?;
    let said = std::mem::take(&mut call.output.stdout);
    make(call, Kind::POD, value, "created", "")?;
    // The Service is made after the pod, and told of before it.
    let of_pod = std::mem::replace(&mut call.output.stdout, said);
    let exposed = if call.args.on("expose") { expose(call, &asked) } else { Ok(()) };
    if asked.attach {
        let stored = call.client.get(&call.key(Kind::POD, &asked.name))?;
        let then =
            Then { remove: call.args.on("rm"), quiet: call.args.on("quiet"), resume: call.args.on("tty") };
        if let Some(pod) = stored.as_kind::<Pod>() {
            let lines_follow = call.args.on("stdin") && (words.is_empty() || is_shell(&words));
            call.output.wait = Some(wait_for(pod, lines_follow, then));
        }
        return exposed;
    }
    if !call.output.stdout.is_empty() && call.args.value("output") == Some("yaml") {
        call.say("---");
    }
    call.output.stdout.push_str(&of_pod);
    exposed
}

/// Refuses what cannot be run, in kubectl's order.
fn check(call: &Call<'_, '_>) -> Result<Asked, Failure> {
    let on = |flag: &str| call.args.on(flag);
    let text = |flag: &str| call.args.value(flag).unwrap_or_default();
    if !call.args.has("image") {
        return Err(Failure::message("required flag(s) \"image\" not set"));
    }
    let name = call.args.words.first().cloned().ok_or_else(|| Failure::misuse("NAME is required for run"))?;
    let image = text("image");
    if image.is_empty() {
        return Err(Failure::message("--image is required"));
    }
    if !is_reference(image) {
        return Err(Failure::message(format!("Invalid image name {image:?}: invalid reference format")));
    }
    if on("tty") && !on("stdin") {
        return Err(Failure::misuse("-i/--stdin is required for containers with -t/--tty=true"));
    }
    if on("expose") && text("port").is_empty() {
        return Err(Failure::misuse("--port must be set when exposing a service"));
    }
    if !["", "Always", "OnFailure", "Never"].contains(&text("restart")) {
        return Err(Failure::misuse(format!("invalid restart policy: {}", text("restart"))));
    }
    let attach = call.args.switch("attach", on("stdin"));
    if on("rm") && !attach {
        return Err(Failure::misuse("--rm should only be used for attached containers"));
    }
    if !["", "Always", "IfNotPresent", "Never"].contains(&text("image-pull-policy")) {
        return Err(Failure::misuse(format!("invalid image pull policy: {}", text("image-pull-policy"))));
    }
    let labels = labels(Some(text("labels")).filter(|text| !text.is_empty()), &name)?;
    let port = Some(text("port")).filter(|text| !text.is_empty()).map(port_number).transpose()?;
    Ok(Asked { name, labels, attach, port })
}

/// Whether a text can be the name of an image.
pub fn is_reference(image: &str) -> bool {
    Regexp::new(&reference()).is_ok_and(|pattern| pattern.is_match(image))
}

/// How an image may be called (`reference.ReferenceRegexp`).
fn reference() -> String {
    let host = "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?";
    let component = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*";
    let name = format!("({host}(\\.{host})*(:[0-9]+)?/)?{component}(/{component})*");
    let tag = "[a-zA-Z0-9_][a-zA-Z0-9_.-]*";
    let digest = "[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]+";
    format!("^{name}(:{tag})?(@{digest})?$")
}

/// Words after the name count as arguments even without the two dashes.
fn command_of(call: &Call<'_, '_>) -> Vec<String> {
    call.args.words.iter().skip(1).chain(&call.args.command).cloned().collect()
}

fn pod(call: &Call<'_, '_>, asked: &Asked, words: &[String]) -> Result<Value, Failure> {
    let Asked { name, labels, port, .. } = asked;
    let mut container = json!({"name": name, "image": call.args.value("image"), "resources": {}});
    if let Some(port) = port {
        container["ports"] = json!([{"containerPort": port}]);
    }
    let variables = call.args.values("env").iter().map(|text| variable(text));
    let variables = variables.collect::<Result<Vec<Value>, Failure>>()?;
    if !variables.is_empty() {
        container["env"] = Value::Array(variables);
    }
    if !words.is_empty() {
        container[if call.args.on("command") { "command" } else { "args" }] = json!(words);
    }
    if let Some(policy) = call.args.value("image-pull-policy").filter(|policy| !policy.is_empty()) {
        container["imagePullPolicy"] = policy.into();
    }
    if call.args.on("privileged") {
        container["securityContext"] = json!({"privileged": true});
    }
    if call.args.on("stdin") {
        container["stdin"] = true.into();
        if !call.args.on("leave-stdin-open") {
            container["stdinOnce"] = true.into();
        }
        if call.args.on("tty") {
            container["tty"] = true.into();
        }
    }
    let mut metadata = json!({"name": name, "namespace": call.namespace, "labels": labels});
    for text in call.args.values("annotations") {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) =
            pair.ok_or_else(|| Failure::message(format!("invalid annotations format: {text}")))?;
        metadata["annotations"][key] = value.into();
    }
    let restart = call.args.value("restart").filter(|policy| !policy.is_empty()).unwrap_or("Always");
    let spec = json!({"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart});
    Ok(json!({"metadata": metadata, "spec": spec, "status": {}}))
}

/// A Service in front of the pod.
fn expose(call: &mut Call<'_, '_>, asked: &Asked) -> Result<(), Failure> {
    let Asked { name, labels, port, .. } = asked;
    let mut metadata = json!({"name": name, "namespace": call.namespace});
    if call.args.value("labels").is_some_and(|text| !text.is_empty()) {
        metadata["labels"] = labels.clone().into();
    }
    let spec = json!({"selector": labels, "ports": [{"port": port, "protocol": "TCP", "targetPort": port}]});
    let value = json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    make(call, Kind::SERVICE, value, "created", "")
}

/// `--labels`, or the one label that a pod gets without (`generate.ParseLabels`).
fn labels(text: Option<&str>, name: &str) -> Result<Map<String, Value>, Failure> {
    let Some(text) = text else { return Ok(Map::from_iter([("run".to_string(), name.into())])) };
    let mut labels = Map::new();
    for spec in text.split(',') {
        match spec.split('=').collect::<Vec<_>>().as_slice() {
            ["", _] => return Err(Failure::message("unexpected empty label key")),
            [key, value] => drop(labels.insert((*key).to_string(), (*value).into())),
            _ => return Err(Failure::message(format!("unexpected label spec: {spec}"))),
        }
    }
    Ok(labels)
}

/// `NAME=VALUE` as a variable of a container.
fn variable(text: &str) -> Result<Value, Failure> {
    let pair = text.split_once('=').filter(|(name, _)| is_variable(name));
    let (name, value) = pair.ok_or_else(|| Failure::message(format!("invalid env: {text}")))?;
    let mut variable = json!({"name": name});
    if !value.is_empty() {
        variable["value"] = value.into();
    }
    Ok(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_called_as_their_grammar_has_it() {
        for image in
            ["nginx", "nginx:1.27", "ghcr.io/a/b_c:v1", "localhost:5000/a", "a@sha256:00ff", "Host/a"]
        {
            assert!(is_reference(image), "{image}");
        }
        for image in ["Nginx", "a b", "nginx:", "a//b", "-a", "nginx:1 2", ""] {
            assert!(!is_reference(image), "{image}");
        }
    }

    #[test]
    fn labels_are_pairs() {
        let read = |text: &str| labels(Some(text), "web").map_err(|failure| failure.text());
        assert_eq!(labels(None, "web").unwrap()["run"], "web");
        assert_eq!(read("a=b,c=").unwrap().len(), 2);
        assert_eq!(read("a=b=c"), Err("unexpected label spec: a=b=c".into()));
        assert_eq!(read("=b"), Err("unexpected empty label key".into()));
        assert_eq!(read("a"), Err("unexpected label spec: a".into()));
    }
}
