//! # What it does
//! A node takes a pod only if it has enough of everything left that the pod asks for; and of the nodes that do, it prefers
//! those of which less is taken.
//! # Example
//! On a node with 4 CPUs of which 1 is taken, and 16Gi of which 4Gi are taken, a pod that asks for 1 CPU and 4Gi leaves 50 %
//! of each, which scores 50.
//! # Upstream
//! `plugins/noderesources/fit.go`, `resource_allocation.go`, `least_allocated.go`, `most_allocated.go`

mod scoring_strategy;

use std::sync::Arc;

pub use scoring_strategy::ScoringStrategy;
use scoring_strategy::ignored;

use super::{Args, Made, names};
use crate::api::{Kind, MetaExt, Object, quantity, text};
use crate::client::Change;
use crate::scheduler::framework::events::has_ended;
use crate::scheduler::framework::resource::{is_scalar, pod_requests};
use crate::scheduler::framework::{
    Action, ClusterEvent, Code, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point,
    PreFilterResult, Reason, Resource, Scope, Status,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct NodeResourcesFit {
    /// Which nodes are preferred.
    pub strategy: ScoringStrategy,
    /// The resources that count for that, with their weights.
    pub resources: Vec<(String, i64)>,
    /// Extended resources that Filter does not ask for, since something else sees to them.
    ignored: Vec<String>,
    /// The same by what stands before the slash of their names.
    ignored_groups: Vec<String>,
}

impl Default for NodeResourcesFit {
    fn default() -> NodeResourcesFit {
        NodeResourcesFit {
            strategy: ScoringStrategy::LeastAllocated,
            resources: vec![("cpu".into(), 1), ("memory".into(), 1)],
            ignored: Vec::new(),
            ignored_groups: Vec::new(),
        }
    }
}

impl NodeResourcesFit {
    /// By `NodeResourcesFitArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        let mut errors = Vec::new();
        let (ignored, ignored_groups) = ignored(args, &mut errors);
        let (strategy, resources) = ScoringStrategy::read(args, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Arc::new(NodeResourcesFit { strategy, resources, ignored, ignored_groups }))
    }

    fn is_ignored(&self, resource: &str) -> bool {
        if !text::is_extended_resource(resource) {
            return false;
        }
        let group = || resource.split_once('/').map_or("", |(group, _)| group);
        self.ignored.iter().any(|name| name == resource)
            || self.ignored_groups.iter().any(|name| name == group())
    }
}

/// What the pod asks for of each resource that counts.
#[derive(Clone, Debug)]
struct PodRequests(Vec<i64>);

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        names::NODE_RESOURCES_FIT
    }

    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter, Point::PreScore, Point::Score]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 3] = [
            ClusterEvent::new(EventResource::AssignedPod, Action::DELETE.or(Action::UPDATE_POD_SCALE_DOWN)),
            ClusterEvent::new(EventResource::UnscheduledPod, Action::UPDATE_POD_SCALE_DOWN),
            ClusterEvent::new(
                EventResource::Kind(Kind::NODE),
                Action::ADD.or(Action::UPDATE_NODE_ALLOCATABLE),
            ),
        ];
        &EVENTS
    }

    /// A node helps if the pod would fit on it were it empty, and there is now more of something that the pod asks for. A pod that
    /// asks for less helps if it is this one, or if it leaves some of what this one asks for.
    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        if let (Some(Object::Pod(before)), Some(Object::Pod(after))) =
            (change.before.as_deref(), change.after.as_deref())
        {
            let is_placed = after.spec.node_name.as_deref().is_some_and(|name| !name.is_empty());
            let leaves_some = || gives_back(&pod_requests(before), &pod_requests(after), pod);
            return Hint::queue_if(
                has_ended(after) || after.uid() == pod.uid() || is_placed && leaves_some(),
            );
        }
        let Some(Object::Node(after)) = change.after.as_deref() else { return Hint::Queue };
        let after = NodeInfo::new(after);
        if !insufficient(pod, &after).is_empty() {
            return Hint::Skip;
        }
        match change.before.as_deref() {
            Some(Object::Node(before)) => Hint::queue_if(has_more(&NodeInfo::new(before), &after, pod)),
            _ => Hint::Queue,
        }
    }

    fn pre_filter(
        &self,
        _: &Context<'_>,
        _: &mut CycleState,
        _: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        // What the pod asks for has been summed up when it was delivered.
        Ok(None)
    }

    fn filter(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Status> {
        if fits(pod, node) {
            return Ok(());
        }
        let mut short = insufficient(pod, node);
        short.retain(|shortage| !self.is_ignored(shortage.resource));
        // More than the node has altogether: removing pods cannot help.
        let hopeless = short.iter().any(Shortage::is_hopeless);
        let code = if hopeless { Code::UnschedulableAndUnresolvable } else { Code::Unschedulable };
        let mut reasons = short.into_iter().map(|shortage| shortage.reason());
        let Some(first) = reasons.next() else { return Ok(()) };
        Err(reasons.fold(Status::new(code, first), Status::and))
    }

    fn detail(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        let texts: Vec<String> = insufficient(pod, node).iter().map(Shortage::in_numbers).collect();
        texts.join("; ")
    }

    fn pre_score(&self, _: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let asked = |(name, _): &(String, i64)| match name.as_str() {
            "cpu" => pod.scoring.0,
            "memory" => pod.scoring.1,
            name => pod.requests.amount(name),
        };
        state.write(PodRequests(self.resources.iter().map(asked).collect()));
        Ok(())
    }

    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        let Some(PodRequests(asked)) = state.read() else { return 0 };
        self.strategy.score(self.counted(asked, node).map(|(_, taken, have, weight)| (taken, have, weight)))
    }

    fn score_detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(PodRequests(asked)) = state.read() else { return String::new() };
        let words = |(name, taken, have, _): (&str, i64, i64, i64)| {
            self.strategy.in_words(name, taken, have, |amount| in_units(name, amount))
        };
        self.counted(asked, node).map(words).collect::<Vec<_>>().join("; ")
    }
}

impl NodeResourcesFit {
    /// The resources that count: what would be taken with the pod, of how much, and the weight.
    fn counted<'a>(
        &'a self,
        asked: &'a [i64],
        node: &'a NodeInfo,
    ) -> impl Iterator<Item = (&'a str, i64, i64, i64)> {
        self.resources.iter().zip(asked).filter_map(|((name, weight), asked)| {
            let (have, taken) = match name.as_str() {
                "cpu" => (node.allocatable.cpu_milli, node.nonzero.0),
                "memory" => (node.allocatable.memory_bytes, node.nonzero.1),
                // A device that the pod does not ask for has no say.
                name if *asked == 0 && is_scalar(name) => return None,
                name => (node.allocatable.amount(name), node.requested.amount(name)),
            };
            (have != 0).then(|| (name.as_str(), taken.saturating_add(*asked), have, *weight))
        })
    }
}

/// An amount of a resource, as it is usually written.
fn in_units(resource: &str, amount: i64) -> String {
    match resource {
        "cpu" => quantity::format_milli(amount),
        "memory" | "ephemeral-storage" => quantity::format_bytes(amount),
        _ if resource.starts_with("hugepages-") => quantity::format_bytes(amount),
        _ => amount.to_string(),
    }
}

/// The usual question, answered without building anything.
fn fits(pod: &PodInfo, node: &NodeInfo) -> bool {
    let (asked, have, taken) = (&pod.requests, &node.allocatable, &node.requested);
    let enough = |asked: i64, have: i64, taken: i64| asked == 0 || asked <= have - taken;
    (node.pods.len() as i64) < node.allowed_pods
        && enough(asked.cpu_milli, have.cpu_milli, taken.cpu_milli)
        && enough(asked.memory_bytes, have.memory_bytes, taken.memory_bytes)
        && enough(asked.ephemeral_bytes, have.ephemeral_bytes, taken.ephemeral_bytes)
        && asked.scalar.iter().all(|(name, asked)| enough(*asked, have.amount(name), taken.amount(name)))
}

/// Too little of something (`InsufficientResource`).
struct Shortage<'a> {
    resource: &'a str,
    asked: i64,
    taken: i64,
    have: i64,
}

impl Shortage<'_> {
    fn is_hopeless(&self) -> bool {
        self.resource != "pods" && self.asked > self.have
    }

    fn reason(&self) -> Reason {
        match self.resource {
            "pods" => "Too many pods".into(),
            "cpu" => "Insufficient cpu".into(),
            "memory" => "Insufficient memory".into(),
            "ephemeral-storage" => "Insufficient ephemeral-storage".into(),
            other => format!("Insufficient {other}").into(),
        }
    }

    fn in_numbers(&self) -> String {
        let format = |amount: i64| in_units(self.resource, amount);
        if self.resource == "pods" {
            return format!("runs {} pods of {}", self.taken, self.have);
        }
        let free = (self.have - self.taken).max(0);
        format!(
            "needs {} {}, {} of {} free",
            format(self.asked),
            self.resource,
            format(free),
            format(self.have)
        )
    }
}

/// Everything of which the node has too little left (`fitsRequest`), in the order in which the message names it. Upstream goes
/// through extended resources in no particular order; here it is that of their names.
fn insufficient<'a>(pod: &'a PodInfo, node: &NodeInfo) -> Vec<Shortage<'a>> {
    let mut short = Vec::new();
    let pods = node.pods.len() as i64;
    if pods + 1 > node.allowed_pods {
        short.push(Shortage { resource: "pods", asked: 1, taken: pods, have: node.allowed_pods });
    }
    let (asked, have, taken): (&Resource, _, _) = (&pod.requests, &node.allocatable, &node.requested);
    let named = ["cpu", "memory", "ephemeral-storage"].into_iter();
    for name in named.chain(asked.scalar.keys().map(String::as_str)) {
        let (asked, have, taken) = (asked.amount(name), have.amount(name), taken.amount(name));
        if asked > 0 && asked > have - taken {
            short.push(Shortage { resource: name, asked, taken, have });
        }
    }
    short
}

/// Whether of something that the pod asks for there is less in the second amount than in the first.
fn gives_back(before: &Resource, after: &Resource, pod: &PodInfo) -> bool {
    asked_for(pod).any(|name| after.amount(name) < before.amount(name))
}

/// What the pod asks for.
fn asked_for(pod: &PodInfo) -> impl Iterator<Item = &str> {
    let named = ["cpu", "memory", "ephemeral-storage"].into_iter();
    named.chain(pod.requests.scalar.keys().map(String::as_str)).filter(|name| pod.requests.amount(name) > 0)
}

/// Whether a changed node has more of something that the pod asks for, or takes more pods.
fn has_more(before: &NodeInfo, after: &NodeInfo, pod: &PodInfo) -> bool {
    after.allowed_pods > before.allowed_pods || gives_back(&after.allocatable, &before.allocatable, pod)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::{filter_status_beside, scores, updated};
    use crate::testing::{NodeBuilder, PodBuilder, node, pod};

    #[track_caller]
    fn check(
        what: &str,
        pod: PodBuilder,
        node: NodeBuilder,
        there: &[PodBuilder],
        want: Option<(&str, bool)>,
    ) {
        let got = filter_status_beside(&NodeResourcesFit::default(), pod, node, there.to_vec());
        let got = got.map(|status| (status.message(), status.code == Code::UnschedulableAndUnresolvable));
        assert_eq!(got, want.map(|(message, hopeless)| (message.to_string(), hopeless)), "{what}");
    }

    #[test]
    fn a_node_takes_what_it_has_room_for() {
        let small = || node("n").cpu("2").memory("4Gi").pods(2);
        let one = || pod("there").cpu("1").memory("1Gi");
        check("room for it", pod("a").cpu("1"), small(), &[one()], None);
        check("no CPU left", pod("a").cpu("1500m"), small(), &[one()], Some(("Insufficient cpu", false)));
        check("more CPU than there is", pod("a").cpu("3"), small(), &[], Some(("Insufficient cpu", true)));
        check(
            "neither CPU nor memory",
            pod("a").cpu("2").memory("4Gi"),
            small(),
            &[one()],
            Some(("Insufficient cpu, Insufficient memory", false)),
        );
        check(
            "enough pods already",
            pod("a"),
            small(),
            &[one(), pod("other")],
            Some(("Too many pods", false)),
        );
        check(
            "no such device",
            pod("a").request("example.com/gpu", "1"),
            small(),
            &[],
            Some(("Insufficient example.com/gpu", true)),
        );
        check("no request on an overcommitted node", pod("a"), node("n").cpu("0"), &[one()], None);
    }

    #[test]
    fn the_node_of_which_less_is_taken_scores_higher() {
        let nodes = || [node("a").cpu("4").memory("16Gi"), node("b").cpu("4").memory("16Gi")];
        let there = || [pod("x").cpu("1").memory("4Gi").node("a")];
        let asks = || pod("p").cpu("1").memory("4Gi");
        assert_eq!(scores(NodeResourcesFit::default(), asks(), nodes(), there()), [50, 75]);
        let packs = NodeResourcesFit { strategy: ScoringStrategy::MostAllocated, ..Default::default() };
        assert_eq!(scores(packs, asks(), nodes(), there()), [50, 25]);
    }

    #[test]
    fn pods_without_requests_count_a_little() {
        let nodes = [node("a").cpu("1").memory("2000Mi"), node("b").cpu("1").memory("2000Mi")];
        let got = scores(NodeResourcesFit::default(), pod("p"), nodes, [pod("x").node("a")]);
        assert_eq!(got, [80, 90]);
    }

    #[test]
    fn a_smaller_request_helps_those_who_ask_for_the_same() {
        let shrinks = |waiting: PodBuilder, name: &str, cpu: &str| {
            let version = |cpu: &str| pod(name).cpu(cpu).memory("1Gi").node("n").build();
            let change = updated(version("2"), version(cpu));
            let (cache, view, nominator) = Default::default();
            let cx = Context { cache: &cache, view: &view, nominator: &nominator };
            let event = ClusterEvent::new(EventResource::AssignedPod, Action::UPDATE_POD_SCALE_DOWN);
            let waiting = PodInfo::new(waiting.build());
            NodeResourcesFit::default().is_schedulable_after(&cx, &event, &change, &waiting)
        };
        assert_eq!(shrinks(pod("p").cpu("1"), "other", "1"), Hint::Queue);
        assert_eq!(shrinks(pod("p").memory("1Gi"), "other", "1"), Hint::Skip);
        assert_eq!(shrinks(pod("p").memory("1Gi"), "p", "1"), Hint::Queue, "it is this one");
    }
}
