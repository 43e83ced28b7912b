//! The pods that will be tried next.

use sorted::SortedMap;

use super::QueuedPod;
use crate::api::Key;
use crate::clock::SimTime;

/// A pod's place: its rank by the profile's QueueSort plugin, then how long it has been waiting, then the order of arrival.
type Place = (i64, SimTime, u64);

/// The active part of the queue (`backend/queue/active_queue.go`).
#[derive(Clone, Debug, Default)]
pub struct ActiveQueue {
    pods: SortedMap<Place, QueuedPod>,
    places: SortedMap<Key, Place>,
    arrivals: u64,
}

impl ActiveQueue {
    /// How many pods are in it.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// Adds a pod.
    pub fn push(&mut self, pod: QueuedPod) {
        let place = (pod.rank, pod.timestamp, self.arrivals);
        self.arrivals += 1;
        self.places.insert(pod.key.clone(), place);
        self.pods.insert(place, pod);
    }

    /// Takes the pod whose turn it is.
    pub fn pop(&mut self) -> Option<QueuedPod> {
        let (_, pod) = self.pods.pop_first()?;
        self.places.remove(&pod.key);
        Some(pod)
    }

    /// Takes a certain pod.
    pub fn remove(&mut self, key: &Key) -> Option<QueuedPod> {
        self.pods.remove(&self.places.remove(key)?)
    }

    /// Whether a pod is in it.
    pub fn contains(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }
}
