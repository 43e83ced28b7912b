//! What becomes of a volume that its claim has released (`pv_controller.go reclaimVolume`): it is kept, emptied, or deleted.
//! What a driver has made is the driver's to delete.

use std::sync::Arc;

use super::PROVISIONED_BY;
use super::binder::{BOUND_BY_CONTROLLER, set_volume_phase};
use crate::api::{Key, Kind, MetaExt, PersistentVolume, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, DeleteOptions};
use crate::controllers::ref_manager::gone_is_fine;

/// The claim that a volume was kept for has been bound to another: the volume goes if it was made for that claim alone, else others
/// may have it. One that was reserved by name stays so (`unbindVolume`).
///
/// # Errors
/// What the API server refused.
pub(super) fn give_back(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    let made_for_it = volume.annotation(PROVISIONED_BY).is_some();
    if made_for_it && volume.spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete") {
        return release(volume, client);
    }
    let mut freed = volume.clone();
    let annotations = &mut Arc::make_mut(&mut freed.meta).annotations;
    let bound_here = annotations.as_mut().and_then(|all| all.remove(BOUND_BY_CONTROLLER)).is_some();
    *annotations = annotations.take().filter(|all| !all.is_empty());
    let claim_ref = &mut Arc::make_mut(&mut freed.spec).claim_ref;
    match claim_ref {
        Some(claim_ref) if !bound_here => claim_ref.uid = None,
        _ => *claim_ref = None,
    }
    let freed = client.update(freed, None)?;
    set_volume_phase(&freed, "Available", client).map(drop)
}

/// Nobody needs a volume any more. That it could not be done away with stays to be seen.
///
/// # Errors
/// What the API server refused.
pub(super) fn release(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    if volume.status.phase.as_deref() == Some("Failed") {
        return Ok(());
    }
    let volume = set_volume_phase(volume, "Released", client)?;
    reclaim(&volume, client)
}

/// Does with a released volume what its policy says.
fn reclaim(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    match volume.spec.persistent_volume_reclaim_policy.as_deref() {
        Some("Delete") => delete(volume, client),
        Some("Recycle") => recycle(volume, client),
        _ => Ok(()),
    }
}

/// Plugins of the controller itself can only delete directories below `/tmp`.
fn delete(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    if volume.annotation(PROVISIONED_BY).is_some() || volume.is_deleting() {
        return Ok(());
    }
    let why = match &volume.spec.host_path {
        Some(source) if source.path.starts_with("/tmp/") && source.path.len() > "/tmp/".len() => {
            let key = Key::cluster(Kind::PERSISTENT_VOLUME, volume.name());
            return gone_is_fine(client.delete(&key, &DeleteOptions::default(), None)).map(drop);
        }
        Some(source) => {
            format!("host_path deleter only supports /tmp/.+ but received provided {}", source.path)
        }
        None => format!(
            "error getting deleter volume plugin for volume {:?}: no deletable volume plugin matched",
            volume.name()
        ),
    };
    fail(volume, "VolumeFailedDelete", why, client)
}

/// Empties a volume and offers it again: old-fashioned, and only for directories of nodes and of NFS servers.
fn recycle(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    if volume.spec.host_path.is_none() && volume.spec.nfs.is_none() {
        let why = "No recycler plugin found for the volume!".to_string();
        return fail(volume, "VolumeFailedRecycle", why, client);
    }
    client.event(reference(volume), EventType::Normal, "VolumeRecycled", "Volume recycled");
    let mut freed = volume.clone();
    Arc::make_mut(&mut freed.spec).claim_ref = None;
    if let Some(annotations) = &mut Arc::make_mut(&mut freed.meta).annotations {
        annotations.remove(BOUND_BY_CONTROLLER);
    }
    client.update(freed, None).map(drop)
}

fn fail(volume: &PersistentVolume, reason: &str, why: String, client: &mut Client<'_>) -> Result<(), Status> {
    client.event(reference(volume), EventType::Warning, reason, why.clone());
    let mut failed = volume.clone();
    let status = Arc::make_mut(&mut failed.status);
    (status.phase, status.message) = (Some("Failed".into()), Some(why));
    status.last_phase_transition_time = Some(client.now().to_time());
    client.update_status(failed, None).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Object;
    use crate::client::{Actor, ApiServer};

    /// A volume after the claim that it was kept for has been bound to another, in words.
    fn given_back(policy: &str, annotation: &str) -> String {
        let mut api = ApiServer::new(1);
        let mut client = Client::new(&mut api, Actor::Controller("persistentvolume-controller"), None);
        let volume = serde_json::json!({
            "metadata": {"name": "spare", "annotations": {annotation: "yes"}},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": policy,
                "csi": {"driver": "csi", "volumeHandle": "1"},
                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": "n", "name": "data", "uid": "u"},
            },
        });
        let volume = Object::from_value(Kind::PERSISTENT_VOLUME, volume).expect("a volume");
        let stored = client.create_object(volume).expect("a valid volume");
        give_back(stored.as_kind().expect("a volume"), &mut client).expect("no refusal");
        let volume = client.live().get::<PersistentVolume>("", "spare").expect("a volume");
        let kept_for = volume.spec.claim_ref.as_ref().map(|claim| claim.uid.as_deref().unwrap_or("its name"));
        let phase = volume.status.phase.as_deref().unwrap_or_default();
        format!("{phase} for {}", kept_for.unwrap_or("anybody"))
    }

    #[test]
    fn a_volume_whose_claim_took_another_is_free_again_unless_it_was_made_for_that_claim() {
        let cases = [
            ("Retain", BOUND_BY_CONTROLLER, "Available for anybody"),
            ("Retain", "by-hand", "Available for its name"),
            ("Retain", PROVISIONED_BY, "Available for its name"),
            ("Delete", PROVISIONED_BY, "Released for u"),
        ];
        for (policy, annotation, want) in cases {
            assert_eq!(given_back(policy, annotation), want, "{policy}, {annotation}");
        }
    }
}
