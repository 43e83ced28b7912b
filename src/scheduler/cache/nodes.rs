//! The nodes by their places, and the priority of the least important pod of all.

use std::sync::Arc;

use sorted::SortedMap;

use super::NodeIndex;
use super::pages::Pages;
use crate::scheduler::framework::NodeInfo;

/// The lowest priority on a node without pods.
const NOBODY: i32 = i32::MAX;

/// What is in a place.
#[derive(Clone, Debug)]
struct Slot {
    info: Arc<NodeInfo>,
    lowest_priority: i32,
}

/// The nodes.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    slots: Pages<Slot>,
    /// How many nodes have each priority as their lowest.
    lowest: SortedMap<i32, u32>,
}

impl Nodes {
    /// How many places there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// The node in a place.
    pub fn get(&self, index: NodeIndex) -> &Arc<NodeInfo> {
        &self.slots.get(index as usize).info
    }

    /// The priority of the node's least important pod.
    pub fn lowest_priority(&self, index: NodeIndex) -> i32 {
        self.slots.get(index as usize).lowest_priority
    }

    /// The priority of the least important pod of all.
    pub fn lowest_of_all(&self) -> i32 {
        self.lowest.first_key_value().map_or(NOBODY, |(lowest, _)| *lowest)
    }

    /// Changes a node.
    pub fn change(&mut self, index: NodeIndex, change: impl FnOnce(&mut NodeInfo)) {
        let slot = self.slots.get_mut(index as usize);
        change(Arc::make_mut(&mut slot.info));
        let lowest = slot.info.lowest_priority.unwrap_or(NOBODY);
        let before = std::mem::replace(&mut slot.lowest_priority, lowest);
        self.recount(before, lowest);
    }

    fn recount(&mut self, before: i32, after: i32) {
        if before == after {
            return;
        }
        if let Some(count) = self.lowest.get_mut(&before) {
            *count -= 1;
            if *count == 0 {
                self.lowest.remove(&before);
            }
        }
        if after != NOBODY {
            *self.lowest.entry(after).or_default() += 1;
        }
    }

    /// Puts a node into a place, which may be the next one behind all.
    pub fn put(&mut self, index: NodeIndex, info: NodeInfo) {
        if index as usize == self.len() {
            self.slots.push(Slot { info: Arc::default(), lowest_priority: NOBODY });
        }
        self.slots.get_mut(index as usize).info = Arc::new(info);
        self.change(index, |info| info.index = index);
    }

    /// Empties a place.
    pub fn clear(&mut self, index: NodeIndex) {
        let empty = Slot { info: Arc::default(), lowest_priority: NOBODY };
        let before = std::mem::replace(self.slots.get_mut(index as usize), empty);
        self.recount(before.lowest_priority, NOBODY);
    }
}
