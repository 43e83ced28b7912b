//! A DaemonSet's status: on how many nodes a pod belongs, and how its pods there do.

use std::sync::Arc;

use super::super::pods::is_ready;
use super::Look;
use super::nodes;
use crate::api::explain::Explain;
use crate::api::k8s::DaemonSetStatus;
use crate::api::status::Reason;
use crate::api::{MetaExt, Status};
use crate::client::Client;
use crate::clock::SimDuration;

/// Writes the status if it differs (`updateDaemonSetStatus`). `observed`: whether this look acted on the set's current
/// generation; `explain`: what it did. Returns how long until pods become available by the passage of time alone.
///
/// # Errors
/// What the API server refused.
pub fn update(
    look: &Look<'_>,
    observed: bool,
    explain: Option<Explain>,
    client: &mut Client<'_>,
) -> Result<Option<SimDuration>, Status> {
    let set = look.set;
    let mut status = count(look);
    let wait = (look.min_ready() > 0 && status.number_ready != status.number_available.unwrap_or(0))
        .then(|| SimDuration::from_secs(u64::try_from(look.min_ready()).unwrap_or(0)));
    status.observed_generation = if observed { set.meta.generation } else { set.status.observed_generation };
    let old = &*set.status;
    let same = DaemonSetStatus { observed_generation: old.observed_generation, ..status.clone() } == *old;
    if same && old.observed_generation.unwrap_or(0) >= set.generation() {
        return Ok(wait);
    }
    let mut updated = set.clone();
    updated.status = Arc::new(status);
    match client.update_status(updated.clone(), explain.clone()) {
        Err(refused) if refused.reason == Reason::Conflict => {
            updated.revision = client.get(look.key)?.revision();
            client.update_status(updated, explain)?;
        }
        result => drop(result?),
    }
    Ok(wait)
}

/// Counts nodes and the oldest pod on each.
fn count(look: &Look<'_>) -> DaemonSetStatus {
    let mut status = DaemonSetStatus {
        collision_count: look.set.status.collision_count,
        conditions: look.set.status.conditions.clone(),
        ..Default::default()
    };
    let (mut available, mut updated) = (0, 0);
    for node in &look.nodes {
        let oldest = look.pods.get(node.name()).and_then(|pods| pods.first());
        if !nodes::verdict(look.set, node).run {
            status.number_misscheduled += i32::from(oldest.is_some());
            continue;
        }
        status.desired_number_scheduled += 1;
        let Some(pod) = oldest else { continue };
        status.current_number_scheduled += 1;
        if is_ready(pod) {
            status.number_ready += 1;
            available += i32::from(look.is_available(pod));
        }
        updated += i32::from(look.is_updated(pod));
    }
    let count = |count: i32| Some(count).filter(|count| *count != 0);
    status.number_available = count(available);
    status.updated_number_scheduled = count(updated);
    status.number_unavailable = count(status.desired_number_scheduled - available);
    status
}
