//! `NodeResourcesBalancedAllocation`: prefers the node on which the pod makes the shares of CPU and memory in use more
//! alike, rather than less.
//!
//! Example: on an empty node of 8 CPUs and 32Gi, a pod of 2 CPUs and 6Gi brings the shares to 25 % and 18.75 %; their
//! deviation goes from 0 to 0.03125, which costs half of that: 75 - 1.56 = 73.
//! Upstream: `plugins/noderesources/balanced_allocation.go`.

use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, MAX_NODE_SCORE, Plugin, PreScore, State};
use crate::scheduler::resource::{Resources, pod_requests};

/// See the module.
pub struct NodeResourcesBalancedAllocation;

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn pre_score(&self, cycle: &Cycle<'_>, _: &[&NodeInfo]) -> PreScore {
        let asked = pod_requests(&cycle.pod.spec);
        if asked.cpu_milli == 0 && asked.memory_bytes == 0 {
            PreScore::Skip
        } else {
            PreScore::Continue(Some(Box::new(asked)))
        }
    }

    fn score(&self, _: &Cycle<'_>, state: &State, node: &NodeInfo) -> i64 {
        let Some(asked) = state.as_ref().and_then(|state| state.downcast_ref::<Resources>()) else {
            return 0;
        };
        let (have, used) = (&node.allocatable, &node.requested);
        let pairs = |cpu: i64, memory: i64| {
            [(used.cpu_milli + cpu, have.cpu_milli), (used.memory_bytes + memory, have.memory_bytes)]
        };
        let without = deviation(&pairs(0, 0));
        let with = deviation(&pairs(asked.cpu_milli, asked.memory_bytes));
        score(without, with)
    }
}

/// The deviation of the shares in use. Of two shares it is half their difference.
fn deviation(pairs: &[(i64, i64); 2]) -> f64 {
    let shares: Vec<f64> = pairs
        .iter()
        .filter(|(_, have)| *have > 0)
        .map(|(used, have)| (*used as f64 / *have as f64).min(1.0))
        .collect();
    match shares.as_slice() {
        [a, b] => ((a - b) / 2.0).abs(),
        _ => 0.0,
    }
}

/// How much better balanced the node is with the pod than without it, around 75.
fn score(without: f64, with: f64) -> i64 {
    let gain = (1.0 - with) - (1.0 - without);
    ((MAX_NODE_SCORE as f64) * (0.75 + gain / 2.0)).round() as i64
}
