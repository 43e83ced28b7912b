//! Metrics that are neither CPU nor memory: of pods, of any object, and of what lies outside the cluster. Nothing measures them
//! here, so annotations give them: `kubeviz.dev/metric.<name>` on each pod, on the object, and for external metrics on the
//! namespace; the values that a selector of the metric asks for follow the name, each after a dot.
//!
//! A cluster in which nobody gives a metric has no adapter, and says so as a cluster without one.

use super::calculator::{self, Amounts, Measured, Target, Tolerances};
use super::measure::{Measurement, matching, tolerances};
use crate::api::explain::{MetricRule, MetricSum};
use crate::api::k8s::{
    ExternalMetricStatus, LabelSelector, MetricIdentifier, MetricSpec, MetricStatus, MetricTarget,
    MetricValueStatus, ObjectMetricStatus, PodsMetricStatus, Quantity,
};
use crate::api::pod_status::summarize;
use crate::api::selector::Selector;
use crate::api::{HorizontalPodAutoscaler, Key, Kind, MetaExt, Object, Pod, quantity};
use crate::client::Client;

const PREFIX: &str = "kubeviz.dev/metric.";

/// An amount that somebody gives, in thousandths.
fn given(annotation: impl Fn(&str) -> Option<String>, metric: &MetricIdentifier) -> Option<i64> {
    let mut name = format!("{PREFIX}{}", metric.name);
    let wanted = metric.selector.as_ref().and_then(|selector| selector.match_labels.as_ref());
    for (_, value) in wanted.into_iter().flatten() {
        name.push('.');
        name.push_str(value);
    }
    quantity::parse(&annotation(&name)?).map(quantity::Parsed::milli)
}

fn given_by(object: &Object, metric: &MetricIdentifier) -> Option<i64> {
    given(|name| object.annotations().get(name).cloned(), metric)
}

fn amount(milli: i64) -> Option<Quantity> {
    Some(Quantity(quantity::canonical(&format!("{milli}m"))))
}

/// Measures a metric of pods, of an object, or from outside (`computeStatusForPodsMetric` and its siblings). `None` where nobody
/// gives it.
pub fn measure(
    autoscaler: &HorizontalPodAutoscaler,
    metric: &MetricSpec,
    selector: &Selector,
    current: i32,
    client: &Client<'_>,
) -> Option<Result<Measurement, String>> {
    let namespace = autoscaler.namespace();
    let pods = matching(namespace, selector, client);
    let circumstances = (current, tolerances(autoscaler));
    let mut status = MetricStatus { type_: metric.type_.clone(), ..Default::default() };
    let (name, found) = if let Some(source) = &metric.pods {
        let mut amounts = Amounts::new();
        for pod in &pods {
            if let Some(used) = given(|name| pod.annotation(name).map(str::to_string), &source.metric) {
                amounts.insert(pod.name(), used);
            }
        }
        if amounts.is_empty() {
            return None;
        }
        let target = Target::Average(source.target.average_value.as_ref().map_or(0, quantity::milli));
        let measured = Measured { resource: "", container: None };
        let circumstances = (circumstances.0, circumstances.1, client.now());
        let found = calculator::proposal(&pods, amounts, measured, target, circumstances);
        let found = found.map(|found| {
            let value = MetricValueStatus { average_value: amount(found.average), ..Default::default() };
            status.pods = Some(PodsMetricStatus { current: value, metric: source.metric.clone() });
            (found.replicas, found.sum)
        });
        (format!("pods metric {}", source.metric.name), found)
    } else if let Some(source) = &metric.object {
        let about = &source.described_object;
        let kind = Kind::from_manifest(about.api_version.as_deref().unwrap_or("v1"), &about.kind)?;
        let namespace = if kind.info().namespaced { namespace } else { "" };
        let object = client.live().object(&Key::new(kind, namespace, &about.name))?;
        let used = given_by(object, &source.metric)?;
        let (replicas, value, sum) = by_target(used, &source.target, &pods, circumstances);
        let (described_object, metric) = (about.clone(), source.metric.clone());
        status.object = Some(ObjectMetricStatus { current: value, described_object, metric });
        (format!("{} metric {}", about.kind, source.metric.name), Ok((replicas, sum)))
    } else {
        let source = metric.external.as_ref()?;
        let home = client.live().object(&Key::cluster(Kind::NAMESPACE, namespace))?;
        let used = given_by(home, &source.metric)?;
        let (replicas, value, sum) = by_target(used, &source.target, &pods, circumstances);
        status.external = Some(ExternalMetricStatus { current: value, metric: source.metric.clone() });
        let selector = shown(source.metric.selector.as_ref());
        (format!("external metric {}({selector})", source.metric.name), Ok((replicas, sum)))
    };
    Some(found.map(|(replicas, sum)| Measurement { replicas, name, status, sum }))
}

/// How many pods one amount asks for, which is compared with a whole, or shared among the pods (`GetObjectMetricReplicas`,
/// `GetObjectPerPodMetricReplicas`).
fn by_target(
    used: i64,
    target: &MetricTarget,
    pods: &[&Pod],
    (current, tolerances): (i32, Tolerances),
) -> (i32, MetricValueStatus, MetricSum) {
    let count = i64::from(current.max(0));
    let sum = |target: i64, pods: i64, rule: MetricRule| {
        let count = i32::try_from(pods).unwrap_or(i32::MAX);
        let tolerance = (tolerances.down, tolerances.up);
        MetricSum { used, target, count, rule, tolerance, ready: count, ..MetricSum::default() }
    };
    let rule = |keeps: bool| if keeps { MetricRule::Tolerated } else { MetricRule::Product };
    if let Some(average) = &target.average_value {
        let average = quantity::milli(average).max(1);
        let keeps = count > 0 && tolerances.allow_ratio(used, average.saturating_mul(count));
        let replicas = if keeps { count } else { ceil(used, average) };
        let each = if count > 0 { ceil(used, count) } else { used };
        let value = MetricValueStatus { average_value: amount(each), ..Default::default() };
        return (i32::try_from(replicas).unwrap_or(i32::MAX), value, sum(average, 1, rule(keeps)));
    }
    let whole = target.value.as_ref().map_or(1, quantity::milli).max(1);
    let value = MetricValueStatus { value: amount(used), ..Default::default() };
    if count == 0 {
        let replicas = i32::try_from(ceil(used, whole)).unwrap_or(i32::MAX);
        return (replicas, value, sum(whole, 1, MetricRule::Product));
    }
    let ready = pods.iter().filter(|pod| {
        let sum = summarize(pod);
        !pod.is_deleting() && sum.ready == sum.total && pod.status.phase.as_deref() == Some("Running")
    });
    let ready = i64::try_from(ready.count()).unwrap_or(i64::MAX);
    if tolerances.allow_ratio(used, whole) {
        return (current, value, sum(whole, ready, MetricRule::Tolerated));
    }
    let replicas = i32::try_from(ceil(used.saturating_mul(ready), whole)).unwrap_or(i32::MAX);
    (replicas, value, sum(whole, ready, MetricRule::Product))
}

fn ceil(a: i64, b: i64) -> i64 {
    a.div_euclid(b) + i64::from(a.rem_euclid(b) > 0)
}

/// A selector as Go prints it.
fn shown(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "nil".into() };
    let labels = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}: {value},"));
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}",
        labels.collect::<String>()
    )
}
