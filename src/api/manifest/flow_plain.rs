//! Plain scalars in flow collections, where libyaml went on and go-yaml stayed: to go-yaml a `?` ends one (`[a?b]` is refused),
//! and a `:` that no blank follows belongs to it (`[a:, b]` is taken).

use super::libyaml::{Event, EventKind, Mark, Problem, Scanner, Stage};

const UNEXPECTED: &str = "found unexpected ':'";
/// What may stand for a `:`, one byte long as that is, and harmless in a plain scalar.
const STAND_INS: &str = "~^;$=+_/()<>ZQXJKVWYzqxjkvwy0123456789";

/// Replaces each `:` that libyaml does not expect, and returns what stands there now. Gives up where that would mean to read
/// `bytes_left` again.
pub(super) fn replace_colons(text: &mut String, mut bytes_left: usize) -> Option<char> {
    let stand_in = STAND_INS.chars().find(|c| !text.contains(*c))?;
    let mut replaced = None;
    while let Some(rest) = bytes_left.checked_sub(text.len())
        && let Some(at) = unexpected_colon(text)
    {
        bytes_left = rest;
        text.replace_range(at..=at, stand_in.encode_utf8(&mut [0; 4]));
        replaced = Some(stand_in);
    }
    replaced
}

/// Whether a text may have what this file is about.
pub(super) fn may_have_colons(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[0] == b':' && b",?[]{}".contains(&pair[1]))
}

fn unexpected_colon(text: &str) -> Option<usize> {
    let mut scanner = Scanner::new(text)?;
    loop {
        match scanner.next() {
            Ok(Event { kind: EventKind::StreamEnd | EventKind::DocumentEnd, .. }) => return None,
            Ok(_) => {}
            Err(Problem { words: UNEXPECTED, at, .. }) => {
                return text[at.byte..].starts_with(':').then_some(at.byte);
            }
            Err(_) => return None,
        }
    }
}

/// What go-yaml says of the first `?` within a plain scalar of a flow collection.
pub(super) fn question(text: &str) -> Option<Problem> {
    if !text.contains('?') || !text.contains(['[', '{']) {
        return None;
    }
    let mut scanner = Scanner::new(text)?;
    // The collections that are open, from the outermost in flow style on: where each begins, if a bracket says so.
    let mut open: Vec<Option<usize>> = Vec::new();
    loop {
        let Ok(Event { kind, from, to }) = scanner.next() else { return None };
        match kind {
            EventKind::StreamEnd | EventKind::DocumentEnd => return None,
            EventKind::SequenceStart { .. } | EventKind::MappingStart { .. } => {
                let bracket =
                    to.checked_sub(1).filter(|at| to > from && matches!(text.as_bytes()[*at], b'[' | b'{'));
                if bracket.is_some() || !open.is_empty() {
                    open.push(bracket);
                }
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => drop(open.pop()),
            EventKind::Scalar { plain: true, .. } => {
                let start = open.iter().rev().find_map(|bracket| *bracket);
                if let (Some(start), Some(at)) =
                    (start, text.get(from..to).and_then(|scalar| scalar.find('?')))
                {
                    return Some(unclosed(text, start, from + at));
                }
            }
            _ => {}
        }
    }
}

fn unclosed(text: &str, start: usize, at: usize) -> Problem {
    let line = |byte: usize| text.as_bytes()[..byte].iter().filter(|b| **b == b'\n').count();
    let mark = |byte: usize| Mark { byte, line: line(byte) };
    let words = match text.as_bytes()[start] {
        b'[' => "did not find expected ',' or ']'",
        _ => "did not find expected ',' or '}'",
    };
    Problem { words, stage: Stage::Parser, at: mark(at), context: Some(mark(start)) }
}
