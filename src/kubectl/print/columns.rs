//! The columns of every kind (`pkg/printers/internalversion`), the wide ones marked.

use crate::api::k8s::ServiceSpec;
use crate::api::pod_status::summarize;
use crate::api::selector::{format_label_selector, format_labels};
use crate::api::{Kind, MetaExt, Object, condition};
use crate::clock::SimTime;

/// The columns of a kind and how to fill them.
pub struct Columns {
    /// The headings that are always shown.
    pub headers: &'static [&'static str],
    /// The headings that `-o wide` adds.
    pub wide: &'static [&'static str],
    /// The cells of an object, wide ones included.
    pub cells: fn(&Object, SimTime) -> Vec<String>,
}

/// The columns of a kind; kinds without their own show name and age.
pub fn columns_of(kind: Kind) -> &'static Columns {
    match kind {
        Kind::POD => &PODS,
        Kind::NODE => &NODES,
        Kind::DEPLOYMENT => &DEPLOYMENTS,
        Kind::REPLICA_SET => &REPLICA_SETS,
        Kind::SERVICE => &SERVICES,
        Kind::NAMESPACE => &NAMESPACES,
        Kind::EVENT => &EVENTS,
        Kind::ENDPOINT_SLICE => &ENDPOINT_SLICES,
        Kind::ENDPOINTS => &ENDPOINTS,
        Kind::LEASE => &LEASES,
        Kind::CONFIG_MAP => &CONFIG_MAPS,
        _ => &PLAIN,
    }
}

fn age(object: &Object, now: SimTime) -> String {
    now.since(object.created()).human()
}

fn or_none(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("<none>").to_string()
}

static PLAIN: Columns = Columns {
    headers: &["NAME", "AGE"],
    wide: &[],
    cells: |object, now| vec![object.name().into(), age(object, now)],
};

static PODS: Columns = Columns {
    headers: &["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
    wide: &["IP", "NODE", "NOMINATED NODE", "READINESS GATES"],
    cells: |object, now| {
        let Object::Pod(pod) = object else { return Vec::new() };
        let summary = summarize(pod);
        let ended = |status: &crate::api::k8s::ContainerStatus| {
            status.last_state.as_ref()?.terminated.as_ref()?.finished_at.as_ref().map(SimTime::from_time)
        };
        let last = pod.status.container_statuses.iter().flatten().filter_map(ended).max();
        let restarts = match last.filter(|_| summary.restarts > 0) {
            Some(at) => format!("{} ({} ago)", summary.restarts, now.since(at).human()),
            None => summary.restarts.to_string(),
        };
        vec![
            pod.name().into(),
            format!("{}/{}", summary.ready, summary.total),
            summary.status,
            restarts,
            age(object, now),
            or_none(pod.status.pod_ip.as_deref()),
            or_none(pod.spec.node_name.as_deref()),
            or_none(pod.status.nominated_node_name.as_deref()),
            "<none>".into(),
        ]
    },
};

static NODES: Columns = Columns {
    headers: &["NAME", "STATUS", "ROLES", "AGE", "VERSION"],
    wide: &["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"],
    cells: |object, now| {
        let Object::Node(node) = object else { return Vec::new() };
        let ready = condition::find(node.status.conditions.as_deref(), "Ready");
        let mut status = match ready.map(|condition| condition.status.as_str()) {
            Some("True") => "Ready".to_string(),
            Some(_) => "NotReady".to_string(),
            None => "Unknown".to_string(),
        };
        if node.spec.unschedulable == Some(true) {
            status.push_str(",SchedulingDisabled");
        }
        let roles: Vec<&str> =
            node.labels().keys().filter_map(|key| key.strip_prefix("node-role.kubernetes.io/")).collect();
        let info = node.status.node_info.clone().unwrap_or_default();
        let address = |type_: &str| {
            node.status
                .addresses
                .iter()
                .flatten()
                .find(|address| address.type_ == type_)
                .map(|address| address.address.as_str())
        };
        vec![
            node.name().into(),
            status,
            if roles.is_empty() { "<none>".into() } else { roles.join(",") },
            age(object, now),
            info.kubelet_version,
            or_none(address("InternalIP")),
            or_none(address("ExternalIP")),
            info.os_image,
            info.kernel_version,
            info.container_runtime_version,
        ]
    },
};

/// The columns CONTAINERS and IMAGES of a workload.
fn containers_and_images(spec: Option<&crate::api::k8s::PodSpec>) -> [String; 2] {
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    let images: Vec<&str> = containers.iter().filter_map(|container| container.image.as_deref()).collect();
    [names.join(","), images.join(",")]
}

static DEPLOYMENTS: Columns = Columns {
    headers: &["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
    wide: &["CONTAINERS", "IMAGES", "SELECTOR"],
    cells: |object, now| {
        let Object::Deployment(deployment) = object else { return Vec::new() };
        let (spec, status) = (&deployment.spec, &deployment.status);
        let [containers, images] = containers_and_images(spec.template.spec.as_ref());
        vec![
            deployment.name().into(),
            format!("{}/{}", status.ready_replicas.unwrap_or(0), spec.replicas.unwrap_or(1)),
            status.updated_replicas.unwrap_or(0).to_string(),
            status.available_replicas.unwrap_or(0).to_string(),
            age(object, now),
            containers,
            images,
            format_label_selector(&spec.selector),
        ]
    },
};

static REPLICA_SETS: Columns = Columns {
    headers: &["NAME", "DESIRED", "CURRENT", "READY", "AGE"],
    wide: &["CONTAINERS", "IMAGES", "SELECTOR"],
    cells: |object, now| {
        let Object::ReplicaSet(set) = object else { return Vec::new() };
        let [containers, images] =
            containers_and_images(set.spec.template.as_ref().and_then(|t| t.spec.as_ref()));
        vec![
            set.name().into(),
            set.spec.replicas.unwrap_or(1).to_string(),
            set.status.replicas.to_string(),
            set.status.ready_replicas.unwrap_or(0).to_string(),
            age(object, now),
            containers,
            images,
            format_label_selector(&set.spec.selector),
        ]
    },
};

static SERVICES: Columns = Columns {
    headers: &["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"],
    wide: &["SELECTOR"],
    cells: |object, now| {
        let Object::Service(service) = object else { return Vec::new() };
        let spec = &service.spec;
        vec![
            service.name().into(),
            spec.type_.clone().unwrap_or_default(),
            or_none(spec.cluster_ip.as_deref()),
            external_ip(service),
            ports(spec),
            age(object, now),
            spec.selector.as_ref().map_or("<none>".into(), format_labels),
        ]
    },
};

fn external_ip(service: &crate::api::Service) -> String {
    let spec = &service.spec;
    match spec.type_.as_deref() {
        Some("ExternalName") => or_none(spec.external_name.as_deref()),
        Some("LoadBalancer") => {
            let ingress = service
                .status
                .load_balancer
                .as_ref()
                .and_then(|balancer| balancer.ingress.as_ref()?.first()?.ip.clone());
            ingress.unwrap_or_else(|| "<pending>".into())
        }
        _ => spec
            .external_ips
            .as_ref()
            .filter(|ips| !ips.is_empty())
            .map_or("<none>".into(), |ips| ips.join(",")),
    }
}

fn ports(spec: &ServiceSpec) -> String {
    let port = |port: &crate::api::k8s::ServicePort| {
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        match port.node_port.filter(|node_port| *node_port > 0) {
            Some(node_port) => format!("{}:{node_port}/{protocol}", port.port),
            None => format!("{}/{protocol}", port.port),
        }
    };
    let ports: Vec<String> = spec.ports.iter().flatten().map(port).collect();
    if ports.is_empty() { "<none>".into() } else { ports.join(",") }
}

static NAMESPACES: Columns = Columns {
    headers: &["NAME", "STATUS", "AGE"],
    wide: &[],
    cells: |object, now| {
        let Object::Namespace(namespace) = object else { return Vec::new() };
        vec![namespace.name().into(), namespace.status.phase.clone().unwrap_or_default(), age(object, now)]
    },
};

static EVENTS: Columns = Columns {
    headers: &["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
    wide: &[],
    cells: |object, now| {
        let Object::Event(event) = object else { return Vec::new() };
        let fields = &event.spec;
        let seen = fields.last_timestamp.as_ref().map(SimTime::from_time);
        let seen = seen
            .or_else(|| fields.event_time.as_ref().map(SimTime::from_micro_time))
            .unwrap_or_else(|| event.created());
        let about = &fields.involved_object;
        let kind = about.kind.as_deref().unwrap_or_default().to_lowercase();
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        vec![
            now.since(seen).human(),
            text(&fields.type_),
            text(&fields.reason),
            format!("{kind}/{}", text(&about.name)),
            text(&fields.message),
        ]
    },
};

/// The first three of a list, and how many more there are.
fn some(list: &[String]) -> String {
    match list {
        [] => "<unset>".into(),
        [..] if list.len() <= 3 => list.join(","),
        [..] => format!("{} + {} more...", list[..3].join(","), list.len() - 3),
    }
}

static ENDPOINT_SLICES: Columns = Columns {
    headers: &["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"],
    wide: &[],
    cells: |object, now| {
        let Object::EndpointSlice(slice) = object else { return Vec::new() };
        let ports: Vec<String> = slice
            .spec
            .ports
            .iter()
            .flatten()
            .filter_map(|port| port.port)
            .map(|port| port.to_string())
            .collect();
        let addresses: Vec<String> =
            slice.spec.endpoints.iter().flat_map(|endpoint| endpoint.addresses.clone()).collect();
        vec![
            slice.name().into(),
            slice.spec.address_type.clone(),
            some(&ports),
            some(&addresses),
            age(object, now),
        ]
    },
};

static ENDPOINTS: Columns = Columns {
    headers: &["NAME", "ENDPOINTS", "AGE"],
    wide: &[],
    cells: |object, now| {
        let Object::Tree(tree) = object else { return Vec::new() };
        let mut addresses = Vec::new();
        for subset in tree.fields.get("subsets").and_then(|subsets| subsets.as_array()).into_iter().flatten()
        {
            for address in subset["addresses"].as_array().into_iter().flatten() {
                for port in subset["ports"].as_array().into_iter().flatten() {
                    addresses.push(format!(
                        "{}:{}",
                        address["ip"].as_str().unwrap_or_default(),
                        port["port"]
                    ));
                }
            }
        }
        let shown = if addresses.is_empty() { "<none>".into() } else { some(&addresses) };
        vec![object.name().into(), shown, age(object, now)]
    },
};

static LEASES: Columns = Columns {
    headers: &["NAME", "HOLDER", "AGE"],
    wide: &[],
    cells: |object, now| {
        let Object::Lease(lease) = object else { return Vec::new() };
        vec![lease.name().into(), lease.spec.holder_identity.clone().unwrap_or_default(), age(object, now)]
    },
};

static CONFIG_MAPS: Columns = Columns {
    headers: &["NAME", "DATA", "AGE"],
    wide: &[],
    cells: |object, now| {
        let Object::Tree(tree) = object else { return Vec::new() };
        let count = |field: &str| {
            tree.fields.get(field).and_then(|data| data.as_object()).map_or(0, |data| data.len())
        };
        vec![object.name().into(), (count("data") + count("binaryData")).to_string(), age(object, now)]
    },
};
