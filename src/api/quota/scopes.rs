//! Which objects a quota takes in: those of all its scopes (`pkg/quota/v1/evaluator/core`).

use super::super::k8s::{PodSpec, ResourceQuotaSpec};
use super::super::{Object, PersistentVolumeClaim, Pod, ResourceQuota};
use super::pod_total;

/// Whether a quota's scopes take an object in. Scopes speak of pods, and one of claims.
pub fn concerns(quota: &ResourceQuota, object: &Object) -> bool {
    let scopes = scopes(&quota.spec);
    match object {
        _ if scopes.is_empty() => true,
        Object::Pod(pod) => scopes.iter().all(|scope| in_scope(pod, scope)),
        Object::PersistentVolumeClaim(claim) => scopes.iter().all(|scope| claim_in_scope(claim, scope)),
        _ => false,
    }
}

struct Scope<'a> {
    name: &'a str,
    operator: &'a str,
    values: &'a [String],
}

impl Scope<'_> {
    /// Whether it takes in what bears a name of its sort, or none.
    fn takes(&self, name: Option<&str>) -> bool {
        let listed = name.is_some_and(|name| self.values.iter().any(|value| value == name));
        match self.operator {
            "In" => listed,
            "NotIn" => !listed,
            "DoesNotExist" => name.is_none(),
            _ => name.is_some(),
        }
    }
}

fn scopes(spec: &ResourceQuotaSpec) -> Vec<Scope<'_>> {
    let plain = spec.scopes.iter().flatten();
    let plain = plain.map(|name| Scope { name, operator: "Exists", values: &[] });
    let selected =
        spec.scope_selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten());
    let selected = selected.map(|expression| Scope {
        name: &expression.scope_name,
        operator: &expression.operator,
        values: expression.values.as_deref().unwrap_or_default(),
    });
    plain.chain(selected).collect()
}

fn in_scope(pod: &Pod, scope: &Scope<'_>) -> bool {
    let bounded = is_bounded(pod);
    let best_effort = || pod_total(pod, false).is_empty() && pod_total(pod, true).is_empty();
    match scope.name {
        "Terminating" => bounded,
        "NotTerminating" => !bounded,
        "BestEffort" => best_effort(),
        "NotBestEffort" => !best_effort(),
        "PriorityClass" => {
            let class = pod.spec.priority_class_name.as_deref().filter(|class| !class.is_empty());
            scope.takes(class)
        }
        "CrossNamespacePodAffinity" => crosses_namespaces(&pod.spec),
        _ => false,
    }
}

/// Whether a pod has a deadline: then it counts as one that ends, for the scopes `Terminating` and `NotTerminating`.
pub fn is_bounded(pod: &Pod) -> bool {
    pod.spec.active_deadline_seconds.is_some_and(|seconds| seconds >= 0)
}

/// A claim is in scope by any of the attributes classes that it has, wants or is on its way to.
fn claim_in_scope(claim: &PersistentVolumeClaim, scope: &Scope<'_>) -> bool {
    let modified = claim.status.modify_volume_status.as_ref();
    let classes = [
        claim.spec.volume_attributes_class_name.as_deref(),
        claim.status.current_volume_attributes_class_name.as_deref(),
        modified.and_then(|status| status.target_volume_attributes_class_name.as_deref()),
    ];
    let mut classes = classes.into_iter().flatten().filter(|class| !class.is_empty()).peekable();
    scope.name == "VolumeAttributesClass"
        && if classes.peek().is_none() {
            scope.takes(None)
        } else {
            classes.any(|class| scope.takes(Some(class)))
        }
}

fn crosses_namespaces(spec: &PodSpec) -> bool {
    let Some(affinity) = &spec.affinity else { return false };
    let near = affinity.pod_affinity.iter().flat_map(|a| {
        let preferred = a.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        let required = a.required_during_scheduling_ignored_during_execution.iter().flatten();
        required.chain(preferred.map(|term| &term.pod_affinity_term))
    });
    let apart = affinity.pod_anti_affinity.iter().flat_map(|a| {
        let preferred = a.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        let required = a.required_during_scheduling_ignored_during_execution.iter().flatten();
        required.chain(preferred.map(|term| &term.pod_affinity_term))
    });
    near.chain(apart).any(|term| {
        term.namespaces.as_ref().is_some_and(|names| !names.is_empty()) || term.namespace_selector.is_some()
    })
}
