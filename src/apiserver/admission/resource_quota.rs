//! `ResourceQuota`: an object must fit into every quota that concerns it, and is charged to them
//! (`apiserver/pkg/admission/plugin/resourcequota`). It comes last, when nothing else refuses the object.

use std::borrow::Cow;
use std::sync::Arc;

use crate::api::k8s::ResourceQuotaStatus;
use crate::api::quota::{
    Amount, Usage, add, beyond, concerns, is_bounded, is_counted, unsaid, usage, usage_at,
};
use crate::api::{Kind, MetaExt, Object, Pod, ResourceQuota, Status};
use crate::apiserver::View;
use crate::clock::SimTime;

/// Refuses a new object, or a change of one, that exceeds a quota.
///
/// # Errors
/// As [`charge`].
pub fn validate(view: &View, object: &Object, old: Option<&Object>, now: SimTime) -> Result<(), Status> {
    charge(view, object, old, now).map(drop)
}

/// The quotas as they stand once the object is charged to them; only those that change. A quota bounds what its status says.
///
/// # Errors
/// `Forbidden`: a quota is exceeded.
pub fn charge(
    view: &View,
    object: &Object,
    old: Option<&Object>,
    now: SimTime,
) -> Result<Vec<ResourceQuota>, Status> {
    let kind = object.kind();
    if !kind.info().namespaced || kind == Kind::EVENT || !old.is_none_or(|old| is_charged_again(object, old))
    {
        return Ok(Vec::new());
    }
    let mut charged = Vec::new();
    for quota in view.list::<ResourceQuota>(Some(object.namespace())) {
        if !concerns(quota, object) {
            continue;
        }
        let refuse = |why: String| Status::forbidden(object.kind(), object.name(), &why);
        let quota = known(quota, view, now);
        if let Object::Pod(pod) = object
            && let Some(unsaid) = unsaid(&quota, pod)
        {
            return Err(refuse(format!("failed quota: {}: must specify {unsaid}", quota.name())));
        }
        let mut used = usage(object);
        if let Some(old) = old.filter(|old| concerns(&quota, old)) {
            used = beyond(used, &usage(old));
        }
        if let Some(after) = charge_one(&quota, &used).map_err(refuse)? {
            charged.push(after);
        }
    }
    Ok(charged)
}

/// A quota whose status says what is used. The controller fills that in some milliseconds after the quota is made; who makes
/// objects in no time at all meets the quota as if it had.
fn known<'a>(quota: &'a ResourceQuota, view: &View, now: SimTime) -> Cow<'a, ResourceQuota> {
    if quota.status.hard.is_some() {
        return Cow::Borrowed(quota);
    }
    Cow::Owned(ResourceQuota { status: Arc::new(counted(quota, view, now)), ..quota.clone() })
}

/// The status of a quota, all objects of its namespace counted.
pub fn counted(quota: &ResourceQuota, view: &View, now: SimTime) -> ResourceQuotaStatus {
    let kinds: Vec<Kind> = view.kinds().into_iter().filter(|kind| kind.info().namespaced).collect();
    let mut sum = Usage::new();
    for object in kinds.iter().flat_map(|kind| view.objects(*kind, Some(quota.namespace()))) {
        if concerns(quota, object) {
            add(&mut sum, &usage_at(object, now));
        }
    }
    let names = quota.spec.hard.iter().flat_map(|hard| hard.keys()).filter(|name| is_counted(name, &kinds));
    let amount = |name: &str| sum.get(name).cloned().unwrap_or_else(|| Amount::parse("0")).quantity();
    let used = names.map(|name| (name.clone(), amount(name))).collect();
    ResourceQuotaStatus { hard: quota.spec.hard.clone(), used: Some(used) }
}

/// Whether a change of an object may make it use more.
fn is_charged_again(object: &Object, old: &Object) -> bool {
    match (object, old) {
        (Object::Service(_) | Object::PersistentVolumeClaim(_), _) => true,
        (Object::Pod(pod), Object::Pod(old)) => {
            is_bounded(pod) != is_bounded(old) || takes_other_resources(pod, old)
        }
        _ => false,
    }
}

/// What `resize` does.
fn takes_other_resources(pod: &Pod, old: &Pod) -> bool {
    let resources = |pod: &Pod| {
        let containers = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
        containers.map(|container| container.resources.clone()).collect::<Vec<_>>()
    };
    pod.spec.resources != old.spec.resources || resources(pod) != resources(old)
}

/// One quota with the object, or what of it does not fit.
fn charge_one(quota: &ResourceQuota, used: &Usage) -> Result<Option<ResourceQuota>, String> {
    let mut after = quota.clone();
    let total = Arc::make_mut(&mut after.status).used.get_or_insert_default();
    let (mut requested, mut before, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    for (name, limit) in quota.status.hard.iter().flatten() {
        let Some(more) = used.get(name).filter(|more| more.is_positive()) else { continue };
        let known = total.get(name).map_or_else(|| Amount::parse("0"), |known| Amount::parse(&known.0));
        let sum = known.plus(more);
        if sum.exceeds(&Amount::parse(&limit.0)) {
            requested.push(format!("{name}={}", more.text()));
            before.push(format!("{name}={}", known.text()));
            limited.push(format!("{name}={}", Amount::parse(&limit.0).text()));
        }
        total.insert(name.clone(), sum.quantity());
    }
    if requested.is_empty() {
        return Ok(Some(after).filter(|after| after.status != quota.status));
    }
    Err(format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        quota.name(),
        requested.join(","),
        before.join(","),
        limited.join(",")
    ))
}
