//! A dialog over the page.

use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct DialogProps {
    /// Of the title.
    pub id: &'static str,
    pub title: AttrValue,
    pub lang: Lang,
    pub on: Callback<Action>,
    pub children: Html,
}

/// Title, a way out, and what it is about. While it is open the browser keeps the focus in it.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let DialogProps { id, title, lang, on, children } = props;
    let root = use_node_ref();
    {
        let root = root.clone();
        use_effect_with((), move |()| {
            if let Some(dialog) = root.cast::<HtmlDialogElement>() {
                // Fails only for one that is open already.
                let _ = dialog.show_modal();
            }
        });
    }
    let shut = {
        let on = on.clone();
        move |_: MouseEvent| on.emit(Action::CloseDialog)
    };
    let cancelled = {
        let on = on.clone();
        move |event: Event| {
            event.prevent_default();
            on.emit(Action::CloseDialog);
        }
    };
    let beside = {
        let on = on.clone();
        move |event: MouseEvent| {
            let on_veil = event.target().and_then(|target| target.dyn_into::<HtmlDialogElement>().ok());
            if on_veil.is_some() {
                on.emit(Action::CloseDialog);
            }
        }
    };
    html! {
        <dialog ref={root} class="dialog" aria-labelledby={*id} oncancel={cancelled} onclick={beside}>
            <div class="dialog-body">
                <div class="dialog-head">
                    <h2 id={*id}>{ title.clone() }</h2>
                    <button type="button" class="icon-button" aria-label={tr!(*lang, "close")} onclick={shut}><Icon name="close" /></button>
                </div>
                { children.clone() }
            </div>
        </dialog>
    }
}
