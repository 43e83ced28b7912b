//! The cluster's network: who reaches whom, and what becomes of requests.
//!
//! Where is what: [`dns`] says what names stand for, [`proxy`] which endpoints a node sends to, [`ingress`] and [`policy`]
//! read the objects of that name; [`plan`] puts them together into the way of a request; [`server`] is what answers;
//! [`load`] what asks, [`tally`] what has come of it; [`carry`] moves requests.
//!
//! Requests are no events. Between two changes of anything that they depend on, the network is the same for all of them,
//! so they are worked out afterwards, all those of a stretch of time at once, before the next change takes effect: one by
//! one where they are few, in batches where they are many. Every request sent is settled exactly once.

mod bodies;
mod carry;
pub mod console;
pub mod dns;
pub mod endings;
mod flights;
pub mod ingress;
pub mod load;
pub mod plan;
pub mod policy;
mod programs;
pub mod proxy;
pub mod report;
pub mod server;
pub mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

pub use crate::client::wire;
pub use load::{Load, LoadSpec, PortRef, Sender, Target};
pub use server::Server;
pub use tally::{Fates, Tally};

use crate::api::{Kind, MetaExt, Node, Object, Pod, condition, quantity};
use crate::client::metrics::Measured;
use crate::client::site::Site;
use crate::client::wire::{Fate, Sample, Sockets};
use crate::client::{Change, View};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

use endings::Endings;
use flights::Flight;
use proxy::{Past, Pools, Proxies};
use server::{Model, Process};

/// So many of the latest requests are kept as they went.
const SAMPLES_MAX: usize = 400;
/// How many loads there may be.
const LOADS_MAX: usize = 64;

/// While requests leave, the network is looked at this often,
const TICK: SimDuration = SimDuration::from_millis(50);
/// and this often while something is still to be measured.
const SLOW_TICK: SimDuration = SimDuration::from_secs(1);
/// After the last request, CPU use is measured for this long.
const FADES: SimDuration = SimDuration::from_secs(17);

/// The kinds on which ways depend.
const MAP_KINDS: [Kind; 8] = [
    Kind::POD,
    Kind::NODE,
    Kind::SERVICE,
    Kind::ENDPOINT_SLICE,
    Kind::NAMESPACE,
    Kind::NETWORK_POLICY,
    Kind::INGRESS,
    Kind::INGRESS_CLASS,
];

/// Where a client's session was last sent to, by [`proxy`].
#[derive(Clone, Debug)]
struct Session {
    endpoint: Arc<str>,
    seen: SimTime,
}

/// The network with everything that is under way in it.
#[derive(Clone, Debug)]
pub struct Network {
    seed: u64,
    rng: Rng,
    awake: bool,
    /// Up to when all is worked out.
    settled: SimTime,
    /// The cluster as of that time.
    view: View,
    past: Past,
    proxies: Proxies,
    pools: Pools,
    /// The nodes that are there, by name.
    nodes: Vec<Arc<str>>,
    /// Those that nothing reaches.
    lost: Vec<Arc<str>>,
    /// By the pod's uid. Shared with snapshots.
    servers: SortedMap<Arc<str>, Arc<Server>>,
    by_ip: SortedMap<Arc<str>, SortedSet<Arc<str>>>,
    loads: Vec<Arc<Load>>,
    sessions: SortedMap<(Arc<str>, Arc<str>, u32), Session>,
    flights: SortedMap<(SimTime, u64), Flight>,
    next_flight: u64,
    endings: Endings,
    samples: Vec<Arc<Sample>>,
    next_sample: u64,
    last_request: Option<SimTime>,
    last_measure: SimTime,
    /// Counts what programs ask, so that no two draw alike.
    nonce: u64,
}

impl Network {
    /// A network in which nobody has asked for anything. It sleeps until somebody does.
    pub fn new(seed: u64) -> Network {
        Network {
            seed,
            rng: Rng::new(seed, "network"),
            awake: false,
            settled: SimTime::ZERO,
            view: View::default(),
            past: Past::default(),
            proxies: Proxies::default(),
            pools: Pools::default(),
            nodes: Vec::new(),
            lost: Vec::new(),
            servers: SortedMap::new(),
            by_ip: SortedMap::new(),
            loads: Vec::new(),
            sessions: SortedMap::new(),
            flights: SortedMap::new(),
            next_flight: 0,
            endings: Endings::default(),
            samples: Vec::new(),
            next_sample: 0,
            last_request: None,
            last_measure: SimTime::ZERO,
            nonce: 0,
        }
    }

    /// Whether it has to be told what happens.
    pub fn is_awake(&self) -> bool {
        self.awake
    }

    /// Begins to look at the cluster. The caller tells it the sockets of all pods next, and the nodes that are lost.
    pub fn wake(&mut self, now: SimTime, view: &View) {
        self.awake = true;
        self.settled = now;
        self.view = view.clone();
        self.past.note(now, view);
        self.note_nodes();
    }

    fn note_nodes(&mut self) {
        let there = |node: &&Node| condition::is_true(node.status.conditions.as_deref(), "Ready");
        let nodes = self.view.list::<Node>(None).filter(there);
        self.nodes = nodes.map(|node| Arc::from(node.name())).collect();
    }

    /// Something has been written, just now: what left before is worked out first.
    pub fn observe<'a>(&mut self, changes: impl Iterator<Item = &'a Arc<Change>>, view: &View, now: SimTime) {
        let mut kinds: Vec<Kind> = Vec::new();
        let mut gone: Vec<Arc<str>> = Vec::new();
        for change in changes.filter(|change| MAP_KINDS.contains(&change.key.kind)) {
            if !kinds.contains(&change.key.kind) {
                kinds.push(change.key.kind);
            }
            if let (Some(Object::Pod(pod)), None) = (change.before.as_deref(), change.after.as_deref()) {
                gone.push(pod.uid().into());
            }
            self.endings.note(change, now);
        }
        if kinds.is_empty() {
            return;
        }
        self.settle(now);
        self.view = view.clone();
        if kinds.iter().any(|kind| [Kind::SERVICE, Kind::ENDPOINT_SLICE].contains(kind)) {
            self.past.note(now, view);
            self.pools.keep(&self.past);
        }
        if kinds.contains(&Kind::NODE) {
            self.note_nodes();
        }
        for uid in gone {
            self.remove_server(&uid, now);
        }
        for load in self.loads.iter_mut().filter(|load| !load.plans.is_empty()) {
            Arc::make_mut(load).plans.clear();
        }
    }

    /// What the containers of a pod do with connections from now on.
    pub fn set_sockets(&mut self, pod: &Pod, sockets: Sockets, now: SimTime) {
        let uid = pod.uid();
        let (Some(ip), Some(node)) = (sockets.address.clone(), pod.spec.node_name.as_deref()) else {
            if self.servers.contains_key(uid) {
                self.settle(now);
                self.remove_server(uid, now);
            }
            return;
        };
        let known = self.servers.get(uid);
        let same = known.is_some_and(|server| {
            let known = server.processes.iter().map(|process| &process.socket);
            let sites = server.processes.iter().enumerate();
            let sites = sites.filter_map(|(at, process)| Some((at, process.own_site.as_deref()?)));
            server.ip == ip
                && known.eq(&sockets.containers)
                && sites.eq(sockets.sites.iter().map(|(at, site)| (*at, site)))
        });
        if same {
            return;
        }
        self.settle(now);
        if self.servers.get(uid).is_none_or(|server| server.ip != ip) {
            self.remove_server(uid, now);
            self.add_server(pod, node, ip);
        }
        let Some(server) = self.servers.get_mut(uid).map(Arc::make_mut) else { return };
        let mut ended: Vec<usize> = Vec::new();
        for (at, (process, socket)) in server.processes.iter_mut().zip(sockets.containers).enumerate() {
            if process.socket.from.is_some() && (socket.from.is_none() || socket.run != process.socket.run) {
                ended.push(at);
                process.restart(now);
            }
            process.socket = socket;
            process.own_site = None;
        }
        for (at, site) in sockets.sites {
            if let Some(process) = server.processes.get_mut(at) {
                process.own_site = Some(Arc::new(site));
            }
        }
        if let Some(from) = server.closes(now) {
            self.endings.close(uid, from);
        }
        for at in ended {
            self.break_off(uid, Some(at), now);
        }
    }

    fn add_server(&mut self, pod: &Pod, node: &str, ip: Arc<str>) {
        let cpu =
            self.view.get::<Node>("", node).and_then(|node| node.status.allocatable.as_ref()?.get("cpu"));
        let cpu = cpu.and_then(|cpu| u64::try_from(quantity::milli(cpu)).ok()).unwrap_or(4_000);
        let containers = pod.spec.init_containers.iter().flatten().chain(&pod.spec.containers);
        let process = |container: &crate::api::k8s::Container| {
            let mut process =
                Process::new(&container.name, Model::of(pod, container, cpu), Default::default());
            process.image_site = Site::of_image(container).map(Arc::new);
            process
        };
        let uid: Arc<str> = pod.uid().into();
        let server = Server {
            uid: uid.clone(),
            namespace: pod.namespace().into(),
            name: pod.name().into(),
            ip: ip.clone(),
            node: node.into(),
            processes: containers.map(process).collect(),
        };
        self.by_ip.entry(ip).or_default().insert(uid.clone());
        self.servers.insert(uid, Arc::new(server));
    }

    fn remove_server(&mut self, uid: &str, now: SimTime) {
        if let Some(server) = self.servers.remove(uid) {
            self.endings.close(uid, now);
            if let Some(uids) = self.by_ip.get_mut(&server.ip) {
                uids.remove(uid);
                if uids.is_empty() {
                    self.by_ip.remove(&server.ip);
                }
            }
            self.break_off(uid, None, now);
        }
    }

    /// A node has been lost, or is back.
    pub fn set_lost(&mut self, node: &str, lost: bool, now: SimTime) {
        self.settle(now);
        self.lost.retain(|known| **known != *node);
        if lost {
            self.lost.push(node.into());
            self.lose(node);
        }
        for load in &mut self.loads {
            Arc::make_mut(load).plans.clear();
        }
    }

    /// Begins a load, or changes the one of that name: what it has counted stays.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn start(&mut self, spec: LoadSpec, now: SimTime) -> Result<(), String> {
        spec.check()?;
        self.settle(now);
        self.last_request = Some(now);
        if let Some(load) = self.loads.iter_mut().find(|load| *load.name == *spec.name && !load.of_commands) {
            let fresh = Load::new(spec, now);
            let load = Arc::make_mut(load);
            *load = Load { started: load.started, tally: load.tally.clone(), ..fresh };
            return Ok(());
        }
        self.add_load(Load::new(spec, now), now)
    }

    /// Where there are too many, one that has ended makes room.
    fn add_load(&mut self, load: Load, now: SimTime) -> Result<(), String> {
        if self.loads.len() < LOADS_MAX {
            self.loads.push(Arc::new(load));
            return Ok(());
        }
        let flying = |at: usize| self.flights.values().any(|flight| flight.load == at);
        let over = (0..self.loads.len()).find(|at| !self.loads[*at].is_on(now) && !flying(*at));
        let Some(over) = over else {
            return Err(format!(
                "there are {LOADS_MAX} loads already; stop one, or give this the name of another"
            ));
        };
        self.loads[over] = Arc::new(load);
        Ok(())
    }

    /// Ends a load, or all. Says whether there was one.
    pub fn stop(&mut self, name: Option<&str>, now: SimTime) -> bool {
        self.settle(now);
        let mut found = false;
        for load in &mut self.loads {
            if name.is_none_or(|name| *load.name == *name) && load.is_on(now) {
                Arc::make_mut(load).ends = Some(now);
                found = true;
            }
        }
        found
    }

    /// The loads, oldest first.
    pub fn loads(&self) -> impl Iterator<Item = &Load> {
        self.loads.iter().map(|load| &**load)
    }

    /// A load by its name.
    pub fn load(&self, name: &str) -> Option<&Load> {
        self.loads().find(|load| *load.name == *name)
    }

    /// The latest requests, in the order in which their ways were worked out.
    pub fn samples(&self) -> &[Arc<Sample>] {
        &self.samples
    }

    /// Pods on their way out, and the last that have left.
    pub fn endings(&self) -> impl Iterator<Item = &endings::Ending> {
        self.endings.iter()
    }

    /// The pods that it knows.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.values().map(|server| &**server)
    }

    /// When it has to be looked at next; `None`: not until something happens.
    pub fn next_tick(&self, now: SimTime) -> Option<SimDuration> {
        if self.loads.iter().any(|load| load.is_on(now)) || !self.flights.is_empty() {
            return Some(TICK);
        }
        self.last_request.filter(|last| now.since(*last) < FADES).map(|_| SLOW_TICK)
    }

    /// Works out all that has happened by now. Returns CPU use where it has been measured anew.
    pub fn tick(&mut self, now: SimTime) -> Option<Measured> {
        self.settle(now);
        if now.since(self.last_measure) < SLOW_TICK {
            return None;
        }
        self.last_measure = now;
        let mut measured = Measured::default();
        for server in self.servers.values_mut().map(Arc::make_mut) {
            for process in &mut server.processes {
                process.measure(now);
                if let Some(cpu) = process.cpu() {
                    measured.insert((server.uid.clone(), process.name.clone()), cpu);
                }
            }
        }
        Some(measured)
    }

    /// A number that two runs share if the same requests have had the same fates in them.
    pub fn digest(&self, mut digest: crate::api::hash::Digest) -> crate::api::hash::Digest {
        for load in &self.loads {
            digest = digest.bytes(load.name.as_bytes()).number(load.tally.sent);
            for fate in Fate::ALL {
                digest = digest.number(load.tally.fates.of(fate));
            }
            for (endpoint, tally) in load.tally.endpoints() {
                digest = digest.bytes(endpoint.as_bytes()).number(tally.fates.total());
            }
        }
        digest
    }

    /// Checks what must hold: every request that was sent has been settled once, or is under way.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), String> {
        for (at, load) in self.loads.iter().enumerate() {
            let flying: u64 =
                self.flights.values().filter(|flight| flight.load == at).map(|flight| flight.count).sum();
            let (sent, settled) = (load.tally.sent, load.tally.fates.total());
            if sent != settled + flying {
                return Err(format!(
                    "load {}: {sent} sent, {settled} settled, {flying} under way",
                    load.name
                ));
            }
            let seconds: u64 = load.tally.seconds().iter().map(|second| second.sent).sum();
            if load.tally.seconds().len() < 600 && seconds != sent {
                return Err(format!("load {}: {sent} sent, {seconds} by second", load.name));
            }
        }
        Ok(())
    }
}
