//! Following a change of the Deployment's own size. Models `scale` and `isScalingEvent`, and the arithmetic of
//! `deployment/util` behind them.

use super::rolling::bounds;
use super::sync::scale_set;
use super::{DESIRED_REPLICAS, MAX_REPLICAS, Rollout, available, is_recreate, total, wanted};
use crate::api::explain::RolloutRule;
use crate::api::sorting;
use crate::api::{MetaExt, ReplicaSet, Status};
use crate::client::Client;

/// Whether the Deployment's size is not the one its ReplicaSets were last scaled for.
pub fn is_scaling_event(rollout: &Rollout) -> bool {
    let mut active = rollout.all().filter(|set| wanted(set) > 0);
    active.any(|set| noted(set, DESIRED_REPLICAS).is_some_and(|noted| noted != rollout.desired()))
}

fn noted(set: &ReplicaSet, annotation: &str) -> Option<i32> {
    set.annotation(annotation)?.parse().ok()
}

/// Gives the Deployment's size to its one active ReplicaSet; or, once the new one has it, nothing to the old; or, in the
/// middle of a rollout, to each a share in proportion to its own, so that the risk stays spread.
///
/// # Errors
/// What the API server refused.
pub fn scale(rollout: &Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    let desired = rollout.desired();
    let active: Vec<&ReplicaSet> = rollout.all().filter(|set| wanted(set) > 0).collect();
    let only = match active.as_slice() {
        [] => rollout.new.as_ref().or(rollout.old.last()),
        [only] => Some(*only),
        _ => None,
    };
    if let Some(set) = only {
        // A set of that size already is left alone, even if its annotations speak of another.
        return if wanted(set) == desired {
            Ok(())
        } else {
            scale_set(rollout, set, desired, RolloutRule::Scale, client)
        };
    }
    let saturated = rollout.new.as_ref().is_some_and(|new| {
        wanted(new) == desired && noted(new, DESIRED_REPLICAS) == Some(desired) && available(new) == desired
    });
    if saturated {
        let mut old = rollout.old.iter().filter(|set| wanted(set) > 0);
        return old.try_for_each(|set| scale_set(rollout, set, 0, RolloutRule::Scale, client));
    }
    if active.is_empty() || is_recreate(&rollout.deployment) {
        return Ok(());
    }
    let ceiling = if desired > 0 { desired.saturating_add(bounds(&rollout.deployment).max_surge) } else { 0 };
    let to_add = ceiling.saturating_sub(total(active.iter().map(|set| wanted(set))));
    let sets = by_size(active, to_add > 0);
    let parts: Vec<Part> = sets.iter().map(|set| part(set, rollout)).collect();
    let sizes = proportional(&parts, desired, ceiling);
    sets.iter()
        .zip(sizes)
        .try_for_each(|(set, size)| scale_set(rollout, set, size, RolloutRule::Scale, client))
}

/// Larger sets first; of equals the newer one when growing, the older one when shrinking.
fn by_size(mut sets: Vec<&ReplicaSet>, growing: bool) -> Vec<&ReplicaSet> {
    let age = |a: &ReplicaSet, b: &ReplicaSet| (a.created(), a.name()).cmp(&(b.created(), b.name()));
    sorting::sort_by(&mut sets, |a, b| {
        let age = age(a, b);
        wanted(b).cmp(&wanted(a)).then(if growing { age.reverse() } else { age })
    });
    sets
}

/// A ReplicaSet in the eyes of proportional scaling.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Its size.
    size: i32,
    /// The ceiling it was last scaled under; zero if unknown.
    ceiling_before: i32,
}

fn part(set: &ReplicaSet, rollout: &Rollout) -> Part {
    let before = noted(set, MAX_REPLICAS).filter(|noted| *noted > 0);
    let before = before.or(rollout.deployment.status.replicas);
    Part { size: wanted(set), ceiling_before: before.unwrap_or(0) }
}

/// The new sizes (`GetReplicaSetProportion`): each set goes to its share of the new ceiling, rounded, as long as there is
/// something left to give; what rounding leaves over goes to the first, which is the largest.
///
/// A Deployment of 10 + 3 with sets of 8 and 5 goes to 15 + 3, so there are 5 pods to add. 8 · 18 / 13 = 11.08, so the
/// first gains 3; 5 · 18 / 13 = 6.9, so the second gains 2: 11 and 7.
fn proportional(parts: &[Part], desired: i32, ceiling: i32) -> Vec<i32> {
    let to_add = ceiling.saturating_sub(total(parts.iter().map(|part| part.size)));
    let mut added = 0;
    let mut sizes: Vec<i32> = Vec::with_capacity(parts.len());
    for part in parts {
        let allowed = to_add - added;
        let fraction = fraction(*part, desired, ceiling);
        let share = match to_add.signum() {
            _ if allowed == 0 => 0,
            1 => fraction.min(allowed),
            _ => fraction.max(allowed),
        };
        added += share;
        sizes.push(part.size.saturating_add(share));
    }
    if let Some(first) = sizes.first_mut() {
        *first = first.saturating_add(to_add - added).max(0);
    }
    sizes
}

/// How much a set gains or loses under the new ceiling, before it is held against what there is to give
/// (`getReplicaSetFraction`).
fn fraction(part: Part, desired: i32, ceiling: i32) -> i32 {
    let Part { size, ceiling_before } = part;
    match (desired, ceiling_before) {
        (0, _) => -size,
        (_, 0) => 0,
        (_, before) => {
            let (scaled, before) = (i64::from(size) * i64::from(ceiling), i64::from(before));
            // Half is rounded up, as a share is never below zero.
            let share = (2 * scaled + before).div_euclid(2 * before);
            i32::try_from(share).unwrap_or(i32::MAX).saturating_sub(size)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sizes: &[i32], before: i32, (desired, surge): (i32, i32), want: &[i32]) {
        let parts: Vec<Part> =
            sizes.iter().map(|size| Part { size: *size, ceiling_before: before }).collect();
        let ceiling = if desired > 0 { desired + surge } else { 0 };
        let got = proportional(&parts, desired, ceiling);
        assert_eq!(got, want, "{sizes:?} under {before} to {desired} + {surge}");
        assert_eq!(got.iter().sum::<i32>(), ceiling, "{sizes:?}: every pod is given out");
    }

    #[test]
    fn each_set_gets_its_share_and_the_largest_what_is_left_over() {
        check(&[8, 5], 13, (15, 3), &[11, 7]);
        check(&[11, 7], 18, (30, 3), &[20, 13]);
        check(&[20, 13], 33, (5, 3), &[5, 3]);
        check(&[5, 5], 10, (15, 0), &[8, 7]);
        check(&[5, 5, 1], 11, (21, 0), &[10, 10, 1]);
        check(&[8, 5], 13, (0, 3), &[0, 0]);
        check(&[7, 6], 13, (10, 3), &[7, 6]);
        check(&[4, 4], 0, (10, 0), &[6, 4]);
    }

    #[test]
    fn shares_never_pass_what_there_is_to_give() {
        for desired in 0..40 {
            for a in 1..20 {
                for b in 1..=a {
                    let parts = [a, b].map(|size| Part { size, ceiling_before: a + b });
                    let ceiling = if desired > 0 { desired + 2 } else { 0 };
                    let sizes = proportional(&parts, desired, ceiling);
                    assert_eq!(sizes.iter().sum::<i32>(), ceiling, "{a} and {b} to {ceiling}: {sizes:?}");
                    assert!(sizes.iter().all(|size| *size >= 0), "{a} and {b} to {ceiling}: {sizes:?}");
                }
            }
        }
    }
}
