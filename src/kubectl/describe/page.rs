//! The text under way, and the parts that descriptions have in common.

use serde_json::Value;

use kube_types::Timestamp;

use crate::api::meta::StringMap;
use crate::api::sorting;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::tabwriter::TabWriter;

/// Annotations that say nothing to a reader.
const SKIPPED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// An annotation's line is cut after so many letters.
const ANNOTATION_MAX: usize = 140;

/// A description under way (`PrefixWriter`).
#[derive(Default)]
pub struct Page {
    /// What has been lined up.
    done: String,
    /// What has not.
    open: String,
}

impl Page {
    /// Adds text as it is.
    pub fn put(&mut self, text: &str) {
        self.open.push_str(text);
    }

    /// Adds a line, indented by so many steps.
    pub fn line(&mut self, level: usize, text: impl AsRef<str>) {
        self.open.extend(std::iter::repeat_n("  ", level));
        self.open.push_str(text.as_ref());
        self.open.push('\n');
    }

    /// Adds a label and its value.
    pub fn field(&mut self, level: usize, label: &str, value: impl AsRef<str>) {
        self.open.extend(std::iter::repeat_n("  ", level));
        for text in [label, ":\t", value.as_ref(), "\n"] {
            self.open.push_str(text);
        }
    }

    /// Lines up what there is: the columns of what comes next are their own.
    pub fn flush(&mut self) {
        let open = escaped(std::mem::take(&mut self.open));
        self.done.push_str(&TabWriter::DESCRIBE.format(&open));
    }

    /// The whole, lined up.
    pub fn finish(mut self) -> String {
        self.flush();
        self.done
    }

    /// The whole with its tabs, as `rollout history` prints it.
    pub fn raw(self) -> String {
        self.open
    }

    /// A label and several values, one below the other; `<none>` for none.
    pub fn values<S: AsRef<str>>(&mut self, indent: &str, label: &str, values: &[S]) {
        self.put(&format!("{indent}{label}:\t"));
        if values.is_empty() {
            self.put("<none>\n");
        }
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.put(&format!("{indent}\t"));
            }
            self.put(value.as_ref());
            self.put("\n");
        }
    }

    /// Labels, node selectors and the like: `a=b` on a line each.
    pub fn labels(&mut self, indent: &str, label: &str, labels: &StringMap) {
        let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        self.values(indent, label, &pairs);
    }

    /// Annotations: `a: b` on a line each, long ones below their key.
    pub fn annotations(&mut self, label: &str, annotations: &StringMap) {
        let mut lines = Vec::new();
        for (key, value) in annotations.iter().filter(|(key, _)| *key != SKIPPED) {
            let value = value.strip_suffix('\n').unwrap_or(value);
            if value.len() + key.len() + 2 > ANNOTATION_MAX || value.contains('\n') {
                lines.push(format!("{key}:"));
                lines
                    .extend(value.split('\n').map(|line| format!("  {}", shorten(line, ANNOTATION_MAX - 2))));
            } else {
                lines.push(format!("{key}: {value}"));
            }
        }
        self.values("", label, &lines);
    }

    /// Labels and annotations of an object.
    pub fn labels_and_annotations(&mut self, object: &Value) {
        self.labels("", "Labels", &object.map("metadata.labels"));
        self.annotations("Annotations", &object.map("metadata.annotations"));
    }

    /// Name and namespace of an object.
    pub fn name_and_namespace(&mut self, object: &Value) {
        self.field(0, "Name", object.text("metadata.name"));
        self.field(0, "Namespace", object.text("metadata.namespace"));
    }

    /// The controller of an object, if it has one.
    pub fn controlled_by(&mut self, object: &Value) {
        let owners = object.list("metadata.ownerReferences");
        if let Some(owner) = owners.iter().find(|owner| owner.flag("controller")) {
            self.field(0, "Controlled By", format!("{}/{}", owner.text("kind"), owner.text("name")));
        }
    }

    /// Conditions with the time of their last change and, where the kind has one, of their last probe or heartbeat (a heading
    /// and its field).
    pub fn timed_conditions(&mut self, object: &Value, looked: Option<(&str, &str)>) {
        let conditions = object.list("status.conditions");
        if conditions.is_empty() {
            return;
        }
        self.line(0, "Conditions:");
        let mut headings = vec!["Type", "Status"];
        headings.extend(looked.map(|(heading, _)| heading));
        headings.extend(["LastTransitionTime", "Reason", "Message"]);
        // The rule below the second time is as long for a probe as for a heartbeat.
        let dashes = |heading: &&str| match *heading {
            "LastProbeTime" => "LastHeartbeatTime".len(),
            heading => heading.len(),
        };
        let rule: Vec<String> = headings.iter().map(|heading| "-".repeat(dashes(heading))).collect();
        // The kinds with such a time have a space before each tab.
        let tab = if looked.is_some() { " \t" } else { "\t" };
        let row = |c: &Value| {
            let mut cells = vec![c.plain("type"), c.plain("status")];
            cells.extend(looked.map(|(_, field)| rfc1123(c.at(field))));
            cells.extend([rfc1123(c.at("lastTransitionTime")), c.plain("reason"), c.plain("message")]);
            cells.join(tab)
        };
        self.table(1, &headings.join("\t"), &rule.join("\t"), conditions.iter().map(row));
    }

    /// A table of conditions: `headings` over the cells of each.
    pub fn table(&mut self, level: usize, headings: &str, rule: &str, rows: impl Iterator<Item = String>) {
        self.line(level, headings);
        self.line(level, rule);
        rows.for_each(|row| self.line(level, row));
    }
}

/// What a terminal would obey, written out (`WriteEscaped`).
fn escaped(text: String) -> String {
    if text.contains(['\x1b', '\r']) { text.replace('\x1b', "^[").replace('\r', "\\r") } else { text }
}

/// The first so many bytes, and dots for the rest.
fn shorten(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_string();
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

/// `Sat, 21 Nov 2026 00:20:13 +0000`: an instant as RFC 1123 writes it, from RFC 3339; Go's zero time where there is none.
pub fn rfc1123(value: &Value) -> String {
    let instant = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    instant.map_or_else(|| "Mon, 01 Jan 0001 00:00:00 +0000".into(), Timestamp::rfc1123)
}

/// Sorted by a key of text.
pub fn sorted_by(items: &[Value], key: fn(&Value) -> &str) -> Vec<&Value> {
    let mut sorted: Vec<&Value> = items.iter().collect();
    sorting::sort_by(&mut sorted, |a, b| key(a).cmp(key(b)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn instants_read_as_rfc_1123() {
        let cases = [
            ("2026-11-21T00:20:13Z", "Sat, 21 Nov 2026 00:20:13 +0000"),
            ("2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 +0000"),
            ("2024-02-29T23:59:59.123456Z", "Thu, 29 Feb 2024 23:59:59 +0000"),
            ("", "Mon, 01 Jan 0001 00:00:00 +0000"),
        ];
        for (text, want) in cases {
            assert_eq!(rfc1123(&json!(text)), want);
        }
    }

    #[test]
    fn long_annotations_stand_below_their_key() {
        let mut page = Page::default();
        let annotations =
            [("a", "x\ny\n".to_string()), ("b", "1".into()), ("c", "z".repeat(150)), (SKIPPED, "{}".into())];
        page.annotations(
            "Annotations",
            &annotations.into_iter().map(|(key, value)| (key.into(), value)).collect(),
        );
        let want = format!(
            "Annotations:  a:\n                x\n                y\n              b: 1\n              c:\n                {}...\n",
            "z".repeat(138)
        );
        assert_eq!(page.finish(), want);
    }
}
