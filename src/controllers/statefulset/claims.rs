//! The claims of a StatefulSet's pods: made before the pod, kept when it goes, and owned by the set or by the pod where the
//! retention policy says that they go with it.

use std::sync::Arc;

use sorted::SortedMap;

use super::super::ref_manager::controller_reference;
use super::identity::{claims, in_range, ordinal};
use crate::api::k8s::OwnerReference;
use crate::api::{Kind, KubeObject, MetaExt, Object, PersistentVolumeClaim, Pod, StatefulSet, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View};

/// Creates the pod's claims that do not exist (`createPersistentVolumeClaims`). Says whether there were any.
///
/// # Errors
/// The first refusal, or a claim that is on its way out.
pub fn create_missing(
    set: &StatefulSet,
    pod: &Pod,
    view: &View,
    client: &mut Client<'_>,
) -> Result<bool, Status> {
    let (mut first_failure, mut made) = (Ok(()), false);
    for (_, claim) in claims(set, pod) {
        let name = claim.name().to_string();
        let result = match view.get::<PersistentVolumeClaim>(set.namespace(), &name) {
            Some(existing) if existing.is_deleting() => {
                Err(Status::bad_request(format!("pvc {name} is being deleted")))
            }
            Some(_) => Ok(()),
            None => {
                let result = client.create(claim, None).map(drop);
                record(set, pod, &name, &result, client);
                made |= result.is_ok();
                result
            }
        };
        first_failure = first_failure.and(result);
    }
    first_failure.map(|()| made)
}

fn record(set: &StatefulSet, pod: &Pod, claim: &str, result: &Result<(), Status>, client: &mut Client<'_>) {
    let (pod, name) = (pod.name(), set.name());
    match result {
        Ok(()) => {
            let message = format!("Create Claim {claim} Pod {pod} in StatefulSet {name} success");
            client.event(reference(set), EventType::Normal, "SuccessfulCreate", message);
        }
        Err(refused) => {
            let message =
                format!("Create Claim {claim} for Pod {pod} in StatefulSet {name} failed error: {refused}");
            client.event(reference(set), EventType::Warning, "FailedCreate", message);
        }
    }
}

/// What happens to claims when their pod is scaled away, and when the set is deleted: whether they go too.
fn deletes(set: &StatefulSet) -> (bool, bool) {
    let policy = set.spec.persistent_volume_claim_retention_policy.as_ref();
    let is_delete = |when: Option<&String>| when.is_some_and(|when| when == "Delete");
    let scaled = policy.and_then(|policy| policy.when_scaled.as_ref());
    let deleted = policy.and_then(|policy| policy.when_deleted.as_ref());
    (is_delete(scaled), is_delete(deleted))
}

/// How many claims of each namespace name a StatefulSet or a pod as an owner.
#[derive(Clone, Debug, Default)]
pub struct OwnedClaims(SortedMap<Arc<str>, usize>);

impl OwnedClaims {
    /// Takes note of a write, if it is to a claim.
    pub fn note(&mut self, change: &Change) {
        let is_owned = |claim: &Option<Arc<Object>>| {
            let owners = claim.as_ref().and_then(|claim| claim.meta().owner_references.as_deref());
            let kinds = [Kind::STATEFUL_SET.name(), Kind::POD.name()];
            owners.unwrap_or_default().iter().any(|owner| kinds.contains(&owner.kind.as_str()))
        };
        if change.key.kind != Kind::PERSISTENT_VOLUME_CLAIM {
            return;
        }
        let namespace = &change.key.namespace;
        if is_owned(&change.before)
            && let Some(count) = self.0.get_mut(namespace)
        {
            *count -= 1;
        }
        if is_owned(&change.after) {
            *self.0.entry(namespace.clone()).or_default() += 1;
        }
    }

    /// Whether the policy holds for every pod of a set, without a look at any: claims are to have no owners, and have none.
    pub fn policy_holds(&self, set: &StatefulSet) -> bool {
        set.spec.volume_claim_templates.as_ref().is_none_or(Vec::is_empty)
            || (deletes(set) == (false, false) && self.0.get(set.namespace()).is_none_or(|count| *count == 0))
    }
}

/// Whether a claim of the pod still belongs to an earlier pod of its name: the garbage collector has yet to take it.
pub fn is_stale(set: &StatefulSet, pod: &Pod, view: &View) -> bool {
    let (scaled, _) = deletes(set);
    scaled
        && existing(set, pod, view).any(|claim| {
            owners(claim).iter().any(|owner| {
                owner.kind == Pod::KIND.name() && owner.name == pod.name() && owner.uid != pod.uid()
            })
        })
}

fn existing<'a>(
    set: &StatefulSet,
    pod: &Pod,
    view: &'a View,
) -> impl Iterator<Item = &'a PersistentVolumeClaim> + use<'a> {
    let namespace = set.namespace().to_string();
    claims(set, pod).into_iter().filter_map(move |(_, claim)| view.get(&namespace, claim.name()))
}

fn owners(claim: &PersistentVolumeClaim) -> &[OwnerReference] {
    claim.meta.owner_references.as_deref().unwrap_or_default()
}

/// Whether the owners of the pod's claims are those that the policy wants.
pub fn policy_holds(set: &StatefulSet, pod: &Pod, view: &View) -> bool {
    existing(set, pod, view)
        .all(|claim| foreign_controller(claim, set, pod) || wanted(claim, set, pod).is_none())
}

/// Sets the owners of the pod's claims as the policy wants them (`UpdatePodClaimForRetentionPolicy`).
///
/// # Errors
/// What the API server refused.
pub fn follow_policy(
    set: &StatefulSet,
    pod: &Pod,
    view: &View,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    for (_, claim) in claims(set, pod) {
        // A claim that has only just been made is not in the view yet; upstream reads its cache and waits for the next
        // look, in which it is.
        let Some(claim) = view.get::<PersistentVolumeClaim>(set.namespace(), claim.name()) else { continue };
        if foreign_controller(claim, set, pod) {
            let message = format!(
                "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a managing controller, the retention \
                 policy is ignored for this claim",
                claim.name()
            );
            client.event(reference(claim), EventType::Warning, "ConflictingController", message);
            continue;
        }
        if let Some(owners) = wanted(claim, set, pod) {
            let mut object: Object = claim.clone().into();
            object.meta_mut().owner_references = Some(owners).filter(|owners| !owners.is_empty());
            client.update_object(object)?;
        }
    }
    Ok(())
}

/// Whether somebody else manages the claim.
fn foreign_controller(claim: &PersistentVolumeClaim, set: &StatefulSet, pod: &Pod) -> bool {
    let ours = |owner: &OwnerReference| is_set(owner, set) || is_pod(owner, pod);
    claim.controller().is_some_and(|owner| !ours(owner))
}

fn is_set(owner: &OwnerReference, set: &StatefulSet) -> bool {
    owner.kind == Kind::STATEFUL_SET.name() && owner.name == set.name()
}

fn is_pod(owner: &OwnerReference, pod: &Pod) -> bool {
    owner.kind == Kind::POD.name() && owner.name == pod.name()
}

/// The owners that the policy wants a claim to have; `None` if it has them. A pod within the set's range leaves its claim
/// to the set; one that is scaled away takes it along.
fn wanted(claim: &PersistentVolumeClaim, set: &StatefulSet, pod: &Pod) -> Option<Vec<OwnerReference>> {
    let (scaled, deleted) = deletes(set);
    let scaled_down = !in_range(set, ordinal(pod));
    let owner = match (scaled && scaled_down, deleted) {
        (true, _) => Some(controller_reference(pod)),
        (false, true) => Some(controller_reference(set)),
        (false, false) => None,
    };
    let others = owners(claim).iter().filter(|owner| !is_set(owner, set) && !is_pod(owner, pod));
    let wanted: Vec<OwnerReference> = others.cloned().chain(owner).collect();
    (wanted != owners(claim)).then_some(wanted)
}
