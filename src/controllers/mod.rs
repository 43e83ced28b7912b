//! The controllers: loops that compare what is wanted with what there is, and take one step. None knows another;
//! they meet in objects.

pub mod cloud;
mod cluster_role_aggregation;
pub mod cronjob;
pub mod custom_resources;
pub mod daemonset;
pub mod deployment;
pub mod disruption;
pub mod endpoint;
pub mod endpointslice;
mod expectations;
pub mod garbage_collector;
mod history;
pub mod job;
mod looks;
pub mod namespace;
pub mod node_ipam;
pub mod node_lifecycle;
mod owner_index;
pub mod persistentvolume;
mod pod_control;
pub mod pod_gc;
pub mod podautoscaler;
pub mod pods;
pub mod ref_manager;
pub mod replicaset;
pub mod resource_claim;
pub mod resource_quota;
pub mod serviceaccount;
pub mod serviceaccount_token;
mod services;
pub mod statefulset;
pub mod taint_eviction;
pub mod ttl;
pub mod ttl_after_finished;

use crate::api::{Key, Kind, Status};
use crate::client::{Change, Client, Retries, View, WorkQueue};
use crate::clock::SimDuration;

/// What a controller wants after a look at one key (kube-rs' `Action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing until something changes.
    AwaitChange,
    /// Another look after so long, whatever happens.
    RequeueAfter(SimDuration),
}

/// One controller. It holds no more state of its own than upstream's does (expectations, back-offs); everything else
/// is read from its informer's view at each look.
pub trait Controller: CloneController {
    /// The name it writes events under: `deployment-controller`.
    fn name(&self) -> &'static str;

    /// The kinds whose changes it is told of.
    fn watches(&self) -> &'static [Kind];

    /// Whether it looks at its keys for ever, at intervals: then a look that is due says nothing about activity.
    fn is_periodic(&self) -> bool {
        false
    }

    /// How it tries again what failed.
    fn retries(&self) -> Retries {
        Retries::DEFAULT
    }

    /// Turns a change into the keys that deserve a look.
    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue);

    /// Takes note that a node's heartbeats have ended: no change says so, as none says that they go on.
    fn heartbeats_ended(&mut self, _node: &str, _queue: &mut WorkQueue) {}

    /// Looks at one key and takes the step that is due. `view` is the cluster as last delivered to this controller;
    /// `client` writes.
    ///
    /// # Errors
    /// What the API server refused: the key is tried again after a back-off.
    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status>;
}

/// Lets a boxed controller be cloned with the simulation.
pub trait CloneController: Send {
    /// A copy, state and all.
    fn clone_box(&self) -> Box<dyn Controller>;
}

impl<C: Controller + Clone + 'static> CloneController for C {
    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Controller> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// What of the controllers is a matter of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Between two looks at an autoscaler (`horizontal-pod-autoscaler-sync-period`).
    pub autoscaler_sync: SimDuration,
    /// How long a node may be silent (`node-monitor-grace-period`).
    pub node_monitor_grace: SimDuration,
    /// How often a node is looked at (`node-monitor-period`).
    pub node_monitor: SimDuration,
    /// Whether Services of type LoadBalancer and Ingresses get addresses, as with a cloud provider and an ingress controller,
    /// and whether volumes are attached, deleted and enlarged, as with a storage driver.
    pub cloud: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            autoscaler_sync: SimDuration::from_secs(15),
            node_monitor_grace: SimDuration::from_secs(50),
            node_monitor: SimDuration::from_secs(5),
            cloud: true,
        }
    }
}

/// Every controller that runs, one line each.
pub fn all(settings: &Settings) -> Vec<Box<dyn Controller>> {
    let mut all: Vec<Box<dyn Controller>> = vec![
        Box::new(deployment::DeploymentController::default()),
        Box::new(replicaset::ReplicaSetController::default()),
        Box::new(replicaset::ReplicaSetController::of_replication_controllers()),
        Box::new(daemonset::DaemonSetController::default()),
        Box::new(job::JobController::default()),
        Box::new(ttl_after_finished::TtlAfterFinishedController),
        Box::new(cronjob::CronJobController::default()),
        Box::new(statefulset::StatefulSetController::default()),
        Box::new(endpointslice::EndpointSliceController::default()),
        Box::new(endpoint::EndpointsController::default()),
        Box::new(garbage_collector::GarbageCollector::default()),
        Box::new(namespace::NamespaceController::default()),
        Box::new(serviceaccount::ServiceAccountsController),
        Box::new(serviceaccount::RootCaCertPublisher),
        Box::new(node_lifecycle::NodeLifecycleController::new(settings)),
        Box::new(disruption::DisruptionController::default()),
        Box::new(resource_quota::ResourceQuotaController::default()),
        Box::new(resource_claim::ResourceClaimController),
        Box::new(persistentvolume::PersistentVolumeController),
        Box::new(persistentvolume::AttachDetachController::default()),
        Box::new(persistentvolume::ProvisionerController::default()),
        Box::new(persistentvolume::EphemeralVolumeController),
        Box::new(persistentvolume::PvcProtectionController),
        Box::new(persistentvolume::PvProtectionController),
        Box::new(podautoscaler::HorizontalController::new(settings.autoscaler_sync)),
        Box::new(node_ipam::NodeIpamController::default()),
        Box::new(ttl::TtlController::default()),
        Box::new(taint_eviction::TaintEvictionController::default()),
        Box::new(pod_gc::PodGcController::default()),
        Box::new(custom_resources::CustomResourceFinalizer),
        Box::new(cluster_role_aggregation::ClusterRoleAggregationController),
    ];
    if settings.cloud {
        all.push(Box::new(cloud::ServiceController::default()));
        all.push(Box::new(cloud::IngressController::default()));
        all.push(Box::new(persistentvolume::AttacherController::default()));
        all.push(Box::new(persistentvolume::DeleterController::default()));
        all.push(Box::new(persistentvolume::ResizerController::default()));
    }
    all.push(Box::new(endpointslice::mirroring::MirroringController::default()));
    all.push(Box::new(serviceaccount_token::TokensController));
    all
}
