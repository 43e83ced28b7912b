//! Services and their endpoints, ingresses, network policies.

use serde_json::Value;

use super::Subject;
use super::page::Page;
use crate::api::Kind;
use crate::api::selector::format_labels;
use crate::kubectl::print::fields::Fields;

const NONE: &str = "<none>";
const UNSET: &str = "<unset>";
/// So many addresses are named; the others are counted.
const SHOWN: usize = 3;

/// A Service.
pub fn service(page: &mut Page, subject: &Subject<'_>) {
    let service = subject.value;
    let spec = service.at("spec");
    page.name_and_namespace(service);
    page.labels_and_annotations(service);
    page.field(0, "Selector", format_labels(&spec.map("selector")));
    page.field(0, "Type", spec.text("type"));
    if spec.has("ipFamilyPolicy") {
        page.field(0, "IP Family Policy", spec.text("ipFamilyPolicy"));
    }
    page.field(0, "IP Families", joined(spec, "ipFamilies"));
    page.field(0, "IP", spec.text("clusterIP"));
    page.field(0, "IPs", joined(spec, "clusterIPs"));
    if !spec.list("externalIPs").is_empty() {
        page.field(0, "External IPs", joined(spec, "externalIPs"));
    }
    optional(page, spec, &[("Desired LoadBalancer IP", "loadBalancerIP"), ("External Name", "externalName")]);
    let balancers = service.list("status.loadBalancer.ingress");
    if !balancers.is_empty() {
        let text = |ingress: &Value| match (ingress.text("ip"), ingress.text("ipMode")) {
            ("", _) => ingress.plain("hostname"),
            (ip, "") => ip.to_string(),
            (ip, mode) => format!("{ip} ({mode})"),
        };
        let all: Vec<String> = balancers.iter().map(text).collect();
        page.field(0, "LoadBalancer Ingress", all.join(", "));
    }
    let slices = slices_of(subject, subject.name());
    spec.list("ports").iter().for_each(|port| service_port(page, port, &slices));
    page.field(0, "Session Affinity", spec.text("sessionAffinity"));
    let policies = [
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
    ];
    optional(page, spec, &policies);
    if spec.int("healthCheckNodePort") != 0 {
        page.field(0, "HealthCheck NodePort", spec.plain("healthCheckNodePort"));
    }
    if !spec.list("loadBalancerSourceRanges").is_empty() {
        page.field(0, "LoadBalancer Source Ranges", joined(spec, "loadBalancerSourceRanges"));
    }
    optional(page, spec, &[("Traffic Distribution", "trafficDistribution")]);
}

fn optional(page: &mut Page, value: &Value, fields: &[(&str, &str)]) {
    for (label, path) in fields {
        if !value.text(path).is_empty() {
            page.field(0, label, value.text(path));
        }
    }
}

fn joined(value: &Value, path: &str) -> String {
    let all = value.texts(path);
    if all.is_empty() { NONE.into() } else { all.join(",") }
}

fn service_port(page: &mut Page, port: &Value, slices: &[Value]) {
    let (name, protocol) = (port.text_or("name", UNSET), port.text("protocol"));
    page.line(0, format!("Port:\t{name}\t{}/{protocol}", port.int("port")));
    page.field(0, "TargetPort", format!("{}/{protocol}", port.plain("targetPort")));
    if port.has("appProtocol") {
        page.field(0, "AppProtocol", port.text("appProtocol"));
    }
    if port.int("nodePort") != 0 {
        page.line(0, format!("NodePort:\t{name}\t{}/{protocol}", port.int("nodePort")));
    }
    page.field(0, "Endpoints", addresses(slices, port.text("name")));
}

/// The slices of a Service.
fn slices_of(subject: &Subject<'_>, service: &str) -> Vec<Value> {
    let of = |slice: &Value| {
        slice.at("metadata.labels").get("kubernetes.io/service-name").and_then(Value::as_str) == Some(service)
    };
    subject.neighbours(Kind::ENDPOINT_SLICE).filter(of).collect()
}

/// `10.0.0.1:80,10.0.0.2:80 + 3 more...`: the ready endpoints behind a port (`formatEndpointSlices`). Whether there are more
/// than are named is asked before whether they are ready, so that there may be `0 more`.
fn addresses(slices: &[Value], port_name: &str) -> String {
    if slices.is_empty() {
        return NONE.into();
    }
    let (mut named, mut ready, mut more) = (Vec::new(), 0, false);
    let mut count = |endpoint: &Value, port: Option<i64>| {
        more |= named.len() == SHOWN;
        if endpoint.at("conditions.ready").as_bool() == Some(false) {
            return;
        }
        ready += 1;
        if more {
            return;
        }
        let host = endpoint.texts("addresses").first().copied().unwrap_or_default();
        named.push(match port {
            None => host.to_string(),
            Some(port) if host.contains(':') => format!("[{host}]:{port}"),
            Some(port) => format!("{host}:{port}"),
        });
    };
    for slice in slices {
        let (endpoints, ports) = (slice.list("endpoints"), slice.list("ports"));
        if ports.is_empty() {
            endpoints.iter().for_each(|endpoint| count(endpoint, None));
        }
        for port in ports.iter().filter(|port| port.text("name") == port_name) {
            endpoints.iter().for_each(|endpoint| count(endpoint, Some(port.int("port"))));
        }
    }
    match more {
        true => format!("{} + {} more...", named.join(","), ready - SHOWN),
        false => named.join(","),
    }
}

/// An Endpoints object.
pub fn endpoints(page: &mut Page, subject: &Subject<'_>) {
    page.name_and_namespace(subject.value);
    page.labels_and_annotations(subject.value);
    page.line(0, "Subsets:");
    for subset in subject.value.list("subsets") {
        for (label, path) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let hosts = subset.each(path, "ip").join(",");
            page.field(1, label, if hosts.is_empty() { NONE } else { &hosts });
        }
        if !subset.list("ports").is_empty() {
            page.line(1, "Ports:");
            let rows = subset.list("ports").iter().map(port_row);
            page.table(2, "Name\tPort\tProtocol", "----\t----\t--------", rows);
        }
        page.line(0, "");
    }
}

fn port_row(port: &Value) -> String {
    format!("{}\t{}\t{}", port.text_or("name", UNSET), port.plain_or("port", UNSET), port.text("protocol"))
}

/// An EndpointSlice.
pub fn endpoint_slice(page: &mut Page, subject: &Subject<'_>) {
    let slice = subject.value;
    page.name_and_namespace(slice);
    page.labels_and_annotations(slice);
    page.field(0, "AddressType", slice.text("addressType"));
    if slice.list("ports").is_empty() {
        page.line(0, "Ports: <unset>");
    } else {
        page.line(0, "Ports:");
        page.table(
            1,
            "Name\tPort\tProtocol",
            "----\t----\t--------",
            slice.list("ports").iter().map(port_row),
        );
    }
    if slice.list("endpoints").is_empty() {
        page.line(0, "Endpoints: <none>");
        return;
    }
    page.line(0, "Endpoints:");
    for endpoint in slice.list("endpoints") {
        let addresses = endpoint.texts("addresses").join(", ");
        page.field(1, "- Addresses", if addresses.is_empty() { NONE } else { &addresses });
        page.line(2, "Conditions:");
        page.field(3, "Ready", endpoint.plain_or("conditions.ready", UNSET));
        page.field(2, "Hostname", endpoint.plain_or("hostname", UNSET));
        if endpoint.has("targetRef") {
            let target = endpoint.at("targetRef");
            page.field(2, "TargetRef", format!("{}/{}", target.text("kind"), target.text("name")));
        }
        page.field(2, "NodeName", endpoint.plain_or("nodeName", UNSET));
        page.field(2, "Zone", endpoint.plain_or("zone", UNSET));
    }
}

/// An Ingress.
pub fn ingress(page: &mut Page, subject: &Subject<'_>) {
    let ingress = subject.value;
    page.field(0, "Name", subject.name());
    page.labels("", "Labels", &ingress.map("metadata.labels"));
    page.field(0, "Namespace", subject.namespace());
    let balancers = ingress.list("status.loadBalancer.ingress");
    let mut hosts: Vec<&str> = balancers.iter().map(|at| at.text_or("ip", at.text("hostname"))).collect();
    hosts.sort_unstable();
    hosts.dedup();
    page.field(0, "Address", hosts.join(","));
    page.field(0, "Ingress Class", ingress.text_or("spec.ingressClassName", NONE));
    let default = match ingress.at("spec.defaultBackend") {
        Value::Null => "<default>".into(),
        default => backend(subject, default),
    };
    page.field(0, "Default backend", &default);
    if !ingress.list("spec.tls").is_empty() {
        page.line(0, "TLS:");
    }
    for tls in ingress.list("spec.tls") {
        let hosts = tls.texts("hosts").join(",");
        page.line(
            1,
            match tls.text("secretName") {
                "" => format!("SNI routes {hosts}"),
                secret => format!("{secret} terminates {hosts}"),
            },
        );
    }
    page.line(0, "Rules:");
    page.line(1, "Host\tPath\tBackends");
    page.line(1, "----\t----\t--------");
    let rules = || ingress.list("spec.rules").iter().filter(|rule| rule.has("http"));
    for rule in rules() {
        page.line(1, format!("{}\t", rule.text_or("host", "*")));
        for path in rule.list("http.paths") {
            page.line(2, format!("\t{} \t{}", path.text("path"), backend(subject, path.at("backend"))));
        }
    }
    if rules().next().is_none() {
        page.line(1, format!("*\t*\t{default}"));
    }
    page.annotations("Annotations", &ingress.map("metadata.annotations"));
}

/// `web:80 (10.0.0.1:8080)`: where an ingress sends what it gets.
fn backend(subject: &Subject<'_>, backend: &Value) -> String {
    let service = backend.at("service");
    if service.is_null() {
        let resource = backend.at("resource");
        let (group, kind) = (resource.text_or("apiGroup", NONE), resource.text("kind"));
        return if resource.is_null() {
            String::new()
        } else {
            format!("APIGroup: {group}, Kind: {kind}, Name: {}", resource.text("name"))
        };
    }
    let name = service.text("name");
    let number = service.int("port.number");
    let port = if number != 0 { number.to_string() } else { service.plain("port.name") };
    let found = subject.neighbours(Kind::SERVICE).find(|found| found.text("metadata.name") == name);
    let Some(found) = found else {
        return format!("{name}:{port} (<error: services \"{name}\" not found>)");
    };
    let is_meant = |candidate: &&Value| {
        (number != 0 && candidate.int("port") == number)
            || (!service.text("port.name").is_empty() && candidate.text("name") == service.text("port.name"))
    };
    let port_name = found.list("spec.ports").iter().rfind(is_meant).map(|port| port.plain("name"));
    let endpoints = addresses(&slices_of(subject, name), &port_name.unwrap_or_default());
    format!("{name}:{port} ({endpoints})")
}

/// An IngressClass.
pub fn ingress_class(page: &mut Page, subject: &Subject<'_>) {
    let class = subject.value;
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(class);
    page.field(0, "Controller", class.text("spec.controller"));
    let parameters = class.at("spec.parameters");
    if !parameters.is_null() {
        page.line(0, "Parameters:");
        if parameters.has("apiGroup") {
            page.field(1, "APIGroup", parameters.text("apiGroup"));
        }
        page.field(1, "Kind", parameters.text("kind"));
        page.field(1, "Name", parameters.text("name"));
    }
}

/// A ServiceCIDR.
pub fn service_cidr(page: &mut Page, subject: &Subject<'_>) {
    let cidr = subject.value;
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(cidr);
    page.field(0, "CIDRs", cidr.texts("spec.cidrs").join(", "));
    if !cidr.list("status.conditions").is_empty() {
        page.line(0, "Status:");
    }
    page.timed_conditions(cidr, None);
}

/// An IPAddress.
pub fn ip_address(page: &mut Page, subject: &Subject<'_>) {
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(subject.value);
    let parent = subject.value.at("spec.parentRef");
    if !parent.is_null() {
        page.line(0, "Parent Reference:");
        for (label, path) in
            [("Group", "group"), ("Resource", "resource"), ("Namespace", "namespace"), ("Name", "name")]
        {
            page.field(1, label, parent.text(path));
        }
    }
}

/// A NetworkPolicy.
pub fn network_policy(page: &mut Page, subject: &Subject<'_>) {
    let policy = subject.value;
    page.name_and_namespace(policy);
    let created = policy.text("metadata.creationTimestamp");
    page.field(0, "Created on", format!("{} +0000 UTC", created.replace('T', " ").trim_end_matches('Z')));
    page.labels_and_annotations(policy);
    page.line(0, "Spec:");
    let chosen = match policy.selector("spec.podSelector") {
        none if none == NONE => "<none> (Allowing the specific traffic to all pods in this namespace)".into(),
        chosen => chosen,
    };
    page.put(&format!("  PodSelector:     {chosen}\n"));
    let types = policy.texts("spec.policyTypes");
    for (type_, word, rules, peers) in
        [("Ingress", "ingress", "spec.ingress", "from"), ("Egress", "egress", "spec.egress", "to")]
    {
        if types.contains(&type_) {
            page.line(1, format!("Allowing {word} traffic:"));
            policy_rules(page, policy.list(rules), word, peers);
        } else {
            page.line(1, format!("Not affecting {word} traffic"));
        }
    }
    let types = types.join(", ");
    page.line(1, format!("Policy Types: {}", if types.is_empty() { NONE } else { &types }));
}

fn policy_rules(page: &mut Page, rules: &[Value], word: &str, peers: &str) {
    if rules.is_empty() {
        page.line(2, format!("<none> (Selected pods are isolated for {word} connectivity)"));
    }
    let (title, end) = if peers == "from" { ("From", "source") } else { ("To", "destination") };
    for (index, rule) in rules.iter().enumerate() {
        if rule.list("ports").is_empty() {
            page.line(2, "To Port: <any> (traffic allowed to all ports)");
        }
        for port in rule.list("ports") {
            let (from, protocol) = (port.plain_or("port", "<nil>"), port.text_or("protocol", "TCP"));
            page.line(
                2,
                match port.at("endPort").as_i64() {
                    Some(last) => format!("To Port Range: {from}-{last}/{protocol}"),
                    None => format!("To Port: {from}/{protocol}"),
                },
            );
        }
        if rule.list(peers).is_empty() {
            page.line(2, format!("{title}: <any> (traffic not restricted by {end})"));
        }
        for peer in rule.list(peers) {
            page.line(2, format!("{title}:"));
            policy_peer(page, peer);
        }
        if index + 1 < rules.len() {
            page.line(2, "----------");
        }
    }
}

fn policy_peer(page: &mut Page, peer: &Value) {
    for (label, path) in [("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")] {
        if peer.has(path) {
            page.line(3, format!("{label}: {}", peer.selector(path)));
        }
    }
    if peer.has("ipBlock") && !peer.has("podSelector") && !peer.has("namespaceSelector") {
        page.line(3, "IPBlock:");
        page.line(4, format!("CIDR: {}", peer.text("ipBlock.cidr")));
        page.line(4, format!("Except: {}", peer.texts("ipBlock.except").join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn three_endpoints_are_named_and_the_others_counted() {
        let slice = |ready: &[bool]| {
            let endpoint = |(index, ready)| json!({"addresses": [format!("10.0.0.{index}")], "conditions": {"ready": ready}});
            let endpoints: Vec<Value> = ready.iter().enumerate().map(endpoint).collect();
            json!({"endpoints": endpoints, "ports": [{"name": "", "port": 80}]})
        };
        let three = "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80";
        let cases = [
            (vec![], NONE.to_string()),
            (vec![slice(&[false])], String::new()),
            (vec![slice(&[true; 3])], three.into()),
            (vec![slice(&[true, true, true, true, false, true])], format!("{three} + 2 more...")),
            (vec![slice(&[true, true, true, false])], format!("{three} + 0 more...")),
            (vec![slice(&[true, true, true]), json!({"endpoints": []})], three.into()),
        ];
        for (slices, want) in cases {
            assert_eq!(addresses(&slices, ""), want);
        }
    }
}
