//! The garbage collector: what is owned goes with its owner. Models `pkg/controller/garbagecollector`.
//!
//! An owner deleted in the background goes at once, and its dependents follow when the collector notices. Deleted in the
//! foreground it stays, marked, until the dependents that block it are gone. Deleted with orphans, its dependents stay and
//! forget it.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeSetSync;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::explain::{Explain, GarbageStep};
use crate::api::k8s::OwnerReference;
use crate::api::kind::KINDS;
use crate::api::{Key, Kind, MetaExt, Namespace, Object, Status};
use crate::client::recorder::{EventType, reference_to};
use crate::client::{
    Change, Client, DeleteOptions, FOREGROUND_FINALIZER, ORPHAN_FINALIZER, Propagation, View, WorkQueue,
};
use crate::clock::SimDuration;

/// Kinds that neither own nor are collected in the model, but change all the time.
const IGNORED: [Kind; 2] = [Kind::EVENT, Kind::LEASE];

/// Every other kind: anything may own anything.
pub(super) static WATCHED: [Kind; KINDS.len() - IGNORED.len() + 1] = {
    let mut kinds = [Kind::ANY_CUSTOM; KINDS.len() - IGNORED.len() + 1];
    let (mut from, mut to) = (0, 0);
    while from < KINDS.len() {
        let kind = Kind(from as u16);
        if kind.0 != Kind::EVENT.0 && kind.0 != Kind::LEASE.0 {
            kinds[to] = kind;
            to += 1;
        }
        from += 1;
    }
    kinds
};

/// The collector, with the graph of who depends on whom: (uid of the owner, dependent).
#[derive(Clone, Debug)]
pub struct GarbageCollector {
    dependents: RedBlackTreeSetSync<(Arc<str>, Key)>,
}

impl Default for GarbageCollector {
    fn default() -> Self {
        GarbageCollector { dependents: RedBlackTreeSetSync::new_sync() }
    }
}

fn owners(object: &Object) -> &[OwnerReference] {
    object.meta().owner_references.as_deref().unwrap_or_default()
}

fn has_finalizer(object: &Object, name: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == name)
}

/// From the last dependent's release to that of the owner: others may see the one before the other.
const RELEASE: SimDuration = SimDuration::from_millis(30);

/// Whether the object is being deleted and waits for its dependents to go first.
fn waits_for_dependents(object: &Object) -> bool {
    object.is_deleting() && has_finalizer(object, FOREGROUND_FINALIZER)
}

/// Where the owner of an object in `namespace` is; `None` for a kind that is not served.
fn owner_key(owner: &OwnerReference, namespace: &str, view: &View) -> Option<Key> {
    let kind = view.kind_from_manifest(&owner.api_version, &owner.kind)?;
    Some(Key::new(kind, if kind.info().namespaced { namespace } else { "" }, &owner.name))
}

/// The very owner, by uid and not only by name.
fn find_owner<'a>(owner: &OwnerReference, namespace: &str, view: &'a View) -> Option<&'a Arc<Object>> {
    view.object(&owner_key(owner, namespace, view)?).filter(|object| object.uid() == owner.uid)
}

/// Whether an owner stands in another namespace, where it cannot own the object. A kind in no namespace is never there.
fn is_elsewhere(owner: &OwnerReference, namespace: &str, view: &View) -> bool {
    let namespaced = owner_key(owner, namespace, view).is_some_and(|key| key.kind.info().namespaced);
    // By name, since every dependent of an owner that is gone asks: the owners of its kind may be many.
    namespaced
        && view
            .list::<Namespace>(None)
            .any(|other| other.name() != namespace && find_owner(owner, other.name(), view).is_some())
}

/// Whether an object in no namespace points at an owner in one: nothing can be found out about that.
fn is_unresolvable(object: &Object, view: &View) -> bool {
    let namespaced =
        |owner: &OwnerReference| owner_key(owner, "", view).is_some_and(|key| key.kind.info().namespaced);
    object.namespace().is_empty() && owners(object).iter().any(namespaced)
}

/// Says of an object which of its owners are where they cannot be (`reportInvalidNamespaceOwnerRef`).
fn warn_of_strangers(object: &Object, client: &mut Client<'_>) {
    let namespace = object.namespace();
    let is_stranger = |owner: &&OwnerReference| {
        find_owner(owner, namespace, client.live()).is_none() && is_elsewhere(owner, namespace, client.live())
    };
    let strangers: Vec<String> = owners(object).iter().filter(is_stranger).map(|owner| {
        let OwnerReference { api_version, kind, name, uid, .. } = owner;
        format!(
            "ownerRef [{api_version}/{kind}, namespace: {namespace}, name: {name}, uid: {uid}] does not exist in \
             namespace {namespace:?}"
        )
    }).collect();
    for stranger in strangers {
        let about = reference_to(object.kind(), object);
        client.event(about, EventType::Warning, "OwnerRefInvalidNamespace", stranger);
    }
}

/// The owners of an object, as the collector sorts them.
#[derive(Debug, Default)]
pub struct Owners<'a> {
    /// Those that keep it: they are there, or of a kind that is not served and cannot be judged.
    pub solid: Vec<&'a OwnerReference>,
    /// Those that are being deleted, and wait for it to go first.
    pub waiting: Vec<&'a OwnerReference>,
    /// Those that are gone.
    pub dangling: Vec<&'a OwnerReference>,
}

/// Sorts the owners of an object.
pub fn judge<'a>(object: &'a Object, view: &View) -> Owners<'a> {
    let mut sorted = Owners::default();
    for owner in owners(object) {
        let place = match find_owner(owner, object.namespace(), view) {
            None if owner_key(owner, object.namespace(), view).is_some() => &mut sorted.dangling,
            Some(owner_object) if waits_for_dependents(owner_object) => &mut sorted.waiting,
            _ => &mut sorted.solid,
        };
        place.push(owner);
    }
    sorted
}

/// Whether an owner in foreground deletion cannot go before this object.
fn blocks(dependent: &Object, owner: &Object) -> bool {
    let blocking = |reference: &OwnerReference| {
        reference.uid == owner.uid() && reference.block_owner_deletion == Some(true)
    };
    owners(dependent).iter().any(blocking)
}

/// The objects that an object in foreground deletion waits for, for those who explain it.
pub fn awaited(owner: &Object, view: &View) -> Vec<Key> {
    if !waits_for_dependents(owner) {
        return Vec::new();
    }
    let of_kind = |kind: &Kind| view.objects(*kind, None).filter(|object| blocks(object, owner));
    WATCHED.iter().flat_map(of_kind).map(|object| object.key()).collect()
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "generic-garbage-collector"
    }

    fn watches(&self) -> &'static [Kind] {
        &WATCHED
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        self.note(change);
        // Whoever waits for dependents looks again when one of them goes, or is released.
        let before = change.before.as_deref().map(owners).unwrap_or_default();
        let after = change.after.as_deref().map(owners).unwrap_or_default();
        for owner in before.iter().filter(|owner| !after.iter().any(|kept| kept.uid == owner.uid)) {
            let waiting = find_owner(owner, &change.key.namespace, view);
            if let Some(waiting) = waiting.filter(|owner| waits_for_dependents(owner)) {
                queue.add(waiting.key(), cause);
            }
        }
        let Some(object) = change.after.as_deref() else {
            for dependent in self.dependents_of(change.object().uid()) {
                queue.add(dependent, cause);
            }
            return;
        };
        let marked = change.before.as_deref().is_none_or(|before| {
            waits_for_dependents(before) != waits_for_dependents(object)
                || has_finalizer(before, ORPHAN_FINALIZER) != has_finalizer(object, ORPHAN_FINALIZER)
                || before.is_deleting() != object.is_deleting()
        });
        if marked && waits_for_dependents(object) {
            for dependent in self.dependents_of(object.uid()) {
                queue.add(dependent, cause);
            }
        }
        let held = waits_for_dependents(object) || has_finalizer(object, ORPHAN_FINALIZER);
        // An object whose owner is in sight needs no look; one that came late, or points at nothing, does.
        let dangling = after.iter().any(|owner| {
            find_owner(owner, &change.key.namespace, view).is_none_or(|owner| waits_for_dependents(owner))
        });
        if (marked && object.is_deleting() && held) || (before != after && dangling) {
            queue.add(change.key.clone(), cause);
        }
    }

    /// Models `attemptToDeleteItem`. Reads go to the server: an informer that is behind would have objects collected whose
    /// owner is merely not in sight yet.
    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Ok(object) = client.get(key) else { return Ok(Action::AwaitChange) };
        if object.is_deleting() {
            if has_finalizer(&object, ORPHAN_FINALIZER) {
                if self.orphan_dependents(&object, client)? {
                    return Ok(Action::RequeueAfter(RELEASE));
                }
                drop_finalizer(&object, ORPHAN_FINALIZER, client)?;
            } else if waits_for_dependents(&object) {
                self.finish_foreground(&object, client)?;
            }
            return Ok(Action::AwaitChange);
        }
        warn_of_strangers(&object, client);
        if is_unresolvable(&object, client.live()) {
            return Ok(Action::AwaitChange);
        }
        let Owners { solid, waiting, dangling } = judge(&object, client.live());
        let Some(lost) = waiting.first().or(dangling.first()) else { return Ok(Action::AwaitChange) };
        if !solid.is_empty() {
            let gone: Vec<String> = waiting.iter().chain(&dangling).map(|owner| owner.uid.clone()).collect();
            release(&object, &gone, client)?;
            return Ok(Action::AwaitChange);
        }
        let has_dependents = self.dependents_of(object.uid()).next().is_some();
        if !waiting.is_empty() && self.is_in_circle(&object, client) {
            // Whoever owns its own owner would wait for ever.
            unblock(&object, client)?;
        }
        let propagation = match () {
            () if !waiting.is_empty() && has_dependents => Propagation::Foreground,
            () if has_finalizer(&object, ORPHAN_FINALIZER) => Propagation::Orphan,
            () if has_finalizer(&object, FOREGROUND_FINALIZER) => Propagation::Foreground,
            () => Propagation::Background,
        };
        let explain = Explain::Garbage(GarbageStep { owner: format!("{} {}", lost.kind, lost.name) });
        let options =
            DeleteOptions { uid: Some(object.uid().into()), propagation, ..DeleteOptions::default() };
        gone_is_fine(client.delete(key, &options, Some(explain)))?;
        Ok(Action::AwaitChange)
    }
}

impl GarbageCollector {
    fn note(&mut self, change: &Change) {
        let before = change.before.as_deref().map(owners).unwrap_or_default();
        let after = change.after.as_deref().map(owners).unwrap_or_default();
        if before == after {
            return;
        }
        for owner in before {
            self.dependents.remove_mut(&(owner.uid.as_str().into(), change.key.clone()));
        }
        for owner in after {
            self.dependents.insert_mut((owner.uid.as_str().into(), change.key.clone()));
        }
    }

    fn dependents_of(&self, uid: &str) -> impl Iterator<Item = Key> + use<'_> {
        let uid: Arc<str> = uid.into();
        let start = (uid.clone(), Key::new(Kind(0), "", ""));
        let from = self.dependents.range((Bound::Included(start), Bound::Unbounded));
        from.take_while(move |(owner, _)| *owner == uid).map(|(_, dependent)| dependent.clone())
    }

    /// An owner in foreground deletion goes once no dependent blocks it any more (`processDeletingDependentsItem`). The
    /// dependents themselves are queued on their own.
    fn finish_foreground(&self, object: &Object, client: &mut Client<'_>) -> Result<(), Status> {
        let blocked = self
            .dependents_of(object.uid())
            .any(|dependent| client.get(&dependent).is_ok_and(|dependent| blocks(&dependent, object)));
        if blocked { Ok(()) } else { drop_finalizer(object, FOREGROUND_FINALIZER, client) }
    }

    /// Whether one of the dependents waits for dependents itself.
    fn is_in_circle(&self, object: &Object, client: &Client<'_>) -> bool {
        let waits = |key: Key| client.get(&key).is_ok_and(|dependent| waits_for_dependents(&dependent));
        self.dependents_of(object.uid()).any(waits)
    }

    /// The dependents forget their owner (`attemptToOrphan`). Says whether there were any.
    fn orphan_dependents(&self, object: &Object, client: &mut Client<'_>) -> Result<bool, Status> {
        let mut any = false;
        for dependent in self.dependents_of(object.uid()) {
            let Ok(dependent) = client.get(&dependent) else { continue };
            if owners(&dependent).iter().any(|owner| owner.uid == object.uid()) {
                release(&dependent, &[object.uid().to_string()], client)?;
                any = true;
            }
        }
        Ok(any)
    }
}

/// Takes references to these owners away.
fn release(object: &Object, uids: &[String], client: &mut Client<'_>) -> Result<(), Status> {
    let mut released = object.clone();
    let meta = released.meta_mut();
    let mut owners = meta.owner_references.take().unwrap_or_default();
    owners.retain(|owner| !uids.contains(&owner.uid));
    meta.owner_references = Some(owners).filter(|owners| !owners.is_empty());
    gone_is_fine(client.update_object(released)).map(drop)
}

/// No owner waits for this one any more (`unblockOwnerReferences`).
fn unblock(object: &Object, client: &mut Client<'_>) -> Result<(), Status> {
    let mut freed = object.clone();
    for owner in freed.meta_mut().owner_references.iter_mut().flatten() {
        if owner.block_owner_deletion == Some(true) {
            owner.block_owner_deletion = Some(false);
        }
    }
    gone_is_fine(client.update_object(freed)).map(drop)
}

fn drop_finalizer(object: &Object, name: &str, client: &mut Client<'_>) -> Result<(), Status> {
    let mut freed = object.clone();
    let meta = freed.meta_mut();
    let mut finalizers = meta.finalizers.take().unwrap_or_default();
    finalizers.retain(|finalizer| finalizer != name);
    meta.finalizers = Some(finalizers).filter(|finalizers| !finalizers.is_empty());
    gone_is_fine(client.update_object(freed)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Event;
    use crate::client::{Actor, ApiServer};
    use serde_json::json;

    fn create(api: &mut ApiServer, kind: Kind, value: serde_json::Value) -> Arc<Object> {
        let object = Object::from_value(kind, value).unwrap();
        Client::new(api, Actor::User, None).create_object(object).unwrap()
    }

    /// What becomes of an object of `kind` whose owner is in the namespace `other`, and what is said of it.
    fn collect(kind: Kind, namespace: Option<&str>, spec: serde_json::Value) -> (bool, Vec<String>) {
        let mut api = ApiServer::new(1);
        for name in ["default", "other"] {
            create(&mut api, Kind::NAMESPACE, json!({"metadata": {"name": name}}));
        }
        let owner = json!({"metadata": {"name": "owner", "namespace": "other"}});
        let uid = create(&mut api, Kind::CONFIG_MAP, owner).uid().to_string();
        let owners = [json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid})];
        let mut child =
            json!({"metadata": {"name": "child", "namespace": namespace, "ownerReferences": owners}});
        child.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let key = create(&mut api, kind, child).key();
        let (mut collector, view) = (GarbageCollector::default(), api.view().clone());
        let client = &mut Client::new(&mut api, Actor::Controller("generic-garbage-collector"), None);
        collector.reconcile(&key, &view, client).unwrap();
        let said = |event: &Event| {
            let (by, about) = (&event.spec.reporting_component, &event.spec.involved_object);
            let message = event.spec.message.clone().unwrap_or_default().replace(&uid, "UID");
            format!("{by} {} {}: {message}", about.kind.as_deref().unwrap_or_default(), event.namespace())
        };
        (api.view().object(&key).is_some(), api.view().list::<Event>(None).map(said).collect())
    }

    #[test]
    fn an_owner_elsewhere_is_none_and_is_reported() {
        let say = |kind: &str, namespace: &str| {
            let owner = format!("v1/ConfigMap, namespace: {namespace}, name: owner, uid: UID");
            vec![format!(
                "garbage-collector-controller {kind} default: ownerRef [{owner}] does not exist in namespace {namespace:?}"
            )]
        };
        let child = collect(Kind::CONFIG_MAP, Some("default"), json!({}));
        assert_eq!(child, (false, say("ConfigMap", "default")));
        // In no namespace nothing can be found out about such an owner.
        let class = collect(Kind::PRIORITY_CLASS, None, json!({"value": 10}));
        assert_eq!(class, (true, say("PriorityClass", "")));
        let owned = collect(Kind::CONFIG_MAP, Some("other"), json!({}));
        assert_eq!(owned, (true, vec![]));
    }
}
