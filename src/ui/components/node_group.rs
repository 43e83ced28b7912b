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
/// While the stage changes with every frame, a group out of sight is drawn with one of so many.
pub const TURNS: u32 = 16;

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
    /// Whether nobody sees them, very much changes, and it is the turn of others to be drawn.
    pub waits: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The cards of the nodes, without a frame of their own: of very many nodes few change at once, and the groups in which none
/// does are skipped whole. So are those that nobody sees, for some frames: a reader of the page, or of the whole list, is behind by
/// that and no more.
pub struct NodeGroup {
    /// Whether they have changed since they were drawn.
    stale: bool,
}

impl Component for NodeGroup {
    type Message = ();
    type Properties = NodeGroupProps;

    fn create(_: &Context<Self>) -> Self {
        NodeGroup { stale: false }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &NodeGroupProps) -> bool {
        let props = ctx.props();
        let looks_as = props.looks_as(old);
        self.stale |= !looks_as || props.nodes != old.nodes || props.second != old.second;
        let draws = self.stale && !(props.waits && looks_as);
        self.stale &= !draws;
        draws
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        html! { <>{ for props.nodes.iter().map(|node| props.card(node)) }</> }
    }
}

impl NodeGroupProps {
    /// Whether they are the same nodes, and all but what is on them is as it was.
    fn looks_as(&self, old: &NodeGroupProps) -> bool {
        let same_nodes = self.nodes.iter().map(|node| &node.uid).eq(old.nodes.iter().map(|node| &node.uid));
        same_nodes
            && (self.density, self.grid, self.lang) == (old.density, old.grid, old.lang)
            && (&self.selected, &self.selected_pod) == (&old.selected, &old.selected_pod)
            && (&self.verdicts, &self.meant) == (&old.verdicts, &old.meant)
    }

    fn card(&self, node: &Card<Node>) -> Html {
        let NodeGroupProps { density, verdicts, grid, dense, lang, on, .. } = self;
        let here = |uid: &AttrValue| node.pods.iter().any(|pod| pod.uid == uid.as_str());
        let selected =
            self.selected.as_ref().is_some_and(|key| key.kind == Kind::NODE && *key.name == node.name);
        let selected_pod = self.selected_pod.clone().filter(here);
        let second = self.second.filter(|_| node.counts_down);
        let verdict = verdicts.get(&node.name).cloned();
        let meant = self.meant.clone().filter(|_| !node.pods.is_empty());
        // How pods are drawn is nothing to a node without any: a change of it, on an Apply of many, leaves that node alone.
        let (density, grid) =
            if node.pods.is_empty() { (Density::Card, Grid::default()) } else { (*density, *grid) };
        html! {
            <NodeCard key={node.uid.as_str()} node={node.clone()} {density} {selected_pod} {selected} {verdict} {second} {grid} {meant}
                dense={*dense} lang={*lang} on={on} />
        }
    }
}
