//! `rollout status`: says how a rollout goes until it is over.

use serde_json::Value;

use super::{group_kind, is_rolled_out, nothing_found, targets};
use crate::api::meta::Revision;
use crate::api::{Key, Kind};
use crate::client::Client;
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Output, Wait};

const ONLY_ROLLING: &str = "rollout status is only available for RollingUpdate strategy type";

/// A rollout that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The workloads still to be seen through, the first one now.
    keys: Vec<Key>,
    /// The version that was spoken of last.
    seen: Revision,
    /// When to give up.
    deadline: Option<SimTime>,
    /// The revision that is meant, if one is.
    revision: i64,
}

/// See the module.
pub fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let revision = call.args.number("revision")?.unwrap_or(0);
    if revision < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {revision}")));
    }
    let (objects, failures) = targets(call)?;
    if let Some(first) = failures.into_iter().next() {
        return Err(first);
    }
    if let Some(other) = objects.iter().find(|object| !is_rolled_out(object.kind())) {
        let kind = group_kind(other.kind());
        return Err(Failure::message(format!("no status viewer has been implemented for {kind}")));
    }
    let rollout = Rollout {
        keys: objects.iter().map(|object| object.key()).collect(),
        seen: 0,
        deadline: call.timeout("timeout")?,
        revision,
    };
    if rollout.keys.is_empty() {
        nothing_found(call);
        return Ok(());
    }
    let output = poll(rollout, call.client);
    call.output.stdout.push_str(&output.stdout);
    call.output.stderr.push_str(&output.stderr);
    call.output.code = output.code;
    call.output.wait = output.wait.filter(|_| call.args.switch("watch", true));
    Ok(())
}

/// Says how the rollout goes, if something has changed, and waits on unless it is over.
pub fn poll(mut rollout: Rollout, client: &Client<'_>) -> Output {
    let mut output = Output::default();
    while let Some(key) = rollout.keys.first() {
        let Some(object) = client.live().object(key) else {
            return failed(output, "object has been deleted");
        };
        if object.revision() != rollout.seen {
            match progress(&object.to_value(), key.kind, rollout.revision) {
                Err(why) => return failed(output, &why),
                Ok((line, over)) => {
                    output.stdout.push_str(&format!("{line}\n"));
                    if over {
                        rollout.keys.remove(0);
                        rollout.seen = 0;
                        continue;
                    }
                }
            }
            rollout.seen = object.revision();
        }
        if rollout.deadline.is_some_and(|deadline| client.now() >= deadline) {
            return failed(output, "timed out waiting for the condition");
        }
        break;
    }
    output.wait = (!rollout.keys.is_empty()).then_some(Wait::Rollout(rollout));
    output
}

fn failed(mut output: Output, why: &str) -> Output {
    output.stderr.push_str(&format!("error: {why}\n"));
    output.code = 1;
    output
}

/// The line that tells how far a rollout is, and whether it is over.
fn progress(object: &Value, kind: Kind, revision: i64) -> Result<(String, bool), String> {
    match kind {
        Kind::DEPLOYMENT => deployment(object, revision),
        Kind::DAEMON_SET => daemon_set(object),
        _ => stateful_set(object),
    }
}

/// Whether the controller has yet to see what was last asked for.
fn is_behind(object: &Value) -> bool {
    object.int("metadata.generation") > object.int("status.observedGeneration")
}

fn deployment(object: &Value, revision: i64) -> Result<(String, bool), String> {
    let name = object.text("metadata.name");
    if revision > 0 {
        let annotations = object.map("metadata.annotations");
        let current = annotations.get("deployment.kubernetes.io/revision").cloned().unwrap_or_default();
        if current != revision.to_string() {
            return Err(format!(
                "desired revision ({revision}) is different from the running revision ({current})"
            ));
        }
    }
    if is_behind(object) {
        return Ok(("Waiting for deployment spec update to be observed...".into(), false));
    }
    let conditions = object.list("status.conditions");
    let progressing = conditions.iter().find(|condition| condition.text("type") == "Progressing");
    if progressing.is_some_and(|condition| condition.text("reason") == "ProgressDeadlineExceeded") {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let count = |field: &str| object.at("status").int(field);
    let desired = object.int("spec.replicas");
    let (updated, total, available) =
        (count("updatedReplicas"), count("replicas"), count("availableReplicas"));
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

fn daemon_set(object: &Value) -> Result<(String, bool), String> {
    if object.text("spec.updateStrategy.type") != "RollingUpdate" {
        return Err(ONLY_ROLLING.into());
    }
    if is_behind(object) {
        return Ok(("Waiting for daemon set spec update to be observed...".into(), false));
    }
    let name = object.text("metadata.name");
    let count = |field: &str| object.at("status").int(field);
    let desired = count("desiredNumberScheduled");
    let (updated, available) = (count("updatedNumberScheduled"), count("numberAvailable"));
    let waiting = format!("Waiting for daemon set {name:?} rollout to finish: ");
    Ok(match () {
        () if updated < desired => {
            (format!("{waiting}{updated} out of {desired} new pods have been updated..."), false)
        }
        () if available < desired => {
            (format!("{waiting}{available} of {desired} updated pods are available..."), false)
        }
        () => (format!("daemon set {name:?} successfully rolled out"), true),
    })
}

fn stateful_set(object: &Value) -> Result<(String, bool), String> {
    if object.text("spec.updateStrategy.type") != "RollingUpdate" {
        return Err(ONLY_ROLLING.into());
    }
    if object.int("status.observedGeneration") == 0 || is_behind(object) {
        return Ok(("Waiting for statefulset spec update to be observed...".into(), false));
    }
    let status = object.at("status");
    let (desired, ready) = (object.int("spec.replicas"), status.int("readyReplicas"));
    if ready < desired {
        return Ok((format!("Waiting for {} pods to be ready...", desired - ready), false));
    }
    let (updated, rolling) = (status.int("updatedReplicas"), object.at("spec.updateStrategy.rollingUpdate"));
    if let Some(partition) = rolling.at("partition").as_i64() {
        let meant = desired - partition;
        return Ok(if updated < meant {
            let done = format!("{updated} out of {meant} new pods have been updated...");
            (format!("Waiting for partitioned roll out to finish: {done}"), false)
        } else {
            (format!("partitioned roll out complete: {updated} new pods have been updated..."), true)
        });
    }
    let (current, update) = (status.text("currentRevision"), status.text("updateRevision"));
    if current != update {
        let text = format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        );
        return Ok((text, false));
    }
    let count = status.int("currentReplicas");
    Ok((format!("statefulset rolling update complete {count} pods at revision {current}..."), true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_tells_its_progress_in_its_own_words() {
        let set = |strategy: &str, ready: i64, updated: i64| {
            json!({"metadata": {"name": "db", "generation": 1},
                "spec": {"replicas": 3, "updateStrategy": {"type": strategy, "rollingUpdate": {"partition": 1}}},
                "status": {"observedGeneration": 1, "readyReplicas": ready, "updatedReplicas": updated}})
        };
        let cases = [
            (set("OnDelete", 3, 3), Err(ONLY_ROLLING)),
            (set("RollingUpdate", 1, 3), Ok(("Waiting for 2 pods to be ready...", false))),
            (
                set("RollingUpdate", 3, 1),
                Ok((
                    "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
                    false,
                )),
            ),
            (
                set("RollingUpdate", 3, 2),
                Ok(("partitioned roll out complete: 2 new pods have been updated...", true)),
            ),
        ];
        for (object, want) in cases {
            let got = progress(&object, Kind::STATEFUL_SET, 0);
            let got = got.as_ref().map(|(line, over)| (line.as_str(), *over)).map_err(String::as_str);
            assert_eq!(got, want);
        }
    }
}
