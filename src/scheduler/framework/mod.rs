//! What a scheduling decision is made of. A plugin has a say at one or more *extension points*; the framework takes each pod
//! through them in this order:
//!
//! 1. PreEnqueue: may the pod enter the queue at all?
//! 2. QueueSort: who comes first?
//! 3. PreFilter: once per pod, work that Filter would repeat for every node; may refuse the pod as a whole.
//! 4. Filter: can this node run the pod? The first plugin that says no decides.
//! 5. PostFilter: if no node can, what could be done about it? Preemption.
//! 6. PreScore: once per pod, work that Score would repeat.
//! 7. Score, NormalizeScore: how good is each node that can run it, from 0 to 100?
//! 8. Reserve: take note of the choice. Permit: may it be carried out now?
//! 9. PreBind, Bind: carry it out.
//!
//! Upstream: `staging/src/k8s.io/kube-scheduler/framework`, `pkg/scheduler/framework`.

pub mod claims;
pub mod cycle_state;
pub mod diagnosis;
pub mod events;
pub mod node_info;
pub mod pod_info;
pub mod preemption;
pub mod registry;
pub mod resource;
pub mod runtime;
pub mod status;
pub mod volumes;

use sorted::SortedSet;
use std::fmt;
use std::sync::Arc;

pub use cycle_state::CycleState;
pub use diagnosis::Diagnosis;
pub use events::{Action, ClusterEvent, Hint, Resource as EventResource};
pub use node_info::NodeInfo;
pub use pod_info::{HostPort, PodInfo};
pub use resource::Resource;
pub use runtime::Framework;
pub use status::{Code, Reason, Status};

use super::cache::contest::Dimension;
use super::cache::memory::Memory;
use super::cache::{Cache, NodeIndex};
use super::queue::Nominator;
use crate::api::explain::{Explain, PreemptionCandidate, PreemptionStep};
use crate::api::later::Later;
use crate::api::{Status as ApiStatus, sorting};
use crate::client::{Change, Client, View};
use crate::clock::SimDuration;
use crate::rng::Rng;

/// The highest score that a plugin may give a node, after normalising.
pub const MAX_NODE_SCORE: i64 = 100;

/// How a plugin's scores are brought to 0..=100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    /// They are from 0 to 100 already.
    None,
    /// The highest becomes 100 (`helper.DefaultNormalizeScore`), fractions are cut off: 10, 20, 30 become 33, 66, 100.
    Highest,
    /// The same turned round, for plugins that count what speaks against a node: 67, 34, 0.
    HighestReversed,
    /// In a way of the plugin's own.
    Own,
}

impl Normalization {
    /// A score, where `highest` is the highest of all.
    pub fn of(self, score: i64, highest: i64) -> i64 {
        let scaled = if highest == 0 { 0 } else { MAX_NODE_SCORE * score / highest };
        match self {
            Normalization::None | Normalization::Own => score,
            Normalization::Highest => scaled,
            Normalization::HighestReversed => MAX_NODE_SCORE - scaled,
        }
    }
}

impl Normalization {
    /// How a score was brought to 0..=100, in numbers.
    pub fn in_words(self, raw: i64, highest: i64, normalized: i64) -> String {
        match self {
            Normalization::None => String::new(),
            Normalization::Highest if highest != 0 => format!("{MAX_NODE_SCORE} x {raw} / {highest}"),
            Normalization::HighestReversed if highest != 0 => {
                format!("{MAX_NODE_SCORE} - {MAX_NODE_SCORE} x {raw} / {highest}")
            }
            Normalization::Own if raw != normalized => {
                format!("{raw} among the nodes' scores is {normalized} of {MAX_NODE_SCORE}")
            }
            _ => String::new(),
        }
    }
}

/// What a plugin's answers about a node come from, beside what [`Shape`](super::cache::shape::Shape) holds of the pod. They are
/// remembered for all pods of the shape until that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The node object: labels, taints, images.
    Object,
    /// That, and the pods of the node.
    Node,
    /// Other nodes, too, or other objects: nothing is remembered.
    Cluster,
}

/// Where a plugin has a say. NormalizeScore belongs to Score, and the answers to added and removed pods to PreFilter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Before the pod enters the queue.
    PreEnqueue,
    /// The order of the queue.
    QueueSort,
    /// Once per cycle, before Filter.
    PreFilter,
    /// Per node.
    Filter,
    /// Once per cycle, if no node can run the pod.
    PostFilter,
    /// Once per cycle, before Score.
    PreScore,
    /// Per node that can run the pod.
    Score,
    /// Once a node is chosen.
    Reserve,
    /// Before the choice is carried out.
    Permit,
    /// Work that must be done before binding.
    PreBind,
    /// Binding.
    Bind,
}

/// What plugins may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The nodes with their pods.
    pub cache: &'a Cache,
    /// Every other object, as of the last delivery: namespaces, services, claims, budgets.
    pub view: &'a View,
    /// The pods that have been promised room on a node.
    pub nominator: &'a Nominator,
}

/// A node to be scored, and for how many like it, itself among them, the score stands.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    /// The node.
    pub node: NodeIndex,
    /// How many.
    pub count: u32,
}

/// What PreFilter has found out: `None` if every node is worth a look, else the names of those that are.
pub type PreFilterResult = Option<SortedSet<String>>;
/// The answers of several plugins to PreFilter, by their places.
pub type PreFilterAnswers = Vec<(u8, Result<PreFilterResult, Status>)>;

/// What PostFilter has done about a pod that fits nowhere.
#[derive(Clone, Debug, Default)]
pub struct PostFilterResult {
    /// The node on which room is being made; empty to take an earlier promise back.
    pub nominated_node: String,
    /// The nodes that were tried.
    pub tried: preemption::Tried,
    /// The pods to remove from the nominated node, most important first, as `(namespace, name, uid)`.
    pub victims: Vec<(String, String, String)>,
}

impl PostFilterResult {
    /// What was considered, in words.
    pub fn step(&self, cache: &Cache) -> PreemptionStep {
        let (nodes, tried) = (cache.snapshot(), self.tried.clone());
        let (nodes_too, tried_too, chosen) = (nodes.clone(), tried.clone(), self.nominated_node.clone());
        PreemptionStep {
            candidates: Later::new(move || {
                let mut words: Vec<PreemptionCandidate> =
                    tried.candidates().map(|candidate| candidate.in_words(&nodes)).collect();
                sorting::sort_by(&mut words, |a, b| a.node.cmp(&b.node));
                words
            }),
            nominated_node: self.nominated_node.clone(),
            tied: Later::new(move || {
                let name =
                    |candidate: &Arc<preemption::Candidate>| nodes_too.node(candidate.node).name.clone();
                let chosen = tried_too.candidates().find(|candidate| *name(candidate) == *chosen);
                let is_tied =
                    |other: &&Arc<preemption::Candidate>| Some(other.cost) == chosen.map(|it| it.cost);
                tried_too.candidates().filter(is_tied).map(name).collect()
            }),
        }
    }
}

/// What PostFilter is given of the cycle that has failed.
pub struct Failure<'a> {
    /// The framework, to try Filter again on changed nodes.
    pub framework: &'a Framework,
    /// The notes of the cycle.
    pub state: &'a CycleState,
    /// Why no node can run the pod.
    pub diagnosis: &'a Diagnosis,
}

/// A plugin. It says where it has a say; extension points that it does not name are never called.
#[expect(unused_variables, reason = "a default method that ignores its arguments should still name them")]
pub trait Plugin: Send + Sync {
    /// Its upstream name.
    fn name(&self) -> &'static str;

    /// Where it has a say.
    fn points(&self) -> &'static [Point];

    /// What could make a pod schedulable that it has rejected.
    fn events_to_register(&self) -> &'static [ClusterEvent] {
        &[]
    }

    /// Whether one of the registered events really may have helped `pod`.
    fn is_schedulable_after(
        &self,
        cx: &Context<'_>,
        event: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        Hint::Queue
    }

    /// Whether the pod may enter the queue.
    ///
    /// # Errors
    /// What it waits for.
    fn pre_enqueue(&self, view: &View, pod: &PodInfo) -> Result<(), Status> {
        Ok(())
    }

    /// The pod's rank in the queue: the lowest goes first, and among equals the one that has waited longest.
    fn queue_rank(&self, pod: &PodInfo) -> i64 {
        0
    }

    /// Work done once per cycle. Skips the plugin's Filter with [`Code::Skip`].
    ///
    /// # Errors
    /// Why no node at all can run the pod.
    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        Ok(None)
    }

    /// Brings the plugin's notes up to date as if `added` ran on `node` too.
    fn add_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        added: &PodInfo,
        node: &NodeInfo,
    ) {
    }

    /// Brings the plugin's notes up to date as if `removed` did not run on `node`.
    fn remove_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        removed: &PodInfo,
        node: &NodeInfo,
    ) {
    }

    /// Whether the pod can run on the node.
    ///
    /// # Errors
    /// Why it cannot.
    fn filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// The numbers behind a rejection by Filter, for people: `needs 600m, 400m of 4 free`. Only asked for when a record is kept.
    fn detail(&self, cx: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        String::new()
    }

    /// What can be done about a pod that fits nowhere.
    ///
    /// # Errors
    /// Why nothing can. A code other than `Unschedulable` keeps later plugins from trying.
    fn post_filter(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        failure: &Failure<'_>,
        pod: &PodInfo,
        rng: &mut Rng,
    ) -> Result<PostFilterResult, Status> {
        Err(Status::unschedulable(""))
    }

    /// Work done once per cycle before Score, whichever nodes can run the pod. Skips the plugin's Score with [`Code::Skip`].
    ///
    /// # Errors
    /// Only to skip.
    fn pre_score(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        Ok(())
    }

    /// The rest of PreScore: work that depends on the nodes that can run the pod.
    fn pre_score_nodes(&self, state: &mut CycleState, nodes: &[Scored]) {}

    /// How good the node is, on a scale of the plugin's own.
    fn score(&self, cx: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        0
    }

    /// How the score came about, in numbers, for people. Only asked for when somebody looks at a record.
    fn score_detail(&self, cx: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        String::new()
    }

    /// How the scores of all nodes are brought to 0..=100.
    fn normalization(&self) -> Normalization {
        Normalization::None
    }

    /// Brings the scores of all nodes, in the order of PreScore, to 0..=100. To be written only by plugins that do so in a way
    /// of their own.
    fn normalize_score(&self, state: &CycleState, nodes: &[Scored], scores: &mut [i64]) {
        let highest = scores.iter().copied().max().unwrap_or(0);
        for score in scores {
            *score = self.normalization().of(*score, highest);
        }
    }

    /// What Filter and Score look at.
    fn scope(&self) -> Scope {
        Scope::Cluster
    }

    /// What Score looks at, where that is less.
    fn score_scope(&self) -> Scope {
        self.scope()
    }

    /// For a plugin that looks at the whole cluster: what its answers about a node depend on in this cycle, beside the pod. `false` if that
    /// cannot be said; every node is then asked about in every cycle.
    fn dimensions(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        dimensions: &mut Vec<Dimension>,
    ) -> bool {
        false
    }

    /// Takes note that the pod will run on the node.
    ///
    /// # Errors
    /// Why it cannot after all.
    fn reserve(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// Undoes [`Plugin::reserve`], whether or not that had been reached.
    fn unreserve(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo, node: &str) {}

    /// Whether the choice may be carried out now.
    ///
    /// # Errors
    /// Why not.
    fn permit(&self, cx: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &str) -> Result<(), Status> {
        Ok(())
    }

    /// Work that must be done before binding. It may have to wait for others ([`Code::Wait`]), and is then asked again when
    /// something has changed.
    ///
    /// # Errors
    /// Why it failed, or that it waits.
    fn pre_bind(
        &self,
        client: &mut Client<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// How long [`Plugin::pre_bind`] may wait, and what is said when that is over. `None` if it never waits.
    fn pre_bind_timeout(&self) -> Option<(SimDuration, &'static str)> {
        None
    }

    /// Binds the pod to the node, with the reasons for it attached to the write.
    ///
    /// # Errors
    /// The API server's refusal.
    fn bind(
        &self,
        client: &mut Client<'_>,
        pod: &PodInfo,
        node: &str,
        explain: Option<Explain>,
    ) -> Result<(), ApiStatus> {
        Ok(())
    }
}

/// Shows its name: a plugin's settings are its own.
impl fmt::Debug for dyn Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_scaled_to_the_highest_and_turned_round_where_less_is_better() {
        let cases: [(&[i64], Normalization, &[i64]); 5] = [
            (&[10, 20, 30], Normalization::Highest, &[33, 66, 100]),
            (&[10, 20, 30], Normalization::HighestReversed, &[67, 34, 0]),
            (&[0, 0], Normalization::Highest, &[0, 0]),
            (&[0, 0], Normalization::HighestReversed, &[100, 100]),
            (&[7, 8], Normalization::None, &[7, 8]),
        ];
        for (scores, normalization, want) in cases {
            let highest = scores.iter().copied().max().unwrap_or(0);
            let got: Vec<i64> = scores.iter().map(|score| normalization.of(*score, highest)).collect();
            assert_eq!(got, want, "{scores:?}, {normalization:?}");
        }
    }
}
