//! `wait`: until a condition holds, a field has a value, or objects are there or gone.

use crate::api::{Key, Kind, MetaExt};
use crate::client::{Client, View};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{self, Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::jsonpath::{Path, text};
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, GLOBAL_FLAGS, Output, Verb, Wait};

use super::get::select;

const FLAGS: &[Flag] = &[
    value("for", "delete, create, condition=NAME[=VALUE] or jsonpath='{…}'[=VALUE]"),
    value("timeout", "how long to wait"),
    value("selector", "only objects with these labels").short('l'),
    value("field-selector", "only objects with these fields"),
    value("filename", "the manifests of the objects").short('f'),
    switch("all", "every object of the kinds"),
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("local", "has no effect here"),
    value("output", "name: print only names").short('o'),
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
    /// The objects still to be waited for, one after the other, told apart from later ones by their uid.
    objects: Vec<(Key, String)>,
    deadline: SimTime,
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
            let args = parse::args(&words, &[FLAGS, GLOBAL_FLAGS])?;
            let wanted = wanted(args.value("for").unwrap_or_default())?;
            let Named::Objects(objects) = named(view, &args.words)? else {
                return Err(Failure::message("resource name must be provided"));
            };
            let namespace = args.value("namespace").unwrap_or(namespace);
            let key = |(kind, name): (Kind, String)| {
                (Key::new(kind, if kind.info().namespaced { namespace } else { "" }, &name), String::new())
            };
            Ok(Waiting {
                wanted,
                objects: objects.into_iter().map(key).collect(),
                deadline: SimTime(u64::MAX),
            })
        };
        read().map_err(|failure: Failure| failure.render("wait").trim_end().to_string())
    }

    /// Whether it waits for an object.
    pub fn is_about(&self, key: &Key) -> bool {
        self.objects.iter().any(|(own, _)| own == key)
    }

    /// Whether all that is waited for has come about.
    pub fn is_met(&self, view: &View) -> bool {
        self.objects.iter().all(|(key, uid)| self.is_met_by(key, uid, view))
    }

    fn is_met_by(&self, key: &Key, uid: &str, view: &View) -> bool {
        let object = view.object(key).filter(|object| uid.is_empty() || object.uid() == uid);
        match (&self.wanted, object) {
            (For::Delete, object) => object.is_none(),
            (For::Create, object) => object.is_some(),
            (_, None) => false,
            (wanted, Some(object)) => holds(wanted, &object.to_value()),
        }
    }
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = wanted(call.args.value("for").unwrap_or_default())?;
    if call.args.words.is_empty() && !call.args.has("filename") {
        return Err(Failure::message("either a resource type and name, or a filename must be given"));
    }
    let deadline = match call.args.value("timeout") {
        // Less than nothing means a week, nothing means to look once.
        Some(text) if text.starts_with('-') => call.client.now() + SimDuration::from_secs(7 * 86_400),
        Some("0" | "0s") => call.client.now(),
        Some(_) => call.timeout("timeout")?.unwrap_or(call.client.now()),
        None => call.client.now() + TIMEOUT,
    };
    let objects = match (&wanted, call.args.has("filename")) {
        (For::Create, false) => match named(call.client.live(), &call.args.words.clone())? {
            Named::Objects(objects) => {
                objects.into_iter().map(|(kind, name)| (call.key(kind, &name), String::new())).collect()
            }
            Named::Kinds(_) => return Err(Failure::message("resource name must be provided")),
        },
        _ => {
            if let Named::Kinds(_) = named(call.client.live(), &call.args.words.clone())?
                && !["all", "selector", "field-selector", "filename"].iter().any(|flag| call.args.has(flag))
            {
                return Err(Failure::message("resource(s) were provided, but no name was specified"));
            }
            let (objects, mut failures) = select(call)?;
            if wanted == For::Delete {
                failures.retain(
                    |failure| !matches!(failure, Failure::Server { status, .. } if status.code == 404),
                );
            }
            Failure::collect(failures)?;
            if objects.is_empty() && wanted != For::Delete {
                return Err(Failure::message("no matching resources found"));
            }
            objects.iter().map(|object| (object.key(), object.uid().to_string())).collect::<Vec<_>>()
        }
    };
    let output = poll(Waiting { wanted, objects, deadline }, call.client);
    call.output.stdout.push_str(&output.stdout);
    call.output.stderr.push_str(&output.stderr);
    call.output.code = output.code;
    call.output.wait = output.wait;
    Ok(())
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
        return Ok(For::Condition(name.trim_matches('"').into(), value.trim_matches('"').into()));
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        let close = rest.rfind('}').map_or(rest.len(), |at| at + 1);
        let (path, value) = rest.split_at(close);
        let path = path.trim_matches('\'');
        Path::parse(path).map_err(Failure::message)?;
        return match value.strip_prefix('=') {
            Some("") => Err(Failure::message(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            )),
            value => Ok(For::Path(path.into(), value.map(|value| value.trim_matches(['"', '\'']).into()))),
        };
    }
    Err(Failure::message(format!("unrecognized condition: {text:?}")))
}

/// Looks whether what is waited for has come about.
pub fn poll(mut waiting: Waiting, client: &Client<'_>) -> Output {
    let mut output = Output::default();
    while let Some((key, uid)) = waiting.objects.first().cloned() {
        if waiting.is_met_by(&key, &uid, client.live()) {
            output.stdout.push_str(&format!("{}/{} condition met\n", key.kind.group_singular(), key.name));
            waiting.objects.remove(0);
            continue;
        }
        if client.now() < waiting.deadline {
            output.wait = Some(Wait::Condition(Box::new(waiting)));
            return output;
        }
        let what = format!("{}/{}", key.kind.info().plural, key.name);
        output.stderr.push_str(&format!("error: timed out waiting for the condition on {what}\n"));
        output.code = 1;
        waiting.objects.remove(0);
    }
    output
}

fn holds(wanted: &For, object: &serde_json::Value) -> bool {
    match wanted {
        For::Condition(name, value) => {
            let conditions = object.list("status.conditions").iter();
            let mut named = conditions.filter(|c| c.text("type").eq_ignore_ascii_case(name));
            // A condition about an earlier generation says nothing of this one.
            named.any(|condition| {
                let seen = condition.at("observedGeneration").as_i64();
                let seen = seen.or(object.at("status.observedGeneration").as_i64());
                let current = seen.is_none_or(|seen| seen >= object.int("metadata.generation"));
                current && condition.text("status").eq_ignore_ascii_case(value)
            })
        }
        For::Path(path, value) => {
            let Ok(path) = Path::parse(path) else { return false };
            match (path.find(object).unwrap_or_default().as_slice(), value) {
                ([], _) => false,
                (_, None) => true,
                ([found], Some(value)) => text(found) == *value,
                _ => false,
            }
        }
        For::Delete | For::Create => false,
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
            assert_eq!(holds(&wanted(text).unwrap(), &pod), met, "{text}");
        }
    }
}
