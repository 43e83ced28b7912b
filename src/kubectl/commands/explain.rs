//! `explain`: the fields of a kind, from the table of what every field may be, or from the schema of its definition.

mod custom;
mod words;

use crate::api::schema::{self, Type, TypeId};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::resource_names::kind;
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    switch("recursive", "the fields of fields too"),
    value("api-version", "the version to explain"),
    value("output", "plaintext, or plaintext-openapiv2, which reads the same here"),
];
/// Fields within fields are followed so far; a JSON schema contains itself.
const DEPTH_MAX: usize = 12;
/// Values that a list of fields names; the page of the field itself names all.
const VALUES_MAX: usize = 4;
/// Columns of a description with its margin.
const WIDTH: usize = 80;

/// See the module.
pub const EXPLAIN: Verb =
    Verb { path: "explain", help: "Get documentation for a resource", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let [word] = call.args.words.as_slice() else {
        return Err(Failure::message(match call.args.words.len() {
            0 => {
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported \
                  resources.\n"
            }
            _ => "We accept only this format: explain RESOURCE\n",
        }));
    };
    let format = call.args.value("output").unwrap_or("plaintext");
    if !["plaintext", "plaintext-openapiv2"].contains(&format) {
        return Err(Failure::message(format!("unrecognized format: {format}")));
    }
    let (resource, path) = word.split_once('.').unwrap_or((word, ""));
    // `deployments.apps` is a kind, `deployments.spec` a field of one.
    let view = call.client.live();
    let (kind, path) = match kind(view, word) {
        Ok(kind) => (kind, ""),
        Err(_) => (kind(view, resource)?, path),
    };
    if let Some(definition) = view.definition(kind) {
        let asked = call.args.value("api-version");
        let version = asked.map_or_else(|| definition.preferred(), |asked| definition.version(asked));
        let version = version.ok_or_else(|| {
            let asked = asked.unwrap_or_default();
            Failure::message(format!("couldn't find resource for \"{asked}, Kind={}\"", kind.name()))
        })?;
        let text = custom::explain(kind, &version, path, call.args.on("recursive"))?;
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    let info = kind.info();
    let asked = call.args.value("api-version").map(String::from);
    let version = asked.unwrap_or_else(|| kind.api_version());
    if version.matches('/').count() > 1 {
        return Err(Failure::message(format!("unexpected GroupVersion string: {version}")));
    }
    let root = schema::kind(&version, info.kind).ok_or_else(|| {
        let path = if version.contains('/') { version.clone() } else { format!("/{version}") };
        Failure::message(format!("couldn't find resource for \"{path}, Resource={}\"", info.plural))
    })?;
    let mut text = String::new();
    let (group, number) = version.split_once('/').unwrap_or(("", &version));
    if !group.is_empty() {
        text.push_str(&format!("GROUP:      {group}\n"));
    }
    text.push_str(&format!("KIND:       {}\nVERSION:    {number}\n\n", info.kind));
    let mut owner = Some(root);
    let mut said: Vec<&str> = Vec::new();
    let names: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
    if let Some((last, _)) = names.split_last() {
        let field = schema::describe(root, path);
        let field = field
            .ok_or_else(|| Failure::message(format!("field \"{}\" does not exist", missing(root, &names))))?;
        text.push_str(&format!("FIELD: {last} <{}>\n", field.ty.explain()));
        owner = field.ty.object();
        text.push_str(&format!("{}\n", enum_lines(&enumeration(&field.ty))));
        let holder = names.len() - 1;
        let holder = match schema::describe(root, &names[..holder].join(".")) {
            Some(field) => field.ty.object(),
            None => Some(root),
        };
        said.extend(holder.and_then(|holder| words::of_field(holder, last)));
    }
    said.extend(owner.and_then(words::of_type));
    said.dedup();
    text.push_str(&description(&said.join("\n")));
    if let Some(owner) = owner {
        text.push_str("FIELDS:\n");
        fields(&mut text, owner, 1, call.args.on("recursive"));
    }
    text.push('\n');
    call.output.stdout.push_str(&text);
    Ok(())
}

/// The first name of a path that there is no field for.
fn missing<'n>(root: TypeId, names: &[&'n str]) -> &'n str {
    let known = |count: &usize| schema::describe(root, &names[..*count].join(".")).is_none();
    let first = (1..=names.len()).find(known).unwrap_or(names.len());
    names[first - 1]
}

fn enumeration(ty: &Type) -> Vec<&'static str> {
    match ty {
        Type::Bool => Vec::new(),
        ty => ty.values(),
    }
}

fn enum_lines(values: &[&str]) -> String {
    if values.is_empty() {
        return String::new();
    }
    format!("ENUM:\n    {}\n", values.iter().map(|value| shown(value)).collect::<Vec<_>>().join("\n    "))
}

/// A value of an enumeration, which may be empty.
fn shown(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

/// The line of values in a list of fields: the first few.
fn enum_line(indent: &str, values: &[&str]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let more = if values.len() > VALUES_MAX { ", ...." } else { "" };
    let first: Vec<&str> = values.iter().take(VALUES_MAX).map(|value| shown(value)).collect();
    format!("{indent}enum: {}{more}\n", first.join(", "))
}

/// The section that begins with `DESCRIPTION:`. What is said ends with a line of its own.
fn description(text: &str) -> String {
    let end = if text.is_empty() { "" } else { "    \n" };
    format!("DESCRIPTION:\n{}{end}", wrapped(text, 4, "<empty>"))
}

/// A text in lines of a readable length, behind a margin.
fn wrapped(text: &str, indent: usize, otherwise: &str) -> String {
    let margin = " ".repeat(indent);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.len() + word.len() + 1 > WIDTH - indent {
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

fn fields(text: &mut String, owner: TypeId, level: usize, recursive: bool) {
    let indent = "  ".repeat(level);
    for field in owner.fields() {
        // Every object has metadata, and no schema says so.
        let required = if field.required && field.name != "metadata" { " -required-" } else { "" };
        text.push_str(&format!("{indent}{}\t<{}>{required}\n", field.name, field.ty.explain()));
        text.push_str(&enum_line(&indent, &enumeration(&field.ty)));
        if !recursive {
            let said = words::of_field(owner, field.name).unwrap_or_default();
            text.push_str(&wrapped(said, 2 * level + 2, "<no description>"));
            text.push('\n');
        } else if let Some(inner) = field.ty.object().filter(|_| level < DEPTH_MAX) {
            fields(text, inner, level + 1, true);
        }
    }
}
