//! Metrics that are neither CPU nor memory: of pods, of any object, and of what lies outside the cluster. Nothing measures them
//! here, so annotations give them: `kubeviz.dev/metric.<name>` on each pod, on the object, and for external metrics on the
//! namespace; the values that a selector of the metric asks for follow the name, each after a dot.
//!
//! A cluster in which nobody gives a metric has no adapter, and says so as a cluster without one.

use super::calculator::{self, Amounts, Measured, Ratio, Target, Tolerances};
use super::measure::{Measurement, Sizes, matching, tolerances};
use crate::api::explain::{MetricRule, MetricSum};
use crate::api::k8s::{
    ExternalMetricStatus, LabelSelector, MetricIdentifier, MetricSpec, MetricStatus, MetricTarget,
    MetricValueStatus, ObjectMetricStatus, PodsMetricStatus, Quantity,
};
use crate::api::selector::Selector;
use crate::api::{HorizontalPodAutoscaler, Key, Kind, MetaExt, Object, Pod, condition, quantity};
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
    sizes: Sizes,
    client: &Client<'_>,
) -> Option<Result<Measurement, String>> {
    let namespace = autoscaler.namespace();
    let pods = matching(namespace, selector, client);
    let circumstances = (sizes, tolerances(autoscaler));
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
        let circumstances = (sizes.wanted, circumstances.1, client.now());
        let found = calculator::proposal(&pods, amounts, measured, target, circumstances);
        let found = found.map(|found| {
            let value = MetricValueStatus { average_value: amount(found.average), ..Default::default() };
            status.pods = Some(PodsMetricStatus { current: value, metric: source.metric.clone() });
            (found.replicas, found.sum)
        });
        (format!("pods metric {}", source.metric.name), found)
    } else if let Some(source) = &metric.object {
        let about = &source.described_object;
        let version = about.api_version.as_deref().unwrap_or("v1");
        let kind = client.live().kind_from_manifest(version, &about.kind)?;
        let namespace = if kind.info().namespaced { namespace } else { "" };
        let object = client.live().object(&Key::new(kind, namespace, &about.name))?;
        let used = given_by(object, &source.metric)?;
        let (value, found) = by_target(used, &source.target, &pods, circumstances);
        let (described_object, metric) = (about.clone(), source.metric.clone());
        status.object = Some(ObjectMetricStatus { current: value, described_object, metric });
        (format!("{} metric {}", about.kind, source.metric.name), found)
    } else {
        let source = metric.external.as_ref()?;
        let home = client.live().object(&Key::cluster(Kind::NAMESPACE, namespace))?;
        let used = given_by(home, &source.metric)?;
        let (value, found) = by_target(used, &source.target, &pods, circumstances);
        status.external = Some(ExternalMetricStatus { current: value, metric: source.metric.clone() });
        let selector = shown(source.metric.selector.as_ref());
        (format!("external metric {}({selector})", source.metric.name), found)
    };
    Some(found.map(|(replicas, sum)| Measurement { replicas, name, status, sum }))
}

/// How many pods one amount asks for, which is compared with a whole, or shared among the pods that there are
/// (`GetObjectMetricReplicas`, `GetObjectPerPodMetricReplicas`).
fn by_target(
    used: i64,
    target: &MetricTarget,
    pods: &[&Pod],
    (sizes, tolerances): (Sizes, Tolerances),
) -> (MetricValueStatus, Result<(i32, MetricSum), String>) {
    let sum = |target: i64, pods: i32, keeps: bool| {
        let rule = if keeps { MetricRule::Tolerated } else { MetricRule::Product };
        let tolerance = (tolerances.down, tolerances.up);
        MetricSum { used, target, count: pods, rule, tolerance, ready: pods, ..MetricSum::default() }
    };
    if let Some(average) = &target.average_value {
        let (average, count) = (quantity::milli(average).max(1), i64::from(sizes.there.max(0)));
        let whole = Ratio { used, target: average.saturating_mul(count) };
        let keeps = count > 0 && tolerances.allow(whole);
        let replicas = if keeps { count } else { ceil(used, average) };
        let each = if count > 0 { ceil(used, count) } else { used };
        let value = MetricValueStatus { average_value: amount(each), ..Default::default() };
        let replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
        return (value, Ok((replicas, sum(average, 1, keeps))));
    }
    let whole = target.value.as_ref().map_or(1, quantity::milli).max(1);
    let value = MetricValueStatus { value: amount(used), ..Default::default() };
    let ratio = Ratio { used, target: whole };
    if sizes.wanted == 0 {
        return (value, Ok((ratio.times(1), sum(whole, 1, false))));
    }
    let is_ready = |pod: &&&Pod| {
        let ready = condition::find(pod.status.conditions.as_deref(), "Ready");
        pod.status.phase.as_deref() == Some("Running") && ready.is_some_and(|ready| ready.status == "True")
    };
    let ready = pods.iter().filter(is_ready).count();
    let keeps = tolerances.allow(ratio);
    if !keeps && pods.is_empty() {
        let why =
            "unable to calculate ready pods: no pods returned by selector while calculating replica count";
        return (value, Err(why.into()));
    }
    let replicas = if keeps { sizes.wanted } else { ratio.times(ready) };
    (value, Ok((replicas, sum(whole, i32::try_from(ready).unwrap_or(i32::MAX), keeps))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::typed;
    use serde_json::{Value, json};

    #[test]
    fn an_amount_is_shared_among_the_pods_that_there_are() {
        let usual = Tolerances { up: 100, down: 100 };
        let pod = |ready: &str| {
            let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]});
            Pod {
                status: typed::read::<crate::api::k8s::PodStatus>(&status).expect("a status").into(),
                ..Default::default()
            }
        };
        let check = |used: i64, target: &Value, wanted: i32, there: i32, pods: &[Pod]| {
            let target: MetricTarget = typed::read(target).expect("a target");
            let pods: Vec<&Pod> = pods.iter().collect();
            by_target(used * 1_000, &target, &pods, (Sizes { wanted, there }, usual)).1.map(|found| found.0)
        };
        let (each, whole) = (json!({"averageValue": "10"}), json!({"value": "100"}));
        let four: Vec<Pod> = (0..4).map(|_| pod("True")).collect();
        // Of six that are wanted four are there yet: 42 are no more than their share.
        assert_eq!(check(42, &each, 6, 4, &four), Ok(4));
        assert_eq!(check(60, &each, 6, 4, &four), Ok(6));
        assert_eq!(check(60, &each, 6, 0, &[]), Ok(6));
        assert_eq!(check(150, &whole, 4, 4, &four), Ok(6));
        assert_eq!(check(105, &whole, 4, 4, &four), Ok(4));
        assert_eq!(check(150, &whole, 4, 4, &[pod("True"), pod("False")]), Ok(2));
        assert_eq!(check(250, &whole, 0, 0, &[]), Ok(3));
        let why =
            "unable to calculate ready pods: no pods returned by selector while calculating replica count";
        assert_eq!(check(150, &whole, 4, 4, &[]), Err(why.into()));
        // A float, as upstream has it: 1.12 times 25 is a little more than 28.
        let many: Vec<Pod> = (0..25).map(|_| pod("True")).collect();
        assert_eq!(check(112, &whole, 25, 25, &many), Ok(29));
    }
}
