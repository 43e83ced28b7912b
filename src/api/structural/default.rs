//! Values for fields that are left out (`pkg/apiserver/schema/defaulting`).

use serde_json::Value;

use super::{flag, part, property};

/// Fills in what the schema has a default for. A null where none may be counts as left out.
pub fn default(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
                let Some(default) = inner.get("default").filter(|default| !default.is_null()) else {
                    continue;
                };
                let missing =
                    fields.get(name).is_none_or(|value| value.is_null() && !flag(inner, "nullable"));
                if missing {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in fields {
                let inner = property(schema, name).or_else(|| part(schema, "additionalProperties"));
                if let Some(inner) = inner {
                    if value.is_null() && !flag(inner, "nullable") && inner.get("default").is_some() {
                        *value = inner["default"].clone();
                    }
                    default(inner, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = part(schema, "items") {
                items.iter_mut().for_each(|item| default(inner, item));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_that_are_left_out_get_their_defaults() {
        let schema = json!({"properties": {
            "size": {"type": "integer", "default": 1},
            "spec": {"default": {}, "properties": {"mode": {"default": "fast"}}},
            "list": {"items": {"properties": {"a": {"default": 2}}}},
            "map": {"additionalProperties": {"properties": {"b": {"default": 3}}}},
            "none": {"nullable": true, "default": 4},
        }});
        let mut value = json!({"size": null, "list": [{}, {"a": 5}], "map": {"x": {}}, "none": null});
        default(&schema, &mut value);
        let want = json!({
            "size": 1, "spec": {"mode": "fast"}, "list": [{"a": 2}, {"a": 5}], "map": {"x": {"b": 3}}, "none": null,
        });
        assert_eq!(value, want);
    }
}
