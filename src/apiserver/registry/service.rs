//! Services on their way into the store.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{Strategy, families};
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::k8s::{
    IntOrString, LoadBalancerIngress, LoadBalancerStatus, ServicePort, ServiceSpec, ServiceStatus,
};
use crate::api::{Kind, MetaExt, Service, Status};
use crate::apiserver::View;
use crate::rng::Rng;

/// Models `pkg/registry/core/service` with its address and node port allocators.
pub struct ServiceStrategy;

/// The default node port range, 30000-32767.
const NODE_PORT_FIRST: u32 = 30_000;
const NODE_PORT_COUNT: u32 = 2_768;

impl Strategy for ServiceStrategy {
    type Object = Service;
    const COUNTS_GENERATIONS: bool = false;

    fn default(service: &mut Service) {
        let spec = Arc::make_mut(&mut service.spec);
        match spec.session_affinity.get_or_insert_with(|| "None".into()).as_str() {
            "None" => spec.session_affinity_config = None,
            "ClientIP" => {
                let config = spec.session_affinity_config.get_or_insert_default();
                config.client_ip.get_or_insert_default().timeout_seconds.get_or_insert(AFFINITY_SECONDS);
            }
            _ => {}
        }
        let type_ = spec.type_.get_or_insert_with(|| "ClusterIP".into()).clone();
        for port in spec.ports.iter_mut().flatten() {
            port.protocol.get_or_insert_with(|| "TCP".into());
            if port.target_port.as_ref().is_none_or(is_unset) {
                port.target_port = Some(IntOrString::Int(port.port));
            }
        }
        let outside = matches!(type_.as_str(), "NodePort" | "LoadBalancer");
        let addressed = spec.external_ips.as_ref().is_some_and(|addresses| !addresses.is_empty());
        if outside || (type_ == "ClusterIP" && addressed) {
            spec.external_traffic_policy.get_or_insert_with(|| "Cluster".into());
        }
        if outside || type_ == "ClusterIP" {
            spec.internal_traffic_policy.get_or_insert_with(|| "Cluster".into());
        }
        if type_ == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
            default_modes(&mut service.status);
        }
    }

    fn begin_create(service: &Service, view: &View) -> Result<(), Status> {
        refuse_unavailable(service, None, view)?;
        // Whether there is enough left shows on a copy, whatever is drawn.
        allocate(&mut ServiceSpec::clone(&service.spec), view, &mut Rng::new(0, "trial"))
    }

    fn prepare_for_create(service: &mut Service, view: &View, names: &mut Rng) {
        let spec = Arc::make_mut(&mut service.spec);
        if let (Some(address), None) = (&spec.cluster_ip, &spec.cluster_ips) {
            spec.cluster_ips = Some(vec![address.clone()]);
        }
        // There is enough: `begin_create` has tried.
        let _ = allocate(spec, view, names);
        service.status = Arc::new(no_load_balancer());
    }

    fn prepare_for_update(service: &mut Service, old: &Service) {
        let spec = Arc::make_mut(&mut service.spec);
        drop_fields_of_old_type(spec, &old.spec);
        if spec.type_.as_deref() != Some("ExternalName") {
            if spec.cluster_ip.is_none() {
                spec.cluster_ip.clone_from(&old.spec.cluster_ip);
                spec.cluster_ips.clone_from(&old.spec.cluster_ips);
            } else if spec.cluster_ip != old.spec.cluster_ip && spec.cluster_ips == old.spec.cluster_ips {
                // A client that knows the one field only (`NormalizeClusterIPs`).
                spec.cluster_ips = spec.cluster_ip.clone().map(|address| vec![address]);
            }
            spec.ip_families = spec.ip_families.take().or_else(|| old.spec.ip_families.clone());
            spec.ip_family_policy =
                spec.ip_family_policy.take().or_else(|| old.spec.ip_family_policy.clone());
        }
        if needs_health_port(spec) && needs_health_port(&old.spec) {
            spec.health_check_node_port = spec.health_check_node_port.or(old.spec.health_check_node_port);
        }
        if needs_node_ports(spec) && needs_node_ports(&old.spec) {
            keep_node_ports(spec.ports.as_deref_mut().unwrap_or_default(), &old.spec);
        }
    }

    fn begin_update(
        service: &mut Service,
        old: &Service,
        view: &View,
        names: &mut Rng,
    ) -> Result<(), Status> {
        refuse_unavailable(service, Some(old), view)?;
        allocate(Arc::make_mut(&mut service.spec), view, names)
    }
}

/// Whoever says at which address a load balancer answers, and no more, means that it keeps the address.
fn default_modes(status: &mut Arc<ServiceStatus>) {
    let points = |status: &ServiceStatus| status.load_balancer.as_ref().and_then(|all| all.ingress.clone());
    let open = |point: &LoadBalancerIngress| point.ip.is_some() && point.ip_mode.is_none();
    if !points(status).unwrap_or_default().iter().any(open) {
        return;
    }
    let balancer = Arc::make_mut(status).load_balancer.get_or_insert_default();
    for point in balancer.ingress.iter_mut().flatten().filter(|point| open(point)) {
        point.ip_mode = Some("VIP".into());
    }
}

/// Three hours: as long as a client stays with one pod, if it does.
const AFFINITY_SECONDS: i32 = 10_800;

fn is_unset(port: &IntOrString) -> bool {
    matches!(port, IntOrString::Int(0)) || matches!(port, IntOrString::String(name) if name.is_empty())
}

fn no_load_balancer() -> ServiceStatus {
    ServiceStatus { load_balancer: Some(LoadBalancerStatus::default()), ..Default::default() }
}

fn needs_node_ports(spec: &ServiceSpec) -> bool {
    match spec.type_.as_deref() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    }
}

/// Gives the addresses and ports that the Service needs and does not name, as long as there are any.
fn allocate(spec: &mut ServiceSpec, view: &View, names: &mut Rng) -> Result<(), Status> {
    if spec.type_.as_deref() != Some("ExternalName") {
        families::fill(spec);
        // Who gives several gives the first as the one, too. If not, the rules tell.
        let several = spec.cluster_ips.as_ref().is_some_and(|addresses| !addresses.is_empty());
        if spec.cluster_ip.is_some() || !several {
            let address = match spec.cluster_ip.take() {
                Some(address) => address,
                None => free_address(view, names).ok_or_else(|| no_more("serviceIP"))?,
            };
            spec.cluster_ips.get_or_insert_with(|| vec![address.clone()]);
            spec.cluster_ip = Some(address);
        }
    }
    let health_port = needs_health_port(spec) && spec.health_check_node_port.unwrap_or(0) == 0;
    if !needs_node_ports(spec) && !health_port {
        return Ok(());
    }
    let mut taken: Vec<i32> = spec.ports.iter().flatten().filter_map(|port| port.node_port).collect();
    taken.extend(spec.health_check_node_port);
    taken.extend(view.list::<Service>(None).flat_map(|service| node_ports(&service.spec)));
    if needs_node_ports(spec) {
        let ports = spec.ports.as_deref_mut().unwrap_or_default();
        for index in 0..ports.len() {
            if ports[index].node_port.unwrap_or(0) != 0 {
                continue;
            }
            // One port number of two protocols is one port of the nodes too.
            let twin = |other: &&ServicePort| {
                other.port == ports[index].port && other.node_port.is_some_and(|port| port != 0)
            };
            let shared = ports.iter().find(twin).and_then(|other| other.node_port);
            let port = shared.or_else(|| free_node_port(&mut taken, names));
            ports[index].node_port = Some(port.ok_or_else(|| no_more("nodePort"))?);
        }
    }
    if health_port {
        let port = free_node_port(&mut taken, names).ok_or_else(|| no_more("HealthCheck NodePort"))?;
        spec.health_check_node_port = Some(port);
    }
    Ok(())
}

fn no_more(what: &str) -> Status {
    Status::internal_error(&format!("failed to allocate a {what}: range is full"))
}

/// All numbers below a count, from a drawn one on.
fn drawn(count: u32, names: &mut Rng) -> impl Iterator<Item = u32> {
    let first = names.below(count);
    (0..count).map(move |step| (first + step) % count)
}

fn free_node_port(taken: &mut Vec<i32>, names: &mut Rng) -> Option<i32> {
    let mut ports = drawn(NODE_PORT_COUNT, names).map(|step| (NODE_PORT_FIRST + step) as i32);
    let port = ports.find(|port| !taken.contains(port))?;
    taken.push(port);
    Some(port)
}

/// The ports of the nodes that a Service has.
fn node_ports(spec: &ServiceSpec) -> impl Iterator<Item = i32> {
    let own = spec.ports.iter().flatten().filter_map(|port| port.node_port);
    own.chain(spec.health_check_node_port)
}

/// Whether every node answers on a port of its own how many endpoints it has (`NeedsHealthCheck`).
fn needs_health_port(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() == Some("LoadBalancer") && spec.external_traffic_policy.as_deref() == Some("Local")
}

/// A port that keeps its name keeps its node port, unless an update names another or gives it away
/// (`patchAllocatedValues`).
fn keep_node_ports(ports: &mut [ServicePort], old: &ServiceSpec) {
    let old_ports = old.ports.as_deref().unwrap_or_default();
    let mut used: Vec<i32> = ports.iter().filter_map(|port| port.node_port).collect();
    for port in ports.iter_mut().filter(|port| port.node_port.unwrap_or(0) == 0) {
        let before = old_ports.iter().rfind(|old| old.name == port.name).and_then(|old| old.node_port);
        if let Some(before) = before.filter(|before| !used.contains(before)) {
            port.node_port = Some(before);
            used.push(before);
        }
    }
}

/// What another type needed goes with the type, unless the update sets it anew (`dropTypeDependentFields`).
fn drop_fields_of_old_type(spec: &mut ServiceSpec, old: &ServiceSpec) {
    let needs_address = |spec: &ServiceSpec| spec.type_.as_deref() != Some("ExternalName");
    if needs_address(old) && !needs_address(spec) && spec.cluster_ip == old.cluster_ip {
        spec.cluster_ip = None;
        spec.cluster_ips = None;
        spec.ip_families = None;
        spec.ip_family_policy = None;
    }
    if needs_node_ports(old) && !needs_node_ports(spec) {
        let old_ports: Vec<_> = old.ports.iter().flatten().filter_map(|port| port.node_port).collect();
        for port in spec.ports.iter_mut().flatten() {
            port.node_port = port.node_port.filter(|port| !old_ports.contains(port));
        }
    }
    if needs_health_port(old)
        && !needs_health_port(spec)
        && spec.health_check_node_port == old.health_check_node_port
    {
        spec.health_check_node_port = None;
    }
    let balanced = |spec: &ServiceSpec| spec.type_.as_deref() == Some("LoadBalancer");
    if balanced(old) && !balanced(spec) {
        spec.allocate_load_balancer_node_ports = None;
        spec.load_balancer_class = None;
    }
    let outside = |spec: &ServiceSpec| matches!(spec.type_.as_deref(), Some("LoadBalancer" | "NodePort"));
    let addressed = spec.external_ips.as_ref().is_some_and(|addresses| !addresses.is_empty());
    if outside(old) && !outside(spec) && !addressed {
        spec.external_traffic_policy = None;
    }
}

fn node_port_is_taken(port: i32, except: &str, view: &View) -> bool {
    view.list::<Service>(None)
        .filter(|service| service.uid() != except)
        .any(|service| node_ports(&service.spec).any(|other| other == port))
}

/// What the allocators refuse: addresses and ports out of range, or taken.
fn unavailable(service: &Service, old: Option<&Service>, view: &View) -> Vec<FieldError> {
    let (spec, path) = (&service.spec, Path::new("spec"));
    let mut errors = families::refused(spec, old.map(|old| &*old.spec));
    if !errors.is_empty() || spec.type_.as_deref() == Some("ExternalName") {
        return errors;
    }
    let kept = old.and_then(|old| old.spec.cluster_ip.as_deref());
    let address =
        spec.cluster_ip.as_deref().filter(|ip| !ip.is_empty() && *ip != "None" && Some(*ip) != kept);
    if let Some(address) = address {
        let at = path.child("clusterIPs");
        let why = match address.parse::<Ipv4Addr>() {
            Err(_) => {
                let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
                return vec![FieldError::invalid(&at.index(0), quoted(address), why)];
            }
            Ok(ip) if !in_service_range(ip) => "the provided network does not match the current range",
            Ok(_) if view.list::<Service>(None).any(|s| s.spec.cluster_ip.as_deref() == Some(address)) => {
                "provided IP is already allocated"
            }
            Ok(_) => "",
        };
        if !why.is_empty() {
            let why = format!("failed to allocate IP {address}: {why}");
            errors.push(FieldError::invalid(&at, format!("[{}]", quoted(address)), &why));
            return errors;
        }
    }
    let asked = node_ports_asked_for(spec);
    for (place, (index, number)) in asked.iter().enumerate() {
        if let Some(why) = refused_node_port(*number, &asked[..place], service.uid(), view) {
            let at = path.child("ports").index(*index).child("nodePort");
            errors.push(FieldError::invalid(&at, number, &why));
            return errors;
        }
    }
    errors
}

/// The node ports that a Service names, with the places of its ports: one port number of two protocols asks once.
fn node_ports_asked_for(spec: &ServiceSpec) -> Vec<(usize, i32)> {
    let mut asked: Vec<(usize, i32)> = Vec::new();
    if !matches!(spec.type_.as_deref(), Some("NodePort" | "LoadBalancer")) {
        return asked;
    }
    let ports = spec.ports.as_deref().unwrap_or_default();
    for (index, port) in ports.iter().enumerate() {
        let Some(number) = port.node_port.filter(|number| *number != 0) else { continue };
        if !asked.iter().any(|(other, taken)| *taken == number && ports[*other].port == port.port) {
            asked.push((index, number));
        }
    }
    asked
}

/// Why the allocator does not give that port (`portallocator`).
fn refused_node_port(number: i32, given: &[(usize, i32)], uid: &str, view: &View) -> Option<String> {
    let last = NODE_PORT_FIRST + NODE_PORT_COUNT - 1;
    if !(NODE_PORT_FIRST as i32..=last as i32).contains(&number) {
        return Some(format!(
            "provided port is not in the valid range. The range of valid ports is {NODE_PORT_FIRST}-{last}"
        ));
    }
    let taken = given.iter().any(|(_, other)| *other == number) || node_port_is_taken(number, uid, view);
    taken.then(|| "provided port is already allocated".to_string())
}

/// Refuses addresses and ports that cannot be had. That a port for health checks cannot be, the server takes for its own fault.
fn refuse_unavailable(service: &Service, old: Option<&Service>, view: &View) -> Result<(), Status> {
    let errors = unavailable(service, old, view);
    if !errors.is_empty() {
        return Err(Status::invalid(Kind::SERVICE, service.name(), errors));
    }
    let spec = &service.spec;
    let kept = old.is_some_and(|old| needs_health_port(&old.spec));
    let asked = spec.health_check_node_port.filter(|number| *number != 0 && needs_health_port(spec) && !kept);
    let Some(number) = asked else { return Ok(()) };
    match refused_node_port(number, &node_ports_asked_for(spec), service.uid(), view) {
        None => Ok(()),
        Some(why) => {
            let what = format!("failed to allocate requested HealthCheck NodePort {number}: {why}");
            Err(Status::internal_error(&what))
        }
    }
}

/// 10.96.0.0/16.
const SERVICE_RANGE: u32 = 10 << 24 | 96 << 16;

fn in_service_range(ip: Ipv4Addr) -> bool {
    ip.to_bits() & 0xffff_0000 == SERVICE_RANGE
}

/// A cluster address in 10.96.0.0/16 that no Service has.
fn free_address(view: &View, names: &mut Rng) -> Option<String> {
    let address = |service: &Service| service.spec.cluster_ip.as_deref()?.parse::<Ipv4Addr>().ok();
    let taken: Vec<Ipv4Addr> = view.list::<Service>(None).filter_map(address).collect();
    drawn(1 << 16, names)
        .map(|host| Ipv4Addr::from(SERVICE_RANGE | host))
        .find(|address| !matches!(address.octets()[3], 0 | 255) && !taken.contains(address))
        .map(|address| address.to_string())
}
