//! `pods/ephemeralcontainers`: containers that are added to a running pod, to look into it. Models
//! `podEphemeralContainersStrategy` and `ValidatePodEphemeralContainersUpdate`.

use std::sync::Arc;

use super::{ApiServer, Origin};
use crate::api::field_error::{FieldError, Path};
use crate::api::k8s::{Container, EphemeralContainer};
use crate::api::{Key, Kind, MetaExt, Object, Pod, Status, typed};

impl ApiServer {
    /// Adds a container to a pod.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a name that is taken, a target that there is not, and the like.
    pub fn add_ephemeral(
        &mut self,
        origin: &Origin,
        key: &Key,
        mut added: EphemeralContainer,
    ) -> Result<Arc<Object>, Status> {
        let old = self.get(key)?;
        let Some(pod) = old.as_kind::<Pod>() else { return Err(Status::not_found(Kind::POD, &key.name)) };
        let errors = validate(pod, &added);
        if !errors.is_empty() {
            return Err(Status::invalid(Kind::POD, pod.name(), errors));
        }
        let mut container: Container = typed::read(&typed::write(&added)).unwrap_or_default();
        super::registry::pod_template::default_container(&mut container);
        added.image_pull_policy = container.image_pull_policy;
        added.termination_message_path = container.termination_message_path;
        added.termination_message_policy = container.termination_message_policy;
        added.resources = container.resources;
        let mut pod = pod.clone();
        Arc::make_mut(&mut pod.spec).ephemeral_containers.get_or_insert_default().push(added);
        let meta = Arc::make_mut(&mut pod.meta);
        meta.generation = meta.generation.map(|generation| generation + 1);
        self.finish_update(origin, old.clone(), pod.into(), origin.manner("ephemeralcontainers"))
    }
}

fn validate(pod: &Pod, added: &EphemeralContainer) -> Vec<FieldError> {
    let spec = &pod.spec;
    let list = spec.ephemeral_containers.as_deref().unwrap_or_default();
    let path = Path::new("spec").child("ephemeralContainers").index(list.len());
    let mut errors = Vec::new();
    let own = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let own: Vec<&str> = own.map(|container| container.name.as_str()).collect();
    let others = list.iter().map(|container| container.name.as_str());
    if added.name.is_empty() {
        errors.push(FieldError::required(&path.child("name"), ""));
    } else if own.iter().copied().chain(others).any(|name| name == added.name) {
        errors.push(FieldError::duplicate(&path.child("name"), format!("{:?}", added.name)));
    }
    if added.image.as_deref().unwrap_or_default().is_empty() {
        errors.push(FieldError::required(&path.child("image"), ""));
    }
    if let Some(target) = added.target_container_name.as_deref().filter(|name| !name.is_empty())
        && !own.contains(&target)
    {
        errors.push(FieldError::not_found(&path.child("targetContainerName"), target));
    }
    let forbidden = [
        ("ports", added.ports.is_some()),
        ("livenessProbe", added.liveness_probe.is_some()),
        ("readinessProbe", added.readiness_probe.is_some()),
        ("startupProbe", added.startup_probe.is_some()),
        ("lifecycle", added.lifecycle.is_some()),
        (
            "resources",
            added.resources.as_ref().is_some_and(|all| all.limits.is_some() || all.requests.is_some()),
        ),
    ];
    for (field, _) in forbidden.iter().filter(|(_, set)| *set) {
        errors.push(FieldError::forbidden(&path.child(field), "cannot be set for an Ephemeral Container"));
    }
    errors
}
