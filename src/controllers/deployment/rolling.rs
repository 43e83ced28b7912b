//! `RollingUpdate`: the new ReplicaSet grows and the old ones shrink, never past the ceiling nor below the floor.

use super::{Rollout, available, progress, revision, sync, wanted};
use crate::api::explain::RolloutRule;
use crate::api::int_or_string::{Rounding, scaled};
use crate::api::{Deployment, Status};
use crate::client::Client;
use crate::controllers::Action;

/// The two bounds of a rolling update, in pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Pods allowed above the desired count.
    pub max_surge: i32,
    /// Pods that may be missing from it.
    pub max_unavailable: i32,
}

/// The bounds of a Deployment (`ResolveFenceposts`). 25 % of 3 is a surge of 1 (rounded up) and an unavailability of 0
/// (rounded down); where both come out as 0 nothing could ever move, so one pod may then be unavailable.
pub fn bounds(deployment: &Deployment) -> Bounds {
    let desired = deployment.spec.replicas.unwrap_or(1);
    let rolling = deployment.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let resolve =
        |field: Option<&_>, rounding| field.and_then(|value| scaled(value, desired, rounding)).unwrap_or(0);
    let max_surge = resolve(rolling.and_then(|r| r.max_surge.as_ref()), Rounding::Up);
    let max_unavailable = resolve(rolling.and_then(|r| r.max_unavailable.as_ref()), Rounding::Down);
    match (max_surge, max_unavailable) {
        _ if super::is_recreate(deployment) => Bounds { max_surge: 0, max_unavailable: 0 },
        (0, 0) => Bounds { max_surge: 0, max_unavailable: 1.min(desired) },
        _ => Bounds { max_surge, max_unavailable: max_unavailable.min(desired) },
    }
}

/// How large the new ReplicaSet may be (`NewRSNewReplicas`): it grows into what the ceiling leaves, up to what is desired.
///
/// With 10 desired, a surge of 3 and 10 old pods the ceiling is 13, so a new set of 0 becomes one of 3.
pub fn new_size(desired: i32, max_surge: i32, total: i32, new: i32) -> i32 {
    let room = desired.saturating_add(max_surge) - total;
    if room <= 0 { new } else { new + room.min(desired - new) }
}

/// How many old pods may go at most, healthy or not (`reconcileOldReplicaSets`): what there is, less the floor, less new
/// pods that are not yet available, since those cannot stand in for old ones.
///
/// With 10 desired and 2 unavailable the floor is 8. After a surge of 3 there are 13 pods; if none of the 3 new ones is
/// available, 13 - 8 - 3 = 2 may go.
pub fn removable(desired: i32, max_unavailable: i32, total: i32, new: i32, new_available: i32) -> i32 {
    (total - (desired - max_unavailable) - (new - new_available)).max(0)
}

/// One look at a rolling update (`rolloutRolling`): at most one direction moves, then the status is written.
///
/// # Errors
/// What the API server refused.
pub fn roll(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<Action, Status> {
    sync::ensure_new_set(rollout, client)?;
    if grow_new(rollout, client)? || shrink_old(rollout, client)? {
        return progress::sync_status(rollout, client);
    }
    if progress::is_complete(&rollout.deployment, &progress::calculate(rollout, client.now())) {
        revision::cleanup(rollout, client)?;
    }
    progress::sync_status(rollout, client)
}

fn grow_new(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<bool, Status> {
    let (desired, total) = (rollout.desired(), rollout.all().map(wanted).sum());
    let Some(new) = &rollout.new else { return Ok(false) };
    let size = match wanted(new) {
        size if size > desired => desired,
        size => new_size(desired, bounds(&rollout.deployment).max_surge, total, size),
    };
    sync::scale_new(rollout, size, RolloutRule::ScaleUpNew, client)
}

fn shrink_old(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<bool, Status> {
    if rollout.old.iter().map(wanted).sum::<i32>() == 0 {
        return Ok(false);
    }
    let desired = rollout.desired();
    let max_unavailable = bounds(&rollout.deployment).max_unavailable;
    let new = rollout.new.as_ref();
    let total = rollout.all().map(wanted).sum();
    let most = removable(desired, max_unavailable, total, new.map_or(0, wanted), new.map_or(0, available));
    if most == 0 {
        return Ok(false);
    }
    let cleaned = remove_unhealthy(rollout, most, client)?;
    let floor = desired - max_unavailable;
    let healthy = rollout.all().map(available).sum::<i32>() - floor;
    let shrunk = remove_healthy(rollout, healthy, client)?;
    Ok(cleaned + shrunk > 0)
}

/// Old pods that are not available serve nobody and go first (`cleanupUnhealthyReplicas`).
fn remove_unhealthy(rollout: &mut Rollout, most: i32, client: &mut Client<'_>) -> Result<i32, Status> {
    let mut removed = 0;
    for index in 0..rollout.old.len() {
        let set = &rollout.old[index];
        let unhealthy = wanted(set) - available(set);
        let count = unhealthy.min(most - removed);
        if count > 0 {
            let size = wanted(set) - count;
            sync::scale_old(rollout, index, size, RolloutRule::CleanupUnhealthy, client)?;
            removed += count;
        }
    }
    Ok(removed)
}

/// Healthy old pods go as far as the floor allows (`scaleDownOldReplicaSetsForRollingUpdate`).
fn remove_healthy(rollout: &mut Rollout, most: i32, client: &mut Client<'_>) -> Result<i32, Status> {
    let mut removed = 0;
    for index in 0..rollout.old.len() {
        let set = &rollout.old[index];
        let count = wanted(set).min(most - removed);
        if count > 0 {
            let size = wanted(set) - count;
            sync::scale_old(rollout, index, size, RolloutRule::ScaleDownOld, client)?;
            removed += count;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_set_grows_into_what_the_ceiling_leaves() {
        // desired, surge, total, new -> size
        let cases = [
            (10, 3, 10, 0, 3),
            (3, 1, 3, 0, 1),
            (3, 1, 4, 1, 1),
            (3, 0, 3, 0, 0),
            (3, 1, 3, 2, 3),
            (3, 9, 3, 0, 3),
        ];
        for (desired, surge, total, new, want) in cases {
            assert_eq!(
                new_size(desired, surge, total, new),
                want,
                "{desired} + {surge}, {total} in all, {new} new"
            );
        }
    }

    #[test]
    fn new_pods_that_are_not_available_hold_old_ones_back() {
        // desired, unavailable, total, new, new available -> removable
        let cases = [
            (10, 2, 13, 3, 0, 2),
            (3, 1, 4, 1, 0, 1),
            (3, 0, 4, 1, 0, 0),
            (3, 0, 4, 1, 1, 1),
            (3, 1, 3, 3, 0, 0),
        ];
        for (desired, unavailable, total, new, ready, want) in cases {
            assert_eq!(
                removable(desired, unavailable, total, new, ready),
                want,
                "{total} of {desired}, {ready}/{new} new"
            );
        }
    }

    /// Plays a rollout by the arithmetic alone, with every pod becoming available at once.
    #[test]
    fn every_pair_of_bounds_arrives_and_stays_within_them() {
        for desired in 1..=10 {
            for surge in 0..=desired {
                for unavailable in 0..=desired {
                    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
                    let (mut old, mut new, mut ready_new) = (desired, 0, 0);
                    for _ in 0..100 {
                        new = new_size(desired, surge, old + new, new);
                        assert!(old + new <= desired + surge, "{desired}+{surge}: {old} old, {new} new");
                        let most = removable(desired, unavailable, old + new, new, ready_new);
                        let healthy = (old + ready_new - (desired - unavailable)).max(0);
                        old -= old.min(most.min(healthy));
                        assert!(
                            old + ready_new >= desired - unavailable,
                            "{desired}-{unavailable}: {old} old, {ready_new} ready"
                        );
                        ready_new = new;
                    }
                    assert_eq!((old, new), (0, desired), "surge {surge}, unavailable {unavailable}");
                }
            }
        }
    }
}
