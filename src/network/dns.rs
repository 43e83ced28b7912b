//! The cluster's DNS, as CoreDNS with its kubernetes plugin answers a pod's resolver: Services, the pods of headless ones,
//! other names of hosts outside, addresses of pods, and the search path that makes short names do.

use std::net::IpAddr;

use crate::api::{EndpointSlice, MetaExt, Namespace, Pod, Service};
use crate::client::View;

use super::proxy;

/// The domain that ends every name of the cluster.
const DOMAIN: &str = "cluster.local";

/// The name server's own address, which pods find in `/etc/resolv.conf`.
pub const SERVER: &str = "10.96.0.10";

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Resolver<'a> {
    /// The namespace whose names need no more than their first part; `None` for a resolver that is not the cluster's:
    /// outside, or a pod that uses its node's.
    pub namespace: Option<&'a str>,
    /// Domains to search besides (`dnsConfig.searches`).
    pub searches: &'a [String],
}

impl<'a> Resolver<'a> {
    /// The resolver of pods in a namespace.
    pub fn in_namespace(namespace: &'a str) -> Resolver<'a> {
        Resolver { namespace: Some(namespace), searches: &[] }
    }

    /// What a pod's `dnsPolicy` and `dnsConfig` come to.
    pub fn of_pod(pod: &'a Pod) -> Resolver<'a> {
        let host = pod.spec.host_network == Some(true);
        let cluster = match pod.spec.dns_policy.as_deref() {
            Some("Default") => false,
            Some("None") => {
                let servers = pod.spec.dns_config.as_ref().and_then(|config| config.nameservers.as_deref());
                servers.is_some_and(|servers| servers.iter().any(|server| server == SERVER))
            }
            Some("ClusterFirstWithHostNet") => true,
            _ => !host,
        };
        let searches = pod.spec.dns_config.as_ref().and_then(|config| config.searches.as_deref());
        Resolver { namespace: cluster.then(|| pod.namespace()), searches: searches.unwrap_or_default() }
    }
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// An address, written out.
    Address(String),
    /// A Service with an address: namespace, name.
    Service(String, String),
    /// Addresses of pods: the Service without address they belong to, if they do, and the whole name.
    Pods {
        /// Namespace and name of the headless Service.
        service: Option<(String, String)>,
        /// The name in full.
        name: String,
        /// The addresses.
        addresses: Vec<String>,
    },
    /// A host outside the cluster.
    Outside(String),
    /// Nothing (NXDOMAIN).
    Nothing,
}

/// Looks a name up.
pub fn resolve(view: &View, resolver: Resolver<'_>, name: &str) -> Name {
    let host = name.trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<IpAddr>().is_ok() {
        return Name::Address(if host == "localhost" { "127.0.0.1".into() } else { host.into() });
    }
    let Some(namespace) = resolver.namespace else { return outside(host) };
    let absolute = host.ends_with('.');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if !absolute {
        let own = format!("{namespace}.svc.{DOMAIN}");
        let svc = format!("svc.{DOMAIN}");
        let paths =
            [own.as_str(), &svc, DOMAIN].into_iter().chain(resolver.searches.iter().map(String::as_str));
        // Names with fewer than five dots are tried along the path first (`ndots:5`).
        for path in paths {
            match in_cluster(view, &format!("{host}.{path}")) {
                Some(Name::Nothing) | None => {}
                Some(found) => return found,
            }
        }
    }
    in_cluster(view, &host).unwrap_or_else(|| outside(&host))
}

/// Names below a domain of the world are taken to exist there; `db-1.db` and `web.defualt` are not of that kind.
fn outside(host: &str) -> Name {
    const DOMAINS: [&str; 12] =
        ["com", "org", "net", "edu", "gov", "dev", "app", "info", "cloud", "internal", "test", "example"];
    let host = host.trim_end_matches('.');
    let known = host.rsplit_once('.').is_some_and(|(_, top)| DOMAINS.contains(&top) || is_country(top));
    if known { Name::Outside(host.into()) } else { Name::Nothing }
}

/// Whether two letters are one of the countries whose domains are used most.
fn is_country(top: &str) -> bool {
    top.len() == 2 && COUNTRIES.split(' ').any(|known| known == top)
}

/// See [`is_country`].
const COUNTRIES: &str = "io kr uk de jp fr cn in us ca au br eu nl ch se no es it pl ru co me tv ai sh";

/// A whole name below the cluster's domain; `None` for one that is not.
fn in_cluster(view: &View, host: &str) -> Option<Name> {
    let labels: Vec<&str> = host.strip_suffix(DOMAIN)?.strip_suffix('.')?.split('.').collect();
    let found = match labels.as_slice() {
        [name, namespace, "svc"] => of_service(view, namespace, name, host),
        [hostname, name, namespace, "svc"] => of_endpoint(view, namespace, name, hostname, host),
        [address, namespace, "pod"] if view.get::<Namespace>("", namespace).is_some() => {
            let address = address.replace('-', ".");
            let known = address.parse::<IpAddr>().is_ok();
            known.then(|| Name::Pods { service: None, name: host.into(), addresses: vec![address] })
        }
        _ => None,
    };
    Some(found.unwrap_or(Name::Nothing))
}

fn of_service(view: &View, namespace: &str, name: &str, host: &str) -> Option<Name> {
    let service = view.get::<Service>(namespace, name)?;
    match (service.spec.type_.as_deref(), service.spec.cluster_ip.as_deref()) {
        (Some("ExternalName"), _) => {
            let alias = service.spec.external_name.clone().unwrap_or_default();
            // Another name of the cluster is followed.
            Some(in_cluster(view, &alias).unwrap_or(Name::Outside(alias)))
        }
        (_, Some("None")) => {
            let addresses = ready_addresses(view, namespace, name, None);
            let service = Some((namespace.to_string(), name.to_string()));
            (!addresses.is_empty()).then(|| Name::Pods { service, name: host.into(), addresses })
        }
        _ => Some(Name::Service(namespace.into(), name.into())),
    }
}

/// `web-0.web.default.svc.cluster.local`, or for an endpoint without hostname `10-244-1-2.web…`.
fn of_endpoint(view: &View, namespace: &str, name: &str, hostname: &str, host: &str) -> Option<Name> {
    view.get::<Service>(namespace, name)?;
    let addresses = ready_addresses(view, namespace, name, Some(hostname));
    let service = Some((namespace.to_string(), name.to_string()));
    (!addresses.is_empty()).then(|| Name::Pods { service, name: host.into(), addresses })
}

/// The addresses of a Service's ready endpoints; with a hostname, of those that have it.
fn ready_addresses(view: &View, namespace: &str, name: &str, hostname: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let slices = view.list::<EndpointSlice>(Some(namespace)).filter(|slice| proxy::belongs_to(slice, name));
    for endpoint in slices.flat_map(|slice| &slice.spec.endpoints) {
        let ready = endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false));
        for address in endpoint.addresses.iter().filter(|_| ready) {
            let dashed = address.replace('.', "-");
            let own = endpoint.hostname.as_deref().filter(|own| !own.is_empty()).unwrap_or(&dashed);
            if hostname.is_none_or(|wanted| wanted == own) && !found.contains(address) {
                found.push(address.clone());
            }
        }
    }
    found
}
