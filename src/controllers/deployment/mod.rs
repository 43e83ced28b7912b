//! The Deployment controller: moves pods from one template to the next by scaling ReplicaSets against each other.
//! Models `pkg/controller/deployment`.

mod conditions;
mod hash;
mod outlook;
mod progress;
mod recreate;
mod revision;
mod rolling;
mod scale;
mod sync;

pub use hash::{safe_encode, template_hash};
pub use outlook::{Outlook, outlook};
pub use revision::revision_of;
pub use rolling::Bounds;

use super::owner_index::OwnerIndex;
use super::pods::is_terminal;
use super::ref_manager::claim;
use super::{Action, Controller};
use crate::api::k8s::OwnerReference;
use crate::api::selector::Selector;
use crate::api::{Deployment, Key, Kind, KubeObject, MetaExt, Object, Pod, ReplicaSet, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, Retries, View, WorkQueue};

/// The annotation with a ReplicaSet's, and its Deployment's, revision number.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation with the revisions a ReplicaSet had before it was used again.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The annotation with the Deployment's size when the ReplicaSet was last scaled.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The annotation with that size plus the surge.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// The label that tells the pods of one template from those of another.
pub const TEMPLATE_HASH: &str = "pod-template-hash";

/// The controller. It remembers nothing between two looks but who owns what.
#[derive(Clone, Debug)]
pub struct DeploymentController {
    sets: OwnerIndex,
    pods: OwnerIndex,
}

impl Default for DeploymentController {
    fn default() -> Self {
        DeploymentController {
            sets: OwnerIndex::of(Kind::REPLICA_SET, Kind::DEPLOYMENT),
            pods: OwnerIndex::of(Kind::POD, Kind::REPLICA_SET),
        }
    }
}

/// A Deployment with its ReplicaSets, as one look found them. The counts of a look are all taken from here: what the look
/// itself scales shows up in the next one, when the watch has brought it back.
pub(super) struct Rollout {
    deployment: Deployment,
    /// The one with the current template, if it exists.
    new: Option<ReplicaSet>,
    /// All others, oldest first.
    old: Vec<ReplicaSet>,
}

impl Rollout {
    fn all(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().chain(&self.new)
    }

    fn desired(&self) -> i32 {
        self.deployment.spec.replicas.unwrap_or(1)
    }
}

/// Counts together. Several sets may be asked for as many as there can be.
fn total(counts: impl Iterator<Item = i32>) -> i32 {
    counts.fold(0, i32::saturating_add)
}

/// Pods that a ReplicaSet is asked for.
fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

/// Pods of a ReplicaSet that are available.
fn available(set: &ReplicaSet) -> i32 {
    set.status.available_replicas.unwrap_or(0)
}

impl Controller for DeploymentController {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::DEPLOYMENT, Kind::REPLICA_SET, Kind::POD]
    }

    fn retries(&self) -> Retries {
        Retries { most: 15, ..Retries::DEFAULT }
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        self.sets.note(change);
        self.pods.note(change);
        match &**change.object() {
            Object::Deployment(_) => queue.add(change.key.clone(), Some(change.revision)),
            Object::ReplicaSet(set) => observe_set(change, set, view, queue),
            Object::Pod(pod) if change.after.is_none() => self.observe_end(change, pod, view, queue),
            _ => {}
        }
    }

    /// Models `syncDeployment`: guards in a fixed order, then the strategy.
    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(deployment) = view.get::<Deployment>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let selector = selector_of(deployment);
        if selector.requirements.is_empty() {
            let message = "This deployment is selecting all pods. A non-empty selector is required.";
            client.event(reference(deployment), EventType::Warning, "SelectingAll", message);
            return Ok(Action::AwaitChange);
        }
        let own = self.sets.controlled_by::<ReplicaSet>(deployment.uid(), &key.namespace);
        let sets = own.chain(self.sets.orphans(&key.namespace)).cloned().collect();
        let sets = claim(deployment, &selector, sets, client)?;
        let mut rollout = sync::arrange(deployment.clone(), sets);
        if deployment.is_deleting() {
            return progress::sync_status(&rollout, client);
        }
        progress::check_paused(&mut rollout, client)?;
        if deployment.spec.paused == Some(true) {
            sync::refresh_new_set(&mut rollout, client)?;
            scale::scale(&rollout, client)?;
            revision::cleanup(&rollout, client)?;
            return progress::sync_status(&rollout, client);
        }
        sync::refresh_new_set(&mut rollout, client)?;
        if scale::is_scaling_event(&rollout) {
            scale::scale(&rollout, client)?;
            return progress::sync_status(&rollout, client);
        }
        if is_recreate(&rollout.deployment) {
            let blocked = self.old_pods_run(&rollout);
            recreate::roll(&mut rollout, blocked, client)
        } else {
            rolling::roll(&mut rollout, client)
        }
    }
}

impl DeploymentController {
    /// The end of a pod matters to `Recreate` only, which waits until the last one is gone.
    fn observe_end(&self, change: &Change, pod: &Pod, view: &View, queue: &mut WorkQueue) {
        let Some(deployment) = deployment_of(pod, view).filter(|deployment| is_recreate(deployment)) else {
            return;
        };
        let namespace = deployment.namespace();
        let mut sets = self.sets.controlled_by::<ReplicaSet>(deployment.uid(), namespace);
        if !sets.any(|set| self.pods.controlled_by::<Pod>(set.uid(), namespace).next().is_some()) {
            queue.add(Key::new(Kind::DEPLOYMENT, namespace, deployment.name()), Some(change.revision));
        }
    }

    /// Whether some old pod has not ended (`oldPodsRunning`): one that is terminating still holds its place.
    fn old_pods_run(&self, rollout: &Rollout) -> bool {
        let namespace = rollout.deployment.namespace();
        rollout.old.iter().any(|set| {
            let mut pods = self.pods.controlled_by::<Pod>(set.uid(), namespace);
            set.status.replicas > 0 || pods.any(|pod| !is_terminal(pod))
        })
    }
}

fn observe_set(change: &Change, set: &ReplicaSet, view: &View, queue: &mut WorkQueue) {
    let cause = Some(change.revision);
    let owners = [&change.before, &change.after].map(|set| owner_deployment(set.as_deref()?, view));
    for owner in owners.into_iter().flatten() {
        queue.add(Key::new(Kind::DEPLOYMENT, owner.namespace(), owner.name()), cause);
    }
    if set.controller().is_some() || change.after.is_none() {
        return;
    }
    for deployment in view.list::<Deployment>(Some(set.namespace())) {
        if selector_of(deployment).matches(set.labels()) {
            queue.add(Key::new(Kind::DEPLOYMENT, set.namespace(), deployment.name()), cause);
        }
    }
}

fn selector_of(deployment: &Deployment) -> Selector {
    Selector::from_field(&deployment.spec.selector).unwrap_or_default()
}

fn is_recreate(deployment: &Deployment) -> bool {
    deployment.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// The Deployment that controls an object, if there is one of that uid.
fn owner_deployment<'a>(object: &impl MetaExt, view: &'a View) -> Option<&'a Deployment> {
    let of_kind = |owner: &&OwnerReference| owner.kind == Deployment::KIND.name();
    let owner = object.controller().filter(of_kind)?;
    view.get::<Deployment>(object.namespace(), &owner.name).filter(|found| found.uid() == owner.uid)
}

/// The Deployment behind a pod, by way of its ReplicaSet.
fn deployment_of<'a>(pod: &Pod, view: &'a View) -> Option<&'a Deployment> {
    let set = view.get::<ReplicaSet>(pod.namespace(), &pod.controller()?.name)?;
    owner_deployment(set, view)
}
