//! What an autoscaler made of its metrics.

use super::super::inspect::Decision;
use super::{Answer, Line, text};
use crate::api::explain::{AutoscalingStep, Explain, MetricRule, MetricStep, MetricSum};
use crate::api::{HorizontalPodAutoscaler, Key, Kind, MetaExt, condition, quantity};

/// The last look that led to a write.
pub fn answer(autoscaler: &HorizontalPodAutoscaler, record: Option<&Decision>) -> Answer {
    let said = ["AbleToScale", "ScalingActive", "ScalingLimited"].into_iter().filter_map(|type_| {
        let found = condition::find(autoscaler.status.conditions.as_deref(), type_)?;
        let status = format!("{type_}={}: {}", found.status, found.reason.as_deref().unwrap_or_default());
        Some((status, found.message.clone().unwrap_or_default()))
    });
    let step = record.and_then(|record| match &*record.explain {
        Explain::Autoscaling(step) => Some(step),
        _ => None,
    });
    let (Some(step), Some(record)) = (step, record) else {
        return Answer::new("autoscaler", Line::new("hpa.none", []));
    };
    let target = &autoscaler.spec.scale_target_ref;
    let kind = Kind::from_manifest(target.api_version.as_deref().unwrap_or("v1"), &target.kind);
    let workload = kind.map(|kind| Key::new(kind, autoscaler.namespace(), &target.name));
    let mut sentence = match step.wanted {
        _ if step.replicas != step.current => {
            Line::new("hpa.moves", [text(step.current), text(step.replicas)])
        }
        None if !step.metrics.is_empty() => Line::new("hpa.blind", [text(step.current)]),
        _ => Line::new("hpa.stays", [text(step.current)]),
    };
    sentence.about = workload;
    let limit = condition::find(autoscaler.status.conditions.as_deref(), "ScalingLimited");
    let limit = limit.filter(|limit| limit.status == "True").and_then(|limit| limit.reason.as_deref());
    Answer {
        at: Some((record.revision, record.time)),
        sums: sums(step),
        changes: changes(step, limit),
        said: said.collect(),
        ..Answer::new("autoscaler", sentence)
    }
}

fn sums(step: &AutoscalingStep) -> Vec<Line> {
    let mut lines = Vec::new();
    for metric in &step.metrics {
        lines.extend(of_metric(metric));
    }
    if let (Some(wanted), true) = (step.wanted, step.metrics.len() > 1) {
        lines.push(Line::new("hpa.winner", [text(wanted)]));
    }
    if step.wanted.is_some_and(|wanted| wanted != step.stable) {
        let until = step.held_until.map(text).unwrap_or_default();
        lines.push(Line::new("hpa.held", [text(step.stable), until]));
    }
    lines.extend(step.policies.iter().map(|policy| {
        let args = [text(policy.start), policy.sort.clone(), text(policy.value), text(policy.period)];
        let mut line = Line::new("hpa.policy", args);
        line.args.push(text(policy.limit));
        line
    }));
    if step.stable != step.replicas {
        lines.push(Line::new("hpa.limited", [text(step.stable), text(step.replicas)]));
    }
    lines.push(Line::new("hpa.bounds", [text(step.bounds.0), text(step.bounds.1)]));
    lines
}

fn of_metric(metric: &MetricStep) -> Vec<Line> {
    let MetricStep { name, sum, .. } = metric;
    let Some(replicas) = metric.replicas else {
        return vec![Line::new("hpa.missing", [name.clone(), metric.missing.clone()]).holds(false)];
    };
    let (used, target) = (amount(sum.used, sum), amount(sum.target, sum));
    let line = match sum.rule {
        MetricRule::Product => {
            let mut line = Line::new("hpa.product", [name.clone(), text(sum.count), used, target]);
            line.args.push(text(replicas));
            line
        }
        MetricRule::Tolerated => {
            let band = format!("{}…{}", ratio(1_000 - sum.tolerance.0), ratio(1_000 + sum.tolerance.1));
            let mut line = Line::new("hpa.tolerated", [name.clone(), used, target, band]);
            line.args.push(text(replicas));
            line
        }
        MetricRule::Outweighed => Line::new("hpa.outweighed", [name.clone(), text(replicas)]),
    };
    let mut lines = vec![line];
    if sum.unready + sum.missing + sum.ignored > 0 {
        let counts = [text(sum.ready), text(sum.unready), text(sum.missing), text(sum.ignored)];
        lines.push(Line::new("hpa.counted", counts));
    }
    lines
}

fn amount(value: i64, sum: &MetricSum) -> String {
    if sum.percent { format!("{value}%") } else { quantity::canonical(&format!("{value}m")) }
}

/// Thousandths as a decimal: `0.9`.
fn ratio(mille: i64) -> String {
    let text = format!("{}.{:03}", mille / 1_000, mille % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn changes(step: &AutoscalingStep, limit: Option<&str>) -> Vec<Line> {
    let mut lines = Vec::new();
    match limit {
        Some("TooManyReplicas") => {
            lines.push(Line::new("hpa.raise", [text(step.bounds.1), text(step.stable)]));
        }
        Some("TooFewReplicas") => {
            lines.push(Line::new("hpa.lower", [text(step.bounds.0), text(step.stable)]));
        }
        Some("ScaleUpLimit" | "ScaleDownLimit") => lines.push(Line::new("hpa.pace", [])),
        _ => {}
    }
    if step.wanted.is_some_and(|wanted| wanted != step.stable) {
        lines.push(Line::new("hpa.window", []));
    }
    for MetricStep { name, sum, .. } in &step.metrics {
        if sum.rule == MetricRule::Tolerated {
            let edge = |mille: i64| amount(sum.target.saturating_mul(mille) / 1_000, sum);
            let (low, high) = (edge(1_000 - sum.tolerance.0), edge(1_000 + sum.tolerance.1));
            lines.push(Line::new("hpa.band", [name.clone(), low, high]));
        }
    }
    lines
}
