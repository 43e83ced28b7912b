//! `NodePorts`: a port of the node goes to one pod only.
//!
//! Upstream: `plugins/nodeports`.

use crate::api::{Kind, Pod};
use crate::client::Change;
use crate::scheduler::cache::{HostPort, NodeInfo, host_ports};
use crate::scheduler::framework::{Cycle, Plugin, PreFilter, Refusal, State};

/// See the module.
pub struct NodePorts;

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn pre_filter(&self, cycle: &Cycle<'_>) -> PreFilter {
        let ports = host_ports(cycle.pod);
        if ports.is_empty() { PreFilter::Skip } else { PreFilter::Continue(Some(Box::new(ports)), None) }
    }

    fn filter(&self, _: &Cycle<'_>, state: &State, node: &NodeInfo) -> Result<(), Refusal> {
        let wanted = state.as_ref().and_then(|state| state.downcast_ref::<Vec<HostPort>>());
        let clash =
            wanted.into_iter().flatten().find(|port| node.ports.iter().any(|taken| conflict(port, taken)));
        match clash {
            Some((_, protocol, port)) => {
                let why = format!("{protocol} port {port} is taken");
                Err(Refusal::unschedulable("node(s) didn't have free ports for the requested pod ports", why))
            }
            None => Ok(()),
        }
    }

    fn may_help(&self, change: &Change, _: &Pod) -> bool {
        change.key.kind == Kind::NODE || change.after.is_none()
    }
}

/// The wildcard address clashes with every address.
fn conflict(a: &HostPort, b: &HostPort) -> bool {
    a.1 == b.1 && a.2 == b.2 && (a.0 == b.0 || a.0 == "0.0.0.0" || b.0 == "0.0.0.0")
}
