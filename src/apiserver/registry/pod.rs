//! Pods on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::{default_pod_spec, validate_pod_spec};
use crate::api::Pod;
use crate::api::field_error::{FieldError, Path};
use crate::api::k8s::{Container, PodSpec, PodStatus, ResourceRequirements};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/core/pod/strategy.go`.
pub struct PodStrategy;

impl Strategy for PodStrategy {
    type Object = Pod;

    fn default(pod: &mut Pod) {
        let spec = Arc::make_mut(&mut pod.spec);
        default_pod_spec(spec);
        spec.enable_service_links.get_or_insert(true);
    }

    fn prepare_for_create(pod: &mut Pod, _: &View, _: &mut Rng) {
        let qos_class = Some(qos_class(&pod.spec).to_string());
        pod.status = Arc::new(PodStatus { phase: Some("Pending".into()), qos_class, ..Default::default() });
    }

    fn validate(pod: &Pod) -> Vec<FieldError> {
        validate_pod_spec(&pod.spec, &Path::new("spec"))
    }

    fn validate_update(pod: &Pod, old: &Pod) -> Vec<FieldError> {
        if Arc::ptr_eq(&pod.spec, &old.spec) || allowed_change(&pod.spec, &old.spec) {
            return Vec::new();
        }
        let why = "pod updates may not change fields other than `spec.containers[*].image`,\
                   `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
                   `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        vec![FieldError::forbidden(&Path::new("spec"), why)]
    }
}

/// Whether two specs differ only where a pod may change: images, the deadline, further tolerations.
fn allowed_change(new: &PodSpec, old: &PodSpec) -> bool {
    let mut masked = new.clone();
    let mask = |new: &mut Vec<Container>, old: &[Container]| {
        for (new, old) in new.iter_mut().zip(old) {
            new.image.clone_from(&old.image);
        }
    };
    mask(&mut masked.containers, &old.containers);
    if let (Some(new), Some(old)) = (&mut masked.init_containers, &old.init_containers) {
        mask(new, old);
    }
    masked.active_deadline_seconds = old.active_deadline_seconds;
    let kept = old
        .tolerations
        .iter()
        .flatten()
        .all(|toleration| new.tolerations.iter().flatten().any(|t| t == toleration));
    if kept {
        masked.tolerations.clone_from(&old.tolerations);
    }
    if let (Some(new_gates), Some(old_gates)) = (&new.scheduling_gates, &old.scheduling_gates) {
        if new_gates.iter().all(|gate| old_gates.contains(gate)) {
            masked.scheduling_gates.clone_from(&old.scheduling_gates);
        }
    } else if new.scheduling_gates.is_none() {
        masked.scheduling_gates.clone_from(&old.scheduling_gates);
    }
    masked == *old
}

/// The quality of service class (`qos.ComputePodQOS`): `Guaranteed` if every container limits CPU and memory and
/// requests as much, `BestEffort` if none asks for anything, else `Burstable`.
fn qos_class(spec: &PodSpec) -> &'static str {
    let all = || spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let default = ResourceRequirements::default();
    let amount = |container: &Container, limits: bool, name: &str| {
        let resources = container.resources.as_ref().unwrap_or(&default);
        let list = if limits { &resources.limits } else { &resources.requests };
        list.as_ref()
            .and_then(|list| list.get(name))
            .map(crate::api::quantity::milli)
            .filter(|milli| *milli > 0)
    };
    let anything = all().any(|c| {
        ["cpu", "memory"].iter().any(|r| amount(c, true, r).is_some() || amount(c, false, r).is_some())
    });
    let guaranteed = all().all(|c| {
        ["cpu", "memory"]
            .iter()
            .all(|r| amount(c, true, r).is_some() && amount(c, true, r) == amount(c, false, r))
    });
    match (anything, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
