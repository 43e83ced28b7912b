//! Fields by path, and the fields that fit at a caret.

use super::table::{Field, Table, Type, TypeId};
use crate::api::manifest::Span;

/// A field as completion and explain show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    pub name: &'static str,
    /// As `kubectl explain` prints it between angle brackets: `[]Container`, `string`.
    pub type_name: String,
    pub required: bool,
    /// Known values, for enumerations and booleans.
    pub values: Vec<&'static str>,
}

impl FieldInfo {
    fn of(field: &'static Field) -> FieldInfo {
        FieldInfo {
            name: field.name,
            type_name: field.ty.explain(),
            required: field.required,
            values: field.ty.values(),
        }
    }
}

/// The field a path names, through lists and maps: `describe(pod, "spec.containers.image")`; brackets are ignored.
pub fn describe(ty: TypeId, path: &str) -> Option<&'static Field> {
    let mut owner = Some(ty);
    let mut found = None;
    for name in path.split('.').map(strip_brackets).filter(|name| !name.is_empty()) {
        let field = owner?.field(name)?;
        owner = field.ty.object();
        found = Some(field);
    }
    found
}

/// The fields of the object at a path, in order of name; the empty path is the object itself.
pub fn complete(ty: TypeId, path: &str) -> Vec<FieldInfo> {
    let owner =
        if path.is_empty() { Some(ty) } else { describe(ty, path).and_then(|field| field.ty.object()) };
    owner.map_or_else(Vec::new, |owner| owner.fields().iter().map(FieldInfo::of).collect())
}

fn strip_brackets(segment: &str) -> &str {
    segment.split('[').next().unwrap_or(segment)
}

/// What may be typed at a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The word under the caret, which a choice replaces (bytes).
    pub span: Span,
    /// Keys from the root to the place, list items left out: `["spec", "containers"]`.
    pub path: Vec<String>,
    pub options: Options,
}

/// The choices of a [`Completion`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Options {
    /// Keys of the object at the place, without those it has.
    Fields(Vec<FieldInfo>),
    /// Values of the key before the caret.
    Values(Vec<String>),
}

/// What fits at a byte offset of a text that may be broken: completion must work in the middle of typing, so only
/// indentation and `key:` count. `None` where nothing is known (comments, block text, unknown kinds).
pub fn complete_at(text: &str, offset: usize) -> Option<Completion> {
    let offset = floor_boundary(text, offset);
    let (lines, current) = document_lines(text, offset);
    let here = &lines[current];
    let before = &text[here.start..offset];
    if before.trim_start().starts_with('#') || before.contains(" #") {
        return None;
    }
    let path = parents(&lines, current, offset - here.start);
    let ty = declared(&lines, "apiVersion")
        .zip(declared(&lines, "kind"))
        .and_then(|(api_version, kind)| Table::get().kind(api_version, kind));
    if let Some((key, typed)) = here.value_before(offset - here.start) {
        let span = Span::new(offset - typed.len(), offset);
        let values = values(ty, &path, key);
        return (!values.is_empty()).then_some(Completion { span, path, options: Options::Values(values) });
    }
    let content = before.len().min(here.content_column());
    let typed = before[content..].trim_start_matches(' ');
    if typed.contains([' ', ':']) {
        return None;
    }
    let present = siblings(&lines, current, offset - here.start - typed.len());
    let fields: Vec<_> = object_at(ty, &path)?
        .fields()
        .iter()
        .filter(|f| !present.contains(&f.name))
        .map(FieldInfo::of)
        .collect();
    (!fields.is_empty()).then(|| Completion {
        span: Span::new(offset - typed.len(), offset),
        path,
        options: Options::Fields(fields),
    })
}

fn values(ty: Option<TypeId>, path: &[String], key: &str) -> Vec<String> {
    let mut values: Vec<String> = match (path, key) {
        ([], "apiVersion") => Table::get().kinds().map(|(api_version, ..)| api_version.to_string()).collect(),
        ([], "kind") => Table::get().kinds().map(|(_, kind, _)| kind.to_string()).collect(),
        _ => object_at(ty, path)
            .and_then(|owner| owner.field(key))
            .map(|field| field.ty.values().into_iter().map(str::to_string).collect())
            .unwrap_or_default(),
    };
    values.sort();
    values.dedup();
    values
}

/// The object at a path of keys. `metadata` is known even when the kind is not.
fn object_at(ty: Option<TypeId>, path: &[String]) -> Option<TypeId> {
    let (mut owner, keys) = match (ty, path) {
        (Some(ty), _) => (ty, path),
        (None, [first, rest @ ..]) if first == "metadata" => {
            (Table::get().named("meta/v1", "ObjectMeta")?, rest)
        }
        (None, _) => return None,
    };
    let mut keys = keys.iter();
    while let Some(key) = keys.next() {
        let mut below = &owner.field(key)?.ty;
        loop {
            match below {
                Type::List(item) => below = item,
                Type::Map(item) => {
                    // The next key is one of the map's own.
                    keys.next()?;
                    below = item;
                }
                _ => break,
            }
        }
        owner = below.object()?;
    }
    Some(owner)
}

/// One line of the document around the caret.
struct Line<'t> {
    start: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn is_empty(&self) -> bool {
        let text = self.text.trim();
        text.is_empty() || text.starts_with('#')
    }

    /// Columns of the dashes that open list items on this line.
    fn dashes(&self) -> Vec<usize> {
        let mut dashes = Vec::new();
        for (at, byte) in self.text.bytes().enumerate() {
            let after = self.text.as_bytes().get(at + 1);
            match byte {
                b' ' => {}
                b'-' if matches!(after, None | Some(b' ')) => dashes.push(at),
                _ => break,
            }
        }
        dashes
    }

    /// Column of the first thing that is neither space nor dash.
    fn content_column(&self) -> usize {
        let from = self.dashes().last().map_or(0, |dash| dash + 1);
        from + (self.text[from..].len() - self.text[from..].trim_start_matches(' ').len())
    }

    /// The key of a `key: …` line.
    fn key(&self) -> Option<&'t str> {
        let content = self.text.get(self.content_column()..)?;
        let (key, rest) = content.split_once(':')?;
        let key = key.trim_matches(['"', '\'']);
        (!key.contains(' ') && (rest.is_empty() || rest.starts_with([' ', '\r']))).then_some(key)
    }

    /// The key and what is typed of its value, when the caret is behind `key: ` or `key: [a, `.
    fn value_before(&self, column: usize) -> Option<(&'t str, &'t str)> {
        let before = self.text.get(..column)?;
        let key = self.key()?;
        let (_, value) = before.split_once(": ")?;
        let typed = value.rsplit(['[', ',', ' ']).next().unwrap_or("").trim_start_matches(['"', '\'']);
        Some((key, typed))
    }
}

/// The lines of the document that holds the caret, and which one has it.
fn document_lines(text: &str, offset: usize) -> (Vec<Line<'_>>, usize) {
    let mut lines = Vec::new();
    let mut current = 0;
    let mut start = 0;
    for raw in text.split('\n') {
        let line = Line { start, text: raw.strip_suffix('\r').unwrap_or(raw) };
        let end = start + raw.len();
        if raw.starts_with("---") {
            if start > offset {
                break;
            }
            lines.clear();
        }
        if start <= offset && offset <= end {
            current = lines.len();
        }
        lines.push(line);
        start = end + 1;
    }
    (lines, current)
}

/// The keys above a place, by indentation.
fn parents(lines: &[Line], current: usize, column: usize) -> Vec<String> {
    let here = &lines[current];
    let blank = here.text.trim().is_empty();
    let mut limit = if blank { column } else { here.content_column() };
    // A list may stand at the column of its key, so a key counts at the column of a dash too.
    let mut at_dash = false;
    if !blank && let Some(dash) = here.dashes().first() {
        (limit, at_dash) = (*dash, true);
    }
    let mut path = Vec::new();
    for line in lines[..current].iter().rev().filter(|line| !line.is_empty()) {
        let column = line.content_column();
        let above = column < limit || (at_dash && column == limit && line.dashes().is_empty());
        if above && let Some(key) = line.key() {
            path.push(key.to_string());
            (limit, at_dash) = (column, false);
        }
        if let Some(dash) = line.dashes().into_iter().find(|dash| *dash < limit)
            && column <= limit
        {
            (limit, at_dash) = (dash, true);
        }
        if limit == 0 && !at_dash {
            break;
        }
    }
    path.reverse();
    path
}

/// The keys that the object around a place has already: lines at its column until one further left.
fn siblings<'t>(lines: &[Line<'t>], current: usize, column: usize) -> Vec<&'t str> {
    let own = |line: &&Line<'t>| line.content_column() == column;
    let mut keys = Vec::new();
    if lines[current].dashes().is_empty() {
        for line in lines[..current].iter().rev().filter(|line| !line.is_empty()) {
            if line.content_column() < column {
                break;
            }
            keys.extend(Some(line).filter(own).and_then(Line::key));
            if line.content_column() == column && !line.dashes().is_empty() {
                break;
            }
        }
    }
    for line in lines[current + 1..].iter().filter(|line| !line.is_empty()) {
        if line.content_column() < column || line.dashes().first().is_some_and(|dash| *dash < column) {
            break;
        }
        keys.extend(Some(line).filter(own).and_then(Line::key));
    }
    keys
}

/// The value of a key at the left margin.
fn declared<'t>(lines: &[Line<'t>], key: &str) -> Option<&'t str> {
    lines.iter().find_map(|line| {
        let value = line.text.strip_prefix(key)?.strip_prefix(':')?;
        let value = value.split(" #").next().unwrap_or(value);
        Some(value.trim().trim_matches(['"', '\'']))
    })
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
