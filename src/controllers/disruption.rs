//! The disruption controller: how many pods of a PodDisruptionBudget may be evicted now. Models
//! `pkg/controller/disruption`.

use std::sync::Arc;

use sorted::SortedMap;

use super::pods::{is_ready, is_terminal};
use super::{Action, Controller};
use crate::api::int_or_string::{Rounding, scaled};
use crate::api::k8s::{IntOrString, LabelSelector, PodCondition, PodDisruptionBudgetStatus, Time};
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, Pod, PodDisruptionBudget, Status, budgets, condition};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// For so long an eviction that the API server granted counts as under way, though the pod is not seen deleted yet.
const DELETION_TIMEOUT: SimDuration = SimDuration::from_secs(120);

/// A pod that somebody said would go, and that is still there after so long, stays after all.
const STALE_TIMEOUT: SimDuration = SimDuration::from_secs(120);

/// The built-in kinds that say how many pods they want in `scale`.
const SCALABLE: [Kind; 4] =
    [Kind::DEPLOYMENT, Kind::REPLICA_SET, Kind::STATEFUL_SET, Kind::REPLICATION_CONTROLLER];

/// The controller. It remembers which pods have more than one budget, until that is reported.
#[derive(Clone, Debug, Default)]
pub struct DisruptionController {
    /// By the budget that was chosen.
    crowded: SortedMap<Key, Vec<Key>>,
}

impl Controller for DisruptionController {
    /// As its events name it.
    fn name(&self) -> &'static str {
        "controllermanager"
    }

    fn watches(&self) -> &'static [Kind] {
        &[
            Kind::POD_DISRUPTION_BUDGET,
            Kind::POD,
            Kind::DEPLOYMENT,
            Kind::REPLICA_SET,
            Kind::STATEFUL_SET,
            Kind::REPLICATION_CONTROLLER,
        ]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        if change.key.kind == Kind::POD_DISRUPTION_BUDGET {
            queue.add(change.key.clone(), Some(change.revision));
            return;
        }
        // Which pods a change of a workload concerns is not looked up: its pods change next.
        if change.key.kind != Kind::POD {
            return;
        }
        if let Some(since) = change.after.as_ref().and_then(|pod| pod.as_kind::<Pod>()).and_then(doubtful) {
            queue.add_after(change.key.clone(), (since + STALE_TIMEOUT).since(change.time));
        }
        let budgets: Vec<(Key, Selector)> = view
            .list::<PodDisruptionBudget>(Some(&change.key.namespace))
            .filter_map(|budget| {
                let key = Key::new(Kind::POD_DISRUPTION_BUDGET, budget.namespace(), budget.name());
                Some((key, selector_of(budget)?))
            })
            .collect();
        // A pod counts by the labels that it has now; one that is gone by those that it had.
        let Some(pod) = change.after.as_ref().or(change.before.as_ref()) else { return };
        let own: Vec<&Key> =
            budgets.iter().filter(|(_, it)| it.matches(pod.labels())).map(|(key, _)| key).collect();
        // Which of several is as good as chance: the list comes out of a map.
        let Some(chosen) = own.get(change.revision as usize % own.len().max(1)) else { return };
        if own.len() > 1 {
            self.crowded.entry((*chosen).clone()).or_default().push(change.key.clone());
        }
        queue.add((*chosen).clone(), Some(change.revision));
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        if key.kind == Kind::POD {
            return clear_stale(key, view, client);
        }
        for pod in self.crowded.remove(key).unwrap_or_default() {
            if let Some(pod) = view.get::<Pod>(&pod.namespace, &pod.name) {
                let message = format!(
                    "Pod {:?}/{:?} matches multiple PodDisruptionBudgets.  Chose {:?} arbitrarily.",
                    pod.namespace(),
                    pod.name(),
                    key.name
                );
                client.event(reference(pod), EventType::Warning, "MultiplePodDisruptionBudgets", message);
            }
        }
        let Some(budget) = view.get::<PodDisruptionBudget>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let selector = selector_of(budget);
        let pods: Vec<&Pod> = view
            .list::<Pod>(Some(budget.namespace()))
            .filter(|pod| selector.as_ref().is_some_and(|selector| selector.matches(pod.labels())))
            .collect();
        if pods.is_empty() {
            client.event(reference(budget), EventType::Normal, "NoPods", "No matching pods found");
        }
        match Counts::of(budget, &pods, view) {
            Ok(counts) => {
                report_unmanaged(budget, &counts, client);
                write(budget, &pods, &counts, client)
            }
            Err(why) => {
                let message = format!("Failed to calculate the number of expected pods: {why}");
                let reason = "CalculateExpectedPodCountFailed";
                client.event(reference(budget), EventType::Warning, reason, message);
                fail_safe(budget, &why, client)
            }
        }
    }
}

/// Since when a pod is said to go that does nothing of the kind (`nonTerminatingPodHasStaleDisruptionCondition`). What the
/// kubelet says of it comes with its end.
fn doubtful(pod: &Pod) -> Option<SimTime> {
    let said = condition::find(pod.status.conditions.as_deref(), condition::DISRUPTION_TARGET)?;
    let open = said.status == "True" && said.reason.as_deref() != Some(condition::TERMINATION_BY_KUBELET);
    let since = said.last_transition_time.as_ref().map_or(SimTime::default(), SimTime::from_time);
    (open && !pod.is_deleting() && !is_terminal(pod)).then_some(since)
}

/// Takes back that a pod goes, once it has stayed for long enough (`syncStalePodDisruption`).
fn clear_stale(key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
    let Some(pod) = view.get::<Pod>(&key.namespace, &key.name) else { return Ok(Action::AwaitChange) };
    let Some(since) = doubtful(pod) else { return Ok(Action::AwaitChange) };
    let (now, due) = (client.now(), since + STALE_TIMEOUT);
    if now < due {
        return Ok(Action::RequeueAfter(due.since(now)));
    }
    let mut pod = pod.clone();
    let stays = PodCondition {
        type_: condition::DISRUPTION_TARGET.into(),
        status: "False".into(),
        last_transition_time: Some(now.to_time()),
        observed_generation: pod.meta.generation,
        ..Default::default()
    };
    condition::set(&mut Arc::make_mut(&mut pod.status).conditions, stays);
    client.update_status(pod, None)?;
    Ok(Action::AwaitChange)
}

fn selector_of(budget: &PodDisruptionBudget) -> Option<Selector> {
    budget.spec.selector.as_ref().and_then(Selector::from_field)
}

/// How many pods there should be, and how many must stay healthy.
struct Counts {
    expected: i32,
    desired: i32,
    unmanaged: bool,
}

impl Counts {
    /// Models `getExpectedPodCount`. A number of pods that must be available stands for itself; a share, or a number that may
    /// be unavailable, is of what the pods' controllers are asked for.
    fn of(budget: &PodDisruptionBudget, pods: &[&Pod], view: &View) -> Result<Counts, String> {
        let spec = &budget.spec;
        if let (Some(IntOrString::Int(desired)), None) = (&spec.min_available, &spec.max_unavailable) {
            let expected = i32::try_from(pods.len()).unwrap_or(i32::MAX);
            return Ok(Counts { expected, desired: *desired, unmanaged: false });
        }
        let (expected, unmanaged) = expected_scale(pods, view)?;
        let share = |value: &IntOrString| {
            scaled(value, expected, Rounding::Up).ok_or_else(|| "invalid value for IntOrString".to_string())
        };
        let desired = match (&spec.max_unavailable, &spec.min_available) {
            (Some(most), _) => (expected - share(most)?).max(0),
            (None, Some(least)) => share(least)?,
            (None, None) => 0,
        };
        Ok(Counts { expected, desired, unmanaged })
    }
}

/// The sum of the sizes of the pods' controllers, each counted once, and whether some pods have none.
fn expected_scale(pods: &[&Pod], view: &View) -> Result<(i32, bool), String> {
    let mut scales: SortedMap<String, i32> = SortedMap::new();
    let mut unmanaged = false;
    for pod in pods {
        let Some(owner) = pod.controller() else {
            unmanaged = true;
            continue;
        };
        if scales.contains_key(&owner.uid) {
            continue;
        }
        let found = scale_of(pod, view)?;
        let (uid, scale) = found.ok_or_else(|| format!("found no controllers for pod {:?}", pod.name()))?;
        scales.insert(uid, scale);
        // A ReplicaSet's Deployment counts in its place: all its sets share one size.
        scales.entry(owner.uid.clone()).or_insert(0);
    }
    Ok((scales.values().fold(0, |all: i32, scale| all.saturating_add(*scale)), unmanaged))
}

/// The workload that decides how many pods there are of this one's kind, by its uid, and how many it asks for.
fn scale_of(pod: &Pod, view: &View) -> Result<Option<(String, i32)>, String> {
    let Some(owner) = pod.controller() else { return Ok(None) };
    let Some(kind) = view.kind_from_manifest(&owner.api_version, &owner.kind) else {
        return Err(format!("no matches for kind {:?} in version {:?}", owner.kind, owner.api_version));
    };
    let custom = view.definition(kind).and_then(|definition| Some(definition.preferred()?.scale()?.replicas));
    if custom.is_none() && !SCALABLE.contains(&kind) {
        return Err(format!("{} does not implement the scale subresource", kind.group_resource()));
    }
    let found = view.object(&Key::new(kind, pod.namespace(), &owner.name));
    let Some(object) = found.filter(|object| object.uid() == owner.uid) else { return Ok(None) };
    let wanted = match &**object {
        Object::ReplicaSet(set) => {
            let deployment = set.controller().filter(|owner| owner.kind == "Deployment");
            let found = deployment
                .and_then(|owner| view.object(&Key::new(Kind::DEPLOYMENT, pod.namespace(), &owner.name)));
            match found.map(|object| &**object) {
                Some(Object::Deployment(deployment)) => {
                    return Ok(Some((deployment.uid().into(), deployment.spec.replicas.unwrap_or(1))));
                }
                _ => set.spec.replicas,
            }
        }
        Object::StatefulSet(set) => set.spec.replicas,
        Object::ReplicationController(controller) => controller.spec.replicas,
        Object::Deployment(deployment) => deployment.spec.replicas,
        other => return Ok(custom.map(|path| (owner.uid.clone(), number_at(other, path)))),
    };
    Ok(Some((owner.uid.clone(), wanted.unwrap_or(1))))
}

/// The number that a custom object keeps at a path like `.spec.replicas`; none is zero.
fn number_at(object: &Object, path: &str) -> i32 {
    let found = object.to_value().pointer(&path.replace('.', "/")).and_then(serde_json::Value::as_i64);
    found.and_then(|number| i32::try_from(number).ok()).unwrap_or(0)
}

fn report_unmanaged(budget: &PodDisruptionBudget, counts: &Counts, client: &mut Client<'_>) {
    if !counts.unmanaged {
        return;
    }
    let selector = budget.spec.selector.as_ref().map(go_selector).unwrap_or_default();
    let message = format!(
        "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the status of \
         the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \
         \".spec.minAvailable\" field of the PDB to an integer value."
    );
    client.event(reference(budget), EventType::Warning, "UnmanagedPods", message);
}

/// A selector as Go's generated `String` writes it.
fn go_selector(selector: &LabelSelector) -> String {
    let mut labels = String::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        labels.push_str(&format!("{key}: {value},"));
    }
    let mut expressions = String::new();
    for expression in selector.match_expressions.iter().flatten() {
        let values = expression.values.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let (key, operator) = (&expression.key, &expression.operator);
        expressions.push_str(&format!(
            "LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"
        ));
    }
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

/// Counts the healthy pods and writes the status if it differs (`updatePdbStatus`).
fn write(
    budget: &PodDisruptionBudget,
    pods: &[&Pod],
    counts: &Counts,
    client: &mut Client<'_>,
) -> Result<Action, Status> {
    let now = client.now();
    let (disrupted, again) = disrupted(budget, pods, client);
    let healthy = pods.iter().filter(|pod| {
        !pod.is_deleting() && !disrupted.iter().any(|(name, _)| name == pod.name()) && is_ready(pod)
    });
    let current = i32::try_from(healthy.count()).unwrap_or(i32::MAX);
    let allowed = if counts.expected <= 0 { 0 } else { (current - counts.desired).max(0) };
    let mut status = PodDisruptionBudgetStatus {
        current_healthy: Some(current),
        desired_healthy: Some(counts.desired),
        expected_pods: Some(counts.expected),
        disruptions_allowed: Some(allowed),
        disrupted_pods: Some(disrupted.into_iter().collect())
            .filter(|pods: &std::collections::BTreeMap<_, _>| !pods.is_empty()),
        observed_generation: budget.meta.generation,
        conditions: budget.status.conditions.clone(),
    };
    budgets::say_whether_allowed(&mut status, now);
    update(budget, status, client)?;
    Ok(again.map_or(Action::AwaitChange, Action::RequeueAfter))
}

fn update(
    budget: &PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    if status != *budget.status {
        let mut updated = budget.clone();
        updated.status = Arc::new(status);
        client.update_status(updated, None)?;
    }
    Ok(())
}

/// The pods whose eviction was granted and that are not marked yet, and when the first of them counts again
/// (`buildDisruptedPodMap`). Of one that should have gone by now that is said.
fn disrupted(
    budget: &PodDisruptionBudget,
    pods: &[&Pod],
    client: &mut Client<'_>,
) -> (Vec<(String, Time)>, Option<SimDuration>) {
    let now = client.now();
    let mut still = Vec::new();
    let mut again: Option<SimDuration> = None;
    for (name, since) in budget.status.disrupted_pods.iter().flatten() {
        let Some(pod) = pods.iter().find(|pod| pod.name() == name && !pod.is_deleting()) else { continue };
        let due = SimTime::from_time(since) + DELETION_TIMEOUT;
        if due < now {
            // It names the namespace twice, and not the budget.
            let place = format!("{0}/{0}", budget.namespace());
            let message = format!("Pod was expected by PDB {place} to be deleted but it wasn't");
            client.event(reference(*pod), EventType::Warning, "NotDeleted", message);
        } else {
            still.push((name.clone(), since.clone()));
            // A moment later, so that the time has surely passed.
            again = again.into_iter().chain([due.since(now) + SimDuration::from_micros(1)]).min();
        }
    }
    (still, again)
}

/// Where the counts cannot be worked out, nothing may be evicted (`failSafe`). The generation has not been dealt with.
fn fail_safe(budget: &PodDisruptionBudget, why: &str, client: &mut Client<'_>) -> Result<Action, Status> {
    let mut status = PodDisruptionBudgetStatus { disruptions_allowed: Some(0), ..(*budget.status).clone() };
    budgets::note(&mut status, "False", budgets::SYNC_FAILED, why, client.now());
    update(budget, status, client)?;
    Ok(Action::AwaitChange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Namespace;
    use crate::api::k8s::ObjectMeta;
    use crate::client::{Actor, ApiServer};

    /// What is said of a pod so many seconds after somebody has marked it, and left it at that.
    fn said_after(seconds: u64, reason: &str, phase: &str) -> Option<(String, Option<i64>)> {
        let mut api = ApiServer::new(1);
        let mut client = Client::new(&mut api, Actor::Environment, None);
        let meta = ObjectMeta { name: Some("default".into()), ..Default::default() };
        client.create(Namespace::new(meta, Default::default()), None).unwrap();
        let mut pod = crate::testing::pod("web").build();
        Arc::make_mut(&mut pod.spec).containers[0].image = Some("app".into());
        let made = client.create(pod, None).unwrap();
        let mut pod = made;
        let marked = condition::disruption(reason, "it goes", client.now(), Some(1));
        let status = Arc::make_mut(&mut pod.status);
        status.phase = Some(phase.into());
        condition::set(&mut status.conditions, marked);
        client.update_status(pod, None).unwrap();
        let key = Key::new(Kind::POD, "default", "web");
        api.set_now(SimTime::from_secs(seconds));
        let view = api.view().clone();
        let mut client = Client::new(&mut api, Actor::Controller("controllermanager"), None);
        DisruptionController::default().reconcile(&key, &view, &mut client).unwrap();
        let pod = api.view().get::<Pod>("default", "web")?;
        let found = condition::find(pod.status.conditions.as_deref(), condition::DISRUPTION_TARGET)?;
        Some((format!("{} {:?}", found.status, found.message.as_deref()), found.observed_generation))
    }

    #[test]
    fn a_pod_that_was_to_go_and_stays_is_said_to_stay_after_two_minutes() {
        let marked = Some(("True Some(\"it goes\")".to_string(), Some(1)));
        let stays = Some(("False None".to_string(), Some(1)));
        assert_eq!(said_after(119, "EvictionByEvictionAPI", "Running"), marked);
        assert_eq!(said_after(120, "EvictionByEvictionAPI", "Running"), stays);
        assert_eq!(said_after(120, condition::TERMINATION_BY_KUBELET, "Running"), marked);
        assert_eq!(said_after(120, "EvictionByEvictionAPI", "Failed"), marked);
    }
}
