//! Finding a Deployment's ReplicaSets, making the new one, and scaling them.

use std::sync::Arc;

use super::revision::{next_revision, update_annotations};
use super::rolling::{bounds, new_size};
use super::{DESIRED_REPLICAS, MAX_REPLICAS, Rollout, TEMPLATE_HASH, available, progress, wanted};
use crate::api::explain::{Explain, RolloutRule, RolloutStep};
use crate::api::hash::fnv1a_32;
use crate::api::k8s::{LabelSelector, ObjectMeta, PodTemplateSpec, ReplicaSetSpec};
use crate::api::selector::Selector;
use crate::api::{Deployment, MetaExt, ReplicaSet, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, View};
use crate::controllers::pods::controller_reference;

/// The letters that stand for the digits of a template hash (`rand.SafeEncodeString`).
const HASH_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

pub fn selector_of(deployment: &Deployment) -> Selector {
    Selector::from_field(&deployment.spec.selector).unwrap_or_default()
}

/// The ReplicaSets of a Deployment, after adopting orphans that its selector matches and releasing those it no longer does.
///
/// # Errors
/// What the API server refused.
pub fn claim_replica_sets(
    deployment: &Deployment,
    view: &View,
    client: &mut Client<'_>,
) -> Result<Vec<ReplicaSet>, Status> {
    let selector = selector_of(deployment);
    let mut claimed = Vec::new();
    for set in view.list::<ReplicaSet>(Some(deployment.namespace())) {
        let matches = selector.matches(set.labels());
        match set.controller() {
            Some(owner) if owner.uid == deployment.uid() && matches => claimed.push(set.clone()),
            Some(owner) if owner.uid == deployment.uid() && !deployment.is_deleting() => {
                let mut released = set.clone();
                let owners = &mut Arc::make_mut(&mut released.meta).owner_references;
                owners.iter_mut().for_each(|owners| owners.retain(|owner| owner.uid != deployment.uid()));
                client.update(released, None)?;
            }
            None if matches && !deployment.is_deleting() && !set.is_deleting() => {
                let mut adopted = set.clone();
                let owners = Arc::make_mut(&mut adopted.meta).owner_references.get_or_insert_default();
                owners.push(controller_reference(deployment));
                claimed.push(client.update(adopted, None)?);
            }
            _ => {}
        }
    }
    Ok(claimed)
}

/// Sorts the sets by age and tells the one with the current template from the others (`FindNewReplicaSet`: the oldest
/// match, so that all looks agree even if there should be two).
pub fn arrange(deployment: Deployment, mut sets: Vec<ReplicaSet>) -> Rollout {
    sets.sort_by(|a, b| (a.created(), a.revision, a.name()).cmp(&(b.created(), b.revision, b.name())));
    let same = |set: &ReplicaSet| {
        set.spec
            .template
            .as_ref()
            .is_some_and(|template| without_hash(template) == without_hash(&deployment.spec.template))
    };
    let new = sets.iter().position(same).map(|index| sets.remove(index));
    Rollout { deployment, new, old: sets }
}

fn without_hash(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

/// The hash of a template that names its ReplicaSet: FNV-1a over its fields, spelled in letters. Upstream hashes a
/// dump of Go memory, so its letters differ; like there, equal templates have equal hashes, and a collision is
/// resolved by a count.
fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    // By way of a value, whose keys are sorted.
    let mut text = serde_json::to_value(template).unwrap_or_default().to_string();
    if let Some(count) = collisions {
        text.push_str(&count.to_string());
    }
    let digits = fnv1a_32(text.as_bytes()).to_string();
    digits.bytes().map(|digit| HASH_ALPHABET[usize::from(digit) % HASH_ALPHABET.len()] as char).collect()
}

/// Makes sure that the current template has a ReplicaSet, of the size its strategy gives it at once, and that its
/// annotations and the Deployment's tell the revision (`getNewReplicaSet`).
///
/// # Errors
/// What the API server refused.
pub fn ensure_new_set(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    let revision = next_revision(&rollout.old);
    if let Some(existing) = rollout.new.take() {
        let mut set = existing.clone();
        let updated = update_annotations(&mut set, &rollout.deployment, &revision, true);
        let min_ready = rollout.deployment.spec.min_ready_seconds;
        let slower = set.spec.min_ready_seconds != min_ready;
        if slower {
            Arc::make_mut(&mut set.spec).min_ready_seconds = min_ready;
        }
        let set = if updated || slower { client.update(set, None)? } else { existing };
        let shown = set.annotation(super::REVISION).unwrap_or_default().to_string();
        progress::found_new_set(rollout, &set, &shown, client)?;
        rollout.new = Some(set);
        return Ok(());
    }
    let set = new_set(rollout, &revision);
    let size = wanted(&set);
    let explain = step(rollout, set.name(), 0, size, RolloutRule::ScaleUpNew);
    let created = match client.create(set, Some(explain)) {
        Ok(set) => set,
        Err(refused) if refused.code == 409 => return collide(rollout, refused, client),
        Err(refused) => {
            progress::failed_to_create(rollout, &refused, client)?;
            return Err(refused);
        }
    };
    if size > 0 {
        let message = format!("Scaled up replica set {} from 0 to {size}", created.name());
        client.event(reference(&rollout.deployment), EventType::Normal, "ScalingReplicaSet", message);
    }
    progress::created_new_set(rollout, &created, &revision, client)?;
    rollout.new = Some(created);
    Ok(())
}

/// Another template has the same hash: the next look uses a further count.
fn collide(rollout: &mut Rollout, refused: Status, client: &mut Client<'_>) -> Result<(), Status> {
    let mut deployment = rollout.deployment.clone();
    let status = Arc::make_mut(&mut deployment.status);
    status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
    client.update_status(deployment, None)?;
    Err(refused)
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
    let total = rollout.old.iter().map(wanted).sum();
    let desired = rollout.desired();
    let size = if super::is_recreate(deployment) {
        desired
    } else {
        new_size(desired, bounds(deployment).max_surge, total, 0)
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
    update_annotations(&mut set, deployment, revision, false);
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

/// Scales the new ReplicaSet. Says whether it had another size.
///
/// # Errors
/// What the API server refused.
pub fn scale_new(
    rollout: &mut Rollout,
    size: i32,
    rule: RolloutRule,
    client: &mut Client<'_>,
) -> Result<bool, Status> {
    let Some(set) = rollout.new.clone() else { return Ok(false) };
    if wanted(&set) == size {
        return Ok(false);
    }
    rollout.new = Some(scale_set(rollout, set, size, rule, client)?);
    Ok(true)
}

/// Scales an old ReplicaSet. Says whether it had another size.
///
/// # Errors
/// What the API server refused.
pub fn scale_old(
    rollout: &mut Rollout,
    index: usize,
    size: i32,
    rule: RolloutRule,
    client: &mut Client<'_>,
) -> Result<bool, Status> {
    let set = rollout.old[index].clone();
    if wanted(&set) == size {
        return Ok(false);
    }
    rollout.old[index] = scale_set(rollout, set, size, rule, client)?;
    Ok(true)
}

/// Models `scaleReplicaSet`: size and size annotations in one write, and an event if the size changed.
fn scale_set(
    rollout: &Rollout,
    set: ReplicaSet,
    size: i32,
    rule: RolloutRule,
    client: &mut Client<'_>,
) -> Result<ReplicaSet, Status> {
    let from = wanted(&set);
    let mut updated = set.clone();
    let noted = note_size(&mut updated, &rollout.deployment);
    if from == size && !noted {
        return Ok(set);
    }
    Arc::make_mut(&mut updated.spec).replicas = Some(size);
    let explain = step(rollout, set.name(), from, size, rule);
    let stored = client.update(updated, Some(explain))?;
    if from != size {
        let direction = if size > from { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {from} to {size}", set.name());
        client.event(reference(&rollout.deployment), EventType::Normal, "ScalingReplicaSet", message);
    }
    Ok(stored)
}

fn step(rollout: &Rollout, set: &str, from: i32, to: i32, rule: RolloutRule) -> Explain {
    let bounds = bounds(&rollout.deployment);
    Explain::Rollout(RolloutStep {
        desired: rollout.desired(),
        max_surge: bounds.max_surge,
        max_unavailable: bounds.max_unavailable,
        total: rollout.all().map(wanted).sum(),
        available: rollout.all().map(available).sum(),
        replica_set: set.into(),
        from,
        to,
        rule,
    })
}

/// Whether the Deployment's size is not the one its ReplicaSets were last scaled for (`isScalingEvent`).
pub fn is_scaling_event(rollout: &Rollout) -> bool {
    let desired = rollout.desired().to_string();
    let active = rollout.all().filter(|set| wanted(set) > 0);
    active.filter_map(|set| set.annotation(DESIRED_REPLICAS)).any(|noted| noted != desired)
}

/// Follows a change of the Deployment's size. One active ReplicaSet simply gets it; in the middle of a rollout each gets a
/// share in proportion to its own, so that the risk stays spread (`scale`).
///
/// # Errors
/// What the API server refused.
pub fn scale(rollout: &mut Rollout, client: &mut Client<'_>) -> Result<(), Status> {
    let desired = rollout.desired();
    let active: Vec<String> =
        rollout.all().filter(|set| wanted(set) > 0).map(|set| set.name().to_string()).collect();
    let newest = rollout.new.as_ref().or(rollout.old.last()).map(|set| set.name().to_string());
    let single = match active.as_slice() {
        [] => newest.clone(),
        [only] => Some(only.clone()),
        _ => None,
    };
    if let Some(name) = single {
        return resize(rollout, &name, desired, client);
    }
    let saturated = rollout.new.as_ref().is_some_and(|new| {
        let noted = new.annotation(DESIRED_REPLICAS).and_then(|noted| noted.parse().ok());
        wanted(new) == desired && noted == Some(desired) && available(new) == desired
    });
    if saturated {
        return active
            .iter()
            .filter(|name| Some(*name) != newest.as_ref())
            .try_for_each(|name| resize(rollout, name, 0, client));
    }
    if super::is_recreate(&rollout.deployment) {
        return Ok(());
    }
    for (name, size) in proportional(rollout) {
        resize(rollout, &name, size, client)?;
    }
    Ok(())
}

/// The sizes that share out what the Deployment gained or lost (`GetReplicaSetProportion`): larger sets first, each share
/// rounded, what is left over going to the first.
fn proportional(rollout: &Rollout) -> Vec<(String, i32)> {
    let desired = rollout.desired();
    let total: i32 = rollout.all().map(wanted).sum();
    let allowed = if desired > 0 { desired.saturating_add(bounds(&rollout.deployment).max_surge) } else { 0 };
    let to_add = allowed - total;
    let mut sets: Vec<&ReplicaSet> = rollout.all().filter(|set| wanted(set) > 0).collect();
    sets.sort_by(|a, b| {
        let age = (a.created(), a.revision).cmp(&(b.created(), b.revision));
        // Growing favours the newer of equals, shrinking the older.
        wanted(b).cmp(&wanted(a)).then(if to_add > 0 { age.reverse() } else { age })
    });
    let mut added = 0;
    let mut sizes: Vec<(String, i32)> = Vec::new();
    for set in &sets {
        let share = if to_add == 0 { 0 } else { share_of(set, rollout, to_add, added) };
        added += share;
        sizes.push((set.name().to_string(), wanted(set) + share));
    }
    if let (Some(first), true) = (sizes.first_mut(), to_add != 0) {
        first.1 = (first.1 + to_add - added).max(0);
    }
    sizes
}

/// One set's share of `to_add` pods, of which `added` are shared out already (`getReplicaSetFraction`). A set of 5 out of
/// a noted ceiling of 13, with a new ceiling of 18, goes to 5 * 18 / 13 = 6.9, so it gains 2.
fn share_of(set: &ReplicaSet, rollout: &Rollout, to_add: i32, added: i32) -> i32 {
    let desired = rollout.desired();
    if desired == 0 {
        return -wanted(set);
    }
    let size = desired.saturating_add(bounds(&rollout.deployment).max_surge);
    let noted: Option<i32> = set.annotation(MAX_REPLICAS).and_then(|noted| noted.parse().ok());
    let noted =
        noted.filter(|noted| *noted > 0).unwrap_or(rollout.deployment.status.replicas.unwrap_or(1).max(1));
    let target = round_half_away(i64::from(wanted(set)) * i64::from(size), i64::from(noted));
    let fraction = target - wanted(set);
    let allowed = to_add - added;
    if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
}

fn round_half_away(numerator: i64, denominator: i64) -> i32 {
    i32::try_from((2 * numerator + denominator) / (2 * denominator)).unwrap_or(i32::MAX)
}

fn resize(rollout: &mut Rollout, name: &str, size: i32, client: &mut Client<'_>) -> Result<(), Status> {
    if let Some(set) = rollout.new.clone().filter(|set| set.name() == name) {
        rollout.new = Some(scale_set(rollout, set, size, RolloutRule::Scale, client)?);
    } else if let Some(index) = rollout.old.iter().position(|set| set.name() == name) {
        let set = rollout.old[index].clone();
        rollout.old[index] = scale_set(rollout, set, size, RolloutRule::Scale, client)?;
    }
    Ok(())
}
