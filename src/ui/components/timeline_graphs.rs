//! Figures over the timeline's time, each with the rule that it is held against.

use kubeviz::clock::SimTime;
use kubeviz::view::graphs::{Graph, Sample, Unit};
use yew::prelude::*;

use super::rollout_runs;
use super::timeline_view::Lanes;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

/// The drawing's own units.
const WIDTH: u64 = 1_000;
const HEIGHT: i64 = 100;

/// A graph, and how the same figure went in another run.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphRow {
    pub graph: Graph,
    pub against: Option<(usize, Vec<Sample>)>,
}

/// The part of time that is drawn, up to where there is anything, and what the height stands for.
struct Scale {
    from: u64,
    span: u64,
    top: i64,
}

impl Scale {
    fn x(&self, time: SimTime) -> u64 {
        let micros = time.0.saturating_sub(self.from).min(self.span);
        (u128::from(micros) * u128::from(WIDTH) / u128::from(self.span.max(1))) as u64
    }

    fn y(&self, amount: i64) -> i64 {
        HEIGHT - (i128::from(amount.clamp(0, self.top)) * i128::from(HEIGHT) / i128::from(self.top)) as i64
    }

    /// A figure as a line of steps up to a time. Where it has none, the line has a gap.
    fn steps(&self, samples: &[Sample], until: SimTime, read: impl Fn(&Sample) -> Option<i64>) -> String {
        let (mut path, mut drawn) = (String::new(), false);
        for (at, sample) in samples.iter().enumerate() {
            let (x, end) = (self.x(sample.time), samples.get(at + 1).map_or(until, |next| next.time));
            if let Some(amount) = read(sample) {
                let y = self.y(amount);
                path += &if drawn { format!("V{y}") } else { format!("M{x} {y}") };
                path += &format!("H{}", self.x(end));
            }
            drawn = read(sample).is_some();
        }
        path
    }

    /// The stretches in which the autoscaler was held.
    fn held(&self, samples: &[Sample], until: SimTime) -> String {
        let mut path = String::new();
        for (at, sample) in samples.iter().enumerate().filter(|(_, sample)| sample.held) {
            let end = samples.get(at + 1).map_or(until, |next| next.time);
            path += &format!("M{} 0H{}V{HEIGHT}H{0}Z", self.x(sample.time), self.x(end));
        }
        path
    }
}

/// See the module. Nothing while nothing is known.
pub fn graphs(lanes: &Lanes, seek: &Callback<MouseEvent>, lang: Lang, on: &Callback<Action>) -> Html {
    if lanes.graphs.is_empty() {
        return html! {};
    }
    let held = lanes.graphs.iter().any(|row| row.graph.samples.iter().any(|sample| sample.held));
    html! {
        <details class="timeline-graphs" data-testid="timeline-graphs" open=true>
            <summary>{ tr!(lang, "graph.title") }</summary>
            if !lanes.others.is_empty() { { rollout_runs::choice(&lanes.others, lanes.against, lang, on) } }
            <ul role="list">{ for lanes.graphs.iter().map(|row| figure(row, lanes, seek, lang, on)) }</ul>
            if lanes.more > 0 { <p class="hint">{ tr!(lang, "graph.more", count = lanes.more) }</p> }
            <p class="plot-keys" aria-hidden="true">
                <span class="key key-available">{ tr!(lang, "graph.value") }</span>
                <span class="key key-current">{ tr!(lang, "graph.all") }</span>
                <span class="key">{ tr!(lang, "graph.wanted") }</span>
                <span class="key key-rule">{ tr!(lang, "graph.rule") }</span>
                if held { <span class="key key-held">{ tr!(lang, "graph.held") }</span> }
                if let Some(run) = lanes.against { <span class="key key-other">{ tr!(lang, "runs.name", run = format::run(run)) }</span> }
            </p>
        </details>
    }
}

fn figure(
    row: &GraphRow,
    lanes: &Lanes,
    seek: &Callback<MouseEvent>,
    lang: Lang,
    on: &Callback<Action>,
) -> Html {
    let GraphRow { graph, against } = row;
    let Some(last) = graph.samples.last() else { return html! {} };
    let others = against.iter().flat_map(|(_, samples)| samples);
    let amounts = |sample: &Sample| {
        [Some(sample.value), sample.all, sample.wanted, sample.bounds.0, sample.bounds.1]
            .into_iter()
            .flatten()
            .max()
    };
    let top = graph.samples.iter().chain(others).filter_map(amounts).max().unwrap_or(1).max(1);
    let scale = Scale { from: lanes.from, span: lanes.span, top };
    let line = |read: fn(&Sample) -> Option<i64>| scale.steps(&graph.samples, lanes.now, read);
    let area = format!(
        "M{} {HEIGHT}L{}V{HEIGHT}Z",
        scale.x(graph.samples[0].time),
        &line(|sample| Some(sample.value))[1..]
    );
    let (said, now) = (told(graph, last, lang), scale.x(lanes.now));
    html! {
        <li class="timeline-lane timeline-graph" data-graph={id(graph)}>
            { label(graph, &said, lang, on) }
            <div class="timeline-track" onclick={seek.clone()}>
                <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={said}>
                    <path class="plot-held" d={scale.held(&graph.samples, lanes.now)} />
                    <path class="plot-available" d={area} />
                    <path class="plot-rule" d={line(|sample| sample.bounds.0)} /><path class="plot-rule" d={line(|sample| sample.bounds.1)} />
                    <path class="plot-wanted" d={line(|sample| sample.wanted)} />
                    <path class="plot-current" d={line(|sample| sample.all)} />
                    if let Some((_, other)) = against {
                        <path class="plot-other" d={scale.steps(other, SimTime(lanes.from + lanes.span), |sample| Some(sample.value))} />
                    }
                </svg>
                <span class="timeline-top" aria-hidden="true">{ amount(top, graph.unit) }</span>
                <span class="timeline-now" style={format!("left:{}.{}%", now / 10, now % 10)}></span>
            </div>
        </li>
    }
}

/// What names a graph, and where it stands.
fn label(graph: &Graph, said: &AttrValue, lang: Lang, on: &Callback<Action>) -> Html {
    let name = match &graph.about {
        Some(key) => {
            html! { <>{ key.name.to_string() }{ " " }<span class="kind">{ key.kind.name() }</span></> }
        }
        None => html! { { tr!(lang, "graph.nodes") } },
    };
    let now = html! { <span class="graph-now">{ graph.name.clone() }{ " " }{ standing(graph) }</span> };
    let lines = html! { <span class="graph-name">{ name }{ now }</span> };
    match graph.about.clone() {
        Some(key) => {
            let on = on.clone();
            let select = move |_: MouseEvent| on.emit(Action::Select(Some(key.clone())));
            html! { <button type="button" class="timeline-name" onclick={select} aria-label={said.clone()}>{ lines }</button> }
        }
        None => html! { <span class="timeline-name">{ lines }</span> },
    }
}

fn id(graph: &Graph) -> String {
    let about =
        graph.about.as_ref().map_or("nodes".to_string(), |key| format!("{}/{}", key.kind.name(), key.name));
    if graph.name.is_empty() { about } else { format!("{about} {}", graph.name) }
}

fn amount(amount: i64, unit: Unit) -> String {
    match unit {
        Unit::Pods => amount.to_string(),
        Unit::Percent => format!("{amount}%"),
        Unit::Milli => format::cpus(amount),
        Unit::Bytes => format::bytes(amount),
    }
}

/// The figure against what it should be.
fn standing(graph: &Graph) -> String {
    let last = graph.samples.last().copied().unwrap_or_default();
    let of = last.wanted.or(last.bounds.1).unwrap_or(last.value);
    format!("{} / {}", amount(last.value, graph.unit), amount(of, graph.unit))
}

/// The same in a sentence.
fn told(graph: &Graph, last: &Sample, lang: Lang) -> AttrValue {
    let shown = |found: Option<i64>| found.map_or("-".to_string(), |found| amount(found, graph.unit));
    let (value, all, wanted) = (shown(Some(last.value)), shown(last.all), shown(last.wanted));
    let (low, high) = (shown(last.bounds.0), shown(last.bounds.1));
    let name = graph.about.as_ref().map_or(String::new(), |key| format!("{} {}", key.kind.name(), key.name));
    match (graph.unit, &graph.about, last.bounds) {
        (Unit::Pods, _, (Some(_), Some(_))) => {
            tr!(
                lang,
                "graph.pods_between",
                name = name,
                value = value,
                all = all,
                wanted = wanted,
                low = low,
                high = high
            )
        }
        (Unit::Pods, ..) => tr!(lang, "graph.pods", name = name, value = value, all = all, wanted = wanted),
        (_, Some(_), _) => {
            tr!(
                lang,
                "graph.metric",
                name = name,
                metric = graph.name,
                value = value,
                wanted = wanted,
                low = low,
                high = high
            )
        }
        (_, None, _) => {
            tr!(lang, "graph.requests", resource = graph.name, value = value, all = all, high = high)
        }
    }
}
