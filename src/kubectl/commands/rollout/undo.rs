//! `rollout undo`.

use serde_json::{Map, Value};

use super::revisions::{Revision, revisions, without_hash};
use super::{is_rolled_out, no_history, targets};
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::Call;
use crate::kubectl::describe::pod_template_text;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::fields::Fields;

use super::super::apply::LAST_APPLIED;
use super::super::writing::{DryRun, done, update};

/// Annotations of a Deployment that say nothing about a revision, and stay as they are.
const KEPT: [&str; 6] = [
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// See the module.
pub fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = call.args.number("to-revision")?.unwrap_or(0);
    let dry = DryRun::of(call)?;
    let (objects, mut failures) = targets(call)?;
    for object in objects {
        if !is_rolled_out(object.kind()) {
            failures.push(no_history(object.kind(), "rollbacker", "rollbacker"));
            continue;
        }
        if object.annotation(LAST_APPLIED).is_some() {
            call.warn(format!(
                "Warning: resource {}/{} was previously managed with 'kubectl apply'. Rolling back will not update the \
                 {LAST_APPLIED} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider \
                 using 'kubectl apply' with your previous configuration file instead.",
                object.kind().info().plural,
                object.name()
            ));
        }
        if let Err(failure) = one(call, &object, wanted, dry) {
            failures.push(failure);
        }
    }
    Failure::collect(failures)
}

fn one(call: &mut Call<'_, '_>, object: &Object, wanted: i64, dry: DryRun) -> Result<(), Failure> {
    let (value, name) = (object.to_value(), object.name());
    let is_deployment = object.kind() == Kind::DEPLOYMENT;
    let revisions = revisions(object, call.client);
    let target = find(object, &revisions, wanted)?;
    if dry == DryRun::Client {
        let text = pod_template_text(&target.template);
        let text = if is_deployment { text } else { format!("will roll back to {text}") };
        return done(call, object, &text, dry);
    }
    if value.flag("spec.paused") {
        return Err(Failure::message(format!(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/{name}' and try again"
        )));
    }
    let template = if is_deployment { without_hash(&target.template) } else { target.template.clone() };
    if *value.at("spec.template") == template {
        let what = format!("skipped rollback (current template already matches revision {wanted})");
        return done(call, object, &what, dry);
    }
    let mut changed = value.clone();
    if is_deployment {
        changed["metadata"]["annotations"] = Value::Object(annotations(&value, target));
    }
    changed["spec"]["template"] = template;
    let stored = update(call, object, changed, dry)?;
    done(call, &stored, "rolled back", dry)
}

/// The revision to go back to: the one named, or the one before the last.
fn find<'r>(object: &Object, revisions: &'r [Revision], wanted: i64) -> Result<&'r Revision, Failure> {
    if wanted != 0 {
        let found = revisions.iter().find(|revision| revision.number == wanted);
        return found.ok_or_else(|| {
            Failure::message(format!("unable to find specified revision {wanted} in history"))
        });
    }
    let before_last = revisions.iter().rev().nth(1);
    before_last.ok_or_else(|| match object.kind() {
        Kind::DEPLOYMENT => {
            Failure::message(format!("no rollout history found for deployment \"{}\"", object.name()))
        }
        _ => Failure::message("no last revision to roll back to"),
    })
}

/// A Deployment's annotations after going back: those of the revision, and its own that stay.
fn annotations(deployment: &Value, target: &Revision) -> Map<String, Value> {
    let own =
        deployment.map("metadata.annotations").into_iter().filter(|(key, _)| KEPT.contains(&key.as_str()));
    let restored = target.annotations.clone().into_iter().filter(|(key, _)| !KEPT.contains(&key.as_str()));
    own.chain(restored).map(|(key, value)| (key, Value::String(value))).collect()
}
