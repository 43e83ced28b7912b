//! The environment of a container: `env`, `envFrom`, the Services of its namespace, and what `$(NAME)` stands for. Models
//! `kubelet_pods.go makeEnvironmentVariables`, `envvars.go FromServices` and `expansion/expand.go`.

use std::collections::BTreeMap;

use crate::api::k8s::{Container, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector};
use crate::api::manifest::base64;
use crate::api::quantity;
use crate::api::{Key, Kind, MetaExt, Node, Object, Pod, Service};
use crate::client::View;

/// Names and values.
pub type Environment = BTreeMap<String, String>;

/// What there is to know of a pod on its node.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// Its address, once it has one.
    pub address: &'a str,
    /// Its node's address.
    pub host: &'a str,
    /// The cluster.
    pub view: &'a View,
}

/// The data of a ConfigMap or Secret, by key; `None` if there is no such object.
pub fn data_of(kind: Kind, namespace: &str, name: &str, view: &View) -> Option<Environment> {
    let object = view.object(&Key::new(kind, namespace, name))?;
    let mut data = Environment::new();
    let Object::Tree(tree) = &**object else { return Some(data) };
    let field = |name: &str| tree.fields.get(name).and_then(|field| field.as_object()).into_iter().flatten();
    let encoded = if kind == Kind::SECRET { "data" } else { "binaryData" };
    for (key, value) in field(encoded) {
        let bytes = base64::decode(value.as_str().unwrap_or_default()).unwrap_or_default();
        data.insert(key.clone(), String::from_utf8_lossy(&bytes).into_owned());
    }
    if kind != Kind::SECRET {
        let plain =
            field("data").map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_string()));
        data.extend(plain);
    }
    Some(data)
}

/// As the kubelet says that a ConfigMap or Secret is missing.
pub fn missing(kind: Kind, name: &str) -> String {
    let what = if kind == Kind::SECRET { "secret" } else { "configmap" };
    format!("{what} {name:?} not found")
}

/// What the container's manifest asks for; `services` counts only for what `$(NAME)` stands for.
///
/// # Errors
/// In the kubelet's words, what is missing.
pub fn of_container(
    container: &Container,
    facts: Facts<'_>,
    services: Option<&Environment>,
) -> Result<Environment, String> {
    let mut environment = Environment::new();
    let namespace = facts.pod.namespace();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let maps = from.config_map_ref.iter().map(|it| (Kind::CONFIG_MAP, &it.name, it.optional));
        let secrets = from.secret_ref.iter().map(|it| (Kind::SECRET, &it.name, it.optional));
        for (kind, name, optional) in maps.chain(secrets) {
            match data_of(kind, namespace, name, facts.view) {
                Some(data) => {
                    environment
                        .extend(data.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
                }
                None if optional == Some(true) => {}
                None => return Err(missing(kind, name)),
            }
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (variable.value.as_deref().filter(|value| !value.is_empty()), &variable.value_from)
        {
            (Some(value), _) => Some(expand(value, |name| {
                environment.get(name).or_else(|| services?.get(name)).map(String::as_str)
            })),
            (None, Some(source)) => value_from(source, container, facts)?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            environment.insert(variable.name.clone(), value);
        }
    }
    Ok(environment)
}

fn value_from(
    source: &EnvVarSource,
    container: &Container,
    facts: Facts<'_>,
) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        return Ok(Some(field_value(field, facts)));
    }
    if let Some(field) = &source.resource_field_ref {
        return Ok(Some(resource_value(field, Some(container), facts)));
    }
    let map = source.config_map_key_ref.as_ref();
    let map = map.map(|it| (Kind::CONFIG_MAP, &it.name, &it.key, it.optional));
    let secret = source.secret_key_ref.as_ref().map(|it| (Kind::SECRET, &it.name, &it.key, it.optional));
    let Some((kind, name, key, optional)) = map.or(secret) else { return Ok(Some(String::new())) };
    let optional = optional == Some(true);
    let namespace = facts.pod.namespace();
    let Some(mut data) = data_of(kind, namespace, name, facts.view) else {
        return if optional { Ok(None) } else { Err(missing(kind, name)) };
    };
    match data.remove(key) {
        None if !optional => Err(format!("couldn't find key {key} in {} {namespace}/{name}", kind.name())),
        value => Ok(value),
    }
}

/// What `fieldRef` stands for.
pub fn field_value(field: &ObjectFieldSelector, facts: Facts<'_>) -> String {
    let pod = facts.pod;
    let path = field.field_path.as_str();
    if let Some((list, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let list = if list == "metadata.labels" { pod.labels() } else { pod.annotations() };
        return list.get(key).cloned().unwrap_or_default();
    }
    let all = |list: &Environment| {
        list.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
    };
    match path {
        "metadata.name" => pod.name().into(),
        "metadata.namespace" => pod.namespace().into(),
        "metadata.uid" => pod.uid().into(),
        "metadata.labels" => all(pod.labels()),
        "metadata.annotations" => all(pod.annotations()),
        "spec.nodeName" => pod.spec.node_name.clone().unwrap_or_default(),
        "spec.serviceAccountName" => pod.spec.service_account_name.clone().unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => facts.host.into(),
        "status.podIP" | "status.podIPs" => facts.address.into(),
        _ => String::new(),
    }
}

/// What `resourceFieldRef` stands for. A limit that is not set is what the node has.
pub fn resource_value(field: &ResourceFieldSelector, own: Option<&Container>, facts: Facts<'_>) -> String {
    let named = field.container_name.as_deref().filter(|name| !name.is_empty());
    let spec = &facts.pod.spec;
    let mut all = spec.init_containers.iter().flatten().chain(&spec.containers);
    let container = named.map_or(own, |name| all.find(|container| container.name == name));
    let Some((list, resource)) = field.resource.split_once('.') else { return String::new() };
    let resources = container.and_then(|container| container.resources.as_ref());
    let amounts = resources.and_then(|resources| match list {
        "limits" => resources.limits.as_ref(),
        _ => resources.requests.as_ref(),
    });
    let node = spec.node_name.as_deref().and_then(|name| facts.view.get::<Node>("", name));
    let allocatable = node.and_then(|node| node.status.allocatable.as_ref()).filter(|_| list == "limits");
    let amount = amounts.and_then(|amounts| amounts.get(resource));
    let amount = amount.or_else(|| allocatable?.get(resource));
    let Some(amount) = amount else { return "0".into() };
    // A divisor of zero is none.
    let divisor = field.divisor.as_ref().filter(|divisor| quantity::milli(divisor) > 0);
    let (amount, divisor) = match resource {
        "cpu" => (quantity::milli(amount), divisor.map_or(1_000, quantity::milli)),
        _ => (quantity::value(amount), divisor.map_or(1, quantity::value)),
    };
    let divisor = divisor.max(1);
    (amount / divisor + i64::from(amount % divisor > 0)).to_string()
}

/// Replaces `$(NAME)` by its value where there is one; `$$` is a plain `$`.
pub fn expand<'a>(text: &str, mut value: impl FnMut(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        match rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            Some((name, after)) => {
                match value(name) {
                    Some(value) => out.push_str(value),
                    None => out.push_str(&format!("$({name})")),
                }
                rest = after;
            }
            None => out.push('$'),
        }
    }
    out + rest
}

/// The command and the arguments of a container, its variables put in.
pub fn words_of(
    container: &Container,
    environment: &Environment,
    services: Option<&Environment>,
) -> Vec<String> {
    let value = |name: &str| environment.get(name).or_else(|| services?.get(name)).map(String::as_str);
    let words = container.command.iter().chain(&container.args).flatten();
    words.map(|word| expand(word, value)).collect()
}

/// The variables by which containers of a namespace know its Services, as Docker's links had them, and those of the API.
pub fn of_services(namespace: &str, links: bool, view: &View) -> Environment {
    let mut environment = Environment::new();
    let api = view.get::<Service>("default", "kubernetes").into_iter();
    let own = view.list::<Service>(Some(namespace)).filter(|_| links);
    for service in own.chain(api) {
        let address = service.spec.cluster_ip.as_deref().filter(|address| !["", "None"].contains(address));
        let (Some(address), Some(ports)) = (address, &service.spec.ports) else { continue };
        let upper = |text: &str| text.to_uppercase().replace('-', "_");
        let name = upper(service.name());
        let Some(first) = ports.first() else { continue };
        let mut set = |suffix: String, value: String| environment.insert(format!("{name}_{suffix}"), value);
        set("SERVICE_HOST".into(), address.into());
        set("SERVICE_PORT".into(), first.port.to_string());
        for (at, port) in ports.iter().enumerate() {
            if let Some(named) = port.name.as_deref().filter(|name| !name.is_empty()) {
                set(format!("SERVICE_PORT_{}", upper(named)), port.port.to_string());
            }
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let lower = protocol.to_lowercase();
            let url = format!("{lower}://{address}:{}", port.port);
            if at == 0 {
                set("PORT".into(), url.clone());
            }
            let prefix = format!("PORT_{}_{protocol}", port.port);
            set(prefix.clone(), url);
            set(format!("{prefix}_PROTO"), lower);
            set(format!("{prefix}_PORT"), port.port.to_string());
            set(format!("{prefix}_ADDR"), address.into());
        }
    }
    environment
}

/// A number that changes when one of the Services does that [`of_services`] reads.
pub fn services_version(namespace: &str, view: &View) -> u64 {
    let api = view.get::<Service>("default", "kubernetes").into_iter();
    let all = view.list::<Service>(Some(namespace)).chain(api);
    all.fold(0, |sum, service| sum.wrapping_mul(31).wrapping_add(service.revision).wrapping_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_words_are_replaced_where_they_are_known() {
        let value = |name: &str| (name == "A").then_some("1");
        let cases = [
            ("$(A)", "1"),
            ("x$(A)y$(A)", "x1y1"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$A", "$A"),
            ("$(A", "$(A"),
            ("5$", "5$"),
        ];
        for (text, want) in cases {
            assert_eq!(expand(text, value), want, "{text}");
        }
    }
}
