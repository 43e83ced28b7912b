//! Laying a configuration over an object, and taking fields out of one.

use serde_json::{Map, Value};

use super::set::FieldSet;
use super::shape::Shape;

/// The object with what the configuration sets (`typed.Merge`): the configuration wins, what it is silent about stays.
pub fn merge(live: Option<&Value>, config: Option<&Value>, shape: Shape) -> Value {
    match (shape, live, config) {
        (_, None, None) => Value::Null,
        (_, Some(only), None) | (_, None, Some(only)) => only.clone(),
        (Shape::Struct(_) | Shape::Map(_), Some(Value::Object(live)), Some(Value::Object(config))) => {
            let mut merged = live.clone();
            for (key, value) in config {
                let inner = shape.field(key, value).map_or(Shape::Atomic, |(inner, _)| inner);
                merged.insert(key.clone(), merge(live.get(key), Some(value), inner));
            }
            Value::Object(merged)
        }
        (Shape::Struct(_) | Shape::Map(_), Some(live @ Value::Object(fields)), Some(Value::Null))
            if !fields.is_empty() =>
        {
            live.clone()
        }
        (Shape::Set | Shape::Items(..), Some(Value::Array(live)), Some(Value::Array(config))) => {
            Value::Array(lists(live, config, shape))
        }
        (Shape::Set | Shape::Items(..), Some(live @ Value::Array(items)), Some(Value::Null))
            if !items.is_empty() =>
        {
            live.clone()
        }
        (_, _, Some(config)) => config.clone(),
    }
}

/// Two lists in one: the order of the configuration's items is kept, and so is the place of the others among those that
/// both have. Models `mergingWalker.visitListItems`.
///
/// Example: live `a b c d`, configuration `c x a`: the result is `b c d x a`.
fn lists(live: &[Value], config: &[Value], shape: Shape) -> Vec<Value> {
    let steps = |items: &[Value]| -> Vec<String> {
        items.iter().map(|item| shape.step(item).unwrap_or_default()).collect()
    };
    let (left, right) = (steps(live), steps(config));
    let mut shared = right.iter().filter(|step| left.contains(step)).peekable();
    let mut merged: Vec<&String> = Vec::new();
    let mut out = Vec::new();
    let (mut l, mut r) = (0, 0);
    let in_live = |step: &String| left.iter().position(|other| other == step).map(|at| &live[at]);
    while l < left.len() || r < right.len() {
        if l < left.len() && r < right.len() {
            if left[l] == right[r] {
                merged.push(&right[r]);
                out.push(merge(in_live(&right[r]), Some(&config[r]), shape.item()));
                (l, r) = (l + 1, r + 1);
                shared.next();
                continue;
            }
            if right.contains(&left[l]) && shared.peek().is_some_and(|next| **next != left[l]) {
                l += 1;
                continue;
            }
        }
        if l < left.len() {
            if !right.contains(&left[l]) {
                out.push(live[l].clone());
                l += 1;
                continue;
            }
            if merged.contains(&&left[l]) {
                l += 1;
            }
        }
        if r < right.len() {
            merged.push(&right[r]);
            out.push(merge(in_live(&right[r]), Some(&config[r]), shape.item()));
            if shared.peek().is_some_and(|next| **next == right[r]) {
                shared.next();
            }
            r += 1;
        }
    }
    out
}

/// The value without the fields of a set (`typed.RemoveItems`); `None` if a map or a list has nothing left.
pub fn remove_items(value: &Value, set: &FieldSet, shape: Shape) -> Option<Value> {
    match (shape, value) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(fields)) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                let left = match set.below(&format!("f:{key}")) {
                    Some(below) if below.member => None,
                    Some(below) if !below.is_empty() => {
                        let inner = shape.field(key, value).map_or(Shape::Atomic, |(inner, _)| inner);
                        Some(remove_items(value, below, inner).unwrap_or(Value::Null))
                    }
                    _ => Some(value.clone()),
                };
                kept.extend(left.map(|left| (key.clone(), left)));
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (Shape::Set | Shape::Items(..), Value::Array(items)) => {
            let mut kept = Vec::new();
            for item in items {
                match shape.step(item).ok().and_then(|step| set.below(&step)) {
                    Some(below) if below.member => {}
                    Some(below) if !below.is_empty() => kept.extend(remove_items(item, below, shape.item())),
                    _ => kept.push(item.clone()),
                }
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => Some(value.clone()),
    }
}
