//! Stands in for the sidecars of a storage driver beside the provisioner: deletes the volumes that nobody needs any more
//! (`external-provisioner`), makes volumes larger (`external-resizer`), and attaches them to nodes (`external-attacher`). The file system in a volume grows on the node
//! (the kubelet's part).

use std::sync::Arc;

use sorted::SortedMap;

use super::{PROVISIONED_BY, bytes, claim_key, class_of, requested};
use crate::api::k8s::PersistentVolumeClaimCondition;
use crate::api::{
    Key, Kind, MetaExt, Object, PersistentVolume, PersistentVolumeClaim, Status, StorageClass,
    VolumeAttachment, condition,
};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::{Action, Controller};

/// How long the storage takes for one of these.
const WORK: SimDuration = SimDuration::from_millis(300);

/// Deletes what a driver has made, once it is released. It remembers when each deletion is done.
#[derive(Clone, Debug, Default)]
pub struct DeleterController {
    doing: SortedMap<Key, SimTime>,
}

/// Whether there is something to do, and it has been under way for long enough; else how long it will still take.
fn is_due(doing: &mut SortedMap<Key, SimTime>, key: &Key, now: SimTime) -> Result<(), Action> {
    let ready = *doing.entry(key.clone()).or_insert(now + WORK);
    if ready > now {
        return Err(Action::RequeueAfter(ready.since(now)));
    }
    doing.remove(key);
    Ok(())
}

impl Controller for DeleterController {
    fn name(&self) -> &'static str {
        "external-provisioner"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match change.after.as_deref() {
            Some(Object::PersistentVolume(volume)) if is_to_go(volume) => {
                queue.add(change.key.clone(), Some(change.revision));
            }
            _ => drop(self.doing.remove(&change.key)),
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let wanted = client.live().get::<PersistentVolume>("", &key.name).is_some_and(is_to_go);
        if !wanted {
            self.doing.remove(key);
            return Ok(Action::AwaitChange);
        }
        if let Err(wait) = is_due(&mut self.doing, key, client.now()) {
            return Ok(wait);
        }
        // What is attached to a node cannot be deleted.
        let of_volume = |attachment: &VolumeAttachment| {
            attachment.spec.source.persistent_volume_name.as_deref() == Some(&*key.name)
        };
        if client.live().list::<VolumeAttachment>(None).any(of_volume) {
            return Ok(Action::RequeueAfter(WORK));
        }
        gone_is_fine(client.delete(key, &DeleteOptions::default(), None))?;
        Ok(Action::AwaitChange)
    }
}

fn is_to_go(volume: &PersistentVolume) -> bool {
    volume.status.phase.as_deref() == Some("Released")
        && volume.spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete")
        && volume.annotation(PROVISIONED_BY).is_some()
        && !volume.is_deleting()
}

/// Makes the volumes of claims that ask for more as large as they ask for. It remembers when each is done.
#[derive(Clone, Debug, Default)]
pub struct ResizerController {
    doing: SortedMap<Key, SimTime>,
}

impl Controller for ResizerController {
    fn name(&self) -> &'static str {
        "external-resizer"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME_CLAIM]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match change.after.as_deref() {
            Some(Object::PersistentVolumeClaim(claim)) if wants_more(claim) => {
                queue.add(change.key.clone(), Some(change.revision));
            }
            _ => drop(self.doing.remove(&change.key)),
        }
    }

    /// Models `resizer/controller.go syncPVC`: the claim says that it is being resized, the volume grows, and the claim waits
    /// for its file system.
    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let found = client.get(key).ok();
        let claim = found.as_deref().and_then(Object::as_kind::<PersistentVolumeClaim>);
        let Some(claim) = claim.filter(|claim| wants_more(claim)) else { return Ok(Action::AwaitChange) };
        let named = claim.spec.volume_name.as_deref().unwrap_or_default();
        let volume = client.live().get::<PersistentVolume>("", named).cloned();
        let class = client.live().get::<StorageClass>("", class_of(claim));
        let grows = class.is_some_and(|class| class.spec.allow_volume_expansion == Some(true));
        let Some(volume) = volume.filter(|_| grows) else { return Ok(Action::AwaitChange) };
        let resizing = condition::is_true(claim.status.conditions.as_deref(), "Resizing");
        if !resizing {
            let message = format!("External resizer is resizing volume {}", volume.name());
            client.event(reference(claim), EventType::Normal, "Resizing", message);
            set_progress(claim, "Resizing", "ControllerResizeInProgress", None, client)?;
        }
        if let Err(wait) = is_due(&mut self.doing, key, client.now()) {
            return Ok(wait);
        }
        let wanted = requested(claim).cloned().unwrap_or_default();
        let mut larger = volume;
        if bytes(larger.spec.capacity.as_ref().and_then(|all| all.get("storage"))) < bytes(Some(&wanted)) {
            let spec = Arc::make_mut(&mut larger.spec);
            spec.capacity.get_or_insert_default().insert("storage".into(), wanted);
            client.update(larger, None)?;
        }
        let found = client.get(key)?;
        let Some(claim) = found.as_kind::<PersistentVolumeClaim>() else { return Ok(Action::AwaitChange) };
        let message = "Require file system resize of volume on node";
        client.event(reference(claim), EventType::Normal, "FileSystemResizeRequired", message);
        let why = "Waiting for user to (re-)start a pod to finish file system resize of volume on node.";
        set_progress(claim, "FileSystemResizePending", "NodeResizePending", Some(why), client)?;
        debug_assert_eq!(claim_key(claim), *key, "one claim at a time");
        Ok(Action::AwaitChange)
    }
}

/// Attaches volumes to nodes and takes them off (`external-attacher`). It remembers when each is done.
#[derive(Clone, Debug, Default)]
pub struct AttacherController {
    doing: SortedMap<Key, SimTime>,
}

impl Controller for AttacherController {
    fn name(&self) -> &'static str {
        "external-attacher"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::VOLUME_ATTACHMENT]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match change.after.as_deref() {
            Some(Object::VolumeAttachment(attachment))
                if attachment.is_deleting() || !attachment.status.attached =>
            {
                queue.add(change.key.clone(), Some(change.revision));
            }
            _ => drop(self.doing.remove(&change.key)),
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let found = client.get(key).ok();
        let Some(attachment) = found.as_deref().and_then(Object::as_kind::<VolumeAttachment>) else {
            self.doing.remove(key);
            return Ok(Action::AwaitChange);
        };
        let mark = format!("external-attacher/{}", attachment.spec.attacher.replace('.', "-"));
        let marked = attachment.meta.finalizers.iter().flatten().any(|known| *known == mark);
        let mut updated = attachment.clone();
        if !marked && !attachment.is_deleting() {
            let meta = Arc::make_mut(&mut updated.meta);
            meta.finalizers.get_or_insert_default().push(mark);
            meta.annotations
                .get_or_insert_default()
                .insert("csi.alpha.kubernetes.io/node-id".into(), attachment.spec.node_name.clone());
            client.update(updated, None)?;
            return Ok(Action::RequeueAfter(WORK));
        }
        if let Err(wait) = is_due(&mut self.doing, key, client.now()) {
            return Ok(wait);
        }
        if !attachment.is_deleting() {
            Arc::make_mut(&mut updated.status).attached = true;
            client.update_status(updated, None)?;
        } else if marked {
            let meta = Arc::make_mut(&mut updated.meta);
            meta.finalizers.iter_mut().for_each(|all| all.retain(|known| *known != mark));
            gone_is_fine(client.update(updated, None).map(drop))?;
        }
        Ok(Action::AwaitChange)
    }
}

/// Whether a claim asks for more than it has, and nobody has done about it what a driver can.
fn wants_more(claim: &PersistentVolumeClaim) -> bool {
    let has = claim.status.capacity.as_ref().and_then(|capacity| capacity.get("storage"));
    let pending = condition::find(claim.status.conditions.as_deref(), "FileSystemResizePending").is_some();
    let given = claim.status.allocated_resources.as_ref().and_then(|all| all.get("storage"));
    let wanted = bytes(requested(claim));
    let granted = pending && bytes(given) >= wanted;
    claim.status.phase.as_deref() == Some("Bound") && has.is_some() && wanted > bytes(has) && !granted
}

/// Says in a claim's status how far its growth has come.
fn set_progress(
    claim: &PersistentVolumeClaim,
    type_: &str,
    state: &str,
    message: Option<&str>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let mut updated = claim.clone();
    let status = Arc::make_mut(&mut updated.status);
    let storage = || "storage".to_string();
    status.allocated_resources = requested(claim).map(|size| [(storage(), size.clone())].into());
    status.allocated_resource_statuses = Some([(storage(), state.to_string())].into());
    status.conditions = Some(vec![PersistentVolumeClaimCondition {
        type_: type_.into(),
        status: "True".into(),
        message: message.map(str::to_string),
        last_transition_time: Some(client.now().to_time()),
        ..Default::default()
    }]);
    client.update_status(updated, None).map(drop)
}
