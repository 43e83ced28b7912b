//! Regular expressions as far as schemas use them: the syntax of Go's `regexp` (RE2) without Unicode's classes by name. Whether a
//! text matches is found in one pass over it, with all alternatives at once, so that no pattern takes long.

/// A pattern, compiled.
pub struct Regexp {
    program: Vec<Step>,
}

/// More steps than this are not compiled: Go, too, refuses repetitions that grow too large.
const STEPS_MAX: usize = 20_000;
/// The most often that something can be repeated by number.
const REPEAT_MAX: u32 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    One(Class),
    Begin {
        line: bool,
    },
    End {
        line: bool,
    },
    Boundary {
        is: bool,
    },
    /// Goes on at both places.
    Split(usize, usize),
    Jump(usize),
    Match,
}

/// Letters: some ranges, or all but those.
#[derive(Clone, Debug, Default)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
    /// Whether upper and lower case are one.
    fold: bool,
}

impl Class {
    fn has(&self, letter: char) -> bool {
        let within = |letter: char| self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter));
        let found = within(letter)
            || (self.fold && (within(letter.to_ascii_lowercase()) || within(letter.to_ascii_uppercase())));
        found != self.negated
    }
}

enum Node {
    Empty,
    One(Class),
    At(Step),
    All(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
}

impl Regexp {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in Go's words.
    pub fn new(pattern: &str) -> Result<Regexp, String> {
        let mut parser = Parser { pattern, rest: pattern, flags: Flags::default() };
        let node = parser.alternatives().and_then(|node| match parser.rest.is_empty() {
            true => Ok(node),
            false => Err(format!("unexpected ): `{pattern}`")),
        });
        let node = node.map_err(|why| format!("error parsing regexp: {why}"))?;
        let mut program = Vec::new();
        compile(&node, &mut program)
            .map_err(|()| format!("error parsing regexp: expression too large: `{pattern}`"))?;
        program.push(Step::Match);
        Ok(Regexp { program })
    }

    /// Whether some part of a text matches.
    pub fn is_match(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let mut now = Threads::of(self.program.len());
        let mut next = Threads::of(self.program.len());
        for at in 0..=letters.len() {
            if self.follow(0, at, &letters, &mut now) {
                return true;
            }
            let Some(letter) = letters.get(at) else { return false };
            for place in std::mem::take(&mut now.waiting) {
                if matches!(&self.program[place], Step::One(class) if class.has(*letter))
                    && self.follow(place + 1, at + 1, &letters, &mut next)
                {
                    return true;
                }
            }
            std::mem::swap(&mut now, &mut next);
            next.clear();
        }
        false
    }

    /// Goes from a place to all the places at which a letter is waited for; whether one of them is the end.
    fn follow(&self, from: usize, at: usize, letters: &[char], threads: &mut Threads) -> bool {
        let mut open = vec![from];
        let word = |at: Option<usize>| {
            at.and_then(|at| letters.get(at))
                .is_some_and(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        };
        let newline = |at: Option<usize>| at.and_then(|at| letters.get(at)) == Some(&'\n');
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut threads.seen[place], true) {
                continue;
            }
            let passes = match &self.program[place] {
                Step::Match => return true,
                Step::One(_) => {
                    threads.waiting.push(place);
                    continue;
                }
                Step::Jump(to) => {
                    open.push(*to);
                    continue;
                }
                Step::Split(one, other) => {
                    open.extend([*one, *other]);
                    continue;
                }
                Step::Begin { line } => at == 0 || (*line && newline(at.checked_sub(1))),
                Step::End { line } => at == letters.len() || (*line && newline(Some(at))),
                Step::Boundary { is } => (word(at.checked_sub(1)) != word(Some(at))) == *is,
            };
            if passes {
                open.push(place + 1);
            }
        }
        false
    }
}

/// The places in a program that have been reached.
struct Threads {
    waiting: Vec<usize>,
    seen: Vec<bool>,
}

impl Threads {
    fn of(len: usize) -> Threads {
        Threads { waiting: Vec::new(), seen: vec![false; len] }
    }

    fn clear(&mut self) {
        self.waiting.clear();
        self.seen.fill(false);
    }
}

fn compile(node: &Node, program: &mut Vec<Step>) -> Result<(), ()> {
    if program.len() > STEPS_MAX {
        return Err(());
    }
    match node {
        Node::Empty => {}
        Node::One(class) => program.push(Step::One(class.clone())),
        Node::At(step) => program.push(step.clone()),
        Node::All(nodes) => nodes.iter().try_for_each(|node| compile(node, program))?,
        Node::Either(nodes) => {
            let mut ends = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                let split = program.len();
                let last = index + 1 == nodes.len();
                if !last {
                    program.push(Step::Match);
                }
                compile(node, program)?;
                if !last {
                    ends.push(program.len());
                    program.push(Step::Match);
                    program[split] = Step::Split(split + 1, program.len());
                }
            }
            let end = program.len();
            ends.into_iter().for_each(|place| program[place] = Step::Jump(end));
        }
        Node::Repeat(node, least, most) => {
            (0..*least).try_for_each(|_| compile(node, program))?;
            let split = program.len();
            match most {
                None => {
                    program.push(Step::Match);
                    compile(node, program)?;
                    program.push(Step::Jump(split));
                    program[split] = Step::Split(split + 1, program.len());
                }
                Some(most) => {
                    let mut splits = Vec::new();
                    for _ in *least..*most {
                        splits.push(program.len());
                        program.push(Step::Match);
                        compile(node, program)?;
                    }
                    let end = program.len();
                    splits.into_iter().for_each(|at| program[at] = Step::Split(at + 1, end));
                }
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    lines: bool,
    dot_is_all: bool,
}

struct Parser<'p> {
    pattern: &'p str,
    rest: &'p str,
    flags: Flags,
}

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

impl Parser<'_> {
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

    fn alternatives(&mut self) -> Result<Node, String> {
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
        // Whether it takes much or little first does not matter to whether it matches.
        self.skip("?");
        let node = Node::Repeat(Box::new(node), least, most);
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
                Ok(Node::One(Class { ranges, negated: true, fold: false }))
            }
            '(' => self.group(before),
            '[' => self.class(before).map(Node::One),
            '\\' => self.escape(before),
            '*' | '+' | '?' => Err(format!("missing argument to repetition operator: `{}`", &before[..1])),
            letter => Ok(self.one(&[(letter, letter)], false)),
        }
    }

    fn one(&self, ranges: &[(char, char)], negated: bool) -> Node {
        Node::One(Class { ranges: ranges.to_vec(), negated, fold: self.flags.fold })
    }

    fn group(&mut self, before: &str) -> Result<Node, String> {
        let outer = self.flags;
        if self.skip("?P<")
            || (!self.rest.starts_with("?<=") && !self.rest.starts_with("?<!") && self.skip("?<"))
        {
            let Some((_, rest)) = self.rest.split_once('>') else {
                return Err(format!("invalid named capture: `{before}`"));
            };
            self.rest = rest;
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
        }
        let node = self.alternatives()?;
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
            letter => match perl_class(letter) {
                Some((ranges, negated)) => self.one(ranges, negated),
                None => {
                    let letter = self.escaped(letter, before)?;
                    self.one(&[(letter, letter)], false)
                }
            },
        })
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
                let known = NAMED.iter().find(|(known, _)| *known == name);
                let (_, ranges) =
                    known.ok_or_else(|| format!("invalid character class range: `[:{name}:]`"))?;
                class.ranges.extend(*ranges);
                self.rest = rest;
                continue;
            }
            let written = self.rest;
            let mut letter = self.take().ok_or_else(missing)?;
            if letter == '\\' {
                let escaped = self.take().ok_or_else(missing)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_gos_do() {
        let cases = [
            (r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$", "* * * * */5", true),
            (r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$", "* * * *", false),
            ("b", "abc", true),
            ("^b", "abc", false),
            ("^$", "", true),
            ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "web-1", true),
            ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "web-", false),
            (r"^[^\s/]+$", "a/b", false),
            (r"^[\w.-]+@[[:alpha:]]+\.com$", "a.b-c@d.com", true),
            ("^(?i)abc$", "aBC", true),
            ("^(?:ab|cd){2,3}$", "abcdab", true),
            ("^(?:ab|cd){2,3}$", "ab", false),
            ("^a.c$", "a\nc", false),
            ("(?s)^a.c$", "a\nc", true),
            (r"\bfoo\b", "a foo b", true),
            (r"\bfoo\b", "afoo b", false),
            (r"^\x41\x{42}$", "AB", true),
            (r"^a{,2}$", "a{,2}", true),
            ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("^]$|^[]]$", "]", true),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(Regexp::new(pattern).unwrap().is_match(text), want, "{pattern} {text:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let cases = [
            ("a(b", "missing closing ): `a(b`"),
            ("a)b", "unexpected ): `a)b`"),
            ("[a", "missing closing ]: `[a`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2000}", "invalid repeat count: `{2000}`"),
            (r"\y", r"invalid escape sequence: `\y`"),
        ];
        for (pattern, want) in cases {
            assert_eq!(
                Regexp::new(pattern).err(),
                Some(format!("error parsing regexp: {want}")),
                "{pattern}"
            );
        }
    }
}
