//! YAML as kubectl prints it: keys sorted, lists not indented, text folded after column 80.
//! Models sigs.k8s.io/yaml over go-yaml v2, whose emitter is libyaml's.

use serde_json::{Map, Value};

use super::scalar::reads_as_text;

/// A line may grow to this column; the next space then becomes a line break.
const BEST_WIDTH: usize = 80;

/// The value as a document, with a line break at its end.
pub fn to_yaml(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0 };
    match value {
        Value::Object(fields) if !fields.is_empty() => emitter.fields(fields, 0, true),
        Value::Array(items) if !items.is_empty() => emitter.items(items, 0, true),
        other => {
            emitter.scalar(other, 2, false);
            emitter.line_break();
        }
    }
    emitter.out
}

struct Emitter {
    out: String,
    column: usize,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn indent(&mut self, width: usize) {
        self.out.extend(std::iter::repeat_n(' ', width));
        self.column += width;
    }

    /// The entries of a map, each on lines of its own; `placed` if the first already stands where it should.
    fn fields(&mut self, fields: &Map<String, Value>, indent: usize, placed: bool) {
        for (index, (key, value)) in fields.iter().enumerate() {
            if index > 0 || !placed {
                self.indent(indent);
            }
            self.scalar(&Value::String(key.clone()), indent, true);
            self.put(":");
            match value {
                Value::Object(fields) if !fields.is_empty() => {
                    self.line_break();
                    self.fields(fields, indent + 2, false);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.line_break();
                    self.items(items, indent, false);
                }
                other => {
                    self.put(" ");
                    self.scalar(other, indent + 2, false);
                    self.line_break();
                }
            }
        }
    }

    fn items(&mut self, items: &[Value], indent: usize, placed: bool) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 || !placed {
                self.indent(indent);
            }
            self.put("- ");
            match item {
                Value::Object(fields) if !fields.is_empty() => self.fields(fields, indent + 2, true),
                Value::Array(items) if !items.is_empty() => self.items(items, indent + 2, true),
                other => {
                    self.scalar(other, indent + 2, false);
                    self.line_break();
                }
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, is_key: bool) {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(flag) => self.put(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.put(&number.to_string()),
            Value::String(text) => self.text(text, indent, is_key),
            Value::Array(_) => self.put("[]"),
            Value::Object(_) => self.put("{}"),
        }
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        let shape = Shape::of(text);
        if text.contains('\n') && shape.literal && !is_key {
            self.literal(text, indent);
        } else if !reads_as_text(text) || (text.contains('\n') || !shape.single) {
            self.double_quoted(text, indent, is_key);
        } else if shape.plain {
            self.folded(text, indent, is_key, false);
        } else {
            self.put("'");
            self.folded(text, indent, is_key, true);
            self.put("'");
        }
    }

    /// Text that may be broken at its spaces: plain, or inside single quotes.
    fn folded(&mut self, text: &str, indent: usize, is_key: bool, quoted: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, c) in chars.iter().copied().enumerate() {
            let edge = index == 0 || index + 1 == chars.len();
            let next_is_space = chars.get(index + 1) == Some(&' ');
            let may_break =
                !(is_key || after_space || next_is_space || (quoted && edge)) && self.column > BEST_WIDTH;
            if c == ' ' && may_break {
                self.line_break();
                self.indent(indent);
            } else if c == '\'' && quoted {
                self.put("''");
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
            after_space = c == ' ';
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, is_key: bool) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, c) in chars.iter().copied().enumerate() {
            let edge = index == 0 || index + 1 == chars.len();
            if c == ' ' && !is_key && !after_space && self.column > BEST_WIDTH && !edge {
                self.line_break();
                self.indent(indent);
                if chars.get(index + 1) == Some(&' ') {
                    self.put("\\");
                }
                after_space = true;
                continue;
            }
            self.put(&escaped(c));
            after_space = c == ' ';
        }
        self.put("\"");
    }

    /// `|` and the lines as they are; the sign behind it says what becomes of the line breaks at the end.
    fn literal(&mut self, text: &str, indent: usize) {
        let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
        let chomp = match () {
            () if !text.ends_with('\n') => "-",
            () if text.ends_with("\n\n") || text == "\n" => "+",
            () => "",
        };
        self.put(&format!("|{hint}{chomp}"));
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            self.line_break();
            if !line.is_empty() {
                self.indent(indent);
                self.put(line);
            }
        }
    }
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\n' => "\\n".into(),
        '\t' => "\\t".into(),
        '\r' => "\\r".into(),
        '\0' => "\\0".into(),
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\u{b}' => "\\v".into(),
        '\u{c}' => "\\f".into(),
        '\u{1b}' => "\\e".into(),
        '\u{85}' => "\\N".into(),
        '\u{a0}' => "\\_".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        c if is_printable(c) => c.to_string(),
        c if (c as u32) < 0x100 => format!("\\x{:02X}", c as u32),
        c if (c as u32) < 0x1_0000 => format!("\\u{:04X}", c as u32),
        c => format!("\\U{:08X}", c as u32),
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Which styles can hold a text (`yaml_emitter_analyze_scalar`).
struct Shape {
    plain: bool,
    single: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str) -> Shape {
        let special = text.chars().any(|c| c != '\n' && !is_printable(c));
        let space_break = text.contains(" \n");
        let break_space = text.contains("\n ");
        let edges = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        Shape {
            plain: !special && !edges && !text.contains('\n') && !has_indicator(text),
            single: !special && !space_break && !break_space,
            literal: !special && !space_break && !text.ends_with(' '),
        }
    }
}

/// Whether a character would mean something to a YAML reader where it stands.
fn has_indicator(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let blank = |at: usize| chars.get(at).is_none_or(|c| *c == ' ' || *c == '\n');
    let at_start = match chars.first() {
        Some(
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
        ) => true,
        Some('?' | ':' | '-') => blank(1),
        _ => text.starts_with("---") || text.starts_with("..."),
    };
    let inside = chars.iter().enumerate().skip(1).any(|(at, c)| match c {
        ':' => blank(at + 1),
        '#' => blank(at - 1),
        _ => false,
    });
    at_start || inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, want: &str) {
        assert_eq!(to_yaml(value), want);
    }

    #[test]
    fn text_is_quoted_only_where_it_would_be_read_otherwise() {
        let value = json!({"list": ["a", "true", "1", "", "1.5Gi", "0/1 ready: no", "- x", "#", "a#b", "a: b", "it's", "y", "25%", "null", "2026-01-01T00:00:00Z"]});
        let want = "list:\n- a\n- \"true\"\n- \"1\"\n- \"\"\n- 1.5Gi\n- '0/1 ready: no'\n- '- x'\n- '#'\n- a#b\n- 'a: b'\n- it's\n- \"y\"\n- 25%\n\
                    - \"null\"\n- \"2026-01-01T00:00:00Z\"\n";
        check(&value, want);
    }

    #[test]
    fn nesting_follows_kubectls_indentation() {
        let value = json!({"spec": {"containers": [{"args": ["x", ["y"]], "name": "app", "resources": {}}], "volumes": []}, "n": null});
        let want = "\"n\": null\nspec:\n  containers:\n  - args:\n    - x\n    - - \"y\"\n    name: app\n    resources: {}\n  volumes: []\n";
        check(&value, want);
    }

    #[test]
    fn long_text_is_folded_and_lines_are_kept() {
        let value = json!({"status": {"conditions": [{"message": "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules. no new claims to \
            deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."}]}});
        let want = "status:\n  conditions:\n  - message: '0/3 nodes are available: 3 node(s) didn''t match pod anti-affinity rules.\n      no new claims to \
                    deallocate, preemption: 0/3 nodes are available: 3 No preemption\n      victims found for incoming pod.'\n";
        check(&value, want);
        check(&json!({"a": {"b": "x\n\n  y\n"}}), "a:\n  b: |\n    x\n\n      y\n");
        check(&json!({"a": "x\ny"}), "a: |-\n  x\n  y\n");
        check(&json!({"a": "tab\there \n"}), "a: \"tab\\there \\n\"\n");
    }
}
