//! What a simulation is made from. Together with the journal of inputs it decides everything that happens.

use serde::{Deserialize, Serialize};

use super::latency::Latency;
use crate::apiserver::DEFAULT_QUOTA;
pub use crate::apiserver::PAGE_QUOTA;
use crate::apiserver::metrics::Metrics;
use crate::controllers::Settings;
use crate::kubelet::KubeletConfig;

/// A node to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Its name.
    pub name: String,
    /// CPUs, as a quantity: `4`, `500m`.
    #[serde(default = "default_cpu")]
    pub cpu: String,
    /// Memory, as a quantity: `8Gi`.
    #[serde(default = "default_memory")]
    pub memory: String,
    /// How many pods it takes.
    #[serde(default = "default_pods")]
    pub pods: u32,
    /// Its failure zone; none if empty.
    #[serde(default)]
    pub zone: String,
    /// Labels besides those that every node has.
    #[serde(default)]
    pub labels: Vec<(String, String)>,
    /// Taints, as kubectl writes them: `key=value:Effect`.
    #[serde(default)]
    pub taints: Vec<String>,
}

fn default_cpu() -> String {
    "4".into()
}

fn default_memory() -> String {
    "8Gi".into()
}

fn default_pods() -> u32 {
    110
}

impl NodeSpec {
    /// A node of the usual size: 4 CPUs, 8Gi, 110 pods.
    pub fn new(name: &str) -> NodeSpec {
        NodeSpec {
            name: name.into(),
            cpu: default_cpu(),
            memory: default_memory(),
            pods: default_pods(),
            zone: String::new(),
            labels: Vec::new(),
            taints: Vec::new(),
        }
    }

    /// The same, in a zone.
    #[must_use]
    pub fn in_zone(mut self, zone: &str) -> NodeSpec {
        self.zone = zone.into();
        self
    }
}

/// A class of volumes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageSpec {
    /// Its name.
    pub name: &'static str,
    /// Who makes its volumes.
    pub provisioner: &'static str,
    /// Whether claims are bound at once, rather than when a pod needs them.
    pub immediate: bool,
    /// Whether claims that name no class get this one.
    pub is_default: bool,
}

/// What a small cluster comes with.
pub const STANDARD: StorageSpec =
    StorageSpec { name: "standard", provisioner: "disk.kubeviz.dev", immediate: false, is_default: true };

/// The make of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Feeds every random draw.
    pub seed: u64,
    /// The nodes it starts with.
    pub nodes: Vec<NodeSpec>,
    /// The classes of volumes it starts with.
    pub storage: Vec<StorageSpec>,
    /// The namespace in which kubectl commands stand at first. It is made if it is not one that every cluster has.
    pub namespace: String,
    /// How long messages take.
    pub latency: Latency,
    /// How long things take on the nodes.
    pub kubelet: KubeletConfig,
    /// What of the controllers is a matter of flags.
    pub controllers: Settings,
    /// What a metrics API measures; `None`: there is none.
    pub metrics: Option<Metrics>,
    /// How much may be written, in bytes (`--quota-backend-bytes` of etcd).
    pub quota_backend_bytes: u64,
    /// Whether the host shows what `kubectl edit` edits and hands back what is saved.
    pub host_edits: bool,
    /// Whether to check the invariants after every event. Tests do; a benchmark does not.
    pub check_invariants: bool,
}

impl Config {
    /// The cluster that the page opens with: three nodes, one per zone.
    pub fn small(seed: u64) -> Config {
        let node = |n: u32| {
            NodeSpec::new(&format!("node-{n}")).in_zone(["zone-a", "zone-b", "zone-c"][(n as usize - 1) % 3])
        };
        Config::with_nodes(seed, (1..=3).map(node).collect())
    }

    /// A cluster of so many equal nodes, over three zones.
    pub fn sized(seed: u64, nodes: u32) -> Config {
        let zone = |n: u32| ["zone-a", "zone-b", "zone-c"][(n % 3) as usize];
        let width = nodes.to_string().len();
        let node = |n: u32| NodeSpec::new(&format!("node-{:0width$}", n + 1)).in_zone(zone(n));
        Config::with_nodes(seed, (0..nodes).map(node).collect())
    }

    /// A cluster of the given nodes.
    pub fn with_nodes(seed: u64, nodes: Vec<NodeSpec>) -> Config {
        Config {
            seed,
            nodes,
            storage: vec![STANDARD],
            namespace: "default".into(),
            latency: Latency::default(),
            kubelet: KubeletConfig::default(),
            controllers: Settings::default(),
            metrics: Some(Metrics::default()),
            quota_backend_bytes: DEFAULT_QUOTA,
            host_edits: false,
            check_invariants: cfg!(debug_assertions),
        }
    }
}
