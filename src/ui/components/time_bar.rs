//! Play, pause, step, scrub.

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::view::until::Until;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::Icon;
use super::scrubber::{Scrubber, Track};
use crate::tr;
use crate::ui::driver::SPEEDS;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct TimeBarProps {
    pub playing: bool,
    pub speed_tenths: u32,
    pub skip_idle: bool,
    pub skipped: Option<SimDuration>,
    /// What the clock stops at.
    pub until: Option<Until>,
    pub position: SimTime,
    pub end: SimTime,
    pub track: Shared<Track>,
    pub events: (usize, usize),
    pub last: AttrValue,
    /// Fewer controls, for a figure.
    #[prop_or_default]
    pub small: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
    #[prop_or_default]
    pub children: Html,
}

/// The bar at the bottom.
#[component]
pub fn TimeBar(props: &TimeBarProps) -> Html {
    let TimeBarProps { playing, speed_tenths, skip_idle, position, end, lang, on, small, .. } = props;
    let lang = *lang;
    let button = |test: Option<&'static str>,
                  icon: &'static str,
                  label: AttrValue,
                  action: fn() -> Action| {
        let on = on.clone();
        html! { <button type="button" class="icon-button" data-testid={test} aria-label={label.clone()} title={label} onclick={move |_| on.emit(action())}><Icon name={icon} /></button> }
    };
    let onspeed = {
        let on = on.clone();
        move |event: Event| {
            if let Ok(tenths) = event.target_unchecked_into::<HtmlSelectElement>().value().parse() {
                on.emit(Action::Speed(tenths));
            }
        }
    };
    let onskip = {
        let on = on.clone();
        move |event: Event| {
            on.emit(Action::SkipIdle(event.target_unchecked_into::<HtmlInputElement>().checked()))
        }
    };
    let speed = |tenths: u32| html! { <option value={tenths.to_string()} selected={tenths == *speed_tenths}>{ speed_text(tenths) }</option> };
    html! {
        <section class="time" aria-label={tr!(lang, "time.label")} data-small={small.to_string()}>
            <div class="transport" role="group" aria-label={tr!(lang, "time.transport")}>
                if !small { { button(None, "first", tr!(lang, "time.first"), || Action::Seek(SimTime::ZERO)) } }
                { button(Some("step-back"), "step-back", tr!(lang, "time.back"), || Action::Step(-1)) }
                <button type="button" class="icon-button play" data-testid="play" aria-label={if *playing { tr!(lang, "time.pause") } else { tr!(lang, "time.play") }}
                    title={if *playing { tr!(lang, "time.pause") } else { tr!(lang, "time.play") }} onclick={{ let on = on.clone(); move |_| on.emit(Action::TogglePlay) }}>
                    <Icon name={if *playing { "pause" } else { "play" }} /></button>
                { button(Some("step-forward"), "step-forward", tr!(lang, "time.forward"), || Action::Step(1)) }
                if !small { { button(None, "last", tr!(lang, "time.last"), || Action::SeekEnd) } }
            </div>
            <select class="speed" data-testid="speed" aria-label={tr!(lang, "time.speed")} onchange={onspeed}>{ for SPEEDS.into_iter().map(speed) }</select>
            <Scrubber track={props.track.clone()} position={*position} end={*end} events={props.events} last={props.last.clone()} {lang} on={on.clone()} />
            <p class="clock" data-testid="clock"><span class="now">{ format::clock(*position) }</span><span class="of">{ format!(" / {}", format::clock(*end)) }</span></p>
            if let Some(skipped) = props.skipped {
                <p class="skipped" title={tr!(lang, "time.skipped", span = format::span(skipped))}><Icon name="skip" />{ format!("+{}", format::span(skipped)) }</p>
            }
            if !small {
                { until_choice(props.until, lang, on) }
                <label class="check"><input type="checkbox" data-testid="skip-idle" checked={*skip_idle} onchange={onskip} />{ tr!(lang, "time.skip_idle") }</label>
            }
            { props.children.clone() }
        </section>
    }
}

/// Runs on until a moment.
fn until_choice(until: Option<Until>, lang: Lang, on: &Callback<Action>) -> Html {
    let on = on.clone();
    let onchange = move |event: Event| {
        on.emit(Action::Until(Until::from_name(&event.target_unchecked_into::<HtmlSelectElement>().value())));
    };
    let option = |one: Until| html! { <option value={one.as_str()} selected={until == Some(one)}>{ until_text(one, lang) }</option> };
    html! {
        <select class="until" data-testid="until" aria-label={tr!(lang, "until.label")} {onchange}>
            <option value="" selected={until.is_none()}>{ tr!(lang, "until.none") }</option>
            { for Until::ALL.into_iter().map(option) }
        </select>
    }
}

/// A moment in words.
pub fn until_text(until: Until, lang: Lang) -> AttrValue {
    match until {
        Until::Ready => tr!(lang, "until.ready"),
        Until::Complete => tr!(lang, "until.complete"),
        Until::Decision => tr!(lang, "until.decision"),
        Until::Warning => tr!(lang, "until.warning"),
        Until::Failure => tr!(lang, "until.failure"),
    }
}

fn speed_text(tenths: u32) -> String {
    match tenths % 10 {
        0 => format!("{}×", tenths / 10),
        part => format!("{}.{part}×", tenths / 10),
    }
}
