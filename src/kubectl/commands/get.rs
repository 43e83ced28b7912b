//! `get`: objects as tables, YAML, JSON or names.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::manifest::to_yaml;
use crate::api::selector::{Selector, format_labels};
use crate::api::sorting;
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::columns_of;
use crate::kubectl::print::custom_columns::custom_columns;
use crate::kubectl::print::json::go_json_indented;
use crate::kubectl::print::jsonpath::{self, Path, Template};
use crate::kubectl::print::table::Table;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("output", "wide, yaml, json, name, jsonpath=… or custom-columns=…").short('o'),
    value("selector", "only objects with these labels").short('l'),
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("no-headers", "leave the headings out"),
    switch("show-labels", "add a column with the labels"),
    switch("ignore-not-found", "say nothing of objects that are not there"),
    value("sort-by", "sort by a field, as a JSONPath"),
];

/// See the module.
pub const GET: Verb = Verb { path: "get", help: "Display one or many objects", flags: FLAGS, run };

/// The objects that a command names, or that its selector selects.
///
/// # Errors
/// What cannot be found or understood. Objects that could be found are returned along with the failures.
pub fn select(call: &mut Call<'_, '_>) -> Result<(Vec<Arc<Object>>, Vec<Failure>), Failure> {
    let named = named(&call.args.words.clone())?;
    let selector = call.args.value("selector").map(Selector::parse).transpose().map_err(Failure::message)?;
    let all = call.args.on("all-namespaces");
    match named {
        Named::Kinds(kinds) => {
            let mut found = Vec::new();
            for kind in kinds {
                let namespace = (kind.info().namespaced && !all).then_some(call.namespace.as_str());
                let selected = call.client.live().objects(kind, namespace);
                found.extend(
                    selected.filter(|o| selector.as_ref().is_none_or(|s| s.matches(o.labels()))).cloned(),
                );
            }
            Ok((found, Vec::new()))
        }
        Named::Objects(objects) => {
            let (mut found, mut failures) = (Vec::new(), Vec::new());
            for (kind, name) in objects {
                match call.client.get(&call.key(kind, &name)) {
                    Ok(object) => found.push(object),
                    Err(status) => failures.push(Failure::from(status)),
                }
            }
            Ok((found, failures))
        }
    }
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.words.is_empty() {
        return Err(Failure::message(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource \
             (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples",
        ));
    }
    let named = named(&call.args.words.clone())?;
    let asked = |kind: Kind| match &named {
        Named::Kinds(kinds) => kinds.contains(&kind),
        Named::Objects(objects) => objects.iter().any(|(of, _)| *of == kind),
    };
    if asked(Kind::ENDPOINTS) {
        // The server's, with every answer about this kind.
        call.warn("Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    }
    let by_name = matches!(named, Named::Objects(_));
    let (mut objects, mut failures) = select(call)?;
    if call.args.on("ignore-not-found") {
        failures.clear();
    }
    if let Some(path) = call.args.value("sort-by") {
        let path = Path::parse(path).map_err(Failure::message)?;
        sorting::sort_by_key(&mut objects, |object| field(&object.to_value(), &path));
    }
    let single = by_name && objects.len() == 1 && failures.is_empty();
    match call.args.value("output").map(str::to_string).as_deref() {
        None | Some("wide") => tables(call, &objects, by_name && failures.is_empty()),
        Some("yaml") => {
            let text = to_yaml(&list(&objects, single));
            call.output.stdout.push_str(&text);
        }
        Some("json") => {
            let text = go_json_indented(&list(&objects, single));
            call.say(text);
        }
        Some("name") => {
            for object in &objects {
                call.say(format!("{}/{}", object.kind().group_singular(), object.name()));
            }
        }
        Some(format) => shaped(call, format, &objects, single)?,
    }
    Failure::collect(failures)
}

/// The formats that say themselves what to print.
fn shaped(
    call: &mut Call<'_, '_>,
    format: &str,
    objects: &[Arc<Object>],
    single: bool,
) -> Result<(), Failure> {
    match format.split_once('=') {
        Some(("jsonpath", template)) => {
            let template = Template::parse(template)
                .map_err(|why| Failure::message(format!("error parsing jsonpath {template}, {why}")))?;
            call.output.stdout.push_str(&template.fill(&list(objects, single)));
        }
        Some(("custom-columns", spec)) => {
            let objects: Vec<Value> = objects.iter().map(|object| object.to_value()).collect();
            let headings = !call.args.on("no-headers");
            let text = custom_columns(spec, &objects, headings).map_err(Failure::message)?;
            call.output.stdout.push_str(&text);
        }
        _ => {
            return Err(Failure::message(format!(
                "unable to match a printer suitable for the output format \"{format}\", allowed formats here are: \
                 custom-columns,json,jsonpath,name,wide,yaml"
            )));
        }
    }
    Ok(())
}

/// A field's value as text to sort by; numbers sort as numbers.
fn field(value: &Value, path: &Path) -> (i64, String) {
    match path.find(value).first() {
        Some(Value::Number(number)) => (number.as_i64().unwrap_or(0), String::new()),
        found => (0, found.map(|found| jsonpath::text(found)).unwrap_or_default()),
    }
}

/// One object as itself, several as a `List`.
fn list(objects: &[Arc<Object>], single: bool) -> Value {
    let mut items: Vec<Value> = objects.iter().map(|object| object.to_value()).collect();
    if single {
        return items.remove(0);
    }
    json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

fn tables(call: &mut Call<'_, '_>, objects: &[Arc<Object>], by_name: bool) {
    if objects.is_empty() {
        if !by_name && !call.args.words.iter().any(|word| word.contains('/')) && call.args.words.len() == 1 {
            let text = if call.args.on("all-namespaces") || only_cluster_kinds(&call.args.words) {
                "No resources found".to_string()
            } else {
                format!("No resources found in {} namespace.", call.namespace)
            };
            call.warn(text);
        }
        return;
    }
    let mut kinds: Vec<Kind> = Vec::new();
    objects.iter().map(|object| object.kind()).for_each(|kind| {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    });
    let words = call.args.words.first().cloned().unwrap_or_default();
    let prefixed = kinds.len() > 1 || words.contains(',') || words == "all";
    for (index, kind) in kinds.iter().enumerate() {
        if index > 0 {
            call.say("");
        }
        let text = table(call, *kind, objects, prefixed);
        call.output.stdout.push_str(&text);
    }
}

fn only_cluster_kinds(words: &[String]) -> bool {
    words.first().and_then(|word| Kind::from_resource_word(word)).is_some_and(|kind| !kind.info().namespaced)
}

fn table(call: &Call<'_, '_>, kind: Kind, objects: &[Arc<Object>], prefixed: bool) -> String {
    let columns = columns_of(kind);
    let wide = call.args.value("output") == Some("wide");
    let namespaced = call.args.on("all-namespaces") && kind.info().namespaced;
    let labels = call.args.on("show-labels");
    let mut headers: Vec<&str> = Vec::new();
    if namespaced {
        headers.push("NAMESPACE");
    }
    headers.extend(columns.headers);
    if wide {
        headers.extend(columns.wide);
    }
    if labels {
        headers.push("LABELS");
    }
    let shown = columns.headers.len() + if wide { columns.wide.len() } else { 0 };
    let mut table = Table::new(&headers);
    let now = call.client.now();
    for object in objects.iter().filter(|object| object.kind() == kind) {
        let mut cells = (columns.cells)(object, now);
        cells.truncate(shown);
        if prefixed && let Some(first) = cells.first_mut().filter(|_| kind != Kind::EVENT) {
            *first = format!("{}/{first}", kind.group_singular());
        }
        if namespaced {
            cells.insert(0, object.namespace().into());
        }
        if labels {
            cells.push(format_labels(object.labels()));
        }
        table.row(cells);
    }
    table.render(!call.args.on("no-headers"))
}
