//! `patch`.

use std::sync::Arc;

use serde_json::Value;

use super::get::{select_by_name, shaped_in};
use super::scale::set_at;
use super::writing::{self, DRY_RUN, DryRun, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE};
use crate::api::field_error::{FieldError, Path};
use crate::api::manifest::{self, Limits};
use crate::api::patch::{json_merge, json_patch, strategic};
use crate::api::{Kind, MetaExt, Object, Status, schema};
use crate::client::FieldValidation;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::format::WRITE;
use crate::kubectl::subresource::{SCALE, has, replicas_pointer, scale_of};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("patch", "the change, as JSON or YAML").short('p'),
    value("patch-file", "a file that holds it"),
    value("type", "json, merge or strategic"),
    value("subresource", "status, scale or resize: the part that is changed"),
    FILENAME,
    switch("local", "change what the manifests say, and ask no server"),
    switch("record", "has no effect any more"),
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
];

/// See the module.
pub const PATCH: Verb = Verb { path: "patch", help: "Update fields of an object", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let text = text(call)?;
    let local = call.args.on("local");
    if local && !call.args.words.is_empty() {
        return Err(Failure::message("cannot specify --local and server resources"));
    }
    if local && dry == DryRun::Server {
        return Err(Failure::message(
            "cannot specify --local and --dry-run=server - did you mean --dry-run=client?",
        ));
    }
    let type_ = call.args.value("type").unwrap_or("strategic").to_lowercase();
    if !["", "json", "merge", "strategic"].contains(&type_.as_str()) {
        let given = call.args.value("type").unwrap_or_default();
        return Err(Failure::message(format!("--type must be one of [json merge strategic], not {given:?}")));
    }
    let patch = read(&text, &type_)?;
    let (objects, mut failures) = select_by_name(call)?;
    if objects.is_empty() && failures.is_empty() {
        return Err(Failure::message("no objects passed to patch"));
    }
    for object in objects {
        let done = patch.as_ref().map_err(Failure::clone);
        let done = done.and_then(|patch| change(call, &object, &type_, patch, dry));
        failures.extend(done.err());
    }
    Failure::collect(failures)
}

/// The patch as it is given.
fn text(call: &Call<'_, '_>) -> Result<String, Failure> {
    let given = |flag: &str| call.args.value(flag).filter(|text| !text.is_empty());
    match (given("patch"), given("patch-file")) {
        (Some(_), Some(_)) => Err(Failure::message("cannot specify --patch and --patch-file together")),
        (Some(text), None) => Ok(text.to_string()),
        (None, Some(path)) => call.invocation.files.get(path).cloned().ok_or_else(|| {
            Failure::message(format!("unable to read patch file: open {path}: no such file or directory"))
        }),
        (None, None) => {
            Err(Failure::message("must specify --patch or --patch-file containing the contents of the patch"))
        }
    }
}

/// Reads a patch. What looks like JSON goes to the server as it is, which says what is wrong with it: that is what the
/// inner error holds.
fn read(text: &str, type_: &str) -> Result<Result<Value, Failure>, Failure> {
    if text.trim_start().starts_with('{')
        && let Err(error) = serde_json::from_str::<Value>(text)
    {
        let decoding = if type_ == "merge" { "error decoding patch: " } else { "" };
        let (_, words) = manifest::json_error(&error, text);
        return Ok(Err(Status::bad_request(format!("{decoding}{words}")).into()));
    }
    read_yaml(text).map(Ok)
}

fn read_yaml(text: &str) -> Result<Value, Failure> {
    let stream = manifest::parse(text, &Limits::default());
    match (stream.documents.first(), stream.errors.first()) {
        (_, Some(error)) => {
            let words = error.kubectl.as_deref().unwrap_or(&error.message);
            let words = words.trim_start_matches("error converting YAML to JSON: ");
            Err(Failure::message(format!("unable to parse {text:?}: {words}")))
        }
        (Some(document), None) => Ok(document.root.to_value()),
        (None, None) => Ok(Value::Null),
    }
}

/// What is made of fields that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// A warning.
    Warn,
    /// A refusal.
    Strict,
}

fn change(
    call: &mut Call<'_, '_>,
    live: &Object,
    type_: &str,
    patch: &Value,
    dry: DryRun,
) -> Result<(), Failure> {
    let kind = live.kind();
    let said = |same: bool| if same { "patched (no change)" } else { "patched" };
    if call.args.on("local") || dry == DryRun::Client {
        let current = writing::shown(call, live);
        let value = merged(kind, &current, type_, patch)?;
        return writing::done_to(call, kind, &value, said(value == current), dry);
    }
    if type_ == "strategic" && kind.is_custom() {
        let why = Status::unsupported_patch().message;
        let of = format!("{}, Kind={}", call.client.live().api_version(kind), kind.name());
        let type_ = "application/strategic-merge-patch+json";
        return Err(Failure::message(format!("{type_} is not supported by {of}: {why}")));
    }
    if call.args.value("subresource") == Some("scale") {
        return rescale(call, live, type_, patch, dry);
    }
    let stored = sent(call, live, type_, patch, Strictness::Warn, dry)?;
    // What a dry run would store has no version of its own.
    let mut before = live.clone();
    if dry == DryRun::Server {
        before.set_revision(stored.revision());
    }
    let same = before == *stored;
    writing::done(call, &stored, said(same), dry)
}

/// Patches the scale of an object.
fn rescale(
    call: &mut Call<'_, '_>,
    live: &Object,
    type_: &str,
    patch: &Value,
    dry: DryRun,
) -> Result<(), Failure> {
    let view = call.client.live();
    let (Some(pointer), Some(scale)) = (replicas_pointer(view, live.kind()), scale_of(view, live)) else {
        return Err(Failure::from(Status::no_such_resource()));
    };
    let type_ = if type_ == "json" { "json" } else { "merge" };
    let wanted = merged(live.kind(), &scale, type_, patch)?;
    let replicas = wanted.pointer("/spec/replicas").cloned().unwrap_or_else(|| 0.into());
    let mut value = live.to_value();
    set_at(&mut value, &pointer, replicas);
    call.client.through("scale");
    let stored = writing::update(call, live, value, dry)?;
    let now = scale_of(call.client.live(), &stored).unwrap_or_default();
    let same = if now == scale { " (no change)" } else { "" };
    match call.args.output().map(str::to_string).as_deref() {
        None => {
            call.say(format!("{SCALE}/{} patched{same}{}", live.name(), dry.suffix()));
            Ok(())
        }
        Some("name") => {
            call.say(format!("{SCALE}/{}", live.name()));
            Ok(())
        }
        Some(format) => {
            let text = shaped_in(call, format, &[now], true, WRITE)?;
            call.output.stdout.push_str(&text);
            Ok(())
        }
    }
}

/// An object's JSON with a patch applied.
fn merged(kind: Kind, current: &Value, type_: &str, patch: &Value) -> Result<Value, Failure> {
    let patched = match type_ {
        "json" => json_patch::apply(current, patch),
        _ if !patch.is_object() => Err(unmarshalled(type_, patch)),
        "merge" => {
            let mut patched = current.clone();
            json_merge(&mut patched, patch);
            Ok(patched)
        }
        _ => strategic::apply(kind, current, patch),
    };
    // The server keeps to itself why a list of operations does not apply.
    patched.map_err(|why| match type_ == "json" && patch.is_array() {
        true => Failure::message(REJECTED),
        false => Failure::from(Status::bad_request(why)),
    })
}

/// What the server makes of a patch that is no map.
fn unmarshalled(type_: &str, patch: &Value) -> String {
    let what = match patch {
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    let decoding = if type_ == "merge" { "error decoding patch: " } else { "" };
    format!("{decoding}json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")
}

/// Sends a patch.
///
/// # Errors
/// The server's.
pub fn patched(
    call: &mut Call<'_, '_>,
    live: &Object,
    type_: &str,
    patch: &Value,
    strictness: Strictness,
) -> Result<Arc<Object>, Failure> {
    sent(call, live, type_, patch, strictness, DryRun::No)
}

/// The same, as far as a dry run lets it.
fn sent(
    call: &mut Call<'_, '_>,
    live: &Object,
    type_: &str,
    patch: &Value,
    strictness: Strictness,
    dry: DryRun,
) -> Result<Arc<Object>, Failure> {
    if let Some(part) = call.args.value("subresource").filter(|part| !part.is_empty())
        && !has(call.client.live(), live.kind(), part)
    {
        return Err(Failure::from(Status::no_such_resource()));
    }
    let kind = live.kind();
    let current = live.to_value();
    if type_ == "strategic" && kind.is_custom() {
        return Err(Failure::from(Status::unsupported_patch()));
    }
    let patched = merged(kind, &current, type_, patch)?;
    if let Some(type_) = schema::kind(&kind.api_version(), kind.name()) {
        for found in schema::inspect(type_, &patched) {
            let unknown = found.kind == schema::FindingKind::UnknownField;
            if unknown && strictness == Strictness::Strict {
                let why = format!("strict decoding error: unknown field \"{}\"", found.path);
                let error = FieldError::invalid(&Path::new("patch"), format!("{:?}", go_map(patch)), &why);
                return Err(Failure::from(Status::invalid(kind, live.name(), vec![error])));
            }
            if unknown {
                call.warn(format!("Warning: unknown field \"{}\"", found.path));
            }
        }
        schema::decode(type_, &patched).map_err(|error| {
            Failure::from(Status::bad_request(error.status_message(&kind.api_version(), kind.name())))
        })?;
    }
    let mut warnings = Vec::new();
    if kind.is_custom() {
        call.client.server().decode(kind, &patched, FieldValidation::Warn, &mut warnings)?;
    }
    warnings.into_iter().for_each(|warning| call.warn(format!("Warning: {warning}")));
    let mut object =
        Object::from_value(kind, patched).map_err(|error| Failure::message(error.to_string()))?;
    for (part, new, old) in
        [("name", object.name(), live.name()), ("namespace", object.namespace(), live.namespace())]
    {
        if new != old {
            let why =
                format!("the {part} of the object ({new}) does not match the {part} on the URL ({old})");
            return Err(Failure::from(Status::bad_request(why)));
        }
    }
    // A version that the patch names has to be the one that there is.
    if object.revision() == live.revision() {
        object.set_revision(0);
    }
    if dry == DryRun::Server {
        return Ok(Arc::new(call.client.dry_run_update(object)?));
    }
    Ok(match call.args.value("subresource").filter(|part| !part.is_empty()) {
        Some("resize") => call.client.resize(&object)?,
        Some(_) => call.client.update_object_status(object)?,
        None => call.client.update_object(object)?,
    })
}

/// What kubectl makes of an answer that is invalid and names no object.
const REJECTED: &str =
    "The request is invalid: the server rejected our request due to an error in our request";

/// A value as Go prints a map: `map[spec:map[replicas:3]]`.
fn go_map(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}:{}", go_map(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}
