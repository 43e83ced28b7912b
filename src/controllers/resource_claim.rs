//! The resource claim controller: makes the claims that pods ask for by template, and takes the devices back from claims that
//! nobody uses any more. Models `pkg/controller/resourceclaim`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ref_manager::{controller_reference, gone_is_fine};
use super::{Action, Controller};
use crate::api::k8s::{PodResourceClaim, PodResourceClaimStatus};
use crate::api::{Key, Kind, MetaExt, Object, Pod, Status, typed};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};

/// What says for which of a pod's claims an object was made.
const POD_CLAIM_NAME: &str = "resource.kubernetes.io/pod-claim-name";
/// What keeps an allocated claim until nobody uses it.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

/// The controller. It remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceClaimController;

impl Controller for ResourceClaimController {
    fn name(&self) -> &'static str {
        "resourceclaim-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::POD, Kind::RESOURCE_CLAIM, Kind::RESOURCE_CLAIM_TEMPLATE]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let mut add = |key: Key| queue.add(key, Some(change.revision));
        match &**change.object() {
            Object::Pod(pod) if pod.spec.resource_claims.is_some() => {
                add(change.key.clone());
                claims_of(pod).for_each(add);
            }
            Object::Pod(_) => {}
            claim if claim.kind() == Kind::RESOURCE_CLAIM => add(change.key.clone()),
            template => {
                let wants = |pod: &&Pod| {
                    let mut claims = pod.spec.resource_claims.iter().flatten();
                    claims.any(|it| it.resource_claim_template_name.as_deref() == Some(template.name()))
                };
                for pod in view.list::<Pod>(Some(template.namespace())).filter(wants) {
                    add(Key::new(Kind::POD, pod.namespace(), pod.name()));
                }
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        if key.kind == Kind::RESOURCE_CLAIM {
            if let Some(claim) = view.object(key).cloned() {
                sync_claim(&claim, client)?;
            }
        } else if let Some(pod) = view.get::<Pod>(&key.namespace, &key.name).cloned()
            && !is_done(&pod)
        {
            make_claims(&pod, client)?;
        }
        Ok(Action::AwaitChange)
    }
}

/// The keys of the claims that a pod uses, as far as they are known.
fn claims_of(pod: &Pod) -> impl Iterator<Item = Key> {
    let named = pod.spec.resource_claims.iter().flatten().filter_map(|it| it.resource_claim_name.as_ref());
    let made = pod.status.resource_claim_statuses.iter().flatten();
    let made = made.filter_map(|it| it.resource_claim_name.as_ref());
    named.chain(made).map(|name| Key::new(Kind::RESOURCE_CLAIM, pod.namespace(), name))
}

/// Whether a pod will not use its claims any more (`isPodDone`).
fn is_done(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
        || pod.is_deleting() && pod.spec.node_name.as_deref().unwrap_or_default().is_empty()
}

/// Makes the claims that the pod wants by template and does not have, and tells the pod their names.
fn make_claims(pod: &Pod, client: &mut Client<'_>) -> Result<(), Status> {
    for wanted in pod.spec.resource_claims.iter().flatten() {
        let Some(template) = &wanted.resource_claim_template_name else { continue };
        let current = client.live().get::<Pod>(pod.namespace(), pod.name()).cloned();
        let Some(mut current) = current.filter(|current| current.uid() == pod.uid()) else { return Ok(()) };
        let is_it = |known: &PodResourceClaimStatus| known.name == wanted.name;
        if current.status.resource_claim_statuses.iter().flatten().any(is_it) {
            continue;
        }
        let name = match made_before(pod, wanted, client.live()) {
            Some(name) => name,
            None => make_claim(pod, wanted, template, client).inspect_err(|refused| {
                let words = format!("PodResourceClaim {}: {}", wanted.name, refused.message);
                client.event(reference(pod), EventType::Warning, "FailedResourceClaimCreation", words);
            })?,
        };
        let known = PodResourceClaimStatus { name: wanted.name.clone(), resource_claim_name: Some(name) };
        Arc::make_mut(&mut current.status).resource_claim_statuses.get_or_insert_default().push(known);
        gone_is_fine(client.update_status(current, None))?;
    }
    Ok(())
}

fn made_before(pod: &Pod, wanted: &PodResourceClaim, live: &View) -> Option<String> {
    let is_it = |claim: &&Arc<Object>| {
        claim.is_controlled_by(pod.uid()) && claim.annotation(POD_CLAIM_NAME) == Some(&wanted.name)
    };
    let mut claims = live.objects(Kind::RESOURCE_CLAIM, Some(pod.namespace()));
    claims.find(is_it).map(|claim| claim.name().to_string())
}

fn make_claim(
    pod: &Pod,
    wanted: &PodResourceClaim,
    template: &str,
    client: &mut Client<'_>,
) -> Result<String, Status> {
    let key = Key::new(Kind::RESOURCE_CLAIM_TEMPLATE, pod.namespace(), template);
    let template = client.get(&key).map_err(|mut refused| {
        refused.message = format!("resource claim template {template:?}: {}", refused.message);
        refused
    })?;
    let spec = template.part("spec").into_owned();
    let mut annotations = spec["metadata"]["annotations"].clone();
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations[POD_CLAIM_NAME] = wanted.name.clone().into();
    let mut owner = controller_reference(pod);
    owner.block_owner_deletion = Some(true);
    let tree = json!({
        "metadata": {
            "generateName": format!("{}-{}-", pod.name(), wanted.name),
            "namespace": pod.namespace(),
            "labels": spec["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [typed::write(&owner)],
        },
        "spec": spec["spec"],
    });
    let claim = Object::from_value(Kind::RESOURCE_CLAIM, tree)
        .map_err(|error| Status::bad_request(error.to_string()))?;
    client.create_object(claim).map(|made| made.name().to_string())
}

/// Forgets the pods that are done; with the last of them the devices are given back, and a claim that was made for one pod goes.
fn sync_claim(claim: &Object, client: &mut Client<'_>) -> Result<(), Status> {
    let key = claim.key();
    let Some(current) = client.live().object(&key).cloned() else { return Ok(()) };
    let status = current.part("status").into_owned();
    let users = status["reservedFor"].as_array().cloned().unwrap_or_default();
    let live = client.live().clone();
    let uses = |user: &Value| {
        let pod = live.get::<Pod>(&key.namespace, user["name"].as_str().unwrap_or_default());
        user["resource"] != "pods" || pod.is_some_and(|pod| user["uid"] == *pod.uid() && !is_done(pod))
    };
    let valid: Vec<Value> = users.iter().filter(|user| uses(user)).cloned().collect();
    let gives_back = valid.is_empty() && (!users.is_empty() || current.is_deleting());
    let mut current = current;
    if valid.len() < users.len() || gives_back && !status["allocation"].is_null() {
        let mut tree = current.to_value();
        tree["status"] = match gives_back {
            true => json!({}),
            false => {
                json!({"allocation": status["allocation"], "devices": status["devices"], "reservedFor": valid})
            }
        };
        let changed =
            Object::from_value(key.kind, tree).map_err(|error| Status::bad_request(error.to_string()))?;
        current = client.update_object_status(changed)?;
    }
    let is_free = current.part("status")["allocation"].is_null();
    if is_free && current.meta().finalizers.iter().flatten().any(|known| known == FINALIZER) {
        let mut changed = (*current).clone();
        let finalizers = &mut changed.meta_mut().finalizers;
        finalizers.iter_mut().for_each(|list| list.retain(|known| known != FINALIZER));
        *finalizers = finalizers.take().filter(|list| !list.is_empty());
        match client.update_object(changed) {
            Ok(changed) => current = changed,
            refused => return gone_is_fine(refused).map(|_| ()),
        }
    }
    let owner = current.meta().owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    let owner = owner.filter(|owner| owner.kind == "Pod");
    let owner_is_done = |name: &str, uid: &str| {
        live.get::<Pod>(&key.namespace, name).is_none_or(|pod| pod.uid() != uid || is_done(pod))
    };
    if is_free && !current.is_deleting() && owner.is_some_and(|it| owner_is_done(&it.name, &it.uid)) {
        gone_is_fine(client.delete(&key, &DeleteOptions::default(), None))?;
    }
    Ok(())
}
