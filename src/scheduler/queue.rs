//! The scheduling queue: the pods that wait for a node, in four parts. **Active** pods are tried next, the highest priority
//! first and among equals the one that has waited longest. Pods that could not be placed sit among the **unschedulable**
//! until something happens that may help them; if that is soon after the failure they sit out a **back-off** first.
//! **Gated** pods wait to be let in at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Key, MetaExt, Pod};
use crate::clock::{SimDuration, SimTime};

/// The first failure costs a second, each further one twice as much, up to ten.
const BACKOFF_BASE: SimDuration = SimDuration::from_secs(1);
const BACKOFF_MAX: SimDuration = SimDuration::from_secs(10);
/// A pod that nothing has helped for this long is tried all the same.
const UNSCHEDULABLE_MAX: SimDuration = SimDuration::from_secs(300);

/// A pod in the queue.
#[derive(Clone, Debug)]
pub struct QueuedPod {
    /// The pod as last delivered.
    pub pod: Pod,
    /// How often it has been tried.
    pub attempts: u32,
    /// The plugins that refused some node in the last attempt.
    pub refusing: BTreeSet<&'static str>,
    /// When it was last put into a part of the queue.
    since: SimTime,
    /// When its back-off ends.
    ready_at: SimTime,
}

/// The order of the active part.
type Place = (Reverse<i32>, SimTime, u64);

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct SchedulingQueue {
    active: BTreeMap<Place, QueuedPod>,
    places: BTreeMap<Key, Place>,
    backoff: BTreeMap<Key, QueuedPod>,
    unschedulable: BTreeMap<Key, QueuedPod>,
    gated: BTreeMap<Key, QueuedPod>,
    sequence: u64,
}

fn key_of(pod: &Pod) -> Key {
    Key::new(crate::api::Kind::POD, pod.namespace(), pod.name())
}

impl SchedulingQueue {
    /// Whether a pod can be tried now.
    pub fn has_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// How many pods wait in the active, back-off, unschedulable and gated parts.
    pub fn lengths(&self) -> [usize; 4] {
        [self.active.len(), self.backoff.len(), self.unschedulable.len(), self.gated.len()]
    }

    /// Lets a new pod in, or keeps it at the gate.
    pub fn add(&mut self, pod: Pod, gated: bool, now: SimTime) {
        let key = key_of(&pod);
        self.remove(&key);
        let queued = QueuedPod { pod, attempts: 0, refusing: BTreeSet::new(), since: now, ready_at: now };
        if gated {
            self.gated.insert(key, queued);
        } else {
            self.activate(queued, now);
        }
    }

    /// Takes over a pod's change without moving it. Says whether the pod was waiting here.
    pub fn refresh(&mut self, pod: &Pod) -> bool {
        let key = key_of(pod);
        let waiting = match self.places.get(&key) {
            Some(place) => self.active.get_mut(place),
            None => [&mut self.backoff, &mut self.unschedulable, &mut self.gated]
                .into_iter()
                .find_map(|part| part.get_mut(&key)),
        };
        waiting.map(|queued| queued.pod = pod.clone()).is_some()
    }

    /// Whether a pod waits at the gate.
    pub fn is_gated(&self, key: &Key) -> bool {
        self.gated.contains_key(key)
    }

    /// Forgets a pod.
    pub fn remove(&mut self, key: &Key) {
        if let Some(place) = self.places.remove(key) {
            self.active.remove(&place);
        }
        for part in [&mut self.backoff, &mut self.unschedulable, &mut self.gated] {
            part.remove(key);
        }
    }

    /// Takes the next pod to try, and counts the attempt.
    pub fn pop(&mut self) -> Option<QueuedPod> {
        let (_, mut queued) = self.active.pop_first()?;
        self.places.remove(&key_of(&queued.pod));
        queued.attempts += 1;
        Some(queued)
    }

    /// Puts back a pod that could not be placed.
    pub fn park(&mut self, mut queued: QueuedPod, refusing: BTreeSet<&'static str>, now: SimTime) {
        queued.refusing = refusing;
        queued.since = now;
        queued.ready_at = now + BACKOFF_BASE.doubled(queued.attempts.saturating_sub(1), BACKOFF_MAX);
        self.unschedulable.insert(key_of(&queued.pod), queued);
    }

    /// Puts back a pod whose binding failed: nothing has to happen first, but it backs off.
    pub fn retry(&mut self, queued: QueuedPod, now: SimTime) {
        let key = key_of(&queued.pod);
        self.park(queued, BTreeSet::new(), now);
        self.wake(&key, now);
    }

    /// Moves the unschedulable pods that may now fit, as `helps` judges them.
    pub fn move_if(&mut self, now: SimTime, helps: impl Fn(&QueuedPod) -> bool) {
        let moved: Vec<Key> = self
            .unschedulable
            .iter()
            .filter(|(_, queued)| helps(queued))
            .map(|(key, _)| key.clone())
            .collect();
        for key in moved {
            self.wake(&key, now);
        }
    }

    fn wake(&mut self, key: &Key, now: SimTime) {
        if let Some(queued) = self.unschedulable.remove(key) {
            if queued.ready_at > now {
                self.backoff.insert(key.clone(), queued);
            } else {
                self.activate(queued, now);
            }
        }
    }

    /// Moves the pods whose back-off or longest wait is over.
    pub fn flush(&mut self, now: SimTime) {
        let due: Vec<Key> = self
            .backoff
            .iter()
            .filter(|(_, queued)| queued.ready_at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            if let Some(queued) = self.backoff.remove(&key) {
                self.activate(queued, now);
            }
        }
        self.move_if(now, |queued| queued.since + UNSCHEDULABLE_MAX <= now);
    }

    /// When [`SchedulingQueue::flush`] will next have something to do.
    pub fn next_flush(&self) -> Option<SimTime> {
        let backoff = self.backoff.values().map(|queued| queued.ready_at).min();
        let stale = self.unschedulable.values().map(|queued| queued.since + UNSCHEDULABLE_MAX).min();
        backoff.into_iter().chain(stale).min()
    }

    fn activate(&mut self, mut queued: QueuedPod, now: SimTime) {
        queued.since = now;
        let place = (Reverse(queued.pod.spec.priority.unwrap_or(0)), now, self.sequence);
        self.sequence += 1;
        self.places.insert(key_of(&queued.pod), place);
        self.active.insert(place, queued);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ObjectMeta, PodSpec};

    fn pod(name: &str, priority: i32) -> Pod {
        let meta =
            ObjectMeta { name: Some(name.into()), namespace: Some("default".into()), ..Default::default() };
        Pod::new(meta, PodSpec { priority: Some(priority), ..Default::default() })
    }

    fn names(queue: &mut SchedulingQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).map(|queued| queued.pod.name().to_string()).collect()
    }

    #[test]
    fn the_highest_priority_goes_first_and_among_equals_the_longest_waiting() {
        let mut queue = SchedulingQueue::default();
        queue.add(pod("low", 0), false, SimTime(1));
        queue.add(pod("late", 5), false, SimTime(3));
        queue.add(pod("early", 5), false, SimTime(2));
        assert_eq!(names(&mut queue), ["early", "late", "low"]);
    }

    #[test]
    fn a_pod_that_may_fit_again_sits_out_its_back_off_first() {
        let mut queue = SchedulingQueue::default();
        queue.add(pod("a", 0), false, SimTime::ZERO);
        let queued = queue.pop().expect("the pod is active");
        queue.park(queued, BTreeSet::from(["NodeResourcesFit"]), SimTime::ZERO);
        assert!(!queue.has_active());
        queue.move_if(SimTime(10), |queued| queued.refusing.contains("NodeResourcesFit"));
        assert!(!queue.has_active(), "the back-off is not over");
        assert_eq!(queue.next_flush(), Some(SimTime::from_secs(1)));
        queue.flush(SimTime::from_secs(1));
        assert_eq!(names(&mut queue), ["a"]);
    }

    #[test]
    fn a_pod_that_nothing_helps_is_tried_again_after_five_minutes() {
        let mut queue = SchedulingQueue::default();
        queue.add(pod("a", 0), false, SimTime::ZERO);
        let queued = queue.pop().expect("the pod is active");
        queue.park(queued, BTreeSet::new(), SimTime::ZERO);
        assert_eq!(queue.next_flush(), Some(SimTime::from_secs(300)));
        queue.flush(SimTime::from_secs(300));
        assert!(queue.has_active());
    }
}
