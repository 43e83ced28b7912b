//! kubectl's JSONPath: `{.items[*].metadata.name}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`. Models client-go
//! `util/jsonpath`; a field that is not there gives nothing, as `kubectl get` has it.

use serde_json::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `.name`, `['name']`
    Field(String),
    /// `..name`: the field of the value and of everything in it.
    Deep(String),
    /// `.*`, `[*]`
    All,
    /// `[2]`, `[-1]`
    Index(i64),
    /// `[1:4:2]`
    Slice(Option<i64>, Option<i64>, i64),
    /// `['a','b']`, `[0,2]`
    Union(Vec<Step>),
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
pub struct Template(Vec<Piece>);

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
        let text = text.trim();
        let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let text = if text.starts_with(['.', '[', '$']) { text.to_string() } else { format!(".{text}") };
        let mut reader = Reader { rest: &text };
        let steps = reader.steps()?;
        if reader.rest.is_empty() { Ok(Path(steps)) } else { Err(reader.unexpected()) }
    }

    /// What the path leads to.
    pub fn find<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        walk(&self.0, root, root)
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
        if open.is_empty() { Ok(Template(pieces)) } else { Err("unterminated range".into()) }
    }

    /// What its paths lead to, apart from the text around them.
    pub fn values<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        let paths = self.0.iter().filter_map(|piece| match piece {
            Piece::Path(path) => Some(path),
            Piece::Text(_) | Piece::Range(..) => None,
        });
        paths.flat_map(|path| walk(path, root, root)).collect()
    }

    /// The template filled in.
    pub fn fill(&self, root: &Value) -> String {
        let mut out = String::new();
        fill(&self.0, root, root, &mut out);
        out
    }
}

fn fill(pieces: &[Piece], root: &Value, current: &Value, out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Path(path) => {
                let found: Vec<String> = walk(path, root, current).into_iter().map(text).collect();
                out.push_str(&found.join(" "));
            }
            Piece::Range(path, inner) => {
                for item in walk(path, root, current) {
                    fill(inner, root, item, out);
                }
            }
        }
    }
}

/// A value as kubectl prints it: text bare, everything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn walk<'a>(steps: &[Step], root: &'a Value, from: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![from];
    for step in steps {
        found = found.into_iter().flat_map(|value| take(step, root, value)).collect();
    }
    found
}

fn take<'a>(step: &Step, root: &'a Value, value: &'a Value) -> Vec<&'a Value> {
    match step {
        Step::Field(name) if name == "$" => vec![root],
        Step::Field(name) => value.get(name).into_iter().collect(),
        Step::Deep(name) => {
            let mut found: Vec<&Value> = value.get(name).into_iter().collect();
            for child in children(value) {
                found.extend(take(step, root, child));
            }
            found
        }
        Step::All => children(value),
        Step::Index(index) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            place(*index, items.len()).and_then(|at| items.get(at)).into_iter().collect()
        }
        Step::Slice(from, to, by) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let bound = |bound: Option<i64>, usual: usize| {
                bound.map_or(usual, |bound| place(bound, items.len()).unwrap_or(0).min(items.len()))
            };
            let (from, to) = (bound(*from, 0), bound(*to, items.len()));
            let by = usize::try_from(*by).ok().filter(|by| *by > 0).unwrap_or(1);
            items.get(from..to.max(from)).unwrap_or_default().iter().step_by(by).collect()
        }
        Step::Union(steps) => steps.iter().flat_map(|step| take(step, root, value)).collect(),
        Step::Filter(left, test) => {
            let holds = |item: &&Value| match test {
                None => !operand(left, root, item).is_empty(),
                Some((sign, right)) => {
                    let (left, right) = (operand(left, root, item), operand(right, root, item));
                    matches!((left.as_slice(), right.as_slice()), ([a], [b]) if compares(a, sign, b))
                }
            };
            children(value).into_iter().filter(holds).collect()
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// Where an index points; one below zero counts from the end.
fn place(index: i64, len: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(at) => Some(at),
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn operand<'a>(operand: &'a Operand, root: &'a Value, item: &'a Value) -> Vec<&'a Value> {
    match operand {
        Operand::Path(steps) => walk(steps, root, item),
        Operand::Value(value) => vec![value],
    }
}

fn compares(a: &Value, sign: &str, b: &Value) -> bool {
    let order = match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => Some(text(a).cmp(&text(b))),
    };
    let Some(order) = order else { return false };
    match sign {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
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
                steps.push(self.brackets()?);
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

    fn brackets(&mut self) -> Result<Step, String> {
        self.space();
        if self.takes("?(") {
            let left = self.operand()?;
            self.space();
            let sign = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| self.takes(sign));
            let test = match sign {
                Some(sign) => Some((sign.to_string(), self.operand()?)),
                None => None,
            };
            self.space();
            if !(self.takes(")") && self.takes("]")) {
                return Err("unterminated filter".into());
            }
            return Ok(Step::Filter(left, test));
        }
        let mut steps = Vec::new();
        loop {
            self.space();
            steps.push(self.bracket()?);
            self.space();
            if self.takes("]") {
                break;
            }
            if !self.takes(",") {
                return Err("unterminated array".into());
            }
        }
        Ok(if steps.len() == 1 { steps.remove(0) } else { Step::Union(steps) })
    }

    fn bracket(&mut self) -> Result<Step, String> {
        if self.takes("*") {
            return Ok(Step::All);
        }
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted().map(Step::Field);
        }
        let end = self.rest.find([',', ']']).ok_or("unterminated array")?;
        let inside = self.rest[..end].trim();
        self.rest = &self.rest[end..];
        let number = |part: &str| match part.trim() {
            "" => Ok(None),
            part => part.parse::<i64>().map(Some).map_err(|_| format!("invalid array index {inside}")),
        };
        let parts: Vec<&str> = inside.split(':').collect();
        match parts.as_slice() {
            [index] => number(index)?.map(Step::Index).ok_or_else(|| format!("invalid array index {inside}")),
            [from, to] => Ok(Step::Slice(number(from)?, number(to)?, 1)),
            [from, to, by] => Ok(Step::Slice(number(from)?, number(to)?, number(by)?.unwrap_or(1))),
            _ => Err(format!("invalid array index {inside}")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> Value {
        json!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}}, "status": {"ready": true, "restarts": 0,
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "False"}]}},
            {"metadata": {"name": "b"}, "status": {"ready": false, "restarts": 3, "conditions": []}},
            {"metadata": {"name": "c"}, "status": {"restarts": 10}},
        ]})
    }

    #[test]
    fn templates_are_filled_in() {
        let cases = [
            ("{.kind}", "List"),
            ("kind is {.kind}.", "kind is List."),
            ("{.items[*].metadata.name}", "a b c"),
            ("{.items[0].metadata.name}", "a"),
            ("{.items[-1].metadata.name}", "c"),
            ("{.items[0:2].metadata.name}", "a b"),
            ("{.items[::2].metadata.name}", "a c"),
            ("{.items[0,2].metadata.name}", "a c"),
            ("{.items[0]['metadata'].name}", "a"),
            ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "x"),
            ("{.items[0].metadata.labels['app.kubernetes.io/name']}", "x"),
            ("{..name}", "a b c"),
            ("{$.kind}", "List"),
            ("{.items[1].status.conditions}", "[]"),
            ("{.items[*].status.ready}", "true false"),
            ("{.missing.field}", ""),
            (
                "{range .items[*]}{.metadata.name}:{\"\\t\"}{.status.restarts}{\"\\n\"}{end}",
                "a:\t0\nb:\t3\nc:\t10\n",
            ),
            ("{.items[?(@.metadata.name==\"b\")].status.restarts}", "3"),
            ("{.items[?(@.status.restarts>2)].metadata.name}", "b c"),
            ("{.items[?(@.status.ready)].metadata.name}", "a b"),
            ("{.items[?(@.status.ready==true)].metadata.name}", "a"),
            ("{.items[0].status.conditions[?(@.type=='Ready')].status}", "True"),
        ];
        for (template, want) in cases {
            let filled = Template::parse(template).map(|template| template.fill(&pods()));
            assert_eq!(filled.as_deref(), Ok(want), "{template}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_panics() {
        let cases = [
            "{",
            "{.a",
            "{.a[}",
            "{.a[x]}",
            "{range .a}",
            "{end}",
            "{\"a}",
            "{.a[?(@.b=]}",
            "{.a..}",
            "{+}",
            "{.a[1:2:3:4]}",
        ];
        for template in cases {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_path_may_stand_without_braces_and_dot() {
        for text in ["{.items[0].metadata.name}", ".items[0].metadata.name", "items[0].metadata.name"] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.find(&pods()), [&json!("a")], "{text}");
        }
    }
}
