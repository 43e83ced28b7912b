//! Volumes that have to be attached to a node before a kubelet can mount them there: which those are, and the VolumeAttachment
//! that says whether one is.

use super::View;
use crate::api::hash::fnv1a_64;
use crate::api::{Key, Kind, PersistentVolume, VolumeAttachment};

/// Whether a volume is attached at all (`CanAttach`): one of a storage driver, unless the driver has said that it needs none of it.
pub fn is_attachable(volume: &PersistentVolume, view: &View) -> bool {
    let Some(csi) = &volume.spec.csi else { return false };
    let driver = view.object(&Key::cluster(Kind::CSI_DRIVER, &csi.driver));
    driver.is_none_or(|driver| driver.part("spec")["attachRequired"] != false)
}

/// The VolumeAttachment of a volume and a node; its name stands for the two and the driver.
pub fn attachment_key(volume: &PersistentVolume, node: &str) -> Key {
    let (handle, driver) =
        volume.spec.csi.as_ref().map_or(("", ""), |csi| (csi.volume_handle.as_str(), csi.driver.as_str()));
    let digits: String = (0..4u8)
        .map(|part| format!("{:016x}", fnv1a_64(format!("{part}/{handle}{driver}{node}").as_bytes())))
        .collect();
    Key::cluster(Kind::VOLUME_ATTACHMENT, &format!("csi-{digits}"))
}

/// Whether a volume is attached to a node, as far as `view` knows.
pub fn is_attached(volume: &PersistentVolume, node: &str, view: &View) -> bool {
    let attachment = view.object(&attachment_key(volume, node));
    attachment
        .and_then(|object| object.as_kind::<VolumeAttachment>())
        .is_some_and(|attachment| attachment.status.attached)
}

/// The name by which a node's status lists an attachable volume (`GetUniqueVolumeNameFromSpec`).
pub fn unique_name(volume: &PersistentVolume) -> String {
    let (driver, handle) =
        volume.spec.csi.as_ref().map_or(("", ""), |csi| (csi.driver.as_str(), csi.volume_handle.as_str()));
    format!("kubernetes.io/csi/{driver}^{handle}")
}
