//! A run of nodes that are drawn together.

use kubeviz::api::{Key, Kind};
use kubeviz::view::NodeCard as Node;
use kubeviz::view::filter::Meant;
use yew::prelude::*;

use super::node_card::{NodeCard, Verdicts};
use super::pod_cells::Grid;
use super::stage::Density;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::state::Action;

/// How many of very many nodes make a group.
pub const GROUP: usize = 16;

#[derive(Properties, PartialEq)]
pub struct NodeGroupProps {
    pub nodes: Vec<Card<Node>>,
    pub density: Density,
    pub selected: Option<Key>,
    /// The uid of the pod under the glass.
    pub selected_pod: Option<AttrValue>,
    /// What the decision under the glass says of each node.
    pub verdicts: Shared<Verdicts>,
    /// The time looked at, in whole seconds, if a pod here is being deleted.
    pub second: Option<u64>,
    pub grid: Grid,
    /// The pods that are looked for; nothing if all are.
    pub meant: Option<Shared<Meant>>,
    /// Some of very many: no more than what tells one from another.
    pub dense: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The cards of the nodes, without a frame of their own: of very many nodes few change at once, and the groups in which none
/// does are skipped whole.
#[component]
pub fn NodeGroup(props: &NodeGroupProps) -> Html {
    let NodeGroupProps {
        nodes,
        density,
        selected,
        selected_pod,
        verdicts,
        second,
        grid,
        meant,
        dense,
        lang,
        on,
    } = props;
    let card = |node: &Card<Node>| {
        let here = |uid: &AttrValue| node.pods.iter().any(|pod| pod.uid == uid.as_str());
        let selected = selected.as_ref().is_some_and(|key| key.kind == Kind::NODE && *key.name == node.name);
        let second = second.filter(|_| node.counts_down);
        // How pods are drawn is nothing to a node without any: a change of it, on an Apply of many, leaves that node alone.
        let (density, grid) =
            if node.pods.is_empty() { (Density::Card, Grid::default()) } else { (*density, *grid) };
        html! {
            <NodeCard key={node.uid.as_str()} node={node.clone()} {density} selected_pod={selected_pod.clone().filter(here)}
                {selected} verdict={verdicts.get(&node.name).cloned()} {second} {grid} meant={meant.clone().filter(|_| !node.pods.is_empty())} dense={*dense} lang={*lang} on={on} />
        }
    };
    html! { <>{ for nodes.iter().map(card) }</> }
}
