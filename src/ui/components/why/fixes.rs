//! What would let a waiting pod run: single changes that the scheduler has tried on a copy, each ready to be made.

use kubeviz::view::why::Fix;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::{Lang, attr};
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// A fix, and whether the manifest in the editor is where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    pub fix: Fix,
    pub in_manifest: bool,
}

/// What was found; nothing where it is still to be asked for, because trying takes a while in a large cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Fixes {
    OnDemand,
    Found(Shared<Vec<Remedy>>),
}

/// More than this would be no advice.
const SHOWN: usize = 8;

pub fn list(fixes: Option<&Fixes>, lang: Lang, on: &Callback<Action>) -> Html {
    let found = match fixes {
        None => return html! {},
        Some(Fixes::OnDemand) => {
            let on = on.clone();
            return html! { <p><button type="button" class="button" onclick={move |_| on.emit(Action::TryFixes)}>{ tr!(lang, "fix.try") }</button></p> };
        }
        Some(Fixes::Found(found)) => found,
    };
    html! {
        <section class="fixes" aria-label={tr!(lang, "fix.title")}>
            <h3>{ tr!(lang, "fix.title") }</h3>
            if found.is_empty() {
                <p class="hint">{ tr!(lang, "fix.nothing") }</p>
            } else {
                <p class="hint">{ tr!(lang, "fix.hint") }</p>
                <ul>{ for found.iter().take(SHOWN).map(|remedy| item(remedy, lang, on)) }</ul>
            }
        </section>
    }
}

fn item(remedy: &Remedy, lang: Lang, on: &Callback<Action>) -> Html {
    let fix = &remedy.fix;
    let result = match fix.victims.as_slice() {
        [] => tr!(lang, "fix.runs", node = fix.node),
        victims => tr!(lang, "fix.evicts", node = fix.node, victims = victims.join(", ")),
    };
    html! {
        <li data-sort={fix.sort}><p>{ sentence(fix, lang) }<span class="detail">{ result }</span></p>{ button(remedy, lang, on) }</li>
    }
}

/// The change as an instruction. Its sort is its message; what it is about has up to three words.
fn sentence(fix: &Fix, lang: Lang) -> AttrValue {
    let word = |at: usize| fix.about.get(at).map_or("", String::as_str);
    let key = format!("fix.{}", fix.sort);
    let text = rust_i18n::t!(key, locale = lang.code(), a = word(0), b = word(1), c = word(2));
    attr(text.into_owned().into())
}

fn button(remedy: &Remedy, lang: Lang, on: &Callback<Action>) -> Html {
    let (on, fix) = (on.clone(), &remedy.fix);
    if !fix.command.is_empty() {
        let command = fix.command.clone();
        let title = command.clone();
        return html! { <button type="button" class="button small" {title} onclick={move |_| on.emit(Action::Run(command.clone()))}>{ tr!(lang, "fix.run") }</button> };
    }
    if remedy.in_manifest {
        let patch = fix.patch.clone();
        return html! { <button type="button" class="button small" onclick={move |_| on.emit(Action::Insert(patch.clone()))}>{ tr!(lang, "fix.insert") }</button> };
    }
    html! {}
}
