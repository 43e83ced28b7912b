//! What came out of trying which pods would have to go from a node, for pods that look alike: as long as the node does not
//! change, trying again brings the same.

use std::sync::Arc;

use super::NodeIndex;
use super::memory::{Memory, Stamp};
use super::shape::Shape;
use crate::scheduler::framework::preemption::Candidate;
use crate::scheduler::framework::{Context, Failure, PodInfo, Status};

/// So many shapes are remembered.
const MOST: usize = 4;

/// What came out.
pub type Outcome = Result<Arc<Candidate>, Status>;

/// The outcomes for one shape of pods of one priority.
#[derive(Default)]
pub struct Trials {
    /// `None` where nothing may be remembered: the outcome depends on more than the node.
    key: Option<(Shape, i32)>,
    stamp: Stamp,
    by_node: Vec<Option<Outcome>>,
}

impl Trials {
    /// The outcome for a node, tried if it is not known.
    pub fn of(&mut self, node: NodeIndex, attempt: impl FnOnce() -> Result<Candidate, Status>) -> Outcome {
        let Some(known) = self.by_node.get_mut(node as usize) else { return attempt().map(Arc::new) };
        known.get_or_insert_with(|| attempt().map(Arc::new)).clone()
    }
}

impl Memory {
    /// What is known for such a pod. It is only remembered where nothing but the node matters: no rule about other pods, no
    /// budget, nobody who has been promised room.
    pub fn trials(
        &mut self,
        failure: &Failure<'_>,
        cx: &Context<'_>,
        pod: &PodInfo,
        is_without_budgets: bool,
    ) -> Trials {
        let framework = failure.framework;
        let is_simple = is_without_budgets
            && cx.nominator.is_empty()
            && framework.asks_only_local(failure.state)
            && !self.is_off();
        if !is_simple {
            return Trials::default();
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
            Some(changed) => changed.iter().for_each(|index| trials.by_node[*index as usize] = None),
            None => trials.by_node = vec![None; cx.cache.slots()],
        }
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
