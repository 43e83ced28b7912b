//! The EndpointSlice controller: for every Service, the pods behind it and which of them take traffic. Models
//! `pkg/controller/endpointslice` and the reconciler in `staging/src/k8s.io/endpointslice`.

mod hints;
pub mod mirroring;
mod plan;
mod topology;
pub mod trigger;

use sorted::SortedMap;
use std::sync::Arc;

use super::looks::Looks;
use super::ref_manager::{controller_reference, gone_is_fine};
use super::services::{
    HEADLESS_LABEL, hostname_in, is_headless, is_listed, queue_services_of_pod, selector_of, sort_ports,
    target_port,
};
use super::{Action, Controller};
use crate::api::explain::{EndpointStep, Explain};
use crate::api::k8s::EndpointSliceFields;
use crate::api::k8s::{Endpoint, EndpointConditions, EndpointPort, IntOrString, ObjectMeta, ObjectReference};
use crate::api::meta::{Revision, StringMap};
use crate::api::{
    EndpointSlice, Key, Kind, KubeObject, MetaExt, Namespace, Node, Object, Pod, Service, Status,
};
use crate::client::recorder::{EventType, reference};
use crate::client::{Actor, Change, Client, DeleteOptions, Retries, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::pods::is_ready;

use plan::{Plan, Slice};
use topology::TopologyCache;
use trigger::TriggerTimes;

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
            return Ok(Action::AwaitChange);
        };
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
        let (desired, mut failures) = desired_slices(service, &pods, view);
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
        let labels = slice_labels(service);
        let mut plan = Plan::new(&existing, desired, |slice| *slice.labels() != labels);
        let said = self.give_hints(service, key, &mut plan, &existing, view);
        let mut writer = Writer { service, labels, triggered, step, client, written: None };
        failures.extend(writer.carry_out(&existing, plan).and_then(|()| writer.delete(&foreign)).err());
        if let Some(revision) = writer.written {
            self.written.insert(key.clone(), revision);
        }
        if let Some((type_, reason, message)) = said {
            client.event(reference(service), type_, reason, message);
        }
        report(service, &failures, client)
    }
}

impl EndpointSliceController {
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

/// Says what could not be done. It is tried again.
fn report(service: &Service, failures: &[String], client: &mut Client<'_>) -> Result<Action, Status> {
    let words = match failures {
        [] => return Ok(Action::AwaitChange),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let (namespace, name) = (service.namespace(), service.name());
    let message = format!("Error updating Endpoint Slices for Service {namespace}/{name}: {words}");
    client.event(reference(service), EventType::Warning, "FailedToUpdateEndpointSlices", message);
    Err(Status::internal_error(&words))
}

/// The endpoints that should be listed, by the ports at which they are reached; and what is said of the pods that cannot be,
/// because their node is gone.
fn desired_slices(service: &Service, pods: &[&Pod], view: &View) -> (Vec<Slice>, Vec<String>) {
    let (mut slices, mut failures): (Vec<Slice>, _) = (Vec::new(), Vec::new());
    // As a rule all pods have the same ports, and many have the same node: neither is looked up for each.
    let mut asked = service.spec.ports.iter().flatten();
    let by_name = asked.any(|port| matches!(port.target_port, Some(IntOrString::String(_))));
    let mut known: Vec<(Vec<EndpointPort>, usize)> = Vec::new();
    let mut zones: SortedMap<&str, Option<Option<String>>> = SortedMap::new();
    let always = service.spec.publish_not_ready_addresses == Some(true);
    for pod in pods.iter().filter(|pod| is_listed(pod)) {
        let place = match known.first() {
            Some((_, place)) if !by_name => *place,
            _ => {
                let ports = ports_of(service, pod);
                let place = known.iter().find(|(as_given, _)| *as_given == ports).map(|(_, place)| *place);
                place.unwrap_or_else(|| {
                    known.push((ports.clone(), slices.len()));
                    slices.push(Slice { ports, ..Default::default() });
                    slices.len() - 1
                })
            }
        };
        let node = pod.spec.node_name.as_deref().unwrap_or_default();
        let zone = zones.entry(node).or_insert_with(|| view.get::<Node>("", node).map(zone_of));
        if !always && zone.is_none() {
            let (pod, namespace, service) = (pod.name(), service.namespace(), service.name());
            failures
                .push(format!("skipping Pod {pod} for Service {namespace}/{service}: Node {node} Not Found"));
        } else {
            slices[place].endpoints.push(endpoint(service, pod, zone.clone().flatten()));
        }
    }
    slices.iter_mut().for_each(|slice| sort_ports(&mut slice.ports));
    (slices, failures)
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
        conditions: endpoint(service, pod, None).conditions.unwrap_or_default(),
    })
}

/// The ports of one pod; one that the pod does not name is left out.
fn ports_of(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service.spec.ports.iter().flatten();
    let reached = ports.filter_map(|port| {
        Some(EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            port: Some(target_port(port, pod)?),
            protocol: port.protocol.clone(),
            app_protocol: port.app_protocol.clone(),
        })
    });
    reached.collect()
}

/// A pod as an endpoint (`podToEndpoint`). It is ready if it serves and is not on its way out, or if the Service publishes
/// its pods whatever their state.
fn endpoint(service: &Service, pod: &Pod, zone: Option<String>) -> Endpoint {
    let (serving, terminating) = (is_ready(pod), pod.is_deleting());
    let always = service.spec.publish_not_ready_addresses == Some(true);
    let node = pod.spec.node_name.clone();
    let ready = always || (serving && !terminating);
    Endpoint {
        addresses: pod.status.pod_ip.iter().cloned().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: hostname_in(service, pod),
        node_name: node,
        target_ref: Some(ObjectReference {
            kind: Some(Pod::KIND.name().into()),
            namespace: pod.meta.namespace.clone(),
            name: pod.meta.name.clone(),
            uid: pod.meta.uid.clone(),
            ..Default::default()
        }),
        zone,
        ..Default::default()
    }
}

fn zone_of(node: &Node) -> Option<String> {
    node.labels().get(ZONE).filter(|zone| !zone.is_empty()).cloned()
}

fn step(desired: &[Slice]) -> EndpointStep {
    let ready = |endpoint: &&Endpoint| {
        endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
    };
    let endpoints = || desired.iter().flat_map(|slice| &slice.endpoints);
    let (all, ready) = (endpoints().count(), endpoints().filter(ready).count());
    EndpointStep { ready: ready as u32, not_ready: (all - ready) as u32 }
}

/// The labels of a Service's slices (`setEndpointSliceLabels`): those of the Service, and the marks of this controller.
fn slice_labels(service: &Service) -> StringMap {
    let mut labels = service.labels().clone();
    labels.insert(SERVICE_LABEL.into(), service.name().into());
    labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
    if is_headless(service) {
        labels.insert(HEADLESS_LABEL.into(), String::new());
    } else {
        labels.remove(HEADLESS_LABEL);
    }
    labels
}

/// Carries out what was planned for one Service.
struct Writer<'a, 'c> {
    service: &'a Service,
    labels: StringMap,
    triggered: Option<SimTime>,
    step: EndpointStep,
    client: &'a mut Client<'c>,
    /// The last write made.
    written: Option<Revision>,
}

impl Writer<'_, '_> {
    /// # Errors
    /// What went wrong first.
    fn carry_out(&mut self, existing: &[&EndpointSlice], plan: Plan) -> Result<(), String> {
        let of = format!("EndpointSlice for Service {}/{}", self.service.namespace(), self.service.name());
        for slice in plan.create {
            let meta = ObjectMeta {
                generate_name: Some(format!("{}-", self.service.name())),
                namespace: Some(self.service.namespace().into()),
                owner_references: Some(vec![controller_reference(self.service)]),
                ..Default::default()
            };
            let mut created = EndpointSlice::new(meta, EndpointSliceFields::default());
            self.fill(&mut created, slice);
            let explain = Explain::Endpoints(self.step.clone());
            match self.client.create(created, Some(explain)) {
                Ok(created) => self.written = Some(created.revision),
                // In a namespace that is being deleted nothing can be made any more.
                Err(refused) if refused.code == 403 && self.is_namespace_going() => return Ok(()),
                Err(refused) => return Err(format!("failed to create {of}: {refused}")),
            }
        }
        for (index, slice) in plan.update {
            let mut updated = existing[index].clone();
            self.fill(&mut updated, slice);
            let explain = Explain::Endpoints(self.step.clone());
            let failed = |refused| format!("failed to update {} {of}: {refused}", existing[index].name());
            self.written = Some(self.client.update(updated, Some(explain)).map_err(failed)?.revision);
        }
        let superfluous: Vec<&EndpointSlice> = plan.delete.into_iter().map(|index| existing[index]).collect();
        self.delete(&superfluous)
    }

    /// # Errors
    /// What went wrong first.
    fn delete(&mut self, slices: &[&EndpointSlice]) -> Result<(), String> {
        let (namespace, service) = (self.service.namespace(), self.service.name());
        for slice in slices {
            let key = Key::new(Kind::ENDPOINT_SLICE, namespace, slice.name());
            let explain = Explain::Endpoints(self.step.clone());
            let deleted = gone_is_fine(self.client.delete(&key, &DeleteOptions::default(), Some(explain)));
            let name = slice.name();
            deleted.map_err(|refused| {
                format!("failed to delete {name} EndpointSlice for Service {namespace}/{service}: {refused}")
            })?;
            self.written = Some(self.client.live().revision());
        }
        Ok(())
    }

    fn is_namespace_going(&self) -> bool {
        let namespace = self.client.live().get::<Namespace>("", self.service.namespace());
        namespace.is_none_or(|namespace| namespace.is_deleting())
    }

    fn fill(&self, object: &mut EndpointSlice, slice: Slice) {
        let meta = Arc::make_mut(&mut object.meta);
        meta.labels = Some(self.labels.clone());
        let mut annotations = meta.annotations.take().unwrap_or_default();
        annotations.remove(TRIGGER_TIME);
        if let Some(time) = self.triggered {
            annotations.insert(TRIGGER_TIME.into(), time.to_time().to_string());
        }
        meta.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
        object.spec = Arc::new(EndpointSliceFields {
            address_type: "IPv4".into(),
            endpoints: slice.endpoints,
            ports: Some(slice.ports).filter(|ports| !ports.is_empty()),
        });
    }
}
