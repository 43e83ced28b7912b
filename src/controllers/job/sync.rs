//! One look at a Job: count, decide whether it is over, else bring the number of running pods to what is wanted
//! (`syncJob`).

use sorted::SortedSet;
use std::sync::Arc;

use super::super::pods::{is_active, is_ready, is_terminating};
use super::indexes::{Indexes, index_of};
use super::policy::{self, Verdict};
use super::{JobController, backoff, tracked};
use crate::api::k8s::{JobCondition, UncountedTerminatedPods};
use crate::api::{Job, Key, MetaExt, Pod, Status, condition};
use crate::client::Client;
use crate::client::recorder::{EventType, reference};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::Action;

/// What one look at a Job found, and what it makes of it.
pub(super) struct Look<'a> {
    pub key: &'a Key,
    /// The Job, with the status that will be written.
    pub job: Job,
    pub pods: Vec<Pod>,
    pub active: Vec<Pod>,
    pub ready: i32,
    pub terminating: i32,
    /// The uids that stood in the status, uncounted, when the look began.
    pub uncounted: UncountedTerminatedPods,
    /// Pods whose finalizer is already being taken away.
    pub released: SortedSet<String>,
    pub succeeded: i32,
    pub failed: i32,
    pub done_before: Indexes,
    pub done: Indexes,
    /// Indexes that have failed for good; `None` without a back-off limit per index.
    pub lost: Option<Indexes>,
    /// The condition that ends the Job.
    pub verdict: Option<JobCondition>,
    pub failures: backoff::Record,
    pub now: SimTime,
    /// When to look again, whatever happens.
    pub again: Option<SimDuration>,
    /// Whether new pods wait for the back-off.
    pub waits: bool,
}

/// A condition that holds from now on.
pub(super) fn new_condition(type_: &str, reason: &str, message: &str, now: SimTime) -> JobCondition {
    JobCondition {
        type_: type_.into(),
        status: "True".into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_probe_time: Some(now.to_time()),
        last_transition_time: Some(now.to_time()),
    }
}

impl Look<'_> {
    pub(super) fn is_indexed(&self) -> bool {
        self.job.spec.completion_mode.as_deref() == Some("Indexed")
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.job.spec.suspend == Some(true)
    }

    pub(super) fn completions(&self) -> i32 {
        self.job.spec.completions.unwrap_or(0)
    }

    pub(super) fn per_index(&self) -> Option<i32> {
        self.job.spec.backoff_limit_per_index.filter(|_| self.is_indexed())
    }

    /// Whether pods are replaced only once they have failed, rather than as soon as they are on their way out.
    pub(super) fn replaces_failed_only(&self) -> bool {
        let spec = &self.job.spec;
        spec.pod_replacement_policy.as_deref() == Some("Failed") || spec.pod_failure_policy.is_some()
    }

    /// Whether a pod counts as failed (`isPodFailed`).
    pub(super) fn is_failed(&self, pod: &Pod) -> bool {
        let phase = pod.status.phase.as_deref();
        phase == Some("Failed")
            || (!self.replaces_failed_only() && pod.is_deleting() && phase != Some("Succeeded"))
    }

    /// A pod's index, if it is one of those wanted.
    pub(super) fn valid_index(&self, pod: &Pod) -> Option<i32> {
        index_of(pod).filter(|index| *index < self.completions())
    }

    pub(super) fn judge(&self, pod: &Pod) -> Verdict {
        policy::judge(self.job.spec.pod_failure_policy.as_ref(), pod)
    }

    /// Pods that have ended since the last look.
    fn newly(&self, uncounted: &Option<Vec<String>>, ended: impl Fn(&Pod) -> bool) -> Vec<&Pod> {
        let known = |pod: &Pod| {
            let uid = pod.uid();
            uncounted.iter().flatten().any(|known| known == uid) || self.released.contains(uid)
        };
        let valid = |pod: &Pod| !self.is_indexed() || self.valid_index(pod).is_some();
        self.pods.iter().filter(|pod| tracked(pod) && !known(pod) && valid(pod) && ended(pod)).collect()
    }

    pub(super) fn wake_in(&mut self, delay: SimDuration) {
        self.again = self.again.into_iter().chain([delay]).min();
    }
}

impl JobController {
    pub(super) fn sync(
        &mut self,
        key: &Key,
        job: &Job,
        pods: Vec<Pod>,
        client: &mut Client<'_>,
    ) -> Result<Action, Status> {
        let settled = self.expectations.satisfied(key, client.now());
        let mut look = self.look(key, job, pods, client.now());
        decide(&mut look);
        let mut active = i32::try_from(look.active.len()).unwrap_or(i32::MAX);
        let mut news = false;
        let mut managed = Ok(());
        if look.verdict.is_some() {
            let (deleted, result) = self.end_active(&mut look, client);
            // Pods that could not be deleted, or are not seen yet, would be lost.
            if deleted != active || !settled {
                look.verdict = None;
            }
            active -= deleted;
            managed = result;
        } else {
            let acts = settled && !look.job.is_deleting();
            if acts {
                (active, managed) = self.manage(&mut look, client);
            }
            let complete = match look.job.spec.completions {
                None => look.succeeded > 0 && active == 0,
                Some(completions) => look.succeeded >= completions && active == 0,
            };
            if complete {
                let message = "Reached expected number of succeeded pods";
                look.verdict =
                    Some(new_condition("SuccessCriteriaMet", "CompletionsReached", message, look.now));
            } else if acts {
                news = note_suspension(&mut look, client);
            }
        }
        // While new pods wait, 1.36.2 takes none to be active (kubernetes issue 139428), and the API server refuses a status
        // with more that are ready: nothing is written, and no pod counted, until the wait is over.
        if look.waits && look.ready > 0 {
            return Ok(look.again.map_or(Action::AwaitChange, Action::RequeueAfter));
        }
        let status = Arc::make_mut(&mut look.job.status);
        news |= active != status.active.unwrap_or(0)
            || status.ready != Some(look.ready)
            || status.terminating != Some(look.terminating);
        status.active = Some(active).filter(|active| *active != 0);
        status.ready = Some(look.ready);
        status.terminating = Some(look.terminating);
        let again = look.again;
        self.track(look, news, client)?;
        managed?;
        Ok(again.map_or(Action::AwaitChange, Action::RequeueAfter))
    }

    fn look<'a>(&self, key: &'a Key, job: &Job, pods: Vec<Pod>, now: SimTime) -> Look<'a> {
        let mut job = job.clone();
        let status = Arc::make_mut(&mut job.status);
        let uncounted = status.uncounted_terminated_pods.get_or_insert_default().clone();
        if status.start_time.is_none() && job.spec.suspend != Some(true) {
            status.start_time = Some(now.to_time());
        }
        let active: Vec<Pod> = pods.iter().filter(|pod| is_active(pod)).cloned().collect();
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let mut look = Look {
            key,
            ready: count(active.iter().filter(|pod| is_ready(pod)).count()),
            terminating: count(pods.iter().filter(|pod| is_terminating(pod)).count()),
            released: self.released.get(key).cloned().unwrap_or_default(),
            failures: self.failures.get(key).copied().unwrap_or_default(),
            uncounted,
            active,
            pods,
            job,
            succeeded: 0,
            failed: 0,
            done_before: Indexes::default(),
            done: Indexes::default(),
            lost: None,
            verdict: None,
            now,
            again: None,
            waits: false,
        };
        let new_succeeded =
            look.newly(&look.uncounted.succeeded, |pod| pod.status.phase.as_deref() == Some("Succeeded"));
        let new_failed = look.newly(&look.uncounted.failed, |pod| look.is_failed(pod));
        let counted = new_failed.iter().filter(|pod| look.judge(pod) != Verdict::Ignore).count();
        let waiting = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
        let succeeded = look.job.status.succeeded.unwrap_or(0)
            + count(new_succeeded.len() + waiting(&look.uncounted.succeeded));
        let failed = look.job.status.failed.unwrap_or(0) + count(counted + waiting(&look.uncounted.failed));
        let failures = look.failures.after(&new_succeeded, &new_failed, now);
        (look.succeeded, look.failed, look.failures) = (succeeded, failed, failures);
        look
    }
}

/// Finds out whether the Job is over, and why.
fn decide(look: &mut Look<'_>) {
    let conditions = look.job.status.conditions.as_deref();
    let standing = |type_: &str| {
        condition::find(conditions, type_).filter(|condition| condition.status == "True").cloned()
    };
    look.verdict =
        standing("SuccessCriteriaMet").or_else(|| standing("FailureTarget").map(final_failure(look.now)));
    if look.verdict.is_none() {
        look.verdict = failure(look);
    }
    if look.verdict.is_none() {
        watch_deadline(look);
    }
    if !look.is_indexed() {
        return;
    }
    count_indexes(look);
    if look.verdict.is_none() {
        look.verdict = lost_indexes(look);
    }
    if look.verdict.is_none() {
        let policy = look.job.spec.success_policy.as_ref();
        let met = policy::succeeded(policy, look.completions(), &look.done);
        look.verdict = met.map(|why| new_condition("SuccessCriteriaMet", "SuccessPolicy", &why, look.now));
    }
}

/// The condition `Failed` for the reasons of a `FailureTarget`.
pub(super) fn final_failure(now: SimTime) -> impl Fn(JobCondition) -> JobCondition {
    move |target| JobCondition {
        type_: "Failed".into(),
        last_probe_time: Some(now.to_time()),
        last_transition_time: Some(now.to_time()),
        ..target
    }
}

fn failure(look: &Look<'_>) -> Option<JobCondition> {
    let spec = &look.job.spec;
    let failed = look.pods.iter().filter(|pod| look.is_failed(pod));
    let message = failed.map(|pod| look.judge(pod)).find_map(|verdict| match verdict {
        Verdict::FailJob(message) => Some(message),
        _ => None,
    });
    let (reason, message) = if let Some(message) = message {
        ("PodFailurePolicy", message)
    } else if look.failed > spec.backoff_limit.unwrap_or(6) || restarted_too_often(look) {
        ("BackoffLimitExceeded", "Job has reached the specified backoff limit".into())
    } else if deadline(look) == Some(SimDuration::ZERO) {
        ("DeadlineExceeded", "Job was active longer than specified deadline".into())
    } else {
        return None;
    };
    Some(new_condition("FailureTarget", reason, &message, look.now))
}

/// Where containers restart in place, their restarts count as failures (`pastBackoffLimitOnFailure`).
fn restarted_too_often(look: &Look<'_>) -> bool {
    let spec = &look.job.spec;
    let policy = spec.template.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
    if policy != Some("OnFailure") {
        return false;
    }
    let going =
        look.pods.iter().filter(|pod| matches!(pod.status.phase.as_deref(), Some("Running" | "Pending")));
    let restarts = going
        .flat_map(|pod| pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses))
        .flatten()
        .fold(0, |all: i32, status| all.saturating_add(status.restart_count));
    match spec.backoff_limit.unwrap_or(6) {
        0 => restarts > 0,
        limit => restarts >= limit,
    }
}

/// How long the Job may still be active; `None` without a deadline.
fn deadline(look: &Look<'_>) -> Option<SimDuration> {
    let seconds = look.job.spec.active_deadline_seconds.filter(|_| !look.is_suspended())?;
    let start = SimTime::from_time(look.job.status.start_time.as_ref()?);
    Some((start + SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0))).since(look.now))
}

fn watch_deadline(look: &mut Look<'_>) {
    if let Some(left) = deadline(look) {
        look.wake_in(left);
    }
}

/// Works out which indexes have succeeded and, with a limit per index, which have failed for good.
fn count_indexes(look: &mut Look<'_>) {
    let completions = look.completions();
    let before =
        Indexes::parse(look.job.status.completed_indexes.as_deref().unwrap_or_default(), completions);
    let index = |pod: &&Pod| look.valid_index(pod).filter(|_| tracked(pod));
    let succeeded = look.pods.iter().filter(|pod| pod.status.phase.as_deref() == Some("Succeeded"));
    let done = before.with(succeeded.filter_map(|pod| index(&pod)));
    if let Some(limit) = look.per_index() {
        let known =
            Indexes::parse(look.job.status.failed_indexes.as_deref().unwrap_or_default(), completions);
        let gone = look.pods.iter().filter(|pod| index_is_lost(look, pod, limit));
        look.lost = Some(known.with(gone.filter_map(|pod| index(&pod))));
    }
    look.succeeded = done.len();
    (look.done_before, look.done) = (before, done);
}

fn index_is_lost(look: &Look<'_>, pod: &Pod, limit: i32) -> bool {
    look.is_failed(pod)
        && match look.judge(pod) {
            Verdict::FailIndex => true,
            Verdict::Ignore => false,
            Verdict::Count | Verdict::FailJob(_) => super::manage::index_failures(pod).0 >= limit,
        }
}

fn lost_indexes(look: &Look<'_>) -> Option<JobCondition> {
    let lost = look.lost.as_ref()?.len();
    let (reason, message) = if look.job.spec.max_failed_indexes.is_some_and(|limit| lost > limit) {
        ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
    } else if lost > 0 && lost + look.done.len() >= look.completions() {
        ("FailedIndexes", "Job has failed indexes")
    } else {
        return None;
    };
    Some(new_condition("FailureTarget", reason, message, look.now))
}

/// Says on the Job that it is suspended, or that it goes on. Returns whether that is news.
fn note_suspension(look: &mut Look<'_>, client: &mut Client<'_>) -> bool {
    let (suspended, now) = (look.is_suspended(), look.now);
    let stands = condition::find(look.job.status.conditions.as_deref(), "Suspended");
    let stands = stands.map(|condition| condition.status == "True");
    if stands.unwrap_or(false) == suspended {
        return false;
    }
    let (reason, event) = if suspended { ("JobSuspended", "Suspended") } else { ("JobResumed", "Resumed") };
    let message = format!("Job {}", event.to_lowercase());
    let mut condition = new_condition("Suspended", reason, &message, now);
    condition.status = if suspended { "True" } else { "False" }.into();
    let status = Arc::make_mut(&mut look.job.status);
    condition::set(&mut status.conditions, condition);
    // The deadline counts from here: a Job is not active while it is suspended.
    status.start_time = (!suspended).then(|| now.to_time());
    client.event(reference(&look.job), EventType::Normal, event, message);
    true
}
