//! The kubelets: on every node an agent that runs the pods bound to it and reports what becomes of them.

use std::sync::Arc;

use crate::api::Kind;
use crate::client::{ApiServer, Change, View};
use crate::clock::SimDuration;
use crate::rng::Rng;

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
}

/// The kubelets of all nodes.
#[derive(Clone, Debug)]
pub struct Kubelets {
    rng: Rng,
}

impl Kubelets {
    /// The kinds whose changes kubelets are told of.
    pub const WATCHES: &'static [Kind] = &[Kind::POD, Kind::NODE];

    /// No kubelet yet: one starts for every node object that appears.
    pub fn new(seed: u64) -> Kubelets {
        Kubelets { rng: Rng::new(seed, "kubelet") }
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
        let _ = (changes, view, api, timers, &self.rng);
    }

    /// Does what a timer is due for. `view` is the cluster as last delivered to the kubelets.
    pub fn fire(
        &mut self,
        timer: &Timer,
        view: &View,
        api: &mut ApiServer,
        timers: &mut Vec<(SimDuration, Timer)>,
    ) {
        let _ = (timer, view, api, timers);
    }

    /// Whether a timer is one of those that come for ever (heartbeats, periodic probes): a cluster in which only
    /// such timers wait is quiet.
    pub fn is_periodic(timer: &Timer) -> bool {
        matches!(timer.what, TimerKind::Heartbeat)
    }
}

/// A `Node` object as a kubelet registers it. Placeholder signature for the event loop.
pub fn node_object(
    name: &str,
    cpu: &str,
    memory: &str,
    pods: u32,
    zone: Option<&str>,
    labels: &[(String, String)],
    taints: Vec<crate::api::k8s::Taint>,
) -> crate::api::Node {
    let _ = (cpu, memory, pods, zone, labels, taints);
    crate::api::Node::new(
        crate::api::k8s::ObjectMeta { name: Some(name.into()), ..Default::default() },
        Default::default(),
    )
}
