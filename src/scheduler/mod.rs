//! The scheduler: takes one pending pod at a time from its queue, asks the plugins which nodes can run it and which
//! of those is best, and binds it.
//!
//! Where to look: [`framework`] for how a decision is made and what a plugin is, [`plugins`] for what is decided, [`queue`] for
//! where pods wait, [`cache`] for what is known of the nodes, `schedule_one` for one pod's way through all of it, and
//! `event_handlers` for what changes in the cluster do.

mod binding;
pub mod cache;
pub mod configuration;
pub mod decision;
mod event_handlers;
pub mod framework;
pub mod plugins;
pub mod queue;
mod schedule_one;
pub mod whatif;

use std::sync::Arc;

use crate::api::{Key, Kind, MetaExt, Pod};
use crate::client::View;
use crate::clock::SimTime;
use crate::rng::Rng;

use binding::Waiting;
use cache::Cache;
use cache::likeness::Likenesses;
use cache::memory::Memory;
use configuration::Configuration;
use framework::registry::Profile;
use framework::{Context, Framework};
use queue::SchedulingQueue;

/// A scheduler and all it remembers between pods.
#[derive(Clone, Debug)]
pub struct Scheduler {
    options: Options,
    frameworks: Vec<Arc<Framework>>,
    cache: Cache,
    memory: Memory,
    likenesses: Likenesses,
    queue: SchedulingQueue,
    view: View,
    rng: Rng,
    /// Pods that wait in PreBind for what others are doing.
    waiting: Waiting,
}

/// What a scheduler is to run and to keep.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profiles; a pod chooses one by `spec.schedulerName`.
    pub profiles: Vec<Profile>,
    /// Whether each decision is recorded with every node's verdict and scores. A bulk run may do without.
    pub explain: bool,
}

impl Options {
    /// The default profile, with every decision recorded.
    pub fn recorded() -> Options {
        Options { profiles: vec![Profile::default()], explain: true }
    }

    /// The default profile, without records.
    pub fn unrecorded() -> Options {
        Options { explain: false, ..Options::recorded() }
    }
}

impl Scheduler {
    /// The kinds whose changes the scheduler is told of.
    pub const WATCHES: &'static [Kind] = &[
        Kind::POD,
        Kind::NODE,
        Kind::NAMESPACE,
        Kind::SERVICE,
        Kind::REPLICATION_CONTROLLER,
        Kind::REPLICA_SET,
        Kind::STATEFUL_SET,
        Kind::POD_DISRUPTION_BUDGET,
        Kind::PERSISTENT_VOLUME,
        Kind::PERSISTENT_VOLUME_CLAIM,
        Kind::STORAGE_CLASS,
        Kind::CSI_NODE,
        Kind::CSI_DRIVER,
        Kind::CSI_STORAGE_CAPACITY,
        Kind::VOLUME_ATTACHMENT,
        Kind::RESOURCE_CLAIM,
        Kind::RESOURCE_SLICE,
        Kind::DEVICE_CLASS,
    ];

    /// The default scheduler with the default profile. `seed` feeds the draw among equally good nodes.
    pub fn new(seed: u64) -> Scheduler {
        Scheduler::with_options(seed, Options::recorded())
    }

    /// A scheduler with profiles of one's choice.
    pub fn with_options(seed: u64, options: Options) -> Scheduler {
        Scheduler {
            frameworks: options.profiles.iter().map(|profile| Arc::new(Framework::new(profile))).collect(),
            options,
            cache: Cache::default(),
            memory: Memory::default(),
            likenesses: Likenesses::default(),
            queue: SchedulingQueue::default(),
            view: View::default(),
            rng: Rng::new(seed, "scheduler"),
            waiting: Waiting::default(),
        }
    }

    /// Starts anew with another configuration, as a kube-scheduler does that is given another file: the nodes are as they were,
    /// pods that wait are taken up again from the beginning, by the profiles that there are now.
    pub fn reconfigure(&mut self, configuration: &Configuration, now: SimTime) {
        for mut binding in self.waiting.take_all() {
            self.unreserve(&mut binding);
        }
        self.frameworks =
            configuration.profiles.iter().map(|profile| Arc::new(Framework::new(profile))).collect();
        self.memory = Memory::default();
        self.queue = SchedulingQueue::new(configuration.backoff);
        let view = self.view.clone();
        for pod in view.list::<Pod>(None).filter(|pod| pod.spec.node_name.is_none()) {
            self.pod_changed(pod, &Key::new(Kind::POD, pod.namespace(), pod.name()), now);
        }
    }

    /// Whether a pod is ready to be tried now.
    pub fn has_work(&self) -> bool {
        self.waiting.is_due() || self.queue.has_work()
    }

    /// When a pod that is backing off (or has waited too long, among the unschedulable or to be bound) will be ready; `None` if
    /// none waits.
    pub fn next_wake(&self) -> Option<SimTime> {
        self.queue.next_flush().into_iter().chain(self.waiting.next_deadline()).min()
    }

    /// Moves the pods whose wait is over to the active part of the queue.
    pub fn wake(&mut self, now: SimTime) {
        self.queue.flush(now);
        self.waiting.wake(now);
    }

    /// The queue, to look at.
    pub fn queue(&self) -> &SchedulingQueue {
        &self.queue
    }

    /// The nodes as the scheduler believes them to be, to look at.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    fn context(&self) -> Context<'_> {
        Context { cache: &self.cache, view: &self.view, nominator: &self.queue.nominator }
    }

    /// The profile that takes pods of this `spec.schedulerName`.
    pub fn profile_of(&self, scheduler_name: Option<&str>) -> Option<u8> {
        let place =
            self.frameworks.iter().position(|framework| Some(&*framework.scheduler_name) == scheduler_name);
        place.map(|place| place as u8)
    }
}

#[cfg(test)]
mod tests;
