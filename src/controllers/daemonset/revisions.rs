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
    let mut all = history::revisions_of(set, selector, view, client)?;
    for revision in &mut all {
        *revision = labelled(revision.clone(), client)?;
    }
    let data = history::template_patch(&set.spec.template);
    let (equal, old): (Vec<_>, Vec<_>) = all.into_iter().partition(|revision| revision.spec.data == data);
    let number = old.iter().map(|revision| revision.spec.revision).max().unwrap_or(0) + 1;
    let current = match equal.split_last() {
        Some((current, copies)) => {
            merge(set, current, copies, view, client)?;
            history::renumber(current, number.max(current.spec.revision), client)?
        }
        None => snapshot(set, data, number, client)?,
    };
    let hash = current.labels().get(HASH_LABEL).cloned().unwrap_or_default();
    Ok(Revisions { hash, old })
}

/// A revision that came without the label with which pods name it is named after itself there.
fn labelled(mut revision: ControllerRevision, client: &mut Client<'_>) -> Result<ControllerRevision, Status> {
    if revision.labels().contains_key(HASH_LABEL) {
        return Ok(revision);
    }
    let name = revision.name().to_string();
    let labels = Arc::make_mut(&mut revision.meta).labels.get_or_insert_default();
    labels.insert(HASH_LABEL.into(), name);
    client.update(revision, None)
}

/// Of several revisions of one template the last one stays, and all pods are of it from now on (`dedupCurHistories`).
fn merge(
    set: &DaemonSet,
    kept: &ControllerRevision,
    copies: &[ControllerRevision],
    view: &View,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let hash = kept.labels().get(HASH_LABEL).cloned().unwrap_or_default();
    for copy in copies {
        let own = |pod: &&Pod| pod.controller().is_some_and(|owner| owner.uid == set.uid());
        let other = |pod: &&Pod| pod.labels().get(HASH_LABEL) != Some(&hash);
        let pods = view.list::<Pod>(Some(set.namespace())).filter(own).filter(other);
        for mut pod in pods.cloned().collect::<Vec<Pod>>() {
            let labels = Arc::make_mut(&mut pod.meta).labels.get_or_insert_default();
            labels.insert(HASH_LABEL.into(), hash.clone());
            client.update(pod, None)?;
        }
        let key = Key::new(Kind::CONTROLLER_REVISION, copy.namespace(), copy.name());
        client.delete(&key, &DeleteOptions::default(), None)?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Object;
    use crate::api::k8s::ObjectMeta;
    use crate::client::{Actor, ApiServer};
    use crate::controllers::ref_manager::controller_reference;
    use serde_json::json;

    #[test]
    fn a_copy_of_the_current_revision_takes_its_place_and_its_pods() {
        let mut api = ApiServer::new(1);
        let mut client = Client::new(&mut api, Actor::Controller("daemonset-controller"), None);
        let template = json!({
            "metadata": {"labels": {"app": "log"}},
            "spec": {"containers": [{"name": "app", "image": "log:1"}]},
        });
        let spec = json!({"selector": {"matchLabels": {"app": "log"}}, "template": template});
        let objects = [
            (Kind::NAMESPACE, json!({"metadata": {"name": "n"}})),
            (Kind::DAEMON_SET, json!({"metadata": {"name": "log", "namespace": "n"}, "spec": spec})),
        ];
        for (kind, value) in objects {
            client.create_object(Object::from_value(kind, value).unwrap()).unwrap();
        }
        let set = client.live().get::<DaemonSet>("n", "log").cloned().unwrap();
        let selector = Selector::from_field(&set.spec.selector).unwrap();
        let view = client.live().clone();
        let first = construct(&set, &selector, &view, &mut client).unwrap();
        let mut pod = crate::testing::pod("log-1").build();
        let labels = [("app".to_string(), "log".to_string()), (HASH_LABEL.to_string(), first.hash.clone())];
        pod.meta = Arc::new(ObjectMeta {
            name: Some("log-1".into()),
            namespace: Some("n".into()),
            labels: Some(labels.into()),
            owner_references: Some(vec![controller_reference(&set)]),
            ..Default::default()
        });
        Arc::make_mut(&mut pod.spec).containers[0].image = Some("log:1".into());
        client.create(pod, None).unwrap();
        let original = client.live().list::<ControllerRevision>(None).next().cloned().unwrap();
        let labels = [("app".to_string(), "log".to_string())].into();
        let mut copy = history::new_revision(&set, labels, original.spec.data.clone(), 2);
        Arc::make_mut(&mut copy.meta).name = Some("by-hand".into());
        client.create(copy, None).unwrap();
        let view = client.live().clone();
        let second = construct(&set, &selector, &view, &mut client).unwrap();
        let left: Vec<&str> = client.live().list::<ControllerRevision>(None).map(MetaExt::name).collect();
        // Without a label, a revision is called by its own name.
        assert_eq!((left.as_slice(), second.hash.as_str()), (["by-hand"].as_slice(), "by-hand"));
        let pod = client.live().get::<Pod>("n", "log-1").unwrap();
        assert_eq!(pod.labels().get(HASH_LABEL).map(String::as_str), Some("by-hand"));
    }
}
