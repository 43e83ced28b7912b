//! DaemonSets on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::default_template;
use crate::api::k8s::IntOrString;
use crate::api::{DaemonSet, MetaExt};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/apps/daemonset/strategy.go` and `pkg/apis/apps/v1/defaults.go`.
pub struct DaemonSetStrategy;

/// Counts the templates that a DaemonSet has had (`DeprecatedTemplateGeneration`): what was a field before `apps/v1`.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

impl Strategy for DaemonSetStrategy {
    type Object = DaemonSet;

    fn default(set: &mut DaemonSet) {
        let spec = Arc::make_mut(&mut set.spec);
        spec.revision_history_limit.get_or_insert(10);
        let strategy = spec.update_strategy.get_or_insert_default();
        if strategy.type_.get_or_insert_with(|| "RollingUpdate".into()) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
            rolling.max_surge.get_or_insert(IntOrString::Int(0));
        }
        default_template(&mut spec.template);
    }

    fn prepare_for_create(set: &mut DaemonSet, _: &View, _: &mut Rng) {
        set_template_generation(set, 1);
    }

    fn prepare_for_update(set: &mut DaemonSet, old: &DaemonSet) {
        let generation = old.annotation(TEMPLATE_GENERATION).and_then(|n| n.parse::<i64>().ok()).unwrap_or(0);
        let changed = set.spec.template != old.spec.template;
        set_template_generation(set, generation + i64::from(changed));
    }
}

fn set_template_generation(set: &mut DaemonSet, generation: i64) {
    let annotations = Arc::make_mut(&mut set.meta).annotations.get_or_insert_default();
    annotations.insert(TEMPLATE_GENERATION.into(), generation.to_string());
}
