//! Admission: what the API server adds to an object, or refuses, around the rules of its kind. The plugins run in this order:
//! first every one that may change a new object, then, after the rules, every one that may refuse it.

mod classes;
mod default_toleration_seconds;
mod limit_ranger;
mod mutations;
mod node_taint;
mod pod_security;
mod policies;
mod priority;
pub mod resource_quota;
mod service_account;
pub mod storage;

use crate::api::{Kind, MetaExt, Object, Status};
use crate::apiserver::View;
use crate::clock::SimTime;
use crate::rng::Rng;

pub use pod_security::warning as pod_security_warning;
pub use policies::{Asked, NAMES as POLICY_NAMES, warnings as policy_warnings};

type Change = fn(&View, &mut Object, &mut Rng) -> Result<(), Status>;
type Check = fn(&View, &Object, Option<&Object>) -> Result<(), Status>;

const CHANGES: &[Change] = &[
    limit_ranger::admit,
    service_account::admit,
    priority::admit,
    node_taint::admit,
    default_toleration_seconds::admit,
    storage::default_class,
    storage::protect,
    classes::runtime_class,
    classes::default_ingress_class,
];

/// The plugins that change updated objects, too.
const CHANGES_OF_UPDATES: &[Change] = &[default_toleration_seconds::admit];

const CHECKS: &[Check] = &[
    limit_ranger::validate,
    pod_security::validate,
    classes::one_default_priority,
    storage::validate_resize,
];

/// Namespaces that the cluster cannot do without.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// Runs every plugin that may change a new object, and after them what users have written; where that has changed something, all
/// once more.
///
/// # Errors
/// The first refusal.
pub fn admit(view: &View, object: &mut Object, names: &mut Rng) -> Result<(), Status> {
    admit_write(view, object, None, (CHANGES, names))
}

/// Runs every plugin that may change an updated object.
///
/// # Errors
/// The first refusal.
pub fn admit_update(view: &View, object: &mut Object, old: &Object, names: &mut Rng) -> Result<(), Status> {
    let plugins: &[Change] = if object.same_spec(old) { &[] } else { CHANGES_OF_UPDATES };
    admit_write(view, object, Some(old), (plugins, names))
}

fn admit_write(
    view: &View,
    object: &mut Object,
    old: Option<&Object>,
    (plugins, names): (&[Change], &mut Rng),
) -> Result<(), Status> {
    let mut round = mutations::Round::default();
    for _ in 0..2 {
        plugins.iter().try_for_each(|plugin| plugin(view, object, names))?;
        if !mutations::admit(view, object, old, &mut round)? {
            break;
        }
    }
    Ok(())
}

/// Runs every plugin that may refuse a new object, or a change of one, to it or to a subresource. What users have written is asked
/// near the end, of objects alone, and what may be charged last.
///
/// # Errors
/// The first refusal.
pub fn validate(
    view: &View,
    object: &Object,
    old: Option<&Object>,
    (subresource, now): (&str, SimTime),
) -> Result<(), Status> {
    CHECKS.iter().try_for_each(|plugin| plugin(view, object, old))?;
    if subresource.is_empty() {
        policies::validate(view, Asked::write(object, old))?;
    }
    resource_quota::validate(view, object, old, now)
}

/// Refuses to delete what must stay (`NamespaceLifecycle`), or what users have written rules for.
///
/// # Errors
/// The first refusal.
pub fn validate_delete(view: &View, object: &Object) -> Result<(), Status> {
    let (kind, name) = (object.kind(), object.name());
    if kind == Kind::NAMESPACE && IMMORTAL.contains(&name) {
        return Err(Status::forbidden(kind, name, "this namespace may not be deleted"));
    }
    policies::validate(view, Asked::Delete(object))
}
