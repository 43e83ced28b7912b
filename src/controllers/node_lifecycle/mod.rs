//! The node lifecycle controller: a node whose lease is not renewed counts as lost. Models `pkg/controller/nodelifecycle`.
//!
//! Taints that keep pods away follow a node's state at once. Those that drive its pods off (`NoExecute`) come and go with the
//! looks that are made at intervals, and come one node at a time ([`zones`]).

mod zones;

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
use zones::{TICK, Zones};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// Conditions under which nothing more is scheduled onto a node, and their taints (`TaintNodesByCondition`).
const PRESSURES: [(&str, &str); 4] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
];

/// How long a node may take to say anything at all (`node-startup-grace-period`).
const STARTUP_GRACE: SimDuration = SimDuration::from_secs(60);

/// The conditions that a lost node's kubelet would have to speak for.
const SPOKEN_FOR: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// The controller. What it knows of a node is in the node and in its lease; it remembers which nodes there were.
#[derive(Clone, Debug)]
pub struct NodeLifecycleController {
    grace: SimDuration,
    period: SimDuration,
    known: SortedMap<Key, String>,
    zones: Zones,
    /// When a node is to be looked at, whatever happens.
    due: SortedMap<Key, SimTime>,
    /// The last pass in which a node was to be tainted, and which was the first of that pass.
    marked: Option<(u64, Key)>,
}

impl NodeLifecycleController {
    /// A controller as patient as `settings` say.
    pub fn new(settings: &Settings) -> Self {
        NodeLifecycleController {
            grace: settings.node_monitor_grace,
            period: settings.node_monitor,
            known: SortedMap::new(),
            zones: Zones::default(),
            due: SortedMap::new(),
            marked: None,
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
        let now = client.now();
        let Some(node) = node else {
            self.zones.note(key, None, now);
            self.due.remove(key);
            return Ok(Action::AwaitChange);
        };
        let heard = last_heard(node, client);
        // A look for which time has come is one of all nodes; others come of changes.
        let due = self.due.get(key).is_some_and(|at| *at <= now);
        let mut node = node.clone();
        let was_ready = ready_status(&node) == Some("True");
        let grace = if ready_status(&node).is_none() { STARTUP_GRACE } else { self.grace };
        let lost = due && now.since(heard) > grace && ready_status(&node) != Some("Unknown");
        if lost {
            node = declare_lost(node, client)?;
        }
        if lost && was_ready {
            let message = format!("Node {} status is now: NodeNotReady", node.name());
            client.event(reference(&node), EventType::Normal, "NodeNotReady", message);
        }
        if self.zones.note(key, Some(&node), now) {
            self.spare_all(client)?;
        }
        node = keep_away(node, client)?;
        let wait = self.drive_off(key, node, due, client)?;
        if lost && was_ready {
            mark_pods_not_ready(key, client)?;
        }
        // As long as the lease goes on being renewed, looks would change nothing. Of a node that has just been heard of
        // nothing can be told before its grace is over: the looks until then are left out.
        let silent = (!client.server().beats_on(&key.name)).then(|| self.next_pass(now.max(heard + grace)));
        let again = silent.map(|at| at.since(now)).into_iter().chain(wait).min();
        match again {
            Some(again) => {
                self.due.insert(key.clone(), now + again);
                Ok(Action::RequeueAfter(again))
            }
            None => {
                self.due.remove(key);
                Ok(Action::AwaitChange)
            }
        }
    }
}

impl NodeLifecycleController {
    /// The looks at all nodes, by number: which was the last one.
    fn pass(&self, now: SimTime) -> u64 {
        now.0 / self.period.0
    }

    /// The first look at all nodes after a moment.
    fn next_pass(&self, after: SimTime) -> SimTime {
        SimTime((self.pass(after) + 1) * self.period.0)
    }

    /// Brings the taints up to date that drive pods off (`processTaintBaseEviction`). Returns when to look again.
    fn drive_off(
        &mut self,
        key: &Key,
        mut node: Node,
        due: bool,
        client: &mut Client<'_>,
    ) -> Result<Option<SimDuration>, Status> {
        let now = client.now();
        let wanted = match ready_status(&node) {
            Some("True") | None => None,
            Some("False") => Some(NOT_READY),
            Some(_) => Some(UNREACHABLE),
        };
        let taints = node.spec.taints.iter().flatten().filter(|taint| drives_off(taint));
        let present: Vec<String> = taints.map(|taint| taint.key.clone()).collect();
        if present.iter().map(String::as_str).eq(wanted) {
            self.zones.forgive(key);
            return Ok(None);
        }
        let until_pass = self.next_pass(now).since(now);
        if !due {
            return Ok(Some(until_pass));
        }
        if wanted.is_some() && present.is_empty() {
            // Nodes wait for the next tick, which comes when the first of a pass has just been found lost.
            let first = self.marked.as_ref().is_none_or(|(pass, _)| *pass != self.pass(now));
            if first {
                self.marked = Some((self.pass(now), key.clone()));
            }
            if self.zones.wait(key) && !first {
                return Ok(Some(TICK));
            }
            if let Err(wait) = self.zones.may_taint(key, now) {
                return Ok(Some(wait.map_or(until_pass, |wait| wait.min(until_pass))));
            }
        }
        self.zones.forgive(key);
        let taints = Arc::make_mut(&mut node.spec).taints.get_or_insert_default();
        taints.retain(|taint| !drives_off(taint));
        taints.extend(wanted.map(|key| new_taint(key, NO_EXECUTE, now)));
        write_taints(node, client)?;
        Ok(None)
    }

    /// Everything is lost: nobody is driven off any more. The node that was tainted in this very pass stays so, as its taint
    /// has not been seen yet.
    fn spare_all(&mut self, client: &mut Client<'_>) -> Result<(), Status> {
        let now = client.now();
        let fresh =
            self.marked.as_ref().filter(|(pass, _)| *pass == self.pass(now)).map(|(_, key)| key.clone());
        let nodes: Vec<Node> = client.live().list::<Node>(None).cloned().collect();
        for mut node in
            nodes.into_iter().filter(|node| fresh.as_ref().is_none_or(|key| &*key.name != node.name()))
        {
            if node.spec.taints.iter().flatten().any(drives_off) {
                Arc::make_mut(&mut node.spec)
                    .taints
                    .get_or_insert_default()
                    .retain(|taint| !drives_off(taint));
                write_taints(node, client)?;
            }
        }
        Ok(())
    }
}

/// When the node was last heard of: its lease's renewal, written or not, or its birth.
fn last_heard(node: &Node, client: &Client<'_>) -> SimTime {
    let lease = client.live().get::<Lease>("kube-node-lease", node.name());
    let renewed = lease.and_then(|lease| lease.spec.renew_time.as_ref()).map(SimTime::from_micro_time);
    let beat = client.server().last_beat(node.name());
    renewed.max(beat).unwrap_or_default().max(node.created())
}

/// What a node last said of itself; nothing if it never spoke.
fn ready_status(node: &Node) -> Option<&str> {
    condition::find(node.status.conditions.as_deref(), "Ready").map(|condition| condition.status.as_str())
}

/// The conditions become unknown that nobody is there to speak for.
fn declare_lost(mut node: Node, client: &mut Client<'_>) -> Result<Node, Status> {
    let now = client.now();
    let born = node.meta.creation_timestamp.clone();
    let conditions = Arc::make_mut(&mut node.status).conditions.get_or_insert_default();
    for type_ in SPOKEN_FOR {
        let known = conditions.iter_mut().find(|condition| condition.type_ == type_);
        let (reason, message) = match known {
            Some(_) => ("NodeStatusUnknown", "Kubelet stopped posting node status."),
            None => ("NodeStatusNeverUpdated", "Kubelet never posted node status."),
        };
        let unknown = NodeCondition {
            type_: type_.into(),
            status: "Unknown".into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_heartbeat_time: born.clone(),
            last_transition_time: Some(now.to_time()),
        };
        match known {
            Some(known) if known.status == "Unknown" => {}
            Some(known) => {
                *known = NodeCondition { last_heartbeat_time: known.last_heartbeat_time.take(), ..unknown };
            }
            None => conditions.push(unknown),
        }
    }
    client.update_status(node, None)
}

/// Its pods take no more traffic, whatever they last said of themselves (`MarkPodsNotReady`).
fn mark_pods_not_ready(node: &Key, client: &mut Client<'_>) -> Result<(), Status> {
    let here = |pod: &&Pod| pod.spec.node_name.as_deref() == Some(&*node.name) && pods::is_ready(pod);
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

/// Whether a taint is one that this controller drives pods off with.
fn drives_off(taint: &Taint) -> bool {
    taint.effect == NO_EXECUTE && [NOT_READY, UNREACHABLE].contains(&taint.key.as_str())
}

fn new_taint(key: &str, effect: &str, now: SimTime) -> Taint {
    Taint { key: key.into(), effect: effect.into(), value: None, time_added: Some(now.to_time()) }
}

fn write_taints(mut node: Node, client: &mut Client<'_>) -> Result<Node, Status> {
    let spec = Arc::make_mut(&mut node.spec);
    spec.taints = spec.taints.take().filter(|taints| !taints.is_empty());
    client.update(node, None)
}

/// Brings the taints up to date that keep new pods away (`doNoScheduleTaintingPass`); those that people have set stay.
fn keep_away(mut node: Node, client: &mut Client<'_>) -> Result<Node, Status> {
    if ready_status(&node).is_none() {
        return Ok(node);
    }
    let conditions = node.status.conditions.iter().flatten();
    let mut wanted: Vec<&str> = conditions
        .filter_map(|condition| match (condition.type_.as_str(), condition.status.as_str()) {
            ("Ready", "False") => Some(NOT_READY),
            ("Ready", "Unknown") => Some(UNREACHABLE),
            (type_, "True") => PRESSURES.iter().find(|(name, _)| *name == type_).map(|(_, key)| *key),
            _ => None,
        })
        .collect();
    wanted.extend((node.spec.unschedulable == Some(true)).then_some(UNSCHEDULABLE));
    let ours = |taint: &Taint| {
        taint.effect == NO_SCHEDULE
            && ([NOT_READY, UNREACHABLE, UNSCHEDULABLE].contains(&taint.key.as_str())
                || PRESSURES.iter().any(|(_, key)| taint.key == *key))
    };
    let present = node.spec.taints.as_deref().unwrap_or_default();
    let mut taints: Vec<Taint> = present
        .iter()
        .filter(|taint| !ours(taint) || wanted.contains(&taint.key.as_str()))
        .cloned()
        .collect();
    let missing = wanted.iter().filter(|key| !present.iter().any(|taint| ours(taint) && taint.key == **key));
    taints.extend(missing.map(|key| new_taint(key, NO_SCHEDULE, client.now())));
    if taints == present {
        return Ok(node);
    }
    Arc::make_mut(&mut node.spec).taints = Some(taints);
    write_taints(node, client)
}
