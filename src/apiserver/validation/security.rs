//! The rules of security contexts.

use super::at::{At, Errors};
use super::internal;
use super::text;

const SECCOMP_TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// The security context of a container (`ValidateSecurityContext`).
pub fn validate_security_context(context: &At, users_of_host: bool, errors: &mut Errors) {
    if !context.is_set() {
        return;
    }
    errors.id(&context.get("runAsUser"));
    errors.id(&context.get("runAsGroup"));
    let mount = context.get("procMount");
    if mount.is_set() {
        errors.one_of(&mount, &["Default", "Unmasked"]);
        if users_of_host && mount.text() == "Unmasked" {
            errors.invalid(&mount, "`hostUsers` must be false to use `Unmasked`");
        }
    }
    validate_profile(&context.get("seccompProfile"), errors);
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
    validate_windows(&context.get("windowsOptions"), errors);
    validate_app_armor(&context.get("appArmorProfile"), errors);
}

/// On the host's network, a port of a container is one of the host (`validatePodHostNetworkDeps`). Of a template it need not be said.
pub fn validate_host_network(spec: &At, of_pod: bool, errors: &mut Errors) {
    if !spec.get("hostNetwork").is_true() {
        return;
    }
    for container in spec.get("containers").items() {
        for port in container.get("ports").items() {
            let (of_host, own) = (port.get("hostPort").int(), port.get("containerPort").int());
            if of_host != own && (of_pod || of_host != 0) {
                let why = "must match `containerPort` when `hostNetwork` is true";
                errors.invalid_int(&port.get("hostPort"), why);
            }
        }
    }
}

/// A pod with users of its own shares no other namespace with the host (`validateHostUsers`).
pub fn validate_host_users(spec: &At, errors: &mut Errors) {
    if spec.get("hostUsers").value() != false {
        return;
    }
    for (flag, name) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        if spec.get(flag).is_true() {
            errors.forbidden(&spec.named(name), "when `hostUsers` is false");
        }
    }
}

/// The security context of a pod (`validatePodSpecSecurityContext`), with the flags of the host beside it.
pub fn validate_pod_security_context(spec: &At, errors: &mut Errors) {
    let context = spec.get("securityContext");
    for id in ["fsGroup", "runAsUser", "runAsGroup"] {
        errors.id(&context.get(id));
    }
    for group in context.get("supplementalGroups").items() {
        errors.id(&group);
    }
    if spec.get("shareProcessNamespace").is_true() && spec.get("hostPID").is_true() {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.invalid_as(&context.named("shareProcessNamespace"), "true", why);
    }
    validate_sysctls(spec, errors);
    let one_of = |field: &str, values: [&str; 2], errors: &mut Errors| {
        if context.get(field).is_set() {
            errors.one_of(&context.get(field), &values);
        }
    };
    one_of("fsGroupChangePolicy", ["Always", "OnRootMismatch"], errors);
    validate_profile(&context.get("seccompProfile"), errors);
    validate_windows(&context.get("windowsOptions"), errors);
    validate_app_armor(&context.get("appArmorProfile"), errors);
    one_of("supplementalGroupsPolicy", ["Merge", "Strict"], errors);
    one_of("seLinuxChangePolicy", ["MountOption", "Recursive"], errors);
}

/// Parameters of the kernel. Those of a namespace that is the host's cannot be set.
fn validate_sysctls(spec: &At, errors: &mut Errors) {
    const RULE: &str = "must have at most 253 characters and match regex \
                        ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|b| plain(*b))
            && bytes.last().is_some_and(|b| plain(*b))
            && bytes.iter().all(|b| plain(*b) || matches!(b, b'-' | b'_'))
    };
    let mut names: Vec<&str> = Vec::new();
    let context = spec.get("securityContext");
    for sysctl in context.get("sysctls").items() {
        let name = sysctl.get("name");
        if name.is_empty() {
            errors.required(&name, "");
        } else if name.text().len() > 253 || !name.text().split(['.', '/']).all(part) {
            errors.invalid(&name, RULE);
        } else if names.contains(&name.text()) {
            errors.duplicate(&name);
        }
        let dotted = dotted_sysctl(name.text());
        let of_ipc = dotted == "kernel.sem"
            || ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|prefix| dotted.starts_with(prefix));
        if spec.get("hostNetwork").is_true() && dotted.starts_with("net.") {
            errors.invalid(&name, "may not be specified when 'hostNetwork' is true");
        } else if spec.get("hostIPC").is_true() && of_ipc {
            errors.invalid(&name, "may not be specified when 'hostIPC' is true");
        }
        names.push(name.text());
    }
}

/// A parameter's name with dots between its parts, whatever its first separator is (`NormalizeName`).
fn dotted_sysctl(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => {
            let swap = |c| match c {
                '/' => '.',
                '.' => '/',
                c => c,
            };
            name.chars().map(swap).collect()
        }
        _ => name.to_string(),
    }
}

/// `validateSeccompProfileField`.
fn validate_profile(profile: &At, errors: &mut Errors) {
    if !profile.is_set() {
        return;
    }
    let (type_, local) = (profile.get("type"), profile.get("localhostProfile"));
    if type_.is_empty() {
        errors.required(&type_, "type is required when seccompProfile is set");
    } else {
        errors.one_of(&type_, &SECCOMP_TYPES);
    }
    if type_.text() != "Localhost" {
        if local.is_set() {
            let shown = internal::dump("SeccompProfile", profile.value());
            errors.invalid_as(&local, &shown, "can only be set when seccomp type is Localhost");
        }
    } else if local.is_set() {
        super::volume::validate_descending_path(&local, errors);
    } else {
        errors.required(&local, "must be set when seccomp type is Localhost");
    }
}

fn validate_app_armor(profile: &At, errors: &mut Errors) {
    if !profile.is_set() {
        return;
    }
    let (type_, local) = (profile.get("type"), profile.get("localhostProfile"));
    match type_.text() {
        "Localhost" => {
            if local.text().trim() != local.text() {
                errors.invalid(&local, "must not be padded with whitespace");
            } else if local.is_empty() {
                errors.required(&local, "must be set when AppArmor type is Localhost");
            }
            if local.text().len() > 4095 {
                errors.too_long(&local, 4095);
            }
        }
        "RuntimeDefault" | "Unconfined" if local.is_set() => {
            errors.invalid(&local, "can only be set when AppArmor type is Localhost");
        }
        "RuntimeDefault" | "Unconfined" => {}
        "" => errors.required(&type_, "type is required when appArmorProfile is set"),
        _ => errors.unsupported(&type_, &SECCOMP_TYPES),
    }
}

/// Options of Windows (`validateWindowsSecurityContextOptions`).
fn validate_windows(options: &At, errors: &mut Errors) {
    const SPEC_BYTES_MAX: usize = 64 * 1024;
    let (name, spec) = (options.get("gmsaCredentialSpecName"), options.get("gmsaCredentialSpec"));
    if name.is_set() {
        errors.text(&name, text::dns_subdomain);
    }
    if spec.is_set() && spec.is_empty() {
        errors.invalid(&spec, "gmsaCredentialSpec cannot be an empty string");
    } else if spec.text().len() > SPEC_BYTES_MAX {
        errors.invalid(&spec, "gmsaCredentialSpec size must be under 64 KiB");
    }
    let user = options.get("runAsUserName");
    for why in if user.is_set() { text::windows_user_name(user.text()) } else { Vec::new() } {
        errors.invalid(&user, &why);
    }
}

/// Containers that are processes of a Windows host are so together, on its network (`validateWindowsHostProcessPod`).
pub fn validate_host_processes(spec: &At, errors: &mut Errors) {
    let flag = |of: &At| of.get("securityContext.windowsOptions.hostProcess").value().as_bool();
    let of_pod = flag(spec);
    let (mut containers, mut processes) = (0, 0);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.get(list).items() {
            containers += 1;
            let own = flag(&container);
            if let (Some(of_pod), Some(own)) = (of_pod, own)
                && of_pod != own
            {
                let why =
                    format!("pod hostProcess value must be identical if both are specified, was {of_pod}");
                let context = container.get("securityContext");
                errors.invalid_as(
                    &context.get("windowsOptions").named("hostProcess"),
                    &own.to_string(),
                    &why,
                );
            }
            processes += u32::from(own.or(of_pod) == Some(true));
        }
    }
    if processes == 0 {
        return;
    }
    if processes != containers {
        let why =
            "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.invalid_as(spec, "\"\"", why);
    }
    if !spec.get("hostNetwork").is_true() {
        let why = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.invalid_as(&spec.get("hostNetwork"), "false", why);
    }
}

/// What a pod says of its operating system leaves out what the other has (`validateOS`, `validateLinux`, `validateWindows`).
pub fn validate_os(spec: &At, errors: &mut Errors) {
    const OF_LINUX: [&str; 10] = [
        "appArmorProfile",
        "seLinuxOptions",
        "seccompProfile",
        "capabilities",
        "readOnlyRootFilesystem",
        "privileged",
        "allowPrivilegeEscalation",
        "procMount",
        "runAsUser",
        "runAsGroup",
    ];
    const OF_PODS: [(bool, &str); 15] = [
        (true, "appArmorProfile"),
        (true, "seLinuxOptions"),
        (false, "hostUsers"),
        (false, "hostPID"),
        (false, "hostIPC"),
        (true, "seccompProfile"),
        (true, "fsGroup"),
        (true, "fsGroupChangePolicy"),
        (true, "sysctls"),
        (false, "shareProcessNamespace"),
        (true, "runAsUser"),
        (true, "runAsGroup"),
        (true, "supplementalGroups"),
        (true, "supplementalGroupsPolicy"),
        (true, "seLinuxChangePolicy"),
    ];
    let os = spec.get("os");
    if !os.is_set() {
        return;
    }
    let (name, context) = (os.get("name"), spec.get("securityContext"));
    let (of_pods, of_containers, why): (&[(bool, &str)], &[&str], _) = match name.text() {
        "" => return errors.required(&name, "cannot be empty"),
        "linux" => (
            &[(true, "windowsOptions")],
            &["windowsOptions"],
            "windows options cannot be set for a linux pod",
        ),
        "windows" => (&OF_PODS, &OF_LINUX, "cannot be set for a windows pod"),
        _ => return errors.unsupported(&os.with(name.value()), &["linux", "windows"]),
    };
    for (in_context, field) in of_pods {
        let at = if *in_context { context.get(field) } else { spec.get(field) };
        // These two Go holds by pointer.
        let set = at.value() != false || matches!(*field, "hostUsers" | "shareProcessNamespace");
        if at.is_set() && set {
            errors.forbidden(&at, why);
        }
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.get(list).items() {
            let context = container.get("securityContext");
            for field in of_containers.iter().filter(|field| context.get(field).is_set()) {
                errors.forbidden(&context.get(field), why);
            }
        }
    }
}
