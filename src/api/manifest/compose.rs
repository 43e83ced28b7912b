//! Builds the tree of one document from libyaml's events, within limits.

use super::Limits;
use super::escape::Readable;
use super::libyaml::{Event, EventKind, Mark, Problem, Scanner, Stage};
use super::node::{Entry, Kind, Node};
use super::scalar::{self, json_float, key_float};
use super::source::Span;

use sorted::{SortedMap, SortedSet};

/// Why a document has no tree, where, and in whose words.
pub(super) struct Refusal {
    pub span: Span,
    pub message: String,
    /// go-yaml's text, without `error converting YAML to JSON: `.
    pub go: Option<String>,
}

/// A key given twice in one map.
pub(super) struct Duplicate {
    pub key: String,
    pub span: Span,
    pub first: Span,
}

/// A composed document.
pub(super) struct Composed {
    pub root: Node,
    pub duplicates: Vec<Duplicate>,
    /// Where a second document starts that kubectl would never read (go-yaml stops after the first).
    pub unread: Option<Span>,
}

/// Reads one piece of a stream. `base` is where the piece starts in the whole text; spans are of the whole text. JSON has other
/// escapes than go-yaml.
/// `nodes_left` is the stream's remaining allowance and is lowered by what this document takes.
pub(super) fn compose(
    piece: &str,
    is_json: bool,
    base: usize,
    limits: &Limits,
    nodes_left: &mut usize,
) -> Result<Option<Composed>, Refusal> {
    // kubectl's line reader ends every line, also the last, with a newline: errors at the end name the line after.
    let owned;
    let text = if piece.ends_with('\n') {
        piece
    } else {
        owned = format!("{piece}\n");
        &owned
    };
    let mut composer = Composer {
        base,
        length: piece.len(),
        limits,
        nodes_left,
        stack: Vec::new(),
        anchors: SortedMap::new(),
        duplicates: Vec::new(),
        root: None,
        bad_key: None,
        last_end: 0,
    };
    composer.run(&if is_json { Readable::json(text) } else { Readable::yaml(text) })
}

struct Composer<'a> {
    base: usize,
    length: usize,
    limits: &'a Limits,
    nodes_left: &'a mut usize,
    stack: Vec<Frame>,
    /// Finished anchors with their expanded size; one still being built is `None`.
    anchors: SortedMap<String, Option<(Node, usize)>>,
    duplicates: Vec<Duplicate>,
    root: Option<Node>,
    /// The first key that is a list or a map. go-yaml says so once the whole document has been parsed.
    bad_key: Option<Refusal>,
    /// End of the last piece of text that belongs to a value: where a block collection ends that closes next.
    last_end: usize,
}

/// A collection that is not closed yet.
struct Frame {
    from: usize,
    anchor: Option<String>,
    nodes_before: usize,
    shape: Shape,
}

enum Shape {
    Seq(Vec<Node>),
    Map(MapFrame),
}

#[derive(Default)]
struct MapFrame {
    entries: Vec<Entry>,
    /// Key to place in `entries`, once there are too many to look through one by one.
    index: SortedMap<String, usize>,
    /// Keys that came from `<<`; giving them again is the purpose of a merge, not a mistake.
    merged: SortedSet<String>,
    key: Option<Key>,
}

/// A key that waits for its value.
enum Key {
    Name(String, Span),
    /// `<<`
    Merge(Span),
}

impl Composer<'_> {
    fn run(&mut self, readable: &Readable) -> Result<Option<Composed>, Refusal> {
        let Some(mut scanner) = Scanner::new(&readable.text) else {
            return Err(self.refuse(Span::default(), "the YAML reader cannot start", None));
        };
        let mut unread = None;
        loop {
            let event = scanner.next().and_then(|event| readable.event(event));
            let event = event.map_err(|problem| self.explain(problem, &readable.text))?;
            let span = self.span(event.from, event.to);
            match event.kind {
                EventKind::DocumentEnd => {
                    // go-yaml never looks past the first document of a piece, not even at errors.
                    unread = match scanner.next() {
                        Ok(Event { kind: EventKind::DocumentStart, from, .. }) => Some(self.span(from, from)),
                        Ok(_) => None,
                        Err(problem) => Some(self.span(problem.at.byte, problem.at.byte)),
                    };
                    break;
                }
                EventKind::StreamEnd => break,
                EventKind::DocumentStart | EventKind::Other => {}
                _ => self.node_event(event, span)?,
            }
        }
        if let Some(refusal) = self.bad_key.take() {
            return Err(refusal);
        }
        let duplicates = std::mem::take(&mut self.duplicates);
        Ok(self.root.take().map(|root| Composed { root, duplicates, unread }))
    }

    fn node_event(&mut self, event: Event, span: Span) -> Result<(), Refusal> {
        match event.kind {
            EventKind::Alias(name) => {
                self.last_end = event.to;
                let node = self.resolve_alias(&name, span)?;
                self.add(node)
            }
            EventKind::Scalar { anchor, tag, text, plain, .. } => {
                self.last_end = self.last_end.max(event.to);
                self.count(1, span)?;
                let merges = plain && tag.is_none() && text == "<<";
                let kind = scalar::resolve(text, plain, tag.as_deref())
                    .map_err(|words| self.refuse(span, &words.clone(), Some(format!("yaml: {words}"))))?;
                if let Kind::Float(f) = &kind
                    && !f.is_finite()
                    && !self.expects_key()
                {
                    let words = format!("json: unsupported value: {}", json_float(*f));
                    return Err(self.refuse(
                        span,
                        "infinite and not-a-number values are not allowed",
                        Some(words),
                    ));
                }
                let node = Node { kind, span };
                if let Some(anchor) = anchor {
                    self.anchors.insert(anchor, Some((node.clone(), 1)));
                }
                if merges && self.expects_key() {
                    self.set_key(Key::Merge(span));
                    return Ok(());
                }
                self.add(node)
            }
            EventKind::SequenceStart { anchor } => {
                self.open(event.from, anchor, span, Shape::Seq(Vec::new()))
            }
            EventKind::MappingStart { anchor } => {
                self.open(event.from, anchor, span, Shape::Map(MapFrame::default()))
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => self.close(&event),
            _ => Ok(()),
        }
    }

    fn open(&mut self, from: usize, anchor: Option<String>, span: Span, shape: Shape) -> Result<(), Refusal> {
        if self.stack.len() >= self.limits.depth {
            let message = format!("the document is nested deeper than {} levels", self.limits.depth);
            return Err(self.refuse(Span { to: span.from + 1, ..span }, &message, None));
        }
        self.count(1, span)?;
        if let Some(name) = &anchor {
            self.anchors.insert(name.clone(), None);
        }
        self.stack.push(Frame { from, anchor, nodes_before: *self.nodes_left + 1, shape });
        Ok(())
    }

    fn close(&mut self, event: &Event) -> Result<(), Refusal> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        // The end of a flow collection is a character; that of a block collection has no width and stands at
        // whatever comes next.
        if event.to > event.from {
            self.last_end = event.to;
        }
        let kind = match frame.shape {
            Shape::Seq(items) => Kind::Seq(items),
            Shape::Map(map) => Kind::Map(map.entries),
        };
        let node = Node { kind, span: self.span(frame.from, self.last_end.max(frame.from)) };
        if let Some(name) = frame.anchor {
            let size = frame.nodes_before.saturating_sub(*self.nodes_left);
            // The copy kept for aliases costs as much as the value; anchors inside anchors must not multiply for free.
            self.count(size, node.span)?;
            self.anchors.insert(name, Some((node.clone(), size)));
        }
        self.add(node)
    }

    /// The anchored value, paid for again: that is what keeps an alias bomb small.
    fn resolve_alias(&mut self, name: &str, span: Span) -> Result<Node, Refusal> {
        let (message, words) = match self.anchors.get(name) {
            Some(Some((node, size))) => {
                let (node, size) = (node.clone(), *size);
                self.count(size, span)?;
                if self.stack.len() + depth(&node) > self.limits.depth {
                    let message =
                        format!("the alias nests the document deeper than {} levels", self.limits.depth);
                    return Err(self.refuse(span, &message, None));
                }
                return Ok(node);
            }
            Some(None) => {
                (format!("anchor '{name}' contains itself"), format!("anchor '{name}' value contains itself"))
            }
            None => {
                (format!("unknown anchor '{name}' referenced"), format!("unknown anchor '{name}' referenced"))
            }
        };
        Err(self.refuse(span, &message, Some(format!("yaml: {words}"))))
    }

    /// Puts a finished value where it belongs: the key or the value of a map, an item of a list, or the root.
    fn add(&mut self, node: Node) -> Result<(), Refusal> {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.shape {
            Shape::Seq(items) => items.push(node),
            Shape::Map(map) => match map.key.take() {
                None => {
                    let name = match key_text(&node.kind) {
                        Some(name) => name,
                        None => {
                            let refusal = Refusal {
                                span: node.span,
                                message: "a key must be a string, a number or a boolean".into(),
                                go: Some(format!("yaml: invalid map key: {}", go_syntax(&node.kind))),
                            };
                            self.bad_key.get_or_insert(refusal);
                            String::new()
                        }
                    };
                    map.key = Some(Key::Name(name, node.span));
                }
                Some(Key::Name(key, key_span)) => {
                    if let Some(first) = map.insert(Entry { key: key.clone(), key_span, value: node }, false)
                    {
                        self.duplicates.push(Duplicate { key, span: key_span, first });
                    }
                }
                Some(Key::Merge(at)) => {
                    if !map.merge(node) {
                        let words = "map merge requires map or sequence of maps as the value";
                        return Err(self.refuse(at, words, Some(format!("yaml: {words}"))));
                    }
                }
            },
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { shape: Shape::Map(MapFrame { key: None, .. }), .. }))
    }

    fn set_key(&mut self, key: Key) {
        if let Some(Frame { shape: Shape::Map(map), .. }) = self.stack.last_mut() {
            map.key = Some(key);
        }
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Refusal> {
        if nodes > *self.nodes_left {
            let message = format!("the manifest expands to more than {} values", self.limits.nodes);
            return Err(self.refuse(
                span,
                &message,
                Some("yaml: document contains excessive aliasing".into()),
            ));
        }
        *self.nodes_left -= nodes;
        Ok(())
    }

    fn span(&self, from: usize, to: usize) -> Span {
        // The newline that may have been added at the end is not in the text.
        Span::new(self.base + from.min(self.length), self.base + to.min(self.length))
    }

    fn refuse(&self, span: Span, message: &str, go: Option<String>) -> Refusal {
        Refusal { span, message: message.to_string(), go }
    }

    /// libyaml's problem in go-yaml's words, and a sentence that says what to do.
    fn explain(&self, mut problem: Problem, text: &str) -> Refusal {
        if text.get(problem.at.byte..).is_some_and(|rest| rest.starts_with(super::NO_TEXT)) {
            problem.words = "invalid leading UTF-8 octet";
        }
        // go-yaml v2 names the scanner's line from 1 and the parser's from 0, and none for the first line.
        let line = |mark: Mark| mark.line + usize::from(problem.stage == Stage::Scanner);
        let line = if problem.at.line != 0 {
            line(problem.at)
        } else {
            problem.context.filter(|mark| mark.line != 0).map_or(0, line)
        };
        let prefix = if line == 0 { String::new() } else { format!("line {line}: ") };
        let (mark, message) = super::hints::hint(&problem, text);
        let at = mark.byte.min(text.len());
        let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let go = Some(format!("yaml: {prefix}{}", problem.words));
        Refusal { span: self.span(at, at + width), message, go }
    }
}

impl MapFrame {
    /// Sets a key, the last one winning; gives the place of the first if the text had the key already.
    fn insert(&mut self, entry: Entry, merging: bool) -> Option<Span> {
        const LOOK_THROUGH: usize = 16;
        let at = if self.entries.len() <= LOOK_THROUGH {
            self.entries.iter().position(|known| known.key == entry.key)
        } else {
            if self.index.is_empty() {
                self.index = self.entries.iter().enumerate().map(|(at, e)| (e.key.clone(), at)).collect();
            }
            self.index.get(&entry.key).copied()
        };
        let Some(at) = at else {
            if !self.index.is_empty() {
                self.index.insert(entry.key.clone(), self.entries.len());
            }
            if merging {
                self.merged.insert(entry.key.clone());
            }
            self.entries.push(entry);
            return None;
        };
        let was_merged = self.merged.remove(&entry.key);
        if merging {
            self.merged.insert(entry.key.clone());
        }
        let first = std::mem::replace(&mut self.entries[at], entry).key_span;
        (!was_merged && !merging).then_some(first)
    }

    /// `<<: value`. As in go-yaml v2 the merge takes effect where it stands: it overrides keys above it and is
    /// overridden by keys below. Of a list of maps the earlier ones win.
    fn merge(&mut self, value: Node) -> bool {
        let maps = match value.kind {
            Kind::Map(entries) => vec![entries],
            Kind::Seq(items) => {
                let maps: Option<Vec<_>> = items
                    .into_iter()
                    .map(|item| if let Kind::Map(entries) = item.kind { Some(entries) } else { None })
                    .collect();
                match maps {
                    Some(maps) => maps,
                    None => return false,
                }
            }
            _ => return false,
        };
        for entry in maps.into_iter().rev().flatten() {
            self.insert(entry, true);
        }
        true
    }
}

fn key_text(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Str(text) => Some(text.clone()),
        Kind::Int(n) => Some(n.to_string()),
        Kind::Bool(b) => Some(b.to_string()),
        Kind::Float(f) => Some(key_float(*f)),
        Kind::Null | Kind::Seq(_) | Kind::Map(_) => None,
    }
}

/// A value in Go's syntax, as `%#v` prints it.
fn go_syntax(kind: &Kind) -> String {
    let all = |parts: Vec<String>| parts.join(", ");
    match kind {
        Kind::Null => "interface {}(nil)".into(),
        Kind::Str(text) => format!("{text:?}"),
        Kind::Seq(items) => {
            format!("[]interface {{}}{{{}}}", all(items.iter().map(|item| go_syntax(&item.kind)).collect()))
        }
        Kind::Map(entries) => {
            let mut fields: Vec<(&String, String)> =
                entries.iter().map(|entry| (&entry.key, go_syntax(&entry.value.kind))).collect();
            crate::api::sorting::sort_by(&mut fields, |a, b| a.0.cmp(b.0));
            let fields = fields.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", all(fields))
        }
        scalar => key_text(scalar).unwrap_or_default(),
    }
}

fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Seq(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Kind::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}
