//! `delete`.

use crate::api::{Key, Kind, MetaExt, Object};
use crate::client::{Client, DeleteOptions, Propagation};
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Output, Verb, Wait};

use super::get::{names_beside_selector, refuse_words_beside_files, select, warn_of_deprecated};
use super::writing::{DRY_RUN, DryRun, FILENAME};

const FLAGS: &[Flag] = &[
    FILENAME,
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
    switch("interactive", "ask first; what is piped in answers").short('i'),
    value("raw", "a path of the API to delete"),
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

/// An object that is to go, and the file that names it, if one does.
pub(super) struct Target {
    pub(super) key: Key,
    pub(super) source: Option<String>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.value("raw").is_some_and(|path| !path.is_empty()) {
        return super::raw::delete(call);
    }
    let dry = DryRun::of(call)?;
    let options = options(call)?;
    let deadline = call.timeout("timeout")?;
    let by_selector = call.args.has("selector") || call.args.has("field-selector") || call.args.on("all");
    let (targets, mut failures) = targets(call, by_selector)?;
    if targets.is_empty() && failures.is_empty() {
        call.say("No resources found");
    }
    if call.args.on("interactive") && !targets.is_empty() && !agreed(call, &targets) {
        call.say("deletion is cancelled");
        return Ok(());
    }
    if call.args.has("namespace") && targets.iter().any(|target| target.key.namespace.is_empty()) {
        call.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
    }
    let objects = delete_all(call, targets, &options, dry, &mut failures);
    if call.args.switch("ignore-not-found", by_selector) {
        failures.retain(|failure| !failure.is_not_found());
    }
    // Where something could not be deleted, nothing is waited for.
    if call.args.switch("wait", true) && !objects.is_empty() && failures.is_empty() {
        call.output.wait = Some(Wait::Gone(Going { objects, deadline }));
    }
    Failure::collect(failures)
}

/// What the command names. Whether it is there is not asked, unless it has to be looked for.
fn targets(call: &mut Call<'_, '_>, by_selector: bool) -> Result<(Vec<Target>, Vec<Failure>), Failure> {
    if call.args.has_files() {
        refuse_words_beside_files(&call.args.words)?;
        let batch = manifests::read(call)?;
        let target = |item: manifests::Item| {
            let namespace = if item.namespace.is_empty() { call.namespace.clone() } else { item.namespace };
            let namespace = if item.kind.info().namespaced { namespace.as_str() } else { "" };
            Target { key: Key::new(item.kind, namespace, &item.name), source: Some(item.source) }
        };
        return Ok((batch.items.into_iter().map(target).collect(), batch.failures));
    }
    let named = named(call.client.live(), &call.args.words.clone())?;
    let by_kind = matches!(&named, Named::Kinds(kinds) if !kinds.is_empty());
    if by_kind && !by_selector {
        return Err(Failure::message("resource(s) were provided, but no name was specified"));
    }
    if call.args.on("all") {
        refuse_all(call, by_kind)?;
    }
    warn_of_deprecated(call)?;
    if let Named::Objects(objects) = named
        && !by_selector
        && !call.args.on("all-namespaces")
    {
        let key = |(kind, name): (Kind, String)| Target { key: call.key(kind, &name), source: None };
        return Ok((objects.into_iter().map(key).collect(), Vec::new()));
    }
    let (objects, failures) = select(call)?;
    let targets = objects.iter().map(|object| Target { key: object.key(), source: None }).collect();
    Ok((targets, failures))
}

/// `--interactive`: whether what is piped in says yes.
fn agreed(call: &mut Call<'_, '_>, targets: &[Target]) -> bool {
    call.say(format!("You are about to delete the following {} resource(s):", targets.len()));
    for Target { key, .. } in targets {
        call.say(format!("{}/{}", key.kind.group_singular(), key.name));
    }
    call.output.stdout.push_str("Do you want to continue? (y/N): ");
    let said = call.invocation.stdin.as_deref().unwrap_or_default();
    said.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("y"))
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
    let propagation = propagation(call)?;
    if let Some(other) = call.args.value("output").filter(|output| !["", "name"].contains(output)) {
        return Err(Failure::message(format!(
            "unexpected -o output mode: {other}. We only support '-o name'"
        )));
    }
    Ok(DeleteOptions { grace_period_seconds: grace, propagation, uid: None })
}

/// What `--cascade` says.
///
/// # Errors
/// In kubectl's words if it says something else.
pub(super) fn propagation(call: &mut Call<'_, '_>) -> Result<Propagation, Failure> {
    Ok(match call.args.value("cascade") {
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
    })
}

/// Deletes and says so; returns the objects that are not gone at once.
pub(super) fn delete_all(
    call: &mut Call<'_, '_>,
    targets: Vec<Target>,
    options: &DeleteOptions,
    dry: DryRun,
    failures: &mut Vec<Failure>,
) -> Vec<(Key, String)> {
    let mut waiting = Vec::new();
    for Target { key, source } in targets {
        let deleted = match dry {
            DryRun::No => call.client.delete(&key, options, None).map(Some),
            DryRun::Server => call.client.get(&key).map(Some),
            DryRun::Client => Ok(None),
        };
        let object = match deleted {
            Ok(object) => object,
            Err(status) => {
                failures.push(match source {
                    Some(file) => Failure::while_doing(&format!("error when deleting {file:?}"), status),
                    None => Failure::from(status),
                });
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
        let uid = object.filter(|_| dry == DryRun::No).map(|object| object.uid().to_string());
        waiting.extend(uid.filter(|uid| is_there(call.client, &key, uid)).map(|uid| (key, uid)));
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
