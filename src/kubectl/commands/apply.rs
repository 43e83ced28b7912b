//! `apply`, `create -f` and `replace -f`.

use std::sync::Arc;

use serde_json::Value;

use super::edit;
use super::force_replace;
use super::prune;
use super::raw;
use super::server_side;
use super::writing::{self, DRY_RUN, DryRun, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE};
use crate::api::patch::{json_merge, strategic, three_way};
use crate::api::selector::Selector;
use crate::api::{Kind, MetaExt, Object, Status, versions};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests::{self, Item};
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::json::go_json;
use crate::kubectl::{Call, Verb};

/// The annotation in which apply keeps the manifest for the next time.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

const SELECTOR: Flag = value("selector", "only objects with these labels").short('l');
const RECORD: Flag = switch("record", "has no effect any more");
pub(super) const SAVE_CONFIG: Flag =
    switch("save-config", "keep the manifest in the annotation that apply reads");
const VALIDATE: Flag =
    optional("validate", "strict", "strict, warn or ignore: what to do about fields that do not exist");

/// The flags of whoever reads manifests and writes their objects, and those that the verb has besides.
macro_rules! writing_flags {
    ($($own:expr),* $(,)?) => {
        &[
            FILENAME,
            DRY_RUN,
            OUTPUT,
            TEMPLATE,
            FIELD_MANAGER,
            RECORD,
            VALIDATE,
            $($own),*
        ]
    };
}

const APPLY_FLAGS: &[Flag] = writing_flags![
    SELECTOR,
    switch("server-side", "apply on the server, which keeps who has set what"),
    switch("force-conflicts", "take fields that other managers have set (with --server-side)"),
    switch("prune", "delete what was applied before and is not in the manifests (with --selector or --all)"),
    switch("all", "prune all that was applied before"),
    value("prune-allowlist", "prune only objects of this group/version/kind; can be given again"),
    switch("overwrite", "has no effect here"),
    switch("openapi-patch", "has no effect here"),
    switch("wait", "has no effect here"),
    switch("force", "delete and create anew what cannot be changed"),
    optional("cascade", "background", "background, foreground or orphan (with --force)"),
    value("grace-period", "seconds that a pod gets to end (with --force)"),
    value("timeout", "how long to wait until an object is gone (with --force)"),
    value("subresource", "status: with --server-side, the part that is applied"),
];

const RAW: Flag = value("raw", "a path of the API to send the file to");

const CREATE_FLAGS: &[Flag] = writing_flags![
    SELECTOR,
    SAVE_CONFIG,
    RAW,
    switch("edit", "edit the manifests before"),
    switch("windows-line-endings", "has no effect here"),
];

const REPLACE_FLAGS: &[Flag] = writing_flags![
    SAVE_CONFIG,
    RAW,
    switch("force", "delete and create anew"),
    optional("cascade", "background", "background, foreground or orphan (with --force)"),
    value("grace-period", "seconds that a pod gets to end (with --force)"),
    value("timeout", "how long to wait until each object is gone (with --force)"),
    switch("wait", "has no effect here: it always waits"),
    value("subresource", "status or scale"),
];

/// See the module.
pub const APPLY: Verb = Verb {
    path: "apply",
    help: "Make the objects of manifests so, creating or changing them",
    flags: APPLY_FLAGS,
    run: apply,
};

/// See the module.
pub const CREATE: Verb =
    Verb { path: "create", help: "Create the objects of manifests", flags: CREATE_FLAGS, run: create };

/// See the module.
pub const REPLACE: Verb = Verb {
    path: "replace",
    help: "Replace objects by those of manifests",
    flags: REPLACE_FLAGS,
    run: replace,
};

fn apply(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if !call.args.words.is_empty() {
        let words = call.args.words.join(" ");
        return Err(Failure::misuse(format!("Unexpected args: [{words}]")));
    }
    let server_side = call.args.on("server-side");
    if call.args.on("force-conflicts") && !server_side {
        return Err(Failure::message("--force-conflicts only works with --server-side"));
    }
    if !server_side && call.args.value("subresource").is_some_and(|part| !part.is_empty()) {
        return Err(Failure::message("--subresource only works with --server-side"));
    }
    if server_side && call.args.value("dry-run") == Some("client") {
        return Err(Failure::message(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ));
    }
    if call.args.on("force") && server_side {
        return Err(Failure::message("--force cannot be used with --server-side"));
    }
    if call.args.on("force") && call.args.value("dry-run") == Some("server") {
        return Err(Failure::message("--dry-run=server cannot be used with --force"));
    }
    let pruned = prune::wanted(call)?;
    if call.args.on("force") && DryRun::of(call)? == DryRun::No {
        force_replace::apply(call)?;
    } else if server_side {
        each(call, "apply", server_side::apply)?;
    } else {
        each(call, "apply", apply_one)?;
    }
    pruned.map_or(Ok(()), |kinds| prune::prune(call, &kinds))
}

pub(super) fn apply_one(call: &mut Call<'_, '_>, item: &Item) -> Result<Done, Failure> {
    let key = place(call, item)?;
    if item.name.is_empty() {
        return Err(Failure::message(nameless(item, &key.namespace)));
    }
    match call.client.get(&key) {
        Err(_) => {
            let mut item_value = item.value.clone();
            remember(&mut item_value, item.kind, &key.namespace);
            let object = decode(call, item, &item_value, "error when creating")?;
            write(call, item, object, true, "error when creating").map(|stored| ("created", stored))
        }
        Ok(live) => patch(call, item, &live),
    }
}

/// Changes a live object to what the manifest says.
fn patch(call: &mut Call<'_, '_>, item: &Item, live: &Arc<Object>) -> Result<Done, Failure> {
    let mut wanted = item.value.clone();
    remember(&mut wanted, item.kind, live.namespace());
    versions::convert(item.kind, &mut wanted);
    let noted = noted(item, live);
    if noted.is_none() {
        call.warn(format!(
            "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply \
             should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The \
             missing annotation will be patched automatically.",
            item.kind.info().plural, item.name
        ));
    }
    let current = live_value(item, live);
    let patch = three_way::create(item.kind, &noted.unwrap_or(Value::Null), &wanted, &current);
    if patch.as_object().is_some_and(|changes| changes.is_empty()) {
        return Ok(("unchanged", live.clone()));
    }
    let doing = format!(
        "error when applying patch:\n{}\nto:\n{}\nfor: \"{source}\": error when patching",
        go_json(&patch),
        address(item, live.namespace()),
        source = item.source
    );
    // The fields are checked before they are merged, so that an error names the manifest's own.
    if let Err(mut status) = check_fields(call, item)? {
        if let Some((_, why)) = status.message.split_once(" cannot be handled as a ") {
            status.message = why.split_once(": ").map_or(why, |(_, why)| why).to_string();
        }
        return Err(refuse(call, item, status, &doing));
    }
    let merged = merge(item.kind, &current, &patch)?;
    let mut object =
        Object::from_value(item.kind, merged).map_err(|error| Failure::message(error.to_string()))?;
    // A manifest may say which version it changes.
    if object.revision() == live.revision() {
        object.set_revision(0);
    }
    write(call, item, object, false, &doing).map(|stored| ("configured", stored))
}

/// The object that applying a manifest would leave, with what the server adds.
///
/// # Errors
/// As applying it.
pub fn would_be(call: &mut Call<'_, '_>, item: &Item) -> Result<Object, Failure> {
    let key = place(call, item)?;
    let Ok(live) = call.client.get(&key) else {
        let mut object = decode(call, item, &item.value, "error when creating")?;
        if object.namespace().is_empty() {
            object.meta_mut().namespace = Some(key.namespace.to_string()).filter(|name| !name.is_empty());
        }
        return call.client.dry_run_create(object).map_err(Failure::from);
    };
    let noted = noted(item, &live);
    let mut wanted = item.value.clone();
    remember(&mut wanted, item.kind, live.namespace());
    versions::convert(item.kind, &mut wanted);
    let current = live_value(item, &live);
    let patch = three_way::create(item.kind, &noted.unwrap_or(Value::Null), &wanted, &current);
    let merged = merge(item.kind, &current, &patch)?;
    let mut object =
        Object::from_value(item.kind, merged).map_err(|error| Failure::message(error.to_string()))?;
    object.set_revision(0);
    call.client.dry_run_update(object).map_err(Failure::from)
}

/// The manifest that was applied last.
fn noted(item: &Item, live: &Object) -> Option<Value> {
    let mut noted = serde_json::from_str(live.annotation(LAST_APPLIED)?).ok()?;
    versions::convert(item.kind, &mut noted);
    Some(noted)
}

/// A live object as the server shows it to whoever asks in the manifest's version.
fn live_value(item: &Item, live: &Object) -> Value {
    let mut value = live.to_value();
    if item.kind.is_custom() {
        value["apiVersion"] = item.value["apiVersion"].clone();
    }
    value
}

/// Applies a patch: of custom kinds, the server merges lists as a whole.
fn merge(kind: Kind, current: &Value, patch: &Value) -> Result<Value, Failure> {
    if kind.is_custom() {
        let mut merged = current.clone();
        json_merge(&mut merged, patch);
        return Ok(merged);
    }
    strategic::apply(kind, current, patch).map_err(Failure::message)
}

fn create(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if !call.args.has_files() {
        let words = &call.args.words;
        if let Some(family) =
            words.first().map(|word| format!("create {word}")).filter(|path| super::is_family(path))
        {
            return Err(super::no_subcommand(&family, &words[1..]));
        }
        let failure = super::no_subcommand("create", words);
        call.warn("Error: must specify one of -f and -k\n");
        return Err(failure);
    }
    if call.args.value("raw").is_some_and(|path| !path.is_empty()) {
        return raw::post(call);
    }
    if call.args.on("edit") {
        return edit::before_creating(call);
    }
    each(call, "create", create_one)
}

fn create_one(call: &mut Call<'_, '_>, item: &Item) -> Result<Done, Failure> {
    let key = place(call, item)?;
    let mut value = item.value.clone();
    if call.args.on("save-config") {
        remember(&mut value, item.kind, &key.namespace);
    }
    let object = decode(call, item, &value, "error when creating")?;
    write(call, item, object, true, "error when creating").map(|stored| ("created", stored))
}

/// Creates what an editor has handed back.
///
/// # Errors
/// What the server refuses.
pub(super) fn create_edited(call: &mut Call<'_, '_>, source: &str, text: &str) -> Result<(), Failure> {
    let batch = manifests::read_from(call, source, text)?;
    each_of(call, batch, "create", create_one)
}

fn replace(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.value("raw").is_some_and(|path| !path.is_empty()) {
        return raw::put(call);
    }
    for flag in ["grace-period", "timeout"] {
        let given = call.args.value(flag).is_some_and(|text| !text.starts_with('-') && text != "0s");
        if given && call.args.has_files() && !call.args.on("force") {
            return Err(Failure::message(format!("--{flag} must have --force specified")));
        }
    }
    if call.args.on("force") {
        if DryRun::of(call)? != DryRun::No {
            return Err(Failure::message("--dry-run can not be used when --force is set"));
        }
        return force_replace::start(call);
    }
    each(call, "replace", |call, item| {
        let key = place(call, item)?;
        call.client.get(&key).map_err(|status| {
            Failure::while_doing(&format!("error when replacing \"{}\"", item.source), status)
        })?;
        let mut value = item.value.clone();
        if call.args.on("save-config") {
            remember(&mut value, item.kind, &key.namespace);
        }
        let object = decode(call, item, &value, "error when replacing")?;
        write(call, item, object, false, "error when replacing").map(|stored| ("replaced", stored))
    })
}

/// What was done to an object, in a word, and the object then.
pub(super) type Done = (&'static str, Arc<Object>);

/// Reads the manifests and does `act` for each object, printing what it did; failures are collected, and the objects after a
/// failing one are still tried, as kubectl does.
fn each(
    call: &mut Call<'_, '_>,
    verb: &str,
    act: fn(&mut Call<'_, '_>, &Item) -> Result<Done, Failure>,
) -> Result<(), Failure> {
    let batch = selected(call)?;
    each_of(call, batch, verb, act)
}

fn each_of(
    call: &mut Call<'_, '_>,
    mut batch: manifests::Batch,
    verb: &str,
    act: fn(&mut Call<'_, '_>, &Item) -> Result<Done, Failure>,
) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    // Replacing nothing is no mistake.
    if batch.items.is_empty() && batch.failures.is_empty() && verb != "replace" {
        return Err(Failure::message(format!("no objects passed to {verb}")));
    }
    let shaped = !matches!(call.args.value("output"), None | Some("" | "name"));
    let mut stored = Vec::new();
    for item in &batch.items {
        match act(call, item) {
            // Apply prints several objects as one list.
            Ok((_, object)) if shaped && verb == "apply" => stored.push(object),
            Ok((done, object)) => writing::done(call, &object, done, dry)?,
            Err(failure) => batch.failures.push(failure),
        }
    }
    if !stored.is_empty() {
        let items: Vec<Value> = stored.iter().map(|object| writing::shown(call, object)).collect();
        let format = call.args.value("output").unwrap_or_default().to_string();
        let text = super::get::shaped(call, &format, &items, items.len() == 1)?;
        call.output.stdout.push_str(&text);
    }
    Failure::collect(batch.failures)
}

/// The manifests' objects that the line means.
pub(super) fn selected(call: &mut Call<'_, '_>) -> Result<manifests::Batch, Failure> {
    let mut batch = manifests::read(call)?;
    if let Some(text) = call.args.value("selector").map(str::to_string) {
        let selector = Selector::parse(&text).map_err(|error| Failure::message(error.to_string()))?;
        batch.items.retain(|item| selector.matches(&item.value.map("metadata.labels")));
    }
    Ok(batch)
}

/// The key under which a manifest's object belongs.
pub(super) fn place(call: &Call<'_, '_>, item: &Item) -> Result<crate::api::Key, Failure> {
    if call.args.has("namespace") && !item.namespace.is_empty() && item.namespace != call.namespace {
        return Err(Failure::message(format!(
            "the namespace from the provided object \"{}\" does not match the namespace \"{}\". You must pass '--namespace={}' to \
             perform this operation.",
            item.namespace, call.namespace, item.namespace
        )));
    }
    let namespace = if item.namespace.is_empty() { call.namespace.clone() } else { item.namespace.clone() };
    let namespace = if item.kind.info().namespaced { namespace } else { String::new() };
    Ok(crate::api::Key::new(item.kind, &namespace, &item.name))
}

pub(super) fn nameless(item: &Item, namespace: &str) -> String {
    if let Some(base) = item.value["metadata"]["generateName"].as_str().filter(|base| !base.is_empty()) {
        return format!("from {base}: cannot use generate name with apply");
    }
    let (place, source) = (address(item, namespace), &item.source);
    format!(
        "error when retrieving current configuration of:\n{place}\nfrom server for: \"{source}\": resource name may not be empty"
    )
}

/// An object as kubectl writes it in errors (`resource.Info.String`).
fn address(item: &Item, namespace: &str) -> String {
    let info = item.kind.info();
    let version = item.value["apiVersion"].as_str().unwrap_or_default();
    let path = if info.group.is_empty() { format!("/{version}") } else { version.to_string() };
    format!(
        "Resource: \"{path}, Resource={}\", GroupVersionKind: \"{path}, Kind={}\"\nName: \"{}\", Namespace: \"{namespace}\"",
        info.plural, info.kind, item.name
    )
}

/// Writes the manifest into its own annotation, as kubectl does: keys sorted, namespace filled in, one line.
pub(super) fn remember(value: &mut Value, kind: Kind, namespace: &str) {
    if !value["metadata"].is_object() {
        return;
    }
    if kind.info().namespaced {
        value["metadata"]["namespace"] = namespace.into();
    }
    if !value["metadata"]["annotations"].is_object() {
        value["metadata"]["annotations"] = Value::Object(Default::default());
    }
    note(value);
}

/// The same of an object that kubectl has made: complete, and without what is empty.
pub(super) fn note(value: &mut Value) {
    let mut noted = value.clone();
    if let Some(Value::Object(annotations)) = noted.pointer_mut("/metadata/annotations") {
        annotations.remove(LAST_APPLIED);
    }
    value["metadata"]["annotations"][LAST_APPLIED] = format!("{}\n", go_json(&noted)).into();
}

/// Checks an item's fields as `--validate` says, with its warnings.
pub(super) fn check_fields(call: &mut Call<'_, '_>, item: &Item) -> Result<Result<Object, Status>, Failure> {
    let mut warnings = Vec::new();
    let check = manifests::field_validation(call)?;
    let decoded = call.client.server().decode(item.kind, &item.value, check, &mut warnings);
    warnings.into_iter().for_each(|warning| call.warn(format!("Warning: {warning}")));
    Ok(decoded)
}

fn decode(call: &mut Call<'_, '_>, item: &Item, value: &Value, doing: &str) -> Result<Object, Failure> {
    match check_fields(call, item)? {
        Ok(_) => {
            Object::from_value(item.kind, value.clone()).map_err(|error| Failure::message(error.to_string()))
        }
        Err(status) => Err(refuse(call, item, status, doing)),
    }
}

/// Sends an object to the server, or asks what it would do; returns what is stored then.
fn write(
    call: &mut Call<'_, '_>,
    item: &Item,
    mut object: Object,
    new: bool,
    doing: &str,
) -> Result<Arc<Object>, Failure> {
    if object.namespace().is_empty() && item.kind.info().namespaced {
        object.meta_mut().namespace = Some(call.namespace.clone());
    }
    let done = match (DryRun::of(call)?, new) {
        (DryRun::No, true) => call.client.create_object(object),
        (DryRun::No, false) => call.client.update_object(object),
        (_, true) => call.client.dry_run_create(object).map(Arc::new),
        (_, false) => call.client.dry_run_update(object).map(Arc::new),
    };
    done.map_err(|status| refuse(call, item, status, doing))
}

pub(super) fn refuse(call: &mut Call<'_, '_>, item: &Item, status: Status, doing: &str) -> Failure {
    call.output.diagnostics.extend(item.diagnose(&status));
    Failure::while_doing(&format!("{doing} \"{}\"", item.source), status)
}
