//! `delete`.

use crate::api::{Key, MetaExt, Object};
use crate::client::{Client, DeleteOptions, Propagation};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Output, Verb, Wait};

use super::get::select;

const FLAGS: &[Flag] = &[
    value("filename", "the manifests of the objects").short('f'),
    value("selector", "only objects with these labels").short('l'),
    switch("all", "every object of the kinds"),
    switch("all-namespaces", "objects of every namespace").short('A'),
    value("grace-period", "seconds that pods get to end"),
    switch("force", "do not wait for the kubelet, with --grace-period=0"),
    switch("now", "one second of grace"),
    optional("cascade", "background", "background, foreground or orphan"),
    switch("wait", "wait until the objects are gone"),
    switch("ignore-not-found", "say nothing of objects that are not there"),
    value("output", "name: print only names").short('o'),
];

/// See the module.
pub const DELETE: Verb =
    Verb { path: "delete", help: "Delete objects by name, by selector or by manifest", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let options = options(call)?;
    let mut failures = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    if call.args.has("filename") {
        let batch = manifests::read(call)?;
        failures = batch.failures;
        for item in batch.items {
            let namespace = if item.namespace.is_empty() { call.namespace.clone() } else { item.namespace };
            keys.push(Key::new(
                item.kind,
                if item.kind.info().namespaced { &namespace } else { "" },
                &item.name,
            ));
        }
    } else {
        let by_kind = matches!(named(&call.args.words.clone())?, Named::Kinds(_));
        let chosen = call.args.has("selector") || call.args.on("all");
        if call.args.words.is_empty() || (by_kind && !chosen) {
            return Err(Failure::message("resource(s) were provided, but no name was specified"));
        }
        let (objects, missing) = select(call)?;
        if objects.is_empty() && missing.is_empty() {
            call.say("No resources found");
        }
        keys = objects.iter().map(|object| object.key()).collect();
        failures.extend(missing);
    }
    let gone = delete_all(call, keys, &options, &mut failures);
    if call.args.on("ignore-not-found") {
        failures.retain(|failure| !matches!(failure, Failure::Server { status, .. } if status.code == 404));
    }
    if call.args.switch("wait", true) && !gone.is_empty() {
        call.output.wait = Some(Wait::Gone(gone));
    }
    Failure::collect(failures)
}

fn options(call: &mut Call<'_, '_>) -> Result<DeleteOptions, Failure> {
    let mut grace = call.args.number("grace-period")?.filter(|seconds| *seconds >= 0);
    if call.args.on("now") {
        grace = Some(1);
    }
    if call.args.on("force") {
        grace = Some(0);
        call.warn(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The \
             resource may continue to run on the cluster indefinitely.",
        );
    }
    let propagation = match call.args.value("cascade") {
        None | Some("background" | "true") => Propagation::Background,
        Some("foreground") => Propagation::Foreground,
        Some("orphan" | "false") => Propagation::Orphan,
        Some(other) => {
            return Err(Failure::message(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    Ok(DeleteOptions { grace_period_seconds: grace, propagation, uid: None })
}

/// Deletes and says so; returns the objects that are not gone at once.
fn delete_all(
    call: &mut Call<'_, '_>,
    keys: Vec<Key>,
    options: &DeleteOptions,
    failures: &mut Vec<Failure>,
) -> Vec<(Key, String)> {
    let mut waiting = Vec::new();
    for key in keys {
        match call.client.delete(&key, options, None) {
            Ok(object) => {
                let place = if key.namespace.is_empty() {
                    String::new()
                } else {
                    format!(" from {} namespace", key.namespace)
                };
                let force = if call.args.on("force") { " force" } else { "" };
                match call.args.value("output") {
                    Some("name") => call.say(format!("{}/{}", key.kind.group_singular(), key.name)),
                    _ => call.say(format!(
                        "{} \"{}\"{force} deleted{place}",
                        key.kind.group_singular(),
                        key.name
                    )),
                }
                if is_there(call.client, &key, object.uid()) {
                    waiting.push((key, object.uid().to_string()));
                }
            }
            Err(status) => failures.push(Failure::from(status)),
        }
    }
    waiting
}

fn is_there(client: &Client<'_>, key: &Key, uid: &str) -> bool {
    client.live().object(key).is_some_and(|object: &std::sync::Arc<Object>| object.uid() == uid)
}

/// Looks whether the objects are gone.
pub fn poll_gone(keys: Vec<(Key, String)>, client: &Client<'_>) -> Output {
    let left: Vec<(Key, String)> = keys.into_iter().filter(|(key, uid)| is_there(client, key, uid)).collect();
    let wait = (!left.is_empty()).then_some(Wait::Gone(left));
    Output { wait, ..Default::default() }
}
