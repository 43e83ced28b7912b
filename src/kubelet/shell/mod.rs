//! A small shell: enough of `sh -c` that the commands of courses and manuals take the time they say, wait for what they
//! wait for and end with the code they would end with. A script is compiled to a flat program; running it is a place in
//! that program, which is plain data and can be left and taken up again.
//!
//! What it knows: `;` `&&` `||` `|` `!` `&`, `if`, `while`, `until`, `for`, `{ }` and `( )`, variables and sums, output to
//! files, and the commands in [`commands`]. A program it does not know is a server: it stays up.

mod arithmetic;
mod clients;
mod commands;
mod conditions;
mod expand;
mod lexer;
mod network;
mod parse;
mod said;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::daemons::Daemons;
use super::files::Files;
use crate::client::wire::Sample;
use crate::clock::{SimDuration, SimTime};
use commands::Outcome;
use conditions::Condition;

pub use clients::is_missing;
pub use commands::is_known as knows;
pub use network::Net;

/// Operations between two pauses: a loop that does nothing but turn is cut here.
const BURST_MAX: u32 = 2_000;

/// How long a turn of such a loop takes if it asks the network.
const NETWORK_TURN: SimDuration = SimDuration::from_secs(1);

/// What is printed and not yet taken is kept up to this.
const KEPT_MAX: usize = 64 * 1024;

/// The variable that holds what `date` would print: whoever runs a script keeps it up to date.
pub const DATE: &str = "(date)";

/// The variable that holds the container's image.
pub const IMAGE: &str = "(image)";

/// The variable that holds the user: `uid gid group group …`.
pub const USER: &str = "(user)";

/// The variable that is there where what is printed goes to a terminal.
pub const TTY: &str = "(tty)";

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Text(String),
    /// The value of a variable, with what is done to it.
    Variable { name: String, change: Option<Box<Change>>, quoted: bool },
    /// The value of a sum: `$((i + 1))`.
    Sum(String),
    /// What a command prints.
    Command { program: Program, quoted: bool },
    /// What cannot be known.
    Unknown,
}

impl Part {
    fn variable(name: &str, quoted: bool) -> Part {
        Part::Variable { name: name.into(), change: None, quoted }
    }
}

/// What is done to the value of a variable: `${name:-otherwise}`, `${name##*-}`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    operator: &'static str,
    word: Word,
}

/// A word of a command.
type Word = Vec<Part>;

/// Where what a command prints goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// To the next command.
    Pipe,
    /// To a file, anew or at its end.
    File { path: Word, append: bool },
    /// Where the other stream goes.
    Other,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Op {
    /// Run a command. `checked`: a failure is looked at, so that `set -e` lets it pass.
    Run { words: Vec<Word>, redirected: Redirected, checked: bool },
    /// `[[ condition ]]`.
    Test { condition: Condition, checked: bool },
    /// The value that a `case` looks at.
    Case(Word),
    /// Go there unless it fits one of these.
    Unless(Vec<Word>, usize),
    /// The `case` is over.
    EndCase,
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
    /// What follows up to [`Op::EndInput`] reads what has come through the pipe.
    Piped,
    /// A block begins that may read a file, and whose output may go to a file that is made anew.
    Block { input: Option<Word>, anew: Option<Word> },
    /// What is read is nothing special any more.
    EndInput,
    /// The words that a loop goes through.
    Each(Vec<Word>),
    /// The next of them is the variable's value; where there is none, go there.
    Next(String, usize),
    /// The loop is left.
    EndEach,
}

/// Where a command reads and prints, if not as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Redirected {
    input: Option<Input>,
    out: Option<Target>,
    err: Option<Target>,
}

/// What a command reads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Input {
    File(Word),
    Text(Word),
}

/// Whom a script finds around it.
#[derive(Clone, Copy, Default)]
pub struct World<'a> {
    /// The network; nobody answers where there is none.
    pub net: Option<Net<'a>>,
    /// The uid of its pod.
    pub uid: &'a str,
    /// Its container, and which run of it.
    pub container: (&'a str, u32),
    /// The time.
    pub now: SimTime,
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
        Some(Program(vec![Op::Run { words, redirected: Redirected::default(), checked: false }].into()))
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
    /// What it finds on its disk.
    pub files: Files,
    /// The servers of all pods, while it runs.
    pub daemons: Daemons,
    on_term: Option<i32>,
    strict: bool,
    /// Whether it says what it does (`set -x`).
    traced: bool,
    looped: bool,
    has_jobs: bool,
    idle: bool,
    nested: u32,
    /// What waits in the pipe for the next command.
    pipe: String,
    /// What there is to read, innermost block last.
    input: Vec<String>,
    /// What loops have still to go through, innermost last, the next item last.
    loops: Vec<Vec<String>>,
    /// What each `case` around looks at.
    cases: Vec<String>,
    /// What the command that runs has printed.
    out: String,
    /// What it has complained about.
    err: String,
    /// What it has printed since somebody last looked.
    said: String,
    /// What it has complained about since then, where somebody takes what it prints for something else.
    aside: String,
    /// What it has asked over the network since then.
    asked: Vec<Sample>,
    /// Counts what it has asked.
    nonce: u64,
    /// How far it is ahead of the clock, where it runs without letting time pass.
    ahead: SimDuration,
}

impl Process {
    /// A script that has not begun, with its environment.
    pub fn new(program: Program, environment: BTreeMap<String, String>) -> Process {
        Process {
            program,
            at: 0,
            status: 0,
            variables: environment,
            files: Files::default(),
            daemons: Daemons::default(),
            on_term: None,
            strict: false,
            traced: false,
            looped: false,
            has_jobs: false,
            idle: false,
            nested: 0,
            pipe: String::new(),
            input: Vec::new(),
            loops: Vec::new(),
            cases: Vec::new(),
            out: String::new(),
            err: String::new(),
            said: String::new(),
            aside: String::new(),
            asked: Vec::new(),
            nonce: 0,
            ahead: SimDuration::ZERO,
        }
    }

    /// Takes what it has asked over the network since the last time.
    pub fn take_asked(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.asked)
    }

    /// Takes what it has printed since the last time.
    pub fn take_said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }

    /// Tells it what time it is, and what its pod is called.
    pub fn tell(&mut self, date: String, hostname: &str, image: &str, tty: bool) {
        self.variables.insert(DATE.into(), date);
        self.variables.insert(IMAGE.into(), image.into());
        if tty {
            self.variables.insert(TTY.into(), String::new());
        }
        self.variables.entry("HOSTNAME".into()).or_insert_with(|| hostname.to_string());
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

    /// Runs on to the next pause.
    pub fn resume(&mut self, world: World<'_>) -> Pause {
        let mut asked_network = false;
        for _ in 0..BURST_MAX {
            let Some(op) = self.program.0.get(self.at).cloned() else { return Pause::Ended(self.status) };
            self.at += 1;
            if let Some(pause) = self.take_step(op, world, &mut asked_network) {
                return pause;
            }
        }
        if asked_network {
            return Pause::Sleeps(NETWORK_TURN);
        }
        self.idle = true;
        Pause::StaysUp
    }

    fn take_step(&mut self, op: Op, world: World<'_>, asked_network: &mut bool) -> Option<Pause> {
        match op {
            Op::Run { words, redirected, checked } => {
                let pause = self.run_redirected(&words, &redirected, world, asked_network);
                self.give_up_unless(checked);
                return pause;
            }
            Op::Set(name, word) => {
                self.status = 0;
                let value = self.expand(&word, world).unwrap_or_default();
                self.trace(&[&format!("{name}={}", conditions::shown(&value))]);
                self.variables.insert(name, value);
            }
            Op::Test { condition, checked } => {
                let holds = self.judge_condition(&condition, world);
                self.status = i32::from(!holds);
                self.deliver(&Redirected::default(), world);
                self.give_up_unless(checked);
            }
            Op::Case(word) => {
                let value = self.expand(&word, world).unwrap_or_default();
                self.cases.push(value);
            }
            Op::Unless(patterns, to) => {
                let value = self.cases.last().cloned().unwrap_or_default();
                let fits = |process: &mut Process, word: &Word| {
                    let pattern = process.expand(word, world).unwrap_or_default();
                    conditions::fits(&pattern, &value)
                };
                if !patterns.iter().any(|word| fits(self, word)) {
                    self.jump(to);
                }
            }
            Op::EndCase => {
                self.cases.pop();
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
            Op::Piped => {
                let text = std::mem::take(&mut self.pipe);
                self.input.push(text);
            }
            Op::Block { input, anew } => {
                if let Some(path) = anew.and_then(|word| self.expand(&word, world)) {
                    // Whoever writes there next says what is wrong.
                    let _ = self.files.write(&path, "", false);
                }
                if let Some(path) = input.and_then(|word| self.expand(&word, world)) {
                    let text = self.files.read(&path).unwrap_or_default().to_string();
                    self.input.push(text);
                }
            }
            Op::EndInput => {
                self.input.pop();
            }
            Op::Each(words) => {
                let mut items: Vec<String> =
                    words.iter().flat_map(|word| self.fields(word, world)).flatten().collect();
                items.reverse();
                self.loops.push(items);
            }
            Op::Next(name, end) => match self.loops.last_mut().and_then(Vec::pop) {
                Some(item) => {
                    self.variables.insert(name, item);
                }
                None => self.at = end,
            },
            Op::EndEach => {
                self.loops.pop();
            }
        }
        None
    }

    /// With `set -e`, a failure that nobody looks at ends the script.
    fn give_up_unless(&mut self, checked: bool) {
        if self.status != 0 && self.strict && !checked {
            self.at = self.program.0.len();
        }
    }

    /// Says what is done, with `set -x`.
    fn trace(&mut self, words: &[&str]) {
        if self.traced {
            let depth = "+".repeat(self.nested as usize + 1);
            self.complain(&format!("{depth} {}\n", words.join(" ")));
        }
    }

    /// Runs a command with its streams where they shall be.
    fn run_redirected(
        &mut self,
        words: &[Word],
        redirected: &Redirected,
        world: World<'_>,
        asked_network: &mut bool,
    ) -> Option<Pause> {
        let words: Vec<Option<String>> = words.iter().flat_map(|word| self.fields(word, world)).collect();
        let own_input = match &redirected.input {
            None => None,
            Some(Input::Text(word)) => Some(self.expand(word, world).unwrap_or_default()),
            Some(Input::File(word)) => {
                let path = self.expand(word, world).unwrap_or_default();
                match self.files.read(&path) {
                    Ok(text) => Some(text.to_string()),
                    Err(trouble) => {
                        self.err = format!("sh: can't open {path}: {}\n", short(trouble.0));
                        self.deliver(redirected, world);
                        self.status = 1;
                        return None;
                    }
                }
            }
        };
        let reads = own_input.is_some();
        self.input.extend(own_input);
        if self.traced && words != [Some(":".to_string())] {
            let shown: Vec<String> =
                words.iter().map(|word| conditions::shown(word.as_deref().unwrap_or("?"))).collect();
            self.trace(&shown.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let outcome = self.run(&words, world);
        if reads {
            self.input.pop();
        }
        let delivered = self.deliver(redirected, world);
        match outcome {
            Outcome::Status(status) => self.status = if delivered { status } else { 1 },
            Outcome::Network(ok) => {
                *asked_network = true;
                self.status = i32::from(!ok);
            }
            Outcome::Sleep(span) => {
                self.status = 0;
                return Some(Pause::Sleeps(span));
            }
            Outcome::Took(status, span) => {
                self.status = if delivered { status } else { 1 };
                return Some(Pause::Sleeps(span));
            }
            Outcome::Exit(status) => {
                self.at = self.program.0.len();
                self.status = status;
            }
            Outcome::Idle => {
                self.idle = true;
                return Some(Pause::StaysUp);
            }
            Outcome::Serves => return Some(Pause::StaysUp),
        }
        None
    }

    /// Puts what a command has printed where it shall go. Says whether that worked.
    fn deliver(&mut self, redirected: &Redirected, world: World<'_>) -> bool {
        let (mut out, mut err) = (std::mem::take(&mut self.out), std::mem::take(&mut self.err));
        if redirected.err == Some(Target::Other) {
            out.push_str(&std::mem::take(&mut err));
        }
        if redirected.out == Some(Target::Other) {
            err.push_str(&std::mem::take(&mut out));
        }
        let delivered = self.send(out, redirected.out.as_ref(), world);
        if redirected.err.is_none() {
            self.complain(&err);
            return delivered;
        }
        self.send(err, redirected.err.as_ref(), world) && delivered
    }

    /// Prints an error: not into what a substitution takes.
    fn complain(&mut self, text: &str) {
        match self.nested {
            0 => self.say(text),
            _ => self.aside.push_str(text),
        }
    }

    fn send(&mut self, text: String, target: Option<&Target>, world: World<'_>) -> bool {
        match target {
            Some(Target::File { path, append }) => {
                let path = self.expand(path, world).unwrap_or_default();
                if let Err(trouble) = self.files.write(&path, &text, *append) {
                    self.say(&format!("sh: can't create {path}: {}\n", short(trouble.0)));
                    return false;
                }
            }
            Some(Target::Pipe) if self.pipe.len() + text.len() <= KEPT_MAX => self.pipe.push_str(&text),
            Some(Target::Pipe) => {}
            Some(Target::Other) | None => self.say(&text),
        }
        true
    }

    fn say(&mut self, text: &str) {
        if self.said.len() + text.len() <= KEPT_MAX {
            self.said.push_str(text);
        }
    }

    fn jump(&mut self, to: usize) {
        self.looped |= to < self.at;
        self.at = to;
    }
}

/// As a shell says why a file cannot be used.
fn short(trouble: &str) -> &str {
    if trouble == "No such file or directory" { "nonexistent directory" } else { trouble }
}

/// What a command run beside a container's script answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it prints.
    pub said: String,
    /// Its exit code; `None` for one that does not end.
    pub code: Option<i32>,
    /// How long it takes.
    pub took: SimDuration,
    /// Whether the shell knew all that it had to do; otherwise this is how far it came.
    pub known: bool,
    /// What it has asked over the network.
    pub asked: Vec<Sample>,
}

/// A command that takes longer than any grace period.
const LONG: SimDuration = SimDuration::from_secs(1 << 32);

/// Runs a command in a container, on its files, up to its end or to `limit`. `None` for a program that the shell does not
/// know.
pub fn run_beside(
    words: &[String],
    (files, daemons): (&mut Files, &mut Daemons),
    environment: BTreeMap<String, String>,
    world: World<'_>,
    limit: SimDuration,
) -> Option<Answer> {
    let mut process = Process::new(Program::of_command(words)?, environment);
    process.files = std::mem::take(files);
    process.daemons = std::mem::take(daemons);
    let mut answer =
        Answer { said: String::new(), code: None, took: SimDuration::ZERO, known: true, asked: Vec::new() };
    // A loop that sleeps is followed for so many turns.
    for _ in 0..1_000 {
        match process.resume(world) {
            Pause::Sleeps(span) => {
                answer.took = answer.took + span;
                process.ahead = answer.took;
            }
            Pause::Ended(code) => answer.code = Some(code),
            Pause::StaysUp if process.idle => answer.took = LONG,
            Pause::StaysUp => answer.known = false,
        }
        if answer.code.is_some() || answer.took >= limit || !answer.known {
            break;
        }
    }
    *files = std::mem::take(&mut process.files);
    *daemons = std::mem::take(&mut process.daemons);
    answer.said = process.take_said();
    answer.asked = process.take_asked();
    Some(answer)
}
