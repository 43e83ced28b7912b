//! The functions, and what values are to them.

use std::cmp::Ordering;

use serde_json::Value;

use crate::kubectl::print::go_value::go_value;

/// Their names.
pub(super) const FUNCTIONS: [&str; 18] = [
    "len",
    "index",
    "print",
    "println",
    "printf",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "not",
    "exists",
    "base64decode",
    "slice",
    "html",
];

/// A value's type, as errors name it.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        _ => "interface {}",
    }
}

/// Whether an `if` takes a value for true.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A value as a template prints it.
pub(super) fn shown(value: &Value) -> String {
    if value.is_null() { "<no value>".into() } else { go_value(value) }
}

/// Calls a function.
///
/// # Errors
/// In Go's manner.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let wrong = |why: &str| Err(format!("template: output:1: error calling {name}: {why}"));
    let joined = || arguments.iter().map(shown).collect::<Vec<_>>().join(" ");
    Ok(match (name, arguments) {
        ("len", [Value::Array(items)]) => items.len().into(),
        ("len", [Value::Object(map)]) => map.len().into(),
        ("len", [Value::String(text)]) => text.len().into(),
        ("len", [Value::Null]) => return wrong("len of nil pointer"),
        ("index", [base, keys @ ..]) => keys.iter().fold(base.clone(), index),
        ("exists", [base, keys @ ..]) => {
            let found = keys.iter().fold(base.clone(), index);
            Value::Bool(!found.is_null())
        }
        ("slice", [Value::Array(items), from]) => {
            let from = from.as_u64().unwrap_or(0) as usize;
            Value::Array(items.get(from..).unwrap_or_default().to_vec())
        }
        ("print", _) => joined().into(),
        ("println", _) => format!("{}\n", joined()).into(),
        ("printf", [Value::String(format), values @ ..]) => printf(format, values).into(),
        ("html", [value]) => {
            shown(value).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
        }
        ("not", [value]) => Value::Bool(!truth(value)),
        ("and", [.., last]) => arguments.iter().find(|value| !truth(value)).unwrap_or(last).clone(),
        ("or", [.., last]) => arguments.iter().find(|value| truth(value)).unwrap_or(last).clone(),
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            Value::Bool(others.iter().any(|other| compare(first, other) == Some(Ordering::Equal)))
        }
        ("ne", [a, b]) => Value::Bool(compare(a, b) != Some(Ordering::Equal)),
        ("lt", [a, b]) => Value::Bool(compare(a, b) == Some(Ordering::Less)),
        ("le", [a, b]) => Value::Bool(matches!(compare(a, b), Some(Ordering::Less | Ordering::Equal))),
        ("gt", [a, b]) => Value::Bool(compare(a, b) == Some(Ordering::Greater)),
        ("ge", [a, b]) => Value::Bool(matches!(compare(a, b), Some(Ordering::Greater | Ordering::Equal))),
        ("base64decode", [Value::String(text)]) => match crate::api::manifest::base64_decode(text).ok() {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
            None => return wrong("illegal base64 data"),
        },
        _ => return wrong("wrong number or kind of arguments"),
    })
}

fn index(value: Value, key: &Value) -> Value {
    match (value, key) {
        (Value::Object(mut map), Value::String(key)) => map.remove(key).unwrap_or(Value::Null),
        (Value::Array(mut items), key) => {
            let at = key.as_u64().and_then(|at| usize::try_from(at).ok()).filter(|at| *at < items.len());
            at.map_or(Value::Null, |at| items.swap_remove(at))
        }
        _ => Value::Null,
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_i64()?.partial_cmp(&b.as_i64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) if a == b => Some(Ordering::Equal),
        _ => None,
    }
}

/// `%s`, `%v`, `%d`, `%q`, `%t`, `%%`, with a width as in `%-20s`.
fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let spec = &rest[at + 1..];
        let end = spec.find(|c: char| c.is_alphabetic() || c == '%').unwrap_or(spec.len());
        let (flags, verb) = (&spec[..end], spec[end..].chars().next());
        rest = spec.get(end + verb.map_or(0, char::len_utf8)..).unwrap_or_default();
        let text = match verb {
            Some('%') => "%".to_string(),
            Some('q') => format!("{:?}", values.next().map(shown).unwrap_or_default()),
            Some(verb) => values.next().map_or_else(|| format!("%!{verb}(MISSING)"), shown),
            None => "%!(NOVERB)".into(),
        };
        let width = flags.trim_start_matches('-').parse::<usize>().unwrap_or(0).min(1_000);
        match flags.starts_with('-') {
            true => out.push_str(&format!("{text:<width$}")),
            false => out.push_str(&format!("{text:>width$}")),
        }
    }
    out.push_str(rest);
    out
}
