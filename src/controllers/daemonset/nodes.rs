//! Which nodes a DaemonSet's pods belong on, what they tolerate there, and how a pod is aimed at its node
//! (`NodeShouldRunDaemonPod`, `pkg/controller/daemon/util`).

use std::sync::Arc;

use crate::api::k8s::{
    NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration,
};
use crate::api::node_selector::{RequiredNodeAffinity, required_terms};
use crate::api::taint::{NO_EXECUTE, NO_SCHEDULE, tolerated};
use crate::api::{DaemonSet, MetaExt, Node, Pod};
use crate::controllers::pods::pod_from_template;

/// What becomes of a set's pod on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// One that is missing is created.
    pub run: bool,
    /// One that is there stays.
    pub stay: bool,
}

/// Whether a set's pods belong on a node. A taint `NoSchedule` that came later keeps new pods away and leaves old ones alone.
pub fn verdict(set: &DaemonSet, node: &Node) -> Verdict {
    let mut pod = pod_from_template(&set.spec.template, set);
    add_tolerations(Arc::make_mut(&mut pod.spec));
    let named = pod.spec.node_name.as_deref().filter(|name| !name.is_empty());
    if named.is_some_and(|name| name != node.name()) || !RequiredNodeAffinity::new(&pod).matches(node) {
        return Verdict { run: false, stay: false };
    }
    let tolerations = pod.spec.tolerations.as_deref().unwrap_or_default();
    let repels = |effects: &[&str]| {
        let mut taints = node.spec.taints.iter().flatten();
        taints.any(|taint: &Taint| effects.contains(&taint.effect.as_str()) && !tolerated(tolerations, taint))
    };
    Verdict { run: !repels(&[NO_SCHEDULE, NO_EXECUTE]), stay: !repels(&[NO_EXECUTE]) }
}

/// Adds what every daemon tolerates: a node that is not ready, cut off, under pressure or cordoned
/// (`AddOrUpdateDaemonPodTolerations`).
pub fn add_tolerations(spec: &mut PodSpec) {
    const BORNE: [(&str, &str); 6] = [
        ("not-ready", NO_EXECUTE),
        ("unreachable", NO_EXECUTE),
        ("disk-pressure", NO_SCHEDULE),
        ("memory-pressure", NO_SCHEDULE),
        ("pid-pressure", NO_SCHEDULE),
        ("unschedulable", NO_SCHEDULE),
    ];
    let network = (spec.host_network == Some(true)).then_some(("network-unavailable", NO_SCHEDULE));
    let tolerations = spec.tolerations.get_or_insert_default();
    for (condition, effect) in BORNE.into_iter().chain(network) {
        let wanted = Toleration {
            key: Some(format!("node.kubernetes.io/{condition}")),
            operator: Some("Exists".into()),
            effect: Some(effect.into()),
            ..Default::default()
        };
        let alike = |toleration: &&mut Toleration| {
            toleration.key == wanted.key
                && toleration.effect == wanted.effect
                && toleration.operator == wanted.operator
                && toleration.value.as_deref().unwrap_or_default().is_empty()
        };
        match tolerations.iter_mut().find(alike) {
            Some(toleration) => *toleration = wanted,
            None => tolerations.push(wanted),
        }
    }
}

const NAME_FIELD: &str = "metadata.name";

/// Requires a node by its name, in the place of other required terms (`ReplaceDaemonSetPodNodeNameNodeAffinity`): whether
/// those hold has been found out already.
pub fn aim_at(spec: &mut PodSpec, node: &str) {
    let name = NodeSelectorRequirement {
        key: NAME_FIELD.into(),
        operator: "In".into(),
        values: Some(vec![node.into()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![name]), match_expressions: None };
    let affinity = spec.affinity.get_or_insert_default();
    let node_affinity: &mut NodeAffinity = affinity.node_affinity.get_or_insert_default();
    node_affinity.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: vec![term] });
}

/// The node that a pod runs on or is meant for (`GetTargetNodeName`).
pub fn target(pod: &Pod) -> Option<&str> {
    if let Some(node) = pod.spec.node_name.as_deref().filter(|node| !node.is_empty()) {
        return Some(node);
    }
    let terms = required_terms(pod)?.iter();
    let mut fields = terms.flat_map(|term| term.match_fields.iter().flatten());
    let named = fields.find(|field| field.key == NAME_FIELD && field.operator == "In")?;
    named.values.as_deref().filter(|values| values.len() == 1)?.first().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{DaemonSetSpec, NodeSpec, ObjectMeta, PodTemplateSpec};

    #[test]
    fn a_later_taint_keeps_new_pods_away_and_old_ones_where_they_are() {
        let taint =
            |key: &str, effect: &str| Taint { key: key.into(), effect: effect.into(), ..Default::default() };
        let (both, old, none) = ((true, true), (false, true), (false, false));
        let cases = [
            (vec![], both),
            (vec![taint("a", NO_SCHEDULE)], old),
            (vec![taint("a", NO_EXECUTE)], none),
            (vec![taint("node.kubernetes.io/not-ready", NO_EXECUTE)], both),
            (vec![taint("node.kubernetes.io/unschedulable", NO_SCHEDULE)], both),
            (vec![taint("node.kubernetes.io/network-unavailable", NO_SCHEDULE)], old),
            (vec![taint("a", "PreferNoSchedule")], both),
        ];
        let template = PodTemplateSpec { metadata: None, spec: Some(PodSpec::default()) };
        let set =
            DaemonSet::new(ObjectMeta::default(), DaemonSetSpec { template, ..DaemonSetSpec::default() });
        for (taints, want) in cases {
            let keys = format!("{taints:?}");
            let spec = NodeSpec { taints: Some(taints), ..NodeSpec::default() };
            let node = Node::new(ObjectMeta { name: Some("n".into()), ..Default::default() }, spec);
            let Verdict { run, stay } = verdict(&set, &node);
            assert_eq!((run, stay), want, "{keys}");
        }
    }

    #[test]
    fn a_pod_is_aimed_at_one_node_whatever_it_required_before() {
        let mut pod = Pod::default();
        assert_eq!(target(&pod), None);
        aim_at(Arc::make_mut(&mut pod.spec), "a");
        aim_at(Arc::make_mut(&mut pod.spec), "b");
        assert_eq!(target(&pod), Some("b"));
    }
}
