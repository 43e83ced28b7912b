//! What controllers share about pods: making them from templates, and what state counts as what (`pkg/api/v1/pod`,
//! `controller_utils.go`).

use crate::api::k8s::{ObjectMeta, PodCondition, PodTemplateSpec};
use crate::api::{MetaExt, Pod, condition};
use crate::clock::{SimDuration, SimTime};

use super::ref_manager::{Owner, controller_reference};

/// A new pod of a workload (`controller.GetPodFromTemplate`). Its name is the owner's with a random end.
pub fn pod_from_template(template: &PodTemplateSpec, owner: &impl Owner) -> Pod {
    let given = template.metadata.clone().unwrap_or_default();
    let meta = ObjectMeta {
        generate_name: Some(format!("{}-", owner.name())),
        namespace: Some(owner.namespace().into()),
        labels: given.labels,
        annotations: given.annotations,
        finalizers: given.finalizers,
        owner_references: Some(vec![controller_reference(owner)]),
        ..Default::default()
    };
    Pod::new(meta, template.spec.clone().unwrap_or_default())
}

/// Whether the pod's containers have ended for good.
pub fn is_terminal(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// Whether the pod counts as one of its owner's replicas: neither finished nor being deleted (`IsPodActive`).
pub fn is_active(pod: &Pod) -> bool {
    !is_terminal(pod) && !pod.is_deleting()
}

/// Whether the pod is on its way out: being deleted and not finished yet (`IsPodTerminating`).
pub fn is_terminating(pod: &Pod) -> bool {
    !is_terminal(pod) && pod.is_deleting()
}

fn ready_condition(pod: &Pod) -> Option<&PodCondition> {
    condition::find(pod.status.conditions.as_deref(), "Ready").filter(|ready| ready.status == "True")
}

/// Whether the pod's `Ready` condition is `True`.
pub fn is_ready(pod: &Pod) -> bool {
    ready_condition(pod).is_some()
}

/// Since when the pod has been ready; `None` if it is not.
pub fn ready_since(pod: &Pod) -> Option<SimTime> {
    ready_condition(pod)?.last_transition_time.as_ref().map(SimTime::from_time)
}

/// How long until a ready pod counts as available: zero if it does, `None` if it is not ready. A pod that became ready 5 s
/// ago under `minReadySeconds: 20` is available in 15 s.
pub fn available_in(pod: &Pod, min_ready_seconds: i32, now: SimTime) -> Option<SimDuration> {
    let ready = ready_condition(pod)?;
    match u64::try_from(min_ready_seconds) {
        Ok(seconds) if seconds > 0 => {
            let since = ready.last_transition_time.as_ref().map(SimTime::from_time)?;
            Some((since + SimDuration::from_secs(seconds)).since(now))
        }
        _ => Some(SimDuration::ZERO),
    }
}

/// The highest restart count of the pod's ordinary containers, and that of its sidecars.
pub fn max_restarts(pod: &Pod) -> (i32, i32) {
    let is_sidecar = |name: &str| {
        let mut containers = pod.spec.init_containers.iter().flatten();
        containers.any(|c| c.name == name && c.restart_policy.as_deref() == Some("Always"))
    };
    let ordinary = pod.status.container_statuses.iter().flatten().map(|status| status.restart_count).max();
    let sidecars = pod.status.init_container_statuses.iter().flatten();
    let sidecars =
        sidecars.filter(|status| is_sidecar(&status.name)).map(|status| status.restart_count).max();
    (ordinary.unwrap_or(0), sidecars.unwrap_or(0))
}
