//! kubeviz: a deterministic model of a Kubernetes 1.36 cluster. The library is the simulator and knows no screen.

pub mod api;
pub mod apiserver;
pub mod client;
pub mod clock;
pub mod controllers;
pub mod kubectl;
pub mod kubelet;
pub mod network;
pub mod rng;
pub mod scenario;
pub mod scheduler;
pub mod sim;
pub mod testing;
pub mod view;
