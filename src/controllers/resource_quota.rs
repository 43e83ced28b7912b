//! The resource quota controller: counts anew what a namespace uses, since admission only ever adds. Models
//! `pkg/controller/resourcequota`.

use std::sync::Arc;

use super::garbage_collector::WATCHED;
use super::looks::Looks;
use super::pods::is_terminal;
use super::{Action, Controller};
use crate::api::quota::{is_bounded, is_overdue};

use crate::api::{Key, Kind, MetaExt, Object, Pod, ResourceQuota, Service, Status};
use crate::client::{Change, Client, View, WorkQueue, counted_quota};
use crate::clock::SimDuration;

/// How often everything is counted anew, whatever happens (`resource-quota-sync-period`).
const RESYNC: SimDuration = SimDuration::from_secs(300);

/// How long a count takes for each pod.
const COUNT: SimDuration = SimDuration::from_micros(100);

/// The controller.
#[derive(Clone, Debug, Default)]
pub struct ResourceQuotaController {
    looks: Looks,
}

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        // What is counted by name alone may be of any kind.
        &WATCHED
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
        if frees(change) {
            for quota in view.list::<ResourceQuota>(Some(&change.key.namespace)) {
                let key = Key::new(Kind::RESOURCE_QUOTA, quota.namespace(), quota.name());
                queue.add(key, Some(change.revision));
            }
        }
    }

    fn is_periodic(&self) -> bool {
        true
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        // What admission has charged a moment ago must not be taken back: everything is counted on the server.
        let found = client.get(key).ok();
        let Some(quota) = found.as_deref().and_then(Object::as_kind::<ResourceQuota>) else {
            self.looks.forget(key);
            return Ok(Action::AwaitChange);
        };
        if let Some(rest) = self.looks.wait(key, client.now()) {
            return Ok(Action::RequeueAfter(rest));
        }
        let pods = client.live().list::<Pod>(Some(&key.namespace)).count();
        self.looks.begin(key, client.now(), pods, COUNT);
        let status = counted_quota(quota, client.live(), client.now());
        if status != *quota.status {
            let mut updated = quota.clone();
            updated.status = Arc::new(status);
            client.update_status(updated, None)?;
        }
        let since = client.now().0 % RESYNC.0;
        Ok(Action::RequeueAfter(SimDuration(RESYNC.0 - since)))
    }
}

/// Whether a change may have made room (`DefaultUpdateFilter`): other changes wait for the next full count.
fn frees(change: &Change) -> bool {
    match (change.before.as_deref(), change.after.as_deref()) {
        (Some(_), None) => true,
        (Some(Object::Pod(before)), Some(Object::Pod(after))) => {
            let counts = |pod: &Pod| !is_terminal(pod) && !is_overdue(pod, change.time);
            resized(before, after)
                || is_bounded(before) != is_bounded(after)
                || (counts(before) && !counts(after))
        }
        (Some(Object::Service(before)), Some(Object::Service(after))) => {
            let sort = |service: &Service| {
                service
                    .spec
                    .type_
                    .clone()
                    .filter(|sort| ["NodePort", "LoadBalancer"].contains(&sort.as_str()))
            };
            sort(before) != sort(after)
        }
        (Some(Object::PersistentVolumeClaim(_)), Some(_)) => true,
        _ => false,
    }
}

fn resized(before: &Pod, after: &Pod) -> bool {
    let resources = |pod: &Pod, name: &str| {
        let lists = [&pod.status.container_statuses, &pod.status.init_container_statuses];
        let status = lists.into_iter().flatten().flatten().find(|status| status.name == name)?;
        Some(status.resources.clone())
    };
    let lists = [&after.status.container_statuses, &after.status.init_container_statuses];
    lists
        .into_iter()
        .flatten()
        .flatten()
        .any(|status| resources(before, &status.name).is_some_and(|before| before != status.resources))
}
