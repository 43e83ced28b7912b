//! A cloud provider that gives Services of type LoadBalancer their addresses. Models `cloud-provider/controllers/service`.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::changes::{Notice, followed, wants};
use crate::api::k8s::{LoadBalancerIngress, LoadBalancerStatus};
use crate::api::{Key, Kind, MetaExt, Node, Object, Service, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::{Action, Controller};

/// Holds a Service back until its load balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// The block of addresses (TEST-NET-3), and the first that Services get; below it lies the ingress controller's.
const NETWORK: &str = "203.0.113";
const FIRST: u32 = 20;
/// How long it takes to make or change a load balancer.
const WORK: SimDuration = SimDuration::from_secs(2);
/// Keeps a node out of all load balancers.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// The same, of a node that an autoscaler is about to remove.
const ABOUT_TO_GO: &str = "ToBeDeletedByClusterAutoscaler";

/// The controller, with what is to be done and the load balancers that there are.
#[derive(Clone, Debug, Default)]
pub struct ServiceController {
    /// The Services whose load balancers are to be looked after, with what is said about it first.
    due: SortedMap<Key, Vec<(&'static str, String)>>,
    /// Those that are being made or changed, and when each will be ready.
    making: SortedMap<Key, SimTime>,
    made: SortedSet<Key>,
    /// The nodes that load balancers send to, and the Services to which their change is news.
    hosts: SortedSet<Key>,
    rehosted: SortedSet<Key>,
}

impl Controller for ServiceController {
    fn name(&self) -> &'static str {
        "service-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SERVICE, Kind::NODE]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        if change.key.kind == Kind::NODE {
            return self.observe_node(change, queue);
        }
        let service = |object: &Option<Arc<Object>>| object.as_deref()?.as_kind::<Service>().cloned();
        let key = &change.key;
        let Some(after) = service(&change.after) else {
            self.due.remove(key);
            self.making.remove(key);
            self.made.remove(key);
            return;
        };
        let news: Option<Notice> = match service(&change.before) {
            Some(before) => followed(&before, &after),
            None => {
                // One that has its addresses is told to a controller that has just started.
                if !addresses(&after).is_empty() {
                    self.made.insert(key.clone());
                }
                wants(&after).then_some(None)
            }
        };
        if news.is_some() || needs_cleanup(&after) {
            self.due.entry(key.clone()).or_default().extend(news.flatten());
            queue.add(key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let result = self.look_after(key, client);
        if result.is_err() {
            // What could not be written is done again.
            self.due.entry(key.clone()).or_default();
        }
        result
    }
}

impl ServiceController {
    fn look_after(&mut self, key: &Key, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(service) = client.live().get::<Service>(&key.namespace, &key.name).cloned() else {
            return Ok(Action::AwaitChange);
        };
        if self.rehosted.remove(key) && self.made.contains(key) {
            say(&service, "UpdatedLoadBalancer", "Updated load balancer with new hosts", client);
        }
        let now = client.now();
        match self.making.get(key) {
            Some(ready) if *ready > now => return Ok(Action::RequeueAfter(ready.since(now))),
            Some(_) => {
                self.making.remove(key);
                self.made.insert(key.clone());
                finish(service.clone(), client)?;
            }
            None => {}
        }
        let Some(notices) = self.due.remove(key) else { return Ok(Action::AwaitChange) };
        for (reason, message) in notices {
            say(&service, reason, &message, client);
        }
        if !wants(&service) || needs_cleanup(&service) {
            return release(service, self.made.remove(key), client);
        }
        say(&service, "EnsuringLoadBalancer", "Ensuring load balancer", client);
        self.making.insert(key.clone(), now + WORK);
        let live = client.live().get::<Service>(&key.namespace, &key.name).cloned();
        if let Some(mut service) = live.filter(|service| !has_finalizer(service)) {
            Arc::make_mut(&mut service.meta).finalizers.get_or_insert_default().push(FINALIZER.into());
            client.update(service, None)?;
        }
        Ok(Action::RequeueAfter(WORK))
    }

    /// A node that comes or goes, or is kept out, is told to all load balancers; whether it is ready is not their business.
    fn observe_node(&mut self, change: &Change, queue: &mut WorkQueue) {
        let node = change.after.as_deref().and_then(Object::as_kind::<Node>);
        let differs = if node.is_some_and(is_host) {
            self.hosts.insert(change.key.clone())
        } else {
            self.hosts.remove(&change.key)
        };
        if differs {
            for key in self.made.iter() {
                self.rehosted.insert(key.clone());
                queue.add(key.clone(), Some(change.revision));
            }
        }
    }
}

fn is_host(node: &Node) -> bool {
    let leaving = node.spec.taints.iter().flatten().any(|taint| taint.key == ABOUT_TO_GO);
    !node.is_deleting() && !leaving && !node.labels().contains_key(EXCLUDED)
}

fn has_finalizer(service: &Service) -> bool {
    service.meta.finalizers.iter().flatten().any(|one| one == FINALIZER)
}

/// Whether there is a load balancer that nobody wants any more.
fn needs_cleanup(service: &Service) -> bool {
    has_finalizer(service) && (service.is_deleting() || service.spec.type_.as_deref() != Some("LoadBalancer"))
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

/// The load balancer is there as it is wanted: that is said, and then where it is reached.
fn finish(mut service: Service, client: &mut Client<'_>) -> Result<(), Status> {
    say(&service, "EnsuredLoadBalancer", "Ensured load balancer", client);
    let wished = service.spec.load_balancer_ip.clone().filter(|address| !address.is_empty());
    let present = addresses(&service).first().and_then(|one| one.ip.clone());
    let address = wished.or(present).unwrap_or_else(|| free_address(client.live()));
    let ingress =
        LoadBalancerIngress { ip: Some(address), ip_mode: Some("VIP".into()), ..Default::default() };
    write_status(&mut service, LoadBalancerStatus { ingress: Some(vec![ingress]) }, client)
}

/// The load balancer of a Service that wants none any more is taken down, if there is one.
fn release(mut service: Service, exists: bool, client: &mut Client<'_>) -> Result<Action, Status> {
    if exists {
        say(&service, "DeletingLoadBalancer", "Deleting load balancer", client);
    }
    let about = service.clone();
    if has_finalizer(&service) {
        let meta = Arc::make_mut(&mut service.meta);
        meta.finalizers.iter_mut().for_each(|all| all.retain(|one| one != FINALIZER));
        meta.finalizers = meta.finalizers.take().filter(|all| !all.is_empty());
        service = client.update(service, None)?;
    }
    say(&about, "DeletedLoadBalancer", "Deleted load balancer", client);
    let there = client.get(&Key::new(Kind::SERVICE, service.namespace(), service.name())).is_ok();
    if there {
        write_status(&mut service, LoadBalancerStatus::default(), client)?;
    }
    Ok(Action::AwaitChange)
}

fn write_status(
    service: &mut Service,
    wanted: LoadBalancerStatus,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    if service.status.load_balancer.clone().unwrap_or_default() == wanted {
        return Ok(());
    }
    Arc::make_mut(&mut service.status).load_balancer = Some(wanted);
    gone_is_fine(client.update_status(service.clone(), None)).map(drop)
}

fn say(service: &Service, reason: &str, message: &str, client: &mut Client<'_>) {
    client.event(reference(service), EventType::Normal, reason, message.to_string());
}
