//! Goal: no input makes a cluster grow without end. What asks for too much fills the store; then nothing new is created, the
//! controllers back off and say why, and what is there can be changed and deleted.
//!
//! Method: clusters with a small quota (`--quota-backend-bytes` of etcd), asked for as much as the API takes.

use std::collections::BTreeMap;

use kubeviz::api::Kind;
use kubeviz::clock::SimDuration;
use kubeviz::sim::{Config, Input, Simulation};

/// Room for a thousand pods, some of which run.
const QUOTA: u64 = 15_000_000;

fn cluster(quota: u64) -> Simulation {
    let mut config = Config::sized(1, 1);
    config.quota_backend_bytes = quota;
    config.check_invariants = false;
    Simulation::new(config)
}

fn pass(simulation: &mut Simulation, minutes: u64) {
    let until = simulation.now() + SimDuration::from_secs(60 * minutes);
    simulation.advance(until, u64::MAX);
}

fn pods(simulation: &Simulation) -> usize {
    simulation.view().objects(Kind::POD, None).count()
}

fn size(simulation: &Simulation) -> u64 {
    simulation.api().store().size()
}

#[test]
fn a_deployment_of_a_hundred_million_fills_the_store_and_goes_again() {
    let mut cluster = cluster(QUOTA);
    let mut says = |line: &str| {
        let outcome = cluster.kubectl_line(line);
        pass(&mut cluster, 2);
        assert!(size(&cluster) <= QUOTA * 2, "{line}: {} bytes", size(&cluster));
        (outcome.stdout + &outcome.stderr, pods(&cluster))
    };
    says("kubectl create namespace lab");
    says("kubectl create configmap a -n lab --from-literal=a=b");
    says("kubectl create deployment big --image=nginx");
    let (said, full) = says("kubectl scale deployment big --replicas=100000000");
    assert_eq!(said, "deployment.apps/big scaled\n");
    assert!((500..5_000).contains(&full), "{full}");
    // Its events are long kept back: it had one for every pod.
    let (said, still) = says("kubectl get rs -o jsonpath='{.items[0].status.conditions[0].message}'");
    assert_eq!((said.as_str(), still), ("etcdserver: mvcc: database space exceeded", full));
    let (said, _) = says("kubectl run one --image=nginx");
    assert_eq!(said, "Error from server: etcdserver: mvcc: database space exceeded\n");
    let (said, _) = says("kubectl run one --image=nginx --dry-run=server");
    assert_eq!(said, "pod/one created (server dry run)\n");
    says("kubectl delete namespace lab --wait=false");
    let (said, _) = says("kubectl get namespace lab");
    assert_eq!(said, "Error from server (NotFound): namespaces \"lab\" not found\n");
    let (said, left) = says("kubectl delete deployment big");
    assert_eq!((said.as_str(), left), ("deployment.apps \"big\" deleted from default namespace\n", 0));
}

#[test]
fn node_ports_run_out() {
    let mut cluster = cluster(u64::MAX);
    let mut create = |name: &str, ports: usize| {
        let port = |at| format!("  - {{name: p{at}, port: {}}}\n", at + 1);
        let ports: String = (0..ports).map(port).collect();
        let service = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  type: NodePort\n  ports:\n{ports}"
        );
        let line = "kubectl create -f -".to_string();
        cluster.submit(Input::Kubectl { line, stdin: Some(service), files: BTreeMap::new() })
    };
    let full = "Error from server (InternalError): error when creating \"STDIN\": Internal error occurred: failed to allocate a \
                nodePort: range is full\n";
    assert_eq!(create("more", 2_769).stderr, full);
    assert_eq!(create("all", 2_768).stderr, "");
    assert_eq!(create("one", 1).stderr, full);
}

#[test]
fn controllers_ask_for_no_more_than_they_can_look_at() {
    let most = i32::MAX;
    let always = "template: {metadata: {labels: {app: big}}, spec: {containers: [{name: c, image: nginx}]}}";
    let never = "template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}";
    let apps = format!("replicas: {most}, selector: {{matchLabels: {{app: big}}}}, {always}");
    let surge = format!("strategy: {{rollingUpdate: {{maxSurge: {most}, maxUnavailable: {most}}}}}");
    let indexed = "completionMode: Indexed";
    for (kind, version, spec) in [
        ("StatefulSet", "apps/v1", format!("serviceName: x, {apps}")),
        ("StatefulSet", "apps/v1", format!("serviceName: x, podManagementPolicy: Parallel, {apps}")),
        ("ReplicaSet", "apps/v1", apps.clone()),
        ("ReplicationController", "v1", format!("replicas: {most}, selector: {{app: big}}, {always}")),
        ("Deployment", "apps/v1", format!("{surge}, {apps}")),
        ("Job", "batch/v1", format!("parallelism: {most}, completions: {most}, {never}")),
        ("Job", "batch/v1", format!("parallelism: {most}, {never}")),
        ("Job", "batch/v1", format!("parallelism: 10000, completions: {most}, {indexed}, {never}")),
    ] {
        let mut cluster = cluster(QUOTA / 3);
        let manifest =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: big}}\nspec: {{{spec}}}\n");
        let applied = cluster.apply(&manifest);
        assert_eq!(applied.code, 0, "{kind}: {}", applied.stderr);
        pass(&mut cluster, 1);
        if kind == "Deployment" {
            // Two sets that are asked for as many as there can be.
            cluster.kubectl_line("kubectl set image deployment/big c=nginx:2");
            cluster.kubectl_line("kubectl create pdb big --selector=app=big --min-available=50%");
            pass(&mut cluster, 1);
        }
        assert!(size(&cluster) <= QUOTA / 3 * 3 / 2, "{manifest}: {} bytes", size(&cluster));
        assert!(pods(&cluster) > 1, "{manifest}");
        cluster.kubectl_line(&format!("kubectl delete {kind} big"));
        pass(&mut cluster, 2);
        assert_eq!(pods(&cluster), 0, "{manifest}");
    }
}

#[test]
fn nobody_stumbles_over_a_store_that_fills_at_any_moment() {
    let manifest = include_str!("fixtures/everything.yaml");
    for quota in (2..6).map(|part| part * 300_000) {
        let mut cluster = cluster(quota);
        cluster.apply(manifest);
        pass(&mut cluster, 5);
        for line in [
            "kubectl autoscale deployment web --max=9 --cpu=50%",
            "kubectl set image deployment/web web=nginx:1.28",
            "kubectl drain node-1 --ignore-daemonsets --force --delete-emptydir-data --timeout=20s",
            "kubectl create namespace other",
            "kubectl debug node/node-2 -it --image=busybox",
        ] {
            cluster.kubectl_line(line);
            pass(&mut cluster, 2);
        }
        cluster.kubectl_line("kubectl delete deploy,sts,ds,job,cronjob,svc,pvc,pod --all");
        pass(&mut cluster, 10);
        assert_eq!(pods(&cluster), 0, "with room for {quota} bytes");
    }
}
