//! Completion of a line at the console: verbs, kinds, names of objects that exist.

use super::commands::{verb_paths, without_alias};
use crate::api::{Kind, MetaExt};
use crate::client::View;

/// The words that could stand at the end of `line`, sorted; `line` ends at the caret.
pub fn complete(line: &str, view: &View, namespace: &str) -> Vec<String> {
    let line = line.trim_start();
    let line = line.strip_prefix("kubectl ").or_else(|| line.strip_prefix("k ")).unwrap_or(line);
    let (before, last) = line.rsplit_once(' ').map_or(("", line), |(before, last)| (before.trim(), last));
    let mut options: Vec<String> = Vec::new();
    if last.starts_with('-') {
        return options;
    }
    let words = without_alias(before.split_whitespace().map(String::from).collect());
    let before = words.join(" ");
    let before = before.as_str();
    // `create` is a verb itself, and the beginning of others: it is those that are looked for.
    let begins_more =
        verb_paths().any(|path| path.strip_prefix(before).is_some_and(|rest| rest.starts_with(' ')));
    let verb = verb_paths()
        .filter(|path| !begins_more && (before == *path || before.starts_with(&format!("{path} "))))
        .max_by_key(|path| path.len());
    match verb {
        None => {
            let next = |path: &'static str| {
                let rest =
                    if before.is_empty() { path } else { path.strip_prefix(before)?.strip_prefix(' ')? };
                rest.split(' ').next().map(str::to_string)
            };
            options.extend(verb_paths().filter_map(next));
        }
        Some(verb) => {
            let arguments = &words[verb.split(' ').count()..];
            let kind = arguments.iter().find_map(|word| view.kind_from_word(word));
            if let Some((word, _)) = last.split_once('/') {
                if let Some(kind) = view.kind_from_word(word) {
                    options.extend(names(kind, view, namespace).map(|name| format!("{word}/{name}")));
                }
            } else if let Some(kind) = kind {
                options.extend(names(kind, view, namespace));
            } else if verb == "cordon" || verb == "uncordon" {
                options.extend(names(Kind::NODE, view, namespace));
            } else {
                options.extend(view.kinds().into_iter().map(|kind| kind.info().plural.to_string()));
            }
        }
    }
    options.retain(|option| option.starts_with(last));
    options.sort();
    options.dedup();
    options
}

fn names<'a>(kind: Kind, view: &'a View, namespace: &'a str) -> impl Iterator<Item = String> + 'a {
    let namespace = kind.info().namespaced.then_some(namespace);
    view.objects(kind, namespace).map(|object| object.name().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_kinds_are_offered_where_they_can_stand() {
        let view = View::default();
        assert_eq!(complete("kubectl rollout st", &view, "default"), ["status"]);
        assert_eq!(complete("kubectl create svc no", &view, "default"), ["nodeport"]);
        assert_eq!(complete("kubectl create dep", &view, "default"), ["deployment"]);
        assert_eq!(complete("kubectl sca", &view, "default"), ["scale"]);
        assert!(complete("kubectl get deploy", &view, "default").contains(&"deployments".to_string()));
        assert!(complete("kubectl get -", &view, "default").is_empty());
    }
}
