//! `wait`: until a condition holds, a field has a value, or objects are there or gone.

use std::collections::BTreeMap;

use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt};
use crate::client::{Client, View};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{self, Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::format::{Printing, WRITE};
use crate::kubectl::print::jsonpath::{Path, text};
use crate::kubectl::print::served;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Output, Verb, Wait, global};

use super::get::{names_beside_selector, select_by_name};
use super::writing::{FILENAME, OUTPUT, TEMPLATE};

const FLAGS: &[Flag] = &[
    value("for", "delete, create, condition=NAME[=VALUE] or jsonpath='{…}'[=VALUE]"),
    value("timeout", "how long to wait"),
    value("selector", "only objects with these labels").short('l'),
    value("field-selector", "only objects with these fields"),
    FILENAME,
    switch("all", "every object of the kinds"),
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("local", "has no effect here"),
    OUTPUT,
    TEMPLATE,
];

/// Without `--timeout`, so long.
const TIMEOUT: SimDuration = SimDuration::from_secs(30);

/// See the module.
pub const WAIT: Verb =
    Verb { path: "wait", help: "Wait for a specific condition on one or many resources", flags: FLAGS, run };

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum For {
    Delete,
    Create,
    Condition(String, String),
    /// A path, and the value that it shall have; any, if none is given.
    Path(String, Option<String>),
}

/// A wait that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    wanted: For,
    /// The objects still to be waited for, one after the other. Those that shall go are told apart from later ones by
    /// their uid.
    objects: Vec<(Key, String)>,
    /// The kinds and the labels of objects that shall come.
    coming: Option<Coming>,
    deadline: SimTime,
    /// Whether it only looks, and does not wait.
    once: bool,
    /// What `-o` asks for.
    format: Option<String>,
    template: Option<String>,
    /// What could not be waited for, which is said in the end.
    failed: Vec<Failure>,
}

/// Objects that are not there yet, by what will tell them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Coming {
    kinds: Vec<Kind>,
    namespace: Option<String>,
    selector: Selector,
}

impl Waiting {
    /// What would be waited for by `kubectl wait LINE`, of objects that the line names one by one. They need not be there yet.
    ///
    /// # Errors
    /// In kubectl's words.
    pub fn read(line: &str, view: &View, namespace: &str) -> Result<Waiting, String> {
        let read = || {
            let mut words = parse::words(line)?;
            for word in ["kubectl", "wait"] {
                if words.first().is_some_and(|first| first == word) {
                    words.remove(0);
                }
            }
            let args = parse::args(&words, &[FLAGS, global::FLAGS])?;
            let wanted = wanted(args.value("for").unwrap_or_default())?;
            let Named::Objects(objects) = named(view, &args.words)? else {
                return Err(Failure::message("resource name must be provided"));
            };
            let namespace = args.value("namespace").unwrap_or(namespace);
            let key = |(kind, name): (Kind, String)| {
                (Key::new(kind, if kind.info().namespaced { namespace } else { "" }, &name), String::new())
            };
            let objects = objects.into_iter().map(key).collect();
            Ok(Waiting::new(wanted, objects, SimTime(u64::MAX)))
        };
        read().map_err(|failure: Failure| failure.render("wait").trim_end().to_string())
    }

    fn new(wanted: For, objects: Vec<(Key, String)>, deadline: SimTime) -> Waiting {
        let (coming, format, template) = (None, None, None);
        Waiting { wanted, objects, coming, deadline, once: false, format, template, failed: Vec::new() }
    }

    /// Whether it waits for an object.
    pub fn is_about(&self, key: &Key) -> bool {
        self.objects.iter().any(|(own, _)| own == key)
    }

    /// Whether all that is waited for has come about.
    pub fn is_met(&self, view: &View) -> bool {
        self.objects.iter().all(|(key, uid)| self.is_met_by(key, uid, view) == Ok(true))
    }

    fn is_met_by(&self, key: &Key, uid: &str, view: &View) -> Result<bool, String> {
        match (&self.wanted, view.object(key)) {
            (For::Delete, object) => Ok(object.is_none_or(|object| !uid.is_empty() && object.uid() != uid)),
            (For::Create, object) => Ok(object.is_some()),
            (_, None) => Ok(false),
            (wanted, Some(object)) => holds(wanted, &object.to_value()),
        }
    }

    /// Says that an object is as it should be, or shows it.
    fn tell(&self, key: &Key, view: &View, output: &mut Output) -> Result<(), Failure> {
        let name = format!("{}/{}", key.kind.group_singular(), key.name);
        match self.format.as_deref() {
            None | Some("") => output.stdout.push_str(&format!("{name} condition met\n")),
            Some("name") => output.stdout.push_str(&format!("{name}\n")),
            Some(format) => {
                let Some(object) = view.object(key) else { return Ok(()) };
                let value = served(object);
                let printing = Printing {
                    format,
                    template: self.template.as_deref(),
                    value: &value,
                    items: std::slice::from_ref(&value),
                    headings: true,
                    missing_allowed: true,
                    files: &BTreeMap::new(),
                    allowed: WRITE,
                };
                output.stdout.push_str(&printing.text().map_err(Failure::message)?);
            }
        }
        Ok(())
    }
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = wanted(call.args.value("for").unwrap_or_default())?;
    let once = matches!(call.args.value("timeout"), Some("0" | "0s"));
    let deadline = match call.args.value("timeout") {
        // Less than nothing means a week, nothing means to look once.
        Some(text) if text.starts_with('-') => call.client.now() + SimDuration::from_secs(7 * 86_400),
        Some(_) => call.timeout("timeout")?.unwrap_or(call.client.now()),
        None => call.client.now() + TIMEOUT,
    };
    let mut waiting = Waiting::new(wanted, Vec::new(), deadline);
    waiting.once = once;
    waiting.format = call.args.value("output").map(str::to_string);
    waiting.template = call.args.value("template").map(str::to_string);
    match (&waiting.wanted, call.args.has_files()) {
        (For::Create, false) => shall_come(call, &mut waiting)?,
        _ => {
            let (objects, mut failures) = select_by_name(call)?;
            if waiting.wanted == For::Delete {
                failures.retain(
                    |failure| !matches!(failure, Failure::Server { status, .. } if status.code == 404),
                );
            }
            if objects.is_empty() && failures.is_empty() && waiting.wanted != For::Delete {
                return Err(Failure::message("no matching resources found"));
            }
            waiting.objects = objects.iter().map(|object| (object.key(), object.uid().to_string())).collect();
            waiting.failed = failures;
        }
    }
    let output = poll(waiting, call.client);
    call.output.stdout.push_str(&output.stdout);
    call.output.stderr.push_str(&output.stderr);
    call.output.code = output.code;
    call.output.wait = output.wait;
    Ok(())
}

/// What `--for=create` waits for: objects by name, or the first that a selector selects.
fn shall_come(call: &mut Call<'_, '_>, waiting: &mut Waiting) -> Result<(), Failure> {
    let chosen = call.args.on("all") || call.args.has("selector");
    match named(call.client.live(), &call.args.words.clone())? {
        Named::Objects(_) if call.args.has("selector") => {
            return Err(names_beside_selector(&call.args.words));
        }
        Named::Objects(objects) => {
            for (kind, name) in &objects {
                call.client.may_with("list", &call.key(*kind, name), "")?;
            }
            let keys = objects.into_iter().map(|(kind, name)| (call.key(kind, &name), String::new()));
            waiting.objects = keys.collect();
        }
        Named::Kinds(kinds) if chosen && !kinds.is_empty() => {
            let labels = call.args.value("selector").unwrap_or_default();
            let selector = Selector::parse(labels).map_err(|why| Failure::message(why.to_string()))?;
            let namespace = (!call.args.on("all-namespaces")).then(|| call.namespace.clone());
            for kind in &kinds {
                call.client.may("list", *kind, namespace.as_deref())?;
            }
            waiting.coming = Some(Coming { kinds, namespace, selector });
        }
        // What is said of kinds alone and of nothing at all.
        Named::Kinds(_) => drop(select_by_name(call)?),
    }
    Ok(())
}

impl Coming {
    fn keys(&self, view: &View) -> Vec<(Key, String)> {
        let of_kind = |kind: &Kind| {
            let namespace = self.namespace.as_deref().filter(|_| kind.info().namespaced);
            view.objects(*kind, namespace).filter(|object| self.selector.matches(object.labels()))
        };
        self.kinds.iter().flat_map(of_kind).map(|object| (object.key(), String::new())).collect()
    }
}

/// Reads what follows `--for`.
fn wanted(text: &str) -> Result<For, Failure> {
    let lower = text.to_lowercase();
    if lower == "delete" {
        return Ok(For::Delete);
    }
    if lower == "create" {
        return Ok(For::Create);
    }
    if let Some(rest) = text.strip_prefix("condition=") {
        let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
        return Ok(For::Condition(name.into(), value.into()));
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        let parts = split_at_equal_signs(rest);
        let (path, value) = match parts.as_slice() {
            [path] => (path, None),
            [path, value] => (path, Some(value.trim_matches(['"', '\'']).to_string())),
            _ => {
                return Err(Failure::message(
                    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or \
                     --for=jsonpath='{.status.readyReplicas}'",
                ));
            }
        };
        if path.is_empty() && value.is_none() {
            return Err(Failure::message("jsonpath expression cannot be empty"));
        }
        Path::parse(path).map_err(Failure::message)?;
        if value.as_deref() == Some("") {
            return Err(Failure::message(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            ));
        }
        return Ok(For::Path(path.clone(), value));
    }
    Err(Failure::message(format!("unrecognized condition: {text:?}")))
}

/// A text's parts between single equal signs; two in a row part nothing.
fn split_at_equal_signs(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, parts.last_mut()) {
            ('=', Some(part)) if letters.next_if_eq(&'=').is_some() => part.push_str("=="),
            ('=', _) => parts.push(String::new()),
            (letter, Some(part)) => part.push(letter),
            (_, None) => {}
        }
    }
    parts
}

/// Looks whether what is waited for has come about.
pub fn poll(mut waiting: Waiting, client: &Client<'_>) -> Output {
    let mut output = Output::default();
    let late = client.now() >= waiting.deadline;
    if let Some(coming) = &waiting.coming {
        waiting.objects = coming.keys(client.live());
    }
    // What shall come is told when all of it is there.
    let all_there =
        waiting.is_met(client.live()) && !(waiting.coming.is_some() && waiting.objects.is_empty());
    if waiting.wanted == For::Create && !all_there {
        if !late {
            return Output { wait: Some(Wait::Condition(Box::new(waiting))), ..output };
        }
        waiting.objects.clear();
        waiting.failed.push(Failure::message("timed out waiting for the condition"));
    }
    while let Some((key, uid)) = waiting.objects.first().cloned() {
        let what = format!("{}/{}", key.kind.info().plural, key.name);
        let failed = match waiting.is_met_by(&key, &uid, client.live()) {
            Ok(true) => waiting.tell(&key, client.live(), &mut output).err(),
            Ok(false) if !late => {
                return Output { wait: Some(Wait::Condition(Box::new(waiting))), ..output };
            }
            Ok(false) if waiting.once => Some(Failure::message(format!("condition not met for {what}"))),
            Ok(false) => Some(Failure::message(format!("timed out waiting for the condition on {what}"))),
            Err(why) => Some(Failure::message(why)),
        };
        waiting.failed.extend(failed);
        waiting.objects.remove(0);
    }
    if let Err(failure) = Failure::collect(waiting.failed) {
        output.stderr.push_str(&failure.render("wait"));
        output.code = 1;
    }
    output
}

/// Whether an object is as wanted.
///
/// # Errors
/// If a path leads to what cannot be compared.
fn holds(wanted: &For, object: &serde_json::Value) -> Result<bool, String> {
    match wanted {
        For::Condition(name, value) => {
            let mut conditions = object.list("status.conditions").iter();
            let Some(condition) = conditions.find(|c| c.text("type").eq_ignore_ascii_case(name)) else {
                return Ok(false);
            };
            // A condition about an earlier generation says nothing of this one.
            let seen = condition.at("observedGeneration").as_i64();
            let seen = seen.or(object.at("status.observedGeneration").as_i64());
            let current = seen.is_none_or(|seen| seen >= object.int("metadata.generation"));
            Ok(current && condition.text("status").eq_ignore_ascii_case(value))
        }
        For::Path(path, value) => {
            match (Path::parse(path)?.find(object).unwrap_or_default().as_slice(), value) {
                ([], _) => Ok(false),
                ([_, _, ..], _) => Err("given jsonpath expression matches more than one value".into()),
                ([_], None) => Ok(true),
                ([serde_json::Value::Array(_) | serde_json::Value::Object(_)], Some(_)) => {
                    Err("jsonpath leads to a nested object or list which is not supported".into())
                }
                ([found], Some(value)) => Ok(text(found).trim() == value.trim()),
            }
        }
        For::Delete | For::Create => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_waited_for_is_read_as_kubectl_reads_it() {
        let condition = |name: &str, value: &str| Ok(For::Condition(name.into(), value.into()));
        let path = |path: &str, value: Option<&str>| Ok(For::Path(path.into(), value.map(String::from)));
        let cases = [
            ("delete", Ok(For::Delete)),
            ("condition=Ready", condition("Ready", "true")),
            ("condition=Available=False", condition("Available", "False")),
            ("jsonpath={.status.phase}=Running", path("{.status.phase}", Some("Running"))),
            ("jsonpath={.status.loadBalancer.ingress}", path("{.status.loadBalancer.ingress}", None)),
            ("jsonpath=.status.phase=Running", path(".status.phase", Some("Running"))),
            (
                "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True",
                path("{.status.conditions[?(@.type==\"Ready\")].status}", Some("True")),
            ),
            (
                "jsonpath={.a}=b=c",
                Err("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or \
                     --for=jsonpath='{.status.readyReplicas}'"
                    .to_string()),
            ),
            ("readiness", Err("unrecognized condition: \"readiness\"".to_string())),
        ];
        for (text, want) in cases {
            assert_eq!(wanted(text).map_err(|failure| failure.text()), want, "{text}");
        }
        let pod = json!({"metadata": {"generation": 2}, "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Old", "status": "True", "observedGeneration": 1}]}});
        for (text, met) in [
            ("condition=ready", true),
            ("condition=Ready=False", false),
            ("condition=Old", false),
            ("jsonpath={.status.phase}=Running", true),
            ("jsonpath={.status.none}", false),
        ] {
            assert_eq!(holds(&wanted(text).unwrap(), &pod), Ok(met), "{text}");
        }
    }
}
