//! `autoscale`: a HorizontalPodAutoscaler for a workload.

use serde_json::{Value, json};

use super::apply::SAVE_CONFIG;
use super::create::make;
use super::get::select_by_name;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE};
use crate::api::quantity;
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::subresource::replicas_pointer;
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("min", "the fewest pods"),
    value("max", "the most pods"),
    value("cpu", "the CPU that pods shall use, 80% or 500m"),
    value("memory", "the memory that pods shall use, 60% or 200Mi"),
    value("cpu-percent", "the old form of --cpu"),
    value("name", "its name, if not that of the workload"),
    FILENAME,
    switch("record", "has no effect any more"),
    SAVE_CONFIG,
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
    let asked = Asked::of(call)?;
    let (objects, mut failures) = select_by_name(call)?;
    let none = objects.is_empty() && failures.is_empty();
    for object in objects {
        failures.extend(autoscale(call, &object, &asked).err());
    }
    if none { Err(Failure::message("no objects passed to autoscale")) } else { Failure::collect(failures) }
}

/// What the flags ask for.
struct Asked {
    max: i64,
    min: i64,
    /// `--cpu-percent`, `--cpu` and `--memory`, as targets of a metric.
    percent: Option<Value>,
    cpu: Option<Value>,
    memory: Option<Value>,
}

impl Asked {
    fn of(call: &Call<'_, '_>) -> Result<Asked, Failure> {
        let max =
            call.args.number("max")?.ok_or_else(|| Failure::message("required flag(s) \"max\" not set"))?;
        let min = call.args.number("min")?.unwrap_or(-1);
        if max < 1 {
            let why = format!("--max=MAXPODS is required and must be at least 1, max: {max}");
            return Err(Failure::message(why));
        }
        if max < min {
            return Err(Failure::message(format!(
                "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"
            )));
        }
        let percent = call.args.number("cpu-percent")?.filter(|percent| *percent > 0);
        let given = |flag: &str| call.args.value(flag).filter(|text| !text.is_empty());
        if percent.is_some() && given("cpu").is_some() {
            return Err(Failure::message("--cpu-percent and --cpu are mutually exclusive"));
        }
        let target = |flag: &str| given(flag).map(|text| target(text, flag)).transpose();
        Ok(Asked {
            max,
            min,
            percent: percent.map(utilization),
            cpu: target("cpu")?,
            memory: target("memory")?,
        })
    }

    fn spec(&self, object: &Object, metrics: Vec<Value>) -> Value {
        let target =
            json!({"apiVersion": object.api_version(), "kind": object.kind().name(), "name": object.name()});
        let mut spec = json!({"maxReplicas": self.max, "scaleTargetRef": target});
        if !metrics.is_empty() {
            spec["metrics"] = metrics.into();
        }
        if self.min > 0 {
            spec["minReplicas"] = self.min.into();
        }
        spec
    }
}

fn autoscale(call: &mut Call<'_, '_>, object: &Object, asked: &Asked) -> Result<(), Failure> {
    if replicas_pointer(call.client.live(), object.kind()).is_none() {
        let info = object.kind().info();
        return Err(Failure::message(format!(
            "cannot autoscale a {}: could not find scale subresource for {}/{}, Resource={} in discovery information",
            info.kind, info.group, info.version, info.plural
        )));
    }
    let by = |resource: &str, target: &Option<Value>| {
        let metric =
            |target: &Value| json!({"resource": {"name": resource, "target": target}, "type": "Resource"});
        target.as_ref().map(metric)
    };
    let metrics = [by("cpu", &asked.percent), by("cpu", &asked.cpu), by("memory", &asked.memory)];
    let Err(refusal) = create(call, object, asked.spec(object, metrics.into_iter().flatten().collect()))
    else {
        return Ok(());
    };
    // Whatever the refusal, the same is tried in the version before, if that can say it: it knows no target for memory, and
    // none but a share of the CPU.
    let lost = |why: &str| {
        Err(Failure::message(format!(
            "failed to create autoscaling/v2 HPA and the configuration is incompatible with autoscaling/v1: {why}"
        )))
    };
    match &asked.cpu {
        None => lost("empty input"),
        Some(cpu) if asked.memory.is_some() || cpu["type"] != "Utilization" => lost("%!w(<nil>)"),
        // What was refused over more than its metrics is refused again, in the same words.
        Some(_) => create(call, object, asked.spec(object, Vec::new())).map_err(|_| refusal),
    }
}

fn create(call: &mut Call<'_, '_>, object: &Object, spec: Value) -> Result<(), Failure> {
    let name = call.args.value("name").filter(|name| !name.is_empty()).unwrap_or(object.name());
    let metadata = json!({"name": name, "namespace": call.namespace});
    let status = json!({"currentMetrics": null, "desiredReplicas": 0});
    let value = json!({"metadata": metadata, "spec": spec, "status": status});
    let done = if DryRun::of(call)? == DryRun::Client { "created" } else { "autoscaled" };
    make(call, Kind::HORIZONTAL_POD_AUTOSCALER, value, done, "")
}

fn utilization(percent: i64) -> Value {
    json!({"averageUtilization": percent, "type": "Utilization"})
}

/// `80%`, `500m`; a bare number is one of millicores, or of mebibytes.
fn target(text: &str, resource: &str) -> Result<Value, Failure> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        return match percent.parse::<i32>().ok().filter(|percent| *percent >= 0) {
            Some(percent) => Ok(utilization(percent.into())),
            None => Err(Failure::message(format!("invalid percentage value: {percent}"))),
        };
    }
    let bare = serde_json::from_str::<serde_json::Number>(text).is_ok();
    let unit = if resource == "cpu" { "m" } else { "Mi" };
    let amount = if bare { format!("{text}{unit}") } else { text.to_string() };
    if quantity::parse(&amount).is_none() {
        return Err(Failure::message(format!("invalid resource {resource} value: {text}")));
    }
    Ok(json!({"averageValue": quantity::canonical(&amount), "type": "AverageValue"}))
}
