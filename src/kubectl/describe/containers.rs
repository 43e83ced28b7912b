//! Containers of pods and of templates.

use serde_json::Value;

use super::page::{Page, rfc1123, sorted_by};
use crate::api::k8s::Quantity;
use crate::api::quantity;
use crate::kubectl::print::fields::{Fields, go_list};

/// A section of containers. `pod` is there if they run: then their states are shown, and what fields of the pod their
/// variables take. `indent` is not empty inside a template.
pub fn containers(
    page: &mut Page,
    label: &str,
    containers: &[Value],
    statuses: &[Value],
    pod: Option<&Value>,
    indent: &str,
) {
    page.put(&format!("{indent}{label}:{}\n", if containers.is_empty() { " <none>" } else { "" }));
    for container in containers {
        let status = statuses.iter().find(|status| status.text("name") == container.text("name"));
        let name_indent = if indent.is_empty() { "" } else { " " };
        page.line(1, format!("{name_indent}{}:", container.text("name")));
        basics(page, container, status);
        words(page, "Command", container.list("command"));
        words(page, "Args", container.list("args"));
        if let Some(status) = status {
            state(page, status);
        }
        resources(page, container.at("resources"), 2);
        probes(page, container);
        environment(page, container, pod);
        mounts(page, container);
    }
}

fn basics(page: &mut Page, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        page.field(2, "Container ID", status.text("containerID"));
    }
    page.field(2, "Image", container.text("image"));
    if let Some(status) = status {
        page.field(2, "Image ID", status.text("imageID"));
    }
    for (one, several, field) in [("Port", "Ports", "containerPort"), ("Host Port", "Host Ports", "hostPort")]
    {
        let text = |port: &Value| {
            let name = port.text("name");
            let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
            format!("{}/{}{name}", port.int(field), port.text_or("protocol", "TCP"))
        };
        let ports: Vec<String> = container.list("ports").iter().map(text).collect();
        match ports.len() {
            0 => page.field(2, one, "<none>"),
            1 => page.field(2, one, &ports[0]),
            _ => page.field(2, several, ports.join(", ")),
        }
    }
    let profile = container.at("securityContext.seccompProfile");
    if !profile.is_null() {
        page.field(2, "SeccompProfile", profile.text("type"));
        if profile.text("type") == "Localhost" {
            page.field(3, "LocalhostProfile", profile.text("localhostProfile"));
        }
    }
}

fn words(page: &mut Page, label: &str, words: &[Value]) {
    if words.is_empty() {
        return;
    }
    page.line(2, format!("{label}:"));
    for word in words.iter().filter_map(Value::as_str) {
        word.split('\n').for_each(|line| page.line(3, line));
    }
}

fn state(page: &mut Page, status: &Value) {
    one_state(page, "State", status.at("state"));
    if status.has("lastState.terminated") {
        one_state(page, "Last State", status.at("lastState"));
    }
    page.field(2, "Ready", if status.flag("ready") { "True" } else { "False" });
    page.field(2, "Restart Count", status.int("restartCount").to_string());
}

fn one_state(page: &mut Page, label: &str, state: &Value) {
    if state.has("running") {
        page.field(2, label, "Running");
        page.field(3, "Started", rfc1123(state.at("running.startedAt")));
        return;
    }
    let ended = state.at("terminated");
    if ended.is_null() {
        page.field(2, label, "Waiting");
        if !state.text("waiting.reason").is_empty() {
            page.field(3, "Reason", state.text("waiting.reason"));
        }
        return;
    }
    page.field(2, label, "Terminated");
    for (label, path) in [("Reason", "reason"), ("Message", "message")] {
        if !ended.text(path).is_empty() {
            page.field(3, label, ended.text(path));
        }
    }
    page.field(3, "Exit Code", ended.int("exitCode").to_string());
    if ended.int("signal") > 0 {
        page.field(3, "Signal", ended.int("signal").to_string());
    }
    page.field(3, "Started", rfc1123(ended.at("startedAt")));
    page.field(3, "Finished", rfc1123(ended.at("finishedAt")));
}

/// Limits and requests, by name.
pub fn resources(page: &mut Page, resources: &Value, level: usize) {
    for (label, field) in [("Limits", "limits"), ("Requests", "requests")] {
        let amounts = resources.map(field);
        if !amounts.is_empty() {
            page.line(level, format!("{label}:"));
        }
        amounts.iter().for_each(|(name, amount)| page.field(level + 1, name, amount));
    }
}

fn probes(page: &mut Page, container: &Value) {
    for (label, field) in
        [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
    {
        if container.has(field) {
            page.field(2, label, probe(container.at(field)));
        }
    }
}

/// `http-get http://:8080/h delay=3s timeout=1s period=10s #success=1 #failure=3`.
fn probe(probe: &Value) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        probe.int("initialDelaySeconds"),
        probe.int("timeoutSeconds"),
        probe.int("periodSeconds"),
        probe.int("successThreshold"),
        probe.int("failureThreshold")
    );
    let (http, tcp, grpc) = (probe.at("httpGet"), probe.at("tcpSocket"), probe.at("grpc"));
    let what = if probe.has("exec") {
        format!("exec {}", go_list(&probe.texts("exec.command")))
    } else if !http.is_null() {
        let host = http.text("host");
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        let path = escaped(http.text("path"));
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        let scheme = http.text("scheme").to_lowercase();
        format!("http-get {scheme}://{host}:{}{slash}{path}", http.plain("port"))
    } else if !tcp.is_null() {
        format!("tcp-socket {}:{}", tcp.text("host"), tcp.plain("port"))
    } else if !grpc.is_null() {
        format!("grpc <pod>:{} {}", grpc.int("port"), grpc.text("service"))
    } else {
        "unknown".into()
    };
    format!("{what} {attributes}")
}

/// A path as Go writes it into a URL: what follows a question mark belongs to it.
fn escaped(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' => {
                out.push(byte.into());
            }
            _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn environment(page: &mut Page, container: &Value, pod: Option<&Value>) {
    let sources = container.list("envFrom");
    if !sources.is_empty() {
        page.line(2, "Environment Variables from:");
    }
    for source in sources {
        let (from, reference) = match source.at("configMapRef") {
            Value::Null => ("Secret", source.at("secretRef")),
            reference => ("ConfigMap", reference),
        };
        let (name, optional) = (reference.text("name"), reference.flag("optional"));
        let prefix = match source.text("prefix") {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        page.line(3, format!("{name}\t{from}{prefix}\tOptional: {optional}"));
    }
    let variables = container.list("env");
    page.line(2, format!("Environment:{}", if variables.is_empty() { "\t<none>" } else { "" }));
    variables.iter().for_each(|variable| one_variable(page, variable, container, pod));
}

fn one_variable(page: &mut Page, variable: &Value, container: &Value, pod: Option<&Value>) {
    let name = variable.text("name");
    let from = variable.at("valueFrom");
    if from.is_null() {
        for (index, line) in variable.text("value").split('\n').enumerate() {
            page.line(3, if index == 0 { format!("{name}:\t{line}") } else { format!("\t{line}") });
        }
        return;
    }
    let (field, resource) = (from.at("fieldRef"), from.at("resourceFieldRef"));
    if !field.is_null() {
        let path = field.text("fieldPath");
        let value = pod.map(|pod| field_of(pod, path)).unwrap_or_default();
        page.line(3, format!("{name}:\t{value} ({}:{path})", field.text_or("apiVersion", "v1")));
    } else if !resource.is_null() {
        let what = resource.text("resource");
        page.line(3, format!("{name}:\t{} ({what})", resource_of(container, resource)));
    }
    for (reference, words) in [("secretKeyRef", "in secret"), ("configMapKeyRef", "of config map")] {
        let reference = from.at(reference);
        if !reference.is_null() {
            let (key, object, optional) =
                (reference.text("key"), reference.text("name"), reference.flag("optional"));
            page.line(
                3,
                format!("{name}:\t<set to the key '{key}' {words} '{object}'>\tOptional: {optional}"),
            );
        }
    }
}

/// The field of a pod that a downward reference names (`ExtractFieldPathAsString`): kubectl knows those of the metadata, and
/// shows nothing for the others.
fn field_of(pod: &Value, path: &str) -> String {
    let mapped = |path: &str| ["metadata.labels", "metadata.annotations"].contains(&path);
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        return if mapped(map) { pod.map(map).get(key).cloned().unwrap_or_default() } else { String::new() };
    }
    match path {
        "metadata.name" | "metadata.namespace" | "metadata.uid" => pod.plain(path),
        path if mapped(path) => {
            let pairs = pod.map(path).into_iter().map(|(key, value)| format!("{key}={value:?}"));
            pairs.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The container's limit or request that a downward reference names, in units of its divisor, rounded up
/// (`ExtractContainerResourceValue`).
fn resource_of(container: &Value, field: &Value) -> String {
    let resource = field.text("resource");
    let (part, name) = resource.split_once('.').unwrap_or((resource, ""));
    let (unit, scale): (fn(&Quantity) -> i64, i64) =
        if name == "cpu" { (quantity::milli, 1_000) } else { (quantity::value, 1) };
    let number = |text: String| unit(&Quantity(text));
    let amount = container.map(&format!("resources.{part}")).get(name).cloned().map_or(0, number);
    let divisor = number(field.plain_or("divisor", "0"));
    let divisor = if divisor > 0 { divisor } else { scale };
    if amount == 0 && ["limits.cpu", "limits.memory"].contains(&resource) {
        return "node allocatable".into();
    }
    (amount / divisor + i64::from(amount % divisor > 0)).to_string()
}

fn mounts(page: &mut Page, container: &Value) {
    let mounts = container.list("volumeMounts");
    let none = if mounts.is_empty() { "\t<none>" } else { "" };
    page.line(2, format!("Mounts:{none}"));
    for mount in sorted_by(mounts, |mount| mount.text("mountPath")) {
        let mut flags = if mount.flag("readOnly") { "ro" } else { "rw" }.to_string();
        if !mount.text("subPath").is_empty() {
            flags.push_str(&format!(",path={:?}", mount.text("subPath")));
        }
        page.line(3, format!("{} from {} ({flags})", mount.text("mountPath"), mount.text("name")));
    }
    let devices = container.list("volumeDevices");
    if !devices.is_empty() {
        page.line(2, format!("Devices:{none}"));
        for device in sorted_by(devices, |device| device.text("devicePath")) {
            page.line(3, format!("{} from {}", device.text("devicePath"), device.text("name")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_in_units_of_their_divisor() {
        let container = json!({"resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "250m"}}});
        let cases = [
            (json!({"resource": "limits.memory", "divisor": "1Mi"}), "1024"),
            (json!({"resource": "limits.memory", "divisor": "0"}), "1073741824"),
            (json!({"resource": "requests.cpu"}), "1"),
            (json!({"resource": "requests.cpu", "divisor": "1m"}), "250"),
            (json!({"resource": "limits.cpu"}), "node allocatable"),
            (json!({"resource": "requests.memory"}), "0"),
        ];
        for (field, want) in cases {
            assert_eq!(resource_of(&container, &field), want, "{field}");
        }
    }

    #[test]
    fn only_fields_of_the_metadata_are_looked_up() {
        let pod = json!({
            "metadata": {"name": "web", "uid": "u-1", "labels": {"app": "web", "tier": "a"}},
            "spec": {"nodeName": "node-1"}, "status": {"podIP": "10.0.0.1"},
        });
        let cases = [
            ("metadata.name", "web"),
            ("metadata.uid", "u-1"),
            ("metadata.labels", "app=\"web\"\ntier=\"a\""),
            ("metadata.labels['tier']", "a"),
            ("metadata.labels['none']", ""),
            ("spec.nodeName", ""),
            ("status.podIP", ""),
        ];
        for (path, want) in cases {
            assert_eq!(field_of(&pod, path), want, "{path}");
        }
    }

    #[test]
    fn probes_show_their_address() {
        let http =
            json!({"httpGet": {"path": "/ok?full=1", "port": "web", "scheme": "HTTP"}, "timeoutSeconds": 1});
        assert!(probe(&http).starts_with("http-get http://:web/ok%3Ffull=1 delay=0s timeout=1s "));
    }
}
