//! The nodes with their pods, as the scheduler believes them to be: what the watch has told, and the pods it has itself
//! placed since. It is its own snapshot, for nothing else happens while a pod is being scheduled; copying it copies one
//! pointer per node.

pub mod contest;
pub mod likeness;
pub mod memory;
mod nodes;
pub mod pages;
mod pods;
pub mod shape;
pub mod tally;
pub mod topology;
pub mod trial;

use sorted::SortedMap;
use std::sync::Arc;

use nodes::Nodes;
use pods::{At, PlacedPod, Pods};

use super::framework::claims::AssumedClaims;
use super::framework::volumes::AssumedVolumes;
use super::framework::{NodeInfo, PodInfo};
use crate::api::{MetaExt, Node};

/// A node's place in the cache. It stays the same as long as the node exists, and is then used again.
pub type NodeIndex = u32;

/// All nodes (`backend/cache`).
#[derive(Clone, Debug, Default)]
pub struct Cache {
    slots: Nodes,
    free: Vec<NodeIndex>,
    order: Arc<Vec<NodeIndex>>,
    by_name: Arc<SortedMap<Arc<str>, NodeIndex>>,
    pods: Pods,
    images: Arc<SortedMap<String, ImageState>>,
    affinity_pods: u32,
    anti_affinity_pods: u32,
    /// What has been decided about volumes and is not known from the watch yet.
    pub assumed_volumes: AssumedVolumes,
    /// The same of devices.
    pub assumed_claims: AssumedClaims,
    /// The nodes that have changed, in order, since `log_start` changes.
    log: Vec<NodeIndex>,
    log_start: u64,
    /// Counts what concerns all nodes at once: their coming and going, their labels, who has which image.
    epoch: u64,
    /// Counts the versions of node objects.
    versions: u64,
}

/// An image that some nodes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageState {
    /// Its size in bytes, as the first node to have it said. Other nodes may say otherwise, and are not listened to.
    pub size_bytes: i64,
    /// How many nodes have it.
    pub nodes: u32,
}

impl Cache {
    /// The places of the nodes, in name order.
    pub fn order(&self) -> &[NodeIndex] {
        &self.order
    }

    /// The same, to keep.
    pub fn kept_order(&self) -> Arc<Vec<NodeIndex>> {
        self.order.clone()
    }

    /// The nodes, in name order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Arc<NodeInfo>> {
        self.order.iter().map(|index| self.slots.get(*index))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Counts what concerns all nodes at once: their coming and going, their labels, who has which image.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The node in a place.
    pub fn node(&self, index: NodeIndex) -> &Arc<NodeInfo> {
        self.slots.get(index)
    }

    /// The place of the node with that name.
    pub fn index(&self, name: &str) -> Option<NodeIndex> {
        self.by_name.get(name).copied()
    }

    /// How many places there are, with and without a node.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Changes a node. What was worked out about it no longer holds.
    fn change(&mut self, index: NodeIndex, change: impl FnOnce(&mut NodeInfo)) {
        if self.log.len() > 4 * self.slots.len() + 1_024 {
            self.log_start += self.log.len() as u64;
            self.log.clear();
        }
        self.log.push(index);
        self.slots.change(index, change);
    }

    /// The nodes as they are now, to look at later: what decisions are made of, and no more. It shares what it can.
    #[must_use]
    pub fn snapshot(&self) -> Cache {
        Cache {
            slots: self.slots.clone(),
            order: self.order.clone(),
            by_name: self.by_name.clone(),
            images: self.images.clone(),
            affinity_pods: self.affinity_pods,
            anti_affinity_pods: self.anti_affinity_pods,
            assumed_volumes: self.assumed_volumes.clone(),
            assumed_claims: self.assumed_claims.clone(),
            epoch: self.epoch,
            versions: self.versions,
            free: Vec::new(),
            pods: Pods::default(),
            log: Vec::new(),
            log_start: 0,
        }
    }

    /// Whether a pod on the node is less important than that.
    pub fn has_less_important(&self, index: NodeIndex, priority: i32) -> bool {
        self.slots.lowest_priority(index) < priority
    }

    /// Whether a pod on any node is.
    pub fn has_any_less_important(&self, priority: i32) -> bool {
        self.slots.lowest_of_all() < priority
    }

    /// The image of that name, if any node holds it.
    pub fn image(&self, name: &str) -> Option<ImageState> {
        self.images.get(name).copied()
    }

    /// Whether any placed pod has a rule about other pods.
    pub fn has_pods_with_affinity(&self) -> bool {
        self.affinity_pods > 0
    }

    /// Whether any placed pod keeps other pods away.
    pub fn has_pods_with_required_anti_affinity(&self) -> bool {
        self.anti_affinity_pods > 0
    }

    /// Adds a node, or takes over its change. Pods that were told of before their node count from now on.
    pub fn set_node(&mut self, node: &Node) {
        self.versions += 1;
        let version = self.versions;
        let Some(index) = self.index(node.name()) else { return self.add_node(node) };
        let known = &self.node(index).node;
        if known.meta.labels != node.meta.labels {
            self.epoch += 1;
        }
        // A heartbeat changes neither images nor spec; it should not cost a count of all images.
        if self.node(index).node.status.images == node.status.images {
            self.change(index, |info| info.set_node(node, version));
            return;
        }
        self.forget_images(index);
        self.change(index, |info| info.set_node(node, version));
        self.count_images(index);
    }

    fn add_node(&mut self, node: &Node) {
        let mut info = NodeInfo::new(node);
        info.version = self.versions;
        let name = info.name.clone();
        let index = self.free.pop().unwrap_or(self.slots.len() as NodeIndex);
        let waiting = |placed: &PlacedPod| matches!(&placed.at, At::Unknown(at) if *at == name);
        self.pods.change(waiting, |placed| {
            placed.at = At::Node(index);
            info.add_pod(placed.info.clone());
        });
        self.slots.put(index, info);
        self.epoch += 1;
        let before = |other: &NodeIndex| self.slots.get(*other).name < name;
        let place = self.order.partition_point(before);
        Arc::make_mut(&mut self.order).insert(place, index);
        Arc::make_mut(&mut self.by_name).insert(name, index);
        self.count_images(index);
    }

    /// Forgets a node. Its pods are remembered until they are gone themselves.
    pub fn remove_node(&mut self, name: &str) {
        if let Some(index) = Arc::make_mut(&mut self.by_name).remove(name) {
            let known: Arc<str> = name.into();
            let here = |placed: &PlacedPod| placed.at == At::Node(index);
            self.pods.change(here, |placed| placed.at = At::Unknown(known.clone()));
            self.forget_images(index);
            self.slots.clear(index);
            self.epoch += 1;
            self.free.push(index);
            Arc::make_mut(&mut self.order).retain(|other| *other != index);
        }
    }

    fn count_images(&mut self, index: NodeIndex) {
        let here = self.slots.get(index).images.clone();
        if here.is_empty() {
            return;
        }
        self.epoch += 1;
        let images = Arc::make_mut(&mut self.images);
        for (name, size_bytes) in &*here {
            match images.get_mut(name) {
                Some(state) => state.nodes += 1,
                None => {
                    images.insert(name.clone(), ImageState { size_bytes: *size_bytes, nodes: 1 });
                }
            }
        }
    }

    fn forget_images(&mut self, index: NodeIndex) {
        let here = self.slots.get(index).images.clone();
        if here.is_empty() {
            return;
        }
        self.epoch += 1;
        let images = Arc::make_mut(&mut self.images);
        for name in here.keys() {
            if let Some(state) = images.get_mut(name) {
                state.nodes -= 1;
                if state.nodes == 0 {
                    images.remove(name);
                }
            }
        }
    }

    /// Counts a pod on a node that the scheduler has chosen, before the watch tells of its binding.
    pub fn assume_pod(&mut self, info: Arc<PodInfo>, node: NodeIndex) {
        self.place(info, At::Node(node), true);
    }

    /// Whether a pod counts on a node that the watch has not told of yet.
    pub fn is_assumed(&self, uid: &str) -> bool {
        self.pods.get(uid).is_some_and(|placed| placed.assumed)
    }

    /// Takes an assumption back: the binding has failed.
    pub fn forget_pod(&mut self, uid: &str) {
        if self.is_assumed(uid) {
            self.remove_pod(uid);
        }
    }

    /// Counts a pod that is bound to a node, or takes over its change.
    pub fn set_pod(&mut self, info: Arc<PodInfo>, node: &str) {
        let at = self.index(node).map_or_else(|| At::Unknown(node.into()), At::Node);
        self.place(info, at, false);
    }

    fn place(&mut self, info: Arc<PodInfo>, at: At, assumed: bool) {
        let before = self.pods.remove_version(&info);
        self.count_no_longer(before);
        self.affinity_pods += u32::from(info.has_affinity());
        self.anti_affinity_pods += u32::from(!info.required_anti_affinity.is_empty());
        if let At::Node(index) = at {
            self.change(index, |node| node.add_pod(info.clone()));
        }
        self.pods.insert(PlacedPod { info, at, assumed });
    }

    /// Counts a pod no longer: it has ended, or is gone.
    pub fn remove_pod(&mut self, uid: &str) {
        let placed = self.pods.remove(uid);
        self.count_no_longer(placed);
    }

    fn count_no_longer(&mut self, placed: Option<PlacedPod>) {
        let Some(PlacedPod { info, at, .. }) = placed else { return };
        self.affinity_pods -= u32::from(info.has_affinity());
        self.anti_affinity_pods -= u32::from(!info.required_anti_affinity.is_empty());
        if let At::Node(index) = at {
            self.change(index, |node| {
                node.remove_pod(&info);
            });
        }
    }

    /// The pods that count on nodes, with their nodes and whether that is only assumed.
    pub fn placed(&self) -> impl Iterator<Item = (&Arc<PodInfo>, &str, bool)> {
        let name = |at| match at {
            &At::Node(index) => &*self.node(index).name,
            At::Unknown(name) => name,
        };
        self.pods.values().map(move |placed| (&placed.info, name(&placed.at), placed.assumed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node, pod};

    fn pod_info(name: &str, cpu: &str) -> Arc<PodInfo> {
        Arc::new(PodInfo::new(pod(name).cpu(cpu).build()))
    }

    fn requested(cache: &Cache) -> Vec<(String, i64)> {
        cache.nodes().map(|node| (node.name.to_string(), node.requested.cpu_milli)).collect()
    }

    #[test]
    fn an_assumed_pod_counts_once_when_its_binding_is_seen() {
        let mut cache = Cache::default();
        cache.set_node(&node("n1").cpu("4").build());
        cache.assume_pod(pod_info("a", "1"), 0);
        cache.set_pod(pod_info("a", "1"), "n1");
        assert_eq!(requested(&cache), [("n1".into(), 1_000)]);
        cache.forget_pod(pod_info("a", "1").uid());
        assert_eq!(requested(&cache), [("n1".into(), 1_000)], "a bound pod is not forgotten");
        cache.remove_pod(pod_info("a", "1").uid());
        assert_eq!(requested(&cache), [("n1".into(), 0)]);
    }

    #[test]
    fn pods_told_of_before_their_node_count_when_it_appears() {
        let mut cache = Cache::default();
        cache.set_pod(pod_info("a", "1"), "n2");
        cache.set_node(&node("n2").build());
        cache.set_node(&node("n1").build());
        assert_eq!(requested(&cache), [("n1".into(), 0), ("n2".into(), 1_000)]);
        cache.remove_node("n2");
        cache.set_node(&node("n2").build());
        assert_eq!(requested(&cache), [("n1".into(), 0), ("n2".into(), 1_000)]);
    }
}
