//! The plugins, one file each. A plugin is that file and a line in the default profile.

mod balanced_allocation;
mod image_locality;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod scheduling_gates;
mod taint_toleration;

use super::framework::runtime::Enabled;

/// The default profile of 1.36 as far as it is modelled: the plugins in filter order, with their scoring weights.
pub static DEFAULT_PROFILE: &[Enabled] = &[
    Enabled { plugin: &scheduling_gates::SchedulingGates, weight: 0 },
    Enabled { plugin: &node_unschedulable::NodeUnschedulable, weight: 0 },
    Enabled { plugin: &node_name::NodeName, weight: 0 },
    Enabled { plugin: &taint_toleration::TaintToleration, weight: 3 },
    Enabled { plugin: &node_affinity::NodeAffinity, weight: 2 },
    Enabled { plugin: &node_ports::NodePorts, weight: 0 },
    Enabled { plugin: &node_resources_fit::NodeResourcesFit, weight: 1 },
    Enabled { plugin: &balanced_allocation::NodeResourcesBalancedAllocation, weight: 1 },
    Enabled { plugin: &image_locality::ImageLocality, weight: 1 },
];
