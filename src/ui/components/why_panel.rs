//! Why an object is as it is: the recorded decision in sentences and numbers. Nothing is worked out here again.

use sorted::SortedSet;

use kubeviz::api::explain::{
    EndpointStep, Explain, NodeVerdict, ReplicaStep, RolloutRule, RolloutStep, SchedulingDecision,
};
use kubeviz::api::sorting;
use kubeviz::view::Inspection;
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct WhyPanelProps {
    pub inspection: Shared<Inspection>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The latest decision about the object.
#[component]
pub fn WhyPanel(props: &WhyPanelProps) -> Html {
    let WhyPanelProps { inspection, lang, on } = props;
    let Some(decision) = &inspection.why else {
        return html! { <p class="empty">{ tr!(*lang, "why.none") }</p> };
    };
    let body = match &*decision.explain {
        Explain::Scheduling(decision) => scheduling(decision, *lang),
        Explain::Rollout(step) => rollout(step, *lang),
        Explain::Replicas(step) => replicas(step, *lang),
        Explain::Endpoints(step) => endpoints(step, *lang),
        Explain::Garbage(step) => {
            html! { <p class="sentence">{ tr!(*lang, "why.garbage", owner = step.owner) }</p> }
        }
    };
    let (on, time) = (on.clone(), decision.time);
    html! {
        <div class="why">
            <p class="why-when"><button type="button" class="link" onclick={move |_| on.emit(Action::Seek(time))}>{ format::clock(time) }</button>{ format!(" · rev {}", decision.revision) }</p>
            { body }
        </div>
    }
}

fn scheduling(decision: &SchedulingDecision, lang: Lang) -> Html {
    let feasible: Vec<&NodeVerdict> = decision.nodes.iter().filter(|node| node.rejection.is_none()).collect();
    html! {
        <>
            <p class="sentence">{ verdict(decision, &feasible, lang) }</p>
            if decision.attempt > 1 { <p class="hint">{ tr!(lang, "why.attempt", count = decision.attempt) }</p> }
            if let Some(refusal) = &decision.pre_filter { <p class="raw" lang="en"><b>{ refusal.plugin.to_string() }</b>{ format!(" {}", refusal.message) }</p> }
            <p class="funnel">
                <span>{ tr!(lang, "why.nodes", count = decision.nodes.len()) }</span><span class="arrow">{ "Filter" }</span>
                <span>{ tr!(lang, "why.feasible", count = feasible.len()) }</span>
                if let Some(node) = &decision.selected { <span class="arrow">{ "Score" }</span><span>{ node.to_string() }</span> }
            </p>
            { filters(decision, lang) }
            { scores(&feasible, decision, lang) }
            if !decision.message.is_empty() { <h3>{ tr!(lang, "why.raw") }</h3><p class="raw" lang="en">{ decision.message.clone() }</p> }
        </>
    }
}

fn verdict(decision: &SchedulingDecision, feasible: &[&NodeVerdict], lang: Lang) -> AttrValue {
    let (Some(node), out) = (&decision.selected, decision.nodes.len() - feasible.len()) else {
        return tr!(lang, "why.unschedulable", count = decision.nodes.len());
    };
    let total = feasible.iter().find(|verdict| verdict.node == *node).map_or(0, |verdict| verdict.total);
    match feasible.len() {
        1 => tr!(lang, "why.only", node = node, out = out),
        _ if decision.tied > 1 => tr!(lang, "why.tied", node = node, total = total, count = decision.tied),
        _ => tr!(lang, "why.won", node = node, total = total),
    }
}

/// Nodes against the plugins that rejected any of them.
fn filters(decision: &SchedulingDecision, lang: Lang) -> Html {
    let refused = |node: &&NodeVerdict| node.rejection.is_some();
    if !decision.nodes.iter().any(|node| refused(&node)) {
        return html! {};
    }
    let row = |node: &NodeVerdict| match &node.rejection {
        None => {
            html! { <tr><th scope="row">{ node.node.to_string() }</th><td class="yes"><Icon name="ready" />{ tr!(lang, "why.fits") }</td></tr> }
        }
        Some(rejection) => {
            let reasons =
                rejection.reasons.iter().map(|reason| reason.to_string()).collect::<Vec<_>>().join(", ");
            html! {
                <tr><th scope="row">{ node.node.to_string() }</th><td class="no"><Icon name="gone" /><span lang="en"><b>{ rejection.plugin.to_string() }</b>{ format!(" {reasons}") }
                    if !rejection.detail.is_empty() { <span class="detail">{ rejection.detail.clone() }</span> }</span></td></tr>
            }
        }
    };
    html! { <><h3>{ "Filter" }</h3><table class="matrix"><tbody>{ for decision.nodes.iter().map(row) }</tbody></table></> }
}

/// One bar per feasible node, a segment per plugin.
fn scores(feasible: &[&NodeVerdict], decision: &SchedulingDecision, lang: Lang) -> Html {
    let plugins: SortedSet<&str> =
        feasible.iter().flat_map(|node| &node.scores).map(|score| &*score.plugin).collect();
    if plugins.is_empty() {
        return html! {};
    }
    let top = feasible.iter().map(|node| node.total).max().unwrap_or(0).max(1);
    let bar = |node: &&NodeVerdict| {
        let won = decision.selected.as_ref() == Some(&node.node);
        let mille = format::per_mille(node.total, top);
        let part = |score: &kubeviz::api::explain::PluginScore| {
            html! { <tr><th scope="row">{ score.plugin.to_string() }</th><td>{ format!("{} × {}", score.normalized, score.weight) }</td><td class="sum">{ score.normalized * score.weight }</td></tr> }
        };
        html! {
            <details class="score" open={won}>
                <summary><span class="score-node">{ node.node.to_string() }</span><span class="score-bar"><span data-won={won.to_string()} style={format!("width:{}.{}%", mille / 10, mille % 10)}></span></span><span class="score-total">{ node.total }</span></summary>
                <table class="matrix"><tbody>{ for node.scores.iter().map(part) }</tbody></table>
            </details>
        }
    };
    let mut ranked = feasible.to_vec();
    sorting::sort_by(&mut ranked, |a, b| b.total.cmp(&a.total).then_with(|| a.node.cmp(&b.node)));
    html! { <><h3>{ "Score" }</h3>{ for ranked.iter().take(20).map(bar) }<p class="hint">{ tr!(lang, "why.score_hint") }</p></> }
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
