//! The HorizontalPodAutoscaler controller: as many pods as their use of resources asks for, within bounds and at a pace.
//! Where there is no metrics API, it keeps the bounds and says which metric it cannot have. Models
//! `pkg/controller/podautoscaler`.

mod calculator;
mod given;
mod limits;
pub mod measure;

use std::cmp::Ordering;
use std::sync::Arc;

use sorted::SortedMap;

use self::limits::{Decision, Memory};
use self::measure::{Measurement, Sizes, Unmeasured};
use super::{Action, Controller};
use crate::api::explain::{AutoscalingStep, Explain, MetricStep};
use crate::api::k8s::{
    HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus, LabelSelector, MetricStatus,
};
use crate::api::selector::{Selector, format_label_selector, format_labels};
use crate::api::{HorizontalPodAutoscaler, Key, Kind, MetaExt, Object, Status, condition, sorting};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, Retries, View, WorkQueue};
use crate::clock::SimDuration;

/// The controller, and what it remembers of each autoscaler.
#[derive(Clone, Debug)]
pub struct HorizontalController {
    /// Between two looks (`horizontal-pod-autoscaler-sync-period`). The first comes as late as every other.
    period: SimDuration,
    memory: SortedMap<Key, Memory>,
}

impl HorizontalController {
    /// A controller that looks so often.
    pub fn new(period: SimDuration) -> Self {
        HorizontalController { period, memory: SortedMap::new() }
    }
}

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

    fn retries(&self) -> Retries {
        Retries { first: self.period, longest: self.period, ..Retries::DEFAULT }
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match change.after {
            Some(_) => queue.add_after(change.key.clone(), self.period),
            None => drop(self.memory.remove(&change.key)),
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(autoscaler) = view.get::<HorizontalPodAutoscaler>(&key.namespace, &key.name) else {
            self.memory.remove(key);
            return Ok(Action::AwaitChange);
        };
        let near = self.memory.iter().filter(|(other, _)| other.namespace == key.namespace && *other != key);
        let others =
            near.filter_map(|(other, memory)| Some((other.clone(), memory.selector.clone()?))).collect();
        let memory = self.memory.entry(key.clone()).or_default();
        let (status, step) = ((*autoscaler.status).clone(), AutoscalingStep::default());
        let mut look = Look { autoscaler, status, memory, others, step };
        look.run(client)?;
        if look.status != *autoscaler.status {
            let mut updated = autoscaler.clone();
            updated.status = Arc::new(look.status);
            client.update_status(updated, Some(Explain::Autoscaling(look.step)))?;
        }
        Ok(Action::RequeueAfter(self.period))
    }
}

struct Look<'a> {
    autoscaler: &'a HorizontalPodAutoscaler,
    /// The status that will be written.
    status: HorizontalPodAutoscalerStatus,
    memory: &'a mut Memory,
    /// The other autoscalers of the namespace, and the pods that they scale by.
    others: Vec<(Key, Selector)>,
    /// How it came about.
    step: AutoscalingStep,
}

/// The workload that is scaled.
struct Scale {
    key: Key,
    /// How many pods it asks for.
    replicas: i32,
    /// How many there are.
    there: i32,
    /// Which pods are its own.
    selector: Selector,
    /// The same, as its `scale` says it.
    text: String,
}

impl Scale {
    fn sizes(&self) -> Sizes {
        Sizes { wanted: self.replicas, there: self.there }
    }
}

/// What all metrics together come to.
struct Wish {
    replicas: i32,
    /// The metric that asks for most, in words.
    metric: String,
    statuses: Vec<MetricStatus>,
}

impl Look<'_> {
    fn run(&mut self, client: &mut Client<'_>) -> Result<(), Status> {
        let scale = match self.scale(client) {
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
        let message = "the HPA controller was able to get the target's current scale";
        self.set("AbleToScale", "True", "SucceededGetScale", message, client);
        let current = scale.replicas;
        self.status.current_replicas = Some(current);
        self.memory.begin(current, client.now());
        let spec = self.autoscaler.spec.clone();
        let least = spec.min_replicas.unwrap_or(1);
        (self.step.current, self.step.replicas) = (current, current);
        self.step.bounds = (least, spec.max_replicas);
        if current == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.set("ScalingActive", "False", "ScalingDisabled", message, client);
            self.status.desired_replicas = 0;
            self.status.current_metrics = None;
            return Ok(());
        }
        if current > spec.max_replicas || current < least {
            let (to, why) = match current < least {
                true => (least, "Current number of replicas below Spec.MinReplicas"),
                false => (spec.max_replicas, "Current number of replicas above Spec.MaxReplicas"),
            };
            self.status.current_metrics = None;
            (self.step.stable, self.step.replicas) = (current, to);
            return self.rescale(&scale, to, why, client);
        }
        let Some(wish) = self.wish(&scale, client) else { return Ok(()) };
        let why = match wish.replicas.cmp(&current) {
            Ordering::Greater => format!("{} above target", wish.metric),
            Ordering::Less => "All metrics below target".to_string(),
            Ordering::Equal => String::new(),
        };
        self.status.current_metrics = Some(wish.statuses);
        let decision = self.memory.decide(&spec, current, wish.replicas, client.now());
        self.step.wanted = Some(wish.replicas);
        (self.step.stable, self.step.replicas) = (decision.stable, decision.replicas);
        (self.step.held_until, self.step.policies) = (decision.held_until, decision.policies.clone());
        self.explain(&decision, client);
        if decision.replicas == current {
            self.status.desired_replicas = current;
            return Ok(());
        }
        self.rescale(&scale, decision.replicas, &why, client)
    }

    fn explain(&mut self, decision: &Decision, client: &Client<'_>) {
        self.set("AbleToScale", "True", decision.able.0, decision.able.1, client);
        let limited = if decision.limited { "True" } else { "False" };
        self.set("ScalingLimited", limited, decision.limit.0, decision.limit.1, client);
    }

    /// The workload.
    fn scale(&self, client: &Client<'_>) -> Result<Scale, Status> {
        let target = &self.autoscaler.spec.scale_target_ref;
        let api_version = target.api_version.as_deref().unwrap_or("v1");
        let unknown = || {
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            Status::bad_request(format!("no matches for kind {:?} in group {group:?}", target.kind))
        };
        let kind = client.live().kind_from_manifest(api_version, &target.kind).ok_or_else(unknown)?;
        let key = Key::new(kind, self.autoscaler.namespace(), &target.name);
        let object = client.get(&key)?;
        let by = |field: &LabelSelector| {
            (Selector::from_field(field).unwrap_or_default(), format_label_selector(field))
        };
        let (count, there, (selector, text)) = match &*object {
            Object::Deployment(workload) => {
                (workload.spec.replicas, workload.status.replicas, by(&workload.spec.selector))
            }
            Object::ReplicaSet(workload) => {
                (workload.spec.replicas, Some(workload.status.replicas), by(&workload.spec.selector))
            }
            Object::StatefulSet(workload) => {
                (workload.spec.replicas, Some(workload.status.replicas), by(&workload.spec.selector))
            }
            Object::ReplicationController(workload) => {
                let labels = workload.spec.selector.as_ref();
                let by = labels.map(|labels| (Selector::from_map(labels), format_labels(labels)));
                (workload.spec.replicas, Some(workload.status.replicas), by.unwrap_or_default())
            }
            custom => {
                let value = custom.to_value();
                let paths = client.live().definition(kind).and_then(|found| {
                    let version = found.preferred()?;
                    let scale = version.scale()?;
                    let at = |path: &str| value.pointer(&path.replace('.', "/")).cloned();
                    Some((at(scale.replicas), at(scale.current), at(scale.selector)))
                });
                let Some((count, there, labels)) = paths else { return Err(Status::no_such_resource()) };
                let text = labels.as_ref().and_then(|labels| labels.as_str()).unwrap_or_default();
                let selector = Selector::parse(text).unwrap_or_default();
                let number = |count: serde_json::Value| i32::try_from(count.as_i64()?).ok();
                let replicas = count.and_then(number).unwrap_or(0);
                let there = there.and_then(number).unwrap_or(0);
                return Ok(Scale { key, replicas, there, selector, text: text.to_string() });
            }
        };
        Ok(Scale { key, replicas: count.unwrap_or(1), there: there.unwrap_or(0), selector, text })
    }

    fn rescale(&mut self, scale: &Scale, to: i32, why: &str, client: &mut Client<'_>) -> Result<(), Status> {
        if let Err(refused) = resize(&scale.key, to, client) {
            let message = format!("New size: {to}; reason: {why}; error: {refused}");
            client.event(reference(self.autoscaler), EventType::Warning, "FailedRescale", message);
            let message = format!("the HPA controller was unable to update the target scale: {refused}");
            self.set("AbleToScale", "False", "FailedUpdateScale", message, client);
            return Ok(());
        }
        let message = format!("New size: {to}; reason: {why}");
        client.event(reference(self.autoscaler), EventType::Normal, "SuccessfulRescale", message);
        let message = format!("the HPA controller was able to update the target scale to {to}");
        self.set("AbleToScale", "True", "SucceededRescale", message, client);
        self.memory.scaled(&self.autoscaler.spec, (scale.replicas, to), client.now());
        self.status.desired_replicas = to;
        self.status.last_scale_time = Some(client.now().to_time());
        Ok(())
    }

    /// The most that any metric asks for. `None` where metrics are missing, so far that nothing can be said, or that less
    /// than there is would be asked for: each is said, and the first decides what the condition says
    /// (`computeReplicasForMetrics`).
    fn wish(&mut self, scale: &Scale, client: &mut Client<'_>) -> Option<Wish> {
        if !self.is_unambiguous(scale, client) {
            return None;
        }
        let metrics = self.autoscaler.spec.metrics.clone().unwrap_or_default();
        let mut wish = Wish { replicas: 0, metric: String::new(), statuses: Vec::new() };
        let (mut first, mut failed): (Option<Unmeasured>, usize) = (None, 0);
        for metric in &metrics {
            match measure::measure(self.autoscaler, metric, &scale.selector, scale.sizes(), client) {
                Ok(Measurement { replicas, name, status, sum }) => {
                    let (of, asked) = (name.clone(), Some(replicas));
                    self.step.metrics.push(MetricStep {
                        name: of,
                        replicas: asked,
                        sum,
                        ..MetricStep::default()
                    });
                    if wish.replicas == 0 || replicas > wish.replicas {
                        (wish.replicas, wish.metric) = (replicas, name);
                    }
                    wish.statuses.push(status);
                }
                Err(missing) => {
                    let why = missing.why.clone();
                    client.event(reference(self.autoscaler), EventType::Warning, missing.reason, why);
                    wish.statuses.push(MetricStatus::default());
                    let (name, why) = (missing.value.clone(), missing.why.clone());
                    self.step.metrics.push(MetricStep { name, missing: why, ..MetricStep::default() });
                    failed += 1;
                    first.get_or_insert(missing);
                }
            }
        }
        let Some(first) = first.filter(|_| failed == metrics.len() || wish.replicas < scale.replicas) else {
            let message =
                format!("the HPA was able to successfully calculate a replica count from {}", wish.metric);
            self.set("ScalingActive", "True", "ValidMetricFound", message, client);
            return Some(wish);
        };
        let message = format!("the HPA was unable to compute the replica count: {}", first.why);
        self.set("ScalingActive", "False", first.reason, message, client);
        let message = format!(
            "invalid metrics ({failed} invalid out of {}), first error is: failed to get {}: {}",
            metrics.len(),
            first.value,
            first.why,
        );
        let reason = "FailedComputeMetricsReplicas";
        client.event(reference(self.autoscaler), EventType::Warning, reason, message);
        self.status.current_metrics = Some(wish.statuses);
        None
    }

    /// Whether the workload says which pods are its own, and no other autoscaler goes by any of them
    /// (`validateAndParseSelector`).
    fn is_unambiguous(&mut self, scale: &Scale, client: &mut Client<'_>) -> bool {
        let namespace = self.autoscaler.namespace();
        let (reason, event, why, message) = if scale.text.is_empty() {
            let message = "the HPA target's scale is missing a selector".to_string();
            ("InvalidSelector", "SelectorRequired", "selector is required".to_string(), message)
        } else {
            self.memory.selector = Some(scale.selector.clone());
            let pods = measure::matching(namespace, &scale.selector, client);
            let rivals =
                self.others.iter().filter(|(_, own)| pods.iter().any(|pod| own.matches(pod.labels())));
            let mut names: Vec<String> = rivals.map(|(key, _)| format!("{namespace}/{}", key.name)).collect();
            if names.is_empty() {
                return true;
            }
            names.push(format!("{namespace}/{}", self.autoscaler.name()));
            sorting::sort_by(&mut names, Ord::cmp);
            let (of, by) = (&scale.text, names.join(" "));
            let why = format!("pods by selector {of} are controlled by multiple HPAs: [{by}]");
            ("AmbiguousSelector", "AmbiguousSelector", why.clone(), why)
        };
        client.event(reference(self.autoscaler), EventType::Warning, event, why.clone());
        self.set("ScalingActive", "False", reason, message, client);
        self.status.current_metrics = None;
        client.event(reference(self.autoscaler), EventType::Warning, "FailedComputeMetricsReplicas", why);
        false
    }

    fn set(
        &mut self,
        type_: &str,
        status: &str,
        reason: &str,
        message: impl Into<String>,
        client: &Client<'_>,
    ) {
        let new = HorizontalPodAutoscalerCondition {
            type_: type_.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_transition_time: Some(client.now().to_time()),
        };
        condition::set(&mut self.status.conditions, new);
    }
}

/// Gives a workload another size.
fn resize(key: &Key, to: i32, client: &mut Client<'_>) -> Result<(), Status> {
    let mut object = (*client.get(key)?).clone();
    match &mut object {
        Object::Deployment(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
        Object::ReplicaSet(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
        Object::StatefulSet(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
        Object::ReplicationController(workload) => Arc::make_mut(&mut workload.spec).replicas = Some(to),
        custom => {
            let path = client.live().definition(key.kind).and_then(|found| {
                Some(found.preferred()?.scale()?.replicas.trim_start_matches('.').replace('.', "/"))
            });
            let Some(path) = path else { return Err(Status::no_such_resource()) };
            let mut value = custom.to_value();
            put(&mut value, &path, to);
            *custom =
                Object::from_value(key.kind, value).map_err(|why| Status::bad_request(why.to_string()))?;
        }
    }
    client.update_object(object).map(drop)
}

/// Sets a number deep inside an object.
fn put(value: &mut serde_json::Value, path: &str, to: i32) {
    // Only an object has a place for it.
    if !value.is_object() {
        *value = serde_json::Value::Object(serde_json::Map::new());
    }
    match path.split_once('/') {
        Some((first, rest)) => put(&mut value[first], rest, to),
        None => value[path] = to.into(),
    }
}
