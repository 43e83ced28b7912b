//! Reading the fields of an object through its JSON, as the API serves it: one way for typed kinds, for kinds that are
//! only stored, and for custom ones. An absent field reads as its empty value, as Go's zero values do.

use serde_json::{Map, Value};

use crate::api::k8s::{LabelSelector, Time};
use crate::api::meta::StringMap;
use crate::api::selector::{Selector, format_label_selector};
use crate::api::typed;
use crate::clock::SimTime;

static NULL: Value = Value::Null;

/// The place at a path of names, made if there is none. What stands in the way and has no fields gives way.
pub fn slot<'v, 'n>(value: &'v mut Value, names: impl IntoIterator<Item = &'n str>) -> &'v mut Value {
    names.into_iter().fold(value, |value, name| {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        &mut value[name]
    })
}

/// Access by dotted paths: `spec.template.spec`. An empty path is the value itself.
pub trait Fields {
    /// The value at a path, null if there is none.
    fn at(&self, path: &str) -> &Value;

    /// A text; empty if there is none.
    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// A text, or this one if there is none or it is empty.
    fn text_or<'a>(&'a self, path: &str, otherwise: &'a str) -> &'a str {
        Some(self.text(path)).filter(|text| !text.is_empty()).unwrap_or(otherwise)
    }

    /// A whole number; zero if there is none.
    fn int(&self, path: &str) -> i64 {
        self.at(path).as_i64().unwrap_or_default()
    }

    /// A truth value; false if there is none.
    fn flag(&self, path: &str) -> bool {
        self.at(path).as_bool().unwrap_or_default()
    }

    /// Whether there is anything at a path.
    fn has(&self, path: &str) -> bool {
        !self.at(path).is_null()
    }

    /// The items of a list; none if there is no list.
    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The texts of a list.
    fn texts(&self, path: &str) -> Vec<&str> {
        self.list(path).iter().filter_map(Value::as_str).collect()
    }

    /// One field of each item of a list.
    fn each<'a>(&'a self, path: &str, field: &'a str) -> Vec<&'a str> {
        self.list(path).iter().map(|item| item.text(field)).collect()
    }

    /// The fields of an object, in order.
    fn entries(&self, path: &str) -> Option<&Map<String, Value>> {
        self.at(path).as_object()
    }

    /// Labels, annotations, parameters: texts by key.
    fn map(&self, path: &str) -> StringMap {
        let entries = self.entries(path).into_iter().flatten();
        entries.map(|(key, value)| (key.clone(), plain(value))).collect()
    }

    /// A number, text, percentage or truth value as Go's `%v` writes it; empty if there is none.
    fn plain(&self, path: &str) -> String {
        plain(self.at(path))
    }

    /// The same, or another text if there is none.
    fn plain_or(&self, path: &str, otherwise: &str) -> String {
        if self.has(path) { self.plain(path) } else { otherwise.into() }
    }

    /// An instant, whole seconds or finer.
    fn time(&self, path: &str) -> Option<SimTime> {
        typed::read::<Time>(self.at(path)).ok().map(|time| SimTime::from_time(&time))
    }

    /// A `LabelSelector` as `metav1.FormatLabelSelector` writes it; `<none>` if it is empty or absent.
    fn selector(&self, path: &str) -> String {
        read_selector(self.at(path)).map_or_else(|| "<none>".into(), |field| format_label_selector(&field))
    }

    /// A `LabelSelector` to match labels with.
    fn matcher(&self, path: &str) -> Option<Selector> {
        Selector::from_field(&read_selector(self.at(path))?)
    }
}

impl Fields for Value {
    fn at(&self, path: &str) -> &Value {
        let steps = path.split('.').filter(|step| !step.is_empty());
        steps.fold(self, |value, step| value.get(step).unwrap_or(&NULL))
    }
}

fn read_selector(value: &Value) -> Option<LabelSelector> {
    typed::read(value).ok()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A list as Go's `%v` writes it: `[a b]`.
pub fn go_list(items: &[&str]) -> String {
    format!("[{}]", items.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_fields_read_as_empty_values() {
        let value = json!({"spec": {"replicas": 3, "max": "25%", "labels": {"a": "b"}, "names": ["x", "y"], "on": true}});
        assert_eq!((value.int("spec.replicas"), value.int("spec.none"), value.int("none.x")), (3, 0, 0));
        assert_eq!((value.plain("spec.max"), value.plain("spec.replicas")), ("25%".into(), "3".into()));
        assert_eq!((value.text("spec.x"), value.flag("spec.on"), value.flag("x")), ("", true, false));
        assert_eq!(go_list(&value.texts("spec.names")), "[x y]");
        assert_eq!(value.selector("spec.selector"), "<none>");
        assert_eq!(json!({"s": {"matchLabels": {"a": "b"}}}).selector("s"), "a=b");
    }
}
