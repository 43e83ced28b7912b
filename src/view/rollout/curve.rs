//! How the counts of a workload went.

use crate::api::meta::Revision as Write;
use crate::api::{Key, MetaExt};
use crate::apiserver::{Store, View};
use crate::clock::{SimDuration, SimTime};
use crate::view::WorkloadCard;
use crate::view::because::{Answer, recorded};
use crate::view::inspect::Decision;
use crate::view::workloads::workload_card;

/// The counts of a workload at one write of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The write.
    pub revision: Write,
    /// When.
    pub time: SimTime,
    /// Pods there are.
    pub current: i32,
    /// Pods available.
    pub available: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Pods that are wanted.
    pub desired: i32,
    /// The least that should be available; what is wanted, where there is no bound.
    pub floor: i32,
    /// Whether the floor has been reached before: what has never been up cannot be down.
    pub up: bool,
}

impl Point {
    /// Whether all that are wanted are there, of the newest template and available, and no others.
    pub fn is_complete(&self) -> bool {
        [self.current, self.updated, self.available].iter().all(|count| *count == self.desired)
    }

    /// Whether fewer are available than should be.
    pub fn is_short(&self) -> bool {
        self.up && self.available < self.floor
    }
}

/// How the counts of a workload went, read off its status at every write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    of: Option<(Key, String)>,
    read: Write,
    points: Vec<Point>,
    decisions: Vec<Decision>,
}

impl Curve {
    /// Goes on up to a write, or back to it; begins anew for another workload.
    pub fn follow(&mut self, key: &Key, view: &View, log: &Store) {
        let of = view.object(key).map(|object| (key.clone(), object.uid().to_string()));
        let upto = view.revision();
        if self.of != of {
            *self = Curve { of, ..Curve::default() };
        }
        if upto < self.read {
            self.points.retain(|point| point.revision <= upto);
            self.decisions.retain(|decision| decision.revision <= upto);
        } else {
            let new = log.since(self.read).take_while(|change| change.revision <= upto);
            for change in new.filter(|change| change.key == *key) {
                let card = change.after.as_deref().and_then(workload_card);
                let uid = change.after.as_ref().map(|object| object.uid().to_string());
                if uid == self.of.as_ref().map(|(_, uid)| uid.clone()) {
                    let up = self.points.last().is_some_and(|last| last.up || last.available >= last.floor);
                    self.points.extend(card.map(|card| point(change.revision, change.time, &card, up)));
                    let (revision, time) = (change.revision, change.time);
                    let decision = |explain| Decision { revision, time, explain };
                    self.decisions.extend(change.explain.clone().map(decision));
                }
            }
        }
        self.read = upto;
    }

    /// The counts, oldest first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The last step that its controller told of.
    pub fn last_step(&self) -> Option<Answer> {
        self.decisions.last().and_then(recorded)
    }

    /// For how long, from a time up to another, fewer pods were available than the floor asks for, and for how long none.
    pub fn shortfall(&self, since: SimTime, now: SimTime) -> (SimDuration, SimDuration) {
        let (mut below, mut none) = (0, 0);
        for (at, point) in self.points.iter().enumerate() {
            let end = self.points.get(at + 1).map_or(now, |next| next.time);
            let span = end.since(point.time.max(since)).0;
            if end > since {
                below += if point.is_short() { span } else { 0 };
                none += if point.is_short() && point.available == 0 { span } else { 0 };
            }
        }
        (SimDuration(below), SimDuration(none))
    }
}

fn point(revision: Write, time: SimTime, card: &WorkloadCard, up: bool) -> Point {
    Point {
        revision,
        time,
        current: card.current,
        available: card.available,
        updated: card.updated,
        desired: card.desired,
        floor: card.floor.unwrap_or(card.desired),
        up,
    }
}
