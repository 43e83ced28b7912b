//! What has been worked out about the nodes and need not be worked out again: verdicts and scores for pods that look alike, the
//! domains of a label, the pods that a rule counts. Each piece knows up to where in the cache's log of changed nodes it is up to
//! date, and looks only at the nodes that have changed since. Nothing is in here that could not be worked out from the cache;
//! so a copy starts empty, and with memory or without it every decision is the same.

use sorted::SortedMap;
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use super::shape::Shape;
use super::tally::Tally;
use super::topology::Topology;
use super::trial::Trials;
use super::{Cache, NodeIndex};

/// The pieces. Whoever asks a framework keeps one beside the cache and lends it to each cycle.
#[derive(Default)]
pub struct Memory {
    /// For pods that look alike, the most recent last.
    pub shapes: Vec<Shape>,
    /// For rules about other pods, the most recent last.
    pub tallies: Vec<Tally>,
    /// For pods that would have others removed.
    pub trials: Vec<Trials>,
    topologies: SortedMap<String, (u64, Arc<Topology>)>,
    /// How many rules' counts have been begun.
    pub made: u64,
    kept: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
    is_off: bool,
}

impl Clone for Memory {
    fn clone(&self) -> Memory {
        Memory { is_off: self.is_off, ..Memory::default() }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    /// One that remembers nothing: every decision is worked out from the beginning. For comparison.
    pub fn off() -> Memory {
        Memory { is_off: true, ..Memory::default() }
    }

    /// Whether nothing is to be remembered.
    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// Forgets everything if nothing is to be remembered.
    pub fn begin(&mut self) {
        if self.is_off {
            *self = Memory::off();
        }
    }

    /// What a plugin keeps for later cycles, found by its type; a new one if nothing has been kept.
    pub fn kept<T: Any + Default + Send + Sync>(&mut self) -> &mut T {
        let id = TypeId::of::<T>();
        let place = self.kept.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.kept.push((id, Box::new(T::default())));
            self.kept.len() - 1
        });
        match self.kept[place].1.downcast_mut() {
            Some(kept) => kept,
            None => unreachable!("it was found by its type"),
        }
    }

    /// The domains of a label.
    pub fn topology(&mut self, cache: &Cache, key: &str) -> Arc<Topology> {
        if let Some((epoch, topology)) = self.topologies.get(key)
            && *epoch == cache.epoch
        {
            return topology.clone();
        }
        let topology = Arc::new(Topology::new(cache, key));
        self.topologies.insert(key.to_string(), (cache.epoch, topology.clone()));
        topology
    }
}

/// Up to where a piece is up to date.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp {
    epoch: u64,
    position: u64,
}

impl Stamp {
    /// The nodes that have changed since; `None` for all of them. From here on the piece counts as up to date.
    pub fn renew<'a>(&mut self, cache: &'a Cache) -> Option<&'a [NodeIndex]> {
        let (epoch, position) = (cache.epoch, cache.log_start + cache.log.len() as u64);
        let since = self.position.checked_sub(cache.log_start);
        let is_known = self.epoch == epoch && self.epoch > 0;
        *self = Stamp { epoch, position };
        since.filter(|_| is_known).map(|since| &cache.log[since as usize..])
    }
}

/// Keeps a list of pieces short: the one asked for last goes to the end, and the first are forgotten.
pub fn recall<T>(
    pieces: &mut Vec<T>,
    most: usize,
    is_it: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> &mut T {
    match pieces.iter().rposition(is_it) {
        Some(place) => {
            let last = pieces.len() - 1;
            pieces[place..=last].rotate_left(1);
        }
        None => {
            if pieces.len() >= most {
                pieces.remove(0);
            }
            pieces.push(make());
        }
    }
    let last = pieces.len() - 1;
    &mut pieces[last]
}

#[cfg(test)]
mod tests;
