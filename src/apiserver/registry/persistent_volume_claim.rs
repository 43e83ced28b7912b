//! Claims, volumes and their classes on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::{default_azure_disk, default_rbd, default_scale_io};
use crate::api::k8s::{
    PersistentVolumeClaimSpec, PersistentVolumeClaimStatus, PersistentVolumeSpec, PersistentVolumeStatus,
    TypedLocalObjectReference, TypedObjectReference,
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

/// What a new claim is filled from, under both names (`pkg/api/persistentvolumeclaim`). `dataSource` never took but claims and
/// snapshots, and forgets anything else; `dataSourceRef` takes every kind, though not yet from another namespace.
fn settle_data_source(spec: &mut PersistentVolumeClaimSpec) {
    let elsewhere =
        |source: &mut TypedObjectReference| source.namespace.as_deref().is_some_and(|name| !name.is_empty());
    spec.data_source_ref.take_if(elsewhere);
    if let Some(source) = &spec.data_source_ref {
        spec.data_source.get_or_insert_with(|| TypedLocalObjectReference {
            api_group: source.api_group.clone(),
            kind: source.kind.clone(),
            name: source.name.clone(),
        });
        return;
    }
    let group = |source: &TypedLocalObjectReference| source.api_group.clone().unwrap_or_default();
    spec.data_source.take_if(|source| match source.kind.as_str() {
        "PersistentVolumeClaim" => !group(source).is_empty(),
        "VolumeSnapshot" => group(source) != "snapshot.storage.k8s.io",
        _ => true,
    });
    spec.data_source_ref = spec.data_source.as_ref().map(|source| TypedObjectReference {
        api_group: source.api_group.clone(),
        kind: source.kind.clone(),
        name: source.name.clone(),
        namespace: None,
    });
}

impl Strategy for PersistentVolumeClaimStrategy {
    type Object = PersistentVolumeClaim;
    const COUNTS_GENERATIONS: bool = false;

    fn default(claim: &mut PersistentVolumeClaim) {
        default_claim(Arc::make_mut(&mut claim.spec));
    }

    fn prepare_for_create(claim: &mut PersistentVolumeClaim, _: &View, _: &mut Rng) {
        settle_data_source(Arc::make_mut(&mut claim.spec));
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::settle_data_source;
    use crate::api::k8s::PersistentVolumeClaimSpec;
    use crate::api::typed;

    #[test]
    fn what_a_claim_is_filled_from_is_kept_under_both_names() {
        let source = |group: &str, kind: &str| {
            let group = if group.is_empty() { Value::Null } else { group.into() };
            json!({"apiGroup": group, "kind": kind, "name": "a"})
        };
        let snapshot = source("snapshot.storage.k8s.io", "VolumeSnapshot");
        let claim = source("", "PersistentVolumeClaim");
        let book = source("example.com", "Book");
        let mut elsewhere = claim.clone();
        elsewhere["namespace"] = "b".into();
        let none = Value::Null;
        // The fields that are given, and what both are then.
        let cases = [
            ((&snapshot, &none), (&snapshot, &snapshot)),
            ((&claim, &none), (&claim, &claim)),
            ((&source("", "VolumeSnapshot"), &none), (&none, &none)),
            ((&book, &none), (&none, &none)),
            ((&none, &book), (&book, &book)),
            ((&claim, &book), (&claim, &book)),
            ((&none, &elsewhere), (&none, &none)),
        ];
        for ((old, new), (want_old, want_new)) in cases {
            let mut spec: PersistentVolumeClaimSpec =
                typed::read(&json!({"dataSource": old, "dataSourceRef": new})).expect("a claim's spec");
            settle_data_source(&mut spec);
            let bare = |value: &Value| {
                let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
                fields.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
            };
            let kept = typed::write(&spec);
            assert_eq!(bare(&kept["dataSource"]), bare(want_old), "{old} {new}");
            assert_eq!(bare(&kept["dataSourceRef"]), bare(want_new), "{old} {new}");
        }
    }
}
