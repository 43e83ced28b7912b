//! Where pods wait to be scheduled. A pod is in exactly one of three parts:
//!
//! - *active*: it will be tried as soon as its turn comes, the highest priority first;
//! - *back-off*: something has happened that may help it, but it failed only a moment ago;
//! - *unschedulable*: it fits nowhere, and waits for something that may help it to happen. Pods with scheduling gates wait
//!   here too, until their gates are gone.
//!
//! While the active part is empty, pods are taken from the back-off part early, as the scheduler has nothing better to do.
//! Upstream: `pkg/scheduler/backend/queue`.

pub mod active;
pub mod backoff;
pub mod nominator;
pub mod unschedulable;

use std::sync::Arc;

pub use nominator::Nominator;

use super::framework::runtime::PluginSet;
use super::framework::{Framework, PodInfo};
use crate::api::Key;
use crate::client::View;
use crate::clock::SimTime;
use active::ActiveQueue;
use backoff::{Backoff, BackoffQueue};
use unschedulable::UnschedulablePods;

/// A pod in the queue, and how it has fared (`framework.QueuedPodInfo`).
#[derive(Clone, Debug)]
pub struct QueuedPod {
    /// The pod's key in the store.
    pub key: Key,
    /// The pod, as last delivered.
    pub info: Arc<PodInfo>,
    /// The profile that it asks for, by its place among the scheduler's.
    pub profile: u8,
    /// Its rank by the profile's QueueSort plugin: the lowest goes first.
    pub rank: i64,
    /// When it was last added or put back.
    pub timestamp: SimTime,
    /// When it was first added.
    pub first_added: SimTime,
    /// How often it has been tried.
    pub attempts: u32,
    /// How often it was found to fit nowhere.
    pub unschedulable_count: u32,
    /// How often in a row it failed for an error of the scheduler.
    pub consecutive_errors: u32,
    /// The plugins that rejected it the last time.
    pub rejectors: PluginSet,
    /// What keeps it from being tried at all; empty if nothing does.
    pub gate: String,
}

impl QueuedPod {
    /// A pod that has just appeared.
    pub fn new(info: Arc<PodInfo>, profile: u8, framework: &Framework, now: SimTime) -> QueuedPod {
        QueuedPod {
            key: info.key(),
            rank: framework.queue_rank(&info),
            info,
            profile,
            timestamp: now,
            first_added: now,
            attempts: 0,
            unschedulable_count: 0,
            consecutive_errors: 0,
            rejectors: PluginSet::default(),
            gate: String::new(),
        }
    }

    /// Whether it may not be tried at all yet.
    pub fn is_gated(&self) -> bool {
        !self.gate.is_empty()
    }

    /// Whether its last attempt failed for an error rather than for want of a node.
    pub fn is_after_error(&self) -> bool {
        self.consecutive_errors > 0
    }
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct SchedulingQueue {
    /// The pods that have been promised room on a node.
    pub nominator: Nominator,
    active: ActiveQueue,
    backoff: BackoffQueue,
    unschedulable: UnschedulablePods,
}

impl SchedulingQueue {
    /// An empty queue, where pods wait so long after a failure.
    pub fn new(backoff: Backoff) -> SchedulingQueue {
        SchedulingQueue { backoff: BackoffQueue::new(backoff), ..Default::default() }
    }

    /// Whether there is a pod to try now.
    pub fn has_work(&self) -> bool {
        !self.active.is_empty() || self.backoff.has_early()
    }

    /// How many pods are in the active, back-off and unschedulable parts, and how many wait at a gate.
    pub fn lengths(&self) -> [usize; 4] {
        [self.active.len(), self.backoff.len(), self.unschedulable.len(), self.unschedulable.gated()]
    }

    /// Which part a pod is in: `active`, `backoff`, `unschedulable` or `gated`.
    pub fn part_of(&self, key: &Key) -> Option<&'static str> {
        if self.active.contains(key) {
            return Some("active");
        }
        if self.backoff.contains(key) {
            return Some("backoff");
        }
        self.unschedulable.get(key).map(|pod| if pod.is_gated() { "gated" } else { "unschedulable" })
    }

    /// What keeps a pod from being tried; empty if nothing does.
    pub fn gate_of(&self, key: &Key) -> &str {
        self.unschedulable.get(key).map_or("", |pod| &pod.gate)
    }

    /// Adds a pod: to the active part, or to the unschedulable one if a PreEnqueue plugin holds it back.
    pub fn add(&mut self, mut pod: QueuedPod, framework: &Framework, view: &View) {
        if let Some(node) = pod.info.nominated_node() {
            self.nominator.add(pod.info.clone(), node);
        }
        match framework.run_pre_enqueue(view, &pod.info) {
            Ok(()) => {
                pod.gate.clear();
                self.active.push(pod);
            }
            Err(status) => {
                pod.gate = status.message();
                pod.rejectors = framework.only(status.plugin);
                self.unschedulable.insert(pod);
            }
        }
    }

    /// Takes over a pod's change. A pod whose gate is gone becomes active. Says whether the pod was waiting here.
    pub fn update(&mut self, info: &Arc<PodInfo>, framework: &Framework, view: &View) -> bool {
        let key = info.key();
        if self.nominator.is_nominated(info.uid()) || info.nominated_node().is_some() {
            match info.nominated_node() {
                Some(node) => self.nominator.add(info.clone(), node),
                None => self.nominator.remove(info.uid()),
            }
        }
        if let Some(mut pod) = self.active.remove(&key) {
            pod.info = info.clone();
            self.active.push(pod);
        } else if let Some(mut pod) = self.backoff.remove(&key) {
            pod.info = info.clone();
            self.backoff.push(pod);
        } else if let Some(mut pod) = self.unschedulable.remove(&key) {
            pod.info = info.clone();
            if pod.is_gated() { self.add(pod, framework, view) } else { self.unschedulable.insert(pod) }
        } else {
            return false;
        }
        true
    }

    /// Forgets a pod.
    pub fn remove(&mut self, key: &Key, uid: &str) {
        self.nominator.remove(uid);
        let _ = self.take(key);
    }

    fn take(&mut self, key: &Key) -> Option<QueuedPod> {
        self.active
            .remove(key)
            .or_else(|| self.backoff.remove(key))
            .or_else(|| self.unschedulable.remove(key))
    }

    /// Takes the next pod to try, and counts the attempt.
    pub fn pop(&mut self) -> Option<QueuedPod> {
        let mut pod = self.active.pop().or_else(|| self.backoff.pop_early())?;
        pod.attempts += 1;
        Some(pod)
    }

    /// Puts a pod back that fits nowhere. It waits for what may help; a pod that no plugin has rejected, because there are no
    /// nodes or because of an error, only waits a while.
    pub fn add_unschedulable(&mut self, mut pod: QueuedPod, rejectors: PluginSet, now: SimTime) {
        pod.timestamp = now;
        pod.rejectors = rejectors;
        if rejectors.is_empty() {
            pod.consecutive_errors += 1;
            self.backoff.push(pod);
        } else {
            pod.consecutive_errors = 0;
            pod.unschedulable_count += 1;
            self.unschedulable.insert(pod);
        }
    }

    /// Moves the unschedulable pods that `helps` picks out to where they will be tried again.
    pub fn move_if(&mut self, now: SimTime, helps: impl Fn(&QueuedPod) -> bool) {
        let moved = self.unschedulable.iter().filter(|pod| !pod.is_gated() && helps(pod));
        let moved: Vec<Key> = moved.map(|pod| pod.key.clone()).collect();
        for key in moved {
            self.requeue(&key, now);
        }
    }

    /// The gated pods that `helps` picks out, to be added anew.
    pub fn take_gated(&mut self, helps: impl Fn(&QueuedPod) -> bool) -> Vec<QueuedPod> {
        let gated = self.unschedulable.iter().filter(|pod| pod.is_gated() && helps(pod));
        let keys: Vec<Key> = gated.map(|pod| pod.key.clone()).collect();
        keys.iter().filter_map(|key| self.unschedulable.remove(key)).collect()
    }

    fn requeue(&mut self, key: &Key, now: SimTime) {
        let Some(pod) = self.unschedulable.remove(key) else { return };
        if self.backoff.backoff.end(&pod) > now { self.backoff.push(pod) } else { self.active.push(pod) }
    }

    /// Moves the pods whose wait is over.
    pub fn flush(&mut self, now: SimTime) {
        while let Some(pod) = self.backoff.pop_completed(now) {
            self.active.push(pod);
        }
        while let Some(key) = self.unschedulable.overdue(now).cloned() {
            self.requeue(&key, now);
        }
    }

    /// When [`SchedulingQueue::flush`] will next have something to do.
    pub fn next_flush(&self) -> Option<SimTime> {
        self.backoff.next_end().into_iter().chain(self.unschedulable.next_overdue()).min()
    }
}

#[cfg(test)]
mod tests;
