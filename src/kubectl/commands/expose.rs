//! `expose`: a Service in front of the pods of something.

use serde_json::{Map, Value, json};

use super::create::make;
use super::get::select;
use crate::api::{Kind, MetaExt, Object, typed};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, optional, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("port", "the port that the Service serves"),
    value("target-port", "the port of the pods, by number or name"),
    value("protocol", "TCP, UDP or SCTP"),
    value("type", "ClusterIP, NodePort, LoadBalancer or ExternalName"),
    value("name", "its name, if not that of what it exposes"),
    value("selector", "the labels of its pods, if not those that it finds").short('l'),
    value("cluster-ip", "its address; None for a headless Service"),
    value("session-affinity", "None or ClientIP"),
    optional("dry-run", "unchanged", "client, server or none"),
    value("output", "yaml, json or name").short('o'),
];

/// See the module.
pub const EXPOSE: Verb = Verb { path: "expose", help: "Put a Service in front of pods", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let given = call.args.take("selector");
    let (objects, failures) = select(call)?;
    Failure::collect(failures)?;
    for object in objects {
        expose(call, &object, given.as_deref())?;
    }
    Ok(())
}

fn expose(call: &mut Call<'_, '_>, object: &Object, given: Option<&str>) -> Result<(), Failure> {
    let selector = match given {
        Some(given) => labels(given)?,
        None => selector_of(object)?,
    };
    let ports = ports(call, object)?;
    let name = call.args.value("name").unwrap_or(object.name()).to_string();
    let mut spec = json!({"selector": selector, "ports": ports});
    for (flag, field) in
        [("type", "type"), ("cluster-ip", "clusterIP"), ("session-affinity", "sessionAffinity")]
    {
        if let Some(value) = call.args.value(flag) {
            spec[field] = value.into();
        }
    }
    let metadata = json!({"name": name, "namespace": object.namespace(), "labels": object.labels()});
    make(call, Kind::SERVICE, json!({"metadata": metadata, "spec": spec}), "exposed", "")
}

fn labels(text: &str) -> Result<Value, Failure> {
    let mut labels = Map::new();
    for pair in text.split(',') {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::message(format!("couldn't parse selector {text:?}")));
        };
        labels.insert(key.trim_end_matches('=').to_string(), value.trim_start_matches('=').into());
    }
    Ok(Value::Object(labels))
}

/// What selects the pods behind an object (`MapBasedSelectorForObject`).
fn selector_of(object: &Object) -> Result<Value, Failure> {
    let by_labels = |selector: Value| match selector.get("matchExpressions") {
        Some(_) => Err(Failure::message(
            "couldn't convert expressions - \"matchExpressions\" to map-based selector format",
        )),
        None => Ok(selector["matchLabels"].clone()),
    };
    match object {
        Object::Deployment(deployment) => by_labels(typed::write(&deployment.spec.selector)),
        Object::ReplicaSet(set) => by_labels(typed::write(&set.spec.selector)),
        Object::Pod(pod) if pod.labels().is_empty() => {
            Err(Failure::message("the pod has no labels and cannot be exposed"))
        }
        Object::Pod(pod) => Ok(json!(pod.labels())),
        Object::Service(service) => service
            .spec
            .selector
            .as_ref()
            .map(|selector| json!(selector))
            .ok_or_else(|| Failure::message("the service has no pod selector set")),
        other => Err(Failure::message(format!("cannot expose a {}", other.kind().group_singular()))),
    }
}

fn ports(call: &Call<'_, '_>, object: &Object) -> Result<Value, Failure> {
    let protocol = call.args.value("protocol");
    let target = |text: &str| text.parse::<i32>().map_or_else(|_| Value::String(text.into()), Value::from);
    let asked = call.args.value("target-port").map(target);
    if let Some(ports) = call.args.value("port") {
        let ports: Vec<&str> = ports.split(',').collect();
        let port = |(at, text): (usize, &&str)| {
            let number: i32 = text.parse().map_err(|_| {
                Failure::message(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            })?;
            let mut port = json!({"port": number, "protocol": protocol.unwrap_or("TCP"),
                "targetPort": asked.clone().unwrap_or_else(|| number.into())});
            if ports.len() > 1 {
                port["name"] = format!("port-{}", at + 1).into();
            }
            Ok(port)
        };
        return ports.iter().enumerate().map(port).collect();
    }
    let template = match object {
        Object::Deployment(deployment) => deployment.spec.template.spec.as_ref(),
        Object::ReplicaSet(set) => set.spec.template.as_ref().and_then(|template| template.spec.as_ref()),
        Object::Pod(pod) => Some(&*pod.spec),
        _ => None,
    };
    let containers = template.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let found: Vec<&crate::api::k8s::ContainerPort> =
        containers.iter().flat_map(|container| container.ports.iter().flatten()).collect();
    if found.is_empty() {
        return Err(Failure::message("couldn't find port via --port flag or introspection"));
    }
    let port = |(at, port): (usize, &&crate::api::k8s::ContainerPort)| {
        let mut entry = json!({
            "port": port.container_port,
            "protocol": protocol.or(port.protocol.as_deref()).unwrap_or("TCP"),
            "targetPort": asked.clone().unwrap_or_else(|| port.container_port.into()),
        });
        if found.len() > 1 {
            entry["name"] = format!("port-{}", at + 1).into();
        }
        entry
    };
    Ok(found.iter().enumerate().map(port).collect())
}
