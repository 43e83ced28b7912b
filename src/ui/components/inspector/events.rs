//! What was said of an object, under what brought it about.

use kubeviz::api::Key;
use kubeviz::view::detail::{Cause, EventGroup};
use kubeviz::view::inspect::Detail;
use kubeviz::view::{EventRow, Inspection};
use yew::prelude::*;

use super::linked;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

pub fn page(found: &Inspection, lang: Lang, on: &Callback<Action>) -> Html {
    let Detail::Events(groups) = &found.detail else { return html! {} };
    if groups.is_empty() {
        return html! { <p class="empty">{ tr!(lang, "inspector.no_events") }</p> };
    }
    let group = |group: &EventGroup| {
        html! {
            <section class="object-events">
                <h3>{ cause(group.cause.as_ref(), lang, on) }<span class="times">{ format!("×{}", group.count) }</span></h3>
                { for group.events.iter().map(|row| event(row, &found.links, on)) }
            </section>
        }
    };
    html! { <>{ for groups.iter().map(group) }</> }
}

/// Who did what with what, and when: the moment leads there, and so does the object.
fn cause(cause: Option<&Cause>, lang: Lang, on: &Callback<Action>) -> Html {
    let Some(cause) = cause else { return html! { tr!(lang, "inspector.no_cause") } };
    let seek = {
        let (on, time) = (on.clone(), cause.time);
        move |_: MouseEvent| on.emit(Action::Seek(time))
    };
    html! {
        <span lang="en">
            <button type="button" class="link" onclick={seek}>{ format::clock(cause.time) }</button>
            { format!(" {} {} ", cause.actor, cause.verb.as_str()) }
            { linked::link(&cause.key, cause.key.to_string(), on) }
        </span>
    }
}

pub fn event(row: &EventRow, links: &[Key], on: &Callback<Action>) -> Html {
    html! {
        <div class="object-event" data-warning={row.warning.to_string()} lang="en">
            <p class="object-event-head"><b>{ row.reason.clone() }</b><span>{ format::clock(row.time) }</span>
                if row.count > 1 { <span class="times">{ format!("×{}", row.count) }</span> }
                <span class="from">{ row.from.clone() }</span></p>
            <p>{ linked::text(&row.message, links, on) }</p>
        </div>
    }
}
