//! The rules of dynamic resource allocation: ResourceClaim, ResourceClaimTemplate, DeviceClass, ResourceSlice
//! (`pkg/apis/resource/validation`).

use super::at::{At, Errors};
use super::meta::{validate_annotations, validate_labels};
use super::resources::is_extended;
use super::volume_source::validate_csi_driver;
use super::{scheduling, text};
use crate::api::cel::{Program, Type};
use crate::api::field_error::quoted;

/// As many requests, constraints, configurations and selectors a claim or class may have.
const LIST_MAX: usize = 32;
const ALTERNATIVES_MAX: usize = 8;
const DEVICES_MAX: usize = 128;
/// Of devices with taints or shared counters.
const ADVANCED_DEVICES_MAX: usize = 64;
const PROPERTIES_MAX: usize = 32;
const ID_MAX: usize = 32;
const VALUE_MAX: usize = 64;

/// `ValidateResourceClaim`.
pub fn claim(object: &At, errors: &mut Errors) {
    validate_claim_spec(&object.get("spec"), errors);
}

/// `ValidateResourceClaimTemplate`.
pub fn claim_template(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    validate_labels(&spec.get("metadata").get("labels"), errors);
    validate_annotations(&spec.get("metadata").get("annotations"), errors);
    validate_claim_spec(&spec.get("spec"), errors);
}

/// What is asked for stays.
pub fn immutable_spec(object: &At, old: &At, errors: &mut Errors) {
    errors.immutable(&object.get("spec"), &old.get("spec"));
}

fn validate_claim_spec(spec: &At, errors: &mut Errors) {
    let devices = spec.get("devices");
    let requests = devices.get("requests");
    if at_most(&requests, LIST_MAX, errors) {
        requests.items().for_each(|request| validate_request(&request, errors));
        unique(&requests, "name", errors);
    }
    if at_most(&devices.get("constraints"), LIST_MAX, errors) {
        for constraint in devices.get("constraints").items() {
            validate_references(&constraint.get("requests"), &requests, errors);
            let (same, other) = (constraint.get("matchAttribute"), constraint.get("distinctAttribute"));
            match (same.is_set(), other.is_set()) {
                (true, _) => validate_full_name(&same, errors),
                (false, true) => validate_full_name(&other, errors),
                (false, false) => {
                    let why = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
                    errors.required(&constraint, why);
                }
            }
        }
    }
    if at_most(&devices.get("config"), LIST_MAX, errors) {
        for config in devices.get("config").items() {
            validate_references(&config.get("requests"), &requests, errors);
            validate_configuration(&config, errors);
        }
    }
}

/// Whether a list is short enough to look into.
fn at_most(list: &At, max: usize, errors: &mut Errors) -> bool {
    let fits = list.len() <= max;
    if !fits {
        errors.too_many(list, max);
    }
    fits
}

fn unique(list: &At, field: &str, errors: &mut Errors) {
    let mut names: Vec<&str> = Vec::new();
    for item in list.items() {
        let name = if field.is_empty() { item } else { item.get(field) };
        if names.contains(&name.text()) {
            errors.duplicate_as(&item, &quoted(name.text()));
        }
        names.push(name.text());
    }
}

fn validate_request(request: &At, errors: &mut Errors) {
    errors.text(&request.get("name"), text::dns_label);
    let (one, first) = (request.get("exactly"), request.get("firstAvailable"));
    match (one.is_set(), !first.is_empty()) {
        (false, false) => {
            errors.required(request, "exactly one of `exactly` or `firstAvailable` is required");
        }
        (true, true) => {
            let why = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            errors.invalid_as(request, "null", why);
        }
        (true, false) => validate_wanted(&one, errors),
        (false, true) => {
            if at_most(&first, ALTERNATIVES_MAX, errors) {
                for request in first.items() {
                    errors.text(&request.get("name"), text::dns_label);
                    validate_wanted(&request, errors);
                }
                unique(&first, "name", errors);
            }
        }
    }
}

/// The devices that a request, or one of its alternatives, is content with.
fn validate_wanted(request: &At, errors: &mut Errors) {
    let (class, mode, count) =
        (request.get("deviceClassName"), request.get("allocationMode"), request.get("count"));
    if !errors.require(&class) {
        errors.text(&class, text::dns_subdomain);
    }
    validate_selectors(&request.get("selectors"), errors);
    match mode.text() {
        "All" => {
            if count.int() != 0 {
                errors.invalid(&count, "must not be specified when allocationMode is 'All'");
            }
        }
        "ExactCount" => {
            if count.int() <= 0 {
                errors.invalid_int(&count, "must be greater than zero");
            }
        }
        _ => errors.unsupported(&mode, &["All", "ExactCount"]),
    }
    for toleration in request.get("tolerations").items() {
        let (key, operator, value) =
            (toleration.get("key"), toleration.get("operator"), toleration.get("value"));
        if !key.is_empty() {
            errors.text(&key, text::qualified_name);
        }
        match operator.text() {
            "Exists" if !value.is_empty() => errors.invalid(&value, "must be empty for operator `Exists`"),
            "Exists" => {}
            "Equal" => errors.text(&value, text::label_value),
            "" => errors.required(&operator, ""),
            _ => errors.unsupported(&operator, &["Equal", "Exists"]),
        }
        if !toleration.get("effect").is_empty() {
            errors.one_of(&toleration.get("effect"), &["NoExecute", "NoSchedule", "None"]);
        }
    }
}

fn validate_selectors(selectors: &At, errors: &mut Errors) {
    if !at_most(selectors, LIST_MAX, errors) {
        return;
    }
    for selector in selectors.items() {
        let cel = selector.get("cel");
        if !cel.is_set() {
            errors.required(&cel, "");
            continue;
        }
        let expression = cel.get("expression");
        let why = match Program::typed(expression.text(), &[("device", Type::Dyn)]) {
            Ok((_, Type::Plain('b') | Type::Dyn)) => None,
            Ok((_, found)) => {
                Some(format!("must evaluate to bool or the unknown type, not {}", found.declared()))
            }
            Err(why) => Some(why),
        };
        if let Some(why) = why {
            errors.invalid_as(&expression, &quoted(expression.text()), &why);
        }
    }
}

/// References to requests by name, or to one of the alternatives of one: `gpu/small`.
fn validate_references(names: &At, requests: &At, errors: &mut Errors) {
    const WHY: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    if !at_most(names, LIST_MAX, errors) {
        return;
    }
    let among = |list: &At, name: &str| list.items().any(|request| request.get("name").text() == name);
    for name in names.items() {
        let parts: Vec<&str> = name.text().split('/').collect();
        for part in parts.iter().filter(|_| parts.len() <= 2) {
            errors.text_as(&name, part, text::dns_label);
        }
        let known = match parts.as_slice() {
            [request] => among(requests, request),
            [request, alternative] => requests
                .items()
                .any(|of| of.get("name").text() == *request && among(&of.get("firstAvailable"), alternative)),
            _ => false,
        };
        if !known {
            errors.invalid(&name, WHY);
        }
    }
    unique(names, "", errors);
}

fn validate_configuration(config: &At, errors: &mut Errors) {
    let opaque = config.get("opaque");
    if !opaque.is_set() {
        return errors.required(&opaque, "");
    }
    validate_csi_driver(&opaque.get("driver"), errors);
    let parameters = opaque.get("parameters");
    if !parameters.is_set() {
        errors.required(&parameters, "");
    } else if !parameters.value().is_object() {
        errors.invalid_as(
            &parameters,
            "\"<value omitted>\"",
            "error parsing data as JSON: must be an object",
        );
    }
}

/// `ValidateDeviceClass`.
pub fn device_class(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    validate_selectors(&spec.get("selectors"), errors);
    if at_most(&spec.get("config"), LIST_MAX, errors) {
        spec.get("config").items().for_each(|config| validate_configuration(&config, errors));
    }
    let name = spec.get("extendedResourceName");
    if name.is_set() && !is_extended(name.text()) {
        errors.invalid(&name, "must be a valid extended resource name");
    }
}

/// `ValidateResourceSlice`.
pub fn resource_slice(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    validate_csi_driver(&spec.get("driver"), errors);
    validate_pool(&spec.get("pool"), errors);
    validate_place(&spec, errors);
    let devices = spec.get("devices");
    if spec.get("sharedCounters").is_set() && devices.is_set() {
        errors.invalid_as(&spec, "\"\"", "only one of `sharedCounters` or `devices` is allowed");
    }
    let advanced =
        |device: At| !device.get("taints").is_empty() || !device.get("consumesCounters").is_empty();
    let max = if devices.items().any(advanced) { ADVANCED_DEVICES_MAX } else { DEVICES_MAX };
    if at_most(&devices, max, errors) {
        let chosen = spec.get("perDeviceNodeSelection").is_true();
        devices.items().for_each(|device| validate_device(&device, chosen, errors));
        unique(&devices, "name", errors);
    }
    for set in spec.get("sharedCounters").items() {
        if !errors.require(&set.get("name")) {
            errors.text(&set.get("name"), text::dns_label);
        }
        errors.require(&set.get("counters"));
    }
}

/// Driver, pool and node of a slice stay.
pub fn resource_slice_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, old) = (object.get("spec"), old.get("spec"));
    errors.immutable(&spec.get("pool").get("name"), &old.get("pool").get("name"));
    errors.immutable(&spec.get("driver"), &old.get("driver"));
    errors.immutable(&spec.get("nodeName"), &old.get("nodeName"));
}

fn validate_pool(pool: &At, errors: &mut Errors) {
    const NAME_MAX: usize = 253;
    let name = pool.get("name");
    if !errors.require(&name) {
        if name.text().len() > NAME_MAX {
            errors.too_long(&name, NAME_MAX);
        }
        for part in name.text().split('/') {
            errors.text_as(&name, part, text::dns_subdomain);
        }
    }
    let (count, generation) = (pool.get("resourceSliceCount"), pool.get("generation"));
    if count.int() <= 0 {
        errors.invalid_int(&count, "must be greater than zero");
    }
    if generation.int() < 0 {
        errors.invalid(&generation, "must be greater than or equal to zero");
    }
}

/// A slice is of one node, of some, of all, or leaves that to its devices.
fn validate_place(spec: &At, errors: &mut Errors) {
    const ONE: &str =
        "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    let mut set: Vec<&str> = Vec::new();
    let (name, selector) = (spec.get("nodeName"), spec.get("nodeSelector"));
    if name.is_set() {
        if name.is_empty() {
            errors.invalid(&name, "must be either unset or set to a non-empty string");
        } else {
            set.push("`nodeName`");
            errors.text(&name, text::dns_subdomain);
        }
    }
    if selector.is_set() {
        set.push("`nodeSelector`");
        scheduling::validate_node_selector(&selector, errors);
        let terms = selector.get("nodeSelectorTerms");
        if terms.len() != 1 {
            errors.invalid(&terms, "must have exactly one node selector term");
        }
    }
    for (field, shown) in [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")]
    {
        let flag = spec.get(field);
        if flag.is_true() {
            set.push(shown);
        } else if flag.is_set() {
            errors.invalid(&flag, "must be either unset or set to true");
        }
    }
    match set.len() {
        0 => errors.required(spec, ONE),
        1 => {}
        _ => {
            let shown = quoted(&format!("{{{}}}", set.join(", ")));
            errors.invalid_as(spec, &shown, &format!("{ONE}, but multiple fields are set"));
        }
    }
}

fn validate_device(device: &At, chosen: bool, errors: &mut Errors) {
    errors.text(&device.get("name"), text::dns_label);
    let (attributes, capacity) = (device.get("attributes"), device.get("capacity"));
    let properties = attributes.len() + capacity.len();
    if properties > PROPERTIES_MAX {
        let why = format!("the total number of attributes and capacities must not exceed {PROPERTIES_MAX}");
        errors.invalid_as(device, &properties.to_string(), &why);
    }
    for name in attributes.keys() {
        validate_name(&attributes, name, errors);
        validate_attribute(&attributes.key(name), errors);
    }
    for name in capacity.keys() {
        validate_name(&capacity, name, errors);
    }
    for taint in device.get("taints").items() {
        errors.text(&taint.get("key"), text::qualified_name);
        errors.text(&taint.get("value"), text::label_value);
        errors.required_one_of(&taint.get("effect"), &["NoExecute", "NoSchedule", "None"]);
    }
    let places = ["nodeName", "nodeSelector", "allNodes"];
    let count = places.iter().filter(|place| device.get(place).is_set()).count();
    if chosen && count != 1 {
        let why = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true \
                   in the ResourceSlice spec";
        errors.required(device, why);
    } else if !chosen && count > 0 {
        let why = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the \
                   ResourceSlice spec";
        errors.invalid_as(device, "null", why);
    }
}

fn validate_attribute(attribute: &At, errors: &mut Errors) {
    if attribute.len() != 1 {
        let shown = if attribute.is_empty() { "\"\"".to_string() } else { attribute.shown() };
        errors.invalid_as(attribute, &shown, "exactly one value must be specified");
    }
    for field in ["string", "version"] {
        if attribute.get(field).text().len() > VALUE_MAX {
            errors.too_long(&attribute.get(field), VALUE_MAX);
        }
    }
    let version = attribute.get("version");
    if version.is_set() && !is_semantic_version(version.text()) {
        errors.invalid(&version, "must be a string compatible with semver.org spec 2.0.0");
    }
}

/// `1.2.3-rc.1+build`: three numbers without leading zeros, then identifiers between dots.
fn is_semantic_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (numbers, before) = text.split_once('-').map_or((text, None), |(text, before)| (text, Some(before)));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = |part: &str| part == "0" || !part.starts_with('0');
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(|part| is_number(part) && is_plain(part))
        && before.is_none_or(|before| {
            before.split('.').all(|part| is_word(part) && (!is_number(part) || is_plain(part)))
        })
        && build.is_none_or(|build| build.split('.').all(is_word))
}

/// The name of an attribute or a capacity: an identifier, of the driver's domain or of another.
fn validate_name(at: &At, name: &str, errors: &mut Errors) {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [id] => validate_identifier(at, id, errors),
        [domain, id] => {
            if domain.is_empty() {
                errors.invalid_as(at, "\"\"", "the domain must not be empty");
            } else {
                errors.text_as(at, domain, text::dns_subdomain);
            }
            if id.is_empty() {
                errors.invalid_as(at, "\"\"", "the name must not be empty");
            } else {
                validate_identifier(at, id, errors);
            }
        }
        _ => errors.invalid_as(at, &quoted(name), "must not contain more than one slash"),
    }
}

fn validate_full_name(at: &At, errors: &mut Errors) {
    validate_name(at, at.text(), errors);
    if !at.text().contains('/') {
        errors.invalid(at, "a fully qualified name must be a domain and a name separated by a slash");
    }
}

fn validate_identifier(at: &At, id: &str, errors: &mut Errors) {
    if id.len() > ID_MAX {
        errors.too_long(at, ID_MAX);
    }
    let fits = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits || id.is_empty() || id.starts_with(|letter: char| letter.is_ascii_digit()) {
        let why = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or \
                   '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
        errors.invalid_as(at, &quoted(id), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;
    use serde_json::json;

    #[test]
    fn a_claim_asks_for_devices_of_a_class() {
        let request = json!({"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com", "allocationMode": "ExactCount", "count": 1}});
        check(claim, &json!({"spec": {"devices": {"requests": [request]}}}), &[]);
        check(
            claim,
            &json!({"spec": {"devices": {
                "requests": [request, request, {"name": "b", "exactly": {"allocationMode": "Some"}}, {"name": "c"}],
                "config": [{"requests": ["d"], "opaque": {"driver": "x.com", "parameters": {}}}],
            }}}),
            &[
                "spec.devices.requests[2].exactly.deviceClassName: Required value",
                "spec.devices.requests[2].exactly.allocationMode: Unsupported value: \"Some\": supported values: \"All\", \"ExactCount\"",
                "spec.devices.requests[3]: Required value: exactly one of `exactly` or `firstAvailable` is required",
                "spec.devices.requests[1]: Duplicate value: \"gpu\"",
                "spec.devices.config[0].requests[0]: Invalid value: \"d\": must be the name of a request in the claim or the name of a \
                 request and a subrequest separated by '/'",
            ],
        );
    }

    #[test]
    fn a_slice_is_of_one_place_and_its_devices_have_names() {
        let device = json!({"name": "gpu-0", "attributes": {"model": {"string": "x"}, "v.example.com/driver": {"version": "1.0.0-rc.1"}}});
        let pool = json!({"name": "node-1", "resourceSliceCount": 1});
        check(
            resource_slice,
            &json!({"spec": {"driver": "gpu.example.com", "pool": pool, "nodeName": "node-1", "devices": [device]}}),
            &[],
        );
        check(
            resource_slice,
            &json!({"spec": {"driver": "gpu.example.com", "pool": pool, "devices": [{"name": "GPU", "attributes": {"a": {"version": "01.0.0"}}}]}}),
            &[
                "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
                "spec.devices[0].name: Invalid value: \"GPU\": a lowercase RFC 1123 label must consist of lower case alphanumeric \
                 characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used \
                 for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
                "spec.devices[0].attributes[a].version: Invalid value: \"01.0.0\": must be a string compatible with semver.org spec 2.0.0",
            ],
        );
    }
}
