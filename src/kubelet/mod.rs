//! The kubelets: on every node an agent that runs the pods bound to it and reports what becomes of them.
//!
//! Where is what: [`agent`] is one node; [`pod_worker`] one pod, with [`start`] and [`stop`] for the ways up and down;
//! [`lifecycle`] one container; [`workload`] and [`shell`] what runs in it; [`probe`] and [`prober`] how it is asked how
//! it fares; [`status`] and [`node_status`] what is written. Everything that takes time is a [`Timer`] that comes back.

mod admission;
mod agent;
pub mod config;
mod daemons;
mod environment;
mod eviction;
mod executable;
mod expansion;
mod files;
pub mod image;
mod image_volumes;
mod inside;
mod lifecycle;
mod mounting;
mod node_status;
mod pages;
mod perl;
mod pod_worker;
mod preemption;
mod pressure;
mod probe;
mod prober;
mod resize;
mod restart_all;
mod shell;
mod shutdown;
mod sockets;
mod start;
mod status;
mod stop;
mod streams;
#[cfg(test)]
mod tests;
mod usage;
mod user;
mod volumes;
mod workload;

use sorted::{SortedMap, SortedSet};
use std::sync::Arc;

pub use config::KubeletConfig;
pub use node_status::node_object;
pub use pod_worker::{ContainerStep, PodStep};
pub use probe::ProbeKind;
pub use streams::Reach;
pub use workload::asks_network;

use serde::{Deserialize, Serialize};

use crate::api::meta::Revision;
use crate::api::{Kind, MetaExt, Node, Object, PersistentVolumeClaim, Pod};
use crate::client::wire::{Sample, Wire};
use crate::client::{Actor, ApiServer, Change, View};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

use agent::{Agent, Shared};
use daemons::Daemons;
use environment::Environment;
use image::Registry;
use volumes::Disks;

/// Something that a kubelet has to do later. Plain data: it waits in the simulation's event queue and comes back to
/// [`Kubelets::fire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Whose it is.
    pub node: Arc<str>,
    /// What is due.
    pub what: TimerKind,
}

/// What a kubelet's timer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// Renew the node's lease and, when due, its status.
    Heartbeat,
    /// See to what is short on the node.
    Evict {
        /// Whether there is nothing left to be done about it.
        background: bool,
    },
    /// See whether those have ended that the node waits for before it goes off.
    Shutdown,
    /// The machine has shut down, and goes off. Whoever switches machines off does so.
    PowerOff,
    /// Something about one pod.
    Pod {
        /// The pod.
        uid: Arc<str>,
        /// What is due.
        step: PodStep,
        /// Whether it is one of those that come for ever, as far as the kubelet can tell: the end of a crash loop's
        /// back-off, a probe that keeps failing, a turn of a loop.
        background: bool,
    },
}

/// From a volume's being attached to the kubelet's noticing it (`reconcilerLoopSleepPeriod`).
const MOUNT_LOOK: SimDuration = SimDuration::from_millis(100);

/// Whether a node and its kubelet are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeState {
    /// All is well.
    #[default]
    Running,
    /// The machine is about to go off, and lets its pods end first.
    ShuttingDown,
    /// The machine is off: its containers are dead, its kubelet is silent. When it is on again, they start anew.
    Stopped,
    /// The machine runs, but nothing gets through between it and the API server.
    Partitioned,
}

impl NodeState {
    /// Whether the node runs, and the rest of the cluster can reach it.
    pub fn is_reached(self) -> bool {
        matches!(self, NodeState::Running | NodeState::ShuttingDown)
    }
}

/// The kubelets of all nodes.
#[derive(Clone, Debug)]
pub struct Kubelets {
    config: Arc<KubeletConfig>,
    /// By node. Shared with snapshots until the node's next event.
    agents: SortedMap<Arc<str>, Arc<Agent>>,
    /// The numbers of the nodes.
    ordinals: SortedSet<u32>,
    /// By namespace, when the next pod may begin to run, where pods take turns.
    turns: SortedMap<String, SimTime>,
    /// By namespace, what its Services put into every container, and the version of them that this is.
    services: ServiceEnvironments,
    /// What is on the disks behind persistent volumes.
    disks: Disks,
    /// What programs have asked over the network, until somebody takes it.
    asked: Vec<Sample>,
    /// The containers whose first process commands have asked to end, until that is passed on.
    asked_to_end: Vec<(Pod, String)>,
    /// Pods in which commands have changed files.
    touched: Vec<Pod>,
    /// The servers in containers that keep something for their clients.
    daemons: Daemons,
    /// What can be pulled.
    registry: Registry,
    rng: Rng,
}

/// See [`Kubelets`].
type ServiceEnvironments = SortedMap<String, (u64, Arc<Environment>)>;

impl Kubelets {
    /// The kinds whose changes kubelets are told of.
    pub const WATCHES: &'static [Kind] = &[
        Kind::POD,
        Kind::NODE,
        Kind::CONFIG_MAP,
        Kind::SECRET,
        Kind::PERSISTENT_VOLUME,
        Kind::PERSISTENT_VOLUME_CLAIM,
        Kind::VOLUME_ATTACHMENT,
    ];

    /// No kubelet yet: one starts for every node object that appears.
    pub fn new(seed: u64, config: KubeletConfig) -> Kubelets {
        let rng = Rng::new(seed, "kubelet");
        Kubelets {
            config: Arc::new(config),
            agents: SortedMap::new(),
            ordinals: SortedSet::new(),
            turns: SortedMap::new(),
            services: SortedMap::new(),
            disks: Disks::default(),
            asked: Vec::new(),
            asked_to_end: Vec::new(),
            touched: Vec::new(),
            daemons: Daemons::default(),
            registry: Registry::default(),
            rng,
        }
    }

    /// Takes delivery of changes and hands each to the kubelet of its node. Timers to set are pushed to `timers` as
    /// (time from now, timer).
    pub fn observe(
        &mut self,
        changes: &[Arc<Change>],
        _view: &View,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        for change in changes {
            match (change.before.as_deref(), change.after.as_deref()) {
                (None, Some(Object::Node(node))) => self.node_added(node, api, timers),
                (Some(Object::Node(node)), None) => {
                    if let Some(agent) = self.agents.remove(node.name()) {
                        api.set_beat(agent.name(), None);
                        self.ordinals.remove(&agent.ordinal());
                    }
                }
                (Some(Object::Node(before)), Some(Object::Node(node))) => {
                    if pressure::concerns_capacity(before, node) {
                        self.with_agent(node.name(), api, timers, Agent::usage_changed);
                    }
                    if !matches!(&change.actor, Actor::Kubelet(_)) {
                        self.with_agent(node.name(), api, timers, Agent::node_changed);
                    }
                }
                (_, Some(Object::Pod(pod))) => self.pod_changed(change, pod, api, timers),
                (Some(Object::Pod(pod)), None) => {
                    self.daemons.retain(pod.uid(), |_| false);
                    if let Some(node) = pod.spec.node_name.as_deref() {
                        self.with_agent(node, api, timers, |agent, shared| agent.pod_removed(pod, shared));
                    }
                }
                (Some(Object::PersistentVolumeClaim(before)), Some(Object::PersistentVolumeClaim(claim)))
                    if expansion::is_pending(claim) && !expansion::is_pending(before) =>
                {
                    self.volume_grown(claim, timers);
                }
                (_, Some(Object::VolumeAttachment(attachment))) if attachment.status.attached => {
                    self.volume_attached(&attachment.spec.node_name, timers);
                }
                (Some(Object::PersistentVolume(_)), None) => {
                    self.disks.remove(&change.key.name);
                }
                (Some(before), _)
                    if matches!(change.key.kind, Kind::CONFIG_MAP | Kind::SECRET)
                        && !volumes::is_immutable(before) =>
                {
                    self.data_changed(change, api.now(), timers);
                }
                _ => {}
            }
        }
    }

    fn node_added(&mut self, node: &Node, api: &mut ApiServer, timers: &mut Vec<(SimDuration, Timer)>) {
        let name: Arc<str> = node.name().into();
        let ordinal = node_status::ordinal(&name, &self.ordinals);
        self.ordinals.insert(ordinal);
        self.agents.insert(name.clone(), Arc::new(Agent::new(node, ordinal)));
        self.with_agent(&name, api, timers, |agent, shared| {
            agent.register(shared);
            // Pods may have been bound to the node's name before.
            agent.resync(shared);
        });
    }

    fn pod_changed(
        &mut self,
        change: &Change,
        pod: &Pod,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        let Some(node) = pod.spec.node_name.as_deref() else { return };
        let own = matches!(&change.actor, Actor::Kubelet(by) if **by == *node);
        let cause: Option<Revision> = Some(change.revision).filter(|_| !own);
        self.with_agent(node, api, timers, |agent, shared| agent.pod_changed(pod, cause, shared));
    }

    /// What mounts a ConfigMap or Secret gets what has changed at its pod's next regular look.
    fn data_changed(&self, change: &Change, now: SimTime, timers: &mut Vec<(SimDuration, Timer)>) {
        for (node, agent) in &self.agents {
            for (uid, wait) in agent.looks_at(&change.key, now) {
                let what = TimerKind::Pod { uid, step: PodStep::Refresh, background: false };
                timers.push((wait, Timer { node: node.clone(), what }));
            }
        }
    }

    /// The pods that mount a volume that has grown get to use what it has more.
    fn volume_grown(&self, claim: &PersistentVolumeClaim, timers: &mut Vec<(SimDuration, Timer)>) {
        for (node, agent) in &self.agents {
            for worker in agent.workers.values().filter(|worker| expansion::mounts(&worker.pod, claim)) {
                let step = PodStep::Grow;
                let what = TimerKind::Pod { uid: worker.uid.clone(), step, background: false };
                timers.push((expansion::WORK, Timer { node: node.clone(), what }));
            }
        }
    }

    /// The pods of a node that wait for volumes look whether it was theirs.
    fn volume_attached(&self, node: &str, timers: &mut Vec<(SimDuration, Timer)>) {
        let Some((name, agent)) = self.agents.get_key_value(node) else { return };
        for worker in agent.workers.values().filter(|worker| worker.awaits_volumes()) {
            let what = TimerKind::Pod { uid: worker.uid.clone(), step: PodStep::Mount, background: false };
            timers.push((MOUNT_LOOK, Timer { node: name.clone(), what }));
        }
    }

    fn with_agent(
        &mut self,
        node: &str,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
        act: impl FnOnce(&mut Agent, &mut Shared<'_>),
    ) {
        self.with_wire(node, None, api, timers, act);
    }

    fn with_wire(
        &mut self,
        node: &str,
        wire: Option<&dyn Wire>,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
        act: impl FnOnce(&mut Agent, &mut Shared<'_>),
    ) {
        if let Some(agent) = self.agents.get_mut(node) {
            let shared = &mut Shared {
                config: &self.config,
                rng: &mut self.rng,
                turns: &mut self.turns,
                services: &mut self.services,
                disks: &mut self.disks,
                api,
                timers,
                wire,
                asked: &mut self.asked,
                daemons: &mut self.daemons,
                registry: &self.registry,
            };
            act(Arc::make_mut(agent), shared);
        }
        self.write_back(api.view(), api.now());
    }

    /// Takes what programs have asked over the network since the last time.
    pub fn take_asked(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.asked)
    }

    /// Does what a timer is due for. `wire`: the network, as far as programs can use it now.
    pub fn fire(
        &mut self,
        timer: &Timer,
        wire: Option<&dyn Wire>,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        self.with_wire(&timer.node, wire, api, timers, |agent, shared| match &timer.what {
            TimerKind::Heartbeat => agent.heartbeat(shared),
            TimerKind::Evict { .. } => agent.evict(shared),
            TimerKind::Shutdown => agent.go_on_shutting_down(shared),
            TimerKind::PowerOff => {}
            TimerKind::Pod { uid, step, .. } => agent.pod_step(uid, step, shared),
        });
    }

    /// Whether a timer is one of those that come for ever: a cluster in which only such timers wait is quiet.
    pub fn is_periodic(timer: &Timer) -> bool {
        match &timer.what {
            TimerKind::Heartbeat => true,
            TimerKind::Shutdown | TimerKind::PowerOff => false,
            TimerKind::Evict { background } | TimerKind::Pod { background, .. } => *background,
        }
    }

    /// Stops a node, cuts it off, or brings it back. Nothing happens for a node without kubelet.
    pub fn set_node(
        &mut self,
        node: &str,
        state: NodeState,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        self.with_agent(node, api, timers, |agent, shared| agent.set_state(state, shared));
    }

    /// Writes every lease as it is by now: somebody is about to look.
    pub fn show_leases(&mut self, api: &mut ApiServer) {
        let nodes: Vec<Arc<str>> = self.agents.keys().cloned().collect();
        for node in nodes {
            self.with_agent(&node, api, &mut Vec::new(), |agent, shared| agent.show_lease(shared));
        }
    }

    /// What containers use is not what it was.
    pub fn usage_changed(&mut self, api: &mut ApiServer, timers: &mut Vec<(SimDuration, Timer)>) {
        let nodes: Vec<Arc<str>> = self.agents.keys().cloned().collect();
        for node in nodes {
            self.with_agent(&node, api, timers, Agent::usage_changed);
        }
    }

    /// Ends a running container of a pod at once, with that exit code and reason (`OOMKilled`; `None`: what follows from
    /// the code). Says whether there was such a container.
    pub fn kill_container(
        &mut self,
        pod: &Pod,
        container: &str,
        exit_code: i32,
        reason: Option<&'static str>,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) -> bool {
        let Some(node) = pod.spec.node_name.as_deref() else { return false };
        let mut found = false;
        self.with_agent(node, api, timers, |agent, shared| {
            found = agent.kill_container(pod.uid(), container, exit_code, reason, shared);
        });
        found
    }

    /// The pods in which commands have changed files since this was last asked.
    pub fn take_touched(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.touched)
    }

    /// Has a pod see to files of its that have been changed.
    pub fn see_to_files(&mut self, pod: &Pod, api: &mut ApiServer, timers: &mut Vec<(SimDuration, Timer)>) {
        let Some(node) = pod.spec.node_name.as_deref() else { return };
        self.with_agent(node, api, timers, |agent, shared| agent.see_to_files(pod.uid(), shared));
    }

    /// Passes SIGTERM on to the containers in which a command has sent it to the first process.
    pub fn pass_signals(&mut self, api: &mut ApiServer, timers: &mut Vec<(SimDuration, Timer)>) {
        for (pod, container) in std::mem::take(&mut self.asked_to_end) {
            let Some(node) = pod.spec.node_name.as_deref() else { continue };
            self.with_agent(node, api, timers, |agent, shared| {
                agent.signal_container(pod.uid(), &container, shared);
            });
        }
    }

    /// The server in a container falls ill, for so long or until the container runs anew, or gets well (`None`). Says whether
    /// there was such a container.
    pub fn set_health(
        &mut self,
        pod: &Pod,
        container: &str,
        ill: Option<Option<SimDuration>>,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) -> bool {
        let Some(node) = pod.spec.node_name.as_deref() else { return false };
        let mut found = false;
        self.with_agent(node, api, timers, |agent, shared| {
            found = agent.set_health(pod.uid(), container, ill, shared);
        });
        found
    }

    /// What can be pulled.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The same, to change it.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }
}
