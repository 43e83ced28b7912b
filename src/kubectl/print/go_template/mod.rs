//! Go's templates, as far as kubectl's users write them: `{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}`.
//! Actions are `range`, `if`, `with`, `else`, `end`, variables, pipelines and the functions below; named templates are not.

mod functions;
mod parse;

use serde_json::Value;

use functions::{call, shown, truth, type_of};
use parse::Parser;

/// How deeply actions may stand in one another.
const DEPTH_MAX: usize = 64;

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<Node>,
    text: String,
    missing_allowed: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Print(Pipeline),
    /// `{{range}}`, `{{if}}` or `{{with}}`, with what comes after `{{else}}`.
    Block(Block, Pipeline, Vec<Node>, Vec<Node>),
    /// `{{break}}`, `{{continue}}`
    Leave(Flow),
}

/// How it goes on behind a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
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
    let mut parser = Parser::new(text);
    let (nodes, end) = parser.nodes(0)?;
    match end {
        None => Ok(Template { nodes, text: text.to_string(), missing_allowed: true }),
        Some(word) => Err(format!("template: output:1: unexpected {{{{{word}}}}}")),
    }
}

/// What actions see: the dot, and the variables, the newest last.
struct Scope<'a> {
    template: &'a Template,
    root: &'a Value,
    dot: Value,
    variables: Vec<(String, Value)>,
}

impl Template {
    /// The same, with keys that are not there being errors or not.
    pub fn allow_missing(mut self, allowed: bool) -> Template {
        self.missing_allowed = allowed;
        self
    }

    /// What is said of a key that is not there, with its place: the line from 1 and the byte from 0, as Go counts.
    fn missing(&self, fields: &[String], field: &str) -> String {
        let path = format!(".{}", fields.join("."));
        let first = fields.first().filter(|_| fields.len() > 1).map_or(0, |first| first.len() + 1);
        let at = self.text.find(&path).map_or(0, |at| at + first);
        let before = &self.text[..at];
        let (line, byte) =
            (before.matches('\n').count() + 1, at - before.rfind('\n').map_or(0, |end| end + 1));
        format!(
            "template: output:{line}:{byte}: executing \"output\" at <{path}>: map has no entry for key {field:?}"
        )
    }

    /// The template filled in.
    ///
    /// # Errors
    /// What cannot be done, in Go's manner.
    pub fn fill(&self, root: &Value) -> Result<String, String> {
        let mut out = String::new();
        let mut scope = Scope { template: self, root, dot: root.clone(), variables: Vec::new() };
        scope.nodes(&self.nodes, &mut out)?;
        Ok(out)
    }
}

impl Scope<'_> {
    fn nodes(&mut self, nodes: &[Node], out: &mut String) -> Result<Flow, String> {
        let outer = self.variables.len();
        for node in nodes {
            let flow = match node {
                Node::Text(text) => {
                    out.push_str(text);
                    Flow::On
                }
                Node::Leave(flow) => *flow,
                Node::Print(pipeline) => {
                    let value = self.evaluate(pipeline)?;
                    match pipeline.variables.first() {
                        Some(name) => self.set(name, value),
                        None => out.push_str(&shown(&value)),
                    }
                    Flow::On
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
                    let flow = if truth(&value) {
                        let dot = if *block == Block::With { value } else { self.dot.clone() };
                        self.inside(dot, inner, out)?
                    } else {
                        self.nodes(otherwise, out)?
                    };
                    self.variables.truncate(begun);
                    flow
                }
            };
            if flow != Flow::On {
                self.variables.truncate(outer);
                return Ok(flow);
            }
        }
        self.variables.truncate(outer);
        Ok(Flow::On)
    }

    fn inside(&mut self, dot: Value, nodes: &[Node], out: &mut String) -> Result<Flow, String> {
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
    ) -> Result<Flow, String> {
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
            let flow = self.inside(item, inner, out)?;
            self.variables.truncate(begun);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
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
                Value::Object(map) if !map.contains_key(field) && !self.template.missing_allowed => {
                    return Err(self.template.missing(fields, field));
                }
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
            ("{{range .items}}{{if .on}}{{continue}}{{end}}{{.metadata.name}}{{end}}", "a"),
            ("{{range .items}}{{.metadata.name}}{{with .n}}{{break}}{{end}}{{end}}", "a"),
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
            "{{break}}",
            &deep,
        ];
        for template in cases {
            assert!(parse(template).is_err(), "{template}");
        }
        assert!(parse("{{.kind.x}}").unwrap().fill(&json!({"kind": "a"})).is_err());
    }
}
