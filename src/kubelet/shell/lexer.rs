//! From the text of a script to its words and signs: quotes, expansions, documents (`<<EOF`).

use super::parse::{OPS_MAX, compile_within};
use super::{Change, Part, Word};
use crate::api::regexp::Regexp;

/// A part of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// `plain`: written without quotes or variables, so that it may be a keyword.
    Word { word: Word, plain: bool },
    /// A sign or two with a meaning of their own.
    Operator(&'static str),
}

/// Longest first, so that `&&` is not read as two `&`. A stream's number belongs to the operator.
const OPERATORS: [&str; 23] = [
    "<<<", "2>>", "2>&", "1>>", "1>&", "&>>", "<<", "2>", "1>", "&>", "&&", "||", ";;", ">>", ">&", ";",
    "\n", "&", "|", "(", ")", ">", "<",
];

/// Parameters with a name of one sign.
const SPECIAL: [char; 6] = ['?', '$', '!', '#', '@', '*'];

/// Takes a script apart.
pub struct Lexer<'a> {
    /// What is still to be read.
    pub rest: &'a str,
    /// Documents that begin on the next line (`<<EOF`): the token that stands for each, its end, and whether it is expanded.
    pub documents: Vec<(usize, String, bool)>,
    /// How many substitutions lie around.
    pub depth: u32,
}

impl Lexer<'_> {
    /// All tokens; `None` where something is used that this shell does not have.
    pub fn tokens(&mut self) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        // What stands behind `=~` in `[[ ]]` is a pattern, in which parentheses are no signs.
        let (mut in_test, mut pattern_next) = (false, false);
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
            if std::mem::take(&mut pattern_next) {
                let word = self.pattern()?;
                tokens.push(Token::Word { word, plain: false });
                continue;
            }
            // `((i++))` is a command of its own: `let`, with what it says as its word.
            let begins = !in_test
                && matches!(
                    tokens.last(),
                    None | Some(Token::Operator(_)) | Some(Token::Word { plain: true, .. })
                );
            if begins
                && self.rest.starts_with("((")
                && let Some(end) = closing(near(self.rest)).filter(|end| self.rest[..*end].ends_with(')'))
            {
                let sum = self.expanded(&self.rest[2..end - 1])?;
                self.rest = &self.rest[end + 1..];
                tokens.push(Token::Word { word: vec![Part::Text("let".into())], plain: true });
                tokens.push(Token::Word { word: sum, plain: false });
                continue;
            }
            if let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest.starts_with(operator)) {
                self.rest = &self.rest[operator.len()..];
                if operator == "<<" {
                    self.document_begins(&mut tokens)?;
                    continue;
                }
                if operator == "\n" {
                    self.read_documents(&mut tokens)?;
                }
                tokens.push(Token::Operator(operator));
                continue;
            }
            let (word, plain) = self.word()?;
            match word.as_slice() {
                [Part::Text(text)] if plain && text == "[[" => in_test = true,
                [Part::Text(text)] if plain && text == "]]" => in_test = false,
                [Part::Text(text)] if in_test && plain && text == "=~" => pattern_next = true,
                _ => {}
            }
            tokens.push(Token::Word { word, plain });
        }
    }

    /// A regular expression: up to the next space, with what is quoted standing for itself.
    fn pattern(&mut self) -> Option<Word> {
        let (mut word, mut text) = (Word::new(), String::new());
        while let Some(next) = self.rest.chars().next().filter(|next| !next.is_whitespace()) {
            let after = self.rest[next.len_utf8()..].chars().next();
            match next {
                '\'' => {
                    let end = self.rest[1..].find('\'')?;
                    text.push_str(&Regexp::quote(&self.rest[1..=end]));
                    self.rest = &self.rest[end + 2..];
                }
                '"' => {
                    let mut quoted = String::new();
                    self.rest = &self.rest[1..];
                    self.double_quoted(&mut word, &mut quoted)?;
                    text.push_str(&Regexp::quote(&quoted));
                }
                '$' if after.is_none_or(|after| !after.is_alphanumeric() && !"_{(".contains(after)) => {
                    text.push('$');
                    self.rest = &self.rest[1..];
                }
                '$' | '`' => self.expansion(&mut word, &mut text, true)?,
                '\\' => {
                    let escaped = after?;
                    text.extend(['\\', escaped]);
                    self.rest = &self.rest[1 + escaped.len_utf8()..];
                }
                _ => {
                    text.push(next);
                    self.rest = &self.rest[next.len_utf8()..];
                }
            }
        }
        word.push(Part::Text(text));
        Some(word)
    }

    /// `<<EOF`: what is read begins on the next line.
    fn document_begins(&mut self, tokens: &mut Vec<Token>) -> Option<()> {
        self.rest = self.rest.strip_prefix('-').unwrap_or(self.rest).trim_start_matches(' ');
        let (word, plain) = self.word()?;
        let [Part::Text(end)] = word.as_slice() else { return None };
        tokens.push(Token::Operator("<<<"));
        self.documents.push((tokens.len(), end.clone(), plain));
        tokens.push(Token::Word { word: Word::new(), plain: false });
        Some(())
    }

    fn read_documents(&mut self, tokens: &mut [Token]) -> Option<()> {
        for (at, end, expanded) in std::mem::take(&mut self.documents) {
            let mut body = String::new();
            loop {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                let over = self.rest.is_empty() || line.trim_start_matches('\t') == end;
                self.rest = rest;
                if over {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            let word = if expanded { self.expanded(&body)? } else { vec![Part::Text(body)] };
            tokens[at] = Token::Word { word, plain: false };
        }
        Some(())
    }

    /// A text in which variables and commands are replaced, and nothing else is special.
    fn expanded(&self, body: &str) -> Option<Word> {
        let quoted = format!("{}\"", body.replace('"', "\\\""));
        let mut inner = Lexer { rest: &quoted, documents: Vec::new(), depth: self.depth };
        let (mut word, mut text) = (Word::new(), String::new());
        inner.double_quoted(&mut word, &mut text)?;
        word.push(Part::Text(text));
        Some(word)
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
                    self.expansion(&mut word, &mut text, false)?;
                }
                '\\' if self.rest[1..].starts_with('\n') => self.rest = &self.rest[2..],
                '\\' => {
                    let escaped = self.rest.chars().nth(1)?;
                    text.push(escaped);
                    self.rest = &self.rest[1 + escaped.len_utf8()..];
                    plain = false;
                }
                '*' | '?' => {
                    if !text.is_empty() {
                        word.push(Part::Text(std::mem::take(&mut text)));
                    }
                    word.push(Part::Wild(next));
                    self.rest = &self.rest[1..];
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
                '$' | '`' => self.expansion(word, text, true)?,
                '\\' if self.rest[1..].starts_with('\n') => self.rest = &self.rest[2..],
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

    /// What stands between the braces of `${}`: a name, and what is done with its value.
    fn variable(&self, inner: &str, quoted: bool) -> Part {
        let (length, inner) = match inner.strip_prefix('#').filter(|rest| !rest.is_empty()) {
            Some(rest) => (true, rest),
            None => (false, inner),
        };
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut end = inner.find(|c| !named(c)).unwrap_or(inner.len());
        // An element of an array: `${BASH_REMATCH[1]}`.
        if inner[end..].starts_with('[')
            && let Some(close) = inner[end..].find(']')
        {
            end += close + 1;
        }
        if end == 0 && inner.starts_with(SPECIAL) {
            end = 1;
        }
        let (name, rest) = inner.split_at(end);
        if name.is_empty() {
            return Part::Unknown;
        }
        let operator = Change::OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
        let change = match (length, rest.is_empty(), operator) {
            (true, true, _) => Some(Change { operator: "length", word: Word::new() }),
            (false, true, _) => None,
            (false, false, Some(operator)) => {
                let Some(word) = self.expanded(&rest[operator.len()..].replace('"', "")) else {
                    return Part::Unknown;
                };
                Some(Change { operator, word })
            }
            _ => return Part::Unknown,
        };
        Part::Variable { name: name.into(), change: change.map(Box::new), quoted }
    }

    /// `$name`, `${name}`, `$((sum))`, `$(command)`, `` `command` ``.
    fn expansion(&mut self, word: &mut Word, text: &mut String, quoted: bool) -> Option<()> {
        let mut push = |part: Part| {
            if !text.is_empty() {
                word.push(Part::Text(std::mem::take(text)));
            }
            word.push(part);
        };
        if let Some(after) = self.rest.strip_prefix('`') {
            let end = after.find('`')?;
            push(substituted(&after[..end], quoted, self.depth));
            self.rest = &after[end + 1..];
            return Some(());
        }
        let after = self.rest.strip_prefix('$')?;
        if after.starts_with("((") {
            let end = closing(after).filter(|end| after[..*end].ends_with(')'))?;
            push(Part::Sum(self.expanded(&after[2..end - 1])?));
            self.rest = &after[end + 1..];
        } else if after.starts_with('(') {
            let end = closing(after)?;
            push(substituted(&after[1..end], quoted, self.depth));
            self.rest = &after[end + 1..];
        } else if after.starts_with('{') {
            let end = closing_brace(after)?;
            push(self.variable(&after[1..end], quoted));
            self.rest = &after[end + 1..];
        } else {
            let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c: char| !named(c)).unwrap_or(after.len());
            match after.chars().next() {
                Some(c) if SPECIAL.contains(&c) || c.is_ascii_digit() => {
                    push(Part::variable(&after[..1], quoted));
                    self.rest = &after[1..];
                }
                _ if end > 0 => {
                    push(Part::variable(&after[..end], quoted));
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

/// The beginning of a text, as far as a sum may go.
fn near(text: &str) -> &str {
    const MAX: usize = 1_024;
    let end = (0..=MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// Where the brace that opens `text` is closed.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0u32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// What stands for the output of a command. Of one that the shell cannot read, nothing can be known.
fn substituted(command: &str, quoted: bool, depth: u32) -> Part {
    // `$(<file)` is what the file says.
    let file = command.trim().strip_prefix('<').filter(|rest| !rest.starts_with('<'));
    let program = match file {
        Some(file) => compile_within(&format!("cat < {file}"), depth + 1),
        None => compile_within(command, depth + 1),
    };
    program.map_or(Part::Unknown, |program| Part::Command { program, quoted })
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
pub fn counted(command: &str) -> Option<String> {
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
