//! Revisions: the number of each template, and how many old ones are kept.

use std::sync::Arc;

use super::{DESIRED_REPLICAS, MAX_REPLICAS, REVISION, REVISION_HISTORY, Rollout, wanted};
use crate::api::{Deployment, Key, Kind, MetaExt, ReplicaSet, Status};
use crate::client::{Client, DeleteOptions};

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The revision of a ReplicaSet; zero if it has none.
pub fn revision_of(set: &ReplicaSet) -> i64 {
    set.annotation(REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// The revision that the current template gets: one more than the highest of the old.
pub fn next_revision(old: &[ReplicaSet]) -> String {
    (old.iter().map(revision_of).max().unwrap_or(0) + 1).to_string()
}

/// Brings the annotations of the new ReplicaSet up to date (`SetNewReplicaSetAnnotations`): those of the Deployment, and
/// the revision; a set that is used again remembers the revisions it had. Says whether anything changed.
pub fn update_annotations(
    set: &mut ReplicaSet,
    deployment: &Deployment,
    revision: &str,
    exists: bool,
) -> bool {
    let before = set.meta.annotations.clone();
    let had = revision_of(set);
    let annotations = Arc::make_mut(&mut set.meta).annotations.get_or_insert_default();
    for (name, value) in deployment.annotations() {
        if !NOT_COPIED.contains(&name.as_str()) {
            annotations.insert(name.clone(), value.clone());
        }
    }
    if had < revision.parse().unwrap_or(0) {
        annotations.insert(REVISION.into(), revision.into());
        if exists && had > 0 {
            let history = annotations.entry(REVISION_HISTORY.into()).or_default();
            if !history.is_empty() {
                history.push(',');
            }
            history.push_str(&had.to_string());
        }
    }
    set.meta.annotations != before
}

/// Writes the revision onto the Deployment (in memory). Says whether it changed.
pub fn set_revision(deployment: &mut Deployment, revision: &str) -> bool {
    if deployment.annotation(REVISION) == Some(revision) {
        return false;
    }
    let annotations = Arc::make_mut(&mut deployment.meta).annotations.get_or_insert_default();
    annotations.insert(REVISION.into(), revision.into());
    true
}

/// Deletes old ReplicaSets beyond `revisionHistoryLimit`, lowest revision first (`cleanupDeployment`). One that still has
/// pods, or is about to, stays.
///
/// # Errors
/// What the API server refused.
pub fn cleanup(rollout: &Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    let limit = rollout.deployment.spec.revision_history_limit.unwrap_or(10).max(0) as usize;
    let mut old: Vec<&ReplicaSet> = rollout.old.iter().filter(|set| !set.is_deleting()).collect();
    let surplus = old.len().saturating_sub(limit);
    old.sort_by_key(|set| (revision_of(set), set.revision));
    for set in old.into_iter().take(surplus) {
        let idle = set.status.replicas == 0 && wanted(set) == 0;
        if idle && set.generation() <= set.status.observed_generation.unwrap_or(0) {
            let key = Key::new(Kind::REPLICA_SET, set.namespace(), set.name());
            client.delete(&key, &DeleteOptions::default(), None)?;
        }
    }
    Ok(())
}
