//! What a component may touch: reads through its informer's view, writes through a [`Client`], keys through a work
//! queue. client-go's part.

pub mod attachment;
pub mod informer;
pub mod ports;
pub mod recorder;
pub mod site;
pub mod streams;
pub mod wire;
pub mod workqueue;

use std::sync::Arc;

pub use crate::apiserver::admission::resource_quota::counted as counted_quota;
pub use crate::apiserver::admission::storage::class_by_default;
pub use crate::apiserver::extensions::{CLEANUP_FINALIZER, terminating};
pub use crate::apiserver::heartbeat::Beat;
pub use crate::apiserver::{
    Actor, ApiServer, Applying, Change, DeleteOptions, FOREGROUND_FINALIZER, FieldValidation,
    ORPHAN_FINALIZER, Propagation, View, authorization, claim_of, metrics, typed,
};
pub use informer::Informer;
pub use workqueue::{Retries, WorkQueue};

use crate::api::explain::Explain;
use crate::api::k8s::EphemeralContainer;
use crate::api::meta::Revision;
use crate::api::{Key, Kind, KubeObject, MetaExt, Object, Pod, Status};
use crate::apiserver::Origin;
use crate::apiserver::authorization::{Attributes, User, authorize};
use crate::clock::SimTime;

/// A component's access to the API server for the length of one turn. Every write it makes carries its actor and
/// the write it reacts to.
pub struct Client<'a> {
    api: &'a mut ApiServer,
    actor: Actor,
    cause: Option<Revision>,
    streams: Option<&'a mut dyn streams::Streams>,
    manager: Arc<str>,
    subresource: &'static str,
    user: Option<Arc<User>>,
    update_verb: &'static str,
}

impl<'a> Client<'a> {
    /// Access for `actor`, who is reacting to the write `cause`.
    pub fn new(api: &'a mut ApiServer, actor: Actor, cause: Option<Revision>) -> Client<'a> {
        let manager = "".into();
        Client {
            api,
            actor,
            cause,
            streams: None,
            manager,
            subresource: "",
            user: None,
            update_verb: "update",
        }
    }

    /// The same, which also reaches the kubelets.
    pub fn with_streams(mut self, streams: &'a mut dyn streams::Streams) -> Client<'a> {
        self.streams = Some(streams);
        self
    }

    /// What would come of something if it were done now, and which writes it would make.
    pub fn rehearse<T>(&self, act: impl FnOnce(&mut Client<'_>) -> T) -> (T, Vec<Arc<Change>>) {
        let (mut api, since) = (self.api.clone(), self.api.view().revision());
        let mut client = Client::new(&mut api, self.actor.clone(), self.cause);
        let result = act(&mut client);
        (result, api.store().since(since).cloned().collect())
    }

    /// The kubelets, if they can be reached.
    pub fn streams(&self) -> Option<&dyn streams::Streams> {
        self.streams.as_deref()
    }

    /// Runs a command in a running container, if the kubelets can be reached and there is such a program.
    pub fn exec(
        &mut self,
        pod: &Pod,
        container: &str,
        command: (&[String], bool),
    ) -> Option<streams::Answer> {
        let now = self.api.now();
        self.streams.as_mut()?.exec(pod, container, command, self.api.view(), now)
    }

    /// Runs `curl` or the like on the reader's own machine; `None` where there is no network.
    pub fn outside(&mut self, command: &[String]) -> Option<streams::Answer> {
        let now = self.api.now();
        self.streams.as_mut()?.outside(command, now)
    }

    /// The current time.
    pub fn now(&self) -> SimTime {
        self.api.now()
    }

    /// Who this client writes as.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The cluster as it is now: a read that goes to the server, past any informer. Most components should read their
    /// informer's view instead, as the real ones do.
    pub fn live(&self) -> &View {
        self.api.view()
    }

    /// The API server, to read: discovery, dry runs.
    pub fn server(&self) -> &ApiServer {
        self.api
    }

    /// What the server has noted for the user since this was last asked.
    pub fn take_warnings(&mut self) -> Vec<String> {
        self.api.take_warnings()
    }

    /// Has the server note something for the user, as it does along with every answer about some kinds.
    pub fn note_warning(&mut self, warning: &str) {
        self.api.note_warning(warning);
    }

    /// The write that its user is reacting to.
    pub fn cause(&self) -> Option<Revision> {
        self.cause
    }

    /// From here on, writes carry another cause.
    pub fn caused_by(&mut self, cause: Option<Revision>) {
        self.cause = cause;
    }

    /// From here on, requests are those of another user, who may do what roles allow; `None` for who may do everything.
    pub fn impersonate(&mut self, user: Option<User>) {
        self.user = user.map(Arc::new);
    }

    /// Who asks, if it is not who may do everything.
    pub fn user(&self) -> Option<&User> {
        self.user.as_deref()
    }

    /// From here on, objects are changed by requests of this verb: `patch` or `update`.
    pub fn update_by(&mut self, verb: &'static str) {
        self.update_verb = verb;
    }

    /// Whether who asks may do something: what reads of the live view are preceded by.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn authorize(&self, asked: &Attributes) -> Result<(), Status> {
        authorize(self.api.view(), self.user.as_ref(), asked)
    }

    /// The same for the objects of a kind, in a namespace or in all.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn may(&self, verb: &str, kind: Kind, namespace: Option<&str>) -> Result<(), Status> {
        if self.user.is_none() { Ok(()) } else { self.authorize(&Attributes::of_kind(verb, kind, namespace)) }
    }

    /// The same for one object or a part of it.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn may_with(&self, verb: &str, key: &Key, subresource: &str) -> Result<(), Status> {
        if self.user.is_none() {
            return Ok(());
        }
        self.authorize(&Attributes::of_object(verb, key, subresource))
    }

    fn may_create(&self, object: &Object) -> Result<(), Status> {
        self.may("create", object.kind(), Some(object.namespace()))
    }

    fn may_update(&self, object: &Object, subresource: &str) -> Result<(), Status> {
        self.may_with(self.update_verb, &object.key(), subresource)
    }

    /// From here on, fields are managed under this name.
    pub fn manage_as(&mut self, manager: &str) {
        self.manager = manager.into();
    }

    /// From here on, objects are written through this subresource (`scale`).
    pub fn through(&mut self, subresource: &'static str) {
        self.subresource = subresource;
    }

    /// Applies a configuration on the server.
    ///
    /// # Errors
    /// As [`ApiServer::apply`].
    pub fn apply(&mut self, applying: &Applying<'_>) -> Result<Arc<Object>, Status> {
        self.may_with("patch", applying.key, "")?;
        let origin = self.origin(None);
        self.api.apply(&origin, applying)
    }

    /// What applying a configuration would leave.
    ///
    /// # Errors
    /// As [`ApiServer::apply`].
    pub fn dry_run_apply(&self, applying: &Applying<'_>) -> Result<Arc<Object>, Status> {
        self.may_with("patch", applying.key, "")?;
        self.api.rehearsal().apply(&self.origin(None), applying)
    }

    /// Replaces the list of an object's managers (`metadata.managedFields`).
    ///
    /// # Errors
    /// As [`ApiServer::update`].
    pub fn set_managers(&mut self, key: &Key, list: serde_json::Value) -> Result<Arc<Object>, Status> {
        self.may_with("patch", key, "")?;
        let origin = self.origin(None);
        self.api.set_managers(&origin, key, list)
    }

    fn origin(&self, explain: Option<Explain>) -> Origin {
        Origin {
            actor: self.actor.clone(),
            cause: self.cause,
            explain: explain.map(Arc::new),
            manager: self.manager.clone(),
            subresource: self.subresource,
        }
    }

    /// Reads an object from the server.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, key: &Key) -> Result<Arc<Object>, Status> {
        self.may_with("get", key, "")?;
        self.api.get(key)
    }

    /// Creates an object and returns it as stored.
    ///
    /// # Errors
    /// As [`ApiServer::create`].
    pub fn create<K: KubeObject>(&mut self, object: K, explain: Option<Explain>) -> Result<K, Status> {
        let origin = self.origin(explain);
        let object: Object = object.into();
        self.may_create(&object)?;
        self.api.create(&origin, object).map(|stored| typed(&stored))
    }

    /// Creates an object of any kind.
    ///
    /// # Errors
    /// As [`ApiServer::create`].
    pub fn create_object(&mut self, object: Object) -> Result<Arc<Object>, Status> {
        self.may_create(&object)?;
        let origin = self.origin(None);
        self.api.create(&origin, object)
    }

    /// What creating an object would leave.
    ///
    /// # Errors
    /// As [`ApiServer::create`].
    pub fn dry_run_create(&self, object: Object) -> Result<Object, Status> {
        self.may_create(&object)?;
        self.api.dry_run_create(object)
    }

    /// What replacing an object would leave.
    ///
    /// # Errors
    /// As [`ApiServer::update`].
    pub fn dry_run_update(&self, object: Object) -> Result<Object, Status> {
        self.may_update(&object, self.subresource)?;
        self.api.dry_run_update(object)
    }

    /// Replaces an object (status aside) if it still has the revision it was read at.
    ///
    /// # Errors
    /// As [`ApiServer::update`].
    pub fn update<K: KubeObject>(&mut self, object: K, explain: Option<Explain>) -> Result<K, Status> {
        let origin = self.origin(explain);
        let object: Object = object.into();
        self.may_update(&object, self.subresource)?;
        self.api.update(&origin, object).map(|stored| typed(&stored))
    }

    /// Replaces an object of any kind.
    ///
    /// # Errors
    /// As [`ApiServer::update`].
    pub fn update_object(&mut self, object: Object) -> Result<Arc<Object>, Status> {
        self.may_update(&object, self.subresource)?;
        let origin = self.origin(None);
        self.api.update(&origin, object)
    }

    /// Replaces an object's status if the object still has the revision it was read at.
    ///
    /// # Errors
    /// As [`ApiServer::update_status`].
    pub fn update_status<K: KubeObject>(&mut self, object: K, explain: Option<Explain>) -> Result<K, Status> {
        let origin = self.origin(explain);
        self.api.update_status(&origin, object).map(|stored| typed(&stored))
    }

    /// Replaces the status of an object of any kind.
    ///
    /// # Errors
    /// As [`ApiServer::update_status`].
    pub fn update_object_status(&mut self, object: Object) -> Result<Arc<Object>, Status> {
        self.may_update(&object, "status")?;
        let origin = self.origin(None);
        self.api.update_status(&origin, object)
    }

    /// Judges a certificate signing request.
    ///
    /// # Errors
    /// As [`ApiServer::update_approval`].
    pub fn update_approval(&mut self, object: Object) -> Result<Arc<Object>, Status> {
        self.may_update(&object, "approval")?;
        let origin = self.origin(None);
        self.api.update_approval(&origin, object)
    }

    /// Deletes an object, or begins to.
    ///
    /// # Errors
    /// As [`ApiServer::delete`].
    pub fn delete(
        &mut self,
        key: &Key,
        options: &DeleteOptions,
        explain: Option<Explain>,
    ) -> Result<Arc<Object>, Status> {
        self.may_with("delete", key, "")?;
        let origin = self.origin(explain);
        self.api.delete(&origin, key, options)
    }

    /// Evicts a pod, or with `dry_run` asks whether it would be.
    ///
    /// # Errors
    /// As [`ApiServer::evict`].
    pub fn evict(&mut self, pod: &Key, options: &DeleteOptions, dry_run: bool) -> Result<(), Status> {
        self.may_with("create", pod, "eviction")?;
        let origin = self.origin(None);
        self.api.evict(&origin, pod, options, dry_run)
    }

    /// Gives the containers of a pod other resources.
    ///
    /// # Errors
    /// As [`ApiServer::resize`].
    pub fn resize(&mut self, pod: &Object) -> Result<Arc<Object>, Status> {
        self.may_update(pod, "resize")?;
        let origin = self.origin(None);
        self.api.resize(&origin, pod)
    }

    /// Adds an ephemeral container to a pod.
    ///
    /// # Errors
    /// As [`ApiServer::add_ephemeral`].
    pub fn add_ephemeral(&mut self, pod: &Key, added: EphemeralContainer) -> Result<Arc<Object>, Status> {
        self.may_with("patch", pod, "ephemeralcontainers")?;
        let origin = self.origin(None);
        self.api.add_ephemeral(&origin, pod, added)
    }

    /// Binds a pod to a node.
    ///
    /// # Errors
    /// As [`ApiServer::bind`].
    pub fn bind(
        &mut self,
        pod: &Key,
        uid: &str,
        node: &str,
        explain: Option<Explain>,
    ) -> Result<Arc<Object>, Status> {
        let origin = self.origin(explain);
        self.api.bind(&origin, &pod.namespace, &pod.name, uid, node)
    }

    /// Removes a namespace that has been emptied.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn finalize_namespace(&mut self, name: &str) -> Result<(), Status> {
        let origin = self.origin(None);
        self.api.finalize_namespace(&origin, name)
    }
}
