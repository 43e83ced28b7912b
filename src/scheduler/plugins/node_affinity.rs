//! `NodeAffinity`: a pod runs only on nodes that its `nodeSelector` and required node affinity match, and rather on those
//! that its preferred terms match.
//!
//! Example: `nodeSelector: {disk: ssd}` refuses every node without that label.
//! Upstream: `plugins/nodeaffinity`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::k8s::{NodeAffinity as Rules, NodeSelectorRequirement, NodeSelectorTerm};
use crate::api::selector::{Operator, Requirement, Selector};
use crate::api::{Kind, MetaExt, Pod};
use crate::client::Change;
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, Plugin, PreFilter, PreScore, Refusal, State, default_normalize};

/// See the module.
pub struct NodeAffinity;

const REASON: &str = "node(s) didn't match Pod's node affinity/selector";

fn rules(pod: &Pod) -> Option<&Rules> {
    pod.spec.affinity.as_ref()?.node_affinity.as_ref()
}

fn required(pod: &Pod) -> Option<&[NodeSelectorTerm]> {
    let selector = rules(pod)?.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(&selector.node_selector_terms)
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn pre_filter(&self, cycle: &Cycle<'_>) -> PreFilter {
        let terms = required(cycle.pod);
        let selects = cycle.pod.spec.node_selector.as_ref().is_some_and(|selector| !selector.is_empty());
        if terms.is_none() && !selects {
            return PreFilter::Skip;
        }
        let named = terms.filter(|terms| !terms.is_empty()).and_then(named_nodes);
        match named {
            Some(names) if names.is_empty() => {
                let why = "pod affinity terms conflict";
                PreFilter::Reject(Refusal::unresolvable(why, String::new()))
            }
            named => PreFilter::Continue(None, named),
        }
    }

    fn filter(&self, cycle: &Cycle<'_>, _: &State, node: &NodeInfo) -> Result<(), Refusal> {
        let selector = cycle.pod.spec.node_selector.as_ref().map(Selector::from_map).unwrap_or_default();
        if let Some(missing) =
            selector.requirements.iter().find(|requirement| !requirement.matches(node.node.labels()))
        {
            let why = format!("nodeSelector wants {}={}", missing.key, missing.values.concat());
            return Err(Refusal::unresolvable(REASON, why));
        }
        match required(cycle.pod) {
            Some(terms) if !terms.iter().any(|term| matches(term, node)) => {
                Err(Refusal::unresolvable(REASON, "no required node affinity term matches".into()))
            }
            _ => Ok(()),
        }
    }

    fn pre_score(&self, cycle: &Cycle<'_>, _: &[&NodeInfo]) -> PreScore {
        let preferred = rules(cycle.pod)
            .and_then(|rules| rules.preferred_during_scheduling_ignored_during_execution.as_ref());
        if preferred.is_none_or(Vec::is_empty) { PreScore::Skip } else { PreScore::Continue(None) }
    }

    fn score(&self, cycle: &Cycle<'_>, _: &State, node: &NodeInfo) -> i64 {
        let preferred = rules(cycle.pod)
            .and_then(|rules| rules.preferred_during_scheduling_ignored_during_execution.as_ref());
        let matching = preferred
            .into_iter()
            .flatten()
            .filter(|term| term.weight != 0 && matches(&term.preference, node));
        matching.map(|term| i64::from(term.weight)).sum()
    }

    fn normalize(&self, _: &Cycle<'_>, _: &State, scores: &mut [i64]) {
        default_normalize(scores, false);
    }

    fn may_help(&self, change: &Change, _: &Pod) -> bool {
        change.key.kind == Kind::NODE
    }
}

/// The nodes that the terms name by `metadata.name`, if every term names some: then no other is worth a look.
fn named_nodes(terms: &[NodeSelectorTerm]) -> Option<BTreeSet<Arc<str>>> {
    let mut all = BTreeSet::new();
    for term in terms {
        let mut names: Option<BTreeSet<Arc<str>>> = None;
        for field in term
            .match_fields
            .iter()
            .flatten()
            .filter(|field| field.key == "metadata.name" && field.operator == "In")
        {
            let values: BTreeSet<Arc<str>> =
                field.values.iter().flatten().map(|value| Arc::from(value.as_str())).collect();
            names = Some(
                names.map_or_else(|| values.clone(), |known| known.intersection(&values).cloned().collect()),
            );
        }
        all.extend(names?);
    }
    Some(all)
}

/// Whether a term matches: all its expressions and fields do. A term without any matches nothing.
fn matches(term: &NodeSelectorTerm, node: &NodeInfo) -> bool {
    let empty = |list: &Option<Vec<NodeSelectorRequirement>>| list.as_ref().is_none_or(Vec::is_empty);
    if empty(&term.match_expressions) && empty(&term.match_fields) {
        return false;
    }
    let expressions = term.match_expressions.iter().flatten();
    let fields = term.match_fields.iter().flatten();
    expressions.map(requirement).all(|r| r.is_some_and(|r| r.matches(node.node.labels())))
        && fields
            .map(requirement)
            .all(|r| r.is_some_and(|r| r.key == "metadata.name" && r.holds_for(Some(&node.name))))
}

fn requirement(field: &NodeSelectorRequirement) -> Option<Requirement> {
    let operator = Operator::parse(&field.operator)?;
    let values = field.values.clone().unwrap_or_default();
    if matches!(operator, Operator::Gt | Operator::Lt)
        && values.first().is_none_or(|value| value.parse::<i64>().is_err())
    {
        return None;
    }
    Some(Requirement { key: field.key.clone(), operator, values })
}
