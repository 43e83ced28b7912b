//! Random clusters, changed step by step: what is remembered from one pod to the next must never show. Each pod is decided about
//! twice, with what is remembered of the pods before it and without.

use std::sync::Arc;

use crate::client::View;
use crate::rng::Rng;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::framework::registry::Profile;
use crate::scheduler::framework::runtime::{Feasibility, best};
use crate::scheduler::framework::{Context, Framework, PodInfo};
use crate::scheduler::queue::Nominator;
use crate::testing::{NodeBuilder, PodBuilder, node, pod};

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

fn one_of<'a>(rng: &mut Rng, words: &[&'a str]) -> &'a str {
    words[rng.below(words.len() as u32) as usize]
}

fn random_node(rng: &mut Rng) -> NodeBuilder {
    let name = format!("node-{:02}", rng.below(14));
    let mut node = node(&name).cpu(one_of(rng, &["2", "4"])).pods(6);
    if rng.below(5) > 0 {
        node = node.zone(one_of(rng, &["a", "b", "c"]));
    }
    if rng.below(3) == 0 {
        node = node.label("disk", one_of(rng, &["ssd", "hdd"]));
    }
    if rng.below(4) == 0 {
        node = node.taint("gpu", "yes", one_of(rng, &["NoSchedule", "PreferNoSchedule", "NoExecute"]));
    }
    if rng.below(6) == 0 {
        node = node.image("app:1", 400 * 1024 * 1024);
    }
    if rng.below(12) == 0 { node.unschedulable() } else { node }
}

fn random_pod(rng: &mut Rng, name: &str) -> PodBuilder {
    let app = one_of(rng, &["web", "db"]);
    let other = ("app", one_of(rng, &["web", "db"]));
    let key = one_of(rng, &[HOST, ZONE]);
    let mut pod = pod(name)
        .namespace(one_of(rng, &["default", "default", "other"]))
        .label("app", app)
        .cpu(one_of(rng, &["100m", "500m", "1", "2"]))
        .memory(one_of(rng, &["64Mi", "1Gi"]))
        .priority(rng.below(3) as i32)
        .started(u64::from(rng.below(100)));
    if rng.below(4) == 0 {
        pod = pod.toleration("gpu", "Exists", "", "");
    }
    let soft = |pod: PodBuilder, key: &str| pod.spread(1, key, "ScheduleAnyway", ("app", app));
    match rng.below(18) {
        0 => pod.node_selector("disk", "ssd"),
        1 => pod.preferred_node_affinity(10, &[("disk", "In", &["hdd"])]),
        2 => pod.pod_affinity(other, key),
        3 | 4 => pod.pod_anti_affinity(other, key),
        5 => pod.preferred_pod_affinity(7, other, key),
        6 => pod.spread(1, key, "DoNotSchedule", ("app", app)),
        7 => pod.spread(2, key, "ScheduleAnyway", ("app", app)),
        8 => pod.host_port("", "TCP", 8080),
        9 => pod.node_affinity(&[("disk", "Exists", &[])]).spread(1, ZONE, "DoNotSchedule", ("app", app)),
        10 => soft(soft(pod, HOST), ZONE),
        11 => soft(pod.spread(1, HOST, "DoNotSchedule", ("app", app)), "disk"),
        12 => pod.spread(2, HOST, "DoNotSchedule", ("app", app)).preferred_pod_affinity(-5, other, HOST),
        13 => pod.pod_anti_affinity(other, HOST).preferred_node_affinity(3, &[("disk", "Exists", &[])]),
        14 => pod.pod_affinity(other, HOST).pod_anti_affinity(("app", "none"), ZONE),
        _ => pod,
    }
}

/// What is said of a pod.
#[derive(Debug, PartialEq)]
struct Decision {
    /// The nodes with the highest total, in the order of their names.
    leaders: Vec<String>,
    /// If there is none: what every node has said, the sentence, and what preemption would do.
    refusals: Vec<String>,
}

/// Who asks whom.
struct Asking<'a> {
    framework: &'a Framework,
    cx: Context<'a>,
    pod: &'a PodInfo,
    seed: u64,
}

impl Asking<'_> {
    fn refusals(&self, memory: &mut Memory, found: &Feasibility) -> Vec<String> {
        let (cache, diagnosis) = (self.cx.cache, &found.diagnosis);
        let mut said = Vec::new();
        for index in cache.order() {
            let status = diagnosis.answer_of(*index).expect("a node that does not fit says why");
            let name = &cache.node(*index).name;
            said.push(format!("{name} {} {:?} {}", status.plugin, status.code, status.message()));
        }
        let rejectors: Vec<u8> = (0..32).filter(|place| diagnosis.rejectors.contains(*place)).collect();
        said.push(format!("{rejectors:?} {}", diagnosis.message(cache.len())));
        let mut rng = Rng::new(self.seed, "preempt");
        match self.framework.run_post_filter(&self.cx, memory, found, self.pod, &mut rng) {
            Ok(result) => said.push(format!("{:?} {:?}", result.victims, result.step(cache))),
            Err(status) => said.push(status.message()),
        }
        // The next draw tells whether as many were made.
        said.push(rng.below(1_000).to_string());
        said
    }

    /// Node by node.
    fn by_node(&self, memory: &mut Memory) -> Decision {
        let mut found = self.framework.find_nodes_that_fit(&self.cx, memory, self.pod);
        if found.nodes.is_empty() {
            return Decision { leaders: Vec::new(), refusals: self.refusals(memory, &found) };
        }
        let scores = self.framework.score(&self.cx, memory, &mut found.state, self.pod, &found.nodes);
        let (highest, _) = best(&scores.totals);
        let totals = found.nodes.iter().zip(&scores.totals);
        let leaders = totals.filter(|(_, total)| **total == highest);
        let leaders = leaders.map(|(index, _)| self.cx.cache.node(*index).name.to_string()).collect();
        Decision { leaders, refusals: Vec::new() }
    }

    /// As the scheduler asks, once for each node that may be drawn.
    fn by_choice(&self, memory: &mut Memory) -> Decision {
        let (mut leaders, mut nth) = (Vec::new(), 0);
        loop {
            let (found, choice) = self.framework.choose(&self.cx, memory, self.pod, &mut |_| nth);
            let Some(choice) = choice else {
                return Decision { leaders, refusals: self.refusals(memory, &found) };
            };
            leaders.push(self.cx.cache.node(choice.node).name.to_string());
            nth += 1;
            if nth == choice.tied {
                return Decision { leaders, refusals: Vec::new() };
            }
        }
    }
}

#[test]
fn what_is_remembered_never_shows() {
    let framework = Framework::new(&Profile::default());
    let (mut feasible, mut rejected) = (0, 0);
    for seed in 0..12 {
        let mut rng = Rng::new(seed, "agreement");
        let (mut cache, mut nominator) = (Cache::default(), Nominator::default());
        let mut memory = Memory::default();
        let mut there: Vec<Arc<PodInfo>> = Vec::new();
        for _ in 0..6 {
            cache.set_node(&random_node(&mut rng).build());
        }
        for step in 0..220 {
            match rng.below(20) {
                0 => cache.set_node(&random_node(&mut rng).build()),
                1 => cache.remove_node(&format!("node-{:02}", rng.below(14))),
                2..5 if !there.is_empty() => {
                    let gone = there.remove(rng.below(there.len() as u32) as usize);
                    cache.remove_pod(gone.uid());
                    nominator.remove(gone.uid());
                }
                5 => {
                    let promised = random_pod(&mut rng, &format!("promised-{step}")).build();
                    let promised = Arc::new(PodInfo::new(promised));
                    nominator.add(promised.clone(), &format!("node-{:02}", rng.below(14)));
                    there.push(promised);
                }
                _ => {}
            }
            let info = Arc::new(PodInfo::new(random_pod(&mut rng, &format!("pod-{step}")).build()));
            let view = View::default();
            let cx = Context { cache: &cache, view: &view, nominator: &nominator };
            let asking = Asking { framework: &framework, cx, pod: &info, seed };
            let plain = asking.by_node(&mut Memory::off());
            assert_eq!(asking.by_choice(&mut memory), plain, "seed {seed}, step {step}");
            assert_eq!(asking.by_node(&mut memory), plain, "seed {seed}, step {step}, node by node");
            if let Some(node) = plain.leaders.last() {
                feasible += 1;
                cache.assume_pod(info.clone(), &node.as_str().into());
                there.push(info);
            } else {
                rejected += 1;
            }
        }
    }
    assert!(feasible > 500 && rejected > 200, "both ways are taken: {feasible} and {rejected}");
}
