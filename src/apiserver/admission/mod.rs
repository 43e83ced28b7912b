//! Admission: what the API server adds to an object, or refuses, around the rules of its kind. The plugins run in this order:
//! first every one that may change a new object, then, after the rules, every one that may refuse it.

mod classes;
mod default_toleration_seconds;
mod limit_ranger;
mod pod_security;
mod policies;
mod priority;
pub mod resource_quota;
mod service_account;
mod storage;

use crate::api::{Kind, Object, Status};
use crate::apiserver::View;
use crate::rng::Rng;

pub use pod_security::warning as pod_security_warning;
pub use policies::{NAMES as POLICY_NAMES, warnings as policy_warnings};

type Change = fn(&View, &mut Object, &mut Rng) -> Result<(), Status>;
type Check = fn(&View, &Object, Option<&Object>) -> Result<(), Status>;

const CHANGES: &[Change] = &[
    limit_ranger::admit,
    service_account::admit,
    priority::admit,
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

/// Runs every plugin that may change a new object.
///
/// # Errors
/// The first refusal.
pub fn admit(view: &View, object: &mut Object, names: &mut Rng) -> Result<(), Status> {
    CHANGES.iter().try_for_each(|plugin| plugin(view, object, names))
}

/// Runs every plugin that may change an updated object.
///
/// # Errors
/// The first refusal.
pub fn admit_update(view: &View, object: &mut Object, names: &mut Rng) -> Result<(), Status> {
    CHANGES_OF_UPDATES.iter().try_for_each(|plugin| plugin(view, object, names))
}

/// Runs every plugin that may refuse a new object, or a change of one, to it or to a subresource. What users have written is asked
/// near the end, of objects alone, and what may be charged last.
///
/// # Errors
/// The first refusal.
pub fn validate(view: &View, object: &Object, old: Option<&Object>, subresource: &str) -> Result<(), Status> {
    CHECKS.iter().try_for_each(|plugin| plugin(view, object, old))?;
    if subresource.is_empty() {
        policies::validate(view, object, old)?;
    }
    resource_quota::validate(view, object, old)
}

/// Refuses to delete what must stay (`NamespaceLifecycle`).
///
/// # Errors
/// `Forbidden`.
pub fn validate_delete(kind: Kind, name: &str) -> Result<(), Status> {
    if kind == Kind::NAMESPACE && IMMORTAL.contains(&name) {
        return Err(Status::forbidden(kind, name, "this namespace may not be deleted"));
    }
    Ok(())
}
