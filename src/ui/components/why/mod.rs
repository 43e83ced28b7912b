//! Why an object is as it is: the recorded decision in sentences and numbers. Nothing is worked out here again.

mod fixes;
mod matrix;
mod scheduling;
mod scores;

use kubeviz::api::explain::{EndpointStep, Explain, ReplicaStep, RolloutRule, RolloutStep};
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
    let Some(decision) = &inspection.why else {
        return html! { <div class="why">{ undecided(inspection, *lang) }{ fixes::list(fixes.as_ref(), *lang, on) }</div> };
    };
    let body = match &*decision.explain {
        Explain::Scheduling(decision) => {
            scheduling::body(&inspection.key.name, decision, fixes.as_ref(), *lang, on)
        }
        Explain::Rollout(step) => rollout(step, *lang),
        Explain::Replicas(step) => replicas(step, *lang),
        Explain::Endpoints(step) => endpoints(step, *lang),
        Explain::Garbage(step) => {
            html! { <p class="sentence">{ tr!(*lang, "why.garbage", owner = step.owner) }</p> }
        }
    };
    html! {
        <div class="why">
            <p class="why-when">{ moment(decision, on) }{ format!(" · rev {}", decision.revision) }</p>
            { body }
            { attempts(&inspection.earlier, *lang, on) }
        </div>
    }
}

/// A pod that the scheduler has not tried may be held back by its gates.
fn undecided(inspection: &Inspection, lang: Lang) -> Html {
    match inspection.rows.iter().find(|(label, _)| *label == "gates") {
        Some((_, gates)) => html! { <p class="sentence">{ tr!(lang, "why.gated", gates = gates) }</p> },
        None => html! { <p class="empty">{ tr!(lang, "why.none") }</p> },
    }
}

/// When it was decided; a click leads there.
fn moment(decision: &Decision, on: &Callback<Action>) -> Html {
    let (on, time) = (on.clone(), decision.time);
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
        html! { <li>{ moment(decision, on) }<span lang="en">{ said }</span></li> }
    };
    html! {
        <details class="attempts"><summary>{ tr!(lang, "why.earlier", count = earlier.len()) }</summary>
            <ol>{ for earlier.iter().rev().map(attempt) }</ol></details>
    }
}

fn rollout(step: &RolloutStep, lang: Lang) -> Html {
    let rule = match step.rule {
        RolloutRule::ScaleUpNew => {
            tr!(lang, "why.rollout.up", set = step.replica_set, from = step.from, to = step.to)
        }
        RolloutRule::CleanupUnhealthy => {
            tr!(lang, "why.rollout.cleanup", set = step.replica_set, from = step.from, to = step.to)
        }
        RolloutRule::ScaleDownOld => {
            tr!(lang, "why.rollout.down", set = step.replica_set, from = step.from, to = step.to)
        }
        RolloutRule::Scale => {
            tr!(lang, "why.rollout.scale", set = step.replica_set, from = step.from, to = step.to)
        }
        RolloutRule::Recreate => {
            tr!(lang, "why.rollout.recreate", set = step.replica_set, from = step.from, to = step.to)
        }
    };
    let ceiling = step.desired + step.max_surge;
    let floor = (step.desired - step.max_unavailable).max(0);
    html! {
        <>
            <p class="sentence">{ rule }</p>
            <ul class="sums">
                <li>{ tr!(lang, "why.rollout.ceiling", desired = step.desired, surge = step.max_surge, ceiling = ceiling, total = step.total) }</li>
                <li>{ tr!(lang, "why.rollout.floor", desired = step.desired, unavailable = step.max_unavailable, floor = floor, available = step.available) }</li>
            </ul>
        </>
    }
}

fn replicas(step: &ReplicaStep, lang: Lang) -> Html {
    let sentence = match step.desired - step.actual {
        missing if missing > 0 => {
            tr!(lang, "why.replicas.create", desired = step.desired, actual = step.actual, count = missing)
        }
        surplus if surplus < 0 => {
            tr!(lang, "why.replicas.delete", desired = step.desired, actual = step.actual, count = -surplus)
        }
        _ => tr!(lang, "why.replicas.equal", desired = step.desired),
    };
    html! { <><p class="sentence">{ sentence }</p>if let Some(ranking) = &step.ranking { <p class="raw" lang="en">{ ranking.clone() }</p> }</> }
}

fn endpoints(step: &EndpointStep, lang: Lang) -> Html {
    html! { <p class="sentence">{ tr!(lang, "why.endpoints", ready = step.ready, not_ready = step.not_ready) }</p> }
}
