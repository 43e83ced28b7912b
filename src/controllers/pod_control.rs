//! What controllers do to their pods, with the events that say so on the owner (`RealPodControl`), and the pace at which they
//! create them.

use super::ref_manager::Owner;
use crate::api::explain::Explain;
use crate::api::{Key, Kind, MetaExt, Namespace, Pod, Status};
use crate::client::recorder::{EventType, reference_to};
use crate::client::{Client, DeleteOptions};

/// Calls `create` until it has succeeded `count` times, in batches that double (1, 2, 4 …), and stops after a batch with a
/// failure: a set whose pods are all refused makes one futile try, not five hundred. Returns the successes and the first
/// failure.
///
pub fn slow_start(
    count: usize,
    mut create: impl FnMut() -> Result<(), Status>,
) -> (usize, Result<(), Status>) {
    let (mut tried, mut made, mut batch) = (0, 0, 1);
    while tried < count {
        let mut result = Ok(());
        for _ in 0..batch.min(count - tried) {
            tried += 1;
            match create() {
                Ok(()) => made += 1,
                Err(refused) => result = result.and(Err(refused)),
            }
        }
        if result.is_err() {
            return (made, result);
        }
        batch *= 2;
    }
    (made, Ok(()))
}

/// Creates a pod for its owner.
///
/// # Errors
/// What the API server refused.
pub fn create(
    owner: &impl Owner,
    pod: Pod,
    explain: Option<Explain>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    match client.create(pod, explain) {
        Ok(pod) => {
            let message = format!("Created pod: {}", pod.name());
            client.event(reference_to(owner.kind(), owner), EventType::Normal, "SuccessfulCreate", message);
            Ok(())
        }
        // In a namespace that is going, pods are refused by design; the owner itself goes next.
        Err(_) if client.live().get::<Namespace>("", owner.namespace()).is_none_or(MetaExt::is_deleting) => {
            Ok(())
        }
        Err(refused) => {
            let message = format!("Error creating: {refused}");
            client.event(reference_to(owner.kind(), owner), EventType::Warning, "FailedCreate", message);
            Err(refused)
        }
    }
}

/// Deletes a pod for its owner.
///
/// # Errors
/// What the API server refused; that the pod is gone already is said, but makes no event.
pub fn delete(
    owner: &impl Owner,
    pod: &Pod,
    explain: Option<Explain>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    delete_named(owner, &Key::new(Kind::POD, pod.namespace(), pod.name()), explain, client)
}

/// The same, of a pod that is known by its name.
///
/// # Errors
/// As [`delete`].
pub fn delete_named(
    owner: &impl Owner,
    pod: &Key,
    explain: Option<Explain>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    match client.delete(pod, &DeleteOptions::default(), explain) {
        Ok(_) => {
            let message = format!("Deleted pod: {}", pod.name);
            client.event(reference_to(owner.kind(), owner), EventType::Normal, "SuccessfulDelete", message);
            Ok(())
        }
        Err(refused) => {
            if refused.code != 404 {
                let message = format!("Error deleting: {refused}");
                client.event(reference_to(owner.kind(), owner), EventType::Warning, "FailedDelete", message);
            }
            Err(refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creations_come_in_batches_that_double_and_end_with_the_first_failing_batch() {
        // count, failing from the n-th try on -> successes, tries
        let cases = [
            (10, 99, 10, 10),
            (10, 0, 0, 1),
            (10, 1, 1, 3),
            (10, 5, 5, 7),
            (500, 499, 499, 500),
            (0, 0, 0, 0),
        ];
        for (count, failing_from, want_made, want_tries) in cases {
            let mut tries = 0;
            let (made, result) = slow_start(count, || {
                tries += 1;
                if tries > failing_from { Err(Status::bad_request("no")) } else { Ok(()) }
            });
            assert_eq!((made, tries), (want_made, want_tries), "{count} pods, failing after {failing_from}");
            assert_eq!(result.is_err(), want_made < count, "{count} pods, failing after {failing_from}");
        }
    }
}
