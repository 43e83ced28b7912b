//! `run`: one pod from an image.

use serde_json::{Map, Value, json};

use super::create::{make, number_of_port};
use crate::api::Kind;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, optional, switch, value};
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
    optional("dry-run", "unchanged", "client, server or none"),
    value("output", "yaml, json or name").short('o'),
];

/// See the module.
pub const RUN: Verb = Verb { path: "run", help: "Run an image in a pod", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    for attached in ["stdin", "tty", "rm"] {
        if call.args.on(attached) {
            return Err(Failure::message(format!("kubeviz does not offer \"kubectl run --{attached}\" yet")));
        }
    }
    let Some(name) = call.args.words.first().cloned() else {
        return Err(Failure::message("NAME is required for run"));
    };
    let image = call.args.value("image").ok_or_else(|| Failure::message("--image is required"))?;
    if image.is_empty() || image.contains(char::is_whitespace) {
        return Err(Failure::message(format!("Invalid image name {image:?}: invalid reference format")));
    }
    let restart = call.args.value("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(Failure::message(format!("invalid restart policy: {restart}")));
    }
    let labels = match call.args.value("labels") {
        Some(labels) => pairs(labels.split(','))?,
        None => pairs([format!("run={name}").as_str()])?,
    };
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if let Some(port) = number_of_port(call)? {
        container["ports"] = json!([{"containerPort": port}]);
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
    let spec = json!({"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart});
    make(call, Kind::POD, json!({"metadata": metadata, "spec": spec}), "created", "")
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
