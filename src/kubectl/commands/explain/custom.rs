//! The fields of a custom kind.

use serde_json::{Map, Value, json};

use super::{enum_line, enum_lines, wrapped};
use crate::api::Kind;
use crate::api::definition::Version;
use crate::kubectl::errors::Failure;

/// What `explain` prints of a kind, or of a field of it.
///
/// # Errors
/// If there is no such field.
pub fn explain(kind: Kind, version: &Version<'_>, path: &str, recursive: bool) -> Result<String, Failure> {
    let (group, name) = (kind.info().group, kind.name());
    let mut text = format!("GROUP:      {group}\nKIND:       {name}\nVERSION:    {}\n\n", version.name());
    let mut schema = with_meta(version.schema());
    let mut last = "";
    for field in path.split('.').filter(|field| !field.is_empty()) {
        let owner = inner(&schema);
        let found = owner["properties"].get(field).cloned();
        schema = found.ok_or_else(|| Failure::message(format!("field \"{field}\" does not exist")))?;
        last = field;
    }
    if !last.is_empty() {
        text.push_str(&format!("FIELD: {last} <{}>\n{}\n", type_of(&schema), enum_lines(&values(&schema))));
    }
    text.push_str(&super::description(said(&schema)));
    let owner = inner(&schema);
    if let Some(fields) = owner["properties"].as_object().filter(|fields| !fields.is_empty()) {
        text.push_str("FIELDS:\n");
        write_fields(&mut text, owner, fields, 1, recursive);
    }
    text.push('\n');
    Ok(text)
}

/// The schema with the fields that every object has.
fn with_meta(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    if let Some(properties) = schema["properties"].as_object_mut() {
        for (name, type_) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "ObjectMeta")] {
            properties.entry(name).or_insert(Value::Null);
            properties[name]["type"] = type_.into();
        }
    }
    schema
}

/// The schema at the bottom of lists and maps.
fn inner(schema: &Value) -> &Value {
    let below =
        [&schema["items"], &schema["additionalProperties"]].into_iter().find(|below| below.is_object());
    below.map_or(schema, inner)
}

fn is_required(owner: &Value, field: &str) -> bool {
    owner["required"].as_array().is_some_and(|required| required.iter().any(|name| name == field))
}

fn type_of(schema: &Value) -> String {
    let below = |name: &str| type_of(&schema[name]);
    match schema["type"].as_str() {
        _ if schema["x-kubernetes-int-or-string"] == true => "IntOrString".into(),
        Some("array") => format!("[]{}", below("items")),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map[string]{}", below("additionalProperties"))
        }
        Some("object") | None => "Object".into(),
        Some(other) => other.into(),
    }
}

fn values(schema: &Value) -> Vec<&str> {
    inner(schema)["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn said(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

fn write_fields(
    text: &mut String,
    owner: &Value,
    fields: &Map<String, Value>,
    level: usize,
    recursive: bool,
) {
    let indent = "  ".repeat(level);
    for (name, field) in fields {
        let required = if is_required(owner, name) { " -required-" } else { "" };
        text.push_str(&format!("{indent}{name}\t<{}>{required}\n", type_of(field)));
        text.push_str(&enum_line(&indent, &values(field)));
        if !recursive {
            text.push_str(&wrapped(said(field), 2 * level + 2, "<no description>"));
            text.push('\n');
        } else if let Some(fields) = inner(field)["properties"].as_object() {
            write_fields(text, inner(field), fields, level + 1, true);
        }
    }
}
