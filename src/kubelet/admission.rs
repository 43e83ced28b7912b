//! Whether a kubelet takes a pod that is bound to its node. The scheduler has asked the same before, for pods that came by
//! it; a pod may also name its node itself. Models `lifecycle/predicate.go` and the eviction manager's `Admit`.

use crate::api::k8s::{ContainerPort, Toleration};
use crate::api::node_selector::RequiredNodeAffinity;
use crate::api::pod_status::{is_sidecar, pod_request_milli};
use crate::api::taint::{NO_EXECUTE, NO_SCHEDULE, tolerated};
use crate::api::{MetaExt, Node, Pod, k8s, quantity};

/// From this priority on a pod is critical: others make room for it, and it is never evicted.
const CRITICAL: i32 = 2_000_000_000;
/// The operating system of every node.
const OS: &str = "linux";

/// Why a pod is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `OutOfcpu`, `NodeAffinity`, `Evicted`.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

/// Whether nothing but its node's end ends the pod.
pub fn is_critical(pod: &Pod) -> bool {
    pod.spec.priority.is_some_and(|priority| priority >= CRITICAL)
}

/// Why the node does not take `pod` besides the `others` that it has; `None` if it does. `pressure`: the conditions that the
/// node is in, `MemoryPressure` and the like.
pub fn refuse(pod: &Pod, node: &Node, others: &[&Pod], pressure: &[&'static str]) -> Option<Refusal> {
    under_pressure(pod, pressure)
        .or_else(|| other_system(pod, node))
        .or_else(|| lacking(pod, node, others))
        .or_else(|| unfit(pod, node, others))
}

/// Under memory pressure best-effort pods are turned away, under any other every pod.
fn under_pressure(pod: &Pod, pressure: &[&'static str]) -> Option<Refusal> {
    if pressure.is_empty() || is_critical(pod) {
        return None;
    }
    let taint = k8s::Taint {
        key: "node.kubernetes.io/memory-pressure".into(),
        effect: NO_SCHEDULE.into(),
        ..Default::default()
    };
    let modest = pod.status.qos_class.as_deref() != Some("BestEffort") || tolerated(tolerations(pod), &taint);
    if pressure == ["MemoryPressure"] && modest {
        return None;
    }
    let message = format!("The node had condition: [{}]. ", pressure.join(" "));
    Some(Refusal { reason: "Evicted".into(), message })
}

fn tolerations(pod: &Pod) -> &[Toleration] {
    pod.spec.tolerations.as_deref().unwrap_or_default()
}

fn other_system(pod: &Pod, node: &Node) -> Option<Refusal> {
    let refusal = |reason: &str, message: &str| Refusal { reason: reason.into(), message: message.into() };
    let label = pod.labels().get("kubernetes.io/os");
    let wanted = pod.spec.os.as_ref().map(|os| os.name.as_str());
    let merging =
        pod.spec.security_context.as_ref().and_then(|own| own.supplemental_groups_policy.as_deref());
    let features = node.status.features.as_ref();
    match () {
        () if label.is_some_and(|os| os != OS) => Some(refusal(
            "PodOSSelectorNodeLabelDoesNotMatch",
            "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
        )),
        () if wanted.is_some_and(|os| os != OS) => {
            Some(refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"))
        }
        () if merging == Some("Strict")
            && features.is_some_and(|features| features.supplemental_groups_policy == Some(false)) =>
        {
            Some(refusal(
                "SupplementalGroupsPolicyNotSupported",
                "SupplementalGroupsPolicy=Strict is not supported in this node",
            ))
        }
        () => None,
    }
}

/// What the node has too little of.
pub fn lacking(pod: &Pod, node: &Node, others: &[&Pod]) -> Option<Refusal> {
    let Lack { name, requested, used, capacity } = lacks(pod, node, others).into_iter().next()?;
    Some(Refusal {
        reason: format!("OutOf{name}"),
        message: format!(
            "Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
        ),
    })
}

/// A resource of which too little is left for a pod.
struct Lack {
    name: String,
    requested: i64,
    used: i64,
    capacity: i64,
}

/// How much is missing of each resource, where that is all that stands in a pod's way.
///
/// # Errors
/// What else does.
pub fn missing(pod: &Pod, node: &Node, others: &[&Pod]) -> Result<Vec<(String, i64)>, Refusal> {
    if let Some(refusal) = other_system(pod, node).or_else(|| unfit(pod, node, others)) {
        return Err(refusal);
    }
    let lacks = lacks(pod, node, others).into_iter();
    Ok(lacks.map(|lack| (lack.name, lack.requested - (lack.capacity - lack.used))).collect())
}

/// What a pod asks for of a resource, in the units in which kubelets count; it is one pod.
pub fn request(pod: &Pod, name: &str) -> i64 {
    if name == "pods" { 1 } else { in_units(name, pod_request_milli(&pod.spec, name)) }
}

fn lacks(pod: &Pod, node: &Node, others: &[&Pod]) -> Vec<Lack> {
    let none = Default::default();
    let allocatable = node.status.allocatable.as_ref().unwrap_or(&none);
    let has = |name: &str| allocatable.get(name).map_or(0, |amount| in_units(name, quantity::milli(amount)));
    let lack = |name: &str, requested: i64, used: i64| Lack {
        name: name.into(),
        requested,
        used,
        capacity: has(name),
    };
    let count = i64::try_from(others.len()).unwrap_or(i64::MAX);
    let mut lacks = Vec::new();
    if count >= has("pods") {
        lacks.push(lack("pods", 1, count));
    }
    let basic = ["cpu", "memory", "ephemeral-storage"];
    // What the node does not know of is somebody else's to give.
    let others_of_node = allocatable.keys().map(String::as_str);
    let further = others_of_node.filter(|name| !basic.contains(name) && *name != "pods");
    for name in basic.into_iter().chain(further) {
        let requested = request(pod, name);
        let used = others.iter().map(|other| request(other, name)).sum();
        if requested > 0 && requested > has(name) - used {
            lacks.push(lack(name, requested, used));
        }
    }
    lacks
}

/// CPU counts in thousandths, all else in whole units.
fn in_units(name: &str, milli: i64) -> i64 {
    if name == "cpu" { milli } else { milli / 1_000 + i64::from(milli % 1_000 > 0) }
}

/// What about the node does not suit the pod.
fn unfit(pod: &Pod, node: &Node, others: &[&Pod]) -> Option<Refusal> {
    let refusal = |name: &str, why: &str| Refusal {
        reason: name.into(),
        message: format!("Predicate {name} failed: {why}"),
    };
    if !RequiredNodeAffinity::new(pod).matches(node) {
        return Some(refusal("NodeAffinity", "node(s) didn't match Pod's node affinity/selector"));
    }
    let wanted: Vec<&ContainerPort> = host_ports(pod).collect();
    let taken =
        |port: &&ContainerPort| others.iter().any(|other| host_ports(other).any(|own| clash(port, own)));
    if wanted.iter().any(taken) {
        return Some(refusal("NodePorts", "node(s) didn't have free ports for the requested pod ports"));
    }
    let mut driving_out = node.spec.taints.iter().flatten().filter(|taint| taint.effect == NO_EXECUTE);
    if driving_out.any(|taint| !tolerated(tolerations(pod), taint)) {
        return Some(refusal("TaintToleration", "node(s) had taints that the pod didn't tolerate"));
    }
    None
}

/// The ports of the node that a pod takes.
fn host_ports(pod: &Pod) -> impl Iterator<Item = &ContainerPort> {
    let sidecars = pod.spec.init_containers.iter().flatten().filter(|container| is_sidecar(container));
    let ports =
        pod.spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    ports.filter(|port| port.host_port.is_some_and(|number| number > 0))
}

fn clash(a: &ContainerPort, b: &ContainerPort) -> bool {
    const ALL: &str = "0.0.0.0";
    fn address(port: &ContainerPort) -> &str {
        port.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or(ALL)
    }
    let protocol = |port: &ContainerPort| port.protocol.clone().unwrap_or_else(|| "TCP".into());
    a.host_port == b.host_port
        && protocol(a) == protocol(b)
        && (address(a) == address(b) || address(a) == ALL || address(b) == ALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object};
    use crate::kubelet::node_object;

    fn pod(spec: serde_json::Value) -> Pod {
        let value = serde_json::json!({"metadata": {"name": "p", "namespace": "default"}, "spec": spec});
        Object::from_value(Kind::POD, value).unwrap().as_kind::<Pod>().unwrap().clone()
    }

    #[test]
    fn a_node_takes_what_fits_besides_what_it_has() {
        let labels = [("disk".to_string(), "ssd".to_string())];
        let node = node_object("n", "2", "1Gi", 3, None, &labels, Vec::new());
        let asks = |requests: serde_json::Value| {
            pod(serde_json::json!({"containers": [{"name": "a", "resources": {"requests": requests}}]}))
        };
        let port = |host_ip: &str| {
            pod(serde_json::json!({"containers": [{"name": "a", "ports": [
                {"containerPort": 80, "hostPort": 8080, "hostIP": host_ip}]}]}))
        };
        let (big, small) =
            (asks(serde_json::json!({"cpu": "1500m"})), asks(serde_json::json!({"cpu": "500m"})));
        let elsewhere = pod(serde_json::json!({"containers": [], "nodeSelector": {"disk": "hdd"}}));
        let windows = pod(serde_json::json!({"containers": [], "os": {"name": "windows"}}));
        let (mine, other, any) = (port("10.0.0.1"), port("10.0.0.2"), port(""));
        let memory = asks(serde_json::json!({"memory": "2Gi"}));
        let cases: [(&Pod, &[&Pod], &[&'static str], &str); 10] = [
            (&small, &[&big], &[], ""),
            (
                &big,
                &[&small, &small],
                &[],
                "OutOfcpu: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
            ),
            (
                &memory,
                &[],
                &[],
                "OutOfmemory: Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
            ),
            (
                &any,
                &[&small, &small, &small],
                &[],
                "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
            ),
            (
                &elsewhere,
                &[],
                &[],
                "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
            ),
            (
                &windows,
                &[],
                &[],
                "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
            ),
            (&mine, &[&other], &[], ""),
            (
                &mine,
                &[&any],
                &[],
                "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
            ),
            (&small, &[], &["MemoryPressure"], ""),
            (&small, &[], &["DiskPressure"], "Evicted: The node had condition: [DiskPressure]. "),
        ];
        for (pod, others, pressure, want) in cases {
            let found = refuse(pod, &node, others, pressure)
                .map_or(String::new(), |refusal| format!("{}: {}", refusal.reason, refusal.message));
            assert_eq!(found, want);
        }
    }
}
