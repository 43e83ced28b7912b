//! `set subject`: who a binding binds. Models `pkg/cmd/set/set_subject.go`.

use sorted::SortedSet;

use serde_json::{Value, json};

use super::{ALL, FILENAME, LABELS, LOCAL, Words, refuse_contradictions, targets, write};
use crate::api::{Kind, MetaExt};
use crate::kubectl::commands::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::{Call, Verb};

const GROUP: &str = "rbac.authorization.k8s.io";

/// See the module.
pub const SUBJECT: Verb = Verb {
    path: "set subject",
    help: "Update the user, group, or service account in a role binding or cluster role binding",
    flags: &[
        value("user", "a user to bind"),
        value("group", "a group to bind"),
        value("serviceaccount", "a service account to bind, as NAMESPACE:NAME"),
        FILENAME,
        LABELS,
        ALL,
        LOCAL,
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
    ],
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let objects = targets(call)?;
    refuse_contradictions(call, dry)?;
    let accounts = accounts(call)?;
    let everywhere = accounts.iter().any(|(namespace, _)| namespace.is_empty());
    if everywhere && objects.iter().any(|object| object.kind() == Kind::CLUSTER_ROLE_BINDING) {
        return Err(Failure::message(
            "serviceaccount must be <namespace>:<name>, namespace must be specified",
        ));
    }
    let added = subjects(call, &accounts);
    if added.is_empty() {
        return Err(Failure::message("you must specify at least one value of user, group or serviceaccount"));
    }
    let words = Words { done: "subjects updated", refused: "failed to patch subjects to rolebinding: " };
    let mut failures = Vec::new();
    for object in objects {
        let kind = object.kind();
        if ![Kind::ROLE_BINDING, Kind::CLUSTER_ROLE_BINDING].contains(&kind) {
            let why = "setting subjects is only supported for RoleBinding/ClusterRoleBinding";
            let name = format!("{}/{}", kind.info().plural, object.name());
            failures.push(Failure::message(format!("error: {name} {why}")));
            continue;
        }
        let mut value = object.to_value();
        if add(&mut value, &added) {
            failures.extend(write(call, &object, value, words, dry).err());
        }
    }
    Failure::collect(failures)
}

/// The service accounts, as namespace and name.
fn accounts(call: &Call<'_, '_>) -> Result<Vec<(String, String)>, Failure> {
    let sorted: SortedSet<&String> = call.args.values("serviceaccount").iter().collect();
    let pair = |text: &String| match text.split(':').collect::<Vec<_>>().as_slice() {
        [namespace, name] if !name.is_empty() => Ok(((*namespace).to_string(), (*name).to_string())),
        _ => Err(Failure::message("serviceaccount must be <namespace>:<name>")),
    };
    sorted.into_iter().map(pair).collect()
}

/// What is to be bound: users, groups and service accounts, each in the order of their names.
fn subjects(call: &Call<'_, '_>, accounts: &[(String, String)]) -> Vec<Value> {
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        let names: SortedSet<&String> = call.args.values(flag).iter().collect();
        subjects.extend(names.into_iter().map(|name| json!({"apiGroup": GROUP, "kind": kind, "name": name})));
    }
    for (namespace, name) in accounts {
        let namespace = if namespace.is_empty() { &call.namespace } else { namespace };
        subjects.push(json!({"kind": "ServiceAccount", "name": name, "namespace": namespace}));
    }
    subjects
}

/// Adds those that a binding does not have; whether there were any.
fn add(binding: &mut Value, added: &[Value]) -> bool {
    let mut subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
    let before = subjects.len();
    let new: Vec<Value> = added.iter().filter(|subject| !subjects.contains(subject)).cloned().collect();
    subjects.extend(new);
    let changed = subjects.len() > before;
    binding["subjects"] = subjects.into();
    changed
}
