//! `set env`. Models `pkg/cmd/set/set_env.go` and `pkg/cmd/set/env`.

use serde_json::{Value, json};

use super::{
    ALL, FILENAME, LABELS, LOCAL, RECORD, Words, containers, each, is_meant, refuse_contradictions, targets,
};
use crate::api::manifest::base64;
use crate::api::{Key, Kind, MetaExt, Object};
use crate::client::View;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::resource_names::kind;
use crate::kubectl::{Call, Verb};

use super::super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE};

const FLAGS: &[Flag] = &[
    value("containers", "the containers to change; * for all").short('c'),
    value("env", "a variable, NAME=VALUE").short('e'),
    value("from", "take the variables from configmap/NAME or secret/NAME"),
    value("keys", "only these keys of --from"),
    value("prefix", "what to put before the names"),
    switch("list", "show the variables"),
    switch("resolve", "show what they refer to"),
    switch("overwrite", "replace variables that are there"),
    FILENAME,
    LABELS,
    ALL,
    LOCAL,
    RECORD,
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
];

/// See the module.
pub const ENV: Verb =
    Verb { path: "set env", help: "Update environment variables on a pod template", flags: FLAGS, run };

/// What becomes of the variables.
#[derive(Default)]
struct Changes {
    /// Variables as containers have them.
    set: Vec<Value>,
    removed: Vec<String>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let words = split(call)?;
    let dry = DryRun::of(call)?;
    refuse_contradictions(call, dry)?;
    let why = match call.args.value("keys").is_some() && !call.args.has("from") {
        _ if call.args.words.is_empty() && !call.args.has_files() => {
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        }
        _ if call.args.on("list") && call.args.value("output").is_some_and(|format| !format.is_empty()) => {
            "--list and --output may not be specified together"
        }
        true => "when specifying --keys, a configmap or secret must be provided with --from",
        false => "",
    };
    if !why.is_empty() {
        return Err(Failure::message(why));
    }
    let mut changes = parse(call, &words)?;
    if let Some(source) = call.args.value("from").map(str::to_string) {
        changes.set.extend(from(call, &source)?);
    }
    let prefix = call.args.value("prefix").unwrap_or_default();
    for variable in &mut changes.set {
        variable["name"] = format!("{prefix}{}", variable.text("name")).into();
    }
    let objects = targets(call)?;
    let chosen = call.args.value("containers").unwrap_or("*").to_string();
    let (overwrite, list_only) = (call.args.switch("overwrite", true), call.args.on("list"));
    let mut listed = Vec::new();
    let mut unmatched = Vec::new();
    let mut edit = |spec: &mut Value, object: &Object| {
        let meant =
            containers(spec).into_iter().filter(|container| is_meant(container.text("name"), &chosen));
        let meant: Vec<&mut Value> = meant.collect();
        if meant.is_empty() {
            let (kind, name) = (object.kind().name(), object.name());
            unmatched
                .push(format!("warning: {kind}/{name} does not have any containers matching {chosen:?}"));
        }
        for container in meant {
            apply(container, &changes, overwrite)?;
            listed.push((object.key(), container.clone()));
        }
        Ok(())
    };
    let failures = if list_only {
        for object in &objects {
            let mut value = object.to_value();
            if let Some(spec) =
                super::pod_spec_pointer(object.kind()).and_then(|pointer| value.pointer_mut(pointer))
            {
                // What cannot be changed is not said where things are only shown.
                let _: Result<(), String> = edit(spec, object);
            }
        }
        Vec::new()
    } else {
        let said = Words { done: "env updated", refused: "failed to patch env update to pod template: " };
        each(call, &objects, said, &mut edit)?
    };
    unmatched.iter().for_each(|line| call.warn(line));
    if list_only {
        listed.iter().for_each(|(key, container)| list(call, key, container));
    }
    Failure::collect(failures)
}

/// Separates the words that name objects from the variables behind them.
fn split(call: &mut Call<'_, '_>) -> Result<Vec<String>, Failure> {
    let is_change = |word: &String| word.contains('=') || word.ends_with('-');
    let words = std::mem::take(&mut call.args.words);
    let first = words.iter().position(is_change).unwrap_or(words.len());
    let (names, changes) = words.split_at(first);
    if !changes.iter().all(is_change) {
        return Err(Failure::message(format!(
            "all resources must be specified before environment changes: {}",
            words.join(" ")
        )));
    }
    call.args.words = names.to_vec();
    Ok(changes.to_vec())
}

/// kubectl is stricter with names than the server, which takes almost any text.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter))
}

const NAME_RULE: &str = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and \
                         must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for \
                         validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";

/// Reads `NAME=VALUE` and `NAME-`; `-` stands for the lines of the standard input.
fn parse(call: &Call<'_, '_>, words: &[String]) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    let variable = |name: &str, value: &str| json!({"name": name, "value": value});
    for word in call.args.values("env").iter().chain(words) {
        if word == "-" {
            let lines = call.invocation.stdin.as_deref().unwrap_or_default().lines();
            let lines = lines.map(|line| line.split('#').next().unwrap_or_default());
            let pairs = lines.filter_map(|line| line.split_once('='));
            changes.set.extend(pairs.map(|(name, value)| variable(name, value)));
        } else if let Some((name, value)) = word.split_once('=') {
            if !is_name(name) {
                return Err(Failure::message(format!("{name:?} is not a valid key name: {NAME_RULE}")));
            }
            changes.set.push(variable(name, value));
        } else if let Some(name) = word.strip_suffix('-') {
            changes.removed.push(name.to_string());
        } else {
            return Err(Failure::message(format!("unknown environment variable: {word}")));
        }
    }
    let is_set = |name: &String| changes.set.iter().any(|variable| variable.text("name") == name);
    if changes.removed.iter().any(is_set) {
        return Err(Failure::message("can not both modify and remove the same environment variable"));
    }
    Ok(changes)
}

fn apply(container: &mut Value, changes: &Changes, overwrite: bool) -> Result<(), String> {
    let old = container.list("env").to_vec();
    let newer = |name: &str| changes.set.iter().find(|variable| variable.text("name") == name);
    if !overwrite {
        let differs = |known: &&Value| {
            newer(known.text("name")).is_some_and(|new| new.text("value") != known.text("value"))
        };
        if let Some(known) = old.iter().find(differs) {
            let (name, value) = (known.text("name"), known.text("value"));
            return Err(format!("'{name}' already has a value ({value}), and --overwrite is false"));
        }
    }
    let mut covered = changes.removed.clone();
    let mut variables: Vec<Value> = Vec::new();
    for known in old {
        let name = known.text("name").to_string();
        if covered.contains(&name) {
            continue;
        }
        match newer(&name) {
            Some(new) => {
                covered.push(name);
                variables.push(new.clone());
            }
            None => variables.push(known),
        }
    }
    for new in &changes.set {
        let name = new.text("name").to_string();
        if !covered.contains(&name) {
            covered.push(name);
            variables.push(new.clone());
        }
    }
    match variables.is_empty() {
        true => drop(container.as_object_mut().map(|container| container.remove("env"))),
        false => container["env"] = Value::Array(variables),
    }
    Ok(())
}

/// Variables that refer to the keys of a ConfigMap or a Secret.
fn from(call: &Call<'_, '_>, source: &str) -> Result<Vec<Value>, Failure> {
    let (word, name) = source.split_once('/').unwrap_or((source, ""));
    let kind = kind(call.client.live(), word)?;
    if name.is_empty() {
        return Err(Failure::message("resource(s) were provided, but no name was specified"));
    }
    let object = call.client.get(&call.key(kind, name))?.to_value();
    let reference = match kind {
        Kind::CONFIG_MAP => "configMapKeyRef",
        Kind::SECRET => "secretKeyRef",
        _ => return Err(Failure::message("unsupported resource specified in --from")),
    };
    let wanted = call.args.list("keys");
    let data = object.map("data");
    let keys = data.keys().filter(|key| wanted.is_empty() || wanted.contains(&key.as_str()));
    let variable = |key: &String| {
        let name_of = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let variable: String = key.chars().map(name_of).collect();
        json!({"name": variable.to_uppercase(), "valueFrom": {reference: {"name": name, "key": key}}})
    };
    Ok(keys.map(variable).collect())
}

/// The variables of a container, as `NAME=VALUE`.
fn list(call: &mut Call<'_, '_>, of: &Key, container: &Value) {
    call.say(format!("# {} {}, container {}", of.kind.name(), of.name, container.text("name")));
    let resolve = call.args.on("resolve");
    let mut unresolved: Vec<(String, Vec<&str>)> = Vec::new();
    for variable in container.list("env") {
        let (name, from) = (variable.text("name"), variable.at("valueFrom"));
        let resolved = match from {
            Value::Null => Ok(variable.text("value").to_string()),
            from if resolve => value_of(from, of, call.client.live()),
            _ => Err(String::new()),
        };
        match resolved {
            Ok(value) => call.say(format!("{name}={value}")),
            Err(why) => {
                call.say(format!("# {name} from {}", reference(from)));
                match unresolved.iter_mut().find(|(other, _)| *other == why) {
                    Some((_, names)) => names.push(name),
                    None => unresolved.push((why, vec![name])),
                }
            }
        }
    }
    unresolved.retain(|(why, _)| !why.is_empty());
    let mut lines: Vec<String> = unresolved
        .into_iter()
        .map(|(why, mut names)| {
            names.sort_unstable();
            format!("error retrieving reference for {}: {why}", names.join(", "))
        })
        .collect();
    lines.sort_unstable();
    lines.iter().for_each(|line| call.warn(line));
}

/// What a variable is taken from, in words.
fn reference(from: &Value) -> String {
    let key = |place: &str, what: &str| {
        let reference = from.at(place);
        format!("{what} {}, key {}", reference.text("name"), reference.text("key"))
    };
    let resource = from.at("resourceFieldRef");
    match () {
        () if !from.at("configMapKeyRef").is_null() => key("configMapKeyRef", "configmap"),
        () if !from.at("secretKeyRef").is_null() => key("secretKeyRef", "secret"),
        () if !from.at("fieldRef").is_null() => format!("field path {}", from.text("fieldRef.fieldPath")),
        () if !resource.is_null() => {
            let container = resource.text("containerName");
            let slash = if container.is_empty() { "" } else { "/" };
            format!("resource field {container}{slash}{}", resource.text("resource"))
        }
        () => "invalid valueFrom".into(),
    }
}

/// What a reference of an object's container leads to; an amount stays a reference.
fn value_of(from: &Value, of: &Key, view: &View) -> Result<String, String> {
    for (place, kind, what) in
        [("secretKeyRef", Kind::SECRET, "secret"), ("configMapKeyRef", Kind::CONFIG_MAP, "config map")]
    {
        let reference = from.at(place);
        if reference.is_null() {
            continue;
        }
        let (name, key) = (reference.text("name"), reference.text("key"));
        let object = view.object(&Key::new(kind, &of.namespace, name));
        let object = object.ok_or_else(|| format!("{} \"{name}\" not found", kind.info().plural))?;
        let value = object.to_value().map("data").get(key).cloned();
        let value = value.ok_or_else(|| format!("key {key} not found in {what} {name}"))?;
        return match kind {
            Kind::SECRET => {
                Ok(String::from_utf8_lossy(&base64::decode(&value).unwrap_or_default()).into_owned())
            }
            _ => Ok(value),
        };
    }
    let path = from.text("fieldRef.fieldPath");
    match path {
        "" => Err(String::new()),
        "metadata.name" => Ok(of.name.to_string()),
        "metadata.namespace" => Ok(of.namespace.to_string()),
        other => Err(format!("unsupported fieldPath: {other}")),
    }
}
