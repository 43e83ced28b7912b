//! The rules of CustomResourceDefinitions (`apiextensions-apiserver/pkg/apis/apiextensions/validation`).
//!
//! The server's internal type keeps what all versions have alike beside the versions, and errors name it there:
//! `spec.validation.openAPIV3Schema` rather than `spec.versions[0].schema.openAPIV3Schema`.

use serde_json::Value;

use super::at::{At, Errors};
use super::registration::validate_client;
use super::{internal, json_schema, text};
use crate::api::field_error::quoted;

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] =
    ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
/// Fields that versions have, and their places where all versions have them alike.
const SHARED: [(&str, &str); 4] = [
    ("schema", "validation"),
    ("subresources", "subresources"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
];
const APPROVAL: &str = "api-approved.kubernetes.io";
const SELECTABLE_FIELDS_MAX: usize = 8;
const WARNING_LETTERS_MAX: usize = 256;

/// `ValidateCustomResourceDefinition`.
pub fn definition(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (group, names) = (spec.get("group"), spec.get("names"));
    let name = object.get("metadata.name");
    if name.text() != format!("{}.{}", names.get("plural").text(), group.text()) {
        errors.invalid(&name, "must be spec.names.plural+\".\"+spec.group");
    }
    if !errors.require(&group) {
        let reasons = text::dns_subdomain(group.text());
        if !reasons.is_empty() {
            errors.invalid(&group, &reasons.join(","));
        } else if !group.text().contains('.') {
            errors.invalid(&group, "should be a domain with at least one dot");
        }
    }
    errors.required_one_of(&spec.get("scope"), &["Cluster", "Namespaced"]);
    validate_versions(&spec, errors);
    for required in ["plural", "singular", "kind", "listKind"] {
        errors.require(&names.get(required));
    }
    validate_names(&names, errors);
    validate_shared(&spec, errors);
    validate_conversion(&spec.get("conversion"), errors);
    let stored = object.get("status.storedVersions");
    if stored.is_empty() {
        errors.invalid_as(&stored, "null", "must have at least one stored version");
    }
    if spec.get("preserveUnknownFields").is_true() {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.invalid(&spec.get("preserveUnknownFields"), why);
    }
}

/// What holds for a new one only: groups of the project itself need its approval.
pub fn on_create(object: &At, errors: &mut Errors) {
    let group = object.get("spec.group").text();
    let of_project = |domain: &str| group == domain || group.ends_with(&format!(".{domain}"));
    if !of_project("k8s.io") && !of_project("kubernetes.io") {
        return;
    }
    let annotations = object.get("metadata.annotations");
    let approval = annotations.key(APPROVAL);
    let is_url = approval
        .text()
        .split_once("://")
        .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/'));
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    if approval.text().is_empty() {
        errors.required(
            &approval,
            &format!("protected groups must have approval annotation {APPROVAL:?}, {see}"),
        );
    } else if !approval.text().starts_with("unapproved") && !is_url {
        let why = format!(
            "protected groups must have approval annotation {APPROVAL:?} with either a URL or a reason starting with \"unapproved\", \
             {see}"
        );
        errors.invalid(&approval, &why);
    }
}

/// `ValidateCustomResourceDefinitionUpdate`.
pub fn on_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, before) = (object.get("spec"), old.get("spec"));
    let conditions = old.get("status.conditions");
    let is_established = |condition: At| {
        condition.get("type").text() == "Established" && condition.get("status").text() == "True"
    };
    if conditions.items().any(is_established) {
        errors.immutable(&spec.get("scope"), &before.get("scope"));
        errors.immutable(&spec.get("names").get("kind"), &before.get("names").get("kind"));
    }
    errors.immutable(&spec.get("group"), &before.get("group"));
    errors.immutable(&spec.get("names").get("plural"), &before.get("names").get("plural"));
    let stored = object.get("status.storedVersions");
    let versions = spec.get("versions");
    for version in stored.items() {
        if !versions.items().any(|known| known.get("name").text() == version.text()) {
            let name = version.text();
            errors.invalid(
                &version,
                &format!(
                    "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a \
                     storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
                ),
            );
        }
    }
}

/// What all versions have alike, if they do.
fn shared<'v>(spec: &At<'_, 'v>, field: &str) -> Option<&'v Value> {
    let mut versions =
        spec.value()["versions"].as_array().into_iter().flatten().map(|version| &version[field]);
    let first = versions.next()?;
    versions.all(|other| other == first).then_some(first)
}

fn has_status(subresources: &Value) -> bool {
    subresources["status"].is_object()
}

fn validate_versions(spec: &At, errors: &mut Errors) {
    let versions = spec.get("versions");
    let schema_is_shared = shared(spec, "schema").is_some_and(|schema| schema["openAPIV3Schema"].is_object());
    if !schema_is_shared {
        for version in versions.items() {
            let schema = version.get("schema");
            if !schema.get("openAPIV3Schema").is_set() {
                errors.required(&schema.get("openAPIV3Schema"), "schemas are required");
            }
        }
    }
    for version in versions.items() {
        let name = version.get("name");
        let reasons = text::dns_1035_label(name.text());
        if !reasons.is_empty() {
            errors.invalid_as(&name, &quoted(name.text()), &reasons.join(","));
        }
        validate_deprecation(&version, errors);
        let with_status = has_status(&version.value()["subresources"]);
        for (field, _) in SHARED.iter().filter(|(field, _)| shared(spec, field).is_none()) {
            let part = version.get(field);
            validate_part(field, &part, &version.value()["schema"]["openAPIV3Schema"], with_status, errors);
        }
    }
    let listed: Vec<&str> = versions.items().map(|version| version.get("name").text()).collect();
    let shown = || {
        let mut all = versions.value().clone();
        for version in all.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            SHARED.iter().filter(|(field, _)| shared(spec, field).is_some()).for_each(|(field, _)| {
                version.remove(*field);
            });
        }
        internal::dump_list("CustomResourceDefinitionVersion", &all)
    };
    if (1..listed.len()).any(|index| listed[..index].contains(&listed[index])) {
        errors.invalid_as(&versions, &shown(), "must contain unique version names");
    }
    if versions.items().filter(|version| version.get("storage").is_true()).count() != 1 {
        errors.invalid_as(&versions, &shown(), "must have exactly one version marked as storage version");
    }
    let reasons = listed.first().map(|first| text::dns_1035_label(first)).unwrap_or_default();
    if !reasons.is_empty() {
        errors.invalid_as(&spec.get("version"), &quoted(listed[0]), &reasons.join(","));
    }
}

fn validate_deprecation(version: &At, errors: &mut Errors) {
    let warning = version.get("deprecationWarning");
    if !warning.is_set() {
        return;
    }
    if !version.get("deprecated").is_true() {
        return errors.invalid(&warning, "can only be set for deprecated versions");
    }
    if warning.text().len() > WARNING_LETTERS_MAX {
        errors.invalid(&warning, "must be <= 256 characters long");
    }
    if warning.text().is_empty() {
        errors.invalid(&warning, "must not be an empty string");
    }
    // Of the spaces, only the plain one is printable.
    let is_hidden = |letter: char| letter.is_control() || (letter.is_whitespace() && letter != ' ');
    if let Some((index, _)) = warning.text().char_indices().find(|(_, letter)| is_hidden(*letter)) {
        let why = format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {index}"
        );
        errors.invalid(&warning, &why);
    }
}

/// What all versions have alike stands beside them.
fn validate_shared(spec: &At, errors: &mut Errors) {
    let statuses = spec.value()["versions"].as_array().into_iter().flatten();
    let with_status = statuses.into_iter().any(|version| has_status(&version["subresources"]));
    let schema = shared(spec, "schema").unwrap_or(&Value::Null);
    for (field, place) in SHARED {
        if let Some(value) = shared(spec, field) {
            let place = spec.get(place);
            validate_part(field, &place.with(value), &schema["openAPIV3Schema"], with_status, errors);
        }
    }
}

fn validate_part(field: &str, part: &At, schema: &Value, with_status: bool, errors: &mut Errors) {
    match field {
        "schema" => json_schema::validate(&part.get("openAPIV3Schema"), with_status, errors),
        "subresources" => validate_subresources(part, errors),
        "additionalPrinterColumns" => part.items().for_each(|column| validate_column(&column, errors)),
        _ => validate_selectable(part, schema, errors),
    }
}

fn validate_subresources(subresources: &At, errors: &mut Errors) {
    if !subresources.get("scale").is_set() {
        return;
    }
    // Upstream writes these two names as one.
    for (name, beginning, why) in [
        ("scale.specReplicasPath", ".spec.", "should be a json path under .spec"),
        ("scale.statusReplicasPath", ".status.", "should be a json path under .status"),
    ] {
        let path = subresources.get(name);
        if !errors.require(&path) && validate_path(&path, errors) && !path.text().starts_with(beginning) {
            errors.invalid(&path, why);
        }
    }
    let labels = subresources.get("scale.labelSelectorPath");
    let under = |beginning: &str| labels.text().starts_with(beginning);
    if !labels.is_empty() && validate_path(&labels, errors) && !under(".spec.") && !under(".status.") {
        errors.invalid(&labels, "should be a json path under either .spec or .status");
    }
}

fn validate_path(path: &At, errors: &mut Errors) -> bool {
    let fits = path.text().starts_with('.');
    if !fits {
        errors.invalid(path, "must be a simple json path starting with .");
    }
    fits
}

fn validate_column(column: &At, errors: &mut Errors) {
    errors.require(&column.get("name"));
    let (type_, format, path) = (column.get("type"), column.get("format"), column.get("jsonPath"));
    let types = format!("must be one of {}", COLUMN_TYPES.join(","));
    if type_.is_empty() {
        errors.required(&type_, &types);
    } else if !COLUMN_TYPES.contains(&type_.text()) {
        errors.invalid(&type_, &types);
    }
    if !format.is_empty() && !COLUMN_FORMATS.contains(&format.text()) {
        errors.invalid(&format, &format!("must be one of {}", COLUMN_FORMATS.join(",")));
    }
    let named = column.get("JSONPath").with(path.value());
    if !errors.require(&named) {
        validate_path(&named, errors);
    }
}

fn validate_selectable(fields: &At, schema: &Value, errors: &mut Errors) {
    let mut known: Vec<&str> = Vec::new();
    for field in fields.items() {
        let path = field.get("jsonPath");
        if errors.require(&path) {
            continue;
        }
        let names: Vec<&str> = path.text().trim_start_matches('.').split('.').collect();
        let found = names.iter().try_fold(schema, |schema, name| schema.get("properties")?.get(name));
        let Some(found) = found else {
            let last = names.last().unwrap_or(&"");
            let why = format!("is an invalid path: does not refer to a valid field: {last}");
            errors.invalid(&path, &why);
            continue;
        };
        if names[0] == "metadata" {
            errors.invalid(&path, "must not point to fields in metadata");
        }
        if !["string", "boolean", "integer"].contains(&found["type"].as_str().unwrap_or_default()) {
            let why = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            errors.invalid(&path, why);
        }
        if known.contains(&path.text()) {
            errors.duplicate(&path);
        } else {
            known.push(path.text());
        }
    }
    if known.len() > SELECTABLE_FIELDS_MAX {
        errors.too_many(fields, SELECTABLE_FIELDS_MAX);
    }
}

fn validate_names(names: &At, errors: &mut Errors) {
    let mut label = |at: &At, text: &str, before: &str| {
        let reasons = text::dns_1035_label(text);
        if !text.is_empty() && !reasons.is_empty() {
            errors.invalid(at, &format!("{before}{}", reasons.join(",")));
        }
    };
    const MIXED: &str = "may have mixed case, but should otherwise match: ";
    for (field, before) in [("plural", ""), ("singular", ""), ("kind", MIXED), ("listKind", MIXED)] {
        let at = names.get(field);
        let text = if before.is_empty() { at.text().to_string() } else { at.text().to_lowercase() };
        label(&at, &text, before);
    }
    let (kind, list_kind) = (names.get("kind"), names.get("listKind"));
    names.get("shortNames").items().for_each(|name| label(&name, name.text(), ""));
    if !kind.is_empty() && kind.text() == list_kind.text() {
        errors.invalid(&list_kind, "kind and listKind may not be the same");
    }
    for category in names.get("categories").items() {
        let reasons = text::dns_1035_label(category.text());
        if !reasons.is_empty() {
            errors.invalid(&category, &reasons.join(","));
        }
    }
}

fn validate_conversion(conversion: &At, errors: &mut Errors) {
    let (strategy, webhook) = (conversion.get("strategy"), conversion.get("webhook"));
    errors.required_one_of(&strategy, &["None", "Webhook"]);
    // The internal type has the webhook's fields beside the strategy.
    let client = conversion.get("webhookClientConfig").with(webhook.get("clientConfig").value());
    let versions =
        conversion.get("conversionReviewVersions").with(webhook.get("conversionReviewVersions").value());
    if strategy.text() != "Webhook" {
        for set in [client, versions].iter().filter(|part| part.is_set()) {
            errors.forbidden(set, "should not be set when strategy is not set to Webhook");
        }
        return;
    }
    if client.is_set() {
        validate_client(&client, errors);
    } else {
        errors.required(&client, "required when strategy is set to Webhook");
    }
    validate_review_versions(&versions, errors);
}

/// `validateConversionReviewVersions`.
fn validate_review_versions(versions: &At, errors: &mut Errors) {
    if versions.is_empty() {
        return errors.required(versions, "");
    }
    for (index, version) in versions.items().enumerate() {
        if versions.texts().take(index).any(|before| before == version.text()) {
            errors.invalid(&version, "duplicate version");
        } else {
            errors.text(&version, text::dns_1035_label);
        }
    }
    if !versions.texts().any(|version| ["v1", "v1beta1"].contains(&version)) {
        errors.invalid(versions, "must include at least one of v1, v1beta1");
    }
}
