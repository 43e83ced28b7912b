//! What a HorizontalPodAutoscaler measures, as its table and its description print it.

use serde_json::Value;

use super::fields::Fields;

const UNKNOWN: &str = "<unknown>";

/// The column TARGETS: `cpu: 55%/50%, memory: 64Mi/128Mi`; the first two, and how many more there are.
pub fn targets(hpa: &Value) -> String {
    let metrics = hpa.list("spec.metrics");
    if metrics.is_empty() {
        return "<none>".into();
    }
    let statuses = hpa.list("status.currentMetrics");
    let target =
        |(index, metric): (usize, &Value)| target(metric, statuses.get(index).unwrap_or(&Value::Null));
    let list: Vec<String> = metrics.iter().enumerate().map(target).collect();
    match list.len() {
        0..=2 => list.join(", "),
        more => format!("{} + {} more...", list[..2].join(", "), more - 2),
    }
}

/// The part of a metric or of its status that its type names.
fn part<'a>(metric: &Value, of: &'a Value) -> &'a Value {
    let field = match metric.text("type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return &Value::Null,
    };
    of.at(field)
}

fn target(metric: &Value, status: &Value) -> String {
    let (spec, current) = (part(metric, metric), part(metric, status).at("current"));
    let aim = spec.at("target");
    match metric.text("type") {
        "Resource" | "ContainerResource" => {
            let name = spec.text("name");
            if aim.has("averageValue") {
                let current = current.plain_or("averageValue", UNKNOWN);
                return format!("{name}: {current}/{}", aim.plain("averageValue"));
            }
            let current = match current.at("averageUtilization").as_i64() {
                Some(percent) => format!("{percent}%"),
                None => UNKNOWN.into(),
            };
            let wanted = match aim.at("averageUtilization").as_i64() {
                Some(percent) => format!("{percent}%"),
                None => "<auto>".into(),
            };
            format!("{name}: {current}/{wanted}")
        }
        "Pods" => format!("{}/{}", current.plain_or("averageValue", UNKNOWN), aim.plain("averageValue")),
        "Object" | "External" if aim.has("averageValue") => {
            format!("{}/{} (avg)", current.plain_or("averageValue", UNKNOWN), aim.plain("averageValue"))
        }
        "Object" | "External" => format!("{}/{}", current.plain_or("value", UNKNOWN), aim.plain("value")),
        _ => "<unknown type>".into(),
    }
}

/// A metric's line in a description: what it measures, a tab, and `current / target`.
pub fn described(metric: &Value, status: &Value) -> String {
    let (spec, current) = (part(metric, metric), part(metric, status).at("current"));
    let aim = spec.at("target");
    let average = || format!("{} / {}", current.plain_or("averageValue", UNKNOWN), aim.plain("averageValue"));
    let value = || format!("{} / {}", current.plain_or("value", UNKNOWN), aim.plain("value"));
    match metric.text("type") {
        type_ @ ("Resource" | "ContainerResource") => {
            let what = match type_ {
                "Resource" => format!("resource {} on pods", spec.text("name")),
                _ => format!(
                    "resource {} of container \"{}\" on pods",
                    spec.text("name"),
                    spec.text("container")
                ),
            };
            if aim.has("averageValue") {
                return format!("{what}:\t{}", average());
            }
            let current = match current.at("averageUtilization").as_i64() {
                Some(percent) => format!("{percent}% ({})", current.plain("averageValue")),
                None => UNKNOWN.into(),
            };
            let wanted = match aim.at("averageUtilization").as_i64() {
                Some(percent) => format!("{percent}%"),
                None => "<auto>".into(),
            };
            format!("{what}  (as a percentage of request):\t{current} / {wanted}")
        }
        "Pods" => format!("\"{}\" on pods:\t{}", spec.text("metric.name"), average()),
        "Object" => {
            let object = spec.at("describedObject");
            let what = format!(
                "\"{}\" on {}/{}",
                spec.text("metric.name"),
                object.text("kind"),
                object.text("name")
            );
            match aim.text("type") {
                "AverageValue" => format!("{what} (target average value):\t{}", average()),
                _ => format!("{what} (target value):\t{}", value()),
            }
        }
        "External" if aim.has("averageValue") => {
            format!("\"{}\" (target average value):\t{}", spec.text("metric.name"), average())
        }
        "External" => format!("\"{}\" (target value):\t{}", spec.text("metric.name"), value()),
        other => format!("<unknown metric type \"{other}\">"),
    }
}
