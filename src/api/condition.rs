//! Status conditions: reading one, and setting one so that its transition time moves only when its status does.

use super::k8s::{
    DeploymentCondition, HorizontalPodAutoscalerCondition, JobCondition, NodeCondition,
    PersistentVolumeClaimCondition, PodCondition, Time,
};
use crate::clock::SimTime;

/// What the conditions of all kinds have in common.
pub trait Condition {
    /// The condition's type: `Ready`.
    fn type_(&self) -> &str;
    /// `True`, `False` or `Unknown`.
    fn status(&self) -> &str;
    /// When the status last changed.
    fn transition(&mut self) -> &mut Option<Time>;
}

macro_rules! conditions {
    ($($name:ty),*) => {$(
        impl Condition for $name {
            fn type_(&self) -> &str { &self.type_ }
            fn status(&self) -> &str { &self.status }
            fn transition(&mut self) -> &mut Option<Time> { &mut self.last_transition_time }
        }
    )*};
}

conditions!(
    PodCondition,
    NodeCondition,
    DeploymentCondition,
    JobCondition,
    HorizontalPodAutoscalerCondition,
    PersistentVolumeClaimCondition
);

/// The condition of that type, if it is there.
pub fn find<'a, C: Condition>(conditions: Option<&'a [C]>, type_: &str) -> Option<&'a C> {
    conditions.unwrap_or_default().iter().find(|condition| condition.type_() == type_)
}

/// Whether the condition of that type is there and `True`.
pub fn is_true<C: Condition>(conditions: Option<&[C]>, type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status() == "True")
}

/// The type of the condition that says why a pod goes that did not end by itself.
pub const DISRUPTION_TARGET: &str = "DisruptionTarget";

/// Why the kubelet ended a pod of its own accord.
pub const TERMINATION_BY_KUBELET: &str = "TerminationByKubelet";

/// That a pod goes, in the words of whoever takes it away, who has seen the pod of that generation.
pub fn disruption(reason: &str, message: &str, now: SimTime, generation: Option<i64>) -> PodCondition {
    PodCondition {
        type_: DISRUPTION_TARGET.into(),
        status: "True".into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_transition_time: Some(now.to_time()),
        observed_generation: generation,
        ..Default::default()
    }
}

/// Adds or replaces a condition. The transition time given is kept only if the status differs from before.
pub fn set<C: Condition>(conditions: &mut Option<Vec<C>>, mut condition: C) {
    let list = conditions.get_or_insert_with(Vec::new);
    match list.iter_mut().find(|old| old.type_() == condition.type_()) {
        Some(old) => {
            if old.status() == condition.status() {
                *condition.transition() = old.transition().clone();
            }
            *old = condition;
        }
        None => list.push(condition),
    }
}
