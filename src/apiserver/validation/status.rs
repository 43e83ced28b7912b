//! The rules of statuses that somebody writes by hand, through the subresource.

use super::Change;
use super::at::{At, Errors};
use super::{core_status, text};
use crate::api::Kind;
use crate::api::field_error::quoted;

/// What holds for the counts in a status.
struct Counts {
    /// None of them is negative.
    counts: &'static [&'static str],
    /// None of these is more than `replicas`.
    bounded: &'static [&'static str],
    /// How a refusal names the count of the ready, where the available are bounded by it.
    ready: Option<&'static str>,
}

const DEPLOYMENT: Counts = Counts {
    counts: &[
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ],
    bounded: &["updatedReplicas", "readyReplicas", "availableReplicas"],
    ready: Some("readyReplicas"),
};
const REPLICA_SET: Counts = Counts {
    counts: &[
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "terminatingReplicas",
        "observedGeneration",
    ],
    bounded: &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
    ready: Some("readyReplicas"),
};
const STATEFUL_SET: Counts = Counts {
    counts: &[
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ],
    bounded: &["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
    ready: Some("status.readyReplicas"),
};
const DAEMON_SET: Counts = Counts {
    counts: &[
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ],
    bounded: &[],
    ready: None,
};

/// The rules of the statuses of a kind, where there are any.
pub fn rules(kind: Kind) -> Option<Change> {
    Some(match kind {
        Kind::DEPLOYMENT => |new, old, errors| validate_counts(new, old, &DEPLOYMENT, errors),
        Kind::REPLICA_SET | Kind::REPLICATION_CONTROLLER => {
            |new, old, errors| validate_counts(new, old, &REPLICA_SET, errors)
        }
        Kind::STATEFUL_SET => |new, old, errors| validate_counts(new, old, &STATEFUL_SET, errors),
        Kind::DAEMON_SET => |new, old, errors| validate_counts(new, old, &DAEMON_SET, errors),
        Kind::POD_DISRUPTION_BUDGET => budget,
        Kind::JOB => super::job_status::job,
        Kind::SERVICE => service,
        Kind::INGRESS => ingress,
        Kind::NAMESPACE => namespace,
        Kind::HORIZONTAL_POD_AUTOSCALER => autoscaler,
        Kind::RESOURCE_QUOTA => super::config::resource_quota_status,
        Kind::NODE => core_status::node,
        Kind::POD => core_status::pod,
        Kind::PERSISTENT_VOLUME_CLAIM => core_status::claim,
        Kind::CERTIFICATE_SIGNING_REQUEST => core_status::signing_request,
        _ => return None,
    })
}

fn validate_counts(object: &At, old: &At, rules: &Counts, errors: &mut Errors) {
    let (status, old) = (object.get("status"), old.get("status"));
    for count in rules.counts {
        errors.non_negative(&status.get(count));
    }
    let all = status.get("replicas").int();
    for count in rules.bounded.iter().filter(|count| status.get(count).int() > all) {
        errors.invalid(&status.get(count), "cannot be greater than status.replicas");
    }
    let available = status.get("availableReplicas");
    if let Some(ready) = rules.ready.filter(|_| available.int() > status.get("readyReplicas").int()) {
        errors.invalid(&available, &format!("cannot be greater than {ready}"));
    }
    let collisions = status.get("collisionCount");
    let before = old.get("collisionCount");
    if before.is_set() && (!collisions.is_set() || collisions.int() < before.int()) {
        errors.invalid_int(&collisions, "cannot be decremented");
    }
}

/// `ValidatePodDisruptionBudgetStatusUpdate`.
fn budget(object: &At, _: &At, errors: &mut Errors) {
    let status = object.get("status");
    validate_conditions(&status.get("conditions"), errors);
    for count in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
        errors.non_negative(&status.get(count));
    }
}

/// `ValidateHorizontalPodAutoscalerStatusUpdate`.
fn autoscaler(object: &At, _: &At, errors: &mut Errors) {
    let status = object.get("status");
    for count in ["currentReplicas", "desiredReplicas"] {
        errors.non_negative(&status.get(count));
    }
}

/// Conditions of the common form (`ValidateConditions`).
fn validate_conditions(conditions: &At, errors: &mut Errors) {
    const REASON_BYTES_MAX: usize = 1024;
    const MESSAGE_BYTES_MAX: usize = 32 * 1024;
    for (index, condition) in conditions.items().enumerate() {
        let type_ = condition.get("type");
        if conditions.items().take(index).any(|other| other.get("type").text() == type_.text()) {
            errors.duplicate(&type_);
        }
        errors.text_as(&type_, type_.text(), text::qualified_name);
        errors.one_of(&condition.get("status"), &["False", "True", "Unknown"]);
        let seen = condition.get("observedGeneration");
        if seen.int() < 0 {
            errors.invalid(&seen, "must be greater than or equal to zero");
        }
        let (since, reason) = (condition.get("lastTransitionTime"), condition.get("reason"));
        if !since.is_set() {
            errors.required(&since, "must be set");
        }
        if reason.is_empty() {
            errors.required(&reason, "must be set");
        } else {
            if !is_reason(reason.text()) {
                errors.invalid(&reason, REASON_FORM);
            }
            if reason.text().len() > REASON_BYTES_MAX {
                errors.too_long(&reason, REASON_BYTES_MAX);
            }
        }
        let message = condition.get("message");
        if message.text().len() > MESSAGE_BYTES_MAX {
            errors.too_long(&message, MESSAGE_BYTES_MAX);
        }
    }
}

const REASON_FORM: &str = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric \
                           characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  \
                           or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is \
                           '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";

fn is_reason(reason: &str) -> bool {
    let within = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ',' | ':');
    reason.starts_with(|char: char| char.is_ascii_alphabetic())
        && reason.chars().all(within)
        && !reason.ends_with([',', ':'])
}

/// `ValidateServiceStatusUpdate`.
fn service(object: &At, _: &At, errors: &mut Errors) {
    let status = object.get("status");
    let balancer = status.get("loadBalancer");
    let points = balancer.get("ingress");
    if object.get("spec.type").text() != "LoadBalancer" && !points.is_empty() {
        errors.forbidden(&points, "may only be used when `spec.type` is 'LoadBalancer'");
        return;
    }
    for point in points.items() {
        let (address, mode) = (point.get("ip"), point.get("ipMode"));
        validate_address(&address, errors);
        if mode.is_set() && address.is_empty() {
            errors.forbidden(&mode, "may not be specified when `ip` is not set");
        } else if mode.is_set() {
            errors.one_of(&mode, &["Proxy", "VIP"]);
        }
        validate_hostname(&point.get("hostname"), errors);
    }
}

/// `ValidateIngressStatusUpdate`.
fn ingress(object: &At, _: &At, errors: &mut Errors) {
    let status = object.get("status");
    let balancer = status.get("loadBalancer");
    for point in balancer.get("ingress").items() {
        validate_address(&point.get("ip"), errors);
        validate_hostname(&point.get("hostname"), errors);
    }
}

fn validate_address(at: &At, errors: &mut Errors) {
    if !at.is_empty() {
        errors.text(at, text::ip);
    }
}

fn validate_hostname(at: &At, errors: &mut Errors) {
    if at.is_empty() {
        return;
    }
    errors.text(at, text::dns_subdomain);
    if at.text().parse::<std::net::IpAddr>().is_ok() {
        errors.invalid(at, "must be a DNS name, not an IP address");
    }
}

/// `ValidateNamespaceStatusUpdate`. The field has a capital in errors.
fn namespace(object: &At, _: &At, errors: &mut Errors) {
    let (status, marked) = (object.get("status"), object.get("metadata.deletionTimestamp").is_set());
    let (phase, least) = (status.get("phase"), if marked { "Terminating" } else { "Active" });
    if phase.text() != least {
        let not = if marked { "is not empty" } else { "is empty" };
        let why = format!("may only be '{least}' if `deletionTimestamp` {not}");
        errors.invalid_as(&status.named("Phase"), &quoted(phase.text()), &why);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn refused(kind: Kind, old: Value, new: Value, want: &[&str]) {
        let mut errors = Errors::default();
        rules(kind).expect("rules")(&At::root(&new), &At::root(&old), &mut errors);
        let found: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(found, want, "{new}");
    }

    #[test]
    fn counts_of_replicas_fit_each_other() {
        refused(
            Kind::DEPLOYMENT,
            json!({"status": {"collisionCount": 2}}),
            json!({"status": {"replicas": 2, "readyReplicas": 3, "availableReplicas": 4, "unavailableReplicas": -1}}),
            &[
                "status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0",
                "status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 4: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 4: cannot be greater than readyReplicas",
                "status.collisionCount: Invalid value: 0: cannot be decremented",
            ],
        );
        refused(
            Kind::STATEFUL_SET,
            json!({}),
            json!({"status": {"replicas": 2, "readyReplicas": 1, "availableReplicas": 2}}),
            &["status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas"],
        );
        refused(Kind::DAEMON_SET, json!({}), json!({"status": {"numberReady": 3}}), &[]);
    }

    #[test]
    fn conditions_of_a_budget_are_whole() {
        let condition = |type_: &str, reason: &str| json!({"type": type_, "status": "True", "reason": reason, "lastTransitionTime": "2026-01-01T00:00:00Z"});
        refused(
            Kind::POD_DISRUPTION_BUDGET,
            json!({}),
            json!({"status": {"conditions": [condition("A", "Ok"), condition("A", "not ok")], "currentHealthy": -1}}),
            &[
                "status.conditions[1].type: Duplicate value: \"A\"",
                &format!("status.conditions[1].reason: Invalid value: \"not ok\": {REASON_FORM}"),
                "status.currentHealthy: Invalid value: -1: must be greater than or equal to 0",
            ],
        );
        refused(
            Kind::POD_DISRUPTION_BUDGET,
            json!({}),
            json!({"status": {"conditions": [{"type": "A", "status": "yes"}]}}),
            &[
                "status.conditions[0].status: Unsupported value: \"yes\": supported values: \"False\", \"True\", \"Unknown\"",
                "status.conditions[0].lastTransitionTime: Required value: must be set",
                "status.conditions[0].reason: Required value: must be set",
            ],
        );
    }

    #[test]
    fn points_of_entry_belong_to_load_balancers_and_have_addresses_or_names() {
        let service = |type_: &str, points: Value| json!({"spec": {"type": type_}, "status": {"loadBalancer": {"ingress": points}}});
        refused(
            Kind::SERVICE,
            json!({}),
            service("LoadBalancer", json!([{"ip": "192.0.2.1"}, {"hostname": "a.b"}])),
            &[],
        );
        refused(
            Kind::SERVICE,
            json!({}),
            service("ClusterIP", json!([{"ip": "192.0.2.1"}])),
            &["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
        );
        refused(
            Kind::INGRESS,
            json!({}),
            json!({"status": {"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "192.0.2.1"}]}}}),
            &[
                "status.loadBalancer.ingress[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or \
                 2001:db8::ffff)",
                "status.loadBalancer.ingress[1].hostname: Invalid value: \"192.0.2.1\": must be a DNS name, not an IP address",
            ],
        );
    }

    #[test]
    fn counts_of_autoscalers_and_quotas_are_not_negative() {
        refused(
            Kind::HORIZONTAL_POD_AUTOSCALER,
            json!({}),
            json!({"status": {"currentReplicas": -1, "desiredReplicas": -2}}),
            &[
                "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0",
                "status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0",
            ],
        );
        refused(
            Kind::RESOURCE_QUOTA,
            json!({}),
            json!({"status": {"hard": {"pods": "-1", "cpu": "1500m"}, "used": {"pods": "1500m"}}}),
            &[
                "status.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0",
                "status.used[pods]: Invalid value: \"1500m\": must be an integer",
            ],
        );
    }

    #[test]
    fn a_namespace_ends_when_it_is_deleted() {
        refused(
            Kind::NAMESPACE,
            json!({}),
            json!({"metadata": {}, "status": {"phase": "Terminating"}}),
            &[
                "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
            ],
        );
    }
}
