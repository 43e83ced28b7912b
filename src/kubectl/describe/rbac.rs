//! Roles and their bindings.

use serde_json::Value;

use super::Subject;
use super::page::Page;
use crate::api::sorting;
use crate::kubectl::print::fields::{Fields, go_list};

/// A Role or a ClusterRole.
pub fn role(page: &mut Page, subject: &Subject<'_>) {
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(subject.value);
    page.line(0, "PolicyRule:");
    let row = |rule: &Rule| {
        let urls = go_list(&rule.urls.iter().map(String::as_str).collect::<Vec<_>>());
        let names = go_list(&rule.names.iter().map(String::as_str).collect::<Vec<_>>());
        let verbs = go_list(&rule.verbs.iter().map(String::as_str).collect::<Vec<_>>());
        format!("{}\t{urls}\t{names}\t{verbs}", rule.resource())
    };
    let headings = "Resources\tNon-Resource URLs\tResource Names\tVerbs";
    page.table(
        1,
        headings,
        "---------\t-----------------\t--------------\t-----",
        compact(subject.value).iter().map(row),
    );
}

/// What is allowed on one resource, or on one URL.
#[derive(Default)]
struct Rule {
    group: Option<String>,
    resource: Option<String>,
    urls: Vec<String>,
    names: Vec<String>,
    verbs: Vec<String>,
}

impl Rule {
    /// `deployments.apps/scale`.
    fn resource(&self) -> String {
        let Some(resource) = &self.resource else { return String::new() };
        let (name, part) =
            resource.split_once('/').map_or((resource.as_str(), None), |(name, part)| (name, Some(part)));
        let group = self.group.as_deref().filter(|group| !group.is_empty());
        let mut text = group.map_or(name.to_string(), |group| format!("{name}.{group}"));
        if let Some(part) = part {
            text.push_str(&format!("/{part}"));
        }
        text
    }

    /// As the real one sorts them: by the whole rule, as Go prints it.
    fn order(&self) -> String {
        let one = |text: &Option<String>| format!("[{}]", text.as_deref().unwrap_or_default());
        let all = |list: &[String]| format!("[{}]", list.join(" "));
        [all(&self.verbs), one(&self.group), one(&self.resource), all(&self.names), all(&self.urls)].join(",")
    }
}

/// The rules of a role, broken down to single verbs, resources and names (`BreakdownRule`), with the verbs on the same
/// resource, or the same name of it, made one rule again (`CompactRules`). Rules for URLs stay apart.
fn compact(role: &Value) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for rule in role.list("rules") {
        let owned = |text: &str| text.to_string();
        let names = rule.texts("resourceNames");
        let names: Vec<Option<&str>> =
            if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for group in rule.texts("apiGroups") {
            for resource in rule.texts("resources") {
                for verb in rule.texts("verbs") {
                    for name in &names {
                        let at = |known: &&mut Rule| {
                            known.group.as_deref() == Some(group)
                                && known.resource.as_deref() == Some(resource)
                                && known.names.first().map(String::as_str) == *name
                        };
                        match rules.iter_mut().find(at) {
                            Some(known) => known.verbs.push(owned(verb)),
                            None => rules.push(Rule {
                                group: Some(owned(group)),
                                resource: Some(owned(resource)),
                                names: name.iter().map(|name| owned(name)).collect(),
                                verbs: vec![owned(verb)],
                                ..Rule::default()
                            }),
                        }
                    }
                }
            }
        }
        for url in rule.texts("nonResourceURLs") {
            let of_url = |verb| Rule { urls: vec![owned(url)], verbs: vec![owned(verb)], ..Rule::default() };
            rules.extend(rule.texts("verbs").into_iter().map(of_url));
        }
    }
    sorting::sort_by_key(&mut rules, Rule::order);
    rules
}

/// A RoleBinding or a ClusterRoleBinding.
pub fn binding(page: &mut Page, subject: &Subject<'_>) {
    let binding = subject.value;
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(binding);
    page.line(0, "Role:");
    page.field(1, "Kind", binding.text("roleRef.kind"));
    page.field(1, "Name", binding.text("roleRef.name"));
    page.line(0, "Subjects:");
    let row = |s: &Value| format!("{}\t{}\t{}", s.text("kind"), s.text("name"), s.text("namespace"));
    page.table(1, "Kind\tName\tNamespace", "----\t----\t---------", binding.list("subjects").iter().map(row));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_broken_down_and_compacted() {
        let role = json!({"rules": [
            {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"], "verbs": ["get"]},
            {"nonResourceURLs": ["/healthz"], "verbs": ["get", "post"]},
        ]});
        let shown: Vec<String> = compact(&role)
            .iter()
            .map(|rule| {
                format!("{} {:?} {:?} {:?}", rule.resource(), rule.urls, rule.names, rule.verbs)
                    .replace('"', "")
            })
            .collect();
        let want = [
            "pods [] [] [get, list, watch]",
            "pods/log [] [] [get, list]",
            " [/healthz] [] [get]",
            "secrets [] [a] [get]",
            "secrets [] [b] [get]",
            "deployments.apps/scale [] [] [get]",
            " [/healthz] [] [post]",
        ];
        assert_eq!(shown, want);
    }
}
