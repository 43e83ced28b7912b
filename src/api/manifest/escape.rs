//! The escapes of double-quoted scalars in which go-yaml and libyaml differ: go-yaml kept `\'`, which libyaml dropped, and never
//! got `\/`, which libyaml has for JSON's sake.

use std::borrow::Cow;

use super::flow_plain;
use super::libyaml::{Event, EventKind, Mark, Problem, Scanner, Stage};

const UNKNOWN: &str = "found unknown escape character";
/// How much may be read again for the sake of `\'`: one text of this length, or as many shorter ones as it takes.
const BYTES_READ_AGAIN_MAX: usize = 4 << 20;

/// A text that libyaml reads as go-yaml reads the original, byte for byte as long.
pub(super) struct Readable<'t> {
    pub text: Cow<'t, str>,
    /// What stands for `\'`; the text has no other use of it.
    stand_in: Option<char>,
    /// What stands for a `:` in plain scalars; the text has no other use of it either.
    colon: Option<char>,
    /// Where go-yaml stops and libyaml would not.
    stop: Option<Problem>,
    is_json: bool,
}

impl<'t> Readable<'t> {
    /// JSON knows `\/` and not `\'`, as libyaml does.
    pub fn json(text: &'t str) -> Self {
        Readable { text: text.into(), stand_in: None, colon: None, stop: None, is_json: true }
    }

    pub fn yaml(text: &'t str) -> Self {
        // Two bytes long, as is what it stands for.
        let stand_in = text.contains("\\'").then(|| ('\u{7c0}'..='\u{7fa}').find(|c| !text.contains(*c)));
        let (stand_in, stop) = (stand_in.flatten(), flow_plain::question(text));
        let mut readable = Readable { text: text.into(), stand_in, colon: None, stop, is_json: false };
        readable.replace_quotes();
        if flow_plain::may_have_colons(text) {
            readable.colon = flow_plain::replace_colons(readable.text.to_mut(), BYTES_READ_AGAIN_MAX);
        }
        readable
    }

    fn replace_quotes(&mut self) {
        let Some(stand_in) = self.stand_in else { return };
        let mut left = BYTES_READ_AGAIN_MAX;
        while let Some(rest) = left.checked_sub(self.text.len())
            && let Some(at) = unknown_quote(&self.text)
        {
            left = rest;
            replace_to_the_end(self.text.to_mut(), at, stand_in);
        }
    }

    /// What go-yaml makes of an event.
    pub fn event(&self, mut event: Event) -> Result<Event, Problem> {
        if let Some(stop) = self.stop.filter(|stop| (event.from..event.to).contains(&stop.at.byte)) {
            return Err(stop);
        }
        if let (Some(stand_in), EventKind::Scalar { text, plain: true, .. }) = (self.colon, &mut event.kind) {
            *text = text.replace(stand_in, ":");
        }
        let EventKind::Scalar { text, double_quoted: true, .. } = &mut event.kind else { return Ok(event) };
        if let Some(stand_in) = self.stand_in {
            *text = text.replace(stand_in, "'");
        }
        match escaped_slash(self.text.get(event.from..event.to).unwrap_or_default()) {
            Some(at) if !self.is_json => {
                let line = |byte: usize| self.text.as_bytes()[..byte].iter().filter(|b| **b == b'\n').count();
                let mark = |byte: usize| Mark { byte, line: line(byte) };
                let (at, context) = (mark(event.from + at), Some(mark(event.from)));
                Err(Problem { words: UNKNOWN, stage: Stage::Scanner, at, context })
            }
            _ => Ok(event),
        }
    }
}

/// Where libyaml stops because it does not know `\'`.
fn unknown_quote(text: &str) -> Option<usize> {
    let mut scanner = Scanner::new(text)?;
    loop {
        match scanner.next() {
            Ok(Event { kind: EventKind::StreamEnd | EventKind::DocumentEnd, .. }) => return None,
            Ok(_) => {}
            Err(problem) => {
                let at = problem.at.byte;
                let known = problem.words == UNKNOWN && text.get(at..).is_some_and(|t| t.starts_with("\\'"));
                return known.then_some(at);
            }
        }
    }
}

/// Replaces each `\'` from here to the end of the double-quoted scalar.
fn replace_to_the_end(text: &mut String, mut at: usize, stand_in: char) {
    let mut bytes = [0; 4];
    let stand_in = stand_in.encode_utf8(&mut bytes);
    loop {
        match text.as_bytes().get(at..) {
            None | Some([] | [b'"', ..]) => return,
            Some([b'\\', b'\'', ..]) => text.replace_range(at..at + stand_in.len(), stand_in),
            _ => {}
        }
        at += if text.as_bytes()[at] == b'\\' { 2 } else { 1 };
    }
}

/// Where a double-quoted scalar has the escape `\/`.
fn escaped_slash(scalar: &str) -> Option<usize> {
    let bytes = scalar.as_bytes();
    let mut at = scalar.find('"')?;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'\\', b'/', ..] => return Some(at),
            [b'\\', ..] => at += 2,
            _ => at += 1,
        }
    }
    None
}
