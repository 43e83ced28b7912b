//! StatefulSets on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::persistent_volume_claim::default_claim;
use super::pod_template::default_template;
use crate::api::StatefulSet;
use crate::api::k8s::StatefulSetStatus;
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/apps/statefulset/strategy.go` and `pkg/apis/apps/v1/defaults.go`.
pub struct StatefulSetStrategy;

impl Strategy for StatefulSetStrategy {
    type Object = StatefulSet;

    fn default(set: &mut StatefulSet) {
        let spec = Arc::make_mut(&mut set.spec);
        spec.pod_management_policy.get_or_insert_with(|| "OrderedReady".into());
        let strategy = spec.update_strategy.get_or_insert_default();
        if strategy.type_.get_or_insert_with(|| "RollingUpdate".into()) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.partition.get_or_insert(0);
            // The gate `MaxUnavailableStatefulSet` is off.
            rolling.max_unavailable = None;
        }
        let retention = spec.persistent_volume_claim_retention_policy.get_or_insert_default();
        retention.when_deleted.get_or_insert_with(|| "Retain".into());
        retention.when_scaled.get_or_insert_with(|| "Retain".into());
        spec.replicas.get_or_insert(1);
        spec.service_name.get_or_insert_default();
        spec.revision_history_limit.get_or_insert(10);
        default_template(&mut spec.template);
        for claim in spec.volume_claim_templates.iter_mut().flatten() {
            default_claim(claim.spec.get_or_insert_default());
            claim.status.get_or_insert_default().phase.get_or_insert_with(|| "Pending".into());
        }
    }

    fn prepare_for_create(set: &mut StatefulSet, _: &View, _: &mut Rng) {
        set.status = Arc::new(StatefulSetStatus { available_replicas: Some(0), ..Default::default() });
    }
}
