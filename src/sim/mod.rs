//! The simulation: puts the components together, and moves time. Everything that happens is an event in one queue;
//! everything that is true is an object in the API server; a copy of a [`Simulation`] is a snapshot of it all.

pub mod config;
mod dispatch;
mod due;
pub mod event;
mod fault;
mod fault_line;
pub mod hop;
pub mod input;
pub mod invariants;
pub mod latency;
pub mod moment;
pub mod notable;
mod queue;
pub mod recording;
mod roles;
pub mod scheduler_configuration;
mod session;
mod standing;
mod system;
mod traffic;

pub use crate::apiserver::{Change, View};
pub use config::{Config, NodeSpec, StorageSpec};
pub use due::Due;
pub use event::Event;
pub use fault::Fault;
pub use input::{Input, Journal, JournalEntry, Outcome};
pub use recording::{Grain, Progress, Recording, Run};
pub use session::{Session, SessionId};

use sorted::SortedMap;
use std::sync::Arc;

use crate::api::hash::Digest;
use crate::api::k8s::{ObjectMeta, StorageClassFields};
use crate::api::meta::Revision;
use crate::api::{Namespace, StorageClass};
use crate::apiserver::{Actor, ApiServer, Origin};
use crate::client::{Informer, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::{self, Controller};
use crate::kubectl;
use crate::kubelet::Kubelets;
use crate::network::Network;
use crate::rng::Rng;
use crate::scheduler::Scheduler;

use dispatch::Pending;
use queue::EventQueue;

/// A cluster without anything due for this long counts as quiet. Longer waits (an eviction after five minutes, a
/// progress deadline) are reached by asking for more time.
pub const QUIET_HORIZON: SimDuration = SimDuration::from_secs(60);

/// A controller with its watch and its queue.
#[derive(Clone)]
pub(crate) struct ControllerSlot {
    controller: Box<dyn Controller>,
    informer: Informer,
    queue: WorkQueue,
    /// Its own stream: a further controller shifts nobody else's draws.
    latency: Rng,
}

/// A cluster, its clock and all that is going to happen.
#[derive(Clone)]
pub struct Simulation {
    config: Arc<Config>,
    now: SimTime,
    events: EventQueue,
    events_done: u64,
    api: ApiServer,
    controllers: Vec<ControllerSlot>,
    scheduler: Scheduler,
    scheduler_informer: Informer,
    scheduler_configuration: Option<Arc<str>>,
    kubelets: Kubelets,
    kubelet_informer: Informer,
    network: Network,
    latency: Rng,
    pending: Pending,
    slow: fault::Slow,
    stopped: fault::Stopped,
    sessions: SortedMap<SessionId, Session>,
    context: kubectl::Context,
    journal: Journal,
    boot_errors: Vec<String>,
}

impl Simulation {
    /// A cluster with the nodes of `config`, at time zero.
    pub fn new(config: Config) -> Simulation {
        let seed = config.seed;
        let slot = |controller: Box<dyn Controller>| ControllerSlot {
            latency: Rng::new(seed, &format!("latency of {}", controller.name())),
            controller,
            informer: Informer::default(),
            queue: WorkQueue::default(),
        };
        let mut simulation = Simulation {
            now: SimTime::ZERO,
            events: EventQueue::default(),
            events_done: 0,
            api: ApiServer::new(seed),
            controllers: controllers::all(&config.controllers).into_iter().map(slot).collect(),
            scheduler: Scheduler::new(seed),
            scheduler_informer: Informer::default(),
            scheduler_configuration: None,
            kubelets: Kubelets::new(seed, config.kubelet.clone()),
            kubelet_informer: Informer::default(),
            network: Network::new(seed),
            latency: Rng::new(seed, "latency"),
            pending: Pending::default(),
            slow: fault::Slow::new(),
            stopped: fault::Stopped::new(),
            sessions: SortedMap::new(),
            context: kubectl::Context {
                kubeconfig: kubectl::Kubeconfig::in_namespace(&config.namespace),
                host_edits: config.host_edits,
                ..Default::default()
            },
            journal: Journal::default(),
            boot_errors: Vec::new(),
            config: Arc::new(config),
        };
        simulation.boot();
        simulation
    }

    /// What a cluster has before anyone has asked for anything: its namespaces and its nodes.
    fn boot(&mut self) {
        self.api.set_quota(self.config.quota_backend_bytes);
        self.api.set_metrics(self.config.metrics.clone());
        let first = self.config.namespace.clone();
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            self.create_namespace(name);
        }
        if self.view().get::<Namespace>("", &first).is_none() {
            self.create_namespace(&first);
        }
        for node in self.config.nodes.clone() {
            if let Err(status) = self.add_node(&node) {
                self.boot_errors.push(format!("node {}: {status}", node.name));
            }
        }
        for class in self.config.storage.clone() {
            self.create_storage_class(class);
        }
        self.boot_errors.extend(system::create(&mut self.api, self.config.seed));
        self.after_writes(0);
    }

    fn create_storage_class(&mut self, class: StorageSpec) {
        let default = class.is_default.then(|| {
            [("storageclass.kubernetes.io/is-default-class".to_string(), "true".to_string())].into()
        });
        let meta = ObjectMeta { name: Some(class.name.into()), annotations: default, ..Default::default() };
        let mode = if class.immediate { "Immediate" } else { "WaitForFirstConsumer" };
        let fields = StorageClassFields {
            provisioner: class.provisioner.into(),
            volume_binding_mode: Some(mode.into()),
            ..Default::default()
        };
        let origin = Origin::new(Actor::Environment);
        if let Err(status) = self.api.create(&origin, StorageClass::new(meta, fields)) {
            self.boot_errors.push(format!("storage class {}: {status}", class.name));
        }
    }

    /// What this cluster was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What of the configuration could not be made: nodes with bad names or taints.
    pub fn boot_errors(&self) -> &[String] {
        &self.boot_errors
    }

    /// The current time.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The API server, to read.
    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// Writes what is written only when somebody asks for it.
    pub fn show_standing(&mut self) {
        standing::show_all(&mut self.api, self.config.seed);
    }

    /// The scheduler, to read and to ask what would be otherwise.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The objects alive now.
    pub fn view(&self) -> &View {
        self.api.view()
    }

    /// The last write.
    pub fn revision(&self) -> Revision {
        self.api.store().revision()
    }

    /// Everything that came from outside so far, in order.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How many events have been processed.
    pub fn events_done(&self) -> u64 {
        self.events_done
    }

    /// A command that was entered, finished or not.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// The namespace in which kubectl commands stand.
    pub fn namespace(&self) -> &str {
        self.context.namespace()
    }

    /// When the next event is due; `None` if nothing will ever happen again.
    pub fn next_event_time(&self) -> Option<SimTime> {
        self.events.next_time()
    }

    /// Processes one event and everything it causes at once. Returns its time; `None` if there is none.
    pub fn step(&mut self) -> Option<SimTime> {
        let (time, event) = self.events.pop()?;
        debug_assert!(time >= self.now, "an event lies in the past: {event:?}");
        self.set_now(time);
        let before = self.revision();
        self.dispatch(event);
        self.events_done += 1;
        self.after_writes(before);
        Some(time)
    }

    /// Processes the events due up to and at `until`, but no more than `max_events`; the clock then stands at `until`, or
    /// at the last event processed if there were too many. Returns how many were processed.
    pub fn advance(&mut self, until: SimTime, max_events: u64) -> u64 {
        let mut done = 0;
        while done < max_events && self.next_event_time().is_some_and(|time| time <= until) {
            self.step();
            done += 1;
        }
        if done < max_events && until > self.now {
            self.set_now(until);
        }
        done
    }

    /// Runs until nothing but heartbeats is due within [`QUIET_HORIZON`], or `deadline` is reached. Says whether it is quiet.
    pub fn run_until_quiet(&mut self, deadline: SimTime) -> bool {
        while !self.is_quiet() {
            match self.next_event_time() {
                Some(time) if time <= deadline => self.step(),
                _ => return false,
            };
        }
        true
    }

    /// Whether nothing but heartbeats is due within [`QUIET_HORIZON`].
    pub fn is_quiet(&self) -> bool {
        let horizon = self.now + QUIET_HORIZON;
        let mut due = self.events.iter().take_while(|(time, _)| *time <= horizon);
        !due.any(|(_, event)| self.is_activity(event))
    }

    /// When something is due next that may change what is seen: no heartbeat, and not the scheduler's flush of pods that fit
    /// nowhere, which comes every five minutes for ever.
    pub fn next_activity(&self) -> Option<SimTime> {
        let horizon = self.now + QUIET_HORIZON;
        let flush = |time: SimTime, event: &Event| matches!(event, Event::SchedulerWake) && time > horizon;
        let mut due = self.events.iter();
        due.find(|(time, event)| self.is_activity(event) && !flush(*time, event)).map(|(time, _)| time)
    }

    /// A number that two runs share if and only if every write of theirs was the same, byte for byte.
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        for change in self.api.store().since(0) {
            digest =
                digest.number(change.revision).number(change.time.0).bytes(change.key.to_string().as_bytes());
            digest =
                digest.bytes(change.actor.component().as_bytes()).number(change.cause.unwrap_or_default());
            if let Some(object) = &change.after {
                digest = digest.json(&object.to_value());
            }
        }
        self.network.digest(digest).value()
    }

    fn set_now(&mut self, now: SimTime) {
        self.now = now;
        self.api.set_now(now);
    }
}
