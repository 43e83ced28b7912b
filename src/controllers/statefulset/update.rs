//! One look at a StatefulSet: fill the gaps, take away what is too much, then replace what is outdated, highest ordinal
//! first (`stateful_set_control.go`).

use sorted::SortedMap;

use super::super::history;
use super::claims;
use super::control;
use super::identity::{self, in_range, new_pod, ordinal, revision_of, start};
use super::replicas;
use super::seats::{Members, Settled, name_of};
use super::status::{self, is_created, is_running_and_available, is_running_and_ready};
use crate::api::explain::{Explain, TurnStep};
use crate::api::k8s::StatefulSetStatus;
use crate::api::{ControllerRevision, MetaExt, Pod, StatefulSet, Status, sorting};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, View};

/// How many missing pods one look makes at most, where they need not wait for one another: as with a ReplicaSet, a set of
/// millions neither appears in one instant nor is gone through in one.
const BURST: usize = 20;

/// Whether to go on with the next pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    On,
    Stop,
}

/// The two templates between which a set moves. They are the same one at rest.
struct Revisions {
    current: ControllerRevision,
    update: ControllerRevision,
    collisions: i32,
}

/// Brings the set one step on and writes its status. Returns the status; `None` where claims have been made whose pods are to
/// follow, before which nothing else is done.
///
/// # Errors
/// What the API server refused. The status is written all the same.
pub fn perform(
    set: &StatefulSet,
    members: &Members,
    all: &[ControllerRevision],
    view: &View,
    client: &mut Client<'_>,
) -> Result<Option<StatefulSetStatus>, Status> {
    let revisions = revisions(set, all, client)?;
    let mut look = Look::new(set, members, &revisions, view, client);
    let result = look.run(client);
    if look.claims_first && result.is_ok() {
        return Ok(None);
    }
    let step = look.turn_step();
    let written = status::write(set, look.status, Some(Explain::Turns(step)), client);
    result?;
    let written = written?;
    let limit = usize::try_from(set.spec.revision_history_limit.unwrap_or(10)).unwrap_or(0);
    let live = |revision: &ControllerRevision| {
        let name = revision.name();
        name == revisions.current.name() || name == revisions.update.name() || members.any_of(name)
    };
    history::truncate(all, live, limit, client)?;
    Ok(Some(written))
}

/// Finds or makes the revision of the set's template, and the one that it comes from (`getStatefulSetRevisions`).
fn revisions(
    set: &StatefulSet,
    all: &[ControllerRevision],
    client: &mut Client<'_>,
) -> Result<Revisions, Status> {
    let mut collisions = set.status.collision_count.unwrap_or(0);
    let data = history::template_patch(&set.spec.template);
    let hash = history::hash_data(&data, collisions);
    let mut labels =
        set.spec.template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    labels.insert("controller.kubernetes.io/hash".into(), hash);
    let next = history::next_number(all);
    let equal = all.iter().rposition(|revision| revision.spec.data == data);
    let update = match equal {
        Some(index) if index + 1 == all.len() => all[index].clone(),
        Some(index) => history::renumber(&all[index], next, client)?,
        None => {
            let made = history::new_revision(set, labels, data, next);
            history::create(set, &made, &mut collisions, client)?
        }
    };
    let current = all.iter().find(|revision| Some(revision.name()) == set.status.current_revision.as_deref());
    let current = current.cloned().unwrap_or_else(|| update.clone());
    Ok(Revisions { current, update, collisions })
}

struct Look<'a> {
    set: &'a StatefulSet,
    revisions: &'a Revisions,
    view: &'a View,
    /// The pods wanted, in order; the first of those that do not exist yet as they would be made.
    replicas: Vec<Replica<'a>>,
    members: &'a Members,
    /// The pods too much, the highest ordinal first.
    condemned: Vec<Pod>,
    /// The pod that must be mended before others are touched.
    first_unavailable: Option<String>,
    /// One pod at a time, each ready before the next (`OrderedReady`).
    monotonic: bool,
    /// Whether claims have been made whose pods have not.
    claims_first: bool,
    /// The pod at which the look stopped.
    waits: String,
    /// How many pods of an older template it has taken away.
    moved: i32,
    status: StatefulSetStatus,
}

impl<'a> Look<'a> {
    fn new(
        set: &'a StatefulSet,
        members: &'a Members,
        revisions: &'a Revisions,
        view: &'a View,
        client: &Client<'_>,
    ) -> Look<'a> {
        let pods = &members.others;
        let mut known: SortedMap<i32, &Pod> = SortedMap::new();
        for pod in pods.iter().filter(|pod| in_range(set, ordinal(pod))) {
            known.insert(ordinal(pod), pod);
        }
        let mut replicas: Vec<Replica<'_>> = members.settled.iter().map(Replica::Settled).collect();
        replicas.extend(known.values().map(|pod| Replica::Pod(Box::new((*pod).clone()))));
        sorting::sort_by_key(&mut replicas, Replica::ordinal);
        let missing = gaps(set, &replicas);
        if !missing.is_empty() {
            let plan = |ordinal: i32| Replica::Pod(Box::new(planned(set, revisions, ordinal)));
            replicas.extend(missing.into_iter().map(plan));
            sorting::sort_by_key(&mut replicas, Replica::ordinal);
        }
        let mut condemned: Vec<Pod> =
            pods.iter().filter(|pod| !in_range(set, ordinal(pod))).cloned().collect();
        sorting::sort_by(&mut condemned, |a, b| ordinal(b).cmp(&ordinal(a)));
        let mut look = Look {
            set,
            revisions,
            view,
            replicas,
            members,
            condemned,
            first_unavailable: None,
            claims_first: false,
            waits: String::new(),
            moved: 0,
            monotonic: set.spec.pod_management_policy.as_deref() != Some("Parallel"),
            status: StatefulSetStatus {
                observed_generation: set.meta.generation,
                current_revision: Some(revisions.current.name().into()),
                update_revision: Some(revisions.update.name().into()),
                collision_count: Some(revisions.collisions),
                ..Default::default()
            },
        };
        let in_order = look.replicas.iter().filter_map(Replica::pod).chain(look.condemned.iter().rev());
        let first = in_order.into_iter().find(|pod| look.is_unavailable(pod, client));
        look.first_unavailable = first.map(|pod| pod.name().to_string());
        status::count(&mut look.status, set, members, pods.iter(), client.now());
        look
    }

    fn min_ready(&self) -> i32 {
        self.set.spec.min_ready_seconds.unwrap_or(0)
    }

    fn is_available(&self, pod: &Pod, client: &Client<'_>) -> bool {
        is_running_and_available(pod, self.min_ready(), client.now())
    }

    fn is_unavailable(&self, pod: &Pod, client: &Client<'_>) -> bool {
        !self.is_available(pod, client) || pod.is_deleting()
    }

    fn run(&mut self, client: &mut Client<'_>) -> Result<(), Status> {
        if self.set.is_deleting() {
            return Ok(());
        }
        let step = self.manage(client);
        let pods = self.replicas.iter().filter_map(Replica::pod).chain(&self.condemned);
        status::count(&mut self.status, self.set, self.members, pods, client.now());
        if step? == Step::Stop || self.claims_first {
            return Ok(());
        }
        self.roll(client)
    }

    /// Makes what is missing and takes away what is too much.
    fn manage(&mut self, client: &mut Client<'_>) -> Result<Step, Status> {
        if self.for_all(self.replicas.len(), Look::process_replica, client)? == Step::Stop
            || self.for_all(self.condemned.len(), Look::settle_claims, client)? == Step::Stop
        {
            return Ok(Step::Stop);
        }
        self.for_all(self.condemned.len(), Look::process_condemned, client)
    }

    /// Goes through the pods: in order and up to the first that must be waited for, or all of them at once.
    fn for_all(
        &mut self,
        count: usize,
        process: fn(&mut Self, usize, &mut Client<'_>) -> Result<Step, Status>,
        client: &mut Client<'_>,
    ) -> Result<Step, Status> {
        for index in 0..count {
            if process(self, index, client)? == Step::Stop && self.monotonic {
                let gap = self.replicas.get(index).and_then(Replica::pod);
                let gap = gap.filter(|pod| !self.is_available(pod, client));
                let waits = gap.or(self.condemned.get(index)).map(|pod| pod.name().to_string());
                self.waits = waits.unwrap_or_default();
                return Ok(Step::Stop);
            }
        }
        Ok(Step::On)
    }

    fn process_replica(&mut self, index: usize, client: &mut Client<'_>) -> Result<Step, Status> {
        let Replica::Pod(pod) = &self.replicas[index] else { return Ok(Step::On) };
        let pod = pod.clone();
        if let Some(phase @ ("Failed" | "Succeeded")) = pod.status.phase.as_deref() {
            if !pod.is_deleting() {
                let (type_, reason, word) = match phase {
                    "Failed" => (EventType::Warning, "RecreatingFailedPod", "failed"),
                    _ => (EventType::Normal, "RecreatingTerminatedPod", "terminated"),
                };
                let (namespace, name) = (self.set.namespace(), self.set.name());
                let message =
                    format!("StatefulSet {namespace}/{name} is recreating {word} Pod {}", pod.name());
                client.event(reference(self.set), type_, reason, message);
                control::delete_pod(self.set, &pod, client)?;
            }
            // The new one is made when the old one is gone.
            return Ok(Step::Stop);
        }
        if !is_created(&pod) {
            if claims::is_stale(self.set, &pod, self.view) {
                return Ok(Step::Stop);
            }
            if !control::create_pod(self.set, &pod, self.view, client)? {
                self.claims_first = true;
                return Ok(Step::Stop);
            }
            if self.monotonic {
                return Ok(Step::Stop);
            }
        }
        if pod.status.phase.as_deref() == Some("Pending") {
            claims::create_missing(self.set, &pod, self.view, client)?;
            claims::follow_policy(self.set, &pod, self.view, client)?;
        }
        let waits = pod.is_deleting() || !self.is_available(&pod, client);
        if waits && self.monotonic {
            return Ok(Step::Stop);
        }
        if !is_created(&pod)
            || (identity::identity_matches(self.set, &pod)
                && identity::storage_matches(self.set, &pod)
                && claims::policy_holds(self.set, &pod, self.view))
        {
            return Ok(Step::On);
        }
        control::update_pod(self.set, &pod, self.view, client)?;
        Ok(Step::On)
    }

    fn settle_claims(&mut self, index: usize, client: &mut Client<'_>) -> Result<Step, Status> {
        let pod = &self.condemned[index];
        if !claims::policy_holds(self.set, pod, self.view) {
            claims::follow_policy(self.set, pod, self.view, client)?;
        }
        Ok(Step::On)
    }

    fn process_condemned(&mut self, index: usize, client: &mut Client<'_>) -> Result<Step, Status> {
        let pod = &self.condemned[index];
        if pod.is_deleting() {
            return Ok(Step::Stop);
        }
        let is_first = self.first_unavailable.as_deref() == Some(pod.name());
        if self.monotonic && !is_first && !(is_running_and_ready(pod) && self.is_available(pod, client)) {
            return Ok(Step::Stop);
        }
        control::delete_pod(self.set, pod, client)?;
        Ok(Step::Stop)
    }

    /// What the look came to, for those who explain it.
    fn turn_step(&self) -> TurnStep {
        let small = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let update = self.revisions.update.name();
        let old = |pod: &&Pod| is_created(pod) && revision_of(pod) != update;
        let old = small(self.replicas.iter().filter_map(Replica::pod).filter(old).count());
        TurnStep {
            desired: replicas(self.set),
            field: "partition",
            limit: small(partition(self.set)),
            counted: 0,
            outdated: old + self.members.count() - self.members.count_of(update),
            moved: self.moved,
            waits: self.waits.clone(),
        }
    }

    /// Takes away the highest pod that is not of the new revision, unless one above it is not available yet.
    fn roll(&mut self, client: &mut Client<'_>) -> Result<(), Status> {
        let strategy = self.set.spec.update_strategy.as_ref();
        let on_delete = strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete"));
        // Pods of which nobody has thought yet are not available, and as a rule above all others.
        let unplanned = self.replicas.len() < usize::try_from(replicas(self.set)).unwrap_or(0);
        if on_delete || unplanned {
            return Ok(());
        }
        let lowest =
            start(self.set).saturating_add_unsigned(u32::try_from(partition(self.set)).unwrap_or(u32::MAX));
        let update = self.revisions.update.name();
        let newest = self.members.revisions.iter().position(|(revision, _)| **revision == *update);
        for replica in self.replicas.iter().rev().take_while(|replica| replica.ordinal() >= lowest) {
            let pod = match replica {
                Replica::Settled(seat) if newest == Some(seat.revision) => continue,
                Replica::Settled(seat) => {
                    self.view.get::<Pod>(self.set.namespace(), &name_of(self.set, seat.ordinal))
                }
                Replica::Pod(pod) => Some(&**pod),
            };
            let Some(pod) = pod else { continue };
            if revision_of(pod) != update && !pod.is_deleting() {
                let result = control::delete_pod(self.set, pod, client);
                let left = self.status.current_replicas.unwrap_or(0) - 1;
                self.status.current_replicas = status::nonzero(left);
                (self.moved, self.waits) = (1, pod.name().into());
                return result;
            }
            if self.is_unavailable(pod, client) {
                self.waits = pod.name().into();
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A pod that is wanted.
#[derive(Clone)]
enum Replica<'a> {
    /// One that is as it should be.
    Settled(&'a Settled),
    /// One that has to be looked at, or made.
    Pod(Box<Pod>),
}

impl Replica<'_> {
    fn ordinal(&self) -> i32 {
        match self {
            Replica::Settled(seat) => seat.ordinal,
            Replica::Pod(pod) => ordinal(pod),
        }
    }

    fn pod(&self) -> Option<&Pod> {
        if let Replica::Pod(pod) = self { Some(pod) } else { None }
    }
}

/// The first ordinals that nobody has, as many as one look fills.
fn gaps(set: &StatefulSet, taken: &[Replica<'_>]) -> Vec<i32> {
    let mut taken = taken.iter().map(Replica::ordinal).peekable();
    let last = start(set).saturating_add(replicas(set).max(0));
    (start(set)..last).filter(|ordinal| taken.next_if_eq(ordinal).is_none()).take(BURST).collect()
}

/// How many of the lowest pods a rolling update leaves alone.
fn partition(set: &StatefulSet) -> usize {
    let rolling = set.spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let partition = rolling.and_then(|rolling| rolling.partition).unwrap_or(0);
    usize::try_from(partition).unwrap_or(0)
}

/// The pod that is missing at an ordinal: below the partition of the old revision, else of the new one
/// (`newVersionedStatefulSetPod`).
fn planned(set: &StatefulSet, revisions: &Revisions, ordinal: i32) -> Pod {
    let rolls = set.spec.update_strategy.as_ref().is_some_and(|strategy| strategy.rolling_update.is_some());
    let below = usize::try_from(ordinal - start(set)).is_ok_and(|index| index < partition(set));
    let revision = if rolls && below { &revisions.current } else { &revisions.update };
    new_pod(set, &history::template_of(revision), revision.name(), ordinal)
}
