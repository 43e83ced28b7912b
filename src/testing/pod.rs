//! Pods.

use std::sync::Arc;

use crate::api::Pod;
use crate::api::k8s::{
    Affinity, Container, ContainerPort, LabelSelector, NodeAffinity, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, ObjectMeta, OwnerReference, PersistentVolumeClaimVolumeSource, PodAffinityTerm,
    PodSchedulingGate, PodSpec, PodStatus, PreferredSchedulingTerm, Quantity, ResourceRequirements,
    Toleration, TopologySpreadConstraint, Volume, WeightedPodAffinityTerm,
};

/// A container to be.
#[derive(Clone, Debug)]
pub struct ContainerBuilder(Container);

/// A container without requests.
pub fn container(name: &str) -> ContainerBuilder {
    ContainerBuilder(Container { name: name.into(), ..Default::default() })
}

impl ContainerBuilder {
    /// How much of a resource it asks for.
    #[must_use]
    pub fn request(mut self, resource: &str, amount: &str) -> Self {
        let resources = self.0.resources.get_or_insert_default();
        resources.requests.get_or_insert_default().insert(resource.into(), Quantity(amount.into()));
        self
    }

    /// How much CPU it asks for.
    #[must_use]
    pub fn cpu(self, amount: &str) -> Self {
        self.request("cpu", amount)
    }

    /// How much memory it asks for.
    #[must_use]
    pub fn memory(self, amount: &str) -> Self {
        self.request("memory", amount)
    }

    /// Its image.
    #[must_use]
    pub fn image(mut self, image: &str) -> Self {
        self.0.image = Some(image.into());
        self
    }

    /// An init container that keeps running beside the others.
    #[must_use]
    pub fn sidecar(mut self) -> Self {
        self.0.restart_policy = Some("Always".into());
        self
    }
}

/// A pod to be.
#[derive(Clone, Debug)]
pub struct PodBuilder(Pod);

/// A pod in namespace `default`, pending, with a uid of its name. Without any container it gets one, named `c`.
pub fn pod(name: &str) -> PodBuilder {
    let meta = ObjectMeta { name: Some(name.into()), ..Default::default() };
    let spec = PodSpec { scheduler_name: Some("default-scheduler".into()), ..Default::default() };
    let status = PodStatus { phase: Some("Pending".into()), ..Default::default() };
    PodBuilder(Pod { status: Arc::new(status), ..Pod::new(meta, spec) }).namespace("default")
}

impl PodBuilder {
    /// The pod.
    pub fn build(mut self) -> Pod {
        if self.0.spec.containers.is_empty() {
            self.spec().containers.push(container("c").0);
        }
        self.0
    }

    fn spec(&mut self) -> &mut PodSpec {
        Arc::make_mut(&mut self.0.spec)
    }

    fn meta(&mut self) -> &mut ObjectMeta {
        Arc::make_mut(&mut self.0.meta)
    }

    fn status(&mut self) -> &mut PodStatus {
        Arc::make_mut(&mut self.0.status)
    }

    fn affinity(&mut self) -> &mut Affinity {
        self.spec().affinity.get_or_insert_default()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        let uid = format!("{namespace}-{}", self.0.meta.name.as_deref().unwrap_or_default());
        let meta = self.meta();
        (meta.namespace, meta.uid) = (Some(namespace.into()), Some(uid));
        self
    }

    /// A label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.meta().labels.get_or_insert_default().insert(key.into(), value.into());
        self
    }

    /// The ReplicaSet (or other controller) that owns it.
    #[must_use]
    pub fn owned_by(mut self, kind: &str, name: &str) -> Self {
        let owner = OwnerReference {
            api_version: "apps/v1".into(),
            kind: kind.into(),
            name: name.into(),
            uid: format!("{kind}-{name}"),
            controller: Some(true),
            ..Default::default()
        };
        self.meta().owner_references.get_or_insert_default().push(owner);
        self
    }

    /// A container.
    #[must_use]
    pub fn container(mut self, container: ContainerBuilder) -> Self {
        self.spec().containers.push(container.0);
        self
    }

    /// An init container.
    #[must_use]
    pub fn init(mut self, container: ContainerBuilder) -> Self {
        self.spec().init_containers.get_or_insert_default().push(container.0);
        self
    }

    fn first_container(&mut self) -> &mut Container {
        if self.0.spec.containers.is_empty() {
            self.spec().containers.push(container("c").0);
        }
        &mut self.spec().containers[0]
    }

    /// How much of a resource its first container asks for.
    #[must_use]
    pub fn request(mut self, resource: &str, amount: &str) -> Self {
        let container = self.first_container();
        *container = ContainerBuilder(std::mem::take(container)).request(resource, amount).0;
        self
    }

    /// How much CPU its first container asks for.
    #[must_use]
    pub fn cpu(self, amount: &str) -> Self {
        self.request("cpu", amount)
    }

    /// How much memory its first container asks for.
    #[must_use]
    pub fn memory(self, amount: &str) -> Self {
        self.request("memory", amount)
    }

    /// How much of a resource the pod as a whole asks for.
    #[must_use]
    pub fn pod_level(mut self, resource: &str, amount: &str) -> Self {
        let resources: &mut ResourceRequirements = self.spec().resources.get_or_insert_default();
        resources.requests.get_or_insert_default().insert(resource.into(), Quantity(amount.into()));
        self
    }

    /// How much of a resource running it costs on top.
    #[must_use]
    pub fn overhead(mut self, resource: &str, amount: &str) -> Self {
        self.spec().overhead.get_or_insert_default().insert(resource.into(), Quantity(amount.into()));
        self
    }

    /// A port of the node that its first container claims; on all addresses if `address` is empty.
    #[must_use]
    pub fn host_port(mut self, address: &str, protocol: &str, port: i32) -> Self {
        let claim = ContainerPort {
            container_port: port,
            host_port: Some(port),
            host_ip: Some(address.into()).filter(|address: &String| !address.is_empty()),
            protocol: Some(protocol.into()),
            ..Default::default()
        };
        self.first_container().ports.get_or_insert_default().push(claim);
        self
    }

    /// The node it is bound to.
    #[must_use]
    pub fn node(mut self, node: &str) -> Self {
        self.spec().node_name = Some(node.into());
        self
    }

    /// The node on which it has been promised room.
    #[must_use]
    pub fn nominated(mut self, node: &str) -> Self {
        self.status().nominated_node_name = Some(node.into());
        self
    }

    /// Its phase.
    #[must_use]
    pub fn phase(mut self, phase: &str) -> Self {
        self.status().phase = Some(phase.into());
        self
    }

    /// When it was started, in seconds since the cluster began.
    #[must_use]
    pub fn started(mut self, secs: u64) -> Self {
        self.status().start_time = Some(crate::clock::SimTime::from_secs(secs).to_time());
        self
    }

    /// Its priority.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.spec().priority = Some(priority);
        self
    }

    /// `preemptionPolicy: Never`: it does not displace others.
    #[must_use]
    pub fn never_preempts(mut self) -> Self {
        self.spec().preemption_policy = Some("Never".into());
        self
    }

    /// A scheduling gate.
    #[must_use]
    pub fn gate(mut self, name: &str) -> Self {
        self.spec().scheduling_gates.get_or_insert_default().push(PodSchedulingGate { name: name.into() });
        self
    }

    /// A toleration; parts left empty are not set.
    #[must_use]
    pub fn toleration(mut self, key: &str, operator: &str, value: &str, effect: &str) -> Self {
        let text = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
        let toleration = Toleration {
            key: text(key),
            operator: text(operator),
            value: text(value),
            effect: text(effect),
            toleration_seconds: None,
        };
        self.spec().tolerations.get_or_insert_default().push(toleration);
        self
    }

    /// A label that its node must have.
    #[must_use]
    pub fn node_selector(mut self, key: &str, value: &str) -> Self {
        self.spec().node_selector.get_or_insert_default().insert(key.into(), value.into());
        self
    }

    /// One more alternative that its node may meet: conditions as `(key, operator, values)`.
    #[must_use]
    pub fn node_affinity(mut self, conditions: &[(&str, &str, &[&str])]) -> Self {
        let rules: &mut NodeAffinity = self.affinity().node_affinity.get_or_insert_default();
        let selector: &mut NodeSelector =
            rules.required_during_scheduling_ignored_during_execution.get_or_insert_default();
        selector.node_selector_terms.push(node_term(conditions));
        self
    }

    /// Conditions that its node should meet, with their weight.
    #[must_use]
    pub fn preferred_node_affinity(mut self, weight: i32, conditions: &[(&str, &str, &[&str])]) -> Self {
        let rules: &mut NodeAffinity = self.affinity().node_affinity.get_or_insert_default();
        rules
            .preferred_during_scheduling_ignored_during_execution
            .get_or_insert_default()
            .push(PreferredSchedulingTerm { weight, preference: node_term(conditions) });
        self
    }

    /// It must run in a domain with a pod of that label.
    #[must_use]
    pub fn pod_affinity(mut self, label: (&str, &str), topology_key: &str) -> Self {
        let rules = self.affinity().pod_affinity.get_or_insert_default();
        let terms = rules.required_during_scheduling_ignored_during_execution.get_or_insert_default();
        terms.push(pod_term(label, topology_key));
        self
    }

    /// It must not run in a domain with a pod of that label.
    #[must_use]
    pub fn pod_anti_affinity(mut self, label: (&str, &str), topology_key: &str) -> Self {
        let rules = self.affinity().pod_anti_affinity.get_or_insert_default();
        let terms = rules.required_during_scheduling_ignored_during_execution.get_or_insert_default();
        terms.push(pod_term(label, topology_key));
        self
    }

    /// It should run in a domain with a pod of that label; with a weight below zero, it should not.
    #[must_use]
    pub fn preferred_pod_affinity(mut self, weight: i32, label: (&str, &str), topology_key: &str) -> Self {
        let term = WeightedPodAffinityTerm {
            weight: weight.abs(),
            pod_affinity_term: pod_term(label, topology_key),
        };
        let affinity = self.affinity();
        let terms = if weight > 0 {
            let rules = affinity.pod_affinity.get_or_insert_default();
            &mut rules.preferred_during_scheduling_ignored_during_execution
        } else {
            let rules = affinity.pod_anti_affinity.get_or_insert_default();
            &mut rules.preferred_during_scheduling_ignored_during_execution
        };
        terms.get_or_insert_default().push(term);
        self
    }

    /// It is to be spread with the pods of that label over the domains of `topology_key`; `unsatisfiable` is `DoNotSchedule` or
    /// `ScheduleAnyway`.
    #[must_use]
    pub fn spread(
        mut self,
        max_skew: i32,
        topology_key: &str,
        unsatisfiable: &str,
        label: (&str, &str),
    ) -> Self {
        let constraint = TopologySpreadConstraint {
            max_skew,
            topology_key: topology_key.into(),
            when_unsatisfiable: unsatisfiable.into(),
            label_selector: Some(selector(label)),
            ..Default::default()
        };
        self.spec().topology_spread_constraints.get_or_insert_default().push(constraint);
        self
    }

    /// It has a volume behind that claim.
    #[must_use]
    pub fn claim(mut self, name: &str) -> Self {
        let source = PersistentVolumeClaimVolumeSource { claim_name: name.into(), ..Default::default() };
        let volume =
            Volume { name: name.into(), persistent_volume_claim: Some(source), ..Default::default() };
        self.spec().volumes.get_or_insert_default().push(volume);
        self
    }

    /// The pod so far, to change what there is no word for here.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut PodSpec)) -> Self {
        change(self.spec());
        self
    }
}

fn selector((key, value): (&str, &str)) -> LabelSelector {
    LabelSelector { match_labels: Some([(key.to_string(), value.to_string())].into()), ..Default::default() }
}

fn node_term(conditions: &[(&str, &str, &[&str])]) -> NodeSelectorTerm {
    let requirement = |(key, operator, values): &(&str, &str, &[&str])| NodeSelectorRequirement {
        key: (*key).into(),
        operator: (*operator).into(),
        values: (!values.is_empty()).then(|| values.iter().map(|value| (*value).to_string()).collect()),
    };
    NodeSelectorTerm {
        match_expressions: Some(conditions.iter().map(requirement).collect()),
        match_fields: None,
    }
}

fn pod_term(label: (&str, &str), topology_key: &str) -> PodAffinityTerm {
    PodAffinityTerm {
        label_selector: Some(selector(label)),
        topology_key: topology_key.into(),
        ..Default::default()
    }
}
