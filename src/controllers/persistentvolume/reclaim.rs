//! What becomes of a volume that its claim has released (`pv_controller.go reclaimVolume`): it is kept, emptied, or deleted.
//! What a driver has made is the driver's to delete.

use std::sync::Arc;

use crate::api::{Key, Kind, MetaExt, PersistentVolume, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, DeleteOptions};
use crate::controllers::ref_manager::gone_is_fine;

/// Does with a released volume what its policy says.
pub fn reclaim(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    match volume.spec.persistent_volume_reclaim_policy.as_deref() {
        Some("Delete") => delete(volume, client),
        Some("Recycle") => recycle(volume, client),
        _ => Ok(()),
    }
}

/// Plugins of the controller itself can only delete directories below `/tmp`.
fn delete(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    if volume.annotation("pv.kubernetes.io/provisioned-by").is_some() || volume.is_deleting() {
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
        annotations.remove("pv.kubernetes.io/bound-by-controller");
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
