//! `sed`: the commands `s`, `d`, `p`, `q`, `=`, `a`, `i`, `c` and `y`, with addresses. What containers and editors use of it.

use super::regexp::Regexp;

/// A script that has been read.
pub struct Sed {
    commands: Vec<Command>,
    /// Whether only what `p` says is printed (`-n`).
    quiet: bool,
}

enum Address {
    Line(usize),
    Last,
    Fits(Regexp),
}

/// No line grows beyond this by what is put into it: two letters for one, forty times, would be more than there is memory.
const SPACE_MAX: usize = 1 << 20;

struct Command {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    /// Whether the range that it holds for has begun.
    inside: bool,
    what: What,
}

enum What {
    Delete,
    Print,
    Quit,
    Number,
    Append(String),
    Insert(String),
    Change(String),
    Substitute { pattern: Regexp, with: String, every: bool, nth: usize, print: bool },
    Translate(Vec<char>, Vec<char>),
}

impl Sed {
    /// Reads scripts, each as one `-e` gives it.
    ///
    /// # Errors
    /// What is wrong, in sed's words.
    pub fn new(scripts: &[&str], extended: bool, quiet: bool) -> Result<Sed, String> {
        let mut commands = Vec::new();
        for (number, script) in scripts.iter().enumerate() {
            let wrong = |what: String, rest: &str| {
                format!("sed: -e expression #{}, char {}: {what}", number + 1, script.len() - rest.len())
            };
            let mut rest = script.trim_start_matches([';', ' ', '\n']);
            while !rest.is_empty() {
                let mut reader = Reader { rest, extended };
                let command = reader.command().map_err(|what| wrong(what, reader.rest))?;
                commands.push(command);
                rest = reader.rest.trim_start_matches([';', ' ', '\n', '\t']);
            }
        }
        Ok(Sed { commands, quiet })
    }

    /// Lets a text through.
    pub fn run(mut self, text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let mut out = String::new();
        for (at, line) in lines.iter().enumerate() {
            let mut space = (*line).to_string();
            let (mut printed, mut after, mut quits) = (!self.quiet, String::new(), false);
            for command in &mut self.commands {
                if !command.holds(at + 1, at + 1 == lines.len(), &space) {
                    continue;
                }
                match &command.what {
                    What::Delete => {
                        printed = false;
                        break;
                    }
                    What::Change(text) => {
                        if command.to.is_none() || !command.inside {
                            out.push_str(text);
                            out.push('\n');
                        }
                        printed = false;
                        break;
                    }
                    What::Print => push(&mut out, &space),
                    What::Number => push(&mut out, &(at + 1).to_string()),
                    What::Quit => {
                        quits = true;
                        break;
                    }
                    What::Append(text) => push(&mut after, text),
                    What::Insert(text) => push(&mut out, text),
                    What::Substitute { pattern, with, every, nth, print } => {
                        if let Some(changed) = substitute(&space, pattern, with, *every, *nth) {
                            space = changed;
                            if *print {
                                push(&mut out, &space);
                            }
                        }
                    }
                    What::Translate(from, to) => {
                        let map = |letter| {
                            from.iter().position(|known| *known == letter).map_or(letter, |at| to[at])
                        };
                        space = space.chars().map(map).collect();
                    }
                }
            }
            if printed {
                push(&mut out, &space);
            }
            out.push_str(&after);
            if quits {
                break;
            }
        }
        if !text.ends_with('\n') && out.ends_with('\n') {
            out.pop();
        }
        out
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

impl Address {
    fn is(&self, number: usize, last: bool, line: &str) -> bool {
        match self {
            Address::Line(wanted) => *wanted == number,
            Address::Last => last,
            Address::Fits(pattern) => pattern.is_match(line),
        }
    }
}

impl Command {
    fn holds(&mut self, number: usize, last: bool, line: &str) -> bool {
        let found = match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => from.is(number, last, line),
            (Some(_), Some(to)) if self.inside => {
                let behind = matches!(to, Address::Line(end) if *end < number);
                self.inside = !behind && !to.is(number, last, line);
                !behind
            }
            (Some(from), Some(to)) => {
                let begins = from.is(number, last, line);
                self.inside = begins && !last && !matches!(to, Address::Line(end) if *end <= number);
                begins
            }
        };
        found != self.negated
    }
}

/// Puts something else in place of what fits; `None` where nothing does, or where the line would grow too long.
fn substitute(line: &str, pattern: &Regexp, with: &str, every: bool, nth: usize) -> Option<String> {
    let (mut out, mut from, mut count, mut changed) = (String::new(), 0, 0, false);
    let (mut search, mut last) = (pattern.search(line), None);
    while let Some(places) = search.next(from) {
        let (start, end) = places[0]?;
        out.push_str(&line[from..start]);
        // Nothing does not fit right behind what has just been found.
        let behind = start == end && last == Some(start);
        last = Some(end);
        count += usize::from(!behind);
        if !behind && count >= nth && (every || count == nth) {
            changed = true;
            fill(&mut out, with, line, &places);
        } else {
            out.push_str(&line[start..end]);
        }
        from = end;
        if start == end {
            // Nothing fits once at each place.
            let Some(letter) = line[end..].chars().next() else { break };
            out.push(letter);
            from += letter.len_utf8();
        }
        if (!every && count >= nth) || from > line.len() {
            break;
        }
    }
    out.push_str(line.get(from..).unwrap_or_default());
    (changed && out.len() <= SPACE_MAX).then_some(out)
}

/// `\1` and `&` in a replacement.
fn fill(out: &mut String, with: &str, line: &str, places: &[Option<(usize, usize)>]) {
    let group =
        |number: usize| places.get(number).copied().flatten().map_or("", |(start, end)| &line[start..end]);
    let mut letters = with.chars();
    while let Some(letter) = letters.next().filter(|_| out.len() <= SPACE_MAX) {
        match letter {
            '&' => out.push_str(group(0)),
            '\\' => match letters.next() {
                Some(digit @ '0'..='9') => out.push_str(group(digit as usize - '0' as usize)),
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => {}
            },
            letter => out.push(letter),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    extended: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn pattern(&self, text: &str, fold: bool) -> Result<Regexp, String> {
        let read = if self.extended { Regexp::new(text) } else { Regexp::basic(text) };
        let pattern = read.map_err(|_| "Invalid preceding regular expression".to_string())?;
        Ok(if fold { pattern.folded() } else { pattern })
    }

    /// Up to the next delimiter that has no backslash before it.
    fn until(&mut self, delimiter: char) -> Option<String> {
        let mut text = String::new();
        while let Some(letter) = self.take() {
            match letter {
                '\\' => match self.take()? {
                    next if next == delimiter => text.push(next),
                    next => text.extend(['\\', next]),
                },
                letter if letter == delimiter => return Some(text),
                letter => text.push(letter),
            }
        }
        None
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        let digits = self.rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.rest.len());
        if digits > 0 {
            let number = self.rest[..digits].parse().unwrap_or(usize::MAX);
            self.rest = &self.rest[digits..];
            return Ok(Some(Address::Line(number)));
        }
        match self.rest.chars().next() {
            Some('$') => {
                self.take();
                Ok(Some(Address::Last))
            }
            Some('/') => {
                self.take();
                let text = self.until('/').ok_or("unterminated address regex")?;
                let fold = self.rest.starts_with('I');
                self.rest = self.rest.strip_prefix('I').unwrap_or(self.rest);
                self.pattern(&text, fold).map(|pattern| Some(Address::Fits(pattern)))
            }
            _ => Ok(None),
        }
    }

    /// The text of `a`, `i` and `c`, up to the end of the line.
    fn text(&mut self) -> String {
        let body = self.rest.strip_prefix('\\').unwrap_or(self.rest).trim_start_matches(['\n', ' ']);
        let (line, rest) = body.split_once('\n').unwrap_or((body, ""));
        self.rest = rest;
        line.strip_prefix('\\').unwrap_or(line).to_string()
    }

    fn command(&mut self) -> Result<Command, String> {
        let from = self.address()?;
        let mut to = None;
        if from.is_some() && self.rest.starts_with(',') {
            self.take();
            to = self.address()?;
            if to.is_none() {
                return Err("unexpected `,'".into());
            }
        }
        self.rest = self.rest.trim_start();
        let negated = self.rest.starts_with('!');
        self.rest = self.rest.trim_start_matches(['!', ' ']);
        let what = match self.take() {
            Some('d') => What::Delete,
            Some('p') => What::Print,
            Some('q') => What::Quit,
            Some('=') => What::Number,
            Some('a') => What::Append(self.text()),
            Some('i') => What::Insert(self.text()),
            Some('c') => What::Change(self.text()),
            Some('s') => self.substitution()?,
            Some('y') => {
                let delimiter = self.take().ok_or("unterminated `y' command")?;
                let sets = self.until(delimiter).zip(self.until(delimiter));
                let (from, to) = sets.ok_or("unterminated `y' command")?;
                let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
                if from.len() != to.len() {
                    return Err("strings for `y' command are different lengths".into());
                }
                What::Translate(from, to)
            }
            Some(other) => return Err(format!("unknown command: `{other}'")),
            None => return Err("missing command".into()),
        };
        Ok(Command { from, to, negated, inside: false, what })
    }

    fn substitution(&mut self) -> Result<What, String> {
        let unterminated = || "unterminated `s' command".to_string();
        let delimiter = self.take().ok_or_else(unterminated)?;
        let pattern = self.until(delimiter).ok_or_else(unterminated)?;
        let with = self.until(delimiter).ok_or_else(unterminated)?;
        let (mut every, mut print, mut fold, mut nth) = (false, false, false, 1);
        while let Some(flag) = self.rest.chars().next().filter(|flag| !matches!(flag, ';' | '\n' | ' ' | '}'))
        {
            match flag {
                'g' => every = true,
                'p' => print = true,
                'i' | 'I' => fold = true,
                '1'..='9' => nth = flag as usize - '0' as usize,
                _ => return Err("unknown option to `s'".into()),
            }
            self.take();
        }
        Ok(What::Substitute { pattern: self.pattern(&pattern, fold)?, with, every, nth, print })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_do_what_seds_do() {
        let cases = [
            ("s/a/b/", false, "aa\nca\n", "ba\ncb\n"),
            ("s/a/b/g", false, "aa\n", "bb\n"),
            ("s/a/b/2", false, "aaa\n", "aba\n"),
            (r"s/;$//g", true, "CHANGE;\n", "CHANGE\n"),
            (r"s|\(replicas:\) [0-9]*|\1 5|", false, "  replicas: 3\n", "  replicas: 5\n"),
            (r"s/(r\w+): ([0-9]+)/\2=\1 &/", true, "replicas: 3\n", "3=replicas replicas: 3\n"),
            ("s/x*/-/g", false, "ab\n", "-a-b-\n"),
            ("s/a*/x/g", false, "baaac\n", "xbxcx\n"),
            ("s/a*/x/2", false, "baaac\n", "bxc\n"),
            ("s/b*/-/g", false, "abbé\n", "-a-é-\n"),
            ("2d;$d", false, "1\n2\n3\n4\n", "1\n3\n"),
            ("/b/,/c/d", false, "a\nb\nx\nc\nd\n", "a\nd\n"),
            ("/b/!d", false, "a\nb\n", "b\n"),
            ("/a/a\\ more", false, "a\nb\n", "a\nmore\nb\n"),
            ("1i first", false, "a\n", "first\na\n"),
            ("/a/c other", false, "a\nb\n", "other\nb\n"),
            ("y/ab/xy/", false, "abc\n", "xyc\n"),
            ("1q", false, "a\nb\n", "a\n"),
        ];
        for (script, extended, text, want) in cases {
            let sed = Sed::new(&[script], extended, false).unwrap_or_else(|why| panic!("{script}: {why}"));
            assert_eq!(sed.run(text), want, "{script}");
        }
        // What would make a line too long leaves it as it is.
        let (line, long) = ("a".repeat(2_000), format!("s/a/{}/g", "b".repeat(1_000)));
        assert_eq!(Sed::new(&[&long], false, false).map(|sed| sed.run(&line)), Ok(line));
        let quiet = Sed::new(&["/b/p"], false, true).map(|sed| sed.run("a\nb\n"));
        assert_eq!(quiet, Ok("b\n".into()));
    }

    #[test]
    fn what_is_no_script_is_refused() {
        for (script, want) in [
            ("s/a/b", "sed: -e expression #1, char 5: unterminated `s' command"),
            ("k", "sed: -e expression #1, char 1: unknown command: `k'"),
            ("s/a/b/x", "sed: -e expression #1, char 6: unknown option to `s'"),
        ] {
            assert_eq!(Sed::new(&[script], false, false).err().as_deref(), Some(want));
        }
    }
}
