//! The rules of Ingresses, their classes and NetworkPolicies (`pkg/apis/networking/validation`).

use std::net::IpAddr;

use super::at::{At, Errors};
use super::container::validate_port_or_name;
use super::meta::validate_selector;
use super::{internal, text};

/// `ValidateIngressCreate`.
pub fn ingress(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (rules, backend) = (spec.get("rules"), spec.get("defaultBackend"));
    if rules.is_empty() && !backend.is_set() {
        errors.invalid_as(&spec, &rules.shown(), "either `defaultBackend` or `rules` must be specified");
    }
    if backend.is_set() {
        validate_backend(&backend, errors);
    }
    for rule in rules.items() {
        validate_host(&rule.get("host"), errors);
        if rule.get("http").is_set() {
            let paths = rule.get("http.paths");
            if paths.is_empty() {
                errors.required(&paths, "");
            }
            paths.items().for_each(|path| validate_path(&path, errors));
        }
    }
    for tls in spec.get("tls").items() {
        for host in tls.get("hosts").items() {
            let rule = if host.text().contains('*') { text::wildcard_subdomain } else { text::dns_subdomain };
            errors.text(&host, rule);
        }
        if !tls.get("secretName").is_empty() {
            errors.text(&tls.get("secretName"), text::dns_subdomain);
        }
    }
    if spec.get("ingressClassName").is_set() {
        errors.text(&spec.get("ingressClassName"), text::dns_subdomain);
    }
}

/// The annotation from before there was a field says the same as the field, where there are both.
pub fn ingress_create(object: &At, errors: &mut Errors) {
    const OLD: &str = "kubernetes.io/ingress.class";
    let (annotations, class) = (object.get("metadata.annotations"), object.get("spec.ingressClassName"));
    let note = annotations.key(OLD);
    if note.is_set() && class.is_set() && note.text() != class.text() {
        let list = object.named("annotations");
        let at = list.named(OLD).with(note.value());
        errors.invalid(&at, "must match `ingressClassName` when both are specified");
    }
}

fn validate_host(host: &At, errors: &mut Errors) {
    if host.is_empty() {
        return;
    }
    if host.text().parse::<IpAddr>().is_ok() {
        errors.invalid(host, "must be a DNS name, not an IP address");
    }
    let rule = if host.text().contains('*') { text::wildcard_subdomain } else { text::dns_subdomain };
    errors.text(host, rule);
}

fn validate_path(path: &At, errors: &mut Errors) {
    let (type_, text) = (path.get("pathType"), path.get("path"));
    if !type_.is_set() {
        errors.required(&type_, "pathType must be specified");
        return;
    }
    match type_.text() {
        "Exact" | "Prefix" => {
            if !text.text().starts_with('/') {
                errors.invalid_as(&text, &super::text_shown(&text), "must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"] {
                if text.text().contains(part) {
                    errors.invalid(&text, &format!("must not contain '{part}'"));
                }
            }
            for end in ["/..", "/."] {
                if text.text().ends_with(end) {
                    errors.invalid(&text, &format!("cannot end with '{end}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.text().starts_with('/') {
                errors.invalid(&text, "must be an absolute path");
            }
        }
        _ => errors.unsupported(&type_, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    validate_backend(&path.get("backend"), errors);
}

fn validate_backend(backend: &At, errors: &mut Errors) {
    let (service, resource) = (backend.get("service"), backend.get("resource"));
    match (service.is_set(), resource.is_set()) {
        (true, true) => {
            errors.invalid_as(backend, "\"\"", "cannot set both resource and service backends");
        }
        (false, false) => {
            errors.invalid_as(backend, "\"\"", "resource or service backend is required");
        }
        (false, true) => {
            validate_reference(&resource, errors);
        }
        (true, false) => {
            if !errors.require(&service.get("name")) {
                errors.text(&service.get("name"), text::dns_label);
            }
            let (name, number) = (service.get("port.name"), service.get("port.number"));
            match (!name.is_empty(), number.int() != 0) {
                (true, true) => {
                    errors.invalid_as(backend, "\"\"", "cannot set both port name & port number");
                }
                (true, false) => errors.text(&name, text::port_name),
                (false, true) => errors.port(&number),
                (false, false) => errors.required(backend, "port name or number is required"),
            }
        }
    }
}

/// `ValidateIngressClass`.
pub fn ingress_class(object: &At, errors: &mut Errors) {
    const CONTROLLER_MAX: usize = 250;
    let controller = object.get("spec.controller");
    if controller.text().len() > CONTROLLER_MAX {
        errors.too_long(&controller, CONTROLLER_MAX);
    }
    validate_prefixed_path(&controller, errors);
    let parameters = object.get("spec.parameters");
    if parameters.is_set() {
        validate_parameters(&parameters, errors);
    }
}

/// `validateIngressClassParametersReference`.
fn validate_parameters(parameters: &At, errors: &mut Errors) {
    validate_reference(parameters, errors);
    let (scope, namespace) = (parameters.get("scope"), parameters.get("namespace"));
    if !scope.is_set() {
        errors.required(&scope, "");
        return;
    }
    errors.one_of(&scope, &["Cluster", "Namespace"]);
    match scope.text() {
        "Namespace" if !namespace.is_set() => {
            errors.required(&namespace, "`parameters.scope` is set to 'Namespace'");
        }
        "Namespace" => errors.text(&namespace, text::dns_label),
        "Cluster" if namespace.is_set() => {
            errors.forbidden(&namespace, "`parameters.scope` is set to 'Cluster'");
        }
        _ => {}
    }
}

/// `validateIngressTypedLocalObjectReference`: something of a group that is named by kind and name.
fn validate_reference(reference: &At, errors: &mut Errors) {
    if reference.get("apiGroup").is_set() {
        errors.text(&reference.get("apiGroup"), text::dns_subdomain);
    }
    for (field, missing) in [("kind", "kind is required"), ("name", "name is required")] {
        let at = reference.get(field);
        if at.is_empty() {
            errors.required(&at, missing);
        } else {
            errors.text(&at, text::path_segment);
        }
    }
}

/// `acme.io/foo`: a domain and a path (`IsDomainPrefixedPath`).
pub fn validate_prefixed_path(at: &At, errors: &mut Errors) {
    if errors.require(at) {
        return;
    }
    match at.text().split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
            errors.text_as(at, domain, text::dns_subdomain);
        }
        _ => errors.invalid(at, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
    }
}

/// `ValidateIngressClassUpdate`.
pub fn ingress_class_update(object: &At, old: &At, errors: &mut Errors) {
    errors.immutable(&object.get("spec.controller"), &old.get("spec.controller"));
}

/// `ValidateNetworkPolicy`.
pub fn network_policy(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    validate_selector(&spec.get("podSelector"), errors);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.get(list).items() {
            for port in rule.get("ports").items() {
                validate_policy_port(&port, errors);
            }
            for peer in rule.get(peers).items() {
                validate_peer(&peer, errors);
            }
        }
    }
    let types = spec.get("policyTypes");
    if types.len() > 2 {
        errors.invalid(&types, "may not specify more than two policyTypes");
        return;
    }
    for type_ in types.items() {
        errors.one_of(&type_, &["Ingress", "Egress"]);
    }
}

fn validate_policy_port(rule: &At, errors: &mut Errors) {
    let (protocol, port, end) = (rule.get("protocol"), rule.get("port"), rule.get("endPort"));
    if protocol.is_set() {
        errors.one_of(&protocol, &["TCP", "UDP", "SCTP"]);
    }
    let named = port.value().is_string();
    if end.is_set() && (named || !port.is_set()) {
        let how = if named { "non-numeric" } else { "not specified" };
        errors.invalid(&end, &format!("may not be specified when `port` is {how}"));
    }
    if !port.is_set() {
        return;
    }
    validate_port_or_name(&port, errors);
    if end.is_set() && !named {
        if end.int() < port.int() {
            // The number that is shown is that of the port.
            errors.invalid_as(&end, &port.shown(), "must be greater than or equal to `port`");
        }
        errors.port(&end);
    }
}

fn validate_peer(peer: &At, errors: &mut Errors) {
    let (pods, namespaces, block) =
        (peer.get("podSelector"), peer.get("namespaceSelector"), peer.get("ipBlock"));
    validate_selector(&pods, errors);
    validate_selector(&namespaces, errors);
    if block.is_set() {
        validate_block(&block, errors);
    }
    let count = [pods, namespaces, block].iter().filter(|part| part.is_set()).count();
    if count == 0 {
        errors.required(peer, "must specify a peer");
    } else if count > 1 && block.is_set() {
        errors.forbidden(peer, "may not specify both ipBlock and another peer");
    }
}

fn validate_block(block: &At, errors: &mut Errors) {
    let range = block.get("cidr");
    if range.is_empty() {
        errors.required(&range, "");
        return;
    }
    errors.text(&range, text::cidr);
    let Some(outer) = text::parse_cidr(range.text()) else { return };
    for except in block.get("except").items() {
        errors.text(&except, text::cidr);
        if text::parse_cidr(except.text()).is_some_and(|inner| !is_strictly_within(inner, outer)) {
            errors.invalid(&except, "must be a strict subset of `cidr`");
        }
    }
}

fn is_strictly_within(inner: (IpAddr, u32), outer: (IpAddr, u32)) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, true),
        IpAddr::V6(address) => (u128::from(address), false),
    };
    let ((inner_bits, inner_four), (outer_bits, outer_four)) = (bits(inner.0), bits(outer.0));
    let mask = if outer.1 == 0 { 0 } else { u128::MAX << (128 - outer.1) };
    inner_four == outer_four && inner.1 > outer.1 && inner_bits & mask == outer_bits & mask
}

/// `ValidateServiceCIDR`.
pub fn service_cidr(object: &At, errors: &mut Errors) {
    let ranges = object.get("spec.cidrs");
    let shown = || internal::dump("ServiceCIDRSpec", object.get("spec").value());
    match ranges.len() {
        0 => return errors.required(&ranges, "at least one CIDR required"),
        1 => {}
        2 => {
            let is_six = |at: At| at.text().contains(':');
            if is_six(ranges.index(0)) == is_six(ranges.index(1)) {
                let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
                errors.invalid_as(&ranges, &shown(), why);
                return;
            }
        }
        _ => return errors.invalid_as(&ranges, &shown(), "may only hold up to 2 values"),
    }
    for range in ranges.items() {
        errors.text(&range, text::cidr);
    }
}

/// `ValidateServiceCIDRUpdate`: a second family can be added.
pub fn service_cidr_update(object: &At, old: &At, errors: &mut Errors) {
    let (ranges, before) = (object.get("spec.cidrs"), old.get("spec.cidrs"));
    if ranges.len() != before.len() && (before.len(), ranges.len()) != (1, 2) {
        return errors.immutable(&ranges, &before);
    }
    for (index, before) in before.items().enumerate() {
        errors.immutable(&ranges.index(index), &before);
    }
}

/// `ValidateIPAddressUpdate`: an address stays its owner's.
pub fn ip_address_update(object: &At, old: &At, errors: &mut Errors) {
    let (owner, before) = (object.get("spec.parentRef"), old.get("spec.parentRef"));
    if owner.value() != before.value() {
        let shown =
            if owner.is_set() { internal::dump("ParentReference", owner.value()) } else { "null".into() };
        errors.invalid_as(&owner, &shown, "field is immutable");
    }
}

/// `ValidateIPAddress`. Its name is the address.
pub fn ip_address(object: &At, errors: &mut Errors) {
    let owner = object.get("spec.parentRef");
    if !owner.is_set() {
        return errors.required(&owner, "");
    }
    errors.require(&owner.get("resource"));
    errors.require(&owner.get("name"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;
    use serde_json::json;

    #[test]
    fn parameters_of_a_class_name_something_in_a_scope() {
        let class = |parameters: &serde_json::Value| json!({"spec": {"controller": "a.io/b", "parameters": parameters}});
        check(ingress_class, &class(&json!({"kind": "A", "name": "b", "scope": "Cluster"})), &[]);
        check(
            ingress_class,
            &class(&json!({"name": "b/c", "scope": "Namespace"})),
            &[
                "spec.parameters.kind: Required value: kind is required",
                "spec.parameters.name: Invalid value: \"b/c\": may not contain '/'",
                "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
            ],
        );
    }

    #[test]
    fn a_range_of_ports_ends_above_its_port() {
        let policy = |port: &serde_json::Value| json!({"spec": {"ingress": [{"ports": [port]}]}});
        check(network_policy, &policy(&json!({"port": 80, "endPort": 90})), &[]);
        check(
            network_policy,
            &policy(&json!({"port": 80, "endPort": 70})),
            &["spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"],
        );
    }

    #[test]
    fn services_have_one_range_of_addresses_for_each_family() {
        let ranges = |ranges: &[&str]| json!({"spec": {"cidrs": ranges}});
        check(service_cidr, &ranges(&["10.0.0.0/16", "fd00::/64"]), &[]);
        check(
            service_cidr,
            &ranges(&["10.0.0.0/16", "10.1.0.0/16"]),
            &[
                "spec.cidrs: Invalid value: {\"CIDRs\":[\"10.0.0.0/16\",\"10.1.0.0/16\"]}: may specify no more than one IP for each IP \
                 family, i.e 192.168.0.0/24 and 2001:db8::/64",
            ],
        );
        let changes: [(&[&str], &[&str], &[&str]); 3] = [
            (&["10.0.0.0/16"], &["10.0.0.0/16", "fd00::/64"], &[]),
            (
                &["10.0.0.0/16"],
                &["10.1.0.0/16"],
                &["spec.cidrs[0]: Invalid value: \"10.1.0.0/16\": field is immutable"],
            ),
            (
                &["10.0.0.0/16", "fd00::/64"],
                &["fd00::/64"],
                &["spec.cidrs: Invalid value: [\"fd00::/64\"]: field is immutable"],
            ),
        ];
        for (old, new, want) in changes {
            let (old, new, mut errors) = (ranges(old), ranges(new), Errors::default());
            service_cidr_update(&At::root(&new), &At::root(&old), &mut errors);
            let found: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
            assert_eq!(found, want);
        }
    }
}
