//! The rules of what steers a pod to a node: affinity, node selectors, tolerations, topology spread.

use serde_json::Value;

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::text;
use super::text_shown;
use crate::api::field_error::quoted;
use crate::api::manifest::json_error;
use crate::api::schema::json_kind;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `affinity` (`validateAffinity`).
pub fn validate_affinity(affinity: &At, errors: &mut Errors) {
    let nodes = affinity.get("nodeAffinity");
    if nodes.get(REQUIRED).is_set() {
        validate_node_selector(&nodes.get(REQUIRED), errors);
    }
    for term in nodes.get(PREFERRED).items() {
        validate_weight(&term, errors);
        validate_node_selector_term(&term.get("preference"), false, errors);
    }
    for name in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.get(name);
        for term in pods.get(REQUIRED).items() {
            validate_pod_affinity_term(&term, errors);
        }
        for term in pods.get(PREFERRED).items() {
            validate_weight(&term, errors);
            validate_pod_affinity_term(&term.get("podAffinityTerm"), errors);
        }
    }
}

fn validate_weight(term: &At, errors: &mut Errors) {
    if !(1..=100).contains(&term.get("weight").int()) {
        errors.invalid_int(&term.get("weight"), "must be in the range 1-100");
    }
}

/// A choice of nodes (`ValidateNodeSelector`).
pub fn validate_node_selector(selector: &At, errors: &mut Errors) {
    let terms = selector.get("nodeSelectorTerms");
    if terms.is_empty() {
        errors.required(&terms, "must have at least one node selector term");
    }
    for term in terms.items() {
        validate_node_selector_term(&term, true, errors);
    }
}

/// Of a preference the values may be anything, as those of labels were before they were looked at.
fn validate_node_selector_term(term: &At, checks_values: bool, errors: &mut Errors) {
    for requirement in term.get("matchExpressions").items() {
        validate_node_requirement(&requirement, checks_values, errors);
    }
    for requirement in term.get("matchFields").items() {
        validate_node_field(&requirement, errors);
    }
}

fn validate_node_requirement(requirement: &At, checks_values: bool, errors: &mut Errors) {
    let (operator, values) = (requirement.get("operator"), requirement.get("values"));
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => {
            errors.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            errors.forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "Gt" | "Lt" if values.len() != 1 => {
            errors.required(&values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => errors.invalid_as(&operator, &text_shown(&operator), "not a valid selector operator"),
    }
    errors.text(&requirement.get("key"), text::qualified_name);
    for value in values.items().filter(|_| checks_values) {
        errors.text(&value, text::label_value);
    }
}

fn validate_node_field(requirement: &At, errors: &mut Errors) {
    let (key, operator) = (requirement.get("key"), requirement.get("operator"));
    let values = requirement.get("values");
    match operator.text() {
        "In" | "NotIn" if values.len() != 1 => {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.required(&values, why);
        }
        "In" | "NotIn" => {}
        _ => errors.invalid_as(&operator, &text_shown(&operator), "not a valid selector operator"),
    }
    if key.text() == "metadata.name" {
        for value in values.items() {
            errors.text(&value, text::dns_subdomain);
        }
    } else {
        errors.invalid_as(&key, &text_shown(&key), "not a valid field selector key");
    }
}

fn validate_pod_affinity_term(term: &At, errors: &mut Errors) {
    validate_selector(&term.get("labelSelector"), errors);
    validate_selector(&term.get("namespaceSelector"), errors);
    for namespace in term.get("namespaces").texts() {
        errors.text_as(&term.named("namespace"), namespace, text::dns_label);
    }
    validate_label_keys(term, errors);
    let topology = term.get("topologyKey");
    if topology.is_empty() {
        errors.required(&topology, "can not be empty");
    }
    errors.text_as(&topology, topology.text(), text::qualified_name);
}

/// Keys whose values come from the pod itself: they want a selector to be added to, and only ones that it lacks.
fn validate_label_keys(term: &At, errors: &mut Errors) {
    let selector = term.get("labelSelector");
    for name in ["matchLabelKeys", "mismatchLabelKeys"] {
        let keys = term.get(name);
        if !keys.is_empty() && !selector.is_set() {
            errors.forbidden(&keys, "must not be specified when labelSelector is not set");
            continue;
        }
        for key in keys.items() {
            errors.text(&key, text::qualified_name);
        }
    }
    let keys = term.get("matchLabelKeys");
    for (index, key) in keys.texts().enumerate() {
        if listed_twice(&selector, key) {
            errors.invalid_as(
                &term.index(index),
                &quoted(key),
                "exists in both matchLabelKeys and labelSelector",
            );
        }
    }
    let other: Vec<&str> = term.get("mismatchLabelKeys").texts().collect();
    for key in keys.items().filter(|key| other.contains(&key.text())) {
        errors.invalid(&key, "exists in both matchLabelKeys and mismatchLabelKeys");
    }
}

/// Whether a selector asks for a key twice: once as the server added it for `matchLabelKeys`, and once before.
fn listed_twice(selector: &At, key: &str) -> bool {
    let by_label = selector.get("matchLabels").keys().filter(|label| *label == key).count();
    let expressions = selector.get("matchExpressions");
    by_label + expressions.items().filter(|e| e.get("key").text() == key).count() > 1
}

/// Tolerations as they were written before there was a field for them (`ValidateTolerationsInPodAnnotations`).
pub fn validate_noted_tolerations(annotations: &At, errors: &mut Errors) {
    const NOTE: &str = "scheduler.alpha.kubernetes.io/tolerations";
    let note = annotations.key(NOTE).text();
    if note.is_empty() {
        return;
    }
    let why = match serde_json::from_str::<Value>(note) {
        Ok(noted) if noted.is_array() || noted.is_null() => {
            return validate_tolerations(&annotations.named(NOTE).with(&noted), errors);
        }
        Ok(other) => {
            format!("json: cannot unmarshal {} into Go value of type []core.Toleration", json_kind(&other))
        }
        Err(error) => json_error(&error, note).1,
    };
    errors.invalid_as(annotations, &quoted(NOTE), &why);
}

/// `tolerations` (`ValidateTolerations`).
pub fn validate_tolerations(tolerations: &At, errors: &mut Errors) {
    for toleration in tolerations.items() {
        let (key, operator) = (toleration.get("key"), toleration.get("operator"));
        let (value, effect) = (toleration.get("value"), toleration.get("effect"));
        if !key.is_empty() {
            errors.text(&key, text::qualified_name);
        } else if operator.text() != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.invalid_as(&operator, &text_shown(&operator), why);
        }
        if toleration.get("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.invalid_as(&effect, &text_shown(&effect), why);
        }
        match operator.text() {
            "Equal" | "" => {
                let why = text::label_value(value.text()).join(";");
                if !why.is_empty() {
                    errors.invalid_as(&operator, &value.shown(), &why);
                }
            }
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.invalid_as(&operator, &value.shown(), why);
            }
            "Exists" => {}
            _ => errors.unsupported(&operator, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            errors.one_of(&effect, &EFFECTS);
        }
    }
}

/// `taints` of a node (`validateNodeTaints`).
pub fn validate_taints(taints: &At, errors: &mut Errors) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for taint in taints.items() {
        let (key, effect) = (taint.get("key"), taint.get("effect"));
        errors.text_as(&key, key.text(), text::qualified_name);
        let why = text::label_value(taint.get("value").text()).join(";");
        if !why.is_empty() {
            errors.invalid(&taint.get("value"), &why);
        }
        errors.required_one_of(&effect, &EFFECTS);
        if seen.contains(&(key.text(), effect.text())) {
            let shown = super::internal::dump("Taint", taint.value());
            errors.duplicate_as(&taint, &format!("{shown}: taints must be unique by key and effect pair"));
        }
        seen.push((key.text(), effect.text()));
    }
}

/// `topologySpreadConstraints` (`validateTopologySpreadConstraints`).
pub fn validate_topology_spread(constraints: &At, errors: &mut Errors) {
    for (index, constraint) in constraints.items().enumerate() {
        let (skew, key) = (constraint.get("maxSkew"), constraint.get("topologyKey"));
        let when = constraint.get("whenUnsatisfiable");
        if skew.int() <= 0 {
            errors.invalid_int(&skew, "must be greater than zero");
        }
        if key.is_empty() {
            errors.required(&key, "can not be empty");
        }
        errors.one_of(&when, &["DoNotSchedule", "ScheduleAnyway"]);
        let same = |other: &At| {
            other.get("topologyKey").text() == key.text()
                && other.get("whenUnsatisfiable").text() == when.text()
        };
        if constraints.items().skip(index + 1).any(|other| same(&other)) {
            let pair = format!("{{{}, {}}}", key.text(), when.text());
            errors.duplicate_as(&constraint.named("{topologyKey, whenUnsatisfiable}"), &quoted(&pair));
        }
        let domains = constraint.get("minDomains");
        if domains.is_set() && domains.int() <= 0 {
            errors.invalid(&domains, "must be greater than zero");
        }
        if domains.is_set() && when.text() != "DoNotSchedule" {
            let why =
                format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", when.text());
            errors.invalid(&domains, &why);
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if constraint.get(policy).is_set() {
                errors.one_of(&constraint.get(policy), &["Honor", "Ignore"]);
            }
        }
        validate_spread_label_keys(&constraint, errors);
        validate_selector(&constraint.get("labelSelector"), errors);
    }
}

fn validate_spread_label_keys(constraint: &At, errors: &mut Errors) {
    let (keys, selector) = (constraint.get("matchLabelKeys"), constraint.get("labelSelector"));
    if !keys.is_empty() && !selector.is_set() {
        errors.forbidden(&keys, "must not be specified when labelSelector is not set");
    }
    for key in keys.items() {
        errors.text(&key, text::qualified_name);
        if listed_twice(&selector, key.text()) {
            errors.invalid(&key, "exists in both matchLabelKeys and labelSelector");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::at::check;
    use super::*;

    #[test]
    fn tolerations_in_an_annotation_are_checked_as_those_in_the_field() {
        let noted = |note: &str| json!({"scheduler.alpha.kubernetes.io/tolerations": note});
        let malformed =
            |why: &str| format!("<nil>: Invalid value: \"scheduler.alpha.kubernetes.io/tolerations\": {why}");
        let cases = [
            (r#"[{"key": "CriticalAddonsOnly", "operator": "Exists"}]"#, Vec::new()),
            ("", Vec::new()),
            ("nothing", vec![malformed("invalid character 'o' in literal null (expecting 'u')")]),
            (
                r#"{"key": "a"}"#,
                vec![malformed("json: cannot unmarshal object into Go value of type []core.Toleration")],
            ),
            (
                r#"[{"operator": "Equal", "effect": "NoSchedule"}]"#,
                vec![
                    "scheduler.alpha.kubernetes.io/tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists \
                     when `key` is empty, which means \"match all values and all keys\""
                        .to_string(),
                ],
            ),
        ];
        for (note, want) in cases {
            let want: Vec<&str> = want.iter().map(String::as_str).collect();
            check(validate_noted_tolerations, &noted(note), &want);
        }
    }
}
