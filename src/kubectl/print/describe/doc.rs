//! The text under construction: lines at a depth, cells divided by tabs, and the blocks that many kinds share.

use serde_json::Value;

use crate::kubectl::print::fields::{entries, items, number, plain, text};

/// Annotations longer than this stand on a line of their own, and are cut at it.
const ANNOTATION_MAX: usize = 140;
/// apply's own note is left out.
const HIDDEN: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Text with tabs, to be lined up at the end.
#[derive(Default)]
pub struct Doc {
    /// What has been written.
    pub text: String,
}

impl Doc {
    /// A line, indented by two blanks for each level.
    pub fn line(&mut self, level: usize, line: impl AsRef<str>) {
        for _ in 0..level {
            self.text.push_str("  ");
        }
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// A field: its name, a colon, its value in the next column.
    pub fn field(&mut self, name: &str, value: impl AsRef<str>) {
        self.line(0, format!("{name}:\t{}", value.as_ref()));
    }

    /// A field, if its value is not empty.
    pub fn field_if(&mut self, name: &str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.field(name, value);
        }
    }

    /// A field with a value on each line; `<none>` without any.
    pub fn lines(&mut self, name: &str, values: &[String]) {
        match values {
            [] => self.field(name, "<none>"),
            [first, more @ ..] => {
                self.field(name, first);
                more.iter().for_each(|value| self.line(0, format!("\t{value}")));
            }
        }
    }

    /// Labels or node selectors, one a line.
    pub fn labels(&mut self, name: &str, object: &Value, path: &str) {
        let pairs: Vec<String> =
            entries(object, path).iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
        self.lines(name, &pairs);
    }

    /// Annotations, one a line, the long ones below their names.
    pub fn annotations(&mut self, name: &str, object: &Value, path: &str) {
        let mut values = Vec::new();
        for (key, value) in entries(object, path).iter().filter(|(key, _)| *key != HIDDEN) {
            let value = plain(value);
            let value = value.strip_suffix('\n').unwrap_or(&value);
            if value.len() + key.len() + 2 <= ANNOTATION_MAX && !value.contains('\n') {
                values.push(format!("{key}: {value}"));
                continue;
            }
            values.push(format!("{key}:"));
            values.extend(value.split('\n').map(|line| format!("  {}", shorten(line, ANNOTATION_MAX - 2))));
        }
        self.lines(name, &values);
    }

    /// `Name`, and `Namespace` where there is one.
    pub fn name(&mut self, object: &Value) {
        self.field("Name", text(object, "metadata.name"));
        self.field_if("Namespace", text(object, "metadata.namespace"));
    }

    /// `Labels` and `Annotations` of the object.
    pub fn metadata(&mut self, object: &Value) {
        self.labels("Labels", object, "metadata.labels");
        self.annotations("Annotations", object, "metadata.annotations");
    }

    /// Tolerations in their order of keys.
    pub fn tolerations(&mut self, name: &str, spec: &Value) {
        let mut texts: Vec<(String, String)> = items(spec, "tolerations")
            .iter()
            .map(|toleration| (text(toleration, "key"), format_toleration(toleration)))
            .collect();
        crate::api::sorting::sort_by_key(&mut texts, |(key, _)| key.clone());
        self.lines(name, &texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>());
    }

    /// `Conditions` as a table with type, status and reason.
    pub fn conditions(&mut self, object: &Value) {
        let conditions = items(object, "status.conditions");
        if conditions.is_empty() {
            return;
        }
        self.line(0, "Conditions:\n  Type\tStatus\tReason");
        self.line(1, "----\t------\t------");
        for condition in conditions {
            let field = |name| text(condition, name);
            self.line(1, format!("{} \t{}\t{}", field("type"), field("status"), field("reason")));
        }
    }
}

fn format_toleration(toleration: &Value) -> String {
    let field = |name| text(toleration, name);
    let (key, value, effect) = (field("key"), field("value"), field("effect"));
    let mut text = key.clone();
    if !value.is_empty() {
        text.push_str(&format!("={value}"));
    }
    if !effect.is_empty() {
        text.push_str(&format!(":{effect}"));
    }
    if field("operator") == "Exists" && value.is_empty() {
        text.push_str(if key.is_empty() && effect.is_empty() { "op=Exists" } else { " op=Exists" });
    }
    if !toleration["tolerationSeconds"].is_null() {
        text.push_str(&format!(" for {}s", number(toleration, "tolerationSeconds")));
    }
    text
}

/// A text cut to `max` bytes or less, at a whole character.
fn shorten(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.into();
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(want: &str, write: impl Fn(&mut Doc)) {
        let mut doc = Doc::default();
        write(&mut doc);
        assert_eq!(doc.text, want);
    }

    #[test]
    fn blocks_read_as_kubectl_writes_them() {
        let long = "x".repeat(150);
        let object = json!({
            "metadata": {"labels": {"b": "2", "a": "1"}, "annotations": {HIDDEN: "{}", "k": "v", "l": long}},
            "spec": {"tolerations": [
                {"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"},
                {"operator": "Exists"},
                {"key": "g", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            ]},
        });
        check("Labels:\ta=1\n\tb=2\n", |doc| doc.labels("Labels", &object, "metadata.labels"));
        check("Labels:\t<none>\n", |doc| doc.labels("Labels", &object, "spec.labels"));
        let cut = format!("Annotations:\tk: v\n\tl:\n\t  {}...\n", "x".repeat(138));
        check(&cut, |doc| doc.annotations("Annotations", &object, "metadata.annotations"));
        check("T:\top=Exists\n\tg:NoExecute op=Exists for 300s\n\tk=v:NoSchedule\n", |doc| {
            doc.tolerations("T", &object["spec"]);
        });
    }
}
