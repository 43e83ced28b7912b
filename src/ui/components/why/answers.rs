//! What deciders say of an object: the sentence, what it follows from, what would change it, and the API's own words.

use kubeviz::view::because::{Answer, Line};
use yew::prelude::*;

use super::moment;
use crate::tr;
use crate::ui::components::Icon;
use crate::ui::i18n::{Lang, attr};
use crate::ui::state::Action;

/// One section for each.
pub fn list(answers: &[Answer], lang: Lang, on: &Callback<Action>) -> Html {
    html! { <>{ for answers.iter().map(|answer| section(answer, lang, on)) }</> }
}

fn section(answer: &Answer, lang: Lang, on: &Callback<Action>) -> Html {
    let line = |line: &Line| html! { <li>{ sentence(line, lang, on) }</li> };
    let said = |(reason, message): &(String, String)| html! { <p class="raw" lang="en"><b>{ reason.clone() }</b>{ format!(" {message}") }</p> };
    html! {
        <section class="answer" data-by={answer.by}>
            <h3>{ text(&format!("by.{}", answer.by), lang) }
                if let Some((revision, time)) = answer.at { <span class="why-when">{ moment(time, on) }{ format!(" · rev {revision}") }</span> }</h3>
            { sums(answer, lang, on) }
            if !answer.changes.is_empty() {
                <h4>{ tr!(lang, "because.changes") }</h4>
                <ul class="sums" role="list">{ for answer.changes.iter().map(line) }</ul>
            }
            { for answer.said.iter().map(said) }
        </section>
    }
}

/// The sentence, and what it follows from.
pub fn sums(answer: &Answer, lang: Lang, on: &Callback<Action>) -> Html {
    let line = |line: &Line| html! { <li>{ sentence(line, lang, on) }</li> };
    html! {
        <>
            <p class="sentence">{ sentence(&answer.sentence, lang, on) }</p>
            if !answer.sums.is_empty() { <ul class="sums" role="list">{ for answer.sums.iter().map(line) }</ul> }
        </>
    }
}

fn text(key: &str, lang: Lang) -> AttrValue {
    attr(rust_i18n::t!(format!("because.{key}"), locale = lang.code()).into_owned().into())
}

/// A sentence with its tick or cross; the name of what it is about leads there.
fn sentence(line: &Line, lang: Lang, on: &Callback<Action>) -> Html {
    let said = line.fill(&text(line.key, lang));
    let mark = line.holds.map(|holds| {
        let (icon, word) = if holds { ("ready", tr!(lang, "because.holds")) } else { ("gone", tr!(lang, "because.fails")) };
        html! { <span class="mark" data-holds={holds.to_string()} role="img" aria-label={word}><Icon name={icon} /></span> }
    });
    let Some(key) = &line.about else { return html! { <>{ for mark }{ said }</> } };
    let link = |name: &str| {
        let (on, to) = (on.clone(), key.clone());
        html! { <button type="button" class="link" lang="en" onclick={move |_| on.emit(Action::Select(Some(to.clone())))}>{ name.to_string() }</button> }
    };
    // Where its name is not in the sentence, it stands behind it.
    match said.split_once(&*key.name).filter(|_| !line.args.is_empty()) {
        Some((before, after)) => {
            html! { <>{ for mark }{ before.to_string() }{ link(&key.name) }{ after.to_string() }</> }
        }
        None => html! { <>{ for mark }{ said }{ " " }{ link(&key.name) }</> },
    }
}
