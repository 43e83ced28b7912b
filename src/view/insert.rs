//! A fix that the scheduler has tried, put into the manifest that the pod comes from. The document is written anew, so its
//! comments and its layout are lost; those of the other documents stay.

use serde_json::{Map, Value, json};

use crate::api::manifest::{self, Limits, to_yaml};
use crate::api::{MetaExt, Pod};

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
pub fn insert(text: &str, pod: &Pod, patch: &[Value]) -> Option<String> {
    if patch.is_empty() {
        return None;
    }
    let stream = manifest::parse(text, &Limits::default());
    for document in &stream.documents {
        let mut tree = document.root.to_value();
        let Some(place) = place_of(&tree, pod) else { continue };
        for operation in patch {
            change(&mut tree, place, operation)?;
        }
        let (before, after) =
            (text.get(..document.span.from as usize)?, text.get(document.span.to as usize..)?);
        let yaml = to_yaml(&tree);
        let newline = if after.is_empty() || after.starts_with('\n') { "" } else { "\n" };
        return Some(format!("{before}{}{newline}{after}", yaml.trim_end()));
    }
    None
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
        let got = insert(text, &pod, &patch).expect("the deployment is there");
        assert!(got.starts_with("# first\nkind: Service\n") && got.ends_with("---\nkind: Other\n"), "{got}");
        assert!(got.contains("      tolerations:\n      - key: gpu\n"), "{got}");
        let stranger = crate::testing::pod("db-1").label("app", "db").build();
        let patch = [json!({"op": "remove", "path": "/spec/nodeSelector"})];
        assert_eq!(insert(text, &stranger, &patch), None);
    }
}
