//! Object metadata as the model reads it: keys, and short accessors over `ObjectMeta`'s many options.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::k8s::{ObjectMeta, OwnerReference};
use super::kind::Kind;
use crate::clock::SimTime;

/// The position of a write in the order of all writes: etcd's revision, an object's `resourceVersion`.
pub type Revision = u64;

/// Labels and annotations: sorted, so that whatever lists them lists them alike.
pub type StringMap = BTreeMap<String, String>;

static EMPTY: StringMap = BTreeMap::new();

/// What identifies an object among those alive: kind, namespace (empty for cluster-scoped kinds) and name,
/// in the order in which the store sorts them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The object's kind.
    pub kind: Kind,
    /// Its namespace; empty where the kind has none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Key {
    /// The key of an object in a namespace (or in none, if `namespace` is empty).
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Key {
        Key { kind, namespace: namespace.into(), name: name.into() }
    }

    /// The key of a cluster-scoped object.
    pub fn cluster(kind: Kind, name: &str) -> Key {
        Key::new(kind, "", name)
    }
}

impl fmt::Display for Key {
    /// `Pod default/web-0`, or `Node node-1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.kind, self.namespace, self.name)
    }
}

/// Accessors that read an absent field as its empty value.
pub trait MetaExt {
    /// The metadata to read.
    fn meta(&self) -> &ObjectMeta;

    /// `metadata.name`.
    fn name(&self) -> &str {
        self.meta().name.as_deref().unwrap_or_default()
    }

    /// `metadata.namespace`; empty for cluster-scoped objects.
    fn namespace(&self) -> &str {
        self.meta().namespace.as_deref().unwrap_or_default()
    }

    /// `metadata.uid`.
    fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or_default()
    }

    /// `metadata.generation`.
    fn generation(&self) -> i64 {
        self.meta().generation.unwrap_or_default()
    }

    /// `metadata.labels`.
    fn labels(&self) -> &StringMap {
        self.meta().labels.as_ref().unwrap_or(&EMPTY)
    }

    /// `metadata.annotations`.
    fn annotations(&self) -> &StringMap {
        self.meta().annotations.as_ref().unwrap_or(&EMPTY)
    }

    /// One annotation.
    fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations().get(name).map(String::as_str)
    }

    /// `metadata.creationTimestamp`, to the second.
    fn created(&self) -> SimTime {
        self.meta().creation_timestamp.as_ref().map(SimTime::from_time).unwrap_or_default()
    }

    /// Whether deletion has been asked for (`metadata.deletionTimestamp` is set).
    fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// The one owner that manages the object (`metav1.GetControllerOf`).
    fn controller(&self) -> Option<&OwnerReference> {
        self.meta().owner_references.as_deref()?.iter().find(|owner| owner.controller == Some(true))
    }

    /// Whether the object with this uid manages this one.
    fn is_controlled_by(&self, uid: &str) -> bool {
        self.controller().is_some_and(|owner| owner.uid == uid)
    }
}

impl MetaExt for ObjectMeta {
    fn meta(&self) -> &ObjectMeta {
        self
    }
}
