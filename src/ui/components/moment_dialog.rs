//! Until when: a time, or what `kubectl wait` would wait for.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::dialog::Dialog;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

/// Times from now that are offered.
const SPANS: [&str; 4] = ["+10s", "+1m", "+10m", "+1h"];

#[derive(Properties, PartialEq)]
pub struct MomentDialogProps {
    /// What is wrong with what was written; empty at first.
    pub wrong: AttrValue,
    /// The conditions that are offered.
    pub conditions: Vec<String>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn MomentDialog(props: &MomentDialogProps) -> Html {
    let MomentDialogProps { wrong, conditions, lang, on } = props;
    let lang = *lang;
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with((), move |()| {
            if let Some(field) = field.cast::<HtmlInputElement>() {
                // A field that is on screen can be focused.
                let _ = field.focus();
            }
        });
    }
    let onsubmit = {
        let (on, field) = (on.clone(), field.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(field) = field.cast::<HtmlInputElement>() {
                on.emit(Action::UntilWritten(field.value()));
            }
        }
    };
    let offer = |text: String| {
        let (on, written) = (on.clone(), text.clone());
        html! { <button type="button" class="button small" lang="en" onclick={move |_| on.emit(Action::UntilWritten(written.clone()))}>{ text }</button> }
    };
    let offers = SPANS.map(String::from).into_iter().chain(conditions.iter().cloned());
    let invalid = (!wrong.is_empty()).to_string();
    html! {
        <Dialog id="moment-title" title={tr!(lang, "moment.title")} {lang} on={on.clone()}>
            <form class="moment" {onsubmit}>
                <input ref={field} type="text" data-testid="moment" aria-label={tr!(lang, "moment.title")} aria-invalid={invalid} aria-describedby="moment-wrong"
                    autocomplete="off" spellcheck="false" placeholder="deploy/web --for=condition=Available" />
                <button type="submit" class="button primary">{ tr!(lang, "moment.run") }</button>
            </form>
            <p id="moment-wrong" class="moment-wrong" role="alert">{ wrong.clone() }</p>
            <div class="moment-offers">{ for offers.map(offer) }</div>
            <p class="hint">{ tr!(lang, "moment.hint") }</p>
        </Dialog>
    }
}
