//! The file system in a volume that has grown is made as large as the volume, by the kubelet of a pod that mounts it. Models
//! `nodeexpander.go` and `markVolumeAsResized`.

use std::sync::Arc;

use super::agent::Turn;
use super::pod_worker::{PodStep, PodWorker, Stage};
use crate::api::{Key, Kind, MetaExt, PersistentVolume, PersistentVolumeClaim, Pod, condition};
use crate::client::recorder::{EventType, reference};
use crate::clock::SimDuration;

/// How long it takes, with the kubelet's look that finds it to be done.
pub const WORK: SimDuration = SimDuration::from_millis(1_200);

/// Whether a claim waits for a file system to grow.
pub fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    condition::find(claim.status.conditions.as_deref(), "FileSystemResizePending").is_some()
}

/// Whether a pod mounts the claim.
pub fn mounts(pod: &Pod, claim: &PersistentVolumeClaim) -> bool {
    pod.namespace() == claim.namespace() && claims(pod).iter().any(|name| name == claim.name())
}

/// The names of the claims that a pod mounts.
pub fn claims(pod: &Pod) -> Vec<String> {
    let named = pod.spec.volumes.iter().flatten().filter_map(|volume| {
        let own = volume.ephemeral.as_ref().map(|_| format!("{}-{}", pod.name(), volume.name));
        volume.persistent_volume_claim.as_ref().map(|source| source.claim_name.clone()).or(own)
    });
    named.collect()
}

impl PodWorker {
    /// Its volumes have been mounted: those that wait to grow do so now.
    pub(super) fn expect_growth(&self, turn: &mut Turn<'_>) {
        let namespace = self.pod.namespace();
        let view = turn.ground().view;
        let claim = |name: &String| view.get::<PersistentVolumeClaim>(namespace, name);
        if claims(&self.pod).iter().filter_map(claim).any(is_pending) {
            turn.after(WORK, &self.uid, PodStep::Grow, false);
        }
    }

    /// Makes the file systems as large as their volumes.
    pub(super) fn grow(&mut self, turn: &mut Turn<'_>) {
        if !turn.is_online() || !(Stage::Sandbox..=Stage::Up).contains(&self.stage) {
            return;
        }
        let node = turn.node.name.clone();
        for name in claims(&self.pod) {
            let mut client = turn.client(None);
            let key = Key::new(Kind::PERSISTENT_VOLUME_CLAIM, self.pod.namespace(), &name);
            let Ok(found) = client.get(&key) else { continue };
            let Some(claim) = found.as_kind::<PersistentVolumeClaim>().filter(|claim| is_pending(claim))
            else {
                continue;
            };
            let volume = claim.spec.volume_name.clone().unwrap_or_default();
            let Some(size) = client.live().get::<PersistentVolume>("", &volume) else { continue };
            let mut grown = claim.clone();
            let status = Arc::make_mut(&mut grown.status);
            status.capacity.clone_from(&size.spec.capacity);
            (status.conditions, status.allocated_resource_statuses) = (None, None);
            // The claim was read at this very moment.
            let _ = client.update_status(grown, None);
            let message = format!("MountVolume.NodeExpandVolume succeeded for volume {volume:?} {node}");
            for about in [reference(&self.pod), reference(claim)] {
                turn.event(about, EventType::Normal, "FileSystemResizeSuccessful", message.clone(), None);
            }
        }
    }
}
