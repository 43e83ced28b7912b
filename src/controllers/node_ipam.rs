//! Gives each node a range of addresses for its pods, out of the cluster's (`pkg/controller/nodeipam`, `RangeAllocator`).

use std::sync::Arc;

use sorted::SortedSet;

use super::{Action, Controller};
use crate::api::{Key, Kind, Node, Object, Status};
use crate::client::{Change, Client, View, WorkQueue};

/// `10.244.0.0/16` holds so many ranges of 256 addresses; larger clusters go on into the next.
const SECOND: u32 = 244;

/// The controller, with the ranges given out.
#[derive(Clone, Debug, Default)]
pub struct NodeIpamController {
    taken: SortedSet<u32>,
}

fn range(number: u32) -> String {
    format!("10.{}.{}.0/24", SECOND + number / 256, number % 256)
}

fn number(range: &str) -> Option<u32> {
    let mut parts = range.strip_suffix(".0/24")?.split('.').skip(1).map(|part| part.parse::<u32>().ok());
    Some((parts.next()??.checked_sub(SECOND)?) * 256 + parts.next()??)
}

fn given(object: Option<&Arc<Object>>) -> Option<u32> {
    number(object?.as_kind::<Node>()?.spec.pod_cidr.as_deref()?)
}

impl Controller for NodeIpamController {
    fn name(&self) -> &'static str {
        "node-ipam-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NODE]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        match (given(change.before.as_ref()), given(change.after.as_ref())) {
            (Some(before), None) => drop(self.taken.remove(&before)),
            (None, Some(after)) => drop(self.taken.insert(after)),
            _ => {}
        }
        if change.before.is_none() {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let waits = |node: &Node| node.spec.pod_cidr.is_none();
        let Ok(fresh) = client.get(key) else { return Ok(Action::AwaitChange) };
        let node = fresh.as_kind::<Node>().filter(|node| waits(node));
        let (Some(node), true) = (node, view.get::<Node>("", &key.name).is_some_and(waits)) else {
            return Ok(Action::AwaitChange);
        };
        let free = (0..).find(|number| !self.taken.contains(number)).unwrap_or(0);
        let mut node = node.clone();
        let spec = Arc::make_mut(&mut node.spec);
        spec.pod_cidr = Some(range(free));
        spec.pod_cidrs = Some(vec![range(free)]);
        client.update(node, None)?;
        self.taken.insert(free);
        Ok(Action::AwaitChange)
    }
}

#[cfg(test)]
mod tests {
    use super::{number, range};

    #[test]
    fn a_range_and_its_number_tell_each_other() {
        for (given, text) in [(0, "10.244.0.0/24"), (7, "10.244.7.0/24"), (300, "10.245.44.0/24")] {
            assert_eq!((range(given).as_str(), number(text)), (text, Some(given)));
        }
        assert_eq!(number("192.168.0.0/24"), None);
    }
}
