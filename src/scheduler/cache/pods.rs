//! The pods that count on nodes, found by their uid in a step or two however many there are: an index by a digest of the uid says
//! in which place a pod is. Whoever goes through them all does so by their places, so the digests show nowhere.

use std::sync::Arc;

use super::NodeIndex;
use super::pages::Pages;
use crate::scheduler::framework::PodInfo;
use crate::scheduler::framework::pod_info::digest;

/// A pod that counts on a node.
#[derive(Clone, Debug)]
pub struct PlacedPod {
    /// The pod.
    pub info: Arc<PodInfo>,
    /// Its node.
    pub at: At,
    /// Whether the scheduler has placed it and the watch has not told so yet.
    pub assumed: bool,
}

/// The node of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The one in that place.
    Node(NodeIndex),
    /// The one of that name, which is not known yet, or no longer.
    Unknown(Arc<str>),
}

/// The pods.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    places: Pages<Option<PlacedPod>>,
    free: Vec<u32>,
    /// A power of two of entries, no more than half of them taken. An entry is where its digest says, or a little behind.
    index: Vec<Option<Entry>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    digest: u32,
    place: u32,
}

impl Pods {
    /// The pods, by their places.
    pub fn values(&self) -> impl Iterator<Item = &PlacedPod> {
        self.places.iter().flatten()
    }

    /// Changes those that pass. What snapshots share of the others stays shared.
    pub fn change(&mut self, which: impl Fn(&PlacedPod) -> bool, mut change: impl FnMut(&mut PlacedPod)) {
        for place in 0..self.places.len() {
            if self.places.get(place).as_ref().is_some_and(&which)
                && let Some(placed) = self.places.get_mut(place)
            {
                change(placed);
            }
        }
    }

    /// The pod of that uid.
    pub fn get(&self, uid: &str) -> Option<&PlacedPod> {
        let entry = self.index[self.find(digest(uid), || uid)?]?;
        self.places.get(entry.place as usize).as_ref()
    }

    /// Puts a pod in, which must not be there yet.
    pub fn insert(&mut self, pod: PlacedPod) {
        if 2 * (self.places.len() - self.free.len() + 1) > self.index.len() {
            self.grow();
        }
        let digest = pod.info.digest;
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        *self.places.get_mut(place as usize) = Some(pod);
        self.enter(Entry { digest, place });
    }

    /// Takes a pod out.
    pub fn remove(&mut self, uid: &str) -> Option<PlacedPod> {
        self.remove_at(self.find(digest(uid), || uid)?)
    }

    /// Takes out what is there of a pod.
    pub fn remove_version(&mut self, pod: &PodInfo) -> Option<PlacedPod> {
        self.remove_at(self.find(pod.digest, || pod.uid())?)
    }

    fn remove_at(&mut self, at: usize) -> Option<PlacedPod> {
        let entry = self.index[at].take()?;
        self.close_gap(at);
        self.free.push(entry.place);
        self.places.get_mut(entry.place as usize).take()
    }

    fn find<'a>(&self, digest: u32, uid: impl Fn() -> &'a str) -> Option<usize> {
        let last = self.index.len().checked_sub(1)?;
        let mut at = digest as usize & last;
        while let Some(entry) = self.index[at] {
            let is_it = |pod: &PlacedPod| pod.info.uid() == uid();
            if entry.digest == digest && self.places.get(entry.place as usize).as_ref().is_some_and(is_it) {
                return Some(at);
            }
            at = (at + 1) & last;
        }
        None
    }

    fn enter(&mut self, entry: Entry) {
        let last = self.index.len() - 1;
        let mut at = entry.digest as usize & last;
        while self.index[at].is_some() {
            at = (at + 1) & last;
        }
        self.index[at] = Some(entry);
    }

    /// Moves the entries behind a gap up to where they would be had it been there before: no gap may lie between an entry and the
    /// place that its digest says.
    fn close_gap(&mut self, mut gap: usize) {
        let last = self.index.len() - 1;
        let mut at = (gap + 1) & last;
        while let Some(entry) = self.index[at] {
            let wanted = entry.digest as usize & last;
            if (at.wrapping_sub(wanted) & last) >= (at.wrapping_sub(gap) & last) {
                self.index[gap] = self.index[at].take();
                gap = at;
            }
            at = (at + 1) & last;
        }
    }

    fn grow(&mut self) {
        let known = std::mem::take(&mut self.index);
        self.index = vec![None; (2 * known.len()).max(16)];
        known.into_iter().flatten().for_each(|entry| self.enter(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::testing::pod;

    #[test]
    fn pods_are_found_as_they_come_and_go() {
        let (mut rng, mut pods, mut there) = (Rng::new(1, "pods"), Pods::default(), Vec::new());
        let place = |name: &str| PlacedPod {
            info: Arc::new(PodInfo::new(pod(name).build())),
            at: At::Node(0),
            assumed: false,
        };
        for number in 0..2_000 {
            if rng.below(3) > 0 || there.is_empty() {
                let placed = place(&format!("p{number}"));
                there.push(placed.info.uid().to_string());
                pods.insert(placed);
            } else {
                let gone = there.swap_remove(rng.below(there.len() as u32) as usize);
                assert_eq!(
                    pods.remove(&gone).map(|placed| placed.info.uid().to_string()),
                    Some(gone.clone())
                );
                assert!(pods.remove(&gone).is_none() && pods.get(&gone).is_none(), "{gone}");
            }
            assert_eq!(pods.values().count(), there.len());
            assert!(there.iter().all(|uid| pods.get(uid).is_some_and(|placed| placed.info.uid() == uid)));
        }
    }
}
