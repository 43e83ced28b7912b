//! `Recreate`: every old pod is gone before the first new one comes.

use super::{Rollout, progress, revision, sync, wanted};
use crate::api::Status;
use crate::api::explain::RolloutRule;
use crate::client::Client;
use crate::controllers::Action;

/// One look (`rolloutRecreate`). `blocked` says that old pods still run or end.
///
/// # Errors
/// What the API server refused.
pub fn roll(rollout: &mut Rollout, blocked: bool, client: &mut Client<'_>) -> Result<Action, Status> {
    let running: Vec<_> = rollout.old.iter().filter(|set| wanted(set) > 0).collect();
    let shrunk = !running.is_empty();
    for set in running {
        sync::scale_set(rollout, set, 0, RolloutRule::Recreate, client)?;
    }
    if shrunk || blocked {
        return progress::sync_rollout_status(rollout, client);
    }
    sync::ensure_new_set(rollout, client)?;
    let desired = rollout.desired();
    if let Some(new) = rollout.new.as_ref().filter(|new| wanted(new) != desired) {
        sync::scale_set(rollout, new, desired, RolloutRule::Recreate, client)?;
    }
    if progress::is_complete(&rollout.deployment, &rollout.deployment.status) {
        revision::cleanup(rollout, client)?;
    }
    progress::sync_rollout_status(rollout, client)
}
