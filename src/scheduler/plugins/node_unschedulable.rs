//! `NodeUnschedulable`: a cordoned node takes no pods, but those that tolerate the taint that stands for it.
//!
//! Upstream: `plugins/nodeunschedulable`.

use crate::api::k8s::Taint;
use crate::api::{Kind, taint};
use crate::client::Change;
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, Plugin, Refusal, State};

/// See the module.
pub struct NodeUnschedulable;

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, cycle: &Cycle<'_>, _: &State, node: &NodeInfo) -> Result<(), Refusal> {
        if node.node.spec.unschedulable != Some(true) {
            return Ok(());
        }
        let cordon = Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            effect: taint::NO_SCHEDULE.into(),
            value: None,
            time_added: None,
        };
        if taint::tolerated(cycle.pod.spec.tolerations.as_deref().unwrap_or_default(), &cordon) {
            return Ok(());
        }
        Err(Refusal::unresolvable("node(s) were unschedulable", "spec.unschedulable is true".into()))
    }

    fn may_help(&self, change: &Change, _: &crate::api::Pod) -> bool {
        change.key.kind == Kind::NODE
    }
}
