//! `get`: objects as tables, YAML, JSON, names or whatever a template makes of them.

mod raw;
mod rows;
mod select;
pub(in crate::kubectl) mod watch;

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::quantity::{self, Parsed};
use crate::api::sorting;
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::format::{self, Printing};
use crate::kubectl::print::jsonpath::{self, Path};
use crate::kubectl::print::served;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

pub use rows::Layout;
pub use select::{names_beside_selector, select, select_by_name, warn_of_deprecated};

const FLAGS: &[Flag] = &[
    value("output", "wide, yaml, json, name, jsonpath=…, go-template=… or custom-columns=…").short('o'),
    value("selector", "only objects with these labels").short('l'),
    value("field-selector", "only objects with these fields"),
    value("filename", "the manifests of the objects").short('f'),
    value("kustomize", "the directory of a kustomization").short('k'),
    switch("recursive", "has no effect here").short('R'),
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("no-headers", "leave the headings out"),
    switch("show-labels", "add a column with the labels"),
    switch("show-kind", "name the kind with each object"),
    switch("show-managed-fields", "keep them in YAML and JSON"),
    value("label-columns", "add a column for each of these labels").short('L'),
    switch("ignore-not-found", "say nothing of objects that are not there"),
    value("sort-by", "sort by a field, as a JSONPath"),
    value("template", "the template, where -o does not bring it"),
    switch("watch", "go on and show what changes").short('w'),
    switch("watch-only", "show only what changes"),
    switch("output-watch-events", "say what happened to each object"),
    switch("server-print", "has no effect here"),
    switch("allow-missing-template-keys", "has no effect here"),
    value("chunk-size", "has no effect here"),
    value("raw", "a path of the API"),
    value("subresource", "status or scale"),
];

/// See the module.
pub const GET: Verb = Verb { path: "get", help: "Display one or many resources", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.has("raw") {
        return raw::get(call);
    }
    if call.args.words.is_empty() && !call.args.has_files() {
        call.warn(
            "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported \
             resources.\n",
        );
        return Err(Failure::message(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource \
             (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples",
        ));
    }
    warn_of_deprecated(call)?;
    if call.args.on("watch") || call.args.on("watch-only") {
        return watch::start(call);
    }
    let by_name = call.args.has_files()
        || matches!(named(call.client.live(), &call.args.words.clone())?, Named::Objects(_));
    let (mut objects, mut failures) = select(call)?;
    if call.args.on("ignore-not-found") {
        failures.clear();
    }
    if let Some(path) = call.args.value("sort-by") {
        sort(&mut objects, path)?;
    }
    // One object that was asked for by name is printed as itself, all others as a list.
    let single = by_name && objects.len() == 1 && failures.is_empty() && asked_for_one(call);
    match call.args.value("output").map(str::to_string).as_deref() {
        None | Some("wide" | "") => tables(call, &objects, by_name, failures.is_empty()),
        Some("name") => objects.iter().for_each(|object| call.say(name_of(object))),
        Some(format) if single || !objects.is_empty() || failures.is_empty() => {
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
        }
        Some(_) => {}
    }
    Failure::collect(failures)
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
        files: &call.invocation.files,
        allowed,
    };
    printing.text().map_err(Failure::message)
}

/// Sorts by a field; objects without it come first.
fn sort(objects: &mut [Arc<Object>], text: &str) -> Result<(), Failure> {
    let path = Path::parse(text).map_err(Failure::message)?;
    let mut keyed: Vec<(Option<Key>, Arc<Object>)> =
        objects.iter().map(|object| (key(&object.to_value(), &path), object.clone())).collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        let bare = text.trim_start_matches('{').trim_end_matches('}');
        return Err(Failure::message(format!(
            "couldn't find any field with path \"{{{bare}}}\" in the list of objects"
        )));
    }
    // Texts that are all quantities are sorted as such.
    let amounts = keyed.iter().all(|(key, _)| key.as_ref().is_none_or(|key| key.amount().is_some()));
    sorting::sort_by(&mut keyed, |(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if amounts => a.amount().cmp(&b.amount()),
        (Some(a), Some(b)) => a.compare(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    keyed.into_iter().zip(objects).for_each(|((_, sorted), place)| *place = sorted);
    Ok(())
}

/// What a field sorts by.
enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    fn amount(&self) -> Option<Parsed> {
        match self {
            Key::Number(_) => None,
            Key::Text(text) => quantity::parse(text),
        }
    }

    /// Numbers by their size, texts by that of the numbers in them.
    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => a.cmp(b),
            (Key::Text(a), Key::Text(b)) => sorting::natural(a, b),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }
}

fn key(value: &Value, path: &Path) -> Option<Key> {
    Some(match path.first(value)? {
        Value::Number(number) => Key::Number(number.as_i64().unwrap_or(0)),
        other => Key::Text(jsonpath::text(other)),
    })
}

fn tables(call: &mut Call<'_, '_>, objects: &[Arc<Object>], by_name: bool, complete: bool) {
    if objects.is_empty() {
        if complete && !(by_name && call.args.on("ignore-not-found")) {
            let words = call.args.words.clone();
            let cluster = matches!(named(call.client.live(), &words), Ok(Named::Kinds(kinds)) if kinds.iter().all(|k| !k.info().namespaced));
            call.warn(match call.args.on("all-namespaces") || cluster {
                true => "No resources found".to_string(),
                false => format!("No resources found in {} namespace.", call.namespace),
            });
        }
        return;
    }
    let mut kinds: Vec<Kind> = Vec::new();
    objects.iter().map(|object| object.kind()).for_each(|kind| {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    });
    let several = kinds.len() > 1
        || matches!(named(call.client.live(), &call.args.words), Ok(Named::Kinds(named)) if named.len() > 1);
    let layout = Layout::of(call, several);
    for (index, kind) in kinds.iter().enumerate() {
        if index > 0 {
            call.say("");
        }
        let of_kind: Vec<&Object> =
            objects.iter().filter(|object| object.kind() == *kind).map(|object| &**object).collect();
        let text = layout.table(*kind, &of_kind, call.client.live(), call.client.now());
        call.output.stdout.push_str(&text);
    }
}
