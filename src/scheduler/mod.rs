//! The scheduler: takes one pending pod at a time from its queue, asks the plugins which nodes can run it and which
//! of those is best, and binds it.

pub mod cache;
pub mod framework;
pub mod plugins;
pub mod queue;
pub mod resource;

use std::sync::Arc;

use crate::api::explain::{Explain, PluginMessage, SchedulingDecision};
use crate::api::k8s::PodCondition;
use crate::api::{Key, Kind, MetaExt, Object, Pod, condition};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View};
use crate::clock::SimTime;
use crate::rng::Rng;

use cache::Cache;
use framework::Cycle;
use framework::diagnosis::fit_error;
use framework::runtime::{Enabled, Evaluation, Scoring, evaluate};
use queue::{QueuedPod, SchedulingQueue};

/// The longest event text.
const NOTE_MAX: usize = 1_024;

/// A scheduler and all it remembers between pods.
#[derive(Clone)]
pub struct Scheduler {
    name: &'static str,
    profile: &'static [Enabled],
    cache: Cache,
    queue: SchedulingQueue,
    rng: Rng,
}

impl Scheduler {
    /// The kinds whose changes the scheduler is told of.
    pub const WATCHES: &'static [Kind] = &[Kind::POD, Kind::NODE];

    /// The default scheduler with the default profile. `seed` feeds the draw among equally good nodes.
    pub fn new(seed: u64) -> Scheduler {
        Scheduler {
            name: "default-scheduler",
            profile: plugins::DEFAULT_PROFILE,
            cache: Cache::default(),
            queue: SchedulingQueue::default(),
            rng: Rng::new(seed, "scheduler"),
        }
    }

    /// Takes delivery of changes: updates the node cache and moves pods between the parts of the queue.
    pub fn observe(&mut self, changes: &[Arc<Change>], _view: &View, now: SimTime) {
        for change in changes.iter().filter(|change| Scheduler::WATCHES.contains(&change.key.kind)) {
            match (change.before.as_deref(), change.after.as_deref()) {
                (_, Some(Object::Node(node))) => self.cache.set_node(node),
                (Some(Object::Node(node)), None) => self.cache.remove_node(node.name()),
                (before, Some(Object::Pod(pod))) => self.pod_changed(before, pod, &change.key, now),
                (Some(Object::Pod(pod)), None) => {
                    self.cache.remove_pod(pod.uid());
                    self.queue.remove(&change.key);
                }
                _ => continue,
            }
            self.wake_helped(change, now);
        }
    }

    fn pod_changed(&mut self, before: Option<&Object>, pod: &Pod, key: &Key, now: SimTime) {
        let finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
        if finished {
            self.cache.remove_pod(pod.uid());
            self.queue.remove(key);
            return;
        }
        if let Some(node) = &pod.spec.node_name {
            self.queue.remove(key);
            self.cache.set_pod(pod, node);
            return;
        }
        if pod.is_deleting() || pod.spec.scheduler_name.as_deref() != Some(self.name) {
            self.queue.remove(key);
            return;
        }
        let gated = self.profile.iter().any(|enabled| enabled.plugin.pre_enqueue(pod).is_err());
        let released = self.queue.is_gated(key) && !gated;
        let known = self.queue.refresh(pod);
        if (before.is_none() && !known) || released {
            self.queue.add(pod.clone(), gated, now);
        }
    }

    /// Moves the pods that a change may help, by the hints of the plugins that refused them.
    fn wake_helped(&mut self, change: &Change, now: SimTime) {
        let same =
            |before: &Object, after: &Object| before.same_spec(after) && before.labels() == after.labels();
        let status_only =
            matches!((&change.before, &change.after), (Some(before), Some(after)) if same(before, after));
        let is_end = change.after.as_ref().is_none_or(|after| {
            after
                .as_kind::<Pod>()
                .is_some_and(|pod| matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")))
        });
        let allotment = match (change.before.as_deref(), change.after.as_deref()) {
            (Some(Object::Node(before)), Some(Object::Node(after))) => {
                before.status.allocatable != after.status.allocatable
            }
            _ => false,
        };
        if status_only && !is_end && !allotment {
            return;
        }
        let profile = self.profile;
        self.queue.move_if(now, |queued| {
            let refused = profile.iter().filter(|enabled| queued.refusing.contains(enabled.plugin.name()));
            refused.into_iter().any(|enabled| enabled.plugin.may_help(change, &queued.pod))
        });
    }

    /// Whether a pod is ready to be tried now.
    pub fn has_work(&self) -> bool {
        self.queue.has_active()
    }

    /// When a pod that is backing off (or has waited too long among the unschedulable) will be ready; `None` if none waits.
    pub fn next_wake(&self) -> Option<SimTime> {
        self.queue.next_flush()
    }

    /// Moves the pods whose wait is over to the active part of the queue.
    pub fn wake(&mut self, now: SimTime) {
        self.queue.flush(now);
    }

    /// How many pods wait in the active, back-off, unschedulable and gated parts of the queue.
    pub fn queue_lengths(&self) -> [usize; 4] {
        self.queue.lengths()
    }

    /// Takes the next pod through one whole cycle: queue, PreFilter … Score, Reserve, Bind, or PostFilter and back to the
    /// queue. Writes the binding, the `PodScheduled` condition and the event, and attaches the decision to the write.
    pub fn schedule_one(&mut self, client: &mut Client<'_>) {
        let Some(queued) = self.queue.pop() else { return };
        client.caused_by(Some(queued.pod.revision));
        let evaluation =
            evaluate(self.profile, &Cycle { pod: &queued.pod, cache: &self.cache }, Scoring::AsNeeded);
        let best = evaluation.best();
        let tied = best.len() as u32;
        match best.get(self.rng.below(tied) as usize).map(|verdict| verdict.node.clone()) {
            Some(node) => self.bind(queued, &node, tied, evaluation, client),
            None => self.fail(queued, evaluation, client),
        }
    }

    fn bind(
        &mut self,
        queued: QueuedPod,
        node: &Arc<str>,
        tied: u32,
        evaluation: Evaluation,
        client: &mut Client<'_>,
    ) {
        let pod = &queued.pod;
        let decision = SchedulingDecision {
            attempt: queued.attempts,
            selected: Some(node.clone()),
            nodes: evaluation.verdicts,
            tied,
            ..Default::default()
        };
        // Reserve: from here on the pod counts on the node, though the watch has not told so yet.
        let mut assumed = pod.clone();
        Arc::make_mut(&mut assumed.spec).node_name = Some(node.to_string());
        self.cache.set_pod(&assumed, node);
        let key = Key::new(Kind::POD, pod.namespace(), pod.name());
        match client.bind(&key, pod.uid(), node, Some(Explain::Scheduling(decision))) {
            Ok(_) => {
                let message = format!("Successfully assigned {}/{} to {node}", pod.namespace(), pod.name());
                client.event_with_action(reference(pod), EventType::Normal, "Scheduled", "Binding", message);
            }
            Err(refused) => {
                self.cache.remove_pod(pod.uid());
                if refused.code != 404 {
                    self.queue.retry(queued, client.now());
                }
            }
        }
    }

    fn fail(&mut self, queued: QueuedPod, evaluation: Evaluation, client: &mut Client<'_>) {
        let message = fit_error(&evaluation);
        let pre_filter = evaluation.rejected.as_ref().map(|(plugin, refusal)| PluginMessage {
            plugin: (*plugin).into(),
            message: refusal.reasons.join(", "),
        });
        let decision = SchedulingDecision {
            attempt: queued.attempts,
            pre_filter,
            nodes: evaluation.verdicts,
            message: message.clone(),
            ..Default::default()
        };
        let note: String = message.chars().take(NOTE_MAX).collect();
        client.event_with_action(
            reference(&queued.pod),
            EventType::Warning,
            "FailedScheduling",
            "Scheduling",
            note,
        );
        self.say_unschedulable(&queued.pod, message, decision, client);
        self.queue.park(queued, evaluation.refusing, client.now());
    }

    fn say_unschedulable(
        &self,
        pod: &Pod,
        message: String,
        decision: SchedulingDecision,
        client: &mut Client<'_>,
    ) {
        let key = Key::new(Kind::POD, pod.namespace(), pod.name());
        let Some(mut pod) = client.get(&key).ok().and_then(|object| object.as_kind::<Pod>().cloned()) else {
            return;
        };
        let unscheduled = PodCondition {
            type_: "PodScheduled".into(),
            status: "False".into(),
            reason: Some("Unschedulable".into()),
            message: Some(message),
            last_transition_time: Some(client.now().to_time()),
            observed_generation: pod.meta.generation,
            ..Default::default()
        };
        condition::set(&mut Arc::make_mut(&mut pod.status).conditions, unscheduled);
        // The pod was read at this very moment, so nothing can have come between.
        let _ = client.update_status(pod, Some(Explain::Scheduling(decision)));
    }
}
