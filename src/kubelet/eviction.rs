//! When a node is short of something, what it says then, and which pod has to go. Models `pkg/kubelet/eviction`: the
//! thresholds, the ranking of pods, the messages.

mod thresholds;

pub use thresholds::{Met, Name, Thresholds};

use super::admission::is_critical;
use super::pod_worker::{PodWorker, Stage};
use super::usage::{Amounts, request_text};
use crate::api::MetaExt;
use crate::api::explain::{EvictionRank, EvictionStep};
use crate::api::pod_status::pod_request_milli;
use crate::api::{quantity, sorting};
use crate::client::metrics::Metrics;

/// What a threshold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    /// Memory.
    Memory,
    /// Room on the disk.
    Disk,
    /// Process numbers.
    Pids,
}

impl Shortage {
    /// All, in the order in which the kubelet does something about them.
    pub const ALL: [Shortage; 3] = [Shortage::Memory, Shortage::Disk, Shortage::Pids];

    /// The node's condition.
    pub fn condition(self) -> &'static str {
        match self {
            Shortage::Memory => "MemoryPressure",
            Shortage::Disk => "DiskPressure",
            Shortage::Pids => "PIDPressure",
        }
    }

    /// The resource that is taken back.
    pub fn resource(self) -> &'static str {
        match self {
            Shortage::Memory => "memory",
            Shortage::Disk => "ephemeral-storage",
            Shortage::Pids => "pids",
        }
    }

    fn of(self, amounts: Amounts) -> i64 {
        match self {
            Shortage::Memory => amounts.memory,
            Shortage::Disk => amounts.disk,
            Shortage::Pids => amounts.pids,
        }
    }
}

/// The pods in the order in which they go (`rankMemoryPressure`, `rankDiskPressure`, `rankPIDPressure`): those of which nothing
/// is known; those that use more than they ask for; those of lower priority; those that use most beyond what they ask for.
pub fn rank(pods: &mut [&PodWorker], what: Shortage) {
    let (used, asked) = (|pod: &PodWorker| what.of(pod.used), |pod: &PodWorker| asked(pod, what));
    let unknown = |pod: &PodWorker| pod.stage < Stage::Up;
    let exceeds = |pod: &PodWorker| what != Shortage::Pids && used(pod) > asked(pod);
    let priority = |pod: &PodWorker| pod.pod.spec.priority.unwrap_or(0);
    sorting::sort_by(pods, |a, b| {
        let first = unknown(b).cmp(&unknown(a)).then(exceeds(b).cmp(&exceeds(a)));
        first.then(priority(a).cmp(&priority(b))).then((used(b) - asked(b)).cmp(&(used(a) - asked(a))))
    });
}

fn asked(pod: &PodWorker, what: Shortage) -> i64 {
    match what {
        Shortage::Pids => 0,
        _ => pod_request_milli(&pod.pod.spec, what.resource()) / 1_000,
    }
}

/// Why the first of these pods goes, for those who explain it.
pub fn reckoning(met: Met, node: &str, ranked: &[&PodWorker]) -> EvictionStep {
    let rank = |worker: &&PodWorker| EvictionRank {
        pod: format!("{}/{}", worker.pod.namespace(), worker.pod.name()),
        qos: worker.pod.status.qos_class.clone().unwrap_or_default(),
        used: met.what.of(worker.used),
        requested: asked(worker, met.what),
        priority: worker.pod.spec.priority.unwrap_or(0),
    };
    EvictionStep {
        resource: met.what.resource(),
        node: node.into(),
        threshold: met.threshold,
        available: met.available,
        ranking: ranked.iter().map(rank).collect(),
    }
}

/// Whether the kubelet may evict the pod.
pub fn is_candidate(worker: &PodWorker) -> bool {
    is_running(worker) && !is_critical(&worker.pod)
}

/// Whether the kubelet has taken the pod, and not begun to stop it.
pub fn is_running(worker: &PodWorker) -> bool {
    (Stage::Volumes..=Stage::Up).contains(&worker.stage)
}

/// Why a pod is evicted (`evictionMessage`).
pub fn message(met: Met, worker: &PodWorker, metrics: &Metrics) -> String {
    let resource = met.what.resource();
    let format = |amount: i64| match met.what {
        Shortage::Pids => amount.to_string(),
        _ => quantity::format_bytes(amount),
    };
    let (threshold, available) = (format(met.threshold), format(met.available));
    let mut message = format!(
        "The node was low on resource: {resource}. Threshold quantity: {threshold}, available: {available}. "
    );
    for (container, _) in worker.running() {
        let used = match met.what {
            Shortage::Memory => worker.container_memory(container, metrics),
            Shortage::Disk => worker.container_disk(container),
            Shortage::Pids => continue,
        };
        let request = request_text(container, resource);
        if used > quantity::parse(&request).map_or(0, quantity::Parsed::value) {
            let (name, used) = (&container.name, format(used));
            message.push_str(&format!(
                "Container {name} was using {used}, request is {request}, has larger consumption of {resource}. "
            ));
        }
    }
    message
}
