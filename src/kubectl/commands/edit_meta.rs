//! `label` and `annotate`.

use serde_json::Value;

use super::get::select_by_name;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE, done, update};
use crate::api::meta::StringMap;
use crate::api::text::label_value;
use crate::api::{MetaExt, Object, Status};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::json::go_json;
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
    FILENAME,
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
    /// Reads the changes.
    parse: fn(&[String]) -> Result<Vec<Change>, String>,
    /// What is said of an object that was changed: by its text before and afterwards, and whether values may be replaced.
    done: fn(before: &str, after: &str, overwrite: bool) -> &'static str,
    /// What is said where values that are there, as `'key' already has a value (value)`, would be replaced.
    clash: fn(&[String]) -> Failure,
    /// What is said of keys that are set and removed.
    both: fn(&[&str]) -> String,
}

/// A change: a key, and its value if it is set.
type Change = (String, Option<String>);

const LABELS: Meta = Meta {
    one: "label",
    field: "labels",
    read: |object| object.labels().clone(),
    parse: parse_labels,
    done: |before, after, overwrite| match before == after {
        true => "not labeled",
        // kubectl goes by the length of the text.
        false if !overwrite && after.len() < before.len() => "unlabeled",
        false => "labeled",
    },
    clash: |found| {
        let each = |there: &String| Failure::message(format!("{there}, and --overwrite is false"));
        match found {
            [only] => each(only),
            several => Failure::Many(several.iter().map(each).collect()),
        }
    },
    both: |_| "can not both modify and remove a label in the same command".into(),
};

const ANNOTATIONS: Meta = Meta {
    one: "annotation",
    field: "annotations",
    read: |object| object.annotations().clone(),
    parse: parse_annotations,
    done: |_, _, _| "annotated",
    clash: |found| {
        Failure::message(format!(
            "--overwrite is false but found the following declared annotation(s): {}",
            found.join("; ")
        ))
    },
    both: |keys| {
        format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            keys.join(", ")
        )
    },
};

/// This annotation may always be replaced.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

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
    let one = meta.one;
    let changes = take_changes(call, one)?;
    let changes = (meta.parse)(&changes).map_err(Failure::message)?;
    let is_set = |key: &str| changes.iter().any(|(other, value)| other == key && value.is_some());
    let removed = changes.iter().filter(|(_, value)| value.is_none());
    let both: Vec<&str> = removed.map(|(key, _)| key.as_str()).filter(|key| is_set(key)).collect();
    if !both.is_empty() {
        return Err(Failure::message((meta.both)(&both)));
    }
    let (list_only, all) = (call.args.on("list"), call.args.on("all"));
    if list_only && call.args.value("output").is_some_and(|output| !output.is_empty()) {
        return Err(Failure::message("--list and --output may not be specified together"));
    }
    for other in ["selector", "field-selector"] {
        if all && call.args.value(other).is_some_and(|text| !text.is_empty()) {
            return Err(Failure::message(format!("cannot set --all and --{other} at the same time")));
        }
    }
    let dry = DryRun::of(call)?;
    local_only(call, dry)?;
    if changes.is_empty() && !list_only {
        return Err(Failure::message(format!("at least one {one} update is required")));
    }
    let (objects, mut failures) = select_by_name(call)?;
    let single = !all && objects.len() + failures.len() == 1 && is_single(call);
    if !single && call.args.has("resource-version") {
        return Err(Failure::message("--resource-version may only be used with a single resource"));
    }
    for object in objects {
        failures.extend(change(call, &object, &changes, meta, dry, single).err());
    }
    Failure::collect(failures)
}

/// Whether the command names one object by its name or its file.
fn is_single(call: &Call<'_, '_>) -> bool {
    let names = call.args.words.len() == 2 || call.args.words.iter().any(|word| word.contains('/'));
    !call.args.has("selector") && !call.args.has("field-selector") && (names || call.args.has_files())
}

/// Takes the changes from behind the resources (`GetResourcesAndPairs`).
fn take_changes(call: &mut Call<'_, '_>, one: &str) -> Result<Vec<String>, Failure> {
    let is_change =
        |word: &str| word.find('=').is_some_and(|at| at > 0) || (word.ends_with('-') && word != "-");
    let words = std::mem::take(&mut call.args.words);
    let (mut names, mut changes) = (Vec::new(), Vec::new());
    for word in words {
        match is_change(&word) {
            true => changes.push(word),
            false if changes.is_empty() => names.push(word),
            false => {
                return Err(Failure::message(format!(
                    "all resources must be specified before {one} changes: {word}"
                )));
            }
        }
    }
    call.args.words = names;
    Ok(changes)
}

/// What `--local` forbids, and what it needs; without it, something must be named.
fn local_only(call: &Call<'_, '_>, dry: DryRun) -> Result<(), Failure> {
    let (named, files) = (!call.args.words.is_empty(), call.args.has_files());
    let why = match call.args.on("local") {
        true if dry == DryRun::Server => {
            "cannot specify --local and --dry-run=server - did you mean --dry-run=client?"
        }
        true if named => {
            "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set"
        }
        true if !files => "one or more files must be specified as -f pod.yaml or --filename=pod.json",
        false if !named && !files => {
            "one or more resources must be specified as <resource> <name> or <resource>/<name>"
        }
        _ => return Ok(()),
    };
    Err(Failure::message(why))
}

fn parse_labels(words: &[String]) -> Result<Vec<Change>, String> {
    let parse = |word: &String| match word.split_once('=') {
        None => Ok((word[..word.len() - 1].to_string(), None)),
        Some((_, value)) if value.contains('=') => Err(format!("invalid label spec: {word}")),
        Some((key, value)) => match label_value(value).as_slice() {
            [] => Ok((key.to_string(), Some(value.to_string()))),
            wrong => Err(format!("invalid label value: {word:?}: {}", wrong.join(";"))),
        },
    };
    words.iter().map(parse).collect()
}

fn parse_annotations(words: &[String]) -> Result<Vec<Change>, String> {
    let parse = |word: &String| match word.split_once('=') {
        None => (word[..word.len() - 1].to_string(), None),
        Some((key, value)) => (key.to_string(), Some(value.to_string())),
    };
    Ok(words.iter().map(parse).collect())
}

fn list(call: &mut Call<'_, '_>, object: &Object, meta: &Meta, map: &StringMap, single: bool) {
    let info = object.kind().info();
    let indent = if single { "" } else { " " };
    if !single {
        call.say(format!("Listing {}s for {}.{}/{}:", meta.one, info.kind, info.group, object.name()));
    }
    map.iter().for_each(|(key, value)| call.say(format!("{indent}{key}={value}")));
}

fn change(
    call: &mut Call<'_, '_>,
    live: &Object,
    changes: &[Change],
    meta: &Meta,
    dry: DryRun,
    single: bool,
) -> Result<(), Failure> {
    let mut map = (meta.read)(live);
    let overwrite = call.args.on("overwrite");
    let asks = dry != DryRun::Client && !call.args.on("local") && !call.args.on("list");
    for (key, _) in changes.iter().filter(|(key, value)| value.is_none() && !map.contains_key(key)) {
        if meta.one == "label" && asks {
            call.say(format!("label {key:?} not found."));
        }
    }
    let clashes: Vec<String> = changes
        .iter()
        .filter(|(key, _)| key != CHANGE_CAUSE || meta.one == "label")
        .filter_map(|(key, value)| {
            let old = map.get(key).filter(|old| value.as_ref().is_some_and(|value| value != *old))?;
            Some(format!("'{key}' already has a value ({old})"))
        })
        .collect();
    if !overwrite && !clashes.is_empty() {
        return Err((meta.clash)(&clashes));
    }
    for (key, value) in changes {
        match value {
            Some(value) => drop(map.insert(key.clone(), value.clone())),
            None => drop(map.remove(key)),
        }
    }
    if call.args.on("list") {
        list(call, live, meta, &map, single);
        return Ok(());
    }
    let mut value = live.to_value();
    if call.args.value("resource-version").is_some_and(|version| version != live.revision().to_string()) {
        return Err(Status::modified(&live.key()).into());
    }
    let before = go_json(&value);
    let entries = map.into_iter().map(|(key, value)| (key, Value::String(value)));
    value["metadata"][meta.field] = Value::Object(entries.collect());
    let word = (meta.done)(&before, &go_json(&value), overwrite);
    let dry = if call.args.on("local") { DryRun::Client } else { dry };
    let stored = update(call, live, value, dry)?;
    done(call, &stored, word, dry)
}
