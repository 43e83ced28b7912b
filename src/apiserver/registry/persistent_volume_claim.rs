//! Claims, volumes and their classes on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::{default_azure_disk, default_rbd, default_scale_io};
use crate::api::k8s::{
    PersistentVolumeClaimSpec, PersistentVolumeClaimStatus, PersistentVolumeSpec, PersistentVolumeStatus,
};
use crate::api::{PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/core/persistentvolumeclaim/strategy.go`.
pub struct PersistentVolumeClaimStrategy;

/// What a claim's spec leaves out, in a template as in a claim.
pub fn default_claim(spec: &mut PersistentVolumeClaimSpec) {
    spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
}

impl Strategy for PersistentVolumeClaimStrategy {
    type Object = PersistentVolumeClaim;
    const COUNTS_GENERATIONS: bool = false;

    fn default(claim: &mut PersistentVolumeClaim) {
        default_claim(Arc::make_mut(&mut claim.spec));
    }

    fn prepare_for_create(claim: &mut PersistentVolumeClaim, _: &View, _: &mut Rng) {
        claim.status =
            Arc::new(PersistentVolumeClaimStatus { phase: Some("Pending".into()), ..Default::default() });
    }
}

/// Models `pkg/registry/core/persistentvolume/strategy.go`.
pub struct PersistentVolumeStrategy;

impl Strategy for PersistentVolumeStrategy {
    type Object = PersistentVolume;
    const COUNTS_GENERATIONS: bool = false;

    fn default(volume: &mut PersistentVolume) {
        let spec: &mut PersistentVolumeSpec = Arc::make_mut(&mut volume.spec);
        spec.persistent_volume_reclaim_policy.get_or_insert_with(|| "Retain".into());
        spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
        if let Some(source) = &mut spec.host_path {
            source.type_.get_or_insert_default();
        }
        if let Some(source) = &mut spec.iscsi {
            source.iscsi_interface.get_or_insert_with(|| "default".into());
        }
        spec.azure_disk.iter_mut().for_each(default_azure_disk);
        if let Some(source) = &mut spec.rbd {
            default_rbd([&mut source.pool, &mut source.user, &mut source.keyring]);
        }
        if let Some(source) = &mut spec.scale_io {
            default_scale_io(&mut source.storage_mode, &mut source.fs_type);
        }
    }

    fn prepare_for_create(volume: &mut PersistentVolume, _: &View, _: &mut Rng) {
        volume.status = Arc::new(PersistentVolumeStatus {
            phase: Some("Pending".into()),
            last_phase_transition_time: volume.meta.creation_timestamp.clone(),
            ..Default::default()
        });
    }
}

/// Models `pkg/registry/storage/volumeattachment/strategy.go`.
pub struct VolumeAttachmentStrategy;

impl Strategy for VolumeAttachmentStrategy {
    type Object = VolumeAttachment;
    const COUNTS_GENERATIONS: bool = false;
}

/// Models `pkg/registry/storage/storageclass/strategy.go`.
pub struct StorageClassStrategy;

impl Strategy for StorageClassStrategy {
    type Object = StorageClass;
    const COUNTS_GENERATIONS: bool = false;

    fn default(class: &mut StorageClass) {
        let fields = Arc::make_mut(&mut class.spec);
        fields.reclaim_policy.get_or_insert_with(|| "Delete".into());
        fields.volume_binding_mode.get_or_insert_with(|| "Immediate".into());
    }
}
