//! Nodes and namespaces on their way into the store.

use std::sync::Arc;

use super::Strategy;
use crate::api::k8s::NamespaceStatus;
use crate::api::{MetaExt, Namespace, Node};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/core/node/strategy.go`. A node may be created with its status, as kubelets do when they register.
pub struct NodeStrategy;

impl Strategy for NodeStrategy {
    type Object = Node;
    const COUNTS_GENERATIONS: bool = false;
    const KEEPS_STATUS: bool = true;

    fn default(node: &mut Node) {
        let status = Arc::make_mut(&mut node.status);
        if status.allocatable.is_none() {
            status.allocatable.clone_from(&status.capacity);
        }
    }
}

/// What every namespace waits for before it goes.
const FINALIZER: &str = "kubernetes";

/// Models `pkg/registry/core/namespace/strategy.go`.
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    type Object = Namespace;
    const COUNTS_GENERATIONS: bool = false;

    fn prepare_for_create(namespace: &mut Namespace, _: &View, _: &mut Rng) {
        let name = namespace.name().to_string();
        let labels = Arc::make_mut(&mut namespace.meta).labels.get_or_insert_default();
        labels.insert("kubernetes.io/metadata.name".into(), name);
        let finalizers = &mut Arc::make_mut(&mut namespace.spec).finalizers;
        let finalizers = finalizers.get_or_insert_default();
        if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
            finalizers.push(FINALIZER.into());
        }
        namespace.status = Arc::new(NamespaceStatus { phase: Some("Active".into()), conditions: None });
    }

    fn prepare_for_update(namespace: &mut Namespace, old: &Namespace) {
        // Only its finalization changes them.
        namespace.spec = old.spec.clone();
    }
}
