//! Writes that are only tried (`--dry-run=server`).

use super::{ApiServer, Manner, creatable};
use crate::api::{Object, Status};

impl ApiServer {
    /// What [`ApiServer::create`] would store, without storing it (`--dry-run=server`).
    ///
    /// # Errors
    /// As [`ApiServer::create`].
    pub fn dry_run_create(&self, object: impl Into<Object>) -> Result<Object, Status> {
        let object = creatable(object.into())?;
        self.rehearsal().prepare_create(object, &mut Manner::default()).map(|(_, object)| object)
    }

    /// A copy to try a write on. The storage is not asked in a dry run, so it has room.
    pub fn rehearsal(&self) -> ApiServer {
        ApiServer { quota: u64::MAX, ..self.clone() }
    }
}
