//! The taint eviction controller: pods leave a node whose `NoExecute` taints they do not tolerate, at once or when their
//! `tolerationSeconds` are over. Models `pkg/controller/tainteviction`.

use sorted::SortedMap;
use std::sync::Arc;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::k8s::{PodCondition, Taint, Toleration};
use crate::api::taint::{NO_EXECUTE, tolerates};
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, Status, condition};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// The controller, with the evictions that are due later: since when they are planned, and until when they wait.
#[derive(Clone, Debug, Default)]
pub struct TaintEvictionController {
    planned: SortedMap<Key, Planned>,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    since: SimTime,
    due: SimTime,
}

impl Controller for TaintEvictionController {
    fn name(&self) -> &'static str {
        "taint-eviction-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NODE, Kind::POD]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match change.after.as_deref() {
            Some(Object::Node(node)) => {
                let before = change.before.as_deref().and_then(|before| before.as_kind::<Node>());
                let taints: Vec<&Taint> = no_execute(node).collect();
                if before.is_none_or(|before| no_execute(before).collect::<Vec<_>>() != taints)
                    && (before.is_some() || !taints.is_empty())
                {
                    let on_node = |pod: &&Pod| pod.spec.node_name.as_deref() == Some(node.name());
                    for pod in view.list::<Pod>(None).filter(on_node) {
                        queue.add(Key::new(Kind::POD, pod.namespace(), pod.name()), Some(change.revision));
                    }
                }
            }
            Some(Object::Pod(pod)) => {
                let node = pod.spec.node_name.as_deref().and_then(|node| view.get::<Node>("", node));
                let tainted = node.is_some_and(|node| no_execute(node).next().is_some());
                let bound_or_tolerant = change.before.as_deref().and_then(|before| before.as_kind::<Pod>());
                let news = bound_or_tolerant.is_none_or(|before| {
                    before.spec.node_name != pod.spec.node_name
                        || before.spec.tolerations != pod.spec.tolerations
                });
                if tainted && news {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            None if change.key.kind == Kind::POD => drop(self.planned.remove(&change.key)),
            _ => {}
        }
    }

    /// Models `processPodOnNode`.
    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let pod = view.get::<Pod>(&key.namespace, &key.name).filter(|pod| !pod.is_deleting());
        let Some(pod) = pod else {
            self.planned.remove(key);
            return Ok(Action::AwaitChange);
        };
        let node = pod.spec.node_name.as_deref().and_then(|node| view.get::<Node>("", node));
        let taints: Vec<&Taint> = node.map(|node| no_execute(node).collect()).unwrap_or_default();
        let tolerations = pod.spec.tolerations.as_deref().unwrap_or_default();
        let now = client.now();
        match patience(&taints, tolerations) {
            Patience::Endless => {
                self.cancel(key, pod, client);
                Ok(Action::AwaitChange)
            }
            Patience::For(SimDuration::ZERO) => self.evict(key, pod, client),
            Patience::For(wait) => {
                // A plan runs on when another taint comes, as long as it is due no later than a new one would be.
                let planned =
                    *self.planned.entry(key.clone()).or_insert(Planned { since: now, due: now + wait });
                let due = planned.due.min(planned.since + wait);
                self.planned.insert(key.clone(), Planned { since: planned.since, due });
                if due <= now {
                    self.evict(key, pod, client)
                } else {
                    Ok(Action::RequeueAfter(due.since(now)))
                }
            }
        }
    }
}

impl TaintEvictionController {
    fn cancel(&mut self, key: &Key, pod: &Pod, client: &mut Client<'_>) {
        if self.planned.remove(key).is_some() {
            let message = format!("Cancelling deletion of Pod {}/{}", pod.namespace(), pod.name());
            client.event(reference(pod), EventType::Normal, "TaintManagerEviction", message);
        }
    }

    fn evict(&mut self, key: &Key, pod: &Pod, client: &mut Client<'_>) -> Result<Action, Status> {
        let message = format!("Marking for deletion Pod {}/{}", pod.namespace(), pod.name());
        client.event(reference(pod), EventType::Normal, "TaintManagerEviction", message);
        let mut target = pod.clone();
        let disrupted = PodCondition {
            type_: "DisruptionTarget".into(),
            status: "True".into(),
            reason: Some("DeletionByTaintManager".into()),
            message: Some("Taint manager: deleting due to NoExecute taint".into()),
            last_transition_time: Some(client.now().to_time()),
            observed_generation: pod.meta.generation,
            ..Default::default()
        };
        condition::set(&mut Arc::make_mut(&mut target.status).conditions, disrupted);
        // The kubelet writes the same status; the condition goes onto whatever version there is now.
        target.revision = client.get(key).map_or(0, |object| object.revision());
        if gone_is_fine(client.update_status(target, None))?.is_some() {
            gone_is_fine(client.delete(key, &DeleteOptions::default(), None))?;
        }
        self.planned.remove(key);
        Ok(Action::AwaitChange)
    }
}

fn no_execute(node: &Node) -> impl Iterator<Item = &Taint> {
    node.spec.taints.iter().flatten().filter(|taint| taint.effect == NO_EXECUTE)
}

/// What a pod bears of its node, for those who explain it: each `NoExecute` taint, and how many seconds it is tolerated.
/// `None`: not at all; `Some(None)`: for ever.
pub fn borne<'a>(pod: &Pod, node: &'a Node) -> Vec<(&'a Taint, Option<Option<i64>>)> {
    let tolerations = pod.spec.tolerations.as_deref().unwrap_or_default();
    let by = |taint: &'a Taint| (taint, tolerated(taint, tolerations).map(|found| found.toleration_seconds));
    no_execute(node).map(by).collect()
}

fn tolerated<'a>(taint: &Taint, tolerations: &'a [Toleration]) -> Option<&'a Toleration> {
    tolerations.iter().find(|toleration| tolerates(toleration, taint))
}

/// How long a pod stays on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Whatever happens.
    Endless,
    /// For so long; zero if not at all.
    For(SimDuration),
}

/// How long a pod with these tolerations bears these taints: not at all if it does not tolerate one of them; else as long as
/// the shortest `tolerationSeconds` among the tolerations that match, for ever if none is bounded.
fn patience(taints: &[&Taint], tolerations: &[Toleration]) -> Patience {
    let matching: Option<Vec<&Toleration>> =
        taints.iter().map(|taint| tolerated(taint, tolerations)).collect();
    let Some(matching) = matching else { return Patience::For(SimDuration::ZERO) };
    let bounded = matching.iter().filter_map(|toleration| toleration.toleration_seconds);
    bounded.min().map_or(Patience::Endless, |seconds| {
        Patience::For(SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_stays_as_long_as_its_least_patient_toleration() {
        let taint = |key: &str| Taint { key: key.into(), effect: NO_EXECUTE.into(), ..Default::default() };
        let toleration = |key: &str, seconds| Toleration {
            key: Some(key.into()),
            operator: Some("Exists".into()),
            toleration_seconds: seconds,
            ..Default::default()
        };
        let (a, b) = (taint("a"), taint("b"));
        let secs = |secs| Patience::For(SimDuration::from_secs(secs));
        let cases = [
            (vec![], vec![], Patience::Endless),
            (vec![&a], vec![], secs(0)),
            (vec![&a], vec![toleration("a", None)], Patience::Endless),
            (vec![&a], vec![toleration("a", Some(30))], secs(30)),
            (vec![&a], vec![toleration("a", Some(-5))], secs(0)),
            (vec![&a, &b], vec![toleration("a", Some(30)), toleration("b", Some(3))], secs(3)),
            (vec![&a, &b], vec![toleration("a", None), toleration("b", Some(3))], secs(3)),
            (vec![&a, &b], vec![toleration("a", None)], secs(0)),
        ];
        for (taints, tolerations, want) in cases {
            assert_eq!(patience(&taints, &tolerations), want, "{taints:?} {tolerations:?}");
        }
    }
}
