//! Binds claims to volumes (`pkg/controller/volume/persistentvolume`). A claim without a volume gets the smallest that fits, or
//! one that its class's provisioner makes: at once, or once a pod that needs it has a node.

use std::sync::Arc;

use super::{
    NO_PROVISIONER, OLD_CLASS, PROVISIONER, SELECTED_NODE, bytes, claim_key, claim_of, claims_of, class_of,
    class_of_volume, is_for, kept_for, requested,
};
use crate::api::selector::Selector;
use crate::api::{
    Key, Kind, MetaExt, Object, PersistentVolume, PersistentVolumeClaim, Pod, Status, StorageClass,
};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue, class_by_default};
use crate::clock::SimDuration;
use crate::controllers::{Action, Controller};

const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
pub(super) const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Claims that wait are looked at so often (`resyncPeriod`).
const RESYNC: SimDuration = SimDuration::from_secs(15);

/// The controller. It remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct PersistentVolumeController;

impl Controller for PersistentVolumeController {
    fn name(&self) -> &'static str {
        "persistentvolume-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        // Classes are looked up, and call for nothing by themselves: who waits for one looks again in a while.
        &[Kind::PERSISTENT_VOLUME_CLAIM, Kind::PERSISTENT_VOLUME]
    }

    fn is_periodic(&self) -> bool {
        true
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        match &**change.object() {
            Object::PersistentVolume(volume) => {
                if change.after.is_some() {
                    queue.add(change.key.clone(), cause);
                }
                if let Some(claim) = claim_of(volume) {
                    queue.add(claim, cause);
                }
            }
            Object::PersistentVolumeClaim(claim) => {
                queue.add(change.key.clone(), cause);
                if let Some(volume) = &claim.spec.volume_name {
                    queue.add(Key::cluster(Kind::PERSISTENT_VOLUME, volume), cause);
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // Two writes belong together here, and each is of what the other has left: both are read from the server.
        let Ok(object) = client.get(key) else { return Ok(Action::AwaitChange) };
        match &*object {
            Object::PersistentVolume(volume) => sync_volume(volume, client).map(|()| Action::AwaitChange),
            Object::PersistentVolumeClaim(claim) if !claim.is_deleting() || is_bound(claim) => {
                sync_claim(claim, client)
            }
            _ => Ok(Action::AwaitChange),
        }
    }
}

fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.annotation(BIND_COMPLETED).is_some()
}

fn volume_named(name: &str, client: &Client<'_>) -> Option<PersistentVolume> {
    client.live().get::<PersistentVolume>("", name).cloned()
}

fn sync_claim(claim: &PersistentVolumeClaim, client: &mut Client<'_>) -> Result<Action, Status> {
    let named = claim.spec.volume_name.as_deref().filter(|name| !name.is_empty());
    let bound = is_bound(claim);
    let Some(name) = named else {
        if bound {
            let message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
            return lose(claim, "ClaimLost", message, client).map(|()| Action::AwaitChange);
        }
        return sync_unbound(claim, client);
    };
    match volume_named(name, client) {
        Some(volume) if volume.spec.claim_ref.is_none() || is_for(&volume, claim) => {
            let why = if bound || volume.spec.claim_ref.is_some() { None } else { mismatch(claim, &volume) };
            if let Some(why) = why {
                let message = format!("Cannot bind to requested volume {name:?}: {why}");
                client.event(reference(claim), EventType::Warning, "VolumeMismatch", message);
                set_phase(claim, "Pending", client)?;
                return Ok(Action::RequeueAfter(RESYNC));
            }
            bind(volume, claim, client)?;
            expect_expansion(claim, client);
        }
        Some(_) if bound => {
            let message = "Two claims are bound to the same volume, this one is bound incorrectly";
            lose(claim, "ClaimMisbound", message, client)?;
        }
        None if bound => {
            let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
            lose(claim, "ClaimLost", message, client)?;
        }
        Some(volume) => {
            let message = format!("volume {:?} already bound to a different claim.", volume.name());
            client.event(reference(claim), EventType::Warning, "FailedBinding", message);
            set_phase(claim, "Pending", client)?;
            return Ok(Action::RequeueAfter(RESYNC));
        }
        None => set_phase(claim, "Pending", client)?,
    }
    Ok(Action::AwaitChange)
}

/// Why the volume that a claim names does not suit it (`checkVolumeSatisfyClaim`).
fn mismatch(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Option<&'static str> {
    let (offered, asked) = (&volume.spec.access_modes, &claim.spec.access_modes);
    let offers = |mode: &String| offered.iter().flatten().any(|offered| offered == mode);
    match () {
        () if volume.is_deleting() => Some("the volume is marked for deletion"),
        () if capacity(volume) < bytes(requested(claim)) => Some("requested PV is too small"),
        () if class_of_volume(volume) != class_of(claim) => Some("storageClassName does not match"),
        () if volume_mode(&volume.spec.volume_mode) != volume_mode(&claim.spec.volume_mode) => {
            Some("incompatible volumeMode")
        }
        () if !asked.iter().flatten().all(offers) => Some("incompatible accessMode"),
        () => None,
    }
}

fn volume_mode(mode: &Option<String>) -> &str {
    mode.as_deref().unwrap_or("Filesystem")
}

fn sync_unbound(claim: &PersistentVolumeClaim, client: &mut Client<'_>) -> Result<Action, Status> {
    let class = client.live().get::<StorageClass>("", class_of(claim)).cloned();
    let delayed = class
        .as_ref()
        .is_some_and(|class| class.spec.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"));
    let waits = delayed && claim.annotation(SELECTED_NODE).is_none();
    if let Some(volume) = best_match(claim, delayed, client.live()).cloned() {
        bind(volume, claim, client)?;
        return Ok(Action::AwaitChange);
    }
    if assign_default_class(claim, client)? {
        return Ok(Action::AwaitChange);
    }
    if waits {
        say_what_it_waits_for(claim, client);
    } else if !class_of(claim).is_empty() {
        provision(claim, class.as_ref(), client)?;
    } else {
        let message = "no persistent volumes available for this claim and no storage class is set";
        client.event(reference(claim), EventType::Normal, "FailedBinding", message);
    }
    set_phase(claim, "Pending", client)?;
    Ok(Action::RequeueAfter(RESYNC))
}

/// Gives a claim from before there was a default class that class (`assignDefaultStorageClass`). Says whether it did.
fn assign_default_class(claim: &PersistentVolumeClaim, client: &mut Client<'_>) -> Result<bool, Status> {
    if claim.spec.storage_class_name.is_some() || claim.annotation(OLD_CLASS).is_some() {
        return Ok(false);
    }
    let Some(class) = class_by_default(client.live()).map(|class| class.name().to_string()) else {
        return Ok(false);
    };
    let mut claim = claim.clone();
    Arc::make_mut(&mut claim.spec).storage_class_name = Some(class);
    client.update(claim, None).map(|_| true)
}

/// Growth is an external controller's work (`expand_controller.go`).
fn expect_expansion(claim: &PersistentVolumeClaim, client: &mut Client<'_>) {
    let has = claim.status.capacity.as_ref().and_then(|capacity| capacity.get("storage"));
    let asked = claim.status.allocated_resources.as_ref().and_then(|all| all.get("storage"));
    let wanted = bytes(requested(claim));
    if has.is_some() && wanted > bytes(has) && wanted > bytes(asked) {
        let message = "waiting for an external controller to expand this PVC";
        client.event(reference(claim), EventType::Normal, "ExternalExpanding", message);
    }
}

/// The smallest volume that fits (`FindMatchingVolume`): one that was reserved for the claim before any other. While the
/// scheduler chooses the node, only such a one.
fn best_match<'a>(
    claim: &PersistentVolumeClaim,
    waits: bool,
    view: &'a View,
) -> Option<&'a PersistentVolume> {
    let selector = claim.spec.selector.as_ref().and_then(Selector::from_field);
    let fits = |volume: &&PersistentVolume| {
        let offered = volume.spec.access_modes.as_deref().unwrap_or_default();
        let asked = claim.spec.access_modes.as_deref().unwrap_or_default();
        !volume.is_deleting()
            && asked.iter().all(|mode| offered.contains(mode))
            && volume_mode(&volume.spec.volume_mode) == volume_mode(&claim.spec.volume_mode)
            && capacity(volume) >= bytes(requested(claim))
    };
    let reserved = kept_for(claim, view).find(fits);
    let free = view.volumes_kept_for(None).filter_map(|object| object.as_kind());
    let free = free.filter(fits).filter(|volume: &&PersistentVolume| {
        !waits
            && volume.spec.claim_ref.is_none()
            && volume.status.phase.as_deref() == Some("Available")
            && class_of_volume(volume) == class_of(claim)
            && selector.as_ref().is_none_or(|selector| selector.matches(volume.labels()))
    });
    reserved.or_else(|| free.min_by_key(|volume| capacity(volume)))
}

fn capacity(volume: &PersistentVolume) -> i64 {
    bytes(volume.spec.capacity.as_ref().and_then(|capacity| capacity.get("storage")))
}

fn say_what_it_waits_for(claim: &PersistentVolumeClaim, client: &mut Client<'_>) {
    let key = claim_key(claim);
    let pods = client.live().list::<Pod>(Some(claim.namespace()));
    let waiting = pods.filter(|pod| pod.spec.node_name.is_none() && claims_of(pod).any(|used| used == key));
    let names: Vec<String> = waiting.map(|pod| pod.name().to_string()).collect();
    let (reason, message) = match names.as_slice() {
        [] => ("WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_string()),
        [one] => ("WaitForPodScheduled", format!("waiting for pod {one} to be scheduled")),
        many => ("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", many.join(","))),
    };
    client.event(reference(claim), EventType::Normal, reason, message);
}

/// Asks the class's provisioner for a volume: it watches for its name on claims.
fn provision(
    claim: &PersistentVolumeClaim,
    class: Option<&StorageClass>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let failed = |why: String, client: &mut Client<'_>| {
        client.event(reference(claim), EventType::Warning, "ProvisioningFailed", why);
    };
    let Some(class) = class else {
        failed(format!("storageclass.storage.k8s.io {:?} not found", class_of(claim)), client);
        return Ok(());
    };
    let provisioner = &class.spec.provisioner;
    if provisioner == NO_PROVISIONER {
        failed(format!("no volume plugin matched name: {provisioner}"), client);
        return Ok(());
    }
    if PROVISIONER.iter().any(|key| claim.annotation(key) != Some(provisioner)) {
        let mut updated = claim.clone();
        let annotations = Arc::make_mut(&mut updated.meta).annotations.get_or_insert_default();
        for key in PROVISIONER {
            annotations.insert(key.into(), provisioner.clone());
        }
        client.update(updated, None)?;
    }
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system \
         administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    );
    client.event(reference(claim), EventType::Normal, "ExternalProvisioning", message);
    Ok(())
}

/// Brings a volume and a claim together, in four writes: volume, its phase, claim, its phase. Each is left out where it is
/// done already, so that an interrupted binding is carried on.
fn bind(
    volume: PersistentVolume,
    claim: &PersistentVolumeClaim,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let volume = bind_volume(volume, claim, client)?;
    let volume = set_volume_phase(&volume, "Bound", client)?;
    let mut claim = claim.clone();
    let chosen_here = claim.spec.volume_name.as_deref().is_none_or(str::is_empty);
    if chosen_here || !is_bound(&claim) {
        Arc::make_mut(&mut claim.spec).volume_name = Some(volume.name().into());
        let annotations = Arc::make_mut(&mut claim.meta).annotations.get_or_insert_default();
        annotations.insert(BIND_COMPLETED.into(), "yes".into());
        if chosen_here {
            annotations.insert(BOUND_BY_CONTROLLER.into(), "yes".into());
        }
        claim = client.update(claim, None)?;
    }
    let mut status = (*claim.status).clone();
    // Later on a volume may be larger than the file system in it.
    if status.phase.as_deref() != Some("Bound") {
        status.capacity.clone_from(&volume.spec.capacity);
    }
    status.phase = Some("Bound".into());
    status.access_modes.clone_from(&volume.spec.access_modes);
    if status != *claim.status {
        claim.status = Arc::new(status);
        client.update_status(claim, None)?;
    }
    Ok(())
}

/// Reserves a volume for a claim.
fn bind_volume(
    mut volume: PersistentVolume,
    claim: &PersistentVolumeClaim,
    client: &mut Client<'_>,
) -> Result<PersistentVolume, Status> {
    let known = volume.spec.claim_ref.as_ref();
    if known.is_some_and(|known| known.uid.as_deref() == Some(claim.uid())) {
        return Ok(volume);
    }
    if known.is_none() {
        let annotations = Arc::make_mut(&mut volume.meta).annotations.get_or_insert_default();
        annotations.insert(BOUND_BY_CONTROLLER.into(), "yes".into());
    }
    let mut claim_ref = reference(claim);
    claim_ref.resource_version = Some(claim.revision.to_string());
    Arc::make_mut(&mut volume.spec).claim_ref = Some(claim_ref);
    client.update(volume, None)
}

/// Says how a volume does, if that is news.
///
/// # Errors
/// What the API server refused.
pub(super) fn set_volume_phase(
    volume: &PersistentVolume,
    phase: &str,
    client: &mut Client<'_>,
) -> Result<PersistentVolume, Status> {
    if volume.status.phase.as_deref() == Some(phase) {
        return Ok(volume.clone());
    }
    let mut updated = volume.clone();
    let status = Arc::make_mut(&mut updated.status);
    status.phase = Some(phase.into());
    status.last_phase_transition_time = Some(client.now().to_time());
    client.update_status(updated, None)
}

fn set_phase(claim: &PersistentVolumeClaim, phase: &str, client: &mut Client<'_>) -> Result<(), Status> {
    if claim.status.phase.as_deref() != Some(phase) {
        let mut updated = claim.clone();
        Arc::make_mut(&mut updated.status).phase = Some(phase.into());
        client.update_status(updated, None)?;
    }
    Ok(())
}

/// A claim that was bound is not any more, and never will be.
fn lose(
    claim: &PersistentVolumeClaim,
    reason: &str,
    message: &str,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    if claim.status.phase.as_deref() == Some("Lost") {
        return Ok(());
    }
    client.event(reference(claim), EventType::Warning, reason, message);
    set_phase(claim, "Lost", client)
}

/// A volume is available, bound, or released by a claim that is gone.
fn sync_volume(volume: &PersistentVolume, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(claim_ref) = &volume.spec.claim_ref else {
        return set_volume_phase(volume, "Available", client).map(drop);
    };
    let claim = claim_of(volume).and_then(|key| client.live().object(&key).cloned());
    let claim = claim.as_deref().and_then(Object::as_kind::<PersistentVolumeClaim>);
    match (claim_ref.uid.as_deref().filter(|uid| !uid.is_empty()), claim) {
        // Reserved for a claim that has not come yet.
        (None, _) => set_volume_phase(volume, "Available", client).map(drop),
        (Some(uid), Some(claim)) if claim.uid() == uid => match claim.spec.volume_name.as_deref() {
            Some(name) if name == volume.name() => set_volume_phase(volume, "Bound", client).map(drop),
            Some(name) if !name.is_empty() => super::reclaim::give_back(volume, client),
            _ => Ok(()),
        },
        _ => super::reclaim::release(volume, client),
    }
}
