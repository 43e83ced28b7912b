//! Tells kubelets for how long they may keep what they read, by the size of the cluster (`pkg/controller/ttl`).

use super::{Action, Controller};
use crate::api::{Key, Kind, MetaExt, Node, Object, Status};
use crate::client::{Change, Client, View, WorkQueue};

const ANNOTATION: &str = "node.alpha.kubernetes.io/ttl";

/// The sizes of clusters: the fewest and the most nodes, and so many seconds. A cluster that shrinks keeps its step for a while.
const STEPS: [(usize, usize, u32); 5] =
    [(0, 100, 0), (90, 500, 15), (450, 1_000, 30), (900, 2_000, 60), (1_800, usize::MAX, 300)];

/// The controller, with the number of nodes and the step that they are on.
#[derive(Clone, Copy, Debug, Default)]
pub struct TtlController {
    nodes: usize,
    step: usize,
}

impl TtlController {
    fn count(&mut self, nodes: usize) {
        self.nodes = nodes;
        let (fewest, most, _) = STEPS[self.step];
        if nodes > most {
            self.step += 1;
        } else if nodes < fewest {
            self.step -= 1;
        }
    }

    fn seconds(&self) -> u32 {
        STEPS[self.step].2
    }
}

impl Controller for TtlController {
    fn name(&self) -> &'static str {
        "ttl-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NODE]
    }

    /// When the step changes, each node is told with its own next change: kubelets write their status all the time.
    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match (&change.before, &change.after) {
            (None, Some(_)) => self.count(self.nodes + 1),
            (Some(_), None) => return self.count(self.nodes.saturating_sub(1)),
            _ => {}
        }
        let wanted = self.seconds().to_string();
        let stands =
            change.after.as_ref().and_then(|node| node.annotation(ANNOTATION)) == Some(wanted.as_str());
        if !stands {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let wanted = self.seconds().to_string();
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
    use super::TtlController;

    #[test]
    fn the_larger_the_cluster_the_longer_and_a_smaller_one_keeps_it_for_a_while() {
        let mut controller = TtlController::default();
        let cases = [(1, 0), (100, 0), (101, 15), (95, 15), (90, 15), (89, 0), (501, 30), (1_001, 60)];
        for (nodes, want) in cases {
            while controller.nodes < nodes {
                controller.count(controller.nodes + 1);
            }
            while controller.nodes > nodes {
                controller.count(controller.nodes - 1);
            }
            assert_eq!(controller.seconds(), want, "{nodes} nodes");
        }
    }
}
