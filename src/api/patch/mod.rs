//! Changes to an object, as data: what `kubectl apply` and `kubectl patch` send. All of it works on plain JSON and
//! knows of a kind only how its lists merge.

pub mod json_patch;
pub mod merge_keys;
pub mod strategic;
pub mod three_way;

use serde_json::{Map, Value};

/// Applies a JSON merge patch (RFC 7386): a null removes, a map merges, everything else replaces.
pub fn json_merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            json_merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_merges_maps_and_replaces_the_rest() {
        let cases = [
            (json!({"a": 1, "b": 2}), json!({"b": null, "c": 3}), json!({"a": 1, "c": 3})),
            (json!({"a": {"b": 1}}), json!({"a": {"c": 2}}), json!({"a": {"b": 1, "c": 2}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": 1}), json!({"a": {"b": null, "c": 2}}), json!({"a": {"c": 2}})),
        ];
        for (mut target, patch, want) in cases {
            json_merge(&mut target, &patch);
            assert_eq!(target, want, "{patch}");
        }
    }
}
