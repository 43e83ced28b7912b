//! Takes one pod through the extension points of a profile's plugins.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Cycle, Plugin, PreFilter, PreScore, Refusal, State};
use crate::api::explain::{NodeVerdict, PluginScore, Rejection};
use crate::scheduler::cache::NodeInfo;

/// The reason of a node that a PreFilter result leaves out.
const NOT_NAMED: &str = "node(s) didn't satisfy plugin(s)";

/// A plugin's place in a profile: scoring plugins have a weight.
pub struct Enabled {
    /// The plugin.
    pub plugin: &'static dyn Plugin,
    /// What its normalised scores are multiplied with; zero for a plugin that does not score.
    pub weight: i64,
}

/// What a cycle found out.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// A plugin that refused the pod as a whole.
    pub rejected: Option<(&'static str, Refusal)>,
    /// Every node's verdict, in name order; empty if the pod was refused as a whole.
    pub verdicts: Vec<NodeVerdict>,
    /// The plugins that refused some node: what they need is what may help.
    pub refusing: BTreeSet<&'static str>,
}

impl Evaluation {
    /// The nodes that can run the pod.
    pub fn feasible(&self) -> impl Iterator<Item = &NodeVerdict> {
        self.verdicts.iter().filter(|verdict| verdict.rejection.is_none())
    }

    /// The feasible nodes with the highest total.
    pub fn best(&self) -> Vec<&NodeVerdict> {
        let highest = self.feasible().map(|verdict| verdict.total).max();
        self.feasible().filter(|verdict| Some(verdict.total) == highest).collect()
    }
}

/// How much of the scoring to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// As the scheduler does: none if fewer than two nodes are left.
    AsNeeded,
    /// Always, to be looked at.
    Always,
}

/// Filters and scores all nodes for a pod.
pub fn evaluate(profile: &[Enabled], cycle: &Cycle<'_>, scoring: Scoring) -> Evaluation {
    let mut evaluation = Evaluation::default();
    let mut states: Vec<Option<State>> = Vec::with_capacity(profile.len());
    let mut named: Option<(BTreeSet<Arc<str>>, Vec<&'static str>)> = None;
    for enabled in profile {
        match enabled.plugin.pre_filter(cycle) {
            PreFilter::Skip => states.push(None),
            PreFilter::Continue(state, nodes) => {
                states.push(Some(state));
                if let Some(nodes) = nodes {
                    named = Some(intersect(named, nodes, enabled.plugin.name()));
                }
            }
            PreFilter::Reject(refusal) => {
                evaluation.refusing.insert(enabled.plugin.name());
                evaluation.rejected = Some((enabled.plugin.name(), refusal));
                return evaluation;
            }
        }
    }
    let mut feasible: Vec<&NodeInfo> = Vec::new();
    for node in cycle.cache.nodes() {
        let rejection = match &named {
            Some((names, plugins)) if !names.contains(&node.name) => {
                evaluation.refusing.extend(plugins.iter().copied());
                Some(Rejection {
                    plugin: "".into(),
                    unresolvable: true,
                    reasons: vec![format!("{NOT_NAMED} [{}]", plugins.join(" ")).into()],
                    detail: String::new(),
                })
            }
            _ => filter(profile, &states, cycle, node, &mut evaluation.refusing),
        };
        if rejection.is_none() {
            feasible.push(node);
        }
        evaluation.verdicts.push(NodeVerdict { node: node.name.clone(), rejection, ..Default::default() });
    }
    if feasible.len() > 1 || (scoring == Scoring::Always && !feasible.is_empty()) {
        score(profile, cycle, &feasible, &mut evaluation);
    }
    evaluation
}

type Named = (BTreeSet<Arc<str>>, Vec<&'static str>);

fn intersect(named: Option<Named>, nodes: BTreeSet<Arc<str>>, plugin: &'static str) -> Named {
    match named {
        None => (nodes, vec![plugin]),
        Some((known, mut plugins)) => {
            plugins.push(plugin);
            (known.intersection(&nodes).cloned().collect(), plugins)
        }
    }
}

/// The first refusal, as the real framework stops at the first.
fn filter(
    profile: &[Enabled],
    states: &[Option<State>],
    cycle: &Cycle<'_>,
    node: &NodeInfo,
    refusing: &mut BTreeSet<&'static str>,
) -> Option<Rejection> {
    for (enabled, state) in profile.iter().zip(states) {
        let Some(state) = state else { continue };
        if let Err(refusal) = enabled.plugin.filter(cycle, state, node) {
            refusing.insert(enabled.plugin.name());
            return Some(Rejection {
                plugin: enabled.plugin.name().into(),
                unresolvable: refusal.unresolvable,
                reasons: refusal.reasons,
                detail: refusal.detail,
            });
        }
    }
    None
}

fn score(profile: &[Enabled], cycle: &Cycle<'_>, nodes: &[&NodeInfo], evaluation: &mut Evaluation) {
    let mut rows: Vec<&mut NodeVerdict> =
        evaluation.verdicts.iter_mut().filter(|verdict| verdict.rejection.is_none()).collect();
    for enabled in profile.iter().filter(|enabled| enabled.weight > 0) {
        let PreScore::Continue(state) = enabled.plugin.pre_score(cycle, nodes) else { continue };
        let raw: Vec<i64> = nodes.iter().map(|node| enabled.plugin.score(cycle, &state, node)).collect();
        let mut normalized = raw.clone();
        enabled.plugin.normalize(cycle, &state, &mut normalized);
        let name: Arc<str> = enabled.plugin.name().into();
        for ((row, raw), normalized) in rows.iter_mut().zip(raw).zip(normalized) {
            row.scores.push(PluginScore { plugin: name.clone(), raw, normalized, weight: enabled.weight });
            row.total += normalized * enabled.weight;
        }
    }
}
