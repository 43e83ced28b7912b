//! Differences between what was recorded and what the model did, in words.

use serde_json::Value;

/// More differences than this within one object or text are only counted.
const SHOWN_MAX: usize = 12;

/// Adds the first lines in which two texts differ.
pub fn texts(what: &str, recorded: &str, ours: &str, differences: &mut Vec<String>) {
    if recorded == ours {
        return;
    }
    let mut shown = vec![format!("{what}:")];
    let (left, right): (Vec<_>, Vec<_>) = (recorded.lines().collect(), ours.lines().collect());
    for line in 0..left.len().max(right.len()) {
        let (recorded, ours) =
            (left.get(line).unwrap_or(&"(no line)"), right.get(line).unwrap_or(&"(no line)"));
        if recorded != ours && shown.len() < SHOWN_MAX {
            shown.push(format!("    recorded {recorded}\n    here     {ours}"));
        }
    }
    if shown.len() == 1 {
        shown.push("    only the line ends differ".into());
    }
    differences.push(shown.join("\n"));
}

/// Adds the fields in which two values differ.
pub fn values(what: &str, recorded: &Value, ours: &Value, differences: &mut Vec<String>) {
    let mut found = Vec::new();
    walk("", recorded, ours, &mut found);
    if found.is_empty() {
        return;
    }
    let more = found.len().saturating_sub(SHOWN_MAX);
    found.truncate(SHOWN_MAX);
    if more > 0 {
        found.push(format!("    and {more} more"));
    }
    differences.push(format!("{what}:\n{}", found.join("\n")));
}

fn walk(path: &str, recorded: &Value, ours: &Value, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                walk(&format!("{path}.{key}"), value, right.get(key).unwrap_or(&Value::Null), found);
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                walk(&format!("{path}.{key}"), &Value::Null, value, found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                let at = |items: &[Value]| items.get(index).cloned().unwrap_or(Value::Null);
                walk(&format!("{path}[{index}]"), &at(left), &at(right), found);
            }
        }
        _ if recorded == ours => {}
        _ => found.push(format!("    {path}: recorded {}, here {}", brief(recorded), brief(ours))),
    }
}

fn brief(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_names_its_field() {
        let mut found = Vec::new();
        values(
            "Pod a",
            &json!({"spec": {"x": [1, 2]}}),
            &json!({"spec": {"x": [1, 3], "y": true}}),
            &mut found,
        );
        let want = "Pod a:\n    .spec.x[1]: recorded 2, here 3\n    .spec.y: recorded nothing, here true";
        assert_eq!(found, [want]);
    }
}
