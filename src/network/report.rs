//! What has come of a load, for people and for programs.

use serde::Serialize;

use super::load::Load;
use super::tally::Fates;
use crate::client::wire::Fate;
use crate::clock::SimDuration;

/// The counts of a load. Times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The load's name.
    pub name: String,
    /// What it is sent to.
    pub target: String,
    /// Requests sent.
    pub sent: u64,
    /// Answered by the application.
    pub answered: u64,
    /// Not known yet.
    pub under_way: u64,
    /// Lost, by cause.
    pub lost: Vec<Lost>,
    /// How long the faster half of the answers took at the most,
    pub p50_us: Option<u64>,
    /// 95 of 100,
    pub p95_us: Option<u64>,
    /// 99 of 100.
    pub p99_us: Option<u64>,
    /// By endpoint.
    pub endpoints: Vec<EndpointReport>,
}

/// Requests lost for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lost {
    /// Why.
    pub cause: Fate,
    /// What the client was told.
    pub seen: &'static str,
    /// How many.
    pub count: u64,
}

/// The requests of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    /// `address:port`.
    pub address: String,
    /// The pod behind it, if it is known.
    pub pod: Option<String>,
    /// Answered.
    pub answered: u64,
    /// Lost there.
    pub lost: u64,
}

/// The causes in some counts.
pub fn lost(fates: &Fates) -> Vec<Lost> {
    fates.causes().map(|(cause, count)| Lost { cause, seen: cause.title(), count }).collect()
}

impl Report {
    /// The counts as they are.
    pub fn of(load: &Load) -> Report {
        let tally = &load.tally;
        let quantile = |per_thousand| tally.latencies.quantile(per_thousand).map(|span| span.0);
        let endpoints = tally.endpoints().iter().map(|(address, counts)| EndpointReport {
            address: address.to_string(),
            pod: counts.pod_name.as_deref().map(str::to_string),
            answered: counts.fates.answered(),
            lost: counts.fates.lost(),
        });
        Report {
            name: load.name.to_string(),
            target: load.spec.target.to_string(),
            sent: tally.sent,
            answered: tally.fates.answered(),
            under_way: tally.under_way(),
            lost: lost(&tally.fates),
            p50_us: quantile(500),
            p95_us: quantile(950),
            p99_us: quantile(990),
            endpoints: endpoints.collect(),
        }
    }

    /// Requests lost, whatever the cause.
    pub fn lost_count(&self) -> u64 {
        self.lost.iter().map(|lost| lost.count).sum()
    }

    /// A few lines of text.
    pub fn render(&self) -> String {
        let mut text = format!(
            "{}: {} sent, {} answered, {} lost",
            self.target,
            self.sent,
            self.answered,
            self.lost_count()
        );
        if self.under_way > 0 {
            text.push_str(&format!(", {} under way", self.under_way));
        }
        if let (Some(p50), Some(p95), Some(p99)) = (self.p50_us, self.p95_us, self.p99_us) {
            text.push_str(&format!("; p50 {} p95 {} p99 {}", millis(p50), millis(p95), millis(p99)));
        }
        text.push('\n');
        for Lost { cause, seen, count } in &self.lost {
            text.push_str(&format!("  {count} {seen} ({})\n", cause.as_str()));
        }
        for EndpointReport { address, pod, answered, lost } in &self.endpoints {
            let pod = pod.as_deref().unwrap_or("?");
            let lost = if *lost > 0 { format!(", {lost} lost") } else { String::new() };
            text.push_str(&format!("  {address} {pod}: {answered} answered{lost}\n"));
        }
        text
    }
}

/// `1.5ms`.
fn millis(micros: u64) -> String {
    let span = SimDuration(micros);
    format!("{}.{}ms", span.as_millis(), micros / 100 % 10)
}
