//! The list of keys, and what can be chosen once for all visits.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::dialog::Dialog;
use crate::tr;
use crate::ui::i18n::{Lang, attr};
use crate::ui::keyboard::KEYS;
use crate::ui::preferences::{Choice, Motion, Preference, Preferences, Voice};
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct HelpProps {
    pub preferences: Preferences,
    pub theme: &'static str,
    pub seed: u64,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// What every key does, and the choices.
#[component]
pub fn Help(props: &HelpProps) -> Html {
    let HelpProps { preferences, theme, seed, lang, on } = props;
    let lang = *lang;
    let row = |(keys, key): &(&'static str, &'static str)| {
        let text = rust_i18n::t!(*key, locale = lang.code()).into_owned();
        html! { <div class="key-row"><dt><kbd>{ *keys }</kbd></dt><dd>{ attr(text.into()) }</dd></div> }
    };
    let reroll = {
        let on = on.clone();
        move |_: MouseEvent| {
            on.emit(Action::CloseDialog);
            on.emit(Action::Reroll);
        }
    };
    let motions = [tr!(lang, "settings.system"), tr!(lang, "settings.reduce"), tr!(lang, "settings.full")];
    let voices = [tr!(lang, "settings.off"), tr!(lang, "settings.story"), tr!(lang, "settings.all")];
    html! {
        <Dialog id="help-title" title={tr!(lang, "keys.title")} {lang} on={on.clone()}>
            <div class="settings">
                { either(tr!(lang, "settings.language"), "language", ["English".into(), "한국어".into()], lang == Lang::Ko, on, || Action::ToggleLang) }
                { either(tr!(lang, "settings.theme"), "colours", [tr!(lang, "settings.light"), tr!(lang, "settings.dark")], *theme == "dark", on, || Action::ToggleTheme) }
                { choice(tr!(lang, "settings.motion"), "motion", preferences.motion, motions, on, |motion: Motion| Preference::Motion(motion)) }
                { choice(tr!(lang, "settings.voice"), "voice", preferences.voice, voices, on, |voice: Voice| Preference::Voice(voice)) }
                { switch(tr!(lang, "settings.steps"), "steps", preferences.steps(), on, Preference::Steps) }
                { switch(tr!(lang, "keys.single"), "single-keys", preferences.single_keys, on, Preference::SingleKeys) }
            </div>
            <div class="setting">
                <span>{ tr!(lang, "settings.seed", seed = seed) }</span>
                <button type="button" class="button small" data-testid="reroll" onclick={reroll}>{ tr!(lang, "settings.reroll") }</button>
            </div>
            <dl class="keys">{ for KEYS.iter().map(row) }</dl>
            <p class="hint">{ tr!(lang, "keys.about") }</p>
        </Dialog>
    }
}

/// One of a few, with their names in the reader's language.
fn choice<C: Choice>(
    label: AttrValue,
    test: &'static str,
    chosen: C,
    names: [AttrValue; 3],
    on: &Callback<Action>,
    choose: fn(C) -> Preference,
) -> Html {
    let on = on.clone();
    let onchange = move |event: Event| {
        let value = event.target_unchecked_into::<HtmlSelectElement>().value();
        if let Some(one) = C::of_name(&value) {
            on.emit(Action::Prefer(choose(one)));
        }
    };
    let option = |((value, one), name): ((&'static str, C), AttrValue)| html! { <option {value} selected={one == chosen}>{ name }</option> };
    html! { <label class="setting"><span>{ label }</span><select data-testid={test} {onchange}>{ for C::ALL.into_iter().zip(names).map(option) }</select></label> }
}

/// One of two, of which the second may be chosen.
fn either(
    label: AttrValue,
    test: &'static str,
    names: [AttrValue; 2],
    second: bool,
    on: &Callback<Action>,
    turn: fn() -> Action,
) -> Html {
    let on = on.clone();
    let onchange = move |_: Event| on.emit(turn());
    let [one, other] = names;
    html! {
        <label class="setting"><span>{ label }</span><select data-testid={test} {onchange}>
            <option selected={!second}>{ one }</option><option selected={second}>{ other }</option>
        </select></label>
    }
}

/// On or off.
fn switch(
    label: AttrValue,
    test: &'static str,
    checked: bool,
    on: &Callback<Action>,
    choose: fn(bool) -> Preference,
) -> Html {
    let on = on.clone();
    let onchange = move |event: Event| {
        on.emit(Action::Prefer(choose(event.target_unchecked_into::<HtmlInputElement>().checked())));
    };
    html! { <label class="check"><input type="checkbox" data-testid={test} {checked} {onchange} />{ label }</label> }
}
