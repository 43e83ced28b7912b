//! # What it does
//! A port of the node goes to one pod only.
//! # Example
//! Two pods with `hostPort: 8080` never share a node, unless they ask for different addresses or protocols.
//! # Upstream
//! `plugins/nodeports`

use super::names;
use crate::api::{Kind, Object};
use crate::client::Change;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, HostPort, NodeInfo, Plugin, PodInfo,
    Point, PreFilterResult, Scope, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct NodePorts;

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        names::NODE_PORTS
    }

    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 2] = [
            ClusterEvent::new(EventResource::AssignedPod, Action::DELETE),
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD),
        ];
        &EVENTS
    }

    /// A pod that goes helps if it had one of the ports.
    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        match change.object().as_ref() {
            Object::Pod(gone) => {
                let gone = PodInfo::new(gone.clone());
                Hint::queue_if(
                    gone.ports.iter().any(|port| pod.ports.iter().any(|wanted| wanted.conflicts(port))),
                )
            }
            _ => Hint::Queue,
        }
    }

    fn pre_filter(
        &self,
        _: &Context<'_>,
        _: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        if pod.ports.is_empty() { Err(Status::skip()) } else { Ok(None) }
    }

    fn filter(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Status> {
        match taken(pod, node) {
            Some(_) => {
                Err(Status::unschedulable("node(s) didn't have free ports for the requested pod ports"))
            }
            None => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        taken(pod, node)
            .map(|port| format!("{} port {} is taken", port.protocol, port.port))
            .unwrap_or_default()
    }
}

/// The first port that the pod wants and cannot have.
fn taken<'a>(pod: &'a PodInfo, node: &NodeInfo) -> Option<&'a HostPort> {
    pod.ports.iter().find(|wanted| node.used_ports.iter().any(|used| used.conflicts(wanted)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scheduler::plugins::test_support::filter_message_beside;
    use crate::testing::{PodBuilder, node, pod};

    #[track_caller]
    fn check(what: &str, wanted: PodBuilder, there: PodBuilder, fits: bool) {
        let got = filter_message_beside(&NodePorts, wanted, node("n"), [there]);
        assert_eq!(got.is_none(), fits, "{what}: {got:?}");
    }

    #[test]
    fn ports_clash_by_number_protocol_and_address() {
        let port = |address: &str, protocol: &str, number| pod("a").host_port(address, protocol, number);
        check("no ports", pod("a"), port("", "TCP", 80), true);
        check("the same port", port("", "TCP", 80), port("", "TCP", 80), false);
        check("another number", port("", "TCP", 80), port("", "TCP", 81), true);
        check("another protocol", port("", "TCP", 80), port("", "UDP", 80), true);
        check("different addresses", port("10.0.0.1", "TCP", 80), port("10.0.0.2", "TCP", 80), true);
        check("one on all addresses", port("10.0.0.1", "TCP", 80), port("", "TCP", 80), false);
        check("the other on all addresses", port("", "TCP", 80), port("10.0.0.1", "TCP", 80), false);
    }

    #[test]
    fn a_port_that_two_pods_have_is_free_when_one_of_them_goes() {
        let port = |name: &str| PodInfo::new(pod(name).host_port("", "TCP", 80).build());
        let mut info = NodeInfo::new(&node("n").build());
        info.add_pod(Arc::new(port("a")));
        info.add_pod(Arc::new(port("b")));
        assert!(taken(&port("c"), &info).is_some());
        info.remove_pod(&port("b"));
        assert!(taken(&port("c"), &info).is_none(), "as upstream, which keeps a set");
    }
}
