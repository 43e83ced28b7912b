//! Volumes: the binder, who brings claims and volumes together; the controller that attaches them to nodes; the provisioner and the
//! driver beside it, who make, attach, enlarge and delete them; who makes the claims of pods' own volumes; and the two protections, which keep what is in use.

mod attach_detach;
mod binder;
mod driver;
mod ephemeral;
mod protection;
mod provisioner;
mod reclaim;

pub use attach_detach::AttachDetachController;
pub use binder::PersistentVolumeController;
pub use driver::{AttacherController, DeleterController, ResizerController};
pub use ephemeral::EphemeralVolumeController;
pub use protection::{PvProtectionController, PvcProtectionController};
pub use provisioner::ProvisionerController;

use crate::api::k8s::Quantity;
use crate::api::quantity;
use crate::api::{Key, Kind, MetaExt, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::client::{View, claim_of};

/// The annotations that say who makes a claim's volume; the second is the older name.
const PROVISIONER: [&str; 2] =
    ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];
/// The annotation with the node that the scheduler chose for a claim's first pod.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The annotation that says of a volume that a driver has made it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// The provisioner of classes whose volumes people make by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

fn claim_key(claim: &PersistentVolumeClaim) -> Key {
    Key::new(Kind::PERSISTENT_VOLUME_CLAIM, claim.namespace(), claim.name())
}

/// Whether a volume is reserved for this very claim.
fn is_for(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    volume.spec.claim_ref.as_ref().is_some_and(|reference| {
        let uid = reference.uid.as_deref().unwrap_or_default();
        claim_of(volume) == Some(claim_key(claim)) && (uid.is_empty() || uid == claim.uid())
    })
}

/// The volumes that are reserved for this very claim.
fn kept_for<'a, 'c>(
    claim: &'c PersistentVolumeClaim,
    view: &'a View,
) -> impl Iterator<Item = &'a PersistentVolume> + use<'a, 'c> {
    let volumes = view.volumes_kept_for(Some(&claim_key(claim))).filter_map(|object| object.as_kind());
    volumes.filter(|volume| is_for(volume, claim))
}

/// What named the class before there was a field for it, and still comes first.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

fn class_of(claim: &PersistentVolumeClaim) -> &str {
    claim.annotation(OLD_CLASS).or(claim.spec.storage_class_name.as_deref()).unwrap_or_default()
}

fn class_of_volume(volume: &PersistentVolume) -> &str {
    volume.annotation(OLD_CLASS).or(volume.spec.storage_class_name.as_deref()).unwrap_or_default()
}

/// The bytes that a claim asks for.
fn requested(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    claim.spec.resources.as_ref()?.requests.as_ref()?.get("storage")
}

fn bytes(quantity: Option<&Quantity>) -> i64 {
    quantity.map_or(0, quantity::value)
}

/// The claims that a pod mounts.
fn claims_of(pod: &Pod) -> impl Iterator<Item = Key> + '_ {
    pod.spec.volumes.iter().flatten().filter_map(|volume| {
        let name = match (&volume.persistent_volume_claim, &volume.ephemeral) {
            (Some(source), _) => source.claim_name.clone(),
            (None, Some(_)) => format!("{}-{}", pod.name(), volume.name),
            (None, None) => return None,
        };
        Some(Key::new(Kind::PERSISTENT_VOLUME_CLAIM, pod.namespace(), &name))
    })
}
