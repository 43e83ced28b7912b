//! HorizontalPodAutoscalers on their way into the store.

use std::sync::Arc;

use super::Strategy;
use crate::api::HorizontalPodAutoscaler;
use crate::api::k8s::{HPAScalingPolicy, HPAScalingRules, MetricSpec, MetricTarget, ResourceMetricSource};

/// Models `pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go` and `pkg/apis/autoscaling/v2/defaults.go`.
pub struct HorizontalPodAutoscalerStrategy;

/// The share of its CPU request that a pod should use where a manifest names no metric.
const DEFAULT_CPU_UTILIZATION: i32 = 80;

impl Strategy for HorizontalPodAutoscalerStrategy {
    type Object = HorizontalPodAutoscaler;
    const COUNTS_GENERATIONS: bool = false;

    fn default(autoscaler: &mut HorizontalPodAutoscaler) {
        let spec = Arc::make_mut(&mut autoscaler.spec);
        spec.min_replicas.get_or_insert(1);
        let metrics = spec.metrics.get_or_insert_default();
        if metrics.is_empty() {
            metrics.push(cpu_utilization());
        }
        if let Some(behavior) = &mut spec.behavior {
            let up = [policy("Pods", 4), policy("Percent", 100)];
            default_rules(behavior.scale_up.get_or_insert_default(), Some(0), &up);
            default_rules(behavior.scale_down.get_or_insert_default(), None, &[policy("Percent", 100)]);
        }
    }
}

fn cpu_utilization() -> MetricSpec {
    let target = MetricTarget {
        type_: "Utilization".into(),
        average_utilization: Some(DEFAULT_CPU_UTILIZATION),
        ..Default::default()
    };
    MetricSpec {
        type_: "Resource".into(),
        resource: Some(ResourceMetricSource { name: "cpu".into(), target }),
        ..Default::default()
    }
}

fn policy(type_: &str, value: i32) -> HPAScalingPolicy {
    HPAScalingPolicy { type_: type_.into(), value, period_seconds: 15 }
}

/// Scaling down keeps no window here: the controller's own applies where none is given.
fn default_rules(rules: &mut HPAScalingRules, window: Option<i32>, policies: &[HPAScalingPolicy]) {
    rules.select_policy.get_or_insert_with(|| "Max".into());
    rules.stabilization_window_seconds = rules.stabilization_window_seconds.or(window);
    if rules.policies.is_none() {
        rules.policies = Some(policies.to_vec());
    }
}
