//! The track of time: where one is, where something happened, how far the run has come.

use kubeviz::clock::SimTime;
use web_sys::{HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// What the track shows besides the position; changes only when something happens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// What the whole width stands for, in milliseconds.
    pub span_ms: u64,
    /// An SVG path over 1,000 by 10: a tick per moment in which something happened.
    pub ticks: String,
    /// The same for bad news.
    pub warnings: String,
    /// The same for what people did.
    pub commands: String,
}

impl Track {
    /// A round span that holds `end`, so that the picture stands still while time passes.
    pub fn span_for(end: SimTime) -> u64 {
        const ROUND: [u64; 9] = [10, 20, 30, 60, 120, 300, 600, 1_200, 1_800];
        let secs = end.0.div_ceil(1_000_000);
        ROUND.into_iter().find(|span| secs <= *span).unwrap_or(secs.div_ceil(3_600) * 3_600) * 1_000
    }

    /// A path of ticks at the given times, at most one per pixel.
    pub fn path(times: impl Iterator<Item = SimTime>, span_ms: u64) -> String {
        let mut path = String::new();
        let mut last = None;
        for time in times {
            let x = (time.0 / 1_000).saturating_mul(1_000) / span_ms.max(1);
            if last != Some(x) && x <= 1_000 {
                path += &format!("M{x} 0v10");
                last = Some(x);
            }
        }
        path
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
            <svg class="scrubber-marks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
                <path class="ticks" d={track.ticks.clone()} /><path class="warnings" d={track.warnings.clone()} /><path class="commands" d={track.commands.clone()} />
            </svg>
            <input type="range" data-testid="scrubber" min="0" max={track.span_ms.to_string()} step="1" value={(position.0 / 1_000).to_string()}
                aria-label={tr!(*lang, "time.scrubber")} aria-valuetext={text} {oninput} {onkeydown} />
        </div>
    }
}

fn seconds(time: SimTime) -> String {
    format!("{}.{}", time.0 / 1_000_000, time.0 / 100_000 % 10)
}
