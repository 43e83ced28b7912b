//! A node with the sums of what its pods take.

use sorted::SortedMap;
use std::sync::Arc;

use super::pod_info::{HostPort, PodInfo};
use super::resource::Resource;
use crate::api::{MetaExt, Node, quantity};
use crate::scheduler::cache::NodeIndex;

/// A node as decisions see it (`framework.NodeInfo`). The sums are kept up to date as pods come and go, so that no
/// decision adds them up again.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// Its place in the cache.
    pub index: NodeIndex,
    /// The node's name.
    pub name: Arc<str>,
    /// The node object.
    pub node: Node,
    /// Which version of the object it is, of all that the cache has been told of.
    pub version: u64,
    /// What pods may ask for.
    pub allocatable: Resource,
    /// How many pods it takes.
    pub allowed_pods: i64,
    /// What its pods ask for.
    pub requested: Resource,
    /// What its pods count as in scores: CPU in thousandths, memory in bytes.
    pub nonzero: (i64, i64),
    /// The priority of its least important pod. `None` without pods.
    pub lowest_priority: Option<i32>,
    /// Its pods, bound and assumed, in order of arrival.
    pub pods: Vec<Arc<PodInfo>>,
    /// The same, sorted by what rules about other pods look at. Who counts pods asks once per sort: replicas are all of one.
    pub sorts: Vec<Sort>,
    /// Ports of the node in use.
    pub used_ports: Vec<HostPort>,
    /// The images it holds, by every name they have, with their sizes in bytes.
    pub images: Arc<SortedMap<String, i64>>,
}

/// Pods that no rule about other pods can tell apart.
#[derive(Clone, Debug)]
pub struct Sort {
    /// One of them.
    pub sample: Arc<PodInfo>,
    /// How many there are.
    pub pods: i64,
    /// Its number among all sorts; zero if it has none.
    number: u64,
}

impl NodeInfo {
    /// A node without pods.
    pub fn new(node: &Node) -> NodeInfo {
        let mut info = NodeInfo { name: node.name().into(), ..Default::default() };
        info.set_node(node, 0);
        info
    }

    /// Takes over a changed node object.
    pub fn set_node(&mut self, node: &Node, version: u64) {
        self.version = version;
        let status = &node.status;
        self.allocatable = Resource::from_list(status.allocatable.as_ref());
        let pods = status.allocatable.as_ref().and_then(|list| list.get("pods"));
        self.allowed_pods = pods.map_or(0, quantity::value);
        let mut images = SortedMap::new();
        for image in status.images.iter().flatten() {
            for name in image.names.iter().flatten() {
                images.insert(name.clone(), image.size_bytes.unwrap_or(0));
            }
        }
        self.images = Arc::new(images);
        self.node = node.clone();
    }

    /// Adds a pod.
    pub fn add_pod(&mut self, pod: Arc<PodInfo>) {
        self.requested.add(&pod.requests);
        self.nonzero = (self.nonzero.0 + pod.nonzero.0, self.nonzero.1 + pod.nonzero.1);
        for port in &pod.ports {
            if !self.used_ports.contains(port) {
                self.used_ports.push(port.clone());
            }
        }
        match self.sort_of(&pod) {
            Some(at) => self.sorts[at].pods += 1,
            None => self.sorts.push(Sort { sample: pod.clone(), pods: 1, number: pod.sort }),
        }
        let priority = pod.priority();
        self.lowest_priority = Some(self.lowest_priority.map_or(priority, |lowest| lowest.min(priority)));
        self.pods.push(pod);
    }

    fn sort_of(&self, pod: &PodInfo) -> Option<usize> {
        // The numbers stand beside the samples: those need not be looked at while they have one.
        let same = |sort: &Sort| pod.sort != 0 && sort.number == pod.sort;
        let at = self.sorts.iter().position(same);
        at.or_else(|| self.sorts.iter().position(|sort| sort.sample.is_equal_to_rules(pod)))
    }

    /// Takes a pod away; says whether it was there.
    pub fn remove_pod(&mut self, pod: &PodInfo) -> bool {
        let is_it = |other: &Arc<PodInfo>| other.digest == pod.digest && other.uid() == pod.uid();
        let Some(at) = self.pods.iter().position(is_it) else { return false };
        let pod = self.pods.remove(at);
        if self.lowest_priority == Some(pod.priority()) {
            self.lowest_priority = self.pods.iter().map(|pod| pod.priority()).min();
        }
        self.requested.subtract(&pod.requests);
        self.nonzero = (self.nonzero.0 - pod.nonzero.0, self.nonzero.1 - pod.nonzero.1);
        // They are a set upstream, too: a port that two pods have all the same is free when one of them goes.
        self.used_ports.retain(|used| !pod.ports.contains(used));
        if let Some(at) = self.sort_of(&pod) {
            self.sorts[at].pods -= 1;
            if self.sorts[at].pods == 0 {
                self.sorts.remove(at);
            }
        }
        true
    }
}
