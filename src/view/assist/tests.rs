use super::*;
use crate::sim::{Config, Input, Simulation};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n";

fn cluster() -> Simulation {
    let mut simulation = Simulation::new(Config::small(1));
    for line in [
        "label node node-1 disk=ssd",
        "label node node-2 disk=hdd",
        "taint node node-3 gpu=true:NoSchedule",
        "create configmap game --from-literal=lives=3 --from-literal=level=1",
        "create secret generic door --from-literal=code=1234",
        "create serviceaccount robot",
        "create priorityclass high --value=1000",
        "create namespace lab",
        "create configmap far -n lab --from-literal=x=1",
        "create deployment web --image=nginx:1.27 --port=80",
        "expose deployment web --name=web --port=80",
    ] {
        let outcome = simulation.kubectl_line(line);
        assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
    }
    simulation.advance(crate::clock::SimTime(5_000_000), u64::MAX);
    simulation
}

fn offered(simulation: &Simulation, text: &str) -> Vec<Suggestion> {
    let at = text.find('|').expect("a caret");
    let text = text.replacen('|', "", 1);
    complete(&text, at, simulation.view(), "default").map_or_else(Vec::new, |(_, options)| options)
}

/// The labels offered where `|` is, in order.
fn labels(simulation: &Simulation, text: &str) -> Vec<String> {
    offered(simulation, text).into_iter().map(|option| option.label).collect()
}

#[test]
fn values_come_from_the_live_cluster() {
    let simulation = cluster();
    let check = |rest: &str, want: &[&str]| {
        let got = labels(&simulation, &format!("{POD}{rest}"));
        assert_eq!(got, want, "{rest}");
    };
    check("  nodeName: |", &["node-1", "node-2", "node-3"]);
    check("  nodeSelector:\n    disk: |", &["ssd", "hdd"]);
    check("  priorityClassName: h|", &["high", "system-cluster-critical", "system-node-critical"]);
    check("  serviceAccountName: |", &["default", "robot"]);
    check("  tolerations:\n  - key: |", &["gpu"]);
    check("  tolerations:\n  - key: gpu\n    value: |", &["true"]);
    check("  tolerations:\n  - key: gpu\n    effect: |", &["NoExecute", "NoSchedule", "PreferNoSchedule"]);
    check(
        "  containers:\n  - name: a\n    envFrom:\n    - configMapRef:\n        name: |",
        &["game", "kube-root-ca.crt"],
    );
    check(
        "  containers:\n  - env:\n    - name: LIVES\n      valueFrom:\n        configMapKeyRef:\n          name: game\n          key: |",
        &["level", "lives"],
    );
    check(
        "  containers:\n  - env:\n    - name: CODE\n      valueFrom:\n        secretKeyRef:\n          key: |\n          name: door\n",
        &["code"],
    );
    check(
        "  volumes:\n  - name: v\n    configMap:\n      name: game\n      items:\n      - key: |",
        &["level", "lives"],
    );
    check(
        "  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n        - matchExpressions:\n          - key: disk\n            operator: In\n            values:\n            - |",
        &["ssd", "hdd"],
    );
    let elsewhere = POD.replace("  name: a\n", "  name: a\n  namespace: lab\n");
    assert_eq!(
        labels(&simulation, &format!("{elsewhere}  volumes:\n  - configMap:\n      name: |")),
        ["far", "kube-root-ca.crt"]
    );
    assert!(
        labels(&simulation, &format!("{POD}  topologySpreadConstraints:\n  - topologyKey: |"))
            .contains(&"kubernetes.io/hostname".into())
    );
    assert_eq!(
        labels(&simulation, "apiVersion: v1\nkind: Service\nmetadata:\n  namespace: |"),
        ["default", "kube-node-lease", "kube-public", "kube-system", "lab"]
    );
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec:\n  rules:\n  - http:\n      paths:\n      - backend:\n          service:\n            name: |";
    assert_eq!(labels(&simulation, ingress), ["kubernetes", "web"]);
    assert_eq!(
        labels(&simulation, &ingress.replace('|', "web\n            port:\n              number: |")),
        ["80"]
    );
    let scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec:\n  scaleTargetRef:\n    kind: Deployment\n    name: |";
    assert_eq!(labels(&simulation, scaler), ["web"]);
    assert!(
        labels(&simulation, "apiVersion: v1\nkind: Service\nspec:\n  selector:\n    |")
            .contains(&"app".into())
    );
    assert_eq!(labels(&simulation, "apiVersion: v1\nkind: Service\nspec:\n  selector:\n    app: |"), ["web"]);
}

#[test]
fn braces_are_completed_as_lines_are() {
    let simulation = cluster();
    let check = |rest: &str, want: &[&str]| {
        let got = labels(&simulation, &format!("{POD}{rest}"));
        assert_eq!(got, want, "{rest}");
    };
    check("  nodeSelector: {disk: |}", &["ssd", "hdd"]);
    check("  tolerations: [{key: gpu, value: |", &["true"]);
    check("  tolerations: [{key: a}, {value: |, key: gpu}]", &["true"]);
    check("  tolerations:\n  - {key: gpu, effect: No|", &["NoExecute", "NoSchedule", "PreferNoSchedule"]);
    check("  tolerations: [{key: gpu, \"effect\": \"No|", &["NoExecute", "NoSchedule", "PreferNoSchedule"]);
    check("  containers: [{name: a, envFrom: [{configMapRef: {name: |}}]}]", &["game", "kube-root-ca.crt"]);
    check(
        "  containers:\n  - env: [{name: CODE, valueFrom: {secretKeyRef: {key: |, name: door}}}]",
        &["code"],
    );
    check(
        "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd, |",
        &["ssd", "hdd"],
    );
    check(
        "  tolerations: [{key: gpu, operator: Exists, value: x, effect: NoExecute, t|}]",
        &["tolerationSeconds"],
    );
    check("  nodeSelector: {\n    disk: |\n  }", &["ssd", "hdd"]);
    check("  tolerations: [\n    {key: a}, # {one\n    {key: gpu,\n     value: |", &["true"]);
    check(
        "  tolerations: [{key: gpu,\n    operator: Exists, value: x,\n  effect: NoExecute}]\n  hostname: |",
        &[],
    );
    check(
        "  tolerations: [{key: gpu, operator: Exists,\n    t|,\n    value: x, effect: a\n  }]",
        &["tolerationSeconds"],
    );
    check("  hostAliases: [{\n  nodeSelector:\n    disk: |", &["ssd", "hdd"]);
    check("  securityContext: {}|", &[]);
    check("  containers: [{name: \"a, {|\"}]", &[]);
    let containers = offered(&simulation, &format!("{POD}  containers: [{{|"));
    assert_eq!((containers[0].label.as_str(), containers[0].apply.as_deref()), ("name", Some("name: ${}")));
    let volumes = offered(&simulation, &format!("{POD}  volumes: [{{name: a, |"));
    let hostpath = volumes.iter().find(|option| option.label == "hostPath").expect("a hostPath");
    assert_eq!(hostpath.apply.as_deref(), Some("hostPath: {path: ${}}"));
    let ingress = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: |";
    assert_eq!(labels(&simulation, ingress), ["web"]);
}

#[test]
fn what_the_text_makes_is_offered_before_it_is_applied() {
    let simulation = cluster();
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\ndata: {a: b}\n---\n";
    let pod = format!(
        "{text}{POD}  volumes:\n  - name: files\n    configMap:\n      name: |\n  containers:\n  - volumeMounts:\n    - name: x\n"
    );
    let found = offered(&simulation, &pod);
    assert_eq!((found[0].label.as_str(), found[0].here), ("mine", true));
    let mounts = format!(
        "{POD}  volumes:\n  - name: files\n    emptyDir: {{}}\n  containers:\n  - name: a\n    volumeMounts:\n    - name: |\n"
    );
    assert_eq!(labels(&simulation, &mounts), ["files"]);
}

#[test]
fn fields_come_with_all_that_they_need() {
    let simulation = cluster();
    let options = offered(&simulation, &format!("{POD}  |"));
    assert_eq!((options[0].label.as_str(), options[0].required), ("containers", true));
    assert_eq!(options[0].apply.as_deref(), Some("containers:\n- name: ${}"));
    let find = |options: &[Suggestion], label: &str| {
        options.iter().find(|option| option.label == label).cloned().expect("offered")
    };
    assert!(find(&options, "hostIPC").unsimulated);
    assert_eq!(find(&options, "nodeSelector").apply.as_deref(), Some("nodeSelector:\n  ${}"));
    // Behind a dash, the lines below stand deeper than the dash.
    let inside = offered(&simulation, &format!("{POD}  containers:\n  - |"));
    assert_eq!(find(&inside, "ports").apply.as_deref(), Some("ports:\n  - containerPort: ${}"));
    assert_eq!(find(&inside, "image").apply.as_deref(), Some("image: ${}"));
    assert!(
        offered(&simulation, &format!("{POD}  containers:\n  - name: b\n    na|"))
            .iter()
            .all(|option| option.label != "name")
    );
}

#[test]
fn a_document_begins_with_a_kind() {
    let simulation = cluster();
    let options = offered(&simulation, "Depl|");
    let deployment = options.iter().find(|option| option.label == "Deployment").expect("offered");
    assert_eq!(
        deployment.apply.as_deref(),
        Some(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${}\nspec:\n  selector:\n    ${}\n  template:\n    ${}"
        )
    );
    assert_eq!(labels(&simulation, "kind: Deployment\napiVersion: |"), ["apps/v1"]);
    assert!(labels(&simulation, "apiVersion: batch/v1\nkind: |").iter().eq(["CronJob", "Job"]));
    assert!(labels(&simulation, "a: 1\n---\nkind: |").contains(&"Pod".into()));
}

#[test]
fn a_custom_kind_is_completed_from_its_definition() {
    let mut simulation = cluster();
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: teas.shop.example}\nspec:\n  group: shop.example\n  names: {kind: Tea, plural: teas}\n  scope: Namespaced\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            required: [leaf]\n            properties:\n              hot: {type: boolean}\n              pots: {type: array, items: {type: string}}\n              leaf: {type: string, enum: [green, black]}\n";
    assert_eq!(
        {
            let line = "kubectl apply -f -".to_string();
            let input = Input::Kubectl { line, stdin: Some(definition.into()), files: Default::default() };
            simulation.submit(input).code
        },
        0
    );
    simulation.advance(crate::clock::SimTime(9_000_000), u64::MAX);
    let tea = "apiVersion: shop.example/v1\nkind: Tea\n";
    assert_eq!(labels(&simulation, &format!("{tea}spec:\n  |")), ["leaf", "hot", "pots"]);
    let braced = offered(&simulation, &format!("{tea}spec: {{leaf: green, po|}}"));
    let applied: Vec<_> = braced.iter().filter_map(|option| option.apply.as_deref()).collect();
    assert_eq!(applied, ["hot: ${}", "pots: [${}]"]);
    assert_eq!(labels(&simulation, &format!("{tea}spec:\n  leaf: |")), ["green", "black"]);
    assert!(labels(&simulation, "kind: |").contains(&"Tea".into()));
}

/// What is said where `|` is.
fn facts(simulation: &Simulation, text: &str) -> Vec<Fact> {
    let at = text.find('|').expect("a place");
    hover(&text.replacen('|', "", 1), at, simulation.api(), "default")
        .map_or_else(Vec::new, |hover| hover.facts)
}

#[test]
fn a_field_says_what_the_server_makes_of_it() {
    let simulation = cluster();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  repl|icas: 3\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - name: nginx\n        image: nginx:1.27\n";
    assert_eq!(
        facts(&simulation, deployment),
        [Fact::Field("spec.replicas".into(), "integer".into()), Fact::Default("1".into())]
    );
    let at = |word: &str| {
        let text = deployment.replace('|', "");
        facts(&simulation, &text.replacen(&format!("{word}:"), &format!("{word}|:"), 1))
    };
    let selector = at("selector");
    assert_eq!(selector[..2], [Fact::Field("spec.selector".into(), "LabelSelector".into()), Fact::Required]);
    assert!(
        matches!(&selector[2..], [Fact::Immutable(words)] if words.contains("field is immutable")),
        "{selector:?}"
    );
    assert!(at("image").iter().all(|fact| !matches!(fact, Fact::Immutable(_))));
    let pod = format!("{POD}  host|IPC: true\n  containers:\n  - name: a\n    image: a\n");
    assert!(facts(&simulation, &pod).contains(&Fact::Unsimulated));
}

#[test]
fn a_name_says_what_it_names() {
    let simulation = cluster();
    let pod = |rest: &str| {
        facts(&simulation, &format!("{POD}  {rest}\n  containers:\n  - name: a\n    image: a\n"))
    };
    assert_eq!(
        pod("priorityClassName: hi|gh"),
        [
            Fact::Object("PriorityClass", "high".into(), false),
            Fact::Part("value".into(), "1000".into()),
            Fact::Part("preemptionPolicy".into(), "PreemptLowerPriority".into()),
        ]
    );
    assert_eq!(pod("serviceAccountName: no|body"), [Fact::Missing("ServiceAccount", "nobody".into())]);
    assert!(
        pod("nodeName: node-3|")
            .contains(&Fact::Part("spec.taints".into(), "effect=NoSchedule, key=gpu, value=true".into()))
    );
    assert_eq!(facts(&simulation, "apiVersion: v1\nkind: P|od\n"), [Fact::Kind("v1".into(), "pods".into())]);
}

#[test]
fn a_long_text_and_any_caret_do_no_harm() {
    let simulation = cluster();
    let long = format!("{POD}{}  nodeName: ", "# more\n".repeat(800_000));
    assert_eq!(complete(&long, long.len(), simulation.view(), "default"), None);
    assert_eq!(hover(&long, 3, simulation.api(), "default"), None);
    let text = "apiVersion: v1\r\nkind: Pod\r\n---\n- - é: 'x\n   -\n\t- :\n: a\n - # é\nspec: {a: [b, \n";
    for offset in 0..=text.len() + 1 {
        complete(text, offset, simulation.view(), "default");
        hover(text, offset.min(text.len()), simulation.api(), "default");
    }
}
