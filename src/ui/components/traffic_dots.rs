//! Requests on their way: dots that travel from the client to the Service and on to an endpoint, and end where they end. While
//! time stands still each can be asked what it is.

use std::sync::Arc;

use kubeviz::view::filter::Meant;
use kubeviz::view::traffic::{Dot, Fate, Hop, Sample, Seen};
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// What dots need besides themselves.
#[derive(Clone, PartialEq)]
pub struct Drawing {
    /// Whether time stands still.
    pub still: bool,
    /// The request that is asked about.
    pub asked: Option<Arc<Sample>>,
    /// The pods that are looked for; nothing if all are.
    pub meant: Option<Shared<Meant>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// A part of the way with the dots that are on it.
pub fn track<'a>(dots: impl Iterator<Item = &'a Dot>, drawing: &Drawing) -> Html {
    html! { <span class="way">{ for dots.map(|dot| one(dot, drawing)) }</span> }
}

fn one(dot: &Dot, drawing: &Drawing) -> Html {
    let Drawing { still, asked, lang, on, .. } = drawing;
    let sample = dot.sample.clone();
    let at = format!("transform:translateX({}.{}%)", dot.along / 10, dot.along % 10);
    let fate = dot.fate.map_or("", Fate::as_str);
    let glyph = dot.fate.map_or("", glyph);
    let drawn = if *still {
        let pressed = asked.as_ref().is_some_and(|asked| asked.id == sample.id).to_string();
        let label = story(&sample, dot.fate.is_some(), *lang);
        let ask = on.reform(move |_: MouseEvent| Action::Request(Some(sample.clone())));
        html! { <button type="button" class="dot" tabindex="-1" data-fate={fate} aria-pressed={pressed} aria-label={label.clone()} title={label} onclick={ask}>{ glyph }</button> }
    } else {
        html! { <span class="dot" data-fate={fate} aria-hidden="true">{ glyph }</span> }
    };
    html! { <span class="dot-at" key={dot.sample.id} style={at}>{ drawn }</span> }
}

/// How a request ended, in one sign.
fn glyph(fate: Fate) -> &'static str {
    match (fate, fate.seen()) {
        (Fate::NoEndpoints | Fate::NoLocalEndpoints, _) => "⊘",
        (_, Seen::Status(200)) => "",
        (_, Seen::TimedOut | Seen::NameTimedOut) => "…",
        (_, Seen::NoName) => "?",
        _ => "×",
    }
}

/// The places on the way to the Service, as the latest of the load's requests have passed them.
pub fn stations(dots: &[Dot], load: &str, lang: Lang) -> Html {
    let latest = dots.iter().rev().find(|dot| *dot.sample.load == *load);
    let name = |hop: &Hop| match hop {
        Hop::Dns(_) => AttrValue::Static("DNS"),
        Hop::LoadBalancer(address) => format!("LB {address}").into(),
        Hop::Node(_) => AttrValue::Static("Node"),
        Hop::Ingress(name) => format!("Ingress {name}").into(),
        Hop::Service(name) => {
            let name = name.split_once('/').map_or(&**name, |(_, name)| name);
            format!("Service {name}").into()
        }
    };
    let station = |text: AttrValue| html! { <span>{ text }</span> };
    let passed = latest.iter().flat_map(|dot| dot.sample.via.iter()).map(|hop| station(name(hop)));
    html! { <p class="stations"><span>{ tr!(lang, "traffic.client") }</span>{ for passed }</p> }
}

/// The request that is asked about.
pub fn answer(sample: &Sample, lang: Lang, on: &Callback<Action>) -> Html {
    let seek = {
        let (on, time) = (on.clone(), sample.sent);
        move |_: MouseEvent| on.emit(Action::Seek(time))
    };
    let close = on.reform(|_: MouseEvent| Action::Request(None));
    html! {
        <p class="request" data-testid="request">
            <button type="button" class="link" onclick={seek}>{ sample.sent.to_string() }</button>
            <span>{ story(sample, true, lang) }</span>
            <button type="button" class="button small quiet" aria-label={tr!(lang, "traffic.close")} onclick={close}>{ "×" }</button>
        </p>
    }
}

/// A request in a sentence: where it went, and what came of it.
fn story(sample: &Sample, known: bool, lang: Lang) -> AttrValue {
    let mut way: Vec<String> = sample.via.iter().map(place).collect();
    way.extend(sample.pod_name.as_deref().or(sample.endpoint.as_deref()).map(str::to_string));
    let way = way.join(" → ");
    if !known {
        return way.into();
    }
    let took = format::micros(sample.done.0.saturating_sub(sample.sent.0));
    let fate = match &*sample.why {
        "" => sample.fate.title().to_string(),
        why => format!("{} ({why})", sample.fate.title()),
    };
    tr!(lang, "traffic.request", way = way, fate = fate, took = took)
}

fn place(hop: &Hop) -> String {
    match hop {
        Hop::Dns(name) => format!("DNS {name}"),
        Hop::LoadBalancer(address) => format!("LB {address}"),
        Hop::Node(name) => format!("Node {name}"),
        Hop::Ingress(name) => format!("Ingress {name}"),
        Hop::Service(name) => format!("Service {name}"),
    }
}
