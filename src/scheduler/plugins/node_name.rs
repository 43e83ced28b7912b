//! # What it does
//! A pod that names its node runs there or nowhere.
//! # Example
//! `nodeName: node-2`: all other nodes answer `node(s) didn't match the requested node name`. (A pod that carries the field
//! when it is created never reaches a scheduler; the kubelet of that node takes it.)
//! # Upstream
//! `plugins/nodename`

use super::names;
use crate::api::Kind;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, NodeInfo, Plugin, PodInfo, Point, Scope, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        names::NODE_NAME
    }

    fn scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 1] = [ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD)];
        &EVENTS
    }

    fn filter(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Status> {
        match pod.pod.spec.node_name.as_deref() {
            Some(name) if !name.is_empty() && *name != *node.name => {
                Err(Status::unresolvable("node(s) didn't match the requested node name"))
            }
            _ => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, _: &NodeInfo) -> String {
        format!("the pod names {}", pod.pod.spec.node_name.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::filter_message;
    use crate::testing::{node, pod};

    #[test]
    fn a_pod_that_names_its_node_fits_only_there() {
        assert_eq!(filter_message(&NodeName, pod("a"), node("n")), None);
        assert_eq!(filter_message(&NodeName, pod("a").node("n"), node("n")), None);
        assert_eq!(
            filter_message(&NodeName, pod("a").node("m"), node("n")).as_deref(),
            Some("node(s) didn't match the requested node name")
        );
    }
}
