//! The list of keys.

use web_sys::HtmlElement;
use yew::prelude::*;

use super::Icon;
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

/// A dialog over the page. It takes the focus, and Tab stays within its few controls.
#[component]
pub fn Help(props: &HelpProps) -> Html {
    let HelpProps { single_keys, lang, on } = props;
    let close = use_node_ref();
    {
        let close = close.clone();
        use_effect_with((), move |()| {
            if let Some(button) = close.cast::<HtmlElement>() {
                // Focusing a button that is on screen does not fail.
                let _ = button.focus();
            }
        });
    }
    let shut = {
        let on = on.clone();
        move |_: MouseEvent| on.emit(Action::Help(false))
    };
    let switch = {
        let (on, next) = (on.clone(), !single_keys);
        move |_: Event| on.emit(Action::SingleKeys(next))
    };
    let row = |(keys, key): &(&'static str, &'static str)| {
        let text = rust_i18n::t!(*key, locale = lang.code()).into_owned();
        html! { <div class="key-row"><dt><kbd>{ *keys }</kbd></dt><dd>{ attr(text.into()) }</dd></div> }
    };
    html! {
        <div class="veil">
            <div class="dialog" role="dialog" aria-modal="true" aria-labelledby="help-title">
                <div class="dialog-head">
                    <h2 id="help-title">{ tr!(*lang, "keys.title") }</h2>
                    <button type="button" ref={close} class="icon-button" aria-label={tr!(*lang, "close")} onclick={shut}><Icon name="close" /></button>
                </div>
                <dl class="keys">{ for KEYS.iter().map(row) }</dl>
                <label class="check"><input type="checkbox" checked={*single_keys} onchange={switch} />{ tr!(*lang, "keys.single") }</label>
                <p class="hint">{ tr!(*lang, "keys.about") }</p>
            </div>
        </div>
    }
}
