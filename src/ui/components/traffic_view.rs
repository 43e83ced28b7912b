//! Where requests go: loads with the fate of what they sent, and for each Service its selector as a sieve and its endpoints as
//! valves.

use std::sync::Arc;

use kubeviz::clock::SimTime;
use kubeviz::view::filter::Meant;
use kubeviz::view::traffic::{Dot, Lane, Leg, LoadMeter, Meters, Sample, Sieved, Valve};
use yew::prelude::*;

use super::Icon;
use super::pod_card::is_other;
use super::traffic_dots::{self, Drawing};
use super::{traffic_members, traffic_races};
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// More rows than this are counted, not shown.
const ROWS: usize = 24;
/// Requests per second of the load that a button starts.
const OFFERED_RATE: u32 = 20;
/// Width of one second in a load's chart, and the chart's height, in its own units.
const SECOND: u64 = 4;
const HEIGHT: u64 = 32;

/// What the view shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// The Services.
    pub lanes: Shared<Vec<Lane>>,
    /// The loads.
    pub meters: Shared<Meters>,
    /// The requests that are drawn.
    pub dots: Shared<Vec<Dot>>,
    /// The time that is looked at.
    pub now: SimTime,
    /// Whether time stands still.
    pub still: bool,
    /// The request that is asked about.
    pub asked: Option<Arc<Sample>>,
}

#[derive(Properties, PartialEq)]
pub struct TrafficViewProps {
    pub traffic: Traffic,
    /// What is looked for; nothing if all is.
    pub meant: Option<Shared<Meant>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn TrafficView(props: &TrafficViewProps) -> Html {
    let TrafficViewProps { traffic, meant, lang, on } = props;
    let (lang, lanes) = (*lang, &traffic.lanes);
    let drawing = Drawing {
        still: traffic.still,
        asked: traffic.asked.clone(),
        meant: meant.clone(),
        lang,
        on: on.clone(),
    };
    html! {
        <div class="traffic" data-testid="traffic">
            <section class="loads" aria-label={tr!(lang, "traffic.loads")}>
                <h2>{ tr!(lang, "traffic.loads") }</h2>
                if traffic.meters.loads.is_empty() { <p class="empty">{ tr!(lang, "traffic.no_loads") }</p> }
                { for traffic.meters.loads.iter().map(|load| meter(load, traffic, &drawing)) }
            </section>
            if lanes.is_empty() { <p class="empty">{ tr!(lang, "traffic.no_services") }</p> }
            { for lanes.iter().map(|lane| service(lane, traffic, &drawing)) }
        </div>
    }
}

/// A button that is the console line it runs.
fn runs(line: String, label: AttrValue, on: &Callback<Action>) -> Html {
    let (on, title) = (on.clone(), line.clone());
    html! { <button type="button" class="button" {title} onclick={move |_| on.emit(Action::Run(line.clone()))}>{ label }</button> }
}

fn meter(load: &LoadMeter, traffic: &Traffic, drawing: &Drawing) -> Html {
    let (lang, on) = (drawing.lang, &drawing.on);
    let dots = traffic.dots.iter().filter(|dot| dot.leg == Leg::In && *dot.sample.load == *load.name);
    let asked = traffic.asked.as_ref().filter(|asked| *asked.load == *load.name);
    let quantile = |name: &'static str, micros: Option<u64>| {
        micros.map(|micros| html! { <span><span class="of">{ name }</span>{ format!(" {}", format::micros(micros)) }</span> })
    };
    let lost = load.lost.iter().map(|lost| {
        html! { <li class="fate"><Icon name="fail" /><b>{ lost.count }</b><span lang="en">{ lost.seen }</span></li> }
    });
    let from = if load.from.is_empty() { String::new() } else { format!("{} → ", load.from) };
    html! {
        <article class="load" key={load.name.clone()} data-load={load.name.clone()} data-on={load.on.to_string()}>
            <header class="load-head">
                <h3>{ load.name.clone() }</h3>
                <code>{ format!("{from}{}", load.target) }</code>
                if load.on { <span class="of">{ tr!(lang, "traffic.rate", rate = load.rate) }</span> } else { <span class="of">{ tr!(lang, "traffic.ended") }</span> }
                if load.on { { runs(format!("load stop {}", load.name), tr!(lang, "traffic.stop"), on) } }
            </header>
            <div class="route">
                { traffic_dots::stations(&traffic.dots, &load.name, lang) }
                { traffic_dots::track(dots, drawing) }
            </div>
            if let Some(asked) = asked { { traffic_dots::answer(asked, lang, on) } }
            { chart(load, lang) }
            <p class="load-counts">
                <span>{ tr!(lang, "traffic.sent", count = load.sent) }</span>
                <span>{ tr!(lang, "traffic.answered", count = load.answered) }</span>
                <span class={classes!((load.lost_count > 0).then_some("counts-failed"))}>{ tr!(lang, "traffic.lost", count = load.lost_count) }</span>
                { quantile("p50", load.p50_us) }{ quantile("p95", load.p95_us) }{ quantile("p99", load.p99_us) }
            </p>
            if !load.lost.is_empty() { <ul class="fates" role="list" aria-label={tr!(lang, "traffic.causes")}>{ for lost }</ul> }
        </article>
    }
}

/// The last minute: a bar a second, what was answered below and what was lost above it.
fn chart(load: &LoadMeter, lang: Lang) -> Html {
    let lost_in =
        |second: &kubeviz::view::traffic::SecondMeter| second.lost.iter().map(|lost| lost.count).sum::<u64>();
    let top = load.series.iter().map(|second| second.answered + lost_in(second)).max().unwrap_or(0).max(1);
    let (mut answered, mut lost) = (String::new(), String::new());
    for (at, second) in load.series.iter().enumerate() {
        let x = at as u64 * SECOND;
        let below = second.answered * HEIGHT / top;
        // A single lost request is seen, however many were answered.
        let above = (lost_in(second) * HEIGHT).div_ceil(top);
        let bar = |path: &mut String, y: u64, height: u64| {
            if height > 0 {
                path.push_str(&format!("M{x} {y}h{w}v-{height}h-{w}z", w = SECOND - 1));
            }
        };
        bar(&mut answered, HEIGHT, below);
        bar(&mut lost, (HEIGHT - below).max(above), above);
    }
    let said = tr!(lang, "traffic.chart", answered = load.answered, lost = load.lost_count);
    let view_box = format!("0 0 {} {HEIGHT}", 60 * SECOND);
    html! {
        <svg class="chart" viewBox={view_box} preserveAspectRatio="none" role="img" aria-label={said}>
            <path class="chart-answered" d={answered} /><path class="chart-lost" d={lost} />
        </svg>
    }
}

fn service(lane: &Lane, traffic: &Traffic, drawing: &Drawing) -> Html {
    let (lang, on) = (drawing.lang, &drawing.on);
    let ports = lane.ports.iter().map(|port| match port.node_port {
        Some(node_port) => format!("{} → {} (:{node_port})", port.port, port.target),
        None => format!("{} → {}", port.port, port.target),
    });
    let ports: Vec<String> = ports.collect();
    let address = lane
        .alias
        .clone()
        .or_else(|| lane.address.clone())
        .unwrap_or_else(|| tr!(lang, "traffic.headless").to_string());
    let offered = format!("load svc/{} -n {} --rate {OFFERED_RATE}", lane.name, lane.namespace);
    let can_be_asked = lane.alias.is_none() && !lane.ports.is_empty();
    let rules = lane.rules.iter().map(|rule| {
        html! { <li class="pill">{ format!("{} {}{}", rule.ingress, rule.host, rule.path) }</li> }
    });
    html! {
        <section class="service" key={format!("{}/{}", lane.namespace, lane.name)} data-service={lane.name.clone()} aria-label={format!("Service {}", lane.name)}>
            <header class="load-head">
                <h2><span class="kind">{ "Service" }</span>{ lane.name.clone() }</h2>
                <span class="of">{ lane.type_.clone() }</span>
                <code>{ address }</code>
                <code>{ ports.join(", ") }</code>
                if let Some(external) = &lane.external { <code>{ external.clone() }</code> }
                if can_be_asked { { runs(offered, tr!(lang, "traffic.send", rate = OFFERED_RATE), on) } }
            </header>
            if !lane.rules.is_empty() { <ul class="pills" role="list" aria-label="Ingress">{ for rules }</ul> }
            <div class="service-parts">
                { sieve(lane, drawing) }
                { endpoints(lane, traffic, drawing) }
            </div>
            { traffic_members::members(lane, &traffic.meters, lang, on) }
            { traffic_races::races(lane, &traffic.meters, traffic.now, lang) }
        </section>
    }
}

/// The selector, and which pods it lets through.
fn sieve(lane: &Lane, drawing: &Drawing) -> Html {
    let lang = drawing.lang;
    let row = |pod: &Sieved| {
        let key = |((name, wanted), (has, right)): (&(String, String), &(Option<String>, bool))| {
            let has = has.clone().unwrap_or_else(|| "–".into());
            html! { <span class="pill" data-right={right.to_string()}>{ if *right { format!("{name}={wanted}") } else { format!("{name}={has} ≠ {wanted}") } }</span> }
        };
        html! {
            <li class="flow-row" key={pod.uid.clone()} data-off={is_other(&drawing.meant, &pod.uid).then_some("")} data-open={pod.passes.to_string()}>
                <Icon name={if pod.passes { "ready" } else { "gone" }} />
                <span class="flow-name">{ pod.name.clone() }</span><span class="of">{ pod.status.clone() }</span>
                if !pod.passes { { for lane.selector.iter().zip(&pod.keys).map(key) } }
            </li>
        }
    };
    let selector: Vec<String> = lane.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    html! {
        <div class="flow">
            <h3>{ tr!(lang, "traffic.selector") }</h3>
            if selector.is_empty() { <p class="empty">{ tr!(lang, "traffic.no_selector") }</p> } else { <p><code>{ selector.join(", ") }</code></p> }
            <ul role="list">{ for lane.sieve.iter().take(ROWS).map(row) }</ul>
            { more(lane.sieve.len()) }
        </div>
    }
}

/// The endpoints: who takes new connections, and what came of those they took.
fn endpoints(lane: &Lane, traffic: &Traffic, drawing: &Drawing) -> Html {
    let (meters, lang) = (&traffic.meters, drawing.lang);
    let own = format!("{}/{}", lane.namespace, lane.name);
    let asked = |dot: &&Dot| dot.leg == Leg::Out && dot.service().is_none_or(|service| service == own);
    let dots: Vec<&Dot> = traffic.dots.iter().filter(asked).collect();
    let row = |valve: &Valve| {
        let (icon, state) = match valve {
            Valve { ready: true, .. } => ("ready", tr!(lang, "traffic.open")),
            Valve { terminating: true, .. } => ("gone", tr!(lang, "traffic.terminating")),
            _ => ("progress", tr!(lang, "traffic.shut")),
        };
        let counts = meters.endpoints(lane).filter(|one| valve.pod.is_some() && one.pod == valve.pod);
        let off = valve.pod.as_ref().is_some_and(|uid| is_other(&drawing.meant, uid));
        let (answered, lost) = counts.fold((0, 0), |sums, one| (sums.0 + one.answered, sums.1 + one.lost));
        html! {
            <li class="flow-row" key={valve.address.clone()} data-off={off.then_some("")} data-open={valve.ready.to_string()}>
                { traffic_dots::track(dots.iter().copied().filter(|dot| leads_to(dot, valve)), drawing) }
                <Icon name={icon} />
                <span class="flow-name">{ valve.pod_name.clone().unwrap_or_else(|| valve.address.clone()) }</span>
                <span class={if valve.ready { "unseen" } else { "of" }}>{ state }</span>
                <span class="flow-count">{ answered }</span>
                if lost > 0 { <span class="flow-count counts-failed"><Icon name="fail" />{ lost }</span> }
            </li>
        }
    };
    html! {
        <div class="flow">
            <h3>{ tr!(lang, "traffic.endpoints") }</h3>
            if !lane.endpoints.is_empty() { <p class="of">{ choice(lane, lang) }</p> }
            if lane.endpoints.is_empty() { <p class="empty">{ tr!(lang, "traffic.no_endpoints") }</p> }
            <ul role="list">{ for lane.endpoints.iter().take(ROWS).map(row) }</ul>
            { more(lane.endpoints.len()) }
        </div>
    }
}

/// Who chooses among the endpoints, and how.
fn choice(lane: &Lane, lang: Lang) -> AttrValue {
    match (&lane.address, lane.affinity) {
        (None, _) => tr!(lang, "traffic.choice_client"),
        (_, Some(span)) => tr!(lang, "traffic.choice_sticky", span = format::span(span)),
        (_, None) => tr!(lang, "traffic.choice_random"),
    }
}

fn leads_to(dot: &Dot, valve: &Valve) -> bool {
    match &valve.pod {
        Some(pod) => dot.sample.pod.as_deref() == Some(pod.as_str()),
        None => dot.sample.endpoint.as_deref().is_some_and(|at| {
            at.strip_prefix(valve.address.as_str()).is_some_and(|port| port.starts_with(':'))
        }),
    }
}

fn more(rows: usize) -> Html {
    match rows.saturating_sub(ROWS) {
        0 => html! {},
        more => html! { <p class="empty">{ format!("+{more}") }</p> },
    }
}
