//! # What it does
//! Spreads pods over the domains of a node label (zones, nodes). A constraint `DoNotSchedule` refuses nodes whose domain would
//! get more than `maxSkew` pods ahead of the emptiest; `ScheduleAnyway` prefers the emptier domains. Pods without any
//! constraint that belong to a Service or a controller are spread softly over nodes and zones.
//! # Example
//! Zones with 3, 1 and 1 pods and `maxSkew: 1`: one more pod in the first would make 4 - 1 = 3, so its nodes answer
//! `node(s) didn't match pod topology spread constraints`; in the others it makes 2 - 1 = 1.
//! # Upstream
//! `plugins/podtopologyspread`

mod constraint;
mod defaults;

use std::sync::Arc;

use sorted::SortedSet;

use super::{Args, Made, names};
use crate::api::node_selector::RequiredNodeAffinity;
use crate::api::{Kind, MetaExt, Node, Object, Pod};
use crate::client::Change;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::contest::Dimension;
use crate::scheduler::cache::tally::Sums;
use crate::scheduler::cache::topology::Topology;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, MAX_NODE_SCORE, NodeInfo, Normalization,
    Plugin, PodInfo, Point, PreFilterResult, Scored, Status,
};
use constraint::{Belonging, Constraint, HOSTNAME, constraints, default_selector};
use defaults::DefaultConstraints;

/// See the module.
#[derive(Debug, Default)]
pub struct PodTopologySpread {
    defaults: DefaultConstraints,
}

impl PodTopologySpread {
    /// By `PodTopologySpreadArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        DefaultConstraints::read(args)
            .map(|defaults| -> Arc<dyn Plugin> { Arc::new(PodTopologySpread { defaults }) })
    }
}

/// What Filter needs: per constraint, the matching pods of each domain.
#[derive(Clone)]
struct PreFilterState {
    constraints: Vec<Counted>,
    required: RequiredNodeAffinity,
}

#[derive(Clone)]
struct Counted {
    constraint: Constraint,
    /// The pods of each domain, and the number of these counts.
    matching: Sums,
    tally: u64,
    /// The pods of the emptiest domain; kept, since every node asks for it.
    fewest: i64,
    /// How many domains count.
    domains: i64,
    /// One if the pod counts itself.
    itself: i64,
}

impl Counted {
    fn find_fewest(&mut self) {
        let (fewest, domains) = self.matching.lowest();
        (self.domains, self.fewest) = (domains, fewest.unwrap_or(i64::from(i32::MAX)));
    }

    /// The global minimum. With too few domains it counts as if one of them were empty.
    fn minimum(&self) -> i64 {
        if self.domains < self.constraint.min_domains { 0 } else { self.fewest }
    }

    /// How far the node's domain would be ahead with the pod in it. `None` if the node is in none.
    fn skew(&self, node: NodeIndex) -> Option<i64> {
        Some(self.matching.at(node)? + self.itself - self.minimum())
    }
}

impl PreFilterState {
    fn update(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, delta: i64) {
        let is_in = |counted: &Counted| counted.matching.topology.domain(node.index).is_some();
        if other.pod.namespace() != pod.pod.namespace() || !self.constraints.iter().all(is_in) {
            return;
        }
        for counted in &mut self.constraints {
            let constraint = &counted.constraint;
            if !constraint.selects(&other.pod) || !constraint.includes(pod, &node.node, &self.required) {
                continue;
            }
            counted.matching.shift_at(node.index, delta);
            counted.find_fewest();
        }
    }

    fn refusal(&self, node: NodeIndex) -> Option<Status> {
        self.constraints.iter().find_map(|counted| match counted.skew(node) {
            None => Some(Status::unresolvable(
                "node(s) didn't match pod topology spread constraints (missing required label)",
            )),
            Some(skew) if skew > counted.constraint.max_skew => {
                Some(Status::unschedulable("node(s) didn't match pod topology spread constraints"))
            }
            Some(_) => None,
        })
    }
}

/// What Score needs.
#[derive(Clone)]
struct PreScoreState {
    constraints: Vec<Weighed>,
    /// Whether nodes that lack one of the labels are left out and get no points.
    needs_all: bool,
}

#[derive(Clone)]
struct Weighed {
    key: String,
    max_skew: i64,
    matching: Matching,
    topology: Arc<Topology>,
    tally: u64,
    /// More domains, fewer pods in each: their counts weigh more.
    weight: f64,
}

/// The pods counted for a node.
#[derive(Clone)]
enum Matching {
    /// Those of its domain.
    InDomain(Sums),
    /// Its own: every node is a domain, and is not held against the others.
    OnNode(Arc<Vec<i64>>),
}

impl PreScoreState {
    fn is_ignored(&self, node: NodeIndex) -> bool {
        self.needs_all && self.constraints.iter().any(|weighed| weighed.topology.domain(node).is_none())
    }

    fn score(&self, node: NodeIndex) -> i64 {
        if self.is_ignored(node) {
            return 0;
        }
        let against: f64 = self.constraints.iter().map(|weighed| weighed.against(node)).sum();
        against.round() as i64
    }
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        names::POD_TOPOLOGY_SPREAD
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter, Point::PreScore, Point::Score]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 3] = [
            ClusterEvent::new(
                EventResource::AssignedPod,
                Action::ADD.or(Action::DELETE).or(Action::UPDATE_POD_LABEL),
            ),
            ClusterEvent::new(
                EventResource::UnscheduledPod,
                Action::UPDATE_POD_LABEL.or(Action::UPDATE_POD_TOLERATIONS),
            ),
            ClusterEvent::new(
                EventResource::Kind(Kind::NODE),
                Action::ADD.or(Action::DELETE).or(Action::UPDATE_NODE_LABEL).or(Action::UPDATE_NODE_TAINT),
            ),
        ];
        &EVENTS
    }

    /// A pod that comes or goes helps if it is one of those that are counted, a changed one if it is counted from now on or no
    /// longer. The same goes for nodes and domains; one that stays in its domains helps with other taints.
    fn is_schedulable_after(
        &self,
        cx: &Context<'_>,
        event: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        let belongs = &mut || default_selector(cx.view, &pod.pod);
        let constraints = constraints(&pod.pod, "DoNotSchedule", &self.defaults, belongs);
        let selects = |other: &Pod| constraints.iter().map(|it| it.selects(other)).collect::<Vec<_>>();
        let domains = |node: &Node| {
            let value = |it: &Constraint| node.labels().get(&it.topology_key).cloned();
            constraints.iter().map(value).collect::<Option<Vec<_>>>()
        };
        let comes_or_goes = event.action.meets(Action::ADD.or(Action::DELETE));
        Hint::queue_if(match (change.before.as_deref(), change.after.as_deref()) {
            (_, Some(Object::Pod(other))) | (Some(Object::Pod(other)), _) if comes_or_goes => {
                other.namespace() == pod.pod.namespace() && selects(other).contains(&true)
            }
            (Some(Object::Pod(before)), Some(Object::Pod(after))) => {
                let tolerates_more = after.uid() == pod.uid()
                    && before.spec.tolerations != after.spec.tolerations
                    && constraints.iter().any(Constraint::honors_taints);
                let is_near = after.namespace() == pod.pod.namespace();
                is_near && (tolerates_more || selects(before) != selects(after))
            }
            (Some(Object::Node(before)), Some(Object::Node(after))) => {
                let (was, is) = (domains(before), domains(after));
                was != is || is.is_some() && before.spec.taints != after.spec.taints
            }
            (Some(Object::Node(node)), None) | (None, Some(Object::Node(node))) => domains(node).is_some(),
            _ => true,
        })
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let belongs = &mut || state.memory.kept::<Belonging>().of(cx.view, pod);
        let constraints = constraints(&pod.pod, "DoNotSchedule", &self.defaults, belongs);
        if constraints.is_empty() {
            return Err(Status::skip());
        }
        let required = RequiredNodeAffinity::new(&pod.pod);
        let keys: Vec<String> =
            constraints.iter().map(|constraint| constraint.topology_key.clone()).collect();
        let counted = |constraint: Constraint| {
            let counts = constraint.by_domain(cx, &mut state.memory, pod, &keys, &required);
            let topology = state.memory.topology(cx.cache, &constraint.topology_key);
            let matching = counts.sums_of(&constraint.topology_key, topology);
            let itself = i64::from(constraint.selects(&pod.pod));
            let mut counted =
                Counted { constraint, matching, tally: counts.id, fewest: 0, domains: 0, itself };
            counted.find_fewest();
            counted
        };
        let constraints = constraints.into_iter().map(counted).collect();
        state.write(PreFilterState { constraints, required });
        Ok(None)
    }

    fn add_pod(
        &self,
        _: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        added: &PodInfo,
        node: &NodeInfo,
    ) {
        if let Some(note) = state.read_mut::<PreFilterState>() {
            note.update(pod, added, node, 1);
        }
    }

    fn remove_pod(
        &self,
        _: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        removed: &PodInfo,
        node: &NodeInfo,
    ) {
        if let Some(note) = state.read_mut::<PreFilterState>() {
            note.update(pod, removed, node, -1);
        }
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        match state.read::<PreFilterState>().and_then(|note| note.refusal(node.index)) {
            Some(status) => Err(status),
            None => Ok(()),
        }
    }

    fn dimensions(
        &self,
        _: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        dimensions: &mut Vec<Dimension>,
    ) -> bool {
        for counted in state.read::<PreFilterState>().iter().flat_map(|note| &note.constraints) {
            dimensions.push(Dimension::sums(&counted.matching, counted.tally));
        }
        for weighed in state.read::<PreScoreState>().iter().flat_map(|note| &note.constraints) {
            dimensions.push(match &weighed.matching {
                Matching::InDomain(sums) => Dimension::sums(sums, weighed.tally),
                Matching::OnNode(counts) => {
                    Dimension::by_node(weighed.topology.clone(), counts.clone(), weighed.tally)
                }
            });
        }
        true
    }

    fn detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(note) = state.read::<PreFilterState>() else { return String::new() };
        let broken = |counted: &Counted| match counted.skew(node.index) {
            None => Some(format!("no label {}", counted.constraint.topology_key)),
            Some(skew) if skew > counted.constraint.max_skew => Some(format!(
                "{}: a skew of {skew} where {} is the most",
                counted.constraint.topology_key, counted.constraint.max_skew
            )),
            Some(_) => None,
        };
        note.constraints.iter().find_map(broken).unwrap_or_default()
    }

    fn pre_score(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let belongs = &mut || state.memory.kept::<Belonging>().of(cx.view, pod);
        let constraints = constraints(&pod.pod, "ScheduleAnyway", &self.defaults, belongs);
        if constraints.is_empty() {
            return Err(Status::skip());
        }
        // The system's own constraints alone leave nodes without the labels in the count.
        let own = pod.pod.spec.topology_spread_constraints.as_ref();
        let needs_all = own.is_some_and(|list| !list.is_empty()) || !self.defaults.are_the_systems;
        let keys: Vec<String> = constraints
            .iter()
            .filter(|_| needs_all)
            .map(|constraint| constraint.topology_key.clone())
            .collect();
        let required = RequiredNodeAffinity::new(&pod.pod);
        let weighed = |constraint: &Constraint| {
            let topology = state.memory.topology(cx.cache, &constraint.topology_key);
            let (matching, tally) = if constraint.topology_key == HOSTNAME {
                let counts = constraint.on_nodes(cx, &mut state.memory, &pod.pod);
                (Matching::OnNode(counts.by_node), counts.id)
            } else {
                let counts = constraint.by_domain(cx, &mut state.memory, pod, &keys, &required);
                (Matching::InDomain(counts.sums_of(&constraint.topology_key, topology.clone())), counts.id)
            };
            let (key, max_skew) = (constraint.topology_key.clone(), constraint.max_skew);
            Weighed { key, max_skew, matching, topology, tally, weight: 0.0 }
        };
        let constraints = constraints.iter().map(weighed).collect();
        state.write(PreScoreState { constraints, needs_all });
        Ok(())
    }

    fn pre_score_nodes(&self, state: &mut CycleState, nodes: &[Scored]) {
        let Some(note) = state.read_mut::<PreScoreState>() else { return };
        let counted: Vec<Scored> =
            nodes.iter().filter(|scored| !note.is_ignored(scored.node)).copied().collect();
        for weighed in &mut note.constraints {
            let domains = match weighed.matching {
                Matching::OnNode(_) => counted.iter().map(|scored| scored.count as usize).sum(),
                Matching::InDomain(_) => domains_of(&weighed.topology, &counted),
            };
            weighed.weight = libm::log(domains as f64 + 2.0);
        }
    }

    /// What speaks against the node: its domains' pods, weighed.
    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        state.read::<PreScoreState>().map_or(0, |note| note.score(node.index))
    }

    fn score_detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(note) = state.read::<PreScoreState>() else { return String::new() };
        let of_constraint = |weighed: &Weighed| match node.node.labels().get(&weighed.key) {
            Some(value) => format!("{} pods in {}={value}", weighed.matching_at(node.index), weighed.key),
            None => format!("no label {}", weighed.key),
        };
        note.constraints.iter().map(of_constraint).collect::<Vec<_>>().join(", ")
    }

    fn normalization(&self) -> Normalization {
        Normalization::Own
    }

    fn normalize_score(&self, state: &CycleState, nodes: &[Scored], scores: &mut [i64]) {
        let Some(note) = state.read::<PreScoreState>() else { return };
        let is_ignored = |scored: &Scored| note.is_ignored(scored.node);
        let counted =
            || nodes.iter().zip(&*scores).filter(|(scored, _)| !is_ignored(scored)).map(|(_, score)| *score);
        let (least, most) = (counted().min().unwrap_or(0), counted().max().unwrap_or(0));
        for (scored, score) in nodes.iter().zip(scores) {
            *score = match most {
                _ if is_ignored(scored) => 0,
                0 => MAX_NODE_SCORE,
                most => MAX_NODE_SCORE * (most + least - *score) / most,
            };
        }
    }
}

/// In how many domains the nodes are; those in none are together one more.
fn domains_of(topology: &Topology, nodes: &[Scored]) -> usize {
    if topology.is_by_node() {
        let (within, without): (Vec<&Scored>, Vec<&Scored>) =
            nodes.iter().partition(|scored| topology.domain(scored.node).is_some());
        let within: u32 = within.iter().map(|scored| scored.count).sum();
        return within as usize + usize::from(!without.is_empty());
    }
    let domains: SortedSet<Option<usize>> = nodes.iter().map(|scored| topology.domain(scored.node)).collect();
    domains.len()
}

impl Weighed {
    /// The pods counted for a node; none if it is in no domain.
    fn matching_at(&self, node: NodeIndex) -> i64 {
        match (&self.matching, self.topology.domain(node)) {
            (_, None) => 0,
            (Matching::InDomain(sums), Some(domain)) => sums.of(domain),
            (Matching::OnNode(counts), _) => counts[node as usize],
        }
    }

    fn against(&self, node: NodeIndex) -> f64 {
        if self.topology.domain(node).is_none() {
            return 0.0;
        }
        self.matching_at(node) as f64 * self.weight + (self.max_skew - 1) as f64
    }
}

#[cfg(test)]
mod tests;
