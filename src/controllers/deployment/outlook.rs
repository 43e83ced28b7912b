//! What the next look at a rolling update would do, for those who explain it: the controller's own arithmetic, without a write.

use super::rolling::{self, Bounds};
use super::{available, sync, total, wanted};
use crate::api::{Deployment, ReplicaSet};

/// The counts of a rolling update and the moves that they allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Pods asked for.
    pub desired: i32,
    /// What may be missing or too many on the way.
    pub bounds: Bounds,
    /// Pods that the ReplicaSets are asked for, old and new.
    pub total: i32,
    /// Pods available, old and new.
    pub available: i32,
    /// New pods that may be created now.
    pub create: i32,
    /// Old pods that may be removed now.
    pub remove: i32,
    /// Old pods that are still to go.
    pub old: i32,
}

/// The outlook of a Deployment with these ReplicaSets.
pub fn outlook(deployment: &Deployment, sets: Vec<ReplicaSet>) -> Outlook {
    let rollout = sync::arrange(deployment.clone(), sets);
    let (desired, bounds) = (rollout.desired(), rolling::bounds(deployment));
    let all = total(rollout.all().map(wanted));
    let old = total(rollout.old.iter().map(wanted));
    let new = rollout.new.as_ref().map_or(0, wanted);
    let remove = match super::is_recreate(deployment) {
        true => old,
        // The set of the new template comes first.
        false if rollout.new.is_none() => 0,
        false => rolling::shrinkage(&rollout),
    };
    let create = match super::is_recreate(deployment) {
        true if old > 0 => 0,
        true => desired - new,
        false => rolling::new_size(desired, bounds.max_surge, all, new) - new,
    };
    Outlook {
        desired,
        bounds,
        total: all,
        available: total(rollout.all().map(available)),
        create: create.max(0),
        remove,
        old,
    }
}
