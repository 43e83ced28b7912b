//! How many pods on each node, and in each domain, a rule speaks of: kept up to date as nodes change instead of being counted
//! for every pod that has the rule. What the rule is, is the plugin's own ([`Question`]).

use sorted::SortedMap;
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
    /// Counts on one node: calls `add` with a topology key, a sum, and of how many numbers it is, any number of times.
    fn count(&self, node: &NodeInfo, add: &mut dyn FnMut(&str, i64, i64));

    /// Whether the other asks for the same, and would count the same everywhere.
    fn is_same(&self, other: &dyn Question) -> bool;

    /// A copy, to be remembered.
    fn kept(&self) -> Box<dyn Question>;

    /// Itself, to be recognised by its type.
    fn as_any(&self) -> &dyn Any;
}

/// One rule's counts.
pub struct Tally {
    question: Box<dyn Question>,
    stamp: Stamp,
    /// What each node has brought: the key's place, the sum, and of how many numbers it is.
    brought: Vec<Vec<(u16, i64, i64)>>,
    counts: Counts,
}

/// The sums of the domains of one topology key.
#[derive(Clone)]
pub struct Sums {
    /// The key.
    pub key: Arc<str>,
    /// Its domains.
    pub topology: Arc<Topology>,
    /// By domain: the sum, and how many nodes have brought a number.
    domains: Arc<Vec<(i64, u32)>>,
    /// How many of the domains to which any node has brought a number have each sum.
    spread: Arc<SortedMap<i64, u32>>,
    /// What one cycle has changed in thought.
    shifts: Vec<(u32, i64)>,
}

impl Sums {
    fn new(key: &str, topology: Arc<Topology>) -> Sums {
        let domains = Arc::new(vec![(0, 0); topology.len()]);
        Sums { key: key.into(), topology, domains, spread: Arc::default(), shifts: Vec::new() }
    }

    /// The sum of a domain.
    pub fn of(&self, domain: usize) -> i64 {
        let shifts = self.shifts.iter().filter(|(shifted, _)| *shifted as usize == domain);
        self.domains[domain].0 + shifts.map(|(_, number)| number).sum::<i64>()
    }

    /// The sum of the domain that the node is in. `None` if it is in none.
    pub fn at(&self, node: NodeIndex) -> Option<i64> {
        self.topology.domain(node).map(|domain| self.of(domain))
    }

    /// The lowest sum of a domain to which any node has brought a number, and how many such domains there are.
    pub fn lowest(&self) -> (Option<i64>, i64) {
        let domains = self.spread.values().map(|count| i64::from(*count)).sum();
        (self.spread.first_key_value().map(|(sum, _)| *sum), domains)
    }

    fn is_open(&self, domain: usize) -> bool {
        self.domains[domain].1 > 0 || self.shifts.iter().any(|(shifted, _)| *shifted as usize == domain)
    }

    /// Changes the sum of the domain that the node is in, in thought.
    pub fn shift_at(&mut self, node: NodeIndex, number: i64) {
        if let Some(domain) = self.topology.domain(node) {
            self.shift(domain, number);
        }
    }

    fn shift(&mut self, domain: usize, number: i64) {
        let before = self.is_open(domain).then(|| self.of(domain));
        self.shifts.push((domain as u32, number));
        let after = Some(self.of(domain));
        respread(&mut self.spread, before, after);
    }

    /// Changes a sum, and the number of nodes that have brought something.
    fn add(&mut self, domain: usize, number: i64, nodes: i32) {
        let entry = &mut Arc::make_mut(&mut self.domains)[domain];
        let before = (entry.1 > 0).then_some(entry.0);
        *entry = (entry.0 + number, entry.1.saturating_add_signed(nodes));
        let after = (entry.1 > 0).then_some(entry.0);
        respread(&mut self.spread, before, after);
    }
}

fn respread(spread: &mut Arc<SortedMap<i64, u32>>, before: Option<i64>, after: Option<i64>) {
    if before == after {
        return;
    }
    let spread = Arc::make_mut(spread);
    if let Some(sum) = before
        && let Some(count) = spread.get_mut(&sum)
    {
        *count -= 1;
        if *count == 0 {
            spread.remove(&sum);
        }
    }
    if let Some(sum) = after {
        *spread.entry(sum).or_default() += 1;
    }
}

/// Sums by topology key and domain.
#[derive(Clone, Default)]
pub struct Counts {
    /// Per topology key that has come up.
    pub keys: Vec<Sums>,
    /// How many numbers have been added up, on nodes that are in a domain.
    pub entries: i64,
    /// The sum of the numbers of each node, whatever their keys.
    pub by_node: Arc<Vec<i64>>,
    /// A number that no other rule's counts have.
    pub id: u64,
}

impl Counts {
    /// The domains of `key` and their sums. `None` if nothing has been counted by it.
    pub fn sums(&self, key: &str) -> Option<&Sums> {
        self.keys.iter().find(|sums| *sums.key == *key)
    }

    /// The same; nothing in every domain if nothing has been counted.
    pub fn sums_of(&self, key: &str, topology: Arc<Topology>) -> Sums {
        self.sums(key).cloned().unwrap_or_else(|| Sums::new(key, topology))
    }

    /// Adds in thought to the sum of the domain of `key` that the node is in.
    pub fn add(&mut self, cache: &Cache, key: &str, node: NodeIndex, number: i64, entries: i64) {
        let place = match self.keys.iter().position(|sums| *sums.key == *key) {
            Some(place) => place,
            None => self.open(Arc::new(Topology::new(cache, key)), key),
        };
        let sums = &mut self.keys[place];
        if let Some(domain) = sums.topology.domain(node) {
            sums.shift(domain, number);
            self.entries += entries;
        }
    }

    fn open(&mut self, topology: Arc<Topology>, key: &str) -> usize {
        self.keys.push(Sums::new(key, topology));
        self.keys.len() - 1
    }

    fn add_at(&mut self, place: usize, node: NodeIndex, number: i64, entries: i64, nodes: i32) {
        let sums = &mut self.keys[place];
        if let Some(domain) = sums.topology.domain(node) {
            sums.add(domain, number, nodes);
            self.entries += entries;
        }
    }
}

impl Memory {
    /// The counts of a rule, up to date.
    pub fn counts(&mut self, cache: &Cache, question: &dyn Question) -> Counts {
        let mut tallies = std::mem::take(&mut self.tallies);
        let is_same = |tally: &Tally| tally.question.is_same(question);
        if let Some(place) = tallies.iter().rposition(is_same) {
            let last = tallies.len() - 1;
            tallies[place..=last].rotate_left(1);
        } else {
            self.made += 1;
            let fresh = Tally {
                question: question.kept(),
                stamp: Stamp::default(),
                brought: Vec::new(),
                counts: Counts { id: self.made, ..Counts::default() },
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
        let (by_node, id) = (Arc::new(vec![0; cache.slots()]), self.counts.id);
        self.counts = Counts { by_node, id, ..Default::default() };
        for index in cache.order() {
            self.recount(cache, memory, *index);
        }
    }

    fn recount(&mut self, cache: &Cache, memory: &mut Memory, index: NodeIndex) {
        let Tally { question, brought, counts, .. } = self;
        let brought = &mut brought[index as usize];
        let mut all = 0;
        for (place, number, entries) in brought.drain(..) {
            counts.add_at(usize::from(place), index, -number, -entries, -1);
        }
        question.count(cache.node(index), &mut |key, number, entries| {
            all += number;
            let known = counts.keys.iter().position(|sums| *sums.key == *key);
            let place = known.unwrap_or_else(|| counts.open(memory.topology(cache, key), key));
            let nodes = match brought.iter_mut().find(|(known, ..)| usize::from(*known) == place) {
                Some((_, sum, known)) => {
                    *sum += number;
                    *known += entries;
                    0
                }
                None => {
                    brought.push((place as u16, number, entries));
                    1
                }
            };
            counts.add_at(place, index, number, entries, nodes);
        });
        Arc::make_mut(&mut counts.by_node)[index as usize] = all;
    }
}
