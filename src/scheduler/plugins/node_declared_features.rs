//! # What it does
//! Keeps a pod that needs a feature of newer kubelets off nodes that do not declare it (`status.declaredFeatures`).
//! # Example
//! A container with a restart rule `RestartAllContainers` needs `RestartAllContainersOnContainerExits`: a node of an older
//! version `didn't match Pod's required features`.
//! # Upstream
//! `plugins/nodedeclaredfeatures`, `component-helpers/nodedeclaredfeatures`

use super::names;
use crate::api::{Kind, Node, Object, Pod};
use crate::client::Change;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point,
    PreFilterResult, Scope, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct NodeDeclaredFeatures;

const RESTART_ALL: &str = "RestartAllContainersOnContainerExits";

impl Plugin for NodeDeclaredFeatures {
    fn name(&self) -> &'static str {
        names::NODE_DECLARED_FEATURES
    }

    fn scope(&self) -> Scope {
        Scope::Cluster
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 1] = [ClusterEvent::new(
            EventResource::Kind(Kind::NODE),
            Action::ADD.or(Action::UPDATE_NODE_DECLARED_FEATURE),
        )];
        &EVENTS
    }

    fn is_schedulable_after(&self, _: &Context<'_>, _: &ClusterEvent, change: &Change, _: &PodInfo) -> Hint {
        let declared = |object: Option<&Object>| {
            object.and_then(Object::as_kind::<Node>).and_then(|node| node.status.declared_features.clone())
        };
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        Hint::queue_if(before.is_none() || declared(before) != declared(after))
    }

    fn pre_filter(
        &self,
        _: &Context<'_>,
        _: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        if needs(&pod.pod).next().is_some() { Ok(None) } else { Err(Status::skip()) }
    }

    fn filter(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Status> {
        match missing(pod, node) {
            Some(_) => Err(Status::unresolvable("node(s) didn't match Pod's required features")),
            None => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        missing(pod, node).map(|feature| format!("does not declare {feature}")).unwrap_or_default()
    }
}

fn missing(pod: &PodInfo, node: &NodeInfo) -> Option<&'static str> {
    let has = |feature: &str| node.node.status.declared_features.iter().flatten().any(|it| it == feature);
    needs(&pod.pod).find(|feature| !has(feature))
}

/// The features that the pod needs of its node (`InferForPodScheduling`). The server lets no pod have the other one that is known,
/// user namespaces on the host's network, whose gate is off.
fn needs(pod: &Pod) -> impl Iterator<Item = &'static str> {
    let spec = &pod.spec;
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let mut rules = containers.flat_map(|container| container.restart_policy_rules.iter().flatten());
    rules.any(|rule| rule.action == "RestartAllContainers").then_some(RESTART_ALL).into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::ContainerRestartRule;
    use crate::client::View;
    use crate::scheduler::plugins::test_support::{cluster, filter_all};
    use crate::testing::{container, node, pod};

    #[test]
    fn a_pod_that_restarts_as_a_whole_needs_a_node_that_declares_it() {
        let mut cache = cluster([node("n1"), node("n2")], []);
        let mut declaring = node("n2").build();
        std::sync::Arc::make_mut(&mut declaring.status).declared_features = Some(vec![RESTART_ALL.into()]);
        cache.set_node(&declaring);
        let rule = || ContainerRestartRule { action: "RestartAllContainers".into(), ..Default::default() };
        let picky = pod("p")
            .container(container("c"))
            .with(move |spec| spec.containers[0].restart_policy_rules = Some(vec![rule()]));
        let words = |pod| filter_all(NodeDeclaredFeatures, pod, &cache, &View::default());
        assert_eq!(words(picky), [Some("node(s) didn't match Pod's required features".to_string()), None]);
        assert_eq!(words(pod("p").container(container("c"))), [None, None]);
    }
}
