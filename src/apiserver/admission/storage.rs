//! What admission does about storage: `DefaultStorageClass`, `StorageObjectInUseProtection`, `PersistentVolumeClaimResize`.

use std::sync::Arc;

use crate::api::{Kind, MetaExt, Object, PersistentVolumeClaim, Status, StorageClass, quantity, sorting};
use crate::apiserver::View;
use crate::rng::Rng;

const DEFAULT_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// What named a claim's class before there was a field for it.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Gives a claim that names no class the default one.
///
/// # Errors
/// Never.
pub fn default_class(view: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let Object::PersistentVolumeClaim(claim) = object else { return Ok(()) };
    if claim.spec.storage_class_name.is_some() || claim.annotation(OLD_CLASS).is_some() {
        return Ok(());
    }
    if let Some(class) = class_by_default(view) {
        Arc::make_mut(&mut claim.spec).storage_class_name = Some(class.name().to_string());
    }
    Ok(())
}

/// The newest of the classes that are marked as the default one.
pub fn class_by_default(view: &View) -> Option<&StorageClass> {
    let marked =
        |class: &&StorageClass| DEFAULT_CLASS.iter().any(|mark| class.annotation(mark) == Some("true"));
    let mut classes: Vec<&StorageClass> = view.list::<StorageClass>(None).filter(marked).collect();
    sorting::sort_by(&mut classes, |a, b| b.created().cmp(&a.created()).then_with(|| a.name().cmp(b.name())));
    classes.first().copied()
}

/// Keeps claims and volumes from going while they are in use: their protection controllers take the finalizer away.
///
/// # Errors
/// Never.
pub fn protect(_: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let finalizer = match object.kind() {
        Kind::PERSISTENT_VOLUME => "kubernetes.io/pv-protection",
        Kind::PERSISTENT_VOLUME_CLAIM => "kubernetes.io/pvc-protection",
        _ => return Ok(()),
    };
    let finalizers = object.meta_mut().finalizers.get_or_insert_default();
    if !finalizers.iter().any(|known| known == finalizer) {
        finalizers.push(finalizer.to_string());
    }
    Ok(())
}

/// A claim grows only where its class says so.
///
/// # Errors
/// `Forbidden`.
pub fn validate_resize(view: &View, object: &Object, old: Option<&Object>) -> Result<(), Status> {
    let (Object::PersistentVolumeClaim(claim), Some(Object::PersistentVolumeClaim(old))) = (object, old)
    else {
        return Ok(());
    };
    let size = |claim: &PersistentVolumeClaim| {
        let requests = claim.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        requests.and_then(|requests| requests.get("storage")).map_or(0, quantity::value)
    };
    if size(claim) <= size(old) {
        return Ok(());
    }
    let forbidden = |why: &str| Err(Status::forbidden(Kind::PERSISTENT_VOLUME_CLAIM, claim.name(), why));
    if old.status.phase.as_deref() != Some("Bound") {
        return forbidden("Only bound persistent volume claims can be expanded");
    }
    let class = claim.spec.storage_class_name.as_deref().unwrap_or_default();
    let class = view.get::<StorageClass>("", class);
    if class.is_some_and(|class| class.spec.allow_volume_expansion == Some(true)) {
        return Ok(());
    }
    forbidden(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    )
}
