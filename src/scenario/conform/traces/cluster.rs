//! The recorded cluster, and what of its objects does not change from run to run.

use serde_json::Value;

use crate::apiserver::metrics::{Metrics, Use};
use crate::clock::SimDuration;
use crate::kubelet::KubeletConfig;
use crate::scenario::conform::normal::Normalizer;
use crate::sim::{Config, NodeSpec, Simulation, StorageSpec};

/// How large the nodes of a recording were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 64 CPUs, 128Gi, 500 pods.
    Large,
    /// 4 CPUs, 8Gi, 110 pods.
    Small,
}

/// Scenarios about nodes and placement ran on small nodes.
const SMALL: [&str; 8] =
    ["drain", "ds-", "taint-evict", "preemption", "scheduling-full", "pod-", "pdb-", "node-"];

/// The size of the nodes on which a scenario was recorded.
pub fn size_for(scenario: &str) -> Size {
    if SMALL.iter().any(|prefix| scenario.starts_with(prefix)) { Size::Small } else { Size::Large }
}

/// A cluster like the recorded one, in which commands stand in `namespace`. `ready_gap`: how far apart pods of one
/// namespace became ready. `measured`: whether it had a metrics API.
pub fn simulation(
    size: Size,
    nodes: u32,
    ready_gap: SimDuration,
    namespace: &str,
    measured: bool,
) -> Simulation {
    let nodes = (1..=nodes).map(|number| node(size, &format!("node-{number}"))).collect();
    let mut config = Config::with_nodes(1, nodes);
    config.kubelet = KubeletConfig::recorded(ready_gap);
    config.namespace = namespace.into();
    config.controllers.cloud = false;
    let amounts = |cpu, mebibytes: i64| Some(Use { cpu, memory: mebibytes * 1024 * 1024 * 1000 });
    config.metrics = measured.then(|| Metrics {
        container: amounts(50, 64),
        node: amounts(250, 1024),
        ..Default::default()
    });
    if measured {
        config.controllers.autoscaler_sync = SimDuration::from_secs(5);
    }
    if namespace.starts_with("node-failure") {
        config.controllers.node_monitor_grace = SimDuration::from_secs(8);
        config.controllers.node_monitor = SimDuration::from_secs(1);
        config.kubelet.lease_every = Some(SimDuration::from_secs(1));
    }
    config.storage = ["standard", "immediate"]
        .map(|name| StorageSpec {
            name,
            provisioner: "csi.example.com",
            immediate: name == "immediate",
            is_default: name == "standard",
        })
        .to_vec();
    Simulation::new(config)
}

/// What a note begins with that says how much CPU every container uses from then on.
pub const USAGE: &str = "USAGE ";
/// The memory that every container used.
pub const MEMORY_USE: &str = "64Mi";

/// A node of the recorded cluster; its zone follows from the number in its name.
pub fn node(size: Size, name: &str) -> NodeSpec {
    let (cpu, memory, pods) = match size {
        Size::Large => ("64", "128Gi", 500),
        Size::Small => ("4", "8Gi", 110),
    };
    let number: usize = name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(1);
    let zone = ["zone-c", "zone-a", "zone-b"][number % 3];
    NodeSpec { cpu: cpu.into(), memory: memory.into(), pods, ..NodeSpec::new(name).in_zone(zone) }
}

/// Fields that are drawn or measured: only whether they are there is compared.
const DRAWN: [&str; 25] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastProbeTime",
    "lastHeartbeatTime",
    "startTime",
    "startedAt",
    "finishedAt",
    "completionTime",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "containerID",
    "imageID",
    "nodeName",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "topology.kubernetes.io/zone",
    "zone",
    "addresses",
];

/// An object as two runs share it: drawn fields replaced by a mark, names and other text normalised.
pub fn stable(object: &Value, normal: &Normalizer) -> Value {
    match object {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "managedFields")
            .map(|(key, value)| {
                let drawn = DRAWN.contains(&key.as_str()) && !value.is_null() && !is_none(value);
                let value = if drawn { Value::from("<drawn>") } else { stable(value, normal) };
                (normal.names(key), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| stable(item, normal)).collect(),
        Value::String(text) => Value::from(normal.text(text)),
        other => other.clone(),
    }
}

/// `clusterIP: None` is chosen, not drawn.
fn is_none(value: &Value) -> bool {
    value == "None" || value.as_array().is_some_and(|items| items.len() == 1 && items[0] == "None")
}
