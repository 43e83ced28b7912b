//! The ReplicaSet controller: as many pods of one template as are wanted, no more and no fewer.
//! Models `pkg/controller/replicaset`.

mod expectations;
mod ranking;
mod status;

use std::sync::Arc;

use super::pods::{pod_from_template, pod_wanted};
use super::{Action, Controller};
use crate::api::explain::{Explain, ReplicaStep};
use crate::api::selector::Selector;
use crate::api::{Key, Kind, KubeObject, MetaExt, Object, Pod, ReplicaSet, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::SimDuration;

use expectations::Expectations;

/// At most so many pods are created or deleted in one look (`BurstReplicas`).
const BURST: usize = 500;

/// The controller and its memory of what it has asked for and not seen yet.
#[derive(Clone, Debug, Default)]
pub struct ReplicaSetController {
    expectations: Expectations,
}

impl Controller for ReplicaSetController {
    fn name(&self) -> &'static str {
        "replicaset-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::REPLICA_SET, Kind::POD]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let object = change.object();
        if let Object::ReplicaSet(_) = &**object {
            if change.after.is_none() {
                self.expectations.forget(&change.key);
            }
            queue.add(change.key.clone(), Some(change.revision));
            return;
        }
        let began_deletion = || {
            let was = change.before.as_ref().is_some_and(|before| before.is_deleting());
            !was && change.after.as_ref().is_none_or(|after| after.is_deleting())
        };
        for owner in [&change.before, &change.after].into_iter().flatten().filter_map(owner_key) {
            if change.before.is_none() {
                self.expectations.saw_creation(&owner);
            }
            if began_deletion() {
                self.expectations.saw_deletion(&owner, object.uid());
            }
            queue.add(owner, Some(change.revision));
        }
        if object.controller().is_none() {
            let selects = |set: &&ReplicaSet| selector_of(set).matches(object.labels());
            for set in view.list::<ReplicaSet>(Some(object.namespace())).filter(selects) {
                queue.add(Key::new(ReplicaSet::KIND, set.namespace(), set.name()), Some(change.revision));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(set) = view.get::<ReplicaSet>(&key.namespace, &key.name) else {
            self.expectations.forget(key);
            return Ok(Action::AwaitChange);
        };
        let pods = claim_pods(set, view, client)?;
        let active: Vec<&Pod> = pods.iter().filter(|pod| is_active(pod)).collect();
        let failure = if self.expectations.satisfied(key) && !set.is_deleting() {
            self.manage(key, set, &active, view, client).err()
        } else {
            None
        };
        let wait = status::update(set, &pods, failure.as_ref(), client)?;
        match (failure, wait) {
            (Some(failure), _) => Err(failure),
            (None, Some(wait)) => Ok(Action::RequeueAfter(wait)),
            (None, None) => Ok(Action::AwaitChange),
        }
    }
}

impl ReplicaSetController {
    /// Creates what is missing, in batches that double (1, 2, 4 …) so that a set whose pods are refused makes few futile
    /// tries; or deletes what is too much, the least useful pods first.
    fn manage(
        &mut self,
        key: &Key,
        set: &ReplicaSet,
        active: &[&Pod],
        view: &View,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let desired = set.spec.replicas.unwrap_or(1);
        let actual = active.len() as i32;
        if actual < desired {
            let missing = ((desired - actual) as usize).min(BURST);
            self.expectations.expect_creations(key, missing);
            let explain = ReplicaStep { desired, actual, ranking: None };
            let (mut made, mut batch) = (0, 1usize);
            while made < missing {
                for _ in 0..batch.min(missing - made) {
                    if let Err(refused) = create_pod(set, &explain, client) {
                        self.expectations.lower_creations(key, missing - made);
                        return Err(refused);
                    }
                    made += 1;
                }
                batch *= 2;
            }
        } else if actual > desired {
            let surplus = ((actual - desired) as usize).min(BURST);
            let doomed = ranking::victims(set, active, surplus, view);
            self.expectations
                .expect_deletions(key, doomed.iter().map(|victim| victim.pod.uid().to_string()).collect());
            for victim in doomed {
                let explain = Explain::Replicas(ReplicaStep { desired, actual, ranking: Some(victim.why) });
                let pod_key = Key::new(Kind::POD, victim.pod.namespace(), victim.pod.name());
                match client.delete(&pod_key, &DeleteOptions::default(), Some(explain)) {
                    Ok(_) => {
                        let message = format!("Deleted pod: {}", victim.pod.name());
                        client.event(reference(set), EventType::Normal, "SuccessfulDelete", message);
                    }
                    Err(refused) => {
                        self.expectations.saw_deletion(key, victim.pod.uid());
                        if refused.code != 404 {
                            return Err(refused);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn create_pod(set: &ReplicaSet, explain: &ReplicaStep, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(template) = &set.spec.template else { return Ok(()) };
    let pod = pod_from_template(template, set);
    match client.create(pod, Some(Explain::Replicas(explain.clone()))) {
        Ok(pod) => {
            client.event(
                reference(set),
                EventType::Normal,
                "SuccessfulCreate",
                format!("Created pod: {}", pod.name()),
            );
            Ok(())
        }
        Err(refused) => {
            client.event(
                reference(set),
                EventType::Warning,
                "FailedCreate",
                format!("Error creating: {refused}"),
            );
            Err(refused)
        }
    }
}

/// The ReplicaSet that manages a pod.
fn owner_key(object: &Arc<Object>) -> Option<Key> {
    let owner = object.controller().filter(|owner| owner.kind == "ReplicaSet")?;
    Some(Key::new(Kind::REPLICA_SET, object.namespace(), &owner.name))
}

fn selector_of(set: &ReplicaSet) -> Selector {
    Selector::from_field(&set.spec.selector).unwrap_or_default()
}

/// Whether a pod counts: not finished and not being deleted (`IsPodActive`).
pub fn is_active(pod: &Pod) -> bool {
    !matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")) && !pod.is_deleting()
}

/// The set's pods: those it manages and whose labels still match, after adopting matching pods that nobody manages and
/// releasing managed ones that no longer match (`PodControllerRefManager.ClaimPods`).
fn claim_pods(set: &ReplicaSet, view: &View, client: &mut Client<'_>) -> Result<Vec<Pod>, Status> {
    let selector = selector_of(set);
    let mut claimed = Vec::new();
    for pod in view.list::<Pod>(Some(set.namespace())) {
        let matches = selector.matches(pod.labels());
        match pod.controller() {
            Some(owner) if owner.uid == set.uid() && matches => claimed.push(pod.clone()),
            Some(owner) if owner.uid == set.uid() && !set.is_deleting() => {
                let mut released = pod.clone();
                let owners = &mut Arc::make_mut(&mut released.meta).owner_references;
                owners.iter_mut().for_each(|owners| owners.retain(|owner| owner.uid != set.uid()));
                client.update(released, None)?;
            }
            None if matches && !set.is_deleting() && is_active(pod) && pod_wanted(pod) => {
                let mut adopted = pod.clone();
                let owners = Arc::make_mut(&mut adopted.meta).owner_references.get_or_insert_default();
                owners.push(super::pods::controller_reference(set));
                claimed.push(client.update(adopted, None)?);
            }
            _ => {}
        }
    }
    Ok(claimed)
}

/// How long until the last of the ready pods has been ready for `min_ready_seconds`; `None` if all have.
pub fn until_available(
    pods: &[Pod],
    min_ready_seconds: i32,
    now: crate::clock::SimTime,
) -> Option<SimDuration> {
    pods.iter()
        .filter_map(|pod| super::pods::available_in(pod, min_ready_seconds, now))
        .filter(|wait| *wait > SimDuration::ZERO)
        .min()
}
