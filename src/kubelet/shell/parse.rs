//! From the text of a script to a flat program.

mod compound;

use super::lexer::{Lexer, Token};
use super::{Input, Op, Part, Program, Redirected, Target, Word};

/// Bounds against hostile scripts: operations, and blocks within blocks.
pub const OPS_MAX: usize = 4_096;
const DEPTH_MAX: u32 = 32;

/// Compiles a script. `None` where it uses what this shell does not have.
pub fn compile(script: &str) -> Option<Program> {
    compile_within(script, 0)
}

/// The same, of a script that is part of another.
pub fn compile_within(script: &str, depth: u32) -> Option<Program> {
    if depth > DEPTH_MAX {
        return None;
    }
    let tokens = Lexer { rest: script, documents: Vec::new(), depth }.tokens()?;
    let mut compiler = Compiler { tokens, at: 0, ops: Vec::new(), depth: 0, loops: Vec::new() };
    compiler.list(&[], false)?;
    (compiler.at == compiler.tokens.len()).then(|| Program(compiler.ops.into()))
}

struct Compiler {
    tokens: Vec<Token>,
    at: usize,
    ops: Vec<Op>,
    depth: u32,
    /// Of each loop around: where its next turn begins, and the jumps that leave it.
    loops: Vec<(usize, Vec<usize>)>,
}

fn run(words: Vec<Word>, redirected: Redirected, checked: bool) -> Op {
    Op::Run { words, redirected, checked }
}

/// A command that does nothing, and succeeds.
fn nothing() -> Op {
    run(vec![vec![Part::Text(":".into())]], Redirected::default(), true)
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
        if let Op::IfFailed(to) | Op::IfOk(to) | Op::Jump(to) | Op::Next(_, to) | Op::Unless(_, to) =
            &mut self.ops[op]
        {
            *to = here;
        }
    }

    /// The operations from `start` on as a program of their own.
    fn take_from(&mut self, start: usize) -> Program {
        let mut ops = self.ops.split_off(start);
        for op in &mut ops {
            if let Op::IfFailed(to) | Op::IfOk(to) | Op::Jump(to) | Op::Next(_, to) | Op::Unless(_, to) = op {
                *to = to.saturating_sub(start);
            }
        }
        Program(ops.into())
    }

    /// The name of the function that is defined next, if one is: `name()`, `function name`.
    fn function_name(&mut self) -> Option<String> {
        let word = self.peek_plain()?.to_string();
        let parentheses =
            |tokens: &[Token]| matches!(tokens, [Token::Operator("("), Token::Operator(")"), ..]);
        if word == "function" {
            self.at += 1;
            let name = self.peek_plain()?.to_string();
            self.at += 1;
            self.at += if parentheses(&self.tokens[self.at..]) { 2 } else { 0 };
            return Some(name);
        }
        // `name=()` is an empty list.
        if word.contains('=') || !parentheses(&self.tokens[self.at + 1..]) {
            return None;
        }
        self.at += 3;
        Some(word)
    }

    fn function(&mut self, name: String) -> Option<()> {
        while self.eat_operator("\n") {}
        let start = self.ops.len();
        let loops = std::mem::take(&mut self.loops);
        self.command(false)?;
        self.loops = loops;
        let body = self.take_from(start);
        self.push(Op::Define(name, body))?;
        Some(())
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
                || matches!(self.peek_operator(), Some(")" | ";;"))
                || self.at == self.tokens.len();
            if ends {
                self.depth -= 1;
                return Some(());
            }
            let start = self.ops.len();
            self.and_or(checked)?;
            if self.eat_operator("&") {
                let job = self.take_from(start);
                self.push(Op::Spawn(job))?;
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

    /// Whether `&&` or `||` comes before the command is over, which may be a block of several.
    fn has_chain(&self) -> bool {
        let (mut depth, mut begins) = (0u32, true);
        for token in &self.tokens[self.at..] {
            let keyword = match token {
                Token::Word { word, plain: true } if begins => match word.as_slice() {
                    [Part::Text(text)] => text.as_str(),
                    _ => "",
                },
                _ => "",
            };
            match (token, keyword) {
                (Token::Operator("("), _) | (_, "{" | "if" | "while" | "until" | "for" | "case") => {
                    depth += 1
                }
                (Token::Operator(")"), _) | (_, "}" | "fi" | "done" | "esac") => {
                    depth = depth.saturating_sub(1)
                }
                (Token::Operator("&&" | "||"), _) if depth == 0 => return true,
                (Token::Operator(";" | "\n" | "&"), _) if depth == 0 => return false,
                _ => {}
            }
            begins = match token {
                Token::Operator(operator) => !operator.contains(['<', '>']),
                Token::Word { .. } => {
                    ["{", "if", "while", "until", "then", "do", "else", "elif", "!"].contains(&keyword)
                }
            };
        }
        false
    }

    fn pipeline(&mut self, checked: bool) -> Option<()> {
        let negated = self.eat_word("!").is_some();
        let checked = checked || negated;
        let mut piped = false;
        loop {
            if piped {
                self.push(Op::Piped)?;
            }
            let begun = self.ops.len();
            self.command(checked)?;
            let more = self.eat_operator("|");
            if more {
                self.send_all(begun, &Target::Pipe);
                self.skip_lines();
            }
            if piped {
                self.push(Op::EndInput)?;
            }
            if !more {
                break;
            }
            piped = true;
        }
        if negated {
            self.push(Op::Not)?;
        }
        Some(())
    }

    /// What the commands from `begun` on print goes there, unless it goes somewhere else already.
    fn send_all(&mut self, begun: usize, target: &Target) {
        for op in &mut self.ops[begun..] {
            if let Op::Run { redirected, .. } | Op::Subshell { redirected, .. } = op {
                redirected.out.get_or_insert_with(|| target.clone());
            }
        }
    }

    fn command(&mut self, checked: bool) -> Option<()> {
        if let Some(name) = self.function_name() {
            return self.function(name);
        }
        let compound = self.peek_operator() == Some("(")
            || matches!(self.peek_plain(), Some("{" | "if" | "while" | "until" | "for" | "case"));
        if !compound {
            return match self.peek_plain() {
                Some("select" | "then" | "do" | "done" | "fi" | "else" | "elif" | "}" | "esac") => None,
                Some("[[") => {
                    self.at += 1;
                    let condition = self.either()?;
                    self.eat_word("]]")?;
                    self.push(Op::Test { condition, checked })?;
                    Some(())
                }
                Some(word @ ("break" | "continue")) if !self.loops.is_empty() => {
                    let leaves = word == "break";
                    self.leave(leaves)
                }
                _ => self.simple(checked),
            };
        }
        let block = self.push(Op::Block { input: None, anew: None })?;
        self.compound(checked)?;
        let redirected = self.redirections()?;
        let mut reads = None;
        if let Some(Input::File(path) | Input::Text(path)) = redirected.input {
            reads = Some(path);
        }
        let mut file = None;
        if let Some(Target::File { path, append }) = &redirected.out {
            file = Some(path.clone()).filter(|_| !append);
            self.send_all(block, &Target::File { path: path.clone(), append: true });
        }
        if reads.is_some() {
            self.push(Op::EndInput)?;
        }
        self.ops[block] = Op::Block { input: reads, anew: file };
        Some(())
    }

    /// `break` and `continue`, of the loop around.
    fn leave(&mut self, leaves: bool) -> Option<()> {
        self.at += 1;
        let top = self.loops.last()?.0;
        let jump = self.push(Op::Jump(top))?;
        if let (true, Some((_, leaving))) = (leaves, self.loops.last_mut()) {
            leaving.push(jump);
        }
        Some(())
    }

    fn simple(&mut self, checked: bool) -> Option<()> {
        let mut words: Vec<Word> = Vec::new();
        let mut redirected = Redirected::default();
        loop {
            self.redirections_into(&mut redirected)?;
            let Some(Token::Word { word, .. }) = self.tokens.get(self.at) else { break };
            let word = word.clone();
            self.at += 1;
            match assignment(&word) {
                Some((name, _)) if words.is_empty() && self.peek_operator() == Some("(") => {
                    return self.list_of(&name);
                }
                Some((name, mut value)) if words.is_empty() => {
                    let longer = name.strip_suffix('+');
                    if let Some(name) = longer {
                        value.insert(0, Part::variable(name, true));
                    }
                    self.push(Op::Set(longer.unwrap_or(&name).into(), value))?;
                    if !matches!(self.tokens.get(self.at), Some(Token::Word { .. })) {
                        return Some(());
                    }
                }
                _ => words.push(word),
            }
        }
        if words.is_empty() && redirected == Redirected::default() {
            return None;
        }
        if words.is_empty() {
            words.push(vec![Part::Text(":".into())]);
        }
        self.push(run(words, redirected, checked))?;
        Some(())
    }

    /// The words of a list, in parentheses.
    fn list_of(&mut self, name: &str) -> Option<()> {
        self.at += 1;
        let mut words = Vec::new();
        while !self.eat_operator(")") {
            match self.tokens.get(self.at)? {
                Token::Word { word, .. } => words.push(word.clone()),
                Token::Operator("\n") => {}
                Token::Operator(_) => return None,
            }
            self.at += 1;
        }
        let more = name.ends_with('+');
        self.push(Op::List(name.trim_end_matches('+').into(), words, more))?;
        Some(())
    }

    fn redirections(&mut self) -> Option<Redirected> {
        let mut redirected = Redirected::default();
        self.redirections_into(&mut redirected)?;
        Some(redirected)
    }

    /// Reads redirections, if any come next.
    fn redirections_into(&mut self, redirected: &mut Redirected) -> Option<()> {
        while let Some(operator) = self.peek_operator() {
            let takes = operator.contains(['<', '>']);
            if !takes {
                return Some(());
            }
            self.at += 1;
            let Some(Token::Word { word, .. }) = self.tokens.get(self.at) else { return None };
            let path = word.clone();
            self.at += 1;
            let append = operator.ends_with(">>");
            match operator {
                "<" => redirected.input = Some(Input::File(path)),
                "<<<" => redirected.input = Some(Input::Text(path)),
                "2>&" => redirected.err = Some(Target::Other),
                ">&" | "1>&" => redirected.out = Some(Target::Other),
                "2>" | "2>>" => redirected.err = Some(Target::File { path, append }),
                _ => {
                    if operator.starts_with('&') {
                        redirected.err = Some(Target::Other);
                    }
                    redirected.out = Some(Target::File { path, append });
                }
            }
        }
        Some(())
    }
}

/// `name=value`.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (Part::Text(first), rest) = word.split_first()? else { return None };
    let (name, value) = first.split_once('=')?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .split_once('[')
            .map_or(name.trim_end_matches('+'), |(list, _)| list)
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && (!name.contains('[') || name.ends_with(']'));
    let mut parts = vec![Part::Text(value.to_string())];
    parts.extend_from_slice(rest);
    named.then(|| (name.to_string(), parts))
}
