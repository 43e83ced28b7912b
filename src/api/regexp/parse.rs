//! From the text of a pattern to its parts.

use std::sync::Arc;

use super::{Class, Node, REPEAT_MAX, Step, unicode};

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    lines: bool,
    dot_is_all: bool,
}

/// Reads a pattern.
pub struct Parser<'p> {
    pattern: &'p str,
    /// What has not been read yet.
    pub rest: &'p str,
    flags: Flags,
    /// How many groups have been read.
    pub groups: usize,
    /// Groups around.
    depth: u32,
}

/// Groups within groups; Go allows more.
const DEPTH_MAX: u32 = 200;

const DIGITS: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACE: &[(char, char)] = &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];
/// `[[:alpha:]]` and the like.
const NAMED: &[(&str, &[(char, char)])] = &[
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("digit", DIGITS),
    ("lower", &[('a', 'z')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

impl<'p> Parser<'p> {
    /// Begins with a pattern.
    pub fn new(pattern: &'p str) -> Parser<'p> {
        Parser { pattern, rest: pattern, flags: Flags::default(), groups: 0, depth: 0 }
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn skip(&mut self, text: &str) -> bool {
        let found = self.rest.starts_with(text);
        if found {
            self.rest = &self.rest[text.len()..];
        }
        found
    }

    /// The whole pattern, or what stands in a group.
    pub fn alternatives(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.sequence()?];
        while self.skip("|") {
            nodes.push(self.sequence()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Either(nodes) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let node = self.atom()?;
            nodes.push(self.repeated(node)?);
        }
        Ok(Node::All(nodes))
    }

    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let before = self.rest;
        let range = match self.rest.chars().next() {
            Some('*') => Some((0, None)),
            Some('+') => Some((1, None)),
            Some('?') => Some((0, Some(1))),
            Some('{') => self.counts(),
            _ => None,
        };
        let Some((least, most)) = range else { return Ok(node) };
        if !before.starts_with('{') {
            self.take();
        }
        let written = &before[..before.len() - self.rest.len()];
        if least > REPEAT_MAX || most.is_some_and(|most| most > REPEAT_MAX || most < least) {
            return Err(format!("invalid repeat count: `{written}`"));
        }
        let often = !self.skip("?");
        let node = Node::Repeat(Box::new(node), least, most, often);
        match self.rest.starts_with(['*', '+', '?']) {
            true => Err(format!("invalid nested repetition operator: `{written}{}`", &self.rest[..1])),
            false => Ok(node),
        }
    }

    /// `{2}`, `{2,}`, `{2,5}`; anything else in braces stands for itself.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let (inside, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        let counts = match inside.split_once(',') {
            None => inside.parse().ok().map(|count| (count, Some(count))),
            Some((least, "")) => least.parse().ok().map(|least| (least, None)),
            Some((least, most)) => least.parse().ok().zip(most.parse().ok().map(Some)),
        }?;
        self.rest = rest;
        Some(counts)
    }

    fn atom(&mut self) -> Result<Node, String> {
        let before = self.rest;
        let flags = self.flags;
        match self.take().unwrap_or_default() {
            '^' => Ok(Node::At(Step::Begin { line: flags.lines })),
            '$' => Ok(Node::At(Step::End { line: flags.lines })),
            '.' => {
                let ranges = if flags.dot_is_all { Vec::new() } else { vec![('\n', '\n')] };
                Ok(Node::One(Arc::new(Class { ranges, negated: true, ..Class::default() })))
            }
            '(' => self.group(before),
            '[' => self.class(before).map(|class| Node::One(Arc::new(class))),
            '\\' => self.escape(before),
            '*' | '+' | '?' => Err(format!("missing argument to repetition operator: `{}`", &before[..1])),
            letter => Ok(self.one(&[(letter, letter)], false)),
        }
    }

    fn one(&self, ranges: &[(char, char)], negated: bool) -> Node {
        let class = Class { ranges: ranges.to_vec(), negated, fold: self.flags.fold, ..Class::default() };
        Node::One(Arc::new(class))
    }

    fn next_group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    fn group(&mut self, before: &str) -> Result<Node, String> {
        let outer = self.flags;
        let mut number = None;
        if self.skip("?P<")
            || (!self.rest.starts_with("?<=") && !self.rest.starts_with("?<!") && self.skip("?<"))
        {
            let Some((name, rest)) = self.rest.split_once('>') else {
                return Err(format!("invalid named capture: `{before}`"));
            };
            self.rest = rest;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                let written = &before[..before.len() - rest.len()];
                return Err(format!("invalid named capture: `{written}`"));
            }
            number = Some(self.next_group());
        } else if self.skip("?") {
            let mut on = true;
            loop {
                match self.take() {
                    Some('i') => self.flags.fold = on,
                    Some('m') => self.flags.lines = on,
                    Some('s') => self.flags.dot_is_all = on,
                    Some('U') => {}
                    Some('-') => on = false,
                    Some(':') => break,
                    // The flags hold to the end of the group around.
                    Some(')') => return Ok(Node::Empty),
                    _ => {
                        let written = &before[..before.len() - self.rest.len()];
                        return Err(format!("invalid or unsupported Perl syntax: `{written}`"));
                    }
                }
            }
        } else {
            number = Some(self.next_group());
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("expression nests too deeply: `{}`", self.pattern));
        }
        let node = self.alternatives()?;
        self.depth -= 1;
        let node = match number {
            Some(number) => Node::Group(number, Box::new(node)),
            None => node,
        };
        self.flags = outer;
        match self.skip(")") {
            true => Ok(node),
            false => Err(format!("missing closing ): `{}`", self.pattern)),
        }
    }

    fn escape(&mut self, before: &str) -> Result<Node, String> {
        let Some(letter) = self.take() else {
            return Err("trailing backslash at end of expression: ``".into());
        };
        Ok(match letter {
            'A' => Node::At(Step::Begin { line: false }),
            'z' => Node::At(Step::End { line: false }),
            'b' => Node::At(Step::Boundary { is: true }),
            'B' => Node::At(Step::Boundary { is: false }),
            'Q' => {
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                Node::All(quoted.chars().map(|letter| self.one(&[(letter, letter)], false)).collect())
            }
            'p' | 'P' => {
                let named = vec![self.unicode_class(letter == 'P', before)?];
                Node::One(Arc::new(Class { named, fold: self.flags.fold, ..Class::default() }))
            }
            letter => match perl_class(letter) {
                Some((ranges, negated)) => self.one(ranges, negated),
                None => {
                    let letter = self.escaped(letter, before)?;
                    self.one(&[(letter, letter)], false)
                }
            },
        })
    }

    /// A class of letters by its name, `all_but` being what the letter before it says.
    fn unicode_class(&mut self, all_but: bool, before: &str) -> Result<(unicode::Test, bool), String> {
        let Some((test, negated, rest)) = unicode::class(self.rest) else {
            let end = before.find('}').map_or(before.len(), |end| end + 1);
            return Err(format!("invalid character class range: `{}`", &before[..end]));
        };
        self.rest = rest;
        Ok((test, negated != all_but))
    }

    /// The letter that an escape stands for, `letter` being what follows the backslash.
    fn escaped(&mut self, letter: char, before: &str) -> Result<char, String> {
        let invalid = || format!("invalid escape sequence: `{}`", before.chars().take(2).collect::<String>());
        Ok(match letter {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => {
                let digits = match self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                    Some((digits, rest)) => {
                        self.rest = rest;
                        digits
                    }
                    None => {
                        let digits = self.rest.get(..2).ok_or_else(invalid)?;
                        self.rest = &self.rest[2..];
                        digits
                    }
                };
                u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or_else(invalid)?
            }
            // One digit alone would be a group from before, of which there are none.
            '0'..='7' if letter == '0' || self.rest.starts_with(|next| matches!(next, '0'..='7')) => {
                let more = self.rest.chars().take(2).take_while(|next| matches!(next, '0'..='7')).count();
                let (digits, rest) = self.rest.split_at(more);
                self.rest = rest;
                u32::from_str_radix(&format!("{letter}{digits}"), 8)
                    .ok()
                    .and_then(char::from_u32)
                    .ok_or_else(invalid)?
            }
            letter if letter.is_ascii_punctuation() => letter,
            _ => return Err(invalid()),
        })
    }

    fn class(&mut self, before: &str) -> Result<Class, String> {
        let missing = || format!("missing closing ]: `{before}`");
        let mut class = Class { negated: self.skip("^"), fold: self.flags.fold, ..Class::default() };
        let mut first = true;
        loop {
            if !first && self.skip("]") {
                return Ok(class);
            }
            first = false;
            if let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
                let (plain, all_but) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
                let known = NAMED.iter().find(|(known, _)| *known == plain);
                let (_, ranges) =
                    known.ok_or_else(|| format!("invalid character class range: `[:{name}:]`"))?;
                class.ranges.extend(if all_but { outside(ranges) } else { ranges.to_vec() });
                self.rest = rest;
                continue;
            }
            let written = self.rest;
            let mut letter = self.take().ok_or_else(missing)?;
            if letter == '\\' {
                let escaped = self.take().ok_or_else(missing)?;
                if matches!(escaped, 'p' | 'P') {
                    class.named.push(self.unicode_class(escaped == 'P', written)?);
                    continue;
                }
                if let Some((ranges, negated)) = perl_class(escaped) {
                    class.ranges.extend(if negated { outside(ranges) } else { ranges.to_vec() });
                    continue;
                }
                letter = self.escaped(escaped, written)?;
            }
            let mut last = letter;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.take();
                last = self.take().ok_or_else(missing)?;
                if last == '\\' {
                    let escaped = self.take().ok_or_else(missing)?;
                    last = self.escaped(escaped, written)?;
                }
                if last < letter {
                    let written = &written[..written.len() - self.rest.len()];
                    return Err(format!("invalid character class range: `{written}`"));
                }
            }
            class.ranges.push((letter, last));
        }
    }
}

/// `\d`, `\W` and the like: ranges, and whether it is all but those.
fn perl_class(letter: char) -> Option<(&'static [(char, char)], bool)> {
    let ranges = match letter.to_ascii_lowercase() {
        'd' => DIGITS,
        'w' => WORD,
        's' => SPACE,
        _ => return None,
    };
    Some((ranges, letter.is_ascii_uppercase()))
}

/// All letters but those of some ranges in order.
fn outside(ranges: &[(char, char)]) -> Vec<(char, char)> {
    let near = |letter: char, step: i32| char::from_u32((letter as i32 + step) as u32).unwrap_or(letter);
    let mut found = Vec::new();
    let mut from = '\0';
    for (start, end) in ranges {
        if from < *start {
            found.push((from, near(*start, -1)));
        }
        from = near(*end, 1);
    }
    found.push((from, char::MAX));
    found
}
