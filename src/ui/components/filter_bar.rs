//! Which pods one looks for.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::state::{Action, Sought};

#[derive(Properties, PartialEq)]
pub struct FilterBarProps {
    pub sought: Sought,
    /// Whether the rows of a table are meant, rather than pods.
    pub rows: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// A field for words, and how many pods they mean. Pods that are not meant lose their colours.
#[component]
pub fn FilterBar(props: &FilterBarProps) -> Html {
    let FilterBarProps { sought, rows, lang, on } = props;
    let lang = *lang;
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with(sought.asked, move |_| {
            if let Some(field) = field.cast::<HtmlInputElement>() {
                // A field that is on screen can be focused.
                let _ = field.focus();
                field.select();
            }
        });
    }
    let oninput = on.reform(|event: InputEvent| {
        Action::Filter(Some(event.target_unchecked_into::<HtmlInputElement>().value()))
    });
    let close = on.reform(|_: MouseEvent| Action::Filter(None));
    let onkeydown = {
        let on = on.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                on.emit(Action::Filter(None));
            }
        })
    };
    let said = match (&sought.wrong, &sought.meant) {
        (Some(wrong), _) => html! { <span class="filter-wrong" lang="en">{ wrong.clone() }</span> },
        (None, Some(meant)) => {
            if *rows {
                html! { tr!(lang, "filter.rows", count = meant.count, of = meant.of) }
            } else {
                html! { tr!(lang, "filter.count", count = meant.count, of = meant.of) }
            }
        }
        (None, None) => html! {},
    };
    html! {
        <div class="filter" role="search">
            <input ref={field} type="text" data-testid="filter" aria-label={tr!(lang, "filter.title")} aria-invalid={sought.wrong.is_some().to_string()}
                value={sought.text.clone()} {oninput} {onkeydown} autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="web  !node-1  app=web" />
            <output aria-live="polite" data-testid="filter-count">{ said }</output>
            <button type="button" class="button small" aria-label={tr!(lang, "filter.close")} onclick={close}><Icon name="close" /></button>
        </div>
    }
}
