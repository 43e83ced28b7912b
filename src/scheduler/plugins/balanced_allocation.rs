//! `NodeResourcesBalancedAllocation`: prefers the node on which the pod makes the shares of CPU and memory in use more
//! alike, rather than less.
//!
//! Example: on an empty node of 8 CPUs and 32Gi, a pod of 2 CPUs and 6Gi brings the shares to 25 % and 18.75 %; their
//! deviation goes from 0 to 0.03125, so the balance falls from 100 to 96, and half of that is lost: 73.
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

/// How much better balanced the node is with the pod than without it, around 75. Each balance is cut to a whole number
/// before they are compared.
fn score(without: f64, with: f64) -> i64 {
    let balance = |deviation: f64| ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64;
    MAX_NODE_SCORE / 2 + (MAX_NODE_SCORE / 2 + balance(with) - balance(without)) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_evens_out_scores_above_75_and_one_that_skews_below() {
        let cases = [
            ([(0, 8), (0, 32)], [(2, 8), (6, 32)], 73),
            ([(0, 8), (0, 32)], [(2, 8), (8, 32)], 75),
            ([(4, 8), (0, 32)], [(4, 8), (16, 32)], 87),
        ];
        for (without, with, want) in cases {
            assert_eq!(score(deviation(&without), deviation(&with)), want, "{without:?} to {with:?}");
        }
    }
}
