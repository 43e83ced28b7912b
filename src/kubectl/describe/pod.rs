//! Pods.

use serde_json::Value;

use super::Subject;
use super::containers::{containers, resources};
use super::page::{Page, rfc1123};
use super::template::{scheduling_group, spread_constraints, tolerations};
use super::volumes::volumes;
use crate::kubectl::print::fields::Fields;

/// A pod.
pub fn pod(page: &mut Page, subject: &Subject<'_>) {
    let pod = subject.value;
    page.name_and_namespace(pod);
    if pod.has("spec.priority") {
        page.field(0, "Priority", pod.plain("spec.priority"));
    }
    for (label, path) in [
        ("Priority Class Name", "spec.priorityClassName"),
        ("Runtime Class Name", "spec.runtimeClassName"),
        ("Service Account", "spec.serviceAccountName"),
    ] {
        if !pod.text(path).is_empty() {
            page.field(0, label, pod.text(path));
        }
    }
    let node = match pod.text("spec.nodeName") {
        "" => "<none>".to_string(),
        node => format!("{node}/{}", pod.text("status.hostIP")),
    };
    page.field(0, "Node", node);
    if pod.has("status.startTime") {
        page.field(0, "Start Time", rfc1123(pod.at("status.startTime")));
    }
    page.labels_and_annotations(pod);
    status(page, subject);
    page.field(0, "IP", pod.text("status.podIP"));
    match pod.list("status.podIPs") {
        [] => page.field(0, "IPs", "<none>"),
        addresses => {
            page.line(0, "IPs:");
            addresses.iter().for_each(|address| page.field(1, "IP", address.text("ip")));
        }
    }
    page.controlled_by(pod);
    if !pod.text("status.nominatedNodeName").is_empty() {
        page.field(0, "NominatedNodeName", pod.text("status.nominatedNodeName"));
    }
    if pod.has("spec.resources") {
        page.line(0, "Resources:");
        resources(page, pod.at("spec.resources"), 1);
    }
    for (label, declared, statuses) in [
        ("Init Containers", "spec.initContainers", "status.initContainerStatuses"),
        ("Containers", "spec.containers", "status.containerStatuses"),
        ("Ephemeral Containers", "spec.ephemeralContainers", "status.ephemeralContainerStatuses"),
    ] {
        if label == "Containers" || !pod.list(declared).is_empty() {
            containers(page, label, pod.list(declared), pod.list(statuses), Some(pod), "");
        }
    }
    conditions(page, pod);
    volumes(page, pod.list("spec.volumes"), "");
    page.field(0, "QoS Class", pod.text("status.qosClass"));
    page.labels("", "Node-Selectors", &pod.map("spec.nodeSelector"));
    tolerations(page, pod.list("spec.tolerations"), "");
    spread_constraints(page, pod.list("spec.topologySpreadConstraints"), "");
    scheduling_group(page, pod.at("spec"), "");
}

fn status(page: &mut Page, subject: &Subject<'_>) {
    let pod = subject.value;
    let phase = pod.text("status.phase");
    match pod.time("metadata.deletionTimestamp").filter(|_| !["Failed", "Succeeded"].contains(&phase)) {
        Some(deadline) => {
            let lasts = subject.now.since(deadline).human();
            page.field(0, "Status", format!("Terminating (lasts {lasts})"));
            let grace = pod.int("metadata.deletionGracePeriodSeconds");
            page.field(0, "Termination Grace Period", format!("{grace}s"));
        }
        None => page.field(0, "Status", phase),
    }
    for (label, path) in [("Reason", "status.reason"), ("Message", "status.message")] {
        if !pod.text(path).is_empty() {
            page.field(0, label, pod.text(path));
        }
    }
    let profile = pod.at("spec.securityContext.seccompProfile");
    if !profile.is_null() {
        page.field(0, "SeccompProfile", profile.text("type"));
        if profile.text("type") == "Localhost" {
            page.field(0, "LocalhostProfile", profile.text("localhostProfile"));
        }
    }
}

fn conditions(page: &mut Page, pod: &Value) {
    let conditions = pod.list("status.conditions");
    let gates = pod.each("spec.readinessGates", "conditionType");
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:");
        page.line(1, "Type\tStatus");
        for gate in gates {
            let met = conditions.iter().find(|condition| condition.text("type") == gate);
            page.line(1, format!("{gate} \t{} ", met.map_or("<none>", |met| met.text("status"))));
        }
    }
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus");
        for condition in conditions {
            page.line(1, format!("{} \t{} ", condition.text("type"), condition.text("status")));
        }
    }
}
