//! The rules of the statuses of nodes, pods, claims and certificate signing requests.

use serde_json::Value;

use super::at::{At, Errors};
use super::resources::{validate_amount, validate_nonnegative};
use super::{internal, text};
use crate::api::field_error::quoted;

/// `ValidateNodeUpdate`, as far as it is about the status.
pub fn node(object: &At, _: &At, errors: &mut Errors) {
    validate_node_amounts(object, errors);
    let status = object.get("status");
    let addresses = status.get("addresses");
    for (index, address) in addresses.items().enumerate() {
        if addresses.items().take(index).any(|before| before.value() == address.value()) {
            errors.duplicate_as(&address, &internal::dump("NodeAddress", address.value()));
        }
    }
}

/// `ValidateNodeResources`. The names of resources are parts of the path like any other.
pub fn validate_node_amounts(object: &At, errors: &mut Errors) {
    let status = object.get("status");
    for list in ["capacity", "allocatable"] {
        let amounts = status.get(list);
        for name in amounts.keys() {
            let amount = amounts.key(name);
            validate_amount(&amounts.named(name).with(amount.value()), name, errors);
        }
    }
}

/// `ValidatePodStatusUpdate`.
pub fn pod(object: &At, old: &At, errors: &mut Errors) {
    const SYSTEM_CONDITIONS: [&str; 3] = ["PodScheduled", "Ready", "Initialized"];
    let (spec, status, before) = (object.get("spec"), object.get("status"), old.get("status"));
    // Conditions are said to be in the metadata.
    let metadata = object.get("metadata");
    let said = status.get("conditions");
    let conditions = metadata.named("conditions").with(said.value());
    for condition in conditions.items() {
        let type_ = condition.get("type");
        if !SYSTEM_CONDITIONS.contains(&type_.text()) {
            errors.text_as(&condition.named("Type"), type_.text(), text::qualified_name);
        }
    }
    let nominated = status.get("nominatedNodeName");
    if !nominated.is_empty() && nominated.text() != before.get("nominatedNodeName").text() {
        errors.text(&nominated, text::dns_subdomain);
    }
    errors.immutable(&status.get("qosClass"), &before.get("qosClass"));
    let policy = spec.get("restartPolicy");
    for (list, policy) in [
        ("containerStatuses", policy.text()),
        ("initContainerStatuses", policy.text()),
        // A debugging container is never started again.
        ("ephemeralContainerStatuses", "Never"),
    ] {
        validate_transitions(&status.get(list), &before.get(list), policy, &spec, errors);
    }
    validate_addresses(&status, ["podIP", "podIPs"], errors);
    validate_addresses(&status, ["hostIP", "hostIPs"], errors);
}

/// `ValidateContainerStateTransition`: what has ended for good does not run again. Places are those of the old list.
fn validate_transitions(new: &At, old: &At, policy: &str, spec: &At, errors: &mut Errors) {
    if policy == "Always" {
        return;
    }
    let sidecars = spec.get("initContainers");
    let is_sidecar = |name: &str| {
        let mut found = sidecars.items().filter(|container| container.get("name").text() == name);
        found.any(|container| container.get("restartPolicy").text() == "Always")
    };
    for (index, before) in old.items().enumerate() {
        let (ended, name) = (before.get("state.terminated"), before.get("name"));
        let failed = ended.get("exitCode").int() != 0;
        if !ended.is_set() || failed && policy == "OnFailure" || is_sidecar(name.text()) {
            continue;
        }
        let runs = |now: &At| now.get("name").text() == name.text() && !now.get("state.terminated").is_set();
        for _ in new.items().filter(runs) {
            let place = new.index(index);
            errors.forbidden(&place.get("state"), "may not be transitioned to non-terminated state");
        }
    }
}

/// `validatePodIPs`, `validateHostIPs`: a list of at most one address per family, the first of which has a field of its own.
fn validate_addresses(status: &At, [one, all]: [&str; 2], errors: &mut Errors) {
    let (one_name, one, all) = (one, status.get(one), status.get(all));
    if all.is_empty() {
        return;
    }
    let first = all.index(0);
    if first.get("ip").text() != one.text() {
        errors.invalid(&first.get("ip"), &format!("must be equal to `{one_name}`"));
    }
    for item in all.items() {
        errors.text_as(&item, item.get("ip").text(), text::ip);
    }
    let addresses: Vec<&str> = all.items().map(|item| item.get("ip").text()).collect();
    let of_six = addresses.iter().filter(|address| address.contains(':')).count();
    if addresses.len() > 2 || addresses.len() == 2 && of_six != 1 {
        let shown = internal::dump_list("PodIP", all.value());
        errors.invalid_as(&all, &shown, "may specify no more than one IP for each IP family");
    }
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].contains(address) {
            errors.duplicate_as(&all.index(index), &quoted(address));
        }
    }
}

/// `ValidatePersistentVolumeClaimStatusUpdate`.
pub fn claim(object: &At, _: &At, errors: &mut Errors) {
    let capacity = object.get("status");
    let capacity = capacity.get("capacity");
    for name in capacity.keys() {
        validate_nonnegative(&capacity.key(name), errors);
    }
}

/// The conditions that a signing request gets by `approval` alone.
const JUDGEMENTS: [&str; 2] = ["Approved", "Denied"];

/// `ValidateCertificateSigningRequestStatusUpdate`.
pub fn signing_request(object: &At, old: &At, errors: &mut Errors) {
    let (status, before) = (object.get("status"), old.get("status"));
    validate_judged(&status, &before, errors);
    let conditions = status.get("conditions");
    for type_ in JUDGEMENTS {
        let (new, old) = (conditions_of(&status, type_), conditions_of(&before, type_));
        if new.len() > old.len() {
            errors.forbidden(&conditions, &format!("updates may not add a condition of type {type_:?}"));
        } else if new.len() == old.len() && new != old {
            errors.forbidden(&conditions, &format!("updates may not modify a condition of type {type_:?}"));
        }
    }
    let (certificate, issued) = (status.get("certificate"), before.get("certificate"));
    if !issued.is_empty() && certificate.text() != issued.text() {
        errors.forbidden(&certificate, "updates may not modify existing certificate content");
    }
}

/// `ValidateCertificateSigningRequestApprovalUpdate`. Of the certificate nothing is written here.
pub fn approval(object: &At, old: &At, errors: &mut Errors) {
    validate_judged(&object.get("status"), &old.get("status"), errors);
}

fn conditions_of<'v>(status: &At<'_, 'v>, type_: &str) -> Vec<&'v Value> {
    let conditions = status.get("conditions");
    let of_type = conditions.items().filter(|condition| condition.get("type").text() == type_);
    of_type.map(|condition| condition.value()).collect()
}

/// What holds for the conditions of a signing request however they are written.
fn validate_judged(status: &At, old: &At, errors: &mut Errors) {
    let conditions = status.get("conditions");
    for (index, condition) in conditions.items().enumerate() {
        let type_ = condition.get("type");
        errors.require(&type_);
        let only_true = [JUDGEMENTS[0], JUDGEMENTS[1], "Failed"].contains(&type_.text());
        let known: &[&str] = if only_true { &["True"] } else { &["False", "True", "Unknown"] };
        errors.required_one_of(&condition.get("status"), known);
        let had =
            |wanted: &str| conditions.items().take(index).any(|before| before.get("type").text() == wanted);
        let other = match type_.text() {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if !other.is_empty() && had(other) {
            errors.invalid(
                &conditions.with(type_.value()),
                "Approved and Denied conditions are mutually exclusive",
            );
        }
        if had(type_.text()) {
            errors.duplicate(&type_);
        }
    }
    for type_ in [JUDGEMENTS[0], JUDGEMENTS[1], "Failed"] {
        if conditions_of(status, type_).len() < conditions_of(old, type_).len() {
            errors.forbidden(&conditions, &format!("updates may not remove a condition of type {type_:?}"));
        }
    }
}
