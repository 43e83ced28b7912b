//! `delete`.

use crate::api::{Key, MetaExt, Object};
use crate::client::{Client, DeleteOptions, Propagation};
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Output, Verb, Wait};

use super::get::{names_beside_selector, select, warn_of_deprecated};
use super::writing::{DRY_RUN, DryRun};

const FLAGS: &[Flag] = &[
    value("filename", "the manifests of the objects").short('f'),
    value("kustomize", "the directory of a kustomization").short('k'),
    value("selector", "only objects with these labels").short('l'),
    value("field-selector", "only objects with these fields"),
    switch("all", "every object of the kinds"),
    switch("all-namespaces", "objects of every namespace").short('A'),
    value("grace-period", "seconds that pods get to end"),
    switch("force", "do not wait for the kubelet, with --grace-period=0"),
    switch("now", "one second of grace"),
    optional("cascade", "background", "background, foreground or orphan"),
    switch("wait", "wait until the objects are gone"),
    value("timeout", "how long to wait"),
    switch("ignore-not-found", "say nothing of objects that are not there"),
    switch("interactive", "has no effect here").short('i'),
    switch("recursive", "has no effect here").short('R'),
    DRY_RUN,
    value("output", "name: print only names").short('o'),
];

/// See the module.
pub const DELETE: Verb = Verb {
    path: "delete",
    help: "Delete resources by file names, stdin, resources and names, or by resources and label selector",
    flags: FLAGS,
    run,
};

/// Objects that a deletion waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    /// By key and uid, which tells them apart from later ones of the same name.
    objects: Vec<(Key, String)>,
    deadline: Option<SimTime>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let options = options(call)?;
    let deadline = call.timeout("timeout")?;
    let mut chosen = call.args.has("selector") || call.args.has("field-selector") || call.args.on("all");
    let mut failures = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    if call.args.has_files() {
        let batch = manifests::read(call)?;
        failures = batch.failures;
        for item in batch.items {
            let namespace = if item.namespace.is_empty() { call.namespace.clone() } else { item.namespace };
            let namespace = if item.kind.info().namespaced { namespace.as_str() } else { "" };
            keys.push(Key::new(item.kind, namespace, &item.name));
        }
    } else {
        let by_kind = matches!(&named(call.client.live(), &call.args.words.clone())?, Named::Kinds(kinds) if !kinds.is_empty());
        if by_kind && !chosen {
            return Err(Failure::message("resource(s) were provided, but no name was specified"));
        }
        if call.args.on("all") {
            refuse_all(call, by_kind)?;
        }
        chosen &= by_kind;
        warn_of_deprecated(call)?;
        let (objects, missing) = select(call)?;
        if objects.is_empty() && missing.is_empty() {
            call.say("No resources found");
        }
        keys = objects.iter().map(|object| object.key()).collect();
        failures.extend(missing);
    }
    if call.args.has("namespace") && keys.iter().any(|key| key.namespace.is_empty()) {
        call.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
    }
    let objects = delete_all(call, keys, &options, dry, &mut failures);
    if call.args.switch("ignore-not-found", chosen) {
        failures.retain(|failure| !matches!(failure, Failure::Server { status, .. } if status.code == 404));
    }
    if call.args.switch("wait", true) && !objects.is_empty() {
        call.output.wait = Some(Wait::Gone(Going { objects, deadline }));
    }
    Failure::collect(failures)
}

/// Refuses what cannot stand beside `--all`.
fn refuse_all(call: &Call<'_, '_>, by_kind: bool) -> Result<(), Failure> {
    if call.args.has("selector") || call.args.has("field-selector") {
        return Err(Failure::message("setting 'all' parameter but found a non empty selector. "));
    }
    match (by_kind, call.args.words.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::message("at least one resource must be specified to use a selector")),
        (false, false) => Err(names_beside_selector(&call.args.words)),
    }
}

fn options(call: &mut Call<'_, '_>) -> Result<DeleteOptions, Failure> {
    let mut grace = call.args.number("grace-period")?.filter(|seconds| *seconds >= 0);
    let force = call.args.on("force");
    if call.args.on("now") {
        if grace.is_some() {
            return Err(Failure::message("--now and --grace-period cannot be specified together"));
        }
        grace = Some(1);
    }
    if force && grace.is_some_and(|seconds| seconds > 0) {
        return Err(Failure::message(
            "--force and --grace-period greater than 0 cannot be specified together",
        ));
    }
    grace = match grace {
        None if force => Some(0),
        // Whoever does not insist gets the shortest period that still lets the kubelet know.
        Some(0) if !force => Some(1),
        grace => grace,
    };
    if force {
        call.warn(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The \
             resource may continue to run on the cluster indefinitely.",
        );
    }
    let propagation = match call.args.value("cascade") {
        None | Some("background") => Propagation::Background,
        Some("foreground") => Propagation::Foreground,
        Some("orphan") => Propagation::Orphan,
        Some(old @ ("true" | "false")) => {
            let now = if old == "true" { "background" } else { "orphan" };
            let text = format!(
                "warning: --cascade={old} is deprecated (boolean value) and can be replaced with --cascade={now}."
            );
            let propagation = if old == "true" { Propagation::Background } else { Propagation::Orphan };
            call.warn(text);
            propagation
        }
        Some(other) => {
            return Err(Failure::message(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    if let Some(other) = call.args.value("output").filter(|output| !["", "name"].contains(output)) {
        return Err(Failure::message(format!(
            "unexpected -o output mode: {other}. We only support '-o name'"
        )));
    }
    Ok(DeleteOptions { grace_period_seconds: grace, propagation, uid: None })
}

/// Deletes and says so; returns the objects that are not gone at once.
fn delete_all(
    call: &mut Call<'_, '_>,
    keys: Vec<Key>,
    options: &DeleteOptions,
    dry: DryRun,
    failures: &mut Vec<Failure>,
) -> Vec<(Key, String)> {
    let mut waiting = Vec::new();
    for key in keys {
        let deleted = match dry {
            DryRun::No => call.client.delete(&key, options, None),
            _ => call.client.get(&key),
        };
        let object = match deleted {
            Ok(object) => object,
            Err(status) => {
                failures.push(Failure::from(status));
                continue;
            }
        };
        let name = key.kind.group_singular();
        if call.args.value("output") == Some("name") {
            call.say(format!("{name}/{}", key.name));
        } else {
            let force = if options.grace_period_seconds == Some(0) { "force " } else { "" };
            let place = match &*key.namespace {
                "" => String::new(),
                namespace => format!(" from {namespace} namespace"),
            };
            call.say(format!("{name} \"{}\" {force}deleted{}{place}", key.name, dry.suffix()));
        }
        if dry == DryRun::No && is_there(call.client, &key, object.uid()) {
            waiting.push((key, object.uid().to_string()));
        }
    }
    waiting
}

fn is_there(client: &Client<'_>, key: &Key, uid: &str) -> bool {
    client.live().object(key).is_some_and(|object: &std::sync::Arc<Object>| object.uid() == uid)
}

/// Looks whether the objects are gone.
pub fn poll_gone(mut going: Going, client: &Client<'_>) -> Output {
    going.objects.retain(|(key, uid)| is_there(client, key, uid));
    let mut output = Output::default();
    // Of several, only the first that is still there is named.
    if going.deadline.is_some_and(|deadline| client.now() >= deadline)
        && let Some((key, _)) = going.objects.first()
    {
        let what = format!("{}/{}", key.kind.info().plural, key.name);
        output.stderr.push_str(&format!("error: timed out waiting for the condition on {what}\n"));
        output.code = 1;
        return output;
    }
    output.wait = (!going.objects.is_empty()).then_some(Wait::Gone(going));
    output
}
