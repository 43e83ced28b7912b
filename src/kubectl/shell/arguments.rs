//! `xargs`: words out of what a command prints, put behind another or into it.

use super::{PRINTED_MAX, TURNS_MAX, append, complaint};
use crate::client::Client;
use crate::kubectl::filters::{self, Filter};
use crate::kubectl::{Context, Invocation, Output, run};

/// How `xargs` makes lines of words.
struct Xargs<'a> {
    /// How many words a line gets at most.
    each: usize,
    /// What stands in the line for one of what is read, line by line.
    place: Option<String>,
    skips_empty: bool,
    /// The command, and what it is piped through.
    line: &'a str,
}

impl<'a> Xargs<'a> {
    fn parse(text: &'a str) -> Option<Xargs<'a>> {
        let mut found = Xargs { each: usize::MAX, place: None, skips_empty: false, line: "" };
        let mut rest = text.strip_prefix("xargs")?.trim_start();
        while let Some(flag) = rest.split_whitespace().next().filter(|word| word.starts_with('-')) {
            rest = rest[flag.len()..].trim_start();
            let inline = flag.get(2..).filter(|value| !value.is_empty() && !flag.starts_with("--"));
            let mut value = || match inline {
                Some(value) => value.to_string(),
                None => {
                    let word = rest.split_whitespace().next().unwrap_or_default();
                    rest = rest[word.len()..].trim_start();
                    word.trim_matches(['\'', '"']).to_string()
                }
            };
            match flag.get(..2)? {
                "-n" | "-L" => found.each = value().parse().ok().filter(|each| *each > 0)?,
                "-I" => found.place = Some(value()),
                "-i" => found.place = Some("{}".into()),
                "-P" | "-d" => drop(value()),
                "-r" | "--" => found.skips_empty = true,
                "-t" | "-0" => {}
                _ => return None,
            }
        }
        found.line = if rest.is_empty() { "echo" } else { rest };
        Some(found)
    }

    /// The lines that are run for a text.
    fn lines(&self, command: &str, text: &str) -> Vec<String> {
        let quoted =
            |word: &str| shlex::try_quote(word).map_or_else(|_| String::new(), |word| word.into_owned());
        if let Some(place) = &self.place {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            return lines.map(|line| command.replace(place.as_str(), line)).collect();
        }
        let words: Vec<String> = text.split_whitespace().map(quoted).collect();
        if words.is_empty() {
            return if self.skips_empty { Vec::new() } else { vec![command.to_string()] };
        }
        words
            .chunks(self.each.min(words.len()))
            .map(|words| format!("{command} {}", words.join(" ")))
            .collect()
    }
}

/// Runs the command of an `xargs` for an input.
pub fn xargs(
    text: &str,
    input: &str,
    invocation: &Invocation,
    context: &mut Context,
    client: &mut Client<'_>,
) -> Output {
    let Some(xargs) = Xargs::parse(text) else { return complaint("xargs: an option that is not known here") };
    let mut parts = filters::split(xargs.line).into_iter();
    let command = parts.next().unwrap_or_default().trim();
    let filters: Vec<Filter> = match parts.map(Filter::parse).collect() {
        Ok(filters) => filters,
        Err(failure) => return Output { stderr: failure.render(""), code: 1, ..Output::default() },
    };
    let mut all = Output::default();
    for line in xargs.lines(command, input).into_iter().take(TURNS_MAX) {
        if all.stdout.len() + all.stderr.len() > PRINTED_MAX {
            break;
        }
        let own = Invocation { line, stdin: None, ..invocation.clone() };
        append(&mut all, run(&own, context, client));
    }
    for filter in filters {
        filter.apply(&mut all);
    }
    all
}
