//! HorizontalPodAutoscalers, PodDisruptionBudgets, PriorityClasses.

use serde_json::Value;

use super::Subject;
use super::page::{Page, rfc1123};
use crate::api::selector::format_labels;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::metrics;

/// A HorizontalPodAutoscaler.
pub fn autoscaler(page: &mut Page, subject: &Subject<'_>) {
    let hpa = subject.value;
    page.name_and_namespace(hpa);
    page.labels_and_annotations(hpa);
    page.field(0, "CreationTimestamp", rfc1123(hpa.at("metadata.creationTimestamp")));
    let (kind, name) = (hpa.text("spec.scaleTargetRef.kind"), hpa.text("spec.scaleTargetRef.name"));
    page.field(0, "Reference", format!("{kind}/{name}"));
    page.field(0, "Metrics", "( current / target )");
    let statuses = hpa.list("status.currentMetrics");
    for (index, metric) in hpa.list("spec.metrics").iter().enumerate() {
        page.line(1, metrics::described(metric, statuses.get(index).unwrap_or(&Value::Null)));
    }
    page.field(0, "Min replicas", hpa.plain_or("spec.minReplicas", "<unset>"));
    page.field(0, "Max replicas", hpa.int("spec.maxReplicas").to_string());
    if hpa.has("spec.behavior") {
        page.line(0, "Behavior:");
        direction(page, "Scale Up", hpa.at("spec.behavior.scaleUp"));
        direction(page, "Scale Down", hpa.at("spec.behavior.scaleDown"));
    }
    let (current, desired) = (hpa.int("status.currentReplicas"), hpa.int("status.desiredReplicas"));
    page.field(0, &format!("{kind} pods"), format!("{current} current / {desired} desired"));
    let conditions = hpa.list("status.conditions");
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        let row = |c: &Value| {
            format!("{}\t{}\t{}\t{}", c.text("type"), c.text("status"), c.text("reason"), c.text("message"))
        };
        page.table(
            1,
            "Type\tStatus\tReason\tMessage",
            "----\t------\t------\t-------",
            conditions.iter().map(row),
        );
    }
}

fn direction(page: &mut Page, label: &str, rules: &Value) {
    if rules.is_null() {
        return;
    }
    page.line(1, format!("{label}:"));
    if rules.has("stabilizationWindowSeconds") {
        page.line(2, format!("Stabilization Window: {} seconds", rules.int("stabilizationWindowSeconds")));
    }
    if !rules.list("policies").is_empty() {
        page.line(2, format!("Select Policy: {}", rules.text_or("selectPolicy", "Max")));
        page.line(2, "Policies:");
    }
    for policy in rules.list("policies") {
        let (type_, value, period) = (policy.text("type"), policy.int("value"), policy.int("periodSeconds"));
        page.line(3, format!("- Type: {type_}\tValue: {value}\tPeriod: {period} seconds"));
    }
}

/// A PodDisruptionBudget.
pub fn disruption_budget(page: &mut Page, subject: &Subject<'_>) {
    let budget = subject.value;
    page.name_and_namespace(budget);
    if budget.has("spec.minAvailable") {
        page.field(0, "Min available", budget.plain("spec.minAvailable"));
    } else if budget.has("spec.maxUnavailable") {
        page.field(0, "Max unavailable", budget.plain("spec.maxUnavailable"));
    }
    let chosen = budget.has("spec.selector");
    page.field(0, "Selector", if chosen { budget.selector("spec.selector") } else { "<unset>".into() });
    page.line(0, "Status:");
    for (label, path) in [
        ("Allowed disruptions", "status.disruptionsAllowed"),
        ("Current", "status.currentHealthy"),
        ("Desired", "status.desiredHealthy"),
        ("Total", "status.expectedPods"),
    ] {
        page.field(2, label, budget.int(path).to_string());
    }
}

/// A PriorityClass.
pub fn priority_class(page: &mut Page, subject: &Subject<'_>) {
    let class = subject.value;
    page.field(0, "Name", subject.name());
    page.field(0, "Value", class.int("value").to_string());
    page.field(0, "GlobalDefault", class.flag("globalDefault").to_string());
    page.field(0, "PreemptionPolicy", class.text_or("preemptionPolicy", "PreemptLowerPriority"));
    page.field(0, "Description", class.text("description"));
    page.field(0, "Annotations", format_labels(&class.map("metadata.annotations")));
}
