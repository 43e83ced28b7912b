//! What controllers of pods share: pods from templates, and when a pod counts as available.

use crate::api::k8s::{ObjectMeta, OwnerReference, PodTemplateSpec};
use crate::api::{KubeObject, MetaExt, Pod, condition};
use crate::clock::{SimDuration, SimTime};

/// The reference by which `owner` manages an object (`metav1.NewControllerRef`).
pub fn controller_reference<K: KubeObject>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::KIND.api_version(),
        kind: K::KIND.name().into(),
        name: owner.name().into(),
        uid: owner.uid().into(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// A new pod of a workload (`controller.GetPodFromTemplate`). Its name is the owner's with a random end.
pub fn pod_from_template<K: KubeObject>(template: &PodTemplateSpec, owner: &K) -> Pod {
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

/// Whether an orphan may be adopted: not one that is going.
pub fn pod_wanted(pod: &Pod) -> bool {
    !pod.is_deleting()
}

/// Whether the pod is ready.
pub fn is_ready(pod: &Pod) -> bool {
    condition::is_true(pod.status.conditions.as_deref(), "Ready")
}

/// How long until a ready pod counts as available: zero if it does, `None` if it is not ready. A pod that became ready 5 s
/// ago under `minReadySeconds: 20` is available in 15 s.
pub fn available_in(pod: &Pod, min_ready_seconds: i32, now: SimTime) -> Option<SimDuration> {
    let ready = condition::find(pod.status.conditions.as_deref(), "Ready")
        .filter(|condition| condition.status == "True")?;
    if min_ready_seconds <= 0 {
        return Some(SimDuration::ZERO);
    }
    let since = ready.last_transition_time.as_ref().map(SimTime::from_time)?;
    let due = since + SimDuration::from_secs(min_ready_seconds as u64);
    Some(due.since(now))
}

/// Whether a pod is available.
pub fn is_available(pod: &Pod, min_ready_seconds: i32, now: SimTime) -> bool {
    available_in(pod, min_ready_seconds, now) == Some(SimDuration::ZERO)
}
