//! The endpoints controller: the older `Endpoints` object of every Service, which 1.36 still writes beside the slices.
//! Models `pkg/controller/endpoint`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::endpointslice::TRIGGER_TIME;
use super::endpointslice::trigger::TriggerTimes;
use super::looks::Looks;
use super::pods::is_ready;
use super::ref_manager::gone_is_fine;
use super::services::{
    HEADLESS_LABEL, hostname_in, is_headless, is_listed, queue_services_of_pod, selector_of, target_port,
};
use super::{Action, Controller};
use crate::api::hash::fnv1a_128;
use crate::api::k8s::{IntOrString, ObjectMeta};
use crate::api::meta::StringMap;
use crate::api::sorting;
use crate::api::{Key, Kind, MetaExt, Object, Pod, Service, Status, Tree};
use crate::client::{Change, Client, DeleteOptions, Retries, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

const MANAGED_BY_LABEL: &str = "endpoints.kubernetes.io/managed-by";
/// Says that not all addresses are listed.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// How many are.
const CAPACITY: usize = 1_000;
/// How long a look takes for each pod of a Service of many: the object is one, and is written whole.
const LOOK: SimDuration = SimDuration::from_millis(1);

/// The controller, with what was known of the pods before.
#[derive(Clone, Debug, Default)]
pub struct EndpointsController {
    triggers: TriggerTimes,
    looks: Looks,
}

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE, Kind::POD]
    }

    fn retries(&self) -> Retries {
        Retries { most: 15, ..Retries::DEFAULT }
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match change.key.kind {
            Kind::SERVICE => {
                // Without a selector the addresses are somebody else's.
                let service = view.get::<Service>(&change.key.namespace, &change.key.name);
                if service.is_none_or(|service| selector_of(service).is_some()) {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            _ => queue_services_of_pod(change, view, queue),
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(service) = view.get::<Service>(&key.namespace, &key.name) else {
            self.triggers.forget(key);
            self.looks.forget(key);
            let endpoints = Key::new(Kind::ENDPOINTS, &key.namespace, &key.name);
            gone_is_fine(client.delete(&endpoints, &DeleteOptions::default(), None))?;
            return Ok(Action::AwaitChange);
        };
        let Some(selector) = selector_of(service) else { return Ok(Action::AwaitChange) };
        if let Some(rest) = self.looks.wait(key, client.now()) {
            return Ok(Action::RequeueAfter(rest));
        }
        let pods: Vec<&Pod> =
            view.list::<Pod>(Some(&key.namespace)).filter(|pod| selector.matches(pod.labels())).collect();
        self.looks.begin(key, client.now(), pods.len(), LOOK);
        let triggered = self.triggers.compute(key, service, &pods);
        let pods = pods.into_iter().filter(|pod| is_listed(pod));
        let mut groups = groups(service, pods);
        let cut = truncate(&mut groups);
        let subsets: Vec<Value> = groups.into_iter().map(|group| subset(service, group)).collect();
        let mut fields = Map::new();
        if !subsets.is_empty() {
            fields.insert("subsets".into(), subsets.into());
        }
        write(service, fields, Notes { triggered, cut }, client)?;
        Ok(Action::AwaitChange)
    }
}

/// An address, whether it takes traffic, and whose it is.
type Address<'a> = (&'a str, bool, &'a Pod);
/// Addresses, and the ports at which all of them are reached.
type Group<'a> = (Vec<Address<'a>>, Vec<Value>);

/// What the annotations say.
struct Notes {
    triggered: Option<SimTime>,
    /// Whether not all addresses are listed.
    cut: bool,
}

/// The addresses grouped by the ports at which they are reached: a port that only some of the pods have makes a subset of its own
/// (`RepackSubsets`). A pod on its way out is not listed, unless the Service publishes its pods whatever their state.
fn groups<'a>(service: &Service, pods: impl Iterator<Item = &'a Pod>) -> Vec<Group<'a>> {
    let always = service.spec.publish_not_ready_addresses == Some(true);
    let mut asked = service.spec.ports.iter().flatten();
    let by_name = asked.any(|port| matches!(port.target_port, Some(IntOrString::String(_))));
    let mut by_port: Vec<(Option<Value>, Vec<Address<'a>>)> = Vec::new();
    for pod in pods.filter(|pod| always || !pod.is_deleting()) {
        let ip = pod.status.pod_ip.as_deref().unwrap_or_default();
        let address = (ip, always || is_ready(pod), pod);
        // Ports that have numbers are the same for every pod.
        if !by_name && !by_port.is_empty() {
            by_port.iter_mut().for_each(|(_, addresses)| addresses.push(address));
            continue;
        }
        for port in ports_of(service, pod) {
            match by_port.iter_mut().find(|(known, _)| *known == port) {
                Some((_, addresses)) => addresses.push(address),
                None => by_port.push((port, vec![address])),
            }
        }
    }
    let same = |a: &[Address<'a>], b: &[Address<'a>]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.1 == b.1 && std::ptr::eq(a.2, b.2))
    };
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (port, mut addresses) in by_port {
        sorting::sort_by(&mut addresses, |(a, ..), (b, ..)| a.cmp(b));
        match groups.iter_mut().find(|(known, _)| same(known, &addresses)) {
            Some((_, ports)) => ports.extend(port),
            None => groups.push((addresses, port.into_iter().collect())),
        }
    }
    groups
}

/// Leaves no more addresses than the object holds, of every subset in proportion, and those that take traffic first
/// (`truncateEndpoints`). Says whether there were too many.
fn truncate(groups: &mut [Group<'_>]) -> bool {
    let count = |wanted: bool| -> usize {
        groups.iter().map(|(all, _)| all.iter().filter(|(_, ready, _)| *ready == wanted).count()).sum()
    };
    let (ready, others) = (count(true), count(false));
    if ready + others <= CAPACITY {
        return false;
    }
    let cuts_ready = ready > CAPACITY;
    let (most, total) = if cuts_ready { (CAPACITY, ready) } else { (CAPACITY - ready, others) };
    let mut room = most;
    for (addresses, _) in groups {
        let own = addresses.iter().filter(|(_, ready, _)| *ready == cuts_ready).count();
        let mut left = (own * most).div_ceil(total).min(room);
        room -= left;
        addresses.retain(|(_, ready, _)| {
            if *ready != cuts_ready {
                return *ready;
            }
            let stays = left > 0;
            left = left.saturating_sub(1);
            stays
        });
    }
    true
}

fn subset(service: &Service, (addresses, ports): Group<'_>) -> Value {
    let mut subset = Map::new();
    for (field, wanted) in [("addresses", true), ("notReadyAddresses", false)] {
        let among = addresses.iter().filter(|(_, ready, _)| *ready == wanted);
        let among: Vec<Value> = among.map(|(.., pod)| address_of(service, pod)).collect();
        if !among.is_empty() {
            subset.insert(field.into(), among.into());
        }
    }
    if !ports.is_empty() {
        let mut ports = ports;
        sorting::sort_by_key(&mut ports, hash_of);
        subset.insert("ports".into(), ports.into());
    }
    Value::Object(subset)
}

/// The hash by which the ports of a subset are sorted (`portsByHash`).
fn hash_of(port: &Value) -> u128 {
    let text = |field: &str| port[field].as_str().unwrap_or_default();
    let (name, number, protocol) = (text("name"), &port["port"], text("protocol"));
    let app = port["appProtocol"].as_str().unwrap_or("<nil>");
    let text = format!(
        "(v1.EndpointPort){{Name:(string){name} Port:(int32){number} Protocol:(v1.Protocol){protocol} \
         AppProtocol:(*string){app}}}"
    );
    fnv1a_128(text.as_bytes())
}

fn address_of(service: &Service, pod: &Pod) -> Value {
    let target = json!({"kind": "Pod", "name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid()});
    let mut address = json!({"ip": pod.status.pod_ip, "targetRef": target});
    if let Some(node) = &pod.spec.node_name {
        address["nodeName"] = node.clone().into();
    }
    if let Some(hostname) = hostname_in(service, pod) {
        address["hostname"] = hostname.into();
    }
    address
}

/// The ports of one pod; one that the pod does not name is left out. A Service without an address needs none: `None` stands for
/// the pod itself.
fn ports_of(service: &Service, pod: &Pod) -> Vec<Option<Value>> {
    let ports = service.spec.ports.as_deref().unwrap_or_default();
    if ports.is_empty() && is_headless(service) {
        return vec![None];
    }
    let reached = ports.iter().filter_map(|port| {
        let mut entry = json!({"port": target_port(port, pod)?});
        let texts = [("protocol", &port.protocol), ("name", &port.name), ("appProtocol", &port.app_protocol)];
        for (field, text) in texts {
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                entry[field] = text.clone().into();
            }
        }
        Some(Some(entry))
    });
    reached.collect()
}

fn labels_of(service: &Service) -> StringMap {
    let mut labels = service.labels().clone();
    labels.insert(MANAGED_BY_LABEL.into(), "endpoint-controller".into());
    if is_headless(service) {
        labels.insert(HEADLESS_LABEL.into(), String::new());
    } else {
        labels.remove(HEADLESS_LABEL);
    }
    labels
}

fn annotations(known: Option<StringMap>, notes: &Notes) -> Option<StringMap> {
    let mut annotations = known.unwrap_or_default();
    annotations.remove(TRIGGER_TIME);
    annotations.extend(notes.triggered.map(|time| (TRIGGER_TIME.to_string(), time.to_time().to_string())));
    annotations.remove(OVER_CAPACITY);
    annotations.extend(notes.cut.then(|| (OVER_CAPACITY.to_string(), "truncated".to_string())));
    Some(annotations).filter(|annotations| !annotations.is_empty())
}

/// Writes the object where it differs from the one that is there.
fn write(
    service: &Service,
    fields: Map<String, Value>,
    notes: Notes,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let key = Key::new(Kind::ENDPOINTS, service.namespace(), service.name());
    let labels = labels_of(service);
    if let Ok(Object::Tree(tree)) = client.get(&key).as_deref() {
        let said = tree.meta.annotations.as_ref().and_then(|all| all.get(OVER_CAPACITY));
        let as_said = (said.map(String::as_str) == Some("truncated")) == notes.cut;
        if *tree.fields == fields && *tree.labels() == labels && as_said {
            return Ok(());
        }
        let mut updated = tree.clone();
        updated.fields = Arc::new(fields);
        let meta = Arc::make_mut(&mut updated.meta);
        meta.labels = Some(labels);
        meta.annotations = annotations(meta.annotations.take(), &notes);
        return client.update_object(Object::Tree(updated)).map(drop);
    }
    let meta = ObjectMeta {
        name: Some(service.name().into()),
        namespace: Some(service.namespace().into()),
        labels: Some(labels),
        annotations: annotations(None, &notes),
        ..Default::default()
    };
    let tree = Tree {
        kind: Kind::ENDPOINTS,
        revision: 0,
        meta: Arc::new(meta),
        fields: Arc::new(fields),
        status: Arc::default(),
    };
    client.create_object(Object::Tree(tree)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pod;

    /// How many addresses of each subset are left, ready ones and others.
    fn left(counts: &[(usize, usize)]) -> (Vec<(usize, usize)>, bool) {
        let pod = pod("web").build();
        let address = |ready: bool| ("", ready, &pod);
        let group = |(ready, others): &(usize, usize)| -> Group<'_> {
            let all = (0..*others).map(|_| address(false)).chain((0..*ready).map(|_| address(true)));
            (all.collect(), Vec::new())
        };
        let mut groups: Vec<Group<'_>> = counts.iter().map(group).collect();
        let cut = truncate(&mut groups);
        let count = |(all, _): &Group<'_>| {
            let ready = all.iter().filter(|(_, ready, _)| *ready).count();
            (ready, all.len() - ready)
        };
        (groups.iter().map(count).collect(), cut)
    }

    #[test]
    fn ports_stand_in_the_order_of_their_hashes() {
        let port = |name: &str, port: u16| json!({"name": name, "port": port, "protocol": "TCP"});
        let subset =
            subset(&Service::default(), (Vec::new(), vec![port("management", 15_672), port("amqp", 5_672)]));
        assert_eq!(subset["ports"], json!([port("amqp", 5_672), port("management", 15_672)]));
    }

    #[test]
    fn a_thousand_addresses_are_listed_and_those_that_take_traffic_first() {
        assert_eq!(left(&[(400, 600)]), (vec![(400, 600)], false));
        assert_eq!(left(&[(400, 700)]), (vec![(400, 600)], true));
        assert_eq!(left(&[(1_000, 1)]), (vec![(1_000, 0)], true));
        assert_eq!(left(&[(1_500, 10)]), (vec![(1_000, 0)], true));
        // Each subset in proportion, rounded up; the last has what is left.
        assert_eq!(left(&[(1_001, 0), (1_000, 5)]), (vec![(501, 0), (499, 0)], true));
    }
}
