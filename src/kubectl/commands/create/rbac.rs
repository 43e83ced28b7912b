//! `create role`, `clusterrole`, `rolebinding`, `clusterrolebinding`.

use serde_json::{Value, json};

use super::{DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, pairs};
use crate::api::Kind;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::resource_names;
use crate::kubectl::{Call, Verb};

/// What can be done with resources, and with the paths of the API (`validResourceVerbs`, `validNonResourceVerbs`).
const RESOURCE_VERBS: [&str; 14] = [
    "*",
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
];
const URL_VERBS: [&str; 8] = ["*", "get", "post", "put", "delete", "patch", "head", "options"];

/// Verbs that can be done with these resources only, some of which no server lists (`specialVerbs`).
const SPECIAL: [(&str, &[(&str, &str)]); 4] = [
    ("use", &[("policy", "podsecuritypolicies"), ("extensions", "podsecuritypolicies")]),
    ("bind", &[("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "clusterroles")]),
    ("escalate", &[("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "clusterroles")]),
    (
        "impersonate",
        &[("", "users"), ("", "serviceaccounts"), ("", "groups"), ("authentication.k8s.io", "userextras")],
    ),
];

const VERB: Flag = value("verb", "what may be done");
const RESOURCE: Flag = value("resource", "on what: pods, deployments.apps, pods/log");
const RESOURCE_NAME: Flag = value("resource-name", "only on objects of this name");

/// `create role`.
pub const ROLE: Verb = Verb {
    path: "create role",
    help: "Create a role with single rule",
    flags: &[VERB, RESOURCE, RESOURCE_NAME, DRY_RUN, OUTPUT, TEMPLATE, FIELD_MANAGER, SAVE_CONFIG, VALIDATE],
    run: |call| role(call, Kind::ROLE),
};
/// `create clusterrole`.
pub const CLUSTER_ROLE: Verb = Verb {
    path: "create clusterrole",
    help: "Create a cluster role",
    flags: &[
        VERB,
        RESOURCE,
        RESOURCE_NAME,
        value("non-resource-url", "a path of the API"),
        value("aggregation-rule", "the labels of the roles that it is made of"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| role(call, Kind::CLUSTER_ROLE),
};

fn role(call: &mut Call<'_, '_>, kind: Kind) -> Result<(), Failure> {
    let name = name(call)?;
    let metadata = if kind == Kind::ROLE { metadata(call, &name) } else { json!({"name": name}) };
    if let Some(labels) = call.args.value("aggregation-rule") {
        let labels = pairs(labels.split(','), "label")?;
        let rule = json!({"clusterRoleSelectors": [{"matchLabels": labels}]});
        let value = json!({"aggregationRule": rule, "metadata": metadata, "rules": null});
        return make(call, kind, value, "created", "");
    }
    let verbs = call.args.list("verb");
    if verbs.is_empty() {
        return Err(Failure::message("at least one verb must be specified"));
    }
    let urls = call.args.list("non-resource-url");
    let resources = call.args.list("resource");
    if resources.is_empty() && urls.is_empty() {
        return Err(Failure::message(match kind {
            Kind::ROLE => "at least one resource must be specified",
            _ => "one of resource or nonResourceURL must be specified",
        }));
    }
    let odd = verbs.iter().filter(|verb| !resources.is_empty() && !RESOURCE_VERBS.contains(verb));
    let odd: Vec<String> =
        odd.map(|verb| format!("Warning: '{verb}' is not a standard resource verb")).collect();
    check_urls(&urls, &verbs)?;
    // Resources of one group share a rule.
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for resource in resources {
        let (word, part) =
            resource.split_once('/').map_or((resource, None), |(word, part)| (word, Some(part)));
        let (group, plural) = match word {
            "*" => ("*".to_string(), "*".to_string()),
            word => named(call, word, &verbs)?,
        };
        let resource = part.map_or(plural.clone(), |part| format!("{plural}/{part}"));
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, resources)) => resources.push(resource),
            None => groups.push((group, vec![resource])),
        }
    }
    let names = call.args.list("resource-name");
    let rule = |(group, resources): (String, Vec<String>)| {
        let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        rule
    };
    let mut rules: Vec<Value> = groups.into_iter().map(rule).collect();
    if !urls.is_empty() {
        rules.push(json!({"nonResourceURLs": urls, "verbs": verbs}));
    }
    let value = json!({"metadata": metadata, "rules": rules});
    odd.into_iter().for_each(|line| call.warn(line));
    make(call, kind, value, "created", "")
}

/// Group and plural of a resource that these verbs can be done with. One that the server does not have is refused in the
/// words of the mapper of resources.
fn named(call: &Call<'_, '_>, word: &str, verbs: &[&str]) -> Result<(String, String), Failure> {
    let (resource, group) = word.split_once('.').unwrap_or((word, ""));
    let mut known = true;
    let (group, resource) = match resource_names::kind(call.client.live(), word) {
        Ok(kind) => (kind.info().group.to_string(), kind.info().plural.to_string()),
        Err(_) => {
            known = false;
            (group.to_string(), resource.to_string())
        }
    };
    for (verb, resources) in SPECIAL.iter().filter(|(verb, _)| verbs.contains(verb)) {
        if !resources.contains(&(&group, &resource)) {
            let why = format!("can not perform '{verb}' on '{resource}' in group '{group}'");
            return Err(Failure::message(why));
        }
        known = true;
    }
    if !known {
        return Err(Failure::message(format!("no matches for {group}/, Resource={resource}")));
    }
    Ok((group, resource))
}

fn check_urls(urls: &[&str], verbs: &[&str]) -> Result<(), Failure> {
    let odd = verbs.iter().find(|verb| !urls.is_empty() && !URL_VERBS.contains(verb));
    if let Some(verb) = odd {
        return Err(Failure::message(format!("invalid verb: '{verb}' for nonResourceURL")));
    }
    for url in urls.iter().filter(|url| **url != "*") {
        if !url.starts_with('/') {
            return Err(Failure::message("nonResourceURL should start with /"));
        }
        if url[..url.len() - 1].contains('*') {
            return Err(Failure::message(
                "nonResourceURL only supports wildcard matches when '*' is at the end",
            ));
        }
    }
    Ok(())
}

const USER: Flag = value("user", "a user");
const GROUP: Flag = value("group", "a group");
const ACCOUNT: Flag = value("serviceaccount", "a service account, NAMESPACE:NAME");

/// `create rolebinding`.
pub const ROLE_BINDING: Verb = Verb {
    path: "create rolebinding",
    help: "Create a role binding for a particular role or cluster role",
    flags: &[
        value("role", "the Role"),
        value("clusterrole", "the ClusterRole"),
        USER,
        GROUP,
        ACCOUNT,
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| {
        let reference = match (call.args.value("clusterrole"), call.args.value("role")) {
            (Some(name), None) => role_reference("ClusterRole", name),
            (None, Some(name)) => role_reference("Role", name),
            _ => return Err(Failure::message("exactly one of clusterrole or role must be specified")),
        };
        binding(call, Kind::ROLE_BINDING, reference, "error: failed to create rolebinding")
    },
};
/// `create clusterrolebinding`.
pub const CLUSTER_ROLE_BINDING: Verb = Verb {
    path: "create clusterrolebinding",
    help: "Create a cluster role binding for a particular cluster role",
    flags: &[
        value("clusterrole", "the ClusterRole"),
        USER,
        GROUP,
        ACCOUNT,
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| {
        let name = super::required(call, "clusterrole")?;
        let reference = role_reference("ClusterRole", &name);
        binding(call, Kind::CLUSTER_ROLE_BINDING, reference, "error: failed to create clusterrolebinding")
    },
};

fn role_reference(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

fn binding(call: &mut Call<'_, '_>, kind: Kind, role: Value, doing: &str) -> Result<(), Failure> {
    let name = name(call)?;
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        let subject =
            |name: &&str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
        subjects.extend(call.args.list(flag).iter().map(subject));
    }
    for account in call.args.list("serviceaccount") {
        let (namespace, name) = account
            .split_once(':')
            .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains(':'))
            .ok_or_else(|| Failure::message("serviceaccount must be <namespace>:<name>"))?;
        subjects.push(json!({"kind": "ServiceAccount", "name": name, "namespace": namespace}));
    }
    let metadata = if kind == Kind::ROLE_BINDING { metadata(call, &name) } else { json!({"name": name}) };
    let mut value = json!({"metadata": metadata, "roleRef": role});
    if !subjects.is_empty() {
        value["subjects"] = Value::Array(subjects);
    }
    make(call, kind, value, "created", doing)
}
