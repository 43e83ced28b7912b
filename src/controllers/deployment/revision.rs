//! Revisions: the number of each template, and how many old ones are kept.

use std::sync::Arc;

use super::{DESIRED_REPLICAS, MAX_REPLICAS, REVISION, REVISION_HISTORY, Rollout, wanted};
use crate::api::sorting;
use crate::api::{Deployment, Key, Kind, MetaExt, ReplicaSet, Status};
use crate::client::{Client, DeleteOptions};
use crate::controllers::ref_manager::gone_is_fine;

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The longest list of former revisions, in letters.
const HISTORY_MAX: usize = 2_000;

/// The revision of a ReplicaSet; zero if it has none.
pub fn revision_of(set: &ReplicaSet) -> i64 {
    set.annotation(REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// The revision that the current template gets: one more than the highest of the old.
pub fn next_revision(old: &[ReplicaSet]) -> i64 {
    old.iter().map(revision_of).max().unwrap_or(0).saturating_add(1)
}

/// Brings the annotations of the new ReplicaSet up to date (`SetNewReplicaSetAnnotations`): those of the Deployment, and
/// the revision, which only ever rises; a set that is used again remembers the revisions it had. Says whether anything
/// changed.
pub fn update_annotations(
    set: &mut ReplicaSet,
    deployment: &Deployment,
    revision: i64,
    exists: bool,
) -> bool {
    let before = set.meta.annotations.clone().unwrap_or_default();
    let mut annotations = before.clone();
    for (name, value) in deployment.annotations() {
        if !NOT_COPIED.contains(&name.as_str()) {
            annotations.insert(name.clone(), value.clone());
        }
    }
    let had = before.get(REVISION).map(|text| text.parse::<i64>());
    match had {
        // Somebody has put words there: they are left alone.
        Some(Err(_)) => {}
        Some(Ok(had)) if had >= revision => {}
        had => {
            annotations.insert(REVISION.into(), revision.to_string());
            if let (true, Some(Ok(had))) = (exists, had) {
                let history = annotations.entry(REVISION_HISTORY.into()).or_default();
                *history = remember(history, had);
            }
        }
    }
    let changed = annotations != before;
    if changed {
        Arc::make_mut(&mut set.meta).annotations = Some(annotations);
    }
    changed
}

/// Adds a revision to the list of those that a set had, dropping the oldest where the list gets too long.
fn remember(history: &str, revision: i64) -> String {
    let mut revisions: Vec<String> =
        history.split(',').filter(|text| !text.is_empty()).map(str::to_string).collect();
    revisions.push(revision.to_string());
    while revisions.len() > 1 && revisions.iter().map(|text| text.len() + 1).sum::<usize>() > HISTORY_MAX + 1
    {
        revisions.remove(0);
    }
    revisions.join(",")
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
    let Some(limit) = rollout.deployment.spec.revision_history_limit.filter(|limit| *limit != i32::MAX)
    else {
        return Ok(());
    };
    let mut old: Vec<&ReplicaSet> = rollout.old.iter().filter(|set| !set.is_deleting()).collect();
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    // The sets come oldest first, so equal revisions stay in order of age.
    sorting::sort_by_key(&mut old, |set| revision_of(set));
    for set in old.into_iter().take(surplus) {
        let idle = set.status.replicas == 0 && wanted(set) == 0;
        if idle && set.generation() <= set.status.observed_generation.unwrap_or(0) {
            let key = Key::new(Kind::REPLICA_SET, set.namespace(), set.name());
            gone_is_fine(client.delete(&key, &DeleteOptions::default(), None))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_revisions_grows_at_its_end_and_loses_its_head_when_too_long() {
        assert_eq!(remember("", 1), "1");
        assert_eq!(remember("1,3", 5), "1,3,5");
        let long = vec!["1234"; 400].join(",");
        let after = remember(&long, 7);
        assert!(after.len() <= HISTORY_MAX, "{}", after.len());
        assert!(after.ends_with(",1234,7"), "{after}");
    }
}
