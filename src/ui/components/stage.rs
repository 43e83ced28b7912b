//! The stage: the cluster as one sees it.

use kubeviz::api::{Key, Kind};
use kubeviz::view::filter::Meant;
use kubeviz::view::tree::Branch;
use kubeviz::view::{ClusterView, StoryLine};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, KeyboardEvent, MouseEvent, ResizeObserver};
use yew::prelude::*;

use super::control_plane_strip::ControlPlaneStrip;
use super::filter_bar::FilterBar;
use super::node_card::Verdicts;
use super::node_group::{GROUP, NodeGroup, TURNS};
use super::pending_lane::PendingLane;
use super::pod_cells::Grid;
use super::predict_bar::PredictBar;
use super::rollout_view::{Rolling, RolloutView};
use super::sight::use_out_of_sight;
use super::table_view::{Rows, TableView};
use super::timeline_view::{Lanes, TimelineView};
use super::traffic_view::{Traffic, TrafficView};
use super::tree_view::TreeView;
use super::workload_strip::WorkloadStrip;
use super::xray_view::{Xray, XrayView};
use crate::tr;
use crate::ui::flip::matches_media;
use crate::ui::i18n::Lang;
use crate::ui::predict::Predict;
use crate::ui::shared::{Card, Shared};
use crate::ui::starters::Starter;
use crate::ui::state::{Action, Sought, StageView};

/// More nodes than this show no more than what tells one from another.
pub const DENSE_NODES: usize = 50;

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
    /// For what is on the stage and what its workloads are about to put there: a change of density on the way would be seen
    /// as a flicker.
    fn of(view: &ClusterView) -> Density {
        let missing = |card: &std::sync::Arc<kubeviz::view::WorkloadCard>| {
            if card.finishes { 0 } else { usize::try_from(card.desired - card.current).unwrap_or(0) }
        };
        match view.pods() + view.workloads.iter().map(missing).sum::<usize>() {
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

/// What the stage shows: a view with the data that it needs besides the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Scene {
    /// Nodes and pods.
    Cluster,
    /// The revisions of a workload.
    Rollout(Rolling),
    /// Who writes what because of what.
    Xray(Xray),
    /// Services and loads.
    Traffic(Traffic),
    /// The lives of pods.
    Timeline(Lanes),
    /// Who owns whom.
    Tree(Shared<Vec<Branch>>),
    /// Any kind as kubectl prints it.
    Table(Rows),
}

impl Scene {
    fn view(&self) -> StageView {
        match self {
            Scene::Cluster => StageView::Cluster,
            Scene::Rollout(_) => StageView::Rollout,
            Scene::Xray(_) => StageView::Xray,
            Scene::Traffic(_) => StageView::Traffic,
            Scene::Timeline(_) => StageView::Timeline,
            Scene::Tree(_) => StageView::Tree,
            Scene::Table(_) => StageView::Table,
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct StageProps {
    pub view: Shared<ClusterView>,
    pub revision: u64,
    pub last: Option<StoryLine>,
    pub selected: Option<Key>,
    /// What the decision under the glass says of each node.
    pub verdicts: Shared<Verdicts>,
    pub predict: Predict,
    /// The pods that are looked for, if any are.
    pub sought: Option<Sought>,
    /// What is looked at.
    pub scene: Scene,
    /// The time looked at, in whole seconds, while a pod is being deleted.
    pub second: Option<u64>,
    /// Whether to offer the starters.
    pub starters: bool,
    /// While very much changes with every frame, the drawing's number: what nobody sees is drawn in turns.
    pub turn: Option<u32>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// Control plane, workloads, pending lane and nodes. One tab stop; arrow keys move within.
#[component]
pub fn Stage(props: &StageProps) -> Html {
    let StageProps {
        view,
        revision,
        last,
        selected,
        verdicts,
        predict,
        sought,
        scene,
        second,
        starters,
        turn,
        lang,
        on,
    } = props;
    let meant = sought.as_ref().and_then(|sought| sought.meant.clone());
    let root = use_node_ref();
    {
        let root = root.clone();
        use_effect(move || keep_one_tab_stop(&root));
    }
    let totals = &view.totals;
    let density = Density::of(view);
    let grids = use_grids(&root, density, view.pending.is_empty());
    let selected_pod =
        selected.as_ref().filter(|key| key.kind == Kind::POD).and_then(|key| uid_of(view, key));
    let selected_workload = selected.as_ref().map(|key| AttrValue::from(key.to_string()));
    let onclick = {
        let on = on.clone();
        Callback::from(move |event: MouseEvent| {
            if let Some(key) = pointed(&event) {
                on.emit(Action::Select(Some(key)));
            }
        })
    };
    // The menu key, Shift and F10, the other button of a mouse, or a long touch.
    let oncontextmenu = {
        let on = on.clone();
        Callback::from(move |event: MouseEvent| {
            if let Some(key) = pointed(&event) {
                event.prevent_default();
                on.emit(Action::Select(Some(key)));
                on.emit(Action::Menu(true));
            }
        })
    };
    // What has the focus is pointed at, too.
    let onpointerover = on.reform(|event: PointerEvent| Action::Light(pointed(&event)));
    let onfocusin = on.reform(|event: FocusEvent| Action::Light(pointed(&event)));
    let onpointerleave = on.reform(|_: PointerEvent| Action::Light(None));
    let onkeydown = {
        let root = root.clone();
        Callback::from(move |event: KeyboardEvent| move_focus(&root, &event))
    };
    let dense = view.nodes.len() > DENSE_NODES;
    let out_of_sight = use_out_of_sight(&root);
    let group = |(at, nodes): (usize, &[std::sync::Arc<kubeviz::view::NodeCard>])| {
        let second = second.filter(|_| nodes.iter().any(|node| node.counts_down));
        let waits = turn.is_some_and(|turn| !(turn as usize + at).is_multiple_of(TURNS as usize))
            && nodes.iter().all(|node| out_of_sight.contains(&node.name));
        let nodes: Vec<_> = nodes.iter().cloned().map(Card).collect();
        html! { <NodeGroup {nodes} {density} meant={meant.clone()} selected={selected.clone()} selected_pod={selected_pod.clone()} verdicts={verdicts.clone()} {second} grid={grids.node} {dense} {waits} lang={*lang} on={on} /> }
    };
    let groups = view.nodes.chunks(if dense { GROUP } else { usize::MAX });
    let label =
        tr!(*lang, "stage.label", nodes = totals.nodes, pods = totals.pods, pending = totals.pods_pending);
    html! {
        <section class="stage" id="stage" ref={root} data-testid="stage" data-density={density.as_str()} aria-label={label} {onclick} {oncontextmenu} {onkeydown} {onpointerover} {onpointerleave} {onfocusin}>
            <div class="stage-head">
                { switch(scene.view(), *lang, on) }
                { predict_switch(predict.on, *lang, on) }
                { filter_switch(sought.is_some(), *lang, on) }
                <ControlPlaneStrip revision={*revision} last={last.clone()} lang={*lang} />
            </div>
            <WorkloadStrip view={view.clone()} selected={selected_workload} lang={*lang} />
            if let Some(sought) = sought.as_ref().filter(|_| scene.view() != StageView::Xray) {
                <FilterBar sought={sought.clone()} rows={scene.view() == StageView::Table} lang={*lang} on={on.clone()} />
            }
            if let Some(other) = other(props, meant.clone(), selected_pod.as_ref()) { { other } } else {
                <PendingLane view={view.clone()} {density} meant={meant.clone()} selected_pod={selected_pod.clone()} second={*second} grid={grids.lane} lang={*lang} on={on} />
                if predict.on { <PredictBar predict={predict.clone()} view={view.clone()} lang={*lang} on={on} /> }
                if *starters { { offer(*lang, on) } }
                <ul class="nodes" role="list" data-many={(view.nodes.len() > 12).to_string()} data-dense={dense.to_string()}>{ for groups.enumerate().map(group) }</ul>
            }
        </section>
    }
}

/// What is looked at in place of nodes and pods, if anything is.
fn other(props: &StageProps, meant: Option<Shared<Meant>>, selected_pod: Option<&AttrValue>) -> Option<Html> {
    let StageProps { scene, selected, second, lang, on, .. } = props;
    let (selected, lang, on) = (selected.clone(), *lang, on.clone());
    Some(match scene {
        Scene::Cluster => return None,
        Scene::Xray(xray) => html! { <XrayView xray={xray.clone()} {lang} {on} /> },
        Scene::Traffic(traffic) => html! { <TrafficView traffic={traffic.clone()} {meant} {lang} {on} /> },
        Scene::Rollout(rolling) => {
            html! { <RolloutView rolling={rolling.clone()} {meant} selected_pod={selected_pod.cloned()} second={*second} {lang} {on} /> }
        }
        Scene::Timeline(lanes) => {
            html! { <TimelineView lanes={lanes.clone()} {meant} {selected} {lang} {on} /> }
        }
        Scene::Tree(tree) => html! { <TreeView tree={tree.clone()} {meant} {selected} {lang} {on} /> },
        Scene::Table(rows) => html! { <TableView rows={rows.clone()} {meant} {selected} {lang} {on} /> },
    })
}

/// The ways to look at the cluster.
fn switch(shown: StageView, lang: Lang, on: &Callback<Action>) -> Html {
    let button = |view: StageView| {
        let on = on.clone();
        let text = match view {
            StageView::Cluster => tr!(lang, "view.cluster"),
            StageView::Rollout => tr!(lang, "view.rollout"),
            StageView::Xray => tr!(lang, "view.xray"),
            StageView::Traffic => tr!(lang, "view.traffic"),
            StageView::Timeline => tr!(lang, "view.timeline"),
            StageView::Tree => tr!(lang, "view.tree"),
            StageView::Table => tr!(lang, "view.table"),
        };
        html! { <button type="button" data-view={view.as_str()} aria-pressed={(view == shown).to_string()} onclick={move |_| on.emit(Action::View(view))}>{ text }</button> }
    };
    html! { <div class="views" role="group" aria-label={tr!(lang, "view.label")}>{ for StageView::ALL.into_iter().map(button) }</div> }
}

/// Whether to ask where pods will run.
fn predict_switch(predicting: bool, lang: Lang, on: &Callback<Action>) -> Html {
    let toggle = on.reform(move |_: MouseEvent| Action::Predict(!predicting));
    html! { <button type="button" class="button small predict-switch" data-testid="predict-switch" aria-pressed={predicting.to_string()} title={tr!(lang, "predict.hint")} onclick={toggle}>{ tr!(lang, "predict.title") }</button> }
}

/// Whether to look for pods.
fn filter_switch(open: bool, lang: Lang, on: &Callback<Action>) -> Html {
    let toggle = on.reform(move |_: MouseEvent| if open { Action::Filter(None) } else { Action::AskFilter });
    html! { <button type="button" class="button small filter-switch" data-testid="filter-switch" aria-pressed={open.to_string()} title={tr!(lang, "filter.hint")} onclick={toggle}>{ tr!(lang, "filter.open") }</button> }
}

/// What an empty cluster offers.
fn offer(lang: Lang, on: &Callback<Action>) -> Html {
    let chip = |starter: Starter| {
        let on = on.clone();
        let text = match starter {
            Starter::Web => tr!(lang, "starters.web"),
            Starter::Unschedulable => tr!(lang, "starters.unschedulable"),
            Starter::RollingUpdate => tr!(lang, "starters.rolling_update"),
            other => AttrValue::Static(other.kind()),
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

/// The cells of the lane, and of every node.
#[derive(Clone, Copy, Default, PartialEq)]
struct Grids {
    lane: Grid,
    node: Grid,
}

/// Grids of cells that fit what is on screen: measured when cells are first shown and when the stage changes its size.
#[hook]
fn use_grids(root: &NodeRef, density: Density, lane_empty: bool) -> Grids {
    let grids = use_state_eq(Grids::default);
    let (root, set) = (root.clone(), grids.setter());
    use_effect_with((density, lane_empty), move |(density, _)| {
        let watch = || {
            let stage = root.cast::<Element>()?;
            let measure = Closure::<dyn Fn()>::new(move || set.set(measure(&root)));
            let observer = ResizeObserver::new(measure.as_ref().unchecked_ref()).ok()?;
            // It reports once at the start, and then whenever the width changes.
            observer.observe(&stage);
            Some((observer, measure))
        };
        let watching = if *density == Density::Cell { watch() } else { None };
        move || {
            if let Some((observer, _)) = watching {
                observer.disconnect();
            }
        }
    });
    *grids
}

fn measure(root: &NodeRef) -> Grids {
    // Fingers need more than a pointer does.
    let pitch = if matches_media("(max-width: 719px)") { 26 } else { 12 };
    let fit = |selector: &str| {
        let list = root.cast::<Element>().and_then(|root| root.query_selector(selector).ok().flatten());
        let width = list.map_or(0, |list| list.client_width()).cast_unsigned();
        Grid { pitch, across: (width / pitch).max(1) }
    };
    Grids { lane: fit(".lane .cells"), node: fit(".node .pods") }
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

fn pointed(event: &web_sys::Event) -> Option<Key> {
    selected_by(&event.target()?.dyn_into().ok()?)
}

/// The object that a click on an element means.
fn selected_by(target: &Element) -> Option<Key> {
    let near = |selector: &str| target.closest(selector).ok().flatten();
    let value = |element: &Element, name: &str| element.get_attribute(name).unwrap_or_default();
    if let Some(pod) = near("[data-pod]") {
        return Some(Key::new(Kind::POD, &value(&pod, "data-ns"), &value(&pod, "data-pod")));
    }
    if let Some(workload) = near("[data-workload]") {
        let kind = Kind::from_resource_word(&value(&workload, "data-kind").to_lowercase())?;
        return Some(Key::new(kind, &value(&workload, "data-ns"), &value(&workload, "data-workload")));
    }
    near("[data-select-node]").map(|node| Key::cluster(Kind::NODE, &value(&node, "data-select-node")))
}

/// The stage's stops, in reading order.
const STOPS: &str = ".workload, .pod, .node-head, .dot";

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
