//! Play, pause, step, scrub.

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::sim::Grain;
use kubeviz::sim::hop::{Deed, Hop};
use kubeviz::sim::moment::Moment;
use kubeviz::view::until::Until;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::Icon;
use super::scrubber::{Scrubber, Track};
use crate::tr;
use crate::ui::driver::{Goal, SPEEDS};
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// The choice to write a moment oneself.
const WRITTEN: &str = "written";
/// What stands before a reason in a choice's value.
const REASON: &str = "reason:";

#[derive(Properties, PartialEq)]
pub struct TimeBarProps {
    pub playing: bool,
    pub speed_tenths: u32,
    pub skip_idle: bool,
    pub skipped: Option<SimDuration>,
    /// What a step is, and what the last one was where they are finer than changes.
    pub grain: Grain,
    pub stepped: Option<Hop>,
    /// What the clock stops at.
    pub until: Option<Goal>,
    /// Reasons of events, and whether it stops at each.
    pub reasons: Vec<(String, bool)>,
    /// The run that is played, and those that were left with how far each had come.
    pub run: usize,
    pub kept: Vec<(usize, SimTime)>,
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
    let TimeBarProps {
        playing, speed_tenths, skip_idle, position, end, lang, on, small, grain, stepped, ..
    } = props;
    let lang = *lang;
    // Where there is little room, the rarer choices are folded away.
    let more = use_state_eq(|| false);
    let unfold = {
        let more = more.clone();
        move |_: MouseEvent| more.set(!*more)
    };
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
                <button type="button" class="icon-button time-unfold" data-testid="time-more" aria-expanded={more.to_string()} aria-label={tr!(lang, "time.more")}
                    title={tr!(lang, "time.more")} onclick={unfold}><Icon name="more" /></button>
                <div class="time-more" data-open={more.to_string()}>
                    { grain_choice(props, on) }
                    if !props.kept.is_empty() { { run_choice(props, on) } }
                    { until_choice(props, on) }
                    <label class="check"><input type="checkbox" data-testid="skip-idle" checked={*skip_idle} onchange={onskip} />{ tr!(lang, "time.skip_idle") }</label>
                </div>
            }
            { props.children.clone() }
            if *grain != Grain::Story { <p class="stepped" data-testid="stepped">{ stepped.as_ref().map(|step| step_text(step, lang)) }</p> }
        </section>
    }
}

/// How far a step goes.
fn grain_choice(props: &TimeBarProps, on: &Callback<Action>) -> Html {
    let (on, lang, chosen) = (on.clone(), props.lang, props.grain);
    let onchange = move |event: Event| {
        let value = event.target_unchecked_into::<HtmlSelectElement>().value();
        on.emit(Action::Grain(Grain::from_name(&value).unwrap_or(Grain::Story)));
    };
    let text = |grain: Grain| match grain {
        Grain::Story => tr!(lang, "step.story"),
        Grain::Write => tr!(lang, "step.write"),
        Grain::Hop => tr!(lang, "step.hop"),
    };
    let option = |grain: Grain| html! { <option value={grain.as_str()} selected={grain == chosen}>{ text(grain) }</option> };
    html! { <select class="until grain" data-testid="grain" aria-label={tr!(lang, "step.label")} title={tr!(lang, "step.label")} {onchange}>{ for Grain::ALL.into_iter().map(option) }</select> }
}

/// What a step was.
pub fn step_text(step: &Hop, lang: Lang) -> AttrValue {
    let object = step.object.as_ref().map_or("–".to_string(), ToString::to_string);
    let (actor, writes) = (&step.actor, step.writes);
    match step.deed {
        Deed::Hears(count) => tr!(lang, "step.hears", actor = actor, count = count),
        Deed::Reconciles => tr!(lang, "step.reconciles", actor = actor, object = object, writes = writes),
        Deed::Requeues => tr!(lang, "step.requeues", actor = actor, object = object),
        Deed::Schedules => tr!(lang, "step.schedules", actor = actor, object = object, writes = writes),
        Deed::Wakes => tr!(lang, "step.wakes", actor = actor),
        Deed::Acts => tr!(lang, "step.acts", actor = actor, object = object, writes = writes),
        Deed::Input => tr!(lang, "step.input", actor = actor, writes = writes),
        Deed::Creates => tr!(lang, "step.creates", actor = actor, object = object),
        Deed::Changes => tr!(lang, "step.changes", actor = actor, object = object),
        Deed::Deletes => tr!(lang, "step.deletes", actor = actor, object = object),
    }
}

/// Goes on with another run.
fn run_choice(props: &TimeBarProps, on: &Callback<Action>) -> Html {
    let (on, lang) = (on.clone(), props.lang);
    let onchange = move |event: Event| {
        if let Ok(run) = event.target_unchecked_into::<HtmlSelectElement>().value().parse() {
            on.emit(Action::TakeUp(run));
        }
    };
    let mut runs = props.kept.clone();
    runs.push((props.run, props.end));
    kubeviz::api::sorting::sort_by_key(&mut runs, |run| run.0);
    let option = |(number, end): (usize, SimTime)| {
        let name = format::run(number);
        let text = match number == props.run {
            true => tr!(lang, "runs.name", run = name),
            false => tr!(lang, "runs.run", run = name, end = format::clock(end)),
        };
        html! { <option value={number.to_string()} selected={number == props.run}>{ text }</option> }
    };
    html! { <select class="until runs" data-testid="runs" aria-label={tr!(lang, "runs.label")} title={tr!(lang, "runs.label")} {onchange}>{ for runs.into_iter().map(option) }</select> }
}

/// Runs on until a moment, or stops at every event with a reason.
fn until_choice(props: &TimeBarProps, on: &Callback<Action>) -> Html {
    let (on, lang, until) = (on.clone(), props.lang, props.until.clone());
    let onchange = move |event: Event| {
        let select = event.target_unchecked_into::<HtmlSelectElement>();
        let chosen = select.value();
        match chosen.strip_prefix(REASON) {
            Some(reason) => {
                on.emit(Action::StopAt(reason.to_string()));
                select.set_value("");
            }
            None if chosen == WRITTEN => {
                on.emit(Action::AskUntil);
                select.set_value("");
            }
            None => on.emit(Action::Until(Until::from_name(&chosen).map(Goal::Offered))),
        }
    };
    let reason = |(reason, chosen): &(String, bool)| {
        let mark = if *chosen { "● " } else { "○ " };
        html! { <option value={format!("{REASON}{reason}")}>{ format!("{mark}{reason}") }</option> }
    };
    let stops = props.reasons.iter().filter(|(_, chosen)| *chosen).count();
    let none = match stops {
        0 => tr!(lang, "until.none"),
        _ => tr!(lang, "until.stops", count = stops),
    };
    let option = |one: Until| html! { <option value={one.as_str()} selected={until == Some(Goal::Offered(one))}>{ until_text(one, lang) }</option> };
    html! {
        <select class="until" data-testid="until" aria-label={tr!(lang, "until.label")} {onchange}>
            <option value="" selected={until.is_none()}>{ none }</option>
            { for Until::ALL.into_iter().map(option) }
            if let Some(Goal::Written(moment)) = &until { <option value="own" selected=true>{ moment_text(moment) }</option> }
            <option value={WRITTEN}>{ tr!(lang, "until.written") }</option>
            <optgroup label={tr!(lang, "until.every")}>{ for props.reasons.iter().map(reason) }</optgroup>
        </select>
    }
}

/// A moment in words.
pub fn goal_text(goal: &Goal, lang: Lang) -> AttrValue {
    match goal {
        Goal::Offered(until) => until_text(*until, lang),
        Goal::Written(moment) => moment_text(moment),
    }
}

fn moment_text(moment: &Moment) -> AttrValue {
    match moment {
        Moment::At(time) => format::clock(*time).into(),
        Moment::When(condition) => condition.text.clone().into(),
    }
}

fn until_text(until: Until, lang: Lang) -> AttrValue {
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
