//! Which pods of a set a look need not touch. A look goes through all pods in order, and most of them are as they should be:
//! what it would find there is worked out once, when a pod changes, and not again at every change of another.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::claims::policy_holds;
use super::identity::{
    identity_matches, in_range, ordinal, parent_and_ordinal, revision_of, storage_matches,
};
use super::status::is_running_and_ready;
use super::{owner_set, selector_of};
use crate::api::{Kind, MetaExt, Object, Pod, StatefulSet};
use crate::client::{Change, View};

/// A settled pod.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Its ordinal.
    pub ordinal: i32,
    /// The place of its revision among [`Members::revisions`].
    pub revision: usize,
}

/// The pods of a set as a look takes them.
#[derive(Debug, Default)]
pub struct Members {
    /// Those within the set's range that are as they should be, in order: running and ready, not being deleted, with their
    /// labels and claims. Nothing is to be done to them but to be replaced.
    pub settled: Vec<Settled>,
    /// The revisions that these were made from, and how many of each.
    pub revisions: Vec<(Arc<str>, i32)>,
    /// All others.
    pub others: Vec<Pod>,
}

/// The pods of all sets, by the uid of their set.
#[derive(Clone, Debug, Default)]
pub struct Seats {
    sets: SortedMap<String, Arc<Row>>,
}

/// The pods of one set.
#[derive(Clone, Debug, Default)]
struct Row {
    /// By ordinal: the place of the revision of a settled pod, nothing for another.
    seats: SortedMap<i32, Option<usize>>,
    /// The revisions that there have been.
    revisions: Vec<Arc<str>>,
    /// Names that say their ordinal in another way than the controller does: `db-01`.
    odd: SortedSet<String>,
}

impl Row {
    /// Takes note of how a pod is now.
    fn seat(&mut self, ordinal: i32, set: Option<&StatefulSet>, pod: &Pod, view: &View) {
        let settled = set.is_some_and(|set| is_settled(set, pod, view));
        let settled = settled.then(|| self.place_of(revision_of(pod)));
        self.seats.insert(ordinal, settled);
    }

    fn place_of(&mut self, revision: &str) -> usize {
        let known = self.revisions.iter().rposition(|known| **known == *revision);
        known.unwrap_or_else(|| {
            self.revisions.push(revision.into());
            self.revisions.len() - 1
        })
    }
}

impl Seats {
    /// Takes note of a write: of all on which it depends whether a pod is settled.
    pub fn note(&mut self, change: &Change, view: &View) {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        match after.or(before) {
            Some(Object::Pod(_)) => self.note_pod(change, view),
            Some(Object::StatefulSet(set)) => {
                let generation = |object: Option<&Object>| object.and_then(|set| set.meta().generation);
                if after.is_some() && generation(before) != generation(after) {
                    let ordinals = self.sets.get(set.uid()).map(|row| row.seats.keys().copied().collect());
                    self.settle(set, ordinals.unwrap_or_default(), view);
                }
            }
            Some(Object::PersistentVolumeClaim(claim)) => {
                let owners =
                    |object: Option<&Object>| object.map(|claim| claim.meta().owner_references.clone());
                if owners(before) != owners(after) {
                    for set in view.list::<StatefulSet>(Some(claim.namespace())) {
                        self.settle(set, ordinal_of_claim(set, claim.name()).into_iter().collect(), view);
                    }
                }
            }
            _ => {}
        }
    }

    fn note_pod(&mut self, change: &Change, view: &View) {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        if let Some(uid) = before.and_then(of_set).filter(|uid| after.and_then(of_set) != Some(*uid)) {
            self.leave(uid, &change.key.name);
        }
        let Some(after) = after else { return };
        let (Some(uid), Some(pod)) = (of_set(after), after.as_kind::<Pod>()) else { return };
        let set = owner_set(after, view).and_then(|key| view.get::<StatefulSet>(&key.namespace, &key.name));
        let row = Arc::make_mut(self.sets.entry(uid.to_string()).or_default());
        match canonical(pod.name()) {
            Some(ordinal) => row.seat(ordinal, set, pod, view),
            None => drop(row.odd.insert(pod.name().into())),
        }
    }

    /// Looks again at pods whose set or claims have changed.
    fn settle(&mut self, set: &StatefulSet, ordinals: Vec<i32>, view: &View) {
        if ordinals.is_empty() {
            return;
        }
        let Some(row) = self.sets.get_mut(set.uid()).map(Arc::make_mut) else { return };
        for ordinal in ordinals {
            let pod = view.get::<Pod>(set.namespace(), &name_of(set, ordinal));
            if let Some(pod) = pod.filter(|_| row.seats.contains_key(&ordinal)) {
                row.seat(ordinal, Some(set), pod, view);
            }
        }
    }

    fn leave(&mut self, uid: &str, name: &str) {
        let Some(row) = self.sets.get_mut(uid).map(Arc::make_mut) else { return };
        match canonical(name) {
            Some(ordinal) => drop(row.seats.remove(&ordinal)),
            None => drop(row.odd.remove(name)),
        }
        if row.seats.is_empty() && row.odd.is_empty() {
            self.sets.remove(uid);
        }
    }

    /// The pods that a set controls. `None` where it depends on how long a pod has been ready, or where two may claim one ordinal.
    pub fn members(&self, set: &StatefulSet, view: &View) -> Option<Members> {
        let known = set.spec.min_ready_seconds.unwrap_or(0) == 0 && !set.is_deleting();
        let mut members = Members::default();
        let Some(row) = self.sets.get(set.uid()).filter(|_| known) else { return known.then_some(members) };
        if !row.odd.is_empty() {
            return None;
        }
        members.revisions = row.revisions.iter().map(|revision| (revision.clone(), 0)).collect();
        for (ordinal, settled) in row.seats.iter() {
            match *settled {
                Some(revision) if in_range(set, *ordinal) => {
                    members.settled.push(Settled { ordinal: *ordinal, revision });
                    members.revisions[revision].1 += 1;
                }
                _ => {
                    let pod = view.get::<Pod>(set.namespace(), &name_of(set, *ordinal))?;
                    members.others.push(pod.clone());
                }
            }
        }
        Some(members)
    }
}

impl Members {
    /// How many settled pods there are.
    pub fn count(&self) -> i32 {
        i32::try_from(self.settled.len()).unwrap_or(i32::MAX)
    }

    /// How many settled pods are of a revision.
    pub fn count_of(&self, revision: &str) -> i32 {
        self.revisions.iter().filter(|(known, _)| **known == *revision).map(|(_, count)| count).sum()
    }

    /// Whether any pod is of a revision.
    pub fn any_of(&self, revision: &str) -> bool {
        self.count_of(revision) > 0 || self.others.iter().any(|pod| revision_of(pod) == revision)
    }

    /// Whether they are those that going through all of a set's pods gives: for checks.
    pub fn agree<'a>(&self, set: &StatefulSet, view: &View, mut all: impl Iterator<Item = &'a Pod>) -> bool {
        let others: SortedSet<&str> = self.others.iter().map(MetaExt::name).collect();
        let settled: SortedMap<i32, &str> =
            self.settled.iter().map(|seat| (seat.ordinal, &*self.revisions[seat.revision].0)).collect();
        let mut left = others.len() + settled.len();
        let is_right = |pod: &'a Pod| {
            left = left.wrapping_sub(1);
            others.contains(pod.name())
                || is_settled(set, pod, view) && settled.get(&ordinal(pod)) == Some(&revision_of(pod))
        };
        all.all(is_right) && left == 0
    }
}

/// The name of a set's pod.
pub fn name_of(set: &StatefulSet, ordinal: i32) -> String {
    format!("{}-{ordinal}", set.name())
}

/// The uid of the set whose pod this is, by owner and by name.
fn of_set(object: &Object) -> Option<&str> {
    let owner = object.controller().filter(|owner| owner.kind == Kind::STATEFUL_SET.name())?;
    let (parent, _) = parent_and_ordinal(object.name())?;
    (parent == owner.name).then_some(&owner.uid)
}

/// The ordinal in a name, if it is written as the controller writes it.
fn canonical(name: &str) -> Option<i32> {
    let (_, ordinal) = parent_and_ordinal(name)?;
    let (_, digits) = name.rsplit_once('-')?;
    (digits.len() == 1 || !digits.starts_with('0')).then_some(ordinal)
}

/// The ordinal of the pod that a claim of this name is for, if it is one of the set's.
fn ordinal_of_claim(set: &StatefulSet, claim: &str) -> Option<i32> {
    let mut volumes =
        set.spec.volume_claim_templates.iter().flatten().filter_map(|one| one.metadata.name.as_ref());
    volumes.find_map(|volume| {
        let pod = claim.strip_prefix(volume.as_str())?.strip_prefix('-')?;
        parent_and_ordinal(pod).filter(|(parent, _)| *parent == set.name()).map(|(_, ordinal)| ordinal)
    })
}

/// Whether a look leaves a pod of the set's range alone, if no time has to pass before it counts as available.
fn is_settled(set: &StatefulSet, pod: &Pod, view: &View) -> bool {
    is_running_and_ready(pod)
        && !pod.is_deleting()
        && identity_matches(set, pod)
        && storage_matches(set, pod)
        && policy_holds(set, pod, view)
        && selector_of(set).matches(pod.labels())
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn an_ordinal_is_written_in_one_way() {
        let cases = [("db-0", Some(0)), ("db-10", Some(10)), ("db-01", None), ("db-00", None), ("db", None)];
        for (name, want) in cases {
            assert_eq!(canonical(name), want, "{name}");
        }
    }
}
