//! The list of keys.

use yew::prelude::*;

use super::dialog::Dialog;
use crate::tr;
use crate::ui::i18n::{Lang, attr};
use crate::ui::keyboard::KEYS;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct HelpProps {
    pub single_keys: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// What every key does.
#[component]
pub fn Help(props: &HelpProps) -> Html {
    let HelpProps { single_keys, lang, on } = props;
    let switch = {
        let (on, next) = (on.clone(), !single_keys);
        move |_: Event| on.emit(Action::SingleKeys(next))
    };
    let row = |(keys, key): &(&'static str, &'static str)| {
        let text = rust_i18n::t!(*key, locale = lang.code()).into_owned();
        html! { <div class="key-row"><dt><kbd>{ *keys }</kbd></dt><dd>{ attr(text.into()) }</dd></div> }
    };
    html! {
        <Dialog id="help-title" title={tr!(*lang, "keys.title")} lang={*lang} on={on.clone()}>
            <dl class="keys">{ for KEYS.iter().map(row) }</dl>
            <label class="check"><input type="checkbox" checked={*single_keys} onchange={switch} />{ tr!(*lang, "keys.single") }</label>
            <p class="hint">{ tr!(*lang, "keys.about") }</p>
        </Dialog>
    }
}
