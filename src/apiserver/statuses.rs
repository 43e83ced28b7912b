//! Writes of statuses, through the subresource of that name.

use std::sync::Arc;

use super::{Actor, ApiServer, Origin, extensions, keep_system_meta, registry, validation};
use crate::api::field_error::FieldError;
use crate::api::{MetaExt, Object, Status};

/// What is wrong with a version that follows another.
type Rules = fn(&Object, &Object) -> Vec<FieldError>;

impl ApiServer {
    /// Replaces an object's status; spec and metadata (labels and annotations aside) stay as stored.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`, `Invalid`.
    pub fn update_status(
        &mut self,
        origin: &Origin,
        object: impl Into<Object>,
    ) -> Result<Arc<Object>, Status> {
        let (old, object) = self.prepare_status(origin, object.into())?;
        self.finish_update(origin, old, object, origin.manner("status"))
    }

    /// Replaces the conditions of a certificate signing request, those that judge it among them (its subresource `approval`).
    ///
    /// # Errors
    /// `NotFound`, `Conflict`, `Invalid`.
    pub fn update_approval(&mut self, origin: &Origin, object: Object) -> Result<Arc<Object>, Status> {
        let (old, object) = self.prepare(origin, object, validation::validate_approval)?;
        self.finish_update(origin, old, object, origin.manner("approval"))
    }

    /// What an object is with the status of another version, once that is checked; with the object as it was.
    pub(super) fn prepare_status(
        &mut self,
        origin: &Origin,
        object: Object,
    ) -> Result<(Arc<Object>, Object), Status> {
        self.prepare(origin, object, validation::validate_status)
    }

    fn prepare(
        &mut self,
        origin: &Origin,
        mut object: Object,
        rules: Rules,
    ) -> Result<(Arc<Object>, Object), Status> {
        let old = self.current(&object.key(), object.revision())?;
        if old.kind().is_custom() && !self.view().has_status(&old) {
            return Err(Status::no_such_resource());
        }
        self.collides(origin, &old.key())?;
        object.take_spec(&old);
        keep_system_meta(object.meta_mut(), old.meta());
        object.meta_mut().generation = old.meta().generation;
        self.check_status(origin, &mut object, &old, rules)?;
        Ok((old, object))
    }

    /// Fills in and validates a status. What components write of what they see is right, and is most of all writes.
    fn check_status(
        &self,
        origin: &Origin,
        object: &mut Object,
        old: &Object,
        rules: Rules,
    ) -> Result<(), Status> {
        let view = self.store.view();
        let errors = if old.kind().is_custom() {
            extensions::objects::validate(view, &object.api_version(), object, Some(old))
        } else if origin.actor == Actor::User {
            registry::strategy(view, object).fill_in(object);
            rules(object, old)
        } else {
            Vec::new()
        };
        if errors.is_empty() { Ok(()) } else { Err(Status::invalid(old.kind(), old.name(), errors)) }
    }
}
