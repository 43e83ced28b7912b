//! The kubelets: on every node an agent that runs the pods bound to it and reports what becomes of them.

mod agent;
pub mod config;
pub mod image;
mod node_status;
mod pod_worker;
mod status;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::KubeletConfig;
pub use node_status::node_object;

use crate::api::{Kind, MetaExt, Object, Pod, condition};
use crate::client::{ApiServer, Change, View};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

use agent::{Agent, Turn};
use pod_worker::Step;

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
    /// Something about one pod.
    Pod {
        /// The pod.
        uid: Arc<str>,
        /// What is due.
        step: Step,
    },
}

/// The kubelets of all nodes.
#[derive(Clone, Debug)]
pub struct Kubelets {
    config: Arc<KubeletConfig>,
    agents: BTreeMap<Arc<str>, Agent>,
    slots: BTreeMap<String, SimTime>,
    joined: u32,
    rng: Rng,
}

impl Kubelets {
    /// The kinds whose changes kubelets are told of.
    pub const WATCHES: &'static [Kind] = &[Kind::POD, Kind::NODE];

    /// No kubelet yet: one starts for every node object that appears.
    pub fn new(seed: u64, config: KubeletConfig) -> Kubelets {
        let rng = Rng::new(seed, "kubelet");
        Kubelets { config: Arc::new(config), agents: BTreeMap::new(), slots: BTreeMap::new(), joined: 0, rng }
    }

    /// Takes delivery of changes and hands each to the kubelet of its node. Timers to set are pushed to `timers` as
    /// (time from now, timer).
    pub fn observe(
        &mut self,
        changes: &[Arc<Change>],
        view: &View,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        for change in changes {
            match (change.before.as_deref(), change.after.as_deref()) {
                (None, Some(Object::Node(node))) => {
                    let name: Arc<str> = node.name().into();
                    self.joined += 1;
                    self.agents.insert(name.clone(), Agent::new(name.clone(), self.joined));
                    let silent = condition::find(node.status.conditions.as_deref(), "Ready").is_none();
                    self.with_agent(&name, api, timers, |agent, turn| agent.start(silent, turn));
                }
                (Some(Object::Node(node)), None) => {
                    self.agents.remove(node.name());
                }
                (_, Some(Object::Pod(pod))) => {
                    self.tell(pod, api, timers, |agent, turn, pod| agent.pod_changed(pod, turn))
                }
                (Some(Object::Pod(pod)), None) => {
                    self.tell(pod, api, timers, |agent, _, pod| agent.pod_removed(pod))
                }
                _ => {}
            }
        }
        let _ = view;
    }

    fn tell(
        &mut self,
        pod: &Pod,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
        act: impl FnOnce(&mut Agent, &mut Turn<'_>, &Pod),
    ) {
        if let Some(node) = pod.spec.node_name.as_deref() {
            self.with_agent(node, api, timers, |agent, turn| act(agent, turn, pod));
        }
    }

    fn with_agent(
        &mut self,
        node: &str,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
        act: impl FnOnce(&mut Agent, &mut Turn<'_>),
    ) {
        let config = self.config.clone();
        if let Some(agent) = self.agents.get_mut(node) {
            act(
                agent,
                &mut Turn { config: &config, rng: &mut self.rng, slots: &mut self.slots, api, timers },
            );
        }
    }

    /// Does what a timer is due for. `view` is the cluster as last delivered to the kubelets.
    pub fn fire(
        &mut self,
        timer: &Timer,
        _view: &View,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        self.with_agent(&timer.node, api, timers, |agent, turn| match &timer.what {
            TimerKind::Heartbeat => agent.heartbeat(turn),
            TimerKind::Pod { uid, step } => agent.pod_step(uid, step, turn),
        });
    }

    /// Whether a timer is one of those that come for ever (heartbeats, probes of a healthy container): a cluster in which only
    /// such timers wait is quiet.
    pub fn is_periodic(timer: &Timer) -> bool {
        match &timer.what {
            TimerKind::Heartbeat => true,
            TimerKind::Pod { step, .. } => step.is_periodic(),
        }
    }
}
