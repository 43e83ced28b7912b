//! The pod garbage collector: pods of a node that does not exist any more, or is out of service, which no kubelet will ever
//! remove. Models `pkg/controller/podgc`.

use sorted::SortedMap;
use std::sync::Arc;

use super::pods::is_terminal;
use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, Status, condition, sorting};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// The collector looks so often (`gcCheckPeriod`).
const PERIOD: SimDuration = SimDuration::from_secs(20);
/// So many pods that have ended are kept (`terminated-pod-gc-threshold`).
const KEPT: usize = 12_500;
/// A node that is missing for so long is gone (`quarantineTime`).
const QUARANTINE: SimDuration = SimDuration::from_secs(40);

/// The controller, with the nodes that are missing, or out of service, the pods that wait for it, and the look that is for them.
#[derive(Clone, Debug, Default)]
pub struct PodGcController {
    missing: SortedMap<Key, SimTime>,
    /// How many pods have ended.
    ended: usize,
}

impl Controller for PodGcController {
    fn name(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NODE, Kind::POD]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let ended = |object: Option<&Object>| matches!(object, Some(Object::Pod(pod)) if is_terminal(pod));
        let (before, after) = (ended(change.before.as_deref()), ended(change.after.as_deref()));
        self.ended = (self.ended + usize::from(after)).saturating_sub(usize::from(before));
        if after && !before && self.ended > KEPT {
            queue.add(Key::cluster(Kind::POD, ""), Some(change.revision));
        }
        let node = match change.after.as_deref() {
            None if change.key.kind == Kind::NODE => change.key.clone(),
            Some(Object::Node(node)) => {
                if !is_out_of_service(node) {
                    self.missing.remove(&change.key);
                    return;
                }
                change.key.clone()
            }
            Some(Object::Pod(pod)) => match &pod.spec.node_name {
                Some(name) => match view.get::<Node>("", name) {
                    Some(node) if !pod.is_deleting() || !is_out_of_service(node) => return,
                    _ => Key::cluster(Kind::NODE, name),
                },
                // One that never had a node, and is held back by a finalizer.
                None if pod.is_deleting() => change.key.clone(),
                None => return,
            },
            _ => return,
        };
        queue.add(node, Some(change.revision));
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let now = client.now();
        if key.kind == Kind::POD && key.name.is_empty() {
            return match self.wait_for_look(key, SimDuration::ZERO, now) {
                Some(wait) => Ok(wait),
                None => collect_ended(KEPT, view, client),
            };
        }
        if key.kind == Kind::POD {
            return self.collect_unscheduled(key, client);
        }
        if let Ok(found) = client.get(key) {
            if !found.as_kind::<Node>().is_some_and(is_out_of_service) {
                self.missing.remove(key);
                return Ok(Action::AwaitChange);
            }
            return match self.wait_for_look(key, SimDuration::ZERO, now) {
                Some(wait) => Ok(wait),
                None => collect_terminating(key, view, client),
            };
        }
        if let Some(wait) = self.wait_for_look(key, QUARANTINE, now) {
            return Ok(wait);
        }
        let on_node = |pod: &&Pod| pod.spec.node_name.as_deref() == Some(&*key.name);
        let pods: Vec<Pod> = view.list::<Pod>(None).filter(on_node).cloned().collect();
        for pod in pods {
            fail_and_delete(pod, true, client)?;
        }
        Ok(Action::AwaitChange)
    }
}

impl PodGcController {
    /// What is left to wait of `quarantine` and until the look that is for `key`, which the first call settles; `None` when that
    /// look is now. It is forgotten then, so that what comes after it waits for another.
    fn wait_for_look(&mut self, key: &Key, quarantine: SimDuration, now: SimTime) -> Option<Action> {
        let due = *self.missing.entry(key.clone()).or_insert_with(|| next_look(now)) + quarantine;
        if now < due {
            return Some(Action::RequeueAfter(due.since(now)));
        }
        self.missing.remove(key);
        None
    }

    /// A pod that is being deleted and never got a node has failed (`gcUnscheduledTerminatingPods`).
    fn collect_unscheduled(&mut self, key: &Key, client: &mut Client<'_>) -> Result<Action, Status> {
        let now = client.now();
        let found = client.get(key).ok();
        let pod = found.as_deref().and_then(Object::as_kind::<Pod>);
        let Some(pod) = pod.filter(|pod| pod.is_deleting() && pod.spec.node_name.is_none()) else {
            self.missing.remove(key);
            return Ok(Action::AwaitChange);
        };
        if let Some(wait) = self.wait_for_look(key, SimDuration::ZERO, now) {
            return Ok(wait);
        }
        if !is_terminal(pod) {
            fail_and_delete(pod.clone(), false, client)?;
        }
        Ok(Action::AwaitChange)
    }
}

/// Of the pods that have ended all but so many go, first those that were evicted, then the oldest (`gcTerminated`).
fn collect_ended(kept: usize, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
    let mut ended: Vec<&Pod> = view.list::<Pod>(None).filter(|pod| is_terminal(pod)).collect();
    let is_evicted = |pod: &Pod| {
        pod.status.phase.as_deref() == Some("Failed") && pod.status.reason.as_deref() == Some("Evicted")
    };
    sorting::sort_by(&mut ended, |a, b| {
        let key = |pod: &Pod| (!is_evicted(pod), pod.created());
        key(a).cmp(&key(b)).then_with(|| a.name().cmp(b.name()))
    });
    let excess = ended.len().saturating_sub(kept);
    for pod in ended.into_iter().take(excess) {
        fail_and_delete(pod.clone(), false, client)?;
    }
    Ok(Action::AwaitChange)
}

/// Whether somebody has said of a node that is not ready that it will not come back (`node.kubernetes.io/out-of-service`).
fn is_out_of_service(node: &Node) -> bool {
    node.spec.taints.iter().flatten().any(|taint| taint.key == "node.kubernetes.io/out-of-service")
        && !condition::is_true(node.status.conditions.as_deref(), "Ready")
}

/// The pods of such a node that are on their way out are taken to be gone (`gcTerminating`).
fn collect_terminating(node: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
    let going = |pod: &&Pod| pod.spec.node_name.as_deref() == Some(&*node.name) && pod.is_deleting();
    let pods: Vec<Pod> = view.list::<Pod>(None).filter(going).cloned().collect();
    for pod in pods {
        fail_and_delete(pod, false, client)?;
    }
    Ok(Action::AwaitChange)
}

/// The next look from `now` on: they come every 20 s.
fn next_look(now: SimTime) -> SimTime {
    SimTime(now.0.div_ceil(PERIOD.0).saturating_mul(PERIOD.0))
}

/// The pod failed, for all that anybody will ever know, and goes without grace.
fn fail_and_delete(mut pod: Pod, disrupted: bool, client: &mut Client<'_>) -> Result<(), Status> {
    let key = Key::new(Kind::POD, pod.namespace(), pod.name());
    if !is_terminal(&pod) {
        let (reason, message) = ("DeletionByPodGC", "PodGC: node no longer exists");
        let target = condition::disruption(reason, message, client.now(), pod.meta.generation);
        let status = Arc::make_mut(&mut pod.status);
        status.phase = Some("Failed".into());
        if disrupted {
            condition::set(&mut status.conditions, target);
        }
        if gone_is_fine(client.update_status(pod, None))?.is_none() {
            return Ok(());
        }
    }
    let options = DeleteOptions { grace_period_seconds: Some(0), ..Default::default() };
    gone_is_fine(client.delete(&key, &options, None)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Namespace;
    use crate::api::k8s::ObjectMeta;
    use crate::client::{Actor, ApiServer};

    #[test]
    fn of_the_pods_that_have_ended_the_evicted_go_first_and_then_the_oldest() {
        let mut api = ApiServer::new(1);
        let mut client = Client::new(&mut api, Actor::Environment, None);
        let meta = ObjectMeta { name: Some("default".into()), ..Default::default() };
        client.create(Namespace::new(meta, Default::default()), None).unwrap();
        for (name, phase, reason) in [
            ("a", "Succeeded", None),
            ("b", "Failed", None),
            ("c", "Failed", Some("Evicted")),
            ("d", "Running", None),
        ] {
            let mut pod = crate::testing::pod(name).build();
            Arc::make_mut(&mut pod.spec).containers[0].image = Some("app".into());
            let status = Arc::make_mut(&mut pod.status);
            (status.phase, status.reason) = (Some(phase.into()), reason.map(str::to_string));
            let made = client.create(pod.clone(), None).unwrap();
            pod.revision = made.revision;
            pod.meta = made.meta;
            client.update_status(pod, None).unwrap();
        }
        let view = client.live().clone();
        collect_ended(1, &view, &mut client).unwrap();
        let left: Vec<&str> = client.live().list::<Pod>(None).map(MetaExt::name).collect();
        assert_eq!(left, ["b", "d"]);
    }

    #[test]
    fn looks_come_every_twenty_seconds() {
        for (now, want) in [(0, 0), (1, 20), (20, 20), (39, 40)] {
            assert_eq!(next_look(SimTime::from_secs(now)), SimTime::from_secs(want), "at {now} s");
        }
    }
}
