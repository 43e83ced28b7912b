//! An ingress controller that says where Ingresses are reached.

use std::sync::Arc;

use serde_json::json;
use sorted::SortedMap;

use crate::api::{Key, Kind, MetaExt, Object, Status};
use crate::client::recorder::{EventType, reference_to};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::{Action, Controller};

/// Where Ingresses are reached.
const INGRESS_ADDRESS: &str = "203.0.113.10";
/// How long the ingress controller takes to say that it serves an Ingress.
const SYNC: SimDuration = SimDuration::from_secs(1);

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
