//! The Deployment controller: moves pods from one template to the next by scaling ReplicaSets against each other.
//! Models `pkg/controller/deployment`.

mod progress;
mod recreate;
mod revision;
mod rolling;
mod sync;

use super::{Action, Controller};
use crate::api::{Deployment, Key, Kind, KubeObject, MetaExt, Object, Pod, ReplicaSet, Status};
use crate::client::{Change, Client, View, WorkQueue};

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

/// The controller. It remembers nothing between two looks.
#[derive(Clone, Debug)]
pub struct DeploymentController;

/// A Deployment with its ReplicaSets, as one look sees them.
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

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let object = change.object();
        match &**object {
            Object::Deployment(_) => queue.add(change.key.clone(), Some(change.revision)),
            Object::ReplicaSet(set) => match set.controller() {
                Some(owner) if owner.kind == "Deployment" => {
                    queue
                        .add(Key::new(Kind::DEPLOYMENT, set.namespace(), &owner.name), Some(change.revision));
                }
                Some(_) => {}
                None => {
                    let selects = |d: &&Deployment| sync::selector_of(d).matches(set.labels());
                    for deployment in view.list::<Deployment>(Some(set.namespace())).filter(selects) {
                        queue.add(
                            Key::new(Kind::DEPLOYMENT, set.namespace(), deployment.name()),
                            Some(change.revision),
                        );
                    }
                }
            },
            // Only the last pod's end matters, and only to Recreate, which waits for it.
            Object::Pod(pod) if change.after.is_none() => {
                if let Some(deployment) = deployment_of(pod, view).filter(|d| is_recreate(d)) {
                    queue.add(
                        Key::new(Kind::DEPLOYMENT, pod.namespace(), deployment.name()),
                        Some(change.revision),
                    );
                }
            }
            _ => {}
        }
    }

    /// Models `syncDeployment`: guards in a fixed order, then the strategy.
    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(deployment) = view.get::<Deployment>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let sets = sync::claim_replica_sets(deployment, view, client)?;
        let mut rollout = sync::arrange(deployment.clone(), sets);
        if deployment.is_deleting() {
            return progress::sync_status(&rollout, client);
        }
        progress::check_paused(&mut rollout, client)?;
        if rollout.deployment.spec.paused == Some(true) || sync::is_scaling_event(&rollout) {
            sync::scale(&mut rollout, client)?;
            if rollout.deployment.spec.paused == Some(true) {
                revision::cleanup(&rollout, client)?;
            }
            return progress::sync_status(&rollout, client);
        }
        if is_recreate(&rollout.deployment) {
            recreate::roll(&mut rollout, view, client)
        } else {
            rolling::roll(&mut rollout, client)
        }
    }
}

fn is_recreate(deployment: &Deployment) -> bool {
    deployment.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// The Deployment behind a pod, by way of its ReplicaSet.
fn deployment_of<'a>(pod: &Pod, view: &'a View) -> Option<&'a Deployment> {
    let set = view.get::<ReplicaSet>(pod.namespace(), &pod.controller()?.name)?;
    let owner = set.controller().filter(|owner| owner.kind == Deployment::KIND.name())?;
    view.get::<Deployment>(pod.namespace(), &owner.name)
}
