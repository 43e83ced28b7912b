//! Every fix that is proposed is made here once more, on another scheduler, and has to help.

use super::*;
use crate::api::taint;
use crate::scheduler::plugins::test_support::cluster;
use crate::testing::{NodeBuilder, PodBuilder, node, pod};

fn fixes(nodes: Vec<NodeBuilder>, there: Vec<PodBuilder>, pod: PodBuilder) -> Vec<(String, String)> {
    let mut scheduler = Scheduler::new(1);
    scheduler.cache = cluster(nodes, there);
    let pod = pod.with(|spec| spec.scheduler_name = Some("default-scheduler".into())).build();
    let fixes = scheduler.fixes(&pod);
    for fix in fixes.iter().filter(|fix| !fix.patch.is_empty()) {
        let mut other = Scheduler::new(2);
        other.cache = scheduler.cache.clone();
        let pod = if fix.patched_node.is_empty() {
            patched(&pod, &fix.patch).expect("a patch that applies")
        } else {
            let index = other.cache.index(&fix.patched_node).expect("a node");
            let node = patched(&other.cache.node(index).node, &fix.patch).expect("a patch that applies");
            other.cache.set_node(&node);
            pod.clone()
        };
        let found = other.frameworks[0].find_nodes_that_fit(
            &other.context(),
            &mut Memory::default(),
            &PodInfo::new(pod),
        );
        let names: Vec<&str> = found.nodes.iter().map(|index| &*other.cache.node(*index).name).collect();
        assert!(names.contains(&&*fix.node), "{fix:?} leads to {names:?}");
    }
    fixes.into_iter().map(|fix| (fix.sentence, fix.node.to_string())).collect()
}

#[track_caller]
fn check(
    what: &str,
    nodes: Vec<NodeBuilder>,
    there: Vec<PodBuilder>,
    pod: PodBuilder,
    want: &[(&str, &str)],
) {
    let got = fixes(nodes, there, pod);
    let got: Vec<(&str, &str)> =
        got.iter().map(|(sentence, node)| (sentence.as_str(), node.as_str())).collect();
    assert_eq!(got, want, "{what}");
}

#[test]
fn a_request_is_lowered_to_what_is_left_and_no_further() {
    let nodes = || vec![node("node-1").cpu("2"), node("node-2").cpu("1")];
    let want = [
        ("lower the cpu request of container c to 1500m", "node-1"),
        ("remove pod default/small from node node-1", "node-1"),
        ("add a node like node-1", "node-3"),
    ];
    let there = || vec![pod("small").cpu("500m").node("node-1")];
    check("too little left", nodes(), there(), pod("p").cpu("2"), &want);
    let want = [("lower the cpu request of container c to 1500m", "node-1")];
    check("more than any node has", nodes(), there(), pod("p").cpu("8"), &want);
    check("a pod that fits needs no fix", nodes(), there(), pod("p").cpu("1"), &[]);
}

#[test]
fn what_keeps_the_pod_off_can_be_tolerated_dropped_or_removed() {
    let tainted = || vec![node("node-1").taint("gpu", "yes", "NoSchedule")];
    let want = [
        ("tolerate the taint gpu=yes:NoSchedule", "node-1"),
        ("remove the taint gpu=yes:NoSchedule from node node-1", "node-1"),
    ];
    check("a taint", tainted(), vec![], pod("p"), &want);
    let want = [("drop disk=ssd from nodeSelector", "node-1"), ("label node node-1 disk=ssd", "node-1")];
    check("a label", vec![node("node-1")], vec![], pod("p").node_selector("disk", "ssd"), &want);
    check(
        "two labels",
        vec![node("node-1")],
        vec![],
        pod("p").node_selector("a", "b").node_selector("c", "d"),
        &[],
    );
    let want = [("uncordon node node-1", "node-1")];
    check("a cordon", vec![node("node-1").unschedulable()], vec![], pod("p"), &want);
    let cordoned = || node("node-1").unschedulable().taint(taint::UNSCHEDULABLE, "", taint::NO_SCHEDULE);
    check("a cordon with its taint", vec![cordoned()], vec![], pod("p"), &want);
    let want = [("remove the pod's scheduling gates", "node-1")];
    check("a gate", vec![node("node-1")], vec![], pod("p").gate("wait"), &want);
}

#[test]
fn rules_about_other_pods_are_loosened_one_at_a_time() {
    let nodes = || vec![node("node-1")];
    let web = || pod("there").label("app", "web").node("node-1");
    let apart = || pod("p").pod_anti_affinity(("app", "web"), "kubernetes.io/hostname");
    let want = [
        ("drop the required pod anti-affinity by kubernetes.io/hostname", "node-1"),
        ("remove pod default/there from node node-1", "node-1"),
        ("add a node like node-1", "node-2"),
    ];
    check("anti-affinity", nodes(), vec![web()], apart(), &want);
    let zones = || vec![node("node-1").zone("a"), node("node-2").zone("b").unschedulable()];
    let spread = pod("p").label("app", "web").spread(
        1,
        "topology.kubernetes.io/zone",
        "DoNotSchedule",
        ("app", "web"),
    );
    let want = [
        ("raise maxSkew by topology.kubernetes.io/zone to 2", "node-1"),
        ("only prefer the spread by topology.kubernetes.io/zone", "node-1"),
        ("uncordon node node-2", "node-2"),
        ("remove pod default/there from node node-1", "node-1"),
        ("add a node like node-1", "node-3"),
    ];
    let got = fixes(zones(), vec![web()], spread);
    assert_eq!(got[..4], want[..4].iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>());
}
