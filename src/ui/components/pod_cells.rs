//! Very many pods: one drawing of cells, and buttons only for the pods that somebody looks at. A thousand buttons that come and
//! go at once would keep the browser busy for longer than a frame; six paths do not.

use std::fmt::Write;
use std::sync::Arc;

use kubeviz::view::filter::Meant;
use kubeviz::view::{NodeCard as Node, PodCard as Pod, PodClass};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, MouseEvent, PointerEvent};
use yew::prelude::*;

use super::pod_card::{PodCard, is_off};
use super::stage::Density;
use crate::ui::flip;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::state::Action;

/// The space between two cells, in pixels.
const GAP: u32 = 2;

/// How cells are laid out: all nodes are equally wide, so one measure does for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// From one cell to the next, in pixels.
    pub pitch: u32,
    /// Cells in a row.
    pub across: u32,
}

/// Until it is measured.
impl Default for Grid {
    fn default() -> Grid {
        Grid { pitch: 12, across: 16 }
    }
}

impl Grid {
    fn place(self, at: usize) -> (u32, u32) {
        let at = at as u32;
        (at % self.across * self.pitch, at / self.across * self.pitch)
    }

    fn at(self, x: i32, y: i32) -> Option<usize> {
        let (column, row) = (u32::try_from(x).ok()? / self.pitch, u32::try_from(y).ok()? / self.pitch);
        (column < self.across).then_some((row * self.across + column) as usize)
    }

    fn height(self, cells: usize) -> u32 {
        (cells as u32).div_ceil(self.across) * self.pitch
    }
}

/// Whose pods are drawn.
#[derive(Clone, PartialEq)]
pub enum Group {
    /// Those on a node.
    On(Card<Node>),
    /// Those that wait for one.
    Waiting(Shared<kubeviz::view::ClusterView>),
}

impl Group {
    fn pods(&self) -> &[Arc<Pod>] {
        match self {
            Group::On(node) => &node.pods,
            Group::Waiting(view) => &view.pending,
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct PodCellsProps {
    pub group: Group,
    pub grid: Grid,
    /// The pods that are looked for; nothing if all are.
    pub meant: Option<Shared<Meant>>,
    /// The uid of the pod under the glass, wherever it is.
    pub selected_pod: Option<AttrValue>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The cells of one group. A button lies over the cell that the pointer or the arrow keys are at, and over the one under the
/// glass.
#[component]
pub fn PodCells(props: &PodCellsProps) -> Html {
    let PodCellsProps { group, grid, meant, selected_pod, lang, on } = props;
    let (pods, grid) = (group.pods(), *grid);
    let cursor = use_state(AttrValue::default);
    let list = use_node_ref();
    let wants_focus = use_mut_ref(|| false);
    let at = pods.iter().position(|pod| *pod.uid == **cursor).unwrap_or(0);
    {
        let (list, wants_focus) = (list.clone(), wants_focus.clone());
        use_effect_with(cursor.clone(), move |cursor| {
            if wants_focus.replace(false) {
                focus(&list, cursor);
            }
        });
    }
    if pods.is_empty() {
        return html! { <ul class="pods cells" role="list" ref={list}></ul> };
    }
    let onpointermove = {
        let (group, cursor) = (group.clone(), cursor.clone());
        Callback::from(move |event: PointerEvent| {
            if let Some(pod) = under(&event, &group, grid).filter(|pod| *pod.uid != **cursor) {
                cursor.set(pod.uid.clone().into());
            }
        })
    };
    // A tap comes without a move before it.
    let onclick = {
        let (group, on) = (group.clone(), on.clone());
        Callback::from(move |event: MouseEvent| {
            if let Some(pod) = under(&event, &group, grid) {
                on.emit(Action::Select(Some(kubeviz::api::Key::new(
                    kubeviz::api::Kind::POD,
                    &pod.namespace,
                    &pod.name,
                ))));
            }
        })
    };
    let onkeydown = {
        let (group, cursor) = (group.clone(), cursor.clone());
        Callback::from(move |event: KeyboardEvent| {
            let across = grid.across as isize;
            let step = match event.code().as_str() {
                "ArrowLeft" if at as isize % across > 0 => -1,
                "ArrowRight" if (at as isize + 1) % across > 0 => 1,
                "ArrowUp" => -across,
                "ArrowDown" => across,
                _ => return,
            };
            let to = at.checked_add_signed(step).and_then(|to| group.pods().get(to));
            // Past the edge it is the stage that finds the next stop.
            if let Some(pod) = to.filter(|_| !event.ctrl_key()) {
                event.prevent_default();
                event.stop_propagation();
                wants_focus.replace(true);
                cursor.set(pod.uid.clone().into());
            }
        })
    };
    let button = |(at, pod): (usize, &Arc<Pod>)| {
        let selected = selected_pod.as_deref() == Some(pod.uid.as_str());
        html! { <PodCard key={pod.uid.as_str()} pod={Card(pod.clone())} density={Density::Cell} {selected} second={None::<u64>} at={grid.place(at)} lang={*lang} /> }
    };
    let shown = |(here, pod): &(usize, &Arc<Pod>)| *here == at || selected_pod.as_deref() == Some(&pod.uid);
    // Every child has a key, else a button that stays would be made anew and lose the focus.
    let drawing = html! {
        <li key="drawing" class="cells-drawing" aria-hidden="true"><svg>
            { for PodClass::ALL.into_iter().map(|class| path(class, pods, grid, |pod| !is_off(meant, pod))) }
            if meant.is_some() { <g class="off">{ for PodClass::ALL.into_iter().map(|class| path(class, pods, grid, |pod| is_off(meant, pod))) }</g> }
        </svg></li>
    };
    let style = format!("--cell:{}px;height:{}px", grid.pitch - GAP, grid.height(pods.len()));
    html! {
        <ul class="pods cells" role="list" ref={list} {style} {onpointermove} {onclick} {onkeydown}>
            { for std::iter::once(drawing).chain(pods.iter().enumerate().filter(shown).map(button)) }
        </ul>
    }
}

/// Moves the focus, and the stage's one tab stop with it.
fn focus(list: &NodeRef, uid: &str) {
    // An element takes any attribute, and focusing one that is on screen does not fail.
    let find = |selector: &str| list.cast::<Element>()?.query_selector(selector).ok()?;
    if let Some(last) = find("[tabindex=\"0\"]") {
        let _ = last.set_attribute("tabindex", "-1");
    }
    let button = flip::card(uid);
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        let _ = button.set_attribute("tabindex", "0");
        let _ = button.focus();
    }
}

/// The pod whose cell an event is over; none where a button lies over it, which says itself what it is.
fn under(event: &MouseEvent, group: &Group, grid: Grid) -> Option<Arc<Pod>> {
    let target: Element = event.target()?.dyn_into().ok()?;
    let over = target.class_list().contains("cells-drawing");
    let at = grid.at(event.offset_x(), event.offset_y()).filter(|_| over)?;
    group.pods().get(at).cloned()
}

/// All cells of one class, as one path: each class has a shape of its own besides its colour.
fn path(class: PodClass, pods: &[Arc<Pod>], grid: Grid, drawn: impl Fn(&Pod) -> bool) -> Html {
    let size = grid.pitch - GAP;
    let mut d = String::new();
    for (at, _) in pods.iter().enumerate().filter(|(_, pod)| pod.class == class && drawn(pod)) {
        let (x, y) = grid.place(at);
        cell(&mut d, class, x, y, size);
    }
    if d.is_empty() {
        return html! {};
    }
    html! { <path key={class.as_str()} data-class={class.as_str()} {d} /> }
}

fn cell(d: &mut String, class: PodClass, x: u32, y: u32, size: u32) {
    let mut square = |inset: u32| {
        let side = size - 2 * inset;
        // Writing to a string does not fail.
        let _ = write!(d, "M{} {}h{side}v{side}h-{side}z", x + inset, y + inset);
    };
    match class {
        PodClass::Ready => square(0),
        PodClass::Wait | PodClass::Progress | PodClass::Fail => square(1),
        // A frame around a full square, by the even-odd rule.
        PodClass::Done => [0, 2, 3].into_iter().for_each(square),
        PodClass::Gone => {
            square(1);
            let _ = write!(d, "M{} {}l{side} {side}", x + 1, y + 1, side = size - 2);
        }
    }
}
