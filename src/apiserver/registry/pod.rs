//! Pods on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::default_pod_spec;
use crate::api::k8s::{
    LabelSelector, LabelSelectorRequirement, PodAffinityTerm, PodCondition, PodIP, PodSpec, PodStatus,
    Quantity, ResourceRequirements,
};
use crate::api::{MetaExt, Pod, quantity, typed};
use crate::apiserver::View;
use crate::apiserver::validation::at::At;
use crate::apiserver::validation::resources;
use crate::rng::Rng;

/// Models `pkg/registry/core/pod/strategy.go`.
pub struct PodStrategy;

impl Strategy for PodStrategy {
    type Object = Pod;

    fn default(pod: &mut Pod) {
        let spec = Arc::make_mut(&mut pod.spec);
        default_pod_spec(spec);
        if let Some(grace) = spec.termination_grace_period_seconds.as_mut().filter(|grace| **grace < 0) {
            *grace = 1;
        }
        default_resources(spec);
        if spec.host_network == Some(true) {
            default_host_ports(spec);
        }
        spec.enable_service_links.get_or_insert(true);
        agree_on_addresses(pod);
    }

    fn prepare_for_create(pod: &mut Pod, _: &View, _: &mut Rng) {
        let qos_class = Some(qos_class(&pod.spec).to_string());
        let gated = pod.spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
        let conditions = gated.then(|| vec![gated_condition(pod)]);
        let phase = Some("Pending".into());
        pod.status = Arc::new(PodStatus { phase, qos_class, conditions, ..Default::default() });
        merge_label_keys(pod);
    }
}

/// `podIP` and the first of `podIPs` are one thing in two places; where they differ, the older field is right
/// (`Convert_v1_PodStatus_To_core_PodStatus`).
fn agree_on_addresses(pod: &mut Pod) {
    let one = pod.status.pod_ip.as_deref().unwrap_or_default();
    let first = pod.status.pod_ips.iter().flatten().next().map_or("", |first| first.ip.as_str());
    if one == first {
        return;
    }
    let (one, first) = (one.to_string(), first.to_string());
    let status = Arc::make_mut(&mut pod.status);
    if one.is_empty() {
        status.pod_ip = Some(first);
    } else {
        status.pod_ips = Some(vec![PodIP { ip: one }]);
    }
}

/// What is said of a pod with gates from its first moment (`applySchedulingGatedCondition`).
fn gated_condition(pod: &Pod) -> PodCondition {
    PodCondition {
        type_: "PodScheduled".into(),
        status: "False".into(),
        reason: Some("SchedulingGated".into()),
        message: Some("Scheduling is blocked due to non-empty scheduling gates".into()),
        last_transition_time: pod.meta().creation_timestamp.clone(),
        ..Default::default()
    }
}

/// What the spec leaves out of requests.
pub(in crate::apiserver) fn default_resources(spec: &mut PodSpec) {
    let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
    containers.for_each(|container| default_requests(container.resources.get_or_insert_default()));
    default_pod_requests(spec);
}

/// A limit without a request is a request too.
fn default_requests(resources: &mut ResourceRequirements) {
    for (name, limit) in resources.limits.iter().flatten() {
        resources.requests.get_or_insert_default().entry(name.clone()).or_insert_with(|| limit.clone());
    }
}

/// What a pod asks for as a whole, where it limits itself: what its containers ask together, or else its limit
/// (`defaultPodRequests`); the limit of huge pages is that of its containers (`defaultHugePagePodLimits`).
fn default_pod_requests(spec: &mut PodSpec) {
    let Some(resources) = &spec.resources else { return };
    if resources.limits.is_none() && resources.requests.is_none() {
        return;
    }
    let tree = typed::write(spec);
    let together = resources::asked_together(&At::root(&tree));
    let sums: Vec<(String, Quantity)> = together
        .into_iter()
        .map(|(name, sum, like)| (name.to_string(), Quantity(sum.format_like(like))))
        .collect();
    let Some(resources) = &mut spec.resources else { return };
    let asks = |resources: &ResourceRequirements, name: &str| {
        resources.requests.as_ref().is_some_and(|list| list.contains_key(name))
    };
    for (name, sum) in sums.iter().filter(|(name, _)| name.starts_with("hugepages-")) {
        // Of huge pages, requests and limits are equal.
        if !asks(resources, name) {
            resources.limits.get_or_insert_default().entry(name.clone()).or_insert_with(|| sum.clone());
        }
    }
    if resources.limits.is_none() {
        return;
    }
    let requests = resources.requests.get_or_insert_default();
    for (name, sum) in sums.into_iter().filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory")) {
        requests.entry(name).or_insert(sum);
    }
    let supported = |name: &str| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    for (name, limit) in resources.limits.iter().flatten().filter(|(name, _)| supported(name)) {
        requests.entry(name.clone()).or_insert_with(|| limit.clone());
    }
}

/// On the host's network a port of a container is one of the host.
fn default_host_ports(spec: &mut PodSpec) {
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        for port in container.ports.iter_mut().flatten() {
            port.host_port.get_or_insert(port.container_port);
        }
    }
}

/// Adds to selectors what `matchLabelKeys` takes from the pod's own labels (`applyLabelKeysToLabelSelector`).
fn merge_label_keys(pod: &mut Pod) {
    let labels = pod.labels().clone();
    if labels.is_empty() {
        return;
    }
    let spec = Arc::make_mut(&mut pod.spec);
    let add = |selector: &mut Option<LabelSelector>, keys: &Option<Vec<String>>, operator: &str| {
        let Some(selector) = selector else { return };
        for key in keys.iter().flatten() {
            if let Some(value) = labels.get(key) {
                selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
                    key: key.clone(),
                    operator: operator.into(),
                    values: Some(vec![value.clone()]),
                });
            }
        }
    };
    for constraint in spec.topology_spread_constraints.iter_mut().flatten() {
        add(&mut constraint.label_selector, &constraint.match_label_keys, "In");
    }
    let Some(affinity) = &mut spec.affinity else { return };
    let mut terms: Vec<&mut PodAffinityTerm> = Vec::new();
    if let Some(pods) = &mut affinity.pod_affinity {
        terms.extend(pods.required_during_scheduling_ignored_during_execution.iter_mut().flatten());
        let preferred = pods.preferred_during_scheduling_ignored_during_execution.iter_mut().flatten();
        terms.extend(preferred.map(|term| &mut term.pod_affinity_term));
    }
    if let Some(pods) = &mut affinity.pod_anti_affinity {
        terms.extend(pods.required_during_scheduling_ignored_during_execution.iter_mut().flatten());
        let preferred = pods.preferred_during_scheduling_ignored_during_execution.iter_mut().flatten();
        terms.extend(preferred.map(|term| &mut term.pod_affinity_term));
    }
    for term in terms {
        add(&mut term.label_selector, &term.match_label_keys, "In");
        add(&mut term.label_selector, &term.mismatch_label_keys, "NotIn");
    }
}

/// The quality of service class (`qos.ComputePodQOS`): `Guaranteed` if every container limits CPU and memory and
/// requests as much, `BestEffort` if none asks for anything, else `Burstable`.
pub(in crate::apiserver) fn qos_class(spec: &PodSpec) -> &'static str {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    // What a pod asks as a whole stands for what its containers ask.
    let whole = spec.resources.as_ref().filter(|whole| whole.limits.is_some() || whole.requests.is_some());
    let all: Vec<Option<&ResourceRequirements>> = match whole {
        Some(whole) => vec![Some(whole)],
        None => containers.map(|container| container.resources.as_ref()).collect(),
    };
    let default = ResourceRequirements::default();
    let amount = |resources: &Option<&ResourceRequirements>, limits: bool, name: &str| {
        let resources = resources.unwrap_or(&default);
        let list = if limits { &resources.limits } else { &resources.requests };
        list.as_ref().and_then(|list| list.get(name)).map(quantity::milli).filter(|milli| *milli > 0)
    };
    let names = ["cpu", "memory"];
    let anything = all
        .iter()
        .any(|r| names.iter().any(|n| amount(r, true, n).is_some() || amount(r, false, n).is_some()));
    let guaranteed = all.iter().all(|r| {
        names.iter().all(|n| amount(r, true, n).is_some() && amount(r, true, n) == amount(r, false, n))
    });
    match (anything, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
