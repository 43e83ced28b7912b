//! Running counts of each set's pods, so that a change of one pod costs the same in a set of ten as in a set of ten thousand.
//! They are used where nothing has to be known of single pods; they are made anew where a set selects otherwise.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use sorted::SortedMap;

use super::ranking::{NOWHERE, Standing};
use super::status::{Counts, has_labels, template_labels};
use crate::api::meta::StringMap;
use crate::api::selector::Selector;
use crate::api::{MetaExt, Object, Pod, ReplicaSet};
use crate::controllers::pods::{is_active, is_ready, is_terminating};

/// The counts of every set that has been looked at, by its uid.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    sets: SortedMap<Arc<str>, Tally>,
    /// A number for every node that a pod was ever seen on.
    nodes: SortedMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Tally {
    selector: Selector,
    labels: StringMap,
    counts: Counts,
    /// Active pods that the set does not select any more.
    odd: i32,
    /// How many active pods there are on each node.
    on_node: Vec<usize>,
    /// The active pods, by name. Of a snapshot's thousands few change: it shares the rest.
    active: RedBlackTreeMapSync<Arc<str>, Standing>,
}

impl Tally {
    fn add(&mut self, pod: &Pod, by: i32, node: usize) {
        if is_active(pod) {
            if self.on_node.len() <= node {
                self.on_node.resize(node + 1, 0);
            }
            self.on_node[node] = self.on_node[node].saturating_add_signed(by as isize);
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

impl Tally {
    fn enlist(&mut self, pod: &Pod, node: usize) {
        let standing = Standing::of(pod, node);
        self.active.insert_mut(standing.name.clone(), standing);
    }
}

/// The number of a pod's node.
fn number(nodes: &mut SortedMap<String, usize>, pod: &Pod) -> usize {
    let Some(name) = &pod.spec.node_name else { return NOWHERE };
    if let Some(known) = nodes.get(name.as_str()) {
        return *known;
    }
    let number = nodes.len() + 1;
    nodes.insert(name.clone(), number);
    number
}

impl Tallies {
    /// Takes note of a change of a pod.
    pub fn note(&mut self, before: Option<&Object>, after: Option<&Object>) {
        for (version, by) in [(before, -1), (after, 1)] {
            let Some(pod) = version.and_then(Object::as_kind::<Pod>) else { continue };
            let owner = pod.controller().map_or("", |owner| owner.uid.as_str());
            let Some(tally) = self.sets.get_mut(owner) else { continue };
            let node = number(&mut self.nodes, pod);
            tally.add(pod, by, node);
            if by > 0 && is_active(pod) {
                tally.enlist(pod, node);
            } else if after.and_then(Object::as_kind::<Pod>).is_none_or(|after| {
                !is_active(after) || after.controller().is_none_or(|controller| controller.uid != owner)
            }) {
                tally.active.remove_mut(pod.name());
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
                on_node: Vec::new(),
                active: RedBlackTreeMapSync::new_sync(),
            };
            for pod in pods {
                let node = number(&mut self.nodes, pod);
                tally.add(pod, 1, node);
                if is_active(pod) {
                    tally.enlist(pod, node);
                }
            }
            self.sets.insert(set.uid().into(), tally);
        }
        self.sets.get(set.uid()).filter(|tally| tally.odd == 0).map(|tally| tally.counts)
    }

    /// The active pods of a set that has been counted.
    pub fn active(&self, uid: &str) -> impl Iterator<Item = &Standing> {
        self.sets.get(uid).into_iter().flat_map(|tally| tally.active.values())
    }

    /// Pods as they would be listed if their set had been counted.
    pub fn standings<'a>(&mut self, pods: impl Iterator<Item = &'a Pod>) -> Vec<Standing> {
        pods.map(|pod| Standing::of(pod, number(&mut self.nodes, pod))).collect()
    }

    /// How many active pods there are on each node, of several sets together; `None` if one of them has not been counted.
    pub fn per_node(&self, sets: &[String]) -> Option<Vec<usize>> {
        let mut sum = vec![0; self.nodes.len() + 1];
        for uid in sets {
            for (total, count) in sum.iter_mut().zip(&self.sets.get(uid.as_str())?.on_node) {
                *total += count;
            }
        }
        Some(sum)
    }

    /// The set is gone.
    pub fn forget(&mut self, uid: &str) {
        self.sets.remove(uid);
    }
}
