//! Why a write was made: the arithmetic and the verdicts that led to it, typed per decider. It travels with the
//! write in the log; the screen turns it into sentences and never works it out again.

use std::sync::Arc;

use serde::Serialize;

use super::later::Later;
use crate::clock::SimTime;

/// The reasons of one write.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Explain {
    /// A scheduling attempt: every node's verdict and scores.
    Scheduling(SchedulingDecision),
    /// A step of a rolling update: what may be created and removed, and why no more.
    Rollout(RolloutStep),
    /// A ReplicaSet's step towards its count.
    Replicas(ReplicaStep),
    /// Which pods a Service's slice lists, and why the others are not ready in it.
    Endpoints(EndpointStep),
    /// An object collected because its owner is gone.
    Garbage(GarbageStep),
    /// What an autoscaler made of its metrics.
    Autoscaling(AutoscalingStep),
    /// A pod that its node could not keep.
    Eviction(EvictionStep),
    /// How a StatefulSet or a DaemonSet goes from pod to pod.
    Turns(TurnStep),
}

/// One attempt to place one pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SchedulingDecision {
    /// Which attempt for this pod it was, from 1.
    pub attempt: u32,
    /// The node chosen, if any.
    pub selected: Option<Arc<str>>,
    /// A PreFilter plugin that refused the pod as a whole, and its words.
    pub pre_filter: Option<PluginMessage>,
    /// The plugins that filter, in the order in which they are asked.
    pub filters: Arc<[Arc<str>]>,
    /// Every node, in name order.
    pub nodes: Later<Vec<NodeVerdict>>,
    /// How many nodes shared the highest total; the seeded draw then chose among them.
    pub tied: u32,
    /// The text of the `FailedScheduling` event; empty when the pod was placed.
    pub message: String,
    /// What preemption considered; `None` if it was not tried.
    pub preemption: Option<PreemptionStep>,
}

/// A search for pods to remove so that another fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PreemptionStep {
    /// The nodes on which it would help to remove pods, in name order.
    pub candidates: Later<Vec<PreemptionCandidate>>,
    /// The node chosen; empty if there was no candidate.
    pub nominated_node: String,
    /// The nodes that were as good as the chosen one.
    pub tied: Later<Vec<Arc<str>>>,
}

/// A node that the removal of some pods would make fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PreemptionCandidate {
    /// The node.
    pub node: Arc<str>,
    /// The pods to remove, as `namespace/name`: those whose disruption budget would be broken first, then by importance.
    pub victims: Vec<String>,
    /// How many of them would break a disruption budget.
    pub pdb_violations: u32,
}

/// What a plugin said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PluginMessage {
    /// The plugin's name.
    pub plugin: Arc<str>,
    /// Its words.
    pub message: String,
}

/// One node in one attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodeVerdict {
    /// The node's name.
    pub node: Arc<str>,
    /// The first plugin that rejected the node; `None` if the pod fits.
    pub rejection: Option<Rejection>,
    /// Each scoring plugin's part, in plugin order; empty where scoring was not needed.
    pub scores: Vec<PluginScore>,
    /// The sum of the weighted scores.
    pub total: i64,
}

/// A plugin's refusal of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The plugin; empty for a node that a PreFilter result left out.
    pub plugin: Arc<str>,
    /// Whether removing pods could help: `Unschedulable`, or `UnschedulableAndUnresolvable`.
    pub unresolvable: bool,
    /// Its reasons, as they are counted in the event text.
    pub reasons: Vec<Arc<str>>,
    /// The numbers behind the reason, for people: "needs 600m, 400m of 4000m free".
    pub detail: String,
    /// The field of the pod that it is about: `spec.tolerations`. Empty if it is about none.
    pub field: &'static str,
}

/// One plugin's part of a node's score.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PluginScore {
    /// The plugin.
    pub plugin: Arc<str>,
    /// What it gave, before normalising.
    pub raw: i64,
    /// 0 to 100, after normalising.
    pub normalized: i64,
    /// What the normalised score is multiplied with.
    pub weight: i64,
    /// How it came about, in numbers, for people: `cpu: 100 x (4 - 600m) / 4 = 85; …`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arithmetic: String,
}

/// The arithmetic of one move of a Deployment between its ReplicaSets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RolloutStep {
    /// Pods asked for.
    pub desired: i32,
    /// Pods allowed above that.
    pub max_surge: i32,
    /// Pods that may be unavailable.
    pub max_unavailable: i32,
    /// Pods there are, old and new.
    pub total: i32,
    /// Pods available, old and new.
    pub available: i32,
    /// The ReplicaSet that is scaled.
    pub replica_set: String,
    /// Its size before and after.
    pub from: i32,
    /// See `from`.
    pub to: i32,
    /// Which rule made the move.
    pub rule: RolloutRule,
}

/// The rules by which a Deployment moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RolloutRule {
    /// The new ReplicaSet grows into what `maxSurge` allows.
    #[default]
    ScaleUpNew,
    /// Unhealthy old pods go first: they serve nobody.
    CleanupUnhealthy,
    /// Old pods go as far as `maxUnavailable` allows.
    ScaleDownOld,
    /// The Deployment's own size changed.
    Scale,
    /// Recreate: all old pods go before any new one comes.
    Recreate,
}

/// A ReplicaSet compares what there is with what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplicaStep {
    /// Pods wanted.
    pub desired: i32,
    /// Pods there are, without those being deleted.
    pub actual: i32,
    /// For a removal: why this pod rather than another.
    pub ranking: Option<String>,
}

/// A Service's selector held against the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndpointStep {
    /// Pods selected and ready.
    pub ready: u32,
    /// Pods selected but not ready, or terminating.
    pub not_ready: u32,
}

/// Why an object was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GarbageStep {
    /// The owner that is gone: `ReplicaSet web-5d8b`.
    pub owner: String,
}

/// From metrics to a number of pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AutoscalingStep {
    /// Pods that the workload asked for.
    pub current: i32,
    /// The bounds: `minReplicas` and `maxReplicas`.
    pub bounds: (i32, i32),
    /// The metrics in their order.
    pub metrics: Vec<MetricStep>,
    /// What they come to together; nothing where that could not be said, or was not asked.
    pub wanted: Option<i32>,
    /// What is left of it over the window of recommendations.
    pub stable: i32,
    /// When what holds it leaves the window.
    pub held_until: Option<SimTime>,
    /// How far each policy lets the workload go.
    pub policies: Vec<PolicyStep>,
    /// What comes out.
    pub replicas: i32,
}

/// One metric of an autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MetricStep {
    /// Its name in messages.
    pub name: String,
    /// How many pods it asks for; nothing if it cannot be had.
    pub replicas: Option<i32>,
    /// How that came about.
    pub sum: MetricSum,
    /// Why it cannot be had.
    pub missing: String,
}

/// `ceil(count x used / target)`, and which pods count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MetricSum {
    /// What is measured: percent of the requests, or thousandths.
    pub used: i64,
    /// What is aimed at, likewise.
    pub target: i64,
    /// Whether both are percent.
    pub percent: bool,
    /// How many pods that is multiplied with.
    pub count: i32,
    /// What became of the product.
    pub rule: MetricRule,
    /// How far from one the ratio may be on the low and on the high side, in thousandths.
    pub tolerance: (i64, i64),
    /// Pods whose measurements count.
    pub ready: i32,
    /// Pods too new to count.
    pub unready: i32,
    /// Pods without measurement.
    pub missing: i32,
    /// Pods that have failed or are on their way out.
    pub ignored: i32,
}

/// What became of the product of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum MetricRule {
    /// It is the number of pods.
    #[default]
    Product,
    /// The ratio is so near to one that the number stays.
    Tolerated,
    /// With the pods of which nothing is known taken to speak against it, it would not change, or would turn: the number stays.
    Outweighed,
}

/// One policy of an autoscaler's behavior.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PolicyStep {
    /// `Pods` or `Percent`.
    pub sort: String,
    /// How many.
    pub value: i32,
    /// Within so many seconds.
    pub period: i32,
    /// How many pods there were at the beginning of the period.
    pub start: i32,
    /// How far it lets the workload go.
    pub limit: i32,
}

/// Why a kubelet evicted a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvictionStep {
    /// The resource that was short: `memory`.
    pub resource: &'static str,
    /// The node.
    pub node: String,
    /// So much has to be left.
    pub threshold: i64,
    /// So much was.
    pub available: i64,
    /// The pods of the node that could go, in the order in which they would.
    pub ranking: Vec<EvictionRank>,
}

/// One pod of a node, as it is ranked for eviction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvictionRank {
    /// `namespace/name`.
    pub pod: String,
    /// `BestEffort`, `Burstable`, `Guaranteed`.
    pub qos: String,
    /// What it uses.
    pub used: i64,
    /// What it asks for.
    pub requested: i64,
    /// Its priority.
    pub priority: i32,
}

/// One look at pods that are made or replaced one after another, or so many at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TurnStep {
    /// Pods wanted.
    pub desired: i32,
    /// The field that bounds the replacement: `maxUnavailable`, `maxSurge`, `partition`.
    pub field: &'static str,
    /// Its value, worked out.
    pub limit: i32,
    /// What counts against it: pods unavailable, or pods beside old ones.
    pub counted: i32,
    /// Pods of an older template.
    pub outdated: i32,
    /// Pods that this look replaced or made.
    pub moved: i32,
    /// The pod that has to be available, or gone, before anything else is done.
    pub waits: String,
}
