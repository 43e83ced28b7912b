//! `rollout`: how an update of a Deployment, a DaemonSet or a StatefulSet goes, and back to an earlier template.

mod history;
mod revisions;
pub(in crate::kubectl) mod status;
mod undo;

use std::sync::Arc;

use serde_json::{Value, json};

use super::get::select;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE, done, update};
use crate::api::{Kind, MetaExt, Object, typed};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

const SELECTOR: Flag = value("selector", "only objects with these labels").short('l');

const STATUS_FLAGS: &[Flag] = &[
    switch("watch", "wait until it is done").short('w'),
    value("timeout", "how long to wait"),
    value("revision", "end if another revision is rolled out"),
    FILENAME,
    SELECTOR,
];
const HISTORY_FLAGS: &[Flag] =
    &[value("revision", "show this revision"), FILENAME, SELECTOR, OUTPUT, TEMPLATE];
const UNDO_FLAGS: &[Flag] =
    &[value("to-revision", "go back to this revision"), DRY_RUN, FILENAME, SELECTOR, OUTPUT, TEMPLATE];
const CHANGE_FLAGS: &[Flag] = &[FILENAME, SELECTOR, OUTPUT, TEMPLATE, FIELD_MANAGER];

/// See the module.
pub const STATUS: Verb = Verb {
    path: "rollout status",
    help: "Show the status of the rollout",
    flags: STATUS_FLAGS,
    run: status::run,
};
/// See the module.
pub const HISTORY: Verb =
    Verb { path: "rollout history", help: "View rollout history", flags: HISTORY_FLAGS, run: history::run };
/// See the module.
pub const UNDO: Verb =
    Verb { path: "rollout undo", help: "Undo a previous rollout", flags: UNDO_FLAGS, run: undo::run };
/// See the module.
pub const PAUSE: Verb = Verb {
    path: "rollout pause",
    help: "Mark the provided resource as paused",
    flags: CHANGE_FLAGS,
    run: |call| change(call, "paused", pause),
};
/// See the module.
pub const RESUME: Verb = Verb {
    path: "rollout resume",
    help: "Resume a paused resource",
    flags: CHANGE_FLAGS,
    run: |call| change(call, "resumed", resume),
};
/// See the module.
pub const RESTART: Verb = Verb {
    path: "rollout restart",
    help: "Restart a resource",
    flags: CHANGE_FLAGS,
    run: |call| change(call, "restarted", restart),
};

/// The objects that a command names.
fn targets(call: &mut Call<'_, '_>) -> Result<(Vec<Arc<Object>>, Vec<Failure>), Failure> {
    if call.args.words.is_empty() && !call.args.has("filename") {
        return Err(Failure::message("required resource not specified"));
    }
    select(call)
}

/// Says that a selector selects nothing, which is no failure.
fn nothing_found(call: &mut Call<'_, '_>) {
    call.warn(format!("No resources found in {} namespace.", call.namespace));
}

/// Why objects of a kind have no history to look at, or to go back in. `doing` and `what` say which of the two.
fn no_history(kind: Kind, doing: &str, what: &str) -> Failure {
    const LOOKED_AT: [Kind; 5] =
        [Kind::JOB, Kind::POD, Kind::REPLICA_SET, Kind::REPLICATION_CONTROLLER, Kind::CRON_JOB];
    let (info, name) = (kind.info(), group_kind(kind));
    Failure::message(match LOOKED_AT.contains(&kind) {
        true => format!("no {what} has been implemented for {name:?}"),
        false => format!(
            "error retrieving {doing} for {name:?}, no visitor method exists for {{{} {}}}",
            info.group, info.kind
        ),
    })
}

/// Whether objects of a kind are rolled out.
fn is_rolled_out(kind: Kind) -> bool {
    [Kind::DEPLOYMENT, Kind::DAEMON_SET, Kind::STATEFUL_SET].contains(&kind)
}

/// `Deployment.apps`: how errors name a kind.
fn group_kind(kind: Kind) -> String {
    let info = kind.info();
    if info.group.is_empty() { info.kind.into() } else { format!("{}.{}", info.kind, info.group) }
}

/// Changes each object that is named by a small edit of its JSON, which may refuse.
fn change(
    call: &mut Call<'_, '_>,
    word: &str,
    edit: fn(&Object, &mut Value, &str) -> Result<(), String>,
) -> Result<(), Failure> {
    let now = typed::write(&call.client.now().to_time());
    let (objects, mut failures) = targets(call)?;
    if objects.is_empty() && failures.is_empty() {
        nothing_found(call);
    }
    for object in objects {
        let mut value = object.to_value();
        let what = format!("error: {} \"{}\"", object.kind().group_resource(), object.name());
        let written = edit(&object, &mut value, now.as_str().unwrap_or_default())
            .map_err(|why| Failure::message(format!("{what} {why}")))
            .and_then(|()| update(call, &object, value, DryRun::No));
        let changed = written.map_err(|failure| match failure {
            Failure::Server { status, .. } => {
                Failure::message(format!("failed to patch: {}", status.message))
            }
            other => other,
        });
        match changed {
            Ok(stored) => done(call, &stored, word, DryRun::No)?,
            Err(failure) => failures.push(failure),
        }
    }
    Failure::collect(failures)
}

fn pause(object: &Object, value: &mut Value, _: &str) -> Result<(), String> {
    if object.kind() != Kind::DEPLOYMENT {
        return Err("pausing is not supported".into());
    }
    if value.flag("spec.paused") {
        return Err("is already paused".into());
    }
    value["spec"]["paused"] = true.into();
    Ok(())
}

fn resume(object: &Object, value: &mut Value, _: &str) -> Result<(), String> {
    if object.kind() != Kind::DEPLOYMENT {
        return Err("resuming is not supported".into());
    }
    if !value.flag("spec.paused") {
        return Err("is not paused".into());
    }
    value["spec"].as_object_mut().map(|spec| spec.remove("paused"));
    Ok(())
}

fn restart(object: &Object, value: &mut Value, now: &str) -> Result<(), String> {
    if !is_rolled_out(object.kind()) {
        return Err("restarting is not supported".into());
    }
    if value.flag("spec.paused") {
        return Err("can't be restarted because it's paused (run rollout resume first)".into());
    }
    let metadata = &mut value["spec"]["template"]["metadata"];
    if !metadata["annotations"].is_object() {
        metadata["annotations"] = json!({});
    }
    metadata["annotations"][RESTARTED_AT] = now.into();
    Ok(())
}
