//! `kubeviz bench schedule`: pods placed one after the other, every node looked at and scored. The workloads are those of
//! upstream's `scheduler_perf`. Two things are measured: the scheduling cycle alone, from the head of the queue to the pod that
//! counts on its node in the cache ([`Schedule`]); and all that the scheduler does for a pod, from the watch that tells of it to
//! the binding and the event written to the API server ([`Whole`]).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::explain::SchedulingDecision;
use crate::api::{Kind, MetaExt, Node, Object, Pod};
use crate::client::{Actor, ApiServer, Client, Informer, View};
use crate::rng::Rng;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::likeness::Likenesses;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::decision::{Outcome, record};
use crate::scheduler::framework::registry::Profile;
use crate::scheduler::framework::{Context, Framework, PodInfo};
use crate::scheduler::queue::Nominator;
use crate::scheduler::{Options, Scheduler};
use crate::sim::{Config, Simulation};

/// The class of pods that may have others removed.
const IMPORTANT: &str = "important";

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

    /// Whether there is no place for more pods than in proportion to the nodes.
    pub fn uses_nodes_up(self) -> bool {
        matches!(self, Workload::Preempt | Workload::AntiAffinity)
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
    pods: Vec<Arc<PodInfo>>,
    explain: bool,
    memory: Memory,
    records: Vec<SchedulingDecision>,
}

impl Schedule {
    /// So many pods for a cluster of so many nodes. `explain` keeps a record of every decision.
    pub fn new(seed: u64, nodes: u32, pods: u32, workload: Workload, explain: bool) -> Schedule {
        let view = Simulation::new(Config::sized(seed, nodes)).view().clone();
        let mut cache = Cache::default();
        view.list::<Node>(None).for_each(|node| cache.set_node(node));
        let mut likenesses = Likenesses::default();
        if workload.is_on_full_nodes() {
            for (pod, node) in fillers(&view) {
                cache.set_pod(likenesses.mark_placed(PodInfo::new(pod)), &node);
            }
        }
        let framework = Arc::new(Framework::new(&Profile::default()));
        let pods = all_pods(workload, nodes, pods).map(|pod| likenesses.mark(PodInfo::new(pod))).collect();
        let (memory, records) = (Memory::default(), Vec::new());
        Schedule { framework, cache, view, pods, explain, memory, records }
    }

    /// The same without anything remembered from one pod to the next.
    #[must_use]
    pub fn plainly(mut self) -> Schedule {
        self.memory = Memory::off();
        self
    }

    /// Places every pod, and says where: the node's name, or the message that says why there is none.
    pub fn run(&mut self, mut report: impl FnMut(Result<&str, &str>)) {
        let nominator = Nominator::default();
        let mut rng = Rng::new(1, "bench");
        for info in std::mem::take(&mut self.pods) {
            let cx = Context { cache: &self.cache, view: &self.view, nominator: &nominator };
            let (mut found, choice) =
                self.framework.choose(&cx, &mut self.memory, &info, &mut |tied| rng.below(tied));
            let Some(choice) = choice else {
                let outcome = self.framework.run_post_filter(&cx, &mut self.memory, &found, &info, &mut rng);
                if let Err(status) = &outcome {
                    found.diagnosis.post_filter_message = status.message();
                }
                let message = found.diagnosis.message(self.cache.len());
                if self.explain {
                    let preemption = outcome.as_ref().ok().map(|result| result.step(&self.cache));
                    let ended = Outcome { message: &message, preemption, ..Default::default() };
                    self.records.push(record(&self.framework, &cx, &info, 1, &found.diagnosis, ended));
                }
                match outcome {
                    Ok(result) => {
                        result.victims.iter().for_each(|(_, _, uid)| self.cache.remove_pod(uid));
                        report(Ok(&result.nominated_node));
                        self.cache.set_pod(info, &result.nominated_node);
                    }
                    Err(_) => report(Err(&message)),
                }
                continue;
            };
            let node = &self.cache.node(choice.node).name;
            if self.explain {
                let ended = Outcome { selected: Some(node), tied: choice.tied, ..Default::default() };
                self.records.push(record(&self.framework, &cx, &info, 1, &found.diagnosis, ended));
            }
            report(Ok(node));
            self.cache.assume_pod(info, choice.node);
        }
    }
}

/// A scheduler and an API server with pods that nobody has told it of.
pub struct Whole {
    api: ApiServer,
    informer: Informer,
    scheduler: Scheduler,
}

impl Whole {
    /// So many pods for a cluster of so many nodes. `explain` keeps a record of every decision.
    ///
    /// # Errors
    /// What the API server says if it refuses a pod.
    pub fn new(seed: u64, nodes: u32, pods: u32, workload: Workload, explain: bool) -> Result<Whole, String> {
        let mut api = Simulation::new(Config::sized(seed, nodes)).api().clone();
        let options = if explain { Options::recorded() } else { Options::unrecorded() };
        let (mut informer, mut scheduler) = (Informer::default(), Scheduler::with_options(seed, options));
        let important = json!({"metadata": {"name": IMPORTANT}, "value": 10});
        let important =
            Object::from_value(Kind::PRIORITY_CLASS, important).map_err(|error| error.to_string())?;
        let created = Client::new(&mut api, Actor::Environment, None).create_object(important);
        created.map_err(|refused| refused.message)?;
        let create = |pod: Pod, api: &mut ApiServer| {
            Client::new(api, Actor::Environment, None).create(pod, None).map(|_| ())
        };
        if workload.is_on_full_nodes() {
            for (mut pod, node) in fillers(api.view()) {
                Arc::make_mut(&mut pod.spec).node_name = Some(node.to_string());
                create(pod, &mut api).map_err(|refused| refused.message)?;
            }
        }
        let changes = informer.deliver(&api);
        scheduler.observe(&changes, informer.view(), api.now());
        for pod in all_pods(workload, nodes, pods) {
            create(pod, &mut api).map_err(|refused| refused.message)?;
        }
        Ok(Whole { api, informer, scheduler })
    }

    /// Tells the scheduler of all pods and lets it try each of them once. Says how many attempts that were.
    pub fn run(&mut self) -> u32 {
        let changes = self.informer.deliver(&self.api);
        self.scheduler.observe(&changes, self.informer.view(), self.api.now());
        let mut attempts = 0;
        while self.scheduler.has_work() {
            self.scheduler.schedule_one(&mut Client::new(&mut self.api, Actor::Scheduler, None));
            attempts += 1;
        }
        attempts
    }
}

/// Four pods of one CPU for every node, which has four.
fn fillers(view: &View) -> Vec<(Pod, Arc<str>)> {
    let mut fillers = Vec::new();
    for (number, node) in view.list::<Node>(None).enumerate() {
        for place in 0..4 {
            let spec = json!({"containers": [container("1", "16Mi")], "priority": 0});
            let name_of_pod = format!("low-{number}-{place}");
            let meta = json!({"name": name_of_pod, "namespace": "default", "uid": name_of_pod});
            if let Some(pod) = read(json!({"metadata": meta, "spec": spec})) {
                fillers.push((pod, node.name().into()));
            }
        }
    }
    fillers
}

fn all_pods(workload: Workload, nodes: u32, pods: u32) -> impl Iterator<Item = Pod> {
    // With one pod per node, a second round is of another kind.
    let kind = move |number: u32| {
        if workload == Workload::AntiAffinity { number / nodes.max(1) } else { 0 }
    };
    (0..pods).map(move |number| pod(workload, number, kind(number)))
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
        Workload::Preempt => {
            spec = json!({
                "containers": [container("1", "16Mi")], "priority": 10, "priorityClassName": IMPORTANT,
            });
        }
        Workload::Unschedulable => spec = json!({"containers": [container("1", "16Mi")], "priority": 0}),
    }
    let name = format!("web-{number}");
    let meta = json!({"name": name, "namespace": "default", "uid": name, "labels": {"app": app}});
    read(json!({"metadata": meta, "spec": spec})).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut work: Schedule) -> Vec<Result<String, String>> {
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

    #[test]
    fn the_whole_way_of_every_pod_is_gone_once() {
        for (word, workload) in Workload::ALL {
            let mut whole = Whole::new(1, 12, 40, workload, true).expect(word);
            assert_eq!(whole.run(), 40, "{word}");
        }
    }
}
