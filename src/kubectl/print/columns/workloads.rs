//! Columns of what runs pods, and of what scales and protects them.

use serde_json::Value;

use super::{AGE, Cell, Column, NAME, Row, column, or_none, wide};
use crate::api::Kind;
use crate::api::selector::format_labels;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::metrics;

const CONTAINERS: Column =
    wide("CONTAINERS", Cell::With(|row| template(row).each("containers", "name").join(",")));
const IMAGES: Column = wide("IMAGES", Cell::With(|row| template(row).each("containers", "image").join(",")));
const SELECTOR: Column = wide("SELECTOR", Cell::With(|row| row.value().selector("spec.selector")));

/// The tables of these kinds.
pub(super) const TABLES: &[(Kind, &[Column])] = &[
    (
        Kind::DEPLOYMENT,
        &[
            NAME,
            column("READY", Cell::With(ready_of_desired)),
            column("UP-TO-DATE", Cell::Number("status.updatedReplicas")),
            column("AVAILABLE", Cell::Number("status.availableReplicas")),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    ),
    (
        Kind::REPLICA_SET,
        &[
            NAME,
            column("DESIRED", Cell::Number("spec.replicas")),
            column("CURRENT", Cell::Number("status.replicas")),
            column("READY", Cell::Number("status.readyReplicas")),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    ),
    (
        Kind::REPLICATION_CONTROLLER,
        &[
            NAME,
            column("DESIRED", Cell::Number("spec.replicas")),
            column("CURRENT", Cell::Number("status.replicas")),
            column("READY", Cell::Number("status.readyReplicas")),
            AGE,
            CONTAINERS,
            IMAGES,
            wide("SELECTOR", Cell::With(|row| format_labels(&row.value().map("spec.selector")))),
        ],
    ),
    (
        Kind::DAEMON_SET,
        &[
            NAME,
            column("DESIRED", Cell::Number("status.desiredNumberScheduled")),
            column("CURRENT", Cell::Number("status.currentNumberScheduled")),
            column("READY", Cell::Number("status.numberReady")),
            column("UP-TO-DATE", Cell::Number("status.updatedNumberScheduled")),
            column("AVAILABLE", Cell::Number("status.numberAvailable")),
            column(
                "NODE SELECTOR",
                Cell::With(|row| format_labels(&row.value().map("spec.template.spec.nodeSelector"))),
            ),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    ),
    (Kind::STATEFUL_SET, &[NAME, column("READY", Cell::With(ready_of_desired)), AGE, CONTAINERS, IMAGES]),
    (
        Kind::JOB,
        &[
            NAME,
            column("STATUS", Cell::With(|row| job_status(row.value()).into())),
            column("COMPLETIONS", Cell::With(completions)),
            column("DURATION", Cell::With(duration)),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
    ),
    (
        Kind::CRON_JOB,
        &[
            NAME,
            column("SCHEDULE", Cell::Field("spec.schedule")),
            column("TIMEZONE", Cell::Or("spec.timeZone", "<none>")),
            column("SUSPEND", Cell::With(|row| title(row.value().at("spec.suspend")))),
            column("ACTIVE", Cell::Count("status.active")),
            column(
                "LAST SCHEDULE",
                Cell::With(|row| row.since("status.lastScheduleTime").unwrap_or_else(|| "<none>".into())),
            ),
            AGE,
            CONTAINERS,
            IMAGES,
            wide("SELECTOR", Cell::With(|row| row.value().selector("spec.jobTemplate.spec.selector"))),
        ],
    ),
    (
        Kind::POD_TEMPLATE,
        &[
            NAME,
            column("CONTAINERS", Cell::With(|row| template(row).each("containers", "name").join(","))),
            column("IMAGES", Cell::With(|row| template(row).each("containers", "image").join(","))),
            column(
                "POD LABELS",
                Cell::With(|row| format_labels(&row.value().map("template.metadata.labels"))),
            ),
        ],
    ),
    (
        Kind::CONTROLLER_REVISION,
        &[
            NAME,
            column("CONTROLLER", Cell::With(controller)),
            column("REVISION", Cell::Number("revision")),
            AGE,
        ],
    ),
    (
        Kind::HORIZONTAL_POD_AUTOSCALER,
        &[
            NAME,
            column(
                "REFERENCE",
                Cell::With(|row| {
                    let target = row.value().at("spec.scaleTargetRef");
                    format!("{}/{}", target.text("kind"), target.text("name"))
                }),
            ),
            column("TARGETS", Cell::With(|row| metrics::targets(row.value()))),
            column("MINPODS", Cell::Or("spec.minReplicas", "<unset>")),
            column("MAXPODS", Cell::Number("spec.maxReplicas")),
            column("REPLICAS", Cell::Number("status.currentReplicas")),
            AGE,
        ],
    ),
    (
        Kind::POD_DISRUPTION_BUDGET,
        &[
            NAME,
            column("MIN AVAILABLE", Cell::Or("spec.minAvailable", "N/A")),
            column("MAX UNAVAILABLE", Cell::Or("spec.maxUnavailable", "N/A")),
            column("ALLOWED DISRUPTIONS", Cell::Number("status.disruptionsAllowed")),
            AGE,
        ],
    ),
];

/// The pod spec inside a workload, wherever the kind keeps it.
fn template<'a>(row: &'a Row<'_>) -> &'a Value {
    let paths = ["spec.template.spec", "spec.jobTemplate.spec.template.spec", "template.spec"];
    let found = paths.iter().map(|path| row.value().at(path)).find(|spec| !spec.is_null());
    found.unwrap_or(&Value::Null)
}

fn ready_of_desired(row: &Row<'_>) -> String {
    format!("{}/{}", row.value().int("status.readyReplicas"), row.value().int("spec.replicas"))
}

/// `True`, `False` or `<unset>` (`printBoolPtr`).
pub(super) fn title(value: &Value) -> String {
    match value.as_bool() {
        Some(true) => "True".into(),
        Some(false) => "False".into(),
        None => "<unset>".into(),
    }
}

/// The condition that ends a job, or what it does until then.
fn job_status(job: &Value) -> &'static str {
    let holds = |type_: &str| {
        job.list("status.conditions").iter().any(|c| c.text("type") == type_ && c.text("status") == "True")
    };
    let conditions = [("Complete", "Complete"), ("Failed", "Failed")];
    match conditions.into_iter().find(|(type_, _)| holds(type_)) {
        Some((_, status)) => status,
        None if job.has("metadata.deletionTimestamp") => "Terminating",
        None if holds("Suspended") => "Suspended",
        None if holds("FailureTarget") => "FailureTarget",
        None if holds("SuccessCriteriaMet") => "SuccessCriteriaMet",
        None => "Running",
    }
}

fn completions(row: &Row<'_>) -> String {
    let (job, succeeded) = (row.value(), row.value().int("status.succeeded"));
    match job.at("spec.completions").as_i64() {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if job.int("spec.parallelism") > 1 => {
            format!("{succeeded}/1 of {}", job.int("spec.parallelism"))
        }
        None => format!("{succeeded}/1"),
    }
}

fn duration(row: &Row<'_>) -> String {
    let Some(start) = row.value().time("status.startTime") else { return String::new() };
    let end = row.value().time("status.completionTime").unwrap_or(row.now);
    end.since(start).human()
}

/// `statefulset.apps/db`: the controller of a revision.
fn controller(row: &Row<'_>) -> String {
    let owners = row.value().list("metadata.ownerReferences");
    let Some(owner) = owners.iter().find(|owner| owner.flag("controller")) else { return "<none>".into() };
    let group = owner.text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    let kind = owner.text("kind").to_lowercase();
    let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
    or_none(format!("{kind}/{}", owner.text("name")))
}
