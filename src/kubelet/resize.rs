//! Other resources for the containers of a running pod. Models `pkg/kubelet/allocation` and `doPodResizeAction`: the node
//! allocates what it can, carries it out in place, or by starting a container again where its `resizePolicy` says so, and
//! says in conditions how far it has come.

use std::sync::Arc;

use super::admission::{self, Refusal};
use super::agent::{Agent, Shared, Turn};
use super::pod_worker::{PodStep, PodWorker, Stage};
use crate::api::k8s::{Container, PodCondition, PodSpec, PodStatus, Quantity, ResourceRequirements};
use crate::api::{MetaExt, Node, Pod, condition, typed};
use crate::client::recorder::{EventType, reference};
use crate::clock::{SimDuration, SimTime};

/// From a decision to the status that says that it has been carried out.
const ACTUATION: SimDuration = SimDuration::from_millis(1_500);

/// How far a change of a pod's resources has come.
#[derive(Clone, Debug)]
pub struct Resize {
    /// What the pod has: its spec as it was.
    pub had: Arc<PodSpec>,
    /// Why it cannot have what it wants: reason and message. `None`: it is being carried out.
    pending: Option<(&'static str, String)>,
}

impl Resize {
    /// Whether the node has not granted it.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }
}

/// Whether two specs differ in what their containers may use.
fn differ(a: &PodSpec, b: &PodSpec) -> bool {
    let containers = |spec: &PodSpec| -> Vec<Option<ResourceRequirements>> {
        let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        all.map(|container| container.resources.clone()).collect()
    };
    a.resources != b.resources || containers(a) != containers(b)
}

impl Agent {
    /// Sees to a pod whose containers want other resources than they have, and to those that have waited for room.
    pub(super) fn see_to_resizes(&mut self, changed: Option<&Arc<str>>, shared: &mut Shared<'_>) {
        if !shared.config.judges {
            return;
        }
        let waits = |worker: &PodWorker| worker.resize.as_ref().is_some_and(Resize::is_pending);
        let uids: Vec<Arc<str>> = match changed {
            Some(uid) => vec![uid.clone()],
            None if self.workers.values().any(|worker| waits(worker)) => {
                self.workers.keys().cloned().collect()
            }
            None => return,
        };
        for uid in uids {
            if !self.workers.get(&uid).is_some_and(|worker| waits(worker)) {
                continue;
            }
            let verdict = self.judge_resize(&uid, shared);
            self.with_worker(&uid, shared, |worker, turn| match verdict {
                Some(why) => worker.hold_resize(why, turn),
                None => worker.carry_out_resize(turn),
            });
        }
    }

    /// Why a pod cannot have what it wants now: reason and message.
    fn judge_resize(&self, uid: &str, shared: &Shared<'_>) -> Option<(&'static str, String)> {
        let worker = self.workers.get(uid)?;
        let node = shared.api.view().get::<Node>("", self.name())?;
        let others = self.others(uid);
        let others: Vec<&Pod> = others.iter().map(|pod| &**pod).collect();
        let lacking = |others: &[&Pod]| admission::lacking(&worker.pod, node, others);
        if let Some(never) = lacking(&[]) {
            let message = never.message.replace("enough resource:", "enough capacity:");
            return Some(("Infeasible", message.replace(", used: 0", "")));
        }
        lacking(&others).map(|Refusal { message, .. }| ("Deferred", message))
    }

    /// The other pods that the node has taken, with the resources that it has granted them.
    pub(super) fn others(&self, uid: &str) -> Vec<std::borrow::Cow<'_, Pod>> {
        let there = self
            .workers
            .values()
            .filter(|other| (Stage::Volumes..Stage::Finished).contains(&other.stage) && *other.uid != *uid);
        there
            .map(|other| match other.resize.as_ref().filter(|resize| resize.is_pending()) {
                Some(resize) => {
                    std::borrow::Cow::Owned(Pod { spec: resize.had.clone(), ..other.pod.clone() })
                }
                None => std::borrow::Cow::Borrowed(&other.pod),
            })
            .collect()
    }
}

impl PodWorker {
    /// The pod object is another: takes note of resources that are wanted. `before`: its spec until now.
    pub(super) fn note_resize(&mut self, before: &Arc<PodSpec>) {
        if !(Stage::Volumes..=Stage::Up).contains(&self.stage) || Arc::ptr_eq(before, &self.pod.spec) {
            return;
        }
        let had = self.resize.take().map_or_else(|| before.clone(), |resize| resize.had);
        if differ(&had, &self.pod.spec) {
            // Until the node has looked, which it does at once.
            self.resize = Some(Resize { had, pending: Some(("Deferred", String::new())) });
        }
        self.dirty = true;
    }

    fn hold_resize(&mut self, why: (&'static str, String), turn: &mut Turn<'_>) {
        let Some(resize) = &mut self.resize else { return };
        if resize.pending.as_ref() == Some(&why) {
            return;
        }
        let (reason, message) = why.clone();
        resize.pending = Some(why);
        self.dirty = true;
        let event = format!("Resize{reason}");
        let text = format!("Pod resize {reason}: {}", self.described(Some(&message)));
        turn.event(reference(&self.pod), EventType::Warning, &event, text, None);
    }

    fn carry_out_resize(&mut self, turn: &mut Turn<'_>) {
        let Some(resize) = &mut self.resize else { return };
        resize.pending = None;
        let had = resize.had.clone();
        self.dirty = true;
        let text = format!("Pod resize started: {}", self.described(None));
        turn.event(reference(&self.pod), EventType::Normal, "ResizeStarted", text, None);
        let before = |name: &str| {
            let mut all = had.containers.iter().chain(had.init_containers.iter().flatten());
            all.find(|container| container.name == name)
        };
        for at in 0..self.main().end {
            let restarts =
                before(&self.container(at).name).is_some_and(|old| wants_restart(old, self.container(at)));
            if restarts && self.runs[at].is_running() {
                self.runs[at].restarts_anyway = true;
                let message = format!("Container {} resize requires restart", self.container(at).name);
                let grace = self.pod.spec.termination_grace_period_seconds.unwrap_or(30);
                let grace = SimDuration::from_secs(u64::try_from(grace).unwrap_or(0));
                self.kill(at, grace, message, turn);
            }
        }
        turn.after(ACTUATION, &self.uid, PodStep::Resized, false);
    }

    /// What the containers want has been carried out, unless one of them is not up again yet.
    pub(super) fn resized(&mut self, turn: &mut Turn<'_>) {
        if self.resize.as_ref().is_none_or(Resize::is_pending) {
            return;
        }
        if self.runs.iter().any(|run| run.restarts_anyway) {
            return turn.after(ACTUATION, &self.uid, PodStep::Resized, false);
        }
        self.resize = None;
        self.dirty = true;
        let text = format!("Pod resize completed: {}", self.described(None));
        turn.event(reference(&self.pod), EventType::Normal, "ResizeCompleted", text, None);
        self.check_memory(turn);
    }

    /// The wanted resources as the kubelet's events show them.
    fn described(&self, error: Option<&str>) -> String {
        let containers: Vec<serde_json::Value> = self
            .pod
            .spec
            .containers
            .iter()
            .map(|container| {
                serde_json::json!({
                    "name": container.name,
                    "resources": container.resources.as_ref().map(typed::write).unwrap_or_default(),
                })
            })
            .collect();
        let mut text = serde_json::json!({"containers": containers, "generation": self.pod.generation()});
        if let Some(error) = error {
            text["error"] = error.into();
        }
        text.to_string()
    }

    /// The resources that the node has granted a container, and those that it runs with.
    pub(super) fn granted<'a>(&'a self, container: &'a Container) -> [Option<&'a ResourceRequirements>; 2] {
        let had = self.resize.as_ref().map(|resize| &resize.had);
        let old = had.and_then(|spec| {
            let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
            all.find(|old| old.name == container.name)
        });
        let (new, old) = (container.resources.as_ref(), old.map(|old| old.resources.as_ref()));
        let pending = self.resize.as_ref().is_some_and(Resize::is_pending);
        [if pending { old.unwrap_or(new) } else { new }, old.unwrap_or(new)]
    }

    /// Says in the pod's conditions how far its resize has come.
    pub(super) fn set_resize_conditions(&self, status: &mut PodStatus, now: SimTime) {
        let pending = self.resize.as_ref().and_then(|resize| resize.pending.as_ref());
        let under_way = self.resize.as_ref().is_some_and(|resize| !resize.is_pending());
        if let Some(conditions) = &mut status.conditions {
            conditions.retain(|one| match one.type_.as_str() {
                "PodResizePending" => pending.is_some(),
                "PodResizeInProgress" => under_way,
                _ => true,
            });
        }
        let (type_, reason, message) = match pending {
            Some((reason, message)) => ("PodResizePending", Some((*reason).into()), Some(message.clone())),
            None if under_way => ("PodResizeInProgress", None, None),
            None => return,
        };
        let found = PodCondition {
            type_: type_.into(),
            status: "True".into(),
            reason,
            message,
            last_probe_time: None,
            last_transition_time: Some(now.to_time()),
            observed_generation: Some(self.pod.generation()),
        };
        condition::set(&mut status.conditions, found);
    }
}

/// Whether a container has to be started again to get what it wants.
fn wants_restart(old: &Container, new: &Container) -> bool {
    let amount = |container: &Container, name: &str| -> [Option<Quantity>; 2] {
        let resources = container.resources.clone().unwrap_or_default();
        let get = |list: Option<std::collections::BTreeMap<String, Quantity>>| list?.get(name).cloned();
        [get(resources.requests), get(resources.limits)]
    };
    new.resize_policy.iter().flatten().any(|policy| {
        let name = &policy.resource_name;
        policy.restart_policy == "RestartContainer" && amount(old, name) != amount(new, name)
    })
}
