//! What `kubeviz bench` measures: work of a known size. The clock is the caller's, since the library has none.

pub mod rollout;
pub mod schedule;

pub use rollout::{Rollout, Steady};
pub use schedule::{Schedule, Whole, Workload};

use crate::clock::SimDuration;
use crate::sim::{Config, Simulation};

use super::summary::Summary;

/// A Deployment about to be applied.
pub struct Apply {
    simulation: Simulation,
    manifest: String,
}

/// How an [`Apply`] ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Events processed.
    pub events: u64,
    /// Writes made.
    pub writes: u64,
    /// The cluster at the end.
    pub summary: Summary,
}

impl Apply {
    /// A Deployment of so many small pods, on a cluster of so many nodes.
    pub fn new(seed: u64, nodes: u32, pods: u32) -> Apply {
        let mut config = Config::sized(seed, nodes);
        config.check_invariants = false;
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {pods}\n  selector:\n    \
             matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      \
             containers:\n      - name: web\n        image: nginx:1.27\n        resources:\n          requests:\n            \
             cpu: 10m\n            memory: 16Mi\n"
        );
        Apply { simulation: Simulation::new(config), manifest }
    }

    /// From the command to the last pod ready. The cluster is kept: taking it down is no part of that.
    ///
    /// # Errors
    /// What kubectl says if it refuses the manifest.
    pub fn run(&mut self) -> Result<Applied, String> {
        let (events, writes) = (self.simulation.events_done(), self.simulation.revision());
        let outcome = self.simulation.apply(&self.manifest);
        if outcome.code != 0 {
            return Err(outcome.stderr);
        }
        self.simulation.run_until_quiet(self.simulation.now() + SimDuration::from_secs(600));
        Ok(Applied {
            events: self.simulation.events_done() - events,
            writes: self.simulation.revision() - writes,
            summary: Summary::of(&self.simulation),
        })
    }
}
