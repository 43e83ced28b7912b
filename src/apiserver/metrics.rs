//! The resource metrics API (`metrics.k8s.io`), with what kubelets would measure behind it. Nothing runs here, so use is a
//! matter of what is asked for: by annotations, by the setting for all containers, or else a small share of the request;
//! and of the requests that the network brings: their CPU comes on top, or in place of that share.
//!
//! | annotation | value | meaning |
//! |---|---|---|
//! | `kubeviz.dev/cpu-use`, `kubeviz.dev/memory-use` | quantity | what the pod uses, shared evenly by its running containers |
//! | `kubeviz.dev/<container>.cpu-use`, `….memory-use` | quantity | what that container uses |
//!
//! On a node, `kubeviz.dev/cpu-use` and `kubeviz.dev/memory-use` are what its system uses besides its pods, as a quantity or as a share
//! of what it has (`95%`). What `stress` and its kin are told to use, they use.

use std::sync::Arc;

use sorted::SortedMap;

use super::View;
use crate::api::k8s::Container;
use crate::api::{MetaExt, Node, Pod, condition, quantity};
use crate::clock::SimDuration;

/// What annotations begin with.
const PREFIX: &str = "kubeviz.dev/";
/// Each measurement is over so long a time (`window`).
pub const WINDOW: SimDuration = SimDuration::from_secs(15);
/// What a container without request uses: 1m, and 8Mi in thousandths of a byte.
const IDLE: Use = Use { cpu: 1, memory: 8 * 1024 * 1024 * 1000 };
/// What the system of a node uses besides its pods: 100m and 256Mi.
const SYSTEM: Use = Use { cpu: 100, memory: 256 * 1024 * 1024 * 1000 };

/// Amounts of CPU and memory, in thousandths of a CPU and of a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// CPU.
    pub cpu: i64,
    /// Memory.
    pub memory: i64,
}

impl Use {
    /// The amount of a resource; `None` for one that is not measured.
    pub fn of(self, resource: &str) -> Option<i64> {
        match resource {
            "cpu" => Some(self.cpu),
            "memory" => Some(self.memory),
            _ => None,
        }
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Use) -> Use {
        Use { cpu: self.cpu.saturating_add(other.cpu), memory: self.memory.saturating_add(other.memory) }
    }
}

/// The CPU that requests cost containers, by the pod's uid and the container's name, in thousandths.
pub type Measured = SortedMap<(Arc<str>, Arc<str>), i64>;

/// A measuring cluster: what is used where no annotation says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// What requests cost. A container that has had any uses that instead of a share of its request.
    pub measured: Arc<Measured>,
    /// What every container uses.
    pub container: Option<Use>,
    /// What every node uses, whatever its pods do.
    pub node: Option<Use>,
}

impl Metrics {
    /// What each running container of a pod uses, in the order of the pod's containers. `None` for a pod that nobody can
    /// measure: one that does not run, or whose node is lost.
    pub fn of_pod<'a>(&self, pod: &'a Pod, view: &View) -> Option<Vec<(&'a str, Use)>> {
        let node = view.get::<Node>("", pod.spec.node_name.as_deref()?)?;
        if !condition::is_true(node.status.conditions.as_deref(), "Ready") {
            return None;
        }
        let sidecars = pod.spec.init_containers.iter().flatten();
        let running: Vec<&Container> = pod
            .spec
            .containers
            .iter()
            .chain(sidecars)
            .filter(|container| runs(pod, &container.name))
            .collect();
        let count = i64::try_from(running.len()).ok().filter(|count| *count > 0)?;
        Some(
            running
                .iter()
                .map(|container| (&*container.name, self.of_container(pod, container, count)))
                .collect(),
        )
    }

    /// What a running container uses that shares what its pod is said to use with so many.
    pub fn of_container(&self, pod: &Pod, container: &Container, sharers: i64) -> Use {
        let measured =
            self.measured.get(&(Arc::from(pod.uid()), Arc::from(container.name.as_str()))).copied();
        let amount = |resource: &str, share: i64| {
            let read = |name: &str| quantity::parse(pod.annotation(name)?).map(quantity::Parsed::milli);
            let own = read(&format!("{PREFIX}{}.{resource}-use", container.name));
            let asked = own.or_else(|| read(&format!("{PREFIX}{resource}-use")).map(|whole| whole / sharers));
            let asked =
                asked.or_else(|| self.container?.of(resource)).or_else(|| of_command(container, resource));
            let asked = asked.or(measured.filter(|_| resource == "cpu").map(|_| IDLE.cpu));
            asked.or_else(|| {
                let requests = container.resources.as_ref()?.requests.as_ref()?;
                Some(quantity::milli(requests.get(resource)?) / share)
            })
        };
        let cpu = amount("cpu", 10).unwrap_or(IDLE.cpu).saturating_add(measured.unwrap_or(0));
        // Above its limit it is throttled.
        let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        let limit =
            limits.and_then(|limits| limits.get("cpu")).map(quantity::milli).filter(|limit| *limit > 0);
        let cpu = limit.map_or(cpu, |limit| cpu.min(limit));
        Use { cpu, memory: amount("memory", 4).unwrap_or(IDLE.memory) }
    }

    /// What a node uses; `None` for one that is lost.
    pub fn of_node(&self, node: &Node, view: &View) -> Option<Use> {
        let pods = view.list::<Pod>(None).filter(|pod| pod.spec.node_name.as_deref() == Some(node.name()));
        let uses = pods.filter_map(|pod| self.of_pod(pod, view)).flatten();
        self.of_node_with(node, uses.map(|(_, used)| used))
    }

    /// The same, where it is known what its pods use.
    pub fn of_node_with(&self, node: &Node, pods: impl Iterator<Item = Use>) -> Option<Use> {
        if !condition::is_true(node.status.conditions.as_deref(), "Ready") {
            return None;
        }
        self.node.or_else(|| Some(pods.fold(of_system(node), Use::plus)))
    }
}

/// What the system of a node uses besides its pods, in thousandths.
pub fn of_system(node: &Node) -> Use {
    let own = |resource: &str| of_system_by_annotation(node, resource, resource);
    Use { cpu: own("cpu").unwrap_or(SYSTEM.cpu), memory: own("memory").unwrap_or(SYSTEM.memory) }
}

/// What a node's annotation `kubeviz.dev/<name>-use` says, in thousandths: a quantity, or a percentage of its capacity.
pub fn of_system_by_annotation(node: &Node, name: &str, resource: &str) -> Option<i64> {
    let text = node.annotation(&format!("{PREFIX}{name}-use"))?;
    let Some(percent) = text.strip_suffix('%') else {
        return quantity::parse(text).map(quantity::Parsed::milli);
    };
    let percent: i64 = percent.parse().ok().filter(|percent| (0..=100).contains(percent))?;
    let capacity = quantity::parse(&node.status.capacity.as_ref()?.get(resource)?.0)?.milli();
    Some(capacity / 100 * percent)
}

/// What a load generator is told to use: `stress --vm 1 --vm-bytes 150M`, `stress-ng --cpu 2`, `-cpus 2`.
fn of_command(container: &Container, resource: &str) -> Option<i64> {
    let words =
        || container.command.iter().chain(&container.args).flatten().flat_map(|text| text.split_whitespace());
    let stresses = container.image.as_deref().unwrap_or_default().contains("stress")
        || words().any(|word| word.rsplit('/').next().unwrap_or(word).starts_with("stress"));
    if !stresses {
        return None;
    }
    let option = |names: [&str; 2]| {
        let at = words().position(|word| names.contains(&word));
        let apart = at.and_then(|at| words().nth(at + 1));
        let joined = || words().find_map(|word| word.strip_prefix(names[1])?.strip_prefix('='));
        apart.or_else(joined)
    };
    let count = |names: [&str; 2]| option(names).and_then(|text| text.parse::<i64>().ok());
    match resource {
        "cpu" => count(["-c", "--cpu"]).or_else(|| count(["-cpus", "--cpus"])).map(|cpus| cpus * 1_000),
        _ => {
            // Units of the program, which are powers of two.
            let text = option(["-mem-total", "--vm-bytes"])?;
            let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
            let shift = match text[digits.len()..].to_ascii_uppercase().trim_end_matches(['B', 'I']) {
                "" => 0,
                "K" => 10,
                "M" => 20,
                "G" => 30,
                _ => return None,
            };
            let workers = count(["-m", "--vm"]).unwrap_or(1).max(1);
            digits.parse::<i64>().ok()?.checked_mul(workers)?.checked_shl(shift)?.checked_mul(1_000)
        }
    }
}

fn runs(pod: &Pod, container: &str) -> bool {
    let status = &pod.status;
    let mut all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    all.any(|one| one.name == container && one.state.as_ref().is_some_and(|state| state.running.is_some()))
}
