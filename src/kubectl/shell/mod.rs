//! What stands around kubectl's commands on a line: loops over what a command prints, `xargs`, `watch`, aliases, and the few programs
//! beside it that tutorials use.

mod arguments;
mod programs;

pub use programs::{keep, program, tee};

use super::errors::Failure;
use super::filters;
use super::script::{self, Command};
use super::variables::expand;
use super::{Context, Invocation, Output, run};
use crate::client::Client;

/// All loops of a line together take so many turns at most,
const TURNS_MAX: usize = 1_000;
/// and end once they have printed so much.
const PRINTED_MAX: usize = 1 << 20;

/// A line whose first word a shell does not take for a command: a loop, an alias, `watch`, `sudo`.
pub fn around(invocation: &Invocation, context: &mut Context, client: &mut Client<'_>) -> Option<Output> {
    let line = invocation.line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match first {
        "for" => {
            let (name, words, body) = script::loop_of(line)?;
            let (known, mut complaints) = (context.variables.clone(), String::new());
            let expanded = expand(words, &known, |command| {
                let own = Invocation { line: command.into(), stdin: None, ..invocation.clone() };
                let output = run(&own, context, client);
                complaints.push_str(&output.stderr);
                Some(output.stdout)
            });
            let words = script::loop_words(expanded.as_deref().unwrap_or(words))?;
            let mut output = turns(name, words, body, invocation, context, client);
            output.stderr.insert_str(0, &complaints);
            Some(output)
        }
        "alias" => Some(alias(rest, context)),
        "unalias" => {
            rest.split_whitespace().for_each(|name| drop(context.aliases.remove(name)));
            Some(Output::default())
        }
        "sudo" | "time" if !rest.is_empty() => {
            Some(run(&Invocation { line: rest.into(), ..invocation.clone() }, context, client))
        }
        "watch" if !rest.is_empty() => Some(watch(rest, invocation, context, client)),
        _ if context.aliases.contains_key(first) => {
            // An alias may begin with its own name, which then is the command's.
            let (name, meaning) = context.aliases.remove_entry(first)?;
            let line = format!("{meaning} {rest}").trim().to_string();
            let output = run(&Invocation { line, ..invocation.clone() }, context, client);
            context.aliases.entry(name).or_insert(meaning);
            Some(output)
        }
        // What the loop reads is in its variable before that is put into its commands.
        _ if line.contains("| while read ") => {
            let (from, into) = filters::cut_at(line, takes_input)?;
            into.trim().starts_with("while").then(|| piped(from, into, invocation, context, client))
        }
        _ => {
            let parts = Some(script::parts(line))
                .filter(|parts| parts.len() > 1 && !programs::KEYWORDS.contains(&first))?;
            let mut all = Output::default();
            for (when, part) in parts {
                if when.holds_after(all.code) {
                    append(
                        &mut all,
                        run(&Invocation { line: part.into(), ..invocation.clone() }, context, client),
                    );
                }
            }
            Some(all)
        }
    }
}

/// The body of a loop for each word.
fn turns(
    name: &str,
    words: Vec<String>,
    body: &str,
    invocation: &Invocation,
    context: &mut Context,
    client: &mut Client<'_>,
) -> Output {
    let lines = match script::parse(body) {
        Ok(lines) => lines,
        Err((_, why)) => return complaint(&why),
    };
    let mut all = Output::default();
    let is_outermost = context.turns_left.is_none();
    for word in words {
        let left = context.turns_left.unwrap_or(TURNS_MAX);
        if left == 0 || all.stdout.len() + all.stderr.len() > PRINTED_MAX {
            break;
        }
        context.turns_left = Some(left - 1);
        context.variables.insert(name.to_string(), word);
        for line in lines.iter().filter(|line| !matches!(line.command, Command::Sleep(_))) {
            let Command::Kubectl { line: text, stdin } = &line.command else { continue };
            if line.when.holds_after(all.code) {
                let own = Invocation { line: text.clone(), stdin: stdin.clone(), ..invocation.clone() };
                append(&mut all, run(&own, context, client));
            }
        }
    }
    if is_outermost {
        context.turns_left = None;
    }
    all
}

/// Puts what one more command has answered behind the rest. Only the last is waited for.
fn append(all: &mut Output, next: Output) {
    all.stdout.push_str(&next.stdout);
    all.stderr.push_str(&next.stderr);
    all.diagnostics.extend(next.diagnostics);
    all.files.extend(next.files);
    (all.code, all.wait) = (next.code, next.wait);
}

fn complaint(why: &str) -> Output {
    Output { stderr: Failure::Shell(why.into()).render(""), code: 1, ..Output::default() }
}

/// `alias k=kubectl`, or all of them.
fn alias(rest: &str, context: &mut Context) -> Output {
    let shown = |(name, meaning): (&String, &String)| format!("alias {name}='{meaning}'\n");
    if rest.is_empty() {
        return Output { stdout: context.aliases.iter().map(shown).collect(), ..Output::default() };
    }
    for word in shlex::split(rest).unwrap_or_default() {
        match word.split_once('=') {
            Some((name, meaning)) => drop(context.aliases.insert(name.into(), meaning.into())),
            None => match context.aliases.get_key_value(&word) {
                Some(known) => return Output { stdout: shown(known), ..Output::default() },
                None => return complaint(&format!("alias: {word}: not found")),
            },
        }
    }
    Output::default()
}

/// `watch -n 1 kubectl get pods`: what changes is shown as `get --watch` shows it.
fn watch(rest: &str, invocation: &Invocation, context: &mut Context, client: &mut Client<'_>) -> Output {
    let mut line = rest;
    while let Some(flag) = line.split_whitespace().next().filter(|word| word.starts_with('-')) {
        line = line[flag.len()..].trim_start();
        if ["-n", "--interval"].contains(&flag) {
            line = line.split_once(char::is_whitespace).map_or("", |(_, line)| line.trim_start());
        }
    }
    let quoted = ['\'', '"'].into_iter().find_map(|sign| line.strip_prefix(sign)?.strip_suffix(sign));
    let line = quoted.unwrap_or(line);
    let mut once = |line: String| run(&Invocation { line, ..invocation.clone() }, context, client);
    let words: Vec<&str> = line.split_whitespace().take(2).collect();
    if matches!(words.as_slice(), ["kubectl" | "k", "get"]) && !line.contains('|') {
        let output = once(format!("{line} --watch"));
        if output.code == 0 {
            return output;
        }
    }
    once(line.to_string())
}

/// Whether something can be piped into a part of a line other than a filter.
pub fn takes_input(part: &str) -> bool {
    let mut words = part.split_whitespace();
    match words.next().unwrap_or_default() {
        "kubectl" | "k" | "xargs" => true,
        "while" => words.next() == Some("read"),
        _ => false,
    }
}

/// What is done with the output of a command: it is given to kubectl (`-f -`), to a loop, or becomes arguments.
pub fn piped(
    from: &str,
    into: &str,
    invocation: &Invocation,
    context: &mut Context,
    client: &mut Client<'_>,
) -> Output {
    let before = run(&Invocation { line: from.trim().into(), ..invocation.clone() }, context, client);
    if before.wait.is_some() {
        let stderr = "error: kubeviz pipes only what ends at once into commands\n".into();
        return Output { stderr, code: 1, ..Output::default() };
    }
    let into = into.trim();
    let mut output = match into.split_whitespace().next().unwrap_or_default() {
        "xargs" => arguments::xargs(into, &before.stdout, invocation, context, client),
        "while" => match read_loop(into) {
            Some((name, body)) => {
                let words = before.stdout.lines().map(|line| line.trim().to_string()).collect();
                turns(name, words, body, invocation, context, client)
            }
            None => complaint("syntax error near unexpected token `while'"),
        },
        _ => {
            let then = Invocation { line: into.into(), stdin: Some(before.stdout), ..invocation.clone() };
            run(&then, context, client)
        }
    };
    output.stderr.insert_str(0, &before.stderr);
    output
}

/// `while read NAME; do BODY; done`.
fn read_loop(text: &str) -> Option<(&str, &str)> {
    let (head, rest) = text.strip_prefix("while read ")?.split_once(';')?;
    let body = rest.trim().strip_prefix("do ")?.trim_end().strip_suffix("done")?;
    Some((head.trim().trim_start_matches("-r").trim(), body.trim().trim_end_matches(';')))
}
