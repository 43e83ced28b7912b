//! `kubeviz bench schedule`: pods placed one after the other by the scheduler's framework alone, every node looked at and scored.
//! The workloads are those of upstream's `scheduler_perf`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Kind, Node, Object, Pod};
use crate::apiserver::View;
use crate::rng::Rng;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::decision::{Outcome, record};
use crate::scheduler::framework::registry::Profile;
use crate::scheduler::framework::{Context, Framework, PodInfo};
use crate::scheduler::queue::Nominator;
use crate::sim::{Config, Simulation};

/// What the pods ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A little CPU and memory.
    Basic,
    /// Two of three zones.
    Affinity,
    /// The zone of others of their kind.
    PodAffinity,
    /// A node without another of their kind.
    AntiAffinity,
    /// To be spread over the zones, or not to run.
    Spread,
    /// To be spread over the zones if possible.
    SoftSpread,
    /// Room that less important pods take, on nodes that are full of them.
    Preempt,
    /// Room that equally important pods take, on nodes that are full of them.
    Unschedulable,
}

impl Workload {
    /// The words for them on the command line.
    pub const ALL: [(&'static str, Workload); 8] = [
        ("basic", Workload::Basic),
        ("affinity", Workload::Affinity),
        ("podaffinity", Workload::PodAffinity),
        ("antiaffinity", Workload::AntiAffinity),
        ("spread", Workload::Spread),
        ("softspread", Workload::SoftSpread),
        ("preempt", Workload::Preempt),
        ("unschedulable", Workload::Unschedulable),
    ];

    /// The workload of that word.
    pub fn from_word(word: &str) -> Option<Workload> {
        Workload::ALL.iter().find(|(known, _)| *known == word).map(|(_, workload)| *workload)
    }

    fn is_on_full_nodes(self) -> bool {
        matches!(self, Workload::Preempt | Workload::Unschedulable)
    }

    /// How many of the pods are to find a node.
    pub fn expected(self, pods: u32) -> u32 {
        if self == Workload::Unschedulable { 0 } else { pods }
    }
}

/// Pods about to be placed.
pub struct Schedule {
    framework: Arc<Framework>,
    cache: Cache,
    view: View,
    pods: Vec<Pod>,
    explain: bool,
    memory: Memory,
}

impl Schedule {
    /// So many pods for a cluster of so many nodes. `explain` keeps a record of every decision.
    pub fn new(seed: u64, nodes: u32, pods: u32, workload: Workload, explain: bool) -> Schedule {
        let simulation = Simulation::new(Config::sized(seed, nodes));
        let view = simulation.view().clone();
        let mut cache = Cache::default();
        view.list::<Node>(None).for_each(|node| cache.set_node(node));
        if workload.is_on_full_nodes() {
            fill(&mut cache);
        }
        let framework = Arc::new(Framework::new(&Profile::default()));
        // With one pod per node, a second round is of another kind.
        let kind = |number: u32| if workload == Workload::AntiAffinity { number / nodes.max(1) } else { 0 };
        let pods = (0..pods).map(|number| pod(workload, number, kind(number))).collect();
        Schedule { framework, cache, view, pods, explain, memory: Memory::default() }
    }

    /// The same without anything remembered from one pod to the next.
    #[must_use]
    pub fn plainly(mut self) -> Schedule {
        self.memory = Memory::off();
        self
    }

    /// Places every pod, and says where: the node's name, or the message that says why there is none.
    pub fn run(mut self, mut report: impl FnMut(Result<&str, &str>)) {
        let nominator = Nominator::default();
        let mut rng = Rng::new(1, "bench");
        let mut memory = std::mem::take(&mut self.memory);
        let mut records = Vec::new();
        for pod in std::mem::take(&mut self.pods) {
            let info = Arc::new(PodInfo::new(pod));
            let cx = Context { cache: &self.cache, view: &self.view, nominator: &nominator };
            let (mut found, choice) =
                self.framework.choose(&cx, &mut memory, &info, &mut |tied| rng.below(tied));
            let Some(choice) = choice else {
                let outcome = self.framework.run_post_filter(&cx, &mut memory, &found, &info, &mut rng);
                if let Err(status) = &outcome {
                    found.diagnosis.post_filter_message = status.message();
                }
                let message = found.diagnosis.message(self.cache.len());
                if self.explain {
                    let preemption = outcome.as_ref().ok().map(|result| result.step(&self.cache));
                    let ended = Outcome { message: &message, preemption, ..Default::default() };
                    records.push(record(&self.framework, &cx, &info, 1, &found.diagnosis, ended));
                }
                match outcome {
                    Ok(result) => {
                        result.victims.iter().for_each(|(_, _, uid)| self.cache.remove_pod(uid));
                        report(Ok(&result.nominated_node));
                        self.cache.assume_pod(info, &result.nominated_node.as_str().into());
                    }
                    Err(_) => report(Err(&message)),
                }
                continue;
            };
            let node = self.cache.node(choice.node).name.clone();
            if self.explain {
                let ended = Outcome { selected: Some(&node), tied: choice.tied, ..Default::default() };
                records.push(record(&self.framework, &cx, &info, 1, &found.diagnosis, ended));
            }
            report(Ok(&node));
            self.cache.assume_pod(info, &node);
        }
    }
}

/// Four pods of one CPU on every node, which has four.
fn fill(cache: &mut Cache) {
    let names: Vec<Arc<str>> = cache.nodes().map(|node| node.name.clone()).collect();
    for (number, name) in names.iter().enumerate() {
        for place in 0..4 {
            let spec = json!({"containers": [container("1", "16Mi")], "priority": 0});
            let name_of_pod = format!("low-{number}-{place}");
            let meta = json!({"name": name_of_pod, "namespace": "default", "uid": name_of_pod});
            if let Some(pod) = read(json!({"metadata": meta, "spec": spec})) {
                cache.set_pod(Arc::new(PodInfo::new(pod)), name);
            }
        }
    }
}

fn container(cpu: &str, memory: &str) -> Value {
    let requests = json!({"cpu": cpu, "memory": memory});
    json!({"name": "web", "image": "nginx:1.27", "resources": {"requests": requests}})
}

fn read(tree: Value) -> Option<Pod> {
    Object::from_value(Kind::POD, tree).ok()?.as_kind().cloned()
}

fn pod(workload: Workload, number: u32, kind: u32) -> Pod {
    const ZONE: &str = "topology.kubernetes.io/zone";
    let app = format!("web-{kind}");
    let selector = json!({"matchLabels": {"app": app}});
    let near = |key: &str| {
        let term = json!({"labelSelector": selector, "topologyKey": key});
        json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]})
    };
    let spread = |unsatisfiable: &str| {
        json!([{
            "maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": unsatisfiable, "labelSelector": selector,
        }])
    };
    let mut spec = json!({"containers": [container("10m", "16Mi")], "priority": 0});
    match workload {
        Workload::Basic => {}
        Workload::Affinity => {
            let zones = json!({"key": ZONE, "operator": "In", "values": ["zone-a", "zone-b"]});
            let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [zones]}]});
            spec["affinity"]["nodeAffinity"] =
                json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
        }
        Workload::PodAffinity => spec["affinity"]["podAffinity"] = near(ZONE),
        Workload::AntiAffinity => spec["affinity"]["podAntiAffinity"] = near("kubernetes.io/hostname"),
        Workload::Spread => spec["topologySpreadConstraints"] = spread("DoNotSchedule"),
        Workload::SoftSpread => spec["topologySpreadConstraints"] = spread("ScheduleAnyway"),
        Workload::Preempt => spec = json!({"containers": [container("1", "16Mi")], "priority": 10}),
        Workload::Unschedulable => spec = json!({"containers": [container("1", "16Mi")], "priority": 0}),
    }
    let name = format!("web-{number}");
    let meta = json!({"name": name, "namespace": "default", "uid": name, "labels": {"app": app}});
    read(json!({"metadata": meta, "spec": spec})).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(work: Schedule) -> Vec<Result<String, String>> {
        let mut all = Vec::new();
        work.run(|outcome| all.push(outcome.map(String::from).map_err(String::from)));
        all
    }

    #[test]
    fn every_workload_goes_the_same_way_with_memory_and_without() {
        for (word, workload) in Workload::ALL {
            let work = || Schedule::new(1, 12, 40, workload, false);
            let (fast, plain) = (run(work()), run(work().plainly()));
            assert_eq!(fast, plain, "{word}");
            let placed = fast.iter().filter(|outcome| outcome.is_ok()).count() as u32;
            assert_eq!(placed, workload.expected(40), "{word}");
        }
    }
}
