//! Jobs and CronJobs.

use serde_json::Value;

use super::Subject;
use super::page::{Page, rfc1123};
use super::template::pod_template;
use super::workloads::selector;
use crate::kubectl::print::fields::Fields;

const UNSET: &str = "<unset>";

/// A Job.
pub fn job(page: &mut Page, subject: &Subject<'_>) {
    let job = subject.value;
    page.name_and_namespace(job);
    page.field(0, "Selector", selector(job));
    page.labels_and_annotations(job);
    page.controlled_by(job);
    if job.has("spec.parallelism") {
        page.field(0, "Parallelism", job.plain("spec.parallelism"));
    }
    page.field(0, "Completions", job.plain_or("spec.completions", UNSET));
    for (label, path) in [
        ("Completion Mode", "spec.completionMode"),
        ("Suspend", "spec.suspend"),
        ("Backoff Limit", "spec.backoffLimit"),
        ("TTL Seconds After Finished", "spec.ttlSecondsAfterFinished"),
    ] {
        if job.has(path) {
            page.field(0, label, job.plain(path));
        }
    }
    for (label, path) in [("Start Time", "status.startTime"), ("Completed At", "status.completionTime")] {
        if job.has(path) {
            page.field(0, label, rfc1123(job.at(path)));
        }
    }
    if let (Some(start), Some(end)) = (job.time("status.startTime"), job.time("status.completionTime")) {
        page.field(0, "Duration", end.since(start).human());
    }
    if job.has("spec.activeDeadlineSeconds") {
        page.field(0, "Active Deadline Seconds", format!("{}s", job.int("spec.activeDeadlineSeconds")));
    }
    page.field(0, "Pods Statuses", statuses(job));
    if job.text("spec.completionMode") == "Indexed" {
        page.field(0, "Completed Indexes", capped(job.text("status.completedIndexes")));
    }
    pod_template(page, job.at("spec.template"));
}

fn statuses(job: &Value) -> String {
    let ready = match job.at("status.ready").as_i64() {
        Some(ready) => format!(" ({ready} Ready)"),
        None => String::new(),
    };
    let count = |path: &str| job.int(path);
    format!(
        "{} Active{ready} / {} Succeeded / {} Failed",
        count("status.active"),
        count("status.succeeded"),
        count("status.failed")
    )
}

/// A list of indexes, cut after the first comma behind fifty letters.
fn capped(indexes: &str) -> String {
    const SOFT_LIMIT: usize = 50;
    match indexes.get(SOFT_LIMIT..).and_then(|tail| tail.find(',')) {
        _ if indexes.is_empty() => "<none>".into(),
        Some(comma) => format!("{}...", &indexes[..=SOFT_LIMIT + comma]),
        None => indexes.into(),
    }
}

/// A CronJob.
pub fn cron_job(page: &mut Page, subject: &Subject<'_>) {
    let job = subject.value;
    page.name_and_namespace(job);
    page.labels_and_annotations(job);
    page.field(0, "Schedule", job.text("spec.schedule"));
    page.field(0, "Concurrency Policy", job.text("spec.concurrencyPolicy"));
    let suspend = job.at("spec.suspend").as_bool();
    page.field(0, "Suspend", suspend.map_or(UNSET, |suspend| if suspend { "True" } else { "False" }));
    page.field(0, "Time Zone", job.plain_or("spec.timeZone", UNSET));
    page.field(0, "Successful Job History Limit", job.plain_or("spec.successfulJobsHistoryLimit", UNSET));
    page.field(0, "Failed Job History Limit", job.plain_or("spec.failedJobsHistoryLimit", UNSET));
    page.field(0, "Starting Deadline Seconds", seconds(job, "spec.startingDeadlineSeconds"));
    let template = job.at("spec.jobTemplate");
    let own = template.has("spec.selector");
    page.field(0, "Selector", if own { selector(template) } else { UNSET.into() });
    page.field(0, "Parallelism", template.plain_or("spec.parallelism", UNSET));
    page.field(0, "Completions", template.plain_or("spec.completions", UNSET));
    if template.has("spec.activeDeadlineSeconds") {
        page.field(0, "Active Deadline Seconds", seconds(template, "spec.activeDeadlineSeconds"));
    }
    pod_template(page, template.at("spec.template"));
    let last = job.at("status.lastScheduleTime");
    page.field(0, "Last Schedule Time", if last.is_null() { UNSET.into() } else { rfc1123(last) });
    let active = job.each("status.active", "name").join(", ");
    page.field(0, "Active Jobs", if active.is_empty() { "<none>" } else { &active });
}

fn seconds(value: &Value, path: &str) -> String {
    value.at(path).as_i64().map_or(UNSET.into(), |seconds| format!("{seconds}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_indexes_are_cut_at_a_comma() {
        assert_eq!(capped(""), "<none>");
        assert_eq!(capped("0-4"), "0-4");
        let long = (0..40).map(|index| index.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(capped(&long), "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,...");
    }
}
