//! `NodeResourcesFit`: a pod runs where what it asks for is free, and rather where much is free (`LeastAllocated`).
//!
//! Example: a node of 4 CPUs with 3.6 requested refuses a pod that asks for 600m: `Insufficient cpu`. Were it to ask for 5
//! CPUs, the refusal would be final, since no removal of pods helps.
//! Upstream: `plugins/noderesources/fit.go`, `least_allocated.go`.

use crate::api::{Kind, Pod, quantity};
use crate::client::Change;
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, MAX_NODE_SCORE, Plugin, PreFilter, PreScore, Refusal, State};
use crate::scheduler::resource::{Resources, pod_requests, pod_requests_nonzero};

/// See the module.
pub struct NodeResourcesFit;

/// One resource that does not suffice.
struct Shortage {
    reason: String,
    final_: bool,
    detail: String,
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn pre_filter(&self, cycle: &Cycle<'_>) -> PreFilter {
        PreFilter::Continue(Some(Box::new(pod_requests(&cycle.pod.spec))), None)
    }

    fn filter(&self, _: &Cycle<'_>, state: &State, node: &NodeInfo) -> Result<(), Refusal> {
        let Some(asked) = state.as_ref().and_then(|state| state.downcast_ref::<Resources>()) else {
            return Ok(());
        };
        if fits(asked, node) {
            return Ok(());
        }
        let shortages = shortages(asked, node);
        Err(Refusal {
            unresolvable: shortages.iter().any(|shortage| shortage.final_),
            detail: shortages.iter().map(|shortage| shortage.detail.as_str()).collect::<Vec<_>>().join("; "),
            reasons: shortages.into_iter().map(|shortage| shortage.reason.into()).collect(),
        })
    }

    fn pre_score(&self, cycle: &Cycle<'_>, _: &[&NodeInfo]) -> PreScore {
        PreScore::Continue(Some(Box::new(pod_requests_nonzero(&cycle.pod.spec))))
    }

    /// The mean of the free shares of CPU and memory, in percent, each rounded down. A node of 8 CPUs and 32Gi that would
    /// have 2 CPUs and 6Gi requested scores (75 + 81) / 2 = 78.
    fn score(&self, _: &Cycle<'_>, state: &State, node: &NodeInfo) -> i64 {
        let (cpu, memory) =
            state.as_ref().and_then(|state| state.downcast_ref::<(i64, i64)>()).copied().unwrap_or_default();
        let parts = [
            (node.nonzero.0 + cpu, node.allocatable.cpu_milli),
            (node.nonzero.1 + memory, node.allocatable.memory_bytes),
        ];
        let (mut sum, mut weights) = (0, 0);
        for (requested, capacity) in parts.into_iter().filter(|(_, capacity)| *capacity > 0) {
            sum += if requested > capacity { 0 } else { (capacity - requested) * MAX_NODE_SCORE / capacity };
            weights += 1;
        }
        if weights == 0 { 0 } else { sum / weights }
    }

    fn may_help(&self, change: &Change, _: &Pod) -> bool {
        match change.key.kind {
            Kind::NODE => true,
            _ => change.after.as_ref().is_none_or(|after| after.as_kind::<Pod>().is_some_and(finished)),
        }
    }
}

fn finished(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// The answer alone, for the many nodes where it is yes.
fn fits(asked: &Resources, node: &NodeInfo) -> bool {
    let (have, used) = (&node.allocatable, &node.requested);
    let room = |asked: i64, have: i64, used: i64| asked == 0 || asked <= have - used;
    (node.pods.len() as i64) < node.allowed_pods
        && room(asked.cpu_milli, have.cpu_milli, used.cpu_milli)
        && room(asked.memory_bytes, have.memory_bytes, used.memory_bytes)
        && room(asked.ephemeral_bytes, have.ephemeral_bytes, used.ephemeral_bytes)
        && asked.scalar.iter().all(|(name, asked)| {
            room(
                *asked,
                have.scalar.get(name).copied().unwrap_or(0),
                used.scalar.get(name).copied().unwrap_or(0),
            )
        })
}

fn shortages(asked: &Resources, node: &NodeInfo) -> Vec<Shortage> {
    let (have, used) = (&node.allocatable, &node.requested);
    let mut found = Vec::new();
    if node.pods.len() as i64 >= node.allowed_pods {
        let detail = format!("{} of {} pods", node.pods.len(), node.allowed_pods);
        found.push(Shortage { reason: "Too many pods".into(), final_: false, detail });
    }
    let mut check = |name: &str, asked: i64, have: i64, used: i64, show: fn(i64) -> String| {
        if asked > 0 && asked > have - used {
            let free = show((have - used).max(0));
            let detail = format!("{name}: needs {}, {free} of {} free", show(asked), show(have));
            found.push(Shortage { reason: format!("Insufficient {name}"), final_: asked > have, detail });
        }
    };
    check("cpu", asked.cpu_milli, have.cpu_milli, used.cpu_milli, quantity::format_milli);
    check("memory", asked.memory_bytes, have.memory_bytes, used.memory_bytes, quantity::format_bytes);
    check(
        "ephemeral-storage",
        asked.ephemeral_bytes,
        have.ephemeral_bytes,
        used.ephemeral_bytes,
        quantity::format_bytes,
    );
    for (name, asked) in &asked.scalar {
        let of = |list: &Resources| list.scalar.get(name).copied().unwrap_or(0);
        check(name, *asked, of(have), of(used), |amount| amount.to_string());
    }
    found
}
