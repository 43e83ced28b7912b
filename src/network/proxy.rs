//! kube-proxy in iptables mode: which endpoints of a Service a node sends to (`pkg/proxy/topology.go`), what it does where
//! there are none, and how far its rules are behind.

use sorted::SortedMap;
use std::sync::Arc;

use crate::api::hash::Digest;
use crate::api::k8s::{Endpoint, ServicePort};
use crate::api::{EndpointSlice, MetaExt, Node, Service};
use crate::client::View;
use crate::clock::{SimDuration, SimTime};

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Rules are written again at the earliest so long after the last time (`iptables.minSyncPeriod`).
pub const SYNC_MIN: SimDuration = SimDuration::from_secs(1);
/// From a write to the rules that follow from it: the watch, and writing them.
const LAG_US: (u64, u64) = (15_000, 60_000);

/// An endpoint as a proxy knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its address.
    pub ip: Arc<str>,
    /// The port, which the slice says by name.
    pub port: u16,
    /// Its node, if it says so.
    pub node: Option<Arc<str>>,
    /// The uid and name of the pod behind it, if it says so.
    pub pod: Option<(Arc<str>, Arc<str>)>,
    /// Its conditions.
    pub ready: bool,
    /// See `ready`.
    pub serving: bool,
    /// See `ready`.
    pub terminating: bool,
    /// The zones and nodes that it is meant for (`hints`).
    pub(super) zones: Vec<String>,
    pub(super) nodes: Vec<String>,
}

impl Backend {
    /// An address of which no slice speaks.
    pub fn at(ip: &str, port: u16) -> Backend {
        Backend {
            ip: ip.into(),
            port,
            node: None,
            pod: None,
            ready: true,
            serving: true,
            terminating: false,
            zones: Vec::new(),
            nodes: Vec::new(),
        }
    }
}

/// Where a proxy sends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To one of these, at random.
    Among(Vec<Backend>),
    /// Nowhere: there are no endpoints, and it says so (REJECT).
    Reject,
    /// Nowhere: there are some, but none on this node, where the policy wants them (DROP).
    Drop,
}

/// Whether a slice is one of a Service.
pub fn belongs_to(slice: &EndpointSlice, service: &str) -> bool {
    slice.labels().get(SERVICE_LABEL).is_some_and(|of| of == service)
}

/// All endpoints of one port of a Service.
pub fn backends(view: &View, service: &Service, port: &ServicePort) -> Vec<Backend> {
    let wanted = port.name.as_deref().unwrap_or_default();
    let slices = view.list::<EndpointSlice>(Some(service.namespace()));
    let mut found: Vec<Backend> = Vec::new();
    for slice in slices.filter(|slice| belongs_to(slice, service.name())) {
        let named = |name: &Option<String>| name.as_deref().unwrap_or_default() == wanted;
        let Some(port) = slice.spec.ports.iter().flatten().find(|port| named(&port.name)) else { continue };
        let Some(number) = port.port.and_then(|port| u16::try_from(port).ok()) else { continue };
        for endpoint in &slice.spec.endpoints {
            if let Some(backend) = backend(endpoint, number)
                && !found.iter().any(|known| known.ip == backend.ip && known.port == number)
            {
                found.push(backend);
            }
        }
    }
    found
}

fn backend(endpoint: &Endpoint, port: u16) -> Option<Backend> {
    let conditions = endpoint.conditions.as_ref();
    let ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
    let hints = endpoint.hints.as_ref();
    let target = endpoint.target_ref.as_ref();
    Some(Backend {
        ip: endpoint.addresses.first()?.as_str().into(),
        port,
        node: endpoint.node_name.as_deref().map(Arc::from),
        pod: target.and_then(|pod| Some((pod.uid.as_deref()?.into(), pod.name.as_deref()?.into()))),
        ready,
        serving: conditions.and_then(|conditions| conditions.serving).unwrap_or(ready),
        terminating: conditions.and_then(|conditions| conditions.terminating).unwrap_or(false),
        zones: hints
            .and_then(|h| h.for_zones.as_ref())
            .into_iter()
            .flatten()
            .map(|z| z.name.clone())
            .collect(),
        nodes: hints
            .and_then(|h| h.for_nodes.as_ref())
            .into_iter()
            .flatten()
            .map(|n| n.name.clone())
            .collect(),
    })
}

/// What the proxy of a node does with a connection to a Service's port; `external`: one that came from outside
/// (`CategorizeEndpoints`, and the filter rules of `syncProxyRules`).
pub fn choose(view: &View, service: &Service, all: &[Backend], node: &str, external: bool) -> Choice {
    let policy = match external {
        true => service.spec.external_traffic_policy.as_deref(),
        false => service.spec.internal_traffic_policy.as_deref(),
    };
    let local_only = policy == Some("Local");
    let usable = |backend: &Backend| backend.ready || (backend.serving && backend.terminating);
    if !all.iter().any(usable) {
        return Choice::Reject;
    }
    let found = if local_only { local(all, node) } else { cluster(view, all, node) };
    match found.is_empty() {
        false => Choice::Among(found),
        true if local_only => Choice::Drop,
        true => Choice::Reject,
    }
}

/// The node's own: those that are ready, or else those on their way out that still serve.
fn local(all: &[Backend], node: &str) -> Vec<Backend> {
    let here = |backend: &&Backend| backend.node.as_deref() == Some(node);
    let ready: Vec<Backend> = all.iter().filter(here).filter(|backend| backend.ready).cloned().collect();
    if ready.is_empty() { leaving(all.iter().filter(here)) } else { ready }
}

/// Those of the whole cluster, as far as hints keep traffic close; where none is ready, those on their way out.
fn cluster(view: &View, all: &[Backend], node: &str) -> Vec<Backend> {
    let zone = view.get::<Node>("", node).and_then(|node| node.labels().get(ZONE));
    let ready = || all.iter().filter(|backend| backend.ready);
    let hinted = |hints: fn(&Backend) -> &[String], wanted: Option<&str>| -> Option<Vec<Backend>> {
        let wanted = wanted?;
        let everywhere = ready().all(|backend| !hints(backend).is_empty());
        let close = ready().filter(|backend| hints(backend).iter().any(|hint| hint == wanted));
        let close: Vec<Backend> = close.cloned().collect();
        (everywhere && !close.is_empty()).then_some(close)
    };
    let close = hinted(|backend| &backend.nodes, Some(node))
        .or_else(|| hinted(|backend| &backend.zones, zone.map(String::as_str)));
    let found = close.unwrap_or_else(|| ready().cloned().collect());
    if found.is_empty() { leaving(all.iter()) } else { found }
}

fn leaving<'a>(all: impl Iterator<Item = &'a Backend>) -> Vec<Backend> {
    all.filter(|backend| backend.serving && backend.terminating).cloned().collect()
}

/// The Services and slices as they were over the last moments, each state with its time.
#[derive(Clone, Debug, Default)]
pub struct Past {
    states: Vec<(SimTime, View)>,
}

impl Past {
    /// Something about Services or endpoints has just been written. States that no proxy can be behind any more are let go.
    pub fn note(&mut self, now: SimTime, view: &View) {
        self.states.push((now, view.clone()));
        let old = SYNC_MIN + SYNC_MIN + SimDuration(LAG_US.1);
        let needed = self.states.iter().rposition(|(time, _)| now.since(*time) > old).unwrap_or(0);
        self.states.drain(..needed);
    }

    /// The state at a time, and its number in this list.
    fn at(&self, time: SimTime) -> Option<(SimTime, &View)> {
        let found = self.states.iter().rev().find(|(since, _)| *since <= time).or(self.states.first());
        found.map(|(since, view)| (*since, view))
    }

    /// When the first state after a time began.
    fn next_after(&self, time: SimTime) -> Option<SimTime> {
        self.states.iter().map(|(since, _)| *since).find(|since| *since > time)
    }
}

/// The proxies of the nodes: each with the time of the state that its rules follow.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    nodes: SortedMap<Arc<str>, Synced>,
}

#[derive(Clone, Copy, Debug)]
struct Synced {
    /// When the rules were last written.
    last: SimTime,
    /// The time of the state that they follow.
    state: SimTime,
}

impl Proxies {
    /// The state that a node's rules follow at a time, and its time, which tells it from others. Rules are written when
    /// somebody looks, as of the time at which they would have been: nothing happens for it while nobody does.
    pub fn view<'a>(
        &mut self,
        past: &'a Past,
        node: &Arc<str>,
        seed: u64,
        now: SimTime,
    ) -> Option<(SimTime, &'a View)> {
        let synced = self.synced(past, node, seed, now);
        self.nodes.insert(node.clone(), synced);
        past.at(synced.state)
    }

    /// The same, without taking note of it.
    pub fn peek<'a>(
        &self,
        past: &'a Past,
        node: &str,
        seed: u64,
        now: SimTime,
    ) -> Option<(SimTime, &'a View)> {
        past.at(self.synced(past, node, seed, now).state)
    }

    fn synced(&self, past: &Past, node: &str, seed: u64, now: SimTime) -> Synced {
        let settled = SimTime(now.0.saturating_sub(SYNC_MIN.0 + LAG_US.1));
        let first = past.at(settled).map_or(SimTime::ZERO, |(since, _)| since);
        let known = self.nodes.get(node).copied();
        let mut synced = known.unwrap_or(Synced { last: SimTime::ZERO, state: first });
        synced.state = synced.state.max(first);
        while let Some(change) = past.next_after(synced.state) {
            let wide = Digest::new().number(seed).number(change.0).bytes(node.as_bytes()).value();
            let lag = LAG_US.0 + wide % (LAG_US.1 - LAG_US.0);
            let due = SimTime(change.0 + lag).max(synced.last + SYNC_MIN);
            if due > now {
                break;
            }
            // It writes what it has been told by then, a moment ago.
            let told = SimTime(due.0.saturating_sub(LAG_US.0)).max(change);
            synced = Synced { last: due, state: past.at(told).map_or(change, |(since, _)| since) };
        }
        synced
    }
}
