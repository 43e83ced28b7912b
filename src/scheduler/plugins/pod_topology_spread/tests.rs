//! Zones `a` (nodes a1, a2) and `b` (node b1), and pods labelled `app: web` in them.

use super::*;
use crate::client::View;
use crate::scheduler::cache::Cache;
use crate::scheduler::plugins::test_support::{cluster, filter_all, scores_in};
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
