//! Figures over time, each with the rule that it is held against: a workload's pods between floor and ceiling, what an autoscaler
//! measures and the target that it keeps near to (`status.currentMetrics`), what pods ask for and what the nodes have.

use std::sync::Arc;

use sorted::SortedMap;

use super::workloads::{KINDS, workload_card};
use crate::api::k8s::{MetricSpec, MetricStatus, MetricTarget, MetricValueStatus};
use crate::api::meta::Revision;
use crate::api::pod_status::pod_request_milli;
use crate::api::{HorizontalPodAutoscaler, Key, Kind, MetaExt, Object, condition, quantity};
use crate::apiserver::{Change, Store};
use crate::clock::SimTime;
use crate::controllers::podautoscaler::measure::tolerances;

/// The resources whose requests are followed, and how many of the unit of their graph a thousandth of theirs is worth: CPU is
/// counted in thousandths, memory in bytes.
const RESOURCES: [(&str, i64, Unit); 2] = [("cpu", 1, Unit::Milli), ("memory", 1_000, Unit::Bytes)];

/// What a graph counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pods.
    Pods,
    /// Hundredths of what is requested.
    Percent,
    /// Thousandths.
    Milli,
    /// Bytes.
    Bytes,
}

/// A figure over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Whose it is; nothing for all nodes together.
    pub about: Option<Key>,
    /// The workload that an autoscaler sees to.
    pub target: Option<Key>,
    /// The metric or the resource; nothing for a workload's pods.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// How it went, oldest first; each lasts until the next.
    pub samples: Vec<Sample>,
}

/// A figure from a write on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The write.
    pub revision: Revision,
    /// When.
    pub time: SimTime,
    /// Pods available; what is measured; what pods on nodes ask for.
    pub value: i64,
    /// Pods that there are; what all pods ask for.
    pub all: Option<i64>,
    /// Pods that are wanted; the target.
    pub wanted: Option<i64>,
    /// The rule: floor and ceiling; from where to where the target counts as met; what the nodes have.
    pub bounds: (Option<i64>, Option<i64>),
    /// Whether the autoscaler would have moved, and its stabilization window kept it.
    pub held: bool,
}

/// All graphs, read off the log.
#[derive(Clone, Debug, Default)]
pub struct Graphs {
    read: Revision,
    /// By whom they are about and what they count; those of all nodes last.
    graphs: SortedMap<(u8, Option<Key>, String), Graph>,
}

impl Graphs {
    /// Goes on up to a write of the log, over at most so many writes, or back to it. Says whether it got there.
    pub fn follow(&mut self, log: &Store, upto: Revision, most: usize) -> bool {
        if upto < self.read {
            self.graphs.retain(|_, graph| {
                graph.samples.truncate(graph.samples.partition_point(|sample| sample.revision <= upto));
                !graph.samples.is_empty()
            });
            self.read = upto;
            return true;
        }
        let mut changes = log.since(self.read).take_while(|change| change.revision <= upto);
        for change in changes.by_ref().take(most) {
            self.note(change);
            self.read = change.revision;
        }
        changes.next().is_none()
    }

    /// The graphs: those of workloads, of autoscalers, and of all nodes together.
    pub fn iter(&self) -> impl Iterator<Item = &Graph> {
        self.graphs.values()
    }

    fn note(&mut self, change: &Change) {
        match change.key.kind {
            Kind::HORIZONTAL_POD_AUTOSCALER => self.autoscaler(change),
            Kind::POD | Kind::NODE => self.requests(change),
            kind if KINDS.contains(&kind) => self.workload(change),
            _ => {}
        }
    }

    fn graph(&mut self, rank: u8, about: Option<&Key>, name: &str, unit: Unit) -> &mut Graph {
        let place = (rank, about.cloned(), name.to_string());
        self.graphs.entry(place).or_insert_with(|| Graph {
            about: about.cloned(),
            target: None,
            name: name.to_string(),
            unit,
            samples: Vec::new(),
        })
    }

    fn workload(&mut self, change: &Change) {
        let at = Sample { revision: change.revision, time: change.time, ..Sample::default() };
        let Some(after) = change.after.as_deref() else {
            // What others manage never had a graph.
            if let Some(graph) = self.graphs.get_mut(&(0, Some(change.key.clone()), String::new())) {
                graph.samples.push(at);
            }
            return;
        };
        let Some(card) = workload_card(after) else { return };
        let sample = Sample {
            value: card.available.into(),
            all: Some(card.current.into()),
            wanted: Some(card.desired.into()),
            bounds: (card.floor.map(i64::from), card.ceiling.map(i64::from)),
            ..at
        };
        self.graph(0, Some(&change.key), "", Unit::Pods).add(sample);
    }

    fn autoscaler(&mut self, change: &Change) {
        let found = change.after.as_deref().and_then(Object::as_kind::<HorizontalPodAutoscaler>);
        let Some(autoscaler) = found else { return };
        let reason = condition::find(autoscaler.status.conditions.as_deref(), "AbleToScale")
            .and_then(|found| found.reason.as_deref());
        let of = &autoscaler.spec.scale_target_ref;
        let target = Kind::from_manifest(of.api_version.as_deref().unwrap_or("v1"), &of.kind)
            .map(|kind| Key::new(kind, autoscaler.namespace(), &of.name));
        let measured = autoscaler.status.current_metrics.iter().flatten();
        for (metric, status) in autoscaler.spec.metrics.iter().flatten().zip(measured) {
            let Some((name, aim)) = aim(metric) else { continue };
            let Some((value, wanted, unit)) = value(status).and_then(|value| against(value, aim)) else {
                continue;
            };
            let tolerances = tolerances(autoscaler);
            let edge = |mille: i64| Some(wanted.saturating_mul(mille) / 1_000);
            let sample = Sample {
                revision: change.revision,
                time: change.time,
                value,
                wanted: Some(wanted),
                bounds: (edge(1_000 - tolerances.down), edge(1_000 + tolerances.up)),
                held: matches!(reason, Some("ScaleDownStabilized" | "ScaleUpStabilized")),
                all: None,
            };
            let graph = self.graph(1, Some(&change.key), &name, unit);
            graph.target.clone_from(&target);
            graph.add(sample);
        }
    }

    /// What pods on nodes ask for, what those without one ask for besides, and what the nodes have.
    fn requests(&mut self, change: &Change) {
        if is_alike(change.before.as_deref(), change.after.as_deref()) {
            return;
        }
        for (rank, (resource, divisor, unit)) in (2..).zip(RESOURCES) {
            let of = |object: &Option<Arc<Object>>| {
                object.as_deref().map_or([0; 3], |object| amounts(object, resource))
            };
            let (before, after) = (of(&change.before), of(&change.after));
            if before == after {
                continue;
            }
            let graph = self.graph(rank, None, resource, unit);
            let last = graph.samples.last().copied().unwrap_or_default();
            let moved = |place: usize| (after[place] - before[place]) / divisor;
            let (bound, waiting) = (moved(0), moved(1));
            graph.add(Sample {
                revision: change.revision,
                time: change.time,
                value: last.value + bound,
                all: Some(last.all.unwrap_or(0) + bound + waiting),
                bounds: (None, Some(last.bounds.1.unwrap_or(0) + moved(2))),
                ..Sample::default()
            });
        }
    }
}

impl Graph {
    fn add(&mut self, sample: Sample) {
        let same = |last: &Sample| Sample { revision: sample.revision, time: sample.time, ..*last } == sample;
        if !self.samples.last().is_some_and(same) {
            self.samples.push(sample);
        }
    }

    /// Whether another counts the same, in another run.
    pub fn is_of(&self, other: &Graph) -> bool {
        (&self.about, &self.name, self.unit) == (&other.about, &other.name, other.unit)
    }

    /// The same, with what there is to draw of a part of time.
    #[must_use]
    pub fn part(&self, from: SimTime, span: u64, columns: u64) -> Graph {
        let samples = self.thinned(from, span, columns);
        Graph {
            about: self.about.clone(),
            target: self.target.clone(),
            name: self.name.clone(),
            unit: self.unit,
            samples,
        }
    }

    /// In so many columns: what held when it began, and in each column the lowest and the last.
    fn thinned(&self, from: SimTime, span: u64, columns: u64) -> Vec<Sample> {
        let first = self.samples.partition_point(|sample| sample.time <= from).saturating_sub(1);
        let column = |sample: &Sample| {
            let micros = u128::from(sample.time.0.saturating_sub(from.0).min(span));
            (micros * u128::from(columns) / u128::from(span.max(1))) as u64
        };
        let mut drawn: Vec<Sample> = Vec::new();
        for group in self.samples[first..].chunk_by(|a, b| column(a) == column(b)) {
            let lowest = group.iter().min_by_key(|sample| sample.value);
            let last = group.last();
            drawn.extend(lowest.filter(|lowest| Some(*lowest) != last));
            drawn.extend(last);
        }
        drawn
    }
}

/// Whether nothing has changed of what is counted of a pod or node.
fn is_alike(before: Option<&Object>, after: Option<&Object>) -> bool {
    match (before, after) {
        (Some(Object::Pod(before)), Some(Object::Pod(after))) => {
            Arc::ptr_eq(&before.spec, &after.spec) && before.status.phase == after.status.phase
        }
        (Some(Object::Node(before)), Some(Object::Node(after))) => {
            before.status.allocatable == after.status.allocatable
        }
        _ => false,
    }
}

/// In thousandths: what a pod on a node asks for, what one without asks for, what a node has.
fn amounts(object: &Object, resource: &str) -> [i64; 3] {
    match object {
        Object::Pod(pod) => {
            let is_over = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
            let asked = if is_over { 0 } else { pod_request_milli(&pod.spec, resource) };
            if pod.spec.node_name.is_some() { [asked, 0, 0] } else { [0, asked, 0] }
        }
        Object::Node(node) => {
            let mut known = node.status.allocatable.iter().flatten();
            [0, 0, known.find(|(name, _)| *name == resource).map_or(0, |(_, amount)| quantity::milli(amount))]
        }
        _ => [0; 3],
    }
}

/// The name of a metric, and what is wanted of it.
fn aim(metric: &MetricSpec) -> Option<(String, &MetricTarget)> {
    if let Some(source) = &metric.resource {
        Some((source.name.clone(), &source.target))
    } else if let Some(source) = &metric.container_resource {
        Some((format!("{} ({})", source.name, source.container), &source.target))
    } else if let Some(source) = &metric.pods {
        Some((source.metric.name.clone(), &source.target))
    } else if let Some(source) = &metric.object {
        Some((source.metric.name.clone(), &source.target))
    } else {
        metric.external.as_ref().map(|source| (source.metric.name.clone(), &source.target))
    }
}

/// What was measured.
fn value(status: &MetricStatus) -> Option<&MetricValueStatus> {
    let resource = status.resource.as_ref().map(|source| &source.current);
    let container = || status.container_resource.as_ref().map(|source| &source.current);
    let pods = || status.pods.as_ref().map(|source| &source.current);
    let object = || status.object.as_ref().map(|source| &source.current);
    let external = || status.external.as_ref().map(|source| &source.current);
    resource.or_else(container).or_else(pods).or_else(object).or_else(external)
}

/// The two in one unit.
fn against(value: &MetricValueStatus, aim: &MetricTarget) -> Option<(i64, i64, Unit)> {
    if let Some(share) = aim.average_utilization {
        return Some((value.average_utilization?.into(), share.into(), Unit::Percent));
    }
    let (measured, wanted) = match &aim.average_value {
        Some(wanted) => (value.average_value.as_ref()?, wanted),
        None => (value.value.as_ref()?, aim.value.as_ref()?),
    };
    Some((quantity::milli(measured), quantity::milli(wanted), Unit::Milli))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Recording};

    fn command(run: &mut Recording, line: &str, stdin: Option<&str>) {
        let input =
            Input::Kubectl { line: line.into(), stdin: stdin.map(Into::into), files: Default::default() };
        let outcome = run.submit(input);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }

    fn read(run: &Recording) -> Graphs {
        let mut graphs = Graphs::default();
        graphs.follow(run.live().api().store(), run.view().revision(), usize::MAX);
        graphs
    }

    fn named<'a>(graphs: &'a Graphs, kind: Option<Kind>, name: &str) -> &'a Graph {
        let is_it = |graph: &&Graph| graph.about.as_ref().map(|key| key.kind) == kind && graph.name == name;
        graphs.iter().find(is_it).expect("the graph")
    }

    #[test]
    fn a_workload_goes_between_its_bounds_and_pods_ask_for_what_nodes_have() {
        let mut run = Recording::new(Config::small(7));
        command(&mut run, "create deployment web --image=web:1 --replicas=4", None);
        command(&mut run, "set resources deploy web --requests=cpu=1500m,memory=1Gi", None);
        command(&mut run, "scale deploy web --replicas=10", None);
        run.advance(SimTime::from_secs(60), u64::MAX);
        let graphs = read(&run);
        let web = named(&graphs, Some(Kind::DEPLOYMENT), "");
        let last = web.samples.last().expect("a sample");
        assert_eq!((last.value, last.all, last.wanted), (6, Some(10), Some(10)), "two fit on each node");
        assert_eq!(last.bounds, (Some(8), Some(13)));
        let cpu = named(&graphs, None, "cpu").samples.last().expect("a sample");
        assert_eq!((cpu.value, cpu.all, cpu.bounds.1), (9_000, Some(15_000), Some(12_000)));
        let memory = named(&graphs, None, "memory").samples.last().expect("a sample");
        assert_eq!((memory.value, memory.all), (6 << 30, Some(10 << 30)));

        let whole = graphs;
        run.seek(SimTime(500_000));
        let mut back = whole.clone();
        while !back.follow(run.live().api().store(), run.view().revision(), 100) {}
        assert!(back.iter().zip(read(&run).iter()).all(|(back, anew)| back == anew));
        run.seek(run.end());
        while !back.follow(run.live().api().store(), run.view().revision(), 100) {}
        assert!(back.iter().zip(whole.iter()).all(|(back, whole)| back == whole));
    }

    #[test]
    fn an_autoscaler_keeps_its_metric_near_the_target_and_is_held_before_it_scales_down() {
        let mut run = Recording::new(Config::small(7));
        command(&mut run, "create deployment web --image=web:1", None);
        command(&mut run, "set resources deploy web --requests=cpu=200m", None);
        command(&mut run, "expose deploy web --port=80", None);
        command(&mut run, "autoscale deploy web --min=1 --max=5 --cpu=50%", None);
        run.advance(SimTime::from_secs(30), u64::MAX);
        command(&mut run, "load svc/web --rate 200", None);
        run.advance(SimTime::from_secs(150), u64::MAX);
        command(&mut run, "load svc/web --rate 0", None);
        run.advance(SimTime::from_secs(240), u64::MAX);
        let graphs = read(&run);
        let cpu = named(&graphs, Some(Kind::HORIZONTAL_POD_AUTOSCALER), "cpu");
        assert_eq!(
            (cpu.unit, cpu.target.clone()),
            (Unit::Percent, Some(Key::new(Kind::DEPLOYMENT, "default", "web")))
        );
        assert!(
            cpu.samples
                .iter()
                .all(|sample| sample.wanted == Some(50) && sample.bounds == (Some(45), Some(55)))
        );
        assert!(cpu.samples.iter().any(|sample| sample.value > 55), "{cpu:?}");
        assert!(cpu.samples.last().is_some_and(|last| last.held && last.value < 45), "{cpu:?}");
    }

    #[test]
    fn of_many_samples_each_column_keeps_the_lowest_and_the_last() {
        let sample = |secs: u64, value: i64| Sample {
            revision: secs,
            time: SimTime::from_secs(secs),
            value,
            ..Sample::default()
        };
        let samples = (0..1_000).map(|at| sample(at, if at == 437 { 0 } else { 3 })).collect();
        let graph = Graph { about: None, target: None, name: String::new(), unit: Unit::Pods, samples };
        let drawn = graph.thinned(SimTime::from_secs(400), 100_000_000, 10);
        let secs: Vec<u64> = drawn.iter().map(|sample| sample.revision).collect();
        assert!(secs.contains(&437) && secs.len() <= 22, "{secs:?}");
        assert_eq!((secs.first(), secs.last()), (Some(&400), Some(&999)));
        assert!(graph.thinned(SimTime::from_secs(5_000), 10, 10).len() == 1, "what holds is drawn");
    }
}
