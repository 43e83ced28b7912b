//! From the kubelet's first look at a pod to its volumes: attached to the node, mounted, or why not (`volume_manager.go
//! WaitForAttachAndMount`).

use super::agent::Turn;
use super::config::BackOff;
use super::pod_worker::{PodStep, PodWorker, Stage};
use super::volumes;
use crate::client::recorder::{EventType, reference};
use crate::clock::SimDuration;

/// Between attempts to mount a volume (`exponentialbackoff`).
const MOUNT_RETRY: BackOff =
    BackOff { base: SimDuration::from_millis(500), max: SimDuration::from_secs(122) };

/// So long a kubelet waits for a pod's volumes before it says that they do not come (`podAttachAndMountTimeout`).
const ATTACH_TIMEOUT: SimDuration = SimDuration::from_secs(123);

impl PodWorker {
    /// Mounts the volumes for the first time.
    pub(super) fn begin_mounting(&mut self, turn: &mut Turn<'_>) {
        self.mount_volumes(turn);
        if self.stage == Stage::Volumes {
            turn.after(ATTACH_TIMEOUT, &self.uid, PodStep::Unattached, true);
        }
    }

    /// Mounts the pod's volumes and goes on, or tries again after a growing wait.
    pub(super) fn mount_volumes(&mut self, turn: &mut Turn<'_>) {
        if turn.config.runs_commands
            && let Err(failures) = self.mount(turn)
        {
            // What waits for nothing but being attached is told of that.
            if failures.iter().all(|failure| failure.why == volumes::Why::Unattached) {
                return;
            }
            self.mount_failed(&failures, turn);
            self.mount_failures = self.mount_failures.saturating_add(1);
            let wait = MOUNT_RETRY.wait(self.mount_failures);
            return turn.after(wait, &self.uid, PodStep::Mount, true);
        }
        self.stage = Stage::Sandbox;
        self.expect_growth(turn);
        match turn.config.sandbox.draw(turn.rng) {
            SimDuration::ZERO => self.sandbox_up(turn),
            delay => turn.after(delay, &self.uid, PodStep::Sandbox, false),
        }
    }

    pub(super) fn mount_failed(&mut self, failures: &[volumes::Failure], turn: &mut Turn<'_>) {
        for failure in failures {
            if let volumes::Why::Wrong(message) = &failure.why {
                let about = reference(&self.pod);
                turn.event(about, EventType::Warning, "FailedMount", message.clone(), self.cause);
            }
        }
    }

    /// The kubelet has waited for its volumes for as long as it does, says so, and waits again.
    pub(super) fn still_unattached(&mut self, turn: &mut Turn<'_>) {
        let Err(failures) = self.mount(turn) else { return self.mount_volumes(turn) };
        let unattached = failures.iter().filter(|failure| failure.why == volumes::Why::Unattached);
        let names = unattached.map(|failure| failure.volume.as_str()).collect::<Vec<_>>().join(" ");
        if !names.is_empty() {
            let message = format!(
                "Unable to attach or mount volumes: unmounted volumes=[{names}], unattached volumes=[{names}], failed to process \
                 volumes=[]: context deadline exceeded"
            );
            turn.event(reference(&self.pod), EventType::Warning, "FailedMount", message, self.cause);
        }
        let pause = turn.config.sync_retry.draw(turn.rng);
        turn.after(ATTACH_TIMEOUT + pause, &self.uid, PodStep::Unattached, true);
    }

    /// Whether it waits for volumes.
    pub fn awaits_volumes(&self) -> bool {
        self.stage == Stage::Volumes
    }
}
