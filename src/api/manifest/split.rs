//! Cuts a stream into documents where kubectl cuts it: at lines of `---`, and between JSON values.
//!
//! kubectl hands each piece to the YAML reader by itself, so line numbers in its messages count from the piece's
//! own start, and a broken document does not hide the next one.
//!
//! Models apimachinery `util/yaml` `YAMLReader` and `YAMLOrJSONDecoder`.

use super::source::Span;
use serde::de::IgnoredAny;

/// A piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub span: Span,
    pub kind: PieceKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    Yaml,
    /// One JSON value that parses.
    Json,
    /// Starts like JSON and is not; holds what Go's JSON decoder says. It may still be good YAML.
    BrokenJson(String),
    /// A `---` line with something other than a comment behind it.
    BadSeparator(String),
}

const BYTE_ORDER: char = '\u{feff}';

/// The pieces in order; blank YAML pieces are included (they hold comments only, or nothing).
pub(super) fn split(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = if text.starts_with(BYTE_ORDER) { BYTE_ORDER.len_utf8() } else { 0 };
    if text[at..].trim_start().starts_with('{') {
        at = split_json(text, at, &mut pieces);
    }
    split_yaml(text, at, &mut pieces);
    // Each piece may have a mark of byte order of its own, where files were joined.
    for piece in &mut pieces {
        if piece.span.slice(text).starts_with(BYTE_ORDER) {
            piece.span.from += BYTE_ORDER.len_utf8() as u32;
        }
    }
    pieces
}

/// Takes JSON values from `at` on and returns where YAML begins: at a `---`, or at the end.
fn split_json(text: &str, mut at: usize, pieces: &mut Vec<Piece>) -> usize {
    loop {
        let start = at + (text[at..].len() - text[at..].trim_start().len());
        let rest = &text[start..];
        if rest.is_empty() || rest.starts_with("---") {
            return start;
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                at = start + values.byte_offset();
                pieces.push(Piece { span: Span::new(start, at), kind: PieceKind::Json });
            }
            Some(Err(error)) => {
                // A first value that is no JSON may be YAML in flow style; the piece then ends as YAML's do.
                let end = next_separator(text, start).map_or(text.len(), |(from, _)| from);
                let words = go_json_error(&error, rest);
                pieces.push(Piece { span: Span::new(start, end), kind: PieceKind::BrokenJson(words) });
                return next_separator(text, start).map_or(text.len(), |(_, to)| to);
            }
            None => return text.len(),
        }
    }
}

fn split_yaml(text: &str, start: usize, pieces: &mut Vec<Piece>) {
    let mut from = start;
    let mut at = start;
    while at < text.len() {
        let end = line_end(text, at);
        if let Some(after) = text[at..end].strip_prefix("---") {
            let after = after.trim();
            if !after.is_empty() && !after.starts_with('#') {
                if from < at {
                    pieces.push(Piece { span: Span::new(from, at), kind: PieceKind::Yaml });
                }
                let line = Span::new(at, at + text[at..end].trim_end().len());
                pieces.push(Piece { span: line, kind: PieceKind::BadSeparator(after.to_string()) });
                from = end;
            } else if from < at {
                pieces.push(Piece { span: Span::new(from, at), kind: PieceKind::Yaml });
                from = end;
            }
            // A separator with nothing before it belongs to the piece it opens, as in kubectl: it counts as a line.
        }
        at = end;
    }
    if from < text.len() {
        pieces.push(Piece { span: Span::new(from, text.len()), kind: PieceKind::Yaml });
    }
}

/// Bytes from the start of the next `---` line after `at` to the end of that line.
fn next_separator(text: &str, at: usize) -> Option<(usize, usize)> {
    let mut at = line_end(text, at);
    while at < text.len() {
        let end = line_end(text, at);
        if text[at..].starts_with("---") {
            return Some((at, end));
        }
        at = end;
    }
    None
}

/// The byte after the line break of the line at `at`.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n + 1)
}

/// What the YAML or JSON reader says of JSON that is broken.
fn go_json_error(error: &serde_json::Error, text: &str) -> String {
    if error.is_eof() {
        return "unexpected EOF".into();
    }
    let (offset, words) = json_error(error, text);
    format!("json: offset {}: {words}", offset + 1)
}

/// Where a text is no JSON, and Go's words for what serde found there.
pub fn json_error(error: &serde_json::Error, text: &str) -> (usize, String) {
    if error.is_eof() {
        return (text.len(), "unexpected end of JSON input".into());
    }
    let offset = byte_of(text, error.line(), error.column());
    let found = text[offset..].chars().next().unwrap_or(' ');
    let words = error.to_string();
    let literal = words.contains("expected ident").then(|| unfinished_literal(&text[..offset])).flatten();
    let place = if let Some((literal, wanted)) = literal {
        &format!("in literal {literal} (expecting '{wanted}')")
    } else if words.contains("key must be a string") {
        "looking for beginning of object key string"
    } else if words.contains("expected `:`") {
        "after object key"
    } else if words.contains("expected `,` or `}`") {
        "after object key:value pair"
    } else if words.contains("expected `,` or `]`") {
        "after array element"
    } else if words.contains("trailing comma") && found == '}' {
        "looking for beginning of object key string"
    } else if words.contains("control character") {
        "in string literal"
    } else if words.contains("trailing characters") {
        "after top-level value"
    } else {
        "looking for beginning of value"
    };
    let found = if found.is_ascii_control() { found.escape_default().to_string() } else { found.to_string() };
    (offset, format!("invalid character '{found}' {place}"))
}

/// The literal that a text ends in the midst of, and what should come next.
fn unfinished_literal(text: &str) -> Option<(&'static str, char)> {
    let begun = text.trim_end_matches(|c: char| c.is_ascii_lowercase()).len();
    let begun = text.get(begun..).filter(|begun| !begun.is_empty())?;
    ["true", "false", "null"].into_iter().find_map(|literal| {
        let wanted = literal.strip_prefix(begun)?.chars().next()?;
        Some((literal, wanted))
    })
}

/// serde counts lines and columns (bytes) from 1.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[&str]) {
        let got: Vec<String> = split(text)
            .iter()
            .map(|piece| format!("{}:{}", &format!("{:?}", piece.kind)[..4], piece.span.slice(text)))
            .collect();
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn yaml_splits_at_separator_lines_only() {
        check("a: 1\n---\nb: 2\n", &["Yaml:a: 1\n", "Yaml:b: 2\n"]);
        check("---\na: 1\n--- # two\nb: 2", &["Yaml:---\na: 1\n", "Yaml:b: 2"]);
        check("a: |\n  ---\n  x\n", &["Yaml:a: |\n  ---\n  x\n"]);
        check("a: 1\n--- b\nc: 1\n", &["Yaml:a: 1\n", "BadS:--- b", "Yaml:c: 1\n"]);
        check("\u{feff}a: 1\n---\n\u{feff}b: 2\n", &["Yaml:a: 1\n", "Yaml:b: 2\n"]);
        check("", &[]);
    }

    #[test]
    fn what_is_no_json_is_told_in_gos_words() {
        let cases = [
            ("nothing", "invalid character 'o' in literal null (expecting 'u')"),
            ("{\"a\": \"9t\t\"}", "invalid character '\\t' in string literal"),
            ("{\"a\": foo}", "invalid character 'o' in literal false (expecting 'a')"),
            ("[tru", "unexpected end of JSON input"),
            ("auth", "invalid character 'a' looking for beginning of value"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
        ];
        for (text, want) in cases {
            let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
            assert_eq!(json_error(&error, text).1, want, "{text}");
        }
    }

    #[test]
    fn json_values_stand_side_by_side() {
        check("{\"a\":1}\n{\"b\":2} \n", &["Json:{\"a\":1}", "Json:{\"b\":2}"]);
        check("{\"a\":1}\n---\nb: 2\n", &["Json:{\"a\":1}", "Yaml:---\nb: 2\n"]);
        check("{a: 1}\n---\nb: 2\n", &["Brok:{a: 1}\n", "Yaml:b: 2\n"]);
    }
}
