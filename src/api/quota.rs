//! What an object uses of a namespace's quota, and which quotas concern it (`pkg/quota/v1/evaluator/core`).

mod devices;
mod resizing;
mod scopes;

use std::collections::BTreeMap;

use sorted::{SortedMap, SortedSet};

pub use scopes::{concerns, is_bounded};

use super::k8s::{PodSpec, Quantity, ServiceSpec};
use super::quantity::{self, Parsed};
use super::{Kind, MetaExt, Object, PersistentVolumeClaim, Pod, ResourceQuota};
use crate::clock::{SimDuration, SimTime};

/// An amount, and a text whose suffixes a sum with it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    amount: Parsed,
    like: String,
}

/// Amounts by the name of the resource.
pub type Usage = SortedMap<String, Amount>;

impl Amount {
    /// Reads a quantity; zero where it is none.
    pub fn parse(text: &str) -> Amount {
        Amount { amount: quantity::parse(text).unwrap_or_default(), like: text.into() }
    }

    fn count(count: usize) -> Amount {
        Amount::parse(&count.to_string())
    }

    /// The sum, in the form of the first that is not zero.
    #[must_use]
    pub fn plus(&self, other: &Amount) -> Amount {
        let like = if self.amount.sign() == 0 { &other.like } else { &self.like };
        Amount { amount: self.amount.plus(other.amount), like: like.clone() }
    }

    fn max(self, other: Amount) -> Amount {
        if other.amount > self.amount { other } else { self }
    }

    /// Whether it is larger than another.
    pub fn exceeds(&self, other: &Amount) -> bool {
        self.amount > other.amount
    }

    /// Whether it is more than nothing.
    pub fn is_positive(&self) -> bool {
        self.amount.sign() > 0
    }

    /// The amount in canonical form.
    pub fn text(&self) -> String {
        self.amount.format_like(&self.like)
    }

    /// The amount as a field holds it.
    pub fn quantity(&self) -> Quantity {
        Quantity(self.text())
    }
}

/// Adds `more` to a sum.
pub fn add(sum: &mut Usage, more: &Usage) {
    for (name, amount) in more {
        let total = sum.get(name).map_or_else(|| amount.clone(), |known| known.plus(amount));
        sum.insert(name.clone(), total);
    }
}

/// What `usage` has more than `before`.
pub fn beyond(mut usage: Usage, before: &Usage) -> Usage {
    for (name, amount) in before {
        if let Some(more) = usage.get_mut(name) {
            more.amount = more.amount.minus(amount.amount);
        }
    }
    usage.retain(|_, more| more.is_positive());
    usage
}

/// What an object uses.
pub fn usage(object: &Object) -> Usage {
    let info = object.kind().info();
    let mut usage = Usage::new();
    usage.insert(counted_as(object.kind()), Amount::count(1));
    match object {
        Object::Pod(pod) => use_pod(pod, &mut usage),
        Object::Service(service) => use_service(&service.spec, &mut usage),
        Object::PersistentVolumeClaim(claim) => use_claim(claim, &mut usage),
        claim if claim.kind() == Kind::RESOURCE_CLAIM => devices::count(claim, &mut usage),
        other => {
            const ALONE: [Kind; 4] =
                [Kind::CONFIG_MAP, Kind::SECRET, Kind::REPLICATION_CONTROLLER, Kind::RESOURCE_QUOTA];
            if ALONE.contains(&other.kind()) {
                usage.insert(info.plural.into(), Amount::count(1));
            }
        }
    }
    usage
}

fn counted_as(kind: Kind) -> String {
    let info = kind.info();
    if info.group.is_empty() {
        format!("count/{}", info.plural)
    } else {
        format!("count/{}.{}", info.plural, info.group)
    }
}

/// What an object uses at some time: a pod that should be gone by then, as on a lost node, keeps nobody out.
pub fn usage_at(object: &Object, now: SimTime) -> Usage {
    let mut usage = usage(object);
    if matches!(object, Object::Pod(pod) if is_overdue(pod, now)) {
        usage.retain(|name, _| name.starts_with("count/"));
    }
    usage
}

/// Whether a pod's period of grace has passed once more since the moment that it should be gone.
pub fn is_overdue(pod: &Pod, now: SimTime) -> bool {
    let (Some(deadline), Some(grace)) =
        (&pod.meta.deletion_timestamp, pod.meta.deletion_grace_period_seconds)
    else {
        return false;
    };
    now > SimTime::from_time(deadline) + SimDuration::from_secs(u64::try_from(grace).unwrap_or(0))
}

/// Whether some object may use a resource: what nobody counts has no place in a quota's status.
pub fn is_counted(name: &str, kinds: &[Kind]) -> bool {
    const KNOWN: [&str; 18] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "services",
        "services.nodeports",
        "services.loadbalancers",
        "configmaps",
        "secrets",
        "replicationcontrollers",
        "resourcequotas",
        "persistentvolumeclaims",
    ];
    let counts = |kind: Kind| kind.info().namespaced && counted_as(kind) == name;
    KNOWN.contains(&name)
        || ["hugepages-", "requests."].iter().any(|start| name.starts_with(start))
        || name.contains(".storageclass.storage.k8s.io/")
        || name.ends_with(devices::OF_CLASS)
        || kinds.iter().copied().any(counts)
}

/// A pod that has ended uses nothing but its place among the objects.
fn use_pod(pod: &Pod, usage: &mut Usage) {
    if matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return;
    }
    usage.insert("pods".into(), Amount::count(1));
    for (name, amount) in pod_total(pod, false) {
        if ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str()) || name.starts_with("hugepages-") {
            usage.insert(name.clone(), amount.clone());
        }
        usage.insert(format!("requests.{name}"), amount);
    }
    for (name, amount) in pod_total(pod, true) {
        usage.insert(format!("limits.{name}"), amount);
    }
}

/// The list that a pod states for all its containers.
fn of_pod(spec: &PodSpec, limits: bool) -> Option<&BTreeMap<String, Quantity>> {
    resizing::list(spec.resources.as_ref(), limits)
}

/// What a pod's containers ask for together: the ordinary ones and the sidecars at once, or one init container beside the
/// sidecars before it, whichever is more; and the overhead.
fn pod_total(pod: &Pod, limits: bool) -> Usage {
    let spec = &pod.spec;
    let mut total = Usage::new();
    for container in &spec.containers {
        add(&mut total, &resizing::of_container(pod, container, limits));
    }
    let (mut sidecars, mut peak) = (Usage::new(), Usage::new());
    for container in spec.init_containers.iter().flatten() {
        let own = resizing::of_container(pod, container, limits);
        let mut now = sidecars.clone();
        add(&mut now, &own);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut total, &own);
            sidecars.clone_from(&now);
        }
        raise(&mut peak, now);
    }
    raise(&mut total, peak);
    // What the pod says for all its containers together holds, whatever they say.
    for (name, amount) in resizing::of_whole(pod, limits) {
        if ["cpu", "memory"].contains(&name.as_str()) || name.starts_with("hugepages-") {
            total.insert(name, amount);
        }
    }
    let mut overhead = Usage::new();
    for (name, quantity) in spec.overhead.iter().flatten() {
        if !limits || total.contains_key(name) {
            overhead.insert(name.clone(), Amount::parse(&quantity.0));
        }
    }
    add(&mut total, &overhead);
    total
}

fn raise(total: &mut Usage, to: Usage) {
    for (name, amount) in to {
        let larger = match total.get(&name) {
            Some(known) => known.clone().max(amount),
            None => amount,
        };
        total.insert(name, larger);
    }
}

fn use_service(spec: &ServiceSpec, usage: &mut Usage) {
    usage.insert("services".into(), Amount::count(1));
    let ports = spec.ports.as_ref().map_or(0, Vec::len);
    match spec.type_.as_deref() {
        Some("NodePort") => {
            usage.insert("services.nodeports".into(), Amount::count(ports));
        }
        Some("LoadBalancer") => {
            let all = spec.allocate_load_balancer_node_ports != Some(false);
            let opened = spec.ports.iter().flatten().filter(|port| port.node_port.unwrap_or(0) != 0).count();
            usage.insert("services.nodeports".into(), Amount::count(if all { ports } else { opened }));
            usage.insert("services.loadbalancers".into(), Amount::count(1));
        }
        _ => {}
    }
}

fn use_claim(claim: &PersistentVolumeClaim, usage: &mut Usage) {
    let class = claim.annotation("volume.beta.kubernetes.io/storage-class");
    let class = class.or(claim.spec.storage_class_name.as_deref()).filter(|class| !class.is_empty());
    let of_class = |what: &str| class.map(|class| format!("{class}.storageclass.storage.k8s.io/{what}"));
    for name in ["persistentvolumeclaims".to_string()].into_iter().chain(of_class("persistentvolumeclaims")) {
        usage.insert(name, Amount::count(1));
    }
    let requests = claim.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    if let Some(storage) = requests.and_then(|requests| requests.get("storage")) {
        // A claim that is being enlarged, or was to be, has what was allocated for it.
        let allocated = claim.status.allocated_resources.as_ref().and_then(|list| list.get("storage"));
        let asked = Amount::parse(&storage.0);
        let held = allocated.map_or_else(|| asked.clone(), |held| asked.clone().max(Amount::parse(&held.0)));
        for name in ["requests.storage".to_string()].into_iter().chain(of_class("requests.storage")) {
            usage.insert(name, held.clone());
        }
    }
}

/// What each container of a pod must say, because a quota bounds it, and does not: `requests.cpu for: a,b; limits.cpu for: a`.
/// `None` if nothing is missing.
pub fn unsaid(quota: &ResourceQuota, pod: &Pod) -> Option<String> {
    if [true, false].iter().any(|limits| of_pod(&pod.spec, *limits).is_some_and(|list| !list.is_empty())) {
        return None;
    }
    const SAID: [&str; 6] =
        ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
    let mut missing: SortedMap<String, SortedSet<String>> = SortedMap::new();
    let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    for container in containers {
        let list = |limits| resizing::list(container.resources.as_ref(), limits);
        let says = |limits, name: &str| list(limits).is_some_and(|list| list.contains_key(name));
        for name in quota.status.hard.iter().flatten().map(|(name, _)| name.as_str()) {
            let said = match name.split_once('.') {
                Some(("limits", resource)) => says(true, resource),
                Some(("requests", resource)) => says(false, resource),
                _ => says(false, name),
            };
            if SAID.contains(&name) && !said {
                missing.entry(name.into()).or_default().insert(container.name.clone());
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let each = missing.iter().map(|(name, containers)| {
        let containers: Vec<&str> = containers.iter().map(String::as_str).collect();
        format!("{name} for: {}", containers.join(","))
    });
    Some(each.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{container, pod};

    #[test]
    fn a_pod_uses_what_its_containers_ask_for() {
        let pod = pod("a")
            .container(container("x").cpu("500m").memory("256Mi"))
            .container(container("y").cpu("1"))
            .build();
        let usage = usage(&pod.into());
        let text = |name: &str| usage.get(name).map(Amount::text);
        assert_eq!(text("requests.cpu").as_deref(), Some("1500m"));
        assert_eq!(text("memory").as_deref(), Some("256Mi"));
        assert_eq!(text("limits.cpu"), None);
        assert_eq!(text("pods").as_deref(), Some("1"));
        assert_eq!(text("count/pods").as_deref(), Some("1"));
    }

    #[test]
    fn sums_keep_the_form_of_the_first_amount() {
        let sum = |a: &str, b: &str| Amount::parse(a).plus(&Amount::parse(b)).text();
        assert_eq!(sum("0", "256Mi"), "256Mi");
        assert_eq!(sum("256Mi", "64Mi"), "320Mi");
        assert_eq!(sum("500m", "200m"), "700m");
        assert_eq!(sum("900m", "100m"), "1");
    }
}
