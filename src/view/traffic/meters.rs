//! The counters of loads and pods at a time of the run.

use serde::Serialize;

use super::Lane;
use super::races::{Race, races};
use crate::clock::SimTime;
use crate::network::report::{Lost, lost};
use crate::network::tally::{Fates, Latencies};
use crate::network::{Load, Network, Target};

/// Seconds of a load's past in [`LoadMeter::series`].
const SERIES_SECS: u64 = 60;
/// Quantiles are those of so many seconds.
const RECENT_SECS: u64 = 10;

/// Counters at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meters {
    /// One for every load, in the order in which they were started.
    pub loads: Vec<LoadMeter>,
    /// One for every pod that has had requests.
    pub pods: Vec<PodMeter>,
    /// The pods on their way out, while requests are sent.
    pub races: Vec<Race>,
}

impl Meters {
    /// The counters of all endpoints, for a Service: without what was sent to them by way of another.
    pub fn endpoints<'a>(&'a self, lane: &Lane) -> impl Iterator<Item = &'a EndpointMeter> + use<'a> {
        let own = format!("{}/{}", lane.namespace, lane.name);
        let loads = self.loads.iter().filter(move |load| load.service.as_ref().is_none_or(|of| *of == own));
        loads.flat_map(|load| &load.endpoints)
    }
}

/// The counters of a load.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadMeter {
    /// Its name.
    pub name: String,
    /// What it is sent to; empty for the commands of a pod.
    pub target: String,
    /// The Service that it asks for by name, as `namespace/name`; none where it asks for anything else.
    pub service: Option<String>,
    /// Who sends it: `outside`, `pod/web-0`, `app=front`; empty where it is not said.
    pub from: String,
    /// Requests per second, while it is on.
    pub rate: u32,
    /// Whether it is on.
    pub on: bool,
    /// Requests sent.
    pub sent: u64,
    /// Answered.
    pub answered: u64,
    /// Lost, by cause.
    pub lost: Vec<Lost>,
    /// Lost, in all.
    pub lost_count: u64,
    /// Sent, and not known yet.
    pub under_way: u64,
    /// How long half of the latest answers took at the most, in microseconds,
    pub p50_us: Option<u64>,
    /// 95 of 100,
    pub p95_us: Option<u64>,
    /// 99 of 100.
    pub p99_us: Option<u64>,
    /// What the user would put up with, in microseconds, if he said so.
    pub budget_us: Option<u64>,
    /// The last minute, second by second, oldest first.
    pub series: Vec<SecondMeter>,
    /// By endpoint, `address:port`: the uid and name of the pod, answered, lost. As of the end of the run.
    pub endpoints: Vec<EndpointMeter>,
}

/// One second of a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondMeter {
    /// Which second.
    pub at: u64,
    /// Requests sent in it.
    pub sent: u64,
    /// Answers that came in it.
    pub answered: u64,
    /// Losses that were known in it, by cause.
    pub lost: Vec<Lost>,
    /// 95 of 100 of its answers took no longer, in microseconds.
    pub p95_us: Option<u64>,
}

/// The counters of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointMeter {
    /// `address:port`.
    pub address: String,
    /// The pod's uid.
    pub pod: Option<String>,
    /// Its name.
    pub pod_name: Option<String>,
    /// Answered.
    pub answered: u64,
    /// Lost there.
    pub lost: u64,
}

/// What a pod is at, at the end of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodMeter {
    /// The pod's uid.
    pub pod: String,
    /// The CPU that requests cost it, in thousandths.
    pub cpu: i64,
    /// Requests that it has taken and not answered, roughly.
    pub backlog: u64,
}

/// The counters at a time of the run.
pub fn meters(network: &Network, at: SimTime) -> Meters {
    let loads = network.loads().filter(|load| load.started <= at).map(|load| load_meter(load, at)).collect();
    let mut pods = Vec::new();
    for server in network.servers() {
        let cpu: Vec<i64> = server.processes.iter().filter_map(|process| process.cpu()).collect();
        if !cpu.is_empty() {
            let backlog = server.processes.iter().map(|process| process.backlog(at)).sum();
            pods.push(PodMeter { pod: server.uid.to_string(), cpu: cpu.iter().sum(), backlog });
        }
    }
    Meters { loads, pods, races: races(network, at) }
}

fn load_meter(load: &Load, at: SimTime) -> LoadMeter {
    let second = at.0 / 1_000_000;
    let tally = &load.tally;
    // What came later than the time looked at has not happened yet.
    let (mut sent, mut later) = (tally.sent, Fates::default());
    for one in tally.seconds().iter().rev().take_while(|one| one.at > second) {
        sent -= one.sent;
        later.merge(&one.fates);
    }
    let fates = tally.fates.without(&later);
    let past = || tally.seconds().iter().filter(|one| one.at <= second);
    let mut recent = Latencies::default();
    past().filter(|one| one.at + RECENT_SECS > second).for_each(|one| recent.merge(&one.latencies));
    let quantile = |per_thousand| recent.quantile(per_thousand).map(|span| span.0);
    let series = past().filter(|one| one.at + SERIES_SECS > second).map(|one| SecondMeter {
        at: one.at,
        sent: one.sent,
        answered: one.fates.answered(),
        lost: lost(&one.fates),
        p95_us: one.latencies.quantile(950).map(|span| span.0),
    });
    let endpoints = tally.endpoints().iter().map(|(address, counts)| EndpointMeter {
        address: address.to_string(),
        pod: counts.pod.as_deref().map(str::to_string),
        pod_name: counts.pod_name.as_deref().map(str::to_string),
        answered: counts.fates.answered(),
        lost: counts.fates.lost(),
    });
    LoadMeter {
        name: load.name.to_string(),
        target: if load.of_commands { String::new() } else { load.spec.target.to_string() },
        service: match &load.spec.target {
            Target::Service { namespace, name, .. } if !load.of_commands => {
                Some(format!("{}/{name}", namespace.as_ref().unwrap_or(&load.spec.namespace)))
            }
            _ => None,
        },
        from: load.spec.from.to_string(),
        rate: load.spec.rate,
        on: load.is_on(at),
        sent,
        answered: fates.answered(),
        lost: lost(&fates),
        lost_count: fates.lost(),
        under_way: sent.saturating_sub(fates.total()),
        p50_us: quantile(500),
        p95_us: quantile(950),
        p99_us: quantile(990),
        budget_us: (load.spec.budget_ms > 0).then(|| u64::from(load.spec.budget_ms) * 1_000),
        series: series.collect(),
        endpoints: endpoints.collect(),
    }
}
