//! Most pods are like others: the replicas of one controller differ in nothing but their names. They are compared once, as they
//! are taken in, and whoever decides about them later need not look at what they ask for again.

use std::sync::Arc;

use super::shape::MOST;
use crate::api::k8s::{NodeAffinity, PodSpec};
use crate::scheduler::framework::PodInfo;

fn node_affinity(spec: &PodSpec) -> Option<&NodeAffinity> {
    spec.affinity.as_ref()?.node_affinity.as_ref()
}

fn images(spec: &PodSpec) -> impl Iterator<Item = Option<&str>> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.map(|container| container.image.as_deref())
}

/// Whether the plugins that look at nothing but pod and node cannot tell the two apart.
pub fn are_alike(a: &PodInfo, b: &PodInfo) -> bool {
    let (mine, other) = (&a.pod.spec, &b.pod.spec);
    (a.nonzero, a.scoring) == (b.nonzero, b.scoring)
        && a.requests == b.requests
        && a.ports == b.ports
        && (Arc::ptr_eq(mine, other)
            || mine.tolerations == other.tolerations
                && mine.node_selector == other.node_selector
                && mine.node_name == other.node_name
                && node_affinity(mine) == node_affinity(other)
                && mine.containers.len() == other.containers.len()
                && images(mine).eq(images(other)))
}

/// Gives pods that are alike one number, and one copy of what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Likenesses {
    /// One pod of each shape, the most recent last.
    shapes: Vec<Arc<PodInfo>>,
    /// One pod of each sort that rules about other pods can tell from the rest.
    sorts: Vec<Arc<PodInfo>>,
    made: u64,
}

impl Likenesses {
    /// Numbers a pod that is to be placed.
    pub fn mark(&mut self, mut pod: PodInfo) -> Arc<PodInfo> {
        self.sort(&mut pod);
        let known = self.shapes.iter().rev().find(|known| are_alike(known, &pod));
        pod.likeness = known.map_or(self.made + 1, |known| known.likeness);
        let is_known = known.is_some();
        let pod = Arc::new(pod);
        if !is_known {
            self.made += 1;
            keep(&mut self.shapes, &pod);
        }
        pod
    }

    /// Numbers a pod that has its place.
    pub fn mark_placed(&mut self, mut pod: PodInfo) -> Arc<PodInfo> {
        self.sort(&mut pod);
        Arc::new(pod)
    }

    fn sort(&mut self, pod: &mut PodInfo) {
        let Some(known) = self.sorts.iter().rev().find(|known| known.is_equal_to_rules(pod)) else {
            self.made += 1;
            pod.sort = self.made;
            keep(&mut self.sorts, &Arc::new(pod.clone()));
            return;
        };
        pod.sort = known.sort;
        if known.pod.spec == pod.pod.spec {
            pod.pod.spec = known.pod.spec.clone();
        }
        if known.parts == pod.parts {
            pod.parts = known.parts.clone();
        }
    }
}

fn keep(known: &mut Vec<Arc<PodInfo>>, pod: &Arc<PodInfo>) {
    if known.len() >= MOST {
        known.remove(0);
    }
    known.push(pod.clone());
}
