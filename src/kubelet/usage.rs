//! What pods use of their node: memory, and room on its disk. Nothing runs here, so use is what annotations and commands say
//! it is (`client::metrics`); and it is compared with what containers and pods may use.

use super::pod_worker::{PodWorker, Stage};
use crate::api::k8s::{Container, Quantity, ResourceRequirements};
use crate::api::pod_status::{is_sidecar, pod_amount_milli};
use crate::api::{MetaExt, Node, Pod, quantity};
use crate::client::metrics::{self, Metrics};

/// What annotations begin with.
const PREFIX: &str = "kubeviz.dev/";
const MEBI: i64 = 1 << 20;

/// Amounts, in bytes and in numbers of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Memory that cannot be given back (the working set).
    pub memory: i64,
    /// What lies on the node's disk.
    pub disk: i64,
    /// Processes.
    pub pids: i64,
}

impl Amounts {
    /// Adds `more` and takes `less` away.
    pub fn change(&mut self, less: Amounts, more: Amounts) {
        self.memory += more.memory - less.memory;
        self.disk += more.disk - less.disk;
        self.pids += more.pids - less.pids;
    }

    /// What there is of each on a node: its capacity, and the kernel's limit of processes.
    pub fn capacity(node: &Node) -> Amounts {
        const PIDS: i64 = 32_768;
        let has = |name: &str| node.status.capacity.as_ref()?.get(name).map(quantity::value);
        Amounts {
            memory: has("memory").unwrap_or(0),
            disk: has("ephemeral-storage").unwrap_or(0),
            pids: PIDS,
        }
    }

    /// What a node uses besides its pods and its images: as its annotations `kubeviz.dev/memory-use`, `disk-use` and
    /// `pids-use` say, or a little.
    pub fn system(node: &Node) -> Amounts {
        let disk = metrics::of_system_by_annotation(node, "disk", "ephemeral-storage");
        Amounts {
            memory: metrics::of_system(node).memory / 1_000,
            disk: disk.map_or(4_096 * MEBI, |milli| milli / 1_000),
            pids: bytes(node, &format!("{PREFIX}pids-use")).unwrap_or(200),
        }
    }
}

fn bytes(object: &impl MetaExt, annotation: &str) -> Option<i64> {
    quantity::parse(object.annotation(annotation)?).map(quantity::Parsed::value)
}

/// A limit of what lies on the node's disk that a pod has passed, in the words of its eviction
/// (`localStorageEviction`).
pub fn passed_limit(worker: &PodWorker) -> Option<String> {
    let pod = &worker.pod;
    for volume in pod.spec.volumes.iter().flatten() {
        let Some(source) = &volume.empty_dir else { continue };
        let limit = source.size_limit.as_ref().filter(|limit| quantity::value(limit) > 0);
        if let Some(limit) = limit
            && worker.volume_use(&volume.name) > quantity::value(limit)
        {
            let (name, limit) = (&volume.name, &limit.0);
            return Some(format!("Usage of EmptyDir volume {name:?} exceeds the limit {limit:?}. "));
        }
    }
    let whole = pod_amount_milli(&pod.spec, "ephemeral-storage", true);
    if whole > 0 && worker.used.disk > whole / 1_000 {
        let limit = quantity::format_bytes(whole / 1_000);
        return Some(format!(
            "Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
        ));
    }
    worker.running().find_map(|(container, _)| {
        let limit = limit(container.resources.as_ref(), "ephemeral-storage")?;
        let passed = worker.container_disk(container) > quantity::value(limit);
        let name = &container.name;
        passed.then(|| format!("Container {name} exceeded its local ephemeral storage limit {:?}. ", limit.0))
    })
}

fn limit<'a>(resources: Option<&'a ResourceRequirements>, name: &str) -> Option<&'a Quantity> {
    resources?.limits.as_ref()?.get(name).filter(|limit| quantity::value(limit) > 0)
}

/// What a container asks for of a resource, as its manifest has it.
pub fn request_text(container: &Container, name: &str) -> String {
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    requests.and_then(|requests| requests.get(name)).map_or_else(|| "0".into(), |amount| amount.0.clone())
}

impl PodWorker {
    /// The containers whose processes run, with their places.
    pub fn running(&self) -> impl Iterator<Item = (&Container, usize)> {
        let running = (0..self.runs.len()).filter(|at| self.runs[*at].is_running());
        running.map(|at| (self.container(at), at))
    }

    /// Memory that a container uses, in bytes.
    pub fn container_memory(&self, container: &Container, metrics: &Metrics) -> i64 {
        let init = self.pod.spec.init_containers.iter().flatten();
        let sharers = self.pod.spec.containers.len() + init.filter(|one| is_sidecar(one)).count();
        let sharers = i64::try_from(sharers).unwrap_or(1).max(1);
        metrics.of_container(&self.pod, container, sharers).memory / 1_000
    }

    /// What a container has on the node's disk besides volumes: its writable layer and its log.
    pub fn container_disk(&self, container: &Container) -> i64 {
        let own = |name: &str| bytes(&self.pod, &format!("{PREFIX}{name}"));
        own(&format!("{}.disk-use", container.name)).unwrap_or_else(|| {
            let first = self.pod.spec.containers.first().is_some_and(|first| first.name == container.name);
            own("disk-use").filter(|_| first).unwrap_or(0)
        })
    }

    /// What is in a volume that lies on the node's disk.
    pub fn volume_use(&self, volume: &str) -> i64 {
        bytes(&self.pod, &format!("{PREFIX}{volume}.volume-use")).unwrap_or(0)
    }

    /// What the pod uses now.
    pub fn measure(&self, metrics: &Metrics) -> Amounts {
        let mut used = Amounts::default();
        if self.stage >= Stage::Finished {
            return used;
        }
        for (container, _) in self.running() {
            used.memory += self.container_memory(container, metrics);
            used.disk += self.container_disk(container);
            used.pids += bytes(&self.pod, &format!("{PREFIX}pids-use")).unwrap_or(2);
        }
        let local = |volume: &&crate::api::k8s::Volume| {
            let medium = volume.empty_dir.as_ref().map(|source| source.medium.as_deref().unwrap_or_default());
            medium == Some("")
        };
        let volumes = self.pod.spec.volumes.iter().flatten().filter(local);
        used.disk += volumes.map(|volume| self.volume_use(&volume.name)).sum::<i64>();
        used
    }

    /// The running container that has to go because it, or the pod as a whole, uses more memory than it may: where it is the
    /// pod, the one that uses most.
    pub fn beyond_memory(&self, metrics: &Metrics) -> Option<usize> {
        let mut whole = 0;
        let mut most: Option<(i64, usize)> = None;
        for (container, at) in self.running() {
            let used = self.container_memory(container, metrics);
            if limit(container.resources.as_ref(), "memory").is_some_and(|max| used > quantity::value(max)) {
                return Some(at);
            }
            whole += used;
            if most.is_none_or(|(before, _)| used > before) {
                most = Some((used, at));
            }
        }
        let max = limit(self.pod.spec.resources.as_ref(), "memory")?;
        most.filter(|_| whole > quantity::value(max)).map(|(_, at)| at)
    }
}

/// How readily the kernel kills a container's processes when the node runs out of memory: `oom_score_adj`, and what share of
/// the memory it uses, in thousandths.
pub fn oom_score(pod: &Pod, container: &Container, used: i64, capacity: i64) -> i64 {
    let capacity = capacity.max(1);
    let request = quantity::parse(&request_text(container, "memory")).map_or(0, quantity::Parsed::value);
    let adjustment = match pod.status.qos_class.as_deref() {
        _ if super::admission::is_critical(pod) => -997,
        Some("Guaranteed") => -997,
        Some("BestEffort") => 1_000,
        _ => (1_000 - 1_000 * request / capacity).clamp(3, 999),
    };
    adjustment + 1_000 * used / capacity
}
