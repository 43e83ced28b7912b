//! Stand-ins for what a cluster gets from its surroundings: a cloud provider that gives Services of type LoadBalancer their
//! addresses, and an ingress controller that says where Ingresses are reached.

mod changes;
mod ingress;
mod service;

pub use ingress::IngressController;
pub use service::ServiceController;
