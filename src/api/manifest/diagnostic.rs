//! What is said about a place in a text.

use super::source::{SourceMap, Span};

/// How grave a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted, though probably not as meant.
    Warning,
    /// The document is accepted, and the model leaves this part of it alone.
    Unsimulated,
}

/// One finding about a manifest, ready for an editor, a table or a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Index of the document in the stream, from 0; empty documents are not counted.
    pub document: usize,
    /// Line and column (in characters) of the place, from 1.
    pub line: u32,
    pub column: u32,
    /// The place in bytes.
    pub span: Span,
    /// The place in UTF-16 units, `to` excluded.
    pub utf16: Span,
    /// Field path in the API server's style, where one is known.
    pub path: Option<String>,
    pub severity: Severity,
    /// One sentence for people; the API server's own words where it has some.
    pub message: String,
    /// What kubectl prints for it after `error: error parsing FILE: ` (syntax) or `error: unable to decode "FILE": `
    /// (see the crate's kubectl commands); none where kubectl accepts the document.
    pub kubectl: Option<String>,
}

impl Diagnostic {
    pub fn new(map: &SourceMap, document: usize, span: Span, severity: Severity, message: String) -> Self {
        let at = map.position(span.from);
        Diagnostic {
            document,
            line: at.line,
            column: at.column,
            span,
            utf16: Span { from: map.utf16(span.from), to: map.utf16(span.to) },
            path: None,
            severity,
            message,
            kubectl: None,
        }
    }

    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub fn kubectl(mut self, words: impl Into<String>) -> Self {
        self.kubectl = Some(words.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
