//! The scheduler: takes one pending pod at a time from its queue, asks the plugins which nodes can run it and which
//! of those is best, and binds it.

use std::sync::Arc;

use crate::api::Kind;
use crate::client::{Change, Client, View};
use crate::clock::SimTime;
use crate::rng::Rng;

/// A scheduler and all it remembers between pods.
#[derive(Clone, Debug)]
pub struct Scheduler {
    rng: Rng,
}

impl Scheduler {
    /// The kinds whose changes the scheduler is told of.
    pub const WATCHES: &'static [Kind] = &[Kind::POD, Kind::NODE];

    /// The default scheduler with the default profile. `seed` feeds the draw among equally good nodes.
    pub fn new(seed: u64) -> Scheduler {
        Scheduler { rng: Rng::new(seed, "scheduler") }
    }

    /// Takes delivery of changes: updates the node cache and moves pods between the parts of the queue.
    pub fn observe(&mut self, changes: &[Arc<Change>], view: &View, now: SimTime) {
        let _ = (changes, view, now, &self.rng);
    }

    /// Whether a pod is ready to be tried now.
    pub fn has_work(&self) -> bool {
        false
    }

    /// When a pod that is backing off (or has waited too long among the unschedulable) will be ready; `None` if none waits.
    pub fn next_wake(&self) -> Option<SimTime> {
        None
    }

    /// Moves the pods whose wait is over to the active part of the queue.
    pub fn wake(&mut self, now: SimTime) {
        let _ = now;
    }

    /// Takes the next pod through one whole cycle: queue, PreFilter … Score, Reserve, Bind, or PostFilter and back to the
    /// queue. Writes the binding, the `PodScheduled` condition and the event, and attaches the decision to the write.
    pub fn schedule_one(&mut self, client: &mut Client<'_>) {
        let _ = client;
    }
}
