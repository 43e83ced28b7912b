//! Classes that pods and Ingresses refer to: `RuntimeClass`, `DefaultIngressClass`, and of priority classes that one at most is the
//! default.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api::k8s::Quantity;
use crate::api::{Key, Kind, MetaExt, Object, Status, Tree, quantity, typed};
use crate::apiserver::View;
use crate::rng::Rng;

const DEFAULT_INGRESS_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// Gives a pod the overhead of its runtime class.
///
/// # Errors
/// `Forbidden` if there is no such class, or if the pod says otherwise.
pub fn runtime_class(view: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let Object::Pod(pod) = object else { return Ok(()) };
    let mut overhead = None;
    if let Some(name) = &pod.spec.runtime_class_name {
        let Some(class) = view.object(&Key::cluster(Kind::RUNTIME_CLASS, name)) else {
            let why = format!("pod rejected: RuntimeClass \"{name}\" not found");
            return Err(Status::forbidden(Kind::POD, pod.name(), &why));
        };
        overhead = typed::read(class.part("overhead").get("podFixed").unwrap_or(&Value::Null)).ok();
    }
    let amounts = |list: &BTreeMap<String, Quantity>| {
        let read = |(name, amount): (&String, &Quantity)| (name.clone(), quantity::milli(amount));
        list.iter().map(read).collect::<Vec<_>>()
    };
    match (&pod.spec.overhead, overhead) {
        (Some(own), Some(fixed)) if amounts(own) != amounts(&fixed) => {
            let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
            Err(Status::forbidden(Kind::POD, pod.name(), why))
        }
        (Some(own), None) if !own.is_empty() => {
            let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
            Err(Status::forbidden(Kind::POD, pod.name(), why))
        }
        (None, Some(fixed)) => {
            Arc::make_mut(&mut pod.spec).overhead = Some(fixed);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Gives an Ingress that names no class the default one.
///
/// # Errors
/// Never.
pub fn default_ingress_class(view: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let Object::Tree(Tree { kind: Kind::INGRESS, fields, meta, .. }) = object else { return Ok(()) };
    let named = fields.get("spec").is_some_and(|spec| spec.get("ingressClassName").is_some());
    if named || meta.annotation("kubernetes.io/ingress.class").is_some() {
        return Ok(());
    }
    let mut classes = view.objects(Kind::INGRESS_CLASS, None);
    let marked = |class: &&Arc<Object>| class.annotation(DEFAULT_INGRESS_CLASS) == Some("true");
    if let (Some(class), Some(spec)) =
        (classes.find(marked), Arc::make_mut(fields).get_mut("spec").and_then(Value::as_object_mut))
    {
        spec.insert("ingressClassName".into(), class.name().into());
    }
    Ok(())
}

/// At most one priority class is the default.
///
/// # Errors
/// `Forbidden`, naming the other.
pub fn one_default_priority(view: &View, object: &Object, _: Option<&Object>) -> Result<(), Status> {
    let is_default = |object: &Object| {
        object.kind() == Kind::PRIORITY_CLASS && object.part("globalDefault").as_bool() == Some(true)
    };
    if !is_default(object) {
        return Ok(());
    }
    let mut others = view.objects(Kind::PRIORITY_CLASS, None).filter(|other| other.name() != object.name());
    match others.find(|other| is_default(other)) {
        Some(other) => {
            let why = format!(
                "PriorityClass {} is already marked as default. Only one default can exist",
                other.name()
            );
            Err(Status::forbidden(Kind::PRIORITY_CLASS, object.name(), &why))
        }
        None => Ok(()),
    }
}
