//! A pod.

use kubeviz::clock::SimTime;
use kubeviz::view::filter::Meant;
use kubeviz::view::{PodCard as Pod, PodClass};
use yew::prelude::*;

use super::Icon;
use super::stage::Density;
use crate::tr;
use crate::ui::format::split_name;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};

#[derive(Properties, PartialEq)]
pub struct PodCardProps {
    pub pod: Card<Pod>,
    pub density: Density,
    pub selected: bool,
    /// Whether others are looked for.
    #[prop_or_default]
    pub off: bool,
    /// The time looked at, in whole seconds; only for a pod that counts down to something.
    pub second: Option<u64>,
    /// Where it lies over its cell, in pixels; only among cells.
    #[prop_or_default]
    pub at: Option<(u32, u32)>,
    pub lang: Lang,
}

/// A button in the colour, icon and treatment of the pod's state. Clicks are taken by the stage.
#[component]
pub fn PodCard(props: &PodCardProps) -> Html {
    let PodCardProps { pod, density, selected, off, second, at, lang } = props;
    let left = second.and_then(|second| seconds_left(pod, second));
    let leaves = pod.class == PodClass::Gone;
    let status = match left.filter(|_| leaves) {
        Some(left) => AttrValue::from(format!("{} {left}s", pod.status)),
        None => AttrValue::from(pod.status.clone()),
    };
    // A card has no room for both.
    let ready = match left.filter(|_| !leaves) {
        Some(left) => format!("{left}s"),
        None => format!("{}/{}", pod.ready, pod.containers),
    };
    let inside = match density {
        Density::Card => html! {
            <>
                <span class="pod-glyph"><Icon name={pod.class.as_str()} /></span>
                { name(&pod.name) }
                <span class="pod-state">
                    <span class="pod-status">{ status }</span>
                    <span class="pod-ready">{ ready }</span>
                    if pod.restarts > 0 {
                        <span class="pod-restarts"><Icon name="restart" />{ pod.restarts }</span>
                    }
                    <span class="pod-image">{ pod.image.clone() }</span>
                </span>
                if let Some(revision) = pod.revision {
                    <span class="pod-rev" data-band={(revision % 3).to_string()}>{ revision }</span>
                }
            </>
        },
        Density::Chip => html! { <span class="pod-glyph"><Icon name={pod.class.as_str()} /></span> },
        Density::Cell => html! {},
    };
    let style = at.map(|(x, y)| format!("left:{x}px;top:{y}px"));
    html! {
        <li {style}>
            <button type="button" class="pod" id={pod.uid.clone()} data-pod={pod.name.clone()} data-ns={pod.namespace.clone()}
                data-status={pod.class.as_str()} aria-label={label(pod, *lang)} aria-pressed={selected.to_string()} data-off={off.then_some("")}
                tabindex="-1" title={(*density != Density::Card).then(|| format!("{} · {}", pod.name, pod.status))}>
                { inside }
            </button>
        </li>
    }
}

/// Whether a pod is none of those that are looked for.
pub fn is_off(meant: &Option<Shared<Meant>>, pod: &Pod) -> bool {
    is_other(meant, &pod.uid)
}

/// The same of a pod's uid.
pub fn is_other(meant: &Option<Shared<Meant>>, uid: &str) -> bool {
    meant.as_ref().is_some_and(|meant| !meant.uids.contains(uid))
}

fn name(name: &str) -> Html {
    let (head, tail) = split_name(name);
    html! { <span class="pod-name"><span class="head">{ head.to_string() }</span><span class="tail">{ tail.to_string() }</span></span> }
}

fn seconds_left(pod: &Pod, second: u64) -> Option<u64> {
    let deadline = pod.deadline.filter(|_| pod.class != PodClass::Ready)?;
    let left = deadline.since(SimTime::from_secs(second)).as_secs();
    (left > 0).then_some(left)
}

/// What assistive technology reads: name, state, place.
fn label(pod: &Pod, lang: Lang) -> AttrValue {
    let place = match &pod.node {
        Some(node) => AttrValue::from(node.clone()),
        None => tr!(lang, "pod.no_node"),
    };
    let label = tr!(
        lang,
        "pod.label",
        name = pod.name,
        status = pod.status,
        ready = pod.ready,
        containers = pod.containers,
        node = place
    );
    match pod.restarts {
        0 => label,
        restarts => AttrValue::from(format!("{label}, {}", tr!(lang, "pod.restarts", count = restarts))),
    }
}
