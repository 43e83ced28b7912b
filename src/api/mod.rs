//! Objects and the small vocabulary around them: quantities, selectors, taints, conditions, the kinds that
//! exist and the errors a client can see. Nothing here changes state.

pub mod condition;
pub mod explain;
pub mod field_error;
pub mod hash;
pub mod int_or_string;
pub mod kind;
pub mod manifest;
pub mod meta;
pub mod node_selector;
pub mod object;
pub mod patch;
pub mod pod_status;
pub mod quantity;
pub mod schema;
pub mod selector;
pub mod sorting;
pub mod status;
pub mod taint;
pub mod typed;

pub use kind::Kind;
pub use meta::{Key, MetaExt};
pub use object::{
    ControllerRevision, CronJob, DaemonSet, Deployment, EndpointSlice, Event, HorizontalPodAutoscaler, Job,
    KubeObject, Lease, Namespace, Node, Object, PersistentVolume, PersistentVolumeClaim, Pod,
    PodDisruptionBudget, ReplicaSet, ReplicationController, ResourceQuota, Service, StatefulSet,
    StorageClass, Tree, Typed,
};
pub use status::Status;

/// The Kubernetes types of the modelled kinds' fields.
pub mod k8s {
    pub use k8s_openapi::api::apps::v1::{
        DaemonSetCondition, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, DeploymentCondition,
        DeploymentSpec, DeploymentStatus, DeploymentStrategy, ReplicaSetCondition, ReplicaSetSpec,
        ReplicaSetStatus, RollingUpdateDaemonSet, RollingUpdateDeployment, RollingUpdateStatefulSetStrategy,
        StatefulSetCondition, StatefulSetOrdinals, StatefulSetPersistentVolumeClaimRetentionPolicy,
        StatefulSetSpec, StatefulSetStatus, StatefulSetUpdateStrategy,
    };
    pub use k8s_openapi::api::autoscaling::v2::{
        ContainerResourceMetricSource, ContainerResourceMetricStatus, CrossVersionObjectReference,
        ExternalMetricSource, ExternalMetricStatus, HPAScalingPolicy, HPAScalingRules,
        HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerSpec,
        HorizontalPodAutoscalerStatus, MetricIdentifier, MetricSpec, MetricStatus, MetricTarget,
        MetricValueStatus, ObjectMetricSource, ObjectMetricStatus, PodsMetricSource, PodsMetricStatus,
        ResourceMetricSource, ResourceMetricStatus,
    };
    pub use k8s_openapi::api::batch::v1::{
        CronJobSpec, CronJobStatus, JobCondition, JobSpec, JobStatus, JobTemplateSpec, PodFailurePolicy,
        PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
        SuccessPolicy, SuccessPolicyRule, UncountedTerminatedPods,
    };
    pub use k8s_openapi::api::coordination::v1::LeaseSpec;
    pub use k8s_openapi::api::core::v1::*;
    pub use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
    pub use k8s_openapi::api::policy::v1::{PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
    pub use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
        Condition, LabelSelector, LabelSelectorRequirement, MicroTime, ObjectMeta, OwnerReference, Time,
    };
    pub use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
}
