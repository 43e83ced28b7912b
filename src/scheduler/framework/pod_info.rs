//! A pod with everything about it that decisions ask for again and again, worked out once.

use std::ops::Deref;
use std::sync::Arc;

use sorted::SortedSet;

use super::resource::{Resource, nonzero_requests, pod_requests, scoring_requests};
use crate::api::hash::fnv1a_64;
use crate::api::k8s::{Container, ContainerPort, LabelSelector, PodAffinityTerm, WeightedPodAffinityTerm};
use crate::api::meta::StringMap;
use crate::api::pod_status::is_sidecar;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Pod};

/// A pod, taken apart (`framework.PodInfo`).
#[derive(Clone, Debug, Default)]
pub struct PodInfo {
    /// The pod.
    pub pod: Pod,
    priority: i32,
    is_nominated: bool,
    /// A digest of its uid.
    pub digest: u32,
    /// When it started, in seconds. One that has not yet will be the last.
    pub started: i64,
    /// A number that only pods of one shape have ([`Likenesses`](crate::scheduler::cache::likeness::Likenesses)); zero if it
    /// has not been compared.
    pub likeness: u64,
    /// The same of pods that no rule about other pods can tell apart.
    pub sort: u64,
    /// What pods that look alike share: whoever goes from one to the next finds it where it was.
    pub parts: Arc<Parts>,
}

/// What is worked out about a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What it asks for.
    pub requests: Resource,
    /// CPU (in thousandths) and memory (in bytes) that it counts as in scores.
    pub nonzero: (i64, i64),
    /// The same while it is the pod to place.
    pub scoring: (i64, i64),
    /// The ports of the node that it claims.
    pub ports: Vec<HostPort>,
    /// Required inter-pod affinity.
    pub required_affinity: Arc<Vec<AffinityTerm>>,
    /// Required inter-pod anti-affinity.
    pub required_anti_affinity: Arc<Vec<AffinityTerm>>,
    /// Preferred inter-pod affinity, with weights of 1 to 100.
    pub preferred_affinity: Vec<(i64, AffinityTerm)>,
    /// Preferred inter-pod anti-affinity, with weights of 1 to 100.
    pub preferred_anti_affinity: Vec<(i64, AffinityTerm)>,
}

/// A port of the node that a pod claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// The address it listens on; `0.0.0.0` for all.
    pub address: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The number.
    pub port: i32,
}

impl HostPort {
    /// Whether the two cannot both be had: the same number and protocol, on one address or with one of them on all.
    pub fn conflicts(&self, other: &HostPort) -> bool {
        const ALL: &str = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.address == other.address || self.address == ALL || other.address == ALL)
    }
}

/// One term of inter-pod affinity or anti-affinity (`framework.AffinityTerm`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AffinityTerm {
    /// Namespaces by name.
    pub namespaces: SortedSet<String>,
    /// Namespaces by label; `None` selects none.
    pub namespace_selector: Option<Selector>,
    /// Pods by label; `None` selects none.
    pub selector: Option<Selector>,
    /// The node label whose values are the domains.
    pub topology_key: String,
}

impl AffinityTerm {
    fn new(owner: &Pod, term: &PodAffinityTerm) -> AffinityTerm {
        let mut namespaces: SortedSet<String> = term.namespaces.iter().flatten().cloned().collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.insert(owner.namespace().to_string());
        }
        AffinityTerm {
            namespaces,
            namespace_selector: selector(term.namespace_selector.as_ref()),
            selector: selector(term.label_selector.as_ref()),
            topology_key: term.topology_key.clone(),
        }
    }

    /// Whether the term speaks of `pod`, whose namespace has these labels.
    pub fn matches(&self, pod: &Pod, namespace_labels: &StringMap) -> bool {
        let in_scope = self.namespaces.contains(pod.namespace())
            || self.namespace_selector.as_ref().is_some_and(|selector| selector.matches(namespace_labels));
        in_scope && self.selector.as_ref().is_some_and(|selector| selector.matches(pod.labels()))
    }
}

/// A selector of a rule: an absent one selects nothing, an empty one everything.
fn selector(field: Option<&LabelSelector>) -> Option<Selector> {
    field.and_then(Selector::from_field)
}

impl PodInfo {
    /// Takes a pod apart.
    pub fn new(pod: Pod) -> PodInfo {
        let affinity = pod.spec.affinity.as_ref();
        let near = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
        let apart = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
        let required = |terms: Option<&Vec<PodAffinityTerm>>| {
            Arc::new(terms.into_iter().flatten().map(|term| AffinityTerm::new(&pod, term)).collect())
        };
        let preferred = |terms: Option<&Vec<WeightedPodAffinityTerm>>| {
            let weighted = |term: &WeightedPodAffinityTerm| {
                (i64::from(term.weight), AffinityTerm::new(&pod, &term.pod_affinity_term))
            };
            terms.into_iter().flatten().map(weighted).collect()
        };
        let parts = Parts {
            requests: pod_requests(&pod),
            nonzero: nonzero_requests(&pod),
            scoring: scoring_requests(&pod),
            ports: host_ports(&pod),
            required_affinity: required(
                near.and_then(|rule| rule.required_during_scheduling_ignored_during_execution.as_ref()),
            ),
            required_anti_affinity: required(
                apart.and_then(|rule| rule.required_during_scheduling_ignored_during_execution.as_ref()),
            ),
            preferred_affinity: preferred(
                near.and_then(|rule| rule.preferred_during_scheduling_ignored_during_execution.as_ref()),
            ),
            preferred_anti_affinity: preferred(
                apart.and_then(|rule| rule.preferred_during_scheduling_ignored_during_execution.as_ref()),
            ),
        };
        let nominated = pod.status.nominated_node_name.as_ref();
        PodInfo {
            priority: pod.spec.priority.unwrap_or(0),
            is_nominated: nominated.is_some_and(|name| !name.is_empty()),
            digest: digest(pod.uid()),
            started: pod.status.start_time.as_ref().map_or(i64::MAX, |time| time.0.as_second()),
            likeness: 0,
            sort: 0,
            parts: Arc::new(parts),
            pod,
        }
    }

    /// The pod's key in the store.
    pub fn key(&self) -> Key {
        Key::new(Kind::POD, self.pod.namespace(), self.pod.name())
    }

    /// The pod's uid.
    pub fn uid(&self) -> &str {
        self.pod.uid()
    }

    /// `spec.priority`; zero if it has none.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// `status.nominatedNodeName`, if it is set.
    pub fn nominated_node(&self) -> Option<&str> {
        if self.is_nominated { self.pod.status.nominated_node_name.as_deref() } else { None }
    }

    /// Whether no rule about other pods can tell the two apart, be it one of theirs or somebody else's, and they belong to the
    /// same.
    pub fn is_equal_to_rules(&self, other: &PodInfo) -> bool {
        if self.sort != 0 && self.sort == other.sort {
            return true;
        }
        let (a, b) = (&self.pod, &other.pod);
        a.namespace() == b.namespace()
            && a.is_deleting() == b.is_deleting()
            && (Arc::ptr_eq(&a.meta, &b.meta)
                || a.labels() == b.labels() && a.meta.owner_references == b.meta.owner_references)
            && self.required_affinity == other.required_affinity
            && self.required_anti_affinity == other.required_anti_affinity
            && self.preferred_affinity == other.preferred_affinity
            && self.preferred_anti_affinity == other.preferred_anti_affinity
    }

    /// Whether it has any rule about other pods.
    pub fn has_affinity(&self) -> bool {
        !(self.required_affinity.is_empty()
            && self.required_anti_affinity.is_empty()
            && self.preferred_affinity.is_empty()
            && self.preferred_anti_affinity.is_empty())
    }
}

/// By what a pod is looked up.
pub fn digest(uid: &str) -> u32 {
    let digest = fnv1a_64(uid.as_bytes());
    (digest ^ (digest >> 32)) as u32
}

impl Deref for PodInfo {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

fn host_ports(pod: &Pod) -> Vec<HostPort> {
    let sidecars = pod.spec.init_containers.iter().flatten().filter(|container| is_sidecar(container));
    let ports =
        |container: &Container| container.ports.iter().flatten().filter_map(claim).collect::<Vec<_>>();
    pod.spec.containers.iter().chain(sidecars).flat_map(ports).collect()
}

fn claim(port: &ContainerPort) -> Option<HostPort> {
    Some(HostPort {
        port: port.host_port.filter(|number| *number > 0)?,
        address: port.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".into()),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".into()),
    })
}
