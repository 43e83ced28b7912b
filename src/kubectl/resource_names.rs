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
    // Of `widgets.v1.example.com`, only what stands before the first dot is called a type.
    let resource = word.split('.').next().unwrap_or_default();
    view.kind_from_word(word)
        .ok_or_else(|| Failure::message(format!("the server doesn't have a resource type {resource:?}")))
}

/// The kinds that a word names, alone or in a list: `po,svc`, `all` or another category.
///
/// # Errors
/// As [`kind`].
pub fn kinds(view: &View, word: &str) -> Result<Vec<Kind>, Failure> {
    let mut kinds = Vec::new();
    let mut parts: Vec<&str> = Vec::new();
    for part in word.split(',') {
        if parts.contains(&part) {
            continue;
        }
        parts.push(part);
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
    if !names.is_empty() && first.contains(',') {
        // `po,svc web` is short for `po/web svc/web`.
        let pair = |kind| names.iter().map(move |name| format!("{kind}/{name}"));
        return pairs(view, &first.split(',').flat_map(pair).collect::<Vec<_>>()).map(Named::Objects);
    }
    let kinds = kinds(view, first)?;
    match kinds.as_slice() {
        _ if names.is_empty() => Ok(Named::Kinds(kinds)),
        [kind] => Ok(Named::Objects(names.iter().map(|name| (*kind, name.clone())).collect())),
        _ => Err(Failure::message("you must specify only one resource")),
    }
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
        if name.contains('/') {
            let tip = "arguments in resource/name form may not have more than one slash";
            return Err(Failure::message(tip));
        }
        if kinds.is_empty() || name.is_empty() || kinds.contains(',') {
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
        check("po,svc web", objects(&[(Kind::POD, "web"), (Kind::SERVICE, "web")]));
        check("pods, svc", Err("arguments in resource/name form must have a single resource and name"));
        check("pods,", Err("the server doesn't have a resource type \"\""));
        check("deploy.v2.apps", Err("the server doesn't have a resource type \"deploy\""));
        check("all web", Err("you must specify only one resource"));
        check("deploy/web/a", Err("arguments in resource/name form may not have more than one slash"));
        check("deploy/", Err("arguments in resource/name form must have a single resource and name"));
    }
}
