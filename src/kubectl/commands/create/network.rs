//! `create service` and `create ingress`.

use serde_json::{Value, json};

use super::{DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, require};
use crate::api::Kind;
use crate::api::text::{dns_subdomain, port_name};
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
fn service(call: &mut Call<'_, '_>, type_: &str) -> Result<(), Failure> {
    if type_ == "ExternalName" {
        require(call, &["external-name"])?;
    }
    let name = name(call)?;
    let headless = call.args.value("clusterip") == Some("None");
    if call.args.list("tcp").is_empty() && type_ != "ExternalName" && !headless {
        return Err(Failure::message("at least one tcp port specifier must be provided"));
    }
    let external = call.args.value("external-name").unwrap_or_default().to_string();
    if type_ == "ExternalName" && !dns_subdomain(&external).is_empty() {
        return Err(Failure::message(format!("invalid service external name {external}")));
    }
    let mut ports = Vec::new();
    for text in call.args.list("tcp") {
        let mut port = port(text)?;
        if let Some(node_port) = call.args.number("node-port")?.filter(|port| *port > 0) {
            port["nodePort"] = node_port.into();
        }
        ports.push(port);
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
        spec["externalName"] = external.into();
    }
    let mut metadata = metadata(call, &name);
    metadata["labels"] = labels;
    let value = json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    make(call, Kind::SERVICE, value, "created", &format!("error: failed to create {type_} service"))
}

/// A port as a number, zero too.
///
/// # Errors
/// In the words of Go's `strconv`.
pub fn port_number(text: &str) -> Result<u16, Failure> {
    text.parse().map_err(|_| {
        let why = match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => "value out of range",
            false => "invalid syntax",
        };
        Failure::message(format!("strconv.ParseUint: parsing {text:?}: {why}"))
    })
}

/// `80`, or `80:8080`: a port, and where it leads. It is named after both.
fn port(text: &str) -> Result<Value, Failure> {
    let (port, target) = text.split_once(':').unwrap_or((text, text));
    let number_of_port = port_number(port)?;
    let target_value = match target.parse::<i64>() {
        Ok(number @ 1..=65_535) => Value::from(number),
        Ok(_) if text.contains(':') => {
            return Err(Failure::message("must be between 1 and 65535, inclusive"));
        }
        Ok(number) => Value::from(number),
        Err(_) => {
            let wrong = port_name(target);
            if !wrong.is_empty() {
                return Err(Failure::message(wrong.join(",")));
            }
            Value::from(target)
        }
    };
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
fn ingress(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let rules = call.args.values("rule").to_vec();
    if rules.is_empty() && !call.args.has("default-backend") {
        return Err(Failure::message(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        ));
    }
    let (mut spec, mut tls) = (json!({}), Tls::default());
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
        if let Some(part) = parts.next() {
            let secret = part.strip_prefix("tls").ok_or_else(wrong)?.trim_start_matches('=');
            tls.add(host, secret);
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
        let wrong = || Failure::message("default-backend should be in format servicename:serviceport");
        spec["defaultBackend"] = backend(text).ok_or_else(wrong)?;
    }
    if !hosts.is_empty() {
        let rule = |(host, paths): (String, Vec<Value>)| match host.as_str() {
            "" => json!({"http": {"paths": paths}}),
            host => json!({"host": host, "http": {"paths": paths}}),
        };
        spec["rules"] = hosts.into_iter().map(rule).collect();
    }
    if !tls.entries.is_empty() {
        spec["tls"] = tls.entries.into_iter().map(Tls::entry).collect();
    }
    let mut metadata = metadata(call, &name);
    for annotation in call.args.values("annotation") {
        let (key, value) = annotation.split_once('=').ok_or_else(|| {
            Failure::message(format!(
                "annotation {annotation} is invalid and should be in format key=[value]"
            ))
        })?;
        metadata["annotations"][key] = value.into();
    }
    let value = json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    make(call, Kind::INGRESS, value, "created", "error: failed to create ingress")
}

/// The hosts that rules want encrypted, by the secret of their certificate, each host once.
#[derive(Default)]
struct Tls {
    entries: Vec<(String, Vec<String>)>,
    hosts: Vec<String>,
}

impl Tls {
    fn add(&mut self, host: &str, secret: &str) {
        if self.hosts.iter().any(|known| known == host) {
            return;
        }
        self.hosts.push(host.to_string());
        let named = (!host.is_empty()).then(|| host.to_string());
        match self.entries.iter_mut().find(|(known, _)| known == secret) {
            // Next to others, a rule for all hosts counts as one without a name.
            Some((_, hosts)) => hosts.push(host.to_string()),
            None if named.is_none() && secret.is_empty() => {}
            None => self.entries.push((secret.to_string(), named.into_iter().collect())),
        }
    }

    fn entry((secret, hosts): (String, Vec<String>)) -> Value {
        let mut entry = json!({});
        if !hosts.is_empty() {
            entry["hosts"] = json!(hosts);
        }
        if !secret.is_empty() {
            entry["secretName"] = secret.into();
        }
        entry
    }
}

/// `svc:80` or `svc:http`.
fn backend(text: &str) -> Option<Value> {
    let (service, port) =
        text.split_once(':').filter(|(service, port)| !service.is_empty() && !port.is_empty())?;
    let port = port.parse::<u16>().map_or_else(|_| json!({"name": port}), |number| json!({"number": number}));
    Some(json!({"service": {"name": service, "port": port}}))
}
