//! # What it does
//! Keeps pods off nodes with a taint `NoSchedule` or `NoExecute` that they do not tolerate, and prefers nodes with fewer
//! untolerated `PreferNoSchedule` taints.
//! # Example
//! Of three nodes with 0, 1 and 2 untolerated `PreferNoSchedule` taints the first scores 100, the second 50, the third 0.
//! # Upstream
//! `plugins/tainttoleration`

use super::names;
use crate::api::k8s::{Taint, Toleration};
use crate::api::taint::{NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, format_taint, tolerated};
use crate::api::{Kind, Node, Object};
use crate::client::Change;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, NodeInfo, Normalization, Plugin, PodInfo,
    Point, Scope, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct TaintToleration;

/// The pod's tolerations that have a say about `PreferNoSchedule`.
#[derive(Clone, Debug)]
struct PreferNoScheduleTolerations(Vec<Toleration>);

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        names::TAINT_TOLERATION
    }

    fn scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[Point::Filter, Point::PreScore, Point::Score]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 2] = [
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD.or(Action::UPDATE_NODE_TAINT)),
            ClusterEvent::new(EventResource::UnscheduledPod, Action::UPDATE_POD_TOLERATIONS),
        ];
        &EVENTS
    }

    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        let Some(Object::Node(node)) = change.after.as_deref() else { return Hint::Queue };
        let was_kept_off = match change.before.as_deref() {
            Some(Object::Node(before)) => untolerated(before, pod).is_some(),
            _ => true,
        };
        Hint::queue_if(was_kept_off && untolerated(node, pod).is_none())
    }

    fn filter(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Status> {
        match untolerated(&node.node, pod) {
            Some(_) => Err(Status::unresolvable("node(s) had untolerated taint(s)")),
            None => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        untolerated(&node.node, pod).map(format_taint).unwrap_or_default()
    }

    fn pre_score(&self, _: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let speaks_of_it = |toleration: &&Toleration| {
            matches!(toleration.effect.as_deref(), None | Some("" | PREFER_NO_SCHEDULE))
        };
        let tolerations = pod.pod.spec.tolerations.iter().flatten().filter(speaks_of_it);
        state.write(PreferNoScheduleTolerations(tolerations.cloned().collect()));
        Ok(())
    }

    /// How many of the node's `PreferNoSchedule` taints the pod does not tolerate.
    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        disliked(state, node).count() as i64
    }

    fn score_detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let taints: Vec<String> = disliked(state, node).map(format_taint).collect();
        if taints.is_empty() {
            "no taint to dislike".into()
        } else {
            format!("dislikes {}", taints.join(", "))
        }
    }

    fn normalization(&self) -> Normalization {
        Normalization::HighestReversed
    }
}

/// The taints `PreferNoSchedule` that the pod does not tolerate.
fn disliked<'a>(state: &'a CycleState, node: &'a NodeInfo) -> impl Iterator<Item = &'a Taint> {
    let tolerations = state.read::<PreferNoScheduleTolerations>().map_or(&[][..], |note| &note.0);
    let taints = node.node.spec.taints.iter().flatten();
    taints.filter(|taint| taint.effect == PREFER_NO_SCHEDULE && !tolerated(tolerations, taint))
}

/// The first taint that keeps the pod off the node.
fn untolerated<'a>(node: &'a Node, pod: &PodInfo) -> Option<&'a Taint> {
    let tolerations = pod.pod.spec.tolerations.as_deref().unwrap_or_default();
    let mut taints = node.spec.taints.iter().flatten();
    taints.find(|taint| {
        matches!(taint.effect.as_str(), NO_SCHEDULE | NO_EXECUTE) && !tolerated(tolerations, taint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::{filter_message, scores};
    use crate::testing::{node, pod};

    #[test]
    fn a_taint_keeps_off_what_does_not_tolerate_it() {
        let refused = Some("node(s) had untolerated taint(s)".to_string());
        let tainted = |effect: &str| node("n").taint("gpu", "yes", effect);
        assert_eq!(filter_message(&TaintToleration, pod("a"), tainted("NoSchedule")), refused);
        assert_eq!(filter_message(&TaintToleration, pod("a"), tainted("NoExecute")), refused);
        assert_eq!(filter_message(&TaintToleration, pod("a"), tainted("PreferNoSchedule")), None);
        let tolerant = || pod("a").toleration("gpu", "Equal", "yes", "NoSchedule");
        assert_eq!(filter_message(&TaintToleration, tolerant(), tainted("NoSchedule")), None);
        assert_eq!(filter_message(&TaintToleration, tolerant(), tainted("NoExecute")), refused);
    }

    #[test]
    fn fewer_untolerated_preferences_score_higher() {
        let prefer = |name: &str, taints: &[&str]| {
            taints.iter().fold(node(name), |node, key| node.taint(key, "", "PreferNoSchedule"))
        };
        let nodes = || [node("a"), prefer("b", &["x"]), prefer("c", &["x", "y"])];
        assert_eq!(scores(TaintToleration, pod("p"), nodes(), []), [100, 50, 0]);
        let tolerant = pod("p").toleration("x", "Exists", "", "");
        assert_eq!(scores(TaintToleration, tolerant, nodes(), []), [100, 100, 0]);
        let elsewhere = pod("p").toleration("x", "Exists", "", "NoSchedule");
        assert_eq!(scores(TaintToleration, elsewhere, nodes(), []), [100, 50, 0]);
    }
}
