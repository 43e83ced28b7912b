//! What goes on beside and above the script: jobs in the background, functions and other scripts that it calls, and the
//! signals that it has set traps for.

use std::collections::BTreeMap;

use super::{Pause, Process, Program, Redirected, Target, World};
use crate::clock::{SimDuration, SimTime};

/// So many jobs run beside a script.
const JOBS_MAX: usize = 16;

/// Jobs may start jobs, and these no more: a script may multiply without end.
const DEPTH_MAX: u32 = 2;

/// So many jobs that have ended are remembered.
const ENDED_MAX: usize = 64;

/// How deep calls may lie in one another.
const CALLS_MAX: usize = 32;

/// The number of the first process that a shell starts, where it is process 1 itself.
const FIRST_NUMBER: u32 = 7;

/// What the status says of a wait that a signal has ended.
const INTERRUPTED: i32 = 128 + 15;

/// A job in the background.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The number of its process.
    number: u32,
    process: Process,
    /// When it goes on; `None` for one that stays as it is.
    due: Option<SimTime>,
}

/// What a script does in the foreground.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Front {
    /// It goes on.
    #[default]
    Ready,
    /// A command takes so long.
    Busy(SimTime),
    /// A command stays up.
    Up,
    /// It waits for its jobs, or for that one.
    Waiting(Option<u32>),
}

/// Where a script goes on once what it has called is done.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    program: Program,
    at: usize,
    arguments: Vec<String>,
    within: Redirected,
    /// How many inputs, loops and values of a `case` there were.
    depths: [usize; 3],
    /// The status that counts after it, if not its own: that of what a signal has interrupted.
    status: Option<i32>,
    /// What a subshell leaves as it was.
    outside: Option<Box<Outside>>,
}

/// What the shell around a subshell knows, and finds again.
#[derive(Clone, Debug)]
struct Outside {
    variables: BTreeMap<String, String>,
    functions: BTreeMap<String, Program>,
    directory: String,
    /// `set -e` and `set -x`.
    modes: (bool, bool),
    traps: [Option<Program>; 2],
    /// Whether somebody looks at how the subshell ends.
    checked: bool,
}

impl Process {
    /// Starts a job. It runs up to its first pause.
    pub(super) fn spawn(&mut self, program: Program, world: World<'_>) {
        self.status = 0;
        if self.jobs.len() >= JOBS_MAX || self.depth >= DEPTH_MAX {
            return;
        }
        let mut process = Process::new(program, self.variables.clone());
        process.functions.clone_from(&self.functions);
        process.arguments.clone_from(&self.arguments);
        (process.nested, process.within) = (self.nested, self.within.clone());
        process.depth = self.depth + 1;
        process.installs = self.installs;
        let number = FIRST_NUMBER + self.spawned;
        self.spawned += 1;
        self.jobs.push(Job { number, process, due: Some(world.now + self.ahead) });
        self.run_jobs(world);
    }

    /// The number of the last job.
    pub(super) fn last_job(&self) -> Option<u32> {
        self.spawned.checked_sub(1).map(|last| FIRST_NUMBER + last)
    }

    /// Lets the jobs go on whose time has come.
    pub(super) fn run_jobs(&mut self, world: World<'_>) {
        let now = world.now + self.ahead;
        let jobs = std::mem::take(&mut self.jobs);
        for mut job in jobs {
            if job.due.is_none_or(|due| due > now) {
                self.jobs.push(job);
                continue;
            }
            let pause = self.run_inner(&mut job.process, world);
            job.due = match pause {
                Pause::Sleeps(span) => Some(now + span),
                Pause::Ended(code) => {
                    self.note_end(job.number, code);
                    continue;
                }
                Pause::StaysUp | Pause::Rests => job.process.next_at(),
            };
            self.serves |= (pause == Pause::StaysUp && !job.process.idle) || job.process.serves;
            self.looped |= job.process.looped;
            self.jobs.push(job);
        }
    }

    fn note_end(&mut self, number: u32, code: i32) {
        self.ended.push((number, code));
        let excess = self.ended.len().saturating_sub(ENDED_MAX);
        self.ended.drain(..excess);
    }

    /// Runs another process on the same files, up to its next pause.
    fn run_inner(&mut self, inner: &mut Process, world: World<'_>) -> Pause {
        inner.files = std::mem::take(&mut self.files);
        inner.daemons = std::mem::take(&mut self.daemons);
        (inner.ahead, inner.nonce) = (self.ahead, self.nonce);
        let pause = inner.resume(world);
        self.files = std::mem::take(&mut inner.files);
        self.daemons = std::mem::take(&mut inner.daemons);
        self.nonce = inner.nonce;
        self.asked.append(&mut inner.asked);
        self.ends_first |= inner.ends_first;
        let (said, aside) = (inner.take_said(), std::mem::take(&mut inner.aside));
        self.say(&said);
        self.complain(&aside);
        pause
    }

    /// Whether the script still does in the foreground what it did; else it goes on.
    pub(super) fn is_held(&mut self, now: SimTime) -> bool {
        match self.front {
            Front::Ready => false,
            Front::Busy(until) => until > now,
            Front::Up => true,
            Front::Waiting(job) => {
                let heard = self.signalled && self.on_term.is_some();
                let left = self.jobs.iter().any(|one| job.is_none_or(|number| number == one.number));
                if heard {
                    self.status = INTERRUPTED;
                } else if !left {
                    let code = self.ended.iter().rev().find(|(number, _)| Some(*number) == job);
                    self.status = code.map_or(0, |(_, code)| *code);
                }
                left && !heard
            }
        }
    }

    /// When there is next something to do; `None` where nothing is planned.
    fn next_at(&self) -> Option<SimTime> {
        let own = match self.front {
            Front::Busy(until) => Some(until),
            _ => None,
        };
        self.jobs.iter().filter_map(|job| job.due).chain(own).min()
    }

    /// How long it is until there is something to do.
    pub fn next_in(&self, now: SimTime) -> Option<SimDuration> {
        match self.front {
            Front::Ready => Some(SimDuration::ZERO),
            _ => self.next_at().map(|at| at.since(now)),
        }
    }

    /// The pause until then.
    pub(super) fn rest(&self, now: SimTime) -> Pause {
        self.next_at().map_or(Pause::Rests, |at| Pause::Sleeps(at.since(now)))
    }

    /// Whether a job has begun to serve since somebody last asked.
    pub fn take_serves(&mut self) -> bool {
        std::mem::take(&mut self.serves)
    }

    /// SIGTERM comes. Says whether the script does something about it at once: one without a trap does not hear it, and one
    /// that waits for a command in the foreground runs its trap afterwards.
    pub fn signal(&mut self) -> bool {
        self.signalled = self.on_term.is_some();
        self.signalled && matches!(self.front, Front::Waiting(_))
    }

    /// `kill`: of jobs, and of the shell itself.
    pub(super) fn kill(&mut self, words: &[&str]) -> i32 {
        let asks = words.contains(&"-0");
        let mut code = 0;
        for word in words.iter().filter(|word| !word.starts_with('-')) {
            let number = match word.strip_prefix('%') {
                Some(place) => place.parse::<u32>().ok().map(|place| place.saturating_add(FIRST_NUMBER - 1)),
                None => word.parse().ok(),
            };
            let found = self.jobs.iter().position(|job| Some(job.number) == number);
            match found {
                Some(_) if asks => {}
                Some(at) => {
                    let job = self.jobs.remove(at);
                    self.note_end(job.number, INTERRUPTED);
                }
                None if number == Some(1) => {
                    // The kernel keeps SIGKILL from the first process of a container.
                    let unheard = ["-9", "-KILL", "-SIGKILL"].iter().any(|signal| words.contains(signal));
                    self.signalled = !asks && self.on_term.is_some();
                    self.ends_first |= !asks && !unheard;
                }
                // What started before the shell is there, and unknown.
                None if number.is_none_or(|number| number >= FIRST_NUMBER) => {
                    self.err.push_str(&format!("sh: can't kill pid {word}: No such process\n"));
                    code = 1;
                }
                None => {}
            }
        }
        code
    }

    /// Goes on in another program, and comes back.
    pub(super) fn call(
        &mut self,
        program: Program,
        arguments: Vec<String>,
        redirected: &Redirected,
        status: Option<i32>,
        world: World<'_>,
    ) {
        if self.frames.len() >= CALLS_MAX {
            return self.leave(2);
        }
        let mut within = self.within.clone();
        for (own, outer) in [(&redirected.out, &mut within.out), (&redirected.err, &mut within.err)] {
            let Some(target) = own else { continue };
            *outer = Some(match target {
                // It is made anew once, not with every line.
                Target::File { path, append: false } => {
                    if let Some(path) = self.expand(path, world) {
                        let _ = self.files.write(&path, "", false);
                    }
                    Target::File { path: path.clone(), append: true }
                }
                other => other.clone(),
            });
        }
        let frame = Frame {
            program: std::mem::replace(&mut self.program, program),
            at: std::mem::take(&mut self.at),
            arguments: std::mem::replace(&mut self.arguments, arguments),
            within: std::mem::replace(&mut self.within, within),
            depths: [self.input.len(), self.loops.len(), self.cases.len()],
            status,
            outside: None,
        };
        self.frames.push(frame);
    }

    /// Goes on in a subshell: what that sets, changes into or leaves is its own, but for files.
    pub(super) fn enter_subshell(
        &mut self,
        program: Program,
        redirected: &Redirected,
        checked: bool,
        world: World<'_>,
    ) {
        let outside = Outside {
            variables: self.variables.clone(),
            functions: self.functions.clone(),
            directory: self.files.directory(),
            modes: (self.strict, self.traced),
            traps: [self.on_term.clone(), self.on_exit.take()],
            checked,
        };
        self.status = 0;
        let depth = self.frames.len();
        self.call(program, self.arguments.clone(), redirected, None, world);
        match self.frames.get_mut(depth) {
            Some(frame) => frame.outside = Some(Box::new(outside)),
            // Calls lie too deep in one another: the script is over.
            None => [_, self.on_exit] = outside.traps,
        }
    }

    /// Comes back from what was called. Says whether there was anything.
    pub(super) fn come_back(&mut self, world: World<'_>) -> bool {
        // A subshell may have set a trap for its own end.
        if self.frames.last().is_some_and(|frame| frame.outside.is_some())
            && let Some(handler) = self.on_exit.take()
        {
            self.call(handler, Vec::new(), &Redirected::default(), Some(self.status), world);
            return true;
        }
        let Some(frame) = self.frames.pop() else { return false };
        (self.program, self.at) = (frame.program, frame.at);
        (self.arguments, self.within) = (frame.arguments, frame.within);
        self.input.truncate(frame.depths[0]);
        self.loops.truncate(frame.depths[1]);
        self.cases.truncate(frame.depths[2]);
        self.status = frame.status.unwrap_or(self.status);
        if let Some(outside) = frame.outside {
            (self.variables, self.functions) = (outside.variables, outside.functions);
            // Where it has been taken away, the shell stays where the subshell was.
            let _ = self.files.enter(&outside.directory);
            (self.strict, self.traced) = outside.modes;
            [self.on_term, self.on_exit] = outside.traps;
            self.give_up_unless(outside.checked);
        }
        true
    }

    /// Ends the script, or the subshell that it is in.
    pub(super) fn leave(&mut self, status: i32) {
        let around = self.frames.iter().rposition(|frame| frame.outside.is_some());
        self.frames.truncate(around.map_or(0, |at| at + 1));
        if around.is_none() {
            self.within = Redirected::default();
        }
        self.at = self.program.0.len();
        self.status = status;
    }

    /// Runs a trap if there is one to run now. Says whether the script is at its end otherwise.
    pub(super) fn run_traps(&mut self, over: bool, world: World<'_>) -> bool {
        if self.signalled {
            self.signalled = false;
            if let Some(handler) = self.on_term.clone() {
                self.call(handler, Vec::new(), &Redirected::default(), Some(self.status), world);
            }
            return false;
        }
        match self.on_exit.take_if(|_| over) {
            Some(handler) => {
                self.call(handler, Vec::new(), &Redirected::default(), Some(self.status), world);
                false
            }
            None => over,
        }
    }
}
