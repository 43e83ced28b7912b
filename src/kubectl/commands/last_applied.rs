//! `apply view-last-applied` and `apply set-last-applied`: the manifest that apply has noted on an object, shown or replaced.
//! Models `cmd/apply/apply_view_last_applied.go` and `apply_set_last_applied.go`. (`edit-last-applied` is with `edit`.)

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::{LAST_APPLIED, place};
use super::get::select;
use super::patch::{Strictness, patched};
use super::writing::{self, DRY_RUN, DryRun, FILENAME, OUTPUT, TEMPLATE};
use crate::api::manifest::to_yaml;
use crate::api::{MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests::{self, Item};
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::json::go_json;
use crate::kubectl::{Call, Verb};

const MANIFEST: Flag = value("filename", "the manifests of the objects").short('f');

const VIEW_FLAGS: &[Flag] = &[
    FILENAME,
    value("selector", "only objects with these labels").short('l'),
    switch("all", "all objects of the kinds"),
    value("output", "yaml or json").short('o'),
];

const SET_FLAGS: &[Flag] =
    &[MANIFEST, DRY_RUN, OUTPUT, TEMPLATE, switch("create-annotation", "note it where nothing is noted yet")];

/// See the module.
pub const VIEW: Verb = Verb {
    path: "apply view-last-applied",
    help: "Show the manifest that was applied last",
    flags: VIEW_FLAGS,
    run: view,
};

/// See the module.
pub const SET: Verb = Verb {
    path: "apply set-last-applied",
    help: "Note a manifest as the one that was applied last",
    flags: SET_FLAGS,
    run: set,
};

fn view(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let json = match call.args.value("output") {
        None | Some("yaml") => false,
        Some("json") => true,
        Some(other) => {
            return Err(Failure::misuse(format!(
                "Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json"
            )));
        }
    };
    for (object, source) in viewed(call)? {
        let Some(noted) = object.annotation(LAST_APPLIED) else {
            // Who names an object without a manifest is told nothing, as by kubectl.
            let Some(source) = source else { continue };
            let missing = "no last-applied-configuration annotation found on resource";
            let why = format!("error when {missing}: {}\n {source:?}: <nil>", object.name());
            return Err(Failure::message(why));
        };
        let noted: Value =
            serde_json::from_str(noted).map_err(|error| Failure::message(error.to_string()))?;
        let text = if json { format!("{noted:#}\n") } else { to_yaml(&noted) };
        call.output.stdout.push_str(&text);
    }
    Ok(())
}

/// An object that is asked for, and the file that names it.
type Viewed = (Arc<Object>, Option<String>);

fn viewed(call: &mut Call<'_, '_>) -> Result<Vec<Viewed>, Failure> {
    if !call.args.has_files() {
        let (objects, failures) = select(call)?;
        Failure::collect(failures)?;
        return Ok(objects.into_iter().map(|object| (object, None)).collect());
    }
    let batch = manifests::read(call)?;
    Failure::collect(batch.failures)?;
    let live = |item: &Item| {
        let key = place(call, item)?;
        Ok((call.client.get(&key)?, Some(item.source.clone())))
    };
    batch.items.iter().map(live).collect()
}

/// An object whose note is to be replaced, and by what.
struct Change {
    live: Arc<Object>,
    note: Value,
}

/// Nothing is changed unless every manifest's object is there.
fn set(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let batch = manifests::read(call)?;
    Failure::collect(batch.failures)?;
    let mut changes = Vec::new();
    for item in &batch.items {
        changes.extend(change(call, item)?);
    }
    for Change { live, note } in changes {
        let stored = match dry {
            DryRun::No => patched(call, &live, "merge", &note, Strictness::Strict)?,
            DryRun::Client | DryRun::Server => live,
        };
        writing::done(call, &stored, "configured", dry)?;
    }
    Ok(())
}

fn change(call: &mut Call<'_, '_>, item: &Item) -> Result<Option<Change>, Failure> {
    let key = place(call, item)?;
    let live = call.client.get(&key)?;
    let mut wanted = item.value.clone();
    if item.kind.info().namespaced {
        wanted["metadata"]["namespace"] = Value::from(&*key.namespace);
    }
    let text = format!("{}\n", go_json(&wanted));
    match live.annotation(LAST_APPLIED) {
        None if !call.args.on("create-annotation") => Err(Failure::message(format!(
            "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command with \
             --create-annotation",
            item.name
        ))),
        Some(noted) if noted.trim() == text.trim() => {
            call.say(format!("set-last-applied {}: no changes required.", item.name));
            Ok(None)
        }
        _ => Ok(Some(Change { live, note: note(&text) })),
    }
}

/// The patch that notes a manifest.
pub(super) fn note(text: &str) -> Value {
    json!({"metadata": {"annotations": {LAST_APPLIED: text}}})
}
