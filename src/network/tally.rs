//! Counts of requests: by fate, by second, by endpoint; and how long answers took. Every request sent is counted once more
//! when its fate is known, so that what was sent is what was answered, what was lost, and what is under way.

use sorted::SortedMap;
use std::sync::Arc;

use crate::client::wire::Fate;
use crate::clock::{SimDuration, SimTime};

/// How many seconds are kept.
const SECONDS_MAX: usize = 600;
/// How many endpoints are kept.
const ENDPOINTS_MAX: usize = 512;
/// Four steps for every doubling, from a microsecond to an hour.
const STEPS: usize = 4 * 32;

/// Requests by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fates([u64; Fate::ALL.len()]);

impl Fates {
    /// Counts some.
    pub fn add(&mut self, fate: Fate, count: u64) {
        self.0[fate as usize] += count;
    }

    /// How many had that fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.0[fate as usize]
    }

    /// How many have had any.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many were answered.
    pub fn answered(&self) -> u64 {
        self.of(Fate::Answered)
    }

    /// How many were not answered, or with an error.
    pub fn lost(&self) -> u64 {
        self.total() - self.answered()
    }

    /// The causes of loss that have occurred, with how often.
    pub fn causes(&self) -> impl Iterator<Item = (Fate, u64)> + '_ {
        let all = Fate::ALL.into_iter().filter(|fate| *fate != Fate::Answered);
        all.map(|fate| (fate, self.of(fate))).filter(|(_, count)| *count > 0)
    }

    /// All counts less those of another, which are among them.
    #[must_use]
    pub fn without(mut self, other: &Fates) -> Fates {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine -= theirs);
        self
    }

    /// Adds all counts of another.
    pub fn merge(&mut self, other: &Fates) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// How long answers took, to about a sixth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// Counts by step; as long as needed.
    steps: Vec<u64>,
    count: u64,
    max_us: u64,
}

impl Latencies {
    /// Counts some answers.
    pub fn add(&mut self, span: SimDuration, count: u64) {
        let step = step_of(span.0);
        if self.steps.len() <= step {
            self.steps.resize(step + 1, 0);
        }
        self.steps[step] += count;
        self.count += count;
        self.max_us = self.max_us.max(span.0);
    }

    /// So many out of a thousand answers took no longer than this; `None` if there are none.
    pub fn quantile(&self, per_thousand: u64) -> Option<SimDuration> {
        let wanted = (self.count * per_thousand).div_ceil(1_000).max(1);
        let mut seen = 0;
        let step = self.steps.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        step.map(|step| SimDuration(end_of(step).min(self.max_us)))
    }

    /// Adds all counts of another.
    pub fn merge(&mut self, other: &Latencies) {
        if self.steps.len() < other.steps.len() {
            self.steps.resize(other.steps.len(), 0);
        }
        self.steps.iter_mut().zip(&other.steps).for_each(|(mine, theirs)| *mine += theirs);
        self.count += other.count;
        self.max_us = self.max_us.max(other.max_us);
    }
}

/// The two bits after the first say which quarter of a doubling it is.
fn step_of(micros: u64) -> usize {
    let micros = micros.max(4);
    let log2 = 63 - micros.leading_zeros() as usize;
    let quarter = (micros >> (log2 - 2)) as usize & 3;
    (log2 * 4 + quarter).min(STEPS - 1)
}

/// The longest span that belongs to a step.
fn end_of(step: usize) -> u64 {
    let (log2, quarter) = (step / 4, step as u64 % 4);
    if log2 < 2 { 4 } else { ((4 + quarter + 1) << (log2 - 2)) - 1 }
}

/// What happened in one second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Which, from the beginning of the cluster.
    pub at: u64,
    /// Requests sent in it.
    pub sent: u64,
    /// Requests whose fate was known in it.
    pub fates: Fates,
    /// Of the answers among them.
    pub latencies: Latencies,
}

/// Requests that one endpoint was chosen for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointTally {
    /// The uid of the pod behind it.
    pub pod: Option<Arc<str>>,
    /// Its name.
    pub pod_name: Option<Arc<str>>,
    /// What became of them.
    pub fates: Fates,
}

/// All counts of one load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests sent.
    pub sent: u64,
    /// What became of them.
    pub fates: Fates,
    /// How long answers took.
    pub latencies: Latencies,
    /// By second, oldest first, as far as they are kept. Shared with snapshots.
    seconds: Arc<Vec<Arc<Second>>>,
    /// By endpoint, `address:port`.
    endpoints: Arc<SortedMap<Arc<str>, EndpointTally>>,
}

impl Tally {
    fn second(&mut self, time: SimTime) -> &mut Second {
        let at = time.0 / 1_000_000;
        let seconds = Arc::make_mut(&mut self.seconds);
        let excess = seconds.len().saturating_sub(SECONDS_MAX);
        seconds.drain(..excess);
        let place = seconds.iter().rposition(|second| second.at <= at).map_or(0, |place| place + 1);
        if place > 0 && seconds[place - 1].at == at {
            return Arc::make_mut(&mut seconds[place - 1]);
        }
        seconds.insert(place, Arc::new(Second { at, ..Default::default() }));
        Arc::make_mut(&mut seconds[place])
    }

    /// Counts requests that are sent.
    pub fn send(&mut self, time: SimTime, count: u64) {
        self.sent += count;
        self.second(time).sent += count;
    }

    /// Counts requests whose fate is known.
    pub fn settle(&mut self, sent: SimTime, done: SimTime, fate: Fate, count: u64) {
        self.fates.add(fate, count);
        let second = self.second(done);
        second.fates.add(fate, count);
        if fate == Fate::Answered {
            let span = done.since(sent);
            second.latencies.add(span, count);
            self.latencies.add(span, count);
        }
    }

    /// Counts them for their endpoint, too.
    pub fn settle_at(
        &mut self,
        endpoint: &Arc<str>,
        pod: Option<&(Arc<str>, Arc<str>)>,
        fate: Fate,
        count: u64,
    ) {
        let endpoints = Arc::make_mut(&mut self.endpoints);
        let tally = endpoints.entry(endpoint.clone()).or_default();
        if tally.pod.is_none() {
            tally.pod = pod.map(|(uid, _)| uid.clone());
            tally.pod_name = pod.map(|(_, name)| name.clone());
        }
        tally.fates.add(fate, count);
        if endpoints.len() > ENDPOINTS_MAX {
            endpoints.pop_first();
        }
    }

    /// By second, oldest first, as far as they are kept.
    pub fn seconds(&self) -> &[Arc<Second>] {
        &self.seconds
    }

    /// By endpoint.
    pub fn endpoints(&self) -> &SortedMap<Arc<str>, EndpointTally> {
        &self.endpoints
    }

    /// Requests whose fate is not known yet.
    pub fn under_way(&self) -> u64 {
        self.sent - self.fates.total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_sixth() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(500), None);
        for millis in 1..=100 {
            latencies.add(SimDuration::from_millis(millis), 10);
        }
        for (per_thousand, want) in [(500, 50_000), (950, 95_000), (990, 99_000), (1_000, 100_000)] {
            let found = latencies.quantile(per_thousand).map_or(0, |span| span.0);
            assert!((want..=want * 7 / 6).contains(&found), "{per_thousand}: {found}");
        }
    }

    #[test]
    fn what_was_sent_is_what_was_settled_and_what_is_under_way() {
        let mut tally = Tally::default();
        tally.send(SimTime::from_secs(1), 10);
        tally.settle(SimTime::from_secs(1), SimTime::from_secs(2), Fate::Answered, 7);
        tally.settle(SimTime::from_secs(1), SimTime::from_secs(3), Fate::Refused, 1);
        assert_eq!((tally.under_way(), tally.fates.answered(), tally.fates.lost()), (2, 7, 1));
        let seconds: Vec<(u64, u64, u64)> =
            tally.seconds().iter().map(|second| (second.at, second.sent, second.fates.total())).collect();
        assert_eq!(seconds, [(1, 10, 0), (2, 0, 7), (3, 0, 1)]);
    }
}
