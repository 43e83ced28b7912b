//! Deployments, ReplicaSets, StatefulSets, DaemonSets.

use serde_json::Value;

use super::Subject;
use super::page::{Page, rfc1123};
use super::template::pod_template;
use crate::api::Kind;
use crate::api::selector::format_labels;
use crate::kubectl::print::fields::{Fields, go_list};

/// A Deployment.
pub fn deployment(page: &mut Page, subject: &Subject<'_>) {
    let deployment = subject.value;
    let count = |path: &str| deployment.int(path);
    page.name_and_namespace(deployment);
    page.field(0, "CreationTimestamp", rfc1123(deployment.at("metadata.creationTimestamp")));
    page.labels_and_annotations(deployment);
    page.field(0, "Selector", selector(deployment));
    page.field(
        0,
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            count("spec.replicas"),
            count("status.updatedReplicas"),
            count("status.replicas"),
            count("status.availableReplicas"),
            count("status.unavailableReplicas")
        ),
    );
    page.field(0, "StrategyType", deployment.text("spec.strategy.type"));
    page.field(0, "MinReadySeconds", count("spec.minReadySeconds").to_string());
    let rolling = deployment.at("spec.strategy.rollingUpdate");
    if !rolling.is_null() {
        let (unavailable, surge) = (rolling.plain("maxUnavailable"), rolling.plain("maxSurge"));
        page.field(0, "RollingUpdateStrategy", format!("{unavailable} max unavailable, {surge} max surge"));
    }
    pod_template(page, deployment.at("spec.template"));
    conditions(page, deployment);
    let (old, new) = replica_sets(subject);
    if !old.is_empty() || !new.is_empty() {
        page.field(0, "OldReplicaSets", created(&old));
        page.field(0, "NewReplicaSet", created(&new));
    }
}

/// A Deployment's ReplicaSets: the old ones, and the one with its template.
fn replica_sets(subject: &Subject<'_>) -> (Vec<Value>, Vec<Value>) {
    let template = subject.value.at("spec.template");
    let owned: Vec<Value> =
        subject.neighbours(Kind::REPLICA_SET).filter(|set| is_owned(set, subject.uid())).collect();
    // The oldest of those with an equal template is the new one.
    let equal = owned.iter().filter(|set| without_hash(set.at("spec.template")) == *template);
    let new = equal.min_by_key(|set| (set.time("metadata.creationTimestamp"), set.text("metadata.name")));
    let new_uid = new.map(|set| set.plain("metadata.uid"));
    owned.into_iter().partition(|set| Some(set.plain("metadata.uid")) != new_uid)
}

fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    template
}

fn created(sets: &[Value]) -> String {
    let text = |set: &Value| {
        let (exist, wanted) = (set.int("status.replicas"), set.int("spec.replicas"));
        format!("{} ({exist}/{wanted} replicas created)", set.text("metadata.name"))
    };
    if sets.is_empty() { "<none>".into() } else { sets.iter().map(text).collect::<Vec<_>>().join(", ") }
}

/// A ReplicaSet.
pub fn replica_set(page: &mut Page, subject: &Subject<'_>) {
    replicated(page, subject, subject.value.selector("spec.selector"), true);
}

/// A ReplicationController.
pub fn replication_controller(page: &mut Page, subject: &Subject<'_>) {
    replicated(page, subject, format_labels(&subject.value.map("spec.selector")), false);
}

fn replicated(page: &mut Page, subject: &Subject<'_>, selector: String, is_replica_set: bool) {
    let set = subject.value;
    page.name_and_namespace(set);
    page.field(0, "Selector", selector);
    page.labels_and_annotations(set);
    if is_replica_set {
        page.controlled_by(set);
    }
    let (current, desired) = (set.int("status.replicas"), set.int("spec.replicas"));
    page.field(0, "Replicas", format!("{current} current / {desired} desired"));
    page.field(0, "Pods Status", pods_status(subject));
    pod_template(page, set.at("spec.template"));
    conditions(page, set);
}

/// A StatefulSet.
pub fn stateful_set(page: &mut Page, subject: &Subject<'_>) {
    let set = subject.value;
    page.name_and_namespace(set);
    page.field(0, "CreationTimestamp", rfc1123(set.at("metadata.creationTimestamp")));
    page.field(0, "Selector", selector(set));
    page.labels_and_annotations(set);
    let (desired, total) = (set.int("spec.replicas"), set.int("status.replicas"));
    page.field(0, "Replicas", format!("{desired} desired | {total} total"));
    page.field(0, "Update Strategy", set.text("spec.updateStrategy.type"));
    let rolling = set.at("spec.updateStrategy.rollingUpdate");
    if rolling.has("partition") {
        page.field(1, "Partition", rolling.plain("partition"));
        if rolling.has("maxUnavailable") {
            page.field(1, "MaxUnavailable", rolling.plain("maxUnavailable"));
        }
    }
    page.field(0, "Pods Status", pods_status(subject));
    pod_template(page, set.at("spec.template"));
    claims(page, set.list("spec.volumeClaimTemplates"));
}

fn claims(page: &mut Page, templates: &[Value]) {
    if templates.is_empty() {
        page.field(0, "Volume Claims", "<none>");
        return;
    }
    page.line(0, "Volume Claims:");
    for claim in templates {
        page.field(1, "Name", claim.text("metadata.name"));
        page.field(1, "StorageClass", super::storage::class_of(claim));
        page.labels("  ", "Labels", &claim.map("metadata.labels"));
        page.labels("  ", "Annotations", &claim.map("metadata.annotations"));
        page.field(1, "Capacity", claim.plain_or("spec.resources.requests.storage", "<default>"));
        page.field(1, "Access Modes", go_list(&claim.texts("spec.accessModes")));
    }
}

/// A DaemonSet.
pub fn daemon_set(page: &mut Page, subject: &Subject<'_>) {
    let set = subject.value;
    page.name_and_namespace(set);
    page.field(0, "Selector", selector(set));
    page.field(0, "Node-Selector", format_labels(&set.map("spec.template.spec.nodeSelector")));
    page.labels_and_annotations(set);
    for (label, path) in [
        ("Desired Number of Nodes Scheduled", "status.desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "status.currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "status.updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "status.numberAvailable"),
        ("Number of Nodes Misscheduled", "status.numberMisscheduled"),
    ] {
        page.line(0, format!("{label}: {}", set.int(path)));
    }
    page.field(0, "Pods Status", pods_status(subject));
    pod_template(page, set.at("spec.template"));
}

/// A selector as `labels.Selector` writes it: empty if it selects everything.
pub(super) fn selector(object: &Value) -> String {
    let text = object.selector("spec.selector");
    if text == "<none>" { String::new() } else { text }
}

fn is_owned(object: &Value, uid: &str) -> bool {
    object
        .list("metadata.ownerReferences")
        .iter()
        .any(|owner| owner.flag("controller") && owner.text("uid") == uid)
}

/// `3 Running / 0 Waiting / 0 Succeeded / 0 Failed`: the pods that the subject controls.
fn pods_status(subject: &Subject<'_>) -> String {
    let owned: Vec<Value> =
        subject.neighbours(Kind::POD).filter(|pod| is_owned(pod, subject.uid())).collect();
    let count = |phase: &str| owned.iter().filter(|pod| pod.text("status.phase") == phase).count();
    format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        count("Running"),
        count("Pending"),
        count("Succeeded"),
        count("Failed")
    )
}

fn conditions(page: &mut Page, object: &Value) {
    let conditions = object.list("status.conditions");
    if conditions.is_empty() {
        return;
    }
    page.line(0, "Conditions:");
    let row = |c: &Value| format!("{} \t{}\t{}", c.text("type"), c.text("status"), c.text("reason"));
    page.table(1, "Type\tStatus\tReason", "----\t------\t------", conditions.iter().map(row));
}
