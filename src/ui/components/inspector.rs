//! One object under the glass.

use kubeviz::api::Key;
use kubeviz::view::{EventRow, Inspection, StoryLine};
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::Icon;
use super::event_list::EventList;
use super::why::{Fixes, WhyPanel};
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::{Lang, attr};
use crate::ui::shared::Shared;
use crate::ui::state::{Action, InspectorTab};

#[derive(Properties, PartialEq)]
pub struct InspectorProps {
    pub selected: Option<Key>,
    /// What there is to say of it; nothing if it does not exist at the time looked at.
    pub inspection: Option<Shared<Inspection>>,
    /// What would let the pod run, if it waits and its reasons are looked at.
    pub fixes: Option<Fixes>,
    pub tab: InspectorTab,
    pub story: Shared<Vec<StoryLine>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The object in four pages, or the story if there is none.
#[component]
pub fn Inspector(props: &InspectorProps) -> Html {
    let InspectorProps { selected, inspection, fixes, tab, story, lang, on } = props;
    let Some(key) = selected else {
        return html! {
            <section class="inspector" data-testid="inspector" aria-label={tr!(*lang, "events.title")} data-empty="true">
                <div class="panel-head"><h2>{ tr!(*lang, "events.title") }</h2></div>
                <div class="panel-body" tabindex="0"><EventList story={story.clone()} lang={*lang} on={on.clone()} /></div>
            </section>
        };
    };
    let close = {
        let on = on.clone();
        move |_: MouseEvent| on.emit(Action::Select(None))
    };
    let body = match inspection {
        None => html! { <p class="empty">{ tr!(*lang, "inspector.absent") }</p> },
        Some(found) => page(*tab, found, fixes.clone(), *lang, on),
    };
    html! {
        <section class="inspector" data-testid="inspector" aria-label={tr!(*lang, "inspector.label")} data-empty="false">
            <div class="panel-head">
                <h2><span class="kind">{ key.kind.name() }</span>{ key.name.to_string() }</h2>
                <button type="button" class="icon-button" aria-label={tr!(*lang, "close")} onclick={close}><Icon name="close" /></button>
            </div>
            { tabs(*tab, *lang, on) }
            <div class="panel-body" role="tabpanel" id="inspector-page" aria-labelledby={format!("tab-{}", tab_name(*tab))} tabindex="0">{ body }</div>
        </section>
    }
}

fn tab_name(tab: InspectorTab) -> &'static str {
    match tab {
        InspectorTab::Summary => "summary",
        InspectorTab::Why => "why",
        InspectorTab::Yaml => "yaml",
        InspectorTab::Events => "events",
    }
}

/// The tabs: one stop, arrow keys turn the pages.
fn tabs(current: InspectorTab, lang: Lang, on: &Callback<Action>) -> Html {
    let tab = |tab: InspectorTab| {
        let text = match tab {
            InspectorTab::Summary => tr!(lang, "inspector.summary"),
            InspectorTab::Why => tr!(lang, "inspector.why"),
            InspectorTab::Yaml => AttrValue::Static("YAML"),
            InspectorTab::Events => tr!(lang, "inspector.events"),
        };
        let on = on.clone();
        let here = tab == current;
        html! {
            <button type="button" role="tab" id={format!("tab-{}", tab_name(tab))} aria-selected={here.to_string()} aria-controls="inspector-page"
                tabindex={if here { "0" } else { "-1" }} onclick={move |_| on.emit(Action::Tab(tab))}>{ text }</button>
        }
    };
    let onkeydown = {
        let on = on.clone();
        move |event: KeyboardEvent| {
            let at = InspectorTab::ALL.iter().position(|tab| *tab == current).unwrap_or(0);
            let to = match event.code().as_str() {
                "ArrowRight" => (at + 1) % 4,
                "ArrowLeft" => (at + 3) % 4,
                _ => return,
            };
            event.prevent_default();
            on.emit(Action::Tab(InspectorTab::ALL[to]));
            if let Some(tab) =
                gloo::utils::document().get_element_by_id(&format!("tab-{}", tab_name(InspectorTab::ALL[to])))
            {
                use wasm_bindgen::JsCast;
                // Focusing a tab that is on screen does not fail.
                let _ = tab.unchecked_into::<web_sys::HtmlElement>().focus();
            }
        }
    };
    html! { <div class="tabs" role="tablist" {onkeydown}>{ for InspectorTab::ALL.into_iter().map(tab) }</div> }
}

fn page(
    tab: InspectorTab,
    found: &Shared<Inspection>,
    fixes: Option<Fixes>,
    lang: Lang,
    on: &Callback<Action>,
) -> Html {
    match tab {
        InspectorTab::Summary => summary(found, lang, on),
        InspectorTab::Why => html! { <WhyPanel inspection={found.clone()} {fixes} {lang} on={on.clone()} /> },
        InspectorTab::Yaml => html! { <pre class="yaml" lang="en">{ found.yaml.clone() }</pre> },
        InspectorTab::Events => events(&found.events, lang),
    }
}

fn summary(found: &Inspection, lang: Lang, on: &Callback<Action>) -> Html {
    let row = |(label, value): &(&'static str, String)| {
        let text = rust_i18n::t!(format!("row.{label}"), locale = lang.code()).into_owned();
        html! { <div class="fact"><dt>{ attr(text.into()) }</dt><dd lang="en">{ fact(label, value) }</dd></div> }
    };
    let link = |key: &Key| {
        let (on, to) = (on.clone(), key.clone());
        html! { <li><button type="button" class="link" onclick={move |_| on.emit(Action::Select(Some(to.clone())))}>{ key.to_string() }</button></li> }
    };
    html! {
        <>
            <dl class="facts">{ for found.rows.iter().map(row) }</dl>
            if !found.links.is_empty() {
                <h3>{ tr!(lang, "inspector.links") }</h3>
                <ul class="links" role="list">{ for found.links.iter().map(link) }</ul>
            }
            if let Some(latest) = found.events.first() {
                <h3>{ tr!(lang, "inspector.latest") }</h3>
                { event(latest) }
            }
        </>
    }
}

/// Labels one by one, everything else as it is.
fn fact(label: &str, value: &str) -> Html {
    if !matches!(label, "labels" | "selector") {
        return html! { value.to_string() };
    }
    let pill = |label: &str| html! { <li class="pill">{ label.to_string() }</li> };
    html! { <ul class="pills" role="list">{ for value.split(',').map(pill) }</ul> }
}

fn events(rows: &[EventRow], lang: Lang) -> Html {
    if rows.is_empty() {
        return html! { <p class="empty">{ tr!(lang, "inspector.no_events") }</p> };
    }
    html! { <div class="object-events">{ for rows.iter().map(event) }</div> }
}

fn event(row: &EventRow) -> Html {
    html! {
        <div class="object-event" data-warning={row.warning.to_string()} lang="en">
            <p class="object-event-head"><b>{ row.reason.clone() }</b><span>{ format::clock(row.time) }</span>
                if row.count > 1 { <span class="times">{ format!("×{}", row.count) }</span> }
                <span class="from">{ row.from.clone() }</span></p>
            <p>{ row.message.clone() }</p>
        </div>
    }
}
