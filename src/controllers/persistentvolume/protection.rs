//! Keeps claims that pods use, and volumes that claims are bound to (`pvcprotection`, `pvprotection`): a deletion waits for the
//! finalizer that admission gave them.

use super::claims_of;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Status};
use crate::client::{Change, Client, View, WorkQueue};
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::{Action, Controller};

/// Puts `finalizer` on an object that somebody has taken it from.
fn protect(key: &Key, finalizer: &str, client: &mut Client<'_>) -> Result<Action, Status> {
    if let Ok(object) = client.get(key) {
        let mut object = (*object).clone();
        object.meta_mut().finalizers.get_or_insert_default().push(finalizer.into());
        gone_is_fine(client.update_object(object))?;
    }
    Ok(Action::AwaitChange)
}

/// Takes `finalizer` off an object.
fn release(key: &Key, finalizer: &str, client: &mut Client<'_>) -> Result<Action, Status> {
    if let Ok(object) = client.get(key) {
        let mut object = (*object).clone();
        let meta = object.meta_mut();
        let mut finalizers = meta.finalizers.take().unwrap_or_default();
        finalizers.retain(|known| known != finalizer);
        meta.finalizers = Some(finalizers).filter(|finalizers| !finalizers.is_empty());
        gone_is_fine(client.update_object(object))?;
    }
    Ok(Action::AwaitChange)
}

fn is_protected(object: &Object, finalizer: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|known| known == finalizer)
}

fn waits(object: &Object, finalizer: &str) -> bool {
    object.is_deleting() && is_protected(object, finalizer)
}

/// Whether somebody has taken the finalizer off an object that stays.
fn is_bare(object: &Object, finalizer: &str) -> bool {
    !object.is_deleting() && !is_protected(object, finalizer)
}

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct PvcProtectionController;

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";

impl Controller for PvcProtectionController {
    fn name(&self) -> &'static str {
        "persistentvolumeclaim-protection-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME_CLAIM, Kind::POD]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let keys: Vec<Key> = match &**change.object() {
            Object::Pod(pod) => claims_of(pod).collect(),
            _ => vec![change.key.clone()],
        };
        for key in keys {
            let concerns = |claim: &Object| waits(claim, CLAIM_FINALIZER) || is_bare(claim, CLAIM_FINALIZER);
            if view.object(&key).is_some_and(|claim| concerns(claim)) {
                queue.add(key, Some(change.revision));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // A pod that has ended still uses its claims, until it is gone.
        let uses = |pod: &Pod| pod.spec.node_name.is_some() && claims_of(pod).any(|claim| claim == *key);
        let used = |view: &View| view.list::<Pod>(Some(&key.namespace)).any(uses);
        if client.get(key).is_ok_and(|claim| is_bare(&claim, CLAIM_FINALIZER)) {
            return protect(key, CLAIM_FINALIZER, client);
        }
        let waits = view.object(key).is_some_and(|claim| waits(claim, CLAIM_FINALIZER));
        if !waits || used(view) || used(client.live()) {
            return Ok(Action::AwaitChange);
        }
        release(key, CLAIM_FINALIZER, client)
    }
}

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct PvProtectionController;

const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

impl Controller for PvProtectionController {
    fn name(&self) -> &'static str {
        "persistentvolume-protection-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        let concerns = |volume: &Object| waits(volume, VOLUME_FINALIZER) || is_bare(volume, VOLUME_FINALIZER);
        if change.after.as_ref().is_some_and(|volume| concerns(volume)) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let bound = |object: &Object| match object {
            Object::PersistentVolume(volume) => volume.status.phase.as_deref() == Some("Bound"),
            _ => false,
        };
        if client.get(key).is_ok_and(|volume| is_bare(&volume, VOLUME_FINALIZER)) {
            return protect(key, VOLUME_FINALIZER, client);
        }
        match view.object(key) {
            Some(volume) if waits(volume, VOLUME_FINALIZER) && !bound(volume) => {
                release(key, VOLUME_FINALIZER, client)
            }
            _ => Ok(Action::AwaitChange),
        }
    }
}
