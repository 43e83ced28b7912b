//! The traffic view's data: who asks, the Services with their selectors as sieves, the endpoints behind them as valves, the
//! counters, and the latest requests as dots to draw.
//!
//! Three readings, for three rates of change: [`lanes`] when an object has changed, [`meters`] a few times a second,
//! [`dots`] for every frame. All of them hold for any time of the run that is still remembered.

mod dots;
mod members;
mod meters;
mod races;
#[cfg(test)]
mod tests;

pub use crate::network::wire::{Fate, Hop, Sample, Seen};
pub use dots::{Dot, Leg, dots};
pub use members::Member;
pub use meters::{EndpointMeter, LoadMeter, Meters, PodMeter, SecondMeter, meters};
pub use races::Race;

use serde::Serialize;
use sorted::SortedMap;

use crate::api::k8s::{EndpointConditions, IntOrString, ServicePort};
use crate::api::pod_status::summarize;
use crate::api::{EndpointSlice, Kind, MetaExt, Object, Pod, Service};
use crate::apiserver::View;
use crate::clock::SimDuration;
use crate::network::plan;

/// Pods in one sieve.
const SIEVE_MAX: usize = 60;

/// A Service with all that leads to it and all that it leads to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub type_: String,
    /// Its address; none for a headless Service: then there is no box to draw, and clients get the pods' addresses.
    pub address: Option<String>,
    /// Its name in the DNS.
    pub dns: String,
    /// Its address outside, `<pending>` while it waits for one.
    pub external: Option<String>,
    /// The host that an ExternalName stands for.
    pub alias: Option<String>,
    /// Its ports.
    pub ports: Vec<LanePort>,
    /// Whether clients are kept at one endpoint, and for how long.
    pub affinity: Option<SimDuration>,
    /// `Local` where it is not `Cluster`: for traffic from inside,
    pub internal_policy: Option<String>,
    /// and from outside.
    pub external_policy: Option<String>,
    /// `PreferSameZone` and the like.
    pub distribution: Option<String>,
    /// The Ingress rules that lead to it.
    pub rules: Vec<Rule>,
    /// What its pods must have.
    pub selector: Vec<(String, String)>,
    /// The namespace's pods, held against the selector.
    pub sieve: Vec<Sieved>,
    /// Its endpoints.
    pub endpoints: Vec<Valve>,
    /// The workloads behind it, and those that could stand in their place.
    pub members: Vec<Member>,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LanePort {
    /// Its name, if it has one.
    pub name: String,
    /// Its number.
    pub port: i32,
    /// The pods' port, by number or name.
    pub target: String,
    /// The nodes' port.
    pub node_port: Option<i32>,
}

/// A rule of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The Ingress's name.
    pub ingress: String,
    /// Its host; empty for any.
    pub host: String,
    /// Its path; empty for the default backend.
    pub path: String,
    /// `Prefix`, `Exact`, `ImplementationSpecific`.
    pub path_type: String,
    /// Where the Ingress is reached, once somebody serves it.
    pub address: Option<String>,
}

/// A pod held against a selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sieved {
    /// The pod's uid.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// kubectl's STATUS column.
    pub status: String,
    /// Whether it passes.
    pub passes: bool,
    /// For every pair of the selector in turn, what the pod has under that key, and whether that is right.
    pub keys: Vec<(Option<String>, bool)>,
}

/// An endpoint: a row whose valve is open or shut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Valve {
    /// Its address.
    pub address: String,
    /// The ports there.
    pub ports: Vec<i32>,
    /// The pod behind it: its uid,
    pub pod: Option<String>,
    /// and its name.
    pub pod_name: Option<String>,
    /// Its node.
    pub node: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// Whether it takes new connections.
    pub ready: bool,
    /// Whether its pod is ready, be it on its way out.
    pub serving: bool,
    /// Whether its pod is on its way out.
    pub terminating: bool,
}

/// The Services of the cluster in their lanes, in order of namespace and name.
pub fn lanes(view: &View) -> Vec<Lane> {
    let rules = rules(view);
    let lane = |service: &Service| {
        let mut lane = lane(service, view);
        let key = (lane.namespace.clone(), lane.name.clone());
        lane.rules = rules.get(&key).cloned().unwrap_or_default();
        lane
    };
    // The API server's own Service leads to no pods.
    let own = |service: &&Service| service.namespace() == "default" && service.name() == "kubernetes";
    view.list::<Service>(None).filter(|service| !own(service)).map(lane).collect()
}

fn lane(service: &Service, view: &View) -> Lane {
    let spec = &service.spec;
    let text = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    let other = |value: &Option<String>| value.clone().filter(|text| text != "Cluster");
    let type_ = spec.type_.clone().unwrap_or_else(|| "ClusterIP".into());
    let external = plan::address_of(service);
    let affinity =
        spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref()?.timeout_seconds);
    Lane {
        namespace: service.namespace().into(),
        name: service.name().into(),
        address: text(&spec.cluster_ip).filter(|address| address != "None"),
        dns: format!("{}.{}.svc.cluster.local", service.name(), service.namespace()),
        external: external.or_else(|| (type_ == "LoadBalancer").then(|| "<pending>".into())),
        alias: text(&spec.external_name),
        type_,
        ports: spec.ports.iter().flatten().map(lane_port).collect(),
        affinity: (spec.session_affinity.as_deref() == Some("ClientIP")).then(|| {
            SimDuration::from_secs(affinity.and_then(|secs| u64::try_from(secs).ok()).unwrap_or(10_800))
        }),
        internal_policy: other(&spec.internal_traffic_policy),
        external_policy: other(&spec.external_traffic_policy),
        distribution: text(&spec.traffic_distribution),
        rules: Vec::new(),
        selector: spec.selector.iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
        sieve: sieve(service, view),
        members: members::members(service, view),
        endpoints: valves(service, view),
    }
}

fn lane_port(port: &ServicePort) -> LanePort {
    LanePort {
        name: port.name.clone().unwrap_or_default(),
        port: port.port,
        target: match &port.target_port {
            Some(IntOrString::Int(number)) if *number > 0 => number.to_string(),
            Some(IntOrString::String(name)) => name.clone(),
            _ => port.port.to_string(),
        },
        node_port: port.node_port.filter(|port| *port > 0),
    }
}

/// The pods that pass, and those that come close: they have one of the keys.
fn sieve(service: &Service, view: &View) -> Vec<Sieved> {
    let Some(selector) = service.spec.selector.as_ref().filter(|selector| !selector.is_empty()) else {
        return Vec::new();
    };
    let sieved = |pod: &Pod| {
        let key = |(key, wanted): (&String, &String)| {
            let has = pod.labels().get(key).cloned();
            let right = has.as_ref() == Some(wanted);
            (has, right)
        };
        let keys: Vec<(Option<String>, bool)> = selector.iter().map(key).collect();
        Sieved {
            uid: pod.uid().into(),
            name: pod.name().into(),
            status: summarize(pod).status,
            passes: keys.iter().all(|(_, right)| *right),
            keys,
        }
    };
    let pods = view.list::<Pod>(Some(service.namespace())).map(sieved);
    pods.filter(|pod| pod.keys.iter().any(|(has, _)| has.is_some())).take(SIEVE_MAX).collect()
}

fn valves(service: &Service, view: &View) -> Vec<Valve> {
    let slices = view.list::<EndpointSlice>(Some(service.namespace()));
    let own = slices.filter(|slice| {
        slice.labels().get("kubernetes.io/service-name").is_some_and(|of| of == service.name())
    });
    let mut rows = Vec::new();
    for slice in own {
        let ports: Vec<i32> = slice.spec.ports.iter().flatten().filter_map(|port| port.port).collect();
        for endpoint in &slice.spec.endpoints {
            let conditions = endpoint.conditions.clone().unwrap_or_else(EndpointConditions::default);
            let ready = conditions.ready.unwrap_or(true);
            let target = endpoint.target_ref.as_ref();
            rows.push(Valve {
                address: endpoint.addresses.first().cloned().unwrap_or_default(),
                ports: ports.clone(),
                pod: target.and_then(|pod| pod.uid.clone()),
                pod_name: target.and_then(|pod| pod.name.clone()),
                node: endpoint.node_name.clone(),
                zone: endpoint.zone.clone(),
                ready,
                serving: conditions.serving.unwrap_or(ready),
                terminating: conditions.terminating.unwrap_or(false),
            });
        }
    }
    rows
}

/// The rules of all Ingresses, by the Service that they lead to.
fn rules(view: &View) -> SortedMap<(String, String), Vec<Rule>> {
    let mut found: SortedMap<(String, String), Vec<Rule>> = SortedMap::new();
    for object in view.objects(Kind::INGRESS, None) {
        let (spec, status) = (object.part("spec"), object.part("status"));
        let address =
            status.pointer("/loadBalancer/ingress/0/ip").and_then(|ip| ip.as_str()).map(str::to_string);
        let mut note = |backend: Option<&serde_json::Value>, host: &str, path: &str, path_type: &str| {
            let service = backend.and_then(|backend| backend.pointer("/service/name")?.as_str());
            if let Some(service) = service {
                found.entry((object.namespace().into(), service.into())).or_default().push(Rule {
                    ingress: Object::name(object).into(),
                    host: host.into(),
                    path: path.into(),
                    path_type: path_type.into(),
                    address: address.clone(),
                });
            }
        };
        note(spec.get("defaultBackend"), "", "", "");
        let list =
            |value: Option<&serde_json::Value>| value.and_then(|v| v.as_array()).cloned().unwrap_or_default();
        for rule in list(spec.get("rules")) {
            let host = rule.get("host").and_then(|host| host.as_str()).unwrap_or_default();
            for path in list(rule.pointer("/http/paths")) {
                let word = |name: &str| path.get(name).and_then(|text| text.as_str()).unwrap_or_default();
                note(path.get("backend"), host, word("path"), word("pathType"));
            }
        }
    }
    found
}
