//! # What it does
//! Prefers nodes that have the pod's images already: the more so the larger the images, and the less so the fewer nodes have
//! them, or the first node to pull an image would draw all pods to it.
//! # Example
//! Images of 523 MiB in all on every node: (523 - 23) of (1000 - 23) MiB, which scores 51.
//! # Upstream
//! `plugins/imagelocality`

use super::names;
use crate::api::k8s::PodSpec;
use crate::scheduler::framework::{
    Context, CycleState, MAX_NODE_SCORE, NodeInfo, Plugin, PodInfo, Point, Scope, Status,
};

/// Images below 23 MiB in all make no difference.
const MIN_THRESHOLD_BYTES: i64 = 23 * 1024 * 1024;
/// More than 1000 MiB per container makes none either.
const MAX_CONTAINER_THRESHOLD_BYTES: i64 = 1000 * 1024 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub struct ImageLocality;

/// The pod's images that some node has, each with the bytes it counts for there: its size times the share of the nodes that
/// have it.
#[derive(Clone, Debug)]
struct Images {
    scaled: Vec<(String, i64)>,
    containers: i64,
}

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        names::IMAGE_LOCALITY
    }

    fn scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreScore, Point::Score]
    }

    fn pre_score(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let spec = &pod.pod.spec;
        let scaled = images(spec).filter_map(|image| {
            let state = cx.cache.image(&image)?;
            let share = f64::from(state.nodes) / cx.cache.len() as f64;
            Some((image, (state.size_bytes as f64 * share) as i64))
        });
        let containers = spec.containers.len() + spec.init_containers.as_ref().map_or(0, Vec::len);
        state.write(Images { scaled: scaled.collect(), containers: containers as i64 });
        Ok(())
    }

    fn score(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        let Some(images) = state.read::<Images>() else { return 0 };
        let (sum, most) = (images.on(node), images.most());
        MAX_NODE_SCORE * (sum.clamp(MIN_THRESHOLD_BYTES, most) - MIN_THRESHOLD_BYTES)
            / (most - MIN_THRESHOLD_BYTES)
    }

    fn score_detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(images) = state.read::<Images>() else { return String::new() };
        let mebibytes = |bytes: i64| bytes / (1024 * 1024);
        format!(
            "images here count {} MiB, where {} MiB score 0 and {} MiB score 100",
            mebibytes(images.on(node)),
            mebibytes(MIN_THRESHOLD_BYTES),
            mebibytes(images.most()),
        )
    }
}

impl Images {
    /// The bytes that count for a node.
    fn on(&self, node: &NodeInfo) -> i64 {
        let here = self.scaled.iter().filter(|(image, _)| node.images.contains_key(image));
        here.map(|(_, bytes)| bytes).sum()
    }

    /// More make no difference.
    fn most(&self) -> i64 {
        (MAX_CONTAINER_THRESHOLD_BYTES * self.containers).max(MIN_THRESHOLD_BYTES + 1)
    }
}

/// The images of all containers.
fn images(spec: &PodSpec) -> impl Iterator<Item = String> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.filter_map(|container| container.image.as_deref()).map(normalized)
}

/// The name under which a node lists an image: with `:latest` where there is no tag.
fn normalized(image: &str) -> String {
    let is_tagged = image.rfind(':') > image.rfind('/');
    if is_tagged { image.into() } else { format!("{image}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::scores;
    use crate::testing::{container, node, pod};

    const MI: i64 = 1024 * 1024;

    #[test]
    fn large_images_that_many_nodes_have_draw_pods() {
        let uses = |image: &str| pod("p").container(container("c").image(image));
        let everywhere = [node("a").image("web:1", 523 * MI), node("b").image("web:1", 523 * MI)];
        assert_eq!(scores(ImageLocality, uses("web:1"), everywhere.clone(), []), [51, 51]);
        let on_one = [node("a").image("web:1", 523 * MI), node("b")];
        assert_eq!(
            scores(ImageLocality, uses("web:1"), on_one, []),
            [24, 0],
            "half the nodes, half the size"
        );
        assert_eq!(scores(ImageLocality, uses("db"), everywhere, []), [0, 0]);
        let untagged = [node("a").image("web:latest", 523 * MI)];
        assert_eq!(scores(ImageLocality, uses("web"), untagged, []), [51]);
    }

    #[test]
    fn a_colon_before_the_last_slash_is_a_port_and_no_tag() {
        assert_eq!(normalized("registry:5000/web"), "registry:5000/web:latest");
        assert_eq!(normalized("registry:5000/web:1"), "registry:5000/web:1");
    }
}
