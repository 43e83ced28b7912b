//! The programs beside kubectl that tutorials use: `curl`, `echo`, `ls`, `rm`, and the filters over files.

use std::collections::BTreeMap;

use super::complaint;
use crate::client::Client;
use crate::kubectl::filters::{self, Filter};
use crate::kubectl::{Context, Invocation, Output, commands};

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
pub(super) const KEYWORDS: [&str; 7] = ["if", "while", "until", "case", "function", "select", "for"];

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
        "curl" | "wget" => {
            let mut files = context.files.clone();
            files.extend(invocation.files.clone());
            Some(commands::forward::curl(line, context, &files, client))
        }
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
