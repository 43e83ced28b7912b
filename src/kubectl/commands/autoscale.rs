//! `autoscale`: a HorizontalPodAutoscaler for a workload.

use serde_json::{Value, json};

use super::create::make;
use super::get::select;
use super::scale::replicas_pointer;
use super::writing::{DRY_RUN, FIELD_MANAGER, OUTPUT, TEMPLATE};
use crate::api::quantity;
use crate::api::{Kind, MetaExt};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("min", "the fewest pods"),
    value("max", "the most pods"),
    value("cpu", "the CPU that pods shall use, 80% or 500m"),
    value("memory", "the memory that pods shall use, 60% or 200Mi"),
    value("cpu-percent", "the old form of --cpu"),
    value("name", "its name, if not that of the workload"),
    value("filename", "the manifests of the objects").short('f'),
    switch("record", "has no effect any more"),
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
];

/// See the module.
pub const AUTOSCALE: Verb = Verb {
    path: "autoscale",
    help: "Auto-scale a deployment, replica set, stateful set, or replication controller",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.has("cpu-percent") {
        call.warn(
            "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format (e.g., '70%' for \
             utilization or '500m' for milliCPU).",
        );
    }
    let max = call.args.number("max")?.ok_or_else(|| Failure::message("required flag(s) \"max\" not set"))?;
    let min = call.args.number("min")?.unwrap_or(-1);
    if max < 1 {
        return Err(Failure::message(format!(
            "--max=MAXPODS is required and must be at least 1, max: {max}"
        )));
    }
    if max < min {
        return Err(Failure::message(format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"
        )));
    }
    let (objects, failures) = select(call)?;
    Failure::collect(failures)?;
    for object in objects {
        if replicas_pointer(call.client.live(), object.kind()).is_none() {
            let (info, version) = (object.kind().info(), object.api_version());
            return Err(Failure::message(format!("cannot autoscale a {}.{version}", info.kind)));
        }
        let metrics = metrics(call)?;
        let target =
            json!({"apiVersion": object.api_version(), "kind": object.kind().name(), "name": object.name()});
        let mut spec = json!({"maxReplicas": max, "metrics": metrics, "scaleTargetRef": target});
        if min > 0 {
            spec["minReplicas"] = min.into();
        }
        let name = call.args.value("name").filter(|name| !name.is_empty()).unwrap_or(object.name());
        let metadata = json!({"name": name, "namespace": object.namespace()});
        let status = json!({"currentMetrics": null, "desiredReplicas": 0});
        let value = json!({"metadata": metadata, "spec": spec, "status": status});
        make(call, Kind::HORIZONTAL_POD_AUTOSCALER, value, "autoscaled", "")?;
    }
    Ok(())
}

fn metrics(call: &Call<'_, '_>) -> Result<Vec<Value>, Failure> {
    let mut metrics = Vec::new();
    if let Some(percent) = call.args.number("cpu-percent")?.filter(|percent| *percent >= 0) {
        metrics.push(metric("cpu", json!({"averageUtilization": percent, "type": "Utilization"})));
    }
    for resource in ["cpu", "memory"] {
        let Some(text) = call.args.value(resource).filter(|text| !text.is_empty()) else { continue };
        let target = match text.strip_suffix('%') {
            Some(percent) => match percent.parse::<i32>().ok().filter(|percent| *percent > 0) {
                Some(percent) => json!({"averageUtilization": percent, "type": "Utilization"}),
                None => return Err(refused(&format!("failed to parse percentage value: {text}"))),
            },
            None if quantity::parse(text).is_some() => json!({"averageValue": text, "type": "AverageValue"}),
            None => return Err(refused(&format!("failed to parse resource quantity: {text}"))),
        };
        metrics.push(metric(resource, target));
    }
    // What is left to the server's defaults is not even looked at.
    if metrics.is_empty() { Err(refused("empty input")) } else { Ok(metrics) }
}

fn metric(resource: &str, target: Value) -> Value {
    json!({"resource": {"name": resource, "target": target}, "type": "Resource"})
}

fn refused(why: &str) -> Failure {
    Failure::message(format!(
        "failed to create autoscaling/v2 HPA and the configuration is incompatible with autoscaling/v1: {why}"
    ))
}
