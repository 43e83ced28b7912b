//! Checks of a scenario: do the objects look as they should?

use serde_json::Value;

use super::schema::Expectation;
use crate::api::{Kind, MetaExt};
use crate::apiserver::View;

/// How an expectation turned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// The expectation and what was found, in one line.
    pub text: String,
}

/// Holds an expectation against the cluster.
pub fn check(expectation: &Expectation, view: &View) -> Verdict {
    let wanted = describe(expectation);
    let Some(kind) = find_kind(&expectation.kind) else {
        return Verdict { holds: false, text: format!("{wanted}: there is no kind {}", expectation.kind) };
    };
    let namespace = expectation.namespace.as_deref().filter(|_| kind.info().namespaced);
    let found = view.objects(kind, namespace).filter(|object| {
        let named = expectation.name.as_ref().is_none_or(|name| object.name() == name);
        named && (expectation.fields.is_empty() || has_fields(expectation, &object.to_value()))
    });
    let found = u32::try_from(found.count()).unwrap_or(u32::MAX);
    let holds = expectation.count.map_or(found > 0, |count| found == count);
    Verdict { holds, text: format!("{wanted}: found {found}") }
}

fn find_kind(word: &str) -> Option<Kind> {
    Kind::all().find(|kind| kind.name() == word).or_else(|| Kind::from_resource_word(word))
}

fn has_fields(expectation: &Expectation, object: &Value) -> bool {
    expectation.fields.iter().all(|(path, value)| lookup(object, path) == Some(value))
}

fn describe(expectation: &Expectation) -> String {
    let mut text = match expectation.count {
        Some(count) => format!("{count} {}", expectation.kind),
        None => expectation.kind.clone(),
    };
    if let Some(name) = &expectation.name {
        text.push_str(&format!(" {name}"));
    }
    if let Some(namespace) = &expectation.namespace {
        text.push_str(&format!(" in {namespace}"));
    }
    let fields: Vec<_> = expectation.fields.iter().map(|(path, value)| format!("{path} = {value}")).collect();
    if !fields.is_empty() {
        text.push_str(&format!(" with {}", fields.join(", ")));
    }
    text
}

/// The value at a path such as `status.conditions[Ready].status`: parts are separated by points, and `[...]` chooses from
/// a list by index, by `type` or by `name`. A key that has points of its own goes into brackets too:
/// `metadata.labels[app.kubernetes.io/name]`.
pub fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = value;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let (inside, tail) = bracket.split_once(']')?;
            value = choose(value, inside)?;
            rest = tail.strip_prefix('.').unwrap_or(tail);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            value = value.get(&rest[..end])?;
            rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        }
    }
    Some(value)
}

fn choose<'a>(value: &'a Value, which: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => match which.parse::<u32>() {
            Ok(index) => items.get(index as usize),
            Err(_) => items.iter().find(|item| item["type"] == which || item["name"] == which),
        },
        other => other.get(which),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_reach_into_maps_and_lists() {
        let value = json!({
            "metadata": {"labels": {"a.b/c": "x"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        });
        let cases = [
            ("status.conditions[Ready].status", Some("True")),
            ("status.conditions[0].type", Some("Ready")),
            ("metadata.labels[a.b/c]", Some("x")),
            ("status.conditions[Gone].status", None),
            ("status.phase", None),
            ("status.conditions[Ready", None),
        ];
        for (path, want) in cases {
            assert_eq!(lookup(&value, path).and_then(Value::as_str), want, "{path}");
        }
    }
}
