//! One object under the glass.

mod events;
mod linked;
mod logs;
mod menu;
mod summary;
mod yaml;

use kubeviz::api::{Key, Kind};
use kubeviz::clock::SimTime;
use kubeviz::view::{Inspection, StoryLine};
use web_sys::KeyboardEvent;
use yew::prelude::*;

use self::menu::Menu;
use super::Icon;
use super::event_list::EventList;
use super::why::{Fixes, WhyPanel};
use crate::tr;
use crate::ui::i18n::Lang;
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
    /// Whether what can be done with it is listed.
    pub menu: bool,
    /// The two revisions that are compared.
    pub compare: Option<(u64, u64)>,
    /// The time looked at, in whole seconds, while something is counted down to.
    pub second: u64,
    pub story: Shared<Vec<StoryLine>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The object in its pages, or the story if there is none.
#[component]
pub fn Inspector(props: &InspectorProps) -> Html {
    let InspectorProps { selected, story, lang, on, .. } = props;
    match selected {
        Some(key) => pages(key, props),
        None => html! {
            <section class="inspector" data-testid="inspector" aria-label={tr!(*lang, "events.title")} data-empty="true">
                <div class="panel-head"><h2>{ tr!(*lang, "events.title") }</h2></div>
                <div class="panel-body" tabindex="0"><EventList story={story.clone()} lang={*lang} on={on.clone()} /></div>
            </section>
        },
    }
}

#[inline(never)]
fn pages(key: &Key, props: &InspectorProps) -> Html {
    let InspectorProps { inspection, fixes, tab, menu, compare, second, lang, on, .. } = props;
    let close = {
        let on = on.clone();
        move |_: MouseEvent| on.emit(Action::Select(None))
    };
    let list = {
        let (on, open) = (on.clone(), !menu);
        move |_: MouseEvent| on.emit(Action::Menu(open))
    };
    let body = match inspection {
        None => html! { <p class="empty">{ tr!(*lang, "inspector.absent") }</p> },
        Some(found) => match tab {
            InspectorTab::Why => {
                html! { <WhyPanel inspection={found.clone()} fixes={fixes.clone()} lang={*lang} on={on.clone()} /> }
            }
            InspectorTab::Yaml => yaml::page(found, *compare, *lang, on),
            InspectorTab::Events => events::page(found, *lang, on),
            InspectorTab::Logs => logs::page(found, *lang),
            InspectorTab::Summary => summary::page(found, SimTime::from_secs(*second), *lang, on),
        },
    };
    let pages: Vec<InspectorTab> = InspectorTab::ALL
        .into_iter()
        .filter(|tab| *tab != InspectorTab::Logs || key.kind == Kind::POD)
        .collect();
    html! {
        <section class="inspector" data-testid="inspector" aria-label={tr!(*lang, "inspector.label")} data-empty="false">
            <div class="panel-head">
                <h2><span class="kind">{ key.kind.name() }</span>{ key.name.to_string() }</h2>
                if inspection.is_some() { <button type="button" class="button small" data-testid="menu" aria-expanded={menu.to_string()} aria-controls={menu.then_some("menu")} title={tr!(*lang, "menu.hint")} onclick={list}>{ tr!(*lang, "menu.title") }</button> }
                <button type="button" class="icon-button" aria-label={tr!(*lang, "close")} onclick={close}><Icon name="close" /></button>
            </div>
            if let Some(found) = inspection.as_ref().filter(|_| *menu) { <Menu inspection={found.clone()} lang={*lang} on={on.clone()} /> }
            { tabs(*tab, pages, *lang, on) }
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
        InspectorTab::Logs => "logs",
    }
}

/// The tabs: one stop, arrow keys turn the pages.
fn tabs(current: InspectorTab, pages: Vec<InspectorTab>, lang: Lang, on: &Callback<Action>) -> Html {
    let tab = |tab: InspectorTab| {
        let text = match tab {
            InspectorTab::Summary => tr!(lang, "inspector.summary"),
            InspectorTab::Why => tr!(lang, "inspector.why"),
            InspectorTab::Yaml => AttrValue::Static("YAML"),
            InspectorTab::Events => tr!(lang, "inspector.events"),
            InspectorTab::Logs => tr!(lang, "inspector.logs"),
        };
        let on = on.clone();
        let here = tab == current;
        html! {
            <button type="button" role="tab" id={format!("tab-{}", tab_name(tab))} aria-selected={here.to_string()} aria-controls="inspector-page"
                tabindex={if here { "0" } else { "-1" }} onclick={move |_| on.emit(Action::Tab(tab))}>{ text }</button>
        }
    };
    let buttons: Html = pages.iter().copied().map(tab).collect();
    let onkeydown = {
        let on = on.clone();
        move |event: KeyboardEvent| {
            let at = pages.iter().position(|tab| *tab == current).unwrap_or(0);
            let to = match event.code().as_str() {
                "ArrowRight" => (at + 1) % pages.len(),
                "ArrowLeft" => (at + pages.len() - 1) % pages.len(),
                _ => return,
            };
            event.prevent_default();
            on.emit(Action::Tab(pages[to]));
            if let Some(tab) =
                gloo::utils::document().get_element_by_id(&format!("tab-{}", tab_name(pages[to])))
            {
                use wasm_bindgen::JsCast;
                // Focusing a tab that is on screen does not fail.
                let _ = tab.unchecked_into::<web_sys::HtmlElement>().focus();
            }
        }
    };
    html! { <div class="tabs" role="tablist" {onkeydown}>{ buttons }</div> }
}
