//! `set env`.

use serde_json::{Value, json};

use super::{ALL, FILENAME, LABELS, LOCAL, RECORD, containers, each, pod_spec_pointer, split, targets};
use crate::api::{Kind, MetaExt};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::resource_names::kind;
use crate::kubectl::{Call, Verb};

use super::super::writing::{DRY_RUN, FIELD_MANAGER, OUTPUT, TEMPLATE};

const FLAGS: &[Flag] = &[
    value("containers", "the containers to change; * for all").short('c'),
    value("env", "a variable, NAME=VALUE").short('e'),
    value("from", "take the variables from configmap/NAME or secret/NAME"),
    value("keys", "only these keys of --from"),
    value("prefix", "what to put before the names of --from"),
    switch("list", "show the variables"),
    switch("resolve", "has no effect here"),
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

/// A change: a variable to set, or a name to remove.
enum Change {
    Set(String, Value),
    Remove(String),
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let is_change = |word: &str| word.contains('=') || (word.ends_with('-') && word.len() > 1);
    let mut words = split(call, "environment", is_change)?;
    words.extend(call.args.values("env").iter().cloned());
    if call.args.on("list") {
        return list(call);
    }
    let mut changes: Vec<Change> = words
        .iter()
        .map(|word| match word.split_once('=') {
            Some((name, value)) => Change::Set(name.into(), json!({"name": name, "value": value})),
            None => Change::Remove(word.trim_end_matches('-').into()),
        })
        .collect();
    if let Some(source) = call.args.value("from").map(str::to_string) {
        changes.extend(from(call, &source)?);
    }
    if changes.is_empty() {
        return Err(Failure::message("at least one environment variable must be provided"));
    }
    let chosen = call.args.value("containers").unwrap_or("*").to_string();
    let overwrite = call.args.switch("overwrite", true);
    each(call, "env updated", &|spec, object| {
        let meant = |container: &&mut Value| chosen == "*" || container.text("name") == chosen;
        let mut found = false;
        for container in containers(spec).into_iter().filter(meant) {
            found = true;
            apply(container, &changes, overwrite)?;
        }
        if found {
            return Ok(());
        }
        let (kind, name) = (object.kind().info().plural, object.name());
        Err(Failure::message(format!("{kind}/{name} does not have any containers matching \"{chosen}\"")))
    })
}

fn apply(container: &mut Value, changes: &[Change], overwrite: bool) -> Result<(), Failure> {
    let mut variables = container.list("env").to_vec();
    for change in changes {
        match change {
            Change::Remove(name) => variables.retain(|variable| variable.text("name") != name),
            Change::Set(name, variable) => {
                match variables.iter_mut().find(|known| known.text("name") == name) {
                    Some(known) if overwrite => *known = variable.clone(),
                    Some(known) if known != variable => {
                        return Err(Failure::message(format!(
                            "'{name}' already has a value ({}), and --overwrite is false",
                            known.text("value")
                        )));
                    }
                    Some(_) => {}
                    None => variables.push(variable.clone()),
                }
            }
        }
    }
    match variables.is_empty() {
        true => drop(container.as_object_mut().map(|container| container.remove("env"))),
        false => container["env"] = Value::Array(variables),
    }
    Ok(())
}

/// Variables that refer to the keys of a ConfigMap or a Secret.
fn from(call: &Call<'_, '_>, source: &str) -> Result<Vec<Change>, Failure> {
    let (word, name) = source.split_once('/').unwrap_or((source, ""));
    let kind = kind(call.client.live(), word)?;
    let reference = match kind {
        Kind::CONFIG_MAP => "configMapKeyRef",
        Kind::SECRET => "secretKeyRef",
        _ => return Err(Failure::message(format!("unsupported resource specified in --from: {source}"))),
    };
    let object = call.client.get(&call.key(kind, name))?.to_value();
    let wanted = call.args.list("keys");
    let prefix = call.args.value("prefix").unwrap_or_default();
    let change = |key: &String| {
        let variable = format!("{prefix}{}", key.to_uppercase().replace(['-', '.'], "_"));
        let value_from = json!({reference: {"name": name, "key": key}});
        let value = json!({"name": variable, "valueFrom": value_from});
        Change::Set(variable, value)
    };
    let keys = object.map("data");
    Ok(keys.keys().filter(|key| wanted.is_empty() || wanted.contains(&key.as_str())).map(change).collect())
}

/// The variables of each container, as `NAME=VALUE`.
fn list(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (objects, failures) = targets(call)?;
    for object in objects {
        let mut value = object.to_value();
        let Some(spec) = pod_spec_pointer(object.kind()).and_then(|pointer| value.pointer_mut(pointer))
        else {
            continue;
        };
        for container in containers(spec) {
            let (kind, name) = (object.kind().name(), object.name());
            call.say(format!("# {kind} {name}, container {}", container.text("name")));
            for variable in container.list("env") {
                call.say(line(variable));
            }
        }
    }
    Failure::collect(failures)
}

fn line(variable: &Value) -> String {
    let (name, from) = (variable.text("name"), variable.at("valueFrom"));
    if from.is_null() {
        return format!("{name}={}", variable.text("value"));
    }
    let source = |reference: &Value, what: &str| {
        format!("# {name} from {what} {}, key {}", reference.text("name"), reference.text("key"))
    };
    match (from.at("configMapKeyRef"), from.at("secretKeyRef"), from.at("fieldRef")) {
        (Value::Null, Value::Null, Value::Null) => {
            format!("# {name} from resource {}", from.text("resourceFieldRef.resource"))
        }
        (Value::Null, Value::Null, field) => format!("# {name} from field path {}", field.text("fieldPath")),
        (Value::Null, secret, _) => source(secret, "secret"),
        (map, ..) => source(map, "configmap"),
    }
}
