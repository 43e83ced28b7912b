//! The heartbeats of nodes. A kubelet renews its lease every ten seconds, for as long as it runs; a thousand of them make a
//! hundred writes a second that say nothing. So the server keeps the rhythm instead, from which the last renewal follows, and
//! a lease is written when somebody looks at it, or every few minutes with its node's status.

use std::sync::Arc;

use sorted::SortedMap;

use super::ApiServer;
use crate::clock::{SimDuration, SimTime};

/// A rhythm of renewals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The first.
    pub first: SimTime,
    /// From one to the next; more than nothing.
    pub every: SimDuration,
    /// After this there are none.
    pub until: Option<SimTime>,
}

impl Beat {
    /// The last renewal up to `now`.
    pub fn last(&self, now: SimTime) -> Option<SimTime> {
        let end = self.until.map_or(now, |until| until.min(now));
        (end >= self.first).then(|| SimTime(end.0 - (end.0 - self.first.0) % self.every.0.max(1)))
    }

    /// The first moment of the rhythm at or after `time`, whether it lasts until then or not.
    pub fn next(&self, time: SimTime) -> SimTime {
        let past = time.since(self.first);
        SimTime(self.first.0 + past.0.div_ceil(self.every.0.max(1)) * self.every.0)
    }
}

/// By node.
pub(super) type Beats = SortedMap<Arc<str>, Beat>;

impl ApiServer {
    /// Takes note of a node's rhythm; `None`: it has none any more. Only its kubelet calls this.
    pub fn set_beat(&mut self, node: &Arc<str>, beat: Option<Beat>) {
        match beat {
            Some(beat) => drop(self.beats.insert(node.clone(), beat)),
            None => drop(self.beats.remove(node)),
        }
    }

    /// Whether a node goes on renewing its lease, as far as anybody can tell.
    pub fn beats_on(&self, node: &str) -> bool {
        self.beats.get(node).is_some_and(|beat| beat.until.is_none() && beat.first <= self.now)
    }

    /// When a node's lease was last renewed, as far as its rhythm says.
    pub fn last_beat(&self, node: &str) -> Option<SimTime> {
        self.beats.get(node)?.last(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_renewal_follows_from_the_rhythm() {
        let at = SimTime::from_secs;
        let beat = Beat { first: at(3), every: SimDuration::from_secs(10), until: None };
        assert_eq!(
            [2, 3, 12, 13, 29].map(|now| beat.last(at(now))),
            [None, Some(at(3)), Some(at(3)), Some(at(13)), Some(at(23))]
        );
        assert_eq!([0, 3, 4, 13].map(|time| beat.next(at(time))), [at(3), at(3), at(13), at(13)]);
        let ended = Beat { until: Some(at(15)), ..beat };
        assert_eq!(ended.last(at(90)), Some(at(13)));
    }
}
