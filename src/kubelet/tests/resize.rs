//! Other resources for running containers, and containers with rules of their own for starting again.

use super::*;

/// Asks for other requests of the pod's first container, as `kubectl patch --subresource resize` does.
fn resize(bench: &mut Bench, name: &str, cpu: &str, memory: &str) -> Result<(), String> {
    let mut pod = bench.pod(name).expect("the pod").clone();
    let spec = Arc::make_mut(&mut pod.spec);
    let requests = [("cpu", cpu), ("memory", memory)];
    let requests =
        requests.map(|(name, amount)| (name.to_string(), crate::api::k8s::Quantity(amount.into())));
    spec.containers[0].resources.get_or_insert_default().requests = Some(requests.into());
    let done = Client::new(&mut bench.api, USER, None).resize(&pod.into()).map(drop);
    bench.deliver();
    done.map_err(|status| status.to_string())
}

/// `PodResizePending Deferred: why`, of the pod's resize conditions.
fn conditions(bench: &Bench, name: &str) -> Vec<String> {
    let conditions = bench.pod(name).expect("the pod").status.conditions.iter().flatten();
    let resize = conditions.filter(|condition| condition.type_.starts_with("PodResize"));
    resize
        .map(|one| {
            let (reason, message) = (one.reason.as_deref(), one.message.as_deref());
            format!("{} {}: {}", one.type_, reason.unwrap_or_default(), message.unwrap_or_default())
        })
        .collect()
}

/// The CPU that the container's status shows: granted, and what it runs with.
fn cpu(bench: &Bench, name: &str) -> (String, String) {
    let statuses = bench.pod(name).and_then(|pod| pod.status.container_statuses.clone()).unwrap_or_default();
    let granted = statuses[0].allocated_resources.clone().unwrap_or_default();
    let running = statuses[0].resources.clone().unwrap_or_default().requests.unwrap_or_default();
    let text = |list: &std::collections::BTreeMap<String, crate::api::k8s::Quantity>| {
        list.get("cpu").map_or(String::new(), |amount| amount.0.clone())
    };
    (text(&granted), text(&running))
}

fn spec(cpu: &str, policy: &str) -> String {
    format!(
        r#"{{"containers":[{{"name":"app","image":"nginx:1","resources":{{"requests":{{"cpu":"{cpu}","memory":"64Mi"}}}},
            "resizePolicy":[{{"resourceName":"cpu","restartPolicy":"{policy}"}}]}}]}}"#
    )
}

#[test]
fn a_container_gets_other_resources_without_ending() {
    let mut bench = usual();
    bench.run("app", &[], &spec("500m", "NotRequired")).advance(5_000);
    assert_eq!(cpu(&bench, "app"), ("500m".into(), "500m".into()));
    assert_eq!(resize(&mut bench, "app", "800m", "64Mi"), Ok(()));
    assert_eq!(conditions(&bench, "app"), ["PodResizeInProgress : "]);
    assert_eq!(cpu(&bench, "app"), ("800m".into(), "500m".into()));
    bench.advance(3_000);
    assert_eq!((conditions(&bench, "app").len(), cpu(&bench, "app")), (0, ("800m".into(), "800m".into())));
    assert_eq!(bench.sum("app"), "Running 1/1 0");
    assert_eq!(
        bench.events("app")[4..],
        [
            "ResizeStarted: Pod resize started: {\"containers\":[{\"name\":\"app\",\"resources\":{\"requests\":{\"cpu\":\"800m\",\
             \"memory\":\"64Mi\"}}}],\"generation\":2}",
            "ResizeCompleted: Pod resize completed: {\"containers\":[{\"name\":\"app\",\"resources\":{\"requests\":{\"cpu\":\
             \"800m\",\"memory\":\"64Mi\"}}}],\"generation\":2}",
        ]
    );
}

#[test]
fn a_container_that_has_to_start_again_for_it_does() {
    let mut bench = usual();
    bench.run("app", &[], &spec("500m", "RestartContainer")).advance(5_000);
    assert_eq!(resize(&mut bench, "app", "800m", "64Mi"), Ok(()));
    bench.advance(10_000);
    assert_eq!((bench.sum("app").as_str(), cpu(&bench, "app").1.as_str()), ("Running 1/1 1", "800m"));
    assert!(bench.events("app").contains(&"Killing: Container app resize requires restart".into()));
}

#[test]
fn what_the_node_cannot_give_waits_or_never_comes() {
    let mut bench = usual();
    bench
        .run("app", &[], &spec("1", "NotRequired"))
        .run("other", &[], &spec("2", "NotRequired"))
        .advance(5_000);
    assert_eq!(resize(&mut bench, "app", "5", "64Mi"), Ok(()));
    assert_eq!(
        conditions(&bench, "app"),
        [
            "PodResizePending Infeasible: Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"
        ]
    );
    assert_eq!(resize(&mut bench, "app", "3", "64Mi"), Ok(()));
    assert_eq!(
        conditions(&bench, "app"),
        [
            "PodResizePending Deferred: Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"
        ]
    );
    assert_eq!(cpu(&bench, "app"), ("1".into(), "1".into()));
    // What it has counts, not what it waits for.
    bench.run("third", &[], &spec("1", "NotRequired")).advance(5_000);
    assert_eq!(bench.sum("third"), "Running 1/1 0");
    bench.delete("third", None).delete("other", None).advance(10_000);
    assert_eq!((conditions(&bench, "app").len(), cpu(&bench, "app").1.as_str()), (0, "3"));
}

#[test]
fn a_resize_changes_nothing_but_resources_and_not_the_class() {
    let mut bench = usual();
    bench.run("app", &[], NGINX).run("sized", &[], &spec("1", "NotRequired")).advance(5_000);
    let refused = resize(&mut bench, "app", "1", "1Gi").expect_err("another class");
    assert!(refused.contains("Pod QOS Class may not change as a result of resizing"), "{refused}");
    let mut pod = bench.pod("sized").expect("the pod").clone();
    let spec = Arc::make_mut(&mut pod.spec);
    spec.containers[0].image = Some("nginx:2".into());
    spec.containers[0].resources = None;
    let refused =
        Client::new(&mut bench.api, USER, None).resize(&pod.into()).map(drop).map_err(|s| s.to_string());
    let refused = refused.expect_err("requests cannot be removed");
    assert!(
        refused.contains(
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"
        )
    );
    assert_eq!(
        bench.pod("sized").and_then(|pod| pod.spec.containers[0].image.clone()).as_deref(),
        Some("nginx:1")
    );
}

#[test]
fn a_containers_own_rules_say_whether_it_starts_again() {
    let spec = |code: &str| {
        format!(
            r#"{{"restartPolicy":"Never","containers":[{{"name":"app","image":"busybox","command":["sh","-c","sleep 1; exit {code}"],
            "restartPolicy":"Never","restartPolicyRules":[{{"action":"Restart","exitCodes":{{"operator":"In","values":[42]}}}}]}}]}}"#
        )
    };
    let mut bench = usual();
    bench.run("again", &[], &spec("42")).run("never", &[], &spec("1")).advance(5_500);
    assert_eq!(bench.sum("never"), "Error 0/1 0");
    assert!(bench.sum("again").ends_with(" 1"), "{}", bench.sum("again"));
    assert_eq!(bench.pod("again").and_then(|pod| pod.status.phase.clone()).as_deref(), Some("Running"));
    assert_eq!(bench.pod("never").and_then(|pod| pod.status.phase.clone()).as_deref(), Some("Failed"));
}
