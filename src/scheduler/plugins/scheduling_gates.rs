//! `SchedulingGates`: a pod with gates does not enter the queue until somebody has removed them all.
//!
//! Upstream: `plugins/schedulinggates`.

use crate::api::Pod;
use crate::client::Change;
use crate::scheduler::framework::{Cycle, Plugin, PreFilter};

/// See the module.
pub struct SchedulingGates;

impl Plugin for SchedulingGates {
    fn name(&self) -> &'static str {
        "SchedulingGates"
    }

    fn pre_enqueue(&self, pod: &Pod) -> Result<(), String> {
        let gates: Vec<&str> =
            pod.spec.scheduling_gates.iter().flatten().map(|gate| gate.name.as_str()).collect();
        if gates.is_empty() {
            Ok(())
        } else {
            Err(format!("waiting for scheduling gates: [{}]", gates.join(" ")))
        }
    }

    fn pre_filter(&self, _: &Cycle<'_>) -> PreFilter {
        PreFilter::Skip
    }

    fn may_help(&self, change: &Change, pod: &Pod) -> bool {
        &*change.key.name == pod.meta.name.as_deref().unwrap_or_default()
    }
}
