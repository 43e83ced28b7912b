//! ReplicaSets on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::deployment::immutable_selector;
use super::pod_template::{default_pod_spec, validate_selector_and_template};
use crate::api::ReplicaSet;
use crate::api::field_error::{FieldError, Path};
use crate::apiserver::validation::non_negative;

/// Models `pkg/registry/apps/replicaset/strategy.go`.
pub struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    type Object = ReplicaSet;

    fn default(set: &mut ReplicaSet) {
        let spec = Arc::make_mut(&mut set.spec);
        spec.replicas.get_or_insert(1);
        if let Some(template) = &mut spec.template {
            template.spec.iter_mut().for_each(default_pod_spec);
        }
        let template_labels = || spec.template.as_ref()?.metadata.as_ref()?.labels.clone();
        if let (None, Some(labels)) = (&set.meta.labels, template_labels()) {
            Arc::make_mut(&mut set.meta).labels = Some(labels);
        }
    }

    fn validate(set: &ReplicaSet) -> Vec<FieldError> {
        let (path, spec) = (Path::new("spec"), &set.spec);
        let mut errors = non_negative(&path.child("replicas"), spec.replicas);
        errors.extend(non_negative(&path.child("minReadySeconds"), spec.min_ready_seconds));
        errors.extend(validate_selector_and_template(&spec.selector, spec.template.as_ref(), &path));
        errors
    }

    fn validate_update(set: &ReplicaSet, old: &ReplicaSet) -> Vec<FieldError> {
        immutable_selector(&set.spec.selector, &old.spec.selector)
    }
}
