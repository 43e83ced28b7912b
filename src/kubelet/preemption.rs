//! Which pods a kubelet takes. A critical one for which there is no room is taken all the same: others make it. As few as possible go, the best-effort
//! ones first and the guaranteed ones last. Models `pkg/kubelet/preemption`.

use std::sync::Arc;

use super::admission::{self, Refusal};
use super::agent::{Agent, Shared};
use super::pod_worker::{PodStep, PodWorker, Stage};
use super::{Timer, TimerKind, shutdown};
use crate::api::{Node, Pod};
use crate::client::recorder::{EventType, reference};
use crate::clock::SimDuration;

const REASON: &str = "Preempting";
const MESSAGE: &str = "Preempted in order to admit critical pod";
const DISRUPTION: &str = "Pod was preempted by Kubelet to accommodate a critical pod.";

/// What is missing, by resource.
type Missing = Vec<(String, i64)>;

/// A pod of the node that may have to go.
type Candidate<'a> = (&'a Arc<str>, &'a Pod);

/// What is to be done with a pod that is looked at for the first time.
pub(super) enum Admission {
    Take,
    Refuse(Refusal),
    /// Others are being stopped to make room for a critical one: the kubelet takes no pod until they are down.
    Wait,
}

fn makes_room(worker: &PodWorker) -> bool {
    worker.failure.as_ref().is_some_and(|(reason, _)| reason == REASON)
}

impl Agent {
    /// Whether a pod is taken. Others make room for one that is critical.
    pub(super) fn admit(&mut self, uid: &str, step: &PodStep, shared: &mut Shared<'_>) -> Admission {
        let is_new = self.workers.get(uid).is_some_and(|worker| worker.stage == Stage::New);
        if *step != PodStep::Sync || !is_new {
            return Admission::Take;
        }
        let refusal = if self.is_making_room() { None } else { self.refusal(uid, shared) };
        match refusal {
            Some(refusal) => Admission::Refuse(refusal),
            None if self.is_making_room() => Admission::Wait,
            None => Admission::Take,
        }
    }

    fn is_making_room(&self) -> bool {
        self.workers.values().any(|worker| worker.stage == Stage::Stopping && makes_room(worker))
    }

    /// A pod is down, or gone: if it was to make room, those that wait are looked at again.
    pub(super) fn has_made_room(&self, gone: &PodWorker, shared: &mut Shared<'_>) {
        if !makes_room(gone) {
            return;
        }
        for waiting in self.workers.values().filter(|worker| worker.stage == Stage::New) {
            let step = PodStep::Sync;
            let what = TimerKind::Pod { uid: waiting.uid.clone(), step, background: false };
            shared.timers.push((SimDuration::ZERO, Timer { node: self.name().clone(), what }));
        }
    }

    /// Why a pod is not taken.
    fn refusal(&mut self, uid: &str, shared: &mut Shared<'_>) -> Option<Refusal> {
        let worker = self.workers.get(uid)?;
        if self.is_shutting_down() {
            return Some(shutdown::refusal());
        }
        if !shared.config.judges {
            return None;
        }
        let node = shared.api.view().get::<Node>("", self.name())?;
        let others = self.others(uid);
        let others: Vec<&Pod> = others.iter().map(|pod| &**pod).collect();
        let refusal = admission::refuse(&worker.pod, node, &others, &self.pressure.conditions())?;
        if !admission::is_critical(&worker.pod) {
            return Some(refusal);
        }
        match admission::missing(&worker.pod, node, &others) {
            Err(refusal) => Some(refusal),
            Ok(missing) => {
                let pod = worker.pod.clone();
                drop(others);
                self.preempt_for(&pod, &missing, shared).err()
            }
        }
    }

    /// Makes room for a critical pod.
    ///
    /// # Errors
    /// Why that cannot be done.
    fn preempt_for(&mut self, pod: &Pod, missing: &Missing, shared: &mut Shared<'_>) -> Result<(), Refusal> {
        let priority = |pod: &Pod| pod.spec.priority.unwrap_or(0);
        let running = self.workers.values().filter(|worker| super::eviction::is_running(worker));
        let may_go = running
            .filter(|worker| !admission::is_critical(&worker.pod) || priority(&worker.pod) < priority(pod));
        let candidates: Vec<Candidate<'_>> = may_go.map(|worker| (&worker.uid, &worker.pod)).collect();
        let victims = victims(&candidates, missing).map_err(|why| Refusal {
            reason: "UnexpectedAdmissionError".into(),
            message: format!("Unexpected error while attempting to recover from admission failure: {why}"),
        })?;
        for uid in victims {
            self.with_worker(&uid, shared, |worker, turn| {
                turn.event(reference(&worker.pod), EventType::Warning, REASON, MESSAGE.into(), None);
                worker.disruption = Some(DISRUPTION.into());
                worker.fail(REASON.into(), MESSAGE.into(), None, turn);
            });
        }
        Ok(())
    }
}

/// What is still missing when these are gone.
fn without(missing: &Missing, gone: &[Candidate<'_>]) -> Missing {
    let rest = |(name, amount): &(String, i64)| {
        let freed: i64 = gone.iter().map(|(_, pod)| admission::request(pod, name)).sum();
        (name.clone(), amount - freed)
    };
    missing.iter().map(rest).filter(|(_, amount)| *amount > 0).collect()
}

/// The pods that go (`getPodsToPreempt`): of each class only those that the classes below cannot stand in for.
fn victims(candidates: &[Candidate<'_>], missing: &Missing) -> Result<Vec<Arc<str>>, String> {
    let of = |class: &str| -> Vec<Candidate<'_>> {
        let own = candidates.iter().filter(|(_, pod)| pod.status.qos_class.as_deref() == Some(class));
        own.copied().collect()
    };
    let [modest, burstable, guaranteed] = ["BestEffort", "Burstable", "Guaranteed"].map(of);
    let both = |a: &[Candidate<'_>], b: &[Candidate<'_>]| without(&without(missing, a), b);
    let never = without(&both(&modest, &burstable), &guaranteed);
    if !never.is_empty() {
        return Err(format!("preemption: error finding a set of pods to preempt: {}", nobody(&never)));
    }
    let last = nearest(guaranteed.clone(), both(&modest, &burstable));
    let middle = nearest(burstable, both(&modest, &last));
    let first = nearest(modest, both(&middle, &last));
    Ok([first, middle, last].into_iter().flatten().map(|(uid, _)| uid.clone()).collect())
}

fn nobody(missing: &Missing) -> String {
    let parts: String =
        missing.iter().map(|(name, amount)| format!("(res: {name}, q: {amount}), ")).collect();
    format!("no set of running pods found to reclaim resources: [{parts}]")
}

/// Takes, as long as something is missing, the pod that leaves least of it missing, the smaller one of two alike
/// (`getPodsToPreemptByDistance`).
fn nearest<'a>(mut pods: Vec<Candidate<'a>>, mut missing: Missing) -> Vec<Candidate<'a>> {
    let mut taken = Vec::new();
    while !missing.is_empty() && !pods.is_empty() {
        let mut best = 0;
        for at in 1..pods.len() {
            let (new, old) = (distance(pods[at].1, &missing), distance(pods[best].1, &missing));
            if new < old || (new == old && is_smaller(pods[at].1, pods[best].1)) {
                best = at;
            }
        }
        let pod = pods.swap_remove(best);
        missing = without(&missing, &[pod]);
        taken.push(pod);
    }
    taken
}

/// How much of what is missing a pod would leave so: the squares of the shares, in millionths, summed.
fn distance(pod: &Pod, missing: &Missing) -> i128 {
    let share = |(name, amount): &(String, i64)| {
        let left =
            i128::from((amount - admission::request(pod, name)).max(0)) * 1_000_000 / i128::from(*amount);
        left * left
    };
    missing.iter().map(share).sum()
}

fn is_smaller(a: &Pod, b: &Pod) -> bool {
    let amounts = |pod: &Pod| (admission::request(pod, "memory"), admission::request(pod, "cpu"));
    amounts(a) <= amounts(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, MetaExt, Object};
    use serde_json::json;

    fn pod(name: &str, class: &str, cpu: &str, memory: &str) -> Pod {
        let value = json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
            "status": {"qosClass": class},
        });
        Object::from_value(Kind::POD, value).unwrap().as_kind::<Pod>().unwrap().clone()
    }

    #[test]
    fn as_few_pods_as_possible_make_room_and_the_guaranteed_ones_last() {
        let pods = [
            pod("none", "BestEffort", "0", "0"),
            pod("small", "Burstable", "100m", "64Mi"),
            pod("middle", "Burstable", "500m", "512Mi"),
            pod("large", "Burstable", "1", "2Gi"),
            pod("sure", "Guaranteed", "2", "2Gi"),
        ];
        let uids: Vec<Arc<str>> = pods.iter().map(|pod| pod.name().into()).collect();
        let candidates: Vec<Candidate<'_>> = uids.iter().zip(&pods).collect();
        let gone = |missing: &[(&str, i64)]| {
            let missing: Missing = missing.iter().map(|(name, amount)| (name.to_string(), *amount)).collect();
            victims(&candidates, &missing).map(|gone| gone.join(" "))
        };
        let mebi = |count: i64| count << 20;
        let cases: [(&[(&str, i64)], &str); 6] = [
            (&[("cpu", 50)], "small"),
            (&[("cpu", 400)], "middle"),
            (&[("cpu", 1_200)], "large middle"),
            (&[("cpu", 2_000)], "sure"),
            (&[("cpu", 300), ("memory", mebi(1_024))], "large"),
            (&[("pods", 1)], "none"),
        ];
        for (missing, want) in cases {
            assert_eq!(gone(missing).as_deref(), Ok(want), "{missing:?}");
        }
        let never = "preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: \
                     [(res: cpu, q: 400), ]";
        assert_eq!(gone(&[("cpu", 4_000)]), Err(never.into()));
    }
}
