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

use std::sync::Arc;

use super::names;
use crate::api::node_selector::RequiredNodeAffinity;
use crate::api::{Kind, MetaExt, Object};
use crate::client::Change;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::topology::Topology;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, MAX_NODE_SCORE, NodeInfo, Normalization,
    Plugin, PodInfo, Point, PreFilterResult, Status,
};
use constraint::{Constraint, DefaultConstraints, HOSTNAME, constraints};

/// See the module.
#[derive(Debug, Default)]
pub struct PodTopologySpread {
    defaults: DefaultConstraints,
}

/// What Filter needs: per constraint, the matching pods of each domain.
#[derive(Clone, Debug)]
struct PreFilterState {
    constraints: Vec<Counted>,
    required: RequiredNodeAffinity,
}

#[derive(Clone, Debug)]
struct Counted {
    constraint: Constraint,
    topology: Arc<Topology>,
    /// By domain; `None` for one that no node makes count.
    matching: Vec<Option<i64>>,
    /// The pods of the emptiest domain; kept, since every node asks for it.
    fewest: i64,
    /// How many domains count.
    domains: i64,
    /// One if the pod counts itself.
    itself: i64,
}

impl Counted {
    fn find_fewest(&mut self) {
        let counting = || self.matching.iter().flatten().copied();
        (self.domains, self.fewest) =
            (counting().count() as i64, counting().min().unwrap_or(i64::from(i32::MAX)));
    }

    /// The global minimum. With too few domains it counts as if one of them were empty.
    fn minimum(&self) -> i64 {
        if self.domains < self.constraint.min_domains { 0 } else { self.fewest }
    }

    /// How far the node's domain would be ahead with the pod in it. `None` if the node is in none.
    fn skew(&self, node: NodeIndex) -> Option<i64> {
        let domain = self.topology.domain(node)?;
        Some(self.matching[domain].unwrap_or(0) + self.itself - self.minimum())
    }
}

impl PreFilterState {
    fn update(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, delta: i64) {
        let is_in = |counted: &Counted| counted.topology.domain(node.index).is_some();
        if other.pod.namespace() != pod.pod.namespace() || !self.constraints.iter().all(is_in) {
            return;
        }
        for counted in &mut self.constraints {
            let constraint = &counted.constraint;
            if !constraint.selects(&other.pod) || !constraint.includes(pod, &node.node, &self.required) {
                continue;
            }
            if let Some(domain) = counted.topology.domain(node.index) {
                *counted.matching[domain].get_or_insert(0) += delta;
            }
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
#[derive(Clone, Debug)]
struct PreScoreState {
    constraints: Vec<Weighed>,
    /// Whether there are nodes that lack one of the labels, and are left out and get no points.
    ignores_some: bool,
}

#[derive(Clone, Debug)]
struct Weighed {
    max_skew: i64,
    topology: Arc<Topology>,
    /// By domain, or by node where every node is a domain of its own and is not held against the others.
    matching: Arc<Vec<i64>>,
    is_by_node: bool,
    /// More domains, fewer pods in each: their counts weigh more.
    weight: f64,
}

impl PreScoreState {
    fn is_ignored(&self, node: NodeIndex) -> bool {
        self.ignores_some && self.constraints.iter().any(|weighed| weighed.topology.domain(node).is_none())
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
            ClusterEvent::new(EventResource::UnscheduledPod, Action::UPDATE_POD_LABEL),
            ClusterEvent::new(
                EventResource::Kind(Kind::NODE),
                Action::ADD.or(Action::DELETE).or(Action::UPDATE_NODE_LABEL).or(Action::UPDATE_NODE_TAINT),
            ),
        ];
        &EVENTS
    }

    /// A pod elsewhere helps if it is, or was, one of those that are counted; a node if it is, or was, in a domain.
    fn is_schedulable_after(
        &self,
        cx: &Context<'_>,
        event: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        if event.resource == EventResource::UnscheduledPod {
            return Hint::Queue;
        }
        let constraints = constraints(cx, &pod.pod, "DoNotSchedule", &self.defaults);
        let concerns = |object: &Object| match object {
            Object::Pod(other) => {
                other.namespace() == pod.pod.namespace()
                    && constraints.iter().any(|constraint| constraint.selects(other))
            }
            Object::Node(node) => {
                constraints.iter().all(|constraint| node.labels().contains_key(&constraint.topology_key))
            }
            _ => true,
        };
        let versions = [change.before.as_deref(), change.after.as_deref()];
        Hint::queue_if(versions.into_iter().flatten().any(concerns))
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let constraints = constraints(cx, &pod.pod, "DoNotSchedule", &self.defaults);
        if constraints.is_empty() {
            return Err(Status::skip());
        }
        let required = RequiredNodeAffinity::new(&pod.pod);
        let counted = |constraint: Constraint| {
            let topology = state.memory.topology(cx.cache, &constraint.topology_key);
            let itself = i64::from(constraint.selects(&pod.pod));
            let matching = vec![None; topology.len()];
            Counted { constraint, topology, matching, fewest: 0, domains: 0, itself }
        };
        let mut constraints: Vec<Counted> = constraints.into_iter().map(counted).collect();
        let topologies: Vec<Arc<Topology>> =
            constraints.iter().map(|counted| counted.topology.clone()).collect();
        let is_in_all = |node: NodeIndex| topologies.iter().all(|topology| topology.domain(node).is_some());
        for counted in &mut constraints {
            let Counted { constraint, topology, matching, .. } = counted;
            let counts = constraint.counts(cx, &mut state.memory, &pod.pod);
            let all = constraint.includes_all(&required);
            for node in cx.cache.order().iter().copied().filter(|node| is_in_all(*node)) {
                if (all || constraint.includes(pod, &cx.cache.node(node).node, &required))
                    && let Some(domain) = topology.domain(node)
                {
                    *matching[domain].get_or_insert(0) += counts[node as usize];
                }
            }
            counted.find_fewest();
        }
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

    fn filter_all(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        nodes: &[NodeIndex],
        refuse: &mut dyn FnMut(NodeIndex, Status),
    ) -> Vec<NodeIndex> {
        let Some(note) = state.read::<PreFilterState>() else { return nodes.to_vec() };
        let mut fitting = Vec::with_capacity(nodes.len());
        for index in nodes {
            match note.refusal(*index) {
                None => fitting.push(*index),
                Some(status) => refuse(*index, status),
            }
        }
        fitting
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

    fn pre_score(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) -> Result<(), Status> {
        let constraints = constraints(cx, &pod.pod, "ScheduleAnyway", &self.defaults);
        if constraints.is_empty() {
            return Err(Status::skip());
        }
        // Only what a pod asks for itself keeps nodes without the labels out of the count.
        let needs_all =
            pod.pod.spec.topology_spread_constraints.as_ref().is_some_and(|list| !list.is_empty());
        let topology = |constraint: &Constraint| state.memory.topology(cx.cache, &constraint.topology_key);
        let topologies: Vec<Arc<Topology>> = constraints.iter().map(topology).collect();
        let counts_at = |node: &NodeIndex| {
            !needs_all || topologies.iter().all(|topology| topology.domain(*node).is_some())
        };
        let scored: Vec<NodeIndex> = nodes.iter().copied().filter(counts_at).collect();
        let required = RequiredNodeAffinity::new(&pod.pod);
        let weighed = |(constraint, topology): (&Constraint, &Arc<Topology>)| {
            let counts = constraint.counts(cx, &mut state.memory, &pod.pod);
            if constraint.topology_key == HOSTNAME {
                return Weighed::new(constraint, topology, counts, scored.len());
            }
            let (mut matching, domains) = open_domains(topology, &scored);
            let all = constraint.includes_all(&required);
            for node in cx.cache.order().iter().filter(|node| counts_at(node)) {
                if (all || constraint.includes(pod, &cx.cache.node(*node).node, &required))
                    && let Some(sum) = topology.domain(*node).and_then(|domain| matching[domain].as_mut())
                {
                    *sum += counts[*node as usize];
                }
            }
            let matching = matching.into_iter().map(Option::unwrap_or_default).collect();
            Weighed::new(constraint, topology, Arc::new(matching), domains)
        };
        let constraints = constraints.iter().zip(&topologies).map(weighed).collect();
        let ignores_some = scored.len() < nodes.len();
        state.write(PreScoreState { constraints, ignores_some });
        Ok(())
    }

    /// What speaks against the node: its domains' pods, weighed.
    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        state.read::<PreScoreState>().map_or(0, |note| note.score(node.index))
    }

    fn score_all(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, nodes: &[NodeIndex]) -> Vec<i64> {
        let Some(note) = state.read::<PreScoreState>() else { return vec![0; nodes.len()] };
        nodes.iter().map(|index| note.score(*index)).collect()
    }

    fn normalization(&self) -> Normalization {
        Normalization::Own
    }

    fn normalize_score(&self, _: &Context<'_>, state: &CycleState, nodes: &[NodeIndex], scores: &mut [i64]) {
        let Some(note) = state.read::<PreScoreState>() else { return };
        let is_ignored = |index: &NodeIndex| note.is_ignored(*index);
        let counted =
            || nodes.iter().zip(&*scores).filter(|(index, _)| !is_ignored(index)).map(|(_, score)| *score);
        let (least, most) = (counted().min().unwrap_or(0), counted().max().unwrap_or(0));
        for (index, score) in nodes.iter().zip(scores) {
            *score = match most {
                _ if is_ignored(index) => 0,
                0 => MAX_NODE_SCORE,
                most => MAX_NODE_SCORE * (most + least - *score) / most,
            };
        }
    }
}

/// The domains of the nodes to be scored, all empty so far, and how many there are; nodes in none are together one more.
fn open_domains(topology: &Topology, scored: &[NodeIndex]) -> (Vec<Option<i64>>, usize) {
    let mut matching = vec![None; topology.len()];
    let (mut domains, mut without) = (0, 0);
    for node in scored {
        match topology.domain(*node) {
            Some(domain) => {
                domains += usize::from(matching[domain].is_none());
                matching[domain] = Some(0);
            }
            None => without = 1,
        }
    }
    (matching, domains + without)
}

impl Weighed {
    fn new(
        constraint: &Constraint,
        topology: &Arc<Topology>,
        matching: Arc<Vec<i64>>,
        domains: usize,
    ) -> Weighed {
        Weighed {
            max_skew: constraint.max_skew,
            topology: topology.clone(),
            matching,
            is_by_node: constraint.topology_key == HOSTNAME,
            weight: libm::log(domains as f64 + 2.0),
        }
    }

    fn against(&self, node: NodeIndex) -> f64 {
        let Some(domain) = self.topology.domain(node) else { return 0.0 };
        let matching = self.matching[if self.is_by_node { node as usize } else { domain }];
        matching as f64 * self.weight + (self.max_skew - 1) as f64
    }
}

#[cfg(test)]
mod tests;
