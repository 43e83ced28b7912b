//! What is there without anybody having asked for it.

use std::sync::Arc;

use super::{Actor, ApiServer, Manner, Origin};
use crate::api::{Object, Status};
use crate::clock::SimTime;
use crate::rng::Rng;

impl ApiServer {
    /// Creates what a control plane brings with it, with names and uids from a stream of their own: what users make is
    /// called the same, whatever else the cluster comes with.
    ///
    /// # Errors
    /// As [`ApiServer::create`].
    pub fn create_system(&mut self, object: Object, names: &mut Rng) -> Result<Arc<Object>, Status> {
        std::mem::swap(&mut self.names, names);
        let stored = self.create(&Origin::new(Actor::ApiServer), object);
        std::mem::swap(&mut self.names, names);
        stored
    }

    /// As [`ApiServer::create_system`], of what has been there since `since` and is only written now, with its status.
    ///
    /// # Errors
    /// As [`ApiServer::create`].
    pub fn create_as_of(&mut self, object: Object, names: &mut Rng, since: SimTime) -> Result<(), Status> {
        let (now, mut manner) = (std::mem::replace(&mut self.now, since), Manner::default());
        std::mem::swap(&mut self.names, names);
        let made = self.prepare_create(object.clone(), &mut manner);
        std::mem::swap(&mut self.names, names);
        self.now = now;
        let (key, mut made) = made?;
        made.take_status(&object);
        self.commit(&Origin::new(Actor::ApiServer), key, None, Some(made), manner);
        Ok(())
    }
}
