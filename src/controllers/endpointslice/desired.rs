//! The endpoints that a Service should have. Of a pod as much is looked at as says whether the slices list it as it is; it is
//! written out only where they do not, since most of a Service's pods stay as they are from one look to the next.

use sorted::SortedMap;

use super::ZONE;
use super::plan::Wanted;
use crate::api::k8s::{Endpoint, EndpointConditions, EndpointPort, IntOrString, ObjectReference};
use crate::api::{KubeObject, MetaExt, Node, Pod, Service};
use crate::client::View;
use crate::controllers::pods::is_ready;
use crate::controllers::services::{hostname_in, is_listed, sort_ports, target_port};

/// A pod as an endpoint (`podToEndpoint`).
pub struct Candidate<'a> {
    pod: &'a Pod,
    /// It is ready if it serves and is not on its way out, or if the Service publishes its pods whatever their state.
    pub ready: bool,
    serving: bool,
    terminating: bool,
    hostname: Option<&'a str>,
    zone: Option<&'a str>,
}

/// The pods that are reached at the same ports.
pub type Group<'a> = (Vec<EndpointPort>, Vec<Candidate<'a>>);

impl<'a> Candidate<'a> {
    pub fn new(service: &Service, pod: &'a Pod, zone: Option<&'a str>) -> Candidate<'a> {
        let (serving, terminating) = (is_ready(pod), pod.is_deleting());
        let always = service.spec.publish_not_ready_addresses == Some(true);
        let ready = always || (serving && !terminating);
        Candidate { pod, ready, serving, terminating, hostname: hostname_in(service, pod), zone }
    }

    pub fn conditions(&self) -> EndpointConditions {
        EndpointConditions {
            ready: Some(self.ready),
            serving: Some(self.serving),
            terminating: Some(self.terminating),
        }
    }
}

impl Wanted for Candidate<'_> {
    fn uid(&self) -> Option<&str> {
        self.pod.meta.uid.as_deref()
    }

    fn is_at(&self, addresses: &[String]) -> bool {
        addresses.iter().eq(&self.pod.status.pod_ip)
    }

    fn is_listed_as(&self, endpoint: &Endpoint) -> bool {
        let meta = &self.pod.meta;
        let target = |target: &ObjectReference| {
            target.kind.as_deref() == Some(Pod::KIND.name())
                && (&target.namespace, &target.name, &target.uid) == (&meta.namespace, &meta.name, &meta.uid)
        };
        self.is_at(&endpoint.addresses)
            && endpoint.conditions.as_ref() == Some(&self.conditions())
            && endpoint.hostname.as_deref() == self.hostname
            && endpoint.node_name == self.pod.spec.node_name
            && endpoint.zone.as_deref() == self.zone
            && endpoint.target_ref.as_ref().is_some_and(target)
    }

    fn endpoint(&self) -> Endpoint {
        let meta = &self.pod.meta;
        Endpoint {
            addresses: self.pod.status.pod_ip.iter().cloned().collect(),
            conditions: Some(self.conditions()),
            hostname: self.hostname.map(String::from),
            node_name: self.pod.spec.node_name.clone(),
            target_ref: Some(ObjectReference {
                kind: Some(Pod::KIND.name().into()),
                namespace: meta.namespace.clone(),
                name: meta.name.clone(),
                uid: meta.uid.clone(),
                ..Default::default()
            }),
            zone: self.zone.map(String::from),
            ..Default::default()
        }
    }
}

/// The endpoints that should be listed, by the ports at which they are reached; and what is said of the pods that cannot be,
/// because their node is gone.
pub fn groups<'a>(service: &Service, pods: &[&'a Pod], view: &'a View) -> (Vec<Group<'a>>, Vec<String>) {
    let (mut groups, mut failures): (Vec<Group<'a>>, _) = (Vec::new(), Vec::new());
    // As a rule all pods have the same ports, and many have the same node: neither is looked up for each.
    let mut asked = service.spec.ports.iter().flatten();
    let by_name = asked.any(|port| matches!(port.target_port, Some(IntOrString::String(_))));
    let mut zones: SortedMap<&str, Option<Option<&str>>> = SortedMap::new();
    let always = service.spec.publish_not_ready_addresses == Some(true);
    for pod in pods.iter().filter(|pod| is_listed(pod)) {
        let place = if groups.is_empty() || by_name {
            let ports = ports_of(service, pod);
            groups.iter().position(|(known, _)| *known == ports).unwrap_or_else(|| {
                groups.push((ports, Vec::new()));
                groups.len() - 1
            })
        } else {
            0
        };
        let node = pod.spec.node_name.as_deref().unwrap_or_default();
        let zone = *zones.entry(node).or_insert_with(|| view.get::<Node>("", node).map(zone_of));
        if !always && zone.is_none() {
            let (pod, namespace, service) = (pod.name(), service.namespace(), service.name());
            failures
                .push(format!("skipping Pod {pod} for Service {namespace}/{service}: Node {node} Not Found"));
        } else {
            groups[place].1.push(Candidate::new(service, pod, zone.flatten()));
        }
    }
    groups.iter_mut().for_each(|(ports, _)| sort_ports(ports));
    (groups, failures)
}

fn zone_of(node: &Node) -> Option<&str> {
    node.labels().get(ZONE).map(String::as_str).filter(|zone| !zone.is_empty())
}

/// The ports of one pod, as the Service names them; one that the pod does not name is left out.
fn ports_of(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service.spec.ports.iter().flatten();
    let reached = ports.filter_map(|port| {
        Some(EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            port: Some(target_port(port, pod)?),
            protocol: port.protocol.clone(),
            app_protocol: port.app_protocol.clone(),
        })
    });
    reached.collect()
}
