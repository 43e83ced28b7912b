//! The namespace controller: empties a namespace that is being deleted, pods first, then lets it go. Models
//! `pkg/controller/namespace`.

use std::sync::Arc;

use sorted::SortedMap;

use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::k8s::NamespaceCondition;
use crate::api::{Key, Kind, MetaExt, Namespace, Object, Pod, Status, sorting};
use crate::client::{Change, Client, DeleteOptions, Retries, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// Between a change of a namespace that is being deleted and the look at it, so that other API servers have heard of the mark
/// and admit nothing new (`namespaceDeletionGracePeriod`).
const GRACE: SimDuration = SimDuration::from_secs(5);
/// Between two looks at a namespace in which something will not go; each wait is twice as long as the last.
const RETRY: SimDuration = SimDuration::from_secs(5);
const RETRY_MAX: SimDuration = SimDuration::from_secs(60);
/// What others are given to do their work, in seconds (`finalizerEstimateSeconds`).
const FINALIZERS_TAKE: u64 = 15;

/// What a look finds where all is well (type, reason, message).
const ALL_WELL: [(&str, &str, &str); 5] = [
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
];

/// The controller, with the number of looks in a row at each namespace in which something would not go.
#[derive(Clone, Debug, Default)]
pub struct NamespaceController {
    failures: SortedMap<Key, u32>,
}

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NAMESPACE]
    }

    fn retries(&self) -> Retries {
        Retries { longest: SimDuration::from_secs(60), ..Retries::DEFAULT }
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match change.after.as_deref() {
            Some(namespace) if namespace.is_deleting() => queue.add_after(change.key.clone(), GRACE),
            Some(_) => {}
            None => drop(self.failures.remove(&change.key)),
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Ok(object) = client.get(key) else { return Ok(Action::AwaitChange) };
        let Some(namespace) = object.as_kind::<Namespace>().filter(|namespace| namespace.is_deleting())
        else {
            return Ok(Action::AwaitChange);
        };
        if namespace.spec.finalizers.is_none() {
            return Ok(Action::AwaitChange);
        }
        let found = Found::empty(namespace, client);
        let updated = found.conditions_of(namespace, client.now());
        if updated.status != namespace.status {
            // Upstream only logs what this meets with: what is left is deleted all the same, in a full store, too.
            let _ = client.update_status(updated, None);
        }
        if !found.failures.is_empty() {
            let failures = self.failures.entry(key.clone()).or_default();
            *failures += 1;
            return Ok(Action::RequeueAfter(RETRY.doubled(*failures - 1, RETRY_MAX)));
        }
        if found.estimate > 0 {
            return Ok(Action::RequeueAfter(SimDuration::from_secs(found.estimate / 2 + 1)));
        }
        gone_is_fine(client.finalize_namespace(&key.name))?;
        Ok(Action::AwaitChange)
    }
}

/// What a look at a namespace has found.
#[derive(Debug, Default)]
struct Found {
    /// How long it will take until all is gone, in seconds.
    estimate: u64,
    /// What would not go.
    failures: Vec<String>,
    /// How much is left of each kind, and how much of that each finalizer holds; not told while there are pods.
    remaining: Vec<(Kind, usize)>,
    finalizers: SortedMap<String, usize>,
}

impl Found {
    /// Deletes the pods, and all else once no pod is left (`OrderedNamespaceDeletion`): one pod that will not end keeps even the
    /// secrets it runs with.
    fn empty(namespace: &Namespace, client: &mut Client<'_>) -> Found {
        let mut found = Found::default();
        if found.empty_of(Kind::POD, namespace, client) > 0 {
            (found.remaining, found.finalizers) = Default::default();
            return found;
        }
        let kinds = client.live().kinds().into_iter();
        for kind in kinds.filter(|kind| kind.info().namespaced && *kind != Kind::POD) {
            found.empty_of(kind, namespace, client);
        }
        found
    }

    /// Deletes all of one kind; says how much is left all the same (`deleteAllContentForGroupVersionResource`).
    fn empty_of(&mut self, kind: Kind, namespace: &Namespace, client: &mut Client<'_>) -> usize {
        let estimate = if kind == Kind::POD { estimate_of_pods(namespace, client) } else { 0 };
        let name = namespace.name();
        let keys: Vec<Key> = client.live().objects(kind, Some(name)).map(|object| object.key()).collect();
        for key in keys {
            let going = client.get(&key).is_ok_and(|object| object.is_deleting());
            if going {
                continue;
            }
            if let Err(refused) = gone_is_fine(client.delete(&key, &DeleteOptions::default(), None)) {
                self.failures.push(refused.message);
                return 0;
            }
        }
        let left: Vec<&Arc<Object>> = client.live().objects(kind, Some(name)).collect();
        if left.is_empty() {
            return 0;
        }
        let mut held = false;
        for finalizer in left.iter().filter_map(|object| object.meta().finalizers.as_ref()).flatten() {
            *self.finalizers.entry(finalizer.clone()).or_default() += 1;
            held = true;
        }
        self.remaining.push((kind, left.len()));
        match estimate {
            0 if held => self.estimate = self.estimate.max(FINALIZERS_TAKE),
            0 => {
                let info = kind.info();
                let (group, version, resource) = (info.group, info.version, info.plural);
                self.failures.push(format!(
                    "unexpected items still remain in namespace: {name} for gvr: {group}/{version}, Resource={resource}"
                ));
            }
            _ => self.estimate = self.estimate.max(estimate),
        }
        left.len()
    }

    /// The namespace with its conditions as of now (`namespaceConditionUpdater`).
    fn conditions_of(&self, namespace: &Namespace, now: SimTime) -> Namespace {
        let mut updated = namespace.clone();
        let conditions = Arc::make_mut(&mut updated.status).conditions.get_or_insert_default();
        for (type_, reason, message) in ALL_WELL {
            let trouble = self.trouble(type_);
            let status = if trouble.is_some() { "True" } else { "False" };
            let (reason, message) = trouble.unwrap_or_else(|| (reason, message.to_string()));
            let new = NamespaceCondition {
                type_: type_.into(),
                status: status.into(),
                reason: Some(reason.into()),
                message: Some(message),
                last_transition_time: Some(now.to_time()),
            };
            match conditions.iter_mut().find(|condition| condition.type_ == type_) {
                None => conditions.push(new),
                Some(known) if known.status == status => {
                    *known =
                        NamespaceCondition { last_transition_time: known.last_transition_time.take(), ..new };
                }
                Some(known) => *known = new,
            }
        }
        updated
    }

    /// What is not well as far as a condition says, and in which words.
    fn trouble(&self, condition: &str) -> Option<(&'static str, String)> {
        let sorted = |mut parts: Vec<String>| {
            sorting::sort_by(&mut parts, Ord::cmp);
            parts.join(", ")
        };
        match condition {
            "NamespaceDeletionContentFailure" if !self.failures.is_empty() => {
                let (count, all) = (self.failures.len(), sorted(self.failures.clone()));
                let message = format!("Failed to delete all resource types, {count} remaining: {all}");
                Some(("ContentDeletionFailed", message))
            }
            "NamespaceContentRemaining" if !self.remaining.is_empty() => {
                let part = |(kind, count): &(Kind, usize)| {
                    let info = kind.info();
                    format!("{}.{} has {count} resource instances", info.plural, info.group)
                };
                let all = sorted(self.remaining.iter().map(part).collect());
                Some(("SomeResourcesRemain", format!("Some resources are remaining: {all}")))
            }
            "NamespaceFinalizersRemaining" if !self.finalizers.is_empty() => {
                let part = |(name, count): (&String, &usize)| format!("{name} in {count} resource instances");
                let all = sorted(self.finalizers.iter().map(part).collect());
                Some(("SomeFinalizersRemain", format!("Some finalizers are remaining: {all}")))
            }
            _ => None,
        }
    }
}

/// How long the pods may take that still run; zero once that is over (`estimateGracefulTermination`).
fn estimate_of_pods(namespace: &Namespace, client: &Client<'_>) -> u64 {
    let runs = |pod: &&Pod| !matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let pods = client.live().list::<Pod>(Some(namespace.name())).filter(runs);
    let longest = pods.filter_map(|pod| pod.spec.termination_grace_period_seconds).max().unwrap_or(0);
    let since = namespace.meta.deletion_timestamp.as_ref().map_or(client.now(), SimTime::from_time);
    let longest = u64::try_from(longest).unwrap_or(0);
    if client.now().since(since) >= SimDuration::from_secs(longest) { 0 } else { longest }
}
