//! The pods that wait a little before they are tried again: longer after each failure, from one second to ten.

use sorted::SortedMap;

use super::QueuedPod;
use crate::api::Key;
use crate::clock::{SimDuration, SimTime};

/// How long pods wait after a failure (`podInitialBackoffSeconds`, `podMaxBackoffSeconds`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first.
    pub initial: SimDuration,
    /// At most.
    pub max: SimDuration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { initial: SimDuration::from_secs(1), max: SimDuration::from_secs(10) }
    }
}

/// Waits end on whole seconds, so that pods whose waits end at nearly the same time are taken in order of importance.
const ORDERING_WINDOW_MICROS: u64 = 1_000_000;

impl Backoff {
    /// When a pod's wait ends (`backoffQueue.getBackoffTime`): by default 1 s after the first failure, 2 s after the second, then
    /// 4, 8 and from there on 10.
    pub fn end(self, pod: &QueuedPod) -> SimTime {
        let failures = if pod.is_after_error() { pod.consecutive_errors } else { pod.unschedulable_count };
        let Some(doublings) = failures.checked_sub(1) else { return pod.timestamp };
        let end = pod.timestamp + self.initial.doubled(doublings, self.max);
        SimTime(end.0 - end.0 % ORDERING_WINDOW_MICROS)
    }
}

/// A pod's place: the end of its wait, then its rank, then the order of arrival.
type Place = (SimTime, i64, u64);

/// The back-off part of the queue (`backend/queue/backoff_queue.go`). Pods that failed for an error of the scheduler are kept
/// apart: those sit their wait out, while the others may be taken early when nothing else is to be done.
#[derive(Clone, Debug, Default)]
pub struct BackoffQueue {
    unschedulable: SortedMap<Place, QueuedPod>,
    errors: SortedMap<Place, QueuedPod>,
    places: SortedMap<Key, Place>,
    /// How long they wait.
    pub backoff: Backoff,
    arrivals: u64,
}

impl BackoffQueue {
    /// An empty one, where pods wait so long.
    pub fn new(backoff: Backoff) -> BackoffQueue {
        BackoffQueue { backoff, ..BackoffQueue::default() }
    }

    /// How many pods are in it.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a pod can be taken before its wait is over.
    pub fn has_early(&self) -> bool {
        !self.unschedulable.is_empty()
    }

    /// Adds a pod.
    pub fn push(&mut self, pod: QueuedPod) {
        let place = (self.backoff.end(&pod), pod.rank, self.arrivals);
        self.arrivals += 1;
        self.places.insert(pod.key.clone(), place);
        let part = if pod.is_after_error() { &mut self.errors } else { &mut self.unschedulable };
        part.insert(place, pod);
    }

    /// Takes the pod whose wait would end first, though it is not over (`SchedulerPopFromBackoffQ`).
    pub fn pop_early(&mut self) -> Option<QueuedPod> {
        let (_, pod) = self.unschedulable.pop_first()?;
        self.places.remove(&pod.key);
        Some(pod)
    }

    /// Takes a pod whose wait is over.
    pub fn pop_completed(&mut self, now: SimTime) -> Option<QueuedPod> {
        let part = [&mut self.unschedulable, &mut self.errors]
            .into_iter()
            .find(|part| part.first_key_value().is_some_and(|((end, _, _), _)| *end <= now))?;
        let (_, pod) = part.pop_first()?;
        self.places.remove(&pod.key);
        Some(pod)
    }

    /// Takes a certain pod.
    pub fn remove(&mut self, key: &Key) -> Option<QueuedPod> {
        let place = self.places.remove(key)?;
        self.unschedulable.remove(&place).or_else(|| self.errors.remove(&place))
    }

    /// Whether a pod is in it.
    pub fn contains(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }

    /// When the next wait ends.
    pub fn next_end(&self) -> Option<SimTime> {
        let first = |part: &SortedMap<Place, QueuedPod>| part.first_key_value().map(|((end, _, _), _)| *end);
        first(&self.unschedulable).into_iter().chain(first(&self.errors)).min()
    }
}
