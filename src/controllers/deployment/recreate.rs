//! `Recreate`: every old pod is gone before the first new one comes.

use super::{Rollout, progress, revision, sync, wanted};
use crate::api::explain::RolloutRule;
use crate::api::{MetaExt, Pod, Status};
use crate::client::{Client, View};
use crate::controllers::Action;

/// One look (`rolloutRecreate`).
///
/// # Errors
/// What the API server refused.
pub fn roll(rollout: &mut Rollout, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
    let mut shrunk = false;
    for index in 0..rollout.old.len() {
        if wanted(&rollout.old[index]) > 0 {
            shrunk |= sync::scale_old(rollout, index, 0, RolloutRule::Recreate, client)?;
        }
    }
    if shrunk || old_pods_run(rollout, view) {
        return progress::sync_status(rollout, client);
    }
    sync::ensure_new_set(rollout, client)?;
    let desired = rollout.desired();
    sync::scale_new(rollout, desired, RolloutRule::Recreate, client)?;
    if progress::is_complete(&rollout.deployment, &progress::calculate(rollout, client.now())) {
        revision::cleanup(rollout, client)?;
    }
    progress::sync_status(rollout, client)
}

/// Whether some old pod has not ended (`oldPodsRunning`): one that is terminating still holds its place.
fn old_pods_run(rollout: &Rollout, view: &View) -> bool {
    let ended = |pod: &Pod| matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    rollout.old.iter().any(|set| {
        set.status.replicas > 0
            || view
                .list::<Pod>(Some(set.namespace()))
                .any(|pod| pod.is_controlled_by(set.uid()) && !ended(pod))
    })
}
