//! The stage at one revision, kept up to date: only the cards whose objects have changed are made anew.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::cards::{node_card, pod_card};
use super::workloads::{KINDS, workload_card};
use super::{ClusterView, NodeCard, PodCard, PodClass, Totals, WorkloadCard};
use crate::api::meta::Revision;
use crate::api::sorting;
use crate::api::{Key, Kind, MetaExt, Node, Pod};
use crate::apiserver::metrics::{Metrics, Use};
use crate::apiserver::{Store, View};
use crate::clock::SimTime;

/// More waiting pods than this are counted, not drawn: the lane is for looking at, and the rest look alike.
pub const WAITING: usize = 400;

/// The cards of the pods of one node, in slots that do not move: a pod that is written keeps its own, those behind one that is
/// gone move up, and nothing jumps because of what happens to another pod.
#[derive(Clone, Debug, Default)]
struct Slots {
    pods: Vec<Arc<PodCard>>,
    /// How many were there at the last drawing; those behind them have come since, in any order.
    old: usize,
}

impl Slots {
    fn put(&mut self, card: Arc<PodCard>) {
        match self.pods.iter_mut().find(|pod| pod.uid == card.uid) {
            Some(slot) => *slot = card,
            None => self.pods.push(card),
        }
    }

    fn take_out(&mut self, uid: &str) {
        if let Some(at) = self.pods.iter().position(|pod| pod.uid == uid) {
            self.pods.remove(at);
            self.old -= usize::from(at < self.old);
        }
    }

    /// The cards, with those that are new since the last time by age.
    fn settle(&mut self) -> Vec<Arc<PodCard>> {
        sorting::sort_by(&mut self.pods[self.old..], |a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        self.old = self.pods.len();
        self.pods.clone()
    }
}

/// Builds [`ClusterView`]s one after another. What a view costs grows with what has been written since the last one, not with
/// the cluster.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    revision: Revision,
    pods: SortedMap<Key, Arc<PodCard>>,
    pending: SortedMap<(SimTime, Key), Arc<PodCard>>,
    on_node: SortedMap<String, Slots>,
    nodes: SortedMap<String, (SimTime, Arc<NodeCard>)>,
    workloads: SortedMap<Key, Arc<WorkloadCard>>,
    /// How many pods are of each class.
    classes: [u32; PodClass::COUNT],
    /// What is measured, and what pods count down to, both as of the end of the run.
    metrics: Option<Metrics>,
    waits: SortedMap<Key, SimTime>,
    /// The pods of which these say something else than when they were drawn.
    outdated: SortedSet<Key>,
}

impl Stage {
    /// Takes note of what pods use and wait for. Without a metrics API, or in the past, nothing is known of one or the other.
    pub fn measure(&mut self, metrics: Option<&Metrics>, waits: SortedMap<Key, SimTime>) {
        let measured = |metrics: &Option<Metrics>| metrics.as_ref().map(|known| known.measured.clone());
        let (before, now) = (measured(&self.metrics), metrics.map(|known| known.measured.clone()));
        let same = match (&before, &now) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if !same {
            self.metrics = metrics.cloned();
            self.outdated.extend(self.pods.keys().cloned());
        }
        for (key, until) in self.waits.iter().chain(&waits) {
            if self.waits.get(key) != waits.get(key) && *until > SimTime::ZERO {
                self.outdated.insert(key.clone());
            }
        }
        self.waits = waits;
    }

    /// The cluster of `view`, which may lie before or after the last one, on the same log. Cards of unchanged objects are the
    /// same `Arc`s as the last time.
    pub fn draw(&mut self, view: &View, log: &Store) -> ClusterView {
        let mut stale = SortedSet::new();
        let mut touched = self.touched(view, log);
        touched.extend(std::mem::take(&mut self.outdated));
        for key in touched {
            match key.kind {
                Kind::POD => self.draw_pod(view, &key, &mut stale),
                Kind::NODE => _ = stale.insert(key.name.to_string()),
                kind if KINDS.contains(&kind) => self.draw_workload(view, key),
                _ => {}
            }
        }
        for name in stale.iter() {
            self.draw_node(view, name);
        }
        self.revision = view.revision();
        let mut nodes: Vec<&(SimTime, Arc<NodeCard>)> = self.nodes.values().collect();
        sorting::sort_by(&mut nodes, |a, b| a.0.cmp(&b.0));
        ClusterView {
            revision: self.revision,
            nodes: nodes.into_iter().map(|(_, card)| card.clone()).collect(),
            pending: self.pending.values().take(WAITING).cloned().collect(),
            workloads: self.workloads.values().cloned().collect(),
            totals: self.totals(),
        }
    }

    /// The objects written between the last view and this one. All of both, where that is fewer: the first time, and after
    /// a leap over much of a long run.
    fn touched(&self, view: &View, log: &Store) -> SortedSet<Key> {
        let (from, to) = (self.revision.min(view.revision()), self.revision.max(view.revision()));
        if self.revision == 0 || to - from > (view.len() + self.pods.len()) as u64 {
            let nodes = self.nodes.keys().map(|name| Key::new(Kind::NODE, "", name));
            let drawn = self.pods.keys().chain(self.workloads.keys()).cloned().chain(nodes);
            return view.all().map(|(key, _)| key.clone()).chain(drawn).collect();
        }
        log.since(from).take_while(|change| change.revision <= to).map(|change| change.key.clone()).collect()
    }

    /// Whether a pod waits for a node, at the revision drawn last.
    pub fn is_waiting(&self, pod: &Key) -> bool {
        self.pods.get(pod).is_some_and(|card| card.node.is_none())
    }

    /// The pods at the revision drawn last.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<PodCard>> {
        self.pods.values()
    }

    fn draw_pod(&mut self, view: &View, key: &Key, stale: &mut SortedSet<String>) {
        let old = self.pods.remove(key);
        if let Some(old) = &old {
            self.classes[old.class as usize] -= 1;
            self.pending.remove(&(old.created, key.clone()));
            stale.extend(old.node.clone());
        }
        let card =
            view.get::<Pod>(&key.namespace, &key.name).map(|pod| self.card(view, key, pod, old.as_ref()));
        let stays = |old: &PodCard| {
            card.as_ref().is_some_and(|card| (&card.uid, &card.node) == (&old.uid, &old.node))
        };
        if let Some(old) = old.filter(|old| !stays(old))
            && let Some(slots) = old.node.as_ref().and_then(|node| self.on_node.get_mut(node))
        {
            slots.take_out(&old.uid);
        }
        let Some(card) = card else { return };
        match &card.node {
            Some(node) => {
                self.on_node.entry(node.clone()).or_default().put(card.clone());
                stale.insert(node.clone());
            }
            None => _ = self.pending.insert((card.created, key.clone()), card.clone()),
        }
        self.classes[card.class as usize] += 1;
        self.pods.insert(key.clone(), card);
    }

    /// A pod's card: the old one if it says the same.
    fn card(&self, view: &View, key: &Key, pod: &Pod, old: Option<&Arc<PodCard>>) -> Arc<PodCard> {
        let mut card = pod_card(pod, view);
        let used = self.metrics.as_ref().and_then(|metrics| metrics.of_pod(pod, view)).unwrap_or_default();
        let used = used.iter().fold(Use::default(), |sum, (_, used)| sum.plus(*used));
        (card.cpu_used, card.memory_used) = (used.cpu, used.memory);
        card.deadline = card.deadline.or_else(|| self.waits.get(key).copied());
        reuse(old, card)
    }

    fn draw_workload(&mut self, view: &View, key: Key) {
        let old = self.workloads.remove(&key);
        if let Some(card) = view.object(&key).and_then(|object| workload_card(object)) {
            self.workloads.insert(key, reuse(old.as_ref(), card));
        }
    }

    fn draw_node(&mut self, view: &View, name: &str) {
        let old = self.nodes.remove(name).map(|(_, card)| card);
        let Some(node) = view.get::<Node>("", name) else { return };
        let pods = self.on_node.get_mut(name).map(Slots::settle).unwrap_or_default();
        let card = reuse(old.as_ref(), node_card(node, pods, self.metrics.as_ref()));
        self.nodes.insert(name.into(), (node.created(), card));
    }

    fn totals(&self) -> Totals {
        let of = |class: PodClass| self.classes[class as usize];
        Totals {
            nodes: self.nodes.len() as u32,
            nodes_ready: self.nodes.values().filter(|(_, node)| node.ready).count() as u32,
            pods: self.pods.len() as u32 - of(PodClass::Done),
            pods_ready: of(PodClass::Ready),
            pods_pending: self.pending.len() as u32,
            pods_failed: of(PodClass::Fail),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Recording};

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 5\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'web:1'}]}\n";

    /// Whether both show the same, wherever pods stand on their nodes: a stage keeps their places.
    fn same(a: &ClusterView, b: &ClusterView) -> bool {
        let pods = |view: &ClusterView| -> Vec<SortedMap<String, PodCard>> {
            let by_name =
                |pods: &[Arc<PodCard>]| pods.iter().map(|pod| (pod.name.clone(), (**pod).clone())).collect();
            view.nodes.iter().map(|node| by_name(&node.pods)).chain([by_name(&view.pending)]).collect()
        };
        let heads = |view: &ClusterView| -> Vec<NodeCard> {
            view.nodes.iter().map(|node| NodeCard { pods: Vec::new(), ..(**node).clone() }).collect()
        };
        pods(a) == pods(b) && heads(a) == heads(b) && a.workloads == b.workloads && a.totals == b.totals
    }

    #[test]
    fn a_stage_that_goes_along_shows_what_a_new_one_shows() {
        let mut run = Recording::new(Config::small(7));
        let mut along = Stage::default();
        let mut look = |run: &Recording| {
            let (view, log) = (run.view(), run.live().api().store());
            let drawn = along.draw(view, log);
            assert!(same(&drawn, &Stage::default().draw(view, log)), "at {:?}", run.position());
            drawn
        };
        let command = |line: &str, stdin: Option<&str>| Input::Kubectl {
            line: line.into(),
            stdin: stdin.map(Into::into),
            files: Default::default(),
        };
        run.advance(SimTime::from_secs(1), u64::MAX);
        look(&run);
        run.submit(command("apply -f -", Some(WEB)));
        for step in 1..400 {
            run.advance(SimTime(1_000_000 + step * 25_000), u64::MAX);
            look(&run);
        }
        assert_eq!(look(&run).totals.pods_ready, 5);
        run.submit(command("delete pod -l app=web --wait=false", None));
        run.submit(command("delete node node-2", None));
        run.submit(command("scale deploy web --replicas=2", None));
        run.advance(SimTime::from_secs(90), u64::MAX);
        assert_eq!(look(&run).totals.nodes, 2);
        // Back, on, and into another future.
        for seconds in [40, 2, 70, 5] {
            run.seek(SimTime::from_secs(seconds));
            look(&run);
        }
        run.submit(command("scale deploy web --replicas=1", None));
        run.advance(SimTime::from_secs(100), u64::MAX);
        assert_eq!(look(&run).totals.pods, 1);
    }
    #[test]
    fn nodes_use_what_kubectl_top_says_and_pods_count_down_to_the_end_of_their_back_off() {
        let mut run = Recording::new(Config::small(7));
        let crash = WEB.replace("image: 'web:1'", "image: busybox, command: [sh, -c, 'exit 1']");
        for manifest in [WEB.replace("name: web", "name: well"), crash.replace("app: web", "app: crash")] {
            run.submit(Input::Kubectl {
                line: "apply -f -".into(),
                stdin: Some(manifest),
                files: Default::default(),
            });
        }
        run.advance(SimTime::from_secs(30), u64::MAX);
        let mut stage = Stage::default();
        let live = run.live();
        stage.measure(live.api().metrics(), live.waits());
        let drawn = stage.draw(run.view(), live.api().store());
        for card in &drawn.nodes {
            let node = run.view().get::<Node>("", &card.name).expect("the node");
            let top = live.api().metrics().and_then(|metrics| metrics.of_node(node, run.view()));
            let top = top.expect("a metrics API");
            assert_eq!((card.cpu.used, card.memory.used), (top.cpu, top.memory / 1_000));
            assert!(card.cpu.used > 0 && card.cpu.used <= card.cpu.allocatable);
        }
        let crashing: Vec<&Arc<PodCard>> =
            stage.pods().filter(|pod| pod.status == "CrashLoopBackOff").collect();
        assert!(!crashing.is_empty());
        for pod in crashing {
            assert!(pod.deadline.is_some_and(|until| until > run.position()), "{pod:?}");
        }
        // Nothing is written, and what is waited for passes.
        let until = stage.waits.values().copied().max().expect("a back-off");
        stage.measure(live.api().metrics(), SortedMap::new());
        stage.draw(run.view(), live.api().store());
        assert!(stage.pods().all(|pod| pod.deadline.is_none()), "{until:?}");
    }
}
