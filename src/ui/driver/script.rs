//! The run of a link: what is done in it, when, and where it is to be looked at.

use kubeviz::clock::SimTime;
use kubeviz::sim::{JournalEntry, Progress};

use super::{Driver, EVENTS_PER_SLICE, wall_ms};

/// What a frame may spend while the run comes to where it is to be looked at, in milliseconds: nothing is seen to move.
const HURRY_BUDGET_MS: f64 = 14.0;

/// Where the run of a link is to be looked at.
#[derive(Clone, Copy)]
pub struct Arrival {
    position: SimTime,
    end: SimTime,
}

impl Driver {
    /// Does what a link says, when its time comes, and looks at its run there as soon as it has come that far.
    pub fn follow_script(&mut self, script: Vec<JournalEntry>, end: SimTime, position: Option<SimTime>) {
        let end = script.last().map_or(end, |last| end.max(last.time));
        self.script = script.into();
        self.arrival = position.map(|position| Arrival { position, end: end.max(position) });
        self.playing |= position.is_some();
    }

    /// Whether the run of a link has yet to come to where it is to be looked at.
    pub fn is_arriving(&self) -> bool {
        self.arrival.is_some()
    }

    /// From now on the run is another than the link's.
    pub fn leave_script(&mut self) {
        (self.arrival, self.due) = (None, None);
        self.script.clear();
    }

    /// Runs on as fast as it goes.
    pub(super) fn hurry(&mut self, began: f64, arrival: Arrival) {
        while wall_ms() - began < HURRY_BUDGET_MS && self.due.is_none() {
            if self.advance(arrival.end, EVENTS_PER_SLICE) == Progress::Reached && self.due.is_none() {
                (self.arrival, self.playing) = (None, false);
                self.recording.seek(arrival.position);
                return;
            }
        }
    }
}
