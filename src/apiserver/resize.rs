//! `pods/resize`: other requests and limits for the containers of a running pod. Models `podResizeStrategy` and
//! `ValidatePodResize`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ApiServer, Origin, admission, registry, validation};
use crate::api::field_error::{FieldError, Path};
use crate::api::k8s::{Container, Quantity, ResourceRequirements};
use crate::api::{Kind, MetaExt, Object, Pod, Status};

type List = Option<BTreeMap<String, Quantity>>;

impl ApiServer {
    /// Takes over the resources and resize policies of `object`'s containers, and nothing else of it.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`; `Invalid` for a change of another class of service, of something else than CPU and memory, and
    /// the like; `Forbidden` by a quota.
    pub fn resize(&mut self, origin: &Origin, object: &Object) -> Result<Arc<Object>, Status> {
        let old = self.current(&object.key(), object.revision())?;
        let (Some(wanted), Some(pod)) = (object.as_kind::<Pod>(), old.as_kind::<Pod>()) else {
            return Err(Status::no_such_resource());
        };
        let mut resized = pod.clone();
        let spec = Arc::make_mut(&mut resized.spec);
        take_resources(&mut spec.containers, &wanted.spec.containers);
        let init = wanted.spec.init_containers.as_deref().unwrap_or_default();
        take_resources(spec.init_containers.as_deref_mut().unwrap_or_default(), init);
        spec.resources.clone_from(&wanted.spec.resources);
        registry::pod::default_resources(spec);
        let mut errors = validate(&resized, pod);
        if errors.is_empty() {
            errors = validation::validate(&resized.clone().into());
            errors.retain(|error| {
                error.to_string().contains("resources") || error.to_string().contains("resizePolicy")
            });
        }
        if !errors.is_empty() {
            return Err(Status::invalid(Kind::POD, pod.name(), errors));
        }
        if resized.spec != pod.spec {
            let meta = Arc::make_mut(&mut resized.meta);
            meta.generation = meta.generation.map(|generation| generation + 1);
        }
        let resized = Object::from(resized);
        admission::validate(self.store.view(), &resized, Some(&old), ("resize", self.now))?;
        self.finish_update(origin, old, resized, origin.manner("resize"))
    }
}

fn take_resources(containers: &mut [Container], wanted: &[Container]) {
    for container in containers {
        let Some(other) = wanted.iter().find(|other| other.name == container.name) else { continue };
        container.resources.clone_from(&other.resources);
        container.resize_policy.clone_from(&other.resize_policy);
    }
}

fn validate(pod: &Pod, old: &Pod) -> Vec<FieldError> {
    let spec = Path::new("spec");
    let mut errors = Vec::new();
    let statuses = old.status.container_statuses.iter().flatten();
    let mut running = statuses.filter(|one| one.state.as_ref().is_some_and(|state| state.running.is_some()));
    if running.next().is_some_and(|one| one.resources.is_none()) {
        errors.push(FieldError::forbidden(&spec, "Pod running on node without support for resize"));
        return errors;
    }
    let class = registry::pod::qos_class(&pod.spec);
    if old.status.qos_class.as_deref().is_some_and(|before| before != class) {
        let shown = format!("{:?}", old.status.qos_class.as_deref().unwrap_or_default());
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(FieldError::invalid(&spec, shown, why));
    }
    let lists = [
        ("containers", &pod.spec.containers[..], &old.spec.containers[..]),
        (
            "initContainers",
            pod.spec.init_containers.as_deref().unwrap_or_default(),
            old.spec.init_containers.as_deref().unwrap_or_default(),
        ),
    ];
    let mut others = false;
    for (field, new, old) in lists {
        for (at, (new, old)) in new.iter().zip(old).enumerate() {
            let path = spec.child(field).index(at).child("resources");
            others |= validate_container(new.resources.as_ref(), old.resources.as_ref(), &path, &mut errors);
            let sidecar = field == "containers" || crate::api::pod_status::is_sidecar(new);
            if new.resources != old.resources && !sidecar {
                let why = "resources for non-sidecar init containers are immutable";
                errors.push(FieldError::forbidden(&path, why));
            }
        }
    }
    let path = spec.child("resources");
    others |=
        validate_container(pod.spec.resources.as_ref(), old.spec.resources.as_ref(), &path, &mut errors);
    if others {
        errors.push(FieldError::forbidden(&spec, "only cpu and memory resources are mutable"));
    }
    errors
}

/// What was asked for of CPU and memory cannot cease to be; says whether anything else has changed.
fn validate_container(
    new: Option<&ResourceRequirements>,
    old: Option<&ResourceRequirements>,
    path: &Path,
    errors: &mut Vec<FieldError>,
) -> bool {
    let none = ResourceRequirements::default();
    let (new, old) = (new.unwrap_or(&none), old.unwrap_or(&none));
    let mut others = new.claims != old.claims;
    let lists: [(&str, &str, &List, &List); 2] = [
        ("limits", "resource limits cannot be removed", &new.limits, &old.limits),
        ("requests", "resource requests cannot be removed", &new.requests, &old.requests),
    ];
    for (field, why, new, old) in lists {
        let has = |list: &List, name: &str| list.as_ref().and_then(|list| list.get(name)).cloned();
        let elastic = |name: &str| matches!(name, "cpu" | "memory");
        if ["cpu", "memory"].iter().any(|name| has(old, name).is_some() && has(new, name).is_none()) {
            errors.push(FieldError::forbidden(&path.child(field), why));
        }
        let names = new.iter().chain(old).flat_map(|list| list.keys());
        others |= names.into_iter().any(|name| !elastic(name) && has(new, name) != has(old, name));
    }
    others
}
