//! What a pod asks for and what a node has, as integers.

use std::collections::BTreeMap;

use sorted::SortedMap;

use crate::api::k8s::{Container, ContainerStatus, Quantity, ResourceRequirements};
use crate::api::pod_status::{is_sidecar, resize_is_infeasible};
use crate::api::{Pod, quantity};

/// What a container without a CPU request counts as when nodes are scored: a tenth of a CPU, in thousandths.
pub const DEFAULT_CPU_MILLI: i64 = 100;
/// What a container without a memory request counts as when nodes are scored: 200 MiB, in bytes.
pub const DEFAULT_MEMORY_BYTES: i64 = 200 * 1024 * 1024;

type List = BTreeMap<String, Quantity>;

/// Amounts of every resource (`framework.Resource`): CPU in thousandths, the others in whole units (bytes, devices).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// CPU, in thousandths.
    pub cpu_milli: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
    /// Ephemeral storage, in bytes.
    pub ephemeral_bytes: i64,
    /// Extended resources and huge pages, by name. Empty for most pods, and then without an allocation.
    pub scalar: SortedMap<String, i64>,
}

impl Resource {
    /// Reads a resource list of an object. `pods` is not an amount that pods ask for, and is left out.
    pub fn from_list(list: Option<&List>) -> Resource {
        let mut resource = Resource::default();
        for (name, amount) in list.into_iter().flatten() {
            match name.as_str() {
                "cpu" => resource.cpu_milli = quantity::milli(amount),
                "memory" => resource.memory_bytes = quantity::value(amount),
                "ephemeral-storage" => resource.ephemeral_bytes = quantity::value(amount),
                _ if is_scalar(name) => {
                    resource.scalar.insert(name.clone(), quantity::value(amount));
                }
                _ => {}
            }
        }
        resource
    }

    /// The amount of one resource by its API name; zero if there is none of it.
    pub fn amount(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.cpu_milli,
            "memory" => self.memory_bytes,
            "ephemeral-storage" => self.ephemeral_bytes,
            _ => self.scalar.get(name).copied().unwrap_or(0),
        }
    }

    /// Whether there is nothing of anything.
    pub fn is_zero(&self) -> bool {
        self.cpu_milli == 0 && self.memory_bytes == 0 && self.ephemeral_bytes == 0 && self.scalar.is_empty()
    }

    /// Adds another amount of everything.
    pub fn add(&mut self, other: &Resource) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes another amount of everything away.
    pub fn subtract(&mut self, other: &Resource) {
        self.combine(other, i64::saturating_sub);
    }

    /// Raises every amount to the other's where that is more.
    fn raise_to(&mut self, other: &Resource) {
        self.combine(other, i64::max);
    }

    fn combine(&mut self, other: &Resource, of: fn(i64, i64) -> i64) {
        self.cpu_milli = of(self.cpu_milli, other.cpu_milli);
        self.memory_bytes = of(self.memory_bytes, other.memory_bytes);
        self.ephemeral_bytes = of(self.ephemeral_bytes, other.ephemeral_bytes);
        for (name, amount) in &other.scalar {
            match self.scalar.get_mut(name) {
                Some(mine) => *mine = of(*mine, *amount),
                None => {
                    self.scalar.insert(name.clone(), of(0, *amount));
                }
            }
        }
    }
}

/// Whether the scheduler counts the resource by its name (`schedutil.IsScalarResourceName`): extended resources, huge
/// pages, attachable volumes, and what carries the prefix of Kubernetes itself.
pub fn is_scalar(name: &str) -> bool {
    name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
        || (name.contains('/') && !name.starts_with("requests."))
}

/// What a pod asks for (`resourcehelper.PodRequests`): its containers together, or its init containers where one of them
/// asks for more; sidecars run beside both; overhead comes on top. Requests of the pod as a whole take the place of the
/// sum where they are given. A container that is being resized counts as the larger of what it has and what it wants.
///
/// Example: containers of 100m and 200m, a sidecar of 50m and an init container of 400m after it: the containers and
/// the sidecar make 350m, the init container beside the sidecar 450m, so the pod asks for 450m.
pub fn pod_requests(pod: &Pod) -> Resource {
    aggregate(pod, Missing::default())
}

/// The CPU (in thousandths) and memory (in bytes) that a pod counts as when nodes are scored: a container that asks for
/// none of one counts as asking for a little, so that pods without requests are spread too.
pub fn nonzero_requests(pod: &Pod) -> (i64, i64) {
    let pod_level = pod.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let pod_level = pod_level.filter(|list| list.keys().any(|name| is_pod_level(name)));
    let missing = match pod_level {
        None => Missing { cpu_milli: DEFAULT_CPU_MILLI, memory_bytes: DEFAULT_MEMORY_BYTES },
        // Where the pod as a whole asks, its containers need not; only what nobody asks for is made up.
        Some(_) => {
            let asked = asked_by_any_container(pod);
            Missing {
                cpu_milli: if asked("cpu") { 0 } else { DEFAULT_CPU_MILLI },
                memory_bytes: if asked("memory") { 0 } else { DEFAULT_MEMORY_BYTES },
            }
        }
    };
    let total = aggregate(pod, missing);
    (total.cpu_milli, total.memory_bytes)
}

/// What the pod to place counts as when nodes are scored by how much of them is taken. It differs from [`nonzero_requests`] in
/// that it knows nothing of requests of the pod as a whole, as upstream: only pods that are there already count with those.
pub fn scoring_requests(pod: &Pod) -> (i64, i64) {
    let missing = Missing { cpu_milli: DEFAULT_CPU_MILLI, memory_bytes: DEFAULT_MEMORY_BYTES };
    let total = sum(pod, missing, None);
    (total.cpu_milli, total.memory_bytes)
}

/// What stands in for a missing request; zero for none.
#[derive(Clone, Copy, Default)]
struct Missing {
    cpu_milli: i64,
    memory_bytes: i64,
}

/// Pod-level requests cover CPU, memory and huge pages.
fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn asked_by_any_container(pod: &Pod) -> impl Fn(&str) -> bool + '_ {
    let spec = &pod.spec;
    let lists = move || {
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        containers.map(|container| container.resources.as_ref()).chain([spec.resources.as_ref()])
    };
    move |name| {
        let has = |resources: &ResourceRequirements| {
            resources.requests.as_ref().is_some_and(|list| list.contains_key(name))
        };
        lists().flatten().any(has) || spec.overhead.as_ref().is_some_and(|list| list.contains_key(name))
    }
}

fn aggregate(pod: &Pod, missing: Missing) -> Resource {
    sum(pod, missing, pod.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()))
}

/// The containers' requests, or the pod's own where it has any, and the overhead.
fn sum(pod: &Pod, missing: Missing, pod_level: Option<&List>) -> Resource {
    let spec = &pod.spec;
    let (mut sidecars, mut init) = (Resource::default(), Resource::default());
    for container in spec.init_containers.iter().flatten() {
        // An init container that ends is never resized: what is said of it does not count.
        let statuses = pod.status.init_container_statuses.as_deref().filter(|_| is_sidecar(container));
        let mut asked = container_requests(container, statuses, pod, missing);
        if is_sidecar(container) {
            sidecars.add(&asked);
            init.raise_to(&sidecars);
        } else {
            asked.add(&sidecars);
            init.raise_to(&asked);
        }
    }
    let mut total = sidecars;
    for container in &spec.containers {
        total.add(&container_requests(container, pod.status.container_statuses.as_deref(), pod, missing));
    }
    total.raise_to(&init);
    if let Some(list) = pod_level {
        override_with(&mut total, list, pod);
    }
    if spec.overhead.is_some() {
        total.add(&Resource::from_list(spec.overhead.as_ref()));
    }
    total
}

fn container_requests(
    container: &Container,
    statuses: Option<&[ContainerStatus]>,
    pod: &Pod,
    missing: Missing,
) -> Resource {
    let wanted = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let mut asked = Resource::from_list(wanted);
    let status = statuses.into_iter().flatten().find(|status| status.name == container.name);
    if let Some((status, actual)) = status.and_then(|status| Some((status, status.resources.as_ref()?))) {
        if resize_is_infeasible(pod) {
            asked = Resource::default();
        }
        asked.raise_to(&Resource::from_list(actual.requests.as_ref()));
        asked.raise_to(&Resource::from_list(status.allocated_resources.as_ref()));
    }
    let has = |name: &str| wanted.is_some_and(|list| list.contains_key(name));
    if asked.cpu_milli == 0 && !has("cpu") {
        asked.cpu_milli = missing.cpu_milli;
    }
    if asked.memory_bytes == 0 && !has("memory") {
        asked.memory_bytes = missing.memory_bytes;
    }
    asked
}

/// What the pod as a whole asks for, or has while it is being resized, takes the place of what its containers ask for.
fn override_with(total: &mut Resource, list: &List, pod: &Pod) {
    let mut asked = Resource::from_list(Some(list));
    if let Some(actual) = &pod.status.resources {
        if resize_is_infeasible(pod) {
            asked = Resource::default();
        }
        asked.raise_to(&Resource::from_list(actual.requests.as_ref()));
        asked.raise_to(&Resource::from_list(pod.status.allocated_resources.as_ref()));
    }
    if list.contains_key("cpu") {
        total.cpu_milli = asked.cpu_milli;
    }
    if list.contains_key("memory") {
        total.memory_bytes = asked.memory_bytes;
    }
    let counts = |name: &String| is_pod_level(name) && list.contains_key(name);
    total.scalar.extend(asked.scalar.into_iter().filter(|(name, _)| counts(name)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::PodCondition;
    use crate::testing::{ContainerBuilder, container, pod};
    use std::sync::Arc;

    const MI: i64 = 1024 * 1024;

    fn quantity(text: &str) -> Quantity {
        Quantity(text.into())
    }

    #[track_caller]
    fn check(what: &str, pod: &Pod, cpu_milli: i64, nonzero: (i64, i64)) {
        assert_eq!(pod_requests(pod).cpu_milli, cpu_milli, "{what}");
        assert_eq!(nonzero_requests(pod), nonzero, "{what}, as scored");
    }

    #[test]
    fn a_pod_that_is_being_resized_counts_as_the_larger() {
        let cpu = |amount: &str| -> Option<List> { Some([("cpu".to_string(), quantity(amount))].into()) };
        let has = |amount| Some(ResourceRequirements { requests: cpu(amount), ..Default::default() });
        let mut whole = pod("a").cpu("100m").pod_level("cpu", "500m").build();
        Arc::make_mut(&mut whole.status).resources = has("800m");
        check("a pod that has more than it wants by now", &whole, 800, (800, 200 * MI));
        Arc::make_mut(&mut whole.status).allocated_resources = cpu("900m");
        check("and has been granted more", &whole, 900, (900, 200 * MI));
        let infeasible = PodCondition {
            type_: "PodResizePending".into(),
            reason: Some("Infeasible".into()),
            ..Default::default()
        };
        let status = Arc::make_mut(&mut whole.status);
        (status.allocated_resources, status.conditions) = (cpu("300m"), Some(vec![infeasible]));
        status.resources = has("400m");
        check("a resize that will never be", &whole, 400, (400, 200 * MI));
        let status =
            |name: &str| ContainerStatus { name: name.into(), resources: has("2"), ..Default::default() };
        let resized = |init: ContainerBuilder| {
            let mut pod = pod("a").init(init).cpu("100m").build();
            Arc::make_mut(&mut pod.status).init_container_statuses = Some(vec![status("i")]);
            pod
        };
        let init = || container("i").cpu("1");
        check("a sidecar", &resized(init().sidecar()), 2_100, (2_100, 400 * MI));
        check("an init container that ends", &resized(init()), 1_000, (1_000, 200 * MI));
    }

    #[test]
    fn a_pod_asks_for_the_most_that_runs_at_one_time() {
        check("no requests", &pod("a").container(container("c")).build(), 0, (100, 200 * MI));
        check(
            "two containers",
            &pod("a").container(container("c").cpu("100m")).container(container("d").cpu("200m")).build(),
            300,
            (300, 400 * MI),
        );
        check(
            "a larger init container",
            &pod("a").init(container("i").cpu("1").memory("1Mi")).cpu("200m").build(),
            1_000,
            (1_000, 200 * MI),
        );
        check(
            "a sidecar beside the containers and the init containers after it",
            &pod("a")
                .init(container("s").sidecar().cpu("50m"))
                .init(container("i").cpu("400m"))
                .container(container("c").cpu("100m"))
                .container(container("d").cpu("200m"))
                .build(),
            450,
            (450, 600 * MI),
        );
        check("overhead on top", &pod("a").cpu("100m").overhead("cpu", "20m").build(), 120, (120, 200 * MI));
        check(
            "the pod's own request in place of the sum",
            &pod("a").cpu("100m").pod_level("cpu", "500m").build(),
            500,
            (500, 200 * MI),
        );
    }
}
