//! Why an object is as it is: what each decider says, in sentences and numbers. Nothing is worked out here again.

pub mod answers;
mod fixes;
mod matrix;
mod scheduling;
mod scores;

use kubeviz::api::explain::Explain;
use kubeviz::clock::SimTime;
use kubeviz::view::{Decision, Inspection};
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

pub use fixes::{Fixes, Remedy};

#[derive(Properties, PartialEq)]
pub struct WhyPanelProps {
    pub inspection: Shared<Inspection>,
    /// What would let a waiting pod run, once that has been tried.
    pub fixes: Option<Fixes>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The latest decision about the object.
#[component]
pub fn WhyPanel(props: &WhyPanelProps) -> Html {
    let WhyPanelProps { inspection, fixes, lang, on } = props;
    let told = answers::list(&inspection.answers, *lang, on);
    let Some(decision) = &inspection.why else {
        let silent =
            inspection.answers.is_empty() || inspection.rows.iter().any(|(label, _)| HELD.contains(label));
        return html! {
            <div class="why">
                if silent { { undecided(inspection, *lang) } }
                { fixes::list(fixes.as_ref(), *lang, on) }
                { told }
            </div>
        };
    };
    let Explain::Scheduling(scheduled) = &*decision.explain else {
        return html! { <div class="why">{ told }</div> };
    };
    html! {
        <div class="why">
            <p class="why-when">{ moment(decision.time, on) }{ format!(" · rev {}", decision.revision) }</p>
            { scheduling::body(&inspection.key.name, scheduled, fixes.as_ref(), *lang, on) }
            { attempts(&inspection.earlier, *lang, on) }
            { told }
        </div>
    }
}

/// What may hold a pod back before it is tried.
const HELD: [&str; 2] = ["gates", "claims"];

/// A pod that the scheduler has not tried may be held back by its gates, or for want of a resource claim.
fn undecided(inspection: &Inspection, lang: Lang) -> Html {
    match inspection.rows.iter().find(|(label, _)| HELD.contains(label)) {
        Some(("claims", why)) => html! { <p class="sentence">{ tr!(lang, "why.claims", why = why) }</p> },
        Some((_, gates)) => html! { <p class="sentence">{ tr!(lang, "why.gated", gates = gates) }</p> },
        None => html! { <p class="empty">{ tr!(lang, "why.none") }</p> },
    }
}

/// When it was decided; a click leads there.
fn moment(time: SimTime, on: &Callback<Action>) -> Html {
    let on = on.clone();
    html! { <button type="button" class="link" onclick={move |_| on.emit(Action::Seek(time))}>{ format::clock(time) }</button> }
}

/// The scheduler's attempts before, each with what came of it.
fn attempts(earlier: &[Decision], lang: Lang, on: &Callback<Action>) -> Html {
    if earlier.is_empty() {
        return html! {};
    }
    let attempt = |decision: &Decision| {
        let said = match &*decision.explain {
            Explain::Scheduling(decision) => decision.message.clone(),
            _ => String::new(),
        };
        html! { <li>{ moment(decision.time, on) }<span lang="en">{ said }</span></li> }
    };
    html! {
        <details class="attempts"><summary>{ tr!(lang, "why.earlier", count = earlier.len()) }</summary>
            <ol>{ for earlier.iter().rev().map(attempt) }</ol></details>
    }
}
