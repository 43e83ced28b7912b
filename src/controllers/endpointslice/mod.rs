//! The EndpointSlice controller: for every Service, the pods behind it and which of them take traffic. Models
//! `pkg/controller/endpointslice` and the reconciler in `staging/src/k8s.io/endpointslice`.

mod desired;
mod hints;
pub mod mirroring;
mod plan;
mod topology;
pub mod trigger;
mod writes;

use sorted::SortedMap;
use std::sync::Arc;

use super::looks::Looks;
use super::services::{HEADLESS_LABEL, is_listed, queue_services_of_pod, selector_of};
use super::{Action, Controller};
use crate::api::explain::EndpointStep;
use crate::api::k8s::EndpointConditions;
use crate::api::meta::Revision;
use crate::api::{EndpointSlice, Key, Kind, KubeObject, MetaExt, Object, Pod, Service, Status};
use crate::client::{Actor, Change, Client, Retries, View, WorkQueue};
use crate::clock::SimDuration;

use desired::{Candidate, Group};
use plan::Plan;
use topology::TopologyCache;
use trigger::TriggerTimes;
use writes::{Marks, Unfinished, slice_labels};

const NAME: &str = "endpointslice-controller";
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGED_BY: &str = "endpointslice-controller.k8s.io";
/// When the change that an object reflects came about.
pub const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const ZONE: &str = "topology.kubernetes.io/zone";

/// How long a look takes for each pod of a Service of many.
const LOOK: SimDuration = SimDuration::from_micros(200);

/// So long after somebody else has changed a slice the controller looks at it (`endpointSliceChangeMinSyncDelay`).
const SLICE_DELAY: SimDuration = SimDuration::from_secs(1);

/// So many slices are written in one go, which takes a while.
const WRITES: usize = 10;
const WRITING: SimDuration = SimDuration::from_millis(5);

/// Until its own writes are back, the controller looks again after so long.
const STALE_RETRY: SimDuration = SimDuration::from_millis(5);

/// The controller: the last write of its own for each Service, since a look at older slices would write them twice, and what
/// was known of the pods before.
#[derive(Clone, Debug, Default)]
pub struct EndpointSliceController {
    written: SortedMap<Key, Revision>,
    triggers: TriggerTimes,
    looks: Looks,
    topology: TopologyCache,
    unfinished: SortedMap<Key, Arc<Unfinished>>,
}

impl Controller for EndpointSliceController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE, Kind::POD, Kind::ENDPOINT_SLICE, Kind::NODE]
    }

    fn retries(&self) -> Retries {
        Retries { first: SimDuration::from_secs(1), most: 15, ..Retries::DEFAULT }
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match &**change.object() {
            Object::Service(service) => {
                if change.after.is_none() {
                    self.written.remove(&change.key);
                    self.triggers.forget(&change.key);
                    self.looks.forget(&change.key);
                    self.topology.forget(&change.key);
                }
                // A Service without selector keeps its own slices.
                if selector_of(service).is_some() {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            // Slices that somebody else has touched are put right, after a while.
            Object::EndpointSlice(slice) if change.actor != Actor::Controller(NAME) => {
                let Some(name) = slice.labels().get(SERVICE_LABEL) else { return };
                let service = view.get::<Service>(slice.namespace(), name);
                if service.is_some_and(|service| selector_of(service).is_some()) {
                    queue.add_after(Key::new(Kind::SERVICE, slice.namespace(), name), SLICE_DELAY);
                }
            }
            Object::Node(_) => {
                for service in self.topology.note(change, view) {
                    queue.add(service, Some(change.revision));
                }
            }
            Object::Pod(_) => queue_services_of_pod(change, view, queue),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // Slices of a Service that is gone are the garbage collector's; a Service without selector keeps its own.
        let service = view.get::<Service>(&key.namespace, &key.name).filter(|service| !service.is_deleting());
        let Some((service, selector)) = service.and_then(|service| Some((service, selector_of(service)?)))
        else {
            self.unfinished.remove(key);
            return Ok(Action::AwaitChange);
        };
        if let Some(unfinished) = self.unfinished.remove(key) {
            return self.carry_on(key, Arc::unwrap_or_clone(unfinished), client);
        }
        if self.written.get(key).is_some_and(|written| *written > view.revision()) {
            return Ok(Action::RequeueAfter(STALE_RETRY));
        }
        if let Some(rest) = self.looks.wait(key, client.now()) {
            return Ok(Action::RequeueAfter(rest));
        }
        let pods: Vec<&Pod> =
            view.list::<Pod>(Some(&key.namespace)).filter(|pod| selector.matches(pod.labels())).collect();
        self.looks.begin(key, client.now(), pods.len(), LOOK);
        let triggered = self.triggers.compute(key, service, &pods);
        let (desired, failures) = desired::groups(service, &pods, view);
        let ours = |slice: &&EndpointSlice| {
            slice.labels().get(SERVICE_LABEL).is_some_and(|name| name == service.name())
                && slice.labels().get(MANAGED_BY_LABEL).is_some_and(|manager| manager == MANAGED_BY)
                && !slice.is_deleting()
        };
        // Those of an earlier Service of that name are on their way out.
        let (existing, foreign): (Vec<&EndpointSlice>, Vec<&EndpointSlice>) = view
            .list::<EndpointSlice>(Some(&key.namespace))
            .filter(ours)
            .partition(|slice| is_owned(slice, service));
        let step = step(&desired);
        let marks = Marks { service, labels: slice_labels(service), triggered };
        let mut plan = Plan::new(&existing, desired, |slice| *slice.labels() != marks.labels);
        let said = self.give_hints(service, key, &mut plan, &existing, view);
        let mut unfinished = Unfinished::new(&marks, step, &existing, plan, &foreign, client.cause());
        (unfinished.failures, unfinished.said) = (failures, said);
        if unfinished.len() > WRITES {
            self.unfinished.insert(key.clone(), Arc::new(unfinished));
            return Ok(Action::RequeueAfter(WRITING));
        }
        self.carry_on(key, unfinished, client)
    }
}

impl EndpointSliceController {
    /// Writes what is left of a look, or some of it.
    fn carry_on(
        &mut self,
        key: &Key,
        mut unfinished: Unfinished,
        client: &mut Client<'_>,
    ) -> Result<Action, Status> {
        if let Some(revision) = unfinished.carry_on(WRITES, client) {
            self.written.insert(key.clone(), revision);
        }
        if unfinished.len() > 0 {
            self.unfinished.insert(key.clone(), Arc::new(unfinished));
            return Ok(Action::RequeueAfter(WRITING));
        }
        unfinished.report(client)
    }

    /// Says of the endpoints for whom they are meant. Returns what is to be said of the Service.
    fn give_hints(
        &mut self,
        service: &Service,
        key: &Key,
        plan: &mut Plan,
        existing: &[&EndpointSlice],
        view: &View,
    ) -> Option<topology::Said> {
        if topology::is_asked_for(service) {
            return self.topology.add_hints(key, plan, existing, view);
        }
        let said = self.topology.forget(key).then(topology::withdrawn);
        match service.spec.traffic_distribution.as_deref() {
            Some(distribution @ ("PreferClose" | "PreferSameZone" | "PreferSameNode")) => {
                hints::keep_close(distribution, plan, existing);
            }
            _ => hints::strip(plan, existing),
        }
        said
    }
}

fn is_owned(slice: &EndpointSlice, service: &Service) -> bool {
    let mut owners = slice.meta.owner_references.iter().flatten();
    owners.any(|owner| owner.uid == service.uid() && owner.kind == Service::KIND.name())
}

/// Whether a pod is behind a Service, and as what.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The selector's labels: name, value asked for, the pod's own.
    pub labels: Vec<(String, String, Option<String>)>,
    /// Whether the selector matches.
    pub selected: bool,
    /// Whether it has an address, and its containers have not ended for good.
    pub listed: bool,
    /// As what it is, or would be, listed.
    pub conditions: EndpointConditions,
}

/// What the next look at a Service would make of a pod, for those who explain it. `None` for a Service that selects no pods.
pub fn membership(service: &Service, pod: &Pod) -> Option<Membership> {
    let selector = selector_of(service)?;
    let label =
        |(name, value): (&String, &String)| (name.clone(), value.clone(), pod.labels().get(name).cloned());
    Some(Membership {
        labels: service.spec.selector.iter().flatten().map(label).collect(),
        selected: selector.matches(pod.labels()),
        listed: is_listed(pod),
        conditions: Candidate::new(service, pod, None).conditions(),
    })
}

fn step(desired: &[Group<'_>]) -> EndpointStep {
    let all = || desired.iter().flat_map(|(_, candidates)| candidates);
    let (all, ready) = (all().count(), all().filter(|candidate| candidate.ready).count());
    EndpointStep { ready: ready as u32, not_ready: (all - ready) as u32 }
}
