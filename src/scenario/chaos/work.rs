//! What is asked of the cluster, and what goes wrong: one thing at a time, drawn from a seed.

use crate::api::{Kind, MetaExt, Node, Pod};
use crate::kubelet::NodeState;
use crate::rng::Rng;
use crate::sim::{Fault, Input, NodeSpec, Simulation};

/// What has been made so far.
#[derive(Default)]
pub struct Work {
    /// Kind as kubectl names it, and name.
    made: Vec<(&'static str, String)>,
    count: u32,
    joined: u32,
}

/// The components that may be told late or begin anew.
const COMPONENTS: [&str; 17] = [
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "endpoint-slice-controller",
    "generic-garbage-collector",
    "node-controller",
    "taint-eviction-controller",
    "pod-garbage-collector",
    "persistentvolume-controller",
    "attachdetach-controller",
    "default-scheduler",
    "controllermanager",
    "horizontal-pod-autoscaler",
    "external-provisioner",
    "kubelet",
];

const KINDS: [&str; 6] = ["deploy", "sts", "ds", "job", "rs", "cronjob"];

impl Work {
    /// The next thing to do.
    pub fn next(&mut self, simulation: &Simulation, rng: &mut Rng) -> Input {
        match rng.below(24) {
            0..=4 => self.make(rng),
            5..=9 => self.change(rng),
            10 => self.delete(rng),
            11 => pick(simulation, rng, |pod, rng| {
                let force = [" --grace-period=0 --force", "", " --grace-period=1"][rng.below(3) as usize];
                line(&format!("kubectl delete pod {} --wait=false{force}", pod.name()))
            })
            .unwrap_or_else(|| self.make(rng)),
            12 => pick(simulation, rng, kill).unwrap_or_else(|| self.make(rng)),
            13 => pick(simulation, rng, sicken).unwrap_or_else(|| self.make(rng)),
            14 => {
                let verb = ["cordon", "uncordon"][rng.below(2) as usize];
                line(&format!("kubectl {verb} {}", node(simulation, rng)))
            }
            15 => self.machine(simulation, rng),
            16 => {
                Input::Fault(Fault::Conflicts { every: 2 + rng.below(6), during: 1_000 + rng.below(20_000) })
            }
            17 => Input::Fault(Fault::Restart { component: component(rng) }),
            18 => Input::Fault(Fault::SlowWatch {
                component: component(rng),
                by: rng.below(5_000),
                during: 1_000 + rng.below(30_000),
            }),
            19 => self.guard(rng),
            20 => {
                let flags = "--ignore-daemonsets --force --delete-emptydir-data --timeout=20s";
                line(&format!("kubectl drain {} {flags}", node(simulation, rng)))
            }
            21 => {
                // Of 8Gi: a little is left, too little, or nothing.
                let used = ["4Gi", "8050Mi", "8192Mi", "7000Mi"][rng.below(4) as usize];
                let name = node(simulation, rng);
                line(&format!("kubectl annotate node {name} kubeviz.dev/memory-use={used} --overwrite"))
            }
            22 => {
                let used = ["10Gi", "86Gi", "95Gi"][rng.below(3) as usize];
                let name = node(simulation, rng);
                line(&format!("kubectl annotate node {name} kubeviz.dev/disk-use={used} --overwrite"))
            }
            _ => Input::SetNode { name: node(simulation, rng), state: NodeState::Running },
        }
    }

    /// Puts something over a workload: a disruption budget, or an autoscaler.
    fn guard(&mut self, rng: &mut Rng) -> Input {
        let scaled = self.made.iter().filter(|(kind, _)| matches!(*kind, "deploy" | "sts"));
        let scaled: Vec<(&str, String)> = scaled.cloned().collect();
        if scaled.is_empty() {
            return self.make(rng);
        }
        let (kind, name) = scaled[rng.below(scaled.len() as u32) as usize].clone();
        self.count += 1;
        let guard = format!("guard{}", self.count);
        if rng.below(2) == 0 {
            let limit =
                ["--max-unavailable=1", "--min-available=1", "--max-unavailable=0"][rng.below(3) as usize];
            self.made.push(("pdb", guard.clone()));
            return line(&format!("kubectl create pdb {guard} --selector=app={name} {limit}"));
        }
        self.made.push(("hpa", guard.clone()));
        let target = ["10", "50", "200"][rng.below(3) as usize];
        line(&format!("kubectl autoscale {kind} {name} --name={guard} --min=1 --max=4 --cpu={target}%"))
    }

    /// Undoes what hinders: after this, what is asked for can come true.
    pub fn heal(&self, simulation: &Simulation) -> Vec<Input> {
        let mut inputs = Vec::new();
        for node in simulation.view().list::<Node>(None) {
            inputs.push(Input::SetNode { name: node.name().into(), state: NodeState::Running });
            inputs.push(line(&format!("kubectl uncordon {}", node.name())));
            for amount in ["memory-use", "disk-use"] {
                inputs.push(line(&format!("kubectl annotate node {} kubeviz.dev/{amount}-", node.name())));
            }
        }
        for (kind, name) in &self.made {
            match *kind {
                "deploy" => {
                    inputs.push(line(&format!("kubectl rollout resume deploy/{name}")));
                    inputs.push(line(&format!("kubectl set image deploy/{name} app=nginx:1.27")));
                }
                "cronjob" => inputs.push(line(&format!("kubectl delete cronjob {name}"))),
                "job" => {
                    inputs.push(line(&format!(
                        "kubectl patch job {name} -p '{{\"spec\":{{\"suspend\":false}}}}'"
                    )));
                }
                _ => {}
            }
        }
        inputs
    }

    fn make(&mut self, rng: &mut Rng) -> Input {
        self.count += 1;
        let kind = KINDS[rng.below(KINDS.len() as u32) as usize];
        let name = format!("{kind}{}", self.count);
        let manifest = manifest(kind, &name, rng);
        self.made.push((kind, name));
        Input::Kubectl { line: "kubectl apply -f -".into(), stdin: Some(manifest), files: Default::default() }
    }

    fn change(&mut self, rng: &mut Rng) -> Input {
        if self.made.is_empty() {
            return self.make(rng);
        }
        let (kind, name) = &self.made[rng.below(self.made.len() as u32) as usize];
        let tag = rng.below(20);
        let text = match (*kind, rng.below(4)) {
            ("deploy" | "sts" | "rs", 0) => {
                format!("kubectl scale {kind}/{name} --replicas={}", rng.below(6))
            }
            ("deploy", 1) => {
                format!("kubectl rollout {} deploy/{name}", ["pause", "resume"][rng.below(2) as usize])
            }
            ("deploy", 2) if rng.below(3) == 0 => format!("kubectl set image deploy/{name} app=app:bad"),
            ("deploy", 3) if rng.below(2) == 0 => format!("kubectl rollout undo deploy/{name}"),
            ("deploy" | "sts" | "ds", 3) => format!("kubectl rollout restart {kind}/{name}"),
            ("deploy" | "sts" | "ds", _) => format!("kubectl set image {kind}/{name} app=nginx:1.{tag}"),
            ("job", _) => {
                let suspend = rng.below(2) == 0;
                format!("kubectl patch job {name} -p '{{\"spec\":{{\"suspend\":{suspend}}}}}'")
            }
            _ => format!("kubectl delete pods -l app={name} --wait=false"),
        };
        line(&text)
    }

    fn delete(&mut self, rng: &mut Rng) -> Input {
        if self.made.is_empty() {
            return self.make(rng);
        }
        let (kind, name) = self.made.remove(rng.below(self.made.len() as u32) as usize);
        let cascade = ["background", "foreground"][rng.below(2) as usize];
        line(&format!("kubectl delete {kind} {name} --cascade={cascade} --wait=false"))
    }

    fn machine(&mut self, simulation: &Simulation, rng: &mut Rng) -> Input {
        let nodes = simulation.view().list::<Node>(None).count();
        match rng.below(5) {
            0 if self.joined < 3 => {
                self.joined += 1;
                Input::AddNode(NodeSpec::new(&format!("late-{}", self.joined)).in_zone("zone-a"))
            }
            // A disk that goes with its node leaves its pod nowhere to run, and nothing in a cluster can mend that.
            1 if nodes > 3
                && simulation.view().objects(Kind::PERSISTENT_VOLUME_CLAIM, None).next().is_none() =>
            {
                Input::RemoveNode(node(simulation, rng))
            }
            2 => Input::SetNode { name: node(simulation, rng), state: NodeState::Partitioned },
            3 => Input::SetNode { name: node(simulation, rng), state: NodeState::ShuttingDown },
            _ => Input::SetNode { name: node(simulation, rng), state: NodeState::Stopped },
        }
    }
}

fn line(text: &str) -> Input {
    Input::Kubectl { line: text.into(), stdin: None, files: Default::default() }
}

fn component(rng: &mut Rng) -> String {
    COMPONENTS[rng.below(COMPONENTS.len() as u32) as usize].into()
}

fn node(simulation: &Simulation, rng: &mut Rng) -> String {
    let nodes: Vec<&str> = simulation.view().list::<Node>(None).map(MetaExt::name).collect();
    nodes.get(rng.below(nodes.len().max(1) as u32) as usize).map_or("node-1", |name| name).to_string()
}

/// Something done to a pod, if there is one.
fn pick(simulation: &Simulation, rng: &mut Rng, act: impl Fn(&Pod, &mut Rng) -> Input) -> Option<Input> {
    let pods: Vec<&Pod> = simulation.view().list::<Pod>(Some("default")).collect();
    let pod = pods.get(rng.below(pods.len().max(1) as u32) as usize)?;
    Some(act(pod, rng))
}

fn kill(pod: &Pod, rng: &mut Rng) -> Input {
    let container = pod.spec.containers.first().map(|container| container.name.clone()).unwrap_or_default();
    let out_of_memory = rng.below(2) == 0;
    let (namespace, pod) = (pod.namespace().to_string(), pod.name().to_string());
    Input::Fault(Fault::Kill { namespace, pod, container, out_of_memory })
}

fn sicken(pod: &Pod, rng: &mut Rng) -> Input {
    let container = pod.spec.containers.first().map(|container| container.name.clone()).unwrap_or_default();
    let during = Some(1_000 + rng.below(60_000));
    let (namespace, pod) = (pod.namespace().to_string(), pod.name().to_string());
    Input::Fault(Fault::Unhealthy { namespace, pod, container, during })
}

fn manifest(kind: &str, name: &str, rng: &mut Rng) -> String {
    let replicas = rng.below(5);
    let template = template(name, rng);
    let selector = format!("  selector: {{matchLabels: {{app: {name}}}}}\n");
    let (api, kind, body) = match kind {
        "deploy" => {
            let (surge, unavailable) =
                [("1", "0"), ("0", "1"), ("25%", "25%"), ("2", "1"), ("100%", "50%")][rng.below(5) as usize];
            let strategy = match rng.below(4) {
                0 => "  strategy: {type: Recreate}\n".to_string(),
                _ => format!(
                    "  strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}\n"
                ),
            };
            ("apps/v1", "Deployment", format!("  replicas: {replicas}\n{selector}{strategy}{template}"))
        }
        "sts" => {
            let policy = ["OrderedReady", "Parallel"][rng.below(2) as usize];
            let claims = if rng.below(3) == 0 {
                "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
            } else {
                ""
            };
            let body = format!(
                "  replicas: {replicas}\n  serviceName: {name}\n  podManagementPolicy: {policy}\n{selector}{template}{claims}"
            );
            ("apps/v1", "StatefulSet", body)
        }
        "ds" => ("apps/v1", "DaemonSet", format!("{selector}{template}")),
        "rs" => ("apps/v1", "ReplicaSet", format!("  replicas: {replicas}\n{selector}{template}")),
        "job" => ("batch/v1", "Job", job(name, rng)),
        _ => {
            let job = format!("  jobTemplate:\n    spec:\n{}", indented(&job(name, rng), 4));
            ("batch/v1", "CronJob", format!("  schedule: '* * * * *'\n{job}"))
        }
    };
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{body}")
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

fn job(name: &str, rng: &mut Rng) -> String {
    let completions = 1 + rng.below(4);
    let mode = ["NonIndexed", "Indexed"][rng.below(2) as usize];
    let policy = ["Never", "OnFailure"][rng.below(2) as usize];
    let seconds = rng.below(15);
    let code = u32::from(rng.below(5) == 0);
    format!(
        "  completions: {completions}\n  parallelism: {}\n  completionMode: {mode}\n  backoffLimit: 3\n  template:\n    metadata: {{labels: {{app: \
         {name}}}}}\n    spec:\n      restartPolicy: {policy}\n      containers:\n      - {{name: app, image: busybox, command: [sh, -c, 'sleep \
         {seconds}; exit {code}']}}\n",
        1 + rng.below(3)
    )
}

fn template(name: &str, rng: &mut Rng) -> String {
    let grace = [0, 1, 30][rng.below(3) as usize];
    let probe = if rng.below(2) == 0 {
        "        readinessProbe: {httpGet: {port: 80}, periodSeconds: 2}\n"
    } else {
        ""
    };
    format!(
        "  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      terminationGracePeriodSeconds: {grace}\n      containers:\n      \
         - name: app\n        image: nginx:1.27\n        resources: {{requests: {{cpu: {}m, memory: 32Mi}}}}\n{probe}",
        10 + rng.below(90)
    )
}
