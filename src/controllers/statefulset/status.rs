//! A StatefulSet's status: counts of its pods by state and by revision.

use std::sync::Arc;

use super::super::pods::{available_in, is_ready};
use super::identity::revision_of;
use super::replicas;
use super::update::Revisions;
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

/// How many pods there are, and how they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub all: i32,
    pub ready: i32,
    pub available: i32,
    pub current: i32,
    pub updated: i32,
}

impl Counts {
    /// Counts pods (`updateStatus`).
    pub fn of<'a>(
        pods: impl Iterator<Item = &'a Pod>,
        set: &StatefulSet,
        revisions: &Revisions,
        now: SimTime,
    ) -> Counts {
        let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
        let mut counts = Counts::default();
        for pod in pods.filter(|pod| is_created(pod)) {
            counts.all += 1;
            counts.ready += i32::from(is_running_and_ready(pod));
            counts.available += i32::from(is_running_and_available(pod, min_ready, now));
            if !pod.is_deleting() {
                let revision = revision_of(pod);
                counts.current += i32::from(revision == revisions.current.name());
                counts.updated += i32::from(revision == revisions.update.name());
            }
        }
        counts
    }

    /// The status that says so. Counts of zero are left out, as the API leaves them out of its JSON.
    pub fn status(&self, set: &StatefulSet, revisions: &Revisions) -> StatefulSetStatus {
        StatefulSetStatus {
            observed_generation: set.meta.generation,
            current_revision: Some(revisions.current.name().into()),
            update_revision: Some(revisions.update.name().into()),
            collision_count: Some(revisions.collisions),
            replicas: self.all,
            available_replicas: Some(self.available),
            ready_replicas: nonzero(self.ready),
            current_replicas: nonzero(self.current),
            updated_replicas: nonzero(self.updated),
            ..Default::default()
        }
    }
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
