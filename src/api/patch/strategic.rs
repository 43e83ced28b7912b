//! Applies a strategic merge patch: maps merge, lists merge as their kind says, and a few `$` directives say the rest.
//! Models apimachinery `strategicpatch.StrategicMergeMapPatch`.

use serde_json::{Map, Value};

use super::merge_keys::{ListRule, list_rule, retains_keys};
use crate::api::Kind;
use crate::api::sorting::sort_by_key;
use crate::api::typed::object;

const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";

/// Applies `patch` to an object of `kind`.
///
/// # Errors
/// A sentence, where a list of the patch does not say which item it means.
pub fn apply(kind: Kind, target: &Value, patch: &Value) -> Result<Value, String> {
    let mut result = target.clone();
    match (&mut result, patch) {
        (Value::Object(fields), Value::Object(changes)) => {
            Merger { kind, path: Vec::new() }.merge(fields, changes)?;
        }
        _ => return Err("cannot restore map from patch: it is not a map".into()),
    }
    Ok(result)
}

struct Merger {
    kind: Kind,
    path: Vec<String>,
}

impl Merger {
    fn merge(&mut self, fields: &mut Map<String, Value>, changes: &Map<String, Value>) -> Result<(), String> {
        match changes.get(DIRECTIVE).and_then(Value::as_str) {
            Some("replace") => {
                *fields = changes.clone();
                fields.remove(DIRECTIVE);
                return Ok(());
            }
            Some("delete") => {
                fields.clear();
                return Ok(());
            }
            Some("merge") | None => {}
            Some(other) => return Err(format!("unknown patch type found: {other}")),
        }
        if let Some(Value::Array(kept)) = changes.get(RETAIN) {
            fields.retain(|key, _| kept.iter().any(|kept| kept == key));
        }
        for (key, removed) in
            changes.iter().filter_map(|(key, list)| Some((key.strip_prefix(DELETE_FROM)?, list)))
        {
            if let (Some(Value::Array(items)), Value::Array(removed)) = (fields.get_mut(key), removed) {
                items.retain(|item| !removed.contains(item));
            }
        }
        for (key, change) in changes.iter().filter(|(key, _)| !key.starts_with('$')) {
            self.path.push(key.clone());
            self.merge_field(fields, key, change, changes.get(&format!("{ORDER}{key}")))?;
            self.path.pop();
        }
        for key in changes.keys().filter_map(|key| key.strip_prefix(ORDER)) {
            if !changes.contains_key(key) {
                self.path.push(key.to_string());
                self.order_only(fields.get_mut(key), &changes[&format!("{ORDER}{key}")]);
                self.path.pop();
            }
        }
        Ok(())
    }

    fn merge_field(
        &mut self,
        fields: &mut Map<String, Value>,
        key: &str,
        change: &Value,
        order: Option<&Value>,
    ) -> Result<(), String> {
        match (fields.get_mut(key), change) {
            (_, Value::Null) => {
                fields.remove(key);
            }
            (Some(Value::Object(old)), Value::Object(changes)) => self.merge(old, changes)?,
            (Some(Value::Array(old)), Value::Array(items)) => self.merge_list(old, items, order)?,
            _ => {
                fields.insert(key.to_string(), without_directives(change));
            }
        }
        Ok(())
    }

    fn merge_list(
        &mut self,
        old: &mut Vec<Value>,
        items: &[Value],
        order: Option<&Value>,
    ) -> Result<(), String> {
        match list_rule(self.kind, &self.path) {
            ListRule::Atomic => *old = items.iter().map(without_directives).collect(),
            ListRule::Set => {
                for item in items {
                    if !old.contains(item) {
                        old.push(item.clone());
                    }
                }
                put_in_order(old, order, |item| Some(item));
            }
            ListRule::MergeBy(key) => {
                self.merge_items(old, items, key)?;
                put_in_order(old, order, |item| item.get(key));
            }
        }
        Ok(())
    }

    fn merge_items(&mut self, old: &mut Vec<Value>, items: &[Value], key: &str) -> Result<(), String> {
        let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).map(str::to_string);
        if items.iter().any(|item| directive(item).as_deref() == Some("replace")) {
            *old = items.iter().filter(|item| directive(item).is_none()).map(without_directives).collect();
            return Ok(());
        }
        for item in items {
            let Some(name) = item.get(key) else {
                return Err(format!("map: {item} does not contain declared merge key: {key}"));
            };
            let place = old.iter().position(|old| old.get(key) == Some(name));
            match (directive(item).as_deref(), place, item) {
                (Some("delete"), Some(at), _) => {
                    old.remove(at);
                }
                (Some("delete"), None, _) => {}
                (_, Some(at), Value::Object(changes)) => {
                    if let Value::Object(fields) = &mut old[at] {
                        self.merge(fields, changes)?;
                    }
                }
                _ => old.push(without_directives(item)),
            }
        }
        Ok(())
    }

    fn order_only(&self, list: Option<&mut Value>, order: &Value) {
        let Some(Value::Array(items)) = list else { return };
        match list_rule(self.kind, &self.path) {
            ListRule::Atomic => {}
            ListRule::Set => put_in_order(items, Some(order), |item| Some(item)),
            ListRule::MergeBy(key) => put_in_order(items, Some(order), |item| item.get(key)),
        }
    }
}

/// Puts the items that the order names in that order. Items that only the server has keep their place relative to the
/// items before them.
fn put_in_order(
    items: &mut Vec<Value>,
    order: Option<&Value>,
    name: impl for<'v> Fn(&'v Value) -> Option<&'v Value>,
) {
    let Some(Value::Array(order)) = order else { return };
    let names: Vec<&Value> = order.iter().filter_map(&name).collect();
    let rank = |item: &Value| name(item).and_then(|of| names.iter().position(|named| *named == of));
    let (mut listed, unlisted): (Vec<_>, Vec<_>) =
        std::mem::take(items).into_iter().enumerate().partition(|(_, item)| rank(item).is_some());
    sort_by_key(&mut listed, |(_, item)| rank(item));
    let (mut listed, mut unlisted) = (listed.into_iter().peekable(), unlisted.into_iter().peekable());
    while let (Some((at_listed, _)), Some((at_unlisted, _))) = (listed.peek(), unlisted.peek()) {
        let next = if at_unlisted < at_listed { unlisted.next() } else { listed.next() };
        items.extend(next.map(|(_, item)| item));
    }
    items.extend(listed.chain(unlisted).map(|(_, item)| item));
}

/// A value of a patch as it is stored where there was nothing to merge with: nulls and directives do not survive.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, value)| !value.is_null() && !is_directive(key));
            object(kept.map(|(key, value)| (key.clone(), without_directives(value))))
        }
        Value::Array(items) => {
            let kept = items.iter().filter(|item| item.get(DIRECTIVE).is_none_or(|d| d != "delete"));
            Value::Array(kept.map(without_directives).collect())
        }
        other => other.clone(),
    }
}

fn is_directive(key: &str) -> bool {
    key == DIRECTIVE || key == RETAIN || key.starts_with(ORDER) || key.starts_with(DELETE_FROM)
}

/// The directive by which a patch says which keys of a map stay, where the kind wants it.
pub(super) fn retain_directive(
    kind: Kind,
    path: &[String],
    wanted: &Map<String, Value>,
) -> Option<(String, Value)> {
    retains_keys(kind, path).then(|| {
        let keys = wanted.keys().map(|key| Value::String(key.clone())).collect();
        (RETAIN.to_string(), Value::Array(keys))
    })
}

pub(super) fn order_directive(field: &str) -> String {
    format!("{ORDER}{field}")
}

pub(super) fn delete_from_directive(field: &str) -> String {
    format!("{DELETE_FROM}{field}")
}

pub(super) fn deletion(key: &str, name: &Value) -> Value {
    object([(DIRECTIVE.to_string(), Value::String("delete".into())), (key.to_string(), name.clone())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_merge_by_their_key_and_follow_the_order_given() {
        let target = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "a:1", "ports": [{"containerPort": 80}]}, {"name": "injected"}, {"name": "b"}]}}}});
        let patch = |containers: Value, order: Value| json!({"spec": {"template": {"spec": {"containers": containers, "$setElementOrder/containers": order}}}});
        let cases = [
            (
                patch(json!([{"name": "a", "image": "a:2"}]), Value::Null),
                json!([{"name": "a", "image": "a:2", "ports": [{"containerPort": 80}]}, {"name": "injected"}, {"name": "b"}]),
            ),
            (
                patch(
                    json!([{"name": "b", "$patch": "delete"}, {"name": "c"}]),
                    json!([{"name": "c"}, {"name": "a"}]),
                ),
                json!([{"name": "injected"}, {"name": "c"}, {"name": "a", "image": "a:1", "ports": [{"containerPort": 80}]}]),
            ),
            (patch(json!([{"$patch": "replace"}, {"name": "z"}]), Value::Null), json!([{"name": "z"}])),
        ];
        for (patch, want) in cases {
            let got = apply(Kind::DEPLOYMENT, &target, &patch).unwrap();
            assert_eq!(got["spec"]["template"]["spec"]["containers"], want, "{patch}");
        }
        assert!(apply(Kind::DEPLOYMENT, &target, &patch(json!([{"image": "x"}]), Value::Null)).is_err());
    }

    #[test]
    fn retained_keys_drop_the_other_member_of_a_union() {
        let target =
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
        let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        let want = json!({"spec": {"strategy": {"type": "Recreate"}}});
        assert_eq!(apply(Kind::DEPLOYMENT, &target, &patch), Ok(want));
    }
}
