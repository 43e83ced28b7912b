//! Services on their way into the store.

use std::sync::Arc;

use super::Strategy;
use crate::api::Service;
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::k8s::IntOrString;
use crate::apiserver::View;
use crate::apiserver::validation::dns_label;
use crate::rng::Rng;

/// Models `pkg/registry/core/service` with its address and node port allocators.
pub struct ServiceStrategy;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/// The default node port range, 30000-32767.
const NODE_PORT_FIRST: u32 = 30_000;
const NODE_PORT_COUNT: u32 = 2_768;

impl Strategy for ServiceStrategy {
    type Object = Service;
    const COUNTS_GENERATIONS: bool = false;

    fn default(service: &mut Service) {
        let spec = Arc::make_mut(&mut service.spec);
        spec.session_affinity.get_or_insert_with(|| "None".into());
        let type_ = spec.type_.get_or_insert_with(|| "ClusterIP".into()).clone();
        for port in spec.ports.iter_mut().flatten() {
            port.protocol.get_or_insert_with(|| "TCP".into());
            port.target_port.get_or_insert(IntOrString::Int(port.port));
        }
        if type_ == "ExternalName" {
            return;
        }
        spec.internal_traffic_policy.get_or_insert_with(|| "Cluster".into());
        spec.ip_family_policy.get_or_insert_with(|| "SingleStack".into());
        spec.ip_families.get_or_insert_with(|| vec!["IPv4".into()]);
        if type_ == "NodePort" || type_ == "LoadBalancer" {
            spec.external_traffic_policy.get_or_insert_with(|| "Cluster".into());
        }
        if type_ == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
    }

    fn prepare_for_create(service: &mut Service, view: &View, names: &mut Rng) {
        let spec = Arc::make_mut(&mut service.spec);
        let type_ = spec.type_.as_deref().unwrap_or_default();
        if type_ != "ExternalName" {
            let address = spec.cluster_ip.get_or_insert_with(|| free_address(view, names)).clone();
            spec.cluster_ips.get_or_insert_with(|| vec![address]);
        }
        if type_ == "NodePort" || type_ == "LoadBalancer" {
            for port in spec.ports.iter_mut().flatten().filter(|port| port.node_port.is_none()) {
                port.node_port = Some((NODE_PORT_FIRST + names.below(NODE_PORT_COUNT)) as i32);
            }
        }
    }

    fn prepare_for_update(service: &mut Service, old: &Service) {
        let spec = Arc::make_mut(&mut service.spec);
        if spec.cluster_ip.is_none() {
            spec.cluster_ip.clone_from(&old.spec.cluster_ip);
            spec.cluster_ips.clone_from(&old.spec.cluster_ips);
        }
        let old_ports = old.spec.ports.as_deref().unwrap_or_default();
        for port in spec.ports.iter_mut().flatten().filter(|port| port.node_port.is_none()) {
            port.node_port = old_ports.iter().find(|old| old.port == port.port).and_then(|old| old.node_port);
        }
    }

    fn validate(service: &Service) -> Vec<FieldError> {
        let (path, spec) = (Path::new("spec"), &service.spec);
        let mut errors = Vec::new();
        let type_ = spec.type_.as_deref().unwrap_or_default();
        if !TYPES.contains(&type_) {
            errors.push(FieldError::not_supported(&path.child("type"), type_, &TYPES));
        }
        let ports = spec.ports.as_deref().unwrap_or_default();
        if ports.is_empty() && type_ != "ExternalName" && spec.cluster_ip.as_deref() != Some("None") {
            errors.push(FieldError::required(&path.child("ports"), ""));
        }
        for (index, port) in ports.iter().enumerate() {
            let path = path.child("ports").index(index);
            match port.name.as_deref().unwrap_or_default() {
                "" if ports.len() > 1 => errors.push(FieldError::required(&path.child("name"), "")),
                "" => {}
                name => errors.extend(
                    dns_label(name).map(|why| FieldError::invalid(&path.child("name"), quoted(name), &why)),
                ),
            }
            if !(1..=65535).contains(&port.port) {
                let why = "must be between 1 and 65535, inclusive";
                errors.push(FieldError::invalid(&path.child("port"), port.port, why));
            }
        }
        errors
    }
}

/// A cluster address in 10.96.0.0/12 that no Service has.
fn free_address(view: &View, names: &mut Rng) -> String {
    loop {
        let draw = names.below(1 << 20);
        let address = format!("10.{}.{}.{}", 96 + (draw >> 16), (draw >> 8) & 0xff, draw & 0xff);
        let reserved = matches!(draw & 0xff, 0 | 255);
        let taken =
            view.list::<Service>(None).any(|service| service.spec.cluster_ip.as_ref() == Some(&address));
        if !reserved && !taken {
            return address;
        }
    }
}
