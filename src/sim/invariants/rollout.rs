//! Invariants of rolling updates.

use crate::api::int_or_string::{Rounding, scaled};
use crate::api::{Deployment, MetaExt, Object, ReplicaSet};
use crate::apiserver::{Actor, Change, View};

/// When the Deployment controller lets a ReplicaSet grow, the pods it asks for in all stay within `replicas + maxSurge`.
pub fn under_ceiling(change: &Change, view: &View) -> Result<(), String> {
    let (Some(Object::ReplicaSet(after)), Actor::Controller("deployment-controller")) =
        (change.after.as_deref(), &change.actor)
    else {
        return Ok(());
    };
    let before = match change.before.as_deref() {
        Some(Object::ReplicaSet(before)) => before.spec.replicas.unwrap_or(0),
        _ => 0,
    };
    let grew = after.spec.replicas.unwrap_or(0) > before;
    let owner = after.controller().map(|owner| owner.name.clone()).unwrap_or_default();
    let Some(deployment) = view.get::<Deployment>(after.namespace(), &owner).filter(|_| grew) else {
        return Ok(());
    };
    let desired = deployment.spec.replicas.unwrap_or(1);
    let rolling = deployment.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref());
    let surge = surge.and_then(|surge| scaled(surge, desired, Rounding::Up)).unwrap_or(0);
    let asked: i64 = view
        .list::<ReplicaSet>(Some(after.namespace()))
        .filter(|set| set.is_controlled_by(deployment.uid()))
        .map(|set| i64::from(set.spec.replicas.unwrap_or(0)))
        .sum();
    // A Deployment that was scaled down meanwhile may hold more than its new ceiling until it has shrunk.
    let grown_for =
        after.annotation("deployment.kubernetes.io/desired-replicas") == Some(desired.to_string().as_str());
    if asked <= i64::from(desired) + i64::from(surge) || !grown_for {
        return Ok(());
    }
    Err(format!("{owner} asks for {asked} pods, its ceiling is {desired} + {surge}"))
}
