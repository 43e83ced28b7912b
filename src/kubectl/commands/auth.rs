//! `auth`: who may do what. The person at the console may do everything; whom `--as` names, what roles grant.

use serde_json::{Value, json};

use crate::api::{sorting, typed};
use crate::client::authorization::{Attributes, Granted, User, granted};
use crate::kubectl::commands::writing::TEMPLATE;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::format::READ;
use crate::kubectl::print::table::Table;
use crate::kubectl::{Call, Verb};

/// `auth can-i`.
pub const CAN_I: Verb = Verb {
    path: "auth can-i",
    help: "Check whether an action is allowed",
    flags: &[
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
    flags: &[value("output", "yaml or json").short('o'), TEMPLATE],
    run: who_am_i,
};

/// The groups of the person at the console, as they are told.
const ADMIN_GROUPS: [&str; 2] = ["kubeadm:cluster-admins", "system:authenticated"];

fn who_am_i(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let admin = User { groups: ADMIN_GROUPS.map(String::from).into(), ..User::admin() };
    let user = call.client.user().cloned().unwrap_or(admin);
    let uid = call.args.value("as-uid").unwrap_or_default().to_string();
    if let Some(format) = call.args.output().map(str::to_string) {
        let mut info = json!({"groups": user.groups, "username": user.name});
        if !uid.is_empty() {
            info["uid"] = uid.into();
        }
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
            "metadata": {"creationTimestamp": typed::write(&call.client.now().to_time())}, "status": {"userInfo": info},
        });
        let text = super::get::shaped_own(call, &format, review, READ)?;
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    call.say("ATTRIBUTE   VALUE");
    call.say(format!("Username    {}", user.name));
    if !uid.is_empty() {
        call.say(format!("UID         {uid}"));
    }
    call.say(format!("Groups      [{}]", user.groups.join(" ")));
    Ok(())
}

/// Verbs that requests to objects may have.
const VERBS: [&str; 16] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];

/// Verbs that requests to other paths may have.
const URL_VERBS: [&str; 8] = ["get", "put", "post", "head", "options", "delete", "patch", "*"];

fn can_i(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let part = call.args.value("subresource").filter(|part| !part.is_empty()).map(str::to_string);
    if call.args.on("list") {
        let why = match call.args.words.is_empty() {
            false => "list option must be specified with no arguments",
            _ if call.args.on("quiet") || call.args.on("all-namespaces") || part.is_some() => {
                "list option can't be specified with neither quiet, all-namespaces nor subresource options"
            }
            true => return list(call),
        };
        return Err(Failure::message(why));
    }
    let words = call.args.words.clone();
    let [verb, object] = words.as_slice() else {
        return Err(Failure::message(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and \
             examples.",
        ));
    };
    let url = object.starts_with('/').then(|| object.clone());
    if url.is_some() && part.is_some() {
        return Err(Failure::message("--subresource can not be used with NonResourceURL"));
    }
    let everywhere = call.args.on("all-namespaces");
    let mut question = Attributes {
        verb: verb.clone(),
        resource: object.clone(),
        path: url,
        namespace: (!everywhere).then(|| call.namespace.clone()),
        ..Attributes::default()
    };
    let known: &[&str] = if question.path.is_some() { &URL_VERBS } else { &VERBS };
    if question.path.is_none() {
        let (word, name) = object.split_once('/').unwrap_or((object, ""));
        question.name = name.into();
        name_resource(call, word, &mut question);
        question.subresource = part.unwrap_or_default();
    }
    // With -A nobody looks at the verbs of resources.
    let looked_at = !everywhere || question.path.is_some();
    if looked_at && !known.contains(&verb.as_str()) {
        call.warn(format!("Warning: verb '{verb}' is not a known verb\n"));
    }
    if call.args.on("no-headers") {
        return Err(Failure::message("--no-headers cannot be set without --list specified"));
    }
    let granted = rules(call, question.namespace.as_deref());
    let allowed = granted.allows(&question);
    if !call.args.on("quiet") {
        let why = granted.reason().map(|why| format!(" - {why}")).unwrap_or_default();
        call.say(if allowed { "yes".into() } else { format!("no{why}") });
    }
    call.output.code = i32::from(!allowed);
    Ok(())
}

/// Finds the kind that a word means, and says so if there is none or it is in no namespace.
fn name_resource(call: &mut Call<'_, '_>, word: &str, question: &mut Attributes) {
    match call.client.live().kind_from_word(word) {
        Some(kind) => {
            let info = kind.info();
            (question.group, question.resource) = (info.group.into(), info.plural.into());
            if !info.namespaced && question.namespace.is_some() {
                let of =
                    if info.group.is_empty() { String::new() } else { format!(" in group '{}'", info.group) };
                call.warn(format!("Warning: resource '{}' is not namespace scoped{of}\n", info.plural));
            }
        }
        // Resources that there are in roles only.
        None if ["*", "users", "groups"].contains(&word) => question.resource = word.into(),
        None => {
            question.resource = word.into();
            let (plural, group) = word.split_once('.').unwrap_or((word, ""));
            let of = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
            call.warn(format!("Warning: the server doesn't have a resource type '{plural}'{of}\n"));
        }
    }
}

/// All that is allowed, each resource with its verbs, in the order of what they are called.
fn list(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let rules = rules(call, Some(&call.namespace.clone())).rules;
    let mut lines: Vec<Line> = Vec::new();
    for rule in &rules {
        for line in Line::of(rule) {
            let same = |other: &&mut Line| other.is_like(&line) && other.url.is_empty();
            match lines.iter_mut().find(same) {
                Some(known) if !known.verbs.contains(&line.verbs[0]) => known.verbs.extend(line.verbs),
                Some(_) => {}
                None => lines.push(line),
            }
        }
    }
    sorting::sort_by_key(&mut lines, Line::order);
    let mut table = Table::new(&["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]);
    for line in &lines {
        table.row(vec![
            line.resource_and_group(),
            format!("[{}]", line.url),
            format!("[{}]", line.name),
            format!("[{}]", line.verbs.join(" ")),
        ]);
    }
    let text = table.render(!call.args.on("no-headers"));
    call.output.stdout.push_str(&text);
    Ok(())
}

/// A part of a rule: one resource or one path.
struct Line {
    verbs: Vec<String>,
    group: String,
    resource: String,
    name: String,
    url: String,
}

impl Line {
    /// A rule in parts of one verb each.
    fn of(rule: &Value) -> Vec<Line> {
        let texts = |path: &str| -> Vec<String> { rule.texts(path).into_iter().map(String::from).collect() };
        let mut lines = Vec::new();
        let names = match texts("resourceNames") {
            names if names.is_empty() => vec![String::new()],
            names => names,
        };
        for verb in texts("verbs") {
            for url in texts("nonResourceURLs") {
                let (group, resource, name) = Default::default();
                lines.push(Line { verbs: vec![verb.clone()], group, resource, name, url });
            }
            for group in texts("apiGroups") {
                for resource in texts("resources") {
                    for name in &names {
                        lines.push(Line {
                            verbs: vec![verb.clone()],
                            group: group.clone(),
                            resource: resource.clone(),
                            name: name.clone(),
                            url: String::new(),
                        });
                    }
                }
            }
        }
        lines
    }

    fn is_like(&self, other: &Line) -> bool {
        (&self.group, &self.resource, &self.name, &self.url)
            == (&other.group, &other.resource, &other.name, &other.url)
    }

    /// Rules come in the order of their texts, in which the verbs are first.
    fn order(&self) -> String {
        let list = |text: &str| if self.url.is_empty() { format!("[{text}]") } else { "[]".to_string() };
        format!(
            "&PolicyRule{{Verbs:[{}],APIGroups:{},Resources:{},ResourceNames:[{}],NonResourceURLs:[{}],}}",
            self.verbs.join(" "),
            list(&self.group),
            list(&self.resource),
            self.name,
            self.url
        )
    }

    /// `deployments.apps/scale`.
    fn resource_and_group(&self) -> String {
        let (resource, part) =
            self.resource.split_once('/').map_or((&*self.resource, None), |(a, b)| (a, Some(b)));
        let dot = if self.group.is_empty() { "" } else { "." };
        let part = part.map(|part| format!("/{part}")).unwrap_or_default();
        format!("{resource}{dot}{}{part}", self.group)
    }
}

/// The rules that hold for whom `--as` names, or for the person at the console, in a namespace.
fn rules(call: &Call<'_, '_>, namespace: Option<&str>) -> Granted {
    let user = call.client.user().cloned().unwrap_or_else(User::admin);
    granted(call.client.live(), &user, namespace)
}
