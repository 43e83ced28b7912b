//! What each kind does on its way into the store: its defaults, what clients may not set, and its rules. A kind
//! without an entry here is stored as written.

mod daemon_set;
mod deployment;
mod horizontal_pod_autoscaler;
mod job;
mod node;
mod persistent_volume_claim;
mod pod;
pub mod pod_template;
mod policy;
mod replica_set;
mod replication_controller;
mod service;
mod stateful_set;

use crate::api::field_error::FieldError;
use crate::api::{Kind, KubeObject, Object};
use crate::apiserver::View;
use crate::rng::Rng;

/// The strategy of one kind (`rest.RESTCreateUpdateStrategy` upstream).
pub trait Strategy {
    /// The kind's objects.
    type Object: KubeObject;

    /// Whether a changed spec raises `metadata.generation`.
    const COUNTS_GENERATIONS: bool = true;

    /// Whether an object may be created with its status, as kubelets do with their nodes.
    const KEEPS_STATUS: bool = false;

    /// Fills in the fields that the manifest leaves out.
    fn default(_object: &mut Self::Object) {}

    /// Sets what the server decides at creation: the first status, addresses.
    fn prepare_for_create(_object: &mut Self::Object, _view: &View, _names: &mut Rng) {}

    /// Keeps what an update may not drop: allocated addresses.
    fn prepare_for_update(_object: &mut Self::Object, _old: &Self::Object) {}

    /// The rules that the object breaks.
    fn validate(_object: &Self::Object) -> Vec<FieldError> {
        Vec::new()
    }

    /// The rules that the change breaks.
    fn validate_update(_object: &Self::Object, _old: &Self::Object) -> Vec<FieldError> {
        Vec::new()
    }
}

/// A [`Strategy`] for objects of any kind.
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// Whether the kind has a `status` that ordinary updates leave alone.
    pub has_status: bool,
    /// See [`Strategy::COUNTS_GENERATIONS`].
    pub counts_generations: bool,
    /// See [`Strategy::KEEPS_STATUS`].
    pub keeps_status: bool,
    /// See [`Strategy::default`].
    pub default: fn(&mut Object),
    /// See [`Strategy::prepare_for_create`].
    pub prepare_for_create: fn(&mut Object, &View, &mut Rng),
    /// See [`Strategy::prepare_for_update`].
    pub prepare_for_update: fn(&mut Object, &Object),
    /// See [`Strategy::validate`].
    pub validate: fn(&Object) -> Vec<FieldError>,
    /// See [`Strategy::validate_update`].
    pub validate_update: fn(&Object, &Object) -> Vec<FieldError>,
}

/// Changes an object in place as its own type.
fn edit<S: Strategy>(object: &mut Object, change: impl FnOnce(&mut S::Object)) {
    if let Some(mut typed) = object.as_kind::<S::Object>().cloned() {
        change(&mut typed);
        *object = typed.into();
    }
}

impl Entry {
    const fn of<S: Strategy>() -> Entry {
        Entry {
            kind: S::Object::KIND,
            has_status: true,
            counts_generations: S::COUNTS_GENERATIONS,
            keeps_status: S::KEEPS_STATUS,
            default: |object| edit::<S>(object, S::default),
            prepare_for_create: |object, view, names| {
                edit::<S>(object, |o| S::prepare_for_create(o, view, names))
            },
            prepare_for_update: |object, old| {
                if let Some(old) = old.as_kind::<S::Object>() {
                    edit::<S>(object, |o| S::prepare_for_update(o, old));
                }
            },
            validate: |object| object.as_kind().map(S::validate).unwrap_or_default(),
            validate_update: |object, old| match (object.as_kind(), old.as_kind()) {
                (Some(object), Some(old)) => S::validate_update(object, old),
                _ => Vec::new(),
            },
        }
    }

    /// A kind that is stored as written.
    const fn plain() -> Entry {
        Entry {
            kind: Kind(u16::MAX),
            has_status: false,
            counts_generations: false,
            keeps_status: true,
            default: |_| {},
            prepare_for_create: |_, _, _| {},
            prepare_for_update: |_, _| {},
            validate: |_| Vec::new(),
            validate_update: |_, _| Vec::new(),
        }
    }
}

/// The kinds with a strategy, one line each.
static STRATEGIES: &[Entry] = &[
    Entry::of::<pod::PodStrategy>(),
    Entry::of::<node::NodeStrategy>(),
    Entry::of::<node::NamespaceStrategy>(),
    Entry::of::<service::ServiceStrategy>(),
    Entry::of::<deployment::DeploymentStrategy>(),
    Entry::of::<replica_set::ReplicaSetStrategy>(),
    Entry::of::<replication_controller::ReplicationControllerStrategy>(),
    Entry::of::<stateful_set::StatefulSetStrategy>(),
    Entry::of::<daemon_set::DaemonSetStrategy>(),
    Entry::of::<job::JobStrategy>(),
    Entry::of::<job::CronJobStrategy>(),
    Entry::of::<horizontal_pod_autoscaler::HorizontalPodAutoscalerStrategy>(),
    Entry::of::<policy::PodDisruptionBudgetStrategy>(),
    Entry::of::<policy::ResourceQuotaStrategy>(),
    Entry::of::<persistent_volume_claim::PersistentVolumeClaimStrategy>(),
    Entry::of::<persistent_volume_claim::PersistentVolumeStrategy>(),
    Entry::of::<persistent_volume_claim::StorageClassStrategy>(),
];

static PLAIN: Entry = Entry::plain();

/// The strategy of a kind.
pub fn strategy(kind: Kind) -> &'static Entry {
    STRATEGIES.iter().find(|entry| entry.kind == kind).unwrap_or(&PLAIN)
}
