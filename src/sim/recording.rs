//! Time travel. A recording is a run that can be looked at anywhere and continued from anywhere: to look is to move a
//! view along the log; to act in the past is to restore a checkpoint, replay up to there and go on from it, while the
//! old future is kept as a run of its own.

mod hops;

use std::borrow::Cow;

use super::hop::Hop;
use super::input::{Input, JournalEntry, Outcome};
use super::notable::{is_background, is_counted, is_story};
use super::{Config, Simulation};
use crate::api::meta::Revision;
use crate::apiserver::{Change, View};
use crate::clock::{SimDuration, SimTime};

/// A checkpoint is taken when this much time has passed since the last one.
const CHECKPOINT_EVERY: SimDuration = SimDuration::from_secs(5);
/// When there are more checkpoints than this, every other one is dropped: replay costs more, memory less.
const CHECKPOINTS_MAX: usize = 48;
/// How many futures are kept.
const RUNS_MAX: usize = 4;

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// To the next write that people care about.
    Story,
    /// To the next write.
    Write,
    /// To the next event that is more than a heartbeat, see [`Recording::hop`].
    Hop,
}

impl Grain {
    /// From the coarsest to the finest.
    pub const ALL: [Grain; 3] = [Grain::Story, Grain::Write, Grain::Hop];

    /// Its name in addresses and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Grain::Story => "story",
            Grain::Write => "write",
            Grain::Hop => "hop",
        }
    }

    /// The grain of that name.
    pub fn from_name(name: &str) -> Option<Grain> {
        Grain::ALL.into_iter().find(|grain| grain.as_str() == name)
    }
}

/// What an [`Recording::advance`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The time asked for is reached.
    Reached,
    /// The budget of events ran out first: call again.
    Busy,
}

/// A future that was left when somebody acted in its past.
#[derive(Clone)]
pub struct Run {
    /// Which it is, counted from zero in order of their beginnings.
    pub number: usize,
    /// Where the run that was live then left it.
    pub parted_at: SimTime,
    /// The whole of it, as far as it had come.
    pub simulation: Simulation,
}

/// A run with its past.
#[derive(Clone)]
pub struct Recording {
    live: Simulation,
    checkpoints: Vec<Simulation>,
    shown: View,
    position: SimTime,
    /// The run as it stands at the position, if that was reached by single events.
    between: Option<Box<Simulation>>,
    /// The number of the live run, and of the one that begins next.
    number: usize,
    next: usize,
    runs: Vec<Run>,
}

impl Recording {
    /// A new cluster at time zero.
    pub fn new(config: Config) -> Recording {
        let live = Simulation::new(config);
        let shown = live.view().clone();
        Recording {
            checkpoints: vec![live.clone()],
            shown,
            position: live.now(),
            between: None,
            live,
            number: 0,
            next: 1,
            runs: Vec::new(),
        }
    }

    /// The run itself, as far as it has come.
    pub fn live(&self) -> &Simulation {
        &self.live
    }

    /// The time that is looked at.
    pub fn position(&self) -> SimTime {
        self.position
    }

    /// How far the run has come.
    pub fn end(&self) -> SimTime {
        self.live.now()
    }

    /// Whether what is looked at lies in the past.
    pub fn is_in_past(&self) -> bool {
        // Events that write nothing change neither time nor revision.
        self.between.is_some() || self.position < self.end() || self.shown.revision() < self.live.revision()
    }

    /// The objects as they were at the position.
    pub fn view(&self) -> &View {
        &self.shown
    }

    /// Which run it is, counted from zero.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The futures that were left and are kept, the one left last at the end.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Goes on with a future that was left, from its end; the run that was live is kept in its place. Says whether there is
    /// one of that number.
    pub fn take_up(&mut self, number: usize) -> bool {
        let Some(at) = self.runs.iter().position(|run| run.number == number) else { return false };
        let Run { parted_at, simulation, .. } = self.runs.remove(at);
        let left = std::mem::replace(&mut self.live, simulation);
        self.runs.push(Run { number: self.number, parted_at, simulation: left });
        self.number = number;
        let live = &self.live;
        self.checkpoints.retain(|checkpoint| leads_to(checkpoint, live));
        self.follow();
        true
    }

    /// The run as it stood at the position: to ask it what it would do.
    pub fn moment(&self) -> Cow<'_, Simulation> {
        if !self.is_in_past() {
            Cow::Borrowed(&self.live)
        } else if let Some(run) = &self.between {
            Cow::Borrowed(&**run)
        } else {
            Cow::Owned(replay(&self.checkpoints, &self.live, self.position, self.shown.revision()))
        }
    }

    /// The write with that revision.
    pub fn change(&self, revision: Revision) -> Option<&Change> {
        self.live.api().store().change(revision).map(|change| &**change)
    }

    /// Does something to the cluster at the position. In the past, this leaves the old future and starts a new one.
    pub fn submit(&mut self, input: Input) -> Outcome {
        if self.is_in_past() {
            self.fork();
        }
        let outcome = self.live.submit(input);
        self.follow();
        outcome
    }

    /// Moves on to `until`: through the recorded run first, then by running on, with at most `max_events` events.
    pub fn advance(&mut self, until: SimTime, max_events: u64) -> Progress {
        if self.is_in_past() {
            self.seek(until.min(self.end()));
            if until <= self.position {
                return Progress::Reached;
            }
        }
        let done = self.live.advance(until, max_events);
        self.checkpoint();
        self.follow();
        if done < max_events { Progress::Reached } else { Progress::Busy }
    }

    /// Runs on to the place of a journal's entry in the run, with at most `max_events` events; it can then be submitted.
    pub fn advance_to(&mut self, entry: &JournalEntry, max_events: u64) -> Progress {
        let progress = reach(&mut self.live, entry, max_events);
        self.checkpoint();
        self.follow();
        progress
    }

    /// Runs on until something happens that is more than a heartbeat, or nothing is due until `limit`. The position is then
    /// the moment at which it happened.
    pub fn advance_to_next_change(&mut self, limit: SimTime, max_events: u64) -> Progress {
        self.advance_until(limit, max_events, &mut |change, _| !is_background(change))
    }

    /// Runs on, through the recorded run first, until a write is made for which `stops` holds, or nothing is due until `limit`.
    /// `stops` gets each write with the cluster as it was then.
    pub fn advance_until(
        &mut self,
        limit: SimTime,
        max_events: u64,
        stops: &mut dyn FnMut(&Change, &View) -> bool,
    ) -> Progress {
        let mut left = max_events;
        while self.is_in_past() {
            if left == 0 {
                return Progress::Busy;
            }
            left -= 1;
            let next = self.shown.revision() + 1;
            let change = self.live.api().store().change(next).filter(|change| change.time <= limit).cloned();
            let Some(change) = change else {
                self.seek(limit.min(self.end()));
                return Progress::Reached;
            };
            self.show(next, change.time);
            if stops(&change, &self.shown) {
                return Progress::Reached;
            }
        }
        for _ in 0..left {
            let before = self.live.revision();
            match self.live.next_event_time() {
                Some(time) if time <= limit => self.live.step(),
                _ => {
                    self.live.advance(limit, 1);
                    self.follow();
                    return Progress::Reached;
                }
            };
            let new = self.live.api().store().since(before);
            if new.into_iter().any(|change| stops(change, self.live.view())) {
                self.checkpoint();
                self.follow();
                return Progress::Reached;
            }
        }
        self.checkpoint();
        self.follow();
        Progress::Busy
    }

    /// Looks at another time of the recorded run; times beyond its end are cut to it.
    pub fn seek(&mut self, time: SimTime) {
        let time = time.min(self.end());
        let revision = self.live.api().store().revision_at(time);
        self.show(revision, time);
    }

    /// Goes to the next write of that grain; in the past to the end of the run if there is none, at the end running on until
    /// there is (for at most `max_events` events). Says what it was, if there was one.
    pub fn step_forward(&mut self, grain: Grain, max_events: u64) -> Option<Hop> {
        if grain == Grain::Hop {
            return self.hop(max_events);
        }
        let from = self.shown.revision();
        let mut budget = max_events;
        let recorded = self.is_in_past();
        loop {
            if let Some(revision) = self.find_after(from, |change| matches_grain(change, grain)) {
                self.show(revision, self.time_of(revision));
                return self.change(revision).map(Hop::of);
            }
            // In the past, what was recorded ends first, and may end with nothing more to see.
            if recorded || budget == 0 || self.live.step().is_none() {
                self.follow();
                return None;
            }
            budget -= 1;
            self.checkpoint();
        }
    }

    /// Goes back to the moment before the last write of that grain. Says what is undone, if there was one.
    pub fn step_back(&mut self, grain: Grain) -> Option<Hop> {
        if grain == Grain::Hop {
            return self.hop_back();
        }
        let store = self.live.api().store();
        let found = (1..=self.shown.revision()).rev().find(|revision| {
            store
                .change(*revision)
                .is_some_and(|change| matches_grain(change, grain) && change.time > SimTime::ZERO)
        });
        let Some(revision) = found else {
            self.seek(SimTime::ZERO);
            return None;
        };
        let undone = self.change(revision).map(Hop::of);
        let before = self.find_before(revision, |change| matches_grain(change, grain));
        match before.filter(|before| self.time_of(*before) > SimTime::ZERO) {
            Some(before) => self.show(before, self.time_of(before)),
            None => self.show(revision - 1, self.time_of(revision - 1)),
        }
        undone
    }

    fn find_after(&self, revision: Revision, wanted: impl Fn(&Change) -> bool) -> Option<Revision> {
        self.live.api().store().since(revision).find(|change| wanted(change)).map(|change| change.revision)
    }

    fn find_before(&self, revision: Revision, wanted: impl Fn(&Change) -> bool) -> Option<Revision> {
        let store = self.live.api().store();
        (1..revision).rev().find(|revision| store.change(*revision).is_some_and(|change| wanted(change)))
    }

    fn time_of(&self, revision: Revision) -> SimTime {
        self.change(revision).map_or(SimTime::ZERO, |change| change.time)
    }

    fn show(&mut self, revision: Revision, time: SimTime) {
        let near = self.checkpoints.iter().map(Simulation::view).chain([self.live.view()]);
        let far = |view: &View| view.revision().abs_diff(revision);
        // Copies of a view share what they hold, so a leap costs what lies between it and the nearest.
        if let Some(nearest) = near.min_by_key(|view| far(view)).filter(|view| far(view) < far(&self.shown)) {
            self.shown = nearest.clone();
        }
        self.live.api().store().seek(&mut self.shown, revision);
        (self.position, self.between) = (time, None);
    }

    /// Looks at the end of the run.
    fn follow(&mut self) {
        self.shown = self.live.view().clone();
        (self.position, self.between) = (self.live.now(), None);
    }

    fn checkpoint(&mut self) {
        let last = self.checkpoints.last().map_or(SimTime::ZERO, Simulation::now);
        if self.live.now().since(last) < CHECKPOINT_EVERY {
            return;
        }
        self.checkpoints.push(self.live.clone());
        if self.checkpoints.len() > CHECKPOINTS_MAX {
            let mut index = 0;
            self.checkpoints.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }

    /// Leaves the future and goes on from the position.
    fn fork(&mut self) {
        let restored = self.moment().into_owned();
        let left = std::mem::replace(&mut self.live, restored);
        let live = &self.live;
        self.checkpoints.retain(|checkpoint| leads_to(checkpoint, live));
        self.runs.push(Run { number: self.number, parted_at: self.position, simulation: left });
        (self.number, self.next) = (self.next, self.next + 1);
        if self.runs.len() > RUNS_MAX {
            self.runs.remove(0);
        }
        self.follow();
    }
}

/// Whether a run has passed through a checkpoint: up to there both were given the same.
fn leads_to(checkpoint: &Simulation, run: &Simulation) -> bool {
    let mut given = run.journal().entries();
    let shared = checkpoint.journal().entries().all(|entry| given.next() == Some(entry));
    shared
        && checkpoint.events_done() <= run.events_done()
        && given.next().is_none_or(|next| next.events_done >= checkpoint.events_done())
}

fn matches_grain(change: &Change, grain: Grain) -> bool {
    match grain {
        Grain::Story => is_story(change) || is_counted(change),
        Grain::Write | Grain::Hop => true,
    }
}

/// The run as it stood at a position: the nearest checkpoint before it, run on with the same inputs. Same seed, same
/// inputs, same run, so what comes out is what was there.
fn replay(checkpoints: &[Simulation], run: &Simulation, position: SimTime, revision: Revision) -> Simulation {
    let usable = |checkpoint: &&Simulation| checkpoint.now() <= position && checkpoint.revision() <= revision;
    let mut simulation = checkpoints
        .iter()
        .rev()
        .find(usable)
        .cloned()
        .unwrap_or_else(|| Simulation::new(run.config().clone()));
    let inputs: Vec<_> = run.journal().entries().skip(simulation.journal().len()).cloned().collect();
    let mut inputs = inputs.into_iter().peekable();
    while simulation.revision() < revision {
        match inputs.peek().filter(|entry| entry.events_done <= simulation.events_done()) {
            Some(entry) => {
                simulation.set_now(entry.time);
                simulation.submit(entry.input.clone());
                inputs.next();
            }
            None => match simulation.next_event_time() {
                Some(time) if time <= position => {
                    simulation.step();
                }
                _ => break,
            },
        }
    }
    // Inputs that write nothing do not show in the revision.
    for entry in inputs {
        let before = entry.time < position || (entry.time == position && entry.input.writes_nothing());
        if !before {
            break;
        }
        reach(&mut simulation, &entry, u64::MAX);
        simulation.submit(entry.input.clone());
    }
    simulation.advance(position, u64::MAX);
    simulation
}

/// Runs on to where an input came.
fn reach(simulation: &mut Simulation, entry: &JournalEntry, max_events: u64) -> Progress {
    for _ in 0..max_events {
        let due = simulation.next_event_time().is_some_and(|time| time <= entry.time);
        if !due || simulation.events_done() >= entry.events_done {
            simulation.set_now(entry.time.max(simulation.now()));
            return Progress::Reached;
        }
        simulation.step();
    }
    Progress::Busy
}
