//! The nodes by their places, in pages: a copy shares all of them, and a change copies one.

use std::sync::Arc;

use sorted::SortedMap;

use super::NodeIndex;
use crate::scheduler::framework::NodeInfo;

/// The lowest priority on a node without pods.
const NOBODY: i32 = i32::MAX;
/// So many nodes are on a page.
const PAGE: usize = 64;

/// What is in a place.
#[derive(Clone, Debug)]
struct Slot {
    info: Arc<NodeInfo>,
    lowest_priority: i32,
}

/// The nodes.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    pages: Vec<Arc<Vec<Slot>>>,
    len: usize,
    /// How many nodes have each priority as their lowest.
    lowest: SortedMap<i32, u32>,
}

impl Nodes {
    /// How many places there are.
    pub fn len(&self) -> usize {
        self.len
    }

    fn slot(&self, index: NodeIndex) -> &Slot {
        &self.pages[index as usize / PAGE][index as usize % PAGE]
    }

    fn slot_mut(&mut self, index: NodeIndex) -> &mut Slot {
        &mut Arc::make_mut(&mut self.pages[index as usize / PAGE])[index as usize % PAGE]
    }

    /// The node in a place.
    pub fn get(&self, index: NodeIndex) -> &Arc<NodeInfo> {
        &self.slot(index).info
    }

    /// The priority of the node's least important pod.
    pub fn lowest_priority(&self, index: NodeIndex) -> i32 {
        self.slot(index).lowest_priority
    }

    /// The priority of the least important pod of all.
    pub fn lowest_of_all(&self) -> i32 {
        self.lowest.first_key_value().map_or(NOBODY, |(lowest, _)| *lowest)
    }

    /// Changes a node.
    pub fn change(&mut self, index: NodeIndex, change: impl FnOnce(&mut NodeInfo)) {
        let slot = self.slot_mut(index);
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

    /// Puts a node into a place, or into a new one.
    pub fn put(&mut self, place: Option<NodeIndex>, info: NodeInfo) -> NodeIndex {
        let index = place.unwrap_or(self.len as NodeIndex);
        if index as usize == self.len {
            if self.len.is_multiple_of(PAGE) {
                self.pages.push(Arc::new(Vec::with_capacity(PAGE)));
            }
            if let Some(page) = self.pages.last_mut() {
                Arc::make_mut(page).push(Slot { info: Arc::default(), lowest_priority: NOBODY });
            }
            self.len += 1;
        }
        self.slot_mut(index).info = Arc::new(info);
        self.change(index, |info| info.index = index);
        index
    }

    /// Empties a place.
    pub fn clear(&mut self, index: NodeIndex) {
        let empty = Slot { info: Arc::default(), lowest_priority: NOBODY };
        let before = std::mem::replace(self.slot_mut(index), empty);
        self.recount(before.lowest_priority, NOBODY);
    }
}
