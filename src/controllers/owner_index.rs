//! Objects by the uid of their controller (`controller.NewPodControllerIndexer`), so that looking at one owner does not
//! cost a walk over everybody's objects. Kept up from the watch; a persistent set, so a snapshot copies a pointer.

use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeSetSync;

use crate::api::{Key, Kind, KubeObject, MetaExt, Object};
use crate::client::{Change, View};

/// The objects of one kind, each under the uid of the object that controls it; under the empty uid if none does.
#[derive(Clone, Debug)]
pub struct OwnerIndex {
    kind: Kind,
    entries: RedBlackTreeSetSync<(Arc<str>, Key)>,
}

fn controller_uid(object: &Object) -> Arc<str> {
    object.controller().map_or("", |owner| owner.uid.as_str()).into()
}

impl OwnerIndex {
    /// An empty index over objects of `kind`.
    pub fn new(kind: Kind) -> OwnerIndex {
        OwnerIndex { kind, entries: RedBlackTreeSetSync::new_sync() }
    }

    /// Takes note of a write, if it is to an object of the index's kind.
    pub fn note(&mut self, change: &Change) {
        if change.key.kind != self.kind {
            return;
        }
        let (before, after) =
            (change.before.as_deref().map(controller_uid), change.after.as_deref().map(controller_uid));
        if before == after {
            return;
        }
        if let Some(uid) = before {
            self.entries.remove_mut(&(uid, change.key.clone()));
        }
        if let Some(uid) = after {
            self.entries.insert_mut((uid, change.key.clone()));
        }
    }

    /// The objects in `namespace` that the object with this uid controls, in order of name.
    pub fn controlled_by<'a, K: KubeObject + 'a>(
        &'a self,
        uid: &str,
        namespace: &str,
        view: &'a View,
    ) -> impl Iterator<Item = &'a K> + use<'a, K> {
        let (uid, namespace): (Arc<str>, Arc<str>) = (uid.into(), namespace.into());
        let start = Key { kind: self.kind, namespace: namespace.clone(), name: "".into() };
        self.entries
            .range((Bound::Included((uid.clone(), start)), Bound::Unbounded))
            .take_while(move |(owner, key)| *owner == uid && key.namespace == namespace)
            .filter_map(|(_, key)| view.object(key)?.as_kind())
    }

    /// The objects in `namespace` that nobody controls.
    pub fn orphans<'a, K: KubeObject + 'a>(
        &'a self,
        namespace: &str,
        view: &'a View,
    ) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.controlled_by("", namespace, view)
    }
}
