//! `get`: objects as tables, YAML, JSON, names or whatever a template makes of them.

pub(in crate::kubectl) mod rows;
mod select;
mod sort;
mod subresource;
mod tables;
pub(in crate::kubectl) mod watch;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{MetaExt, Object};
use crate::kubectl::commands::writing::{FILENAME, TEMPLATE};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::format::{self, Printing};
use crate::kubectl::print::go_order;
use crate::kubectl::print::served;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

pub use select::{
    names_beside_selector, refuse_words_beside_files, select, select_by_name, warn_of_deprecated,
};

const FLAGS: &[Flag] = &[
    value("output", "wide, yaml, json, name, jsonpath=…, go-template=… or custom-columns=…").short('o'),
    value("selector", "only objects with these labels").short('l'),
    value("field-selector", "only objects with these fields"),
    FILENAME,
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("no-headers", "leave the headings out"),
    switch("show-labels", "add a column with the labels"),
    switch("show-kind", "name the kind with each object"),
    value("label-columns", "add a column for each of these labels").short('L'),
    switch("ignore-not-found", "say nothing of objects that are not there"),
    value("sort-by", "sort by a field, as a JSONPath"),
    TEMPLATE,
    switch("watch", "go on and show what changes").short('w'),
    switch("watch-only", "show only what changes"),
    switch("output-watch-events", "say what happened to each object"),
    switch("server-print", "the columns of the server; otherwise name and age"),
    value("chunk-size", "has no effect here"),
    value("raw", "a path of the API"),
    value("subresource", "status, scale or resize: the part of the object"),
];

/// See the module.
pub const GET: Verb = Verb { path: "get", help: "Display one or many resources", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.value("raw").is_some_and(|path| !path.is_empty()) {
        return super::raw::get(call);
    }
    call.args.number("chunk-size")?;
    refuse(call)?;
    warn_of_deprecated(call)?;
    if call.args.on("watch") || call.args.on("watch-only") {
        return watch::start(call);
    }
    let part = call.args.value("subresource").unwrap_or_default().to_string();
    if !part.is_empty() {
        return subresource::get(call, &part);
    }
    let (objects, mut failures) = select(call)?;
    if call.args.on("ignore-not-found") {
        failures.retain(|failure| !failure.is_not_found());
    }
    match call.args.output().map(str::to_string).as_deref() {
        None | Some("wide") => tables::print(call, &objects, failures.is_empty())?,
        Some(format) => print(call, format, objects, &failures)?,
    }
    Failure::collect(failures)
}

/// What is refused before the server is asked anything.
fn refuse(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let watched = ["watch", "watch-only"].into_iter().find(|flag| call.args.on(flag));
    let sorted = call.args.value("sort-by").is_some_and(|path| !path.is_empty());
    match watched {
        Some("watch") if sorted => {
            call.warn("warning: --watch requested, --sort-by will be ignored for watch events received");
        }
        Some(_) if sorted => call.warn("warning: --watch-only requested, --sort-by will be ignored"),
        None if call.args.words.is_empty() && !call.args.has_files() => {
            call.warn(
                "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported \
                 resources.\n",
            );
            return Err(Failure::misuse(
                "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that \
                 resource (e.g. kubectl explain pods).",
            ));
        }
        _ => {}
    }
    if let Some(format) = call.args.value("output").filter(|format| !["", "wide"].contains(format))
        && call.args.on("show-labels")
    {
        return Err(Failure::message(format!("--show-labels option cannot be used with {format} printer")));
    }
    if call.args.on("output-watch-events") && watched.is_none() {
        return Err(Failure::message(
            "--output-watch-events option can only be used with --watch or --watch-only",
        ));
    }
    Ok(())
}

/// Prints objects in a format that says itself what to print. One object that was asked for by name is printed as itself,
/// all others as a list, an empty one too, but for names that are missing and may be.
fn print(
    call: &mut Call<'_, '_>,
    format: &str,
    mut objects: Vec<Arc<Object>>,
    failures: &[Failure],
) -> Result<(), Failure> {
    let one = asked_for_one(call);
    let missing =
        matches!(named(call.client.live(), &call.args.words), Ok(Named::Objects(_))) || call.args.has_files();
    if objects.is_empty() && (one && !failures.is_empty() || missing && call.args.on("ignore-not-found")) {
        return Ok(());
    }
    let single = one && objects.len() == 1;
    if let Some(path) = call.args.value("sort-by").filter(|path| !path.is_empty() && !single) {
        sort::sort(&mut objects, path)?;
    }
    if format == "name" {
        objects.iter().for_each(|object| call.say(name_of(object)));
        return Ok(());
    }
    let mut items: Vec<Value> = objects.iter().map(|object| served(object)).collect();
    if call.args.on("show-managed-fields") {
        let managers = call.client.server().managers(objects.iter().map(|object| object.key()));
        for (item, object) in items.iter_mut().zip(&objects) {
            let own = managers.get(&object.key()).map(crate::api::managed::Managers::to_value);
            item["metadata"]["managedFields"] = own.unwrap_or_default();
        }
    }
    let text = shaped(call, format, &items, single)?;
    call.output.stdout.push_str(&text);
    Ok(())
}

fn asked_for_one(call: &Call<'_, '_>) -> bool {
    call.args.has_files()
        || matches!(named(call.client.live(), &call.args.words), Ok(Named::Objects(objects)) if objects.len() == 1)
}

/// `pod/web`.
pub fn name_of(object: &Object) -> String {
    format!("{}/{}", object.kind().group_singular(), object.name())
}

/// Objects in a format that says itself what to print: one as itself, several as a `List`.
///
/// # Errors
/// As [`Printing::text`].
pub fn shaped(call: &Call<'_, '_>, format: &str, items: &[Value], single: bool) -> Result<String, Failure> {
    shaped_in(call, format, items, single, format::READ)
}

/// As [`shaped`], for a verb that offers these formats.
///
/// # Errors
/// As [`Printing::text`].
pub fn shaped_in(
    call: &Call<'_, '_>,
    format: &str,
    items: &[Value],
    single: bool,
    allowed: &'static str,
) -> Result<String, Failure> {
    let list;
    let value = match items {
        [only] if single => only,
        _ => {
            let metadata = json!({"resourceVersion": ""});
            list = json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": metadata});
            &list
        }
    };
    let printing = Printing {
        format,
        template: call.args.value("template"),
        value,
        items,
        headings: !call.args.on("no-headers"),
        missing_allowed: call.args.switch("allow-missing-template-keys", true),
        files: &call.invocation.files,
        allowed,
    };
    printing.text().map_err(Failure::message)
}

/// An object of one of kubectl's own types: in JSON its fields stand in the order of Go's.
///
/// # Errors
/// As [`Printing::text`].
pub fn shaped_own(
    call: &Call<'_, '_>,
    format: &str,
    object: Value,
    allowed: &'static str,
) -> Result<String, Failure> {
    if format == "json" {
        return Ok(go_order::indented(&object) + "\n");
    }
    shaped_in(call, format, &[object], true, allowed)
}
