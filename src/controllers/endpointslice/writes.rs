//! What one look at a Service has still to write. A Service of thousands of pods has many slices, and a controller writes them
//! one after the other: some at a time, so that others get their turn between them.

use std::sync::Arc;

use super::plan::{Plan, Slice};
use super::topology::Said;
use super::{HEADLESS_LABEL, MANAGED_BY, MANAGED_BY_LABEL, SERVICE_LABEL, TRIGGER_TIME};
use crate::api::explain::{EndpointStep, Explain};
use crate::api::k8s::{EndpointSliceFields, ObjectMeta};
use crate::api::meta::{Revision, StringMap};
use crate::api::{EndpointSlice, Key, Kind, MetaExt, Namespace, Service, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Client, DeleteOptions};
use crate::clock::SimTime;
use crate::controllers::Action;
use crate::controllers::ref_manager::{controller_reference, gone_is_fine};
use crate::controllers::services::is_headless;

/// One write.
#[derive(Clone, Debug)]
enum Write {
    Create(EndpointSlice),
    Update(EndpointSlice),
    Delete(Key),
}

/// The writes that a look has come to and that have not been made yet, and what is to be said after them.
#[derive(Clone, Debug)]
pub struct Unfinished {
    service: Service,
    step: EndpointStep,
    cause: Option<Revision>,
    /// The last of them first.
    writes: Vec<Write>,
    /// What has gone wrong.
    pub failures: Vec<String>,
    /// What is to be said of hints.
    pub said: Option<Said>,
}

/// What the slices of a Service have besides endpoints.
pub struct Marks<'a> {
    pub service: &'a Service,
    pub labels: StringMap,
    pub triggered: Option<SimTime>,
}

impl Marks<'_> {
    fn write(&self, slice: &mut EndpointSlice, contents: Slice) {
        let meta = Arc::make_mut(&mut slice.meta);
        meta.labels = Some(self.labels.clone());
        let mut annotations = meta.annotations.take().unwrap_or_default();
        annotations.remove(TRIGGER_TIME);
        if let Some(time) = self.triggered {
            annotations.insert(TRIGGER_TIME.into(), time.to_time().to_string());
        }
        meta.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
        slice.spec = Arc::new(EndpointSliceFields {
            address_type: "IPv4".into(),
            endpoints: contents.endpoints,
            ports: Some(contents.ports).filter(|ports| !ports.is_empty()),
        });
    }

    fn create(&self, contents: Slice) -> Write {
        let meta = ObjectMeta {
            generate_name: Some(format!("{}-", self.service.name())),
            namespace: Some(self.service.namespace().into()),
            owner_references: Some(vec![controller_reference(self.service)]),
            ..Default::default()
        };
        let mut slice = EndpointSlice::new(meta, EndpointSliceFields::default());
        self.write(&mut slice, contents);
        Write::Create(slice)
    }

    fn update(&self, existing: &EndpointSlice, contents: Slice) -> Write {
        let mut slice = existing.clone();
        self.write(&mut slice, contents);
        Write::Update(slice)
    }
}

impl Unfinished {
    /// All writes of a plan. Slices that are not the Service's go last.
    pub fn new(
        marks: &Marks<'_>,
        step: EndpointStep,
        existing: &[&EndpointSlice],
        plan: Plan,
        foreign: &[&EndpointSlice],
        cause: Option<Revision>,
    ) -> Unfinished {
        let delete = |slice: &EndpointSlice| {
            Write::Delete(Key::new(Kind::ENDPOINT_SLICE, marks.service.namespace(), slice.name()))
        };
        let created = plan.create.into_iter().map(|contents| marks.create(contents));
        let updated =
            plan.update.into_iter().map(|(index, contents)| marks.update(existing[index], contents));
        let superfluous = plan.delete.into_iter().map(|index| existing[index]).chain(foreign.iter().copied());
        let mut writes: Vec<Write> = created.chain(updated).chain(superfluous.map(delete)).collect();
        writes.reverse();
        Unfinished { service: marks.service.clone(), step, cause, writes, failures: Vec::new(), said: None }
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Makes no more than so many writes, none after one that fails. Returns the last.
    pub fn carry_on(&mut self, most: usize, client: &mut Client<'_>) -> Option<Revision> {
        client.caused_by(self.cause);
        let mut last = None;
        for _ in 0..most {
            match self.writes.pop().map(|write| self.make(write, client)) {
                None => break,
                Some(Ok(written)) => last = written.or(last),
                Some(Err(failure)) => {
                    self.failures.push(failure);
                    self.writes.clear();
                }
            }
        }
        last
    }

    /// # Errors
    /// What upstream says of it.
    fn make(&mut self, write: Write, client: &mut Client<'_>) -> Result<Option<Revision>, String> {
        let explain = Some(Explain::Endpoints(self.step.clone()));
        let of = format!("EndpointSlice for Service {}/{}", self.service.namespace(), self.service.name());
        match write {
            Write::Create(slice) => match client.create(slice, explain) {
                Ok(created) => Ok(Some(created.revision)),
                // In a namespace that is being deleted nothing can be made any more.
                Err(refused) if refused.code == 403 && is_going(self.service.namespace(), client) => {
                    self.writes.clear();
                    Ok(None)
                }
                Err(refused) => Err(format!("failed to create {of}: {refused}")),
            },
            Write::Update(slice) => {
                let name = slice.name().to_string();
                let updated = client.update(slice, explain);
                let failed = |refused| format!("failed to update {name} {of}: {refused}");
                updated.map(|updated| Some(updated.revision)).map_err(failed)
            }
            Write::Delete(key) => {
                let deleted = gone_is_fine(client.delete(&key, &DeleteOptions::default(), explain));
                let failed = |refused| format!("failed to delete {} {of}: {refused}", key.name);
                deleted.map(|_| Some(client.live().revision())).map_err(failed)
            }
        }
    }

    /// Says what is to be said when all is written. What could not be done is tried again.
    ///
    /// # Errors
    /// What went wrong.
    pub fn report(self, client: &mut Client<'_>) -> Result<Action, Status> {
        let about = || reference(&self.service);
        if let Some((type_, reason, message)) = self.said {
            client.event(about(), type_, reason, message);
        }
        let words = match self.failures.as_slice() {
            [] => return Ok(Action::AwaitChange),
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let (namespace, name) = (self.service.namespace(), self.service.name());
        let message = format!("Error updating Endpoint Slices for Service {namespace}/{name}: {words}");
        client.event(about(), EventType::Warning, "FailedToUpdateEndpointSlices", message);
        Err(Status::internal_error(&words))
    }
}

fn is_going(namespace: &str, client: &Client<'_>) -> bool {
    client.live().get::<Namespace>("", namespace).is_none_or(MetaExt::is_deleting)
}

/// The labels of a Service's slices (`setEndpointSliceLabels`): those of the Service, and the marks of this controller.
pub fn slice_labels(service: &Service) -> StringMap {
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
