//! `PodSecurity`: refuses pods that the namespace's labels do not allow, and warns of templates of such pods
//! (`k8s.io/pod-security-admission/policy`). Each check is one row of [`CHECKS`].

use serde_json::Value;

use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::{Key, Kind, MetaExt, Object, Status};
use crate::apiserver::View;
use crate::apiserver::validation::at::At;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Level {
    Baseline,
    Restricted,
}

/// What a check finds wrong, and where: `hostPort (container "a" uses hostPort 80)`.
type Check = fn(&At) -> Option<String>;

/// The checks in the order in which they are reported, with the first and the last level of each: on the stricter level, a check
/// that is stricter stands for the one of the baseline.
const CHECKS: &[(Level, Level, Check)] = &[
    (Level::Restricted, Level::Restricted, allow_privilege_escalation),
    (Level::Baseline, Level::Baseline, capabilities_baseline),
    (Level::Restricted, Level::Restricted, capabilities_restricted),
    (Level::Baseline, Level::Restricted, host_namespaces),
    (Level::Baseline, Level::Restricted, host_path_volumes),
    (Level::Baseline, Level::Restricted, host_ports),
    (Level::Baseline, Level::Restricted, privileged),
    (Level::Baseline, Level::Restricted, proc_mount),
    (Level::Restricted, Level::Restricted, restricted_volumes),
    (Level::Restricted, Level::Restricted, run_as_non_root),
    (Level::Restricted, Level::Restricted, run_as_user),
    (Level::Baseline, Level::Baseline, seccomp_baseline),
    (Level::Restricted, Level::Restricted, seccomp_restricted),
    (Level::Baseline, Level::Restricted, sysctls),
];

/// The level that a namespace's label asks for, and how messages name it: `restricted:latest`.
fn policy(view: &View, namespace: &str, mode: &str) -> Option<(Level, String)> {
    let namespace = view.object(&Key::cluster(Kind::NAMESPACE, namespace))?;
    let label = |suffix: &str| {
        namespace.labels().get(&format!("pod-security.kubernetes.io/{mode}{suffix}")).map(String::as_str)
    };
    let name = label("")?;
    let level = match name {
        "baseline" => Level::Baseline,
        "privileged" => return None,
        // What cannot be read is taken for the strictest.
        _ => Level::Restricted,
    };
    let shown = if level == Level::Baseline { "baseline" } else { "restricted" };
    Some((level, format!("{shown}:{}", label("-version").unwrap_or("latest"))))
}

/// What of a pod's spec breaks a level, in the order of the checks.
fn violations(spec: &Value, level: Level) -> Vec<String> {
    let at = At::root(spec);
    let checks = CHECKS.iter().filter(|(first, last, _)| (*first..=*last).contains(&level));
    checks.filter_map(|(.., check)| check(&at)).collect()
}

/// Refuses a pod that its namespace does not allow.
///
/// # Errors
/// `Forbidden`.
pub fn validate(view: &View, object: &Object, old: Option<&Object>) -> Result<(), Status> {
    if object.kind() == Kind::NAMESPACE {
        return validate_labels(object, old);
    }
    if object.kind() != Kind::POD || old.is_some() {
        return Ok(());
    }
    let Some((level, name)) = policy(view, object.namespace(), "enforce") else { return Ok(()) };
    let found = violations(&object.part("spec"), level);
    if found.is_empty() {
        return Ok(());
    }
    let why = format!("violates PodSecurity \"{name}\": {}", found.join(", "));
    Err(Status::forbidden(Kind::POD, object.name(), &why))
}

/// Refuses a namespace with labels that name no level or version, unless they were there before.
fn validate_labels(namespace: &Object, old: Option<&Object>) -> Result<(), Status> {
    let wrong = wrong_labels(namespace);
    if wrong.is_empty() || old.is_some_and(|old| wrong_labels(old) == wrong) {
        return Ok(());
    }
    Err(Status::invalid(Kind::NAMESPACE, namespace.name(), wrong))
}

fn wrong_labels(namespace: &Object) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        for suffix in ["", "-version"] {
            let label = format!("pod-security.kubernetes.io/{mode}{suffix}");
            let Some(value) = namespace.labels().get(&label) else { continue };
            let (fits, why) = match suffix {
                "" => (
                    ["privileged", "baseline", "restricted"].contains(&value.as_str()),
                    "must be one of privileged, baseline, restricted",
                ),
                _ => (value == "latest" || is_version(value), "must be \"latest\" or \"v1.x\""),
            };
            if !fits {
                let path = Path::new("metadata").child("labels").key(&label);
                wrong.push(FieldError::invalid(&path, quoted(value), why));
            }
        }
    }
    wrong
}

/// `v1.30`
fn is_version(text: &str) -> bool {
    text.strip_prefix("v1.").is_some_and(|minor| {
        let digits = !minor.is_empty() && minor.bytes().all(|digit| digit.is_ascii_digit());
        digits && (minor == "0" || !minor.starts_with('0'))
    })
}

/// What a user is told of a pod or of a template.
pub fn warning(view: &View, object: &Object) -> Option<String> {
    let spec = object.part("spec");
    let spec = match object.kind() {
        Kind::POD => &*spec,
        Kind::CRON_JOB => spec.pointer("/jobTemplate/spec/template/spec")?,
        _ => spec.pointer("/template/spec")?,
    };
    // Workloads are warned of what will be refused, too.
    let mut modes = ["warn", "enforce"].iter().filter(|mode| object.kind() != Kind::POD || **mode == "warn");
    modes.find_map(|mode| {
        let (level, name) = policy(view, object.namespace(), mode)?;
        let found = violations(spec, level);
        let list = found.join(", ");
        (!found.is_empty()).then(|| format!("would violate PodSecurity \"{name}\": {list}"))
    })
}

/// The names of the containers, of every sort, that something is true of.
fn containers(spec: &At, wrong: impl Fn(&At) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.get(list).items().filter(|container| wrong(container)) {
            names.push(format!("{:?}", container.get("name").text()));
        }
    }
    names
}

/// `container "a"`, `containers "a", "b"`.
fn plural(word: &str, names: &[String]) -> String {
    let s = if names.len() == 1 { "" } else { "s" };
    format!("{word}{s} {}", names.join(", "))
}

fn found(names: &[String], head: &str, rule: &str) -> Option<String> {
    (!names.is_empty()).then(|| format!("{head} ({} {rule})", plural("container", names)))
}

fn allow_privilege_escalation(spec: &At) -> Option<String> {
    let names = containers(spec, |c| {
        c.get("securityContext.allowPrivilegeEscalation").value() != &Value::Bool(false)
    });
    found(
        &names,
        "allowPrivilegeEscalation != false",
        "must set securityContext.allowPrivilegeEscalation=false",
    )
}

fn capabilities_baseline(spec: &At) -> Option<String> {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    let mut added: Vec<String> = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.get(list).items() {
            for name in container.get("securityContext.capabilities.add").texts() {
                let quoted = format!("{name:?}");
                if !ALLOWED.contains(&name) && !added.contains(&quoted) {
                    added.push(quoted);
                }
            }
        }
    }
    let wrong =
        |c: &At| c.get("securityContext.capabilities.add").texts().any(|name| !ALLOWED.contains(&name));
    let rule = format!("must not include {} in securityContext.capabilities.add", added.join(", "));
    found(&containers(spec, wrong), "non-default capabilities", &rule)
}

fn capabilities_restricted(spec: &At) -> Option<String> {
    let keeps = |c: &At| !c.get("securityContext.capabilities.drop").texts().any(|name| name == "ALL");
    let adds =
        |c: &At| c.get("securityContext.capabilities.add").texts().any(|name| name != "NET_BIND_SERVICE");
    let mut parts = Vec::new();
    let (keeping, adding) = (containers(spec, keeps), containers(spec, adds));
    if !keeping.is_empty() {
        let who = plural("container", &keeping);
        parts.push(format!("{who} must set securityContext.capabilities.drop=[\"ALL\"]"));
    }
    if !adding.is_empty() {
        let mut names: Vec<String> = Vec::new();
        for container in spec.get("containers").items() {
            let added = container.get("securityContext.capabilities.add");
            names.extend(added.texts().filter(|n| *n != "NET_BIND_SERVICE").map(|n| format!("{n:?}")));
        }
        let who = plural("container", &adding);
        parts
            .push(format!("{who} must not include {} in securityContext.capabilities.add", names.join(", ")));
    }
    (!parts.is_empty()).then(|| format!("unrestricted capabilities ({})", parts.join("; ")))
}

fn host_namespaces(spec: &At) -> Option<String> {
    let set: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .filter(|field| spec.get(field).is_true())
        .map(|field| format!("{field}=true"))
        .collect();
    (!set.is_empty()).then(|| format!("host namespaces ({})", set.join(", ")))
}

fn host_path_volumes(spec: &At) -> Option<String> {
    let volumes = spec.get("volumes");
    let of_host = volumes.items().filter(|volume| volume.get("hostPath").is_set());
    let names: Vec<String> = of_host.map(|volume| format!("{:?}", volume.get("name").text())).collect();
    (!names.is_empty()).then(|| format!("hostPath volumes ({})", plural("volume", &names)))
}

fn host_ports(spec: &At) -> Option<String> {
    let mut ports: Vec<String> = Vec::new();
    for list in ["initContainers", "containers"] {
        for container in spec.get(list).items() {
            for port in container.get("ports").items().filter(|port| port.get("hostPort").int() != 0) {
                let number = port.get("hostPort").int().to_string();
                if !ports.contains(&number) {
                    ports.push(number);
                }
            }
        }
    }
    let names = containers(spec, |c| c.get("ports").items().any(|port| port.get("hostPort").int() != 0));
    let (uses, s) = (if names.len() == 1 { "uses" } else { "use" }, if ports.len() == 1 { "" } else { "s" });
    found(&names, "hostPort", &format!("{uses} hostPort{s} {}", ports.join(", ")))
}

fn privileged(spec: &At) -> Option<String> {
    let names = containers(spec, |c| c.get("securityContext.privileged").is_true());
    found(&names, "privileged", "must not set securityContext.privileged=true")
}

fn proc_mount(spec: &At) -> Option<String> {
    let names = containers(spec, |c| !matches!(c.get("securityContext.procMount").text(), "" | "Default"));
    found(&names, "procMount", "must not set securityContext.procMount to \"Unmasked\"")
}

fn restricted_volumes(spec: &At) -> Option<String> {
    const ALLOWED: [&str; 9] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    let (mut names, mut types): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for volume in spec.get("volumes").items() {
        for source in volume.keys().filter(|key| *key != "name" && !ALLOWED.contains(key)) {
            names.push(format!("{:?}", volume.get("name").text()));
            let quoted = format!("{source:?}");
            if !types.contains(&quoted) {
                types.push(quoted);
            }
        }
    }
    let (use_, s) = (if names.len() == 1 { "uses" } else { "use" }, if types.len() == 1 { "" } else { "s" });
    (!names.is_empty()).then(|| {
        format!(
            "restricted volume types ({} {use_} restricted volume type{s} {})",
            plural("volume", &names),
            types.join(", ")
        )
    })
}

fn run_as_non_root(spec: &At) -> Option<String> {
    let pod = spec.get("securityContext.runAsNonRoot");
    let explicit = containers(spec, |c| c.get("securityContext.runAsNonRoot").value() == &Value::Bool(false));
    let mut parts = Vec::new();
    if pod.value() == &Value::Bool(false) {
        parts.push("pod must not set securityContext.runAsNonRoot=false".to_string());
    }
    if !explicit.is_empty() {
        let who = plural("container", &explicit);
        parts.push(format!("{who} must not set securityContext.runAsNonRoot=false"));
    }
    if parts.is_empty() && !pod.is_true() {
        let silent = containers(spec, |c| !c.get("securityContext.runAsNonRoot").is_set());
        if !silent.is_empty() {
            let who = plural("container", &silent);
            parts.push(format!("pod or {who} must set securityContext.runAsNonRoot=true"));
        }
    }
    (!parts.is_empty()).then(|| format!("runAsNonRoot != true ({})", parts.join(", ")))
}

fn run_as_user(spec: &At) -> Option<String> {
    let is_root = |at: &At| at.is_set() && at.int() == 0;
    let mut parts = Vec::new();
    if is_root(&spec.get("securityContext.runAsUser")) {
        parts.push("pod".to_string());
    }
    let names = containers(spec, |c| is_root(&c.get("securityContext.runAsUser")));
    if !names.is_empty() {
        parts.push(plural("container", &names));
    }
    (!parts.is_empty()).then(|| format!("runAsUser=0 ({} must not set runAsUser=0)", parts.join(" and ")))
}

fn seccomp_baseline(spec: &At) -> Option<String> {
    let unconfined = |at: &At| at.get("securityContext.seccompProfile.type").text() == "Unconfined";
    let mut parts = Vec::new();
    if unconfined(spec) {
        parts.push("pod".to_string());
    }
    let names = containers(spec, |c| unconfined(c));
    if !names.is_empty() {
        parts.push(plural("container", &names));
    }
    let rule = "must not set securityContext.seccompProfile.type to \"Unconfined\"";
    (!parts.is_empty()).then(|| format!("seccompProfile ({} {rule})", parts.join(" and ")))
}

fn seccomp_restricted(spec: &At) -> Option<String> {
    let type_of = |at: &At| at.get("securityContext.seccompProfile.type").text().to_string();
    let bad = |type_: &str| !matches!(type_, "" | "RuntimeDefault" | "Localhost");
    let mut parts = Vec::new();
    if bad(&type_of(spec)) {
        let rule = format!("must not set securityContext.seccompProfile.type to {:?}", type_of(spec));
        parts.push(format!("pod {rule}"));
    }
    let explicit = containers(spec, |c| bad(&type_of(c)));
    if !explicit.is_empty() {
        let who = plural("container", &explicit);
        parts.push(format!("{who} must not set securityContext.seccompProfile.type to \"Unconfined\""));
    }
    if parts.is_empty() && type_of(spec).is_empty() {
        let silent = containers(spec, |c| type_of(c).is_empty());
        if !silent.is_empty() {
            let who = plural("container", &silent);
            parts.push(format!(
                "pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""
            ));
        }
    }
    (!parts.is_empty()).then(|| format!("seccompProfile ({})", parts.join(", ")))
}

fn sysctls(spec: &At) -> Option<String> {
    const SAFE: [&str; 9] = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_syncookies",
    ];
    let list = spec.get("securityContext.sysctls");
    let unsafe_ones: Vec<&str> =
        list.items().map(|sysctl| sysctl.get("name").text()).filter(|name| !SAFE.contains(name)).collect();
    (!unsafe_ones.is_empty()).then(|| format!("forbidden sysctls ({})", unsafe_ones.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plain_pod_breaks_the_strictest_level_in_four_ways() {
        let spec = json!({"containers": [{"name": "app", "image": "x"}]});
        assert!(violations(&spec, Level::Baseline).is_empty());
        let want = [
            "allowPrivilegeEscalation != false (container \"app\" must set securityContext.allowPrivilegeEscalation=false)",
            "unrestricted capabilities (container \"app\" must set securityContext.capabilities.drop=[\"ALL\"])",
            "runAsNonRoot != true (pod or container \"app\" must set securityContext.runAsNonRoot=true)",
            "seccompProfile (pod or container \"app\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
             \"Localhost\")",
        ];
        assert_eq!(violations(&spec, Level::Restricted), want);
    }

    #[test]
    fn the_host_is_out_of_bounds_on_the_baseline() {
        let spec = json!({
            "hostNetwork": true, "hostPID": true,
            "containers": [
                {"name": "a", "ports": [{"hostPort": 80}], "securityContext": {"privileged": true}},
                {"name": "b", "ports": [{"hostPort": 81}], "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
            ],
            "volumes": [{"name": "h", "hostPath": {"path": "/"}}],
        });
        let want = [
            "non-default capabilities (container \"b\" must not include \"SYS_ADMIN\" in securityContext.capabilities.add)",
            "host namespaces (hostNetwork=true, hostPID=true)",
            "hostPath volumes (volume \"h\")",
            "hostPort (containers \"a\", \"b\" use hostPorts 80, 81)",
            "privileged (container \"a\" must not set securityContext.privileged=true)",
        ];
        assert_eq!(violations(&spec, Level::Baseline), want);
    }

    #[test]
    fn a_careful_pod_is_allowed() {
        let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        let spec = json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "a", "securityContext": context}],
        });
        assert!(violations(&spec, Level::Restricted).is_empty());
    }
}
