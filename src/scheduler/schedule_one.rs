//! One pod's way: out of the queue, through the scheduling cycle (which node?) and the binding cycle (make it so), or back into
//! the queue.

use std::sync::Arc;

use super::Scheduler;
use super::binding::Binding;
use super::cache::NodeIndex;
use super::decision::{Outcome, record};
use super::framework::claims::Granted;
use super::framework::runtime::{Feasibility, PluginSet};
use super::framework::{Code, Framework, PodInfo, PostFilterResult};
use super::plugins::volume_binding::Decision;
use super::queue::{Nominator, QueuedPod};
use crate::api::explain::{Explain, SchedulingDecision};
use crate::api::k8s::PodCondition;
use crate::api::{Key, Kind, MetaExt, Pod, condition};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, DeleteOptions};

/// The longest text of an event, in characters.
const NOTE_MAX: usize = 1_024;

impl Scheduler {
    /// Takes the next pod through one whole cycle: queue, PreFilter … Score, Reserve, Bind, or PostFilter and back to the
    /// queue. Writes the binding, the `PodScheduled` condition and the event, and attaches the decision to the write.
    pub fn schedule_one(&mut self, client: &mut Client<'_>) {
        if self.waiting.is_due() {
            return self.resume_bindings(client);
        }
        let Some(queued) = self.queue.pop() else { return };
        client.caused_by(Some(queued.info.pod.revision));
        let framework = self.frameworks[queued.profile as usize].clone();
        let mut memory = std::mem::take(&mut self.memory);
        let mut rng = self.rng.clone();
        let (mut found, choice) =
            framework.choose(&self.context(), &mut memory, &queued.info, &mut |tied| rng.below(tied));
        self.memory = memory;
        self.rng = rng;
        if let Some(message) = found.error.take() {
            let failure = Failing { reason: "SchedulerError", message, ..Default::default() };
            return self.fail(queued, PluginSet::default(), failure, client);
        }
        let Some(choice) = choice else { return self.post_filter(queued, &framework, found, client) };
        let explain = self.options.explain.then(|| {
            let node = &self.cache.node(choice.node).name;
            let outcome = Outcome { selected: Some(node), tied: choice.tied, ..Default::default() };
            Explain::Scheduling(self.record(&framework, &queued, &found, outcome))
        });
        self.reserve_and_bind(queued, found, choice.node, explain, client);
    }

    fn record(
        &self,
        framework: &Arc<Framework>,
        queued: &QueuedPod,
        found: &Feasibility,
        outcome: Outcome<'_>,
    ) -> SchedulingDecision {
        record(framework, &self.context(), &queued.info, queued.attempts, &found.diagnosis, outcome)
    }

    /// Reserve, Permit and the binding cycle. From the assumption on the pod counts on the node, though the watch has not told so
    /// yet.
    fn reserve_and_bind(
        &mut self,
        queued: QueuedPod,
        mut found: Feasibility,
        index: NodeIndex,
        explain: Option<Explain>,
        client: &mut Client<'_>,
    ) {
        let info = queued.info.clone();
        let framework = self.frameworks[queued.profile as usize].clone();
        let node = self.cache.node(index).name.clone();
        self.cache.assume_pod(info.clone(), index);
        let context = self.context();
        let reserved = framework
            .run_reserve(&context, &mut found.state, &info, &node)
            .and_then(|()| framework.run_permit(&context, &found.state, &info, &node));
        let binding = Binding { queued, state: found.state, node, explain, deadline: None };
        match reserved {
            Ok(()) => self.bind(binding, client),
            Err(status) => self.give_up_binding(binding, status.message(), client),
        }
    }

    /// PreBind and Bind. A pod for which PreBind has to wait for others is put aside until something has changed.
    fn bind(&mut self, mut binding: Binding, client: &mut Client<'_>) {
        let framework = self.frameworks[binding.queued.profile as usize].clone();
        let info = binding.queued.info.clone();
        if binding.state.read::<Decision>().is_some_and(Decision::is_to_be_written) {
            expect_on(&binding.node, &binding.queued.key, client);
        }
        let prepared = framework.run_pre_bind(client, &mut binding.state, &info, &binding.node);
        if let Some(decision) = binding.state.read::<Decision>().filter(|decision| decision.is_written()) {
            let written = client.live().revision();
            self.cache.assumed_volumes.assume(&decision.bindings, &decision.provisions, written);
        }
        if let Some(granted) = binding.state.read::<Granted>().filter(|granted| granted.is_written) {
            self.cache.assumed_claims.assume(granted, client.live().revision());
        }
        match prepared {
            Ok(()) => {}
            Err(status) if status.code == Code::Wait => {
                let timeout = framework.pre_bind_timeout(status.plugin);
                binding.deadline =
                    binding.deadline.or(timeout.map(|(span, failure)| (client.now() + span, failure)));
                self.waiting.push(binding);
                return;
            }
            Err(status) => return self.give_up_binding(binding, status.message(), client),
        }
        let explain = binding.explain.take();
        match framework.run_bind(client, &info, &binding.node, explain) {
            Ok(()) => {
                self.queue.nominator.remove(info.uid());
                let (pod, node) = (&info.pod, &binding.node);
                let message = format!("Successfully assigned {}/{} to {node}", pod.namespace(), pod.name());
                client.event_with_action(
                    &framework.scheduler_name,
                    reference(pod),
                    EventType::Normal,
                    "Scheduled",
                    "Binding",
                    message,
                );
            }
            // The pod is gone: nobody is to be told.
            Err(refused) if refused.code == 404 => self.unreserve(&mut binding),
            Err(refused) => {
                let message = format!("binding rejected: {}", refused.message);
                self.give_up_binding(binding, message, client);
            }
        }
    }

    pub(super) fn unreserve(&mut self, binding: &mut Binding) {
        let framework = self.frameworks[binding.queued.profile as usize].clone();
        let info = &binding.queued.info;
        framework.run_unreserve(&self.context(), &mut binding.state, info, &binding.node);
        self.cache.forget_pod(info.uid());
    }

    /// The choice cannot be carried out: takes it back, and puts the pod back into the queue.
    fn give_up_binding(&mut self, mut binding: Binding, message: String, client: &mut Client<'_>) {
        self.unreserve(&mut binding);
        self.queue.nominator.remove(binding.queued.info.uid());
        let failure = Failing {
            reason: "SchedulerError",
            message,
            nominated_node: Some(String::new()),
            ..Default::default()
        };
        self.fail(binding.queued, PluginSet::default(), failure, client);
    }

    /// Goes on with those pods that PreBind has put aside for which something has changed.
    fn resume_bindings(&mut self, client: &mut Client<'_>) {
        for binding in self.waiting.take_due() {
            client.caused_by(Some(binding.queued.info.pod.revision));
            // A pod that is gone meanwhile counts nowhere any more.
            if !self.cache.is_assumed(binding.queued.info.uid()) {
                continue;
            }
            match &binding.deadline {
                Some((deadline, failure)) if *deadline <= client.now() => {
                    let words = failure.message();
                    self.give_up_binding(binding, words, client);
                }
                _ => self.bind(binding, client),
            }
        }
    }

    /// No node can run the pod: sees what can be done about it, says so, and puts the pod back.
    fn post_filter(
        &mut self,
        queued: QueuedPod,
        framework: &Arc<Framework>,
        mut found: Feasibility,
        client: &mut Client<'_>,
    ) {
        let mut preempted: Option<PostFilterResult> = None;
        // Without any node the real scheduler gives up before it asks.
        if !self.cache.is_empty() {
            let mut rng = self.rng.clone();
            let mut memory = std::mem::take(&mut self.memory);
            let outcome =
                framework.run_post_filter(&self.context(), &mut memory, &found, &queued.info, &mut rng);
            self.memory = memory;
            match outcome {
                Ok(result) => preempted = Some(result),
                Err(status) => found.diagnosis.post_filter_message = status.message(),
            }
            self.rng = rng;
        }
        let message = found.diagnosis.message(self.cache.len());
        let explain = self.options.explain.then(|| {
            let preemption = preempted.as_ref().map(|result| result.step(&self.cache));
            let outcome = Outcome { message: &message, preemption, ..Default::default() };
            Explain::Scheduling(self.record(framework, &queued, &found, outcome))
        });
        let nominated_node = preempted.as_ref().map(|result| result.nominated_node.clone());
        if let Some(result) = preempted {
            evict(&queued.info, &result, &self.queue.nominator, client);
        }
        let failure = Failing { reason: "Unschedulable", message, nominated_node, explain };
        self.fail(queued, found.diagnosis.rejectors, failure, client);
    }

    /// Writes the event and the condition, and puts the pod back into the queue (`handleSchedulingFailure`).
    fn fail(&mut self, queued: QueuedPod, rejectors: PluginSet, failing: Failing, client: &mut Client<'_>) {
        let info = queued.info.clone();
        let key = queued.key.clone();
        let note: String = failing.message.chars().take(NOTE_MAX).collect();
        // The pod may be gone, or be another of the same name, or have been bound by somebody else.
        let current = client.get(&key).ok().and_then(|object| object.as_kind::<Pod>().cloned());
        let Some(current) = current.filter(|pod| pod.uid() == info.uid() && pod.spec.node_name.is_none())
        else {
            self.queue.nominator.remove(info.uid());
            return;
        };
        if let Some(node) = failing.nominated_node.as_deref().filter(|node| !node.is_empty()) {
            self.queue.nominator.add(info.clone(), node);
        }
        let profile = queued.profile;
        self.queue.add_unschedulable(queued, rejectors, client.now());
        let reporter = &self.frameworks[profile as usize].scheduler_name;
        client.event_with_action(
            reporter,
            reference(&info.pod),
            EventType::Warning,
            "FailedScheduling",
            "Scheduling",
            note,
        );
        say_unscheduled(current, failing, client);
    }
}

/// How an attempt failed.
#[derive(Default)]
struct Failing {
    reason: &'static str,
    message: String,
    /// The node promised; empty to take an earlier promise back, `None` to leave it.
    nominated_node: Option<String>,
    explain: Option<Explain>,
}

/// Says on which node a pod is to be expected, whose binding will take a while (`NominatedNodeNameForExpectation`).
fn expect_on(node: &str, key: &Key, client: &mut Client<'_>) {
    let pod = client.get(key).ok().and_then(|object| object.as_kind::<Pod>().cloned());
    let Some(mut pod) = pod.filter(|pod| pod.status.nominated_node_name.as_deref() != Some(node)) else {
        return;
    };
    Arc::make_mut(&mut pod.status).nominated_node_name = Some(node.to_string());
    // Read a moment ago; and if it could not be said, the binding goes on all the same.
    let _ = client.update_status(pod, None);
}

fn say_unscheduled(mut pod: Pod, failing: Failing, client: &mut Client<'_>) {
    let unscheduled = PodCondition {
        type_: "PodScheduled".into(),
        status: "False".into(),
        reason: Some(failing.reason.into()),
        message: Some(failing.message),
        last_transition_time: Some(client.now().to_time()),
        observed_generation: pod.meta.generation,
        ..Default::default()
    };
    let status = Arc::make_mut(&mut pod.status);
    condition::set(&mut status.conditions, unscheduled);
    if let Some(node) = failing.nominated_node {
        status.nominated_node_name = Some(node).filter(|node| !node.is_empty());
    }
    // The pod was read at this very moment, so nothing can have come between.
    let _ = client.update_status(pod, failing.explain);
}

/// Removes the victims (`prepareCandidate`): each is marked, told why, and deleted. Less important pods that had been promised
/// room on the node lose that promise.
fn evict(preemptor: &PodInfo, result: &PostFilterResult, nominator: &Nominator, client: &mut Client<'_>) {
    let scheduler = preemptor.pod.spec.scheduler_name.as_deref().unwrap_or_default();
    for (namespace, name, uid) in &result.victims {
        let key = Key::new(Kind::POD, namespace, name);
        let victim = client.get(&key).ok().and_then(|object| object.as_kind::<Pod>().cloned());
        let Some(mut victim) = victim.filter(|victim| victim.uid() == uid) else { continue };
        let told = reference(&victim);
        if !victim.is_deleting() {
            let message = format!("{scheduler}: preempting to accommodate a higher priority pod");
            let generation = victim.meta.generation;
            let disrupted =
                condition::disruption("PreemptionByScheduler", &message, client.now(), generation);
            condition::set(&mut Arc::make_mut(&mut victim.status).conditions, disrupted);
            // Read a moment ago, like every victim here; a victim that is gone by now needs no more.
            let _ = client.update_status(victim, None);
            let _ = client.delete(&key, &DeleteOptions::default(), None);
        }
        let message = format!("Preempted by pod {} on node {}", preemptor.uid(), result.nominated_node);
        client.event_with_action(scheduler, told, EventType::Normal, "Preempted", "Preempting", message);
    }
    for lower in nominator.pods_on(&result.nominated_node) {
        let pod = client.get(&lower.key()).ok().and_then(|object| object.as_kind::<Pod>().cloned());
        let Some(mut pod) = pod.filter(|pod| is_outranked(pod, preemptor, &result.nominated_node)) else {
            continue;
        };
        Arc::make_mut(&mut pod.status).nominated_node_name = None;
        let _ = client.update_status(pod, None);
    }
}

fn is_outranked(pod: &Pod, preemptor: &PodInfo, node: &str) -> bool {
    pod.spec.node_name.is_none()
        && pod.status.nominated_node_name.as_deref() == Some(node)
        && pod.spec.priority.unwrap_or(0) < preemptor.priority()
}
