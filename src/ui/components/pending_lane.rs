//! Where pods wait for a node.

use kubeviz::view::ClusterView;
use kubeviz::view::filter::Meant;
use yew::prelude::*;

use super::pod_card::{PodCard, is_off};
use super::pod_cells::{Grid, Group, PodCells};
use super::stage::Density;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct PendingLaneProps {
    pub view: Shared<ClusterView>,
    pub density: Density,
    pub selected_pod: Option<AttrValue>,
    pub second: Option<u64>,
    pub grid: Grid,
    /// The pods that are looked for; nothing if all are.
    pub meant: Option<Shared<Meant>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The lane. It keeps its height when it is empty, so that nothing jumps when a pod enters it.
#[component]
pub fn PendingLane(props: &PendingLaneProps) -> Html {
    let PendingLaneProps { view, density, selected_pod, second, grid, meant, lang, on } = props;
    let pods = &view.pending;
    let pod = |pod: &std::sync::Arc<kubeviz::view::PodCard>| {
        let selected = selected_pod.as_deref() == Some(pod.uid.as_str());
        let second = second.filter(|_| pod.deadline.is_some());
        html! { <PodCard key={pod.uid.as_str()} pod={Card(pod.clone())} density={*density} {selected} off={is_off(meant, pod)} {second} lang={*lang} /> }
    };
    let count = view.totals.pods_pending;
    let more = count as usize - pods.len();
    html! {
        <section class="lane" data-testid="pending-lane" aria-label={tr!(*lang, "lane.label", count = count)}>
            <h2 class="lane-title">{ tr!(*lang, "lane.title") }<span class="count">{ count }</span></h2>
            if pods.is_empty() {
                <p class="lane-empty">{ tr!(*lang, "lane.empty") }</p>
            }
            if *density == Density::Cell {
                <PodCells group={Group::Waiting(view.clone())} grid={*grid} meant={meant.clone()} selected_pod={selected_pod.clone()} lang={*lang} on={on.clone()} />
            } else {
                <ul class="pods" role="list">{ for pods.iter().map(pod) }</ul>
            }
            if more > 0 { <p class="lane-more">{ format!("+{more}") }</p> }
        </section>
    }
}
