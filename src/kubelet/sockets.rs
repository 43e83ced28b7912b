//! What the containers of a pod do with connections, for the network to know.

use std::sync::Arc;

use super::Kubelets;
use super::lifecycle::ContainerRun;
use super::pod_worker::{PodWorker, Stage};
use super::volumes::Disks;
use crate::api::{MetaExt, Pod};
use crate::client::wire::{Socket, Sockets};

impl Kubelets {
    /// A pod's sockets at this moment; none for a pod that its kubelet does not know (any more).
    pub fn sockets(&self, pod: &Pod) -> Sockets {
        let agent = pod.spec.node_name.as_deref().and_then(|node| self.agents.get(node));
        let found = agent.and_then(|agent| Some((agent, agent.workers.get(pod.uid())?)));
        found.map(|(agent, worker)| sockets(worker, agent.directories(), &self.disks)).unwrap_or_default()
    }

    /// The pods that serve what somebody on a node has written to disks since this was last asked.
    pub fn pods_with_new_pages(&mut self, node: &str) -> Vec<Pod> {
        let anywhere = self.disks.take_written();
        let here = self.agents.get_mut(node).is_some_and(|agent| {
            agent.directories().is_written() && Arc::make_mut(agent).directories_mut().take_written()
        });
        let agents = self.agents.iter().filter(|(name, _)| anywhere || (here && ***name == *node));
        let workers = agents.flat_map(|(_, agent)| agent.workers.values());
        let shares = |worker: &&Arc<PodWorker>| (0..worker.runs.len()).any(|at| worker.has_shared_pages(at));
        workers.filter(shares).map(|worker| worker.pod.clone()).collect()
    }

    /// The pod behind a timer, by the names of its namespace and its own.
    pub fn pod_of(&self, timer: &super::Timer) -> Option<&Pod> {
        let super::TimerKind::Pod { uid, .. } = &timer.what else { return None };
        Some(&self.agents.get(&*timer.node)?.workers.get(&**uid)?.pod)
    }

    /// Every node and what has become of it.
    pub fn node_states(&self) -> Vec<(Arc<str>, super::NodeState)> {
        self.agents.iter().map(|(name, agent)| (name.clone(), agent.state())).collect()
    }

    /// What has become of one.
    pub fn state(&self, node: &str) -> Option<super::NodeState> {
        self.agents.get(node).map(|agent| agent.state())
    }

    /// The nodes that nothing reaches: switched off, or cut off.
    pub fn lost_nodes(&self) -> Vec<Arc<str>> {
        self.agents.iter().filter(|(_, agent)| !agent.is_reached()).map(|(name, _)| name.clone()).collect()
    }

    /// The pods of a node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Pod> {
        self.agents.get(node).into_iter().flat_map(|agent| agent.workers.values().map(|worker| &worker.pod))
    }
}

fn sockets(worker: &PodWorker, host: &Disks, disks: &Disks) -> Sockets {
    // A pod that has finished has no sandbox left, and nobody has its address.
    let address = worker.address.as_deref().filter(|_| worker.stage != Stage::Finished);
    let site = |at: usize| Some((at, worker.own_site(at, host, disks)?));
    Sockets {
        address: address.map(Into::into),
        containers: worker.runs.iter().map(socket).collect(),
        sites: (0..worker.runs.len()).filter_map(site).collect(),
    }
}

fn socket(run: &ContainerRun) -> Socket {
    let since = run.running_since().filter(|_| run.is_running());
    let Some(since) = since else { return Socket { run: run.restarts, ..Socket::default() } };
    let behaviour = &run.behaviour;
    Socket {
        from: behaviour.serves_after.map(|after| since + after),
        until: run.closes_at,
        sick: behaviour.unhealthy.map(|(from, until)| (since + from, until.map(|until| since + until))),
        run: run.restarts,
    }
}
