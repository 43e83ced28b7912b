//! A node as a card: its name, labels and taints, how full it is, and its pods.

use kubeviz::api::{Key, Kind};
use kubeviz::view::{Meter, NodeCard as Data};
use yew::prelude::*;

use super::pod_card::PodCard;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Card;

/// See the module.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub lang: Lang,
    pub card: Card<Data>,
    pub selected: Option<Key>,
    pub small: bool,
    pub on_select: Callback<Option<Key>>,
}

fn meter(label: AttrValue, meter: Meter, show: fn(i64) -> String) -> Html {
    let share = format::per_mille(meter.requested, meter.allocatable);
    let text = format!("{} / {}", show(meter.requested), show(meter.allocatable));
    html! {
        <div class="meter">
            <span class="meter-label">{ &label }</span>
            <span class="meter-bar" role="meter" aria-label={label} aria-valuemin="0" aria-valuemax="1000"
                aria-valuenow={share.to_string()} aria-valuetext={text.clone()}>
                <span class="meter-fill" style={format!("width:{}%", share as f64 / 10.0)}></span>
            </span>
            <span class="meter-text">{ text }</span>
        </div>
    }
}

/// See the module.
#[component]
pub fn NodeCard(props: &Props) -> Html {
    let Props { lang, card, .. } = props;
    let key = Key::cluster(Kind::NODE, &card.name);
    let onclick = props.on_select.reform(move |_| Some(key.clone()));
    let pod = |pod: &std::sync::Arc<kubeviz::view::PodCard>| {
        let selected = props.selected.as_ref().is_some_and(|key| {
            key.kind == Kind::POD && *key.name == *pod.name && *key.namespace == *pod.namespace
        });
        html! {
            <li key={pod.uid.clone()}>
                <PodCard lang={*lang} card={Card(pod.clone())} {selected} small={props.small} on_select={props.on_select.clone()} />
            </li>
        }
    };
    html! {
        <section class={classes!("node", (!card.ready).then_some("is-down"), card.unschedulable.then_some("is-cordoned"))}
            data-node={card.name.clone()} aria-label={tr!(lang, "node.label", name = card.name, count = card.pods.len())}>
            <header class="node-head">
                <button type="button" class="node-name" {onclick}>{ &card.name }</button>
                if let Some(zone) = &card.zone { <span class="pill">{ zone }</span> }
                if !card.ready || card.unschedulable { <span class="pill is-warn">{ &card.status }</span> }
                { for card.labels.iter().map(|(name, value)| html! { <span class="pill">{ format!("{name}={value}") }</span> }) }
                { for card.taints.iter().map(|taint| html! { <span class="pill is-taint">{ "⛉ " }{ taint }</span> }) }
            </header>
            { meter(tr!(lang, "meter.cpu"), card.cpu, format::cpus) }
            { meter(tr!(lang, "meter.memory"), card.memory, format::bytes) }
            <ul class="pods">{ for card.pods.iter().map(pod) }</ul>
        </section>
    }
}
