//! NetworkPolicies: whether one pod may speak to another, and which rule of which policy says so. Policies only ever add:
//! a pod that none selects is open; one that some select takes what any of them allows.

use std::net::IpAddr;
use std::sync::Arc;

use crate::api::k8s::{
    Container, IPBlock, IntOrString, LabelSelector, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use crate::api::meta::StringMap;
use crate::api::selector::Selector;
use crate::api::{Kind, MetaExt, Namespace, Object, Pod, typed};
use crate::client::View;

/// One end of a connection, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its address.
    pub ip: &'a str,
    /// Its namespace and labels; `None` for what is no pod, and for pods in their node's network, which policies do not reach.
    pub pod: Option<(&'a str, &'a StringMap)>,
    /// Its containers, where it is a pod that is spoken to: they name ports.
    pub containers: &'a [Container],
}

impl<'a> End<'a> {
    /// Something outside the cluster.
    pub fn outside(ip: &'a str) -> End<'a> {
        End { ip, pod: None, containers: &[] }
    }

    /// A pod at its address.
    pub fn of_pod(pod: &'a Pod, ip: &'a str) -> End<'a> {
        let reached = pod.spec.host_network != Some(true);
        End { ip, pod: reached.then(|| (pod.namespace(), pod.labels())), containers: &pod.spec.containers }
    }
}

/// The port that is spoken to.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// `TCP`, `UDP`.
    pub protocol: &'static str,
}

/// What the policies say of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be.
    pub allowed: bool,
    /// Why, in a few words: the rule that allows it, or the policies that select a pod and none of which allows it.
    pub why: Arc<str>,
}

/// The two ways in which a connection is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// On its way out of a pod.
    Egress,
    /// On its way into one.
    Ingress,
}

/// Whether `from` may speak to `to`: the policies of the one must let it out, those of the other let it in.
pub fn verdict(view: &View, from: End<'_>, to: End<'_>, port: Port) -> Verdict {
    let policies: Vec<(&Object, NetworkPolicySpec)> = view
        .objects(Kind::NETWORK_POLICY, None)
        .filter_map(|object| Some((&**object, typed::read(&object.part("spec")).ok()?)))
        .collect();
    let open = Verdict { allowed: true, why: "".into() };
    // Nobody is kept from speaking to itself.
    if policies.is_empty() || from.ip == to.ip {
        return open;
    }
    let out = judge(view, &policies, Side::Egress, from, to, to, port);
    if out.as_ref().is_some_and(|verdict| !verdict.allowed) {
        return out.unwrap_or(open);
    }
    judge(view, &policies, Side::Ingress, to, from, to, port).or(out).unwrap_or(open)
}

/// What the policies of one end say; `None` if none selects it.
fn judge(
    view: &View,
    policies: &[(&Object, NetworkPolicySpec)],
    side: Side,
    subject: End<'_>,
    peer: End<'_>,
    server: End<'_>,
    port: Port,
) -> Option<Verdict> {
    let (namespace, labels) = subject.pod?;
    let mut isolating: Vec<&str> = Vec::new();
    for (object, spec) in policies {
        if object.namespace() != namespace
            || !applies(spec, side)
            || !selects(spec.pod_selector.as_ref(), labels)
        {
            continue;
        }
        isolating.push(object.name());
        for (index, (peers, ports)) in rules(spec, side).into_iter().enumerate() {
            let peer_fits =
                peers.is_empty() || peers.iter().any(|one| matches_peer(view, one, namespace, peer));
            if peer_fits && (ports.is_empty() || ports.iter().any(|one| matches_port(one, server, port))) {
                let side = if side == Side::Egress { "egress" } else { "ingress" };
                let why = format!(
                    "NetworkPolicy {namespace}/{} allows it: {side} rule {}",
                    object.name(),
                    index + 1
                );
                return Some(Verdict { allowed: true, why: why.into() });
            }
        }
    }
    if isolating.is_empty() {
        return None;
    }
    let way = if side == Side::Egress { "out" } else { "in" };
    let why = format!("no rule lets it {way}: NetworkPolicy {namespace}/{}", isolating.join(", "));
    Some(Verdict { allowed: false, why: why.into() })
}

/// `policyTypes`; left out, they are Ingress, and Egress where there are rules for it.
fn applies(spec: &NetworkPolicySpec, side: Side) -> bool {
    let name = if side == Side::Egress { "Egress" } else { "Ingress" };
    match spec.policy_types.as_deref() {
        Some(types) if !types.is_empty() => types.iter().any(|one| one == name),
        _ => side == Side::Ingress || spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
    }
}

/// The rules of one side: peers and ports, both empty where they may be any.
fn rules(spec: &NetworkPolicySpec, side: Side) -> Vec<(&[NetworkPolicyPeer], &[NetworkPolicyPort])> {
    match side {
        Side::Ingress => {
            let rules = spec.ingress.iter().flatten();
            rules
                .map(|rule| {
                    (rule.from.as_deref().unwrap_or_default(), rule.ports.as_deref().unwrap_or_default())
                })
                .collect()
        }
        Side::Egress => {
            let rules = spec.egress.iter().flatten();
            rules
                .map(|rule| {
                    (rule.to.as_deref().unwrap_or_default(), rule.ports.as_deref().unwrap_or_default())
                })
                .collect()
        }
    }
}

/// An absent or empty selector selects all.
fn selects(selector: Option<&LabelSelector>, labels: &StringMap) -> bool {
    selector
        .is_none_or(|selector| Selector::from_field(selector).is_some_and(|parsed| parsed.matches(labels)))
}

fn matches_peer(view: &View, rule: &NetworkPolicyPeer, home: &str, peer: End<'_>) -> bool {
    if let Some(block) = &rule.ip_block {
        return in_block(block, peer.ip);
    }
    let Some((namespace, labels)) = peer.pod else { return false };
    let namespace_fits = match &rule.namespace_selector {
        None => namespace == home,
        Some(selector) => {
            view.get::<Namespace>("", namespace).is_some_and(|found| selects(Some(selector), found.labels()))
        }
    };
    namespace_fits && selects(rule.pod_selector.as_ref(), labels)
}

fn matches_port(rule: &NetworkPolicyPort, server: End<'_>, port: Port) -> bool {
    if rule.protocol.as_deref().unwrap_or("TCP") != port.protocol {
        return false;
    }
    let number = i32::from(port.number);
    match &rule.port {
        None => true,
        Some(IntOrString::Int(first)) => (*first..=rule.end_port.unwrap_or(*first)).contains(&number),
        Some(IntOrString::String(name)) => {
            let mut ports = server.containers.iter().flat_map(|container| container.ports.iter().flatten());
            ports.any(|known| {
                known.name.as_ref() == Some(name)
                    && known.container_port == number
                    && known.protocol.as_deref().unwrap_or("TCP") == port.protocol
            })
        }
    }
}

fn in_block(block: &IPBlock, ip: &str) -> bool {
    in_cidr(&block.cidr, ip) && !block.except.iter().flatten().any(|cidr| in_cidr(cidr, ip))
}

/// Whether an address lies in a range such as `10.0.0.0/8`.
pub fn in_cidr(cidr: &str, ip: &str) -> bool {
    let Some((base, length)) = cidr.split_once('/') else { return false };
    let Ok(length) = length.parse::<u32>() else { return false };
    let same = |base: u128, ip: u128, width: u32| {
        let free = width.saturating_sub(length);
        free >= 128 || base >> free == ip >> free
    };
    match (base.parse::<IpAddr>(), ip.parse::<IpAddr>()) {
        (Ok(IpAddr::V4(base)), Ok(IpAddr::V4(ip))) => same(u32::from(base).into(), u32::from(ip).into(), 32),
        (Ok(IpAddr::V6(base)), Ok(IpAddr::V6(ip))) => same(u128::from(base), u128::from(ip), 128),
        _ => false,
    }
}
