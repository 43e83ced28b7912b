//! The rules of claims, volumes and their classes.

use serde_json::Value;

use super::at::{At, Errors};
use super::drivers::{validate_parameters, validate_provisioner};
use super::meta::validate_selector;
use super::resources::amount;
use super::volume_source::{OF_VOLUMES, validate_session_name, validate_source};
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
    if alone && modes.texts().any(|mode| mode != "ReadWriteOncePod" && ACCESS_MODES.contains(&mode)) {
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
    let class = |name: &str, errors: &mut Errors| {
        if !spec.get(name).is_empty() {
            errors.text(&spec.get(name), text::dns_subdomain);
        }
    };
    class("storageClassName", errors);
    if spec.get("volumeMode").is_set() {
        errors.one_of(&spec.get("volumeMode"), &VOLUME_MODES);
    }
    let sources = [spec.get("dataSource"), spec.get("dataSourceRef")];
    sources.iter().for_each(|source| validate_data_source(source, errors));
    if sources.iter().all(At::is_set) && !super::equal_but(sources[0].value(), sources[1].value(), &[]) {
        // The server shows the place of the field where its value should be, and nothing of a place is public.
        errors.invalid_as(spec, "{}", "must match dataSourceRef");
    }
    class("volumeAttributesClassName", errors);
}

fn validate_data_source(source: &At, errors: &mut Errors) {
    if !source.is_set() {
        return;
    }
    errors.require(&source.get("name"));
    errors.require(&source.get("kind"));
    let group = source.get("apiGroup");
    if !group.is_empty() {
        errors.text(&group, text::dns_subdomain);
    } else if source.get("kind").text() != "PersistentVolumeClaim" {
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
    if old_spec.get("storageClassName").value().is_null() {
        before["storageClassName"] = new["storageClassName"].clone();
    }
    claim_notes_update(object, old, errors);
    if object.get("status.phase").text() == "Bound" {
        if new["resources"]["requests"].is_object() {
            new["resources"]["requests"]["storage"] = before["resources"]["requests"]["storage"].clone();
        }
        if !new["volumeAttributesClassName"].is_null() {
            new["volumeAttributesClassName"] = before["volumeAttributesClassName"].clone();
        }
    }
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
    let mode = spec.get("volumeMode");
    errors.immutable(&object.named("volumeMode").with(mode.value()), &old_spec.get("volumeMode"));
    validate_attributes_update(&spec, &old_spec, errors);
}

/// The class that a claim names in the old way stays, or moves into the field of that name.
pub fn claim_notes_update(object: &At, old: &At, errors: &mut Errors) {
    const OLD_WAY: &str = "volume.beta.kubernetes.io/storage-class";
    let (metadata, before) = (object.get("metadata"), old.get("metadata"));
    let (notes, before) = (metadata.get("annotations"), before.get("annotations"));
    let (class, before) = (notes.key(OLD_WAY), before.key(OLD_WAY));
    let (field, old_field) = (object.get("spec.storageClassName"), old.get("spec.storageClassName"));
    let moved = before.is_set() && !old_field.is_set() && field.is_set() && field.text() == before.text();
    if class.text() != before.text() && (class.is_set() || !moved) {
        errors.invalid_as(&class, &quoted(class.text()), "field is immutable");
    }
}

/// A class of attributes can be another, and is never taken away.
fn validate_attributes_update(spec: &At, old: &At, errors: &mut Errors) {
    let class = spec.get("volumeAttributesClassName");
    if !old.get("volumeAttributesClassName").is_set() {
        return;
    }
    if !class.is_set() {
        errors.forbidden(&class, "update from non-nil value to nil is forbidden");
    } else if class.is_empty() {
        errors.forbidden(&class, "update from non-nil value to an empty string is forbidden");
    }
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
        let at = capacity.key(name);
        if amount(&at).value() < 0 {
            errors.invalid_as(&at, &amount(&at).value().to_string(), "must be a valid resource quantity");
        }
        validate_positive(&at, errors);
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
    validate_source(&spec, OF_VOLUMES, errors);
    let iscsi = spec.get("iscsi");
    let portal = iscsi.get("targetPortal");
    let at = iscsi.named("targetportal").with(portal.value());
    validate_session_name(&iscsi, object.get("metadata.name").text(), &at, errors);
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
    if spec.get("volumeMode").is_set() {
        errors.one_of(&spec.get("volumeMode"), &VOLUME_MODES);
    }
    let class = spec.get("volumeAttributesClassName");
    if class.is_set() {
        if class.is_empty() {
            errors.required(&class, "an empty string is disallowed");
        } else {
            errors.text(&class, text::dns_subdomain);
        }
        if !spec.get("csi").is_set() {
            errors.required(&spec.get("csi"), "has to be specified when using volumeAttributesClassName");
        }
    }
}

/// `ValidatePersistentVolumeUpdate`.
pub fn volume_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, old_spec) = (object.get("spec"), old.get("spec"));
    // A secret for enlarging can be given later.
    let mut sources = spec.value().clone();
    let late = "controllerExpandSecretRef";
    if old_spec.get("csi").is_set() && !old_spec.get("csi").get(late).is_set() {
        sources.pointer_mut("/csi").and_then(Value::as_object_mut).map(|csi| csi.remove(late));
    }
    if OF_VOLUMES.iter().any(|(name, _)| sources[*name] != *old_spec.get(name).value()) {
        let difference = internal::diff("PersistentVolumeSource", old_spec.value(), &sources);
        let why = "spec.persistentvolumesource is immutable after creation";
        errors.forbidden(&spec.named("persistentvolumesource"), &format!("{why}\n{difference}"));
    }
    let mode = spec.get("volumeMode");
    errors.immutable(&object.named("volumeMode").with(mode.value()), &old_spec.get("volumeMode"));
    let (affinity, before) = (spec.get("nodeAffinity"), old_spec.get("nodeAffinity"));
    if before.is_set() && affinity.value() != before.value() {
        let shown = internal::dump("VolumeNodeAffinity", affinity.value());
        let at = object.named("nodeAffinity");
        errors.invalid_as(&at, &shown, "field is immutable, except for updating from beta label to GA");
    }
    let class = spec.get("volumeAttributesClassName");
    if old_spec.get("volumeAttributesClassName").is_set() && !class.is_set() {
        errors.forbidden(&class, "update from non-nil value to nil is forbidden");
    }
}

/// `ValidateStorageClass`.
pub fn storage_class(object: &At, errors: &mut Errors) {
    validate_provisioner(&object.get("provisioner"), errors);
    validate_parameters(&object.get("parameters"), errors);
    // An empty one is neither replaced by the default nor refused.
    if !object.get("reclaimPolicy").is_empty() {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::at::check;
    use super::*;

    #[test]
    fn an_empty_reclaim_policy_passes_and_an_empty_binding_mode_does_not() {
        let class = |reclaim: &str, mode: &str| json!({"provisioner": "a.b/c", "reclaimPolicy": reclaim, "volumeBindingMode": mode});
        check(storage_class, &class("", "Immediate"), &[]);
        check(
            storage_class,
            &class("Recycle", ""),
            &[
                "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"",
                "volumeBindingMode: Unsupported value: \"\": supported values: \"Immediate\", \"WaitForFirstConsumer\"",
            ],
        );
    }

    #[test]
    fn the_class_in_an_annotation_of_a_claim_stays_or_becomes_the_field() {
        let claim = |note: Option<&str>, field: Option<&str>| {
            let mut claim = json!({"metadata": {"annotations": {}}, "spec": {}});
            if let Some(note) = note {
                claim["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"] = note.into();
            }
            if let Some(field) = field {
                claim["spec"]["storageClassName"] = field.into();
            }
            claim
        };
        let cases = [
            ((Some("a"), None), (Some("a"), None), None),
            ((Some("a"), None), (None, Some("a")), None),
            ((Some("a"), None), (Some("a"), Some("a")), None),
            ((Some("a"), None), (Some("b"), None), Some("b")),
            ((Some("a"), None), (None, None), Some("")),
            ((None, Some("a")), (Some("a"), Some("a")), Some("a")),
        ];
        for (before, after, shown) in cases {
            let (old, new) = (claim(before.0, before.1), claim(after.0, after.1));
            let mut errors = Errors::default();
            claim_notes_update(&At::root(&new), &At::root(&old), &mut errors);
            let found: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
            let want = shown.map(|shown| {
                format!(
                    "metadata.annotations[volume.beta.kubernetes.io/storage-class]: Invalid value: \"{shown}\": field is immutable"
                )
            });
            assert_eq!(found, want.into_iter().collect::<Vec<_>>(), "{before:?} -> {after:?}");
        }
    }
}
