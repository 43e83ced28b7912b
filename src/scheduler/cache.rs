//! What the scheduler knows of the nodes: what each has, and what the pods on it, bound or assumed to be, take of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::resource::{Resources, pod_requests, pod_requests_nonzero};
use crate::api::k8s::ContainerPort;
use crate::api::{MetaExt, Node, Pod, quantity};

/// A node with the sum of what its pods take (`framework.NodeInfo`). Sums are kept up to date as pods come and go, so that
/// no decision adds them up again.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// The node's name.
    pub name: Arc<str>,
    /// The node object.
    pub node: Node,
    /// What pods may ask for.
    pub allocatable: Resources,
    /// How many pods it takes.
    pub allowed_pods: i64,
    /// What its pods ask for.
    pub requested: Resources,
    /// What its pods ask for, with defaults where they do not say: CPU in thousandths, memory in bytes.
    pub nonzero: (i64, i64),
    /// Its pods, by uid.
    pub pods: BTreeMap<String, Pod>,
    /// Host ports in use: (address, protocol, port).
    pub ports: Vec<HostPort>,
}

/// A port of the node that a pod claims.
pub type HostPort = (String, String, i32);

impl NodeInfo {
    /// A node without pods.
    pub fn new(node: Node) -> NodeInfo {
        let mut info = NodeInfo { name: node.name().into(), ..Default::default() };
        info.set_node(node);
        info
    }

    /// Takes over a changed node object.
    pub fn set_node(&mut self, node: Node) {
        self.allocatable = Resources::from_list(node.status.allocatable.as_ref());
        let pods = node.status.allocatable.as_ref().and_then(|list| list.get("pods"));
        self.allowed_pods = pods.map_or(0, quantity::value);
        self.node = node;
    }

    /// Adds a pod, in place of the version that is there.
    pub fn add_pod(&mut self, pod: Pod) {
        self.remove_pod(pod.uid());
        self.requested.add(&pod_requests(&pod.spec));
        let (cpu, memory) = pod_requests_nonzero(&pod.spec);
        self.nonzero = (self.nonzero.0 + cpu, self.nonzero.1 + memory);
        self.ports.extend(host_ports(&pod));
        self.pods.insert(pod.uid().to_string(), pod);
    }

    /// Takes a pod away.
    pub fn remove_pod(&mut self, uid: &str) {
        let Some(pod) = self.pods.remove(uid) else { return };
        self.requested.subtract(&pod_requests(&pod.spec));
        let (cpu, memory) = pod_requests_nonzero(&pod.spec);
        self.nonzero = (self.nonzero.0 - cpu, self.nonzero.1 - memory);
        for port in host_ports(&pod) {
            if let Some(index) = self.ports.iter().position(|taken| *taken == port) {
                self.ports.remove(index);
            }
        }
    }
}

/// The ports of the node that a pod claims.
pub fn host_ports(pod: &Pod) -> Vec<HostPort> {
    let sidecars = pod
        .spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| crate::api::pod_status::is_sidecar(container));
    let containers = pod.spec.containers.iter().chain(sidecars);
    let claim = |port: &ContainerPort| {
        let address = port.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".into());
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
        port.host_port.filter(|port| *port > 0).map(|number| (address, protocol, number))
    };
    containers.flat_map(|container| container.ports.iter().flatten().filter_map(claim)).collect()
}

/// All nodes. Assumed pods, whose binding has been written but not yet seen, count like bound ones.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    nodes: BTreeMap<Arc<str>, NodeInfo>,
    node_of: BTreeMap<String, Arc<str>>,
}

impl Cache {
    /// The nodes, in name order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &NodeInfo> {
        self.nodes.values()
    }

    /// One node.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.nodes.get(name)
    }

    /// Adds a node or takes over its change.
    pub fn set_node(&mut self, node: &Node) {
        let name: Arc<str> = node.name().into();
        match self.nodes.get_mut(&name) {
            Some(info) => info.set_node(node.clone()),
            None => {
                self.nodes.insert(name, NodeInfo::new(node.clone()));
            }
        }
    }

    /// Forgets a node and the pods on it.
    pub fn remove_node(&mut self, name: &str) {
        if let Some(info) = self.nodes.remove(name) {
            for uid in info.pods.keys() {
                self.node_of.remove(uid);
            }
        }
    }

    /// Counts a pod on a node: bound there, or about to be.
    pub fn set_pod(&mut self, pod: &Pod, node: &str) {
        if self.node_of.get(pod.uid()).is_some_and(|known| &**known != node) {
            self.remove_pod(pod.uid());
        }
        if let Some(info) = self.nodes.get_mut(node) {
            info.add_pod(pod.clone());
            self.node_of.insert(pod.uid().to_string(), info.name.clone());
        }
    }

    /// Counts a pod no longer.
    pub fn remove_pod(&mut self, uid: &str) {
        if let Some(info) = self.node_of.remove(uid).and_then(|node| self.nodes.get_mut(&node)) {
            info.remove_pod(uid);
        }
    }
}
