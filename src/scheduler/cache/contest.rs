//! Which node is best, for pods of one shape that come one after the other. Between two of them only a few nodes change, so the
//! nodes that can run such a pod are kept sorted out, and a change costs a few steps however many nodes there are.
//!
//! Two nodes are *kin* if everything that differs from cycle to cycle strikes them alike: they are in the same domains, have the
//! same number of counted pods where every node is a domain of its own, and the same raw scores where scores are normalised. One
//! of them then speaks for all where a plugin looks beyond the node, and where scores are normalised. The rest of the total is
//! each node's own; of that, every stretch of nodes remembers the best among each kin, and a tree over the stretches the best
//! of all.

use sorted::SortedMap;
use std::sync::Arc;

use super::memory::Stamp;
use super::tally::Sums;
use super::topology::Topology;
use super::{Cache, NodeIndex};

/// So many nodes are one stretch.
const STRETCH: usize = 32;
/// No more stretches are remembered, over all kin: where nearly every node is of its own kind there is nothing to be gained.
const MOST_STRETCHES: usize = 1 << 17;
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
    /// The kin that have changed.
    unsettled: Vec<u32>,
    /// Where keys are put together.
    key: Vec<i64>,
    /// Nodes that were left out for one pod.
    left_out: Vec<NodeIndex>,
}

/// Nodes that differ in nothing but their own totals.
#[derive(Default)]
pub struct Kin {
    /// How many there are.
    pub members: u32,
    /// One of them, once [`Contest::settle`] has found one.
    pub sample: NodeIndex,
    /// A tree: the first is the best of all, the two at `2 n + 1` and `2 n + 2` are those of the halves of that at `n`, and the
    /// last are the stretches.
    tree: Vec<Lead>,
    is_settled: bool,
}

/// The best total of some nodes that are of one kin, and how many have it.
#[derive(Clone, Copy, Default, PartialEq)]
struct Lead {
    best: i64,
    leaders: u32,
}

impl Lead {
    fn join(&mut self, other: Lead) {
        if other.leaders == 0 {
            return;
        }
        if self.leaders == 0 || other.best > self.best {
            *self = other;
        } else if other.best == self.best {
            self.leaders += other.leaders;
        }
    }
}

impl Kin {
    /// The best total.
    pub fn best(&self) -> i64 {
        self.tree[0].best
    }

    /// How many have it.
    pub fn leaders(&self) -> u32 {
        self.tree[0].leaders
    }

    fn stretch(&mut self, stretch: usize) -> &mut Lead {
        let leaves = self.tree.len() / 2;
        &mut self.tree[leaves + stretch]
    }

    /// Carries the change of a stretch up the tree.
    fn carry_up(&mut self, stretch: usize) {
        let mut at = self.tree.len() / 2 + stretch;
        while at > 0 {
            at = (at - 1) / 2;
            let mut lead = self.tree[2 * at + 1];
            lead.join(self.tree[2 * at + 2]);
            if lead == self.tree[at] {
                return;
            }
            self.tree[at] = lead;
        }
    }

    /// How many of the nodes under a place in the tree are among the best of all.
    fn leaders_under(&self, at: usize) -> u32 {
        let lead = self.tree[at];
        if lead.best == self.best() { lead.leaders } else { 0 }
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
        let mut key = std::mem::take(&mut self.key);
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
        self.key = key;
        let is_worth_it = self.kin.len() <= self.most_kin();
        if !is_worth_it {
            *self = Contest {
                stamp: self.stamp,
                identity: std::mem::take(&mut self.identity),
                ..Contest::default()
            };
        }
        is_worth_it
    }

    fn most_kin(&self) -> usize {
        (MOST_STRETCHES / self.kin_of.len().div_ceil(STRETCH).max(1)).max(16)
    }

    fn rebuild(&mut self, cache: &Cache, dimensions: &[Dimension], judge: Judge<'_>, key: &mut Vec<i64>) {
        self.kin.clear();
        self.by_key.clear();
        self.unsettled.clear();
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
            joined.stretch(rank / STRETCH).join(Lead { best: total, leaders: 1 });
            joined.carry_up(rank / STRETCH);
            self.unsettle(kin);
        }
    }

    fn unsettle(&mut self, number: u32) {
        let kin = &mut self.kin[number as usize];
        if std::mem::replace(&mut kin.is_settled, false) {
            self.unsettled.push(number);
        }
    }

    fn kin_with(&mut self, key: &[i64]) -> u32 {
        if let Some(kin) = self.by_key.get(key) {
            return *kin;
        }
        let kin = self.kin.len() as u32;
        let stretches = self.kin_of.len().div_ceil(STRETCH).next_power_of_two();
        let tree = vec![Lead::default(); 2 * stretches - 1];
        self.kin.push(Kin { tree, is_settled: true, ..Kin::default() });
        self.by_key.insert(key.to_vec(), kin);
        kin
    }

    fn leave(&mut self, rank: usize) {
        let number = self.kin_of[rank];
        let total = self.totals[rank];
        self.kin_of[rank] = NONE;
        let Some(kin) = self.kin.get_mut(number as usize) else { return };
        kin.members -= 1;
        let lead = kin.stretch(rank / STRETCH);
        if lead.best == total {
            lead.leaders -= 1;
            if lead.leaders == 0 {
                let first = rank / STRETCH * STRETCH;
                let last = (first + STRETCH).min(self.kin_of.len());
                for (kin, total) in self.kin_of[first..last].iter().zip(&self.totals[first..last]) {
                    if *kin == number {
                        lead.join(Lead { best: *total, leaders: 1 });
                    }
                }
            }
            kin.carry_up(rank / STRETCH);
        }
        self.unsettle(number);
    }

    /// Finds somebody to speak for each kin that has changed. Where nobody would be asked, it need not be done.
    pub fn settle(&mut self, cache: &Cache) {
        while let Some(number) = self.unsettled.pop() {
            let first = self.nth_leader(cache, &[number as usize], 0);
            let kin = &mut self.kin[number as usize];
            kin.is_settled = true;
            kin.sample = first.unwrap_or(0);
        }
    }

    /// The kin of a node; `None` if it cannot run the pod.
    pub fn kin_of(&self, node: NodeIndex) -> Option<usize> {
        let kin = self.kin_of[self.rank_of[node as usize] as usize];
        (kin != NONE).then_some(kin as usize)
    }

    /// Leaves nodes out, for this pod alone.
    pub fn leave_out(&mut self, nodes: &[NodeIndex]) {
        for node in nodes {
            self.leave(self.rank_of[*node as usize] as usize);
            self.left_out.push(*node);
        }
    }

    /// The one among the leaders of these kin, in the order of names.
    pub fn nth_leader(&self, cache: &Cache, winners: &[usize], mut nth: u32) -> Option<NodeIndex> {
        let leaders = |at: usize| winners.iter().map(|kin| self.kin[*kin].leaders_under(at)).sum::<u32>();
        let leaves = self.kin.first()?.tree.len() / 2;
        let mut at = 0;
        while at < leaves {
            at = 2 * at + 1;
            let left = leaders(at);
            if nth >= left {
                nth -= left;
                at += 1;
            }
        }
        let first = (at - leaves) * STRETCH;
        let is_leader = |rank: &usize| {
            let kin = self.kin_of[*rank] as usize;
            winners.contains(&kin) && self.totals[*rank] == self.kin[kin].best()
        };
        let last = (first + STRETCH).min(self.kin_of.len());
        (first..last).filter(is_leader).nth(nth as usize).map(|rank| cache.order()[rank])
    }
}
