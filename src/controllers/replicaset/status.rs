//! A ReplicaSet's status: counts of its pods (`replica_set_utils.go`).

use super::super::pods::available_in;
use super::adapter::Replicas;
use crate::api::k8s::{ReplicaSetCondition, ReplicaSetStatus};
use crate::api::meta::StringMap;
use crate::api::status::Reason;
use crate::api::{MetaExt, Pod, ReplicaSet, Status};
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};

const REPLICA_FAILURE: &str = "ReplicaFailure";

/// How many pods a set has, and how they fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Neither finished nor being deleted.
    pub active: i32,
    /// Of these, with all labels of the template.
    pub labeled: i32,
    /// Of these, ready.
    pub ready: i32,
    /// Of these, ready for long enough.
    pub available: i32,
    /// Being deleted, and not finished.
    pub terminating: i32,
}

impl Counts {
    /// Counts the active pods of a set.
    pub fn of(set: &ReplicaSet, active: &[Pod], terminating: i32, now: SimTime) -> Counts {
        let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
        let none = StringMap::new();
        let labels = template_labels(set).unwrap_or(&none);
        let mut counts = Counts {
            active: i32::try_from(active.len()).unwrap_or(i32::MAX),
            terminating,
            ..Counts::default()
        };
        for pod in active {
            counts.labeled += i32::from(has_labels(pod, labels));
            if let Some(wait) = available_in(pod, min_ready, now) {
                counts.ready += 1;
                counts.available += i32::from(wait == SimDuration::ZERO);
            }
        }
        counts
    }
}

/// The labels that a set gives its pods.
pub fn template_labels(set: &ReplicaSet) -> Option<&StringMap> {
    set.spec.template.as_ref()?.metadata.as_ref()?.labels.as_ref()
}

/// Whether a pod has all of these labels.
pub fn has_labels(pod: &Pod, labels: &StringMap) -> bool {
    labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

/// How long until the next pod becomes available by the passage of time alone.
pub fn next_available(set: &ReplicaSet, active: &[Pod], now: SimTime) -> Option<SimDuration> {
    let min_ready = set.spec.min_ready_seconds.filter(|seconds| *seconds > 0)?;
    let waits = active.iter().filter_map(|pod| available_in(pod, min_ready, now));
    waits.filter(|wait| *wait > SimDuration::ZERO).min()
}

/// Writes the status if it differs.
///
/// # Errors
/// A conflict with another writer, twice in a row.
pub fn update(
    owner: &Replicas,
    counts: Counts,
    failure: Option<&Status>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let now = client.now();
    let set = &owner.set;
    let status = calculate(set, counts, failure, now);
    if !owner.has_status(&status) {
        let mut updated = owner.with_status(status);
        match client.update_object_status(updated.clone()) {
            // Counts are right whoever else wrote meanwhile, so they are put onto the latest version once.
            Err(refused) if refused.reason == Reason::Conflict => {
                updated.set_revision(client.get(&owner.key())?.revision());
                client.update_object_status(updated)?;
            }
            result => drop(result?),
        }
    }
    Ok(())
}

/// Models `calculateStatus`. A count of zero is left out, as the API leaves it out of its JSON.
fn calculate(set: &ReplicaSet, counts: Counts, failure: Option<&Status>, now: SimTime) -> ReplicaSetStatus {
    let count = |count: i32| Some(count).filter(|count| *count > 0);
    ReplicaSetStatus {
        replicas: counts.active,
        fully_labeled_replicas: count(counts.labeled),
        ready_replicas: count(counts.ready),
        available_replicas: count(counts.available),
        terminating_replicas: Some(counts.terminating),
        observed_generation: set.meta.generation,
        conditions: conditions(set, usize::try_from(counts.active).unwrap_or(0), failure, now),
    }
}

/// `ReplicaFailure` stands, as it first came up, for as long as creating or deleting pods fails.
fn conditions(
    set: &ReplicaSet,
    actual: usize,
    failure: Option<&Status>,
    now: SimTime,
) -> Option<Vec<ReplicaSetCondition>> {
    let mut conditions = set.status.conditions.clone().unwrap_or_default();
    let stands = conditions.iter().any(|condition| condition.type_ == REPLICA_FAILURE);
    match failure {
        Some(failure) if !stands => {
            let too_few = i64::try_from(actual).is_ok_and(|n| n < i64::from(set.spec.replicas.unwrap_or(1)));
            conditions.push(ReplicaSetCondition {
                type_: REPLICA_FAILURE.into(),
                status: "True".into(),
                reason: Some(if too_few { "FailedCreate" } else { "FailedDelete" }.into()),
                message: Some(failure.to_string()),
                last_transition_time: Some(now.to_time()),
            });
        }
        None if stands => conditions.retain(|condition| condition.type_ != REPLICA_FAILURE),
        _ => {}
    }
    Some(conditions).filter(|conditions| !conditions.is_empty())
}
