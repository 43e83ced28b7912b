//! Objects by the uid of their controller (`controller.NewPodControllerIndexer`), so that looking at one owner does not
//! cost a walk over everybody's objects. Kept up from the watch; persistent, so a snapshot copies a pointer.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::api::{Key, Kind, KubeObject, MetaExt, Object};
use crate::client::Change;

type Objects = RedBlackTreeMapSync<Key, Arc<Object>>;

/// The objects of one kind as last delivered, under the uid of the object that controls each; under the empty uid if none
/// does. They are held rather than looked up: a set of a thousand pods is looked through at every change of one of them.
/// Objects whose controller is of a kind that does not matter are left out.
#[derive(Clone, Debug)]
pub struct OwnerIndex {
    kind: Kind,
    owners: Option<Kind>,
    owned: RedBlackTreeMapSync<Arc<str>, Objects>,
}

impl OwnerIndex {
    /// An empty index over objects of `kind`, under owners of any kind.
    pub fn new(kind: Kind) -> OwnerIndex {
        OwnerIndex { kind, owners: None, owned: RedBlackTreeMapSync::new_sync() }
    }

    /// The same, of those that objects of one kind control, or nobody.
    pub fn of(kind: Kind, owners: Kind) -> OwnerIndex {
        OwnerIndex { owners: Some(owners), ..OwnerIndex::new(kind) }
    }

    /// Under which uid an object stands, if it does.
    fn place<'a>(&self, object: Option<&'a Arc<Object>>) -> Option<&'a str> {
        match object?.controller() {
            Some(owner) if self.owners.is_some_and(|owners| owner.kind != owners.name()) => None,
            owner => Some(owner.map_or("", |owner| owner.uid.as_str())),
        }
    }

    /// Takes note of a write, if it is to an object of the index's kind.
    pub fn note(&mut self, change: &Change) {
        if change.key.kind != self.kind {
            return;
        }
        let (uid_before, uid_after) = (self.place(change.before.as_ref()), self.place(change.after.as_ref()));
        if let Some(uid) = uid_before.filter(|uid| uid_after != Some(uid))
            && let Some(objects) = self.owned.get_mut(uid)
        {
            objects.remove_mut(&change.key);
            if objects.is_empty() {
                self.owned.remove_mut(uid);
            }
        }
        if let (Some(uid), Some(object)) = (uid_after, &change.after) {
            match self.owned.get_mut(uid) {
                Some(objects) => {
                    let known = if uid_before == Some(uid) { objects.get_mut(&change.key) } else { None };
                    match known {
                        Some(known) => *known = object.clone(),
                        None => objects.insert_mut(change.key.clone(), object.clone()),
                    }
                }
                None => {
                    let objects = Objects::new_sync().insert(change.key.clone(), object.clone());
                    self.owned.insert_mut(uid.into(), objects);
                }
            }
        }
    }

    /// The objects in `namespace` that the object with this uid controls, in order of name.
    pub fn controlled_by<'a, K: KubeObject + 'a>(
        &'a self,
        uid: &str,
        namespace: &str,
    ) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.objects_of(uid, namespace).filter_map(|object| object.as_kind())
    }

    /// The same, whatever their kind.
    pub fn objects_of<'a>(
        &'a self,
        uid: &str,
        namespace: &str,
    ) -> impl Iterator<Item = &'a Object> + use<'a> {
        self.objects_from(uid, Key::new(self.kind, namespace, ""))
    }

    /// The same, from one name on.
    fn objects_from<'a>(&'a self, uid: &str, start: Key) -> impl Iterator<Item = &'a Object> + use<'a> {
        let namespace = start.namespace.clone();
        let objects =
            self.owned.get(uid).map(|objects| objects.range((Bound::Included(start), Bound::Unbounded)));
        objects
            .into_iter()
            .flatten()
            .take_while(move |(key, _)| key.namespace == namespace)
            .map(|(_, object)| &**object)
    }

    /// The objects in `namespace` that nobody controls.
    pub fn orphans<'a, K: KubeObject + 'a>(
        &'a self,
        namespace: &str,
    ) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.controlled_by("", namespace)
    }

    /// Those of them whose names begin so.
    pub fn orphans_named<'a, K: KubeObject + 'a>(
        &'a self,
        namespace: &str,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a K> + use<'a, K> {
        let orphans = self.objects_from("", Key::new(self.kind, namespace, prefix));
        orphans
            .take_while(move |object| object.name().starts_with(prefix))
            .filter_map(|object| object.as_kind())
    }
}
