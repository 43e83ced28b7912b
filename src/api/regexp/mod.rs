//! Regular expressions as far as schemas and shells use them: the syntax of Go's `regexp` (RE2).
//! Whether a text matches is found in one pass over it, with all alternatives at once, so that no pattern takes long; where in
//! it, by trying them in turn, and nothing twice.

mod parse;
#[cfg(test)]
mod tests;
mod unicode;

use std::sync::Arc;

use parse::Parser;

/// A pattern, compiled.
pub struct Regexp {
    program: Vec<Step>,
    groups: usize,
    /// Whether upper and lower case are one everywhere.
    fold: bool,
}

/// Where a match and each of its groups lie in a text, in bytes; a group that has no part in the match is `None`.
pub type Places = Vec<Option<(usize, usize)>>;

/// Places of a pattern times places of a text that are looked at to find where it matches.
const TRIES_MAX: usize = 1 << 22;

/// More steps than this are not compiled: Go, too, refuses repetitions that grow too large.
const STEPS_MAX: usize = 20_000;
/// The most often that something can be repeated by number.
const REPEAT_MAX: u32 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    /// Shared, as a repetition has many steps that take the same letters.
    One(Arc<Class>),
    Begin {
        line: bool,
    },
    End {
        line: bool,
    },
    Boundary {
        is: bool,
    },
    /// Goes on at both places, rather at the first.
    Split(usize, usize),
    /// A group begins (even) or ends (odd).
    Mark(usize),
    Jump(usize),
    Match,
}

/// Letters: some ranges, or all but those.
#[derive(Clone, Debug, Default)]
struct Class {
    ranges: Vec<(char, char)>,
    /// Classes by name, and whether all letters but theirs are meant.
    named: Vec<(unicode::Test, bool)>,
    negated: bool,
    /// Whether upper and lower case are one.
    fold: bool,
}

impl Class {
    fn has(&self, letter: char, fold: bool) -> bool {
        let within = |letter: char| {
            self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter))
                || self.named.iter().any(|(test, all_but)| test(letter) != *all_but)
        };
        let found = within(letter)
            || ((self.fold || fold)
                && (within(letter.to_ascii_lowercase()) || within(letter.to_ascii_uppercase())));
        found != self.negated
    }
}

enum Node {
    Empty,
    One(Arc<Class>),
    At(Step),
    All(Vec<Node>),
    Either(Vec<Node>),
    /// What, how often at least and at most, and whether rather often.
    Repeat(Box<Node>, u32, Option<u32>, bool),
    Group(usize, Box<Node>),
}

impl Regexp {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in Go's words.
    pub fn new(pattern: &str) -> Result<Regexp, String> {
        let mut parser = Parser::new(pattern);
        let node = parser.alternatives().and_then(|node| match parser.rest.is_empty() {
            true => Ok(node),
            false => Err(format!("unexpected ): `{pattern}`")),
        });
        let node = node.map_err(|why| format!("error parsing regexp: {why}"))?;
        let mut program = Vec::new();
        compile(&node, &mut program)
            .map_err(|()| format!("error parsing regexp: expression too large: `{pattern}`"))?;
        program.push(Step::Match);
        Ok(Regexp { program, groups: parser.groups, fold: false })
    }

    /// Compiles a basic regular expression, as `grep` and `sed` read it: `\\(`, `\\{`, `\\|`, `\\+` and `\\?` have a meaning, and without
    /// the backslash none.
    ///
    /// # Errors
    /// See [`Regexp::new`].
    pub fn basic(pattern: &str) -> Result<Regexp, String> {
        let mut text = String::new();
        let mut letters = pattern.chars();
        let mut in_class = false;
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if !in_class => match letters.next() {
                    Some(next @ ('(' | ')' | '{' | '}' | '|' | '+' | '?')) => text.push(next),
                    Some(next) => text.extend(['\\', next]),
                    None => text.push_str("\\\\"),
                },
                '(' | ')' | '{' | '}' | '|' | '+' | '?' if !in_class => text.extend(['\\', letter]),
                '*' if text.is_empty() => text.push_str("\\*"),
                _ => {
                    in_class = (in_class && letter != ']') || letter == '[';
                    text.push(letter);
                }
            }
        }
        Regexp::new(&text)
    }

    /// A pattern that stands for a text and nothing else, in either syntax.
    pub fn quote(text: &str) -> String {
        let special = |letter: char| ".*^$[]\\".contains(letter);
        text.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter])).collect()
    }

    /// The same pattern, to which upper and lower case are one.
    #[must_use]
    pub fn folded(mut self) -> Regexp {
        self.fold = true;
        self
    }

    /// Where the first match lies, with its groups.
    pub fn find(&self, text: &str) -> Option<Places> {
        self.search(text).next(0)
    }

    /// Looks for one match after the other.
    pub fn search(&self, text: &str) -> Search<'_> {
        let (mut places, letters): (Vec<usize>, Vec<char>) = text.char_indices().unzip();
        places.push(text.len());
        let size = self.program.len().saturating_mul(places.len());
        if size > TRIES_MAX {
            // Too much to look at: nothing is found.
            return Search { regexp: self, places: Vec::new(), letters: Vec::new(), seen: Vec::new() };
        }
        Search { regexp: self, places, letters, seen: vec![false; size] }
    }

    /// The end of a match that begins there. A place of the program that has led nowhere from a place of the text is not tried
    /// again.
    fn follow_one(
        &self,
        begin: usize,
        letters: &[char],
        seen: &mut [bool],
        marks: &mut [Option<usize>],
    ) -> Option<usize> {
        enum Job {
            Go(usize, usize),
            Unmark(usize, Option<usize>),
        }
        let mut jobs = vec![Job::Go(0, begin)];
        while let Some(job) = jobs.pop() {
            let (mut place, mut at) = match job {
                Job::Go(place, at) => (place, at),
                Job::Unmark(mark, before) => {
                    marks[mark] = before;
                    continue;
                }
            };
            while !std::mem::replace(&mut seen[at * self.program.len() + place], true) {
                match &self.program[place] {
                    Step::Match => return Some(at),
                    Step::One(class) => match letters.get(at) {
                        Some(letter) if class.has(*letter, self.fold) => (place, at) = (place + 1, at + 1),
                        _ => break,
                    },
                    Step::Jump(to) => place = *to,
                    Step::Split(one, other) => {
                        jobs.push(Job::Go(*other, at));
                        place = *one;
                    }
                    Step::Mark(mark) => {
                        jobs.push(Job::Unmark(*mark, marks[*mark]));
                        marks[*mark] = Some(at);
                        place += 1;
                    }
                    step if passes(step, at, letters) => place += 1,
                    _ => break,
                }
            }
        }
        None
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
                if matches!(&self.program[place], Step::One(class) if class.has(*letter, self.fold))
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
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut threads.seen[place], true) {
                continue;
            }
            match &self.program[place] {
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
                step if passes(step, at, letters) => open.push(place + 1),
                _ => {}
            }
        }
        false
    }
}

/// A search through a text, from left to right.
pub struct Search<'r> {
    regexp: &'r Regexp,
    /// Where the letters begin, and the end of the text.
    places: Vec<usize>,
    letters: Vec<char>,
    /// For each place of the text, which places of the program have led nowhere from there.
    seen: Vec<bool>,
}

impl Search<'_> {
    /// The first match at or behind a place, which lies not before the end of the match found last.
    pub fn next(&mut self, from: usize) -> Option<Places> {
        let Search { regexp, places, letters, seen } = self;
        let first = places.partition_point(|place| *place < from);
        // What fails leaves no marks.
        let mut marks = vec![None; 2 * regexp.groups + 2];
        for begin in first..places.len() {
            let Some(end) = regexp.follow_one(begin, letters, seen, &mut marks) else { continue };
            // The way to the match lies before its end, where nothing is looked for again, and at it. What has failed behind it
            // fails for the next match, too.
            let steps = regexp.program.len();
            seen[end * steps..(end + 1) * steps].fill(false);
            marks[0] = Some(begin);
            marks[1] = Some(end);
            let place = |at: Option<usize>| at.map(|at| places[at]);
            return Some(marks.chunks(2).map(|pair| place(pair[0]).zip(place(pair[1]))).collect());
        }
        None
    }
}

/// Whether a step that takes no letter lets through at a place.
fn passes(step: &Step, at: usize, letters: &[char]) -> bool {
    let word = |at: Option<usize>| {
        at.and_then(|at| letters.get(at))
            .is_some_and(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
    };
    let newline = |at: Option<usize>| at.and_then(|at| letters.get(at)) == Some(&'\n');
    match step {
        Step::Begin { line } => at == 0 || (*line && newline(at.checked_sub(1))),
        Step::End { line } => at == letters.len() || (*line && newline(Some(at))),
        Step::Boundary { is } => (word(at.checked_sub(1)) != word(Some(at))) == *is,
        _ => true,
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
        Node::Group(number, node) => {
            program.push(Step::Mark(2 * number));
            compile(node, program)?;
            program.push(Step::Mark(2 * number + 1));
        }
        Node::Repeat(node, least, most, often) => {
            let split_to = |inside: usize, behind: usize| match often {
                true => Step::Split(inside, behind),
                false => Step::Split(behind, inside),
            };
            let start = program.len();
            for _ in 0..*least {
                compile(node, program)?;
                // What adds nothing does not come up against the limit of steps, however often it is repeated.
                if program.len() == start {
                    return Ok(());
                }
            }
            let split = program.len();
            match most {
                None => {
                    program.push(Step::Match);
                    compile(node, program)?;
                    program.push(Step::Jump(split));
                    program[split] = split_to(split + 1, program.len());
                }
                Some(most) => {
                    let mut splits = Vec::new();
                    for _ in *least..*most {
                        splits.push(program.len());
                        program.push(Step::Match);
                        compile(node, program)?;
                    }
                    let end = program.len();
                    splits.into_iter().for_each(|at| program[at] = split_to(at + 1, end));
                }
            }
        }
    }
    Ok(())
}
