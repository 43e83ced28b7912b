//! Cards from objects: what the stage says of one pod, one node, one workload.

use std::sync::Arc;

use super::{Meter, NodeCard, PodCard, PodClass};
use crate::api::k8s::{OwnerReference, Quantity};
use crate::api::pod_status::{pod_request_milli, summarize};
use crate::api::{ControllerRevision, MetaExt, Node, Pod, ReplicaSet, condition, quantity, taint};
use crate::apiserver::View;
use crate::apiserver::metrics::{Metrics, Use};
use crate::clock::SimTime;

const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// Labels that every node has, and that therefore tell nothing.
const COMMON_NODE_LABELS: [&str; 2] = ["kubernetes.io/", "beta.kubernetes.io/"];

/// A pod's card.
pub fn pod_card(pod: &Pod, view: &View) -> PodCard {
    let summary = summarize(pod);
    let owner = pod.controller();
    // Once its containers have stopped nothing is left to wait for.
    let stopped = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let deadline = pod.meta.deletion_timestamp.as_ref().filter(|_| !stopped).map(SimTime::from_time);
    PodCard {
        uid: pod.uid().into(),
        name: pod.name().into(),
        namespace: pod.namespace().into(),
        node: pod.spec.node_name.clone(),
        class: classify(pod, &summary.status),
        status: summary.status,
        ready: summary.ready,
        containers: summary.total,
        restarts: u32::try_from(summary.restarts).unwrap_or(0),
        image: short_image(pod.spec.containers.first().and_then(|c| c.image.as_deref()).unwrap_or_default()),
        owner: owner.map(|owner| format!("{}/{}", owner.kind, owner.name)),
        revision: owner.and_then(|owner| revision(pod, owner, view)),
        created: pod.created(),
        deadline,
        cpu_request: pod_request_milli(&pod.spec, "cpu"),
        memory_request: pod_request_milli(&pod.spec, "memory") / 1_000,
        // The stage knows.
        cpu_used: 0,
        memory_used: 0,
        message: message_of(pod),
    }
}

/// A pod's class, and kubectl's word for its state.
pub fn state(pod: &Pod) -> (PodClass, String) {
    let status = summarize(pod).status;
    (classify(pod, &status), status)
}

/// The number of the template that the pod was made from, kept by its ReplicaSet or in a ControllerRevision.
fn revision(pod: &Pod, owner: &OwnerReference, view: &View) -> Option<u32> {
    if let Some(set) =
        view.get::<ReplicaSet>(pod.namespace(), &owner.name).filter(|set| set.uid() == owner.uid)
    {
        return set.annotation("deployment.kubernetes.io/revision")?.parse().ok();
    }
    let hash = pod.labels().get("controller-revision-hash")?;
    // A StatefulSet's label is the name of the revision, a DaemonSet's only its end.
    let name = if owner.kind == "DaemonSet" { format!("{}-{hash}", owner.name) } else { hash.clone() };
    view.get::<ControllerRevision>(pod.namespace(), &name)?.spec.revision.try_into().ok()
}

/// The class whose colour and treatment the card gets. Terminating outweighs everything, then failure.
fn classify(pod: &Pod, status: &str) -> PodClass {
    const FAILING: [&str; 10] = [
        "CrashLoopBackOff",
        "Error",
        "OOMKilled",
        "Failed",
        "Evicted",
        "ErrImagePull",
        "CreateContainerConfigError",
        "RunContainerError",
        "Init:CrashLoopBackOff",
        "Init:Error",
    ];
    if pod.is_deleting() || status == "Unknown" {
        PodClass::Gone
    } else if pod.status.phase.as_deref() == Some("Succeeded") {
        PodClass::Done
    } else if pod.status.phase.as_deref() == Some("Failed")
        || FAILING.contains(&status)
        || status.starts_with("ExitCode:")
    {
        PodClass::Fail
    } else if pod.spec.node_name.is_none() || status.ends_with("ImagePullBackOff") {
        PodClass::Wait
    } else if condition::is_true(pod.status.conditions.as_deref(), "Ready") {
        PodClass::Ready
    } else {
        PodClass::Progress
    }
}

/// Why a pod waits, as the API says it.
fn message_of(pod: &Pod) -> String {
    let scheduled = condition::find(pod.status.conditions.as_deref(), "PodScheduled");
    let unscheduled =
        scheduled.filter(|condition| condition.status == "False").and_then(|c| c.message.clone());
    let waiting = || {
        let statuses = pod
            .status
            .init_container_statuses
            .iter()
            .flatten()
            .chain(pod.status.container_statuses.iter().flatten());
        statuses.filter_map(|status| status.state.as_ref()?.waiting.as_ref()?.message.clone()).next()
    };
    unscheduled.or_else(waiting).or_else(|| pod.status.message.clone()).unwrap_or_default()
}

/// An image without its registry and path: `go-myweb:v1.0`.
pub fn short_image(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.split_once('@') {
        Some((name, digest)) => format!("{name}@{}", digest.chars().take(14).collect::<String>()),
        None => last.to_string(),
    }
}

/// A node's card, with the cards of its pods in order of arrival.
pub fn node_card(node: &Node, pods: Vec<Arc<PodCard>>, metrics: Option<&Metrics>) -> NodeCard {
    let ready = condition::is_true(node.status.conditions.as_deref(), "Ready");
    let unschedulable = node.spec.unschedulable == Some(true);
    let known = condition::find(node.status.conditions.as_deref(), "Ready").is_some();
    let word = match (known, ready) {
        (false, _) => "Unknown",
        (true, true) => "Ready",
        (true, false) => "NotReady",
    };
    let active = || pods.iter().filter(|pod| !matches!(pod.class, PodClass::Done) && pod.status != "Failed");
    let allocatable = |name: &str, read: fn(&Quantity) -> i64| {
        node.status
            .allocatable
            .iter()
            .flatten()
            .find(|(key, _)| *key == name)
            .map_or(0, |(_, quantity)| read(quantity))
    };
    let uses = pods.iter().map(|pod| Use { cpu: pod.cpu_used, memory: pod.memory_used });
    let used = metrics.and_then(|metrics| metrics.of_node_with(node, uses)).unwrap_or_default();
    let meter = |allocatable, requested, used| Meter { allocatable, requested, used };
    NodeCard {
        name: node.name().into(),
        uid: node.uid().into(),
        status: if unschedulable { format!("{word},SchedulingDisabled") } else { word.into() },
        ready,
        unschedulable,
        zone: node.labels().get(ZONE_LABEL).cloned(),
        labels: own_labels(node),
        taints: node.spec.taints.iter().flatten().map(taint::format_taint).collect(),
        cpu: meter(allocatable("cpu", quantity::milli), active().map(|pod| pod.cpu_request).sum(), used.cpu),
        memory: meter(
            allocatable("memory", quantity::value),
            active().map(|pod| pod.memory_request).sum(),
            used.memory / 1_000,
        ),
        pod_slots: meter(allocatable("pods", quantity::value), active().count() as i64, pods.len() as i64),
        counts_down: pods.iter().any(|pod| pod.deadline.is_some()),
        pods,
    }
}

fn own_labels(node: &Node) -> Vec<(String, String)> {
    let common = |key: &str| {
        COMMON_NODE_LABELS.iter().any(|prefix| key.starts_with(prefix))
            || key.starts_with("topology.kubernetes.io/")
    };
    node.labels()
        .iter()
        .filter(|(key, _)| !common(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
