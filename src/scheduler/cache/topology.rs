//! The domains of a node label, numbered: rules about zones and host names are asked of every node, and a number is compared
//! faster than a text is looked up.

use sorted::SortedMap;

use super::{Cache, NodeIndex};
use crate::api::MetaExt;

/// The number of a node that is in no domain.
const NONE: u32 = u32::MAX;

/// Which domain each node is in, for one label.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    of_node: Vec<u32>,
    len: usize,
    is_by_node: bool,
}

impl Topology {
    /// Reads the label off all nodes.
    pub fn new(cache: &Cache, key: &str) -> Topology {
        let mut numbers: SortedMap<&str, u32> = SortedMap::new();
        let mut of_node = vec![NONE; cache.slots()];
        let mut nodes = 0;
        for index in cache.order() {
            if let Some(value) = cache.node(*index).node.labels().get(key) {
                let next = numbers.len() as u32;
                of_node[*index as usize] = *numbers.entry(value).or_insert(next);
                nodes += 1;
            }
        }
        Topology { of_node, len: numbers.len(), is_by_node: numbers.len() == nodes }
    }

    /// The node's domain. `None` if it does not have the label.
    pub fn domain(&self, node: NodeIndex) -> Option<usize> {
        self.of_node.get(node as usize).filter(|domain| **domain != NONE).map(|domain| *domain as usize)
    }

    /// How many domains there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no two nodes are in one domain, as with host names.
    pub fn is_by_node(&self) -> bool {
        self.is_by_node
    }

    /// Whether no node has the label.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
