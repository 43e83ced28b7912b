//! Goal: whatever is done to a cluster, in whatever order, nothing that must hold is violated, and the same seed and inputs
//! give the same run by every way there.
//!
//! Method: a seeded generator makes a workload (Deployments come, change and go, pods are deleted, nodes are cordoned, join
//! and leave). It is run with every invariant checked after every event, twice over, through a snapshot, and through a
//! recording that is sought back and forth. A failure names its seed: `SEED=17 cargo test --test simulation` runs that alone.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kubeviz::api::{Deployment, Kind, MetaExt, Node, Pod, condition};
use kubeviz::apiserver::View;
use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::rng::Rng;
use kubeviz::sim::hop::Deed;
use kubeviz::sim::{Config, Grain, Input, NodeSpec, Progress, Recording, Simulation};
use sorted::SortedSet;

const SEEDS: u64 = 32;
const STEPS: usize = 30;

/// One thing done at a time.
#[derive(Clone, Debug)]
struct Act {
    at: SimTime,
    input: Input,
}

#[test]
fn invariants_hold_and_what_can_run_runs_in_the_end() {
    for_each_seed(SEEDS, |seed| {
        let mut simulation = Simulation::new(config(seed));
        let workload = workload(seed);
        play(&mut simulation, &workload);
        settle(&mut simulation);
        everything_wanted_is_ready(simulation.view());
        nothing_more_is_written(&mut simulation);
    });
}

#[test]
fn the_same_seed_and_inputs_give_the_same_run() {
    for_each_seed(SEEDS / 8, |seed| {
        let run = || {
            let mut simulation = Simulation::new(config(seed));
            play(&mut simulation, &workload(seed));
            simulation
        };
        let (first, second) = (run(), run());
        assert_same(&first, &second);
        assert_eq!(first.digest(), second.digest(), "the same digest");
        let mut other = Simulation::new(config(seed + 1));
        play(&mut other, &workload(seed));
        let names = |simulation: &Simulation| -> Vec<String> {
            simulation.view().list::<Pod>(None).map(|pod| pod.name().to_string()).collect()
        };
        assert!(names(&first).is_empty() || names(&first) != names(&other), "another seed draws other names");
    });
}

#[test]
fn a_snapshot_goes_on_as_the_run_it_was_taken_from() {
    for_each_seed(SEEDS / 4, |seed| {
        let workload = workload(seed);
        let (before, after) = workload.split_at(STEPS / 2);
        let mut straight = Simulation::new(config(seed));
        play(&mut straight, before);
        let mut restored = straight.clone();
        play(&mut straight, after);
        settle(&mut straight);
        play(&mut restored, after);
        settle(&mut restored);
        assert_same(&straight, &restored);
    });
}

#[test]
fn a_recording_looked_at_everywhere_is_the_same_run() {
    for_each_seed(SEEDS / 4, |seed| {
        let workload = workload(seed);
        let mut straight = Simulation::new(config(seed));
        play(&mut straight, &workload);
        let mut recording = Recording::new(config(seed));
        for (index, act) in workload.iter().enumerate() {
            recording.advance(act.at, u64::MAX);
            if index % 5 == 4 {
                recording.seek(SimTime(act.at.0 / 2));
                recording.seek(act.at);
            }
            recording.submit(act.input.clone());
        }
        assert_same(&straight, recording.live());
        assert!(recording.runs().is_empty(), "looking leaves no future");
    });
}

#[test]
fn every_moment_looks_the_same_from_before_and_from_after() {
    for_each_seed(SEEDS / 4, |seed| {
        let mut recording = Recording::new(config(seed));
        let mut seen: Vec<(SimTime, View)> = Vec::new();
        for act in workload(seed) {
            recording.advance(act.at, u64::MAX);
            recording.submit(act.input);
            // One moment may hold several inputs: look just after it, where there is only one answer.
            let after = act.at + SimDuration::from_micros(1);
            recording.advance(after, u64::MAX);
            seen.retain(|(at, _)| *at != after);
            seen.push((after, recording.view().clone()));
        }
        for (at, want) in seen.iter().rev().chain(&seen) {
            recording.seek(*at);
            let view = recording.view();
            assert_eq!(view.revision(), want.revision(), "at {at}");
            let same = view.all().zip(want.all()).all(|(here, then)| here.0 == then.0 && here.1 == then.1);
            assert!(same && view.len() == want.len(), "the objects at {at}");
        }
    });
}

#[test]
fn acting_in_the_past_is_as_if_the_future_had_not_been() {
    for_each_seed(SEEDS / 4, |seed| {
        let workload = workload(seed);
        // Turn back to the middle of a pause, where the past is not in doubt.
        let pause = (STEPS / 2..STEPS - 1).find(|index| workload[index - 1].at < workload[*index].at);
        let pause = pause.unwrap_or_else(|| panic!("the workload has a pause"));
        let (before, after) = workload.split_at(pause);
        let turn = SimTime((before[pause - 1].at.0 + after[0].at.0) / 2);
        let other = kubectl("kubectl create namespace elsewhere", None);
        let mut straight = Simulation::new(config(seed));
        play(&mut straight, before);
        straight.advance(turn, u64::MAX);
        straight.submit(other.clone());
        settle(&mut straight);
        let mut recording = Recording::new(config(seed));
        for act in before.iter().chain(after) {
            recording.advance(act.at.max(recording.position()), u64::MAX);
            recording.submit(act.input.clone());
        }
        recording.seek(turn);
        recording.submit(other);
        let mut forked = recording.live().clone();
        settle(&mut forked);
        assert_eq!(recording.runs().len(), 1, "the old future is kept");
        assert_same(&straight, &forked);
    });
}

#[test]
fn a_run_that_was_left_can_be_taken_up_again_and_has_its_own_past() {
    for_each_seed(SEEDS / 4, |seed| {
        let create = |name: &str| kubectl(&format!("kubectl create deployment {name} --image=nginx"), None);
        let mut recording = Recording::new(config(seed));
        let act = |recording: &mut Recording, seconds: u64, name: &str| {
            recording.seek(SimTime::from_secs(seconds));
            recording.submit(create(name));
            recording.advance(SimTime::from_secs(80), u64::MAX);
        };
        recording.advance(SimTime::from_secs(20), u64::MAX);
        act(&mut recording, 20, "first");
        // Each of these parts from the one before.
        act(&mut recording, 60, "late");
        act(&mut recording, 40, "early");
        act(&mut recording, 10, "earliest");
        let numbers =
            |recording: &Recording| -> Vec<usize> { recording.runs().iter().map(|run| run.number).collect() };
        assert_eq!((recording.number(), numbers(&recording)), (3, vec![0, 1, 2]));
        let live: Vec<_> = recording.runs().iter().map(|run| run.simulation.clone()).collect();
        for number in [0, 1, 2] {
            assert!(recording.take_up(number) && !recording.take_up(number));
            assert_same(recording.live(), &live[number]);
            // Its past, as it is read and as it is replayed for a new future.
            let turn = SimTime::from_secs(50);
            let mut straight = Simulation::new(config(seed));
            for entry in live[number].journal().entries().take_while(|entry| entry.time <= turn) {
                straight.advance(entry.time, u64::MAX);
                straight.submit(entry.input.clone());
            }
            straight.advance(turn, u64::MAX);
            recording.seek(turn);
            assert_eq!(recording.view().revision(), straight.revision());
            assert_same(&recording.moment(), &straight);
        }
        assert_eq!((recording.number(), numbers(&recording)), (2, vec![3, 0, 1]));
    });
}

#[test]
fn a_journal_played_again_in_small_parts_is_the_same_run() {
    for_each_seed(SEEDS / 4, |seed| {
        let mut straight = Simulation::new(config(seed));
        play(&mut straight, &workload(seed));
        let mut recording = Recording::new(config(seed));
        for entry in straight.journal().entries() {
            while recording.advance_to(entry, 3) == Progress::Busy {}
            recording.submit(entry.input.clone());
        }
        recording.advance(straight.now(), u64::MAX);
        assert_same(&straight, recording.live());
        assert_eq!(straight.digest(), recording.live().digest(), "the same digest");
    });
}

#[test]
fn single_events_lead_through_the_past_both_ways() {
    for_each_seed(SEEDS / 8, |seed| {
        let config = || Config { check_invariants: false, ..config(seed) };
        let mut recording = Recording::new(config());
        recording.submit(kubectl("kubectl create deployment web --image=nginx --replicas=2", None));
        recording.advance(SimTime::from_secs(12), u64::MAX);
        recording.submit(kubectl("kubectl scale deployment web --replicas=3", None));
        recording.advance(SimTime::from_secs(30), u64::MAX);
        let end = recording.live().clone();

        recording.seek(SimTime(11_999_999));
        let mut hops = Vec::new();
        for _ in 0..40 {
            let before = recording.view().revision();
            let hop = recording.step_forward(Grain::Hop, u64::MAX).expect("there is more to come");
            assert_eq!(hop.time, recording.position());
            assert!(recording.view().revision() - before >= hop.writes);
            assert_eq!(recording.moment().revision(), recording.view().revision());
            hops.push((hop, recording.moment().events_done()));
        }
        assert_eq!(hops[0].0.deed, Deed::Input, "{:?}", hops[0].0);
        assert!(hops.iter().any(|(hop, _)| hop.writes == 0 && matches!(hop.deed, Deed::Hears(_))));
        while let Some((hop, events)) = hops.pop() {
            assert_eq!(recording.moment().events_done(), events);
            assert_eq!(recording.step_back(Grain::Hop).expect("there is a past"), hop);
        }
        assert_same(recording.live(), &end);

        // From the first event to the last one, and beyond what was recorded.
        recording.seek(SimTime::ZERO);
        (0..10).for_each(|_| _ = recording.step_forward(Grain::Hop, u64::MAX));
        while recording.step_back(Grain::Hop).is_some() {}
        assert_same(&recording.moment(), &Simulation::new(config()));
        while recording.is_in_past() {
            recording.step_forward(Grain::Hop, u64::MAX);
        }
        assert_same(recording.live(), &end);
        recording.submit(kubectl("kubectl delete deployment web", None));
        let heard = recording.step_forward(Grain::Hop, u64::MAX).expect("somebody hears of it");
        assert!(matches!(heard.deed, Deed::Hears(_)) && heard.time > end.now(), "{heard:?}");
    });
}

#[test]
fn stepping_on_from_the_last_change_recorded_leads_to_the_end_of_the_recording() {
    let mut recording = Recording::new(config(1));
    recording.submit(kubectl("kubectl create deployment web --image=nginx", None));
    recording.advance(SimTime::from_secs(100), u64::MAX);
    recording.seek(SimTime::from_secs(50));
    assert_eq!(recording.step_forward(Grain::Story, u64::MAX), None);
    assert_eq!((recording.position(), recording.end()), (SimTime::from_secs(100), SimTime::from_secs(100)));
}

#[test]
fn inputs_that_write_nothing_are_steps_of_their_own() {
    let mut recording = Recording::new(config(1));
    recording.advance(SimTime::from_secs(10), u64::MAX);
    for _ in 0..3 {
        recording.submit(kubectl("kubectl get pods", None));
    }
    let end = recording.live().clone();
    for given in [2, 1, 0] {
        assert_eq!(recording.step_back(Grain::Hop).map(|hop| hop.deed), Some(Deed::Input));
        assert!(recording.is_in_past());
        assert_eq!(recording.moment().journal().len(), given);
    }
    while recording.is_in_past() {
        recording.step_forward(Grain::Hop, u64::MAX);
    }
    assert_same(recording.live(), &end);
}

/// Runs a test for each seed, or for the one of the environment, and says which it was that failed.
fn for_each_seed(seeds: u64, test: impl Fn(u64)) {
    let only = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(1..=seeds, |seed| seed..=seed);
    for seed in seeds {
        if catch_unwind(AssertUnwindSafe(|| test(seed))).is_err() {
            panic!("failed with SEED={seed}; the message is above");
        }
    }
}

fn config(seed: u64) -> Config {
    Config { check_invariants: true, ..Config::small(seed) }
}

fn play(simulation: &mut Simulation, workload: &[Act]) {
    for act in workload {
        simulation.advance(act.at.max(simulation.now()), u64::MAX);
        simulation.submit(act.input.clone());
    }
}

/// Opens every node and lets the cluster come to rest.
fn settle(simulation: &mut Simulation) {
    let cordoned = |node: &&Node| node.spec.unschedulable == Some(true);
    let names: Vec<String> =
        simulation.view().list::<Node>(None).filter(cordoned).map(|node| node.name().to_string()).collect();
    for name in names {
        simulation.kubectl_line(&format!("kubectl uncordon {name}"));
    }
    let limit = simulation.now() + SimDuration::from_secs(3_600);
    assert!(simulation.run_until_quiet(limit), "the cluster comes to rest within an hour");
}

#[track_caller]
fn everything_wanted_is_ready(view: &View) {
    for deployment in view.list::<Deployment>(None) {
        let wanted = deployment.spec.replicas.unwrap_or(1);
        let status = &deployment.status;
        let counts =
            [status.replicas, status.ready_replicas, status.updated_replicas, status.available_replicas];
        assert_eq!(
            counts.map(Option::unwrap_or_default),
            [wanted; 4],
            "{} has come to rest",
            deployment.name()
        );
    }
    for pod in view.list::<Pod>(None) {
        assert!(condition::is_true(pod.status.conditions.as_deref(), "Ready"), "{} is ready", pod.name());
    }
}

/// A cluster at rest renews its leases, and does nothing else.
#[track_caller]
fn nothing_more_is_written(simulation: &mut Simulation) {
    let rest = simulation.revision();
    simulation.advance(simulation.now() + SimDuration::from_secs(60), u64::MAX);
    let busy = |kind: Kind| kind != Kind::LEASE && kind != Kind::NODE;
    let written = simulation.api().store().since(rest).find(|change| busy(change.key.kind));
    if let Some(change) = written {
        panic!("{} still writes {} at {}", change.actor.component(), change.key, change.time);
    }
}

/// Two runs are equal; if not, says where they part.
#[track_caller]
fn assert_same(left: &Simulation, right: &Simulation) {
    let changes = left.api().store().since(0).zip(right.api().store().since(0));
    for (left, right) in changes {
        let same = left.time == right.time
            && left.key == right.key
            && left.actor == right.actor
            && left.after == right.after;
        assert!(
            same,
            "write {} differs: {} of {} at {}, and {} of {} at {}",
            left.revision,
            left.actor.component(),
            left.key,
            left.time,
            right.actor.component(),
            right.key,
            right.time
        );
    }
    assert_eq!(left.revision(), right.revision(), "as many writes");
}

/// What is done to the cluster: the same for the same seed.
fn workload(seed: u64) -> Vec<Act> {
    let mut rng = Rng::new(seed, "workload");
    let mut state = Generator::default();
    let mut at = SimTime::ZERO;
    (0..STEPS)
        .map(|_| {
            // Half of the time things happen in the middle of others.
            let wait = if rng.below(2) == 0 { rng.below(300) } else { rng.below(8_000) };
            at += SimDuration::from_millis(u64::from(wait));
            Act { at, input: state.next(&mut rng) }
        })
        .collect()
}

#[derive(Default)]
struct Generator {
    deployments: Vec<u32>,
    made: u32,
    joined: u32,
}

impl Generator {
    fn next(&mut self, rng: &mut Rng) -> Input {
        let node = 1 + rng.below(3);
        match rng.below(12) {
            0..=2 => self.create(rng),
            3 | 4 => self
                .change(rng, |rng, name| format!("kubectl scale deploy/{name} --replicas={}", rng.below(7))),
            5 | 6 => self.change(rng, |rng, name| {
                format!("kubectl set image deploy/{name} web=nginx:1.{}", rng.below(20))
            }),
            7 => self.delete(rng),
            8 => self.change(rng, |_, name| format!("kubectl delete pods -l app={name} --wait=false")),
            9 => kubectl(&format!("kubectl cordon node-{node}"), None),
            10 => kubectl(&format!("kubectl uncordon node-{node}"), None),
            _ => {
                self.joined += 1;
                Input::AddNode(NodeSpec::new(&format!("late-{}", self.joined)).in_zone("zone-a"))
            }
        }
    }

    fn create(&mut self, rng: &mut Rng) -> Input {
        self.made += 1;
        self.deployments.push(self.made);
        let (surge, unavailable) =
            [("1", "0"), ("0", "1"), ("25%", "25%"), ("2", "1"), ("100%", "50%")][rng.below(5) as usize];
        let manifest = format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: d{name}}}
spec:
  replicas: {replicas}
  minReadySeconds: {min_ready}
  selector: {{matchLabels: {{app: d{name}}}}}
  strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}
  template:
    metadata: {{labels: {{app: d{name}}}}}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
      - name: web
        image: nginx:1.27
        resources: {{requests: {{cpu: {cpu}m, memory: 32Mi}}}}
",
            name = self.made,
            replicas = rng.below(6),
            min_ready = [0, 0, 3][rng.below(3) as usize],
            grace = [0, 1, 30][rng.below(3) as usize],
            cpu = 10 + rng.below(90),
        );
        kubectl("kubectl apply -f -", Some(manifest))
    }

    fn change(&mut self, rng: &mut Rng, line: impl Fn(&mut Rng, &str) -> String) -> Input {
        match self.deployments.len() as u32 {
            0 => self.create(rng),
            count => {
                let name = format!("d{}", self.deployments[rng.below(count) as usize]);
                kubectl(&line(rng, &name), None)
            }
        }
    }

    fn delete(&mut self, rng: &mut Rng) -> Input {
        match self.deployments.len() as u32 {
            0 => self.create(rng),
            count => {
                let name = self.deployments.remove(rng.below(count) as usize);
                kubectl(&format!("kubectl delete deploy d{name} --wait=false"), None)
            }
        }
    }
}

fn kubectl(line: &str, stdin: Option<String>) -> Input {
    Input::Kubectl { line: line.into(), stdin, files: Default::default() }
}

/// What is due next in a cluster on which a manifest was applied a minute ago, in seconds.
fn due_next(manifest: &str) -> Option<u64> {
    let mut simulation = Simulation::new(Config::small(7));
    let files = BTreeMap::from([("m.yaml".to_string(), manifest.to_string())]);
    simulation.submit(Input::Kubectl { line: "kubectl apply -f m.yaml".into(), stdin: None, files });
    simulation.advance(SimTime::from_secs(60), u64::MAX);
    simulation.next_activity().map(|time| time.0 / 1_000_000)
}

#[test]
fn a_cluster_at_rest_has_nothing_due_and_one_that_is_stuck_its_deadline() {
    let deployment = include_str!("fixtures/myapp-deploy.yaml");
    let nowhere = "    spec:\n      nodeSelector: {disk: none}\n";
    assert_eq!(due_next(deployment), None, "rolled out");
    assert_eq!(due_next(&deployment.replacen("    spec:\n", nowhere, 1)), Some(601), "no node for its pods");
}

const SET: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 12
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: db, image: 'redis:7'}]}
";

const CLAIMS: &str = "
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
";

/// In a build for tests every look of the StatefulSet controller that passes over pods is held against one that does not.
#[test]
fn a_set_of_many_pods_is_scaled_mended_and_rolled_over() {
    for claims in ["", CLAIMS] {
        let mut simulation = Simulation::new(Config::small(3));
        simulation.apply(&format!("{SET}{}", claims.trim_start_matches('\n')));
        let lines = [
            "delete pod db-3 db-11 --wait=false",
            "label pod db-7 apps.kubernetes.io/pod-index-",
            "scale statefulset db --replicas=14",
            "set image statefulset db db=redis:8",
            r#"patch statefulset db -p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"}}}'"#,
            r#"patch pvc data-db-5 --type=merge -p '{"metadata":{"ownerReferences":[]}}'"#,
            "scale statefulset db --replicas=11",
        ];
        for (turn, line) in (1..).zip(lines) {
            simulation.advance(SimTime::from_secs(120 * turn), u64::MAX);
            let line = format!("kubectl {line}");
            simulation.submit(Input::Kubectl { line, stdin: None, files: Default::default() });
        }
        simulation.advance(SimTime::from_secs(1_200), u64::MAX);
        let pods = simulation.view().list::<Pod>(Some("default"));
        let new = pods.filter(|pod| pod.spec.containers[0].image.as_deref() == Some("redis:8"));
        let names: SortedSet<String> = new.map(|pod| pod.name().to_string()).collect();
        assert_eq!(names, (0..11).map(|ordinal| format!("db-{ordinal}")).collect());
    }
}
