//! The stage at one revision, kept up to date: only the cards whose objects have changed are made anew.

use sorted::SortedMap;
use std::sync::Arc;

use super::cards::{node_card, pod_card};
use super::workloads::{KINDS, workload_card};
use super::{ClusterView, PodCard, PodClass, Totals, WorkloadCard};
use crate::api::sorting;
use crate::api::{Key, Kind, MetaExt, Node, Object};
use crate::apiserver::View;

/// An object as last drawn, with what was drawn of it.
#[derive(Clone, Debug)]
struct Drawn<C> {
    object: Arc<Object>,
    card: Arc<C>,
}

/// Builds [`ClusterView`]s one after another, reusing what has not changed.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    pods: SortedMap<Key, Drawn<PodCard>>,
    workloads: SortedMap<Key, Drawn<WorkloadCard>>,
    last: ClusterView,
}

impl Stage {
    /// The cluster of `view`. Cards of unchanged objects are the same `Arc`s as the last time.
    pub fn draw(&mut self, view: &View) -> ClusterView {
        self.draw_pods(view);
        self.draw_workloads(view);
        let nodes = self.draw_nodes(view);
        let mut pending: Vec<Arc<PodCard>> = self
            .pods
            .values()
            .filter(|drawn| drawn.card.node.is_none())
            .map(|drawn| drawn.card.clone())
            .collect();
        sorting::sort_by(&mut pending, |a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        let workloads = self.workloads.values().map(|drawn| drawn.card.clone()).collect();
        let totals = self.totals(&nodes);
        self.last = ClusterView { revision: view.revision(), nodes, pending, workloads, totals };
        self.last.clone()
    }

    fn draw_pods(&mut self, view: &View) {
        let old = std::mem::take(&mut self.pods);
        for object in view.objects(Kind::POD, None) {
            let Object::Pod(pod) = &**object else { continue };
            let key = object.key();
            let unchanged = old.get(&key).filter(|drawn| Arc::ptr_eq(&drawn.object, object));
            let card = match unchanged {
                Some(drawn) => drawn.card.clone(),
                None => reuse(old.get(&key).map(|drawn| &drawn.card), pod_card(pod, view)),
            };
            self.pods.insert(key, Drawn { object: object.clone(), card });
        }
    }

    fn draw_workloads(&mut self, view: &View) {
        let old = std::mem::take(&mut self.workloads);
        for object in KINDS.into_iter().flat_map(|kind| view.objects(kind, None)) {
            let key = object.key();
            let Some(card) = workload_card(object) else { continue };
            let card = reuse(old.get(&key).map(|drawn| &drawn.card), card);
            self.workloads.insert(key, Drawn { object: object.clone(), card });
        }
    }

    fn draw_nodes(&self, view: &View) -> Vec<Arc<super::NodeCard>> {
        let mut on_node: SortedMap<&str, Vec<Arc<PodCard>>> = SortedMap::new();
        for drawn in self.pods.values() {
            if let Some(node) = &drawn.card.node {
                on_node.entry(node).or_default().push(drawn.card.clone());
            }
        }
        let mut nodes: Vec<&Node> = view.list::<Node>(None).collect();
        sorting::sort_by(&mut nodes, |a, b| (a.created(), a.name()).cmp(&(b.created(), b.name())));
        let old: SortedMap<&str, &Arc<super::NodeCard>> =
            self.last.nodes.iter().map(|card| (card.uid.as_str(), card)).collect();
        let card = |node: &Node| {
            let mut pods = on_node.get(node.name()).cloned().unwrap_or_default();
            let before = old.get(node.uid()).copied();
            keep_slots(&mut pods, before.map(|card| card.pods.as_slice()).unwrap_or_default());
            reuse(before, node_card(node, pods))
        };
        nodes.into_iter().map(card).collect()
    }

    fn totals(&self, nodes: &[Arc<super::NodeCard>]) -> Totals {
        let count = |wanted: &dyn Fn(&PodCard) -> bool| {
            self.pods.values().filter(|drawn| wanted(&drawn.card)).count() as u32
        };
        Totals {
            nodes: nodes.len() as u32,
            nodes_ready: nodes.iter().filter(|node| node.ready).count() as u32,
            pods: count(&|pod| pod.class != PodClass::Done),
            pods_ready: count(&|pod| pod.class == PodClass::Ready),
            pods_pending: count(&|pod| pod.node.is_none()),
            pods_failed: count(&|pod| pod.class == PodClass::Fail),
        }
    }
}

/// The old card if the new one says the same.
fn reuse<C: PartialEq>(old: Option<&Arc<C>>, new: C) -> Arc<C> {
    match old {
        Some(old) if **old == new => old.clone(),
        _ => Arc::new(new),
    }
}

/// Orders a node's pods so that those which were there keep their order and new ones come last: nothing jumps because
/// of what happens to another pod.
fn keep_slots(pods: &mut [Arc<PodCard>], before: &[Arc<PodCard>]) {
    let place: SortedMap<&str, usize> =
        before.iter().enumerate().map(|(at, card)| (card.uid.as_str(), at)).collect();
    let rank = |card: &PodCard| place.get(card.uid.as_str()).copied().unwrap_or(usize::MAX);
    sorting::sort_by(pods, |a, b| (rank(a), a.created, &a.name).cmp(&(rank(b), b.created, &b.name)));
}
