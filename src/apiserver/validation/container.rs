//! The rules of containers (`validateContainers` and what it calls, `pkg/apis/core/validation`).

use super::at::{At, Errors};
use super::resources;
use super::security::validate_security_context;
use super::text;
use super::volume::{Volumes, validate_file_path};
use crate::api::field_error::quoted;

/// What the rules of a container need to know of its pod.
pub struct PodContext<'a> {
    /// The volumes that may be mounted.
    pub volumes: &'a Volumes<'a>,
    /// The names of the pod's resource claims.
    pub claims: Vec<&'a str>,
    /// `terminationGracePeriodSeconds`.
    pub grace_period: i64,
    /// Whether containers that ended stay ended: `restartPolicy: Never`.
    pub never_restarts: bool,
    /// Whether its users are those of the host.
    pub users_of_host: bool,
}

const RESTART_POLICIES: [&str; 3] = ["Always", "Never", "OnFailure"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const ONE_HANDLER: &str = "may not specify more than 1 handler type";

/// Checks all containers of a pod's spec.
pub fn validate_containers(spec: &At, pod: &PodContext, errors: &mut Errors) {
    let containers = spec.get("containers");
    if containers.is_empty() {
        errors.required(&containers, "");
    }
    let mut names: Vec<&str> = Vec::new();
    for container in containers.items() {
        validate_common(&container, pod, errors);
        unique_name(&container, &mut names, errors);
        validate_lifecycle_and_probes(&container, pod, errors);
        validate_restart_policy(&container, errors);
    }
    validate_host_port_conflicts(containers.items().collect(), errors);
    let init = spec.get("initContainers");
    for container in init.items() {
        validate_common(&container, pod, errors);
        if !container.get("name").is_empty() {
            unique_name(&container, &mut names, errors);
        }
        validate_host_port_conflicts(vec![container], errors);
        if container.get("restartPolicy").text() == "Always" {
            validate_lifecycle_and_probes(&container, pod, errors);
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                if container.get(field).is_set() {
                    let why = "may not be set for init containers without restartPolicy=Always";
                    errors.forbidden(&container.get(field), why);
                }
            }
        }
        validate_restart_policy(&container, errors);
    }
}

fn unique_name<'v>(container: &At<'_, 'v>, names: &mut Vec<&'v str>, errors: &mut Errors) {
    let name = container.get("name");
    if names.contains(&name.text()) {
        errors.duplicate(&name);
    }
    names.push(name.text());
}

fn validate_restart_policy(container: &At, errors: &mut Errors) {
    let (policy, rules) = (container.get("restartPolicy"), container.get("restartPolicyRules"));
    if policy.is_set() {
        errors.one_of(&policy, &RESTART_POLICIES);
    } else if !rules.is_empty() {
        errors.required(&policy, "must specify restartPolicy when restart rules are used");
    }
    if rules.len() > 20 {
        errors.too_many(&rules, 20);
    }
    for rule in rules.items() {
        errors.required_one_of(&rule.get("action"), &["Restart", "RestartAllContainers"]);
        let codes = rule.get("exitCodes");
        if !codes.is_set() {
            errors.required(&codes, "must be specified");
            continue;
        }
        errors.required_one_of(&codes.get("operator"), &["In", "NotIn"]);
        if codes.get("values").is_empty() {
            errors.required(&codes.get("values"), "must be specified");
        }
    }
}

/// Two containers cannot have the same port of the host.
fn validate_host_port_conflicts(containers: Vec<At>, errors: &mut Errors) {
    let mut taken: Vec<String> = Vec::new();
    for container in &containers {
        let ports = container.get("ports");
        for port in ports.items().filter(|port| port.get("hostPort").int() != 0) {
            let (protocol, address) = (port.get("protocol").text(), port.get("hostIP").text());
            let used = format!("{protocol}/{address}/{}", port.get("hostPort").int());
            if taken.contains(&used) {
                errors.duplicate_as(&port.get("hostPort"), &quoted(&used));
            }
            taken.push(used);
        }
    }
}

fn validate_common(container: &At, pod: &PodContext, errors: &mut Errors) {
    if !errors.require(&container.get("name")) {
        errors.text(&container.get("name"), text::dns_label);
    }
    errors.require(&container.get("image"));
    let messages = container.get("terminationMessagePolicy");
    errors.required_one_of(&messages, &["FallbackToLogsOnError", "File"]);
    validate_ports(&container.get("ports"), errors);
    validate_env(&container.get("env"), errors);
    validate_env_from(&container.get("envFrom"), errors);
    pod.volumes.validate_mounts(container, errors);
    pod.volumes.validate_devices(container, errors);
    errors.required_one_of(&container.get("imagePullPolicy"), &["Always", "IfNotPresent", "Never"]);
    resources::validate_container(&container.get("resources"), &pod.claims, errors);
    validate_resize_policy(&container.get("resizePolicy"), pod.never_restarts, errors);
    validate_security_context(&container.get("securityContext"), pod.users_of_host, errors);
}

/// What is wrong with a policy is said of the list.
fn validate_resize_policy(policies: &At, never_restarts: bool, errors: &mut Errors) {
    let mut seen = Vec::new();
    for policy in policies.items() {
        let (resource, restart) = (policy.get("resourceName"), policy.get("restartPolicy"));
        if seen.contains(&resource.text()) {
            errors.duplicate_as(&policy, &quoted(resource.text()));
        }
        seen.push(resource.text());
        errors.required_one_of(&policies.with(resource.value()), &["cpu", "memory"]);
        let at = policies.with(restart.value());
        errors.required_one_of(&at, &["NotRequired", "RestartContainer"]);
        if never_restarts && restart.text() != "NotRequired" {
            errors.invalid(&at, "must be 'NotRequired' when `restartPolicy` is 'Never'");
        }
    }
}

fn validate_ports(ports: &At, errors: &mut Errors) {
    let mut names: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.is_empty() {
            let before = errors.len();
            errors.text(&name, text::port_name);
            if errors.len() == before && names.contains(&name.text()) {
                errors.duplicate(&name);
            }
            names.push(name.text());
        }
        let number = port.get("containerPort");
        if number.int() == 0 {
            errors.required(&number, "");
        } else {
            errors.port(&number);
        }
        if port.get("hostPort").int() != 0 {
            errors.port(&port.get("hostPort"));
        }
        errors.required_one_of(&port.get("protocol"), &PROTOCOLS);
    }
}

fn validate_env(vars: &At, errors: &mut Errors) {
    for var in vars.items() {
        if !errors.require(&var.get("name")) {
            errors.text(&var.get("name"), text::env_var_name);
        }
        let from = var.get("valueFrom");
        if from.is_set() {
            validate_value_from(&var, &from, errors);
        }
    }
}

fn validate_value_from(var: &At, from: &At, errors: &mut Errors) {
    const FIELDS: [&str; 9] = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    const SOURCES: [&str; 5] =
        ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    if from.get("fieldRef").is_set() {
        validate_field_ref(&from.get("fieldRef"), &FIELDS, errors);
    }
    if from.get("resourceFieldRef").is_set() {
        validate_resource_field_ref(&from.get("resourceFieldRef"), false, errors);
    }
    for key_ref in ["configMapKeyRef", "secretKeyRef"] {
        if from.get(key_ref).is_set() {
            validate_key_ref(&from.get(key_ref), errors);
        }
    }
    if from.get("fileKeyRef").is_set() {
        validate_file_key_ref(&from.get("fileKeyRef"), errors);
    }
    match SOURCES.iter().filter(|source| from.get(source).is_set()).count() {
        0 => {
            let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
            errors.invalid_as(from, "\"\"", why);
        }
        _ if !var.get("value").is_empty() => {
            errors.invalid_as(from, "\"\"", "may not be specified when `value` is not empty");
        }
        1 => {}
        _ => errors.invalid_as(from, "\"\"", "may not have more than one field specified at a time"),
    }
}

fn validate_key_ref(key_ref: &At, errors: &mut Errors) {
    errors.text(&key_ref.get("name"), text::dns_subdomain);
    if !errors.require(&key_ref.get("key")) {
        errors.text(&key_ref.get("key"), text::config_map_key);
    }
}

/// A variable that a container before this one wrote into a file.
fn validate_file_key_ref(key_ref: &At, errors: &mut Errors) {
    let (volume, path, key) = (key_ref.get("volumeName"), key_ref.get("path"), key_ref.get("key"));
    for (at, rule) in [(&volume, text::dns_label as text::Rule), (&key, text::env_var_name as text::Rule)] {
        if at.is_empty() {
            errors.required(at, "must not be empty");
        } else {
            errors.text(at, rule);
        }
    }
    if path.is_empty() {
        errors.required(&path, "must not be empty");
    } else {
        validate_file_path(&path, errors);
    }
}

/// A field of the pod that a variable or a file shows.
pub fn validate_field_ref(field_ref: &At, fields: &[&str], errors: &mut Errors) {
    const CONVERTIBLE: [&str; 15] = [
        "metadata.annotations",
        "metadata.labels",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.host",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.phase",
        "status.podIP",
        "status.podIPs",
    ];
    let at = field_ref.get("fieldPath");
    if errors.require(&field_ref.get("apiVersion")) || errors.require(&at) {
        return;
    }
    let version = field_ref.get("apiVersion").text();
    let path = at.text();
    let failed = |why: String, errors: &mut Errors| {
        errors.invalid(&at, &format!("error converting fieldPath: {why}"));
    };
    if version != "v1" {
        return failed(format!("unsupported pod version: {version}"), errors);
    }
    if let Some((map, key)) = subscript(path) {
        match map {
            "metadata.annotations" => errors.text_as(field_ref, key, text::annotation_key),
            "metadata.labels" => errors.text_as(field_ref, key, text::qualified_name),
            _ => failed(format!("field label does not support subscript: {path}"), errors),
        }
    } else if !CONVERTIBLE.contains(&path) {
        failed(format!("field label not supported: {path}"), errors);
    } else if !fields.contains(&path) && path != "spec.host" {
        errors.unsupported(&at, fields);
    }
}

/// `metadata.labels` and `app` of `metadata.labels['app']`.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

/// A request or limit of a container that a variable or a file shows.
pub fn validate_resource_field_ref(field_ref: &At, in_volume: bool, errors: &mut Errors) {
    const RESOURCES: [&str; 6] = [
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ];
    const OF_CPU: [&str; 3] = ["0", "1m", "1"];
    const OF_BYTES: [&str; 14] =
        ["0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    const BYTES: &str = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
    let resource = field_ref.get("resource");
    let name = resource.text();
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| name.starts_with(prefix));
    if in_volume && field_ref.get("containerName").is_empty() {
        errors.required(&field_ref.get("containerName"), "");
    } else if name.is_empty() {
        errors.required(&resource, "");
    } else if !RESOURCES.contains(&name) && !huge {
        errors.unsupported(&resource, &RESOURCES);
    }
    let divisor = field_ref.get("divisor");
    let (allowed, of, values): (&[&str], _, _) = match name.split_once('.').map(|(_, of)| of) {
        _ if huge => (&OF_BYTES, "hugepages", BYTES),
        Some("cpu") => (&OF_CPU, "cpu", "1m and 1"),
        Some("memory") => (&OF_BYTES, "memory", BYTES),
        Some("ephemeral-storage") => (&OF_BYTES, "local ephemeral storage", BYTES),
        _ => return,
    };
    if !divisor.is_empty() && !allowed.contains(&divisor.text()) {
        let why = format!("only divisor's values {values} are supported with the {of} resource");
        errors.invalid_as(&divisor, &quoted(name), &why);
    }
}

fn validate_env_from(sources: &At, errors: &mut Errors) {
    for source in sources.items() {
        if !source.get("prefix").is_empty() {
            errors.text(&source.get("prefix"), text::env_var_name);
        }
        let refs = ["configMapRef", "secretRef"];
        for name in refs.iter().filter(|name| source.get(name).is_set()) {
            if !errors.require(&source.get(name).get("name")) {
                errors.text(&source.get(name).get("name"), text::dns_subdomain);
            }
        }
        match refs.iter().filter(|name| source.get(name).is_set()).count() {
            0 => errors.invalid_as(sources, "\"\"", "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => errors.invalid_as(sources, "\"\"", "may not have more than one field specified at a time"),
        }
    }
}

fn validate_lifecycle_and_probes(container: &At, pod: &PodContext, errors: &mut Errors) {
    for hook in ["lifecycle.postStart", "lifecycle.preStop"] {
        if container.get(hook).is_set() {
            validate_handler(&container.get(hook), pod.grace_period, errors);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.get(name);
        if !probe.is_set() {
            continue;
        }
        validate_probe(&probe, pod.grace_period, errors);
        let (grace, successes) = (probe.get("terminationGracePeriodSeconds"), probe.get("successThreshold"));
        if name == "readinessProbe" {
            if grace.is_set() {
                errors.invalid(&grace, "must not be set for readinessProbes");
            }
        } else if successes.int() != 1 {
            errors.invalid_int(&successes, "must be 1");
        }
    }
}

fn validate_probe(probe: &At, grace_period: i64, errors: &mut Errors) {
    validate_handler(probe, grace_period, errors);
    for count in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        errors.non_negative(&probe.get(count));
    }
    let grace = probe.get("terminationGracePeriodSeconds");
    if grace.is_set() && grace.int() <= 0 {
        errors.invalid(&grace, "must be greater than 0");
    }
}

fn validate_handler(handler: &At, grace_period: i64, errors: &mut Errors) {
    let mut handlers = 0;
    for name in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = handler.get(name);
        if !action.is_set() {
            continue;
        }
        if handlers > 0 {
            errors.forbidden(&action, ONE_HANDLER);
            continue;
        }
        handlers += 1;
        match name {
            "exec" => {
                errors.require(&action.get("command"));
            }
            "httpGet" => {
                errors.require(&action.get("path"));
                validate_port_or_name(&action.get("port"), errors);
                errors.one_of(&action.get("scheme"), &["HTTP", "HTTPS"]);
                for header in action.get("httpHeaders").items() {
                    errors.text_as(
                        &action.get("httpHeaders"),
                        header.get("name").text(),
                        text::http_header_name,
                    );
                }
            }
            "tcpSocket" => validate_port_or_name(&action.get("port"), errors),
            "grpc" => errors.port(&action.get("port")),
            _ => {
                let seconds = action.get("seconds").int();
                if seconds < 0 || seconds > grace_period {
                    let why = format!(
                        "must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
                    );
                    errors.invalid_as(&action, &seconds.to_string(), &why);
                }
            }
        }
    }
    if handlers == 0 {
        errors.required(handler, "must specify a handler type");
    }
}

/// A port by number or by name.
pub fn validate_port_or_name(port: &At, errors: &mut Errors) {
    if port.value().is_string() {
        errors.text(port, text::port_name);
    } else {
        errors.port(port);
    }
}
