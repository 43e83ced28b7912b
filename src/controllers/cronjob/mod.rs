//! The CronJob controller: a Job at each time of a schedule. Models `pkg/controller/cronjob`.

mod schedule;
mod zone;

use std::sync::Arc;

use super::owner_index::OwnerIndex;
use super::ref_manager::controller_reference;
use super::{Action, Controller};
use crate::api::cron::{self, Schedule};
use crate::api::k8s::{ObjectMeta, ObjectReference};
use crate::api::meta::Revision;
use crate::api::status::Reason;
use crate::api::{
    CronJob, Job, Key, Kind, KubeObject, MetaExt, Namespace, Object, Status, condition, sorting,
};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use schedule::next;
use zone::Zone;

/// A look comes this much after the time it is for, so that the clock has surely passed it (`nextScheduleDelta`).
const MARGIN: SimDuration = SimDuration::from_millis(100);
/// More missed times than this are worth a warning.
const MANY: i64 = 100;
const SCHEDULED_AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The controller. It remembers nothing between two looks but who owns what.
#[derive(Clone, Debug)]
pub struct CronJobController {
    jobs: OwnerIndex,
}

impl Default for CronJobController {
    fn default() -> Self {
        CronJobController { jobs: OwnerIndex::of(Kind::JOB, Kind::CRON_JOB) }
    }
}

impl Controller for CronJobController {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::CRON_JOB, Kind::JOB]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        self.jobs.note(change);
        if change.key.kind == Kind::CRON_JOB {
            match rescheduled(change) {
                Some(wait) => queue.add_after(change.key.clone(), wait),
                None => queue.add(change.key.clone(), Some(change.revision)),
            }
            return;
        }
        for object in [&change.before, &change.after].into_iter().flatten() {
            queue_owner(object, view, queue, Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(cron) = view.get::<CronJob>(&key.namespace, &key.name) else {
            return Ok(Action::AwaitChange);
        };
        let jobs: Vec<Job> = self.jobs.controlled_by::<Job>(cron.uid(), cron.namespace()).cloned().collect();
        let mut look = Look { cron: cron.clone(), changed: false, now: client.now() };
        look.clean_up(&jobs, client);
        let result = look.note_jobs(&jobs, client).and_then(|()| look.start(client));
        // What was found out before something failed is written all the same.
        if look.changed {
            client.update_status(look.cron, None)?;
        }
        Ok(result?.map_or(Action::AwaitChange, Action::RequeueAfter))
    }
}

/// Queues the CronJob that controls a Job.
fn queue_owner(job: &Object, view: &View, queue: &mut WorkQueue, cause: Option<Revision>) {
    let Some(owner) = job.controller().filter(|owner| owner.kind == CronJob::KIND.name()) else { return };
    let cron = view.get::<CronJob>(job.namespace(), &owner.name);
    if cron.is_some_and(|cron| cron.uid() == owner.uid) {
        queue.add(Key::new(Kind::CRON_JOB, job.namespace(), &owner.name), cause);
    }
}

/// How a finished Job ended: `Complete` or `Failed`.
fn end_of(job: &Job) -> Option<&'static str> {
    let conditions = job.status.conditions.as_deref();
    ["Complete", "Failed"].into_iter().find(|type_| condition::is_true(conditions, type_))
}

struct Look {
    /// The CronJob, with the status that will be written.
    cron: CronJob,
    /// Whether that status is news.
    changed: bool,
    now: SimTime,
}

impl Look {
    fn say(&self, type_: EventType, reason: &str, message: String, client: &mut Client<'_>) {
        client.event(reference(&self.cron), type_, reason, message);
    }

    fn active(&self) -> &[ObjectReference] {
        self.cron.status.active.as_deref().unwrap_or_default()
    }

    fn is_active(&self, uid: &str) -> bool {
        self.active().iter().any(|job| job.uid.as_deref() == Some(uid))
    }

    fn drop_active(&mut self, uid: &str) {
        let status = Arc::make_mut(&mut self.cron.status);
        if let Some(active) = &mut status.active {
            active.retain(|job| job.uid.as_deref() != Some(uid));
        }
        status.active = status.active.take().filter(|active| !active.is_empty());
    }

    /// Deletes the oldest finished Jobs beyond the two limits.
    fn clean_up(&mut self, jobs: &[Job], client: &mut Client<'_>) {
        let spec = self.cron.spec.clone();
        let limits =
            [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)];
        for (end, limit) in limits {
            let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { continue };
            let mut ended: Vec<&Job> = jobs.iter().filter(|job| end_of(job) == Some(end)).collect();
            sorting::sort_by(&mut ended, |a, b| {
                let start = |job: &Job| job.status.start_time.as_ref().map(SimTime::from_time);
                // One that never started comes last.
                let key = |job: &Job| (start(job).is_none(), start(job));
                key(a).cmp(&key(b)).then_with(|| a.name().cmp(b.name()))
            });
            for job in ended.iter().take(ended.len().saturating_sub(limit)) {
                self.delete(job, client);
            }
        }
    }

    /// Deletes a Job. Returns whether that could be done.
    fn delete(&mut self, job: &Job, client: &mut Client<'_>) -> bool {
        let key = Key::new(Kind::JOB, job.namespace(), job.name());
        match client.delete(&key, &DeleteOptions::default(), None) {
            Err(refused) if refused.reason != Reason::NotFound => {
                self.say(EventType::Warning, "FailedDelete", format!("Deleted job: {refused}"), client);
                false
            }
            _ => {
                self.drop_active(job.uid());
                let message = format!("Deleted job {}", job.name());
                self.say(EventType::Normal, "SuccessfulDelete", message, client);
                self.changed = true;
                true
            }
        }
    }

    /// Brings the list of running Jobs up to date.
    fn note_jobs(&mut self, jobs: &[Job], client: &mut Client<'_>) -> Result<(), Status> {
        for job in jobs {
            let (known, end) = (self.is_active(job.uid()), end_of(job));
            if !known && end.is_none() {
                let fresh = client.get(&Key::new(Kind::CRON_JOB, self.cron.namespace(), self.cron.name()))?;
                let fresh = fresh.as_kind::<CronJob>().and_then(|cron| cron.status.active.clone());
                if !fresh.iter().flatten().any(|active| active.uid.as_deref() == Some(job.uid())) {
                    let message =
                        format!("Saw a job that the controller did not create or forgot: {}", job.name());
                    self.say(EventType::Warning, "UnexpectedJob", message, client);
                }
            } else if let (true, Some(end)) = (known, end) {
                self.drop_active(job.uid());
                let message = format!("Saw completed job: {}, condition: {end}", job.name());
                self.say(EventType::Normal, "SawCompletedJob", message, client);
                self.changed = true;
            }
            if end == Some("Complete") {
                self.note_success(job);
            }
        }
        for gone in self.active().to_vec() {
            let (uid, name) = (gone.uid.unwrap_or_default(), gone.name.unwrap_or_default());
            let listed = jobs.iter().any(|job| job.uid() == uid);
            if !listed && client.get(&Key::new(Kind::JOB, self.cron.namespace(), &name)).is_err() {
                let message = format!("Active job went missing: {name}");
                self.say(EventType::Normal, "MissingJob", message, client);
                self.drop_active(&uid);
                self.changed = true;
            }
        }
        Ok(())
    }

    fn note_success(&mut self, job: &Job) {
        let Some(end) = &job.status.completion_time else { return };
        let last = self.cron.status.last_successful_time.as_ref().map(SimTime::from_time);
        if last.is_none_or(|last| last < SimTime::from_time(end)) {
            Arc::make_mut(&mut self.cron.status).last_successful_time = Some(end.clone());
            self.changed = true;
        }
    }

    /// Starts the Job that is due, if one is. Returns when the next is due.
    fn start(&mut self, client: &mut Client<'_>) -> Result<Option<SimDuration>, Status> {
        let spec = self.cron.spec.clone();
        if self.cron.is_deleting() {
            return Ok(None);
        }
        let zone_name = spec.time_zone.as_deref().unwrap_or_default();
        let Some(zone) = Zone::named(zone_name) else {
            let message = format!("invalid timeZone: {zone_name:?}: unknown time zone {zone_name}");
            self.say(EventType::Warning, "UnknownTimeZone", message, client);
            return Ok(None);
        };
        if spec.suspend == Some(true) {
            return Ok(None);
        }
        let schedule = match cron::parse(&spec.schedule) {
            Ok(schedule) => schedule,
            Err(why) => {
                let message = format!("unparseable schedule: {:?} : {why}", spec.schedule);
                self.say(EventType::Warning, "UnparseableSchedule", message, client);
                return Ok(None);
            }
        };
        let times = Times { schedule, zone, now: seconds(self.now) };
        let until_next = times.until_next(earliest(&self.cron), self.now);
        let deadline = spec.starting_deadline_seconds;
        let earliest = deadline.map_or(i64::MIN, |seconds| times.now - seconds).max(earliest(&self.cron));
        let missed = match times.missed(earliest) {
            Ok(missed) => missed,
            Err(NeverDue) => {
                let why = "time difference between two schedules is less than 1 second";
                let message = format!("invalid schedule: {} : {why}", spec.schedule);
                self.say(EventType::Warning, "InvalidSchedule", message, client);
                return Ok(None);
            }
        };
        let Some(due) = missed.last else { return Ok(until_next) };
        if missed.count > MANY {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.say(EventType::Warning, "TooManyMissedTimes", message.into(), client);
        }
        if deadline.is_some_and(|seconds| due + seconds < times.now) {
            let when = SimTime::from_unix_seconds(due).to_time().0.rfc1123();
            let message = format!("Missed scheduled time to start a job: {when}");
            self.say(EventType::Warning, "MissSchedule", message, client);
            return Ok(until_next);
        }
        let name = format!("{}-{}", self.cron.name(), due.div_euclid(60));
        let last = self.cron.status.last_schedule_time.as_ref().map(|time| seconds(SimTime::from_time(time)));
        if last == Some(due) || self.active().iter().any(|job| job.name.as_deref() == Some(&name)) {
            return Ok(until_next);
        }
        match spec.concurrency_policy.as_deref() {
            Some("Forbid") if !self.active().is_empty() => {
                let message =
                    "Not starting job because prior execution is running and concurrency policy is Forbid";
                self.say(EventType::Normal, "JobAlreadyActive", message.into(), client);
                return Ok(until_next);
            }
            Some("Replace") => {
                for running in self.active().to_vec() {
                    self.replace(&running, client)?;
                }
            }
            _ => {}
        }
        let created = self.create(&name, due, zone, client)?;
        Ok(until_next.filter(|_| created))
    }

    fn replace(&mut self, running: &ObjectReference, client: &mut Client<'_>) -> Result<(), Status> {
        let name = running.name.as_deref().unwrap_or_default();
        let job = client.get(&Key::new(Kind::JOB, self.cron.namespace(), name)).inspect_err(|refused| {
            let message = format!("Get job: {refused}");
            client.event(reference(&self.cron), EventType::Warning, "FailedGet", message);
        })?;
        if job.as_kind::<Job>().is_some_and(|job| self.delete(job, client)) {
            return Ok(());
        }
        Err(Status::bad_request(format!("could not replace job {}/{name}", self.cron.namespace())))
    }

    /// Creates the Job for a time and lists it as running. Returns whether it is listed: a Job of that name that is somebody
    /// else's takes the CronJob out of its rhythm until something changes.
    fn create(&mut self, name: &str, due: i64, zone: Zone, client: &mut Client<'_>) -> Result<bool, Status> {
        let job = match client.create(self.job(name, due, zone), None) {
            Ok(job) => {
                let message = format!("Created job {name}");
                self.say(EventType::Normal, "SuccessfulCreate", message, client);
                job
            }
            Err(refused) if refused.reason == Reason::AlreadyExists => {
                let existing = client.get(&Key::new(Kind::JOB, self.cron.namespace(), name))?;
                let own = existing
                    .as_kind::<Job>()
                    .filter(|job| job.is_controlled_by(self.cron.uid()) && !self.is_active(job.uid()));
                let Some(job) = own else { return Ok(false) };
                job.clone()
            }
            Err(refused) => {
                let home = client.live().get::<Namespace>("", self.cron.namespace());
                if home.is_none_or(MetaExt::is_deleting) {
                    return Ok(false);
                }
                let message = format!("Error creating job: {refused}");
                self.say(EventType::Warning, "FailedCreate", message, client);
                return Err(refused);
            }
        };
        let mut running = reference(&job);
        running.resource_version = Some(job.revision.to_string());
        let status = Arc::make_mut(&mut self.cron.status);
        status.active.get_or_insert_default().push(running);
        status.last_schedule_time = Some(SimTime::from_unix_seconds(due).to_time());
        self.changed = true;
        Ok(true)
    }

    /// The Job of a time, out of the template.
    fn job(&self, name: &str, due: i64, zone: Zone) -> Job {
        let template = &self.cron.spec.job_template;
        let given = template.metadata.clone().unwrap_or_default();
        let mut annotations = given.annotations.unwrap_or_default();
        annotations.insert(SCHEDULED_AT.into(), zone.rfc3339(due));
        let meta = ObjectMeta {
            name: Some(name.into()),
            namespace: Some(self.cron.namespace().into()),
            labels: given.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![controller_reference(&self.cron)]),
            ..Default::default()
        };
        Job::new(meta, template.spec.clone().unwrap_or_default())
    }
}

/// Times before this are past: the last one acted on, or the CronJob's creation.
fn earliest(cron: &CronJob) -> i64 {
    let last = cron.status.last_schedule_time.as_ref().map(SimTime::from_time);
    seconds(last.unwrap_or(cron.created()))
}

/// How long until the time that a changed schedule names next, if it did change: what the new one would have done before
/// is not made up for at once (`updateCronJob`).
fn rescheduled(change: &Change) -> Option<SimDuration> {
    let cron = |object: &Option<Arc<Object>>| object.as_deref().and_then(Object::as_kind::<CronJob>).cloned();
    let (before, after) = (cron(&change.before)?, cron(&change.after)?);
    if before.spec.schedule == after.spec.schedule && before.spec.time_zone == after.spec.time_zone {
        return None;
    }
    let zone = Zone::named(after.spec.time_zone.as_deref().unwrap_or_default())?;
    let times = Times { schedule: cron::parse(&after.spec.schedule).ok()?, zone, now: seconds(change.time) };
    times.until_next(earliest(&after), change.time)
}

fn seconds(time: SimTime) -> i64 {
    time.to_unix_seconds()
}

/// A schedule seen from now.
struct Times {
    schedule: Schedule,
    zone: Zone,
    now: i64,
}

/// The times that have come since one was last acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missed {
    last: Option<i64>,
    /// About how many there are.
    count: i64,
}

/// The schedule names a day that never comes, like 31 February.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NeverDue;

impl Times {
    fn next(&self, time: i64) -> Option<i64> {
        next(&self.schedule, time, &self.zone)
    }

    /// The last time after `earliest` that has come, and how many have (`mostRecentScheduleTime`). The distance between the first
    /// two tells how many there were; the last is looked for from where the last but one should be. Where times do not come
    /// evenly there may be none from there on, and none is found.
    fn missed(&self, earliest: i64) -> Result<Missed, NeverDue> {
        let first = self.next(earliest).ok_or(NeverDue)?;
        if self.now < first {
            return Ok(Missed::default());
        }
        let second = self.next(first).ok_or(NeverDue)?;
        if self.now < second {
            return Ok(Missed { last: Some(first), count: 1 });
        }
        let between = second - first;
        let count = (self.now - first) / between + 1;
        let mut last = None;
        let mut at = first + (count - 2) * between;
        while let Some(time) = self.next(at).filter(|time| *time <= self.now) {
            (last, at) = (Some(time), time);
        }
        Ok(Missed { last, count })
    }

    /// How long until the next time, and a little longer (`nextScheduleTimeDuration`).
    fn until_next(&self, earliest: i64, now: SimTime) -> Option<SimDuration> {
        let from = match self.missed(earliest) {
            Ok(Missed { last: Some(last), .. }) => last,
            Ok(Missed { count: 0, .. }) => earliest,
            _ => self.now,
        };
        Some(SimTime::from_unix_seconds(self.next(from)?).since(now) + MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_many_missed_times_is_found_without_counting_them() {
        let times = |schedule: &str, now| {
            let zone = Zone::named("").unwrap();
            Times { schedule: cron::parse(schedule).unwrap(), zone, now }
        };
        let found = |last, count| Ok(Missed { last, count });
        // All begin on Thursday, 1 January 1970; `now` in seconds.
        let cases = [
            ("*/5 * * * *", 10, 299, found(None, 0)),
            ("*/5 * * * *", 10, 300, found(Some(300), 1)),
            ("*/5 * * * *", 10, 1_000, found(Some(900), 3)),
            ("@every 7m", 0, 420 * 200 + 5, found(Some(420 * 200), 200)),
            ("* * * * *", 0, 60 * 100, found(Some(60 * 100), 100)),
            ("* * * * *", 0, 60 * 101, found(Some(60 * 101), 101)),
            // Twice in one minute's distance, and then not for a day: nothing is found where the last but one should be.
            ("0,1 0 * * *", -60, 5 * 3600, found(None, 301)),
            ("0 0 31 2 *", 0, 60, Err(NeverDue)),
        ];
        for (schedule, earliest, now, want) in cases {
            assert_eq!(times(schedule, now).missed(earliest), want, "{schedule} at {now}");
        }
    }
}
