//! When a node is short of something, what it says then, and which pod has to go. Models `pkg/kubelet/eviction`: the
//! thresholds of `--eviction-hard`, the ranking of pods, the messages.

use super::admission::is_critical;
use super::pod_worker::{PodWorker, Stage};
use super::usage::{Amounts, request_text};
use crate::api::MetaExt;
use crate::api::explain::{EvictionRank, EvictionStep};
use crate::api::pod_status::pod_request_milli;
use crate::api::{quantity, sorting};
use crate::client::metrics::Metrics;

/// `--eviction-hard` unless a node's annotation `kubeviz.dev/eviction-hard` says otherwise.
pub const DEFAULT_HARD: &str = "memory.available<100Mi,nodefs.available<10%,imagefs.available<15%";

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

/// A threshold that has been passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// What is short.
    pub what: Shortage,
    /// So much has to be left.
    pub threshold: i64,
    /// So much is.
    pub available: i64,
}

/// The thresholds that are passed, the one to act on first. `hard` is written as the kubelet's flag.
pub fn met(hard: &str, capacity: Amounts, used: Amounts) -> Vec<Met> {
    let mut all: Vec<Met> = hard.split(',').filter_map(|one| one_met(one, capacity, used)).collect();
    sorting::sort_by(&mut all, |a, b| a.what.cmp(&b.what));
    all
}

fn one_met(threshold: &str, capacity: Amounts, used: Amounts) -> Option<Met> {
    let (signal, value) = threshold.split_once('<')?;
    let what = match signal.trim() {
        "memory.available" => Shortage::Memory,
        "nodefs.available" | "imagefs.available" => Shortage::Disk,
        "pid.available" => Shortage::Pids,
        _ => return None,
    };
    let whole = what.of(capacity);
    let threshold = match value.trim().strip_suffix('%') {
        Some(percent) => share(whole, percent)?,
        None => quantity::parse(value.trim())?.value(),
    };
    let available = whole - what.of(used);
    (available < threshold).then_some(Met { what, threshold, available })
}

/// So many percent of an amount. The kubelet keeps a percentage as a float of 32 bits, and its error shows in the message: it
/// is worked out here in integers of the same precision.
fn share(whole: i64, percent: &str) -> Option<i64> {
    let percent: u64 = percent.trim().parse().ok().filter(|percent| (1..=100).contains(percent))?;
    let mut shift = 0u32;
    while (percent << (shift + 1)) / 100 < 1 << 24 {
        shift += 1;
    }
    let mantissa = ((percent << (shift + 1)) / 100).div_ceil(2);
    i64::try_from((i128::from(whole) * i128::from(mantissa)) >> shift).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    const GIBI: i64 = 1 << 30;

    #[test]
    fn a_threshold_is_an_amount_or_a_share() {
        let capacity = Amounts { memory: 8 * GIBI, disk: 100 * GIBI, pids: 1_000 };
        let check = |hard: &str, memory: i64, disk: i64, pids: i64| -> Vec<(Shortage, i64, i64)> {
            let used = Amounts { memory, disk, pids };
            met(hard, capacity, used).iter().map(|met| (met.what, met.threshold, met.available)).collect()
        };
        assert_eq!(check(DEFAULT_HARD, 7 * GIBI, 80 * GIBI, 990), []);
        let short = 8 * GIBI - (99 << 20);
        assert_eq!(check(DEFAULT_HARD, short, 0, 0), [(Shortage::Memory, 100 << 20, 99 << 20)]);
        // 15 % of 100Gi, with the error of a float of 32 bits.
        assert_eq!(check(DEFAULT_HARD, 0, 86 * GIBI, 0), [(Shortage::Disk, 16_106_128_000, 14 * GIBI)]);
        let both = "nodefs.available<10%,memory.available<1Gi,pid.available<5%";
        let found = check(both, 8 * GIBI, 91 * GIBI, 960);
        assert_eq!(
            found,
            [
                (Shortage::Memory, GIBI, 0),
                (Shortage::Disk, 10_737_418_400, 9 * GIBI),
                (Shortage::Pids, 50, 40)
            ]
        );
        assert_eq!(check("memory.available<lots,nodefs.inodesFree<5%", 8 * GIBI, 0, 0), []);
    }
}
