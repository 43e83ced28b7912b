//! A lane per pod: its states as bars along the track of time, and the warnings about it as flags.

use kubeviz::api::Key;
use kubeviz::clock::SimTime;
use kubeviz::view::filter::Meant;
use kubeviz::view::timeline::{Lane, Span};
use web_sys::HtmlElement;
use yew::prelude::*;

use super::Icon;
use super::timeline_graphs::{GraphRow, graphs};
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// What the view shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// The lanes shown, in order of creation.
    pub lanes: Shared<Vec<Lane>>,
    /// How many earlier ones are not.
    pub earlier: usize,
    /// What the width begins with, and what it stands for, in microseconds.
    pub from: u64,
    pub span: u64,
    /// How much of the end is shown, in seconds; nothing for all.
    pub window: u32,
    /// The time looked at.
    pub now: SimTime,
    /// The graphs shown, and how many others there are.
    pub graphs: Shared<Vec<GraphRow>>,
    pub more: usize,
    /// The runs that were left, and which of them is laid over this one.
    pub others: Vec<usize>,
    pub against: Option<usize>,
}

#[derive(Properties, PartialEq)]
pub struct TimelineViewProps {
    pub lanes: Lanes,
    /// What is looked for; nothing if all is.
    pub meant: Option<Shared<Meant>>,
    pub selected: Option<Key>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module. A click on a lane leads to the moment, one on its name to the pod.
#[component]
pub fn TimelineView(props: &TimelineViewProps) -> Html {
    let TimelineViewProps {
        lanes: all @ Lanes { lanes, earlier, from, span, window, now, .. },
        meant,
        selected,
        lang,
        on,
    } = props;
    let scale = Scale { from: *from, span: (*span).max(1) };
    let seek = {
        let (on, from, span) = (on.clone(), scale.from, scale.span);
        Callback::from(move |event: MouseEvent| {
            let Some(track) = event
                .current_target()
                .and_then(|track| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(track).ok())
            else {
                return;
            };
            let place = track.get_bounding_client_rect();
            let share =
                ((f64::from(event.client_x()) - place.left()) / place.width().max(1.0)).clamp(0.0, 1.0);
            on.emit(Action::Seek(SimTime(from + (share * span as f64) as u64)));
        })
    };
    let lane = |lane: &Lane| {
        let off = meant.as_ref().is_some_and(|meant| !meant.has_lane(lane));
        let lit = Lit { selected: selected.as_ref() == Some(&lane.key), off };
        row(lane, &scale, *now, lit, &seek, *lang, on)
    };
    html! {
        <section class="timeline" data-testid="timeline" aria-label={tr!(*lang, "timeline.label")}>
            if lanes.is_empty() { <p class="empty">{ tr!(*lang, "timeline.none") }</p> } else { { choice(*window, *lang, on) } }
            { graphs(all, &seek, *lang, on) }
            if *earlier > 0 { <p class="hint">{ tr!(*lang, "timeline.earlier", count = earlier) }</p> }
            <ul role="list">{ for lanes.iter().map(lane) }</ul>
            if !lanes.is_empty() { <p class="timeline-axis"><span>{ format::clock(SimTime(scale.from)) }</span><span>{ format::clock(SimTime(scale.from + scale.span)) }</span></p> }
        </section>
    }
}

/// How much of the end to show.
fn choice(window: u32, lang: Lang, on: &Callback<Action>) -> Html {
    let chosen = on.reform(|event: Event| {
        let list = event.target_dyn_into::<web_sys::HtmlSelectElement>();
        Action::Window(list.and_then(|list| list.value().parse().ok()).unwrap_or(0))
    });
    let option = |seconds: u32| {
        let text = match seconds {
            0 => tr!(lang, "timeline.all"),
            60 => tr!(lang, "timeline.minute"),
            _ => tr!(lang, "timeline.minutes", count = seconds / 60),
        };
        html! { <option value={seconds.to_string()} selected={seconds == window}>{ text }</option> }
    };
    html! { <label class="timeline-window">{ tr!(lang, "timeline.window") }<select onchange={chosen}>{ for [0, 3_600, 600, 60].into_iter().map(option) }</select></label> }
}

struct Scale {
    from: u64,
    span: u64,
}

impl Scale {
    /// A moment in per cent of the width.
    fn at(&self, time: SimTime) -> String {
        percent(time.0.saturating_sub(self.from).min(self.span), self.span)
    }

    /// The style of a bar from one moment to another; nothing if none of it is shown.
    fn bar(&self, from: SimTime, to: SimTime) -> Option<String> {
        let (start, end) = (from.0.max(self.from), to.0.min(self.from + self.span));
        (to.0 >= self.from && end >= start)
            .then(|| format!("left:{};width:{}", self.at(SimTime(start)), percent(end - start, self.span)))
    }
}

/// With three places.
fn percent(part: u64, whole: u64) -> String {
    let mille = u128::from(part) * 100_000 / u128::from(whole.max(1));
    format!("{}.{:03}%", mille / 1_000, mille % 1_000)
}

/// Whether a lane is under the glass, and whether another is looked for.
#[derive(Clone, Copy)]
struct Lit {
    selected: bool,
    off: bool,
}

fn row(
    lane: &Lane,
    scale: &Scale,
    now: SimTime,
    Lit { selected, off }: Lit,
    seek: &Callback<MouseEvent>,
    lang: Lang,
    on: &Callback<Action>,
) -> Html {
    let select = {
        let (on, key) = (on.clone(), lane.key.clone());
        move |_: MouseEvent| on.emit(Action::Select(Some(key.clone())))
    };
    let end = lane.end.map_or(now, |(_, time)| time);
    let bar = |(at, span): (usize, &Span)| {
        let until = lane.spans.get(at + 1).map_or(end, |next| next.time);
        let bar = scale.bar(span.time, until);
        bar.map(|style| html! { <span class="timeline-bar" data-status={span.class.as_str()} {style} title={moment(span)}></span> })
    };
    let flag = |(_, time, reason): &(u64, SimTime, String)| {
        html! { <span class="timeline-flag" style={format!("left:{}", scale.at(*time))} title={format!("{} {reason}", format::clock(*time))}></span> }
    };
    let last = lane.spans.last();
    let icon = if lane.end.is_some() { "gone" } else { last.map_or("wait", |span| span.class.as_str()) };
    let (head, tail) = format::split_name(&lane.key.name);
    html! {
        <li class="timeline-lane" data-off={off.then_some("")} key={lane.uid.clone()} data-lane={lane.key.name.to_string()}>
            <button type="button" class="timeline-name" aria-pressed={selected.to_string()} onclick={select} aria-label={told(lane, lang)}>
                <Icon name={icon} /><span class="pod-name"><span class="head">{ head.to_string() }</span><span class="tail">{ tail.to_string() }</span></span></button>
            <div class="timeline-track" onclick={seek.clone()}>{ for lane.spans.iter().enumerate().filter_map(bar) }{ for lane.warnings.iter().filter(|(_, time, _)| time.0 >= scale.from).map(flag) }
                <span class="timeline-now" style={format!("left:{}", scale.at(now))}></span></div>
        </li>
    }
}

/// A state and when it began.
fn moment(span: &Span) -> String {
    let place = if span.node.is_empty() { String::new() } else { format!(" · {}", span.node) };
    format!("{} {}{place}", format::clock(span.time), span.status)
}

/// The whole lane in words.
fn told(lane: &Lane, lang: Lang) -> AttrValue {
    let mut moments: Vec<String> = lane.spans.iter().map(moment).collect();
    moments
        .extend(lane.end.map(|(_, time)| tr!(lang, "timeline.gone", time = format::clock(time)).to_string()));
    format!("{}: {}", lane.key.name, moments.join(", ")).into()
}
