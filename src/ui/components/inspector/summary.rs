//! What an object is, what it waits for, and what it has to do with.

use kubeviz::clock::SimTime;
use kubeviz::sim::Due;
use kubeviz::view::Inspection;
use yew::prelude::*;

use super::{events, linked};
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::{Lang, attr};
use crate::ui::state::Action;

pub fn page(found: &Inspection, now: SimTime, lang: Lang, on: &Callback<Action>) -> Html {
    let row = |(label, value): &(&'static str, String)| {
        let text = rust_i18n::t!(format!("row.{label}"), locale = lang.code()).into_owned();
        html! { <div class="fact"><dt>{ attr(text.into()) }</dt><dd lang="en">{ fact(label, value, found, on) }</dd></div> }
    };
    html! {
        <>
            <dl class="facts">{ for found.rows.iter().map(row) }</dl>
            if !found.due.is_empty() {
                <h3>{ tr!(lang, "due.title") }</h3>
                <dl class="facts" data-testid="due">{ for found.due.iter().map(|due| countdown(due, now, lang)) }</dl>
            }
            if !found.links.is_empty() {
                <h3>{ tr!(lang, "inspector.links") }</h3>
                <ul class="links" role="list">{ for found.links.iter().map(|key| html! { <li>{ linked::link(key, key.to_string(), on) }</li> }) }</ul>
            }
            if let Some(latest) = found.events.first() {
                <h3>{ tr!(lang, "inspector.latest") }</h3>
                { events::event(latest, &found.links, on) }
            }
        </>
    }
}

fn countdown(due: &Due, now: SimTime, lang: Lang) -> Html {
    let what = rust_i18n::t!(format!("due.{}", due.what), locale = lang.code()).into_owned();
    let left = due.until.since(now).as_secs();
    html! { <div class="fact"><dt>{ attr(what.into()) }</dt><dd><b>{ format!("{left}s") }</b>{ format!(" · {} ", format::clock(due.until)) }<span lang="en">{ due.part.clone() }</span></dd></div> }
}

/// Labels one by one, everything else as it is.
fn fact(label: &str, value: &str, found: &Inspection, on: &Callback<Action>) -> Html {
    if !matches!(label, "labels" | "selector") {
        return if matches!(label, "owner" | "node") {
            linked::text(value, &found.links, on)
        } else {
            html! { value.to_string() }
        };
    }
    let pill = |label: &str| html! { <li class="pill">{ label.to_string() }</li> };
    html! { <ul class="pills" role="list">{ for value.split(',').map(pill) }</ul> }
}
