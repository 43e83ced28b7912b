//! Goal: requests meet what they would meet in a cluster, and none is forgotten.
//!
//! Method: small clusters under a load, and what has become of it in the end. The network's books are checked at every look
//! at them: what was sent is what was answered, what was lost, and what is under way.

use kubeviz::api::{EndpointSlice, Kind, MetaExt};
use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::kubelet::NodeState;
use kubeviz::network::report::Report;
use kubeviz::network::{LoadSpec, Sender, Target};
use kubeviz::sim::{Config, Input, Recording, Simulation};

const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {kubeviz.dev/service-time: 20ms}}
    spec:
      containers:
      - name: web
        image: example.com/web:1
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
";

/// The same with an image that is known to listen elsewhere than it declares, and no probe to find out.
fn nginx(manifest: &str) -> String {
    let lines = manifest.lines().filter(|line| !line.contains("readinessProbe"));
    let lines: Vec<&str> = lines.collect();
    lines.join("\n").replace("example.com/web:1", "nginx:1.27") + "\n"
}

const PRE_STOP: &str = "\n        lifecycle: {preStop: {sleep: {seconds: 5}}}";

fn cluster(manifest: &str) -> Simulation {
    let mut simulation = Simulation::new(Config { check_invariants: true, ..Config::small(7) });
    apply(&mut simulation, manifest);
    pass(&mut simulation, 20);
    simulation
}

#[track_caller]
fn apply(simulation: &mut Simulation, manifest: &str) {
    let outcome = simulation.apply(manifest);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
}

#[track_caller]
fn kubectl(simulation: &mut Simulation, line: &str) {
    let outcome = simulation.kubectl_line(&format!("kubectl {line}"));
    assert_eq!(outcome.code, 0, "{line}: {}{}", outcome.stdout, outcome.stderr);
}

fn pass(simulation: &mut Simulation, seconds: u64) {
    let until = simulation.now() + SimDuration::from_secs(seconds);
    simulation.advance(until, u64::MAX);
}

fn spec(target: &str, rate: u32) -> LoadSpec {
    let target = Target::parse(target).unwrap_or_else(|why| panic!("{why}"));
    LoadSpec::new("test", target, rate)
}

#[track_caller]
fn start(simulation: &mut Simulation, spec: LoadSpec) {
    let outcome = simulation.submit(Input::Load(spec));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
}

/// Lets a load run for some seconds, and what was under way then come to its end.
#[track_caller]
fn run(simulation: &mut Simulation, spec: LoadSpec, seconds: u64) -> Report {
    start(simulation, LoadSpec { lasts_ms: Some(seconds * 1_000), ..spec });
    pass(simulation, seconds + 10);
    report(simulation)
}

#[track_caller]
fn report(simulation: &Simulation) -> Report {
    let load = simulation.network().load("test").unwrap_or_else(|| panic!("there is a load"));
    let report = Report::of(load);
    assert_eq!(report.sent, report.answered + report.lost_count() + report.under_way, "{report:?}");
    report
}

/// The causes of loss, each with how often it struck.
fn causes(report: &Report) -> Vec<(&'static str, u64)> {
    report.lost.iter().map(|lost| (lost.cause.as_str(), lost.count)).collect()
}

/// That everything was lost, for one cause.
#[track_caller]
fn all_lost(report: &Report, cause: &'static str) {
    assert_eq!(causes(report), [(cause, report.sent)], "{report:?}");
    assert!(report.sent > 0);
}

#[test]
fn a_service_answers_all_that_it_is_asked_and_shares_it_out() {
    for rate in [50, 3_000] {
        let report = run(&mut cluster(WEB), spec("svc/web", rate), 30);
        assert_eq!(
            (report.sent, report.answered, report.under_way),
            (u64::from(rate) * 30, u64::from(rate) * 30, 0)
        );
        assert_eq!(report.endpoints.len(), 3, "{report:?}");
        for endpoint in &report.endpoints {
            let share = endpoint.answered * 100 / report.sent;
            assert!((28..=39).contains(&share), "{share}% of {report:?}");
        }
        assert!(report.p50_us.is_some_and(|p50| (20_000..26_000).contains(&p50)), "{report:?}");
    }
}

#[test]
fn a_rolling_update_loses_requests_unless_pods_wait_before_they_stop() {
    let roll = |manifest: &str| {
        let mut simulation = cluster(manifest);
        start(&mut simulation, spec("svc/web", 100));
        pass(&mut simulation, 5);
        kubectl(&mut simulation, "set image deployment/web web=example.com/web:2");
        pass(&mut simulation, 60);
        simulation.submit(Input::StopLoad(None));
        pass(&mut simulation, 5);
        report(&simulation)
    };
    let without = roll(WEB);
    assert!(causes(&without).iter().any(|(cause, count)| *cause == "refused" && *count > 3), "{without:?}");
    let with = roll(&format!("{}{PRE_STOP}\n", WEB.trim_end()));
    assert_eq!(causes(&with), []);
    assert_eq!(with.endpoints.len(), 6, "{with:?}");
}

#[test]
fn a_service_without_endpoints_refuses_and_one_that_is_not_there_has_no_name() {
    let mut simulation = cluster(&WEB.replace("selector: {app: web}, ports", "selector: {app: wbe}, ports"));
    all_lost(&run(&mut simulation, spec("svc/web", 20), 3), "no-endpoints");
    all_lost(&run(&mut cluster(WEB), spec("svc/webb", 20), 3), "no-such-name");
    all_lost(&run(&mut cluster(WEB), spec("svc/web:81", 20), 3), "unreachable");
    // A known image listens where it listens, whatever it declares.
    let nginx = nginx(WEB);
    all_lost(&run(&mut cluster(&nginx), spec("svc/web", 20), 3), "refused");
}

#[test]
fn pods_that_are_not_ready_get_nothing() {
    let slow = WEB.replace("kubeviz.dev/service-time: 20ms", "kubeviz.dev/ready-delay: never");
    all_lost(&run(&mut cluster(&slow), spec("svc/web", 20), 3), "no-endpoints");
}

#[test]
fn a_crash_breaks_off_what_was_under_way_and_refuses_until_the_endpoint_is_gone() {
    let crashing = WEB.replace(
        "kubeviz.dev/service-time: 20ms",
        "kubeviz.dev/service-time: 500ms, kubeviz.dev/crash-after: '30'",
    );
    let report = run(&mut cluster(&crashing), spec("svc/web", 40), 20);
    let lost = causes(&report);
    assert!(lost.iter().any(|(cause, _)| *cause == "reset"), "{report:?}");
    assert!(report.answered > 0, "{report:?}");
}

#[test]
fn a_lost_node_lets_requests_time_out_until_its_pods_are_taken_out() {
    let mut simulation = cluster(WEB);
    start(&mut simulation, spec("svc/web", 50));
    pass(&mut simulation, 5);
    simulation.submit(Input::SetNode { name: "node-2".into(), state: NodeState::Stopped });
    pass(&mut simulation, 120);
    let at_first = report(&simulation);
    assert_eq!(
        causes(&at_first).iter().map(|(cause, _)| *cause).collect::<Vec<_>>(),
        ["unreachable"],
        "{at_first:?}"
    );
    pass(&mut simulation, 60);
    assert_eq!(causes(&report(&simulation)), causes(&at_first), "the endpoint has been taken out");
}

#[test]
fn a_network_policy_lets_requests_in_or_drops_them() {
    let policy = "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-front}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {role: front}}}], ports: [{port: http}]}]
";
    let mut simulation = cluster(&format!("{WEB}{policy}"));
    let labelled = |role: &str| Sender::Labels {
        namespace: "default".into(),
        labels: [("role".to_string(), role.to_string())].into(),
    };
    let denied = run(&mut simulation, LoadSpec { from: labelled("back"), ..spec("svc/web", 20) }, 3);
    all_lost(&denied, "denied");
    let why = simulation.network().samples().last().map(|sample| sample.why.to_string());
    assert_eq!(why.as_deref(), Some("no rule lets it in: NetworkPolicy default/only-front"));
    let mut simulation = cluster(&format!("{WEB}{policy}"));
    let allowed = run(&mut simulation, LoadSpec { from: labelled("front"), ..spec("svc/web", 20) }, 3);
    assert_eq!(causes(&allowed), []);
}

#[test]
fn session_affinity_keeps_each_client_at_one_endpoint() {
    let sticky =
        WEB.replace("selector: {app: web}, ports", "sessionAffinity: ClientIP, selector: {app: web}, ports");
    for rate in [50, 1_000] {
        let one = LoadSpec { clients: 1, ..spec("svc/web", rate) };
        let report = run(&mut cluster(&sticky), one, 10);
        assert_eq!((report.endpoints.len(), causes(&report)), (1, vec![]), "{report:?}");
        let many = LoadSpec { clients: 60, ..spec("svc/web", rate) };
        assert_eq!(run(&mut cluster(&sticky), many, 10).endpoints.len(), 3);
    }
}

#[test]
fn connections_that_are_kept_stay_with_their_pods_when_more_come() {
    let shares = |keep_alive: bool| {
        let mut simulation = cluster(WEB);
        start(&mut simulation, LoadSpec { keep_alive, ..spec("svc/web", 100) });
        pass(&mut simulation, 5);
        kubectl(&mut simulation, "scale deployment/web --replicas=6");
        pass(&mut simulation, 30);
        report(&simulation)
    };
    assert_eq!(shares(true).endpoints.len(), 3);
    assert_eq!(shares(false).endpoints.len(), 6);
    assert_eq!((causes(&shares(true)), causes(&shares(false))), (vec![], vec![]));
}

#[test]
fn a_canary_gets_its_share() {
    let canary = WEB
        .replace("kind: Deployment\nmetadata: {name: web}", "kind: Deployment\nmetadata: {name: canary}")
        .replace("replicas: 3", "replicas: 1")
        .replace("matchLabels: {app: web}", "matchLabels: {app: web, track: canary}")
        .replace("labels: {app: web},", "labels: {app: web, track: canary},");
    let stable = WEB
        .replace("replicas: 3", "replicas: 9")
        .replace("matchLabels: {app: web}", "matchLabels: {app: web, track: stable}")
        .replace("labels: {app: web},", "labels: {app: web, track: stable},");
    let report = run(&mut cluster(&format!("{stable}\n---\n{canary}")), spec("svc/web", 150), 30);
    let canary =
        report.endpoints.iter().filter(|one| one.pod.as_deref().is_some_and(|pod| pod.starts_with("canary")));
    let share = canary.map(|one| one.answered).sum::<u64>() * 100 / report.sent;
    assert!((5..=15).contains(&share), "{share}%: {report:?}");
}

#[test]
fn an_ingress_leads_each_path_to_its_service() {
    let ingress = "
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}
";
    let manifest = format!("{WEB}{ingress}");
    let go = |url: &str| run(&mut cluster(&manifest), spec(url, 20), 3);
    assert_eq!(causes(&go("http://shop.example.com/")), []);
    assert_eq!(causes(&go("ingress/shop/carts")), []);
    all_lost(&go("http://shop.example.com/cart/1"), "unavailable");
    all_lost(&go("http://other.example.com/"), "not-found");
    // What the pods are asked for is the whole path, unless the Ingress has another put in its place.
    let below = manifest.replace("path: /, pathType", "path: /shop(/|$)(.*), pathType");
    let annotated = |annotation: &str| {
        let name = format!("{{name: shop, annotations: {{nginx.ingress.kubernetes.io/{annotation}}}}}");
        nginx(&below.replace("{name: shop}", &name)).replace("8080", "80")
    };
    let go = |manifest: &str, url: &str| run(&mut cluster(manifest), spec(url, 20), 3);
    all_lost(&go(&annotated("use-regex: \"true\""), "http://shop.example.com/shop/a"), "page-not-found");
    let rewritten = annotated("rewrite-target: /$2");
    all_lost(&go(&rewritten, "http://shop.example.com/shop/a"), "page-not-found");
    assert_eq!(causes(&go(&rewritten, "http://shop.example.com/shop/")), []);
    assert_eq!(causes(&go(&annotated("rewrite-target: /"), "http://shop.example.com/shop/a")), []);
    let nginx = nginx(&manifest);
    all_lost(&run(&mut cluster(&nginx), spec("ingress/shop", 20), 3), "bad-gateway");
}

#[test]
fn node_ports_lead_in_and_the_policy_local_keeps_to_the_node() {
    let node_port = WEB
        .replace("spec: {selector: {app: web}", "spec: {type: NodePort, selector: {app: web}")
        .replace("{port: 80,", "{port: 80, nodePort: 30080,")
        .replace("replicas: 3", "replicas: 1");
    let mut simulation = cluster(&node_port);
    assert_eq!(causes(&run(&mut simulation, spec("node/node-1:30080", 20), 3)), []);
    all_lost(&run(&mut cluster(&node_port), spec("node/node-1:30081", 20), 3), "refused");
    let local = node_port.replace("type: NodePort,", "type: NodePort, externalTrafficPolicy: Local,");
    let mut lost = Vec::new();
    for node in ["node-1", "node-2", "node-3"] {
        let report = run(&mut cluster(&local), spec(&format!("node/{node}:30080"), 20), 3);
        lost.extend(causes(&report));
    }
    assert_eq!(
        lost,
        [("no-local-endpoints", 60), ("no-local-endpoints", 60)],
        "one of three nodes has the pod"
    );
}

#[test]
fn cpu_use_follows_the_load() {
    let costly = WEB.replace("kubeviz.dev/service-time: 20ms", "kubeviz.dev/cpu-per-request: 6ms");
    let mut simulation = cluster(&costly);
    start(&mut simulation, spec("svc/web", 100));
    pass(&mut simulation, 40);
    let top = simulation.kubectl_line("kubectl top pods --no-headers").stdout;
    let used: Vec<u32> = top
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.strip_suffix('m')?.parse().ok())
        .collect();
    assert_eq!(used.len(), 3, "{top}");
    assert!((570..=640).contains(&used.iter().sum::<u32>()), "{top}");
    assert!(used.iter().all(|cpu| (120..=290).contains(cpu)), "{top}");
    simulation.submit(Input::StopLoad(None));
    pass(&mut simulation, 40);
    let top = simulation.kubectl_line("kubectl top pods --no-headers").stdout;
    assert!(top.lines().all(|line| line.contains(" 1m ")), "{top}");
}

#[test]
fn the_same_seed_has_the_same_fates_and_so_has_a_replay() {
    let run = || {
        let mut simulation = cluster(WEB);
        start(&mut simulation, spec("svc/web", 130));
        pass(&mut simulation, 2);
        kubectl(&mut simulation, "set image deployment/web web=example.com/web:2");
        pass(&mut simulation, 20);
        simulation
    };
    let (first, second) = (run(), run());
    assert_eq!(first.digest(), second.digest());
    assert_eq!(report(&first), report(&second));

    let mut recording = Recording::new(Config { check_invariants: true, ..Config::small(7) });
    let pass = |recording: &mut Recording, seconds: u64| {
        let until = recording.position() + SimDuration::from_secs(seconds);
        recording.advance(until, u64::MAX);
    };
    recording.submit(Input::Kubectl {
        line: "kubectl apply -f -".into(),
        stdin: Some(WEB.into()),
        files: Default::default(),
    });
    pass(&mut recording, 20);
    recording.submit(Input::Load(spec("svc/web", 130)));
    pass(&mut recording, 2);
    let then = report(recording.live());
    let turn = recording.position();
    pass(&mut recording, 20);
    // The load itself has written nothing: it must be there all the same after going back.
    recording.seek(turn);
    recording.submit(Input::Usage { cpu: "10m".into(), memory: "1Mi".into() });
    assert_eq!(report(recording.live()).sent, then.sent);
}

#[test]
fn ten_thousand_requests_a_second_are_cheap_and_all_accounted_for() {
    let mut simulation = Simulation::new(Config { check_invariants: false, ..Config::small(7) });
    apply(&mut simulation, &WEB.replace("service-time: 20ms", "service-time: 5ms"));
    pass(&mut simulation, 20);
    let before = simulation.events_done();
    let report = run(&mut simulation, spec("svc/web", 10_000), 120);
    assert_eq!(report.sent, 1_200_000);
    assert!(simulation.events_done() - before < 5_000, "{}", simulation.events_done() - before);
}

const CLIENT: &str = "
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {role: client}}
spec: {containers: [{name: sh, image: busybox, command: [sleep, infinity]}]}
";

/// What a command in the pod `client` prints, and whether it succeeded.
fn exec(simulation: &mut Simulation, command: &str) -> (String, bool) {
    let outcome = simulation.kubectl_line(&format!("kubectl exec client -- {command}"));
    (outcome.stdout + &outcome.stderr, outcome.code == 0)
}

#[test]
fn programs_in_containers_meet_the_same_network() {
    let other = "
---
apiVersion: v1
kind: Service
metadata: {name: none}
spec: {selector: {app: none}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: pods}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}
";
    let mut simulation = cluster(&format!("{WEB}{other}{CLIENT}"));
    let mut answers: Vec<String> = (0..30).map(|_| exec(&mut simulation, "wget -qO- http://web").0).collect();
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.starts_with("Hello from web-")), "{answers:?}");
    for (command, want) in [
        ("curl -s -o /dev/null -w %{http_code} http://web.default.svc:80/", "200"),
        (
            "curl -s http://none",
            "curl: (7) Failed to connect to none port 80 after 3 ms: Could not connect to server",
        ),
        ("curl http://nobody", "curl: (6) Could not resolve host: nobody"),
        ("curl -m 1 http://web:81", "curl: (28) Connection timed out after 1000 milliseconds"),
        ("wget -qO- pods", "): Connection refused"),
        ("wget -T 1 -qO- 10.244.9.9", "wget: download timed out"),
        ("nc -zv web 80", "web (10."),
        ("nslookup none", "Name:\tnone.default.svc.cluster.local\nAddress: 10."),
        ("nslookup pods", "Name:\tpods.default.svc.cluster.local\nAddress: 10."),
        ("nslookup nobody", "** server can't find nobody: NXDOMAIN"),
    ] {
        let (said, _) = exec(&mut simulation, command);
        assert!(said.contains(want), "{command}: {said}");
    }
    apply(
        &mut simulation,
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed}, spec: {podSelector: {matchLabels: \
         {role: client}}, policyTypes: [Egress]}}",
    );
    assert_eq!(
        exec(&mut simulation, "wget -T 1 -qO- http://web"),
        ("wget: bad address 'web'\ncommand terminated with exit code 1\n".into(), false)
    );
    assert!(exec(&mut simulation, "nslookup web").0.contains("no servers could be reached"));
}

#[test]
fn a_pod_that_asks_in_a_loop_is_a_load() {
    let looping =
        CLIENT.replace("[sleep, infinity]", "[sh, -c, 'while sleep 0.1; do wget -q -O- http://web; done']");
    let mut simulation = cluster(&format!("{WEB}{looping}"));
    pass(&mut simulation, 60);
    let load = simulation
        .network()
        .load("pod/client")
        .map(Report::of)
        .unwrap_or_else(|| panic!("its requests are counted"));
    assert!((400..=800).contains(&load.answered), "{load:?}");
    assert_eq!(load.endpoints.len(), 3, "{load:?}");
    let logs = simulation.kubectl_line("kubectl logs client --tail=1").stdout;
    assert!(logs.starts_with("Hello from web-"), "{logs}");
}

#[test]
fn a_load_balancer_gets_an_address_and_leads_in() {
    let balanced =
        WEB.replace("spec: {selector: {app: web}", "spec: {type: LoadBalancer, selector: {app: web}");
    let mut simulation = Simulation::new(Config { check_invariants: true, ..Config::small(7) });
    apply(&mut simulation, &balanced);
    pass(&mut simulation, 1);
    assert!(simulation.kubectl_line("kubectl get svc web").stdout.contains("<pending>"));
    pass(&mut simulation, 20);
    assert!(simulation.kubectl_line("kubectl get svc web").stdout.contains("203.0.113.20"));
    let report = run(&mut simulation, spec("http://203.0.113.20/", 30), 5);
    assert_eq!((report.sent, report.answered, report.endpoints.len()), (150, 150, 3));
    kubectl(&mut simulation, "patch svc web -p '{\"spec\":{\"externalTrafficPolicy\":\"Local\"}}'");
    kubectl(&mut simulation, "scale deployment/web --replicas=1");
    pass(&mut simulation, 20);
    let before = report.sent;
    let report = run(&mut simulation, spec("svc/web", 30), 5);
    assert_eq!((report.sent - before, report.lost_count()), (150, 0), "it asks the node that has the pod");
    kubectl(&mut simulation, "delete svc web");
    pass(&mut simulation, 1);
    assert!(simulation.kubectl_line("kubectl get svc web").stderr.contains("not found"));
}

#[test]
fn traffic_stays_close_where_the_service_wants_it() {
    let close = WEB.replace(
        "spec: {selector: {app: web}",
        "spec: {trafficDistribution: PreferSameZone, selector: {app: web}",
    );
    let mut simulation = cluster(&format!("{close}{CLIENT}"));
    let from = Sender::Pod { namespace: "default".into(), name: "client".into() };
    let report = run(&mut simulation, LoadSpec { from, ..spec("svc/web", 50) }, 5);
    assert_eq!((report.endpoints.len(), report.lost_count()), (1, 0), "{report:?}");
}

#[test]
fn a_console_line_starts_a_load_and_says_what_came_of_it() {
    let mut simulation = cluster(WEB);
    let outcome = simulation.kubectl_line("load svc/web --rate 50 --for 10s");
    assert_eq!(
        (outcome.stdout.as_str(), outcome.load.as_deref()),
        ("load/web started: 50/s to svc/web for 10s\n", Some("web"))
    );
    let report = simulation.finish_load("web").unwrap_or_default();
    assert!(report.starts_with("svc/web: 500 sent, 500 answered, 0 lost; p50 2"), "{report}");
    assert!(simulation.kubectl_line("load").stdout.contains("web    svc/web   ended   500    500        0"));
    assert_eq!(simulation.kubectl_line("load stop other").stderr, "error: load other is not on\n");
}

#[test]
fn a_service_of_very_many_pods_is_not_written_once_for_each() {
    let mut simulation = Simulation::new(Config::sized(7, 40));
    for line in [
        "kubectl create deployment web --image=web:1 --replicas=400",
        "kubectl expose deployment web --port=80",
    ] {
        assert_eq!(simulation.kubectl_line(line).code, 0);
    }
    simulation.advance(SimTime::from_secs(120), u64::MAX);
    let written =
        |kind: Kind| simulation.api().store().since(0).filter(|change| change.key.kind == kind).count();
    let (slices, endpoints) = (written(Kind::ENDPOINT_SLICE), written(Kind::ENDPOINTS));
    assert!(slices < 400 && endpoints < 100, "{slices} slices and {endpoints} Endpoints written");
    let ready = |slice: &EndpointSlice| {
        let all = slice.spec.endpoints.iter().filter_map(|endpoint| endpoint.conditions.as_ref()?.ready);
        all.filter(|ready| *ready).count()
    };
    let slices = simulation.view().list::<EndpointSlice>(Some("default"));
    let listed: usize = slices.filter(|slice| slice.name().starts_with("web-")).map(ready).sum();
    assert_eq!(listed, 400, "in the end all are there");
}
