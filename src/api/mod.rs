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
    Deployment, EndpointSlice, Event, KubeObject, Lease, Namespace, Node, Object, Pod, ReplicaSet, Service,
    Tree, Typed,
};
pub use status::Status;

/// The Kubernetes types of the modelled kinds' fields.
pub mod k8s {
    pub use k8s_openapi::api::apps::v1::{
        DeploymentCondition, DeploymentSpec, DeploymentStatus, DeploymentStrategy, ReplicaSetCondition,
        ReplicaSetSpec, ReplicaSetStatus, RollingUpdateDeployment,
    };
    pub use k8s_openapi::api::coordination::v1::LeaseSpec;
    pub use k8s_openapi::api::core::v1::*;
    pub use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
    pub use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
        LabelSelector, LabelSelectorRequirement, MicroTime, ObjectMeta, OwnerReference, Time,
    };
    pub use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
}
