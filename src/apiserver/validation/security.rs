//! The rules of security contexts.

use super::at::{At, Errors};
use super::internal;
use super::text;

const SECCOMP_TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// The security context of a container (`ValidateSecurityContext`).
pub fn validate_security_context(context: &At, errors: &mut Errors) {
    if !context.is_set() {
        return;
    }
    errors.id(&context.get("runAsUser"));
    errors.id(&context.get("runAsGroup"));
    validate_profile(&context.get("seccompProfile"), errors);
    validate_app_armor(&context.get("appArmorProfile"), errors);
    if context.get("procMount").is_set() {
        errors.required_one_of(&context.get("procMount"), &["Default", "Unmasked"]);
    }
    validate_windows(&context.get("windowsOptions"), errors);
    if context.get("allowPrivilegeEscalation").value() == false {
        let shown = || internal::dump("SecurityContext", context.value());
        if context.get("privileged").is_true() {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.invalid_as(context, &shown(), why);
        }
        if context.get("capabilities.add").texts().any(|name| name == "CAP_SYS_ADMIN") {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.invalid_as(context, &shown(), why);
        }
    }
}

/// On the host's network, a port of a container is one of the host (`validatePodHostNetworkDeps`). Of a template it need not be said.
pub fn validate_host_network(spec: &At, of_pod: bool, errors: &mut Errors) {
    if !spec.get("hostNetwork").is_true() {
        return;
    }
    for list in ["containers", "initContainers"] {
        for container in spec.get(list).items() {
            for port in container.get("ports").items() {
                let (of_host, own) = (port.get("hostPort").int(), port.get("containerPort").int());
                if of_host != own && (of_pod || of_host != 0) {
                    let why = "must match `containerPort` when `hostNetwork` is true";
                    errors.invalid_int(&port.get("hostPort"), why);
                }
            }
        }
    }
}

/// A pod with users of its own shares no other namespace with the host (`validateHostUsers`).
pub fn validate_host_users(spec: &At, errors: &mut Errors) {
    if spec.get("hostUsers").value() != false {
        return;
    }
    let context = spec.get("securityContext");
    for (flag, name) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        if spec.get(flag).is_true() {
            errors.forbidden(&context.named(name), "when `hostUsers` is false");
        }
    }
}

/// The security context of a pod (`validatePodSpecSecurityContext`), with the flags of the host beside it.
pub fn validate_pod_security_context(spec: &At, errors: &mut Errors) {
    let context = spec.get("securityContext");
    if spec.get("shareProcessNamespace").is_true() && spec.get("hostPID").is_true() {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.invalid_as(&context.named("shareProcessNamespace"), "true", why);
    }
    if !context.is_set() {
        return;
    }
    for id in ["fsGroup", "runAsUser", "runAsGroup"] {
        errors.id(&context.get(id));
    }
    for group in context.get("supplementalGroups").items() {
        errors.id(&group);
    }
    validate_sysctls(&context.get("sysctls"), errors);
    for (field, values) in [
        ("fsGroupChangePolicy", ["Always", "OnRootMismatch"]),
        ("supplementalGroupsPolicy", ["Merge", "Strict"]),
        ("seLinuxChangePolicy", ["MountOption", "Recursive"]),
    ] {
        if context.get(field).is_set() {
            errors.one_of(&context.get(field), &values);
        }
    }
    validate_profile(&context.get("seccompProfile"), errors);
    validate_windows(&context.get("windowsOptions"), errors);
    validate_app_armor(&context.get("appArmorProfile"), errors);
}

fn validate_sysctls(sysctls: &At, errors: &mut Errors) {
    const RULE: &str = "must have at most 253 characters and match regex \
                        ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|b| plain(*b))
            && bytes.last().is_some_and(|b| plain(*b))
            && bytes.iter().all(|b| plain(*b) || matches!(b, b'-' | b'_'))
    };
    let mut names: Vec<String> = Vec::new();
    for sysctl in sysctls.items() {
        let name = sysctl.get("name");
        if name.is_empty() {
            errors.required(&name, "");
        } else if name.text().len() > 253 || !name.text().split(['.', '/']).all(part) {
            errors.invalid(&name, RULE);
        } else if names.contains(&name.text().replace('/', ".")) {
            errors.duplicate(&name);
        }
        names.push(name.text().replace('/', "."));
    }
}

fn validate_profile(profile: &At, errors: &mut Errors) {
    if !profile.is_set() {
        return;
    }
    let (type_, local) = (profile.get("type"), profile.get("localhostProfile"));
    if type_.text() == "Localhost" {
        if local.is_empty() {
            errors.required(&local, "must be set when seccomp type is Localhost");
        } else {
            super::volume::validate_descending_path(&local, errors);
        }
        return;
    }
    if local.is_set() {
        let why = "can only be set when seccomp type is Localhost";
        errors.invalid_as(&local, &local.shown(), why);
    }
    if type_.is_empty() {
        errors.required(&type_, "type is required when seccompProfile is set");
    } else {
        errors.one_of(&type_, &SECCOMP_TYPES);
    }
}

fn validate_app_armor(profile: &At, errors: &mut Errors) {
    if !profile.is_set() {
        return;
    }
    let (type_, local) = (profile.get("type"), profile.get("localhostProfile"));
    match type_.text() {
        "Localhost" => {
            if local.text().trim().is_empty() {
                errors.required(&local, "must be set when AppArmor type is Localhost");
            } else if local.text().trim() != local.text() {
                errors.invalid(&local, "must not be padded with whitespace");
            } else if local.text().len() > 4095 {
                errors.too_long(&local, 4095);
            }
            return;
        }
        "RuntimeDefault" | "Unconfined" => {}
        "" => errors.required(&type_, "type is required when appArmorProfile is set"),
        _ => errors.unsupported(&type_, &SECCOMP_TYPES),
    }
    if local.is_set() {
        errors.invalid(&local, "can only be set when AppArmor type is Localhost");
    }
}

fn validate_windows(options: &At, errors: &mut Errors) {
    let name = options.get("gmsaCredentialSpecName");
    if name.is_set() {
        if name.is_empty() {
            errors.invalid(&name, "gmsaCredentialSpecName cannot be an empty string");
        } else {
            errors.text(&name, text::dns_subdomain);
        }
    }
}
