//! The time bar: play, step, scrub, speed.

use std::rc::Rc;

use kubeviz::clock::SimTime;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::tr;
use crate::ui::driver::SPEEDS;
use crate::ui::format::{clock, span};
use crate::ui::i18n::Lang;

/// More ticks than this are not drawn.
const MARKS_MAX: usize = 150;

/// See the module. Times are in microseconds.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub lang: Lang,
    pub position: u64,
    pub end: u64,
    pub playing: bool,
    pub speed_tenths: u32,
    pub skip_idle: bool,
    pub skipped: Option<u64>,
    pub runs: usize,
    pub marks: Rc<Vec<(u64, bool)>>,
    pub compact: bool,
    pub on_play: Callback<()>,
    /// True for forwards.
    pub on_step: Callback<bool>,
    pub on_seek: Callback<u64>,
    pub on_speed: Callback<u32>,
    pub on_skip: Callback<()>,
}

fn speed_text(tenths: u32) -> String {
    if tenths.is_multiple_of(10) { format!("{}×", tenths / 10) } else { format!("0.{tenths}×") }
}

/// See the module.
#[component]
pub fn TimeBar(props: &Props) -> Html {
    let lang = props.lang;
    let button = |id: &'static str, label: AttrValue, text: &'static str, onclick: Callback<MouseEvent>| {
        html! { <button type="button" class="tool" data-testid={id} aria-label={label.clone()} title={label} {onclick}>{ text }</button> }
    };
    let play_label = if props.playing { tr!(lang, "time.pause") } else { tr!(lang, "time.play") };
    let onseek = props.on_seek.reform(|event: InputEvent| {
        event
            .target_unchecked_into::<HtmlInputElement>()
            .value()
            .parse::<f64>()
            .map_or(0, |millis| (millis * 1_000.0) as u64)
    });
    let end = props.end;
    let seek = props.on_seek.clone();
    // The end is where the run is, to the microsecond; the slider knows only milliseconds.
    let onkeydown = Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
        "Home" => {
            event.prevent_default();
            seek.emit(0);
        }
        "End" => {
            event.prevent_default();
            seek.emit(end);
        }
        _ => {}
    });
    let onspeed = props.on_speed.reform(|event: Event| {
        event.target_unchecked_into::<HtmlSelectElement>().value().parse().unwrap_or(40)
    });
    let now = clock(SimTime(props.position));
    let mark = |(time, warning): &(u64, bool)| {
        let left = *time as f64 * 100.0 / props.end.max(1) as f64;
        html! { <i class={classes!("mark", warning.then_some("is-warning"))} style={format!("left:{left}%")}></i> }
    };
    let marks = props.marks.iter().filter(|(time, _)| *time > 0).rev().take(MARKS_MAX);
    html! {
        <section class="time" aria-label={tr!(lang, "time.title")}>
            { button("step-back", tr!(lang, "time.back"), "◀", props.on_step.reform(|_| false)) }
            { button("play", play_label, if props.playing { "❚❚" } else { "▶" }, props.on_play.reform(|_| ())) }
            { button("step-forward", tr!(lang, "time.forward"), "▶|", props.on_step.reform(|_| true)) }
            <select data-testid="speed" aria-label={tr!(lang, "time.speed")} onchange={onspeed}>
                { for SPEEDS.into_iter().map(|tenths| html! {
                    <option value={tenths.to_string()} selected={tenths == props.speed_tenths}>{ speed_text(tenths) }</option>
                }) }
            </select>
            if !props.compact {
                <label class="skip-idle"><input type="checkbox" data-testid="skip-idle" checked={props.skip_idle}
                    onchange={props.on_skip.reform(|_| ())} />{ tr!(lang, "time.skip") }</label>
            }
            <span class="track">
                <span class="marks" aria-hidden="true">{ for marks.map(mark) }</span>
                <input type="range" class="scrubber" data-testid="scrubber" min="0" max={(props.end / 1_000).to_string()} step="1"
                    value={(props.position / 1_000).to_string()} aria-label={tr!(lang, "time.scrub")}
                    aria-valuetext={tr!(lang, "time.value", now = now)} oninput={onseek} {onkeydown} />
            </span>
            <span class="clock" data-testid="clock">{ now }</span>
            if let Some(seconds) = props.skipped {
                <span class="chip">{ "⏩ +" }{ span(kubeviz::clock::SimDuration::from_secs(seconds)) }</span>
            }
            if props.runs > 0 { <span class="chip">{ tr!(lang, "time.runs", count = props.runs) }</span> }
        </section>
    }
}
