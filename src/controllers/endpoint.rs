//! The endpoints controller: the older `Endpoints` object of every Service, which 1.36 still writes beside the slices.
//! Models `pkg/controller/endpoint`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::endpointslice::TRIGGER_TIME;
use super::endpointslice::trigger::TriggerTimes;
use super::pods::is_ready;
use super::ref_manager::gone_is_fine;
use super::services::{
    HEADLESS_LABEL, hostname_in, is_headless, is_listed, queue_services_of_pod, selector_of, target_port,
};
use super::{Action, Controller};
use crate::api::k8s::ObjectMeta;
use crate::api::meta::StringMap;
use crate::api::sorting;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Service, Status, Tree};
use crate::client::{Change, Client, DeleteOptions, Retries, View, WorkQueue};
use crate::clock::SimTime;

const MANAGED_BY_LABEL: &str = "endpoints.kubernetes.io/managed-by";

/// The controller, with what was known of the pods before.
#[derive(Clone, Debug, Default)]
pub struct EndpointsController {
    triggers: TriggerTimes,
}

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE, Kind::POD]
    }

    fn retries(&self) -> Retries {
        Retries { most: 15, ..Retries::DEFAULT }
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
            self.triggers.forget(key);
            let endpoints = Key::new(Kind::ENDPOINTS, &key.namespace, &key.name);
            gone_is_fine(client.delete(&endpoints, &DeleteOptions::default(), None))?;
            return Ok(Action::AwaitChange);
        };
        let Some(selector) = selector_of(service) else { return Ok(Action::AwaitChange) };
        let pods: Vec<&Pod> =
            view.list::<Pod>(Some(&key.namespace)).filter(|pod| selector.matches(pod.labels())).collect();
        let triggered = self.triggers.compute(key, service, &pods);
        let pods = pods.into_iter().filter(|pod| is_listed(pod));
        let mut fields = Map::new();
        let subsets = subsets(service, pods);
        if !subsets.is_empty() {
            fields.insert("subsets".into(), subsets.into());
        }
        write(service, fields, triggered, client)?;
        Ok(Action::AwaitChange)
    }
}

/// An address, whether it takes traffic, and what is said of it.
type Address = (String, bool, Value);

/// The addresses grouped by the ports at which they are reached: a port that only some of the pods have makes a subset of its own
/// (`RepackSubsets`). A pod on its way out is not listed, unless the Service publishes its pods whatever their state.
fn subsets<'a>(service: &Service, pods: impl Iterator<Item = &'a Pod>) -> Vec<Value> {
    let always = service.spec.publish_not_ready_addresses == Some(true);
    let mut by_port: Vec<(Option<Value>, Vec<Address>)> = Vec::new();
    for pod in pods.filter(|pod| always || !pod.is_deleting()) {
        let ip = pod.status.pod_ip.clone().unwrap_or_default();
        let address = (ip, always || is_ready(pod), address_of(service, pod));
        for port in ports_of(service, pod) {
            match by_port.iter_mut().find(|(known, _)| *known == port) {
                Some((_, addresses)) => addresses.push(address.clone()),
                None => by_port.push((port, vec![address.clone()])),
            }
        }
    }
    let mut groups: Vec<(Vec<Address>, Vec<Value>)> = Vec::new();
    for (port, mut addresses) in by_port {
        sorting::sort_by(&mut addresses, |(a, ..), (b, ..)| a.cmp(b));
        match groups.iter_mut().find(|(known, _)| *known == addresses) {
            Some((_, ports)) => ports.extend(port),
            None => groups.push((addresses, port.into_iter().collect())),
        }
    }
    groups.into_iter().map(subset).collect()
}

fn subset((addresses, ports): (Vec<Address>, Vec<Value>)) -> Value {
    let mut subset = Map::new();
    for (field, wanted) in [("addresses", true), ("notReadyAddresses", false)] {
        let among = addresses.iter().filter(|(_, ready, _)| *ready == wanted);
        let among: Vec<Value> = among.map(|(.., address)| address.clone()).collect();
        if !among.is_empty() {
            subset.insert(field.into(), among.into());
        }
    }
    if !ports.is_empty() {
        subset.insert("ports".into(), ports.into());
    }
    Value::Object(subset)
}

fn address_of(service: &Service, pod: &Pod) -> Value {
    let target = json!({"kind": "Pod", "name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid()});
    let mut address = json!({"ip": pod.status.pod_ip, "targetRef": target});
    if let Some(node) = &pod.spec.node_name {
        address["nodeName"] = node.clone().into();
    }
    if let Some(hostname) = hostname_in(service, pod) {
        address["hostname"] = hostname.into();
    }
    address
}

/// The ports of one pod; one that the pod does not name is left out. A Service without an address needs none: `None` stands for
/// the pod itself.
fn ports_of(service: &Service, pod: &Pod) -> Vec<Option<Value>> {
    let ports = service.spec.ports.as_deref().unwrap_or_default();
    if ports.is_empty() && is_headless(service) {
        return vec![None];
    }
    let reached = ports.iter().filter_map(|port| {
        let mut entry = json!({"port": target_port(port, pod)?});
        let texts = [("protocol", &port.protocol), ("name", &port.name), ("appProtocol", &port.app_protocol)];
        for (field, text) in texts {
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                entry[field] = text.clone().into();
            }
        }
        Some(Some(entry))
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

fn annotations(known: Option<StringMap>, triggered: Option<SimTime>) -> Option<StringMap> {
    let mut annotations = known.unwrap_or_default();
    annotations.remove(TRIGGER_TIME);
    annotations.extend(triggered.map(|time| (TRIGGER_TIME.to_string(), time.to_time().to_string())));
    Some(annotations).filter(|annotations| !annotations.is_empty())
}

/// Writes the object where it differs from the one that is there.
fn write(
    service: &Service,
    fields: Map<String, Value>,
    triggered: Option<SimTime>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let key = Key::new(Kind::ENDPOINTS, service.namespace(), service.name());
    let labels = labels_of(service);
    if let Ok(Object::Tree(tree)) = client.get(&key).as_deref() {
        if *tree.fields == fields && *tree.labels() == labels {
            return Ok(());
        }
        let mut updated = tree.clone();
        updated.fields = Arc::new(fields);
        let meta = Arc::make_mut(&mut updated.meta);
        meta.labels = Some(labels);
        meta.annotations = annotations(meta.annotations.take(), triggered);
        return client.update_object(Object::Tree(updated)).map(drop);
    }
    let meta = ObjectMeta {
        name: Some(service.name().into()),
        namespace: Some(service.namespace().into()),
        labels: Some(labels),
        annotations: annotations(None, triggered),
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
