//! Pods that use more than there is, or than they may.

use super::*;

/// A pod's spec with one container that asks for so much memory and may use so much.
fn asking(request: &str, limit: &str) -> String {
    let amounts = |name: &str, amount: &str| match amount {
        "" => String::new(),
        _ => format!(r#""{name}":{{"memory":"{amount}"}}"#),
    };
    let both = [amounts("requests", request), amounts("limits", limit)];
    let both: Vec<String> = both.into_iter().filter(|text| !text.is_empty()).collect();
    format!(r#"{{"containers":[{{"name":"app","image":"nginx:1","resources":{{{}}}}}]}}"#, both.join(","))
}

/// The conditions of the node that hold.
fn conditions(bench: &Bench) -> Vec<String> {
    let node = bench.api.view().get::<Node>("", "node-1").expect("the node");
    let holding = node.status.conditions.iter().flatten().filter(|condition| condition.status == "True");
    holding.map(|condition| condition.type_.clone()).collect()
}

fn annotate_node(bench: &mut Bench, name: &str, value: &str) {
    let mut node = bench.api.view().get::<Node>("", "node-1").expect("the node").clone();
    std::sync::Arc::make_mut(&mut node.meta)
        .annotations
        .get_or_insert_default()
        .insert(name.into(), value.into());
    Client::new(&mut bench.api, USER, None).update(node, None).expect("a valid node");
    bench.deliver();
}

const USE: &str = "kubeviz.dev/memory-use";

#[test]
fn a_container_that_uses_more_memory_than_it_may_is_killed() {
    let mut bench = usual();
    bench.run("app", &[(USE, "250M")], &asking("50Mi", "100Mi")).advance(4_000);
    let story = bench.story("app");
    assert!(story.contains(&"Running OOMKilled 0/1".into()), "{story:?}");
    let stress = r#"{"containers":[{"name":"memory-demo-ctr","image":"polinux/stress","command":["stress"],
        "args":["--vm","1","--vm-bytes","SIZE","--vm-hang","1"],"resources":{"limits":{"memory":"200Mi"}}}]}"#;
    bench.run("fits", &[], &stress.replace("SIZE", "150M")).run(
        "bursts",
        &[],
        &stress.replace("SIZE", "250M"),
    );
    bench.advance(60_000);
    assert_eq!(bench.sum("fits"), "Running 1/1 0");
    assert!(bench.story("bursts").contains(&"Running OOMKilled 0/1".into()), "{:?}", bench.story("bursts"));
    let last = bench.pod("bursts").and_then(|pod| pod.status.container_statuses.clone()).unwrap_or_default();
    let end = last[0].last_state.as_ref().and_then(|state| state.terminated.clone()).unwrap_or_default();
    assert_eq!((end.exit_code, end.reason.as_deref()), (137, Some("OOMKilled")));
}

#[test]
fn a_node_short_of_memory_evicts_who_uses_most_beyond_what_it_asked_for() {
    let mut bench = usual();
    bench.run("modest", &[(USE, "2620Mi")], &asking("2700Mi", ""));
    bench.run("greedy", &[(USE, "2620Mi")], &asking("1Gi", ""));
    bench.run("free", &[(USE, "2620Mi")], &asking("", "")).advance(12_000);
    assert_eq!(conditions(&bench), ["MemoryPressure", "Ready"]);
    // kubectl shows how the container ended.
    assert_eq!(bench.sum("free"), "Completed 0/1 0");
    let status = &bench.pod("free").expect("the pod").status;
    let why = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 76Mi. Container app was using \
               2620Mi, request is 0, has larger consumption of memory. ";
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("Evicted")));
    assert_eq!(status.message.as_deref(), Some(why));
    let disrupted =
        condition::find(status.conditions.as_deref(), condition::DISRUPTION_TARGET).expect("the condition");
    assert_eq!(
        (disrupted.reason.as_deref(), disrupted.message.as_deref()),
        (Some("TerminationByKubelet"), Some(why))
    );
    assert!(bench.events("free").contains(&format!("Evicted: {why}")));
    assert_eq!(
        bench.events("node-1"),
        [
            "NodeHasInsufficientMemory: Node node-1 status is now: NodeHasInsufficientMemory",
            "EvictionThresholdMet: Attempting to reclaim memory",
        ]
    );
    // While the condition lasts, the node takes no pod that asks for nothing.
    bench.run("late", &[], &asking("", "")).run("small", &[], &asking("64Mi", "")).advance(5_000);
    assert_eq!(bench.sum("late"), "Evicted 0/1 0");
    let message = bench.pod("late").and_then(|pod| pod.status.message.clone());
    assert_eq!(message.as_deref(), Some("Pod was rejected: The node had condition: [MemoryPressure]. "));
    assert_eq!(
        (bench.sum("small").as_str(), bench.sum("greedy").as_str()),
        ("Running 1/1 0", "Running 1/1 0")
    );
    bench.advance(310_000);
    assert_eq!(conditions(&bench), ["Ready"]);
    assert!(bench.queue.values().all(Kubelets::is_periodic), "nothing more will happen by itself");
}

#[test]
fn the_kernel_kills_when_no_memory_is_left() {
    let mut bench = usual();
    bench.run("safe", &[(USE, "4Gi")], &asking("5Gi", "5Gi"));
    bench.run("free", &[(USE, "4Gi")], &asking("", "")).advance(4_000);
    assert!(bench.story("free").contains(&"Running OOMKilled 0/1".into()), "{:?}", bench.story("free"));
    assert_eq!(bench.sum("safe"), "Running 1/1 0");
    let events = bench.events("node-1");
    assert!(
        events
            .iter()
            .any(|event| event.starts_with("SystemOOM: System OOM encountered, victim process: app, pid: "))
    );
}

#[test]
fn a_pod_that_fills_more_of_the_disk_than_it_may_is_evicted() {
    let cases = [
        (
            "kubeviz.dev/cache.volume-use",
            "2Gi",
            "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Gi\". ",
        ),
        (
            "kubeviz.dev/disk-use",
            "3Gi",
            "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ",
        ),
        ("kubeviz.dev/cache.volume-use", "1Gi", ""),
    ];
    for (annotation, amount, why) in cases {
        let mut bench = usual();
        let spec = r#"{"containers":[{"name":"app","image":"nginx:1","resources":{"limits":{"ephemeral-storage":"2Gi"}}}],
            "volumes":[{"name":"cache","emptyDir":{"sizeLimit":"1Gi"}}]}"#;
        bench.run("app", &[(annotation, amount)], spec).advance(30_000);
        let status = &bench.pod("app").expect("the pod").status;
        assert_eq!(status.message.as_deref().unwrap_or_default(), why, "{annotation} {amount}");
        assert_eq!(conditions(&bench), ["Ready"], "the node itself is not short of anything");
        assert!(condition::find(status.conditions.as_deref(), condition::DISRUPTION_TARGET).is_none());
    }
}

#[test]
fn a_full_disk_costs_images_first_and_pods_then() {
    let mut bench = usual();
    bench.run(
        "old",
        &[],
        r#"{"restartPolicy":"Never","containers":[{"name":"a","image":"python:3","command":["true"]}]}"#,
    );
    bench.run("app", &[("kubeviz.dev/disk-use", "2Gi")], NGINX).advance(15_000);
    bench.delete("old", None).advance(5_000);
    // Of 100Gi 15Gi have to be left: without the image of the pod that is gone they are.
    annotate_node(&mut bench, "kubeviz.dev/disk-use", "88920000000");
    bench.advance(10_000);
    assert_eq!(conditions(&bench), ["DiskPressure", "Ready"]);
    assert_eq!(bench.sum("app"), "Running 1/1 0");
    annotate_node(&mut bench, "kubeviz.dev/disk-use", "86Gi");
    bench.advance(20_000);
    let message = bench.pod("app").and_then(|pod| pod.status.message.clone()).unwrap_or_default();
    let begins =
        "The node was low on resource: ephemeral-storage. Threshold quantity: 16106128000, available: ";
    let ends = "Container web was using 2Gi, request is 0, has larger consumption of ephemeral-storage. ";
    assert!(message.starts_with(begins) && message.ends_with(ends), "{message}");
}
