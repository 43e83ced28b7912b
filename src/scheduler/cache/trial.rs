//! What came out of trying which pods would have to go from a node, for pods that look alike: as long as the node does not
//! change, trying again brings the same.

use std::sync::Arc;

use super::NodeIndex;
use super::memory::{Memory, Stamp};
use super::pages::Pages;
use super::shape::Shape;
use crate::scheduler::framework::preemption::{Candidate, Cost};
use crate::scheduler::framework::runtime::promised_nodes;
use crate::scheduler::framework::{Context, Failure, PodInfo, Status};

/// So many shapes are remembered.
const MOST: usize = 4;

/// So many different outcomes.
const MOST_OUTCOMES: usize = 1_024;

/// What nodes may have in common.
#[derive(PartialEq)]
pub enum Outcome {
    /// Some pods would have to go, and that would cost so much.
    Cost(Cost),
    /// Nothing would help, and why.
    Refusal(Status),
}

/// The candidates by node, to be read by whoever made a decision with them.
pub type Candidates = Pages<Option<Arc<Candidate>>>;

/// How many of the nodes that were tried had each outcome.
#[derive(Default)]
pub struct Given {
    /// How many nodes were tried.
    pub nodes: usize,
    /// By the places of the outcomes.
    pub counts: Vec<u32>,
}

/// The outcomes for one shape of pods of one priority. Most nodes have one of a few, so a choice among many nodes is one among few
/// outcomes.
#[derive(Default)]
pub struct Trials {
    /// `None` where nothing may be remembered: the outcome depends on more than the node.
    key: Option<(Shape, i32)>,
    stamp: Stamp,
    /// The different outcomes.
    pub outcomes: Vec<Outcome>,
    /// By node, the place of its outcome plus one; zero where it is not known.
    by_node: Vec<u32>,
    candidates: Candidates,
    /// The nodes on which others have been promised room: what comes out there depends on them too.
    promised: Vec<NodeIndex>,
}

impl Trials {
    /// Tries nodes, where it is not known what would come out, until so many could run the pod, one of them without breaking a
    /// budget.
    pub fn run(
        &mut self,
        nodes: [&[NodeIndex]; 2],
        enough: u32,
        mut attempt: impl FnMut(NodeIndex) -> Result<Candidate, Status>,
    ) -> Given {
        let mut given = Given { nodes: 0, counts: vec![0; self.outcomes.len()] };
        let (mut found, mut has_unbroken) = (0, false);
        for nodes in nodes {
            for node in nodes {
                let known = self.by_node[*node as usize];
                let place = if known == 0 { self.take(*node, attempt(*node)) } else { known as usize - 1 };
                if place == given.counts.len() {
                    given.counts.push(0);
                }
                given.nodes += 1;
                given.counts[place] += 1;
                if let Outcome::Cost([pdb_violations, ..]) = self.outcomes[place] {
                    found += 1;
                    has_unbroken |= pdb_violations == 0;
                    if found >= enough && has_unbroken {
                        return given;
                    }
                }
            }
        }
        given
    }

    fn take(&mut self, node: NodeIndex, outcome: Result<Candidate, Status>) -> usize {
        let (outcome, candidate) = match outcome {
            Ok(candidate) => (Outcome::Cost(candidate.cost), Some(Arc::new(candidate))),
            Err(status) => (Outcome::Refusal(status), None),
        };
        *self.candidates.get_mut(node as usize) = candidate;
        let place = self.outcomes.iter().position(|known| *known == outcome).unwrap_or_else(|| {
            self.outcomes.push(outcome);
            self.outcomes.len() - 1
        });
        self.by_node[node as usize] = place as u32 + 1;
        place
    }

    /// Whether the outcome for a node is the one in that place.
    pub fn is(&self, node: NodeIndex, place: usize) -> bool {
        self.by_node[node as usize] == place as u32 + 1
    }

    /// The candidates that are known.
    pub fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    fn begin(&mut self, slots: usize) {
        self.outcomes.clear();
        self.by_node = vec![0; slots];
        self.candidates = Pages::default();
        (0..slots).for_each(|_| self.candidates.push(None));
    }
}

impl Memory {
    /// What is known for such a pod. It is only remembered where nothing but the node matters: no rule about other pods, no
    /// budget, and on that node nobody who has been promised room.
    pub fn trials(
        &mut self,
        failure: &Failure<'_>,
        cx: &Context<'_>,
        pod: &PodInfo,
        is_without_budgets: bool,
    ) -> Trials {
        let framework = failure.framework;
        let is_simple = is_without_budgets && framework.asks_only_local(failure.state) && !self.is_off();
        if !is_simple {
            let mut trials = Trials::default();
            trials.begin(cx.cache.slots());
            return trials;
        }
        let is_it = |trials: &Trials| {
            trials
                .key
                .as_ref()
                .is_some_and(|(shape, priority)| *priority == pod.priority() && shape.fits(framework, pod))
        };
        let mut trials = match self.trials.iter().position(is_it) {
            Some(place) => self.trials.remove(place),
            None => Trials { key: Some((Shape::new(framework, pod), pod.priority())), ..Default::default() },
        };
        match trials.stamp.renew(cx.cache) {
            // Where nodes differ so much that hardly two have one outcome, the list begins anew from time to time.
            Some(changed) if trials.outcomes.len() <= MOST_OUTCOMES => {
                changed.iter().for_each(|index| trials.by_node[*index as usize] = 0);
            }
            _ => trials.begin(cx.cache.slots()),
        }
        let promised: Vec<NodeIndex> = promised_nodes(cx, pod).iter().copied().collect();
        let before = std::mem::replace(&mut trials.promised, promised.clone());
        before.iter().chain(&promised).for_each(|index| trials.by_node[*index as usize] = 0);
        trials
    }

    /// Remembers what is known by now.
    pub fn keep_trials(&mut self, trials: Trials) {
        if trials.key.is_some() {
            if self.trials.len() >= MOST {
                self.trials.remove(0);
            }
            self.trials.push(trials);
        }
    }
}
