//! `create service` and `create ingress`.

use serde_json::{Value, json};

use super::{DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, pairs};
use crate::api::Kind;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::{Call, Verb};

const TCP: Flag = value("tcp", "a port, or PORT:TARGET");
const NODE_PORT_FLAG: Flag = value("node-port", "the port on every node");

/// `create service clusterip`.
pub const CLUSTER_IP: Verb = Verb {
    path: "create service clusterip",
    help: "Create a ClusterIP service",
    flags: &[
        TCP,
        value("clusterip", "its address, or None"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| service(call, "ClusterIP"),
};
/// `create service nodeport`.
pub const NODE_PORT: Verb = Verb {
    path: "create service nodeport",
    help: "Create a NodePort service",
    flags: &[TCP, NODE_PORT_FLAG, DRY_RUN, OUTPUT, TEMPLATE, FIELD_MANAGER, SAVE_CONFIG, VALIDATE],
    run: |call| service(call, "NodePort"),
};
/// `create service loadbalancer`.
pub const LOAD_BALANCER: Verb = Verb {
    path: "create service loadbalancer",
    help: "Create a LoadBalancer service",
    flags: &[TCP, DRY_RUN, OUTPUT, TEMPLATE, FIELD_MANAGER, SAVE_CONFIG, VALIDATE],
    run: |call| service(call, "LoadBalancer"),
};
/// `create service externalname`.
pub const EXTERNAL_NAME: Verb = Verb {
    path: "create service externalname",
    help: "Create an ExternalName service",
    flags: &[
        TCP,
        value("external-name", "the name it stands for"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| service(call, "ExternalName"),
};
/// The same by their short name.
pub const SVC_CLUSTER_IP: Verb = Verb { path: "create svc clusterip", ..CLUSTER_IP };
/// See above.
pub const SVC_NODE_PORT: Verb = Verb { path: "create svc nodeport", ..NODE_PORT };
/// See above.
pub const SVC_LOAD_BALANCER: Verb = Verb { path: "create svc loadbalancer", ..LOAD_BALANCER };
/// See above.
pub const SVC_EXTERNAL_NAME: Verb = Verb { path: "create svc externalname", ..EXTERNAL_NAME };

fn service(call: &mut Call<'_, '_>, type_: &str) -> Result<(), Failure> {
    let name = name(call)?;
    let mut ports = Vec::new();
    for text in call.args.list("tcp") {
        let mut port = port(text)?;
        if let Some(node_port) = call.args.number("node-port")?.filter(|port| *port > 0) {
            port["nodePort"] = node_port.into();
        }
        ports.push(port);
    }
    let headless = call.args.value("clusterip") == Some("None");
    if ports.is_empty() && type_ != "ExternalName" && !headless {
        return Err(Failure::message("at least one tcp port specifier must be provided"));
    }
    let labels = json!({"app": name});
    let mut spec = json!({"type": type_, "selector": labels});
    if !ports.is_empty() {
        spec["ports"] = Value::Array(ports);
    }
    if let Some(address) = call.args.value("clusterip") {
        spec["clusterIP"] = address.into();
    }
    if type_ == "ExternalName" {
        let external = call.args.value("external-name").unwrap_or_default();
        if external.is_empty() {
            return Err(Failure::message("required flag(s) \"external-name\" not set"));
        }
        spec["externalName"] = external.into();
    }
    let mut metadata = metadata(call, &name);
    metadata["labels"] = labels;
    let value = json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    make(call, Kind::SERVICE, value, "created", &format!("error: failed to create {type_} service"))
}

/// `80`, or `80:8080`: a port, and where it leads. It is named after both.
fn port(text: &str) -> Result<Value, Failure> {
    let number = |text: &str| text.parse::<u16>().ok();
    let (port, target) = text.split_once(':').unwrap_or((text, text));
    let Some(number_of_port) = number(port) else {
        let why = match !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            true => "value out of range",
            false => "invalid syntax",
        };
        return Err(Failure::message(format!("strconv.ParseUint: parsing {port:?}: {why}")));
    };
    let target_value = number(target).map_or_else(|| Value::from(target), Value::from);
    let name = if text.contains(':') { format!("{port}-{target}") } else { port.to_string() };
    Ok(json!({"name": name, "port": number_of_port, "protocol": "TCP", "targetPort": target_value}))
}

/// `create ingress`.
pub const INGRESS: Verb = Verb {
    path: "create ingress",
    help: "Create an ingress with the specified name",
    flags: &[
        value("class", "its IngressClass"),
        value("rule", "HOST/PATH=SERVICE:PORT[,tls[=SECRET]]"),
        value("default-backend", "SERVICE:PORT for all else"),
        value("annotation", "an annotation, KEY=VALUE"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: ingress,
};
/// The same by its short name.
pub const ING: Verb = Verb { path: "create ing", ..INGRESS };

fn ingress(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let rules = call.args.values("rule").to_vec();
    if rules.is_empty() && !call.args.has("default-backend") {
        return Err(Failure::message(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        ));
    }
    let (mut spec, mut tls) = (json!({}), Vec::new());
    let mut hosts: Vec<(String, Vec<Value>)> = Vec::new();
    for rule in &rules {
        let wrong = || {
            Failure::message(format!(
                "rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
            ))
        };
        let (left, right) = rule.split_once('=').ok_or_else(wrong)?;
        let (host, path) = left.split_once('/').ok_or_else(wrong)?;
        let mut parts = right.split(',');
        let backend = backend(parts.next().unwrap_or_default()).ok_or_else(wrong)?;
        let (path, type_) = match path.strip_suffix('*') {
            Some(prefix) => (format!("/{prefix}"), "Prefix"),
            None => (format!("/{path}"), "Exact"),
        };
        for part in parts {
            let secret = part.strip_prefix("tls").ok_or_else(wrong)?.trim_start_matches('=');
            let mut entry = json!({"hosts": [host]});
            if !secret.is_empty() {
                entry["secretName"] = secret.into();
            }
            if !tls.contains(&entry) {
                tls.push(entry);
            }
        }
        let entry = json!({"path": path, "pathType": type_, "backend": backend});
        match hosts.iter_mut().find(|(known, _)| known == host) {
            Some((_, paths)) => paths.push(entry),
            None => hosts.push((host.to_string(), vec![entry])),
        }
    }
    if let Some(class) = call.args.value("class") {
        spec["ingressClassName"] = class.into();
    }
    if let Some(text) = call.args.value("default-backend") {
        let wrong = || {
            Failure::message(format!("default-backend should be in format servicename:serviceport: {text}"))
        };
        spec["defaultBackend"] = backend(text).ok_or_else(wrong)?;
    }
    if !hosts.is_empty() {
        let rule = |(host, paths): (String, Vec<Value>)| match host.as_str() {
            "" => json!({"http": {"paths": paths}}),
            host => json!({"host": host, "http": {"paths": paths}}),
        };
        spec["rules"] = hosts.into_iter().map(rule).collect();
    }
    if !tls.is_empty() {
        spec["tls"] = Value::Array(tls);
    }
    let mut metadata = metadata(call, &name);
    let annotations = pairs(call.args.values("annotation").iter().map(String::as_str), "annotation")?;
    if !annotations.is_empty() {
        metadata["annotations"] = Value::Object(annotations);
    }
    let value = json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    make(call, Kind::INGRESS, value, "created", "error: failed to create ingress")
}

/// `svc:80` or `svc:http`.
fn backend(text: &str) -> Option<Value> {
    let (service, port) =
        text.split_once(':').filter(|(service, port)| !service.is_empty() && !port.is_empty())?;
    let port = port.parse::<u16>().map_or_else(|_| json!({"name": port}), |number| json!({"number": number}));
    Some(json!({"service": {"name": service, "port": port}}))
}
