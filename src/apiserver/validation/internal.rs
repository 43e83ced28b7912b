//! How errors show a struct: the server prints its internal types, whose fields have Go's names and Go's order, with what is
//! absent written out (`"NodeName":"","Affinity":null`).
//!
//! The table has one line per type: its name and its fields. A field `Name` is a text, `Name#` a number, `Name!` a flag, `Name%` a
//! quantity, `Name?` anything that may be null; `Name:T` is a struct, `Name*T` one that may be null, `Name[T` a list of them, `~T`
//! one whose fields stand among the others. The JSON name follows from Go's unless given: `CephFS?=cephfs`. Types with a `~` have
//! JSON names, and leave out what is absent.

use serde_json::Value;

static TABLE: &str = include_str!("internal.txt");

/// Lines around a change that a difference shows.
const CONTEXT: usize = 3;

/// A value of the named type, on one line.
pub fn dump(type_: &str, value: &Value) -> String {
    let mut out = Writer { text: String::new(), indent: None };
    out.value(type_, value);
    out.text
}

/// A list of values of the named type, on one line.
pub fn dump_list(type_: &str, values: &Value) -> String {
    let items: Vec<String> = values.as_array().into_iter().flatten().map(|item| dump(type_, item)).collect();
    format!("[{}]", items.join(","))
}

/// How two values of the named type differ, as `diff -u` shows it.
pub fn diff(type_: &str, old: &Value, new: &Value) -> String {
    let pretty = |value| {
        let mut out = Writer { text: String::new(), indent: Some(0) };
        out.value(type_, value);
        out.text
    };
    unified(&pretty(old), &pretty(new))
}

struct Writer {
    text: String,
    /// The depth, where every field has a line of its own.
    indent: Option<usize>,
}

/// The flags of the host, which the API has in a pod's spec, are in its security context here.
const HOST_FIELDS: [&str; 5] = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

fn json_name(go: &str) -> String {
    let upper = go.bytes().take_while(u8::is_ascii_uppercase).count();
    let lower = if upper > 1 && upper < go.len() { upper - 1 } else { upper };
    format!("{}{}", go[..lower].to_ascii_lowercase(), &go[lower..])
}

fn fields_of(type_: &str) -> Option<(bool, &'static str)> {
    TABLE.lines().find_map(|line| {
        let (name, fields) = line.split_once(' ')?;
        let (tagged, name) = name.strip_prefix('~').map_or((false, name), |name| (true, name));
        (name == type_).then_some((tagged, fields))
    })
}

impl Writer {
    fn value(&mut self, type_: &str, value: &Value) {
        self.open('{');
        let mut first = true;
        self.fields(type_, value, value, &mut first);
        self.close('}', first);
    }

    fn fields(&mut self, type_: &str, value: &Value, outer: &Value, first: &mut bool) {
        let Some((tagged, fields)) = fields_of(type_) else { return };
        for field in fields.split(' ') {
            if let Some(embedded) = field.strip_prefix('~') {
                self.fields(embedded, &value["metadata"], value, first);
                continue;
            }
            let end = field.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(field.len());
            let (name, code) = field.split_at(end);
            let (code, json) = match code.split_once('=') {
                Some((code, json)) => (code, json.to_string()),
                None if tagged => (code, name.to_string()),
                None => (code, json_name(name)),
            };
            let from = if type_ == "PodSecurityContext" && HOST_FIELDS.contains(&json.as_str()) {
                outer
            } else {
                value
            };
            let part = &from[json.as_str()];
            let empty = part.is_null() || part.as_object().is_some_and(serde_json::Map::is_empty);
            if tagged && empty {
                continue;
            }
            self.separate(first);
            self.text.push_str(&format!("\"{name}\":"));
            if self.indent.is_some() {
                self.text.push(' ');
            }
            self.field(if tagged { "?" } else { code }, part, value);
        }
    }

    fn field(&mut self, code: &str, part: &Value, outer: &Value) {
        let mut letters = code.chars();
        let (sort, type_) = (letters.next(), letters.as_str());
        match (sort, part) {
            (Some(':'), _) | (Some('*'), Value::Object(_)) => {
                self.open('{');
                let mut first = true;
                self.fields(type_, part, outer, &mut first);
                self.close('}', first);
            }
            (Some('['), Value::Array(items)) if !items.is_empty() => {
                self.open('[');
                let mut first = true;
                for item in items {
                    self.separate(&mut first);
                    self.value(type_, item);
                }
                self.close(']', first);
            }
            (None, Value::Null) => self.text.push_str("\"\""),
            (Some('#'), Value::Null) => self.text.push('0'),
            (Some('!'), Value::Null) => self.text.push_str("false"),
            (Some('%'), Value::Null) => self.text.push_str("\"0\""),
            (_, part) => self.plain(part),
        }
    }

    fn plain(&mut self, value: &Value) {
        match value {
            Value::Array(items) if !items.is_empty() => {
                self.open('[');
                let mut first = true;
                for item in items {
                    self.separate(&mut first);
                    self.plain(item);
                }
                self.close(']', first);
            }
            Value::Object(map) if !map.is_empty() => {
                self.open('{');
                let mut first = true;
                for (key, value) in map {
                    self.separate(&mut first);
                    self.text.push_str(&format!("{}:", Value::from(key.as_str())));
                    if self.indent.is_some() {
                        self.text.push(' ');
                    }
                    self.plain(value);
                }
                self.close('}', first);
            }
            other => self.text.push_str(&other.to_string()),
        }
    }

    fn open(&mut self, bracket: char) {
        self.text.push(bracket);
        self.indent = self.indent.map(|depth| depth + 1);
    }

    fn separate(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.text.push(',');
        }
        self.new_line();
    }

    fn close(&mut self, bracket: char, empty: bool) {
        self.indent = self.indent.map(|depth| depth - 1);
        if !empty {
            self.new_line();
        }
        self.text.push(bracket);
    }

    fn new_line(&mut self) {
        if let Some(depth) = self.indent {
            self.text.push('\n');
            self.text.push_str(&" ".repeat(depth));
        }
    }
}

/// One line of a difference: in both texts, only in the old or only in the new one.
type Line<'a> = (char, &'a str);

/// The shortest way from one text to the other, line by line.
fn steps<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len()
            && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

fn unified(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = steps(&old, &new);
    let changed: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].0 != ' ').collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = changed.get(at) {
        let mut last = *first;
        while let Some(next) = changed.get(at + 1).filter(|next| **next <= last + 2 * CONTEXT) {
            last = *next;
            at += 1;
        }
        let (start, end) = (first.saturating_sub(CONTEXT), (last + CONTEXT + 1).min(lines.len()));
        let count = |range: &[Line], without: char| range.iter().filter(|line| line.0 != without).count();
        let (before, hunk) = (&lines[..start], &lines[start..end]);
        out.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            count(before, '+') + 1,
            count(hunk, '+'),
            count(before, '-') + 1,
            count(hunk, '-')
        ));
        for (sign, line) in hunk {
            out.push_str(&format!("{sign}{line}\n"));
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_follow_from_those_of_go() {
        let cases = [
            ("DNSPolicy", "dnsPolicy"),
            ("TTY", "tty"),
            ("HostPID", "hostPID"),
            ("SELinuxOptions", "seLinuxOptions"),
            ("NFS", "nfs"),
            ("Name", "name"),
        ];
        for (go, want) in cases {
            assert_eq!(json_name(go), want);
        }
    }

    #[test]
    fn every_type_that_the_table_names_is_in_it() {
        for line in TABLE.lines() {
            for field in line.split(' ').skip(1) {
                let field = field.split('=').next().unwrap_or_default();
                let type_ = field.split_once([':', '*', '[', '~']).map_or("", |(_, type_)| type_);
                assert!(type_.is_empty() || fields_of(type_).is_some(), "{field} of {line}");
            }
        }
    }

    #[test]
    fn a_struct_is_shown_as_go_marshals_the_internal_type() {
        let budget = json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}});
        let want = r#"{"MinAvailable":1,"Selector":{"matchLabels":{"app":"web"}},"MaxUnavailable":null,"UnhealthyPodEvictionPolicy":null}"#;
        assert_eq!(dump("PodDisruptionBudgetSpec", &budget), want);
        let pod = json!({"hostNetwork": true, "securityContext": {}});
        assert!(dump("PodSpec", &pod).contains(r#""SecurityContext":{"HostNetwork":true,"HostPID":false"#));
    }

    #[test]
    fn a_difference_is_shown_with_its_surroundings() {
        let (old, new) = (json!({"driver": "a", "fsType": "x"}), json!({"driver": "b", "fsType": "x"}));
        let want = "@@ -1,5 +1,5 @@\n {\n- \"Driver\": \"a\",\n+ \"Driver\": \"b\",\n  \"ReadOnly\": null,\n  \"FSType\": \"x\",\n  \
                    \"VolumeAttributes\": null,\n";
        assert_eq!(diff("CSIVolumeSource", &old, &new), want);
    }
}
