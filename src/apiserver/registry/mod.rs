//! What each kind does on its way into the store: its defaults, what clients may not set, and its rules. A kind
//! without an entry here is stored as written.

mod daemon_set;
mod deployment;
mod endpoint_slice;
mod families;
mod horizontal_pod_autoscaler;
mod job;
mod node;
mod persistent_volume_claim;
pub(super) mod pod;
pub mod pod_template;
mod policy;
mod replica_set;
mod replication_controller;
mod service;
mod stateful_set;
mod trees;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::api::{Kind, KubeObject, Object, Status};
use crate::apiserver::View;
use crate::rng::Rng;

/// The strategy of one kind (`rest.RESTCreateUpdateStrategy` upstream).
pub trait Strategy {
    /// The kind's objects.
    type Object: KubeObject;

    /// Whether a changed spec raises `metadata.generation`.
    const COUNTS_GENERATIONS: bool = true;

    /// Whether changed annotations raise it too.
    const COUNTS_ANNOTATIONS: bool = false;

    /// Whether an object may be created with its status, as kubelets do with their nodes.
    const KEEPS_STATUS: bool = false;

    /// Fills in the fields that the manifest leaves out.
    fn default(_object: &mut Self::Object) {}

    /// Sets what the server decides at creation: the first status, addresses.
    fn prepare_for_create(_object: &mut Self::Object, _view: &View, _names: &mut Rng) {}

    /// Keeps what an update may not drop: allocated addresses.
    fn prepare_for_update(_object: &mut Self::Object, _old: &Self::Object) {}

    /// Refuses what cannot be given to a new object: an address that is taken.
    ///
    /// # Errors
    /// `Invalid`, or `InternalError` where the server blames itself.
    fn begin_create(_object: &Self::Object, _view: &View) -> Result<(), Status> {
        Ok(())
    }

    /// Gives what a changed object needs more, or refuses what cannot be given.
    ///
    /// # Errors
    /// As for a new object.
    fn begin_update(
        _object: &mut Self::Object,
        _old: &Self::Object,
        _view: &View,
        _names: &mut Rng,
    ) -> Result<(), Status> {
        Ok(())
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
    /// See [`Strategy::COUNTS_ANNOTATIONS`].
    pub counts_annotations: bool,
    /// See [`Strategy::KEEPS_STATUS`].
    pub keeps_status: bool,
    /// See [`Strategy::default`].
    pub default: fn(&mut Object),
    /// Fills in the fields of an object that is kept as a tree.
    pub default_tree: fn(&mut Map<String, Value>),
    /// The status that a new tree gets, as JSON; none if it is empty.
    pub first_status: &'static str,
    /// See [`Strategy::prepare_for_create`].
    pub prepare_for_create: fn(&mut Object, &View, &mut Rng),
    /// See [`Strategy::prepare_for_update`].
    pub prepare_for_update: fn(&mut Object, &Object),
    /// See [`Strategy::begin_create`].
    pub begin_create: fn(&Object, &View) -> Result<(), Status>,
    /// See [`Strategy::begin_update`].
    pub begin_update: fn(&mut Object, &Object, &View, &mut Rng) -> Result<(), Status>,
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
            counts_annotations: S::COUNTS_ANNOTATIONS,
            keeps_status: S::KEEPS_STATUS,
            default: |object| edit::<S>(object, S::default),
            default_tree: |_| {},
            first_status: "",
            prepare_for_create: |object, view, names| {
                edit::<S>(object, |o| S::prepare_for_create(o, view, names))
            },
            prepare_for_update: |object, old| {
                if let Some(old) = old.as_kind::<S::Object>() {
                    edit::<S>(object, |o| S::prepare_for_update(o, old));
                }
            },
            begin_create: |object, view| {
                object.as_kind().map_or(Ok(()), |object| S::begin_create(object, view))
            },
            begin_update: |object, old, view, names| {
                let mut answer = Ok(());
                if let Some(old) = old.as_kind::<S::Object>() {
                    edit::<S>(object, |object| answer = S::begin_update(object, old, view, names));
                }
                answer
            },
        }
    }

    /// A kind that is kept as a tree, with these defaults.
    const fn tree(kind: Kind, default_tree: fn(&mut Map<String, Value>)) -> Entry {
        Entry { kind, default_tree, ..Entry::plain() }
    }

    /// A kind whose changes of spec are counted, and which begins with this status.
    const fn counted(self, first_status: &'static str) -> Entry {
        let has_status = !first_status.is_empty();
        Entry { counts_generations: true, has_status, keeps_status: !has_status, first_status, ..self }
    }

    /// Fills in what an object leaves out.
    pub fn fill_in(&self, object: &mut Object) {
        (self.default)(object);
        if let Object::Tree(tree) = object {
            (self.default_tree)(Arc::make_mut(&mut tree.fields));
        }
    }

    /// Gives a new tree its first status.
    pub fn begin_status(&self, object: &mut Object) {
        if let Object::Tree(tree) = object
            && let Ok(status) = serde_json::from_str(self.first_status)
        {
            tree.status = Arc::new(status);
        }
    }

    /// A kind that is stored as written.
    const fn plain() -> Entry {
        Entry {
            kind: Kind(u16::MAX),
            has_status: false,
            counts_generations: false,
            counts_annotations: false,
            keeps_status: true,
            default: |_| {},
            default_tree: |_| {},
            first_status: "",
            prepare_for_create: |_, _, _| {},
            prepare_for_update: |_, _| {},
            begin_create: |_, _| Ok(()),
            begin_update: |_, _, _, _| Ok(()),
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
    Entry::of::<endpoint_slice::EndpointSliceStrategy>(),
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
    Entry::of::<persistent_volume_claim::VolumeAttachmentStrategy>(),
    Entry::of::<persistent_volume_claim::StorageClassStrategy>(),
    Entry::of::<endpoint_slice::EndpointSliceStrategy>(),
    Entry::tree(Kind::LIMIT_RANGE, trees::limit_range),
    Entry::tree(Kind::SECRET, trees::secret),
    Entry::tree(Kind::ENDPOINTS, trees::endpoints),
    Entry::tree(Kind::POD_TEMPLATE, trees::pod_template),
    Entry::tree(Kind::PRIORITY_CLASS, trees::priority_class),
    Entry {
        prepare_for_create: trees::stored_version,
        prepare_for_update: |object, _| trees::note_stored_version(object),
        ..Entry::tree(Kind::CUSTOM_RESOURCE_DEFINITION, trees::custom_resource_definition).counted(
            "{\"acceptedNames\":{\"kind\":\"\",\"plural\":\"\"},\"conditions\":null,\"storedVersions\":[]}",
        )
    },
    Entry {
        has_status: true,
        keeps_status: false,
        first_status: "{}",
        prepare_for_create: trees::name_requestor,
        prepare_for_update: trees::keep_request,
        ..Entry::tree(Kind::CERTIFICATE_SIGNING_REQUEST, |_| {})
    },
    Entry::tree(Kind::INGRESS, |_| {}).counted("{\"loadBalancer\":{}}"),
    Entry::tree(Kind::INGRESS_CLASS, trees::ingress_class).counted(""),
    Entry::tree(Kind::NETWORK_POLICY, trees::network_policy).counted(""),
    Entry::tree(Kind::ROLE_BINDING, trees::role_binding),
    Entry::tree(Kind::CLUSTER_ROLE_BINDING, trees::role_binding),
    Entry::tree(Kind::CSI_DRIVER, trees::csi_driver),
    Entry::tree(Kind::FLOW_SCHEMA, trees::flow_schema).counted("{}"),
    Entry::tree(Kind::PRIORITY_LEVEL_CONFIGURATION, trees::priority_level).counted("{}"),
    Entry::tree(Kind::RESOURCE_CLAIM, trees::resource_claim),
    Entry::tree(Kind::RESOURCE_CLAIM_TEMPLATE, trees::resource_claim_template),
    Entry::tree(Kind::MUTATING_WEBHOOK_CONFIGURATION, trees::mutating_webhooks).counted(""),
    Entry::tree(Kind::VALIDATING_WEBHOOK_CONFIGURATION, trees::webhooks).counted(""),
    Entry::tree(Kind::VALIDATING_ADMISSION_POLICY, trees::admission_policy).counted("{}"),
    Entry::tree(Kind::VALIDATING_ADMISSION_POLICY_BINDING, trees::policy_binding),
    Entry::tree(Kind::MUTATING_ADMISSION_POLICY, trees::mutating_policy),
    Entry::tree(Kind::MUTATING_ADMISSION_POLICY_BINDING, trees::policy_binding),
];

static PLAIN: Entry = Entry::plain();

/// Custom kinds whose status is written by itself, and those that have it among their fields.
static CUSTOM: [Entry; 2] = [
    Entry { keeps_status: true, has_status: false, ..Entry::plain().counted("") },
    Entry { keeps_status: false, has_status: true, ..Entry::plain().counted("") },
];

/// The strategy for an object.
pub fn strategy(view: &View, object: &Object) -> &'static Entry {
    if object.kind().is_custom() {
        return &CUSTOM[usize::from(view.has_status(object))];
    }
    STRATEGIES.iter().find(|entry| entry.kind == object.kind()).unwrap_or(&PLAIN)
}
