//! A DaemonSet's templates, current and past (`pkg/controller/daemon/update.go`).

use std::sync::Arc;

use super::super::deployment::template_hash;
use super::super::history;
use super::HASH_LABEL;
use crate::api::selector::Selector;
use crate::api::status::Reason;
use crate::api::{ControllerRevision, DaemonSet, Key, Kind, MetaExt, Pod, Status};
use crate::client::{Client, DeleteOptions, View};

/// The revisions of one DaemonSet.
pub struct Revisions {
    /// The hash of the current one, with which its pods are labelled.
    pub hash: String,
    /// The others, oldest first.
    old: Vec<ControllerRevision>,
}

/// Finds or makes the revision of the current template, and gives it the highest number (`constructHistory`).
///
/// # Errors
/// What the API server refused, and a hash collision: the next look tries another hash.
pub fn construct(
    set: &DaemonSet,
    selector: &Selector,
    view: &View,
    client: &mut Client<'_>,
) -> Result<Revisions, Status> {
    let all = history::revisions_of(set, selector, view, client)?;
    let data = history::template_patch(&set.spec.template);
    let (equal, old): (Vec<_>, Vec<_>) = all.into_iter().partition(|revision| revision.spec.data == data);
    let number = old.iter().map(|revision| revision.spec.revision).max().unwrap_or(0) + 1;
    let current = match equal.last() {
        Some(current) => history::renumber(current, number.max(current.spec.revision), client)?,
        None => snapshot(set, data, number, client)?,
    };
    let hash = current.labels().get(HASH_LABEL).cloned().unwrap_or_default();
    Ok(Revisions { hash, old })
}

fn snapshot(
    set: &DaemonSet,
    data: serde_json::Value,
    number: i64,
    client: &mut Client<'_>,
) -> Result<ControllerRevision, Status> {
    let hash = template_hash(&set.spec.template, set.status.collision_count);
    let name = history::revision_name(set.name(), &hash);
    let mut labels =
        set.spec.template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    labels.insert(HASH_LABEL.into(), hash);
    let mut revision = history::new_revision(set, labels, data, number);
    Arc::make_mut(&mut revision.meta).name = Some(name.clone());
    match client.create(revision.clone(), None) {
        Err(refused) if refused.reason == Reason::AlreadyExists => {
            let existing = client.get(&Key::new(Kind::CONTROLLER_REVISION, set.namespace(), &name))?;
            match existing.as_kind::<ControllerRevision>() {
                Some(existing) if existing.spec.data == revision.spec.data => Ok(existing.clone()),
                _ => {
                    let mut set = set.clone();
                    let count = set.status.collision_count.unwrap_or(0);
                    Arc::make_mut(&mut set.status).collision_count = Some(count + 1);
                    client.update_status(set, None)?;
                    Err(refused)
                }
            }
        }
        result => result,
    }
}

impl Revisions {
    /// Deletes the oldest revisions beyond the limit, other than those that pods still run.
    ///
    /// # Errors
    /// What the API server refused.
    pub fn clean_up(&self, set: &DaemonSet, pods: &[Pod], client: &mut Client<'_>) -> Result<(), Status> {
        let limit = usize::try_from(set.spec.revision_history_limit.unwrap_or(10)).unwrap_or(0);
        let excess = self.old.len().saturating_sub(limit);
        let is_live = |revision: &&ControllerRevision| {
            let hash = revision.labels().get(HASH_LABEL);
            pods.iter().any(|pod| pod.labels().get(HASH_LABEL) == hash)
        };
        for revision in self.old.iter().filter(|revision| !is_live(revision)).take(excess) {
            let key = Key::new(Kind::CONTROLLER_REVISION, revision.namespace(), revision.name());
            client.delete(&key, &DeleteOptions::default(), None)?;
        }
        Ok(())
    }
}
