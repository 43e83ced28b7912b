//! What differs between two trees, field by field.

use serde_json::Value;

/// A field that differs: its path, what it was and what it is; a dash for nothing.
pub type Difference = (String, String, String);

/// At most so many differences, in the order of the fields; then one that only says that there are more.
pub fn differences(before: &Value, after: &Value, most: usize) -> Vec<Difference> {
    let mut found = Vec::new();
    differ(before, after, "", most, &mut found);
    found
}

fn differ(before: &Value, after: &Value, path: &str, most: usize, found: &mut Vec<Difference>) {
    if before == after || found.len() > most {
        return;
    }
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differ(&before[key.as_str()], &after[key.as_str()], &path, most, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                differ(a, b, &format!("{path}[{at}]"), most, found);
            }
        }
        _ if found.len() == most => found.push(("…".into(), String::new(), String::new())),
        _ => found.push((path.into(), leaf(before), leaf(after))),
    }
}

/// A value on one line.
pub fn leaf(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
