//! Pods on one node, in virtual time, with the times of the recordings or the usual ones.

mod hooks;
mod pressure;
mod refusals;
mod resize;

use sorted::SortedMap;

use super::*;
use crate::api::k8s::{NamespaceSpec, ObjectMeta};
use crate::api::pod_status::summarize;
use crate::api::{Event, Key, Lease, Namespace, Service, condition};
use crate::client::wire::{Lookup, Reply, Request};
use crate::client::{Client, DeleteOptions, Informer};

/// A cluster without scheduler and controllers: an API server, the kubelets and a heap of timers.
struct Bench {
    api: ApiServer,
    kubelets: Kubelets,
    informer: Informer,
    queue: SortedMap<(SimTime, u64), Timer>,
    sequence: u64,
}

const USER: Actor = Actor::User;

/// As much of a network as names Services.
struct Names(View);

impl Wire for Names {
    fn lookup(&self, from: &Pod, name: &str) -> Lookup {
        let short = name.split('.').next().unwrap_or(name);
        match self.0.get::<Service>(from.namespace(), short) {
            Some(_) => Lookup::Found(name.into(), vec!["10.96.0.20".into()]),
            None => Lookup::NoSuchName,
        }
    }

    fn request(&self, request: &Request<'_>) -> Reply {
        panic!("nobody here answers {}", request.host)
    }
}

impl Bench {
    fn new(config: KubeletConfig) -> Bench {
        let mut api = ApiServer::new(1);
        for name in ["default", node_status::LEASE_NAMESPACE] {
            let meta = ObjectMeta { name: Some(name.into()), ..Default::default() };
            create(&mut api, Namespace::new(meta, NamespaceSpec::default()));
        }
        create(&mut api, node_object("node-1", "4", "8Gi", 110, None, &[], Vec::new()));
        let kubelets = Kubelets::new(1, config);
        let mut bench =
            Bench { api, kubelets, informer: Informer::default(), queue: SortedMap::new(), sequence: 0 };
        bench.deliver();
        bench
    }

    fn deliver(&mut self) {
        while self.informer.is_behind(&self.api) {
            let changes = self.informer.deliver(&self.api);
            let mut timers = Vec::new();
            self.kubelets.observe(&changes, self.informer.view(), &mut self.api, &mut timers);
            self.set(timers);
        }
    }

    fn set(&mut self, timers: Vec<(SimDuration, Timer)>) {
        for (delay, timer) in timers {
            self.sequence += 1;
            self.queue.insert((self.api.now() + delay, self.sequence), timer);
        }
    }

    /// Moves on by so many milliseconds.
    fn advance(&mut self, millis: u64) -> &mut Bench {
        let until = self.api.now() + SimDuration::from_millis(millis);
        while self.queue.first_key_value().is_some_and(|((time, _), _)| *time <= until) {
            let Some(((time, _), timer)) = self.queue.pop_first() else { break };
            self.api.set_now(time);
            let mut timers = Vec::new();
            let names = Names(self.api.view().clone());
            self.kubelets.fire(&timer, Some(&names), &mut self.api, &mut timers);
            self.set(timers);
            self.deliver();
        }
        self.api.set_now(until);
        self
    }

    /// Creates a pod on the node from its spec as JSON, without `nodeName`, and its annotations.
    fn run(&mut self, name: &str, annotations: &[(&str, &str)], spec: &str) -> &mut Bench {
        let annotations: SortedMap<&str, &str> = annotations.iter().copied().collect();
        let mut spec: serde_json::Value = serde_json::from_str(spec).expect("a pod spec in JSON");
        spec["nodeName"] = "node-1".into();
        let pod = serde_json::json!({
            "metadata": {"name": name, "namespace": "default", "annotations": annotations}, "spec": spec,
        });
        let pod = Object::from_value(Kind::POD, pod).expect("a pod");
        Client::new(&mut self.api, USER, None).create_object(pod).expect("a valid pod");
        self.deliver();
        self
    }

    fn delete(&mut self, name: &str, grace: Option<i64>) -> &mut Bench {
        let options = DeleteOptions { grace_period_seconds: grace, ..Default::default() };
        let key = Key::new(Kind::POD, "default", name);
        Client::new(&mut self.api, USER, None).delete(&key, &options, None).expect("a pod to delete");
        self.deliver();
        self
    }

    fn set_node(&mut self, state: NodeState) -> &mut Bench {
        let mut timers = Vec::new();
        self.kubelets.set_node("node-1", state, &mut self.api, &mut timers);
        self.set(timers);
        self.deliver();
        self
    }

    fn pod(&self, name: &str) -> Option<&Pod> {
        self.api.view().get::<Pod>("default", name)
    }

    /// `Running 1/1 0`: kubectl's STATUS, READY and RESTARTS; `-` for a pod that is gone.
    fn sum(&self, name: &str) -> String {
        self.pod(name)
            .map(summarize)
            .map_or("-".into(), |sum| format!("{} {}/{} {}", sum.status, sum.ready, sum.total, sum.restarts))
    }

    /// The events about a pod, oldest first: `Reason: message`, and `×3` for one that came three times.
    fn events(&self, name: &str) -> Vec<String> {
        let about = |event: &&Event| event.spec.involved_object.name.as_deref() == Some(name);
        let mut events: Vec<&Event> = self.api.view().list::<Event>(None).filter(about).collect();
        events.sort_by_key(|event| event.revision - u64::from(event.spec.count.unwrap_or(1) > 1));
        let text = |event: &&Event| {
            let count =
                event.spec.count.filter(|count| *count > 1).map_or(String::new(), |n| format!(" ×{n}"));
            let reason = event.spec.reason.as_deref().unwrap_or_default();
            format!("{reason}: {}{count}", event.spec.message.as_deref().unwrap_or_default())
        };
        events.iter().map(text).collect()
    }

    /// Each different sum that the pod's status has gone through.
    fn story(&self, name: &str) -> Vec<String> {
        let key = Key::new(Kind::POD, "default", name);
        let mut story: Vec<String> = Vec::new();
        for change in self.api.store().since(0).filter(|change| change.key == key) {
            let line = match change.after.as_deref() {
                Some(Object::Pod(pod)) => {
                    let sum = summarize(pod);
                    let phase = pod.status.phase.as_deref().unwrap_or_default();
                    format!("{phase} {} {}/{}", sum.status, sum.ready, sum.total)
                }
                _ => "-".into(),
            };
            if story.last() != Some(&line) {
                story.push(line);
            }
        }
        story
    }
}

fn create(api: &mut ApiServer, object: impl Into<Object>) {
    Client::new(api, Actor::Environment, None)
        .create_object(object.into())
        .expect("an object that can be created");
}

fn usual() -> Bench {
    // Chance aside, so that the tests can name the moment.
    let fixed = |delay: config::Delay| config::Delay { base: delay.base, jitter: SimDuration::ZERO };
    let mut config = KubeletConfig::default();
    for delay in [
        &mut config.pod_sync,
        &mut config.sandbox,
        &mut config.start,
        &mut config.stop,
        &mut config.cleanup,
        &mut config.restart,
    ] {
        *delay = fixed(*delay);
    }
    if let Some(pulling) = &mut config.pulling {
        pulling.resolve = fixed(pulling.resolve);
    }
    Bench::new(config)
}

const NGINX: &str = r#"{"containers":[{"name":"web","image":"nginx:1.27"}]}"#;

#[test]
fn a_pod_is_pulled_created_started_and_ready() {
    let mut bench = usual();
    bench.run("web", &[], NGINX).advance(5_000);
    assert_eq!(
        bench.story("web"),
        ["Pending Pending 0/1", "Pending ContainerCreating 0/1", "Running Running 1/1"]
    );
    assert_eq!(
        bench.events("web"),
        [
            "Pulling: Pulling image \"nginx:1.27\"",
            "Pulled: Successfully pulled image \"nginx:1.27\" in 1.869s (1.869s including waiting). \
             Image size: 72950000 bytes.",
            "Created: Container created",
            "Started: Container started",
        ]
    );
    let pod = bench.pod("web").expect("the pod");
    assert_eq!(pod.status.pod_ip.as_deref(), Some("10.244.1.2"));
    assert_eq!(pod.status.host_ip.as_deref(), Some("192.168.0.11"));
    let types: Vec<&str> = pod.status.conditions.iter().flatten().map(|c| c.type_.as_str()).collect();
    assert_eq!(
        types,
        ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
    );
    let writes = bench.api.store().since(0).filter(|change| change.key.kind == Kind::POD).count();
    assert_eq!(writes, 4, "created, seen, sandbox, running");
    bench.run("second", &[], NGINX).advance(1_000);
    assert_eq!(
        bench.events("second")[0],
        "Pulled: Container image \"nginx:1.27\" already present on machine and can be accessed by the pod"
    );
}

#[test]
fn a_missing_image_is_tried_again_after_longer_and_longer_waits() {
    let mut bench = usual();
    bench.run("web", &[], r#"{"containers":[{"name":"web","image":"app:bad"}]}"#).advance(1_000);
    assert_eq!(bench.sum("web"), "ErrImagePull 0/1 0");
    bench.advance(1_000);
    assert_eq!(bench.sum("web"), "ImagePullBackOff 0/1 0");
    bench.advance(43_000);
    let events = bench.events("web");
    let count =
        |start: &str| events.iter().find(|event| event.starts_with(start)).cloned().unwrap_or_default();
    assert_eq!(count("Pulling"), "Pulling: Pulling image \"app:bad\" ×3");
    assert_eq!(count("BackOff"), "BackOff: Back-off pulling image \"app:bad\" ×3");
    assert!(bench.queue.values().all(Kubelets::is_periodic), "a cluster that waits for nobody is quiet");
}

#[test]
fn a_container_that_keeps_failing_waits_ten_seconds_and_then_twice_as_long_each_time() {
    let mut bench = usual();
    let spec =
        r#"{"containers":[{"name":"app","image":"busybox:1","command":["sh","-c","sleep 1; exit 3"]}]}"#;
    bench.run("app", &[], spec).advance(200_000);
    let key = Key::new(Kind::POD, "default", "app");
    let mut starts: Vec<u64> = Vec::new();
    for change in bench.api.store().since(0).filter(|change| change.key == key) {
        let Some(Object::Pod(pod)) = change.after.as_deref() else { continue };
        let status = pod.status.container_statuses.iter().flatten().next().cloned().unwrap_or_default();
        if status.state.is_some_and(|state| state.running.is_some())
            && starts.len() <= status.restart_count as usize
        {
            starts.push(change.time.0 / 1_000);
        }
    }
    // Between two starts: one second of running and 20 ms to exit, the back-off from then on, and 120 ms to start.
    let gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [1_020 + 600 + 120, 11_140, 21_140, 41_140, 81_140]);
    assert_eq!(bench.sum("app"), "CrashLoopBackOff 0/1 5");
    let pod = bench.pod("app").expect("the pod");
    let status = &pod.status.container_statuses.as_ref().expect("statuses")[0];
    let uid = pod.uid();
    assert_eq!(
        status.state.as_ref().and_then(|state| state.waiting.as_ref()?.message.clone()),
        Some(format!("back-off 2m40s restarting failed container=app pod=app_default({uid})"))
    );
    assert_eq!(
        status.last_state.as_ref().and_then(|state| Some(state.terminated.as_ref()?.exit_code)),
        Some(3)
    );
}

#[test]
fn the_phase_follows_from_the_restart_policy_and_the_exit_codes() {
    let cases = [
        ("Always", "exit 0", "Running"),
        ("Always", "exit 1", "Running"),
        ("OnFailure", "exit 0", "Succeeded"),
        ("OnFailure", "exit 1", "Running"),
        ("Never", "exit 0", "Succeeded"),
        ("Never", "exit 1", "Failed"),
    ];
    for (policy, script, want) in cases {
        let mut bench = usual();
        let spec = format!(
            r#"{{"restartPolicy":"{policy}","containers":[{{"name":"app","image":"busybox:1","command":["sh","-c","{script}"]}}]}}"#
        );
        bench.run("app", &[], &spec).advance(20_000);
        let phase = bench.pod("app").and_then(|pod| pod.status.phase.clone());
        assert_eq!(phase.as_deref(), Some(want), "{policy} {script}");
    }
}

#[test]
fn a_deleted_pod_ends_gracefully_or_is_cut_by_its_grace_period() {
    let hook = |seconds: u32| {
        format!(
            r#"{{"terminationGracePeriodSeconds":5,"containers":[{{"name":"web","image":"nginx:1","lifecycle":{{"preStop":{{"exec":{{"command":["sh","-c","sleep {seconds}"]}}}}}}}}]}}"#
        )
    };
    let deaf = r#"{"terminationGracePeriodSeconds":5,"containers":[{"name":"web","image":"busybox:1","command":["sleep","1000"]}]}"#;
    // The spec, annotations, when its container ends after the deletion (ms), and with what.
    type Case = (String, &'static [(&'static str, &'static str)], u64, i32);
    let cases: [Case; 7] = [
        (NGINX.into(), &[], 150, 0),
        (NGINX.into(), &[("kubeviz.dev/term-delay", "12")], 12_000, 0),
        (NGINX.into(), &[("kubeviz.dev/term-delay", "never")], 30_000, 137),
        (deaf.into(), &[], 5_000, 137),
        (hook(3), &[], 3_150, 0),
        (hook(3), &[("kubeviz.dev/term-delay", "4")], 5_000, 137),
        (hook(60), &[], 5_150, 0),
    ];
    for (spec, annotations, ends, code) in cases {
        let mut bench = usual();
        bench.run("web", annotations, &spec).advance(10_000).delete("web", None);
        bench.advance(ends - 1);
        assert_eq!(bench.sum("web"), "Terminating 1/1 0", "{spec} {annotations:?}");
        bench.advance(1);
        let word = if code == 0 { "Completed" } else { "Error" };
        assert_eq!(bench.sum("web"), format!("{word} 0/1 0"), "{spec} {annotations:?}");
        bench.advance(300);
        assert_eq!(bench.sum("web"), "-");
        assert!(bench.events("web").contains(&"Killing: Stopping container web".to_string()));
    }
}

#[test]
fn a_second_deletion_with_less_grace_cuts_the_first() {
    let mut bench = usual();
    bench.run("web", &[("kubeviz.dev/term-delay", "20")], NGINX).advance(10_000).delete("web", None);
    bench.advance(2_000).delete("web", Some(1)).advance(1_400);
    assert_eq!(bench.sum("web"), "-");
    let mut bench = usual();
    bench.run("web", &[], NGINX).advance(1).delete("web", Some(0));
    assert_eq!(bench.sum("web"), "-");
    bench.advance(60_000);
    assert_eq!(bench.story("web"), ["Pending Pending 0/1", "-"]);
}

#[test]
fn readiness_follows_its_probe() {
    let spec = |probe: &str| {
        format!(
            r#"{{"containers":[{{"name":"web","image":"nginx:1","readinessProbe":{{"httpGet":{{"port":80}},{probe}}}}}]}}"#
        )
    };
    // From running to ready, in milliseconds.
    let cases = [
        (r#""periodSeconds":10"#, "0", Some(100)),
        (r#""initialDelaySeconds":5,"periodSeconds":10"#, "0", Some(5_000)),
        (r#""initialDelaySeconds":5,"periodSeconds":10"#, "7", Some(15_000)),
        (r#""periodSeconds":2,"successThreshold":3"#, "0", Some(4_100)),
        (r#""periodSeconds":2"#, "never", None),
    ];
    for (probe, ready_delay, want) in cases {
        let mut bench = usual();
        bench.run("web", &[("kubeviz.dev/ready-delay", ready_delay)], &spec(probe)).advance(60_000);
        let time = |line: &str| {
            let key = Key::new(Kind::POD, "default", "web");
            let mut changes = bench.api.store().since(0).filter(|change| change.key == key);
            let found = changes.find(|change| match change.after.as_deref() {
                Some(Object::Pod(pod)) => {
                    let sum = summarize(pod);
                    sum.status == "Running" && (line == "Running" || sum.ready == 1)
                }
                _ => false,
            });
            found.map(|change| change.time.0 / 1_000)
        };
        let since = time("Running").expect("it runs");
        assert_eq!(time("Ready").map(|ready| ready - since), want, "{probe} {ready_delay}");
        assert!(bench.queue.values().all(Kubelets::is_periodic), "{probe} {ready_delay}");
    }
}

#[test]
fn a_container_that_gets_ill_is_not_ready_and_restarted() {
    let spec = r#"{"containers":[{"name":"web","image":"nginx:1",
        "readinessProbe":{"httpGet":{"port":80},"periodSeconds":1,"failureThreshold":2},
        "livenessProbe":{"httpGet":{"port":80},"periodSeconds":5,"failureThreshold":3}}]}"#;
    let mut bench = usual();
    bench.run("web", &[("kubeviz.dev/unhealthy-after", "20")], spec).advance(20_000);
    assert_eq!(bench.sum("web"), "Running 1/1 0");
    bench.advance(5_000);
    assert_eq!(bench.sum("web"), "Running 0/1 0");
    bench.advance(13_000);
    assert_eq!(bench.sum("web"), "Running 1/1 1");
    let events = bench.events("web");
    let has = |text: &str| events.iter().any(|event| event.starts_with(text));
    assert!(has("Killing: Container web failed liveness probe, will be restarted"), "{events:#?}");
    assert!(has("Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500"), "{events:#?}");
}

#[test]
fn the_liveness_example_of_the_documentation_restarts_on_time() {
    let spec = r#"{"containers":[{"name":"liveness","image":"registry.k8s.io/busybox:1.27.2",
        "args":["/bin/sh","-c","touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"],
        "livenessProbe":{"exec":{"command":["cat","/tmp/healthy"]},"initialDelaySeconds":5,"periodSeconds":5}}]}"#;
    let mut bench = usual();
    bench.run("live", &[], spec).advance(44_000);
    let events = bench.events("live");
    let failed =
        "Unhealthy: Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory ×3";
    assert!(events.iter().any(|event| event == failed), "{events:#?}");
    // Three failures, then thirty seconds of grace: `sleep` does not hear SIGTERM.
    assert_eq!(bench.sum("live"), "Running 1/1 0");
    bench.advance(32_000);
    assert_eq!(bench.sum("live"), "Running 1/1 1");
}

#[test]
fn a_startup_probe_holds_the_others_back() {
    let spec = r#"{"containers":[{"name":"web","image":"nginx:1",
        "startupProbe":{"tcpSocket":{"port":80},"periodSeconds":5,"failureThreshold":10},
        "livenessProbe":{"tcpSocket":{"port":80},"periodSeconds":1,"failureThreshold":1},
        "readinessProbe":{"tcpSocket":{"port":80},"periodSeconds":1}}]}"#;
    let mut bench = usual();
    bench.run("web", &[("kubeviz.dev/ready-delay", "12")], spec).advance(10_000);
    assert_eq!(bench.sum("web"), "Running 0/1 0");
    bench.advance(10_000);
    assert_eq!(bench.sum("web"), "Running 1/1 0");
}

#[test]
fn init_containers_run_one_after_another_and_sidecars_stay() {
    let spec = r#"{"restartPolicy":"Never","initContainers":[
        {"name":"first","image":"busybox:1","command":["sleep","3"]},
        {"name":"proxy","image":"nginx:1","restartPolicy":"Always"},
        {"name":"second","image":"busybox:1","command":["sleep","3"]}],
        "containers":[{"name":"job","image":"busybox:1","command":["sleep","4"]}]}"#;
    let mut bench = usual();
    bench.run("job", &[], spec).advance(20_000);
    let story = bench.story("job");
    assert_eq!(
        story,
        [
            "Pending Pending 0/2",
            "Pending Init:0/3 0/2",
            "Pending Init:1/3 0/2",
            "Pending Init:2/3 1/2",
            "Pending PodInitializing 1/2",
            "Running Running 2/2",
            "Running Completed 1/2",
            "Succeeded Completed 0/2",
        ]
    );
    assert!(bench.queue.values().all(Kubelets::is_periodic));
}

#[test]
fn an_init_container_that_fails_for_good_fails_the_pod() {
    let spec = r#"{"restartPolicy":"Never","initContainers":[{"name":"init","image":"busybox:1","command":["false"]}],
        "containers":[{"name":"app","image":"nginx:1"}]}"#;
    let mut bench = usual();
    bench.run("app", &[], spec).advance(20_000);
    assert_eq!(bench.sum("app"), "Init:Error 0/1 0");
    assert_eq!(bench.pod("app").and_then(|pod| pod.status.phase.clone()).as_deref(), Some("Failed"));
}

#[test]
fn a_script_waits_for_a_service_to_appear() {
    let spec = r#"{"initContainers":[{"name":"wait","image":"busybox:1",
        "command":["sh","-c","until nslookup web.default.svc.cluster.local; do echo waiting; sleep 2; done"]}],
        "containers":[{"name":"app","image":"nginx:1"}]}"#;
    let mut bench = usual();
    bench.run("app", &[], spec).advance(20_000);
    assert_eq!(bench.sum("app"), "Init:0/1 0/1 0");
    assert!(bench.queue.values().all(Kubelets::is_periodic), "who waits like this may wait for ever");
    let service = serde_json::json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}});
    create(&mut bench.api, Object::from_value(Kind::SERVICE, service).expect("a service"));
    bench.advance(6_000);
    assert_eq!(bench.sum("app"), "Running 1/1 0");
}

#[test]
fn a_deadline_fails_the_pod() {
    let spec = r#"{"activeDeadlineSeconds":5,"restartPolicy":"Never","containers":[{"name":"web","image":"nginx:1"}]}"#;
    let mut bench = usual();
    bench.run("web", &[], spec).advance(20_000);
    let status = bench.pod("web").map(|pod| pod.status.clone()).unwrap_or_default();
    assert_eq!(
        (status.phase.as_deref(), status.reason.as_deref()),
        (Some("Failed"), Some("DeadlineExceeded"))
    );
    let told = "DeadlineExceeded: Pod was active on the node longer than the specified deadline";
    assert!(bench.events("web").contains(&told.to_string()));
}

#[test]
fn a_node_that_was_off_starts_its_containers_anew() {
    let mut bench = usual();
    bench.run("web", &[], NGINX).advance(5_000).set_node(NodeState::Stopped).advance(60_000);
    assert_eq!(bench.sum("web"), "Running 1/1 0");
    let renewed = |bench: &Bench| {
        let lease = bench.api.view().get::<Lease>(node_status::LEASE_NAMESPACE, "node-1");
        lease.and_then(|lease| lease.spec.renew_time.as_ref().map(SimTime::from_micro_time))
    };
    assert_eq!(renewed(&bench), Some(SimTime::ZERO));
    bench.set_node(NodeState::Running).advance(5_000);
    assert_eq!(bench.sum("web"), "Running 1/1 1");
    assert_eq!(renewed(&bench), Some(SimTime::from_secs(65)));
}

#[test]
fn a_node_that_was_cut_off_catches_up() {
    let mut bench = usual();
    bench.run("web", &[], NGINX).run(
        "job",
        &[("kubeviz.dev/run-seconds", "10")],
        &NGINX.replacen('{', "{\"restartPolicy\":\"Never\",", 1),
    );
    bench.advance(5_000).set_node(NodeState::Partitioned).delete("web", None).advance(60_000);
    assert_eq!((bench.sum("web"), bench.sum("job")), ("Terminating 1/1 0".into(), "Running 1/1 0".into()));
    bench.set_node(NodeState::Running).advance(1_000);
    assert_eq!((bench.sum("web"), bench.sum("job")), ("-".into(), "Completed 0/1 0".into()));
}

#[test]
fn a_container_can_be_killed_from_outside() {
    let mut bench = usual();
    bench.run("web", &[], NGINX).advance(5_000);
    let pod = bench.pod("web").cloned().expect("the pod");
    let mut timers = Vec::new();
    let mut kill = |bench: &mut Bench, container: &str| {
        bench.kubelets.kill_container(&pod, container, 137, Some("OOMKilled"), &mut bench.api, &mut timers)
    };
    assert!(!kill(&mut bench, "other"));
    assert!(kill(&mut bench, "web"));
    bench.set(timers);
    bench.deliver();
    assert_eq!(bench.sum("web"), "OOMKilled 0/1 0");
    bench.advance(2_000);
    assert_eq!(bench.sum("web"), "Running 1/1 1");
}

#[test]
fn the_recorded_kubelet_lets_pods_run_one_at_a_time_and_succeed_when_deleted() {
    let mut bench = Bench::new(KubeletConfig::recorded(SimDuration::from_millis(450)));
    bench.run("a", &[], NGINX).run("b", &[], NGINX).run("c", &[("sim/ready-delay", "never")], NGINX);
    bench.advance(20);
    assert_eq!(bench.sum("a"), "ContainerCreating 0/1 0");
    bench.advance(100);
    assert_eq!((bench.sum("a"), bench.sum("b")), ("Running 1/1 0".into(), "ContainerCreating 0/1 0".into()));
    bench.advance(450);
    assert_eq!(bench.sum("b"), "Running 1/1 0");
    bench.advance(450).delete("a", None);
    assert_eq!(bench.sum("c"), "Running 0/1 0");
    bench.advance(200);
    assert_eq!(bench.pod("a").and_then(|pod| pod.status.phase.clone()).as_deref(), Some("Succeeded"));
    bench.advance(10);
    assert_eq!(bench.sum("a"), "-");
    assert_eq!(bench.events("a"), Vec::<String>::new());
    let b = bench.pod("b").expect("the pod");
    assert_eq!(b.status.observed_generation, None);
    let status = &b.status.container_statuses.as_ref().expect("statuses")[0];
    assert_eq!((status.image.as_str(), status.image_id.as_str()), ("nginx:1.27", "sha256:nginx:1.27"));
}

#[test]
fn heartbeats_renew_the_lease_and_report_new_images() {
    let mut bench = usual();
    bench.run("web", &[], NGINX).advance(31_000);
    // It is written when somebody looks.
    bench.kubelets.show_leases(&mut bench.api);
    let lease = bench.api.view().get::<Lease>(node_status::LEASE_NAMESPACE, "node-1");
    let renewed = lease.and_then(|lease| lease.spec.renew_time.as_ref().map(SimTime::from_micro_time));
    assert_eq!(renewed, Some(SimTime::from_secs(30)));
    let node = bench.api.view().get::<Node>("", "node-1").expect("the node");
    let images = node.status.images.iter().flatten().count();
    assert_eq!(images, 1);
    let ready = condition::find(node.status.conditions.as_deref(), "Ready").expect("Ready");
    assert_eq!(ready.last_heartbeat_time, Some(SimTime::from_secs(10).to_time()));
}
