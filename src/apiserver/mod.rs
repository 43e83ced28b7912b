//! The API server: the only writer. Every change of the cluster passes through here, is defaulted, admitted and
//! validated, gets the next revision and is appended to the log, where watches find it.

pub mod admission;
pub mod authorization;
mod binding;
mod decode;
mod dry_run;
mod ephemeral;
pub mod eviction;
pub mod extensions;
mod finalization;
pub mod heartbeat;
mod kept_volumes;
mod managed_fields;
pub mod metrics;
mod quota;
pub mod registry;
mod reporters;
mod resize;
mod server_side_apply;
mod statuses;
pub mod store;
mod system;
pub mod validation;
mod warnings;

use std::sync::Arc;

pub use decode::FieldValidation;
pub use kept_volumes::claim_of;
pub use quota::{DEFAULT_QUOTA, PAGE_QUOTA};
pub use reporters::{Saying, Verdict};
pub use server_side_apply::Applying;
pub use store::{Actor, Change, Manner, Store, Told, View};

use crate::api::explain::Explain;
use crate::api::k8s::ObjectMeta;
use crate::api::meta::Revision;
use crate::api::{Key, Kind, KubeObject, MetaExt, Object, Pod, Status};
use crate::clock::SimTime;
use crate::rng::Rng;

/// The longest name that a generated suffix is added to (`names.go` upstream): 63 letters less the suffix.
const GENERATED_BASE_MAX: usize = 58;
const SUFFIX_LEN: usize = 5;

/// Who makes a request, and what made them do it. Written into the log with the change.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who asks.
    pub actor: Actor,
    /// The earlier write they react to.
    pub cause: Option<Revision>,
    /// Their reasons.
    pub explain: Option<Arc<Explain>>,
    /// The name under which they manage fields; empty for the component's own.
    pub manager: Arc<str>,
    /// The subresource that they write to, where the call does not say.
    pub subresource: &'static str,
}

impl Origin {
    /// A request by `actor` for no recorded cause.
    pub fn new(actor: Actor) -> Origin {
        Origin { actor, cause: None, explain: None, manager: "".into(), subresource: "" }
    }
}

/// What becomes of the objects that an object owns when it is deleted (`metav1.DeletionPropagation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// The object goes at once; the garbage collector removes what it owned.
    #[default]
    Background,
    /// The object goes last, after what it owns.
    Foreground,
    /// What it owns stays, without an owner.
    Orphan,
}

/// How to delete (`metav1.DeleteOptions`).
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds that a pod gets to end; `None` for the pod's own `terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of owned objects.
    pub propagation: Propagation,
    /// Delete only if the object still has this uid.
    pub uid: Option<String>,
}

/// Finalizer that holds an object until what it owns is gone.
pub const FOREGROUND_FINALIZER: &str = "foregroundDeletion";
/// Finalizer that holds an object until what it owned has been released.
pub const ORPHAN_FINALIZER: &str = "orphan";

/// The API server's state: the store and what it draws names and addresses from.
#[derive(Clone, Debug)]
pub struct ApiServer {
    store: Store,
    /// How many bytes the store may take.
    quota: u64,
    names: Rng,
    now: SimTime,
    /// The resource metrics API, where there is one.
    metrics: Option<metrics::Metrics>,
    /// What the user is to be told of the objects of the last requests.
    warnings: Vec<String>,
    /// One in so many updates by controllers fails, until then; and how many there have been.
    collisions: Option<(u32, SimTime, u32)>,
    /// The rhythms of the nodes' heartbeats.
    beats: heartbeat::Beats,
    /// What reporters of events remember.
    reporters: reporters::Reporters,
    familiar: validation::Familiar,
}

impl ApiServer {
    /// An empty cluster.
    pub fn new(seed: u64) -> ApiServer {
        ApiServer {
            store: Store::default(),
            quota: DEFAULT_QUOTA,
            names: Rng::new(seed, "names"),
            now: SimTime::ZERO,
            metrics: None,
            warnings: Vec::new(),
            collisions: None,
            beats: heartbeat::Beats::new(),
            reporters: reporters::Reporters::default(),
            familiar: validation::Familiar::default(),
        }
    }

    /// Lets one in so many updates by controllers collide with another, up to a time. Only the simulation calls this.
    pub fn collide(&mut self, every: u32, until: SimTime) {
        self.collisions = Some((every.max(2), until, 0));
    }

    fn collides(&mut self, origin: &Origin, key: &Key) -> Result<(), Status> {
        let Some((every, until, count)) = &mut self.collisions else { return Ok(()) };
        if !matches!(origin.actor, Actor::Controller(_)) || self.now > *until {
            return Ok(());
        }
        *count += 1;
        if *count % *every == 0 { Err(Status::modified(key)) } else { Ok(()) }
    }

    /// Sets the time that the next writes carry. Only the event loop calls this.
    pub fn set_now(&mut self, now: SimTime) {
        self.now = now;
    }

    /// The resource metrics API; `None` for a cluster without one.
    pub fn metrics(&self) -> Option<&metrics::Metrics> {
        self.metrics.as_ref()
    }

    /// Sets what is measured. Only the simulation calls this.
    pub fn set_metrics(&mut self, metrics: Option<metrics::Metrics>) {
        self.metrics = metrics;
    }

    /// The current time.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The store, to read.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The objects alive now.
    pub fn view(&self) -> &View {
        self.store.view()
    }

    /// The objects of an earlier revision; nothing if it is compacted. Every five minutes the server has etcd forget what is
    /// older than that (`--etcd-compaction-interval`).
    pub fn view_at(&self, revision: Revision) -> Option<View> {
        const INTERVAL: u64 = 300;
        let compactions = self.now.since(SimTime::ZERO).as_secs() / INTERVAL;
        let since = SimTime::from_secs(compactions.saturating_sub(1) * INTERVAL);
        let is_kept = revision >= self.store.revision_at(since);
        is_kept.then(|| {
            let mut view = self.view().clone();
            self.store.seek(&mut view, revision);
            view
        })
    }

    /// Reads an object.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, key: &Key) -> Result<Arc<Object>, Status> {
        self.view().object(key).cloned().ok_or_else(|| Status::not_found(key.kind, &key.name))
    }

    /// Creates an object: fills in its defaults, admits and validates it, and stores it.
    ///
    /// # Errors
    /// `NotFound` for a missing namespace, `AlreadyExists`, `Invalid`, `Forbidden` by admission; no class for one that carries a
    /// revision.
    pub fn create(&mut self, origin: &Origin, object: impl Into<Object>) -> Result<Arc<Object>, Status> {
        let mut manner = origin.manner("");
        let object = object.into();
        if object.revision() != 0 && matches!(origin.actor, Actor::User) {
            // The storage refuses it, behind everybody else, and is not asked in a dry run.
            self.dry_run_create(object)?;
            return Err(Status::unknown("resourceVersion should not be set on objects to be created".into()));
        }
        let (key, object) = self.prepare_create(creatable(object)?, &mut manner)?;
        self.warn(origin, &object, None);
        if key.kind == Kind::BINDING {
            self.bind_as_posted(origin, &object)?;
        }
        if key.kind == Kind::BINDING || Kind::REVIEWS.contains(&key.kind) {
            return Ok(Arc::new(object));
        }
        Ok(self
            .commit(origin, key, None, Some(object), manner)
            .unwrap_or_else(|| unreachable!("a creation stores an object")))
    }

    fn prepare_create(&mut self, mut object: Object, manner: &mut Manner) -> Result<(Key, Object), Status> {
        let kind = object.kind();
        if kind.is_custom() {
            extensions::objects::may_create(self.store.view(), kind)?;
        }
        let drawn = object.name().is_empty();
        self.name_and_place(&mut object)?;
        if Kind::REVIEWS.contains(&kind) {
            validation::review::validate(&object)?;
        }
        if kind == Kind::BINDING {
            self.clone().bind_as_posted(&Origin::new(Actor::ApiServer), &object)?;
        }
        let strategy = registry::strategy(self.store.view(), &object);
        object.set_revision(0);
        self.fill_in(strategy, &mut object);
        if !strategy.keeps_status {
            object.clear_status();
        }
        strategy.begin_status(&mut object);
        let uid = self.names.uuid();
        let now = self.now.to_time();
        let meta = object.meta_mut();
        meta.uid = Some(uid);
        meta.creation_timestamp = Some(now);
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        meta.resource_version = None;
        meta.managed_fields = None;
        meta.generation = strategy.counts_generations.then_some(1);
        if let Some(told) = &mut manner.told {
            Arc::make_mut(told).given = Some(object.clone());
        }
        // Whoever changes an object on its way in does not know yet what name it will get.
        let name = object.meta().name.clone();
        let base = object.meta().generate_name.clone();
        if let Some(base) = base.filter(|_| drawn) {
            object.meta_mut().name = Some(base);
        }
        admission::admit(self.store.view(), &mut object, &mut self.names)?;
        object.meta_mut().name = name;
        (strategy.begin_create)(&object, self.store.view())?;
        (strategy.prepare_for_create)(&mut object, self.store.view(), &mut self.names);
        let mut errors = validation::validate_new(&object, &mut self.familiar);
        if kind.is_custom() {
            let version = object.api_version();
            errors.extend(extensions::objects::validate(self.store.view(), &version, &object, None));
        }
        if !errors.is_empty() {
            return Err(Status::invalid(kind, object.name(), errors));
        }
        self.convert(&mut object);
        admission::validate(self.store.view(), &object, None, ("", self.now))?;
        let charged = admission::resource_quota::charge(self.store.view(), &object, None, self.now)?;
        let key = object.key();
        if self.view().object(&key).is_some() {
            return Err(Status::already_exists(kind, &key.name));
        }
        self.room_for_new(kind)?;
        for quota in charged {
            self.update_status(&Origin::new(Actor::ApiServer), quota)?;
        }
        Ok((key, object))
    }

    /// Fills in what an object leaves out, as its kind's strategy or its definition says.
    fn fill_in(&self, strategy: &registry::Entry, object: &mut Object) {
        strategy.fill_in(object);
        if object.kind().is_custom() {
            extensions::objects::fill_in(self.store.view(), object);
        }
    }

    /// Puts an object of a custom kind into the version in which such objects are kept; returns the one that it was in.
    fn convert(&self, object: &mut Object) -> Option<String> {
        if !object.kind().is_custom() {
            return None;
        }
        let spoken = object.api_version();
        extensions::objects::convert(self.store.view(), object);
        Some(spoken)
    }

    /// Gives a new object its namespace and, for `generateName`, its name.
    fn name_and_place(&mut self, object: &mut Object) -> Result<(), Status> {
        let kind = object.kind();
        if kind.info().namespaced {
            if object.namespace().is_empty() {
                object.meta_mut().namespace = Some("default".into());
            }
            let namespace = object.namespace().to_string();
            let home = self.view().object(&Key::cluster(Kind::NAMESPACE, &namespace)).cloned();
            let home = home.ok_or_else(|| Status::not_found(Kind::NAMESPACE, &namespace))?;
            if home.is_deleting() && kind != Kind::EVENT {
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                );
                return Err(Status::forbidden(kind, object.name(), &why));
            }
        } else {
            object.meta_mut().namespace = None;
        }
        if let (true, Some(base)) = (object.name().is_empty(), object.meta().generate_name.clone()) {
            let base: String = base.chars().take(GENERATED_BASE_MAX).collect();
            let name = loop {
                let name = format!("{base}{}", self.names.suffix(SUFFIX_LEN));
                if self.view().object(&Key::new(kind, object.namespace(), &name)).is_none() {
                    break name;
                }
            };
            object.meta_mut().name = Some(name);
        }
        Ok(())
    }

    /// Replaces an object, status aside. If `object` carries a revision it must be the stored one.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`, `Invalid`.
    pub fn update(&mut self, origin: &Origin, object: impl Into<Object>) -> Result<Arc<Object>, Status> {
        let mut object = object.into();
        let mut manner = origin.manner("");
        manner.take_list(&mut object);
        let (old, object) = self.prepare_update(object, origin.subresource)?;
        self.collides(origin, &old.key())?;
        self.warn(origin, &object, Some(&old));
        self.finish_update(origin, old, object, manner)
    }

    /// What [`ApiServer::update`] would store, without storing it.
    ///
    /// # Errors
    /// As [`ApiServer::update`].
    pub fn dry_run_update(&self, object: impl Into<Object>) -> Result<Object, Status> {
        self.clone().prepare_update(object.into(), "").map(|(_, object)| object)
    }

    fn prepare_update(
        &mut self,
        mut object: Object,
        subresource: &str,
    ) -> Result<(Arc<Object>, Object), Status> {
        let (key, kind) = (object.key(), object.kind());
        let old = self.current(&key, object.revision())?;
        let strategy = registry::strategy(self.store.view(), &object);
        self.fill_in(strategy, &mut object);
        let spoken = self.convert(&mut object);
        if strategy.has_status {
            object.take_status(&old);
        }
        if subresource.is_empty() {
            admission::admit_update(self.store.view(), &mut object, &old, &mut self.names)?;
        }
        (strategy.prepare_for_update)(&mut object, &old);
        keep_system_meta(object.meta_mut(), old.meta());
        let annotated = strategy.counts_annotations && object.annotations() != old.annotations();
        // A status that is not written by itself is a field like any other.
        let status = !strategy.has_status && !object.same_status(&old);
        if strategy.counts_generations && (annotated || status || !object.same_spec(&old)) {
            object.meta_mut().generation = Some(old.generation() + 1);
        }
        (strategy.begin_update)(&mut object, &old, self.store.view(), &mut self.names)?;
        let mut errors = validation::validate_update(&object, &old);
        if let Some(version) = spoken {
            let view = self.store.view();
            errors.extend(extensions::objects::validate(view, &version, &object, Some(&old)));
        }
        if !errors.is_empty() {
            return Err(Status::invalid(kind, &key.name, errors));
        }
        admission::validate(self.store.view(), &object, Some(&old), (subresource, self.now))?;
        Ok((old, object))
    }

    /// Stores an update unless nothing has changed, and removes the object if the update took away the last
    /// finalizer that held it.
    fn finish_update(
        &mut self,
        origin: &Origin,
        old: Arc<Object>,
        mut object: Object,
        manner: Manner,
    ) -> Result<Arc<Object>, Status> {
        object.set_revision(old.revision());
        if object == *old && !self.changes_managers(&old, &manner) {
            return Ok(old);
        }
        // Equal metadata keeps sharing the old allocation, so that history stays small.
        if object.meta() == old.meta() {
            object.share_meta(&old);
        }
        let key = old.key();
        let ready = match &object {
            Object::Namespace(namespace) => finalization::is_finalized(namespace),
            other => other.meta().deletion_grace_period_seconds == Some(0),
        };
        let released = object.is_deleting() && no_finalizers(&object) && ready;
        if released {
            self.commit(origin, key, Some(old), None, manner);
            object.set_revision(self.store.revision());
            return Ok(Arc::new(object));
        }
        self.room_for_next()?;
        Ok(self
            .commit(origin, key, Some(old), Some(object), manner)
            .unwrap_or_else(|| unreachable!("an update stores an object")))
    }

    /// Deletes an object, or marks it as being deleted where something must happen first: finalizers, or the grace
    /// period of a pod that runs on a node. Returns the object as it is left (or was).
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if it has another uid than asked for.
    pub fn delete(
        &mut self,
        origin: &Origin,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<Arc<Object>, Status> {
        let old = self.get(key)?;
        admission::validate_delete(self.store.view(), &old)?;
        if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != old.uid()) {
            let why =
                format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", old.uid());
            return Err(Status::conflict(key, &why));
        }
        let grace = match &*old {
            Object::Pod(pod) => pod_grace_seconds(pod, options.grace_period_seconds),
            _ => 0,
        };
        let mut object = (*old).clone();
        add_propagation_finalizer(&mut object, options.propagation);
        if key.kind == Kind::CUSTOM_RESOURCE_DEFINITION && !old.is_deleting() {
            extensions::begin_termination(&mut object, self.now);
        }
        if grace == 0 && no_finalizers(&object) && key.kind != Kind::NAMESPACE {
            self.commit(origin, key.clone(), Some(old.clone()), None, Manner::default());
            return Ok(old);
        }
        let already_shorter =
            old.meta().deletion_grace_period_seconds.is_some_and(|seconds| seconds <= grace);
        if old.is_deleting() && already_shorter {
            return Ok(old);
        }
        let deadline = self.now + crate::clock::SimDuration::from_secs(grace.max(0) as u64);
        let meta = object.meta_mut();
        meta.deletion_timestamp = Some(deadline.to_time());
        meta.deletion_grace_period_seconds = (key.kind != Kind::NAMESPACE).then_some(grace);
        if let (Some(generation), false) = (meta.generation, old.is_deleting()) {
            meta.generation = Some(generation + 1);
        }
        if let Object::Namespace(namespace) = &mut object {
            Arc::make_mut(&mut namespace.status).phase = Some("Terminating".into());
        }
        Ok(self
            .commit(origin, key.clone(), Some(old), Some(object), Manner::default())
            .unwrap_or_else(|| unreachable!("a mark stores an object")))
    }

    /// The stored object, if `revision` is its own or zero.
    fn current(&self, key: &Key, revision: Revision) -> Result<Arc<Object>, Status> {
        let old = self.get(key)?;
        if revision != 0 && revision != old.revision() { Err(Status::modified(key)) } else { Ok(old) }
    }

    fn commit(
        &mut self,
        origin: &Origin,
        key: Key,
        before: Option<Arc<Object>>,
        after: Option<Object>,
        manner: Manner,
    ) -> Option<Arc<Object>> {
        let revision = self.store.revision() + 1;
        let after = after.map(|mut object| {
            object.set_revision(revision);
            Arc::new(object)
        });
        self.store.commit(Change {
            revision,
            time: self.now,
            actor: origin.actor.clone(),
            cause: origin.cause,
            key: key.clone(),
            before,
            after: after.clone(),
            explain: origin.explain.clone(),
            manner,
        });
        if key.kind == Kind::CUSTOM_RESOURCE_DEFINITION {
            self.accept_names(revision);
        }
        after
    }

    /// Settles the names of all definitions after a write of one: what it asks for, or what it has set free.
    fn accept_names(&mut self, cause: Revision) {
        let view = self.store.view();
        let keys: Vec<Key> =
            view.objects(Kind::CUSTOM_RESOURCE_DEFINITION, None).map(|definition| definition.key()).collect();
        for key in keys {
            if let Some(settled) = extensions::accept(self.store.view(), &key, self.now) {
                let before = self.view().object(&key).cloned();
                let origin = Origin { cause: Some(cause), ..Origin::new(Actor::ApiServer) };
                self.commit(&origin, key, before, Some(settled), Manner::default());
            }
        }
    }
}

/// The health of components is asked for, and not written.
fn creatable(object: Object) -> Result<Object, Status> {
    let message = "the server does not allow this method on the requested resource";
    let refused = object.kind() == Kind::COMPONENT_STATUS;
    if refused { Err(Status::method_not_allowed(message)) } else { Ok(object) }
}

/// What no client may change: identity, birth and the mark of deletion.
fn keep_system_meta(meta: &mut ObjectMeta, old: &ObjectMeta) {
    meta.uid.clone_from(&old.uid);
    meta.creation_timestamp.clone_from(&old.creation_timestamp);
    meta.deletion_timestamp.clone_from(&old.deletion_timestamp);
    meta.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    meta.generation = old.generation;
    meta.resource_version = None;
    meta.managed_fields = None;
}

fn no_finalizers(object: &Object) -> bool {
    object.meta().finalizers.as_ref().is_none_or(Vec::is_empty)
}

fn add_propagation_finalizer(object: &mut Object, propagation: Propagation) {
    let finalizer = match propagation {
        Propagation::Background => return,
        Propagation::Foreground => FOREGROUND_FINALIZER,
        Propagation::Orphan => ORPHAN_FINALIZER,
    };
    let finalizers = object.meta_mut().finalizers.get_or_insert_default();
    if !finalizers.iter().any(|existing| existing == finalizer) {
        finalizers.push(finalizer.to_string());
    }
}

/// The seconds a pod gets: none if no kubelet looks after it, else what is asked for or its own period.
fn pod_grace_seconds(pod: &Pod, asked: Option<i64>) -> i64 {
    let finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    if pod.spec.node_name.is_none() || (finished && asked.is_none()) {
        return 0;
    }
    asked.or(pod.spec.termination_grace_period_seconds).unwrap_or(30).max(0)
}

/// An object of a modelled kind out of what a write returned. A write returns the kind it was given.
pub fn typed<K: KubeObject>(object: &Arc<Object>) -> K {
    object.as_kind::<K>().cloned().unwrap_or_else(|| unreachable!("a write keeps its object's kind"))
}
