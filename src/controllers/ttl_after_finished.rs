//! Deletes Jobs some time after they have finished (`pkg/controller/ttlafterfinished`).

use super::job::is_finished;
use super::ref_manager::gone_is_fine;
use super::{Action, Controller};
use crate::api::{Job, Key, Kind, MetaExt, Object, Status};
use crate::client::{Change, Client, DeleteOptions, Propagation, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// The controller. It remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct TtlAfterFinishedController;

impl Controller for TtlAfterFinishedController {
    fn name(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::JOB]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        let job = change.after.as_ref().and_then(|object| object.as_kind::<Job>());
        if job.is_some_and(|job| expires_at(job).is_some() && !job.is_deleting()) {
            queue.add(change.key.clone(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let job = view.get::<Job>(&key.namespace, &key.name).filter(|job| !job.is_deleting());
        let Some(expires) = job.and_then(expires_at) else { return Ok(Action::AwaitChange) };
        let left = expires.since(client.now());
        if left > SimDuration::ZERO {
            return Ok(Action::RequeueAfter(left));
        }
        // The time may have been changed a moment ago: what the server has decides.
        let fresh = client.get(key).ok();
        let fresh = fresh.as_deref().and_then(Object::as_kind::<Job>).filter(|job| !job.is_deleting());
        let Some((job, expires)) = fresh.and_then(|job| Some((job, expires_at(job)?))) else {
            return Ok(Action::AwaitChange);
        };
        let left = expires.since(client.now());
        if left > SimDuration::ZERO {
            return Ok(Action::RequeueAfter(left));
        }
        let options = DeleteOptions {
            propagation: Propagation::Foreground,
            uid: Some(job.uid().into()),
            ..DeleteOptions::default()
        };
        gone_is_fine(client.delete(key, &options, None))?;
        Ok(Action::AwaitChange)
    }
}

/// When a finished Job's time is up; `None` for one that is not finished, or that stays.
fn expires_at(job: &Job) -> Option<SimTime> {
    let ttl = u64::try_from(job.spec.ttl_seconds_after_finished?).ok()?;
    if !is_finished(job) {
        return None;
    }
    let mut ends = job.status.conditions.iter().flatten();
    let end = ends.find(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True")?;
    Some(SimTime::from_time(end.last_transition_time.as_ref()?) + SimDuration::from_secs(ttl))
}
