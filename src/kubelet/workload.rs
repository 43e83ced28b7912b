//! How a container behaves, since nothing really runs in it: from its command, read as a small shell would, and from
//! annotations on the pod.
//!
//! An image runs and stays up unless something says otherwise: `sleep 5` ends after five seconds with 0, `sh -c "sleep 2;
//! exit 3"` after two with 3, and `kubeviz.dev/run-seconds: "10"` after ten, whatever the image.

use super::config::KubeletConfig;
use crate::api::k8s::Container;
use crate::api::{MetaExt, Pod};
use crate::clock::SimDuration;

/// A container's behaviour, from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How long creating and starting it takes, if not as usual.
    pub start: Option<SimDuration>,
    /// From when on it answers probes; `None`: never.
    pub ready: Option<SimDuration>,
    /// When it ends by itself, and with which exit code; `None`: it stays up.
    pub end: Option<(SimDuration, i32)>,
    /// How long it takes to end when asked to, if not as usual.
    pub stop: Option<SimDuration>,
}

impl Behaviour {
    /// Reads the behaviour of one container of a pod.
    pub fn of(pod: &Pod, container: &Container, config: &KubeletConfig) -> Behaviour {
        let note = |name: &str| pod.annotation(&format!("{}{name}", config.annotation_prefix));
        let seconds = |name: &str| note(name).and_then(parse_seconds);
        let command = if config.runs_commands { run_command(container) } else { None };
        let code = note("exit-code").and_then(|code| code.parse().ok());
        let end = match (seconds("run-seconds"), command) {
            (Some(after), _) => Some((after, code.unwrap_or(0))),
            (None, Some((after, status))) => Some((after, code.unwrap_or(status))),
            (None, None) => None,
        };
        let ready = match note("ready-delay") {
            Some("never") => None,
            Some(text) => Some(parse_seconds(text).unwrap_or_default()),
            None => Some(SimDuration::ZERO),
        };
        Behaviour { start: seconds("start-delay"), ready, end, stop: seconds("term-delay") }
    }
}

/// A count of seconds, `2` or `0.5`, or a duration, `2s`.
fn parse_seconds(text: &str) -> Option<SimDuration> {
    SimDuration::parse(text).or_else(|| SimDuration::parse(&format!("{text}s")))
}

/// How long a command takes, as far as it can be told: zero for a program we know nothing of.
pub fn command_time(command: Vec<String>) -> SimDuration {
    let container = Container { command: Some(command), ..Default::default() };
    run_command(&container).map_or(SimDuration::ZERO, |(time, _)| time)
}

/// When the container's command ends and how; `None` if it stays up, or is a program we know nothing of.
fn run_command(container: &Container) -> Option<(SimDuration, i32)> {
    let words: Vec<&str> = container
        .command
        .iter()
        .flatten()
        .chain(container.args.iter().flatten())
        .map(String::as_str)
        .collect();
    match words.as_slice() {
        ["sh" | "/bin/sh" | "bash" | "/bin/bash" | "ash", "-c" | "-ec" | "-exc", script, ..] => {
            run_script(script)
        }
        [] => None,
        words => match run_program(words)? {
            Ran::For(time, code) => Some((time, code)),
            Ran::Exit(code) => Some((SimDuration::ZERO, code)),
        },
    }
}

/// What one simple command does.
enum Ran {
    /// It takes so long and then reports the code.
    For(SimDuration, i32),
    /// It ends the shell.
    Exit(i32),
}

fn run_program(words: &[&str]) -> Option<Ran> {
    match words {
        ["sleep" | "/bin/sleep", time] => Some(Ran::For(parse_seconds(time)?, 0)),
        [
            "true" | "/bin/true" | "echo" | "/bin/echo" | "printf" | "touch" | "rm" | "mkdir" | "date"
            | "env" | "ls" | "set",
            ..,
        ] => Some(Ran::For(SimDuration::ZERO, 0)),
        ["false" | "/bin/false"] => Some(Ran::For(SimDuration::ZERO, 1)),
        ["exit"] => Some(Ran::Exit(0)),
        ["exit", code] => Some(Ran::Exit(code.parse().ok()?)),
        _ => None,
    }
}

/// Runs a list of simple commands joined by `;`, `&&`, `||` or line ends. Anything else is a program that stays up.
fn run_script(script: &str) -> Option<(SimDuration, i32)> {
    let (mut time, mut code) = (SimDuration::ZERO, 0);
    for (joint, command) in split_commands(script) {
        if (joint == "&&" && code != 0) || (joint == "||" && code == 0) {
            continue;
        }
        let words = shlex::split(command)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            continue;
        }
        match run_program(&words)? {
            Ran::For(span, status) => {
                time = time + span;
                code = status;
            }
            Ran::Exit(status) => return Some((time, status)),
        }
    }
    Some((time, code))
}

/// Cuts a script at its joints, outside quotes; each command comes with the joint before it.
fn split_commands(script: &str) -> Vec<(&str, &str)> {
    let (mut commands, mut start, mut joint, mut quote) = (Vec::new(), 0, ";", None);
    let bytes = script.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let found = match (quote, bytes[at]) {
            (Some(open), byte) if byte == open => {
                quote = None;
                None
            }
            (Some(_), _) => None,
            (None, byte @ (b'\'' | b'"')) => {
                quote = Some(byte);
                None
            }
            (None, b';' | b'\n') => Some((";", 1)),
            (None, b'&') if bytes.get(at + 1) == Some(&b'&') => Some(("&&", 2)),
            (None, b'|') if bytes.get(at + 1) == Some(&b'|') => Some(("||", 2)),
            _ => None,
        };
        let Some((found, width)) = found else {
            at += 1;
            continue;
        };
        commands.push((joint, script[start..at].trim()));
        joint = found;
        at += width;
        start = at;
    }
    commands.push((joint, script[start..].trim()));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_end_when_a_shell_would_end_them() {
        type Case = (&'static [&'static str], Option<(u64, i32)>);
        let cases: [Case; 9] = [
            (&["sleep", "5"], Some((5_000, 0))),
            (&["sh", "-c", "sleep 2; exit 3"], Some((2_000, 3))),
            (&["sh", "-c", "echo 'a; b' && false || sleep 1"], Some((1_000, 0))),
            (&["sh", "-c", "false && sleep 9"], Some((0, 1))),
            (
                &["sh", "-c", "touch /tmp/healthy\nsleep 30\nrm -f /tmp/healthy\nsleep 600"],
                Some((630_000, 0)),
            ),
            (&["false"], Some((0, 1))),
            (&["dotnet", "Pi.Web.dll", "-m", "web"], None),
            (&["sh", "-c", "while true; do sleep 1; done"], None),
            (&[], None),
        ];
        for (words, want) in cases {
            let command = Some(words.iter().map(|word| (*word).to_string()).collect());
            let container = Container { command, ..Default::default() };
            let got = run_command(&container).map(|(time, code)| (time.as_millis(), code));
            assert_eq!(got, want, "{words:?}");
        }
    }
}
