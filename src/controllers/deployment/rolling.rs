//! `RollingUpdate`: the new ReplicaSet grows and the old ones shrink, never past the ceiling nor below the floor.

use super::{Rollout, available, progress, revision, sync, total, wanted};
use crate::api::explain::RolloutRule;
use crate::api::int_or_string::{Rounding, scaled};
use crate::api::{Deployment, Key, Kind, MetaExt, ReplicaSet, Status};
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

/// Old sets that shrink, as (place among the old, size), and the rule behind it.
type Shrink = (Vec<(usize, i32)>, RolloutRule);

/// An old ReplicaSet in the eyes of the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OldSet {
    size: i32,
    available: i32,
}

/// One look at a rolling update (`rolloutRolling`): at most one direction moves, then the status is written.
///
/// # Errors
/// What the API server refused.
pub fn roll(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<Action, Status> {
    sync::ensure_new_set(rollout, client)?;
    let moved = grow_new(rollout, client)? || shrink_old(rollout, client)?;
    if !moved && progress::is_complete(&rollout.deployment, &rollout.deployment.status) {
        revision::cleanup(rollout, client)?;
    }
    progress::sync_rollout_status(rollout, client)
}

/// Models `reconcileNewReplicaSet`. A new set above the desired count, which a late scale-down leaves, is cut first.
fn grow_new(rollout: &Rollout, client: &mut Client<'_>) -> Result<bool, Status> {
    let (desired, all) = (rollout.desired(), total(rollout.all().map(wanted)));
    let Some(new) = &rollout.new else { return Ok(false) };
    let size = match wanted(new) {
        size if size > desired => desired,
        size => new_size(desired, bounds(&rollout.deployment).max_surge, all, size),
    };
    if size == wanted(new) {
        return Ok(false);
    }
    sync::scale_set(rollout, new, size, RolloutRule::ScaleUpNew, client)?;
    Ok(true)
}

/// How far old sets may shrink now: first what serves nobody, then what the floor leaves.
fn shrinks(rollout: &Rollout) -> [Shrink; 2] {
    let desired = rollout.desired();
    let max_unavailable = bounds(&rollout.deployment).max_unavailable;
    let (new, new_available) = rollout.new.as_ref().map_or((0, 0), |set| (wanted(set), available(set)));
    let mut old: Vec<OldSet> =
        rollout.old.iter().map(|set| OldSet { size: wanted(set), available: available(set) }).collect();
    let all = total(old.iter().map(|set| set.size)).saturating_add(new);
    let most = removable(desired, max_unavailable, all, new, new_available);
    // The healthy are counted as they were found: cleaning up takes none of them away.
    let spare = total(old.iter().map(|set| set.available)).saturating_add(new_available)
        - (desired - max_unavailable);
    // A set of which more pods are available than it is to have has not reported yet since it shrank: the real controller
    // stumbles over it, does nothing and looks again at the next report.
    if most == 0 || old.iter().any(|set| set.size > 0 && set.available > set.size) {
        return [(Vec::new(), RolloutRule::CleanupUnhealthy), (Vec::new(), RolloutRule::ScaleDownOld)];
    }
    [
        (remove_unhealthy(&mut old, most), RolloutRule::CleanupUnhealthy),
        (remove_healthy(&mut old, spare), RolloutRule::ScaleDownOld),
    ]
}

/// How many old pods would go at the next look.
pub fn shrinkage(rollout: &Rollout) -> i32 {
    let mut sizes: Vec<i32> = rollout.old.iter().map(wanted).collect();
    let before = total(sizes.iter().copied());
    for (index, size) in shrinks(rollout).into_iter().flat_map(|(moves, _)| moves) {
        sizes[index] = size;
    }
    before - total(sizes.into_iter())
}

/// Models `reconcileOldReplicaSets`.
fn shrink_old(rollout: &Rollout, client: &mut Client<'_>) -> Result<bool, Status> {
    let mut moved = false;
    let mut current: Vec<Option<ReplicaSet>> = rollout.old.iter().cloned().map(Some).collect();
    for (sizes, rule) in shrinks(rollout) {
        for (index, size) in sizes {
            let Some(set) = current[index].take() else { continue };
            sync::scale_set(rollout, &set, size, rule, client)?;
            moved = true;
            // A set may shrink twice in one look; the second time from what the first has left.
            let key = Key::new(Kind::REPLICA_SET, set.namespace(), set.name());
            current[index] = client.get(&key).ok().and_then(|set| set.as_kind().cloned());
        }
    }
    Ok(moved)
}

/// Old pods that are not available serve nobody and go first, oldest set first, up to `most` (`cleanupUnhealthyReplicas`).
///
/// Two old sets of 5, of which 3 and 5 are available, and 3 to remove: the first loses its 2 unhealthy ones, the second
/// none.
fn remove_unhealthy(old: &mut [OldSet], most: i32) -> Vec<(usize, i32)> {
    take(old, most, |set| set.size - set.available)
}

/// Healthy old pods go as far as the floor allows, oldest set first (`scaleDownOldReplicaSetsForRollingUpdate`).
fn remove_healthy(old: &mut [OldSet], most: i32) -> Vec<(usize, i32)> {
    take(old, most, |set| set.size)
}

/// Takes up to `most` pods away, from each set as many as `offer` says. Returns the sets that shrink, and their new sizes.
fn take(old: &mut [OldSet], most: i32, offer: impl Fn(&OldSet) -> i32) -> Vec<(usize, i32)> {
    let mut left = most;
    let mut shrunk = Vec::new();
    for (index, set) in old.iter_mut().enumerate() {
        let count = offer(set).min(set.size).min(left);
        if count > 0 {
            left -= count;
            set.size -= count;
            shrunk.push((index, set.size));
        }
    }
    shrunk
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

    #[test]
    fn unhealthy_old_pods_go_before_healthy_ones_and_older_sets_before_younger() {
        let set = |size, available| OldSet { size, available };
        let mut old = [set(5, 3), set(5, 5)];
        assert_eq!(remove_unhealthy(&mut old, 3), [(0, 3)]);
        assert_eq!(remove_healthy(&mut old, 4), [(0, 0), (1, 4)]);
        assert_eq!(old, [set(0, 3), set(4, 5)]);
        assert_eq!(remove_unhealthy(&mut [set(4, 0), set(4, 0)], 6), [(0, 0), (1, 2)]);
        assert_eq!(remove_healthy(&mut [set(4, 4)], -2), []);
    }

    #[test]
    fn counts_and_percentages_become_bounds_that_always_let_something_move() {
        use crate::api::k8s::{DeploymentSpec, DeploymentStrategy, IntOrString, RollingUpdateDeployment};
        let value = |text: &str| match text.parse() {
            Ok(count) => IntOrString::Int(count),
            Err(_) => IntOrString::String(text.into()),
        };
        // replicas, maxSurge, maxUnavailable -> surge, unavailable
        let cases = [
            (10, "25%", "25%", 3, 2),
            (3, "25%", "25%", 1, 0),
            (1, "0", "25%", 0, 1),
            (3, "0", "0", 0, 1),
            (4, "0", "50%", 0, 2),
            (4, "100%", "0", 4, 0),
            (2, "1", "5", 1, 2),
            (0, "25%", "25%", 0, 0),
        ];
        for (replicas, surge, unavailable, want_surge, want_unavailable) in cases {
            let rolling = RollingUpdateDeployment {
                max_surge: Some(value(surge)),
                max_unavailable: Some(value(unavailable)),
            };
            let strategy =
                DeploymentStrategy { rolling_update: Some(rolling), type_: Some("RollingUpdate".into()) };
            let spec =
                DeploymentSpec { replicas: Some(replicas), strategy: Some(strategy), ..Default::default() };
            let want = Bounds { max_surge: want_surge, max_unavailable: want_unavailable };
            let deployment = Deployment::new(Default::default(), spec);
            assert_eq!(bounds(&deployment), want, "{replicas} with {surge} and {unavailable}");
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
