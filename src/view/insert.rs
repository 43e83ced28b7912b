//! From a pod to the manifest it comes from: a fix that the scheduler has tried is put there, and a field is found there.

use serde_json::{Map, Value, json};

use super::edit::edit;
use crate::api::manifest::{self, Limits, Span};
use crate::api::{Key, MetaExt, Pod};
use crate::apiserver::View;

/// Where the pod's fields stand in each kind that makes pods.
const PLACES: [(&str, &str); 8] = [
    ("Pod", ""),
    ("Deployment", "/spec/template"),
    ("ReplicaSet", "/spec/template"),
    ("ReplicationController", "/spec/template"),
    ("StatefulSet", "/spec/template"),
    ("DaemonSet", "/spec/template"),
    ("Job", "/spec/template"),
    ("CronJob", "/spec/jobTemplate/spec/template"),
];

/// The manifest with a fix made: a JSON patch of the pod. `None` if there is nothing to change, or if the manifest does not hold
/// the pod or what makes it.
pub fn insert(text: &str, view: &View, pod: &Key, patch: &[Value]) -> Option<String> {
    let pod = view.get::<Pod>(&pod.namespace, &pod.name)?;
    if patch.is_empty() { None } else { insert_for(text, pod, patch) }
}

fn insert_for(text: &str, pod: &Pod, patch: &[Value]) -> Option<String> {
    let stream = manifest::parse(text, &Limits::default());
    for document in &stream.documents {
        let mut tree = document.root.to_value();
        let Some(place) = place_of(&tree, pod) else { continue };
        for operation in patch {
            change(&mut tree, place, operation)?;
        }
        return Some(edit(text, document, &tree));
    }
    None
}

/// Where a field of the pod (`spec.tolerations`), or the last thing on the way to it that is there, stands in the manifest that
/// the pod comes from. `None` if the manifest does not hold it.
pub fn locate(text: &str, view: &View, pod: &Key, field: &str) -> Option<Span> {
    locate_for(text, view.get::<Pod>(&pod.namespace, &pod.name)?, field)
}

fn locate_for(text: &str, pod: &Pod, field: &str) -> Option<Span> {
    let stream = manifest::parse(text, &Limits::default());
    stream.documents.iter().find_map(|document| {
        let place = place_of(&document.root.to_value(), pod)?.replace('/', ".");
        let found = document.root.locate_nearest(&format!("{place}.{field}"));
        Some(found.key.unwrap_or(found.value))
    })
}

/// Where the pod's fields stand in a document, if it is the pod or what makes it.
fn place_of(tree: &Value, pod: &Pod) -> Option<&'static str> {
    let kind = tree["kind"].as_str()?;
    let (_, place) = PLACES.iter().find(|(known, _)| *known == kind)?;
    let name = tree["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = tree["metadata"]["namespace"].as_str();
    if namespace.is_some_and(|namespace| namespace != pod.namespace()) {
        return None;
    }
    if place.is_empty() {
        return (name == pod.name()).then_some(place);
    }
    let labels = tree.pointer(&format!("{place}/metadata/labels")).and_then(Value::as_object);
    let carries =
        |(key, value): (&String, &Value)| pod.labels().get(key).map(String::as_str) == value.as_str();
    let is_it = pod.name().starts_with(&format!("{name}-")) && labels.into_iter().flatten().all(carries);
    is_it.then_some(place)
}

/// One operation of a JSON patch. What it leads through is made where it is missing: the server fills in what manifests leave
/// out.
fn change(tree: &mut Value, place: &str, operation: &Value) -> Option<()> {
    let path = format!("{place}{}", operation["path"].as_str()?);
    let steps: Vec<String> =
        path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let (last, through) = steps.split_last()?;
    let mut at = tree;
    for (number, step) in through.iter().enumerate() {
        let next = &steps[number + 1];
        let empty = if next == "-" || next.parse::<usize>().is_ok() { json!([]) } else { json!({}) };
        at = match at {
            Value::Array(list) => list.get_mut(step.parse::<usize>().ok()?)?,
            other => {
                if other.is_null() {
                    *other = Value::Object(Map::new());
                }
                other.as_object_mut()?.entry(step.clone()).or_insert(empty)
            }
        };
    }
    let value = operation.get("value").cloned();
    match (operation["op"].as_str()?, at) {
        ("remove", Value::Object(map)) => map.remove(last).map(|_| ()),
        ("remove", Value::Array(list)) => {
            let index = last.parse::<usize>().ok().filter(|index| *index < list.len())?;
            list.remove(index);
            Some(())
        }
        ("add" | "replace", Value::Object(map)) => {
            map.insert(last.clone(), value?);
            Some(())
        }
        ("add", Value::Array(list)) if last == "-" => {
            list.push(value?);
            Some(())
        }
        ("add", Value::Array(list)) => {
            let index = last.parse::<usize>().ok().filter(|index| *index <= list.len())?;
            list.insert(index, value?);
            Some(())
        }
        ("replace", Value::Array(list)) => {
            *list.get_mut(last.parse::<usize>().ok()?)? = value?;
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pod;

    #[test]
    fn a_fix_goes_to_the_template_that_makes_the_pod() {
        let text = "# first\nkind: Service\nmetadata: {name: web}\n---\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    metadata:\n      labels: {app: web}\n    spec: {}\n---\nkind: Other\n";
        let pod = pod("web-5d8b-x").label("app", "web").build();
        let patch = [json!({"op": "add", "path": "/spec/tolerations/-", "value": {"key": "gpu"}})];
        let got = insert_for(text, &pod, &patch).expect("the deployment is there");
        assert!(got.starts_with("# first\nkind: Service\n") && got.ends_with("---\nkind: Other\n"), "{got}");
        assert!(got.contains("    spec:\n      tolerations:\n      - key: gpu\n"), "{got}");
        let at = locate_for(&got, &pod, "spec.tolerations").expect("it is there now");
        assert_eq!(&got[at.from as usize..at.to as usize], "tolerations");
        let stranger = crate::testing::pod("db-1").label("app", "db").build();
        let patch = [json!({"op": "remove", "path": "/spec/nodeSelector"})];
        assert_eq!(insert_for(text, &stranger, &patch), None);
    }
}
