//! Which pods go when there are too many (`ActivePodsWithRanks`). The criteria in order: a pod without a node goes first,
//! then one that is pending, one that is not ready, one of lower deletion cost, one that shares its node with more pods of
//! its Deployment, one ready for a shorter time, one that restarted more often, a younger one.
//!
//! Times are compared by magnitude only (the logarithm of the age), so that a rollout's survivors are not always the oldest:
//! pods ready for 5 s and 7 s are alike, those of 7 s and 9 s are not, and among alike ones the uid decides.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use crate::api::{MetaExt, Pod};
use crate::clock::SimTime;
use crate::controllers::pods::{is_ready, max_restarts, ready_since};

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What of an active pod counts here, read once for each version of it: a set of thousands is gone through often.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The pod's name.
    pub name: Arc<str>,
    uid: Arc<str>,
    /// Its node, by a number that the caller has for each; [`NOWHERE`] for none.
    node: usize,
    phase: u8,
    ready: bool,
    cost: i32,
    ready_since: Option<SimTime>,
    restarts: i32,
    sidecar_restarts: i32,
    created: SimTime,
}

/// The number of no node.
pub const NOWHERE: usize = 0;

impl Standing {
    /// That of a pod on a node of this number.
    pub fn of(pod: &Pod, node: usize) -> Standing {
        let (restarts, sidecar_restarts) = max_restarts(pod);
        Standing {
            name: pod.name().into(),
            uid: pod.uid().into(),
            node,
            phase: match pod.status.phase.as_deref() {
                Some("Pending") => 0,
                Some("Running") => 2,
                _ => 1,
            },
            ready: is_ready(pod),
            cost: deletion_cost(pod),
            ready_since: ready_since(pod),
            restarts,
            sidecar_restarts,
            created: pod.created(),
        }
    }
}

/// A pod that goes, and what put it before the first of those that stay.
pub struct Victim<'a> {
    /// The pod.
    pub pod: &'a Standing,
    /// The criterion that decided, in words.
    pub why: &'static str,
}

/// How many pods each node holds.
pub fn per_node(pods: &[Standing]) -> Vec<usize> {
    let most = pods.iter().map(|pod| pod.node).max().unwrap_or(NOWHERE);
    let mut on_node = vec![0; most + 1];
    pods.iter().for_each(|pod| on_node[pod.node] += 1);
    on_node
}

/// The `count` pods that go, in the order in which they are deleted. `on_node`: how many active pods each node holds. Of a set
/// of thousands few go at a time: only those and the first that stays are kept in order.
pub fn victims<'a>(
    active: &mut dyn Iterator<Item = &'a Standing>,
    count: usize,
    on_node: &[usize],
    now: SimTime,
) -> Vec<Victim<'a>> {
    let mut first: Vec<(Rank, &Standing)> = Vec::with_capacity(count + 2);
    for pod in active {
        let rank = Rank::of(pod, on_node, now);
        let goes_before = |(other, than): &(Rank, &Standing)| {
            other.cmp(&rank).then_with(|| than.uid.cmp(&pod.uid)) == Ordering::Less
        };
        if first.len() > count && first.last().is_some_and(goes_before) {
            continue;
        }
        let place = first.partition_point(goes_before);
        first.insert(place, (rank, pod));
        first.truncate(count + 1);
    }
    let keeper = first.get(count).map(|(rank, _)| rank);
    let why = |rank: &Rank| keeper.map_or("none is wanted", |keeper| rank.compare(keeper));
    first.iter().take(count).map(|(rank, pod)| Victim { pod, why: why(rank) }).collect()
}

/// The criteria, each as a value that is lower for a pod that goes sooner.
///
/// Upstream lets the uid decide between two pods ready for times of one magnitude; that is no total order once restarts come in
/// for pods ready since the same second, so here restarts always come first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    bound: bool,
    phase: u8,
    ready: bool,
    cost: i32,
    doubled: Reverse<usize>,
    ready_for: i32,
    restarts: Reverse<i32>,
    sidecar_restarts: Reverse<i32>,
    age: i32,
}

impl Rank {
    fn of(pod: &Standing, on_node: &[usize], now: SimTime) -> Rank {
        Rank {
            bound: pod.node != NOWHERE,
            phase: pod.phase,
            ready: pod.ready,
            cost: pod.cost,
            doubled: Reverse(on_node.get(pod.node).copied().unwrap_or(0)),
            ready_for: pod.ready_since.map_or(-1, |since| magnitude(since, now)),
            restarts: Reverse(pod.restarts),
            sidecar_restarts: Reverse(pod.sidecar_restarts),
            age: magnitude(pod.created, now),
        }
    }

    /// The criterion by which two pods differ.
    fn compare(&self, other: &Rank) -> &'static str {
        let criteria = [
            (self.bound == other.bound, "it has no node"),
            (self.phase == other.phase, "it is not running"),
            (self.ready == other.ready, "it is not ready"),
            (self.cost == other.cost, "its deletion cost is lower"),
            (self.doubled == other.doubled, "its node holds more pods of the same workload"),
            (self.ready_for == other.ready_for, "it has been ready for a shorter time"),
            (self.restarts == other.restarts, "it has restarted more often"),
            (self.sidecar_restarts == other.sidecar_restarts, "its sidecars have restarted more often"),
            (self.age == other.age, "it is younger"),
        ];
        let decided = criteria.into_iter().find(|(same, _)| !same);
        decided.map_or("they are alike and one had to go", |(_, why)| why)
    }
}

/// The annotation's number if it is a whole number in Go's eyes (`+5` and `007` are none), else zero.
fn deletion_cost(pod: &Pod) -> i32 {
    let Some(text) = pod.annotation(DELETION_COST) else { return 0 };
    text.parse::<i32>().ok().filter(|cost| cost.to_string() == text).unwrap_or(0)
}

/// The whole part of the binary logarithm of an age in nanoseconds; -1 for no age.
fn magnitude(since: SimTime, now: SimTime) -> i32 {
    let nanos = now.since(since).0.saturating_mul(1_000);
    nanos.checked_ilog2().map_or(-1, |log| i32::try_from(log).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ContainerStatus, ObjectMeta, PodCondition, PodSpec};
    use std::sync::Arc;

    const NOW: SimTime = SimTime::from_secs(1_000);

    fn running(name: &str, node: &str, ready_at: Option<u64>) -> Pod {
        let meta = ObjectMeta {
            name: Some(name.into()),
            uid: Some(name.into()),
            creation_timestamp: Some(SimTime::from_secs(1).to_time()),
            ..Default::default()
        };
        let mut pod = Pod::new(meta, PodSpec { node_name: Some(node.into()), ..Default::default() });
        let status = Arc::make_mut(&mut pod.status);
        status.phase = Some("Running".into());
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

    fn with(mut pod: Pod, change: impl FnOnce(&mut Pod)) -> Pod {
        change(&mut pod);
        pod
    }

    fn order(pods: &[Pod]) -> Vec<String> {
        // Nodes are called n1, n2 and so on.
        let number =
            |pod: &Pod| pod.spec.node_name.as_ref().map_or(NOWHERE, |name| name[1..].parse().unwrap());
        let standings: Vec<Standing> = pods.iter().map(|pod| Standing::of(pod, number(pod))).collect();
        let victims = victims(&mut standings.iter(), pods.len(), &per_node(&standings), NOW);
        victims.iter().map(|victim| victim.pod.name.to_string()).collect()
    }

    #[test]
    fn the_least_useful_pod_goes_first() {
        let unbound = with(running("unbound", "n9", None), |pod| {
            Arc::make_mut(&mut pod.spec).node_name = None;
            Arc::make_mut(&mut pod.status).phase = Some("Pending".into());
        });
        let pending = with(running("pending", "n3", None), |pod| {
            Arc::make_mut(&mut pod.status).phase = Some("Pending".into());
        });
        let restarted = with(running("restarted", "n4", None), |pod| {
            let crashed = ContainerStatus { restart_count: 3, ..Default::default() };
            Arc::make_mut(&mut pod.status).container_statuses = Some(vec![crashed]);
        });
        let cheap = with(running("cheap", "n1", Some(10)), |pod| {
            let annotations = Arc::make_mut(&mut pod.meta).annotations.get_or_insert_default();
            annotations.insert(DELETION_COST.into(), "-5".into());
        });
        let pods = [
            running("old-ready", "n1", Some(1)),
            running("young-ready", "n2", Some(990)),
            running("unready", "n5", None),
            cheap,
            restarted,
            pending,
            unbound,
        ];
        assert_eq!(
            order(&pods),
            ["unbound", "pending", "restarted", "unready", "cheap", "old-ready", "young-ready"],
            "n1 holds two, so its old pod goes before the young one alone on n2"
        );
    }

    #[test]
    fn ages_of_one_magnitude_are_alike_and_the_uid_decides() {
        // Ready for 5 s and 7 s: both between 2^32 and 2^33 ns. 9 s is past 2^33.
        let pods =
            [running("b", "n1", Some(993)), running("a", "n2", Some(995)), running("c", "n3", Some(991))];
        assert_eq!(order(&pods), ["a", "b", "c"]);
        let now_ready = [running("a", "n1", Some(991)), running("b", "n2", Some(995))];
        assert_eq!(order(&now_ready), ["b", "a"]);
    }

    #[test]
    fn a_deletion_cost_that_go_would_not_print_back_is_none() {
        for (text, want) in [("7", 7), ("-7", -7), ("+7", 0), ("007", 0), ("x", 0), ("99999999999", 0)] {
            let pod = with(running("p", "n1", None), |pod| {
                let annotations = Arc::make_mut(&mut pod.meta).annotations.get_or_insert_default();
                annotations.insert(DELETION_COST.into(), text.into());
            });
            assert_eq!(deletion_cost(&pod), want, "{text}");
        }
    }
}
