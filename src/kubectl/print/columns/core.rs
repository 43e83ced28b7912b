//! Columns of the core group: pods, nodes, services and what they are made of.

use serde_json::Value;

use super::{AGE, CREATED_AT, Cell, Column, NAME, Row, column, first_three, or_none, wide};
use crate::api::k8s::ContainerStatus;
use crate::api::pod_status::summarize;
use crate::api::selector::format_labels;
use crate::api::{Kind, Object};
use crate::clock::SimTime;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::roles::node_roles;
use crate::kubectl::print::volumes::access_modes;

/// The tables of these kinds.
pub(super) const TABLES: &[(Kind, &[Column])] = &[
    (
        Kind::POD,
        &[
            NAME,
            column("READY", Cell::With(|row| pod(row).0)),
            column("STATUS", Cell::With(|row| pod(row).1)),
            column("RESTARTS", Cell::With(|row| pod(row).2)),
            AGE,
            wide("IP", Cell::With(pod_ip)),
            wide("NODE", Cell::Or("spec.nodeName", "<none>")),
            wide("NOMINATED NODE", Cell::Or("status.nominatedNodeName", "<none>")),
            wide("READINESS GATES", Cell::With(readiness_gates)),
        ],
    ),
    (
        Kind::NODE,
        &[
            NAME,
            column("STATUS", Cell::With(node_status)),
            column("ROLES", Cell::With(|row| or_none(node_roles(row.value()).join(",")))),
            AGE,
            column("VERSION", Cell::Field("status.nodeInfo.kubeletVersion")),
            wide("INTERNAL-IP", Cell::With(|row| address(row.value(), "InternalIP"))),
            wide("EXTERNAL-IP", Cell::With(|row| address(row.value(), "ExternalIP"))),
            wide("OS-IMAGE", Cell::Or("status.nodeInfo.osImage", "<unknown>")),
            wide("KERNEL-VERSION", Cell::Or("status.nodeInfo.kernelVersion", "<unknown>")),
            wide("CONTAINER-RUNTIME", Cell::Or("status.nodeInfo.containerRuntimeVersion", "<unknown>")),
        ],
    ),
    (
        Kind::SERVICE,
        &[
            NAME,
            column("TYPE", Cell::Field("spec.type")),
            column("CLUSTER-IP", Cell::Or("spec.clusterIP", "<none>")),
            column("EXTERNAL-IP", Cell::With(external_ip)),
            column("PORT(S)", Cell::With(ports)),
            AGE,
            wide("SELECTOR", Cell::With(|row| format_labels(&row.value().map("spec.selector")))),
        ],
    ),
    (Kind::NAMESPACE, &[NAME, column("STATUS", Cell::Field("status.phase")), AGE]),
    (
        Kind::EVENT,
        &[
            column("LAST SEEN", Cell::With(last_seen)),
            column("TYPE", Cell::Field("type")),
            column("REASON", Cell::Field("reason")),
            column("OBJECT", Cell::With(involved)),
            wide("SUBOBJECT", Cell::Field("involvedObject.fieldPath")),
            wide("SOURCE", Cell::With(event_source)),
            column("MESSAGE", Cell::With(|row| row.value().text("message").trim().into())),
            wide("FIRST SEEN", Cell::With(first_seen)),
            wide("COUNT", Cell::With(event_count)),
            wide("NAME", Cell::Field("metadata.name")),
        ],
    ),
    (Kind::ENDPOINTS, &[NAME, column("ENDPOINTS", Cell::With(|row| endpoints(row.value()))), AGE]),
    (
        Kind::ENDPOINT_SLICE,
        &[
            NAME,
            column("ADDRESSTYPE", Cell::Field("addressType")),
            column("PORTS", Cell::With(slice_ports)),
            column("ENDPOINTS", Cell::With(slice_addresses)),
            AGE,
        ],
    ),
    (
        Kind::CONFIG_MAP,
        &[NAME, column("DATA", Cell::With(|row| count_of(row.value(), &["data", "binaryData"]))), AGE],
    ),
    (Kind::SECRET, &[NAME, column("TYPE", Cell::Field("type")), column("DATA", Cell::Count("data")), AGE]),
    (Kind::SERVICE_ACCOUNT, &[NAME, column("SECRETS", Cell::Count("secrets")), AGE]),
    (
        Kind::RESOURCE_QUOTA,
        &[
            NAME,
            column("REQUEST", Cell::With(|row| quota(row.value(), false))),
            column("LIMIT", Cell::With(|row| quota(row.value(), true))),
            AGE,
        ],
    ),
    (Kind::LIMIT_RANGE, &[NAME, CREATED_AT]),
    (
        Kind::PERSISTENT_VOLUME_CLAIM,
        &[
            NAME,
            column("STATUS", Cell::With(phase_or_terminating)),
            column("VOLUME", Cell::Field("spec.volumeName")),
            column("CAPACITY", Cell::With(|row| of_bound(row, "status.capacity.storage"))),
            column(
                "ACCESS MODES",
                Cell::With(|row| {
                    let bound = !row.value().text("spec.volumeName").is_empty();
                    if bound { access_modes(row.value(), "status.accessModes") } else { String::new() }
                }),
            ),
            column("STORAGECLASS", Cell::With(storage_class)),
            column("VOLUMEATTRIBUTESCLASS", Cell::Or("spec.volumeAttributesClassName", "<unset>")),
            AGE,
            wide("VOLUMEMODE", Cell::Or("spec.volumeMode", "<unset>")),
        ],
    ),
    (
        Kind::PERSISTENT_VOLUME,
        &[
            NAME,
            column("CAPACITY", Cell::Field("spec.capacity.storage")),
            column("ACCESS MODES", Cell::With(|row| access_modes(row.value(), "spec.accessModes"))),
            column("RECLAIM POLICY", Cell::Field("spec.persistentVolumeReclaimPolicy")),
            column("STATUS", Cell::With(phase_or_terminating)),
            column("CLAIM", Cell::With(claim)),
            column("STORAGECLASS", Cell::With(storage_class)),
            column("VOLUMEATTRIBUTESCLASS", Cell::Or("spec.volumeAttributesClassName", "<unset>")),
            column("REASON", Cell::Field("status.reason")),
            AGE,
            wide("VOLUMEMODE", Cell::Or("spec.volumeMode", "<unset>")),
        ],
    ),
];

/// READY, STATUS and RESTARTS.
fn pod(row: &Row<'_>) -> (String, String, String) {
    let Object::Pod(pod) = row.object else { return Default::default() };
    let summary = summarize(pod);
    let containers = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    let ended = |status: &ContainerStatus| {
        let terminated = status.last_state.as_ref()?.terminated.as_ref()?;
        terminated.finished_at.as_ref().map(SimTime::from_time)
    };
    let last = containers.flatten().filter_map(ended).max();
    let restarts = match last.filter(|_| summary.restarts > 0) {
        Some(at) => format!("{} ({} ago)", summary.restarts, row.now.since(at).human()),
        None => summary.restarts.to_string(),
    };
    (format!("{}/{}", summary.ready, summary.total), summary.status, restarts)
}

fn pod_ip(row: &Row<'_>) -> String {
    let first = row.value().list("status.podIPs").first().map(|ip| ip.plain("ip"));
    or_none(first.unwrap_or_else(|| row.value().plain("status.podIP")))
}

fn readiness_gates(row: &Row<'_>) -> String {
    let gates = row.value().each("spec.readinessGates", "conditionType");
    if gates.is_empty() {
        return "<none>".into();
    }
    let conditions = row.value().list("status.conditions");
    let holds =
        |gate: &&&str| conditions.iter().any(|c| c.text("type") == **gate && c.text("status") == "True");
    format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
}

fn node_status(row: &Row<'_>) -> String {
    let ready = row.value().list("status.conditions").iter().find(|c| c.text("type") == "Ready");
    let mut status = match ready.map(|condition| condition.text("status")) {
        Some("True") => "Ready".to_string(),
        Some(_) => "NotReady".to_string(),
        None => "Unknown".to_string(),
    };
    if row.value().flag("spec.unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    status
}

fn address(node: &Value, type_: &str) -> String {
    let address = node.list("status.addresses").iter().find(|address| address.text("type") == type_);
    or_none(address.map(|address| address.plain("address")).unwrap_or_default())
}

fn external_ip(row: &Row<'_>) -> String {
    let service = row.value();
    let external = service.texts("spec.externalIPs").join(",");
    match service.text("spec.type") {
        "ExternalName" => or_none(service.plain("spec.externalName")),
        "LoadBalancer" => {
            let address = |ingress: &Value| {
                let ip = ingress.plain("ip");
                if ip.is_empty() { ingress.plain("hostname") } else { ip }
            };
            let mut all: Vec<String> =
                service.list("status.loadBalancer.ingress").iter().map(address).collect();
            all.sort();
            all.dedup();
            all.extend(Some(external).filter(|external| !external.is_empty()));
            if all.is_empty() { "<pending>".into() } else { all.join(",") }
        }
        _ => or_none(external),
    }
}

fn ports(row: &Row<'_>) -> String {
    let port = |port: &Value| {
        let (number, protocol) = (port.int("port"), port.text_or("protocol", "TCP"));
        match port.int("nodePort") {
            0 => format!("{number}/{protocol}"),
            node_port => format!("{number}:{node_port}/{protocol}"),
        }
    };
    let ports: Vec<String> = row.value().list("spec.ports").iter().map(port).collect();
    or_none(ports.join(","))
}

fn last_seen(row: &Row<'_>) -> String {
    let paths = ["series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"];
    paths.iter().find_map(|path| row.since(path)).unwrap_or_else(|| "<unknown>".into())
}

fn first_seen(row: &Row<'_>) -> String {
    let paths = ["firstTimestamp", "eventTime", "metadata.creationTimestamp"];
    paths.iter().find_map(|path| row.since(path)).unwrap_or_else(|| "<unknown>".into())
}

fn involved(row: &Row<'_>) -> String {
    let about = row.value().at("involvedObject");
    format!("{}/{}", about.text("kind").to_lowercase(), about.text("name"))
}

fn event_source(row: &Row<'_>) -> String {
    let event = row.value();
    let component = event.text_or("source.component", event.text("reportingComponent"));
    let host = event.text_or("source.host", event.text("reportingInstance"));
    let host = if event.has("source.component") { event.text("source.host") } else { host };
    if host.is_empty() { component.into() } else { format!("{component}, {host}") }
}

fn event_count(row: &Row<'_>) -> String {
    match (row.value().int("series.count"), row.value().int("count")) {
        (0, 0) => "1".into(),
        (0, count) => count.to_string(),
        (series, _) => series.to_string(),
    }
}

/// `10.244.1.2:80,10.244.1.3:80`, of the first three addresses.
fn endpoints(value: &Value) -> String {
    let mut addresses = Vec::new();
    for subset in value.list("subsets") {
        let hosts = subset.each("addresses", "ip");
        let ports = subset.list("ports");
        match ports {
            [] => addresses.extend(hosts.iter().map(|host| (*host).to_string())),
            _ => {
                for port in ports {
                    addresses.extend(hosts.iter().map(|host| format!("{host}:{}", port.int("port"))));
                }
            }
        }
    }
    if addresses.is_empty() && value.list("subsets").is_empty() {
        return "<none>".into();
    }
    first_three(&addresses, "")
}

fn slice_ports(row: &Row<'_>) -> String {
    let ports = row.value().list("ports");
    let port = |port: &Value| {
        let number = port.plain("port");
        match (number.is_empty(), port.plain("name").is_empty()) {
            (false, _) => number,
            (true, false) => port.plain("name"),
            (true, true) => "*".into(),
        }
    };
    first_three(&ports.iter().map(port).collect::<Vec<_>>(), "<unset>")
}

fn slice_addresses(row: &Row<'_>) -> String {
    let endpoints = row.value().list("endpoints").iter();
    let addresses: Vec<String> =
        endpoints.flat_map(|endpoint| endpoint.texts("addresses")).map(String::from).collect();
    first_three(&addresses, "<unset>")
}

fn count_of(value: &Value, maps: &[&str]) -> String {
    maps.iter().map(|map| value.entries(map).map_or(0, |map| map.len())).sum::<usize>().to_string()
}

/// `pods: 1/3, requests.cpu: 500m/1`; limits have a column of their own.
fn quota(value: &Value, limits: bool) -> String {
    let used = value.map("status.used");
    let hard = value.map("status.hard");
    let chosen = hard.iter().filter(|(name, _)| name.starts_with("limits.") == limits);
    let zero = "0".to_string();
    let texts = chosen.map(|(name, hard)| format!("{name}: {}/{hard}", used.get(name).unwrap_or(&zero)));
    texts.collect::<Vec<_>>().join(", ")
}

fn phase_or_terminating(row: &Row<'_>) -> String {
    let deleting = row.value().has("metadata.deletionTimestamp");
    if deleting { "Terminating".into() } else { row.value().plain("status.phase") }
}

/// A field that means something once a claim has its volume.
fn of_bound(row: &Row<'_>, path: &str) -> String {
    if row.value().text("spec.volumeName").is_empty() { String::new() } else { row.value().plain(path) }
}

/// The class of a claim or a volume: the annotation of old goes before the field.
fn storage_class(row: &Row<'_>) -> String {
    let annotations = row.value().map("metadata.annotations");
    let old = annotations.get("volume.beta.kubernetes.io/storage-class").cloned();
    old.unwrap_or_else(|| row.value().plain("spec.storageClassName"))
}

fn claim(row: &Row<'_>) -> String {
    let claim = row.value().at("spec.claimRef");
    if claim.is_null() {
        String::new()
    } else {
        format!("{}/{}", claim.text("namespace"), claim.text("name"))
    }
}
