//! A set of fields, as a tree whose steps are written as `fieldsV1` writes them: `f:spec`, `k:{"name":"web"}`, `v:"x"`.

use serde_json::{Map, Value};
use sorted::SortedMap;

/// A set of paths into an object. Models `fieldpath.Set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the path that leads here is in the set itself.
    pub member: bool,
    children: SortedMap<String, FieldSet>,
}

impl FieldSet {
    /// Whether no path is in it.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(FieldSet::is_empty)
    }

    /// The set below a step.
    pub fn child(&mut self, step: &str) -> &mut FieldSet {
        self.children.entry(step.to_string()).or_default()
    }

    /// The set below a step, if there is one.
    pub fn below(&self, step: &str) -> Option<&FieldSet> {
        self.children.get(step)
    }

    /// The steps that lead on, with what is below them.
    pub fn children(&self) -> impl Iterator<Item = (&String, &FieldSet)> {
        self.children.iter()
    }

    /// Adds one path.
    pub fn insert(&mut self, path: &[String]) {
        let mut set = self;
        for step in path {
            set = set.child(step);
        }
        set.member = true;
    }

    /// Whether it has a path.
    pub fn contains(&self, path: &[String]) -> bool {
        path.iter().try_fold(self, |set, step| set.below(step)).is_some_and(|set| set.member)
    }

    /// Adds every path of another set.
    pub fn unite(&mut self, other: &FieldSet) {
        self.member |= other.member;
        for (step, below) in &other.children {
            self.child(step).unite(below);
        }
    }

    /// Takes away every path of another set.
    pub fn subtract(&mut self, other: &FieldSet) {
        self.member &= !other.member;
        for (step, below) in &other.children {
            if let Some(own) = self.children.get_mut(step.as_str()) {
                own.subtract(below);
            }
        }
        self.children.retain(|_, below| !below.is_empty());
    }

    /// Takes away every path of another set, and all that is below one.
    pub fn subtract_with_children(&mut self, other: &FieldSet) {
        if other.member {
            *self = FieldSet::default();
            return;
        }
        for (step, below) in &other.children {
            if let Some(own) = self.children.get_mut(step.as_str()) {
                own.subtract_with_children(below);
            }
        }
        self.children.retain(|_, below| !below.is_empty());
    }

    /// The paths in both sets.
    #[must_use]
    pub fn common(&self, other: &FieldSet) -> FieldSet {
        let mut result = FieldSet { member: self.member && other.member, ..FieldSet::default() };
        for (step, below) in &self.children {
            let Some(other) = other.children.get(step.as_str()) else { continue };
            let common = below.common(other);
            if !common.is_empty() {
                result.children.insert(step.clone(), common);
            }
        }
        result
    }

    /// Every path in it, in order.
    pub fn paths(&self) -> Vec<Vec<String>> {
        fn walk(set: &FieldSet, path: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
            if set.member {
                out.push(path.clone());
            }
            for (step, below) in &set.children {
                path.push(step.clone());
                walk(below, path, out);
                path.pop();
            }
        }
        let mut out = Vec::new();
        walk(self, &mut Vec::new(), &mut out);
        out
    }

    /// As `fieldsV1` has it.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (step, below) in self.children.iter().filter(|(_, below)| !below.is_empty()) {
            let mut value = below.to_value();
            if let (true, Value::Object(fields)) = (below.member, &mut value)
                && !fields.is_empty()
            {
                fields.insert(".".into(), Value::Object(Map::new()));
            }
            map.insert(step.clone(), value);
        }
        Value::Object(map)
    }

    /// Reads what [`FieldSet::to_value`] wrote.
    pub fn from_value(value: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        for (step, below) in value.as_object().into_iter().flatten() {
            if step == "." {
                set.member = true;
                continue;
            }
            let mut child = FieldSet::from_value(below);
            child.member |= child.children.is_empty();
            set.children.insert(step.clone(), child);
        }
        set
    }
}

/// A path as errors write it: `.spec.containers[name="web"].image`.
pub fn path_text(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        let (sort, rest) = step.split_once(':').unwrap_or(("f", step));
        match sort {
            "k" => {
                let keys: Value = serde_json::from_str(rest).unwrap_or_default();
                let keys = keys.as_object().into_iter().flatten();
                let keys: Vec<String> = keys.map(|(key, value)| format!("{key}={value}")).collect();
                text.push_str(&format!("[{}]", keys.join(",")));
            }
            "v" => text.push_str(&format!("[={rest}]")),
            "i" => text.push_str(&format!("[{rest}]")),
            _ => text.push_str(&format!(".{rest}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sets_are_written_as_fields_v1_and_read_back() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:type": {}}});
        let set = FieldSet::from_value(&fields);
        assert_eq!(set.to_value(), fields);
        let texts: Vec<String> = set.paths().iter().map(|path| path_text(path)).collect();
        let want = [
            ".metadata.labels",
            ".metadata.labels.app",
            ".spec.ports[port=80,protocol=\"TCP\"]",
            ".spec.ports[port=80,protocol=\"TCP\"].port",
            ".spec.type",
        ];
        assert_eq!(texts, want);
    }

    #[test]
    fn sets_unite_subtract_and_intersect_path_by_path() {
        let set = |value: Value| FieldSet::from_value(&value);
        let a = set(json!({"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:d": {}}));
        let b = set(json!({"f:a": {"f:b": {}}, "f:d": {}}));
        let mut less = a.clone();
        less.subtract(&b);
        assert_eq!(less.to_value(), json!({"f:a": {".": {}, "f:c": {}}}));
        assert_eq!(a.common(&b).to_value(), b.to_value());
        let mut more = b.clone();
        more.unite(&less);
        assert_eq!(more, a);
        let mut gone = a.clone();
        gone.subtract_with_children(&set(json!({"f:a": {}})));
        assert_eq!(gone.to_value(), json!({"f:d": {}}));
    }
}
