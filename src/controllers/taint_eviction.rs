//! The taint eviction controller: pods leave a node whose `NoExecute` taints they do not tolerate, at once or when their
//! `tolerationSeconds` are over. Models `pkg/controller/tainteviction`.

use sorted::{SortedMap, SortedSet};
use std::sync::Arc;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::k8s::{ObjectReference, Taint, Toleration};
use crate::api::taint::{NO_EXECUTE, tolerates};
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, Status, condition};
use crate::client::recorder::EventType;
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// The controller, with the times of the evictions that are due later, and the pods whose taints or tolerations are news.
#[derive(Clone, Debug, Default)]
pub struct TaintEvictionController {
    planned: SortedMap<Key, SimTime>,
    news: SortedSet<Key>,
    /// Those whose eviction has been said, and has failed.
    failed: SortedSet<Key>,
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
                        let key = Key::new(Kind::POD, pod.namespace(), pod.name());
                        self.news.insert(key.clone());
                        queue.add(key, Some(change.revision));
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
                    self.news.insert(change.key.clone());
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            // Its eviction is off, and that is said.
            None if self.planned.contains_key(&change.key) => {
                queue.add(change.key.clone(), Some(change.revision));
            }
            _ => {}
        }
    }

    /// Models `processPodOnNode`. A pod that is on its way out already is treated like any other.
    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let news = self.news.remove(key);
        let Some(pod) = view.get::<Pod>(&key.namespace, &key.name) else {
            self.cancel(key, client);
            return Ok(Action::AwaitChange);
        };
        let node = pod.spec.node_name.as_deref().and_then(|node| view.get::<Node>("", node));
        let now = client.now();
        // Of a node that is gone nothing is known; what was planned stays planned.
        if let Some(node) = node.filter(|_| news) {
            let taints: Vec<&Taint> = no_execute(node).collect();
            match patience(&taints, pod.spec.tolerations.as_deref().unwrap_or_default()) {
                Patience::Endless => self.cancel(key, client),
                Patience::None => {
                    self.cancel(key, client);
                    return self.evict(key, client);
                }
                // A plan stands, whatever other taints come that are tolerated for a while.
                Patience::For(wait) => drop(self.planned.entry(key.clone()).or_insert(now + wait)),
            }
        }
        match self.planned.get(key) {
            Some(due) if *due <= now => self.evict(key, client),
            Some(due) => Ok(Action::RequeueAfter(due.since(now))),
            None => Ok(Action::AwaitChange),
        }
    }
}

impl TaintEvictionController {
    fn cancel(&mut self, key: &Key, client: &mut Client<'_>) {
        self.failed.remove(key);
        if self.planned.remove(key).is_some() {
            let message = format!("Cancelling deletion of Pod {}/{}", key.namespace, key.name);
            client.event(about(key), EventType::Normal, "TaintManagerEviction", message);
        }
    }

    /// Says that the pod goes, marks and deletes it. What fails is tried again, and not said again.
    fn evict(&mut self, key: &Key, client: &mut Client<'_>) -> Result<Action, Status> {
        self.planned.remove(key);
        if !self.failed.remove(key) {
            let message = format!("Marking for deletion Pod {}/{}", key.namespace, key.name);
            client.event(about(key), EventType::Normal, "TaintManagerEviction", message);
        }
        let done = mark_and_delete(key, client);
        if done.is_err() {
            self.planned.insert(key.clone(), client.now());
            self.failed.insert(key.clone());
        }
        done
    }
}

/// Models `addConditionAndDeletePod`.
fn mark_and_delete(key: &Key, client: &mut Client<'_>) -> Result<Action, Status> {
    let Ok(found) = client.get(key) else { return Ok(Action::AwaitChange) };
    let Some(pod) = found.as_kind::<Pod>() else { return Ok(Action::AwaitChange) };
    let mut target = pod.clone();
    let (reason, message) = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint");
    let disrupted = condition::disruption(reason, message, client.now(), pod.meta.generation);
    condition::set(&mut Arc::make_mut(&mut target.status).conditions, disrupted);
    if gone_is_fine(client.update_status(target, None))?.is_some() {
        gone_is_fine(client.delete(key, &DeleteOptions::default(), None))?;
    }
    Ok(Action::AwaitChange)
}

/// The pod, as its events name it: by its name alone, so that `kubectl describe` does not show them.
fn about(pod: &Key) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        name: Some(pod.name.to_string()),
        namespace: Some(pod.namespace.to_string()),
        ..Default::default()
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
    /// For so long.
    For(SimDuration),
    /// Not at all.
    None,
}

/// How long a pod with these tolerations bears these taints: not at all if it does not tolerate one of them; else as long as
/// the shortest `tolerationSeconds` among the tolerations that match, for ever if none is bounded.
fn patience(taints: &[&Taint], tolerations: &[Toleration]) -> Patience {
    let matching: Option<Vec<&Toleration>> =
        taints.iter().map(|taint| tolerated(taint, tolerations)).collect();
    let Some(matching) = matching else { return Patience::None };
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
            (vec![&a], vec![], Patience::None),
            (vec![&a], vec![toleration("a", None)], Patience::Endless),
            (vec![&a], vec![toleration("a", Some(30))], secs(30)),
            (vec![&a], vec![toleration("a", Some(-5))], secs(0)),
            (vec![&a, &b], vec![toleration("a", Some(30)), toleration("b", Some(3))], secs(3)),
            (vec![&a, &b], vec![toleration("a", None), toleration("b", Some(3))], secs(3)),
            (vec![&a, &b], vec![toleration("a", None)], Patience::None),
        ];
        for (taints, tolerations, want) in cases {
            assert_eq!(patience(&taints, &tolerations), want, "{taints:?} {tolerations:?}");
        }
    }
}
