//! The node lifecycle controller: a node whose lease is not renewed counts as lost. Models `pkg/controller/nodelifecycle`.

use std::sync::Arc;

use sorted::SortedMap;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller, Settings, pods};
use crate::api::k8s::{NodeCondition, ObjectReference, Taint};
use crate::api::taint::{NO_EXECUTE, NO_SCHEDULE, UNSCHEDULABLE};
use crate::api::{Key, Kind, Lease, MetaExt, Node, Object, Pod, Status, condition};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Conditions under which nothing more is scheduled onto a node, and their taints (`TaintNodesByCondition`).
const PRESSURES: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
];

/// The controller. What it knows of a node is in the node and in its lease; it remembers which nodes there were.
#[derive(Clone, Debug)]
pub struct NodeLifecycleController {
    grace: SimDuration,
    period: SimDuration,
    known: SortedMap<Key, String>,
}

impl NodeLifecycleController {
    /// A controller as patient as `settings` say.
    pub fn new(settings: &Settings) -> Self {
        NodeLifecycleController {
            grace: settings.node_monitor_grace,
            period: settings.node_monitor,
            known: SortedMap::new(),
        }
    }
}

impl Controller for NodeLifecycleController {
    fn name(&self) -> &'static str {
        "node-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NODE]
    }

    fn is_periodic(&self) -> bool {
        true
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        queue.add(change.key.clone(), Some(change.revision));
    }

    fn heartbeats_ended(&mut self, node: &str, queue: &mut WorkQueue) {
        queue.add(Key::cluster(Kind::NODE, node), None);
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let found = client.get(key).ok();
        let node = found.as_deref().and_then(Object::as_kind::<Node>);
        let before = self.known.get(key).cloned();
        let uid = node.map(|node| node.uid().to_string());
        if before != uid {
            if let Some(gone) = &before {
                let what = format!("Removing Node {} from", key.name);
                say_of(&key.name, gone, "RemovingNode", &what, client);
                self.known.remove(key);
            }
            if let Some(new) = uid {
                let what = format!("Registered Node {} in", key.name);
                say_of(&key.name, &new, "RegisteredNode", &what, client);
                self.known.insert(key.clone(), new);
            }
        }
        let Some(node) = node else { return Ok(Action::AwaitChange) };
        let now = client.now();
        let heard = last_heard(node, client);
        let silent = now.since(heard) > self.grace;
        let mut node = node.clone();
        if silent && ready_status(&node) != "Unknown" {
            let was_ready = ready_status(&node) == "True";
            node = declare_lost(node, client)?;
            if was_ready {
                mark_pods_not_ready(&node, client)?;
            }
        }
        let taints = wanted_taints(&node, now);
        if node.spec.taints.clone().unwrap_or_default() != taints {
            Arc::make_mut(&mut node.spec).taints = Some(taints).filter(|taints| !taints.is_empty());
            client.update(node, None)?;
        }
        // As long as the lease goes on being renewed, looks would change nothing.
        if client.server().beats_on(&key.name) {
            return Ok(Action::AwaitChange);
        }
        // Of a node that has just been heard of nothing can be told before its grace is over: the looks until then are
        // left out.
        let left = (heard + self.grace).since(now);
        Ok(Action::RequeueAfter(SimDuration((left.0 / self.period.0 + 1) * self.period.0)))
    }
}

/// When the node was last heard of: its lease's renewal, written or not, or its birth.
fn last_heard(node: &Node, client: &Client<'_>) -> SimTime {
    let lease = client.live().get::<Lease>("kube-node-lease", node.name());
    let renewed = lease.and_then(|lease| lease.spec.renew_time.as_ref()).map(SimTime::from_micro_time);
    let beat = client.server().last_beat(node.name());
    renewed.max(beat).unwrap_or_default().max(node.created())
}

fn ready_status(node: &Node) -> &str {
    condition::find(node.status.conditions.as_deref(), "Ready")
        .map_or("Unknown", |condition| condition.status.as_str())
}

/// Every condition becomes unknown: nobody is there to say.
fn declare_lost(mut node: Node, client: &mut Client<'_>) -> Result<Node, Status> {
    let now = client.now();
    let status = Arc::make_mut(&mut node.status);
    for old in status.conditions.clone().unwrap_or_default() {
        let unknown = NodeCondition {
            status: "Unknown".into(),
            reason: Some("NodeStatusUnknown".into()),
            message: Some("Kubelet stopped posting node status.".into()),
            last_transition_time: Some(now.to_time()),
            ..old
        };
        condition::set(&mut status.conditions, unknown);
    }
    let node = client.update_status(node, None)?;
    let message = format!("Node {} status is now: NodeNotReady", node.name());
    client.event(reference(&node), EventType::Normal, "NodeNotReady", message);
    Ok(node)
}

/// Its pods take no more traffic, whatever they last said of themselves (`MarkPodsNotReady`).
fn mark_pods_not_ready(node: &Node, client: &mut Client<'_>) -> Result<(), Status> {
    let here = |pod: &&Pod| pod.spec.node_name.as_deref() == Some(node.name()) && pods::is_ready(pod);
    let pods: Vec<Pod> = client.live().list::<Pod>(None).filter(here).cloned().collect();
    let now = client.now().to_time();
    for mut pod in pods {
        let about = reference(&pod);
        let conditions = Arc::make_mut(&mut pod.status).conditions.iter_mut().flatten();
        for ready in conditions.filter(|one| one.type_ == "Ready") {
            ready.status = "False".into();
            ready.last_transition_time = Some(now.clone());
        }
        gone_is_fine(client.update_status(pod, None).map(|_| ()))?;
        client.event(about, EventType::Warning, "NodeNotReady", "Node is not ready".to_string());
    }
    Ok(())
}

/// Says of a node that it is new, or gone (`RecordNodeEvent`).
fn say_of(node: &str, uid: &str, reason: &str, what: &str, client: &mut Client<'_>) {
    let about = ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Node".into()),
        name: Some(node.into()),
        uid: Some(uid.into()),
        ..Default::default()
    };
    client.event(about, EventType::Normal, reason, format!("Node {node} event: {what} Controller"));
}

/// The taints that follow from the node's state; those that people have set stay.
fn wanted_taints(node: &Node, now: SimTime) -> Vec<Taint> {
    let ours = |taint: &&Taint| {
        [NOT_READY, UNREACHABLE, UNSCHEDULABLE].contains(&taint.key.as_str())
            || PRESSURES.iter().any(|(_, key)| taint.key == *key)
    };
    let present = node.spec.taints.clone().unwrap_or_default();
    let mut taints: Vec<Taint> = present.iter().filter(|taint| !ours(taint)).cloned().collect();
    let mut want = |key: &str, effect: &str, dated: bool| {
        let known = present.iter().find(|taint| taint.key == key && taint.effect == effect).cloned();
        let fresh = || Taint {
            key: key.into(),
            effect: effect.into(),
            value: None,
            time_added: dated.then(|| now.to_time()),
        };
        taints.push(known.unwrap_or_else(fresh));
    };
    match ready_status(node) {
        "True" => {}
        "Unknown" => {
            want(UNREACHABLE, NO_SCHEDULE, false);
            want(UNREACHABLE, NO_EXECUTE, true);
        }
        _ => {
            want(NOT_READY, NO_SCHEDULE, false);
            want(NOT_READY, NO_EXECUTE, true);
        }
    }
    for (condition, key) in PRESSURES {
        if condition::is_true(node.status.conditions.as_deref(), condition) {
            want(key, NO_SCHEDULE, true);
        }
    }
    if node.spec.unschedulable == Some(true) {
        want(UNSCHEDULABLE, NO_SCHEDULE, true);
    }
    taints
}
