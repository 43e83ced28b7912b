//! `debug`: an ephemeral container in a running pod, a copy of a pod to look into, or a pod with a node's file system.

mod profile;

use serde_json::{Value, json};

use profile::Profile;

use super::containers::{key_of, names, pod_of};
use super::exec::{Then, is_shell, wait_for, wait_for_container};
use super::run::is_reference;
use crate::api::manifest::{self, Limits};
use crate::api::patch::strategic;
use crate::api::{Key, Kind, MetaExt, Object, Pod, typed};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};
use crate::rng::Rng;

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
    value("profile", "legacy, general, baseline, netadmin, restricted or sysadmin: what it may do"),
    value("custom", "a file with a part of the container, in which it is so"),
    value("env", "a variable of the container, NAME=VALUE"),
    value("image-pull-policy", "when to pull the image"),
    switch("arguments-only", "what follows -- are arguments"),
    switch("keep-labels", "keep the labels of the pod that is copied"),
    switch("keep-annotations", "keep its annotations"),
    switch("keep-init-containers", "keep its init containers (it does unless =false)"),
    switch("keep-liveness", "keep its liveness probes"),
    switch("keep-readiness", "keep its readiness probes"),
    switch("keep-startup", "keep its startup probes"),
];

/// Probes, and the flags that keep them in a copy.
const PROBES: [(&str, &str); 3] = [
    ("keep-liveness", "livenessProbe"),
    ("keep-readiness", "readinessProbe"),
    ("keep-startup", "startupProbe"),
];

/// See the module.
pub const DEBUG: Verb = Verb {
    path: "debug",
    help: "Create debugging sessions for troubleshooting workloads and nodes",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    Profile::named(profile_name(call))?;
    custom(call)?;
    refuse(call)?;
    let word = call.args.words[0].clone();
    let node = word
        .strip_prefix("node/")
        .or_else(|| word.strip_prefix("nodes/"))
        .or_else(|| word.strip_prefix("no/"));
    if let Some(node) = node {
        return on_node(call, node);
    }
    let pod = pod_of(call, &word)?;
    let Some(name) = call.args.value("copy-to").map(str::to_string) else {
        return ephemeral(call, &pod);
    };
    let copy = copy(call, &pod, &name)?;
    let object = Object::from_value(Kind::POD, copy).map_err(|error| Failure::message(error.to_string()))?;
    let stored = call.client.create_object(object)?;
    if call.args.on("replace") {
        call.client.delete(&key_of(&pod), &Default::default(), None)?;
    }
    if let Some(copy) = stored.as_kind::<Pod>().filter(|_| call.args.on("stdin")) {
        let container = call.args.value("container").map(str::to_string);
        let debugged = container.or_else(|| copy.spec.containers.last().map(|last| last.name.clone()));
        call.output.wait = Some(wait_for_container(copy, debugged.unwrap_or_default(), true, then(call)));
    }
    Ok(())
}

fn profile_name<'a>(call: &'a Call<'_, '_>) -> &'a str {
    call.args.value("profile").unwrap_or("legacy")
}

/// Refuses what does not go together, in kubectl's order.
fn refuse(call: &Call<'_, '_>) -> Result<(), Failure> {
    let given = |flag: &str| call.args.value(flag).is_some_and(|text| !text.is_empty());
    let on = |flag: &str| call.args.on(flag);
    let (image, container, set_image) = (given("image"), given("container"), given("set-image"));
    let has_command = !call.args.command.is_empty();
    let why = if on("attach") && !image && !container {
        "you must specify --container or create a new container using --image in order to attach."
    } else if given("copy-to") {
        match () {
            () if !image && !set_image && !has_command => {
                "you must specify --image, --set-image or command arguments."
            }
            () if has_command && !container && !image => {
                "you must specify an existing container or a new image when specifying args."
            }
            () => "",
        }
    } else {
        match () {
            () if on("replace") => "--replace may only be used with --copy-to.",
            () if on("same-node") => "--same-node may only be used with --copy-to.",
            () if set_image => "--set-image may only be used with --copy-to.",
            () if !image => "you must specify --image when not using --copy-to.",
            () => "",
        }
    };
    if !why.is_empty() {
        return Err(Failure::message(why));
    }
    let name = call.args.value("image").unwrap_or_default();
    if image && !is_reference(name) {
        return Err(Failure::message(format!("invalid image name {name:?}: invalid reference format")));
    }
    if call.args.words.is_empty() {
        return Err(Failure::message("NAME or filename is required for debug"));
    }
    let policy = call.args.value("image-pull-policy").unwrap_or_default();
    if !["", "Always", "IfNotPresent", "Never"].contains(&policy) {
        return Err(Failure::message(format!("invalid image pull policy: {policy}")));
    }
    for pair in call.args.list("set-image") {
        let (of, image) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(format!(
                "invalid argument {pair:?} for \"--set-image\" flag: {pair} must be formatted as key=value"
            ))
        })?;
        if !is_reference(image) {
            return Err(Failure::message(format!(
                "invalid image name {image:?} for container {of:?}: invalid reference format"
            )));
        }
    }
    if given("target") && given("copy-to") {
        return Err(Failure::message(
            "--target is incompatible with --copy-to. Use --share-processes instead.",
        ));
    }
    if on("tty") && !on("stdin") {
        return Err(Failure::message("-i/--stdin is required for containers with -t/--tty=true"));
    }
    Ok(())
}

/// What is said when the shell is left.
fn then(call: &Call<'_, '_>) -> Then {
    Then { quiet: call.args.on("quiet"), resume: call.args.on("tty"), ..Then::default() }
}

/// What the kinds of debugging have in common in a container: image, command, terminal, environment.
fn container(call: &mut Call<'_, '_>, name: &str) -> Result<Value, Failure> {
    let image = call.args.value("image").unwrap_or_default();
    let mut container = json!({"name": name, "image": image, "imagePullPolicy": call.args.value("image-pull-policy"),
        "stdin": call.args.on("stdin"), "tty": call.args.on("tty")});
    if !call.args.command.is_empty() {
        let field = if call.args.on("arguments-only") { "args" } else { "command" };
        container[field] = json!(call.args.command);
    }
    let pairs = call.args.values("env").iter();
    let pairs =
        pairs.map(|pair| pair.split_once('=').map(|(name, value)| json!({"name": name, "value": value})));
    let variables: Option<Vec<Value>> = pairs.collect();
    let variables =
        variables.ok_or_else(|| Failure::message("environment variables must be of the form KEY=VALUE"))?;
    if !variables.is_empty() {
        container["env"] = variables.into();
    }
    Ok(container)
}

/// The part of a container that `--custom` names, if it does.
fn custom(call: &Call<'_, '_>) -> Result<Option<Value>, Failure> {
    let Some(path) = call.args.value("custom").filter(|path| !path.is_empty()) else { return Ok(None) };
    let text = call.invocation.files.get(path).ok_or_else(|| {
        let why = format!("open {path}: no such file or directory");
        Failure::message(format!("must pass a container spec json file for custom profile: {why}"))
    })?;
    let stream = manifest::parse(text, &Limits::default());
    let part = match stream.documents.first().map(|document| document.root.to_value()) {
        Some(part) if part.is_object() && !stream.has_errors() => part,
        _ => return Err(Failure::message(format!("{path} does not contain a valid container spec"))),
    };
    if ["name", "command", "image", "lifecycle", "volumeDevices"].iter().any(|field| !part[*field].is_null())
    {
        return Err(Failure::message(
            "name, command, image, lifecycle and volume devices are not modifiable via custom profile",
        ));
    }
    Ok(Some(part))
}

/// Lays that part over a container (`applyCustomProfile`).
fn customise(call: &Call<'_, '_>, container: &mut Value) -> Result<(), Failure> {
    let Some(mut part) = custom(call)? else { return Ok(()) };
    // A strategic merge knows containers as those of a pod.
    part["name"] = container["name"].clone();
    let within = |container: &Value| json!({"spec": {"containers": [container]}});
    let merged = strategic::apply(Kind::POD, &within(container), &within(&part)).map_err(Failure::message)?;
    *container = merged["spec"]["containers"][0].clone();
    Ok(())
}

/// Adds a container to the pod (`debugByEphemeralContainer`).
fn ephemeral(call: &mut Call<'_, '_>, pod: &Pod) -> Result<(), Failure> {
    let quiet = call.args.on("quiet");
    let target = call.args.value("target").map(str::to_string);
    if let (Some(target), false) = (&target, quiet) {
        call.say(format!(
            "Targeting container {target:?}. If you don't see processes from this container it may be because the container \
             runtime doesn't support this feature."
        ));
    }
    let name = match call.args.value("container") {
        Some(name) => name.to_string(),
        None => default_name(call, pod),
    };
    let mut added = container(call, &name)?;
    Profile::named(profile_name(call))?.allow(&mut added, false);
    customise(call, &mut added)?;
    added["targetContainerName"] = json!(target);
    let added = typed::read(&added).map_err(|error| Failure::message(error.to_string()))?;
    let stored = call.client.add_ephemeral(&key_of(pod), added)?;
    if let Some(pod) = stored.as_kind::<Pod>().filter(|_| call.args.on("stdin") || call.args.on("attach")) {
        let lines_follow = call.args.command.is_empty() || is_shell(&call.args.command);
        let interactive = call.args.on("stdin") && lines_follow;
        call.output.wait = Some(wait_for_container(pod, name, interactive, then(call)));
    }
    Ok(())
}

/// Five letters: kubectl draws them, and what it draws here hangs on the pod and on all that was written before.
fn ending(call: &Call<'_, '_>, pod: &Pod) -> String {
    let seed = format!("{}/{}/{}", pod.uid(), call.client.live().revision(), names(pod).len());
    drawn(&seed)
}

fn drawn(seed: &str) -> String {
    Rng::new(crate::api::hash::fnv1a_64(seed.as_bytes()), "debug").suffix(5)
}

/// A pod on the node that sees all of it (`generateNodeDebugPod`).
fn on_node(call: &mut Call<'_, '_>, node: &str) -> Result<(), Failure> {
    if call.args.has("copy-to") || call.args.has("target") {
        return Err(Failure::message("--copy-to and --target may not be used when debugging nodes"));
    }
    call.client.get(&Key::cluster(Kind::NODE, node))?;
    let seed = format!("{node}/{}", call.client.live().revision());
    let name = format!("node-debugger-{node}-{}", drawn(&seed));
    let debugger = call.args.value("container").unwrap_or("debugger").to_string();
    if !call.args.on("quiet") {
        call.say(format!("Creating debugging pod {name} with container {debugger} on node {node}."));
    }
    let mut container = container(call, &debugger)?;
    let profile = Profile::named(profile_name(call))?;
    profile.allow(&mut container, true);
    customise(call, &mut container)?;
    if profile.sees_files() {
        container["volumeMounts"] = json!([{"name": "host-root", "mountPath": "/host"}]);
    }
    let mut pod = json!({
        "metadata": {"name": name, "namespace": call.namespace, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}},
        "spec": {
            "containers": [container],
            "nodeName": node,
            "restartPolicy": "Never",
            "tolerations": [{"operator": "Exists"}],
        },
    });
    if profile.is_in_host() {
        ["hostIPC", "hostNetwork", "hostPID"].iter().for_each(|field| pod["spec"][field] = true.into());
    }
    if profile.sees_files() {
        pod["spec"]["volumes"] = json!([{"name": "host-root", "hostPath": {"path": "/"}}]);
    }
    let object = Object::from_value(Kind::POD, pod).map_err(|error| Failure::message(error.to_string()))?;
    let stored = call.client.create_object(object)?;
    if let Some(pod) = stored.as_kind::<Pod>().filter(|_| call.args.on("stdin")) {
        call.output.wait = Some(wait_for(pod, true, then(call)));
    }
    Ok(())
}

/// The container of a copy that is looked into: one of its own, changed, or one more (`generatePodCopyWithDebugContainer`).
fn debugged(call: &mut Call<'_, '_>, pod: &Pod, spec: &mut Value) -> Result<(), Failure> {
    let wanted = call.args.value("container").unwrap_or_default().to_string();
    let image = call.args.value("image").unwrap_or_default().to_string();
    let place =
        spec["containers"].as_array().and_then(|all| all.iter().position(|one| one.text("name") == wanted));
    let mut container = match (place, image.as_str()) {
        (Some(place), _) => spec["containers"][place].clone(),
        (None, "") if call.args.has("set-image") => return Ok(()),
        (None, "") => return Err(Failure::message("you must specify image when creating new container")),
        (None, _) => {
            let name = if wanted.is_empty() { default_name(call, pod) } else { wanted };
            json!({"name": name, "terminationMessagePolicy": "FallbackToLogsOnError"})
        }
    };
    let given = self::container(call, container.text("name"))?;
    for (field, value) in given.as_object().into_iter().flatten() {
        let is_set = match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            _ => true,
        };
        if is_set {
            container[field] = value.clone();
        }
    }
    if !call.args.command.is_empty()
        && !call.args.on("arguments-only")
        && let Some(fields) = container.as_object_mut()
    {
        fields.remove("args");
    }
    let profile = Profile::named(profile_name(call))?;
    profile.allow(&mut container, false);
    customise(call, &mut container)?;
    profile.share(spec);
    match place {
        Some(place) => spec["containers"][place] = container,
        None => spec["containers"].as_array_mut().into_iter().for_each(|all| all.push(container.clone())),
    }
    Ok(())
}

/// A name for a container that is given none, and says so.
fn default_name(call: &mut Call<'_, '_>, pod: &Pod) -> String {
    let name = format!("debugger-{}", ending(call, pod));
    if !call.args.on("quiet") {
        call.say(format!("Defaulting debug container name to {name}."));
    }
    name
}

fn copy(call: &mut Call<'_, '_>, pod: &Pod, name: &str) -> Result<Value, Failure> {
    let original = Object::from(pod.clone()).to_value();
    let mut spec = original.at("spec").clone();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("ephemeralContainers");
        if !call.args.on("same-node") {
            spec.remove("nodeName");
        }
    }
    if call.args.has("share-processes") {
        spec["shareProcessNamespace"] = call.args.on("share-processes").into();
    }
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        for pair in call.args.list("set-image") {
            let Some((of, image)) = pair.split_once('=') else { continue };
            if of == "*" || container.text("name") == of {
                container["image"] = image.into();
            }
        }
        // A probe would end what is being looked into.
        for (flag, probe) in PROBES {
            if let (false, Some(fields)) = (call.args.on(flag), container.as_object_mut()) {
                fields.remove(probe);
            }
        }
    }
    if call.args.value("keep-init-containers") == Some("false")
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove("initContainers");
    }
    debugged(call, pod, &mut spec)?;
    let mut metadata = json!({"name": name, "namespace": pod.namespace()});
    for (flag, field) in [("keep-labels", "labels"), ("keep-annotations", "annotations")] {
        if call.args.on(flag) {
            metadata[field] = original["metadata"][field].clone();
        }
    }
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
}
