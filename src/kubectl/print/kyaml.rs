//! `-o kyaml`: YAML in braces, with every text in quotes, so that neither spaces nor the looks of a text mean anything.
//! Models `sigs.k8s.io/yaml/kyaml`.

use serde_json::Value;

/// A value as a document of its own.
pub fn document(value: &Value) -> String {
    let mut out = String::from("---\n");
    node(value, 0, &mut out);
    out.push('\n');
    out
}

fn indent(level: usize, out: &mut String) {
    (0..level).for_each(|_| out.push_str("  "));
}

fn node(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::String(text) => quoted(text, level + 1, true, out),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) if items.iter().all(|item| item.is_array() || item.is_object()) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                node(item, level, out);
            }
            out.push(']');
        }
        Value::Array(items) => {
            out.push_str("[\n");
            for item in items {
                indent(level + 1, out);
                node(item, level + 1, out);
                out.push_str(",\n");
            }
            indent(level, out);
            out.push(']');
        }
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Object(fields) => {
            out.push_str("{\n");
            for (name, value) in fields {
                indent(level + 1, out);
                match needs_quotes(name) {
                    true => quoted(name, level + 2, false, out),
                    false => out.push_str(name),
                }
                out.push_str(": ");
                node(value, level + 1, out);
                out.push_str(",\n");
            }
            indent(level, out);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A text in quotes; one of several lines, where it may be folded, with each of them on a line of its own.
fn quoted(text: &str, level: usize, fold: bool, out: &mut String) {
    let folded = fold && text.contains('\n');
    let mut line_begins = folded;
    out.push_str(if folded { "\"\\\n" } else { "\"" });
    for letter in text.chars() {
        if line_begins {
            indent(level, out);
            // Spaces at the beginning of a line would be lost.
            out.push(if letter.is_whitespace() && letter != '\n' { '\\' } else { ' ' });
        }
        line_begins = folded && letter == '\n';
        match letter {
            '\n' => out.push_str(if folded { "\\n\\\n" } else { "\\n" }),
            other => out.push_str(&escaped(other)),
        }
    }
    if folded {
        out.push_str(if line_begins { "" } else { "\\\n" });
        indent(level, out);
    }
    out.push('"');
}

fn escaped(letter: char) -> String {
    match letter {
        '"' | '\\' => format!("\\{letter}"),
        '\x07' => "\\a".into(),
        '\x08' => "\\b".into(),
        '\x0c' => "\\f".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\x0b' => "\\v".into(),
        '\0' => "\\0".into(),
        '\x1b' => "\\e".into(),
        '\u{85}' => "\\N".into(),
        '\u{a0}' => "\\_".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        other if other.is_control() && other.is_ascii() => format!("\\x{:02x}", u32::from(other)),
        other if other.is_control() => format!("\\u{:04x}", u32::from(other)),
        other => other.to_string(),
    }
}

/// Whether a name could be taken for something else without quotes.
fn needs_quotes(name: &str) -> bool {
    const WORDS: [&str; 17] = [
        "null", "~", "true", "false", "t", "f", "y", "n", "yes", "no", "on", "off", ".inf", "-.inf", "+.inf",
        ".nan", "1",
    ];
    let lower = name.to_lowercase();
    let inner = |at: usize| at > 0 && at + 1 < name.chars().count();
    let plain = |(at, letter): (usize, char)| {
        letter.is_alphanumeric() || letter == '_' || inner(at) && ['-', '.', '/'].contains(&letter)
    };
    name.is_empty()
        || WORDS.contains(&lower.as_str())
        || is_number(&lower.replace('_', ""))
        || is_date(name)
        || !name.chars().enumerate().all(plain)
}

/// Whether Go's `strconv` reads it as a number.
fn is_number(text: &str) -> bool {
    let digits = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix).is_some_and(|rest| i64::from_str_radix(rest, radix).is_ok())
    };
    is_decimal(text) || digits("0x", 16) || digits("0o", 8) || digits("0b", 2)
}

/// Whether it is a decimal number, with or without a fraction and an exponent, or one of the words for none.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if ["inf", "infinity", "nan"].contains(&unsigned) {
        return true;
    }
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = unsigned.split_once('e').map_or((unsigned, None), |(n, e)| (n, Some(e)));
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    whole.len() + fraction.len() > 0
        && all_digits(whole)
        && all_digits(fraction)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

/// Whether it is a day, with or without a time: `2026-1-2`.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split('-').collect();
    parts.len() == 3
        && parts[0].len() == 4
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        && parts[1..].iter().all(|part| part.len() <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_stand_in_braces_and_texts_in_quotes() {
        let value = json!({
            "apiVersion": "v1", "data": {"a.txt": "one\n  two", "no": "x", "1": "y", "-a": "z"}, "empty": {}, "none": [],
            "ports": [{"port": 80}, {"port": 81}], "words": ["a", null, true],
        });
        let want = "---\n{\n  apiVersion: \"v1\",\n  data: {\n    \"-a\": \"z\",\n    \"1\": \"y\",\n    a.txt: \"\\\n\
                    \x20      one\\n\\\n      \\  two\\\n      \",\n    \"no\": \"x\",\n  },\n  empty: {},\n  none: [],\n  \
                    ports: [{\n    port: 80,\n  }, {\n    port: 81,\n  }],\n  words: [\n    \"a\",\n    null,\n    true,\n  ],\n}\n";
        assert_eq!(document(&value), want);
    }

    #[test]
    fn names_that_could_be_something_else_are_quoted() {
        let cases =
            [("app", false), ("a.b/c", false), ("a_b", false), ("", true), ("Yes", true), ("12", true)];
        let more = [
            ("1e3", true),
            ("-.5", true),
            ("0x1F", true),
            ("2026-01-02", true),
            ("a:b", true),
            ("e3", false),
        ];
        for (name, want) in cases.into_iter().chain(more) {
            assert_eq!(needs_quotes(name), want, "{name}");
        }
    }
}
