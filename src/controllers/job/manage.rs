//! Brings the number of running pods of a Job to what is wanted (`manageJob`).

use sorted::SortedMap;
use std::cmp::Ordering;
use std::sync::Arc;

use super::super::pod_control;
use super::super::pods::{is_ready, max_restarts, pod_from_template, ready_since};
use super::indexes::{INDEX, index_of};
use super::policy::Verdict;
use super::sync::Look;
use super::{JobController, TRACKING, backoff, release, tracked};
use crate::api::k8s::{EnvVar, EnvVarSource, ObjectFieldSelector};
use crate::api::{Key, Kind, MetaExt, Pod, Status, sorting};
use crate::client::Client;
use crate::clock::SimDuration;

/// At most so many pods are created or deleted in one look (`MaxPodCreateDeletePerSync`).
const BURST: usize = 500;
/// How often the pods of an index have failed before this one, and how often that was ignored.
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// Failures of a pod's index before it: those that count, and those that a policy ignored.
pub(super) fn index_failures(pod: &Pod) -> (i32, i32) {
    let number = |name: &str| pod.annotation(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    (number(FAILURES), number(IGNORED))
}

fn pod_key(pod: &Pod) -> Key {
    Key::new(Kind::POD, pod.namespace(), pod.name())
}

impl Look<'_> {
    /// With a back-off limit per index: the failed pods that stay until their successor is made, since they carry the count.
    pub(super) fn delayed(&self) -> SortedMap<i32, &Pod> {
        let mut delayed: SortedMap<i32, &Pod> = SortedMap::new();
        if self.per_index().is_none() {
            return delayed;
        }
        let total = |pod: &Pod| {
            let (counted, ignored) = index_failures(pod);
            counted + ignored
        };
        let counted = |pod: &&Pod| tracked(pod) && !self.released.contains(pod.uid());
        for pod in self.pods.iter().filter(counted).filter(|pod| self.is_failed(pod)) {
            let Some(index) = self.valid_index(pod) else { continue };
            if self.done.has(index) || self.lost.as_ref().is_some_and(|lost| lost.has(index)) {
                continue;
            }
            if delayed.get(&index).is_none_or(|known| total(pod) > total(known)) {
                delayed.insert(index, pod);
            }
        }
        for pod in &self.active {
            if let Some(index) = self.valid_index(pod) {
                delayed.remove(&index);
            }
        }
        delayed
    }
}

impl JobController {
    /// Returns how many pods are active now.
    pub(super) fn manage(
        &mut self,
        look: &mut Look<'_>,
        client: &mut Client<'_>,
    ) -> (i32, Result<(), Status>) {
        let active = i32::try_from(look.active.len()).unwrap_or(i32::MAX);
        let wanted = wanted(look, active);
        let surplus = usize::try_from(active - wanted).unwrap_or(0);
        let doomed = doomed(look, surplus);
        if look.is_suspended() || !doomed.is_empty() {
            let (removed, result) = self.remove(look, &doomed, client);
            return (active - removed, result);
        }
        let waiting = if look.replaces_failed_only() { look.terminating } else { 0 };
        let missing = usize::try_from(wanted - waiting - active).unwrap_or(0).min(BURST);
        if missing == 0 {
            return (active, Ok(()));
        }
        match next_indexes(look, missing) {
            Err(wait) => {
                look.wake_in(wait);
                look.waits = true;
                (0, Ok(()))
            }
            Ok(indexes) => {
                let (made, result) = self.create(look, indexes.len(), &indexes, client);
                (active + made, result)
            }
        }
    }

    fn create(
        &mut self,
        look: &Look<'_>,
        count: usize,
        indexes: &[Option<i32>],
        client: &mut Client<'_>,
    ) -> (i32, Result<(), Status>) {
        self.expectations.expect_creations(look.key, count, client.now());
        let mut rest = indexes.iter();
        let (made, result) = pod_control::slow_start(count, || match rest.next() {
            Some(index) => pod_control::create(&look.job, new_pod(look, *index), None, client),
            None => Ok(()),
        });
        for _ in made..count {
            self.expectations.creation_observed(look.key);
        }
        (i32::try_from(made).unwrap_or(i32::MAX), result)
    }

    /// Takes running pods away that are too many. They are not counted: their finalizer goes first.
    fn remove(
        &mut self,
        look: &mut Look<'_>,
        doomed: &[Pod],
        client: &mut Client<'_>,
    ) -> (i32, Result<(), Status>) {
        self.delete(look, doomed, true, client)
    }

    /// Ends every running pod, because the Job is over. Returns how many could be deleted.
    pub(super) fn end_active(
        &mut self,
        look: &mut Look<'_>,
        client: &mut Client<'_>,
    ) -> (i32, Result<(), Status>) {
        let active = look.active.clone();
        self.delete(look, &active, false, client)
    }

    fn delete(
        &mut self,
        look: &mut Look<'_>,
        doomed: &[Pod],
        release_first: bool,
        client: &mut Client<'_>,
    ) -> (i32, Result<(), Status>) {
        if doomed.is_empty() {
            return (0, Ok(()));
        }
        if release_first {
            self.expectations.expect_deletions(look.key, doomed.iter().map(pod_key), client.now());
        }
        let (mut removed, mut result) = (0, Ok(()));
        for pod in doomed {
            let released = if release_first { release(&pod_key(pod), client) } else { Ok(()) };
            let deleted = released.and_then(|()| pod_control::delete(&look.job, pod, None, client));
            match deleted {
                Ok(()) => {}
                Err(refused) if refused.code == 404 => {
                    self.expectations.deletion_observed(look.key, &pod_key(pod));
                }
                Err(refused) => {
                    self.expectations.deletion_observed(look.key, &pod_key(pod));
                    result = result.and(Err(refused));
                    continue;
                }
            }
            removed += 1;
            look.ready -= i32::from(is_ready(pod));
        }
        look.terminating += removed;
        (removed, result)
    }
}

/// How many pods should run.
fn wanted(look: &Look<'_>, active: i32) -> i32 {
    let parallelism = look.job.spec.parallelism.unwrap_or(1);
    match look.job.spec.completions {
        _ if look.is_suspended() => 0,
        // Once one has succeeded, the others end by themselves.
        None if look.succeeded > 0 => active,
        None => parallelism,
        Some(completions) => (completions - look.succeeded).min(parallelism).max(0),
    }
}

/// Which pods go when `surplus` are too many: those of no or of a doubled index, then the least useful.
fn doomed(look: &Look<'_>, surplus: usize) -> Vec<Pod> {
    let (mut doomed, mut left) = (Vec::new(), look.active.clone());
    sorting::sort_by(&mut left, usefulness);
    if look.is_indexed() && !look.is_suspended() {
        let mut by_index: SortedMap<i32, Vec<Pod>> = SortedMap::new();
        for pod in left.drain(..) {
            match look.valid_index(&pod) {
                Some(index) => by_index.entry(index).or_default().push(pod),
                None => doomed.push(pod),
            }
        }
        for (_, mut pods) in by_index {
            left.extend(pods.pop());
            doomed.extend(pods);
        }
        sorting::sort_by(&mut left, usefulness);
    }
    let more = surplus.saturating_sub(doomed.len());
    doomed.extend(left.into_iter().take(more));
    doomed.truncate(BURST);
    doomed
}

/// The order in which pods go (`controller.ActivePods`): without a node, pending, not ready, ready for a shorter time, restarted
/// more often, younger.
fn usefulness(a: &Pod, b: &Pod) -> Ordering {
    let phase = |pod: &Pod| match pod.status.phase.as_deref() {
        Some("Pending") => 0,
        Some("Running") => 2,
        _ => 1,
    };
    let rank = |pod: &Pod| (pod.spec.node_name.is_some(), phase(pod), is_ready(pod));
    rank(a)
        .cmp(&rank(b))
        .then_with(|| ready_since(b).cmp(&ready_since(a)))
        .then_with(|| max_restarts(b).cmp(&max_restarts(a)))
        .then_with(|| b.created().cmp(&a.created()))
}

/// For each pod to be made its index, if the Job counts by index.
///
/// # Errors
/// How long to wait before any may be made.
fn next_indexes(look: &Look<'_>, missing: usize) -> Result<Vec<Option<i32>>, SimDuration> {
    if look.per_index().is_none() {
        let wait = look.failures.remaining(look.now);
        if wait > SimDuration::ZERO {
            return Err(wait);
        }
    }
    if !look.is_indexed() {
        return Ok(vec![None; missing]);
    }
    let mut taken = look.done.with(look.active.iter().filter_map(index_of));
    if look.replaces_failed_only() {
        let terminating = look.pods.iter().filter(|pod| super::super::pods::is_terminating(pod));
        taken = taken.with(terminating.filter_map(index_of));
    }
    if let Some(lost) = &look.lost {
        taken = taken.and(lost);
    }
    let indexes = taken.first_missing(missing, look.completions());
    let delayed = look.delayed();
    let wait = |index: &i32| {
        let Some(pod) = delayed.get(index) else { return SimDuration::ZERO };
        let (counted, ignored) = index_failures(pod);
        let failures = u32::try_from(counted + ignored + 1).unwrap_or(u32::MAX);
        backoff::remaining(failures, backoff::finished(pod, look.now), look.now)
    };
    let waits: Vec<SimDuration> = indexes.iter().map(wait).collect();
    let due: Vec<Option<i32>> = indexes
        .iter()
        .zip(&waits)
        .filter(|(_, wait)| **wait == SimDuration::ZERO)
        .map(|(index, _)| Some(*index))
        .collect();
    match waits.into_iter().min() {
        Some(wait) if due.is_empty() => Err(wait),
        _ => Ok(due),
    }
}

/// A new pod, with the finalizer that makes sure it is counted.
fn new_pod(look: &Look<'_>, index: Option<i32>) -> Pod {
    let mut pod = pod_from_template(&look.job.spec.template, &look.job);
    let meta = Arc::make_mut(&mut pod.meta);
    let finalizers = meta.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|finalizer| finalizer == TRACKING) {
        finalizers.push(TRACKING.into());
    }
    let Some(index) = index else { return pod };
    let name = look.job.name();
    meta.generate_name = Some(format!("{name}-{index}-"));
    meta.labels.get_or_insert_default().insert(INDEX.into(), index.to_string());
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(INDEX.into(), index.to_string());
    if look.per_index().is_some() {
        let (mut counted, mut ignored) = (0, 0);
        if let Some(predecessor) = look.delayed().get(&index) {
            (counted, ignored) = index_failures(predecessor);
            if look.judge(predecessor) == Verdict::Ignore { ignored += 1 } else { counted += 1 }
        }
        annotations.insert(FAILURES.into(), counted.to_string());
        if ignored > 0 {
            annotations.insert(IGNORED.into(), ignored.to_string());
        }
    }
    let spec = Arc::make_mut(&mut pod.spec);
    spec.hostname = Some(format!("{name}-{index}"));
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        let env = container.env.get_or_insert_default();
        if !env.iter().any(|variable| variable.name == "JOB_COMPLETION_INDEX") {
            env.push(index_variable());
        }
    }
    pod
}

fn index_variable() -> EnvVar {
    let field = ObjectFieldSelector {
        api_version: Some("v1".into()),
        field_path: format!("metadata.labels['{INDEX}']"),
    };
    EnvVar {
        name: "JOB_COMPLETION_INDEX".into(),
        value_from: Some(EnvVarSource { field_ref: Some(field), ..Default::default() }),
        ..Default::default()
    }
}
