//! The commands that the shell knows.

use sorted::SortedSet;

use super::{Process, network};
use crate::client::View;
use crate::clock::SimDuration;
use crate::kubelet::workload;

/// The paths of the files that a script has made.
pub type Files = SortedSet<String>;

/// What a command does.
pub enum Outcome {
    /// It ends at once with that code.
    Status(i32),
    /// It asks somebody over the network; whether it is answered.
    Network(bool),
    /// It takes a while and succeeds.
    Sleep(SimDuration),
    /// It ends the shell.
    Exit(i32),
    /// It does nothing, for ever.
    Idle,
    /// It is a program of its own that stays up.
    Serves,
}

/// Commands that take no time and succeed, as far as it matters here.
const QUICK: &[&str] = &[
    ":",
    "true",
    "echo",
    "printf",
    "date",
    "env",
    "printenv",
    "ls",
    "mkdir",
    "chmod",
    "chown",
    "cd",
    "pwd",
    "export",
    "unset",
    "umask",
    "ulimit",
    "shift",
    "read",
    "local",
    "hostname",
    "whoami",
    "id",
    "uname",
    "ps",
    "df",
    "du",
    "free",
    "cp",
    "mv",
    "ln",
    "grep",
    "egrep",
    "sed",
    "awk",
    "cut",
    "sort",
    "uniq",
    "head",
    "wc",
    "tee",
    "tr",
    "xargs",
    "seq",
    "expr",
    "basename",
    "dirname",
    "kill",
    "sync",
    "base64",
    "sha256sum",
    "mktemp",
    "apk",
    "apt-get",
    "apt",
];

/// Whether the shell knows what a command does.
pub fn is_known(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "false", "sleep", "exit", "touch", "rm", "cat", "test", "[", "tail", "nslookup", "dig", "host",
        "getent", "ping", "wget", "curl", "nc", "trap", "wait", "set", "exec",
    ];
    QUICK.contains(&name) || OTHERS.contains(&name)
}

impl Process {
    /// Runs one command. A word that cannot be known is `None`.
    pub(super) fn run(&mut self, words: &[Option<String>], namespace: &str, view: Option<&View>) -> Outcome {
        let Some((Some(first), rest)) = words.split_first() else { return Outcome::Serves };
        let name = first.rsplit('/').next().unwrap_or(first);
        let known: Vec<&str> = rest.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
        self.speak(name, &known, namespace, view);
        let paths = || known.iter().filter(|word| !word.starts_with('-'));
        match name {
            "false" => Outcome::Status(1),
            "exec" if rest.is_empty() => Outcome::Status(0),
            "exec" => self.run(rest, namespace, view),
            "exit" | "return" => {
                Outcome::Exit(known.first().map_or(self.status, |code| code.parse().unwrap_or(2)))
            }
            "sleep" => sleep(&known),
            "wait" if self.has_jobs => Outcome::Idle,
            "wait" => Outcome::Status(0),
            "set" => {
                self.strict |= known.iter().any(|word| word.starts_with('-') && word.contains('e'));
                Outcome::Status(0)
            }
            "trap" => {
                if known.iter().skip(1).any(|signal| matches!(*signal, "TERM" | "SIGTERM" | "15" | "EXIT")) {
                    self.on_term = Some(exit_code(known[0]));
                }
                Outcome::Status(0)
            }
            "touch" => {
                self.files.extend(paths().map(|path| (*path).to_string()));
                Outcome::Status(0)
            }
            "rm" => {
                for path in paths() {
                    let below = format!("{}/", path.trim_end_matches('/'));
                    self.files.retain(|file| file != path && !file.starts_with(&below));
                }
                Outcome::Status(0)
            }
            "cat" => Outcome::Status(i32::from(!paths().all(|path| exists(path, &self.files)))),
            "tail" if known.iter().any(|word| word.starts_with("-f") || word.starts_with("-F")) => {
                Outcome::Idle
            }
            "tail" => Outcome::Status(0),
            "test" => Outcome::Status(i32::from(!self.holds(rest))),
            "[" => Outcome::Status(i32::from(!self.holds(&rest[..rest.len().saturating_sub(1)]))),
            "nslookup" | "dig" | "host" | "getent" | "ping" => {
                let host = paths()
                    .find(|word| !matches!(**word, "hosts" | "ahosts") && word.parse::<u32>().is_err());
                Outcome::Network(host.is_some_and(|host| network::resolves(host, namespace, view)))
            }
            "wget" | "curl" | "nc" => {
                let host = paths().find(|word| word.parse::<u32>().is_err() && !word.starts_with('/'));
                Outcome::Network(host.is_some_and(|host| network::answers(host, namespace, view)))
            }
            name if QUICK.contains(&name) => Outcome::Status(0),
            _ => Outcome::Serves,
        }
    }

    /// Whether a test holds. One about something that cannot be known does not.
    fn holds(&self, words: &[Option<String>]) -> bool {
        let Some(words) = words.iter().map(Option::as_deref).collect::<Option<Vec<&str>>>() else {
            return false;
        };
        match words.as_slice() {
            ["!", rest @ ..] => {
                let rest: Vec<Option<String>> = rest.iter().map(|word| Some((*word).to_string())).collect();
                !self.holds(&rest)
            }
            ["-f" | "-e" | "-s" | "-d" | "-r" | "-w" | "-x", path] => exists(path, &self.files),
            ["-n", text] | [text] => !text.is_empty(),
            ["-z", text] => text.is_empty(),
            [a, "=" | "==", b] => a == b,
            [a, "!=", b] => a != b,
            [a, comparison, b] => {
                let (Ok(a), Ok(b)) = (a.trim().parse::<i64>(), b.trim().parse::<i64>()) else { return false };
                match *comparison {
                    "-eq" => a == b,
                    "-ne" => a != b,
                    "-lt" => a < b,
                    "-le" => a <= b,
                    "-gt" => a > b,
                    "-ge" => a >= b,
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

fn sleep(words: &[&str]) -> Outcome {
    let span = |word: &&str| match *word {
        "infinity" | "inf" => None,
        word => workload::seconds(word).or_else(|| SimDuration::parse(word)).or_else(|| days(word)),
    };
    if words.contains(&"infinity") || words.contains(&"inf") {
        return Outcome::Idle;
    }
    match words.iter().map(span).try_fold(SimDuration::ZERO, |sum, span| Some(sum + span?)) {
        Some(span) if !words.is_empty() => Outcome::Sleep(span),
        _ => Outcome::Status(1),
    }
}

/// `2d`, which Go's durations do not have.
fn days(word: &str) -> Option<SimDuration> {
    let days: u64 = word.strip_suffix('d')?.parse().ok()?;
    Some(SimDuration::from_secs(days.checked_mul(86_400).filter(|secs| *secs < 1 << 40)?))
}

/// The code that a trap's commands end with: that of their `exit`, or 0.
fn exit_code(handler: &str) -> i32 {
    let after = handler.split_once("exit").map(|(_, after)| after.trim());
    let digits =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|code| code.parse().ok());
    after.and_then(digits).unwrap_or(0)
}

/// Whether a file is there: one that the script has made, or one that every container has.
fn exists(path: &str, files: &Files) -> bool {
    const ALWAYS: [&str; 6] = ["/etc", "/bin", "/usr", "/proc", "/dev", "/var/run/secrets"];
    let bare = path.trim_end_matches('/');
    let within =
        |dir: &str| bare.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    files.contains(bare)
        || matches!(bare, "" | "/tmp" | "/var" | "/root" | "/home")
        || ALWAYS.into_iter().any(within)
}

/// What a command that failed has said.
pub fn complaint(words: &[String], files: &Files) -> String {
    let name = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let missing = words.iter().skip(1).find(|word| !word.starts_with('-') && !exists(word, files));
    match (name, missing) {
        ("cat", Some(path)) => format!("cat: can't open '{path}': No such file or directory"),
        _ => String::new(),
    }
}
