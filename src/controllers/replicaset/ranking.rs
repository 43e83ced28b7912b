//! Which pods go when there are too many (`ActivePodsWithRanks`): those without a node first, then pending ones, those
//! not ready, the cheaper by the deletion-cost annotation, those doubled up on a node, the most recently ready, those
//! with more restarts, the younger.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use crate::api::{MetaExt, Pod, ReplicaSet, condition};
use crate::client::View;
use crate::clock::SimTime;

use super::is_active;

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A pod that goes, and what put it before the others.
pub struct Victim<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// Why it rather than one that stays.
    pub why: String,
}

/// The criteria in order of weight, each as a number that is lower for a pod that goes sooner.
struct Rank {
    bound: bool,
    phase: u8,
    ready: bool,
    cost: i64,
    doubled: Reverse<usize>,
    ready_age: Reverse<Option<SimTime>>,
    restarts: Reverse<i32>,
    created: Reverse<SimTime>,
}

impl Rank {
    fn of(pod: &Pod, on_node: &BTreeMap<&str, usize>) -> Rank {
        let ready = condition::find(pod.status.conditions.as_deref(), "Ready")
            .filter(|condition| condition.status == "True");
        let phase = match pod.status.phase.as_deref() {
            Some("Pending") => 0,
            Some("Running") => 2,
            _ => 1,
        };
        let node = pod.spec.node_name.as_deref();
        Rank {
            bound: node.is_some(),
            phase,
            ready: ready.is_some(),
            cost: pod.annotation(DELETION_COST).and_then(|cost| cost.parse().ok()).unwrap_or(0),
            doubled: Reverse(node.and_then(|node| on_node.get(node)).copied().unwrap_or(0)),
            ready_age: Reverse(ready.and_then(|c| c.last_transition_time.as_ref()).map(SimTime::from_time)),
            restarts: Reverse(
                pod.status
                    .container_statuses
                    .iter()
                    .flatten()
                    .map(|status| status.restart_count)
                    .max()
                    .unwrap_or(0),
            ),
            created: Reverse(pod.created()),
        }
    }

    /// The order of two pods and the criterion that decided.
    fn compare(&self, other: &Rank) -> (Ordering, &'static str) {
        let criteria = [
            (self.bound.cmp(&other.bound), "it has no node"),
            (self.phase.cmp(&other.phase), "it is not running"),
            (self.ready.cmp(&other.ready), "it is not ready"),
            (self.cost.cmp(&other.cost), "its deletion cost is lower"),
            (self.doubled.cmp(&other.doubled), "more pods of its set share its node"),
            (self.ready_age.cmp(&other.ready_age), "it became ready last"),
            (self.restarts.cmp(&other.restarts), "it has restarted more often"),
            (self.created.cmp(&other.created), "it is the youngest"),
        ];
        criteria
            .into_iter()
            .find(|(order, _)| *order != Ordering::Equal)
            .unwrap_or((Ordering::Equal, "all are equal"))
    }
}

/// The `count` pods that go, in order.
pub fn victims<'a>(set: &ReplicaSet, active: &[&'a Pod], count: usize, view: &View) -> Vec<Victim<'a>> {
    let owner = set.controller().map(|owner| owner.uid.clone());
    // Doubling up is counted over all pods of the Deployment, so that old and new pods spread together.
    let related = |pod: &&Pod| match (&owner, pod.controller()) {
        (_, Some(mine)) if mine.uid == set.uid() => true,
        (Some(owner), Some(other)) => view
            .get::<ReplicaSet>(pod.namespace(), &other.name)
            .is_some_and(|sibling| sibling.is_controlled_by(owner)),
        _ => false,
    };
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in view.list::<Pod>(Some(set.namespace())).filter(related).filter(|pod| is_active(pod)) {
        if let Some(node) = pod.spec.node_name.as_deref() {
            *on_node.entry(node).or_default() += 1;
        }
    }
    let mut ranked: Vec<(Rank, &'a Pod)> = active.iter().map(|pod| (Rank::of(pod, &on_node), *pod)).collect();
    ranked.sort_by(|(a, x), (b, y)| a.compare(b).0.then_with(|| x.uid().cmp(y.uid())));
    let keeper = ranked.get(count).map(|(rank, _)| rank);
    let why = |rank: &Rank| {
        keeper.map_or("the set shrinks to nothing", |keeper| rank.compare(keeper).1).to_string()
    };
    ranked.iter().take(count).map(|(rank, pod)| Victim { pod, why: why(rank) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ObjectMeta, PodCondition, PodSpec};
    use std::sync::Arc;

    fn pod(name: &str, node: Option<&str>, phase: &str, ready_at: Option<u64>) -> Pod {
        let meta = ObjectMeta { name: Some(name.into()), uid: Some(name.into()), ..Default::default() };
        let mut pod = Pod::new(meta, PodSpec { node_name: node.map(str::to_string), ..Default::default() });
        let status = Arc::make_mut(&mut pod.status);
        status.phase = Some(phase.into());
        status.conditions = ready_at.map(|secs| {
            vec![PodCondition {
                type_: "Ready".into(),
                status: "True".into(),
                last_transition_time: Some(SimTime::from_secs(secs).to_time()),
                ..Default::default()
            }]
        });
        pod
    }

    #[test]
    fn the_least_useful_pod_goes_first() {
        let pods = [
            pod("old-ready", Some("n1"), "Running", Some(1)),
            pod("young-ready", Some("n2"), "Running", Some(9)),
            pod("unready", Some("n3"), "Running", None),
            pod("pending", Some("n3"), "Pending", None),
            pod("unbound", None, "Pending", None),
        ];
        let active: Vec<&Pod> = pods.iter().collect();
        let set = ReplicaSet::new(ObjectMeta::default(), Default::default());
        let order: Vec<&str> = victims(&set, &active, 5, &View::default())
            .iter()
            .map(|victim| victim.pod.meta.name.as_deref().unwrap_or(""))
            .collect();
        assert_eq!(order, ["unbound", "pending", "unready", "young-ready", "old-ready"]);
    }
}
