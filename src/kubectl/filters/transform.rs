//! Filters that write something else than the lines they read: `base64 -d`, `tr`, `cut`, `sed 's/a/b/'`, `awk '{print $1}'`.

use crate::api::manifest::base64;
use crate::api::regexp::Regexp;
use crate::kubectl::errors::Failure;

/// The programs that are read here.
pub const NAMES: [&str; 7] = ["base64", "tr", "cut", "sed", "awk", "nl", "column"];

/// One of them, ready to be used.
pub enum Transform {
    /// `base64`, or with `-d` the other way.
    Base64 { decodes: bool },
    /// `tr a b`, with `-s` one for several, with `-d` none.
    Translate { from: Vec<char>, to: Vec<char>, squeezes: bool, deletes: bool },
    /// `cut -d: -f1,3`.
    Cut { delimiter: char, fields: Vec<usize> },
    /// `sed s/a/b/g`.
    Substitute { pattern: Regexp, with: String, all: bool },
    /// `sed 2,3d`, `sed -n /x/p`: the lines that are meant go, or stay alone.
    Choose { address: Address, stay: bool },
    /// `nl`.
    Number,
    /// `column -t`.
    Align,
    /// `awk '{print $1, $NF}'`: numbers of fields, 0 for the line, `None` for the last; texts.
    Print { separator: Option<char>, parts: Vec<Printed> },
}

/// Which lines `sed` means.
pub enum Address {
    /// From the one to the other, counted from 1.
    Lines(usize, usize),
    /// The last.
    Last,
    /// Those in which this is found.
    Match(Regexp),
}

impl Address {
    /// `2`, `2,5`, `2,$`, `$`, `/web/`.
    fn parse(text: &str) -> Option<Address> {
        if let Some(pattern) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return Regexp::basic(pattern).ok().map(Address::Match);
        }
        if text == "$" {
            return Some(Address::Last);
        }
        let (first, last) = text.split_once(',').unwrap_or((text, text));
        let last = if last == "$" { usize::MAX } else { last.parse().ok()? };
        Some(Address::Lines(first.parse().ok()?, last))
    }

    fn means(&self, at: usize, count: usize, line: &str) -> bool {
        match self {
            Address::Lines(first, last) => (*first..=*last).contains(&(at + 1)),
            Address::Last => at + 1 == count,
            Address::Match(pattern) => pattern.is_match(line),
        }
    }
}

/// What `awk` prints.
pub enum Printed {
    Field(Option<usize>),
    Text(String),
}

impl Transform {
    /// Reads a program and its words.
    ///
    /// # Errors
    /// In the tool's words, for what it does not take here.
    pub fn parse(name: &str, words: &[String]) -> Result<Transform, Failure> {
        let odd = |what: &str| Failure::Shell(format!("{name}: {what}"));
        let has = |flags: &[&str]| words.iter().any(|word| flags.contains(&word.as_str()));
        let plain: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
        match name {
            "base64" => Ok(Transform::Base64 { decodes: has(&["-d", "-D", "--decode"]) }),
            "tr" => {
                let (squeezes, deletes) = (has(&["-s"]), has(&["-d"]));
                let from = plain.first().map(|set| letters(set)).ok_or_else(|| odd("missing operand"))?;
                let to = plain.get(1).map(|set| letters(set)).unwrap_or_default();
                Ok(Transform::Translate { from, to, squeezes, deletes })
            }
            "cut" => {
                let delimiter = value(words, "-d").and_then(|text| text.chars().next()).unwrap_or('\t');
                let fields = value(words, "-f").map(|list| fields(&list)).unwrap_or_default();
                if fields.is_empty() {
                    return Err(odd("you must specify a list of bytes, characters, or fields"));
                }
                Ok(Transform::Cut { delimiter, fields })
            }
            "sed" => {
                let script = plain.last().map(|script| script.as_str()).unwrap_or_default();
                let alone = has(&["-n", "--quiet", "--silent"]);
                let chosen = script.strip_suffix(if alone { 'p' } else { 'd' }).and_then(Address::parse);
                if let Some(address) = chosen {
                    return Ok(Transform::Choose { address, stay: alone });
                }
                let sign = script.strip_prefix('s').and_then(|rest| rest.chars().next());
                let parts: Vec<&str> = sign.map(|sign| script[1..].split(sign).collect()).unwrap_or_default();
                let ["", pattern, with, flags] = parts.as_slice() else {
                    return Err(odd(&format!("-e expression #1, char 1: unknown command: `{script}'")));
                };
                let read = if has(&["-E", "-r"]) { Regexp::new } else { Regexp::basic };
                let pattern =
                    read(pattern).map_err(|_| odd("-e expression #1: invalid regular expression"))?;
                Ok(Transform::Substitute { pattern, with: (*with).into(), all: flags.contains('g') })
            }
            "nl" => Ok(Transform::Number),
            "column" => Ok(Transform::Align),
            _ => {
                let separator = value(words, "-F").and_then(|text| text.chars().next());
                let script = plain.last().map(|script| script.trim()).unwrap_or_default();
                let parts =
                    script.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).and_then(printed);
                let parts = parts.ok_or_else(|| odd("only programs such as '{print $1}' are known here"))?;
                Ok(Transform::Print { separator, parts })
            }
        }
    }

    /// What comes out for what goes in, and whether that went well.
    pub fn apply(&self, text: &str) -> (String, bool) {
        let each = |change: &dyn Fn(&str) -> String| text.lines().map(|line| change(line) + "\n").collect();
        let out = match self {
            Transform::Base64 { decodes: false } => base64::encode(text.as_bytes()) + "\n",
            Transform::Base64 { decodes: true } => {
                let compact: String = text.split_whitespace().collect();
                return match base64::decode(&compact) {
                    Ok(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), true),
                    Err(_) => (String::new(), false),
                };
            }
            Transform::Translate { from, to, squeezes, deletes } => {
                translate(text, (from, to), *squeezes, *deletes)
            }
            Transform::Cut { delimiter, fields } => each(&|line| {
                let all: Vec<&str> = line.split(*delimiter).collect();
                let kept: Vec<&str> =
                    fields.iter().filter_map(|field| all.get(field.checked_sub(1)?).copied()).collect();
                if all.len() == 1 { line.to_string() } else { kept.join(&delimiter.to_string()) }
            }),
            Transform::Substitute { pattern, with, all } => {
                each(&|line| substitute(line, pattern, with, *all))
            }
            Transform::Choose { address, stay } => {
                let count = text.lines().count();
                let lines = text.lines().enumerate();
                let kept = lines.filter(|(at, line)| address.means(*at, count, line) == *stay);
                kept.map(|(_, line)| format!("{line}\n")).collect()
            }
            Transform::Number => {
                let lines = text.lines().enumerate();
                lines.map(|(at, line)| format!("{:>6}\t{line}\n", at + 1)).collect()
            }
            Transform::Align => aligned(text),
            Transform::Print { separator, parts } => each(&|line| {
                let fields: Vec<&str> = match separator {
                    Some(separator) => line.split(*separator).collect(),
                    None => line.split_whitespace().collect(),
                };
                let shown = |part: &Printed| match part {
                    Printed::Text(text) => text.clone(),
                    Printed::Field(Some(0)) => line.to_string(),
                    Printed::Field(Some(at)) => fields.get(at - 1).copied().unwrap_or_default().to_string(),
                    Printed::Field(None) => fields.last().copied().unwrap_or_default().to_string(),
                };
                parts.iter().map(shown).collect()
            }),
        };
        (out, true)
    }
}

/// Words in columns, two spaces apart.
fn aligned(text: &str) -> String {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, word) in widths.iter_mut().zip(row) {
            *width = (*width).max(word.chars().count());
        }
    }
    let cell = |(at, word): (usize, &&str)| format!("{word:<width$}", width = widths[at]);
    let line = |row: &Vec<&str>| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
    rows.iter().map(|row| format!("{}\n", line(row).trim_end())).collect()
}

/// The value of a flag, behind it or in the next word.
fn value(words: &[String], flag: &str) -> Option<String> {
    let at = words.iter().position(|word| word.starts_with(flag))?;
    match &words[at][flag.len()..] {
        "" => words.get(at + 1).cloned(),
        inline => Some(inline.into()),
    }
}

/// `1,3-4`.
fn fields(list: &str) -> Vec<usize> {
    const MAX: usize = 100;
    let run = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first = first.parse().unwrap_or(1).min(MAX);
        first..=last.parse().unwrap_or(MAX).min(MAX)
    };
    list.split(',').flat_map(run).collect()
}

/// The letters of a set for `tr`: `a-z`, `[:space:]`, `\n`.
fn letters(set: &str) -> Vec<char> {
    let mut text = set.replace("\\n", "\n").replace("\\t", "\t");
    for (class, all) in [
        ("[:space:]", " \t\n\r"),
        ("[:upper:]", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("[:lower:]", "abcdefghijklmnopqrstuvwxyz"),
        ("[:digit:]", "0123456789"),
    ] {
        text = text.replace(&format!("[{class}]"), all).replace(class, all);
    }
    let all: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(letter) = all.get(at) {
        match (all.get(at + 1), all.get(at + 2)) {
            (Some('-'), Some(last)) if letter.is_ascii() && last.is_ascii() => {
                found.extend(*letter..=*last);
                at += 3;
            }
            _ => {
                found.push(*letter);
                at += 1;
            }
        }
    }
    found
}

fn translate(text: &str, (from, to): (&[char], &[char]), squeezes: bool, deletes: bool) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let place = from.iter().position(|known| *known == letter);
        let next = match place {
            Some(_) if deletes => continue,
            Some(place) => to.get(place).or(to.last()).copied().unwrap_or(letter),
            None => letter,
        };
        if !(squeezes && place.is_some() && out.ends_with(next)) {
            out.push(next);
        }
    }
    out
}

fn substitute(line: &str, pattern: &Regexp, with: &str, all: bool) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some((start, end)) = pattern.find(rest).and_then(|places| places.first().copied().flatten()) {
        out.push_str(&rest[..start]);
        out.push_str(&with.replace("\\n", "\n").replace('&', &rest[start..end]));
        rest = &rest[end..];
        if !all || end == start {
            break;
        }
    }
    out + rest
}

/// `print $1, "text" $NF`.
fn printed(script: &str) -> Option<Vec<Printed>> {
    let mut rest = script.trim().trim_end_matches(';').strip_prefix("print")?.trim();
    let mut parts = Vec::new();
    if rest.is_empty() {
        parts.push(Printed::Field(Some(0)));
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(',') {
            parts.push(Printed::Text(" ".into()));
            rest = after.trim_start();
        } else if let Some(after) = rest.strip_prefix('"') {
            let (text, after) = after.split_once('"')?;
            parts.push(Printed::Text(text.replace("\\n", "\n").replace("\\t", "\t")));
            rest = after.trim_start();
        } else {
            let name = rest.strip_prefix('$')?;
            let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
            parts.push(Printed::Field(match &name[..end] {
                "NF" => None,
                number => Some(number.parse().ok()?),
            }));
            rest = name[end..].trim_start();
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_changed() {
        for (line, text, want) in [
            ("base64 --decode", "YWRtaW4=", "admin"),
            ("base64", "admin", "YWRtaW4=\n"),
            ("tr -s [[:space:]] \\n", "a b  c\n", "a\nb\nc\n"),
            ("tr a-c x", "abcd", "xxxd"),
            ("tr -d \\n", "a\nb\n", "ab"),
            ("cut -d: -f2,3", "a:b:c\nplain\n", "b:c\nplain\n"),
            ("sed s/o/0/g", "foo\nbar\n", "f00\nbar\n"),
            ("sed s|a/|[&]|", "a/a/\n", "[a/]a/\n"),
            ("sed 1d", "a\nb\nc\n", "b\nc\n"),
            ("sed 2,$d", "a\nb\nc\n", "a\n"),
            ("sed /b/d", "a\nb\nc\n", "a\nc\n"),
            ("sed -n 2,3p", "a\nb\nc\n", "b\nc\n"),
            ("sed -n $p", "a\nb\n", "b\n"),
            ("nl", "a\n", "     1\ta\n"),
            ("column -t", "a bb\nccc d\n", "a    bb\nccc  d\n"),
            ("awk {print$1,\"=\"$NF}", "a b c\n", "a =c\n"),
            ("awk -F: {print$2}", "a:b\n", "b\n"),
        ] {
            let mut words = line.split(' ').map(str::to_string);
            let name = words.next().unwrap();
            let words: Vec<String> = words.collect();
            let transform = Transform::parse(&name, &words).unwrap_or_else(|_| panic!("{line}"));
            assert_eq!(transform.apply(text), (want.to_string(), true), "{line}");
        }
        assert!(Transform::parse("cut", &[]).is_err() && Transform::parse("awk", &["x".into()]).is_err());
    }
}
