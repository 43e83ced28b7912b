//! The rules of Services, and of the endpoints behind them.

use std::net::IpAddr;

use super::at::{At, Errors};
use super::container::validate_port_or_name;
use super::internal;
use super::meta::validate_labels;
use super::text;
use crate::api::field_error::{FieldError, quoted};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
/// A day: as long as a client can stay with one pod.
const AFFINITY_SECONDS_MAX: i64 = 86_400;

fn is_headless(spec: &At) -> bool {
    spec.get("clusterIPs").len() == 1 && spec.get("clusterIPs").index(0).text() == "None"
}

/// `ValidateService`.
pub fn service(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let type_ = spec.get("type");
    validate_topology_notes(&object.get("metadata"), errors);
    if spec.get("ports").is_empty() && !is_headless(&spec) && type_.text() != "ExternalName" {
        errors.required(&spec.get("ports"), "");
    }
    validate_of_type(&spec, errors);
    validate_ports(&spec, errors);
    validate_labels(&spec.get("selector"), errors);
    validate_affinity(&spec, errors);
    validate_addresses(&spec, errors);
    for address in spec.get("externalIPs").items() {
        validate_external_ip(&address, errors);
    }
    errors.required_one_of(&type_, &TYPES);
    validate_port_uniqueness(&spec, errors);
    validate_source_ranges(object, errors);
    let allocate = spec.get("allocateLoadBalancerNodePorts");
    if allocate.is_set() && type_.text() != "LoadBalancer" {
        errors.forbidden(&allocate, "may only be used when `type` is 'LoadBalancer'");
    }
    let class = spec.get("loadBalancerClass");
    if class.is_set() && type_.text() == "LoadBalancer" {
        errors.text(&class, text::qualified_name);
    } else if class.is_set() {
        errors.forbidden(&class, "may only be used when `type` is 'LoadBalancer'");
    }
    validate_traffic_policies(&spec, errors);
}

/// The new annotation and the old one, where there are both, say the same.
fn validate_topology_notes(metadata: &At, errors: &mut Errors) {
    const OLD: &str = "service.kubernetes.io/topology-aware-hints";
    let annotations = metadata.get("annotations");
    let (mode, hints) = (annotations.key("service.kubernetes.io/topology-mode"), annotations.key(OLD));
    if mode.is_set() && hints.is_set() && mode.text() != hints.text() {
        errors.invalid(&mode, &format!("must match annotations[{OLD}] when both are specified"));
    }
}

/// Who may use a load balancer, by field or else by annotation.
fn validate_source_ranges(object: &At, errors: &mut Errors) {
    const NOTE: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    const WHY: &str = "may only be used when `type` is 'LoadBalancer'";
    let (spec, metadata) = (object.get("spec"), object.get("metadata"));
    let (ranges, annotations) = (spec.get("loadBalancerSourceRanges"), metadata.get("annotations"));
    let note = annotations.key(NOTE);
    let balanced = spec.get("type").text() == "LoadBalancer";
    if !ranges.is_empty() {
        // The field has a capital in errors.
        let at = spec.named("LoadBalancerSourceRanges").with(ranges.value());
        if !balanced {
            errors.forbidden(&at, WHY);
        }
        for range in at.items() {
            errors.text_as(&range, range.text().trim(), text::cidr);
        }
    } else if note.is_set() {
        if !balanced {
            errors.forbidden(&note, WHY);
        }
        for range in note.text().trim().split(',').filter(|_| !note.text().trim().is_empty()) {
            errors.text_as(&note, range.trim(), text::cidr);
        }
    }
}

fn validate_of_type(spec: &At, errors: &mut Errors) {
    let addresses = spec.get("clusterIPs");
    match spec.get("type").text() {
        type_ @ ("LoadBalancer" | "NodePort") if is_headless(spec) => {
            let why = format!("may not be set to 'None' for {type_} services");
            errors.invalid(&addresses.index(0), &why);
        }
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if spec.get(field).is_set() {
                    errors.forbidden(&spec.get(field), "may not be set for ExternalName services");
                }
            }
            let name = spec.get("externalName");
            let bare = name.text().strip_suffix('.').unwrap_or(name.text());
            if bare.is_empty() {
                errors.required(&name, "");
            } else {
                errors.text_as(&name, bare, text::dns_subdomain);
            }
        }
        _ => {}
    }
}

fn validate_ports(spec: &At, errors: &mut Errors) {
    let ports = spec.get("ports");
    let mut names: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.get("name");
        if name.is_empty() {
            if ports.len() > 1 {
                errors.required(&name, "");
            }
        } else {
            errors.text(&name, text::dns_label);
            if names.contains(&name.text()) {
                errors.duplicate(&name);
            }
            names.push(name.text());
        }
        errors.port(&port.get("port"));
        errors.required_one_of(&port.get("protocol"), &PROTOCOLS);
        validate_port_or_name(&port.get("targetPort"), errors);
        if port.get("appProtocol").is_set() {
            errors.text(&port.get("appProtocol"), text::qualified_name);
        }
    }
}

fn validate_port_uniqueness(spec: &At, errors: &mut Errors) {
    let ports = spec.get("ports");
    if spec.get("type").text() == "ClusterIP" {
        for port in ports.items().filter(|port| port.get("nodePort").int() != 0) {
            errors.forbidden(&port.get("nodePort"), "may not be used when `type` is 'ClusterIP'");
        }
    }
    let mut seen: Vec<(&str, i64)> = Vec::new();
    for port in ports.items().filter(|port| port.get("nodePort").int() != 0) {
        let key = (port.get("protocol").text(), port.get("nodePort").int());
        if seen.contains(&key) {
            errors.duplicate(&port.get("nodePort"));
        }
        seen.push(key);
    }
    seen.clear();
    for port in ports.items() {
        let key = (port.get("protocol").text(), port.get("port").int());
        if seen.contains(&key) {
            let shown = serde_json::json!({"protocol": key.0, "port": key.1});
            errors.duplicate_as(&port, &internal::dump("ServicePort", &shown));
        }
        seen.push(key);
    }
}

fn validate_affinity(spec: &At, errors: &mut Errors) {
    let (affinity, config) = (spec.get("sessionAffinity"), spec.get("sessionAffinityConfig"));
    errors.required_one_of(&affinity, &["ClientIP", "None"]);
    match affinity.text() {
        "None" if config.is_set() => {
            errors.forbidden(&config, "must not be set when session affinity is None");
        }
        "ClientIP" => {
            let seconds = config.get("clientIP.timeoutSeconds");
            if !(1..=AFFINITY_SECONDS_MAX).contains(&seconds.int()) {
                let why = format!("must be greater than 0 and less than {AFFINITY_SECONDS_MAX}");
                errors.invalid_int(&seconds, &why);
            }
        }
        _ => {}
    }
}

/// `ValidateServiceClusterIPsRelatedFields`.
pub fn validate_addresses(spec: &At, errors: &mut Errors) {
    if spec.get("type").text() == "ExternalName" {
        return;
    }
    let (first, addresses) = (spec.get("clusterIP"), spec.get("clusterIPs"));
    if first.is_empty() {
        if !addresses.is_empty() {
            errors.invalid(&addresses, "must be empty when `clusterIP` is not specified");
        }
    } else if addresses.is_empty() {
        errors.required(&addresses, "");
    } else if addresses.index(0).text() != first.text() {
        errors.invalid(&addresses, "first value must match `clusterIP`");
    }
    let families = spec.get("ipFamilies");
    let mut seen: Vec<&str> = Vec::new();
    for family in families.items() {
        if !matches!(family.text(), "IPv4" | "IPv6") {
            errors.unsupported(&family, &["IPv4", "IPv6"]);
        }
        if seen.contains(&family.text()) {
            errors.duplicate(&family);
        }
        seen.push(family.text());
    }
    let policy = spec.get("ipFamilyPolicy");
    if policy.is_set() {
        errors.one_of(&policy, &["PreferDualStack", "RequireDualStack", "SingleStack"]);
    }
    let before = errors.len();
    for (index, address) in addresses.items().enumerate() {
        match (index, address.text()) {
            (0, "None") if addresses.len() == 1 => {}
            (0, "None") => errors.invalid(&addresses, "'None' must be the first and only value"),
            _ => errors.text(&address, text::ip),
        }
    }
    let sound = errors.len() == before;
    if addresses.len() > 2 {
        errors.invalid(&addresses, "may only hold up to 2 values");
    }
    if !sound || is_headless(spec) {
        return;
    }
    let of_6 = |address: &str| address.contains(':');
    if addresses.len() > 1 {
        let sixes = addresses.texts().filter(|address| of_6(address)).count();
        if sixes == 0 || sixes == addresses.len() {
            errors.invalid(&addresses, "may specify no more than one IP for each IP family");
        }
    }
    for (index, (address, family)) in addresses.items().zip(families.texts()).enumerate() {
        let wrong = match family {
            "IPv4" => of_6(address.text()),
            "IPv6" => !of_6(address.text()),
            _ => false,
        };
        if wrong {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.invalid(&address, &why);
        }
    }
}

/// An address from outside (`ValidateEndpointIP`).
fn validate_external_ip(at: &At, errors: &mut Errors) {
    let why = text::ip(at.text());
    let Ok(address) = at.text().parse::<IpAddr>() else {
        return why.iter().for_each(|why| errors.invalid_as(at, &quoted(at.text()), why));
    };
    if !why.is_empty() {
        return why.iter().for_each(|why| errors.invalid_as(at, &quoted(at.text()), why));
    }
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    };
    if address.is_unspecified() {
        errors.invalid(at, &format!("may not be unspecified ({address})"));
    }
    if address.is_loopback() {
        errors.invalid(at, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    if link_local {
        errors.invalid(at, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    let local_multicast = match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] == 0xff02,
    };
    if local_multicast {
        errors.invalid(at, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}

fn validate_traffic_policies(spec: &At, errors: &mut Errors) {
    let (type_, outside) = (spec.get("type").text(), spec.get("externalTrafficPolicy"));
    let accessible = matches!(type_, "LoadBalancer" | "NodePort")
        || (type_ == "ClusterIP" && !spec.get("externalIPs").is_empty());
    if !accessible {
        if !outside.is_empty() {
            errors.invalid(&outside, "may only be set for externally-accessible services");
        }
    } else if outside.is_empty() {
        errors.required(&outside, "");
    } else {
        errors.one_of(&outside, &["Cluster", "Local"]);
    }
    let check = spec.get("healthCheckNodePort");
    if check.int() == 0 {
    } else if !(type_ == "LoadBalancer" && outside.text() == "Local") {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.invalid(&check, why);
    } else {
        errors.port(&check);
    }
    let inside = spec.get("internalTrafficPolicy");
    if inside.is_set() {
        errors.one_of(&inside, &["Cluster", "Local"]);
    } else if matches!(type_, "ClusterIP" | "LoadBalancer" | "NodePort") {
        errors.required(&inside, "");
    }
    let distribution = spec.get("trafficDistribution");
    if distribution.is_set() {
        errors.one_of(&distribution, &["PreferClose", "PreferSameZone", "PreferSameNode"]);
    }
}

/// `ValidateServiceUpdate`.
pub fn service_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, old) = (object.get("spec"), old.get("spec"));
    let external = |spec: &At| spec.get("type").text() == "ExternalName";
    if external(&spec) || external(&old) {
        return;
    }
    validate_kept(
        &spec.get("clusterIPs"),
        &old.get("clusterIPs"),
        is_headless(&spec) && is_headless(&old),
        errors,
    );
    let headless = is_headless(&spec) || is_headless(&old);
    validate_kept(&spec.get("ipFamilies"), &old.get("ipFamilies"), headless, errors);
    let balanced = |spec: &At| spec.get("type").text() == "LoadBalancer";
    if !balanced(&spec) || !balanced(&old) {
        return;
    }
    let class = spec.get("loadBalancerClass");
    if class.value() != old.get("loadBalancerClass").value() {
        errors.invalid(&class, "may not change once set");
    }
    let check = spec.get("healthCheckNodePort");
    let local = |spec: &At| spec.get("externalTrafficPolicy").text() == "Local";
    if local(&spec) && local(&old) && check.int() != old.get("healthCheckNodePort").int() {
        errors.forbidden(&check, "field is immutable");
    }
}

/// A second address or family may come and go; the first stays (`validateUpgradeDowngradeClusterIPs`).
fn validate_kept(list: &At, old: &At, free: bool, errors: &mut Errors) {
    let (first, before) = (list.index(0), old.index(0));
    if !free && first.is_set() && before.is_set() && first.text() != before.text() {
        errors.invalid_as(&first, &list.shown(), "may not change once set");
    }
}

/// `ValidateEndpointsCreate`.
pub fn endpoints(object: &At, errors: &mut Errors) {
    for subset in object.get("subsets").items() {
        let (ready, not_ready) = (subset.get("addresses"), subset.get("notReadyAddresses"));
        if ready.is_empty() && not_ready.is_empty() {
            errors.required(&subset, "must specify `addresses` or `notReadyAddresses`");
        }
        for address in ready.items().chain(not_ready.items()) {
            let ip = address.get("ip");
            validate_external_ip(&ip, errors);
            if text::sloppy_ip(ip.text()).is_none() {
                errors.invalid_as(&ip, &quoted(ip.text()), "must be a valid IP address");
            }
            if !address.get("hostname").is_empty() {
                errors.text(&address.get("hostname"), text::dns_label);
            }
            if address.get("nodeName").is_set() {
                errors.text(&address.get("nodeName"), text::dns_subdomain);
            }
        }
        let ports = subset.get("ports");
        for port in ports.items() {
            if port.get("name").is_empty() {
                if ports.len() > 1 {
                    errors.required(&port.get("name"), "");
                }
            } else {
                errors.text(&port.get("name"), text::dns_label);
            }
            errors.port(&port.get("port"));
            errors.required_one_of(&port.get("protocol"), &PROTOCOLS);
            if port.get("appProtocol").is_set() {
                errors.text(&port.get("appProtocol"), text::qualified_name);
            }
        }
    }
}

/// `ValidateEndpointSliceCreate`.
pub fn endpoint_slice(object: &At, errors: &mut Errors) {
    const ENDPOINTS_MAX: usize = 1_000;
    const ADDRESSES_MAX: usize = 100;
    let type_ = object.get("addressType");
    errors.required_one_of(&type_, &["FQDN", "IPv4", "IPv6"]);
    let endpoints = object.get("endpoints");
    if endpoints.len() > ENDPOINTS_MAX {
        errors.too_many(&endpoints, ENDPOINTS_MAX);
        return;
    }
    for endpoint in endpoints.items() {
        let addresses = endpoint.get("addresses");
        if addresses.is_empty() {
            errors.required(&addresses, "must contain at least 1 address");
        } else if addresses.len() > ADDRESSES_MAX {
            errors.too_many(&addresses, ADDRESSES_MAX);
        }
        for address in addresses.items() {
            match type_.text() {
                "IPv4" if address.text().parse::<std::net::Ipv4Addr>().is_err() => {
                    errors.invalid(&address, "must be a valid IPv4 address");
                }
                "IPv6" if address.text().parse::<std::net::Ipv6Addr>().is_err() => {
                    errors.invalid(&address, "must be a valid IPv6 address");
                }
                "IPv4" | "IPv6" => validate_external_ip(&address, errors),
                "FQDN" => errors.text(&address, text::dns_subdomain),
                _ => {}
            }
        }
        if endpoint.get("nodeName").is_set() {
            errors.text(&endpoint.get("nodeName"), text::dns_subdomain);
        }
        if endpoint.get("hostname").is_set() {
            errors.text(&endpoint.get("hostname"), text::dns_label);
        }
        validate_hints(&endpoint.get("hints"), errors);
    }
    validate_slice_ports(&object.get("ports"), errors);
}

fn validate_hints(hints: &At, errors: &mut Errors) {
    const HINTS_MAX: usize = 8;
    for (field, rule) in
        [("forZones", text::label_value as text::Rule), ("forNodes", text::dns_subdomain as text::Rule)]
    {
        let list = hints.get(field);
        if list.len() > HINTS_MAX {
            errors.too_many(&list, HINTS_MAX);
            continue;
        }
        let mut names: Vec<&str> = Vec::new();
        for item in list.items() {
            let name = item.get("name");
            if names.contains(&name.text()) {
                errors.duplicate(&name);
            } else {
                names.push(name.text());
                errors.text(&name, rule);
            }
        }
    }
}

fn validate_slice_ports(ports: &At, errors: &mut Errors) {
    const PORTS_MAX: usize = 100;
    if ports.len() > PORTS_MAX {
        errors.too_many(ports, PORTS_MAX);
        return;
    }
    let mut names: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.is_empty() {
            errors.text(&name, text::dns_label);
        }
        if names.contains(&name.text()) {
            errors.push(FieldError::duplicate(&name.path(), quoted(name.text())));
        }
        names.push(name.text());
        errors.required_one_of(&port.get("protocol"), &PROTOCOLS);
        if port.get("appProtocol").is_set() {
            errors.text(&port.get("appProtocol"), text::qualified_name);
        }
    }
}

/// `ValidateEndpointSliceUpdate`.
pub fn endpoint_slice_update(object: &At, old: &At, errors: &mut Errors) {
    errors.immutable(&object.get("addressType"), &old.get("addressType"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::at::check;
    use super::*;

    #[test]
    fn an_endpoint_with_leading_zeros_is_an_address_written_badly() {
        let endpoints_at = |ip: &str| json!({"subsets": [{"addresses": [{"ip": ip}]}]});
        let at = |why: &str| format!("subsets[0].addresses[0].ip: Invalid value: {why}");
        check(endpoints, &endpoints_at("10.1.2.3"), &[]);
        let zeros = at("\"10.01.2.3\": must not have leading 0s");
        check(endpoints, &endpoints_at("10.01.2.3"), &[&zeros]);
        let example = at("\"web\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        check(endpoints, &endpoints_at("web"), &[&example, &at("\"web\": must be a valid IP address")]);
    }
}
