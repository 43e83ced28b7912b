//! The palette: nodes, workloads, load and faults without YAML. Every button is a console line or a manifest, and shows it.

mod faults;
mod node;

use kubeviz::view::targets::Targets;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use self::faults::Faults;
use self::node::NodeForm;
use super::Icon;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::starters::Starter;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct PaletteProps {
    pub targets: Shared<Targets>,
    /// Whether anything has been done that can be undone.
    pub can_undo: bool,
    /// The node and the pod under the glass, if any.
    pub node: Option<AttrValue>,
    pub pod: Option<AttrValue>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn Palette(props: &PaletteProps) -> Html {
    let PaletteProps { targets, can_undo, node, pod, lang, on } = props;
    let undo = on.reform(|_: MouseEvent| Action::Undo);
    html! {
        <div class="palette panel-body" data-testid="palette" tabindex="0">
            <p class="palette-undo">
                <button type="button" class="button" data-testid="undo" disabled={!can_undo} title={tr!(*lang, "add.undo_title")} onclick={undo}><Icon name="step-back" />{ tr!(*lang, "add.undo") }</button>
            </p>
            { group(tr!(*lang, "add.workloads"), templates(*lang, on)) }
            { group(tr!(*lang, "add.node"), html! { <NodeForm nodes={targets.nodes.clone()} lang={*lang} on={on.clone()} /> }) }
            { group(tr!(*lang, "add.load"), html! { <LoadForm services={targets.services.clone()} lang={*lang} on={on.clone()} /> }) }
            { group(tr!(*lang, "add.faults"), html! { <Faults targets={targets.clone()} node={node.clone()} pod={pod.clone()} lang={*lang} on={on.clone()} /> }) }
        </div>
    }
}

fn group(title: AttrValue, body: Html) -> Html {
    html! { <section class="palette-group" aria-label={title.clone()}><h3>{ title }</h3>{ body }</section> }
}

/// Templates go into the manifest, where they can be changed.
fn templates(lang: Lang, on: &Callback<Action>) -> Html {
    let template = |starter: Starter| {
        let on = on.clone();
        html! { <button type="button" class="button small" data-template={starter.kind()} onclick={move |_| on.emit(Action::Add(starter))}>{ starter.kind() }</button> }
    };
    html! {
        <>
            <p class="hint">{ tr!(lang, "add.workloads_hint") }</p>
            <div class="palette-row">{ for Starter::TEMPLATES.into_iter().map(template) }</div>
        </>
    }
}

/// A row of the palette: a button, and the line that it runs.
fn line(text: AttrValue, line: String, on: &Callback<Action>) -> Html {
    let (on, run) = (on.clone(), line.clone());
    html! {
        <li class="palette-line">
            <button type="button" class="button small" onclick={move |_| on.emit(Action::Run(run.clone()))}>{ text }</button>
            <code>{ line }</code>
        </li>
    }
}

/// A choice among names. What was chosen and is gone gives way to the first.
fn choose(label: AttrValue, names: &[String], chosen: &str, set: Callback<String>) -> Html {
    let onchange = move |event: Event| set.emit(event.target_unchecked_into::<HtmlSelectElement>().value());
    let option = |name: &String| html! { <option value={name.clone()} selected={name == chosen}>{ name.clone() }</option> };
    html! { <label class="palette-choice"><span>{ label }</span><select {onchange}>{ for names.iter().map(option) }</select></label> }
}

/// The one that is chosen, if it is still there; otherwise the first.
fn among<'a>(names: &'a [String], chosen: &str) -> Option<&'a String> {
    names.iter().find(|name| **name == chosen).or_else(|| names.first())
}

#[derive(Properties, PartialEq)]
struct LoadFormProps {
    services: Vec<String>,
    lang: Lang,
    on: Callback<Action>,
}

const RATES: [&str; 5] = ["5", "20", "50", "200", "1000"];

#[component]
fn LoadForm(props: &LoadFormProps) -> Html {
    let LoadFormProps { services, lang, on } = props;
    let (service, rate) = (use_state(String::new), use_state(|| "20".to_string()));
    let Some(name) = among(services, &service) else {
        return html! { <p class="hint">{ tr!(*lang, "add.no_service") }</p> };
    };
    let rates: Vec<String> = RATES.iter().map(|rate| (*rate).to_string()).collect();
    let set = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |value: String| state.set(value))
    };
    html! {
        <>
            <div class="palette-row">
                { choose(AttrValue::Static("Service"), services, name, set(&service)) }
                { choose(tr!(*lang, "add.rate"), &rates, &rate, set(&rate)) }
            </div>
            <ul role="list">
                { line(tr!(*lang, "add.load_start"), format!("load svc/{name} --rate {}", *rate), on) }
                { line(tr!(*lang, "add.load_stop"), format!("load stop {name}"), on) }
            </ul>
        </>
    }
}
