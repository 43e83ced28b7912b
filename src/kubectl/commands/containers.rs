//! Which pod and which container a verb means that speaks to one: `logs`, `exec`, `attach`.

use std::sync::Arc;

use crate::api::schema::{self, TypeId};
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, Pod};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::resource_names::kind;

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// The pod that a word names: by its name, or as one of a workload's or a Service's.
///
/// # Errors
/// In kubectl's words if there is none.
pub fn pod_of(call: &mut Call<'_, '_>, word: &str) -> Result<Pod, Failure> {
    Ok(pods_of(call, word, "attach to")?.swap_remove(0))
}

/// The pods that a word names, at least one: the pod of that name, or those of a workload or a Service, the best first.
/// `doing` is what cannot be done where there are none.
///
/// # Errors
/// As [`pod_of`].
pub fn pods_of(call: &mut Call<'_, '_>, word: &str, doing: &str) -> Result<Vec<Pod>, Failure> {
    let (of, name) = match word.split_once('/') {
        Some((word, name)) => (kind(call.client.live(), word)?, name),
        None => (Kind::POD, word),
    };
    let object = call.client.get(&call.key(of, name))?;
    if let Object::Pod(pod) = &*object {
        return Ok(vec![pod.clone()]);
    }
    let value = object.to_value();
    let selector = match of {
        Kind::SERVICE | Kind::REPLICATION_CONTROLLER => Some(Selector::from_map(&value.map("spec.selector"))),
        _ => value.matcher("spec.selector"),
    };
    let go = schema::kind(&of.api_version(), of.name()).map(TypeId::go).unwrap_or_default();
    let unable = |why: String| Failure::message(format!("cannot {doing} *{go}: {why}"));
    if of == Kind::SERVICE && value.map("spec.selector").is_empty() {
        return Err(unable(format!("invalid service '{name}': Service is defined without a selector")));
    }
    let selector = selector.ok_or_else(|| unable(format!("selector for *{go} not implemented")))?;
    call.client.may("list", Kind::POD, Some(&call.namespace))?;
    let mut pods: Vec<Pod> = call
        .client
        .live()
        .list::<Pod>(Some(&call.namespace))
        .filter(|pod| selector.matches(pod.labels()))
        .cloned()
        .collect();
    // Those that run come first, then the oldest.
    crate::api::sorting::sort_by_key(&mut pods, |pod| {
        (pod.status.phase.as_deref() != Some("Running"), pod.created(), pod.name().to_string())
    });
    match pods.is_empty() {
        true => Err(Failure::message("timed out waiting for the condition")),
        false => Ok(pods),
    }
}

/// The containers of a pod, init containers first, ephemeral ones last.
pub fn names(pod: &Pod) -> Vec<&str> {
    let init = pod.spec.init_containers.iter().flatten();
    let added = pod.spec.ephemeral_containers.iter().flatten().map(|container| container.name.as_str());
    init.chain(&pod.spec.containers).map(|container| container.name.as_str()).chain(added).collect()
}

/// The container that a command means, or the pod's first.
///
/// # Errors
/// If the pod has no such container.
pub fn container_of(call: &mut Call<'_, '_>, pod: &Pod) -> Result<String, Failure> {
    if let Some(name) = call.args.value("container").map(str::to_string) {
        return match names(pod).contains(&name.as_str()) {
            true => Ok(name),
            false => Err(Failure::message(format!("container {name} is not valid for pod {}", pod.name()))),
        };
    }
    let main: Vec<&str> = pod.spec.containers.iter().map(|container| container.name.as_str()).collect();
    let preferred = pod.annotation(DEFAULT_CONTAINER).filter(|name| names(pod).contains(name));
    let chosen = preferred.or(main.first().copied()).unwrap_or_default().to_string();
    if names(pod).len() > 1 && preferred.is_none() {
        let init =
            pod.spec.init_containers.iter().flatten().map(|container| format!("{} (init)", container.name));
        let added = pod.spec.ephemeral_containers.iter().flatten();
        let added = added.map(|container| format!("{} (ephem)", container.name));
        let all: Vec<String> = main.iter().map(|name| (*name).to_string()).chain(init).chain(added).collect();
        call.warn(format!("Defaulted container {chosen:?} out of: {}", all.join(", ")));
    }
    Ok(chosen)
}

/// What a container's status says of it, as JSON.
pub fn state_of(pod: &Pod, container: &str) -> serde_json::Value {
    let value = Object::from(pod.clone()).to_value();
    let all =
        ["status.containerStatuses", "status.initContainerStatuses", "status.ephemeralContainerStatuses"];
    let found = all.iter().flat_map(|path| value.list(path)).find(|status| status.text("name") == container);
    found.cloned().unwrap_or_default()
}

/// The key of a pod.
pub fn key_of(pod: &Pod) -> Key {
    Key::new(Kind::POD, pod.namespace(), pod.name())
}

/// The pod as it is now, if it is still the same one.
pub fn current(key: &Key, uid: &str, view: &crate::client::View) -> Option<Pod> {
    let object: Option<&Arc<Object>> = view.object(key);
    object.and_then(|object| object.as_kind::<Pod>()).filter(|pod| pod.uid() == uid).cloned()
}
