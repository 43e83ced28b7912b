//! Whom a script finds in the network: Services by their DNS names, and whether anybody behind one answers.

use crate::api::pod_status::summarize;
use crate::api::{EndpointSlice, MetaExt, Namespace, Pod, Service};
use crate::client::View;

/// What a name stands for.
enum Target {
    /// A Service, by namespace and name.
    Service(String, String),
    /// A pod of a headless Service: namespace and pod.
    Pod(String, String),
    /// Something outside the cluster, or the container itself.
    Elsewhere,
    /// Nothing.
    Nothing,
}

/// Whether a name resolves.
pub fn resolves(host: &str, namespace: &str, view: Option<&View>) -> bool {
    match (view, target(host, namespace, view)) {
        (_, Target::Elsewhere) => true,
        (Some(view), Target::Service(namespace, name)) => view.get::<Service>(&namespace, &name).is_some(),
        (Some(view), Target::Pod(namespace, name)) => is_ready(view, &namespace, &name),
        _ => false,
    }
}

/// Whether somebody answers at an address: `http://web:80/`, `web:80`, `web`.
pub fn answers(address: &str, namespace: &str, view: Option<&View>) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?']).next().unwrap_or(rest);
    match (view, target(host, namespace, view)) {
        (_, Target::Elsewhere) => true,
        (Some(view), Target::Service(namespace, name)) => has_ready_endpoint(view, &namespace, &name),
        (Some(view), Target::Pod(namespace, name)) => is_ready(view, &namespace, &name),
        _ => false,
    }
}

/// Reads a name as the cluster's DNS does with a pod's search path: the pod's namespace, then all, then the world.
fn target(host: &str, namespace: &str, view: Option<&View>) -> Target {
    let host = host.trim_end_matches('.').trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok() {
        return Target::Elsewhere;
    }
    let is_namespace = |name: &str| view.is_some_and(|view| view.get::<Namespace>("", name).is_some());
    let short = host.strip_suffix(".cluster.local").unwrap_or(host);
    let (short, in_cluster) = short.strip_suffix(".svc").map_or((short, false), |short| (short, true));
    let labels: Vec<&str> = short.split('.').collect();
    let service = |namespace: &str, name: &str| Target::Service(namespace.into(), name.into());
    match labels.as_slice() {
        [name] => service(namespace, name),
        [name, namespace] if in_cluster || is_namespace(namespace) => service(namespace, name),
        [pod, _, namespace] if in_cluster || is_namespace(namespace) => {
            Target::Pod((*namespace).into(), (*pod).into())
        }
        [pod, subdomain] if view.is_some_and(|view| view.get::<Service>(namespace, subdomain).is_some()) => {
            Target::Pod(namespace.into(), (*pod).into())
        }
        _ if in_cluster || host.ends_with(".local") => Target::Nothing,
        _ => Target::Elsewhere,
    }
}

/// The whole name of a host in the cluster, and its addresses: a Service's own, or where it has none those of its ready
/// endpoints. `None` for a name that stands for nothing here.
pub fn addresses(host: &str, namespace: &str, view: &View) -> Option<(String, Vec<String>)> {
    match target(host, namespace, Some(view)) {
        Target::Service(namespace, name) => {
            let service = view.get::<Service>(&namespace, &name)?;
            let own = service.spec.cluster_ip.as_deref().filter(|address| !["", "None"].contains(address));
            let name = format!("{name}.{namespace}.svc.cluster.local");
            match own {
                Some(address) => Some((name, vec![address.to_string()])),
                None => Some((name, ready_addresses(view, service))).filter(|(_, found)| !found.is_empty()),
            }
        }
        Target::Pod(namespace, name) => {
            let pod = view.get::<Pod>(&namespace, &name).filter(|_| is_ready(view, &namespace, &name))?;
            let subdomain = pod.spec.subdomain.as_deref().unwrap_or_default();
            let whole = format!("{name}.{subdomain}.{namespace}.svc.cluster.local");
            Some((whole, vec![pod.status.pod_ip.clone()?]))
        }
        Target::Elsewhere | Target::Nothing => None,
    }
}

fn ready_addresses(view: &View, service: &Service) -> Vec<String> {
    let own = |slice: &&EndpointSlice| {
        slice.labels().get("kubernetes.io/service-name").is_some_and(|of| of == service.name())
    };
    let endpoints = view.list::<EndpointSlice>(Some(service.namespace())).filter(own);
    let ready = endpoints.flat_map(|slice| &slice.spec.endpoints).filter(|endpoint| {
        endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false))
    });
    ready.flat_map(|endpoint| endpoint.addresses.clone()).collect()
}

fn is_ready(view: &View, namespace: &str, name: &str) -> bool {
    view.get::<Pod>(namespace, name).is_some_and(|pod| {
        let summary = summarize(pod);
        summary.total > 0 && summary.ready == summary.total
    })
}

fn has_ready_endpoint(view: &View, namespace: &str, name: &str) -> bool {
    let slices = view.list::<EndpointSlice>(Some(namespace));
    let own =
        slices.filter(|slice| slice.labels().get("kubernetes.io/service-name").is_some_and(|of| of == name));
    own.flat_map(|slice| &slice.spec.endpoints)
        .any(|endpoint| endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false)))
}
