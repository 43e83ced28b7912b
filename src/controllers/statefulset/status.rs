//! A StatefulSet's status: counts of its pods by state and by revision.

use std::sync::Arc;

use super::super::pods::{available_in, is_ready};
use super::identity::revision_of;
use super::replicas;
use super::seats::Members;
use crate::api::explain::Explain;
use crate::api::k8s::StatefulSetStatus;
use crate::api::status::Reason;
use crate::api::{Key, Kind, MetaExt, Pod, StatefulSet, Status};
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};

/// Whether the pod exists: one that is only planned has no phase.
pub fn is_created(pod: &Pod) -> bool {
    pod.status.phase.is_some()
}

/// Whether the pod runs and is ready.
pub fn is_running_and_ready(pod: &Pod) -> bool {
    pod.status.phase.as_deref() == Some("Running") && is_ready(pod)
}

/// Whether it has been so for `minReadySeconds`.
pub fn is_running_and_available(pod: &Pod, min_ready: i32, now: SimTime) -> bool {
    pod.status.phase.as_deref() == Some("Running")
        && available_in(pod, min_ready, now) == Some(SimDuration::ZERO)
}

/// Counts the settled members and these pods into the status (`updateStatus`). Counts of zero are left out, as the API leaves them out of its JSON.
pub fn count<'a>(
    status: &mut StatefulSetStatus,
    set: &StatefulSet,
    settled: &Members,
    pods: impl Iterator<Item = &'a Pod>,
    now: SimTime,
) {
    let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    let of = |revision: &Option<String>| settled.count_of(revision.as_deref().unwrap_or_default());
    let (mut current, mut updated) = (of(&status.current_revision), of(&status.update_revision));
    let mut all = settled.count();
    let (mut ready, mut available) = (all, all);
    for pod in pods {
        all += i32::from(is_created(pod));
        ready += i32::from(is_running_and_ready(pod));
        available += i32::from(is_running_and_available(pod, min_ready, now));
        if is_created(pod) && !pod.is_deleting() {
            let is = |revision: &Option<String>| revision.as_deref() == Some(revision_of(pod));
            current += i32::from(is(&status.current_revision));
            updated += i32::from(is(&status.update_revision));
        }
    }
    status.replicas = all;
    status.available_replicas = Some(available);
    status.ready_replicas = nonzero(ready);
    status.current_replicas = nonzero(current);
    status.updated_replicas = nonzero(updated);
}

/// A count as the API's JSON has it.
pub fn nonzero(count: i32) -> Option<i32> {
    Some(count).filter(|count| *count != 0)
}

/// Once every pod is of the new revision and ready, it is the current one.
fn complete_rolling_update(set: &StatefulSet, status: &mut StatefulSetStatus) {
    let rolling = set.spec.update_strategy.as_ref().is_none_or(|s| s.type_.as_deref() != Some("OnDelete"));
    let wanted = replicas(set);
    if rolling
        && status.updated_replicas.unwrap_or(0) == wanted
        && status.ready_replicas.unwrap_or(0) == wanted
        && status.replicas == wanted
    {
        status.current_replicas = status.updated_replicas;
        status.current_revision.clone_from(&status.update_revision);
    }
}

/// Writes the status if it says something new. Returns it.
///
/// # Errors
/// What the API server refused.
pub fn write(
    set: &StatefulSet,
    mut status: StatefulSetStatus,
    explain: Option<Explain>,
    client: &mut Client<'_>,
) -> Result<StatefulSetStatus, Status> {
    complete_rolling_update(set, &mut status);
    status.conditions.clone_from(&set.status.conditions);
    let old = &*set.status;
    let newer = status.observed_generation > old.observed_generation;
    let same = StatefulSetStatus {
        observed_generation: old.observed_generation,
        collision_count: old.collision_count,
        ..status.clone()
    };
    if !newer && same == *old {
        return Ok(status);
    }
    let mut updated = set.clone();
    updated.status = Arc::new(status.clone());
    match client.update_status(updated.clone(), explain.clone()) {
        Err(refused) if refused.reason == Reason::Conflict => {
            let key = Key::new(Kind::STATEFUL_SET, set.namespace(), set.name());
            updated.revision = client.get(&key)?.revision();
            client.update_status(updated, explain)?;
        }
        result => drop(result?),
    }
    Ok(status)
}
