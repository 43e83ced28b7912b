//! `--overrides`: a patch over what a generator has made. Models `pkg/cmd/util/override_options.go`.

use serde_json::Value;

use crate::api::patch::{json_merge, json_patch, strategic};
use crate::api::{Kind, Object, schema};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};

/// `--overrides`.
pub const OVERRIDES: Flag = value("overrides", "JSON that changes the generated object");
/// `--override-type`.
pub const OVERRIDE_TYPE: Flag = value("override-type", "json, merge or strategic: how it is changed");

/// A generated object, changed as the command's `--overrides` say.
///
/// # Errors
/// If they are no patch of their type, or what they make is no such object.
pub fn overridden(call: &Call<'_, '_>, kind: Kind, mut generated: Value) -> Result<Value, Failure> {
    let Some(text) = call.args.value("overrides").filter(|text| !text.is_empty()) else {
        return Ok(generated);
    };
    generated["apiVersion"] = kind.api_version().into();
    generated["kind"] = kind.name().into();
    let changed = match call.args.value("override-type").filter(|type_| !type_.is_empty()).unwrap_or("merge")
    {
        "merge" => {
            json_merge(&mut generated, &read(text, "Invalid JSON Patch")?);
            Ok(generated)
        }
        "json" => json_patch::apply(&generated, &read(text, "invalid JSON patch")?),
        "strategic" => strategic::apply(kind, &generated, &read(text, "invalid JSON document")?),
        other => Err(format!("invalid override type: {other}")),
    };
    let changed = changed.map_err(Failure::message)?;
    if let Some(type_) = schema::kind(&kind.api_version(), kind.name()) {
        schema::decode(type_, &changed).map_err(|error| Failure::message(error.to_string()))?;
    }
    let object = Object::from_value(kind, changed).map_err(|error| Failure::message(error.to_string()))?;
    Ok(object.to_value())
}

fn read(text: &str, wrong: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::message(wrong))
}
