//! Go's templates, as far as kubectl's users write them: `{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}`.
//! Actions are `range`, `if`, `with`, `else`, `end`, variables, pipelines and the functions below; named templates are not.

use std::cmp::Ordering;

use serde_json::Value;

/// How deeply actions may stand in one another.
const DEPTH_MAX: usize = 64;

/// A template.
#[derive(Clone, Debug)]
pub struct Template(Vec<Node>);

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Print(Pipeline),
    /// `{{range}}`, `{{if}}` or `{{with}}`, with what comes after `{{else}}`.
    Block(Block, Pipeline, Vec<Node>, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Range,
    If,
    With,
}

/// `$key, $value := first | second`.
#[derive(Clone, Debug, Default)]
struct Pipeline {
    variables: Vec<String>,
    commands: Vec<Vec<Operand>>,
}

#[derive(Clone, Debug)]
enum Operand {
    Value(Value),
    /// A variable or, without a name, the dot; and the fields that follow.
    Path(Option<String>, Vec<String>),
    Function(String),
    Group(Pipeline, Vec<String>),
}

/// Reads a template.
///
/// # Errors
/// What cannot be read, in Go's manner.
pub fn parse(text: &str) -> Result<Template, String> {
    let mut parser = Parser { rest: text, trim: false };
    let (nodes, end) = parser.nodes(0)?;
    match end {
        None => Ok(Template(nodes)),
        Some(word) => Err(format!("template: output:1: unexpected {{{{{word}}}}}")),
    }
}

struct Parser<'t> {
    rest: &'t str,
    /// Whether the last action asked for the blank after it to go.
    trim: bool,
}

impl Parser<'_> {
    /// Nodes up to the end, or to an action that ends a block: `else …` or `end`.
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, Option<String>), String> {
        if depth > DEPTH_MAX {
            return Err("template: output:1: exceeded max depth".into());
        }
        let mut nodes = Vec::new();
        loop {
            let open = self.rest.find("{{");
            let text = &self.rest[..open.unwrap_or(self.rest.len())];
            let mut text = if self.trim { text.trim_start() } else { text };
            let Some(open) = open else {
                push_text(&mut nodes, text);
                self.rest = "";
                return Ok((nodes, None));
            };
            let mut action = &self.rest[open + 2..];
            if let Some(after) = action.strip_prefix("- ") {
                text = text.trim_end();
                action = after;
            }
            push_text(&mut nodes, text);
            let action = self.close(action)?;
            let word = action.split_whitespace().next().unwrap_or_default();
            let rest = action.strip_prefix(word).unwrap_or_default().trim();
            match word {
                "" => {}
                _ if action.starts_with("/*") => {}
                "end" | "else" => return Ok((nodes, Some(action))),
                "range" => nodes.push(self.block(Block::Range, rest, depth)?),
                "if" => nodes.push(self.block(Block::If, rest, depth)?),
                "with" => nodes.push(self.block(Block::With, rest, depth)?),
                "define" | "template" | "block" | "break" | "continue" => {
                    return Err(format!("template: output:1: {{{{{word}}}}} is not offered by kubeviz"));
                }
                _ => nodes.push(Node::Print(pipeline(&action)?)),
            }
        }
    }

    /// The text of an action, up to its end outside quotes.
    fn close(&mut self, action: &str) -> Result<String, String> {
        let mut quote = None;
        let mut escaped = false;
        for (at, letter) in action.char_indices() {
            match quote {
                Some(_) if escaped => escaped = false,
                Some('"') if letter == '\\' => escaped = true,
                Some(open) if open == letter => quote = None,
                Some(_) => {}
                None if letter == '"' || letter == '`' => quote = Some(letter),
                None if action[at..].starts_with("}}") => {
                    let inside = &action[..at];
                    self.trim = inside.ends_with(" -");
                    let start = self.rest.len() - action.len();
                    self.rest = &self.rest[start + at + 2..];
                    return Ok(inside.strip_suffix(" -").unwrap_or(inside).trim().to_string());
                }
                None => {}
            }
        }
        Err("template: output:1: unclosed action".into())
    }

    fn block(&mut self, block: Block, head: &str, depth: usize) -> Result<Node, String> {
        let head = pipeline(head)?;
        let (inner, end) = self.nodes(depth + 1)?;
        let otherwise = match end.as_deref() {
            Some("end") => Vec::new(),
            Some("else") => match self.nodes(depth + 1)? {
                (nodes, Some(end)) if end == "end" => nodes,
                _ => return Err("template: output:1: expected end; found EOF".into()),
            },
            // `{{else if x}}` is an if inside the else, and its end ends both.
            Some(chained) => {
                let rest = chained.strip_prefix("else").unwrap_or_default().trim();
                let (word, head) = rest.split_once(' ').unwrap_or((rest, ""));
                let block = match word {
                    "if" => Block::If,
                    "with" => Block::With,
                    _ => return Err(format!("template: output:1: unexpected <{word}> in else")),
                };
                vec![self.block(block, head, depth + 1)?]
            }
            None => return Err("template: output:1: unexpected EOF".into()),
        };
        Ok(Node::Block(block, head, inner, otherwise))
    }
}

fn push_text(nodes: &mut Vec<Node>, text: &str) {
    if !text.is_empty() {
        nodes.push(Node::Text(text.to_string()));
    }
}

/// Reads a pipeline: everything inside an action, or inside parentheses.
fn pipeline(text: &str) -> Result<Pipeline, String> {
    let mut pipeline = Pipeline::default();
    let mut rest = text.trim();
    if let Some((left, right)) = rest.split_once(":=").filter(|(left, _)| left.trim_start().starts_with('$'))
    {
        pipeline.variables = left.split(',').map(|name| name.trim().to_string()).collect();
        rest = right.trim();
    } else if let Some((left, right)) = rest.split_once(" = ").filter(|(left, _)| left.starts_with('$')) {
        pipeline.variables = vec![left.trim().to_string()];
        rest = right.trim();
    }
    let mut command = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('|') {
            pipeline.commands.push(std::mem::take(&mut command));
            rest = after.trim_start();
            continue;
        }
        let (operand, after) = operand(rest)?;
        command.push(operand);
        rest = after.trim_start();
    }
    pipeline.commands.push(command);
    if pipeline.commands.iter().any(Vec::is_empty) {
        return Err("template: output:1: missing value for command".into());
    }
    Ok(pipeline)
}

fn operand(text: &str) -> Result<(Operand, &str), String> {
    let unexpected = || format!("template: output:1: unexpected {text:?} in operand");
    match text.chars().next().ok_or_else(unexpected)? {
        '"' => {
            let mut escaped = false;
            let close = text.char_indices().skip(1).find(|(_, letter)| {
                let ends = *letter == '"' && !escaped;
                escaped = *letter == '\\' && !escaped;
                ends
            });
            let (end, _) = close.ok_or("template: output:1: unterminated quoted string")?;
            let value = serde_json::from_str(&text[..=end]).map_err(|_| unexpected())?;
            Ok((Operand::Value(value), &text[end + 1..]))
        }
        '`' => {
            let end = text[1..].find('`').ok_or("template: output:1: unterminated raw quoted string")?;
            Ok((Operand::Value(text[1..=end].into()), &text[end + 2..]))
        }
        '(' => {
            let mut depth = 0;
            let close = text.char_indices().find(|(_, letter)| {
                depth += i32::from(*letter == '(') - i32::from(*letter == ')');
                depth == 0
            });
            let (end, _) = close.ok_or("template: output:1: unclosed left paren")?;
            let (fields, rest) = fields(&text[end + 1..]);
            Ok((Operand::Group(pipeline(&text[1..end])?, fields), rest))
        }
        '.' => {
            let (fields, rest) = fields(text);
            let rest = if fields.is_empty() { &rest[1..] } else { rest };
            Ok((Operand::Path(None, fields), rest))
        }
        '$' => {
            let end =
                text[1..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |at| at + 1);
            let (fields, rest) = fields(&text[end..]);
            Ok((Operand::Path(Some(text[..end].to_string()), fields), rest))
        }
        _ => {
            let end = text.find([' ', '|', ')', '(']).unwrap_or(text.len());
            let word = &text[..end];
            let operand = match word {
                "nil" => Operand::Value(Value::Null),
                _ => match serde_json::from_str::<Value>(word) {
                    Ok(value) => Operand::Value(value),
                    Err(_) if FUNCTIONS.contains(&word) => Operand::Function(word.into()),
                    Err(_) => return Err(format!("template: output:1: function {word:?} not defined")),
                },
            };
            Ok((operand, &text[end..]))
        }
    }
}

/// `.a.b` off the front of a text.
fn fields(text: &str) -> (Vec<String>, &str) {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        if end == 0 {
            break;
        }
        fields.push(after[..end].to_string());
        rest = &after[end..];
    }
    (fields, rest)
}

const FUNCTIONS: [&str; 18] = [
    "len",
    "index",
    "print",
    "println",
    "printf",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "not",
    "exists",
    "base64decode",
    "slice",
    "html",
];

/// What actions see: the dot, and the variables, the newest last.
struct Scope<'a> {
    root: &'a Value,
    dot: Value,
    variables: Vec<(String, Value)>,
}

impl Template {
    /// The template filled in.
    ///
    /// # Errors
    /// What cannot be done, in Go's manner.
    pub fn fill(&self, root: &Value) -> Result<String, String> {
        let mut out = String::new();
        let mut scope = Scope { root, dot: root.clone(), variables: Vec::new() };
        scope.nodes(&self.0, &mut out)?;
        Ok(out)
    }
}

impl Scope<'_> {
    fn nodes(&mut self, nodes: &[Node], out: &mut String) -> Result<(), String> {
        let outer = self.variables.len();
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Print(pipeline) => {
                    let value = self.evaluate(pipeline)?;
                    match pipeline.variables.first() {
                        Some(name) => self.set(name, value),
                        None => out.push_str(&shown(&value)),
                    }
                }
                Node::Block(Block::Range, head, inner, otherwise) => {
                    self.range(head, inner, otherwise, out)?
                }
                Node::Block(block, head, inner, otherwise) => {
                    let value = self.evaluate(head)?;
                    let begun = self.variables.len();
                    if let Some(name) = head.variables.first() {
                        self.variables.push((name.clone(), value.clone()));
                    }
                    if truth(&value) {
                        let dot = if *block == Block::With { value } else { self.dot.clone() };
                        self.inside(dot, inner, out)?;
                    } else {
                        self.nodes(otherwise, out)?;
                    }
                    self.variables.truncate(begun);
                }
            }
        }
        self.variables.truncate(outer);
        Ok(())
    }

    fn inside(&mut self, dot: Value, nodes: &[Node], out: &mut String) -> Result<(), String> {
        let outer = std::mem::replace(&mut self.dot, dot);
        let done = self.nodes(nodes, out);
        self.dot = outer;
        done
    }

    fn range(
        &mut self,
        head: &Pipeline,
        inner: &[Node],
        otherwise: &[Node],
        out: &mut String,
    ) -> Result<(), String> {
        let items: Vec<(Value, Value)> = match self.evaluate(head)? {
            Value::Array(items) => {
                items.into_iter().enumerate().map(|(at, item)| (at.into(), item)).collect()
            }
            Value::Object(map) => map.into_iter().map(|(key, value)| (key.into(), value)).collect(),
            Value::Null => Vec::new(),
            other => return Err(format!("template: output:1: range can't iterate over {}", shown(&other))),
        };
        if items.is_empty() {
            return self.nodes(otherwise, out);
        }
        for (key, item) in items {
            let begun = self.variables.len();
            match head.variables.as_slice() {
                [value] => self.variables.push((value.clone(), item.clone())),
                [index, value] => {
                    self.variables.push((index.clone(), key));
                    self.variables.push((value.clone(), item.clone()));
                }
                _ => {}
            }
            self.inside(item, inner, out)?;
            self.variables.truncate(begun);
        }
        Ok(())
    }

    /// Changes a variable that there is, or adds one.
    fn set(&mut self, name: &str, value: Value) {
        match self.variables.iter_mut().rfind(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.variables.push((name.to_string(), value)),
        }
    }

    fn evaluate(&self, pipeline: &Pipeline) -> Result<Value, String> {
        let mut last = None;
        for command in &pipeline.commands {
            let (first, arguments) =
                command.split_first().ok_or("template: output:1: missing value for command")?;
            let mut values = Vec::new();
            for argument in arguments {
                values.push(self.operand(argument)?);
            }
            values.extend(last.take());
            last = Some(match first {
                Operand::Function(name) => call(name, &values)?,
                other => self.operand(other)?,
            });
        }
        Ok(last.unwrap_or(Value::Null))
    }

    fn operand(&self, operand: &Operand) -> Result<Value, String> {
        let (base, fields) = match operand {
            Operand::Value(value) => return Ok(value.clone()),
            Operand::Function(name) => return call(name, &[]),
            Operand::Path(None, fields) => (self.dot.clone(), fields),
            Operand::Path(Some(name), fields) if name == "$" => (self.root.clone(), fields),
            Operand::Path(Some(name), fields) => {
                let known = self.variables.iter().rfind(|(known, _)| known == name);
                let value = known.map(|(_, value)| value.clone());
                (value.ok_or_else(|| format!("template: output:1: undefined variable {name:?}"))?, fields)
            }
            Operand::Group(pipeline, fields) => (self.evaluate(pipeline)?, fields),
        };
        let mut value = base;
        for field in fields {
            value = match value {
                Value::Object(mut map) => map.remove(field).unwrap_or(Value::Null),
                Value::Null => Value::Null,
                other => {
                    return Err(format!(
                        "template: output:1: can't evaluate field {field} in type {}",
                        type_of(&other)
                    ));
                }
            };
        }
        Ok(value)
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        _ => "interface {}",
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A value as Go's `%v` writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", shown(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let wrong = |why: &str| Err(format!("template: output:1: error calling {name}: {why}"));
    let joined = || arguments.iter().map(shown).collect::<Vec<_>>().join(" ");
    Ok(match (name, arguments) {
        ("len", [Value::Array(items)]) => items.len().into(),
        ("len", [Value::Object(map)]) => map.len().into(),
        ("len", [Value::String(text)]) => text.len().into(),
        ("len", [Value::Null]) => return wrong("len of nil pointer"),
        ("index", [base, keys @ ..]) => keys.iter().fold(base.clone(), |value, key| index(value, key)),
        ("exists", [base, keys @ ..]) => {
            let found = keys.iter().fold(base.clone(), |value, key| index(value, key));
            Value::Bool(!found.is_null())
        }
        ("slice", [Value::Array(items), from]) => {
            let from = from.as_u64().unwrap_or(0) as usize;
            Value::Array(items.get(from..).unwrap_or_default().to_vec())
        }
        ("print", _) => joined().into(),
        ("println", _) => format!("{}\n", joined()).into(),
        ("printf", [Value::String(format), values @ ..]) => printf(format, values).into(),
        ("html", [value]) => {
            shown(value).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
        }
        ("not", [value]) => Value::Bool(!truth(value)),
        ("and", [.., last]) => arguments.iter().find(|value| !truth(value)).unwrap_or(last).clone(),
        ("or", [.., last]) => arguments.iter().find(|value| truth(value)).unwrap_or(last).clone(),
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            Value::Bool(others.iter().any(|other| compare(first, other) == Some(Ordering::Equal)))
        }
        ("ne", [a, b]) => Value::Bool(compare(a, b) != Some(Ordering::Equal)),
        ("lt", [a, b]) => Value::Bool(compare(a, b) == Some(Ordering::Less)),
        ("le", [a, b]) => Value::Bool(matches!(compare(a, b), Some(Ordering::Less | Ordering::Equal))),
        ("gt", [a, b]) => Value::Bool(compare(a, b) == Some(Ordering::Greater)),
        ("ge", [a, b]) => Value::Bool(matches!(compare(a, b), Some(Ordering::Greater | Ordering::Equal))),
        ("base64decode", [Value::String(text)]) => match crate::api::manifest::base64_decode(text).ok() {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
            None => return wrong("illegal base64 data"),
        },
        _ => return wrong("wrong number or kind of arguments"),
    })
}

fn index(value: Value, key: &Value) -> Value {
    match (value, key) {
        (Value::Object(mut map), Value::String(key)) => map.remove(key).unwrap_or(Value::Null),
        (Value::Array(mut items), key) => {
            let at = key.as_u64().and_then(|at| usize::try_from(at).ok()).filter(|at| *at < items.len());
            at.map_or(Value::Null, |at| items.swap_remove(at))
        }
        _ => Value::Null,
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_i64()?.partial_cmp(&b.as_i64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) if a == b => Some(Ordering::Equal),
        _ => None,
    }
}

/// `%s`, `%v`, `%d`, `%q`, `%t`, `%%`, with a width as in `%-20s`.
fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let spec = &rest[at + 1..];
        let end = spec.find(|c: char| c.is_alphabetic() || c == '%').unwrap_or(spec.len());
        let (flags, verb) = (&spec[..end], spec[end..].chars().next());
        rest = spec.get(end + verb.map_or(0, char::len_utf8)..).unwrap_or_default();
        let text = match verb {
            Some('%') => "%".to_string(),
            Some('q') => format!("{:?}", values.next().map(shown).unwrap_or_default()),
            Some(verb) => values.next().map_or_else(|| format!("%!{verb}(MISSING)"), shown),
            None => "%!(NOVERB)".into(),
        };
        let width = flags.trim_start_matches('-').parse::<usize>().unwrap_or(0).min(1_000);
        match flags.starts_with('-') {
            true => out.push_str(&format!("{text:<width$}")),
            false => out.push_str(&format!("{text:>width$}")),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_filled_in_as_go_does() {
        let root = json!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "n": 2, "data": {"p": "cQ=="}},
            {"metadata": {"name": "b"}, "n": 0, "on": true},
        ]});
        let cases = [
            ("{{.kind}}", "List"),
            ("{{range .items}}{{.metadata.name}}{{\"\\n\"}}{{end}}", "a\nb\n"),
            ("{{range $i, $e := .items}}{{$i}}={{$e.n}} {{end}}", "0=2 1=0 "),
            ("{{len .items}}", "2"),
            ("{{(index .items 0).metadata.name}}", "a"),
            ("{{index (index .items 0).metadata.labels \"x.y/z\"}}", "1"),
            ("{{.missing.field}}", "<no value>"),
            ("{{if .missing}}yes{{else}}no{{end}}", "no"),
            ("{{range .items}}{{if eq .metadata.name \"a\"}}A{{else if .on}}on{{end}}{{end}}", "Aon"),
            ("{{range .none}}x{{else}}empty{{end}}", "empty"),
            ("{{with .kind}}<{{.}}>{{end}}", "<List>"),
            ("{{$n := .kind}}{{$n}}", "List"),
            ("a {{- .kind -}} b", "aListb"),
            ("{{/* said to nobody */}}x", "x"),
            ("{{printf \"%-5s|%3d\" .kind 7}}", "List |  7"),
            ("{{range .items}}{{with .data}}{{.p | base64decode}}{{end}}{{end}}", "q"),
            ("{{and .kind (not .missing)}}", "true"),
            ("{{range .items}}{{$.kind}} {{end}}", "List List "),
            ("{{.items | len | printf \"%d!\"}}", "2!"),
            ("{{index .items 0 \"n\"}}", "2"),
        ];
        for (template, want) in cases {
            let filled = parse(template).and_then(|template| template.fill(&root));
            assert_eq!(filled.as_deref(), Ok(want), "{template}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_panics() {
        let deep = "{{if .a}}".repeat(1_000);
        let cases = [
            "{{",
            "{{.a",
            "{{end}}",
            "{{range .a}}",
            "{{if}}x{{end}}",
            "{{\"a}}",
            "{{(.a}}",
            "{{nothing}}",
            "{{|}}",
            "{{.a |}}",
            &deep,
        ];
        for template in cases {
            assert!(parse(template).is_err(), "{template}");
        }
        assert!(parse("{{.kind.x}}").unwrap().fill(&json!({"kind": "a"})).is_err());
    }
}
