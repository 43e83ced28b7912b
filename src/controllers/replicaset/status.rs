//! A ReplicaSet's status: counts of its pods (`calculateStatus`).

use std::sync::Arc;

use super::{is_active, until_available};
use crate::api::k8s::{ReplicaSetCondition, ReplicaSetStatus};
use crate::api::meta::StringMap;
use crate::api::{MetaExt, Pod, ReplicaSet, Status};
use crate::client::Client;
use crate::clock::SimDuration;
use crate::controllers::pods::{is_available, is_ready};

/// Writes the status if it differs. Returns how long until the next pod becomes available by the passage of time alone.
///
/// # Errors
/// A conflict with another writer.
pub fn update(
    set: &ReplicaSet,
    pods: &[Pod],
    failure: Option<&Status>,
    client: &mut Client<'_>,
) -> Result<Option<SimDuration>, Status> {
    let now = client.now();
    let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    let status = calculate(set, pods, failure, client);
    if status != *set.status {
        let mut updated = set.clone();
        updated.status = Arc::new(status);
        client.update_status(updated, None)?;
    }
    Ok(until_available(pods, min_ready, now))
}

fn calculate(
    set: &ReplicaSet,
    pods: &[Pod],
    failure: Option<&Status>,
    client: &Client<'_>,
) -> ReplicaSetStatus {
    let now = client.now();
    let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    let active = || pods.iter().filter(|pod| is_active(pod));
    let count = |wanted: &dyn Fn(&Pod) -> bool| active().filter(|pod| wanted(pod)).count() as i32;
    let template_labels: StringMap =
        set.spec.template.as_ref().and_then(|t| t.metadata.as_ref()?.labels.clone()).unwrap_or_default();
    let labelled =
        |pod: &Pod| template_labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value));
    let positive = |count: i32| Some(count).filter(|count| *count > 0);
    let terminating = pods.iter().filter(|pod| pod.is_deleting() && !finished(pod)).count() as i32;
    ReplicaSetStatus {
        replicas: active().count() as i32,
        fully_labeled_replicas: positive(count(&labelled)),
        ready_replicas: positive(count(&is_ready)),
        available_replicas: positive(count(&|pod| is_available(pod, min_ready, now))),
        terminating_replicas: Some(terminating),
        observed_generation: set.meta.generation,
        conditions: conditions(set, failure, client),
    }
}

fn finished(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// `ReplicaFailure` stands as long as creating or deleting pods fails.
fn conditions(
    set: &ReplicaSet,
    failure: Option<&Status>,
    client: &Client<'_>,
) -> Option<Vec<ReplicaSetCondition>> {
    let failure = failure?;
    let known = set.status.conditions.iter().flatten().find(|condition| condition.type_ == "ReplicaFailure");
    let condition = known.cloned().unwrap_or_else(|| ReplicaSetCondition {
        type_: "ReplicaFailure".into(),
        status: "True".into(),
        reason: Some("FailedCreate".into()),
        message: Some(failure.to_string()),
        last_transition_time: Some(client.now().to_time()),
    });
    Some(vec![condition])
}
