//! Where a run has ended: which workloads are ready, which pods are not, and why.

use serde::Serialize;

use crate::api::pod_status::summarize;
use crate::api::{Deployment, MetaExt, Node, Pod, condition};
use crate::apiserver::View;
use crate::clock::SimTime;
use crate::sim::Simulation;

/// The state at the end of a run, in a reader's terms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The seed that repeats the run.
    pub seed: u64,
    /// Virtual time at the end, in microseconds.
    pub time: SimTime,
    /// Whether nothing but heartbeats was left to happen.
    pub quiet: bool,
    /// Nodes, and how many of them are ready.
    pub nodes: Count,
    /// Pods that are not deleted, and how many of them are ready or have succeeded.
    pub pods: Count,
    /// Every Deployment, in order of namespace and name.
    pub deployments: Vec<Workload>,
    /// Every pod that is neither ready nor done, in order of namespace and name.
    pub not_ready: Vec<PodTrouble>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// As they should be.
    pub ready: u32,
    /// In all.
    pub total: u32,
}

/// A Deployment and its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// `namespace/name`; the namespace `default` is left out.
    pub name: String,
    /// Pods wanted.
    pub desired: i32,
    /// Pods ready.
    pub ready: i32,
    /// Pods of the newest template.
    pub updated: i32,
}

/// A pod that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodTrouble {
    /// `namespace/name`; the namespace `default` is left out.
    pub name: String,
    /// kubectl's STATUS column.
    pub status: String,
    /// Why, in the API's words; empty if nothing says.
    pub reason: String,
}

impl Summary {
    /// Sums up a simulation as it stands.
    pub fn of(simulation: &Simulation) -> Summary {
        let view = simulation.view();
        let mut pods = Count::default();
        let mut not_ready = Vec::new();
        for pod in view.list::<Pod>(None) {
            pods.total += 1;
            if is_well(pod) {
                pods.ready += 1;
            } else {
                not_ready.push(trouble(pod));
            }
        }
        Summary {
            seed: simulation.config().seed,
            time: simulation.now(),
            quiet: simulation.is_quiet(),
            nodes: count_nodes(view),
            pods,
            deployments: view.list::<Deployment>(None).map(workload).collect(),
            not_ready,
        }
    }

    /// The lines that end a transcript.
    pub fn render(&self) -> String {
        let mut text = format!(
            "{}  {}; nodes {}/{} ready, pods {}/{} ready, seed {}\n",
            self.time,
            if self.quiet { "quiet" } else { "not quiet yet" },
            self.nodes.ready,
            self.nodes.total,
            self.pods.ready,
            self.pods.total,
            self.seed
        );
        for deployment in &self.deployments {
            let Workload { name, desired, ready, updated } = deployment;
            text.push_str(&format!("  deployment {name}: {ready}/{desired} ready, {updated} up to date\n"));
        }
        for pod in &self.not_ready {
            let reason = if pod.reason.is_empty() { String::new() } else { format!(": {}", pod.reason) };
            text.push_str(&format!("  pod {}: {}{reason}\n", pod.name, pod.status));
        }
        text
    }
}

fn count_nodes(view: &View) -> Count {
    view.list::<Node>(None).fold(Count::default(), |count, node| Count {
        ready: count.ready + u32::from(condition::is_true(node.status.conditions.as_deref(), "Ready")),
        total: count.total + 1,
    })
}

fn workload(deployment: &Deployment) -> Workload {
    Workload {
        name: short_name(deployment.namespace(), deployment.name()),
        desired: deployment.spec.replicas.unwrap_or(1),
        ready: deployment.status.ready_replicas.unwrap_or(0),
        updated: deployment.status.updated_replicas.unwrap_or(0),
    }
}

fn short_name(namespace: &str, name: &str) -> String {
    if namespace == "default" { name.into() } else { format!("{namespace}/{name}") }
}

/// Whether a pod is as it should be: ready, or at a good end.
fn is_well(pod: &Pod) -> bool {
    let ready = condition::is_true(pod.status.conditions.as_deref(), "Ready");
    (ready && !pod.is_deleting()) || pod.status.phase.as_deref() == Some("Succeeded")
}

fn trouble(pod: &Pod) -> PodTrouble {
    let unscheduled = condition::find(pod.status.conditions.as_deref(), "PodScheduled")
        .filter(|condition| condition.status == "False")
        .and_then(|condition| condition.message.clone());
    let waiting = pod.status.container_statuses.iter().flatten().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        waiting.message.clone()
    });
    let reason = unscheduled.or(waiting).or_else(|| pod.status.message.clone()).unwrap_or_default();
    PodTrouble {
        name: short_name(pod.namespace(), pod.name()),
        status: summarize(pod).status,
        reason: reason.replace('\n', " "),
    }
}
