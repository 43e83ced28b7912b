//! The commands that the shell knows.

use super::{IMAGE, Process, Program, World, clients, parse, said, text};
use crate::clock::SimDuration;
use crate::kubelet::files::Trouble;
use crate::kubelet::{executable, workload};

/// What a command does.
pub enum Outcome {
    /// It ends at once with that code.
    Status(i32),
    /// It asks somebody over the network; whether it is answered.
    Network(bool),
    /// It takes a while and succeeds.
    Sleep(SimDuration),
    /// It ends with that code after so long.
    Took(i32, SimDuration),
    /// It ends the shell.
    Exit(i32),
    /// It ends what has been called.
    Return(i32),
    /// It is a function or another script, with what that is told.
    Call(Program, Vec<String>),
    /// It waits for the jobs, or for that one.
    Waits(Option<u32>),
    /// It does nothing, for ever.
    Idle,
    /// It is a program of its own that stays up.
    Serves,
}

/// Commands that take no time and succeed, as far as it matters here.
const QUICK: &[&str] = &[
    ":", "true", "break", "continue", "umask", "ulimit", "ps", "df", "du", "free", "ln", "chown", "awk",
    "xargs", "sync", "mktemp", "apk", "apt-get", "apt", "mount", "top", "find", "stat", "readlink", "jobs",
    "disown",
];

/// Whether the shell knows what a command does.
pub fn is_known(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "false", "sleep", "exit", "touch", "rm", "rmdir", "cat", "test", "[", "tail", "nslookup", "dig",
        "host", "getent", "ping", "wget", "curl", "nc", "trap", "wait", "set", "exec", "mkdir", "cp", "mv",
        "chmod", "cd", "export", "unset", "read", "return", "env", "printenv", "ls", "local", "declare",
        "readonly", "shift", "ip", "ifconfig", "netstat", "ss", "kill", "expr", "source", ".", "let", "awk",
        "xargs", "timeout", "dd", "command", "type", "which", "eval", "nohup", "time", "realpath",
    ];
    QUICK.contains(&name)
        || OTHERS.contains(&name)
        || said::SPEAKS.contains(&name)
        || text::TOOLS.contains(&name)
        || clients::PROGRAMS.contains(&name)
}

/// A file takes whole blocks of so many bytes.
const BLOCK: usize = 4096;

impl Process {
    /// Runs one command. A word that cannot be known is `None`.
    pub(super) fn run(&mut self, words: &[Option<String>], world: World<'_>) -> Outcome {
        // A command that is nothing but a variable without a value does nothing.
        let Some((first, rest)) = words.split_first() else { return Outcome::Status(0) };
        let Some(first) = first else { return Outcome::Serves };
        let name = first.rsplit('/').next().unwrap_or(first);
        if let Some(called) = self.called(first, rest) {
            return called;
        }
        let known: Vec<&str> = rest.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
        if text::TOOLS.contains(&name) && !(name == "tail" && follows(&known)) {
            return Outcome::Status(self.filter(name, &known));
        }
        if let Some(done) = self.tool(name, &known, world) {
            return done;
        }
        if let Some(done) = self.system(name, &known, world) {
            return done;
        }
        if let Some(done) = self.search(name, &known) {
            return done;
        }
        self.speak(name, &known, world);
        let paths = || known.iter().copied().filter(|word| !word.starts_with('-'));
        match name {
            "false" => Outcome::Status(1),
            "exec" if rest.is_empty() => Outcome::Status(0),
            "exec" | "command" | "nohup" | "time" => self.run(rest, world),
            "exit" | "return" => {
                let code = known.first().map_or(self.status, |code| code.parse().unwrap_or(2));
                if name == "exit" { Outcome::Exit(code & 255) } else { Outcome::Return(code & 255) }
            }
            "shift" => {
                let count = known.first().and_then(|count| count.parse().ok()).unwrap_or(1);
                let less = self.arguments.len().checked_sub(count);
                if less.is_some() {
                    self.arguments.drain(..count);
                }
                Outcome::Status(i32::from(less.is_none()))
            }
            "kill" => Outcome::Status(self.kill(&known)),
            "sleep" => sleep(&known),
            "wait" => Outcome::Waits(known.iter().find_map(|word| word.parse().ok())),
            "set" => {
                let on =
                    |letter: char| known.iter().any(|word| word.starts_with('-') && word.contains(letter));
                let (strict, traced) = (on('e'), on('x'));
                self.strict |= strict;
                self.traced = (self.traced || traced) && !known.contains(&"+x");
                if let Some(at) = known.iter().position(|word| *word == "--") {
                    self.arguments = known[at + 1..].iter().map(|word| (*word).to_string()).collect();
                }
                Outcome::Status(0)
            }
            "trap" => {
                self.set_trap(&known);
                Outcome::Status(0)
            }
            "apk" | "apt" | "apt-get" => {
                self.installs = true;
                Outcome::Status(0)
            }
            "export" | "local" | "declare" | "readonly" | "unset" | "read" => self.variable(name, &known),
            "env" if known.iter().any(|word| !word.contains('=')) => {
                let at = known.iter().position(|word| !word.contains('=')).unwrap_or(0);
                self.run(&rest[at..], world)
            }
            "env" => Outcome::Status(0),
            "printenv" => {
                Outcome::Status(i32::from(known.iter().any(|name| !self.variables.contains_key(*name))))
            }
            "cd" => {
                let to = known.first().copied().unwrap_or("/root");
                let done = self.files.enter(to);
                self.judge(name, &[(to, done)])
            }
            "touch" | "rm" | "rmdir" | "mkdir" | "chmod" | "cp" | "mv" => self.change_files(name, &known),
            "ls" => self.list(&known),
            "tail" => Outcome::Idle,
            "test" => Outcome::Status(i32::from(!self.holds(rest))),
            "[" => Outcome::Status(i32::from(!self.holds(&rest[..rest.len().saturating_sub(1)]))),
            "nslookup" | "dig" | "host" | "getent" | "ping" => {
                let host =
                    paths().find(|word| !matches!(*word, "hosts" | "ahosts") && word.parse::<u32>().is_err());
                Outcome::Network(host.is_some_and(|host| Process::resolves(host, world)))
            }
            "wget" | "curl" => self.ask(name, &known, world),
            "nc" => self.netcat(name, &known, world),
            name if clients::PROGRAMS.contains(&name) => self.client(name, &known, world),
            name if QUICK.contains(&name) || said::SPEAKS.contains(&name) => Outcome::Status(0),
            _ => self.other(first),
        }
    }

    /// A program that the shell does not know: a server, or nothing that the image has.
    fn other(&mut self, program: &str) -> Outcome {
        let image = self.variables.get(IMAGE).map_or("", String::as_str);
        let brought = self.installs || (program.contains('/') && self.files.exists(program));
        if brought || !executable::is_absent(image, program) {
            return Outcome::Serves;
        }
        self.err.push_str(&format!("sh: {program}: not found\n"));
        Outcome::Status(127)
    }

    /// What is called where a command is a function, or a script that lies in a file.
    fn called(&mut self, first: &str, rest: &[Option<String>]) -> Option<Outcome> {
        let told =
            |words: &[Option<String>]| words.iter().map(|word| word.clone().unwrap_or_default()).collect();
        if let Some(program) = self.functions.get(first) {
            return Some(Outcome::Call(program.clone(), told(rest)));
        }
        let shell = matches!(first.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash" | "source" | "."));
        if shell && rest.iter().flatten().any(|word| word.starts_with('-') && word.ends_with('c')) {
            let words: Vec<String> = [first.to_string()].into_iter().chain(told(rest)).collect();
            return Some(Outcome::Call(Program::of_command(&words)?, Vec::new()));
        }
        let skipped =
            rest.iter().take_while(|word| word.as_ref().is_some_and(|word| word.starts_with('-'))).count();
        let (path, rest) = match shell {
            true => (rest.get(skipped)?.as_deref()?, &rest[skipped + 1..]),
            false if first.contains('/') => (first, rest),
            false => return None,
        };
        match self.files.read(path) {
            Ok(text) if !text.is_empty() => {
                let text = text.to_string();
                Some(
                    parse::compile(&text)
                        .map_or(Outcome::Serves, |program| Outcome::Call(program, told(rest))),
                )
            }
            // What an image brings along is not known.
            _ if self.files.exists(path) => Some(Outcome::Serves).filter(|_| shell),
            _ if shell => {
                self.err.push_str(&format!("sh: can't open '{path}': No such file or directory\n"));
                Some(Outcome::Status(2))
            }
            _ => None,
        }
    }

    /// `trap commands signal …`. Without commands it is a signal not to be heard, and with a dash one that does what it always
    /// does: to process 1 nothing either way.
    fn set_trap(&mut self, words: &[&str]) {
        let Some((commands, signals)) = words.split_first() else { return };
        let handler =
            Some(*commands).filter(|commands| !["", "-"].contains(commands)).and_then(parse::compile);
        for signal in signals {
            match *signal {
                "TERM" | "SIGTERM" | "15" => self.on_term.clone_from(&handler),
                "EXIT" | "0" => self.on_exit.clone_from(&handler),
                _ => {}
            }
        }
    }

    /// `export NAME=value`, `local NAME=value`, `unset NAME`, `read NAME`.
    fn variable(&mut self, command: &str, words: &[&str]) -> Outcome {
        let names = words.iter().filter(|word| !word.starts_with('-'));
        if command == "read" {
            let Some(text) = self.input.last_mut().filter(|text| !text.is_empty()) else {
                return Outcome::Status(1);
            };
            let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
            let (line, rest) = (line.to_string(), rest.to_string());
            *text = rest;
            let names: Vec<&&str> = names.collect();
            let mut pieces = line.trim().splitn(names.len().max(1), char::is_whitespace);
            for name in names {
                self.variables
                    .insert((*name).to_string(), pieces.next().unwrap_or_default().trim().to_string());
            }
            return Outcome::Status(0);
        }
        for word in names {
            match word.split_once('=') {
                Some((name, value)) => {
                    self.variables.insert(name.to_string(), value.to_string());
                }
                None if command == "unset" => {
                    self.variables.remove(*word);
                }
                None => {}
            }
        }
        Outcome::Status(0)
    }

    /// Complains of what did not work; says how the command ended.
    fn judge(&mut self, command: &str, done: &[(&str, Result<(), Trouble>)]) -> Outcome {
        let mut code = 0;
        for (path, trouble) in done.iter().filter_map(|(path, done)| Some((path, done.err()?))) {
            let what = match command {
                "rm" => format!("rm: can't remove '{path}'"),
                "mkdir" => format!("mkdir: can't create directory '{path}'"),
                "cd" => format!("sh: cd: can't cd to {path}"),
                "cp" | "mv" => format!("{command}: can't stat '{path}'"),
                _ => format!("{command}: {path}"),
            };
            self.err.push_str(&format!("{what}: {}\n", trouble.0));
            code = 1;
        }
        Outcome::Status(code)
    }

    fn change_files(&mut self, command: &str, words: &[&str]) -> Outcome {
        let has = |letter: char| {
            words.iter().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
        };
        let paths: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
        let files = &mut self.files;
        let done: Vec<(&str, Result<(), Trouble>)> = match command {
            "touch" => paths.iter().map(|path| (*path, files.touch(path))).collect(),
            "mkdir" => paths.iter().map(|path| (*path, files.make_directory(path, has('p')))).collect(),
            "chmod" => {
                let mode = paths.first().and_then(|mode| i32::from_str_radix(mode, 8).ok());
                let set = |path: &&str| match mode {
                    Some(mode) => files.set_mode(path, mode),
                    None => Ok(()),
                };
                let mut set = set;
                paths.iter().skip(1).map(|path| (*path, set(path))).collect()
            }
            "cp" | "mv" => match paths.split_last() {
                Some((to, from)) => {
                    from.iter().map(|path| (*path, files.copy(path, to, command == "mv"))).collect()
                }
                None => Vec::new(),
            },
            _ => {
                let forced = has('f');
                let gone = |done: Result<(), Trouble>| if forced { done.or(Ok(())) } else { done };
                paths
                    .iter()
                    .flat_map(|path| files.matching(path).into_iter().map(move |found| (*path, found)))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|(path, found)| (path, gone(files.remove(&found))))
                    .collect()
            }
        };
        self.judge(command, &done)
    }

    /// `ls`, one name a line; `-l` with mode and size, `-a` with hidden ones.
    pub(super) fn list(&mut self, words: &[&str]) -> Outcome {
        let has = |letter: char| words.iter().any(|word| word.starts_with('-') && word.contains(letter));
        let (long, all, dots) = (has('l'), has('a') || has('A'), has('a'));
        let mut paths: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
        if paths.is_empty() {
            paths.push(".");
        }
        let mut code = 0;
        for path in &paths {
            let items = match self.files.list(path) {
                Ok(items) => items,
                Err(trouble) => {
                    self.err.push_str(&format!("ls: {path}: {}\n", trouble.0));
                    code = 1;
                    continue;
                }
            };
            let within = self.files.is_directory(path);
            if paths.len() > 1 && within {
                self.out.push_str(&format!("{path}:\n"));
            }
            let shown = items.iter().filter(|(name, _)| all || !name.starts_with('.'));
            let mut rows: Vec<(&str, bool, i32, usize)> = shown
                .map(|(name, item)| {
                    (if within { name.as_str() } else { *path }, item.directory, item.mode, item.size)
                })
                .collect();
            if dots && within {
                rows.splice(0..0, [".", ".."].map(|name| (name, true, 0o755, BLOCK)));
            }
            if long && within {
                let kilobytes: usize =
                    rows.iter().map(|(.., size)| size.div_ceil(BLOCK) * BLOCK / 1024).sum();
                self.out.push_str(&format!("total {kilobytes}\n"));
            }
            let made = self.variables.get(super::MADE).cloned().unwrap_or_default();
            for (name, directory, mode, size) in rows {
                if long {
                    let (kind, mode) = (if directory { 'd' } else { '-' }, letters(mode));
                    self.out
                        .push_str(&format!("{kind}{mode}    1 root     root     {size:>9} {made} {name}\n"));
                } else {
                    self.out.push_str(&format!("{name}\n"));
                }
            }
        }
        Outcome::Status(code)
    }

    /// Whether a test holds. One about something that cannot be known does not.
    pub(super) fn holds(&self, words: &[Option<String>]) -> bool {
        let Some(words) = words.iter().map(Option::as_deref).collect::<Option<Vec<&str>>>() else {
            return false;
        };
        match words.as_slice() {
            ["!", rest @ ..] => {
                let rest: Vec<Option<String>> = rest.iter().map(|word| Some((*word).to_string())).collect();
                !self.holds(&rest)
            }
            ["-d", path] => self.files.is_directory(path),
            ["-s", path] => match self.files.read(path) {
                Ok(text) => !text.is_empty(),
                Err(_) => self.files.exists(path),
            },
            ["-f", path] => self.files.exists(path) && !self.files.is_known_directory(path),
            ["-e" | "-r" | "-w" | "-x", path] => self.files.exists(path),
            [before @ .., "-a", _, _, _] if before.len() == 3 => {
                let words: Vec<Option<String>> = words.iter().map(|word| Some((*word).to_string())).collect();
                self.holds(&words[..3]) && self.holds(&words[4..])
            }
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

/// Whether `tail` goes on for ever.
fn follows(words: &[&str]) -> bool {
    words.iter().any(|word| {
        word.starts_with("-f") || word.starts_with("-F") || word.ends_with('f') && word.starts_with('-')
    })
}

/// `rw-r--r--`.
fn letters(mode: i32) -> String {
    (0..9).rev().map(|bit| if mode >> bit & 1 == 1 { ["x", "w", "r"][bit % 3] } else { "-" }).collect()
}
