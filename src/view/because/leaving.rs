//! Why pods go, or may not go: evictions by the kubelet, kills for memory, taints, disruption budgets; and what is collected.

use super::super::inspect::Decision;
use super::{Answer, Line, key_of, text};
use crate::api::explain::Explain;
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, PodDisruptionBudget, quantity, taint};
use crate::apiserver::View;
use crate::apiserver::eviction::{budget_to_charge, budgets_of};
use crate::clock::SimTime;
use crate::controllers::{garbage_collector, taint_eviction};

/// So many lines of a ranking are shown.
const RANKS: usize = 12;

/// The kubelet's reckoning, where it has evicted the pod.
pub fn evicted(record: Option<&Decision>) -> Option<Answer> {
    let record = record?;
    let Explain::Eviction(step) = &*record.explain else { return None };
    let amount = |value: i64| match step.resource {
        "pids" => text(value),
        _ => quantity::format_bytes(value),
    };
    let args = [step.node.clone(), step.resource.into(), amount(step.available), amount(step.threshold)];
    let sentence = Line::new("eviction.short", args).about(Key::cluster(Kind::NODE, &step.node));
    let rank = |(at, rank): (usize, &crate::api::explain::EvictionRank)| {
        let (namespace, name) = rank.pod.split_once('/').unwrap_or(("", &rank.pod));
        let over = rank.used > rank.requested;
        let key = if over { "eviction.over" } else { "eviction.within" };
        let numbers = [text(at + 1), name.into(), rank.qos.clone(), amount(rank.used)];
        let mut line = Line::new(key, numbers).about(Key::new(Kind::POD, namespace, name));
        line.args.extend([amount(rank.requested), text(rank.priority)]);
        if at == 0 { line.holds(false) } else { line }
    };
    let mut sums = vec![Line::new("eviction.order", [])];
    sums.extend(step.ranking.iter().take(RANKS).enumerate().map(rank));
    let changes = vec![Line::new("eviction.request", [step.resource.into()])];
    let at = Some((record.revision, record.time));
    Some(Answer { at, sums, changes, ..Answer::new("eviction", sentence) })
}

/// The containers that were killed for their memory.
pub fn killed(pod: &Pod) -> Option<Answer> {
    let statuses = pod.status.container_statuses.iter().flatten();
    let inits = pod.status.init_container_statuses.iter().flatten();
    let ended = statuses.chain(inits).find_map(|status| {
        let states = [status.state.as_ref(), status.last_state.as_ref()].into_iter().flatten();
        let ended = states.filter_map(|state| state.terminated.as_ref());
        let ended = ended.into_iter().find(|ended| ended.reason.as_deref() == Some("OOMKilled"))?;
        Some((status, ended.clone()))
    });
    let (status, ended) = ended?;
    let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    let limit =
        containers.into_iter().find(|container| container.name == status.name).and_then(|container| {
            let limits = container.resources.as_ref()?.limits.as_ref()?;
            limits.get("memory").cloned()
        });
    let sentence = match &limit {
        Some(limit) => Line::new("oom.limit", [status.name.clone(), limit.0.clone()]),
        None => Line::new("oom.node", [status.name.clone()]),
    };
    let qos = pod.status.qos_class.clone().unwrap_or_default();
    Some(Answer {
        sums: vec![Line::new("oom.killed", [text(ended.exit_code), text(status.restart_count), qos])],
        changes: vec![Line::new(if limit.is_some() { "oom.raise" } else { "oom.request" }, [])],
        ..Answer::new("memory", sentence)
    })
}

/// What the pod bears of its node's taints.
pub fn tainted(pod: &Pod, view: &View) -> Option<Answer> {
    let node = view.get::<Node>("", pod.spec.node_name.as_deref()?)?;
    let borne = taint_eviction::borne(pod, node);
    let shortest = borne.iter().filter_map(|(_, seconds)| seconds.unwrap_or(Some(0))).min();
    let name = node.name().to_string();
    let sentence = match shortest {
        _ if borne.is_empty() => return None,
        None => Line::new("taint.stays", [name]).holds(true),
        Some(..=0) => Line::new("taint.goes", [name]).holds(false),
        Some(seconds) => Line::new("taint.later", [name, text(seconds)]).holds(false),
    };
    let line = |(taint, seconds): &(&crate::api::k8s::Taint, Option<Option<i64>>)| {
        let shown = taint::format_taint(taint);
        match seconds {
            None => Line::new("taint.not", [shown]).holds(false),
            Some(None) => Line::new("taint.ever", [shown]).holds(true),
            Some(Some(seconds)) => Line::new("taint.for", [shown, text(seconds)]).holds(true),
        }
    };
    let event = super::last_event((Kind::POD, pod), &["TaintManagerEviction"], view);
    let said = event.map(|event| {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        (part(&event.spec.reason), part(&event.spec.message))
    });
    Some(Answer {
        sums: borne.iter().map(line).collect(),
        changes: shortest.map(|_| Line::new("taint.tolerate", [])).into_iter().collect(),
        said: said.into_iter().collect(),
        ..Answer::new("taints", sentence.about(Key::cluster(Kind::NODE, node.name())))
    })
}

/// What would be answered to who asks for the pod's eviction, where a disruption budget has a say.
pub fn protected(pod: &Pod, view: &View, now: SimTime) -> Option<Answer> {
    if pod.is_deleting() || pod.status.phase.as_deref() != Some("Running") {
        return None;
    }
    let (sentence, budget, said) = match budget_to_charge(pod, view, now) {
        Ok(None) => return None,
        Ok(Some(budget)) => (Line::new("budget.may", [budget.name().into()]).holds(true), Some(budget), None),
        Err(refused) => {
            let found = budgets_of(pod, view).into_iter().next().cloned();
            let name = found.as_ref().map(|budget| budget.name().to_string()).unwrap_or_default();
            let line = Line::new("budget.not", [name]).holds(false);
            let causes = refused.causes.iter().map(|cause| format!(" {}", cause.message));
            let words = format!("{refused}{}", causes.collect::<String>());
            (line, found, Some((format!("{:?}", refused.reason), words)))
        }
    };
    let budget =
        budget.as_ref().and_then(|found| view.get::<PodDisruptionBudget>(found.namespace(), found.name()));
    let mut answer = Answer::new("budget", sentence);
    if let Some(found) = budget {
        answer.sentence.about = Some(key_of(Kind::POD_DISRUPTION_BUDGET, found));
        answer.sums = self::budget(found).sums;
        if said.is_some() {
            answer.changes = self::budget(found).changes;
        }
    }
    answer.said.extend(said);
    Some(answer)
}

/// A budget's own arithmetic, as its controller keeps it in the status.
pub fn budget(budget: &PodDisruptionBudget) -> Answer {
    let status = &budget.status;
    let count = |field: Option<i32>| field.unwrap_or(0);
    let (healthy, wanted) = (count(status.current_healthy), count(status.desired_healthy));
    let (allowed, expected) = (count(status.disruptions_allowed), count(status.expected_pods));
    let mut conditions = status.conditions.iter().flatten();
    let said = conditions.find(|found| found.type_ == "DisruptionAllowed").map(|found| {
        let text = format!("DisruptionAllowed={}: {}", found.status, found.reason);
        (text, found.message.clone())
    });
    let spec = match (&budget.spec.min_available, &budget.spec.max_unavailable) {
        (Some(least), _) => ("minAvailable", int_or_string(least)),
        (None, Some(most)) => ("maxUnavailable", int_or_string(most)),
        (None, None) => ("minAvailable", "1".into()),
    };
    Answer {
        sums: vec![
            Line::new("budget.wanted", [spec.0.into(), spec.1, text(expected), text(wanted)]),
            Line::new("budget.sum", [text(healthy), text(wanted), text(allowed)]).holds(allowed > 0),
        ],
        changes: (allowed == 0).then(|| Line::new("budget.change", [])).into_iter().collect(),
        said: said.into_iter().collect(),
        ..Answer::new("budget", Line::new("budget.allowed", [text(allowed)]).holds(allowed > 0))
    }
}

fn int_or_string(value: &crate::api::k8s::IntOrString) -> String {
    match value {
        crate::api::k8s::IntOrString::Int(number) => text(number),
        crate::api::k8s::IntOrString::String(words) => words.clone(),
    }
}

/// What keeps an object that is being deleted, or which of its owners is gone.
pub fn garbage(object: &Object, view: &View) -> Option<Answer> {
    let owners = garbage_collector::judge(object, view);
    let finalizers = object.meta().finalizers.as_deref().unwrap_or_default();
    let lost = owners.dangling.len() + owners.waiting.len();
    let sentence = match () {
        () if object.is_deleting() && !finalizers.is_empty() => {
            Line::new("garbage.held", [text(finalizers.len())])
        }
        () if object.is_deleting() || lost == 0 => return None,
        () if owners.solid.is_empty() => Line::new("garbage.goes", []).holds(false),
        () => Line::new("garbage.kept", []).holds(true),
    };
    let mut answer = Answer::new("garbage", sentence);
    answer.sums.extend(finalizers.iter().map(|name| Line::new("garbage.finalizer", [name.clone()])));
    for key in garbage_collector::awaited(object, view) {
        answer.sums.push(Line::new("garbage.awaits", [key.to_string()]).about(key));
    }
    let sorts = [("garbage.solid", &owners.solid, true), ("garbage.waiting", &owners.waiting, false)];
    for (key, list, holds) in sorts.into_iter().chain([("garbage.dangling", &owners.dangling, false)]) {
        let line = |owner: &&crate::api::k8s::OwnerReference| {
            let of = view.kind_from_manifest(&owner.api_version, &owner.kind);
            let mut line = Line::new(key, [format!("{} {}", owner.kind, owner.name)]).holds(holds);
            line.about = of.map(|kind| {
                Key::new(kind, if kind.info().namespaced { object.namespace() } else { "" }, &owner.name)
            });
            line
        };
        answer.sums.extend(list.iter().map(line));
    }
    if object.is_deleting() {
        answer.changes.push(Line::new("garbage.release", []));
    }
    Some(answer)
}
