//! The record of a decision: who said what of which node, and what the numbers were. Only what the decision was made of is kept;
//! what each node was told is worked out again when somebody looks, node by node and with nothing remembered.

use std::sync::Arc;

use super::cache::memory::Memory;
use super::framework::runtime::{Feasibility, ScorePart, Scores};
use super::framework::{Context, CycleState, Diagnosis, Framework, PodInfo, Status};
use super::plugins::names;
use crate::api::explain::{
    NodeVerdict, PluginMessage, PluginScore, PreemptionStep, Rejection, SchedulingDecision,
};
use crate::api::later::Later;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::framework::Code;

/// How the attempt ended.
#[derive(Default)]
pub struct Outcome<'a> {
    /// The node chosen.
    pub selected: Option<&'a Arc<str>>,
    /// How many nodes were equally good.
    pub tied: u32,
    /// The text of the event, if no node was chosen.
    pub message: &'a str,
    /// What preemption considered.
    pub preemption: Option<PreemptionStep>,
}

/// Writes down an attempt. Nodes that were not looked at, because the pod's promised node fits, have no line.
pub fn record(
    framework: &Arc<Framework>,
    cx: &Context<'_>,
    pod: &Arc<PodInfo>,
    attempt: u32,
    diagnosis: &Diagnosis,
    outcome: Outcome<'_>,
) -> SchedulingDecision {
    let refused = diagnosis.absent.as_ref().filter(|_| !diagnosis.pre_filter_message.is_empty());
    let (framework, pod, cache) = (framework.clone(), pod.clone(), cx.cache.snapshot());
    let (view, nominator) = (cx.view.clone(), cx.nominator.clone());
    SchedulingDecision {
        attempt,
        selected: outcome.selected.cloned(),
        pre_filter: refused.map(|(status, _)| PluginMessage {
            plugin: status.plugin.into(),
            message: diagnosis.pre_filter_message.clone(),
        }),
        filters: framework.filter_names().clone(),
        nodes: Later::new(move || {
            let cx = Context { cache: &cache, view: &view, nominator: &nominator };
            look_again(&framework, &cx, &pod)
        }),
        tied: outcome.tied,
        message: outcome.message.to_string(),
        preemption: outcome.preemption,
    }
}

/// Every node's verdict, worked out anew.
fn look_again(framework: &Framework, cx: &Context<'_>, pod: &PodInfo) -> Vec<NodeVerdict> {
    let mut memory = Memory::off();
    let mut found = framework.find_nodes_that_fit(cx, &mut memory, pod);
    let scores = match found.nodes.len() {
        // A single node is not scored.
        0 | 1 => Scores { totals: vec![0; found.nodes.len()], parts: Vec::new() },
        _ => framework.score(cx, &mut memory, &mut found.state, pod, &found.nodes),
    };
    verdicts(framework, cx, pod, &found, &scores)
}

/// Every node's verdict, in name order. The nodes found are in that order too.
fn verdicts(
    framework: &Framework,
    cx: &Context<'_>,
    pod: &PodInfo,
    found: &Feasibility,
    scores: &Scores,
) -> Vec<NodeVerdict> {
    let mut feasible = found.nodes.iter().enumerate().peekable();
    let mut verdicts = Vec::with_capacity(cx.cache.len());
    for index in cx.cache.order() {
        let node = cx.cache.node(*index).name.clone();
        if let Some((place, _)) = feasible.next_if(|(_, fits)| *fits == index) {
            let total = scores.totals.get(place).copied().unwrap_or(0);
            verdicts.push(NodeVerdict {
                node,
                rejection: None,
                scores: row(framework, cx, &found.state, pod, scores, place, *index),
                total,
            });
        } else if let Some(status) = found.diagnosis.status(*index) {
            let rejection = Some(rejection(framework, cx, pod, found, *index, status));
            verdicts.push(NodeVerdict { node, rejection, ..Default::default() });
        }
    }
    verdicts
}

/// The parts of one node's score.
fn row(
    framework: &Framework,
    cx: &Context<'_>,
    state: &CycleState,
    pod: &PodInfo,
    scores: &Scores,
    place: usize,
    index: NodeIndex,
) -> Vec<PluginScore> {
    let part = |part: &ScorePart| {
        let plugin = framework.plugin_at(part.place);
        let highest = part.raw.iter().copied().max().unwrap_or(0);
        let (raw, normalized) = (part.raw[place], part.normalized[place]);
        let scaled = plugin.normalization().in_words(raw, highest, normalized);
        let detail = plugin.score_detail(cx, state, pod, cx.cache.node(index));
        let words: Vec<String> = [detail, scaled].into_iter().filter(|words| !words.is_empty()).collect();
        PluginScore {
            plugin: framework.plugin_name(part.place).clone(),
            raw,
            normalized,
            weight: part.weight,
            arithmetic: words.join("; "),
        }
    };
    scores.parts.iter().map(part).collect()
}

fn rejection(
    framework: &Framework,
    cx: &Context<'_>,
    pod: &PodInfo,
    found: &Feasibility,
    index: NodeIndex,
    status: &Status,
) -> Rejection {
    Rejection {
        plugin: status.plugin.into(),
        unresolvable: status.code == Code::UnschedulableAndUnresolvable,
        reasons: status.reasons().map(|reason| Arc::from(&**reason)).collect(),
        detail: framework.detail(cx, &found.state, pod, index, status),
        field: field_of(status.plugin),
    }
}

/// The field of a pod that a plugin's refusal is about.
fn field_of(plugin: &str) -> &'static str {
    match plugin {
        names::NODE_NAME => "spec.nodeName",
        names::NODE_UNSCHEDULABLE | names::TAINT_TOLERATION => "spec.tolerations",
        names::NODE_AFFINITY => "spec.affinity.nodeAffinity",
        names::NODE_PORTS => "spec.containers[0].ports",
        names::NODE_RESOURCES_FIT => "spec.containers[0].resources.requests",
        names::POD_TOPOLOGY_SPREAD => "spec.topologySpreadConstraints",
        names::INTER_POD_AFFINITY => "spec.affinity",
        names::VOLUME_BINDING
        | names::VOLUME_ZONE
        | names::VOLUME_RESTRICTIONS
        | names::NODE_VOLUME_LIMITS => "spec.volumes",
        _ => "",
    }
}
