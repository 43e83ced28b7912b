//! What stands around kubectl's commands on a line: loops over what a command prints, `xargs`, `watch`, aliases, and the few programs
//! beside it that tutorials use.

use std::collections::BTreeMap;

use super::errors::Failure;
use super::filters::{self, Filter};
use super::script::{self, Command};
use super::variables::expand;
use super::{Context, Invocation, Output, commands, run};
use crate::client::Client;

/// All loops of a line together take so many turns at most,
const TURNS_MAX: usize = 1_000;
/// and end once they have printed so much.
const PRINTED_MAX: usize = 1 << 20;

/// Programs that a reader may have on a machine of their own, and that there are not here.
const ELSEWHERE: [&str; 37] = [
    "apt",
    "apt-get",
    "brew",
    "cfssl",
    "chmod",
    "chown",
    "cilium",
    "crictl",
    "ctr",
    "dig",
    "docker",
    "etcdctl",
    "git",
    "hack",
    "helm",
    "hey",
    "htpasswd",
    "ip",
    "istioctl",
    "journalctl",
    "jq",
    "k9s",
    "kind",
    "kubeadm",
    "kubectx",
    "kubens",
    "minikube",
    "mv",
    "nano",
    "nerdctl",
    "nslookup",
    "openssl",
    "ping",
    "ssh",
    "systemctl",
    "vi",
    "vim",
];

/// What a shell has and the console does not.
const KEYWORDS: [&str; 7] = ["if", "while", "until", "case", "function", "select", "for"];

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
            let parts =
                Some(script::parts(line)).filter(|parts| parts.len() > 1 && !KEYWORDS.contains(&first))?;
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
        "xargs" => xargs(into, &before.stdout, invocation, context, client),
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

fn xargs(
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

/// A line that is the shell's around kubectl: `curl`, `echo`, `cat FILE`, `rm FILE`, `true`; nothing for one that is kubectl's.
pub fn program(
    line: &str,
    invocation: &Invocation,
    context: &mut Context,
    client: &mut Client<'_>,
) -> Option<Output> {
    let said = |stdout: String| Some(Output { stdout, ..Output::default() });
    let first = line.split_whitespace().next()?;
    match first {
        "curl" | "wget" => Some(commands::forward::curl(line, context, client)),
        // Folders beside the console are but the beginnings of files' names, and completion is there anyway.
        "export" | "true" | ":" | "mkdir" | "cd" | "clear" | "source" | "complete" => Some(Output::default()),
        "false" => Some(Output { code: 1, ..Output::default() }),
        "ls" => {
            let mut names: Vec<&String> = context.files.keys().chain(invocation.files.keys()).collect();
            crate::api::sorting::sort_by(&mut names, |a, b| a.cmp(b));
            names.dedup();
            said(names.into_iter().map(|name| format!("{name}\n")).collect())
        }
        "echo" => {
            let words = shlex::split(line)?;
            let (end, words) = match words.get(1).map(String::as_str) {
                Some("-n") => ("", &words[2..]),
                _ => ("\n", &words[1..]),
            };
            said(format!("{}{end}", words.join(" ")))
        }
        "rm" => {
            for word in line.split_whitespace().skip(1).map(|word| word.trim_start_matches("./")) {
                context.files.retain(|name, _| name != word && !name.starts_with(&format!("{word}/")));
            }
            Some(Output::default())
        }
        filter if filters::is_known(filter) => filter_of_files(line, invocation, context),
        word if KEYWORDS.contains(&word) => Some(complaint(&format!(
            "{word}: kubeviz's console has no loops but `for NAME in WORDS; do …; done` and no conditions; `kubectl get -w` watches, and \
             `load svc/NAME --rate 5` asks again and again"
        ))),
        word if ELSEWHERE.contains(&word) => Some(complaint(&format!("{word}: command not found"))),
        _ => None,
    }
}

/// A filter that is not piped into: it reads files, or what a here-document holds.
fn filter_of_files(line: &str, invocation: &Invocation, context: &mut Context) -> Option<Output> {
    let words = shlex::split(line)?;
    let known = |name: &str| {
        let name = name.trim_start_matches("./");
        context.files.get(name).or_else(|| invocation.files.get(name)).cloned()
    };
    let count = words.iter().rev().take_while(|word| known(word).is_some()).count();
    let (command, files) = words.split_at(words.len() - count);
    let in_place = command.first().is_some_and(|name| name == "sed")
        && command.iter().any(|word| word.starts_with("-i"));
    let quoted = command.iter().filter(|word| !(in_place && word.starts_with("-i")));
    let quoted: Vec<String> =
        quoted.filter_map(|word| Some(shlex::try_quote(word).ok()?.into_owned())).collect();
    let missing =
        |name: &str| Some(complaint_of(&format!("{}: {name}: No such file or directory", command[0])));
    let texts: Vec<String> = match (files, &invocation.stdin) {
        ([], Some(stdin)) => vec![stdin.clone()],
        ([], None) => return missing(words.last().filter(|_| words.len() > 1)?),
        (files, _) => files.iter().filter_map(|name| known(name)).collect(),
    };
    let filter = match Filter::parse(&quoted.join(" ")) {
        Ok(filter) => filter,
        // What was taken for a pattern is a file that there is not.
        Err(_) if files.is_empty() => return missing(words.last()?),
        Err(failure) => return Some(Output { stderr: failure.render(""), code: 1, ..Output::default() }),
    };
    let through = |text: String| {
        let mut output = Output { stdout: text, ..Output::default() };
        filter.apply(&mut output);
        output
    };
    if !in_place {
        return Some(through(texts.concat()));
    }
    for (name, text) in files.iter().zip(texts) {
        let name = name.trim_start_matches("./");
        if !context.files.contains_key(name) {
            return Some(complaint_of(&format!("sed: couldn't edit {name}: it is open in the editor")));
        }
        context.files.insert(name.to_string(), through(text).stdout);
    }
    Some(Output::default())
}

/// A program's own complaint.
fn complaint_of(why: &str) -> Output {
    Output { stderr: format!("{why}\n"), code: 1, ..Output::default() }
}

/// Where `tee` puts what passes: the files, and whether they go on.
pub fn tee(part: &str) -> Option<(Vec<String>, bool)> {
    let words = shlex::split(part)?;
    let (first, rest) = words.split_first()?;
    let files =
        rest.iter().filter(|word| !word.starts_with('-')).map(|name| name.trim_start_matches("./").into());
    (first == "tee").then(|| (files.collect(), rest.iter().any(|word| word == "-a" || word == "--append")))
}

/// Puts a text into files.
pub fn keep(files: &[String], appends: bool, text: &str, into: &mut BTreeMap<String, String>) {
    for name in files {
        let file = into.entry(name.clone()).or_default();
        if !appends {
            file.clear();
        }
        file.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_kubectl_before_it_is_still_its() {
        // Verbs may be typed alone: a program of the same name would take them away.
        for path in commands::verb_paths() {
            let word = path.split(' ').next().unwrap_or_default();
            let taken = ELSEWHERE.contains(&word) || KEYWORDS.contains(&word) || filters::is_known(word);
            assert!(
                !taken
                    && !["alias", "watch", "time", "clear", "source", "complete", "cd", "ls"].contains(&word),
                "{word}"
            );
        }
    }
}
