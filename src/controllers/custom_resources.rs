//! Removes the objects of a CustomResourceDefinition that is being deleted, and then lets it go. Models apiextensions-apiserver's
//! `CRDFinalizer`.

use std::sync::Arc;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::definition::Definition;
use crate::api::{Key, Kind, MetaExt, Object, Status};
use crate::client::{CLEANUP_FINALIZER, Change, Client, DeleteOptions, View, WorkQueue, terminating};
use crate::clock::SimDuration;

/// How soon it looks again whether the objects are gone.
const RETRY: SimDuration = SimDuration::from_secs(5);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct CustomResourceFinalizer;

fn is_going(object: &Object) -> bool {
    let held = object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == CLEANUP_FINALIZER);
    object.is_deleting() && held
}

impl Controller for CustomResourceFinalizer {
    fn name(&self) -> &'static str {
        "crd-finalizer"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::CUSTOM_RESOURCE_DEFINITION]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        if change.after.as_deref().is_some_and(is_going) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(object) = client.get(key).ok().filter(|object| is_going(object)) else {
            return Ok(Action::AwaitChange);
        };
        let kind = Definition::of(&object).filter(Definition::is_established).map(|own| own.kind());
        let objects = |client: &Client<'_>| -> Vec<Arc<Object>> {
            kind.map(|kind| client.live().objects(kind, None).cloned().collect()).unwrap_or_default()
        };
        let going = objects(client);
        if !going.is_empty() {
            let message = "CustomResource deletion is in progress";
            note(key, true, "InstanceDeletionInProgress", message, client)?;
        }
        for object in going.iter().filter(|object| !object.is_deleting()) {
            gone_is_fine(client.delete(&object.key(), &DeleteOptions::default(), None))?;
        }
        if !objects(client).is_empty() {
            return Ok(Action::RequeueAfter(RETRY));
        }
        note(key, false, "InstanceDeletionCompleted", "removed all instances", client)?;
        let mut released = (*client.get(key)?).clone();
        released.meta_mut().finalizers.get_or_insert_default().retain(|name| name != CLEANUP_FINALIZER);
        client.update_object(released)?;
        Ok(Action::AwaitChange)
    }
}

/// Writes how far the removal has come.
fn note(
    key: &Key,
    under_way: bool,
    reason: &str,
    message: &str,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let mut object = (*client.get(key)?).clone();
    terminating(&mut object, under_way, reason, message, client.now());
    client.update_object_status(object).map(drop)
}
