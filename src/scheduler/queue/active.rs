//! The pods that will be tried next.

use rpds::RedBlackTreeMapSync;

use super::QueuedPod;
use crate::api::Key;
use crate::clock::SimTime;

/// A pod's place: its rank by the profile's QueueSort plugin, then how long it has been waiting, then the order of arrival.
type Place = (i64, SimTime, u64);

/// The active part of the queue (`backend/queue/active_queue.go`). Copies of it share what they have in common: thousands may
/// wait when a snapshot is taken.
#[derive(Clone, Debug, Default)]
pub struct ActiveQueue {
    pods: RedBlackTreeMapSync<Place, QueuedPod>,
    places: RedBlackTreeMapSync<Key, Place>,
    arrivals: u64,
}

impl ActiveQueue {
    /// How many pods are in it.
    pub fn len(&self) -> usize {
        self.pods.size()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// Adds a pod.
    pub fn push(&mut self, pod: QueuedPod) {
        let place = (pod.rank, pod.timestamp, self.arrivals);
        self.arrivals += 1;
        self.places.insert_mut(pod.key.clone(), place);
        self.pods.insert_mut(place, pod);
    }

    /// Takes the pod whose turn it is.
    pub fn pop(&mut self) -> Option<QueuedPod> {
        let key = self.pods.first()?.1.key.clone();
        self.remove(&key)
    }

    /// Takes a certain pod.
    pub fn remove(&mut self, key: &Key) -> Option<QueuedPod> {
        let place = *self.places.get(key)?;
        let pod = self.pods.get(&place).cloned();
        self.places.remove_mut(key);
        self.pods.remove_mut(&place);
        pod
    }

    /// Whether a pod is in it.
    pub fn contains(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }
}
