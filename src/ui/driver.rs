//! The one clock of the page: turns frames into simulated time, within a budget per frame so that the page never blocks.

mod beats;
mod readings;
mod runs;
mod script;
mod stops;

use std::cell::Cell;
use std::collections::VecDeque;

use kubeviz::api::Key;
use kubeviz::api::manifest::Diagnostic;
use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::sim::config::PAGE_QUOTA;
use kubeviz::sim::hop::Hop;
use kubeviz::sim::notable::{is_background, is_counted, is_story};
use kubeviz::sim::{
    Change, Config, Grain, Input, JournalEntry, Outcome, Progress, Recording, SessionId, View,
};
use kubeviz::view::graphs::Graphs;
use kubeviz::view::readiness::Readiness;
use kubeviz::view::rollout::Curve;
use kubeviz::view::timeline::Timeline;
use kubeviz::view::why;
use kubeviz::view::{ClusterView, Stage, StoryLine, story_line};

use self::runs::Rival;
use self::script::Arrival;
use self::stops::Stops;
pub use self::stops::{Goal, Hit};
use super::components::{DENSE_NODES, TURNS};
use super::panic;
use super::shared::Shared;

/// What a frame may spend in the simulator, in milliseconds.
const FRAME_BUDGET_MS: f64 = 4.0;
/// The same of a frame that draws nothing. While something changes on a stage of many nodes, time passes in one frame and is
/// drawn in the next: whatever has changed, drawing such a stage takes the browser most of a frame. Each is done in time, where
/// both together would miss every other frame, and what else moves on the page moves with every frame.
const FULL_BUDGET_MS: f64 = 6.0;
/// A frame should take no longer than this in all, in milliseconds. Where drawing what has changed takes longer, the simulator
/// gets less time, so that less changes at once.
const FRAME_GOAL_MS: f64 = 17.0;
/// What is left to it however long frames take: on a slow machine time shall pass, too.
const LEAST_SHARE: f64 = 0.5;
/// Events between two looks at the watch.
const EVENTS_PER_SLICE: u64 = 4;
/// A frame longer than this (a tab that was hidden) does not make time jump.
const FRAME_MAX_MS: f64 = 100.0;
/// How long the stage may stand still before idle time is skipped, in milliseconds.
const IDLE_MS: f64 = 600.0;
/// How long time rests at a change at speed 1, where it passes in steps, in milliseconds.
const REST_MS: f64 = 4_000.0;
/// How far one skip looks for the next change.
const SKIP_MAX: SimDuration = SimDuration::from_secs(3_600);
/// What is done at once is done here; what every cluster does by itself is over before.
const FIRST_MOMENT: SimTime = SimTime(2_000);
/// In a cluster with more pods than this, none of them counts down.
const COUNTED: usize = 300;
/// How many events a single step may need to get to the next change.
const STEP_EVENTS: u64 = 20_000;

/// The speeds that can be chosen, in tenths.
pub const SPEEDS: [u32; 10] = [1, 2, 5, 10, 20, 40, 80, 160, 300, 600];

/// The simulation and how it is played.
pub struct Driver {
    recording: Recording,
    stage: Stage,
    curve: Curve,
    rival: Option<Rival>,
    timeline: Timeline,
    graphs: Graphs,
    rival_graphs: Option<(usize, Graphs)>,
    /// The stage at the position; another allocation only when something on it has changed.
    pub view: Shared<ClusterView>,
    /// The last write at the position.
    revision: u64,
    /// Everything worth telling, up to the end of the run.
    story: Vec<StoryLine>,
    told: u64,
    /// How many pods were ready, up to the end of the run.
    readiness: Readiness,
    /// Whether the clock stops for pods that are made without a node, up to which write that was looked for, and who came.
    asks: bool,
    met: u64,
    pub newcomers: Vec<Key>,
    stops: Stops,
    /// A moment that has not come, and an event that the clock has stopped at.
    pub missed: Option<Goal>,
    pub hit: Option<Hit>,
    /// What is going to be done, from a link; what of it is due now; and where its run is to be looked at.
    script: VecDeque<JournalEntry>,
    pub due: Option<Input>,
    arrival: Option<Arrival>,
    /// Whether time passes.
    pub playing: bool,
    /// Simulated tenths of a second per second.
    pub speed_tenths: u32,
    /// Whether time in which nothing happens is skipped.
    pub skip_idle: bool,
    /// Whether time passes in steps: to the next change that is worth telling, and a rest there.
    pub stepwise: bool,
    /// When the last such step was made, or something was done.
    rested: f64,
    /// What the last step was, where steps are finer than changes, until time passes or another time is looked at.
    pub stepped: Option<Hop>,
    /// Time skipped last, if the stage still stands where the skip led.
    pub skipped: Option<SimDuration>,
    last_frame: Option<f64>,
    last_change: f64,
    /// How often the stage has been drawn, which drawing has last changed a stage of many nodes, and whether the next frame is for
    /// drawing only.
    drawing: u32,
    busy: Option<u32>,
    draws: bool,
}

/// What a frame has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Time has passed, or stood still, and the stage shows it.
    Drawn,
    /// Time has passed; the next frame shows it.
    Undrawn,
}

/// The time by the wall, in milliseconds: only ever to ask how long something took.
pub(super) fn wall_ms() -> f64 {
    gloo::utils::window().performance().map_or(0.0, |performance| performance.now())
}

impl Driver {
    /// A new cluster of so many nodes.
    pub fn new(seed: u64, nodes: u32, speed_tenths: u32, playing: bool) -> Driver {
        let config = if nodes == 3 { Config::small(seed) } else { Config::sized(seed, nodes) };
        let mut recording =
            Recording::new(Config { host_edits: true, quota_backend_bytes: PAGE_QUOTA, ..config });
        // What every cluster does when it starts is over before anyone looks.
        recording.advance(FIRST_MOMENT, u64::MAX);
        let mut driver = Driver {
            recording,
            stage: Stage::default(),
            curve: Curve::default(),
            rival: None,
            timeline: Timeline::default(),
            graphs: Graphs::default(),
            rival_graphs: None,
            view: Shared::new(ClusterView::default()),
            revision: 0,
            story: Vec::new(),
            told: 0,
            readiness: Readiness::default(),
            asks: false,
            met: 0,
            newcomers: Vec::new(),
            stops: Stops::default(),
            missed: None,
            hit: None,
            script: VecDeque::new(),
            due: None,
            arrival: None,
            playing,
            speed_tenths,
            skip_idle: true,
            stepwise: false,
            rested: 0.0,
            stepped: None,
            skipped: None,
            last_frame: None,
            last_change: wall_ms(),
            drawing: 0,
            busy: None,
            draws: false,
        };
        driver.refresh();
        driver
    }

    /// The time looked at.
    pub fn position(&self) -> SimTime {
        self.recording.position()
    }

    /// How far the run has come.
    pub fn end(&self) -> SimTime {
        self.recording.end()
    }

    /// Whether what is looked at lies in the past: doing something here begins another future.
    pub fn is_in_past(&self) -> bool {
        self.recording.is_in_past()
    }

    /// The namespace that commands work in.
    pub fn namespace(&self) -> String {
        self.recording.live().namespace().to_string()
    }

    /// Whether it is a pod that waits for a node.
    pub fn is_waiting(&self, pod: &Key) -> bool {
        self.stage.is_waiting(pod)
    }

    /// The objects at the position, for completion.
    pub fn objects(&self) -> &View {
        self.recording.view()
    }

    /// The last write at the position.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Lets a frame's worth of time pass, if time passes at all, or draws what passed in the frame before.
    pub fn frame(&mut self) -> Frame {
        if std::mem::take(&mut self.draws) && self.playing {
            self.refresh();
            return Frame::Drawn;
        }
        let now = wall_ms();
        let passed = (now - self.last_frame.unwrap_or(now)).clamp(0.0, FRAME_MAX_MS);
        self.last_frame = Some(now);
        if !self.playing {
            return Frame::Drawn;
        }
        self.stepped = None;
        let idle = self.skip_idle && now - self.last_change > IDLE_MS;
        if let Some(arrival) = self.arrival {
            self.hurry(now, arrival);
        } else if self.goes_in_steps() && self.worth_skipping().is_some() {
            if now - self.rested > REST_MS * 10.0 / f64::from(self.speed_tenths) {
                self.leap(now);
            }
        } else if let Some(until) = self.worth_skipping().filter(|_| idle) {
            self.skip(now, until, &|change| !is_background(change));
        } else {
            let micros = (passed * 100.0) as u64 * u64::from(self.speed_tenths);
            let target = self.clamp(self.position() + SimDuration::from_micros(micros));
            let (budget, goal) = if self.is_busy() {
                (FULL_BUDGET_MS, 2.0 * FRAME_GOAL_MS)
            } else {
                (FRAME_BUDGET_MS, FRAME_GOAL_MS)
            };
            let budget = budget * (goal / passed.max(1.0)).clamp(LEAST_SHARE, 1.0);
            let slice = if self.asks { 1 } else { EVENTS_PER_SLICE };
            while self.advance(target, slice) == Progress::Busy && self.due.is_none() {
                self.meet();
                if wall_ms() - now > budget || !self.newcomers.is_empty() || !self.playing {
                    break;
                }
            }
        }
        self.give_up();
        self.draws = self.is_busy() && self.playing && self.due.is_none() && self.newcomers.is_empty();
        if self.draws {
            return Frame::Undrawn;
        }
        self.refresh();
        Frame::Drawn
    }

    /// Whether very much is on the stage, and changes.
    pub fn is_busy(&self) -> bool {
        self.busy == Some(self.drawing)
    }

    /// While very much on the stage changes, and until what is drawn in turns has caught up: the drawing's number.
    pub fn turn(&self) -> Option<u32> {
        let lively = self.busy.is_some_and(|last| self.drawing - last <= TURNS);
        (self.playing && lively).then_some(self.drawing)
    }

    /// Lets time pass, up to what a link says is next, or the moment that is waited for.
    fn advance(&mut self, target: SimTime, slice: u64) -> Progress {
        let next = self.script.front().filter(|next| next.time <= target && !self.recording.is_in_past());
        if let Some(next) = next {
            let progress = self.recording.advance_to(next, slice);
            if progress == Progress::Reached {
                self.due = self.script.pop_front().map(|entry| entry.input);
            }
            return progress;
        }
        if self.stops.is_empty() {
            return self.recording.advance(target, slice);
        }
        let stops = &mut self.stops;
        let progress =
            self.recording.advance_until(target, slice, &mut |change, view| stops.at(change, view));
        self.arrive();
        progress
    }

    /// How often something was done to the cluster, up to the position.
    pub fn inputs(&self) -> usize {
        let position = self.position();
        self.recording.live().journal().entries().take_while(|entry| entry.time <= position).count()
    }

    /// Goes to just before the last thing that was done.
    pub fn undo(&mut self) {
        let done = self.inputs().checked_sub(1);
        let last = done.and_then(|at| self.recording.live().journal().get(at).map(|entry| entry.time));
        if let Some(time) = last {
            self.seek(SimTime(time.0 - 1));
        }
    }

    /// What was done to the cluster in this run, oldest first.
    pub fn journal(&self) -> impl Iterator<Item = &JournalEntry> {
        self.recording.live().journal().entries().map(|entry| &**entry)
    }

    /// Until when time may be skipped: up to what is due next, or, in the past, as far as the run went. Nothing if only
    /// heartbeats lie ahead: a cluster at rest ages as its reader does.
    fn worth_skipping(&self) -> Option<SimTime> {
        let far = self.position() + SKIP_MAX;
        if self.recording.is_in_past() {
            return Some(far);
        }
        let next = match self.script.front() {
            // What is done then is no event: the moment itself comes as time passes.
            Some(next) => Some(SimTime(next.time.0.saturating_sub(1))).filter(|time| *time > self.position()),
            None => self.recording.live().next_activity(),
        };
        // Who waits for a time need not sit through the rest that a cluster is at.
        next.or_else(|| self.awaited().map(|time| time.min(far))).filter(|time| *time <= far)
    }

    /// Notes the pods that have come without a node, if the clock is to stop for them.
    fn meet(&mut self) {
        let now = self.recording.view().revision();
        if !self.asks || now <= self.met {
            return;
        }
        self.newcomers.extend(why::newcomers(self.recording.live(), self.met, now));
        self.met = now;
    }

    /// Stops the clock, from now on, for pods that are made without a node; or no more.
    pub fn ask(&mut self, on: bool) {
        (self.asks, self.met) = (on, self.recording.view().revision());
        self.newcomers.clear();
    }

    /// Whether pods are asked about.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Whether time passes from change to change. Who waits for a moment, or is asked about each pod, is not kept waiting.
    fn goes_in_steps(&self) -> bool {
        self.stepwise && !self.stops.waits() && !self.asks
    }

    /// To the next change that is worth telling, and to the end of its moment.
    fn leap(&mut self, began: f64) {
        let found = Cell::new(false);
        let worth = |change: &Change| {
            found.set(is_story(change) || is_counted(change));
            found.get()
        };
        // Nowhere, where the cluster is at rest.
        while let Some(until) = self.worth_skipping().filter(|_| !found.get() && self.playing) {
            if self.skip(began, until, &worth) == Progress::Busy {
                return;
            }
        }
        self.recording.advance(self.position(), STEP_EVENTS);
        self.rested = began;
    }

    /// To the next change for which `worth` holds, or up to a time, as far as a frame goes.
    fn skip(&mut self, began: f64, until: SimTime, worth: &dyn Fn(&Change) -> bool) -> Progress {
        let (from, until) = (self.position(), self.clamp(until));
        let wanted = &mut self.stops;
        let mut stops = |change: &Change, view: &View| wanted.at(change, view) || worth(change);
        let mut progress = Progress::Busy;
        while progress == Progress::Busy && wall_ms() - began <= FRAME_BUDGET_MS {
            progress = self.recording.advance_until(until, EVENTS_PER_SLICE, &mut stops);
        }
        self.arrive();
        let skipped = self.position().since(from);
        self.skipped = Some(skipped).filter(|skipped| skipped.as_secs() >= 2).or(self.skipped);
        progress
    }

    /// Runs on towards a time, as far as one budget goes.
    pub fn run_to(&mut self, time: SimTime) {
        self.recording.advance(time, 1_000);
        self.refresh();
    }

    /// Forgets the time of the last frame, when playing begins again.
    pub fn restart_clock(&mut self) {
        self.last_frame = None;
        self.last_change = wall_ms();
    }

    /// Does something to the cluster at the position.
    pub fn submit(&mut self, input: Input) -> Outcome {
        let forks = self.recording.is_in_past();
        let outcome = self.recording.submit(input);
        if let Some(entry) = self.recording.live().journal().entries().last() {
            panic::remember(entry);
        }
        if forks {
            // The new future shares the past of the old one up to here.
            let kept = self.story.partition_point(|line| line.revision <= self.revision);
            self.story.truncate(kept);
            self.told = self.revision;
            self.readiness.go_back(self.revision);
            self.forget_readings();
        }
        self.last_change = wall_ms();
        // What has been done is seen before what comes of it.
        self.rested = self.last_change;
        self.refresh();
        outcome
    }

    /// What a waiting command has printed by now, its errors included, and how it has ended, if it has.
    pub fn session(&self, id: SessionId) -> Option<(String, Option<i32>)> {
        let session = self.recording.live().session(id)?;
        let code = session.is_done().then_some(session.code);
        Some((format!("{}{}", session.stdout, session.stderr), code))
    }

    /// Goes to the next step of that grain. In a cluster at rest there is none: its heartbeats alone would lead on for hours.
    pub fn step_forward(&mut self, grain: Grain) {
        self.stepped = None;
        if !self.recording.is_in_past() && self.recording.live().next_activity().is_none() {
            return;
        }
        self.stepped = self.recording.step_forward(grain, STEP_EVENTS).filter(|_| grain != Grain::Story);
        self.refresh();
    }

    /// Goes back to before the last step of that grain, which is what it tells.
    pub fn step_back(&mut self, grain: Grain) {
        self.stepped = self.recording.step_back(grain).filter(|_| grain != Grain::Story);
        self.met = self.met.min(self.recording.view().revision());
        self.refresh();
    }

    /// Looks at another time.
    pub fn seek(&mut self, time: SimTime) {
        self.recording.seek(time);
        self.met = self.recording.view().revision();
        (self.skipped, self.stepped) = (None, None);
        self.refresh();
    }

    /// What has been worth telling up to the position, oldest first.
    pub fn story(&self) -> &[StoryLine] {
        let until = self.story.partition_point(|line| line.revision <= self.revision);
        &self.story[..until]
    }

    /// All that the run has told so far, for the ticks on the time bar.
    pub fn whole_story(&self) -> &[StoryLine] {
        &self.story
    }

    /// How many pods were ready, from the beginning of the run to its end.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Brings the stage and the story up to the position.
    fn refresh(&mut self) {
        self.meet();
        self.drawing += 1;
        let revision = self.recording.view().revision();
        if revision != self.revision {
            self.revision = revision;
            let live = self.recording.live();
            let past = self.recording.is_in_past() || self.view.pods() > COUNTED;
            self.stage.measure(live.api().metrics(), if past { Default::default() } else { live.waits() });
            let view = self.stage.draw(self.recording.view(), self.recording.live().api().store());
            if !view.same_cards(&self.view) {
                self.last_change = wall_ms();
                self.skipped = self.skipped.filter(|_| self.playing);
                self.view = Shared::new(view);
                self.busy = (self.view.nodes.len() > DENSE_NODES).then_some(self.drawing);
            }
        }
        let store = self.recording.live().api().store();
        for change in store.since(self.told) {
            self.story.extend(story_line(change));
            self.stops.note(change);
            self.readiness.note(change);
        }
        self.told = store.revision();
    }
}

/// The errors of a manifest that can be found without the cluster.
pub fn lint(text: &str) -> Vec<Diagnostic> {
    kubeviz::view::lint(text)
}
