//! `set`: single fields of workloads, each by a subcommand of its own.

mod env;
mod resources;
mod selector;
mod subject;

use std::sync::Arc;

use serde_json::Value;

use super::get::select_by_name;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE, done, update};
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

pub use env::ENV;
pub use resources::{RESOURCES, read as read_amounts};
pub use selector::SELECTOR;
pub use subject::SUBJECT;

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

/// The objects that a command names; if one cannot be had, none is changed.
fn targets(call: &mut Call<'_, '_>) -> Result<Vec<Arc<Object>>, Failure> {
    if call.args.on("local") && !call.args.words.is_empty() {
        return Err(Failure::message(
            "error: you must specify resources by --filename when --local is set.\nExample resource specifications \
             include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'",
        ));
    }
    let (objects, failures) = select_by_name(call)?;
    Failure::collect(failures)?;
    Ok(objects)
}

/// Refuses flags that do not go together.
fn refuse_contradictions(call: &Call<'_, '_>, dry: DryRun) -> Result<(), Failure> {
    if call.args.on("local") && dry == DryRun::Server {
        return Err(Failure::message(
            "cannot specify --local and --dry-run=server - did you mean --dry-run=client?",
        ));
    }
    if call.args.on("all") && call.args.value("selector").is_some_and(|text| !text.is_empty()) {
        return Err(Failure::message("cannot set --all and --selector at the same time"));
    }
    Ok(())
}

/// What is said of an object that was changed, and before the server's words if it could not be.
#[derive(Clone, Copy)]
struct Words {
    done: &'static str,
    refused: &'static str,
}

/// Changes each object's pod spec, and says so; what failed is returned.
fn each(
    call: &mut Call<'_, '_>,
    objects: &[Arc<Object>],
    words: Words,
    edit: &mut dyn FnMut(&mut Value, &Object) -> Result<(), String>,
) -> Result<Vec<Failure>, Failure> {
    let dry = DryRun::of(call)?;
    let mut failures = Vec::new();
    for object in objects {
        let before = object.to_value();
        let mut value = before.clone();
        let spec = pod_spec_pointer(object.kind()).and_then(|pointer| value.pointer_mut(pointer));
        let edited = match spec {
            Some(spec) => edit(spec, object),
            None => Err(format!(
                "the object is not a pod or does not have a pod template: *v1.{}",
                object.kind().name()
            )),
        };
        let (plural, name) = (object.kind().info().plural, object.name());
        let written = match edited {
            Ok(()) if value == before && !words.always() => Ok(()),
            Ok(()) => write(call, object, value, words, dry),
            Err(why) => Err(Failure::message(format!("error: {plural}/{name} {why}"))),
        };
        failures.extend(written.err());
    }
    Ok(failures)
}

impl Words {
    /// Whether also an object is written that does not change.
    fn always(self) -> bool {
        self.done == SERVICE_ACCOUNT_UPDATED
    }
}

/// Writes a changed object, and says so.
fn write(
    call: &mut Call<'_, '_>,
    object: &Object,
    value: Value,
    words: Words,
    dry: DryRun,
) -> Result<(), Failure> {
    let dry = if call.args.on("local") { DryRun::Client } else { dry };
    let stored = update(call, object, value, dry).map_err(|failure| match failure {
        Failure::Server { status, .. } if !words.refused.is_empty() => {
            Failure::message(format!("{}{}", words.refused, status.message))
        }
        other => other,
    })?;
    done(call, &stored, words.done, dry)
}

/// The containers of a pod spec, those that begin it too.
fn containers(spec: &mut Value) -> Vec<&mut Value> {
    let Some(fields) = spec.as_object_mut() else { return Vec::new() };
    let lists = fields.iter_mut().filter(|(key, _)| ["containers", "initContainers"].contains(&key.as_str()));
    lists.filter_map(|(_, list)| list.as_array_mut()).flatten().collect()
}

/// Whether a container is meant by a name, in which stars stand for any letters.
fn is_meant(name: &str, spec: &str) -> bool {
    let Some((first, rest)) = spec.split_once('*') else { return name == spec };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let (last, middle) = parts.split_last().unwrap_or((&"", &[]));
    for part in middle {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(last)
}

fn image(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let is_pair =
        |word: &str| word.find('=').is_some_and(|at| at > 0) || (word.ends_with('-') && word != "-");
    let words = split(call, "image", is_pair)?;
    let wrong: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.contains('=')).collect();
    if !wrong.is_empty() {
        return Err(Failure::message(format!("invalid image format: {}", wrong.join(", "))));
    }
    let dry = DryRun::of(call)?;
    let objects = targets(call)?;
    refuse_contradictions(call, dry)?;
    let images: Vec<(&str, &str)> = words.iter().filter_map(|word| word.split_once('=')).collect();
    if images.is_empty() {
        return Err(Failure::message("at least one image update is required"));
    }
    if images.len() > 1 && images.iter().any(|(container, _)| *container == "*") {
        return Err(Failure::message(
            "all containers are already specified by *, but saw more than one container_name=container_image pairs",
        ));
    }
    let said = Words { done: "image updated", refused: "failed to patch image update to pod template: " };
    let mut missing = Vec::new();
    let failures = each(call, &objects, said, &mut |spec, _| {
        for (container, image) in &images {
            let of_name = |c: &&mut Value| *container == "*" || c.text("name") == *container;
            let targets: Vec<&mut Value> = containers(spec).into_iter().filter(of_name).collect();
            if targets.is_empty() {
                missing
                    .push(Failure::message(format!("error: unable to find container named {container:?}")));
            }
            targets.into_iter().for_each(|target| target["image"] = (*image).into());
        }
        Ok(())
    })?;
    missing.extend(failures);
    Failure::collect(missing)
}

const SERVICE_ACCOUNT_UPDATED: &str = "serviceaccount updated";

fn service_account(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let account = call.args.words.pop().ok_or_else(|| Failure::message("serviceaccount is required"))?;
    let dry = DryRun::of(call)?;
    let objects = targets(call)?;
    refuse_contradictions(call, dry)?;
    let said = Words { done: SERVICE_ACCOUNT_UPDATED, refused: "failed to patch ServiceAccountName " };
    let failures = each(call, &objects, said, &mut |spec, _| {
        spec["serviceAccountName"] = account.clone().into();
        Ok(())
    })?;
    Failure::collect(failures)
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn stars_stand_for_any_letters_in_the_names_of_containers() {
        let cases = [
            ("web", "*", true),
            ("web", "web", true),
            ("web", "we", false),
            ("web", "w*", true),
            ("web", "*b", true),
            ("web", "w*b", true),
            ("web", "w*x", false),
            ("a-b-c", "a*b*c", true),
            ("a-b-c", "b*", false),
        ];
        for (name, spec, want) in cases {
            assert_eq!(is_meant(name, spec), want, "{name} {spec}");
        }
    }
}
