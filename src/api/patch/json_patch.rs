//! JSON Patch (RFC 6902), as `kubectl patch --type=json` sends it.

use serde_json::Value;

/// Applies a list of operations, all or none.
///
/// # Errors
/// A sentence in the words of the API server's JSON patch library.
pub fn apply(target: &Value, patch: &Value) -> Result<Value, String> {
    let mut result = target.clone();
    let operations =
        patch.as_array().ok_or("json: cannot unmarshal object into Go value of type jsonpatch.Patch")?;
    for operation in operations {
        let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or_default();
        let value = || operation.get("value").cloned().unwrap_or(Value::Null);
        let path = text("path");
        match text("op") {
            "add" => add(&mut result, path, value())?,
            "remove" => {
                remove(&mut result, path)
                    .ok_or_else(|| missing("remove", path, "Unable to remove nonexistent key"))?;
            }
            "replace" => {
                let place =
                    result.pointer_mut(path).ok_or_else(|| missing("replace", path, "missing value"))?;
                *place = value();
            }
            "move" => {
                let moved = remove(&mut result, text("from"))
                    .ok_or_else(|| missing("move", text("from"), "missing value"))?;
                add(&mut result, path, moved)?;
            }
            "copy" => {
                let copied = result.pointer(text("from")).cloned();
                add(
                    &mut result,
                    path,
                    copied.ok_or_else(|| missing("copy", text("from"), "missing value"))?,
                )?;
            }
            "test" if result.pointer(path).unwrap_or(&Value::Null) == &value() => {}
            "test" => return Err(format!("testing value {path} failed: test failed")),
            other => return Err(format!("Unexpected kind: {other}")),
        }
    }
    Ok(result)
}

fn missing(operation: &str, path: &str, why: &str) -> String {
    format!("{operation} operation does not apply: doc is missing path: {path:?}: {why}")
}

/// The path of what holds `path`, and the last step, with `~1` and `~0` undone.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let absent = || missing("add", path, "missing value");
    let (parent, last) = split(path).ok_or_else(absent)?;
    match target.pointer_mut(parent).ok_or_else(absent)? {
        Value::Object(fields) => {
            fields.insert(last, value);
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { last.parse().map_err(|_| absent())? };
            if at > items.len() {
                return Err(format!("Unable to access invalid index: {at}: invalid index referenced"));
            }
            items.insert(at, value);
        }
        _ => return Err(absent()),
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(fields) => fields.remove(&last),
        Value::Array(items) => {
            let at = last.parse().ok().filter(|at: &usize| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_apply_in_order_or_not_at_all() {
        let target = json!({"spec": {"list": [1, 2], "n": 1}, "a/b": 0});
        let cases = [
            (
                json!([{"op": "replace", "path": "/spec/n", "value": 3}]),
                Some(json!({"spec": {"list": [1, 2], "n": 3}, "a/b": 0})),
            ),
            (
                json!([{"op": "add", "path": "/spec/list/-", "value": 3}]),
                Some(json!({"spec": {"list": [1, 2, 3], "n": 1}, "a/b": 0})),
            ),
            (
                json!([{"op": "add", "path": "/spec/list/0", "value": 0}]),
                Some(json!({"spec": {"list": [0, 1, 2], "n": 1}, "a/b": 0})),
            ),
            (
                json!([{"op": "remove", "path": "/spec/list/0"}, {"op": "remove", "path": "/a~1b"}]),
                Some(json!({"spec": {"list": [2], "n": 1}})),
            ),
            (json!([{"op": "test", "path": "/spec/n", "value": 2}]), None),
            (json!([{"op": "remove", "path": "/spec/nope"}]), None),
            (json!([{"op": "add", "path": "/spec/list/9", "value": 0}]), None),
            (json!({"op": "add"}), None),
        ];
        for (patch, want) in cases {
            assert_eq!(apply(&target, &patch).ok(), want, "{patch}");
        }
    }
}
