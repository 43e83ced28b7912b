//! The StatefulSet controller: pods that keep their names and their claims, made and replaced in order.
//! Models `pkg/controller/statefulset`.

mod claims;
mod control;
mod identity;
mod muster;
mod ordinals;
mod standing;
mod status;
mod update;

use std::sync::Arc;

use super::history;
use super::owner_index::OwnerIndex;
use super::ref_manager::claim;
use super::{Action, Controller};
use crate::api::k8s::OwnerReference;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, KubeObject, MetaExt, Object, Pod, StatefulSet, Status};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::SimDuration;
use claims::OwnedClaims;
use muster::Muster;
use standing::{Standing, Standings};

/// The label with the name of the revision that a pod was made from.
const REVISION_LABEL: &str = "controller-revision-hash";

/// From the calls that make a pod's claims to the one that makes the pod.
const CLAIM_CALLS: SimDuration = SimDuration::from_millis(25);

/// The controller. It remembers nothing between two looks but who owns what, and how it stands.
#[derive(Clone, Debug)]
pub struct StatefulSetController {
    pods: OwnerIndex,
    standings: Standings,
    owned_claims: OwnedClaims,
}

impl Default for StatefulSetController {
    fn default() -> Self {
        StatefulSetController {
            pods: OwnerIndex::of(Kind::POD, Kind::STATEFUL_SET),
            standings: Standings::default(),
            owned_claims: OwnedClaims::default(),
        }
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
        self.owned_claims.note(change);
        if change.key.kind == Kind::STATEFUL_SET {
            if change.after.is_none() {
                self.standings.forget(change.object().uid());
            }
            queue.add(change.key.clone(), Some(change.revision));
            return;
        }
        if change.key.kind == Kind::PERSISTENT_VOLUME_CLAIM {
            for set in identity::sets_of_claim(change.object(), view) {
                self.standings.note_claim(set, &change.key.name, change.after.as_deref());
            }
        }
        if change.key.kind != Kind::POD {
            return;
        }
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        self.standings.note(before, after);
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
        self.standings.learn(set, self.pods.controlled_by(set.uid(), set.namespace()), view);
        let standing = self.standing(set);
        if cfg!(debug_assertions) && standing.is_some() {
            return look_both_ways(set, standing, &self.pods, view, client);
        }
        look(set, standing, &self.pods, view, client)
    }
}

impl StatefulSetController {
    /// What is known of a set's pods; `None` where each has to be gone over: where claims go with their pods or may,
    /// or there are pods that are the set's only by half.
    fn standing(&self, set: &StatefulSet) -> Option<&Standing> {
        if !self.owned_claims.policy_holds(set) || orphans(&self.pods, set).next().is_some() {
            return None;
        }
        self.standings.of(set)
    }
}

/// One look at a set: at those of its pods that need it if it is known how they stand, else at all.
fn look(
    set: &StatefulSet,
    standing: Option<&Standing>,
    pods: &OwnerIndex,
    view: &View,
    client: &mut Client<'_>,
) -> Result<Action, Status> {
    let selector = selector_of(set);
    let claimed = match standing {
        Some(_) => Vec::new(),
        None => {
            let own = pods.controlled_by(set.uid(), set.namespace());
            let own = own.filter(|pod| identity::is_member(set, pod));
            claim(set, &selector, own.chain(orphans(pods, set)).cloned().collect(), client)?
        }
    };
    let all = history::revisions_of(set, &selector, view, client)?;
    let revisions = update::revisions(set, &all, client)?;
    let muster = match standing {
        Some(standing) => Muster::of_few(set, standing, &revisions, view, client.now()),
        None => Muster::of_all(set, &claimed, &revisions, client.now()),
    };
    let Some(status) = update::perform(set, &muster, (&revisions, &all), view, client)? else {
        return Ok(Action::RequeueAfter(CLAIM_CALLS));
    };
    let min_ready = u64::try_from(set.spec.min_ready_seconds.unwrap_or(0)).unwrap_or(0);
    if min_ready > 0 && status.available_replicas.unwrap_or(0) != replicas(set) {
        return Ok(Action::RequeueAfter(SimDuration::from_secs(min_ready)));
    }
    Ok(Action::AwaitChange)
}

/// A look that also holds what it comes to against a look at all pods: that most are passed over must not show.
fn look_both_ways(
    set: &StatefulSet,
    standing: Option<&Standing>,
    pods: &OwnerIndex,
    view: &View,
    client: &mut Client<'_>,
) -> Result<Action, Status> {
    let (meant, writes) = client.rehearse(|client| look(set, None, pods, view, client));
    let since = client.live().revision();
    let result = look(set, standing, pods, view, client);
    assert_eq!(result, meant, "{}/{}", set.namespace(), set.name());
    let made: Vec<_> = client.server().store().since(since).cloned().collect();
    let same = |(a, b): (&Arc<Change>, &Arc<Change>)| {
        let parts =
            |write: &Change| (write.key.clone(), write.before.clone(), write.after.clone(), write.cause);
        parts(a) == parts(b) && a.explain == b.explain
    };
    assert!(made.len() == writes.len() && made.iter().zip(&writes).all(same), "{made:#?}, not {writes:#?}");
    result
}

/// The pods that nobody controls and that bear the set's name.
fn orphans<'a>(pods: &'a OwnerIndex, set: &'a StatefulSet) -> impl Iterator<Item = &'a Pod> {
    let named = pods.orphans_named::<Pod>(set.namespace(), set.name());
    named.filter(|pod| identity::is_member(set, pod))
}

fn replicas(set: &StatefulSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

fn is_of_a_set(owner: &&OwnerReference) -> bool {
    owner.kind == StatefulSet::KIND.name()
}

/// The StatefulSet that controls a pod, if there is one of that uid.
fn owner_set(pod: &Object, view: &View) -> Option<Key> {
    let owner = pod.controller().filter(is_of_a_set)?;
    let set = view.get::<StatefulSet>(pod.namespace(), &owner.name).filter(|set| set.uid() == owner.uid)?;
    Some(Key::new(Kind::STATEFUL_SET, set.namespace(), set.name()))
}

fn selector_of(set: &StatefulSet) -> Selector {
    Selector::from_field(&set.spec.selector).unwrap_or_default()
}
