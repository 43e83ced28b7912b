//! The namespace controller: empties a namespace that is being deleted, pods first, then lets it go. Models
//! `pkg/controller/namespace`.

use sorted::SortedMap;
use std::sync::Arc;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::k8s::NamespaceCondition;
use crate::api::{Key, Kind, MetaExt, Namespace, Object, Status};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// Between the mark of deletion and the first look, so that other API servers have heard of it and admit nothing new.
const GRACE: SimDuration = SimDuration::from_secs(5);
/// Between the first and the second look at a namespace that will not empty; each wait is twice as long as the last.
const RETRY: SimDuration = SimDuration::from_secs(5);
const RETRY_MAX: SimDuration = SimDuration::from_secs(60);

/// What a first look finds in order, and says so (type, reason, message).
const ALL_WELL: [(&str, &str, &str); 5] = [
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
];

/// The controller, with the number of looks at each namespace that is going.
#[derive(Clone, Debug, Default)]
pub struct NamespaceController {
    looks: SortedMap<Key, u32>,
}

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NAMESPACE]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match change.after.as_deref() {
            Some(Object::Namespace(namespace)) if namespace.is_deleting() => {
                let marked = change.before.as_ref().is_none_or(|before| !before.is_deleting());
                if marked {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            None => drop(self.looks.remove(&change.key)),
            Some(_) => {}
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Ok(object) = client.get(key) else { return Ok(Action::AwaitChange) };
        let Some(namespace) = object.as_kind::<Namespace>().filter(|namespace| namespace.is_deleting())
        else {
            return Ok(Action::AwaitChange);
        };
        let looks = self.looks.entry(key.clone()).or_default();
        *looks += 1;
        if *looks == 1 {
            return Ok(Action::RequeueAfter(GRACE));
        }
        let retry = RETRY.doubled(*looks - 2, RETRY_MAX);
        empty(&key.name, client)?;
        if has_content(&key.name, client) {
            let remaining = with_conditions(namespace, client.now());
            client.update_status(remaining, None)?;
            return Ok(Action::RequeueAfter(retry));
        }
        client.finalize_namespace(&key.name);
        Ok(Action::AwaitChange)
    }
}

fn content(kind: Kind, namespace: &str, client: &Client<'_>) -> Vec<Key> {
    client.live().objects(kind, Some(namespace)).map(|object| object.key()).collect()
}

fn kinds(client: &Client<'_>) -> impl Iterator<Item = Kind> + use<> {
    client.live().kinds().into_iter().filter(|kind| kind.info().namespaced)
}

fn has_content(namespace: &str, client: &Client<'_>) -> bool {
    kinds(client).any(|kind| client.live().objects(kind, Some(namespace)).next().is_some())
}

/// Deletes the pods, and all else once no pod is left (`OrderedNamespaceDeletion`): one pod that will not end keeps even the
/// secrets it runs with.
fn empty(namespace: &str, client: &mut Client<'_>) -> Result<(), Status> {
    delete_all(content(Kind::POD, namespace, client), client)?;
    if client.live().objects(Kind::POD, Some(namespace)).next().is_some() {
        return Ok(());
    }
    kinds(client).try_for_each(|kind| delete_all(content(kind, namespace, client), client))
}

fn delete_all(keys: Vec<Key>, client: &mut Client<'_>) -> Result<(), Status> {
    for key in keys {
        let going = client.get(&key).is_ok_and(|object| object.is_deleting());
        if !going {
            gone_is_fine(client.delete(&key, &DeleteOptions::default(), None))?;
        }
    }
    Ok(())
}

fn with_conditions(namespace: &Namespace, now: SimTime) -> Namespace {
    let mut updated = namespace.clone();
    let conditions = Arc::make_mut(&mut updated.status).conditions.get_or_insert_default();
    for (type_, reason, message) in ALL_WELL {
        if !conditions.iter().any(|condition| condition.type_ == type_) {
            conditions.push(NamespaceCondition {
                type_: type_.into(),
                status: "False".into(),
                reason: Some(reason.into()),
                message: Some(message.into()),
                last_transition_time: Some(now.to_time()),
            });
        }
    }
    updated
}
