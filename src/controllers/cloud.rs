//! Stand-ins for what a cluster gets from its surroundings: a cloud provider that gives Services of type LoadBalancer their
//! addresses (`cloud-provider/controllers/service`), and an ingress controller that says where Ingresses are reached.

use std::sync::Arc;

use serde_json::json;
use sorted::SortedMap;

use super::{Action, Controller};
use crate::api::k8s::{LoadBalancerIngress, LoadBalancerStatus};
use crate::api::{Key, Kind, MetaExt, Object, Service, Status};
use crate::client::recorder::{EventType, reference, reference_to};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// Holds a Service back until its load balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// The block of addresses (TEST-NET-3), and the first that Services get; below it lies the ingress controller's.
const NETWORK: &str = "203.0.113";
const FIRST: u32 = 20;
/// Where Ingresses are reached.
const INGRESS_ADDRESS: &str = "203.0.113.10";
/// How long it takes to make a load balancer.
const WORK: SimDuration = SimDuration::from_secs(2);
/// How long the ingress controller takes to say that it serves an Ingress.
const SYNC: SimDuration = SimDuration::from_secs(1);

/// The service controller, with the load balancers that it is making and when each will be ready.
#[derive(Clone, Debug, Default)]
pub struct ServiceController {
    making: SortedMap<Key, SimTime>,
}

impl Controller for ServiceController {
    fn name(&self) -> &'static str {
        "service-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        let Object::Service(service) = &**change.object() else { return };
        if change.after.is_none() {
            self.making.remove(&change.key);
        } else if wants(service) || has_finalizer(service) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(mut service) = client.live().get::<Service>(&key.namespace, &key.name).cloned() else {
            return Ok(Action::AwaitChange);
        };
        if !wants(&service) || service.is_deleting() {
            self.making.remove(key);
            return release(service, client);
        }
        if !has_finalizer(&service) {
            Arc::make_mut(&mut service.meta).finalizers.get_or_insert_default().push(FINALIZER.into());
            service = client.update(service, None)?;
        }
        if !addresses(&service).is_empty() {
            return Ok(Action::AwaitChange);
        }
        let now = client.now();
        if !self.making.contains_key(key) {
            say(&service, "EnsuringLoadBalancer", "Ensuring load balancer", client);
        }
        let ready = *self.making.entry(key.clone()).or_insert(now + WORK);
        if ready > now {
            return Ok(Action::RequeueAfter(ready.since(now)));
        }
        self.making.remove(key);
        let wished = service.spec.load_balancer_ip.clone().filter(|address| !address.is_empty());
        let address = wished.unwrap_or_else(|| free_address(client.live()));
        let ingress =
            LoadBalancerIngress { ip: Some(address), ip_mode: Some("VIP".into()), ..Default::default() };
        Arc::make_mut(&mut service.status).load_balancer =
            Some(LoadBalancerStatus { ingress: Some(vec![ingress]) });
        let service = client.update_status(service, None)?;
        say(&service, "EnsuredLoadBalancer", "Ensured load balancer", client);
        Ok(Action::AwaitChange)
    }
}

/// Whether a Service asks for a load balancer of the cloud's own kind.
fn wants(service: &Service) -> bool {
    service.spec.type_.as_deref() == Some("LoadBalancer") && service.spec.load_balancer_class.is_none()
}

fn has_finalizer(service: &Service) -> bool {
    service.meta.finalizers.iter().flatten().any(|one| one == FINALIZER)
}

fn addresses(service: &Service) -> &[LoadBalancerIngress] {
    let status = service.status.load_balancer.as_ref();
    status.and_then(|status| status.ingress.as_deref()).unwrap_or_default()
}

/// The first address that no Service has.
fn free_address(view: &View) -> String {
    let taken: Vec<&str> =
        view.list::<Service>(None).flat_map(addresses).filter_map(|one| one.ip.as_deref()).collect();
    let mut all = (FIRST..).map(|last| format!("{NETWORK}.{last}"));
    all.find(|address| !taken.contains(&address.as_str())).unwrap_or_default()
}

/// The load balancer of a Service that wants none any more is taken down.
fn release(mut service: Service, client: &mut Client<'_>) -> Result<Action, Status> {
    if !has_finalizer(&service) {
        return Ok(Action::AwaitChange);
    }
    say(&service, "DeletingLoadBalancer", "Deleting load balancer", client);
    if !addresses(&service).is_empty() {
        Arc::make_mut(&mut service.status).load_balancer = Some(LoadBalancerStatus::default());
        service = client.update_status(service, None)?;
    }
    let about = service.clone();
    let meta = Arc::make_mut(&mut service.meta);
    meta.finalizers.iter_mut().for_each(|all| all.retain(|one| one != FINALIZER));
    meta.finalizers = meta.finalizers.take().filter(|all| !all.is_empty());
    client.update(service, None)?;
    say(&about, "DeletedLoadBalancer", "Deleted load balancer", client);
    Ok(Action::AwaitChange)
}

fn say(service: &Service, reason: &str, message: &str, client: &mut Client<'_>) {
    client.event(reference(service), EventType::Normal, reason, message.to_string());
}

/// The ingress controller's care for `status.loadBalancer`.
#[derive(Clone, Debug, Default)]
pub struct IngressController {
    /// When it first saw an Ingress, until its status says so.
    seen: SortedMap<Key, SimTime>,
}

impl Controller for IngressController {
    fn name(&self) -> &'static str {
        "nginx-ingress-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::INGRESS, Kind::INGRESS_CLASS]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match change.key.kind {
            Kind::INGRESS if change.after.is_none() => {
                self.seen.remove(&change.key);
            }
            Kind::INGRESS => queue.add(change.key.clone(), Some(change.revision)),
            // A class that comes or goes may be that of any Ingress.
            _ => {
                view.objects(Kind::INGRESS, None).for_each(|one| queue.add(one.key(), Some(change.revision)))
            }
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Ok(found) = client.get(key) else { return Ok(Action::AwaitChange) };
        let wanted = is_ours(client.live(), &found);
        let status = found.part("status");
        let has = status.pointer("/loadBalancer/ingress/0").is_some();
        if found.is_deleting() || wanted == has {
            return Ok(Action::AwaitChange);
        }
        let now = client.now();
        if wanted {
            let fresh = !self.seen.contains_key(key);
            let seen = *self.seen.entry(key.clone()).or_insert(now);
            if fresh {
                client.event(
                    reference_to(Kind::INGRESS, &*found),
                    EventType::Normal,
                    "Sync",
                    "Scheduled for sync".to_string(),
                );
            }
            if seen + SYNC > now {
                return Ok(Action::RequeueAfter((seen + SYNC).since(now)));
            }
        }
        self.seen.remove(key);
        let Object::Tree(mut tree) = (*found).clone() else { return Ok(Action::AwaitChange) };
        let balancer = if wanted { json!({"ingress": [{"ip": INGRESS_ADDRESS}]}) } else { json!({}) };
        tree.status = Arc::new(json!({ "loadBalancer": balancer }));
        client.update_object_status(Object::Tree(tree))?;
        Ok(Action::AwaitChange)
    }
}

/// Whether the controller takes an Ingress for its own: one without class, of its own class, or of a class that exists. One
/// of a class that does not is served by nobody.
fn is_ours(view: &View, ingress: &Object) -> bool {
    let spec = ingress.part("spec");
    let class = spec.get("ingressClassName").and_then(|class| class.as_str());
    match class.or_else(|| ingress.annotation("kubernetes.io/ingress.class")) {
        None | Some("nginx") => true,
        Some(class) => view.objects(Kind::INGRESS_CLASS, None).any(|known| known.name() == class),
    }
}
