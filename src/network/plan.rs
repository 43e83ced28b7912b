//! The way of a request: from a client through the name server, an Ingress, a load balancer, a node or a Service's address
//! to the endpoints among which one is chosen. A way holds until something about the cluster changes.

use std::sync::Arc;

use super::dns::{self, Name, Resolver};
use super::ingress;
use super::load::{PortRef, Target};
use super::policy::{self, End, Port};
use super::proxy::{self, Backend, Choice, Pools, State};
use crate::api::k8s::ServicePort;
use crate::api::meta::StringMap;
use crate::api::{Kind, MetaExt, Node, Pod, Service};
use crate::client::View;
use crate::client::wire::{Fate, Hop};
use crate::clock::SimDuration;

/// The address range of Services (`--service-cluster-ip-range`) and of pods: an address there that nobody has leads nowhere.
const CLUSTER_RANGES: [&str; 2] = ["10.96.0.0/16", "10.244.0.0/16"];
/// The host's names that an ingress controller goes by when it knocks at pods.
const INGRESS_NAMESPACE: &str = "ingress-nginx";
/// Its address.
const INGRESS_ADDRESS: &str = "10.244.255.10";

/// Who asks, as far as its way depends on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// Its address.
    pub ip: String,
    /// Its namespace and labels, where it is a pod that policies reach.
    pub pod: Option<(String, StringMap)>,
    /// Its node; `None` outside.
    pub node: Option<Arc<str>>,
    /// The namespace that short names are meant in; `None`: the cluster's DNS is not asked.
    pub names: Option<String>,
    /// Domains to search besides.
    pub searches: Vec<String>,
}

impl Origin {
    /// A pod that is there.
    pub fn of_pod(pod: &Pod) -> Origin {
        let resolver = Resolver::of_pod(pod);
        let reached = pod.spec.host_network != Some(true);
        Origin {
            ip: pod.status.pod_ip.clone().unwrap_or_default(),
            pod: reached.then(|| (pod.namespace().to_string(), pod.labels().clone())),
            node: pod.spec.node_name.as_deref().map(Arc::from),
            names: resolver.namespace.map(str::to_string),
            searches: resolver.searches.to_vec(),
        }
    }

    fn end(&self) -> End<'_> {
        let pod = self.pod.as_ref().map(|(namespace, labels)| (namespace.as_str(), labels));
        End { ip: &self.ip, pod, containers: &[] }
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver { namespace: self.names.as_deref(), searches: &self.searches }
    }
}

/// An endpoint that has been chosen, as a client meets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Where and what it is.
    pub backend: Arc<Backend>,
    /// The uid and name of the pod behind it, if there is one.
    pub pod: Option<(Arc<str>, Arc<str>)>,
    /// Its node, if it has one.
    pub node: Option<Arc<str>>,
    /// Why policies keep the client from it, if they do.
    pub denied: Option<Arc<str>>,
    /// From where the request last came to it, one way.
    pub distance: SimDuration,
}

/// Endpoints among which one is chosen. What a client meets there is worked out for those that are: most never are.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// All of them.
    pub backends: Vec<Arc<Backend>>,
    /// Who asks, as policies see it: address, and namespace and labels of a pod.
    from: (String, Option<(String, StringMap)>),
}

/// Where a way ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// Before any pod.
    Fate(Fate),
    /// At one of these pods.
    Pods(Choices),
    /// At one of these pods, which an ingress controller asks on the client's behalf: one after the other, if need be.
    Upstream(Choices),
    /// In the world outside, which answers.
    World,
}

/// A way.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is passed on it.
    pub via: Arc<[Hop]>,
    /// Where it ends.
    pub goal: Goal,
    /// Why it is as it is, where there is more to say.
    pub why: Arc<str>,
    /// How long a request takes, one way, until endpoints come into it.
    pub way: SimDuration,
    /// The Service that keeps a client at one endpoint (`sessionAffinity`), and for how long.
    pub sticky: Option<(Arc<str>, SimDuration)>,
    /// The address that a name stood for.
    pub address: String,
    /// The path as it comes to a pod.
    pub path: Arc<str>,
}

impl Plan {
    /// Why a request on this way ended as it did.
    pub fn why_of(&self, fate: Fate) -> Arc<str> {
        let before = if self.why.is_empty() { String::new() } else { format!("{}: ", self.why) };
        match fate {
            Fate::PageNotFound => format!("{before}the server has no page {}", self.path).into(),
            Fate::PageForbidden => {
                format!("{before}the server's directory {} has no index.html", self.path).into()
            }
            _ => self.why.clone(),
        }
    }
}

/// All that ways are worked out from.
#[derive(Clone, Copy)]
pub struct Map<'a> {
    /// The cluster as it is.
    pub live: &'a View,
    /// The cluster as the proxy of the node at which the request enters knows it.
    pub proxied: &'a State,
    /// That node.
    pub node: &'a str,
    /// Nodes that nothing reaches.
    pub lost: &'a [Arc<str>],
}

struct Way<'a> {
    map: Map<'a>,
    pools: &'a mut Pools,
    origin: &'a Origin,
    via: Vec<Hop>,
    way: SimDuration,
    /// Where the request comes from as its last hop sees it.
    source: String,
    external: bool,
    sticky: Option<(Arc<str>, SimDuration)>,
    why: Arc<str>,
    address: String,
    path: Arc<str>,
}

/// Works out the way of an origin's requests to a target. `header`: the `Host` header, if it is not the host of the target.
pub fn plan(map: Map<'_>, pools: &mut Pools, origin: &Origin, target: &Target, header: Option<&str>) -> Plan {
    let outside = origin.node.is_none();
    let mut way = Way {
        map,
        pools,
        origin,
        via: Vec::new(),
        // The world is five milliseconds away.
        way: SimDuration::from_micros(if outside { 5_000 } else { 0 }),
        source: origin.ip.clone(),
        external: outside,
        sticky: None,
        why: "".into(),
        address: String::new(),
        path: target.path().into(),
    };
    let goal = way.reach(target, header);
    Plan {
        via: way.via.into(),
        goal,
        why: way.why,
        way: way.way,
        sticky: way.sticky,
        address: way.address,
        path: way.path,
    }
}

impl Way<'_> {
    fn reach(&mut self, target: &Target, header: Option<&str>) -> Goal {
        let home = |namespace: &Option<String>| {
            namespace.clone().or_else(|| self.origin.names.clone()).unwrap_or_else(|| "default".into())
        };
        match target {
            Target::Url { host, port, path } => self.reach_url(host, *port, path, header),
            Target::Service { namespace, name, port, path } => {
                let namespace = home(namespace);
                if self.origin.node.is_none() {
                    return self.reach_from_outside(&namespace, name, port.as_ref());
                }
                let number = self.service_port(&namespace, name, port.as_ref());
                self.reach_url(&format!("{name}.{namespace}.svc.cluster.local"), number, path, header)
            }
            Target::Pod { namespace, name, port } => {
                let pod = self.map.live.get::<Pod>(&home(namespace), name);
                let Some(ip) = pod.and_then(|pod| pod.status.pod_ip.clone()) else {
                    self.why = format!("there is no pod {name} with an address").into();
                    return Goal::Fate(Fate::Unreachable);
                };
                self.reach_address(&ip, *port)
            }
            Target::Node { name, port } => self.reach_node_port(name, *port),
            Target::Ingress { namespace, name, path } => {
                let found = self
                    .map
                    .live
                    .objects(Kind::INGRESS, Some(&home(namespace)))
                    .find(|one| one.name() == name);
                let Some(object) = found else {
                    return self.fail(Fate::NotFound, format!("there is no Ingress {name}"));
                };
                let spec = object.part("spec");
                let host = spec.pointer("/rules/0/host").and_then(|host| host.as_str()).unwrap_or_default();
                // A wildcard stands for any name; an Ingress without hosts is reached by address.
                let host = match host {
                    "" => ingress::address(object).unwrap_or_default(),
                    host => host.replace('*', "any"),
                };
                self.through_ingress(&host, path)
            }
        }
    }

    fn fail(&mut self, fate: Fate, why: String) -> Goal {
        self.why = why.into();
        Goal::Fate(fate)
    }

    /// The number of a Service's port as a client would write it: its own, or for a Service without address the pods'.
    fn service_port(&self, namespace: &str, name: &str, port: Option<&PortRef>) -> u16 {
        let service = self.map.live.get::<Service>(namespace, name);
        let ports = || service.iter().flat_map(|service| service.spec.ports.iter().flatten());
        let found = match port {
            Some(PortRef::Number(number)) => return *number,
            Some(PortRef::Name(name)) => ports().find(|known| known.name.as_ref() == Some(name)),
            None => ports().next(),
        };
        found.and_then(|port| u16::try_from(port.port).ok()).unwrap_or(80)
    }

    fn reach_url(&mut self, host: &str, port: u16, path: &str, header: Option<&str>) -> Goal {
        let name = dns::resolve(self.map.live, self.origin.resolver(), host);
        if !matches!(name, Name::Address(_)) {
            self.via.push(Hop::Dns(host.into()));
            if self.origin.names.is_some() {
                self.way = self.way + SimDuration::from_micros(300);
                if let Some(why) = dns_denied(self.map.live, self.origin) {
                    self.why = why;
                    return Goal::Fate(Fate::DnsTimeout);
                }
            }
        }
        match name {
            Name::Address(ip) => {
                if self.origin.node.is_none() && self.is_ingress_address(&ip) {
                    return self.through_ingress(header.unwrap_or(host), path);
                }
                self.reach_address(&ip, port)
            }
            Name::Service(namespace, name) => self.reach_service(&namespace, &name, port),
            Name::Pods { addresses, service, .. } => {
                self.address = addresses.first().cloned().unwrap_or_default();
                if let Some((namespace, name)) = service {
                    self.via.push(Hop::Service(format!("{namespace}/{name}").into()));
                }
                let found = addresses.iter().map(|ip| Arc::new(Backend::at(ip, port))).collect();
                Goal::Pods(self.choices(found))
            }
            Name::Outside(host) => {
                let host = header.unwrap_or(&host).to_string();
                if self.map.live.objects(Kind::INGRESS, None).next().is_some() && self.is_ours(&host) {
                    return self.through_ingress(&host, path);
                }
                self.why = format!("{host} is outside the cluster").into();
                self.way = self.way + SimDuration::from_micros(10_000);
                Goal::World
            }
            Name::Nothing => self.fail(Fate::NoSuchName, format!("{host} stands for nothing")),
        }
    }

    /// Whether a name leads to the ingress controller: one that a rule names; from outside, any.
    fn is_ours(&self, host: &str) -> bool {
        let outside = self.origin.node.is_none();
        outside || ingress::route(self.map.live, host, "/").is_some_and(|route| !route.rule.starts_with('*'))
    }

    fn is_ingress_address(&self, ip: &str) -> bool {
        let mut all = self.map.live.objects(Kind::INGRESS, None);
        all.any(|object| ingress::address(object).as_deref() == Some(ip))
    }

    fn reach_service(&mut self, namespace: &str, name: &str, port: u16) -> Goal {
        let Some(service) = self.map.proxied.view.get::<Service>(namespace, name).cloned() else {
            return self
                .fail(Fate::Unreachable, format!("kube-proxy does not know Service {namespace}/{name} yet"));
        };
        self.address = service.spec.cluster_ip.clone().unwrap_or_default();
        self.via.push(Hop::Service(format!("{namespace}/{name}").into()));
        let found = service.spec.ports.iter().flatten().find(|known| known.port == i32::from(port)).cloned();
        match found {
            Some(port) => self.reach_endpoints(&service, &port),
            None => self.fail(Fate::Unreachable, format!("Service {namespace}/{name} has no port {port}")),
        }
    }

    /// The proxy's part.
    fn reach_endpoints(&mut self, service: &Service, port: &ServicePort) -> Goal {
        let all = self.pools.backends(self.map.proxied, service, port);
        if service.spec.session_affinity.as_deref() == Some("ClientIP") {
            let config =
                service.spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
            let seconds = config.and_then(|config| config.timeout_seconds).unwrap_or(10_800);
            let span = SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0));
            let key = format!("{}/{}:{}", service.namespace(), service.name(), port.port);
            self.sticky = Some((key.into(), span));
        }
        match proxy::choose(&self.map.proxied.view, service, &all, self.map.node, self.external) {
            Choice::Among(found) => Goal::Pods(self.choices(found)),
            Choice::Reject => self.fail(Fate::NoEndpoints, format!("{} has no endpoints", service.name())),
            Choice::Drop => {
                let why = format!(
                    "{} has no endpoints on {}, and its policy is Local",
                    service.name(),
                    self.map.node
                );
                self.fail(Fate::NoLocalEndpoints, why)
            }
        }
    }

    /// By an address alone.
    fn reach_address(&mut self, ip: &str, port: u16) -> Goal {
        self.address = ip.into();
        let services = self.map.proxied.view.list::<Service>(None);
        let own = |service: &&Service| service.spec.cluster_ip.as_deref() == Some(ip);
        let services: Vec<Service> = services.filter(|one| own(one) || lends(one, ip)).cloned().collect();
        if let Some(service) = services.first() {
            let at_load_balancer = service.spec.cluster_ip.as_deref() != Some(ip);
            if at_load_balancer {
                self.via.push(Hop::LoadBalancer(ip.into()));
                self.external = true;
            } else if self.origin.node.is_none() {
                return self
                    .fail(Fate::Unreachable, format!("{ip} is an address of the cluster's own network"));
            }
            let wanted = i32::from(port);
            let found = services.iter().find_map(|service| {
                let mut ports = service.spec.ports.iter().flatten();
                Some((service, ports.find(|known| known.port == wanted)?))
            });
            let Some((service, port)) = found.map(|(service, port)| (service.clone(), port.clone())) else {
                return self.fail(Fate::Unreachable, format!("{} has no port {port}", service.name()));
            };
            return self.enter(&service, &port, at_load_balancer);
        }
        let has_address =
            |node: &&Node| node.status.addresses.iter().flatten().any(|address| address.address == ip);
        if let Some(node) = self.map.live.list::<Node>(None).find(has_address) {
            let (name, listens) = (node.name().to_string(), self.pods_at(ip));
            if !listens {
                return self.reach_node_port(&name, port);
            }
        }
        if self.pods_at(ip) || CLUSTER_RANGES.iter().any(|range| policy::in_cidr(range, ip)) {
            if self.origin.node.is_none() {
                return self
                    .fail(Fate::Unreachable, format!("{ip} is an address of the cluster's own network"));
            }
            return Goal::Pods(self.choices(vec![Arc::new(Backend::at(ip, port))]));
        }
        self.why = format!("{ip} is outside the cluster").into();
        self.way = self.way + SimDuration::from_micros(10_000);
        Goal::World
    }

    fn pods_at(&self, ip: &str) -> bool {
        self.map.live.list::<Pod>(None).any(|pod| pod.status.pod_ip.as_deref() == Some(ip))
    }

    fn reach_from_outside(&mut self, namespace: &str, name: &str, port: Option<&PortRef>) -> Goal {
        let Some(service) = self.map.live.get::<Service>(namespace, name).cloned() else {
            return self.fail(Fate::NoSuchName, format!("there is no Service {namespace}/{name}"));
        };
        let ports = service.spec.ports.iter().flatten();
        let wanted = |known: &&ServicePort| match port {
            None => true,
            Some(PortRef::Name(name)) => known.name.as_ref() == Some(name),
            Some(PortRef::Number(number)) => {
                known.port == i32::from(*number) || known.node_port == Some(i32::from(*number))
            }
        };
        let Some(port) = ports.clone().find(wanted).cloned() else {
            return self.fail(Fate::Unreachable, format!("Service {namespace}/{name} has no such port"));
        };
        match address_of(&service) {
            Some(ip) => {
                self.via.push(Hop::LoadBalancer(ip.as_str().into()));
                self.address = ip;
                self.enter(&service, &port, true)
            }
            None if port.node_port.is_some_and(|port| port > 0) => {
                let node = self.map.node.to_string();
                self.reach_node_port(
                    &node,
                    port.node_port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
                )
            }
            None => self.fail(
                Fate::Unreachable,
                format!("Service {namespace}/{name} cannot be reached from outside"),
            ),
        }
    }

    /// From outside, at the node that the request has come to.
    fn reach_node_port(&mut self, node: &str, port: u16) -> Goal {
        self.via.push(Hop::Node(node.into()));
        self.external = true;
        let services = self.map.proxied.view.list::<Service>(None);
        let found = services.into_iter().find_map(|service| {
            let mut ports = service.spec.ports.iter().flatten();
            Some((service, ports.find(|known| known.node_port == Some(i32::from(port)))?))
        });
        let found = found.map(|(service, port)| (service.clone(), port.clone()));
        if self.map.live.get::<Node>("", node).is_none() || self.map.lost.iter().any(|lost| **lost == *node) {
            return self.fail(Fate::Unreachable, format!("{node} cannot be reached"));
        }
        match found {
            Some((service, port)) => self.enter(&service, &port, false),
            None => self.fail(Fate::Refused, format!("nothing listens on port {port} of {node}")),
        }
    }

    /// Into a Service from outside, at this map's node.
    fn enter(&mut self, service: &Service, port: &ServicePort, balanced: bool) -> Goal {
        if balanced {
            if self.origin.node.is_none() {
                self.via.push(Hop::Node(self.map.node.into()));
            }
            let ranges = service.spec.load_balancer_source_ranges.as_deref().unwrap_or_default();
            if !ranges.is_empty() && !ranges.iter().any(|range| policy::in_cidr(range, &self.source)) {
                let why =
                    format!("{} is in none of loadBalancerSourceRanges of {}", self.source, service.name());
                return self.fail(Fate::Denied, why);
            }
        }
        // Under the policy Cluster the node puts its own address in the client's place.
        if self.external && service.spec.external_traffic_policy.as_deref() != Some("Local") {
            let node = self.map.live.get::<Node>("", self.map.node);
            let own = node.and_then(|node| node.status.addresses.iter().flatten().next());
            self.source = own.map(|address| address.address.clone()).unwrap_or_default();
        }
        self.via.push(Hop::Service(format!("{}/{}", service.namespace(), service.name()).into()));
        self.reach_endpoints(service, port)
    }

    fn through_ingress(&mut self, host: &str, path: &str) -> Goal {
        let live = self.map.live;
        self.address =
            live.objects(Kind::INGRESS, None).find_map(|one| ingress::address(one)).unwrap_or_default();
        self.way = self.way + SimDuration::from_micros(300);
        let Some(route) = ingress::route(live, host, path) else {
            self.via.push(Hop::Ingress("".into()));
            return self.fail(Fate::NotFound, format!("no Ingress speaks of {host}{path}"));
        };
        self.via.push(Hop::Ingress(route.ingress.clone()));
        self.why = route.rule.as_str().into();
        self.path = route.path.as_str().into();
        let Some(service) = self.map.proxied.view.get::<Service>(&route.namespace, &route.service).cloned()
        else {
            return self
                .fail(Fate::Unavailable, format!("{}: there is no Service {}", route.rule, route.service));
        };
        if service.spec.type_.as_deref() == Some("ExternalName") {
            return Goal::World;
        }
        let Some(port) = ingress::port_of(&service, &route.port).cloned() else {
            return self
                .fail(Fate::Unavailable, format!("{}: {} has no such port", route.rule, route.service));
        };
        self.via.push(Hop::Service(format!("{}/{}", route.namespace, route.service).into()));
        // An ingress controller asks endpoints itself, without kube-proxy, and takes none but ready ones.
        let all = self.pools.backends(self.map.proxied, &service, &port);
        let found: Vec<Arc<Backend>> = all.iter().filter(|backend| backend.ready).cloned().collect();
        if found.is_empty() {
            return self.fail(
                Fate::Unavailable,
                format!("{}: {} has no ready endpoints", route.rule, route.service),
            );
        }
        let labels = [("app.kubernetes.io/name".to_string(), "ingress-nginx".to_string())].into();
        let controller = Some((INGRESS_NAMESPACE.to_string(), labels));
        Goal::Upstream(Choices { backends: found, from: (INGRESS_ADDRESS.into(), controller) })
    }

    fn choices(&self, backends: Vec<Arc<Backend>>) -> Choices {
        // What has come in from outside is not the client pod any more as far as policies can tell.
        let from = match self.external {
            true => (self.source.clone(), None),
            false => (self.origin.ip.clone(), self.origin.pod.clone()),
        };
        Choices { backends, from }
    }
}

impl Choices {
    /// What a client that came this way by a node meets at one of them, in the cluster as it is.
    pub fn candidate(&self, live: &View, entry: &str, at: usize) -> Option<Candidate> {
        let backend = self.backends.get(at)?;
        let pod = pod_behind(live, backend);
        let (ip, of) = &self.from;
        let pod_of = of.as_ref().map(|(namespace, labels)| (namespace.as_str(), labels));
        let from = End { ip, pod: pod_of, containers: &[] };
        let to = pod.map_or_else(|| End::outside(&backend.ip), |pod| End::of_pod(pod, &backend.ip));
        let verdict = policy::verdict(live, from, to, Port { number: backend.port, protocol: "TCP" });
        let node = backend.node.clone().or_else(|| pod?.spec.node_name.as_deref().map(Arc::from));
        Some(Candidate {
            pod: backend.pod.clone().or_else(|| pod.map(|pod| (pod.uid().into(), pod.name().into()))),
            denied: (!verdict.allowed).then_some(verdict.why),
            distance: distance(live, entry, node.as_deref()),
            backend: backend.clone(),
            node,
        })
    }
}

/// The pod that has an endpoint's address.
fn pod_behind<'a>(live: &'a View, backend: &Backend) -> Option<&'a Pod> {
    let has_it = |pod: &&Pod| pod.status.pod_ip.as_deref() == Some(&*backend.ip);
    match &backend.pod {
        Some((uid, name)) => {
            live.get::<Pod>(&backend.namespace, name).filter(|pod| pod.uid() == &**uid).filter(has_it)
        }
        None => live.list::<Pod>(None).find(has_it),
    }
}

/// Why policies keep a client from the name server, if they do.
pub fn dns_denied(live: &View, origin: &Origin) -> Option<Arc<str>> {
    let labels: StringMap = [("k8s-app".to_string(), "kube-dns".to_string())].into();
    let server = End { ip: dns::SERVER, pod: Some(("kube-system", &labels)), containers: &[] };
    let verdict = policy::verdict(live, origin.end(), server, Port { number: 53, protocol: "UDP" });
    (!verdict.allowed).then_some(verdict.why)
}

/// The address at which a Service is reached from outside, if it has one.
pub fn address_of(service: &Service) -> Option<String> {
    let status = service.status.load_balancer.as_ref();
    let ingress = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
    let external = service.spec.external_ips.iter().flatten().cloned();
    ingress.filter_map(|ingress| ingress.ip.clone()).chain(external).next()
}

/// Whether a Service is reached at an address from outside.
fn lends(service: &Service, ip: &str) -> bool {
    let status = service.status.load_balancer.as_ref();
    let ingress = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
    ingress.filter_map(|ingress| ingress.ip.as_deref()).any(|known| known == ip)
        || service.spec.external_ips.iter().flatten().any(|known| known == ip)
}

/// How long a packet takes from one node to another.
fn distance(view: &View, from: &str, to: Option<&str>) -> SimDuration {
    let zone = |node: &str| {
        view.get::<Node>("", node).and_then(|node| node.labels().get("topology.kubernetes.io/zone")).cloned()
    };
    match to {
        Some(to) if to == from => SimDuration::from_micros(50),
        Some(to) if zone(to) == zone(from) => SimDuration::from_micros(200),
        _ => SimDuration::from_micros(450),
    }
}
