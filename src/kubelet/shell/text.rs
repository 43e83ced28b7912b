//! The tools that read text and print text: `cat`, `grep`, `head`, `sort` and the like, in their usual uses.

use super::Process;
use crate::api::manifest::base64;
use crate::api::regexp::Regexp;
use crate::api::sed::Sed;
use crate::api::sorting;

/// Those tools.
pub const TOOLS: &[&str] = &[
    "cat",
    "grep",
    "egrep",
    "head",
    "tail",
    "wc",
    "sort",
    "uniq",
    "tee",
    "cut",
    "tr",
    "sed",
    "base64",
    "nl",
    "rev",
    "tac",
    "sha256sum",
    "md5sum",
    "more",
    "less",
];

/// Options of one letter, with a value where the letter takes one, and the words that are no options.
pub(super) struct Words<'a> {
    options: Vec<(char, &'a str)>,
    pub(super) rest: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn read(words: &[&'a str], with_value: &str) -> Words<'a> {
        let mut read = Words { options: Vec::new(), rest: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
                read.rest.push(word);
                continue;
            };
            if flags.bytes().all(|byte| byte.is_ascii_digit()) {
                read.options.push(('n', flags));
                continue;
            }
            for (at, letter) in flags.char_indices() {
                if with_value.contains(letter) {
                    let own = &flags[at + letter.len_utf8()..];
                    let value = if own.is_empty() { words.next().copied().unwrap_or_default() } else { own };
                    read.options.push((letter, value));
                    break;
                }
                read.options.push((letter, ""));
            }
        }
        read
    }

    fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(known, _)| *known == letter)
    }

    pub(super) fn value(&self, letter: char) -> Option<&'a str> {
        self.options.iter().find(|(known, _)| *known == letter).map(|(_, value)| *value)
    }
}

impl Process {
    /// Runs one of the tools on the files it names, or on what there is to read. Returns its exit code.
    pub(super) fn filter(&mut self, name: &str, words: &[&str]) -> i32 {
        let with_value = match name {
            "head" | "tail" => "nc",
            "cut" => "dfc",
            "grep" | "egrep" => "emABC",
            "sort" => "kt",
            _ => "",
        };
        if name == "sed" {
            return self.sed(words);
        }
        let mut words = Words::read(words, with_value);
        // What comes before the files.
        let leading = match name {
            "grep" | "egrep" if words.has('e') => 0,
            "grep" | "egrep" => 1,
            "tr" => words.rest.len(),
            _ => 0,
        };
        let files = words.rest.split_off(leading.min(words.rest.len()));
        let (text, mut code) =
            if name == "tee" { self.take_input(&[], name) } else { self.take_input(&files, name) };
        let lines: Vec<&str> = text.lines().collect();
        let count =
            words.value('n').and_then(|count| count.trim_start_matches('+').parse().ok()).unwrap_or(10);
        let kept: Vec<String> = match name {
            "grep" | "egrep" => {
                let found = grep(&lines, &words, name == "egrep");
                code = code.max(i32::from(found.is_empty()));
                match (words.has('q'), words.has('c')) {
                    (true, _) => Vec::new(),
                    (_, true) => vec![found.len().to_string()],
                    _ => found,
                }
            }
            "head" if words.has('c') => {
                let bytes: usize = words.value('c').and_then(|count| count.parse().ok()).unwrap_or(0);
                let end =
                    (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                self.out.push_str(&text[..end]);
                return code;
            }
            "head" => owned(lines.iter().take(count)),
            "tail" => owned(lines[lines.len().saturating_sub(count)..].iter()),
            "wc" => vec![count_of(&text, &words, &files)],
            "sort" => sort(lines, &words),
            "uniq" => {
                let mut counted: Vec<(usize, &str)> = Vec::new();
                for line in lines {
                    match counted.last_mut().filter(|(_, last)| *last == line) {
                        Some((count, _)) => *count += 1,
                        None => counted.push((1, line)),
                    }
                }
                let shown = |(count, line): &(usize, &str)| match words.has('c') {
                    true => format!("{count:>7} {line}"),
                    false => (*line).to_string(),
                };
                counted.iter().map(shown).collect()
            }
            "tee" => {
                for path in &files {
                    if let Err(trouble) = self.files.write(path, &text, words.has('a')) {
                        self.err.push_str(&format!("tee: {path}: {}\n", trouble.0));
                        code = 1;
                    }
                }
                self.out.push_str(&text);
                return code;
            }
            "cut" => lines.iter().map(|line| cut(line, &words)).collect(),
            "tr" => {
                self.out.push_str(&translate(&text, &words));
                return code;
            }
            "base64" if words.has('d') => {
                let packed: String = text.split_whitespace().collect();
                let decoded = base64::decode(&packed).unwrap_or_default();
                self.out.push_str(&String::from_utf8_lossy(&decoded));
                return code;
            }
            "base64" => vec![base64::encode(text.as_bytes())],
            "nl" => lines.iter().enumerate().map(|(at, line)| format!("{:>6}\t{line}", at + 1)).collect(),
            "rev" => lines.iter().map(|line| line.chars().rev().collect()).collect(),
            "tac" => owned(lines.iter().rev()),
            "sha256sum" | "md5sum" => {
                let digits = crate::kubelet::image::hex_id(&text);
                let digits = if name == "md5sum" { &digits[..32] } else { &digits };
                vec![format!("{digits}  {}", files.first().unwrap_or(&"-"))]
            }
            _ => {
                self.out.push_str(&text);
                return code;
            }
        };
        kept.iter().for_each(|line| {
            self.out.push_str(line);
            self.out.push('\n');
        });
        code
    }

    /// `sed`, also of files in their place (`-i`).
    fn sed(&mut self, words: &[&str]) -> i32 {
        let words: Vec<&str> =
            words.iter().map(|word| word.strip_prefix("-i.").map_or(*word, |_| "-i")).collect();
        let mut words = Words::read(&words, "ef");
        let mut scripts: Vec<&str> =
            words.options.iter().filter(|(it, _)| *it == 'e').map(|(_, it)| *it).collect();
        if scripts.is_empty() && !words.rest.is_empty() {
            scripts.push(words.rest.remove(0));
        }
        let (extended, quiet) = (words.has('E') || words.has('r'), words.has('n'));
        let read = || Sed::new(&scripts, extended, quiet);
        let sed = match read() {
            Ok(sed) => sed,
            Err(why) => {
                self.err.push_str(&format!("{why}\n"));
                return 1;
            }
        };
        if !words.has('i') {
            let (text, code) = self.take_input(&words.rest, "sed");
            self.out.push_str(&sed.run(&text));
            return code;
        }
        let mut code = 0;
        for path in &words.rest {
            let text = self.files.read(path).map(str::to_string);
            let changed = text.and_then(|text| {
                let changed = read().map(|sed| sed.run(&text)).unwrap_or_default();
                self.files.write(path, &changed, false)
            });
            if let Err(trouble) = changed {
                self.err.push_str(&format!("sed: {path}: {}\n", trouble.0));
                code = 1;
            }
        }
        code
    }

    /// What files say one after the other, or what there is to read where there are none.
    pub(super) fn take_input(&mut self, paths: &[&str], name: &str) -> (String, i32) {
        if paths.is_empty() || paths == ["-"] {
            return (self.input.last_mut().map(std::mem::take).unwrap_or_default(), 0);
        }
        let (mut text, mut code) = (String::new(), 0);
        for path in paths.iter().flat_map(|path| self.files.matching(path)).collect::<Vec<_>>() {
            match self.files.read(&path) {
                Ok(content) => text.push_str(content),
                // What an image brings along is there, and not known.
                Err(_) if self.files.exists(&path) && !self.files.is_known_directory(&path) => {}
                Err(trouble) => {
                    let what = match (name, trouble.0) {
                        ("cat", "Is a directory") => format!("cat: read error: {}", trouble.0),
                        ("cat", _) => format!("cat: can't open '{path}': {}", trouble.0),
                        _ => format!("{name}: {path}: {}", trouble.0),
                    };
                    self.err.push_str(&what);
                    self.err.push('\n');
                    code = 1;
                }
            }
        }
        (text, code)
    }
}

fn owned<'a>(lines: impl Iterator<Item = &'a &'a str>) -> Vec<String> {
    lines.map(|line| (*line).to_string()).collect()
}

/// The lines that hold the pattern.
fn grep(lines: &[&str], words: &Words<'_>, extended: bool) -> Vec<String> {
    let written = words.value('e').or(words.rest.first().copied()).unwrap_or_default();
    let quoted = if words.has('F') { Regexp::quote(written) } else { written.to_string() };
    let extended = (extended || words.has('E') || words.has('P')) && !words.has('F');
    let pattern = if extended { Regexp::new(&quoted) } else { Regexp::basic(&quoted) };
    let Ok(pattern) = pattern.map(|pattern| if words.has('i') { pattern.folded() } else { pattern }) else {
        return Vec::new();
    };
    let found = |line: &str| match words.has('w') || words.has('x') {
        false => pattern.is_match(line),
        true => pattern.find(line).and_then(|places| places[0]).is_some_and(|(from, to)| {
            let word = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let whole = from == 0 && to == line.len();
            whole
                || (words.has('w') && !word(line[..from].chars().last()) && !word(line[to..].chars().next()))
        }),
    };
    if words.has('o') {
        let parts = |line: &&str| {
            let (mut search, mut parts, mut from) = (pattern.search(line), Vec::new(), 0);
            while let Some((start, end)) = search.next(from).and_then(|places| places[0]) {
                parts.extend((end > start).then(|| line[start..end].to_string()));
                from = end.max(start + 1);
            }
            parts
        };
        return lines.iter().flat_map(parts).collect();
    }
    let around =
        |letter: char| words.value(letter).and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let (before, after) = (around('B').max(around('C')), around('A').max(around('C')));
    let hits: Vec<bool> = lines.iter().map(|line| found(line) != words.has('v')).collect();
    let near = |at: usize| hits[at.saturating_sub(after)..(at + before + 1).min(hits.len())].contains(&true);
    let kept = lines.iter().enumerate().filter(|(at, _)| near(*at));
    kept.map(|(at, line)| if words.has('n') { format!("{}:{line}", at + 1) } else { (*line).to_string() })
        .collect()
}

fn count_of(text: &str, words: &Words<'_>, files: &[&str]) -> String {
    let all = [('l', text.matches('\n').count()), ('w', text.split_whitespace().count()), ('c', text.len())];
    let wanted = |letter: char| words.options.is_empty() || words.has(letter);
    let counts: Vec<String> =
        all.iter().filter(|(letter, _)| wanted(*letter)).map(|(_, count)| count.to_string()).collect();
    let name = files.first().map(|name| format!(" {name}")).unwrap_or_default();
    match counts.len() {
        1 => format!("{}{name}", counts.concat()),
        _ => format!(
            "{}{name}",
            counts.iter().map(|count| format!("{count:>9} ")).collect::<String>().trim_end()
        ),
    }
}

fn sort(mut lines: Vec<&str>, words: &Words<'_>) -> Vec<String> {
    let number = |line: &str| {
        let digits: String =
            line.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        digits.parse::<i64>().unwrap_or(0)
    };
    match words.has('n') {
        true => sorting::sort_by(&mut lines, |a, b| number(a).cmp(&number(b)).then(a.cmp(b))),
        false => sorting::sort_by(&mut lines, |a, b| a.cmp(b)),
    }
    if words.has('r') {
        lines.reverse();
    }
    if words.has('u') {
        lines.dedup();
    }
    owned(lines.iter())
}

/// One field of a line, or several: `-d: -f1,3`.
fn cut(line: &str, words: &Words<'_>) -> String {
    const FAR: usize = 4_096;
    let numbers = |text: &str| -> Vec<usize> {
        let span = |part: &str| match part.split_once('-') {
            Some((from, to)) => from.parse().unwrap_or(1)..=to.parse().unwrap_or(FAR).min(FAR),
            None => {
                let one = part.parse().unwrap_or(0);
                one..=one
            }
        };
        text.split(',').flat_map(span).collect()
    };
    let Some(fields) = words.value('f') else {
        let wanted = numbers(words.value('c').unwrap_or_default());
        return wanted.iter().filter_map(|at| line.chars().nth(at.checked_sub(1)?)).collect();
    };
    let delimiter = words.value('d').unwrap_or("\t");
    if !line.contains(delimiter) {
        return line.to_string();
    }
    let all: Vec<&str> = line.split(delimiter).collect();
    let kept = numbers(fields).into_iter().filter_map(|at| all.get(at.checked_sub(1)?).copied());
    kept.collect::<Vec<_>>().join(delimiter)
}

/// `tr a-z A-Z`, `tr -d '\n'`.
fn translate(text: &str, words: &Words<'_>) -> String {
    let set = |at: usize| -> Vec<char> {
        let text = words.rest.get(at).copied().unwrap_or_default();
        let text = text.replace("[:lower:]", "a-z").replace("[:upper:]", "A-Z").replace("[:space:]", " \n\t");
        let letters: Vec<char> = text.replace("\\n", "\n").replace("\\t", "\t").chars().collect();
        let mut all = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            if letters.get(at + 1) == Some(&'-') && at + 2 < letters.len() {
                all.extend(letters[at]..=letters[at + 2]);
                at += 3;
            } else {
                all.push(letters[at]);
                at += 1;
            }
        }
        all
    };
    let (from, to) = (set(0), set(1));
    if words.has('d') {
        return text.chars().filter(|c| !from.contains(c)).collect();
    }
    let map = |c: char| match from.iter().position(|known| *known == c) {
        Some(at) => to.get(at).or(to.last()).copied().unwrap_or(c),
        None => c,
    };
    text.chars().map(map).collect()
}
