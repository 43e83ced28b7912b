//! The one door to the YAML scanner: libyaml's event stream as safe Rust values.
//!
//! kubectl reads YAML with go-yaml v2, which is libyaml in Go. Reading with libyaml's Rust translation (already
//! here for writing YAML) makes the two agree on what is accepted, on the words of an error and on its position;
//! a YAML 1.2 parser agrees only roughly. libyaml looks ahead at most one simple key (1024 bytes), so limits
//! enforced on its events bound its work too.

use libyaml_rs as sys;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// One event with its byte range in the text given to [`Scanner::new`].
#[derive(Debug)]
pub(super) struct Event {
    pub kind: EventKind,
    pub from: usize,
    pub to: usize,
}

#[derive(Debug)]
pub(super) enum EventKind {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(String),
    Scalar {
        anchor: Option<String>,
        tag: Option<String>,
        text: String,
        plain: bool,
        double_quoted: bool,
    },
    SequenceStart {
        anchor: Option<String>,
    },
    SequenceEnd,
    MappingStart {
        anchor: Option<String>,
    },
    MappingEnd,
    /// Events that carry nothing (the start of the stream).
    Other,
}

/// libyaml's account of an error. Marks are byte, and line counted from 0 as libyaml counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub words: &'static str,
    /// Whether the scanner (characters to tokens) or the reader and parser found it: go-yaml reports their lines
    /// differently.
    pub stage: Stage,
    pub at: Mark,
    /// Where the construct that failed began, when libyaml says so.
    pub context: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Reader,
    Scanner,
    Parser,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub byte: usize,
    pub line: usize,
}

/// Pulls events out of a text. After an error it stays at that error.
pub(super) struct Scanner<'t> {
    // Boxed and never moved out: libyaml keeps a pointer to its own parser.
    parser: Box<MaybeUninit<sys::yaml_parser_t>>,
    text: PhantomData<&'t str>,
}

impl<'t> Scanner<'t> {
    /// `None` only where libyaml cannot start at all.
    #[allow(unsafe_code)]
    pub fn new(text: &'t str) -> Option<Self> {
        let mut parser = Box::new(MaybeUninit::uninit());
        // SAFETY: `initialize` writes the whole struct before anything reads it; the text outlives the scanner by
        // the lifetime `'t`, and the box gives the parser a fixed address.
        unsafe {
            if sys::yaml_parser_initialize(parser.as_mut_ptr()).fail {
                return None;
            }
            sys::yaml_parser_set_encoding(parser.as_mut_ptr(), sys::YAML_UTF8_ENCODING);
            sys::yaml_parser_set_input_string(parser.as_mut_ptr(), text.as_ptr(), text.len() as u64);
        }
        Some(Scanner { parser, text: PhantomData })
    }

    #[allow(unsafe_code)]
    pub fn next(&mut self) -> Result<Event, Problem> {
        let mut event = MaybeUninit::<sys::yaml_event_t>::uninit();
        // SAFETY: the parser was initialised in `new`. `parse` fills the event or reports failure; a filled event
        // is read once and then deleted.
        unsafe {
            if (**self.parser.as_ptr()).error != sys::YAML_NO_ERROR
                || sys::yaml_parser_parse(self.parser.as_mut_ptr(), event.as_mut_ptr()).fail
            {
                return Err(self.problem());
            }
            let raw = event.as_mut_ptr();
            let kind = convert(&*raw);
            let (from, to) = ((*raw).start_mark.index as usize, (*raw).end_mark.index as usize);
            sys::yaml_event_delete(raw);
            Ok(Event { kind, from, to })
        }
    }

    #[allow(unsafe_code)]
    fn problem(&self) -> Problem {
        // SAFETY: the parser is initialised; `problem` is null or one of libyaml's static C strings.
        unsafe {
            let parser = &**self.parser.as_ptr();
            let words = if parser.problem.is_null() {
                "unknown problem parsing YAML content"
            } else {
                CStr::from_ptr(parser.problem.cast())
                    .to_str()
                    .unwrap_or("unknown problem parsing YAML content")
            };
            let mark = |m: sys::yaml_mark_t| Mark { byte: m.index as usize, line: m.line as usize };
            let (stage, at) = match parser.error {
                sys::YAML_SCANNER_ERROR => (Stage::Scanner, mark(parser.problem_mark)),
                sys::YAML_PARSER_ERROR => (Stage::Parser, mark(parser.problem_mark)),
                _ => (Stage::Reader, Mark { byte: parser.problem_offset as usize, line: 0 }),
            };
            let context = (!parser.context.is_null()).then(|| mark(parser.context_mark));
            Problem { words, stage, at, context }
        }
    }
}

impl Drop for Scanner<'_> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, deleted exactly once.
        unsafe { sys::yaml_parser_delete(self.parser.as_mut_ptr()) }
    }
}

/// # Safety
/// `event` was filled by `yaml_parser_parse` and not yet deleted.
#[allow(unsafe_code)]
unsafe fn convert(event: &sys::yaml_event_t) -> EventKind {
    // SAFETY: each union field is read only under the event type that fills it.
    unsafe {
        match event.type_ {
            sys::YAML_STREAM_END_EVENT => EventKind::StreamEnd,
            sys::YAML_DOCUMENT_START_EVENT => EventKind::DocumentStart,
            sys::YAML_DOCUMENT_END_EVENT => EventKind::DocumentEnd,
            sys::YAML_ALIAS_EVENT => EventKind::Alias(string(event.data.alias.anchor).unwrap_or_default()),
            sys::YAML_SCALAR_EVENT => {
                let scalar = &event.data.scalar;
                let bytes = std::slice::from_raw_parts(scalar.value, scalar.length as usize);
                EventKind::Scalar {
                    anchor: string(scalar.anchor),
                    tag: string(scalar.tag),
                    text: String::from_utf8_lossy(bytes).into_owned(),
                    plain: scalar.style == sys::YAML_PLAIN_SCALAR_STYLE,
                    double_quoted: scalar.style == sys::YAML_DOUBLE_QUOTED_SCALAR_STYLE,
                }
            }
            sys::YAML_SEQUENCE_START_EVENT => {
                EventKind::SequenceStart { anchor: string(event.data.sequence_start.anchor) }
            }
            sys::YAML_SEQUENCE_END_EVENT => EventKind::SequenceEnd,
            sys::YAML_MAPPING_START_EVENT => {
                EventKind::MappingStart { anchor: string(event.data.mapping_start.anchor) }
            }
            sys::YAML_MAPPING_END_EVENT => EventKind::MappingEnd,
            _ => EventKind::Other,
        }
    }
}

/// # Safety
/// `text` is null or a C string that lives through the call.
#[allow(unsafe_code)]
unsafe fn string(text: *const u8) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller's promise.
    Some(unsafe { CStr::from_ptr(text.cast()) }.to_string_lossy().into_owned())
}
