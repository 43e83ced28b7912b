//! What a command's output is piped through: `| grep Running`, `| head -3`, `| wc -l`, `| sort`. The usual uses of the usual
//! tools, no more; anything else is refused by name.

mod transform;

use super::Output;
use super::errors::Failure;
use super::parse;
use crate::api::regexp::Regexp;
use transform::Transform;

/// A line cut at its pipes: the command, and the filters after it.
pub fn split(line: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote, mut escaped) = (Vec::new(), 0, None, false);
    for (at, letter) in line.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            '|' if quote.is_none() => {
                parts.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&line[start..]);
    parts
}

/// A line cut before the first part of that kind that something is piped into.
pub fn cut_at(line: &str, is_meant: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    let parts = split(line);
    let at = 1 + parts.iter().skip(1).position(|part| is_meant(part))?;
    let length: usize = parts[..at].iter().map(|part| part.len() + 1).sum();
    Some((&line[..length - 1], &line[length..]))
}

/// Those that choose among lines, count or sort them.
const CHOOSING: [&str; 10] = ["grep", "egrep", "head", "tail", "wc", "sort", "uniq", "cat", "less", "more"];

/// Whether there is a filter of that name.
pub fn is_known(name: &str) -> bool {
    CHOOSING.contains(&name) || transform::NAMES.contains(&name)
}

/// One filter, ready to be used.
pub struct Filter {
    name: String,
    options: String,
    count: Option<usize>,
    /// Whether `tail` counts from the first line.
    from_start: bool,
    /// How many lines `grep` shows before and behind each that it finds.
    around: (usize, usize),
    /// What `grep` looks for.
    pattern: Option<Regexp>,
    /// What it makes of the text, where it does more than choose lines.
    transform: Option<Transform>,
}

impl Filter {
    /// Reads a filter: `grep -v Running`.
    ///
    /// # Errors
    /// In a shell's words for a program that there is not, in the tool's for an option that it does not take here.
    pub fn parse(text: &str) -> Result<Filter, Failure> {
        let mut words = parse::words(text)?.into_iter();
        let name = words.next().unwrap_or_default();
        let mut filter = Filter {
            name,
            options: String::new(),
            count: None,
            from_start: false,
            around: (0, 0),
            pattern: None,
            transform: None,
        };
        let name = filter.name.clone();
        if transform::NAMES.contains(&name.as_str()) {
            filter.transform = Some(Transform::parse(&name, &words.collect::<Vec<_>>())?);
            return Ok(filter);
        }
        let known = match name.as_str() {
            "grep" | "egrep" => "vicnwEFeABC",
            "head" | "tail" => "nc",
            "wc" => "lwc",
            "sort" => "rnuk",
            "uniq" => "c",
            "cat" | "less" | "more" => "",
            "" => return Err(Failure::Shell("syntax error near unexpected token `|'".into())),
            _ => return Err(Failure::Shell(format!("{name}: command not found"))),
        };
        let mut patterns: Vec<String> = Vec::new();
        let mut takes_number = false;
        for word in words {
            let flags = word.strip_prefix('-').filter(|flags| !flags.is_empty());
            match (flags, word.parse::<usize>()) {
                (None, Ok(number)) if takes_number => {
                    filter.from_start = word.starts_with('+');
                    filter.number(Some(number));
                }
                (Some(flags), _) if flags.bytes().all(|byte| byte.is_ascii_digit()) => {
                    filter.number(flags.parse().ok());
                }
                (Some(flags), _) if !flags.starts_with('-') => {
                    let letters = flags.trim_end_matches(|letter: char| letter.is_ascii_digit());
                    if let Some(bad) = letters.chars().find(|letter| !known.contains(*letter)) {
                        return Err(Failure::Shell(format!("{}: invalid option -- '{bad}'", filter.name)));
                    }
                    filter.options.push_str(letters);
                    filter.number(flags[letters.len()..].parse().ok());
                    takes_number = match filter.name.as_str() {
                        "grep" | "egrep" => letters.ends_with(['A', 'B', 'C']),
                        "uniq" | "wc" => false,
                        _ => letters.ends_with(['n', 'k', 'c']),
                    };
                    continue;
                }
                (Some(_), _) => {
                    return Err(Failure::Shell(format!("{}: unrecognized option '{word}'", filter.name)));
                }
                _ => patterns.push(word),
            }
            takes_number = false;
        }
        if filter.name.ends_with("grep") {
            let [pattern] = patterns.as_slice() else {
                return Err(Failure::Shell("usage: grep [-vicnwEF] PATTERN".into()));
            };
            let extended = (filter.has('E') || filter.name == "egrep") && !filter.has('F');
            let read = if extended { Regexp::new } else { Regexp::basic };
            let core = if filter.has('F') { Regexp::quote(pattern) } else { pattern.clone() };
            let pattern = match (filter.has('w'), extended) {
                (false, _) => read(&core),
                (true, true) => read(&format!("\\b(?:{core})\\b")),
                (true, false) => read(&format!("\\b\\({core}\\)\\b")),
            };
            let pattern = pattern.map(|pattern| if filter.has('i') { pattern.folded() } else { pattern });
            filter.pattern =
                Some(pattern.map_err(|_| Failure::Shell("grep: Invalid regular expression".into()))?);
        }
        Ok(filter)
    }

    /// A number, which belongs to the option before it; for `grep` alone it means both sides.
    fn number(&mut self, number: Option<usize>) {
        let Some(number) = number else { return };
        self.count = Some(number);
        match self.options.chars().last() {
            Some('A') => self.around.1 = number,
            Some('B') => self.around.0 = number,
            _ => self.around = (number, number),
        }
    }

    fn has(&self, option: char) -> bool {
        self.options.contains(option)
    }

    /// Lets the output through; a search that finds nothing fails.
    pub fn apply(&self, output: &mut Output) {
        if let Some(transform) = &self.transform {
            let (text, valid) = transform.apply(&output.stdout);
            output.stdout = text;
            if !valid {
                output.code = 1;
                output.stderr.push_str(&format!("{}: invalid input\n", self.name));
            }
            return;
        }
        let count = self.count.unwrap_or(10);
        if self.has('c') && matches!(self.name.as_str(), "head" | "tail") {
            let bytes = output.stdout.as_bytes();
            let count = count.min(bytes.len());
            let kept = if self.name == "head" { &bytes[..count] } else { &bytes[bytes.len() - count..] };
            output.stdout = String::from_utf8_lossy(kept).into_owned();
            return;
        }
        let lines: Vec<&str> = output.stdout.lines().collect();
        let kept: Vec<String> = match self.name.as_str() {
            "grep" | "egrep" => {
                let found = self.grep(&lines);
                output.code = i32::from(found.is_empty());
                if self.has('c') { vec![found.len().to_string()] } else { self.shown(&lines, &found) }
            }
            "head" => lines.iter().take(count).map(|line| line.to_string()).collect(),
            "tail" if self.from_start => {
                lines.iter().skip(count.saturating_sub(1)).map(|line| line.to_string()).collect()
            }
            "tail" => {
                lines[lines.len().saturating_sub(count)..].iter().map(|line| line.to_string()).collect()
            }
            "wc" => vec![self.count_of(&output.stdout)],
            "sort" => self.sort(lines),
            "uniq" => self.unique(&lines),
            _ => lines.iter().map(|line| line.to_string()).collect(),
        };
        output.stdout = kept.into_iter().map(|line| line + "\n").collect();
    }

    /// The places of the lines that are looked for.
    fn grep(&self, lines: &[&str]) -> Vec<usize> {
        let Some(pattern) = &self.pattern else { return Vec::new() };
        let found = |at: &usize| pattern.is_match(lines[*at]) != self.has('v');
        (0..lines.len()).filter(found).collect()
    }

    /// What was found, with the lines around it; gaps are marked.
    fn shown(&self, lines: &[&str], found: &[usize]) -> Vec<String> {
        let (before, after) = self.around;
        let (mut shown, mut next) = (Vec::new(), 0);
        for at in found {
            let first = at.saturating_sub(before).max(next);
            if first > next && next > 0 && (before, after) != (0, 0) {
                shown.push("--".to_string());
            }
            next = next.max((at + after + 1).min(lines.len()));
            for (at, line) in lines.iter().enumerate().take(next).skip(first) {
                let mark = if found.contains(&at) { ':' } else { '-' };
                let place = if self.has('n') { format!("{}{mark}", at + 1) } else { String::new() };
                shown.push(format!("{place}{line}"));
            }
        }
        shown
    }

    fn count_of(&self, text: &str) -> String {
        let all = [('l', text.lines().count()), ('w', text.split_whitespace().count()), ('c', text.len())];
        let wanted = |option: &char| self.options.is_empty() || self.has(*option);
        let counts: Vec<String> =
            all.iter().filter(|(option, _)| wanted(option)).map(|(_, count)| count.to_string()).collect();
        if counts.len() == 1 {
            counts.concat()
        } else {
            counts.iter().map(|count| format!("{count:>8}")).collect()
        }
    }

    fn sort(&self, lines: Vec<&str>) -> Vec<String> {
        let key = |line: &str| {
            let field = match self.has('k') {
                true => {
                    line.split_whitespace().nth(self.count.unwrap_or(1).saturating_sub(1)).unwrap_or_default()
                }
                false => line,
            };
            let digits: String = field.trim_start().chars().take_while(char::is_ascii_digit).collect();
            let number: u64 = if self.has('n') { digits.parse().unwrap_or(0) } else { 0 };
            (number, field.to_string(), line.to_string())
        };
        let mut keyed: Vec<(u64, String, String)> = lines.into_iter().map(key).collect();
        crate::api::sorting::sort_by(&mut keyed, |a, b| if self.has('r') { b.cmp(a) } else { a.cmp(b) });
        if self.has('u') {
            keyed.dedup();
        }
        keyed.into_iter().map(|(_, _, line)| line).collect()
    }

    fn unique(&self, lines: &[&str]) -> Vec<String> {
        let runs = lines.chunk_by(|a, b| a == b).filter_map(|run| Some((run.len(), *run.first()?)));
        runs.map(|(count, line)| if self.has('c') { format!("{count:>7} {line}") } else { line.to_string() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: &str = "NAME READY STATUS\nweb-1 1/1 Running\nweb-2 0/1 Pending\ndb-0 1/1 Running\n";

    #[test]
    fn output_goes_through_filters() {
        let cases = [
            ("grep web", "web-1 1/1 Running\nweb-2 0/1 Pending\n"),
            ("grep -v NAME", "web-1 1/1 Running\nweb-2 0/1 Pending\ndb-0 1/1 Running\n"),
            ("grep -i NAME", "NAME READY STATUS\n"),
            ("grep -c Running", "2\n"),
            ("grep -n db", "4:db-0 1/1 Running\n"),
            ("grep -E 'web-2|db'", "web-2 0/1 Pending\ndb-0 1/1 Running\n"),
            ("grep '^web-[0-9]* 1/1'", "web-1 1/1 Running\n"),
            ("grep 'ing$'", "web-1 1/1 Running\nweb-2 0/1 Pending\ndb-0 1/1 Running\n"),
            ("grep w.*1/1", "web-1 1/1 Running\n"),
            ("grep -w 2", "web-2 0/1 Pending\n"),
            ("grep nothing", ""),
            ("grep -A1 NAME", "NAME READY STATUS\nweb-1 1/1 Running\n"),
            ("grep -n -B 1 Pending", "2-web-1 1/1 Running\n3:web-2 0/1 Pending\n"),
            ("grep -C1 1/1", PODS),
            ("grep -nA1 -e NAME", "1:NAME READY STATUS\n2-web-1 1/1 Running\n"),
            ("head -1", "NAME READY STATUS\n"),
            ("head -c 4", "NAME"),
            ("head -n 2", "NAME READY STATUS\nweb-1 1/1 Running\n"),
            ("tail -n +3", "web-2 0/1 Pending\ndb-0 1/1 Running\n"),
            ("tail -n1", "db-0 1/1 Running\n"),
            ("wc -l", "4\n"),
            ("sort", "NAME READY STATUS\ndb-0 1/1 Running\nweb-1 1/1 Running\nweb-2 0/1 Pending\n"),
            ("sort -r", "web-2 0/1 Pending\nweb-1 1/1 Running\ndb-0 1/1 Running\nNAME READY STATUS\n"),
            ("sort -k 2", "web-2 0/1 Pending\ndb-0 1/1 Running\nweb-1 1/1 Running\nNAME READY STATUS\n"),
            ("cat", PODS),
        ];
        for (filter, want) in cases {
            let mut output = Output { stdout: PODS.into(), ..Default::default() };
            Filter::parse(filter)
                .map(|filter| filter.apply(&mut output))
                .unwrap_or_else(|_| panic!("{filter}"));
            assert_eq!(output.stdout, want, "{filter}");
            assert_eq!(output.code, i32::from(filter.starts_with("grep n")), "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in ["awk '{x++}'", "", "grep", "grep --color x", "head -q", "nothing"] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_line_is_cut_at_its_pipes_and_not_inside_quotes() {
        let cases: [(&str, &[&str]); 3] = [
            ("kubectl get po | grep a", &["kubectl get po ", " grep a"]),
            (
                "kubectl get po -o jsonpath='{\"|\"}' | wc -l",
                &["kubectl get po -o jsonpath='{\"|\"}' ", " wc -l"],
            ),
            ("kubectl get po \\| x", &["kubectl get po \\| x"]),
        ];
        for (line, want) in cases {
            assert_eq!(split(line), want, "{line}");
        }
    }
}
