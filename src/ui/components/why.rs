//! Why an object is where it is: the recorded decision in words and numbers.

use kubeviz::api::explain::{Explain, NodeVerdict, RolloutStep, SchedulingDecision};
use kubeviz::view::Decision;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;

/// See the module.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub lang: Lang,
    pub decision: Option<Decision>,
}

/// See the module.
#[component]
pub fn Why(props: &Props) -> Html {
    let lang = props.lang;
    let Some(decision) = &props.decision else {
        return html! { <p class="none">{ tr!(lang, "why.none") }</p> };
    };
    match &*decision.explain {
        Explain::Scheduling(decision) => scheduling(lang, decision),
        Explain::Rollout(step) => rollout(lang, step),
        Explain::Replicas(step) => html! {
            <>
                <p class="sentence">{ tr!(lang, "why.replicas", desired = step.desired, actual = step.actual) }</p>
                if let Some(why) = &step.ranking { <p>{ tr!(lang, "why.ranking", why = why) }</p> }
            </>
        },
        Explain::Endpoints(step) => {
            html! { <p class="sentence">{ tr!(lang, "why.endpoints", ready = step.ready, not_ready = step.not_ready) }</p> }
        }
        Explain::Garbage(step) => {
            html! { <p class="sentence">{ tr!(lang, "why.garbage", owner = step.owner) }</p> }
        }
    }
}

fn scheduling(lang: Lang, decision: &SchedulingDecision) -> Html {
    let feasible = decision.nodes.iter().filter(|node| node.rejection.is_none()).count();
    let total = decision.nodes.len();
    let sentence = match &decision.selected {
        Some(node) if feasible == 1 => tr!(lang, "why.only", node = node),
        Some(node) if decision.tied > 1 => tr!(lang, "why.tied", node = node, count = decision.tied),
        Some(node) => tr!(lang, "why.best", node = node),
        None => tr!(lang, "why.nowhere", count = total),
    };
    let row = |node: &NodeVerdict| {
        let chosen = decision.selected.as_ref() == Some(&node.node);
        let verdict = match &node.rejection {
            Some(rejection) => {
                let reasons: Vec<&str> = rejection.reasons.iter().map(|reason| &**reason).collect();
                html! {
                    <>
                        <td class="no">{ "✕ " }{ &*rejection.plugin }</td>
                        <td>{ reasons.join(", ") }if !rejection.detail.is_empty() { <small>{ &rejection.detail }</small> }</td>
                    </>
                }
            }
            None => {
                let parts: Vec<String> = node
                    .scores
                    .iter()
                    .map(|part| format!("{} {}×{}", part.plugin, part.normalized, part.weight))
                    .collect();
                html! { <><td class="yes">{ "✓ " }{ node.total }</td><td><small>{ parts.join(" + ") }</small></td></> }
            }
        };
        html! { <tr class={classes!(chosen.then_some("is-chosen"))}><th scope="row">{ &*node.node }</th>{ verdict }</tr> }
    };
    html! {
        <>
            <p class="sentence">{ sentence }</p>
            <p class="funnel">{ tr!(lang, "why.funnel", total = total, feasible = feasible, attempt = decision.attempt) }</p>
            <table class="verdicts">
                <thead><tr><th scope="col">{ tr!(lang, "why.node") }</th><th scope="col">{ tr!(lang, "why.verdict") }</th>
                    <th scope="col">{ tr!(lang, "why.reason") }</th></tr></thead>
                <tbody>{ for decision.nodes.iter().take(50).map(row) }</tbody>
            </table>
            if !decision.message.is_empty() { <pre class="verbatim" tabindex="0">{ &decision.message }</pre> }
        </>
    }
}

fn rollout(lang: Lang, step: &RolloutStep) -> Html {
    let ceiling = step.desired + step.max_surge;
    let floor = (step.desired - step.max_unavailable).max(0);
    html! {
        <>
            <p class="sentence">{ tr!(lang, "why.scaled", set = step.replica_set, from = step.from, to = step.to) }</p>
            <p>{ tr!(lang, "why.bounds", total = step.total, desired = step.desired, surge = step.max_surge, ceiling = ceiling) }</p>
            <p>{ tr!(lang, "why.floor", available = step.available, floor = floor, unavailable = step.max_unavailable) }</p>
        </>
    }
}
