//! kubectl: reads a command line, talks to the API server, prints what the real one prints.

use std::collections::BTreeMap;

use crate::api::manifest::Diagnostic;
use crate::client::Client;

/// What the command line lives in: the files it may name and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The line as typed, `kubectl` first or left out.
    pub line: String,
    /// What is piped in, for `-f -`.
    pub stdin: Option<String>,
    /// The files that `-f` can name, by the path used on the line.
    pub files: BTreeMap<String, String>,
}

/// What outlives one command: the current namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The namespace that commands without `-n` mean.
    pub namespace: String,
}

impl Default for Context {
    fn default() -> Self {
        Context { namespace: "default".into() }
    }
}

/// What a command has answered so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Text for standard output.
    pub stdout: String,
    /// Text for standard error.
    pub stderr: String,
    /// The exit status; meaningful once there is nothing to wait for.
    pub code: i32,
    /// What the command waits for before it ends (`rollout status`, `delete`, `wait`, `get -w`).
    pub wait: Option<Wait>,
    /// Where in the manifest something is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// A command that has not ended: what it waits for, as plain data, so that a snapshot keeps it. The simulation polls it
/// whenever something has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {}

/// Runs one command.
pub fn run(invocation: &Invocation, context: &mut Context, client: &mut Client<'_>) -> Output {
    let _ = (invocation, context, client);
    Output::default()
}

/// Looks again at a command that waits. `output.stdout` and `stderr` hold only what is new; `wait` is `None` once it
/// has ended.
pub fn poll(wait: Wait, client: &mut Client<'_>) -> Output {
    let _ = client;
    match wait {}
}
