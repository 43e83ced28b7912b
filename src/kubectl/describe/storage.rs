//! Persistent volumes, their claims and classes.

use serde_json::Value;

use super::Subject;
use super::page::{Page, rfc1123};
use super::volumes::{finalizers, source};
use crate::api::Kind;
use crate::api::selector::format_labels;
use crate::kubectl::print::fields::{Fields, go_list};
use crate::kubectl::print::{access_modes, is_default};

const NONE: &str = "<none>";

/// The class of a claim or a volume: the annotation of old goes before the field.
pub(super) fn class_of(value: &Value) -> String {
    let annotations = value.map("metadata.annotations");
    let old = annotations.get("volume.beta.kubernetes.io/storage-class").cloned();
    old.unwrap_or_else(|| value.plain("spec.storageClassName"))
}

fn status(page: &mut Page, subject: &Subject<'_>) {
    match subject.value.time("metadata.deletionTimestamp") {
        Some(since) => {
            let lasts = subject.now.since(since).human();
            page.field(0, "Status", format!("Terminating (lasts {lasts})"));
        }
        None => page.field(0, "Status", subject.value.text("status.phase")),
    }
}

/// A PersistentVolume.
pub fn volume(page: &mut Page, subject: &Subject<'_>) {
    let volume = subject.value;
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(volume);
    page.field(0, "Finalizers", finalizers(volume));
    page.field(0, "StorageClass", class_of(volume));
    status(page, subject);
    let claim = match volume.at("spec.claimRef") {
        Value::Null => String::new(),
        claim => format!("{}/{}", claim.text("namespace"), claim.text("name")),
    };
    page.field(0, "Claim", claim);
    page.field(0, "Reclaim Policy", volume.text("spec.persistentVolumeReclaimPolicy"));
    page.field(0, "Access Modes", access_modes(volume, "spec.accessModes"));
    if volume.has("spec.volumeMode") {
        page.field(0, "VolumeMode", volume.text("spec.volumeMode"));
    }
    page.field(0, "Capacity", volume.plain_or("spec.capacity.storage", "0"));
    node_affinity(page, volume.at("spec.nodeAffinity.required"));
    page.field(0, "Message", volume.text("status.message"));
    page.line(0, "Source:");
    source(page, volume.at("spec"), true);
}

fn node_affinity(page: &mut Page, required: &Value) {
    if required.is_null() {
        page.field(0, "Node Affinity", NONE);
        return;
    }
    page.field(0, "Node Affinity", "");
    let terms = required.list("nodeSelectorTerms");
    page.field(1, "Required Terms", if terms.is_empty() { NONE } else { "" });
    for (index, term) in terms.iter().enumerate() {
        let text = |rule: &Value| {
            let operator = rule.text("operator").to_lowercase();
            requirement(rule, &operator)
        };
        let rules: Vec<String> = term.list("matchExpressions").iter().map(text).collect();
        page.values("    ", &format!("Term {index}"), &rules);
    }
}

/// `zone in [a, b]`.
fn requirement(rule: &Value, operator: &str) -> String {
    let values = rule.texts("values");
    let values = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(", ")) };
    format!("{} {operator}{values}", rule.text("key"))
}

/// A PersistentVolumeClaim.
pub fn claim(page: &mut Page, subject: &Subject<'_>) {
    let claim = subject.value;
    page.name_and_namespace(claim);
    page.field(0, "StorageClass", class_of(claim));
    status(page, subject);
    page.field(0, "Volume", claim.text("spec.volumeName"));
    page.labels_and_annotations(claim);
    page.field(0, "Finalizers", finalizers(claim));
    let bound = !claim.text("spec.volumeName").is_empty();
    let when_bound = |text: String| if bound { text } else { String::new() };
    page.field(0, "Capacity", when_bound(claim.plain_or("status.capacity.storage", "0")));
    page.field(0, "Access Modes", when_bound(access_modes(claim, "status.accessModes")));
    claim_source(page, claim);
    let uses = |pod: &Value| {
        pod.list("spec.volumes").iter().any(|v| v.text("persistentVolumeClaim.claimName") == subject.name())
    };
    let owners: Vec<String> = claim
        .list("metadata.ownerReferences")
        .iter()
        .filter(|owner| owner.text("kind") == "Pod")
        .map(|owner| owner.plain("uid"))
        .collect();
    let users: Vec<String> = subject
        .neighbours(Kind::POD)
        .filter(|pod| uses(pod) || owners.contains(&pod.plain("metadata.uid")))
        .map(|pod| pod.plain("metadata.name"))
        .collect();
    page.values("", "Used By", &users);
    page.timed_conditions(claim, Some(("LastProbeTime", "lastProbeTime")));
}

/// The claim that an ephemeral volume makes.
pub(super) fn claim_template(page: &mut Page, template: &Value) {
    if template.is_null() {
        return;
    }
    page.field(2, "StorageClass", class_of(template));
    page.field(2, "Volume", template.text("spec.volumeName"));
    // The real one indents each piece that it writes, also the value behind its label, and the tab before the next value.
    let mut inner = Page::default();
    inner.labels_and_annotations(template);
    for line in inner.raw().lines() {
        let (label, value) = line.split_once('\t').unwrap_or_default();
        page.line(2, format!("{label}\t    {value}"));
    }
    let mut inner = Page::default();
    inner.field(0, "Capacity", "");
    inner.field(0, "Access Modes", "");
    claim_source(&mut inner, template);
    for line in inner.raw().lines() {
        page.line(2, line);
    }
}

fn claim_source(page: &mut Page, claim: &Value) {
    if claim.has("spec.volumeMode") {
        page.field(0, "VolumeMode", claim.text("spec.volumeMode"));
    }
    let source = claim.at("spec.dataSource");
    if !source.is_null() {
        page.line(0, "DataSource:");
        if source.has("apiGroup") {
            page.field(1, "APIGroup", source.text("apiGroup"));
        }
        page.field(1, "Kind", source.text("kind"));
        page.field(1, "Name", source.text("name"));
    }
}

/// A StorageClass.
pub fn storage_class(page: &mut Page, subject: &Subject<'_>) {
    let class = subject.value;
    page.field(0, "Name", subject.name());
    page.field(0, "IsDefaultClass", if is_default(class) { "Yes" } else { "No" });
    page.field(0, "Annotations", format_labels(&class.map("metadata.annotations")));
    page.field(0, "Provisioner", class.text("provisioner"));
    page.field(0, "Parameters", format_labels(&class.map("parameters")));
    let expands = match class.at("allowVolumeExpansion").as_bool() {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    page.field(0, "AllowVolumeExpansion", expands);
    let options = class.texts("mountOptions");
    if options.is_empty() {
        page.field(0, "MountOptions", NONE);
    } else {
        page.line(0, "MountOptions:");
        options.into_iter().for_each(|option| page.line(1, option));
    }
    for (label, path) in [("ReclaimPolicy", "reclaimPolicy"), ("VolumeBindingMode", "volumeBindingMode")] {
        if class.has(path) {
            page.field(0, label, class.text(path));
        }
    }
    if class.has("allowedTopologies") {
        let terms = class.list("allowedTopologies");
        page.field(0, "AllowedTopologies", if terms.is_empty() { NONE } else { "" });
        for (index, term) in terms.iter().enumerate() {
            let rules: Vec<String> =
                term.list("matchLabelExpressions").iter().map(|rule| requirement(rule, "in")).collect();
            page.values("  ", &format!("Term {index}"), &rules);
        }
    }
}

/// A VolumeAttributesClass.
pub fn attributes_class(page: &mut Page, subject: &Subject<'_>) {
    page.field(0, "Name", subject.name());
    page.field(0, "Annotations", format_labels(&subject.value.map("metadata.annotations")));
    page.field(0, "DriverName", subject.value.text("driverName"));
    page.field(0, "Parameters", format_labels(&subject.value.map("parameters")));
}

/// A CSINode.
pub fn csi_node(page: &mut Page, subject: &Subject<'_>) {
    let node = subject.value;
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(node);
    page.field(0, "CreationTimestamp", rfc1123(node.at("metadata.creationTimestamp")));
    page.line(0, "Spec:");
    if node.has("spec.drivers") {
        page.line(1, "Drivers:");
    }
    for driver in node.list("spec.drivers") {
        page.line(2, format!("{}:", driver.text("name")));
        page.field(3, "Node ID", driver.text("nodeID"));
        if driver.has("allocatable.count") {
            page.line(3, "Allocatables:");
            page.field(4, "Count", driver.plain("allocatable.count"));
        }
        if driver.has("topologyKeys") {
            page.field(3, "Topology Keys", go_list(&driver.texts("topologyKeys")));
        }
    }
}
