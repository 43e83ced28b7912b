//! Goal: whatever goes wrong, nothing that must hold is violated, and once it is mended everybody has what was asked for.
//!
//! Method: see `kubeviz::scenario::chaos`. `kubeviz chaos --seeds A..B` runs more seeds; a failure says which, and what was done.

use kubeviz::clock::SimDuration;
use kubeviz::rng::Rng;
use kubeviz::scenario::chaos;
use kubeviz::sim::{Config, Simulation};

/// Few enough for every run of the tests.
const SEEDS: u64 = 16;
/// How often something is done to a StatefulSet.
const DEEDS: u32 = 40;

#[test]
fn clusters_survive_what_goes_wrong() {
    let failed: Vec<String> = (1..=SEEDS).filter_map(|seed| chaos::run(seed).err()).collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n\n"));
}

#[test]
fn a_seed_goes_the_same_way_twice() {
    assert_eq!(chaos::run(1), chaos::run(1));
}

/// The controller itself holds every look at a few pods against a look at all of them, in builds with such checks.
#[test]
fn a_stateful_set_looks_at_few_of_its_pods_as_at_all() {
    let only = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(1..=2 * SEEDS, |seed| seed..=seed) {
        println!("SEED={seed}");
        let (mut simulation, mut rng) = (Simulation::new(Config::small(seed)), Rng::new(seed, "deeds"));
        simulation.apply(&stateful_set(&mut rng));
        for _ in 0..DEEDS {
            let until = simulation.now() + SimDuration::from_millis(u64::from(rng.below(8_000)));
            simulation.advance(until, u64::MAX);
            let line = deed(&mut rng);
            match line.strip_prefix("apply ") {
                Some("set") => simulation.apply(&stateful_set(&mut rng)),
                Some(name) => simulation.apply(&lone_pod(name)),
                None => simulation.kubectl_line(&line),
            };
        }
        simulation.advance(simulation.now() + SimDuration::from_secs(120), u64::MAX);
    }
}

/// What is done next to the set `web`, its pods or what it stands on.
fn deed(rng: &mut Rng) -> String {
    let (pod, few) = (format!("web-{}", rng.below(7)), rng.below(4));
    let patch = |patch: &str| format!("kubectl patch sts web -p '{{\"spec\":{{{patch}}}}}'");
    let owned = |owners: &str| {
        format!("kubectl patch pvc data-{pod} -p '{{\"metadata\":{{\"ownerReferences\":[{owners}]}}}}'")
    };
    match rng.below(24) {
        0..=3 => format!("kubectl scale sts web --replicas={}", rng.below(8)),
        4..=6 => format!("kubectl set image sts/web web=nginx:1.{few}"),
        7 => patch(&format!("\"updateStrategy\":{{\"rollingUpdate\":{{\"partition\":{few}}}}}")),
        8 => patch("\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":null}"),
        9 => patch("\"updateStrategy\":{\"type\":\"RollingUpdate\"}"),
        10 => patch(&format!("\"ordinals\":{{\"start\":{few}}}")),
        11 => patch(&format!("\"minReadySeconds\":{}", 5 * (few / 3))),
        12 => patch(&format!(
            "\"persistentVolumeClaimRetentionPolicy\":{{\"whenScaled\":\"{}\"}}",
            if few == 0 { "Delete" } else { "Retain" }
        )),
        13 => format!("kubectl label pod {pod} app={} --overwrite", ["web", "else"][few as usize % 2]),
        14 => format!("kubectl label pod {pod} controller-revision-hash=x{few} --overwrite"),
        15 => format!("kubectl label pod {pod} apps.kubernetes.io/pod-index=x{few} --overwrite"),
        16 => format!("kubectl delete pod {pod} --wait=false"),
        17 => format!("kubectl delete pod {pod} --grace-period=0 --force --wait=false"),
        18 if few == 0 => format!("fault kill {pod}"),
        18 | 19 => format!("fault unhealthy {pod} --for 60s"),
        20 => format!("fault node node-1 {}", ["off", "on", "on", "cut"][few as usize]),
        21 => ["apply web-3", "apply web-03", "fault restart statefulset-controller", "apply set"]
            [few as usize]
            .into(),
        22 if few == 0 => "kubectl delete sts web --cascade=orphan".into(),
        22 => format!("kubectl delete pvc data-{pod} --wait=false"),
        _ if few < 2 => owned("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"web-1\",\"uid\":\"1-2\"}"),
        _ => "apply set".into(),
    }
}

fn stateful_set(rng: &mut Rng) -> String {
    let policy = ["OrderedReady", "Parallel"][rng.below(2) as usize];
    let claims = match rng.below(2) {
        0 => "",
        _ => {
            "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce], \
             resources: {requests: {storage: 1Gi}}}\n"
        }
    };
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: web}}\nspec:\n  replicas: {}\n  serviceName: web\n  \
         podManagementPolicy: {policy}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: \
         {{app: web}}}}\n    spec:\n      containers: [{{name: web, image: 'nginx:1.0', readinessProbe: {{httpGet: {{port: 80}}, periodSeconds: 1}}}}]\n{claims}",
        rng.below(8)
    )
}

fn lone_pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: web}}}}\nspec:\n  containers: [{{name: web, \
         image: 'nginx:1.0'}}]\n"
    )
}
