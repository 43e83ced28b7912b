//! The pods that one look goes over: all of a set, or only those that it could do something about.

use sorted::SortedSet;

use super::super::history;
use super::identity::{new_pod, ordinal, pod_name, revision_of, start, wanted};
use super::ordinals::Ordinals;
use super::standing::Standing;
use super::status::{Counts, is_created};
use super::update::{Revisions, is_monotonic, partition};
use crate::api::{MetaExt, Pod, StatefulSet, sorting};
use crate::client::View;
use crate::clock::SimTime;

/// How many missing pods one look makes at most, where they need not wait for one another: as with a ReplicaSet, a set of
/// millions neither appears in one instant nor is gone through in one.
const BURST: usize = 20;

/// What a look goes over, and what it has to know of the others.
pub struct Muster {
    /// The pods wanted, in order; the first of those that do not exist yet as they would be made.
    pub replicas: Vec<Pod>,
    /// The pods too much, the highest ordinal first.
    pub condemned: Vec<Pod>,
    /// Whether more are missing than are planned.
    pub unplanned: bool,
    /// How all of them stand.
    pub counts: Counts,
    /// How many of those wanted are of an older template.
    pub outdated: i32,
    /// The revisions that pods were made from.
    pub in_use: SortedSet<String>,
}

impl Muster {
    /// All pods of a set.
    pub fn of_all(set: &StatefulSet, pods: &[Pod], revisions: &Revisions, now: SimTime) -> Muster {
        let wanted = wanted(set);
        let mut placed: Vec<(i32, &Pod)> = pods.iter().map(|pod| (ordinal(pod), pod)).collect();
        sorting::sort_by_key(&mut placed, |(ordinal, _)| *ordinal);
        let (mut replicas, mut condemned): (Vec<_>, Vec<_>) =
            placed.into_iter().partition(|(ordinal, _)| wanted.contains(ordinal));
        // Of two pods of one ordinal ("db-1" and "db-01") the later stands there.
        replicas.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        sorting::sort_by(&mut condemned, |a, b| b.0.cmp(&a.0));
        let of_update = |pod: &Pod| revision_of(pod) == revisions.update.name();
        let outdated = replicas.iter().filter(|(_, pod)| is_created(pod) && !of_update(pod)).count();
        let counted = replicas.iter().chain(&condemned).map(|(_, pod)| *pod);
        let present: Ordinals = replicas.iter().map(|(ordinal, _)| *ordinal).collect();
        let mut muster = Muster {
            replicas: Vec::new(),
            condemned: condemned.iter().map(|(_, pod)| (*pod).clone()).collect(),
            unplanned: false,
            counts: Counts::of(counted, set, revisions, now),
            outdated: i32::try_from(outdated).unwrap_or(i32::MAX),
            in_use: SortedSet::new(),
        };
        for name in pods.iter().map(revision_of) {
            if !muster.in_use.contains(name) {
                muster.in_use.insert(name.into());
            }
        }
        let existing = replicas.into_iter().map(|(ordinal, pod)| (ordinal, pod.clone())).collect();
        muster.plan(set, revisions, existing, &present);
        muster
    }

    /// Of a set that is well known, the pods that make a difference. As the others are as they should be, a look passes over
    /// them: upwards to the first that is not available, if it goes in order, and downwards to the first that is not, or not of
    /// the new revision.
    pub fn of_few(
        set: &StatefulSet,
        standing: &Standing,
        revisions: &Revisions,
        view: &View,
        now: SimTime,
    ) -> Muster {
        let (wanted, every) = (wanted(set), 0..i32::MAX);
        let outdated = standing.revisions().filter(|(name, _)| *name != revisions.update.name());
        let outdated: Vec<_> = outdated.map(|(_, made)| made).collect();
        let unavailable = standing.unavailable(set, now);
        let ends = [unavailable.first(wanted.clone()), unavailable.last(wanted.clone())];
        let next = outdated.iter().filter_map(|made| made.staying.last(wanted.clone()));
        let deficient = standing.deficient.iter(wanted.clone()).chain(standing.bare.iter(wanted.clone()));
        let replicas: Ordinals = deficient.chain(ends.into_iter().flatten()).chain(next).collect();
        let condemned = condemned(set, standing, &unavailable);
        let pod = |ordinal: i32| view.get::<Pod>(set.namespace(), &pod_name(set, ordinal)).cloned();
        let count = |all: &Ordinals| all.count(wanted.clone());
        let mut muster = Muster {
            replicas: Vec::new(),
            condemned: condemned.iter(every.clone()).rev().filter_map(pod).collect(),
            unplanned: false,
            counts: standing.counts(set, revisions, now),
            outdated: outdated.iter().map(|made| count(&made.staying) + count(&made.leaving)).sum(),
            in_use: standing.revisions().map(|(name, _)| name.to_string()).collect(),
        };
        let existing = replicas.iter(every).filter_map(|ordinal| Some((ordinal, pod(ordinal)?))).collect();
        muster.plan(set, revisions, existing, &standing.present);
        muster
    }

    /// Puts pods to be made among those that exist, where there are none.
    fn plan(
        &mut self,
        set: &StatefulSet,
        revisions: &Revisions,
        existing: Vec<(i32, Pod)>,
        present: &Ordinals,
    ) {
        // In order, the second is not thought of before the first is there.
        let burst = if is_monotonic(set) { 1 } else { BURST };
        let mut missing = present.gaps(wanted(set));
        let mut replicas = existing;
        replicas
            .extend(missing.by_ref().take(burst).map(|ordinal| (ordinal, planned(set, revisions, ordinal))));
        self.unplanned = missing.next().is_some();
        sorting::sort_by_key(&mut replicas, |(ordinal, _)| *ordinal);
        self.replicas = replicas.into_iter().map(|(_, pod)| pod).collect();
    }
}

/// The pods too much that a look gets to. In order, that is the highest, which may go at once if it is the first that is not
/// available; else all that have not gone yet.
fn condemned(set: &StatefulSet, standing: &Standing, unavailable: &Ordinals) -> Ordinals {
    let outside = [0..start(set), wanted(set).end..i32::MAX];
    if is_monotonic(set) {
        let first = outside.iter().find_map(|range| unavailable.first(range.clone()));
        let last = outside.iter().rev().find_map(|range| standing.present.last(range.clone()));
        return first.into_iter().chain(last).collect();
    }
    let made = standing.revisions().map(|(_, made)| made);
    made.flat_map(|made| outside.iter().flat_map(|range| made.staying.iter(range.clone()))).collect()
}

/// The pod that is missing at an ordinal: below the partition of the old revision, else of the new one
/// (`newVersionedStatefulSetPod`).
fn planned(set: &StatefulSet, revisions: &Revisions, ordinal: i32) -> Pod {
    let rolls = set.spec.update_strategy.as_ref().is_some_and(|strategy| strategy.rolling_update.is_some());
    let below = usize::try_from(ordinal - start(set)).is_ok_and(|index| index < partition(set));
    let revision = if rolls && below { &revisions.current } else { &revisions.update };
    new_pod(set, &history::template_of(revision), revision.name(), ordinal)
}
