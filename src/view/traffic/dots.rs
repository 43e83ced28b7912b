//! The latest requests as dots to draw: where each is at a time. A request takes milliseconds; its dot takes the time that an
//! eye needs, so what is drawn comes a little after what has happened. The counters never do.

use std::sync::Arc;

use crate::clock::{SimDuration, SimTime};
use crate::network::Network;
use crate::network::wire::{Fate, Hop, Sample};

/// One request at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dot {
    /// The request.
    pub sample: Arc<Sample>,
    /// Which part of its way it is on,
    pub leg: Leg,
    /// and how far along that, in thousandths.
    pub along: u32,
    /// What became of it, once it has got as far as it gets and the client knows.
    pub fate: Option<Fate>,
}

/// A part of a request's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// From the client by all that it passes to the Service.
    In,
    /// From there to the endpoint that was chosen.
    Out,
}

impl Dot {
    /// The Service that was asked, `namespace/name`; none for one that asked a pod itself, or found no way to any.
    pub fn service(&self) -> Option<&str> {
        self.sample.via.iter().rev().find_map(|hop| match hop {
            Hop::Service(name) => Some(&**name),
            _ => None,
        })
    }
}

/// The requests to draw at a time, in order of their numbers, so that each keeps its place. Each takes `way` for its way at the
/// least, and half of that to be seen where it ends. Of more than `max` some are left out, the same ones in every frame; no
/// more answered ones than lost ones have to make room.
pub fn dots(network: &Network, at: SimTime, way: SimDuration, max: usize) -> Vec<Dot> {
    let shown = |sample: &&Arc<Sample>| sample.sent <= at && at <= gone(sample, way);
    let (lost, answered): (Vec<&Arc<Sample>>, Vec<_>) =
        network.samples().iter().filter(shown).partition(|sample| sample.fate != Fate::Answered);
    let for_lost = max.saturating_sub(answered.len()).max(max / 2);
    let lost = thinned(lost, for_lost);
    let mut found = thinned(answered, max - lost.len());
    found.extend(lost);
    crate::api::sorting::sort_by_key(&mut found, |sample| sample.id);
    found.into_iter().map(|sample| place(sample, at, way)).collect()
}

/// When a request is not drawn any more.
fn gone(sample: &Sample, way: SimDuration) -> SimTime {
    sample.done.max(sample.sent + way) + SimDuration(way.0 / 2)
}

/// At most so many: of more, a half, a quarter, an eighth, chosen by their numbers alone. Those of a smaller share are among
/// those of the larger, so that hardly any comes or goes while the rate changes. It is by a twelfth less than `max` that the
/// share is chosen: round rates then do not stand on the edge between two of them.
fn thinned(mut samples: Vec<&Arc<Sample>>, max: usize) -> Vec<&Arc<Sample>> {
    let scattered = |sample: &Arc<Sample>| sample.id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let share = samples.len().div_ceil((max * 11 / 12).max(1)).next_power_of_two();
    samples.retain(|sample| scattered(sample) & (share as u64 - 1) == 0);
    let surplus = samples.len().saturating_sub(max);
    samples.drain(..surplus);
    samples
}

fn place(sample: &Arc<Sample>, at: SimTime, way: SimDuration) -> Dot {
    let whole = (sample.reached.0.saturating_sub(sample.sent.0)).max(way.0).max(1);
    let passed = at.0.saturating_sub(sample.sent.0);
    let thousandths = (passed.saturating_mul(2_000) / whole).min(2_000) as u32;
    let (leg, along, ends) = match (sample.endpoint.is_some(), thousandths.checked_sub(1_000)) {
        (true, Some(rest)) => (Leg::Out, rest, rest == 1_000),
        (false, Some(_)) => (Leg::In, 1_000, true),
        (_, None) => (Leg::In, thousandths, false),
    };
    Dot { sample: sample.clone(), leg, along, fate: (ends && at >= sample.done).then_some(sample.fate) }
}
