//! The managers of an object's fields, worked out from the log when somebody asks: a write costs nothing more for them,
//! and history keeps nothing twice.

use std::sync::Arc;

use serde_json::Value;
use sorted::SortedMap;

use super::{Actor, ApiServer, Change, Manner, Origin, Told, View, registry};
use crate::api::managed::{self, ManagerId, Managers, Operation, Shape, Write};
use crate::api::{Key, Kind, MetaExt, Object, Status, typed};

/// What a pod gets from admission, by the names that admission gives it.
const TOKEN_VOLUME: &str = "kube-api-access-";
const ADMITTED: [&str; 5] =
    ["serviceAccount", "serviceAccountName", "priority", "preemptionPolicy", "nodeName"];

impl Origin {
    /// How a write through `subresource` is to be noted.
    pub(super) fn manner(&self, subresource: &'static str) -> Manner {
        let subresource = if subresource.is_empty() { self.subresource } else { subresource };
        let told = Told { manager: self.manager.to_string(), ..Told::default() };
        // What components create is recognised without the object as given: there are thousands of pods.
        let told = (self.actor == Actor::User).then(|| Arc::new(told));
        Manner { subresource: Some(subresource), told }
    }
}

impl Manner {
    /// Takes the list of managers out of an object that a client has sent with one.
    pub(super) fn take_list(&mut self, object: &mut Object) {
        let Some(list) = object.meta().managed_fields.as_ref() else { return };
        let list: Value = list.iter().map(typed::write).collect();
        object.meta_mut().managed_fields = None;
        let told = self.told.get_or_insert_default();
        Arc::make_mut(told).managers = Some(list);
    }
}

/// The name under which a component manages fields: the first part of its user agent.
fn name_of(actor: &Actor, told: &str) -> String {
    match actor {
        _ if !told.is_empty() => told,
        Actor::Scheduler => "kube-scheduler",
        Actor::Controller(_) => "kube-controller-manager",
        Actor::Environment => "kubelet",
        other => other.component(),
    }
    .to_string()
}

/// The manager that a write makes.
pub(super) fn manager_of(
    api_version: String,
    actor: &Actor,
    told: &str,
    operation: Operation,
    subresource: &str,
) -> ManagerId {
    ManagerId { name: name_of(actor, told), operation, api_version, subresource: subresource.to_string() }
}

impl ApiServer {
    /// The managers of these objects, each as far as the log goes.
    pub fn managers(&self, keys: impl IntoIterator<Item = Key>) -> SortedMap<Key, Managers> {
        let mut wanted: SortedMap<Key, Managers> =
            keys.into_iter().map(|key| (key, Managers::default())).collect();
        for change in self.store.since(0) {
            if let Some(managers) = wanted.get_mut(&change.key) {
                replay(managers, change, self.view());
            }
        }
        wanted
    }

    /// The managers of one object.
    pub fn managers_of(&self, key: &Key) -> Managers {
        self.managers([key.clone()]).into_values().next().unwrap_or_default()
    }

    /// Replaces the list of an object's managers, and nothing else.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_managers(&mut self, origin: &Origin, key: &Key, list: Value) -> Result<Arc<Object>, Status> {
        let old = self.get(key)?;
        let mut manner = origin.manner("");
        Arc::make_mut(manner.told.get_or_insert_default()).managers = Some(list);
        self.finish_update(origin, old.clone(), (*old).clone(), manner)
    }

    /// Whether a write that leaves the object as it is changes its managers.
    pub(super) fn changes_managers(&self, old: &Object, manner: &Manner) -> bool {
        let list = manner.told.as_ref().and_then(|told| told.managers.as_ref());
        let list = list.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
        list.is_some_and(|list| Managers::from_value(list) != self.managers_of(&old.key()))
    }
}

/// What one write does to the managers of its object.
fn replay(managers: &mut Managers, change: &Change, view: &View) {
    let Some(after) = &change.after else {
        *managers = Managers::default();
        return;
    };
    let Some(subresource) = change.manner.subresource else { return };
    let nothing = Told::default();
    let told = change.manner.told.as_deref().unwrap_or(&nothing);
    // An empty list is that of a client that knows nothing of managers; one empty entry takes all of them away.
    if let Some(list) =
        told.managers.as_ref().filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    {
        *managers = Managers::from_value(list);
    }
    let kind = after.kind();
    let shape = Shape::of(kind);
    let old = change.before.as_ref().map_or_else(|| managed::empty_object(kind), |before| before.to_value());
    let keeps_status_apart = registry::strategy(view, after).has_status;
    let write = |manager| Write { manager, shape, keeps_status_apart, now: change.time };
    if let Some(config) = &told.applied {
        let id = manager_of(after.api_version(), &change.actor, &told.manager, Operation::Apply, subresource);
        let set = managed::field_set(config, shape).unwrap_or_default();
        // The write was made: whoever was in its way has been overruled.
        let _ = managers.apply(&old, config, set, &write(&id), true);
        return;
    }
    let new = match (&told.given, &change.before) {
        (Some(given), None) => given.to_value(),
        (None, None) => as_given(after),
        (_, Some(_)) => after.to_value(),
    };
    let id = manager_of(after.api_version(), &change.actor, &told.manager, Operation::Update, subresource);
    managers.update(&old, &new, &write(&id));
}

/// An object that a component has created, without what admission added to it.
fn as_given(object: &Object) -> Value {
    let mut value = object.to_value();
    if object.kind() == Kind::PERSISTENT_VOLUME_CLAIM
        && let Some(meta) = value["metadata"].as_object_mut()
    {
        meta.remove("finalizers");
    }
    let (Kind::POD, Some(spec)) = (object.kind(), value["spec"].as_object_mut()) else { return value };
    for name in ADMITTED {
        spec.remove(name);
    }
    let is_token = |item: &Value| item["name"].as_str().is_some_and(|name| name.starts_with(TOKEN_VOLUME));
    let without_token = |fields: &mut serde_json::Map<String, Value>, name: &str| {
        if let Some(items) = fields.get_mut(name).and_then(Value::as_array_mut) {
            items.retain(|item| !is_token(item));
            if items.is_empty() {
                fields.remove(name);
            }
        }
    };
    without_token(spec, "volumes");
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            container
                .as_object_mut()
                .into_iter()
                .for_each(|container| without_token(container, "volumeMounts"));
        }
    }
    let default_only = |item: &Value| item["tolerationSeconds"] == 300;
    if spec.get("tolerations").and_then(Value::as_array).is_some_and(|list| list.iter().all(default_only)) {
        spec.remove("tolerations");
    }
    value
}
