//! The words by which a command names kinds and objects: `deploy`, `deployments.apps`, `deploy/web`, `po,svc`, `all`.

use super::errors::Failure;
use crate::api::Kind;
use crate::client::View;

/// What `all` stands for among the built-in kinds, in the order it is printed.
const ALL: [Kind; 9] = [
    Kind::POD,
    Kind::REPLICATION_CONTROLLER,
    Kind::SERVICE,
    Kind::DAEMON_SET,
    Kind::DEPLOYMENT,
    Kind::REPLICA_SET,
    Kind::STATEFUL_SET,
    Kind::HORIZONTAL_POD_AUTOSCALER,
    Kind::CRON_JOB,
];

/// The kind that a word names.
///
/// # Errors
/// `the server doesn't have a resource type "x"`.
pub fn kind(view: &View, word: &str) -> Result<Kind, Failure> {
    view.kind_from_word(word)
        .ok_or_else(|| Failure::message(format!("the server doesn't have a resource type \"{word}\"")))
}

/// The kinds that a word names, alone or in a list: `po,svc`, `all` or another category.
///
/// # Errors
/// As [`kind`].
pub fn kinds(view: &View, word: &str) -> Result<Vec<Kind>, Failure> {
    let mut kinds = Vec::new();
    for part in word.split(',').filter(|part| !part.is_empty()) {
        let known = kinds.len();
        if part == "all" {
            kinds.extend(ALL);
            kinds.push(Kind::JOB);
        }
        let category = view.definitions().filter(|definition| definition.categories().contains(&part));
        kinds.extend(category.map(|definition| definition.kind()));
        if kinds.len() == known {
            kinds.push(kind(view, part)?);
        }
    }
    Ok(kinds)
}

/// What the arguments of a verb name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Kinds, without names: everything, or what a selector selects.
    Kinds(Vec<Kind>),
    /// Objects by kind and name.
    Objects(Vec<(Kind, String)>),
}

/// Reads `pods`, `pods web-0 web-1`, `deploy/web svc/web`, `po,svc web`.
///
/// # Errors
/// In the words of kubectl's resource builder.
pub fn named(view: &View, words: &[String]) -> Result<Named, Failure> {
    if words.iter().any(|word| word.contains('/')) {
        return pairs(view, words).map(Named::Objects);
    }
    let Some((first, names)) = words.split_first() else { return Ok(Named::Kinds(Vec::new())) };
    let kinds = kinds(view, first)?;
    if names.is_empty() {
        return Ok(Named::Kinds(kinds));
    }
    if kinds.len() > 1 && first.contains("all") {
        return Err(Failure::message("you may only specify a single resource type"));
    }
    let objects = kinds.iter().flat_map(|kind| names.iter().map(move |name| (*kind, name.clone())));
    Ok(Named::Objects(objects.collect()))
}

fn pairs(view: &View, words: &[String]) -> Result<Vec<(Kind, String)>, Failure> {
    let mut objects = Vec::new();
    for word in words {
        let Some((kinds, name)) = word.split_once('/') else {
            let tip = "there is no need to specify a resource type as a separate argument when passing arguments in \
                       resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource \
                       resource/<resource_name>'";
            return Err(Failure::message(tip));
        };
        if kinds.is_empty() || name.is_empty() || name.contains('/') {
            let tip = "arguments in resource/name form must have a single resource and name";
            return Err(Failure::message(tip));
        }
        objects.push((kind(view, kinds)?, name.to_string()));
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, want: Result<Named, &str>) {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        assert_eq!(
            named(&View::default(), &words).map_err(|failure| failure.text()),
            want.map_err(str::to_string),
            "{line}"
        );
    }

    #[test]
    fn arguments_name_kinds_and_objects() {
        let objects = |pairs: &[(Kind, &str)]| {
            Ok(Named::Objects(pairs.iter().map(|(kind, name)| (*kind, (*name).to_string())).collect()))
        };
        check("po,svc", Ok(Named::Kinds(vec![Kind::POD, Kind::SERVICE])));
        check("deploy web", objects(&[(Kind::DEPLOYMENT, "web")]));
        check("pods a b", objects(&[(Kind::POD, "a"), (Kind::POD, "b")]));
        check("deploy/web svc/web", objects(&[(Kind::DEPLOYMENT, "web"), (Kind::SERVICE, "web")]));
        check("widgets", Err("the server doesn't have a resource type \"widgets\""));
        check("deploy/", Err("arguments in resource/name form must have a single resource and name"));
    }
}
