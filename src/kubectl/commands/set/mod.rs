//! `set`: single fields of workloads, each by a subcommand of its own.

mod env;
mod resources;
mod selector;

use std::sync::Arc;

use serde_json::Value;

use super::get::select_by_name;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE, done, update};
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

pub use env::ENV;
pub use resources::{RESOURCES, read as read_amounts};
pub use selector::SELECTOR;

const FILENAME: Flag = value("filename", "the manifests of the objects").short('f');
const LABELS: Flag = value("selector", "only objects with these labels").short('l');
const ALL: Flag = switch("all", "every object of the kinds");
const LOCAL: Flag = switch("local", "change what the manifests say and print it, without asking the server");
const RECORD: Flag = switch("record", "has no effect any more");
const COMMON: &[Flag] = &[FILENAME, LABELS, ALL, LOCAL, RECORD, DRY_RUN, OUTPUT, TEMPLATE, FIELD_MANAGER];

/// `set image`.
pub const IMAGE: Verb =
    Verb { path: "set image", help: "Update the image of a pod template", flags: COMMON, run: image };
/// `set serviceaccount`.
pub const SERVICE_ACCOUNT: Verb = Verb {
    path: "set serviceaccount",
    help: "Update the service account of a resource",
    flags: COMMON,
    run: service_account,
};
/// The same by its short name.
pub const SA: Verb = Verb { path: "set sa", ..SERVICE_ACCOUNT };

/// Where an object keeps a pod's spec, as a JSON pointer; nothing if its kind has none.
pub fn pod_spec_pointer(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::POD => "/spec",
        Kind::CRON_JOB => "/spec/jobTemplate/spec/template/spec",
        Kind::DEPLOYMENT
        | Kind::REPLICA_SET
        | Kind::REPLICATION_CONTROLLER
        | Kind::STATEFUL_SET
        | Kind::DAEMON_SET
        | Kind::JOB => "/spec/template/spec",
        Kind::POD_TEMPLATE => "/template/spec",
        _ => return None,
    })
}

/// Separates the words that name objects from those that say what to change. All names come first.
fn split(call: &mut Call<'_, '_>, what: &str, is_change: fn(&str) -> bool) -> Result<Vec<String>, Failure> {
    let words = std::mem::take(&mut call.args.words);
    let first = words.iter().position(|word| is_change(word)).unwrap_or(words.len());
    if let Some(late) = words[first..].iter().find(|word| !is_change(word)) {
        return Err(Failure::message(format!(
            "all resources must be specified before {what} changes: {late}"
        )));
    }
    let (names, changes) = words.split_at(first);
    call.args.words = names.to_vec();
    Ok(changes.to_vec())
}

/// The objects that a command names. A kind without a name needs a selector or `--all`.
fn targets(call: &mut Call<'_, '_>) -> Result<(Vec<Arc<Object>>, Vec<Failure>), Failure> {
    let named = call.args.words.len() > 1 || call.args.words.iter().any(|word| word.contains('/'));
    if !named && !["filename", "selector", "all"].iter().any(|flag| call.args.has(flag)) {
        return Err(Failure::message(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    select_by_name(call)
}

/// Changes each object's pod spec, and says so where that changed anything.
fn each(
    call: &mut Call<'_, '_>,
    what: &str,
    edit: &dyn Fn(&mut Value, &Object) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let (objects, mut failures) = targets(call)?;
    for object in objects {
        let before = object.to_value();
        let mut value = before.clone();
        let spec = pod_spec_pointer(object.kind()).and_then(|pointer| value.pointer_mut(pointer));
        let edited = match spec {
            Some(spec) => edit(spec, &object),
            None => Err(Failure::message(format!(
                "{}/{} the object is not a pod or does not have a pod template: {}",
                object.kind().info().plural,
                object.name(),
                object.kind().name()
            ))),
        };
        match edited.and_then(|()| write(call, &object, before, value, what, dry)) {
            Ok(()) => {}
            Err(failure) => failures.push(failure),
        }
    }
    Failure::collect(failures)
}

/// Writes a changed object; one that did not change is passed over in silence.
fn write(
    call: &mut Call<'_, '_>,
    object: &Object,
    before: Value,
    value: Value,
    what: &str,
    dry: DryRun,
) -> Result<(), Failure> {
    if value == before && !call.args.on("local") {
        return Ok(());
    }
    let dry = if call.args.on("local") { DryRun::Client } else { dry };
    let stored = update(call, object, value, dry)?;
    done(call, &stored, what, dry)
}

/// The containers of a pod spec, those that begin it too.
fn containers(spec: &mut Value) -> Vec<&mut Value> {
    let Some(fields) = spec.as_object_mut() else { return Vec::new() };
    let lists = fields.iter_mut().filter(|(key, _)| ["containers", "initContainers"].contains(&key.as_str()));
    lists.filter_map(|(_, list)| list.as_array_mut()).flatten().collect()
}

fn image(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let images = split(call, "image", |word| word.contains('='))?;
    if images.is_empty() {
        return Err(Failure::message("at least one image update is required"));
    }
    each(call, "image updated", &|spec, _| {
        for pair in &images {
            let (container, image) = pair.split_once('=').unwrap_or((pair, ""));
            let mut found = false;
            for target in
                containers(spec).into_iter().filter(|c| container == "*" || c.text("name") == container)
            {
                target["image"] = image.into();
                found = true;
            }
            if !found && container != "*" {
                return Err(Failure::message(format!("unable to find container named \"{container}\"")));
            }
        }
        Ok(())
    })
}

fn service_account(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let account = call.args.words.pop().filter(|_| !call.args.words.is_empty() || call.args.has("filename"));
    let account = account.ok_or_else(|| Failure::message("serviceaccount is required"))?;
    each(call, "serviceaccount updated", &|spec, _| {
        spec["serviceAccountName"] = account.clone().into();
        Ok(())
    })
}
