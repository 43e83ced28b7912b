//! The scheduling framework: the extension points, in the order in which a pod passes them.
//!
//! A pod that enters the queue passes **PreEnqueue**. A cycle asks **PreFilter** of every plugin once, then **Filter** of
//! every plugin for every node until one refuses it; if no node is left, **PostFilter** looks for a way out. Otherwise
//! **PreScore** runs once, **Score** for every node left, **NormalizeScore** brings each plugin's scores to 0..=100, and
//! weights add them up. **Reserve** counts the pod on the node, **Bind** writes it.

pub mod diagnosis;
pub mod runtime;

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::cache::{Cache, NodeInfo};
use crate::api::Pod;
use crate::client::Change;

/// The highest score a plugin may give.
pub const MAX_NODE_SCORE: i64 = 100;

/// A refusal of a pod on a node, or of a pod altogether (`framework.Status` with a code that is not success).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Whether removing pods cannot help (`UnschedulableAndUnresolvable`).
    pub unresolvable: bool,
    /// The reasons that the event text counts.
    pub reasons: Vec<Arc<str>>,
    /// The numbers behind them, for people.
    pub detail: String,
}

impl Refusal {
    /// Removing pods could help.
    pub fn unschedulable(reason: &str, detail: String) -> Refusal {
        Refusal { unresolvable: false, reasons: vec![reason.into()], detail }
    }

    /// Nothing done to other pods can help.
    pub fn unresolvable(reason: &str, detail: String) -> Refusal {
        Refusal { unresolvable: true, reasons: vec![reason.into()], detail }
    }
}

/// What a plugin works out once per cycle and keeps for its later extension points.
pub type State = Option<Box<dyn Any>>;

/// The answer of PreFilter.
pub enum PreFilter {
    /// Filter has work to do. The nodes it names, if it does, are the only ones worth a look.
    Continue(State, Option<BTreeSet<Arc<str>>>),
    /// The plugin has nothing to say of this pod: its Filter is left out.
    Skip,
    /// No node can take the pod.
    Reject(Refusal),
}

/// The answer of PreScore.
pub enum PreScore {
    /// Score has work to do.
    Continue(State),
    /// The plugin's Score is left out.
    Skip,
}

/// One cycle: the pod and the nodes as they are.
pub struct Cycle<'a> {
    /// The pod to place.
    pub pod: &'a Pod,
    /// The nodes.
    pub cache: &'a Cache,
}

/// A plugin: whatever extension points it does not override have no effect.
pub trait Plugin: Sync {
    /// Its upstream name.
    fn name(&self) -> &'static str;

    /// Whether the pod may enter the queue; if not, why.
    fn pre_enqueue(&self, _pod: &Pod) -> Result<(), String> {
        Ok(())
    }

    /// Work done once per cycle, before the nodes are filtered.
    fn pre_filter(&self, _cycle: &Cycle<'_>) -> PreFilter {
        PreFilter::Continue(None, None)
    }

    /// Whether the pod can run on the node.
    ///
    /// # Errors
    /// The refusal, if it cannot.
    fn filter(&self, _cycle: &Cycle<'_>, _state: &State, _node: &NodeInfo) -> Result<(), Refusal> {
        Ok(())
    }

    /// Work done once per cycle, before the nodes left are scored.
    fn pre_score(&self, _cycle: &Cycle<'_>, _nodes: &[&NodeInfo]) -> PreScore {
        PreScore::Skip
    }

    /// The node's raw score.
    fn score(&self, _cycle: &Cycle<'_>, _state: &State, _node: &NodeInfo) -> i64 {
        0
    }

    /// Brings the raw scores of all nodes to 0..=100.
    fn normalize(&self, _cycle: &Cycle<'_>, _state: &State, _scores: &mut [i64]) {}

    /// Whether a change may make a pod schedulable that this plugin has refused (its queueing hint).
    fn may_help(&self, _change: &Change, _pod: &Pod) -> bool {
        false
    }
}

/// Scales scores so that the highest becomes 100 (`DefaultNormalizeScore`); `reverse` turns them round, for plugins that count
/// what speaks against a node.
pub fn default_normalize(scores: &mut [i64], reverse: bool) {
    let highest = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let scaled = if highest == 0 { 0 } else { MAX_NODE_SCORE * *score / highest };
        *score = if reverse { MAX_NODE_SCORE - scaled } else { scaled };
    }
}
