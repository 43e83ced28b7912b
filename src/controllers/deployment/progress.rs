//! A Deployment's status and conditions, and whether its rollout gets anywhere. Models `progress.go` and the status part of
//! `sync.go`.

use std::sync::Arc;

use super::revision::set_revision;
use super::{Rollout, available, wanted};
use crate::api::k8s::{DeploymentCondition, DeploymentStatus};
use crate::api::{Deployment, MetaExt, ReplicaSet, Status};
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};
use crate::controllers::Action;
use crate::controllers::deployment::rolling::bounds;

const PROGRESSING: &str = "Progressing";
const AVAILABLE: &str = "Available";
const REPLICA_FAILURE: &str = "ReplicaFailure";
const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";

/// The counts of the status, and the `Available` condition (`calculateStatus`).
pub fn calculate(rollout: &Rollout, now: SimTime) -> DeploymentStatus {
    let deployment = &rollout.deployment;
    let positive = |count: i32| Some(count).filter(|count| *count > 0);
    let total_wanted: i32 = rollout.all().map(wanted).sum();
    let available_now: i32 = rollout.all().map(available).sum();
    let terminating: Option<i32> = rollout
        .all()
        .map(|set| set.status.terminating_replicas)
        .try_fold(0, |sum, count| Some(sum + count.unwrap_or(0)));
    let mut status = DeploymentStatus {
        observed_generation: deployment.meta.generation,
        replicas: positive(rollout.all().map(|set| set.status.replicas).sum()),
        updated_replicas: positive(rollout.new.as_ref().map_or(0, |set| set.status.replicas)),
        ready_replicas: positive(rollout.all().map(|set| set.status.ready_replicas.unwrap_or(0)).sum()),
        available_replicas: positive(available_now),
        unavailable_replicas: positive((total_wanted - available_now).max(0)),
        terminating_replicas: terminating,
        collision_count: deployment.status.collision_count,
        conditions: deployment.status.conditions.clone(),
    };
    let enough = available_now >= rollout.desired() - bounds(deployment).max_unavailable;
    let (word, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set_condition(&mut status, condition(AVAILABLE, word, reason, message.into(), now));
    status
}

/// Whether every pod is of the new template and available (`DeploymentComplete`).
pub fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let desired = deployment.spec.replicas.unwrap_or(1);
    let count = |field: Option<i32>| field.unwrap_or(0);
    count(status.updated_replicas) == desired
        && count(status.replicas) == desired
        && count(status.available_replicas) == desired
        && status.observed_generation >= deployment.meta.generation
}

/// Writes the status with its conditions, and says when to look again: when the progress deadline runs out
/// (`syncRolloutStatus`).
///
/// # Errors
/// A conflict with another writer.
pub fn sync_status(rollout: &Rollout, client: &mut Client<'_>) -> Result<Action, Status> {
    let deployment = &rollout.deployment;
    let now = client.now();
    let mut status = calculate(rollout, now);
    let deadline = progress_deadline(deployment);
    let current = find(&deployment.status, PROGRESSING).cloned();
    let settled = status.replicas == status.updated_replicas
        && current.as_ref().is_some_and(|c| c.reason.as_deref() == Some(NEW_SET_AVAILABLE));
    let acting = deployment.spec.paused != Some(true) && !super::sync::is_scaling_event(rollout);
    match deadline {
        None => remove_condition(&mut status, PROGRESSING),
        Some(deadline) if !settled && acting => {
            judge_progress(rollout, &mut status, current.as_ref(), deadline, now)
        }
        Some(_) => {}
    }
    mirror_failure(rollout, &mut status);
    let stored = if status == *deployment.status {
        deployment.clone()
    } else {
        let mut updated = deployment.clone();
        updated.status = Arc::new(status);
        client.update_status(updated, None)?
    };
    Ok(deadline
        .and_then(|deadline| until_deadline(&stored, deadline, now))
        .map_or(Action::AwaitChange, Action::RequeueAfter))
}

fn progress_deadline(deployment: &Deployment) -> Option<SimDuration> {
    let seconds = deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX)?;
    Some(SimDuration::from_secs(u64::try_from(seconds).ok()?))
}

fn judge_progress(
    rollout: &Rollout,
    status: &mut DeploymentStatus,
    current: Option<&DeploymentCondition>,
    deadline: SimDuration,
    now: SimTime,
) {
    let deployment = &rollout.deployment;
    let subject = match &rollout.new {
        Some(set) => format!("ReplicaSet {:?}", set.name()),
        None => format!("Deployment {:?}", deployment.name()),
    };
    if is_complete(deployment, status) {
        let message = format!("{subject} has successfully progressed.");
        set_condition(status, condition(PROGRESSING, "True", NEW_SET_AVAILABLE, message, now));
    } else if has_progressed(&deployment.status, status) {
        let mut fresh =
            condition(PROGRESSING, "True", "ReplicaSetUpdated", format!("{subject} is progressing."), now);
        if let Some(current) = current.filter(|current| current.status == "True") {
            fresh.last_transition_time.clone_from(&current.last_transition_time);
        }
        remove_condition(status, PROGRESSING);
        set_condition(status, fresh);
    } else if timed_out(current, status, deadline, now) {
        let message = format!("{subject} has timed out progressing.");
        set_condition(status, condition(PROGRESSING, "False", TIMED_OUT, message, now));
    }
}

/// Whether more pods are new, fewer old, or more ready or available than before (`DeploymentProgressing`).
fn has_progressed(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let count = |field: Option<i32>| field.unwrap_or(0);
    let outdated = |status: &DeploymentStatus| count(status.replicas) - count(status.updated_replicas);
    count(new.updated_replicas) > count(old.updated_replicas)
        || outdated(new) < outdated(old)
        || count(new.ready_replicas) > count(old.ready_replicas)
        || count(new.available_replicas) > count(old.available_replicas)
}

fn timed_out(
    current: Option<&DeploymentCondition>,
    status: &DeploymentStatus,
    deadline: SimDuration,
    now: SimTime,
) -> bool {
    let Some(condition) = find(status, PROGRESSING).or(current) else { return false };
    match condition.reason.as_deref() {
        Some(NEW_SET_AVAILABLE | PAUSED) => false,
        Some(TIMED_OUT) => true,
        _ => now > last_update(condition) + deadline,
    }
}

fn last_update(condition: &DeploymentCondition) -> SimTime {
    condition.last_update_time.as_ref().map(SimTime::from_time).unwrap_or_default()
}

/// How long until a rollout that stands still has stood still for too long (`requeueStuckDeployment`).
fn until_deadline(deployment: &Deployment, deadline: SimDuration, now: SimTime) -> Option<SimDuration> {
    let current = find(&deployment.status, PROGRESSING)?;
    let over = matches!(current.reason.as_deref(), Some(NEW_SET_AVAILABLE | TIMED_OUT | PAUSED));
    if over || is_complete(deployment, &deployment.status) || deployment.spec.paused == Some(true) {
        return None;
    }
    // One second more, since conditions are dated to the second.
    Some((last_update(current) + deadline).since(now) + SimDuration::from_secs(1))
}

/// A ReplicaSet that cannot make its pods makes its Deployment say so.
fn mirror_failure(rollout: &Rollout, status: &mut DeploymentStatus) {
    let failing = rollout.new.iter().chain(&rollout.old);
    let failure =
        failing.flat_map(|set| set.status.conditions.iter().flatten()).find(|c| c.type_ == REPLICA_FAILURE);
    match failure {
        Some(failure) => {
            let mut mirrored = condition(REPLICA_FAILURE, &failure.status, "", String::new(), SimTime::ZERO);
            mirrored.reason.clone_from(&failure.reason);
            mirrored.message.clone_from(&failure.message);
            mirrored.last_update_time.clone_from(&failure.last_transition_time);
            mirrored.last_transition_time.clone_from(&failure.last_transition_time);
            set_condition(status, mirrored);
        }
        None => remove_condition(status, REPLICA_FAILURE),
    }
}

/// The new ReplicaSet has been made: the Deployment takes its revision and begins to progress.
///
/// # Errors
/// A conflict with another writer.
pub fn created_new_set(
    rollout: &mut Rollout,
    set: &ReplicaSet,
    revision: &str,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let message = format!("Created new replica set {:?}", set.name());
    announce(rollout, "NewReplicaSetCreated", message, revision, true, client)
}

/// The current template has a ReplicaSet already: after a rollback, or because it was adopted.
///
/// # Errors
/// A conflict with another writer.
pub fn found_new_set(
    rollout: &mut Rollout,
    set: &ReplicaSet,
    revision: &str,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let unsaid = find(&rollout.deployment.status, PROGRESSING).is_none();
    let message = format!("Found new replica set {:?}", set.name());
    announce(rollout, "FoundNewReplicaSet", message, revision, unsaid, client)
}

/// The API server refuses the new ReplicaSet.
///
/// # Errors
/// A conflict with another writer.
pub fn failed_to_create(
    rollout: &mut Rollout,
    refused: &Status,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    if progress_deadline(&rollout.deployment).is_none() {
        return Ok(());
    }
    let now = client.now();
    let message = format!("Failed to create new replica set: {refused}");
    let status = Arc::make_mut(&mut rollout.deployment.status);
    set_condition(status, condition(PROGRESSING, "False", "ReplicaSetCreateError", message, now));
    rollout.deployment = client.update_status(rollout.deployment.clone(), None)?;
    Ok(())
}

fn announce(
    rollout: &mut Rollout,
    reason: &str,
    message: String,
    revision: &str,
    say: bool,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let now = client.now();
    let mut deployment = rollout.deployment.clone();
    let mut changed = set_revision(&mut deployment, revision);
    if say && progress_deadline(&deployment).is_some() {
        set_condition(
            Arc::make_mut(&mut deployment.status),
            condition(PROGRESSING, "True", reason, message, now),
        );
        changed = true;
    }
    if changed {
        rollout.deployment = client.update_status(deployment, None)?;
    }
    Ok(())
}

/// Notes in the `Progressing` condition that the Deployment is paused, or goes on (`checkPausedConditions`).
///
/// # Errors
/// A conflict with another writer.
pub fn check_paused(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    if progress_deadline(&rollout.deployment).is_none() {
        return Ok(());
    }
    let current = find(&rollout.deployment.status, PROGRESSING).and_then(|c| c.reason.clone());
    if current.as_deref() == Some(TIMED_OUT) {
        return Ok(());
    }
    let paused = rollout.deployment.spec.paused == Some(true);
    let noted = current.as_deref() == Some(PAUSED);
    let (reason, message) = match (paused, noted) {
        (true, false) => (PAUSED, "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return Ok(()),
    };
    let now = client.now();
    let mut deployment = rollout.deployment.clone();
    set_condition(
        Arc::make_mut(&mut deployment.status),
        condition(PROGRESSING, "Unknown", reason, message.into(), now),
    );
    rollout.deployment = client.update_status(deployment, None)?;
    Ok(())
}

fn condition(type_: &str, status: &str, reason: &str, message: String, now: SimTime) -> DeploymentCondition {
    DeploymentCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message),
        last_update_time: Some(now.to_time()),
        last_transition_time: Some(now.to_time()),
    }
}

fn find<'a>(status: &'a DeploymentStatus, type_: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == type_)
}

fn remove_condition(status: &mut DeploymentStatus, type_: &str) {
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|condition| condition.type_ != type_);
    }
}

/// Models `SetDeploymentCondition`: nothing if status and reason stand already; else the condition moves to the end, and
/// keeps its transition time if only the reason is new.
fn set_condition(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    if let Some(current) = find(status, &condition.type_) {
        if current.status == condition.status && current.reason == condition.reason {
            return;
        }
        if current.status == condition.status {
            condition.last_transition_time.clone_from(&current.last_transition_time);
        }
    }
    remove_condition(status, &condition.type_);
    status.conditions.get_or_insert_default().push(condition);
}
