//! `run`: one pod from an image.

use serde_json::{Map, Value, json};

use super::apply::SAVE_CONFIG;
use super::create::{make, number_of_port};
use super::exec::wait_for;
use super::overrides::{OVERRIDE_TYPE, OVERRIDES, overridden};
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE};
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
    switch("privileged", "has no effect here"),
    switch("leave-stdin-open", "has no effect here"),
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

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if !call.args.has("image") {
        return Err(Failure::message("required flag(s) \"image\" not set"));
    }
    let (stdin, remove) = (call.args.on("stdin"), call.args.on("rm"));
    if remove && !stdin && !call.args.on("attach") {
        return Err(Failure::misuse("--rm should only be used for attached containers"));
    }
    if call.args.on("tty") && !stdin {
        return Err(Failure::misuse("-i/--stdin is required for containers with -t/--tty=true"));
    }
    let Some(name) = call.args.words.first().cloned() else {
        return Err(Failure::misuse("NAME is required for run"));
    };
    let image = call.args.value("image").unwrap_or_default();
    if image.is_empty() {
        return Err(Failure::message("--image is required"));
    }
    if image.contains(char::is_whitespace) {
        return Err(Failure::message(format!("Invalid image name {image:?}: invalid reference format")));
    }
    let restart = call.args.value("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(Failure::misuse(format!("invalid restart policy: {restart}")));
    }
    let labels = match call.args.value("labels") {
        Some(labels) => pairs(labels.split(','))?,
        None => pairs([format!("run={name}").as_str()])?,
    };
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if let Some(port) = number_of_port(call)? {
        container["ports"] = json!([{"containerPort": port}]);
    }
    let odd = call.args.values("env").iter().find(|text| !text.contains('=') || text.starts_with('='));
    if let Some(text) = odd {
        return Err(Failure::message(format!("invalid env: {text}")));
    }
    let variables = pairs(call.args.values("env").iter().map(String::as_str))?;
    if !variables.is_empty() {
        let variables = variables.into_iter().map(|(name, value)| json!({"name": name, "value": value}));
        container["env"] = variables.collect();
    }
    // Words after the name count as arguments even without the two dashes.
    let words: Vec<String> = call.args.words.iter().skip(1).chain(&call.args.command).cloned().collect();
    if !words.is_empty() {
        container[if call.args.on("command") { "command" } else { "args" }] = json!(words);
    }
    let mut metadata = json!({"name": name, "namespace": call.namespace, "labels": labels});
    let annotations = pairs(call.args.values("annotations").iter().map(String::as_str))?;
    if !annotations.is_empty() {
        metadata["annotations"] = Value::Object(annotations);
    }
    if stdin {
        container["stdin"] = true.into();
        container["stdinOnce"] = true.into();
        if call.args.on("tty") {
            container["tty"] = true.into();
        }
    }
    let spec = json!({"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart});
    let value = json!({"metadata": metadata, "spec": spec, "status": {}});
    let value = overridden(call, Kind::POD, value)?;
    if DryRun::of(call)? != DryRun::No || !(stdin || call.args.on("attach")) {
        make(call, Kind::POD, value, "created", "")?;
        return match call.args.on("expose") {
            true => expose(call, &name),
            false => Ok(()),
        };
    }
    let printed = call.output.stdout.len();
    make(call, Kind::POD, value, "created", "")?;
    // Whoever attaches is not told of the pod first.
    call.output.stdout.truncate(printed);
    let stored = call.client.get(&call.key(Kind::POD, &name))?;
    if let Some(pod) = stored.as_kind::<Pod>() {
        call.output.wait = Some(wait_for(pod, stdin && words.is_empty(), remove));
    }
    Ok(())
}

/// A Service in front of the pod.
fn expose(call: &mut Call<'_, '_>, name: &str) -> Result<(), Failure> {
    let Some(port) = number_of_port(call)? else {
        return Err(Failure::message("--port must be set when exposing a service"));
    };
    let metadata = json!({"name": name, "namespace": call.namespace});
    let spec =
        json!({"selector": {"run": name}, "ports": [{"port": port, "protocol": "TCP", "targetPort": port}]});
    make(call, Kind::SERVICE, json!({"metadata": metadata, "spec": spec}), "created", "")
}

fn pairs<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Map<String, Value>, Failure> {
    let mut pairs = Map::new();
    for text in texts {
        let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Failure::message(format!("unexpected label, annotation or variable: {text:?} (want KEY=VALUE)"))
        })?;
        pairs.insert(key.to_string(), Value::String(value.to_string()));
    }
    Ok(pairs)
}
