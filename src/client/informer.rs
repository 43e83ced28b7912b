//! A component's picture of the cluster: right as of the last delivery, and therefore a little behind.

use std::sync::Arc;

use crate::api::meta::Revision;
use crate::apiserver::{ApiServer, Change, View};

/// A watch and the cache that it fills (client-go's shared informer). The watch is a place in the log, so a copy of
/// an informer is a working informer.
#[derive(Clone, Debug, Default)]
pub struct Informer {
    view: View,
}

impl Informer {
    /// One that has just listed everything.
    pub fn up_to_date(api: &ApiServer) -> Informer {
        Informer { view: api.view().clone() }
    }

    /// The cluster as far as it has been delivered.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The last write delivered.
    pub fn cursor(&self) -> Revision {
        self.view.revision()
    }

    /// Whether writes wait to be delivered.
    pub fn is_behind(&self, api: &ApiServer) -> bool {
        self.cursor() < api.store().revision()
    }

    /// Delivers everything written so far: returns the writes, oldest first, and brings the view up to date.
    pub fn deliver(&mut self, api: &ApiServer) -> Vec<Arc<Change>> {
        let changes = api.store().since(self.cursor()).cloned().collect();
        self.view = api.view().clone();
        changes
    }
}
