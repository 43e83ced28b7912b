//! What must hold after every event, whatever happens. The checks read only the log and the objects, never a
//! component's own bookkeeping, so that they cannot share its mistakes.

mod ownership;
mod pods;
mod rollout;
mod store;

use super::Simulation;
use crate::api::meta::Revision;
use crate::apiserver::{Change, View};

/// One invariant over a single write, with the cluster as it is after the event that made it.
type Check = fn(&Change, &View) -> Result<(), String>;

/// Every invariant, one line each.
const CHECKS: &[(&str, Check)] = &[
    ("identity never changes", store::identity),
    ("the generation rises with the spec and only with it", store::generation),
    ("a pod is bound once", pods::bound_once),
    ("a finished pod stays finished", pods::terminal_phase_is_final),
    ("bound pods fit their node", pods::requests_fit),
    ("an object has at most one controller", ownership::one_controller),
    ("a rolling update stays under its ceiling", rollout::under_ceiling),
];

/// The invariants that a write violates, by name and with the details.
pub fn violations(change: &Change, view: &View) -> Vec<String> {
    let broken =
        |(name, check): &(&str, Check)| check(change, view).err().map(|why| format!("{name}: {why}"));
    CHECKS.iter().filter_map(broken).collect()
}

/// Checks every write since `before`. A violation is a bug of ours, so it panics, saying how to see it again.
pub(super) fn check(simulation: &Simulation, before: Revision) {
    let store = simulation.api().store();
    for change in store.since(before) {
        let broken = violations(change, store.view());
        assert!(
            broken.is_empty(),
            "invariant violated at {} by write {} of {} ({}), seed {}:\n{}",
            simulation.now(),
            change.revision,
            change.key,
            change.actor.component(),
            simulation.config().seed,
            broken.join("\n")
        );
    }
}
