//! The plugins, one file each and all in the same shape. A plugin is that file, its name in [`names`] and a line in
//! [`ALL`].

pub mod default_binder;
pub mod default_preemption;
pub mod dynamic_resources;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod names;
pub mod node_affinity;
pub mod node_declared_features;
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

use serde_json::Value;

use super::framework::Plugin;
use super::framework::registry::Enabled;
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::text;

/// The arguments of a plugin (`pluginConfig[].args`); null for none.
pub struct Args<'a> {
    /// What they say.
    pub value: &'a Value,
    /// Where they stand, for errors.
    pub path: Path,
}

impl Args<'_> {
    /// A number, or what it is by default.
    pub fn number(&self, name: &str, default: i64) -> i64 {
        self.value[name].as_i64().unwrap_or(default)
    }

    /// The elements of a list, with their places.
    pub fn list(&self, name: &str) -> impl Iterator<Item = (Path, &Value)> {
        let path = self.path.child(name);
        let elements = self.value[name].as_array().into_iter().flatten();
        elements.enumerate().map(move |(place, element)| (path.index(place), element))
    }
}

/// What is wrong with a text that is to be the key of a label (`ValidateLabelName`).
pub fn label_name_errors<'t>(path: &'t Path, name: &'t str) -> impl Iterator<Item = FieldError> + 't {
    let reasons = text::qualified_name(name).into_iter();
    reasons.map(move |why| FieldError::invalid(path, quoted(name), &why))
}

/// A plugin, or what is wrong with its arguments.
pub type Made = Result<Arc<dyn Plugin>, Vec<FieldError>>;

/// How a plugin is made.
type Make = fn(&Args<'_>) -> Made;

fn plain<P: Plugin + Default + 'static>(_: &Args<'_>) -> Made {
    Ok(Arc::new(P::default()))
}

/// The plugins, in the order of all extension points, with their weights in the default profile
/// (`apis/config/v1/default_plugins.go`). A weight of zero belongs to a plugin that does not score.
const ALL: [(&str, i64, Make); 20] = [
    (names::SCHEDULING_GATES, 0, plain::<scheduling_gates::SchedulingGates>),
    (names::PRIORITY_SORT, 0, plain::<priority_sort::PrioritySort>),
    (names::NODE_UNSCHEDULABLE, 0, plain::<node_unschedulable::NodeUnschedulable>),
    (names::NODE_NAME, 0, plain::<node_name::NodeName>),
    (names::TAINT_TOLERATION, 3, plain::<taint_toleration::TaintToleration>),
    (names::NODE_AFFINITY, 2, node_affinity::NodeAffinity::make),
    (names::NODE_PORTS, 0, plain::<node_ports::NodePorts>),
    (names::NODE_RESOURCES_FIT, 1, node_resources_fit::NodeResourcesFit::make),
    (names::VOLUME_RESTRICTIONS, 0, plain::<volume_restrictions::VolumeRestrictions>),
    (names::NODE_VOLUME_LIMITS, 0, plain::<node_volume_limits::NodeVolumeLimits>),
    (names::VOLUME_BINDING, 0, volume_binding::VolumeBinding::make),
    (names::VOLUME_ZONE, 0, plain::<volume_zone::VolumeZone>),
    (names::POD_TOPOLOGY_SPREAD, 2, pod_topology_spread::PodTopologySpread::make),
    (names::INTER_POD_AFFINITY, 2, inter_pod_affinity::InterPodAffinity::make),
    (names::DYNAMIC_RESOURCES, 2, dynamic_resources::DynamicResources::make),
    (names::DEFAULT_PREEMPTION, 0, default_preemption::DefaultPreemption::make),
    (
        names::NODE_RESOURCES_BALANCED_ALLOCATION,
        1,
        node_resources_balanced_allocation::NodeResourcesBalancedAllocation::make,
    ),
    (names::IMAGE_LOCALITY, 1, plain::<image_locality::ImageLocality>),
    (names::DEFAULT_BINDER, 0, plain::<default_binder::DefaultBinder>),
    (names::NODE_DECLARED_FEATURES, 0, plain::<node_declared_features::NodeDeclaredFeatures>),
];

/// The names of all plugins, in their order.
pub fn names_in_order() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, ..)| *name)
}

/// Makes a plugin. `None` if there is none of that name.
pub fn make(name: &str, args: &Args<'_>) -> Option<Made> {
    ALL.iter().find(|(known, ..)| *known == name).map(|(.., make)| make(args))
}

/// The plugins that are enabled by default, with their weights, without arguments.
pub fn defaults() -> Vec<Enabled> {
    let args = Args { value: &Value::Null, path: Path::default() };
    let made = |(_, weight, make): &(&str, i64, Make)| {
        make(&args).ok().map(|plugin| Enabled { plugin, weight: *weight })
    };
    ALL.iter().filter_map(made).collect()
}
