//! The stage: pods that wait, nodes with their pods, and the workloads' progress above them.

use kubeviz::api::{Key, Kind};
use kubeviz::view::{ClusterView, WorkloadCard};
use yew::prelude::*;

use super::node_card::NodeCard;
use super::pod_card::PodCard;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::starters::Starter;

/// From so many pods on, cards shrink to chips.
const CHIPS_FROM: u32 = 60;

/// See the module.
#[derive(Properties)]
pub struct Props {
    pub lang: Lang,
    pub view: Shared<ClusterView>,
    /// Whole seconds of the clock; nothing on the stage changes with it yet, but the cards' ages will.
    pub now: u64,
    pub selected: Option<Key>,
    /// Inside another page, where there is less room.
    pub compact: bool,
    pub on_select: Callback<Option<Key>>,
    pub on_start: Callback<Starter>,
}

impl PartialEq for Props {
    /// A frame in which nothing was written shows the same stage.
    fn eq(&self, other: &Props) -> bool {
        self.view.same_cards(&other.view) && self.lang == other.lang && self.selected == other.selected
    }
}

/// See the module.
#[component]
pub fn StageView(props: &Props) -> Html {
    let Props { lang, view, selected, .. } = props;
    let lang = *lang;
    let totals = view.totals;
    let small = props.compact || totals.pods > CHIPS_FROM;
    let label =
        tr!(lang, "stage.label", nodes = totals.nodes, pods = totals.pods, pending = totals.pods_pending);
    let is_selected = |namespace: &str, name: &str| {
        selected
            .as_ref()
            .is_some_and(|key| key.kind == Kind::POD && *key.name == *name && *key.namespace == *namespace)
    };
    let pending = |card: &std::sync::Arc<kubeviz::view::PodCard>| {
        html! {
            <li key={card.uid.clone()}>
                <PodCard {lang} card={Card(card.clone())} selected={is_selected(&card.namespace, &card.name)} {small}
                    on_select={props.on_select.clone()} />
            </li>
        }
    };
    let node = |card: &std::sync::Arc<kubeviz::view::NodeCard>| {
        html! {
            <NodeCard key={card.uid.clone()} {lang} card={Card(card.clone())} selected={selected.clone()} {small}
                on_select={props.on_select.clone()} />
        }
    };
    let starter = |starter: Starter| {
        let onclick = props.on_start.reform(move |_| starter);
        let text = match starter {
            Starter::Web => tr!(lang, "start.web"),
            Starter::Unschedulable => tr!(lang, "start.unschedulable"),
            Starter::RollingUpdate => tr!(lang, "start.rolling"),
        };
        html! { <button type="button" class="button" {onclick}>{ text }</button> }
    };
    let empty = totals.pods == 0 && view.workloads.is_empty() && !props.compact;
    html! {
        <section class={classes!("stage", props.compact.then_some("is-compact"))} data-testid="stage" aria-label={label}>
            if !view.workloads.is_empty() {
                <div class="workloads">{ for view.workloads.iter().map(|card| workload(lang, card, &props.on_select)) }</div>
            }
            <section class="pending" data-testid="pending-lane" aria-label={tr!(lang, "pending.title")}>
                <h2>{ tr!(lang, "pending.title") }</h2>
                <ul class="pods">{ for view.pending.iter().map(pending) }</ul>
                if view.pending.is_empty() { <p class="none">{ tr!(lang, "pending.none") }</p> }
            </section>
            if empty {
                <div class="starters">
                    <p>{ tr!(lang, "start.title") }</p>
                    { for Starter::ALL.into_iter().map(starter) }
                </div>
            }
            <div class="nodes">{ for view.nodes.iter().map(node) }</div>
        </section>
    }
}

/// A workload's counts, with the ceiling and the floor of its rolling update.
fn workload(lang: Lang, card: &WorkloadCard, on_select: &Callback<Option<Key>>) -> Html {
    let kind = if card.kind == "Deployment" { Kind::DEPLOYMENT } else { Kind::REPLICA_SET };
    let key = Key::new(kind, &card.namespace, &card.name);
    let onclick = on_select.reform(move |_| Some(key.clone()));
    let most = card.ceiling.unwrap_or(card.desired).max(card.current).max(1);
    let cell = |index: i32| {
        let class = if index < card.ready {
            "is-ready"
        } else if index < card.current {
            "is-up"
        } else {
            "is-free"
        };
        html! { <span class={classes!("slot", class)}></span> }
    };
    html! {
        <button type="button" class="workload" {onclick}>
            <span class="workload-kind">{ &card.kind }</span>
            <span class="workload-name">{ &card.name }</span>
            if most <= 24 { <span class="slots" aria-hidden="true">{ for (0..most).map(cell) }</span> }
            <span class="workload-text">{ tr!(lang, "workload.counts", ready = card.ready, desired = card.desired, updated = card.updated) }</span>
            if let (Some(ceiling), Some(floor)) = (card.ceiling, card.floor) {
                <span class="workload-bounds">{ tr!(lang, "workload.bounds", ceiling = ceiling, floor = floor) }</span>
            }
        </button>
    }
}
