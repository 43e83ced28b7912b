//! The stage: the cluster as one sees it.

use std::collections::BTreeMap;

use kubeviz::api::{Key, Kind};
use kubeviz::view::{ClusterView, StoryLine};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, MouseEvent};
use yew::prelude::*;

use super::control_plane_strip::ControlPlaneStrip;
use super::node_card::NodeCard;
use super::pending_lane::PendingLane;
use super::workload_strip::WorkloadStrip;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::starters::Starter;
use crate::ui::state::Action;

/// How much of a pod is shown: the more there are, the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    /// A card with name and state.
    Card,
    /// A chip with the state's icon.
    Chip,
    /// A cell of colour and pattern.
    Cell,
}

impl Density {
    fn of(pods: u32) -> Density {
        match pods {
            0..=60 => Density::Card,
            61..=400 => Density::Chip,
            _ => Density::Cell,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Density::Card => "card",
            Density::Chip => "chip",
            Density::Cell => "cell",
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct StageProps {
    pub view: Shared<ClusterView>,
    pub revision: u64,
    pub last: Option<StoryLine>,
    pub selected: Option<Key>,
    /// Why each node refused the pod under the glass.
    pub refusals: Shared<BTreeMap<String, String>>,
    /// The time looked at, in whole seconds, while a pod is being deleted.
    pub second: Option<u64>,
    /// Whether to offer the starters.
    pub starters: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// Control plane, workloads, pending lane and nodes. One tab stop; arrow keys move within.
#[component]
pub fn Stage(props: &StageProps) -> Html {
    let StageProps { view, revision, last, selected, refusals, second, starters, lang, on } = props;
    let root = use_node_ref();
    {
        let root = root.clone();
        use_effect(move || keep_one_tab_stop(&root));
    }
    let totals = &view.totals;
    let density = Density::of(totals.pods);
    let selected_pod =
        selected.as_ref().filter(|key| key.kind == Kind::POD).and_then(|key| uid_of(view, key));
    let selected_workload = selected.as_ref().map(|key| AttrValue::from(key.to_string()));
    let onclick = {
        let on = on.clone();
        Callback::from(move |event: MouseEvent| {
            if let Some(key) = event.target().and_then(|target| selected_by(&target.dyn_into().ok()?)) {
                on.emit(Action::Select(Some(key)));
            }
        })
    };
    let onkeydown = {
        let root = root.clone();
        Callback::from(move |event: KeyboardEvent| move_focus(&root, &event))
    };
    let node = |node: &std::sync::Arc<kubeviz::view::NodeCard>| {
        let here = |uid: &AttrValue| node.pods.iter().any(|pod| pod.uid == uid.as_str());
        let selected_here =
            selected.as_ref().is_some_and(|key| key.kind == Kind::NODE && *key.name == node.name);
        let second = second.filter(|_| node.pods.iter().any(|pod| pod.deadline.is_some()));
        html! {
            <NodeCard key={node.uid.as_str()} node={Card(node.clone())} {density} selected_pod={selected_pod.clone().filter(here)}
                selected={selected_here} refusal={refusals.get(&node.name).cloned().map(AttrValue::from)} {second} lang={*lang} />
        }
    };
    let label =
        tr!(*lang, "stage.label", nodes = totals.nodes, pods = totals.pods, pending = totals.pods_pending);
    html! {
        <section class="stage" id="stage" ref={root} data-testid="stage" data-density={density.as_str()} aria-label={label} {onclick} {onkeydown}>
            <ControlPlaneStrip revision={*revision} last={last.clone()} lang={*lang} />
            <WorkloadStrip view={view.clone()} selected={selected_workload} lang={*lang} />
            <PendingLane view={view.clone()} {density} selected_pod={selected_pod.clone()} second={*second} lang={*lang} />
            if *starters { { offer(*lang, on) } }
            <ul class="nodes" role="list" data-many={(view.nodes.len() > 12).to_string()}>{ for view.nodes.iter().map(node) }</ul>
        </section>
    }
}

/// What an empty cluster offers.
fn offer(lang: Lang, on: &Callback<Action>) -> Html {
    let chip = |starter: Starter| {
        let on = on.clone();
        let text = match starter {
            Starter::Web => tr!(lang, "starters.web"),
            Starter::Unschedulable => tr!(lang, "starters.unschedulable"),
            Starter::RollingUpdate => tr!(lang, "starters.rolling_update"),
        };
        html! { <button type="button" class="button" onclick={move |_| on.emit(Action::Start(starter))}>{ text }</button> }
    };
    html! {
        <div class="offer">
            <p>{ tr!(lang, "starters.title") }</p>
            <div class="offer-chips">{ for Starter::ALL.into_iter().map(chip) }</div>
        </div>
    }
}

fn uid_of(view: &ClusterView, key: &Key) -> Option<AttrValue> {
    let on_nodes = view.nodes.iter().flat_map(|node| node.pods.iter());
    let found = view
        .pending
        .iter()
        .chain(on_nodes)
        .find(|pod| *pod.name == *key.name && *pod.namespace == *key.namespace);
    found.map(|pod| AttrValue::from(pod.uid.clone()))
}

/// The object that a click on an element means.
fn selected_by(target: &Element) -> Option<Key> {
    let near = |selector: &str| target.closest(selector).ok().flatten();
    let value = |element: &Element, name: &str| element.get_attribute(name).unwrap_or_default();
    if let Some(pod) = near("[data-pod]") {
        return Some(Key::new(Kind::POD, &value(&pod, "data-ns"), &value(&pod, "data-pod")));
    }
    if let Some(workload) = near("[data-workload]") {
        let kind =
            if value(&workload, "data-kind") == "Deployment" { Kind::DEPLOYMENT } else { Kind::REPLICA_SET };
        return Some(Key::new(kind, &value(&workload, "data-ns"), &value(&workload, "data-workload")));
    }
    near("[data-select-node]").map(|node| Key::cluster(Kind::NODE, &value(&node, "data-select-node")))
}

/// The stage's stops, in reading order.
const STOPS: &str = ".workload, .pod, .node-head";

fn stops(root: &NodeRef) -> Vec<HtmlElement> {
    let Some(list) = root.cast::<Element>().and_then(|root| root.query_selector_all(STOPS).ok()) else {
        return Vec::new();
    };
    (0..list.length()).filter_map(|at| list.item(at)?.dyn_into().ok()).collect()
}

/// However cards come and go, exactly one of them is reached by Tab.
fn keep_one_tab_stop(root: &NodeRef) {
    let Some(stage) = root.cast::<Element>() else { return };
    if stage.query_selector(r#"[tabindex="0"]"#).ok().flatten().is_some() {
        return;
    }
    if let Ok(Some(first)) = stage.query_selector(STOPS) {
        // An element takes any attribute.
        let _ = first.set_attribute("tabindex", "0");
    }
}

/// Arrow keys go to the nearest stop in their direction; with Ctrl, to the next node.
fn move_focus(root: &NodeRef, event: &KeyboardEvent) {
    let (x, y) = match event.code().as_str() {
        "ArrowLeft" => (-1.0, 0.0),
        "ArrowRight" => (1.0, 0.0),
        "ArrowUp" => (0.0, -1.0),
        "ArrowDown" => (0.0, 1.0),
        _ => return,
    };
    let Some(from) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
    let centre = |element: &HtmlElement| {
        let place = element.get_bounding_client_rect();
        (place.left() + place.width() / 2.0, place.top() + place.height() / 2.0)
    };
    let (from_x, from_y) = centre(&from);
    let nodes_only = event.ctrl_key();
    let distance = |element: &HtmlElement| {
        let (to_x, to_y) = centre(element);
        let (dx, dy) = (to_x - from_x, to_y - from_y);
        let (along, aside) = (dx * x + dy * y, (dx * y).abs() + (dy * x).abs());
        (along > 1.0).then_some(along + aside * 3.0)
    };
    let candidates =
        stops(root).into_iter().filter(|stop| !nodes_only || stop.class_list().contains("node-head"));
    let nearest =
        candidates.filter_map(|stop| Some((distance(&stop)?, stop))).min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, stop)) = nearest {
        event.prevent_default();
        // An element takes any attribute, and focusing one that is on screen does not fail.
        let _ = from.set_attribute("tabindex", "-1");
        let _ = stop.set_attribute("tabindex", "0");
        let _ = stop.focus();
    }
}
