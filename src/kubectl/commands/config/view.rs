//! `config view`: the kubeconfig, without its secrets unless they are asked for.

use serde_json::{Value, json};
use sorted::SortedMap;

use super::OUTPUT_ANY;
use crate::api::manifest::base64_encode;
use crate::kubectl::commands::writing::TEMPLATE;
use crate::kubectl::errors::Failure;
use crate::kubectl::global::file_of;
use crate::kubectl::kubeconfig::Kubeconfig;
use crate::kubectl::parse::switch;
use crate::kubectl::print::format;
use crate::kubectl::{Call, Verb};

/// See the module.
pub const VIEW: Verb = Verb {
    path: "config view",
    help: "Display merged kubeconfig settings or a specified kubeconfig file",
    flags: &[
        switch("minify", "show only what the current context uses"),
        switch("raw", "show secrets too"),
        switch("flatten", "show what is in the files that it names"),
        switch("merge", "has no effect here: there is one file"),
        TEMPLATE,
        OUTPUT_ANY,
    ],
    run: view,
};

/// What is shown in place of a secret, and of which.
const HIDDEN: [(&str, &str); 5] = [
    ("certificate-authority-data", "DATA+OMITTED"),
    ("client-certificate-data", "DATA+OMITTED"),
    ("client-key-data", "DATA+OMITTED"),
    ("password", "REDACTED"),
    ("token", "REDACTED"),
];
/// Fields that name files.
const FILES: [&str; 3] = ["certificate-authority", "client-certificate", "client-key"];

fn view(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if !call.args.words.is_empty() {
        let words = call.args.words.join(" ");
        return Err(Failure::misuse(format!("unexpected arguments: [{words}]")));
    }
    let mut config = call.kubeconfig.clone();
    if call.args.on("minify") {
        if let Some(name) = call.args.value("context") {
            config.current = name.to_string();
        }
        minify(&mut config)?;
    }
    for fields in config.clusters.values_mut().chain(config.users.values_mut()) {
        if call.args.on("flatten") {
            flatten(call, fields)?;
        } else if !call.args.on("raw") {
            hide(fields);
        }
    }
    let named = |entries: SortedMap<String, Value>, of: &str| -> Value {
        entries.into_iter().map(|(name, fields)| json!({of: fields, "name": name})).collect()
    };
    let contexts = config.contexts.iter().map(|(name, entry)| (name.clone(), entry.to_value()));
    let contexts: SortedMap<String, Value> = contexts.collect();
    let value = json!({
        "apiVersion": "v1",
        "clusters": named(config.clusters, "cluster"),
        "contexts": named(contexts, "context"),
        "current-context": config.current,
        "kind": "Config",
        "users": named(config.users, "user"),
    });
    let format = call.args.value("output").unwrap_or("yaml").to_string();
    let text = crate::kubectl::commands::get::shaped_own(call, &format, value, format::WRITE)?;
    call.output.stdout.push_str(&text);
    Ok(())
}

/// Leaves only what the current context uses.
fn minify(config: &mut Kubeconfig) -> Result<(), Failure> {
    let name = config.current.clone();
    if name.is_empty() {
        return Err(Failure::message("current-context must exist in order to minify"));
    }
    let Some(entry) = config.entry().cloned() else {
        return Err(Failure::message(format!("cannot locate context {name}")));
    };
    config.contexts.retain(|known, _| *known == name);
    if !entry.cluster.is_empty() && !config.clusters.contains_key(&entry.cluster) {
        return Err(Failure::message(format!("cannot locate cluster {}", entry.cluster)));
    }
    config.clusters.retain(|known, _| *known == entry.cluster);
    if !entry.user.is_empty() && !config.users.contains_key(&entry.user) {
        return Err(Failure::message(format!("cannot locate user {}", entry.user)));
    }
    config.users.retain(|known, _| *known == entry.user);
    Ok(())
}

/// Puts what is in the files in the place of their names.
fn flatten(call: &Call<'_, '_>, fields: &mut Value) -> Result<(), Failure> {
    for field in FILES {
        let Some(path) = fields[field].as_str().map(String::from) else { continue };
        let text = file_of(call.invocation, &path)
            .ok_or_else(|| Failure::message(format!("open {path}: no such file or directory")))?;
        fields[format!("{field}-data")] = base64_encode(text.as_bytes()).into();
        fields.as_object_mut().map(|fields| fields.remove(field));
    }
    Ok(())
}

fn hide(fields: &mut Value) {
    for (field, shown) in HIDDEN {
        if fields.get(field).is_some() {
            fields[field] = shown.into();
        }
    }
}
