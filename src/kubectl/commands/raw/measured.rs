//! What pods and nodes use, at the paths of the metrics API.

use serde_json::{Value, json};

use crate::api::{MetaExt, Node, Object, Pod, typed};
use crate::client::authorization::Attributes;
use crate::client::metrics::Use;
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;

const VERSION: &str = "metrics.k8s.io/v1beta1";
/// Over how long a measure is taken.
const WINDOW: &str = "10s";

/// The document at a path of the metrics API; nothing at any other, and where nothing is measured.
pub fn answer(call: &Call<'_, '_>, path: &str) -> Option<Result<Value, Failure>> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let ["apis", "metrics.k8s.io", "v1beta1", rest @ ..] = parts.as_slice() else { return None };
    let metrics = call.client.server().metrics().cloned()?;
    let (namespace, plural, name) = match rest {
        ["nodes"] => (None, "nodes", None),
        ["nodes", name] => (None, "nodes", Some(*name)),
        ["pods"] => (None, "pods", None),
        ["namespaces", namespace, "pods"] => (Some(*namespace), "pods", None),
        ["namespaces", namespace, "pods", name] => (Some(*namespace), "pods", Some(*name)),
        _ => return None,
    };
    let asked = Attributes {
        verb: if name.is_some() { "get" } else { "list" }.into(),
        group: "metrics.k8s.io".into(),
        resource: plural.into(),
        name: name.unwrap_or_default().into(),
        namespace: namespace.map(String::from),
        ..Attributes::default()
    };
    if let Err(status) = call.client.authorize(&asked) {
        return Some(Err(status.into()));
    }
    let view = call.client.live();
    let items: Vec<Value> = if plural == "nodes" {
        let measured = view.list::<Node>(None).filter_map(|node| {
            let used = metrics.of_node(node, view)?;
            Some(about(call, &Object::from(node.clone()), json!({"usage": usage(used)})))
        });
        measured.collect()
    } else {
        let measured = view.list::<Pod>(namespace).filter_map(|pod| {
            let used = metrics.of_pod(pod, view)?.into_iter();
            let containers = used.map(|(name, used)| json!({"name": name.to_string(), "usage": usage(used)}));
            let containers = json!({"containers": containers.collect::<Vec<_>>()});
            Some(about(call, &Object::from(pod.clone()), containers))
        });
        measured.collect()
    };
    let kind = if plural == "nodes" { "NodeMetrics" } else { "PodMetrics" };
    let Some(name) = name else {
        let list =
            json!({"kind": format!("{kind}List"), "apiVersion": VERSION, "metadata": {}, "items": items});
        return Some(Ok(list));
    };
    let Some(mut item) = items.into_iter().find(|item| item["metadata"]["name"] == name) else {
        let full = namespace.map_or(name.to_string(), |namespace| format!("{namespace}/{name}"));
        let text = format!(
            "Error from server (NotFound): {}.metrics.k8s.io \"{full}\" not found",
            kind.to_lowercase()
        );
        return Some(Err(Failure::message(text)));
    };
    item["kind"] = kind.into();
    item["apiVersion"] = VERSION.into();
    Some(Ok(item))
}

/// A measure with whose it is and when it was taken.
fn about(call: &Call<'_, '_>, object: &Object, mut measure: Value) -> Value {
    let now = typed::write(&call.client.now().to_time());
    let mut metadata = json!({"name": object.name(), "creationTimestamp": now});
    if !object.namespace().is_empty() {
        metadata["namespace"] = object.namespace().into();
    }
    if !object.labels().is_empty() {
        metadata["labels"] = json!(object.labels());
    }
    measure["metadata"] = metadata;
    measure["timestamp"] = now;
    measure["window"] = WINDOW.into();
    measure
}

/// Nanoseconds of CPU in a second, and kibibytes.
fn usage(used: Use) -> Value {
    json!({"cpu": format!("{}n", used.cpu * 1_000_000), "memory": format!("{}Ki", used.memory / 1_000 / 1_024)})
}
