//! `pods/binding`: what the scheduler does to a pod it has found a node for.

use std::sync::Arc;

use super::{ApiServer, Manner, Origin};
use crate::api::field_error::{FieldError, Path};
use crate::api::k8s;
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, Status, condition};

impl ApiServer {
    /// Does what a `Binding` says that somebody has posted.
    ///
    /// # Errors
    /// `Invalid` without a node; as [`ApiServer::bind`].
    pub(super) fn bind_as_posted(&mut self, origin: &Origin, binding: &Object) -> Result<(), Status> {
        let target = binding.part("target");
        let (kind, node) = (target["kind"].as_str(), target["name"].as_str().unwrap_or_default());
        let path = Path::new("target");
        let mut errors = Vec::new();
        if let Some(other) = kind.filter(|kind| !["", "Node"].contains(kind)) {
            errors.push(FieldError::not_supported(&path.child("kind"), other, &["Node", "<empty>"]));
        }
        if node.is_empty() {
            errors.push(FieldError::required(&path.child("name"), ""));
        }
        if !errors.is_empty() {
            return Err(Status::invalid(Kind::BINDING, binding.name(), errors));
        }
        let pod = self.get(&Key::new(Kind::POD, binding.namespace(), binding.name()))?;
        self.bind(origin, binding.namespace(), binding.name(), pod.uid(), node).map(drop)
    }

    /// Binds a pod to a node (the `pods/binding` subresource): sets `spec.nodeName` and the `PodScheduled`
    /// condition, and copies the node's zone and region onto the pod's labels, as 1.36 does.
    ///
    /// # Errors
    /// `NotFound` if the pod is gone, `Conflict` if it has another uid, is bound already or is being deleted.
    pub fn bind(
        &mut self,
        origin: &Origin,
        namespace: &str,
        name: &str,
        uid: &str,
        node: &str,
    ) -> Result<Arc<Object>, Status> {
        let key = Key::new(Kind::POD, namespace, name);
        let old = self.get(&key)?;
        let Some(pod) = old.as_kind::<Pod>() else { return Err(Status::not_found(Kind::POD, name)) };
        if pod.uid() != uid {
            return Err(Status::conflict(
                &key,
                "the UID in the precondition does not match the UID in record",
            ));
        }
        if pod.is_deleting() {
            return Err(Status::conflict(
                &key,
                &format!("pod {name} is being deleted, cannot be assigned to a host"),
            ));
        }
        if let Some(assigned) = &pod.spec.node_name {
            return Err(Status::conflict(
                &key,
                &format!("pod {name} is already assigned to node {assigned:?}"),
            ));
        }
        let mut pod = pod.clone();
        Arc::make_mut(&mut pod.spec).node_name = Some(node.to_string());
        let zone_labels = self.view().get::<Node>("", node).map(topology_labels).unwrap_or_default();
        if !zone_labels.is_empty() {
            let labels = &mut Arc::make_mut(&mut pod.meta).labels;
            labels.get_or_insert_default().extend(zone_labels);
        }
        let scheduled = k8s::PodCondition {
            type_: "PodScheduled".into(),
            status: "True".into(),
            last_transition_time: Some(self.now.to_time()),
            ..Default::default()
        };
        let status = Arc::make_mut(&mut pod.status);
        condition::set(&mut status.conditions, scheduled);
        // The nomination has served (`ClearingNominatedNodeNameAfterBinding`).
        status.nominated_node_name = None;
        self.finish_update(origin, old.clone(), pod.into(), Manner::default())
    }
}

fn topology_labels(node: &Node) -> Vec<(String, String)> {
    const COPIED: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];
    let copied = node.labels().iter().filter(|(key, _)| COPIED.contains(&key.as_str()));
    copied.map(|(key, value)| (key.clone(), value.clone())).collect()
}
