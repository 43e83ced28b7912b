//! One attempt to place a pod: the answer, how the nodes became fewer, and the rest of the record.

use kubeviz::api::explain::{PreemptionCandidate, PreemptionStep, SchedulingDecision};
use kubeviz::view::why::{Reasons, Stage};
use yew::prelude::*;

use super::fixes::{self, Fixes};
use super::{matrix, scores};
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

/// Everything there is to say of it.
pub fn body(
    pod: &str,
    decision: &SchedulingDecision,
    fixes: Option<&Fixes>,
    lang: Lang,
    on: &Callback<Action>,
) -> Html {
    let reasons = Reasons::of(pod, decision);
    let tied = scores::best(&reasons.scores).join(", ");
    html! {
        <>
            <p class="sentence">{ sentence(decision, &reasons, lang) }</p>
            if decision.attempt > 1 { <p class="hint">{ tr!(lang, "why.attempt", count = decision.attempt) }</p> }
            if let Some(refusal) = &decision.pre_filter { <p class="raw" lang="en"><b>{ refusal.plugin.to_string() }</b>{ format!(" {}", refusal.message) }</p> }
            { funnel(decision, &reasons.funnel, lang) }
            { fixes::list(fixes, lang, on) }
            <matrix::MatrixTable matrix={reasons.matrix} {lang} {on} />
            <scores::Scores rows={reasons.scores} {lang} />
            if let Some(node) = decision.selected.as_ref().filter(|_| decision.tied > 1) {
                <p class="tie">{ tr!(lang, "why.tie", nodes = tied, node = node) }</p>
            }
            if let Some(step) = &decision.preemption { { preemption(step, lang) } }
            if !decision.message.is_empty() { <h3>{ tr!(lang, "why.raw") }</h3><p class="raw" lang="en">{ decision.message.clone() }</p> }
        </>
    }
}

fn sentence(decision: &SchedulingDecision, reasons: &Reasons, lang: Lang) -> AttrValue {
    let (all, out) = (decision.nodes.len(), reasons.funnel.iter().map(|stage| stage.rejected).sum::<usize>());
    let Some(node) = &decision.selected else {
        let nominated = decision.preemption.as_ref().map(|step| &step.nominated_node);
        return match nominated.filter(|node| !node.is_empty()) {
            Some(node) => tr!(lang, "why.nominated", count = all, node = node),
            None if decision.pre_filter.is_some() => tr!(lang, "why.refused"),
            None => tr!(lang, "why.unschedulable", count = all),
        };
    };
    let total = reasons.scores.iter().find(|row| row.chosen).map_or(0, |row| row.total);
    match all - out {
        1 => tr!(lang, "why.only", node = node, out = out),
        _ if decision.tied > 1 => tr!(lang, "why.tied", node = node, total = total, count = decision.tied),
        _ => tr!(lang, "why.won", node = node, total = total),
    }
}

/// All nodes, what each plugin leaves of them, and the one; the bars narrow as the nodes become fewer.
fn funnel(decision: &SchedulingDecision, stages: &[Stage], lang: Lang) -> Html {
    let all = decision.nodes.len();
    let row = |label: Html, left: usize, rejected: usize| {
        let mille = format::per_mille(left as i64, all.max(1) as i64);
        let width = format!("width:{}.{}%", mille / 10, mille % 10);
        html! {
            <li><span class="funnel-name">{ label }</span><span class="funnel-bar"><span style={width}></span></span>
                <span class="funnel-left">{ left }</span><span class="funnel-out">{ if rejected > 0 { format!("−{rejected}") } else { String::new() } }</span></li>
        }
    };
    let stage = |stage: &Stage| {
        row(html! { <span lang="en">{ stage.plugin.clone() }</span> }, stage.left, stage.rejected)
    };
    let left = all - stages.iter().map(|stage| stage.rejected).sum::<usize>();
    let chosen = decision.selected.as_ref().map(|node| {
        let label = html! { <><span lang="en">{ "Score" }</span>{ " → " }<b>{ node.to_string() }</b></> };
        row(label, 1, left - 1)
    });
    html! {
        <ol class="funnel" aria-label={tr!(lang, "why.funnel")}>
            { row(html! { tr!(lang, "why.nodes") }, all, 0) }
            { for stages.iter().map(stage) }
            { for chosen.filter(|_| left > 1) }
        </ol>
    }
}

/// Whom it would cost what to make room.
fn preemption(step: &PreemptionStep, lang: Lang) -> Html {
    let candidate = |candidate: &PreemptionCandidate| {
        let chosen = *candidate.node == *step.nominated_node;
        html! {
            <tr data-chosen={chosen.to_string()}><th scope="row">{ candidate.node.to_string() }</th><td>{ candidate.victims.join(", ") }
                if candidate.pdb_violations > 0 { <span class="detail">{ tr!(lang, "why.budgets", count = candidate.pdb_violations) }</span> }</td></tr>
        }
    };
    let candidates = &step.candidates;
    html! {
        <>
            <h3>{ tr!(lang, "why.preemption") }</h3>
            if candidates.is_empty() {
                <p class="hint">{ tr!(lang, "why.no_victims") }</p>
            } else {
                <p class="hint">{ tr!(lang, "why.victims", node = step.nominated_node) }</p>
                <table class="matrix victims"><tbody>{ for candidates.iter().take(20).map(candidate) }</tbody></table>
            }
        </>
    }
}
