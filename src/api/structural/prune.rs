//! Fields that the schema does not have (`pkg/apiserver/schema/pruning`).

use serde_json::Value;

use super::{flag, part, property};

/// What every object has, whether or not the schema says so.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Takes away the fields of an object that its schema does not have, and returns their paths in order: `spec.list[0].colour`.
pub fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut pruning = Pruning { path: String::new(), unknown: Vec::new() };
    pruning.object(schema, object, true);
    crate::api::sorting::sort_by(&mut pruning.unknown, |a, b| a.cmp(b));
    pruning.unknown
}

struct Pruning {
    path: String,
    unknown: Vec<String>,
}

impl Pruning {
    fn object(&mut self, schema: &Value, value: &mut Value, is_resource: bool) {
        let is_resource = is_resource || flag(schema, "x-kubernetes-embedded-resource");
        match value {
            Value::Object(fields) => {
                let keep = flag(schema, "x-kubernetes-preserve-unknown-fields");
                let rest =
                    schema.get("additionalProperties").filter(|rest| rest.is_object() || **rest == true);
                let names: Vec<String> = fields.keys().cloned().collect();
                for name in names {
                    if is_resource && META.contains(&name.as_str()) {
                        continue;
                    }
                    let inner = property(schema, &name).or(rest);
                    let before = self.path.len();
                    self.path.push_str(if before == 0 { "" } else { "." });
                    self.path.push_str(&name);
                    match (inner, fields.get_mut(&name)) {
                        (Some(Value::Bool(_)), _) => {}
                        (Some(inner), Some(value)) => self.object(inner, value, false),
                        // What is within an unknown field that is kept is kept with it.
                        _ if keep => {}
                        _ => {
                            fields.remove(&name);
                            self.unknown.push(self.path.clone());
                        }
                    }
                    self.path.truncate(before);
                }
            }
            Value::Array(items) => {
                let Some(inner) = part(schema, "items") else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    let before = self.path.len();
                    self.path.push_str(&format!("[{index}]"));
                    self.object(inner, item, false);
                    self.path.truncate(before);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_without_a_schema_are_taken_away() {
        let schema = json!({"properties": {
            "spec": {"properties": {"a": {"type": "string"}, "list": {"items": {"properties": {"b": {}}}}}},
            "free": {"x-kubernetes-preserve-unknown-fields": true, "properties": {"known": {"properties": {}}}},
            "map": {"additionalProperties": {"properties": {"c": {}}}},
            "template": {"x-kubernetes-embedded-resource": true, "properties": {}},
        }});
        let mut value = json!({
            "kind": "Thing", "metadata": {"name": "x"}, "extra": 1,
            "spec": {"a": "1", "colour": "red", "list": [{"b": 1}, {"b": 1, "x": 2}]},
            "free": {"anything": {"goes": 1}, "known": {"not": 1}},
            "map": {"k": {"c": 1, "d": 2}},
            "template": {"kind": "Pod", "spec": {}},
        });
        let unknown = prune(&schema, &mut value);
        assert_eq!(
            unknown,
            ["extra", "free.known.not", "map.k.d", "spec.colour", "spec.list[1].x", "template.spec"]
        );
        let want = json!({
            "kind": "Thing", "metadata": {"name": "x"},
            "spec": {"a": "1", "list": [{"b": 1}, {"b": 1}]},
            "free": {"anything": {"goes": 1}, "known": {}},
            "map": {"k": {"c": 1}},
            "template": {"kind": "Pod"},
        });
        assert_eq!(value, want);
    }
}
