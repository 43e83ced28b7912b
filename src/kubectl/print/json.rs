//! JSON as Go's encoder writes it: keys sorted, and `<`, `>` and `&` escaped, since it was made for web pages.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// On one line, without a line break at its end.
pub fn go_json(value: &Value) -> String {
    write(value, CompactFormatter)
}

/// As `-o json` prints: indented by four.
pub fn go_json_indented(value: &Value) -> String {
    write(value, PrettyFormatter::with_indent(b"    "))
}

fn write(value: &Value, formatter: impl Formatter) -> String {
    let mut out = Vec::new();
    // A JSON value with text keys is written to memory without fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut out, formatter));
    let text = String::from_utf8(out).unwrap_or_default();
    // None of these can stand outside a text value.
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_escaped_as_go_escapes_it() {
        assert_eq!(go_json(&json!({"b": "<a & b>", "a": [1]})), r#"{"a":[1],"b":"\u003ca \u0026 b\u003e"}"#);
        assert_eq!(go_json_indented(&json!({"a": {}})), "{\n    \"a\": {}\n}");
    }
}
