//! The endpoints controller: the older `Endpoints` object of every Service, which 1.36 still writes beside the slices.
//! Models `pkg/controller/endpoint`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::pods::is_ready;
use super::ref_manager::gone_is_fine;
use super::services::{
    HEADLESS_LABEL, is_headless, is_listed, queue_services_of_pod, selector_of, target_port,
};
use super::{Action, Controller};
use crate::api::k8s::ObjectMeta;
use crate::api::meta::StringMap;
use crate::api::sorting;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Service, Status, Tree};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};

const MANAGED_BY_LABEL: &str = "endpoints.kubernetes.io/managed-by";

/// The controller. It remembers nothing between two looks.
#[derive(Clone, Debug)]
pub struct EndpointsController;

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE, Kind::POD]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match change.key.kind {
            Kind::SERVICE => {
                // Without a selector the addresses are somebody else's.
                let service = view.get::<Service>(&change.key.namespace, &change.key.name);
                if service.is_none_or(|service| selector_of(service).is_some()) {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            _ => queue_services_of_pod(change, view, queue),
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(service) = view.get::<Service>(&key.namespace, &key.name) else {
            let endpoints = Key::new(Kind::ENDPOINTS, &key.namespace, &key.name);
            gone_is_fine(client.delete(&endpoints, &DeleteOptions::default(), None))?;
            return Ok(Action::AwaitChange);
        };
        let Some(selector) = selector_of(service) else { return Ok(Action::AwaitChange) };
        let pods = view
            .list::<Pod>(Some(&key.namespace))
            .filter(|pod| is_listed(pod) && selector.matches(pod.labels()));
        let mut fields = Map::new();
        let subsets = subsets(service, pods);
        if !subsets.is_empty() {
            fields.insert("subsets".into(), subsets.into());
        }
        write(service, fields, client)?;
        Ok(Action::AwaitChange)
    }
}

/// Addresses and what is said of each: the ready ones, and the others.
type ByReadiness = [Vec<(String, Value)>; 2];

/// The addresses grouped by the ports at which they are reached, ready ones apart from others. A pod on its way out is not
/// listed, unless the Service publishes its pods whatever their state.
fn subsets<'a>(service: &Service, pods: impl Iterator<Item = &'a Pod>) -> Vec<Value> {
    let always = service.spec.publish_not_ready_addresses == Some(true);
    let mut groups: Vec<(Vec<Value>, ByReadiness)> = Vec::new();
    for pod in pods.filter(|pod| always || !pod.is_deleting()) {
        let ports = ports_of(service, pod);
        let place = match groups.iter().position(|(known, _)| *known == ports) {
            Some(place) => place,
            None => {
                groups.push((ports, Default::default()));
                groups.len() - 1
            }
        };
        let ready = always || is_ready(pod);
        let address = pod.status.pod_ip.clone().unwrap_or_default();
        groups[place].1[usize::from(!ready)].push((address, address_of(pod)));
    }
    let subset = |(ports, addresses): (Vec<Value>, ByReadiness)| {
        let mut subset = Map::new();
        for (field, mut addresses) in ["addresses", "notReadyAddresses"].into_iter().zip(addresses) {
            sorting::sort_by(&mut addresses, |(a, _), (b, _)| a.cmp(b));
            let addresses: Vec<Value> = addresses.into_iter().map(|(_, address)| address).collect();
            if !addresses.is_empty() {
                subset.insert(field.into(), addresses.into());
            }
        }
        if !ports.is_empty() {
            subset.insert("ports".into(), ports.into());
        }
        Value::Object(subset)
    };
    groups.into_iter().map(subset).collect()
}

fn address_of(pod: &Pod) -> Value {
    let target = json!({"kind": "Pod", "name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid()});
    let mut address = json!({"ip": pod.status.pod_ip, "targetRef": target});
    if let Some(node) = &pod.spec.node_name {
        address["nodeName"] = node.clone().into();
    }
    address
}

fn ports_of(service: &Service, pod: &Pod) -> Vec<Value> {
    let ports = service.spec.ports.iter().flatten();
    let reached = ports.filter_map(|port| {
        let mut entry = json!({"port": target_port(port, pod)?});
        if let Some(protocol) = &port.protocol {
            entry["protocol"] = protocol.clone().into();
        }
        if let Some(name) = port.name.as_ref().filter(|name| !name.is_empty()) {
            entry["name"] = name.clone().into();
        }
        Some(entry)
    });
    reached.collect()
}

fn labels_of(service: &Service) -> StringMap {
    let mut labels = service.labels().clone();
    labels.insert(MANAGED_BY_LABEL.into(), "endpoint-controller".into());
    if is_headless(service) {
        labels.insert(HEADLESS_LABEL.into(), String::new());
    } else {
        labels.remove(HEADLESS_LABEL);
    }
    labels
}

/// Writes the object where it differs from the one that is there.
fn write(service: &Service, fields: Map<String, Value>, client: &mut Client<'_>) -> Result<(), Status> {
    let key = Key::new(Kind::ENDPOINTS, service.namespace(), service.name());
    let labels = labels_of(service);
    if let Ok(Object::Tree(tree)) = client.get(&key).as_deref() {
        if *tree.fields == fields && *tree.labels() == labels {
            return Ok(());
        }
        let mut updated = tree.clone();
        updated.fields = Arc::new(fields);
        Arc::make_mut(&mut updated.meta).labels = Some(labels);
        return client.update_object(Object::Tree(updated)).map(drop);
    }
    let meta = ObjectMeta {
        name: Some(service.name().into()),
        namespace: Some(service.namespace().into()),
        labels: Some(labels),
        ..Default::default()
    };
    let tree = Tree {
        kind: Kind::ENDPOINTS,
        revision: 0,
        meta: Arc::new(meta),
        fields: Arc::new(fields),
        status: Arc::default(),
    };
    client.create_object(Object::Tree(tree)).map(drop)
}
