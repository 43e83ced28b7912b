//! The verbs, one file each (or one for a family), and the list of them all.

mod apply;
mod auth;
mod autoscale;
mod certificate;
mod cluster_info;
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
pub(super) mod force_replace;
pub(super) mod forward;
pub(super) mod get;
mod info;
pub(super) mod kustomize;
mod last_applied;
pub(super) mod logs;
pub(super) mod nodes;
mod overrides;
mod patch;
mod prune;
mod raw;
mod reconcile;
pub(super) mod rollout;
mod run;
mod scale;
mod server_side;
mod set;
mod top;
pub(super) mod wait;
mod writing;

pub use writing::{field_manager, update_verb};

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
    &last_applied::VIEW,
    &last_applied::SET,
    &edit::LAST_APPLIED,
    &apply::REPLACE,
    &patch::PATCH,
    &scale::SCALE,
    &set::IMAGE,
    &set::RESOURCES,
    &set::ENV,
    &set::SELECTOR,
    &set::SERVICE_ACCOUNT,
    &set::SUBJECT,
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
    &reconcile::RECONCILE,
    &info::API_RESOURCES,
    &info::API_VERSIONS,
    &info::VERSION,
    &cluster_info::CLUSTER_INFO,
    &cluster_info::DUMP,
    &info::COMPLETION,
    &info::OPTIONS,
    &config::SET_CONTEXT,
    &config::USE_CONTEXT,
    &config::DELETE_CONTEXT,
    &config::RENAME_CONTEXT,
    &config::CURRENT_CONTEXT,
    &config::GET_CONTEXTS,
    &config::GET_CLUSTERS,
    &config::GET_USERS,
    &config::SET_CLUSTER,
    &config::SET_CREDENTIALS,
    &config::SET,
    &config::UNSET,
    &config::DELETE_CLUSTER,
    &config::DELETE_USER,
    &config::VIEW,
    &logs::LOGS,
    &exec::EXEC,
    &exec::ATTACH,
    &debug::DEBUG,
    &top::POD,
    &top::NODE,
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

/// Other names of verbs and families, and the names under which they are known.
const ALIASES: &[(&str, &str)] = &[
    ("config use", "config use-context"),
    ("create cj", "create cronjob"),
    ("create cm", "create configmap"),
    ("create deploy", "create deployment"),
    ("create ing", "create ingress"),
    ("create ns", "create namespace"),
    ("create pc", "create priorityclass"),
    ("create pdb", "create poddisruptionbudget"),
    ("create resourcequota", "create quota"),
    ("create sa", "create serviceaccount"),
    ("create svc", "create service"),
    ("log", "logs"),
    ("set sa", "set serviceaccount"),
    ("top no", "top node"),
    ("top nodes", "top node"),
    ("top po", "top pod"),
    ("top pods", "top pod"),
];

/// Whether the words begin with a path.
fn begins(words: &[String], path: &str) -> bool {
    let path: Vec<&str> = path.split(' ').collect();
    words.len() >= path.len() && path.iter().zip(words).all(|(a, b)| a == b)
}

/// The words with the name under which their verb is known.
pub fn without_alias(mut words: Vec<String>) -> Vec<String> {
    if let Some((alias, name)) = ALIASES.iter().find(|(alias, _)| begins(&words, alias)) {
        words.splice(..alias.split(' ').count(), name.split(' ').map(String::from));
    }
    words
}

/// The verb that the words begin with, the longest that matches, and how many words it has.
pub fn find(words: &[String]) -> Option<(&'static Verb, usize)> {
    let verb = verbs().filter(|verb| begins(words, verb.path)).max_by_key(|verb| verb.path.len())?;
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
    if is_family(first) {
        let rest: Vec<String> =
            words.iter().skip(1).take_while(|word| !word.starts_with('-')).cloned().collect();
        return Err(no_subcommand(first, &rest));
    }
    Err(Failure::message(format!("unknown command \"{first}\" for \"kubectl\"{}", suggestions(first))))
}

/// Whether verbs begin with these words.
fn is_family(path: &str) -> bool {
    verbs().any(|verb| verb.path.strip_prefix(path).is_some_and(|rest| rest.starts_with(' ')))
}

/// What a family of verbs says to words that are none of them, or to no words: then, what verbs there are.
fn no_subcommand(family: &str, words: &[String]) -> Failure {
    if !words.is_empty() {
        let words = words.join(" ");
        return Failure::message(format!(
            "unknown command \"{words}\"\nSee 'kubectl {family} -h' for help and examples"
        ));
    }
    let own = format!("{family} ");
    let lines = verbs().filter(|verb| verb.path.starts_with(&own));
    let lines = lines.map(|verb| format!("  {:<20} {}", &verb.path[own.len()..], verb.help));
    Failure::Shown(format!("Available Commands:\n{}\n", lines.collect::<Vec<_>>().join("\n")))
}

/// Verbs that are spelled much like a word, or begin with it (`cobra`'s `SuggestionsFor`).
fn suggestions(word: &str) -> String {
    const DISTANCE: usize = 2;
    let word = word.to_lowercase();
    let mut names: Vec<&str> = verbs().filter_map(|verb| verb.path.split(' ').next()).collect();
    names.sort_unstable();
    names.dedup();
    let near: Vec<&str> = names
        .into_iter()
        .filter(|name| distance(&word, name) <= DISTANCE || name.starts_with(&word))
        .collect();
    if near.is_empty() {
        return String::new();
    }
    format!("\n\nDid you mean this?\n\t{}", near.join("\n\t"))
}

/// How many letters have to be changed, left out or put in to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, &wanted) in other.iter().enumerate() {
            let changed = before + usize::from(letter != wanted);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
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
    for flag in super::parse::each(verb.flags) {
        let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
        text.push_str(&format!("    {short}--{}:\n\t{}\n", flag.name, flag.help));
    }
    text
}

/// Whether a verb asks no server.
pub fn is_local(verb: &Verb) -> bool {
    [info::COMPLETION, info::OPTIONS, info::PLUGIN_LIST, kustomize::KUSTOMIZE]
        .iter()
        .any(|local| local.path == verb.path)
}

/// The names that a console may complete a line's first words with.
pub fn verb_paths() -> impl Iterator<Item = &'static str> {
    verbs().map(|verb| verb.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_no_verb_are_told_what_is_near() {
        assert_eq!(suggestions("gett"), "\n\nDid you mean this?\n\tget\n\tset");
        assert_eq!(suggestions("appl"), "\n\nDid you mean this?\n\tapply");
        assert_eq!(suggestions("frobnicate"), "");
        let cases = [("", "abc", 3), ("abc", "abc", 0), ("gte", "get", 2), ("kitten", "sitting", 3)];
        for (one, other, want) in cases {
            assert_eq!(distance(one, other), want, "{one} {other}");
        }
    }

    #[test]
    fn a_verb_is_found_by_its_other_names() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let cases = [
            ("create ns a", Some("create namespace")),
            ("create svc nodeport a", Some("create service nodeport")),
            ("top po", Some("top pod")),
            ("log web", Some("logs")),
            ("create nsx a", Some("create")),
            ("po", None),
        ];
        for (line, want) in cases {
            assert_eq!(find(&without_alias(words(line))).map(|(verb, _)| verb.path), want, "{line}");
        }
        let known = |name: &str| verbs().any(|verb| verb.path == name) || is_family(name);
        assert!(ALIASES.iter().all(|(_, name)| known(name)));
    }

    #[test]
    fn a_family_of_verbs_refuses_words_that_are_none() {
        assert!(is_family("rollout") && is_family("create secret") && !is_family("get"));
        let wrong = no_subcommand("rollout", &["foo".into()]);
        assert_eq!(
            wrong.render(""),
            "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples\n"
        );
        assert!(no_subcommand("rollout", &[]).render("").contains("  history "));
    }
}
