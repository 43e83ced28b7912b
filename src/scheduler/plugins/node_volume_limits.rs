//! # What it does
//! A driver attaches only so many volumes to a node; its CSINode says how many.
//! # Example
//! A node whose driver takes 2 volumes, with 2 in use: a pod with a third is refused, one that shares them is not.
//! # Upstream
//! `plugins/nodevolumelimits`

use std::sync::Arc;

use sorted::SortedMap;

use serde_json::Value;

use super::names;
use crate::api::k8s::Volume as PodVolume;
use crate::api::pod_status::is_for_pod;
use crate::api::{Kind, MetaExt, Object, PersistentVolumeClaim, Pod, StorageClass, VolumeAttachment};
use crate::client::Change;
use crate::scheduler::framework::volumes::{Claim, claim_name, find, not_found, uses_claim};
use crate::scheduler::framework::{
    Action, ClusterEvent, Code, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point,
    PreFilterResult, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct NodeVolumeLimits;

/// Volumes by driver and handle.
type Attached = SortedMap<(String, String), ()>;

/// What is the same for every node, found out once per cycle.
#[derive(Clone, Debug)]
struct Asked(Arc<Demand>);

#[derive(Debug)]
struct Demand {
    /// The pod's own volumes, or why they cannot be told.
    new: Result<Attached, Status>,
    /// By node the volumes that are attached to it, whether or not a pod uses them.
    attachments: SortedMap<String, Attached>,
}

/// The kinds of volumes that were once part of Kubernetes and are now served by a driver: provisioner, driver, the field of the
/// volume's source, and the field that tells two of them apart (`csi-translation-lib`). A node that has a CSINode has them all
/// migrated (`isCSIMigrationOn`); the files of Azure and the disks of vSphere are never asked about.
const MIGRATED: [(&str, &str, &str, &str); 5] = [
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com", "awsElasticBlockStore", "volumeID"),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io", "gcePersistentDisk", "pdName"),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com", "azureDisk", "diskURI"),
    ("kubernetes.io/cinder", "cinder.csi.openstack.org", "cinder", "volumeID"),
    ("kubernetes.io/portworx-volume", "pxd.portworx.com", "portworxVolume", "volumeID"),
];

/// How many volumes each driver of a CSINode attaches.
fn limits(node: &Object) -> SortedMap<String, i64> {
    let spec = node.part("spec");
    let drivers = spec["drivers"].as_array().into_iter().flatten();
    let limit = |driver: &Value| {
        Some((driver["name"].as_str()?.to_string(), driver.pointer("/allocatable/count")?.as_i64()?))
    };
    drivers.filter_map(limit).collect()
}

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> &'static str {
        names::NODE_VOLUME_LIMITS
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 4] = [
            ClusterEvent::new(EventResource::Kind(Kind::CSI_NODE), Action::ADD.or(Action::UPDATE)),
            ClusterEvent::new(EventResource::AssignedPod, Action::DELETE),
            ClusterEvent::new(EventResource::Kind(Kind::PERSISTENT_VOLUME_CLAIM), Action::ADD),
            ClusterEvent::new(EventResource::Kind(Kind::VOLUME_ATTACHMENT), Action::DELETE),
        ];
        &EVENTS
    }

    /// A pod that goes helps if it had a volume that counts; a claim, if it is the pod's; a driver, if it attaches more than
    /// before.
    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        match (change.object().as_ref(), change.before.as_deref()) {
            (Object::Pod(gone), _) => Hint::queue_if(has_counted_volumes(gone)),
            (claim, _) if claim.kind() == Kind::PERSISTENT_VOLUME_CLAIM => {
                Hint::queue_if(uses_claim(&pod.pod, claim))
            }
            (node, Some(before)) if node.kind() == Kind::CSI_NODE => {
                let before = limits(before);
                let grown =
                    |(driver, limit): (&String, &i64)| before.get(driver).is_some_and(|old| limit > old);
                Hint::queue_if(limits(node).iter().any(grown))
            }
            _ => Hint::Queue,
        }
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        if !has_counted_volumes(&pod.pod) {
            return Err(Status::skip());
        }
        let mut new = Attached::new();
        let counted = count_volumes(cx, &pod.pod, true, &mut new);
        let attachments = attachments(cx);
        state.write(Asked(Arc::new(Demand { new: counted.map(|()| new), attachments })));
        Ok(None)
    }

    fn filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        match exceeded(cx, state, node)? {
            Some(_) => Err(Status::unschedulable("node(s) exceed max volume count")),
            None => Ok(()),
        }
    }

    fn detail(&self, cx: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        match exceeded(cx, state, node) {
            Ok(Some((driver, used, new, limit))) => {
                format!("{driver} has {used} of {limit} volumes in use, {new} more wanted")
            }
            _ => String::new(),
        }
    }
}

/// A driver that would have to attach more volumes than it can: its name, how many it has, how many more are wanted, its limit.
fn exceeded(
    cx: &Context<'_>,
    state: &CycleState,
    node: &NodeInfo,
) -> Result<Option<(String, i64, i64, i64)>, Status> {
    let Some(Asked(demand)) = state.read::<Asked>() else { return Ok(None) };
    let new = demand.new.as_ref().map_err(Clone::clone)?;
    let limits = find(cx.view, Kind::CSI_NODE, &node.name).map(limits).unwrap_or_default();
    if new.is_empty() || limits.is_empty() {
        return Ok(None);
    }
    let mut attached = demand.attachments.get(&*node.name).cloned().unwrap_or_default();
    for there in &node.pods {
        count_volumes(cx, &there.pod, false, &mut attached)?;
    }
    // A volume that several pods of the node share counts once.
    let more = |driver: &str| {
        let more = new.keys().filter(|volume| volume.0 == driver && !attached.contains_key(volume));
        more.count() as i64
    };
    let used = |driver: &str| attached.keys().filter(|(of, _)| of == driver).count() as i64;
    let full = limits.iter().find_map(|(driver, limit)| {
        let (used, more) = (used(driver), more(driver));
        (more > 0 && used + more > *limit).then(|| (driver.clone(), used, more, *limit))
    });
    Ok(full)
}

/// By node the volumes that are attached to it. Where no node has a limit nobody asks.
fn attachments(cx: &Context<'_>) -> SortedMap<String, Attached> {
    let mut attached: SortedMap<String, Attached> = SortedMap::new();
    if cx.view.objects(Kind::CSI_NODE, None).next().is_none() {
        return attached;
    }
    for attachment in cx.view.list::<VolumeAttachment>(None) {
        let spec = &attachment.spec;
        let volume = spec.source.persistent_volume_name.as_deref();
        if let Some(volume) = volume.and_then(|name| find(cx.view, Kind::PERSISTENT_VOLUME, name))
            && let Some(handle) = volume.part("spec").pointer("/csi/volumeHandle").and_then(Value::as_str)
        {
            let on_node = attached.entry(spec.node_name.clone()).or_default();
            on_node.insert((spec.attacher.clone(), handle.to_string()), ());
        }
    }
    attached
}

fn has_counted_volumes(pod: &Pod) -> bool {
    let counts = |volume: &PodVolume| {
        volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some() || inline(volume).is_some()
    };
    pod.spec.volumes.iter().flatten().any(counts)
}

/// A volume named in the pod itself that a driver serves nowadays: the driver and the handle.
fn inline(volume: &PodVolume) -> Option<(&'static str, String)> {
    // In the order of `MIGRATED`.
    let handles = [
        volume.aws_elastic_block_store.as_ref().map(|source| &source.volume_id),
        volume.gce_persistent_disk.as_ref().map(|source| &source.pd_name),
        volume.azure_disk.as_ref().map(|source| &source.disk_uri),
        volume.cinder.as_ref().map(|source| &source.volume_id),
        volume.portworx_volume.as_ref().map(|source| &source.volume_id),
    ];
    let mut known = MIGRATED.iter().zip(handles);
    known.find_map(|((_, driver, ..), handle)| Some((*driver, own_handle(handle?))))
}

/// Adds a pod's volumes that a driver attaches. For the pod to place every claim has to be there; pods that run already may have
/// lost theirs.
fn count_volumes(cx: &Context<'_>, pod: &Pod, is_new: bool, attached: &mut Attached) -> Result<(), Status> {
    for volume in pod.spec.volumes.iter().flatten() {
        let Some((name, is_ephemeral)) = claim_name(pod, volume) else {
            if let Some((driver, handle)) = inline(volume) {
                attached.insert((driver.to_string(), handle), ());
            }
            continue;
        };
        let claim = match cx.view.get::<PersistentVolumeClaim>(pod.namespace(), &name) {
            Some(claim) => claim,
            None if is_new => {
                let missing = not_found(Kind::PERSISTENT_VOLUME_CLAIM, &name);
                let words = format!("looking up PVC {}/{name}: {missing}", pod.namespace());
                return Err(Status::unresolvable(words));
            }
            None => continue,
        };
        if is_ephemeral {
            is_for_pod(pod, claim).map_err(|words| Status::new(Code::Error, words))?;
        }
        if let Some(volume) = driver_and_handle(cx, &Claim::read(claim)) {
            attached.insert(volume, ());
        }
    }
    Ok(())
}

/// The driver of a claim's volume and what the driver calls it; of a claim without volume, what it will be made by.
fn driver_and_handle(cx: &Context<'_>, claim: &Claim) -> Option<(String, String)> {
    let Some(volume) = find(cx.view, Kind::PERSISTENT_VOLUME, &claim.volume_name) else {
        let provisioner = &cx.view.get::<StorageClass>("", &claim.class)?.spec.provisioner;
        // A handle that no volume has, so that two claims are never taken for one.
        let handle = format!("claim/{}/{}", claim.key.namespace, claim.key.name);
        let migrated = MIGRATED.iter().find(|(plugin, ..)| plugin == provisioner);
        let driver = migrated.map_or(provisioner.as_str(), |(_, driver, ..)| driver).to_string();
        return Some((driver, handle)).filter(|(driver, _)| !driver.is_empty());
    };
    let spec = volume.part("spec");
    let text = |path: &str| spec.pointer(path).and_then(Value::as_str).map(String::from);
    if spec.get("csi").is_some_and(Value::is_object) {
        let known = (text("/csi/driver")?, text("/csi/volumeHandle")?);
        return Some(known).filter(|(driver, handle)| !driver.is_empty() && !handle.is_empty());
    }
    let (_, driver, source, id) =
        MIGRATED.iter().find(|(_, _, source, _)| spec.get(*source).is_some_and(Value::is_object))?;
    Some(((*driver).to_string(), own_handle(&text(&format!("/{source}/{id}"))?)))
}

/// What the driver calls a volume: without the zone that used to stand before it (`aws://us-east-1a/vol-1`).
fn own_handle(id: &str) -> String {
    match id.strip_prefix("aws://") {
        Some(path) => path.rsplit('/').next().unwrap_or_default().to_string(),
        None => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scheduler::plugins::test_support::{bound_claim, cluster, filter_all, object, view_of};
    use crate::testing::{node, pod};

    fn csi_volume(name: &str) -> Object {
        let csi = json!({"driver": "d", "volumeHandle": name});
        object(Kind::PERSISTENT_VOLUME, json!({"metadata": {"name": name}, "spec": {"csi": csi}}))
    }

    #[test]
    fn a_driver_attaches_no_more_than_it_can_and_counts_a_shared_volume_once() {
        let drivers = json!([{"name": "d", "nodeID": "n", "allocatable": {"count": 1}}]);
        let csi_node =
            object(Kind::CSI_NODE, json!({"metadata": {"name": "n1"}, "spec": {"drivers": drivers}}));
        let view = view_of([
            csi_node,
            bound_claim("one", "v1"),
            bound_claim("two", "v2"),
            csi_volume("v1"),
            csi_volume("v2"),
        ]);
        let cache = cluster([node("n1"), node("n2")], [pod("there").claim("one").node("n1")]);
        let words = |claim: &str| filter_all(NodeVolumeLimits, pod("p").claim(claim), &cache, &view);
        assert_eq!(words("two"), [Some("node(s) exceed max volume count".to_string()), None]);
        assert_eq!(words("one"), [None, None]);
    }

    #[test]
    fn volumes_from_before_the_drivers_count_for_the_driver_that_serves_them_now() {
        let drivers = json!([{"name": "ebs.csi.aws.com", "nodeID": "n", "allocatable": {"count": 1}}]);
        let disk = |name: &str, id: &str| {
            let spec = json!({"awsElasticBlockStore": {"volumeID": id}});
            object(Kind::PERSISTENT_VOLUME, json!({"metadata": {"name": name}, "spec": spec}))
        };
        let view = view_of([
            object(Kind::CSI_NODE, json!({"metadata": {"name": "n1"}, "spec": {"drivers": drivers}})),
            bound_claim("one", "v1"),
            bound_claim("again", "v2"),
            bound_claim("other", "v3"),
            disk("v1", "aws://us-east-1a/vol-1"),
            disk("v2", "vol-1"),
            disk("v3", "vol-3"),
        ]);
        let cache = cluster([node("n1")], [pod("there").claim("one").node("n1")]);
        let words = |claim: &str| filter_all(NodeVolumeLimits, pod("p").claim(claim), &cache, &view);
        assert_eq!(words("again"), [None], "the same disk");
        assert_eq!(words("other"), [Some("node(s) exceed max volume count".to_string())]);
    }
}
