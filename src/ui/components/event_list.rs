//! The story so far, latest first.

use kubeviz::view::StoryLine;
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct EventListProps {
    /// The latest lines, latest first.
    pub story: Shared<Vec<StoryLine>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The lines; each leads back to its time.
#[component]
pub fn EventList(props: &EventListProps) -> Html {
    let EventListProps { story, lang, on } = props;
    if story.is_empty() {
        return html! { <p class="empty">{ tr!(*lang, "events.empty") }</p> };
    }
    let line = |line: &StoryLine| {
        let (on, time) = (on.clone(), line.time);
        html! {
            <li key={line.revision} class="event" data-warning={line.warning.to_string()}>
                <button type="button" class="event-time" title={tr!(*lang, "events.go")} onclick={move |_| on.emit(Action::Seek(time))}>{ format::clock(time) }</button>
                <span class="event-text" lang="en"><b>{ format::short_object(&line.object) }</b>{ format!(" {}", line.text) }<span class="event-actor">{ line.actor.clone() }</span></span>
            </li>
        }
    };
    html! { <div role="log" aria-live="off" aria-label={tr!(*lang, "events.title")}><ol class="events">{ for story.iter().map(line) }</ol></div> }
}
