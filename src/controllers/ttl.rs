//! Tells kubelets for how long they may keep what they read, by the size of the cluster (`pkg/controller/ttl`).

use super::{Action, Controller};
use crate::api::{Key, Kind, MetaExt, Node, Object, Status};
use crate::client::{Change, Client, View, WorkQueue};

const ANNOTATION: &str = "node.alpha.kubernetes.io/ttl";

/// From so many nodes on, so many seconds.
const STEPS: [(usize, u32); 5] = [(0, 0), (100, 15), (500, 30), (1_000, 60), (2_000, 300)];

/// The controller, with the number of nodes.
#[derive(Clone, Copy, Debug, Default)]
pub struct TtlController {
    nodes: usize,
}

fn seconds(nodes: usize) -> u32 {
    STEPS.iter().rev().find(|(from, _)| nodes >= *from).map_or(0, |(_, seconds)| *seconds)
}

impl Controller for TtlController {
    fn name(&self) -> &'static str {
        "ttl-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NODE]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let before = seconds(self.nodes);
        match (&change.before, &change.after) {
            (None, Some(_)) => self.nodes += 1,
            (Some(_), None) => self.nodes = self.nodes.saturating_sub(1),
            _ => {}
        }
        if seconds(self.nodes) != before {
            for node in view.list::<Node>(None) {
                queue.add(Key::cluster(Kind::NODE, node.name()), Some(change.revision));
            }
        } else if change.before.is_none() {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let wanted = seconds(self.nodes).to_string();
        let stands = |node: &Node| node.annotation(ANNOTATION) == Some(wanted.as_str());
        let known = view.get::<Node>("", &key.name);
        if let (Some(false), Ok(node)) = (known.map(stands), client.get(key)) {
            let mut object: Object = (*node).clone();
            object.meta_mut().annotations.get_or_insert_default().insert(ANNOTATION.into(), wanted);
            client.update_object(object)?;
        }
        Ok(Action::AwaitChange)
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn the_larger_the_cluster_the_longer() {
        let cases = [(1, 0), (99, 0), (100, 15), (499, 15), (1_000, 60), (9_000, 300)];
        for (nodes, want) in cases {
            assert_eq!(seconds(nodes), want, "{nodes} nodes");
        }
    }
}
