//! A Deployment's status, and whether its rollout gets anywhere. Models `progress.go` and the status part of `sync.go`.

use std::sync::Arc;

use super::conditions::{
    self, AVAILABLE, NEW_SET_AVAILABLE, PAUSED, PROGRESSING, REPLICA_FAILURE, TIMED_OUT,
};
use super::conditions::{condition, find};
use super::rolling::bounds;
use super::{Rollout, available, total, wanted};
use crate::api::k8s::{DeploymentCondition, DeploymentStatus};
use crate::api::{Deployment, MetaExt, ReplicaSet, Status};
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};
use crate::controllers::Action;

/// The counts of the status, and the `Available` condition (`calculateStatus`). A count of zero is left out, as the API
/// leaves it out of its JSON.
fn calculate(rollout: &Rollout, now: SimTime) -> DeploymentStatus {
    let deployment = &rollout.deployment;
    let sum = |count: &dyn Fn(&ReplicaSet) -> i32| total(rollout.all().map(count));
    let positive = |count: i32| Some(count).filter(|count| *count > 0);
    let available_now = sum(&available);
    let mut status = DeploymentStatus {
        observed_generation: deployment.meta.generation,
        replicas: positive(sum(&|set| set.status.replicas)),
        updated_replicas: positive(rollout.new.as_ref().map_or(0, |set| set.status.replicas)),
        ready_replicas: positive(sum(&|set| set.status.ready_replicas.unwrap_or(0))),
        available_replicas: positive(available_now),
        unavailable_replicas: positive(sum(&wanted) - available_now),
        terminating_replicas: Some(sum(&|set| set.status.terminating_replicas.unwrap_or(0))),
        collision_count: deployment.status.collision_count,
        conditions: deployment.status.conditions.clone(),
    };
    let floor = rollout.desired() - bounds(deployment).max_unavailable;
    let (word, reason, message) = if available_now >= floor {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    conditions::set(&mut status, condition(AVAILABLE, word, reason, message, now));
    status
}

fn count(field: Option<i32>) -> i32 {
    field.unwrap_or(0)
}

/// Whether every pod is of the new template and available (`DeploymentComplete`).
pub fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let desired = deployment.spec.replicas.unwrap_or(1);
    count(status.updated_replicas) == desired
        && count(status.replicas) == desired
        && count(status.available_replicas) == desired
        && status.observed_generation >= deployment.meta.generation
}

/// Writes the counts alone, where no rollout is to be judged: while paused, scaling or being deleted
/// (`syncDeploymentStatus`).
///
/// # Errors
/// A conflict with another writer.
pub fn sync_status(rollout: &Rollout, client: &mut Client<'_>) -> Result<Action, Status> {
    let status = calculate(rollout, client.now());
    write(&rollout.deployment, status, client).map(|_| Action::AwaitChange)
}

fn write(
    deployment: &Deployment,
    status: DeploymentStatus,
    client: &mut Client<'_>,
) -> Result<Deployment, Status> {
    if status == *deployment.status {
        return Ok(deployment.clone());
    }
    let mut updated = deployment.clone();
    updated.status = Arc::new(status);
    client.update_status(updated, None)
}

/// Writes counts and conditions, and asks for another look when the progress deadline runs out (`syncRolloutStatus`).
///
/// # Errors
/// A conflict with another writer.
pub fn sync_rollout_status(rollout: &Rollout, client: &mut Client<'_>) -> Result<Action, Status> {
    let deployment = &rollout.deployment;
    let now = client.now();
    let mut status = calculate(rollout, now);
    let current = find(&deployment.status, PROGRESSING);
    let arrived = status.replicas == status.updated_replicas
        && current.is_some_and(|current| current.reason.as_deref() == Some(NEW_SET_AVAILABLE));
    match progress_deadline(deployment) {
        None => conditions::remove(&mut status, PROGRESSING),
        Some(deadline) if !arrived => judge_progress(rollout, &mut status, deadline, now),
        Some(_) => {}
    }
    mirror_failure(rollout, &mut status);
    let stored = write(deployment, status, client)?;
    let wait = progress_deadline(deployment).and_then(|deadline| until_deadline(&stored, deadline, now));
    Ok(wait.map_or(Action::AwaitChange, Action::RequeueAfter))
}

/// How long a rollout may stand still; `None` for ever.
pub fn progress_deadline(deployment: &Deployment) -> Option<SimDuration> {
    let seconds = deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX)?;
    Some(SimDuration::from_secs(u64::try_from(seconds).ok()?))
}

fn judge_progress(rollout: &Rollout, status: &mut DeploymentStatus, deadline: SimDuration, now: SimTime) {
    let deployment = &rollout.deployment;
    let subject = match &rollout.new {
        Some(set) => format!("ReplicaSet {:?}", set.name()),
        None => format!("Deployment {:?}", deployment.name()),
    };
    if is_complete(deployment, status) {
        let message = format!("{subject} has successfully progressed.");
        conditions::set(status, condition(PROGRESSING, "True", NEW_SET_AVAILABLE, message, now));
    } else if has_progressed(&deployment.status, status) {
        let message = format!("{subject} is progressing.");
        let mut fresh = condition(PROGRESSING, "True", "ReplicaSetUpdated", message, now);
        if let Some(current) = find(&deployment.status, PROGRESSING).filter(|c| c.status == "True") {
            fresh.last_transition_time.clone_from(&current.last_transition_time);
        }
        // Unlike other conditions it is renewed even if nothing but its date changes: the deadline counts from there.
        conditions::remove(status, PROGRESSING);
        conditions::set(status, fresh);
    } else if has_timed_out(status, deadline, now) {
        let message = format!("{subject} has timed out progressing.");
        conditions::set(status, condition(PROGRESSING, "False", TIMED_OUT, message, now));
    }
}

/// Whether more pods are new, fewer old, or more ready or available than before (`DeploymentProgressing`).
fn has_progressed(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let outdated = |status: &DeploymentStatus| count(status.replicas) - count(status.updated_replicas);
    count(new.updated_replicas) > count(old.updated_replicas)
        || outdated(new) < outdated(old)
        || count(new.ready_replicas) > count(old.ready_replicas)
        || count(new.available_replicas) > count(old.available_replicas)
}

/// Models `DeploymentTimedOut`: from the last progress on, the deadline has passed.
fn has_timed_out(status: &DeploymentStatus, deadline: SimDuration, now: SimTime) -> bool {
    let Some(current) = find(status, PROGRESSING) else { return false };
    match current.reason.as_deref() {
        Some(NEW_SET_AVAILABLE) => false,
        Some(TIMED_OUT) => true,
        _ => now > last_update(current) + deadline,
    }
}

fn last_update(condition: &DeploymentCondition) -> SimTime {
    condition.last_update_time.as_ref().map(SimTime::from_time).unwrap_or_default()
}

/// How long until a rollout that stands still has stood still for too long (`requeueStuckDeployment`).
fn until_deadline(deployment: &Deployment, deadline: SimDuration, now: SimTime) -> Option<SimDuration> {
    let current = find(&deployment.status, PROGRESSING)?;
    if is_complete(deployment, &deployment.status) || current.reason.as_deref() == Some(TIMED_OUT) {
        return None;
    }
    // One second more, since conditions are dated to the second.
    Some((last_update(current) + deadline).since(now) + SimDuration::from_secs(1))
}

/// A ReplicaSet that cannot make its pods makes its Deployment say so; the new one first.
fn mirror_failure(rollout: &Rollout, status: &mut DeploymentStatus) {
    let sets = rollout.new.iter().chain(&rollout.old);
    let mut all = sets.flat_map(|set| set.status.conditions.iter().flatten());
    match all.find(|condition| condition.type_ == REPLICA_FAILURE) {
        Some(failure) => {
            let mirrored = DeploymentCondition {
                type_: REPLICA_FAILURE.into(),
                status: failure.status.clone(),
                reason: failure.reason.clone(),
                message: failure.message.clone(),
                last_update_time: failure.last_transition_time.clone(),
                last_transition_time: failure.last_transition_time.clone(),
            };
            conditions::set(status, mirrored);
        }
        None => conditions::remove(status, REPLICA_FAILURE),
    }
}

/// Notes in the `Progressing` condition that the Deployment is paused, or goes on, so that the deadline does not run
/// meanwhile (`checkPausedConditions`).
///
/// # Errors
/// A conflict with another writer.
pub fn check_paused(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    if progress_deadline(&rollout.deployment).is_none() {
        return Ok(());
    }
    let current = find(&rollout.deployment.status, PROGRESSING).and_then(|c| c.reason.as_deref());
    let paused = rollout.deployment.spec.paused == Some(true);
    let (reason, message) = match (paused, current) {
        (_, Some(TIMED_OUT)) | (true, Some(PAUSED)) => return Ok(()),
        (true, _) => (PAUSED, "Deployment is paused"),
        (false, Some(PAUSED)) => ("DeploymentResumed", "Deployment is resumed"),
        (false, _) => return Ok(()),
    };
    let mut deployment = rollout.deployment.clone();
    let noted = condition(PROGRESSING, "Unknown", reason, message, client.now());
    conditions::set(Arc::make_mut(&mut deployment.status), noted);
    rollout.deployment = client.update_status(deployment, None)?;
    Ok(())
}
