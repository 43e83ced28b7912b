//! The protection controllers: they let a claim go once no pod uses it, and a volume once no claim is bound to it, by taking away
//! the finalizer that admission gave. Models `pkg/controller/volume/pvcprotection` and `pvprotection`.

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::{Key, Kind, MetaExt, Object, PersistentVolume, Pod, Status};
use crate::client::{Change, Client, View, WorkQueue};

const OF_CLAIMS: &str = "kubernetes.io/pvc-protection";
const OF_VOLUMES: &str = "kubernetes.io/pv-protection";

/// Looks after claims.
#[derive(Clone, Debug, Default)]
pub struct PvcProtectionController;

impl Controller for PvcProtectionController {
    fn name(&self) -> &'static str {
        "pvc-protection-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME_CLAIM, Kind::POD]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match &**change.object() {
            Object::PersistentVolumeClaim(claim) if claim.is_deleting() && change.after.is_some() => {
                queue.add(change.key.clone(), Some(change.revision));
            }
            Object::Pod(pod) if change.after.is_none() => {
                for claim in claims_of(pod) {
                    let key = Key::new(Kind::PERSISTENT_VOLUME_CLAIM, pod.namespace(), &claim);
                    queue.add(key, Some(change.revision));
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // What decides is read past the informer, as upstream does: a pod may just have been bound.
        let uses = |pod: &Pod| {
            pod.spec.node_name.is_some() && claims_of(pod).iter().any(|claim| *claim == *key.name)
        };
        let in_use = client.live().list::<Pod>(Some(&key.namespace)).any(uses);
        if in_use {
            return Ok(Action::AwaitChange);
        }
        release(key, OF_CLAIMS, client)
    }
}

/// The claims that a pod's volumes name, those made for the pod itself among them.
fn claims_of(pod: &Pod) -> Vec<String> {
    let volumes = pod.spec.volumes.iter().flatten();
    let claim = |volume: &crate::api::k8s::Volume| match &volume.persistent_volume_claim {
        Some(source) => Some(source.claim_name.clone()),
        None => volume.ephemeral.as_ref().map(|_| format!("{}-{}", pod.name(), volume.name)),
    };
    volumes.filter_map(claim).collect()
}

/// Looks after volumes.
#[derive(Clone, Debug, Default)]
pub struct PvProtectionController;

impl Controller for PvProtectionController {
    fn name(&self) -> &'static str {
        "pv-protection-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        if change.after.as_ref().is_some_and(|volume| volume.is_deleting()) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let volume = view.get::<PersistentVolume>("", &key.name);
        if volume.is_some_and(|volume| volume.status.phase.as_deref() == Some("Bound")) {
            return Ok(Action::AwaitChange);
        }
        release(key, OF_VOLUMES, client)
    }
}

/// Takes the finalizer from an object that is being deleted.
fn release(key: &Key, finalizer: &str, client: &mut Client<'_>) -> Result<Action, Status> {
    if let Ok(object) = client.get(key)
        && object.is_deleting()
    {
        let mut object = (*object).clone();
        if let Some(finalizers) = &mut object.meta_mut().finalizers {
            finalizers.retain(|held| held != finalizer);
        }
        gone_is_fine(client.update_object(object))?;
    }
    Ok(Action::AwaitChange)
}
