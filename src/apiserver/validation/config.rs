//! The rules of ConfigMaps, Secrets, quotas and limit ranges.

use serde_json::Value;

use super::at::{At, Errors};
use super::resources::{self, amount, validate_amount};
use super::{internal, text};
use crate::api::field_error::quoted;
use crate::api::manifest::{base64, json_error};
use crate::api::schema::json_kind;

/// A mebibyte: as much as a ConfigMap or a Secret may hold.
const BYTES_MAX: usize = 1024 * 1024;

/// `ValidateConfigMap`.
pub fn config_map(object: &At, errors: &mut Errors) {
    let (data, binary) = (object.get("data"), object.get("binaryData"));
    let mut bytes = 0;
    for key in data.keys() {
        let at = data.key(key);
        errors.text_as(&at, key, text::config_map_key);
        if binary.key(key).is_set() {
            errors.invalid_as(&at, &quoted(key), "duplicate of key present in binaryData");
        }
        bytes += at.text().len();
    }
    for key in binary.keys() {
        let at = binary.key(key);
        errors.text_as(&at, key, text::config_map_key);
        bytes += decoded_len(at.text());
    }
    if bytes > BYTES_MAX {
        errors.too_long(&object.named(""), BYTES_MAX);
    }
}

fn decoded_len(text: &str) -> usize {
    base64::decode(text).map_or(0, |bytes| bytes.len())
}

/// `ValidateConfigMapUpdate`.
pub fn config_map_update(object: &At, old: &At, errors: &mut Errors) {
    validate_immutable_flag(object, old, &["data", "binaryData"], errors);
}

fn validate_immutable_flag(object: &At, old: &At, fields: &[&str], errors: &mut Errors) {
    const WHY: &str = "field is immutable when `immutable` is set";
    if !old.get("immutable").is_true() {
        return;
    }
    if !object.get("immutable").is_true() {
        errors.forbidden(&object.get("immutable"), WHY);
    }
    for field in fields {
        if object.get(field).value() != old.get(field).value() {
            errors.forbidden(&object.get(field), WHY);
        }
    }
}

/// `ValidateSecret`.
pub fn secret(object: &At, errors: &mut Errors) {
    const ACCOUNT: &str = "kubernetes.io/service-account.name";
    let data = object.get("data");
    let mut bytes = 0;
    for key in data.keys() {
        let at = data.key(key);
        errors.text_as(&at, key, text::config_map_key);
        bytes += decoded_len(at.text());
    }
    if bytes > BYTES_MAX {
        errors.too_long(&data, BYTES_MAX);
    }
    let require = |keys: &[&str], errors: &mut Errors| {
        for key in keys.iter().filter(|key| !data.key(key).is_set()) {
            errors.required(&data.key(key), "");
        }
    };
    match object.get("type").text() {
        "kubernetes.io/service-account-token" => {
            let annotations = object.get("metadata.annotations");
            if annotations.key(ACCOUNT).is_empty() {
                errors.required(&annotations.key(ACCOUNT), "");
            }
        }
        "kubernetes.io/dockercfg" => validate_docker(&data, ".dockercfg", errors),
        "kubernetes.io/dockerconfigjson" => validate_docker(&data, ".dockerconfigjson", errors),
        "kubernetes.io/basic-auth" if !data.key("username").is_set() && !data.key("password").is_set() => {
            require(&["username", "password"], errors);
        }
        "kubernetes.io/ssh-auth" if data.key("ssh-privatekey").is_empty() => {
            errors.required(&data.key("ssh-privatekey"), "");
        }
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"], errors),
        _ => {}
    }
}

fn validate_docker(data: &At, key: &str, errors: &mut Errors) {
    let at = data.key(key);
    if !at.is_set() {
        errors.required(&at, "");
        return;
    }
    let bytes = base64::decode(at.text()).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let why = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(_) | Value::Null) => return,
        Ok(other) => {
            format!(
                "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                json_kind(&other)
            )
        }
        Err(error) => json_error(&error, &text).1,
    };
    errors.invalid_as(&at, "\"<secret contents redacted>\"", &why);
}

/// `ValidateSecretUpdate`.
pub fn secret_update(object: &At, old: &At, errors: &mut Errors) {
    errors.immutable(&object.get("type"), &old.get("type"));
    validate_immutable_flag(object, old, &["data"], errors);
}

/// The scopes of quotas, and what each can count.
const SCOPES: [(&str, &[&str]); 7] = [
    ("Terminating", OF_PODS),
    ("NotTerminating", OF_PODS),
    ("BestEffort", &["pods"]),
    ("NotBestEffort", OF_PODS),
    ("PriorityClass", OF_PODS),
    ("CrossNamespacePodAffinity", OF_PODS),
    ("VolumeAttributesClass", &["persistentvolumeclaims", "requests.storage"]),
];
const OF_PODS: &[&str] =
    &["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
/// Scopes that are of certain classes.
const OF_CLASSES: [&str; 2] = ["PriorityClass", "VolumeAttributesClass"];

/// `ValidateResourceQuotaStatusUpdate`.
pub fn resource_quota_status(object: &At, _: &At, errors: &mut Errors) {
    let status = object.get("status");
    for part in ["hard", "used"] {
        validate_amounts(&status.get(part), errors);
    }
}

fn validate_amounts(amounts: &At, errors: &mut Errors) {
    for name in amounts.keys() {
        let at = amounts.key(name);
        resources::validate_quota_name(&at, name, errors);
        validate_amount(&at, name, errors);
    }
}

/// `ValidateResourceQuota`.
pub fn resource_quota(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let hard = spec.get("hard");
    validate_amounts(&hard, errors);
    let scopes = spec.get("scopes");
    validate_scopes(&scopes, &hard, errors);
    let selector = spec.get("scopeSelector");
    let requirements = selector.get("matchExpressions");
    // Wherever in the list it is, what is wrong with a requirement is said of the list.
    for index in 0..requirements.len() {
        let requirement = requirements.with(&requirements.value()[index]);
        let scope = requirement.get("scopeName");
        if !SCOPES.iter().any(|(name, _)| *name == scope.text()) {
            errors.invalid(&scope, "unsupported scope");
        }
        if !applies(scope.text(), &hard) {
            let shown = internal::dump("ScopeSelector", selector.value());
            errors.invalid_as(&requirements, &shown, "unsupported scope applied to resource");
        }
        validate_operator(&requirement, errors);
    }
    // Of a pair in the selector `scopes` is shown.
    let named: Vec<&str> = requirements.items().map(|item| item.get("scopeName").text()).collect();
    validate_pairs(&requirements, &named, &scopes.shown(), errors);
}

fn validate_operator(requirement: &At, errors: &mut Errors) {
    let (operator, values) = (requirement.get("operator"), requirement.get("values"));
    let of_class = SCOPES.iter().any(|(name, _)| *name == requirement.get("scopeName").text());
    if of_class && !OF_CLASSES.contains(&requirement.get("scopeName").text()) && operator.text() != "Exists" {
        let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, \
                   ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
        errors.invalid(&operator, why);
    }
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => {
            let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            errors.required(&values, why);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            errors.invalid(&values, why);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => errors.invalid_as(&operator, &super::text_shown(&operator), "not a valid selector operator"),
    }
}

/// Whether every limited resource that quotas know is one that a scope can be asked of. An unknown scope can be asked of all.
fn applies(scope: &str, hard: &At) -> bool {
    let counted = SCOPES.iter().find(|(name, _)| *name == scope).map(|(_, counted)| counted);
    let fits = |name: &&str| counted.is_none_or(|counted| counted.contains(name));
    hard.keys().filter(|name| resources::is_of_quota(name)).all(|name| fits(&name))
}

fn validate_scopes(at: &At, hard: &At, errors: &mut Errors) {
    for scope in at.texts() {
        if !SCOPES.iter().any(|(name, _)| *name == scope) {
            errors.invalid(at, "unsupported scope");
        }
        if !applies(scope, hard) {
            errors.invalid(at, "unsupported scope applied to resource");
        }
    }
    validate_pairs(at, &at.texts().collect::<Vec<_>>(), &at.shown(), errors);
}

fn validate_pairs(at: &At, scopes: &[&str], shown: &str, errors: &mut Errors) {
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            errors.invalid_as(at, shown, "conflicting scopes");
        }
    }
}

/// `ValidateResourceQuotaUpdate`.
pub fn resource_quota_update(object: &At, old: &At, errors: &mut Errors) {
    let (scopes, old) = (object.get("spec.scopes"), old.get("spec.scopes"));
    let within = |part: &At, whole: &At| part.texts().all(|scope| whole.texts().any(|other| other == scope));
    if !within(&scopes, &old) || !within(&old, &scopes) {
        errors.invalid(&scopes, "field is immutable");
    }
}

/// `ValidateLimitRange`.
pub fn limit_range(object: &At, errors: &mut Errors) {
    let limits = object.get("spec.limits");
    let mut types: Vec<&str> = Vec::new();
    for limit in limits.items() {
        let type_ = limit.get("type");
        let before = errors.len();
        errors.text(&type_, text::qualified_name);
        let standard = matches!(type_.text(), "Pod" | "Container" | "PersistentVolumeClaim");
        if errors.len() == before && !type_.text().contains('/') && !standard {
            errors.invalid(&type_, "must be a standard limit type or fully qualified");
        }
        if types.contains(&type_.text()) {
            errors.duplicate(&type_);
        }
        types.push(type_.text());
        validate_limit(&limit, errors);
    }
}

fn validate_limit(limit: &At, errors: &mut Errors) {
    let type_ = limit.get("type").text();
    let mut names: Vec<&str> = Vec::new();
    for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let list = limit.get(field);
        if field.starts_with("default") && type_ == "Pod" {
            if !list.is_empty() {
                errors.forbidden(&list, "may not be specified when `type` is 'Pod'");
            }
            continue;
        }
        for name in list.keys() {
            let at = list.key(name);
            if matches!(type_, "Pod" | "Container") {
                resources::validate_container_name(&at, name, errors);
            } else {
                resources::validate_name(&at, name, errors);
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if field == "defaultRequest" && type_ == "PersistentVolumeClaim" {
            validate_claim_limit(limit, errors);
        }
    }
    for name in names {
        validate_limit_order(limit, name, errors);
    }
}

fn validate_claim_limit(limit: &At, errors: &mut Errors) {
    if !limit.get("min.storage").is_set() && !limit.get("max.storage").is_set() {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        errors.required(&limit.named("limits"), why);
    }
}

/// Which amounts may not be above which: the field below, the field above, where it is said, whose value is shown, and what the
/// two are called.
const ORDERS: [(&str, &str, &str, &str, &str, &str); 6] = [
    ("min", "max", "min", "min", "min", "max"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min", "default request"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request", "max"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request", "default limit"),
    ("min", "default", "default", "min", "min", "default"),
    ("default", "max", "default", "max", "default", "max"),
];

fn validate_limit_order(limit: &At, name: &str, errors: &mut Errors) {
    // What a limit of pods may not have is not compared.
    let counts = |field: &str| limit.get("type").text() != "Pod" || !field.starts_with("default");
    for (low, high, place, shown, low_name, high_name) in ORDERS {
        if !counts(low) || !counts(high) {
            continue;
        }
        let (low, high) = (limit.get(low), limit.get(high));
        let (low, high) = (low.key(name), high.key(name));
        if low.is_set() && high.is_set() && amount(&low) > amount(&high) {
            let why =
                format!("{low_name} value {} is greater than {high_name} value {}", low.text(), high.text());
            let (place, shown) = (limit.get(place), limit.get(shown));
            errors.invalid_as(&place.key(name), &shown.key(name).shown(), &why);
        }
    }
    validate_limit_ratio(limit, name, errors);
    let (default, request) = (limit.get("default"), limit.get("defaultRequest"));
    let (default, request) = (default.key(name), request.key(name));
    let differ = default.is_set() && request.is_set() && amount(&default) != amount(&request);
    if differ && counts("default") && !resources::overcommits(name) {
        let (most, least) = (default.text(), request.text());
        let why = format!("default value {most} must equal to defaultRequest value {least} in {name}");
        errors.invalid(&request, &why);
    }
}

fn validate_limit_ratio(limit: &At, name: &str, errors: &mut Errors) {
    let ratios = limit.get("maxLimitRequestRatio");
    let ratio = ratios.key(name);
    if !ratio.is_set() {
        return;
    }
    if amount(&ratio).milli() < 1_000 {
        errors.invalid(&ratio, &format!("ratio {} is less than 1", ratio.text()));
    }
    let (least, most) = (limit.get("min"), limit.get("max"));
    let (least, most) = (amount(&least.key(name)).milli(), amount(&most.key(name)).milli());
    if least > 0
        && most > 0
        && i128::from(amount(&ratio).milli()) * i128::from(least) > i128::from(most) * 1_000
    {
        // Six digits after the point, as %f writes it.
        let millionths = (i128::from(most) * 2_000_000 / i128::from(least) + 1) / 2;
        let why = format!(
            "ratio {} is greater than max/min = {}.{:06}",
            ratio.text(),
            millionths / 1_000_000,
            millionths % 1_000_000
        );
        errors.invalid(&ratio, &why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;
    use serde_json::json;

    #[test]
    fn scopes_of_a_quota_fit_each_other_and_what_is_limited() {
        check(
            resource_quota,
            &json!({"spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort", "NotBestEffort"]}}),
            &["spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes"],
        );
        let terms = json!([{"scopeName": "Odd", "operator": "Exists"}, {"scopeName": "BestEffort", "operator": "In", "values": ["a"]}]);
        check(
            resource_quota,
            &json!({"spec": {"hard": {"cpu": "1"}, "scopeSelector": {"matchExpressions": terms}}}),
            &[
                "spec.scopeSelector.matchExpressions.scopeName: Invalid value: \"Odd\": unsupported scope",
                "spec.scopeSelector.matchExpressions: Invalid value: {\"MatchExpressions\":[{\"ScopeName\":\"Odd\",\"Operator\":\
                 \"Exists\",\"Values\":null},{\"ScopeName\":\"BestEffort\",\"Operator\":\"In\",\"Values\":[\"a\"]}]}: unsupported \
                 scope applied to resource",
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is \
                 any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                 ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
            ],
        );
    }

    #[test]
    fn defaults_that_pods_may_not_have_are_compared_with_nothing() {
        check(
            limit_range,
            &json!({"spec": {"limits": [{"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "3"}, "default": {"cpu": "1"}}]}}),
            &["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
        );
    }

    #[test]
    fn what_quotas_do_not_know_fits_every_scope() {
        check(
            resource_quota,
            &json!({"spec": {"hard": {"odd": "1", "storage": "1"}, "scopes": ["BestEffort"]}}),
            &[
                "spec.hard[odd]: Invalid value: \"odd\": must be a standard resource type or fully qualified",
                "spec.hard[odd]: Invalid value: \"odd\": must be a standard resource for quota",
                "spec.hard[storage]: Invalid value: \"storage\": must be a standard resource for quota",
            ],
        );
    }

    #[test]
    fn the_ratio_of_a_limit_range_may_be_no_more_than_its_bounds_allow() {
        let range = |ratio: &str| json!({"spec": {"limits": [{"type": "Container", "min": {"cpu": "1"}, "max": {"cpu": "1500m"}, "maxLimitRequestRatio": {"cpu": ratio}}]}});
        check(limit_range, &range("1500m"), &[]);
        check(
            limit_range,
            &range("2"),
            &[
                "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"2\": ratio 2 is greater than max/min = 1.500000",
            ],
        );
    }
}
