//! Manifests as text: a stream of YAML or JSON documents read as kubectl reads it, with the place of every value.
//!
//! [`parse`] never fails as a whole (unless a limit on the stream is passed) and never panics: each document is
//! either a tree of [`Node`]s or a [`Diagnostic`]. It accepts what kubectl accepts, with YAML 1.1's scalars,
//! anchors, merges, and the last of duplicate keys winning; the words of an error are there twice, for people and
//! as kubectl prints them.
//!
//! Models apimachinery `util/yaml` and sigs.k8s.io/yaml over go-yaml v2.

pub mod base64;
mod compose;
mod diagnostic;
mod escape;
mod flow_plain;
mod hints;
mod libyaml;
mod node;
mod scalar;
mod source;
mod split;
#[cfg(test)]
mod tests;
mod write;

pub use base64::{decode as base64_decode, encode as base64_encode};
pub use diagnostic::{Diagnostic, Severity};
pub use node::{Entry, Kind, Location, Node};
pub use scalar::json_float;
pub use source::{Position, SourceMap, Span};
pub use split::json_error;
pub use write::to_yaml;

use compose::{Composed, compose};
use split::{Piece, PieceKind, split};

/// How much of a stream is read before it is refused. Hostile text must cost little time and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the whole text.
    pub bytes: usize,
    /// Lists and maps inside each other.
    pub depth: usize,
    /// Values in the whole stream, those behind aliases counted every time they are used.
    pub nodes: usize,
    /// Documents in the stream; further ones are refused with one message.
    pub documents: usize,
    /// Warnings kept; there may be one for every line.
    pub warnings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 8 << 20, depth: 100, nodes: 1_000_000, documents: 20_000, warnings: 1_000 }
    }
}

/// What a text holds.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The documents that could be read and hold something, in order.
    pub documents: Vec<Document>,
    /// Errors (a document that is missing from `documents`) and warnings, in order of the text.
    pub errors: Vec<Diagnostic>,
}

impl Stream {
    /// Whether some document could not be read.
    pub fn has_errors(&self) -> bool {
        self.errors.iter().any(Diagnostic::is_error)
    }
}

/// One document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Place in the stream from 0, counting broken documents and not counting empty ones.
    pub index: usize,
    /// The document's text, separators not included.
    pub span: Span,
    pub root: Node,
}

impl Document {
    /// `apiVersion`, where it is a string.
    pub fn api_version(&self) -> Option<&str> {
        self.root.get("apiVersion").and_then(Node::as_str)
    }

    /// `kind`, where it is a string.
    pub fn kind(&self) -> Option<&str> {
        self.root.get("kind").and_then(Node::as_str)
    }

    /// The objects in the document: the items of a `List` (any kind whose name ends in `List` and that has a list
    /// of `items`), or the document itself. Items of lists in lists are found too.
    pub fn objects(&self) -> Vec<&Node> {
        let mut objects = Vec::new();
        expand(&self.root, &mut objects);
        objects
    }
}

fn expand<'n>(node: &'n Node, objects: &mut Vec<&'n Node>) {
    let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    match node.get("items").map(|items| &items.kind) {
        Some(Kind::Seq(items)) if is_list => items.iter().for_each(|item| expand(item, objects)),
        _ => objects.push(node),
    }
}

/// Items of a `PodList` that say neither version nor kind are pods of the list's version (`UnstructuredList`).
fn name_items(list: &mut Node) {
    let word = |name: &str| list.entry(name).filter(|entry| entry.value.as_str().is_some()).cloned();
    let (Some(version), Some(mut kind)) = (word("apiVersion"), word("kind")) else { return };
    let Some(item_kind) = kind.value.as_str().and_then(|kind| kind.strip_suffix("List")) else { return };
    if item_kind.is_empty() {
        return;
    }
    kind.value.kind = Kind::Str(item_kind.to_string());
    let Kind::Map(entries) = &mut list.kind else { return };
    let Some(items) = entries.iter_mut().find(|entry| entry.key == "items") else { return };
    let Kind::Seq(items) = &mut items.value.kind else { return };
    for item in items {
        if let Kind::Map(fields) = &mut item.kind
            && !fields.iter().any(|field| field.key == "apiVersion" || field.key == "kind")
        {
            fields.splice(0..0, [version.clone(), kind.clone()]);
        }
    }
}

/// Stands for bytes that are no UTF-8. No YAML may hold it, so that it is refused where they are.
const NO_TEXT: char = '\u{ffff}';

/// A file as a text to [`parse`].
pub fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(NO_TEXT);
        }
    }
    text
}

/// Reads a text. See the module for what is accepted.
pub fn parse(text: &str, limits: &Limits) -> Stream {
    let reader = Reader {
        map: SourceMap::new(""),
        limits,
        nodes_left: limits.nodes,
        warnings_left: limits.warnings,
        stream: Stream::default(),
        index: 0,
    };
    reader.read(text)
}

struct Reader<'t> {
    map: SourceMap<'t>,
    limits: &'t Limits,
    nodes_left: usize,
    warnings_left: usize,
    stream: Stream,
    /// Index of the document being read.
    index: usize,
}

impl<'t> Reader<'t> {
    fn read(mut self, text: &'t str) -> Stream {
        if text.len() > self.limits.bytes {
            let message = format!(
                "the manifest is {} bytes long; at most {} are accepted",
                text.len(),
                self.limits.bytes
            );
            self.error(Span::new(0, 0), message, None);
            return self.stream;
        }
        self.map = SourceMap::new(text);
        for piece in split(text) {
            if self.index >= self.limits.documents {
                let message = format!("the manifest holds more than {} documents", self.limits.documents);
                self.error(Span::new(piece.span.from as usize, piece.span.from as usize), message, None);
                break;
            }
            self.read_piece(text, piece);
        }
        self.stream
    }

    fn read_piece(&mut self, text: &str, piece: Piece) {
        let from = piece.span.from as usize;
        if let PieceKind::BadSeparator(found) = piece.kind {
            let words = format!("invalid Yaml document separator: {found}");
            return self.error(piece.span, words.clone(), Some(words));
        }
        let is_json = matches!(piece.kind, PieceKind::Json);
        match compose(piece.span.slice(text), is_json, from, self.limits, &mut self.nodes_left) {
            Ok(None) => {}
            Ok(Some(Composed { root, .. })) if root.kind == Kind::Null => {}
            Ok(Some(composed)) => self.accept(piece.span, composed),
            Err(refusal) => {
                let words = match piece.kind {
                    PieceKind::BrokenJson(words) => Some(words),
                    _ => refusal.go.map(|go| format!("error converting YAML to JSON: {go}")),
                };
                self.error(refusal.span, refusal.message, words);
            }
        }
    }

    fn accept(&mut self, span: Span, composed: Composed) {
        for duplicate in composed.duplicates {
            let first = self.map.position(duplicate.first.from).line;
            let message =
                format!("key \"{}\" is already set on line {first}; the last one wins", duplicate.key);
            self.report(duplicate.span, Severity::Warning, message);
        }
        if let Some(unread) = composed.unread {
            let message =
                "what follows is not read: the document has ended; separate documents with '---'".into();
            self.report(unread, Severity::Warning, message);
        }
        let mut root = composed.root;
        name_items(&mut root);
        self.stream.documents.push(Document { index: self.index, span, root });
        self.index += 1;
    }

    fn error(&mut self, span: Span, message: String, kubectl: Option<String>) {
        self.report(span, Severity::Error, message);
        if let Some(last) = self.stream.errors.last_mut() {
            last.kubectl = kubectl;
        }
        self.index += 1;
    }

    fn report(&mut self, span: Span, severity: Severity, message: String) {
        if severity == Severity::Warning {
            if self.warnings_left == 0 {
                return;
            }
            self.warnings_left -= 1;
        }
        self.stream.errors.push(Diagnostic::new(&self.map, self.index, span, severity, message));
    }
}
