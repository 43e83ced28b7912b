//! The kubelet of one node: its pods, its images, its addresses, its heartbeat.

mod heartbeat;

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::config::KubeletConfig;
use super::daemons::Daemons;
use super::environment::{self, Environment};
use super::image::{ImageStore, Registry};
use super::inside::Ground;
use super::pod_worker::{PodStep, PodWorker, Stage};
use super::preemption::Admission;
use super::pressure::Pressure;
use super::shell::Answer;
use super::shutdown::Shutdown;
use super::volumes::{self, Disks};
use super::{NodeState, ServiceEnvironments, Timer, TimerKind, node_status};
use crate::api::k8s::ObjectReference;
use crate::api::meta::Revision;
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod};
use crate::client::metrics::Metrics;
use crate::client::recorder::EventType;
use crate::client::wire::{Sample, Wire};
use crate::client::{Actor, ApiServer, Beat, Client, View};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

/// Hosts of one block of addresses: `.2` to `.254`; the node's bridge is `.1`.
const HOSTS: u32 = 253;

/// A command that takes longer is left.
const EXEC_LIMIT: SimDuration = SimDuration::from_secs(86_400);

/// What all kubelets share while one of them acts.
pub struct Shared<'a> {
    /// The times.
    pub config: &'a KubeletConfig,
    /// Chance.
    pub rng: &'a mut Rng,
    /// By namespace, when the next pod may begin to run, where pods take turns.
    pub turns: &'a mut SortedMap<String, SimTime>,
    /// By namespace, what its Services put into every container.
    pub services: &'a mut ServiceEnvironments,
    /// The disks behind persistent volumes.
    pub disks: &'a mut Disks,
    /// The API server.
    pub api: &'a mut ApiServer,
    /// The timers to set.
    pub timers: &'a mut Vec<(SimDuration, Timer)>,
    /// The network, as far as programs can use it now.
    pub wire: Option<&'a dyn Wire>,
    /// What programs have asked over it.
    pub asked: &'a mut Vec<Sample>,
    /// The servers of all pods.
    pub daemons: &'a mut Daemons,
    /// What can be pulled.
    pub registry: &'a Registry,
}

/// What a pod has at hand while something happens to it.
pub struct Turn<'a> {
    /// What all kubelets share.
    pub config: &'a KubeletConfig,
    /// Chance.
    pub rng: &'a mut Rng,
    /// See [`Shared::turns`].
    pub turns: &'a mut SortedMap<String, SimTime>,
    /// What the pods of the node share.
    pub node: &'a mut NodeFacts,
    services: &'a mut ServiceEnvironments,
    pub disks: &'a mut Disks,
    api: &'a mut ApiServer,
    timers: &'a mut Vec<(SimDuration, Timer)>,
    wire: Option<&'a dyn Wire>,
    /// What programs have asked over the network.
    pub asked: &'a mut Vec<Sample>,
    /// The servers of all pods.
    pub daemons: &'a mut Daemons,
    /// What can be pulled.
    pub registry: &'a Registry,
}

impl Turn<'_> {
    /// The current time.
    pub fn now(&self) -> SimTime {
        self.api.now()
    }

    /// Whether the node reaches the API server.
    pub fn is_online(&self) -> bool {
        self.node.state.is_reached()
    }

    /// Access for the kubelet's writes. Whoever writes has to ask [`Turn::is_online`] first.
    pub fn client(&mut self, cause: Option<Revision>) -> Client<'_> {
        Client::new(self.api, Actor::Kubelet(self.node.name.clone()), cause)
    }

    /// What is known of what containers use.
    pub fn metrics(&self) -> Metrics {
        self.api.metrics().cloned().unwrap_or_default()
    }

    /// What the containers of the node stand on.
    pub fn ground(&mut self) -> Ground<'_> {
        Ground {
            online: self.is_online(),
            now: self.api.now(),
            view: self.api.view(),
            host_ip: &self.node.host_ip,
            host: &mut self.node.directories,
            disks: self.disks,
            wire: self.wire,
            daemons: self.daemons,
        }
    }

    /// What the Services that there are now put into a container of a pod; nothing if there are none.
    pub fn service_environment(&mut self, pod: &Pod) -> Option<Arc<Environment>> {
        let links = pod.spec.enable_service_links != Some(false);
        let (namespace, view) = (pod.namespace(), self.api.view());
        if !links {
            return some(environment::of_services(namespace, false, view).into());
        }
        let version = environment::services_version(namespace, view);
        if self.services.get(namespace).is_none_or(|(known, _)| *known != version) {
            let made = Arc::new(environment::of_services(namespace, true, view));
            self.services.insert(namespace.to_string(), (version, made));
        }
        self.services.get(namespace).and_then(|(_, made)| some(made.clone()))
    }

    /// Records an event, unless the cluster does without or cannot be reached.
    pub fn event(
        &mut self,
        about: ObjectReference,
        type_: EventType,
        reason: &str,
        message: String,
        cause: Option<Revision>,
    ) {
        if self.config.reporting.events && self.is_online() {
            self.client(cause).event(about, type_, reason, message);
        }
    }

    /// Has a step of a pod come back after a delay.
    pub fn after(&mut self, delay: SimDuration, uid: &Arc<str>, step: PodStep, background: bool) {
        let what = TimerKind::Pod { uid: uid.clone(), step, background };
        self.timers.push((delay, Timer { node: self.node.name.clone(), what }));
    }
}

fn some(environment: Arc<Environment>) -> Option<Arc<Environment>> {
    Some(environment).filter(|all| !all.is_empty())
}

/// What the pods of a node share.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// The node's name.
    pub name: Arc<str>,
    /// Its `InternalIP`.
    pub host_ip: String,
    /// Its images.
    pub images: ImageStore,
    /// What is in those of its directories that pods have mounted.
    pub directories: Disks,
    /// Whether it is there.
    state: NodeState,
    ordinal: u32,
    next_address: u32,
    addresses: SortedSet<u32>,
}

impl NodeFacts {
    /// An address that no pod of the node has, the one longest unused.
    pub fn take_address(&mut self) -> String {
        let mut number = self.next_address;
        while self.addresses.contains(&number) {
            number += 1;
        }
        self.addresses.insert(number);
        // A block is used up before its first address is used again.
        self.next_address = if (number + 1).is_multiple_of(HOSTS) { 0 } else { number + 1 };
        format!("{}.{}", node_status::pod_network(self.ordinal, number / HOSTS), number % HOSTS + 2)
    }

    /// Takes back the address of a pod that is gone.
    fn release_address(&mut self, address: &str) {
        let number = self.addresses.iter().copied().find(|number| {
            let network = node_status::pod_network(self.ordinal, number / HOSTS);
            address.strip_prefix(network.as_str()).and_then(|rest| rest.strip_prefix('.'))
                == Some((number % HOSTS + 2).to_string().as_str())
        });
        if let Some(number) = number {
            self.addresses.remove(&number);
        }
    }
}

/// One kubelet.
#[derive(Clone, Debug)]
pub struct Agent {
    node: NodeFacts,
    /// By uid. Shared with snapshots until the pod's next event.
    pub(super) workers: SortedMap<Arc<str>, Arc<PodWorker>>,
    reported: SimTime,
    /// When its lease is renewed, and when the next heartbeat is that does more than that.
    beat: Option<Beat>,
    planned: Option<SimTime>,
    /// Whether somebody else has said of the node what is not so.
    stale: bool,
    /// What it is short of.
    pub(super) pressure: Pressure,
    /// The shutdown that goes on.
    pub(super) shutdown: Option<Shutdown>,
    /// Whether the machine has been off since its kubelet last ran.
    was_off: bool,
}

impl Agent {
    /// The kubelet of a node that has just appeared.
    pub fn new(node: &Node, ordinal: u32) -> Agent {
        let node = NodeFacts {
            name: node.name().into(),
            host_ip: node_status::host_ip(&node.status, ordinal),
            images: ImageStore::default(),
            directories: Disks::default(),
            state: NodeState::Running,
            ordinal,
            next_address: 0,
            addresses: SortedSet::new(),
        };
        Agent {
            node,
            workers: SortedMap::new(),
            reported: SimTime::ZERO,
            beat: None,
            planned: None,
            stale: false,
            pressure: Pressure::default(),
            shutdown: None,
            was_off: false,
        }
    }

    /// Whether the node is on, and the rest of the cluster can reach it.
    pub fn is_reached(&self) -> bool {
        self.node.state.is_reached()
    }

    /// The directories of the node that pods have mounted.
    pub fn directories(&self) -> &Disks {
        &self.node.directories
    }

    /// The same, to change.
    pub fn directories_mut(&mut self) -> &mut Disks {
        &mut self.node.directories
    }

    /// What has become of the node.
    pub fn state(&self) -> NodeState {
        self.node.state
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.node.name
    }

    /// Whether its machine is on.
    pub fn is_on(&self) -> bool {
        self.node.state != NodeState::Stopped
    }

    /// The room that its images take.
    pub fn image_bytes(&self, now: SimTime) -> i64 {
        self.node.images.bytes(now)
    }

    /// Removes all images but those. Says whether there were others.
    pub fn remove_images_except(&mut self, used: &[String], now: SimTime) -> bool {
        self.node.images.remove_except(used, now)
    }

    /// The number from which its addresses follow.
    pub fn ordinal(&self) -> u32 {
        self.node.ordinal
    }

    /// Says that the node is there: its status, its lease. Heartbeats follow.
    pub fn register(&mut self, shared: &mut Shared<'_>) {
        self.report_node(None, shared);
        let now = shared.api.now();
        self.write_lease(now, shared);
        self.beat = shared.config.lease_every.map(|every| Beat { first: now, every, until: None });
        shared.api.set_beat(&self.node.name, self.beat);
        self.plan_heartbeat(shared);
    }

    pub(super) fn client<'a>(&self, shared: &'a mut Shared<'_>) -> Client<'a> {
        Client::new(shared.api, Actor::Kubelet(self.node.name.clone()), None)
    }

    /// A pod of this node is new or has changed; `cause` is the write, unless it was the kubelet's own.
    pub fn pod_changed(&mut self, pod: &Pod, cause: Option<Revision>, shared: &mut Shared<'_>) {
        if !self.node.state.is_reached() {
            return;
        }
        let uid: Arc<str> = pod.uid().into();
        if !self.workers.contains_key(&uid) {
            let finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
            if finished && !pod.is_deleting() {
                return;
            }
            self.workers.insert(uid.clone(), Arc::new(PodWorker::new(pod)));
        }
        self.with_worker(&uid, shared, |worker, turn| worker.changed(pod, cause, turn));
        self.see_to_resizes(Some(&uid), shared);
    }

    /// A pod of this node is gone.
    pub fn pod_removed(&mut self, pod: &Pod, shared: &mut Shared<'_>) {
        if self.node.state.is_reached() {
            let gone = self.workers.get(pod.uid()).cloned();
            self.forget(pod.uid());
            self.see_to_resizes(None, shared);
            if let Some(gone) = gone {
                self.has_made_room(&gone, shared);
            }
            self.go_on_shutting_down(shared);
        }
    }

    fn forget(&mut self, uid: &str) {
        let Some(gone) = self.workers.remove(uid) else { return };
        self.discount(gone.used);
        if let Some(address) = &gone.address {
            self.node.release_address(address);
        }
    }

    /// Something about a pod is due.
    pub fn pod_step(&mut self, uid: &Arc<str>, step: &PodStep, shared: &mut Shared<'_>) {
        if self.node.state == NodeState::Stopped {
            return;
        }
        let admission = self.admit(uid, step, shared);
        self.with_worker(uid, shared, |worker, turn| match admission {
            Admission::Refuse(why) => worker.reject(why, turn),
            Admission::Take => worker.step(step, turn),
            Admission::Wait => {}
        });
    }

    /// The pods that mount something of a ConfigMap or Secret, and how long it is until each is looked at.
    pub fn looks_at(&self, key: &Key, now: SimTime) -> Vec<(Arc<str>, SimDuration)> {
        let mounting = self.workers.values().filter(|worker| volumes::refers_to(&worker.pod, key));
        mounting.map(|worker| (worker.uid.clone(), worker.next_look(now))).collect()
    }

    pub(super) fn with_worker(
        &mut self,
        uid: &Arc<str>,
        shared: &mut Shared<'_>,
        act: impl FnOnce(&mut PodWorker, &mut Turn<'_>),
    ) {
        if let Some(worker) = self.workers.get_mut(uid) {
            let turn = &mut Turn {
                config: shared.config,
                rng: shared.rng,
                turns: shared.turns,
                services: shared.services,
                disks: shared.disks,
                node: &mut self.node,
                api: shared.api,
                timers: shared.timers,
                wire: shared.wire,
                asked: shared.asked,
                daemons: shared.daemons,
                registry: shared.registry,
            };
            let worker = Arc::make_mut(worker);
            let (before, mounted) = (worker.stage, worker.mounts_volumes());
            act(worker, turn);
            worker.keep_daemons(turn);
            worker.see_to_changed_files(turn);
            worker.flush(turn);
            let over = worker.stage == Stage::Finished && before != Stage::Finished;
            // What is mounted is reported with the next heartbeat.
            self.stale |= mounted != worker.mounts_volumes();
            if self.stale || self.node.images.changes_at().is_some() {
                self.plan_heartbeat(shared);
            }
            self.count(uid, shared);
            if over {
                self.see_to_resizes(None, shared);
                if let Some(worker) = self.workers.get(uid) {
                    self.has_made_room(worker, shared);
                }
                self.go_on_shutting_down(shared);
            }
        }
    }

    /// Runs a command in a container. `None` for a program that the shell does not know.
    pub fn exec(
        &mut self,
        uid: &str,
        container: &str,
        command: (&[String], bool),
        at: (&View, SimTime, Option<&dyn Wire>),
        disks: &mut Disks,
        daemons: &mut Daemons,
    ) -> Option<Answer> {
        let (mut ground, worker) = self.ground_of(uid, at, disks, daemons)?;
        let at = worker.place_of(container)?;
        worker.run_beside(at, command, EXEC_LIMIT, &mut ground)
    }

    /// A pod, and what its containers stand on.
    pub fn ground_of<'a>(
        &'a mut self,
        uid: &str,
        (view, now, wire): (&'a View, SimTime, Option<&'a dyn Wire>),
        disks: &'a mut Disks,
        daemons: &'a mut Daemons,
    ) -> Option<(Ground<'a>, &'a mut PodWorker)> {
        let online = self.node.state.is_reached();
        let host_ip = &self.node.host_ip;
        let host = &mut self.node.directories;
        let worker = Arc::make_mut(self.workers.get_mut(uid)?);
        Some((Ground { view, online, host_ip, host, disks, now, wire, daemons }, worker))
    }

    /// Ends a running container at once.
    pub fn kill_container(
        &mut self,
        uid: &str,
        container: &str,
        exit_code: i32,
        reason: Option<&'static str>,
        shared: &mut Shared<'_>,
    ) -> bool {
        let mut found = false;
        self.with_worker(&uid.into(), shared, |worker, turn| {
            found = worker.kill_now(container, exit_code, reason, turn);
        });
        found
    }

    /// See [`PodWorker::see_to_changed_files`].
    pub fn see_to_files(&mut self, uid: &str, shared: &mut Shared<'_>) {
        self.with_worker(&uid.into(), shared, |_, _| {});
    }

    /// See [`PodWorker::hear_signal`].
    pub fn signal_container(&mut self, uid: &str, container: &str, shared: &mut Shared<'_>) {
        self.with_worker(&uid.into(), shared, |worker, turn| worker.hear_signal(container, turn));
    }

    /// See [`PodWorker::set_health`].
    pub fn set_health(
        &mut self,
        uid: &str,
        container: &str,
        ill: Option<Option<SimDuration>>,
        shared: &mut Shared<'_>,
    ) -> bool {
        let mut found = false;
        self.with_worker(&uid.into(), shared, |worker, turn| found = worker.set_health(container, ill, turn));
        found
    }

    /// Stops the node, cuts it off, or brings it back.
    pub fn set_state(&mut self, state: NodeState, shared: &mut Shared<'_>) {
        let before = std::mem::replace(&mut self.node.state, state);
        self.was_off |= state == NodeState::Stopped;
        match (before, state) {
            _ if before == state => return,
            (_, NodeState::ShuttingDown) => return self.begin_shutdown(shared),
            (NodeState::ShuttingDown, NodeState::Running) => return self.cancel_shutdown(shared),
            _ => self.shutdown = None,
        }
        let now = shared.api.now();
        if let Some(beat) = self.beat.as_mut().filter(|_| before.is_reached()) {
            beat.until = Some(now);
            shared.api.set_beat(&self.node.name, self.beat);
        }
        if state != NodeState::Running {
            return;
        }
        let off = self.was_off;
        if off {
            self.forget_shortages(shared);
        }
        if std::mem::take(&mut self.was_off) {
            let uids: Vec<Arc<str>> = self.workers.keys().cloned().collect();
            for uid in uids {
                self.with_worker(&uid, shared, PodWorker::reboot);
            }
        }
        self.resync(shared);
        self.planned = None;
        match self.beat.as_mut().filter(|_| !off) {
            Some(beat) => {
                (beat.first, beat.until) = (beat.next(now), None);
                shared.api.set_beat(&self.node.name, self.beat);
                self.write_lease(now, shared);
                self.report_node(None, shared);
                self.plan_heartbeat(shared);
            }
            None => self.register(shared),
        }
    }

    /// Looks at all pods of the node anew: what has been missed while it could not hear.
    pub fn resync(&mut self, shared: &mut Shared<'_>) {
        let mine = |object: &&Arc<Object>| match &***object {
            Object::Pod(pod) => pod.spec.node_name.as_deref() == Some(&*self.node.name),
            _ => false,
        };
        let objects: Vec<Arc<Object>> =
            shared.api.view().objects(Kind::POD, None).filter(mine).cloned().collect();
        let alive: SortedSet<&str> = objects.iter().map(|object| object.uid()).collect();
        let gone: Vec<Arc<str>> =
            self.workers.keys().filter(|uid| !alive.contains(&***uid)).cloned().collect();
        gone.iter().for_each(|uid| self.forget(uid));
        // Others may have judged its pods in the meantime: it says again how they are.
        for worker in self.workers.values_mut().filter(|worker| worker.stage > Stage::New) {
            Arc::make_mut(worker).dirty = true;
        }
        for object in &objects {
            if let Some(pod) = object.as_kind::<Pod>() {
                self.pod_changed(pod, None, shared);
            }
        }
    }
}
