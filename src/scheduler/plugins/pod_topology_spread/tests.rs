//! Zones `a` (nodes a1, a2) and `b` (node b1), and pods labelled `app: web` in them.

use serde_json::json;

use super::*;
use crate::client::View;
use crate::scheduler::cache::Cache;
use crate::scheduler::plugins::test_support::{cluster, filter_all, object, scores_in, updated, view_of};
use crate::testing::{NodeBuilder, PodBuilder, node, pod};

const ZONE: &str = "topology.kubernetes.io/zone";
const WEB: (&str, &str) = ("app", "web");

fn zones() -> [NodeBuilder; 3] {
    [node("a1").zone("a"), node("a2").zone("a"), node("b1").zone("b")]
}

fn webs(nodes: &[&str]) -> Vec<PodBuilder> {
    nodes.iter().enumerate().map(|(n, node)| pod(&format!("w{n}")).label("app", "web").node(node)).collect()
}

fn hard(max_skew: i32) -> PodBuilder {
    pod("p").label("app", "web").spread(max_skew, ZONE, "DoNotSchedule", WEB)
}

#[track_caller]
fn check(what: &str, pod: PodBuilder, cache: &Cache, fits: [bool; 3]) {
    let got = filter_all(PodTopologySpread::default(), pod, cache, &View::default());
    assert_eq!(got.iter().map(Option::is_none).collect::<Vec<_>>(), fits, "{what}: {got:?}");
}

#[test]
fn a_domain_may_be_ahead_by_no_more_than_max_skew() {
    let even = cluster(zones(), webs(&["a1", "b1"]));
    let ahead = cluster(zones(), webs(&["a1", "a2", "b1"]));
    check("even", hard(1), &even, [true, true, true]);
    check("a is ahead by one already", hard(1), &ahead, [false, false, true]);
    check("two are allowed", hard(2), &ahead, [true, true, true]);
    let other = pod("p").spread(1, ZONE, "DoNotSchedule", WEB);
    check("a pod that does not count itself", other, &ahead, [true, true, true]);
    let outside = cluster([node("a1").zone("a"), node("b1").zone("b"), node("c1")], webs(&[]));
    check("a node without the label", hard(1), &outside, [true, true, false]);
}

#[test]
fn with_too_few_domains_one_counts_as_empty() {
    let cache = cluster(zones(), webs(&["a1", "b1"]));
    let picky = |domains| {
        hard(1).with(|spec| {
            if let Some(list) = &mut spec.topology_spread_constraints {
                list[0].min_domains = Some(domains);
            }
        })
    };
    check("two of two", picky(2), &cache, [true, true, true]);
    check("two of three", picky(3), &cache, [false, false, false]);
}

#[test]
fn nodes_that_the_pod_may_not_use_are_left_out_of_the_count() {
    let nodes = [node("a1").zone("a"), node("b1").zone("b"), node("c1").zone("c").label("off", "yes")];
    let cache = cluster(nodes, webs(&["a1", "b1"]));
    check("zone c is empty", hard(1), &cache, [false, false, true]);
    let elsewhere = || hard(1).node_affinity(&[("off", "DoesNotExist", &[])]);
    check("zone c is out of reach, and does not count", elsewhere(), &cache, [true, true, true]);
}

#[test]
fn the_emptier_domain_scores_higher() {
    let cache = cluster(zones(), webs(&["a1", "a1", "b1"]));
    let soft = pod("p").label("app", "web").spread(1, ZONE, "ScheduleAnyway", WEB);
    let got = scores_in(PodTopologySpread::default(), soft, &cache, &View::default());
    assert_eq!(got, [33, 33, 100]);
}

#[test]
fn a_pod_that_belongs_to_nothing_is_not_spread() {
    let cache = cluster(zones(), webs(&["a1"]));
    let got = scores_in(PodTopologySpread::default(), pod("p").label("app", "web"), &cache, &View::default());
    assert_eq!(got, [] as [i64; 0]);
}

#[test]
fn only_the_systems_own_constraints_count_nodes_without_the_label() {
    let service =
        json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}}});
    let view = view_of([object(Kind::SERVICE, service)]);
    let cache = cluster([node("a1").zone("a"), node("c1")], webs(&["a1"]));
    let score = |plugin| scores_in(plugin, pod("p").label("app", "web"), &cache, &view);
    assert_eq!(score(PodTopologySpread::default()), [22, 100]);
    let constraint = json!({"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway"});
    let args = json!({"defaultingType": "List", "defaultConstraints": [constraint]});
    let args = Args { value: &args, path: Default::default() };
    let defaults = DefaultConstraints::read(&args).expect("arguments that are right");
    assert_eq!(score(PodTopologySpread { defaults }), [100, 0]);
}

#[test]
fn only_what_changes_the_count_wakes_a_pod() {
    let hint = |event: (EventResource, Action), change: Change| {
        let (cache, view, nominator) = Default::default();
        let cx = Context { cache: &cache, view: &view, nominator: &nominator };
        let waiting = PodInfo::new(hard(1).build());
        PodTopologySpread::default().is_schedulable_after(
            &cx,
            &ClusterEvent::new(event.0, event.1),
            &change,
            &waiting,
        ) == Hint::Queue
    };
    let labels = (EventResource::AssignedPod, Action::UPDATE_POD_LABEL);
    let web = || pod("w").label("app", "web").node("a1");
    assert!(hint(labels, updated(web().build(), pod("w").node("a1").build())), "no longer counted");
    assert!(!hint(labels, updated(web().build(), web().label("tier", "x").build())), "counted as before");
    let ended = updated(web().build(), web().phase("Succeeded").build());
    assert!(hint((EventResource::AssignedPod, Action::DELETE), ended));
    let of_node = |action| (EventResource::Kind(Kind::NODE), action);
    let moved = updated(node("n").zone("a").build(), node("n").zone("b").build());
    assert!(hint(of_node(Action::UPDATE_NODE_LABEL), moved));
    let labelled = updated(node("n").zone("a").build(), node("n").zone("a").label("x", "y").build());
    assert!(!hint(of_node(Action::UPDATE_NODE_LABEL), labelled));
    let tainted =
        |plain: NodeBuilder| updated(plain.clone().build(), plain.taint("gpu", "", "NoSchedule").build());
    assert!(hint(of_node(Action::UPDATE_NODE_TAINT), tainted(node("n").zone("a"))));
    assert!(!hint(of_node(Action::UPDATE_NODE_TAINT), tainted(node("n"))), "it is in no domain");
}
