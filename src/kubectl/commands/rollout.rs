//! `rollout`: how a Deployment's update goes, and back to an earlier template.

use std::sync::Arc;

use crate::api::k8s::PodTemplateSpec;
use crate::api::manifest::to_yaml;
use crate::api::sorting;
use crate::api::{Deployment, Key, Kind, MetaExt, Object, ReplicaSet, typed};
use crate::client::Client;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::table::Table;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Output, Verb, Wait};

const REVISION: &str = "deployment.kubernetes.io/revision";
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
const TEMPLATE_HASH: &str = "pod-template-hash";

const STATUS_FLAGS: &[Flag] =
    &[switch("watch", "wait until it is done").short('w'), value("timeout", "how long to wait")];
const REVISION_FLAGS: &[Flag] =
    &[value("revision", "show this revision"), value("to-revision", "go back to this revision")];

/// See the module.
pub const STATUS: Verb = Verb {
    path: "rollout status",
    help: "Wait for a rollout and say how it goes",
    flags: STATUS_FLAGS,
    run: status,
};
/// See the module.
pub const HISTORY: Verb = Verb {
    path: "rollout history",
    help: "List the revisions of a Deployment",
    flags: REVISION_FLAGS,
    run: history,
};
/// See the module.
pub const UNDO: Verb =
    Verb { path: "rollout undo", help: "Go back to an earlier revision", flags: REVISION_FLAGS, run: undo };
/// See the module.
pub const PAUSE: Verb = Verb {
    path: "rollout pause",
    help: "Hold a rollout",
    flags: &[],
    run: |call| set_paused(call, true, "paused", "already paused"),
};
/// See the module.
pub const RESUME: Verb = Verb {
    path: "rollout resume",
    help: "Go on with a rollout",
    flags: &[],
    run: |call| set_paused(call, false, "resumed", "not paused"),
};
/// See the module.
pub const RESTART: Verb =
    Verb { path: "rollout restart", help: "Replace all pods of a Deployment", flags: &[], run: restart };

/// The Deployments that a command names.
fn deployments(call: &mut Call<'_, '_>) -> Result<Vec<Deployment>, Failure> {
    let words = call.args.words.clone();
    let objects: Vec<(Kind, String)> = match named(&words)? {
        Named::Objects(objects) => objects,
        Named::Kinds(kinds) if !kinds.is_empty() => {
            let namespace = call.namespace.clone();
            let all = kinds.iter().flat_map(|kind| {
                call.client.live().objects(*kind, Some(&namespace)).map(|o| (*kind, o.name().to_string()))
            });
            all.collect()
        }
        Named::Kinds(_) => return Err(Failure::message("required resource not specified")),
    };
    let mut found = Vec::new();
    for (kind, name) in objects {
        let object = call.client.get(&call.key(kind, &name))?;
        match &*object {
            Object::Deployment(deployment) => found.push(deployment.clone()),
            _ => {
                return Err(Failure::message(format!(
                    "no rollout of a {} is modelled by kubeviz yet",
                    kind.group_singular()
                )));
            }
        }
    }
    Ok(found)
}

fn status(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    for deployment in deployments(call)? {
        let key = Key::new(Kind::DEPLOYMENT, deployment.namespace(), deployment.name());
        let output = poll_status(key, String::new(), call.client);
        call.output.stdout.push_str(&output.stdout);
        call.output.stderr.push_str(&output.stderr);
        call.output.code = output.code;
        call.output.wait = output.wait.filter(|_| call.args.switch("watch", true));
    }
    Ok(())
}

/// Says how a rollout goes, if that has changed, and waits on unless it is over (`DeploymentStatusViewer`).
pub fn poll_status(key: Key, said: String, client: &Client<'_>) -> Output {
    let Some(deployment) = client.live().get::<Deployment>(&key.namespace, &key.name) else {
        let stderr = "error: object has been deleted\n".into();
        return Output { stderr, code: 1, ..Default::default() };
    };
    let (line, over) = match progress(deployment) {
        Ok(answer) => answer,
        Err(failed) => return Output { stderr: format!("error: {failed}\n"), code: 1, ..Default::default() },
    };
    let stdout = if line == said { String::new() } else { format!("{line}\n") };
    let wait = (!over).then_some(Wait::Rollout { key, said: line });
    Output { stdout, wait, ..Default::default() }
}

/// The line that tells how far a rollout is, and whether it is over.
fn progress(deployment: &Deployment) -> Result<(String, bool), String> {
    let (name, status) = (deployment.name(), &deployment.status);
    if deployment.meta.generation > status.observed_generation {
        return Ok(("Waiting for deployment spec update to be observed...".into(), false));
    }
    let progressing = status.conditions.iter().flatten().find(|condition| condition.type_ == "Progressing");
    if progressing.is_some_and(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded")) {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let count = |field: Option<i32>| field.unwrap_or(0);
    let desired = deployment.spec.replicas.unwrap_or(1);
    let (updated, total, available) =
        (count(status.updated_replicas), count(status.replicas), count(status.available_replicas));
    let waiting = format!("Waiting for deployment {name:?} rollout to finish: ");
    Ok(match () {
        () if updated < desired => {
            (format!("{waiting}{updated} out of {desired} new replicas have been updated..."), false)
        }
        () if total > updated => {
            (format!("{waiting}{} old replicas are pending termination...", total - updated), false)
        }
        () if available < updated => {
            (format!("{waiting}{available} of {updated} updated replicas are available..."), false)
        }
        () => (format!("deployment {name:?} successfully rolled out"), true),
    })
}

/// A Deployment's ReplicaSets with their revisions, oldest revision first.
fn revisions(deployment: &Deployment, client: &Client<'_>) -> Vec<(i64, ReplicaSet)> {
    let number = |set: &ReplicaSet| set.annotation(REVISION).and_then(|revision| revision.parse().ok());
    let sets = client
        .live()
        .list::<ReplicaSet>(Some(deployment.namespace()))
        .filter(|set| set.is_controlled_by(deployment.uid()));
    let mut revisions: Vec<(i64, ReplicaSet)> =
        sets.filter_map(|set| Some((number(set)?, set.clone()))).collect();
    sorting::sort_by_key(&mut revisions, |(revision, _)| *revision);
    revisions
}

fn history(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = call.args.number("revision")?;
    for deployment in deployments(call)? {
        let revisions = revisions(&deployment, call.client);
        let name = deployment.name();
        if let Some(wanted) = wanted.filter(|revision| *revision > 0) {
            let (_, set) = revisions.iter().find(|(revision, _)| *revision == wanted).ok_or_else(|| {
                Failure::message(format!("unable to find the specified revision {wanted} in history"))
            })?;
            call.say(format!("deployment.apps/{name} with revision #{wanted}"));
            let template = to_yaml(&typed::write(&set.spec.template));
            call.say(format!(
                "Pod Template:\n{}",
                template.lines().map(|line| format!("  {line}\n")).collect::<String>().trim_end()
            ));
            continue;
        }
        let mut table = Table::new(&["REVISION", "CHANGE-CAUSE"]);
        for (revision, set) in &revisions {
            table.row(vec![
                revision.to_string(),
                set.annotation(CHANGE_CAUSE).unwrap_or("<none>").to_string(),
            ]);
        }
        call.say(format!("deployment.apps/{name} "));
        let text = table.render(true);
        call.say(text);
    }
    Ok(())
}

fn undo(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = call.args.number("to-revision")?.unwrap_or(0);
    for deployment in deployments(call)? {
        let name = deployment.name().to_string();
        if deployment.spec.paused == Some(true) {
            return Err(Failure::message(format!(
                "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/{name}' and try again"
            )));
        }
        let revisions = revisions(&deployment, call.client);
        let target = match wanted {
            0 => revisions.iter().rev().nth(1).ok_or_else(|| {
                Failure::message(format!("no rollout history found for deployment \"{name}\""))
            })?,
            number => revisions.iter().find(|(revision, _)| *revision == number).ok_or_else(|| {
                Failure::message(format!("unable to find specified revision {number} in history"))
            })?,
        };
        let template = without_hash(target.1.spec.template.clone().unwrap_or_default());
        if without_hash(deployment.spec.template.clone()) == template {
            call.say(format!(
                "deployment.apps/{name} skipped rollback (current template already matches revision {})",
                target.0
            ));
            continue;
        }
        let mut updated = deployment.clone();
        updated.revision = 0;
        Arc::make_mut(&mut updated.spec).template = template;
        call.client.update(updated, None)?;
        call.say(format!("deployment.apps/{name} rolled back"));
    }
    Ok(())
}

fn without_hash(mut template: PodTemplateSpec) -> PodTemplateSpec {
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

fn set_paused(call: &mut Call<'_, '_>, paused: bool, done: &str, idle: &str) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for deployment in deployments(call)? {
        if deployment.spec.paused.unwrap_or(false) == paused {
            failures.push(Failure::message(format!("deployments.apps \"{}\" is {idle}", deployment.name())));
            continue;
        }
        let mut updated = deployment.clone();
        updated.revision = 0;
        Arc::make_mut(&mut updated.spec).paused = paused.then_some(true);
        call.client.update(updated, None)?;
        call.say(format!("deployment.apps/{} {done}", deployment.name()));
    }
    Failure::collect(failures)
}

fn restart(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let now = typed::write(&call.client.now().to_time());
    let now = now.as_str().unwrap_or_default();
    for deployment in deployments(call)? {
        let mut updated = deployment.clone();
        updated.revision = 0;
        let meta = Arc::make_mut(&mut updated.spec).template.metadata.get_or_insert_default();
        meta.annotations.get_or_insert_default().insert(RESTARTED_AT.into(), now.into());
        call.client.update(updated, None)?;
        call.say(format!("deployment.apps/{} restarted", deployment.name()));
    }
    Ok(())
}
