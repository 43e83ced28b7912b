//! Fields by path, and what is being typed at a caret.

use std::ops::Range;

use super::flow::{self, Flow};
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

/// What a caret stands in, in a text that may be broken.
#[derive(Clone, Debug)]
pub struct Place<'t> {
    /// The word under the caret up to the caret, which a choice replaces (bytes).
    pub span: Span,
    /// `apiVersion` and `kind` of the document, where they stand at the left margin.
    pub api_version: &'t str,
    pub kind: &'t str,
    /// Keys from the root to the place, list items left out: `["spec", "containers"]`.
    pub path: Vec<String>,
    pub wanted: Wanted<'t>,
    /// Keys that the object around the place has already, with what stands behind them.
    pub beside: Vec<(&'t str, &'t str)>,
    /// The same of the object that this object is in.
    pub around: Vec<(&'t str, &'t str)>,
    /// How much deeper than its line the place stands: behind dashes.
    pub deeper: usize,
    /// Whether it stands in braces, where all that is put in goes on one line.
    pub in_braces: bool,
}

/// What is being typed at a [`Place`].
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'t> {
    /// A key of an object of this type.
    Key(TypeId),
    /// A key of a map: the field that it is, and the type that has the field.
    MapKey(TypeId, &'static Field),
    /// The value, or one of the values, of a field; where it is a map, behind a key.
    Value(TypeId, &'static Field, Option<&'t str>),
    /// The value of `apiVersion` or `kind`, or a key at the left margin where neither is known.
    Root(Option<&'t str>),
    /// A key, or the value behind one, of a kind that is not in the table.
    Elsewhere(Option<&'t str>),
}

/// What fits at a byte offset of a text that may be broken: completion must work in the middle of typing, so only
/// indentation, `key:` and braces count. `None` where nothing is known (comments, block text, unknown kinds).
pub fn place_at(text: &str, offset: usize) -> Option<Place<'_>> {
    let offset = floor_boundary(text, offset);
    let (lines, current) = document_lines(text, offset);
    let here = &lines[current];
    let before = &text[here.start..offset];
    if before.trim_start().starts_with('#') || before.contains(" #") {
        return None;
    }
    let (api_version, kind) =
        (declared(&lines, "apiVersion").unwrap_or_default(), declared(&lines, "kind").unwrap_or_default());
    let ty = Table::get().kind(api_version, kind);
    let braces = opener(&lines, current);
    let first = braces.as_ref().map_or(current, |braces| braces.start);
    let above = parents(&lines, first, offset - here.start);
    let mut place = Place {
        span: Span::new(offset, offset),
        api_version,
        kind,
        path: above.iter().map(|parent| parent.key.to_string()).collect(),
        wanted: Wanted::Root(None),
        beside: Vec::new(),
        around: Vec::new(),
        deeper: 0,
        in_braces: false,
    };
    let flow = braces.and_then(|braces| {
        let (own, value) = lines[braces.start].opens()?;
        let end = lines.get(braces.end).map_or(text.len(), |next| next.start);
        Some((own, flow::flow(text.get(value..offset)?, text.get(offset..end)?)?))
    });
    let typed = match flow {
        Some((own, flow)) => {
            let outside = || siblings(&lines, first, lines[first].content_column());
            in_braces(&mut place, ty, own, flow, outside)?
        }
        None => in_lines(&mut place, ty, &lines, current, before, &above)?,
    };
    place.span = Span::new(offset - typed.len(), offset);
    Some(place)
}

/// Fills in what stands in braces. Gives the word that is being typed.
fn in_braces<'t>(
    place: &mut Place<'t>,
    ty: Option<TypeId>,
    own: Option<&'t str>,
    flow: Flow<'t>,
    outside: impl FnOnce() -> Vec<(&'t str, &'t str)>,
) -> Option<&'t str> {
    place.path.extend(own.into_iter().chain(flow.path).map(String::from));
    // A whole document in braces has its kind in them: too rare to be looked for.
    place.wanted = wanted(ty, place.kind, &place.path, flow.key).filter(|_| !place.path.is_empty())?;
    place.beside = flow.beside;
    place.around = flow.around.unwrap_or_else(outside);
    place.in_braces = true;
    Some(flow.typed)
}

/// Fills in what stands in lines and their indentation. Gives the word that is being typed.
fn in_lines<'t>(
    place: &mut Place<'t>,
    ty: Option<TypeId>,
    lines: &[Line<'t>],
    current: usize,
    before: &'t str,
    above: &[Parent<'t>],
) -> Option<&'t str> {
    let here = &lines[current];
    let value = here.value_before(before.len());
    let typed = match value {
        Some((_, typed)) => typed,
        None => {
            let content = before.len().min(here.content_column());
            before[content..].trim_start_matches(' ')
        }
    };
    // In a block of text.
    if typed.contains([' ', ':', '{']) || value.is_some_and(|_| before.contains(['{', '&', '*'])) {
        return None;
    }
    let column = match value {
        Some(_) => here.content_column(),
        None => before.len() - typed.len(),
    };
    place.wanted = wanted(ty, place.kind, &place.path, value.map(|(key, _)| key))?;
    let mut objects = above.iter().rev().map(|parent| siblings(lines, parent.line, parent.column));
    // An item of a list of plain values stands beside what the list stands beside.
    let item = value.is_none() && matches!(place.wanted, Wanted::Value(..));
    let beside = if item { objects.next() } else { Some(siblings(lines, current, column)) };
    place.beside = beside.unwrap_or_default();
    place.around = objects.next().unwrap_or_default();
    let blank = here.text.len() - here.text.trim_start_matches(' ').len();
    place.deeper = column.saturating_sub(blank);
    Some(typed)
}

/// What may be typed at a place of these keys, behind a key or in place of one.
fn wanted<'t>(ty: Option<TypeId>, kind: &str, path: &[String], key: Option<&'t str>) -> Option<Wanted<'t>> {
    let meta = path.first().is_some_and(|first| first == "metadata");
    let here = match (path, key) {
        ([], Some("apiVersion" | "kind")) => return Some(Wanted::Root(key)),
        ([], None) if ty.is_none() => return Some(Wanted::Root(None)),
        _ if ty.is_none() && !meta => return (!kind.is_empty()).then_some(Wanted::Elsewhere(key)),
        _ => below(ty, path)?,
    };
    match (here, key) {
        (Below::Object(id), None) => Some(Wanted::Key(id)),
        (Below::Object(id), Some(key)) => id.field(key).map(|field| Wanted::Value(id, field, None)),
        (Below::Map(id, field), None) => Some(Wanted::MapKey(id, field)),
        (Below::Map(id, field), Some(_)) => Some(Wanted::Value(id, field, key)),
        (Below::Scalar(id, field), None) => Some(Wanted::Value(id, field, None)),
        (Below::Scalar(..), Some(_)) => None,
    }
}

/// What a path of keys leads to.
enum Below {
    Object(TypeId),
    /// A map without objects, or a scalar; and the field that it is.
    Map(TypeId, &'static Field),
    Scalar(TypeId, &'static Field),
}

/// Goes down a path of keys. `metadata` is known even when the kind is not.
fn below(ty: Option<TypeId>, path: &[String]) -> Option<Below> {
    let (mut owner, keys) = match (ty, path) {
        (Some(ty), _) => (ty, path),
        (None, [first, rest @ ..]) if first == "metadata" => {
            (Table::get().named("meta/v1", "ObjectMeta")?, rest)
        }
        (None, _) => return None,
    };
    let mut keys = keys.iter();
    while let Some(key) = keys.next() {
        let field = owner.field(key)?;
        let mut ty = &field.ty;
        loop {
            match ty {
                Type::List(item) => ty = item,
                Type::Map(item) => match keys.next() {
                    // The next key is one of the map's own.
                    Some(_) => ty = item,
                    None => return Some(Below::Map(owner, field)),
                },
                Type::Object(id) => {
                    owner = *id;
                    break;
                }
                _ => return keys.next().is_none().then_some(Below::Scalar(owner, field)),
            }
        }
    }
    Some(Below::Object(owner))
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

    /// Key and value of a `key: …` line.
    fn entry(&self) -> Option<(&'t str, &'t str)> {
        let content = self.text.get(self.content_column()..)?;
        let (key, rest) = content.split_once(':')?;
        let key = key.trim_matches(['"', '\'']);
        let value = rest.split(" #").next().unwrap_or(rest).trim().trim_matches(['"', '\'']);
        (!key.contains(' ') && (rest.is_empty() || rest.starts_with([' ', '\r']))).then_some((key, value))
    }

    fn key(&self) -> Option<&'t str> {
        self.entry().map(|(key, _)| key)
    }

    /// The key and what is typed of its value, when the caret is behind `key: ` or `key: [a, `.
    fn value_before(&self, column: usize) -> Option<(&'t str, &'t str)> {
        let before = self.text.get(..column)?;
        let key = self.key()?;
        let (_, value) = before.split_once(": ")?;
        let typed = value.rsplit(['[', ',', ' ']).next().unwrap_or("").trim_start_matches(['"', '\'']);
        Some((key, typed))
    }

    /// Where a value begins that is in braces, and the key that it stands behind, if it does.
    fn opens(&self) -> Option<(Option<&'t str>, usize)> {
        let content = self.text.get(self.content_column()..)?;
        let (own, value) = match content.split_once(": ") {
            _ if content.starts_with(['{', '[']) => (None, content),
            Some((key, value)) => (Some(key.trim_matches(['"', '\''])), value.trim_start()),
            None => return None,
        };
        let start = self.start + self.text.len() - value.len();
        value.starts_with(['{', '[']).then_some((own, start))
    }

    fn indentation(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }
}

/// The lines of the braces that begin on the line of the caret or before it and go on to it, if there are any. Braces that nobody
/// has closed end where a line stands no deeper than the first.
fn opener(lines: &[Line<'_>], current: usize) -> Option<Range<usize>> {
    let mut at = 0;
    while at <= current {
        let Some((_, value)) = lines[at].opens() else {
            at += 1;
            continue;
        };
        let (line, mut next) = (&lines[at], at + 1);
        let mut open = flow::opened(&line.text[value - line.start..], 0);
        while let Some(line) = lines.get(next).filter(|_| open > 0) {
            let text = line.text.trim_start();
            if line.indentation() <= lines[at].indentation()
                && !text.is_empty()
                && !text.starts_with(['}', ']'])
            {
                break;
            }
            open = flow::opened(line.text, open);
            next += 1;
        }
        if current < next {
            return Some(at..next);
        }
        at = next;
    }
    None
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

/// A key above a place, and where it stands.
struct Parent<'t> {
    key: &'t str,
    line: usize,
    column: usize,
}

/// The keys above a place, by indentation.
fn parents<'t>(lines: &[Line<'t>], current: usize, column: usize) -> Vec<Parent<'t>> {
    let here = &lines[current];
    let blank = here.text.trim().is_empty();
    let mut limit = if blank { column } else { here.content_column() };
    // A list may stand at the column of its key, so a key counts at the column of a dash too.
    let mut at_dash = false;
    if !blank && let Some(dash) = here.dashes().first() {
        (limit, at_dash) = (*dash, true);
    }
    let mut path = Vec::new();
    for (number, line) in lines[..current].iter().enumerate().rev().filter(|(_, line)| !line.is_empty()) {
        let column = line.content_column();
        let above = column < limit || (at_dash && column == limit);
        if above && let Some(key) = line.key() {
            path.push(Parent { key, line: number, column });
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

/// The keys that the object around a place has already, with their values: lines at its column until one further left.
fn siblings<'t>(lines: &[Line<'t>], current: usize, column: usize) -> Vec<(&'t str, &'t str)> {
    let own = |line: &&Line<'t>| line.content_column() == column;
    let mut keys = Vec::new();
    if lines[current].dashes().is_empty() {
        for line in lines[..current].iter().rev().filter(|line| !line.is_empty()) {
            if line.content_column() < column {
                break;
            }
            keys.extend(Some(line).filter(own).and_then(Line::entry));
            if line.content_column() == column && !line.dashes().is_empty() {
                break;
            }
        }
    }
    for line in lines[current + 1..].iter().filter(|line| !line.is_empty()) {
        if line.content_column() < column || line.dashes().first().is_some_and(|dash| *dash < column) {
            break;
        }
        keys.extend(Some(line).filter(own).and_then(Line::entry));
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
