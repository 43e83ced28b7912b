//! From the text of a script to a flat program.

use std::collections::BTreeMap;

use super::{Op, Part, Program, Word};

/// Bounds against hostile scripts: operations, and blocks within blocks.
const OPS_MAX: usize = 4_096;
const DEPTH_MAX: u32 = 32;

/// Compiles a script. `None` where it uses what this shell does not have.
pub fn compile(script: &str) -> Option<Program> {
    let tokens = Lexer { rest: script }.tokens()?;
    let mut compiler = Compiler { tokens, at: 0, ops: Vec::new(), depth: 0 };
    compiler.list(&[], false)?;
    (compiler.at == compiler.tokens.len()).then(|| Program(compiler.ops.into()))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `plain`: written without quotes or variables, so that it may be a keyword.
    Word {
        word: Word,
        plain: bool,
    },
    Operator(&'static str),
}

/// Longest first, so that `&&` is not read as two `&`.
const OPERATORS: [&str; 16] =
    ["<<", "&>", "&&", "||", ";;", ">>", ">&", ";", "\n", "&", "|", "(", ")", ">", "<", "`"];

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn tokens(&mut self) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            if let Some(after) = self.rest.strip_prefix("\\\n") {
                self.rest = after;
                continue;
            }
            if self.rest.starts_with('#') {
                self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
            }
            if self.rest.is_empty() {
                return Some(tokens);
            }
            if let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest.starts_with(operator)) {
                if matches!(operator, "<<" | ";;" | "`") {
                    return None;
                }
                self.rest = &self.rest[operator.len()..];
                tokens.push(Token::Operator(operator));
                continue;
            }
            let (word, plain) = self.word()?;
            // The number of a stream before `>` belongs to it.
            let stream = plain && matches!(word.as_slice(), [Part::Text(text)] if text == "1" || text == "2");
            if !(stream && self.rest.starts_with('>')) {
                tokens.push(Token::Word { word, plain });
            }
        }
    }

    fn word(&mut self) -> Option<(Word, bool)> {
        let (mut word, mut text, mut plain) = (Word::new(), String::new(), true);
        while let Some(next) = self.rest.chars().next() {
            match next {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    let end = self.rest[1..].find('\'')?;
                    text.push_str(&self.rest[1..=end]);
                    self.rest = &self.rest[end + 2..];
                    plain = false;
                }
                '"' => {
                    self.rest = &self.rest[1..];
                    self.double_quoted(&mut word, &mut text)?;
                    plain = false;
                }
                '$' | '`' => {
                    plain = false;
                    self.expansion(&mut word, &mut text)?;
                }
                '\\' => {
                    let escaped = self.rest.chars().nth(1)?;
                    text.push(escaped);
                    self.rest = &self.rest[1 + escaped.len_utf8()..];
                    plain = false;
                }
                _ => {
                    text.push(next);
                    self.rest = &self.rest[next.len_utf8()..];
                }
            }
        }
        if !text.is_empty() || word.is_empty() {
            word.push(Part::Text(text));
        }
        Some((word, plain))
    }

    fn double_quoted(&mut self, word: &mut Word, text: &mut String) -> Option<()> {
        loop {
            let next = self.rest.chars().next()?;
            match next {
                '"' => {
                    self.rest = &self.rest[1..];
                    return Some(());
                }
                '$' | '`' => self.expansion(word, text)?,
                '\\' if self.rest[1..].starts_with(['"', '\\', '$', '`']) => {
                    text.push_str(&self.rest[1..2]);
                    self.rest = &self.rest[2..];
                }
                _ => {
                    text.push(next);
                    self.rest = &self.rest[next.len_utf8()..];
                }
            }
        }
    }

    /// `$name`, `${name}`, `$((sum))`, `$(command)`, `` `command` ``.
    fn expansion(&mut self, word: &mut Word, text: &mut String) -> Option<()> {
        let mut push = |part: Part| {
            if !text.is_empty() {
                word.push(Part::Text(std::mem::take(text)));
            }
            word.push(part);
        };
        if let Some(after) = self.rest.strip_prefix('`') {
            push(Part::Unknown);
            self.rest = &after[after.find('`')? + 1..];
            return Some(());
        }
        let after = self.rest.strip_prefix('$')?;
        if let Some(inner) = after.strip_prefix("((") {
            let end = inner.find("))")?;
            push(Part::Sum(inner[..end].to_string()));
            self.rest = &inner[end + 2..];
        } else if after.starts_with('(') {
            let end = closing(after)?;
            let inner = after[1..end].trim();
            push(match (counted(&after[1..end]), inner.split(' ').next()) {
                (Some(text), _) => Part::Text(text),
                (None, Some("date")) => Part::Variable(super::DATE.into()),
                (None, Some("hostname")) => Part::Variable("HOSTNAME".into()),
                _ => Part::Unknown,
            });
            self.rest = &after[end + 1..];
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = inner.find('}')?;
            let name = &inner[..end];
            let simple = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            push(if simple { Part::Variable(name.to_string()) } else { Part::Unknown });
            self.rest = &inner[end + 1..];
        } else {
            let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c: char| !named(c)).unwrap_or(after.len());
            match after.chars().next() {
                Some('?') => {
                    push(Part::Variable("?".into()));
                    self.rest = &after[1..];
                }
                Some('$' | '!' | '#' | '@' | '*') => {
                    push(Part::Unknown);
                    self.rest = &after[1..];
                }
                _ if end > 0 => {
                    push(Part::Variable(after[..end].to_string()));
                    self.rest = &after[end..];
                }
                _ => {
                    text.push('$');
                    self.rest = after;
                }
            }
        }
        Some(())
    }
}

/// Where the parenthesis that opens `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0u32;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The one command whose output is known: `seq 3`, `seq 2 4`.
fn counted(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let (first, last) = match words.as_slice() {
        ["seq", last] => (1, last.parse::<i32>().ok()?),
        ["seq", first, last] => (first.parse().ok()?, last.parse::<i32>().ok()?),
        _ => return None,
    };
    let count = i64::from(last) - i64::from(first);
    let numbers = (count < OPS_MAX as i64).then(|| (first..=last).map(|number| number.to_string()))?;
    Some(numbers.collect::<Vec<_>>().join(" "))
}

struct Compiler {
    tokens: Vec<Token>,
    at: usize,
    ops: Vec<Op>,
    depth: u32,
}

impl Compiler {
    fn peek_operator(&self) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(operator)) => Some(operator),
            _ => None,
        }
    }

    fn peek_plain(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Word { word, plain: true }) => match word.as_slice() {
                [Part::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    fn eat_operator(&mut self, operator: &str) -> bool {
        let found = self.peek_operator() == Some(operator);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> Option<()> {
        let found = self.peek_plain() == Some(word);
        self.at += usize::from(found);
        found.then_some(())
    }

    fn skip_lines(&mut self) {
        while matches!(self.peek_operator(), Some("\n" | ";")) {
            self.at += 1;
        }
    }

    fn push(&mut self, op: Op) -> Option<usize> {
        self.ops.push(op);
        (self.ops.len() <= OPS_MAX).then(|| self.ops.len() - 1)
    }

    /// Lets the jump at `op` go to the next operation to come.
    fn land(&mut self, op: usize) {
        let here = self.ops.len();
        if let Op::IfFailed(to) | Op::IfOk(to) | Op::Jump(to) = &mut self.ops[op] {
            *to = here;
        }
    }

    /// Commands up to one of the words in `until`, or to the end. `checked`: whether somebody looks at the status.
    fn list(&mut self, until: &[&str], checked: bool) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        loop {
            self.skip_lines();
            let ends = self.peek_plain().is_some_and(|word| until.contains(&word))
                || self.peek_operator() == Some(")")
                || self.at == self.tokens.len();
            if ends {
                self.depth -= 1;
                return Some(());
            }
            let start = self.ops.len();
            self.and_or(checked)?;
            if self.eat_operator("&") {
                self.ops.truncate(start);
                self.push(Op::Background)?;
            }
        }
    }

    fn and_or(&mut self, checked: bool) -> Option<()> {
        let chained = self.has_chain();
        self.pipeline(checked || chained)?;
        loop {
            let or = match self.peek_operator() {
                Some("&&") => false,
                Some("||") => true,
                _ => return Some(()),
            };
            self.at += 1;
            while self.eat_operator("\n") {}
            let jump = self.push(if or { Op::IfOk(0) } else { Op::IfFailed(0) })?;
            let more = self.has_chain();
            self.pipeline(checked || more)?;
            self.land(jump);
        }
    }

    /// Whether `&&` or `||` comes before the command is over.
    fn has_chain(&self) -> bool {
        let rest = self.tokens[self.at..].iter();
        let ends = |token: &&Token| matches!(token, Token::Operator(";" | "\n" | "&" | "&&" | "||"));
        matches!(rest.clone().find(ends), Some(Token::Operator("&&" | "||")))
    }

    fn pipeline(&mut self, checked: bool) -> Option<()> {
        let negated = self.eat_word("!").is_some();
        let checked = checked || negated;
        loop {
            let begun = self.ops.len();
            self.command(checked)?;
            if !self.eat_operator("|") {
                break;
            }
            // What goes through a pipe is seen by the next command alone.
            for op in &mut self.ops[begun..] {
                if let Op::Run { files, .. } = op {
                    files.push(vec![Part::Text(super::PIPE.into())]);
                }
            }
        }
        if negated {
            self.push(Op::Not)?;
        }
        Some(())
    }

    fn command(&mut self, checked: bool) -> Option<()> {
        if self.eat_operator("(") {
            self.list(&[], checked)?;
            self.eat_operator(")").then_some(())?;
            return self.redirections().map(|_| ());
        }
        match self.peek_plain() {
            Some("{") => {
                self.at += 1;
                self.list(&["}"], checked)?;
                self.eat_word("}")?;
            }
            Some("if") => self.branch()?,
            Some("while") => self.repeat(true)?,
            Some("until") => self.repeat(false)?,
            Some("for") => self.each()?,
            Some("case" | "function" | "select" | "then" | "do" | "done" | "fi" | "else" | "elif" | "}") => {
                return None;
            }
            _ => return self.simple(checked),
        }
        self.redirections().map(|_| ())
    }

    fn branch(&mut self) -> Option<()> {
        let mut ends = Vec::new();
        self.at += 1;
        loop {
            self.list(&["then"], true)?;
            self.eat_word("then")?;
            let otherwise = self.push(Op::IfFailed(0))?;
            self.list(&["elif", "else", "fi"], false)?;
            ends.push(self.push(Op::Jump(0))?);
            self.land(otherwise);
            if self.eat_word("elif").is_some() {
                continue;
            }
            if self.eat_word("else").is_some() {
                self.list(&["fi"], false)?;
            } else {
                // Without a branch taken, `if` succeeds.
                self.push(Op::Run {
                    words: vec![vec![Part::Text(":".into())]],
                    files: Vec::new(),
                    checked: true,
                })?;
            }
            self.eat_word("fi")?;
            ends.into_iter().for_each(|end| self.land(end));
            return Some(());
        }
    }

    fn repeat(&mut self, while_ok: bool) -> Option<()> {
        self.at += 1;
        let top = self.ops.len();
        self.list(&["do"], true)?;
        self.eat_word("do")?;
        let out = self.push(if while_ok { Op::IfFailed(0) } else { Op::IfOk(0) })?;
        self.list(&["done"], false)?;
        self.eat_word("done")?;
        self.push(Op::Jump(top))?;
        self.land(out);
        self.push(Op::Run { words: vec![vec![Part::Text(":".into())]], files: Vec::new(), checked: true })?;
        Some(())
    }

    /// `for`: the body once for each word, one after the other.
    fn each(&mut self) -> Option<()> {
        self.at += 1;
        let name = self.peek_plain()?.to_string();
        self.at += 1;
        self.eat_word("in")?;
        let mut items: Vec<Word> = Vec::new();
        while let Some(Token::Word { word, plain }) = self.tokens.get(self.at) {
            match word.as_slice() {
                [Part::Text(text)] if !plain => {
                    items.extend(text.split_whitespace().map(|item| vec![Part::Text(item.to_string())]));
                }
                [Part::Text(text)] => items.extend(brace(text)),
                _ => items.push(word.clone()),
            }
            self.at += 1;
        }
        self.skip_lines();
        self.eat_word("do")?;
        let body = self.at;
        for item in items {
            self.at = body;
            self.push(Op::Set(name.clone(), item))?;
            self.list(&["done"], false)?;
        }
        if self.peek_plain() != Some("done") {
            // No item at all: the body is read and dropped.
            let keep = self.ops.len();
            self.list(&["done"], false)?;
            self.ops.truncate(keep);
        }
        self.eat_word("done")
    }

    fn simple(&mut self, checked: bool) -> Option<()> {
        let mut words: Vec<Word> = Vec::new();
        let mut files = Vec::new();
        loop {
            files.extend(self.redirections()?);
            let Some(Token::Word { word, .. }) = self.tokens.get(self.at) else { break };
            let word = word.clone();
            self.at += 1;
            match assignment(&word) {
                Some((name, value)) if words.is_empty() => {
                    self.push(Op::Set(name, value))?;
                    if !matches!(self.tokens.get(self.at), Some(Token::Word { .. })) {
                        return Some(());
                    }
                }
                _ => words.push(word),
            }
        }
        if words.is_empty() && files.is_empty() {
            return None;
        }
        if words.is_empty() {
            words.push(vec![Part::Text(":".into())]);
        }
        self.push(Op::Run { words, files, checked })?;
        Some(())
    }

    /// Skips redirections; returns the files that output goes to.
    fn redirections(&mut self) -> Option<Vec<Word>> {
        let mut files = Vec::new();
        while let Some(operator @ (">" | ">>" | "<" | "&>" | ">&")) = self.peek_operator() {
            self.at += 1;
            let Some(Token::Word { word, .. }) = self.tokens.get(self.at) else { return None };
            if !matches!(operator, "<" | ">&") {
                files.push(word.clone());
            }
            self.at += 1;
        }
        Some(files)
    }
}

/// `name=value`.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (Part::Text(first), rest) = word.split_first()? else { return None };
    let (name, value) = first.split_once('=')?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let mut parts = vec![Part::Text(value.to_string())];
    parts.extend_from_slice(rest);
    named.then(|| (name.to_string(), parts))
}

/// `{1..5}` as five words; any other text as one.
fn brace(text: &str) -> Vec<Word> {
    let range =
        text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).and_then(|rest| rest.split_once(".."));
    let numbers = range.and_then(|(first, last)| counted(&format!("seq {first} {last}")));
    match numbers {
        Some(numbers) => numbers.split(' ').map(|number| vec![Part::Text(number.to_string())]).collect(),
        None => vec![vec![Part::Text(text.to_string())]],
    }
}

/// The value of a sum of numbers and variables with `+`, `-` and `*`, from left to right; `None` for anything else.
pub fn sum(text: &str, variables: &BTreeMap<String, String>) -> Option<i64> {
    let (mut total, mut operator, mut rest) = (0i64, '+', text.trim());
    loop {
        let end = rest.find(['+', '-', '*']).unwrap_or(rest.len());
        let word = rest[..end].trim().trim_start_matches('$');
        let value = match word.parse::<i64>() {
            Ok(number) => number,
            Err(_) => variables.get(word).map_or(Some(0), |value| value.trim().parse().ok())?,
        };
        total = match operator {
            '+' => total.checked_add(value)?,
            '-' => total.checked_sub(value)?,
            _ => total.checked_mul(value)?,
        };
        let Some(next) = rest[end..].chars().next() else { return Some(total) };
        operator = next;
        rest = &rest[end + 1..];
    }
}
