//! The patch of `kubectl apply`: from what was applied before, what is to be, and what is there now, to the change that
//! brings about what the manifest says and leaves alone what it never said.
//!
//! Example: applied before `{replicas: 3, paused: true}`, now to be `{replicas: 3}`, live `{replicas: 5, paused: true,
//! strategy: …}`. The patch is `{replicas: 3, paused: null}`: the manifest wins over a manual scale, a field it no
//! longer has goes, and the default it never had stays.
//!
//! Models apimachinery `strategicpatch.CreateThreeWayMergePatch`.

use serde_json::{Map, Value};

use super::merge_keys::{ListRule, list_rule};
use super::strategic::{delete_from_directive, deletion, order_directive, retain_directive};
use crate::api::Kind;
use crate::api::typed::object;

/// The strategic merge patch; an empty map if nothing is to change.
pub fn create(kind: Kind, original: &Value, modified: &Value, current: &Value) -> Value {
    let empty = Map::new();
    let map = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
    let original = original.as_object().unwrap_or(&empty);
    Value::Object(Differ { kind, path: Vec::new() }.maps(original, &map(modified), &map(current)))
}

struct Differ {
    kind: Kind,
    path: Vec<String>,
}

impl Differ {
    fn maps(
        &mut self,
        original: &Map<String, Value>,
        modified: &Map<String, Value>,
        current: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut patch = Map::new();
        for (key, wanted) in modified {
            self.path.push(key.clone());
            self.field(&mut patch, key, original.get(key), wanted, current.get(key));
            self.path.pop();
        }
        for key in original.keys().filter(|key| !modified.contains_key(*key)) {
            patch.insert(key.clone(), Value::Null);
        }
        if !patch.is_empty() {
            patch.extend(retain_directive(self.kind, &self.path, modified));
        }
        patch
    }

    fn field(
        &mut self,
        patch: &mut Map<String, Value>,
        key: &str,
        original: Option<&Value>,
        wanted: &Value,
        live: Option<&Value>,
    ) {
        match (wanted, live) {
            (Value::Object(wanted), Some(Value::Object(live))) => {
                let empty = Map::new();
                let changes = self.maps(original.and_then(Value::as_object).unwrap_or(&empty), wanted, live);
                if !changes.is_empty() {
                    patch.insert(key.to_string(), Value::Object(changes));
                }
            }
            (Value::Array(wanted), Some(Value::Array(live))) => {
                let original = original.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                self.lists(patch, key, original, wanted, live);
            }
            (wanted, live) if Some(wanted) == live => {}
            (wanted, _) => {
                patch.insert(key.to_string(), wanted.clone());
            }
        }
    }

    fn lists(
        &mut self,
        patch: &mut Map<String, Value>,
        key: &str,
        original: &[Value],
        wanted: &[Value],
        live: &[Value],
    ) {
        match list_rule(self.kind, &self.path) {
            ListRule::Atomic if wanted == live => {}
            ListRule::Atomic => {
                patch.insert(key.to_string(), Value::Array(wanted.to_vec()));
            }
            ListRule::Set => {
                let added: Vec<Value> = wanted.iter().filter(|item| !live.contains(item)).cloned().collect();
                let gone: Vec<Value> =
                    original.iter().filter(|item| !wanted.contains(item)).cloned().collect();
                if added.is_empty() && gone.is_empty() {
                    return;
                }
                patch.insert(order_directive(key), Value::Array(wanted.to_vec()));
                if !added.is_empty() {
                    patch.insert(key.to_string(), Value::Array(added));
                }
                if !gone.is_empty() {
                    patch.insert(delete_from_directive(key), Value::Array(gone));
                }
            }
            ListRule::MergeBy(by) => self.items(patch, key, by, [original, wanted, live]),
        }
    }

    fn items(
        &mut self,
        patch: &mut Map<String, Value>,
        key: &str,
        by: &str,
        [original, wanted, live]: [&[Value]; 3],
    ) {
        let named =
            |list: &'_ [Value], name: &Value| list.iter().find(|item| item.get(by) == Some(name)).cloned();
        let empty = Map::new();
        let mut changes = Vec::new();
        for item in wanted {
            let (Some(name), Value::Object(fields)) = (item.get(by), item) else {
                // An item without its key cannot be matched: the server will say what is missing.
                changes.push(item.clone());
                continue;
            };
            match named(live, name) {
                Some(Value::Object(there)) => {
                    let before = named(original, name);
                    let before = before.as_ref().and_then(Value::as_object).unwrap_or(&empty);
                    let mut change = self.maps(before, fields, &there);
                    if !change.is_empty() {
                        change.insert(by.to_string(), name.clone());
                        changes.push(Value::Object(change));
                    }
                }
                _ => changes.push(item.clone()),
            }
        }
        for name in original.iter().filter_map(|item| item.get(by)) {
            if named(wanted, name).is_none() {
                changes.push(deletion(by, name));
            }
        }
        let order: Vec<&Value> = wanted.iter().filter_map(|item| item.get(by)).collect();
        let live_order: Vec<&Value> =
            live.iter().filter_map(|item| item.get(by)).filter(|name| order.contains(name)).collect();
        if changes.is_empty() && order == live_order {
            return;
        }
        let order = order.into_iter().map(|name| object([(by.to_string(), name.clone())]));
        patch.insert(order_directive(key), Value::Array(order.collect()));
        if !changes.is_empty() {
            patch.insert(key.to_string(), Value::Array(changes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::patch::strategic;
    use serde_json::json;

    fn check(original: &Value, modified: &Value, current: &Value, patch: &Value, result: &Value) {
        let got = create(Kind::DEPLOYMENT, original, modified, current);
        assert_eq!(&got, patch, "patch");
        assert_eq!(strategic::apply(Kind::DEPLOYMENT, current, &got).as_ref(), Ok(result), "result");
    }

    #[test]
    fn the_manifest_wins_and_what_it_never_said_stays() {
        check(
            &json!({"spec": {"replicas": 3, "paused": true}}),
            &json!({"spec": {"replicas": 3}}),
            &json!({"spec": {"replicas": 5, "paused": true, "minReadySeconds": 1}}),
            &json!({"spec": {"replicas": 3, "paused": null}}),
            &json!({"spec": {"replicas": 3, "minReadySeconds": 1}}),
        );
    }

    #[test]
    fn nothing_changes_where_the_live_object_says_it_all() {
        let spec = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}});
        let live = json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [
            {"name": "app", "image": "app:1", "imagePullPolicy": "IfNotPresent"}]}}}});
        check(&spec("app:1"), &spec("app:1"), &live, &json!({}), &live);
    }

    #[test]
    fn items_are_changed_added_and_removed_by_their_key() {
        let spec = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
        check(
            &spec(json!([{"name": "app", "image": "app:1"}, {"name": "old", "image": "old:1"}])),
            &spec(json!([{"name": "app", "image": "app:2"}, {"name": "new", "image": "new:1"}])),
            &spec(
                json!([{"name": "app", "image": "app:1", "imagePullPolicy": "Always"}, {"name": "old", "image": "old:1"}]),
            ),
            &json!({"spec": {"template": {"spec": {
                "$setElementOrder/containers": [{"name": "app"}, {"name": "new"}],
                "containers": [{"name": "app", "image": "app:2"}, {"name": "new", "image": "new:1"},
                    {"name": "old", "$patch": "delete"}]}}}}),
            &spec(
                json!([{"name": "app", "image": "app:2", "imagePullPolicy": "Always"}, {"name": "new", "image": "new:1"}]),
            ),
        );
    }
}
