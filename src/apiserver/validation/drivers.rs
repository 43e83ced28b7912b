//! The rules of what storage drivers bring: CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment, VolumeAttributesClass
//! (`pkg/apis/storage/validation`).

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::resources::amount;
use super::text;
use super::volume_source::validate_csi_driver;

const PARAMETERS_MAX: usize = 512;
const PARAMETER_BYTES_MAX: usize = 256 * 1024;
const NODE_ID_MAX: usize = 256;
const TOKEN_SECONDS_MIN: i64 = 600;

/// `ValidateCSIDriver`.
pub fn csi_driver(object: &At, errors: &mut Errors) {
    let (name, spec) = (object.get("metadata.name"), object.get("spec"));
    validate_csi_driver(&object.named("name").with(name.value()), errors);
    if spec.get("fsGroupPolicy").is_set() {
        errors.one_of(&spec.get("fsGroupPolicy"), &["File", "None", "ReadWriteOnceWithFSType"]);
    }
    let tokens = spec.get("tokenRequests");
    let mut audiences: Vec<&str> = Vec::new();
    for token in tokens.items() {
        let (audience, seconds) = (token.get("audience"), token.get("expirationSeconds"));
        if audiences.contains(&audience.text()) {
            errors.duplicate_as(&audience, &super::text_shown(&audience));
            continue;
        }
        audiences.push(audience.text());
        if seconds.is_set() && seconds.int() < TOKEN_SECONDS_MIN {
            errors.invalid(&seconds, "may not specify a duration less than 10 minutes");
        }
        if seconds.int() > 1 << 32 {
            errors.invalid(&seconds, "may not specify a duration larger than 2^32 seconds");
        }
    }
    for mode in spec.get("volumeLifecycleModes").items() {
        let at = spec.get("volumeLifecycleModes");
        errors.one_of(&at.with(mode.value()), &["Persistent", "Ephemeral"]);
    }
    let period = spec.get("nodeAllocatableUpdatePeriodSeconds");
    if period.is_set() && period.int() < 10 {
        errors.invalid(&period, "must be greater than or equal to 10 seconds");
    }
}

/// `ValidateCSINode`.
pub fn csi_node(object: &At, errors: &mut Errors) {
    let drivers = object.get("spec.drivers");
    let mut names: Vec<&str> = Vec::new();
    for driver in drivers.items() {
        let (name, id) = (driver.get("name"), driver.get("nodeID"));
        validate_csi_driver(&name, errors);
        if !errors.require(&id) && id.text().len() > NODE_ID_MAX {
            errors.invalid(&id, &format!("must be {NODE_ID_MAX} characters or less"));
        }
        errors.non_negative(&driver.get("allocatable.count"));
        for key in driver.get("topologyKeys").texts() {
            errors.text_as(&driver, key, text::qualified_name);
        }
        if names.contains(&name.text()) {
            errors.duplicate(&name);
        }
        names.push(name.text());
    }
}

/// `ValidateCSIStorageCapacity`.
pub fn csi_storage_capacity(object: &At, errors: &mut Errors) {
    validate_selector(&object.get("nodeTopology"), errors);
    errors.text(&object.get("storageClassName"), text::dns_subdomain);
    for field in ["capacity", "maximumVolumeSize"] {
        if amount(&object.get(field)).sign() < 0 {
            errors.invalid(&object.get(field), "must be greater than or equal to 0");
        }
    }
}

/// `ValidateVolumeAttachment`.
pub fn volume_attachment(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    validate_csi_driver(&spec.get("attacher"), errors);
    let source = spec.get("source");
    let (inline, name) = (source.get("inlineVolumeSpec"), source.get("persistentVolumeName"));
    match (inline.is_set(), name.is_set()) {
        (false, false) => {
            errors.required(&source, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
        }
        (true, true) => {
            errors.forbidden(&source, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        }
        (false, true) if name.is_empty() => {
            errors.required(&name, "must specify non empty persistentVolumeName");
        }
        (false, true) => errors.text(&name, text::dns_subdomain),
        (true, false) => {}
    }
    errors.text(&spec.get("nodeName"), text::dns_subdomain);
}

/// `ValidateVolumeAttributesClass`.
pub fn attributes_class(object: &At, errors: &mut Errors) {
    validate_provisioner(&object.get("driverName"), errors);
    let parameters = object.get("parameters");
    validate_parameters(&parameters, errors);
    if parameters.is_empty() {
        errors.required(&parameters, "must contain at least one key/value pair");
    }
}

/// Driver and parameters stay.
pub fn attributes_class_update(object: &At, old: &At, errors: &mut Errors) {
    for (field, why) in [
        ("driverName", "updates to driverName are forbidden."),
        ("parameters", "updates to parameters are forbidden."),
    ] {
        if object.get(field).value() != old.get(field).value() {
            errors.forbidden(&object.get(field), why);
        }
    }
}

/// The name of a provisioner: a qualified one, in any case.
pub fn validate_provisioner(provisioner: &At, errors: &mut Errors) {
    if !errors.require(provisioner) {
        for why in text::qualified_name(&provisioner.text().to_lowercase()) {
            errors.invalid(provisioner, &why);
        }
    }
}

/// What a provisioner is told.
pub fn validate_parameters(parameters: &At, errors: &mut Errors) {
    if parameters.len() > PARAMETERS_MAX {
        return errors.too_long(parameters, PARAMETERS_MAX);
    }
    if parameters.keys().any(str::is_empty) {
        errors.invalid_as(parameters, "\"\"", "field can not be empty.");
    }
    let bytes: usize = parameters.keys().map(|key| key.len() + parameters.key(key).text().len()).sum();
    if bytes > PARAMETER_BYTES_MAX {
        errors.too_long(parameters, PARAMETER_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;
    use serde_json::json;

    #[test]
    fn drivers_say_what_they_can_do() {
        let driver = |spec| json!({"metadata": {"name": "csi.example.com"}, "spec": spec});
        check(csi_driver, &driver(json!({"fsGroupPolicy": "File"})), &[]);
        check(
            csi_driver,
            &driver(json!({"fsGroupPolicy": "All", "volumeLifecycleModes": ["Inline"]})),
            &[
                "spec.fsGroupPolicy: Unsupported value: \"All\": supported values: \"File\", \"None\", \"ReadWriteOnceWithFSType\"",
                "spec.volumeLifecycleModes: Unsupported value: \"Inline\": supported values: \"Persistent\", \"Ephemeral\"",
            ],
        );
        check(
            attributes_class,
            &json!({"driverName": "csi.example.com"}),
            &["parameters: Required value: must contain at least one key/value pair"],
        );
        check(
            volume_attachment,
            &json!({"spec": {"attacher": "csi.example.com", "nodeName": "n", "source": {}}}),
            &[
                "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
            ],
        );
    }
}
