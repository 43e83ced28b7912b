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

    /// As the real one sorts them: by the whole rule, written out.
    fn order(&self) -> String {
        let part = |list: &[String]| list.join(",");
        let (group, resource) = (self.group.as_deref().unwrap_or_default(), self.resource());
        format!("{}\0{group}\0{resource}\0{}\0{}", part(&self.verbs), part(&self.names), part(&self.urls))
    }
}

/// The rules of a role, broken down to single resources, with those for the same resource made one.
fn compact(role: &Value) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for rule in role.list("rules") {
        let owned = |path: &str| -> Vec<String> { rule.texts(path).into_iter().map(String::from).collect() };
        let (verbs, names) = (owned("verbs"), owned("resourceNames"));
        for group in rule.texts("apiGroups") {
            for resource in rule.texts("resources") {
                let at = |known: &Rule| {
                    known.group.as_deref() == Some(group)
                        && known.resource.as_deref() == Some(resource)
                        && known.names.is_empty()
                };
                match rules.iter_mut().find(|known| names.is_empty() && at(known)) {
                    Some(known) => known.verbs.extend(verbs.iter().cloned()),
                    None => rules.push(Rule {
                        group: Some(group.into()),
                        resource: Some(resource.into()),
                        names: names.clone(),
                        verbs: verbs.clone(),
                        ..Rule::default()
                    }),
                }
            }
        }
        for url in rule.texts("nonResourceURLs") {
            rules.push(Rule { urls: vec![url.into()], verbs: verbs.clone(), ..Rule::default() });
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
