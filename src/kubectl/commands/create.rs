//! `create` without a file: objects made from flags.

use serde_json::{Map, Value, json};

use crate::api::manifest::to_yaml;
use crate::api::{Kind, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, optional, value};
use crate::kubectl::print::json::go_json_indented;
use crate::kubectl::{Call, Verb};

const DRY_RUN: Flag = optional("dry-run", "unchanged", "client, server or none");
const OUTPUT: Flag = value("output", "yaml, json or name").short('o');

/// `create deployment`: a Deployment from an image.
pub const DEPLOYMENT: Verb = Verb {
    path: "create deployment",
    help: "Create a Deployment from an image",
    flags: &[
        value("image", "the image of its container"),
        value("replicas", "how many pods there shall be").short('r'),
        value("port", "the port that its container serves"),
        DRY_RUN,
        OUTPUT,
    ],
    run: deployment,
};

/// `create namespace`.
pub const NAMESPACE: Verb = Verb {
    path: "create namespace",
    help: "Create a namespace",
    flags: &[DRY_RUN, OUTPUT],
    run: |call| {
        let name = name(call)?;
        make(call, Kind::NAMESPACE, json!({"metadata": {"name": name}}), "created", "")
    },
};

/// The same by its short name.
pub const NS: Verb = Verb { path: "create ns", ..NAMESPACE };

/// `create configmap`: a ConfigMap from values on the line.
pub const CONFIG_MAP: Verb = Verb {
    path: "create configmap",
    help: "Create a ConfigMap from values or files",
    flags: &[
        value("from-literal", "a key and its value, KEY=VALUE"),
        value("from-file", "a file, or KEY=FILE"),
        DRY_RUN,
        OUTPUT,
    ],
    run: config_map,
};

/// The same by its short name.
pub const CM: Verb = Verb { path: "create cm", ..CONFIG_MAP };

fn name(call: &Call<'_, '_>) -> Result<String, Failure> {
    match call.args.words.as_slice() {
        [name] => Ok(name.clone()),
        words => Err(Failure::message(format!("exactly one NAME is required, got {}", words.len()))),
    }
}

/// The number given with `--port`.
pub fn number_of_port(call: &Call<'_, '_>) -> Result<Option<i64>, Failure> {
    call.args.number("port")
}

/// Makes an object, or with `--dry-run` only shows it. `doing` begins the message if the server refuses.
pub fn make(
    call: &mut Call<'_, '_>,
    kind: Kind,
    mut value: Value,
    done: &str,
    doing: &str,
) -> Result<(), Failure> {
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.name().into();
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_string();
    let dry = match call.args.value("dry-run") {
        None | Some("none" | "false") => "",
        Some("server") => " (server dry run)",
        Some("client" | "unchanged" | "true") => " (dry run)",
        Some(other) => {
            return Err(Failure::message(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            )));
        }
    };
    if !dry.is_empty() {
        // Only a namespace that was asked for is part of what is shown.
        if let Some(metadata) = value["metadata"].as_object_mut().filter(|_| !call.args.has("namespace")) {
            metadata.remove("namespace");
        }
    } else {
        let object = Object::from_value(kind, value).map_err(|error| Failure::message(error.to_string()))?;
        let stored = call.client.create_object(object).map_err(|status| match doing {
            "" => Failure::from(status),
            doing => Failure::while_doing(doing, status),
        })?;
        value = stored.to_value();
    }
    match call.args.value("output") {
        None => call.say(format!("{}/{name} {done}{dry}", kind.group_singular())),
        Some("name") => call.say(format!("{}/{name}", kind.group_singular())),
        Some("yaml") => call.output.stdout.push_str(&to_yaml(&value)),
        Some("json") => call.say(go_json_indented(&value)),
        Some(other) => {
            return Err(Failure::message(format!(
                "unable to match a printer suitable for the output format \"{other}\", allowed formats here are: json,name,yaml"
            )));
        }
    }
    Ok(())
}

fn deployment(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let image =
        call.args.value("image").ok_or_else(|| Failure::message("required flag(s) \"image\" not set"))?;
    let replicas = call.args.number("replicas")?.unwrap_or(1);
    // The container is named after the image: `ghcr.io/acme/web:v1` gives `web`.
    let container = image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or(image);
    let mut spec = json!({"name": container, "image": image});
    if let Some(port) = number_of_port(call)? {
        spec["ports"] = json!([{"containerPort": port}]);
    }
    let labels = json!({"app": name});
    let value = json!({
        "metadata": {"name": name, "namespace": call.namespace, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": [spec]}}},
    });
    make(call, Kind::DEPLOYMENT, value, "created", "error: failed to create deployment")
}

fn config_map(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let mut data = Map::new();
    for literal in call.args.values("from-literal") {
        let (key, value) = literal.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Failure::message(format!("invalid literal source {literal}, expected key=value"))
        })?;
        add(&mut data, key, value)?;
    }
    for source in call.args.values("from-file") {
        let (key, path) =
            source.split_once('=').unwrap_or((source.rsplit('/').next().unwrap_or(source), source));
        let text =
            call.invocation.files.get(path).ok_or_else(|| {
                Failure::message(format!("error reading {path}: no such file or directory"))
            })?;
        add(&mut data, key, text)?;
    }
    let metadata = json!({"name": name, "namespace": call.namespace});
    let value = match data.is_empty() {
        true => json!({"metadata": metadata}),
        false => json!({"data": data, "metadata": metadata}),
    };
    make(call, Kind::CONFIG_MAP, value, "created", "error: failed to create configmap")
}

fn add(data: &mut Map<String, Value>, key: &str, value: &str) -> Result<(), Failure> {
    if data.insert(key.to_string(), value.into()).is_some() {
        return Err(Failure::message(format!(
            "cannot add key \"{key}\", another key by that name already exists in Data for ConfigMap"
        )));
    }
    Ok(())
}
