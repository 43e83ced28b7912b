//! The HorizontalPodAutoscaler controller, in a cluster without metrics APIs: it keeps a workload within its bounds, and says
//! which metric it cannot have. Models `pkg/controller/podautoscaler`.

use std::sync::Arc;

use super::{Action, Controller};
use crate::api::k8s::{
    HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus, MetricSpec, MetricStatus,
};
use crate::api::{HorizontalPodAutoscaler, Key, Kind, MetaExt, Object, Status, condition};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::SimDuration;

/// Between two looks (`horizontal-pod-autoscaler-sync-period`). The first comes as late as every other.
const PERIOD: SimDuration = SimDuration::from_secs(15);

const NO_RESOURCE_METRICS: &str = "unable to fetch metrics from resource metrics API: the server could not find the requested \
                                   resource (get pods.metrics.k8s.io)";
const NO_CUSTOM_METRICS: &str = "no custom metrics API (custom.metrics.k8s.io) registered";

/// The controller. It remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct HorizontalController;

impl Controller for HorizontalController {
    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::HORIZONTAL_POD_AUTOSCALER]
    }

    fn is_periodic(&self) -> bool {
        true
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        if change.after.is_some() {
            queue.add_after(change.key.clone(), PERIOD);
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(autoscaler) = view.get::<HorizontalPodAutoscaler>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let mut look = Look { autoscaler, status: (*autoscaler.status).clone() };
        look.run(client)?;
        if look.status != *autoscaler.status {
            let mut updated = autoscaler.clone();
            updated.status = Arc::new(look.status);
            client.update_status(updated, None)?;
        }
        Ok(Action::RequeueAfter(PERIOD))
    }
}

struct Look<'a> {
    autoscaler: &'a HorizontalPodAutoscaler,
    /// The status that will be written.
    status: HorizontalPodAutoscalerStatus,
}

/// A metric that cannot be had.
struct Missing {
    /// The event's and the condition's reason.
    reason: &'static str,
    why: String,
    /// What stands before that where all metrics are spoken of.
    value: String,
}

impl Look<'_> {
    fn run(&mut self, client: &mut Client<'_>) -> Result<(), Status> {
        let (key, current) = match self.scale(client) {
            Ok(found) => found,
            Err(refused) => {
                let why = refused.to_string();
                client.event(reference(self.autoscaler), EventType::Warning, "FailedGetScale", why.clone());
                let message =
                    format!("the HPA controller was unable to get the target's current scale: {why}");
                self.set("AbleToScale", "False", "FailedGetScale", message, client);
                return Ok(());
            }
        };
        let message = "the HPA controller was able to get the target's current scale".to_string();
        self.set("AbleToScale", "True", "SucceededGetScale", message, client);
        self.status.current_replicas = Some(current);
        let spec = &self.autoscaler.spec;
        let least = spec.min_replicas.unwrap_or(1);
        if current == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero".to_string();
            self.set("ScalingActive", "False", "ScalingDisabled", message, client);
            self.status.desired_replicas = 0;
            self.status.current_metrics = None;
        } else if current > spec.max_replicas {
            let reason = "Current number of replicas above Spec.MaxReplicas";
            self.rescale(&key, spec.max_replicas, reason, client)?;
        } else if current < least {
            self.rescale(&key, least, "Current number of replicas below Spec.MinReplicas", client)?;
        } else {
            self.fail_to_measure(client);
        }
        Ok(())
    }

    /// The workload and how many pods it asks for.
    fn scale(&self, client: &Client<'_>) -> Result<(Key, i32), Status> {
        let target = &self.autoscaler.spec.scale_target_ref;
        let api_version = target.api_version.as_deref().unwrap_or("v1");
        let unknown = || {
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            Status::bad_request(format!("no matches for kind {:?} in group {group:?}", target.kind))
        };
        let kind = Kind::from_manifest(api_version, &target.kind).ok_or_else(unknown)?;
        let key = Key::new(kind, self.autoscaler.namespace(), &target.name);
        let object = client.get(&key)?;
        let count = match &*object {
            Object::Deployment(workload) => workload.spec.replicas,
            Object::ReplicaSet(workload) => workload.spec.replicas,
            Object::StatefulSet(workload) => workload.spec.replicas,
            Object::ReplicationController(workload) => workload.spec.replicas,
            _ => return Err(Status::not_found(kind, &target.name)),
        };
        Ok((key, count.unwrap_or(1)))
    }

    fn rescale(&mut self, key: &Key, to: i32, why: &str, client: &mut Client<'_>) -> Result<(), Status> {
        let mut object = (*client.get(key)?).clone();
        match &mut object {
            Object::Deployment(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
            Object::ReplicaSet(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
            Object::StatefulSet(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
            Object::ReplicationController(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
            _ => return Ok(()),
        }
        client.update_object(object)?;
        let message = format!("New size: {to}; reason: {why}");
        client.event(reference(self.autoscaler), EventType::Normal, "SuccessfulRescale", message);
        let message = format!("the HPA controller was able to update the target scale to {to}");
        self.set("AbleToScale", "True", "SucceededRescale", message, client);
        self.status.desired_replicas = to;
        self.status.current_metrics = None;
        self.status.last_scale_time = Some(client.now().to_time());
        Ok(())
    }

    /// Every metric is missing: each is said, and the first decides what the condition says.
    fn fail_to_measure(&mut self, client: &mut Client<'_>) {
        let metrics = self.autoscaler.spec.metrics.as_deref().unwrap_or_default();
        let missing: Vec<Missing> = metrics.iter().map(missing).collect();
        for metric in &missing {
            client.event(reference(self.autoscaler), EventType::Warning, metric.reason, metric.why.clone());
        }
        self.status.current_metrics = Some(metrics.iter().map(|_| MetricStatus::default()).collect());
        let Some(first) = missing.first() else { return };
        let message = format!("the HPA was unable to compute the replica count: {}", first.why);
        self.set("ScalingActive", "False", first.reason, message, client);
        let message = format!(
            "invalid metrics ({count} invalid out of {count}), first error is: failed to get {}: {}",
            first.value,
            first.why,
            count = missing.len()
        );
        let reason = "FailedComputeMetricsReplicas";
        client.event(reference(self.autoscaler), EventType::Warning, reason, message);
    }

    fn set(&mut self, type_: &str, status: &str, reason: &str, message: String, client: &Client<'_>) {
        let new = HorizontalPodAutoscalerCondition {
            type_: type_.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message),
            last_transition_time: Some(client.now().to_time()),
        };
        condition::set(&mut self.status.conditions, new);
    }
}

/// Why a metric cannot be had.
fn missing(metric: &MetricSpec) -> Missing {
    let of_resource = |name: &str, shared: bool| {
        let what = if shared { "utilization" } else { "usage" };
        format!(
            "failed to get {name} {what}: unable to get metrics for resource {name}: {NO_RESOURCE_METRICS}"
        )
    };
    if let Some(source) = &metric.resource {
        return Missing {
            reason: "FailedGetResourceMetric",
            why: of_resource(&source.name, source.target.average_value.is_none()),
            value: format!("{} resource metric value", source.name),
        };
    }
    if let Some(source) = &metric.container_resource {
        return Missing {
            reason: "FailedGetContainerResourceMetric",
            why: of_resource(&source.name, source.target.average_value.is_none()),
            value: format!("{} container metric value", source.name),
        };
    }
    if let Some(source) = &metric.pods {
        return Missing {
            reason: "FailedGetPodsMetric",
            why: format!("unable to get metric {}: {NO_CUSTOM_METRICS}", source.metric.name),
            value: "pods metric value".into(),
        };
    }
    if let Some(source) = &metric.object {
        let (name, kind) = (&source.metric.name, &source.described_object.kind);
        return Missing {
            reason: "FailedGetObjectMetric",
            why: format!(
                "unable to get metric {name}: {kind} {}: {NO_CUSTOM_METRICS}",
                source.described_object.name
            ),
            value: "object metric value".into(),
        };
    }
    let name = metric.external.as_ref().map_or("", |source| source.metric.name.as_str());
    Missing {
        reason: "FailedGetExternalMetric",
        why: format!(
            "unable to get external metric {name}: no external metrics API (external.metrics.k8s.io) registered"
        ),
        value: format!("{name} external metric value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{MetricTarget, ResourceMetricSource};

    #[test]
    fn a_missing_resource_metric_is_said_as_its_target_asks_for_it() {
        let metric = |target: MetricTarget| MetricSpec {
            type_: "Resource".into(),
            resource: Some(ResourceMetricSource { name: "cpu".into(), target }),
            ..Default::default()
        };
        let share = MetricTarget { average_utilization: Some(50), ..Default::default() };
        let amount = MetricTarget {
            average_value: Some(crate::api::k8s::Quantity("100m".into())),
            ..Default::default()
        };
        assert!(
            missing(&metric(share)).why.starts_with("failed to get cpu utilization: unable to get metrics")
        );
        assert!(missing(&metric(amount)).why.starts_with("failed to get cpu usage: unable to get metrics"));
    }
}
