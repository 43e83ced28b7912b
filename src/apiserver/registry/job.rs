//! Jobs and CronJobs on their way into the store.

use std::sync::Arc;

use super::Strategy;
use super::pod_template::default_template;
use crate::api::k8s::JobSpec;
use crate::api::{CronJob, Job, MetaExt};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/batch/job/strategy.go` and `pkg/apis/batch/v1/defaults.go`.
pub struct JobStrategy;

/// Labels that tell a Job's pods from those of any other; the second of each pair is the older name.
const CONTROLLER_UID: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
const JOB_NAME: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

impl Strategy for JobStrategy {
    type Object = Job;

    fn default(job: &mut Job) {
        let spec = Arc::make_mut(&mut job.spec);
        // Pods that each take work off a queue until it is empty: no number of completions, only a parallelism.
        if spec.completions.is_none() && spec.parallelism.is_none() {
            spec.completions = Some(1);
        }
        spec.parallelism.get_or_insert(1);
        let retries = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
        spec.backoff_limit.get_or_insert(retries);
        spec.completion_mode.get_or_insert_with(|| "NonIndexed".into());
        spec.suspend.get_or_insert(false);
        spec.manual_selector.get_or_insert(false);
        let replacement = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
        spec.pod_replacement_policy.get_or_insert_with(|| replacement.into());
        default_job_spec(spec);
    }

    fn prepare_for_create(job: &mut Job, _: &View, _: &mut Rng) {
        generate_selector(job);
        label_like_pods(job);
    }

    fn prepare_for_update(job: &mut Job, _: &Job) {
        label_like_pods(job);
    }
}

/// What is filled in wherever a Job's spec stands, be it within a CronJob.
fn default_job_spec(spec: &mut JobSpec) {
    default_template(&mut spec.template);
    for rule in spec.pod_failure_policy.iter_mut().flat_map(|policy| &mut policy.rules) {
        for pattern in rule.on_pod_conditions.iter_mut().flatten() {
            pattern.status.get_or_insert_with(|| "True".into());
        }
    }
}

/// Labels the pods with the Job's uid and selects them by it, unless the manifest chose the selector itself
/// (`generateSelectorIfNeeded`).
fn generate_selector(job: &mut Job) {
    if job.spec.manual_selector == Some(true) {
        return;
    }
    let (uid, name) = (job.uid().to_string(), job.name().to_string());
    let spec = Arc::make_mut(&mut job.spec);
    let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
    for (keys, value) in [(CONTROLLER_UID, &uid), (JOB_NAME, &name)] {
        for key in keys {
            labels.entry(key.into()).or_insert_with(|| value.clone());
        }
    }
    let selector = spec.selector.get_or_insert_default().match_labels.get_or_insert_default();
    selector.entry(CONTROLLER_UID[0].into()).or_insert(uid);
}

/// A Job without labels has those of its pods.
fn label_like_pods(job: &mut Job) {
    if job.labels().is_empty() {
        let labels = job.spec.template.metadata.as_ref().and_then(|meta| meta.labels.clone());
        Arc::make_mut(&mut job.meta).labels = labels.filter(|labels| !labels.is_empty());
    }
}

/// Models `pkg/registry/batch/cronjob/strategy.go`.
pub struct CronJobStrategy;

impl Strategy for CronJobStrategy {
    type Object = CronJob;

    fn default(job: &mut CronJob) {
        let spec = Arc::make_mut(&mut job.spec);
        spec.concurrency_policy.get_or_insert_with(|| "Allow".into());
        spec.suspend.get_or_insert(false);
        spec.successful_jobs_history_limit.get_or_insert(3);
        spec.failed_jobs_history_limit.get_or_insert(1);
        spec.job_template.metadata.get_or_insert_default();
        default_job_spec(spec.job_template.spec.get_or_insert_default());
    }
}
