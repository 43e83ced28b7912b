//! Commands of several: `if`, `case`, `[[ ]]`, loops and subshells.

use super::super::conditions::Condition;
use super::super::lexer::{Token, counted};
use super::super::{Op, Part, Redirected, Word};
use super::{Compiler, nothing, run};

impl Compiler {
    pub(super) fn compound(&mut self, checked: bool) -> Option<()> {
        if self.eat_operator("(") {
            let start = self.ops.len();
            let loops = std::mem::take(&mut self.loops);
            self.list(&[], checked)?;
            self.loops = loops;
            let program = self.take_from(start);
            self.push(Op::Subshell { program, redirected: Redirected::default(), checked })?;
            return self.eat_operator(")").then_some(());
        }
        match self.peek_plain() {
            Some("{") => {
                self.at += 1;
                self.list(&["}"], checked)?;
                self.eat_word("}")?;
            }
            Some("if") => self.branch(checked)?,
            Some("while") => self.repeat(true, checked)?,
            Some("until") => self.repeat(false, checked)?,
            Some("case") => self.case(checked)?,
            _ => self.each(checked)?,
        }
        Some(())
    }

    fn branch(&mut self, checked: bool) -> Option<()> {
        let mut ends = Vec::new();
        self.at += 1;
        loop {
            self.list(&["then"], true)?;
            self.eat_word("then")?;
            let otherwise = self.push(Op::IfFailed(0))?;
            self.list(&["elif", "else", "fi"], checked)?;
            ends.push(self.push(Op::Jump(0))?);
            self.land(otherwise);
            if self.eat_word("elif").is_some() {
                continue;
            }
            if self.eat_word("else").is_some() {
                self.list(&["fi"], checked)?;
            } else {
                // Without a branch taken, `if` succeeds.
                self.push(nothing())?;
            }
            self.eat_word("fi")?;
            ends.into_iter().for_each(|end| self.land(end));
            return Some(());
        }
    }

    /// `case word in pattern|pattern) commands;; esac`.
    fn case(&mut self, checked: bool) -> Option<()> {
        self.at += 1;
        let Some(Token::Word { word, .. }) = self.tokens.get(self.at) else { return None };
        let value = word.clone();
        self.at += 1;
        self.push(Op::Case(value))?;
        self.skip_lines();
        self.eat_word("in")?;
        let mut ends = Vec::new();
        loop {
            self.skip_lines();
            if self.eat_word("esac").is_some() {
                break;
            }
            self.eat_operator("(");
            let mut patterns = Vec::new();
            while let Some(Token::Word { word, .. }) = self.tokens.get(self.at) {
                patterns.push(word.clone());
                self.at += 1;
                if !self.eat_operator("|") {
                    break;
                }
            }
            if !self.eat_operator(")") {
                return None;
            }
            let otherwise = self.push(Op::Unless(patterns, 0))?;
            self.list(&["esac"], checked)?;
            self.eat_operator(";;");
            ends.push(self.push(Op::Jump(0))?);
            self.land(otherwise);
        }
        ends.into_iter().for_each(|end| self.land(end));
        self.push(Op::EndCase)?;
        Some(())
    }

    /// What stands in `[[ ]]`: conditions with `||`,
    pub(super) fn either(&mut self) -> Option<Condition> {
        let mut condition = self.both()?;
        while self.eat_operator("||") {
            condition = Condition::Either(Box::new((condition, self.both()?)));
        }
        Some(condition)
    }

    /// with `&&`,
    fn both(&mut self) -> Option<Condition> {
        let mut condition = self.one()?;
        while self.eat_operator("&&") {
            condition = Condition::Both(Box::new((condition, self.one()?)));
        }
        Some(condition)
    }

    /// and single ones.
    fn one(&mut self) -> Option<Condition> {
        while self.eat_operator("\n") {}
        if self.eat_word("!").is_some() {
            return Some(Condition::Not(Box::new(self.one()?)));
        }
        if self.eat_operator("(") {
            let condition = self.either()?;
            return self.eat_operator(")").then_some(condition);
        }
        let mut words = Vec::new();
        loop {
            match self.tokens.get(self.at) {
                Some(Token::Word { .. }) if self.peek_plain() == Some("]]") => break,
                Some(Token::Word { word, .. }) => words.push(word.clone()),
                Some(Token::Operator(sign @ ("<" | ">"))) => words.push(vec![Part::Text((*sign).into())]),
                _ => break,
            }
            self.at += 1;
        }
        while self.eat_operator("\n") {}
        (1..=3).contains(&words.len()).then_some(Condition::Words(words))
    }

    fn repeat(&mut self, while_ok: bool, checked: bool) -> Option<()> {
        self.at += 1;
        let top = self.ops.len();
        self.list(&["do"], true)?;
        self.eat_word("do")?;
        let out = self.push(if while_ok { Op::IfFailed(0) } else { Op::IfOk(0) })?;
        self.body((top, out), nothing(), checked)
    }

    /// A loop's body up to `done`: from there back to `top`; `out` leads behind it, to `end`.
    fn body(&mut self, (top, out): (usize, usize), end: Op, checked: bool) -> Option<()> {
        self.loops.push((top, vec![out]));
        self.list(&["done"], checked)?;
        self.eat_word("done")?;
        self.push(Op::Jump(top))?;
        self.end_loop();
        self.push(end)?;
        Some(())
    }

    /// The jumps out of the innermost loop lead here.
    fn end_loop(&mut self) {
        let leaving = self.loops.pop().map(|(_, leaving)| leaving).unwrap_or_default();
        leaving.into_iter().for_each(|jump| self.land(jump));
    }

    /// `for ((i = 0; i < 3; i++))`.
    fn count(&mut self, checked: bool) -> Option<()> {
        self.at += 1;
        let Some(Token::Word { word, .. }) = self.tokens.get(self.at) else { return None };
        let mut parts: Vec<Word> = vec![Word::new()];
        for part in word {
            let Part::Text(text) = part else {
                parts.last_mut()?.push(part.clone());
                continue;
            };
            for (at, piece) in text.split(';').enumerate() {
                if at > 0 {
                    parts.push(Word::new());
                }
                parts.last_mut()?.push(Part::Text(piece.to_string()));
            }
        }
        let [first, condition, step] = <[Word; 3]>::try_from(parts).ok()?;
        self.at += 1;
        let reckon = |sum: Word| run(vec![vec![Part::Text("let".into())], sum], Redirected::default(), true);
        self.push(reckon(first))?;
        let into = self.push(Op::Jump(0))?;
        let top = self.push(reckon(step))?;
        self.land(into);
        self.push(reckon(condition))?;
        let out = self.push(Op::IfFailed(0))?;
        self.skip_lines();
        self.eat_word("do")?;
        self.body((top, out), nothing(), checked)
    }

    /// `for`: the body once for each word, one after the other.
    fn each(&mut self, checked: bool) -> Option<()> {
        self.at += 1;
        if self.peek_plain() == Some("let") {
            return self.count(checked);
        }
        let name = self.peek_plain()?.to_string();
        self.at += 1;
        let mut items: Vec<Word> = Vec::new();
        if self.eat_word("in").is_none() {
            items.push(vec![Part::variable("@", true)]);
        }
        while let Some(Token::Word { word, plain }) = self.tokens.get(self.at) {
            match word.as_slice() {
                [Part::Text(text)] if *plain => items.extend(brace(text)),
                _ => items.push(word.clone()),
            }
            self.at += 1;
        }
        self.skip_lines();
        self.eat_word("do")?;
        self.push(Op::Each(items))?;
        let top = self.push(Op::Next(name, 0))?;
        self.body((top, top), Op::EndEach, checked)
    }
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
