//! The objects of the cluster. A modelled kind has typed fields, each part behind its own `Arc`, so that a
//! status write shares metadata and spec with the version before it and history stays small. A kind that is
//! only stored keeps its fields as a tree.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::k8s::{self, NodeSystemInfo, ObjectMeta};
use super::kind::Kind;
use super::meta::{Key, MetaExt, Revision};
use super::schema;
use super::typed::{self, Misfit, Part};
use super::versions;

/// One version of an object of a modelled kind. Cloning copies four pointers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typed<S, T = ()> {
    /// The write that made this version (`metadata.resourceVersion`); zero before the first.
    pub revision: Revision,
    /// `metadata`, without `resourceVersion`.
    pub meta: Arc<ObjectMeta>,
    /// `spec`; for a kind without one, all its fields.
    pub spec: Arc<S>,
    /// `status`; nothing for a kind without one.
    pub status: Arc<T>,
}

impl<S, T> MetaExt for Typed<S, T> {
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
}

impl<S: Default, T: Default> Typed<S, T> {
    /// A new object, not yet written.
    pub fn new(meta: ObjectMeta, spec: S) -> Typed<S, T> {
        Typed { revision: 0, meta: Arc::new(meta), spec: Arc::new(spec), status: Arc::default() }
    }
}

/// An object of a kind that is stored without effect in the model: its fields, as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Which kind it is.
    pub kind: Kind,
    /// The write that made this version; zero before the first.
    pub revision: Revision,
    /// `metadata`, without `resourceVersion`.
    pub meta: Arc<ObjectMeta>,
    /// Every field but `apiVersion` (which objects of custom kinds keep), `kind`, `metadata` and `status`.
    pub fields: Arc<Map<String, Value>>,
    /// `status`, if there is one.
    pub status: Arc<Value>,
}

impl MetaExt for Tree {
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
}

/// A kind with typed fields: what informers, clients and views ask for by type.
pub trait KubeObject: Clone + Into<Object> + MetaExt {
    /// The kind it is of.
    const KIND: Kind;
    /// The object as this type, if it is of this kind.
    fn from_object(object: &Object) -> Option<&Self>;
}

fn part<P: Part + Default>(map: &mut Map<String, Value>, name: &str) -> Result<P, Misfit> {
    map.remove(name)
        .filter(|value| !value.is_null())
        .map_or_else(|| Ok(P::default()), |value| typed::read(&value))
}

fn put<P: Part>(map: &mut Map<String, Value>, name: &str, value: &P) {
    let tree = typed::write(value);
    if !tree.is_null() {
        map.insert(name.to_string(), tree);
    }
}

/// What a part of an object weighs, unless it is the very one of the version before.
fn fresh<P: Part>(part: &Arc<P>, before: Option<&Arc<P>>) -> usize {
    if before.is_some_and(|before| Arc::ptr_eq(before, part)) { 0 } else { part.weight() }
}

/// Lists the modelled kinds once: `split` kinds keep fields under `spec` and `status`, `flat` ones at the top.
macro_rules! modelled_kinds {
    ($($shape:ident $name:ident $kind:ident ($spec:ty, $status:ty);)*) => {
        $(
            #[doc = concat!("A `", stringify!($name), "`.")]
            pub type $name = Typed<$spec, $status>;

            impl KubeObject for $name {
                const KIND: Kind = Kind::$kind;
                fn from_object(object: &Object) -> Option<&Self> {
                    match object { Object::$name(object) => Some(object), _ => None }
                }
            }

            impl From<$name> for Object {
                fn from(object: $name) -> Object { Object::$name(object) }
            }
        )*

        /// One version of any object. A modelled kind has a variant of its own.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(#[doc = concat!("A `", stringify!($name), "`.")] $name($name),)*
            /// An object of a kind that is only stored.
            Tree(Tree),
        }

        impl Object {
            /// The object's kind.
            pub fn kind(&self) -> Kind {
                match self { $(Object::$name(_) => Kind::$kind,)* Object::Tree(tree) => tree.kind }
            }

            /// The write that made this version; zero before the first.
            pub fn revision(&self) -> Revision {
                match self { $(Object::$name(o) => o.revision,)* Object::Tree(o) => o.revision }
            }

            /// Sets the version.
            pub fn set_revision(&mut self, revision: Revision) {
                match self { $(Object::$name(o) => o.revision = revision,)* Object::Tree(o) => o.revision = revision }
            }

            /// The metadata, shared.
            pub fn shared_meta(&self) -> &Arc<ObjectMeta> {
                match self { $(Object::$name(o) => &o.meta,)* Object::Tree(o) => &o.meta }
            }

            /// The metadata, to change: copied first if another version shares it.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Object::$name(o) => Arc::make_mut(&mut o.meta),)* Object::Tree(o) => Arc::make_mut(&mut o.meta) }
            }

            /// Shares the metadata of another version whose metadata is equal.
            pub fn share_meta(&mut self, other: &Object) {
                match self { $(Object::$name(o) => o.meta = other.shared_meta().clone(),)* Object::Tree(o) => o.meta = other.shared_meta().clone() }
            }

            /// Whether two versions have the same fields outside metadata and status: what decides whether a
            /// write raises `metadata.generation`.
            pub fn same_spec(&self, other: &Object) -> bool {
                match (self, other) {
                    $((Object::$name(a), Object::$name(b)) => Arc::ptr_eq(&a.spec, &b.spec) || a.spec == b.spec,)*
                    (Object::Tree(a), Object::Tree(b)) => Arc::ptr_eq(&a.fields, &b.fields) || a.fields == b.fields,
                    _ => false,
                }
            }

            /// Whether two versions have the same status.
            pub fn same_status(&self, other: &Object) -> bool {
                match (self, other) {
                    $((Object::$name(a), Object::$name(b)) => Arc::ptr_eq(&a.status, &b.status) || a.status == b.status,)*
                    (Object::Tree(a), Object::Tree(b)) => Arc::ptr_eq(&a.status, &b.status) || a.status == b.status,
                    _ => false,
                }
            }

            /// Takes over the status of another version: an update of the object leaves its status alone.
            pub fn take_status(&mut self, other: &Object) {
                match (self, other) {
                    $((Object::$name(a), Object::$name(b)) => a.status = b.status.clone(),)*
                    (Object::Tree(a), Object::Tree(b)) => a.status = b.status.clone(),
                    _ => {}
                }
            }

            /// Takes over the fields outside metadata and status of another version: an update of the status
            /// leaves the rest alone.
            pub fn take_spec(&mut self, other: &Object) {
                match (self, other) {
                    $((Object::$name(a), Object::$name(b)) => a.spec = b.spec.clone(),)*
                    (Object::Tree(a), Object::Tree(b)) => a.fields = b.fields.clone(),
                    _ => {}
                }
            }

            /// About how many bytes a version takes besides what it shares with the one before it.
            pub fn weight(&self, before: Option<&Object>) -> usize {
                let own = match (self, before) {
                    $((Object::$name(o), before) => {
                        let before = before.and_then($name::from_object);
                        modelled_kinds!(@weigh $shape o, before)
                    })*
                    (Object::Tree(o), Some(Object::Tree(before))) if Arc::ptr_eq(&before.fields, &o.fields) => {
                        fresh(&o.status, Some(&before.status))
                    }
                    (Object::Tree(o), _) => typed::weigh_map(&o.fields) + o.status.weight(),
                };
                own + fresh(self.shared_meta(), before.map(Object::shared_meta))
            }

            /// Clears the status, as creation through the API does.
            pub fn clear_status(&mut self) {
                match self { $(Object::$name(o) => o.status = Arc::default(),)* Object::Tree(o) => o.status = Arc::default() }
            }

            /// Reads an object of `kind` from JSON that has passed the schema check.
            ///
            /// # Errors
            /// Where a field has a type that the kind's Rust type cannot hold.
            pub fn from_value(kind: Kind, mut value: Value) -> Result<Object, Misfit> {
                if !kind.is_custom() {
                    versions::convert(kind, &mut value);
                    schema::normalize(&kind.api_version(), kind.name(), &mut value);
                }
                let Value::Object(mut map) = value else {
                    return Err(Misfit);
                };
                // Custom kinds have several versions, and an object is in one of them.
                if !kind.is_custom() {
                    map.remove("apiVersion");
                }
                map.remove("kind");
                let mut meta: ObjectMeta = part(&mut map, "metadata")?;
                let revision = meta.resource_version.take().and_then(|text| text.parse().ok()).unwrap_or_default();
                let meta = Arc::new(meta);
                Ok(match kind {
                    $(Kind::$kind => modelled_kinds!(@read $shape $name, revision, meta, map),)*
                    _ => {
                        let status = Arc::new(map.remove("status").unwrap_or_default());
                        Object::Tree(Tree { kind, revision, meta, fields: Arc::new(map), status })
                    }
                })
            }

            /// The object's fields without metadata, as JSON: `spec` and `status`, or what a flat kind has.
            fn body(&self) -> Map<String, Value> {
                let mut map = Map::new();
                match self {
                    $(Object::$name(o) => { modelled_kinds!(@write $shape o, map); })*
                    Object::Tree(o) => {
                        map = (*o.fields).clone();
                        if !o.status.is_null() { map.insert("status".into(), (*o.status).clone()); }
                    }
                }
                map
            }
        }
    };
    (@read split $name:ident, $revision:ident, $meta:ident, $map:ident) => {
        Object::$name(Typed {
            revision: $revision, meta: $meta,
            spec: Arc::new(part(&mut $map, "spec")?), status: Arc::new(part(&mut $map, "status")?),
        })
    };
    (@read flat $name:ident, $revision:ident, $meta:ident, $map:ident) => {
        Object::$name(Typed {
            revision: $revision, meta: $meta,
            spec: Arc::new(typed::read(&Value::Object($map))?), status: Arc::new(()),
        })
    };
    (@weigh split $object:ident, $before:ident) => {
        fresh(&$object.spec, $before.map(|o| &o.spec)) + fresh(&$object.status, $before.map(|o| &o.status))
    };
    (@weigh flat $object:ident, $before:ident) => {
        fresh(&$object.spec, $before.map(|o| &o.spec))
    };
    (@write split $object:ident, $map:ident) => {
        put(&mut $map, "spec", &*$object.spec);
        put(&mut $map, "status", &*$object.status);
    };
    (@write flat $object:ident, $map:ident) => {
        if let Value::Object(fields) = typed::write(&*$object.spec) { $map = fields; }
    };
}

/// What a kind without status has in its place. Nothing is read of it or written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoStatus;

impl Part for NoStatus {
    fn write(&self) -> Value {
        Value::Null
    }

    fn read(&mut self, _: &Value) -> Result<(), Misfit> {
        Ok(())
    }
}

modelled_kinds! {
    split Pod POD (k8s::PodSpec, k8s::PodStatus);
    split Node NODE (k8s::NodeSpec, k8s::NodeStatus);
    split Namespace NAMESPACE (k8s::NamespaceSpec, k8s::NamespaceStatus);
    split Service SERVICE (k8s::ServiceSpec, k8s::ServiceStatus);
    split Deployment DEPLOYMENT (k8s::DeploymentSpec, k8s::DeploymentStatus);
    split ReplicaSet REPLICA_SET (k8s::ReplicaSetSpec, k8s::ReplicaSetStatus);
    split StatefulSet STATEFUL_SET (k8s::StatefulSetSpec, k8s::StatefulSetStatus);
    split DaemonSet DAEMON_SET (k8s::DaemonSetSpec, k8s::DaemonSetStatus);
    split Job JOB (k8s::JobSpec, k8s::JobStatus);
    split CronJob CRON_JOB (k8s::CronJobSpec, k8s::CronJobStatus);
    split ReplicationController REPLICATION_CONTROLLER (k8s::ReplicationControllerSpec, k8s::ReplicationControllerStatus);
    split HorizontalPodAutoscaler HORIZONTAL_POD_AUTOSCALER (k8s::HorizontalPodAutoscalerSpec, k8s::HorizontalPodAutoscalerStatus);
    split PodDisruptionBudget POD_DISRUPTION_BUDGET (k8s::PodDisruptionBudgetSpec, k8s::PodDisruptionBudgetStatus);
    split ResourceQuota RESOURCE_QUOTA (k8s::ResourceQuotaSpec, k8s::ResourceQuotaStatus);
    split PersistentVolume PERSISTENT_VOLUME (k8s::PersistentVolumeSpec, k8s::PersistentVolumeStatus);
    split PersistentVolumeClaim PERSISTENT_VOLUME_CLAIM (k8s::PersistentVolumeClaimSpec, k8s::PersistentVolumeClaimStatus);
    split VolumeAttachment VOLUME_ATTACHMENT (k8s::VolumeAttachmentSpec, k8s::VolumeAttachmentStatus);
    flat StorageClass STORAGE_CLASS (k8s::StorageClassFields, ());
    flat ControllerRevision CONTROLLER_REVISION (k8s::ControllerRevisionFields, ());
    split Lease LEASE (k8s::LeaseSpec, NoStatus);
    flat EndpointSlice ENDPOINT_SLICE (k8s::EndpointSliceFields, ());
    flat Event EVENT (k8s::EventFields, ());
}

impl MetaExt for Object {
    fn meta(&self) -> &ObjectMeta {
        self.shared_meta()
    }
}

impl Object {
    /// One of the object's parts (`spec`, `status`, a field of a kind without them) as a tree, in whichever form the object
    /// is kept; `null` if there is none.
    pub fn part(&self, name: &str) -> Cow<'_, Value> {
        static NULL: Value = Value::Null;
        match self {
            Object::Tree(tree) if name == "status" => Cow::Borrowed(&tree.status),
            Object::Tree(tree) => Cow::Borrowed(tree.fields.get(name).unwrap_or(&NULL)),
            typed => Cow::Owned(typed.body().remove(name).unwrap_or_default()),
        }
    }

    /// The version that the object is written in: `apps/v1`.
    pub fn api_version(&self) -> String {
        let own = match self {
            Object::Tree(tree) => tree.fields.get("apiVersion").and_then(Value::as_str),
            _ => None,
        };
        own.map_or_else(|| self.kind().api_version(), str::to_string)
    }

    /// Writes an object of a custom kind in another version.
    pub fn set_api_version(&mut self, version: String) {
        if let Object::Tree(tree) = self
            && tree.fields.get("apiVersion").is_some_and(|own| *own != version)
        {
            Arc::make_mut(&mut tree.fields).insert("apiVersion".into(), version.into());
        }
    }

    /// The object's key.
    pub fn key(&self) -> Key {
        Key::new(self.kind(), self.namespace(), self.name())
    }

    /// The object as one of the modelled kinds.
    pub fn as_kind<K: KubeObject>(&self) -> Option<&K> {
        K::from_object(self)
    }

    /// Fields that the API serves even where they are not set: Go writes an empty time or list of theirs
    /// as `null`, and a structure that is no pointer with all that must be in it.
    fn write_empty(&self, map: &mut Map<String, Value>) {
        match self {
            Object::Pod(_) | Object::PersistentVolumeClaim(_) => {
                let conditions = map.get_mut("status").and_then(|status| status.get_mut("conditions"));
                let conditions = conditions.and_then(Value::as_array_mut).into_iter().flatten();
                for condition in conditions.filter_map(Value::as_object_mut) {
                    condition.entry("lastProbeTime").or_insert(Value::Null);
                    condition.entry("lastTransitionTime").or_insert(Value::Null);
                }
            }
            Object::EndpointSlice(slice) => {
                if slice.spec.endpoints.is_empty() {
                    map.insert("endpoints".into(), Value::Null);
                }
                map.entry("ports").or_insert(Value::Null);
            }
            Object::Node(_) => {
                let Some(status) = map.entry("status").or_insert_with(|| json!({})).as_object_mut() else {
                    return;
                };
                status.entry("daemonEndpoints").or_insert_with(|| json!({"kubeletEndpoint": {"Port": 0}}));
                status.entry("nodeInfo").or_insert_with(|| typed::write(&NodeSystemInfo::default()));
            }
            _ => {}
        }
    }

    /// The object as the API serves it, `apiVersion`, `kind` and `resourceVersion` included.
    pub fn to_value(&self) -> Value {
        let mut map = self.body();
        // Claims in a StatefulSet are the only objects within another; their types are no fields here.
        if let (Object::StatefulSet(_), Some(spec)) = (self, map.get_mut("spec")) {
            let claims = spec.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut);
            for claim in claims.into_iter().flatten() {
                claim["apiVersion"] = Kind::PERSISTENT_VOLUME_CLAIM.api_version().into();
                claim["kind"] = Kind::PERSISTENT_VOLUME_CLAIM.name().into();
            }
        }
        let mut meta = (**self.shared_meta()).clone();
        if self.revision() > 0 {
            meta.resource_version = Some(self.revision().to_string());
        }
        self.write_empty(&mut map);
        map.entry("apiVersion").or_insert_with(|| self.kind().api_version().into());
        map.insert("kind".into(), self.kind().name().into());
        put(&mut map, "metadata", &meta);
        Value::Object(map)
    }
}
