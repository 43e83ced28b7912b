//! Deployments on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::{default_pod_spec, validate_selector_and_template};
use crate::api::Deployment;
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::k8s::{IntOrString, LabelSelector, RollingUpdateDeployment};
use crate::api::{int_or_string, typed};
use crate::apiserver::validation::non_negative;

/// Models `pkg/registry/apps/deployment/strategy.go` and `pkg/apis/apps/v1/defaults.go`.
pub struct DeploymentStrategy;

const STRATEGIES: [&str; 2] = ["Recreate", "RollingUpdate"];

impl Strategy for DeploymentStrategy {
    type Object = Deployment;

    fn default(deployment: &mut Deployment) {
        let spec = Arc::make_mut(&mut deployment.spec);
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        let strategy = spec.strategy.get_or_insert_default();
        if strategy.type_.get_or_insert_with(|| "RollingUpdate".into()) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_with(RollingUpdateDeployment::default);
            rolling.max_unavailable.get_or_insert_with(|| IntOrString::String("25%".into()));
            rolling.max_surge.get_or_insert_with(|| IntOrString::String("25%".into()));
        }
        spec.template.spec.iter_mut().for_each(default_pod_spec);
    }

    fn validate(deployment: &Deployment) -> Vec<FieldError> {
        let (path, spec) = (Path::new("spec"), &deployment.spec);
        let mut errors = non_negative(&path.child("replicas"), spec.replicas);
        errors.extend(validate_selector_and_template(&spec.selector, Some(&spec.template), &path));
        errors.extend(validate_strategy(deployment, &path.child("strategy")));
        errors.extend(non_negative(&path.child("minReadySeconds"), spec.min_ready_seconds));
        errors.extend(non_negative(&path.child("revisionHistoryLimit"), spec.revision_history_limit));
        if let Some(deadline) = spec.progress_deadline_seconds {
            let at = path.child("progressDeadlineSeconds");
            errors.extend(non_negative(&at, Some(deadline)));
            if deadline <= spec.min_ready_seconds.unwrap_or_default() {
                errors.push(FieldError::invalid(&at, deadline, "must be greater than minReadySeconds"));
            }
        }
        errors
    }

    fn validate_update(deployment: &Deployment, old: &Deployment) -> Vec<FieldError> {
        immutable_selector(&deployment.spec.selector, &old.spec.selector)
    }
}

/// A workload's selector may never change.
pub fn immutable_selector(new: &LabelSelector, old: &LabelSelector) -> Vec<FieldError> {
    if new == old {
        return Vec::new();
    }
    let shown = typed::write(new).to_string();
    vec![FieldError::invalid(&Path::new("spec").child("selector"), shown, "field is immutable")]
}

fn validate_strategy(deployment: &Deployment, path: &Path) -> Vec<FieldError> {
    let Some(strategy) = &deployment.spec.strategy else { return Vec::new() };
    let rolling_path = path.child("rollingUpdate");
    match (strategy.type_.as_deref().unwrap_or_default(), &strategy.rolling_update) {
        ("Recreate", Some(_)) => {
            vec![FieldError::forbidden(
                &rolling_path,
                "may not be specified when strategy `type` is 'Recreate'",
            )]
        }
        ("RollingUpdate", Some(rolling)) => {
            let (surge, unavailable) = (rolling.max_surge.as_ref(), rolling.max_unavailable.as_ref());
            let mut errors = bound(&rolling_path.child("maxUnavailable"), unavailable);
            errors.extend(bound(&rolling_path.child("maxSurge"), surge));
            if errors.is_empty() && is_zero(surge) && is_zero(unavailable) {
                let why = "may not be 0 when `maxSurge` is 0";
                errors.push(FieldError::invalid(
                    &rolling_path.child("maxUnavailable"),
                    shown(unavailable),
                    why,
                ));
            }
            errors.extend(not_above_all(&rolling_path.child("maxUnavailable"), unavailable));
            errors
        }
        ("Recreate" | "RollingUpdate", None) => Vec::new(),
        (other, _) => vec![FieldError::not_supported(&path.child("type"), other, &STRATEGIES)],
    }
}

fn shown(value: Option<&IntOrString>) -> String {
    match value {
        Some(IntOrString::Int(count)) => count.to_string(),
        Some(IntOrString::String(text)) => quoted(text),
        None => "0".into(),
    }
}

fn is_zero(value: Option<&IntOrString>) -> bool {
    value.is_none_or(|value| int_or_string::scaled(value, 100, int_or_string::Rounding::Up) == Some(0))
}

fn bound(path: &Path, value: Option<&IntOrString>) -> Vec<FieldError> {
    match value {
        Some(IntOrString::Int(count)) => non_negative(path, Some(*count)),
        Some(IntOrString::String(text))
            if text
                .strip_suffix('%')
                .is_none_or(|n| n.is_empty() || !n.bytes().all(|b| b.is_ascii_digit())) =>
        {
            let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                       regex used for validation is '[0-9]+%')";
            vec![FieldError::invalid(path, quoted(text), why)]
        }
        _ => Vec::new(),
    }
}

fn not_above_all(path: &Path, value: Option<&IntOrString>) -> Vec<FieldError> {
    match value {
        Some(IntOrString::String(text))
            if int_or_string::percent(text).is_some_and(|percent| percent > 100) =>
        {
            vec![FieldError::invalid(path, quoted(text), "must not be greater than 100%")]
        }
        _ => Vec::new(),
    }
}
