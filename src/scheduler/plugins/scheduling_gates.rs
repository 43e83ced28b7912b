//! # What it does
//! Keeps a pod out of the queue as long as it has scheduling gates.
//! # Example
//! `schedulingGates: [{name: example.com/quota}]`: the pod reads `SchedulingGated` until somebody removes the gate.
//! # Upstream
//! `plugins/schedulinggates`

use super::names;
use crate::client::View;
use crate::scheduler::framework::{Action, ClusterEvent, EventResource, Plugin, PodInfo, Point, Status};

/// See the module.
#[derive(Debug, Default)]
pub struct SchedulingGates;

impl Plugin for SchedulingGates {
    fn name(&self) -> &'static str {
        names::SCHEDULING_GATES
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreEnqueue]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 1] =
            [ClusterEvent::new(EventResource::UnscheduledPod, Action::UPDATE_POD_GATES_ELIMINATED)];
        &EVENTS
    }

    fn pre_enqueue(&self, _: &View, pod: &PodInfo) -> Result<(), Status> {
        let gates: Vec<&str> =
            pod.pod.spec.scheduling_gates.iter().flatten().map(|gate| gate.name.as_str()).collect();
        if gates.is_empty() {
            return Ok(());
        }
        Err(Status::unresolvable(format!("waiting for scheduling gates: [{}]", gates.join(" "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pod;

    #[test]
    fn a_pod_waits_for_all_its_gates() {
        let answer = |pod: crate::testing::PodBuilder| {
            SchedulingGates
                .pre_enqueue(&View::default(), &PodInfo::new(pod.build()))
                .map_err(|status| status.message())
        };
        assert_eq!(answer(pod("free")), Ok(()));
        assert_eq!(
            answer(pod("gated").gate("a").gate("b")),
            Err("waiting for scheduling gates: [a b]".to_string())
        );
    }
}
