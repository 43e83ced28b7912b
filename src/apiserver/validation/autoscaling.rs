//! The rules of HorizontalPodAutoscalers and PodDisruptionBudgets.

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::resources::{amount, validate_nonnegative};
use super::workload::{validate_at_most_all, validate_int_or_percent};
use super::{internal, text};

/// The types of metrics, and the fields that describe them.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];
const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];
const WINDOW_SECONDS_MAX: i64 = 3_600;
const PERIOD_SECONDS_MAX: i64 = 1_800;

/// `ValidateHorizontalPodAutoscaler`. Scaling to zero is a gate, which is off.
pub fn horizontal_pod_autoscaler(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (min, max) = (spec.get("minReplicas"), spec.get("maxReplicas"));
    if min.is_set() && min.int() < 1 {
        errors.invalid(&min, "must be greater than or equal to 1");
    }
    if max.int() < 1 {
        errors.invalid_int(&max, "must be greater than 0");
    }
    if min.is_set() && max.int() < min.int() {
        errors.invalid_int(&max, "must be greater than or equal to `minReplicas`");
    }
    let target = spec.get("scaleTargetRef");
    // The one kind of the core group that can be scaled.
    validate_reference(&target, target.get("kind").text() == "ReplicationController", errors);
    validate_metrics(&spec, errors);
    for name in ["behavior.scaleUp", "behavior.scaleDown"] {
        let rules = spec.get(name);
        if rules.is_set() {
            validate_rules(&rules, errors);
        }
    }
}

/// `ValidateCrossVersionObjectReference`.
fn validate_reference(reference: &At, may_be_core: bool, errors: &mut Errors) {
    for field in ["kind", "name"] {
        if !errors.require(&reference.get(field)) {
            errors.text(&reference.get(field), text::path_segment);
        }
    }
    let version = reference.get("apiVersion");
    let slashes = version.text().matches('/').count();
    if slashes > 1 {
        let why = format!("unexpected GroupVersion string: {}", version.text());
        errors.invalid(&version, &why);
    } else if !may_be_core && (slashes == 0 || version.text().starts_with('/')) {
        errors.invalid_as(&version, &super::text_shown(&version), "apiVersion must specify API group");
    }
}

fn validate_metrics(spec: &At, errors: &mut Errors) {
    let metrics = spec.get("metrics");
    for metric in metrics.items() {
        validate_metric(&metric, errors);
    }
    let outside = |metric: &At| matches!(metric.get("type").text(), "Object" | "External");
    let zero = spec.get("minReplicas");
    if zero.is_set() && zero.int() == 0 && !metrics.items().any(|metric| outside(&metric)) {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.forbidden(&metrics, why);
    }
}

fn validate_metric(metric: &At, errors: &mut Errors) {
    let type_ = metric.get("type");
    if type_.is_empty() {
        errors.required(&type_, "must specify a metric source type");
    }
    errors.one_of(&type_, &TYPES);
    let present: Vec<&str> =
        SOURCES.iter().map(|(_, field)| *field).filter(|field| metric.get(field).is_set()).collect();
    if let Some(first) = present.first() {
        validate_source(&metric.get(first), first, errors);
    }
    let expected = SOURCES.iter().find(|(name, _)| *name == type_.text()).map(|(_, field)| *field);
    if let Some(expected) = expected.filter(|expected| !present.contains(expected)) {
        let why = "must populate information for the given metric source";
        errors.required(&metric.get(expected), why);
    }
    if present.len() != 1 {
        for field in present.iter().filter(|field| Some(**field) != expected) {
            errors.forbidden(&metric.get(field), "must populate the given metric source only");
        }
    }
}

fn validate_source(source: &At, field: &str, errors: &mut Errors) {
    let target = source.get("target");
    let (value, average, utilization) =
        (target.get("value"), target.get("averageValue"), target.get("averageUtilization"));
    if field == "object" {
        let described = source.get("describedObject");
        validate_reference(&described, true, errors);
    }
    match field {
        "resource" | "containerResource" => {
            if source.get("name").is_empty() {
                errors.required(&source.get("name"), "must specify a resource name");
            }
            let container = source.get("container");
            if field == "containerResource" {
                if container.is_empty() {
                    errors.required(&container, "must specify a container");
                } else {
                    errors.text(&container, text::dns_label);
                }
            }
        }
        _ => {
            let name = source.get("metric.name");
            if name.is_empty() {
                errors.required(&name, "must specify a metric name");
            } else {
                errors.text(&name, text::path_segment);
            }
        }
    }
    validate_target(&target, errors);
    match field {
        "resource" | "containerResource" => {
            if !average.is_set() && !utilization.is_set() {
                let why = "must set either a target raw value or a target utilization";
                errors.required(&utilization, why);
            }
            if average.is_set() && utilization.is_set() {
                let why = "may not set both a target raw value and a target utilization";
                errors.forbidden(&average, why);
            }
        }
        "pods" => {
            if amount(&average).sign() <= 0 {
                errors.required(&average, "must specify a positive target averageValue");
            }
        }
        "object" => {
            if !value.is_set() && !average.is_set() {
                errors.required(&average, "must set either a target value or averageValue");
            }
        }
        _ => {
            if !value.is_set() && !average.is_set() {
                let why = "must set either a target value for metric or a per-pod target";
                errors.required(&average, why);
            }
            if value.is_set() && average.is_set() {
                let why = "may not set both a target value for metric and a per-pod target";
                errors.forbidden(&value, why);
            }
        }
    }
}

fn validate_target(target: &At, errors: &mut Errors) {
    let (type_, utilization) = (target.get("type"), target.get("averageUtilization"));
    if type_.is_empty() {
        errors.required(&type_, "must specify a metric target type");
    }
    if !matches!(type_.text(), "Utilization" | "Value" | "AverageValue") {
        errors.invalid_as(
            &type_,
            &super::text_shown(&type_),
            "must be either Utilization, Value, or AverageValue",
        );
    }
    for field in ["value", "averageValue"] {
        if target.get(field).is_set() && amount(&target.get(field)).sign() <= 0 {
            errors.invalid(&target.get(field), "must be positive");
        }
    }
    if utilization.is_set() && utilization.int() < 1 {
        errors.invalid(&utilization, "must be greater than 0");
    }
}

fn validate_rules(rules: &At, errors: &mut Errors) {
    let (window, select) = (rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy"));
    if window.int() < 0 {
        errors.invalid(&window, "must be greater than or equal to zero");
    }
    if window.int() > WINDOW_SECONDS_MAX {
        errors.invalid(&window, &format!("must be less than or equal to {WINDOW_SECONDS_MAX}"));
    }
    if select.is_set() {
        errors.one_of(&select, &["Disabled", "Max", "Min"]);
    }
    let policies = rules.get("policies");
    if policies.is_empty() {
        errors.required(&policies, "must specify at least one Policy");
    }
    for policy in policies.items() {
        errors.one_of(&policy.get("type"), &["Percent", "Pods"]);
        for field in ["value", "periodSeconds"] {
            if policy.get(field).int() <= 0 {
                errors.invalid_int(&policy.get(field), "must be greater than zero");
            }
        }
        if policy.get("periodSeconds").int() > PERIOD_SECONDS_MAX {
            let why = format!("must be less than or equal to {PERIOD_SECONDS_MAX}");
            errors.invalid(&policy.get("periodSeconds"), &why);
        }
    }
    let tolerance = rules.get("tolerance");
    if tolerance.is_set() {
        validate_nonnegative(&tolerance, errors);
    }
}

/// `ValidatePodDisruptionBudget`.
pub fn pod_disruption_budget(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (min, max) = (spec.get("minAvailable"), spec.get("maxUnavailable"));
    if min.is_set() && max.is_set() {
        let shown = internal::dump("PodDisruptionBudgetSpec", spec.value());
        errors.invalid_as(&spec, &shown, "minAvailable and maxUnavailable cannot be both set");
    }
    for at in [min, max] {
        if at.is_set() {
            validate_int_or_percent(&at, errors);
            validate_at_most_all(&at, errors);
        }
    }
    validate_selector(&spec.get("selector"), errors);
    let policy = spec.get("unhealthyPodEvictionPolicy");
    if policy.is_set() {
        errors.one_of(&policy, &["AlwaysAllow", "IfHealthyBudget"]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::validation::at::check;

    #[test]
    fn what_is_tolerated_is_not_negative() {
        let tolerates = |tolerance: &str| {
            let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"});
            let policies = json!([{"type": "Pods", "value": 1, "periodSeconds": 15}]);
            let behavior = json!({"scaleDown": {"policies": policies, "tolerance": tolerance}});
            json!({"spec": {"maxReplicas": 1, "scaleTargetRef": target, "behavior": behavior}})
        };
        check(horizontal_pod_autoscaler, &tolerates("0"), &[]);
        let why =
            "spec.behavior.scaleDown.tolerance: Invalid value: \"-50m\": must be greater than or equal to 0";
        check(horizontal_pod_autoscaler, &tolerates("-50m"), &[why]);
    }

    #[test]
    fn what_is_scaled_names_its_group_unless_it_is_of_the_core() {
        let scales = |kind: &str| {
            let target = json!({"apiVersion": "v1", "kind": kind, "name": "a"});
            json!({"spec": {"maxReplicas": 1, "scaleTargetRef": target}})
        };
        check(horizontal_pod_autoscaler, &scales("ReplicationController"), &[]);
        let why = "spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group";
        check(horizontal_pod_autoscaler, &scales("Deployment"), &[why]);
    }
}
