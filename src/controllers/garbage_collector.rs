//! The garbage collector: what is owned goes with its owner. Models `pkg/controller/garbagecollector`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Controller};
use crate::api::explain::{Explain, GarbageStep};
use crate::api::k8s::OwnerReference;
use crate::api::{Key, Kind, MetaExt, Object, Status};
use crate::client::{
    Change, Client, DeleteOptions, FOREGROUND_FINALIZER, ORPHAN_FINALIZER, Propagation, View, WorkQueue,
};

/// The kinds that own or are owned in the model.
const WATCHED: &[Kind] = &[
    Kind::POD,
    Kind::REPLICA_SET,
    Kind::DEPLOYMENT,
    Kind::SERVICE,
    Kind::ENDPOINT_SLICE,
    Kind::NODE,
    Kind::STATEFUL_SET,
    Kind::DAEMON_SET,
    Kind::JOB,
    Kind::CRON_JOB,
    Kind::REPLICATION_CONTROLLER,
    Kind::CONFIG_MAP,
    Kind::SECRET,
    Kind::CONTROLLER_REVISION,
    Kind::PERSISTENT_VOLUME_CLAIM,
];

/// The collector, with the index of who owns what by uid, so that the end of an owner finds its dependents at once.
#[derive(Clone, Debug, Default)]
pub struct GarbageCollector {
    dependents: BTreeMap<String, BTreeSet<Key>>,
}

fn owners(object: &Object) -> &[OwnerReference] {
    object.meta().owner_references.as_deref().unwrap_or_default()
}

fn has_finalizer(object: &Object, name: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == name)
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "generic-garbage-collector"
    }

    fn watches(&self) -> &'static [Kind] {
        WATCHED
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        if let Some(before) = &change.before {
            for owner in owners(before) {
                if let Some(keys) = self.dependents.get_mut(&owner.uid) {
                    keys.remove(&change.key);
                }
                // An owner that waits for its dependents looks again when one of them goes.
                if change.after.is_none()
                    && let Some(kind) = Kind::from_manifest(&owner.api_version, &owner.kind)
                {
                    let namespace = if kind.info().namespaced { &*change.key.namespace } else { "" };
                    queue.add(Key::new(kind, namespace, &owner.name), Some(change.revision));
                }
            }
        }
        match &change.after {
            Some(after) => {
                for owner in owners(after) {
                    self.dependents.entry(owner.uid.clone()).or_default().insert(change.key.clone());
                }
                let held = after.is_deleting()
                    && (has_finalizer(after, FOREGROUND_FINALIZER) || has_finalizer(after, ORPHAN_FINALIZER));
                if held || (change.before.is_none() && !owners(after).is_empty()) {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            None => {
                for key in self.dependents.remove(change.object().uid()).into_iter().flatten() {
                    queue.add(key, Some(change.revision));
                }
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Ok(object) = client.get(key) else { return Ok(Action::AwaitChange) };
        if object.is_deleting() {
            return self.finish_owner(key, &object, view, client).map(|()| Action::AwaitChange);
        }
        let owners = owners(&object);
        let absent = |owner: &&OwnerReference| !exists(owner, key, client);
        let gone: Vec<&OwnerReference> = owners.iter().filter(absent).collect();
        if gone.is_empty() || gone.len() < owners.len() {
            return Ok(Action::AwaitChange);
        }
        let owner = gone.first().map(|owner| format!("{} {}", owner.kind, owner.name)).unwrap_or_default();
        let options = DeleteOptions { uid: Some(object.uid().to_string()), ..Default::default() };
        match client.delete(key, &options, Some(Explain::Garbage(GarbageStep { owner }))) {
            Ok(_) => Ok(Action::AwaitChange),
            Err(refused) if refused.code == 404 => Ok(Action::AwaitChange),
            Err(refused) => Err(refused),
        }
    }
}

/// Whether the very owner (by uid, not only by name) is there.
fn exists(owner: &OwnerReference, dependent: &Key, client: &Client<'_>) -> bool {
    let Some(kind) = Kind::from_manifest(&owner.api_version, &owner.kind) else { return true };
    let namespace = if kind.info().namespaced { &*dependent.namespace } else { "" };
    client
        .live()
        .object(&Key::new(kind, namespace, &owner.name))
        .is_some_and(|object| object.uid() == owner.uid)
}

impl GarbageCollector {
    /// An owner that is being deleted in the foreground goes once its dependents are gone; one that orphans them goes once
    /// they are released.
    fn finish_owner(
        &self,
        key: &Key,
        object: &Object,
        _: &View,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let dependents: Vec<Key> = self.dependents.get(object.uid()).into_iter().flatten().cloned().collect();
        if has_finalizer(object, ORPHAN_FINALIZER) {
            for dependent in &dependents {
                if let Ok(owned) = client.get(dependent) {
                    let mut released = (*owned).clone();
                    released.set_revision(0);
                    if let Some(owners) = &mut released.meta_mut().owner_references {
                        owners.retain(|owner| owner.uid != object.uid());
                    }
                    client.update_object(released)?;
                }
            }
            return drop_finalizer(object, ORPHAN_FINALIZER, client);
        }
        if !has_finalizer(object, FOREGROUND_FINALIZER) {
            return Ok(());
        }
        let mut blocking = false;
        for dependent in dependents {
            let Ok(owned) = client.get(&dependent) else { continue };
            let blocks = |owner: &OwnerReference| {
                owner.uid == object.uid() && owner.block_owner_deletion == Some(true)
            };
            blocking |= owners(&owned).iter().any(blocks);
            if !owned.is_deleting() {
                let options = DeleteOptions { propagation: Propagation::Foreground, ..Default::default() };
                let explain = Explain::Garbage(GarbageStep { owner: key.to_string() });
                client.delete(&dependent, &options, Some(explain))?;
            }
        }
        if blocking { Ok(()) } else { drop_finalizer(object, FOREGROUND_FINALIZER, client) }
    }
}

fn drop_finalizer(object: &Object, name: &str, client: &mut Client<'_>) -> Result<(), Status> {
    let mut freed = object.clone();
    if let Some(finalizers) = &mut freed.meta_mut().finalizers {
        finalizers.retain(|finalizer| finalizer != name);
    }
    client.update_object(freed).map(|_| ())
}
