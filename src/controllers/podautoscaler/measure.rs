//! One metric of an autoscaler: what it is measured at and how many pods that asks for, or why it cannot be had.

use super::calculator::{self, Amounts, Measured, Target, Tolerances};
use crate::api::explain::MetricSum;
use crate::api::k8s::{
    ContainerResourceMetricStatus, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, Quantity,
    ResourceMetricStatus,
};
use crate::api::selector::Selector;
use crate::api::{HorizontalPodAutoscaler, MetaExt, Pod, quantity};
use crate::client::Client;
use crate::client::metrics::Metrics;

/// `horizontal-pod-autoscaler-tolerance`, in thousandths.
const TOLERANCE: i64 = 100;

const NO_RESOURCE_METRICS: &str = "unable to fetch metrics from resource metrics API: the server could not find the requested \
                                   resource (get pods.metrics.k8s.io)";
const NO_CUSTOM_METRICS: &str = "no custom metrics API (custom.metrics.k8s.io) registered";

/// What a metric comes to.
pub struct Measurement {
    /// How many pods it asks for.
    pub replicas: i32,
    /// Its name in messages.
    pub name: String,
    /// What the status says of it.
    pub status: MetricStatus,
    /// How the number came about.
    pub sum: MetricSum,
}

/// How large a workload is.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// How many pods it asks for.
    pub wanted: i32,
    /// How many there are, as its status says: what is shared among pods is shared among these.
    pub there: i32,
}

/// A metric that cannot be had.
pub struct Unmeasured {
    /// The event's and the condition's reason.
    pub reason: &'static str,
    /// What is wrong.
    pub why: String,
    /// What stands before that where all metrics are spoken of.
    pub value: String,
}

/// Measures one metric (`computeReplicasForMetric`).
///
/// # Errors
/// Why it cannot be had.
pub fn measure(
    autoscaler: &HorizontalPodAutoscaler,
    metric: &MetricSpec,
    selector: &Selector,
    sizes: Sizes,
    client: &Client<'_>,
) -> Result<Measurement, Unmeasured> {
    let (measured, target) = match (&metric.resource, &metric.container_resource) {
        (Some(source), _) => (Measured { resource: &source.name, container: None }, &source.target),
        (None, Some(source)) => {
            (Measured { resource: &source.name, container: Some(&source.container) }, &source.target)
        }
        (None, None) => {
            return match super::given::measure(autoscaler, metric, selector, sizes, client) {
                Some(Ok(found)) => Ok(found),
                Some(Err(why)) => Err(Unmeasured { why, ..unserved(metric) }),
                None => Err(unserved(metric)),
            };
        }
    };
    let found = client.server().metrics().ok_or_else(|| NO_RESOURCE_METRICS.to_string());
    let proposal = found
        .and_then(|metrics| amounts(metrics, autoscaler.namespace(), selector, measured, client))
        .map_err(|why| format!("unable to get metrics for resource {}: {why}", measured.resource))
        .and_then(|amounts| {
            let pods = matching(autoscaler.namespace(), selector, client);
            let circumstances = (sizes.wanted, tolerances(autoscaler), client.now());
            calculator::proposal(&pods, amounts, measured, aim(target)?, circumstances)
        })
        .map_err(|why| unmeasured(measured, target, &why))?;
    let value = MetricValueStatus {
        average_value: Some(Quantity(quantity::canonical(&format!("{}m", proposal.average)))),
        average_utilization: proposal.utilization,
        ..Default::default()
    };
    let of_container = if measured.container.is_some() { "container " } else { "" };
    let name = match proposal.utilization {
        Some(_) => {
            format!("{} {of_container}resource utilization (percentage of request)", measured.resource)
        }
        None => format!("{} {of_container}resource", measured.resource),
    };
    let status = status(metric, measured, value);
    Ok(Measurement { replicas: proposal.replicas, name, status, sum: proposal.sum })
}

fn aim(target: &MetricTarget) -> Result<Target, String> {
    match (&target.average_value, target.average_utilization) {
        (Some(value), _) => Ok(Target::Average(quantity::milli(value))),
        (None, Some(share)) => Ok(Target::Utilization(share)),
        (None, None) => {
            Err("invalid resource metric source: neither an average utilization target nor an average \
                             value (usage) target was set"
                .into())
        }
    }
}

fn status(metric: &MetricSpec, measured: Measured<'_>, current: MetricValueStatus) -> MetricStatus {
    let name = measured.resource.to_string();
    let mut status = MetricStatus { type_: metric.type_.clone(), ..Default::default() };
    match measured.container {
        Some(container) => {
            let container = container.to_string();
            status.container_resource = Some(ContainerResourceMetricStatus { container, current, name });
        }
        None => status.resource = Some(ResourceMetricStatus { current, name }),
    }
    status
}

/// `behavior.scaleUp.tolerance` and its counterpart, or the usual one.
pub fn tolerances(autoscaler: &HorizontalPodAutoscaler) -> Tolerances {
    let behavior = autoscaler.spec.behavior.as_ref();
    let own = |rules: Option<&crate::api::k8s::HPAScalingRules>| {
        rules.and_then(|rules| rules.tolerance.as_ref()).map_or(TOLERANCE, quantity::milli)
    };
    Tolerances {
        up: own(behavior.and_then(|behavior| behavior.scale_up.as_ref())),
        down: own(behavior.and_then(|behavior| behavior.scale_down.as_ref())),
    }
}

/// The pods of the workload. Read as they are now: hearing of every pod in the cluster would cost more than it tells.
pub fn matching<'a>(namespace: &'a str, selector: &Selector, client: &'a Client<'_>) -> Vec<&'a Pod> {
    client.live().list::<Pod>(Some(namespace)).filter(|pod| selector.matches(pod.labels())).collect()
}

/// What each pod uses (`GetResourceMetric`).
fn amounts<'a>(
    metrics: &Metrics,
    namespace: &'a str,
    selector: &Selector,
    measured: Measured<'_>,
    client: &'a Client<'_>,
) -> Result<Amounts<'a>, String> {
    let mut amounts = Amounts::new();
    for pod in matching(namespace, selector, client) {
        let Some(containers) = metrics.of_pod(pod, client.live()) else { continue };
        let meant = containers.iter().filter(|(name, _)| measured.container.is_none_or(|one| one == *name));
        let parts: Vec<i64> = meant.filter_map(|(_, used)| used.of(measured.resource)).collect();
        match (parts.is_empty(), measured.container) {
            (false, _) => drop(amounts.insert(pod.name(), parts.iter().sum())),
            (true, Some(container)) => {
                let pod = pod.name();
                return Err(format!(
                    "container {container} not present in metrics for pod {namespace}/{pod}"
                ));
            }
            (true, None) => {}
        }
    }
    if amounts.is_empty() {
        return Err("no metrics returned from resource metrics API".into());
    }
    Ok(amounts)
}

fn unmeasured(measured: Measured<'_>, target: &MetricTarget, why: &str) -> Unmeasured {
    let (name, what) =
        (measured.resource, if target.average_value.is_none() { "utilization" } else { "usage" });
    let why = format!("failed to get {name} {what}: {why}");
    match measured.container {
        None => Unmeasured {
            reason: "FailedGetResourceMetric",
            why,
            value: format!("{name} resource metric value"),
        },
        Some(_) => Unmeasured {
            reason: "FailedGetContainerResourceMetric",
            why,
            value: format!("{name} container metric value"),
        },
    }
}

/// Metrics that nobody serves here.
fn unserved(metric: &MetricSpec) -> Unmeasured {
    if let Some(source) = &metric.pods {
        return Unmeasured {
            reason: "FailedGetPodsMetric",
            why: format!("unable to get metric {}: {NO_CUSTOM_METRICS}", source.metric.name),
            value: "pods metric value".into(),
        };
    }
    if let Some(source) = &metric.object {
        let (name, kind) = (&source.metric.name, &source.described_object.kind);
        return Unmeasured {
            reason: "FailedGetObjectMetric",
            why: format!(
                "unable to get metric {name}: {kind} {}: {NO_CUSTOM_METRICS}",
                source.described_object.name
            ),
            value: "object metric value".into(),
        };
    }
    let name = metric.external.as_ref().map_or("", |source| source.metric.name.as_str());
    Unmeasured {
        reason: "FailedGetExternalMetric",
        why: format!(
            "unable to get external metric {name}: no external metrics API (external.metrics.k8s.io) registered"
        ),
        value: format!("{name} external metric value"),
    }
}
