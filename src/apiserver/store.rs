//! The state of the cluster, in etcd's shape: the objects alive, and the log of every write that led to them.
//! Both are persistent structures, so a copy of the whole history costs a few pointers.

use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, VectorSync};
use serde::Serialize;
use serde_json::Value;

use super::kept_volumes::KeptVolumes;
use crate::api::explain::Explain;
use crate::api::meta::Revision;
use crate::api::{Key, Kind, KubeObject, Object};
use crate::clock::SimTime;

/// Who made a write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Actor {
    /// The person at the console, through kubectl.
    User,
    /// The API server itself: what deletion and binding do on the way.
    ApiServer,
    /// A scheduler, by its name.
    Scheduler,
    /// A controller, by its upstream name (`deployment-controller`).
    Controller(&'static str),
    /// The kubelet of a node.
    Kubelet(Arc<str>),
    /// What stands outside the cluster: the machine room in which nodes appear and fail.
    Environment,
}

impl Actor {
    /// The component's name as `Event` objects carry it.
    pub fn component(&self) -> &str {
        match self {
            Actor::User => "kubectl",
            Actor::ApiServer => "kube-apiserver",
            Actor::Scheduler => "default-scheduler",
            Actor::Controller(name) => name,
            Actor::Kubelet(_) => "kubelet",
            Actor::Environment => "environment",
        }
    }
}

/// One write: what it changed, when, by whom, and why.
#[derive(Clone, Debug)]
pub struct Change {
    /// The write's place in the order of all writes, from 1, without gaps.
    pub revision: Revision,
    /// When it was made.
    pub time: SimTime,
    /// Who made it.
    pub actor: Actor,
    /// The earlier write that its maker was reacting to.
    pub cause: Option<Revision>,
    /// Which object.
    pub key: Key,
    /// The object before; `None` if the write created it.
    pub before: Option<Arc<Object>>,
    /// The object after; `None` if the write removed it.
    pub after: Option<Arc<Object>>,
    /// The arithmetic or the verdicts behind it, where its maker gives them.
    pub explain: Option<Arc<Explain>>,
    /// What it means for the managers of the object's fields.
    pub manner: Manner,
}

/// What a write means for `metadata.managedFields`. The lists themselves are worked out when somebody asks, from the log.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The subresource it went to, empty for the object itself; `None` for what the server does past the managers:
    /// binding, deletion.
    pub subresource: Option<&'static str>,
    /// What cannot be told from the object and its maker.
    pub told: Option<Arc<Told>>,
}

/// What a client said of a write besides the object.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The manager's name (`--field-manager`); empty where the maker's own will do.
    pub manager: String,
    /// A created object as its maker gave it, with defaults, but without what admission made of it.
    pub given: Option<Object>,
    /// The configuration that was applied by the server.
    pub applied: Option<Value>,
    /// The list of managers that the client wrote itself.
    pub managers: Option<Value>,
}

impl Change {
    /// The object the write is about: as it is now, or as it last was.
    pub fn object(&self) -> &Arc<Object> {
        match (&self.after, &self.before) {
            (Some(object), _) | (None, Some(object)) => object,
            (None, None) => unreachable!("a change has a before or an after"),
        }
    }
}

/// The objects alive at one revision, sorted by key. Cloning is cheap and keeps that revision for good.
#[derive(Clone, Debug, Default)]
pub struct View {
    objects: RedBlackTreeMapSync<Key, Arc<Object>>,
    volumes: KeptVolumes,
    revision: Revision,
}

impl View {
    /// The last write that this view has seen.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The object under `key`.
    pub fn object(&self, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The object of a modelled kind under that namespace and name.
    pub fn get<K: KubeObject>(&self, namespace: &str, name: &str) -> Option<&K> {
        self.object(&Key::new(K::KIND, namespace, name))?.as_kind()
    }

    /// Every object of a kind, in one namespace or in all, in order of namespace and name.
    pub fn objects(&self, kind: Kind, namespace: Option<&str>) -> impl Iterator<Item = &Arc<Object>> {
        let start = Key::new(kind, namespace.unwrap_or_default(), "");
        let within = move |key: &Key| {
            key.kind == kind && namespace.is_none_or(|namespace| &*key.namespace == namespace)
        };
        self.objects
            .range((Bound::Included(start), Bound::Unbounded))
            .take_while(move |(key, _)| within(key))
            .map(|(_, object)| object)
    }

    /// The objects of a kind in a namespace whose names begin with `prefix`, in order of name.
    pub fn called<'a>(
        &'a self,
        kind: Kind,
        namespace: &'a str,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Object>> {
        let within =
            move |key: &Key| key.kind == kind && &*key.namespace == namespace && key.name.starts_with(prefix);
        self.objects
            .range((Bound::Included(Key::new(kind, namespace, prefix)), Bound::Unbounded))
            .take_while(move |(key, _)| within(key))
            .map(|(_, object)| object)
    }

    /// The volumes kept for a claim, or those kept for none, in order of name.
    pub fn volumes_kept_for<'a>(
        &'a self,
        claim: Option<&Key>,
    ) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        self.volumes.of(claim).filter_map(|key| self.object(key))
    }

    /// Every object of a modelled kind, in one namespace or in all.
    pub fn list<'a, K: KubeObject + 'a>(&'a self, namespace: Option<&'a str>) -> impl Iterator<Item = &'a K> {
        self.objects(K::KIND, namespace).filter_map(|object| object.as_kind())
    }

    /// Every object there is, in key order.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Object>)> {
        self.objects.iter()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Moves one write forwards.
    pub fn apply(&mut self, change: &Change) {
        self.put(&change.key, change.before.as_ref(), change.after.as_ref());
        self.revision = change.revision;
    }

    /// Moves one write back: undoes [`View::apply`].
    pub fn revert(&mut self, change: &Change) {
        self.put(&change.key, change.after.as_ref(), change.before.as_ref());
        self.revision = change.revision - 1;
    }

    fn put(&mut self, key: &Key, before: Option<&Arc<Object>>, object: Option<&Arc<Object>>) {
        if key.kind == Kind::PERSISTENT_VOLUME {
            self.volumes.note(key, before, object);
        }
        let Some(object) = object else {
            self.objects.remove_mut(key);
            return;
        };
        // Most writes change what is there: that moves nothing in the tree.
        let known = if before.is_some() { self.objects.get_mut(key) } else { None };
        match known {
            Some(known) => *known = object.clone(),
            None => self.objects.insert_mut(key.clone(), object.clone()),
        }
    }
}

/// What a write takes besides what it changes: its place in the log and the tree, and what everybody who is told of it remembers.
/// Measured, so that [`Store::size`] is about the memory of a whole run of a 64-bit program.
const CHANGE_SIZE: u64 = 4_096;

/// The log of all writes and the view after the last of them.
#[derive(Clone, Debug, Default)]
pub struct Store {
    view: View,
    log: VectorSync<Arc<Change>>,
    /// What has been written takes so much, once that is asked for.
    size: u64,
    weighs: bool,
}

impl Store {
    /// The objects alive now.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The last write.
    pub fn revision(&self) -> Revision {
        self.view.revision
    }

    /// Weighs what is written from now on. What a cluster does by itself when it starts is always as little, and to weigh it
    /// would be one thing more that a page loads before its first picture.
    pub fn weigh(&mut self) {
        self.weighs = true;
    }

    /// About how many bytes all that was written since [`Store::weigh`] takes: what etcd's backend would, were it never
    /// compacted. The same on every machine.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Records a write and makes it so. Its revision must be the next.
    pub fn commit(&mut self, change: Change) {
        assert_eq!(change.revision, self.revision() + 1, "revisions follow one another without gaps");
        if self.weighs {
            let fresh = change.after.as_ref().map_or(0, |after| after.weight(change.before.as_deref()));
            self.size += CHANGE_SIZE + fresh as u64;
        }
        self.view.apply(&change);
        self.log.push_back_mut(Arc::new(change));
    }

    /// The write with that revision.
    pub fn change(&self, revision: Revision) -> Option<&Arc<Change>> {
        self.log.get(usize::try_from(revision.checked_sub(1)?).ok()?)
    }

    /// The writes after `cursor`, oldest first: what a watch that has seen `cursor` is due.
    pub fn since(&self, cursor: Revision) -> impl Iterator<Item = &Arc<Change>> {
        (cursor + 1..=self.revision()).filter_map(|revision| self.change(revision))
    }

    /// The last write at or before `time`; zero if there is none.
    pub fn revision_at(&self, time: SimTime) -> Revision {
        let (mut low, mut high) = (0, self.revision());
        while low < high {
            let middle = (low + high).div_ceil(2);
            match self.change(middle) {
                Some(change) if change.time <= time => low = middle,
                _ => high = middle - 1,
            }
        }
        low
    }

    /// Moves `view`, which must come from this store, to any revision, forwards or back.
    pub fn seek(&self, view: &mut View, revision: Revision) {
        let target = revision.min(self.revision());
        while view.revision < target {
            match self.change(view.revision + 1) {
                Some(change) => view.apply(change),
                None => break,
            }
        }
        while view.revision > target {
            match self.change(view.revision) {
                Some(change) => view.revert(change),
                None => break,
            }
        }
    }
}
