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

/// Writes the status if it differs. Returns how long until the next pod becomes available by the passage of time alone.
///
/// # Errors
/// A conflict with another writer, twice in a row.
pub fn update(
    owner: &Replicas,
    active: &[Pod],
    terminating: i32,
    failure: Option<&Status>,
    client: &mut Client<'_>,
) -> Result<Option<SimDuration>, Status> {
    let now = client.now();
    let set = &owner.set;
    let status = calculate(set, active, terminating, failure, now);
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
    let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    if min_ready == 0 {
        return Ok(None);
    }
    let waits = active.iter().filter_map(|pod| available_in(pod, min_ready, now));
    Ok(waits.filter(|wait| *wait > SimDuration::ZERO).min())
}

/// Models `calculateStatus`. A count of zero is left out, as the API leaves it out of its JSON.
fn calculate(
    set: &ReplicaSet,
    active: &[Pod],
    terminating: i32,
    failure: Option<&Status>,
    now: SimTime,
) -> ReplicaSetStatus {
    let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    let none = StringMap::new();
    let template_labels =
        set.spec.template.as_ref().and_then(|t| t.metadata.as_ref()?.labels.as_ref()).unwrap_or(&none);
    let (mut labeled, mut ready, mut available) = (0, 0, 0);
    for pod in active {
        let has = |(key, value)| pod.labels().get(key) == Some(value);
        labeled += i32::from(template_labels.iter().all(has));
        if let Some(wait) = available_in(pod, min_ready, now) {
            ready += 1;
            available += i32::from(wait == SimDuration::ZERO);
        }
    }
    let count = |count: i32| Some(count).filter(|count| *count > 0);
    ReplicaSetStatus {
        replicas: i32::try_from(active.len()).unwrap_or(i32::MAX),
        fully_labeled_replicas: count(labeled),
        ready_replicas: count(ready),
        available_replicas: count(available),
        terminating_replicas: Some(terminating),
        observed_generation: set.meta.generation,
        conditions: conditions(set, active.len(), failure, now),
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
