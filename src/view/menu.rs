//! What one may want to do with an object, as lines for the console: the menu of an object under the glass.

use crate::api::{Key, Kind, Object};

/// The lines for an object, the likeliest first. `namespace` is the one that commands work in: others are named.
pub fn menu(key: &Key, object: &Object, namespace: &str) -> Vec<String> {
    let name = format!("{}/{}", key.kind.info().singular, key.name);
    let flag = match &*key.namespace {
        "" => String::new(),
        own if own == namespace => String::new(),
        other => format!(" -n {other}"),
    };
    let kubectl = |words: &str| format!("kubectl {words}{flag}");
    let mut lines = match object {
        Object::Pod(_) => pod(key, &flag, namespace),
        Object::Node(node) => self::node(&key.name, node.spec.unschedulable == Some(true)),
        Object::Deployment(deployment) => {
            let paused = if deployment.spec.paused == Some(true) { "resume" } else { "pause" };
            let mut lines = scale(&name, deployment.spec.replicas, &kubectl);
            lines.extend(
                ["status", "restart", "undo", paused].map(|verb| kubectl(&format!("rollout {verb} {name}"))),
            );
            lines
        }
        Object::StatefulSet(set) => {
            let mut lines = scale(&name, set.spec.replicas, &kubectl);
            lines
                .extend(["status", "restart", "undo"].map(|verb| kubectl(&format!("rollout {verb} {name}"))));
            lines
        }
        Object::DaemonSet(_) => {
            ["status", "restart", "undo"].map(|verb| kubectl(&format!("rollout {verb} {name}"))).into()
        }
        Object::ReplicaSet(set) => scale(&name, set.spec.replicas, &kubectl),
        Object::ReplicationController(controller) => scale(&name, controller.spec.replicas, &kubectl),
        Object::Job(job) => vec![suspend(&name, job.spec.suspend == Some(true), &kubectl)],
        Object::CronJob(cron) => vec![
            kubectl(&format!("create job {}-by-hand --from={name}", key.name)),
            suspend(&name, cron.spec.suspend == Some(true), &kubectl),
        ],
        Object::Service(_) if flag.is_empty() => vec![format!("load svc/{} --rate 10", key.name)],
        Object::Namespace(_) => vec![
            format!("kubectl config set-context --current --namespace={}", key.name),
            format!("kubectl get all -n {}", key.name),
        ],
        _ => Vec::new(),
    };
    lines.push(kubectl(&format!("describe {name}")));
    // Nobody means to delete a machine, or all that is in a namespace, by a click.
    if ![Kind::NODE, Kind::NAMESPACE].contains(&key.kind) {
        lines.push(kubectl(&format!("delete {name}")));
    }
    lines
}

fn pod(key: &Key, flag: &str, namespace: &str) -> Vec<String> {
    let mut lines = vec![format!("kubectl logs {}{flag}", key.name)];
    // Faults are told of pods by `pod/NAME` in the namespace that commands work in.
    if *key.namespace == *namespace {
        let pod = format!("pod/{}", key.name);
        lines.extend([format!("fault kill {pod}"), format!("fault unhealthy {pod} --for 1m")]);
    }
    lines
}

fn node(name: &str, cordoned: bool) -> Vec<String> {
    let cordon = if cordoned { "uncordon" } else { "cordon" };
    vec![
        format!("kubectl {cordon} {name}"),
        format!("kubectl drain {name} --ignore-daemonsets --delete-emptydir-data"),
        format!("fault node {name} off"),
        format!("fault node {name} on"),
        format!("kubectl get pods -A --field-selector spec.nodeName={name}"),
    ]
}

fn scale(name: &str, replicas: Option<i32>, kubectl: &impl Fn(&str) -> String) -> Vec<String> {
    let now = replicas.unwrap_or(1);
    let to = [now.saturating_add(1), now.saturating_sub(1)].into_iter().filter(|to| *to >= 0);
    to.map(|to| kubectl(&format!("scale {name} --replicas={to}"))).collect()
}

fn suspend(name: &str, suspended: bool, kubectl: &impl Fn(&str) -> String) -> String {
    kubectl(&format!("patch {name} -p '{{\"spec\":{{\"suspend\":{}}}}}'", !suspended))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Simulation};

    #[test]
    fn every_line_that_is_offered_works() {
        let mut simulation = Simulation::new(Config::small(1));
        for line in [
            "create namespace other",
            "create deployment web --image=nginx --replicas=2",
            "create deployment elsewhere --image=nginx -n other",
            "create cronjob tick --image=busybox --schedule='* * * * *' -- true",
            "create job once --image=busybox -- sleep 1000",
            "expose deployment web --port=80",
        ] {
            assert_eq!(simulation.kubectl_line(line).code, 0, "{line}");
        }
        simulation.advance(crate::clock::SimTime::from_secs(30), u64::MAX);
        let tried = [
            Kind::POD,
            Kind::NODE,
            Kind::DEPLOYMENT,
            Kind::REPLICA_SET,
            Kind::SERVICE,
            Kind::JOB,
            Kind::CRON_JOB,
            Kind::NAMESPACE,
        ];
        let objects: Vec<_> = simulation.view().all().filter(|(key, _)| tried.contains(&key.kind)).collect();
        let mut seen = 0;
        for (key, object) in objects {
            for line in menu(key, object, "default") {
                let mut copy = simulation.clone();
                let outcome = copy.kubectl_line(&line);
                // A first revision cannot be undone, and what is watched goes on.
                let no_history = outcome.stderr.contains("no rollout history found");
                assert!(outcome.code == 0 || no_history, "{line}: {}", outcome.stderr);
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn what_is_offered_goes_by_the_state() {
        let mut simulation = Simulation::new(Config::small(1));
        for line in ["cordon node-1", "create deployment web --image=nginx --replicas=0 -n kube-system"] {
            assert_eq!(simulation.kubectl_line(line).code, 0, "{line}");
        }
        let offered = |key: Key| menu(&key, simulation.view().object(&key).expect("it is there"), "default");
        assert_eq!(offered(Key::cluster(Kind::NODE, "node-1"))[0], "kubectl uncordon node-1");
        assert_eq!(offered(Key::cluster(Kind::NODE, "node-2"))[0], "kubectl cordon node-2");
        let web = offered(Key::new(Kind::DEPLOYMENT, "kube-system", "web"));
        assert_eq!(web[0], "kubectl scale deployment/web --replicas=1 -n kube-system");
        assert!(!web.iter().any(|line| line.contains("--replicas=-1")), "{web:?}");
    }
}
