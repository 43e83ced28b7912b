//! `patch`.

use std::sync::Arc;

use serde_json::Value;

use super::get::select_by_name;
use crate::api::field_error::{FieldError, Path};
use crate::api::manifest::{self, Limits};
use crate::api::patch::{json_merge, json_patch, strategic};
use crate::api::{MetaExt, Object, Status, schema};
use crate::client::FieldValidation;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("patch", "the change, as JSON or YAML").short('p'),
    value("patch-file", "a file that holds it"),
    value("type", "json, merge or strategic"),
    value("subresource", "status or resize: the part that is changed"),
];

/// See the module.
pub const PATCH: Verb = Verb { path: "patch", help: "Update fields of an object", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let type_ = call.args.value("type").unwrap_or("strategic").to_string();
    if !["json", "merge", "strategic"].contains(&type_.as_str()) {
        return Err(Failure::message(format!("--type must be one of [json merge strategic], not {type_:?}")));
    }
    if let Some(other) = call.args.value("subresource").filter(|part| !["status", "resize"].contains(part)) {
        return Err(Failure::message(format!("kubeviz does not offer \"--subresource {other}\" yet")));
    }
    let patch = read(call)?;
    let (objects, mut failures) = select_by_name(call)?;
    for object in objects {
        if let Err(failure) = change(call, &object, &type_, &patch) {
            failures.push(failure);
        }
    }
    Failure::collect(failures)
}

fn read(call: &Call<'_, '_>) -> Result<Value, Failure> {
    let text = match (call.args.value("patch"), call.args.value("patch-file")) {
        (Some(_), Some(_)) => {
            return Err(Failure::message("cannot specify --patch and --patch-file together"));
        }
        (Some(text), None) => text,
        (None, Some(path)) => call.invocation.files.get(path).map(String::as_str).ok_or_else(|| {
            Failure::message(format!("unable to read patch file: open {path}: no such file or directory"))
        })?,
        (None, None) => {
            return Err(Failure::message(
                "must specify --patch or --patch-file containing the contents of the patch",
            ));
        }
    };
    let stream = manifest::parse(text, &Limits::default());
    match (stream.documents.first(), stream.errors.first()) {
        (_, Some(error)) => Err(Failure::message(format!("unable to parse {text:?}: {}", error.message))),
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

fn change(call: &mut Call<'_, '_>, live: &Object, type_: &str, patch: &Value) -> Result<(), Failure> {
    let stored = patched(call, live, type_, patch, Strictness::Warn)?;
    let same = if *stored == *live { " (no change)" } else { "" };
    call.say(format!("{}/{} patched{same}", live.kind().group_singular(), live.name()));
    Ok(())
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
    let kind = live.kind();
    let current = live.to_value();
    if type_ == "strategic" && kind.is_custom() {
        return Err(Failure::from(Status::unsupported_patch()));
    }
    let patched = match type_ {
        "json" => json_patch::apply(&current, patch),
        "merge" => {
            let mut patched = current.clone();
            json_merge(&mut patched, patch);
            Ok(patched)
        }
        _ => strategic::apply(kind, &current, patch),
    };
    // The server keeps to itself why a list of operations does not apply.
    let patched = patched.map_err(|why| match type_ == "json" && patch.is_array() {
        true => Failure::message(REJECTED),
        false => Failure::from(Status::bad_request(why)),
    })?;
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
    object.set_revision(0);
    Ok(match call.args.value("subresource") {
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
