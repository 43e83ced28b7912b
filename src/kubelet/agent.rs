//! The kubelet of one node: its pods, its images, its heartbeat.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::KubeletConfig;
use super::image::ImageStore;
use super::node_status;
use super::pod_worker::{PodWorker, Step};
use super::{Timer, TimerKind};
use crate::api::{MetaExt, Pod};
use crate::client::{Actor, ApiServer, Client};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

/// What a kubelet has at hand while it acts.
pub struct Turn<'a> {
    /// The times.
    pub config: &'a KubeletConfig,
    /// Chance.
    pub rng: &'a mut Rng,
    /// The API server.
    pub api: &'a mut ApiServer,
    /// When the next pod of a namespace may begin to run, where they do so one at a time, over all nodes.
    pub slots: &'a mut BTreeMap<String, SimTime>,
    /// The timers to set.
    pub timers: &'a mut Vec<(SimDuration, Timer)>,
}

/// What the pods of a node share.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// The node's name.
    pub name: Arc<str>,
    /// Its number, from 1: `192.168.0.10 + n`, and the third byte of its pods' addresses.
    pub number: u32,
    /// Its images.
    pub images: ImageStore,
    /// Addresses handed out so far.
    addresses: u32,
}

impl NodeState {
    /// The node's address.
    pub fn host_ip(&self) -> String {
        node_status::host_ip(self.number)
    }

    /// An address for a pod that no pod of this node has had.
    pub fn next_pod_ip(&mut self) -> String {
        self.addresses += 1;
        let host = self.addresses % 253 + 1;
        format!("10.244.{}.{host}", self.number % 256)
    }
}

impl Turn<'_> {
    /// Access for a kubelet's writes.
    pub fn client(&mut self, node: &Arc<str>) -> Client<'_> {
        Client::new(self.api, Actor::Kubelet(node.clone()), None)
    }

    /// The current time.
    pub fn now(&self) -> SimTime {
        self.api.now()
    }
}

/// One kubelet.
#[derive(Clone, Debug)]
pub struct Agent {
    node: NodeState,
    workers: BTreeMap<Arc<str>, PodWorker>,
    reported: SimTime,
}

impl Agent {
    /// The kubelet of the node that joined as the `number`th.
    pub fn new(name: Arc<str>, number: u32) -> Agent {
        let node = NodeState { name, number, images: ImageStore::default(), addresses: 0 };
        Agent { node, workers: BTreeMap::new(), reported: SimTime::ZERO }
    }

    /// Begins to send heartbeats. Of a node that nobody has reported on yet, the first report comes at once.
    pub fn start(&mut self, silent: bool, turn: &mut Turn<'_>) {
        self.reported = turn.now();
        if silent {
            let name = self.node.name.clone();
            node_status::report(&name, Vec::new(), &mut turn.client(&name));
        }
        self.heartbeat(turn);
    }

    /// Renews the node's lease, and reports the node's status if it has changed or is due.
    pub fn heartbeat(&mut self, turn: &mut Turn<'_>) {
        let Some(every) = turn.config.lease_every else { return };
        let due = turn.now().since(self.reported) >= turn.config.node_report_every;
        let changed = self.node.images.take_changed();
        let (name, images) = (self.node.name.clone(), self.node.images.report());
        let mut client = turn.client(&name);
        node_status::renew_lease(&name, &mut client);
        if due || changed {
            node_status::report(&name, images, &mut client);
            self.reported = turn.now();
        }
        turn.timers.push((every, Timer { node: name, what: TimerKind::Heartbeat }));
    }

    /// A pod of this node is new or has changed.
    pub fn pod_changed(&mut self, pod: &Pod, turn: &mut Turn<'_>) {
        let uid: Arc<str> = pod.uid().into();
        match self.workers.get_mut(&uid) {
            Some(worker) => worker.changed(pod, &mut self.node, turn),
            None if matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
                && !pod.is_deleting() => {}
            None => {
                let mut worker = PodWorker::new(pod);
                worker.begin(&mut self.node, turn);
                self.workers.insert(uid, worker);
            }
        }
    }

    /// A pod of this node is gone.
    pub fn pod_removed(&mut self, pod: &Pod) {
        self.workers.remove(pod.uid());
    }

    /// Something about a pod is due.
    pub fn pod_step(&mut self, uid: &Arc<str>, step: &Step, turn: &mut Turn<'_>) {
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.step(step, &mut self.node, turn);
        }
    }
}
