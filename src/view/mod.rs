//! Plain data for the screen. No API object leaves this module: what the page shows is decided here, and a
//! component only lays it out.

pub mod assist;
pub mod because;
pub mod cards;
pub mod course;
pub mod detail;
pub mod differences;
pub mod edit;
pub mod files;
pub mod filter;
pub mod find;
pub mod format;
pub mod graphs;
pub mod insert;
pub mod inspect;
pub mod manifest;
pub mod menu;
pub mod origin;
pub mod picture;
pub mod preview;
pub mod quick_fix;
pub mod readiness;
pub mod rollout;
pub mod stage;
pub mod story;
pub mod targets;
pub mod timeline;
pub mod traffic;
pub mod tree;
pub mod trial;
pub mod until;
pub mod why;
pub mod workloads;
pub mod xray;

use std::sync::Arc;

use serde::Serialize;

use crate::api::Key;
use crate::clock::SimTime;

pub use format::format;
pub use inspect::{Decision, EventRow, Inspection, inspect};
pub use manifest::lint;
pub use stage::Stage;
pub use story::story_line;

/// The cluster at one revision, as the stage shows it. Cards that have not changed since the last view are the same
/// `Arc`, so that a component can skip them by pointer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterView {
    /// The revision shown.
    pub revision: u64,
    /// The nodes, in order of creation: a card never changes its place because of what happens on it.
    pub nodes: Vec<Arc<NodeCard>>,
    /// The first [`stage::WAITING`] pods without a node, in order of creation: the pending lane. [`Totals`] counts them all.
    pub pending: Vec<Arc<PodCard>>,
    /// The workloads that own pods, in order of creation.
    pub workloads: Vec<Arc<WorkloadCard>>,
    /// Counts for the header and for assistive text.
    pub totals: Totals,
}

impl ClusterView {
    /// How many pods there are, finished ones included.
    pub fn pods(&self) -> usize {
        self.totals.pods_pending as usize + self.nodes.iter().map(|node| node.pods.len()).sum::<usize>()
    }

    /// Whether both show the very same cards: told by pointers, since an unchanged card is the same `Arc`.
    pub fn same_cards(&self, other: &ClusterView) -> bool {
        fn same<T>(a: &[Arc<T>], b: &[Arc<T>]) -> bool {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        }
        same(&self.nodes, &other.nodes)
            && same(&self.pending, &other.pending)
            && same(&self.workloads, &other.workloads)
            && self.totals == other.totals
    }
}

/// Counts over the whole cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All nodes.
    pub nodes: u32,
    /// Nodes whose `Ready` condition is true.
    pub nodes_ready: u32,
    /// All pods that have not succeeded.
    pub pods: u32,
    /// Pods that are ready.
    pub pods_ready: u32,
    /// Pods without a node.
    pub pods_pending: u32,
    /// Pods that have failed or keep failing.
    pub pods_failed: u32,
}

/// A node, as its card shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodeCard {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// kubectl's STATUS column: `Ready`, `NotReady,SchedulingDisabled`.
    pub status: String,
    /// Whether the node is ready.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// The zone label, if any.
    pub zone: Option<String>,
    /// The labels that people set, and the zone; the well-known ones that every node has are left out.
    pub labels: Vec<(String, String)>,
    /// `key=value:Effect`.
    pub taints: Vec<String>,
    /// Thousandths of a CPU.
    pub cpu: Meter,
    /// Bytes.
    pub memory: Meter,
    /// Count of pods.
    pub pod_slots: Meter,
    /// The pods on the node, in order of arrival.
    pub pods: Vec<Arc<PodCard>>,
    /// Whether one of them counts down to its end.
    pub counts_down: bool,
}

/// A resource of a node: what it has, what is promised, what is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Meter {
    /// What pods may ask for.
    pub allocatable: i64,
    /// What the pods on the node ask for.
    pub requested: i64,
    /// What they use.
    pub used: i64,
}

/// How a pod fares, in the six classes that have a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PodClass {
    /// Not scheduled, or held back: Pending, ImagePullBackOff.
    #[default]
    Wait,
    /// On its way: ContainerCreating, Init, Running but not ready.
    Progress,
    /// Running and ready.
    Ready,
    /// Failed or failing: CrashLoopBackOff, Error, OOMKilled, Evicted.
    Fail,
    /// Succeeded.
    Done,
    /// Terminating, or lost with its node.
    Gone,
}

impl PodClass {
    /// How many there are.
    pub const COUNT: usize = PodClass::Gone as usize + 1;

    /// The class's name in the page's markup.
    pub fn as_str(self) -> &'static str {
        match self {
            PodClass::Wait => "wait",
            PodClass::Progress => "progress",
            PodClass::Ready => "ready",
            PodClass::Fail => "fail",
            PodClass::Done => "done",
            PodClass::Gone => "gone",
        }
    }

    /// All of them.
    pub const ALL: [PodClass; PodClass::COUNT] =
        [PodClass::Wait, PodClass::Progress, PodClass::Ready, PodClass::Fail, PodClass::Done, PodClass::Gone];

    /// The class's sign, as SVG, 16 by 16, drawn with lines of the colour of the text.
    pub fn drawing(self) -> &'static str {
        match self {
            PodClass::Wait => {
                r#"<path d="M4.5 2.5h7M4.5 13.5h7M5 2.5c0 3.5 6 3.5 6 5.5s-6 2-6 5.5M11 2.5c0 3.5-6 3.5-6 5.5s6 2 6 5.5"/>"#
            }
            PodClass::Progress => {
                r#"<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor"/>"#
            }
            PodClass::Ready => r#"<path d="M3.2 8.4 6.6 11.6 12.8 4.8"/>"#,
            PodClass::Fail => {
                r#"<path d="M5.7 2.5h4.6l3.2 3.2v4.6l-3.2 3.2H5.7l-3.2-3.2V5.7zM8 5v3.6M8 10.8v.4"/>"#
            }
            PodClass::Done => {
                r#"<rect x="2.5" y="2.5" width="11" height="11"/><path d="M5 8.2 7.2 10.4 11 6"/>"#
            }
            PodClass::Gone => r#"<path d="M4 4l8 8M12 4l-8 8"/>"#,
        }
    }
}

/// A pod, as its card shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PodCard {
    /// `metadata.uid`: the identity of the card, wherever it goes.
    pub uid: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// Where it is placed.
    pub node: Option<String>,
    /// Which of the six classes.
    pub class: PodClass,
    /// kubectl's STATUS column: `Running`, `ContainerCreating`, `Terminating`.
    pub status: String,
    /// Containers ready.
    pub ready: u32,
    /// Containers in all.
    pub containers: u32,
    /// Container restarts.
    pub restarts: u32,
    /// The image of the first container, without registry: `go-myweb:v1.0`.
    pub image: String,
    /// The controller that owns it: `ReplicaSet/web-5d8b`.
    pub owner: Option<String>,
    /// For a Deployment's pod, the revision of its ReplicaSet, from 1: chooses the band's texture.
    pub revision: Option<u32>,
    /// When it was created.
    pub created: SimTime,
    /// When its grace period ends if it is being deleted, else its back-off, or the time for which it is tolerated where it is.
    pub deadline: Option<SimTime>,
    /// Requested CPU in thousandths, and memory in bytes.
    pub cpu_request: i64,
    /// See `cpu_request`.
    pub memory_request: i64,
    /// What it uses of both, as `kubectl top` says.
    pub cpu_used: i64,
    /// See `cpu_used`.
    pub memory_used: i64,
    /// The latest reason why it waits, in the API's words: the unschedulable message, the image error.
    pub message: String,
}

/// A workload that owns pods, with the counts its status gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WorkloadCard {
    /// `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Pods wanted.
    pub desired: i32,
    /// Pods there are.
    pub current: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Pods ready.
    pub ready: i32,
    /// Pods available.
    pub available: i32,
    /// For a rolling update: at most this many pods in all, and at least this many available.
    pub ceiling: Option<i32>,
    /// See `ceiling`.
    pub floor: Option<i32>,
    /// Whether its pods are wanted done, not ready: `ready` then counts those that have succeeded.
    pub finishes: bool,
}

impl WorkloadCard {
    /// Whether all its pods are there and available, of its newest template, and no others.
    pub fn is_complete(&self) -> bool {
        let whole = self.available >= self.desired && self.updated >= self.desired;
        whole && (self.finishes || self.current == self.desired)
    }
}

/// One thing worth a tick on the time bar or a line in a transcript.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoryLine {
    /// The write it comes from.
    pub revision: u64,
    /// When.
    pub time: SimTime,
    /// Who: `deployment-controller`, `kubelet`.
    pub actor: String,
    /// Which object: `Pod default/web-0`.
    pub object: String,
    /// What happened, in one line.
    pub text: String,
    /// Whether it is bad news.
    pub warning: bool,
}

/// What can be selected on the stage.
pub type Selection = Key;
