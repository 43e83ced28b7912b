//! `get --raw`: what the server would answer at a path. There is no HTTP under it; the usual paths are read as what they name.

use serde_json::{Value, json};

use super::shaped;
use crate::api::{Key, Kind, Status};
use crate::client::authorization::Attributes;
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::{json::go_json, served};

/// Paths that say how the server is.
const HEALTH: [&str; 3] = ["/healthz", "/livez", "/readyz"];

/// See the module.
pub fn get(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked = call.args.value("raw").unwrap_or_default().to_string();
    if !call.args.words.is_empty() {
        return Err(Failure::message("arguments may not be passed when --raw is specified"));
    }
    if ["watch", "watch-only"].iter().any(|flag| call.args.on(flag)) || call.args.has("selector") {
        return Err(Failure::message(
            "--raw may not be specified with other flags that filter the server request or alter the output",
        ));
    }
    if call.args.value("output").is_some_and(|output| !output.is_empty()) {
        return Err(Failure::message("--raw and --output are mutually exclusive"));
    }
    if !asked.starts_with('/') && !asked.contains("://") {
        let why = format!("--raw must be a valid URL path: parse {asked:?}: invalid URI for request");
        return Err(Failure::message(why));
    }
    let path = asked.split('?').next().unwrap_or_default().trim_end_matches('/');
    if !path.starts_with("/api") {
        let asked = Attributes { verb: "get".into(), path: Some(path.into()), ..Attributes::default() };
        call.client.authorize(&asked)?;
    }
    if HEALTH.contains(&path) {
        call.output.stdout.push_str("ok");
        return Ok(());
    }
    if path == "/version" {
        let version =
            json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64"});
        let text = shaped(call, "json", &[version], true)?.replace("    ", "  ");
        call.output.stdout.push_str(text.trim_end());
        return Ok(());
    }
    let answer = answer(call, path).ok_or_else(Status::no_such_resource)??;
    call.say(go_json(&answer));
    Ok(())
}

/// The document at a path; nothing where there is none.
fn answer(call: &Call<'_, '_>, path: &str) -> Option<Result<Value, Failure>> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group_version, rest) = match parts.as_slice() {
        ["api"] => return Some(Ok(versions())),
        ["apis"] => return Some(Ok(groups(call))),
        ["api", version, rest @ ..] => (version.to_string(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return None,
    };
    if rest.is_empty() {
        let list = resources(call, &group_version);
        return list.map(Ok);
    }
    let (namespace, plural, name) = match rest {
        ["namespaces", name] => (None, "namespaces", Some(*name)),
        ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
        ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some(*name)),
        [plural] => (None, *plural, None),
        [plural, name] => (None, *plural, Some(*name)),
        _ => return None,
    };
    let view = call.client.live();
    let served_here = |kind: &Kind| view.api_version(*kind) == group_version && kind.info().plural == plural;
    let kind = view.kinds().into_iter().find(served_here)?;
    if let Some(name) = name {
        let key = Key::new(kind, namespace.unwrap_or_default(), name);
        return Some(call.client.get(&key).map(|object| served(&object)).map_err(Failure::from));
    }
    if let Err(status) = call.client.may("list", kind, namespace) {
        return Some(Err(status.into()));
    }
    let items = view.objects(kind, namespace).map(|object| {
        let mut item = served(object);
        // The list says what they are.
        if let Some(fields) = item.as_object_mut() {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        item
    });
    let items: Vec<Value> = items.collect();
    let newest = view.objects(kind, namespace).map(|object| object.revision()).max().unwrap_or_default();
    Some(Ok(json!({
        "kind": format!("{}List", kind.name()), "apiVersion": group_version,
        "metadata": {"resourceVersion": newest.to_string()}, "items": items,
    })))
}

fn versions() -> Value {
    let address = json!({"clientCIDR": "0.0.0.0/0", "serverAddress": "kubeviz:6443"});
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]})
}

fn groups(call: &Call<'_, '_>) -> Value {
    let view = call.client.live();
    let mut groups: Vec<(String, String)> = Vec::new();
    for kind in view.kinds() {
        let api_version = view.api_version(kind);
        let Some((group, version)) = api_version.split_once('/') else { continue };
        if !groups.iter().any(|(known, _)| known == group) {
            groups.push((group.to_string(), version.to_string()));
        }
    }
    let group = |(name, version): (String, String)| {
        let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    let groups: Vec<Value> = groups.into_iter().map(group).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn resources(call: &Call<'_, '_>, group_version: &str) -> Option<Value> {
    let view = call.client.live();
    let kinds = view.kinds().into_iter().filter(|kind| view.api_version(*kind) == group_version);
    let resource = |kind: Kind| {
        let info = kind.info();
        let mut value = json!({
            "name": info.plural, "singularName": info.singular, "namespaced": info.namespaced, "kind": info.kind,
            "verbs": crate::kubectl::commands::info::verbs(kind).split(',').collect::<Vec<_>>(),
        });
        if !info.short_names.is_empty() {
            value["shortNames"] = info.short_names.to_vec().into();
        }
        value
    };
    let resources: Vec<Value> = kinds.map(resource).collect();
    (!resources.is_empty())
        .then(|| json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}))
}
