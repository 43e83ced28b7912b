//! The track of time: where one is, where something happened, how far the run has come.

use kubeviz::clock::SimTime;
use kubeviz::view::StoryLine;
use kubeviz::view::readiness::Readiness;
use web_sys::{HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// What the track shows besides the position: grows as the run does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// What the whole width stands for, in milliseconds.
    span_ms: u64,
    /// How many lines of the story it shows.
    lines: usize,
    /// When something happened.
    ticks: Ticks,
    /// When something went wrong.
    warnings: Ticks,
    /// When somebody did something.
    commands: Ticks,
    /// How many pods were ready, and its outline.
    ready: Area,
    outline: AttrValue,
}

/// An SVG path over 1,000 by 10: a tick per moment, at most one per pixel.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ticks {
    path: String,
    last: Option<u64>,
}

impl Ticks {
    fn add(&mut self, time: SimTime, span_ms: u64) {
        let x = (time.0 / 1_000).saturating_mul(1_000) / span_ms.max(1);
        if self.last != Some(x) && x <= 1_000 {
            self.path += &format!("M{x} 0v10");
            self.last = Some(x);
        }
    }
}

/// A count over time as the outline of an area over 1,000 by 10, its last step kept apart: what follows in its column replaces it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Area {
    path: String,
    last: Option<(u64, u32)>,
    /// What the height stands for, and how many counts have been read.
    top: u32,
    read: usize,
}

impl Area {
    /// A round height, so that the picture stands still while more pods come.
    fn top_for(readiness: &Readiness) -> u32 {
        readiness.counts().map(|(_, count)| count).max().unwrap_or(0).max(4).next_power_of_two()
    }

    fn step(&self, (x, count): (u64, u32)) -> String {
        let y = 10_000 - u64::from(count) * 10_000 / u64::from(self.top.max(1));
        format!("H{x}V{}.{:03}", y / 1_000, y % 1_000)
    }

    fn add(&mut self, time: SimTime, count: u32, span_ms: u64) {
        let x = ((time.0 / 1_000).saturating_mul(1_000) / span_ms.max(1)).min(1_000);
        if let Some(last) = self.last.replace((x, count)).filter(|last| last.0 != x) {
            self.path += &self.step(last);
        }
        self.read += 1;
    }

    /// The whole area, the last count to the end of the width.
    fn outline(&self) -> AttrValue {
        let last = self.last.map(|last| self.step(last)).unwrap_or_default();
        format!("M0 10{}{last}H1000V10Z", self.path).into()
    }
}

impl Track {
    /// A round span that holds `end`, so that the picture stands still while time passes.
    pub fn span_for(end: SimTime) -> u64 {
        const ROUND: [u64; 9] = [10, 20, 30, 60, 120, 300, 600, 1_200, 1_800];
        let secs = end.0.div_ceil(1_000_000);
        ROUND.into_iter().find(|span| secs <= *span).unwrap_or(secs.div_ceil(3_600) * 3_600) * 1_000
    }

    /// The track of a story that has gone on since this one of `span_ms` was made, or of another; `None` if nothing is new.
    pub fn of(&self, story: &[StoryLine], readiness: &Readiness, span_ms: u64) -> Option<Track> {
        let counts = readiness.counts();
        let goes_on = self.span_ms == span_ms && self.lines <= story.len() && self.ready.read <= counts.len();
        if goes_on && self.lines == story.len() && self.ready.read == counts.len() {
            return None;
        }
        let mut track = if goes_on { self.clone() } else { Track { span_ms, ..Track::default() } };
        for line in &story[track.lines..] {
            track.ticks.add(line.time, span_ms);
            if line.warning {
                track.warnings.add(line.time, span_ms);
            }
            if line.actor == "kubectl" {
                track.commands.add(line.time, span_ms);
            }
        }
        track.lines = story.len();
        let top = Area::top_for(readiness);
        if track.ready.top != top {
            track.ready = Area { top, ..Area::default() };
        }
        for (time, count) in counts.skip(track.ready.read) {
            track.ready.add(time, count, span_ms);
        }
        track.outline = track.ready.outline();
        Some(track)
    }
}

#[derive(Properties, PartialEq)]
pub struct ScrubberProps {
    pub track: Shared<Track>,
    pub position: SimTime,
    pub end: SimTime,
    /// How many events there have been up to the position, and in all.
    pub events: (usize, usize),
    /// The last thing that happened.
    pub last: AttrValue,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// A slider over the run. Arrow keys go from event to event.
#[component]
pub fn Scrubber(props: &ScrubberProps) -> Html {
    let ScrubberProps { track, position, end, events, last, lang, on } = props;
    let oninput = {
        let on = on.clone();
        move |event: InputEvent| {
            let value = event.target_unchecked_into::<HtmlInputElement>().value_as_number();
            on.emit(Action::Seek(SimTime((value.max(0.0) * 1_000.0) as u64)));
        }
    };
    let onkeydown = {
        let (on, position) = (on.clone(), *position);
        move |event: KeyboardEvent| {
            let steps = if event.shift_key() { 10 } else { 1 };
            let ten = 10_000_000;
            let action = match event.code().as_str() {
                "ArrowRight" | "ArrowUp" => Action::Step(steps),
                "ArrowLeft" | "ArrowDown" => Action::Step(-steps),
                "PageUp" => Action::Seek(SimTime(position.0 + ten)),
                "PageDown" => Action::Seek(SimTime(position.0.saturating_sub(ten))),
                "Home" => Action::Seek(SimTime::ZERO),
                "End" => Action::SeekEnd,
                _ => return,
            };
            event.prevent_default();
            on.emit(action);
        }
    };
    let share = |time: SimTime| {
        let mille = format::per_mille((time.0 / 1_000) as i64, track.span_ms as i64);
        format!("{}.{}%", mille / 10, mille % 10)
    };
    let text = tr!(
        *lang,
        "time.value",
        seconds = seconds(*position),
        event = events.0,
        events = events.1,
        last = last
    );
    html! {
        <div class="scrubber">
            <span class="scrubber-run" style={format!("width:{}", share(*end))}></span>
            <span class="scrubber-done" style={format!("width:{}", share(*position))}></span>
            <svg class="scrubber-ready" style={format!("clip-path:inset(0 calc(100% - {}) 0 0)", share(*end))} viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><path d={track.outline.clone()} /></svg>
            <svg class="scrubber-marks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
                <path class="ticks" d={track.ticks.path.clone()} /><path class="warnings" d={track.warnings.path.clone()} /><path class="commands" d={track.commands.path.clone()} />
            </svg>
            <input type="range" data-testid="scrubber" min="0" max={track.span_ms.to_string()} step="1" value={(position.0 / 1_000).to_string()}
                aria-label={tr!(*lang, "time.scrubber")} aria-valuetext={text} {oninput} {onkeydown} />
        </div>
    }
}

fn seconds(time: SimTime) -> String {
    format!("{}.{}", time.0 / 1_000_000, time.0 / 100_000 % 10)
}
