//! Kinds that bound what others do, on their way into the store: disruption budgets and quotas.

use super::Strategy;
use crate::api::{PodDisruptionBudget, ResourceQuota};

/// Models `pkg/registry/policy/poddisruptionbudget/strategy.go`.
pub struct PodDisruptionBudgetStrategy;

impl Strategy for PodDisruptionBudgetStrategy {
    type Object = PodDisruptionBudget;
}

/// Models `pkg/registry/core/resourcequota/strategy.go`.
pub struct ResourceQuotaStrategy;

impl Strategy for ResourceQuotaStrategy {
    type Object = ResourceQuota;
    const COUNTS_GENERATIONS: bool = false;
}
