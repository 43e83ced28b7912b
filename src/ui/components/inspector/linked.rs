//! Text in which every name of an object that is there leads to it.

use kubeviz::api::Key;
use yew::prelude::*;

use crate::ui::state::Action;

/// The text, with the names of these objects as buttons.
pub fn text(text: &str, links: &[Key], on: &Callback<Action>) -> Html {
    let mut parts: Vec<Html> = Vec::new();
    let mut plain = String::new();
    for word in
        text.split_inclusive(|letter: char| !(letter.is_ascii_alphanumeric() || "-._".contains(letter)))
    {
        let end = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric()).len();
        let (name, rest) = word.split_at(end);
        // What is called that is a namespace more often than anything else.
        match links.iter().find(|key| *key.name == *name && name != "default") {
            Some(key) => {
                parts.push(std::mem::take(&mut plain).into());
                parts.push(link(key, name.to_string(), on));
                plain.push_str(rest);
            }
            None => plain.push_str(word),
        }
    }
    parts.push(plain.into());
    parts.into_iter().collect()
}

/// A name that leads to its object.
pub fn link(key: &Key, name: String, on: &Callback<Action>) -> Html {
    let (on, to) = (on.clone(), key.clone());
    html! { <button type="button" class="link" lang="en" title={key.to_string()} onclick={move |_| on.emit(Action::Select(Some(to.clone())))}>{ name }</button> }
}
