//! The mirroring controller: Endpoints that somebody has written for a Service without a selector, as slices, since only slices
//! are read by what carries traffic. Models `pkg/controller/endpointslicemirroring`.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;
use sorted::SortedMap;

use super::plan::{Plan, Slice, address_type};
use super::{MANAGED_BY_LABEL, SERVICE_LABEL, STALE_RETRY, TRIGGER_TIME};
use crate::api::k8s::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSliceFields, ObjectMeta, OwnerReference,
};
use crate::api::meta::{Revision, StringMap};
use crate::api::{EndpointSlice, Key, Kind, MetaExt, Object, Service, Status, Tree, typed};
use crate::client::recorder::{EventType, reference_to};
use crate::client::{Actor, Change, Client, DeleteOptions, Retries, View, WorkQueue};
use crate::clock::SimDuration;
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::services::sort_ports;
use crate::controllers::{Action, Controller};

const NAME: &str = "endpointslice-mirroring-controller";
const MANAGED_BY: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP_LABEL: &str = "endpointslice.kubernetes.io/skip-mirror";
/// So many addresses of one subset are mirrored (`--mirroring-max-endpoints-per-subset`).
const SUBSET_MAX: usize = 1_000;
/// Elections were once held by Endpoints: those have no traffic.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
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
                let (contents, skipped) = contents(endpoints);
                if skipped > 0 {
                    let message = format!(
                        "A max of {SUBSET_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. {skipped} \
                         addresses were skipped"
                    );
                    let about = reference_to(Kind::ENDPOINTS, endpoints);
                    client.event(about, EventType::Warning, "TooManyAddressesToMirror", message);
                }
                let plan = Plan::one_each(&existing, contents, outdated);
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
    let elects = endpoints.meta().annotations.as_ref().is_some_and(|all| all.contains_key(LEADER));
    (is_left_alone && !skipped && !elects && !endpoints.is_deleting()).then_some(endpoints)
}

/// What the slices hold: the addresses of each set of ports, each once, by their type; and how many addresses are too many
/// (`reconciler.go`). Of an address that is there twice the last word counts.
fn contents(endpoints: &Tree) -> (Vec<Slice>, usize) {
    let mut slices: Vec<Slice> = Vec::new();
    let mut skipped = 0;
    for subset in endpoints.fields.get("subsets").and_then(Value::as_array).into_iter().flatten() {
        let mut ports: Vec<EndpointPort> =
            subset["ports"].as_array().into_iter().flatten().map(port_of).collect();
        sort_ports(&mut ports);
        let list = |field: &str| subset[field].as_array().map(Vec::as_slice).unwrap_or_default();
        let ready = list("addresses").iter().map(|address| endpoint_of(address, true));
        let all: Vec<Endpoint> = ready
            .chain(list("notReadyAddresses").iter().map(|address| endpoint_of(address, false)))
            .collect();
        skipped += all.len().saturating_sub(SUBSET_MAX);
        for endpoint in all.into_iter().take(SUBSET_MAX) {
            let v6 = endpoint.addresses.first().is_some_and(|address| address.contains(':'));
            let place = slices.iter().position(|slice| slice.v6 == v6 && slice.ports == ports);
            let place = place.unwrap_or_else(|| {
                slices.push(Slice { ports: ports.clone(), endpoints: Vec::new(), v6 });
                slices.len() - 1
            });
            let known = &mut slices[place].endpoints;
            match known.iter_mut().find(|other| identity(other) == identity(&endpoint)) {
                Some(other) => *other = endpoint,
                None => known.push(endpoint),
            }
        }
    }
    slices.iter_mut().for_each(|slice| slice.endpoints.truncate(SUBSET_MAX));
    (slices, skipped)
}

/// What makes two addresses the same: what they are, and whose.
fn identity(endpoint: &Endpoint) -> (&[String], Option<[Option<&str>; 2]>) {
    let whose = endpoint.target_ref.as_ref();
    (&endpoint.addresses, whose.map(|target| [target.namespace.as_deref(), target.name.as_deref()]))
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
        addresses: text("ip").map(plainly).into_iter().collect(),
        conditions: Some(EndpointConditions { ready: Some(ready), ..Default::default() }),
        hostname: text("hostname").filter(|name| !name.is_empty()),
        node_name: text("nodeName"),
        target_ref: address.get("targetRef").and_then(|target| typed::read(target).ok()),
        ..Default::default()
    }
}

/// An address in its usual form.
fn plainly(address: String) -> String {
    address.parse::<IpAddr>().map_or(address, |address| address.to_string())
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
    object.spec = Arc::new(EndpointSliceFields {
        address_type: address_type(slice.v6).into(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ApiServer;
    use serde_json::json;

    /// The slices of a Service whose addresses somebody wrote, and what is said of them.
    fn mirrored(subsets: Value) -> (Vec<String>, Vec<String>) {
        let mut api = ApiServer::new(1);
        let mut client = Client::new(&mut api, Actor::Controller(NAME), None);
        let objects = [
            (Kind::NAMESPACE, json!({"metadata": {"name": "n"}})),
            (
                Kind::SERVICE,
                json!({"metadata": {"name": "own", "namespace": "n"}, "spec": {"ports": [{"port": 80}]}}),
            ),
            (Kind::ENDPOINTS, json!({"metadata": {"name": "own", "namespace": "n"}, "subsets": subsets})),
        ];
        for (kind, value) in objects {
            client.create_object(Object::from_value(kind, value).unwrap()).unwrap();
        }
        let view = client.live().clone();
        let key = Key::new(Kind::ENDPOINTS, "n", "own");
        MirroringController::default().reconcile(&key, &view, &mut client).unwrap();
        let slices = client.live().list::<EndpointSlice>(None).map(|slice| {
            let ready = |one: &Endpoint| one.conditions.as_ref().and_then(|conditions| conditions.ready);
            let all = &slice.spec.endpoints;
            let first = all.first().map(|one| (one.addresses.join(","), ready(one) == Some(true)));
            format!("{} {} {first:?}", slice.spec.address_type, all.len())
        });
        let slices = slices.collect();
        let events = client.live().list::<crate::api::Event>(None);
        let said = events.map(|event| {
            let source = event.spec.source.as_ref().and_then(|source| source.component.clone());
            format!("{} {}", source.unwrap_or_default(), event.spec.message.clone().unwrap_or_default())
        });
        (slices, said.collect())
    }

    #[test]
    fn every_set_of_ports_has_one_slice_of_each_sort_of_addresses_and_none_for_nobody() {
        let ports = json!([{"port": 80}]);
        let addresses = |count: usize| -> Vec<Value> {
            (0..count).map(|n| json!({"ip": format!("10.1.{}.{}", n / 250, n % 250)})).collect()
        };
        assert_eq!(mirrored(json!([])), (vec![], vec![]));
        let many = mirrored(json!([{"addresses": addresses(150), "ports": ports}]));
        assert_eq!(many, (vec!["IPv4 150 Some((\"10.1.0.0\", true))".to_string()], vec![]));
        let (slices, said) = mirrored(json!([{"addresses": addresses(1_003), "ports": ports}]));
        assert_eq!(slices, ["IPv4 1000 Some((\"10.1.0.0\", true))"]);
        let words = "endpoint-slice-mirroring-controller A max of 1000 addresses can be mirrored to EndpointSlices per \
                     Endpoints subset. 3 addresses were skipped";
        assert_eq!(said, [words]);
        let both = json!([{"ip": "10.1.2.3"}, {"ip": "FD00:0::7"}]);
        let (mut slices, _) = mirrored(json!([{"addresses": both, "ports": ports}]));
        slices.sort_unstable();
        assert_eq!(slices, ["IPv4 1 Some((\"10.1.2.3\", true))", "IPv6 1 Some((\"fd00::7\", true))"]);
        // Of an address that is there twice the last word counts.
        let twice = json!([{"addresses": addresses(1), "notReadyAddresses": addresses(1), "ports": ports}]);
        assert_eq!(mirrored(twice).0, ["IPv4 1 Some((\"10.1.0.0\", false))"]);
    }
}
