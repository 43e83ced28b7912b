//! `auth reconcile`: roles and bindings brought to what a manifest asks for, rule by rule. Models
//! `component-helpers/auth/rbac/reconciliation`.

use serde_json::{Map, Value, json};

use crate::api::{Key, Kind, Object};
use crate::client::{DeleteOptions, Propagation};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests::{self, Item};
use crate::kubectl::parse::switch;
use crate::kubectl::{Call, Verb};

use super::writing::{DRY_RUN, DryRun, FILENAME, OUTPUT, TEMPLATE, done_to};

/// See the module.
pub const RECONCILE: Verb = Verb {
    path: "auth reconcile",
    help: "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
    flags: &[
        FILENAME,
        switch("remove-extra-permissions", "take rules away that the manifest does not have"),
        switch("remove-extra-subjects", "take subjects away that the manifest does not have"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
    ],
    run,
};

/// An object with this annotation at `false` is left as it is.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if !call.args.has_files() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    if !call.args.words.is_empty() {
        return Err(Failure::message("no arguments are allowed"));
    }
    let dry = DryRun::of(call)?;
    if dry == DryRun::Server {
        return Err(Failure::message("--dry-run=server for command reconcile is not supported yet"));
    }
    let batch = manifests::read(call)?;
    let mut failures = batch.failures;
    for item in batch.items {
        let list = match item.kind {
            Kind::ROLE | Kind::CLUSTER_ROLE => "rules",
            Kind::ROLE_BINDING | Kind::CLUSTER_ROLE_BINDING => "subjects",
            // Whatever else a manifest holds is passed over.
            _ => continue,
        };
        failures.extend(reconcile(call, &item, list, dry).err());
    }
    Failure::collect(failures)
}

/// What an object comes to, and why.
struct Outcome {
    object: Value,
    /// `create`, `update` or `recreate`; nothing where it is as it should be.
    operation: Option<&'static str>,
    missing: Vec<Value>,
    extra: Vec<Value>,
    protected: bool,
}

fn reconcile(call: &mut Call<'_, '_>, item: &Item, list: &str, dry: DryRun) -> Result<(), Failure> {
    let namespace = match (item.kind.info().namespaced, item.namespace.as_str()) {
        (false, _) => String::new(),
        (true, "") => call.namespace.clone(),
        (true, named) => named.to_string(),
    };
    let mut wanted = item.value.clone();
    if !namespace.is_empty() {
        wanted["metadata"]["namespace"] = namespace.as_str().into();
    }
    // The server fills this in.
    for subject in wanted["subjects"].as_array_mut().into_iter().flatten() {
        if ["User", "Group"].iter().any(|kind| subject["kind"] == *kind) && subject["apiGroup"].is_null() {
            subject["apiGroup"] = "rbac.authorization.k8s.io".into();
        }
    }
    let key = Key::new(item.kind, namespace.as_str(), item.name.as_str());
    let live = call.client.get(&key).ok().map(|object| object.to_value());
    let remove =
        call.args.on(if list == "rules" { "remove-extra-permissions" } else { "remove-extra-subjects" });
    let outcome = outcome(live.as_ref(), &wanted, list, remove);
    let mut object = outcome.object.clone();
    if let (Some(operation), DryRun::No, false) = (outcome.operation, dry, outcome.protected) {
        object = write(call, &key, operation, object)?;
    }
    done_to(call, item.kind, &object, "reconciled", dry)?;
    tell(call, &outcome, list, remove);
    Ok(())
}

/// Compares what there is with what is wanted.
fn outcome(live: Option<&Value>, wanted: &Value, list: &str, remove: bool) -> Outcome {
    let items = |object: &Value| object[list].as_array().cloned().unwrap_or_default();
    let Some(live) = live else {
        let (object, missing) = (wanted.clone(), items(wanted));
        return Outcome { object, operation: Some("create"), missing, extra: Vec::new(), protected: false };
    };
    let protected = live["metadata"]["annotations"][AUTOUPDATE] == "false";
    let (missing, extra) = match list {
        "rules" => (uncovered(&items(live), &items(wanted)), uncovered(&items(wanted), &items(live))),
        _ => (without(&items(wanted), &items(live)), without(&items(live), &items(wanted))),
    };
    if list == "subjects" && live["roleRef"] != wanted["roleRef"] {
        let object = wanted.clone();
        return Outcome { object, operation: Some("recreate"), missing, extra, protected };
    }
    let mut object = live.clone();
    for field in ["labels", "annotations"] {
        for (name, value) in wanted["metadata"][field].as_object().into_iter().flatten() {
            object["metadata"][field][name] = value.clone();
        }
    }
    let mut kept = items(live);
    if remove && !extra.is_empty() {
        kept = if list == "rules" { items(wanted) } else { without(&kept, &extra) };
    }
    if !(remove && !extra.is_empty() && list == "rules") {
        kept.extend(missing.iter().cloned());
    }
    object[list] = kept.into();
    let operation = (object != *live
        && (object[list] != Value::Array(items(live)) || object["metadata"] != live["metadata"]))
        .then_some("update");
    Outcome { object, operation, missing, extra, protected }
}

/// Writes what an object comes to; the namespace that it lacks is made.
fn write(call: &mut Call<'_, '_>, key: &Key, operation: &str, value: Value) -> Result<Value, Failure> {
    let read = |kind: Kind, value: Value| {
        Object::from_value(kind, value).map_err(|error| Failure::message(error.to_string()))
    };
    let home = Key::new(Kind::NAMESPACE, "", &key.namespace);
    if operation == "create" && !key.namespace.is_empty() && call.client.live().object(&home).is_none() {
        let namespace = json!({"metadata": {"name": key.namespace.to_string()}});
        call.client.create_object(read(Kind::NAMESPACE, namespace)?)?;
    }
    let object = read(key.kind, value)?;
    let stored = match operation {
        "update" => call.client.update_object(object)?,
        "recreate" => {
            let options =
                DeleteOptions { grace_period_seconds: None, propagation: Propagation::Background, uid: None };
            call.client.delete(key, &options, None)?;
            call.client.create_object(object)?
        }
        _ => call.client.create_object(object)?,
    };
    Ok(stored.to_value())
}

/// Says what was missing and what was too much.
fn tell(call: &mut Call<'_, '_>, outcome: &Outcome, list: &str, remove: bool) {
    let Some(operation) = outcome.operation else { return };
    let caveat = match outcome.protected {
        true => format!(", but object opted out ({AUTOUPDATE}: false)"),
        false => String::new(),
    };
    call.warn(format!("\treconciliation required {operation}{caveat}"));
    let groups = [("missing", "added", &outcome.missing), ("extra", "removed", &outcome.extra)];
    for (which, what, items) in groups.into_iter().take(if remove { 2 } else { 1 }) {
        if !items.is_empty() {
            call.warn(format!("\t{which} {list} {what}:"));
        }
        items.iter().for_each(|item| call.warn(format!("\t\t{}", go_struct(item, list))));
    }
}

/// A rule or a subject as Go prints the struct.
fn go_struct(item: &Value, list: &str) -> String {
    const RULE: [(&str, &str); 5] = [
        ("Verbs", "verbs"),
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
    ];
    const SUBJECT: [(&str, &str); 4] =
        [("Kind", "kind"), ("APIGroup", "apiGroup"), ("Name", "name"), ("Namespace", "namespace")];
    let fields: &[(&str, &str)] = if list == "rules" { &RULE } else { &SUBJECT };
    let shown = |(name, field): &(&str, &str)| match list {
        "rules" => format!("{name}:[{}]", texts(item, field).join(" ")),
        _ => format!("{name}:{}", item[*field].as_str().unwrap_or_default()),
    };
    format!("{{{}}}", fields.iter().map(shown).collect::<Vec<_>>().join(" "))
}

fn texts<'a>(rule: &'a Value, field: &str) -> Vec<&'a str> {
    rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Those of the first that are not among the second.
fn without(items: &[Value], others: &[Value]) -> Vec<Value> {
    items.iter().filter(|item| !others.contains(item)).cloned().collect()
}

/// The parts of rules, of one verb on one resource each, that no rule of the owner grants.
fn uncovered(owner: &[Value], rules: &[Value]) -> Vec<Value> {
    let parts = rules.iter().flat_map(broken_down);
    parts.filter(|part| !owner.iter().any(|rule| covers(rule, part))).collect()
}

/// A rule's parts: one verb on one resource, of one name if it has names, or on one URL.
fn broken_down(rule: &Value) -> Vec<Value> {
    let mut parts = Vec::new();
    for group in texts(rule, "apiGroups") {
        for resource in texts(rule, "resources") {
            for verb in texts(rule, "verbs") {
                let mut part = Map::new();
                part.insert("apiGroups".into(), json!([group]));
                part.insert("resources".into(), json!([resource]));
                part.insert("verbs".into(), json!([verb]));
                let names = texts(rule, "resourceNames");
                if names.is_empty() {
                    parts.push(Value::Object(part.clone()));
                }
                for name in names {
                    part.insert("resourceNames".into(), json!([name]));
                    parts.push(Value::Object(part.clone()));
                }
            }
        }
    }
    for url in texts(rule, "nonResourceURLs") {
        parts.extend(
            texts(rule, "verbs").iter().map(|verb| json!({"nonResourceURLs": [url], "verbs": [verb]})),
        );
    }
    parts
}

/// Whether a rule grants a part of another.
fn covers(rule: &Value, part: &Value) -> bool {
    let has = |field: &str| {
        let (own, asked) = (texts(rule, field), texts(part, field));
        own.contains(&"*") || asked.iter().all(|text| own.contains(text))
    };
    let resources = || {
        let own = texts(rule, "resources");
        let of_any = |asked: &str| {
            asked.split_once('/').is_some_and(|(_, sub)| own.contains(&format!("*/{sub}").as_str()))
        };
        own.contains(&"*") || texts(part, "resources").iter().all(|text| own.contains(text) || of_any(text))
    };
    let names = || {
        let (own, asked) = (texts(rule, "resourceNames"), texts(part, "resourceNames"));
        own.is_empty() || !asked.is_empty() && asked.iter().all(|name| own.contains(name))
    };
    let urls = || {
        let own = texts(rule, "nonResourceURLs");
        let below = |asked: &str| {
            own.iter().any(|url| url.strip_suffix('*').is_some_and(|start| asked.starts_with(start)))
        };
        texts(part, "nonResourceURLs").iter().all(|url| own.contains(url) || below(url))
    };
    has("verbs") && has("apiGroups") && resources() && names() && urls()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_does_not_grant_is_found_verb_by_verb() {
        let rule = |verbs: &[&str], resources: &[&str], names: &[&str]| {
            let mut rule = json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
            if !names.is_empty() {
                rule["resourceNames"] = json!(names);
            }
            rule
        };
        let part = |verb: &str, resource: &str| rule(&[verb], &[resource], &[]);
        let cases = [
            (
                vec![rule(&["get"], &["pods"], &[])],
                vec![rule(&["get", "list"], &["pods"], &[])],
                vec![part("list", "pods")],
            ),
            (
                vec![rule(&["*"], &["*"], &[])],
                vec![rule(&["get", "list"], &["pods", "pods/log"], &[])],
                vec![],
            ),
            (vec![rule(&["get"], &["*/log"], &[])], vec![rule(&["get"], &["pods/log"], &[])], vec![]),
            (
                vec![rule(&["get"], &["pods"], &["a"])],
                vec![rule(&["get"], &["pods"], &[])],
                vec![part("get", "pods")],
            ),
            (
                vec![],
                vec![json!({"nonResourceURLs": ["/a"], "verbs": ["get"]})],
                vec![json!({"nonResourceURLs": ["/a"], "verbs": ["get"]})],
            ),
            (
                vec![json!({"nonResourceURLs": ["/a*"], "verbs": ["get"]})],
                vec![json!({"nonResourceURLs": ["/a/b"], "verbs": ["get"]})],
                vec![],
            ),
        ];
        for (owner, rules, want) in cases {
            assert_eq!(uncovered(&owner, &rules), want, "{rules:?}");
        }
    }
}
