//! Commands at the console: what each has printed, and whether it is still waiting.

use crate::api::manifest::Diagnostic;
use crate::api::meta::Revision;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::{Output, Wait};

/// A command's number, counted from 0.
pub type SessionId = u32;

/// One command, from the moment it was entered.
#[derive(Clone, Debug)]
pub struct Session {
    /// The line.
    pub line: String,
    /// When it was entered.
    pub started: SimTime,
    /// All it has printed.
    pub stdout: String,
    /// All its errors.
    pub stderr: String,
    /// The exit status, once it has ended.
    pub code: i32,
    /// Where in its manifest something is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// What it waits for; `None` once it has ended.
    pub wait: Option<Wait>,
    /// The last write that it has been shown.
    pub(super) cursor: Revision,
}

impl Session {
    /// How often a waiting command looks at its own clock, for timeouts.
    pub(super) const TICK: SimDuration = SimDuration::from_secs(1);

    pub(super) fn new(line: String, started: SimTime, cursor: Revision, output: Output) -> Session {
        let Output { stdout, stderr, code, wait, diagnostics, .. } = output;
        Session { line, started, stdout, stderr, code, diagnostics, wait, cursor }
    }

    /// Whether the command has ended.
    pub fn is_done(&self) -> bool {
        self.wait.is_none()
    }

    /// The text that it waits for an editor to save.
    pub fn editing(&self) -> Option<&str> {
        match &self.wait {
            Some(Wait::Edit(editing)) => Some(&editing.text),
            _ => None,
        }
    }

    pub(super) fn absorb(&mut self, output: Output) {
        self.stdout.push_str(&output.stdout);
        self.stderr.push_str(&output.stderr);
        self.diagnostics.extend(output.diagnostics);
        self.code = output.code;
        self.wait = output.wait;
    }
}
