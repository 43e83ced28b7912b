//! The rules of kinds that belong to the whole cluster, and of RBAC.

use super::at::{At, Errors};
use super::meta::{validate_labels, validate_selector};
use super::{internal, scheduling, text};

const RBAC: &str = "rbac.authorization.k8s.io";
/// Above this, priorities are the system's.
const HIGHEST_USER_PRIORITY: i64 = 1_000_000_000;
const SYSTEM_CLASSES: [&str; 2] = ["system-cluster-critical", "system-node-critical"];

/// `ValidatePriorityClass`.
pub fn priority_class(object: &At, errors: &mut Errors) {
    let (name, value) = (object.get("metadata.name"), object.get("value"));
    if name.text().starts_with("system-") {
        if !SYSTEM_CLASSES.contains(&name.text()) {
            let why = format!(
                "priority class names with 'system-' prefix are reserved for system use only. error: {} is not a known system priority \
                 class",
                name.text()
            );
            errors.forbidden(&name, &why);
        }
    } else if value.int() > HIGHEST_USER_PRIORITY {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}");
        errors.forbidden(&value, &why);
    }
    let policy = object.get("preemptionPolicy");
    if policy.is_set() {
        errors.required_one_of(&policy, &["PreemptLowerPriority", "Never"]);
    }
}

/// `ValidatePriorityClassUpdate`.
pub fn priority_class_update(object: &At, old: &At, errors: &mut Errors) {
    if object.get("value").int() != old.get("value").int() {
        errors.forbidden(&object.get("value"), "may not be changed in an update.");
    }
    errors.immutable(&object.get("preemptionPolicy"), &old.get("preemptionPolicy"));
}

/// `ValidateNode`.
pub fn node(object: &At, errors: &mut Errors) {
    // Taints are said to be in the metadata.
    let metadata = object.get("metadata");
    let taints = object.get("spec.taints");
    scheduling::validate_taints(&metadata.named("taints").with(taints.value()), errors);
    super::core_status::validate_node_amounts(object, errors);
    let spec = object.get("spec");
    // The old field means a list of one, whatever the list says.
    let (ranges, first) = (spec.get("podCIDRs"), spec.get("podCIDR"));
    let only = serde_json::json!([first.text()]);
    let agree = first.is_empty() || ranges.texts().next() == Some(first.text());
    let ranges = if agree { ranges } else { ranges.with(&only) };
    for range in ranges.items() {
        errors.text(&range, text::cidr);
    }
    let families = ranges.texts().filter(|range| range.contains(':')).count();
    if ranges.len() > 2 || ranges.len() == 2 && families != 1 {
        errors.invalid(&ranges, "may specify no more than one CIDR for each IP family");
    }
}

/// `ValidateNodeUpdate`.
pub fn node_update(object: &At, old: &At, errors: &mut Errors) {
    let (spec, old) = (object.get("spec"), old.get("spec"));
    for (field, shown) in [("podCIDRs", "podCIDR"), ("providerID", "providerID")] {
        let (new, before) = (spec.get(field), old.get(field));
        if !before.is_empty() && new.value() != before.value() {
            let why = format!("node updates may not change {shown} except from \"\" to valid");
            errors.forbidden(&new, &why);
        }
    }
}

/// `ValidateLease`.
pub fn lease(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (duration, transitions) = (spec.get("leaseDurationSeconds"), spec.get("leaseTransitions"));
    if duration.is_set() && duration.int() <= 0 {
        errors.invalid(&duration, "must be greater than 0");
    }
    if transitions.int() < 0 {
        errors.invalid(&transitions, "must be greater than or equal to 0");
    }
}

/// `ValidateRuntimeClass`.
pub fn runtime_class(object: &At, errors: &mut Errors) {
    let handler = object.get("handler");
    errors.text_as(&handler, handler.text(), text::dns_label);
    let overhead = object.get("overhead");
    let limits = serde_json::json!({ "limits": overhead.get("podFixed").value() });
    super::resources::validate_container(&overhead.with(&limits), &[], errors);
    let scheduling = object.get("scheduling");
    validate_labels(&scheduling.get("nodeSelector"), errors);
    let tolerations = scheduling.get("tolerations");
    scheduling::validate_tolerations(&tolerations, errors);
    for (index, toleration) in tolerations.items().enumerate() {
        if tolerations
            .items()
            .take(index)
            .any(|before| toleration_key(before.value()) == toleration_key(toleration.value()))
        {
            errors.duplicate_as(&toleration, &internal::dump("Toleration", toleration.value()));
        }
    }
}

/// What tells tolerations of a class apart.
fn toleration_key(toleration: &serde_json::Value) -> [&str; 4] {
    ["key", "operator", "value", "effect"].map(|field| toleration[field].as_str().unwrap_or_default())
}

/// `ValidateRuntimeClassUpdate`.
pub fn runtime_class_update(object: &At, old: &At, errors: &mut Errors) {
    errors.immutable(&object.get("handler"), &old.get("handler"));
}

/// `ValidateRole`.
pub fn role(object: &At, errors: &mut Errors) {
    validate_policy_rules(object, true, errors);
}

/// `ValidateClusterRole`.
pub fn cluster_role(object: &At, errors: &mut Errors) {
    validate_policy_rules(object, false, errors);
    let rule = object.get("aggregationRule");
    let selectors = rule.get("clusterRoleSelectors");
    if rule.is_set() && selectors.is_empty() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.required(&selectors, why);
    }
    for selector in selectors.items() {
        validate_selector(&selector, errors);
    }
}

fn validate_policy_rules(object: &At, namespaced: bool, errors: &mut Errors) {
    for rule in object.get("rules").items() {
        if rule.get("verbs").is_empty() {
            errors.required(&rule.get("verbs"), "verbs must contain at least one value");
        }
        let urls = rule.get("nonResourceURLs");
        if !urls.is_empty() {
            if namespaced {
                errors.invalid(&urls, "namespaced rules cannot apply to non-resource URLs");
            }
            if ["apiGroups", "resources", "resourceNames"].iter().any(|field| !rule.get(field).is_empty()) {
                errors.invalid(&urls, "rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if rule.get("apiGroups").is_empty() {
            errors.required(&rule.get("apiGroups"), "resource rules must supply at least one api group");
        }
        if rule.get("resources").is_empty() {
            errors.required(&rule.get("resources"), "resource rules must supply at least one resource");
        }
    }
}

/// `ValidateRoleBinding`.
pub fn role_binding(object: &At, errors: &mut Errors) {
    validate_binding(object, true, errors);
}

/// `ValidateClusterRoleBinding`.
pub fn cluster_role_binding(object: &At, errors: &mut Errors) {
    validate_binding(object, false, errors);
}

fn validate_binding(object: &At, namespaced: bool, errors: &mut Errors) {
    let role = object.get("roleRef");
    errors.one_of(&role.get("apiGroup"), &[RBAC]);
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    errors.one_of(&role.get("kind"), kinds);
    if !errors.require(&role.get("name")) {
        errors.text(&role.get("name"), text::path_segment);
    }
    for subject in object.get("subjects").items() {
        let (name, group) = (subject.get("name"), subject.get("apiGroup"));
        errors.require(&name);
        match subject.get("kind").text() {
            "ServiceAccount" => {
                if !name.is_empty() {
                    errors.text(&name, text::dns_subdomain);
                }
                if !group.is_empty() {
                    errors.unsupported(&group, &[""]);
                }
                if !namespaced {
                    errors.require(&subject.get("namespace"));
                }
            }
            "User" | "Group" => {
                errors.one_of(&group, &[RBAC]);
            }
            _ => errors.unsupported(&subject.get("kind"), &["ServiceAccount", "User", "Group"]),
        }
    }
}

/// `ValidateRoleBindingUpdate`.
pub fn role_binding_update(object: &At, old: &At, errors: &mut Errors) {
    let role = object.get("roleRef");
    if role.value() != old.get("roleRef").value() {
        errors.invalid_as(&role, &internal::dump("RoleRef", role.value()), "cannot change roleRef");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::at::check;
    use super::*;

    #[test]
    fn the_ranges_of_a_nodes_pods_are_checked_in_either_field() {
        let cases = [
            (json!({"podCIDR": "10.244.1.0/24"}), None),
            (json!({"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "2001:db8::/64"]}), None),
            (
                json!({"podCIDR": "10.244.1.5/24"}),
                Some("\"10.244.1.5/24\": must not have bits set beyond the prefix length"),
            ),
            (
                json!({"podCIDR": "x", "podCIDRs": ["10.244.1.0/24"]}),
                Some("\"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
            ),
        ];
        for (spec, why) in cases {
            let want = why.map(|why| format!("spec.podCIDRs[0]: Invalid value: {why}"));
            check(node, &json!({ "spec": spec }), want.as_deref().as_slice());
        }
    }

    #[test]
    fn what_a_runtime_takes_and_tolerates_is_checked() {
        let class = serde_json::json!({
            "handler": "h", "overhead": {"podFixed": {"cpu": "-1"}},
            "scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}, {"key": "a", "operator": "Exists"}]},
        });
        super::super::at::check(
            runtime_class,
            &class,
            &[
                "overhead.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
                "scheduling.tolerations[1]: Duplicate value: {\"Key\":\"a\",\"Operator\":\"Exists\",\"Value\":\"\",\"Effect\":\"\",\
                 \"TolerationSeconds\":null}",
            ],
        );
    }
}
