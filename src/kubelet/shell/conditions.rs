//! `[[ ]]`, `case` and what is done to the values of variables: everything that compares with patterns.

use super::{Change, Process, Word, World, arithmetic};
use crate::api::regexp::Regexp;

/// What stands in `[[ ]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Up to three words: `-f path`, `a == b`.
    Words(Vec<Word>),
    /// Not that.
    Not(Box<Condition>),
    /// Both; the second is looked at only if the first holds.
    Both(Box<(Condition, Condition)>),
    /// One of them; the second is looked at only if the first does not hold.
    Either(Box<(Condition, Condition)>),
}

impl Change {
    /// All of them, longest first where one begins like another.
    pub(super) const OPERATORS: [&'static str; 18] =
        [":-", ":=", ":+", ":?", "##", "%%", "//", "^^", ",,", "-", "=", "+", "?", "#", "%", "/", "^", ":"];
}

/// A glob as a regular expression that holds for whole texts.
fn glob(pattern: &str) -> Option<Regexp> {
    let mut text = String::from("(?s)^");
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '[' if letters.clone().any(|letter| letter == ']') => {
                text.push('[');
                if letters.next_if(|next| *next == '!').is_some() {
                    text.push('^');
                }
                for letter in letters.by_ref() {
                    text.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            '\\' => text.push_str(&literal(letters.next().unwrap_or('\\'))),
            letter => text.push_str(&literal(letter)),
        }
    }
    text.push('$');
    Regexp::new(&text).ok()
}

fn literal(letter: char) -> String {
    if letter.is_ascii_punctuation() { format!("\\{letter}") } else { letter.to_string() }
}

/// Whether a text fits a glob.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    glob(pattern).is_some_and(|pattern| pattern.is_match(text))
}

/// A word as `set -x` shows it.
pub(super) fn shown(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

impl Process {
    /// Whether a condition holds.
    pub(super) fn judge_condition(&mut self, condition: &Condition, world: World<'_>) -> bool {
        match condition {
            Condition::Not(one) => !self.judge_condition(one, world),
            Condition::Both(two) => {
                self.judge_condition(&two.0, world) && self.judge_condition(&two.1, world)
            }
            Condition::Either(two) => {
                self.judge_condition(&two.0, world) || self.judge_condition(&two.1, world)
            }
            Condition::Words(words) => {
                let words: Vec<Option<String>> = words.iter().map(|word| self.expand(word, world)).collect();
                let known: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
                self.trace_condition(&known);
                match known.as_slice() {
                    [text, "=~", pattern] => self.match_pattern(text, pattern),
                    [text, "=" | "==", pattern] => fits(pattern, text),
                    [text, "!=", pattern] => !fits(pattern, text),
                    [a, "<", b] => a < b,
                    [a, ">", b] => a > b,
                    [a, compares @ ("-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge"), b] => {
                        let number = |text: &str| arithmetic::value(text, &self.variables);
                        let numbers = [a, b].map(|text| Some(number(text).unwrap_or(0).to_string()));
                        let [a, b] = numbers;
                        self.holds(&[a, Some((*compares).to_string()), b])
                    }
                    ["-v", name] => self.variables.contains_key(*name),
                    _ => self.holds(&words),
                }
            }
        }
    }

    fn trace_condition(&mut self, words: &[&str]) {
        let shown: Vec<String> = words
            .iter()
            .map(|word| if word.is_empty() { "''".into() } else { (*word).to_string() })
            .collect();
        let mut line = vec!["[["];
        line.extend(shown.iter().map(String::as_str));
        line.push("]]");
        self.trace(&line);
    }

    /// `=~`: the groups are in `BASH_REMATCH` from then on.
    fn match_pattern(&mut self, text: &str, pattern: &str) -> bool {
        let found = Regexp::new(pattern).ok().and_then(|pattern| pattern.find(text));
        self.variables.retain(|name, _| !name.starts_with("BASH_REMATCH"));
        let Some(places) = found else { return false };
        for (number, place) in places.iter().enumerate() {
            let group = place.map_or("", |(from, to)| &text[from..to]);
            if number == 0 {
                self.variables.insert("BASH_REMATCH".into(), group.into());
            }
            self.variables.insert(format!("BASH_REMATCH[{number}]"), group.into());
        }
        true
    }

    /// The value of a variable with something done to it. `None`: what it is done with cannot be known.
    pub(super) fn change(
        &mut self,
        name: &str,
        value: Option<String>,
        change: &Change,
        world: World<'_>,
    ) -> Option<String> {
        let word = self.expand(&change.word, world)?;
        let operator = change.operator;
        // With a colon, a variable that is empty counts as none.
        let there = value.as_ref().is_some_and(|value| !operator.starts_with(':') || !value.is_empty());
        let text = value.unwrap_or_default();
        Some(match operator {
            ":-" | "-" => {
                if there {
                    text
                } else {
                    word
                }
            }
            ":=" | "=" => {
                let result = if there { text } else { word };
                self.variables.insert(name.into(), result.clone());
                result
            }
            ":+" | "+" => {
                if there {
                    word
                } else {
                    String::new()
                }
            }
            ":?" | "?" => {
                if !there {
                    let what = if word.is_empty() { "parameter not set" } else { &word };
                    self.complain(&format!("sh: {name}: {what}\n"));
                    self.status = 1;
                    self.at = self.program.0.len();
                }
                text
            }
            "length" => text.chars().count().to_string(),
            "#" | "##" => cut_start(&text, &word, operator.len() > 1),
            "%" | "%%" => cut_end(&text, &word, operator.len() > 1),
            "/" | "//" => replace(&text, &word, operator.len() > 1),
            "^^" => text.to_uppercase(),
            ",," => text.to_lowercase(),
            "^" => {
                let mut letters = text.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
            _ => {
                let (from, length) = word.split_once(':').unwrap_or((&word, ""));
                let from = usize::try_from(arithmetic::value(from, &self.variables)?).ok()?;
                let length = match length {
                    "" => usize::MAX,
                    length => usize::try_from(arithmetic::value(length, &self.variables)?).ok()?,
                };
                text.chars().skip(from).take(length).collect()
            }
        })
    }
}

/// All places between two letters.
fn places(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

fn cut_start(text: &str, pattern: &str, longest: bool) -> String {
    let Some(pattern) = glob(pattern) else { return text.into() };
    let fits = |at: &&usize| pattern.is_match(&text[..**at]);
    let places = places(text);
    let found = if longest { places.iter().rev().find(fits) } else { places.iter().find(fits) };
    found.map_or(text, |at| &text[*at..]).into()
}

fn cut_end(text: &str, pattern: &str, longest: bool) -> String {
    let Some(pattern) = glob(pattern) else { return text.into() };
    let fits = |at: &&usize| pattern.is_match(&text[**at..]);
    let places = places(text);
    let found = if longest { places.iter().find(fits) } else { places.iter().rev().find(fits) };
    found.map_or(text, |at| &text[..*at]).into()
}

/// `pattern/other`.
fn replace(text: &str, word: &str, everywhere: bool) -> String {
    let (from, to) = word.split_once('/').unwrap_or((word, ""));
    if from.is_empty() {
        return text.into();
    }
    if everywhere { text.replace(from, to) } else { text.replacen(from, to, 1) }
}
