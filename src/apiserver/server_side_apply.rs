//! Server-side apply: a client sends what it wants to have set, and the server keeps who wants what. Models the apply
//! patch of apiserver `endpoints/handlers/patch.go` and apimachinery `managedfields`.

use std::sync::Arc;

use serde_json::Value;

use super::managed_fields::manager_of;
use super::{ApiServer, Manner, Origin, Told, registry};
use crate::api::managed::{self, Conflict, FieldSet, Managers, Operation, Shape, Write};
use crate::api::{Key, MetaExt, Object, Status};

/// The annotation of client-side apply.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager whose applies take over from client-side apply.
const KUBECTL: &str = "kubectl";

/// An apply patch.
pub struct Applying<'a> {
    /// The object it is for.
    pub key: &'a Key,
    /// What its sender wants to have set.
    pub config: &'a Value,
    /// Whether fields of other managers are taken.
    pub force: bool,
    /// The part of the object that it is for: `status`, or empty for the object itself.
    pub part: &'static str,
}

impl ApiServer {
    /// Applies a configuration: creates the object, or changes it and its managers.
    ///
    /// # Errors
    /// `Conflict` with the fields that other managers have set otherwise; a configuration that does not fit its type; and
    /// whatever a creation or an update is refused for.
    pub fn apply(&mut self, origin: &Origin, applying: &Applying<'_>) -> Result<Arc<Object>, Status> {
        let kind = applying.key.kind;
        if !applying.config["metadata"]["managedFields"].is_null() {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let shape = Shape::of(kind);
        let set = managed::field_set(applying.config, shape).map_err(|why| untyped(applying.key, &why))?;
        let draft = Object::from_value(kind, applying.config.clone());
        let draft = draft.map_err(|error| Status::bad_request(error.to_string()))?;
        let live = self.view().object(applying.key).cloned();
        if live.is_none() && !applying.part.is_empty() {
            return Err(Status::not_found(kind, &applying.key.name));
        }
        let old = live.as_ref().map_or_else(|| managed::empty_object(kind), |live| live.to_value());
        let before = live.as_ref().map(|live| self.managers_of(&live.key())).unwrap_or_default();
        let id =
            manager_of(draft.api_version(), &origin.actor, &origin.manager, Operation::Apply, applying.part);
        let keeps_status_apart = registry::strategy(self.view(), &draft).has_status;
        let write = Write { manager: &id, shape, keeps_status_apart, now: self.now };
        let attempt = |force: bool| {
            let mut managers = before.clone();
            let result = managers.apply(&old, applying.config, set.clone(), &write, force);
            result.map(|value| (value, managers))
        };
        let (mut value, managers) = match attempt(applying.force) {
            Ok(done) => done,
            Err(conflicts) => {
                let allowed = live.as_ref().filter(|_| *origin.manager == *KUBECTL);
                let allowed = allowed.map(|live| client_side(live, &old, shape)).unwrap_or_default();
                let in_the_way = |conflict: &Conflict| !allowed.contains(&conflict.path);
                let left: Vec<Conflict> = conflicts.into_iter().filter(in_the_way).collect();
                if !left.is_empty() {
                    return Err(refused(applying.key, &left));
                }
                attempt(true).map_err(|conflicts| refused(applying.key, &conflicts))?
            }
        };
        let annotated = live.as_ref().is_some_and(|live| live.annotation(LAST_APPLIED).is_some());
        if annotated && *origin.manager == *KUBECTL {
            value["metadata"]["annotations"][LAST_APPLIED] = remembered(applying.config).into();
        }
        let mut object =
            Object::from_value(kind, value).map_err(|error| Status::bad_request(error.to_string()))?;
        let told = Told {
            manager: origin.manager.to_string(),
            applied: Some(applying.config.clone()),
            ..Told::default()
        };
        let mut manner = Manner { subresource: Some(applying.part), told: Some(Arc::new(told)) };
        if live.is_none() {
            let (key, object) = self.prepare_create(object, &mut manner)?;
            self.warn(origin, &object, None);
            return Ok(self
                .commit(origin, key, None, Some(object), manner)
                .unwrap_or_else(|| unreachable!("a creation stores an object")));
        }
        object.set_revision(0);
        let (old, mut object) = match applying.part {
            "status" => self.prepare_status(origin, object)?,
            _ => self.prepare_update(object, "")?,
        };
        self.warn(origin, &object, Some(&old));
        object.set_revision(old.revision());
        if object == *old && same_fields(&before, &managers) {
            return Ok(old);
        }
        if object == *old {
            // Nothing but the managers: the write is made all the same.
            self.room_for_next()?;
            return Ok(self
                .commit(origin, old.key(), Some(old), Some(object), manner)
                .unwrap_or_else(|| unreachable!("an update stores an object")));
        }
        self.finish_update(origin, old, object, manner)
    }
}

/// Whether two lists differ in nothing but times.
fn same_fields(a: &Managers, b: &Managers) -> bool {
    a.iter().count() == b.iter().count()
        && a.iter().zip(b.iter()).all(|((a, before), (b, after))| a == b && before.set == after.set)
}

/// The fields that client-side apply has set and nobody has changed since (`allowedConflictsFromLastApplied`).
fn client_side(live: &Object, value: &Value, shape: Shape) -> FieldSet {
    let noted = live.annotation(LAST_APPLIED).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(noted) = noted else { return FieldSet::default() };
    let mut set = managed::field_set(&noted, shape).unwrap_or_default();
    let compared = managed::compare(&noted, value, shape);
    for other in [&compared.added, &compared.modified, &compared.removed] {
        set.subtract(other);
    }
    set
}

/// The annotation of client-side apply, kept up by kubectl's server-side apply for those who go back.
fn remembered(config: &Value) -> String {
    let mut noted = config.clone();
    let annotations = noted.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    annotations.into_iter().for_each(|annotations| drop(annotations.remove(LAST_APPLIED)));
    format!("{noted}\n")
}

fn refused(key: &Key, conflicts: &[Conflict]) -> Status {
    let fields = conflicts.iter().map(|conflict| managed::path_text(&conflict.path)).collect();
    Status::apply_conflict(key, Conflict::message(conflicts), fields)
}

fn untyped(key: &Key, why: &str) -> Status {
    let (kind, version) = (key.kind.name(), key.kind.api_version());
    let place = if key.namespace.is_empty() {
        format!("/{}", key.name)
    } else {
        format!("{}/{}", key.namespace, key.name)
    };
    Status::unknown(format!("failed to create typed patch object ({place}; {version}, Kind={kind}): {why}"))
}
