//! `TaintToleration`: keeps pods off nodes whose taints they do not tolerate, and prefers nodes with fewer
//! `PreferNoSchedule` taints that they do not.
//!
//! Example: `gpu=true:NoSchedule` refuses every pod without a toleration for key `gpu`.
//! Upstream: `plugins/tainttoleration`.

use crate::api::k8s::{Taint, Toleration};
use crate::api::{Kind, Pod, taint};
use crate::client::Change;
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, Plugin, PreScore, Refusal, State, default_normalize};

/// See the module.
pub struct TaintToleration;

fn tolerations(pod: &Pod) -> &[Toleration] {
    pod.spec.tolerations.as_deref().unwrap_or_default()
}

fn taints(node: &NodeInfo) -> &[Taint] {
    node.node.spec.taints.as_deref().unwrap_or_default()
}

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, cycle: &Cycle<'_>, _: &State, node: &NodeInfo) -> Result<(), Refusal> {
        let hard = |taint: &&Taint| taint.effect == taint::NO_SCHEDULE || taint.effect == taint::NO_EXECUTE;
        match taints(node).iter().filter(hard).find(|taint| !taint::tolerated(tolerations(cycle.pod), taint))
        {
            Some(taint) => {
                Err(Refusal::unresolvable("node(s) had untolerated taint(s)", taint::format_taint(taint)))
            }
            None => Ok(()),
        }
    }

    fn pre_score(&self, _: &Cycle<'_>, _: &[&NodeInfo]) -> PreScore {
        PreScore::Continue(None)
    }

    fn score(&self, cycle: &Cycle<'_>, _: &State, node: &NodeInfo) -> i64 {
        let soft = |toleration: &&Toleration| {
            matches!(toleration.effect.as_deref(), None | Some("" | taint::PREFER_NO_SCHEDULE))
        };
        let tolerations: Vec<Toleration> = tolerations(cycle.pod).iter().filter(soft).cloned().collect();
        let counts = |taint: &&Taint| {
            taint.effect == taint::PREFER_NO_SCHEDULE && !taint::tolerated(&tolerations, taint)
        };
        taints(node).iter().filter(counts).count() as i64
    }

    fn normalize(&self, _: &Cycle<'_>, _: &State, scores: &mut [i64]) {
        default_normalize(scores, true);
    }

    fn may_help(&self, change: &Change, _: &Pod) -> bool {
        change.key.kind == Kind::NODE
    }
}
