//! A machine that is told to shut down lets its pods end first: those that are not critical, then the critical ones, each group
//! within its time. Until it is off the node says that it is not ready, and takes no pods. Models `pkg/kubelet/nodeshutdown`.

use std::sync::Arc;

use super::admission::{Refusal, is_critical};
use super::agent::{Agent, Shared};
use super::pod_worker::{PodWorker, Stage};
use super::{NodeState, Timer, TimerKind};
use crate::client::recorder::EventType;
use crate::clock::{SimDuration, SimTime};

/// What the pods of a node get that are not critical (`shutdownGracePeriod`, 30 s, less what the others get), …
const GRACE: SimDuration = SimDuration::from_secs(20);
/// … and what the critical ones get after them (`shutdownGracePeriodCriticalPods`).
const GRACE_CRITICAL: SimDuration = SimDuration::from_secs(10);

const REASON: &str = "Terminated";
const MESSAGE: &str = "Pod was terminated in response to imminent node shutdown.";

/// A shutdown that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    /// Whether it is the critical pods' turn.
    critical: bool,
    /// When nobody waits any longer for those whose turn it is.
    by: SimTime,
}

/// Why a pod is not taken any more.
pub(super) fn refusal() -> Refusal {
    Refusal {
        reason: "NodeShutdown".into(),
        message: "Pod was rejected as the node is shutting down.".into(),
    }
}

fn is_busy(worker: &PodWorker) -> bool {
    (Stage::Volumes..Stage::Finished).contains(&worker.stage)
}

impl Agent {
    /// The machine is told to shut down.
    pub(super) fn begin_shutdown(&mut self, shared: &mut Shared<'_>) {
        self.say_of_node("NodeShutdown", "Shutdown manager detected shutdown event", shared);
        self.report_node(None, shared);
        self.shut_down(false, shared);
    }

    /// The machine goes on running after all. Pods that have been ended stay so.
    pub(super) fn cancel_shutdown(&mut self, shared: &mut Shared<'_>) {
        self.shutdown = None;
        self.say_of_node("NodeShutdown", "Shutdown manager detected shutdown cancellation", shared);
        self.report_node(None, shared);
    }

    /// Ends one of the two groups of pods.
    fn shut_down(&mut self, critical: bool, shared: &mut Shared<'_>) {
        let grace = if critical { GRACE_CRITICAL } else { GRACE };
        self.shutdown = Some(Shutdown { critical, by: shared.api.now() + grace });
        let group = self.workers.iter().filter(|(_, worker)| {
            is_critical(&worker.pod) == critical && (Stage::Volumes..=Stage::Up).contains(&worker.stage)
        });
        let uids: Vec<Arc<str>> = group.map(|(uid, _)| uid.clone()).collect();
        for uid in uids {
            self.with_worker(&uid, shared, |worker, turn| {
                let own = worker.pod.spec.termination_grace_period_seconds.unwrap_or(30);
                let own = SimDuration::from_secs(u64::try_from(own).unwrap_or(0));
                worker.disruption = Some(MESSAGE.into());
                worker.fail(REASON.into(), MESSAGE.into(), Some(own.min(grace)), turn);
            });
        }
        shared.timers.push((grace, self.timer(TimerKind::Shutdown)));
        self.go_on_shutting_down(shared);
    }

    fn timer(&self, what: TimerKind) -> Timer {
        Timer { node: self.name().clone(), what }
    }

    /// A pod is down, or the time is over: goes on to the next group, or has the machine switched off.
    pub(super) fn go_on_shutting_down(&mut self, shared: &mut Shared<'_>) {
        let Some(Shutdown { critical, by }) = self.shutdown else { return };
        let waits_for = |worker: &Arc<PodWorker>| is_critical(&worker.pod) == critical && is_busy(worker);
        if shared.api.now() < by && self.workers.values().any(waits_for) {
            return;
        }
        if critical {
            self.shutdown = None;
            shared.timers.push((SimDuration::ZERO, self.timer(TimerKind::PowerOff)));
        } else {
            self.shut_down(true, shared);
        }
    }

    /// Whether its pods are being ended because the machine shuts down.
    pub(super) fn is_shutting_down(&self) -> bool {
        self.state() == NodeState::ShuttingDown
    }

    fn say_of_node(&self, reason: &str, message: &str, shared: &mut Shared<'_>) {
        if shared.config.reporting.events {
            let about = self.reference(shared);
            self.client(shared).event(about, EventType::Normal, reason, message);
        }
    }
}
