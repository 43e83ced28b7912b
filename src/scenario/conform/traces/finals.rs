//! The fourth column: every object at the end.

use sorted::{SortedMap, SortedSet};

use serde_json::Value;

use super::cluster;
use super::replay::Replay;
use crate::api::MetaExt;
use crate::scenario::conform::diff;
use crate::scenario::conform::normal::Normalizer;

/// Kinds that are compared only where the recording has them: it does not follow them everywhere.
const WHERE_RECORDED: [&str; 16] = [
    "APIService",
    "FlowSchema",
    "PriorityLevelConfiguration",
    "StorageClass",
    "PersistentVolume",
    "Namespace",
    "Node",
    "Event",
    "Lease",
    "Endpoints",
    "ServiceAccount",
    "PriorityClass",
    "Secret",
    "ConfigMap",
    "ClusterRole",
    "ClusterRoleBinding",
];
/// Made by other software than Kubernetes in the recorded cluster.
pub(super) const FOREIGN: &str = "openshift-service-ca.crt";
/// In every namespace of a real cluster; recordings leave it out.
const ROOT_CA: &str = "kube-root-ca.crt";

/// The differences between the recorded objects and ours.
pub fn compare(case: &Value, replay: &Replay, theirs: &Normalizer, ours: &Normalizer) -> Vec<String> {
    let recorded = recorded_objects(case, theirs);
    let namespace = case["scenario"].as_str().unwrap_or_default();
    let mut here: SortedMap<String, Vec<Value>> = SortedMap::new();
    for (key, object) in replay.simulation.view().all() {
        let kind = key.kind.name();
        let inside = &*key.namespace == namespace || key.namespace.is_empty();
        let followed = recorded.contains_key(kind) || !WHERE_RECORDED.contains(&kind);
        // Whether a pod that is being deleted is quite gone is chance.
        let leaving = kind == "Pod" && object.is_deleting();
        if inside && followed && !leaving && ![ROOT_CA, FOREIGN].contains(&&*key.name) {
            here.entry(kind.into()).or_default().push(comparable(kind, &object.to_value(), ours));
        }
    }
    here.values_mut().for_each(|objects| sort(objects));
    let mut differences = Vec::new();
    let kinds: SortedSet<&String> = recorded.keys().chain(here.keys()).collect();
    for kind in kinds {
        let none = Vec::new();
        let (recorded, here) = (recorded.get(kind).unwrap_or(&none), here.get(kind).unwrap_or(&none));
        if recorded.len() != here.len() {
            differences.push(format!("{kind}: recorded {}, here {}", recorded.len(), here.len()));
        }
        for (recorded, here) in recorded.iter().zip(here) {
            let name = recorded["metadata"]["name"].as_str().unwrap_or_default();
            diff::values(&format!("{kind} {name}"), recorded, here, &mut differences);
        }
    }
    differences
}

fn recorded_objects(case: &Value, normal: &Normalizer) -> SortedMap<String, Vec<Value>> {
    let mut kinds = SortedMap::new();
    for (kind, objects) in case["final"].as_object().into_iter().flatten() {
        let objects = objects.as_array().into_iter().flatten();
        let own = objects.filter(|object| {
            let name = &object["metadata"]["name"];
            let leaving = kind == "Pod" && !object["metadata"]["deletionTimestamp"].is_null();
            !leaving && name != FOREIGN && name != ROOT_CA
        });
        let mut objects: Vec<Value> = own.map(|object| comparable(kind, object, normal)).collect();
        if !objects.is_empty() {
            sort(&mut objects);
            kinds.insert(kind.clone(), objects);
        }
    }
    kinds
}

/// An object without what is chance, and without the count of the steps that merging leaves open.
fn comparable(kind: &str, object: &Value, normal: &Normalizer) -> Value {
    let mut object = cluster::stable(object, normal);
    if let Some(fields) = object.as_object_mut() {
        // Some were read from a list, whose items do not repeat them.
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    if kind == "ReplicaSet" {
        for path in ["/metadata/generation", "/status/observedGeneration"] {
            if let Some(generation) = object.pointer_mut(path) {
                *generation = Value::from("<steps>");
            }
        }
    }
    if kind == "Pod" {
        order_status(&mut object["status"]);
    }
    if kind == "Node" {
        reduce_node(&mut object["status"]);
    }
    if kind == "EndpointSlice" {
        // Whole seconds: whether a pod became ready in the second in which it was made is chance, and so is in how many
        // steps a slice was filled.
        object["metadata"]["generation"] = Value::from("<steps>");
        if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
            annotations.remove("endpoints.kubernetes.io/last-change-trigger-time");
        }
        if object["metadata"]["annotations"].as_object().is_some_and(serde_json::Map::is_empty) {
            object["metadata"]["annotations"] = Value::Null;
        }
    }
    let endpoints = object["endpoints"].as_array_mut().filter(|_| kind == "EndpointSlice");
    if let Some(endpoints) = endpoints {
        sort(endpoints);
    }
    object
}

/// What the recordings' stand-in kubelet says of its machine is no evidence of what a kubelet says.
fn reduce_node(status: &mut Value) {
    let Some(fields) = status.as_object_mut() else { return };
    ["nodeInfo", "images", "features", "runtimeHandlers", "declaredFeatures"].iter().for_each(|field| {
        fields.remove(*field);
    });
    for list in ["capacity", "allocatable"] {
        if let Some(list) = fields.get_mut(list).and_then(Value::as_object_mut) {
            list.retain(|name, _| !name.starts_with("hugepages-"));
        }
    }
}

/// A pod's status was written by the stand-in kubelet of the recordings, which is no evidence of order or bookkeeping: the
/// conditions are sorted by type, and generations and empty states are left out.
fn order_status(status: &mut Value) {
    let Some(fields) = status.as_object_mut() else { return };
    fields.remove("observedGeneration");
    if let Some(conditions) = fields.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.sort_by_cached_key(|condition| condition["type"].to_string());
        conditions.iter_mut().filter_map(Value::as_object_mut).for_each(|condition| {
            condition.remove("observedGeneration");
        });
    }
    for list in ["containerStatuses", "initContainerStatuses"] {
        let statuses = fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for status in statuses.filter_map(Value::as_object_mut) {
            if status.get("lastState").is_some_and(|state| state.as_object().is_some_and(|it| it.is_empty()))
            {
                status.remove("lastState");
            }
        }
    }
}

fn sort(objects: &mut [Value]) {
    let key = |object: &Value| (object["metadata"]["name"].to_string(), object.to_string());
    objects.sort_by_cached_key(key);
}
