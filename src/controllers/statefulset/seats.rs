//! Which pods of a set a look need not touch. A look goes through all pods in order, and most of them are as they should be:
//! what it would find there is worked out once, when a pod changes, and not again at every change of another.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::identity::{identity_matches, in_range, ordinal, parent_and_ordinal, revision_of};
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
    /// Those within the set's range that are as they should be, in order: running and ready, not being deleted, and labelled
    /// as theirs. Nothing is to be done to them but to be replaced.
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
    fn place_of(&mut self, revision: &str) -> usize {
        let known = self.revisions.iter().rposition(|known| **known == *revision);
        known.unwrap_or_else(|| {
            self.revisions.push(revision.into());
            self.revisions.len() - 1
        })
    }
}

impl Seats {
    /// Takes note of a write to a pod.
    pub fn note(&mut self, change: &Change, view: &View) {
        if change.key.kind != Kind::POD {
            return;
        }
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        if let Some(uid) = before.and_then(of_set).filter(|uid| after.and_then(of_set) != Some(*uid)) {
            self.leave(uid, &change.key.name);
        }
        let Some(after) = after else { return };
        let (Some(uid), Some(pod)) = (of_set(after), after.as_kind::<Pod>()) else { return };
        let set = owner_set(after, view).and_then(|key| view.get::<StatefulSet>(&key.namespace, &key.name));
        let row = Arc::make_mut(self.sets.entry(uid.to_string()).or_default());
        let Some(ordinal) = canonical(pod.name()) else {
            row.odd.insert(pod.name().into());
            return;
        };
        let settled = set.is_some_and(|set| is_settled(set, pod)).then(|| row.place_of(revision_of(pod)));
        row.seats.insert(ordinal, settled);
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

    /// The pods that a set controls. `None` where what is settled may depend on more than the pod: on its claims, or on how
    /// long it has been ready; and where two pods claim one ordinal.
    pub fn members(&self, set: &StatefulSet, view: &View) -> Option<Members> {
        let alone = set.spec.min_ready_seconds.unwrap_or(0) == 0
            && set.spec.volume_claim_templates.as_ref().is_none_or(Vec::is_empty)
            && !set.is_deleting();
        let mut members = Members::default();
        let Some(row) = self.sets.get(set.uid()).filter(|_| alone) else { return alone.then_some(members) };
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
    pub fn agree<'a>(&self, set: &StatefulSet, mut all: impl Iterator<Item = &'a Pod>) -> bool {
        let others: SortedSet<&str> = self.others.iter().map(MetaExt::name).collect();
        let settled: SortedMap<i32, &str> =
            self.settled.iter().map(|seat| (seat.ordinal, &*self.revisions[seat.revision].0)).collect();
        let mut left = others.len() + settled.len();
        let is_right = |pod: &'a Pod| {
            left = left.wrapping_sub(1);
            others.contains(pod.name())
                || is_settled(set, pod) && settled.get(&ordinal(pod)) == Some(&revision_of(pod))
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
    let digits = name.rsplit_once('-').map(|(_, digits)| digits)?;
    (digits.len() == 1 || !digits.starts_with('0')).then_some(ordinal)
}

/// Whether a look leaves a pod of the set's range alone, if no time has to pass before it counts as available.
pub fn is_settled(set: &StatefulSet, pod: &Pod) -> bool {
    is_running_and_ready(pod)
        && !pod.is_deleting()
        && identity_matches(set, pod)
        && selector_of(set).matches(pod.labels())
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use crate::api::{MetaExt, Pod};
    use crate::clock::SimTime;
    use crate::sim::{Config, Input, Simulation};

    #[test]
    fn an_ordinal_is_written_in_one_way() {
        let cases = [("db-0", Some(0)), ("db-10", Some(10)), ("db-01", None), ("db-00", None), ("db", None)];
        for (name, want) in cases {
            assert_eq!(canonical(name), want, "{name}");
        }
    }

    /// Every look holds the settled pods against going through all of them.
    #[test]
    fn a_set_of_many_pods_is_scaled_mended_and_rolled_over_by_what_is_settled() {
        let mut simulation = Simulation::new(Config::small(3));
        simulation.apply("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 12\n  serviceName: db\n  selector: {matchLabels: {app: db}}\n  template: {metadata: {labels: {app: db}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: db, image: 'redis:7'}]}}\n");
        let lines = [
            "kubectl delete pod db-3 db-11 --wait=false",
            "kubectl label pod db-7 apps.kubernetes.io/pod-index-",
            "kubectl scale statefulset db --replicas=14",
            "kubectl set image statefulset db db=redis:8",
            "kubectl scale statefulset db --replicas=11",
        ];
        for (turn, line) in (1..).zip(lines) {
            simulation.advance(SimTime::from_secs(120 * turn), u64::MAX);
            simulation.submit(Input::Kubectl { line: line.into(), stdin: None, files: Default::default() });
        }
        simulation.advance(SimTime::from_secs(900), u64::MAX);
        let pods = simulation.view().list::<Pod>(Some("default"));
        let new = pods.filter(|pod| pod.spec.containers[0].image.as_deref() == Some("redis:8"));
        let mut names: Vec<&str> = new.map(MetaExt::name).collect();
        names.sort_unstable();
        let mut want: Vec<String> = (0..11).map(|ordinal| format!("db-{ordinal}")).collect();
        want.sort_unstable();
        assert_eq!(names, want);
    }
}
