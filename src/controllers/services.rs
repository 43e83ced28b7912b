//! What the two endpoint controllers share: which pods are behind a Service, and at which port.

use crate::api::hash::fnv1a_128;
use crate::api::k8s::{EndpointPort, IntOrString, ServicePort};
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Service, sorting};
use crate::client::{Change, View, WorkQueue};

use super::pods::{is_ready, is_terminal};

/// Marks what belongs to a Service without an address of its own.
pub const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";

/// What selects a Service's pods; `None` for one that has no selector, or that is only another name for a host.
pub fn selector_of(service: &Service) -> Option<Selector> {
    let selector = service.spec.selector.as_ref().filter(|selector| !selector.is_empty())?;
    (service.spec.type_.as_deref() != Some("ExternalName")).then(|| Selector::from_map(selector))
}

/// Whether the Service has no address of its own.
pub fn is_headless(service: &Service) -> bool {
    service.spec.cluster_ip.as_deref() == Some("None")
}

/// Queues the Services whose endpoints a change of a pod may change (`getServicesToUpdateOnPodChange`).
pub fn queue_services_of_pod(change: &Change, view: &View, queue: &mut WorkQueue) {
    let pod = |object: &Object| object.as_kind::<Pod>().cloned();
    let (before, after) = (change.before.as_deref().and_then(pod), change.after.as_deref().and_then(pod));
    if let (Some(before), Some(after)) = (&before, &after) {
        let endpoint = |pod: &Pod| {
            let address = pod.status.pod_ip.clone();
            (address, pod.spec.node_name.clone(), is_ready(pod), is_terminal(pod), pod.is_deleting())
        };
        if endpoint(before) == endpoint(after) && before.labels() == after.labels() {
            return;
        }
    }
    for service in view.list::<Service>(Some(&change.key.namespace)) {
        let Some(selector) = selector_of(service) else { continue };
        if [&before, &after].into_iter().flatten().any(|pod| selector.matches(pod.labels())) {
            queue.add(Key::new(Kind::SERVICE, service.namespace(), service.name()), Some(change.revision));
        }
    }
}

/// The name by which a pod is known in the domain of its Service (`ShouldSetHostname`).
pub fn hostname_in<'a>(service: &Service, pod: &'a Pod) -> Option<&'a str> {
    let in_domain = pod.spec.subdomain.as_deref() == Some(service.name());
    pod.spec.hostname.as_deref().filter(|name| in_domain && !name.is_empty())
}

/// Whether a pod is listed at all: it has an address, and its containers have not ended for good.
pub fn is_listed(pod: &Pod) -> bool {
    pod.status.pod_ip.is_some() && !is_terminal(pod)
}

/// The ports of slices in the order in which upstream's controllers put them, which is that of their hashes
/// (`NewPortMapKey`): so that Services which name the same ports in another order have the same slices.
pub fn sort_ports(ports: &mut [EndpointPort]) {
    let pointer = |text: &Option<String>, type_: &str| match text {
        Some(text) => format!("(*{type_}){text}"),
        None => format!("(*{type_})<nil>"),
    };
    sorting::sort_by_key(ports, |port| {
        let number = port.port.map_or("<nil>".into(), |port| port.to_string());
        let (name, protocol) = (pointer(&port.name, "string"), pointer(&port.protocol, "v1.Protocol"));
        let app = pointer(&port.app_protocol, "string");
        let text = format!(
            "(v1.EndpointPort){{Name:{name} Protocol:{protocol} Port:(*int32){number} AppProtocol:{app}}}"
        );
        fnv1a_128(text.as_bytes())
    });
}

/// The port of a pod that a Service's port leads to (`FindPort`): a number, or the container port of that name and
/// protocol; `None` where the pod has none of that name.
pub fn target_port(port: &ServicePort, pod: &Pod) -> Option<i32> {
    match &port.target_port {
        Some(IntOrString::String(name)) => {
            let sidecars = pod.spec.init_containers.iter().flatten();
            let sidecars = sidecars.filter(|c| c.restart_policy.as_deref() == Some("Always"));
            let containers = pod.spec.containers.iter().chain(sidecars);
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            let protocol = |protocol: &Option<String>| protocol.clone().unwrap_or_else(|| "TCP".into());
            let named = ports.find(|candidate| {
                candidate.name.as_ref() == Some(name)
                    && protocol(&candidate.protocol) == protocol(&port.protocol)
            });
            named.map(|port| port.container_port)
        }
        Some(IntOrString::Int(number)) if *number > 0 => Some(*number),
        _ => Some(port.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stand_in_the_order_of_their_hashes() {
        let port = |(name, protocol, number): (&str, &str, i32)| EndpointPort {
            name: Some(name.into()),
            port: Some(number),
            protocol: Some(protocol.into()),
            app_protocol: None,
        };
        let sorted = |ports: &[(&'static str, &'static str, i32)]| {
            let mut ports: Vec<EndpointPort> = ports.iter().copied().map(port).collect();
            sort_ports(&mut ports);
            ports.into_iter().filter_map(|port| port.port).collect::<Vec<_>>()
        };
        // As clusters since 1.35 show them.
        let dns = [("dns", "UDP", 53), ("dns-tcp", "TCP", 53), ("metrics", "TCP", 9153)];
        assert_eq!(sorted(&dns), [53, 53, 9153]);
        assert_eq!(sorted(&[("http", "TCP", 80), ("https", "TCP", 443)]), [443, 80]);
        assert_eq!(sorted(&[("https", "TCP", 443), ("http", "TCP", 80)]), [443, 80]);
    }
}
