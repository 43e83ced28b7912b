//! The rules of metadata and of label selectors (`k8s.io/apimachinery/pkg/api/validation`).

use super::at::{At, Errors};
use super::internal;
use super::text::{self, Rule};
use crate::api::field_error::quoted;

const ANNOTATION_BYTES_MAX: usize = 256 * 1024;
const FINALIZERS: [&str; 3] = ["foregroundDeletion", "kubernetes", "orphan"];

/// The metadata of an object that has been named (`ValidateObjectMeta`).
pub fn validate_object_meta(meta: &At, name_rule: Rule, errors: &mut Errors) {
    let (base, name) = (meta.get("generateName"), meta.get("name"));
    if !base.is_empty() {
        // What is drawn for it ends it, so it may end in a hyphen.
        let shown = base.text();
        let whole = shown.strip_suffix('-').map(|base| format!("{base}a"));
        for why in name_rule(whole.as_deref().unwrap_or(shown)) {
            errors.invalid(&base, &why);
        }
    }
    if name.is_empty() {
        errors.required(&name, "name or generateName is required");
    } else {
        errors.text(&name, name_rule);
    }
    validate_labels(&meta.get("labels"), errors);
    validate_annotations(&meta.get("annotations"), errors);
    validate_owners(&meta.get("ownerReferences"), errors);
    let finalizers = meta.get("finalizers");
    for finalizer in finalizers.texts() {
        errors.text_as(&finalizers, finalizer, text::qualified_name);
    }
    if ["foregroundDeletion", "orphan"].iter().all(|both| finalizers.texts().any(|f| f == *both)) {
        let why = "finalizer foregroundDeletion and orphan cannot be both set";
        errors.invalid(&finalizers, why);
    }
    for finalizer in finalizers.items() {
        validate_standard_finalizer(&finalizer, finalizer.text(), errors);
    }
}

/// `ValidateNamespace`.
pub fn namespace(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let finalizers = spec.get("finalizers");
    for finalizer in finalizers.texts() {
        errors.text_as(&finalizers, finalizer, text::qualified_name);
        validate_standard_finalizer(&finalizers, finalizer, errors);
    }
}

fn validate_standard_finalizer(at: &At, finalizer: &str, errors: &mut Errors) {
    if !finalizer.contains('/') && !FINALIZERS.contains(&finalizer) {
        let why = "name is neither a standard finalizer name nor is it fully qualified";
        errors.invalid_as(at, &quoted(finalizer), why);
    }
}

/// Keys and values of labels.
pub fn validate_labels(labels: &At, errors: &mut Errors) {
    for key in labels.keys() {
        errors.text_as(labels, key, text::qualified_name);
        errors.text_as(labels, labels.key(key).text(), text::label_value);
    }
}

/// Keys of annotations, and their size all together.
pub fn validate_annotations(annotations: &At, errors: &mut Errors) {
    let mut bytes = 0;
    for key in annotations.keys() {
        errors.text_as(annotations, key, text::annotation_key);
        bytes += key.len() + annotations.key(key).text().len();
    }
    if bytes > ANNOTATION_BYTES_MAX {
        errors.too_long(annotations, ANNOTATION_BYTES_MAX);
    }
}

fn validate_owners(owners: &At, errors: &mut Errors) {
    let mut controller: Option<&str> = None;
    // A fault is said to be that of the list, whichever reference has it.
    for owner in owners.items().map(|owner| owners.with(owner.value())) {
        let version = owner.get("apiVersion");
        if version.text().rsplit('/').next().unwrap_or_default().is_empty() {
            errors.invalid_as(&version, &super::text_shown(&version), "version must not be empty");
        }
        for field in ["kind", "name", "uid"] {
            if owner.get(field).is_empty() {
                errors.invalid_as(&owner.get(field), "\"\"", "must not be empty");
            }
        }
        if version.text() == "v1" && owner.get("kind").text() == "Event" {
            errors.invalid_as(
                &owner,
                &internal::dump("OwnerReference", owner.value()),
                "/v1, Kind=Event is disallowed from being an owner",
            );
        }
    }
    for owner in owners.items().filter(|owner| owner.get("controller").is_true()) {
        let name = owner.get("name").text();
        match controller {
            Some(first) => {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                errors.invalid_as(owners, &internal::dump_list("OwnerReference", owners.value()), &why);
            }
            None => controller = Some(name),
        }
    }
}

/// What an update may not change of the metadata, the server having kept its own fields.
pub fn validate_object_meta_update(meta: &At, old: &At, errors: &mut Errors) {
    let deleting = old.get("deletionTimestamp").is_set();
    let known = old.get("finalizers");
    let added: Vec<&str> = meta
        .get("finalizers")
        .texts()
        .filter(|finalizer| !known.texts().any(|old| old == *finalizer))
        .collect();
    if deleting && !added.is_empty() {
        let list = added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"
        );
        errors.forbidden(&meta.get("finalizers"), &why);
    }
}

/// A label selector, which need not be there (`ValidateLabelSelector`).
pub fn validate_selector(selector: &At, errors: &mut Errors) {
    validate_labels_of_selector(&selector.get("matchLabels"), errors);
    for requirement in selector.get("matchExpressions").items() {
        let (operator, values) = (requirement.get("operator"), requirement.get("values"));
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                errors.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors
                    .forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.invalid_as(&operator, &super::text_shown(&operator), "not a valid selector operator"),
        }
        errors.text(&requirement.get("key"), text::qualified_name);
        for value in values.items() {
            errors.text(&value, text::label_value);
        }
    }
}

fn validate_labels_of_selector(labels: &At, errors: &mut Errors) {
    validate_labels(labels, errors);
}

/// Whether a label selector selects nothing in particular: every object.
pub fn selects_all(selector: &At) -> bool {
    selector.get("matchLabels").is_empty() && selector.get("matchExpressions").is_empty()
}
