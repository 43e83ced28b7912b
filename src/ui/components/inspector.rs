//! One object under the glass: summary, the reasons, YAML, events.

use kubeviz::api::Key;
use kubeviz::view::{EventRow, Inspection};
use yew::prelude::*;

use super::why::Why;
use crate::tr;
use crate::ui::format::clock;
use crate::ui::i18n::{Lang, attr};
use crate::ui::shared::Shared;

/// See the module.
#[derive(Properties)]
pub struct Props {
    pub lang: Lang,
    pub inspection: Shared<Inspection>,
    pub on_select: Callback<Option<Key>>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Props) -> bool {
        self.lang == other.lang && *self.inspection == *other.inspection
    }
}

/// The parts of the inspector, of which one is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Summary,
    Why,
    Yaml,
    Events,
}

/// See the module.
#[component]
pub fn Inspector(props: &Props) -> Html {
    let part = use_state(|| Part::Summary);
    let (lang, seen) = (props.lang, &props.inspection);
    let tab = |which: Part, text: AttrValue| {
        let set = part.clone();
        let onclick = Callback::from(move |_: MouseEvent| set.set(which));
        html! { <button type="button" role="tab" aria-selected={(*part == which).to_string()} {onclick}>{ text }</button> }
    };
    let body = match *part {
        Part::Summary => summary(lang, seen, &props.on_select),
        Part::Why => html! { <Why {lang} decision={seen.why.clone()} /> },
        Part::Yaml => html! { <pre class="yaml" tabindex="0">{ &seen.yaml }</pre> },
        Part::Events => events(lang, &seen.events),
    };
    html! {
        <div class="inspector" data-testid="inspector">
            <header>
                <h2><span class="inspector-kind">{ seen.key.kind.name() }</span>{ " " }{ &*seen.key.name }</h2>
                <button type="button" class="tool" aria-label={tr!(lang, "inspector.close")} onclick={props.on_select.reform(|_| None)}>{ "✕" }</button>
            </header>
            <div class="inspector-tabs" role="tablist" aria-label={tr!(lang, "inspector.title")}>
                { tab(Part::Summary, tr!(lang, "inspector.summary")) }
                { tab(Part::Why, tr!(lang, "inspector.why")) }
                { tab(Part::Yaml, "YAML".into()) }
                { tab(Part::Events, tr!(lang, "inspector.events")) }
            </div>
            <div class="inspector-body" role="tabpanel">{ body }</div>
        </div>
    }
}

fn summary(lang: Lang, seen: &Inspection, on_select: &Callback<Option<Key>>) -> Html {
    let row = |(label, value): &(&'static str, String)| {
        let key = format!("row.{label}");
        let label = attr(std::borrow::Cow::Owned(rust_i18n::t!(&key, locale = lang.code()).into_owned()));
        html! { <><dt>{ label }</dt><dd>{ value }</dd></> }
    };
    let link = |key: &Key| {
        let target = key.clone();
        let onclick = on_select.reform(move |_| Some(target.clone()));
        html! { <button type="button" class="link" {onclick}>{ key.to_string() }</button> }
    };
    html! {
        <>
            <dl class="rows">{ for seen.rows.iter().map(row) }</dl>
            if !seen.links.is_empty() { <p class="links">{ for seen.links.iter().map(link) }</p> }
        </>
    }
}

fn events(lang: Lang, rows: &[EventRow]) -> Html {
    if rows.is_empty() {
        return html! { <p class="none">{ tr!(lang, "inspector.no_events") }</p> };
    }
    let row = |row: &EventRow| {
        html! {
            <li class={classes!(row.warning.then_some("is-warning"))}>
                <span class="story-head"><time>{ clock(row.time) }</time><b>{ &row.reason }</b>
                    if row.count > 1 { <span>{ format!("×{}", row.count) }</span> }</span>
                <span class="story-text">{ &row.message }</span>
                <span class="story-object">{ &row.from }</span>
            </li>
        }
    };
    html! { <ol class="events">{ for rows.iter().map(row) }</ol> }
}
