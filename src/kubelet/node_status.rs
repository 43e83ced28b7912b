//! What a kubelet says of its node: its size, its conditions, its lease.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::k8s::{
    ContainerImage, DaemonEndpoint, LeaseSpec, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeSpec,
    NodeStatus, NodeSystemInfo, ObjectMeta, Quantity, Taint,
};
use crate::api::{Key, Kind, Lease, MetaExt, Node, Object};
use crate::client::Client;
use crate::clock::SimTime;

const LEASE_NAMESPACE: &str = "kube-node-lease";
const LEASE_SECONDS: i32 = 40;
const VERSION: &str = "v1.36.2";

/// The address of the node that joined as the `number`th.
pub fn host_ip(number: u32) -> String {
    format!("192.168.{}.{}", (number + 10) / 256, (number + 10) % 256)
}

/// A `Node` object as a kubelet registers it, ready at once. `labels` come on top of those that every node has.
pub fn node_object(
    name: &str,
    cpu: &str,
    memory: &str,
    pods: u32,
    zone: Option<&str>,
    labels: &[(String, String)],
    taints: Vec<Taint>,
) -> Node {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut label = |key: &str, value: &str| {
        all.insert(key.into(), value.into());
    };
    for prefix in ["kubernetes.io", "beta.kubernetes.io"] {
        label(&format!("{prefix}/os"), "linux");
        label(&format!("{prefix}/arch"), "amd64");
    }
    label("kubernetes.io/hostname", name);
    if let Some(zone) = zone {
        label("topology.kubernetes.io/zone", zone);
        label("topology.kubernetes.io/region", "r1");
    }
    labels.iter().for_each(|(key, value)| label(key, value));
    let amounts = [
        ("cpu", cpu),
        ("memory", memory),
        ("ephemeral-storage", "100Gi"),
        ("hugepages-1Gi", "0"),
        ("hugepages-2Mi", "0"),
    ];
    let mut capacity: BTreeMap<String, Quantity> =
        amounts.into_iter().map(|(name, amount)| (name.to_string(), Quantity(amount.into()))).collect();
    capacity.insert("pods".into(), Quantity(pods.to_string()));
    let meta = ObjectMeta { name: Some(name.into()), labels: Some(all), ..Default::default() };
    let taints = Some(taints).filter(|taints| !taints.is_empty());
    let mut node = Node::new(meta, NodeSpec { taints, ..Default::default() });
    node.status = Arc::new(NodeStatus {
        allocatable: Some(capacity.clone()),
        capacity: Some(capacity),
        conditions: Some(conditions(SimTime::ZERO)),
        daemon_endpoints: Some(NodeDaemonEndpoints {
            kubelet_endpoint: Some(DaemonEndpoint { port: 10250 }),
        }),
        addresses: Some(vec![NodeAddress { type_: "Hostname".into(), address: name.into() }]),
        node_info: Some(NodeSystemInfo {
            architecture: "amd64".into(),
            container_runtime_version: "containerd://2.2.1".into(),
            kernel_version: "6.12.0".into(),
            kubelet_version: VERSION.into(),
            operating_system: "linux".into(),
            os_image: "kubeviz".into(),
            ..Default::default()
        }),
        ..Default::default()
    });
    node
}

fn conditions(now: SimTime) -> Vec<NodeCondition> {
    let condition = |type_: &str, status: &str, reason: &str, message: &str| NodeCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_heartbeat_time: Some(now.to_time()),
        last_transition_time: Some(now.to_time()),
    };
    vec![
        condition(
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
}

/// Renews the node's lease, or makes it.
pub fn renew_lease(node: &Arc<str>, client: &mut Client<'_>) {
    let now = client.now().to_micro_time();
    let key = Key::new(Kind::LEASE, LEASE_NAMESPACE, node);
    let existing = client.live().object(&key).and_then(|object| object.as_kind::<Lease>()).cloned();
    // A lease that cannot be written is a heartbeat missed: the node lifecycle controller judges that.
    let _ = match existing {
        Some(mut lease) => {
            Arc::make_mut(&mut lease.spec).renew_time = Some(now);
            client.update(lease, None)
        }
        None => {
            let meta = ObjectMeta {
                name: Some(node.to_string()),
                namespace: Some(LEASE_NAMESPACE.into()),
                ..Default::default()
            };
            let spec = LeaseSpec {
                holder_identity: Some(node.to_string()),
                lease_duration_seconds: Some(LEASE_SECONDS),
                renew_time: Some(now),
                ..Default::default()
            };
            client.create(Lease::new(meta, spec), None)
        }
    };
}

/// Reports the node's conditions and images.
pub fn report(node: &Arc<str>, images: Vec<ContainerImage>, client: &mut Client<'_>) {
    let now = client.now();
    let Some(Object::Node(stored)) = client.get(&Key::cluster(Kind::NODE, node)).ok().as_deref().cloned()
    else {
        return;
    };
    let mut stored = stored;
    let status = Arc::make_mut(&mut stored.status);
    for fresh in conditions(now) {
        crate::api::condition::set(&mut status.conditions, fresh);
    }
    status.images = Some(images).filter(|images| !images.is_empty());
    debug_assert_eq!(stored.name(), &**node);
    // The node was read at this very moment.
    let _ = client.update_status(stored, None);
}
