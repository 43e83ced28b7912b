//! Topology spread constraints, read for one pod.

use std::any::Any;

use super::defaults::DefaultConstraints;
use crate::api::k8s::{Toleration, TopologySpreadConstraint};
use crate::api::meta::Revision;
use crate::api::node_selector::RequiredNodeAffinity;
use crate::api::selector::{Operator, Requirement, Selector};
use crate::api::taint::{NO_EXECUTE, NO_SCHEDULE, tolerated};
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, ReplicaSet, Service, typed};
use crate::client::View;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::cache::tally::{Counts, Question};
use crate::scheduler::framework::{Context, NodeInfo, PodInfo};

/// The label by which every node is a domain of its own.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// A constraint, read (`topologySpreadConstraint`).
#[derive(Clone, Debug)]
pub struct Constraint {
    /// How many pods a domain may be ahead of the emptiest.
    pub max_skew: i64,
    /// The label whose values are the domains.
    pub topology_key: String,
    /// How many domains there have to be for the emptiest to count.
    pub min_domains: i64,
    /// The pods counted; `None` for none.
    selector: Option<Selector>,
    honors_affinity: bool,
    honors_taints: bool,
}

impl Constraint {
    fn new(pod: &Pod, constraint: &TopologySpreadConstraint) -> Constraint {
        let mut selector = constraint.label_selector.as_ref().and_then(Selector::from_field);
        // The API server has merged these keys into the selector; a pod from elsewhere may still need it.
        if let Some(selector) = &mut selector {
            for key in constraint.match_label_keys.iter().flatten() {
                if let Some(value) = pod.labels().get(key) {
                    selector.requirements.push(Requirement {
                        key: key.clone(),
                        operator: Operator::In,
                        values: vec![value.clone()],
                    });
                }
            }
        }
        Constraint {
            max_skew: i64::from(constraint.max_skew),
            topology_key: constraint.topology_key.clone(),
            min_domains: i64::from(constraint.min_domains.unwrap_or(1)),
            selector,
            honors_affinity: constraint.node_affinity_policy.as_deref() != Some("Ignore"),
            honors_taints: constraint.node_taints_policy.as_deref() == Some("Honor"),
        }
    }

    /// Whether the constraint counts this pod, namespace aside.
    pub fn selects(&self, pod: &Pod) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(pod.labels()))
    }

    /// Whether nodes that the pod may not use for their taints take no part in the count.
    pub fn honors_taints(&self) -> bool {
        self.honors_taints
    }

    /// Whether the node takes part in the count, by the constraint's node policies.
    pub fn includes(&self, pod: &PodInfo, node: &Node, required: &RequiredNodeAffinity) -> bool {
        if self.honors_affinity && !required.matches(node) {
            return false;
        }
        let tolerations = pod.pod.spec.tolerations.as_deref().unwrap_or_default();
        !(self.honors_taints && keeps_off(node, tolerations))
    }

    fn selected(&self, pod: &Pod) -> Selected {
        Selected {
            namespace: pod.namespace().to_string(),
            // A selector without any condition counts nothing (`countPodsMatchSelector`).
            selector: self.selector.clone().filter(|selector| !selector.requirements.is_empty()),
        }
    }

    /// How many pods there are on each node that are counted, by the node's place.
    pub fn on_nodes(&self, cx: &Context<'_>, memory: &mut Memory, pod: &Pod) -> Counts {
        memory.counts(cx.cache, &self.selected(pod))
    }

    /// How many pods there are in each domain that are counted, on the nodes that have all these labels and take part.
    pub fn by_domain(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        pod: &PodInfo,
        keys: &[String],
        required: &RequiredNodeAffinity,
    ) -> Counts {
        let taking_part = TakingPart {
            selected: self.selected(&pod.pod),
            key: self.topology_key.clone(),
            keys: keys.to_vec(),
            required: Some(required).filter(|it| self.honors_affinity && !it.is_trivial()).cloned(),
            tolerations: self.honors_taints.then(|| pod.pod.spec.tolerations.clone().unwrap_or_default()),
        };
        memory.counts(cx.cache, &taking_part)
    }
}

/// The pods that a constraint counts: those of the namespace that are not on their way out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selected {
    namespace: String,
    selector: Option<Selector>,
}

impl Selected {
    fn on(&self, node: &NodeInfo) -> i64 {
        let Some(selector) = &self.selector else { return 0 };
        let counted = |other: &Pod| {
            *other.namespace() == *self.namespace && !other.is_deleting() && selector.matches(other.labels())
        };
        node.sorts.iter().filter(|sort| counted(&sort.sample.pod)).map(|sort| sort.pods).sum()
    }
}

impl Question for Selected {
    fn count(&self, node: &NodeInfo, add: &mut dyn FnMut(&str, i64, i64)) {
        // Only the node's own number is asked for, in no domain.
        add("", self.on(node), 1);
    }

    fn is_same(&self, other: &dyn Question) -> bool {
        other.as_any().downcast_ref::<Selected>() == Some(self)
    }

    fn kept(&self) -> Box<dyn Question> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The same, by one label, on nodes that take part.
#[derive(Clone, PartialEq)]
struct TakingPart {
    selected: Selected,
    key: String,
    /// The labels that a node needs.
    keys: Vec<String>,
    /// What it has to meet, if that matters.
    required: Option<RequiredNodeAffinity>,
    /// What it may be tainted with, if that matters.
    tolerations: Option<Vec<Toleration>>,
}

impl Question for TakingPart {
    fn count(&self, node: &NodeInfo, add: &mut dyn FnMut(&str, i64, i64)) {
        let labels = node.node.labels();
        let is_met = self.required.as_ref().is_none_or(|required| required.matches(&node.node));
        let is_tolerated = self.tolerations.as_ref().is_none_or(|list| !keeps_off(&node.node, list));
        if is_met && is_tolerated && self.keys.iter().all(|key| labels.contains_key(key)) {
            add(&self.key, self.selected.on(node), 1);
        }
    }

    fn is_same(&self, other: &dyn Question) -> bool {
        other.as_any().downcast_ref::<TakingPart>() == Some(self)
    }

    fn kept(&self) -> Box<dyn Question> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Whether the node has a taint that keeps off pods with no more than these tolerations.
fn keeps_off(node: &Node, tolerations: &[Toleration]) -> bool {
    let mut taints = node.spec.taints.iter().flatten();
    taints.any(|taint| {
        matches!(taint.effect.as_str(), NO_SCHEDULE | NO_EXECUTE) && !tolerated(tolerations, taint)
    })
}

/// The pod's constraints of one kind (`DoNotSchedule` or `ScheduleAnyway`), or the default ones if it has none of either and
/// belongs to something: to what, `belongs` says.
pub fn constraints(
    pod: &Pod,
    when_unsatisfiable: &str,
    defaults: &DefaultConstraints,
    belongs: &mut dyn FnMut() -> Selector,
) -> Vec<Constraint> {
    let own = pod.spec.topology_spread_constraints.as_deref().unwrap_or_default();
    let of_that_kind = |list: &[TopologySpreadConstraint]| -> Vec<Constraint> {
        let picked = list.iter().filter(|constraint| constraint.when_unsatisfiable == when_unsatisfiable);
        picked.map(|constraint| Constraint::new(pod, constraint)).collect()
    };
    if !own.is_empty() {
        return of_that_kind(own);
    }
    if defaults.list.iter().all(|constraint| constraint.when_unsatisfiable != when_unsatisfiable) {
        return Vec::new();
    }
    let selector = belongs();
    if selector.requirements.is_empty() {
        return Vec::new();
    }
    let mut constraints = of_that_kind(&defaults.list);
    for constraint in &mut constraints {
        constraint.selector = Some(selector.clone());
    }
    constraints
}

/// What was found out last about what pods belong to. Replicas ask one after the other, and between two of them nothing changes.
#[derive(Default)]
pub struct Belonging {
    revision: Revision,
    pod: Option<PodInfo>,
    selector: Selector,
}

impl Belonging {
    /// The pods that belong together with this one ([`default_selector`]).
    pub fn of(&mut self, view: &View, pod: &PodInfo) -> Selector {
        let is_alike = |known: &PodInfo| known.is_equal_to_rules(pod);
        if self.revision != view.revision() || !self.pod.as_ref().is_some_and(is_alike) {
            self.revision = view.revision();
            self.selector = default_selector(view, &pod.pod);
            self.pod = Some(pod.clone());
        }
        self.selector.clone()
    }
}

/// The pods that belong together with this one (`helper.DefaultSelector`): all Services that select it and the controller
/// that owns it. Without any condition if there are none.
pub fn default_selector(view: &View, pod: &Pod) -> Selector {
    let mut labels = std::collections::BTreeMap::new();
    for service in view.list::<Service>(Some(pod.namespace())) {
        if let Some(selector) = service.spec.selector.as_ref().filter(|selector| !selector.is_empty())
            && Selector::from_map(selector).matches(pod.labels())
        {
            labels.extend(selector.clone());
        }
    }
    let mut selector = Selector::from_map(&labels);
    let Some(owner) = pod.controller() else { return selector };
    match (owner.api_version.as_str(), owner.kind.as_str()) {
        ("apps/v1", "ReplicaSet") => {
            if let Some(owner) = view.get::<ReplicaSet>(pod.namespace(), &owner.name) {
                let more = Selector::from_field(&owner.spec.selector).unwrap_or_default();
                selector.requirements.extend(more.requirements);
            }
        }
        ("v1", "ReplicationController") => {
            let key = Key::new(Kind::REPLICATION_CONTROLLER, pod.namespace(), &owner.name);
            let map = spec_selector(view, &key).and_then(|field| typed::read(&field).ok());
            let map: std::collections::BTreeMap<String, String> = map.unwrap_or_default();
            labels.extend(map);
            selector = Selector::from_map(&labels);
        }
        ("apps/v1", "StatefulSet") => {
            let key = Key::new(Kind::STATEFUL_SET, pod.namespace(), &owner.name);
            let field = spec_selector(view, &key).and_then(|field| typed::read(&field).ok());
            let more = field.and_then(|field| Selector::from_field(&field)).unwrap_or_default();
            selector.requirements.extend(more.requirements);
        }
        _ => {}
    }
    selector
}

/// `spec.selector` of an object, in whichever form it is kept.
fn spec_selector(view: &View, key: &Key) -> Option<serde_json::Value> {
    let object: &Object = view.object(key)?;
    match object {
        Object::Tree(tree) => tree.fields.get("spec")?.get("selector").cloned(),
        other => other.to_value().get("spec")?.get("selector").cloned(),
    }
}
