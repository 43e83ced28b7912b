//! How many pods on each node, and in each domain, a rule speaks of: kept up to date as nodes change instead of being counted
//! for every pod that has the rule. What the rule is, is the plugin's own ([`Question`]).

use std::any::Any;
use std::sync::Arc;

use super::memory::{Memory, Stamp, recall};
use super::topology::Topology;
use super::{Cache, NodeIndex};
use crate::scheduler::framework::NodeInfo;

/// So many rules are remembered.
const MOST: usize = 64;

/// What is to be counted.
pub trait Question: Any + Send + Sync {
    /// Counts on one node: calls `add` with a topology key and a number, any number of times.
    fn count(&self, node: &NodeInfo, add: &mut dyn FnMut(&str, i64));

    /// Whether the other asks for the same, and would count the same everywhere.
    fn is_same(&self, other: &dyn Question) -> bool;

    /// Itself, to be recognised by its type.
    fn as_any(&self) -> &dyn Any;
}

/// One rule's counts.
pub struct Tally {
    question: Box<dyn Question>,
    stamp: Stamp,
    /// What each node has brought: the key's place, the sum, and of how many numbers it is.
    brought: Vec<Vec<(u16, i64, u32)>>,
    counts: Counts,
}

/// A topology key, its domains, and their sums.
pub type Sums = (Arc<str>, Arc<Topology>, Arc<Vec<i64>>);

/// Sums by topology key and domain.
#[derive(Clone, Default)]
pub struct Counts {
    /// Per topology key that has come up: its name, its domains, and their sums.
    pub keys: Vec<Sums>,
    /// How many numbers have been added up, on nodes that are in a domain.
    pub entries: i64,
    /// The sum of the numbers of each node, whatever their keys.
    pub by_node: Arc<Vec<i64>>,
}

impl Counts {
    /// The domains of `key` and their sums. `None` if nothing has been counted by it.
    pub fn sums(&self, key: &str) -> Option<(&Topology, &[i64])> {
        let (_, topology, sums) = self.keys.iter().find(|(known, ..)| **known == *key)?;
        Some((topology, sums))
    }

    /// Adds to the sum of the domain of `key` that the node is in.
    pub fn add(&mut self, cache: &Cache, key: &str, node: NodeIndex, number: i64, entries: i64) {
        let place = match self.keys.iter().position(|(known, ..)| **known == *key) {
            Some(place) => place,
            None => self.open(Arc::new(Topology::new(cache, key)), key),
        };
        self.add_at(place, node, number, entries);
    }

    fn open(&mut self, topology: Arc<Topology>, key: &str) -> usize {
        let sums = Arc::new(vec![0; topology.len()]);
        self.keys.push((key.into(), topology, sums));
        self.keys.len() - 1
    }

    fn add_at(&mut self, place: usize, node: NodeIndex, number: i64, entries: i64) {
        let (_, topology, sums) = &mut self.keys[place];
        if let Some(domain) = topology.domain(node) {
            Arc::make_mut(sums)[domain] += number;
            self.entries += entries;
        }
    }
}

impl Memory {
    /// The counts of a rule, up to date.
    pub fn counts(&mut self, cache: &Cache, question: impl Question) -> Counts {
        let mut tallies = std::mem::take(&mut self.tallies);
        let is_same = |tally: &Tally| tally.question.is_same(&question);
        if let Some(place) = tallies.iter().rposition(is_same) {
            let last = tallies.len() - 1;
            tallies[place..=last].rotate_left(1);
        } else {
            let fresh = Tally {
                question: Box::new(question),
                stamp: Stamp::default(),
                brought: Vec::new(),
                counts: Counts::default(),
            };
            recall(&mut tallies, MOST, |_| false, || fresh);
        }
        let counts = tallies.last_mut().map(|tally| {
            tally.renew(cache, self);
            tally.counts.clone()
        });
        self.tallies = tallies;
        counts.unwrap_or_default()
    }
}

impl Tally {
    fn renew(&mut self, cache: &Cache, memory: &mut Memory) {
        if let Some(changed) = self.stamp.renew(cache) {
            for index in changed {
                self.recount(cache, memory, *index);
            }
            return;
        }
        self.brought = vec![Vec::new(); cache.slots()];
        self.counts = Counts { by_node: Arc::new(vec![0; cache.slots()]), ..Default::default() };
        for index in cache.order() {
            self.recount(cache, memory, *index);
        }
    }

    fn recount(&mut self, cache: &Cache, memory: &mut Memory, index: NodeIndex) {
        let Tally { question, brought, counts, .. } = self;
        let brought = &mut brought[index as usize];
        let mut all = 0;
        for (place, number, entries) in brought.drain(..) {
            counts.add_at(usize::from(place), index, -number, -i64::from(entries));
        }
        question.count(cache.node(index), &mut |key, number| {
            all += number;
            let known = counts.keys.iter().position(|(known, ..)| **known == *key);
            let place = known.unwrap_or_else(|| counts.open(memory.topology(cache, key), key));
            counts.add_at(place, index, number, 1);
            match brought.iter_mut().find(|(known, ..)| usize::from(*known) == place) {
                Some((_, sum, entries)) => {
                    *sum += number;
                    *entries += 1;
                }
                None => brought.push((place as u16, number, 1)),
            }
        });
        Arc::make_mut(&mut counts.by_node)[index as usize] = all;
    }
}
