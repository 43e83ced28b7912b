//! Running counts of each set's pods, so that a change of one pod costs the same in a set of ten as in a set of ten thousand.
//! They are used where nothing has to be known of single pods; they are made anew where a set selects otherwise.

use std::sync::Arc;

use sorted::SortedMap;

use super::ranking::PodsPerNode;
use super::status::{Counts, has_labels, template_labels};
use crate::api::meta::StringMap;
use crate::api::selector::Selector;
use crate::api::{MetaExt, Object, Pod, ReplicaSet};
use crate::controllers::pods::{is_active, is_ready, is_terminating};

/// The counts of every set that has been looked at, by its uid.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    sets: SortedMap<Arc<str>, Tally>,
}

#[derive(Clone, Debug)]
struct Tally {
    selector: Selector,
    labels: StringMap,
    counts: Counts,
    /// Active pods that the set does not select any more.
    odd: i32,
    /// Active pods by node; the empty name counts those without a node.
    on_node: SortedMap<String, usize>,
}

impl Tally {
    fn add(&mut self, pod: &Pod, by: i32) {
        if is_active(pod) {
            let node = pod.spec.node_name.as_deref().unwrap_or_default();
            match self.on_node.get_mut(node) {
                Some(count) => *count = count.saturating_add_signed(by as isize),
                None => drop(self.on_node.insert(node.to_string(), usize::from(by > 0))),
            }
        }
        let counts = &mut self.counts;
        let matches = self.selector.matches(pod.labels());
        match (is_active(pod), matches) {
            (true, true) => {
                counts.active += by;
                counts.labeled += by * i32::from(has_labels(pod, &self.labels));
                let ready = i32::from(is_ready(pod));
                counts.ready += by * ready;
                counts.available += by * ready;
            }
            (true, false) => self.odd += by,
            (false, true) if is_terminating(pod) => counts.terminating += by,
            _ => {}
        }
    }
}

impl Tallies {
    /// Takes note of a change of a pod.
    pub fn note(&mut self, before: Option<&Object>, after: Option<&Object>) {
        for (version, by) in [(before, -1), (after, 1)] {
            let Some(pod) = version.and_then(Object::as_kind::<Pod>) else { continue };
            let owner = pod.controller().map_or("", |owner| owner.uid.as_str());
            if let Some(tally) = self.sets.get_mut(owner) {
                tally.add(pod, by);
            }
        }
    }

    /// The counts of a set, `pods` being all that it controls; `None` if it has to let go of one. What is ready counts as
    /// available.
    pub fn of<'a>(
        &mut self,
        set: &ReplicaSet,
        selector: &Selector,
        pods: impl Iterator<Item = &'a Pod>,
    ) -> Option<Counts> {
        let none = StringMap::new();
        let labels = template_labels(set).unwrap_or(&none);
        let known = self.sets.get(set.uid());
        if known.is_none_or(|tally| tally.selector != *selector || tally.labels != *labels) {
            let mut tally = Tally {
                selector: selector.clone(),
                labels: labels.clone(),
                counts: Counts::default(),
                odd: 0,
                on_node: SortedMap::new(),
            };
            pods.for_each(|pod| tally.add(pod, 1));
            self.sets.insert(set.uid().into(), tally);
        }
        self.sets.get(set.uid()).filter(|tally| tally.odd == 0).map(|tally| tally.counts)
    }

    /// Active pods by node, of several sets together; `None` if one of them has not been counted.
    pub fn per_node(&self, sets: &[String]) -> Option<PodsPerNode<'_>> {
        let mut sum = PodsPerNode::new();
        for uid in sets {
            for (node, count) in self.sets.get(uid.as_str())?.on_node.iter().filter(|(_, count)| **count > 0)
            {
                *sum.entry(node.as_str()).or_default() += count;
            }
        }
        Some(sum)
    }

    /// The set is gone.
    pub fn forget(&mut self, uid: &str) {
        self.sets.remove(uid);
    }
}
