//! The rules of pods and pod templates (`ValidatePodSpec`, `ValidatePodUpdate`).

use serde_json::Value;

use super::at::{At, Errors};
use super::container::{PodContext, validate_containers};
use super::meta::{validate_annotations, validate_labels};
use super::security::{
    validate_host_network, validate_host_processes, validate_host_users, validate_os,
    validate_pod_security_context,
};
use super::volume::{Volumes, validate_descending_path};
use super::{internal, resources, scheduling, text};
use crate::api::field_error::quoted;

const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP: [&str; 2] =
    ["seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/"];
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod, new or changed (`validatePodMetadataAndSpec`).
pub fn validate(pod: &At, errors: &mut Errors) {
    let spec = pod.get("spec");
    validate_annotations_of_pod(pod, errors);
    validate_spec(&spec, Some(pod.get("metadata.name").text()), errors);
    for list in ["initContainers", "containers"] {
        for container in spec.get(list).items() {
            let image = container.get("image");
            if image.text().trim() != image.text() {
                errors.invalid(&image, "must not have leading or trailing whitespace");
            }
        }
    }
}

/// A new pod (`ValidatePodCreate`).
pub fn on_create(pod: &At, errors: &mut Errors) {
    let spec = pod.get("spec");
    if !spec.get("ephemeralContainers").is_empty() {
        errors.forbidden(&spec.get("ephemeralContainers"), "cannot be set on create");
    }
    if !spec.get("nodeName").is_empty() && !spec.get("schedulingGates").is_empty() {
        errors.forbidden(&spec.get("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
    validate_profiles_agree(&pod.get("metadata"), &spec, errors);
}

/// What annotations once said of profiles, and fields say now, is the same (`validateSeccompAnnotationsAndFields`,
/// `validateAppArmorAnnotationsAndFieldsMatchOnCreate`).
fn validate_profiles_agree(meta: &At, spec: &At, errors: &mut Errors) {
    const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
    let annotations = meta.get("annotations");
    let context = spec.get("securityContext");
    let of_pod = context.get("seccompProfile");
    if annotations.key(SECCOMP[0]).is_set() && of_pod.is_set() {
        validate_profile_agrees(annotations.key(SECCOMP[0]).text(), &of_pod, &of_pod, "seccomp", errors);
    }
    let owner = |container: &At| container.get("name").text().to_string();
    for list in LISTS {
        for container in spec.get(list).items() {
            let key = format!("{}{}", SECCOMP[1], owner(&container));
            let (note, own) = (annotations.key(&key), container.get("securityContext.seccompProfile"));
            if note.is_set() && own.is_set() {
                let context = container.get("securityContext");
                validate_profile_agrees(note.text(), &own, &context.get("seccompProfile"), "seccomp", errors);
            }
        }
    }
    if spec.get("os.name").text() == "windows" {
        return;
    }
    for list in LISTS {
        for container in spec.get(list).items() {
            let key = format!("{APP_ARMOR}{}", owner(&container));
            let (note, own) = (annotations.key(&key), container.get("securityContext.appArmorProfile"));
            let of_pod = context.get("appArmorProfile");
            let profile = if own.is_set() { own } else { of_pod };
            if note.is_set() && profile.is_set() {
                let context = container.get("securityContext");
                validate_profile_agrees(
                    note.text(),
                    &profile,
                    &context.named("appArmorProfile"),
                    "apparmor",
                    errors,
                );
            }
        }
    }
}

fn validate_profile_agrees(note: &str, profile: &At, at: &At, system: &str, errors: &mut Errors) {
    let same_type = match profile.get("type").text() {
        "Unconfined" => note == "unconfined",
        "RuntimeDefault" => note == "runtime/default" || system == "seccomp" && note == "docker/default",
        "Localhost" => note.starts_with("localhost/"),
        _ => true,
    };
    let local = note.strip_prefix("localhost/").filter(|_| profile.get("type").text() == "Localhost");
    if !same_type {
        errors.forbidden(&at.named("type"), &format!("{system} type in annotation and field must match"));
    } else if local.is_some_and(|local| profile.get("localhostProfile").value() != local) {
        errors.forbidden(
            &at.named("localhostProfile"),
            &format!("{system} profile in annotation and field must match"),
        );
    }
}

/// The annotations that mean something on a pod (`ValidatePodSpecificAnnotations`).
fn validate_annotations_of_pod(pod: &At, errors: &mut Errors) {
    let annotations = pod.get("metadata.annotations");
    validate_meaning(&annotations, &pod.get("spec"), errors);
}

/// As [`validate_annotations_of_pod`], wherever the annotations are.
pub fn validate_meaning(annotations: &At, spec: &At, errors: &mut Errors) {
    const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    if annotations.key(MIRROR).is_set() && spec.get("nodeName").is_empty() {
        errors.invalid(&annotations.key(MIRROR), "must set spec.nodeName if mirror pod annotation is set");
    }
    scheduling::validate_noted_tolerations(annotations, errors);
    let cost = annotations.key(COST);
    let plain = |text: &str| text.parse::<i32>().is_ok() && !text.starts_with(['+', '0']) || text == "0";
    if cost.is_set() && !plain(cost.text()) {
        errors.invalid(&cost, "must be a 32bit integer");
    }
    for key in annotations.keys() {
        let profile = annotations.key(key);
        if key == SECCOMP[0] || key.starts_with(SECCOMP[1]) {
            let at = annotations.named(key).with(profile.value());
            if let Some(local) = profile.text().strip_prefix("localhost/") {
                validate_descending_path(&at.with(&local.into()), errors);
            } else if !["runtime/default", "docker/default", "unconfined"].contains(&profile.text()) {
                errors.invalid(&at, "must be a valid seccomp profile");
            }
        }
        let Some(container) = key.strip_prefix(APP_ARMOR) else { continue };
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        let named = |list: &&str| spec.get(list).items().any(|known| known.get("name").text() == container);
        if !lists.iter().any(named) {
            errors.invalid_as(&profile, &quoted(container), "container not found");
        }
        let known = ["", "runtime/default", "unconfined"].contains(&profile.text());
        if !known && !profile.text().starts_with("localhost/") {
            errors.invalid(&profile, &format!("invalid AppArmor profile name: {}", quoted(profile.text())));
        }
    }
}

/// The spec of a pod by name, or of pods to be made.
fn validate_spec(spec: &At, of_pod: Option<&str>, errors: &mut Errors) {
    let volumes = spec.get("volumes");
    let volumes = Volumes::validate(&volumes, of_pod.unwrap_or_default(), errors);
    let claims = validate_resource_claims(&spec.get("resourceClaims"), errors);
    let grace = spec.get("terminationGracePeriodSeconds").int();
    let pod = PodContext {
        volumes: &volumes,
        claims,
        grace_period: grace,
        never_restarts: spec.get("restartPolicy").text() == "Never",
        users_of_host: spec.get("hostUsers").value() != false,
    };
    validate_containers(spec, &pod, errors);
    resources::validate_pod(spec, errors);
    validate_host_network(spec, of_pod.is_some(), errors);
    errors.required_one_of(&spec.get("restartPolicy"), &RESTART_POLICIES);
    errors.required_one_of(&spec.get("dnsPolicy"), &DNS_POLICIES);
    validate_labels(&spec.get("nodeSelector"), errors);
    validate_pod_security_context(spec, errors);
    scheduling::validate_affinity(&spec.get("affinity"), errors);
    validate_dns_config(spec, errors);
    for gate in spec.get("readinessGates").items() {
        errors.text(&gate.get("conditionType"), text::qualified_name);
    }
    validate_gates(&spec.get("schedulingGates"), errors);
    scheduling::validate_topology_spread(&spec.get("topologySpreadConstraints"), errors);
    validate_host_processes(spec, errors);
    validate_host_users(spec, errors);
    validate_names(spec, errors);
    scheduling::validate_tolerations(&spec.get("tolerations"), errors);
    for alias in spec.get("hostAliases").items() {
        errors.text_as(&alias.get("ip"), alias.get("ip").text(), text::ip);
        for hostname in alias.get("hostnames").items() {
            errors.text(&hostname, text::dns_subdomain);
        }
    }
    validate_classes(spec, errors);
}

fn validate_resource_claims<'v>(claims: &At<'_, 'v>, errors: &mut Errors) -> Vec<&'v str> {
    let mut names = Vec::new();
    for claim in claims.items() {
        let name = claim.get("name");
        if names.contains(&name.text()) {
            errors.duplicate(&name);
        }
        if name.is_empty() {
            errors.required(&name, "");
        } else {
            errors.text(&name, text::dns_label);
        }
        names.push(name.text());
        let sources = ["resourceClaimName", "resourceClaimTemplateName"];
        match sources.iter().filter(|source| claim.get(source).is_set()).count() {
            0 => errors
                .required(&claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
            1 => {}
            _ => {
                let why =
                    "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
                errors.invalid_as(&claim, &internal::dump("PodResourceClaim", claim.value()), why);
            }
        }
        for source in sources.iter().filter(|source| claim.get(source).is_set()) {
            errors.text(&claim.get(source), text::dns_subdomain);
        }
    }
    names
}

fn validate_dns_config(spec: &At, errors: &mut Errors) {
    let config = spec.get("dnsConfig");
    let (servers, searches) = (config.get("nameservers"), config.get("searches"));
    if spec.get("dnsPolicy").text() == "None" {
        if !config.is_set() {
            errors.required(&config, "must provide `dnsConfig` when `dnsPolicy` is None");
            return;
        }
        if servers.is_empty() {
            errors.required(&servers, "must provide at least one DNS nameserver when `dnsPolicy` is None");
            return;
        }
    }
    if servers.len() > 3 {
        errors.invalid(&servers, "must not have more than 3 nameservers");
    }
    for server in servers.items() {
        errors.text(&server, text::ip);
    }
    if searches.len() > 32 {
        errors.invalid(&searches, "must not have more than 32 search paths");
    }
    if searches.texts().collect::<Vec<_>>().join(" ").len() > 2048 {
        let why = "must not have more than 2048 characters (including spaces) in the search list";
        errors.invalid(&searches, why);
    }
    for search in searches.items() {
        let name = search.text().strip_suffix('.').unwrap_or(search.text());
        if search.text() != "." {
            errors.text_as(&search, name, text::dns_subdomain_with_underscore);
        }
    }
    for option in config.get("options").items() {
        if option.get("name").is_empty() {
            errors.required(&option, "must not be empty");
        }
    }
}

fn validate_gates(gates: &At, errors: &mut Errors) {
    let mut names = Vec::new();
    for gate in gates.items() {
        let name = gate.get("name");
        errors.text_as(&gate, name.text(), text::qualified_name);
        if names.contains(&name.text()) {
            errors.duplicate_as(&gate, &quoted(name.text()));
        }
        names.push(name.text());
    }
}

fn validate_names(spec: &At, errors: &mut Errors) {
    for (field, rule) in
        [("serviceAccountName", text::dns_subdomain as text::Rule), ("nodeName", text::dns_subdomain)]
    {
        if !spec.get(field).is_empty() {
            errors.text(&spec.get(field), rule);
        }
    }
    let deadline = spec.get("activeDeadlineSeconds");
    if deadline.is_set() {
        errors.within(&deadline, 1, i64::from(i32::MAX));
    }
    for field in ["hostname", "subdomain"] {
        if !spec.get(field).is_empty() {
            errors.text(&spec.get(field), text::dns_label);
        }
    }
    validate_hostname_override(spec, errors);
}

/// A host name that is chosen freely stands alone: it is none of the cluster's names, and none of the node's.
fn validate_hostname_override(spec: &At, errors: &mut Errors) {
    const LETTERS_MAX: usize = 64;
    let name = spec.get("hostnameOverride");
    if name.is_empty() {
        return;
    }
    if name.text().len() > LETTERS_MAX {
        errors.too_long(&name, LETTERS_MAX);
    }
    errors.text(&name, text::dns_subdomain);
    for flag in ["setHostnameAsFQDN", "hostNetwork"] {
        if spec.get(flag).is_true() {
            errors.forbidden(&name, &format!("may not be specified when '{flag}' is true"));
        }
    }
}

fn validate_classes(spec: &At, errors: &mut Errors) {
    for field in ["priorityClassName", "runtimeClassName"] {
        if spec.get(field).is_set() {
            errors.text(&spec.get(field), text::dns_subdomain);
        }
    }
    let preemption = spec.get("preemptionPolicy");
    if preemption.is_set() {
        errors.required_one_of(&preemption, &["PreemptLowerPriority", "Never"]);
    }
    let overhead = spec.get("overhead");
    if overhead.is_set() {
        let limits = serde_json::json!({ "limits": overhead.value() });
        resources::validate_container(&overhead.with(&limits), &[], errors);
    }
    validate_os(spec, errors);
}

/// A pod template by itself (`ValidatePodTemplateSpec`).
pub fn validate_template_spec(template: &At, errors: &mut Errors) {
    let (meta, spec) = (template.get("metadata"), template.get("spec"));
    validate_labels(&meta.get("labels"), errors);
    validate_annotations(&meta.get("annotations"), errors);
    validate_meaning(&template.named("annotations").with(meta.get("annotations").value()), &spec, errors);
    validate_spec(&spec, None, errors);
    validate_profiles_agree(&meta, &spec, errors);
    if !spec.get("ephemeralContainers").is_empty() {
        errors
            .forbidden(&spec.get("ephemeralContainers"), "ephemeral containers not allowed in pod template");
    }
}

/// A changed pod (`ValidatePodUpdate`): only a few fields may be other than before.
pub fn on_update(pod: &At, old: &At, errors: &mut Errors) {
    let (spec, old_spec) = (pod.get("spec"), old.get("spec"));
    validate_annotations_update(pod, old, errors);
    if !validate_container_count(&spec, &old_spec, errors)
        || !validate_deadline_update(&spec, &old_spec, errors)
    {
        return;
    }
    validate_tolerations_update(&spec, &old_spec, errors);
    let gates = (spec.get("schedulingGates"), old_spec.get("schedulingGates"));
    for gate in gates.0.items() {
        let name = gate.get("name");
        if !gates.1.items().any(|old| old.get("name").text() == name.text()) {
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            errors.forbidden(&name, &why);
        }
    }
    let gated = !gates.1.is_empty();
    if gated {
        validate_direction_update(&spec, &old_spec, errors);
    }
    let munged = munged(spec.value(), old_spec.value(), gated);
    if munged != *old_spec.value() {
        let difference = internal::diff("PodSpec", old_spec.value(), &munged);
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
                   `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
                   `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        errors.forbidden(&spec, &format!("{why}\n{difference}"));
    }
}

/// What is wrong with a change of the annotations alone.
pub fn on_notes(pod: &At, old: &At, errors: &mut Errors) {
    validate_annotations_of_pod(pod, errors);
    validate_annotations_update(pod, old, errors);
}

/// Annotations that stay as they are (`ValidatePodSpecificAnnotationUpdates`).
fn validate_annotations_update(pod: &At, old: &At, errors: &mut Errors) {
    let (new, old) = (pod.get("metadata.annotations"), old.get("metadata.annotations"));
    let meta = pod.get("metadata");
    let at = meta.get("annotations");
    let kinds = [(APP_ARMOR, "AppArmor annotations"), (MIRROR, "mirror pod annotation")];
    let kind = |key: &str| kinds.iter().find(|(prefix, _)| key.starts_with(prefix)).map(|(_, name)| *name);
    for key in old.keys().filter(|key| new.key(key).value() != old.key(key).value()) {
        if let Some(name) = kind(key) {
            errors.forbidden(&at.key(key), &format!("may not remove or update {name}"));
        }
    }
    for key in new.keys().filter(|key| !old.key(key).is_set()) {
        if let Some(name) = kind(key) {
            errors.forbidden(&at.key(key), &format!("may not add {name}"));
        }
    }
}

/// While a pod is held back, where it may go can be narrowed (`validateNodeSelectorMutation`, `validateNodeAffinityMutation`).
fn validate_direction_update(spec: &At, old: &At, errors: &mut Errors) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let (selector, before) = (spec.get("nodeSelector"), old.get("nodeSelector"));
    if !is_subset(before.value(), selector.value()) {
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        errors.invalid(&selector, why);
    }
    let path = format!("affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms");
    let (new, before) = (spec.get(&path), old.get(&path));
    if before.is_empty() {
        return;
    }
    if new.len() != before.len() {
        let shown = internal::dump_list("NodeSelectorTerm", new.value());
        errors.invalid_as(
            &new,
            &shown,
            "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
        );
        return;
    }
    for (term, before) in new.items().zip(before.items()) {
        let grows = |field: &str| {
            let (new, old) = (term.get(field), before.get(field));
            old.items().enumerate().all(|(index, old)| new.index(index).value() == old.value())
        };
        let empty = |term: &At| term.get("matchExpressions").is_empty() && term.get("matchFields").is_empty();
        if !grows("matchExpressions") || !grows("matchFields") || empty(&before) && !empty(&term) {
            let shown = internal::dump("NodeSelectorTerm", term.value());
            errors.invalid_as(&term, &shown, "only additions are allowed (no mutations or deletions)");
        }
    }
}

/// Whether there are as many containers as before; without that no more can be said.
fn validate_container_count(spec: &At, old: &At, errors: &mut Errors) -> bool {
    for list in ["containers", "initContainers"] {
        if spec.get(list).len() != old.get(list).len() {
            errors.forbidden(&spec.get(list), "pod updates may not add or remove containers");
            return false;
        }
    }
    true
}

/// Whether a deadline, if there is one, only comes nearer.
fn validate_deadline_update(spec: &At, old: &At, errors: &mut Errors) -> bool {
    let (deadline, old) = (spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"));
    if deadline.is_set() {
        if !(0..=i64::from(i32::MAX)).contains(&deadline.int()) {
            errors.within(&deadline, 0, i64::from(i32::MAX));
            return false;
        } else if old.is_set() && old.int() < deadline.int() {
            errors.invalid(&deadline, "must be less than or equal to previous value");
            return false;
        }
    } else if old.is_set() {
        errors.invalid(&deadline, "must not update from a positive integer to nil value");
    }
    true
}

fn validate_tolerations_update(spec: &At, old: &At, errors: &mut Errors) {
    let (tolerations, old) = (spec.get("tolerations"), old.get("tolerations"));
    let same = |a: &Value, b: &Value| {
        ["key", "operator", "value", "effect"].iter().all(|field| a[*field] == b[*field])
    };
    let kept = old.items().all(|old| tolerations.items().any(|new| same(new.value(), old.value())));
    if !kept {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden(&tolerations, why);
    }
}

/// The new spec with what may change taken from the old one: what is left must be equal.
fn munged(new: &Value, old: &Value, gated: bool) -> Value {
    let mut munged = new.clone();
    let mut take = |field: &str| match old.get(field) {
        Some(value) => munged[field] = value.clone(),
        None => {
            munged.as_object_mut().map(|spec| spec.remove(field));
        }
    };
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        take(field);
    }
    if gated {
        take("nodeSelector");
    }
    if old["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
        take("terminationGracePeriodSeconds");
    }
    if gated {
        take_node_affinity(&mut munged, old);
    }
    for list in ["containers", "initContainers"] {
        let olds = old[list].as_array().into_iter().flatten();
        let news = munged.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for (new, old) in news.zip(olds) {
            new["image"] = old["image"].clone();
        }
    }
    munged
}

/// The affinity to nodes is what it was; what is said of pods is compared.
fn take_node_affinity(munged: &mut Value, old: &Value) {
    let before = old["affinity"].get("nodeAffinity");
    let Some(affinity) = munged.get_mut("affinity").and_then(Value::as_object_mut) else {
        if let Some(before) = before {
            munged["affinity"] = serde_json::json!({ "nodeAffinity": before });
        }
        return;
    };
    affinity.remove("nodeAffinity");
    if let Some(before) = before {
        affinity.insert("nodeAffinity".into(), before.clone());
    } else if affinity.is_empty() && old["affinity"].is_null() {
        munged.as_object_mut().map(|spec| spec.remove("affinity"));
    }
}

/// Whether every entry of one map is in the other.
fn is_subset(part: &Value, whole: &Value) -> bool {
    part.as_object().into_iter().flatten().all(|(key, value)| whole.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(old: Value, new: Value, want: &str) {
        let (old, new) = (json!({ "spec": old }), json!({ "spec": new }));
        let mut errors = Errors::default();
        on_update(&At::root(&new), &At::root(&old), &mut errors);
        let texts: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
        assert!(texts.join(", ").starts_with(want) && want.is_empty() == texts.is_empty(), "{texts:?}");
    }

    #[test]
    fn only_few_fields_of_a_pod_may_change() {
        let container = |image: &str| json!([{"name": "app", "image": image}]);
        let gate = json!([{"name": "a.b/c"}]);
        check(json!({"containers": container("a")}), json!({"containers": container("b")}), "");
        let late = json!({"containers": container("a"), "activeDeadlineSeconds": 5});
        check(json!({"containers": container("a")}), late.clone(), "");
        check(
            late,
            json!({"containers": container("a")}),
            "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
        );
        check(
            json!({"containers": container("a"), "schedulingGates": gate}),
            json!({"containers": container("a")}),
            "",
        );
        check(
            json!({"containers": container("a")}),
            json!({"containers": container("a"), "schedulingGates": gate}),
            "spec.schedulingGates[0].name: Forbidden: only deletion is allowed",
        );
        check(
            json!({"containers": container("a"), "schedulingGates": gate}),
            json!({"containers": container("a"), "schedulingGates": gate, "nodeSelector": {"disk": "ssd"}}),
            "",
        );
        check(
            json!({"containers": container("a")}),
            json!({"containers": container("a"), "restartPolicy": "Never"}),
            "spec: Forbidden: pod updates may not change fields other than",
        );
    }
}
