//! What workloads do next, what they were refused, and the last step that was recorded.

use super::{Answer, Line, key_of, last_event, text};
use crate::api::explain::{Explain, ReplicaStep, RolloutRule, RolloutStep, TurnStep};
use crate::api::{Deployment, Kind, MetaExt, Object, ReplicaSet, ResourceQuota, condition};
use crate::apiserver::View;
use crate::controllers::deployment::outlook;

/// The next move of a rolling update.
pub fn deployment(deployment: &Deployment, view: &View) -> Option<Answer> {
    let own = |set: &&ReplicaSet| set.controller().is_some_and(|owner| owner.uid == deployment.uid());
    let sets = view.list::<ReplicaSet>(Some(deployment.namespace())).filter(own);
    let next = outlook(deployment, sets.cloned().collect());
    let ceiling = next.desired + next.bounds.max_surge;
    let floor = next.desired - next.bounds.max_unavailable;
    let coming = next.total - next.available;
    let sentence = match () {
        () if deployment.spec.paused == Some(true) => Line::new("rollout.paused", []),
        () if next.create + next.remove > 0 => {
            Line::new("rollout.may", [text(next.create), text(next.remove)])
        }
        () if next.old > 0 || coming > 0 => Line::new("rollout.waits", [text(coming.max(0))]),
        () => Line::new("rollout.done", []).holds(true),
    };
    let sums = vec![
        Line::new(
            "rollout.create",
            [text(next.desired), text(next.bounds.max_surge), text(ceiling), text(next.total)],
        )
        .holds(next.total < ceiling),
        Line::new(
            "rollout.remove",
            [text(next.desired), text(next.bounds.max_unavailable), text(floor.max(0)), text(next.available)],
        )
        .holds(next.available > floor),
    ];
    let said = condition::find(deployment.status.conditions.as_deref(), "Progressing").map(|found| {
        let text = format!("Progressing={}: {}", found.status, found.reason.as_deref().unwrap_or_default());
        (text, found.message.clone().unwrap_or_default())
    });
    let stuck = next.create + next.remove == 0 && (next.old > 0 || coming > 0);
    Some(Answer {
        sums,
        changes: stuck.then(|| Line::new("rollout.change", [])).into_iter().collect(),
        said: said.into_iter().collect(),
        ..Answer::new("rollout", sentence)
    })
}

/// The reason and the message of a workload that could not create a pod.
fn refusal(object: &Object, view: &View) -> Option<(String, String)> {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let failing = |object: &Object| {
        let conditions = object.to_value()["status"]["conditions"].clone();
        let all = conditions.as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|one| one["type"] == "ReplicaFailure" && one["status"] == "True")?;
        let text = |field: &str| found[field].as_str().unwrap_or_default().to_string();
        Some((text("reason"), text("message")))
    };
    let by_event = || {
        let event = last_event((object.kind(), object), &["FailedCreate"], view)?;
        Some((part(&event.spec.reason), part(&event.spec.message)))
    };
    match object.kind() {
        Kind::REPLICA_SET | Kind::REPLICATION_CONTROLLER | Kind::DEPLOYMENT => failing(object),
        Kind::STATEFUL_SET | Kind::DAEMON_SET | Kind::JOB => by_event(),
        _ => None,
    }
}

/// Why a workload's pods are not created: the server's words, and the numbers in them.
pub fn refused(object: &Object, view: &View) -> Option<Answer> {
    let (reason, message) = refusal(object, view)?;
    let Some((_, numbers)) = message.split_once("exceeded quota: ") else {
        let sentence = Line::new("quota.other", []).holds(false);
        return Some(Answer { said: vec![(reason, message)], ..Answer::new("admission", sentence) });
    };
    let (name, rest) = numbers.split_once(", requested: ").unwrap_or((numbers, ""));
    let (requested, rest) = rest.split_once(", used: ").unwrap_or((rest, ""));
    let (used, limited) = rest.split_once(", limited: ").unwrap_or((rest, ""));
    let of = |list: &str, name: &str| {
        let mut parts = list.split(',').filter_map(|part| part.split_once('='));
        parts.find(|(part, _)| *part == name).map(|(_, value)| value.to_string()).unwrap_or_default()
    };
    let quota = view.get::<ResourceQuota>(object.namespace(), name);
    let mut sentence = Line::new("quota.exceeded", [name.into()]).holds(false);
    sentence.about = quota.map(|quota| key_of(Kind::RESOURCE_QUOTA, quota));
    let mut answer = Answer::new("quota", sentence);
    for (resource, more) in requested.split(',').filter_map(|part| part.split_once('=')) {
        let args = [resource.into(), of(used, resource), more.into(), of(limited, resource)];
        answer.sums.push(Line::new("quota.sum", args).holds(false));
        answer.changes.push(Line::new("quota.raise", [resource.into(), of(limited, resource)]));
    }
    answer.said.push((reason, message));
    Some(answer)
}

/// A quota: what is used of what.
pub fn quota(quota: &ResourceQuota) -> Answer {
    let used = |name: &String| quota.status.used.as_ref().and_then(|used| used.get(name));
    let line = |(name, hard): (&String, &crate::api::k8s::Quantity)| {
        let (used, milli) = (used(name), crate::api::quantity::milli);
        let shown = used.map_or("0".into(), |used| used.0.clone());
        let full = used.is_some_and(|used| milli(used) >= milli(hard));
        Line::new("quota.used", [name.clone(), shown, hard.0.clone()]).holds(!full)
    };
    let sums: Vec<Line> = quota.status.hard.iter().flatten().map(line).collect();
    let full = sums.iter().filter(|line| line.holds == Some(false)).count();
    let sentence = match full {
        0 => Line::new("quota.room", []).holds(true),
        _ => Line::new("quota.full", [text(full)]).holds(false),
    };
    Answer { sums, ..Answer::new("quota", sentence) }
}

/// The record of the last write, of those who leave one that is told in full.
pub fn recorded(explain: &Explain) -> Option<Answer> {
    Some(match explain {
        Explain::Rollout(step) => rollout(step),
        Explain::Replicas(step) => replicas(step),
        Explain::Turns(step) => turns(step),
        Explain::Endpoints(step) => {
            let line = Line::new("endpoint.step", [text(step.ready), text(step.not_ready)]);
            Answer::new("endpoints", line)
        }
        Explain::Garbage(step) => Answer::new("garbage", Line::new("garbage.gone", [step.owner.clone()])),
        Explain::Scheduling(_) | Explain::Autoscaling(_) | Explain::Eviction(_) => return None,
    })
}

fn rollout(step: &RolloutStep) -> Answer {
    let key = match step.rule {
        RolloutRule::ScaleUpNew => "step.up",
        RolloutRule::CleanupUnhealthy => "step.cleanup",
        RolloutRule::ScaleDownOld => "step.down",
        RolloutRule::Scale => "step.scale",
        RolloutRule::Recreate => "step.recreate",
    };
    let (ceiling, floor) = (step.desired + step.max_surge, (step.desired - step.max_unavailable).max(0));
    let sentence = Line::new(key, [step.replica_set.clone(), text(step.from), text(step.to)]);
    let create = [text(step.desired), text(step.max_surge), text(ceiling), text(step.total)];
    let remove = [text(step.desired), text(step.max_unavailable), text(floor), text(step.available)];
    let sums = vec![Line::new("rollout.create", create), Line::new("rollout.remove", remove)];
    Answer { sums, ..Answer::new("step", sentence) }
}

fn replicas(step: &ReplicaStep) -> Answer {
    let missing = step.desired - step.actual;
    let key = match missing {
        1.. => "step.more",
        0 => "step.equal",
        _ => "step.less",
    };
    let sentence = Line::new(key, [text(step.desired), text(step.actual), text(missing.abs())]);
    let said = step.ranking.iter().map(|why| (String::new(), why.clone()));
    Answer { said: said.collect(), ..Answer::new("step", sentence) }
}

fn turns(step: &TurnStep) -> Answer {
    let sentence = match () {
        () if step.moved > 0 => Line::new("turn.moved", [text(step.moved)]),
        () if !step.waits.is_empty() => Line::new("turn.waits", [step.waits.clone()]).holds(false),
        () if step.outdated > 0 => Line::new("turn.outdated", [text(step.outdated)]),
        () => Line::new("rollout.done", []).holds(true),
    };
    let numbers = [step.field.to_string(), text(step.limit), text(step.counted)];
    let bound = match step.field {
        "partition" if step.limit > 0 => Some(Line::new("turn.partition", numbers)),
        "partition" => None,
        _ => Some(Line::new("turn.bound", numbers).holds(step.counted < step.limit)),
    };
    let counts = Line::new("turn.counts", [text(step.outdated), text(step.desired)]);
    let sums = bound.into_iter().chain([counts]).collect();
    Answer { sums, ..Answer::new("rollout", sentence) }
}
