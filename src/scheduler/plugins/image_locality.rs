//! `ImageLocality`: prefers nodes that have the pod's images already, the more the larger the images, damped by how many
//! nodes have them so that a popular image does not draw every pod to one node.
//!
//! Upstream: `plugins/imagelocality`.

use std::collections::BTreeMap;

use crate::api::k8s::PodSpec;
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::framework::{Cycle, MAX_NODE_SCORE, Plugin, PreScore, State};

/// Images below 23 MB in all make no difference.
const MIN_BYTES: i64 = 23 * 1024 * 1024;
/// Beyond 1000 MB a container, more makes none.
const MAX_BYTES_PER_CONTAINER: i64 = 1000 * 1024 * 1024;

/// See the module.
pub struct ImageLocality;

/// How many nodes have an image, of how many.
struct Spread {
    holders: BTreeMap<String, i64>,
    nodes: i64,
}

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn pre_score(&self, cycle: &Cycle<'_>, _: &[&NodeInfo]) -> PreScore {
        let wanted = images(&cycle.pod.spec);
        let mut holders: BTreeMap<String, i64> = BTreeMap::new();
        for node in cycle.cache.nodes() {
            for image in wanted.iter().filter(|image| size_on(node, image).is_some()) {
                *holders.entry(image.clone()).or_default() += 1;
            }
        }
        PreScore::Continue(Some(Box::new(Spread { holders, nodes: cycle.cache.nodes().len() as i64 })))
    }

    fn score(&self, cycle: &Cycle<'_>, state: &State, node: &NodeInfo) -> i64 {
        let Some(spread) = state.as_ref().and_then(|state| state.downcast_ref::<Spread>()) else { return 0 };
        let spec = &cycle.pod.spec;
        let damped = |image: &String| {
            let holders = spread.holders.get(image).copied().unwrap_or(0);
            size_on(node, image)
                .map_or(0, |bytes| (bytes as f64 * (holders as f64 / spread.nodes as f64)) as i64)
        };
        let sum: i64 = images(spec).iter().map(damped).sum();
        let containers = spec.containers.len() + spec.init_containers.as_ref().map_or(0, Vec::len);
        let most = MAX_BYTES_PER_CONTAINER * containers as i64;
        MAX_NODE_SCORE * (sum.clamp(MIN_BYTES, most) - MIN_BYTES) / (most - MIN_BYTES)
    }
}

/// The images of all containers, with `:latest` where there is no tag.
fn images(spec: &PodSpec) -> Vec<String> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.filter_map(|container| container.image.as_deref()).map(normalized).collect()
}

fn normalized(image: &str) -> String {
    let tagged = image.rfind(':') > image.rfind('/');
    if tagged { image.into() } else { format!("{image}:latest") }
}

fn size_on(node: &NodeInfo, image: &str) -> Option<i64> {
    let images = node.node.status.images.iter().flatten();
    images
        .filter(|held| held.names.iter().flatten().any(|name| name == image))
        .find_map(|held| held.size_bytes)
}
