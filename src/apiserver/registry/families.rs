//! The families of addresses of Services, of which this cluster has one (`initIPFamilyFields` of the address allocators).

use serde_json::json;

use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::k8s::ServiceSpec;
use crate::api::typed;
use crate::apiserver::validation;

const HERE: &str = "IPv4";
const ELSEWHERE: &str = "IPv6";

/// Its endpoints are somebody's else, so that a Service without an address and a selector may be of families that the cluster lacks.
fn is_anybodys(spec: &ServiceSpec) -> bool {
    spec.cluster_ip.as_deref() == Some("None")
        && spec.selector.as_ref().is_none_or(|selector| selector.is_empty())
}

/// The policy that a Service has where it names none.
fn policy(spec: &ServiceSpec) -> &str {
    let own = if is_anybodys(spec) { "RequireDualStack" } else { "SingleStack" };
    spec.ip_family_policy.as_deref().unwrap_or(own)
}

/// Sets what the Service leaves open.
pub fn fill(spec: &mut ServiceSpec) {
    spec.ip_family_policy = Some(policy(spec).into());
    let both = is_anybodys(spec) && policy(spec) != "SingleStack";
    let families = spec.ip_families.get_or_insert_default();
    if families.is_empty() {
        families.push(HERE.into());
    }
    if both && families.len() == 1 {
        let other = if families[0] == HERE { ELSEWHERE } else { HERE };
        families.push(other.into());
    }
}

/// What is wrong with the families and addresses that a Service asks for. Each step is taken only when the one before it found nothing.
pub fn refused(spec: &ServiceSpec, old: Option<&ServiceSpec>) -> Vec<FieldError> {
    let kept = |old: &ServiceSpec| {
        let flexible = |spec: &ServiceSpec| spec.ip_family_policy.as_deref() == Some("PreferDualStack");
        flexible(old)
            && flexible(spec)
            && old.cluster_ips == spec.cluster_ips
            && old.ip_families == spec.ip_families
    };
    if spec.type_.as_deref() == Some("ExternalName") || old.is_some_and(kept) {
        return Vec::new();
    }
    let spec = &normal(spec);
    let errors = malformed(spec);
    if !errors.is_empty() {
        return errors;
    }
    let errors = at_odds(spec);
    if !errors.is_empty() || is_anybodys(spec) {
        return errors;
    }
    lacking(spec)
}

/// Who knows the one address only means a list of one (`NormalizeClusterIPs`).
fn normal(spec: &ServiceSpec) -> ServiceSpec {
    let mut spec = spec.clone();
    if let (Some(address), None) = (&spec.cluster_ip, &spec.cluster_ips) {
        spec.cluster_ips = Some(vec![address.clone()]).filter(|_| !address.is_empty());
    }
    spec
}

/// What is wrong whatever the cluster has.
fn malformed(spec: &ServiceSpec) -> Vec<FieldError> {
    validation::service_addresses(&json!({ "spec": typed::write(spec) }))
}

/// Two addresses or families are two stacks, and an address is of a family that the cluster has.
fn at_odds(spec: &ServiceSpec) -> Vec<FieldError> {
    let (path, mut errors) = (Path::new("spec"), Vec::new());
    let addresses = spec.cluster_ips.as_deref().unwrap_or_default();
    let families = spec.ip_families.as_deref().unwrap_or_default();
    if policy(spec) == "SingleStack" {
        for (count, what) in [(addresses.len(), "cluster IPs"), (families.len(), "IP families")] {
            if count == 2 {
                let why = format!(
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                );
                errors.push(FieldError::invalid(&path.child("ipFamilyPolicy"), quoted("SingleStack"), &why));
            }
        }
    }
    for (index, address) in addresses.iter().enumerate().skip(families.len()) {
        if address.contains(':') {
            let shown = json!(addresses).to_string();
            let why = format!("{ELSEWHERE} is not configured on this cluster");
            errors.push(FieldError::invalid(&path.child("clusterIPs").index(index), shown, &why));
        }
    }
    errors
}

/// What the cluster does not have.
fn lacking(spec: &ServiceSpec) -> Vec<FieldError> {
    let (path, mut errors) = (Path::new("spec"), Vec::new());
    if policy(spec) == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(&path.child("ipFamilyPolicy"), quoted("RequireDualStack"), why));
    }
    for (index, family) in spec.ip_families.iter().flatten().enumerate() {
        if family == ELSEWHERE {
            let at = path.child("ipFamilies").index(index);
            errors.push(FieldError::invalid(&at, quoted(family), "not configured on this cluster"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: serde_json::Value) -> ServiceSpec {
        typed::read(&spec).expect("a spec")
    }

    #[test]
    fn of_families_the_first_fault_that_is_found_counts() {
        let cases = [
            (json!({"ports": []}), vec![]),
            (
                json!({"clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.6"], "ipFamilies": ["IPv6"]}),
                vec![
                    "spec.clusterIPs: Invalid value: [\"10.96.0.6\"]: first value must match `clusterIP`",
                    "spec.clusterIPs[0]: Invalid value: \"10.96.0.6\": expected an IPv6 value as indicated by `ipFamilies[0]`",
                ],
            ),
            (
                json!({"ipFamilies": ["IPv4", "IPv6"]}),
                vec![
                    "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when \
                     multiple IP families are specified",
                ],
            ),
            (
                json!({"clusterIP": "2001:db8::1"}),
                vec![
                    "spec.clusterIPs[0]: Invalid value: [\"2001:db8::1\"]: IPv6 is not configured on this cluster",
                ],
            ),
            (
                json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}),
                vec![
                    "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
                    "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
                ],
            ),
            (json!({"clusterIP": "None", "ipFamilies": ["IPv6"]}), vec![]),
            (json!({"type": "ExternalName", "ipFamilies": ["IPv6"]}), vec![]),
        ];
        for (spec, want) in cases {
            let found: Vec<String> =
                refused(&service(spec.clone()), None).iter().map(ToString::to_string).collect();
            assert_eq!(found, want, "{spec}");
        }
    }

    #[test]
    fn without_address_and_selector_a_service_is_of_both_families() {
        let cases = [
            (json!({}), json!(["IPv4"]), "SingleStack"),
            (json!({"clusterIP": "None"}), json!(["IPv4", "IPv6"]), "RequireDualStack"),
            (
                json!({"clusterIP": "None", "ipFamilies": ["IPv6"]}),
                json!(["IPv6", "IPv4"]),
                "RequireDualStack",
            ),
            (json!({"clusterIP": "None", "ipFamilyPolicy": "SingleStack"}), json!(["IPv4"]), "SingleStack"),
            (json!({"clusterIP": "None", "selector": {"a": "b"}}), json!(["IPv4"]), "SingleStack"),
        ];
        for (spec, families, policy) in cases {
            let mut filled = service(spec.clone());
            fill(&mut filled);
            assert_eq!(json!(filled.ip_families), families, "{spec}");
            assert_eq!(filled.ip_family_policy.as_deref(), Some(policy), "{spec}");
        }
    }
}
