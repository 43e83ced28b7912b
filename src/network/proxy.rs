//! kube-proxy in iptables mode: which endpoints of a Service a node sends to (`pkg/proxy/topology.go`), what it does where
//! there are none, and how far its rules are behind.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use crate::api::hash::Digest;
use crate::api::k8s::{Endpoint, ServicePort};
use crate::api::{EndpointSlice, MetaExt, Node, Service};
use crate::client::View;
use crate::clock::{SimDuration, SimTime};

pub(super) const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Rules are written again at the earliest so long after the last time (`iptables.minSyncPeriod`).
pub const SYNC_MIN: SimDuration = SimDuration::from_secs(1);
/// From a write to the rules that follow from it: the watch, and writing them.
const LAG_US: (u64, u64) = (15_000, 60_000);
/// A change is in the rules of every node after this time at the latest.
pub const FOLLOWS_MAX: SimDuration = SimDuration(SYNC_MIN.0 + LAG_US.1);

/// An endpoint as a proxy knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its address.
    pub ip: Arc<str>,
    /// `address:port`.
    pub shown: Arc<str>,
    /// The port, which the slice says by name.
    pub port: u16,
    /// Its node, if it says so.
    pub node: Option<Arc<str>>,
    /// The uid and name of the pod behind it, if it says so,
    pub pod: Option<(Arc<str>, Arc<str>)>,
    /// and its namespace.
    pub namespace: Arc<str>,
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
            shown: format!("{ip}:{port}").into(),
            port,
            node: None,
            pod: None,
            namespace: "".into(),
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
    Among(Vec<Arc<Backend>>),
    /// Nowhere: there are no endpoints, and it says so (REJECT).
    Reject,
    /// Nowhere: there are some, but none on this node, where the policy wants them (DROP).
    Drop,
}

/// Whether a slice is one of a Service.
pub fn belongs_to(slice: &EndpointSlice, service: &str) -> bool {
    slice.labels().get(SERVICE_LABEL).is_some_and(|of| of == service)
}

/// All endpoints of one port of a Service, each once, even while two slices have it.
pub fn backends(view: &View, service: &Service, port: &ServicePort) -> Vec<Arc<Backend>> {
    let wanted = port.name.as_deref().unwrap_or_default();
    let slices = view.list::<EndpointSlice>(Some(service.namespace()));
    let mut found: Vec<Arc<Backend>> = Vec::new();
    let mut known: SortedSet<Arc<str>> = SortedSet::new();
    for slice in slices.filter(|slice| belongs_to(slice, service.name())) {
        let named = |name: &Option<String>| name.as_deref().unwrap_or_default() == wanted;
        let Some(port) = slice.spec.ports.iter().flatten().find(|port| named(&port.name)) else { continue };
        let Some(number) = port.port.and_then(|port| u16::try_from(port).ok()) else { continue };
        let namespace: Arc<str> = slice.namespace().into();
        let all = slice.spec.endpoints.iter().filter_map(|endpoint| backend(endpoint, number, &namespace));
        found.extend(all.filter(|one| known.insert(one.shown.clone())).map(Arc::new));
    }
    found
}

fn backend(endpoint: &Endpoint, port: u16, namespace: &Arc<str>) -> Option<Backend> {
    let conditions = endpoint.conditions.as_ref();
    let ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
    let hints = endpoint.hints.as_ref();
    let target = endpoint.target_ref.as_ref();
    Some(Backend {
        node: endpoint.node_name.as_deref().map(Arc::from),
        pod: target.and_then(|pod| Some((pod.uid.as_deref()?.into(), pod.name.as_deref()?.into()))),
        namespace: namespace.clone(),
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
        ..Backend::at(endpoint.addresses.first()?, port)
    })
}

/// What the proxy of a node does with a connection to a Service's port; `external`: one that came from outside
/// (`CategorizeEndpoints`, and the filter rules of `syncProxyRules`).
pub fn choose(view: &View, service: &Service, all: &[Arc<Backend>], node: &str, external: bool) -> Choice {
    let policy = match external {
        true => service.spec.external_traffic_policy.as_deref(),
        false => service.spec.internal_traffic_policy.as_deref(),
    };
    let local_only = policy == Some("Local");
    let usable = |backend: &Arc<Backend>| backend.ready || (backend.serving && backend.terminating);
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
fn local(all: &[Arc<Backend>], node: &str) -> Vec<Arc<Backend>> {
    let here = |backend: &&Arc<Backend>| backend.node.as_deref() == Some(node);
    let ready: Vec<Arc<Backend>> = all.iter().filter(here).filter(|backend| backend.ready).cloned().collect();
    if ready.is_empty() { leaving(all.iter().filter(here)) } else { ready }
}

/// Those of the whole cluster, as far as hints keep traffic close; where none is ready, those on their way out.
fn cluster(view: &View, all: &[Arc<Backend>], node: &str) -> Vec<Arc<Backend>> {
    let zone = view.get::<Node>("", node).and_then(|node| node.labels().get(ZONE));
    let ready = || all.iter().filter(|backend| backend.ready);
    let hinted = |hints: fn(&Backend) -> &[String], wanted: Option<&str>| -> Option<Vec<Arc<Backend>>> {
        let wanted = wanted?;
        let everywhere = ready().all(|backend| !hints(backend).is_empty());
        let close = ready().filter(|backend| hints(backend).iter().any(|hint| hint == wanted));
        let close: Vec<Arc<Backend>> = close.cloned().collect();
        (everywhere && !close.is_empty()).then_some(close)
    };
    let close = hinted(|backend| &backend.nodes, Some(node))
        .or_else(|| hinted(|backend| &backend.zones, zone.map(String::as_str)));
    let found = close.unwrap_or_else(|| ready().cloned().collect());
    if found.is_empty() { leaving(all.iter()) } else { found }
}

fn leaving<'a>(all: impl Iterator<Item = &'a Arc<Backend>>) -> Vec<Arc<Backend>> {
    all.filter(|backend| backend.serving && backend.terminating).cloned().collect()
}

/// The Services and slices as they were over the last moments.
#[derive(Clone, Debug, Default)]
pub struct Past {
    states: Vec<State>,
}

/// Services and slices as they were from a time on.
#[derive(Clone, Debug)]
pub struct State {
    /// That time, which tells it from others.
    pub since: SimTime,
    /// The cluster at that time.
    pub view: View,
}

/// The endpoints of one port of a Service.
pub type Pool = Arc<[Arc<Backend>]>;

/// The endpoints that have been read out of states: all nodes and clients that follow one share them.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    known: SortedMap<(SimTime, String, Option<String>), Pool>,
}

impl Pools {
    /// All endpoints of one port of a Service in a state.
    pub fn backends(&mut self, state: &State, service: &Service, port: &ServicePort) -> Pool {
        let key = (state.since, service.uid().to_string(), port.name.clone());
        self.known.entry(key).or_insert_with(|| backends(&state.view, service, port).into()).clone()
    }

    /// Forgets those of states that are gone.
    pub fn keep(&mut self, past: &Past) {
        let first = past.states.first().map_or(SimTime::ZERO, |state| state.since);
        self.known.retain(|(since, ..), _| *since >= first);
    }
}

impl Past {
    /// Something about Services or endpoints has just been written. States that no proxy can be behind any more are let go.
    pub fn note(&mut self, now: SimTime, view: &View) {
        // What is written at one moment is one state: nobody sees a part of it.
        self.states.pop_if(|last| last.since == now);
        self.states.push(State { since: now, view: view.clone() });
        let old = SYNC_MIN + SYNC_MIN + SimDuration(LAG_US.1);
        let needed = self.states.iter().rposition(|state| now.since(state.since) > old).unwrap_or(0);
        self.states.drain(..needed);
    }

    /// The state at a time.
    fn at(&self, time: SimTime) -> Option<&State> {
        self.states.iter().rev().find(|state| state.since <= time).or(self.states.first())
    }

    /// When the first state after a time began.
    fn next_after(&self, time: SimTime) -> Option<SimTime> {
        self.states.iter().map(|state| state.since).find(|since| *since > time)
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
    /// The state that a node's rules follow at a time. Rules are written when somebody looks, as of the time at which they
    /// would have been: nothing happens for it while nobody does.
    pub fn state<'a>(
        &mut self,
        past: &'a Past,
        node: &Arc<str>,
        seed: u64,
        now: SimTime,
    ) -> Option<&'a State> {
        let synced = self.synced(past, node, seed, now);
        self.nodes.insert(node.clone(), synced);
        past.at(synced.state)
    }

    /// The same, without taking note of it.
    pub fn peek<'a>(&self, past: &'a Past, node: &str, seed: u64, now: SimTime) -> Option<&'a State> {
        past.at(self.synced(past, node, seed, now).state)
    }

    fn synced(&self, past: &Past, node: &str, seed: u64, now: SimTime) -> Synced {
        let settled = SimTime(now.0.saturating_sub(FOLLOWS_MAX.0));
        let first = past.at(settled).map_or(SimTime::ZERO, |state| state.since);
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
            synced = Synced { last: due, state: past.at(told).map_or(change, |state| state.since) };
        }
        synced
    }
}
