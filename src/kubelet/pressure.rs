//! What a kubelet does about what its pods use: it keeps count, says when something is short, frees what it can, and evicts.
//! Models the eviction manager's `synchronize`, and what the kernel does when memory is used up.
//!
//! Use changes only when something happens to a pod or its node, so nobody looks at a node that is well: the manager's
//! round every ten seconds is planned when there is something for it to do.

use std::sync::Arc;

use super::agent::{Agent, Shared};
use super::eviction::{self, Met, Name, Shortage, Thresholds};
use super::pod_worker::PodWorker;
use super::usage::{self, Amounts};
use super::workload::EXIT_SIGKILL;
use super::{Timer, TimerKind, node_status};
use crate::api::k8s::ObjectReference;
use crate::api::{Node, Pod};
use crate::client::metrics::Metrics;
use crate::client::recorder::{EventType, reference};
use crate::clock::{SimDuration, SimTime};

/// Between two rounds (`evictionMonitoringPeriod`).
const PERIOD: SimDuration = SimDuration::from_secs(10);
/// A condition holds for so long after its threshold was last seen passed (`--eviction-pressure-transition-period`).
const TRANSITION: SimDuration = SimDuration::from_secs(300);
/// An evicted pod gets no more time than this (`immediateEvictionGracePeriodSeconds`).
const GRACE: SimDuration = SimDuration::from_secs(1);

/// What a kubelet keeps of what its node is short of.
#[derive(Clone, Debug, Default)]
pub struct Pressure {
    /// What the pods use.
    used: Amounts,
    /// What was short, and when that was last seen.
    seen: Vec<(Shortage, SimTime)>,
    /// The thresholds that were passed at the last round, and since when.
    since: Vec<(Name, SimTime)>,
    /// Those of them that have been passed for too long: what is taken back is taken back for them.
    acted_on: Vec<Name>,
    /// When the next round is.
    planned: Option<SimTime>,
}

impl Pressure {
    /// The conditions that the node reports.
    pub fn conditions(&self) -> Vec<&'static str> {
        let all = Shortage::ALL.into_iter().filter(|what| self.seen.iter().any(|(seen, _)| seen == what));
        all.map(Shortage::condition).collect()
    }
}

impl Agent {
    /// Something has happened to a pod: counts anew what it uses, and plans a round where that calls for one.
    pub(super) fn count(&mut self, uid: &str, shared: &mut Shared<'_>) {
        if !shared.config.judges {
            return;
        }
        let before = self.workers.get(uid).map(|worker| worker.used).unwrap_or_default();
        let metrics = shared.api.metrics().cloned().unwrap_or_default();
        let mut after = Amounts::default();
        let mut over = false;
        if let Some(worker) = self.workers.get_mut(uid) {
            after = worker.measure(&metrics);
            if after != before {
                Arc::make_mut(worker).used = after;
            }
            over = (after.disk > 0 || worker.pod.spec.volumes.is_some())
                && eviction::is_candidate(worker)
                && usage::passed_limit(worker).is_some();
        }
        if over || after != before {
            self.pressure.used.change(before, after);
            self.plan_round(over, shared);
        }
    }

    /// A pod is gone.
    pub(super) fn discount(&mut self, used: Amounts) {
        self.pressure.used.change(used, Amounts::default());
    }

    /// The node's annotations or what it has have changed, or what all containers use.
    pub fn usage_changed(&mut self, shared: &mut Shared<'_>) {
        let uids: Vec<Arc<str>> = self.workers.keys().cloned().collect();
        for uid in uids {
            self.with_worker(&uid, shared, |worker, turn| worker.check_memory(turn));
        }
        self.plan_round(false, shared);
    }

    /// The machine has been off: its kubelet knows of no shortage.
    pub(super) fn forget_shortages(&mut self, shared: &mut Shared<'_>) {
        self.pressure = Pressure { used: self.pressure.used, ..Pressure::default() };
        self.plan_round(false, shared);
    }

    /// Plans the next round, if there is anything to do in it.
    fn plan_round(&mut self, certain: bool, shared: &mut Shared<'_>) {
        if !shared.config.judges {
            return;
        }
        let Some((met, exhausted)) = self.shortages(shared) else { return };
        let news = met.iter().any(|met| self.pressure.since.iter().all(|(name, _)| *name != met.name));
        let wait = match () {
            () if exhausted => SimDuration::from_millis(500),
            () if certain || news => SimDuration(PERIOD.0 - shared.api.now().0 % PERIOD.0),
            () => return,
        };
        let at = shared.api.now() + wait;
        if self.pressure.planned.is_some_and(|planned| planned <= at) {
            return;
        }
        self.round_in(wait, false, shared);
    }

    fn round_in(&mut self, wait: SimDuration, background: bool, shared: &mut Shared<'_>) {
        self.pressure.planned = Some(shared.api.now() + wait);
        let what = TimerKind::Evict { background };
        shared.timers.push((wait, Timer { node: self.name().clone(), what }));
    }

    /// The thresholds that are passed, and whether there is no memory left at all. `None` for a node without object.
    fn shortages(&self, shared: &Shared<'_>) -> Option<(Vec<Met>, bool)> {
        let node = shared.api.view().get::<Node>("", self.name())?;
        let (capacity, used) = self.balance(node, shared.api.now());
        let met = Thresholds::of(node).met(capacity, used, &self.pressure.acted_on);
        Some((met, used.memory > capacity.memory))
    }

    /// What the node has, and what is used of it.
    fn balance(&self, node: &Node, now: SimTime) -> (Amounts, Amounts) {
        let mut used = Amounts::system(node);
        used.disk += self.image_bytes(now);
        used.change(Amounts::default(), self.pressure.used);
        (Amounts::capacity(node), used)
    }

    /// A round of the eviction manager.
    pub fn evict(&mut self, shared: &mut Shared<'_>) {
        let now = shared.api.now();
        // A round that was planned before the node was off does not come.
        if self.pressure.planned != Some(now) || !self.is_on() {
            return;
        }
        self.pressure.planned = None;
        let exhausted = self.shortages(shared).is_some_and(|(_, exhausted)| exhausted);
        if exhausted {
            self.out_of_memory(shared);
        }
        let Some((met, _)) = self.shortages(shared) else { return };
        self.note_shortages(&met, shared);
        let (ripe, unripe) = self.judge(met, now);
        let acted = self.evict_for_limits(shared) || self.evict_one(&ripe, shared);
        let still = self.shortages(shared).is_some_and(|(met, _)| !met.is_empty());
        let last = self.pressure.seen.iter().map(|(_, at)| *at + TRANSITION).min();
        match last {
            _ if acted || exhausted => self.round_in(PERIOD, false, shared),
            // The next threshold that is passed for too long.
            _ if ripe.is_empty() && unripe.is_some() => {
                let wait = unripe.unwrap_or(PERIOD).0.div_ceil(PERIOD.0).max(1) * PERIOD.0;
                self.round_in(SimDuration(wait), false, shared);
            }
            // Nobody is left who could be evicted.
            _ if still => self.round_in(PERIOD, true, shared),
            Some(end) => self.round_in(end.since(now).max(PERIOD), false, shared),
            None => {}
        }
    }

    /// The thresholds that have been passed for as long as they may be, and how long it is until the next is.
    fn judge(&mut self, met: Vec<Met>, now: SimTime) -> (Vec<Met>, Option<SimDuration>) {
        let before = std::mem::take(&mut self.pressure.since);
        let since = |met: &Met| before.iter().find(|(name, _)| *name == met.name).map_or(now, |(_, at)| *at);
        self.pressure.since = met.iter().map(|met| (met.name, since(met))).collect();
        let left = |met: &Met| (since(met) + met.grace).since(now);
        let (ripe, unripe): (Vec<Met>, Vec<Met>) =
            met.into_iter().partition(|met| left(met) == SimDuration::ZERO);
        self.pressure.acted_on = ripe.iter().map(|met| met.name).collect();
        (ripe, unripe.iter().map(left).min())
    }

    /// Takes note of what is short, and reports conditions that have come or gone.
    fn note_shortages(&mut self, met: &[Met], shared: &mut Shared<'_>) {
        let now = shared.api.now();
        let before = self.pressure.conditions();
        let seen = std::mem::take(&mut self.pressure.seen);
        for what in Shortage::ALL {
            let earlier =
                seen.iter().find(|(seen, at)| *seen == what && now.since(*at) < TRANSITION).copied();
            let here = met.iter().any(|met| met.what == what).then_some((what, now));
            self.pressure.seen.extend(here.or(earlier));
        }
        let after = self.pressure.conditions();
        // A node that is cut off says so when it is back.
        if before == after || !self.is_reached() {
            return;
        }
        self.report_node(None, shared);
        for what in Shortage::ALL {
            let condition = what.condition();
            let holds = after.contains(&condition);
            if holds != before.contains(&condition) {
                let word = node_status::event_of(condition, holds);
                let message = format!("Node {} status is now: {word}", self.name());
                self.say(EventType::Normal, word, message, shared);
            }
        }
    }

    /// Records an event about the node.
    fn say(&self, type_: EventType, reason: &str, message: String, shared: &mut Shared<'_>) {
        let Some(node) = shared.api.view().get::<Node>("", self.name()) else { return };
        if self.is_reached() && shared.config.reporting.events {
            let about = ObjectReference { api_version: None, ..reference(node) };
            self.client(shared).event(about, type_, reason, message);
        }
    }

    /// Evicts the pods that use more of the disk than they may. Says whether there were any.
    fn evict_for_limits(&mut self, shared: &mut Shared<'_>) -> bool {
        let candidates = self.workers.iter().filter(|(_, worker)| eviction::is_candidate(worker));
        let passed = candidates.filter_map(|(uid, worker)| Some((uid.clone(), usage::passed_limit(worker)?)));
        let passed: Vec<(Arc<str>, String)> = passed.collect();
        for (uid, message) in &passed {
            self.evict_pod(uid, message, (None, GRACE), shared);
        }
        !passed.is_empty()
    }

    /// Frees what can be freed of what is short, else evicts one pod. Says whether it has.
    fn evict_one(&mut self, met: &[Met], shared: &mut Shared<'_>) -> bool {
        let Some(first) = met.first() else { return false };
        let attempt = format!("Attempting to reclaim {}", first.what.resource());
        self.say(EventType::Warning, "EvictionThresholdMet", attempt, shared);
        if first.what == Shortage::Disk && self.free_images(shared) {
            let enough = |(met, _): (Vec<Met>, bool)| met.iter().all(|met| met.what != Shortage::Disk);
            if self.shortages(shared).is_some_and(enough) {
                return true;
            }
        }
        let metrics = shared.api.metrics().cloned().unwrap_or_default();
        let all = self.workers.values().map(|worker| &**worker);
        let mut pods: Vec<&PodWorker> = all.filter(|worker| eviction::is_candidate(worker)).collect();
        eviction::rank(&mut pods, first.what);
        let Some(victim) = pods.first() else { return false };
        let (uid, message) = (victim.uid.clone(), eviction::message(*first, victim, &metrics));
        let victim_period = victim.pod.spec.termination_grace_period_seconds;
        let reckoning = eviction::reckoning(*first, self.name(), &pods);
        if let Some(worker) = self.workers.get_mut(&uid) {
            Arc::make_mut(worker).reckoning = Some(Box::new(reckoning));
        }
        let grace = self.grace(*first, victim_period, shared);
        self.evict_pod(&uid, &message, (Some(message.clone()), grace), shared);
        true
    }

    fn evict_pod(
        &mut self,
        uid: &Arc<str>,
        message: &str,
        (disrupted, grace): (Option<String>, SimDuration),
        shared: &mut Shared<'_>,
    ) {
        self.with_worker(uid, shared, |worker, turn| {
            turn.event(reference(&worker.pod), EventType::Warning, "Evicted", message.into(), None);
            worker.disruption = disrupted;
            worker.fail("Evicted".into(), message.into(), Some(grace), turn);
        });
    }

    /// How much time a pod gets to end, which would take `period` seconds of itself.
    fn grace(&self, met: Met, period: Option<i64>, shared: &Shared<'_>) -> SimDuration {
        let (_, soft) = met.name;
        let node = shared.api.view().get::<Node>("", self.name()).filter(|_| soft);
        let Some(node) = node else { return GRACE };
        let period = period.and_then(|period| u64::try_from(period).ok()).unwrap_or(30);
        SimDuration::from_secs(Thresholds::of(node).max_pod_grace.min(period))
    }

    /// Removes the images that no pod uses. Says whether there were any.
    fn free_images(&mut self, shared: &mut Shared<'_>) -> bool {
        let mut used: Vec<String> = Vec::new();
        for worker in self.workers.values() {
            let init = worker.pod.spec.init_containers.iter().flatten();
            used.extend(worker.pod.spec.containers.iter().chain(init).filter_map(|one| one.image.clone()));
        }
        self.remove_images_except(&used, shared.api.now())
    }

    /// The kernel kills processes until the memory is enough.
    fn out_of_memory(&mut self, shared: &mut Shared<'_>) {
        let metrics = shared.api.metrics().cloned().unwrap_or_default();
        for _ in 0..self.workers.len() {
            let Some(node) = shared.api.view().get::<Node>("", self.name()) else { return };
            let (capacity, used) = self.balance(node, shared.api.now());
            if used.memory <= capacity.memory {
                return;
            }
            let Some((uid, container)) = self.worst(capacity.memory, &metrics) else { return };
            let message = format!("System OOM encountered, victim process: {container}, pid: {}", pid(&uid));
            self.say(EventType::Warning, "SystemOOM", message, shared);
            self.kill_container(&uid, &container, EXIT_SIGKILL, Some("OOMKilled"), shared);
        }
    }

    /// The container that the kernel would kill first.
    fn worst(&self, capacity: i64, metrics: &Metrics) -> Option<(Arc<str>, String)> {
        let mut worst: Option<(i64, Arc<str>, String)> = None;
        for worker in self.workers.values() {
            for (container, _) in worker.running() {
                let used = worker.container_memory(container, metrics);
                let score = usage::oom_score(&worker.pod, container, used, capacity);
                if worst.as_ref().is_none_or(|(before, ..)| score > *before) {
                    worst = Some((score, worker.uid.clone(), container.name.clone()));
                }
            }
        }
        worst.map(|(_, uid, container)| (uid, container))
    }
}

/// A process number that stands for the container's.
fn pid(uid: &str) -> u64 {
    1_000 + crate::api::hash::fnv1a_64(uid.as_bytes()) % 30_000
}

/// Whether a pod has changed in a way that what it uses may hang on.
pub fn concerns_usage(before: &Pod, after: &Pod) -> bool {
    before.meta.annotations != after.meta.annotations || before.meta.generation != after.meta.generation
}

/// The same for a node.
pub fn concerns_capacity(before: &Node, after: &Node) -> bool {
    before.meta.annotations != after.meta.annotations || before.status.capacity != after.status.capacity
}
