//! Reads templates.

use serde_json::Value;

use super::functions::FUNCTIONS;
use super::{Block, DEPTH_MAX, Flow, Node, Operand, Pipeline};

/// Reads nodes off the front of a text.
pub(super) struct Parser<'t> {
    rest: &'t str,
    /// Whether the last action asked for the blank after it to go.
    trim: bool,
    /// How many ranges are open.
    ranges: u32,
}

impl<'t> Parser<'t> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'t str) -> Parser<'t> {
        Parser { rest: text, trim: false, ranges: 0 }
    }

    /// Nodes up to the end, or to an action that ends a block: `else …` or `end`.
    pub(super) fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, Option<String>), String> {
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
                "range" => {
                    self.ranges += 1;
                    let node = self.block(Block::Range, rest, depth);
                    self.ranges -= 1;
                    nodes.push(node?);
                }
                "break" | "continue" if self.ranges == 0 => {
                    return Err(format!("template: output:1: {{{{{word}}}}} outside {{{{range}}}}"));
                }
                "break" => nodes.push(Node::Leave(Flow::Break)),
                "continue" => nodes.push(Node::Leave(Flow::Continue)),
                "if" => nodes.push(self.block(Block::If, rest, depth)?),
                "with" => nodes.push(self.block(Block::With, rest, depth)?),
                "define" | "template" | "block" => {
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
