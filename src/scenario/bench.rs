//! What `kubeviz bench` measures: work of a known size. The clock is the caller's, since the library has none.

use crate::api::k8s::{Container, ObjectMeta, PodSpec, Quantity, ResourceRequirements};
use crate::api::{Node, Pod};
use crate::clock::SimDuration;
use crate::scheduler::cache::Cache;
use crate::scheduler::framework::Cycle;
use crate::scheduler::framework::runtime::{Scoring, evaluate};
use crate::scheduler::plugins::DEFAULT_PROFILE;
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

    /// From the command to the last pod ready.
    ///
    /// # Errors
    /// What kubectl says if it refuses the manifest.
    pub fn run(mut self) -> Result<Applied, String> {
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

/// Pods about to be placed, one after the other, by the scheduler alone.
pub struct Schedule {
    cache: Cache,
    pods: Vec<Pod>,
}

impl Schedule {
    /// So many pods for a cluster of so many nodes.
    pub fn new(seed: u64, nodes: u32, pods: u32) -> Schedule {
        let simulation = Simulation::new(Config::sized(seed, nodes));
        let mut cache = Cache::default();
        simulation.view().list::<Node>(None).for_each(|node| cache.set_node(node));
        Schedule { cache, pods: (0..pods).map(pod).collect() }
    }

    /// Places every pod on the first of the best nodes. Returns how many found one.
    pub fn run(mut self) -> u32 {
        let mut placed = 0;
        for pod in &self.pods {
            let evaluation = evaluate(DEFAULT_PROFILE, &Cycle { pod, cache: &self.cache }, Scoring::Always);
            let node = evaluation.best().first().map(|verdict| verdict.node.to_string());
            if let Some(node) = node {
                self.cache.set_pod(pod, &node);
                placed += 1;
            }
        }
        placed
    }
}

fn pod(number: u32) -> Pod {
    let amount = |name: &str, amount: &str| (name.to_string(), Quantity(amount.into()));
    let requests = [amount("cpu", "10m"), amount("memory", "16Mi")].into_iter().collect();
    let container = Container {
        name: "web".into(),
        image: Some("nginx:1.27".into()),
        resources: Some(ResourceRequirements { requests: Some(requests), ..Default::default() }),
        ..Default::default()
    };
    let meta = ObjectMeta {
        name: Some(format!("web-{number}")),
        namespace: Some("default".into()),
        uid: Some(format!("{number:08}")),
        ..Default::default()
    };
    Pod::new(meta, PodSpec { containers: vec![container], ..Default::default() })
}
