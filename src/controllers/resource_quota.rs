//! The resource quota controller: counts anew what a namespace uses, since admission only ever adds. Models
//! `pkg/controller/resourcequota`.

use std::sync::Arc;

use super::pods::is_terminal;
use super::{Action, Controller};
use crate::api::k8s::ResourceQuotaStatus;
use crate::api::quota::{Amount, Usage, add, concerns, usage};
use crate::api::{Key, Kind, MetaExt, Object, ResourceQuota, Status};
use crate::client::{Change, Client, View, WorkQueue};

/// The controller. It remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceQuotaController;

/// Kinds whose removal is noticed at once.
const COUNTED: [Kind; 13] = [
    Kind::RESOURCE_QUOTA,
    Kind::POD,
    Kind::SERVICE,
    Kind::PERSISTENT_VOLUME_CLAIM,
    Kind::CONFIG_MAP,
    Kind::SECRET,
    Kind::REPLICATION_CONTROLLER,
    Kind::DEPLOYMENT,
    Kind::REPLICA_SET,
    Kind::STATEFUL_SET,
    Kind::DAEMON_SET,
    Kind::JOB,
    Kind::CRON_JOB,
];

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &COUNTED
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        if change.key.kind == Kind::RESOURCE_QUOTA {
            let spec = |object: &Option<Arc<Object>>| {
                Some(object.as_ref()?.as_kind::<ResourceQuota>()?.spec.clone())
            };
            if change.after.is_some() && spec(&change.before) != spec(&change.after) {
                queue.add(change.key.clone(), Some(change.revision));
            }
            return;
        }
        let ended = |object: &Option<Arc<Object>>| match object.as_deref() {
            Some(Object::Pod(pod)) => is_terminal(pod),
            other => other.is_none(),
        };
        let freed = change.before.is_some() && !ended(&change.before) && ended(&change.after);
        let resized = match (&change.before, &change.after, change.key.kind) {
            (Some(before), Some(after), Kind::SERVICE | Kind::PERSISTENT_VOLUME_CLAIM) => {
                usage(before) != usage(after)
            }
            _ => false,
        };
        if freed || resized {
            for quota in view.list::<ResourceQuota>(Some(&change.key.namespace)) {
                let key = Key::new(Kind::RESOURCE_QUOTA, quota.namespace(), quota.name());
                queue.add(key, Some(change.revision));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // What admission has charged a moment ago must not be taken back: everything is counted on the server.
        let found = client.get(key).ok();
        let Some(quota) = found.as_deref().and_then(Object::as_kind::<ResourceQuota>) else {
            return Ok(Action::AwaitChange);
        };
        let sum = count(quota, client.live());
        let mut status = ResourceQuotaStatus { hard: quota.spec.hard.clone(), used: None };
        let used = status.used.get_or_insert_default();
        for (name, _) in quota.spec.hard.iter().flatten() {
            let amount = sum.get(name).cloned().unwrap_or_else(|| Amount::parse("0"));
            used.insert(name.clone(), amount.quantity());
        }
        if status != *quota.status {
            let mut updated = quota.clone();
            updated.status = Arc::new(status);
            client.update_status(updated, None)?;
        }
        Ok(Action::AwaitChange)
    }
}

/// What all objects of the namespace use of what the quota bounds.
fn count(quota: &ResourceQuota, view: &View) -> Usage {
    let mut sum = Usage::new();
    for kind in view.kinds().into_iter().filter(|kind| kind.info().namespaced) {
        for object in view.objects(kind, Some(quota.namespace())) {
            if concerns(quota, object) {
                add(&mut sum, &usage(object));
            }
        }
    }
    sum
}
