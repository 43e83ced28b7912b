//! Whose an object is: a controller takes in orphans that its selector matches and lets go of objects that it no longer
//! matches (`BaseControllerRefManager.ClaimObject`).

use crate::api::k8s::OwnerReference;
use crate::api::selector::Selector;
use crate::api::status::Reason;
use crate::api::{Key, Kind, KubeObject, MetaExt, Object, Status};
use crate::client::Client;

/// Something that objects can belong to.
pub trait Owner: MetaExt {
    /// The kind that references to it name.
    fn kind(&self) -> Kind;
}

impl<K: KubeObject> Owner for K {
    fn kind(&self) -> Kind {
        K::KIND
    }
}

/// The reference by which `owner` manages an object (`metav1.NewControllerRef`).
pub fn controller_reference(owner: &impl Owner) -> OwnerReference {
    OwnerReference {
        api_version: owner.kind().api_version(),
        kind: owner.kind().name().into(),
        name: owner.name().into(),
        uid: owner.uid().into(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Of the candidates, those that belong to `owner`: its own whose labels still match, and orphans, which it adopts. Its
/// own that no longer match are released.
///
/// # Errors
/// What the API server refused; an object that is gone meanwhile is no error.
pub fn claim<O: Owner, C: KubeObject>(
    owner: &O,
    selector: &Selector,
    candidates: Vec<C>,
    client: &mut Client<'_>,
) -> Result<Vec<C>, Status> {
    let mut claimed = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let matches = selector.matches(candidate.labels());
        match candidate.controller() {
            Some(controller) if controller.uid != owner.uid() => {}
            Some(_) if matches => claimed.push(candidate),
            Some(_) if owner.is_deleting() => {}
            Some(_) => release(owner, candidate, client)?,
            None if owner.is_deleting() || !matches || candidate.is_deleting() => {}
            None => claimed.extend(adopt(owner, candidate, client)?),
        }
    }
    Ok(claimed)
}

fn adopt<O: Owner, C: KubeObject>(
    owner: &O,
    orphan: C,
    client: &mut Client<'_>,
) -> Result<Option<C>, Status> {
    // The informer may show an owner that is going or gone: adoption asks the server first, as upstream does.
    let fresh = client.get(&Key::new(owner.kind(), owner.namespace(), owner.name()))?;
    if fresh.uid() != owner.uid() || fresh.is_deleting() {
        return Ok(None);
    }
    let mut object: Object = orphan.into();
    object.meta_mut().owner_references.get_or_insert_default().push(controller_reference(owner));
    gone_is_fine(client.update_object(object)).map(|stored| stored?.as_kind::<C>().cloned())
}

fn release<O: Owner, C: KubeObject>(owner: &O, object: C, client: &mut Client<'_>) -> Result<(), Status> {
    let mut object: Object = object.into();
    let meta = object.meta_mut();
    if let Some(owners) = &mut meta.owner_references {
        owners.retain(|reference| reference.uid != owner.uid());
    }
    meta.owner_references = meta.owner_references.take().filter(|owners| !owners.is_empty());
    gone_is_fine(client.update_object(object)).map(drop)
}

/// The result of a write, with `None` for an object that does not exist any more.
///
/// # Errors
/// Every other refusal.
pub fn gone_is_fine<T>(result: Result<T, Status>) -> Result<Option<T>, Status> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.reason == Reason::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}
