//! kubectl: reads a command line, talks to the API server, prints what the real one prints.

mod commands;
mod complete;
mod describe;
mod errors;
mod field_selector;
mod filters;
mod folders;
mod global;
mod identity;
mod kubeconfig;
mod manifests;
mod parse;
pub mod print;
mod redirect;
mod refer;
mod resource_names;
pub mod script;
mod shell;
mod subresource;
mod variables;

use std::collections::BTreeMap;

pub use commands::edit::Editing;
pub use commands::exec::Attached;
pub use commands::forward::Forward;
pub use commands::wait::Waiting;
pub use complete::complete;
pub use kubeconfig::Kubeconfig;
pub use refer::{key_of, value_of};

use crate::api::Key;
use crate::api::manifest::Diagnostic;
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};

use errors::Failure;
use filters::Filter;
use global::Globals;
use parse::{Args, Flag};

/// What the command line lives in: the files it may name and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The line as typed, `kubectl` first or left out.
    pub line: String,
    /// What is piped in, for `-f -`.
    pub stdin: Option<String>,
    /// The files that `-f` can name, by the path used on the line.
    pub files: BTreeMap<String, String>,
    /// The editor, where the line names one: a `sed` line.
    pub editor: Option<String>,
    /// Whether the host shows a text to be edited and hands back what is saved.
    pub host_edits: bool,
}

/// What outlives one command: the contexts, and with them the current namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The contexts.
    pub kubeconfig: Kubeconfig,
    /// The shell in a container that takes the console's lines, if one does.
    pub attached: Option<Attached>,
    /// The editor that `export EDITOR=…` has set.
    pub editor: Option<String>,
    /// What `alias` has given names.
    pub aliases: BTreeMap<String, String>,
    /// How many turns the loops of the line that runs may still take.
    pub turns_left: Option<usize>,
    /// The variables that lines have set.
    pub variables: BTreeMap<String, String>,
    /// The ports that lead to pods.
    pub forwards: Vec<Forward>,
    /// The files that `cp` has brought from containers.
    pub files: BTreeMap<String, String>,
    /// Whether the host has an editor.
    pub host_edits: bool,
}

impl Context {
    /// Sets the shell's variables; one of them names the editor.
    fn set(&mut self, pairs: Vec<(String, String)>) {
        const LENGTH_MAX: usize = 1 << 16;
        for (name, value) in pairs.into_iter().filter(|(_, value)| value.len() <= LENGTH_MAX) {
            if ["EDITOR", "KUBE_EDITOR"].contains(&name.as_str()) {
                self.editor = Some(value.clone());
            }
            self.variables.insert(name, value);
        }
    }

    /// The namespace that commands without `-n` mean: that of the current context.
    pub fn namespace(&self) -> &str {
        self.kubeconfig.namespace()
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
    /// What the command waits for before it ends (`rollout status`, `delete`).
    pub wait: Option<Wait>,
    /// Where in the manifest something is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// The shell that takes the lines after this one.
    pub attach: Option<Attached>,
    /// The ports that lead to pods from now on.
    pub forwards: Vec<Forward>,
    /// Files that were brought from containers.
    pub files: Vec<(String, String)>,
}

/// A command that has not ended: what it waits for, as plain data, so that a snapshot keeps it. The simulation polls it
/// whenever something has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// `rollout status`: until the workload is rolled out.
    Rollout(commands::rollout::status::Rollout),
    /// `delete`: until the objects, told apart by uid from later ones of the same name, are gone.
    Gone(commands::delete::Going),
    /// `get --watch`.
    Watch(Box<commands::get::watch::Watching>),
    /// `logs --follow`.
    Logs(Box<commands::logs::Following>),
    /// `run -i`, `attach`.
    Attach(Box<commands::exec::Attaching>),
    /// `wait`.
    Condition(Box<commands::wait::Waiting>),
    /// `edit`, while the host shows its text.
    Edit(Box<Editing>),
    /// `drain`.
    Drain(Box<commands::nodes::drain::Drain>),
    /// `replace --force`.
    Replace(Box<commands::force_replace::Replacing>),
}

/// One run of a verb.
struct Call<'a, 'c> {
    args: Args,
    invocation: &'a Invocation,
    namespace: String,
    kubeconfig: Kubeconfig,
    client: &'a mut Client<'c>,
    output: Output,
}

impl Call<'_, '_> {
    fn say(&mut self, line: impl AsRef<str>) {
        self.output.stdout.push_str(line.as_ref());
        self.output.stdout.push('\n');
    }

    fn warn(&mut self, line: impl AsRef<str>) {
        self.output.stderr.push_str(line.as_ref());
        self.output.stderr.push('\n');
    }

    /// Says what the server has warned of, each warning once, and what went wrong.
    fn end(&mut self, done: Result<(), Failure>, verb: &str) {
        let mut said: Vec<String> = Vec::new();
        for warning in self.client.take_warnings() {
            if !said.contains(&warning) {
                self.warn(format!("Warning: {warning}"));
                said.push(warning);
            }
        }
        match done {
            Err(failure) => {
                self.output.stderr.push_str(&failure.render(verb));
                self.output.code = 1;
            }
            Ok(()) if self.args.on("warnings-as-errors") && !said.is_empty() => {
                let s = if said.len() == 1 { "" } else { "s" };
                self.warn(format!("error: {} warning{s} received", said.len()));
                self.output.code = 1;
            }
            Ok(()) => {}
        }
    }

    /// The moment at which a command with a timeout gives up, if it has one: zero and less mean never.
    fn timeout(&self, flag: &str) -> Result<Option<SimTime>, Failure> {
        let Some(text) = self.args.value(flag) else { return Ok(None) };
        if text.starts_with('-') || text == "0" || text == "0s" {
            return Ok(None);
        }
        let span = SimDuration::parse(text).or_else(|| SimDuration::parse(&format!("{text}s")));
        let span = span.ok_or_else(|| {
            Failure::usage(format!(
                "invalid argument {text:?} for \"--{flag}\" flag: time: invalid duration {text:?}"
            ))
        })?;
        Ok(Some(self.client.now() + span))
    }

    /// The key of an object that the command names.
    fn key(&self, kind: crate::api::Kind, name: &str) -> Key {
        let namespace = if kind.info().namespaced { self.namespace.as_str() } else { "" };
        Key::new(kind, namespace, name)
    }
}

/// A verb: one line in [`commands::VERBS`].
struct Verb {
    /// Its words: `rollout status`.
    path: &'static str,
    /// What it does, in one line of help.
    help: &'static str,
    /// The flags it knows besides those that all do.
    flags: &'static [Flag],
    /// What it does.
    run: fn(&mut Call<'_, '_>) -> Result<(), Failure>,
}

/// Runs one command.
pub fn run(invocation: &Invocation, context: &mut Context, client: &mut Client<'_>) -> Output {
    // While a shell in a container has the console, only kubectl's own lines are not its.
    let is_kubectl =
        ["kubectl", "k"].contains(&invocation.line.split_whitespace().next().unwrap_or_default());
    if let Some(attached) = context.attached.clone().filter(|_| !is_kubectl) {
        let (output, left) = commands::exec::shell_line(&attached, &invocation.line, client);
        if left {
            context.attached = None;
        }
        return output;
    }
    if let Some(output) = shell::around(invocation, context, client) {
        return output;
    }
    if let Some((line, complaints)) = expanded(invocation, context, client) {
        let mut output = run(&Invocation { line, ..invocation.clone() }, context, client);
        output.stderr.insert_str(0, &complaints);
        return output;
    }
    if let Some(set) = variables::set(&invocation.line) {
        context.set(set);
        return Output::default();
    }
    if let Some((line, redirections)) = redirect::cut(&invocation.line) {
        let mut output = run(&Invocation { line, ..invocation.clone() }, context, client);
        redirections.apply(&mut output, context);
        return output;
    }
    if let Some((from, into)) = filters::cut_at(&invocation.line, shell::takes_input) {
        return shell::piped(from, into, invocation, context, client);
    }
    let mut verb_path = String::new();
    let failed =
        |failure: Failure, verb: &str| Output { stderr: failure.render(verb), code: 1, ..Default::default() };
    let mut parts = filters::split(&invocation.line).into_iter();
    let line = parts.next().unwrap_or_default();
    // A shell starts what stands behind the pipes before the command writes a word.
    let step = |part: &str| match shell::tee(part) {
        Some((files, appends)) => Ok(Step::Tee(files, appends)),
        None => Filter::parse(part).map(|filter| Step::Filter(Box::new(filter))),
    };
    let steps: Vec<Step> = match parts.map(step).collect() {
        Ok(steps) => steps,
        Err(failure) => return failed(failure, ""),
    };
    let mut output = shell::program(line, invocation, context, client).unwrap_or_else(|| {
        let prepared = prepare(line, invocation, context, client, &mut verb_path);
        prepared.unwrap_or_else(|failure| failed(failure, &verb_path))
    });
    let shell = output.attach.take().or_else(|| output.wait.as_ref().and_then(commands::exec::shell_of));
    if shell.is_some() {
        context.attached = shell;
    }
    for forward in std::mem::take(&mut output.forwards) {
        context.forwards.push(forward);
    }
    context.files.extend(std::mem::take(&mut output.files));
    for step in steps {
        match step {
            Step::Filter(filter) => filter.apply(&mut output),
            Step::Tee(files, appends) => shell::keep(&files, appends, &output.stdout, &mut context.files),
        }
    }
    output
}

/// What a command's output goes through.
enum Step {
    Filter(Box<Filter>),
    /// Into these files, anew or at their end, and on.
    Tee(Vec<String>, bool),
}

/// A line with what a shell puts into it, and what the commands for that complained about; `None` if there is nothing to put.
fn expanded(
    invocation: &Invocation,
    context: &mut Context,
    client: &mut Client<'_>,
) -> Option<(String, String)> {
    let line = invocation.line.as_str();
    const PROGRAMS: [&str; 4] = ["kubectl", "k", "cat", "echo"];
    const COMMANDS_MAX: usize = 16;
    if !line.contains('$') || line.matches("$(").count() > COMMANDS_MAX {
        return None;
    }
    let (known, mut complaints) = (context.variables.clone(), String::new());
    let line = variables::expand(line, &known, |command| {
        let first = command.split_whitespace().next()?;
        PROGRAMS.contains(&first).then_some(())?;
        let own = Invocation { line: command.into(), stdin: None, ..invocation.clone() };
        let output = run(&own, context, client);
        complaints.push_str(&output.stderr);
        Some(output.stdout)
    })?;
    Some((line, complaints))
}

/// Goes on with an edit whose text the host hands back.
pub fn saved(editing: Editing, text: &str, client: &mut Client<'_>) -> Output {
    let (args, namespace) = editing.of();
    let verb = editing.verb();
    let invocation = Invocation::default();
    client.manage_as(&commands::field_manager(&args, verb));
    let (kubeconfig, output) = Default::default();
    let mut call = Call { args, invocation: &invocation, namespace, kubeconfig, client, output };
    if let Err(failure) = commands::edit::resume(&mut call, editing, text) {
        call.output.stderr.push_str(&failure.render(verb));
        call.output.code = 1;
    }
    call.output
}

fn prepare(
    line: &str,
    invocation: &Invocation,
    context: &mut Context,
    client: &mut Client<'_>,
    verb_path: &mut String,
) -> Result<Output, Failure> {
    let mut words = parse::words(line)?;
    let mut invocation = invocation.clone();
    invocation.editor = invocation.editor.or_else(|| context.editor.clone());
    invocation.host_edits |= context.host_edits;
    for (name, text) in &context.files {
        let dotted = format!("./{name}");
        if line.contains(&dotted) {
            invocation.files.insert(dotted, text.clone());
        }
        invocation.files.insert(name.clone(), text.clone());
    }
    // Variables may be set for the command alone: `KUBE_EDITOR="sed -i …" kubectl edit …`.
    while let Some((name, value)) = words.first().and_then(|word| word.split_once('=')) {
        if name.is_empty() || name.contains(|c: char| !c.is_ascii_uppercase() && c != '_') {
            break;
        }
        if ["EDITOR", "KUBE_EDITOR"].contains(&name) {
            invocation.editor = Some(value.to_string());
        }
        words.remove(0);
    }
    if words.last().is_some_and(|word| word == "&") {
        words.pop();
    }
    if words.first().is_some_and(|word| word == "kubectl" || word == "k") {
        words.remove(0);
    }
    // Global flags may stand before the verb.
    let mut leading = Vec::new();
    while words.first().is_some_and(|word| word.starts_with('-')) {
        let separate = global::takes_next(&words[0]) && words.len() > 1;
        leading.extend(words.drain(..if separate { 2 } else { 1 }));
    }
    words = commands::without_alias(words);
    let Some((verb, used)) = commands::find(&words) else { return commands::no_verb(&words) };
    *verb_path = verb.path.to_string();
    let mut rest = words.split_off(used);
    rest.splice(0..0, leading);
    // What stands behind `--` is not kubectl's.
    if rest.iter().take_while(|word| *word != "--").any(|word| word == "--help" || word == "-h") {
        return Ok(Output { stdout: commands::help_of(verb), ..Default::default() });
    }
    let args = parse::args(&rest, &[verb.flags, global::FLAGS])?;
    let kubeconfig = context.kubeconfig.clone();
    let Globals { namespace, mut user, token } = global::read(&args, verb, &kubeconfig, &invocation)?;
    if let Some(token) = token {
        user = Some(identity::of_token(&token, client)?);
    }
    client.manage_as(&commands::field_manager(&args, verb.path));
    client.impersonate(user);
    client.update_by(commands::update_verb(verb.path));
    let output = Output::default();
    let mut call = Call { args, invocation: &invocation, namespace, kubeconfig, client, output };
    let done = (verb.run)(&mut call);
    call.end(done, verb.path);
    context.kubeconfig = call.kubeconfig;
    Ok(call.output)
}

/// Looks again at a command that waits. `output.stdout` and `stderr` hold only what is new; `wait` is `None` once it
/// has ended.
pub fn poll(wait: Wait, client: &mut Client<'_>) -> Output {
    match wait {
        Wait::Rollout(rollout) => commands::rollout::status::poll(rollout, client),
        Wait::Gone(going) => commands::delete::poll_gone(going, client),
        Wait::Logs(following) => commands::logs::poll(*following, client),
        Wait::Attach(attaching) => commands::exec::poll(*attaching, client),
        Wait::Condition(waiting) => commands::wait::poll(*waiting, client),
        Wait::Edit(_) => Output { wait: Some(wait), ..Output::default() },
        Wait::Drain(drain) => commands::nodes::drain::poll(*drain, client),
        Wait::Replace(replacing) => commands::force_replace::poll(*replacing, client),
        Wait::Watch(watching) => commands::get::watch::poll(*watching, client),
    }
}
