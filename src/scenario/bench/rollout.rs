//! A workload that comes up and rolls over, with what looks at its pods beside it, and a cluster that stands still.

use crate::api::{Key, Kind, MetaExt};
use crate::clock::{SimDuration, SimTime};
use crate::sim::{Config, Simulation};

/// Pods to a node.
const PER_NODE: u32 = 10;
/// A rollout takes no longer.
const ROLLOUT_MAX: SimDuration = SimDuration::from_secs(48 * 3_600);

/// What makes the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A quarter more, and a quarter less.
    Deployment,
    /// In parallel, a quarter at a time.
    StatefulSet,
    /// One to a node, a quarter at a time.
    DaemonSet,
}

impl Workload {
    /// The words for them on the command line.
    pub const ALL: [(&'static str, Workload); 3] = [
        ("deployment", Workload::Deployment),
        ("statefulset", Workload::StatefulSet),
        ("daemonset", Workload::DaemonSet),
    ];
}

/// What stands beside a workload, and looks at its pods again when they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// A Service in front of them.
    Service,
    /// A disruption budget over them.
    Budget,
    /// A quota that counts them.
    Quota,
    /// An autoscaler that measures them.
    Autoscaler,
    /// A Service, and a hundred requests a second.
    Load,
    /// A claim for each pod of a StatefulSet.
    Claims,
}

impl Beside {
    /// The words for them on the command line.
    pub const ALL: [(&'static str, Beside); 6] = [
        ("service", Beside::Service),
        ("budget", Beside::Budget),
        ("quota", Beside::Quota),
        ("autoscaler", Beside::Autoscaler),
        ("load", Beside::Load),
        ("claims", Beside::Claims),
    ];

    /// The commands that put it there.
    fn lines(self, workload: &str, replicas: u32) -> Vec<String> {
        let service = "kubectl create service clusterip web --tcp=80".to_string();
        match self {
            Beside::Service => vec![service],
            Beside::Budget => vec!["kubectl create pdb web --selector=app=web --max-unavailable=25%".into()],
            Beside::Quota => vec![format!("kubectl create quota web --hard=pods={}", 2 * replicas)],
            Beside::Autoscaler => {
                vec![format!("kubectl autoscale {workload} web --min={replicas} --max={replicas} --cpu=50%")]
            }
            Beside::Load => vec![service, "load svc/web --rate 100".into()],
            Beside::Claims => Vec::new(),
        }
    }
}

/// A workload about to be applied, and then changed.
pub struct Rollout {
    simulation: Simulation,
    workload: Workload,
    replicas: u32,
    beside: Vec<Beside>,
}

/// What one part of the work came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Events processed.
    pub events: u64,
    /// Writes made.
    pub writes: u64,
    /// The virtual time that passed.
    pub took: SimDuration,
}

const CLAIMS: &str = "  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}\n";

fn manifest(workload: Workload, replicas: u32, tag: &str) -> String {
    let (kind, own) = match workload {
        Workload::Deployment => ("Deployment", format!("replicas: {replicas}")),
        Workload::StatefulSet => (
            "StatefulSet",
            format!(
                "replicas: {replicas}\n  serviceName: web\n  podManagementPolicy: Parallel\n  \
                 updateStrategy: {{rollingUpdate: {{maxUnavailable: 25%}}}}"
            ),
        ),
        Workload::DaemonSet => {
            ("DaemonSet", "updateStrategy: {rollingUpdate: {maxUnavailable: 25%}}".to_string())
        }
    };
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: web\nspec:\n  {own}\n  selector:\n    \
         matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      \
         containers:\n      - name: web\n        image: nginx:{tag}\n        resources:\n          requests:\n            \
         cpu: 10m\n            memory: 16Mi\n"
    )
}

impl Rollout {
    /// A workload of so many pods on a cluster with a node for every ten of them, or one for each of a DaemonSet's.
    pub fn new(seed: u64, workload: Workload, replicas: u32, beside: &[Beside]) -> Rollout {
        let nodes = if workload == Workload::DaemonSet { replicas } else { replicas.div_ceil(PER_NODE) };
        Rollout { simulation: cluster(seed, nodes.max(3)), workload, replicas, beside: beside.to_vec() }
    }

    /// From the command to the last pod ready.
    ///
    /// # Errors
    /// What kubectl says if it refuses the manifest or what is to stand beside it, or that it takes too long.
    pub fn deploy(&mut self) -> Result<Part, String> {
        let lines = self.beside();
        self.pass_to("1.27", &lines)
    }

    /// To another image.
    ///
    /// # Errors
    /// As [`Rollout::deploy`].
    pub fn roll_over(&mut self) -> Result<Part, String> {
        self.pass_to("1.28", &[])
    }

    /// The commands that put beside it what is to stand there, each once.
    fn beside(&self) -> Vec<String> {
        let word =
            Workload::ALL.iter().find(|(_, known)| *known == self.workload).map_or("", |(word, _)| *word);
        let mut lines: Vec<String> = Vec::new();
        for line in self.beside.iter().flat_map(|one| one.lines(word, self.replicas)) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn pass_to(&mut self, tag: &str, lines: &[String]) -> Result<Part, String> {
        let claims = self.beside.contains(&Beside::Claims);
        if claims && self.workload != Workload::StatefulSet {
            return Err("only a StatefulSet has claims for its pods".into());
        }
        let text = manifest(self.workload, self.replicas, tag) + if claims { CLAIMS } else { "" };
        let (workload, replicas) = (self.workload, self.replicas);
        // With a load it is never quiet.
        let loaded = self.beside.contains(&Beside::Load);
        apply(&mut self.simulation, &text, lines, |simulation, deadline| match loaded {
            true => run_until_done(simulation, workload, replicas, deadline),
            false => simulation.run_until_quiet(deadline),
        })
    }
}

/// Runs until all pods are of the template and ready. Says whether they are.
fn run_until_done(simulation: &mut Simulation, workload: Workload, replicas: u32, deadline: SimTime) -> bool {
    while !is_done(simulation, workload, replicas) {
        if simulation.now() > deadline {
            return false;
        }
        simulation.advance(simulation.now() + SimDuration::from_secs(1), u64::MAX);
    }
    true
}

fn is_done(simulation: &Simulation, workload: Workload, replicas: u32) -> bool {
    let (kind, updated, ready) = match workload {
        Workload::Deployment => (Kind::DEPLOYMENT, "updatedReplicas", "readyReplicas"),
        Workload::StatefulSet => (Kind::STATEFUL_SET, "updatedReplicas", "readyReplicas"),
        Workload::DaemonSet => (Kind::DAEMON_SET, "updatedNumberScheduled", "numberReady"),
    };
    let Some(object) = simulation.view().object(&Key::new(kind, "default", "web")) else { return false };
    let status = object.part("status");
    let seen = status["observedGeneration"].as_i64() == Some(object.generation());
    seen && [updated, ready].iter().all(|field| status[*field].as_u64() == Some(replicas.into()))
}

fn cluster(seed: u64, nodes: u32) -> Simulation {
    let mut config = Config::sized(seed, nodes);
    config.check_invariants = false;
    Simulation::new(config)
}

fn apply(
    simulation: &mut Simulation,
    manifest: &str,
    lines: &[String],
    run: impl FnOnce(&mut Simulation, SimTime) -> bool,
) -> Result<Part, String> {
    let (events, writes, began) = (simulation.events_done(), simulation.revision(), simulation.now());
    let outcome = simulation.apply(manifest);
    let others = lines.iter().map(|line| simulation.kubectl_line(line));
    if let Some(refused) = [outcome].into_iter().chain(others).find(|outcome| outcome.code != 0) {
        return Err(refused.stderr);
    }
    if !run(simulation, began + ROLLOUT_MAX) {
        return Err(format!("not done after {} s", ROLLOUT_MAX.as_secs()));
    }
    Ok(Part {
        events: simulation.events_done() - events,
        writes: simulation.revision() - writes,
        took: simulation.now().since(began),
    })
}

/// A cluster on which all pods run, about to be left alone.
pub struct Steady {
    simulation: Simulation,
}

impl Steady {
    /// So many pods on so many nodes.
    ///
    /// # Errors
    /// As [`Rollout::deploy`].
    pub fn new(seed: u64, nodes: u32, pods: u32) -> Result<Steady, String> {
        let mut simulation = cluster(seed, nodes);
        let text = manifest(Workload::Deployment, pods, "1.27");
        apply(&mut simulation, &text, &[], Simulation::run_until_quiet)?;
        Ok(Steady { simulation })
    }

    /// Lets so many minutes pass.
    pub fn pass(&mut self, minutes: u32) -> Part {
        let simulation = &mut self.simulation;
        let (events, writes, began) = (simulation.events_done(), simulation.revision(), simulation.now());
        simulation.advance(began + SimDuration::from_secs(u64::from(minutes) * 60), u64::MAX);
        Part {
            events: simulation.events_done() - events,
            writes: simulation.revision() - writes,
            took: simulation.now().since(began),
        }
    }
}
