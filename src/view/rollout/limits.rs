//! The fields that bound a rollout, and what they come to.

use serde_json::Value;

use crate::api::int_or_string::{Rounding, scaled};
use crate::api::k8s::IntOrString;
use crate::api::{Deployment, Kind, Object, condition};
use crate::clock::{SimDuration, SimTime};
use crate::view::differences::leaf;

/// A field of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name: `maxSurge`.
    pub field: &'static str,
    /// As it is written: `25%`.
    pub value: String,
    /// What a share of the pods comes to, in hundredths of a pod, and as a number of pods.
    pub share: Option<(i64, i32)>,
}

pub(super) fn strategy(object: &Object, desired: i32) -> (String, Vec<Limit>) {
    let deployment = object.kind() == Kind::DEPLOYMENT;
    let tree = object.to_value();
    let strategy = &tree["spec"][if deployment { "strategy" } else { "updateStrategy" }];
    let limit = |field: &'static str| {
        let value = strategy["rollingUpdate"].get(field)?;
        // Only a Deployment rounds what may be missing down: it would rather keep one too many.
        let rounding = if deployment && field == "maxUnavailable" { Rounding::Down } else { Rounding::Up };
        Some(Limit { field, value: leaf(value), share: share(value, desired, rounding) })
    };
    let limits = ["maxSurge", "maxUnavailable", "partition"].into_iter().filter_map(limit);
    (strategy["type"].as_str().unwrap_or("RollingUpdate").into(), limits.collect())
}

fn share(value: &Value, desired: i32, rounding: Rounding) -> Option<(i64, i32)> {
    let text = value.as_str()?;
    let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
    let rounded = scaled(&IntOrString::String(text.into()), desired, rounding)?;
    Some((percent.saturating_mul(desired.into()), rounded))
}

/// When it counts as stuck, of one that is under way and not stuck yet.
pub(super) fn deadline(deployment: &Deployment) -> Option<SimTime> {
    let span = u64::try_from(deployment.spec.progress_deadline_seconds?).ok()?;
    let found = condition::find(deployment.status.conditions.as_deref(), "Progressing")?;
    let over = ["NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused"];
    let going = !over.contains(&found.reason.as_deref().unwrap_or_default());
    let since = found.last_update_time.as_ref().filter(|_| going)?;
    (span < i32::MAX as u64).then(|| SimTime::from_time(since) + SimDuration::from_secs(span))
}
