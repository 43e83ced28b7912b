//! Requests under way: how they will end is known when they leave, unless something comes between. A pod that dies breaks
//! them off, a node that is lost leaves them waiting.

use std::sync::Arc;

use super::{Network, SAMPLES_MAX};
use crate::client::wire::{Fate, Sample};
use crate::clock::SimTime;

/// How many more samples than are kept may be there before the old ones are let go.
const SAMPLES_SLACK: usize = 200;

/// Requests of which it is known how they will end, if nothing comes between.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// Which load.
    pub load: usize,
    /// How many.
    pub count: u64,
    /// When they left.
    pub sent: SimTime,
    /// When their client gives up.
    pub deadline: SimTime,
    /// How they will end.
    pub fate: Fate,
    /// The pod that works on them, and the container's place in it.
    pub server: Option<(Arc<str>, usize)>,
    /// The node it is on.
    pub node: Option<Arc<str>>,
    /// The endpoint that was chosen.
    pub endpoint: Option<Endpoint>,
    /// The sample that shows one of them.
    pub sample: Option<u64>,
    /// Whether an ingress controller stands between.
    pub upstream: bool,
}

/// `address:port`, and the uid and name of the pod.
pub(super) type Endpoint = (Arc<str>, Option<(Arc<str>, Arc<str>)>);

impl Network {
    /// Settles the requests whose fate is known by now.
    pub(super) fn land(&mut self, now: SimTime) {
        while self.flights.first_key_value().is_some_and(|((done, _), _)| *done <= now) {
            if let Some(((done, _), flight)) = self.flights.pop_first() {
                self.record(done, &flight);
            }
        }
    }

    fn record(&mut self, done: SimTime, flight: &Flight) {
        let tally = &mut Arc::make_mut(&mut self.loads[flight.load]).tally;
        tally.settle(flight.sent, done, flight.fate, flight.count);
        if let Some((shown, pod)) = &flight.endpoint {
            tally.settle_at(shown, pod.as_ref(), flight.fate, flight.count);
        }
    }

    pub(super) fn put(&mut self, done: SimTime, flight: Flight) {
        self.flights.insert((done, self.next_flight), flight);
        self.next_flight += 1;
    }

    pub(super) fn keep_sample(&mut self, mut sample: Sample) {
        sample.id = self.next_sample;
        self.next_sample += 1;
        self.samples.push(Arc::new(sample));
        if self.samples.len() > SAMPLES_MAX + SAMPLES_SLACK {
            self.samples.drain(..SAMPLES_SLACK);
        }
    }

    fn mend_sample(&mut self, id: Option<u64>, done: SimTime, fate: Fate) {
        let found = id.and_then(|id| self.samples.iter_mut().rev().find(|sample| sample.id == id));
        if let Some(sample) = found.map(Arc::make_mut) {
            (sample.done, sample.fate) = (done, fate);
        }
    }

    /// A process has ended, or with no place given a whole pod: what it was working on breaks off.
    pub(super) fn break_off(&mut self, uid: &str, place: Option<usize>, now: SimTime) {
        let with_it = |flight: &Flight| {
            flight
                .server
                .as_ref()
                .is_some_and(|(pod, at)| **pod == *uid && place.is_none_or(|place| place == *at))
        };
        for (_, mut flight) in self.take_flights(with_it) {
            flight.fate = if flight.upstream { Fate::BadGateway } else { Fate::Reset };
            self.mend_sample(flight.sample, now, flight.fate);
            self.record(now, &flight);
        }
    }

    /// A node is lost: nobody hears from what was under way there.
    pub(super) fn lose(&mut self, node: &str) {
        let there = |flight: &Flight| flight.server.is_some() && flight.node.as_deref() == Some(node);
        for (_, mut flight) in self.take_flights(there) {
            flight.fate = Fate::Unreachable;
            flight.server = None;
            self.mend_sample(flight.sample, flight.deadline, flight.fate);
            self.put(flight.deadline, flight);
        }
    }

    fn take_flights(&mut self, wanted: impl Fn(&Flight) -> bool) -> Vec<((SimTime, u64), Flight)> {
        let found: Vec<(SimTime, u64)> =
            self.flights.iter().filter(|(_, flight)| wanted(flight)).map(|(key, _)| *key).collect();
        found.into_iter().filter_map(|key| Some((key, self.flights.remove(&key)?))).collect()
    }
}
