//! The end of a namespace: what holds it besides the finalizers that any object may have.

use std::sync::Arc;

use super::{ApiServer, Manner, Origin};
use crate::api::{Key, Kind, Namespace, Object, Status};

impl ApiServer {
    /// The namespace controller has emptied a namespace (`namespaces/finalize`): it goes for good, unless it has finalizers of
    /// others.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn finalize_namespace(&mut self, origin: &Origin, name: &str) -> Result<(), Status> {
        let old = self.get(&Key::cluster(Kind::NAMESPACE, name))?;
        let mut object = (*old).clone();
        if let Object::Namespace(namespace) = &mut object {
            let finalizers = &mut Arc::make_mut(&mut namespace.spec).finalizers;
            finalizers.iter_mut().for_each(|all| all.retain(|one| one != "kubernetes"));
            *finalizers = finalizers.take().filter(|all| !all.is_empty());
        }
        self.finish_update(origin, old, object, Manner::default()).map(drop)
    }
}

/// Whether nothing of a namespace's own holds it any more.
pub(super) fn is_finalized(namespace: &Namespace) -> bool {
    namespace.spec.finalizers.as_ref().is_none_or(Vec::is_empty)
}
