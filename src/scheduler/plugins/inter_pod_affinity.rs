//! # What it does
//! Keeps pods near other pods or away from them, by the domains of a node label. It looks both ways: at what the pod asks for,
//! and at what the pods that are there already ask of it.
//! # Example
//! A pod with required anti-affinity to `app: web` by `kubernetes.io/hostname` finds `node(s) didn't match pod anti-affinity
//! rules` on every node with such a pod; a pod `app: web` in turn finds `node(s) didn't satisfy existing pods anti-affinity
//! rules` where the first one runs.
//! # Upstream
//! `plugins/interpodaffinity`

use sorted::SortedMap;
use std::sync::Arc;

use super::names;
use crate::api::meta::StringMap;
use crate::api::{Kind, MetaExt, Namespace, Node, Object, Pod};
use crate::client::{Change, View};
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::framework::pod_info::AffinityTerm;
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, MAX_NODE_SCORE, NodeInfo, Plugin,
    PodInfo, Point, PreFilterResult, Status,
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

/// How many pods in each domain meet a term, by `(topology key, domain)`.
type Counts = SortedMap<(String, String), i64>;

/// What Filter needs.
#[derive(Clone, Debug, Default)]
struct PreFilterState {
    /// Terms of pods that are there which the new pod would offend.
    existing_anti_affinity: Counts,
    /// Pods that meet all the affinity terms of the new pod.
    affinity: Counts,
    /// Pods that meet one of its anti-affinity terms.
    anti_affinity: Counts,
    required_affinity: Vec<AffinityTerm>,
    required_anti_affinity: Vec<AffinityTerm>,
    namespace_labels: StringMap,
}

/// What Score needs: what each domain is worth, by topology key.
#[derive(Clone, Debug, Default)]
struct PreScoreState(SortedMap<String, SortedMap<String, i64>>);

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
        if event.resource != EventResource::AssignedPod {
            return Hint::Queue;
        }
        let near = resolved(&pod.required_affinity, cx.view);
        let apart = resolved(&pod.required_anti_affinity, cx.view);
        let labels = namespace_labels(cx.view, pod.pod.namespace());
        let as_pod =
            |object: &Option<Arc<Object>>| object.as_deref().and_then(Object::as_kind::<Pod>).cloned();
        let comes = as_pod(&change.after).is_some_and(|other| matches_all(&near, &other));
        let goes = as_pod(&change.before).is_some_and(|other| {
            let other = PodInfo::new(other);
            apart.iter().any(|term| term.matches(&other.pod, &StringMap::new()))
                || other.required_anti_affinity.iter().any(|term| term.matches(&pod.pod, &labels))
        });
        Hint::queue_if(comes || goes)
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
        let mut note = PreFilterState {
            required_affinity: resolved(&pod.required_affinity, cx.view),
            required_anti_affinity: resolved(&pod.required_anti_affinity, cx.view),
            namespace_labels: namespace_labels(cx.view, pod.pod.namespace()),
            ..Default::default()
        };
        for info in cx.cache.nodes() {
            for other in &info.pods_with_required_anti_affinity {
                note.count_existing(pod, other, &info.node, 1);
            }
            if has_terms {
                for other in &info.pods {
                    note.count_incoming(other, &info.node, 1);
                }
            }
        }
        if !has_terms && note.existing_anti_affinity.is_empty() {
            return Err(Status::skip());
        }
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
            note.count_existing(pod, added, &node.node, 1);
            note.count_incoming(added, &node.node, 1);
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
            note.count_existing(pod, removed, &node.node, -1);
            note.count_incoming(removed, &node.node, -1);
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
        if !note.satisfies_affinity(pod, &node.node) {
            return Err(Status::unresolvable("node(s) didn't match pod affinity rules"));
        }
        if !note.satisfies_anti_affinity(&node.node) {
            return Err(Status::unschedulable("node(s) didn't match pod anti-affinity rules"));
        }
        if !note.satisfies_existing_anti_affinity(&node.node) {
            return Err(Status::unschedulable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }

    fn pre_score(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        _: &[NodeIndex],
    ) -> Result<(), Status> {
        let prefers = !pod.preferred_affinity.is_empty() || !pod.preferred_anti_affinity.is_empty();
        let nobody_asks = !cx.cache.has_pods_with_affinity() || self.ignore_preferred_terms_of_existing_pods;
        if !prefers && nobody_asks {
            return Err(Status::skip());
        }
        let resolve = |terms: &[(i64, AffinityTerm)], sign: i64| -> Vec<(i64, AffinityTerm)> {
            terms.iter().map(|(weight, term)| (weight * sign, with_namespaces(term, cx.view))).collect()
        };
        let own = [resolve(&pod.preferred_affinity, 1), resolve(&pod.preferred_anti_affinity, -1)].concat();
        let labels = namespace_labels(cx.view, pod.pod.namespace());
        let mut note = PreScoreState::default();
        for info in cx.cache.nodes() {
            // A pod without preferences need only be held against those that have some.
            let others = if prefers { &info.pods } else { &info.pods_with_affinity };
            for other in others {
                self.weigh(&mut note, pod, &own, &labels, other, &info.node);
            }
        }
        if note.0.is_empty() {
            return Err(Status::skip());
        }
        state.write(note);
        Ok(())
    }

    /// What the node's domains are worth together; may be below zero.
    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        let Some(PreScoreState(worth)) = state.read() else { return 0 };
        let domain = |(key, domains): (&String, &SortedMap<String, i64>)| {
            node.node.labels().get(key).and_then(|domain| domains.get(domain)).copied()
        };
        worth.iter().filter_map(domain).sum()
    }

    fn normalize_score(&self, _: &Context<'_>, _: &CycleState, _: &[NodeIndex], scores: &mut [i64]) {
        let least = scores.iter().copied().min().unwrap_or(0);
        let spread = scores.iter().copied().max().unwrap_or(0) - least;
        for score in scores {
            let share = if spread > 0 { (*score - least) as f64 / spread as f64 } else { 0.0 };
            *score = (MAX_NODE_SCORE as f64 * share) as i64;
        }
    }
}

impl InterPodAffinity {
    /// Adds what one pod on a node says for or against its domains.
    fn weigh(
        &self,
        note: &mut PreScoreState,
        pod: &PodInfo,
        own: &[(i64, AffinityTerm)],
        labels: &StringMap,
        other: &PodInfo,
        node: &Node,
    ) {
        let mut add = |term: &AffinityTerm, weight: i64| {
            if let Some(domain) = node.labels().get(&term.topology_key) {
                let domains = note.0.entry(term.topology_key.clone()).or_default();
                *domains.entry(domain.clone()).or_default() += weight;
            }
        };
        for (weight, term) in own {
            if term.matches(&other.pod, &StringMap::new()) {
                add(term, *weight);
            }
        }
        let asked = |term: &&AffinityTerm| term.matches(&pod.pod, labels);
        if self.hard_pod_affinity_weight > 0 {
            for term in other.required_affinity.iter().filter(asked) {
                add(term, self.hard_pod_affinity_weight);
            }
        }
        for (weight, term) in other.preferred_affinity.iter().filter(|(_, term)| asked(&term)) {
            add(term, *weight);
        }
        for (weight, term) in other.preferred_anti_affinity.iter().filter(|(_, term)| asked(&term)) {
            add(term, -weight);
        }
    }
}

impl PreFilterState {
    /// Counts the anti-affinity terms of `other` that the new pod would offend.
    fn count_existing(&mut self, pod: &PodInfo, other: &PodInfo, node: &Node, delta: i64) {
        for term in &other.required_anti_affinity {
            if term.matches(&pod.pod, &self.namespace_labels) {
                count(&mut self.existing_anti_affinity, term, node, delta);
            }
        }
    }

    /// Counts `other` where it meets what the new pod asks for.
    fn count_incoming(&mut self, other: &PodInfo, node: &Node, delta: i64) {
        if matches_all(&self.required_affinity, &other.pod) {
            for term in &self.required_affinity {
                count(&mut self.affinity, term, node, delta);
            }
        }
        for term in &self.required_anti_affinity {
            if term.matches(&other.pod, &StringMap::new()) {
                count(&mut self.anti_affinity, term, node, delta);
            }
        }
    }

    fn satisfies_affinity(&self, pod: &PodInfo, node: &Node) -> bool {
        let mut met = true;
        for term in &self.required_affinity {
            let Some(domain) = node.labels().get(&term.topology_key) else { return false };
            met &= positive(&self.affinity, &term.topology_key, domain);
        }
        // The first pod of a group that wants to be together would otherwise never find a place.
        met || (self.affinity.is_empty() && matches_all(&self.required_affinity, &pod.pod))
    }

    fn satisfies_anti_affinity(&self, node: &Node) -> bool {
        self.anti_affinity.is_empty()
            || self.required_anti_affinity.iter().all(|term| {
                let domain = node.labels().get(&term.topology_key);
                domain.is_none_or(|domain| !positive(&self.anti_affinity, &term.topology_key, domain))
            })
    }

    fn satisfies_existing_anti_affinity(&self, node: &Node) -> bool {
        self.existing_anti_affinity
            .iter()
            .all(|((key, domain), count)| *count <= 0 || node.labels().get(key) != Some(domain))
    }
}

fn positive(counts: &Counts, key: &str, domain: &str) -> bool {
    counts.get(&(key.to_string(), domain.to_string())).is_some_and(|count| *count > 0)
}

/// Counts a pod in the node's domain of a term; a domain without any is forgotten.
fn count(counts: &mut Counts, term: &AffinityTerm, node: &Node, delta: i64) {
    let Some(domain) = node.labels().get(&term.topology_key) else { return };
    let key = (term.topology_key.clone(), domain.clone());
    let sum = counts.get(&key).copied().unwrap_or(0) + delta;
    if sum == 0 {
        counts.remove(&key);
    } else {
        counts.insert(key, sum);
    }
}

/// Whether a pod meets all terms. No terms are met by none.
fn matches_all(terms: &[AffinityTerm], pod: &Pod) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(pod, &StringMap::new()))
}

/// The terms with the namespaces that their selectors stand for now.
fn resolved(terms: &[AffinityTerm], view: &View) -> Vec<AffinityTerm> {
    terms.iter().map(|term| resolve_namespaces(term, view)).collect()
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

fn namespace_labels(view: &View, name: &str) -> StringMap {
    view.get::<Namespace>("", name).map(|namespace| namespace.labels().clone()).unwrap_or_default()
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
}
