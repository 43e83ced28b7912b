//! kubectl's JSONPath: `{.items[*].metadata.name}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`. Models client-go
//! `util/jsonpath`; a field that is not there gives nothing, as `kubectl get` has it, and a place that a list does not have is
//! an error.

use std::cmp::Ordering;

use serde_json::Value;

use super::json::go_json;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `.name`; `['a.b']` is two.
    Field(String),
    /// `..name`: the field of the value and of everything in it.
    Deep(String),
    /// `.*`
    All,
    /// `[2]`, `[-1]`
    Index(i64),
    /// `[1:4:2]`; `[*]` is one from end to end.
    Slice(Option<i64>, Option<i64>, i64),
    /// `['a','b']`, `[0,2]`: all of the first, then all of the second.
    Union(Vec<Vec<Step>>),
    /// `[?(@.type=="Ready")]`
    Filter(Operand, Option<(String, Operand)>),
}

/// A side of a comparison.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Value(Value),
}

/// A path without the text around it: `.metadata.name`, with or without braces and the leading dot.
#[derive(Clone, Debug, PartialEq)]
pub struct Path(Vec<Step>);

/// A whole template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Whether paths may name fields that are not there.
    missing_allowed: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Piece>),
}

impl Path {
    /// Reads what `custom-columns` and `--sort-by` take.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn parse(text: &str) -> Result<Path, String> {
        let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        if text.contains(['{', '}']) {
            return Err(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or \
                        '{.name1.name2}'"
                    .into(),
            );
        }
        let text = if text.starts_with(['.', '[', '$']) { text.to_string() } else { format!(".{text}") };
        let mut reader = Reader { rest: &text };
        let steps = reader.steps()?;
        if reader.rest.is_empty() { Ok(Path(steps)) } else { Err(reader.unexpected()) }
    }

    /// What the path leads to.
    ///
    /// # Errors
    /// Where a list has no such place, or there is no list.
    pub fn find<'a>(&self, root: &'a Value) -> Result<Vec<&'a Value>, String> {
        walk(&self.0, Root { value: root, missing_allowed: true }, root)
    }

    /// What the path leads to; nothing where it cannot be followed.
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.find(root).ok()?.first().copied()
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut open: Vec<(Vec<Step>, Vec<Piece>)> = Vec::new();
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(at) = rest.find('{') else {
                pieces.push(Piece::Text(rest.to_string()));
                break;
            };
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].to_string()));
            }
            let mut reader = Reader { rest: &rest[at + 1..] };
            reader.space();
            if reader.takes("range ") {
                reader.space();
                open.push((reader.steps()?, std::mem::take(&mut pieces)));
            } else if reader.takes("end") {
                let (path, outer) = open.pop().ok_or("not in range, nothing to end")?;
                let inner = std::mem::replace(&mut pieces, outer);
                pieces.push(Piece::Range(path, inner));
            } else if reader.rest.starts_with(['"', '\'']) {
                pieces.push(Piece::Text(reader.quoted()?));
            } else {
                pieces.push(Piece::Path(reader.steps()?));
            }
            reader.space();
            rest = reader.rest.strip_prefix('}').ok_or_else(|| reader.unexpected())?;
        }
        if open.is_empty() {
            Ok(Template { pieces, missing_allowed: true })
        } else {
            Err("unterminated range".into())
        }
    }

    /// The same, with fields that are not there being errors or not.
    pub fn allow_missing(mut self, allowed: bool) -> Template {
        self.missing_allowed = allowed;
        self
    }

    /// What its paths lead to, apart from the text around them.
    ///
    /// # Errors
    /// As [`Path::find`].
    pub fn values<'a>(&self, root: &'a Value) -> Result<Vec<&'a Value>, String> {
        let mut values = Vec::new();
        for piece in &self.pieces {
            if let Piece::Path(path) = piece {
                values.extend(walk(path, Root { value: root, missing_allowed: self.missing_allowed }, root)?);
            }
        }
        Ok(values)
    }

    /// The template filled in.
    ///
    /// # Errors
    /// As [`Path::find`].
    pub fn fill(&self, root: &Value) -> Result<String, String> {
        let mut out = String::new();
        fill(&self.pieces, Root { value: root, missing_allowed: self.missing_allowed }, root, &mut out)?;
        Ok(out)
    }
}

fn fill(pieces: &[Piece], root: Root<'_>, current: &Value, out: &mut String) -> Result<(), String> {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Path(path) => {
                let found: Vec<String> = walk(path, root, current)?.into_iter().map(text).collect();
                out.push_str(&found.join(" "));
            }
            Piece::Range(path, inner) => {
                for item in walk(path, root, current)? {
                    fill(inner, root, item, out)?;
                }
            }
        }
    }
    Ok(())
}

/// A value as kubectl prints it: text bare, everything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        list @ (Value::Array(_) | Value::Object(_)) => go_json(list),
        other => other.to_string(),
    }
}

/// The object that paths begin at.
#[derive(Clone, Copy)]
struct Root<'a> {
    value: &'a Value,
    /// Whether paths may name fields that are not there.
    missing_allowed: bool,
}

type Found<'a> = Result<Vec<&'a Value>, String>;

fn walk<'a>(steps: &[Step], root: Root<'a>, from: &'a Value) -> Found<'a> {
    follow(steps, root, vec![from])
}

fn follow<'a>(steps: &[Step], root: Root<'a>, from: Vec<&'a Value>) -> Found<'a> {
    steps.iter().try_fold(from, |found, step| take(step, root, found))
}

fn take<'a>(step: &Step, root: Root<'a>, input: Vec<&'a Value>) -> Found<'a> {
    let mut found = Vec::new();
    if let Step::Union(lists) = step {
        for steps in lists {
            found.extend(follow(steps, root, input.clone())?);
        }
        return Ok(found);
    }
    for value in input.into_iter().filter(|value| !value.is_null()) {
        match step {
            Step::Field(name) if name == "$" => found.push(root.value),
            Step::Field(name) => found.extend(value.get(name)),
            Step::Deep(name) => deep(name, value, &mut found),
            Step::All => found.extend(children(value)),
            Step::Index(index) => found.extend(slice(value, Some(*index), None, true)?),
            Step::Slice(_, _, by) if *by < 1 => return Err("step must be > 0".into()),
            Step::Slice(from, to, by) => {
                found.extend(
                    slice(value, *from, *to, false)?.iter().step_by(usize::try_from(*by).unwrap_or(1)),
                );
            }
            Step::Filter(left, test) => {
                let Value::Array(items) = value else {
                    return Err(format!("{} is not array or slice and cannot be filtered", text(value)));
                };
                for item in items {
                    if holds(left, test.as_ref(), root, item)? {
                        found.push(item);
                    }
                }
            }
            Step::Union(_) => {}
        }
    }
    match step {
        Step::Field(name) if found.is_empty() && !root.missing_allowed => Err(format!("{name} is not found")),
        _ => Ok(found),
    }
}

fn deep<'a>(name: &str, value: &'a Value, found: &mut Vec<&'a Value>) {
    found.extend(value.get(name));
    children(value).into_iter().for_each(|child| deep(name, child, found));
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// A stretch of a list, or the one item at `from`; what is below zero counts from the end (`evalArray`).
fn slice(value: &Value, from: Option<i64>, to: Option<i64>, one: bool) -> Result<&[Value], String> {
    let Value::Array(items) = value else {
        return Err(format!("{} is not array or slice", go_type(value)));
    };
    let len = items.len() as i64;
    let mut from = from.unwrap_or(0);
    let mut to = if one { from.saturating_add(1) } else { to.unwrap_or(len) };
    if from < 0 {
        from += len;
    }
    if to < 0 || (to == 0 && one) {
        to += len;
    }
    let outside = |index: i64| Err(format!("array index out of bounds: index {index}, length {len}"));
    if from == to {
        return Ok(&[]);
    }
    if !(0..len).contains(&from) {
        return outside(from);
    }
    if !(0..=len).contains(&to) {
        return outside(to - 1);
    }
    if from > to {
        return Err(format!("starting index {from} is greater than ending index {to}"));
    }
    Ok(&items[from as usize..to as usize])
}

/// Go's name of the type of a value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value in Go's syntax, as `%#v` writes it.
pub fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::Array(items) => {
            format!("{}{{{}}}", go_type(value), items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key:?}:{}", go_syntax(value));
            format!("{}{{{}}}", go_type(value), fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn holds(
    left: &Operand,
    test: Option<&(String, Operand)>,
    root: Root<'_>,
    item: &Value,
) -> Result<bool, String> {
    let found = operand(left, root, item);
    let Some((sign, right)) = test else { return Ok(found.is_ok_and(|found| !found.is_empty())) };
    let (found, other) = (found?, operand(right, root, item)?);
    match (found.as_slice(), other.as_slice()) {
        ([], _) | (_, []) => Ok(false),
        ([a], [b]) => compares(a, sign, b),
        _ => Err("can only compare one element at a time".into()),
    }
}

fn operand<'a>(operand: &'a Operand, root: Root<'a>, item: &'a Value) -> Found<'a> {
    match operand {
        Operand::Path(steps) => walk(steps, root, item),
        Operand::Value(value) => Ok(vec![value]),
    }
}

/// Values of one type are equal or not, and numbers and texts have an order.
fn compares(a: &Value, sign: &str, b: &Value) -> Result<bool, String> {
    let is_simple = |value: &Value| !(value.is_null() || value.is_array() || value.is_object());
    if !is_simple(a) || !is_simple(b) {
        return Err("invalid type for comparison".into());
    }
    if go_type(a) != go_type(b) {
        return Err("incompatible types for comparison".into());
    }
    let order = match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64().partial_cmp(&b.as_f64()),
        },
        _ if matches!(sign, "==" | "!=") => (a == b).then_some(Ordering::Equal),
        _ => return Err("invalid type for comparison".into()),
    };
    Ok(match sign {
        "==" => order == Some(Ordering::Equal),
        "!=" => order != Some(Ordering::Equal),
        "<" => order.is_some_and(Ordering::is_lt),
        "<=" => order.is_some_and(Ordering::is_le),
        ">" => order.is_some_and(Ordering::is_gt),
        ">=" => order.is_some_and(Ordering::is_ge),
        _ => return Err(format!("unrecognized filter operator {sign}")),
    })
}

/// Reads steps off the front of a text.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn takes(&mut self, word: &str) -> bool {
        let after = self.rest.strip_prefix(word);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(letter) => {
                format!("unrecognized character in action: U+{:04X} '{letter}'", u32::from(letter))
            }
            None => "unclosed action".into(),
        }
    }

    fn steps(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        if self.takes("$") {
            steps.push(Step::Field("$".into()));
        } else {
            self.takes("@");
        }
        loop {
            if self.takes("..") {
                steps.push(Step::Deep(self.name()?));
            } else if self.takes(".") {
                if self.takes("*") {
                    steps.push(Step::All);
                } else if !self.rest.is_empty() && !self.rest.starts_with(['}', ' ', ')', '[', '=']) {
                    steps.push(Step::Field(self.name()?));
                }
            } else if self.takes("[") {
                steps.extend(self.brackets()?);
            } else {
                return Ok(steps);
            }
        }
    }

    /// A field's name; a backslash keeps the dot after it in the name.
    fn name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        let mut letters = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
                '.' | '[' | ']' | '}' | '{' | ' ' | ')' | '=' | '!' | '<' | '>' | '|' | ',' => {
                    end = at;
                    break;
                }
                letter => name.push(letter),
            }
        }
        self.rest = &self.rest[end..];
        if name.is_empty() { Err(self.unexpected()) } else { Ok(name) }
    }

    fn brackets(&mut self) -> Result<Vec<Step>, String> {
        if self.takes("?(") {
            return self.filter().map(|filter| vec![filter]);
        }
        let (inside, rest) = self.rest.split_once(']').ok_or("unterminated array")?;
        self.rest = rest;
        let mut parts = inside.split(',');
        match (parts.next(), inside.contains(',')) {
            (Some(only), false) => bracket(only),
            (first, _) => {
                let lists = first.into_iter().chain(parts).map(|part| bracket(part.trim_matches(' ')));
                Ok(vec![Step::Union(lists.collect::<Result<_, _>>()?)])
            }
        }
    }

    fn filter(&mut self) -> Result<Step, String> {
        let left = self.operand()?;
        self.space();
        let end = self.rest.find(|letter| !"!<>=".contains(letter)).unwrap_or(self.rest.len());
        let (sign, rest) = self.rest.split_at(end);
        self.rest = rest;
        let test = if sign.is_empty() { None } else { Some((sign.to_string(), self.operand()?)) };
        self.space();
        match (self.rest.is_empty(), self.takes(")")) {
            (true, _) => Err("unterminated filter".into()),
            (_, false) => Err(self.unexpected()),
            _ if !self.takes("]") => Err("unclosed array expect ]".into()),
            _ => Ok(Step::Filter(left, test)),
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.space();
        if self.rest.starts_with(['\'', '"']) {
            return Ok(Operand::Value(Value::String(self.quoted()?)));
        }
        if self.rest.starts_with(['@', '$', '.']) {
            return self.steps().map(Operand::Path);
        }
        let end = self.rest.find([')', ' ', '=', '!', '<', '>']).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.rest = &self.rest[end..];
        serde_json::from_str(word).map(Operand::Value).map_err(|_| format!("unrecognized identifier {word}"))
    }

    /// A quoted text; in double quotes `\n` and `\t` stand for what they stand for.
    fn quoted(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().unwrap_or('"');
        let mut text = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => match letters.next().map(|(_, letter)| letter) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(other) => text.push(other),
                    None => break,
                },
                letter if letter == quote => {
                    self.rest = &self.rest[at + letter.len_utf8()..];
                    return Ok(text);
                }
                letter => text.push(letter),
            }
        }
        Err("unterminated quoted string".into())
    }
}

/// What stands between brackets: `'name'`, `'a.b'`, `2`, `1:3`, `*`.
fn bracket(inside: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("invalid array index {inside}");
    if let Some(key) = inside.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')) {
        let path = format!(".{key}");
        let mut reader = Reader { rest: &path };
        let steps = reader.steps()?;
        return if reader.rest.is_empty() { Ok(steps) } else { Err(reader.unexpected()) };
    }
    let number = |part: &str| match part {
        "" => Ok(None),
        part => part.parse::<i64>().map(Some).map_err(|_| wrong()),
    };
    let parts: Vec<&str> = if inside == "*" { vec!["", ""] } else { inside.split(':').collect() };
    Ok(vec![match parts.as_slice() {
        [""] => return Err(wrong()),
        [index] => Step::Index(number(index)?.unwrap_or(0)),
        [from, to] => Step::Slice(number(from)?, number(to)?, 1),
        [from, to, by] => Step::Slice(number(from)?, number(to)?, number(by)?.unwrap_or(1)),
        _ => return Err(wrong()),
    }])
}

#[cfg(test)]
mod tests;
