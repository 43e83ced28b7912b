//! Lists that are sets or maps have no item twice (`pkg/apiserver/schema/listtype`).

use serde_json::Value;

use super::{part, property};
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::typed;

/// The items of sets and maps that came before.
pub fn validate_lists(schema: &Value, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, value, &Path::default(), &mut errors);
    errors
}

fn walk(schema: &Value, value: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let (inner, at) = match (property(schema, name), part(schema, "additionalProperties")) {
                    (Some(inner), _) => (inner, path.child(name)),
                    (None, Some(inner)) => (inner, path.key(name)),
                    (None, None) => continue,
                };
                walk(inner, value, &at, errors);
            }
        }
        Value::Array(items) => {
            let Some(inner) = part(schema, "items") else { return };
            for (index, item) in items.iter().enumerate() {
                walk(inner, item, &path.index(index), errors);
            }
            let keys = match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => items.clone(),
                Some("map") => items.iter().map(|item| keys_of(schema, inner, item)).collect(),
                _ => return,
            };
            for (index, key) in keys.iter().enumerate() {
                // A third one of the same is not reported again.
                if keys[..index].iter().filter(|earlier| *earlier == key).count() == 1 {
                    let shown = key.as_str().map_or_else(|| key.to_string(), quoted);
                    errors.push(FieldError::duplicate(&path.index(index), shown));
                }
            }
        }
        _ => {}
    }
}

/// The fields by which items of a map are told apart, with their defaults.
fn keys_of(schema: &Value, inner: &Value, item: &Value) -> Value {
    let names = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
    typed::object(names.filter_map(Value::as_str).filter_map(|name| {
        let value = item.get(name).or_else(|| property(inner, name)?.get("default"))?;
        Some((name.to_string(), value.clone()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_is_twice_in_a_set_or_a_map() {
        let schema = json!({"properties": {
            "set": {"x-kubernetes-list-type": "set", "items": {}},
            "map": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {"properties": {"protocol": {"default": "TCP"}}}},
        }});
        let value = json!({
            "set": ["a", "b", "a", "a"],
            "map": [{"port": 1}, {"port": 1, "protocol": "UDP"}, {"port": 1, "protocol": "TCP", "x": 1}],
        });
        let errors: Vec<String> = validate_lists(&schema, &value).iter().map(FieldError::to_string).collect();
        assert_eq!(
            errors,
            ["map[2]: Duplicate value: {\"port\":1,\"protocol\":\"TCP\"}", "set[2]: Duplicate value: \"a\""]
        );
    }
}
