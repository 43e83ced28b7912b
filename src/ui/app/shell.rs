//! The console: what is entered is run line by line, and commands that wait are followed.

use kubeviz::kubectl::script::{self, Command};
use kubeviz::sim::{Input, Outcome, SessionId};

use super::App;
use crate::ui::driver::Driver;
use crate::ui::share::Link;
use crate::ui::shared::Shared;
use crate::ui::state::{Banner, Entry};
use crate::ui::{commands, panic, storage};

/// How many console entries and lines of history are kept.
const LOG_MAX: usize = 200;
/// How many commands of a script are run in one frame.
const FRAME_MAX: usize = 20;

impl App {
    pub(super) fn run(&mut self, entered: &str) {
        if entered.trim().is_empty() {
            return;
        }
        self.remember(entered.trim());
        match script::parse(entered) {
            Ok(lines) => self.queue.extend(lines),
            Err((_, why)) => self.note(entered.trim(), &format!("{why}\n"), 1, None),
        }
        self.run_queue();
    }

    /// Whether commands wait for nothing but their turn.
    pub(super) fn has_turn(&self) -> bool {
        self.sleeping.is_none() && !self.queue.is_empty() && !self.is_following()
    }

    /// Runs what waits, one command after another, until one takes time; many of them over several frames.
    pub(super) fn run_queue(&mut self) {
        for _ in 0..FRAME_MAX {
            if !self.has_turn() {
                break;
            }
            let Some(next) = self.queue.pop_front() else { break };
            if !next.when.holds_after(self.last_code) {
                continue;
            }
            match next.command {
                Command::Sleep(span) => {
                    self.last_code = 0;
                    self.sleeping = Some(self.driver.borrow().position() + span);
                    self.note(&format!("sleep {}", span.human()), "", 0, None);
                }
                Command::Kubectl { line, .. } if line == "clear" => self.ui.log = Shared::new(Vec::new()),
                Command::Kubectl { line, stdin } => {
                    self.last_code = self.submit(line, stdin).code;
                }
            }
        }
    }

    /// Lets the time of a `sleep` pass, a frame's worth at a time.
    pub(super) fn sleep_on(&mut self) {
        let Some(until) = self.sleeping else { return };
        self.driver.borrow_mut().run_to(until);
        if self.driver.borrow().position() >= until {
            self.sleeping = None;
            self.run_queue();
        }
    }

    pub(super) fn is_following(&self) -> bool {
        self.ui.log.iter().any(|entry| entry.following.is_some())
    }

    pub(super) fn remember(&mut self, entered: &str) {
        let mut history = (*self.ui.history).clone();
        history.retain(|line| line != entered);
        history.push(entered.to_string());
        let surplus = history.len().saturating_sub(LOG_MAX);
        history.drain(..surplus);
        if !self.settings.embed {
            storage::set(storage::HISTORY, &serde_json::to_string(&history).unwrap_or_default());
        }
        self.ui.history = Shared::new(history);
    }

    pub(super) fn submit(&mut self, line: String, stdin: Option<String>) -> Outcome {
        let input = commands::input(line.clone(), stdin, &self.manifest, &self.files);
        self.submit_input(&line, input)
    }

    /// The same for any input, which the console shows as that line.
    pub(super) fn submit_input(&mut self, line: &str, input: Input) -> Outcome {
        let forks = self.driver.borrow().is_in_past();
        let at = self.driver.borrow().position();
        self.driver.borrow_mut().leave_script();
        let outcome = self.perform(line, input);
        if forks {
            self.forget_the_future();
            self.ui.banner = Some(Banner::Forked(at, self.driver.borrow().left()));
        }
        outcome
    }

    /// The same revisions say something else from now on.
    pub(super) fn forget_the_future(&mut self) {
        (self.fixes, self.fixes_of, self.inspected, self.feed_of) = (None, None, None, None);
        (self.scene_of.0, self.ui.compare, self.ui.request) = (0, None, None);
    }

    pub(super) fn perform(&mut self, line: &str, input: Input) -> Outcome {
        let outcome = self.driver.borrow_mut().submit(input);
        let following = outcome.session.filter(|_| outcome.waiting);
        self.note(line, &format!("{}{}", outcome.stdout, outcome.stderr), outcome.code, following);
        match (&outcome.editing, following) {
            (Some(text), Some(session)) => self.begin_edit(line, session, text.clone()),
            (_, Some(_)) => self.play(true),
            _ => {}
        }
        outcome
    }

    /// Puts a command and its answer into the console.
    pub(super) fn note(&mut self, line: &str, output: &str, code: i32, following: Option<SessionId>) {
        let entry = Entry {
            line: line.to_string().into(),
            output: output.to_string().into(),
            failed: code != 0,
            following,
        };
        let mut log = (*self.ui.log).clone();
        log.push(entry);
        let surplus = log.len().saturating_sub(LOG_MAX);
        log.drain(..surplus);
        self.ui.log = Shared::new(log);
    }

    /// Shows what waiting commands have printed since.
    pub(super) fn follow_sessions(&mut self) {
        if !self.is_following() {
            return;
        }
        let driver = self.driver.borrow();
        let mut log = (*self.ui.log).clone();
        let mut ended = None;
        for entry in log.iter_mut() {
            let Some(id) = entry.following else { continue };
            match driver.session(id) {
                Some((output, done)) => {
                    ended = done.or(ended);
                    if *entry.output != *output {
                        entry.output = output.into();
                    }
                    entry.failed |= done.is_some_and(|code| code != 0);
                    entry.following = Some(id).filter(|_| done.is_none());
                }
                // It belonged to a future that was left.
                None => entry.following = None,
            }
        }
        let lost = self.ui.editing.as_ref().is_some_and(|editing| driver.session(editing.session).is_none());
        drop(driver);
        self.last_code = ended.unwrap_or(self.last_code);
        if lost {
            self.leave_edit();
        }
        if log != *self.ui.log {
            self.ui.log = Shared::new(log);
            self.run_queue();
        }
    }

    /// What waits belongs to the run that is left; another run may have given its numbers to other sessions.
    pub(super) fn leave_sessions(&mut self) {
        self.leave_edit();
        self.sleeping = None;
        self.queue.clear();
        let mut log = (*self.ui.log).clone();
        for entry in log.iter_mut() {
            entry.following = None;
        }
        self.ui.log = Shared::new(log);
    }

    pub(super) fn interrupt(&mut self) {
        self.end_edit(false);
        self.sleeping = None;
        self.queue.clear();
        let mut log = (*self.ui.log).clone();
        for entry in log.iter_mut().filter(|entry| entry.following.is_some()) {
            entry.following = None;
            entry.output = format!("{}^C\n", entry.output).into();
        }
        self.ui.log = Shared::new(log);
    }

    pub(super) fn reset(&mut self) {
        panic::forget();
        self.leave_edit();
        let fresh = {
            let old = self.driver.borrow();
            let mut fresh =
                Driver::new(self.settings.seed, self.settings.nodes, old.speed_tenths, old.playing);
            (fresh.skip_idle, fresh.stepwise) = (old.skip_idle, old.stepwise);
            fresh.ask(old.asks());
            fresh
        };
        self.driver.replace(fresh);
        self.ui.log = Shared::new(Vec::new());
        self.ui.selected = None;
        self.ui.predict.forget();
        (self.fixes, self.fixes_of) = (None, None);
        self.ui.banner = None;
        self.queue.clear();
        self.sleeping = None;
        self.announced = (0, self.frames);
        if self.settings.embed {
            self.open(Link { manifest: self.manifest.clone(), ..self.opening.clone() });
        }
    }
}
