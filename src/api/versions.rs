//! Versions of built-in kinds besides the one in which objects are kept: an object that comes in such a version is converted.

use serde_json::{Map, Value, json};

use super::kind::Kind;

type Convert = fn(&mut Map<String, Value>);

/// Version, kind, the kind of the registry, and how the fields are converted.
const OTHERS: &[(&str, &str, Kind, Convert)] = &[
    ("autoscaling/v1", "HorizontalPodAutoscaler", Kind::HORIZONTAL_POD_AUTOSCALER, autoscaler_v1),
    ("events.k8s.io/v1", "Event", Kind::EVENT, event),
];

/// The kind of objects of another version.
pub fn kind(api_version: &str, kind: &str) -> Option<Kind> {
    OTHERS.iter().find(|other| (other.0, other.1) == (api_version, kind)).map(|other| other.2)
}

/// The versions besides those in which objects are kept.
pub fn others() -> impl Iterator<Item = &'static str> {
    OTHERS.iter().map(|other| other.0)
}

/// Writes an object in the version in which it is kept, if it is in another.
pub fn convert(of: Kind, object: &mut Value) {
    let Value::Object(fields) = object else { return };
    let api_version = fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let convert = OTHERS.iter().find(|other| other.0 == api_version && other.2 == of).map(|other| other.3);
    if let Some(convert) = convert {
        convert(fields);
        fields.insert("apiVersion".into(), of.api_version().into());
    }
}

/// One number for the CPU became a list of metrics (`pkg/apis/autoscaling/v1/conversion.go`).
fn autoscaler_v1(fields: &mut Map<String, Value>) {
    let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if let Some(percent) = spec.remove("targetCPUUtilizationPercentage").filter(|percent| !percent.is_null())
    {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".into(), json!([metric]));
    }
    fields.remove("status");
}

/// The fields of events have other names in their own group (`pkg/apis/events/v1/conversion.go`).
fn event(fields: &mut Map<String, Value>) {
    for (new, old) in [
        ("note", "message"),
        ("regarding", "involvedObject"),
        ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("reportingController", "reportingComponent"),
    ] {
        if let Some(value) = fields.remove(new) {
            fields.insert(old.into(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_of_version_1_has_one_metric() {
        let mut object = json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50},
        });
        let kind = Kind::from_manifest("autoscaling/v1", "HorizontalPodAutoscaler").unwrap();
        convert(kind, &mut object);
        assert_eq!(object["apiVersion"], "autoscaling/v2");
        assert_eq!(object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 50);
        assert_eq!(object["spec"]["targetCPUUtilizationPercentage"], Value::Null);
    }
}
