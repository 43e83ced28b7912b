//! The pods that have been promised room on a node: others are being removed to make it, and until that is done no less
//! important pod may take it.

use sorted::SortedMap;
use std::sync::Arc;

use crate::scheduler::framework::PodInfo;

/// The promises, by node (`backend/queue/nominator.go`).
#[derive(Clone, Debug, Default)]
pub struct Nominator {
    by_node: SortedMap<Arc<str>, Vec<Arc<PodInfo>>>,
    node_of: SortedMap<Arc<str>, Arc<str>>,
}

impl Nominator {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.node_of.is_empty()
    }

    /// The pods that have been promised room on a node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Arc<PodInfo>> {
        self.by_node.get(node).into_iter().flatten()
    }

    /// The nodes on which room has been promised, and to whom.
    pub fn nodes(&self) -> impl Iterator<Item = (&Arc<str>, &Vec<Arc<PodInfo>>)> {
        self.by_node.iter()
    }

    /// Whether a pod has been promised room somewhere.
    pub fn is_nominated(&self, uid: &str) -> bool {
        self.node_of.contains_key(uid)
    }

    /// Notes that a pod has been promised room on `node`, in place of an earlier promise.
    pub fn add(&mut self, pod: Arc<PodInfo>, node: &str) {
        self.remove(pod.uid());
        let node: Arc<str> = node.into();
        self.node_of.insert(pod.uid().into(), node.clone());
        self.by_node.entry(node).or_default().push(pod);
    }

    /// Takes a promise back, or notes that it has been kept.
    pub fn remove(&mut self, uid: &str) {
        let Some(node) = self.node_of.remove(uid) else { return };
        if let Some(pods) = self.by_node.get_mut(&node) {
            pods.retain(|pod| pod.uid() != uid);
            if pods.is_empty() {
                self.by_node.remove(&node);
            }
        }
    }
}
