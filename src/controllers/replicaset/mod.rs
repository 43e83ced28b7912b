//! The ReplicaSet controller: as many pods of one template as are wanted, no more and no fewer.
//! Models `pkg/controller/replicaset`, which does the same for ReplicationControllers (`pkg/controller/replication`).

mod adapter;
mod ranking;
mod status;
mod tally;

use adapter::Replicas;
use status::Counts;
use tally::Tallies;

use super::expectations::Expectations;
use super::owner_index::OwnerIndex;
use super::pod_control;
use super::pods::{is_active, is_terminating, pod_from_template};
use super::ref_manager::{claim, gone_is_fine};
use super::{Action, Controller};
use crate::api::explain::{Explain, ReplicaStep};
use crate::api::k8s::OwnerReference;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Status};
use crate::client::{Change, Client, View, WorkQueue};

/// How many pods one sync creates or deletes at most. Upstream's `burstReplicas` is 500, which its client's rate limit
/// then spreads over many seconds; a call takes no time here, so the burst itself is what a client gets through, and a set
/// of thousands neither appears in one instant nor keeps a page busy for long.
const BURST: usize = 20;

/// The controller: its memory of what it has asked for and not seen yet, and its indexes.
#[derive(Clone, Debug)]
pub struct ReplicaSetController {
    kind: Kind,
    expectations: Expectations,
    pods: OwnerIndex,
    sets: OwnerIndex,
    tallies: Tallies,
}

impl Default for ReplicaSetController {
    fn default() -> Self {
        ReplicaSetController::of(Kind::REPLICA_SET)
    }
}

impl Controller for ReplicaSetController {
    fn name(&self) -> &'static str {
        if self.kind == Kind::REPLICA_SET { "replicaset-controller" } else { "replication-controller" }
    }

    fn watches(&self) -> &'static [Kind] {
        match self.kind {
            Kind::REPLICA_SET => &[Kind::REPLICA_SET, Kind::POD],
            _ => &[Kind::REPLICATION_CONTROLLER, Kind::POD],
        }
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        self.pods.note(change);
        self.sets.note(change);
        if change.key.kind == Kind::POD {
            self.tallies.note(change.before.as_deref(), change.after.as_deref());
            self.observe_pod(change, view, queue);
            return;
        }
        if change.after.is_none() {
            self.tallies.forget(change.object().uid());
            self.expectations.forget(&change.key);
        }
        queue.add(change.key.clone(), Some(change.revision));
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(set) = view.object(key).and_then(|object| Replicas::of(object)) else {
            self.expectations.forget(key);
            return Ok(Action::AwaitChange);
        };
        let due = self.expectations.satisfied(key, client.now());
        let set = &set;
        let selector = set.selector();
        if let Some(counts) = self.quick_counts(set, &selector) {
            let managed = if due { self.manage(key, set, (counts.active, None), client) } else { Ok(()) };
            status::update(set, counts, managed.as_ref().err(), client)?;
            return managed.map(|()| Action::AwaitChange);
        }
        let (mut active, mut terminating) = (Vec::new(), 0);
        let own = self.pods.controlled_by::<Pod>(set.uid(), set.namespace());
        for pod in own.chain(self.pods.orphans(set.namespace())) {
            if is_active(pod) {
                active.push(pod.clone());
            } else if is_terminating(pod) && pod.is_controlled_by(set.uid()) && selector.matches(pod.labels())
            {
                terminating += 1;
            }
        }
        let active = claim(set, &selector, active, client)?;
        let count = i32::try_from(active.len()).unwrap_or(i32::MAX);
        let acts = due && !set.is_deleting();
        let managed = if acts { self.manage(key, set, (count, Some(&active)), client) } else { Ok(()) };
        let counts = Counts::of(&set.set, &active, terminating, client.now());
        status::update(set, counts, managed.as_ref().err(), client)?;
        let wait = status::next_available(&set.set, &active, client.now());
        managed.map(|()| wait.map_or(Action::AwaitChange, Action::RequeueAfter))
    }
}

impl ReplicaSetController {
    /// The controller of ReplicationControllers (`NewReplicationManager`).
    pub fn of_replication_controllers() -> Self {
        ReplicaSetController::of(Kind::REPLICATION_CONTROLLER)
    }

    fn of(kind: Kind) -> Self {
        ReplicaSetController {
            kind,
            expectations: Expectations::default(),
            pods: OwnerIndex::of(Kind::POD, kind),
            sets: OwnerIndex::new(kind),
            tallies: Tallies::default(),
        }
    }

    fn observe_pod(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        let owners = [before, after].map(|pod| self.owner_set(pod?, view));
        // A pod that is marked, or removed, is one that the set may replace; seeing both counts once.
        let ends = after.is_none_or(|pod| pod.is_deleting());
        if let [_, Some(owner)] | [Some(owner), None] = &owners {
            if before.is_none() && !ends {
                self.expectations.creation_observed(owner);
            } else if ends {
                if before.is_none() {
                    self.expectations.creation_observed(owner);
                }
                self.expectations.deletion_observed(owner, &change.key);
            }
        }
        for owner in owners.into_iter().flatten() {
            queue.add(owner, cause);
        }
        // An orphan may be one that a set would adopt, if anything that decides it is new.
        let Some(pod) = after.filter(|pod| pod.controller().is_none() && !pod.is_deleting()) else { return };
        let news = before
            .is_none_or(|before| before.labels() != pod.labels() || before.controller() != pod.controller());
        if news {
            for set in
                view.objects(self.kind, Some(pod.namespace())).filter_map(|object| Replicas::of(object))
            {
                if set.selector().matches(pod.labels()) {
                    queue.add(set.key(), cause);
                }
            }
        }
    }

    /// The set that controls a pod, if there is one of that uid (`resolveControllerRef`).
    fn owner_set(&self, pod: &Object, view: &View) -> Option<Key> {
        let of_kind = |owner: &&OwnerReference| owner.kind == self.kind.name();
        let owner = pod.controller().filter(of_kind)?;
        let key = Key::new(self.kind, pod.namespace(), &owner.name);
        view.object(&key).filter(|set| set.uid() == owner.uid).map(|_| key)
    }

    /// The counts of a set's pods where nothing else has to be known of them: it has no pod to take in, to let go of or to
    /// wait for.
    fn quick_counts(&mut self, set: &Replicas, selector: &Selector) -> Option<Counts> {
        let waits = set.set.spec.min_ready_seconds.unwrap_or(0) > 0;
        let mut orphans = self.pods.orphans::<Pod>(set.namespace());
        let adopts = orphans.any(|pod| is_active(pod) && selector.matches(pod.labels()));
        if set.is_deleting() || waits || adopts {
            return None;
        }
        let own = self.pods.controlled_by::<Pod>(set.uid(), set.namespace());
        self.tallies.of(&set.set, selector, own)
    }

    /// Creates what is missing or deletes what is too much (`manageReplicas`), of so many active pods: those given, or else all
    /// that the set controls.
    fn manage(
        &mut self,
        key: &Key,
        set: &Replicas,
        (actual, active): (i32, Option<&[Pod]>),
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let Some(surplus) =
            usize::try_from(actual.saturating_sub(set.desired())).ok().filter(|more| *more > 0)
        else {
            return self.create_missing(key, set, actual, client);
        };
        let surplus = surplus.min(BURST);
        let related = self.related_sets(set);
        let listed = active.map(|active| self.tallies.standings(active.iter()));
        let on_node = self.tallies.per_node(&related).unwrap_or_else(|| {
            let own = |uid: &String| self.pods.controlled_by::<Pod>(uid, set.namespace());
            let pods = related.iter().flat_map(own).filter(|pod| is_active(pod));
            ranking::per_node(&self.tallies.standings(pods))
        });
        let now = client.now();
        let victims = match &listed {
            Some(listed) => ranking::victims(&mut listed.iter(), surplus, &on_node, now),
            None => ranking::victims(&mut self.tallies.active(set.uid()), surplus, &on_node, now),
        };
        let doomed = victims.iter().map(|victim| (victim.pod.name.to_string(), victim.why)).collect();
        self.remove(key, set, (actual, doomed), client)
    }

    /// Creates the pods that a set lacks that has `actual` ones.
    fn create_missing(
        &mut self,
        key: &Key,
        set: &Replicas,
        actual: i32,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let desired = set.desired();
        let missing = usize::try_from(desired.saturating_sub(actual)).unwrap_or(0).min(BURST);
        if missing == 0 {
            return Ok(());
        }
        self.expectations.expect_creations(key, missing, client.now());
        let step = ReplicaStep { desired, actual, ranking: None };
        let (made, result) = pod_control::slow_start(missing, || create_pod(set, &step, client));
        for _ in made..missing {
            self.expectations.creation_observed(key);
        }
        result
    }

    /// Deletes pods, each with what decided that it goes.
    fn remove(
        &mut self,
        key: &Key,
        set: &Replicas,
        (actual, doomed): (i32, Vec<(String, &'static str)>),
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let desired = set.desired();
        let keys = doomed.iter().map(|(pod, _)| Key::new(Kind::POD, set.namespace(), pod));
        self.expectations.expect_deletions(key, keys, client.now());
        let mut first_failure = Ok(());
        for (pod, why) in doomed {
            let explain = Explain::Replicas(ReplicaStep { desired, actual, ranking: Some(why.into()) });
            let pod = Key::new(Kind::POD, set.namespace(), &pod);
            if let Err(refused) = pod_control::delete_named(set, &pod, Some(explain), client) {
                self.expectations.deletion_observed(key, &pod);
                first_failure = first_failure.and(gone_is_fine::<()>(Err(refused)).map(drop));
            }
        }
        first_failure
    }

    /// All sets under the same controller (`getIndirectlyRelatedPods`): old and new pods of a Deployment count as doubled up
    /// on a node together. None for a set without a controller.
    fn related_sets(&self, set: &Replicas) -> Vec<String> {
        let owner = set.controller().map(|owner| owner.uid.clone());
        let sets = owner.iter().flat_map(|owner| self.sets.objects_of(owner, set.namespace()));
        sets.map(|set| set.uid().to_string()).collect()
    }
}

fn create_pod(set: &Replicas, step: &ReplicaStep, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(template) = &set.set.spec.template else { return Ok(()) };
    pod_control::create(set, pod_from_template(template, set), Some(Explain::Replicas(step.clone())), client)
}
