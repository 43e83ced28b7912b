//! What `kubeviz bench` measures: work of a known size. The clock is the caller's, since the library has none.

use std::sync::Arc;

use crate::api::k8s::{Container, ObjectMeta, PodSpec, Quantity, ResourceRequirements};
use crate::api::{Node, Pod};
use crate::apiserver::View;
use crate::clock::SimDuration;
use crate::scheduler::cache::Cache;
use crate::scheduler::framework::registry::Profile;
use crate::scheduler::framework::{Context, Framework, PodInfo};
use crate::scheduler::queue::Nominator;
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

/// Pods about to be placed, one after the other, by the scheduler's framework alone.
pub struct Schedule {
    framework: Framework,
    cache: Cache,
    view: View,
    pods: Vec<Pod>,
}

impl Schedule {
    /// So many pods for a cluster of so many nodes.
    pub fn new(seed: u64, nodes: u32, pods: u32) -> Schedule {
        let simulation = Simulation::new(Config::sized(seed, nodes));
        let view = simulation.view().clone();
        let mut cache = Cache::default();
        view.list::<Node>(None).for_each(|node| cache.set_node(node));
        let framework = Framework::new(&Profile::default());
        Schedule { framework, cache, view, pods: (0..pods).map(pod).collect() }
    }

    /// Places every pod on the first of the best nodes. Returns how many found one.
    pub fn run(mut self) -> u32 {
        let nominator = Nominator::default();
        let mut placed = 0;
        for pod in self.pods {
            let info = Arc::new(PodInfo::new(pod));
            let cx = Context { cache: &self.cache, view: &self.view, nominator: &nominator };
            let mut found = self.framework.find_nodes_that_fit(&cx, &info);
            let scores = self.framework.score(&cx, &mut found.state, &info, &found.nodes);
            let best = found.nodes.iter().zip(scores.totals).rev().max_by_key(|(_, total)| *total);
            if let Some((index, _)) = best {
                let node = self.cache.node(*index).name.clone();
                self.cache.assume_pod(info, &node);
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
