//! Pod templates, and what they share with pods.

use serde_json::Value;

use super::containers::containers;
use super::page::{Page, sorted_by};
use super::volumes::volumes;
use crate::kubectl::print::fields::Fields;

/// The section Pod Template (`DescribePodTemplate`).
pub fn pod_template(page: &mut Page, template: &Value) {
    page.line(0, "Pod Template:");
    if template.is_null() {
        page.put("  <unset>");
        return;
    }
    page.labels("", "  Labels", &template.map("metadata.labels"));
    let annotations = template.map("metadata.annotations");
    if !annotations.is_empty() {
        page.annotations("  Annotations", &annotations);
    }
    let spec = template.at("spec");
    if !spec.text("serviceAccountName").is_empty() {
        page.field(1, "Service Account", spec.text("serviceAccountName"));
    }
    if !spec.list("initContainers").is_empty() {
        containers(page, "Init Containers", spec.list("initContainers"), &[], None, "  ");
    }
    containers(page, "Containers", spec.list("containers"), &[], None, "  ");
    volumes(page, spec.list("volumes"), "  ");
    spread_constraints(page, spec.list("topologySpreadConstraints"), "  ");
    if !spec.text("priorityClassName").is_empty() {
        page.field(1, "Priority Class Name", spec.text("priorityClassName"));
    }
    page.labels("", "  Node-Selectors", &spec.map("nodeSelector"));
    tolerations(page, spec.list("tolerations"), "  ");
    scheduling_group(page, spec, "  ");
}

/// A template with its tabs, as `rollout history --revision` prints it.
pub fn pod_template_text(template: &Value) -> String {
    let mut page = Page::default();
    pod_template(&mut page, template);
    page.raw()
}

/// `node.kubernetes.io/not-ready:NoExecute op=Exists for 300s`, on a line each, by key.
pub fn tolerations(page: &mut Page, tolerations: &[Value], indent: &str) {
    let text = |toleration: &&Value| {
        let (key, value, effect) =
            (toleration.text("key"), toleration.text("value"), toleration.text("effect"));
        let mut text = key.to_string();
        if !value.is_empty() {
            text.push_str(&format!("={value}"));
        }
        if !effect.is_empty() {
            text.push_str(&format!(":{effect}"));
        }
        if toleration.text("operator") == "Exists" && value.is_empty() {
            text.push_str(if text.is_empty() { "op=Exists" } else { " op=Exists" });
        }
        if let Some(seconds) = toleration.at("tolerationSeconds").as_i64() {
            text.push_str(&format!(" for {seconds}s"));
        }
        text
    };
    let texts: Vec<String> = sorted_by(tolerations, |t| t.text("key")).iter().map(text).collect();
    page.values("", &format!("{indent}Tolerations"), &texts);
}

/// Topology spread constraints, if there are any, by key.
pub fn spread_constraints(page: &mut Page, constraints: &[Value], indent: &str) {
    if constraints.is_empty() {
        return;
    }
    let text = |constraint: &&Value| {
        let (key, when) = (constraint.text("topologyKey"), constraint.text("whenUnsatisfiable"));
        let selector = match constraint.has("labelSelector") {
            true => format!(" for selector {}", constraint.selector("labelSelector")),
            false => String::new(),
        };
        format!("{key}:{when} when max skew {} is exceeded{selector}", constraint.int("maxSkew"))
    };
    let texts: Vec<String> = sorted_by(constraints, |c| c.text("topologyKey")).iter().map(text).collect();
    page.values(indent, "Topology Spread Constraints", &texts);
}

/// The pods that a pod is scheduled with, if it says so.
pub fn scheduling_group(page: &mut Page, spec: &Value, indent: &str) {
    if spec.has("schedulingGroup") {
        page.put(&format!("{indent}SchedulingGroup:\n"));
        page.field(1, "PodGroupName", spec.text("schedulingGroup.podGroupName"));
    }
}
