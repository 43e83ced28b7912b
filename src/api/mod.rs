//! Objects and the small vocabulary around them: quantities, selectors, taints, conditions, the kinds that
//! exist and the errors a client can see. Nothing here changes state.

pub mod budgets;
pub mod cel;
pub mod condition;
pub mod cron;
pub mod definition;
pub mod explain;
pub mod field_error;
pub mod hash;
pub mod int_or_string;
pub mod jwt;
pub mod kind;
pub mod later;
pub mod managed;
pub mod manifest;
pub mod meta;
pub mod node_selector;
pub mod object;
pub mod patch;
pub mod pod_status;
pub mod quantity;
pub mod quota;
pub mod regexp;
pub mod schema;
pub mod sed;
pub mod selector;
pub mod sha256;
pub mod sorting;
pub mod status;
pub mod structural;
pub mod taint;
pub mod text;
pub mod unsimulated;
pub mod versions;

pub use kind::Kind;
pub use meta::{Key, MetaExt};
pub use object::{
    ControllerRevision, CronJob, DaemonSet, Deployment, EndpointSlice, Event, HorizontalPodAutoscaler, Job,
    KubeObject, Lease, Namespace, Node, Object, PersistentVolume, PersistentVolumeClaim, Pod,
    PodDisruptionBudget, ReplicaSet, ReplicationController, ResourceQuota, Service, StatefulSet,
    StorageClass, Tree, Typed, VolumeAttachment,
};
pub use status::Status;

/// Between JSON trees and the fields' Rust types.
pub mod typed {
    pub use kube_types::{Misfit, Part, object, read, weigh_map, write};
}

/// The Kubernetes types of the modelled kinds' fields.
pub mod k8s {
    pub use kube_types::apps_v1::*;
    pub use kube_types::autoscaling_v2::*;
    pub use kube_types::batch_v1::*;
    pub use kube_types::coordination_v1::LeaseSpec;
    pub use kube_types::core_v1::*;
    pub use kube_types::discovery_v1::{
        Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSliceFields, ForNode, ForZone,
    };
    pub use kube_types::meta_v1::*;
    pub use kube_types::networking_v1::{
        HTTPIngressPath, IPBlock, IngressBackend, IngressSpec, NetworkPolicyPeer, NetworkPolicyPort,
        NetworkPolicySpec, ServiceBackendPort,
    };
    pub use kube_types::policy_v1::*;
    pub use kube_types::storage_v1::*;
    pub use kube_types::{IntOrString, MicroTime, Quantity, Time};
}
