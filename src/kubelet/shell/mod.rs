//! A small shell: enough of `sh -c` that the commands of courses and manuals take the time they say, wait for what they
//! wait for and end with the code they would end with. A script is compiled to a flat program; running it is a place in
//! that program, which is plain data and can be left and taken up again.
//!
//! What it knows: `;` `&&` `||` `|` `!` `&`, `if`, `while`, `until`, `for`, `case`, `{ }` and `( )`, functions, jobs and traps,
//! variables and sums, output to files, and the commands in [`commands`]. A program it does not know is a server: it stays up,
//! unless the image is known not to have it.

mod arithmetic;
mod clients;
mod commands;
mod conditions;
mod expand;
mod format;
mod jobs;
mod lexer;
mod network;
mod parse;
mod said;
mod search;
mod streams;
mod system;
#[cfg(test)]
mod tests;
mod text;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::daemons::Daemons;
use super::files::Files;
use crate::client::wire::Sample;
use crate::clock::{SimDuration, SimTime};
use conditions::Condition;
use jobs::{Frame, Front, Job};

/// Whether it is known that an image does not have a program.
pub fn is_missing(image: &str, program: &str) -> bool {
    clients::is_missing(image, program) || system::is_missing(image, program)
}
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

/// The variable that says when the container's files were made, as `ls -l` has it.
pub const MADE: &str = "(made)";

/// A time as `ls -l` has it: `Jan  1 00:00`.
pub fn day_and_minute(time: SimTime) -> String {
    format::date(time, &["+%b %e %H:%M"])
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Text(String),
    /// The value of a variable, with what is done to it.
    Variable { name: String, change: Option<Box<Change>>, quoted: bool },
    /// The value of a sum: `$((i + 1))`.
    Sum(Word),
    /// What a command prints.
    Command { program: Program, quoted: bool },
    /// `*` or `?` outside of quotes, which file names may match.
    Wild(char),
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
    /// Make a list: `name=(a b)`, or with `true` make it longer: `name+=(c)`.
    List(String, Vec<Word>, bool),
    /// Go there if the last command failed.
    IfFailed(usize),
    /// Go there if it did not.
    IfOk(usize),
    /// Go there.
    Jump(usize),
    /// Turn success into failure and the other way round.
    Not,
    /// `( )`: run that on variables of its own.
    Subshell { program: Program, redirected: Redirected, checked: bool },
    /// Start that and do not wait for it.
    Spawn(Program),
    /// From now on there is a function of that name.
    Define(String, Program),
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
            if let Some(flag) = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c')) {
                let script = rest.get(flag + 1)?;
                let strict = if rest[flag].contains('e') { "set -e\n" } else { "" };
                // What follows is the name of the script, and what it is told.
                let told: String =
                    rest.iter().skip(flag + 3).map(|word| format!(" {}", conditions::shown(word))).collect();
                let told = if told.is_empty() { told } else { format!("set --{told}\n") };
                return parse::compile(&format!("{told}{strict}{script}"));
            }
            rest.iter().find(|word| !word.starts_with('-'))?;
        } else if !commands::is_known(name) && !first.ends_with(".sh") && !system::tells_nginx(words) {
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
    /// It stays as it is: what it waits for does not end.
    Rests,
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
    /// What it does when it gets SIGTERM, and at its end.
    on_term: Option<Program>,
    on_exit: Option<Program>,
    /// Whether SIGTERM has come and is still to be heard.
    signalled: bool,
    /// Whether it has asked the first process of its container to end,
    ends_first: bool,
    /// or to read its settings anew.
    reloads: bool,
    strict: bool,
    /// Whether it says what it does (`set -x`).
    traced: bool,
    looped: bool,
    idle: bool,
    /// Whether it has installed something: what there is besides is not known any more.
    installs: bool,
    /// Its functions.
    functions: BTreeMap<String, Program>,
    /// What it or the function that runs was told: `$1`.
    arguments: Vec<String>,
    /// Where the output of what runs goes, unless a command says otherwise.
    within: Redirected,
    /// Where it goes on after what it has called, innermost last.
    frames: Vec<Frame>,
    /// What it does in the foreground.
    front: Front,
    /// What runs in the background.
    jobs: Vec<Job>,
    /// How many jobs lie around it: it is one itself, and so on.
    depth: u32,
    /// How much has been started there.
    spawned: u32,
    /// The jobs that have ended, and how.
    ended: Vec<(u32, i32)>,
    /// Whether one of them has begun to serve.
    serves: bool,
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
            on_exit: None,
            signalled: false,
            ends_first: false,
            reloads: false,
            strict: false,
            traced: false,
            looped: false,
            idle: false,
            installs: false,
            functions: BTreeMap::new(),
            arguments: Vec::new(),
            within: Redirected::default(),
            frames: Vec::new(),
            front: Front::default(),
            jobs: Vec::new(),
            depth: 0,
            spawned: 0,
            ended: Vec::new(),
            serves: false,
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

    /// Whether it has gone round a loop: it may do so for ever.
    pub fn has_looped(&self) -> bool {
        self.looped
    }

    /// Whether it waits for nothing in particular and serves nobody: `sleep infinity`.
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// Runs on to the next pause, if what it does in the foreground is over.
    pub fn resume(&mut self, world: World<'_>) -> Pause {
        let now = world.now + self.ahead;
        self.run_jobs(world);
        if self.is_held(now) {
            return self.rest(now);
        }
        self.front = Front::Ready;
        let mut asked_network = false;
        for _ in 0..BURST_MAX {
            let op = self.program.0.get(self.at).cloned();
            if op.is_none() && self.come_back(world) {
                continue;
            }
            if self.run_traps(op.is_none(), world) {
                return Pause::Ended(self.status);
            }
            let Some(op) = self.program.0.get(self.at).cloned() else { continue };
            self.at += 1;
            match self.take_step(op, world, &mut asked_network) {
                None => {}
                Some(Pause::Sleeps(span)) => {
                    self.front = Front::Busy(now + span);
                    return self.rest(now);
                }
                Some(Pause::Rests) => return self.rest(now),
                Some(pause) => {
                    self.front = Front::Up;
                    return pause;
                }
            }
        }
        if asked_network {
            self.front = Front::Busy(now + NETWORK_TURN);
            return self.rest(now);
        }
        self.idle = true;
        self.front = Front::Up;
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
            Op::List(name, words, more) => self.set_list(&name, &words, more, world),
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
            Op::Subshell { program, redirected, checked } => {
                self.enter_subshell(program, &redirected, checked, world);
            }
            Op::Spawn(program) => self.spawn(program, world),
            Op::Define(name, program) => {
                self.functions.insert(name, program);
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
            self.leave(self.status);
        }
    }

    /// Says what is done, with `set -x`.
    fn trace(&mut self, words: &[&str]) {
        if self.traced {
            let depth = "+".repeat(self.nested as usize + 1);
            self.complain(&format!("{depth} {}\n", words.join(" ")));
        }
    }

    fn jump(&mut self, to: usize) {
        self.looped |= to < self.at;
        self.at = to;
    }
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
    /// Whether it has asked the first process of its container to end (`kill 1`),
    pub ends_first: bool,
    /// or to read its settings anew (`nginx -s reload`).
    pub reloads: bool,
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
    let mut answer = Answer {
        said: String::new(),
        code: None,
        took: SimDuration::ZERO,
        known: true,
        asked: Vec::new(),
        ends_first: false,
        reloads: false,
    };
    // A loop that sleeps is followed for so many turns.
    for _ in 0..1_000 {
        match process.resume(world) {
            Pause::Sleeps(span) => {
                answer.took = answer.took + span;
                process.ahead = answer.took;
            }
            Pause::Ended(code) => answer.code = Some(code),
            Pause::Rests => answer.took = LONG,
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
    (answer.ends_first, answer.reloads) = (process.ends_first, process.reloads);
    Some(answer)
}
