//! The race at a pod's end: who still sends to it, and how long it answers.

use std::sync::Arc;

use serde::Serialize;
use sorted::SortedMap;

use crate::api::sorting;
use crate::clock::{SimDuration, SimTime};
use crate::network::Network;
use crate::network::endings::Ending;
use crate::network::proxy::FOLLOWS_MAX;

/// A race is shown for so long after the pod is gone.
const KEPT: SimDuration = SimDuration::from_secs(30);
/// At most so many of one Service, the latest.
const RACES_MAX: usize = 4;

/// The end of a pod behind a Service, on two tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Race {
    /// The Service's namespace
    pub namespace: String,
    /// and name.
    pub service: String,
    /// The pod's uid
    pub pod: String,
    /// and name.
    pub pod_name: String,
    /// Whether a preStop hook keeps SIGTERM back.
    pub pre_stop: bool,
    /// When it was marked as being deleted: both tracks begin here.
    pub deleted: SimTime,
    /// When its endpoint was no longer ready.
    pub left: SimTime,
    /// When the rules of all nodes followed, at the latest.
    pub followed: SimTime,
    /// From when on it takes no connections, as far as that is known.
    pub closes: Option<SimTime>,
    /// When its object was removed.
    pub gone: Option<SimTime>,
    /// Where the picture ends.
    pub end: SimTime,
    /// Requests lost on it.
    pub lost: u64,
}

impl Race {
    /// The time in which it is sent connections that it does not take.
    pub fn gap(&self) -> Option<(SimTime, SimTime)> {
        let closes = self.closes?;
        (closes < self.followed).then_some((closes, self.followed))
    }
}

/// The races at a time of the run, in the order in which they began; one for every Service that a pod was behind.
pub fn races(network: &Network, at: SimTime) -> Vec<Race> {
    let shown = |ending: &&Ending| ending.deleted <= at && ending.gone.is_none_or(|gone| at < gone + KEPT);
    let mut found: Vec<Race> = network.endings().filter(shown).flat_map(|ending| of(ending, at)).collect();
    sorting::sort_by(&mut found, |a, b| (b.deleted, &b.pod_name).cmp(&(a.deleted, &a.pod_name)));
    let mut counts: SortedMap<(String, String), usize> = SortedMap::new();
    found.retain(|race| {
        let count = counts.entry((race.namespace.clone(), race.service.clone())).or_default();
        *count += 1;
        *count <= RACES_MAX
    });
    found.reverse();
    for counts in network.loads().flat_map(|load| load.tally.endpoints().values()) {
        for race in found.iter_mut().filter(|race| counts.pod.as_deref() == Some(&race.pod)) {
            race.lost += counts.fates.lost();
        }
    }
    found
}

fn of(ending: &Ending, at: SimTime) -> Vec<Race> {
    let race = |(service, left): &(Arc<str>, SimTime)| {
        let followed = *left + FOLLOWS_MAX;
        Race {
            namespace: ending.namespace.to_string(),
            service: service.to_string(),
            pod: ending.uid.to_string(),
            pod_name: ending.name.to_string(),
            pre_stop: ending.pre_stop,
            deleted: ending.deleted,
            left: *left,
            followed,
            closes: ending.closes,
            gone: ending.gone,
            end: followed.max(ending.gone.or(ending.closes).unwrap_or(at)),
            lost: 0,
        }
    };
    ending.left.iter().map(race).collect()
}
