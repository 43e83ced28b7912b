//! The plugins, one file each and all in the same shape. A plugin is that file, its name in [`names`] and a line in
//! [`defaults`].

pub mod default_binder;
pub mod default_preemption;
pub mod dynamic_resources;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod names;
pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources_balanced_allocation;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod node_volume_limits;
pub mod pod_topology_spread;
pub mod priority_sort;
pub mod scheduling_gates;
pub mod taint_toleration;
#[cfg(test)]
pub(crate) mod test_support;
pub mod volume_binding;
pub mod volume_restrictions;
pub mod volume_zone;

use std::sync::Arc;

use super::framework::Plugin;
use super::framework::registry::Enabled;

fn enabled(plugin: impl Plugin + 'static, weight: i64) -> Enabled {
    Enabled { plugin: Arc::new(plugin), weight }
}

/// The plugins that are enabled by default, in the order of all extension points, with their weights
/// (`apis/config/v1/default_plugins.go`). A weight of zero belongs to a plugin that does not score.
pub fn defaults() -> Vec<Enabled> {
    vec![
        enabled(scheduling_gates::SchedulingGates, 0),
        enabled(priority_sort::PrioritySort, 0),
        enabled(node_unschedulable::NodeUnschedulable, 0),
        enabled(node_name::NodeName, 0),
        enabled(taint_toleration::TaintToleration, 3),
        enabled(node_affinity::NodeAffinity, 2),
        enabled(node_ports::NodePorts, 0),
        enabled(node_resources_fit::NodeResourcesFit::default(), 1),
        enabled(volume_restrictions::VolumeRestrictions, 0),
        enabled(node_volume_limits::NodeVolumeLimits, 0),
        enabled(volume_binding::VolumeBinding::default(), 0),
        enabled(volume_zone::VolumeZone, 0),
        enabled(pod_topology_spread::PodTopologySpread::default(), 2),
        enabled(inter_pod_affinity::InterPodAffinity::default(), 2),
        enabled(dynamic_resources::DynamicResources, 2),
        enabled(default_preemption::DefaultPreemption::default(), 0),
        enabled(node_resources_balanced_allocation::NodeResourcesBalancedAllocation::default(), 1),
        enabled(image_locality::ImageLocality, 1),
        enabled(default_binder::DefaultBinder, 0),
    ]
}
