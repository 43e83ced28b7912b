use super::*;
use crate::sim::{Config, Input, Simulation};

/// Runs lines, each at its second, then looks at an object at the end.
fn look(manifest: &str, lines: &[(u64, &str)], until: u64, key: Key) -> Vec<Answer> {
    let mut simulation = Simulation::new(Config::small(1));
    let applied = simulation.submit(Input::Kubectl {
        line: "apply -f -".into(),
        stdin: Some(manifest.into()),
        files: Default::default(),
    });
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    for (at, line) in lines {
        simulation.advance(SimTime::from_secs(*at), u64::MAX);
        let outcome = simulation.kubectl_line(line);
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
    }
    simulation.advance(SimTime::from_secs(until), u64::MAX);
    let key = match key.name.strip_suffix('*') {
        Some(start) => {
            let all = simulation.view().objects(key.kind, None).map(|object| object.key());
            all.into_iter().find(|found| found.name.starts_with(start)).expect("such an object")
        }
        None => key,
    };
    answers(simulation.view(), simulation.api().store(), &key, simulation.now())
}

fn of<'a>(answers: &'a [Answer], by: &str) -> &'a Answer {
    answers.iter().find(|answer| answer.by == by).unwrap_or_else(|| panic!("{by} is not in {answers:#?}"))
}

/// A line as `key a b c`, with a tick or a cross.
fn said(line: &Line) -> String {
    let mark = line.holds.map_or("", |holds| if holds { "+" } else { "-" });
    let words: Vec<&str> = std::iter::once(line.key).chain(line.args.iter().map(String::as_str)).collect();
    format!("{mark}{}", words.join(" | "))
}

fn sums(answer: &Answer) -> Vec<String> {
    answer.sums.iter().map(said).collect()
}

fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, if kind.info().namespaced { "default" } else { "" }, name)
}

fn deployment(name: &str, replicas: u32, extra: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: web, image: 'web:1', resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}}}]}}\n{extra}"
    )
}

fn scaler(spec: &str) -> String {
    format!(
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n  metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 50}}}}}}]\n{spec}"
    )
}

#[test]
fn an_autoscaler_shows_the_product_of_the_metric_that_won() {
    let manifest = deployment("web", 2, &scaler("  minReplicas: 1\n  maxReplicas: 10\n"));
    let busy = [(30, "kubectl annotate pods --all kubeviz.dev/cpu-use=90m")];
    let found = look(&manifest, &busy, 400, key(Kind::HORIZONTAL_POD_AUTOSCALER, "web"));
    let answer = of(&found, "autoscaler");
    let metric = "cpu resource utilization (percentage of request)";
    let product = |line: &String| {
        line.starts_with(&format!("hpa.product | {metric} | ")) || line.contains("hpa.tolerated")
    };
    assert!(sums(answer).iter().any(product), "{answer:#?}");
    assert_eq!(sums(answer).last().map(String::as_str), Some("hpa.bounds | 1 | 10"));
    assert!(answer.at.is_some() && answer.said.len() == 3, "{answer:#?}");
    // The numbers are those of the controller: what comes out of the product is what the workload then asks for.
    for line in answer.sums.iter().filter(|line| line.key == "hpa.product") {
        let number = |at: usize| line.args[at].trim_end_matches('%').parse::<i64>().expect("a number");
        let (count, used, target, pods) = (number(1), number(2), number(3), number(4));
        assert_eq!((count * used + target - 1) / target, pods, "{line:?}");
    }
}

#[test]
fn an_autoscaler_says_what_limits_it_and_what_it_cannot_measure() {
    let manifest = deployment("web", 2, &scaler("  minReplicas: 1\n  maxReplicas: 3\n"));
    let busy = [(30, "kubectl annotate pods --all kubeviz.dev/cpu-use=200m")];
    let found = look(&manifest, &busy, 300, key(Kind::HORIZONTAL_POD_AUTOSCALER, "web"));
    let answer = of(&found, "autoscaler");
    assert!(
        sums(answer).iter().any(|line| line.starts_with("hpa.limited | ") && line.ends_with(" | 3")),
        "{answer:#?}"
    );
    assert_eq!(answer.changes[0].key, "hpa.raise");
    let missing = deployment("web", 1, &scaler("  maxReplicas: 3\n"))
        .replace("requests: {cpu: 100m, memory: 64Mi}", "");
    let found = look(&missing, &[], 120, key(Kind::HORIZONTAL_POD_AUTOSCALER, "web"));
    let answer = of(&found, "autoscaler");
    assert_eq!(answer.sentence.key, "hpa.blind", "{answer:#?}");
    assert!(answer.sums[0].args[1].contains("missing request for cpu"), "{answer:#?}");
}

#[test]
fn an_idle_workload_is_held_by_the_window_until_it_ends() {
    let manifest = deployment("web", 6, &scaler("  minReplicas: 1\n  maxReplicas: 10\n"));
    let idle = [(20, "kubectl annotate pods --all kubeviz.dev/cpu-use=10m")];
    let found = look(&manifest, &idle, 200, key(Kind::HORIZONTAL_POD_AUTOSCALER, "web"));
    let held: Vec<String> = sums(of(&found, "autoscaler"));
    // The first look, 15 s after the start, saw six pods; that is forgotten five minutes later.
    assert!(held.iter().any(|line| line.starts_with("hpa.held | 6 | 05:1")), "{held:#?}");
}

#[test]
fn a_pod_is_behind_a_service_or_a_label_says_why_not() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web, tier: front}, ports: [{port: 80}]}\n";
    let manifest = deployment("web", 1, service);
    let found = look(&manifest, &[], 60, key(Kind::POD, "web-*"));
    let answer = of(&found, "endpoints");
    assert_eq!(said(&answer.sentence), "-endpoint.other | web");
    assert_eq!(sums(answer), ["+endpoint.label | app | web | web", "-endpoint.no_label | tier | front"]);
    assert!(answer.changes[0].args[0].ends_with("tier=front --overwrite"), "{answer:#?}");
    let labelled = [(60, "kubectl label pods --all tier=front")];
    let found = look(&manifest, &labelled, 90, key(Kind::POD, "web-*"));
    let answer = of(&found, "endpoints");
    assert_eq!(said(&answer.sentence), "+endpoint.ready | web");
    assert!(
        sums(answer).last().is_some_and(|line| line.starts_with("endpoint.in_slice | web-")),
        "{answer:#?}"
    );
    let found = look(&manifest, &[], 60, key(Kind::SERVICE, "web"));
    let answer = of(&found, "endpoints");
    assert_eq!(said(&answer.sentence), "-endpoint.service | 0 | 0");
    assert!(sums(answer)[0].ends_with("| tier | front | –"), "{answer:#?}");
}

#[test]
fn an_eviction_for_memory_shows_the_ranking_that_chose_the_pod() {
    let pod = |name: &str, used: &str, priority: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{kubeviz.dev/memory-use: {used}}}}}\nspec: {{nodeName: node-1, {priority}containers: [{{name: c, image: app, resources: {{requests: {{memory: 1Gi}}}}}}]}}\n"
        )
    };
    let manifest = pod("good", "900Mi", "") + &pod("greedy", "5500Mi", "");
    let strict = [(0, "kubectl annotate node node-1 'kubeviz.dev/eviction-hard=memory.available<3Gi'")];
    let found = look(&manifest, &strict, 120, key(Kind::POD, "greedy"));
    let answer = of(&found, "eviction");
    assert_eq!(answer.sentence.key, "eviction.short");
    assert_eq!(answer.sentence.args[..2], ["node-1", "memory"]);
    let ranks = sums(answer);
    assert!(ranks[1].starts_with("-eviction.over | 1 | greedy | Burstable | 5500Mi | 1Gi"), "{ranks:#?}");
    assert!(
        ranks.iter().any(|line| line.starts_with("eviction.within | 2 | good | Burstable | 900Mi")),
        "{ranks:#?}"
    );
}

#[test]
fn taints_and_budgets_say_who_may_stay_and_who_may_go() {
    let budget = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 2, selector: {matchLabels: {app: web}}}\n";
    let manifest = deployment("web", 2, budget);
    let found = look(&manifest, &[], 60, key(Kind::POD, "web-*"));
    let answer = of(&found, "budget");
    assert_eq!(said(&answer.sentence), "-budget.not | web");
    assert_eq!(sums(answer)[1], "-budget.sum | 2 | 2 | 0");
    assert!(answer.said[0].1.contains("needs 2 healthy pods and has 2 currently"), "{answer:#?}");
    let off = [(60, "fault node node-1 off"), (60, "fault node node-2 off"), (60, "fault node node-3 off")];
    let found = look(&manifest, &off, 130, key(Kind::POD, "web-*"));
    let answer = of(&found, "taints");
    assert_eq!(answer.sentence.key, "taint.later", "{answer:#?}");
    assert_eq!(answer.sentence.args[1], "300");
    assert!(
        sums(answer).contains(&"+taint.for | node.kubernetes.io/unreachable:NoExecute | 300".to_string()),
        "{answer:#?}"
    );
}

#[test]
fn a_full_quota_shows_on_the_workload_and_on_itself() {
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: team}\nspec: {hard: {requests.cpu: 250m, pods: 5}}\n---\n";
    let manifest = format!("{quota}{}", deployment("web", 4, ""));
    let found = look(&manifest, &[], 60, key(Kind::DEPLOYMENT, "web"));
    let answer = of(&found, "quota");
    assert_eq!(said(&answer.sentence), "-quota.exceeded | team");
    assert_eq!(sums(answer), ["-quota.sum | requests.cpu | 200m | 100m | 250m"]);
    assert!(answer.said[0].1.contains("exceeded quota: team"));
    let found = look(&manifest, &[], 60, key(Kind::REPLICA_SET, "web-*"));
    assert_eq!(of(&found, "quota").sentence.about, Some(key(Kind::RESOURCE_QUOTA, "team")));
    let found = look(&manifest, &[], 60, key(Kind::RESOURCE_QUOTA, "team"));
    assert_eq!(
        sums(of(&found, "quota")),
        ["+quota.used | pods | 2 | 5", "+quota.used | requests.cpu | 200m | 250m"]
    );
}

#[test]
fn what_is_being_deleted_says_what_keeps_it() {
    let manifest = deployment(
        "web",
        1,
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, finalizers: [example.com/hold]}\n",
    );
    let lines = [
        (30, "kubectl delete configmap kept --wait=false"),
        (30, "kubectl delete deployment web --cascade=foreground --wait=false"),
    ];
    let found = look(&manifest, &lines, 31, key(Kind::CONFIG_MAP, "kept"));
    assert_eq!(sums(of(&found, "garbage")), ["garbage.finalizer | example.com/hold"]);
    let found = look(&manifest, &lines, 30, key(Kind::DEPLOYMENT, "web"));
    let lines = sums(of(&found, "garbage"));
    assert_eq!(lines[0], "garbage.finalizer | foregroundDeletion");
    assert!(lines[1].starts_with("garbage.awaits | ReplicaSet default/web-"), "{lines:#?}");
}

#[test]
fn rollouts_say_what_may_be_done_and_what_is_waited_for() {
    let found = look(
        &deployment("web", 4, ""),
        &[(60, "kubectl set image deploy/web web=web:bad")],
        120,
        key(Kind::DEPLOYMENT, "web"),
    );
    let answer = of(&found, "rollout");
    assert_eq!(said(&answer.sentence), "rollout.waits | 2");
    assert_eq!(sums(answer), ["-rollout.create | 4 | 1 | 5 | 5", "-rollout.remove | 4 | 1 | 3 | 3"]);
    assert_eq!(answer.changes[0].key, "rollout.change");
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 3\n  serviceName: db\n  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: db, image: 'db:1'}]}\n";
    let found = look(set, &[(60, "kubectl set image sts/db db=db:bad")], 120, key(Kind::STATEFUL_SET, "db"));
    let answer = of(&found, "rollout");
    assert_eq!(said(&answer.sentence), "-turn.waits | db-2", "{answer:#?}");
    let daemons = set.replace("StatefulSet", "DaemonSet").replace("  replicas: 3\n  serviceName: db\n", "");
    let found =
        look(&daemons, &[(60, "kubectl set image ds/db db=db:bad")], 120, key(Kind::DAEMON_SET, "db"));
    let answer = of(&found, "rollout");
    assert_eq!(sums(answer)[0], "-turn.bound | maxUnavailable | 1 | 1", "{answer:#?}");
}

#[test]
fn every_sentence_is_in_the_message_files() {
    let english = include_str!("../../../locales/en.yml");
    let stream = crate::api::manifest::parse(english, &Default::default());
    let tree = stream.documents[0].root.to_value();
    let sources = [
        include_str!("leaving.rs"),
        include_str!("members.rs"),
        include_str!("scaling.rs"),
        include_str!("workloads.rs"),
    ];
    let groups = [
        "hpa.",
        "endpoint.",
        "eviction.",
        "oom.",
        "taint.",
        "budget.",
        "garbage.",
        "quota.",
        "rollout.",
        "step.",
        "turn.",
    ];
    let mut seen = 0;
    for quoted in sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2)) {
        if groups.iter().any(|group| quoted.starts_with(group)) {
            let path = format!("/because/{}", quoted.replace('.', "/"));
            assert!(tree.pointer(&path).is_some_and(|text| text.is_string()), "{quoted}");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}
