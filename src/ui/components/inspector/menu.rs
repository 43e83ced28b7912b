//! What one may want to do with the object under the glass: lines that run at the console.

use web_sys::HtmlElement;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;
use kubeviz::view::Inspection;

#[derive(Properties, PartialEq)]
pub struct MenuProps {
    pub inspection: Shared<Inspection>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The lines as a list of buttons, the first of which takes the focus.
#[component]
pub fn Menu(props: &MenuProps) -> Html {
    let MenuProps { inspection, lang, on } = props;
    let list = use_node_ref();
    {
        let list = list.clone();
        use_effect_with(inspection.key.clone(), move |_| {
            let first =
                list.cast::<web_sys::Element>().and_then(|list| list.query_selector("button").ok().flatten());
            if let Some(first) =
                first.and_then(|first| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(first).ok())
            {
                // A button that is on screen can be focused.
                let _ = first.focus();
            }
        });
    }
    let onkeydown = {
        let on = on.clone();
        move |event: KeyboardEvent| {
            if event.code() == "Escape" {
                event.stop_propagation();
                on.emit(Action::Menu(false));
            }
        }
    };
    let line = |line: &String| {
        let (on, run) = (on.clone(), line.clone());
        html! { <li><button type="button" class="menu-line" lang="en" onclick={move |_| on.emit(Action::Run(run.clone()))}>{ line.clone() }</button></li> }
    };
    html! { <ul class="menu" id="menu" role="list" ref={list} aria-label={tr!(*lang, "menu.title")} {onkeydown}>{ for inspection.menu.iter().map(line) }</ul> }
}
