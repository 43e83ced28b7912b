//! The parts of an object that have a path of their own: `status`, `scale`, `resize`.

use serde_json::{Value, json};

use super::print::fields::Fields;
use crate::api::selector::format_labels;
use crate::api::{Kind, Object, schema};
use crate::client::View;

/// The group and kind of what `scale` reads as.
pub const SCALE: &str = "scale.autoscaling";

/// Whether objects of a kind have a part.
pub fn has(view: &View, kind: Kind, part: &str) -> bool {
    match part {
        "status" if kind.is_custom() => {
            let version = view.definition(kind).and_then(|definition| definition.preferred());
            version.is_some_and(|version| version.has_status())
        }
        "status" => {
            let fields = schema::kind(&kind.api_version(), kind.name());
            fields.is_some_and(|fields| fields.field("status").is_some())
        }
        "scale" => replicas_pointer(view, kind).is_some(),
        "resize" => kind == Kind::POD,
        _ => false,
    }
}

/// Where a kind with the subresource `scale` has its number of replicas: `/spec/replicas`.
pub fn replicas_pointer(view: &View, kind: Kind) -> Option<String> {
    const BUILT_IN: [Kind; 4] =
        [Kind::DEPLOYMENT, Kind::REPLICA_SET, Kind::REPLICATION_CONTROLLER, Kind::STATEFUL_SET];
    let custom = || view.definition(kind)?.preferred()?.scale().map(|scale| scale.replicas.replace('.', "/"));
    if BUILT_IN.contains(&kind) { Some("/spec/replicas".into()) } else { custom() }
}

/// An object's scale: how many it wants, how many it has, and which pods those are.
pub fn scale_of(view: &View, object: &Object) -> Option<Value> {
    let kind = object.kind();
    let value = object.to_value();
    let wanted = value.pointer(&replicas_pointer(view, kind)?).and_then(Value::as_i64).unwrap_or(0);
    let (current, selector) =
        match view.definition(kind).and_then(|definition| definition.preferred()?.scale()) {
            Some(scale) => {
                let at = |path: &str| value.pointer(&path.replace('.', "/")).cloned().unwrap_or_default();
                let selector = at(scale.selector).as_str().map(str::to_string).unwrap_or_default();
                (at(scale.current).as_i64().unwrap_or(0), selector)
            }
            None if kind == Kind::REPLICATION_CONTROLLER => {
                (value.int("status.replicas"), format_labels(&value.map("spec.selector")))
            }
            None => (value.int("status.replicas"), value.selector("spec.selector")),
        };
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(known) = value["metadata"].get(field) {
            metadata[field] = known.clone();
        }
    }
    let mut scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {}, "status": {"replicas": current},
    });
    if wanted != 0 {
        scale["spec"]["replicas"] = wanted.into();
    }
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    Some(scale)
}
