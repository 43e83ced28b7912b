//! `Priority`: resolves a pod's `priorityClassName` to the number the scheduler orders by.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Kind, MetaExt, Object, Status, Tree};
use crate::apiserver::View;
use crate::rng::Rng;

/// Sets `spec.priority` and `spec.preemptionPolicy` from the named class, the global default class, or zero.
///
/// # Errors
/// `Forbidden` if the named class does not exist.
pub fn admit(view: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let Object::Pod(pod) = object else { return Ok(()) };
    let classes = || {
        view.objects(Kind::PRIORITY_CLASS, None).filter_map(|object| match &**object {
            Object::Tree(tree) => Some(tree),
            _ => None,
        })
    };
    let named = pod.spec.priority_class_name.clone().filter(|name| !name.is_empty());
    let class = match &named {
        Some(name) => match system_class(name) {
            Some(value) => return set(pod, Some(name), value, None),
            None => Some(classes().find(|class| class.name() == *name).ok_or_else(|| {
                Status::forbidden(
                    Kind::POD,
                    pod.name(),
                    &format!("no PriorityClass with name {name} was found"),
                )
            })?),
        },
        None => classes()
            .filter(|class| class.fields.get("globalDefault") == Some(&Value::Bool(true)))
            .min_by_key(|c| value_of(c)),
    };
    let policy = class.and_then(|class| class.fields.get("preemptionPolicy")?.as_str()).map(str::to_string);
    let (value, name) = (class.map_or(0, value_of), class.map(|class| class.name().to_string()));
    set(pod, name.as_ref(), value, policy)
}

fn system_class(name: &str) -> Option<i32> {
    match name {
        "system-node-critical" => Some(2_000_001_000),
        "system-cluster-critical" => Some(2_000_000_000),
        _ => None,
    }
}

fn value_of(class: &Tree) -> i32 {
    class
        .fields
        .get("value")
        .and_then(Value::as_i64)
        .and_then(|value| i32::try_from(value).ok())
        .unwrap_or_default()
}

fn set(
    pod: &mut crate::api::Pod,
    class: Option<&String>,
    value: i32,
    policy: Option<String>,
) -> Result<(), Status> {
    if pod.spec.priority.is_some_and(|given| given != value) {
        let why = format!(
            "the integer value of priority ({}) must not be provided in pod spec; priority admission controller computed {value} \
             from the given PriorityClass name",
            pod.spec.priority.unwrap_or_default()
        );
        return Err(Status::forbidden(Kind::POD, pod.name(), &why));
    }
    let spec = Arc::make_mut(&mut pod.spec);
    spec.priority = Some(value);
    spec.priority_class_name = class.cloned();
    spec.preemption_policy.get_or_insert(policy.unwrap_or_else(|| "PreemptLowerPriority".into()));
    Ok(())
}
