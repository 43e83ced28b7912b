//! Deployments on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::default_template;
use crate::api::Deployment;
use crate::api::k8s::{IntOrString, RollingUpdateDeployment};

/// Models `pkg/registry/apps/deployment/strategy.go` and `pkg/apis/apps/v1/defaults.go`.
pub struct DeploymentStrategy;

impl Strategy for DeploymentStrategy {
    type Object = Deployment;
    const COUNTS_ANNOTATIONS: bool = true;

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
        default_template(&mut spec.template);
    }
}
