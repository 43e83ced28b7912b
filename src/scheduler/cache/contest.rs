//! Which node is best, for pods of one shape that come one after the other. Between two of them only a few nodes change, so the
//! nodes that can run such a pod are kept sorted out, and a change costs a few steps however many nodes there are.
//!
//! Two nodes are *kin* if everything that differs from cycle to cycle strikes them alike: they are in the same domains, have the
//! same number of counted pods where every node is a domain of its own, and the same raw scores where scores are normalised. One
//! of them then speaks for all where a plugin looks beyond the node, and where scores are normalised. The rest of the total is
//! each node's own; of that, every stretch of nodes remembers the best among each kin.

use sorted::SortedMap;
use std::sync::Arc;

use super::memory::Stamp;
use super::tally::Sums;
use super::topology::Topology;
use super::{Cache, NodeIndex};

/// So many nodes are one stretch.
const STRETCH: usize = 64;
/// No more stretches are remembered, over all kin: where nearly every node is of its own kind there is nothing to be gained.
const MOST_STRETCHES: usize = 1 << 16;
/// The kin of a node that cannot run the pod.
const NONE: u32 = u32::MAX;

/// What a plugin's answers about a node depend on, beside the node itself.
pub struct Dimension {
    topology: Arc<Topology>,
    values: Values,
    id: u64,
}

enum Values {
    Domain,
    Sums(Sums),
    ByNode(Arc<Vec<i64>>),
}

impl Dimension {
    /// The domain that the node is in.
    pub fn domain(topology: Arc<Topology>) -> Dimension {
        Dimension { topology, values: Values::Domain, id: 0 }
    }

    /// The sum of the domain that the node is in. Where many nodes share a domain they are told apart by that instead, so that
    /// a sum may change without any of them becoming of another kin.
    pub fn sums(sums: &Sums, tally: u64) -> Dimension {
        let topology = sums.topology.clone();
        match topology.is_by_node() {
            true => Dimension { topology, values: Values::Sums(sums.clone()), id: 2 * tally },
            false => Dimension::domain(topology),
        }
    }

    /// A number of the node's own, and whether it is in any domain.
    pub fn by_node(topology: Arc<Topology>, numbers: Arc<Vec<i64>>, tally: u64) -> Dimension {
        Dimension { topology, values: Values::ByNode(numbers), id: 2 * tally + 1 }
    }

    fn of(&self, node: NodeIndex) -> i64 {
        let Some(domain) = self.topology.domain(node) else { return i64::MIN };
        match &self.values {
            Values::Domain => domain as i64,
            Values::Sums(sums) => sums.of(domain),
            Values::ByNode(numbers) => numbers[node as usize],
        }
    }
}

/// The nodes that can run a pod, as far as what looks no further than the node is concerned.
#[derive(Default)]
pub struct Contest {
    stamp: Stamp,
    /// By what the kin are told apart.
    identity: Vec<(Arc<Topology>, u64)>,
    /// By node: its rank, which is its place among the names.
    rank_of: Vec<u32>,
    /// By rank.
    kin_of: Vec<u32>,
    /// By rank: what the node scores where nothing is normalised.
    totals: Vec<i64>,
    /// All kin there have been, some without members now.
    pub kin: Vec<Kin>,
    by_key: SortedMap<Vec<i64>, u32>,
    /// Nodes that were left out for one pod.
    left_out: Vec<NodeIndex>,
}

/// Nodes that differ in nothing but their own totals.
#[derive(Default)]
pub struct Kin {
    /// How many there are.
    pub members: u32,
    /// One of them.
    pub sample: NodeIndex,
    /// The best total.
    pub best: i64,
    /// How many have it.
    pub leaders: u32,
    stretches: Vec<Stretch>,
    is_settled: bool,
}

/// The best of one stretch that are of one kin.
#[derive(Clone, Copy)]
struct Stretch {
    best: i64,
    leaders: u32,
}

const EMPTY: Stretch = Stretch { best: i64::MIN, leaders: 0 };

impl Stretch {
    fn join(&mut self, total: i64) {
        if total > self.best {
            *self = Stretch { best: total, leaders: 1 };
        } else if total == self.best {
            self.leaders += 1;
        }
    }
}

/// Says of a node that fits what it scores, and adds to the key by which kin are told apart.
pub type Judge<'a> = &'a mut dyn FnMut(NodeIndex, &mut Vec<i64>) -> Option<i64>;

impl Contest {
    /// Takes over the nodes that have changed. `false` if there are too many kin to be worth it.
    pub fn renew(&mut self, cache: &Cache, dimensions: &[Dimension], judge: Judge<'_>) -> bool {
        let is_same = self.identity.len() == dimensions.len()
            && self
                .identity
                .iter()
                .zip(dimensions)
                .all(|((topology, id), other)| Arc::ptr_eq(topology, &other.topology) && *id == other.id);
        let changed = self.stamp.renew(cache).filter(|_| is_same);
        let left_out = std::mem::take(&mut self.left_out);
        let mut key = Vec::new();
        match changed {
            Some(_) if self.rank_of.is_empty() => return false,
            Some(changed) => {
                for node in left_out.iter().chain(changed) {
                    self.update(*node, dimensions, judge, &mut key);
                }
                if self.kin.len() > self.most_kin() {
                    self.rebuild(cache, dimensions, judge, &mut key);
                }
            }
            None => {
                self.identity = dimensions.iter().map(|it| (it.topology.clone(), it.id)).collect();
                self.rebuild(cache, dimensions, judge, &mut key);
            }
        }
        let is_worth_it = self.kin.len() <= self.most_kin();
        if !is_worth_it {
            *self = Contest {
                stamp: self.stamp,
                identity: std::mem::take(&mut self.identity),
                ..Contest::default()
            };
        }
        self.settle(cache);
        is_worth_it
    }

    fn most_kin(&self) -> usize {
        (MOST_STRETCHES / self.kin_of.len().div_ceil(STRETCH).max(1)).max(16)
    }

    fn rebuild(&mut self, cache: &Cache, dimensions: &[Dimension], judge: Judge<'_>, key: &mut Vec<i64>) {
        self.kin.clear();
        self.by_key.clear();
        self.rank_of = vec![NONE; cache.slots()];
        for (rank, node) in cache.order().iter().enumerate() {
            self.rank_of[*node as usize] = rank as u32;
        }
        self.kin_of = vec![NONE; cache.len()];
        self.totals = vec![0; cache.len()];
        let most = self.most_kin();
        for node in cache.order() {
            self.update(*node, dimensions, judge, key);
            if self.kin.len() > most {
                return;
            }
        }
    }

    fn update(&mut self, node: NodeIndex, dimensions: &[Dimension], judge: Judge<'_>, key: &mut Vec<i64>) {
        let rank = self.rank_of[node as usize] as usize;
        key.clear();
        let total = judge(node, key);
        let kin = match total {
            None => NONE,
            Some(_) => {
                key.extend(dimensions.iter().map(|dimension| dimension.of(node)));
                self.kin_with(key)
            }
        };
        if self.kin_of[rank] == kin && self.totals[rank] == total.unwrap_or(0) {
            return;
        }
        self.leave(rank);
        self.kin_of[rank] = kin;
        self.totals[rank] = total.unwrap_or(0);
        if let (Some(total), Some(joined)) = (total, self.kin.get_mut(kin as usize)) {
            joined.members += 1;
            joined.stretches[rank / STRETCH].join(total);
            joined.is_settled = false;
        }
    }

    fn kin_with(&mut self, key: &[i64]) -> u32 {
        if let Some(kin) = self.by_key.get(key) {
            return *kin;
        }
        let kin = self.kin.len() as u32;
        let stretches = vec![EMPTY; self.kin_of.len().div_ceil(STRETCH)];
        self.kin.push(Kin { stretches, ..Kin::default() });
        self.by_key.insert(key.to_vec(), kin);
        kin
    }

    fn leave(&mut self, rank: usize) {
        let number = self.kin_of[rank];
        let total = self.totals[rank];
        self.kin_of[rank] = NONE;
        let Some(kin) = self.kin.get_mut(number as usize) else { return };
        kin.members -= 1;
        kin.is_settled = false;
        let stretch = &mut kin.stretches[rank / STRETCH];
        if stretch.best != total {
            return;
        }
        stretch.leaders -= 1;
        if stretch.leaders == 0 {
            *stretch = EMPTY;
            let first = rank / STRETCH * STRETCH;
            let last = (first + STRETCH).min(self.kin_of.len());
            for (kin, total) in self.kin_of[first..last].iter().zip(&self.totals[first..last]) {
                if *kin == number {
                    stretch.join(*total);
                }
            }
        }
    }

    /// Finds the best of each kin that has changed, and somebody to speak for it.
    fn settle(&mut self, cache: &Cache) {
        for (number, kin) in self.kin.iter_mut().enumerate().filter(|(_, kin)| !kin.is_settled) {
            kin.is_settled = true;
            (kin.best, kin.leaders) = (i64::MIN, 0);
            let mut first = None;
            for (place, stretch) in
                kin.stretches.iter().enumerate().filter(|(_, stretch)| stretch.leaders > 0)
            {
                first = first.or(Some(place * STRETCH));
                if stretch.best > kin.best {
                    (kin.best, kin.leaders) = (stretch.best, stretch.leaders);
                } else if stretch.best == kin.best {
                    kin.leaders += stretch.leaders;
                }
            }
            let Some(first) = first else { continue };
            let is_it = |rank: &usize| self.kin_of[*rank] == number as u32;
            kin.sample = (first..self.kin_of.len()).find(is_it).map_or(0, |rank| cache.order()[rank]);
        }
    }

    /// The kin of a node; `None` if it cannot run the pod.
    pub fn kin_of(&self, node: NodeIndex) -> Option<usize> {
        let kin = self.kin_of[self.rank_of[node as usize] as usize];
        (kin != NONE).then_some(kin as usize)
    }

    /// Leaves nodes out, for this pod alone.
    pub fn leave_out(&mut self, cache: &Cache, nodes: &[NodeIndex]) {
        for node in nodes {
            self.leave(self.rank_of[*node as usize] as usize);
            self.left_out.push(*node);
        }
        self.settle(cache);
    }

    /// The one among the leaders of these kin, in the order of names.
    pub fn nth_leader(&self, cache: &Cache, winners: &[usize], mut nth: u32) -> Option<NodeIndex> {
        for place in 0..self.kin_of.len().div_ceil(STRETCH) {
            let leaders = |kin: &usize| {
                let kin = &self.kin[*kin];
                let stretch = kin.stretches[place];
                if stretch.best == kin.best { stretch.leaders } else { 0 }
            };
            let here = winners.iter().map(leaders).sum();
            if nth >= here {
                nth -= here;
                continue;
            }
            let is_leader = |rank: &usize| {
                let kin = self.kin_of[*rank] as usize;
                winners.contains(&kin) && self.totals[*rank] == self.kin[kin].best
            };
            let rank = (place * STRETCH..self.kin_of.len()).filter(is_leader).nth(nth as usize);
            return rank.map(|rank| cache.order()[rank]);
        }
        None
    }
}
