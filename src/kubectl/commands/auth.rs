//! `auth`: who may do what. The person at the console may do everything; whom `--as` names, what roles grant.

use serde_json::Value;

use crate::api::{Key, Kind};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::table::Table;
use crate::kubectl::{Call, Verb};

/// `auth can-i`.
pub const CAN_I: Verb = Verb {
    path: "auth can-i",
    help: "Check whether an action is allowed",
    flags: &[
        value("as", "the user to ask for"),
        value("as-group", "a group of that user"),
        value("subresource", "a part of the resource"),
        switch("all-namespaces", "in every namespace").short('A'),
        switch("quiet", "say nothing; only the exit status tells").short('q'),
        switch("list", "all that is allowed"),
        switch("no-headers", "leave the headings out"),
    ],
    run: can_i,
};

/// `auth whoami`.
pub const WHO_AM_I: Verb = Verb {
    path: "auth whoami",
    help: "Experimental: Check self subject attributes",
    flags: &[value("output", "yaml or json").short('o')],
    run: |call| {
        call.say("ATTRIBUTE   VALUE\nUsername    kubernetes-admin\nGroups      [kubeadm:cluster-admins system:authenticated]");
        Ok(())
    },
};

/// A question to the roles.
struct Question<'a> {
    verb: &'a str,
    group: String,
    resource: String,
    name: String,
    url: Option<String>,
    namespace: Option<String>,
}

fn can_i(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.on("list") {
        let mut table = Table::new(&["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]);
        if !call.args.has("as") {
            table.row(["*.*", "[]", "[]", "[*]"].map(String::from).to_vec());
            table.row(["", "[*]", "[]", "[*]"].map(String::from).to_vec());
        }
        for rule in rules(call, Some(&call.namespace.clone())) {
            let list = |path: &str| format!("[{}]", rule.texts(path).join(" "));
            table.row(vec![
                rule.texts("resources").join(","),
                list("nonResourceURLs"),
                list("resourceNames"),
                list("verbs"),
            ]);
        }
        let text = table.render(!call.args.on("no-headers"));
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    let words = call.args.words.clone();
    let [verb, object, names @ ..] = words.as_slice() else {
        return Err(Failure::message(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and \
             examples.",
        ));
    };
    let mut question = Question {
        verb,
        group: String::new(),
        resource: object.clone(),
        name: names.first().cloned().unwrap_or_default(),
        url: object.starts_with('/').then(|| object.clone()),
        namespace: (!call.args.on("all-namespaces")).then(|| call.namespace.clone()),
    };
    if question.url.is_none() {
        let (word, name) = object.split_once('/').unwrap_or((object, ""));
        if !name.is_empty() {
            question.name = name.into();
        }
        match call.client.live().kind_from_word(word) {
            Some(kind) => {
                (question.group, question.resource) = (kind.info().group.into(), kind.info().plural.into());
                if !kind.info().namespaced {
                    let plural = kind.info().plural;
                    call.warn(format!(
                        "Warning: resource '{plural}' is not namespace scoped{}\n",
                        group_note(kind)
                    ));
                    question.namespace = None;
                }
            }
            None if word == "*" => (question.group, question.resource) = ("*".into(), "*".into()),
            None => call.warn(format!("Warning: the server doesn't have a resource type '{word}'\n")),
        }
        if let Some(part) = call.args.value("subresource").filter(|part| !part.is_empty()) {
            question.resource = format!("{}/{part}", question.resource);
        }
    }
    let allowed = !call.args.has("as")
        || rules(call, question.namespace.as_deref()).iter().any(|rule| grants(rule, &question));
    if !call.args.on("quiet") {
        call.say(if allowed { "yes" } else { "no" });
    }
    call.output.code = i32::from(!allowed);
    Ok(())
}

fn group_note(kind: Kind) -> String {
    let group = kind.info().group;
    if group.is_empty() { String::new() } else { format!(" in group '{group}'") }
}

/// The rules that hold for whom `--as` names, in a namespace.
fn rules(call: &Call<'_, '_>, namespace: Option<&str>) -> Vec<Value> {
    let Some(user) = call.args.value("as") else { return Vec::new() };
    let mut groups: Vec<String> = call.args.list("as-group").into_iter().map(String::from).collect();
    groups.push("system:authenticated".into());
    if let Some((of, _)) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        groups.push("system:serviceaccounts".into());
        groups.push(format!("system:serviceaccounts:{of}"));
    }
    let is_subject = |subject: &Value, binding: &Value| match subject.text("kind") {
        "User" => subject.text("name") == user,
        "Group" => groups.iter().any(|group| group == subject.text("name")),
        _ => {
            let namespace = subject.text_or("namespace", binding.text("metadata.namespace"));
            user == format!("system:serviceaccount:{namespace}:{}", subject.text("name"))
        }
    };
    let view = call.client.live();
    let everywhere = view.objects(Kind::CLUSTER_ROLE_BINDING, None);
    let here = view.objects(Kind::ROLE_BINDING, namespace).filter(|_| namespace.is_some());
    let mut rules = Vec::new();
    for binding in everywhere.chain(here).map(|binding| binding.to_value()) {
        if !binding.list("subjects").iter().any(|subject| is_subject(subject, &binding)) {
            continue;
        }
        let name = binding.text("roleRef.name");
        let key = match binding.text("roleRef.kind") {
            "Role" => Key::new(Kind::ROLE, binding.text("metadata.namespace"), name),
            _ => Key::cluster(Kind::CLUSTER_ROLE, name),
        };
        if let Some(role) = view.object(&key) {
            rules.extend(role.to_value().list("rules").iter().cloned());
        }
    }
    if groups.iter().any(|group| group == "system:masters") {
        let all = ["*"];
        rules.push(
            serde_json::json!({"verbs": all, "apiGroups": all, "resources": all, "nonResourceURLs": all}),
        );
    }
    rules
}

fn grants(rule: &Value, question: &Question<'_>) -> bool {
    let has = |path: &str, wanted: &str| rule.texts(path).iter().any(|text| *text == "*" || *text == wanted);
    if !has("verbs", question.verb) {
        return false;
    }
    if let Some(url) = &question.url {
        let covers = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(prefix) => url.starts_with(prefix),
            None => *pattern == url,
        };
        return rule.texts("nonResourceURLs").iter().any(covers);
    }
    let part = question.resource.split_once('/').map(|(_, part)| format!("*/{part}"));
    let names = rule.texts("resourceNames");
    has("apiGroups", &question.group)
        && (has("resources", &question.resource) || part.is_some_and(|part| has("resources", &part)))
        && (names.is_empty() || names.contains(&question.name.as_str()))
}
