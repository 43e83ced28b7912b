//! One look at a StatefulSet: fill the gaps, take away what is too much, then replace what is outdated, highest ordinal
//! first (`stateful_set_control.go`).

use super::super::history;
use super::claims;
use super::control;
use super::identity::{self, in_range, ordinal, revision_of, start};
use super::muster::Muster;
use super::replicas;
use super::status::{self, is_created, is_running_and_available, is_running_and_ready};
use crate::api::explain::{Explain, TurnStep};
use crate::api::k8s::StatefulSetStatus;
use crate::api::{ControllerRevision, MetaExt, Pod, StatefulSet, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, View};

/// Whether to go on with the next pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    On,
    Stop,
}

/// The two templates between which a set moves. They are the same one at rest.
pub struct Revisions {
    pub current: ControllerRevision,
    pub update: ControllerRevision,
    pub collisions: i32,
}

/// Brings the set one step on and writes its status. Returns the status; `None` where claims have been made whose pods are to
/// follow, before which nothing else is done.
///
/// # Errors
/// What the API server refused. The status is written all the same.
pub fn perform(
    set: &StatefulSet,
    muster: &Muster,
    (revisions, all): (&Revisions, &[ControllerRevision]),
    view: &View,
    client: &mut Client<'_>,
) -> Result<Option<StatefulSetStatus>, Status> {
    let mut look = Look::new(set, muster, revisions, view, client);
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
        name == revisions.current.name() || name == revisions.update.name() || muster.in_use.contains(name)
    };
    history::truncate(all, live, limit, client)?;
    Ok(Some(written))
}

/// Finds or makes the revision of the set's template, and the one that it comes from (`getStatefulSetRevisions`).
///
/// # Errors
/// What the API server refused.
pub fn revisions(
    set: &StatefulSet,
    all: &[ControllerRevision],
    client: &mut Client<'_>,
) -> Result<Revisions, Status> {
    let mut collisions = set.status.collision_count.unwrap_or(0);
    let data = history::template_patch(&set.spec.template);
    let next = history::next_number(all);
    let equal = all.iter().rposition(|revision| revision.spec.data == data);
    let update = match equal {
        Some(index) if index + 1 == all.len() => all[index].clone(),
        Some(index) => history::renumber(&all[index], next, client)?,
        None => {
            let template = set.spec.template.metadata.as_ref();
            let mut labels = template.and_then(|meta| meta.labels.clone()).unwrap_or_default();
            let hash = history::hash_data(&data, collisions);
            labels.insert("controller.kubernetes.io/hash".into(), hash);
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
    muster: &'a Muster,
    revisions: &'a Revisions,
    view: &'a View,
    /// The pod that must be mended before others are touched.
    first_unavailable: Option<&'a str>,
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
        muster: &'a Muster,
        revisions: &'a Revisions,
        view: &'a View,
        client: &Client<'_>,
    ) -> Look<'a> {
        let mut look = Look {
            set,
            muster,
            revisions,
            view,
            first_unavailable: None,
            claims_first: false,
            waits: String::new(),
            moved: 0,
            monotonic: is_monotonic(set),
            status: muster.counts.status(set, revisions),
        };
        let mut in_order = muster.replicas.iter().chain(muster.condemned.iter().rev());
        look.first_unavailable = in_order.find(|pod| look.is_unavailable(pod, client)).map(Pod::name);
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
        if self.manage(client)? == Step::Stop || self.claims_first {
            return Ok(());
        }
        self.roll(client)
    }

    /// Makes what is missing and takes away what is too much.
    fn manage(&mut self, client: &mut Client<'_>) -> Result<Step, Status> {
        let Muster { replicas, condemned, .. } = self.muster;
        if self.for_all(replicas, Look::process_replica, client)? == Step::Stop
            || self.for_all(condemned, Look::settle_claims, client)? == Step::Stop
        {
            return Ok(Step::Stop);
        }
        self.for_all(condemned, Look::process_condemned, client)
    }

    /// Goes through pods: in order and up to the first that must be waited for, or all of them at once.
    fn for_all(
        &mut self,
        pods: &[Pod],
        process: fn(&mut Self, &Pod, &mut Client<'_>) -> Result<Step, Status>,
        client: &mut Client<'_>,
    ) -> Result<Step, Status> {
        for pod in pods {
            if process(self, pod, client)? == Step::Stop && self.monotonic {
                // One that serves until it is gone is no gap.
                if !in_range(self.set, ordinal(pod)) || !self.is_available(pod, client) {
                    self.waits = pod.name().into();
                }
                return Ok(Step::Stop);
            }
        }
        Ok(Step::On)
    }

    fn process_replica(&mut self, pod: &Pod, client: &mut Client<'_>) -> Result<Step, Status> {
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
                control::delete_pod(self.set, pod, client)?;
            }
            // The new one is made when the old one is gone.
            return Ok(Step::Stop);
        }
        if !is_created(pod) {
            if claims::is_stale(self.set, pod, self.view) {
                return Ok(Step::Stop);
            }
            if !control::create_pod(self.set, pod, self.view, client)? {
                self.claims_first = true;
                return Ok(Step::Stop);
            }
            if self.monotonic {
                return Ok(Step::Stop);
            }
        }
        if pod.status.phase.as_deref() == Some("Pending") {
            claims::create_missing(self.set, pod, self.view, client)?;
            claims::follow_policy(self.set, pod, self.view, client)?;
        }
        let waits = pod.is_deleting() || !self.is_available(pod, client);
        if waits && self.monotonic {
            return Ok(Step::Stop);
        }
        if !is_created(pod)
            || (identity::identity_matches(self.set, pod)
                && identity::storage_matches(self.set, pod)
                && claims::policy_holds(self.set, pod, self.view))
        {
            return Ok(Step::On);
        }
        control::update_pod(self.set, pod, self.view, client)?;
        Ok(Step::On)
    }

    fn settle_claims(&mut self, pod: &Pod, client: &mut Client<'_>) -> Result<Step, Status> {
        if !claims::policy_holds(self.set, pod, self.view) {
            claims::follow_policy(self.set, pod, self.view, client)?;
        }
        Ok(Step::On)
    }

    fn process_condemned(&mut self, pod: &Pod, client: &mut Client<'_>) -> Result<Step, Status> {
        if pod.is_deleting() {
            return Ok(Step::Stop);
        }
        let is_first = self.first_unavailable == Some(pod.name());
        if self.monotonic && !is_first && !(is_running_and_ready(pod) && self.is_available(pod, client)) {
            return Ok(Step::Stop);
        }
        control::delete_pod(self.set, pod, client)?;
        Ok(Step::Stop)
    }

    /// What the look came to, for those who explain it.
    fn turn_step(&self) -> TurnStep {
        TurnStep {
            desired: replicas(self.set),
            field: "partition",
            limit: i32::try_from(partition(self.set)).unwrap_or(i32::MAX),
            counted: 0,
            outdated: self.muster.outdated,
            moved: self.moved,
            waits: self.waits.clone(),
        }
    }

    /// Takes away the highest pod that is not of the new revision, unless one above it is not available yet.
    fn roll(&mut self, client: &mut Client<'_>) -> Result<(), Status> {
        let strategy = self.set.spec.update_strategy.as_ref();
        let on_delete = strategy.is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete"));
        // Pods of which nobody has thought yet are not available, and as a rule above all others.
        if on_delete || self.muster.unplanned {
            return Ok(());
        }
        let lowest =
            start(self.set).saturating_add_unsigned(u32::try_from(partition(self.set)).unwrap_or(u32::MAX));
        for pod in self.muster.replicas.iter().rev().take_while(|pod| ordinal(pod) >= lowest) {
            if revision_of(pod) != self.revisions.update.name() && !pod.is_deleting() {
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

/// Whether each pod waits for those before it.
pub fn is_monotonic(set: &StatefulSet) -> bool {
    set.spec.pod_management_policy.as_deref() != Some("Parallel")
}

/// How many of the lowest pods a rolling update leaves alone.
pub fn partition(set: &StatefulSet) -> usize {
    let rolling = set.spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let partition = rolling.and_then(|rolling| rolling.partition).unwrap_or(0);
    usize::try_from(partition).unwrap_or(0)
}
