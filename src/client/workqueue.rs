//! The keys that a controller has still to look at: each at most once, in order of arrival, with a back-off for
//! those that keep failing.

use std::collections::VecDeque;

use sorted::SortedMap;

use crate::api::Key;
use crate::api::meta::Revision;
use crate::clock::SimDuration;

/// How a key that failed is tried again: each time after twice as long (`ItemExponentialFailureRateLimiter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// The wait before the first.
    pub first: SimDuration,
    /// The longest wait.
    pub longest: SimDuration,
    /// How many there are before the key is dropped, until something changes.
    pub most: u32,
}

impl Retries {
    /// `DefaultControllerRateLimiter`, and no end.
    pub const DEFAULT: Retries = Retries {
        first: SimDuration::from_millis(5),
        longest: SimDuration::from_secs(1_000),
        most: u32::MAX,
    };
}

/// A queue of keys without duplicates. A key carries no payload but the write that last put it here: whoever takes
/// it looks at the state of the object as it is by then.
#[derive(Clone, Debug, Default)]
pub struct WorkQueue {
    order: VecDeque<Key>,
    causes: SortedMap<Key, Option<Revision>>,
    failures: SortedMap<Key, u32>,
    later: Vec<(Key, SimDuration)>,
}

impl WorkQueue {
    /// Adds a key because of the write `cause`, or as a matter of routine; only the cause is renewed if the key waits already.
    pub fn add(&mut self, key: Key, cause: Option<Revision>) {
        match self.causes.get_mut(&key) {
            Some(known) => *known = cause.or(*known),
            None => {
                self.causes.insert(key.clone(), cause);
                self.order.push_back(key);
            }
        }
    }

    /// Whether every key that waits does so as a matter of routine.
    pub fn is_routine(&self) -> bool {
        self.causes.values().all(Option::is_none)
    }

    /// Adds a key after a delay, unless it waits or comes sooner anyway (`AddAfter`). Whoever owns the queue keeps the time.
    pub fn add_after(&mut self, key: Key, delay: SimDuration) {
        self.later.push((key, delay));
    }

    /// Takes the keys that were added with a delay.
    pub fn take_later(&mut self) -> Vec<(Key, SimDuration)> {
        std::mem::take(&mut self.later)
    }

    /// Takes the key that has waited longest, and what put it here.
    pub fn pop(&mut self) -> Option<(Key, Option<Revision>)> {
        let key = self.order.pop_front()?;
        let cause = self.causes.remove(&key).flatten();
        Some((key, cause))
    }

    /// The key that is taken next.
    pub fn first(&self) -> Option<&Key> {
        self.order.front()
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no key waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Notes that work on a key failed, and says how long to wait before the next try; `None` if that was the last.
    pub fn failed(&mut self, key: &Key, retries: Retries) -> Option<SimDuration> {
        let failures = self.failures.entry(key.clone()).or_default();
        if *failures >= retries.most {
            self.forget(key);
            return None;
        }
        let wait = retries.first.doubled(*failures, retries.longest);
        *failures = failures.saturating_add(1);
        Some(wait)
    }

    /// Notes that work on a key succeeded: its back-off starts anew.
    pub fn forget(&mut self, key: &Key) {
        self.failures.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_waiting_key_is_not_queued_twice_and_keeps_its_place() {
        let key = |name| Key::new(Kind::POD, "default", name);
        let mut queue = WorkQueue::default();
        queue.add(key("a"), Some(1));
        queue.add(key("b"), Some(2));
        queue.add(key("a"), Some(3));
        assert_eq!(queue.pop(), Some((key("a"), Some(3))));
        assert_eq!(queue.pop(), Some((key("b"), Some(2))));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_failing_key_waits_twice_as_long_each_time_until_it_succeeds_or_is_dropped() {
        let key = Key::new(Kind::POD, "default", "a");
        let mut queue = WorkQueue::default();
        let mut waits = |retries: Retries, tries: usize| -> Vec<Option<u64>> {
            let waits = (0..tries).map(|_| queue.failed(&key, retries).map(SimDuration::as_millis)).collect();
            queue.forget(&key);
            waits
        };
        assert_eq!(waits(Retries::DEFAULT, 3), [Some(5), Some(10), Some(20)]);
        let few = Retries { first: SimDuration::from_secs(1), longest: SimDuration::from_secs(2), most: 3 };
        let second = [Some(1_000), Some(2_000), Some(2_000), None, Some(1_000)];
        assert_eq!(waits(few, 5), second);
    }
}
