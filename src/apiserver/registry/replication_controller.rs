//! ReplicationControllers on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::default_template;
use crate::api::ReplicationController;

/// Models `pkg/registry/core/replicationcontroller/strategy.go` and `SetDefaults_ReplicationController`.
pub struct ReplicationControllerStrategy;

impl Strategy for ReplicationControllerStrategy {
    type Object = ReplicationController;

    fn default(controller: &mut ReplicationController) {
        let spec = Arc::make_mut(&mut controller.spec);
        spec.replicas.get_or_insert(1);
        let Some(template) = &mut spec.template else { return };
        default_template(template);
        let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone());
        if spec.selector.as_ref().is_none_or(|selector| selector.is_empty()) {
            spec.selector.clone_from(&labels);
        }
        if controller.meta.labels.as_ref().is_none_or(|own| own.is_empty()) && labels.is_some() {
            Arc::make_mut(&mut controller.meta).labels = labels;
        }
    }
}
