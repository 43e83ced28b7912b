//! PreFilter and Filter: which nodes can run the pod?

use std::sync::Arc;

use sorted::SortedSet;

use super::score::pre_score;
use super::{Framework, PluginSet, running};
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::memory::{Memory, recall};
use crate::scheduler::cache::shape::{MOST, Prepared, Shape};
use crate::scheduler::framework::{
    Code, Context, CycleState, Diagnosis, NodeInfo, PodInfo, Point, PreFilterAnswers, PreFilterResult, Status,
};

/// What the Filter phase has found.
#[derive(Debug, Default)]
pub struct Feasibility {
    /// The notes of the cycle so far.
    pub state: CycleState,
    /// The nodes that can run the pod, in name order.
    pub nodes: Vec<NodeIndex>,
    /// Why the others cannot.
    pub diagnosis: Diagnosis,
    /// What has gone wrong, in a plugin rather than with the pod. The attempt is worth nothing then.
    pub error: Option<String>,
}

impl Feasibility {
    /// Whether the nodes cannot be scored; the attempt is then worth nothing.
    pub(super) fn has_score_error(&mut self) -> bool {
        self.error = self.state.score_error.as_ref().map(Status::message);
        self.error.is_some()
    }

    /// Takes note of a node's answer. Says whether to go on: an error ends the attempt.
    fn take(&mut self, index: NodeIndex, answer: Result<(), (u8, Status)>) -> bool {
        match answer {
            Ok(()) => self.nodes.push(index),
            Err((_, status)) if !status.is_rejection() => {
                self.error = Some(status.message());
                return false;
            }
            Err((place, status)) => {
                self.diagnosis.rejectors.insert(place);
                self.diagnosis.reject(index, status);
            }
        }
        true
    }
}

/// Which nodes are worth a look.
pub(super) enum Look {
    /// None: it is known what is to be known.
    AtNone,
    /// All.
    AtAll,
    /// Those that PreFilter has named.
    At(Vec<NodeIndex>),
}

/// The nodes on which others have been promised room that this pod may not take.
pub fn promised_nodes(cx: &Context<'_>, pod: &PodInfo) -> SortedSet<NodeIndex> {
    let counts = |other: &Arc<PodInfo>| other.priority() >= pod.priority() && other.uid() != pod.uid();
    let promised = cx.nominator.nodes().filter(|(_, pods)| pods.iter().any(counts));
    promised.filter_map(|(node, _)| cx.cache.index(node)).collect()
}

impl Framework {
    /// Finds the nodes that can run the pod: PreFilter, then Filter on every node that is worth a look. A pod that has been
    /// promised room on a node looks there first, and nowhere else if it fits.
    pub fn find_nodes_that_fit(&self, cx: &Context<'_>, memory: &mut Memory, pod: &PodInfo) -> Feasibility {
        let mut found = Feasibility::default();
        memory.begin();
        std::mem::swap(memory, &mut found.state.memory);
        let looking = self.begin_to_look(cx, pod, None, &mut found);
        self.look_on(cx, pod, looking, &mut found);
        std::mem::swap(memory, &mut found.state.memory);
        found
    }

    /// PreFilter, and the node that the pod has been promised room on.
    pub(super) fn begin_to_look(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        prepared: Option<&Prepared>,
        found: &mut Feasibility,
    ) -> Look {
        let mut answer = self.run_pre_filter(cx, pod, prepared, found);
        if answer.is_err() && prepared.is_some() {
            // No plugin behind the one that refuses the pod as a whole has been asked, and that may show.
            let memory = std::mem::take(&mut found.state.memory);
            *found = Feasibility::default();
            found.state.memory = memory;
            answer = self.run_pre_filter(cx, pod, None, found);
        }
        let names = match answer {
            Ok(names) => names,
            Err(status) if !status.is_rejection() => {
                found.error = Some(status.message());
                return Look::AtNone;
            }
            Err(status) => {
                found.diagnosis.pre_filter_message = status.message();
                found.diagnosis.absent = Some((status, cx.cache.len() as u32));
                return Look::AtNone;
            }
        };
        if let Some(index) = pod.nominated_node().and_then(|name| cx.cache.index(name))
            && self.run_filter_with_nominated_pods(cx, &found.state, pod, cx.cache.node(index)).is_ok()
        {
            found.nodes = vec![index];
            return Look::AtNone;
        }
        match names {
            None => Look::AtAll,
            Some(names) => Look::At(names.iter().filter_map(|name| cx.cache.index(name)).collect()),
        }
    }

    /// Filter on every node that is worth a look.
    pub(super) fn look_on(&self, cx: &Context<'_>, pod: &PodInfo, looking: Look, found: &mut Feasibility) {
        let nodes = match &looking {
            Look::AtNone => return,
            Look::AtAll => cx.cache.order(),
            Look::At(nodes) => nodes,
        };
        // For a few nodes named it is not worth the while to look at all.
        if found.state.memory.is_off() || nodes.len() < cx.cache.len() / 8 {
            self.filter_plainly(cx, pod, nodes, found);
        } else {
            self.filter_by_shape(cx, pod, nodes, found);
        }
        if let Some((_, count)) = &mut found.diagnosis.absent {
            *count = (cx.cache.len() - nodes.len()) as u32;
        }
    }

    /// Filter, plugin by plugin, on every node.
    fn filter_plainly(&self, cx: &Context<'_>, pod: &PodInfo, nodes: &[NodeIndex], found: &mut Feasibility) {
        for index in nodes {
            let answer = self.run_filter_with_nominated_pods(cx, &found.state, pod, cx.cache.node(*index));
            if !found.take(*index, answer) {
                return;
            }
        }
    }

    /// Filter, with the answers that are known from pods of the same shape. They hold for a node as it is; where pods have been
    /// promised room, the node has to be asked as it will be.
    fn filter_by_shape(&self, cx: &Context<'_>, pod: &PodInfo, nodes: &[NodeIndex], found: &mut Feasibility) {
        let (verdicts, known) = {
            let mut shapes = std::mem::take(&mut found.state.memory.shapes);
            let shape = recall(&mut shapes, MOST, |shape| shape.fits(self, pod), || Shape::new(self, pod));
            shape.filter(self, cx, &found.state, pod);
            let known = (shape.verdicts.clone(), shape.answers.clone());
            found.state.memory.shapes = shapes;
            known
        };
        let promised = promised_nodes(cx, pod);
        let others: Vec<u8> = self.further_filters(&found.state).iter().collect();
        for index in nodes {
            let node = cx.cache.node(*index);
            let answer = if promised.contains(index) {
                self.run_filter_with_nominated_pods(cx, &found.state, pod, node)
            } else {
                let known = verdicts[*index as usize].checked_sub(1).map(|place| &known[usize::from(place)]);
                let before = known.map_or(u8::MAX, |(place, _)| *place);
                let mut others = others.iter().take_while(|place| **place < before);
                others
                    .try_for_each(|place| self.run_filter_of(*place, cx, &found.state, pod, node))
                    .and_then(|()| known.cloned().map_or(Ok(()), Err))
            };
            if !found.take(*index, answer) {
                return;
            }
        }
    }

    /// PreFilter and PreScore of the plugins that look at nothing but pod and node, whatever the others say.
    pub fn prepare_local(&self, cx: &Context<'_>, pod: &PodInfo) -> (CycleState, PreFilterAnswers) {
        let (mut state, mut answers) = (CycleState::default(), Vec::new());
        for (place, plugin) in self.at(Point::PreFilter).filter(|(place, _)| self.local.contains(*place)) {
            match plugin.pre_filter(cx, &mut state, pod) {
                Ok(None) => {}
                Err(status) if status.code == Code::Skip => state.skip_filter.insert(place),
                answer => answers.push((place, answer)),
            }
        }
        for (place, plugin) in self.at(Point::PreScore).filter(|(place, _)| self.local.contains(*place)) {
            pre_score(place, plugin, cx, &mut state, pod);
        }
        (state, answers)
    }

    /// PreFilter. The names of the nodes worth a look are those that all plugins name.
    fn run_pre_filter(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        prepared: Option<&Prepared>,
        found: &mut Feasibility,
    ) -> Result<PreFilterResult, Status> {
        let mut names: PreFilterResult = None;
        let mut naming: SortedSet<&'static str> = SortedSet::new();
        for (place, plugin) in self.at(Point::PreFilter) {
            let answer = match prepared.filter(|_| self.local.contains(place)) {
                None => plugin.pre_filter(cx, &mut found.state, pod),
                Some(prepared) => match prepared.answers.iter().find(|(known, _)| *known == place) {
                    None => continue,
                    Some((_, answer)) => answer.clone(),
                },
            };
            match answer {
                Ok(None) => {}
                Ok(Some(named)) => {
                    naming.insert(plugin.name());
                    found.diagnosis.rejectors.insert(place);
                    names = Some(match names {
                        None => named,
                        Some(known) => known.intersection(&named).cloned().collect(),
                    });
                }
                Err(status) if status.code == Code::Skip => found.state.skip_filter.insert(place),
                Err(status) if !status.is_rejection() => {
                    return Err(running(&format!("PreFilter plugin {:?}", plugin.name()), &status));
                }
                Err(status) => {
                    found.diagnosis.rejectors.insert(place);
                    return Err(status.by(plugin.name()));
                }
            }
        }
        let list = || naming.iter().copied().collect::<Vec<_>>().join(" ");
        match &names {
            Some(names) if names.is_empty() && naming.len() == 1 => {
                Err(Status::unresolvable(format!("node(s) didn't satisfy plugin {}", list())))
            }
            Some(names) if names.is_empty() => Err(Status::unresolvable(format!(
                "node(s) didn't satisfy plugin(s) [{}] simultaneously",
                list()
            ))),
            Some(_) => {
                let left_out = Status::unresolvable(format!("node(s) didn't satisfy plugin(s) [{}]", list()));
                found.diagnosis.absent = Some((left_out, 0));
                Ok(names)
            }
            None => Ok(None),
        }
    }

    /// Filter on one node: the first plugin that says no, and its place.
    ///
    /// # Errors
    /// That plugin's answer.
    pub fn run_filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        for place in &self.at[Point::Filter as usize] {
            if !state.skip_filter.contains(*place) {
                self.run_filter_of(*place, cx, state, pod, node)?;
            }
        }
        Ok(())
    }

    /// The plugins of this cycle that filter, in their order, of those in a set.
    fn filters_in(&self, state: &CycleState, set: PluginSet) -> PluginSet {
        self.sets[Point::Filter as usize].and(set).without(state.skip_filter)
    }

    /// Filter on one node, by the plugins that look at nothing but the node object.
    ///
    /// # Errors
    /// The first such plugin's answer, and its place.
    pub fn run_object_filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        let mut asked = self.filters_in(state, self.by_object).iter();
        asked.try_for_each(|place| self.run_filter_of(place, cx, state, pod, node))
    }

    /// Filter on one node, by the plugins that look at its pods, too; of those only the ones before a place.
    ///
    /// # Errors
    /// The first such plugin's answer, and its place.
    pub fn run_node_filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
        before: Option<u8>,
    ) -> Result<(), (u8, Status)> {
        let mut asked = self.filters_in(state, self.local.without(self.by_object)).iter();
        asked
            .by_ref()
            .take_while(|place| before.is_none_or(|before| *place < before))
            .try_for_each(|place| self.run_filter_of(place, cx, state, pod, node))
    }

    pub(super) fn run_filter_of(
        &self,
        place: u8,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        let plugin = &self.plugins[place as usize];
        plugin.filter(cx, state, pod, node).map_err(|status| match status.is_rejection() {
            true => (place, status.by(plugin.name())),
            false => (place, running(&format!("{:?} filter plugin", plugin.name()), &status)),
        })
    }

    /// Filter on one node as if the pods that have been promised room there were there already, if they matter at least as
    /// much as this one; and again without them, for the pod may need what they bring but must not count on it.
    ///
    /// # Errors
    /// The first plugin that says no, and its place.
    pub fn run_filter_with_nominated_pods(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        if !cx.nominator.is_empty() {
            let ahead = cx
                .nominator
                .pods_on(&node.name)
                .filter(|nominated| nominated.priority() >= pod.priority() && nominated.uid() != pod.uid());
            let ahead: Vec<Arc<PodInfo>> = ahead.cloned().collect();
            if !ahead.is_empty() {
                let (mut state, mut node) = (state.clone(), node.clone());
                for nominated in ahead {
                    node.add_pod(nominated.clone());
                    self.run_add_pod(cx, &mut state, pod, &nominated, &node);
                }
                self.run_filter(cx, &state, pod, &node)?;
            }
        }
        self.run_filter(cx, state, pod, node)
    }

    /// Tells the plugins to think of `added` as running on `node`.
    pub fn run_add_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        added: &PodInfo,
        node: &NodeInfo,
    ) {
        for (place, plugin) in self.at(Point::PreFilter) {
            if !state.skip_filter.contains(place) {
                plugin.add_pod(cx, state, pod, added, node);
            }
        }
    }

    /// Tells the plugins to think of `removed` as gone from `node`.
    pub fn run_remove_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        removed: &PodInfo,
        node: &NodeInfo,
    ) {
        for (place, plugin) in self.at(Point::PreFilter) {
            if !state.skip_filter.contains(place) {
                plugin.remove_pod(cx, state, pod, removed, node);
            }
        }
    }
}
