//! What a kubelet reports of its node: the object it registers, its conditions, its images, and its lease.

use std::collections::BTreeMap;

use sorted::SortedSet;
use std::sync::Arc;

use super::image::hex_id;
use crate::api::k8s::{
    DaemonEndpoint, LeaseSpec, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeSpec, NodeStatus,
    NodeSystemInfo, ObjectMeta, OwnerReference, Quantity, Taint,
};
use crate::api::{Lease, MetaExt, Node, condition, text};
use crate::clock::SimTime;

/// The kubelet's version, which is that of the cluster.
pub const VERSION: &str = "v1.36.2";

/// Where leases of nodes live.
pub const LEASE_NAMESPACE: &str = "kube-node-lease";

/// `nodeLeaseDurationSeconds`.
const LEASE_SECONDS: i32 = 40;

/// What it can do that pods may have to ask for (`component-helpers/nodedeclaredfeatures`).
const DECLARED_FEATURES: [&str; 3] = [
    "GuaranteedQoSPodCPUResize",
    "InPlacePodLevelResourcesVerticalScaling",
    "RestartAllContainersOnContainerExits",
];

const EPHEMERAL_STORAGE: &str = "100Gi";
const REGION_LABEL: &str = "topology.kubernetes.io/region";
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// A `Node` as its kubelet registers it: ready, with so much CPU and memory (quantities), so many pods, in that zone
/// of region `r1`, with these labels besides those that every node has.
pub fn node_object(
    name: &str,
    cpu: &str,
    memory: &str,
    pods: u32,
    zone: Option<&str>,
    labels: &[(String, String)],
    taints: Vec<Taint>,
) -> Node {
    let standard = [
        ("beta.kubernetes.io/arch", "amd64"),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/hostname", name),
        ("kubernetes.io/os", "linux"),
    ];
    let mut all = BTreeMap::new();
    all.extend(standard.map(|(key, value)| (key.to_string(), value.to_string())));
    if let Some(zone) = zone {
        all.insert(REGION_LABEL.into(), "r1".into());
        all.insert(ZONE_LABEL.into(), zone.into());
    }
    all.extend(labels.iter().cloned());
    let meta = ObjectMeta { name: Some(name.into()), labels: Some(all), ..Default::default() };
    let spec = NodeSpec { taints: (!taints.is_empty()).then_some(taints), ..Default::default() };
    let mut node = Node::new(meta, spec);
    node.status = Arc::new(first_status(name, cpu, memory, pods));
    node
}

fn first_status(name: &str, cpu: &str, memory: &str, pods: u32) -> NodeStatus {
    let amounts = [
        ("cpu", cpu.to_string()),
        ("ephemeral-storage", EPHEMERAL_STORAGE.to_string()),
        ("hugepages-1Gi", "0".to_string()),
        ("hugepages-2Mi", "0".to_string()),
        ("memory", memory.to_string()),
        ("pods", pods.to_string()),
    ];
    let mut capacity = BTreeMap::new();
    capacity.extend(amounts.map(|(key, value)| (key.to_string(), Quantity(value))));
    let mut status =
        NodeStatus { allocatable: Some(capacity.clone()), capacity: Some(capacity), ..Default::default() };
    describe(&mut status, name);
    heartbeat(&mut status, &[], SimTime::ZERO);
    status
}

/// Fills in what a kubelet knows of its machine, what is there already aside, and says that the node is in good health.
pub fn complete(status: &mut NodeStatus, name: &str, ordinal: u32, pressure: &[&'static str], now: SimTime) {
    if status.capacity.as_ref().is_none_or(BTreeMap::is_empty) {
        let first = first_status(name, "4", "8Gi", 110);
        (status.capacity, status.allocatable) = (first.capacity, first.allocatable);
    }
    let address = |type_: &str, address: String| NodeAddress { type_: type_.into(), address };
    status.addresses.get_or_insert_with(|| {
        vec![address("InternalIP", internal_ip(ordinal)), address("Hostname", name.to_string())]
    });
    if let Some(allocatable) = followed(status) {
        status.allocatable = Some(allocatable);
    }
    describe(status, name);
    heartbeat(status, pressure, now);
}

/// What can be had, where it does not follow the capacity in extended resources: somebody has written what the machine has more or
/// less of, and nothing is kept back of that (`MachineInfo`).
fn followed(status: &NodeStatus) -> Option<BTreeMap<String, Quantity>> {
    if extended(&status.capacity).eq(extended(&status.allocatable)) {
        return None;
    }
    let mut allocatable = status.allocatable.clone().unwrap_or_default();
    allocatable.retain(|name, _| !text::is_extended_resource(name));
    allocatable.extend(extended(&status.capacity).map(|(name, amount)| (name.clone(), amount.clone())));
    Some(allocatable)
}

fn extended(amounts: &Option<BTreeMap<String, Quantity>>) -> impl Iterator<Item = (&String, &Quantity)> {
    amounts.iter().flatten().filter(|(name, _)| text::is_extended_resource(name))
}

/// The machine and its software.
fn describe(status: &mut NodeStatus, name: &str) {
    status
        .daemon_endpoints
        .get_or_insert(NodeDaemonEndpoints { kubelet_endpoint: Some(DaemonEndpoint { port: 10_250 }) });
    status.declared_features.get_or_insert_with(|| DECLARED_FEATURES.map(String::from).to_vec());
    status.node_info.get_or_insert_with(|| machine(name));
}

fn machine(name: &str) -> NodeSystemInfo {
    let digits = hex_id(name);
    let uuid = |from: usize| {
        let part = |start: usize, len: usize| &digits[from + start..from + start + len];
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 4), part(12, 4), part(16, 4), part(20, 12))
    };
    NodeSystemInfo {
        architecture: "amd64".into(),
        boot_id: uuid(0),
        container_runtime_version: "containerd://2.2.1".into(),
        kernel_version: "6.12.57+deb13-amd64".into(),
        kube_proxy_version: String::new(),
        kubelet_version: VERSION.into(),
        machine_id: digits[..32].to_string(),
        operating_system: "linux".into(),
        os_image: "Debian GNU/Linux 13 (trixie)".into(),
        swap: None,
        system_uuid: uuid(28),
    }
}

/// The condition that says whether a node takes pods.
pub const READY: &str = "Ready";

/// A condition of a node: its type, whether it holds where all is well, and the words for that and for the contrary.
struct Word {
    type_: &'static str,
    good: &'static str,
    reasons: [&'static str; 2],
    messages: [&'static str; 2],
    events: [&'static str; 2],
}

impl Word {
    fn status(&self, bad: bool) -> &'static str {
        if bad == (self.good == "False") { "True" } else { "False" }
    }
}

/// The conditions in the order in which the kubelet writes them; the first of two words is for when all is well.
const CONDITIONS: [Word; 4] = [
    Word {
        type_: "MemoryPressure",
        good: "False",
        reasons: ["KubeletHasSufficientMemory", "KubeletHasInsufficientMemory"],
        messages: ["kubelet has sufficient memory available", "kubelet has insufficient memory available"],
        events: ["NodeHasSufficientMemory", "NodeHasInsufficientMemory"],
    },
    Word {
        type_: "DiskPressure",
        good: "False",
        reasons: ["KubeletHasNoDiskPressure", "KubeletHasDiskPressure"],
        messages: ["kubelet has no disk pressure", "kubelet has disk pressure"],
        events: ["NodeHasNoDiskPressure", "NodeHasDiskPressure"],
    },
    Word {
        type_: "PIDPressure",
        good: "False",
        reasons: ["KubeletHasSufficientPID", "KubeletHasInsufficientPID"],
        messages: ["kubelet has sufficient PID available", "kubelet has insufficient PID available"],
        events: ["NodeHasSufficientPID", "NodeHasInsufficientPID"],
    },
    Word {
        type_: READY,
        good: "True",
        reasons: ["KubeletReady", "KubeletNotReady"],
        messages: ["kubelet is posting ready status", "node is shutting down"],
        events: ["NodeReady", "NodeNotReady"],
    },
];

/// Says how the node is as of now: conditions of the types in `bad` are not as they should be. A condition's transition time
/// moves only where it was otherwise before.
pub fn heartbeat(status: &mut NodeStatus, bad: &[&'static str], now: SimTime) {
    for word in &CONDITIONS {
        let bad = bad.contains(&word.type_);
        let condition = NodeCondition {
            type_: word.type_.into(),
            status: word.status(bad).into(),
            reason: Some(word.reasons[usize::from(bad)].into()),
            message: Some(word.messages[usize::from(bad)].into()),
            last_heartbeat_time: Some(now.to_time()),
            last_transition_time: Some(now.to_time()),
        };
        condition::set(&mut status.conditions, condition);
    }
}

/// The reason of the event that says that a pressure has begun, or is over.
pub fn event_of(condition: &str, holds: bool) -> &'static str {
    CONDITIONS.iter().find(|word| word.type_ == condition).map_or("", |word| word.events[usize::from(holds)])
}

/// Whether every condition is as [`heartbeat`] would set it, times aside, and what can be had follows the capacity.
pub fn is_as(status: &NodeStatus, pressure: &[&'static str]) -> bool {
    followed(status).is_none()
        && CONDITIONS.iter().all(|word| {
            let want = word.status(pressure.contains(&word.type_));
            condition::find(status.conditions.as_deref(), word.type_)
                .is_some_and(|found| found.status == want)
        })
}

/// The node's lease, new or renewed.
pub fn lease(node: &Node, existing: Option<&Lease>, now: SimTime) -> Lease {
    let renewed = |spec: &mut LeaseSpec| {
        spec.renew_time = Some(now.to_micro_time());
        spec.holder_identity = Some(node.name().to_string());
        spec.lease_duration_seconds = Some(LEASE_SECONDS);
    };
    if let Some(existing) = existing {
        let mut lease = existing.clone();
        renewed(Arc::make_mut(&mut lease.spec));
        return lease;
    }
    let owner = OwnerReference {
        api_version: "v1".into(),
        kind: "Node".into(),
        name: node.name().into(),
        uid: node.uid().into(),
        ..Default::default()
    };
    let meta = ObjectMeta {
        name: Some(node.name().into()),
        namespace: Some(LEASE_NAMESPACE.into()),
        owner_references: Some(vec![owner]),
        ..Default::default()
    };
    let mut spec = LeaseSpec::default();
    renewed(&mut spec);
    Lease::new(meta, spec)
}

/// A node's number, from which its addresses follow: the one its name ends in, or the next that is not taken.
pub fn ordinal(name: &str, taken: &SortedSet<u32>) -> u32 {
    let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let wanted = name[digits..].parse::<u32>().ok().filter(|number| (1..ORDINAL_MAX).contains(number));
    let free = |number: &u32| !taken.contains(number);
    wanted.filter(free).or_else(|| (1..ORDINAL_MAX).find(free)).unwrap_or(ORDINAL_MAX)
}

/// Addresses have room for so many nodes: further ones share theirs.
const ORDINAL_MAX: u32 = 2_047;

fn internal_ip(ordinal: u32) -> String {
    let host = ordinal + 10;
    format!("192.168.{}.{}", host / 250, host % 250)
}

/// The first three numbers of the addresses that the pods of a node have: `10.244.1`. A node with more than one
/// block's worth of pods has further blocks.
pub fn pod_network(ordinal: u32, block: u32) -> String {
    format!("10.{}.{}", 244 + ordinal / 256 - 8 * block.min(30), ordinal % 256)
}

/// The node's `InternalIP`.
pub fn host_ip(status: &NodeStatus, ordinal: u32) -> String {
    let internal = status.addresses.iter().flatten().find(|address| address.type_ == "InternalIP");
    internal.map_or_else(|| internal_ip(ordinal), |address| address.address.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_node_is_ready_and_says_what_it_has() {
        let labels = [("disk".to_string(), "ssd".to_string())];
        let node = node_object("node-2", "4", "8Gi", 110, Some("zone-b"), &labels, Vec::new());
        assert!(is_as(&node.status, &[]));
        let label = |key: &str| node.labels().get(key).map(String::as_str);
        assert_eq!((label("disk"), label(ZONE_LABEL)), (Some("ssd"), Some("zone-b")));
        assert_eq!(label("kubernetes.io/hostname"), Some("node-2"));
    }

    #[test]
    fn a_heartbeat_moves_only_the_heartbeat_of_a_healthy_node() {
        let mut status = first_status("n1", "1", "1Gi", 10);
        heartbeat(&mut status, &[], SimTime::from_secs(60));
        let ready = condition::find(status.conditions.as_deref(), "Ready").cloned().unwrap_or_default();
        assert_eq!(ready.last_heartbeat_time, Some(SimTime::from_secs(60).to_time()));
        assert_eq!(ready.last_transition_time, Some(SimTime::ZERO.to_time()));
    }

    #[test]
    fn a_kubelet_completes_a_node_that_somebody_else_has_made() {
        let mut status = NodeStatus::default();
        complete(&mut status, "n", 2, &[], SimTime::ZERO);
        assert!(is_as(&status, &[]));
        assert_eq!(host_ip(&status, 7), "192.168.0.12");
        let pods = status.allocatable.as_ref().and_then(|list| list.get("pods"));
        assert_eq!(pods, Some(&Quantity("110".into())));
    }

    #[test]
    fn numbers_of_nodes_come_from_their_names_unless_taken() {
        let taken = SortedSet::from([1, 7]);
        let cases = [("node-9", 9), ("worker12", 12), ("node-7", 2), ("control-plane", 2), ("node-0", 2)];
        for (name, want) in cases {
            assert_eq!(ordinal(name, &taken), want, "{name}");
        }
        assert_eq!(pod_network(300, 0), "10.245.44");
    }
}
