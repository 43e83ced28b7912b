//! `ResourceQuota`: an object must fit into every quota that concerns it, and is charged to them
//! (`apiserver/pkg/admission/plugin/resourcequota`). It comes last, when nothing else refuses the object.

use std::sync::Arc;

use crate::api::k8s::Quantity;
use crate::api::quota::{Amount, Usage, beyond, concerns, unsaid, usage};
use crate::api::{Kind, MetaExt, Object, ResourceQuota, Status};
use crate::apiserver::View;

/// Refuses a new object, or a change of one, that exceeds a quota.
///
/// # Errors
/// As [`charge`].
pub fn validate(view: &View, object: &Object, old: Option<&Object>) -> Result<(), Status> {
    charge(view, object, old).map(drop)
}

/// The quotas as they stand once the object is charged to them; only those that change.
///
/// # Errors
/// `Forbidden`: a quota is exceeded, or does not know yet what is used.
pub fn charge(view: &View, object: &Object, old: Option<&Object>) -> Result<Vec<ResourceQuota>, Status> {
    let kind = object.kind();
    let changes_matter = matches!(kind, Kind::SERVICE | Kind::PERSISTENT_VOLUME_CLAIM);
    if !kind.info().namespaced || kind == Kind::EVENT || (old.is_some() && !changes_matter) {
        return Ok(Vec::new());
    }
    let mut quotas = view
        .list::<ResourceQuota>(Some(object.namespace()))
        .filter(|quota| concerns(quota, object))
        .peekable();
    if quotas.peek().is_none() {
        return Ok(Vec::new());
    }
    let mut used = usage(object);
    if let Some(old) = old {
        used = beyond(used, &usage(old));
    }
    let mut charged = Vec::new();
    for quota in quotas {
        let refuse = |why: String| Status::forbidden(object.kind(), object.name(), &why);
        if let (Object::Pod(pod), None) = (object, old)
            && let Some(unsaid) = unsaid(quota, pod)
        {
            return Err(refuse(format!("failed quota: {}: must specify {unsaid}", quota.name())));
        }
        let hard = quota.status.hard.iter().flatten();
        let bounded: Vec<(&String, &Quantity)> = hard.filter(|(name, _)| used.contains_key(*name)).collect();
        let spec = quota.spec.hard.iter().flatten().filter(|(name, _)| used.contains_key(*name));
        let unknown: Vec<&str> = spec
            .filter(|(name, _)| !quota.status.used.as_ref().is_some_and(|used| used.contains_key(*name)))
            .map(|(name, _)| name.as_str())
            .collect();
        if !unknown.is_empty() {
            let resources = unknown.join(",");
            return Err(refuse(format!(
                "status unknown for quota: {}, resources: {resources}",
                quota.name()
            )));
        }
        if let Some(after) = charge_one(quota, &bounded, &used).map_err(refuse)? {
            charged.push(after);
        }
    }
    Ok(charged)
}

/// One quota with the object, or what of it does not fit.
fn charge_one(
    quota: &ResourceQuota,
    bounded: &[(&String, &Quantity)],
    used: &Usage,
) -> Result<Option<ResourceQuota>, String> {
    let mut after = quota.clone();
    let total = Arc::make_mut(&mut after.status).used.get_or_insert_default();
    let (mut requested, mut before, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    for (name, limit) in bounded {
        let Some(more) = used.get(*name).filter(|more| more.is_positive()) else { continue };
        let known = total.get(*name).map_or_else(|| Amount::parse("0"), |known| Amount::parse(&known.0));
        let sum = known.plus(more);
        if sum.exceeds(&Amount::parse(&limit.0)) {
            requested.push(format!("{name}={}", more.text()));
            before.push(format!("{name}={}", known.text()));
            limited.push(format!("{name}={}", Amount::parse(&limit.0).text()));
        }
        total.insert((*name).clone(), sum.quantity());
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
