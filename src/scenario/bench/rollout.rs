//! A Deployment that comes up and rolls over, and a cluster that stands still.

use crate::clock::SimDuration;
use crate::sim::{Config, Simulation};

/// Pods to a node.
const PER_NODE: u32 = 10;
/// A rollout takes no longer.
const ROLLOUT_MAX: SimDuration = SimDuration::from_secs(6 * 3_600);

/// A Deployment about to be applied, and then changed.
pub struct Rollout {
    simulation: Simulation,
    replicas: u32,
}

/// What one part of the work came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Events processed.
    pub events: u64,
    /// Writes made.
    pub writes: u64,
    /// The virtual time that passed.
    pub took: SimDuration,
}

fn manifest(replicas: u32, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {replicas}\n  selector:\n    \
         matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      \
         containers:\n      - name: web\n        image: nginx:{tag}\n        resources:\n          requests:\n            \
         cpu: 10m\n            memory: 16Mi\n"
    )
}

impl Rollout {
    /// A Deployment of so many pods, on a cluster with a node for every ten of them.
    pub fn new(seed: u64, replicas: u32) -> Rollout {
        Rollout { simulation: cluster(seed, replicas.div_ceil(PER_NODE).max(3)), replicas }
    }

    /// From the command to the last pod ready.
    ///
    /// # Errors
    /// What kubectl says if it refuses the manifest, or that it takes too long.
    pub fn deploy(&mut self) -> Result<Part, String> {
        let text = manifest(self.replicas, "1.27");
        apply(&mut self.simulation, &text)
    }

    /// To another image.
    ///
    /// # Errors
    /// As [`Rollout::deploy`].
    pub fn roll_over(&mut self) -> Result<Part, String> {
        let text = manifest(self.replicas, "1.28");
        apply(&mut self.simulation, &text)
    }
}

fn cluster(seed: u64, nodes: u32) -> Simulation {
    let mut config = Config::sized(seed, nodes);
    config.check_invariants = false;
    Simulation::new(config)
}

fn apply(simulation: &mut Simulation, manifest: &str) -> Result<Part, String> {
    let (events, writes, began) = (simulation.events_done(), simulation.revision(), simulation.now());
    let outcome = simulation.apply(manifest);
    if outcome.code != 0 {
        return Err(outcome.stderr);
    }
    if !simulation.run_until_quiet(began + ROLLOUT_MAX) {
        return Err(format!("not done after {} s", ROLLOUT_MAX.as_secs()));
    }
    Ok(Part {
        events: simulation.events_done() - events,
        writes: simulation.revision() - writes,
        took: simulation.now().since(began),
    })
}

/// A cluster on which all pods run, about to be left alone.
pub struct Steady {
    simulation: Simulation,
}

impl Steady {
    /// So many pods on so many nodes.
    ///
    /// # Errors
    /// As [`Rollout::deploy`].
    pub fn new(seed: u64, nodes: u32, pods: u32) -> Result<Steady, String> {
        let mut simulation = cluster(seed, nodes);
        apply(&mut simulation, &manifest(pods, "1.27"))?;
        Ok(Steady { simulation })
    }

    /// Lets so many minutes pass.
    pub fn pass(&mut self, minutes: u32) -> Part {
        let simulation = &mut self.simulation;
        let (events, writes, began) = (simulation.events_done(), simulation.revision(), simulation.now());
        simulation.advance(began + SimDuration::from_secs(u64::from(minutes) * 60), u64::MAX);
        Part {
            events: simulation.events_done() - events,
            writes: simulation.revision() - writes,
            took: simulation.now().since(began),
        }
    }
}
