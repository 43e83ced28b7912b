//! Kinds that bound what others do, on their way into the store: disruption budgets and quotas.

use std::sync::Arc;

use super::Strategy;
use crate::api::k8s::PodDisruptionBudgetStatus;
use crate::api::{PodDisruptionBudget, ResourceQuota};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/policy/poddisruptionbudget/strategy.go`.
pub struct PodDisruptionBudgetStrategy;

impl Strategy for PodDisruptionBudgetStrategy {
    type Object = PodDisruptionBudget;

    fn prepare_for_create(budget: &mut PodDisruptionBudget, _: &View, _: &mut Rng) {
        budget.status = Arc::new(PodDisruptionBudgetStatus {
            current_healthy: Some(0),
            desired_healthy: Some(0),
            disruptions_allowed: Some(0),
            expected_pods: Some(0),
            ..Default::default()
        });
    }
}

/// Models `pkg/registry/core/resourcequota/strategy.go`.
pub struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    type Object = ResourceQuota;
    const COUNTS_GENERATIONS: bool = false;
}
