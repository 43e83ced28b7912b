//! `NodeName`: a pod that names its node runs there or nowhere.
//!
//! Upstream: `plugins/nodename`.

use crate::api::{Kind, Pod};
use crate::client::Change;
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, Plugin, Refusal, State};

/// See the module.
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn filter(&self, cycle: &Cycle<'_>, _: &State, node: &NodeInfo) -> Result<(), Refusal> {
        match cycle.pod.spec.node_name.as_deref() {
            Some(name) if !name.is_empty() && *name != *node.name => Err(Refusal::unresolvable(
                "node(s) didn't match the requested node name",
                format!("the pod names {name}"),
            )),
            _ => Ok(()),
        }
    }

    fn may_help(&self, change: &Change, _: &Pod) -> bool {
        change.key.kind == Kind::NODE && change.before.is_none()
    }
}
