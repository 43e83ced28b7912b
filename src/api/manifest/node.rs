//! The spanned tree: what a document says, and where it says it.

use super::scalar::json_float;
use super::source::Span;
use crate::api::typed::object;
use serde_json::{Number, Value};

/// A value of a document with its bytes. A value that came through an alias keeps the span of the anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub kind: Kind,
    pub span: Span,
}

/// The shapes of a value, after YAML 1.1's scalar rules (`yes` is a [`Kind::Bool`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    /// Also integers beyond 64 bits. Never infinite or NaN: the API has no word for those.
    Float(f64),
    Str(String),
    Seq(Vec<Node>),
    /// In the order of the text; keys are unique.
    Map(Vec<Entry>),
}

/// One key of a map. Keys that are not strings in the text (`1: x`) are given as strings.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

/// Where a field stands: its key (none for an item of a list and for the root) and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub key: Option<Span>,
    pub value: Span,
}

impl Node {
    /// The value of a key, for maps.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    /// The plain value, as kubectl would send it: maps sorted by key, whole floats as integers.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Int(n) => Value::Number((*n).into()),
            Kind::Float(f) => float(*f),
            Kind::Str(text) => Value::String(text.clone()),
            Kind::Seq(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Map(entries) => {
                object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_value())))
            }
        }
    }

    /// Finds a field by a path in the API server's style: `spec.containers[0].image`,
    /// `metadata.labels[app.kubernetes.io/name]`, `metadata.labels.key`, `spec.ports[name="http"].port`.
    /// A key that holds dots is found as one key. The empty path is the root.
    pub fn locate(&self, path: &str) -> Option<Location> {
        self.descend(path, None, &mut |_| ())
    }

    /// Like [`Node::locate`], but a path that leaves the tree gives its last ancestor that exists: the place to
    /// show an error about a field that is missing.
    pub fn locate_nearest(&self, path: &str) -> Location {
        let mut nearest = Location { key: None, value: self.span };
        self.descend(path, None, &mut |at| nearest = at).unwrap_or(nearest)
    }

    fn descend(&self, path: &str, key: Option<Span>, seen: &mut dyn FnMut(Location)) -> Option<Location> {
        let here = Location { key, value: self.span };
        seen(here);
        let rest = path.strip_prefix('.').unwrap_or(path);
        if rest.is_empty() {
            return Some(here);
        }
        if let Some((inside, rest)) = bracket(rest) {
            let (child, key) = self.child(inside)?;
            return child.descend(rest, key, seen);
        }
        // The longest key first, so that `labels.app.kubernetes.io/name` finds the key with dots.
        let ends = std::iter::once(rest.len()).chain(rest.rmatch_indices(['.', '[']).map(|(at, _)| at));
        for end in ends {
            if let Some(entry) = self.entry(&rest[..end]) {
                let found = entry.value.descend(&rest[end..], Some(entry.key_span), seen);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// The child a bracket names: an index, a key, or `name="x"` for the list item with that field.
    fn child(&self, inside: &str) -> Option<(&Node, Option<Span>)> {
        match &self.kind {
            Kind::Map(_) => {
                let key = inside.strip_prefix('"').and_then(|k| k.strip_suffix('"')).unwrap_or(inside);
                self.entry(key).map(|entry| (&entry.value, Some(entry.key_span)))
            }
            Kind::Seq(items) => match inside.split_once('=') {
                None => items.get(inside.parse::<usize>().ok()?).map(|item| (item, None)),
                Some((field, want)) => items
                    .iter()
                    .find(|item| {
                        let found = item.get(field).map(|value| match value.to_value() {
                            Value::String(text) => text,
                            other => other.to_string(),
                        });
                        found.as_deref() == Some(want.trim_matches('"'))
                    })
                    .map(|item| (item, None)),
            },
            _ => None,
        }
    }
}

/// Splits `[inside]rest`.
fn bracket(path: &str) -> Option<(&str, &str)> {
    let (inside, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((inside, rest))
}

/// JSON has one kind of number: `1.0` is written `1`, and read back as an integer.
fn float(value: f64) -> Value {
    if let Ok(whole) = json_float(value).parse::<i64>() {
        return Value::Number(whole.into());
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
