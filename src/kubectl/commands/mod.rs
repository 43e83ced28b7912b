//! The verbs, one file each (or one for a family), and the list of them all.

mod apply;
mod auth;
mod autoscale;
mod certificate;
mod config;
mod containers;
mod cp;
mod create;
mod debug;
pub(super) mod delete;
mod describe;
mod diff;
pub(super) mod edit;
mod edit_meta;
mod events;
pub(super) mod exec;
mod explain;
mod expose;
pub(super) mod forward;
pub(super) mod get;
mod info;
pub(super) mod kustomize;
pub(super) mod logs;
pub(super) mod nodes;
mod patch;
pub(super) mod rollout;
mod run;
mod scale;
mod server_side;
mod set;
mod top;
pub(super) mod wait;
mod writing;

pub use writing::field_manager;

use super::errors::Failure;
use super::{Output, Verb};

/// Every verb, in the order of the help text.
const VERBS: &[&Verb] = &[
    &apply::CREATE,
    &run::RUN,
    &expose::EXPOSE,
    &get::GET,
    &describe::DESCRIBE,
    &delete::DELETE,
    &apply::APPLY,
    &apply::REPLACE,
    &patch::PATCH,
    &scale::SCALE,
    &set::IMAGE,
    &set::RESOURCES,
    &set::ENV,
    &set::SELECTOR,
    &set::SERVICE_ACCOUNT,
    &set::SA,
    &rollout::STATUS,
    &rollout::HISTORY,
    &rollout::UNDO,
    &rollout::PAUSE,
    &rollout::RESUME,
    &rollout::RESTART,
    &edit_meta::LABEL,
    &edit_meta::ANNOTATE,
    &nodes::TAINT,
    &nodes::CORDON,
    &nodes::UNCORDON,
    &nodes::DRAIN,
    &autoscale::AUTOSCALE,
    &wait::WAIT,
    &events::EVENTS,
    &explain::EXPLAIN,
    &diff::DIFF,
    &edit::EDIT,
    &auth::CAN_I,
    &auth::WHO_AM_I,
    &info::API_RESOURCES,
    &info::API_VERSIONS,
    &info::VERSION,
    &info::CLUSTER_INFO,
    &info::COMPLETION,
    &info::OPTIONS,
    &config::SET_CONTEXT,
    &config::USE_CONTEXT,
    &config::USE,
    &config::CURRENT_CONTEXT,
    &config::GET_CONTEXTS,
    &config::GET_CLUSTERS,
    &config::GET_USERS,
    &config::VIEW,
    &logs::LOGS,
    &logs::LOG,
    &exec::EXEC,
    &exec::ATTACH,
    &debug::DEBUG,
    &top::POD,
    &top::PODS,
    &top::PO,
    &top::NODE,
    &top::NODES,
    &top::NO,
    &forward::PORT_FORWARD,
    &cp::CP,
    &forward::PROXY,
    &certificate::APPROVE,
    &certificate::DENY,
    &kustomize::KUSTOMIZE,
    &info::PLUGIN_LIST,
];

/// All of them, those that `create` makes single kinds by too.
fn verbs() -> impl Iterator<Item = &'static &'static Verb> {
    VERBS.iter().chain(create::GENERATORS)
}

/// The verb that the words begin with, the longest that matches, and how many words it has.
pub fn find(words: &[String]) -> Option<(&'static Verb, usize)> {
    let matches = |verb: &&&'static Verb| {
        let path: Vec<&str> = verb.path.split(' ').collect();
        words.len() >= path.len() && path.iter().zip(words).all(|(a, b)| a == b)
    };
    let verb = verbs().filter(matches).max_by_key(|verb| verb.path.len())?;
    Some((verb, verb.path.split(' ').count()))
}

/// What a line without a known verb gets: the help if it is empty, an error otherwise.
///
/// # Errors
/// In kubectl's words for what is no command at all.
pub fn no_verb(words: &[String]) -> Result<Output, Failure> {
    let Some(first) = words.first().filter(|word| *word != "help") else {
        return Ok(Output { stdout: help(), ..Default::default() });
    };
    let family = verbs().any(|verb| verb.path.starts_with(&format!("{first} ")));
    if family {
        let what =
            words.iter().take(2).take_while(|word| !word.starts_with('-')).cloned().collect::<Vec<_>>();
        let what = what.join(" ");
        return Err(Failure::message(format!("kubeviz does not offer \"kubectl {what}\" yet")));
    }
    Err(Failure::message(format!("unknown command \"{first}\" for \"kubectl\"")))
}

fn help() -> String {
    let mut text = String::from("kubectl controls the Kubernetes cluster manager.\n\nCommands:\n");
    for verb in verbs() {
        text.push_str(&format!("  {:<20} {}\n", verb.path, verb.help));
    }
    text
}

/// The help text of one verb.
pub fn help_of(verb: &Verb) -> String {
    let mut text = format!("{}.\n\nUsage:\n  kubectl {} [flags]\n", verb.help, verb.path);
    if !verb.flags.is_empty() {
        text.push_str("\nOptions:\n");
    }
    for flag in verb.flags {
        let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
        text.push_str(&format!("    {short}--{}:\n\t{}\n", flag.name, flag.help));
    }
    text
}

/// The namespace that `config set-context --current --namespace` makes current.
pub fn chosen_namespace(verb: &Verb, words: &[String]) -> Option<String> {
    if verb.path != config::SET_CONTEXT.path {
        return None;
    }
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(value) = word.strip_prefix("--namespace=") {
            return Some(value.to_string());
        }
        if word == "--namespace" || word == "-n" {
            return words.next().cloned();
        }
    }
    None
}

/// The names that a console may complete a line's first words with.
pub fn verb_paths() -> impl Iterator<Item = &'static str> {
    verbs().map(|verb| verb.path)
}
