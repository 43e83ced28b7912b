//! # What it does
//! Keeps pods near other pods or away from them, by the domains of a node label. It looks both ways: at what the pod asks for,
//! and at what the pods that are there already ask of it.
//! # Example
//! A pod with required anti-affinity to `app: web` by `kubernetes.io/hostname` finds `node(s) didn't match pod anti-affinity
//! rules` on every node with such a pod; a pod `app: web` in turn finds `node(s) didn't satisfy existing pods anti-affinity
//! rules` where the first one runs.
//! # Upstream
//! `plugins/interpodaffinity`

use std::any::Any;
use std::sync::Arc;

use super::{Args, Made, names};
use crate::api::field_error::FieldError;
use crate::api::k8s::ObjectMeta;
use crate::api::meta::StringMap;
use crate::api::{Kind, MetaExt, Namespace, Node, Object, Pod};
use crate::client::{Change, View};
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::contest::Dimension;
use crate::scheduler::cache::tally::{Counts, Question, Sums};
use crate::scheduler::framework::pod_info::AffinityTerm;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, MAX_NODE_SCORE, NodeInfo, Normalization,
    Plugin, PodInfo, Point, PreFilterResult, Scored, Status,
};

/// See the module.
#[derive(Debug)]
pub struct InterPodAffinity {
    /// What it is worth to a node that a pod there requires the new one near it, from 0 to 100.
    pub hard_pod_affinity_weight: i64,
    /// Whether what pods there merely prefer has no say.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

impl Default for InterPodAffinity {
    fn default() -> InterPodAffinity {
        InterPodAffinity { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false }
    }
}

impl InterPodAffinity {
    /// By `InterPodAffinityArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        let weight = args.number("hardPodAffinityWeight", 1);
        if !(0..=100).contains(&weight) {
            let path = args.path.child("hardPodAffinityWeight");
            return Err(vec![FieldError::invalid(&path, weight, "not in valid range [0, 100]")]);
        }
        Ok(Arc::new(InterPodAffinity {
            hard_pod_affinity_weight: weight,
            ignore_preferred_terms_of_existing_pods: args.value["ignorePreferredTermsOfExistingPods"] == true,
        }))
    }
}

/// What is counted on every node.
#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// Pods that meet all these terms, by each of them.
    Near(Arc<Vec<AffinityTerm>>),
    /// Pods that meet one of these terms, by that.
    Apart(Arc<Vec<AffinityTerm>>),
    /// Terms of pods that are there which the new pod would offend.
    Existing(Newcomer),
    /// What a domain is worth: by the new pod's preferences with their weights, and by those of the pods that are there, whose
    /// needs are worth the last number.
    Worth(Arc<Vec<(i64, AffinityTerm)>>, Newcomer, i64),
}

/// The new pod, as far as the terms of others look at it.
#[derive(Clone, Debug, Default)]
struct Newcomer {
    pod: Pod,
    /// The number of its sort, if it has one.
    sort: u64,
    namespace: Arc<ObjectMeta>,
}

impl PartialEq for Newcomer {
    fn eq(&self, other: &Newcomer) -> bool {
        let is_one_sort = self.sort != 0 && self.sort == other.sort;
        let (a, b) = (&self.pod, &other.pod);
        (is_one_sort || a.namespace() == b.namespace() && a.labels() == b.labels())
            && (Arc::ptr_eq(&self.namespace, &other.namespace)
                || self.namespace.labels() == other.namespace.labels())
    }
}

impl Newcomer {
    fn is_meant_by(&self, term: &AffinityTerm) -> bool {
        term.matches(&self.pod, self.namespace.labels())
    }
}

impl Rule {
    /// Counts one pod that is there.
    fn count_pod(&self, other: &PodInfo, add: &mut dyn FnMut(&str, i64)) {
        match self {
            Rule::Near(terms) if !matches_all(terms, &other.pod) => {}
            Rule::Near(terms) => terms.iter().for_each(|term| add(&term.topology_key, 1)),
            Rule::Apart(terms) => {
                let met = terms.iter().filter(|term| term.matches(&other.pod, &StringMap::new()));
                met.for_each(|term| add(&term.topology_key, 1));
            }
            Rule::Existing(newcomer) => {
                let offended = other.required_anti_affinity.iter().filter(|term| newcomer.is_meant_by(term));
                offended.for_each(|term| add(&term.topology_key, 1));
            }
            Rule::Worth(own, newcomer, hard_weight) => weigh(own, newcomer, *hard_weight, other, add),
        }
    }
}

/// What one pod that is there says for or against its domains.
fn weigh(
    own: &[(i64, AffinityTerm)],
    newcomer: &Newcomer,
    hard_weight: i64,
    other: &PodInfo,
    add: &mut dyn FnMut(&str, i64),
) {
    for (weight, term) in own.iter().filter(|(_, term)| term.matches(&other.pod, &StringMap::new())) {
        add(&term.topology_key, *weight);
    }
    let asked = |term: &&AffinityTerm| newcomer.is_meant_by(term);
    if hard_weight > 0 {
        for term in other.required_affinity.iter().filter(asked) {
            add(&term.topology_key, hard_weight);
        }
    }
    for (weight, term) in other.preferred_affinity.iter().filter(|(_, term)| asked(&term)) {
        add(&term.topology_key, *weight);
    }
    for (weight, term) in other.preferred_anti_affinity.iter().filter(|(_, term)| asked(&term)) {
        add(&term.topology_key, -weight);
    }
}

impl Question for Rule {
    fn count(&self, node: &NodeInfo, add: &mut dyn FnMut(&str, i64, i64)) {
        for sort in &node.sorts {
            self.count_pod(&sort.sample, &mut |key, number| add(key, number * sort.pods, sort.pods));
        }
    }

    fn is_same(&self, other: &dyn Question) -> bool {
        other.as_any().downcast_ref::<Rule>() == Some(self)
    }

    fn kept(&self) -> Box<dyn Question> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What Filter needs.
#[derive(Clone)]
struct PreFilterState {
    existing: (Rule, Counts),
    near: (Rule, Counts),
    apart: (Rule, Counts),
    required_affinity: Arc<Vec<AffinityTerm>>,
    required_anti_affinity: Arc<Vec<AffinityTerm>>,
    /// Whether the pod meets its own terms: the first of a group that wants to be together would otherwise never find a place.
    meets_itself: bool,
}

/// What Score needs: what each domain is worth.
#[derive(Clone)]
struct PreScoreState(Counts);

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        names::INTER_POD_AFFINITY
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
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD.or(Action::UPDATE_NODE_LABEL)),
        ];
        &EVENTS
    }

    /// Near ones that come, and far ones that go.
    fn is_schedulable_after(
        &self,
        cx: &Context<'_>,
        event: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        if let Some(Object::Node(after)) = change.after.as_deref() {
            let before = change.before.as_deref().and_then(Object::as_kind);
            return Hint::queue_if(may_suit(pod, before, after));
        }
        if event.resource != EventResource::AssignedPod {
            return Hint::Queue;
        }
        let near = resolved(&pod.required_affinity, cx.view);
        let apart = resolved(&pod.required_anti_affinity, cx.view);
        let namespace = namespace_of(cx.view, pod.pod.namespace());
        let labels = namespace.labels();
        let as_pod = |object: &Option<Arc<Object>>| {
            object.as_deref().and_then(Object::as_kind::<Pod>).cloned().map(PodInfo::new)
        };
        let is_wanted = |other: &PodInfo| matches_all(&near, &other.pod);
        let is_unwanted = |other: &PodInfo| {
            apart.iter().any(|term| term.matches(&other.pod, &StringMap::new()))
                || other.required_anti_affinity.iter().any(|term| term.matches(&pod.pod, labels))
        };
        let (before, after) = (as_pod(&change.before), as_pod(&change.after));
        let other = after.as_ref().or(before.as_ref());
        Hint::queue_if(match (&before, &after) {
            _ if event.action.meets(Action::ADD) => other.is_some_and(is_wanted),
            _ if event.action.meets(Action::DELETE) => other.is_some_and(is_unwanted),
            (Some(before), Some(after)) => {
                !is_wanted(before) && is_wanted(after) || is_unwanted(before) && !is_unwanted(after)
            }
            _ => false,
        })
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let has_terms = !pod.required_affinity.is_empty() || !pod.required_anti_affinity.is_empty();
        if !has_terms && !cx.cache.has_pods_with_required_anti_affinity() {
            return Err(Status::skip());
        }
        let near = resolved(&pod.required_affinity, cx.view);
        let apart = resolved(&pod.required_anti_affinity, cx.view);
        let memory = &mut state.memory;
        let mut counted = |rule: Rule, is_wanted: bool| {
            let counts = if is_wanted { memory.counts(cx.cache, &rule) } else { Counts::default() };
            (rule, counts)
        };
        let note = PreFilterState {
            existing: counted(
                Rule::Existing(newcomer(cx.view, pod)),
                cx.cache.has_pods_with_required_anti_affinity(),
            ),
            near: counted(Rule::Near(near.clone()), !near.is_empty()),
            apart: counted(Rule::Apart(apart.clone()), !apart.is_empty()),
            meets_itself: matches_all(&near, &pod.pod),
            required_affinity: near,
            required_anti_affinity: apart,
        };
        if !has_terms && note.existing.1.entries == 0 {
            return Err(Status::skip());
        }
        state.write(note);
        Ok(None)
    }

    fn add_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        added: &PodInfo,
        node: &NodeInfo,
    ) {
        if let Some(note) = state.read_mut::<PreFilterState>() {
            note.count(cx, added, node, 1);
        }
    }

    fn remove_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        removed: &PodInfo,
        node: &NodeInfo,
    ) {
        if let Some(note) = state.read_mut::<PreFilterState>() {
            note.count(cx, removed, node, -1);
        }
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        let Some(note) = state.read::<PreFilterState>() else { return Ok(()) };
        match note.refusal(node.index, &node.node) {
            Some(refusal) => Err(refusal.status()),
            None => Ok(()),
        }
    }

    /// Whose domains they are, and how many pods each rule counts there.
    fn dimensions(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        dimensions: &mut Vec<Dimension>,
    ) -> bool {
        let mut add = |counts: &Counts| {
            dimensions.extend(counts.keys.iter().map(|sums| Dimension::sums(sums, counts.id)));
        };
        if let Some(PreScoreState(worth)) = state.read() {
            add(worth);
        }
        let Some(note) = state.read::<PreFilterState>() else { return true };
        [&note.existing, &note.near, &note.apart].into_iter().for_each(|(_, counts)| add(counts));
        // Where nothing is counted by a key that the pod asks for, it matters whether the node has it.
        let uncounted = note.required_affinity.iter().map(|term| &term.topology_key);
        let uncounted: Vec<String> =
            uncounted.filter(|key| note.near.1.sums(key).is_none()).cloned().collect();
        for key in uncounted {
            dimensions.push(Dimension::domain(state.memory.topology(cx.cache, &key)));
        }
        true
    }

    fn pre_score(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let prefers = !pod.preferred_affinity.is_empty() || !pod.preferred_anti_affinity.is_empty();
        let nobody_asks = !cx.cache.has_pods_with_affinity() || self.ignore_preferred_terms_of_existing_pods;
        if !prefers && nobody_asks {
            return Err(Status::skip());
        }
        let resolve = |terms: &[(i64, AffinityTerm)], sign: i64| -> Vec<(i64, AffinityTerm)> {
            terms.iter().map(|(weight, term)| (weight * sign, with_namespaces(term, cx.view))).collect()
        };
        let mut own = resolve(&pod.preferred_affinity, 1);
        own.extend(resolve(&pod.preferred_anti_affinity, -1));
        let rule = Rule::Worth(Arc::new(own), newcomer(cx.view, pod), self.hard_pod_affinity_weight);
        let counts = state.memory.counts(cx.cache, &rule);
        if counts.entries == 0 {
            return Err(Status::skip());
        }
        state.write(PreScoreState(counts));
        Ok(())
    }

    /// What the node's domains are worth together; may be below zero.
    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        state.read::<PreScoreState>().map_or(0, |PreScoreState(worth)| worth_of(worth, node.index))
    }

    fn score_detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(PreScoreState(worth)) = state.read() else { return String::new() };
        let of_key = |sums: &Sums| {
            let value = node.node.labels().get(&*sums.key)?;
            Some(format!("{}={value} is worth {}", sums.key, sums.at(node.index)?))
        };
        worth.keys.iter().filter_map(of_key).collect::<Vec<_>>().join(", ")
    }

    fn normalization(&self) -> Normalization {
        Normalization::Own
    }

    fn normalize_score(&self, _: &CycleState, _: &[Scored], scores: &mut [i64]) {
        let least = scores.iter().copied().min().unwrap_or(0);
        let spread = scores.iter().copied().max().unwrap_or(0) - least;
        for score in scores {
            let share = if spread > 0 { (*score - least) as f64 / spread as f64 } else { 0.0 };
            *score = (MAX_NODE_SCORE as f64 * share) as i64;
        }
    }
}

fn worth_of(worth: &Counts, node: NodeIndex) -> i64 {
    worth.keys.iter().filter_map(|sums| sums.at(node)).sum()
}

impl PreFilterState {
    /// Counts a pod that comes to a node, or goes.
    fn count(&mut self, cx: &Context<'_>, other: &PodInfo, node: &NodeInfo, delta: i64) {
        for (rule, counts) in [&mut self.existing, &mut self.near, &mut self.apart] {
            rule.count_pod(other, &mut |key, number| {
                counts.add(cx.cache, key, node.index, number * delta, delta);
            });
        }
    }

    fn refusal(&self, index: NodeIndex, node: &Node) -> Option<Refusal> {
        let is_counted = |sums: &Sums| sums.at(index).is_some_and(|sum| sum > 0);
        if !self.required_affinity.is_empty() && !self.is_near(index, node) {
            return Some(Refusal::Near);
        }
        let mut apart = self.required_anti_affinity.iter();
        if apart.any(|term| self.apart.1.sums(&term.topology_key).is_some_and(is_counted)) {
            return Some(Refusal::Apart);
        }
        self.existing.1.keys.iter().any(is_counted).then_some(Refusal::Existing)
    }

    fn is_near(&self, index: NodeIndex, node: &Node) -> bool {
        let mut met = true;
        for term in &*self.required_affinity {
            match self.near.1.sums(&term.topology_key) {
                Some(sums) => match sums.at(index) {
                    Some(sum) => met &= sum > 0,
                    None => return false,
                },
                None if node.labels().contains_key(&term.topology_key) => met = false,
                None => return false,
            }
        }
        // The first of a group finds none of the others.
        met || self.meets_itself && self.near.1.entries == 0
    }
}

/// Which rule refuses a node.
#[derive(Clone, Copy)]
enum Refusal {
    Near,
    Apart,
    Existing,
}

impl Refusal {
    fn status(self) -> Status {
        match self {
            Refusal::Near => Status::unresolvable("node(s) didn't match pod affinity rules"),
            Refusal::Apart => Status::unschedulable("node(s) didn't match pod anti-affinity rules"),
            Refusal::Existing => {
                Status::unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")
            }
        }
    }
}

/// Whether a node that is new, or has other labels, may suit the pod: it comes into a domain near which the pod wants to be, or
/// leaves one that the pod keeps away from. A pod without terms was kept off by those of others, and may be free of them there.
fn may_suit(pod: &PodInfo, before: Option<&Node>, after: &Node) -> bool {
    let (near, apart) = (&pod.required_affinity, &pod.required_anti_affinity);
    let value = |node: &Node, term: &AffinityTerm| node.labels().get(&term.topology_key).cloned();
    if near.is_empty() && apart.is_empty() {
        return true;
    }
    let Some(before) = before else {
        return !apart.is_empty() || near.iter().any(|term| value(after, term).is_some());
    };
    let has_moved = |term: &&AffinityTerm| value(before, term) != value(after, term);
    near.iter().filter(has_moved).any(|term| value(after, term).is_some())
        || apart.iter().filter(has_moved).any(|term| value(before, term).is_some())
}

fn newcomer(view: &View, pod: &PodInfo) -> Newcomer {
    Newcomer { pod: pod.pod.clone(), sort: pod.sort, namespace: namespace_of(view, pod.pod.namespace()) }
}

/// Whether a pod meets all terms. No terms are met by none.
fn matches_all(terms: &[AffinityTerm], pod: &Pod) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(pod, &StringMap::new()))
}

/// The terms with the namespaces that their selectors stand for now.
fn resolved(terms: &Arc<Vec<AffinityTerm>>, view: &View) -> Arc<Vec<AffinityTerm>> {
    if terms.iter().all(|term| term.namespace_selector.is_none()) {
        return terms.clone();
    }
    Arc::new(terms.iter().map(|term| resolve_namespaces(term, view)).collect())
}

/// A selector without conditions means every namespace, and stays: pods may be in one that is not known yet.
fn resolve_namespaces(term: &AffinityTerm, view: &View) -> AffinityTerm {
    let mut term = with_namespaces(term, view);
    term.namespace_selector.take_if(|selector| !selector.requirements.is_empty());
    term
}

/// The term with the namespaces that its selector stands for beside those that it names. The selector stays, and is later
/// held against no labels at all: upstream does so for preferred terms, where `DoesNotExist` therefore means every namespace.
fn with_namespaces(term: &AffinityTerm, view: &View) -> AffinityTerm {
    let mut term = term.clone();
    if let Some(selector) =
        term.namespace_selector.as_ref().filter(|selector| !selector.requirements.is_empty())
    {
        let selected = view.list::<Namespace>(None).filter(|namespace| selector.matches(namespace.labels()));
        term.namespaces.extend(selected.map(|namespace| namespace.name().to_string()));
    }
    term
}

/// What is known of a namespace; nothing of one that is not there.
fn namespace_of(view: &View, name: &str) -> Arc<ObjectMeta> {
    view.get::<Namespace>("", name).map(|namespace| namespace.meta.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::cache::Cache;
    use crate::scheduler::plugins::test_support::{cluster, filter_all, scores_in};
    use crate::testing::{PodBuilder, node, pod};

    const HOST: &str = "kubernetes.io/hostname";
    const ZONE: &str = "topology.kubernetes.io/zone";
    const WEB: (&str, &str) = ("app", "web");

    fn zones(pods: Vec<PodBuilder>) -> Cache {
        cluster([node("a1").zone("a"), node("a2").zone("a"), node("b1").zone("b")], pods)
    }

    #[track_caller]
    fn check(what: &str, pod: PodBuilder, there: Vec<PodBuilder>, want: [Option<&str>; 3]) {
        let got = filter_all(InterPodAffinity::default(), pod, &zones(there), &View::default());
        assert_eq!(got, want.map(|words| words.map(|words| format!("node(s) didn't {words}"))), "{what}");
    }

    #[test]
    fn required_terms_hold_both_ways() {
        let web = || pod("web").label("app", "web").node("a1");
        let apart = Some("match pod anti-affinity rules");
        let near = Some("match pod affinity rules");
        let offended = Some("satisfy existing pods anti-affinity rules");
        check("away from the node", pod("p").pod_anti_affinity(WEB, HOST), vec![web()], [apart, None, None]);
        check("away from the zone", pod("p").pod_anti_affinity(WEB, ZONE), vec![web()], [apart, apart, None]);
        check("near in the zone", pod("p").pod_affinity(WEB, ZONE), vec![web()], [None, None, near]);
        check("near to what is not there", pod("p").pod_affinity(WEB, ZONE), vec![], [near, near, near]);
        let first = || pod("p").label("app", "web").pod_affinity(WEB, ZONE);
        check("the first of its group", first(), vec![], [None, None, None]);
        let hermit = || pod("hermit").pod_anti_affinity(WEB, ZONE).node("b1");
        check("kept off by another", pod("p").label("app", "web"), vec![hermit()], [None, None, offended]);
        check(
            "another namespace",
            pod("p").namespace("other").label("app", "web"),
            vec![hermit()],
            [None, None, None],
        );
    }

    #[test]
    fn preferences_add_up_over_the_domain_and_are_scaled() {
        let there = vec![pod("w1").label("app", "web").node("a1"), pod("w2").label("app", "web").node("a2")];
        let cache = zones(there);
        let score = |pod| scores_in(InterPodAffinity::default(), pod, &cache, &View::default());
        assert_eq!(score(pod("p").preferred_pod_affinity(10, WEB, ZONE)), [100, 100, 0]);
        assert_eq!(score(pod("p").preferred_pod_affinity(-10, WEB, HOST)), [0, 0, 100]);
        assert_eq!(score(pod("p")), [] as [i64; 0], "nobody asks for anything");
    }

    #[test]
    fn what_pods_there_require_draws_the_new_one_a_little() {
        let fan = pod("fan").label("app", "web").pod_affinity(WEB, HOST).node("b1");
        let got = scores_in(
            InterPodAffinity::default(),
            pod("p").label("app", "web"),
            &zones(vec![fan]),
            &View::default(),
        );
        assert_eq!(got, [0, 0, 100]);
    }

    #[test]
    fn nodes_wake_the_pods_whose_domains_they_change() {
        let info = |pod: PodBuilder| PodInfo::new(pod.build());
        let near = info(pod("p").pod_affinity(WEB, ZONE));
        let apart = info(pod("p").pod_anti_affinity(WEB, ZONE));
        let plain = info(pod("p"));
        let (bare, in_a, in_b) =
            (node("n").build(), node("n").zone("a").build(), node("n").zone("b").build());
        let woken = |before, after| [&near, &apart, &plain].map(|pod| may_suit(pod, before, after));
        assert_eq!(woken(None, &in_a), [true, true, true]);
        assert_eq!(woken(None, &bare), [false, true, true]);
        assert_eq!(woken(Some(&in_a), &in_b), [true, true, true]);
        assert_eq!(woken(Some(&bare), &in_a), [true, false, true]);
        assert_eq!(woken(Some(&in_a), &bare), [false, true, true]);
        assert_eq!(woken(Some(&in_a), &in_a), [false, false, true]);
    }
}
