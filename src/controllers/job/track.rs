//! Counts the pods that have ended, each once: uid into the status, finalizer off the pod, count up
//! (`trackJobStatusAndRemoveFinalizers`).

use sorted::SortedSet;
use std::sync::Arc;

use super::policy::Verdict;
use super::sync::{Look, final_failure, new_condition};
use super::{JobController, release, tracked};
use crate::api::k8s::JobStatus;
use crate::api::{Job, Key, Kind, MetaExt, Pod, Status, condition};
use crate::client::Client;
use crate::client::recorder::{EventType, reference};

/// The status names at most so many pods at once.
const UNCOUNTED_MAX: usize = 500;

/// Raises the counts by the pods that stand in the status and hold no finalizer any more. Returns whether there were any.
fn count_released(status: &mut JobStatus, holding: &SortedSet<String>) -> bool {
    let Some(uncounted) = &mut status.uncounted_terminated_pods else { return false };
    let take = |list: &mut Option<Vec<String>>| {
        let before = list.as_ref().map_or(0, Vec::len);
        if let Some(uids) = list {
            uids.retain(|uid| holding.contains(uid));
        }
        *list = list.take().filter(|uids| !uids.is_empty());
        i32::try_from(before - list.as_ref().map_or(0, Vec::len)).unwrap_or(0)
    };
    let (succeeded, failed) = (take(&mut uncounted.succeeded), take(&mut uncounted.failed));
    let sum = |count: Option<i32>, more: i32| Some(count.unwrap_or(0) + more).filter(|sum| *sum != 0);
    status.succeeded = sum(status.succeeded, succeeded);
    status.failed = sum(status.failed, failed);
    succeeded + failed > 0
}

impl JobController {
    pub(super) fn track(
        &mut self,
        mut look: Look<'_>,
        mut news: bool,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        if look.is_indexed() {
            crate::api::sorting::sort_by_key(&mut look.pods, super::indexes::index_of);
        }
        let mut holding: SortedSet<String> = look
            .pods
            .iter()
            .filter(|pod| tracked(pod) && !look.released.contains(pod.uid()))
            .map(|pod| pod.uid().to_string())
            .collect();
        let mut status = (*look.job.status).clone();
        news |= count_released(&mut status, &holding);
        let (ended, full) = gather(&look, &mut status, &mut news);
        news |= note_indexes(&look, &mut status);
        news |= announce(&mut look, &mut status);
        look.job.status = Arc::new(status);
        if news {
            look.job = client.update_status(look.job.clone(), None)?;
            self.failures.insert(look.key.clone(), look.failures);
            news = false;
        }
        let result = self.release_all(look.key, &ended, &mut holding, client);
        let mut status = (*look.job.status).clone();
        news |= count_released(&mut status, &holding);
        look.job.status = Arc::new(status);
        result?;
        let over = !full && finish(&mut look);
        if news || over {
            look.job = client.update_status(look.job.clone(), None)?;
        }
        if over {
            report(&look, client);
        }
        Ok(())
    }

    fn release_all(
        &mut self,
        key: &Key,
        pods: &[Pod],
        holding: &mut SortedSet<String>,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let mut result = Ok(());
        for pod in pods {
            self.released.entry(key.clone()).or_default().insert(pod.uid().into());
            match release(&Key::new(Kind::POD, pod.namespace(), pod.name()), client) {
                Ok(()) => drop(holding.remove(pod.uid())),
                Err(refused) => {
                    if let Some(released) = self.released.get_mut(key) {
                        released.remove(pod.uid());
                    }
                    result = result.and(Err(refused));
                }
            }
        }
        result
    }
}

/// Writes down the pods that have ended, and returns those whose finalizer can go, and whether the list is full.
fn gather(look: &Look<'_>, status: &mut JobStatus, news: &mut bool) -> (Vec<Pod>, bool) {
    let delayed = look.delayed();
    let mut ended = Vec::new();
    let failing = look.verdict.as_ref().is_some_and(|verdict| verdict.type_ != "SuccessCriteriaMet");
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    let knows = |list: &Option<Vec<String>>, pod: &Pod| list.iter().flatten().any(|uid| uid == pod.uid());
    for pod in look.pods.iter().filter(|pod| tracked(pod) && !look.released.contains(pod.uid())) {
        let (succeeded, failed) = (pod.status.phase.as_deref() == Some("Succeeded"), look.is_failed(pod));
        let over = look.job.is_deleting() || look.verdict.is_some() || succeeded;
        let stays = delayed.values().any(|delayed| delayed.uid() == pod.uid());
        if !over && (!failed || stays) {
            continue;
        }
        ended.push(pod.clone());
        if succeeded && !knows(&look.uncounted.failed, pod) {
            if look.is_indexed() {
                *news |= look.valid_index(pod).is_some_and(|index| !look.done_before.has(index));
            } else if !knows(&look.uncounted.succeeded, pod) {
                uncounted.succeeded.get_or_insert_default().push(pod.uid().into());
                *news = true;
            }
        } else if failed || failing {
            let valid = !look.is_indexed() || look.valid_index(pod).is_some();
            if valid && !knows(&look.uncounted.failed, pod) && look.judge(pod) != Verdict::Ignore {
                uncounted.failed.get_or_insert_default().push(pod.uid().into());
                *news = true;
            }
        }
        let listed = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
        if listed(&uncounted.succeeded) + listed(&uncounted.failed) >= UNCOUNTED_MAX {
            return (ended, true);
        }
    }
    (ended, false)
}

/// The indexes done and lost, as the status writes them. Returns whether that is news.
fn note_indexes(look: &Look<'_>, status: &mut JobStatus) -> bool {
    if !look.is_indexed() {
        return false;
    }
    let done = Some(look.done.to_string()).filter(|done| !done.is_empty());
    let lost = look.lost.as_ref().map(ToString::to_string);
    let news = done != status.completed_indexes || lost != status.failed_indexes;
    status.succeeded = Some(look.done.len()).filter(|count| *count != 0);
    status.completed_indexes = done;
    status.failed_indexes = lost;
    news
}

/// Announces how the Job will end, before finalizers go: if the controller is interrupted, it still knows. The verdict becomes
/// the condition that ends it.
fn announce(look: &mut Look<'_>, status: &mut JobStatus) -> bool {
    let Some(verdict) = look.verdict.take() else { return false };
    let stands = condition::is_true(status.conditions.as_deref(), &verdict.type_);
    let (last, interim) = match verdict.type_.as_str() {
        "FailureTarget" => (final_failure(look.now)(verdict.clone()), true),
        "SuccessCriteriaMet" => {
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            let (reason, message) = (text(&verdict.reason), text(&verdict.message));
            (new_condition("Complete", &reason, &message, look.now), true)
        }
        _ => (verdict.clone(), false),
    };
    if interim && !stands {
        status.conditions.get_or_insert_default().push(verdict);
    }
    look.verdict = Some(last);
    interim && !stands
}

/// Ends the Job, once every pod is counted and none is still on its way out (`enactJobFinished`).
fn finish(look: &mut Look<'_>) -> bool {
    let Some(verdict) = look.verdict.clone() else { return false };
    let status = Arc::make_mut(&mut look.job.status);
    let waiting = status.uncounted_terminated_pods.as_ref();
    if waiting.is_some_and(|pods| pods.succeeded.is_some() || pods.failed.is_some()) || look.terminating > 0 {
        return false;
    }
    if verdict.type_ == "Complete" {
        status.completion_time.clone_from(&verdict.last_transition_time);
    }
    condition::set(&mut status.conditions, verdict);
    true
}

fn report(look: &Look<'_>, client: &mut Client<'_>) {
    let Some(verdict) = &look.verdict else { return };
    let job: &Job = &look.job;
    if verdict.type_ != "Complete" {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        client.event(reference(job), EventType::Warning, &text(&verdict.reason), text(&verdict.message));
        return;
    }
    if job.spec.completions.is_some_and(|completions| job.status.succeeded.unwrap_or(0) > completions) {
        client.event(
            reference(job),
            EventType::Warning,
            "TooManySucceededPods",
            "Too many succeeded pods running after completion count reached",
        );
    }
    client.event(reference(job), EventType::Normal, "Completed", "Job completed");
}
