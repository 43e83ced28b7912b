//! A node with the pods on it.

use kubeviz::view::NodeCard as Node;
use kubeviz::view::filter::Meant;
use sorted::SortedMap;
use yew::prelude::*;

use super::Icon;
use super::meter::{Meter, Unit};
use super::pod_card::{PodCard, is_off};
use super::pod_cells::{Grid, Group, PodCells};
use super::stage::Density;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::state::Action;

/// More labels than this are counted, not shown.
const LABELS_SHOWN: usize = 3;

/// What a decision of the scheduler says of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The pod cannot run there, and why.
    Refused(AttrValue),
    /// It could: the points, the same in thousandths of the most, and whether it was chosen.
    Scored { total: i64, mille: i64, chosen: bool },
}

/// By the node's name.
pub type Verdicts = SortedMap<String, Verdict>;

#[derive(Properties, PartialEq)]
pub struct NodeCardProps {
    pub node: Card<Node>,
    pub density: Density,
    /// The uid of the pod under the glass, if it is on this node.
    pub selected_pod: Option<AttrValue>,
    pub selected: bool,
    /// What the decision under the glass says of this node.
    pub verdict: Option<Verdict>,
    /// The time looked at, in whole seconds, if a pod here is being deleted.
    pub second: Option<u64>,
    pub grid: Grid,
    /// The pods that are looked for; nothing if all are.
    pub meant: Option<Shared<Meant>>,
    /// One of very many: no more than what tells it from the others.
    pub dense: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The node's name, state and resources, and its pods in slots that do not move.
#[component]
pub fn NodeCard(props: &NodeCardProps) -> Html {
    let NodeCardProps {
        node,
        density,
        selected_pod,
        selected,
        verdict,
        second,
        grid,
        meant,
        dense,
        lang,
        on,
    } = props;
    let pod = |pod: &std::sync::Arc<kubeviz::view::PodCard>| {
        let selected = selected_pod.as_deref() == Some(pod.uid.as_str());
        let second = second.filter(|_| pod.deadline.is_some());
        html! { <PodCard key={pod.uid.as_str()} pod={Card(pod.clone())} density={*density} {selected} off={is_off(meant, pod)} {second} lang={*lang} /> }
    };
    let status = if *dense && node.status == "Ready" { String::new() } else { node.status.clone() };
    html! {
        <li class="node" data-node={node.name.clone()} data-ready={node.ready.to_string()} data-cordoned={node.unschedulable.to_string()}
            data-refused={matches!(verdict, Some(Verdict::Refused(_))).then_some("true")}>
            <button type="button" class="node-head" data-select-node={node.name.clone()} aria-pressed={selected.to_string()} tabindex="-1"
                aria-label={tr!(*lang, "node.label", name = node.name, status = node.status, pods = node.pods.len())}>
                <span class="node-name">{ node.name.clone() }</span>
                if let Some(zone) = node.zone.as_ref().filter(|_| !dense) { <span class="node-zone">{ zone.clone() }</span> }
                <span class="node-status"><Icon name={if node.ready { "ready" } else { "fail" }} />{ status }</span>
            </button>
            <div class="node-meters">
                <Meter label="CPU" amounts={node.cpu} unit={Unit::MilliCpu} bare={*dense} lang={*lang} />
                <Meter label="Mem" amounts={node.memory} unit={Unit::Bytes} bare={*dense} lang={*lang} />
            </div>
            { pills(node, *dense, *lang) }
            { for verdict.as_ref().map(|verdict| show(verdict, *lang)) }
            if *density == Density::Cell {
                <PodCells group={Group::On(node.clone())} grid={*grid} meant={meant.clone()} selected_pod={selected_pod.clone()} lang={*lang} on={on.clone()} />
            } else {
                <ul class="pods" role="list">{ for node.pods.iter().map(pod) }</ul>
            }
        </li>
    }
}

fn show(verdict: &Verdict, lang: Lang) -> Html {
    match verdict {
        Verdict::Refused(words) => {
            html! { <p class="node-refusal" lang="en"><Icon name="gone" />{ words }</p> }
        }
        Verdict::Scored { total, mille, chosen } => html! {
            <p class="node-score" data-chosen={chosen.to_string()}>
                <span class="score-bar"><span style={format!("width:{}.{}%", mille / 10, mille % 10)}></span></span>
                { tr!(lang, "why.points", total = total) }
            </p>
        },
    }
}

fn pills(node: &Node, dense: bool, lang: Lang) -> Html {
    let labels = if dense { &[][..] } else { &node.labels[..] };
    if labels.is_empty() && node.taints.is_empty() {
        return html! {};
    }
    let label =
        |(key, value): &(String, String)| html! { <li class="pill">{ format!("{key}={value}") }</li> };
    let more = labels.len().saturating_sub(LABELS_SHOWN);
    html! {
        <ul class="pills" role="list" aria-label={tr!(lang, "node.pills")}>
            { for node.taints.iter().map(|taint| html! { <li class="pill taint">{ taint.clone() }</li> }) }
            { for labels.iter().take(LABELS_SHOWN).map(label) }
            if more > 0 { <li class="pill">{ format!("+{more}") }</li> }
        </ul>
    }
}
