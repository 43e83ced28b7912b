//! Steps over everything that belongs together: up to the next time at which nothing is told for a while, or back to the last.

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::sim::notable::is_story;
use kubeviz::sim::{Change, View};
use kubeviz::view::StoryLine;

use super::{Driver, EVENTS_PER_SLICE, wall_ms};

/// What follows within this time belongs to what went before.
const PAUSE: SimDuration = SimDuration::from_secs(3);
/// How long the next is waited for.
const NEXT_WITHIN: SimDuration = SimDuration::from_secs(900);
/// How long one step over works at most; the next one goes on from there.
const BUDGET_MS: f64 = 100.0;

impl Driver {
    /// To the end of what happens next.
    pub fn beat_forward(&mut self) {
        if self.recording.is_in_past() {
            let from = self.story().len();
            match end_of_beat(&self.story[from..]) {
                Some(time) => self.seek(time),
                None => self.seek(self.end()),
            }
            return;
        }
        let begun = wall_ms();
        let mut until = self.position() + NEXT_WITHIN;
        while wall_ms() - begun < BUDGET_MS
            && self.recording.live().next_activity().is_some_and(|next| next <= until)
        {
            let mut told = false;
            let mut stops = |change: &Change, _: &View| {
                told |= is_story(change);
                told
            };
            self.recording.advance_until(until, EVENTS_PER_SLICE, &mut stops);
            if told {
                until = self.position() + PAUSE;
            }
        }
        self.stepped = None;
        self.refresh();
    }

    /// To the beginning of what happened last.
    pub fn beat_back(&mut self) {
        let time = start_of_beat(self.story()).unwrap_or_default();
        self.seek(SimTime(time.0.saturating_sub(1)));
    }
}

/// The time of the last of the first lines that belong together.
fn end_of_beat(later: &[StoryLine]) -> Option<SimTime> {
    let next = |line: usize| later.get(line + 1).filter(|next| next.time.since(later[line].time) <= PAUSE);
    let last = (0..later.len()).find(|line| next(*line).is_none())?;
    Some(later[last].time)
}

/// The time of the first of the last lines that belong together.
fn start_of_beat(earlier: &[StoryLine]) -> Option<SimTime> {
    let before = |line: usize| line > 0 && earlier[line].time.since(earlier[line - 1].time) <= PAUSE;
    let first = (0..earlier.len()).rev().find(|line| !before(*line))?;
    Some(earlier[first].time)
}
