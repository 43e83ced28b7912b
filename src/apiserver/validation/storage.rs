//! The rules of claims, volumes and their classes.

use super::at::{At, Errors};
use super::drivers::{validate_parameters, validate_provisioner};
use super::meta::validate_selector;
use super::resources::amount;
use super::volume::{persistent_sources, validate_persistent_source};
use super::{internal, scheduling, text};
use crate::api::field_error::{FieldError, quoted};

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

fn validate_access_modes(modes: &At, errors: &mut Errors) {
    for mode in modes.texts() {
        if !ACCESS_MODES.contains(&mode) {
            errors.push(FieldError::not_supported(&modes.path(), mode, &ACCESS_MODES));
        }
    }
    let alone = modes.texts().any(|mode| mode == "ReadWriteOncePod");
    if alone && modes.texts().any(|mode| mode != "ReadWriteOncePod") {
        errors.forbidden(modes, "may not use ReadWriteOncePod with other access modes");
    }
}

fn validate_positive(at: &At, errors: &mut Errors) {
    if amount(at).sign() <= 0 {
        errors.invalid(at, "must be greater than zero");
    }
}

/// `ValidatePersistentVolumeClaim`.
pub fn claim(object: &At, errors: &mut Errors) {
    validate_claim_spec(&object.get("spec"), errors);
}

/// What a claim asks for, in a claim or in a template.
pub fn validate_claim_spec(spec: &At, errors: &mut Errors) {
    let modes = spec.get("accessModes");
    if modes.is_empty() {
        errors.required(&modes, "at least 1 access mode is required");
    }
    validate_selector(&spec.get("selector"), errors);
    validate_access_modes(&modes, errors);
    let (asked, resources) = (spec.get("resources.requests.storage"), spec.get("resources"));
    let storage = resources.key("storage").with(asked.value());
    if storage.is_set() {
        validate_positive(&storage, errors);
    } else {
        errors.required(&storage, "");
    }
    for class in ["storageClassName", "volumeAttributesClassName"] {
        if !spec.get(class).is_empty() {
            errors.text(&spec.get(class), text::dns_subdomain);
        }
    }
    if spec.get("volumeMode").is_set() {
        errors.one_of(&spec.get("volumeMode"), &VOLUME_MODES);
    }
    validate_data_source(&spec.get("dataSource"), errors);
    validate_data_source(&spec.get("dataSourceRef"), errors);
}

fn validate_data_source(source: &At, errors: &mut Errors) {
    if !source.is_set() {
        return;
    }
    errors.require(&source.get("name"));
    errors.require(&source.get("kind"));
    let core = source.get("apiGroup").is_empty();
    if core && source.get("kind").text() != "PersistentVolumeClaim" {
        let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.invalid_as(source, &quoted(source.get("kind").text()), why);
    }
}

/// `ValidatePersistentVolumeClaimUpdate`: a bound claim may ask for more, and an unbound one may be bound.
pub fn claim_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, old_spec) = (object.get("spec"), old.get("spec"));
    let (mut new, mut before) = (spec.value().clone(), old_spec.value().clone());
    if old_spec.get("volumeName").is_empty() {
        before["volumeName"] = new["volumeName"].clone();
    }
    if old_spec.get("storageClassName").value().is_null() && old.get("status.phase").text() != "Bound" {
        before["storageClassName"] = new["storageClassName"].clone();
    }
    if object.get("status.phase").text() == "Bound" && new["resources"]["requests"].is_object() {
        new["resources"]["requests"]["storage"] = before["resources"]["requests"]["storage"].clone();
    }
    before["volumeAttributesClassName"] = new["volumeAttributesClassName"].clone();
    if !super::equal_but(&new, &before, &[]) {
        let difference = internal::diff("PersistentVolumeClaimSpec", &before, &new);
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.forbidden(&spec, &format!("{why}\n{difference}"));
    }
    let (asked, had) = (spec.get("resources.requests.storage"), old_spec.get("resources.requests.storage"));
    let actual = old.get("status.capacity.storage");
    if amount(&asked) < amount(&had) && amount(&asked) <= amount(&actual) {
        errors.forbidden(&asked, "field can not be less than status.capacity");
    }
    errors.immutable(&spec.get("volumeMode"), &old_spec.get("volumeMode"));
}

/// `ValidatePersistentVolume`.
pub fn volume(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let modes = spec.get("accessModes");
    if modes.is_empty() {
        errors.required(&modes, "");
    }
    validate_access_modes(&modes, errors);
    let capacity = spec.get("capacity");
    if capacity.is_empty() {
        errors.required(&capacity, "");
    }
    if !capacity.get("storage").is_set() || capacity.len() > 1 {
        let shown = capacity.shown();
        errors.push(FieldError::not_supported_as(&capacity.path(), &shown, &["storage"]));
    }
    for name in capacity.keys() {
        validate_positive(&capacity.key(name), errors);
    }
    let policy = spec.get("persistentVolumeReclaimPolicy");
    if !policy.is_empty() {
        errors.one_of(&policy, &["Delete", "Recycle", "Retain"]);
    }
    let affinity = spec.get("nodeAffinity");
    if affinity.is_set() {
        let required = affinity.get("required");
        if required.is_set() {
            scheduling::validate_node_selector(&required, errors);
        } else {
            errors.required(&required, "must specify required node constraints");
        }
    }
    if spec.get("volumeMode").is_set() {
        errors.one_of(&spec.get("volumeMode"), &VOLUME_MODES);
    }
    validate_persistent_source(&spec, errors);
    if spec.get("local").is_set() && !affinity.is_set() {
        errors.required(&affinity, "Local volume requires node affinity");
    }
    if spec.get("hostPath.path").text().trim_end_matches('/').is_empty()
        && spec.get("hostPath").is_set()
        && policy.text() == "Recycle"
    {
        errors.forbidden(&policy, "may not be 'recycle' for a hostPath mount of '/'");
    }
    if !spec.get("storageClassName").is_empty() {
        errors.text(&spec.get("storageClassName"), text::dns_subdomain);
    }
}

/// `ValidatePersistentVolumeUpdate`.
pub fn volume_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, old_spec) = (object.get("spec"), old.get("spec"));
    if persistent_sources().any(|name| spec.get(name).value() != old_spec.get(name).value()) {
        let difference = internal::diff("PersistentVolumeSource", old_spec.value(), spec.value());
        let why = "spec.persistentvolumesource is immutable after creation";
        errors.forbidden(&spec.named("persistentvolumesource"), &format!("{why}\n{difference}"));
    }
    errors.immutable(&spec.get("volumeMode"), &old_spec.get("volumeMode"));
    let (affinity, before) = (spec.get("nodeAffinity"), old_spec.get("nodeAffinity"));
    if before.is_set() && affinity.value() != before.value() {
        let shown = internal::dump("VolumeNodeAffinity", affinity.value());
        errors.invalid_as(&affinity, &shown, "field is immutable, except for updating from beta label to GA");
    }
}

/// `ValidateStorageClass`.
pub fn storage_class(object: &At, errors: &mut Errors) {
    validate_provisioner(&object.get("provisioner"), errors);
    validate_parameters(&object.get("parameters"), errors);
    if object.get("reclaimPolicy").is_set() {
        errors.one_of(&object.get("reclaimPolicy"), &["Delete", "Retain"]);
    }
    let mode = object.get("volumeBindingMode");
    if mode.is_set() {
        errors.one_of(&mode, &["Immediate", "WaitForFirstConsumer"]);
    } else {
        errors.required(&mode, "");
    }
    let topologies = object.get("allowedTopologies");
    for (index, term) in topologies.items().enumerate() {
        let expressions = term.get("matchLabelExpressions");
        validate_topology(&expressions, errors);
        if (0..index).any(|before| topologies.index(before).value() == term.value()) {
            errors.duplicate_as(&expressions, "\"\"");
        }
    }
}

/// `ValidateTopologySelectorTerm`.
fn validate_topology(expressions: &At, errors: &mut Errors) {
    let mut keys: Vec<&str> = Vec::new();
    for expression in expressions.items() {
        let (key, values) = (expression.get("key"), expression.get("values"));
        errors.require(&values);
        let mut seen: Vec<&str> = Vec::new();
        for value in values.items() {
            if seen.contains(&value.text()) {
                errors.duplicate(&value);
            }
            seen.push(value.text());
        }
        errors.text(&key, text::qualified_name);
        if keys.contains(&key.text()) {
            errors.duplicate(&key);
        }
        keys.push(key.text());
    }
}

/// `ValidateStorageClassUpdate`.
pub fn storage_class_update(object: &At, old: &At, errors: &mut Errors) {
    for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
        errors.immutable(&object.get(field), &old.get(field));
    }
}
