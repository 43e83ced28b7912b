//! Random clusters, changed step by step: what is remembered from one pod to the next must never show. Each pod is decided about
//! twice, with what is remembered of the pods before it and without, by one of several profiles that share what is remembered.

use std::sync::Arc;

use serde_json::json;

use crate::api::{Kind, Object};
use crate::client::View;
use crate::rng::Rng;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::likeness::Likenesses;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::configuration::Configuration;
use crate::scheduler::framework::registry::Profile;
use crate::scheduler::framework::runtime::{Feasibility, best};
use crate::scheduler::framework::{Context, Framework, PodInfo};
use crate::scheduler::plugins::test_support::{
    bound_claim, claim, object, put, view_of, volume, waiting_class,
};
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
    if rng.below(15) == 0 {
        pod = pod.nominated(&format!("node-{:02}", rng.below(14)));
    }
    let soft = |pod: PodBuilder, key: &str| pod.spread(1, key, "ScheduleAnyway", ("app", app));
    match rng.below(24) {
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
        15 => pod.claim(one_of(rng, &["near", "far", "alone", "waiting", "missing"])),
        16 => pod.claim("waiting").pod_anti_affinity(other, HOST),
        17 => pod.owned_by("ReplicaSet", "web"),
        _ => pod,
    }
}

/// Claims with and without a volume, one of which may have a single user only.
fn storage() -> Vec<Object> {
    vec![
        waiting_class("slow", "kubernetes.io/no-provisioner", json!({})),
        bound_claim("near", "v1"),
        volume("v1", "9Gi", &[], &["node-01", "node-02", "node-03", "node-04", "node-05"]),
        bound_claim("far", "v2"),
        volume("v2", "9Gi", &[(ZONE, "a")], &[]),
        claim("alone", "ReadWriteOncePod", "slow"),
        claim("waiting", "ReadWriteOnce", "slow"),
        volume("v3", "9Gi", &[], &["node-02", "node-07", "node-09"]),
        volume("v4", "5Gi", &[], &["node-03"]),
    ]
}

/// What pods may belong to comes and goes, and so do volumes.
fn change_view(rng: &mut Rng, view: &mut View) {
    let changed = match rng.below(3) {
        0 => volume(one_of(rng, &["v3", "v5"]), "6Gi", &[], &[one_of(rng, &["node-04", "node-06"])]),
        1 => object(
            Kind::SERVICE,
            json!({
                "metadata": {"name": one_of(rng, &["s1", "s2"]), "namespace": "default"},
                "spec": {"selector": {"app": one_of(rng, &["web", "db"])}},
            }),
        ),
        _ => object(
            Kind::REPLICA_SET,
            json!({
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"selector": {"matchLabels": {"app": one_of(rng, &["web", "db"])}}},
            }),
        ),
    };
    put(view, changed);
}

/// Several profiles of one scheduler: the default one, and others with weights, plugins and arguments of their own.
fn profiles() -> Vec<Framework> {
    const CONFIGURATION: &str = "
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: packing
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 3}, {name: memory, weight: 1}]}}
  - name: NodeAffinity
    args: {addedAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
      {weight: 5, preference: {matchExpressions: [{key: disk, operator: Exists}]}}]}}
- schedulerName: strict
  plugins:
    score:
      disabled: [{name: ImageLocality}]
      enabled: [{name: TaintToleration, weight: 9}]
  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints: [{maxSkew: 2, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}]
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 40}
";
    let default = Profile::default();
    let heavy = Profile::default().named("heavy").weighing("InterPodAffinity", 30).without("NodePorts");
    let configured = Configuration::parse(CONFIGURATION).expect("a configuration").profiles;
    [default, heavy].iter().chain(&configured).map(Framework::new).collect()
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
            let name = &cache.node(*index).name;
            if let Some(status) = diagnosis.status(*index) {
                said.push(format!("{name} {} {:?} {}", status.plugin, status.code, status.message()));
            }
        }
        if let Some(error) = &found.error {
            said.push(error.clone());
            return said;
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
    let frameworks = profiles();
    let (mut feasible, mut rejected) = (0, 0);
    for seed in 0..12 {
        let mut rng = Rng::new(seed, "agreement");
        let (mut cache, mut nominator) = (Cache::default(), Nominator::default());
        let (mut memory, mut likenesses) = (Memory::default(), Likenesses::default());
        let mut view = view_of(storage());
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
                6 => change_view(&mut rng, &mut view),
                _ => {}
            }
            let info = PodInfo::new(random_pod(&mut rng, &format!("pod-{step}")).build());
            let info = if rng.below(2) == 0 { Arc::new(info) } else { likenesses.mark(info) };
            let framework = &frameworks[rng.below(frameworks.len() as u32) as usize];
            let cx = Context { cache: &cache, view: &view, nominator: &nominator };
            let asking = Asking { framework, cx, pod: &info, seed };
            let plain = asking.by_node(&mut Memory::off());
            assert_eq!(asking.by_choice(&mut memory), plain, "seed {seed}, step {step}");
            assert_eq!(asking.by_node(&mut memory), plain, "seed {seed}, step {step}, node by node");
            if let Some(node) = plain.leaders.last() {
                feasible += 1;
                cache.assume_pod(info.clone(), cache.index(node).expect("a node that is there"));
                there.push(info);
            } else {
                rejected += 1;
            }
        }
    }
    assert!(feasible > 500 && rejected > 200, "both ways are taken: {feasible} and {rejected}");
}
