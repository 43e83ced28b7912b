//! The rules of every kind: what is wrong with an object, or with a change of one, in the words of the real server
//! (`pkg/apis/*/validation`). Rules read the tree that the API serves ([`at::At`]); a kind is a line of [`RULES`].

pub mod at;
mod autoscaling;
mod batch;
mod cluster;
mod config;
mod container;
mod core_status;
mod definition;
mod devices;
mod drivers;
pub mod event;
mod familiar;
mod flow;
mod internal;
mod job_status;
mod json_schema;
mod meta;
mod networking;
mod pod;
mod policy;
mod registration;
pub mod resources;
pub mod review;
mod scheduling;
mod schema_extensions;
mod schema_rules;
mod security;
mod service;
mod status;
mod storage;
mod volume;
mod volume_source;
pub mod workload;

use serde_json::Value;

pub use crate::api::text;
pub use familiar::Familiar;

use crate::api::field_error::{FieldError, quoted};
use crate::api::k8s::LabelSelector;
use crate::api::selector::Selector;
use crate::api::{Kind, MetaExt, Object, typed};
use at::{At, Errors};

type Always = fn(&At, &mut Errors);
type Change = fn(&At, &At, &mut Errors);

/// What holds for objects of one kind.
struct Rules {
    kind: Kind,
    /// Of its name.
    name: text::Rule,
    /// Of the object, new or changed.
    always: Always,
    /// Of the object when it is new.
    create: Always,
    /// Of the change, where there are any.
    update: Option<Change>,
    /// Of a change of the annotations alone, where there are any.
    notes: Option<Change>,
    /// Whether a new object's metadata are looked at only when nothing else is wrong.
    metadata_last: bool,
}

const fn rules(kind: Kind, name: text::Rule, always: Always) -> Rules {
    Rules { kind, name, always, create: |_, _| {}, update: None, notes: None, metadata_last: false }
}

impl Rules {
    const fn on_create(self, create: Always) -> Rules {
        Rules { create, ..self }
    }

    const fn on_update(self, update: Change) -> Rules {
        Rules { update: Some(update), ..self }
    }

    const fn on_notes(self, notes: Change) -> Rules {
        Rules { notes: Some(notes), ..self }
    }

    /// For kinds whose own rules leave the metadata to what every kind goes through after them.
    const fn metadata_last(self) -> Rules {
        Rules { metadata_last: true, ..self }
    }
}

const ANY: Always = |_, _| {};

/// The kinds with rules, one line each.
static RULES: &[Rules] = &[
    rules(Kind::POD, text::dns_subdomain, pod::validate)
        .on_create(pod::on_create)
        .on_update(pod::on_update)
        .on_notes(pod::on_notes),
    rules(Kind::POD_TEMPLATE, text::dns_subdomain, workload::pod_template),
    rules(Kind::DEPLOYMENT, text::dns_subdomain, workload::deployment)
        .on_update(workload::immutable_selector),
    rules(Kind::REPLICA_SET, text::dns_subdomain, workload::replica_set)
        .on_update(workload::immutable_selector),
    rules(Kind::REPLICATION_CONTROLLER, text::dns_subdomain, workload::replication_controller),
    rules(Kind::STATEFUL_SET, text::dns_label, workload::stateful_set)
        .on_update(workload::stateful_set_update),
    rules(Kind::DAEMON_SET, text::dns_subdomain, workload::daemon_set)
        .on_update(workload::immutable_selector),
    rules(Kind::CONTROLLER_REVISION, text::dns_subdomain, workload::controller_revision),
    rules(Kind::JOB, text::dns_subdomain, batch::job).on_update(batch::job_update),
    rules(Kind::CRON_JOB, text::dns_subdomain, batch::cron_job).on_create(batch::cron_job_create),
    rules(Kind::SERVICE, text::dns_label, service::service).on_update(service::service_update),
    rules(Kind::ENDPOINTS, text::dns_subdomain, service::endpoints),
    rules(Kind::ENDPOINT_SLICE, text::dns_subdomain, service::endpoint_slice)
        .on_update(service::endpoint_slice_update),
    rules(Kind::HORIZONTAL_POD_AUTOSCALER, text::dns_subdomain, autoscaling::horizontal_pod_autoscaler),
    // Its own rules look at no name, so that any that can stand in an address will do.
    rules(Kind::POD_DISRUPTION_BUDGET, text::path_segment, autoscaling::pod_disruption_budget)
        .metadata_last(),
    rules(Kind::INGRESS, text::dns_subdomain, networking::ingress).on_create(networking::ingress_create),
    rules(Kind::INGRESS_CLASS, text::dns_subdomain, networking::ingress_class)
        .on_update(networking::ingress_class_update),
    rules(Kind::SERVICE_CIDR, text::dns_subdomain, networking::service_cidr)
        .on_update(networking::service_cidr_update),
    rules(Kind::IP_ADDRESS, text::ip, networking::ip_address).on_update(networking::ip_address_update),
    rules(Kind::NETWORK_POLICY, text::dns_subdomain, networking::network_policy),
    rules(Kind::PERSISTENT_VOLUME, text::dns_subdomain, storage::volume).on_update(storage::volume_update),
    rules(Kind::PERSISTENT_VOLUME_CLAIM, text::dns_subdomain, storage::claim)
        .on_update(storage::claim_update)
        .on_notes(storage::claim_notes_update),
    rules(Kind::STORAGE_CLASS, text::dns_subdomain, storage::storage_class)
        .on_update(storage::storage_class_update),
    rules(Kind::CONFIG_MAP, text::dns_subdomain, config::config_map).on_update(config::config_map_update),
    rules(Kind::SECRET, text::dns_subdomain, config::secret).on_update(config::secret_update),
    rules(Kind::RESOURCE_QUOTA, text::dns_subdomain, config::resource_quota)
        .on_update(config::resource_quota_update),
    rules(Kind::LIMIT_RANGE, text::dns_subdomain, config::limit_range),
    rules(Kind::PRIORITY_CLASS, text::dns_subdomain, cluster::priority_class)
        .on_update(cluster::priority_class_update),
    rules(Kind::NODE, text::dns_subdomain, cluster::node).on_update(cluster::node_update),
    rules(Kind::NAMESPACE, text::dns_label, meta::namespace),
    rules(Kind::LEASE, text::dns_subdomain, cluster::lease),
    rules(Kind::RUNTIME_CLASS, text::dns_subdomain, cluster::runtime_class)
        .on_update(cluster::runtime_class_update),
    rules(Kind::CUSTOM_RESOURCE_DEFINITION, text::dns_subdomain, definition::definition)
        .on_create(definition::on_create)
        .on_update(definition::on_update),
    rules(Kind::FLOW_SCHEMA, text::dns_subdomain, flow::flow_schema),
    rules(Kind::PRIORITY_LEVEL_CONFIGURATION, text::dns_subdomain, flow::priority_level),
    rules(Kind::CSI_DRIVER, text::dns_subdomain, drivers::csi_driver),
    rules(Kind::CSI_NODE, text::dns_subdomain, drivers::csi_node),
    rules(Kind::CSI_STORAGE_CAPACITY, text::dns_subdomain, drivers::csi_storage_capacity),
    rules(Kind::VOLUME_ATTACHMENT, text::dns_subdomain, drivers::volume_attachment),
    rules(Kind::VOLUME_ATTRIBUTES_CLASS, text::dns_subdomain, drivers::attributes_class)
        .on_update(drivers::attributes_class_update),
    rules(Kind::RESOURCE_CLAIM, text::dns_subdomain, ANY)
        .on_create(devices::claim)
        .on_update(devices::immutable_spec),
    rules(Kind::RESOURCE_CLAIM_TEMPLATE, text::dns_subdomain, ANY)
        .on_create(devices::claim_template)
        .on_update(devices::immutable_spec),
    rules(Kind::DEVICE_CLASS, text::dns_subdomain, devices::device_class),
    rules(Kind::RESOURCE_SLICE, text::dns_subdomain, devices::resource_slice)
        .on_update(devices::resource_slice_update),
    rules(Kind::MUTATING_WEBHOOK_CONFIGURATION, text::dns_subdomain, registration::webhooks),
    rules(Kind::VALIDATING_WEBHOOK_CONFIGURATION, text::dns_subdomain, registration::webhooks),
    rules(Kind::VALIDATING_ADMISSION_POLICY, text::dns_subdomain, policy::admission_policy),
    rules(Kind::VALIDATING_ADMISSION_POLICY_BINDING, text::dns_subdomain, policy::admission_policy_binding),
    rules(Kind::MUTATING_ADMISSION_POLICY, text::dns_subdomain, policy::mutating_policy),
    rules(Kind::MUTATING_ADMISSION_POLICY_BINDING, text::dns_subdomain, policy::mutating_binding),
    rules(Kind::API_SERVICE, text::path_segment, registration::api_service),
    rules(Kind::CERTIFICATE_SIGNING_REQUEST, text::path_segment, ANY)
        .on_create(registration::signing_request),
    rules(Kind::ROLE, text::path_segment, cluster::role),
    rules(Kind::CLUSTER_ROLE, text::path_segment, cluster::cluster_role),
    rules(Kind::ROLE_BINDING, text::path_segment, cluster::role_binding)
        .on_update(cluster::role_binding_update),
    rules(Kind::CLUSTER_ROLE_BINDING, text::path_segment, cluster::cluster_role_binding)
        .on_update(cluster::role_binding_update),
];

static OTHERS: Rules = rules(Kind(u16::MAX), text::dns_subdomain, ANY);

fn of(kind: Kind) -> &'static Rules {
    RULES.iter().find(|rules| rules.kind == kind).unwrap_or(&OTHERS)
}

/// As [`validate`], with less effort where a pod is like one that was found right.
pub fn validate_new(object: &Object, familiar: &mut Familiar) -> Vec<FieldError> {
    if familiar.knows(object) {
        let (meta, mut errors) = (typed::write(object.meta()), Errors::default());
        let root = serde_json::json!({ "metadata": meta });
        meta::validate_object_meta(&At::root(&root).get("metadata"), of(object.kind()).name, &mut errors);
        return errors.into_vec();
    }
    let errors = validate(object);
    if errors.is_empty() {
        familiar.remember(object);
    }
    errors
}

/// What is wrong with a new object.
pub fn validate(object: &Object) -> Vec<FieldError> {
    // Events are looked at when somebody sends one; questions have no names.
    if object.kind() == Kind::EVENT || Kind::REVIEWS.contains(&object.kind()) {
        return Vec::new();
    }
    let (rules, value) = (of(object.kind()), object.to_value());
    let (root, mut errors) = (At::root(&value), Errors::default());
    if !rules.metadata_last {
        meta::validate_object_meta(&root.get("metadata"), rules.name, &mut errors);
    }
    (rules.always)(&root, &mut errors);
    (rules.create)(&root, &mut errors);
    if rules.metadata_last && errors.is_empty() {
        meta::validate_object_meta(&root.get("metadata"), rules.name, &mut errors);
    }
    errors.into_vec()
}

/// What is wrong with a change. What has not changed has been checked before.
pub fn validate_update(object: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if object.kind() == Kind::EVENT {
        return Vec::new();
    }
    let before = old;
    if object.meta() != old.meta() {
        let old_annotations = old.annotations();
        let (new, old) = (typed::write(object.meta()), typed::write(old.meta()));
        let roots = (serde_json::json!({ "metadata": new }), serde_json::json!({ "metadata": old }));
        let (new, old) = (At::root(&roots.0), At::root(&roots.1));
        let name_is_checked: text::Rule = |_| Vec::new();
        meta::validate_object_meta(&new.get("metadata"), name_is_checked, &mut errors);
        meta::validate_object_meta_update(&new.get("metadata"), &old.get("metadata"), &mut errors);
        let noted = object.same_spec(before) && object.annotations() != old_annotations;
        if let Some(notes) = of(object.kind()).notes.filter(|_| noted) {
            notes(&At::root(&object.to_value()), &At::root(&before.to_value()), &mut errors);
        }
    }
    if !object.same_spec(old) {
        let rules = of(object.kind());
        let new = object.to_value();
        let new = At::root(&new);
        (rules.always)(&new, &mut errors);
        if let Some(update) = rules.update {
            update(&new, &At::root(&old.to_value()), &mut errors);
        }
    }
    errors.into_vec()
}

/// What is wrong with a status that somebody writes in place of another.
pub fn validate_status(object: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if let Some(rules) = status::rules(object.kind()) {
        rules(&At::root(&object.to_value()), &At::root(&old.to_value()), &mut errors);
    }
    errors.into_vec()
}

/// What is wrong with how somebody judges a certificate signing request.
pub fn validate_approval(object: &Object, old: &Object) -> Vec<FieldError> {
    let mut errors = Errors::default();
    core_status::approval(&At::root(&object.to_value()), &At::root(&old.to_value()), &mut errors);
    errors.into_vec()
}

/// What is wrong with a Service's own addresses and their families.
pub fn service_addresses(object: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    service::validate_addresses(&At::root(object).get("spec"), &mut errors);
    errors.into_vec()
}

/// A text as errors show it, quoted even where there is none.
fn text_shown(at: &At) -> String {
    quoted(at.text())
}

/// Whether a label selector selects these labels; nothing if it cannot be read.
fn selects(selector: &Value, labels: &Value) -> Option<bool> {
    let mut errors = Errors::default();
    meta::validate_selector(&At::root(selector), &mut errors);
    if !errors.is_empty() {
        return None;
    }
    let selector: LabelSelector = typed::read(selector).ok()?;
    let labels = labels.as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_string()));
    Some(Selector::from_field(&selector)?.matches(&labels.collect()))
}

/// Whether two maps are equal but for these fields.
fn equal_but(new: &Value, old: &Value, fields: &[&str]) -> bool {
    let within = |part: &Value, whole: &Value| {
        let mut entries = part.as_object().into_iter().flatten();
        entries.all(|(key, value)| fields.contains(&key.as_str()) || whole[key] == *value)
    };
    within(new, old) && within(old, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_budget_the_metadata_come_last() {
        let budget = |minimum: i64| {
            let tree = serde_json::json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": "a/b", "namespace": "default"}, "spec": {"minAvailable": minimum},
            });
            let object = Object::from_value(Kind::POD_DISRUPTION_BUDGET, tree).expect("a budget");
            validate(&object).iter().map(|error| error.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(budget(1), ["metadata.name: Invalid value: \"a/b\": may not contain '/'"]);
        let why = "must be greater than or equal to 0";
        assert_eq!(budget(-1), [format!("spec.minAvailable: Invalid value: -1: {why}")]);
    }
}
