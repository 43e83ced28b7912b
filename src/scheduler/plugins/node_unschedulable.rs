//! # What it does
//! Keeps pods off cordoned nodes (`spec.unschedulable`), unless they tolerate the taint
//! `node.kubernetes.io/unschedulable:NoSchedule`.
//! # Example
//! After `kubectl cordon node-1`: `node(s) were unschedulable`.
//! # Upstream
//! `plugins/nodeunschedulable`

use super::names;
use crate::api::k8s::Taint;
use crate::api::{Kind, Node, Object, taint};
use crate::client::Change;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point, Scope,
    Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct NodeUnschedulable;

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        names::NODE_UNSCHEDULABLE
    }

    fn scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 2] = [
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD.or(Action::UPDATE_NODE_TAINT)),
            ClusterEvent::new(EventResource::UnscheduledPod, Action::UPDATE_POD_TOLERATIONS),
        ];
        &EVENTS
    }

    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        match change.after.as_deref() {
            Some(Object::Node(node)) => {
                let was_cordoned = change.before.as_deref().and_then(Object::as_kind).is_none_or(is_cordoned);
                Hint::queue_if((was_cordoned && !is_cordoned(node)) || tolerates(pod))
            }
            _ => Hint::queue_if(tolerates(pod)),
        }
    }

    fn filter(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Status> {
        if is_cordoned(&node.node) && !tolerates(pod) {
            return Err(Status::unresolvable("node(s) were unschedulable"));
        }
        Ok(())
    }
}

fn is_cordoned(node: &Node) -> bool {
    node.spec.unschedulable == Some(true)
}

fn tolerates(pod: &PodInfo) -> bool {
    let cordon =
        Taint { key: taint::UNSCHEDULABLE.into(), effect: taint::NO_SCHEDULE.into(), ..Default::default() };
    taint::tolerated(pod.pod.spec.tolerations.as_deref().unwrap_or_default(), &cordon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::filter_message;
    use crate::testing::{node, pod};

    #[test]
    fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
        let cordoned = || node("n").unschedulable();
        let refused = Some("node(s) were unschedulable".to_string());
        assert_eq!(filter_message(&NodeUnschedulable, pod("a"), node("n")), None);
        assert_eq!(filter_message(&NodeUnschedulable, pod("a"), cordoned()), refused);
        let daemon = pod("a").toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule");
        assert_eq!(filter_message(&NodeUnschedulable, daemon, cordoned()), None);
    }
}
