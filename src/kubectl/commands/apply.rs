//! `apply`, `create -f` and `replace -f`.

use serde_json::Value;

use crate::api::patch::{json_merge, strategic, three_way};
use crate::api::{Kind, MetaExt, Object, Status, versions};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests::{self, Item};
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::print::json::go_json;
use crate::kubectl::{Call, Verb};

/// The annotation in which apply keeps the manifest for the next time.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

const FLAGS: &[Flag] = &[
    value("filename", "the manifests: a file, or - for standard input").short('f'),
    optional("dry-run", "unchanged", "client or server: say what would happen, and do nothing"),
    value("output", "name: print only names").short('o'),
    switch("record", "has no effect any more"),
    switch("save-config", "has no effect here"),
    optional("validate", "strict", "strict, warn or ignore: what to do about fields that do not exist"),
];

/// See the module.
pub const APPLY: Verb = Verb {
    path: "apply",
    help: "Make the objects of manifests so, creating or changing them",
    flags: FLAGS,
    run: apply,
};

/// See the module.
pub const CREATE: Verb =
    Verb { path: "create", help: "Create the objects of manifests", flags: FLAGS, run: create };

/// See the module.
pub const REPLACE: Verb =
    Verb { path: "replace", help: "Replace objects by those of manifests", flags: FLAGS, run: replace };

fn apply(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    each(call, |call, item| {
        let key = place(call, item)?;
        if item.name.is_empty() {
            return Err(Failure::message(nameless(item, &key.namespace)));
        }
        match call.client.get(&key) {
            Err(_) => {
                let mut item_value = item.value.clone();
                remember(&mut item_value, item.kind, &key.namespace);
                let object = decode(call, item, &item_value, "error when creating")?;
                write(call, item, object, true, "error when creating").map(|_| "created")
            }
            Ok(live) => patch(call, item, &live),
        }
    })
}

/// Changes a live object to what the manifest says.
fn patch(call: &mut Call<'_, '_>, item: &Item, live: &Object) -> Result<&'static str, Failure> {
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
        return Ok("unchanged");
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
    object.set_revision(0);
    write(call, item, object, false, &doing)?;
    Ok("configured")
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
        return call.client.server().dry_run_create(object).map_err(Failure::from);
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
    call.client.server().dry_run_update(object).map_err(Failure::from)
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
    if !call.args.has("filename") {
        if call.args.words.is_empty() {
            return Err(Failure::message("must specify one of -f and -k"));
        }
        let words = call.args.words.join(" ");
        return Err(Failure::message(format!(
            "Unexpected args: [{words}]\nSee 'kubectl create -h' for help and examples"
        )));
    }
    each(call, |call, item| {
        place(call, item)?;
        let object = decode(call, item, &item.value, "error when creating")?;
        write(call, item, object, true, "error when creating").map(|_| "created")
    })
}

fn replace(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    each(call, |call, item| {
        let key = place(call, item)?;
        call.client.get(&key).map_err(|status| {
            Failure::while_doing(&format!("error when replacing \"{}\"", item.source), status)
        })?;
        let object = decode(call, item, &item.value, "error when replacing")?;
        write(call, item, object, false, "error when replacing").map(|_| "replaced")
    })
}

/// Reads the manifests and does `act` for each object, printing what it did; failures are collected, and the objects after a
/// failing one are still tried, as kubectl does.
fn each(
    call: &mut Call<'_, '_>,
    act: fn(&mut Call<'_, '_>, &Item) -> Result<&'static str, Failure>,
) -> Result<(), Failure> {
    let mut batch = manifests::read(call)?;
    for item in &batch.items {
        match act(call, item) {
            Ok(done) => {
                let name = if item.name.is_empty() {
                    item.value["metadata"]["generateName"].as_str().unwrap_or_default()
                } else {
                    &item.name
                };
                let suffix = match call.args.value("dry-run") {
                    Some("server") => " (server dry run)",
                    Some("client" | "unchanged") => " (dry run)",
                    _ => "",
                };
                let line = match call.args.value("output") {
                    Some("name") => format!("{}/{name}", item.kind.group_singular()),
                    _ => format!("{}/{name} {done}{suffix}", item.kind.group_singular()),
                };
                call.say(line);
            }
            Err(failure) => batch.failures.push(failure),
        }
    }
    Failure::collect(batch.failures)
}

/// The key under which a manifest's object belongs.
fn place(call: &Call<'_, '_>, item: &Item) -> Result<crate::api::Key, Failure> {
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

fn nameless(item: &Item, namespace: &str) -> String {
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
fn remember(value: &mut Value, kind: Kind, namespace: &str) {
    if !value["metadata"].is_object() {
        return;
    }
    if kind.info().namespaced {
        value["metadata"]["namespace"] = namespace.into();
    }
    let mut noted = value.clone();
    if let Some(annotations) = noted["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    } else {
        noted["metadata"]["annotations"] = Value::Object(Default::default());
    }
    let text = format!("{}\n", go_json(&noted));
    if !value["metadata"]["annotations"].is_object() {
        value["metadata"]["annotations"] = Value::Object(Default::default());
    }
    value["metadata"]["annotations"][LAST_APPLIED] = text.into();
}

/// Checks an item's fields as `--validate` says, with its warnings.
fn check_fields(call: &mut Call<'_, '_>, item: &Item) -> Result<Result<Object, Status>, Failure> {
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

/// Sends an object to the server, or asks what it would do; returns the stored revision.
fn write(
    call: &mut Call<'_, '_>,
    item: &Item,
    mut object: Object,
    new: bool,
    doing: &str,
) -> Result<u64, Failure> {
    if object.namespace().is_empty() && item.kind.info().namespaced {
        object.meta_mut().namespace = Some(call.namespace.clone());
    }
    let dry = call.args.has("dry-run") && call.args.value("dry-run") != Some("none");
    let done = match (dry, new) {
        (true, true) => call.client.server().dry_run_create(object).map(|object| object.revision()),
        (true, false) => call.client.server().dry_run_update(object).map(|object| object.revision()),
        (false, true) => call.client.create_object(object).map(|stored| stored.revision()),
        (false, false) => call.client.update_object(object).map(|stored| stored.revision()),
    };
    done.map_err(|status| refuse(call, item, status, doing))
}

fn refuse(call: &mut Call<'_, '_>, item: &Item, status: Status, doing: &str) -> Failure {
    call.output.diagnostics.extend(item.diagnose(&status));
    Failure::while_doing(&format!("{doing} \"{}\"", item.source), status)
}
