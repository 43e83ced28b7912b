//! `configMapGenerator` and `secretGenerator`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, file, join};
use crate::api::manifest::base64;
use crate::kubectl::print::fields::{Fields, slot};

/// Makes what the generators of a kustomization say, or changes what there is.
pub fn generate(
    spec: &Value,
    directory: &str,
    files: &BTreeMap<String, String>,
    all: &mut Vec<Resource>,
) -> Result<(), String> {
    for (list, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for generator in spec.list(list) {
            let made = make(spec, generator, kind, directory, files)?;
            let name = generator.text("name");
            let known = all.iter().position(|resource| resource.kind() == kind && resource.names[0] == name);
            match (generator.text("behavior"), known) {
                ("" | "create" | "unspecified", None) => all.push(made),
                ("merge", Some(at)) => {
                    let data = made.value["data"].as_object().cloned().unwrap_or_default();
                    for (key, value) in data {
                        *slot(&mut all[at].value, ["data", &*key]) = value;
                    }
                }
                ("replace", Some(at)) => *slot(&mut all[at].value, ["data"]) = made.value["data"].clone(),
                ("" | "create" | "unspecified", Some(_)) => {
                    return Err(format!(
                        "id resid.ResId{{{kind} {name}}} exists; behavior must be merge or replace"
                    ));
                }
                (behavior, _) => {
                    return Err(format!("id resid.ResId{{{kind} {name}}} does not exist; cannot {behavior}"));
                }
            }
        }
    }
    Ok(())
}

fn make(
    spec: &Value,
    generator: &Value,
    kind: &str,
    directory: &str,
    files: &BTreeMap<String, String>,
) -> Result<Resource, String> {
    let name = generator.text("name");
    let mut data: Map<String, Value> = Map::new();
    let read = |path: &str| {
        let place = join(directory, path);
        file(&place, files).ok_or_else(|| {
            format!("loading KV pairs: file sources: [{path}]: open {place}: no such file or directory")
        })
    };
    let mut put = |key: &str, text: &str| {
        let value = if kind == "Secret" { base64::encode(text.as_bytes()) } else { text.to_string() };
        data.insert(key.to_string(), value.into());
    };
    for path in
        generator.texts("envs").into_iter().chain(Some(generator.text("env")).filter(|path| !path.is_empty()))
    {
        for line in
            read(path)?.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (key, text) = line.split_once('=').unwrap_or((line, ""));
            put(key, text);
        }
    }
    for literal in generator.texts("literals") {
        let (key, text) = literal.split_once('=').ok_or_else(|| {
            format!("loading KV pairs: literal sources {literal}: invalid literal source {literal}, expected key=value")
        })?;
        put(key, text.trim_matches(|quote| quote == '"' || quote == '\''));
    }
    for source in generator.texts("files") {
        let (key, path) =
            source.split_once('=').unwrap_or((source.rsplit('/').next().unwrap_or(source), source));
        put(key, read(path)?);
    }
    let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data});
    if kind == "Secret" {
        value["type"] = generator.text_or("type", "Opaque").into();
    }
    if !generator.text("namespace").is_empty() {
        value["metadata"]["namespace"] = generator.text("namespace").into();
    }
    let mut hashed = true;
    for options in [&spec["generatorOptions"], &generator["options"]] {
        for field in ["labels", "annotations"] {
            for (key, text) in options[field].as_object().into_iter().flatten() {
                value["metadata"][field][key] = text.clone();
            }
        }
        if options["immutable"] == true {
            value["immutable"] = true.into();
        }
        hashed &= options["disableNameSuffixHash"] != true;
    }
    Ok(Resource { hashed, ..Resource::new(value) })
}
