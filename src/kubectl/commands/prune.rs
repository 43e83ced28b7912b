//! `apply --prune`: what was applied before, and is not in the manifests any more, is deleted (`cmd/apply/prune.go`).

use std::sync::Arc;

use super::apply::{LAST_APPLIED, place};
use super::writing::{self, DryRun};
use crate::api::selector::Selector;
use crate::api::{Kind, MetaExt, Object};
use crate::client::{DeleteOptions, Propagation};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;

/// The kinds that are looked at unless the line names others.
const USUAL: [Kind; 16] = [
    Kind::CONFIG_MAP,
    Kind::ENDPOINTS,
    Kind::NAMESPACE,
    Kind::PERSISTENT_VOLUME_CLAIM,
    Kind::PERSISTENT_VOLUME,
    Kind::POD,
    Kind::REPLICATION_CONTROLLER,
    Kind::SECRET,
    Kind::SERVICE,
    Kind::JOB,
    Kind::CRON_JOB,
    Kind::INGRESS,
    Kind::DAEMON_SET,
    Kind::DEPLOYMENT,
    Kind::REPLICA_SET,
    Kind::STATEFUL_SET,
];

/// The kinds that the line asks to prune, if it asks.
///
/// # Errors
/// `--prune` for everything without saying so, and kinds that there are not.
pub fn wanted(call: &Call<'_, '_>) -> Result<Option<Vec<Kind>>, Failure> {
    let (all, selected) = (call.args.on("all"), call.args.value("selector").is_some_and(|s| !s.is_empty()));
    if !call.args.on("prune") {
        return Ok(None);
    }
    if all && selected {
        return Err(Failure::message("cannot set --all and --selector at the same time"));
    }
    if !all && !selected {
        return Err(Failure::message(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you \
             did not mean to prune all resources, specify a label selector",
        ));
    }
    kinds(call).map(Some)
}

/// The kinds that the line allows to be pruned.
fn kinds(call: &Call<'_, '_>) -> Result<Vec<Kind>, Failure> {
    let listed = call.args.values("prune-allowlist");
    if listed.is_empty() {
        return Ok(USUAL.to_vec());
    }
    listed.iter().map(|text| kind(call, text)).collect()
}

/// What pruning would delete, if the line asks for it: all of the kinds without a selector.
///
/// # Errors
/// Kinds that there are not.
pub fn stale(call: &mut Call<'_, '_>) -> Result<Vec<Arc<Object>>, Failure> {
    if !call.args.on("prune") {
        return Ok(Vec::new());
    }
    let kinds = kinds(call)?;
    doomed(call, &kinds)
}

fn kind(call: &Call<'_, '_>, text: &str) -> Result<Kind, Failure> {
    let [group, version, kind] = text.split('/').collect::<Vec<_>>()[..] else {
        let why = format!("invalid GroupVersionKind format: {text}, please follow <group/version/kind>");
        return Err(Failure::message(why));
    };
    let api_version =
        if matches!(group, "core" | "") { version.to_string() } else { format!("{group}/{version}") };
    let known = call.client.live().kind_from_manifest(&api_version, kind);
    known.ok_or_else(|| Failure::message(format!("no matches for kind {kind:?} in version {api_version:?}")))
}

/// Deletes, in the namespaces of the manifests and among what has none.
///
/// # Errors
/// What the server refuses to delete.
pub fn prune(call: &mut Call<'_, '_>, kinds: &[Kind]) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    for object in doomed(call, kinds)? {
        if dry == DryRun::No {
            let options =
                DeleteOptions { grace_period_seconds: None, propagation: Propagation::Background, uid: None };
            call.client.delete(&object.key(), &options, None)?;
        }
        writing::done(call, &object, "pruned", dry)?;
    }
    Ok(())
}

/// What was applied before, is meant by the selector, and is in none of the manifests.
fn doomed(call: &mut Call<'_, '_>, kinds: &[Kind]) -> Result<Vec<Arc<Object>>, Failure> {
    let items = manifests::read(call)?.items;
    let selector = call.args.value("selector").map(Selector::parse).transpose();
    let selector = selector.map_err(|error| Failure::message(error.to_string()))?;
    let mut visited = Vec::new();
    for item in &items {
        visited.push(place(call, item)?);
    }
    let mut namespaces: Vec<String> = visited.iter().map(|key| key.namespace.to_string()).collect();
    namespaces.retain(|namespace| !namespace.is_empty());
    crate::api::sorting::sort_by(&mut namespaces, |a, b| a.cmp(b));
    namespaces.dedup();
    let (placed, loose): (Vec<Kind>, Vec<Kind>) = kinds.iter().partition(|kind| kind.info().namespaced);
    let mut doomed: Vec<Arc<Object>> = Vec::new();
    let view = call.client.live();
    let applied = |object: &&Arc<Object>| {
        object.annotation(LAST_APPLIED).is_some()
            && selector.as_ref().is_none_or(|selector| selector.matches(object.labels()))
            && !visited.contains(&object.key())
            && !object.is_deleting()
    };
    for namespace in &namespaces {
        for kind in &placed {
            doomed.extend(view.objects(*kind, Some(namespace)).filter(applied).cloned());
        }
    }
    for kind in &loose {
        doomed.extend(view.objects(*kind, None).filter(applied).cloned());
    }
    Ok(doomed)
}
