//! What is kept of each set's pods from one look to the next, so that a look at a set of thousands need not go over them all:
//! which ordinals there are, and which of them are not simply at rest.

use rpds::RedBlackTreeSetSync;
use sorted::SortedMap;

use super::identity::{claim_prefix, identity_matches, ordinal, pod_name, revision_of, storage_matches};
use super::ordinals::Ordinals;
use super::status::{Counts, is_created, is_running_and_ready};
use super::update::Revisions;
use super::{is_of_a_set, selector_of};
use crate::api::selector::Selector;
use crate::api::{Kind, MetaExt, Object, Pod, StatefulSet};
use crate::client::View;
use crate::clock::{SimDuration, SimTime};
use crate::controllers::pods::{is_ready, is_terminal, ready_since};

/// The standing of every set that has been looked at, by its uid.
#[derive(Clone, Debug, Default)]
pub struct Standings(SortedMap<String, Standing>);

/// How the pods of one set stand, all of them of the names that the set gives.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The set when its pods were first gone over. Its name, its selector and its claims say how a pod stands, and do not
    /// change.
    set: StatefulSet,
    selector: Selector,
    /// Pods that only a look at all of them gets right: of another name, or not selected.
    odd: usize,
    /// Those that run and are ready, by since when.
    ready: RedBlackTreeSetSync<(SimTime, i32)>,
    pub present: Ordinals,
    /// Not ready, or being deleted.
    unsettled: Ordinals,
    /// Those that a look may do something about other than to make room for another.
    pub deficient: Ordinals,
    pending: Ordinals,
    /// For each template of a claim the pods whose claim is there, and not being deleted.
    claimed: Vec<Ordinals>,
    /// Those that wait for a node, and of whose claims one has to be made again.
    pub bare: Ordinals,
    revisions: SortedMap<String, Made>,
}

/// The pods made from one revision.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub staying: Ordinals,
    pub leaving: Ordinals,
}

impl Standings {
    /// Takes note of a change of a pod.
    pub fn note(&mut self, before: Option<&Object>, after: Option<&Object>) {
        for (version, is_new) in [(before, false), (after, true)] {
            let Some(pod) = version.and_then(Object::as_kind::<Pod>) else { continue };
            let Some(owner) = pod.controller().filter(is_of_a_set) else { continue };
            let standing = self.0.get_mut(owner.uid.as_str());
            match standing.filter(|standing| standing.set.namespace() == pod.namespace()) {
                Some(standing) if is_new => standing.add(pod),
                Some(standing) => standing.remove(pod),
                None => {}
            }
        }
    }

    /// Takes note of a change of a claim that bears the name of a pod of `set`.
    pub fn note_claim(&mut self, set: &StatefulSet, name: &str, claim: Option<&Object>) {
        if let Some(standing) = self.0.get_mut(set.uid()) {
            standing.note_claim(name, claim.is_some_and(|claim| !claim.is_deleting()));
        }
    }

    /// Gets to know a set, `pods` being all that it controls.
    pub fn learn<'a>(&mut self, set: &StatefulSet, pods: impl Iterator<Item = &'a Pod>, view: &View) {
        if self.0.get(set.uid()).is_none_or(|known| !known.judges_as(set)) {
            let mut standing = Standing::new(set);
            standing.find_claims(view);
            pods.for_each(|pod| standing.add(pod));
            self.0.insert(set.uid().into(), standing);
        }
    }

    /// How a known set stands; `None` if it has odd pods.
    pub fn of(&self, set: &StatefulSet) -> Option<&Standing> {
        self.0.get(set.uid()).filter(|standing| standing.odd == 0)
    }

    /// The set is gone.
    pub fn forget(&mut self, uid: &str) {
        self.0.remove(uid);
    }
}

impl Standing {
    fn new(set: &StatefulSet) -> Standing {
        Standing {
            set: set.clone(),
            selector: selector_of(set),
            odd: 0,
            ready: RedBlackTreeSetSync::new_sync(),
            present: Ordinals::default(),
            unsettled: Ordinals::default(),
            deficient: Ordinals::default(),
            pending: Ordinals::default(),
            claimed: claim_prefixes(set).map(|_| Ordinals::default()).collect(),
            bare: Ordinals::default(),
            revisions: SortedMap::new(),
        }
    }

    /// Looks which claims there are.
    fn find_claims(&mut self, view: &View) {
        let set = self.set.clone();
        for prefix in claim_prefixes(&set) {
            for claim in view.called(Kind::PERSISTENT_VOLUME_CLAIM, set.namespace(), &prefix) {
                self.note_claim(claim.name(), !claim.is_deleting());
            }
        }
    }

    /// A claim of that name is there, or is not.
    fn note_claim(&mut self, name: &str, is_there: bool) {
        let set = self.set.clone();
        for (prefix, index) in claim_prefixes(&set).zip(0..) {
            let number = name.strip_prefix(&prefix).unwrap_or_default();
            let is_ordinal = |ordinal: &i32| (0..i32::MAX).contains(ordinal) && ordinal.to_string() == number;
            let Some(ordinal) = number.parse().ok().filter(is_ordinal) else { continue };
            let claimed: &mut Ordinals = &mut self.claimed[index];
            if is_there {
                claimed.insert(ordinal)
            } else {
                claimed.remove(ordinal)
            }
            self.judge_claims(ordinal);
        }
    }

    /// Whether the set says of a pod what it said when its pods were gone over.
    fn judges_as(&self, set: &StatefulSet) -> bool {
        let (then, now) = (&self.set.spec, &set.spec);
        then.selector == now.selector && then.volume_claim_templates == now.volume_claim_templates
    }

    /// The place of a pod; `None` if it is odd.
    fn place(&self, pod: &Pod) -> Option<i32> {
        let ordinal = ordinal(pod);
        let usual = (0..i32::MAX).contains(&ordinal)
            && pod.name() == pod_name(&self.set, ordinal)
            && self.selector.matches(pod.labels())
            && is_created(pod)
            && is_ready(pod) == ready_since(pod).is_some();
        usual.then_some(ordinal)
    }

    fn add(&mut self, pod: &Pod) {
        let Some(ordinal) = self.place(pod) else {
            self.odd += 1;
            return;
        };
        let (ready, leaving) = (serves_since(pod), pod.is_deleting());
        self.present.insert(ordinal);
        if let Some(since) = ready {
            self.ready.insert_mut((since, ordinal));
        }
        if ready.is_none() || leaving {
            self.unsettled.insert(ordinal);
        }
        if self.is_deficient(pod) {
            self.deficient.insert(ordinal);
        }
        if pod.status.phase.as_deref() == Some("Pending") {
            self.pending.insert(ordinal);
            self.judge_claims(ordinal);
        }
        let made = self.revisions.entry(revision_of(pod).into()).or_default();
        if leaving { &mut made.leaving } else { &mut made.staying }.insert(ordinal);
    }

    fn remove(&mut self, pod: &Pod) {
        let Some(ordinal) = self.place(pod) else {
            self.odd -= 1;
            return;
        };
        if let Some(since) = serves_since(pod) {
            self.ready.remove_mut(&(since, ordinal));
        }
        let standings =
            [&mut self.present, &mut self.unsettled, &mut self.deficient, &mut self.pending, &mut self.bare];
        for all in standings {
            all.remove(ordinal);
        }
        if let Some(made) = self.revisions.get_mut(revision_of(pod)) {
            made.staying.remove(ordinal);
            made.leaving.remove(ordinal);
            if made.staying.is_empty() && made.leaving.is_empty() {
                self.revisions.remove(revision_of(pod));
            }
        }
    }

    /// Whether a look may change the pod where it is: it ended, or it is not what the set says.
    fn is_deficient(&self, pod: &Pod) -> bool {
        is_terminal(pod) || !identity_matches(&self.set, pod) || !storage_matches(&self.set, pod)
    }

    /// Whether the claims of a pod are to be looked after: they are until it runs.
    fn judge_claims(&mut self, ordinal: i32) {
        let has_all = self.claimed.iter().all(|claimed| claimed.contains(ordinal));
        if self.pending.contains(ordinal) && !has_all {
            self.bare.insert(ordinal);
        } else {
            self.bare.remove(ordinal);
        }
    }

    /// The pods that are ready, and not yet for `minReadySeconds`.
    fn fresh(&self, set: &StatefulSet, now: SimTime) -> impl Iterator<Item = i32> {
        let seconds = u64::try_from(set.spec.min_ready_seconds.unwrap_or(0)).unwrap_or(0);
        let is_fresh = move |since: SimTime| seconds > 0 && since + SimDuration::from_secs(seconds) > now;
        self.ready.iter().rev().take_while(move |(since, _)| is_fresh(*since)).map(|(_, ordinal)| *ordinal)
    }

    /// The pods that are not available, or being deleted.
    pub fn unavailable(&self, set: &StatefulSet, now: SimTime) -> Ordinals {
        let mut unavailable = self.unsettled.clone();
        self.fresh(set, now).for_each(|ordinal| unavailable.insert(ordinal));
        unavailable
    }

    /// The counts of the status.
    pub fn counts(&self, set: &StatefulSet, revisions: &Revisions, now: SimTime) -> Counts {
        let of = |revision: &str| self.revisions.get(revision).map_or(0, |made| made.staying.len());
        let small = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let (ready, fresh) = (self.ready.size(), self.fresh(set, now).count());
        Counts {
            all: self.present.len(),
            ready: small(ready),
            available: small(ready - fresh),
            current: of(revisions.current.name()),
            updated: of(revisions.update.name()),
        }
    }

    /// The revisions that pods were made from, and which.
    pub fn revisions(&self) -> impl Iterator<Item = (&str, &Made)> {
        self.revisions.iter().map(|(name, made)| (name.as_str(), made))
    }
}

/// What the claims of each template are called, up to their ordinals.
fn claim_prefixes(set: &StatefulSet) -> impl Iterator<Item = String> {
    let templates = set.spec.volume_claim_templates.iter().flatten();
    templates.map(|template| claim_prefix(set, template.metadata.name.as_deref().unwrap_or_default()))
}

/// Since when a pod has been running and ready, if it is.
fn serves_since(pod: &Pod) -> Option<SimTime> {
    ready_since(pod).filter(|_| is_running_and_ready(pod))
}
