//! One pod on its node, from the moment it is bound to its removal. Models `pod_workers.go` and the decisions of
//! `kuberuntime_manager.go computePodActions`: what is to be started next, and when all is over.

use std::sync::Arc;

use super::admission::Refusal;
use super::agent::Turn;
use super::image_volumes::ImageStep;
use super::lifecycle::{ContainerRun, ContainerState, Progress};
use super::pressure;
use super::probe::ProbeKind;
use super::resize::Resize;
use super::restart_all::Anew;
use super::status;
use super::usage::Amounts;
use super::volumes::Volume;
use super::workload::EXIT_SIGKILL;
use crate::api::explain::{EvictionStep, Explain};
use crate::api::k8s::{Container, ContainerRestartRule, ObjectReference};
use crate::api::meta::Revision;
use crate::api::pod_status::is_sidecar;
use crate::api::{Key, Kind, MetaExt, Pod, typed};
use crate::client::DeleteOptions;
use crate::client::recorder::{EventType, reference};
use crate::clock::{SimDuration, SimTime};

/// `syncFrequency`: so often the kubelet looks at every pod.
const SYNC_FREQUENCY: SimDuration = SimDuration::from_secs(60);

/// The action of the first of a container's restart rules that speaks of an exit code.
pub(super) fn rule(container: &Container, exit_code: i32) -> Option<&str> {
    let speaks = |rule: &&ContainerRestartRule| {
        rule.exit_codes.as_ref().is_some_and(|codes| {
            let named = codes.values.iter().flatten().any(|code| *code == exit_code);
            named == (codes.operator == "In")
        })
    };
    let found = container.restart_policy_rules.iter().flatten().find(speaks);
    found.map(|rule| rule.action.as_str())
}

/// What is due for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodStep {
    /// Look at the pod for the first time.
    Sync,
    /// Try again to mount its volumes.
    Mount,
    /// Its volumes have not been attached for long.
    Unattached,
    /// What its volumes are made of has changed.
    Refresh,
    /// The sandbox is up: the pod has an address.
    Sandbox,
    /// Something about an image that is a volume.
    Image(ImageStep),
    /// All its containers begin anew.
    Anew,
    /// `activeDeadlineSeconds` is over.
    Deadline,
    /// A volume of it has grown.
    Grow,
    /// Its containers have the resources that they were to get.
    Resized,
    /// Everything of the pod has been cleared away.
    Remove,
    /// Something about one container.
    Container {
        /// Its place among all containers, init containers first.
        at: usize,
        /// The step that the container had taken when this was planned: if it has taken another since, nothing happens.
        epoch: u32,
        /// What is due.
        what: ContainerStep,
    },
}

/// What is due for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerStep {
    /// Its image has come, or has been found missing.
    Pulled,
    /// After a failed pull: the back-off shows.
    PullBackOff,
    /// The back-off after a failed pull is over.
    PullAgain,
    /// It runs.
    Started,
    /// Its postStart hook is done.
    Hooked,
    /// It serves, where no probe finds out.
    Serving,
    /// Its script goes on after a pause.
    Resume,
    /// Its script gets SIGTERM.
    Signal,
    /// It ends by itself.
    Ends,
    /// A probe is due.
    Probe(ProbeKind),
    /// It has ended after being asked to.
    Stopped,
    /// It has ended a moment ago: restart it, or let it back off.
    Restart,
    /// Its back-off is over.
    BackOffOver,
}

/// How far a pod has come on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not yet looked at.
    New,
    /// Its volumes cannot be mounted yet.
    Volumes,
    /// Its sandbox is being made.
    Sandbox,
    /// The images that it mounts are pulled.
    Images,
    /// Its containers are started and kept going.
    Up,
    /// Its containers are being stopped.
    Stopping,
    /// Nothing of it runs, and nothing will.
    Finished,
}

/// A pod and how far it has come.
#[derive(Clone, Debug)]
pub struct PodWorker {
    /// The pod as last delivered.
    pub pod: Pod,
    /// Its containers, init containers first, ephemeral ones last.
    pub runs: Vec<ContainerRun>,
    /// Its ephemeral containers, as containers: they have the same fields and one more.
    ephemeral: Arc<[Container]>,
    /// How far it has come.
    pub stage: Stage,
    /// When the kubelet first looked at it (`status.startTime`).
    pub accepted: Option<SimTime>,
    /// Its address, once it has a sandbox.
    pub address: Option<String>,
    /// Why the kubelet has made it fail: reason and message.
    pub failure: Option<(String, String)>,
    /// The reckoning by which it was evicted, until its failure is written.
    pub reckoning: Option<Box<EvictionStep>>,
    /// Why the kubelet counts it as disrupted, once it has failed.
    pub disruption: Option<String>,
    /// How far a change of what its containers may use has come.
    pub resize: Option<Resize>,
    /// What it was last seen to use.
    pub used: Amounts,
    /// Whether it has failed before anything of it was begun.
    pub rejected: bool,
    /// Its volumes, in the order of its manifest, once they are mounted.
    pub volumes: Vec<Volume>,
    pub(super) mount_failures: u32,
    pub(super) image_failures: u32,
    /// Until when its containers may take to stop.
    pub(super) stop_by: Option<SimTime>,
    pub uid: Arc<str>,
    pub(super) cause: Option<Revision>,
    pub(super) dirty: bool,
    /// Whether the API server could not be reached when the pod was to be removed.
    remove_missed: bool,
    /// Whether all its containers begin anew.
    pub(super) anew: Anew,
    /// Whether files of its containers have been changed, and nobody has seen to that.
    pub(super) files_changed: bool,
}

impl PodWorker {
    /// A pod that has just arrived.
    pub fn new(pod: &Pod) -> PodWorker {
        let count = pod.spec.init_containers.as_ref().map_or(0, Vec::len) + pod.spec.containers.len();
        PodWorker {
            pod: pod.clone(),
            runs: vec![ContainerRun::default(); count],
            ephemeral: Arc::default(),
            stage: Stage::New,
            accepted: None,
            address: None,
            failure: None,
            reckoning: None,
            disruption: None,
            resize: None,
            used: Amounts::default(),
            rejected: false,
            volumes: Vec::new(),
            mount_failures: 0,
            image_failures: 0,
            stop_by: None,
            uid: pod.uid().into(),
            cause: None,
            dirty: false,
            remove_missed: false,
            anew: Anew::default(),
            files_changed: false,
        }
    }

    /// Init containers and the others.
    pub fn split(&self) -> (&[ContainerRun], &[ContainerRun]) {
        self.runs[..self.main().end].split_at(self.init_count())
    }

    fn init_count(&self) -> usize {
        self.pod.spec.init_containers.as_ref().map_or(0, Vec::len)
    }

    /// Where a container stands among all.
    pub(super) fn place_of(&self, container: &str) -> Option<usize> {
        (0..self.runs.len()).find(|at| self.container(*at).name == container)
    }

    /// The manifest of a container.
    pub(super) fn container(&self, at: usize) -> &Container {
        let init = self.pod.spec.init_containers.as_deref().unwrap_or_default();
        let main = &self.pod.spec.containers;
        match at.checked_sub(init.len()) {
            None => &init[at],
            Some(at) => main.get(at).unwrap_or_else(|| &self.ephemeral[at - main.len()]),
        }
    }

    /// Takes notice of the ephemeral containers that the pod has got since it was last delivered. Says whether it has.
    fn take_ephemeral(&mut self) -> bool {
        let wanted = self.pod.spec.ephemeral_containers.as_deref().unwrap_or_default();
        let more = wanted.len() > self.ephemeral.len();
        if more {
            let as_container = |wanted: &_| typed::read(&typed::write(wanted)).unwrap_or_default();
            self.ephemeral = wanted.iter().map(as_container).collect();
            self.runs.resize_with(self.main().end + wanted.len(), ContainerRun::default);
        }
        more
    }

    /// The ephemeral containers and how far each has come.
    pub fn ephemeral(&self) -> (&[Container], &[ContainerRun]) {
        (&self.ephemeral, &self.runs[self.main().end..])
    }

    pub(super) fn is_ephemeral(&self, at: usize) -> bool {
        at >= self.main().end
    }

    pub(super) fn is_init(&self, at: usize) -> bool {
        at < self.init_count() && !is_sidecar(self.container(at))
    }

    pub(super) fn is_sidecar(&self, at: usize) -> bool {
        at < self.init_count() && is_sidecar(self.container(at))
    }

    /// The containers that the pod is there for.
    pub(super) fn main(&self) -> std::ops::Range<usize> {
        let init = self.init_count();
        init..init + self.pod.spec.containers.len()
    }

    /// The pod object is new or has changed. Once it runs, all that matters of it is the mark of deletion.
    pub fn changed(&mut self, pod: &Pod, cause: Option<Revision>, turn: &mut Turn<'_>) {
        let grace = pod.meta.deletion_grace_period_seconds;
        let sooner = pod.is_deleting()
            && (!self.pod.is_deleting() || grace < self.pod.meta.deletion_grace_period_seconds);
        let first = self.cause.is_none() && self.stage == Stage::New;
        let uses = pressure::concerns_usage(&self.pod, pod);
        let before = std::mem::replace(&mut self.pod, pod.clone());
        self.note_resize(&before.spec);
        self.cause = cause.or(self.cause);
        if uses {
            self.check_memory(turn);
        }
        let more = self.take_ephemeral();
        if pod.is_deleting() && (sooner || first) {
            self.terminate(turn);
        } else if self.remove_missed {
            self.remove(turn);
        } else if first {
            self.cause = self.cause.or(Some(pod.revision));
            let delay = turn.config.pod_sync.draw(turn.rng);
            turn.after(delay, &self.uid, PodStep::Sync, false);
        } else if more {
            self.start_next(turn);
        }
    }

    /// Does what is due.
    pub fn step(&mut self, step: &PodStep, turn: &mut Turn<'_>) {
        match *step {
            PodStep::Sync if self.stage == Stage::New => self.accept(turn),
            PodStep::Mount if self.stage == Stage::Volumes => self.mount_volumes(turn),
            PodStep::Unattached if self.stage == Stage::Volumes => self.still_unattached(turn),
            PodStep::Refresh if self.stage < Stage::Finished => {
                if let Err(failures) = self.refresh(turn) {
                    self.mount_failed(&failures, turn);
                }
            }
            PodStep::Anew if self.stage == Stage::Up && self.anew == Anew::Down => self.begin_anew(turn),
            PodStep::Sandbox if self.stage == Stage::Sandbox => self.sandbox_up(turn),
            PodStep::Image(step) if self.stage == Stage::Images => self.image_step(step, turn),
            PodStep::Deadline if self.stage < Stage::Stopping => {
                let message = "Pod was active on the node longer than the specified deadline".to_string();
                let (about, reason) = (reference(&self.pod), "DeadlineExceeded");
                turn.event(about, EventType::Normal, reason, message.clone(), self.cause);
                self.fail(reason.into(), message, None, turn);
            }
            PodStep::Grow => self.grow(turn),
            PodStep::Resized => self.resized(turn),
            PodStep::Remove if self.stage == Stage::Finished => self.remove(turn),
            PodStep::Container { at, epoch, what }
                if self.runs.get(at).is_some_and(|run| run.epoch == epoch) =>
            {
                self.container_step(at, what, turn);
            }
            _ => {}
        }
    }

    fn container_step(&mut self, at: usize, what: ContainerStep, turn: &mut Turn<'_>) {
        match what {
            ContainerStep::Pulled => self.pulled(at, turn),
            ContainerStep::PullBackOff => self.pull_backs_off(at, turn),
            ContainerStep::PullAgain | ContainerStep::BackOffOver => {
                self.runs[at].step(Progress::Idle);
                self.start_next(turn);
            }
            ContainerStep::Started => self.started(at, turn),
            ContainerStep::Hooked => self.hooked(at, turn),
            ContainerStep::Serving => self.settle_ready(at, turn),
            ContainerStep::Resume => self.resume(at, turn),
            ContainerStep::Signal => self.signalled(at, turn),
            ContainerStep::Ends => {
                if let Some(wait) = self.wait_to_end(at, turn) {
                    return self.after(wait, at, ContainerStep::Ends, false, turn);
                }
                let end = self.runs[at].behaviour.ends;
                let (code, reason) = end.map_or((0, None), |end| (end.exit_code, end.reason));
                self.exited(at, code, reason, turn);
            }
            ContainerStep::Probe(kind) => self.probe(at, kind, turn),
            ContainerStep::Stopped => self.stopped(at, turn),
            ContainerStep::Restart => self.restart(at, turn),
        }
    }

    /// Has a step of a container come back after a delay, if it takes no other step until then.
    pub(super) fn after(
        &self,
        delay: SimDuration,
        at: usize,
        what: ContainerStep,
        background: bool,
        turn: &mut Turn<'_>,
    ) {
        let step = PodStep::Container { at, epoch: self.runs[at].epoch, what };
        turn.after(delay, &self.uid, step, background);
    }

    fn accept(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        self.accepted.get_or_insert(now);
        self.stage = Stage::Volumes;
        self.dirty = true;
        if let Some(seconds) = self.pod.spec.active_deadline_seconds {
            let limit = SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0));
            turn.after(limit, &self.uid, PodStep::Deadline, false);
        }
        self.flush(turn);
        self.begin_mounting(turn);
    }

    /// The node does not take the pod (`rejectPod`).
    pub(super) fn reject(&mut self, why: Refusal, turn: &mut Turn<'_>) {
        let about = reference(&self.pod);
        turn.event(about, EventType::Warning, &why.reason, why.message.clone(), self.cause);
        self.failure = Some((why.reason, format!("Pod was rejected: {}", why.message)));
        self.rejected = true;
        self.finish(turn);
    }

    /// How long it is until the kubelet looks at the pod again without being told to.
    pub fn next_look(&self, now: SimTime) -> SimDuration {
        let age = self.accepted.map_or(SimDuration::ZERO, |since| now.since(since));
        SimDuration(SYNC_FREQUENCY.0 - age.0 % SYNC_FREQUENCY.0)
    }

    pub(super) fn sandbox_up(&mut self, turn: &mut Turn<'_>) {
        self.stage = Stage::Images;
        let host_network = self.pod.spec.host_network == Some(true);
        self.address = Some(if host_network { turn.node.host_ip.clone() } else { turn.node.take_address() });
        self.dirty = true;
        if !turn.config.runs_commands {
            self.pass_init(turn.now());
        }
        self.pull_volumes(0, turn);
    }

    /// Where nothing is run, init containers have done their work at once, and sidecars are up.
    fn pass_init(&mut self, now: SimTime) {
        for at in 0..self.main().start {
            let sidecar = self.is_sidecar(at);
            let run = &mut self.runs[at];
            run.run(now);
            (run.started, run.ready) = (sidecar, true);
            if !sidecar {
                run.exit(0, None, String::new(), now);
                run.step(Progress::Done);
                run.ready = true;
            }
        }
    }

    /// Begins to start the container whose turn it is, if none is being started: init containers one after the other,
    /// then all the others in their order.
    pub(super) fn start_next(&mut self, turn: &mut Turn<'_>) {
        // Starting a container can fail at once, which makes it the next one's turn.
        for _ in 0..self.runs.len() {
            match self.next_to_start() {
                Some(at) if self.stage == Stage::Up => self.begin(at, turn),
                _ => return,
            }
        }
    }

    fn next_to_start(&self) -> Option<usize> {
        let starting =
            |run: &ContainerRun| matches!(run.progress, Progress::Pulling { .. } | Progress::Starting);
        if self.runs.iter().any(starting) || self.is_hooked() {
            return None;
        }
        // Ephemeral containers wait for nobody.
        let added = (self.main().end..self.runs.len()).find(|at| self.runs[*at].progress == Progress::Idle);
        if added.is_some() {
            return added;
        }
        let begun = self.has_begun() && self.anew != Anew::Up;
        for at in 0..self.init_count() {
            let run = &self.runs[at];
            let passed = if self.is_sidecar(at) { run.started } else { run.succeeded() };
            match run.progress {
                Progress::Idle if !begun || self.is_sidecar(at) => return Some(at),
                _ if begun || passed => {}
                _ => return None,
            }
        }
        self.main().find(|at| self.runs[*at].progress == Progress::Idle)
    }

    /// Whether the kubelet waits for a postStart hook: it does nothing else for the pod meanwhile.
    fn is_hooked(&self) -> bool {
        self.stage == Stage::Up && self.runs.iter().any(|run| run.hook.is_some())
    }

    /// Whether the pod has come past its init containers.
    pub fn has_begun(&self) -> bool {
        self.runs[self.main()].iter().any(|run| run.last.is_some() || run.has_run())
    }

    /// Whether a container that has ended is started again.
    pub(super) fn restarts_after(&self, at: usize, exit_code: i32) -> bool {
        if self.stage != Stage::Up || self.is_ephemeral(at) {
            return false;
        }
        let container = self.container(at);
        let by_policy = |policy: &str| match policy {
            "Never" => false,
            "OnFailure" => exit_code != 0,
            _ => !self.is_init(at) || exit_code != 0,
        };
        // A container's own rules come before its own policy, and that before the pod's.
        self.runs[at].restarts_anyway
            || rule(container, exit_code).is_some()
            || match &container.restart_policy {
                Some(policy) => by_policy(policy),
                None => by_policy(self.pod.spec.restart_policy.as_deref().unwrap_or("Always")),
            }
    }

    /// Ends a running container at once: a fault. Says whether it ran.
    pub fn kill_now(
        &mut self,
        container: &str,
        exit_code: i32,
        reason: Option<&'static str>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let found = self.place_of(container).filter(|at| self.runs[*at].is_running());
        if let Some(at) = found {
            self.exited(at, exit_code, reason, turn);
        }
        found.is_some()
    }

    /// The kernel kills the containers that use more memory than they may.
    pub fn check_memory(&mut self, turn: &mut Turn<'_>) {
        if !turn.config.judges || self.stage != Stage::Up {
            return;
        }
        let metrics = turn.metrics();
        for _ in 0..self.runs.len() {
            let Some(at) = self.beyond_memory(&metrics) else { return };
            // One that has just begun dies by itself a moment from now.
            if self.runs[at].behaviour.ends.is_some_and(|end| end.reason.is_some()) {
                return;
            }
            self.exited(at, EXIT_SIGKILL, Some("OOMKilled"), turn);
        }
    }

    /// The node is on again after having been off: nothing that ran on it does any more.
    pub fn reboot(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        for run in &mut self.runs {
            if run.is_running() {
                run.exit(255, Some("Unknown"), String::new(), now);
            }
            if run.progress != Progress::Done {
                run.step(if self.stage < Stage::Stopping { Progress::Idle } else { Progress::Done });
            }
        }
        match self.stage {
            Stage::New => turn.after(SimDuration::ZERO, &self.uid, PodStep::Sync, false),
            Stage::Volumes => turn.after(SimDuration::ZERO, &self.uid, PodStep::Mount, false),
            Stage::Finished if self.pod.is_deleting() => self.remove(turn),
            Stage::Finished => {}
            Stage::Stopping => self.finish(turn),
            Stage::Sandbox | Stage::Images | Stage::Up => {
                for at in 0..self.runs.len() {
                    let over = match &self.runs[at].state {
                        ContainerState::Terminated(end) => Some(end.exit_code),
                        _ => None,
                    };
                    if over.is_some_and(|code| !self.restarts_after(at, code)) {
                        self.runs[at].step(Progress::Done);
                    }
                }
                self.stage = Stage::Sandbox;
                self.dirty = true;
                let message = "Pod sandbox changed, it will be killed and re-created.".to_string();
                turn.event(reference(&self.pod), EventType::Normal, "SandboxChanged", message, self.cause);
                let delay = turn.config.sandbox.draw(turn.rng);
                turn.after(delay, &self.uid, PodStep::Sandbox, false);
            }
        }
    }

    /// Takes the pod object away, now that nothing of it is left.
    pub(super) fn remove(&mut self, turn: &mut Turn<'_>) {
        if !self.pod.is_deleting() {
            return;
        }
        self.remove_missed = !turn.is_online();
        if self.remove_missed {
            return;
        }
        let key = Key::new(Kind::POD, self.pod.namespace(), self.pod.name());
        let uid = Some(self.uid.to_string());
        let options = DeleteOptions { grace_period_seconds: Some(0), uid, ..Default::default() };
        // Somebody else may have removed it by force meanwhile.
        let _ = turn.client(self.cause).delete(&key, &options, None);
    }

    /// Writes the pod's status if something about it has changed and the API server can be reached; otherwise it
    /// stays to be written. What changes within one moment is written once (the status manager's part).
    pub fn flush(&mut self, turn: &mut Turn<'_>) {
        if !self.dirty || !turn.is_online() || self.is_hooked() {
            return;
        }
        self.dirty = false;
        let key = Key::new(Kind::POD, self.pod.namespace(), self.pod.name());
        let Ok(stored) = turn.client(None).get(&key) else { return };
        let Some(live) = stored.as_kind::<Pod>().filter(|pod| pod.uid() == &*self.uid) else { return };
        let mut updated = live.clone();
        updated.status = Arc::new(status::generate(live, self, &turn.node.host_ip, turn.config, turn.now()));
        // The pod was read at this very moment, so that no conflict can arise.
        let reckoning = if self.stage == Stage::Finished { self.reckoning.take() } else { None };
        let explain = reckoning.map(|step| Explain::Eviction(*step));
        let _ = turn.client(self.cause).update_status(updated, explain);
    }

    /// Records an event about a container.
    pub(super) fn event(
        &self,
        at: usize,
        type_: EventType,
        reason: &str,
        message: String,
        turn: &mut Turn<'_>,
    ) {
        let list = match () {
            () if at < self.init_count() => "initContainers",
            () if self.is_ephemeral(at) => "ephemeralContainers",
            () => "containers",
        };
        let field_path = Some(format!("spec.{list}{{{}}}", self.container(at).name));
        let about = ObjectReference { field_path, ..reference(&self.pod) };
        turn.event(about, type_, reason, message, self.cause);
    }
}
