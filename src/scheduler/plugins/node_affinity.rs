//! # What it does
//! A pod runs only on nodes that its `nodeSelector` and its required node affinity match, and prefers those that match its
//! preferred terms.
//! # Example
//! `nodeSelector: {disk: ssd}` refuses every node without that label. Of two nodes that meet preferred terms of weight 80 and
//! 20 the first scores 100, the second 25.
//! # Upstream
//! `plugins/nodeaffinity`

use std::sync::Arc;

use super::{Args, Made, names};
use crate::api::field_error::{FieldError, Path};
use crate::api::k8s;
use crate::api::node_selector::{
    PreferredTerms, RequiredNodeAffinity, Term, named_nodes, required_terms, term_errors,
};
use crate::api::{Kind, Object, typed};
use crate::client::Change;
use crate::scheduler::framework::{
    Action, ClusterEvent, Code, Context, CycleState, EventResource, Hint, NodeInfo, Normalization, Plugin,
    PodInfo, Point, PreFilterResult, Scope, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct NodeAffinity {
    /// What every pod of the profile requires and prefers beside its own (`addedAffinity`).
    added: Added,
}

/// What is added.
#[derive(Clone, Debug, Default)]
struct Added {
    required: Option<Vec<Term>>,
    preferred: Option<PreferredTerms>,
}

/// The pod's own preferences, and the added ones.
#[derive(Clone, Debug)]
struct Preferences(PreferredTerms, Option<PreferredTerms>);

impl NodeAffinity {
    /// By `NodeAffinityArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        let rules: k8s::NodeAffinity = typed::read(&args.value["addedAffinity"]).unwrap_or_default();
        let required = rules.required_during_scheduling_ignored_during_execution;
        let required = required.map(|rule| rule.node_selector_terms);
        let preferred = rules.preferred_during_scheduling_ignored_during_execution;
        let path = args.path.child("addedAffinity");
        let mut errors = Vec::new();
        for (place, term) in required.iter().flatten().enumerate() {
            let path =
                path.child("requiredDuringSchedulingIgnoredDuringExecution").child("nodeSelectorTerms");
            term_errors(term, &path.index(place), &mut errors);
        }
        for (place, term) in preferred.iter().flatten().enumerate() {
            let path = path.child("preferredDuringSchedulingIgnoredDuringExecution").index(place);
            term_errors(&term.preference, &path, &mut errors);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let required = required.map(|terms| terms.iter().map(Term::new).collect());
        let preferred = preferred.filter(|terms| !terms.is_empty()).map(|terms| PreferredTerms::new(&terms));
        Ok(Arc::new(NodeAffinity { added: Added { required, preferred } }))
    }
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        names::NODE_AFFINITY
    }

    fn scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter, Point::PreScore, Point::Score]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 1] =
            [ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD.or(Action::UPDATE_NODE_LABEL))];
        &EVENTS
    }

    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        let required = RequiredNodeAffinity::new(&pod.pod);
        let matched = |object: Option<&Object>| {
            object.and_then(Object::as_kind).is_some_and(|node| required.matches(node))
        };
        Hint::queue_if(matched(change.after.as_deref()) && !matched(change.before.as_deref()))
    }

    fn pre_filter(
        &self,
        _: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let terms = required_terms(&pod.pod);
        if terms.is_none() && pod.pod.spec.node_selector.is_none() && self.added.required.is_none() {
            return Err(Status::skip());
        }
        state.write(RequiredNodeAffinity::new(&pod.pod));
        match terms.filter(|terms| !terms.is_empty()).and_then(named_nodes) {
            Some(names) if names.is_empty() => Err(Status::unresolvable("pod affinity terms conflict")),
            names => Ok(names),
        }
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        if self
            .added
            .required
            .as_ref()
            .is_some_and(|terms| !terms.iter().any(|term| term.matches(&node.node)))
        {
            return Err(Status::unresolvable("node(s) didn't match scheduler-enforced node affinity"));
        }
        if state.read::<RequiredNodeAffinity>().is_none_or(|required| required.matches(&node.node)) {
            return Ok(());
        }
        Err(Status::unresolvable("node(s) didn't match Pod's node affinity/selector"))
    }

    fn detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(required) = state.read::<RequiredNodeAffinity>() else { return String::new() };
        match required.missing_label(&node.node) {
            Some((key, value)) => format!("nodeSelector wants {key}={value}"),
            None => "no term of the required node affinity matches".into(),
        }
    }

    fn pre_score(&self, _: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let rules = pod.pod.spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        let preferred =
            rules.and_then(|rules| rules.preferred_during_scheduling_ignored_during_execution.as_ref());
        if preferred.is_none() && self.added.preferred.is_none() {
            return Err(Status::skip());
        }
        let preferred = preferred.map_or(&[][..], |terms| terms);
        let mut errors = Vec::new();
        for (place, term) in preferred.iter().enumerate().filter(|(_, term)| term.weight != 0) {
            term_errors(&term.preference, &Path::default().index(place), &mut errors);
        }
        if !errors.is_empty() {
            return Err(Status::new(Code::Error, FieldError::together(&errors)));
        }
        let own = PreferredTerms::new(preferred);
        state.write(Preferences(own, self.added.preferred.clone()));
        Ok(())
    }

    /// The sum of the weights of the preferred terms that the node meets.
    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        let Some(Preferences(own, added)) = state.read() else { return 0 };
        own.score(&node.node) + added.as_ref().map_or(0, |added| added.score(&node.node))
    }

    fn score_detail(&self, cx: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        format!("preferred terms of weight {} in all match", self.score(cx, state, pod, node))
    }

    fn normalization(&self) -> Normalization {
        Normalization::Highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::{filter_message, scores};
    use crate::testing::{PodBuilder, node, pod};

    #[track_caller]
    fn check(what: &str, pod: PodBuilder, fits: bool) {
        let node = node("n1").label("disk", "ssd").label("cores", "8");
        let want = (!fits).then(|| "node(s) didn't match Pod's node affinity/selector".to_string());
        assert_eq!(filter_message(&NodeAffinity::default(), pod, node), want, "{what}");
    }

    #[test]
    fn required_terms_are_alternatives_and_their_conditions_are_not() {
        let expression =
            |key: &str, operator: &str, values: &[&str]| pod("a").node_affinity(&[(key, operator, values)]);
        check("a selector that matches", pod("a").node_selector("disk", "ssd"), true);
        check("a selector that does not", pod("a").node_selector("disk", "hdd"), false);
        check("In", expression("disk", "In", &["hdd", "ssd"]), true);
        check("NotIn", expression("disk", "NotIn", &["ssd"]), false);
        check("NotIn of an absent label", expression("gpu", "NotIn", &["x"]), true);
        check("Exists", expression("disk", "Exists", &[]), true);
        check("DoesNotExist", expression("disk", "DoesNotExist", &[]), false);
        check("Gt", expression("cores", "Gt", &["7"]), true);
        check("Lt", expression("cores", "Lt", &["8"]), false);
        check("Gt of what is no number", expression("disk", "Gt", &["1"]), false);
        check("Gt with what is no number", expression("cores", "Gt", &["x"]), false);
        check(
            "two conditions in one term",
            pod("a").node_affinity(&[("disk", "In", &["ssd"]), ("cores", "Lt", &["4"])]),
            false,
        );
        check(
            "two terms",
            pod("a").node_affinity(&[("disk", "In", &["hdd"])]).node_affinity(&[("cores", "Exists", &[])]),
            true,
        );
        check("an empty term", pod("a").node_affinity(&[]), false);
    }

    #[test]
    fn preferred_terms_add_their_weights() {
        let nodes = [node("a").label("disk", "ssd"), node("b").label("zone", "z"), node("c")];
        let picky = pod("p")
            .preferred_node_affinity(80, &[("disk", "In", &["ssd"])])
            .preferred_node_affinity(20, &[("zone", "Exists", &[])]);
        assert_eq!(scores(NodeAffinity::default(), picky, nodes, []), [100, 25, 0]);
    }
}
