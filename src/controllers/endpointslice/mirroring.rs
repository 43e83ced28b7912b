//! The mirroring controller: Endpoints that somebody has written for a Service without a selector, as slices, since only slices
//! are read by what carries traffic. Models `pkg/controller/endpointslicemirroring`.

use std::sync::Arc;

use serde_json::Value;
use sorted::SortedMap;

use super::plan::{Plan, Slice};
use super::{MANAGED_BY_LABEL, SERVICE_LABEL, STALE_RETRY, TRIGGER_TIME};
use crate::api::k8s::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSliceFields, ObjectMeta, OwnerReference,
};
use crate::api::meta::{Revision, StringMap};
use crate::api::{EndpointSlice, Key, Kind, MetaExt, Object, Service, Status, Tree, typed};
use crate::client::{Actor, Change, Client, DeleteOptions, Retries, View, WorkQueue};
use crate::clock::SimDuration;
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::{Action, Controller};

const NAME: &str = "endpointslice-mirroring-controller";
const MANAGED_BY: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP_LABEL: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Annotations that say something of the Endpoints alone.
const OWN_ANNOTATIONS: [&str; 2] = [TRIGGER_TIME, "kubectl.kubernetes.io/last-applied-configuration"];

/// The controller: the last write of its own for each Endpoints, since a look at older slices would write them twice.
#[derive(Clone, Debug, Default)]
pub struct MirroringController {
    written: SortedMap<Key, Revision>,
}

impl Controller for MirroringController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::ENDPOINTS, Kind::SERVICE, Kind::ENDPOINT_SLICE]
    }

    fn retries(&self) -> Retries {
        Retries { first: SimDuration::from_secs(1), longest: SimDuration::from_secs(100), most: 15 }
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let name = match &**change.object() {
            Object::EndpointSlice(slice) if change.actor != Actor::Controller(NAME) && is_ours(slice) => {
                slice.labels().get(SERVICE_LABEL).map(String::as_str).unwrap_or_default()
            }
            Object::EndpointSlice(_) => return,
            _ => &change.key.name,
        };
        let key = Key::new(Kind::ENDPOINTS, &change.key.namespace, name);
        // Nearly every Service has a selector: those are no business of this controller.
        if is_mirrored(&key, view).is_some() || slices_of(&key, view).next().is_some() {
            queue.add(key, Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        if self.written.get(key).is_some_and(|written| *written > view.revision()) {
            return Ok(Action::RequeueAfter(STALE_RETRY));
        }
        let existing: Vec<&EndpointSlice> = slices_of(key, view).collect();
        let result = match is_mirrored(key, view) {
            Some(endpoints) => {
                let (labels, annotations) = (labels_of(endpoints), annotations_of(endpoints));
                let outdated = |slice: &EndpointSlice| {
                    *slice.labels() != labels || slice.meta.annotations != annotations
                };
                let plan = Plan::new(&existing, contents(endpoints), outdated);
                carry_out(endpoints, &existing, plan, client)
            }
            None => delete(existing.iter().copied(), client),
        };
        match is_mirrored(key, view) {
            Some(_) => drop(self.written.insert(key.clone(), client.live().revision())),
            None => drop(self.written.remove(key)),
        }
        result.map(|()| Action::AwaitChange)
    }
}

fn is_ours(slice: &EndpointSlice) -> bool {
    slice.labels().get(MANAGED_BY_LABEL).is_some_and(|manager| manager == MANAGED_BY)
}

fn slices_of<'a>(key: &'a Key, view: &'a View) -> impl Iterator<Item = &'a EndpointSlice> {
    let of_it =
        |slice: &&EndpointSlice| slice.labels().get(SERVICE_LABEL).is_some_and(|it| **it == *key.name);
    view.list::<EndpointSlice>(Some(&key.namespace)).filter(move |slice| is_ours(slice) && of_it(slice))
}

/// The Endpoints, if they are somebody's own, for a Service that leaves its addresses to them.
fn is_mirrored<'a>(key: &Key, view: &'a View) -> Option<&'a Tree> {
    let service = view.get::<Service>(&key.namespace, &key.name)?;
    let Object::Tree(endpoints) = &**view.object(key)? else { return None };
    let skipped = endpoints.labels().get(SKIP_LABEL).is_some_and(|skip| skip == "true");
    let is_left_alone = service.spec.selector.as_ref().is_none_or(|selector| selector.is_empty());
    (is_left_alone && !skipped && !endpoints.is_deleting()).then_some(endpoints)
}

/// What the slices hold: the addresses of each set of ports, each once (`reconciler.go`).
fn contents(endpoints: &Tree) -> Vec<Slice> {
    let mut slices: Vec<Slice> = Vec::new();
    for subset in endpoints.fields.get("subsets").and_then(Value::as_array).into_iter().flatten() {
        let ports: Vec<EndpointPort> =
            subset["ports"].as_array().into_iter().flatten().map(port_of).collect();
        let place = slices.iter().position(|slice| slice.ports == ports).unwrap_or_else(|| {
            slices.push(Slice { ports, endpoints: Vec::new() });
            slices.len() - 1
        });
        for (field, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for address in subset[field].as_array().into_iter().flatten() {
                let endpoint = endpoint_of(address, ready);
                let known = &mut slices[place].endpoints;
                if !known.iter().any(|other| other.addresses == endpoint.addresses) {
                    known.push(endpoint);
                }
            }
        }
    }
    slices
}

fn port_of(port: &Value) -> EndpointPort {
    let text = |field: &str| port[field].as_str().map(str::to_string);
    EndpointPort {
        name: Some(text("name").unwrap_or_default()),
        port: port["port"].as_i64().and_then(|number| i32::try_from(number).ok()),
        protocol: text("protocol"),
        app_protocol: text("appProtocol"),
    }
}

fn endpoint_of(address: &Value, ready: bool) -> Endpoint {
    let text = |field: &str| address[field].as_str().map(str::to_string);
    Endpoint {
        addresses: text("ip").into_iter().collect(),
        conditions: Some(EndpointConditions { ready: Some(ready), ..Default::default() }),
        hostname: text("hostname").filter(|name| !name.is_empty()),
        node_name: text("nodeName"),
        target_ref: address.get("targetRef").and_then(|target| typed::read(target).ok()),
        ..Default::default()
    }
}

fn labels_of(endpoints: &Tree) -> StringMap {
    let mut labels = endpoints.labels().clone();
    labels.insert(SERVICE_LABEL.into(), endpoints.name().into());
    labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
    labels
}

fn annotations_of(endpoints: &Tree) -> Option<StringMap> {
    let mut annotations = endpoints.meta().annotations.clone()?;
    annotations.retain(|name, _| !OWN_ANNOTATIONS.contains(&name.as_str()));
    Some(annotations).filter(|annotations| !annotations.is_empty())
}

fn carry_out(
    endpoints: &Tree,
    existing: &[&EndpointSlice],
    plan: Plan,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let owner = OwnerReference {
        api_version: Kind::ENDPOINTS.api_version(),
        kind: Kind::ENDPOINTS.name().into(),
        name: endpoints.name().into(),
        uid: endpoints.uid().into(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    for slice in plan.create {
        let meta = ObjectMeta {
            generate_name: Some(format!("{}-", endpoints.name())),
            namespace: Some(endpoints.namespace().into()),
            owner_references: Some(vec![owner.clone()]),
            ..Default::default()
        };
        let made = EndpointSlice::new(meta, EndpointSliceFields::default());
        client.create(filled(made, slice, endpoints), None)?;
    }
    for (index, slice) in plan.update {
        client.update(filled(existing[index].clone(), slice, endpoints), None)?;
    }
    delete(plan.delete.into_iter().map(|index| existing[index]), client)
}

fn filled(mut object: EndpointSlice, slice: Slice, endpoints: &Tree) -> EndpointSlice {
    let meta = Arc::make_mut(&mut object.meta);
    (meta.labels, meta.annotations) = (Some(labels_of(endpoints)), annotations_of(endpoints));
    let first = slice.endpoints.first().and_then(|endpoint| endpoint.addresses.first());
    object.spec = Arc::new(EndpointSliceFields {
        address_type: if first.is_some_and(|ip| ip.contains(':')) { "IPv6" } else { "IPv4" }.into(),
        endpoints: slice.endpoints,
        ports: Some(slice.ports).filter(|ports| !ports.is_empty()),
    });
    object
}

fn delete<'a>(
    slices: impl Iterator<Item = &'a EndpointSlice>,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    for slice in slices {
        let key = Key::new(Kind::ENDPOINT_SLICE, slice.namespace(), slice.name());
        gone_is_fine(client.delete(&key, &DeleteOptions::default(), None))?;
    }
    Ok(())
}
