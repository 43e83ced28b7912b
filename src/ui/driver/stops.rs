//! What the clock stops at: once at a moment, and every time that something happens for a reason.

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::sim::moment::Moment;
use kubeviz::sim::{Change, View};
use kubeviz::view::until::{Until, occurrence};

use super::Driver;

/// How long a moment is waited for.
const UNTIL_MAX: SimDuration = SimDuration::from_secs(900);

/// A moment to stop at, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// One of those that are offered.
    Offered(Until),
    /// One that the reader has written.
    Written(Moment),
}

impl Goal {
    fn is_met(&self, change: &Change, view: &View) -> bool {
        match self {
            Goal::Offered(until) => until.is_met(change, view),
            Goal::Written(moment) => moment.is_met(&change.key, view),
        }
    }

    /// The time, where it is one.
    fn time(&self) -> Option<SimTime> {
        match self {
            Goal::Written(moment) => moment.time(),
            Goal::Offered(_) => None,
        }
    }
}

/// What is waited for.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    until: Option<Goal>,
    /// When the moment is given up.
    limit: SimTime,
    /// The reasons of events, in the order in which they were chosen.
    reasons: Vec<String>,
    /// Reasons that can be chosen: the usual ones, and those that events have had.
    known: Vec<String>,
    /// Whether the moment has come, and the event that was waited for.
    met: bool,
    hit: Option<Hit>,
}

/// An event at whose reason the clock stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub reason: String,
    pub message: String,
}

/// The reasons that people ask about, and that need not have come up to be waited for.
const USUAL: [&str; 8] = [
    "FailedScheduling",
    "Preempted",
    "Unhealthy",
    "BackOff",
    "Killing",
    "Evicted",
    "ScalingReplicaSet",
    "SuccessfulRescale",
];

impl Stops {
    /// Takes note of the reason of an event.
    pub fn note(&mut self, change: &Change) {
        let Some((reason, _)) = occurrence(change) else { return };
        if !USUAL.contains(&reason) && !self.known.iter().any(|known| known == reason) {
            self.known.push(reason.into());
        }
    }

    /// Whether a moment is waited for.
    pub fn waits(&self) -> bool {
        self.until.is_some()
    }

    /// Whether nothing is waited for.
    pub fn is_empty(&self) -> bool {
        self.until.is_none() && self.reasons.is_empty()
    }

    /// Whether the clock stops at a write.
    pub fn at(&mut self, change: &Change, view: &View) -> bool {
        self.met |= self.until.as_ref().is_some_and(|goal| goal.is_met(change, view));
        let event =
            occurrence(change).filter(|(reason, _)| self.reasons.iter().any(|wanted| wanted == reason));
        if let Some((reason, message)) = event {
            self.hit = Some(Hit { reason: reason.into(), message: message.into() });
        }
        self.met || self.hit.is_some()
    }
}

impl Driver {
    /// The time that is waited for, if it is a time.
    pub(super) fn awaited(&self) -> Option<SimTime> {
        self.stops.until.as_ref().and_then(Goal::time)
    }

    /// How far time may go at once: not beyond the time that is waited for.
    pub(super) fn clamp(&self, target: SimTime) -> SimTime {
        self.awaited().map_or(target, |time| target.min(time.max(self.position())))
    }

    /// Stops the clock if what is waited for has come. Says what happened.
    pub(super) fn arrive(&mut self) {
        self.stops.met |= self.awaited().is_some_and(|time| self.position() >= time);
        if self.stops.met || self.stops.hit.is_some() {
            self.playing = false;
        }
        if std::mem::take(&mut self.stops.met) {
            self.stops.until = None;
        }
        self.hit = self.stops.hit.take().or(self.hit.take());
    }

    /// A moment does not come where nothing more is due, and is not waited for forever.
    pub(super) fn give_up(&mut self) {
        let Some(until) = self.stops.until.as_ref().filter(|until| until.time().is_none()) else { return };
        // Who writes a condition may go on to make it so.
        let rests = || {
            matches!(until, Goal::Offered(_))
                && !self.recording.is_in_past()
                && self.recording.live().next_activity().is_none()
        };
        if self.position() >= self.stops.limit || rests() {
            (self.missed, self.playing) = (Some(until.clone()), false);
            self.stops.until = None;
        }
    }

    /// Stops the clock, once, at a moment; or no more.
    pub fn stop_at(&mut self, until: Option<Goal>) {
        (self.stops.until, self.stops.limit) = (until, self.position() + UNTIL_MAX);
    }

    /// Stops the clock whenever an event has that reason; or no more.
    pub fn toggle_reason(&mut self, reason: String) {
        let known = self.stops.reasons.len();
        self.stops.reasons.retain(|other| *other != reason);
        if self.stops.reasons.len() == known {
            self.stops.reasons.push(reason);
        }
    }

    /// What the clock stops at.
    pub fn until(&self) -> Option<Goal> {
        self.stops.until.clone()
    }

    /// Reasons to stop at, and whether the clock does.
    pub fn reasons(&self) -> Vec<(String, bool)> {
        let known = self.stops.known.iter().map(String::as_str);
        let chosen = |reason: &str| self.stops.reasons.iter().any(|wanted| wanted == reason);
        USUAL.into_iter().chain(known).map(|reason| (reason.to_string(), chosen(reason))).collect()
    }
}
