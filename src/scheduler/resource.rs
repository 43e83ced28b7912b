//! What a pod asks for and what a node has, as integers.

use std::collections::BTreeMap;

use crate::api::k8s::{Container, PodSpec, Quantity, ResourceRequirements};
use crate::api::{pod_status::is_sidecar, quantity};

/// What a container without a CPU request counts as when nodes are scored: 0.1 CPU.
const DEFAULT_CPU_MILLI: i64 = 100;
/// What a container without a memory request counts as when nodes are scored: 200 MB.
const DEFAULT_MEMORY_BYTES: i64 = 200 * 1024 * 1024;

/// Amounts of every resource: CPU in thousandths, the others in whole units (bytes, devices).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU, in thousandths.
    pub cpu_milli: i64,
    /// Memory, in bytes.
    pub memory_bytes: i64,
    /// Ephemeral storage, in bytes.
    pub ephemeral_bytes: i64,
    /// Extended resources and huge pages, by name.
    pub scalar: BTreeMap<String, i64>,
}

type List = BTreeMap<String, Quantity>;

impl Resources {
    /// Reads a resource list of an object.
    pub fn from_list(list: Option<&List>) -> Resources {
        let mut resources = Resources::default();
        for (name, amount) in list.into_iter().flatten() {
            match name.as_str() {
                "cpu" => resources.cpu_milli = quantity::milli(amount),
                "memory" => resources.memory_bytes = quantity::value(amount),
                "ephemeral-storage" => resources.ephemeral_bytes = quantity::value(amount),
                "pods" => {}
                _ if is_scalar(name) => {
                    resources.scalar.insert(name.clone(), quantity::value(amount));
                }
                _ => {}
            }
        }
        resources
    }

    /// Adds another amount of everything.
    pub fn add(&mut self, other: &Resources) {
        self.cpu_milli = self.cpu_milli.saturating_add(other.cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.ephemeral_bytes = self.ephemeral_bytes.saturating_add(other.ephemeral_bytes);
        for (name, amount) in &other.scalar {
            let sum = self.scalar.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*amount);
        }
    }

    /// Takes another amount of everything away.
    pub fn subtract(&mut self, other: &Resources) {
        self.cpu_milli -= other.cpu_milli;
        self.memory_bytes -= other.memory_bytes;
        self.ephemeral_bytes -= other.ephemeral_bytes;
        for (name, amount) in &other.scalar {
            *self.scalar.entry(name.clone()).or_default() -= amount;
        }
    }

    /// Raises every amount to the other's where that is more.
    fn raise_to(&mut self, other: &Resources) {
        self.cpu_milli = self.cpu_milli.max(other.cpu_milli);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.ephemeral_bytes = self.ephemeral_bytes.max(other.ephemeral_bytes);
        for (name, amount) in &other.scalar {
            let most = self.scalar.entry(name.clone()).or_default();
            *most = (*most).max(*amount);
        }
    }
}

/// Whether the scheduler counts the resource by name: extended resources, huge pages, attachable volumes.
fn is_scalar(name: &str) -> bool {
    name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
        || (name.contains('/') && !name.contains("kubernetes.io/"))
}

/// What a pod asks for (`resourcehelper.PodRequests`): its containers together, or its largest init container if that is
/// more; sidecars run beside both; overhead on top. Pod-level requests replace the sum where they are given.
pub fn pod_requests(spec: &PodSpec) -> Resources {
    aggregate(spec, &|container| Resources::from_list(requests(container.resources.as_ref())))
}

/// The same for scoring: a container that asks for no CPU or memory counts as asking for a little of each
/// (`GetNonzeroRequests`), in thousandths and bytes.
pub fn pod_requests_nonzero(spec: &PodSpec) -> (i64, i64) {
    let pod_level = requests(spec.resources.as_ref());
    let given = |name: &str| pod_level.is_some_and(|list| list.contains_key(name));
    let (pod_cpu, pod_memory) = (given("cpu"), given("memory"));
    let total = aggregate(spec, &|container| {
        let list = requests(container.resources.as_ref());
        let mut amount = Resources::from_list(list);
        let missing = |name: &str| list.is_none_or(|list| !list.contains_key(name));
        if missing("cpu") && !pod_cpu {
            amount.cpu_milli = DEFAULT_CPU_MILLI;
        }
        if missing("memory") && !pod_memory {
            amount.memory_bytes = DEFAULT_MEMORY_BYTES;
        }
        amount
    });
    (total.cpu_milli, total.memory_bytes)
}

fn requests(resources: Option<&ResourceRequirements>) -> Option<&List> {
    resources?.requests.as_ref()
}

fn aggregate(spec: &PodSpec, amount: &dyn Fn(&Container) -> Resources) -> Resources {
    let (mut sidecars, mut init) = (Resources::default(), Resources::default());
    for container in spec.init_containers.iter().flatten() {
        let mut with_sidecars = amount(container);
        if is_sidecar(container) {
            sidecars.add(&with_sidecars);
            init.raise_to(&sidecars);
        } else {
            with_sidecars.add(&sidecars);
            init.raise_to(&with_sidecars);
        }
    }
    let mut total = sidecars;
    for container in &spec.containers {
        total.add(&amount(container));
    }
    total.raise_to(&init);
    if let Some(list) = requests(spec.resources.as_ref()) {
        override_with(&mut total, list);
    }
    total.add(&Resources::from_list(spec.overhead.as_ref()));
    total
}

/// Pod-level requests cover CPU, memory and huge pages.
fn override_with(total: &mut Resources, list: &List) {
    let pod = Resources::from_list(Some(list));
    if list.contains_key("cpu") {
        total.cpu_milli = pod.cpu_milli;
    }
    if list.contains_key("memory") {
        total.memory_bytes = pod.memory_bytes;
    }
    total.scalar.extend(pod.scalar.into_iter().filter(|(name, _)| name.starts_with("hugepages-")));
}
