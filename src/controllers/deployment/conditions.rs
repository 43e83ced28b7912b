//! The conditions of a Deployment, which have rules of their own (`deployment/util`).

use crate::api::k8s::{DeploymentCondition, DeploymentStatus};
use crate::clock::SimTime;

/// The rollout gets anywhere.
pub const PROGRESSING: &str = "Progressing";
/// At least as many pods are available as the strategy promises.
pub const AVAILABLE: &str = "Available";
/// Pods cannot be created or deleted.
pub const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The reason of a rollout that has arrived.
pub const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// The reason of a rollout that stands still for too long.
pub const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// The reason of a rollout that is held.
pub const PAUSED: &str = "DeploymentPaused";

/// A condition that comes up now.
pub fn condition(
    type_: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    now: SimTime,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_update_time: Some(now.to_time()),
        last_transition_time: Some(now.to_time()),
    }
}

/// The condition of that type.
pub fn find<'a>(status: &'a DeploymentStatus, type_: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == type_)
}

/// Takes the condition of that type away.
pub fn remove(status: &mut DeploymentStatus, type_: &str) {
    let mut conditions = status.conditions.take().unwrap_or_default();
    conditions.retain(|condition| condition.type_ != type_);
    status.conditions = Some(conditions).filter(|conditions| !conditions.is_empty());
}

/// Models `SetDeploymentCondition`: nothing if status and reason stand already; else the condition moves to the end, and
/// keeps its transition time if only the reason is new.
pub fn set(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    if let Some(current) = find(status, &condition.type_).filter(|c| c.status == condition.status) {
        if current.reason == condition.reason {
            return;
        }
        condition.last_transition_time.clone_from(&current.last_transition_time);
    }
    remove(status, &condition.type_);
    status.conditions.get_or_insert_default().push(condition);
}
