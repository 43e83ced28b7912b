//! `kubectl apply`'s three-way merge: what the manifest says now, what it said the last time, and what is live. A field that was
//! in the manifest and is no longer goes; a field that somebody else has set stays.

use serde_json::{Map, Value};

/// By which field the elements of a list are told apart, where a list is merged rather than replaced
/// (`patchMergeKey` in the API's types).
const MERGE_KEYS: [(&str, &[&str]); 13] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("env", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("schedulingGates", &["name"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("conditions", &["type"]),
    ("ports", &["containerPort", "port"]),
];

/// Applies to `live` what changed between `last` and `new`.
pub fn three_way(last: &Value, new: &Value, live: &Value) -> Value {
    merge_value("", Some(last), new, live)
}

fn merge_value(field: &str, last: Option<&Value>, new: &Value, live: &Value) -> Value {
    match (new, live) {
        (Value::Object(new), Value::Object(live)) => {
            let empty = Map::new();
            let last = last.and_then(Value::as_object).unwrap_or(&empty);
            Value::Object(merge_map(last, new, live))
        }
        (Value::Array(new), Value::Array(live)) => match merge_key(field, new) {
            Some(key) => {
                let last = last.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                Value::Array(merge_list(key, last, new, live))
            }
            None => Value::Array(new.clone()),
        },
        _ => new.clone(),
    }
}

fn merge_map(
    last: &Map<String, Value>,
    new: &Map<String, Value>,
    live: &Map<String, Value>,
) -> Map<String, Value> {
    let mut merged = live.clone();
    for key in last.keys().filter(|key| !new.contains_key(*key)) {
        merged.remove(key);
    }
    for (key, value) in new {
        if value.is_null() {
            merged.remove(key);
            continue;
        }
        let value = match live.get(key) {
            Some(live) => merge_value(key, last.get(key), value, live),
            None => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    // The two strategies exclude one another: turning to Recreate drops the bounds that the server filled in.
    if merged.get("type").and_then(Value::as_str) == Some("Recreate") && !new.contains_key("rollingUpdate") {
        merged.remove("rollingUpdate");
    }
    merged
}

fn merge_key(field: &str, elements: &[Value]) -> Option<&'static str> {
    let (_, keys) = MERGE_KEYS.iter().find(|(name, _)| *name == field)?;
    keys.iter()
        .copied()
        .find(|key| !elements.is_empty() && elements.iter().all(|element| element.get(key).is_some()))
}

fn merge_list(key: &str, last: &[Value], new: &[Value], live: &[Value]) -> Vec<Value> {
    let find = |list: &[Value], id: &Value| list.iter().find(|element| element.get(key) == Some(id)).cloned();
    let id = |element: &Value| element.get(key).cloned().unwrap_or(Value::Null);
    let mut merged: Vec<Value> = Vec::new();
    for element in new {
        let id = id(element);
        merged.push(match find(live, &id) {
            Some(live) => merge_value("", find(last, &id).as_ref(), element, &live),
            None => element.clone(),
        });
    }
    // What others have added stays; what the manifest once had and has no longer goes.
    let theirs = |element: &&Value| find(new, &id(element)).is_none() && find(last, &id(element)).is_none();
    merged.extend(live.iter().filter(theirs).cloned());
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_left_the_manifest_goes_and_a_foreign_one_stays() {
        let merged = three_way(&json!({"a": 1, "b": 2}), &json!({"b": 3}), &json!({"a": 1, "b": 2, "c": 4}));
        assert_eq!(merged, json!({"b": 3, "c": 4}));
    }

    #[test]
    fn containers_are_told_apart_by_name_and_keep_what_the_server_filled_in() {
        let last = json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]});
        let new = json!({"containers": [{"name": "a", "image": "x:2"}]});
        let live = json!({"containers": [{"name": "a", "image": "x:1", "imagePullPolicy": "Always"}, {"name": "b", "image": "y"},
                                         {"name": "injected", "image": "z"}]});
        let want = json!({"containers": [{"name": "a", "image": "x:2", "imagePullPolicy": "Always"}, {"name": "injected", "image": "z"}]});
        assert_eq!(three_way(&last, &new, &live), want);
    }

    #[test]
    fn a_plain_list_is_replaced() {
        assert_eq!(
            three_way(&json!({}), &json!({"args": ["a"]}), &json!({"args": ["b", "c"]})),
            json!({"args": ["a"]})
        );
    }
}
