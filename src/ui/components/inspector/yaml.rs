//! An object as YAML, and what differs between two of its revisions.

use kubeviz::view::Inspection;
use kubeviz::view::detail::Written;
use kubeviz::view::inspect::Detail;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

pub fn page(found: &Inspection, compare: Option<(u64, u64)>, lang: Lang, on: &Callback<Action>) -> Html {
    let Detail::Revisions(managed, written, fields) = &found.detail else { return html! {} };
    let newest = written.first().map_or(0, |written| written.revision);
    let (from, to) = compare.unwrap_or((newest, newest));
    let field = |(path, before, after): &(String, String, String)| {
        html! {
            <li><code>{ path.clone() }</code><del>{ before.clone() }</del><ins>{ after.clone() }</ins></li>
        }
    };
    html! {
        <>
            <div class="compare">
                { choice(tr!(lang, "inspector.from"), written, from, move |chosen| (chosen, to), on) }
                { choice(tr!(lang, "inspector.to"), written, to, move |chosen| (from, chosen), on) }
            </div>
            if from == to {
                <pre class="yaml" lang="en" tabindex="0">{ found.yaml.clone() }</pre>
                if !managed.is_empty() {
                    <details><summary lang="en">{ "managedFields" }</summary><pre class="yaml" lang="en" tabindex="0">{ managed.clone() }</pre></details>
                }
            } else if fields.is_empty() {
                <p class="empty">{ tr!(lang, "inspector.same") }</p>
            } else {
                <ul class="changes" role="list" lang="en" data-testid="changes">{ for fields.iter().map(field) }</ul>
            }
        </>
    }
}

/// A choice among the revisions of the object.
fn choice(
    label: AttrValue,
    written: &[Written],
    chosen: u64,
    pair: impl Fn(u64) -> (u64, u64) + 'static,
    on: &Callback<Action>,
) -> Html {
    let option = |one: &Written| {
        let text = format!("{} · {} · {}", one.revision, format::clock(one.time), one.actor);
        html! { <option value={one.revision.to_string()} selected={one.revision == chosen}>{ text }</option> }
    };
    let on = on.clone();
    let onchange = move |event: Event| {
        let select = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok());
        if let Some(revision) = select.and_then(|select| select.value().parse().ok()) {
            on.emit(Action::Compare(pair(revision)));
        }
    };
    html! { <label>{ label }<select {onchange}>{ for written.iter().map(option) }</select></label> }
}
