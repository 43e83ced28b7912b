//! `expose`: a Service in front of the pods of something. Models `pkg/cmd/expose` and what `pkg/polymorphichelpers`
//! finds in an object.

use serde_json::{Value, json};

use super::apply::SAVE_CONFIG;
use super::create::make;
use super::get::select_by_name;
use super::overrides::{OVERRIDE_TYPE, OVERRIDES, overridden};
use super::writing::{DRY_RUN, FIELD_MANAGER, FILENAME, OUTPUT, TEMPLATE};
use crate::api::k8s::{LabelSelector, LabelSelectorRequirement, PodSpec};
use crate::api::meta::StringMap;
use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("port", "the port that the Service serves"),
    value("target-port", "the port of the pods, by number or name"),
    value("protocol", "TCP, UDP or SCTP"),
    value("type", "ClusterIP, NodePort, LoadBalancer or ExternalName"),
    value("name", "its name, if not that of what it exposes"),
    value("selector", "the labels of its pods, if not those that it finds"),
    value("labels", "its own labels, if not those of what it exposes").short('l'),
    value("cluster-ip", "its address; None for a headless Service"),
    value("external-ip", "another address at which it is served"),
    value("load-balancer-ip", "the address of its load balancer"),
    value("session-affinity", "None or ClientIP"),
    FILENAME,
    OVERRIDES,
    OVERRIDE_TYPE,
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
    SAVE_CONFIG,
];

/// What can be exposed.
const EXPOSED: [Kind; 5] =
    [Kind::POD, Kind::REPLICATION_CONTROLLER, Kind::SERVICE, Kind::DEPLOYMENT, Kind::REPLICA_SET];

/// See the module.
pub const EXPOSE: Verb = Verb { path: "expose", help: "Put a Service in front of pods", flags: FLAGS, run };

/// What the Service gets: what the flags say, and what is found where they are silent. What is found in one object stays
/// for those after it, as in kubectl.
struct Wanted {
    selector: Option<String>,
    labels: Option<String>,
    ports: Vec<String>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let ports = given(call, "port").map(|ports| ports.split(',').map(str::to_string).collect());
    let mut wanted = Wanted {
        // It selects the pods of the Service, and not what is exposed.
        selector: call.args.take("selector").filter(|text| !text.is_empty()),
        labels: given(call, "labels"),
        ports: ports.unwrap_or_default(),
    };
    let (objects, mut failures) = select_by_name(call)?;
    for object in objects {
        failures.extend(expose(call, &object, &mut wanted).err());
    }
    Failure::collect(failures)
}

/// The value of a flag, if it is not empty.
fn given(call: &Call<'_, '_>, flag: &str) -> Option<String> {
    call.args.value(flag).filter(|text| !text.is_empty()).map(str::to_string)
}

fn expose(call: &mut Call<'_, '_>, object: &Object, wanted: &mut Wanted) -> Result<(), Failure> {
    let info = object.kind().info();
    if !EXPOSED.contains(&object.kind()) {
        let dot = if info.group.is_empty() { "" } else { "." };
        return Err(Failure::message(format!("cannot expose a {}{dot}{}", info.kind, info.group)));
    }
    let found = Found::of(object);
    if wanted.selector.is_none() {
        let selector = found.selector.map_err(|why| {
            Failure::message(format!(
                "couldn't retrieve selectors via --selector flag or introspection: {why}"
            ))
        })?;
        wanted.selector = make_labels(&selector);
    }
    let cluster_ip = given(call, "cluster-ip");
    if wanted.ports.is_empty() {
        for (number, _) in &found.ports {
            if !wanted.ports.contains(&number.to_string()) {
                wanted.ports.push(number.to_string());
            }
        }
        if wanted.ports.is_empty() && cluster_ip.as_deref() != Some("None") {
            return Err(Failure::message("couldn't find port via --port flag or introspection"));
        }
    }
    wanted.labels = wanted.labels.take().or_else(|| make_labels(object.labels()));
    let Some(selector) = &wanted.selector else {
        return Err(Failure::message("selector must be specified"));
    };
    let mut spec = json!({"selector": parse_labels(selector)?});
    let labels = wanted.labels.as_deref().map(parse_labels).transpose()?;
    let ports = ports(call, &wanted.ports, &found.ports)?;
    if !ports.is_empty() {
        spec["ports"] = Value::Array(ports);
    }
    if let Some(address) = given(call, "external-ip") {
        spec["externalIPs"] = json!([address]);
    }
    let affinity = given(call, "session-affinity");
    if let Some(odd) = affinity.as_deref().filter(|word| !["None", "ClientIP"].contains(word)) {
        return Err(Failure::message(format!("unknown session affinity: {odd}")));
    }
    let balanced = call.args.value("type") == Some("LoadBalancer");
    for (field, text) in [
        ("type", given(call, "type")),
        ("loadBalancerIP", given(call, "load-balancer-ip").filter(|_| balanced)),
        ("sessionAffinity", affinity),
        ("clusterIP", cluster_ip),
    ] {
        if let Some(text) = text {
            spec[field] = text.into();
        }
    }
    // A name of its own may be of any length; that of what is exposed is cut to what a Service's may have.
    let name = given(call, "name").unwrap_or_else(|| object.name().chars().take(63).collect());
    let mut metadata = json!({"name": name, "namespace": call.namespace});
    if let Some(labels) = labels {
        metadata["labels"] = json!(labels);
    }
    let service = json!({"metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}});
    let service = overridden(call, Kind::SERVICE, service)?;
    make(call, Kind::SERVICE, service, "exposed", "")
}

/// The Service's ports, named where there are several. One for which the containers have two protocols is served by both,
/// unless the flag says which.
fn ports(call: &Call<'_, '_>, asked: &[String], found: &[(i32, String)]) -> Result<Vec<Value>, Failure> {
    let target = given(call, "target-port");
    let target = target.map(|text| text.parse::<i32>().map_or_else(|_| Value::from(text), Value::from));
    let port = |number: i32, protocol: &str, name: Option<String>| {
        let target = target.clone().unwrap_or_else(|| number.into());
        let mut port = json!({"port": number, "protocol": protocol, "targetPort": target});
        if let Some(name) = name {
            port["name"] = name.into();
        }
        port
    };
    let mut ports = Vec::new();
    for (at, text) in asked.iter().enumerate() {
        let number: i64 = text
            .parse()
            .map_err(|_| Failure::message(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
        // Go cuts a number to its lower half.
        let number = number as i32;
        let name = (asked.len() > 1).then(|| format!("port-{}", at + 1));
        let own: Vec<&str> = found
            .iter()
            .filter(|(known, _)| known.to_string() == *text)
            .map(|(_, protocol)| protocol.as_str())
            .collect();
        match (given(call, "protocol"), own.as_slice()) {
            (Some(protocol), _) => ports.push(port(number, &protocol, name)),
            (None, []) => ports.push(port(number, "TCP", name)),
            (None, [only]) => ports.push(port(number, only, name)),
            (None, several) => ports.extend(several.iter().map(|protocol| {
                port(number, protocol, Some(format!("port-{}-{}", at + 1, protocol.to_lowercase())))
            })),
        }
    }
    Ok(ports)
}

/// Labels as a flag gives them, if there are any.
fn make_labels(labels: &StringMap) -> Option<String> {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

/// `KEY=VALUE` pairs with commas between.
fn parse_labels(text: &str) -> Result<StringMap, Failure> {
    let mut labels = StringMap::new();
    for pair in text.split(',') {
        let (key, value) = pair
            .split_once('=')
            .filter(|(_, value)| !value.contains('='))
            .ok_or_else(|| Failure::message(format!("unexpected label spec: {pair}")))?;
        if key.is_empty() {
            return Err(Failure::message("unexpected empty label key"));
        }
        labels.insert(key.to_string(), value.to_string());
    }
    Ok(labels)
}

/// What an object says of the pods behind it.
struct Found {
    /// Their labels, or why it does not tell.
    selector: Result<StringMap, String>,
    /// Their ports and protocols, or those that a Service serves.
    ports: Vec<(i32, String)>,
}

impl Found {
    fn of(object: &Object) -> Found {
        match object {
            Object::Deployment(deployment) => Found {
                selector: by_labels(&deployment.spec.selector, "deployment"),
                ports: ports_of(deployment.spec.template.spec.as_ref()),
            },
            Object::ReplicaSet(set) => Found {
                selector: by_labels(&set.spec.selector, "replicaset"),
                ports: ports_of(set.spec.template.as_ref().and_then(|template| template.spec.as_ref())),
            },
            Object::ReplicationController(controller) => Found {
                selector: Ok(controller.spec.selector.clone().unwrap_or_default()),
                ports: ports_of(
                    controller.spec.template.as_ref().and_then(|template| template.spec.as_ref()),
                ),
            },
            Object::Pod(pod) => Found {
                selector: match pod.labels().is_empty() {
                    true => Err("the pod has no labels and cannot be exposed".into()),
                    false => Ok(pod.labels().clone()),
                },
                ports: ports_of(Some(&pod.spec)),
            },
            Object::Service(service) => {
                let selector = service.spec.selector.clone();
                let ports = service.spec.ports.iter().flatten();
                Found {
                    selector: selector.ok_or_else(|| "the service has no pod selector set".into()),
                    ports: ports.map(|port| (port.port, protocol(port.protocol.as_deref()))).collect(),
                }
            }
            other => Found {
                selector: Err(format!("cannot extract pod selector from {}", other.kind().name())),
                ports: Vec::new(),
            },
        }
    }
}

fn by_labels(selector: &LabelSelector, kind: &str) -> Result<StringMap, String> {
    let labels = selector.match_labels.clone().filter(|labels| !labels.is_empty());
    let labels =
        labels.ok_or_else(|| format!("invalid {kind}: no selectors, therefore cannot be exposed"))?;
    match selector.match_expressions.as_deref().filter(|expressions| !expressions.is_empty()) {
        None => Ok(labels),
        Some(expressions) => Err(format!(
            "couldn't convert expressions - \"[{}]\" to map-based selector format",
            expressions.iter().map(go_struct).collect::<Vec<_>>().join(" ")
        )),
    }
}

/// An expression as Go prints a struct.
fn go_struct(expression: &LabelSelectorRequirement) -> String {
    let values = expression.values.as_deref().unwrap_or_default().join(" ");
    format!("{{Key:{} Operator:{} Values:[{values}]}}", expression.key, expression.operator)
}

fn ports_of(spec: Option<&PodSpec>) -> Vec<(i32, String)> {
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
    ports.map(|port| (port.container_port, protocol(port.protocol.as_deref()))).collect()
}

fn protocol(own: Option<&str>) -> String {
    own.unwrap_or("TCP").to_string()
}
