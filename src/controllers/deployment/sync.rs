//! A Deployment's ReplicaSets: telling the new one from the old, making it, and scaling one. Models `sync.go`.

use std::sync::Arc;

use super::conditions::{self, PROGRESSING, condition, find};
use super::hash::{equal_ignoring_hash, template_hash};
use super::progress::progress_deadline;
use super::revision::{next_revision, set_revision, update_annotations};
use super::rolling::{bounds, new_size};
use super::{DESIRED_REPLICAS, MAX_REPLICAS, REVISION, Rollout, TEMPLATE_HASH, available, total, wanted};
use crate::api::explain::{Explain, RolloutRule, RolloutStep};
use crate::api::k8s::{DeploymentCondition, LabelSelector, ObjectMeta, ReplicaSetSpec};
use crate::api::sorting;
use crate::api::status::Reason;
use crate::api::{Deployment, Key, Kind, MetaExt, Namespace, ReplicaSet, Status};
use crate::client::Client;
use crate::client::recorder::{EventType, reference};
use crate::controllers::ref_manager::controller_reference;

/// Sorts the sets by age and tells the one with the current template from the others (`FindNewReplicaSet`: the oldest
/// match, so that all looks agree even if there should be two).
pub fn arrange(deployment: Deployment, mut sets: Vec<ReplicaSet>) -> Rollout {
    sorting::sort_by(&mut sets, |a, b| (a.created(), a.name()).cmp(&(b.created(), b.name())));
    let same = |set: &ReplicaSet| {
        let template = set.spec.template.as_ref();
        template.is_some_and(|template| equal_ignoring_hash(template, &deployment.spec.template))
    };
    let new = sets.iter().position(same).map(|index| sets.remove(index));
    Rollout { deployment, new, old: sets }
}

/// Brings the new ReplicaSet's annotations and `minReadySeconds` up to date, and the Deployment's revision and first
/// condition with it, if the set exists (`getNewReplicaSet` without creation).
///
/// # Errors
/// What the API server refused.
pub fn refresh_new_set(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(set) = &mut rollout.new else { return Ok(()) };
    let deployment = &rollout.deployment;
    let mut updated = set.clone();
    let noted = update_annotations(&mut updated, deployment, next_revision(&rollout.old), true);
    let min_ready = deployment.spec.min_ready_seconds.filter(|seconds| *seconds > 0);
    let slower = set.spec.min_ready_seconds.filter(|seconds| *seconds > 0) != min_ready;
    if slower {
        Arc::make_mut(&mut updated.spec).min_ready_seconds = min_ready;
    }
    if noted || slower {
        *set = client.update(updated, None)?;
    }
    let revision = set.annotation(REVISION).unwrap_or_default().to_string();
    let message = format!("Found new replica set {:?}", set.name());
    let now = client.now();
    let unsaid = find(&deployment.status, PROGRESSING).is_none();
    let found = unsaid.then(|| condition(PROGRESSING, "True", "FoundNewReplicaSet", message, now));
    announce(rollout, &revision, found, client)
}

/// Makes the current template's ReplicaSet, of the size its strategy gives it at once, unless it exists.
///
/// # Errors
/// What the API server refused; `AlreadyExists` where another template has the same hash: the next look uses a further
/// count.
pub fn ensure_new_set(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    if rollout.new.is_some() {
        return Ok(());
    }
    let revision = next_revision(&rollout.old).to_string();
    let set = new_set(rollout, &revision);
    let (name, size) = (set.name().to_string(), wanted(&set));
    let explain = step(rollout, &name, 0, size, RolloutRule::ScaleUpNew);
    let created = match client.create(set, Some(explain)) {
        Ok(set) => {
            if size > 0 {
                let message = format!("Scaled up replica set {name} from 0 to {size}");
                client.event(reference(&rollout.deployment), EventType::Normal, "ScalingReplicaSet", message);
            }
            let message = format!("Created new replica set {name:?}");
            let created = condition(PROGRESSING, "True", "NewReplicaSetCreated", message, client.now());
            announce(rollout, &revision, Some(created), client)?;
            set
        }
        Err(refused) if refused.reason == Reason::AlreadyExists => {
            let set = resolve_collision(rollout, &name, refused, client)?;
            announce(rollout, &revision, None, client)?;
            set
        }
        Err(refused) => return Err(failed_to_create(rollout, &name, refused, client)),
    };
    rollout.new = Some(created);
    Ok(())
}

/// The set that already has the name, if it is this Deployment's own for this template: then the watch is merely late.
/// Otherwise two templates share a hash, which is counted in the status.
fn resolve_collision(
    rollout: &Rollout,
    name: &str,
    refused: Status,
    client: &mut Client<'_>,
) -> Result<ReplicaSet, Status> {
    let deployment = &rollout.deployment;
    let key = Key::new(Kind::REPLICA_SET, deployment.namespace(), name);
    let existing = client.get(&key)?;
    if let Some(set) = existing.as_kind::<ReplicaSet>().filter(|set| set.is_controlled_by(deployment.uid())) {
        let template = set.spec.template.as_ref();
        if template.is_some_and(|template| equal_ignoring_hash(template, &deployment.spec.template)) {
            return Ok(set.clone());
        }
    }
    let mut counted = deployment.clone();
    let status = Arc::make_mut(&mut counted.status);
    status.collision_count = Some(status.collision_count.unwrap_or(0).saturating_add(1));
    client.update_status(counted, None)?;
    Err(refused)
}

/// The API server refuses the new ReplicaSet: the Deployment says so, unless its namespace is going anyway.
fn failed_to_create(rollout: &Rollout, name: &str, refused: Status, client: &mut Client<'_>) -> Status {
    let mut deployment = rollout.deployment.clone();
    if client.live().get::<Namespace>("", deployment.namespace()).is_none_or(MetaExt::is_deleting) {
        return refused;
    }
    const REASON: &str = "ReplicaSetCreateError";
    let message = format!("Failed to create new replica set {name:?}: {refused}");
    if progress_deadline(&deployment).is_some() {
        let failed = condition(PROGRESSING, "False", REASON, message.clone(), client.now());
        conditions::set(Arc::make_mut(&mut deployment.status), failed);
        // The refusal is what gets reported; a status that cannot be written is written with the next try.
        let _ = client.update_status(deployment.clone(), None);
    }
    client.event(reference(&deployment), EventType::Warning, REASON, message);
    refused
}

/// Writes the revision and a condition onto the Deployment, if either is new.
fn announce(
    rollout: &mut Rollout,
    revision: &str,
    said: Option<DeploymentCondition>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let mut deployment = rollout.deployment.clone();
    let mut changed = set_revision(&mut deployment, revision);
    if let Some(said) = said.filter(|_| progress_deadline(&deployment).is_some()) {
        conditions::set(Arc::make_mut(&mut deployment.status), said);
        changed = true;
    }
    if changed {
        rollout.deployment = client.update_status(deployment, None)?;
    }
    Ok(())
}

fn new_set(rollout: &Rollout, revision: &str) -> ReplicaSet {
    let deployment = &rollout.deployment;
    let hash = template_hash(&deployment.spec.template, deployment.status.collision_count);
    let mut template = deployment.spec.template.clone();
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(TEMPLATE_HASH.into(), hash.clone());
    let labels = labels.clone();
    let mut selector: LabelSelector = deployment.spec.selector.clone();
    selector.match_labels.get_or_insert_default().insert(TEMPLATE_HASH.into(), hash.clone());
    let old = total(rollout.old.iter().map(wanted));
    let desired = rollout.desired();
    let size = match super::is_recreate(deployment) {
        true => desired,
        false => new_size(desired, bounds(deployment).max_surge, old, 0),
    };
    let meta = ObjectMeta {
        name: Some(format!("{}-{hash}", deployment.name())),
        namespace: Some(deployment.namespace().into()),
        labels: Some(labels),
        owner_references: Some(vec![controller_reference(deployment)]),
        ..Default::default()
    };
    let spec = ReplicaSetSpec {
        replicas: Some(size),
        min_ready_seconds: deployment.spec.min_ready_seconds,
        selector,
        template: Some(template),
    };
    let mut set = ReplicaSet::new(meta, spec);
    update_annotations(&mut set, deployment, revision.parse().unwrap_or(1), false);
    note_size(&mut set, deployment);
    set
}

/// Writes the Deployment's size into a ReplicaSet's annotations. Says whether anything changed.
fn note_size(set: &mut ReplicaSet, deployment: &Deployment) -> bool {
    let desired = deployment.spec.replicas.unwrap_or(1);
    let max = desired.saturating_add(bounds(deployment).max_surge);
    let annotations = Arc::make_mut(&mut set.meta).annotations.get_or_insert_default();
    let mut changed = false;
    for (name, value) in [(DESIRED_REPLICAS, desired.to_string()), (MAX_REPLICAS, max.to_string())] {
        changed |= annotations.insert(name.into(), value.clone()).as_ref() != Some(&value);
    }
    changed
}

/// Scales a ReplicaSet: size and size annotations in one write, and an event if the size changed (`scaleReplicaSet`).
///
/// # Errors
/// What the API server refused.
pub fn scale_set(
    rollout: &Rollout,
    set: &ReplicaSet,
    size: i32,
    rule: RolloutRule,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let from = wanted(set);
    let mut updated = set.clone();
    let noted = note_size(&mut updated, &rollout.deployment);
    if from == size && !noted {
        return Ok(());
    }
    Arc::make_mut(&mut updated.spec).replicas = Some(size);
    client.update(updated, Some(step(rollout, set.name(), from, size, rule)))?;
    if from != size {
        let direction = if size > from { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {from} to {size}", set.name());
        client.event(reference(&rollout.deployment), EventType::Normal, "ScalingReplicaSet", message);
    }
    Ok(())
}

fn step(rollout: &Rollout, set: &str, from: i32, to: i32, rule: RolloutRule) -> Explain {
    let bounds = bounds(&rollout.deployment);
    Explain::Rollout(RolloutStep {
        desired: rollout.desired(),
        max_surge: bounds.max_surge,
        max_unavailable: bounds.max_unavailable,
        total: total(rollout.all().map(wanted)),
        available: total(rollout.all().map(available)),
        replica_set: set.into(),
        from,
        to,
        rule,
    })
}
