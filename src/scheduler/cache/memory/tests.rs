//! Random clusters, changed step by step: what is remembered from one pod to the next must never show. Each pod is decided about
//! twice, with what is remembered of the pods before it and without.

use std::sync::Arc;

use crate::client::View;
use crate::rng::Rng;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::framework::registry::Profile;
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
    match rng.below(12) {
        0 => pod.node_selector("disk", "ssd"),
        1 => pod.preferred_node_affinity(10, &[("disk", "In", &["hdd"])]),
        2 => pod.pod_affinity(other, key),
        3 | 4 => pod.pod_anti_affinity(other, key),
        5 => pod.preferred_pod_affinity(7, other, key),
        6 => pod.spread(1, key, "DoNotSchedule", ("app", app)),
        7 => pod.spread(2, key, "ScheduleAnyway", ("app", app)),
        8 => pod.host_port("", "TCP", 8080),
        9 => pod.node_affinity(&[("disk", "Exists", &[])]).spread(1, ZONE, "DoNotSchedule", ("app", app)),
        _ => pod,
    }
}

/// Everything a decision says, as text: who fits, what the others said, the totals, and what preemption would do.
fn decide(
    framework: &Framework,
    cache: &Cache,
    memory: &mut Memory,
    nominator: &Nominator,
    pod: &PodInfo,
    seed: u64,
) -> Vec<String> {
    let view = View::default();
    let cx = Context { cache, view: &view, nominator };
    let mut found = framework.find_nodes_that_fit(&cx, memory, pod);
    let name = |index: &u32| cache.node(*index).name.to_string();
    let mut said: Vec<String> = found.nodes.iter().map(|index| format!("{} fits", name(index))).collect();
    for index in cache.order() {
        if let Some(status) = found.diagnosis.answer_of(*index) {
            said.push(format!("{} {} {:?} {}", name(index), status.plugin, status.code, status.message()));
        }
    }
    let rejectors: Vec<u8> = (0..32).filter(|place| found.diagnosis.rejectors.contains(*place)).collect();
    said.push(format!("{rejectors:?} {}", found.diagnosis.message(cache.len())));
    if found.nodes.is_empty() {
        match framework.run_post_filter(&cx, memory, &found, pod, &mut Rng::new(seed, "preempt")) {
            Ok(result) => said.push(format!("{:?} {:?}", result.victims, result.step(cache))),
            Err(status) => said.push(status.message()),
        }
    } else {
        let totals = framework.totals(&cx, memory, &mut found.state.clone(), pod, &found.nodes);
        let scores = framework.score(&cx, memory, &mut found.state, pod, &found.nodes);
        assert_eq!(totals, scores.totals, "the sums with and without their parts");
        said.push(format!("{totals:?}"));
    }
    said
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
            let fast = decide(&framework, &cache, &mut memory, &nominator, &info, seed);
            assert_eq!(
                fast,
                decide(&framework, &cache, &mut Memory::off(), &nominator, &info, seed),
                "seed {seed}, step {step}"
            );
            let place = fast.first().and_then(|line| line.strip_suffix(" fits"));
            if let Some(node) = place {
                feasible += 1;
                cache.assume_pod(info.clone(), &node.into());
                there.push(info);
            } else {
                rejected += 1;
            }
        }
    }
    assert!(feasible > 500 && rejected > 200, "both ways are taken: {feasible} and {rejected}");
}
