//! The namespace controller: empties a namespace that is being deleted, pods first, then lets it go. Models
//! `pkg/controller/namespace`.

use super::{Action, Controller};
use crate::api::{Key, Kind, MetaExt, Namespace, Object, Status};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::SimDuration;

/// The controller.
#[derive(Clone, Debug)]
pub struct NamespaceController;

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NAMESPACE]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        if matches!(change.after.as_deref(), Some(Object::Namespace(namespace)) if namespace.is_deleting()) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        if view.get::<Namespace>("", &key.name).is_none_or(|namespace| !namespace.is_deleting()) {
            return Ok(Action::AwaitChange);
        }
        let within = |kind: Kind, client: &Client<'_>| -> Vec<Key> {
            client.live().objects(kind, Some(&key.name)).map(|object| object.key()).collect()
        };
        let pods = within(Kind::POD, client);
        let content: Vec<Key> = if pods.is_empty() {
            Kind::all().filter(|kind| kind.info().namespaced).flat_map(|kind| within(kind, client)).collect()
        } else {
            pods
        };
        if content.is_empty() {
            client.finalize_namespace(&key.name);
            return Ok(Action::AwaitChange);
        }
        for object in content {
            let going = client.get(&object).is_ok_and(|object| object.is_deleting());
            if !going {
                client.delete(&object, &DeleteOptions::default(), None)?;
            }
        }
        // Upstream estimates how long the rest will take and looks again then.
        Ok(Action::RequeueAfter(SimDuration::from_secs(1)))
    }
}
