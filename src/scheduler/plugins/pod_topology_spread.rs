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

use sorted::{SortedMap, SortedSet};
use std::sync::Arc;

use super::names;
use crate::api::node_selector::RequiredNodeAffinity;
use crate::api::{Kind, MetaExt, Node, Object};
use crate::client::Change;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, MAX_NODE_SCORE, NodeInfo, Plugin,
    PodInfo, Point, PreFilterResult, Status,
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
    matching: SortedMap<String, i64>,
    /// The pods of the emptiest domain; kept, since every node asks for it.
    fewest: i64,
}

impl Counted {
    fn find_fewest(&mut self) {
        self.fewest = self.matching.values().copied().min().unwrap_or(i64::from(i32::MAX));
    }

    /// The global minimum. With too few domains it counts as if one of them were empty.
    fn minimum(&self) -> i64 {
        if (self.matching.len() as i64) < self.constraint.min_domains { 0 } else { self.fewest }
    }

    /// How far the node's domain would be ahead with the pod in it. `None` if the node is in none.
    fn skew(&self, pod: &PodInfo, node: &Node) -> Option<i64> {
        let domain = node.labels().get(&self.constraint.topology_key)?;
        let matching = self.matching.get(domain).copied().unwrap_or(0);
        let itself = i64::from(self.constraint.selects(&pod.pod));
        Some(matching + itself - self.minimum())
    }
}

impl PreFilterState {
    fn update(&mut self, pod: &PodInfo, other: &PodInfo, node: &Node, delta: i64) {
        if other.pod.namespace() != pod.pod.namespace() || !self.is_in_all_domains(node) {
            return;
        }
        for counted in &mut self.constraints {
            let constraint = &counted.constraint;
            if !constraint.selects(&other.pod) || !constraint.includes(pod, node, &self.required) {
                continue;
            }
            let domain = node.labels().get(&constraint.topology_key).cloned().unwrap_or_default();
            *counted.matching.entry(domain).or_default() += delta;
            counted.find_fewest();
        }
    }

    fn is_in_all_domains(&self, node: &Node) -> bool {
        self.constraints.iter().all(|counted| node.labels().contains_key(&counted.constraint.topology_key))
    }
}

/// What Score needs.
#[derive(Clone, Debug)]
struct PreScoreState {
    constraints: Vec<Weighed>,
    /// The nodes that lack one of the labels, and get no points.
    ignored: SortedSet<Arc<str>>,
}

#[derive(Clone, Debug)]
struct Weighed {
    constraint: Constraint,
    matching: SortedMap<String, i64>,
    /// More domains, fewer pods in each: their counts weigh more.
    weight: f64,
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
        let counted = |constraint| Counted { constraint, matching: SortedMap::new(), fewest: 0 };
        let mut note = PreFilterState {
            constraints: constraints.into_iter().map(counted).collect(),
            required: RequiredNodeAffinity::new(&pod.pod),
        };
        for info in cx.cache.nodes().filter(|info| note.is_in_all_domains(&info.node)).collect::<Vec<_>>() {
            for counted in &mut note.constraints {
                if counted.constraint.includes(pod, &info.node, &note.required) {
                    let matching = counted.constraint.count(info, &pod.pod);
                    count_in(
                        &mut counted.matching,
                        info.node.labels().get(&counted.constraint.topology_key),
                        matching,
                    );
                }
            }
        }
        note.constraints.iter_mut().for_each(Counted::find_fewest);
        state.write(note);
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
            note.update(pod, added, &node.node, 1);
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
            note.update(pod, removed, &node.node, -1);
        }
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        let Some(note) = state.read::<PreFilterState>() else { return Ok(()) };
        for counted in &note.constraints {
            match counted.skew(pod, &node.node) {
                None => {
                    return Err(Status::unresolvable(
                        "node(s) didn't match pod topology spread constraints (missing required label)",
                    ));
                }
                Some(skew) if skew > counted.constraint.max_skew => {
                    return Err(Status::unschedulable(
                        "node(s) didn't match pod topology spread constraints",
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn detail(&self, _: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        let Some(note) = state.read::<PreFilterState>() else { return String::new() };
        let broken = |counted: &Counted| match counted.skew(pod, &node.node) {
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
        let in_all = |node: &Node| constraints.iter().all(|c| node.labels().contains_key(&c.topology_key));
        let (scored, ignored): (Vec<_>, Vec<_>) = nodes
            .iter()
            .map(|index| cx.cache.node(*index))
            .partition(|info| !needs_all || in_all(&info.node));
        let mut weighed: Vec<Weighed> =
            constraints.iter().map(|constraint| Weighed::new(constraint.clone(), &scored)).collect();
        let required = RequiredNodeAffinity::new(&pod.pod);
        for info in cx.cache.nodes().filter(|info| !needs_all || in_all(&info.node)) {
            for weighed in &mut weighed {
                weighed.count(info, pod, &required);
            }
        }
        let ignored = ignored.into_iter().map(|info| info.name.clone()).collect();
        state.write(PreScoreState { constraints: weighed, ignored });
        Ok(())
    }

    /// What speaks against the node: its domains' pods, weighed.
    fn score(&self, _: &Context<'_>, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let Some(note) = state.read::<PreScoreState>() else { return 0 };
        if note.ignored.contains(&node.name) {
            return 0;
        }
        let against: f64 = note.constraints.iter().map(|weighed| weighed.against(node, pod)).sum();
        against.round() as i64
    }

    fn normalize_score(&self, cx: &Context<'_>, state: &CycleState, nodes: &[NodeIndex], scores: &mut [i64]) {
        let Some(note) = state.read::<PreScoreState>() else { return };
        let is_ignored = |index: &NodeIndex| note.ignored.contains(&cx.cache.node(*index).name);
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

impl Weighed {
    /// A constraint with the domains of the nodes to be scored, all empty so far.
    fn new(constraint: Constraint, scored: &[&Arc<NodeInfo>]) -> Weighed {
        let mut matching = SortedMap::new();
        let domains = if constraint.topology_key == HOSTNAME {
            // Every node is a domain of its own, and is counted when it is scored.
            scored.len()
        } else {
            for info in scored {
                count_in(&mut matching, info.node.labels().get(&constraint.topology_key), 0);
            }
            if scored.iter().any(|info| !info.node.labels().contains_key(&constraint.topology_key)) {
                matching.entry(String::new()).or_default();
            }
            matching.len()
        };
        Weighed { constraint, matching, weight: libm::log(domains as f64 + 2.0) }
    }

    fn count(&mut self, info: &NodeInfo, pod: &PodInfo, required: &RequiredNodeAffinity) {
        if self.constraint.topology_key == HOSTNAME || !self.constraint.includes(pod, &info.node, required) {
            return;
        }
        let domain = info.node.labels().get(&self.constraint.topology_key).map_or("", String::as_str);
        if let Some(matching) = self.matching.get_mut(domain) {
            *matching += self.constraint.count(info, &pod.pod);
        }
    }

    fn against(&self, node: &NodeInfo, pod: &PodInfo) -> f64 {
        let Some(domain) = node.node.labels().get(&self.constraint.topology_key) else { return 0.0 };
        let matching = if self.constraint.topology_key == HOSTNAME {
            self.constraint.count(node, &pod.pod)
        } else {
            self.matching.get(domain).copied().unwrap_or(0)
        };
        matching as f64 * self.weight + (self.constraint.max_skew - 1) as f64
    }
}

fn count_in(domains: &mut SortedMap<String, i64>, domain: Option<&String>, more: i64) {
    let Some(domain) = domain else { return };
    match domains.get_mut(domain) {
        Some(count) => *count += more,
        None => {
            domains.insert(domain.clone(), more);
        }
    }
}

#[cfg(test)]
mod tests;
