//! A small shell: enough of `sh -c` that the commands of courses and manuals take the time they say, wait for what they
//! wait for and end with the code they would end with. A script is compiled to a flat program; running it is a place in
//! that program, which is plain data and can be left and taken up again.
//!
//! What it knows: `;` `&&` `||` `|` `!` `&`, `if`, `while`, `until`, `for`, `{ }` and `( )`, variables and sums, output to
//! files, and the commands in [`commands`]. A program it does not know is a server: it stays up.

mod commands;
mod network;
mod parse;
mod said;

use std::collections::BTreeMap;

use sorted::SortedSet;
use std::sync::Arc;

pub use commands::Files;

use crate::client::View;
use crate::clock::SimDuration;
use commands::Outcome;

/// Operations between two pauses: a loop that does nothing but turn is cut here.
const BURST_MAX: u32 = 2_000;

/// How long a turn of such a loop takes if it asks the network.
const NETWORK_TURN: SimDuration = SimDuration::from_secs(1);

/// The variable that holds what `date` would print: whoever runs a script keeps it up to date.
const DATE: &str = "(date)";

/// The file that stands for the other end of a pipe.
const PIPE: &str = "/dev/fd/pipe";

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Text(String),
    /// The value of a variable.
    Variable(String),
    /// The value of a sum: `$((i + 1))`.
    Sum(String),
    /// What cannot be known, as the output of a command.
    Unknown,
}

/// A word of a command.
type Word = Vec<Part>;

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Op {
    /// Run a command; `files` is what its output goes to. `checked`: a failure is looked at, so that `set -e` lets it pass.
    Run { words: Vec<Word>, files: Vec<Word>, checked: bool },
    /// Set a variable.
    Set(String, Word),
    /// Go there if the last command failed.
    IfFailed(usize),
    /// Go there if it did not.
    IfOk(usize),
    /// Go there.
    Jump(usize),
    /// Turn success into failure and the other way round.
    Not,
    /// Start a command and do not wait for it.
    Background,
}

/// A compiled script. Copies share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Arc<[Op]>);

impl Program {
    /// The program that a container's command and arguments make, where they are a shell with a script or a command
    /// that the shell knows; `None` for any other.
    pub fn of_command(words: &[String]) -> Option<Program> {
        let (first, rest) = words.split_first()?;
        let name = first.rsplit('/').next().unwrap_or(first);
        if matches!(name, "sh" | "bash" | "ash" | "dash") {
            let flag = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
            let script = rest.get(flag + 1)?;
            let strict = if rest[flag].contains('e') { "set -e\n" } else { "" };
            return parse::compile(&format!("{strict}{script}"));
        }
        if !commands::is_known(name) {
            return None;
        }
        let words = words.iter().map(|word| vec![Part::Text(word.clone())]).collect();
        Some(Program(vec![Op::Run { words, files: Vec::new(), checked: false }].into()))
    }
}

/// Why a process does not go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It sleeps.
    Sleeps(SimDuration),
    /// It has ended with that code.
    Ended(i32),
    /// It is a server now.
    StaysUp,
}

/// A running script.
#[derive(Clone, Debug)]
pub struct Process {
    program: Program,
    at: usize,
    status: i32,
    variables: BTreeMap<String, String>,
    files: Files,
    on_term: Option<i32>,
    strict: bool,
    looped: bool,
    has_jobs: bool,
    idle: bool,
    /// What it has printed since somebody last looked.
    said: String,
}

impl Process {
    /// A script that has not begun, with its environment.
    pub fn new(program: Program, environment: BTreeMap<String, String>) -> Process {
        Process {
            program,
            at: 0,
            status: 0,
            variables: environment,
            files: SortedSet::new(),
            on_term: None,
            strict: false,
            looped: false,
            has_jobs: false,
            idle: false,
            said: String::new(),
        }
    }

    /// Takes what it has printed since the last time.
    pub fn take_said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }

    /// Tells it what time it is, and what its pod is called.
    pub fn tell(&mut self, date: String, hostname: &str) {
        self.variables.insert(DATE.into(), date);
        self.variables.entry("HOSTNAME".into()).or_insert_with(|| hostname.to_string());
    }

    /// The files it has made.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The code it ends with when it gets SIGTERM, if it has a trap for that.
    pub fn on_term(&self) -> Option<i32> {
        self.on_term
    }

    /// Whether it has gone round a loop: it may do so for ever.
    pub fn has_looped(&self) -> bool {
        self.looped
    }

    /// Whether it waits for nothing in particular and serves nobody: `sleep infinity`.
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// Runs on to the next pause. `namespace` and `view`: whom it finds in the network; nobody where there is no view.
    pub fn resume(&mut self, namespace: &str, view: Option<&View>) -> Pause {
        let mut asked_network = false;
        for _ in 0..BURST_MAX {
            let Some(op) = self.program.0.get(self.at).cloned() else { return Pause::Ended(self.status) };
            self.at += 1;
            match op {
                Op::Run { words, files, checked } => {
                    let words: Vec<Option<String>> = words.iter().map(|word| self.expand(word)).collect();
                    let written: Vec<String> = files.iter().filter_map(|word| self.expand(word)).collect();
                    self.files.extend(written);
                    let said = self.said.len();
                    let outcome = self.run(&words, namespace, view);
                    if !files.is_empty() {
                        self.said.truncate(said);
                    }
                    match outcome {
                        Outcome::Status(status) => self.status = status,
                        Outcome::Network(ok) => {
                            asked_network = true;
                            self.status = i32::from(!ok);
                        }
                        Outcome::Sleep(span) => {
                            self.status = 0;
                            return Pause::Sleeps(span);
                        }
                        Outcome::Exit(status) => {
                            self.at = self.program.0.len();
                            self.status = status;
                        }
                        Outcome::Idle => {
                            self.idle = true;
                            return Pause::StaysUp;
                        }
                        Outcome::Serves => return Pause::StaysUp,
                    }
                    if self.status != 0 && self.strict && !checked {
                        self.at = self.program.0.len();
                    }
                }
                Op::Set(name, word) => {
                    let value = self.expand(&word).unwrap_or_default();
                    self.variables.insert(name, value);
                    self.status = 0;
                }
                Op::IfFailed(to) if self.status != 0 => self.jump(to),
                Op::IfOk(to) if self.status == 0 => self.jump(to),
                Op::IfFailed(_) | Op::IfOk(_) => {}
                Op::Jump(to) => self.jump(to),
                Op::Not => self.status = i32::from(self.status == 0),
                Op::Background => {
                    self.has_jobs = true;
                    self.status = 0;
                }
            }
        }
        if asked_network {
            return Pause::Sleeps(NETWORK_TURN);
        }
        self.idle = true;
        Pause::StaysUp
    }

    fn jump(&mut self, to: usize) {
        self.looped |= to < self.at;
        self.at = to;
    }

    /// The text of a word; `None` if it cannot be known.
    fn expand(&self, word: &Word) -> Option<String> {
        let mut text = String::new();
        for part in word {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable(name) if name == "?" => text.push_str(&self.status.to_string()),
                Part::Variable(name) => text.push_str(self.variables.get(name).map_or("", String::as_str)),
                Part::Sum(sum) => text.push_str(&parse::sum(sum, &self.variables)?.to_string()),
                Part::Unknown => return None,
            }
        }
        Some(text)
    }
}

/// Runs a probe's command beside a container's script: whether it succeeds within `limit`, and what it says if not.
/// `None` for a command that the shell does not know.
pub fn run_probe(
    words: &[String],
    files: Option<&Files>,
    namespace: Option<&str>,
    view: Option<&View>,
    limit: SimDuration,
) -> Option<Result<(), String>> {
    let mut process = Process::new(Program::of_command(words)?, BTreeMap::new());
    process.files = files.cloned().unwrap_or_default();
    let mut time = SimDuration::ZERO;
    loop {
        match process.resume(namespace.unwrap_or_default(), view) {
            Pause::Ended(0) => return Some(Ok(())),
            Pause::Ended(_) => return Some(Err(commands::complaint(words, &process.files))),
            Pause::StaysUp if !process.idle => return None,
            Pause::StaysUp => time = limit,
            Pause::Sleeps(span) => time = time + span,
        }
        if time >= limit {
            let seconds = limit.as_secs();
            return Some(Err(format!("command timed out: {:?} timed out after {seconds}s", words.join(" "))));
        }
    }
}

/// What a command run beside a container's script answers (`kubectl exec`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it prints.
    pub said: String,
    /// Its exit code; `None` for one that does not end.
    pub code: Option<i32>,
}

/// Runs a command in a container, without letting time pass. `None` for a program that the shell does not know.
pub fn exec(
    words: &[String],
    files: Option<&Files>,
    environment: BTreeMap<String, String>,
    (date, hostname): (String, &str),
    namespace: &str,
    view: &View,
) -> Option<Answer> {
    let mut process = Process::new(Program::of_command(words)?, environment);
    process.files = files.cloned().unwrap_or_default();
    process.tell(date, hostname);
    for _ in 0..1_000 {
        match process.resume(namespace, Some(view)) {
            Pause::Sleeps(_) => {}
            Pause::Ended(code) => return Some(Answer { said: process.said, code: Some(code) }),
            Pause::StaysUp if !process.idle => return None,
            Pause::StaysUp => break,
        }
    }
    Some(Answer { said: process.said, code: None })
}

/// How long a command takes, as far as it can be told: none for one that the shell does not know. One that never ends
/// takes longer than any grace period.
pub fn time_of(words: &[String], files: Option<&Files>) -> SimDuration {
    const LONG: SimDuration = SimDuration::from_secs(1 << 32);
    let Some(program) = Program::of_command(words) else { return SimDuration::ZERO };
    let mut process = Process::new(program, BTreeMap::new());
    process.files = files.cloned().unwrap_or_default();
    let mut time = SimDuration::ZERO;
    // A loop that sleeps is followed for so many turns.
    for _ in 0..1_000 {
        match process.resume("", None) {
            Pause::Ended(_) => return time,
            Pause::StaysUp if process.idle => return LONG,
            Pause::StaysUp => return time,
            Pause::Sleeps(span) => time = time + span,
        }
    }
    LONG
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a script to its end, or for a day: the time it took in milliseconds, and its exit code if it ended.
    fn check(script: &str) -> (u64, Option<i32>) {
        let words: Vec<String> = ["sh", "-c", script].iter().map(|word| (*word).to_string()).collect();
        let Some(program) = Program::of_command(&words) else { return (0, None) };
        let mut process = Process::new(program, BTreeMap::from([("HOME".into(), "/root".into())]));
        let mut time = SimDuration::ZERO;
        while time < SimDuration::from_secs(86_400) {
            match process.resume("default", None) {
                Pause::Sleeps(span) => time = time + span,
                Pause::Ended(code) => return (time.as_millis(), Some(code)),
                Pause::StaysUp => return (time.as_millis(), None),
            }
        }
        (time.as_millis(), None)
    }

    #[test]
    fn scripts_take_the_time_and_end_with_the_code_they_say() {
        let cases = [
            ("sleep 2; exit 3", 2_000, Some(3)),
            ("echo hello", 0, Some(0)),
            ("false", 0, Some(1)),
            ("false && sleep 9", 0, Some(1)),
            ("false || sleep 0.5", 500, Some(0)),
            ("echo 'a; sleep 9' && true", 0, Some(0)),
            ("! false && sleep 1", 1_000, Some(0)),
            ("sleep 1m\nsleep 1", 61_000, Some(0)),
            ("echo a | grep a; sleep 1 # done", 1_000, Some(0)),
            ("sleep 100 & sleep 1", 1_000, Some(0)),
            ("exit", 0, Some(0)),
            ("set -e; false; sleep 9", 0, Some(1)),
            ("set -e; false || true; sleep 9", 9_000, Some(0)),
            ("(sleep 1; sleep 2) && { sleep 3; }", 6_000, Some(0)),
            ("echo \"starting $(date)\"; sleep 1", 1_000, Some(0)),
            ("sleep infinity", 0, None),
            ("tail -f /dev/null", 0, None),
            ("sleep 3 && exec nginx -g 'daemon off;'", 3_000, None),
            ("while true; do :; done", 0, None),
        ];
        for (script, millis, code) in cases {
            assert_eq!(check(script), (millis, code), "{script}");
        }
    }

    #[test]
    fn branches_and_loops_go_where_a_shell_goes() {
        let cases = [
            ("if true; then sleep 1; else sleep 2; fi", 1_000, Some(0)),
            ("if false; then sleep 1; elif true; then sleep 3; else sleep 2; fi", 3_000, Some(0)),
            ("if [ -f /tmp/x ]; then sleep 1; fi; sleep 2", 2_000, Some(0)),
            ("touch /tmp/x; if [ -f /tmp/x ]; then sleep 1; fi", 1_000, Some(0)),
            ("echo 1 > /tmp/x; test -e /tmp/x && sleep 4", 4_000, Some(0)),
            ("for i in 1 2 3; do sleep $i; done", 6_000, Some(0)),
            ("for i in $(seq 1 4); do sleep 1; done; exit 7", 4_000, Some(7)),
            ("i=0; while [ $i -lt 5 ]; do i=$((i+1)); sleep 1; done", 5_000, Some(0)),
            ("i=3; until [ \"$i\" = 0 ]\ndo\n  sleep 2\n  i=$((i - 1))\ndone\nexit 2", 6_000, Some(2)),
            ("[ \"$HOME\" = /root ] && sleep 1", 1_000, Some(0)),
        ];
        for (script, millis, code) in cases {
            assert_eq!(check(script), (millis, code), "{script}");
        }
    }

    #[test]
    fn what_is_no_script_we_can_read_is_a_server() {
        let deep = format!("{}true{}", "(".repeat(200), ")".repeat(200));
        for script in ["case $x in a) ;; esac", "cat <<EOF\nhello\nEOF", "echo 'open", &deep] {
            assert_eq!(check(script), (0, None), "{script}");
        }
    }

    #[test]
    fn a_probe_sees_the_files_of_the_script_beside_it() {
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        let limit = SimDuration::from_secs(1);
        let files = Files::from(["/tmp/healthy".to_string()]);
        let probe = |text: &str, files: &Files| run_probe(&words(text), Some(files), None, None, limit);
        assert_eq!(probe("cat /tmp/healthy", &files), Some(Ok(())));
        let gone = "cat: can't open '/tmp/healthy': No such file or directory".to_string();
        assert_eq!(probe("cat /tmp/healthy", &Files::new()), Some(Err(gone)));
        assert_eq!(probe("mysqladmin ping", &files), None);
        assert!(probe("sleep 5", &files).is_some_and(|found| found.is_err()));
    }

    #[test]
    fn a_trap_says_how_a_script_takes_sigterm() {
        let script = "trap 'echo bye; exit 3' TERM; while true; do sleep 1; done";
        let words: Vec<String> = ["sh", "-c", script].iter().map(|word| (*word).to_string()).collect();
        let process = Program::of_command(&words).map(|program| {
            let mut process = Process::new(program, BTreeMap::new());
            assert_eq!(process.resume("", None), Pause::Sleeps(SimDuration::from_secs(1)));
            assert!(!process.has_looped());
            process.resume("", None);
            process
        });
        assert_eq!(process.map(|process| (process.on_term(), process.has_looped())), Some((Some(3), true)));
    }
}
