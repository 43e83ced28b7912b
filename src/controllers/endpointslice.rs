//! The EndpointSlice controller: for every Service, the pods behind it and which of them are ready. Models
//! `pkg/controller/endpointslice`, and `pkg/controller/endpoint` for the older `Endpoints` object.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::pods::is_ready;
use super::ref_manager::controller_reference;
use super::{Action, Controller};
use crate::api::explain::{EndpointStep, Explain};
use crate::api::k8s::{Endpoint, EndpointConditions, EndpointPort, IntOrString, ObjectMeta, ServicePort};
use crate::api::object::EndpointSliceFields;
use crate::api::selector::Selector;
use crate::api::{EndpointSlice, Key, Kind, MetaExt, Node, Object, Pod, Service, Status, Tree};
use crate::client::recorder::reference;
use crate::client::{Change, Client, View, WorkQueue};

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const ZONE: &str = "topology.kubernetes.io/zone";

/// The controller. It remembers nothing between two looks.
#[derive(Clone, Debug)]
pub struct EndpointSliceController;

impl Controller for EndpointSliceController {
    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE, Kind::POD, Kind::ENDPOINT_SLICE]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match &**change.object() {
            Object::Service(_) => queue.add(change.key.clone(), Some(change.revision)),
            Object::EndpointSlice(slice) => {
                if let Some(service) = slice.labels().get(SERVICE_LABEL) {
                    queue.add(Key::new(Kind::SERVICE, slice.namespace(), service), Some(change.revision));
                }
            }
            Object::Pod(pod) => {
                let versions = [&change.before, &change.after];
                for service in view.list::<Service>(Some(pod.namespace())) {
                    let Some(selector) = selector_of(service) else { continue };
                    if versions
                        .iter()
                        .any(|version| version.as_ref().is_some_and(|pod| selector.matches(pod.labels())))
                    {
                        queue.add(
                            Key::new(Kind::SERVICE, pod.namespace(), service.name()),
                            Some(change.revision),
                        );
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // Slices of a Service that is gone are the garbage collector's; a Service without selector keeps its own.
        let Some(service) = view.get::<Service>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let Some(selector) = selector_of(service) else { return Ok(Action::AwaitChange) };
        let pods: Vec<&Pod> =
            view.list::<Pod>(Some(&key.namespace)).filter(|pod| selector.matches(pod.labels())).collect();
        let fields = slice_fields(service, &pods, view);
        let ready = |endpoint: &&Endpoint| {
            endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
        };
        let ready_count = fields.endpoints.iter().filter(ready).count() as u32;
        let explain =
            EndpointStep { ready: ready_count, not_ready: fields.endpoints.len() as u32 - ready_count };
        write_slice(service, fields, explain, view, client)?;
        write_endpoints(service, &pods, client)?;
        Ok(Action::AwaitChange)
    }
}

fn selector_of(service: &Service) -> Option<Selector> {
    let selector = service.spec.selector.as_ref().filter(|selector| !selector.is_empty())?;
    (service.spec.type_.as_deref() != Some("ExternalName")).then(|| Selector::from_map(selector))
}

/// Whether a pod is listed: it has an address, and has not ended.
fn is_listed(pod: &Pod) -> bool {
    pod.status.pod_ip.is_some() && !matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

fn slice_fields(service: &Service, pods: &[&Pod], view: &View) -> EndpointSliceFields {
    let listed: Vec<&&Pod> = pods.iter().filter(|pod| is_listed(pod)).collect();
    let endpoints = listed.iter().map(|pod| endpoint(service, pod, view)).collect();
    let port = |port: &ServicePort| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: target_port(port, listed.first().map(|pod| **pod)),
        protocol: port.protocol.clone(),
        app_protocol: port.app_protocol.clone(),
    };
    let ports = service.spec.ports.iter().flatten().map(port).collect();
    EndpointSliceFields { address_type: "IPv4".into(), endpoints, ports: Some(ports) }
}

fn endpoint(service: &Service, pod: &Pod, view: &View) -> Endpoint {
    let serving = is_ready(pod);
    let terminating = pod.is_deleting();
    let always = service.spec.publish_not_ready_addresses == Some(true);
    let node = pod.spec.node_name.clone();
    let zone = node.as_deref().and_then(|node| view.get::<Node>("", node)?.labels().get(ZONE).cloned());
    let zone = zone.or_else(|| pod.labels().get(ZONE).cloned());
    Endpoint {
        addresses: pod.status.pod_ip.iter().cloned().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(always || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: node,
        target_ref: Some(reference(pod)),
        zone,
        ..Default::default()
    }
}

/// The port of the pods that a Service's port leads to: a number, or the container port of that name.
fn target_port(port: &ServicePort, pod: Option<&Pod>) -> Option<i32> {
    match &port.target_port {
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let ports = pod?.spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
            ports
                .filter(|candidate| candidate.name.as_ref() == Some(name))
                .map(|port| port.container_port)
                .next()
        }
        None => Some(port.port),
    }
}

/// Writes the Service's slice where it differs from the one that is there.
fn write_slice(
    service: &Service,
    fields: EndpointSliceFields,
    explain: EndpointStep,
    view: &View,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let own = |slice: &&EndpointSlice| slice.is_controlled_by(service.uid());
    let explain = Some(Explain::Endpoints(explain));
    match view.list::<EndpointSlice>(Some(service.namespace())).find(own) {
        Some(slice) if *slice.spec == fields => Ok(()),
        Some(slice) => {
            let mut updated = slice.clone();
            updated.spec = Arc::new(fields);
            client.update(updated, explain).map(|_| ())
        }
        None => {
            // A slice that was made and not yet delivered must not be made again.
            let made = client
                .live()
                .list::<EndpointSlice>(Some(service.namespace()))
                .any(|slice| slice.is_controlled_by(service.uid()));
            if made {
                return Ok(());
            }
            let labels = [(SERVICE_LABEL, service.name()), (MANAGED_BY, "endpointslice-controller.k8s.io")];
            let meta = ObjectMeta {
                generate_name: Some(format!("{}-", service.name())),
                namespace: Some(service.namespace().into()),
                labels: Some(
                    labels.map(|(key, value)| (key.to_string(), value.to_string())).into_iter().collect(),
                ),
                owner_references: Some(vec![controller_reference(service)]),
                ..Default::default()
            };
            client.create(EndpointSlice::new(meta, fields), explain).map(|_| ())
        }
    }
}

/// Writes the older `Endpoints` object: addresses in two groups, ready and not.
fn write_endpoints(service: &Service, pods: &[&Pod], client: &mut Client<'_>) -> Result<(), Status> {
    let key = Key::new(Kind::ENDPOINTS, service.namespace(), service.name());
    let listed: Vec<&&Pod> = pods.iter().filter(|pod| is_listed(pod) && !pod.is_deleting()).collect();
    let address = |pod: &Pod| {
        json!({"ip": pod.status.pod_ip, "nodeName": pod.spec.node_name,
               "targetRef": {"kind": "Pod", "name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid()}})
    };
    let group = |ready: bool| -> Vec<Value> {
        listed.iter().filter(|pod| is_ready(pod) == ready).map(|pod| address(pod)).collect()
    };
    let ports: Vec<Value> = service
        .spec
        .ports
        .iter()
        .flatten()
        .filter_map(|port| {
            let mut entry = json!({"port": target_port(port, listed.first().map(|pod| **pod))?, "protocol": port.protocol});
            if let Some(name) = &port.name {
                entry["name"] = name.clone().into();
            }
            Some(entry)
        })
        .collect();
    let mut subset = Map::new();
    for (name, addresses) in
        [("addresses", group(true)), ("notReadyAddresses", group(false)), ("ports", ports)]
    {
        if !addresses.is_empty() {
            subset.insert(name.into(), addresses.into());
        }
    }
    let mut fields = Map::new();
    if subset.contains_key("addresses") || subset.contains_key("notReadyAddresses") {
        fields.insert("subsets".into(), json!([subset]));
    }
    match client.get(&key).as_deref() {
        Ok(Object::Tree(tree)) if *tree.fields == fields => Ok(()),
        Ok(Object::Tree(tree)) => {
            let updated = Tree { fields: Arc::new(fields), ..tree.clone() };
            client.update_object(Object::Tree(updated)).map(|_| ())
        }
        _ => {
            let meta = ObjectMeta {
                name: Some(service.name().into()),
                namespace: Some(service.namespace().into()),
                labels: service.meta.labels.clone(),
                ..Default::default()
            };
            let tree = Tree {
                kind: Kind::ENDPOINTS,
                revision: 0,
                meta: Arc::new(meta),
                fields: Arc::new(fields),
                status: Arc::default(),
            };
            client.create_object(Object::Tree(tree)).map(|_| ())
        }
    }
}
