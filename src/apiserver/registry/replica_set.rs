//! ReplicaSets on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::default_template;
use crate::api::ReplicaSet;

/// Models `pkg/registry/apps/replicaset/strategy.go`.
pub struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    type Object = ReplicaSet;

    fn default(set: &mut ReplicaSet) {
        let spec = Arc::make_mut(&mut set.spec);
        spec.replicas.get_or_insert(1);
        // To the server it is no pointer: there is always one.
        default_template(spec.template.get_or_insert_default());
    }
}
