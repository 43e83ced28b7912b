//! The condition `DisruptionAllowed` of a PodDisruptionBudget, which its controller keeps, and an eviction when it takes the
//! last disruption allowed. Models `pkg/util/pdb` and `meta.SetStatusCondition`.

use super::k8s::{Condition, PodDisruptionBudgetStatus};
use crate::clock::SimTime;

/// The condition's type.
pub const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";
/// Its reason while the counts cannot be worked out.
pub const SYNC_FAILED: &str = "SyncFailed";

/// Says by the condition whether the status allows disruptions (`UpdateDisruptionAllowedCondition`).
pub fn say_whether_allowed(status: &mut PodDisruptionBudgetStatus, now: SimTime) {
    let allowed = status.disruptions_allowed.unwrap_or(0) > 0;
    let (value, reason) = if allowed { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    note(status, value, reason, "", now);
}

/// Sets the condition, as of the generation that the status was worked out for; others stay.
pub fn note(status: &mut PodDisruptionBudgetStatus, value: &str, reason: &str, message: &str, now: SimTime) {
    let new = Condition {
        type_: DISRUPTION_ALLOWED.into(),
        status: value.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation: status.observed_generation,
        last_transition_time: now.to_time(),
    };
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|old| old.type_ == DISRUPTION_ALLOWED) {
        Some(old) if old.status == value => {
            *old = Condition { last_transition_time: old.last_transition_time.clone(), ..new };
        }
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

/// The condition, if it is there.
pub fn condition_of(status: &PodDisruptionBudgetStatus) -> Option<&Condition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == DISRUPTION_ALLOWED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_moves_when_the_last_disruption_is_taken() {
        let mut status = PodDisruptionBudgetStatus { disruptions_allowed: Some(1), ..Default::default() };
        let cases = [(1, 10, "True", "SufficientPods", 10), (0, 20, "False", "InsufficientPods", 20)];
        for (allowed, at, value, reason, since) in cases {
            status.disruptions_allowed = Some(allowed);
            say_whether_allowed(&mut status, SimTime::from_secs(at));
            // Said again, it stays as old as it is.
            say_whether_allowed(&mut status, SimTime::from_secs(at + 5));
            let found = condition_of(&status).unwrap();
            assert_eq!((found.status.as_str(), found.reason.as_str()), (value, reason));
            assert_eq!(SimTime::from_time(&found.last_transition_time), SimTime::from_secs(since));
        }
        assert_eq!(status.conditions.unwrap().len(), 1);
    }
}
