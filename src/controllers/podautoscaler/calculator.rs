//! How many pods a resource metric asks for (`replica_calculator.go`).

use std::cmp::Ordering;

use sorted::{SortedMap, SortedSet};

use crate::api::explain::{MetricRule, MetricSum};
use crate::api::k8s::Container;
use crate::api::pod_status::is_sidecar;
use crate::api::{MetaExt, Pod, condition, quantity};
use crate::client::metrics::WINDOW;
use crate::clock::{SimDuration, SimTime};

/// A pod's CPU says nothing while it starts (`horizontal-pod-autoscaler-cpu-initialization-period`).
const CPU_INITIALIZATION: SimDuration = SimDuration::from_secs(300);
/// A pod that has not been ready from so soon after its start counts as one that never was
/// (`horizontal-pod-autoscaler-initial-readiness-delay`).
const INITIAL_READINESS: SimDuration = SimDuration::from_secs(30);

/// Measured amounts by pod, in thousandths.
pub type Amounts<'a> = SortedMap<&'a str, i64>;

/// What a metric comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// How many pods there should be.
    pub replicas: i32,
    /// The share of the requests that is used, in percent, where the target is one.
    pub utilization: Option<i32>,
    /// What a pod uses on the average, in thousandths.
    pub average: i64,
    /// How that came about.
    pub sum: MetricSum,
}

/// What is aimed at.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A share of the requests, in percent.
    Utilization(i32),
    /// An amount for each pod, in thousandths.
    Average(i64),
}

/// How far the ratio of use to target may be from one before anything is done, in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Tolerances {
    /// Above one.
    pub up: i64,
    /// Below one.
    pub down: i64,
}

impl Tolerances {
    /// Whether use is so near to the target that nothing is done.
    pub fn allow(self, ratio: Ratio) -> bool {
        let share = |thousandths: i64| thousandths as f64 / 1_000.0;
        let ratio = ratio.value();
        1.0 - share(self.down) <= ratio && ratio <= 1.0 + share(self.up)
    }
}

/// Use by target: a float, as upstream has it, since 1.12 times 25 are a little more than 28 there, and so 29 pods.
#[derive(Clone, Copy)]
pub struct Ratio {
    /// What is used.
    pub used: i64,
    /// What is aimed at.
    pub target: i64,
}

impl Ratio {
    /// Less than one, one, or more.
    fn side(self) -> Ordering {
        self.used.cmp(&self.target)
    }

    fn value(self) -> f64 {
        self.used as f64 / self.target.max(1) as f64
    }

    /// So many times `count`, rounded up.
    pub fn times(self, count: usize) -> i32 {
        (self.value() * count as f64).ceil() as i32
    }
}

/// What is measured: a resource of pods, or of one container of each.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// `cpu`, `memory`.
    pub resource: &'a str,
    /// The one container.
    pub container: Option<&'a str>,
}

/// The pods of a workload, by whether their measurements count (`groupPods`).
#[derive(Default)]
struct Groups<'a> {
    ready: usize,
    unready: SortedSet<&'a str>,
    missing: SortedSet<&'a str>,
    ignored: SortedSet<&'a str>,
}

impl<'a> Groups<'a> {
    fn of(pods: &[&'a Pod], amounts: &Amounts<'_>, resource: &str, now: SimTime) -> Groups<'a> {
        let mut groups = Groups::default();
        for pod in pods {
            let phase = pod.status.phase.as_deref();
            if pod.is_deleting() || phase == Some("Failed") {
                groups.ignored.insert(pod.name());
            } else if phase == Some("Pending") {
                groups.unready.insert(pod.name());
            } else if amounts.get(pod.name()).is_none() {
                groups.missing.insert(pod.name());
            } else if resource == "cpu" && is_starting(pod, now) {
                groups.unready.insert(pod.name());
            } else {
                groups.ready += 1;
            }
        }
        groups
    }
}

impl Groups<'_> {
    /// The pods, counted.
    fn sum(&self, target: Target, tolerances: Tolerances) -> MetricSum {
        MetricSum {
            percent: matches!(target, Target::Utilization(_)),
            tolerance: (tolerances.down, tolerances.up),
            ready: small(self.ready),
            unready: small(self.unready.len()),
            missing: small(self.missing.len()),
            ignored: small(self.ignored.len()),
            ..MetricSum::default()
        }
    }
}

impl MetricSum {
    /// The ratio that was decided by.
    fn take(&mut self, ratio: Ratio, count: usize, rule: MetricRule) {
        (self.used, self.target, self.count, self.rule) = (ratio.used, ratio.target, small(count), rule);
    }
}

fn small(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Whether a pod's CPU still is that of its start.
fn is_starting(pod: &Pod, now: SimTime) -> bool {
    let ready = condition::find(pod.status.conditions.as_deref(), "Ready");
    let (Some(ready), Some(start)) = (ready, &pod.status.start_time) else { return true };
    let start = SimTime::from_time(start);
    let since = ready.last_transition_time.as_ref().map(SimTime::from_time).unwrap_or_default();
    if start + CPU_INITIALIZATION > now {
        return ready.status == "False" || now < since + WINDOW;
    }
    ready.status == "False" && start + INITIAL_READINESS > since
}

/// What each pod asks for, in thousandths (`calculateRequests`).
fn requests<'a>(pods: &[&'a Pod], measured: Measured<'_>) -> Result<Amounts<'a>, String> {
    let mut requests = Amounts::new();
    for pod in pods {
        let whole = pod.spec.resources.as_ref().and_then(|all| all.requests.as_ref()?.get(measured.resource));
        if let (None, Some(whole)) = (measured.container, whole) {
            requests.insert(pod.name(), quantity::milli(whole));
            continue;
        }
        let sidecars = pod.spec.init_containers.iter().flatten().filter(|container| is_sidecar(container));
        let mut sum = 0i64;
        for container in pod.spec.containers.iter().chain(sidecars) {
            if measured.container.is_none_or(|name| container.name == name) {
                sum = sum.saturating_add(request(container, measured.resource).ok_or_else(|| {
                    let (resource, name) = (measured.resource, &container.name);
                    format!("missing request for {resource} in container {name} of Pod {}", pod.name())
                })?);
            }
        }
        requests.insert(pod.name(), sum);
    }
    Ok(requests)
}

fn request(container: &Container, resource: &str) -> Option<i64> {
    Some(quantity::milli(container.resources.as_ref()?.requests.as_ref()?.get(resource)?))
}

/// The ratio of use to target, the used share in percent, and the average.
fn ratio(
    amounts: &Amounts<'_>,
    requests: &Amounts<'_>,
    target: Target,
) -> Result<(Ratio, Option<i32>, i64), String> {
    let (mut used, mut asked, mut count) = (0i64, 0i64, 0i64);
    for (pod, amount) in amounts.iter() {
        match (requests.get(pod), target) {
            (None, Target::Utilization(_)) => continue,
            (Some(request), _) => asked = asked.saturating_add(*request),
            (None, Target::Average(_)) => {}
        }
        used = used.saturating_add(*amount);
        count += 1;
    }
    match target {
        Target::Utilization(_) if asked == 0 => Err("no metrics returned matched known pods".into()),
        Target::Utilization(target) => {
            let share = i32::try_from(used.saturating_mul(100) / asked).unwrap_or(i32::MAX);
            Ok((Ratio { used: share.into(), target: target.into() }, Some(share), used / count))
        }
        Target::Average(target) => {
            let average = used / count.max(1);
            Ok((Ratio { used: average, target }, None, average))
        }
    }
}

/// How many pods a resource metric asks for (`GetResourceReplicas`, `GetRawResourceReplicas`).
///
/// # Errors
/// Why that cannot be said, in upstream's words.
pub fn proposal<'a>(
    pods: &[&'a Pod],
    mut amounts: Amounts<'a>,
    measured: Measured<'_>,
    target: Target,
    (current, tolerances, now): (i32, Tolerances, SimTime),
) -> Result<Proposal, String> {
    if pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".into());
    }
    let groups = Groups::of(pods, &amounts, measured.resource, now);
    for name in groups.ignored.iter().chain(groups.unready.iter()) {
        amounts.remove(name);
    }
    if amounts.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".into());
    }
    let asked = match target {
        Target::Utilization(_) => requests(pods, measured)?,
        Target::Average(_) => Amounts::new(),
    };
    let (first, utilization, average) = ratio(&amounts, &asked, target)?;
    let mut sum = groups.sum(target, tolerances);
    let propose = |replicas: i32, sum: MetricSum| Proposal { replicas, utilization, average, sum };
    let scales_up_with_unready = !groups.unready.is_empty() && first.side() == Ordering::Greater;
    if !scales_up_with_unready && groups.missing.is_empty() {
        let tolerated = tolerances.allow(first);
        sum.take(first, groups.ready, if tolerated { MetricRule::Tolerated } else { MetricRule::Product });
        return Ok(propose(if tolerated { current } else { first.times(groups.ready) }, sum));
    }
    // What is not known is taken to speak against the change.
    for name in groups.missing.iter() {
        let assumed = match target {
            // Exactly on target, shares leave the missing ones out.
            Target::Utilization(_) if first.side() == Ordering::Equal => continue,
            Target::Utilization(_) if first.side() == Ordering::Greater => 0,
            Target::Utilization(share) => {
                asked.get(name).copied().unwrap_or(0).saturating_mul(i64::from(share.max(100))) / 100
            }
            Target::Average(target) if first.side() == Ordering::Less => target,
            Target::Average(_) => 0,
        };
        amounts.insert(name, assumed);
    }
    if scales_up_with_unready {
        for name in groups.unready.iter() {
            amounts.insert(name, 0);
        }
    }
    let (second, ..) = ratio(&amounts, &asked, target)?;
    let opposed = first.side().is_ne() && second.side() == first.side().reverse();
    let wanted = second.times(amounts.len());
    let turns = wanted.cmp(&current) == second.side().reverse() && wanted != current;
    let rule = match () {
        () if opposed => MetricRule::Outweighed,
        () if tolerances.allow(second) => MetricRule::Tolerated,
        () if turns => MetricRule::Outweighed,
        () => MetricRule::Product,
    };
    sum.take(second, amounts.len(), rule);
    Ok(propose(if rule == MetricRule::Product { wanted } else { current }, sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::typed;
    use serde_json::json;

    const NOW: SimTime = SimTime::from_secs(1_000);

    fn pod(name: &str, phase: &str) -> Pod {
        let mut pod = Pod::default();
        let meta = json!({"name": name});
        pod.meta = std::sync::Arc::new(typed::read(&meta).expect("metadata"));
        let container = json!({"name": "app", "resources": {"requests": {"cpu": "100m"}}});
        pod.spec = std::sync::Arc::new(typed::read(&json!({"containers": [container]})).expect("a spec"));
        let begin = SimTime::from_secs(1).to_time();
        let status = std::sync::Arc::make_mut(&mut pod.status);
        status.phase = Some(phase.into());
        status.start_time = Some(begin.clone());
        status.conditions = Some(vec![crate::api::k8s::PodCondition {
            type_: "Ready".into(),
            status: if phase == "Running" { "True" } else { "False" }.into(),
            last_transition_time: Some(begin),
            ..Default::default()
        }]);
        pod
    }

    #[test]
    fn what_is_not_known_of_pods_speaks_against_a_change() {
        const CPU: Measured<'_> = Measured { resource: "cpu", container: None };
        const USUAL: Tolerances = Tolerances { up: 100, down: 100 };
        let share = Target::Utilization(50);
        // use of each running pod (none: missing), pending pods, target -> replicas
        let cases: [(&[Option<i64>], usize, Target, i32); 11] = [
            (&[Some(50), Some(50)], 0, share, 2),
            (&[Some(55), Some(55)], 0, share, 2),
            (&[Some(56), Some(56)], 0, share, 3),
            (&[Some(200), Some(200)], 0, share, 8),
            (&[Some(200), Some(200)], 2, share, 8),
            (&[Some(60), Some(60)], 2, share, 4),
            (&[Some(5), Some(5)], 2, share, 1),
            (&[Some(200), None], 0, share, 4),
            (&[Some(5), None], 0, share, 2),
            (&[Some(300), Some(100)], 0, Target::Average(100), 4),
            (&[Some(10), None, None], 0, Target::Average(100), 3),
        ];
        for (used, pending, target, want) in cases {
            let running = (0..used.len()).map(|n| pod(&format!("r{n}"), "Running"));
            let pods: Vec<Pod> =
                running.chain((0..pending).map(|n| pod(&format!("p{n}"), "Pending"))).collect();
            let pods: Vec<&Pod> = pods.iter().collect();
            let mut amounts = Amounts::new();
            for (pod, used) in pods.iter().zip(used) {
                used.map(|used| amounts.insert(pod.name(), used));
            }
            let current = i32::try_from(pods.len()).expect("few");
            let found = proposal(&pods, amounts, CPU, target, (current, USUAL, NOW)).expect("a proposal");
            assert_eq!(found.replicas, want, "{used:?} and {pending} pending, {target:?}");
        }
    }

    #[test]
    fn a_pod_without_request_has_no_share() {
        let measured = Measured { resource: "memory", container: Some("app") };
        let pod = pod("web-1", "Running");
        let mut amounts = Amounts::new();
        amounts.insert("web-1", 5);
        let tolerances = Tolerances { up: 100, down: 100 };
        let found = proposal(&[&pod], amounts, measured, Target::Utilization(50), (1, tolerances, NOW));
        assert_eq!(found, Err("missing request for memory in container app of Pod web-1".into()));
    }
}
