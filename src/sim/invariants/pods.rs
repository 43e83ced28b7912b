//! Invariants of pods and of the nodes they run on.

use crate::api::k8s::PodSpec;
use crate::api::{Node, Object, Pod, quantity};
use crate::apiserver::{Actor, Change, View};

fn versions(change: &Change) -> Option<(&Pod, &Pod)> {
    match (change.before.as_deref(), change.after.as_deref()) {
        (Some(Object::Pod(before)), Some(Object::Pod(after))) => Some((before, after)),
        _ => None,
    }
}

/// A pod that has a node keeps it.
pub fn bound_once(change: &Change, _: &View) -> Result<(), String> {
    match versions(change) {
        Some((before, after))
            if before.spec.node_name.is_some() && before.spec.node_name != after.spec.node_name =>
        {
            Err(format!(
                "{} moved from {:?} to {:?}",
                change.key, before.spec.node_name, after.spec.node_name
            ))
        }
        _ => Ok(()),
    }
}

/// `Succeeded` and `Failed` are the end.
pub fn terminal_phase_is_final(change: &Change, _: &View) -> Result<(), String> {
    match versions(change) {
        Some((before, after)) => match before.status.phase.as_deref() {
            Some(phase @ ("Succeeded" | "Failed")) if after.status.phase.as_deref() != Some(phase) => {
                Err(format!("{} went from {phase} to {:?}", change.key, after.status.phase))
            }
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

/// When the scheduler binds a pod, the requests of the node's live pods stay within what the node allots.
pub fn requests_fit(change: &Change, view: &View) -> Result<(), String> {
    let Some((before, after)) = versions(change) else { return Ok(()) };
    let (None, Some(name), Actor::Scheduler) = (&before.spec.node_name, &after.spec.node_name, &change.actor)
    else {
        return Ok(());
    };
    let Some(node) = view.get::<Node>("", name) else { return Ok(()) };
    let live = |pod: &&Pod| {
        pod.spec.node_name.as_ref() == Some(name)
            && !matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
    };
    for resource in ["cpu", "memory"] {
        let asked: i64 =
            view.list::<Pod>(None).filter(live).map(|pod| container_requests(&pod.spec, resource)).sum();
        let allotted = node.status.allocatable.iter().flatten().find(|(name, _)| *name == resource);
        let allotted = allotted.map_or(0, |(_, quantity)| quantity::milli(quantity));
        if asked > allotted {
            return Err(format!("{name} has {allotted} thousandths of {resource}, its pods ask for {asked}"));
        }
    }
    Ok(())
}

/// What the containers ask for together: a lower bound of what the pod asks for.
fn container_requests(spec: &PodSpec, resource: &str) -> i64 {
    let request = |container: &crate::api::k8s::Container| {
        container.resources.as_ref()?.requests.as_ref()?.get(resource).map(quantity::milli)
    };
    spec.containers.iter().filter_map(request).sum()
}
