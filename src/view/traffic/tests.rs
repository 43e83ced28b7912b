use super::*;
use crate::clock::{SimDuration, SimTime};
use crate::network::wire::Fate;
use crate::network::{LoadSpec, Target};
use crate::sim::{Config, Input, Simulation};

const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web, tier: front}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: right, labels: {app: web, tier: front}}
spec: {containers: [{name: web, image: example.com/web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: wrong, labels: {app: web, tier: back}}
spec: {containers: [{name: web, image: example.com/web}]}
";

fn loaded() -> Simulation {
    let mut simulation = Simulation::new(Config::small(1));
    simulation.apply(WEB);
    simulation.advance(SimTime::from_secs(10), u64::MAX);
    let target = Target::parse("svc/web").unwrap_or_else(|why| panic!("{why}"));
    simulation.submit(Input::Load(LoadSpec::new("web", target, 100)));
    simulation.advance(SimTime::from_secs(20), u64::MAX);
    simulation
}

#[test]
fn a_lane_shows_which_pods_pass_its_sieve_and_which_key_holds_others_back() {
    let simulation = loaded();
    let lanes = lanes(simulation.view());
    let lane = &lanes[0];
    let sieve: Vec<(&str, bool, Vec<bool>)> = lane
        .sieve
        .iter()
        .map(|pod| (pod.name.as_str(), pod.passes, pod.keys.iter().map(|(_, right)| *right).collect()))
        .collect();
    assert_eq!(sieve, [("right", true, vec![true, true]), ("wrong", false, vec![true, false])]);
    let valves: Vec<(Option<&str>, bool)> =
        lane.endpoints.iter().map(|row| (row.pod_name.as_deref(), row.ready)).collect();
    assert_eq!(valves, [(Some("right"), true)]);
}

#[test]
fn meters_of_an_earlier_time_leave_out_what_came_later() {
    let simulation = loaded();
    let at = |secs: u64, millis: u64| {
        let time = SimTime::from_secs(secs) + SimDuration::from_millis(millis);
        let meters = meters(simulation.network(), time);
        meters.loads.first().map(|load| (load.sent, load.answered + load.under_way, load.series.len()))
    };
    assert_eq!(at(9, 0), None);
    assert_eq!(at(12, 999), Some((300, 300, 3)));
    assert_eq!(at(18, 999), Some((900, 900, 9)));
}

#[test]
fn a_dot_goes_to_the_service_and_on_to_its_endpoint_and_ends_there() {
    let simulation = loaded();
    let way = SimDuration::from_millis(800);
    let at = |millis: u64| {
        let time = SimTime::from_secs(15) + SimDuration::from_millis(millis);
        dots(simulation.network(), time, way, 1_000)
    };
    let first = at(0).last().map(|dot| dot.sample.id).unwrap_or_default();
    let one = |millis: u64| at(millis).into_iter().find(|dot| dot.sample.id == first);
    let placed = |millis: u64| one(millis).map(|dot| (dot.leg, dot.along / 100, dot.fate.is_some()));
    assert!(matches!(placed(0), Some((Leg::In, 0, false))), "{:?}", placed(0));
    assert!(matches!(placed(200), Some((Leg::In, 5, false))), "{:?}", placed(200));
    assert!(matches!(placed(600), Some((Leg::Out, 5, false))), "{:?}", placed(600));
    assert!(matches!(placed(1_000), Some((Leg::Out, 10, true))), "{:?}", placed(1_000));
    assert_eq!(placed(1_300), None);
    let dot = one(0).unwrap_or_else(|| panic!("no dot"));
    assert_eq!((dot.service(), dot.sample.pod_name.as_deref()), (Some("default/web"), Some("right")));
}

#[test]
fn of_many_dots_some_are_drawn_the_same_ones_in_every_frame() {
    let simulation = loaded();
    let ids = |millis: u64, max: usize| -> Vec<u64> {
        let time = SimTime::from_secs(15) + SimDuration::from_millis(millis);
        let found = dots(simulation.network(), time, SimDuration::from_millis(800), max);
        found.iter().map(|dot| dot.sample.id).collect()
    };
    let (all, few, later) = (ids(0, 1_000), ids(0, 40), ids(100, 40));
    assert!(all.len() > 80 && (10..=40).contains(&few.len()), "{} {}", all.len(), few.len());
    let still = ids(100, 1_000);
    assert!(few.iter().filter(|id| still.contains(id)).all(|id| later.contains(id)), "{few:?} {later:?}");
}

#[test]
fn a_request_without_an_endpoint_ends_at_the_service() {
    let mut simulation = loaded();
    let line = "kubectl delete pod right --now".into();
    simulation.submit(Input::Kubectl { line, stdin: None, files: Default::default() });
    simulation.advance(SimTime::from_secs(30), u64::MAX);
    let found = dots(simulation.network(), SimTime::from_secs(30), SimDuration::from_millis(800), 40);
    let ended: Vec<&Dot> = found.iter().filter(|dot| dot.fate.is_some()).collect();
    assert!(!ended.is_empty());
    assert!(
        ended.iter().all(|dot| (dot.leg, dot.along, dot.fate) == (Leg::In, 1_000, Some(Fate::NoEndpoints))),
        "{ended:?}"
    );
}

const COLOURS: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop, colour: blue}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop-blue}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop, colour: blue}}
  template: {metadata: {labels: {app: shop, colour: blue}}, spec: {containers: [{name: a, image: nginx}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop-green}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop, colour: green}}
  template: {metadata: {labels: {app: shop, colour: green}}, spec: {containers: [{name: a, image: nginx}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, labels: {app: other, colour: red}}
spec: {containers: [{name: a, image: nginx}]}
";

fn kubectl(simulation: &mut Simulation, line: &str) {
    simulation.submit(Input::Kubectl { line: line.into(), stdin: None, files: Default::default() });
}

#[test]
fn a_service_is_switched_from_one_workload_to_another_by_the_line_that_is_offered() {
    let mut simulation = Simulation::new(Config::small(1));
    simulation.apply(COLOURS);
    simulation.advance(SimTime::from_secs(30), u64::MAX);
    let members = |simulation: &Simulation| lanes(simulation.view()).remove(0).members;
    let told = |members: &[Member]| -> Vec<(String, bool, usize, usize)> {
        members.iter().map(|one| (one.name.clone(), one.passes, one.ready, one.count)).collect()
    };
    let before = members(&simulation);
    assert_eq!(told(&before), [("shop-blue".into(), true, 2, 2), ("shop-green".into(), false, 3, 3)]);
    assert_eq!(before[0].switch, None);
    let line = before[1].switch.clone().unwrap_or_default();
    assert_eq!(line, "kubectl set selector service/shop -n default app=shop,colour=green");
    kubectl(&mut simulation, &line);
    simulation.advance(SimTime::from_secs(40), u64::MAX);
    let after = members(&simulation);
    assert_eq!(told(&after), [("shop-blue".into(), false, 2, 2), ("shop-green".into(), true, 3, 3)]);
    assert!(after[0].switch.is_some() && after[1].switch.is_none());
}

/// A load on a Service of two pods with this hook, of which one is deleted so.
fn race(hook: &str, how: &str) -> Race {
    let mut simulation = Simulation::new(Config::small(1));
    let web = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: web}}}}\nspec: {{containers: [{{name: web, image: nginx{hook}}}]}}\n---\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    simulation.apply(&format!("{}{}{service}", web("a"), web("b")));
    simulation.advance(SimTime::from_secs(20), u64::MAX);
    let target = Target::parse("svc/web").unwrap_or_else(|why| panic!("{why}"));
    simulation.submit(Input::Load(LoadSpec::new("web", target, 100)));
    simulation.advance(SimTime::from_secs(30), u64::MAX);
    kubectl(&mut simulation, &format!("kubectl delete pod a {how}"));
    simulation.advance(SimTime::from_secs(50), u64::MAX);
    let at = |secs: u64| meters(simulation.network(), SimTime::from_secs(secs)).races;
    assert_eq!((at(29).len(), at(90).len()), (0, 0));
    let mut found = at(50);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn a_pod_that_closes_before_every_node_knows_loses_requests_and_one_with_a_hook_does_not() {
    let hasty = race("", "--wait=false");
    assert!(hasty.gap().is_some() && hasty.lost > 0, "{hasty:?}");
    let patient = race(", lifecycle: {preStop: {sleep: {seconds: 5}}}", "--wait=false");
    assert!(patient.pre_stop && patient.gap().is_none() && patient.lost == 0, "{patient:?}");
    for race in [hasty, patient] {
        let closes = race.closes.unwrap_or_default();
        let gone = race.gone.unwrap_or_default();
        assert!(race.deleted < race.left && race.deleted < closes && closes <= gone, "{race:?}");
    }
}

#[test]
fn a_pod_that_is_deleted_by_force_is_gone_before_its_endpoint() {
    let forced = race("", "--force --grace-period=0");
    assert_eq!(forced.gone, Some(forced.deleted), "{forced:?}");
    assert!(forced.left > forced.deleted && forced.gap().is_some(), "{forced:?}");
}
