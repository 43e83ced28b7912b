//! # What it does
//! Sorts the queue: the highest `spec.priority` first, and among equals the pod that has waited longest.
//! # Example
//! Pods of priority 0, 1000 and 0 are tried in the order 2, 1, 3.
//! # Upstream
//! `plugins/queuesort`

use super::names;
use crate::scheduler::framework::{Plugin, PodInfo, Point};

/// See the module.
#[derive(Debug, Default)]
pub struct PrioritySort;

impl Plugin for PrioritySort {
    fn name(&self) -> &'static str {
        names::PRIORITY_SORT
    }

    fn points(&self) -> &'static [Point] {
        &[Point::QueueSort]
    }

    fn queue_rank(&self, pod: &PodInfo) -> i64 {
        -i64::from(pod.priority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pod;

    #[test]
    fn the_higher_priority_ranks_first() {
        let rank = |priority| PrioritySort.queue_rank(&PodInfo::new(pod("a").priority(priority).build()));
        assert!(rank(1_000) < rank(0));
        assert!(rank(0) < rank(-1));
        assert!(rank(i32::MAX) < rank(i32::MIN));
    }
}
