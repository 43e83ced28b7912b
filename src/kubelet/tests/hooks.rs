//! What runs beside containers when they begin and end.

use super::*;

#[test]
fn the_kubelet_does_nothing_else_for_a_pod_until_its_post_start_hook_is_done() {
    let with = |hook: &str| {
        format!(
            r#"{{"containers":[{{"name":"web","image":"nginx:1","lifecycle":{{"postStart":{hook}}}}},{{"name":"side","image":"nginx:1"}}]}}"#
        )
    };
    for hook in [r#"{"sleep":{"seconds":8}}"#, r#"{"exec":{"command":["sh","-c","sleep 8"]}}"#] {
        let mut bench = usual();
        bench.run("web", &[], &with(hook)).advance(9_000);
        assert_eq!(bench.sum("web"), "ContainerCreating 0/2 0", "{hook}");
        assert_eq!(bench.events("web").iter().filter(|event| event.starts_with("Started")).count(), 1);
        bench.advance(6_000);
        assert_eq!(bench.sum("web"), "Running 2/2 0", "{hook}");
    }
    let mut bench = usual();
    bench.run("web", &[], &with(r#"{"exec":{"command":["sh","-c","sleep 3; exit 1"]}}"#)).advance(4_500);
    assert_eq!(bench.events("web").iter().filter(|event| event.contains("PostStartHook")).count(), 0);
    bench.advance(2_000);
    assert!(bench.events("web").contains(&"FailedPostStartHook: PostStartHook failed".to_string()));
}

#[test]
fn a_pre_stop_hook_that_fails_is_told_of_and_changes_nothing() {
    for hook in [r#"{"exec":{"command":["sh","-c","exit 1"]}}"#, r#"{"httpGet":{"path":"/bye","port":9999}}"#]
    {
        let spec = format!(
            r#"{{"containers":[{{"name":"web","image":"nginx:1","lifecycle":{{"preStop":{hook}}}}}]}}"#
        );
        let mut bench = usual();
        bench.run("web", &[], &spec).advance(10_000).delete("web", None).advance(160);
        assert_eq!(bench.sum("web"), "Completed 0/1 0", "{hook}");
        assert!(bench.events("web").contains(&"FailedPreStopHook: PreStopHook failed".to_string()), "{hook}");
    }
}

#[test]
fn the_hooks_of_sidecars_begin_at_once_and_their_processes_end_last() {
    let spec = r#"{"terminationGracePeriodSeconds":20,"initContainers":[
        {"name":"proxy","image":"nginx:1","restartPolicy":"Always","lifecycle":{"preStop":{"sleep":{"seconds":6}}}}],
        "containers":[{"name":"app","image":"nginx:1","lifecycle":{"preStop":{"sleep":{"seconds":4}}}}]}"#;
    let mut bench = usual();
    bench.run("app", &[], spec).advance(10_000);
    assert_eq!(bench.sum("app"), "Running 2/2 0");
    bench.delete("app", None);
    let stopping = ["Killing: Stopping container app", "Killing: Stopping container proxy"];
    assert!(stopping.iter().all(|text| bench.events("app").contains(&(*text).to_string())));
    // The app is down after 4 s, and the hook of the proxy, 2 s later, not 6.
    let left = |bench: &Bench| bench.pod("app").map(|pod| summarize(pod).ready);
    assert_eq!(left(bench.advance(3_900)), Some(2));
    assert_eq!(left(bench.advance(1_900)), Some(1));
    assert_eq!(left(bench.advance(500)), Some(0));
    assert_eq!(left(bench.advance(1_000)), None);
}
