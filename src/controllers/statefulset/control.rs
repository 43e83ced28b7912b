//! What a StatefulSet does to one pod, with the event that says so (`stateful_pod_control.go`).

use super::claims;
use super::identity;
use crate::api::status::Reason;
use crate::api::{Key, Kind, MetaExt, Pod, StatefulSet, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, DeleteOptions, View};

/// Makes a pod's claims, then the pod. Says whether the pod has been made: where there were claims to make, that is for a little
/// later, as each of them takes a call to the server, and others see the claim meanwhile.
///
/// # Errors
/// What the API server refused.
pub fn create_pod(
    set: &StatefulSet,
    pod: &Pod,
    view: &View,
    client: &mut Client<'_>,
) -> Result<bool, Status> {
    let claimed = claims::create_missing(set, pod, view, client);
    if claimed == Ok(true) {
        return Ok(false);
    }
    let mut result = claimed.map(drop);
    if result.is_ok() {
        result = client.create(pod.clone(), None).map(drop);
        match &result {
            Err(refused) if refused.reason == Reason::AlreadyExists => return result.map(|()| true),
            Err(_) => {}
            Ok(()) => {
                if let Err(refused) = claims::follow_policy(set, pod, view, client) {
                    return record(set, pod, "Update", Err(refused), client).map(|()| true);
                }
            }
        }
    }
    record(set, pod, "Create", result, client).map(|()| true)
}

/// Deletes a pod; one that is gone already is no failure.
///
/// # Errors
/// What the API server refused.
pub fn delete_pod(set: &StatefulSet, pod: &Pod, client: &mut Client<'_>) -> Result<(), Status> {
    let key = Key::new(Kind::POD, pod.namespace(), pod.name());
    let options = DeleteOptions { uid: Some(pod.uid().into()), ..DeleteOptions::default() };
    let result = client.delete(&key, &options, None).map(drop);
    if result.as_ref().is_err_and(|refused| refused.reason == Reason::NotFound) {
        return Ok(());
    }
    record(set, pod, "Delete", result, client)
}

/// Gives a pod its labels and claims back (`UpdateStatefulPod`).
///
/// # Errors
/// What the API server refused.
pub fn update_pod(set: &StatefulSet, pod: &Pod, view: &View, client: &mut Client<'_>) -> Result<(), Status> {
    let mut updated = pod.clone();
    let mut consistent = true;
    if !identity::identity_matches(set, pod) {
        identity::update_identity(set, &mut updated);
        consistent = false;
    }
    if !identity::storage_matches(set, pod) {
        identity::update_storage(set, &mut updated);
        consistent = false;
        if let Err(refused) = claims::create_missing(set, pod, view, client) {
            return record(set, pod, "Update", Err(refused), client);
        }
    }
    if !claims::policy_holds(set, pod, view)
        && let Err(refused) = claims::follow_policy(set, pod, view, client)
    {
        return record(set, pod, "Update", Err(refused), client);
    }
    if consistent {
        return Ok(());
    }
    let result = client.update(updated, None).map(drop);
    record(set, pod, "Update", result, client)
}

/// Says on the set what was done to a pod, or why it could not be done (`recordPodEvent`).
fn record(
    set: &StatefulSet,
    pod: &Pod,
    verb: &str,
    result: Result<(), Status>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let what = format!("{verb} Pod {} in StatefulSet {}", pod.name(), set.name());
    match &result {
        Ok(()) => {
            let (reason, message) = (format!("Successful{verb}"), format!("{what} successful"));
            client.event(reference(set), EventType::Normal, &reason, message);
        }
        Err(refused) => {
            let (reason, message) = (format!("Failed{verb}"), format!("{what} failed error: {refused}"));
            client.event(reference(set), EventType::Warning, &reason, message);
        }
    }
    result
}
