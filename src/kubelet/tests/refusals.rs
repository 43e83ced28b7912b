//! Pods that a node does not take, and containers that cannot be made.

use super::*;

/// The waiting reason and message of a pod's first container.
fn waiting(bench: &Bench, name: &str) -> (String, String) {
    let statuses = bench.pod(name).and_then(|pod| pod.status.container_statuses.as_ref());
    let state = statuses.and_then(|all| all[0].state.as_ref()?.waiting.clone()).unwrap_or_default();
    (state.reason.unwrap_or_default(), state.message.unwrap_or_default())
}

#[test]
fn a_pod_that_names_its_node_fails_where_it_does_not_fit() {
    let asks = |cpu: &str| {
        format!(
            r#"{{"containers":[{{"name":"a","image":"nginx:1","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}]}}"#
        )
    };
    let mut bench = usual();
    bench.run("first", &[], &asks("3")).advance(3_000);
    bench.run("second", &[], &asks("2")).advance(3_000);
    assert_eq!(bench.story("second"), ["Pending Pending 0/1", "Failed OutOfcpu 0/1"]);
    let status = &bench.pod("second").expect("the pod").status;
    let why = "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000";
    assert_eq!(status.message.as_deref(), Some(format!("Pod was rejected: {why}").as_str()));
    assert!(status.container_statuses.is_none() && status.start_time.is_some());
    assert_eq!(bench.events("second"), [format!("OutOfcpu: {why}")]);
    // Nothing of it is there, so that its removal takes no time, and its room is not taken.
    bench.run("third", &[], &asks("1")).advance(3_000);
    assert_eq!(bench.sum("third"), "Running 1/1 0");
    bench.delete("second", None).advance(3_000);
    assert_eq!(bench.sum("second"), "-");
}

#[test]
fn a_name_that_is_none_is_not_even_asked_for() {
    let mut bench = usual();
    bench.run("web", &[], r#"{"containers":[{"name":"web","image":"Nginx:1.27"}]}"#).advance(3_000);
    let message = "Failed to apply default image tag \"Nginx:1.27\": couldn't parse image name \"Nginx:1.27\": \
                   invalid reference format: repository name (library/Nginx) must be lowercase";
    assert_eq!(waiting(&bench, "web"), ("InvalidImageName".into(), message.into()));
    assert_eq!(
        bench.events("web"),
        [format!("InspectFailed: {message}"), "Failed: Error: InvalidImageName".into()]
    );
    assert!(bench.queue.values().all(Kubelets::is_periodic), "nothing more will happen by itself");
}

#[test]
fn a_probe_of_a_port_at_which_nobody_listens_fails() {
    let spec = |port: &str| {
        format!(
            r#"{{"containers":[{{"name":"web","image":"nginx:1","ports":[{{"name":"http","containerPort":80}}],
            "readinessProbe":{{"httpGet":{{"port":{port}}},"periodSeconds":1}}}}]}}"#
        )
    };
    let cases = [
        ("80", "1/1", None),
        ("\"http\"", "1/1", None),
        (
            "8080",
            "0/1",
            Some(
                "Readiness probe failed: Get \"http://10.244.1.2:8080/\": dial tcp 10.244.1.2:8080: connect: connection refused",
            ),
        ),
        (
            "\"web\"",
            "0/1",
            Some(
                "Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing \"web\": invalid syntax",
            ),
        ),
    ];
    for (port, ready, why) in cases {
        let mut bench = usual();
        bench.run("web", &[], &spec(port)).advance(10_000);
        assert_eq!(bench.sum("web"), format!("Running {ready} 0"), "{port}");
        let events = bench.events("web");
        let said = |why: &str| events.iter().any(|event| event.starts_with(&format!("Unhealthy: {why}")));
        assert!(why.is_none_or(said), "{port}: {events:#?}");
        assert!(bench.queue.values().all(Kubelets::is_periodic), "{port}");
    }
}

#[test]
fn a_container_whose_first_hook_fails_is_killed_and_started_again() {
    let spec = r#"{"containers":[{"name":"web","image":"nginx:1",
        "lifecycle":{"postStart":{"exec":{"command":["sh","-c","exit 3"]}}}}]}"#;
    let mut bench = usual();
    bench.run("web", &[], spec).advance(2_500);
    let uid = bench.pod("web").expect("the pod").uid().to_string();
    let (reason, message) = waiting(&bench, "web");
    assert_eq!(reason, "PostStartHookError");
    let why = "command 'sh -c exit 3' exited with 3: , message: \"\"";
    assert_eq!(
        message,
        format!(
            "Exec lifecycle hook ([sh -c exit 3]) for Container \"web\" in Pod \"web_default({uid})\" failed - error: {why}"
        )
    );
    bench.advance(10_000);
    assert_eq!(waiting(&bench, "web").0, "CrashLoopBackOff");
}

#[test]
fn the_liveness_example_of_the_documentation_restarts() {
    let spec = r#"{"containers":[{"name":"liveness","image":"registry.k8s.io/e2e-test-images/agnhost:2.40","args":["liveness"],
        "livenessProbe":{"httpGet":{"path":"/healthz","port":8080},"initialDelaySeconds":3,"periodSeconds":3}}]}"#;
    let mut bench = usual();
    bench.run("liveness", &[], spec).advance(15_000);
    assert_eq!(bench.sum("liveness"), "Running 1/1 0");
    bench.advance(10_000);
    assert_eq!(bench.sum("liveness"), "Running 1/1 1");
    let events = bench.events("liveness");
    let ill = "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500 ×3";
    assert!(events.iter().any(|event| event == ill), "{events:#?}");
}
