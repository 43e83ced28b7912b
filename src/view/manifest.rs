//! What is wrong with a manifest, and what of it changes nothing.

use crate::api::Kind;
use crate::api::manifest::Diagnostic;
use crate::api::schema;
use crate::sim::scheduler_configuration;

/// Syntax errors, unknown built-in kinds and fields, wrong types and duplicate keys of a text, each at its place; and where none
/// of these is an error, what the model leaves alone.
pub fn lint(text: &str) -> Vec<Diagnostic> {
    let mut found = schema::lint(text, &|api_version, kind| {
        Kind::from_manifest(api_version, kind).is_some()
            || may_be_custom(api_version)
            || (api_version, kind) == (scheduler_configuration::API_VERSION, scheduler_configuration::KIND)
    });
    if !found.iter().any(Diagnostic::is_error) {
        found.extend(schema::unsimulated(text));
    }
    found
}

/// Whether the kinds of a group may be custom ones: those are the cluster's to know, or the manifest brings them itself.
fn may_be_custom(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(text: &str) -> Vec<(u32, String)> {
        lint(text).into_iter().map(|found| (found.line, found.path.unwrap_or_default())).collect()
    }

    #[test]
    fn what_changes_nothing_is_marked_at_its_line() {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostIPC: true\n  containers:\n  - name: a\n    image: a\n    stdinOnce: true\n";
        assert_eq!(alone(pod), [(5, "spec.hostIPC".into()), (9, "spec.containers[0].stdinOnce".into())]);
        let policy = "kind: FlowSchema\napiVersion: flowcontrol.apiserver.k8s.io/v1\nmetadata: {name: a}\n";
        assert_eq!(alone(policy), [(1, "FlowSchema".into())]);
        assert_eq!(alone(&pod.replace("    stdinOnce: true\n", "")), [(5, "spec.hostIPC".into())]);
    }

    #[test]
    fn errors_are_said_first() {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostIPC: true, containers: 1}\n";
        assert!(lint(pod).iter().all(Diagnostic::is_error));
    }
}
