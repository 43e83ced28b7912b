//! Nodes.

use sorted::{SortedMap, SortedSet};

use serde_json::Value;

use super::Subject;
use super::page::{Page, rfc1123};
use crate::api::k8s::Quantity;
use crate::api::meta::StringMap;
use crate::api::pod_status::pod_amount_milli;
use crate::api::quantity;
use crate::api::sorting;
use crate::api::{Kind, Lease, MetaExt, Object, Pod};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::node_roles;

/// A node.
pub fn node(page: &mut Page, subject: &Subject<'_>) {
    let node = subject.value;
    page.field(0, "Name", subject.name());
    let roles = node_roles(node).join(",");
    page.field(0, "Roles", if roles.is_empty() { "<none>" } else { &roles });
    page.labels_and_annotations(node);
    page.field(0, "CreationTimestamp", rfc1123(node.at("metadata.creationTimestamp")));
    taints(page, node.list("spec.taints"));
    page.field(0, "Unschedulable", node.flag("spec.unschedulable").to_string());
    lease(page, subject);
    page.timed_conditions(node, Some(("LastHeartbeatTime", "lastHeartbeatTime")));
    page.line(0, "Addresses:");
    for address in node.list("status.addresses") {
        page.field(1, address.text("type"), address.text("address"));
    }
    for (label, path) in [("Capacity", "status.capacity"), ("Allocatable", "status.allocatable")] {
        let amounts = node.map(path);
        if !amounts.is_empty() {
            page.line(0, format!("{label}:"));
        }
        amounts.iter().for_each(|(name, amount)| page.field(1, name, amount));
    }
    resource_slices(page, subject);
    system_info(page, node.at("status.nodeInfo"));
    for (label, value) in [
        ("PodCIDR", node.plain("spec.podCIDR")),
        ("PodCIDRs", node.texts("spec.podCIDRs").join(",")),
        ("ProviderID", node.plain("spec.providerID")),
    ] {
        if !value.is_empty() {
            page.field(0, label, value);
        }
    }
    pods(page, subject);
}

fn taints(page: &mut Page, taints: &[Value]) {
    let mut sorted: Vec<&Value> = taints.iter().collect();
    sorting::sort_by_key(&mut sorted, |taint| format!("{},{}", taint.text("effect"), taint.text("key")));
    let text = |taint: &&Value| match (taint.text("key"), taint.text("value"), taint.text("effect")) {
        (key, "", "") => key.to_string(),
        (key, value, "") => format!("{key}={value}:"),
        (key, "", effect) => format!("{key}:{effect}"),
        (key, value, effect) => format!("{key}={value}:{effect}"),
    };
    page.values("", "Taints", &sorted.iter().map(text).collect::<Vec<_>>());
}

fn lease(page: &mut Page, subject: &Subject<'_>) {
    let Some(lease) = subject.view.get::<Lease>("kube-node-lease", subject.name()) else {
        let name = subject.name();
        page.field(
            0,
            "Lease",
            format!("Failed to get lease: leases.coordination.k8s.io \"{name}\" not found"),
        );
        return;
    };
    let lease = Object::from(lease.clone()).to_value();
    let time = |path: &str| if lease.has(path) { rfc1123(lease.at(path)) } else { "<unset>".into() };
    page.line(0, "Lease:");
    page.field(1, "HolderIdentity", lease.text_or("spec.holderIdentity", "<unset>"));
    page.field(1, "AcquireTime", time("spec.acquireTime"));
    page.field(1, "RenewTime", time("spec.renewTime"));
}

/// The pools of devices that are the node's own (`describeNodeResourceSlices`): the first ten.
fn resource_slices(page: &mut Page, subject: &Subject<'_>) {
    const SHOWN: usize = 10;
    let mut pools: SortedMap<String, (String, usize, usize)> = SortedMap::new();
    let slices = subject.view.objects(Kind::RESOURCE_SLICE, None).map(|object| object.to_value());
    for slice in slices.filter(|slice| slice.text("spec.nodeName") == subject.name()) {
        let (driver, pool) = (slice.text("spec.driver"), slice.text("spec.pool.name"));
        let (_, count, devices) =
            pools.entry(format!("{driver}/{pool}")).or_insert_with(|| (format!("{driver}\t{pool}"), 0, 0));
        *count += 1;
        *devices += slice.list("spec.devices").len();
    }
    if pools.is_empty() {
        return;
    }
    page.line(0, "Node-Local ResourceSlices:");
    page.line(1, "Driver\tPool\tSlices\tDevices");
    page.line(1, "------\t----\t------\t-------");
    for (pool, slices, devices) in pools.values().take(SHOWN) {
        page.line(1, format!("{pool}\t{slices}\t{devices}"));
    }
    if pools.len() > SHOWN {
        page.line(1, format!("...and {} more pools", pools.len() - SHOWN));
    }
}

fn system_info(page: &mut Page, info: &Value) {
    page.line(0, "System Info:");
    for (label, path) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        page.field(1, label, info.text(path));
    }
}

/// The pods on the node and what they ask for together (`describeNodeResource`).
fn pods(page: &mut Page, subject: &Subject<'_>) {
    let node = subject.value;
    let allocatable =
        node.map(if node.has("status.allocatable") { "status.allocatable" } else { "status.capacity" });
    let finished = |pod: &&Pod| matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let here: Vec<&Pod> = subject
        .view
        .list::<Pod>(None)
        .filter(|pod| pod.spec.node_name.as_deref() == Some(subject.name()) && !finished(pod))
        .collect();
    page.field(0, "Non-terminated Pods", format!("({} in total)", here.len()));
    page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for pod in &here {
        let cells: Vec<String> = [("cpu", false), ("cpu", true), ("memory", false), ("memory", true)]
            .into_iter()
            .map(|(name, limits)| share(name, pod_amount_milli(&pod.spec, name, limits), &allocatable))
            .collect();
        let age = subject.now.since(pod.created()).human();
        page.line(1, format!("{}\t{}\t\t{}\t{age}", pod.namespace(), pod.name(), cells.join("\t")));
    }
    page.line(0, "Allocated resources:");
    page.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    let total = |name: &str, limits: bool| {
        here.iter().map(|pod| pod_amount_milli(&pod.spec, name, limits)).fold(0, i64::saturating_add)
    };
    let standard = ["cpu", "memory", "ephemeral-storage"];
    let huge: SortedSet<&str> =
        allocatable.keys().map(String::as_str).filter(|name| name.starts_with("hugepages-")).collect();
    for name in standard.into_iter().chain(huge) {
        let cells = [false, true].map(|limits| share(name, total(name, limits), &allocatable));
        page.line(1, format!("{name}\t{}", cells.join("\t")));
    }
    let known = |name: &str| standard.contains(&name) || name == "pods" || name.starts_with("hugepages-");
    for name in allocatable.keys().filter(|name| !known(name)) {
        let cells = [false, true].map(|limits| amount(name, total(name, limits)));
        page.line(1, format!("{name}\t{}", cells.join("\t")));
    }
}

/// `250m (6%)`: an amount, and its share of what the node has, cut to whole percents.
fn share(name: &str, milli: i64, allocatable: &StringMap) -> String {
    let whole = allocatable.get(name).map_or(0, |text| quantity::milli(&Quantity(text.clone())));
    let percent = if whole == 0 { 0 } else { i128::from(milli) * 100 / i128::from(whole) };
    format!("{} ({percent}%)", amount(name, milli))
}

fn amount(name: &str, milli: i64) -> String {
    match name {
        "memory" | "ephemeral-storage" => quantity::format_bytes(milli / 1_000),
        _ => quantity::format_milli(milli),
    }
}
