//! One pod on its node, from the sandbox to the last container's end. Everything that takes time is a [`Step`] that comes
//! back when it is due.

use std::sync::Arc;

use super::agent::{NodeState, Turn};
use super::image::{ImageName, go_duration, hex_id};
use super::status::pod_status;
use super::workload::Behaviour;
use super::{Timer, TimerKind};
use crate::api::k8s::{Container, ObjectReference, Probe};
use crate::api::pod_status::is_sidecar;
use crate::api::{Key, Kind, MetaExt, Pod};
use crate::client::DeleteOptions;
use crate::client::recorder::{EventType, reference};
use crate::clock::{SimDuration, SimTime};

/// What is due for a pod. A container is meant by its place in [`PodWorker::runs`], and by how often it had been restarted
/// when the step was planned: a step of an earlier life comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Report that the pod has been seen, and make its sandbox.
    Sync,
    /// The sandbox is up.
    Sandbox,
    /// The image has come, or has been found missing.
    Pulled(u32, i32),
    /// The failed pull is over: from here on the container is backing off.
    PullBackOff(u32, i32),
    /// The container runs.
    Started(u32, i32),
    /// The container answers its readiness probe.
    Ready(u32, i32),
    /// The container ends by itself.
    Ended(u32, i32),
    /// The wait before a restart is over.
    Restart(u32, i32),
    /// The containers have ended after being asked to.
    Stopped,
    /// The pod is cleared away.
    Removed,
}

impl Step {
    /// Whether it is one that comes for ever without anything happening. None is: a probe that keeps succeeding needs no
    /// step.
    pub fn is_periodic(&self) -> bool {
        false
    }
}

/// A container's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// `Completed` or `Error`.
    pub reason: &'static str,
    /// When that life began.
    pub started: SimTime,
    /// When it ended.
    pub finished: SimTime,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It does not run yet, or not now.
    Waiting {
        /// Why, in one word.
        reason: &'static str,
        /// Why, in a sentence.
        message: String,
    },
    /// It runs.
    Running {
        /// Since when.
        since: SimTime,
    },
    /// It has ended.
    Ended(Ended),
}

/// A container of the pod.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it is an init container.
    pub init: bool,
    /// Whether it is an init container that keeps running beside the others.
    pub sidecar: bool,
    /// What it does.
    pub state: RunState,
    /// The end of its life before this one.
    pub last: Option<Ended>,
    /// How often it has been restarted.
    pub restarts: i32,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has started up.
    pub started: bool,
    /// Whether it has been begun in this life.
    begun: bool,
    /// How often its image could not be pulled.
    pull_failures: u32,
}

impl Run {
    fn new(container: &Container, init: bool) -> Run {
        Run {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            init,
            sidecar: init && is_sidecar(container),
            state: waiting("ContainerCreating"),
            last: None,
            restarts: 0,
            ready: false,
            started: false,
            begun: false,
            pull_failures: 0,
        }
    }

    /// Whether the containers after this init container may begin.
    pub fn is_past_init(&self) -> bool {
        match &self.state {
            RunState::Ended(end) => end.code == 0,
            RunState::Running { .. } => self.sidecar && self.started,
            RunState::Waiting { .. } => false,
        }
    }

    /// The runtime's name of this life of the container.
    pub fn id(&self, worker: &PodWorker) -> Option<String> {
        let lived = self.last.is_some() || !matches!(self.state, RunState::Waiting { .. });
        let life =
            if matches!(self.state, RunState::Waiting { .. }) { self.restarts - 1 } else { self.restarts };
        lived.then(|| {
            format!("containerd://{}", hex_id(&format!("{}/{}/{life}", worker.pod.uid(), self.name)))
        })
    }
}

fn waiting(reason: &'static str) -> RunState {
    RunState::Waiting { reason, message: String::new() }
}

/// A pod and how far it has come.
#[derive(Clone, Debug)]
pub struct PodWorker {
    /// The pod as last delivered.
    pub pod: Pod,
    /// Its containers, init containers first.
    pub runs: Vec<Run>,
    /// Its address, once it has a sandbox.
    pub ip: Option<String>,
    /// Whether its containers have been asked to end.
    pub stopping: bool,
    /// Whether its sandbox has been taken down.
    pub cleaned: bool,
    /// Whether its kubelet has reported it.
    seen: bool,
}

impl PodWorker {
    /// A pod that has just arrived.
    pub fn new(pod: &Pod) -> PodWorker {
        let init = pod.spec.init_containers.iter().flatten().map(|container| Run::new(container, true));
        let mut runs: Vec<Run> =
            init.chain(pod.spec.containers.iter().map(|container| Run::new(container, false))).collect();
        if runs.iter().any(|run| run.init) {
            runs.iter_mut().for_each(|run| run.state = waiting("PodInitializing"));
        }
        PodWorker { pod: pod.clone(), runs, ip: None, stopping: false, cleaned: false, seen: false }
    }

    /// Whether every init container has done its part.
    pub fn is_initialized(&self) -> bool {
        self.runs.iter().filter(|run| run.init).all(Run::is_past_init)
    }

    /// Whether no container will be restarted, whatever happens.
    pub fn never_restarts(&self) -> bool {
        self.pod.spec.restart_policy.as_deref() == Some("Never")
    }

    fn restarts_after(&self, code: i32) -> bool {
        match self.pod.spec.restart_policy.as_deref() {
            Some("Never") => false,
            Some("OnFailure") => code != 0,
            _ => true,
        }
    }

    /// Whether every container has ended for good.
    pub fn is_finished(&self) -> bool {
        let over = |run: &Run| matches!(&run.state, RunState::Ended(end) if self.stopping || !self.restarts_after(end.code));
        let init_failed = self.never_restarts()
            && self
                .runs
                .iter()
                .any(|run| run.init && matches!(&run.state, RunState::Ended(end) if end.code != 0));
        init_failed || self.runs.iter().filter(|run| !run.init).all(over)
    }

    /// Plans the first report.
    pub fn begin(&mut self, node: &mut NodeState, turn: &mut Turn<'_>) {
        if self.pod.is_deleting() {
            self.stop(node, turn);
            return;
        }
        let delay = turn.config.pod_sync.draw(turn.rng);
        self.after(delay, Step::Sync, node, turn);
    }

    /// The pod object has changed: all that matters of it here is the mark of deletion.
    pub fn changed(&mut self, pod: &Pod, node: &mut NodeState, turn: &mut Turn<'_>) {
        let sooner = pod.meta.deletion_grace_period_seconds < self.pod.meta.deletion_grace_period_seconds;
        self.pod = pod.clone();
        if pod.is_deleting() && (!self.stopping || sooner) {
            self.stop(node, turn);
        }
    }

    /// Does what is due.
    pub fn step(&mut self, step: &Step, node: &mut NodeState, turn: &mut Turn<'_>) {
        match step {
            Step::Stopped => return self.stopped(node, turn),
            Step::Removed => return self.removed(node, turn),
            _ if self.stopping => return,
            _ => {}
        }
        let stale = |run: &Run, life: i32| run.restarts != life;
        match *step {
            Step::Sync => {
                self.seen = true;
                self.report(node, turn);
                let delay = turn.config.sandbox.draw(turn.rng);
                self.after(delay, Step::Sandbox, node, turn);
            }
            Step::Sandbox => {
                self.ip = Some(node.next_pod_ip());
                self.begin_next(node, turn);
            }
            Step::Pulled(at, life)
            | Step::PullBackOff(at, life)
            | Step::Started(at, life)
            | Step::Ready(at, life)
                if stale(&self.runs[at as usize], life) => {}
            Step::Ended(at, life) | Step::Restart(at, life) if stale(&self.runs[at as usize], life) => {}
            Step::Pulled(at, _) => self.pulled(at, node, turn),
            Step::PullBackOff(at, _) => self.pull_back_off(at, node, turn),
            Step::Started(at, _) => self.started(at, node, turn),
            Step::Ready(at, _) => {
                self.runs[at as usize].ready = true;
                self.report(node, turn);
            }
            Step::Ended(at, _) => self.ended(at, node, turn),
            Step::Restart(at, _) => self.restart(at, node, turn),
            Step::Stopped | Step::Removed => {}
        }
    }

    /// Begins the next container whose turn has come: init containers one after another, then all others.
    fn begin_next(&mut self, node: &mut NodeState, turn: &mut Turn<'_>) {
        let blocking = self.runs.iter().position(|run| run.init && !run.is_past_init());
        let next = match blocking {
            Some(at) => Some(at).filter(|at| !self.runs[*at].begun),
            None => self.runs.iter().position(|run| !run.init && !run.begun),
        };
        if let Some(at) = next {
            self.begin_container(at as u32, node, turn);
        } else {
            self.report(node, turn);
        }
    }

    fn begin_container(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        self.runs[at as usize].begun = true;
        let life = self.runs[at as usize].restarts;
        let image = ImageName::parse(&self.runs[at as usize].image);
        let Some(pulling) = turn.config.pulling else {
            if image.is_missing() {
                return self.pulled(at, node, turn);
            }
            return self.start(at, node, turn);
        };
        let policy = self.container(at).image_pull_policy.clone().unwrap_or_default();
        let shown = self.runs[at as usize].image.clone();
        if policy != "Always" && node.images.has(&image) {
            let message = format!(
                "Container image {shown:?} already present on machine and can be accessed by the pod"
            );
            self.event(at, EventType::Normal, "Pulled", message, node, turn);
            return self.start(at, node, turn);
        }
        self.event(at, EventType::Normal, "Pulling", format!("Pulling image {shown:?}"), node, turn);
        let pull = node.images.pull(&image, &pulling, turn.now(), turn.rng);
        if !image.is_missing() {
            let (took, waited) =
                (go_duration(pull.ends.since(pull.begins)), go_duration(pull.ends.since(turn.now())));
            let size = image.size_bytes();
            let message = format!(
                "Successfully pulled image {shown:?} in {took} ({waited} including waiting). Image size: {size} bytes."
            );
            // Said when the pull ends; the words are known now.
            self.runs[at as usize].state = match &self.runs[at as usize].state {
                RunState::Waiting { reason, .. } => RunState::Waiting { reason, message },
                other => other.clone(),
            };
        }
        self.after(pull.ends.since(turn.now()), Step::Pulled(at, life), node, turn);
    }

    fn pulled(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        let shown = self.runs[at as usize].image.clone();
        let image = ImageName::parse(&shown);
        if !image.is_missing() {
            if let RunState::Waiting { message, .. } = &mut self.runs[at as usize].state {
                let message = std::mem::take(message);
                self.event(at, EventType::Normal, "Pulled", message, node, turn);
            }
            return self.start(at, node, turn);
        }
        let full = image.full();
        let why = format!(
            "failed to pull and unpack image {full:?}: failed to resolve reference {full:?}: {full}: not found"
        );
        let life = self.runs[at as usize].restarts;
        self.event(
            at,
            EventType::Warning,
            "Failed",
            format!("Failed to pull image {shown:?}: {why}"),
            node,
            turn,
        );
        self.event(at, EventType::Warning, "Failed", "Error: ErrImagePull".into(), node, turn);
        self.runs[at as usize].pull_failures += 1;
        self.runs[at as usize].state = RunState::Waiting { reason: "ErrImagePull", message: why };
        self.report(node, turn);
        self.after(SimDuration::from_secs(1), Step::PullBackOff(at, life), node, turn);
    }

    fn pull_back_off(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        let run = &self.runs[at as usize];
        let (shown, life, failures) = (run.image.clone(), run.restarts, run.pull_failures);
        if let RunState::Waiting { reason: "ImagePullBackOff", .. } = run.state {
            return self.begin_container(at, node, turn);
        }
        let message = format!("Back-off pulling image {shown:?}");
        self.event(at, EventType::Normal, "BackOff", message.clone(), node, turn);
        self.event(at, EventType::Warning, "Failed", "Error: ImagePullBackOff".into(), node, turn);
        self.runs[at as usize].state = RunState::Waiting { reason: "ImagePullBackOff", message };
        self.report(node, turn);
        if let Some(retry) = turn.config.pulling.and_then(|pulling| pulling.retry) {
            self.after(retry.wait(failures), Step::PullBackOff(at, life), node, turn);
        }
    }

    /// Plans the moment at which the container runs.
    fn start(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        let behaviour = self.behaviour(at, turn);
        let mut delay = behaviour.start.unwrap_or_else(|| turn.config.start.draw(turn.rng));
        if let (Some(gap), false) = (turn.config.ready_gap, self.runs[at as usize].init) {
            let now = turn.now();
            let slot = turn.slots.entry(self.pod.namespace().to_string()).or_default();
            let when = (now + delay).max(*slot);
            *slot = when + gap;
            delay = when.since(now);
        }
        let life = self.runs[at as usize].restarts;
        self.after(delay, Step::Started(at, life), node, turn);
    }

    fn started(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        let behaviour = self.behaviour(at, turn);
        let name = self.runs[at as usize].name.clone();
        self.event(at, EventType::Normal, "Created", format!("Container created: {name}"), node, turn);
        self.event(at, EventType::Normal, "Started", format!("Container started: {name}"), node, turn);
        let since = turn.now();
        let run = &mut self.runs[at as usize];
        run.state = RunState::Running { since };
        run.started = true;
        let (life, waits_for_end) = (run.restarts, run.init && !run.sidecar);
        if let Some((after, _)) = behaviour.end {
            self.after(after, Step::Ended(at, life), node, turn);
        }
        if !waits_for_end {
            match ready_after(self.container(at).readiness_probe.as_ref(), &behaviour) {
                Some(SimDuration::ZERO) => self.runs[at as usize].ready = true,
                Some(after) => self.after(after, Step::Ready(at, life), node, turn),
                None => {}
            }
        }
        self.begin_next(node, turn);
    }

    fn ended(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        let code = self.behaviour(at, turn).end.map_or(0, |(_, code)| code);
        self.end_run(at, code, turn.now());
        let run = &self.runs[at as usize];
        let again = if run.init && !run.sidecar {
            code != 0 && !self.never_restarts()
        } else {
            run.sidecar || self.restarts_after(code)
        };
        if !again {
            return self.begin_next(node, turn);
        }
        let life = run.restarts;
        self.report(node, turn);
        let failures = u32::try_from(life).unwrap_or(0);
        let wait = match turn.config.crash_back_off {
            Some(back_off) if failures > 0 => {
                let wait = back_off.wait(failures);
                self.crash_loop(at, wait, node, turn);
                wait
            }
            _ => turn.config.restart.draw(turn.rng),
        };
        self.after(wait, Step::Restart(at, life), node, turn);
    }

    /// The second and every further crash is sat out.
    fn crash_loop(&mut self, at: u32, wait: SimDuration, node: &mut NodeState, turn: &mut Turn<'_>) {
        let pod = format!("{}_{}({})", self.pod.name(), self.pod.namespace(), self.pod.uid());
        let run = &mut self.runs[at as usize];
        let name = run.name.clone();
        let said = format!("back-off {} restarting failed container={name} pod={pod}", go_duration(wait));
        if let RunState::Ended(end) = &run.state {
            run.last = Some(end.clone());
        }
        run.state = RunState::Waiting { reason: "CrashLoopBackOff", message: said };
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        self.event(at, EventType::Warning, "BackOff", message, node, turn);
        self.report(node, turn);
    }

    fn restart(&mut self, at: u32, node: &mut NodeState, turn: &mut Turn<'_>) {
        let run = &mut self.runs[at as usize];
        if let RunState::Ended(end) = &run.state {
            run.last = Some(end.clone());
            run.state = waiting(if run.init { "PodInitializing" } else { "ContainerCreating" });
        }
        run.restarts += 1;
        run.begun = false;
        self.begin_container(at, node, turn);
    }

    fn end_run(&mut self, at: u32, code: i32, now: SimTime) {
        let run = &mut self.runs[at as usize];
        let started = match run.state {
            RunState::Running { since } => since,
            _ => now,
        };
        let reason = if code == 0 { "Completed" } else { "Error" };
        run.state = RunState::Ended(Ended { code, reason, started, finished: now });
        run.ready = false;
        run.started = false;
    }

    /// Asks the containers to end: preStop first, then the signal; whoever takes longer than the grace period is killed.
    fn stop(&mut self, node: &mut NodeState, turn: &mut Turn<'_>) {
        let grace = self.pod.meta.deletion_grace_period_seconds.unwrap_or(30).max(0) as u64;
        let running: Vec<u32> = (0..self.runs.len() as u32)
            .filter(|at| matches!(self.runs[*at as usize].state, RunState::Running { .. }))
            .collect();
        let mut longest = SimDuration::ZERO;
        for at in &running {
            let behaviour = self.behaviour(*at, turn);
            let hook = pre_stop(self.container(*at));
            longest = longest.max(hook + behaviour.stop.unwrap_or_else(|| turn.config.stop.draw(turn.rng)));
            if !self.stopping {
                let message = format!("Stopping container {}", self.runs[*at as usize].name);
                self.event(*at, EventType::Normal, "Killing", message, node, turn);
            }
        }
        self.stopping = true;
        let wait = longest.min(SimDuration::from_secs(grace));
        self.after(wait, Step::Stopped, node, turn);
    }

    fn stopped(&mut self, node: &mut NodeState, turn: &mut Turn<'_>) {
        if self.cleaned {
            return;
        }
        self.cleaned = true;
        let now = turn.now();
        let deadline = self.pod.meta.deletion_timestamp.as_ref().map(SimTime::from_time);
        for at in 0..self.runs.len() as u32 {
            match self.runs[at as usize].state {
                RunState::Running { since } => {
                    let hook = pre_stop(self.container(at));
                    let wanted = hook + self.behaviour(at, turn).stop.unwrap_or(turn.config.stop.base);
                    let grace = self.pod.meta.deletion_grace_period_seconds.unwrap_or(30).max(0) as u64;
                    let killed = wanted > SimDuration::from_secs(grace) && deadline.is_some();
                    debug_assert!(since <= now);
                    self.end_run(at, if killed { 137 } else { 0 }, now);
                }
                RunState::Waiting { .. } if !self.runs[at as usize].init => {
                    self.end_run(at, turn.config.reporting.unstarted_exit_code, now);
                }
                _ => {}
            }
        }
        self.report(node, turn);
        let delay = turn.config.cleanup.draw(turn.rng);
        self.after(delay, Step::Removed, node, turn);
    }

    fn removed(&mut self, node: &mut NodeState, turn: &mut Turn<'_>) {
        let key = Key::new(Kind::POD, self.pod.namespace(), self.pod.name());
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            uid: Some(self.pod.uid().to_string()),
            ..Default::default()
        };
        // Somebody else may have removed it by force meanwhile.
        let _ = turn.client(&node.name).delete(&key, &options, None);
    }

    /// Writes the pod's status if it has changed.
    fn report(&mut self, node: &mut NodeState, turn: &mut Turn<'_>) {
        if !self.seen && !self.stopping {
            return;
        }
        let key = Key::new(Kind::POD, self.pod.namespace(), self.pod.name());
        let (now, host) = (turn.now(), node.host_ip());
        let mut client = turn.client(&node.name);
        let Some(stored) = client.get(&key).ok().and_then(|object| object.as_kind::<Pod>().cloned()) else {
            return;
        };
        if stored.uid() != self.pod.uid() {
            return;
        }
        let mut updated = stored.clone();
        updated.status = Arc::new(pod_status(self, &stored, &host, now));
        // The pod was read at this very moment.
        let _ = client.update_status(updated, None);
    }

    fn behaviour(&self, at: u32, turn: &Turn<'_>) -> Behaviour {
        Behaviour::of(&self.pod, self.container(at), turn.config)
    }

    fn container(&self, at: u32) -> &Container {
        let init = self.pod.spec.init_containers.as_deref().unwrap_or_default();
        let at = at as usize;
        if at < init.len() { &init[at] } else { &self.pod.spec.containers[at - init.len()] }
    }

    fn after(&self, delay: SimDuration, step: Step, node: &NodeState, turn: &mut Turn<'_>) {
        let what = TimerKind::Pod { uid: self.pod.uid().into(), step };
        turn.timers.push((delay, Timer { node: node.name.clone(), what }));
    }

    fn event(
        &self,
        at: u32,
        type_: EventType,
        reason: &str,
        message: String,
        node: &NodeState,
        turn: &mut Turn<'_>,
    ) {
        if !turn.config.reporting.events {
            return;
        }
        let run = &self.runs[at as usize];
        let list = if run.init { "initContainers" } else { "containers" };
        let about = ObjectReference {
            field_path: Some(format!("spec.{list}{{{}}}", run.name)),
            ..reference(&self.pod)
        };
        turn.client(&node.name).event(about, type_, reason, message);
    }
}

/// When a container that has just started counts as ready: at the first probe (or the `successThreshold`th in a row) after it
/// answers. Without a probe, as soon as it is said to be ready. `None`: never.
///
/// With `initialDelaySeconds: 5, periodSeconds: 10`, a container that answers from 7 s on is ready at 15 s.
fn ready_after(probe: Option<&Probe>, behaviour: &Behaviour) -> Option<SimDuration> {
    let answers = behaviour.ready?;
    let Some(probe) = probe else { return Some(answers) };
    let seconds = |field: Option<i32>, default: i32| u64::try_from(field.unwrap_or(default)).unwrap_or(0);
    let first = SimDuration::from_secs(seconds(probe.initial_delay_seconds, 0));
    let period = SimDuration::from_secs(seconds(probe.period_seconds, 10).max(1));
    let missed = (answers - first).0.div_ceil(period.0);
    let again = seconds(probe.success_threshold, 1).saturating_sub(1);
    let ready = first + SimDuration((missed + again) * period.0);
    // A probe is never answered at the very moment of the start.
    Some(ready.max(SimDuration::from_millis(100)))
}

/// How long the preStop hook takes: its `sleep`, or the `sleep`s of its command.
fn pre_stop(container: &Container) -> SimDuration {
    let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    let Some(hook) = hook else { return SimDuration::ZERO };
    if let Some(sleep) = &hook.sleep {
        return SimDuration::from_secs(sleep.seconds.max(0) as u64);
    }
    let command = hook.exec.as_ref().and_then(|exec| exec.command.clone());
    super::workload::command_time(command.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_ready_at_the_first_probe_it_answers() {
        let probe = |initial, period, success| Probe {
            initial_delay_seconds: Some(initial),
            period_seconds: Some(period),
            success_threshold: Some(success),
            ..Default::default()
        };
        let cases = [
            (probe(5, 10, 1), 7, 15_000),
            (probe(5, 10, 1), 0, 5_000),
            (probe(0, 10, 1), 0, 100),
            (probe(1, 2, 3), 1, 5_000),
        ];
        for (probe, answers, want) in cases {
            let behaviour = Behaviour { ready: Some(SimDuration::from_secs(answers)), ..Default::default() };
            assert_eq!(
                ready_after(Some(&probe), &behaviour).map(SimDuration::as_millis),
                Some(want),
                "{probe:?} {answers}"
            );
        }
        let never = Behaviour { ready: None, ..Default::default() };
        assert_eq!(ready_after(None, &never), None);
    }
}
