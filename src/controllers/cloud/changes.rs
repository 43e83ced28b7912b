//! What of a changed Service its load balancer has to follow, and in which words that is said (`needsUpdate`).

use serde_json::{Value, json};

use crate::api::{MetaExt, Service, typed};

/// Whether a Service asks for a load balancer of the cloud's own kind.
pub fn wants(service: &Service) -> bool {
    service.spec.type_.as_deref() == Some("LoadBalancer") && service.spec.load_balancer_class.is_none()
}

/// An event about a change: its reason and its message. Some changes are followed without a word.
pub type Notice = Option<(&'static str, String)>;

/// The first difference that the load balancer has to follow; `None` if there is none.
pub fn followed(before: &Service, after: &Service) -> Option<Notice> {
    let from_to = |from: &str, to: &str| format!("{from} -> {to}");
    if !wants(before) && !wants(after) {
        return None;
    }
    let (old, new) = (&before.spec, &after.spec);
    let word = |field: &Option<String>| field.clone().unwrap_or_default();
    if wants(before) != wants(after) {
        return Some(Some(("Type", from_to(&word(&old.type_), &word(&new.type_)))));
    }
    if old.load_balancer_source_ranges != new.load_balancer_source_ranges {
        let list =
            |ranges: &Option<Vec<String>>| format!("[{}]", ranges.as_deref().unwrap_or_default().join(" "));
        let message =
            from_to(&list(&old.load_balancer_source_ranges), &list(&new.load_balancer_source_ranges));
        return Some(Some(("LoadBalancerSourceRanges", message)));
    }
    let quiet = ports(before) != ports(after)
        || old.session_affinity != new.session_affinity
        || old.session_affinity_config != new.session_affinity_config;
    if quiet {
        return Some(None);
    }
    if word(&old.load_balancer_ip) != word(&new.load_balancer_ip) {
        let message = from_to(&word(&old.load_balancer_ip), &word(&new.load_balancer_ip));
        return Some(Some(("LoadbalancerIP", message)));
    }
    let addresses = [&old.external_ips, &new.external_ips].map(|list| list.as_deref().unwrap_or_default());
    if addresses[0].len() != addresses[1].len() {
        let message = format!("Count: {} -> {}", addresses[0].len(), addresses[1].len());
        return Some(Some(("ExternalIP", message)));
    }
    if let Some((_, added)) = addresses[0].iter().zip(addresses[1]).find(|(old, new)| old != new) {
        return Some(Some(("ExternalIP", format!("Added: {added}"))));
    }
    if before.annotations() != after.annotations() {
        return Some(None);
    }
    if before.uid() != after.uid() {
        return Some(Some(("UID", from_to(before.uid(), after.uid()))));
    }
    if old.external_traffic_policy != new.external_traffic_policy {
        let message = from_to(&word(&old.external_traffic_policy), &word(&new.external_traffic_policy));
        return Some(Some(("ExternalTrafficPolicy", message)));
    }
    let checks = [old.health_check_node_port, new.health_check_node_port].map(Option::unwrap_or_default);
    (checks[0] != checks[1])
        .then(|| Some(("HealthCheckNodePort", from_to(&checks[0].to_string(), &checks[1].to_string()))))
}

/// What a load balancer knows of a Service's ports: not the ports of the pods.
fn ports(service: &Service) -> Vec<Value> {
    let ports = service.spec.ports.iter().flatten().map(typed::write);
    let known = |port: Value| {
        json!([port["name"], port["protocol"], port["port"], port["nodePort"], port["appProtocol"]])
    };
    ports.map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object};

    fn service(spec: Value) -> Service {
        let value = json!({"metadata": {"name": "web"}, "spec": spec});
        let Object::Service(service) = Object::from_value(Kind::SERVICE, value).unwrap() else {
            panic!("a Service")
        };
        service
    }

    #[test]
    fn a_load_balancer_follows_what_it_has_to() {
        let balancer = |field: &str, value: Value| {
            let mut spec = json!({"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}]});
            spec[field] = value;
            spec
        };
        let plain = balancer("sessionAffinity", json!("None"));
        let said = |reason, message: &str| Some(Some((reason, message.to_string())));
        let cases = [
            (json!({"type": "ClusterIP"}), said("Type", "LoadBalancer -> ClusterIP")),
            (
                balancer("loadBalancerSourceRanges", json!(["10.0.0.0/8", "192.168.0.0/16"])),
                said("LoadBalancerSourceRanges", "[] -> [10.0.0.0/8 192.168.0.0/16]"),
            ),
            (balancer("loadBalancerIP", json!("1.2.3.4")), said("LoadbalancerIP", " -> 1.2.3.4")),
            (balancer("externalIPs", json!(["1.2.3.4"])), said("ExternalIP", "Count: 0 -> 1")),
            (balancer("externalTrafficPolicy", json!("Local")), said("ExternalTrafficPolicy", " -> Local")),
            (balancer("ports", json!([{"port": 81, "targetPort": 8080}])), Some(None)),
            (balancer("ports", json!([{"port": 80, "targetPort": 8081}])), None),
            (balancer("selector", json!({"app": "web"})), None),
        ];
        for (spec, want) in cases {
            let mut after = spec.clone();
            if after["sessionAffinity"].is_null() && after["type"] == "LoadBalancer" {
                after["sessionAffinity"] = "None".into();
            }
            assert_eq!(followed(&service(plain.clone()), &service(after)), want, "{spec}");
        }
    }
}
