//! The fields of a custom kind.

use serde_json::{Map, Value, json};

use super::enum_lines;
use crate::api::Kind;
use crate::api::definition::Version;
use crate::kubectl::errors::Failure;

/// Columns of a description.
const WIDTH: usize = 76;

/// What `explain` prints of a kind, or of a field of it.
///
/// # Errors
/// If there is no such field.
pub fn explain(kind: Kind, version: &Version<'_>, path: &str, recursive: bool) -> Result<String, Failure> {
    let (group, name) = (kind.info().group, kind.name());
    let mut text = format!("GROUP:      {group}\nKIND:       {name}\nVERSION:    {}\n\n", version.name());
    let mut schema = with_meta(version.schema());
    let mut required = false;
    let mut last = "";
    for field in path.split('.').filter(|field| !field.is_empty()) {
        let owner = inner(&schema);
        required = is_required(owner, field);
        let found = owner["properties"].get(field).cloned();
        schema = found.ok_or_else(|| Failure::message(format!("field \"{field}\" does not exist")))?;
        last = field;
    }
    if !last.is_empty() {
        let required = if required { " -required-" } else { "" };
        text.push_str(&format!(
            "FIELD: {last} <{}>{required}\n{}\n",
            type_of(&schema),
            enum_lines(&values(&schema))
        ));
    }
    text.push_str(&format!("DESCRIPTION:\n{}", description(&schema, 4, "<empty>")));
    let owner = inner(&schema);
    if let Some(fields) = owner["properties"].as_object().filter(|fields| !fields.is_empty()) {
        text.push_str("\nFIELDS:\n");
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

/// A description in lines of a readable length.
fn description(schema: &Value, indent: usize, otherwise: &str) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let margin = " ".repeat(indent);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.len() + word.len() + 1 > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(otherwise.into());
    }
    lines.iter().map(|line| format!("{margin}{line}\n")).collect()
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
        let values = values(field);
        if !values.is_empty() {
            text.push_str(&format!("{indent}enum: {}\n", values.join(", ")));
        }
        if !recursive {
            text.push_str(&description(field, 2 * level + 2, "<no description>"));
            text.push('\n');
        } else if let Some(fields) = inner(field)["properties"].as_object() {
            write_fields(text, inner(field), fields, level + 1, true);
        }
    }
}
