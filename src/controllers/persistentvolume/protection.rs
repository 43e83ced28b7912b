//! Keeps claims that pods use, and volumes that claims are bound to (`pvcprotection`, `pvprotection`): a deletion waits for the
//! finalizer that admission gave them.

use super::claims_of;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Status};
use crate::client::{Change, Client, View, WorkQueue};
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::{Action, Controller};

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

fn waits(object: &Object, finalizer: &str) -> bool {
    object.is_deleting() && object.meta().finalizers.iter().flatten().any(|known| known == finalizer)
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
            if view.object(&key).is_some_and(|claim| waits(claim, CLAIM_FINALIZER)) {
                queue.add(key, Some(change.revision));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // A pod that has ended still uses its claims, until it is gone.
        let uses = |pod: &Pod| pod.spec.node_name.is_some() && claims_of(pod).any(|claim| claim == *key);
        let used = |view: &View| view.list::<Pod>(Some(&key.namespace)).any(uses);
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
        if change.after.as_ref().is_some_and(|volume| waits(volume, VOLUME_FINALIZER)) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let bound = |object: &Object| match object {
            Object::PersistentVolume(volume) => volume.status.phase.as_deref() == Some("Bound"),
            _ => false,
        };
        match view.object(key) {
            Some(volume) if waits(volume, VOLUME_FINALIZER) && !bound(volume) => {
                release(key, VOLUME_FINALIZER, client)
            }
            _ => Ok(Action::AwaitChange),
        }
    }
}
