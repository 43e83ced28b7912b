//! The Job controller: runs pods until enough of them have succeeded, or too many have failed. Models `pkg/controller/job`.
//!
//! Every pod holds a finalizer until its end has been counted, so that none is lost or counted twice: its uid is first written
//! into the status, then the finalizer is taken away, then the count is raised.

mod backoff;
mod indexes;
mod manage;
mod policy;
mod sync;
mod track;

use sorted::{SortedMap, SortedSet};

use super::expectations::Expectations;
use super::owner_index::OwnerIndex;
use super::ref_manager::{claim, gone_is_fine};
use super::{Action, Controller};
use crate::api::k8s::OwnerReference;
use crate::api::selector::Selector;
use crate::api::{Job, Key, Kind, KubeObject, MetaExt, Object, Pod, Status, condition};
use crate::client::{Change, Client, Retries, View, WorkQueue};
use crate::clock::SimDuration;

/// The finalizer that a pod keeps until it is counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// Changes of pods are gathered for so long (`SyncJobBatchPeriod`).
const BATCH: SimDuration = SimDuration::from_secs(1);

/// The controller: what it has asked for and not seen yet, and how its Jobs have failed.
#[derive(Clone, Debug)]
pub struct JobController {
    expectations: Expectations,
    /// The pods whose finalizer it has taken away without having seen it gone.
    released: SortedMap<Key, SortedSet<String>>,
    failures: SortedMap<Key, backoff::Record>,
    pods: OwnerIndex,
}

impl Default for JobController {
    fn default() -> Self {
        JobController {
            expectations: Expectations::default(),
            released: SortedMap::new(),
            failures: SortedMap::new(),
            pods: OwnerIndex::of(Kind::POD, Kind::JOB),
        }
    }
}

impl Controller for JobController {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::JOB, Kind::POD]
    }

    fn retries(&self) -> Retries {
        Retries { first: SimDuration::from_secs(1), longest: SimDuration::from_secs(60), ..Retries::DEFAULT }
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        self.pods.note(change);
        if change.key.kind == Kind::POD {
            self.observe_pod(change, view, queue);
        } else {
            self.observe_job(change, queue);
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        if key.kind == Kind::POD {
            return release_orphan(key, view, client).map(|()| Action::AwaitChange);
        }
        let Some(job) = view.get::<Job>(&key.namespace, &key.name) else {
            self.forget(key);
            return Ok(Action::AwaitChange);
        };
        let managed_by = job.spec.managed_by.as_deref();
        if managed_by.is_some_and(|manager| manager != "kubernetes.io/job-controller") {
            return Ok(Action::AwaitChange);
        }
        if is_finished(job) {
            self.failures.remove(key);
            return Ok(Action::AwaitChange);
        }
        let selector = job.spec.selector.as_ref().and_then(Selector::from_field).unwrap_or_default();
        let own = self.pods.controlled_by::<Pod>(job.uid(), job.namespace());
        let candidates = own.chain(self.pods.orphans(job.namespace())).cloned().collect();
        let pods = claim(job, &selector, candidates, client)?;
        self.sync(key, job, pods, client)
    }
}

impl JobController {
    fn forget(&mut self, key: &Key) {
        self.expectations.forget(key);
        self.released.remove(key);
        self.failures.remove(key);
    }

    fn observe_job(&mut self, change: &Change, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        match (before, after) {
            (Some(before), Some(after)) if before.generation() == after.generation() => {
                queue.add_after(change.key.clone(), BATCH);
            }
            _ => queue.add(change.key.clone(), cause),
        }
        // Pods of a Job that is gone or over are let go of.
        let over = after.and_then(Object::as_kind::<Job>).is_none_or(is_finished);
        if let (true, Some(job)) = (over, after.or(before)) {
            for pod in self.pods.controlled_by::<Pod>(job.uid(), job.namespace()).filter(|pod| tracked(pod)) {
                queue.add(Key::new(Kind::POD, pod.namespace(), pod.name()), cause);
            }
        }
    }

    fn observe_pod(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        let owners = [before, after].map(|pod| owner_job(pod?, view));
        if let [_, Some(owner)] | [Some(owner), None] = &owners {
            if before.is_none() {
                self.expectations.creation_observed(owner);
            }
            if after.is_none_or(|pod| pod.is_deleting()) {
                self.expectations.deletion_observed(owner, &change.key);
            }
            let uid = change.object().uid();
            let holds = after.and_then(Object::as_kind::<Pod>).is_some_and(tracked);
            if let (false, Some(released)) = (holds, self.released.get_mut(owner)) {
                released.remove(uid);
            }
        }
        let job_of = |key: &Key| view.get::<Job>(&key.namespace, &key.name);
        let holds = after.and_then(Object::as_kind::<Pod>).is_some_and(tracked);
        let orphaned = after.is_some_and(|pod| {
            let owner = pod.controller().filter(|owner| owner.kind == Kind::JOB.name());
            owner.is_none() || owners[1].as_ref().and_then(job_of).is_none_or(is_finished)
        });
        if holds && orphaned {
            queue.add(change.key.clone(), cause);
        }
        for owner in owners.into_iter().flatten() {
            queue.add_after(owner, BATCH);
        }
        let Some(pod) = after.filter(|pod| pod.controller().is_none() && !pod.is_deleting()) else { return };
        if before.is_some_and(|before| before.labels() == pod.labels() && before.controller().is_none()) {
            return;
        }
        for job in view.list::<Job>(Some(pod.namespace())) {
            let selector = job.spec.selector.as_ref().and_then(Selector::from_field).unwrap_or_default();
            if selector.matches(pod.labels()) {
                queue.add_after(Key::new(Kind::JOB, job.namespace(), job.name()), BATCH);
            }
        }
    }
}

/// Whether the pod waits to be counted.
fn tracked(pod: &Pod) -> bool {
    pod.meta.finalizers.iter().flatten().any(|finalizer| finalizer == TRACKING)
}

/// Whether a Job is over, with or without success.
pub fn is_finished(job: &Job) -> bool {
    let conditions = job.status.conditions.as_deref();
    condition::is_true(conditions, "Complete") || condition::is_true(conditions, "Failed")
}

/// Takes the finalizer off a pod, if it has it.
///
/// # Errors
/// What the API server refused; a pod that is gone is fine.
fn release(key: &Key, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(pod) = gone_is_fine(client.get(key))? else { return Ok(()) };
    if !pod.as_kind::<Pod>().is_some_and(tracked) {
        return Ok(());
    }
    let mut object = (*pod).clone();
    let meta = object.meta_mut();
    if let Some(finalizers) = &mut meta.finalizers {
        finalizers.retain(|finalizer| finalizer != TRACKING);
    }
    meta.finalizers = meta.finalizers.take().filter(|finalizers| !finalizers.is_empty());
    gone_is_fine(client.update_object(object)).map(drop)
}

/// Lets go of a pod whose Job will not count it any more (`syncOrphanPod`).
fn release_orphan(key: &Key, view: &View, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(pod) = view.object(key) else { return Ok(()) };
    let job = owner_job(pod, view).and_then(|owner| view.get::<Job>(&owner.namespace, &owner.name));
    if job.is_some_and(|job| !is_finished(job)) {
        return Ok(());
    }
    release(key, client)
}

/// The Job that controls a pod, if there is one of that uid.
fn owner_job(pod: &Object, view: &View) -> Option<Key> {
    let of_kind = |owner: &&OwnerReference| owner.kind == Job::KIND.name();
    let owner = pod.controller().filter(of_kind)?;
    let job = view.get::<Job>(pod.namespace(), &owner.name).filter(|job| job.uid() == owner.uid)?;
    Some(Key::new(Kind::JOB, job.namespace(), job.name()))
}
