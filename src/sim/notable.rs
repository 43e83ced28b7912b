//! Which writes people care about: what the time bar ticks, what a step goes to, what idle time ends with.

use crate::api::{Key, Kind, MetaExt, Object, condition, k8s};
use crate::apiserver::{Actor, Change};

/// Whether a write is part of the story: a pod that changes phase, readiness or place, a workload that is scaled, an
/// object that comes or goes, a warning. Heartbeats, counters and bookkeeping are not.
pub fn is_story(change: &Change) -> bool {
    if matches!(change.key.kind, Kind::LEASE | Kind::ENDPOINTS | Kind::CONTROLLER_REVISION)
        || is_furniture(change)
    {
        return false;
    }
    match (change.before.as_deref(), change.after.as_deref()) {
        (_, Some(Object::Event(event))) => event.spec.type_.as_deref() == Some("Warning"),
        (_, None) => change.key.kind != Kind::EVENT,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => changed_visibly(before, after),
    }
}

fn changed_visibly(before: &Object, after: &Object) -> bool {
    if before.is_deleting() != after.is_deleting() {
        return true;
    }
    match (before, after) {
        (Object::Pod(before), Object::Pod(after)) => {
            let ready = |pod: &crate::api::Pod| condition::is_true(pod.status.conditions.as_deref(), "Ready");
            before.spec.node_name != after.spec.node_name
                || before.status.phase != after.status.phase
                || ready(before) != ready(after)
                || container_states(before) != container_states(after)
        }
        (Object::Node(before), Object::Node(after)) => {
            let ready =
                |node: &crate::api::Node| condition::is_true(node.status.conditions.as_deref(), "Ready");
            // An address range is furniture too.
            let cordoned = |node: &crate::api::Node| node.spec.unschedulable == Some(true);
            before.spec.taints != after.spec.taints
                || cordoned(before) != cordoned(after)
                || ready(before) != ready(after)
                || before.labels() != after.labels()
        }
        (Object::EndpointSlice(before), Object::EndpointSlice(after)) => {
            before.spec.endpoints != after.spec.endpoints
        }
        _ => !before.same_spec(after) || before.labels() != after.labels(),
    }
}

/// Whether a workload counts its pods otherwise than before: no line of the story, but a step of it.
pub fn is_counted(change: &Change) -> bool {
    match (change.before.as_deref(), change.after.as_deref()) {
        (Some(Object::Deployment(before)), Some(Object::Deployment(after))) => {
            let counts = |status: &k8s::DeploymentStatus| (status.ready_replicas, status.available_replicas);
            counts(&before.status) != counts(&after.status)
        }
        (Some(Object::StatefulSet(before)), Some(Object::StatefulSet(after))) => {
            let counts = |status: &k8s::StatefulSetStatus| (status.ready_replicas, status.available_replicas);
            counts(&before.status) != counts(&after.status)
        }
        (Some(Object::DaemonSet(before)), Some(Object::DaemonSet(after))) => {
            let counts = |status: &k8s::DaemonSetStatus| (status.number_ready, status.number_available);
            counts(&before.status) != counts(&after.status)
        }
        _ => false,
    }
}

/// Why each container waits, and how often it has restarted.
fn container_states(pod: &crate::api::Pod) -> Vec<(Option<&str>, i32)> {
    let statuses = pod
        .status
        .init_container_statuses
        .iter()
        .flatten()
        .chain(pod.status.container_statuses.iter().flatten());
    statuses
        .map(|status| {
            let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
            (waiting.and_then(|waiting| waiting.reason.as_deref()), status.restart_count)
        })
        .collect()
}

/// Whether a write is made again and again without anything happening: renewed leases, node status, and the events and
/// endpoints that only mirror other writes.
pub fn is_background(change: &Change) -> bool {
    let key: &Key = &change.key;
    key.kind == Kind::LEASE || (key.kind == Kind::NODE && !is_story(change)) || is_furniture(change)
}

/// Whether a write gives a namespace what every namespace is given.
fn is_furniture(change: &Change) -> bool {
    matches!(change.actor, Actor::Controller("serviceaccount-controller" | "root-ca-cert-publisher"))
}
