//! `label` and `annotate`.

use serde_json::Value;

use super::get::select;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE, done, update};
use crate::api::meta::StringMap;
use crate::api::{MetaExt, Object, Status};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    switch("overwrite", "replace values that are there"),
    switch("all", "every object of the kind"),
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("list", "show what there is"),
    switch("local", "change what the manifests say and print it, without asking the server"),
    switch("record", "has no effect any more"),
    value("selector", "only objects with these labels").short('l'),
    value("field-selector", "only objects with these fields"),
    value("filename", "the manifests of the objects").short('f'),
    value("resource-version", "only if this is the version now"),
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
];

/// What the two verbs differ in.
struct Meta {
    /// `label`, `annotation`: what one is called.
    one: &'static str,
    /// The field of the metadata.
    field: &'static str,
    read: fn(&Object) -> StringMap,
    /// What is said of an object that was changed.
    done: fn(changed: bool, added: bool) -> &'static str,
    clash: fn(key: &str, value: &str) -> String,
}

const LABELS: Meta = Meta {
    one: "label",
    field: "labels",
    read: |object| object.labels().clone(),
    done: |changed, added| match (changed, added) {
        (false, _) => "not labeled",
        (true, true) => "labeled",
        (true, false) => "unlabeled",
    },
    clash: |key, value| format!("'{key}' already has a value ({value}), and --overwrite is false"),
};

const ANNOTATIONS: Meta = Meta {
    one: "annotation",
    field: "annotations",
    read: |object| object.annotations().clone(),
    done: |_, _| "annotated",
    clash: |key, value| {
        format!(
            "--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({value})"
        )
    },
};

/// See the module.
pub const LABEL: Verb = Verb {
    path: "label",
    help: "Update the labels on a resource",
    flags: FLAGS,
    run: |call| run(call, &LABELS),
};
/// See the module.
pub const ANNOTATE: Verb = Verb {
    path: "annotate",
    help: "Update the annotations on a resource",
    flags: FLAGS,
    run: |call| run(call, &ANNOTATIONS),
};

fn run(call: &mut Call<'_, '_>, meta: &Meta) -> Result<(), Failure> {
    let is_change = |word: &String| word.contains('=') || (word.ends_with('-') && word.len() > 1);
    let (changes, names): (Vec<String>, Vec<String>) = call.args.words.iter().cloned().partition(is_change);
    call.args.words = names;
    let one = meta.one;
    if call.args.words.is_empty() && !call.args.has("filename") {
        return Err(Failure::message(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if changes.is_empty() && !call.args.on("list") {
        return Err(Failure::message(format!("at least one {one} update is required")));
    }
    for key in changes.iter().filter_map(|change| change.strip_suffix('-')).filter(|key| !key.contains('=')) {
        if changes.iter().any(|change| change.split_once('=').is_some_and(|(other, _)| other == key)) {
            return Err(Failure::message(format!(
                "can not both modify and remove {} in the same command",
                article(one)
            )));
        }
    }
    let dry = DryRun::of(call)?;
    let (objects, mut failures) = select(call)?;
    for object in objects {
        let changed = match call.args.on("list") && changes.is_empty() {
            true => list(call, &object, meta),
            false => change(call, &object, &changes, meta, dry),
        };
        failures.extend(changed.err());
    }
    Failure::collect(failures)
}

fn article(one: &str) -> String {
    if one == "annotation" { format!("an {one}") } else { format!("a {one}") }
}

fn list(call: &mut Call<'_, '_>, object: &Object, meta: &Meta) -> Result<(), Failure> {
    call.say(format!("Listing {}s for {}/{}:", meta.one, object.kind().name(), object.name()));
    (meta.read)(object).iter().for_each(|(key, value)| call.say(format!("  {key}={value}")));
    Ok(())
}

fn change(
    call: &mut Call<'_, '_>,
    live: &Object,
    changes: &[String],
    meta: &Meta,
    dry: DryRun,
) -> Result<(), Failure> {
    let before = (meta.read)(live);
    let mut map = before.clone();
    let mut added = false;
    for change in changes {
        match change.split_once('=') {
            Some((key, value)) => {
                let clash = map.get(key).filter(|old| *old != value && !call.args.on("overwrite"));
                if let Some(old) = clash {
                    return Err(Failure::message((meta.clash)(key, old)));
                }
                map.insert(key.into(), value.into());
                added = true;
            }
            None => {
                let key = change.trim_end_matches('-');
                if map.remove(key).is_none() && meta.one == "label" {
                    call.say(format!("label \"{key}\" not found."));
                }
            }
        }
    }
    let changed = map != before;
    let mut value = live.to_value();
    if call.args.value("resource-version").is_some_and(|version| version != live.revision().to_string()) {
        return Err(Status::modified(&live.key()).into());
    }
    let entries = map.into_iter().map(|(key, value)| (key, Value::String(value)));
    value["metadata"][meta.field] = Value::Object(entries.collect());
    let dry = if call.args.on("local") { DryRun::Client } else { dry };
    let stored = update(call, live, value, dry)?;
    done(call, &stored, (meta.done)(changed, added), dry)
}
