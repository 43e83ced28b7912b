//! The StatefulSet controller: pods that keep their names and their claims, made and replaced in order.
//! Models `pkg/controller/statefulset`.

mod claims;
mod control;
mod identity;
mod seats;
mod status;
mod update;

use super::history;
use super::owner_index::OwnerIndex;
use super::ref_manager::claim;
use super::{Action, Controller};
use crate::api::k8s::OwnerReference;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, KubeObject, MetaExt, Object, Pod, StatefulSet, Status};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::SimDuration;
use seats::{Members, Seats};

/// The label with the name of the revision that a pod was made from.
const REVISION_LABEL: &str = "controller-revision-hash";

/// From the calls that make a pod's claims to the one that makes the pod.
const CLAIM_CALLS: SimDuration = SimDuration::from_millis(25);

/// The controller. It remembers nothing between two looks but who owns what, and who is settled.
#[derive(Clone, Debug)]
pub struct StatefulSetController {
    pods: OwnerIndex,
    seats: Seats,
}

impl Default for StatefulSetController {
    fn default() -> Self {
        let pods = OwnerIndex::of(Kind::POD, Kind::STATEFUL_SET);
        StatefulSetController { pods, seats: Seats::default() }
    }
}

impl Controller for StatefulSetController {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        // Claims are looked up, and call for nothing by themselves.
        &[Kind::STATEFUL_SET, Kind::POD, Kind::PERSISTENT_VOLUME_CLAIM]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        self.pods.note(change);
        self.seats.note(change, view);
        if change.key.kind == Kind::STATEFUL_SET {
            queue.add(change.key.clone(), Some(change.revision));
            return;
        }
        if change.key.kind != Kind::POD {
            return;
        }
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        for owner in [before, after].into_iter().flatten().filter_map(|pod| owner_set(pod, view)) {
            queue.add(owner, Some(change.revision));
        }
        let Some(orphan) = after.filter(|pod| pod.controller().is_none() && !pod.is_deleting()) else {
            return;
        };
        if before.is_some_and(|before| before.labels() == orphan.labels() && before.controller().is_none()) {
            return;
        }
        for set in view.list::<StatefulSet>(Some(orphan.namespace())) {
            if selector_of(set).matches(orphan.labels()) {
                queue.add(Key::new(Kind::STATEFUL_SET, set.namespace(), set.name()), Some(change.revision));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(set) = view.get::<StatefulSet>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let selector = selector_of(set);
        let own = || self.pods.controlled_by::<Pod>(set.uid(), set.namespace());
        let of_set = |pod: &&Pod| identity::is_member(set, pod);
        let all = || Members { others: own().filter(of_set).cloned().collect(), ..Members::default() };
        let mut members = self.seats.members(set, view).unwrap_or_else(all);
        debug_assert!(members.agree(set, view, own().filter(of_set)), "{members:?}");
        members.others.extend(self.pods.orphans(set.namespace()).filter(of_set).cloned());
        members.others = claim(set, &selector, members.others, client)?;
        let revisions = history::revisions_of(set, &selector, view, client)?;
        let Some(status) = update::perform(set, &members, &revisions, view, client)? else {
            return Ok(Action::RequeueAfter(CLAIM_CALLS));
        };
        let min_ready = u64::try_from(set.spec.min_ready_seconds.unwrap_or(0)).unwrap_or(0);
        if min_ready > 0 && status.available_replicas.unwrap_or(0) != replicas(set) {
            return Ok(Action::RequeueAfter(SimDuration::from_secs(min_ready)));
        }
        Ok(Action::AwaitChange)
    }
}

fn replicas(set: &StatefulSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

/// The StatefulSet that controls a pod, if there is one of that uid.
fn owner_set(pod: &Object, view: &View) -> Option<Key> {
    let of_kind = |owner: &&OwnerReference| owner.kind == StatefulSet::KIND.name();
    let owner = pod.controller().filter(of_kind)?;
    let set = view.get::<StatefulSet>(pod.namespace(), &owner.name).filter(|set| set.uid() == owner.uid)?;
    Some(Key::new(Kind::STATEFUL_SET, set.namespace(), set.name()))
}

fn selector_of(set: &StatefulSet) -> Selector {
    Selector::from_field(&set.spec.selector).unwrap_or_default()
}
