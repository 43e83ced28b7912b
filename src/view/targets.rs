//! What there is to act on, by name.

use crate::api::{Kind, MetaExt, Pod};
use crate::sim::{Simulation, View};

/// More pods than this are named at the console.
const PODS: usize = 200;

/// Names that an action can be done to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Nodes.
    pub nodes: Vec<String>,
    /// Pods of one namespace, not more than can be chosen from.
    pub pods: Vec<String>,
    /// Services of that namespace that take requests of anybody.
    pub services: Vec<String>,
    /// Images of pods of that namespace, and those that were taken from the registry; and whether each was.
    pub images: Vec<(String, bool)>,
    /// Components of the control plane, and whether each is stopped.
    pub components: Vec<(&'static str, bool)>,
}

/// What there is in a view; `live` knows what runs.
pub fn targets(view: &View, live: &Simulation) -> Targets {
    let names = |kind: Kind, within: Option<&str>| {
        view.objects(kind, within).map(|object| object.name().to_string()).collect::<Vec<String>>()
    };
    let within = Some(live.namespace());
    let mut pods = names(Kind::POD, within);
    pods.truncate(PODS);
    let missing = live.missing_images();
    let mut images: Vec<(String, bool)> = missing.iter().map(|image| (image.clone(), true)).collect();
    for pod in view.list::<Pod>(within).take(PODS) {
        for image in pod.spec.containers.iter().filter_map(|container| container.image.as_ref()) {
            if !live.is_image_missing(image) && images.iter().all(|(known, _)| known != image) {
                images.push((image.clone(), false));
            }
        }
    }
    let mut services = names(Kind::SERVICE, within);
    // The API server's own.
    services.retain(|name| name != "kubernetes");
    Targets { nodes: names(Kind::NODE, None), pods, services, images, components: live.components() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Config;

    #[test]
    fn what_can_be_acted_on_is_named() {
        let mut simulation = Simulation::new(Config::small(1));
        for line in ["create service clusterip web --tcp=80", "run one --image=nginx:1.27"] {
            assert_eq!(simulation.kubectl_line(line).code, 0, "{line}");
        }
        simulation.kubectl_line("fault stop job-controller");
        simulation.kubectl_line("fault image busybox missing");
        let found = targets(simulation.view(), &simulation);
        assert_eq!(found.nodes, ["node-1", "node-2", "node-3"]);
        let images = [("docker.io/library/busybox:latest", true), ("nginx:1.27", false)];
        assert_eq!(found.images, images.map(|(name, missing)| (name.to_string(), missing)));
        assert_eq!((found.pods, found.services), (vec!["one".to_string()], vec!["web".to_string()]));
        let stopped: Vec<&str> =
            found.components.iter().filter(|(_, stopped)| *stopped).map(|(name, _)| *name).collect();
        assert_eq!(stopped, ["job-controller"]);
    }
}
