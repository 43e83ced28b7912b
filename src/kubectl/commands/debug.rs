//! `debug --copy-to`: a copy of a pod to look into. Ephemeral containers in a running pod are not modelled.

use serde_json::{Value, json};

use super::containers::pod_of;
use super::exec::wait_for;
use crate::api::{Kind, MetaExt, Object, Pod};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("image", "the image of the container to debug with"),
    value("container", "its name").short('c'),
    value("target", "the container whose processes it shall see"),
    value("copy-to", "the name of a copy to look into"),
    value("set-image", "other images for the copy, NAME=IMAGE"),
    switch("replace", "delete the pod that is copied"),
    switch("same-node", "the copy on the same node"),
    switch("share-processes", "let the containers of the copy see each other"),
    switch("stdin", "attach to its input").short('i'),
    switch("tty", "as a terminal").short('t'),
    switch("attach", "attach to it"),
    switch("quiet", "say less").short('q'),
    value("profile", "has no effect here"),
    value("env", "a variable of the container, NAME=VALUE"),
    value("image-pull-policy", "when to pull the image"),
    switch("arguments-only", "what follows -- are arguments"),
];

/// See the module.
pub const DEBUG: Verb = Verb {
    path: "debug",
    help: "Create debugging sessions for troubleshooting workloads and nodes",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let [word] = call.args.words.as_slice() else {
        return Err(Failure::message("NAME is required for debug"));
    };
    let word = word.clone();
    if word.starts_with("node/") || word.starts_with("nodes/") {
        return Err(Failure::message(
            "kubeviz does not offer \"kubectl debug node/…\": nodes have no file system to look into",
        ));
    }
    let has_copy = call.args.has("copy-to");
    let enough =
        call.args.has("image") || (has_copy && (call.args.has("set-image") || call.args.has("container")));
    if !enough {
        return Err(Failure::message("you must specify --image, --set-image or command arguments."));
    }
    let pod = pod_of(call, &word)?;
    let Some(name) = call.args.value("copy-to").map(str::to_string) else {
        return ephemeral(call, &pod);
    };
    let copy = copy(call, &pod, &name)?;
    let object = Object::from_value(Kind::POD, copy).map_err(|error| Failure::message(error.to_string()))?;
    let stored = call.client.create_object(object)?;
    if call.args.on("replace") {
        call.client.delete(&super::containers::key_of(&pod), &Default::default(), None)?;
    }
    if let Some(copy) = stored.as_kind::<Pod>().filter(|_| call.args.on("stdin")) {
        call.output.wait = Some(wait_for(copy, true, false));
    }
    Ok(())
}

/// Enters the container that is to be debugged itself: an ephemeral one beside it would see the same.
fn ephemeral(call: &mut Call<'_, '_>, pod: &Pod) -> Result<(), Failure> {
    if let Some(target) = call.args.value("target").map(str::to_string) {
        if !super::containers::names(pod).contains(&target.as_str()) {
            return Err(Failure::message(format!("container {target} is not valid for pod {}", pod.name())));
        }
        call.warn(format!(
            "Targeting container {target:?}. If you don't see processes from this container it may be because the container \
             runtime doesn't support this feature."
        ));
    }
    call.warn("kubeviz: ephemeral containers are not modelled; the shell is in the pod's own container");
    if call.args.on("stdin") {
        call.output.wait = Some(wait_for(pod, true, false));
    }
    Ok(())
}

fn copy(call: &Call<'_, '_>, pod: &Pod, name: &str) -> Result<Value, Failure> {
    let original = Object::from(pod.clone()).to_value();
    let mut spec = original.at("spec").clone();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("ephemeralContainers");
        if !call.args.on("same-node") {
            spec.remove("nodeName");
        }
    }
    if call.args.on("share-processes") {
        spec["shareProcessNamespace"] = true.into();
    }
    // The volume of the service account's token is given anew.
    let is_token = |value: &Value| value.text("name").starts_with("kube-api-access-");
    let empty = Vec::new();
    let volumes: Vec<Value> =
        spec["volumes"].as_array().unwrap_or(&empty).iter().filter(|v| !is_token(v)).cloned().collect();
    spec["volumes"] = volumes.into();
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        for pair in call.args.list("set-image") {
            let (of, image) = pair
                .split_once('=')
                .ok_or_else(|| Failure::message(format!("invalid image spec: {pair}")))?;
            if of == "*" || container.text("name") == of {
                container["image"] = image.into();
            }
        }
        if let Some(mounts) = container["volumeMounts"].as_array_mut() {
            mounts.retain(|mount| !is_token(mount));
        }
    }
    if let Some(image) = call.args.value("image") {
        let wanted = call.args.value("container").unwrap_or("debugger").to_string();
        let containers = spec["containers"].as_array_mut();
        let known = containers.into_iter().flatten().find(|container| container.text("name") == wanted);
        match known {
            Some(container) => {
                container["image"] = image.into();
                if !call.args.command.is_empty() {
                    container["command"] = json!(call.args.command);
                }
            }
            None => {
                let mut debugger = json!({"name": wanted, "image": image, "stdin": call.args.on("stdin"), "tty": call.args.on("tty")});
                if !call.args.command.is_empty() {
                    debugger["command"] = json!(call.args.command);
                }
                spec["containers"].as_array_mut().into_iter().for_each(|list| list.push(debugger.clone()));
            }
        }
    }
    let annotations = original.at("metadata.annotations").clone();
    let mut metadata = json!({"name": name, "namespace": pod.namespace()});
    if annotations.is_object() {
        metadata["annotations"] = annotations;
    }
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
}
