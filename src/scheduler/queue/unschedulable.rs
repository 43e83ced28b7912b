//! The pods that fit nowhere, or may not be tried yet. They wait for something to happen that may help them.

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::QueuedPod;
use crate::api::Key;
use crate::clock::{SimDuration, SimTime};

/// A pod that has waited as long as this is tried again though nothing seems to have helped it.
pub const POD_MAX_IN_UNSCHEDULABLE: SimDuration = SimDuration::from_secs(5 * 60);

/// The unschedulable part of the queue (`backend/queue/unschedulable_pods.go`), gated pods among them. Copies
/// share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct UnschedulablePods {
    pods: RedBlackTreeMapSync<Key, QueuedPod>,
    waiting_since: RedBlackTreeSetSync<(SimTime, Key)>,
}

impl UnschedulablePods {
    /// How many pods are in it, gated ones not counted.
    pub fn len(&self) -> usize {
        self.waiting_since.size()
    }

    /// Whether there are none, gated ones not counted.
    pub fn is_empty(&self) -> bool {
        self.waiting_since.is_empty()
    }

    /// How many pods wait at a gate.
    pub fn gated(&self) -> usize {
        self.pods.size() - self.waiting_since.size()
    }

    /// Adds a pod.
    pub fn insert(&mut self, pod: QueuedPod) {
        if !pod.is_gated() {
            self.waiting_since.insert_mut((pod.timestamp, pod.key.clone()));
        }
        self.pods.insert_mut(pod.key.clone(), pod);
    }

    /// Takes a pod.
    pub fn remove(&mut self, key: &Key) -> Option<QueuedPod> {
        let pod = self.pods.get(key)?.clone();
        self.pods.remove_mut(key);
        self.waiting_since.remove_mut(&(pod.timestamp, key.clone()));
        Some(pod)
    }

    /// Looks at a pod.
    pub fn get(&self, key: &Key) -> Option<&QueuedPod> {
        self.pods.get(key)
    }

    /// The pods, in order of namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &QueuedPod> {
        self.pods.values()
    }

    /// The pod that has waited longest, if that is too long.
    pub fn overdue(&self, now: SimTime) -> Option<&Key> {
        let (since, key) = self.waiting_since.first()?;
        (*since + POD_MAX_IN_UNSCHEDULABLE <= now).then_some(key)
    }

    /// When the next pod will have waited too long.
    pub fn next_overdue(&self) -> Option<SimTime> {
        self.waiting_since.first().map(|(since, _)| *since + POD_MAX_IN_UNSCHEDULABLE)
    }
}
