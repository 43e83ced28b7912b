//! How long things take between components: the named table of delays, each drawn from its own range.

use crate::clock::SimDuration;
use crate::rng::Rng;

/// A range of delays, in microseconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The shortest.
    pub min_us: u32,
    /// The longest.
    pub max_us: u32,
}

impl Range {
    /// Between so many milliseconds.
    pub const fn millis(min: u32, max: u32) -> Range {
        Range { min_us: min * 1_000, max_us: max * 1_000 }
    }

    /// One delay out of the range.
    pub fn draw(self, rng: &mut Rng) -> SimDuration {
        let width = self.max_us.saturating_sub(self.min_us).saturating_add(1);
        SimDuration(u64::from(self.min_us) + u64::from(rng.below(width)))
    }
}

/// The delays of a cluster's control plane. The defaults are those of a small, unloaded cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// From a write to its arrival at a watcher.
    pub watch: Range,
    /// From a key in a controller's queue to the reconcile that takes it.
    pub reconcile: Range,
    /// One scheduling cycle.
    pub schedule: Range,
}

impl Default for Latency {
    fn default() -> Self {
        Latency { watch: Range::millis(2, 8), reconcile: Range::millis(3, 12), schedule: Range::millis(2, 6) }
    }
}
